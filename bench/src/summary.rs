//! From the files of a run to what charts, tables and sentences are made of. A function of values: no file is
//! read here, nothing is drawn, and no transport is named.

pub mod curve;
pub mod quantity;
pub mod reading;
pub mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wirerace_contract::results::{ArmEntry, Cell, Environment, Layers, Manifest, SCHEMA_VERSION, Standing, Trial};
use wirerace_contract::spec::LoadSpec;

use crate::statistics::{self, Bounds, Outcome, Scale};
use curve::Merged;
pub use quantity::Quantity;
pub use reading::Reading;

/// `summary.json`: what a run says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of wirerace that made the run.
    pub software: String,
    /// The commit it was built from, if known.
    pub commit: Option<String>,
    /// The experiment's name.
    pub experiment: String,
    /// The question it asks.
    pub question: String,
    /// When the run began, UTC, ISO 8601.
    pub started_utc: String,
    /// Seed of order and phases.
    pub seed: u64,
    /// How many blocks were planned.
    pub blocks_planned: u32,
    /// The arms, in the order of charts and tables.
    pub arms: Vec<ArmEntry>,
    /// The machine and its settings.
    pub environment: Environment,
    /// What could not be used, in sentences.
    pub warnings: Vec<String>,
    /// The cells.
    pub cells: Vec<CellSummary>,
}

/// What one cell says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CellSummary {
    /// Name of the cell.
    pub name: String,
    /// What every arm carried.
    pub load: LoadSpec,
    /// One entry for each of [`Summary::arms`], in that order, also when it has no trial here.
    pub arms: Vec<ArmSummary>,
    /// Each arm against each other of equal delivery.
    pub comparisons: Vec<Comparison>,
}

/// What one arm did in one cell.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ArmSummary {
    /// Name of the arm.
    pub arm: String,
    /// Trials that may be used, one a block.
    pub valid: u32,
    /// Trials disturbed from outside.
    pub tainted: u32,
    /// Trials whose meters contradict each other, or that broke.
    pub void: u32,
    /// Every trial that is not used, with reasons.
    pub set_aside: Vec<SetAside>,
    /// One entry for each quantity, in the order of [`Quantity::ALL`].
    pub estimates: Vec<Estimate>,
    /// Lateness over all valid trials together.
    pub lateness: Merged,
    /// Bytes per delivered quote, pooled over the valid trials (bytes of all ÷ quotes of all), set-up included.
    pub bytes: Option<PooledBytes>,
}

/// A trial that is not used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SetAside {
    /// Its block.
    pub block: u32,
    /// Its attempt.
    pub attempt: u32,
    /// Why it is not used; `valid` for a trial whose block was repeated afterwards.
    pub standing: Standing,
    /// In words.
    pub reasons: Vec<String>,
}

/// One quantity of one arm in one cell.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// Which.
    pub quantity: Quantity,
    /// Its unit.
    pub unit: String,
    /// How many trials have a value.
    pub n: u32,
    /// Median over the trials.
    pub median: Option<Reading>,
    /// Its interval; `null` with fewer than six trials.
    pub interval: Option<Interval>,
    /// The value of each trial.
    pub points: Vec<Point>,
}

/// An order-statistic interval of a median: see [`crate::statistics`].
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub low: Reading,
    /// Upper end.
    pub high: Reading,
    /// Probability, 0 to 1, that such an interval covers the true median.
    pub coverage: f64,
}

/// One trial's value.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// The block.
    pub block: u32,
    /// The value; `null` where it was not measured.
    pub value: Option<Reading>,
}

/// Bytes per delivered quote by layer.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PooledBytes {
    /// Quotes delivered in all valid trials.
    pub quotes: u64,
    /// Encoded quotes.
    pub payload: f64,
    /// What wraps them.
    pub framing: f64,
    /// HTTP heads.
    pub heads: f64,
    /// TCP/IP heads of segments with data; `null` where the system does not tell.
    pub tcp_ip_data: Option<f64>,
    /// Segments without data; `null` likewise.
    pub tcp_ip_bare: Option<f64>,
}

/// Two arms in one quantity, paired within blocks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Which quantity.
    pub quantity: Quantity,
    /// The arm on the left of − or ÷.
    pub left: String,
    /// The arm on the right.
    pub right: String,
    /// Difference or ratio.
    pub scale: Scale,
    /// Blocks in which both have a value.
    pub n: u32,
    /// Median over the blocks.
    pub estimate: Option<Reading>,
    /// Its interval; `null` with fewer than six blocks.
    pub interval: Option<Interval>,
    /// What it says.
    pub outcome: Outcome,
}

impl ArmSummary {
    /// The estimate of `quantity`.
    #[must_use]
    pub fn estimate(&self, quantity: Quantity) -> Option<&Estimate> {
        self.estimates.iter().find(|e| e.quantity == quantity)
    }

    /// The sum of `quantity` over all valid trials, for counts of what went wrong: a median would hide a single bad
    /// trial. `None` where no trial has it.
    #[must_use]
    pub fn total(&self, quantity: Quantity) -> Option<f64> {
        let values: Vec<f64> = self.estimate(quantity)?.points.iter().filter_map(|p| p.value?.finite()).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The median of `quantity`; may be infinite.
    #[must_use]
    pub fn median(&self, quantity: Quantity) -> Option<f64> {
        self.estimate(quantity)?.median.map(Reading::get)
    }
}

impl CellSummary {
    /// `left` against `right` in `quantity`, whichever way round it is stored.
    #[must_use]
    pub fn comparison(&self, quantity: Quantity, left: &str, right: &str) -> Option<Comparison> {
        let stored = |l: &str, r: &str| {
            self.comparisons.iter().find(|c| c.quantity == quantity && c.left == l && c.right == r).cloned()
        };
        stored(left, right).or_else(|| Some(stored(right, left)?.turned()))
    }
}

impl Comparison {
    /// The same comparison with left and right exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        let turn = |value: Reading| {
            let turned = if self.scale == Scale::Difference { -value.get() } else { 1.0 / value.get() };
            Reading::new(turned).unwrap_or(value)
        };
        Self {
            left: self.right,
            right: self.left,
            estimate: self.estimate.map(turn),
            interval: self.interval.map(|i| Interval { low: turn(i.high), high: turn(i.low), ..i }),
            ..self
        }
    }
}

impl Interval {
    fn of(bounds: Bounds) -> Option<Self> {
        Some(Self {
            low: Reading::new(bounds.low)?,
            high: Reading::new(bounds.high)?,
            coverage: reading::rounded(bounds.coverage),
        })
    }
}

/// Sums up a run. `warnings` are those of whoever read its files.
#[must_use]
pub fn summarise(manifest: &Manifest, trials: &[Trial], warnings: &[String]) -> Summary {
    let mut warnings = warnings.to_vec();
    let arms = all_arms(manifest, trials);
    let cells = all_cells(manifest, trials)
        .into_iter()
        .map(|cell| summarise_cell(&cell, &arms, trials, &mut warnings))
        .collect();
    Summary {
        schema_version: SCHEMA_VERSION,
        software: manifest.software.clone(),
        commit: manifest.commit.clone(),
        experiment: manifest.experiment.clone(),
        question: manifest.question.clone(),
        started_utc: manifest.started_utc.clone(),
        seed: manifest.seed,
        blocks_planned: manifest.blocks,
        arms,
        environment: manifest.environment.clone(),
        warnings,
        cells,
    }
}

/// The manifest's arms, then any that only trials know (a run that was resumed with other arms).
fn all_arms(manifest: &Manifest, trials: &[Trial]) -> Vec<ArmEntry> {
    let mut arms = manifest.arms.clone();
    for trial in trials {
        if !arms.iter().any(|entry| entry.arm.name == trial.arm.name) {
            arms.push(ArmEntry { arm: trial.arm.clone(), descriptor: trial.descriptor.clone() });
        }
    }
    arms
}

fn all_cells(manifest: &Manifest, trials: &[Trial]) -> Vec<Cell> {
    let mut cells = manifest.cells.clone();
    for trial in trials {
        if !cells.iter().any(|cell| cell.name == trial.cell) {
            cells.push(Cell { name: trial.cell.clone(), load: trial.load.clone() });
        }
    }
    cells
}

fn summarise_cell(cell: &Cell, arms: &[ArmEntry], trials: &[Trial], warnings: &mut Vec<String>) -> CellSummary {
    let of_arm = |entry: &ArmEntry| -> Vec<&Trial> {
        trials.iter().filter(|t| t.cell == cell.name && t.arm.name == entry.arm.name).collect()
    };
    let by_arm: Vec<Vec<&Trial>> = arms.iter().map(of_arm).collect();
    let summaries = arms.iter().zip(&by_arm).map(|(entry, trials)| {
        let summary = summarise_arm(&entry.arm.name, trials);
        if summary.1 > 0 {
            warnings.push(format!(
                "{}, {}: the stored histogram of {} trial(s) cannot be read; the merged lateness leaves them out",
                cell.name, entry.arm.name, summary.1
            ));
        }
        summary.0
    });
    let arm_summaries = summaries.collect();
    let mut comparisons = Vec::new();
    for (i, left) in arms.iter().enumerate() {
        for (j, right) in arms.iter().enumerate().skip(i + 1) {
            if left.arm.delivery == right.arm.delivery {
                comparisons.extend(compare_arms((&left.arm.name, &by_arm[i]), (&right.arm.name, &by_arm[j])));
            }
        }
    }
    CellSummary { name: cell.name.clone(), load: cell.load.clone(), arms: arm_summaries, comparisons }
}

/// Whether a trial may be used: valid, and measured.
fn usable(trial: &Trial) -> bool {
    trial.standing == Standing::Valid && trial.measured.is_some()
}

/// The trials used: of each block the last attempt that may be used, in the order of blocks.
fn used<'a>(trials: &[&'a Trial]) -> Vec<&'a Trial> {
    let mut used: Vec<&Trial> = Vec::new();
    for trial in trials.iter().copied().filter(|t| usable(t)) {
        match used.iter_mut().find(|u| u.block == trial.block) {
            Some(other) if other.attempt < trial.attempt => *other = trial,
            Some(_) => {}
            None => used.push(trial),
        }
    }
    used.sort_by_key(|t| t.block);
    used
}

fn summarise_arm(name: &str, trials: &[&Trial]) -> (ArmSummary, usize) {
    let used = used(trials);
    let count = |standing| trials.iter().filter(|t| t.standing == standing).count() as u32;
    let estimates = Quantity::ALL.iter().map(|quantity| estimate(*quantity, &used)).collect();
    let measured = || used.iter().filter_map(|t| t.measured.as_ref());
    let (lateness, damaged) = curve::merge(measured().map(|m| &m.client.lateness));
    let set_aside = trials
        .iter()
        .filter(|t| !used.iter().any(|u| std::ptr::eq(*u, **t)))
        .map(|t| SetAside { block: t.block, attempt: t.attempt, standing: t.standing, reasons: reasons(t) })
        .collect();
    let summary = ArmSummary {
        arm: name.to_owned(),
        valid: used.len() as u32,
        tainted: count(Standing::Tainted),
        void: count(Standing::Void),
        set_aside,
        estimates,
        lateness,
        bytes: pool(&used),
    };
    (summary, damaged)
}

fn reasons(trial: &Trial) -> Vec<String> {
    match (trial.standing, trial.measured.is_some()) {
        _ if !trial.reasons.is_empty() => trial.reasons.clone(),
        (Standing::Valid, true) => vec!["the block was repeated; a later attempt is used".to_owned()],
        (_, false) => vec!["the trial broke before it could be measured".to_owned()],
        _ => vec!["no reason was recorded".to_owned()],
    }
}

fn estimate(quantity: Quantity, used: &[&Trial]) -> Estimate {
    let value = |trial: &Trial| trial.measured.as_ref().and_then(|m| quantity.of(trial, m));
    let points: Vec<Point> =
        used.iter().map(|t| Point { block: t.block, value: value(t).and_then(Reading::new) }).collect();
    let values: Vec<f64> = points.iter().filter_map(|p| p.value.map(Reading::get)).collect();
    Estimate {
        quantity,
        unit: quantity.unit().to_owned(),
        n: values.len() as u32,
        median: statistics::median(&values).and_then(Reading::new),
        interval: statistics::median_bounds(&values).and_then(Interval::of),
        points,
    }
}

fn pool(used: &[&Trial]) -> Option<PooledBytes> {
    let ledgers: Vec<_> = used.iter().filter_map(|t| t.measured.as_ref()).collect();
    let quotes: u64 = ledgers.iter().map(|m| m.client.quotes.received).sum();
    if quotes == 0 {
        return None;
    }
    let both = |pick: fn(&Layers) -> Option<u64>| -> Option<f64> {
        let sums: Option<Vec<u64>> =
            ledgers.iter().flat_map(|m| [pick(&m.ledger.to_client), pick(&m.ledger.to_server)]).collect();
        Some(reading::rounded(sums?.iter().sum::<u64>() as f64 / quotes as f64))
    };
    Some(PooledBytes {
        quotes,
        payload: both(|l| Some(l.payload))?,
        framing: both(|l| Some(l.framing))?,
        heads: both(|l| Some(l.heads))?,
        tcp_ip_data: both(|l| l.tcp_ip_data),
        tcp_ip_bare: both(|l| l.tcp_ip_bare),
    })
}

/// Both arms' trials of the last attempt of each block in which both may be used: a pair is never made of trials
/// that did not stand side by side.
fn pairs<'a>(left: &[&'a Trial], right: &[&'a Trial]) -> Vec<(&'a Trial, &'a Trial)> {
    let mut pairs: Vec<(&Trial, &Trial)> = Vec::new();
    for l in left.iter().copied().filter(|t| usable(t)) {
        let Some(r) = right.iter().copied().find(|r| usable(r) && r.block == l.block && r.attempt == l.attempt) else {
            continue;
        };
        match pairs.iter_mut().find(|(other, _)| other.block == l.block) {
            Some(pair) if pair.0.attempt < l.attempt => *pair = (l, r),
            Some(_) => {}
            None => pairs.push((l, r)),
        }
    }
    pairs.sort_by_key(|(l, _)| l.block);
    pairs
}

fn compare_arms(left: (&str, &[&Trial]), right: (&str, &[&Trial])) -> Vec<Comparison> {
    let pairs = pairs(left.1, right.1);
    let compare = |quantity: &Quantity| {
        let (scale, margin) = quantity.compared()?;
        let value = |trial: &Trial| quantity.of(trial, trial.measured.as_ref()?);
        let values: Vec<(f64, f64)> = pairs.iter().filter_map(|(l, r)| Some((value(l)?, value(r)?))).collect();
        let paired = statistics::compare(&values, scale, margin);
        Some(Comparison {
            quantity: *quantity,
            left: left.0.to_owned(),
            right: right.0.to_owned(),
            scale,
            n: paired.n as u32,
            estimate: paired.estimate.and_then(Reading::new),
            interval: paired.bounds.and_then(Interval::of),
            outcome: paired.outcome,
        })
    };
    Quantity::ALL.iter().filter_map(compare).collect()
}

#[cfg(test)]
mod tests;
