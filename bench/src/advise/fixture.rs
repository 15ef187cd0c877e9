//! Ways whose costs are known, with noise on top: what the model has to find again.

use wirerace_contract::descriptor::Descriptor;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Connection, Delivery, LoadSpec};

use super::fit::Row;
use super::observations::{Carried, Observation, Way, fed_s, requests_per_s, work};
use crate::theory::{Costs, Run, predict_run};

/// µs a request, a quote, a second where requests are planned, a second of a connection.
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
    let observations = cells
        .iter()
        .map(|(clients, rate)| observation(&entry, load(*clients, *rate), &costs, (noise, bend), &mut random));
    let (costs, counting) = (Costs::default(), Costs::default());
    Way { observations: observations.collect(), entry: entry.clone(), costs, counting }
}

pub(super) fn load(clients: u32, rate_per_s: f64) -> LoadSpec {
    let feed = FeedSpec { symbols: 1, rate_per_s, ..FeedSpec::default() };
    LoadSpec { clients, feed, ..LoadSpec::default() }
}

/// Trials without noise whose feeds are all as long; requests come twice a second.
pub(super) fn exact(entry: &ArmEntry, costs: &TrueCosts) -> Vec<Vec<Row>> {
    let trials = |(clients, rate_per_s): &(u32, f64)| {
        let clients = f64::from(*clients);
        let amounts = work(entry, 2.0 * clients, clients * rate_per_s, clients);
        vec![Row { amounts, taken: taken(&amounts, costs) }; TRIALS as usize]
    };
    CELLS.iter().map(trials).collect()
}

fn taken(amounts: &[f64; 4], costs: &TrueCosts) -> f64 {
    amounts.iter().zip(costs).map(|(amount, cost)| amount * cost).sum()
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
        let amounts = work(entry, requests, quotes, clients);
        let taken = taken(&amounts, costs).powf(bend) * (noise * random.normal()).exp();
        (Row { amounts, taken }, random.normal())
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
        carried: trials.iter().zip(1..).map(|((row, _), seed)| carried(entry, &load, row.amounts[1], seed)).collect(),
        bare_share: Some((0.0, 1.0)),
        load,
    }
}

/// What texts and the plan of one trial say on a machine that takes no time, when all clients get so many quotes a second.
fn carried(entry: &ArmEntry, load: &LoadSpec, quotes_of_all_per_s: f64, feed_seed: u64) -> Carried {
    let quotes_per_s = quotes_of_all_per_s / f64::from(load.clients);
    let application_bytes = application_bytes(entry, load, &Costs::default(), (quotes_per_s, feed_seed));
    Carried { quotes_per_s, application_bytes, feed_seed }
}

/// Application bytes a quote of one trial whose feed has that rate and seed.
pub(super) fn application_bytes(
    entry: &ArmEntry,
    load: &LoadSpec,
    costs: &Costs,
    (quotes_per_s, seed): (f64, u64),
) -> f64 {
    let feed_s = fed_s(load);
    let run = Run {
        quotes: quotes_per_s * feed_s,
        feed_s,
        window_rate_per_s: quotes_per_s,
        window_from_s: Some(0.0),
        asked_s: feed_s,
        metered_s: feed_s,
    };
    let load = LoadSpec { feed: FeedSpec { seed, ..load.feed.clone() }, ..load.clone() };
    let steady = predict_run(entry, &load, costs, &run).steady.unwrap();
    steady.to_client.application() + steady.to_server.application()
}

/// Polls on a new and on a kept connection, held requests, and the two pushes, the second of which costs nearly the same.
pub(super) fn five(noise: f64) -> Vec<Way> {
    let (kept, closed) = (Connection::Kept, Connection::Closed);
    let straight = (noise, 1.0);
    vec![
        way(entry("poll-close", &Descriptor::POLLING, closed), [300.0, 4.0, 3_000.0, 0.0], &CELLS, straight, 1),
        way(entry("poll", &Descriptor::POLLING, kept), [60.0, 4.0, 3_000.0, 0.0], &CELLS, straight, 2),
        way(entry("long-poll", &Descriptor::LONG_POLLING, kept), [70.0, 0.0, 0.0, 0.0], &CELLS, straight, 3),
        way(entry("sse", &Descriptor::SSE, kept), [0.0, 26.0, 0.0, 0.0], &CELLS, straight, 4),
        way(entry("ws", &Descriptor::WEBSOCKET, kept), [0.0, 25.0, 0.0, 0.0], &CELLS, straight, 5),
    ]
}
