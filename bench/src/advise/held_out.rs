//! The model held against what it was not fitted to: each number of clients in turn is left out, the rest is fitted, and what
//! was left out is predicted.

use serde::Serialize;
use wirerace_contract::spec::LoadSpec;

use super::fit::{COSTS, Fit, Row};
use super::observations::{Observation, Way};
use crate::statistics::median;

/// Application bytes should be predicted this well, as a share.
pub const TARGET_BYTES: f64 = 0.01;
/// CPU should be predicted this well, as a share.
pub const TARGET_CPU: f64 = 0.25;
/// Fewest numbers of clients: two to fit, one to predict.
const SIZES_MIN: usize = 3;

/// One cell that was predicted from cells with other clients.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HeldOut {
    /// The arm.
    pub arm: String,
    /// Run and cell.
    pub place: String,
    /// Clients held out.
    pub clients: u32,
    /// Clients fitted to.
    pub fitted_to: Vec<u32>,
    /// Application bytes a quote, by theory.
    pub bytes_predicted: Option<f64>,
    /// The same, measured.
    pub bytes_measured: Option<f64>,
    /// CPU of server and load, µs a second, predicted.
    pub cpu_predicted: f64,
    /// The same, measured: the median of the trials.
    pub cpu_measured: f64,
}

impl HeldOut {
    /// Predicted over measured, less one.
    #[must_use]
    pub fn cpu_error(&self) -> f64 {
        self.cpu_predicted / self.cpu_measured - 1.0
    }

    /// Likewise; `None` where bytes were not measured or theory has none.
    #[must_use]
    pub fn bytes_error(&self) -> Option<f64> {
        Some(self.bytes_predicted? / self.bytes_measured? - 1.0).filter(|error| error.is_finite())
    }
}

/// How far the model was off at worst, and over what distance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Worst {
    /// Largest error of CPU, as a share.
    pub cpu: f64,
    /// Largest error of application bytes.
    pub bytes: f64,
    /// How many times further than the fit the largest cell held out was; at least 2.
    pub step: f64,
    /// Whether it was measured; else the targets stand in.
    pub measured: bool,
}

/// Every cell of every way whose number of clients can be left out.
#[must_use]
pub fn all(ways: &[Way]) -> Vec<HeldOut> {
    ways.iter().flat_map(of_way).collect()
}

fn of_way(way: &Way) -> Vec<HeldOut> {
    let mut deliveries: Vec<_> = way.observations.iter().map(|o| o.delivery).collect();
    deliveries.dedup();
    deliveries.sort_by_key(|delivery| delivery.name());
    deliveries.dedup();
    deliveries
        .into_iter()
        .flat_map(|delivery| {
            let own: Vec<&Observation> = way.observations.iter().filter(|o| o.delivery == delivery).collect();
            of_delivery(&way.entry.arm.name, &own)
        })
        .collect()
}

fn of_delivery(arm: &str, all: &[&Observation]) -> Vec<HeldOut> {
    let mut found = Vec::new();
    for out in sizes(all) {
        // All cells of that size are left out; only those are predicted that differ from others in nothing but size.
        let fitted: Vec<Vec<Row>> = all.iter().filter(|o| o.load.clients != out).map(|o| o.cpu.clone()).collect();
        let Some(fit) = Fit::of(&fitted) else { continue };
        for observation in all.iter().filter(|o| o.load.clients == out) {
            let series: Vec<&Observation> = all.iter().copied().filter(|other| alike(observation, other)).collect();
            let sizes = sizes(&series);
            if sizes.len() >= SIZES_MIN {
                found.extend(predicted(arm, observation, &fit, &sizes));
            }
        }
    }
    found
}

/// Whether the two differ in the number of clients at most.
fn alike(a: &Observation, b: &Observation) -> bool {
    let rest = |o: &Observation| LoadSpec { clients: 0, ..o.load.clone() };
    a.interval_ms == b.interval_ms && rest(a) == rest(b)
}

fn predicted(arm: &str, observation: &Observation, fit: &Fit, sizes: &[u32]) -> Option<HeldOut> {
    let of = |pick: &dyn Fn(&Row) -> f64| median(&observation.cpu.iter().map(pick).collect::<Vec<_>>());
    // Trial by trial: feeds of different blocks hold different numbers of quotes.
    let times = of(&|row: &Row| fit.predict(&row.amounts).value / row.taken)?;
    let measured = of(&|row: &Row| row.taken)?;
    Some(HeldOut {
        arm: arm.to_owned(),
        place: observation.place.clone(),
        clients: observation.load.clients,
        fitted_to: sizes.iter().copied().filter(|size| *size != observation.load.clients).collect(),
        bytes_predicted: observation.application_theory,
        bytes_measured: observation.application_bytes,
        cpu_predicted: times * measured,
        cpu_measured: measured,
    })
}

/// Numbers of clients, from the fewest.
#[must_use]
pub fn sizes(all: &[&Observation]) -> Vec<u32> {
    let mut sizes: Vec<u32> = all.iter().map(|o| o.load.clients).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// The worst errors of `arm`.
#[must_use]
pub fn worst(all: &[HeldOut], arm: &str) -> Worst {
    let own: Vec<&HeldOut> = all.iter().filter(|held| held.arm == arm).collect();
    let bytes = own.iter().filter_map(|held| held.bytes_error()).map(f64::abs).fold(TARGET_BYTES, f64::max);
    if own.is_empty() {
        return Worst { cpu: TARGET_CPU, bytes, step: 2.0, measured: false };
    }
    let cpu = own.iter().map(|held| held.cpu_error().abs()).fold(0.0, f64::max);
    let step = own.iter().map(|held| {
        let largest = held.fitted_to.iter().max().copied().unwrap_or(held.clients).max(1);
        f64::from(held.clients) / f64::from(largest)
    });
    Worst { cpu, bytes, step: step.fold(2.0, f64::max), measured: true }
}

/// The amounts of a cost that are in use, in words of the table.
pub const AMOUNTS: [&str; COSTS] = ["request", "quote", "second", "connection and second"];
