//! `wirerace advise`: which way to take.

use std::path::PathBuf;

use clap::Args;
use wirerace_contract::descriptor::Descriptor;

use crate::advise::{self, BUILT_IN, Question, observations, words};
use crate::cli::TextFormat;
use crate::failure::Failure;
use crate::output::line;
use crate::registry;
use crate::report::read::{Run, folder_name, read};
use crate::report::table::aligned;
use crate::summary::{Summary, summarise};
use crate::units;

/// Arguments of `advise`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wirerace advise --rate 5/s --clients 20000 --staleness 1s --rtt 80ms --payload 200
  wirerace advise --rate 50/s --clients 20k --staleness 500ms --latest-only --runs results/20260131T091500Z-advise
  wirerace advise --held-out
  wirerace advise --held-out --runs results/20260131T091500Z-advise")]
pub struct AdviseArguments {
    /// Quotes that each client is to see: 5/s, 300/min.
    #[arg(long, value_parser = units::rate, default_value = "5/s")]
    pub rate: f64,
    /// How many clients: 20000, 20k, 1M.
    #[arg(long, value_parser = units::amount, default_value = "1000")]
    pub clients: u64,
    /// How old the price shown may be, beyond what must be, 99 % of the time: 1s, 250ms.
    #[arg(long, value_parser = units::time_s, default_value = "1s")]
    pub staleness: f64,
    /// There and back between client and server: 80ms; 0 for one host.
    #[arg(long, value_parser = units::time_s, default_value = "0")]
    pub rtt: f64,
    /// Size of a quote, bytes: 200, 1KiB.
    #[arg(long, value_parser = units::payload, default_value = "120")]
    pub payload: u32,
    /// Clients send messages up too; how often each (1/s if not said).
    #[arg(long, value_name = "RATE", value_parser = units::rate, num_args = 0..=1, default_missing_value = "1/s")]
    pub two_way: Option<f64>,
    /// Only the newest quote is wanted, at most once an interval.
    #[arg(long)]
    pub latest_only: bool,
    /// Folders of runs to learn costs from. Default: 2026-11-30-advise (50, 200 and 800 clients), which is built in.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub runs: Vec<PathBuf>,
    /// Instead of advice: how far the model is off at sizes that it was not fitted to, and the costs that it found.
    #[arg(long)]
    pub held_out: bool,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
}

/// The summary of [`BUILT_IN`], written with its report: to sum its trials up again takes seconds.
const REFERENCE: &str = include_str!("../../results/2026-11-30-advise/summary.json");

fn reference() -> Result<(String, Summary), Failure> {
    let summary = serde_json::from_str(REFERENCE).map_err(|error| {
        Failure::Failed(format!("the reference results built in cannot be read ({error}); name runs with --runs"))
    })?;
    Ok((BUILT_IN.to_owned(), summary))
}

/// Sums a run up. Files of older versions do not say what their transports put around a quote; the program knows.
fn completed(mut run: Run) -> Summary {
    let known = |descriptor: &mut Descriptor| {
        if descriptor.wraps.is_none() {
            descriptor.wraps = registry::row(&descriptor.name).ok().and_then(|row| row.descriptor.wraps);
        }
    };
    run.manifest.arms.iter_mut().for_each(|entry| known(&mut entry.descriptor));
    run.trials.iter_mut().for_each(|trial| known(&mut trial.descriptor));
    summarise(&run.manifest, &run.trials, &run.warnings)
}

fn runs(dirs: &[PathBuf]) -> Result<Vec<(String, Summary)>, Failure> {
    if dirs.is_empty() {
        return Ok(vec![reference()?]);
    }
    let one = |dir: &PathBuf| Ok((folder_name(dir), completed(read(dir)?)));
    dirs.iter().map(one).collect()
}

/// Advises, and prints.
///
/// # Errors
/// When a run is missing or cannot be read, or none has a cell to learn from.
pub fn advise(arguments: &AdviseArguments) -> Result<(), Failure> {
    if arguments.staleness <= 0.0 {
        return Err(Failure::Usage("--staleness 0: a budget must be longer than nothing, for example 1s".to_owned()));
    }
    let runs = runs(&arguments.runs)?;
    let named: Vec<(String, &Summary)> = runs.iter().map(|(name, summary)| (name.clone(), summary)).collect();
    let ways = observations::ways(&named);
    if ways.is_empty() {
        return Err(Failure::Failed(
            "these runs have no cell to learn from: name some on loopback with default heads and JSON quotes, such as `wirerace run advise` makes"
                .to_owned(),
        ));
    }
    let question = Question {
        rate_per_s: arguments.rate,
        clients: arguments.clients,
        staleness_s: arguments.staleness,
        rtt_s: arguments.rtt,
        payload_bytes: arguments.payload,
        orders_per_s: arguments.two_way.unwrap_or(0.0),
        latest_only: arguments.latest_only,
    };
    let advice = advise::advise_from(&question, &ways);
    match (arguments.format, arguments.held_out) {
        (TextFormat::Json, _) => line(serde_json::to_string_pretty(&advice).map_err(anyhow::Error::from)?),
        (TextFormat::Text, true) => {
            line(aligned(&words::held_out(&advice.held_out)))?;
            line(aligned(&words::unit_costs(&ways)))?;
            line(words::held_out_verdict(&advice.held_out))
        }
        (TextFormat::Markdown, true) => {
            line(crate::report::markdown::table(&words::held_out(&advice.held_out)))?;
            line(crate::report::markdown::table(&words::unit_costs(&ways)))?;
            line(words::held_out_verdict(&advice.held_out))
        }
        (TextFormat::Text, false) => line(words::text(&advice)),
        (TextFormat::Markdown, false) => line(words::markdown(&advice)),
    }
}
