//! Summaries made by hand, for tests: a run of cells, each with arms that have the figures a test gives them.

use std::borrow::Cow;

use wirerace_contract::descriptor::{Dash, Delivers, Descriptor, Marker};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::{ArmEntry, Environment, SCHEMA_VERSION};
use wirerace_contract::spec::{Arm, Connection, Delivery, LoadSpec};

use super::{RunSummary, Way};
use crate::statistics::{self, Scale};
use crate::summary::curve::Merged;
use crate::summary::{
    ArmSummary, CellSummary, Comparison, Estimate, Interval, Point, Quantity, Reading, Summary, reading,
};

/// An arm and its figures: the value of each quantity in every block, with a noise of a thousandth in what is not counted.
#[derive(Clone)]
pub(crate) struct FakeArm {
    pub(crate) entry: ArmEntry,
    pub(crate) values: Vec<(Quantity, f64)>,
    /// Noise of everything, as a share.
    varying: Option<f64>,
    /// No trial may be used.
    tainted: bool,
}

impl FakeArm {
    /// The same with this share more and less in every other block, counted or not; what others are set against stays.
    pub(crate) fn varying(self, share: f64) -> Self {
        Self { varying: Some(share), ..self }
    }

    /// The same with nothing but tainted trials.
    pub(crate) fn tainted(self) -> Self {
        Self { tainted: true, ..self }
    }

    /// The same, conflated.
    pub(crate) fn newest(mut self) -> Self {
        self.entry.arm.delivery = Delivery::Newest;
        self
    }

    /// Block 1, 2, 3 …: above, below, above …
    fn value_in(&self, block: u32, quantity: Quantity, value: f64) -> f64 {
        let noise = match self.varying {
            Some(_) if matches!(quantity, Quantity::DownPayload | Quantity::Requests) => 0.0,
            Some(share) => share,
            None if quantity.is_counted() => 0.0,
            None => 0.001,
        };
        value * (1.0 + noise * if block.is_multiple_of(2) { 1.0 } else { -1.0 })
    }
}

/// An arm that gets its quotes in `way`, polling each `interval_ms` where it polls.
pub(crate) fn arm(name: &str, way: Way, interval_ms: u32, values: &[(Quantity, f64)]) -> FakeArm {
    let delivers = match way {
        Way::AskedAnew | Way::Asked => Delivers::Planned,
        Way::Held => Delivers::Held,
        Way::Streamed | Way::Upgraded => Delivers::Pushed,
    };
    let connection = if way == Way::AskedAnew { Connection::Closed } else { Connection::Kept };
    let mut values = values.to_vec();
    // What tells an upgraded connection from an event stream is what was counted.
    values.push((Quantity::Upgrades, if way == Way::Upgraded { 100.0 } else { 0.0 }));
    FakeArm {
        entry: ArmEntry {
            arm: Arm {
                name: name.to_owned(),
                // Nobody may look at it.
                transport: "made-up".to_owned(),
                connection,
                delivery: Delivery::Every,
                interval_ms,
                encoding: Encoding::Json,
                ..Arm::default()
            },
            descriptor: Descriptor {
                name: Cow::Borrowed("made-up"),
                title: Cow::Borrowed("made up"),
                colour: Cow::Borrowed("#000000"),
                dash: Dash::Solid,
                marker: Marker::Circle,
                delivers,
                wraps: None,
                set_up_round_trips: 2,
            },
        },
        values,
        varying: None,
        tainted: false,
    }
}

/// A run of `experiment`: each cell has a name, a load and its arms (the same arms, in the same order, in every cell).
pub(crate) fn run(experiment: &str, blocks: u32, cells: &[(&str, LoadSpec, Vec<FakeArm>)]) -> RunSummary {
    let arms = cells.first().map(|(_, _, arms)| arms.iter().map(|arm| arm.entry.clone()).collect()).unwrap_or_default();
    let summary = Summary {
        schema_version: SCHEMA_VERSION,
        software: "0".to_owned(),
        commit: None,
        experiment: experiment.to_owned(),
        question: "?".to_owned(),
        prediction: String::new(),
        change_our_mind: String::new(),
        claims: Vec::new(),
        margins: Default::default(),
        quick: false,
        started_utc: "2099-01-01T00:00:00Z".to_owned(),
        seed: 1,
        blocks_planned: blocks,
        arms,
        environment: Environment::default(),
        calibration: None,
        self_test: None,
        browser: None,
        warnings: Vec::new(),
        cells: cells.iter().map(|(name, load, arms)| cell(name, load, arms, blocks)).collect(),
    };
    RunSummary { name: format!("2026-01-01-{experiment}"), summary }
}

fn cell(name: &str, load: &LoadSpec, arms: &[FakeArm], blocks: u32) -> CellSummary {
    let mut comparisons = Vec::new();
    for (i, left) in arms.iter().enumerate() {
        for right in &arms[i + 1..] {
            comparisons.extend(left.values.iter().filter_map(|(quantity, value)| {
                let (scale, margin) = quantity.compared()?;
                let other = right.values.iter().find(|(q, _)| q == quantity)?.1;
                Some(comparison(*quantity, (left, *value), (right, other), (scale, margin), blocks))
            }));
        }
    }
    CellSummary {
        name: name.to_owned(),
        load: load.clone(),
        exact: false,
        arms: arms.iter().map(|arm| arm_summary(arm, blocks)).collect(),
        comparisons,
        link: None,
    }
}

fn comparison(
    quantity: Quantity,
    left: (&FakeArm, f64),
    right: (&FakeArm, f64),
    compared: (Scale, f64),
    blocks: u32,
) -> Comparison {
    // The two arms' noise is not the same, so that a comparison has an interval.
    let pair = |block| (left.0.value_in(block, quantity, left.1), right.0.value_in(block / 2, quantity, right.1));
    let pairs: Vec<(f64, f64)> = (1..=blocks).map(pair).collect();
    let paired = statistics::compare(&pairs, compared.0, compared.1);
    Comparison {
        quantity,
        left: left.0.entry.arm.name.clone(),
        right: right.0.entry.arm.name.clone(),
        scale: compared.0,
        n: paired.n as u32,
        estimate: paired.estimate.and_then(Reading::new),
        interval: paired.bounds.and_then(interval),
        outcome: paired.outcome,
    }
}

fn interval(bounds: statistics::Bounds) -> Option<Interval> {
    let coverage = reading::rounded(bounds.coverage);
    Some(Interval { low: Reading::new(bounds.low)?, high: Reading::new(bounds.high)?, coverage })
}

fn arm_summary(arm: &FakeArm, blocks: u32) -> ArmSummary {
    let estimate = |(quantity, value): &(Quantity, f64)| {
        let points: Vec<Point> = (1..=if arm.tainted { 0 } else { blocks })
            .map(|block| Point { block, value: Reading::new(arm.value_in(block, *quantity, *value)) })
            .collect();
        let values: Vec<f64> = points.iter().filter_map(|p| p.value.map(Reading::get)).collect();
        Estimate {
            quantity: *quantity,
            unit: quantity.unit().to_owned(),
            n: values.len() as u32,
            median: statistics::median(&values).and_then(Reading::new),
            interval: statistics::median_bounds(&values).and_then(interval),
            points,
            theory: None,
            error: None,
        }
    };
    ArmSummary {
        arm: arm.entry.arm.name.clone(),
        valid: if arm.tainted { 0 } else { blocks },
        tainted: if arm.tainted { blocks } else { 0 },
        void: 0,
        set_aside: Vec::new(),
        counts_only: Vec::new(),
        estimates: arm.values.iter().map(estimate).collect(),
        lateness: Merged::default(),
        theory: None,
        bytes: None,
        events: None,
    }
}
