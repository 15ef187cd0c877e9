//! A run: every arm in every cell, block by block, each trial written down when it ends.

pub mod folder;

use std::path::{Path, PathBuf};
use std::time::Instant;

use wirerace_contract::plan::phases_seed;
use wirerace_contract::results::{
    ArmEntry, Calibration, Cell, LinkReport, Manifest, Measured, SCHEMA_VERSION, Standing, Trial,
};
use wirerace_contract::spec::LoadSpec;

use crate::experiment::Experiment;
use crate::experiment::length::{self, Length, TimeLeft};
use crate::failure::{Failure, file_failure};
use crate::identities::contradictions;
use crate::identities::link::link_contradictions;
use crate::ledger::ledger;
use crate::link::Link;
use crate::noise::{disturbances, with_link};
use crate::order::balanced_order;
use crate::output::{count, note};
use crate::report::read::{read_manifest, read_trials};
use crate::summary::usable;
use crate::trial::{self, ServerFacts, TrialSetup};
use crate::{calibration, environment, link, pinning, self_test, utc};
pub use folder::{RunFolder, fresh_folder};

/// The block whose trials keep the log of their first moments.
const EVENTS_OF_BLOCK: u32 = 1;

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
    /// What this machine can do at best, if it was measured just now; else it is measured before the first trial.
    pub calibration: Option<Calibration>,
}

/// A run that is under way: its folder and what is done.
pub struct Run {
    folder: RunFolder,
    manifest: Manifest,
    done: Vec<Trial>,
    time: TimeLeft,
    verbose: bool,
    link: Option<Link>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    /// Its folder.
    pub dir: PathBuf,
    /// Trials that are void, with the reasons of each.
    pub void: Vec<String>,
    /// How many trials of the last attempts are tainted and not used.
    pub tainted: usize,
    /// How many of them are tainted and used for what is counted: their cells are exact.
    pub counts_only: usize,
    /// Whether any trial of any attempt can be used.
    pub usable: bool,
}

impl Run {
    /// A new run in a folder of its own.
    ///
    /// # Errors
    /// When the folder or the manifest cannot be written.
    pub fn create(experiment: &Experiment, options: &RunOptions) -> Result<Self, Failure> {
        let folder = RunFolder::create(&options.out, &experiment.name)?;
        let pinning = if options.pin { pinning::choose() } else { None };
        let mut manifest = experiment.manifest(options.seed, pinning);
        let measured = || calibration::calibrate(manifest.environment.pinning.as_ref());
        manifest.calibration = options.calibration.or_else(measured);
        manifest.self_test = self_test::newest::newest(&options.out, &manifest.environment);
        folder.write_manifest(&manifest)?;
        folder.append(&[])?;
        let time = TimeLeft::default();
        Ok(Self { folder, manifest, done: Vec::new(), time, verbose: options.verbose, link: None })
    }

    /// Goes on with the run in `dir`.
    ///
    /// # Errors
    /// When its files are missing or damaged.
    pub fn resume(dir: &Path, verbose: bool) -> Result<Self, Failure> {
        let manifest = read_manifest(dir)?;
        let folder = RunFolder::hold(dir)?;
        let read = read_trials(dir)?;
        if let Some(warning) = read.warning {
            note(format!("warning: {warning}"));
            folder.rewrite(&read.trials)?;
        }
        if manifest.commit != environment::commit() {
            note("warning: the run was begun by another build; its trials will not all be of one kind");
        }
        Ok(Self { folder, manifest, done: read.trials, time: TimeLeft::default(), verbose, link: None })
    }

    /// Gives the run the emulated link that some of its cells need, and holds theory's rehearsals on the paths of its cells
    /// unless trials are done already: those were made without. Exact cells are counted, and what a machine adds in time
    /// is not worth the ten seconds.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub fn over(self, link: Option<Link>) -> Result<Self, Failure> {
        let mut run = Self { link, ..self };
        let timed = run.cells().iter().filter(|cell| !cell.exact);
        let (far, near): (Vec<&Cell>, Vec<&Cell>) = timed.partition(|cell| link::cells::wants_link(cell));
        let paths = calibration::Paths { here: !near.is_empty(), link: run.link.clone().filter(|_| !far.is_empty()) };
        if run.done.is_empty()
            && let Some(mut calibration) = run.manifest.calibration
        {
            calibration::rehearse(&mut calibration, run.manifest.environment.pinning.as_ref(), &paths);
            run.manifest.calibration = Some(calibration);
            run.folder.write_manifest(&run.manifest)?;
        }
        Ok(run)
    }

    /// The cells, under which the arms are compared.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.manifest.cells
    }

    /// What the machine could do at best before its first trial.
    #[must_use]
    pub fn calibration(&self) -> Option<Calibration> {
        self.manifest.calibration
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
        let places = self.places();
        self.time = TimeLeft::new(self.to_do(&places));
        if self.verbose && !self.done.is_empty() {
            note(format!("{} done before; left: {}", count(self.done.len(), "trial"), self.time.left()));
        }
        for block in &places {
            let number = block.first().map_or(0, |place| place.block);
            let mut attempt = self.last_attempt(number).max(1);
            loop {
                for place in block.iter().map(|place| Place { attempt, ..*place }) {
                    if self.has(place) {
                        continue;
                    }
                    let (begun, cell) = (Instant::now(), self.manifest.cells[place.cell].clone());
                    let expected_s = length::trial_s(&self.manifest.arms[place.arm].arm, &cell.load);
                    let trial = tokio::select! {
                        () = &mut stop => return Err(self.interrupted()),
                        trial = self.trial(place, &cell, scratch.path()) => trial?,
                    };
                    self.keep(trial)?;
                    self.time.done(expected_s, begun.elapsed().as_secs_f64());
                }
                let unusable = self.attempt(number, attempt).any(|trial| !self.usable(trial));
                if !unusable || attempt > self.manifest.repeats_of_tainted {
                    break;
                }
                attempt += 1;
                self.time.add(length::block(&self.manifest.arms, &self.manifest.cells, number));
            }
        }
        // A block that was repeated counts by its last attempt.
        let last: Vec<&Trial> = self.done.iter().filter(|t| t.attempt == self.last_attempt(t.block)).collect();
        let (counts_only, tainted): (Vec<&Trial>, Vec<&Trial>) =
            last.iter().filter(|trial| trial.standing == Standing::Tainted).partition(|trial| self.usable(trial));
        let (counts_only, tainted) = (counts_only.len(), tainted.len());
        let usable = self.done.iter().any(|trial| self.usable(trial));
        let void = last.iter().filter(|trial| trial.standing == Standing::Void);
        let void = void.map(|t| format!("{} in block {}: {}", t.arm.name, t.block, t.reasons.join("; "))).collect();
        Ok(Finished { dir: self.dir().to_owned(), void, tainted, counts_only, usable })
    }

    /// Whether a trial can be used, if only for what is counted.
    fn usable(&self, trial: &Trial) -> bool {
        usable(trial, self.manifest.cells.iter().any(|cell| cell.exact && cell.name == trial.cell))
    }

    /// Every trial of every block, in its order. A place has its number whether the cells before it run in this block or
    /// not, so that a resumed run finds what is done.
    fn places(&self) -> Vec<Vec<Place>> {
        let Manifest { arms, cells, blocks, seed, .. } = &self.manifest;
        let orders = balanced_order(arms.len() * cells.len(), *blocks as usize, *seed);
        let of_block = |(block, order): (u32, Vec<usize>)| -> Vec<Place> {
            let place = |(position, item): (u32, usize)| Place {
                block,
                attempt: 1,
                position,
                arm: item % arms.len(),
                cell: item / arms.len(),
            };
            (1..).zip(order).map(place).filter(|place| length::runs_in(&cells[place.cell], block)).collect()
        };
        (1..).zip(orders).map(of_block).filter(|places| !places.is_empty()).collect()
    }

    /// What is not yet done.
    fn to_do(&self, places: &[Vec<Place>]) -> Length {
        let expected = |place: &Place| {
            let (entry, cell) = (&self.manifest.arms[place.arm], &self.manifest.cells[place.cell]);
            Length { trials: 1, seconds: length::trial_s(&entry.arm, &cell.load) }
        };
        let open = |place: &&Place| !self.has(Place { attempt: self.last_attempt(place.block).max(1), ..**place });
        places.iter().flatten().filter(open).map(expected).sum()
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

    fn has(&self, place: Place) -> bool {
        self.attempt(place.block, place.attempt).any(|trial| trial.position == place.position)
    }

    async fn trial(&mut self, place: Place, cell: &Cell, scratch: &Path) -> Result<Trial, Failure> {
        let entry = self.manifest.arms[place.arm].clone();
        if self.verbose {
            let Place { block, attempt, .. } = place;
            let again = if attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
            let Length { trials, seconds } = self.time.left();
            note(format!(
                "block {block} of {}{again}: {} in {} ({} done, {trials} left: about {})",
                self.manifest.blocks,
                entry.arm.name,
                cell.name,
                count(self.done.len(), "trial"),
                length::in_words(seconds),
            ));
        }
        // Other quotes in each block: an interval over blocks that all replay one stream would cover that stream only.
        let mut load = cell.load.clone();
        load.feed.seed = load.feed.seed.wrapping_add(u64::from(place.block) - 1);
        let setup = TrialSetup {
            entry: &entry,
            load: &load,
            phase_seed: phases_seed(self.manifest.seed, place.block),
            pinning: self.manifest.environment.pinning.clone(),
            metered: true,
            progress_ms: None,
            scratch,
            link: self.link.as_ref(),
            injection: Default::default(),
        };
        let started_utc = utc::now();
        let outcome = trial::measure(&setup, trial::start_soon(), |_| ()).await;
        let (standing, reasons, measured) = match outcome {
            Ok((measured, facts)) => {
                self.note_facts(facts)?;
                let measured = with_first_moments(measured, place.block);
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
        if let Some(link) = trial.measured.as_ref().and_then(|measured| measured.link.as_ref())
            && self.verbose
        {
            note(format!("  {}", told(link)));
        }
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
    cell: usize,
}

/// Whether a trial may be used: void if the meters contradict each other, tainted if the machine was disturbed.
pub fn judge(entry: &ArmEntry, load: &LoadSpec, measured: &Measured) -> (Standing, Vec<String>) {
    let delivers = entry.descriptor.delivers;
    let mut found = contradictions(&measured.client, &measured.server, &entry.arm, delivers, load);
    if let Some(link) = &measured.link {
        // Without what the link itself put into it: else it would be held against itself.
        let ledger = ledger(&measured.server, delivers);
        found.extend(link_contradictions(&measured.server, &ledger, link));
    }
    if !found.is_empty() {
        return (Standing::Void, found);
    }
    let window = measured.client.window;
    let cpu = with_link(&measured.cpu, measured.link.as_ref());
    let found = disturbances(&cpu, (window.end_offset_ns - window.start_offset_ns) / 1_000);
    if found.is_empty() { (Standing::Valid, found) } else { (Standing::Tainted, found) }
}

/// The first moments are logged in every trial, so that none is measured in another way, and kept of one block, so that files
/// stay small.
pub(crate) fn with_first_moments(mut measured: Measured, block: u32) -> Measured {
    measured.client.events = measured.client.events.filter(|_| block == EVENTS_OF_BLOCK);
    measured
}

/// What a link says of itself, in one line.
fn told(link: &LinkReport) -> String {
    let us = |ns: Option<u64>| ns.map_or_else(|| "-".to_owned(), |ns| (ns / 1_000).to_string());
    format!(
        "link: too late by p50 {} µs, p99 {} µs over {}; from socket to socket before it p50 {} µs, p99 {} µs; {:.0} % of a processor",
        us(link.error.p50_ns),
        us(link.error.p99_ns),
        count(link.error.count as usize, "packet"),
        us(link.sockets.p50_ns),
        us(link.sockets.p99_ns),
        100.0 * link.cpu_share()
    )
}
#[cfg(test)]
mod tests;
