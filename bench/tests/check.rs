//! `wirerace check`, as a student meets it: a filled sheet, mistakes, exit codes, a run of one's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn check(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.arg("check").args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn template(sheet: u32) -> String {
    let path = top().join(format!("notebooks/lab/answers_{sheet}.toml"));
    std::fs::read_to_string(path).unwrap()
}

/// A file in a folder of its own, with these answers put into the template of the first sheet.
fn answered(answers: &[(&str, &str)]) -> (tempfile::TempDir, String) {
    let mut text = template(1);
    for (name, value) in answers {
        let empty = ["\"\"", "[]"].map(|empty| format!("\n{name} = {empty}"));
        let empty = empty.iter().find(|empty| text.contains(*empty)).unwrap_or_else(|| panic!("{name} is not asked"));
        text = text.replace(empty, &format!("\n{name} = {value}"));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine_1.toml");
    std::fs::write(&file, text).unwrap();
    (dir, file.to_str().unwrap().to_owned())
}

/// What a class that followed the sheet writes.
const ANSWERS: [(&str, &str); 12] = [
    ("poll_median_ms", "250"),
    ("poll_latest_ms", "\"495 ms\""),
    ("lateness_order", r#"["sse", "ws", "long-poll", "poll", "poll-close"]"#),
    ("connections_closed", "15"),
    ("requests_long_poll", "103"),
    ("lost_quotes", "0"),
    ("ws_at_200_ms", "100"),
    ("poll_at_200_ms", "350"),
    ("closed_at_200", "\"c\""),
    ("long_poll_behind_ms", "94"),
    ("why_long_poll", "\"b\""),
    ("closed_fast_plan_ms", "350"),
];

#[test]
fn an_empty_sheet_is_all_open_and_a_filled_one_all_passes() {
    for sheet in [1, 2] {
        let file = top().join(format!("notebooks/lab/answers_{sheet}.toml"));
        let output = check(&[file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stdout(&output).ends_with("12 not answered of 12 questions\n"), "{}", stdout(&output));
    }
    let (_dir, file) = answered(&ANSWERS);
    let output = check(&[&file]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).ends_with("12 pass of 12 questions\n"), "{}", stdout(&output));
}

#[test]
fn wrong_answers_are_told_with_hints_and_end_with_one() {
    let (_dir, file) = answered(&[("poll_median_ms", "2"), ("poll_at_200_ms", "330"), ("closed_at_200", "\"a\"")]);
    let output = check(&[&file]);
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = |name: &str| said.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(line("poll_median_ms").contains("fail") && line("poll_median_ms").contains("Too low"), "{said}");
    assert!(line("poll_at_200_ms").contains("near") && line("poll_at_200_ms").contains("A little too low"), "{said}");
    assert!(line("closed_at_200").contains("Not a."), "{said}");
    assert!(said.ends_with("1 near, 2 fail, 9 not answered of 12 questions\n"), "{said}");
    assert!(!said.contains("350 ms"), "the answer is given away: {said}");
    assert!(stderr(&output).contains("2 answers of 12 wrong"), "{}", stderr(&output));
}

#[test]
fn json_says_the_same() {
    let (_dir, file) = answered(&[("poll_median_ms", "2"), ("lost_quotes", "0")]);
    let output = check(&[&file, "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = ["passed", "near", "failed", "not_answered", "not_in_run"].map(|name| value[name].as_u64().unwrap());
    assert_eq!(counts, [1, 0, 1, 10, 0]);
    assert_eq!(value["questions"][0]["name"], "poll_median_ms");
    assert_eq!(value["questions"][0]["standing"], "fail");
    assert_eq!(value["questions"][6]["standing"], "not_answered");
}

#[test]
fn the_right_answers_can_be_shown() {
    let file = top().join("notebooks/lab/answers_2.toml");
    let output = check(&[file.to_str().unwrap(), "--show-answers"]);
    let said = stdout(&output);
    assert_eq!((output.status.code(), said.lines().count()), (Some(0), 12), "{said}");
    assert!(said.contains("ws_frame_bytes: 2 bytes") && said.contains("ws_or_sse: undecided"), "{said}");
}

#[test]
fn a_run_of_ones_own_is_taken() {
    let (_dir, file) = answered(&ANSWERS);
    let run = top().join("results/2026-11-20-transports");
    let output = check(&[&file, "--run", run.to_str().unwrap()]);
    let said = stdout(&output);
    assert!(said.contains("held against 2026-11-20-transports:"), "{said}{}", stderr(&output));
    assert!(said.contains("poll_median_ms: 250 ms is right."), "{said}");
}

#[test]
fn a_run_without_a_usable_trial_ends_with_three() {
    let (dir, file) = answered(&ANSWERS);
    let recorded = top().join("results/2026-11-20-transports");
    for name in ["manifest.json", "trials.jsonl"] {
        let text = std::fs::read_to_string(recorded.join(name)).unwrap();
        std::fs::write(dir.path().join(name), text.replace("\"standing\":\"valid\"", "\"standing\":\"void\"")).unwrap();
    }
    let output = check(&[&file, "--run", dir.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("leave --run out"), "{}", stderr(&output));
    // What theory answers is judged all the same.
    assert!(stdout(&output).ends_with("6 pass, 6 not in this run of 12 questions\n"), "{}", stdout(&output));
}

#[test]
fn what_cannot_be_read_is_bad_usage_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let broken = file("broken.toml", b"sheet = 1\n[answers\n");
    let unknown = file("unknown.toml", b"sheet = 1\n[answers]\nws_at_20_ms = 100\n");
    let large = file("large.toml", &vec![b'#'; 70_000]);
    let binary = file("binary.toml", &[0xff, 0xfe, 0]);
    let folder = dir.path().to_str().unwrap().to_owned();
    let good = file("good.toml", template(1).as_bytes());
    for (arguments, words) in [
        (vec!["missing.toml"], vec!["missing.toml", "copy notebooks/lab/answers_1.toml"]),
        (vec![broken.as_str()], vec!["line 2", "write `name = 12.5`"]),
        (vec![unknown.as_str()], vec!["line 3", "nearest is `ws_at_200_ms`"]),
        (vec![large.as_str()], vec!["no file of answers"]),
        (vec![binary.as_str()], vec!["cannot be read", "check the path"]),
        (vec![folder.as_str()], vec!["no file of answers"]),
        (vec![good.as_str(), "--run", "nowhere"], vec!["nowhere"]),
        (vec![], vec!["Usage"]),
    ] {
        let output = check(&arguments);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}{}", stdout(&output));
        assert!(words.iter().all(|word| said.contains(word)), "{arguments:?} says: {said}");
    }
}
