//! Ways whose costs are known, with noise on top: what the model has to find again.

use wirerace_contract::descriptor::Descriptor;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Connection, Delivery, LoadSpec};

use super::fit::Row;
use super::observations::{Carried, Observation, Way, requests_per_s};
use crate::theory::{Costs, Run, predict_run};

/// µs a request, a quote, a second of the process, a second of a connection.
pub(super) type TrueCosts = [f64; 4];

/// Clients and rate of each cell: three sizes, and one of them at four times the rate.
pub(super) const CELLS: [(u32, f64); 4] = [(50, 10.0), (200, 10.0), (800, 10.0), (200, 40.0)];
/// Trials a cell.
const TRIALS: u32 = 4;
/// MiB of the process and bytes of a connection.
pub(super) const MEMORY: (f64, f64) = (8.0, 9_000.0);

pub(super) fn entry(name: &str, descriptor: &Descriptor, connection: Connection) -> ArmEntry {
    let arm = Arm {
        name: name.into(),
        transport: descriptor.name.to_string(),
        connection,
        interval_ms: 500,
        ..Arm::default()
    };
    ArmEntry { arm, descriptor: descriptor.clone() }
}

/// A way measured in `cells`, each figure off by about `noise` (a share). CPU grows with the power `bend` of the load.
pub(super) fn way(
    entry: ArmEntry,
    costs: TrueCosts,
    cells: &[(u32, f64)],
    (noise, bend): (f64, f64),
    seed: u64,
) -> Way {
    let mut random = SplitMix64::new(seed);
    let observations = cells.iter().map(|(clients, rate)| {
        let feed = FeedSpec { symbols: 1, rate_per_s: *rate, ..FeedSpec::default() };
        let load = LoadSpec { clients: *clients, feed, ..LoadSpec::default() };
        observation(&entry, load, &costs, (noise, bend), &mut random)
    });
    Way { observations: observations.collect(), entry: entry.clone(), costs: Costs::default() }
}

fn observation(
    entry: &ArmEntry,
    load: LoadSpec,
    costs: &TrueCosts,
    (noise, bend): (f64, f64),
    random: &mut SplitMix64,
) -> Observation {
    let clients = f64::from(load.clients);
    let mut row = || {
        // A short Poisson stream holds a tenth more or less.
        let quotes = clients * load.feed.rate_per_s * (1.0 + 0.1 * random.normal());
        let requests = requests_per_s(entry, &load, &Costs::default(), quotes).unwrap();
        let amounts = [requests, quotes, 1.0, clients];
        let taken: f64 = amounts.iter().zip(costs).map(|(amount, cost)| amount * cost).sum();
        (Row { amounts, taken: taken.powf(bend) * (noise * random.normal()).exp() }, random.normal())
    };
    let trials: Vec<(Row, f64)> = (0..TRIALS).map(|_| row()).collect();
    let memory = |wobble: f64| Row {
        amounts: [1.0, clients, 0.0, 0.0],
        taken: (MEMORY.0 * f64::from(1 << 20) + MEMORY.1 * clients) * (1.0 + 0.01 * wobble),
    };
    Observation {
        place: format!("fake: {} clients, {} quotes/s", load.clients, load.feed.rate_per_s),
        delivery: Delivery::Every,
        interval_ms: entry.arm.interval_ms,
        payload_bytes: 120,
        cpu: trials.iter().map(|(row, _)| *row).collect(),
        memory: trials.iter().map(|(_, wobble)| memory(*wobble)).collect(),
        carried: trials.iter().map(|(row, _)| carried(entry, &load, row.amounts[1] / clients)).collect(),
        bare_share: Some((0.0, 1.0)),
        load,
    }
}

/// What texts and the plan of one trial say, cursors being those of its window.
fn carried(entry: &ArmEntry, load: &LoadSpec, quotes_per_s: f64) -> Carried {
    let nominal = Run::nominal(load);
    let run = Run { quotes: quotes_per_s * nominal.feed_s, window_rate_per_s: quotes_per_s, ..nominal };
    let steady = predict_run(entry, load, &Costs::default(), &run).steady.unwrap();
    Carried { quotes_per_s, application_bytes: steady.to_client.application() + steady.to_server.application() }
}

/// Polls on a new and on a kept connection, held requests, and the two pushes, the second of which costs nearly the same.
pub(super) fn five(noise: f64) -> Vec<Way> {
    let (kept, closed) = (Connection::Kept, Connection::Closed);
    let straight = (noise, 1.0);
    vec![
        way(entry("poll-close", &Descriptor::POLLING, closed), [300.0, 4.0, 3_000.0, 0.0], &CELLS, straight, 1),
        way(entry("poll", &Descriptor::POLLING, kept), [60.0, 4.0, 3_000.0, 0.0], &CELLS, straight, 2),
        way(entry("long-poll", &Descriptor::LONG_POLLING, kept), [70.0, 0.0, 3_000.0, 0.0], &CELLS, straight, 3),
        way(entry("sse", &Descriptor::SSE, kept), [0.0, 26.0, 3_000.0, 0.0], &CELLS, straight, 4),
        way(entry("ws", &Descriptor::WEBSOCKET, kept), [0.0, 25.0, 3_000.0, 0.0], &CELLS, straight, 5),
    ]
}
