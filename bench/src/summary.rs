//! From the files of a run to what charts, tables and sentences are made of. A function of values: no file is
//! read here, nothing is drawn, and no transport is named.

pub mod browser;
pub mod curve;
pub mod link;
mod pooled;
pub mod quantity;
pub mod reading;
pub mod residual;
mod terms;
mod used;
pub mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wirerace_contract::results::{
    ArmEntry, BrowserRun, Calibration, Cell, Environment, EventLog, Manifest, Margins, SCHEMA_VERSION, SelfTestSummary,
    Standing, Trial,
};
use wirerace_contract::spec::{LoadSpec, Path};

use crate::statistics::{self, Bounds, Outcome, Scale};
use crate::theory::Prediction;
use curve::Merged;
pub use link::LinkSummary;
pub use pooled::PooledBytes;
use pooled::pool;
pub use quantity::Quantity;
pub use reading::Reading;
pub use residual::TheorySummary;
use terms::Terms;
pub use used::usable;
use used::{pairs, timed, told, used};

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
    /// What its author expected before the run; may be empty, like the next.
    #[serde(default)]
    pub prediction: String,
    /// What result would have changed the author's mind.
    #[serde(default)]
    pub change_our_mind: String,
    /// Numbers of the claims that it helps to decide.
    #[serde(default)]
    pub claims: Vec<u32>,
    /// What counts as equal in it.
    #[serde(default)]
    pub margins: Margins,
    /// Whether it was a quick run: a look, not a result.
    #[serde(default)]
    pub quick: bool,
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
    /// What the machine could do at best; `null` where that was not measured.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// What the newest self-test found; `null` where there was none.
    #[serde(default)]
    pub self_test: Option<SelfTestSummary>,
    /// What is true of a run that a browser's page recorded; left out of all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserRun>,
    /// What could not be used, in sentences.
    pub warnings: Vec<String>,
    /// The cells.
    pub cells: Vec<CellSummary>,
}

impl Summary {
    /// Whether any trial is behind its numbers: without one, tables and charts are empty, and who asked must be told so.
    #[must_use]
    pub fn has_usable_trial(&self) -> bool {
        self.cells.iter().flat_map(|cell| &cell.arms).any(|arm| arm.valid > 0)
    }
}

/// What one cell says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CellSummary {
    /// Name of the cell.
    pub name: String,
    /// What every arm carried.
    pub load: LoadSpec,
    /// Whether only what is counted is read off it (bytes, connections, counts), for which one block is enough.
    #[serde(default)]
    pub exact: bool,
    /// One entry for each of [`Summary::arms`], in that order, also when it has no trial here.
    pub arms: Vec<ArmSummary>,
    /// Each arm against each other of equal delivery.
    pub comparisons: Vec<Comparison>,
    /// What the emulated link says of itself, at its worst; `null` on other paths.
    #[serde(default)]
    pub link: Option<LinkSummary>,
}

/// What one arm did in one cell.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ArmSummary {
    /// Name of the arm.
    pub arm: String,
    /// Trials that are used, one a block.
    pub valid: u32,
    /// Trials disturbed from outside and not used.
    pub tainted: u32,
    /// Trials whose meters contradict each other, or that broke.
    pub void: u32,
    /// Every trial that is not used, with reasons.
    pub set_aside: Vec<SetAside>,
    /// Trials of an exact cell that were disturbed from outside, which cannot touch what is counted: of them times are not
    /// used. They are among the valid ones.
    #[serde(default)]
    pub counts_only: Vec<SetAside>,
    /// One entry for each quantity, in the order of [`Quantity::ALL`].
    pub estimates: Vec<Estimate>,
    /// Lateness over all valid trials together.
    pub lateness: Merged,
    /// What theory says about it; `null` where there is none.
    #[serde(default)]
    pub theory: Option<TheorySummary>,
    /// Bytes per delivered quote, pooled over the valid trials (bytes of all ÷ quotes of all), set-up included.
    pub bytes: Option<PooledBytes>,
    /// The first moments of one client of the first block, where they were logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventLog>,
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
    /// What theory says it should be, from the setting alone; `null` where there is none.
    #[serde(default)]
    pub theory: Option<Reading>,
    /// The median against it: measured − theory for milliseconds and percentages, measured ÷ theory − 1 for the rest.
    #[serde(default)]
    pub error: Option<Reading>,
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

    /// Whether the price shown is at most `bound_ms` too old for 99 % of the time, with nobody refused and nobody who gave up.
    #[must_use]
    pub fn keeps_fresh(&self, bound_ms: f64) -> bool {
        let nobody = |quantity| self.total(quantity).is_none_or(|n| n == 0.0);
        let fresh = self.median(Quantity::StalenessP99).is_some_and(|stale_ms| stale_ms <= bound_ms);
        fresh && nobody(Quantity::Refused) && nobody(Quantity::GaveUp)
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
    pub(crate) fn of(bounds: Bounds) -> Option<Self> {
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
    let mut warnings: Vec<String> = manifest.browser.iter().map(browser::warning).chain(warnings.to_vec()).collect();
    let arms = all_arms(manifest, trials);
    let terms = Terms::of(manifest);
    let cells = all_cells(manifest, trials)
        .into_iter()
        .map(|cell| summarise_cell(&cell, &arms, &terms, trials, &mut warnings))
        .collect();
    Summary {
        schema_version: SCHEMA_VERSION,
        software: manifest.software.clone(),
        commit: manifest.commit.clone(),
        experiment: manifest.experiment.clone(),
        question: manifest.question.clone(),
        prediction: manifest.prediction.clone(),
        change_our_mind: manifest.change_our_mind.clone(),
        claims: manifest.claims.clone(),
        margins: manifest.margins,
        quick: manifest.quick,
        started_utc: manifest.started_utc.clone(),
        seed: manifest.seed,
        blocks_planned: manifest.blocks,
        arms,
        environment: manifest.environment.clone(),
        calibration: manifest.calibration,
        self_test: manifest.self_test.clone(),
        browser: manifest.browser.clone(),
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
            cells.push(Cell { name: trial.cell.clone(), load: trial.load.clone(), exact: false });
        }
    }
    cells
}

fn summarise_cell(
    cell: &Cell,
    arms: &[ArmEntry],
    terms: &Terms,
    trials: &[Trial],
    warnings: &mut Vec<String>,
) -> CellSummary {
    let of_arm = |entry: &ArmEntry| -> Vec<&Trial> {
        trials.iter().filter(|t| t.cell == cell.name && t.arm.name == entry.arm.name).collect()
    };
    let by_arm: Vec<Vec<&Trial>> = arms.iter().map(of_arm).collect();
    let summaries = arms.iter().zip(&by_arm).map(|(entry, trials)| {
        let summary = summarise_arm(entry, terms, trials, cell.exact);
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
                comparisons.extend(compare_arms(
                    (&left.arm.name, &by_arm[i]),
                    (&right.arm.name, &by_arm[j]),
                    terms.margins,
                    cell.exact,
                ));
            }
        }
    }
    let undisturbed = || by_arm.iter().flat_map(|trials| used(trials, false));
    warnings.extend(link::sooner_than_possible(cell, undisturbed()));
    let link = LinkSummary::of(undisturbed());
    let (name, load) = (cell.name.clone(), cell.load.clone());
    CellSummary { name, load, exact: cell.exact, arms: arm_summaries, comparisons, link }
}

fn summarise_arm(entry: &ArmEntry, terms: &Terms, trials: &[&Trial], exact: bool) -> (ArmSummary, usize) {
    let used = used(trials, exact);
    let timed = timed(&used);
    let predictions =
        if terms.is_modelled { residual::predictions(entry, terms, &used) } else { vec![None; used.len()] };
    let of_timed: Vec<_> = used
        .iter()
        .zip(&predictions)
        .filter(|(trial, _)| trial.standing == Standing::Valid)
        .map(|(_, prediction)| prediction.clone())
        .collect();
    let estimates =
        Quantity::ALL.iter().map(|quantity| estimate(*quantity, &used, &predictions, terms.floor_ms)).collect();
    let measured = || timed.iter().filter_map(|t| t.measured.as_ref());
    let (lateness, damaged) = curve::merge(measured().map(|m| &m.client.lateness));
    let aside = |t: &Trial| SetAside { block: t.block, attempt: t.attempt, standing: t.standing, reasons: reasons(t) };
    let is_used = |t: &Trial| used.iter().any(|u| std::ptr::eq(*u, t));
    let set_aside: Vec<SetAside> = trials.iter().filter(|t| !is_used(t)).map(|t| aside(t)).collect();
    let count = |standing| set_aside.iter().filter(|t| t.standing == standing).count() as u32;
    let summary = ArmSummary {
        arm: entry.arm.name.clone(),
        valid: used.len() as u32,
        tainted: count(Standing::Tainted),
        void: count(Standing::Void),
        set_aside,
        counts_only: used.iter().filter(|t| t.standing == Standing::Tainted).map(|t| aside(t)).collect(),
        estimates,
        theory: TheorySummary::of(&of_timed, &lateness, &timed),
        lateness,
        bytes: pool(&used),
        events: used.iter().find_map(|trial| trial.measured.as_ref()?.client.events.clone()),
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

fn estimate(
    quantity: Quantity,
    used: &[&Trial],
    predictions: &[Option<Prediction>],
    floor_ms: Option<f64>,
) -> Estimate {
    let value = |trial: &Trial| {
        match quantity {
            // A trial does not know the machine's floor, the run does.
            // And it says nothing where there is distance.
            Quantity::TransitMultiple if trial.load.path != Path::Loopback => None,
            Quantity::TransitMultiple => Some(told(Quantity::TransitP50, trial)? / floor_ms?),
            _ => told(quantity, trial),
        }
    };
    let points: Vec<Point> =
        used.iter().map(|t| Point { block: t.block, value: value(t).and_then(Reading::new) }).collect();
    let values: Vec<f64> = points.iter().filter_map(|p| p.value.map(Reading::get)).collect();
    let readings: Vec<Option<f64>> = points.iter().map(|p| p.value.map(Reading::get)).collect();
    let (theory, error) = residual::against(quantity, &readings, predictions);
    Estimate {
        quantity,
        unit: quantity.unit().to_owned(),
        n: values.len() as u32,
        theory: theory.and_then(Reading::new),
        error: error.and_then(Reading::new),
        median: statistics::median(&values).and_then(Reading::new),
        interval: statistics::median_bounds(&values).and_then(Interval::of),
        points,
    }
}

fn compare_arms(left: (&str, &[&Trial]), right: (&str, &[&Trial]), margins: Margins, exact: bool) -> Vec<Comparison> {
    let pairs = pairs(left.1, right.1, exact);
    let compare = |quantity: &Quantity| {
        let (scale, margin) = quantity.compared_within(margins)?;
        let value = |trial: &Trial| told(*quantity, trial);
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
