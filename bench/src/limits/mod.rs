//! `wirerace run limits`: how far the suite is from bare loops, and how much it carries.
//!
//! Every ratio comes from interleaved pairs taken in one go, ours and the floor in turn, each in processes of their
//! own, the server pinned to one processor and the clients to the other.

pub mod distance;
pub mod floor;
pub mod idle;
pub mod measure;
pub mod pairs;
pub mod polls;
pub mod push;
pub mod raw_poller;
pub mod raw_reader;
pub mod role;
pub mod saturated;
pub mod scale;
pub mod scanner;
pub mod verdict;

use std::path::PathBuf;

use crate::cli::RunArguments;
use crate::failure::{Failure, file_failure};
use crate::nearest::nearest;
use crate::output::{line, note};
use crate::{commands, environment, link, pinning, run, utc};
use measure::Bench;
use verdict::{Figure, Limits};

/// What `wirerace run limits` was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder under which results are kept.
    pub out: PathBuf,
    /// Small and short: to see that it works.
    pub smoke: bool,
    /// Only these parts; all but `soak` if empty.
    pub only: Vec<String>,
    /// Pairs of each part that compares; 12 if not given.
    pub pairs: Option<usize>,
}

impl From<&RunArguments> for Options {
    fn from(arguments: &RunArguments) -> Self {
        Self {
            out: arguments.out.clone(),
            smoke: arguments.smoke,
            only: arguments.only.clone(),
            pairs: arguments.blocks.map(|blocks| blocks.max(1) as usize),
        }
    }
}

/// The parts, in their order. `soak` takes ten minutes and is run when named.
const PARTS: [&str; 9] = ["link", "push", "saturated", "polling", "meter", "publisher", "memory", "scale", "soak"];

/// Measures the limits, prints each figure beside its target, and keeps them in a folder of their own.
///
/// # Errors
/// When a part cannot be measured on this system, a target is missed, or the user stops it; what was measured before is
/// kept.
pub fn run(options: &Options) -> Result<(), Failure> {
    for part in &options.only {
        if !PARTS.contains(&part.as_str()) {
            return Err(Failure::Usage(nearest("part of limits", part, PARTS)));
        }
    }
    let pinning = pinning::choose().ok_or_else(|| {
        Failure::Failed("limits need two processors to pin to, and Linux; `wirerace doctor` tells what is here".into())
    })?;
    let dir = run::fresh_folder(&options.out, "limits")?;
    let mut limits = Limits {
        software: env!("CARGO_PKG_VERSION").to_owned(),
        commit: environment::commit(),
        started_utc: utc::now(),
        smoke: options.smoke,
        environment: environment::environment(Some(pinning.clone())),
        figures: Vec::new(),
    };
    let bench = Bench { pinning, smoke: options.smoke, pairs: options.pairs };
    let runtime = commands::runtime()?;
    for part in PARTS {
        let wanted =
            if options.only.is_empty() { part != "soak" } else { options.only.iter().any(|only| only == part) };
        if !wanted {
            continue;
        }
        // Whoever asks for everything gets all that there is here; whoever asks for the link is told why there is none.
        if part == "link"
            && options.only.is_empty()
            && let Err(refused) = link::probe()
        {
            note(format!("limits: link left out: {refused}"));
            continue;
        }
        note(format!("limits: {part}"));
        let figures = runtime.block_on(async {
            tokio::select! {
                () = commands::interrupted() => None,
                figures = measure_part(part, &bench) => Some(figures),
            }
        });
        let Some(figures) = figures else {
            return Err(Failure::Interrupted(format!("interrupted: what is done is kept in {}", dir.display())));
        };
        for figure in figures.map_err(|error| Failure::Failed(format!("{part}: {error:#}")))? {
            line(&figure)?;
            limits.figures.push(figure);
        }
        limits.write(&dir).map_err(|error| file_failure("write", &dir, &error))?;
    }
    note(format!("limits: kept in {}", dir.join("limits.md").display()));
    let missed = limits.figures.iter().filter(|figure| !figure.met()).count();
    if missed > 0 && !options.smoke {
        return Err(Failure::Failed(format!("{missed} of {} targets are missed", limits.figures.len())));
    }
    Ok(())
}

async fn measure_part(part: &str, bench: &Bench) -> anyhow::Result<Vec<Figure>> {
    match part {
        "link" => distance::link(bench).await,
        "push" => push::unsaturated(bench).await,
        "saturated" => saturated::saturated(bench).await,
        "polling" => polls::polling(bench).await,
        "meter" => push::meter_cost(bench).await,
        "publisher" => scale::publisher(bench).await,
        "memory" => idle::memory(bench).await,
        "scale" => scale::scale(bench).await,
        _ => idle::soak(bench).await,
    }
}
