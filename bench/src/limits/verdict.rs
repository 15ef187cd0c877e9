//! A measured figure beside its target.

use std::fmt;
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wirerace_contract::results::Environment;

use crate::statistics::{median, median_bounds};

/// Which side of the target is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The upper end of the interval must be at most the target.
    AtMost,
    /// The lower end of the interval must be at least the target.
    AtLeast,
}

/// A figure with its interval and its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// Its unit.
    pub unit: String,
    /// How often.
    pub n: usize,
    /// The median.
    pub median: f64,
    /// Lower end of the 95 % interval of the median; the least where there are too few for an interval.
    pub low: f64,
    /// Upper end, likewise the largest.
    pub high: f64,
    /// The target.
    pub target: f64,
    /// Which side of it is good.
    pub side: Side,
    /// How many quotes or requests were lost while it was measured: with any, the target is not met.
    pub lost: u64,
    /// What else a reader should know.
    pub note: String,
}

impl Figure {
    /// A figure from repeated measurements. With fewer than six there is no interval: the extremes stand for it.
    #[must_use]
    pub fn of(what: impl Into<String>, unit: &str, values: &[f64], side: Side, target: f64) -> Self {
        let extreme = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        let (low, high) = match median_bounds(values) {
            Some(bounds) => (bounds.low, bounds.high),
            None => (extreme(f64::min), extreme(f64::max)),
        };
        Self {
            what: what.into(),
            unit: unit.to_owned(),
            n: values.len(),
            median: median(values).unwrap_or(f64::NAN),
            low,
            high,
            target,
            side,
            lost: 0,
            note: String::new(),
        }
    }

    /// Adds what else a reader should know.
    #[must_use]
    pub fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// Says how much was lost meanwhile.
    #[must_use]
    pub fn losing(mut self, lost: u64) -> Self {
        self.lost = lost;
        self
    }

    /// Whether the whole interval is on the good side and nothing was lost. A figure that is no number is not.
    #[must_use]
    pub fn met(&self) -> bool {
        let good = match self.side {
            Side::AtMost => self.high <= self.target,
            Side::AtLeast => self.low >= self.target,
        };
        good && self.lost == 0
    }

    fn target_words(&self) -> String {
        let side = if self.side == Side::AtMost { "at most" } else { "at least" };
        format!("{side} {} {}", self.target, self.unit)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.met() { "met   " } else { "MISSED" };
        let Self { what, median, low, high, unit, n, .. } = self;
        write!(f, "{word} {what}: {median:.3} {unit} [{low:.3}, {high:.3}], n = {n}; target {}", self.target_words())?;
        if self.lost > 0 {
            write!(f, "; {} lost", self.lost)?;
        }
        if self.note.is_empty() { Ok(()) } else { write!(f, " ({})", self.note) }
    }
}

/// `limits.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Version of wirerace.
    pub software: String,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// When it began, UTC.
    pub started_utc: String,
    /// Small and short: its figures decide nothing.
    pub smoke: bool,
    /// The machine.
    pub environment: Environment,
    /// What was measured.
    pub figures: Vec<Figure>,
}

impl Limits {
    /// Writes `limits.json` and `limits.md`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, dir: &Path) -> std::io::Result<()> {
        std::fs::write(dir.join("limits.json"), serde_json::to_vec_pretty(self)?)?;
        std::fs::write(dir.join("limits.md"), self.markdown())
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "# Limits\n\n{}, wirerace {}, {}; {} on {}.{}\n\n",
            self.started_utc,
            self.software,
            self.commit.as_deref().unwrap_or("commit unknown"),
            self.environment.processor,
            self.environment.system,
            if self.smoke { " A smoke run: these figures decide nothing." } else { "" }
        );
        text.push_str(
            "| figure | median | 95 % interval (extremes below n = 6) | n | target | met |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for figure in &self.figures {
            let Figure { what, median, low, high, unit, n, lost, note, .. } = figure;
            let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
            let lost = if *lost > 0 { format!("; **{lost} lost**") } else { String::new() };
            let met = if figure.met() { "yes" } else { "**no**" };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {what}{note}{lost} | {median:.3} {unit} | {low:.3} to {high:.3} | {n} | {} | {met} |",
                figure.target_words()
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_interval_must_be_on_the_good_side() {
        let values = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5];
        let figure = |side, target| Figure::of("x", "times", &values, side, target).met();
        assert!(figure(Side::AtMost, 1.5) && !figure(Side::AtMost, 1.4));
        assert!(figure(Side::AtLeast, 1.0) && !figure(Side::AtLeast, 1.1));
    }

    #[test]
    fn with_losses_nothing_is_met() {
        assert!(!Figure::of("x", "times", &[1.0], Side::AtMost, 2.0).losing(1).met());
    }

    #[test]
    fn nothing_measured_meets_nothing() {
        assert!(!Figure::of("x", "times", &[], Side::AtMost, 1.0).met());
        assert!(!Figure::of("x", "times", &[], Side::AtLeast, 0.0).met());
    }
}
