//! Two runs side by side: for each arm and quantity how many times the first the second is, with an interval, and what
//! changed around them. A function of two summaries; no file is read here, and no transport is named.
//!
//! Within a run arms are paired by block. Two runs share no block, so this is unpaired ([`crate::statistics::unpaired`]): the
//! interval holds the noise within each run and nothing of what happened to the machine in between. Therefore a
//! difference counts only where the interval leaves out the whole margin (3 % of bytes, counts and lateness, 10 % of
//! CPU) and not merely "no difference", as it does within a run.
//!
//! What is counted in an exact cell of both runs is the same each time: there the medians are held against the margin, and no
//! interval is needed.
//!
//! An arm that delivers only the newest quote leaves others out, and not the same ones in both runs: another feed, or a machine
//! that wakes later, is enough. How late those were that came, and what a cost is divided by, depends on which ones came, and
//! an arm that lets fewer through may look better or worse by that alone. So it is compared by staleness and by the second, as
//! reports rank it; the ratios of the quotes that came are kept apart, in [`ArmRatios::of_delivered`].

mod caveats;
pub mod environment;
pub mod matching;
pub mod table;

use serde::Serialize;
use wirerace_contract::results::Margins;
use wirerace_contract::spec::Delivery;

use crate::report::is_of_delivered;
use crate::statistics::unpaired::Times;
use crate::statistics::{self, unpaired};
use crate::summary::{ArmSummary, Estimate, Interval, Quantity, Reading, Summary};
pub use environment::Changed;
use matching::{ArmMatch, CellMatch};

/// One of the two runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RunName {
    /// What the caller calls it: its folder.
    pub name: String,
    /// Its experiment.
    pub experiment: String,
    /// When it began, UTC.
    pub started_utc: String,
    /// Its trials, over all cells and arms.
    pub trials: TrialCounts,
}

/// How many trials stand behind a run's numbers, and how many do not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct TrialCounts {
    /// Used.
    pub valid: u32,
    /// Disturbed from outside and not used.
    pub tainted: u32,
    /// Whose meters contradict each other, or that broke: not used.
    pub void: u32,
}

impl TrialCounts {
    pub(crate) fn of(summary: &Summary) -> Self {
        let arms = || summary.cells.iter().flat_map(|cell| &cell.arms);
        Self {
            valid: arms().map(|arm| arm.valid).sum(),
            tainted: arms().map(|arm| arm.tainted).sum(),
            void: arms().map(|arm| arm.void).sum(),
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        format!("{} valid, {} tainted, {} void", self.valid, self.tainted, self.void)
    }
}

/// What two runs say about each other.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RunComparison {
    /// The first: what is divided by.
    pub a: RunName,
    /// The second.
    pub b: RunName,
    /// What is not the same around them.
    pub changed: Vec<Changed>,
    /// What could not be compared, or only with care, in sentences.
    pub notes: Vec<String>,
    /// The cells that both have.
    pub cells: Vec<CellRatios>,
}

/// One cell of both runs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CellRatios {
    /// Its name in the first run.
    pub name: String,
    /// The arms that both have.
    pub arms: Vec<ArmRatios>,
}

/// One arm of both runs in one cell.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ArmRatios {
    /// Its name in the first run.
    pub arm: String,
    /// Which quotes it delivers, in both runs.
    pub delivery: Delivery,
    /// Ratios of all quantities that such arms are compared in and both runs measured.
    pub ratios: Vec<Ratio>,
    /// Of an arm that delivers only the newest quote, the ratios of what is of the quotes that came (lateness, costs by the
    /// quote): they say something only where the same quotes came in both runs, so that they stand in no table and are not
    /// counted. Empty of an arm that delivers every quote.
    pub of_delivered: Vec<Ratio>,
    /// What went wrong, where anything did: sums over all trials used.
    pub counts: Vec<CountPair>,
}

/// One quantity of one arm.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Ratio {
    /// Which.
    pub quantity: Quantity,
    /// Its unit.
    pub unit: String,
    /// Median of the first run, over `n_a` trials.
    pub a: Option<Reading>,
    /// Trials of the first run.
    pub n_a: u32,
    /// Median of the second, over `n_b`.
    pub b: Option<Reading>,
    /// Trials of the second run.
    pub n_b: u32,
    /// b/a: the median of all ratios, of counted values that of the medians; `null` where there is none (∞ ÷ ∞).
    pub ratio: Option<Reading>,
    /// Its interval of at least 95 %; `null` with too few trials, where both are counted, and without a ratio.
    pub interval: Option<Interval>,
    /// Ratios within 1 ± this count as no difference.
    pub margin: f64,
    /// What it says.
    pub outcome: Outcome,
}

/// Something counted that should not happen.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CountPair {
    /// What.
    pub quantity: Quantity,
    /// Over the `n_a` trials of the first run; `null` where it did not count them, as older files do not all.
    pub a: Option<f64>,
    /// Trials of the first run that counted.
    pub n_a: u32,
    /// Over the `n_b` trials of the second; `null` likewise.
    pub b: Option<f64>,
    /// Trials of the second run that counted.
    pub n_b: u32,
}

/// What a ratio says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole interval lies above the margin.
    More,
    /// The whole interval lies below the margin.
    Less,
    /// The interval and the margin share something.
    NoClearDifference,
    /// Too few trials for an interval.
    TooFewTrials,
    /// Each run has an infinite trial (a quote was lost), and ∞ ÷ ∞ is no number: of such pairs no order can be made.
    NoRatio,
    /// Counted in both, and more than the margin above.
    CountedMore,
    /// Counted in both, and more than the margin below.
    CountedLess,
    /// Counted in both, and no further apart than the margin.
    CountedAlike,
}

impl Outcome {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::More => "more in B",
            Self::Less => "less in B",
            Self::NoClearDifference => "no clear difference",
            Self::TooFewTrials => "too few trials",
            Self::NoRatio => "no ratio: a trial of each run is infinite",
            Self::CountedMore => "more in B, counted",
            Self::CountedLess => "less in B, counted",
            Self::CountedAlike => "within the margin, counted",
        }
    }

    /// Whether there is a difference beyond the margin.
    #[must_use]
    pub const fn is_clear(self) -> bool {
        matches!(self, Self::More | Self::Less | Self::CountedMore | Self::CountedLess)
    }

    /// Whether it says anything about a difference.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        !matches!(self, Self::TooFewTrials | Self::NoRatio)
    }

    fn of(times: Times, margin: f64) -> Self {
        match times.bounds {
            _ if times.estimate.is_none() => Self::NoRatio,
            None => Self::TooFewTrials,
            Some(bounds) if bounds.low > 1.0 + margin => Self::More,
            Some(bounds) if bounds.high < 1.0 - margin => Self::Less,
            Some(_) => Self::NoClearDifference,
        }
    }

    /// Of what is counted the median is the number itself: no interval is needed, and one block is enough.
    fn of_counted(ratio: Option<f64>, margin: f64) -> Self {
        match ratio {
            None => Self::NoRatio,
            Some(ratio) if ratio > 1.0 + margin => Self::CountedMore,
            Some(ratio) if ratio < 1.0 - margin => Self::CountedLess,
            Some(_) => Self::CountedAlike,
        }
    }
}

/// Counts that are summed and not divided: of most runs they are nought.
const COUNTS: [Quantity; 6] = [
    Quantity::Lost,
    Quantity::Duplicates,
    Quantity::Reconnects,
    Quantity::Refused,
    Quantity::GaveUp,
    Quantity::Unacknowledged,
];

/// `b` against `a`, each with the name of its folder.
#[must_use]
pub fn compare((name_a, a): (&str, &Summary), (name_b, b): (&str, &Summary)) -> RunComparison {
    let mut notes = warnings("A", a);
    notes.extend(warnings("B", b));
    let cells = matching::cells(a, b, &mut notes);
    let arms = matching::arms(a, b, &mut notes);
    notes.extend(caveats::one_sided((a, b), &cells, &arms));
    // The stricter of both runs' margins would hide what the other set out to see; the first run's count.
    let margins = a.margins;
    let run = |name: &str, summary: &Summary| RunName {
        name: name.to_owned(),
        experiment: summary.experiment.clone(),
        started_utc: summary.started_utc.clone(),
        trials: TrialCounts::of(summary),
    };
    let cells: Vec<CellRatios> = cells.iter().map(|cell| of_cell(a, b, cell, &arms, margins)).collect();
    notes.extend(caveats::of_newest(&cells));
    RunComparison { a: run(name_a, a), b: run(name_b, b), changed: environment::changes(a, b), notes, cells }
}

fn warnings(which: &str, summary: &Summary) -> Vec<String> {
    let mut notes: Vec<String> = summary.warnings.iter().map(|warning| format!("{which}: {warning}")).collect();
    if summary.quick {
        notes.push(format!("{which} is a quick run: a look, not a result."));
    }
    notes
}

fn of_cell(a: &Summary, b: &Summary, cell: &CellMatch, arms: &[ArmMatch], margins: Margins) -> CellRatios {
    let (cell_a, cell_b) = (&a.cells[cell.a], &b.cells[cell.b]);
    let exact = cell_a.exact && cell_b.exact;
    let pairs = arms.iter().filter_map(|arm| {
        let (left, right) = (cell_a.arms.get(arm.a)?, cell_b.arms.get(arm.b)?);
        // Arms are matched by what they do, so that it is the same in B.
        let delivery = a.arms.get(arm.a)?.arm.delivery;
        Some(of_arm((left, right), delivery, margins, exact))
    });
    CellRatios { name: cell_a.name.clone(), arms: pairs.collect() }
}

fn of_arm((a, b): (&ArmSummary, &ArmSummary), delivery: Delivery, margins: Margins, exact: bool) -> ArmRatios {
    let ratio = |quantity: &Quantity| {
        let (_, margin) = quantity.compared_within(margins)?;
        let (left, right) = (a.estimate(*quantity)?, b.estimate(*quantity)?);
        (left.n > 0 && right.n > 0).then(|| of_quantity(left, right, margin, exact && quantity.is_counted()))
    };
    let is_apart = |ratio: &Ratio| delivery == Delivery::Newest && is_of_delivered(ratio.quantity);
    let (of_delivered, ratios) = Quantity::ALL.iter().filter_map(ratio).partition(is_apart);
    let counts = COUNTS.iter().filter_map(|quantity| count_pair(a, b, *quantity)).collect();
    ArmRatios { arm: a.arm.clone(), delivery, ratios, of_delivered, counts }
}

/// `None` where it happened in neither run. One that did not count hides nothing of the other.
fn count_pair(a: &ArmSummary, b: &ArmSummary, quantity: Quantity) -> Option<CountPair> {
    let trials = |arm: &ArmSummary| arm.estimate(quantity).map_or(0, |estimate| estimate.n);
    let (left, right) = (a.total(quantity), b.total(quantity));
    let happened = left.into_iter().chain(right).any(|total| total > 0.0);
    happened.then(|| CountPair { quantity, a: left, n_a: trials(a), b: right, n_b: trials(b) })
}

fn of_quantity(a: &Estimate, b: &Estimate, margin: f64, counted: bool) -> Ratio {
    let values = |estimate: &Estimate| -> Vec<f64> {
        let values: Vec<f64> = estimate.points.iter().filter_map(|p| p.value.map(Reading::get)).collect();
        if counted { statistics::median(&values).into_iter().collect() } else { values }
    };
    let times = unpaired::times(&values(a), &values(b));
    let says = if counted { Outcome::of_counted(times.estimate, margin) } else { Outcome::of(times, margin) };
    Ratio {
        quantity: a.quantity,
        unit: a.unit.clone(),
        a: a.median,
        n_a: a.n,
        b: b.median,
        n_b: b.n,
        ratio: times.estimate.and_then(Reading::new),
        interval: times.bounds.and_then(Interval::of),
        margin,
        outcome: says,
    }
}

impl RunComparison {
    /// All ratios, with the names of cell and arm.
    pub fn ratios(&self) -> impl Iterator<Item = (&str, &str, &Ratio)> {
        self.cells.iter().flat_map(|cell| {
            cell.arms
                .iter()
                .flat_map(move |arm| arm.ratios.iter().map(move |r| (cell.name.as_str(), arm.arm.as_str(), r)))
        })
    }
}

#[cfg(test)]
mod tests;
