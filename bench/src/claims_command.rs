//! `wirerace claims`: reads runs, takes the exchanges, prints verdicts, records them, checks them.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::claims::recorded::{Recorded, VERSION, differences};
use crate::claims::{Evidence, Finding, MARGINS_UTC, RunSummary, decide_all, deciding, table, why_not_deciding};
use crate::cli::ClaimsArguments;
use crate::commands::runtime;
use crate::exchanges;
use crate::failure::{Failure, file_failure};
use crate::output::{count, line, note};
use crate::published;
use crate::report::read::{MANIFEST, check_folder, folder_name, read, read_manifest};
use crate::summary::summarise;
use crate::utc;

/// Where runs are looked for when none is named.
const RESULTS: &str = "results";

/// Does what the arguments ask for.
///
/// # Errors
/// When a run cannot be read, nothing is recorded that could be checked, or a verdict differs from the recorded one.
pub fn claims(arguments: &ClaimsArguments) -> Result<(), Failure> {
    // Read first: a missing record must not cost the reading of large runs.
    let recorded = if arguments.check { Some(recorded(&arguments.recorded)?) } else { None };
    let runs = runs(&arguments.dirs)?;
    if arguments.tables {
        let evidence = Evidence { runs, exchanges: Vec::new() };
        return line(published::print(&published::tables(&evidence), arguments.format.into()));
    }
    let (runs, unused) = deciding(runs);
    for (name, why) in unused {
        note(format!("not used: {name} {why} (margins of {MARGINS_UTC})"));
    }
    let exchanges = runtime()?.block_on(exchanges::take())?;
    let evidence = Evidence { runs, exchanges };
    let findings = decide_all(&evidence);
    if let Some(recorded) = recorded {
        return check(&recorded, &findings);
    }
    line(table::table(&findings, arguments.format.into()))?;
    if arguments.record { record(&arguments.recorded, &evidence, findings) } else { Ok(()) }
}

/// The newest run of each experiment in `dirs`, or under results when there are none; one that may decide before any that
/// may not.
fn runs(dirs: &[PathBuf]) -> Result<Vec<RunSummary>, Failure> {
    let mut newest: Vec<(String, (bool, String), PathBuf)> = Vec::new();
    let named = !dirs.is_empty();
    let default = [PathBuf::from(RESULTS)];
    for dir in if named { dirs } else { &default } {
        let found = folders(dir)?;
        if named && found.is_empty() {
            check_folder(dir)?;
        }
        for folder in found {
            let manifest = read_manifest(&folder)?;
            let decides = why_not_deciding(&manifest.started_utc, manifest.quick).is_none();
            let rank = (decides, manifest.started_utc);
            match newest.iter_mut().find(|(experiment, ..)| *experiment == manifest.experiment) {
                // By the time of the manifest: folders of reference runs have names of their own.
                Some(other) if other.1 < rank => *other = (manifest.experiment, rank, folder),
                Some(_) => {}
                None => newest.push((manifest.experiment, rank, folder)),
            }
        }
    }
    newest.sort();
    newest.into_iter().map(|(_, _, folder)| summary_of(&folder)).collect()
}

/// `dir` itself if it is a run, else the runs in it. What is not there, or no folder, holds none.
fn folders(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    if dir.join(MANIFEST).is_file() {
        return Ok(vec![dir.to_owned()]);
    }
    match std::fs::read_dir(dir) {
        Ok(entries) => {
            let found = entries.flatten().map(|entry| entry.path()).filter(|path| path.join(MANIFEST).is_file());
            // A folder lists in an order of its own.
            let mut found: Vec<PathBuf> = found.collect();
            found.sort();
            Ok(found)
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(file_failure("read", dir, &error)),
    }
}

fn summary_of(folder: &Path) -> Result<RunSummary, Failure> {
    let run = read(folder)?;
    Ok(RunSummary { name: folder_name(folder), summary: summarise(&run.manifest, &run.trials, &run.warnings) })
}

fn recorded(file: &Path) -> Result<Recorded, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::Usage(format!(
            "no verdicts are recorded in {}: record them with `wirerace claims --record`, or name a file with --recorded",
            file.display()
        )),
        _ => file_failure("read", file, &error),
    })?;
    let damaged = |why: String| {
        Failure::Usage(format!(
            "{} is damaged ({why}): record it again with `wirerace claims --record`",
            file.display()
        ))
    };
    let recorded: Recorded = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
    if recorded.schema_version > VERSION {
        return Err(damaged(format!("version {}, this wirerace knows up to {VERSION}", recorded.schema_version)));
    }
    Ok(recorded)
}

fn check(recorded: &Recorded, findings: &[Finding]) -> Result<(), Failure> {
    let differences = differences(&recorded.findings, findings);
    if differences.is_empty() {
        return line(format!("{} as recorded on {}", count(findings.len(), "verdict"), recorded.recorded_utc));
    }
    for difference in &differences {
        line(difference.words())?;
    }
    Err(Failure::Failed(format!(
        "{} from what was recorded on {}",
        if differences.len() == 1 {
            "1 verdict differs".to_owned()
        } else {
            format!("{} verdicts differ", differences.len())
        },
        recorded.recorded_utc
    )))
}

/// Writes the verdicts, and the exchanges as text beside them.
fn record(file: &Path, evidence: &Evidence, findings: Vec<Finding>) -> Result<(), Failure> {
    let recorded = Recorded {
        schema_version: VERSION,
        recorded_utc: utc::now(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        runs: evidence.runs.iter().map(|run| run.name.clone()).collect(),
        findings,
    };
    let json = serde_json::to_string_pretty(&recorded).map_err(anyhow::Error::from)? + "\n";
    let shown = file.with_extension("exchanges.txt");
    let text: Vec<String> = evidence.exchanges.iter().map(crate::claims::trace::Exchange::text).collect();
    for (path, text) in [(file, json), (shown.as_path(), text.join("\n"))] {
        std::fs::write(path, text).map_err(|error| file_failure("write", path, &error))?;
    }
    note(format!("recorded: {} and {}", file.display(), shown.display()));
    Ok(())
}
