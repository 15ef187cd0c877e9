//! What tutorials say, and what the numbers say: 25 claims, each with a rule that was written down before the run that
//! decides it, and a verdict that can be traced to its trials.
//!
//! [`rows`] is the table. A predicate is a function from [`Evidence`] to [`Part`]s: one for each layer or condition that
//! the claim can be true or false in. [`decide`] folds them: all true is TRUE, all false is FALSE, both is DEPENDS, and
//! what no interval settles is UNDECIDED. What was not measured is said, with the command that measures it, never guessed.
//! No transport is named here: arms are found by what they do ([`Way`]).

pub mod evidence;
#[cfg(test)]
pub(crate) mod fake;
pub mod predicates;
pub mod recorded;
pub mod rows;
pub mod table;
#[cfg(test)]
mod tests;
pub mod trace;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use evidence::{Evidence, RunSummary, Way};
pub use rows::{CLAIMS, MARGINS_UTC};

use crate::summary::Reading;

/// How a claim can be settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A predicate over results.
    Measured,
    /// A definition: the trace of an exchange settles it, not a statistic.
    Shown,
    /// Neither measurement nor trace can settle it here.
    Undecidable,
    /// Needs what the suite does not measure yet.
    NotYet,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Shown => "shown",
            Self::Undecidable => "undecidable here",
            Self::NotYet => "not yet measured",
        }
    }
}

/// What becomes of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Holds in every condition that was looked at.
    True,
    /// Holds in none.
    False,
    /// Holds in some and not in others.
    Depends,
    /// The intervals reach to both sides of the margin.
    Undecided,
    /// No run has what the rule asks for.
    NoData,
    /// Cannot be settled here.
    Undecidable,
    /// Needs what the suite does not measure yet.
    NotYetMeasured,
}

impl Verdict {
    /// In words, as tables show it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::True => "TRUE",
            Self::False => "FALSE",
            Self::Depends => "DEPENDS",
            Self::Undecided => "UNDECIDED",
            Self::NoData => "no data",
            Self::Undecidable => "undecidable here",
            Self::NotYetMeasured => "not yet measured",
        }
    }
}

/// Whether a claim holds in one condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The interval does not tell, or there are too few blocks for one.
    Open,
}

impl Holds {
    /// As tables show it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Yes => "true",
            Self::No => "false",
            Self::Open => "undecided",
        }
    }

    /// Both must hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Open,
        }
    }

    /// One of them is enough.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    /// The contrary.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "the trait's method cannot be const")]
    pub const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Open => Self::Open,
        }
    }
}

/// A figure with its interval.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Number {
    /// What it is the value of.
    pub what: String,
    /// Its unit; empty for a plain number.
    pub unit: String,
    /// The value: a median over trials, or exact.
    pub value: Reading,
    /// For what is timed the interval of the median (at least 95 %); for what is counted the least and the largest of all
    /// trials. `null` with fewer than six trials of something timed.
    pub range: Option<(Reading, Reading)>,
}

/// [`Source::run`] of what no measurement settles: what a text says, and what became of it once.
pub const BY_READING: &str = "by reading";
/// Stands in the condition of a part that no data can turn, because what is measured was built or asked for that way.
pub const BY_CONSTRUCTION: &str = "by construction";

/// Where a figure comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The run's folder; `live` for an exchange made just now, `by reading` for what a text says.
    pub run: String,
    /// The cell, the name of the exchange, or the text.
    pub cell: String,
    /// The arms.
    pub arms: Vec<String>,
    /// Trials of each of the arms, in their order.
    pub trials: Vec<u32>,
}

/// The claim in one layer or condition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Layer or condition.
    pub condition: String,
    /// Whether the claim holds in it.
    pub holds: Holds,
    /// The figures that say so.
    pub numbers: Vec<Number>,
    /// Where they come from.
    pub source: Source,
}

impl Part {
    /// Whether data could have turned it round: what our client or our load was built to do decides nothing.
    #[must_use]
    pub fn counts(&self) -> bool {
        !self.condition.contains(BY_CONSTRUCTION)
    }

    /// Whether it says what was read, not what was measured.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.source.run.starts_with(BY_READING)
    }
}

/// What the evidence says about a claim.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The claim's number.
    pub number: u8,
    /// The verdict.
    pub verdict: Verdict,
    /// What it holds for, or what it depends on, or what would give it data.
    pub condition: String,
    /// The claim in each layer and condition.
    pub parts: Vec<Part>,
    /// How to get the figures again.
    pub again: String,
}

/// A claim.
pub struct Claim {
    /// 1 to 25.
    pub number: u8,
    /// The tutorials that say it: `001`.
    pub tutorials: &'static [&'static str],
    /// The claim in our own words.
    pub claim: &'static str,
    /// How it can be settled.
    pub kind: Kind,
    /// Experiments whose runs decide it.
    pub experiments: &'static [&'static str],
    /// When the claim counts as true, in words; `{0}`, `{1}` … stand for the margins.
    pub rule: &'static str,
    /// The margins, in the order of the rule.
    pub margins: &'static [f64],
    /// What has to be among the conditions (words in them) before there is a verdict: half a claim is not decided.
    pub aspects: &'static [&'static str],
    /// What a mixed verdict depends on.
    pub depends_on: &'static str,
    /// What the verdict is restricted to, always said with it; for what is not settled, why.
    pub restriction: &'static str,
    /// The rule as a function.
    pub predicate: fn(&Evidence, &Claim) -> Vec<Part>,
}

impl Claim {
    /// The rule with its margins written out.
    #[must_use]
    pub fn rule(&self) -> String {
        let mut text = self.rule.to_owned();
        for (i, margin) in self.margins.iter().enumerate() {
            text = text.replace(&format!("{{{i}}}"), &crate::summary::words::number(*margin));
        }
        text
    }

    /// The command that makes the figures again.
    #[must_use]
    pub fn again(&self) -> String {
        match self.kind {
            Kind::Measured => format!("wirerace run {}", self.experiments.join(" ")),
            Kind::Shown => "wirerace claims (the exchanges are made anew each time)".to_owned(),
            Kind::Undecidable | Kind::NotYet => String::new(),
        }
    }
}

/// Why a run may not decide; `None` if it may. One that began before the margins were written down may not: whoever wrote
/// them could have known what it says. A quick one may not either: it is a look, with a part of the cells.
#[must_use]
pub fn why_not_deciding(started_utc: &str, quick: bool) -> Option<&'static str> {
    // Both are ISO 8601 in UTC, which sorts as text.
    match (started_utc > rows::MARGINS_UTC, quick) {
        (false, _) => Some("began before the margins were written down"),
        (true, true) => Some("is a quick look, which decides nothing"),
        (true, false) => None,
    }
}

/// Runs that may decide, and those that may not: the name of each and why.
#[must_use]
pub fn deciding(runs: Vec<RunSummary>) -> (Vec<RunSummary>, Vec<(String, &'static str)>) {
    let mut may_not = Vec::new();
    let may = runs.into_iter().filter_map(|run| match why_not_deciding(&run.summary.started_utc, run.summary.quick) {
        Some(why) => {
            may_not.push((run.name, why));
            None
        }
        None => Some(run),
    });
    (may.collect(), may_not)
}

/// What the evidence says about `claim`.
#[must_use]
pub fn decide(claim: &Claim, evidence: &Evidence) -> Finding {
    let parts = (claim.predicate)(evidence, claim);
    let (verdict, said) = match claim.kind {
        Kind::Undecidable => (Verdict::Undecidable, String::new()),
        Kind::NotYet => (Verdict::NotYetMeasured, String::new()),
        Kind::Measured | Kind::Shown => fold(claim, &parts, evidence),
    };
    let condition = [said.as_str(), claim.restriction].into_iter().filter(|text| !text.is_empty());
    let condition = condition.collect::<Vec<_>>().join("; ");
    Finding { number: claim.number, verdict, condition, parts, again: claim.again() }
}

/// What the evidence says about every claim.
#[must_use]
pub fn decide_all(evidence: &Evidence) -> Vec<Finding> {
    CLAIMS.iter().map(|claim| decide(claim, evidence)).collect()
}

fn fold(claim: &Claim, parts: &[Part], evidence: &Evidence) -> (Verdict, String) {
    let counted = || parts.iter().filter(|part| part.counts());
    let of = |holds: Holds| counted().filter(|part| part.holds == holds).count();
    let (yes, no, open) = (of(Holds::Yes), of(Holds::No), of(Holds::Open));
    let lacking = |aspect: &&&str| !parts.iter().any(|part| part.condition.contains(**aspect));
    let missing: Vec<&str> = claim.aspects.iter().filter(lacking).copied().collect();
    if counted().next().is_none() {
        return (Verdict::NoData, remedy(claim, evidence));
    }
    if !missing.is_empty() {
        return (
            Verdict::NoData,
            format!(
                "nothing on \u{201c}{}\u{201d}: {}",
                missing.join("\u{201d}, \u{201c}"),
                half_remedy(claim, evidence)
            ),
        );
    }
    let still_open =
        if open > 0 { format!("; {open} of {} conditions undecided", yes + no + open) } else { String::new() };
    let (verdict, said) = match (yes, no, open) {
        (1.., 1.., _) => (Verdict::Depends, format!("on {}{still_open}", claim.depends_on)),
        (1.., 0, 0) => (Verdict::True, conditions(yes)),
        (0, 1.., 0) => (Verdict::False, conditions(no)),
        _ => (Verdict::Undecided, format!("intervals or too few blocks leave it open{still_open}")),
    };
    (verdict, said + &not_measured(parts))
}

/// What of the parts is no measurement, in words.
fn not_measured(parts: &[Part]) -> String {
    let read = parts.iter().filter(|part| part.counts() && part.is_read()).count();
    let built = parts.iter().filter(|part| !part.counts()).count();
    let words = |n: usize, what: &str| {
        if n > 0 { format!("; {n} of {} conditions {what}", parts.len()) } else { String::new() }
    };
    words(read, BY_READING) + &words(built, "by construction, which decide nothing")
}

fn conditions(n: usize) -> String {
    if n == 1 { "in the one condition looked at".to_owned() } else { format!("in all {n} conditions looked at") }
}

/// The commands that measure what a claim needs.
fn runs(claim: &Claim) -> String {
    claim.experiments.iter().map(|name| format!("`wirerace run {name}`")).collect::<Vec<_>>().join(" or ")
}

/// What to do where some of what a claim needs is there.
fn half_remedy(claim: &Claim, evidence: &Evidence) -> String {
    match evidence.set_aside(claim.experiments) {
        (0, 0) => remedy(claim, evidence),
        (tainted, void) => {
            let unused = tainted + void;
            format!(
                "{unused} trials that were tainted or void are not used: run again on a quieter machine: {}",
                runs(claim)
            )
        }
    }
}

/// What to do where nothing of what a claim needs is there.
fn remedy(claim: &Claim, evidence: &Evidence) -> String {
    if claim.kind == Kind::Shown {
        return "no exchange was recorded".to_owned();
    }
    let runs = runs(claim);
    let trials = |n: u32| if n == 1 { "1 trial".to_owned() } else { format!("{n} trials") };
    match evidence.set_aside(claim.experiments) {
        (0, 0) => format!("run {runs}"),
        (tainted, 0) => format!("{}, all tainted: run again on a quieter machine: {runs}", trials(tainted)),
        (0, void) => format!("{}, all void: see why with `wirerace report`, then run again: {runs}", trials(void)),
        (tainted, void) => format!(
            "{}, {tainted} of them tainted and {void} void: run again on a quieter machine: {runs}",
            trials(tainted + void)
        ),
    }
}
