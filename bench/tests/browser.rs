//! The demo's page in a real browser, where there is one. `scripts/check` installs it and runs every check of the page;
//! here stands the one that all others build on.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The names that scripts/check_report.py looks for.
const CHROMIUMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn is_on_the_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A Python that can speak to the browser: the one of scripts/check, or the system's.
fn python() -> Option<OsString> {
    let speaks = |python: &OsString| {
        let mut tried = Command::new(python);
        tried.args(["-c", "import websockets.sync.client"]).stdin(Stdio::null()).stdout(Stdio::null());
        tried.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let candidates = [top().join("target/check-python/bin/python").into_os_string(), OsString::from("python3")];
    candidates.into_iter().find(speaks)
}

/// Past the capture of a test that passes: whoever runs the tests is to read it.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}; scripts/check installs it and checks the whole page");
}

#[test]
fn all_lanes_show_the_same_quotes_in_a_browser() {
    if !CHROMIUMS.into_iter().any(is_on_the_path) {
        return skipped("no Chromium (apt-get install chromium)");
    }
    let Some(python) = python() else {
        return skipped("no Python with `websockets` (pip install websockets)");
    };
    let mut check = Command::new(python);
    check.arg(top().join("scripts/check_demo.py")).arg(env!("CARGO_BIN_EXE_wirerace")).args(["--only", "equal"]);
    let output = check.stdin(Stdio::null()).output().unwrap();
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{said}");
    assert!(told.contains("equal: sound"), "{told}{said}");
}
