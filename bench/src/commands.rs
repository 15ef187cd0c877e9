//! What each command of the command line does.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use wirerace_contract::results::Cell;
use wirerace_contract::spec::{Link, Path as LoadPath};

use crate::cli::{Cli, Command, Format, PictureArguments, ReportArguments, ReportFormat, RunArguments};
use crate::experiment::length::Length;
use crate::experiment::{self, Experiment, scope};
use crate::failure::{Failure, file_failure};
use crate::output::{count, line, note};
use crate::report::{self, table};
use crate::run::{Finished, Run, RunOptions};
use crate::summary::Summary;
use crate::{
    advise_command, check_command, claims_command, compare_command, comparisons, demo, doctor, environment, limits,
    link, load_command, picture, race, schemas, self_test, serve_command, verify_command,
};

/// Does what the command line asks for.
///
/// # Errors
/// With the sentence to print and the exit code to end with.
pub fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Race(arguments) => race::race(&arguments),
        Command::Run(arguments) => run(&arguments),
        Command::Report(arguments) => report(&arguments),
        Command::Compare(arguments) => compare_command::compare(&arguments),
        Command::Advise(arguments) => advise_command::advise(&arguments),
        Command::Claims(arguments) => claims_command::claims(&arguments),
        Command::Check(arguments) => check_command::check(&arguments),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Serve(arguments) => serve_command::serve(&arguments),
        Command::Load(arguments) => load_command::load(&arguments),
        Command::Verify(arguments) => verify_command::verify(&arguments),
        Command::Doctor => doctor::doctor(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "wirerace", &mut std::io::stdout());
            Ok(())
        }
        Command::Link(arguments) => link::check::check(&arguments),
        Command::Comparisons { results, words } => comparisons::compare(&results, &words),
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
        let run = Run::resume(dir, true)?;
        let link = link::cells::open_again(run.cells())?;
        return finish(run.over(link)?);
    }
    let names: Vec<&str> = arguments.experiments.iter().map(String::as_str).collect();
    check_options(&names, arguments)?;
    match names.as_slice() {
        ["list"] => return list(arguments),
        ["limits"] => return limits::run(&limits::Options::from(arguments)),
        ["self-test"] => return self_test::run(&self_test::Options::from(arguments)),
        _ => {}
    }
    let names = match names.as_slice() {
        [] => vec!["transports"],
        ["all"] => questions().collect(),
        _ => names,
    };
    // All are read before the first is run: a mistake in the last must not cost an hour.
    let mut experiments = prepared(&names, arguments)?;
    announce(&experiments);
    // Namespaces are entered before there is a runtime: afterwards there would be a thread to leave behind.
    let link = link::cells::open_or_delay(experiments.iter_mut().flat_map(|experiment| &mut experiment.cells))?;
    let mut void = Vec::new();
    let mut options = RunOptions {
        out: arguments.out.clone(),
        seed: arguments.seed,
        pin: !arguments.no_pin,
        verbose: true,
        calibration: None,
    };
    for (number, experiment) in experiments.iter().enumerate() {
        let run = Run::create(experiment, &options)?.over(link.clone())?;
        // A look calibrates once for all that it looks at; what is to be trusted does so before each.
        options.calibration = run.calibration().filter(|_| arguments.quick);
        match finish(run) {
            Ok(()) => {}
            // A void trial of one question says nothing about the next.
            Err(Failure::Void(why)) => void.push(format!("{}: {why}", experiment.name)),
            Err(failure) => {
                let left: Vec<&str> = names.iter().skip(number + 1).copied().collect();
                return Err(with_the_rest(failure, &left));
            }
        }
    }
    if void.is_empty() { Ok(()) } else { Err(Failure::Void(void.join(" | "))) }
}

/// All built-in experiments that ask something.
fn questions() -> impl Iterator<Item = &'static str> {
    experiment::names().filter(|name| *name != experiment::TEST)
}

/// Refuses options that only some of the words that stand alone have.
fn check_options(names: &[&str], arguments: &RunArguments) -> Result<(), Failure> {
    if !arguments.only.is_empty() && names != ["limits"] {
        return Err(Failure::Usage("--only chooses parts of `wirerace run limits`: leave it out here".to_owned()));
    }
    if arguments.smoke && names != ["limits"] && names != ["self-test"] {
        return Err(Failure::Usage(
            "--smoke is for `wirerace run limits` and `wirerace run self-test`: leave it out here; a short look at an \
             experiment is --quick"
                .to_owned(),
        ));
    }
    Ok(())
}

fn list(arguments: &RunArguments) -> Result<(), Failure> {
    for name in experiment::names() {
        for experiment in prepared(&[name], arguments)? {
            line(format!("{name}: {} ({})", experiment.question, experiment.length()))?;
        }
    }
    let all = prepared(&questions().collect::<Vec<_>>(), arguments)?;
    line(format!("all: every one of these but tiny ({})", all.iter().map(Experiment::length).sum::<Length>()))?;
    let (self_test_s, _) = self_test::collect::Plan::new(&arguments.into()).map_err(Failure::Usage)?.seconds();
    let minutes = self_test_s.div_ceil(60);
    line(format!(
        "self-test: can the suite tell? Arms against themselves, and effects put in on purpose (about {minutes} minutes)"
    ))?;
    line(
        "limits: how far is the suite from bare loops, and how much does it carry? (about 40 minutes, ten of them `--only soak`)",
    )
}

/// Says how long it will take, before anything runs.
fn announce(experiments: &[Experiment]) {
    for experiment in experiments {
        note(format!("{}: {}", experiment.name, experiment.length()));
    }
    if experiments.len() > 1 {
        note(format!("all together: {}", experiments.iter().map(Experiment::length).sum::<Length>()));
    }
}

/// Who interrupts the third of five experiments wants to know how to go on with the last two.
fn with_the_rest(failure: Failure, left: &[&str]) -> Failure {
    match failure {
        Failure::Interrupted(words) if !left.is_empty() => {
            Failure::Interrupted(format!("{words}; then, with the same options: wirerace run {}", left.join(" ")))
        }
        other => other,
    }
}

/// The experiments of those names, in the scope that was asked for.
fn prepared(names: &[&str], arguments: &RunArguments) -> Result<Vec<Experiment>, Failure> {
    let mut experiments = names.iter().map(|name| found(name, arguments)).collect::<Result<Vec<_>, _>>()?;
    if arguments.quick {
        scope::make_quick(&mut experiments, scope::QUICK_S);
    }
    for experiment in &mut experiments {
        experiment.blocks = arguments.blocks.unwrap_or(experiment.blocks);
        experiment.check().map_err(Failure::Usage)?;
    }
    Ok(experiments)
}

fn found(name: &str, arguments: &RunArguments) -> Result<Experiment, Failure> {
    if ["limits", "list", "all", "self-test"].contains(&name) {
        return Err(Failure::Usage(format!("`{name}` stands alone: wirerace run {name}")));
    }
    let mut experiment = Experiment::find(name)?;
    if !arguments.arms.is_empty() {
        experiment.keep_arms(&arguments.arms)?;
    }
    if arguments.publish {
        experiment.make_publishable();
    }
    if let Some(clients) = arguments.clients {
        check_descriptors(clients)?;
        change_cells(&mut experiment, |cell| {
            let own = std::mem::replace(&mut cell.load.clients, clients);
            format!("{clients} clients instead of {own}: {}", cell.name)
        });
    }
    if let Some(round_trip_ms) = arguments.rtt {
        change_cells(&mut experiment, |cell| {
            let one_way_delay_us = u64::from(round_trip_ms) * 500;
            cell.load.path = LoadPath::Link(Link { one_way_delay_us, ..crate::link::PLAIN });
            format!("{round_trip_ms} ms round trip over the link: {}", cell.name)
        });
    }
    Ok(experiment)
}

/// Changes every cell. Its own name tells its own setting, so it gets another, and stays among the quick ones if it was.
fn change_cells(experiment: &mut Experiment, change: impl Fn(&mut Cell) -> String) {
    for cell in &mut experiment.cells {
        let before = cell.name.clone();
        let name = change(cell);
        experiment.quick_cells.iter_mut().filter(|quick| **quick == before).for_each(|quick| quick.clone_from(&name));
        cell.name = name;
    }
}

/// Descriptors of a process that are no connection.
pub const DESCRIPTORS_KEPT: u64 = 50;

/// Refuses more clients than a process can have connections.
fn check_descriptors(clients: u32) -> Result<(), Failure> {
    let most = environment::raise_descriptors_max().saturating_sub(DESCRIPTORS_KEPT);
    if u64::from(clients) > most {
        return Err(Failure::Usage(format!(
            "{clients} clients need as many open files, and the limit allows {most}: raise it with `ulimit -n`, or take fewer"
        )));
    }
    Ok(())
}

/// Runs to the end, writes the report, prints the table and where the report is.
///
/// # Errors
/// When interrupted (the report of what is done is written all the same), or when trials are void.
pub fn finish(run: Run) -> Result<(), Failure> {
    let dir = run.dir().to_owned();
    let outcome = runtime()?.block_on(run.go(interrupted()));
    // Whatever happened, what was measured is told.
    let told = tell(&dir, &dir, Format::Text);
    let Finished { usable, void, tainted, counts_only, .. } = outcome?;
    told?;
    if counts_only > 0 {
        note(format!(
            "{} tainted: the machine was busy with other work. Bytes, connections and counts are used, times are not.",
            count(counts_only, "trial")
        ));
    }
    if tainted > 0 {
        note(format!(
            "{} tainted and left out: the machine was busy with other work. Close it and run again for a full comparison.",
            count(tainted, "trial")
        ));
    }
    let left_out = || format!("{} void and left out: {}", count(void.len(), "trial"), void.join(" | "));
    match (usable, void.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(Failure::Void(left_out())),
        (false, false) => Err(Failure::Void(format!("no trial can be used: {}", left_out()))),
        (false, true) => {
            Err(Failure::Void("no trial can be used: all are tainted. Close other programs and run again".to_owned()))
        }
    }
}

/// Writes all of a run's report into the folder `to`, prints its table and returns what it says.
fn tell(named: &Path, to: &Path, format: Format) -> Result<Summary, Failure> {
    let paths = report::write_all_to(named, to)?;
    for warning in &paths.summary.warnings {
        note(format!("warning: {warning}"));
    }
    line(table::table(&paths.summary, format.into()))?;
    if let Some(rows) = report::capacity::table(&paths.summary).filter(|_| format == Format::Text) {
        line(table::aligned(&rows))?;
        line(report::capacity::SENTENCE)?;
    }
    if format == Format::Text {
        for cell in &paths.summary.cells {
            if let Some(rows) = report::targets::table(&paths.summary, cell) {
                line(format!("Theory, {}\n{}", cell.name, table::aligned(&rows)))?;
            }
        }
        report::targets::sentence(&paths.summary).map_or(Ok(()), line)?;
    }
    note(format!("report: {}", paths.html.display()));
    Ok(paths.summary)
}

fn report(arguments: &ReportArguments) -> Result<(), Failure> {
    check_output(&arguments.picture)?;
    let newest;
    let dirs = match arguments.dirs.as_slice() {
        [] => {
            newest = [newest_run(Path::new("results"))?];
            // Nobody named it, so it is said before anything is made of it.
            note(format!("the newest run: {}", newest[0].display()));
            &newest
        }
        named => named,
    };
    if let Some(chart) = &arguments.picture.chart {
        return picture::write(dirs, chart, arguments);
    }
    let format = match arguments.format {
        None | Some(ReportFormat::Text) => Format::Text,
        Some(ReportFormat::Markdown) => Format::Markdown,
        Some(ReportFormat::Csv) => Format::Csv,
        Some(ReportFormat::Json) => Format::Json,
        Some(ReportFormat::Svg | ReportFormat::Png) => {
            return Err(Failure::Usage("svg and png are for one picture: name it with --chart NAME".to_owned()));
        }
    };
    match (&arguments.picture.output, dirs) {
        (None, _) => tell_all(dirs, format),
        (Some(to), [named]) => check_usable(named, &tell(named, to, format)?),
        (Some(_), _) => {
            Err(Failure::Usage(format!("-o names the folder of one report, and {} runs are named", dirs.len())))
        }
    }
}

/// Refuses a picture's name where a folder is meant: it would become a folder called `x.png`.
fn check_output(picture: &PictureArguments) -> Result<(), Failure> {
    let named = picture.output.as_deref().filter(|to| picture.chart.is_none() && picture::of_name(to).is_some());
    match named {
        Some(to) if !to.is_dir() => Err(Failure::Usage(format!(
            "-o names a folder here, and {} looks like a picture; for one picture add --chart NAME",
            to.display()
        ))),
        _ => Ok(()),
    }
}

/// Writes the report of each run. One without a usable trial does not keep the others from theirs.
fn tell_all(dirs: &[PathBuf], format: Format) -> Result<(), Failure> {
    let mut empty = Vec::new();
    for named in dirs {
        match check_usable(named, &tell(named, &report_folder(named), format)?) {
            Err(Failure::Void(why)) => empty.push(why),
            other => other?,
        }
    }
    if empty.is_empty() { Ok(()) } else { Err(Failure::Void(empty.join(" | "))) }
}

/// Fails where no trial of the run can be used. What is written is written; who reads only the exit code must know that it
/// shows nothing.
///
/// # Errors
/// [`Failure::Void`].
pub(crate) fn check_usable(named: &Path, summary: &Summary) -> Result<(), Failure> {
    if summary.has_usable_trial() {
        return Ok(());
    }
    Err(Failure::Void(format!(
        "no trial of {} can be used: go on with `wirerace run --resume`, or run the experiment again",
        named.display()
    )))
}

/// Where a report goes: into the run's folder, or, of a run in one file, into a folder of its name beside it.
fn report_folder(named: &Path) -> PathBuf {
    if report::read::is_run_file(named) { named.with_extension("") } else { named.to_owned() }
}

/// The newest run under `results`: folders begin with their time.
fn newest_run(results: &Path) -> Result<PathBuf, Failure> {
    let none = || {
        Failure::Usage("there is no run under results yet: make one with `wirerace run`, or name a folder".to_owned())
    };
    let entries = std::fs::read_dir(results).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => none(),
        _ => file_failure("read", results, &error),
    })?;
    let runs = entries.flatten().map(|entry| entry.path()).filter(|path| path.join("manifest.json").is_file());
    runs.max().ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use clap::Parser;

    fn asked(words: &[&str]) -> Result<(), Failure> {
        let cli = Cli::try_parse_from(["wirerace", "report"].iter().chain(words)).unwrap();
        dispatch(cli.command)
    }

    #[test]
    fn runs_without_a_usable_trial_are_named_and_end_with_3() {
        let (good, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fixture::write(good.path());
        let (manifest, _) = fixture::run();
        fixture::write_run(empty.path(), &manifest, &[]);
        let summary = |dir: &Path| {
            let run = report::read(dir).unwrap();
            crate::summary::summarise(&run.manifest, &run.trials, &run.warnings)
        };
        assert!(check_usable(good.path(), &summary(good.path())).is_ok());
        let failure = check_usable(empty.path(), &summary(empty.path())).unwrap_err();
        let told = failure.to_string();
        assert!(failure.exit_code() == 3 && told.contains(empty.path().to_str().unwrap()), "{told}");
    }

    #[test]
    fn the_name_of_a_picture_is_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["x.png", "x.SVG"] {
            let to = dir.path().join(name);
            let failure = asked(&["results/none", "-o", to.to_str().unwrap()]).unwrap_err();
            let told = failure.to_string();
            assert!(failure.exit_code() == 2 && told.contains("for one picture add --chart NAME"), "{told}");
            assert!(!to.exists());
        }
        // A folder that is already called so is one.
        let to = dir.path().join("x.png");
        std::fs::create_dir(&to).unwrap();
        let told = asked(&["results/none", "-o", to.to_str().unwrap()]).unwrap_err().to_string();
        assert!(told.contains("there is no run in"), "{told}");
    }
}
