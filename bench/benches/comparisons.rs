//! The comparison of the transports, as `cargo bench` runs it: not criterion's, since its unit is a trial of two
//! processes and several seconds, not a function.
//!
//! `cargo bench -- --list` lists the arms, a filter keeps those whose name contains it, `--test` (and `cargo test
//! --benches`) runs one tiny trial of each and measures nothing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wirerace::experiment::Experiment;
use wirerace::failure::Failure;
use wirerace::run::{Run, RunOptions};
use wirerace::{child, commands, environment};

/// What the command line of a bench may say; cargo itself adds `--bench`.
#[derive(Default)]
struct Wish {
    bench: bool,
    test: bool,
    list: bool,
    exact: bool,
    filters: Vec<String>,
}

fn main() -> ExitCode {
    let wish = match read(std::env::args().skip(1)) {
        Ok(wish) => wish,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    child::set_program(PathBuf::from(env!("CARGO_BIN_EXE_wirerace")));
    match compare(&wish) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn read(arguments: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut wish = Wish::default();
    for argument in arguments {
        match argument.as_str() {
            "--bench" => wish.bench = true,
            "--test" => wish.test = true,
            "--list" => wish.list = true,
            "--exact" => wish.exact = true,
            // Criterion's and the test harness's own, which ask nothing of this bench.
            "--quiet" | "-q" | "--nocapture" | "--verbose" | "--noplot" | "--quick" => {}
            option if option.starts_with('-') => {
                return Err(format!(
                    "unknown option `{option}`: the comparisons take --list, --test, --exact and a filter"
                ));
            }
            filter => wish.filters.push(filter.to_owned()),
        }
    }
    Ok(wish)
}

fn compare(wish: &Wish) -> Result<(), Failure> {
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
        experiment.arms.iter().for_each(|entry| println!("{}: benchmark", name(&entry.arm.name)));
        return Ok(());
    }
    if experiment.arms.is_empty() {
        // The filter means a micro-cost of the other bench.
        return Ok(());
    }
    environment::raise_descriptors_max();
    // Cargo runs benches in their package's folder; results belong to the top.
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("results");
    let scratch;
    let out = if measuring {
        results.canonicalize().unwrap_or(results)
    } else {
        scratch = tempfile::tempdir().map_err(|error| Failure::Failed(error.to_string()))?;
        scratch.path().to_owned()
    };
    let options = RunOptions { out, seed: 1, pin: true, verbose: measuring, calibration: None };
    commands::finish(Run::create(&experiment, &options)?)
}
