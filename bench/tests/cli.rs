//! The command line, as a person meets it: help, mistakes, exit codes, and the files that a run leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn wirerace(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Bad usage: exit code 2, and the words that tell the remedy.
fn refused(arguments: &[&str], words: &[&str]) {
    let output = wirerace(arguments);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} does not say `{word}`: {said}");
    }
}

#[test]
fn help_has_examples_and_exit_codes() {
    let output = wirerace(&["--help"]);
    let said = stdout(&output);
    assert!(output.status.success());
    assert!(said.contains("Examples:") && said.contains("wirerace race") && said.contains("Exit codes"), "{said}");
    for command in ["race", "run", "report", "serve", "load", "verify"] {
        assert!(wirerace(&[command, "--help"]).status.success(), "{command} has no help");
    }
}

#[test]
fn mistakes_name_the_nearest_valid_word() {
    refused(&["run", "transprots"], &["`transprots`", "nearest is `transports`"]);
    refused(&["run", "transports", "--arms", "wss"], &["`wss`", "nearest is `ws`"]);
    refused(&["run", "limits", "--only", "memry"], &["nearest is `memory`"]);
    refused(&["run", "--block", "3"], &["--blocks"]);
    refused(&["race", "--arms", "longpoll"], &["nearest is `long-poll`"]);
    refused(&["load", "--arm", "pol"], &["nearest is `poll`"]);
    refused(&["serve", "--transport", "web-socket"], &["nearest is `websocket`"]);
    refused(&["serve", "--rate", "0"], &["0.01 to 1,000,000"]);
    refused(&["serve", "--symbols", "17"], &["1 to 16"]);
    refused(&["race", "--rate", "nan"], &["0.01 to 1,000,000"]);
    refused(&["run", "self-test", "--blocks", "5"], &["5 blocks", "12"]);
    refused(&["run", "self-test", "transports"], &["stands alone"]);
    refused(&["run", "transports", "--smoke"], &["--smoke is for", "limits", "self-test", "--quick"]);
    refused(&["run", "--smoke"], &["--smoke is for"]);
    refused(&["run", "self-test", "--only", "memory"], &["--only chooses parts of `wirerace run limits`"]);
    refused(&["run", "missing.toml"], &["missing.toml", "check the path"]);
    refused(&["report", "results/a", "results/b", "-o", "told"], &["one report", "2 runs"]);
    refused(&["demo", "--page-dir", "missing"], &["missing", "no such folder"]);
    refused(&["demo", "--port", "70000"], &["70000"]);
}

#[test]
fn an_experiment_with_an_unknown_key_or_an_impossible_arm_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    let load = "clients = 1\nfeed = { seed = 1, symbols = 1, arrivals = \"poisson\", rate_per_s = 1.0, payload_bytes = 0 }\n\
                window_ms = 1000\nwarm_up_max_ms = 0\nwait_s = 5\nconnects_per_s = 100\n";
    let whole = |arms: &str, more: &str| {
        format!(
            "question = \"?\"\nblocks = 1\ninterval_ms = 100\narms = [{arms}]\n{more}\n[[cells]]\nname = \"a\"\n[cells.load]\n{load}"
        )
    };
    let binary = r#"{ name = "b", transport = "sse", encoding = "binary" }"#;
    for (text, words) in [
        (whole("\"ws\"", "clints = 4"), vec!["clints", "line 5"]),
        (whole(binary, ""), vec!["text only", "tick"]),
        (whole("", ""), vec!["nothing to run"]),
        (whole("\"ws\", \"ws\"", ""), vec!["two arms are called `ws`"]),
        (
            whole(r#"{ name = "n", transport = "websocket", delivery = "newest", interval_ms = 0 }"#, ""),
            vec!["interval_ms"],
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        refused(&["run", path.to_str().unwrap()], &words);
    }
}

#[test]
fn a_port_in_use_says_so_and_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = wirerace(&["serve", "--port", &port]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&port) && said.contains("in use"), "{said}");
}

#[test]
fn nothing_listening_says_so() {
    // A port that was free a moment ago: nobody else on this machine takes it up in between but by chance.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = wirerace(&["load", "--arm", "ws", "--to", &format!("127.0.0.1:{port}")]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("wirerace serve"), "{}", stderr(&output));
}

#[test]
fn a_report_of_missing_or_damaged_files_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap().to_owned();
    // What is no run was named by mistake, whoever asks for it.
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for named in [folder.as_str(), file.to_str().unwrap(), "not-there"] {
        for command in [&["report"][..], &["report", "--chart", "bytes"], &["claims"], &["run", "--resume"]] {
            refused(&[command, &[named]].concat(), &["there is no run in", named, "that `wirerace run` made"]);
        }
    }
    std::fs::write(dir.path().join("manifest.json"), "{ not json").unwrap();
    let output = wirerace(&["report", &folder]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output).trim().lines().count(), 1, "{}", stderr(&output));
    refused(&["report", dir.path().join("manifest.json").to_str().unwrap()], &["name the folder", &folder]);
}

#[test]
fn a_results_folder_that_cannot_be_made_says_which_and_what_to_do() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for out in [file.path().join("results"), file.path().to_owned()] {
        let output = wirerace(&["run", "tiny", "--out", out.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(out.to_str().unwrap()), "{}", stderr(&output));
        assert!(stderr(&output).contains("name another folder (--out"), "{}", stderr(&output));
    }
}

/// As a machine that is too busy all the time leaves it: there is nothing to go on with, and nothing that can be used.
#[test]
fn a_run_without_one_usable_trial_ends_with_3() {
    let dir = tempfile::tempdir().unwrap();
    let output = wirerace(&["run", "tiny", "--arms", "ws", "--out", dir.path().to_str().unwrap()]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let run = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let resumed = |standing: &str, exact: bool| {
        for (file, at, value) in [
            ("trials.jsonl", "/standing", serde_json::json!(standing)),
            // Whatever other tests did meanwhile: disturbed by so little that counts hold.
            ("trials.jsonl", "/measured/cpu/machine_us", serde_json::json!(0)),
            ("trials.jsonl", "/measured/cpu/steal_us", serde_json::json!(0)),
            ("manifest.json", "/cells/0/exact", serde_json::json!(exact)),
        ] {
            let text = std::fs::read_to_string(run.join(file)).unwrap();
            let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
            *json.pointer_mut(at).unwrap() = value;
            std::fs::write(run.join(file), format!("{json}\n")).unwrap();
        }
        let output = wirerace(&["run", "--resume", run.to_str().unwrap()]);
        (output.status.code(), stderr(&output))
    };
    let (code, said) = resumed("tainted", false);
    assert!(code == Some(3) && said.contains("no trial can be used: all are tainted. Close"), "{code:?} {said}");
    // What is written is written, and who reads only the exit code is told.
    std::fs::remove_file(run.join("report.md")).unwrap();
    let named = run.to_str().unwrap();
    for command in [&["report", named][..], &["compare", named, named]] {
        let output = wirerace(command);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{command:?}: {told}");
        assert!(told.contains("error: no trial of") && !stdout(&output).is_empty(), "{command:?}: {told}");
    }
    assert!(run.join("report.md").is_file());
    let (code, said) = resumed("void", true);
    assert!(code == Some(3) && said.contains("no trial can be used: 1 trial void"), "{code:?} {said}");
    let (code, said) = resumed("tainted", true);
    assert!(code == Some(0) && said.contains("counts are used, times are not"), "{code:?} {said}");
    let (code, said) = resumed("valid", false);
    assert!(code == Some(0) && !said.contains("tainted"), "{code:?} {said}");
}

#[test]
fn doctor_tells_what_is_measured_here() {
    let output = wirerace(&["doctor"]);
    let said = stdout(&output);
    assert!(output.status.success());
    for word in ["TCP_INFO", "open files", "scheduler slice"] {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn completions_for_a_shell() {
    assert!(stdout(&wirerace(&["completions", "bash"])).contains("wirerace"));
}

/// One tiny run, then everything that can be done with its files.
#[test]
fn a_tiny_run_leaves_sound_files_and_can_be_resumed_after_a_cut() {
    let dir = tempfile::tempdir().unwrap();
    let output = wirerace(&["run", "tiny", "--out", dir.path().to_str().unwrap()]);
    // 3: nothing can be used, since other tests had the processors. The files must be sound all the same.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let run = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    validate(&run);

    // As if the machine had stopped in the middle of the third line.
    let trials = run.join("trials.jsonl");
    let text = std::fs::read_to_string(&trials).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    let cut = format!("{}\n{}\n{}", lines[0], lines[1], &lines[2][..lines[2].len() / 2]);
    std::fs::write(&trials, cut).unwrap();
    let output = wirerace(&["run", "--resume", run.to_str().unwrap()]);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
    let resumed = std::fs::read_to_string(&trials).unwrap();
    let resumed: Vec<&str> = resumed.lines().collect();
    assert_eq!(resumed.len(), 5);
    assert_eq!(resumed[..2], lines[..2], "what was measured before the cut is kept as it was");
    validate(&run);

    // A damaged line that is not the last is not skipped in silence.
    std::fs::write(&trials, format!("{}\n{{broken\n{}\n", lines[0], lines[1])).unwrap();
    let output = wirerace(&["report", run.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("line 2"), "{}", stderr(&output));
}

fn validate(run: &Path) {
    let schemas = wirerace::schemas::all();
    let check = |name: &str, text: &str| {
        let schema = &schemas.iter().find(|(file, _)| file.starts_with(name)).unwrap().1;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let validator = jsonschema::validator_for(schema.as_value()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    };
    let read = |file: &str| std::fs::read_to_string(run.join(file)).unwrap();
    check("manifest", &read("manifest.json"));
    check("summary", &read("summary.json"));
    read("trials.jsonl").lines().for_each(|line| check("trial", line));
    for file in ["report.html", "report.md", "summary.csv"] {
        assert!(!read(file).is_empty());
    }
}

/// Real trials, made worse on purpose, through the whole of the self-test.
#[test]
fn a_small_self_test_leaves_its_trials_and_its_tables() {
    let dir = tempfile::tempdir().unwrap();
    let output = wirerace(&["run", "self-test", "--smoke", "--blocks", "1", "--out", dir.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.starts_with("self-test: 1 block of 6 trials, about"), "the length comes first: {said}");
    let run = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let read = |file: &str| std::fs::read_to_string(run.join(file)).unwrap();
    let trials: Vec<serde_json::Value> =
        read("trials.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |label: &str| trials.iter().find(|trial| trial["arm"]["name"] == format!("ws {label}")).unwrap();
    let number = |trial: &serde_json::Value, at: &str| trial.pointer(at).unwrap().as_f64().unwrap();
    // What was put in shows in the trial itself: bytes exactly, lateness where the clocks count it.
    let bytes = |label: &str| {
        number(of(label), "/measured/ledger/to_client/payload") / number(of(label), "/measured/client/quotes/received")
    };
    assert_eq!((bytes("A"), bytes("+2 bytes")), (120.0, 122.0));
    let published = |label: &str| number(of(label), "/measured/publisher_lateness/min_ns");
    assert!(published("+1 ms") >= 1_000_000.0, "{}", published("+1 ms"));
    // On a machine that is busy with other things nothing may be in time, and the trial says so.
    assert!(published("A") < 1_000_000.0 || of("A")["standing"] == "tainted", "{}", of("A"));
    let table = read("self-test.md");
    assert!(table.contains("decides nothing") && table.contains("| +2 bytes | real | ws |"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&read("self-test.json")).unwrap();
    assert_eq!(json["same"].as_array().unwrap().len(), 7);
}
