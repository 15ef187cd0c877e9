//! The model held against what it was not fitted to: each number of clients in turn is left out, the rest is fitted, and what
//! was left out is predicted.

use serde::Serialize;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::spec::{Delivery, LoadSpec};

use super::candidate::application;
use super::fit::{COSTS, Fit, Row};
use super::observations::{Carried, Observation, Way, fed_s};
use super::question::Question;
use crate::statistics::median;
use crate::theory::{Run, predict_run};

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
    /// Application bytes a quote without set-up, as advice has them: from what the cell asks for, plans of feeds included,
    /// and nothing of its trials but how many quotes their feeds had.
    pub bytes_predicted: Option<f64>,
    /// The same, measured: the median of the trials.
    pub bytes_measured: Option<f64>,
    /// CPU of server and load, µs a second, predicted for as many quotes.
    pub cpu_predicted: f64,
    /// The same, measured: the geometric mean of the trials, as the fit takes them.
    pub cpu_measured: f64,
}

impl HeldOut {
    /// Whether there were both fewer and more clients to fit to.
    #[must_use]
    pub fn is_between(&self) -> bool {
        let fitted = || self.fitted_to.iter();
        fitted().any(|clients| *clients < self.clients) && fitted().any(|clients| *clients > self.clients)
    }

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
            of_delivery(way, &own)
        })
        .collect()
}

fn of_delivery(way: &Way, all: &[&Observation]) -> Vec<HeldOut> {
    let mut found = Vec::new();
    for out in sizes(all) {
        // All cells of that size are left out; only those are predicted that differ from others in nothing but size.
        let fitted: Vec<Vec<Row>> = all.iter().filter(|o| o.load.clients != out).map(|o| o.cpu.clone()).collect();
        let Some(fit) = Fit::of(&fitted) else { continue };
        for observation in all.iter().filter(|o| o.load.clients == out) {
            let series: Vec<&Observation> = all.iter().copied().filter(|other| alike(observation, other)).collect();
            let sizes = sizes(&series);
            if sizes.len() >= SIZES_MIN {
                found.extend(predicted(way, observation, &fit, &sizes));
            }
        }
    }
    found
}

/// Whether the two differ in the number of clients at most, and in how long they were measured: few clients need more.
fn alike(a: &Observation, b: &Observation) -> bool {
    let rest = |o: &Observation| LoadSpec { clients: 0, window_ms: 0, ..o.load.clone() };
    a.interval_ms == b.interval_ms && rest(a) == rest(b)
}

fn predicted(way: &Way, observation: &Observation, fit: &Fit, sizes: &[u32]) -> Option<HeldOut> {
    let cell = Row::together(&observation.cpu)?;
    let (bytes_predicted, bytes_measured) = bytes(way, observation);
    Some(HeldOut {
        arm: way.entry.arm.name.clone(),
        place: observation.place.clone(),
        clients: observation.load.clients,
        fitted_to: sizes.iter().copied().filter(|size| *size != observation.load.clients).collect(),
        bytes_predicted,
        bytes_measured,
        cpu_predicted: fit.predict(&cell.amounts).value,
        cpu_measured: cell.taken,
    })
}

/// Application bytes a quote, predicted and measured; trial by trial, since feeds of different blocks hold different numbers
/// of quotes. How many of them share an answer hangs on the short distances, of which a feed of some dozens may have none or
/// many. The plan says which, before anything is measured: what is tested is the model and not that chance.
fn bytes(way: &Way, observation: &Observation) -> (Option<f64>, Option<f64>) {
    let times = |trial: &Carried| {
        let question = asked(observation, trial.quotes_per_s);
        let entry = question.arm(&way.entry, observation.interval_ms);
        let (seed, payload_bytes) = (trial.feed_seed, question.payload_bytes);
        let feed = FeedSpec { seed, payload_bytes, ..observation.load.feed.clone() };
        let load = LoadSpec { feed, ..question.load(observation.load.clients) };
        let run = Run { window_from_s: Some(0.0), ..question.run_of(fed_s(&observation.load)) };
        Some(application(&predict_run(&entry, &load, &way.counting, &run))? / trial.application_bytes)
    };
    let measured = median(&observation.carried.iter().map(|trial| trial.application_bytes).collect::<Vec<_>>());
    let times = median(&observation.carried.iter().filter_map(times).collect::<Vec<_>>());
    (times.zip(measured).map(|(times, measured)| times * measured), measured)
}

/// The cell as somebody would ask for it, who knows how many quotes come and nothing of what was measured.
fn asked(observation: &Observation, rate_per_s: f64) -> Question {
    Question {
        rate_per_s,
        clients: observation.load.clients.into(),
        // The interval is the cell's: no budget chooses one.
        staleness_s: f64::INFINITY,
        rtt_s: 0.0,
        payload_bytes: observation.payload_bytes,
        orders_per_s: 0.0,
        latest_only: observation.delivery == Delivery::Newest,
    }
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
