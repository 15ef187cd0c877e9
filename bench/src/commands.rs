//! What each command of the command line does.

use std::path::{Path, PathBuf};

use clap::CommandFactory;

use crate::cli::{Cli, Command, Format, ReportArguments, RunArguments};
use crate::experiment::{self, Experiment};
use crate::failure::{Failure, file_failure};
use crate::report::{self, table};
use crate::run::{Finished, Run, RunOptions};
use crate::{doctor, environment, limits, load_command, race, schemas, serve_command};

/// Does what the command line asks for.
///
/// # Errors
/// With the sentence to print and the exit code to end with.
pub fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Race(arguments) => race::race(&arguments),
        Command::Run(arguments) => run(&arguments),
        Command::Report(arguments) => report(&arguments),
        Command::Serve(arguments) => serve_command::serve(&arguments),
        Command::Load(arguments) => load_command::load(&arguments),
        Command::Doctor => doctor::doctor(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "wirerace", &mut std::io::stdout());
            Ok(())
        }
        Command::Part => limits::role::play(),
        Command::Schemas { dir } => schemas::write_all(&dir),
    }
}

/// A runtime on this thread alone.
///
/// # Errors
/// When the system has no more descriptors.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::Failed(format!("cannot start the runtime ({error}); is the limit of open files reached?"))
    })
}

/// Ends when the user presses Ctrl-C or the system asks to terminate.
pub async fn interrupted() {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

fn run(arguments: &RunArguments) -> Result<(), Failure> {
    environment::raise_descriptors_max();
    if let Some(dir) = &arguments.resume {
        return finish(Run::resume(dir, true)?);
    }
    let names: Vec<&str> = arguments.experiments.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["list"] => {
            for name in experiment::names() {
                println!("{name}: {}", Experiment::find(name)?.question);
            }
            println!("limits: how far is the suite from bare loops, and how much does it carry?");
            return Ok(());
        }
        ["limits"] => return limits::run(&limits::Options::from(arguments)),
        _ => {}
    }
    let names = if names.is_empty() { vec!["transports"] } else { names };
    // All are read before the first is run: a mistake in the last must not cost an hour.
    let experiments = names.iter().map(|name| prepared(name, arguments)).collect::<Result<Vec<_>, _>>()?;
    for experiment in &experiments {
        let options =
            RunOptions { out: arguments.out.clone(), seed: arguments.seed, pin: !arguments.no_pin, verbose: true };
        finish(Run::create(experiment, &options)?)?;
    }
    Ok(())
}

fn prepared(name: &str, arguments: &RunArguments) -> Result<Experiment, Failure> {
    if name == "limits" || name == "list" {
        return Err(Failure::Usage(format!("`{name}` stands alone: wirerace run {name}")));
    }
    let mut experiment = Experiment::find(name)?;
    if !arguments.arms.is_empty() {
        experiment.keep_arms(&arguments.arms)?;
    }
    experiment.blocks = arguments.blocks.unwrap_or(experiment.blocks);
    if let Some(clients) = arguments.clients {
        for cell in &mut experiment.cells {
            cell.load.clients = clients;
            cell.name = format!("{clients} clients: {}", cell.name);
        }
    }
    experiment.check().map_err(Failure::Usage)?;
    Ok(experiment)
}

/// Runs to the end, writes the report, prints the table and where the report is.
///
/// # Errors
/// When interrupted (the report of what is done is written all the same), or when trials are void.
pub fn finish(run: Run) -> Result<(), Failure> {
    let dir = run.dir().to_owned();
    let outcome = runtime()?.block_on(run.go(interrupted()));
    // Whatever happened, what was measured is told.
    let told = tell(&dir, Format::Text);
    let Finished { void, .. } = outcome?;
    told?;
    if void.is_empty() {
        return Ok(());
    }
    Err(Failure::Void(format!("{} trials are void and were left out: {}", void.len(), void.join(" | "))))
}

/// Writes all of a run's report and prints its table.
fn tell(dir: &Path, format: Format) -> Result<(), Failure> {
    let paths = report::write_all(dir).map_err(|error| Failure::Failed(error.to_string()))?;
    println!("{}", table::table(&paths.summary, format.into()));
    eprintln!("report: {}", paths.html.display());
    Ok(())
}

fn report(arguments: &ReportArguments) -> Result<(), Failure> {
    if !arguments.dirs.is_empty() {
        return arguments.dirs.iter().try_for_each(|dir| tell(dir, arguments.format));
    }
    tell(&newest_run(Path::new("results"))?, arguments.format)
}

/// The newest run under `results`: folders begin with their time.
fn newest_run(results: &Path) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(results).map_err(|error| file_failure("read", results, &error))?;
    let runs = entries.flatten().map(|entry| entry.path()).filter(|path| path.join("manifest.json").is_file());
    runs.max().ok_or_else(|| {
        Failure::Usage("there is no run under results yet: make one with `wirerace run`, or name a folder".to_owned())
    })
}
