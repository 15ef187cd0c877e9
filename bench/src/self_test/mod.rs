//! `wirerace run self-test`: proves that the suite can tell.
//!
//! Real trials of one arm under two labels, A and B, stand beside real trials that were made worse on purpose: the
//! server burns processor time for every quote, its feed publishes a millisecond late, its quotes are two bytes
//! longer. Both go through the comparison that reports use. Labels that mean nothing must seldom come out as
//! *differs*; effects that were put in must be found.
//!
//! `collect` makes the trials, `relabel` draws pairs from them, `as_run` takes them as they came, `verdict` holds the
//! shares against their targets, `newest` finds the last one for the manifests of other runs.

pub mod as_run;
pub mod collect;
pub mod newest;
pub mod relabel;
pub mod verdict;

use std::path::PathBuf;

use crate::cli::RunArguments;
use crate::failure::{Failure, file_failure};
use crate::output::{count, line, note};
use crate::run::RunFolder;
use crate::{calibration, commands, environment, pinning, utc};
use collect::Plan;
use verdict::SelfTest;

/// What `wirerace run self-test` was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder under which results are kept.
    pub out: PathBuf,
    /// Small and short: to see that it works. Tainted trials count, and no target is held.
    pub smoke: bool,
    /// Usable blocks to collect, instead of the usual number.
    pub blocks: Option<u32>,
    /// Seed of quotes, phases, order and relabelling.
    pub seed: u64,
    /// Whether the two processes are pinned.
    pub pin: bool,
}

impl From<&RunArguments> for Options {
    fn from(arguments: &RunArguments) -> Self {
        Self {
            out: arguments.out.clone(),
            smoke: arguments.smoke,
            blocks: arguments.blocks,
            seed: arguments.seed,
            pin: !arguments.no_pin,
        }
    }
}

/// Makes the trials, draws the pairs, prints every share beside its target, and keeps all of it in a folder.
///
/// # Errors
/// When trials cannot be made or kept, a target is missed, or the user stops it.
pub fn run(options: &Options) -> Result<(), Failure> {
    let pinning = if options.pin { pinning::choose() } else { None };
    let plan = Plan::new(options).map_err(Failure::Usage)?;
    let (shortest_s, longest_s) = plan.seconds();
    note(format!(
        "self-test: {} of {} trials, about {shortest_s} s; if the machine is disturbed up to {longest_s} s",
        count(plan.blocks as usize, "block"),
        plan.items.len()
    ));
    let folder = RunFolder::create(&options.out, "self-test")?;
    let mut manifest = plan.experiment().manifest(options.seed, pinning.clone());
    manifest.calibration = calibration::calibrate(pinning.as_ref());
    folder.write_manifest(&manifest)?;
    folder.append(&[])?;
    let dir = folder.path().to_owned();
    let collected = commands::runtime()?.block_on(async {
        tokio::select! {
            () = commands::interrupted() => Err(Failure::Interrupted(format!("interrupted: the trials done are kept in {}", dir.display()))),
            collected = plan.collect(pinning.clone(), &folder) => collected,
        }
    })?;
    let (same, effects) = verdict::rows(&plan, &collected);
    let (as_run, in_order) = verdict::as_run(&plan, &collected);
    let result = SelfTest {
        software: env!("CARGO_PKG_VERSION").to_owned(),
        commit: environment::commit(),
        started_utc: manifest.started_utc,
        ended_utc: utc::now(),
        smoke: options.smoke,
        seed: options.seed,
        environment: environment::environment(pinning),
        load: plan.load.clone(),
        same,
        as_run,
        in_order,
        effects,
    };
    result.write(&dir).map_err(|error| file_failure("write", &dir, &error))?;
    result.lines().into_iter().try_for_each(line)?;
    note(format!("self-test: kept in {}", dir.join("self-test.md").display()));
    let unusable = collected.values().filter(|trial| !plan.usable(trial)).count();
    if result.same.iter().any(|row| row.differs.is_none()) && !options.smoke {
        return Err(Failure::Failed(format!(
            "too few usable blocks to decide: {unusable} of {} were tainted or void. Close other programs and run again",
            count(collected.len(), "trial")
        )));
    }
    let missed = result.missed();
    if missed > 0 && !options.smoke {
        return Err(Failure::Failed(format!("{missed} of the self-test's targets are missed")));
    }
    Ok(())
}
