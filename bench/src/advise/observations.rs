//! What the runs say about each way of delivery: cells on one host without orders and losses, trial by trial.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::results::{ArmEntry, Calibration, Rehearsal, RehearsedQuotes};
use wirerace_contract::spec::{Arm, Delivery, Flush, LoadSpec, Path};

use super::fit::{COSTS, Row};
use super::naming::{shared, tell_apart, without_interval};
use crate::summary::residual::costs;
use crate::summary::{ArmSummary, CellSummary, Quantity, Summary};
use crate::theory::{Costs, Setting, law, planned, predict};

/// One arm in one cell of one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Observation {
    /// Run and cell, for people.
    pub place: String,
    /// What was carried.
    pub load: LoadSpec,
    /// Every quote or the newest.
    pub delivery: Delivery,
    /// The interval, milliseconds; 0 where nothing uses one.
    pub interval_ms: u32,
    /// Size of an encoded quote, bytes.
    pub payload_bytes: u32,
    /// µs of CPU a second of server and load together, by trial, for what [`work`] says.
    pub cpu: Vec<Row>,
    /// Bytes of the server's memory, by trial: process, clients.
    pub memory: Vec<Row>,
    /// What went over the wire, by trial; empty where bytes were not measured.
    pub carried: Vec<Carried>,
    /// Where between the least and the most that theory allows the segments without data were, 0 to 1: down, up.
    pub bare_share: Option<(f64, f64)>,
}

/// What one trial carried.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Carried {
    /// Quotes a second that the feed had for each client while there was one: feeds of different blocks have more or fewer.
    pub quotes_per_s: f64,
    /// Application bytes a quote without set-up, measured.
    pub application_bytes: f64,
    /// The seed of the trial's feed: each block has another, all cells of a block the same.
    pub feed_seed: u64,
}

/// One way of delivery: a transport with its connection, whatever the interval.
#[derive(Clone, PartialEq, Debug)]
pub struct Way {
    /// The first of its arms, under the name that all of them have in common.
    pub entry: ArmEntry,
    /// What was measured of it.
    pub observations: Vec<Observation>,
    /// What the machine costs, as the last run with a calibration found: when things happen.
    pub costs: Costs,
    /// The same for what is counted, bytes and requests: see [`counting`].
    pub counting: Costs,
}

impl Way {
    /// The observations that speak for `delivery`, and whether they are of that delivery: else they are of the other, whose
    /// requests and quotes cost much the same.
    #[must_use]
    pub fn speaking_for(&self, delivery: Delivery) -> (Vec<&Observation>, bool) {
        let of = |wanted: Delivery| self.observations.iter().filter(|o| o.delivery == wanted).collect::<Vec<_>>();
        let own = of(delivery);
        if own.is_empty() { (self.observations.iter().collect(), false) } else { (own, true) }
    }
}

/// Everything usable in `runs`, by way, in the order in which they first appear; no two have one name.
#[must_use]
pub fn ways(runs: &[(String, &Summary)]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for (name, run) in runs {
        let (costs, counting) = (costs(run.calibration, &Path::Loopback), counting(run.calibration));
        for cell in run.cells.iter().filter(|cell| is_plain(&cell.load)) {
            for (entry, arm) in run.arms.iter().zip(&cell.arms).filter(|(entry, _)| is_usual(entry)) {
                let Some(observation) = observation(name, run, cell, entry, arm) else { continue };
                let same = |way: &&mut Way| {
                    let known = &way.entry.arm;
                    known.transport == entry.arm.transport && known.connection == entry.arm.connection
                };
                let own_name = without_interval(&entry.arm);
                let way = match ways.iter_mut().find(same) {
                    Some(way) => way,
                    None => {
                        let arm = Arm { name: own_name.to_owned(), ..entry.arm.clone() };
                        let entry = ArmEntry { arm, descriptor: entry.descriptor.clone() };
                        ways.push(Way { entry, observations: Vec::new(), costs, counting });
                        let Some(new) = ways.last_mut() else { continue };
                        new
                    }
                };
                way.entry.arm.name = shared(&way.entry.arm.name, own_name);
                way.observations.push(observation);
                if run.calibration.is_some() {
                    (way.costs, way.counting) = (costs, counting);
                }
            }
        }
    }
    tell_apart(&mut ways);
    ways
}

/// What the machine costs where it matters how many quotes share an answer. The server looks which quotes there are for
/// client k of a herd when it has written k − 1 answers; client k, one of many that one process reads for, has its own much
/// later. Theory takes the look from when quotes were received in the rehearsal, where each further client is one more of ten
/// cold ones; here each further client is one more answer written. With 800 clients in 2026-11-30-advise-first that is 5 ms on the
/// average instead of 10, and of 100 quotes 6 go along with another one instead of 9 (measured: 5).
#[must_use]
pub fn counting(calibration: Option<Calibration>) -> Costs {
    let looking = |rehearsal: Rehearsal| {
        // Older files do not know what an answer takes.
        let written_ns = Some(rehearsal.held_answer_ns).filter(|ns| *ns > 0).unwrap_or(u64::MAX);
        let further_ns = rehearsal.held.further_ns.min(written_ns);
        Rehearsal { held: RehearsedQuotes { further_ns, ..rehearsal.held }, ..rehearsal }
    };
    let looked = calibration.map(|known| Calibration { loopback: known.loopback.map(looking), ..known });
    costs(looked, &Path::Loopback)
}

/// On one host: emulated distance costs CPU of its own.
fn is_plain(load: &LoadSpec) -> bool {
    load.path == Path::Loopback && load.orders_per_s == 0.0 && load.heads == Default::default()
}

fn is_usual(entry: &ArmEntry) -> bool {
    let arm = &entry.arm;
    arm.encoding == Encoding::Json && arm.flush == Flush::Drain && !arm.unconditional
}

fn points(arm: &ArmSummary, quantity: Quantity) -> Vec<(u32, f64)> {
    let estimate = arm.estimate(quantity);
    let value = |p: &crate::summary::Point| Some((p.block, p.value?.finite()?));
    estimate.into_iter().flat_map(|e| e.points.iter().filter_map(value)).collect()
}

fn observation(
    run_name: &str,
    run: &Summary,
    cell: &CellSummary,
    entry: &ArmEntry,
    arm: &ArmSummary,
) -> Option<Observation> {
    let of_run = counting(run.calibration);
    let clients = f64::from(cell.load.clients);
    let per_quote = points(arm, Quantity::OwnCpu);
    let cpu = points(arm, Quantity::OwnCpuRate).into_iter().filter_map(|(block, rate)| {
        let (_, own) = per_quote.iter().find(|(other, _)| *other == block)?;
        let quotes_per_s = clients * rate / own;
        let requests = requests_per_s(entry, &cell.load, &of_run, quotes_per_s)?;
        Some(Row { amounts: work(entry, requests, quotes_per_s, clients), taken: clients * rate })
    });
    let cpu: Vec<Row> = cpu.filter(|row| row.amounts.iter().all(|amount| amount.is_finite())).collect();
    let memory = points(arm, Quantity::ServerMemory)
        .into_iter()
        .map(|(_, mib)| Row { amounts: [1.0, clients, 0.0, 0.0], taken: mib * f64::from(1 << 20) });
    let memory: Vec<Row> = memory.collect();
    let used = entry.descriptor.delivers == Delivers::Planned || entry.arm.delivery == Delivery::Newest;
    let interval_ms = if used { entry.arm.interval_ms } else { 0 };
    (arm.valid > 0 && !cpu.is_empty()).then(|| Observation {
        place: format!("{run_name}: {}", cell.name),
        load: cell.load.clone(),
        delivery: entry.arm.delivery,
        interval_ms,
        payload_bytes: cell.load.feed.payload_bytes_in(entry.arm.encoding).unwrap_or(0) as u32,
        cpu,
        memory,
        carried: carried(&cell.load, (entry.arm.delivery, interval_ms), arm),
        bare_share: bare_share(entry, &cell.load, arm, &of_run),
    })
}

/// What CPU is spent on in a second: requests, quotes, the second itself, connections.
///
/// The second counts where requests are planned. They come one by one, and in between everything sleeps and cools: the more
/// requests, the less there is to wake for each, and for all of them together about as much. (A kept poll took 235, 144 and
/// 129 µs at 100, 400 and 1,600 a second in 2026-11-30-advise-first.) What is pushed or held wakes server and load once for all
/// clients, which with fifty of them cannot be told from noise: there it has no cost, rather than one of chance. A
/// connection has a cost of its own: what it alone uses cools between its quotes.
///
/// So with many clients costs are in proportion to them. A power of the clients, drawn through two sizes, foretells worse what
/// was left out: its exponent is mostly noise, and a thousand times further off it tells nothing else.
#[must_use]
pub fn work(entry: &ArmEntry, requests_per_s: f64, quotes_per_s: f64, connections: f64) -> [f64; COSTS] {
    let seconds = if entry.descriptor.delivers == Delivers::Planned { 1.0 } else { 0.0 };
    [requests_per_s, quotes_per_s, seconds, connections]
}

/// The feed begins this long after all clients are connected, from when bytes a second are counted, seconds.
const LEAD_S: f64 = 0.1;
/// A warm-up ends once two successive seconds agree, which is mostly at once, milliseconds.
const WARM_UP_MS: u64 = 2_000;
/// From the end of the warm-up to the window, at least, milliseconds.
const WINDOW_LEAD_MS: u64 = 50;
/// Windows begin on whole multiples of this where the load names no other, milliseconds.
const GRID_MS: u64 = 100;

/// How long the feed of a trial of `load` is, seconds, to within a warm-up's chance: it stops with the window, which begins
/// on a grid.
#[must_use]
pub fn fed_s(load: &LoadSpec) -> f64 {
    let grid_ms = if load.grid_ms > 0 { u64::from(load.grid_ms) } else { GRID_MS };
    let begin_ms = (load.warm_up_max_ms.min(WARM_UP_MS) + WINDOW_LEAD_MS).next_multiple_of(grid_ms);
    begin_ms.saturating_add(load.window_ms) as f64 / 1e3
}

/// The feed of a block's trials: its seed is counted up from the cell's, block by block.
fn feed_seed(feed: &FeedSpec, block: u32) -> u64 {
    feed.seed.wrapping_add(u64::from(block.saturating_sub(1)))
}

fn carried(load: &LoadSpec, (delivery, interval_ms): (Delivery, u32), arm: &ArmSummary) -> Vec<Carried> {
    // Planned requests go on until the last client has the last quote.
    let asked_s = fed_s(load) + f64::from(interval_ms) / 1e3;
    let rates = points(arm, Quantity::ApplicationRate);
    let one = |(block, application_bytes): (u32, f64)| {
        let quotes_per_s = match delivery {
            Delivery::Every => {
                let (_, bytes_per_s) = rates.iter().find(|(other, _)| *other == block)?;
                bytes_per_s / application_bytes * (1.0 + LEAD_S / asked_s)
            }
            // What was superseded is not told apart from what never was.
            Delivery::Newest => load.feed.rate_per_s,
        };
        let some = quotes_per_s.is_finite() && quotes_per_s > 0.0 && application_bytes > 0.0;
        let feed_seed = feed_seed(&load.feed, block);
        some.then_some(Carried { quotes_per_s, application_bytes, feed_seed })
    };
    points(arm, Quantity::SteadyApplicationBytes).into_iter().filter_map(one).collect()
}

/// Requests a second of all clients, when `quotes_per_s` are delivered to all of them together; `None` where theory has no
/// law.
#[must_use]
pub fn requests_per_s(entry: &ArmEntry, load: &LoadSpec, costs: &Costs, quotes_per_s: f64) -> Option<f64> {
    let setting = Setting::of(&entry.arm, load, &entry.descriptor, costs);
    match setting.delivers {
        Delivers::Pushed => Some(0.0),
        Delivers::Planned => Some(f64::from(setting.clients) / planned::apart_s(&setting)),
        Delivers::Held => Some(law(&setting)?.requests_per_quote * quotes_per_s),
    }
}

/// Where the measured segments without data are in theory's range.
fn bare_share(entry: &ArmEntry, load: &LoadSpec, arm: &ArmSummary, costs: &Costs) -> Option<(f64, f64)> {
    let total = predict(entry, load, costs).total()?;
    let share = |quantity, (least, most): (f64, f64)| {
        let measured = arm.median(quantity)?;
        (most > least).then(|| ((measured - least) / (most - least)).clamp(0.0, 1.0))
    };
    Some((
        share(Quantity::DownTcpIpBare, total.to_client.tcp_ip_bare)?,
        share(Quantity::UpTcpIpBare, total.to_server.tcp_ip_bare)?,
    ))
}
