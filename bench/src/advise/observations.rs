//! What the runs say about each way of delivery: cells on one host without orders and losses, trial by trial.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Delivery, Flush, LoadSpec, Path};

use super::fit::Row;
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
    /// µs of CPU a second of server and load together, by trial: requests, quotes, process, clients.
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
}

/// One way of delivery: a transport with its connection, whatever the interval.
#[derive(Clone, PartialEq, Debug)]
pub struct Way {
    /// The arm as the first run had it.
    pub entry: ArmEntry,
    /// What was measured of it.
    pub observations: Vec<Observation>,
    /// What the machine costs, as the last run with a calibration found.
    pub costs: Costs,
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

/// Everything usable in `runs`, by way, in the order in which they first appear.
#[must_use]
pub fn ways(runs: &[(String, &Summary)]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    for (name, run) in runs {
        let of_run = costs(run.calibration, &Path::Loopback);
        for cell in run.cells.iter().filter(|cell| is_plain(&cell.load)) {
            for (entry, arm) in run.arms.iter().zip(&cell.arms).filter(|(entry, _)| is_usual(entry)) {
                let Some(observation) = observation(name, run, cell, entry, arm) else { continue };
                let same = |way: &&mut Way| {
                    let known = &way.entry.arm;
                    known.transport == entry.arm.transport && known.connection == entry.arm.connection
                };
                let way = match ways.iter_mut().find(same) {
                    Some(way) => way,
                    None => {
                        ways.push(Way { entry: entry.clone(), observations: Vec::new(), costs: Costs::default() });
                        let Some(new) = ways.last_mut() else { continue };
                        new
                    }
                };
                way.observations.push(observation);
                if run.calibration.is_some() {
                    way.costs = of_run;
                }
            }
        }
    }
    ways
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
    let of_run = costs(run.calibration, &Path::Loopback);
    let clients = f64::from(cell.load.clients);
    let per_quote = points(arm, Quantity::OwnCpu);
    let cpu = points(arm, Quantity::OwnCpuRate).into_iter().filter_map(|(block, rate)| {
        let (_, own) = per_quote.iter().find(|(other, _)| *other == block)?;
        let quotes_per_s = clients * rate / own;
        let requests = requests_per_s(entry, &cell.load, &of_run, quotes_per_s)?;
        Some(Row { amounts: [requests, quotes_per_s, 1.0, clients], taken: clients * rate })
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

/// The feed begins this long after all clients are connected, from when bytes a second are counted, seconds.
const LEAD_S: f64 = 0.1;
/// A warm-up ends once two successive seconds agree, which is mostly at once, seconds.
const WARM_UP_S: f64 = 2.5;

/// How long the feed of a trial of `load` is, seconds, to within a warm-up's chance.
#[must_use]
pub fn fed_s(load: &LoadSpec) -> f64 {
    load.window_ms as f64 / 1e3 + (load.warm_up_max_ms as f64 / 1e3).min(WARM_UP_S)
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
        some.then_some(Carried { quotes_per_s, application_bytes })
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
