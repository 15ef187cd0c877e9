//! The invariants of the layout, kept by a test: who may import whom, what stays out of where, how long a file may be.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below a folder, with their text up to their own tests.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![top().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no Rust files: has the layout changed?");
    found
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    without_tests(text).lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn must_not_mention(folder: &str, words: &[&str]) {
    for (path, text) in sources(folder) {
        for line in code_lines(&text) {
            for word in words {
                assert!(!line.contains(word), "{} mentions {word}: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_contract_has_no_runtime_and_no_http() {
    let manifest = fs::read_to_string(top().join("servers/contract/Cargo.toml")).unwrap();
    for word in ["tokio", "hyper", "axum", "reqwest", "tungstenite", "futures"] {
        assert!(!manifest.contains(word), "the contract depends on {word}");
    }
}

#[test]
fn servers_and_clients_never_import_each_other() {
    must_not_mention("servers/src", &["wirerace_clients", "reqwest", "tokio_tungstenite"]);
    must_not_mention("clients/src", &["wirerace_servers", "axum"]);
    let servers = fs::read_to_string(top().join("servers/Cargo.toml")).unwrap();
    let clients = fs::read_to_string(top().join("clients/Cargo.toml")).unwrap();
    assert!(!servers.contains("wirerace-clients") && !clients.contains("wirerace-servers"));
}

#[test]
fn readers_of_results_import_the_contract_only() {
    let readers = ["charts", "report", "summary", "statistics", "ledger", "identities", "noise"];
    for reader in readers {
        let folder = top().join("bench/src").join(reader);
        let files = if folder.is_dir() {
            sources(&format!("bench/src/{reader}"))
        } else {
            let path = folder.with_extension("rs");
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            vec![(path, text)]
        };
        for (path, text) in files {
            for line in code_lines(&text) {
                for word in ["wirerace_servers", "wirerace_clients", "crate::registry", "crate::trial", "crate::run"] {
                    assert!(!line.contains(word), "{} mentions {word}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn charts_and_report_name_no_transport() {
    let names = ["\"polling\"", "\"long_polling\"", "\"sse\"", "\"websocket\"", "\"ws\"", "\"poll\"", "\"long-poll\""];
    for folder in ["bench/src/charts", "bench/src/report"] {
        for (path, text) in sources(folder) {
            // The fixture builds the results of a run and has to name what was run.
            if path.file_stem().is_some_and(|stem| stem == "fixture" || stem == "tests") {
                continue;
            }
            for line in code_lines(&text) {
                for name in names {
                    assert!(!line.contains(name), "{} names {name}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn every_transport_has_both_sides_and_a_row() {
    for row in &wirerace::registry::ROWS {
        let name = &row.descriptor.name;
        for side in ["servers", "clients"] {
            let path = top().join(side).join("src").join(format!("{name}.rs"));
            assert!(path.is_file(), "{} is missing", path.display());
        }
    }
}

#[test]
fn files_stay_short_enough_to_read() {
    for folder in ["servers/src", "servers/contract/src", "clients/src", "bench/src", "bench/tests", "bench/benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 500, "{} has {lines} lines: the design wants another look", path.display());
        }
    }
}

#[test]
fn unsafe_code_says_why() {
    for folder in ["servers/src", "servers/contract/src", "clients/src", "bench/src"] {
        for (path, text) in sources(folder) {
            let lines: Vec<&str> = text.lines().collect();
            for (number, line) in lines.iter().enumerate() {
                if line.contains("unsafe {") {
                    let before = lines[number.saturating_sub(8)..=number].join("\n");
                    assert!(before.contains("SAFETY"), "{}:{} has no SAFETY comment", path.display(), number + 1);
                }
            }
        }
    }
}
