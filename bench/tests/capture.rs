//! The byte ledger against captured packets: `scripts/check` does it for every arm; here one arm, where it can be done.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// What keeps packets from being captured here, if anything does.
fn refusal() -> Option<String> {
    let capture = ["-i", "lo", "--immediate-mode", "-w", "/dev/null"];
    let mut tcpdump = Command::new("tcpdump");
    tcpdump.args(capture).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(mut child) = tcpdump.spawn() else { return Some("there is no tcpdump".to_owned()) };
    // It says so once it listens, or why it cannot, and then ends.
    let mut said = child.stderr.take().map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
    let mut why = String::new();
    let listens = said.any(|line| {
        let listens = line.contains("listening on");
        why = line;
        listens
    });
    let _ = child.kill();
    let _ = child.wait();
    (!listens).then_some(why)
}

/// Whether there can be no comparison here; says why the test is skipped if so.
fn refused() -> bool {
    let python = Command::new("python3").arg("--version").output().is_ok();
    let why = if python { refusal() } else { Some("there is no python3".to_owned()) };
    if let Some(why) = &why {
        eprintln!("skipped: {why}; scripts/check holds the ledger against captured packets, with tcpdump and as root");
    }
    why.is_some()
}

#[test]
fn the_ledger_of_one_arm_is_what_was_captured() {
    if refused() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/check_capture.py");
    let output = Command::new("python3").arg(script).args([env!("CARGO_BIN_EXE_wirerace"), "sse"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("0 failed") && !told.contains("capture: 0 passed"), "{told}");
}
