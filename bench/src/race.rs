//! `wirerace race`: the five default arms at once, for about twenty seconds: a live table and an indicative verdict.

mod beside;
mod foreign;

use std::cell::{self, RefCell};
use std::io::IsTerminal;

use futures_util::future::{join, join_all};
use tokio::sync::watch;
use wirerace_clients::recorder::Progress;
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::results::{ArmEntry, Cell, Cpu, Manifest, Measured, SCHEMA_VERSION, Standing, Trial};
use wirerace_contract::spec::LoadSpec;

use self::beside::Outcome;
use self::foreign::{Foreign, Lane};
use crate::cli::RaceArguments;
use crate::experiment::Experiment;
use crate::failure::{Failure, file_failure};
use crate::identities::contradictions;
use crate::noise::disturbances;
use crate::output::{count, line, note};
use crate::race_board::Board;
use crate::report::{self, table, verdict};
use crate::run::RunFolder;
use crate::summary::summarise;
use crate::trial::{self, Happening, ServerFacts, TrialSetup};
use crate::{calibration, commands, environment, pinning, registry};

pub use self::foreign::Named;

/// Runs the race.
///
/// # Errors
/// When the request is wrong, no arm could be measured, or some are void.
pub fn race(arguments: &RaceArguments) -> Result<(), Failure> {
    environment::raise_descriptors_max();
    let experiment = experiment(arguments)?;
    let mut manifest = experiment.manifest(arguments.seed, pinning::choose());
    // A folder that cannot be made is told before the race, not after.
    let folder = arguments.out.as_deref().map(|out| RunFolder::create(out, &experiment.name)).transpose()?;
    let live = std::io::stdout().is_terminal();
    let runtime = commands::runtime()?;
    let servers = runtime.block_on(async {
        tokio::select! {
            () = commands::interrupted() => Err(Failure::Interrupted("interrupted before the race".to_owned())),
            met = foreign::meet(&arguments.server) => met,
        }
    })?;
    note(format!(
        "{} at once, {} each, {} quotes/s, polls each {} ms; about {} s",
        count(manifest.arms.len(), "arm"),
        count(arguments.clients as usize, "client"),
        arguments.rate,
        arguments.interval_ms,
        arguments.seconds + 6
    ));
    manifest.calibration = calibration::calibrate(manifest.environment.pinning.as_ref());
    let (trials, facts, outcomes) = runtime.block_on(async {
        tokio::select! {
            () = commands::interrupted() => Err(Failure::Interrupted("interrupted: a race is told only at its end".to_owned())),
            raced = all_at_once(&manifest, &servers, live) => raced,
        }
    })?;
    if let Some(facts) = facts {
        manifest.environment.feed_slice_us = facts.feed_slice_us;
        manifest.environment.congestion_control = facts.congestion_control;
    }
    let disturbed = shared_disturbances(&trials);
    let trials = without_machine_time(trials);
    let summary = summarise(&manifest, &trials, &[]);
    line(table::table(&summary, table::Format::Text))?;
    line(verdict::indicative(&summary))?;
    if !servers.is_empty() {
        line(format!("\n{}", table::aligned(&beside::table(&outcomes))))?;
        let feed = &manifest.cells[0].load.feed;
        beside::sentences(&outcomes, &servers, &summary, feed).into_iter().try_for_each(line)?;
    }
    for disturbance in &disturbed {
        line(format!("Disturbed: {disturbance}; close other programs and race again."))?;
    }
    if let Some(folder) = &folder {
        folder.write_manifest(&manifest)?;
        folder.append(&tainted_by(&disturbed, &trials))?;
        let paths = report::write_all(folder.path())?;
        line(format!("report: {}", paths.html.display()))?;
    } else {
        line("Next: wirerace run transports (one arm at a time, in blocks, with intervals and a report)")?;
    }
    let void: Vec<String> = trials
        .iter()
        .filter(|trial| trial.standing == Standing::Void)
        .map(|trial| format!("{}: {}", trial.arm.name, trial.reasons.join("; ")))
        .collect();
    if void.is_empty() { Ok(()) } else { Err(Failure::Void(format!("void, and left out: {}", void.join(" | ")))) }
}

/// What is raced: one block, in which all arms run at once.
fn experiment(arguments: &RaceArguments) -> Result<Experiment, Failure> {
    let names: Vec<&str> = match arguments.arms.as_slice() {
        [] => registry::default_arm_names().collect(),
        some => some.iter().map(String::as_str).collect(),
    };
    let arms = names.into_iter().map(|name| registry::arm(name, arguments.interval_ms));
    let arms = arms.collect::<Result<Vec<ArmEntry>, _>>().map_err(Failure::Usage)?;
    let feed = FeedSpec {
        seed: arguments.seed,
        symbols: 4,
        arrivals: Arrivals::Poisson,
        rate_per_s: arguments.rate,
        payload_bytes: 0,
    };
    feed.check().map_err(|error| Failure::Usage(error.to_string()))?;
    let load = LoadSpec {
        clients: arguments.clients,
        feed,
        window_ms: arguments.seconds * 1_000,
        warm_up_max_ms: 2_000,
        grid_ms: arguments.interval_ms,
        ..LoadSpec::default()
    };
    let name = format!(
        "all at once: {} clients each, {} quotes/s, polls each {} ms",
        arguments.clients, arguments.rate, arguments.interval_ms
    );
    Ok(Experiment {
        name: "race".to_owned(),
        question: "How do the arms compare when they run at once, at a small load, for a few seconds?".to_owned(),
        arms,
        cells: vec![Cell { name, load, exact: false }],
        blocks: 1,
        ..Experiment::default()
    })
}

/// What a race gives: our trials, what their servers told of the environment, and what became of servers not ours.
type Raced<'a> = (Vec<Trial>, Option<ServerFacts>, Vec<Outcome<'a>>);

/// Every arm in processes of its own; all feeds of ours start at one instant, at which those of others run already.
async fn all_at_once<'a>(manifest: &Manifest, servers: &'a [Foreign], live: bool) -> Result<Raced<'a>, Failure> {
    let scratch = tempfile::tempdir().map_err(|error| file_failure("create", &std::env::temp_dir(), &error))?;
    let load = &manifest.cells[0].load;
    let lanes =
        servers.iter().flat_map(|server| manifest.arms.iter().map(move |entry| Lane { server, entry: entry.clone() }));
    let lanes: Vec<Lane<'_>> = lanes.collect();
    let timed = |lane: &Lane<'_>| lane.server.untimed.is_none();
    let strange = lanes.iter().map(|lane| (lane.name(), timed(lane))).collect();
    let board = RefCell::new(Board::new(&manifest.arms, strange, load.clients, live));
    let gate = Gate::new(manifest.arms.len() + lanes.len());
    let trials = manifest.arms.iter().enumerate().map(|(index, entry)| {
        let (board, gate, scratch) = (&board, &gate, scratch.path());
        async move {
            let setup = TrialSetup {
                entry,
                load,
                phase_seed: manifest.seed,
                pinning: manifest.environment.pinning.clone(),
                metered: true,
                progress_ms: Some(250),
                scratch,
                link: None,
                injection: Default::default(),
            };
            let outcome =
                trial::measure(&setup, gate.start(), |happening| board.borrow_mut().note(index, &happening)).await;
            let (outcome, facts) = match outcome {
                Ok((measured, facts)) => (Ok(measured), Some(facts)),
                Err(error) => (Err(error), None),
            };
            (trial_of(manifest, index, outcome), facts)
        }
    });
    let strangers = lanes.into_iter().enumerate().map(|(number, lane)| {
        let (board, gate, index) = (&board, &gate, manifest.arms.len() + number);
        async move {
            let told = (load, manifest.seed, manifest.environment.pinning.as_ref());
            let watch = |progress: &Progress| board.borrow_mut().note(index, &Happening::Progress(progress));
            let outcome = lane.run(told, gate.start(), watch).await;
            (lane, outcome.map_err(|error| format!("{error:#}")))
        }
    });
    let (trials, outcomes) = join(join_all(trials), join_all(strangers)).await;
    let (trials, facts): (Vec<_>, Vec<_>) = trials.into_iter().unzip();
    board.borrow_mut().clear();
    Ok((trials, facts.into_iter().flatten().next(), outcomes))
}

/// Lets all arms start together. An arm that fails before it arrives gives up its place: the others start without it.
struct Gate {
    missing: watch::Sender<usize>,
    start_ns: cell::Cell<Option<u64>>,
}

/// How long arms wait for each other: longer than a load takes to connect its clients or to give up.
const TOGETHER: std::time::Duration = std::time::Duration::from_secs(90);

/// An arm that has not arrived yet.
struct Place<'a>(&'a Gate);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.missing.send_modify(|missing| *missing = missing.saturating_sub(1));
    }
}

impl Gate {
    fn new(arms: usize) -> Self {
        Self { missing: watch::Sender::new(arms), start_ns: cell::Cell::new(None) }
    }

    /// The instant at which all start, once everyone is there.
    fn start(&self) -> impl Future<Output = u64> {
        let place = Place(self);
        async move {
            drop(place);
            let mut missing = self.missing.subscribe();
            let _ = tokio::time::timeout(TOGETHER, missing.wait_for(|missing| *missing == 0)).await;
            let start_ns = self.start_ns.get().unwrap_or_else(|| monotonic_ns() + 200 * NS_PER_MS);
            self.start_ns.set(Some(start_ns));
            start_ns
        }
    }
}

fn trial_of(manifest: &Manifest, index: usize, outcome: anyhow::Result<Measured>) -> Trial {
    let entry = &manifest.arms[index];
    let cell = &manifest.cells[0];
    let (reasons, measured) = match outcome {
        Ok(measured) => {
            let delivers = entry.descriptor.delivers;
            let found = contradictions(&measured.client, &measured.server, &entry.arm, delivers, &cell.load);
            (found, Some(measured))
        }
        Err(error) => (vec![format!("{error:#}")], None),
    };
    Trial {
        schema_version: SCHEMA_VERSION,
        cell: cell.name.clone(),
        block: 1,
        position: u32::try_from(index + 1).unwrap_or(u32::MAX),
        attempt: 1,
        started_utc: manifest.started_utc.clone(),
        arm: entry.arm.clone(),
        descriptor: entry.descriptor.clone(),
        load: cell.load.clone(),
        standing: if reasons.is_empty() { Standing::Valid } else { Standing::Void },
        reasons,
        measured,
    }
}

/// The trials as they are kept: what disturbed one disturbed all, since they ran at once.
fn tainted_by(disturbed: &[String], trials: &[Trial]) -> Vec<Trial> {
    let mut trials = trials.to_vec();
    for trial in trials.iter_mut().filter(|trial| trial.standing == Standing::Valid && !disturbed.is_empty()) {
        trial.standing = Standing::Tainted;
        trial.reasons = disturbed.to_vec();
    }
    trials
}

/// What disturbed the machine while all arms ran: theirs is the processor time of all of them together.
fn shared_disturbances(trials: &[Trial]) -> Vec<String> {
    let all = || trials.iter().filter_map(|trial| trial.measured.as_ref()).map(|measured| measured.cpu);
    let Some(longest) = all().max_by_key(|cpu| cpu.wall_us) else { return Vec::new() };
    let server_us = all().map(|cpu| cpu.server_us).sum();
    let load_us = all().map(|cpu| cpu.load_us).sum();
    disturbances(&Cpu { server_us, load_us, ..longest }, longest.wall_us)
}

/// The machine's processor time belongs to all arms together and says nothing of one.
fn without_machine_time(mut trials: Vec<Trial>) -> Vec<Trial> {
    for measured in trials.iter_mut().filter_map(|trial| trial.measured.as_mut()) {
        measured.cpu.machine_us = None;
    }
    trials
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_disturbed_one_disturbed_all_that_is_kept() {
        let (_, mut trials) = crate::report::fixture::run();
        trials.truncate(2);
        trials[1].standing = Standing::Void;
        assert_eq!(tainted_by(&[], &trials), trials);
        let kept = tainted_by(&["steal".to_owned()], &trials);
        assert_eq!((kept[0].standing, kept[0].reasons.as_slice()), (Standing::Tainted, &["steal".to_owned()][..]));
        assert_eq!(kept[1].standing, Standing::Void);
    }

    #[tokio::test(start_paused = true)]
    async fn an_arm_that_fails_keeps_nobody_waiting() {
        let gate = Gate::new(3);
        let (first, failed, second) = (gate.start(), gate.start(), gate.start());
        drop(failed);
        let begun = tokio::time::Instant::now();
        let (first_ns, second_ns) = tokio::join!(first, second);
        assert_eq!(first_ns, second_ns);
        assert_eq!(begun.elapsed().as_secs(), 0);
    }
}
