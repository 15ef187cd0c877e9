//! `wirerace compare` and `wirerace advise`, as a person meets them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn wirerace(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// What the program answers; it must end well.
fn answer(arguments: &[&str]) -> String {
    let output = wirerace(arguments);
    let (out, err) = said(&output);
    assert!(output.status.success(), "{arguments:?}: {err}");
    out
}

fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&answer(arguments)).unwrap()
}

fn results(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("results").join(name)
}

fn reference() -> PathBuf {
    results("2026-11-20-transports")
}

#[test]
fn a_run_compared_with_itself_shows_no_clear_difference_anywhere() {
    let run = reference();
    let run = run.to_str().unwrap();
    let text = answer(&["compare", run, run]);
    assert!(text.contains("No clear difference in any of") && text.contains("not paired"), "{text}");
    assert!(!text.contains("more in B") && !text.contains("what changed"), "{text}");
    let value = json(&["compare", run, run, "--format", "json"]);
    let arms = value["cells"][0]["arms"].as_array().unwrap();
    assert_eq!(arms.len(), 5);
    for ratio in arms.iter().flat_map(|arm| arm["ratios"].as_array().unwrap()) {
        assert_eq!(ratio["outcome"], "no_clear_difference", "{ratio}");
    }
    assert_eq!(value["a"]["name"], "2026-11-20-transports", "the folder's name, not where it lies");
    assert!(answer(&["compare", run, run, "--format", "markdown"]).contains("| arm | quantity |"));
}

/// A part of the committed run `frontier`, written to `folder`: its first cell, the arms that deliver every quote, and those
/// that deliver the newest twice a second.
fn part_of_frontier(folder: &Path) {
    let run = results("2026-11-30-frontier");
    let of_run = |name: &str| std::fs::read_to_string(run.join(name)).unwrap();
    let is_kept = |name: &serde_json::Value| {
        let name = name.as_str().unwrap();
        name.ends_with(" 500 ms") || name.ends_with(" every")
    };
    let mut manifest: serde_json::Value = serde_json::from_str(&of_run("manifest.json")).unwrap();
    let cell = manifest["cells"][0]["name"].clone();
    manifest["cells"].as_array_mut().unwrap().truncate(1);
    manifest["arms"].as_array_mut().unwrap().retain(|entry| is_kept(&entry["arm"]["name"]));
    let trials = of_run("trials.jsonl");
    let is_part = |line: &str| {
        let trial: serde_json::Value = serde_json::from_str(line).unwrap();
        trial["cell"] == cell && is_kept(&trial["arm"]["name"])
    };
    let part: Vec<&str> = trials.lines().filter(|line| is_part(line)).collect();
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    std::fs::write(folder.join("trials.jsonl"), part.join("\n") + "\n").unwrap();
}

#[test]
fn arms_of_the_newest_quote_are_compared_by_staleness_and_by_the_second() {
    let dir = tempfile::tempdir().unwrap();
    part_of_frontier(dir.path());
    let run = dir.path().to_str().unwrap();
    let text = answer(&["compare", run, run]);
    let rows = |arm: &str| text.lines().filter(|line| line.starts_with(arm)).collect::<Vec<_>>().join("\n");
    let (newest, every) = (rows("ws 500 ms"), rows("ws every"));
    for (words, of_newest) in [
        ("excess staleness at the 99th percentile", true),
        ("packet bytes per second and client", true),
        ("CPU per second and client", true),
        ("median lateness", false),
        ("packet bytes per quote", false),
        ("requests per 100 quotes", false),
        ("CPU per quote", false),
    ] {
        assert_eq!((newest.contains(words), every.contains(words)), (of_newest, !of_newest), "{words}: {text}");
    }
    assert!(text.contains("`ws 500 ms` deliver only the newest quote"), "{text}");
    let value = json(&["compare", run, run, "--format", "json"]);
    let arms = value["cells"][0]["arms"].as_array().unwrap();
    assert_eq!(arms.len(), 6, "{value}");
    for arm in arms {
        let among = |list: &str| arm[list].as_array().unwrap().iter().any(|ratio| ratio["quantity"] == "lateness_p50");
        let is_newest = arm["arm"].as_str().unwrap().ends_with(" 500 ms");
        assert_eq!(arm["delivery"], if is_newest { "newest" } else { "every" });
        assert_eq!((among("ratios"), among("of_delivered")), (!is_newest, is_newest), "{arm}");
    }
}

#[test]
fn a_missing_or_damaged_run_is_one_sentence() {
    let run = reference();
    let run = run.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let damaged = dir.path().to_str().unwrap();
    for (arguments, word) in [
        (vec!["compare", run, damaged], "there is no run in"),
        (vec!["advise", "--runs", damaged], "there is no run in"),
    ] {
        let output = wirerace(&arguments);
        let (_, err) = said(&output);
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(word) && err.trim().lines().count() == 1, "{err}");
    }
    std::fs::write(dir.path().join("manifest.json"), "{").unwrap();
    let output = wirerace(&["compare", damaged, run]);
    let (_, err) = said(&output);
    assert!(output.status.code() == Some(1) && err.contains("is damaged") && err.trim().lines().count() == 1, "{err}");
}

#[test]
fn advice_from_what_is_built_in_ranks_gives_reasons_and_marks_what_is_extrapolated() {
    let asked =
        ["advise", "--rate", "5/s", "--clients", "20k", "--staleness", "1s", "--rtt", "80ms", "--payload", "200"];
    let text = answer(&asked);
    for words in [
        "20,000 clients",
        "p99 stale",
        "CPU, processors",
        "nearest measured cell",
        "2026-11-30-advise: 800 clients, 10 quotes/s",
        "clients × 25",
        "measured: 50 to 800 clients; yours: 25 times the most",
        "Held out between two sizes fitted to, 5 cells",
        "Held out beyond the sizes fitted to, 10 cells",
        "distance not measured",
    ] {
        assert!(text.contains(words), "`{words}` is missing: {text}");
    }
    assert!(!text.contains("could not be held against"), "{text}");
    let value = json(&[&asked[..], &["--format", "json"]].concat());
    let groups = value["groups"].as_array().unwrap();
    assert!(!groups.is_empty() && value["reasons"].as_array().unwrap().len() == 2, "{value}");
    let ranked: usize = groups.iter().map(|group| group["arms"].as_array().unwrap().len()).sum();
    let out = value["candidates"].as_array().unwrap().iter().filter(|c| !c["why_not"].is_null()).count();
    assert_eq!(ranked + out, 5, "everyone is ranked or told why not");
    for candidate in value["candidates"].as_array().unwrap() {
        let bytes = &candidate["bytes_per_s"];
        assert!(bytes["low"].as_f64().unwrap() <= bytes["high"].as_f64().unwrap(), "{candidate}");
    }
    let named = results("2026-11-30-advise");
    let named = json(&[&asked[..], &["--format", "json", "--runs", named.to_str().unwrap()]].concat());
    assert_eq!(value, named, "what is built in is the committed run of that name");
}

#[test]
fn nobody_is_ranked_by_bytes_whose_intervals_overlap() {
    let value = json(&["advise", "--rate", "5/s", "--rtt", "80ms", "--payload", "200", "--format", "json"]);
    let candidates = value["candidates"].as_array().unwrap();
    let groups = value["groups"].as_array().unwrap();
    let of_arm = |arm: &serde_json::Value| candidates.iter().find(|c| &c["arm"] == arm).unwrap();
    let arms = |group: &serde_json::Value| group["arms"].as_array().unwrap().clone();
    let end = |arm: &serde_json::Value, end: &str| of_arm(arm)["bytes_per_s"][end].as_f64().unwrap();
    for pair in groups.windows(2) {
        let (before, after) = (arms(&pair[0]), arms(&pair[1]));
        let highest = before.iter().map(|arm| end(arm, "high")).fold(0.0, f64::max);
        let lowest = after.iter().map(|arm| end(arm, "low")).fold(f64::INFINITY, f64::min);
        assert!(highest < lowest, "{pair:?}");
    }
    // Held requests and both polls take about as many bytes; what else they differ in is told and ranks nobody.
    let tied: Vec<_> = groups.iter().filter(|group| arms(group).len() > 1).collect();
    assert!(!tied.is_empty(), "{groups:?}");
    assert!(tied.iter().any(|group| group["differ"].as_array().unwrap().iter().any(|c| c == "requests")), "{tied:?}");
}

#[test]
fn too_far_from_what_is_built_in_nothing_fitted_is_told() {
    let far = ["advise", "--rate", "5/s", "--clients", "1M", "--rtt", "80ms", "--payload", "200"];
    let text = answer(&far);
    for words in [
        "clients × 1,250",
        "Too far from what was measured (50 to 800 clients) to rank CPU; bytes only.",
        // Nobody knows the CPU of most arms there, and no number is made up.
        "not known",
    ] {
        assert!(text.contains(words), "`{words}` is missing: {text}");
    }
    assert!(!text.contains("costs least"), "{text}");
    // Beside quotes of 64 KiB all else is little: pushes and polls are tied in bytes, and apart in CPU and memory, which are
    // known here.
    let long = ["advise", "--rate", "10/s", "--clients", "50k", "--rtt", "1ms", "--payload", "64KiB"];
    let tied = [&long[..], &["--staleness", "350ms"]].concat();
    for (asked, told) in [(&far[..], "No way is sure to stay within 1 s."), (&tied[..], "They differ in requests (")] {
        let value = json(&[asked, &["--format", "json"]].concat());
        let reasons = value["reasons"].to_string();
        assert!(reasons.contains(told) && reasons.contains(" to rank CPU; bytes only."), "{reasons}");
        assert!(!reasons.contains("busy processors") && !reasons.contains("of memory"), "{reasons}");
        let groups = value["groups"].as_array().unwrap().iter();
        let differ: Vec<_> = groups.flat_map(|group| group["differ"].as_array().unwrap()).collect();
        assert!(differ.iter().any(|criterion| *criterion == "requests"), "something else is told: {value}");
        assert!(differ.iter().all(|criterion| *criterion != "cpu" && *criterion != "memory"), "{differ:?}");
    }
}

#[test]
fn far_beyond_what_was_measured_a_push_is_in_doubt_and_not_out() {
    let asked = ["advise", "--rate", "5/s", "--clients", "20k", "--staleness", "500ms"];
    let text = answer(&asked);
    assert!(!text.contains("ws is no candidate"), "{text}");
    assert!(text.contains("stay") && text.contains("within 500 ms") && text.contains("may be too stale"), "{text}");
    let value = json(&[&asked[..], &["--format", "json"]].concat());
    let ws = value["candidates"].as_array().unwrap().iter().find(|c| c["arm"] == "ws").unwrap();
    let end = |end: &str| ws["staleness_p99_s"][end].as_f64().unwrap();
    assert!(ws["why_not"].is_null() && ws["may_be_too_stale"] == true, "{ws}");
    assert!(end("low") < 0.5 && end("high") > 0.5, "{ws}");
}

#[test]
fn mistakes_are_one_sentence_with_a_remedy() {
    for (arguments, word) in [
        (["advise", "--rate", "5/sec"], "nearest is `/s`"),
        (["advise", "--staleness", "80"], "has no unit"),
        (["advise", "--clients", "many"], "20k"),
        (["advise", "--payload", "20"], "120"),
        (["advise", "--staleness", "0"], "longer than nothing"),
    ] {
        let output = wirerace(&arguments);
        let (_, err) = said(&output);
        assert!(output.status.code() == Some(2) && err.contains(word), "{arguments:?}: {err}");
    }
    let nobody = answer(&["advise", "--rate", "5/s", "--staleness", "300ms", "--rtt", "80ms"]);
    assert!(nobody.contains("No way keeps 300 ms") && nobody.contains("Ask for"), "{nobody}");
}
