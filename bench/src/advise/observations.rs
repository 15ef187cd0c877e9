//! What the runs say about each way of delivery: cells on one host without orders and losses, trial by trial.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Delivery, Flush, LoadSpec, Path};

use super::fit::Row;
use crate::summary::residual::costs;
use crate::summary::{ArmSummary, CellSummary, Quantity, Reading, Summary};
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
    /// Application bytes a quote, measured; `None` where they were not.
    pub application_bytes: Option<f64>,
    /// The same by theory, which has no constant fitted to trials.
    pub application_theory: Option<f64>,
    /// Where between the least and the most that theory allows the segments without data were, 0 to 1: down, up.
    pub bare_share: Option<(f64, f64)>,
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
    let bytes = arm.estimate(Quantity::ApplicationBytes);
    let used = entry.descriptor.delivers == Delivers::Planned || entry.arm.delivery == Delivery::Newest;
    (arm.valid > 0 && !cpu.is_empty()).then(|| Observation {
        place: format!("{run_name}: {}", cell.name),
        load: cell.load.clone(),
        delivery: entry.arm.delivery,
        interval_ms: if used { entry.arm.interval_ms } else { 0 },
        payload_bytes: cell.load.feed.payload_bytes_in(entry.arm.encoding).unwrap_or(0) as u32,
        cpu,
        memory,
        application_bytes: bytes.and_then(|e| e.median).and_then(Reading::finite),
        application_theory: bytes.and_then(|e| e.theory).and_then(Reading::finite),
        bare_share: bare_share(entry, &cell.load, arm, &of_run),
    })
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
