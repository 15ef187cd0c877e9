//! `wirerace claims` as a person meets it: verdicts, records, checks, exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// In a folder of its own, so that runs of this machine play no part.
fn claims(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.current_dir(folder).arg("claims").args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The first run that is committed with the project: from before the margins.
fn reference() -> String {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("results");
    results.join("2026-11-20-transports").to_str().unwrap().to_owned()
}

#[test]
fn recorded_verdicts_hold_until_one_differs() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("claims.json");
    let file = record.to_str().unwrap();
    let output = claims(dir.path(), &["--check", "--recorded", file]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("wirerace claims --record") && stderr(&output).contains("claims.json"));

    let output = claims(dir.path(), &["--record", "--recorded", file]);
    assert!(output.status.success(), "{}", stderr(&output));
    let exchanges = std::fs::read_to_string(dir.path().join("claims.exchanges.txt")).unwrap();
    assert!(exchanges.contains("HTTP/1.1 101 Switching Protocols") && exchanges.contains("server: quote 1 published"));
    let output = claims(dir.path(), &["--check", "--recorded", file]);
    assert!(output.status.success() && stdout(&output).contains("25 verdicts as recorded"), "{}", stdout(&output));

    // As if HTTP had been found unable to push.
    let mut recorded: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&record).unwrap()).unwrap();
    recorded["findings"][9]["verdict"] = "TRUE".into();
    std::fs::write(&record, recorded.to_string()).unwrap();
    let output = claims(dir.path(), &["--check", "--recorded", file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("claim 10 (") && stdout(&output).contains("recorded TRUE, now FALSE"));
    assert!(stderr(&output).contains("1 verdict differs"), "{}", stderr(&output));

    std::fs::write(&record, "{").unwrap();
    let output = claims(dir.path(), &["--check", "--recorded", file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("damaged") && stderr(&output).contains("--record"), "{}", stderr(&output));
}

#[test]
fn a_run_from_before_the_margins_is_named_and_decides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = claims(dir.path(), &[&reference(), "--format", "json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("before the margins") && stderr(&output).contains("-transports"));
    let rows: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(rows[0]["verdict"], "NO_DATA");
}

#[test]
fn a_later_run_decides_and_is_traced_by_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("results/later");
    std::fs::create_dir_all(&run).unwrap();
    let reference = Path::new(&reference()).to_owned();
    std::fs::copy(reference.join("trials.jsonl"), run.join("trials.jsonl")).unwrap();
    let text = std::fs::read_to_string(reference.join("manifest.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    manifest["started_utc"] = "2099-01-01T00:00:00Z".into();
    std::fs::write(run.join("manifest.json"), manifest.to_string()).unwrap();
    // Found under results without being named.
    let output = claims(dir.path(), &["--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(rows[0]["verdict"], "DEPENDS", "{}", stderr(&output));
    assert_eq!(rows[0]["parts"][0]["source"]["run"], "later");
    let verdict_of_2 = (&rows[1]["verdict"], rows[1]["condition"].as_str().unwrap());
    assert!(verdict_of_2.0 == "NO_DATA" && verdict_of_2.1.contains("wirerace run lateness"), "{verdict_of_2:?}");
}

#[test]
fn published_tables_are_printed_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["text", "markdown", "csv", "json"] {
        let output = claims(dir.path(), &["--tables", "--format", format]);
        let said = stdout(&output);
        // A table without rows has no line in CSV that could name it.
        let named = format == "csv" || said.contains("RFC 6202");
        assert!(output.status.success() && said.contains("1,085") && named, "{format}: {said}");
        // Each table has its title, wherever a title is written as it is.
        for table in wirerace::published::tables(&Default::default()) {
            let titled = said.contains(&table.title) || !["text", "json"].contains(&format);
            assert!(titled, "{format}: {} is not in {said}", table.title);
        }
    }
}

#[test]
fn mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, words) in [(vec!["."], "no run in"), (vec!["--check", "--record"], "cannot be used with")] {
        let output = claims(dir.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
}
