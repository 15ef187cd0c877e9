//! The invariants of the layout, kept by a test: who may import whom, what stays out of where, how long a file may be.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/imports.rs"]
mod imports;

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

/// What some code may import; nothing else.
struct Allowed {
    /// Other packages, the standard library included.
    packages: &'static [&'static [&'static str]],
    /// Modules of its own package; `None` allows all of them.
    modules: Option<&'static [&'static str]>,
}

const STD: &[&str] = &["std", "core"];
const CONTRACT: &[&str] = &["wirerace_contract"];
const SERVERS: &[&str] = &["wirerace_servers"];
const CLIENTS: &[&str] = &["wirerace_clients"];

/// Neither a runtime nor HTTP.
const CONTRACT_USES: &[&str] =
    &["base64", "hdrhistogram", "libc", "libm", "rustix", "schemars", "serde", "serde_json", "thiserror"];
#[rustfmt::skip]
const SERVERS_USE: &[&str] = &[
    "axum", "bytes", "futures_util", "http_body_util", "hyper", "hyper_util", "libc", "rustix", "serde", "serde_json",
    "socket2", "thiserror", "tokio", "tower",
];
#[rustfmt::skip]
const CLIENTS_USE: &[&str] = &[
    "bytes", "futures_util", "hdrhistogram", "reqwest", "rustix", "serde", "serde_json", "socket2", "thiserror",
    "tokio", "tokio_tungstenite", "tower",
];
/// Numbers in, drawings and texts out.
#[rustfmt::skip]
const READERS_USE: &[&str] = &[
    "dejavu", "hdrhistogram", "plotters", "png", "schemars", "serde", "serde_json", "textwrap", "thiserror",
];
#[rustfmt::skip]
const BENCH_USES: &[&str] = &[
    "anyhow", "axum", "clap", "clap_complete", "futures_util", "hdrhistogram", "humantime", "hyper", "hyper_util", "libc", "reqwest",
    "rustix", "schemars", "serde", "serde_json", "socket2", "strsim", "tempfile", "thiserror", "tokio", "tokio_tungstenite", "toml",
    "wirerace",
];

/// Modules of bench that read what was measured: they import the contract and each other.
#[rustfmt::skip]
const READERS: &[&str] = &[
    "advise", "charts", "claims", "compare", "identities", "ledger", "noise", "published", "report", "statistics", "summary", "theory",
];

/// Modules of bench that bring servers and clients together.
const BOTH_SIDES: &[&str] = &["registry", "run", "race", "demo", "limits", "calibration"];
/// The load process, and those who read what it tells.
const CLIENT_SIDE: &[&str] = &["load_command", "race_board", "trial"];
/// The server process, the doctor, who tries what a server needs, the exchanges that show what ours answers, and the
/// link, whose thread asks the kernel for the same short slice as the feed's.
const SERVER_SIDE: &[&str] = &["serve_command", "doctor", "exchanges", "link"];

fn bench_allowed(module: &str) -> Allowed {
    match module {
        m if READERS.contains(&m) => Allowed { packages: &[STD, CONTRACT, READERS_USE], modules: Some(READERS) },
        m if BOTH_SIDES.contains(&m) => {
            Allowed { packages: &[STD, CONTRACT, SERVERS, CLIENTS, BENCH_USES], modules: None }
        }
        m if CLIENT_SIDE.contains(&m) => Allowed { packages: &[STD, CONTRACT, CLIENTS, BENCH_USES], modules: None },
        m if SERVER_SIDE.contains(&m) => Allowed { packages: &[STD, CONTRACT, SERVERS, BENCH_USES], modules: None },
        _ => Allowed { packages: &[STD, CONTRACT, BENCH_USES], modules: None },
    }
}

/// Folder of a package's sources, its manifest, and what a module of it may import.
type Package = (&'static str, &'static str, fn(&str) -> Allowed);

const PACKAGES: [Package; 4] = [
    ("servers/contract/src", "servers/contract/Cargo.toml", |_| Allowed {
        packages: &[STD, CONTRACT_USES],
        modules: None,
    }),
    ("servers/src", "servers/Cargo.toml", |_| Allowed { packages: &[STD, CONTRACT, SERVERS_USE], modules: None }),
    ("clients/src", "clients/Cargo.toml", |_| Allowed { packages: &[STD, CONTRACT, CLIENTS_USE], modules: None }),
    ("bench/src", "bench/Cargo.toml", bench_allowed),
];

/// Names of the packages in a table of a manifest, as code writes them.
fn dependencies(manifest: &str, table: &[&str]) -> BTreeSet<String> {
    let text = fs::read_to_string(top().join(manifest)).unwrap();
    let value: toml::Value = toml::from_str(&text).unwrap();
    let table = table.iter().try_fold(&value, |value, key| value.get(key)).and_then(toml::Value::as_table);
    table.map(|t| t.keys().map(|key| key.replace('-', "_")).collect()).unwrap_or_default()
}

/// Every name at the begin of a path that means another package.
fn known_packages() -> BTreeSet<String> {
    let own = PACKAGES.iter().flat_map(|(_, manifest, _)| {
        ["dependencies", "dev-dependencies"].into_iter().flat_map(|table| dependencies(manifest, &[table]))
    });
    let std = STD.iter().chain(&["alloc", "proc_macro"]).map(|&name| name.to_owned());
    dependencies("Cargo.toml", &["workspace", "dependencies"]).into_iter().chain(own).chain(std).collect()
}

/// Imports of a file that are not allowed. `module` is the file's place in its package.
fn violations(text: &str, module: &[&str], allowed: &Allowed, known: &BTreeSet<String>) -> Vec<String> {
    let fits = |path: &imports::Path| match path[0].as_str() {
        "crate" => allowed.modules.is_none_or(|modules| path.get(1).is_some_and(|m| modules.contains(&m.as_str()))),
        root if known.contains(root) => allowed.packages.iter().any(|names| names.contains(&root)),
        // A name of the file's own: a module, a type, something it imports by a path of its own.
        _ => true,
    };
    imports::paths(text, module).into_iter().filter(|path| !fits(path)).map(|path| path.join("::")).collect()
}

/// `["charts", "axis"]` for `charts/axis.rs` below `folder`.
fn module_of<'a>(path: &'a Path, folder: &str) -> Vec<&'a str> {
    let below = path.strip_prefix(top().join(folder)).unwrap().with_extension("");
    let depth = below.components().count();
    let all: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    let mut module: Vec<&str> = all[all.len() - depth..].iter().map(|part| part.trim_end_matches(".rs")).collect();
    if ["mod", "lib", "main"].contains(module.last().unwrap()) {
        module.pop();
    }
    module
}

fn is_test(module: &[&str]) -> bool {
    module.last().is_some_and(|name| *name == "tests" || name.ends_with("_tests"))
}

#[test]
fn nothing_is_imported_but_what_the_layout_allows() {
    let known = known_packages();
    let mut wrong = Vec::new();
    for (folder, _, allowed) in PACKAGES {
        for (path, text) in sources(folder) {
            let module = module_of(&path, folder);
            if is_test(&module) {
                continue;
            }
            let allowed = allowed(module.first().unwrap_or(&""));
            let found = violations(&text, &module, &allowed, &known);
            wrong.extend(found.into_iter().map(|import| format!("{} imports {import}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "not allowed by the layout:\n{}", wrong.join("\n"));
}

#[test]
fn packages_depend_on_what_the_layout_allows() {
    for (folder, manifest, allowed) in &PACKAGES[..3] {
        let allowed = allowed("").packages.concat();
        for name in dependencies(manifest, &["dependencies"]) {
            assert!(allowed.contains(&name.as_str()), "{folder} depends on {name}");
        }
    }
    // Its tests need no runtime either.
    assert!(dependencies("servers/contract/Cargo.toml", &["dev-dependencies"]).is_empty());
}

#[test]
fn an_import_that_is_not_allowed_is_found() {
    let known = known_packages();
    let check = |(_, _, allowed): Package, module: &str, text: &str| {
        violations(text, &[module, "inner"], &allowed(module), &known).len()
    };
    let [contract, servers, clients, bench] = PACKAGES;
    for (package, module, text) in [
        (contract, "feed", "use tokio::time;"),
        (contract, "feed", "fn f() -> axum::Router {}"),
        (contract, "feed", "use std::{fmt, io}; use {hyper::body, serde::Serialize};"),
        (servers, "sse", "use wirerace_clients::target;"),
        (servers, "sse", "use reqwest::Client;"),
        (clients, "sse", "use wirerace_servers as s;"),
        (clients, "sse", "let router = ::axum::Router::new();"),
        (bench, "charts", "use crate::{summary, registry::ROWS};"),
        (bench, "charts", "use super::super::run;"),
        (bench, "report", "use crate::trial;"),
        (bench, "report", "use crate::*;"),
        (bench, "report", "use crate as top;"),
        (bench, "report", "#[serde(with = \"crate::registry::row\")] struct S;"),
        (bench, "ledger", "fn f(x: wirerace_servers::tape::Tape) {}"),
        (bench, "theory", "use tokio::time;"),
        (bench, "claims", "use crate::environment;"),
        (bench, "environment", "use wirerace_clients::load;"),
        (bench, "serve_command", "use wirerace_clients::load;"),
        (bench, "load_command", "use wirerace_servers::tape;"),
    ] {
        assert_eq!(check(package, module, text), 1, "{module}: {text}");
    }
    for (package, module, text) in [
        (contract, "feed", "use crate::plan::PlanTable; use serde::Serialize; // tokio::time"),
        (servers, "sse", "use wirerace_contract::quote; use crate::tape::Tape; use super::reader;"),
        (bench, "charts", "use super::canvas; use crate::summary::{Summary, words}; use plotters::style;"),
        (bench, "registry", "use wirerace_clients::sse; use wirerace_servers::tape; use crate::nearest;"),
        (bench, "report", "use wirerace_contract::results; #[cfg(test)] mod tests { use crate::registry; }"),
    ] {
        assert_eq!(check(package, module, text), 0, "{module}: {text}");
    }
}

#[test]
fn charts_and_report_name_no_transport() {
    let names = ["\"polling\"", "\"long_polling\"", "\"sse\"", "\"websocket\"", "\"ws\"", "\"poll\"", "\"long-poll\""];
    for folder in [
        "bench/src/charts",
        "bench/src/report",
        "bench/src/claims",
        "bench/src/published",
        "bench/src/compare",
        "bench/src/advise",
    ] {
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
