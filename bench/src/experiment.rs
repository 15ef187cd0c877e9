//! Experiments: questions as data, from `bench/experiments/*.toml` or a file of the user's.

use std::path::Path;

use serde::Deserialize;
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::results::{ArmEntry, Cell, Manifest, Pinning, SCHEMA_VERSION};
use wirerace_contract::spec::{Arm, Connection, Delivery, LoadSpec};

use crate::failure::Failure;
use crate::nearest::nearest;
use crate::{environment, registry, utc};

/// The experiments that come with the program: name and text.
const BUILT_IN: [(&str, &str); 3] = [
    ("transports", include_str!("../experiments/transports.toml")),
    ("rate", include_str!("../experiments/rate.toml")),
    ("tiny", include_str!("../experiments/tiny.toml")),
];

/// A question, its arms, its cells, its blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Short name.
    pub name: String,
    /// The question, one sentence.
    pub question: String,
    /// What is compared.
    pub arms: Vec<ArmEntry>,
    /// Under which settings.
    pub cells: Vec<Cell>,
    /// How often.
    pub blocks: u32,
    /// How often a block is repeated that the machine disturbed.
    pub repeats_of_tainted: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    question: String,
    blocks: u32,
    #[serde(default)]
    repeats_of_tainted: u32,
    /// Distance of polls, milliseconds, for arms that do not set their own.
    interval_ms: u32,
    arms: Vec<ArmText>,
    cells: Vec<CellText>,
}

/// An arm in a file: a default arm by name, with what differs from it.
#[derive(Deserialize)]
#[serde(untagged)]
enum ArmText {
    Name(String),
    Table(ArmTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmTable {
    name: String,
    transport: String,
    #[serde(default)]
    connection: Connection,
    #[serde(default)]
    delivery: Delivery,
    interval_ms: Option<u32>,
    #[serde(default)]
    encoding: Encoding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CellText {
    name: String,
    load: LoadSpec,
}

/// Names of the experiments that come with the program.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
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
            None => Err(Failure::Usage(nearest("experiment", name, names().chain(["limits"])))),
        }
    }

    /// Reads an experiment's text.
    ///
    /// # Errors
    /// What is wrong with it, with line and remedy.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        if file.arms.is_empty() || file.cells.is_empty() {
            return Err("there is nothing to run: `arms` and `[[cells]]` need at least one entry each".into());
        }
        let arms = file.arms.into_iter().map(|arm| entry(arm, file.interval_ms)).collect::<Result<Vec<_>, _>>()?;
        let grid_ms = common_interval_ms(&arms);
        let cell = |cell: CellText| {
            let grid_ms = if cell.load.grid_ms == 0 { grid_ms } else { cell.load.grid_ms };
            Cell { name: cell.name, load: LoadSpec { grid_ms, ..cell.load } }
        };
        let cells = file.cells.into_iter().map(cell).collect();
        let experiment = Self {
            name: name.to_owned(),
            question: file.question,
            arms,
            cells,
            blocks: file.blocks,
            repeats_of_tainted: file.repeats_of_tainted,
        };
        experiment.check().map(|()| experiment)
    }

    /// Says what cannot be run, if anything.
    ///
    /// # Errors
    /// The first thing found, with the remedy.
    pub fn check(&self) -> Result<(), String> {
        for Cell { name, load } in &self.cells {
            load.feed.check().map_err(|error| format!("cell `{name}`: {error}"))?;
            check_load(load).map_err(|why| format!("cell `{name}`: {why}"))?;
            for entry in &self.arms {
                check_arm(entry, &load.feed).map_err(|why| format!("arm `{}`: {why}", entry.arm.name))?;
            }
        }
        if self.blocks == 0 {
            return Err("0 blocks: there must be at least 1, and 6 for an interval".into());
        }
        unique("arms", self.arms.iter().map(|entry| entry.arm.name.as_str()))?;
        unique("cells", self.cells.iter().map(|cell| cell.name.as_str()))
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
            started_utc: utc::now(),
            seed,
            blocks: self.blocks,
            repeats_of_tainted: self.repeats_of_tainted,
            arms: self.arms.clone(),
            cells: self.cells.clone(),
            environment: environment::environment(pinning),
        }
    }
}

fn entry(arm: ArmText, interval_ms: u32) -> Result<ArmEntry, String> {
    match arm {
        ArmText::Name(name) => registry::arm(&name, interval_ms),
        ArmText::Table(table) => {
            let descriptor = registry::row(&table.transport)?.descriptor.clone();
            let needs_interval = descriptor.delivers == Delivers::Planned || table.delivery == Delivery::Newest;
            let arm = Arm {
                name: table.name,
                transport: table.transport,
                connection: table.connection,
                delivery: table.delivery,
                interval_ms: table.interval_ms.unwrap_or(if needs_interval { interval_ms } else { 0 }),
                encoding: table.encoding,
            };
            Ok(ArmEntry { arm, descriptor })
        }
    }
}

/// The shortest time that is a whole number of every arm's intervals; 0 where none has one. Intervals without a common
/// multiple below a minute share none: then each arm has windows of its own.
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

fn unique<'a>(kind: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two {kind} are called `{}`: give each a name of its own", pair[0])),
        None => Ok(()),
    }
}

fn check_load(load: &LoadSpec) -> Result<(), String> {
    if load.clients == 0 {
        return Err("0 clients: there must be at least 1".into());
    }
    if load.window_ms == 0 {
        return Err("a window of 0 ms measures nothing: give it some, for example 4,000 ms".into());
    }
    if load.connects_per_s == 0 {
        return Err("0 connects per second: nobody would ever be connected".into());
    }
    if load.wait_s == 0 || load.wait_s > wirerace_contract::messages::WAIT_MAX_S {
        return Err(format!(
            "a wait of {} s: allowed are 1 to {}",
            load.wait_s,
            wirerace_contract::messages::WAIT_MAX_S
        ));
    }
    Ok(())
}

fn check_arm(entry: &ArmEntry, feed: &FeedSpec) -> Result<(), String> {
    let arm = &entry.arm;
    feed.payload_bytes_in(arm.encoding).map_err(|error| error.to_string())?;
    if registry::row(&arm.transport)?.text_only && !arm.encoding.is_text() {
        return Err(format!("{} carries text only: use json or tick, or another transport", entry.descriptor.title));
    }
    if entry.descriptor.delivers == Delivers::Planned && arm.interval_ms == 0 {
        return Err("polls need a distance: set interval_ms".into());
    }
    if arm.delivery == Delivery::Newest {
        if feed.symbols != 1 {
            return Err("delivery `newest` is the newest quote of the whole stream: set symbols = 1 in the feed".into());
        }
        if arm.interval_ms == 0 {
            return Err("delivery `newest` is at most once per interval: set interval_ms".into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_the_experiment_says() {
        let experiment = Experiment::find("transports").unwrap();
        let pinning = Pinning { server_cpu: 1, load_cpu: 0 };
        let manifest = experiment.manifest(7, Some(pinning.clone()));
        assert_eq!((manifest.experiment, manifest.question), (experiment.name, experiment.question));
        assert_eq!((manifest.arms, manifest.cells), (experiment.arms, experiment.cells));
        assert_eq!((manifest.blocks, manifest.repeats_of_tainted), (experiment.blocks, experiment.repeats_of_tainted));
        assert_eq!((manifest.seed, manifest.environment.pinning), (7, Some(pinning)));
    }
}
