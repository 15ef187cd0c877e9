//! Experiments: questions as data, from `bench/experiments/*.toml` or a file of the user's.
//!
//! [`file`] says what may stand in a file, `sweep` how axes become cells, [`check`] what cannot be run, [`length`] how
//! long it takes, and [`scope`] what `--quick` and `--publish` make of it.

mod built_in;
pub mod check;
mod file;
pub mod length;
pub mod scope;
mod sweep;

use std::path::Path;

use wirerace_contract::results::{ArmEntry, Cell, Manifest, Margins, Pinning, SCHEMA_VERSION};

use crate::failure::Failure;
use crate::nearest::nearest;
use crate::{environment, utc};
use built_in::BUILT_IN;
pub use built_in::{TEST, names};

/// A question, its arms, its cells, its blocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    /// Short name.
    pub name: String,
    /// The question, one sentence.
    pub question: String,
    /// What its author expects; may be empty.
    pub prediction: String,
    /// What result would change the author's mind; may be empty.
    pub change_our_mind: String,
    /// Numbers of the claims that it helps to decide.
    pub claims: Vec<u32>,
    /// What counts as equal in it.
    pub margins: Margins,
    /// What is compared.
    pub arms: Vec<ArmEntry>,
    /// Under which settings.
    pub cells: Vec<Cell>,
    /// Names of the cells that a quick run keeps; none named means the first.
    pub quick_cells: Vec<String>,
    /// Whether this is the quick version: fewer cells and blocks, shorter windows.
    pub quick: bool,
    /// Whether arms of both deliveries stand in it, each compared within its own only.
    pub mixed_delivery: bool,
    /// How often; cells that are exact run in the first block alone.
    pub blocks: u32,
    /// How often a block is repeated that the machine disturbed.
    pub repeats_of_tainted: u32,
}

impl Experiment {
    /// The experiment called `name`, or in the file of that path when it ends in `.toml`.
    ///
    /// # Errors
    /// When there is none, or the file is no sound experiment: one sentence with the remedy.
    pub fn find(name: &str) -> Result<Self, Failure> {
        let path = Path::new(name);
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::Usage(format!("cannot read the experiment {name}: {error}; check the path"))
            })?;
            let stem = path.file_stem().map_or_else(|| name.into(), |stem| stem.to_string_lossy());
            return Self::parse(&stem, &text).map_err(|why| Failure::Usage(format!("{name}: {why}")));
        }
        match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            Some((name, text)) => Self::parse(name, text).map_err(Failure::Usage),
            None => Err(Failure::Usage(nearest("experiment", name, names().chain(["limits", "self-test", "all"])))),
        }
    }

    /// Reads an experiment's text.
    ///
    /// # Errors
    /// What is wrong with it, with line and remedy.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        file::parse(name, text)
    }

    /// Says what cannot be run, if anything.
    ///
    /// # Errors
    /// The first thing found, with the remedy.
    pub fn check(&self) -> Result<(), String> {
        check::check(self).map_err(|fault| fault.to_string())
    }

    /// Keeps only the arms named.
    ///
    /// # Errors
    /// When one of them is not in the experiment.
    pub fn keep_arms(&mut self, names: &[String]) -> Result<(), Failure> {
        for name in names {
            if !self.arms.iter().any(|entry| &entry.arm.name == name) {
                let valid = self.arms.iter().map(|entry| entry.arm.name.as_str());
                return Err(Failure::Usage(nearest("arm", name, valid)));
            }
        }
        self.arms.retain(|entry| names.contains(&entry.arm.name));
        Ok(())
    }

    /// What is true of the whole of a run that begins now, here and with this program.
    #[must_use]
    pub fn manifest(&self, seed: u64, pinning: Option<Pinning>) -> Manifest {
        Manifest {
            schema_version: SCHEMA_VERSION,
            software: env!("CARGO_PKG_VERSION").to_owned(),
            commit: environment::commit(),
            experiment: self.name.clone(),
            question: self.question.clone(),
            prediction: self.prediction.clone(),
            change_our_mind: self.change_our_mind.clone(),
            claims: self.claims.clone(),
            margins: self.margins,
            quick: self.quick,
            started_utc: utc::now(),
            seed,
            blocks: self.blocks,
            repeats_of_tainted: self.repeats_of_tainted,
            arms: self.arms.clone(),
            cells: self.cells.clone(),
            environment: environment::environment(pinning),
            calibration: None,
            self_test: None,
            browser: None,
        }
    }
}

/// The shortest time that is a whole number of every arm's intervals; 0 where none has one. Intervals without a common
/// multiple below a minute share none: then each arm has windows of its own.
#[must_use]
pub fn common_interval_ms(arms: &[ArmEntry]) -> u32 {
    const LONGEST_MS: u32 = 60_000;
    let gcd = |mut a: u32, mut b: u32| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    let lcm = |a: u32, b: u32| (a / gcd(a, b)).checked_mul(b).filter(|common| *common <= LONGEST_MS);
    let mut intervals = arms.iter().map(|entry| entry.arm.interval_ms).filter(|interval| *interval > 0);
    let first = intervals.next().unwrap_or(0);
    intervals.try_fold(first, lcm).unwrap_or(0)
}

#[cfg(test)]
mod tests;
