//! The claims that a run helps to decide, with what this run alone says about each.

use crate::charts::DataTable;
use crate::claims::{
    CLAIMS, Claim, Evidence, Finding, Kind, MARGINS_UTC, RunSummary, Verdict, decide, table, why_not_deciding,
};
use crate::summary::Summary;

/// A claim as a report shows it.
pub(super) struct Row {
    /// 1 to 25.
    pub(super) number: u8,
    /// What is claimed.
    pub(super) claim: &'static str,
    /// Who says it.
    pub(super) tutorials: String,
    /// The verdict's word.
    pub(super) verdict: &'static str,
    /// What it holds for or depends on.
    pub(super) condition: String,
    /// When the claim counts as true.
    pub(super) rule: String,
    /// Some conditions of each outcome, with their figures and where they come from.
    pub(super) figures: Vec<String>,
    /// How many conditions there are besides.
    pub(super) more: usize,
    /// The command that makes the figures again.
    pub(super) again: String,
}

impl Row {
    /// What stands between the verdict's word and the condition; nothing where there is no condition. "DEPENDS on …" and
    /// "FALSE in all …" are read as one.
    pub(super) fn joint(&self) -> &'static str {
        let is_read_on = ["on ", "in "].iter().any(|word| self.condition.starts_with(word));
        if self.condition.is_empty() {
            ""
        } else if is_read_on {
            " "
        } else {
            ": "
        }
    }
}

/// What the figures are said to come from: the same whatever the folder is called.
const THIS_RUN: &str = "this run";

/// How to read the verdicts.
pub(super) const READ: &str = "Sentences of tutorials, held against this run alone by rules written down before it. `wirerace claims` holds \
     them against all runs together; a verdict there can differ, since a rule may ask for conditions that one run does not have, or \
     for exchanges that only `wirerace claims` makes.";

/// What a run says about claims.
pub(super) enum Told {
    /// It helps to decide none.
    Nothing,
    /// It would help to decide these, but whoever wrote the rules could have known what it says.
    TooEarly {
        /// Why, in a sentence.
        why: String,
        /// Number and claim, and the command that makes figures that may decide.
        claims: DataTable,
    },
    /// What it says about each.
    Decided(Vec<Row>),
}

/// What the run says about the claims that it names, or whose rules ask for its experiment.
pub(super) fn told(summary: &Summary) -> Told {
    let helped = |claim: &&Claim| {
        summary.claims.contains(&u32::from(claim.number)) || claim.experiments.contains(&summary.experiment.as_str())
    };
    let claims: Vec<&Claim> = CLAIMS.iter().filter(helped).collect();
    if claims.is_empty() {
        return Told::Nothing;
    }
    if let Some(why) = why_not_deciding(&summary.started_utc, summary.quick) {
        return may_not(&claims, summary, why);
    }
    let run = RunSummary { name: THIS_RUN.to_owned(), summary: summary.clone() };
    let evidence = Evidence { runs: vec![run], exchanges: Vec::new() };
    Told::Decided(claims.into_iter().map(|claim| row(claim, &decide(claim, &evidence))).collect())
}

fn row(claim: &Claim, finding: &Finding) -> Row {
    let shown = table::chosen(&finding.parts);
    // No exchange is made to write a report.
    let by_exchange = claim.kind == Kind::Shown && finding.verdict == Verdict::NoData;
    Row {
        number: claim.number,
        claim: claim.claim,
        tutorials: claim.tutorials.join(", "),
        verdict: if by_exchange { "shown" } else { finding.verdict.words() },
        condition: if by_exchange {
            "by an exchange that `wirerace claims` makes and prints".to_owned()
        } else {
            finding.condition.clone()
        },
        rule: claim.rule(),
        figures: shown
            .iter()
            .map(|part| format!("{} — from {}", table::part_words(part), table::source_words(&part.source)))
            .collect(),
        more: finding.parts.len() - shown.len(),
        again: finding.again.clone(),
    }
}

fn may_not(claims: &[&Claim], summary: &Summary, why: &str) -> Told {
    let why = format!(
        "This run decides none of the claims that it helps to look at: it {why} (it began at {}, rules and margins were last \
         written at {MARGINS_UTC}).",
        summary.started_utc
    );
    let row = |claim: &&Claim| {
        vec![format!("{}. “{}”", claim.number, claim.claim), claim.tutorials.join(", "), format!("`{}`", claim.again())]
    };
    let columns = ["claim", "tutorial", "what would decide"].map(str::to_owned).to_vec();
    Told::TooEarly { why, claims: DataTable { columns, rows: claims.iter().map(row).collect() } }
}
