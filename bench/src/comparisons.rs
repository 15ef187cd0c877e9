//! The comparison of the transports, as `cargo bench` asks for it.
//!
//! `cargo bench -- --list` lists the arms, a filter keeps those whose name contains it, `--quick` is the look that `wirerace run
//! --quick` is, `--test` (and `cargo test --benches`) runs one tiny trial of each and measures nothing.

use std::path::Path;

use crate::commands::finish;
use crate::environment;
use crate::experiment::{Experiment, scope};
use crate::failure::Failure;
use crate::output::line;
use crate::run::{Run, RunOptions};

/// What the command line of a bench may say; cargo itself adds `--bench`.
#[derive(Default)]
struct Wish {
    bench: bool,
    test: bool,
    list: bool,
    quick: bool,
    exact: bool,
    filters: Vec<String>,
}

fn read(words: &[String]) -> Result<Wish, String> {
    let mut wish = Wish::default();
    for word in words {
        match word.as_str() {
            "--bench" => wish.bench = true,
            "--test" => wish.test = true,
            "--list" => wish.list = true,
            "--exact" => wish.exact = true,
            "--quick" => wish.quick = true,
            // Criterion's and the test harness's own, which ask nothing of this bench.
            "--quiet" | "-q" | "--nocapture" | "--verbose" | "--noplot" => {}
            option if option.starts_with('-') => {
                return Err(format!(
                    "unknown option `{option}`: the comparisons take --list, --quick, --test, --exact and a filter"
                ));
            }
            filter => wish.filters.push(filter.to_owned()),
        }
    }
    Ok(wish)
}

/// Does what the bench was asked for; what is measured goes to a folder under `results`.
///
/// # Errors
/// When an option is unknown, or with what a run ends with.
pub fn compare(results: &Path, words: &[String]) -> Result<(), Failure> {
    let wish = read(words).map_err(Failure::Usage)?;
    let measuring = wish.bench && !wish.test;
    let mut experiment = Experiment::find(if measuring { "transports" } else { "tiny" })?;
    let name = |arm: &str| format!("transports/{arm}");
    let wanted = |arm: &str| {
        let name = name(arm);
        let fits = |filter: &String| if wish.exact { name == *filter } else { name.contains(filter.as_str()) };
        wish.filters.is_empty() || wish.filters.iter().any(fits)
    };
    experiment.arms.retain(|entry| wanted(&entry.arm.name));
    if wish.list {
        return experiment.arms.iter().try_for_each(|entry| line(format!("{}: benchmark", name(&entry.arm.name))));
    }
    if experiment.arms.is_empty() {
        // The filter means a micro-cost of the other bench.
        return Ok(());
    }
    if measuring && wish.quick {
        scope::make_quick(std::slice::from_mut(&mut experiment), scope::QUICK_S);
    }
    environment::raise_descriptors_max();
    let scratch;
    let out = if measuring {
        results.canonicalize().unwrap_or_else(|_| results.to_owned())
    } else {
        scratch = tempfile::tempdir().map_err(|error| Failure::Failed(error.to_string()))?;
        scratch.path().to_owned()
    };
    let options = RunOptions { out, seed: 1, pin: true, verbose: measuring, calibration: None };
    finish(Run::create(&experiment, &options)?)
}
