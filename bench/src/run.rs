//! A run: every arm in every cell, block by block, each trial written down when it ends.

pub mod folder;

use std::path::{Path, PathBuf};

use wirerace_contract::plan::SplitMix64;
use wirerace_contract::results::{ArmEntry, Cell, Manifest, Measured, SCHEMA_VERSION, Standing, Trial};
use wirerace_contract::spec::LoadSpec;

use crate::experiment::Experiment;
use crate::failure::{Failure, file_failure};
use crate::identities::contradictions;
use crate::noise::disturbances;
use crate::order::balanced_order;
use crate::output::{count, note};
use crate::report::read::{read_manifest, read_trials};
use crate::trial::{self, ServerFacts, TrialSetup};
use crate::{environment, pinning, utc};
pub use folder::{RunFolder, fresh_folder};

/// What `wirerace run` may change about an experiment's run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Folder under which runs are kept.
    pub out: PathBuf,
    /// Seed of order and phases.
    pub seed: u64,
    /// Whether server and load are pinned.
    pub pin: bool,
    /// Whether to speak of progress on stderr.
    pub verbose: bool,
}

/// A run that is under way: its folder and what is done.
pub struct Run {
    folder: RunFolder,
    manifest: Manifest,
    done: Vec<Trial>,
    verbose: bool,
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    /// Its folder.
    pub dir: PathBuf,
    /// Trials that are void, with the reasons of each.
    pub void: Vec<String>,
    /// How many trials of the last attempts are tainted.
    pub tainted: usize,
}

impl Run {
    /// A new run in a folder of its own.
    ///
    /// # Errors
    /// When the folder or the manifest cannot be written.
    pub fn create(experiment: &Experiment, options: &RunOptions) -> Result<Self, Failure> {
        let folder = RunFolder::create(&options.out, &experiment.name)?;
        let pinning = if options.pin { pinning::choose() } else { None };
        let manifest = experiment.manifest(options.seed, pinning);
        folder.write_manifest(&manifest)?;
        folder.append(&[])?;
        Ok(Self { folder, manifest, done: Vec::new(), verbose: options.verbose })
    }

    /// Goes on with the run in `dir`.
    ///
    /// # Errors
    /// When its files are missing or damaged.
    pub fn resume(dir: &Path, verbose: bool) -> Result<Self, Failure> {
        let manifest = read_manifest(dir).map_err(|error| Failure::Failed(error.to_string()))?;
        let folder = RunFolder::hold(dir)?;
        let read = read_trials(dir).map_err(|error| Failure::Failed(error.to_string()))?;
        if let Some(warning) = read.warning {
            note(format!("warning: {warning}"));
            folder.rewrite(&read.trials)?;
        }
        if manifest.commit != environment::commit() {
            note("warning: the run was begun by another build; its trials will not all be of one kind");
        }
        Ok(Self { folder, manifest, done: read.trials, verbose })
    }

    /// Where it is kept.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Runs what is not yet done. `stop` ends it early: the trial under way is given up, all before is kept.
    ///
    /// # Errors
    /// When interrupted, or when results cannot be written.
    pub async fn go(mut self, stop: impl Future<Output = ()>) -> Result<Finished, Failure> {
        let mut stop = std::pin::pin!(stop);
        let scratch = tempfile::tempdir().map_err(|error| file_failure("create", &std::env::temp_dir(), &error))?;
        let cells = self.manifest.cells.clone();
        let arms = self.manifest.arms.len();
        let orders = balanced_order(arms * cells.len(), self.manifest.blocks as usize, self.manifest.seed);
        for (block, order) in (1..).zip(orders) {
            let mut attempt = self.last_attempt(block).max(1);
            loop {
                for (position, item) in (1..).zip(&order) {
                    if self.has(block, attempt, position) {
                        continue;
                    }
                    let place = Place { block, attempt, position, arm: item % arms };
                    let cell = &cells[item / arms];
                    let trial = tokio::select! {
                        () = &mut stop => return Err(self.interrupted()),
                        trial = self.trial(place, cell, scratch.path()) => trial?,
                    };
                    self.keep(trial)?;
                }
                let unusable = self.attempt(block, attempt).any(|trial| trial.standing != Standing::Valid);
                if !unusable || attempt > self.manifest.repeats_of_tainted {
                    break;
                }
                attempt += 1;
            }
        }
        // A block that was repeated counts by its last attempt.
        let last: Vec<&Trial> = self.done.iter().filter(|t| t.attempt == self.last_attempt(t.block)).collect();
        let tainted = last.iter().filter(|trial| trial.standing == Standing::Tainted).count();
        let void = last.iter().filter(|trial| trial.standing == Standing::Void);
        let void = void.map(|t| format!("{} in block {}: {}", t.arm.name, t.block, t.reasons.join("; "))).collect();
        Ok(Finished { dir: self.dir().to_owned(), void, tainted })
    }

    fn interrupted(&self) -> Failure {
        let dir = self.dir().display();
        let done = count(self.done.len(), "trial");
        Failure::Interrupted(format!("interrupted: {done} kept; go on with: wirerace run --resume {dir}"))
    }

    fn attempt(&self, block: u32, attempt: u32) -> impl Iterator<Item = &Trial> {
        self.done.iter().filter(move |trial| trial.block == block && trial.attempt == attempt)
    }

    fn last_attempt(&self, block: u32) -> u32 {
        self.done.iter().filter(|trial| trial.block == block).map(|trial| trial.attempt).max().unwrap_or(0)
    }

    fn has(&self, block: u32, attempt: u32, position: u32) -> bool {
        self.attempt(block, attempt).any(|trial| trial.position == position)
    }

    async fn trial(&mut self, place: Place, cell: &Cell, scratch: &Path) -> Result<Trial, Failure> {
        let entry = self.manifest.arms[place.arm].clone();
        if self.verbose {
            let (all, done) =
                (self.manifest.blocks as usize * self.manifest.arms.len() * self.manifest.cells.len(), self.done.len());
            let Place { block, attempt, .. } = place;
            let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            note(format!(
                "block {block} of {}{again}: {} in {} ({done} of {all} trials done)",
                self.manifest.blocks, entry.arm.name, cell.name
            ));
        }
        // The phases of a block are the same for all its arms, and differ between blocks.
        let mut phases = SplitMix64::new(self.manifest.seed ^ (u64::from(place.block) << 32));
        // Other quotes in each block: an interval over blocks that all replay one stream would cover that stream only.
        let mut load = cell.load.clone();
        load.feed.seed = load.feed.seed.wrapping_add(u64::from(place.block) - 1);
        let setup = TrialSetup {
            entry: &entry,
            load: &load,
            phase_seed: phases.next_u64(),
            pinning: self.manifest.environment.pinning.clone(),
            metered: true,
            progress_ms: None,
            scratch,
        };
        let started_utc = utc::now();
        let outcome = trial::measure(&setup, trial::start_soon(), |_| ()).await;
        let (standing, reasons, measured) = match outcome {
            Ok((measured, facts)) => {
                self.note_facts(facts)?;
                let (standing, reasons) = judge(&entry, &load, &measured);
                (standing, reasons, Some(measured))
            }
            Err(error) => (Standing::Void, vec![format!("{error:#}")], None),
        };
        Ok(Trial {
            schema_version: SCHEMA_VERSION,
            cell: cell.name.clone(),
            block: place.block,
            position: place.position,
            attempt: place.attempt,
            started_utc,
            arm: entry.arm,
            descriptor: entry.descriptor,
            load,
            standing,
            reasons,
            measured,
        })
    }

    /// The manifest learns from the first server what only a server can tell.
    fn note_facts(&mut self, facts: ServerFacts) -> Result<(), Failure> {
        let environment = &mut self.manifest.environment;
        if environment.congestion_control.is_empty() {
            environment.congestion_control = facts.congestion_control;
            environment.feed_slice_us = facts.feed_slice_us;
            self.folder.write_manifest(&self.manifest)?;
        }
        Ok(())
    }

    fn keep(&mut self, trial: Trial) -> Result<(), Failure> {
        if self.verbose && trial.standing != Standing::Valid {
            note(format!("  {:?}: {}", trial.standing, trial.reasons.join("; ")));
        }
        self.folder.append(std::slice::from_ref(&trial))?;
        self.done.push(trial);
        Ok(())
    }
}

/// Where a trial stands in the run.
#[derive(Clone, Copy)]
struct Place {
    block: u32,
    attempt: u32,
    position: u32,
    arm: usize,
}

/// Whether a trial may be used: void if the meters contradict each other, tainted if the machine was disturbed.
pub fn judge(entry: &ArmEntry, load: &LoadSpec, measured: &Measured) -> (Standing, Vec<String>) {
    let delivers = entry.descriptor.delivers;
    let found = contradictions(&measured.client, &measured.server, &entry.arm, delivers, load);
    if !found.is_empty() {
        return (Standing::Void, found);
    }
    let window = measured.client.window;
    let found = disturbances(&measured.cpu, (window.end_offset_ns - window.start_offset_ns) / 1_000);
    if found.is_empty() { (Standing::Valid, found) } else { (Standing::Tainted, found) }
}
