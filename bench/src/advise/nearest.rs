//! How far what is asked lies from what was measured.

use serde::Serialize;

use super::observations::Observation;
use super::question::Question;

/// One parameter that was not measured where it is asked for.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Stretch {
    /// Which.
    pub what: String,
    /// How many times beyond the nearest end of what was measured; `null` for a distance that was never measured.
    pub factor: Option<f64>,
}

/// The nearest measured cell and what is extrapolated.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Nearness {
    /// Run and cell; empty without any.
    pub nearest: String,
    /// What lies outside of the measured range.
    pub stretches: Vec<Stretch>,
    /// The fewest and the most clients that were measured; zeros without any.
    pub measured_clients: (u32, u32),
}

impl Nearness {
    /// By how much load is extrapolated: clients and rate together, at least 1.
    #[must_use]
    pub fn load_factor(&self) -> f64 {
        let load = self.stretches.iter().filter(|stretch| matches!(stretch.what.as_str(), CLIENTS | RATE));
        load.filter_map(|stretch| stretch.factor).product::<f64>().max(1.0)
    }
}

/// So many times the measured clients and beyond, costs that were fitted rank nobody.
pub const FAR: f64 = 50.0;

impl Nearness {
    /// Whether `clients` are too many to rank what was fitted. A few clients too few are no such thing: small loads are cheap.
    #[must_use]
    pub fn is_far(&self, clients: u64) -> bool {
        let (_, most) = self.measured_clients;
        most > 0 && clients as f64 > FAR * f64::from(most)
    }
}

const CLIENTS: &str = "clients";
const RATE: &str = "rate";

/// What is asked of an arm, as numbers to compare: name, asked, and how it is read off an observation.
type Axis = (&'static str, f64, fn(&Observation) -> f64);

fn axes(question: &Question, interval_ms: Option<u32>) -> Vec<Axis> {
    let mut axes: Vec<Axis> = vec![
        (CLIENTS, question.clients as f64, |o| f64::from(o.load.clients)),
        (RATE, question.rate_per_s, |o| o.load.feed.rate_per_s),
        ("payload", f64::from(question.payload_bytes), |o| f64::from(o.payload_bytes)),
    ];
    if let Some(interval_ms) = interval_ms {
        axes.push(("interval", f64::from(interval_ms), |o| f64::from(o.interval_ms)));
    }
    axes
}

/// How far `question` lies from `observations`.
#[must_use]
pub(super) fn nearness(question: &Question, interval_ms: Option<u32>, observations: &[&Observation]) -> Nearness {
    let axes = axes(question, interval_ms);
    let distance = |o: &Observation| {
        let of = |(_, asked, measured): &Axis| (asked / measured(o).max(1e-9)).ln().abs();
        axes.iter().map(of).sum::<f64>()
    };
    let nearest = observations.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    let beyond = |(what, asked, measured): &Axis| {
        let measured: Vec<f64> = observations.iter().map(|o| measured(o)).filter(|value| *value > 0.0).collect();
        let (least, most) =
            (measured.iter().copied().fold(f64::INFINITY, f64::min), measured.iter().copied().fold(0.0, f64::max));
        let factor = if *asked > most { asked / most } else { least / asked };
        // A hundredth is rounding.
        (factor > 1.01 && factor.is_finite()).then(|| Stretch { what: (*what).to_owned(), factor: Some(factor) })
    };
    let mut stretches: Vec<Stretch> = axes.iter().filter_map(beyond).collect();
    if question.rtt_s > 0.0 {
        stretches.push(Stretch { what: "distance".to_owned(), factor: None });
    }
    let clients = || observations.iter().map(|o| o.load.clients);
    let measured_clients = (clients().min().unwrap_or(0), clients().max().unwrap_or(0));
    Nearness { nearest: nearest.map(|o| o.place.clone()).unwrap_or_default(), stretches, measured_clients }
}
