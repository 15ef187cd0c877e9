//! Reads a run's directory. What is wrong is said in one sentence with what to do.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;
use wirerace_contract::results::{Manifest, RunFile, SCHEMA_VERSION, Trial};

/// Name of the file that says what is true of a whole run.
pub const MANIFEST: &str = "manifest.json";
/// Name of the file with one line per trial.
pub const TRIALS: &str = "trials.jsonl";

/// A run as it stands in its directory.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// What is true of all of it.
    pub manifest: Manifest,
    /// Its trials, in the order of the file.
    pub trials: Vec<Trial>,
    /// What could not be used, in sentences.
    pub warnings: Vec<String>,
}

/// A run that cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// What was named is no folder of a run.
    #[error("there is no run in {}: {}", .named.display(), remedy(.folder.as_deref()))]
    NoRun {
        /// What was named.
        named: PathBuf,
        /// The run's folder, where a file in it was named.
        folder: Option<PathBuf>,
    },
    /// A file is not there.
    #[error("{} is missing: give a directory that `wirerace run` made, or run it again", .0.display())]
    Missing(PathBuf),
    /// A file is there and cannot be read.
    #[error("{} cannot be read ({reason}): check its permissions and the disk", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The manifest is no manifest.
    #[error("{} is damaged ({reason}): restore it, or run the experiment again", .file.display())]
    DamagedManifest {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A run in one file is none.
    #[error("{} is damaged ({reason}): download it again, or record another run", .file.display())]
    DamagedFile {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A line before the last is no trial.
    #[error("line {line} of {} is damaged ({reason}): remove that line, and the other trials can be used", .file.display())]
    DamagedLine {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A newer wirerace wrote it.
    #[error(
        "{} has schema version {found}, this wirerace reads up to {SCHEMA_VERSION}: read it with the version that wrote it, or a newer one",
        .file.display()
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u32,
    },
    /// No wirerace wrote it: versions count from 1.
    #[error(
        "{} has schema version {found}, which no wirerace writes: restore it, or run the experiment again",
        .file.display()
    )]
    NoVersion {
        /// The file.
        file: PathBuf,
        /// What stands where its version should.
        found: u32,
    },
}

fn remedy(folder: Option<&Path>) -> String {
    match folder {
        Some(folder) => format!("that is a file of the run in {}; name the folder", folder.display()),
        None => "name a folder that `wirerace run` made".to_owned(),
    }
}

/// Refuses what is no folder of a run, with what was probably meant.
///
/// # Errors
/// [`ReadError::NoRun`].
pub fn check_folder(named: &Path) -> Result<(), ReadError> {
    if named.join(MANIFEST).exists() {
        return Ok(());
    }
    // Charts lie one folder further down.
    let above = named.ancestors().skip(1).take(2).find(|folder| folder.join(MANIFEST).is_file());
    let folder = above.filter(|_| named.is_file()).map(Path::to_owned);
    Err(ReadError::NoRun { named: named.to_owned(), folder })
}

/// The part of every object that must be read first.
#[derive(Deserialize)]
struct Versioned {
    schema_version: u32,
}

/// Why a text is not what it should be.
enum Wrong {
    Version(u32),
    Damaged(String),
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Wrong> {
    // The version first: what a newer one added or renamed must not be reported as damage.
    if let Ok(Versioned { schema_version }) = serde_json::from_str(text)
        && !(1..=SCHEMA_VERSION).contains(&schema_version)
    {
        return Err(Wrong::Version(schema_version));
    }
    serde_json::from_str(text).map_err(|e| Wrong::Damaged(e.to_string()))
}

/// What is wrong with `file`, whose version is none of those that are read.
fn of_version(file: PathBuf, found: u32) -> ReadError {
    if found > SCHEMA_VERSION { ReadError::Newer { file, found } } else { ReadError::NoVersion { file, found } }
}

fn load(file: &Path) -> Result<Vec<u8>, ReadError> {
    std::fs::read(file).map_err(|reason| match reason.kind() {
        std::io::ErrorKind::NotFound => ReadError::Missing(file.to_owned()),
        _ => ReadError::Unreadable { file: file.to_owned(), reason },
    })
}

/// Trials as they stand in their file.
#[derive(Clone, PartialEq, Debug)]
pub struct Trials {
    /// In the order of the file.
    pub trials: Vec<Trial>,
    /// What could not be used, in a sentence: a damaged last line, as a killed run leaves it.
    pub warning: Option<String>,
}

/// Reads `manifest.json` in `directory`.
///
/// # Errors
/// When there is no run in `directory`, or its manifest is unreadable, damaged, or of another schema version.
pub fn read_manifest(directory: &Path) -> Result<Manifest, ReadError> {
    check_folder(directory)?;
    let file = directory.join(MANIFEST);
    match parse(&String::from_utf8_lossy(&load(&file)?)) {
        Ok(manifest) => Ok(manifest),
        Err(Wrong::Version(found)) => Err(of_version(file, found)),
        Err(Wrong::Damaged(reason)) => Err(ReadError::DamagedManifest { file, reason }),
    }
}

/// Reads `trials.jsonl` in `directory`. A damaged last line is what a killed run leaves: it is named in the warning,
/// and the trials before it are used.
///
/// # Errors
/// When it is missing, unreadable, damaged elsewhere, or of another schema version.
pub fn read_trials(directory: &Path) -> Result<Trials, ReadError> {
    let file = directory.join(TRIALS);
    let text = load(&file)?;
    // Not UTF-8 is damage like any other: the replacement characters make that line fail, and only that.
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<(usize, &str)> =
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(|(i, l)| (i + 1, l)).collect();
    let mut trials = Vec::new();
    for (nth, (line, text)) in lines.iter().enumerate() {
        match parse::<Trial>(text) {
            Ok(trial) => trials.push(trial),
            Err(Wrong::Version(found)) => return Err(of_version(file, found)),
            Err(Wrong::Damaged(_)) if nth + 1 == lines.len() => {
                let warning = format!(
                    "The last line of {TRIALS} (line {line}) is damaged, as a killed run leaves it; the {} trials before \
                     it are used.",
                    trials.len()
                );
                return Ok(Trials { trials, warning: Some(warning) });
            }
            Err(Wrong::Damaged(reason)) => return Err(ReadError::DamagedLine { file, line: *line, reason }),
        }
    }
    Ok(Trials { trials, warning: None })
}

/// Whether `named` is a file that holds a whole run, as the demo's page hands it out, or is meant to be: what lies in the
/// folder of a run is none.
#[must_use]
pub fn is_run_file(named: &Path) -> bool {
    let in_a_run = named.ancestors().skip(1).take(2).any(|folder| folder.join(MANIFEST).is_file());
    named.is_file() && !in_a_run && named.extension().is_some_and(|extension| extension == "json")
}

fn read_run_file(named: &Path) -> Result<Run, ReadError> {
    let file = named.to_owned();
    match parse(&String::from_utf8_lossy(&load(named)?)) {
        Ok(RunFile { manifest, trials, .. }) => Ok(Run { manifest, trials, warnings: Vec::new() }),
        Err(Wrong::Version(found)) => Err(of_version(file, found)),
        Err(Wrong::Damaged(reason)) => Err(ReadError::DamagedFile { file, reason }),
    }
}

/// Reads the run in `directory`: both files; or the one file that holds a run.
///
/// # Errors
/// As [`read_manifest`] and [`read_trials`].
pub fn read(directory: &Path) -> Result<Run, ReadError> {
    if is_run_file(directory) {
        return read_run_file(directory);
    }
    let manifest = read_manifest(directory)?;
    let Trials { trials, warning } = read_trials(directory)?;
    Ok(Run { manifest, trials, warnings: warning.into_iter().collect() })
}

/// The folder's own name: where it lies is nobody else's business.
#[must_use]
pub fn folder_name(folder: &Path) -> String {
    // As it was named it may be `.`, which is no name.
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    full.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::run::RunFolder;
    use crate::summary::{Quantity, summarise};

    fn written() -> (tempfile::TempDir, String) {
        let dir = tempfile::tempdir().unwrap();
        fixture::write(dir.path());
        let trials = std::fs::read_to_string(dir.path().join(TRIALS)).unwrap();
        (dir, trials)
    }

    #[test]
    fn reads_what_was_written() {
        let (dir, _) = written();
        let run = read(dir.path()).unwrap();
        let (manifest, trials) = fixture::run();
        assert!(run.manifest == manifest && run.warnings.is_empty());
        // Not as a whole: a mean may come back with another last bit.
        let place = |t: &Trial| (t.block, t.attempt, t.arm.clone(), t.standing, t.reasons.clone());
        assert!(run.trials.iter().map(place).eq(trials.iter().map(place)));
        let late = |t: &Trial| t.measured.as_ref().map(|m| m.client.lateness.histogram.clone());
        assert!(run.trials.iter().map(late).eq(trials.iter().map(late)));
    }

    #[test]
    fn a_killed_run_loses_its_last_line_only() {
        let (dir, trials) = written();
        std::fs::write(dir.path().join(TRIALS), &trials[..trials.len() - 100]).unwrap();
        let run = read(dir.path()).unwrap();
        assert_eq!(run.trials.len(), fixture::run().1.len() - 1);
        assert!(run.warnings[0].contains("line 31"), "{:?}", run.warnings);
    }

    #[test]
    fn damage_elsewhere_names_the_line() {
        let (dir, trials) = written();
        let mut lines: Vec<&str> = trials.lines().collect();
        lines[3] = "{\"schema_version\":1,";
        std::fs::write(dir.path().join(TRIALS), lines.join("\n")).unwrap();
        let error = read(dir.path()).unwrap_err();
        assert!(matches!(error, ReadError::DamagedLine { line: 4, .. }), "{error}");
        let mut bytes = trials.into_bytes();
        bytes[20] = 0xFF;
        std::fs::write(dir.path().join(TRIALS), bytes).unwrap();
        assert!(matches!(read(dir.path()).unwrap_err(), ReadError::DamagedLine { line: 1, .. }));
    }

    #[test]
    fn what_is_not_a_number_costs_that_value_and_nothing_else() {
        let (manifest, sound) = fixture::run();
        // In the last line it must not pass for what a killed run leaves.
        for place in [3, sound.len() - 1] {
            let mut trials = sound.clone();
            let staleness = &mut trials[place].measured.as_mut().unwrap().client.staleness;
            (staleness.mean_ns, staleness.wrong_price_share) = (f64::NAN, f64::NAN);
            let out = tempfile::tempdir().unwrap();
            let folder = RunFolder::create(out.path(), "made").unwrap();
            folder.append(&trials).unwrap();
            let text = std::fs::read_to_string(folder.path().join(TRIALS)).unwrap();
            assert!(text.lines().nth(place).unwrap().contains("\"wrong_price_share\":null"));
            let back = read_trials(folder.path()).unwrap();
            assert_eq!((back.trials.len(), back.warning), (sound.len(), None));
            let staleness = &back.trials[place].measured.as_ref().unwrap().client.staleness;
            assert!(staleness.mean_ns.is_nan() && staleness.wrong_price_share.is_nan() && staleness.p99_ns > 0);
            // Of six trials one lacks the value, and is counted for all others.
            let summary = summarise(&manifest, &back.trials, &[]);
            let arm = summary.cells[0].arms.iter().find(|arm| arm.arm == trials[place].arm.name).unwrap();
            let n = |quantity| arm.estimate(quantity).unwrap().n;
            assert_eq!((n(Quantity::StalenessMean), n(Quantity::WrongPrice), n(Quantity::LatenessP50)), (5, 5, 6));
            assert!(arm.median(Quantity::StalenessMean).is_some_and(f64::is_finite));
        }
    }

    #[test]
    fn a_version_that_never_was_is_refused_in_every_line_and_in_the_manifest() {
        let (dir, trials) = written();
        let last = trials.lines().count() - 1;
        for place in [0, last] {
            let mut lines: Vec<String> = trials.lines().map(str::to_owned).collect();
            lines[place] = lines[place].replacen("\"schema_version\":1", "\"schema_version\":0", 1);
            std::fs::write(dir.path().join(TRIALS), lines.join("\n")).unwrap();
            let error = read(dir.path()).unwrap_err();
            assert!(matches!(error, ReadError::NoVersion { found: 0, .. }), "{error}");
            assert!(error.to_string().contains("trials.jsonl has schema version 0, which no wirerace"), "{error}");
        }
        std::fs::write(dir.path().join(MANIFEST), "{\"schema_version\":0}").unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("manifest.json has schema version 0"));
    }

    #[test]
    fn what_is_no_run_is_named_with_the_folder_that_was_meant() {
        let (dir, _) = written();
        let of = |path: &Path| read(path).unwrap_err().to_string();
        let folder = format!("in {}; name the folder", dir.path().display());
        std::fs::create_dir(dir.path().join("charts")).unwrap();
        std::fs::write(dir.path().join("charts/bytes.svg"), "").unwrap();
        for file in [MANIFEST, TRIALS, "charts/bytes.svg"] {
            let said = of(&dir.path().join(file));
            assert!(said.starts_with("there is no run in") && said.ends_with(&folder), "{said}");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("notes"), "").unwrap();
        for path in [elsewhere.path().to_owned(), elsewhere.path().join("notes"), dir.path().join("not-there")] {
            assert!(of(&path).ends_with("name a folder that `wirerace run` made"), "{}", of(&path));
        }
    }

    #[test]
    fn missing_files_and_newer_versions_say_what_to_do() {
        let (dir, trials) = written();
        let newer = trials.replacen("\"schema_version\":1", "\"schema_version\":99", 1);
        std::fs::write(dir.path().join(TRIALS), newer).unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("schema version 99"));
        std::fs::remove_file(dir.path().join(TRIALS)).unwrap();
        assert!(read(dir.path()).unwrap_err().to_string().contains("trials.jsonl is missing"));
        std::fs::write(dir.path().join(MANIFEST), "{}").unwrap();
        assert!(matches!(read(dir.path()).unwrap_err(), ReadError::DamagedManifest { .. }));
        std::fs::write(dir.path().join(MANIFEST), "{\"schema_version\":2}").unwrap();
        assert!(matches!(read(dir.path()).unwrap_err(), ReadError::Newer { found: 2, .. }));
    }
}
