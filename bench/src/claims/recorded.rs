//! The verdicts as they were recorded, and where today's differ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CLAIMS, Finding, Verdict};

/// Version of the file. Raised when a field changes its meaning or goes away.
pub const VERSION: u32 = 1;

/// `claims.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// See [`VERSION`].
    pub schema_version: u32,
    /// When, UTC, ISO 8601.
    pub recorded_utc: String,
    /// Version of wirerace.
    pub software: String,
    /// The runs that decided.
    pub runs: Vec<String>,
    /// The findings, verdicts with their conditions and figures.
    pub findings: Vec<Finding>,
}

/// A verdict that is not what was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The claim.
    pub number: u8,
    /// What was recorded; `None` for a claim that was not.
    pub recorded: Option<Verdict>,
    /// What it is now; `None` for a claim that is no more.
    pub now: Option<Verdict>,
}

impl Difference {
    /// In a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let word = |verdict: Option<Verdict>| verdict.map_or("nothing", Verdict::words);
        let claim = CLAIMS.iter().find(|claim| claim.number == self.number).map_or("", |claim| claim.claim);
        format!("claim {} ({claim}): recorded {}, now {}", self.number, word(self.recorded), word(self.now))
    }
}

/// Every verdict that differs from the recorded one.
#[must_use]
pub fn differences(recorded: &[Finding], now: &[Finding]) -> Vec<Difference> {
    let mut numbers: Vec<u8> = recorded.iter().chain(now).map(|finding| finding.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let of = |findings: &[Finding], number| findings.iter().find(|f| f.number == number).map(|f| f.verdict);
    let difference = |number| {
        let difference = Difference { number, recorded: of(recorded, number), now: of(now, number) };
        (difference.recorded != difference.now).then_some(difference)
    };
    numbers.into_iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(number: u8, verdict: Verdict) -> Finding {
        Finding { number, verdict, condition: String::new(), parts: Vec::new(), again: String::new() }
    }

    #[test]
    fn each_difference_is_named_and_figures_make_none() {
        let recorded = [finding(1, Verdict::Depends), finding(3, Verdict::False), finding(99, Verdict::True)];
        let mut now = vec![finding(1, Verdict::True), finding(3, Verdict::False), finding(4, Verdict::NoData)];
        now[1].condition = "other figures".to_owned();
        let words: Vec<String> = differences(&recorded, &now).iter().map(Difference::words).collect();
        assert_eq!(words.len(), 3, "{words:?}");
        assert!(words[0].starts_with("claim 1 (") && words[0].ends_with("recorded DEPENDS, now TRUE"), "{words:?}");
        assert!(
            words[1].ends_with("recorded nothing, now no data") && words[2].ends_with("recorded TRUE, now nothing")
        );
        assert_eq!(differences(&now, &now), []);
    }
}
