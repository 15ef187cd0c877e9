//! The emulated link with real namespaces and TUN devices, from outside: this process has threads, and only one without
//! any may enter a user namespace. Skipped, with the reason, where the system refuses either.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use wirerace_contract::results::{LinkReport, Measured, Standing, Trial};

/// The user and group `nobody` of most systems.
const NOBODY: u32 = 65_534;

fn wirerace(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether there can be a link here; says why a test is skipped if not.
fn refused() -> bool {
    let output = wirerace(&["link", "--probe"]).output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: {}", stderr(&output).trim());
    }
    !output.status.success()
}

/// An experiment with one cell over `link`, written to `dir`.
fn experiment(dir: &Path, arms: &str, link: &str) -> PathBuf {
    let path = dir.join("distance.toml");
    let text = format!(
        "question = \"?\"\nkind = \"exact\"\ninterval_ms = 100\narms = [{arms}]\n[[cells]]\nname = \"a\"\n[cells.load]\n\
         clients = 3\nfeed = {{ seed = 1, symbols = 2, arrivals = \"poisson\", rate_per_s = 50.0, payload_bytes = 0 }}\n\
         path = {{ link = {{ {link} }} }}\nwindow_ms = 500\nwarm_up_max_ms = 0\nwait_s = 5\nconnects_per_s = 1000\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Whether the run came to its end. 3: nothing can be used, since other tests had the processors; trials are looked at all the same.
fn has_ended(output: &Output) -> bool {
    matches!(output.status.code(), Some(0 | 3))
}

/// Runs it; the trials, of which none may be void.
fn trials(arms: &str, link: &str) -> Vec<(Trial, Measured, LinkReport)> {
    let dir = tempfile::tempdir().unwrap();
    let path = experiment(dir.path(), arms, link);
    let out = dir.path().join("out");
    let output = wirerace(&["run", path.to_str().unwrap(), "--out", out.to_str().unwrap()]).output().unwrap();
    assert!(has_ended(&output), "{}", stderr(&output));
    let run = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(run.join("trials.jsonl")).unwrap();
    let whole = |line: &str| {
        let trial: Trial = serde_json::from_str(line).unwrap();
        assert_ne!(trial.standing, Standing::Void, "{:?}", trial.reasons);
        let measured = trial.measured.clone().unwrap();
        let link = measured.link.clone().unwrap();
        (trial, measured, link)
    };
    text.lines().map(whole).collect()
}

#[test]
fn every_arm_runs_over_a_link_and_all_counts_agree_to_the_byte() {
    if refused() {
        return;
    }
    let arms = r#""poll-close", "poll", "long-poll", "sse", "ws""#;
    let trials = trials(arms, "one_way_delay_us = 15000");
    assert_eq!(trials.len(), 5);
    for (trial, measured, link) in trials {
        let name = &trial.arm.name;
        // The identities were checked by the run: they void a trial. Here only that they were not about nothing.
        assert!(link.is_clean() && link.connections >= 3, "{name}: {link:?}");
        let (down, up) = (&measured.ledger.to_client, &measured.ledger.to_server);
        assert_eq!((down.packets(), down.sent_again), (Some(link.to_client.sent.bytes), Some(0)), "{name}");
        assert_eq!((up.packets(), up.sent_again), (Some(link.to_server.sent.bytes), Some(0)), "{name}");
        // A quarter of a second of 1,000 datagrams a second each way, before the trial.
        assert_eq!((link.sockets.count, link.sockets.lost), (500, 0), "{name}");
        assert_eq!(measured.client.quotes.lost, 0, "{name}");
        assert!(link.error.count >= link.to_client.sent.packets + link.to_server.sent.packets, "{name}");
        // No quote is faster than the link.
        assert!(measured.client.lateness.min_ns.unwrap() >= 15_000_000, "{name}: {:?}", measured.client.lateness);
    }
}

#[test]
fn what_is_lost_on_the_way_is_sent_again_and_every_quote_arrives() {
    if refused() {
        return;
    }
    let lossy = "one_way_delay_us = 5000, jitter_us = 1000, rate_bits_per_s = 1000000, loss_share = 0.1";
    for (trial, measured, link) in trials(r#""ws", "poll-close""#, lossy) {
        let name = &trial.arm.name;
        assert!(link.to_client.lost + link.to_server.lost > 0 && link.to_client.queue_dropped == 0, "{name}: {link:?}");
        assert!(measured.server.closed.meter.tcp.retrans > 0, "{name}");
        // The wire's own total, with what the server's kernel could not see.
        let (down, up) = (&measured.ledger.to_client, &measured.ledger.to_server);
        assert_eq!(down.packets(), Some(link.to_client.sent.bytes), "{name}");
        assert_eq!(up.packets(), Some(link.to_server.sent.bytes), "{name}");
        let retransmitted = measured.server.closed.meter.tcp.bytes_retrans;
        assert!(down.sent_again.unwrap() >= retransmitted && up.sent_again.unwrap() > 0, "{name}: {down:?} {up:?}");
        assert_eq!(measured.client.quotes.lost, 0, "{name}");
    }
}

#[test]
fn over_a_long_way_every_deadline_waits_for_the_way() {
    if refused() {
        return;
    }
    // A round trip of 3.2 s: longer than a last answer may take on loopback, and than TCP waits before it sends a SYN
    // again.
    for (trial, measured, link) in trials(r#""poll""#, "one_way_delay_us = 1600000") {
        let name = &trial.arm.name;
        assert_eq!((measured.client.quotes.lost, measured.client.traffic.reconnects), (0, 0), "{name}");
        // Told when a deadline was over before the last quote was there.
        assert_eq!(measured.client.errors, Vec::<String>::new(), "{name}");
        assert!(link.to_server.sent.syns > link.connections && !link.is_clean(), "{name}: {link:?}");
    }
}

#[test]
fn packets_take_the_delay_that_was_asked_for() {
    if refused() {
        return;
    }
    // Fails if one came early; how late they are depends on what else this machine does.
    let arguments = ["link", "--packets-per-s", "500", "--seconds", "1", "--delay-us", "20000"];
    let output = wirerace(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(said.matches("(1000 packets, 0 lost)").count(), 2, "{said}");
}

#[test]
fn one_command_shows_that_the_link_keeps_its_delay() {
    if refused() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let arguments = ["run", "limits", "--only", "link", "--smoke", "--out", out.path().to_str().unwrap()];
    let output = wirerace(&arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() && stderr(&output).contains("two processors") {
        return eprintln!("skipped: {}", stderr(&output).trim());
    }
    assert!(output.status.success(), "{}", stderr(&output));
    // Whether they are met depends on what else this machine does.
    for what in ["from the read to the write: ", "from socket to socket: "] {
        let line = said.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {said}"));
        assert!(line.contains("1000 packets/s each way") && line.contains("target at most 1 ms"), "{line}");
        assert!(!line.contains("inf") && !line.contains("NaN") && !line.contains(" lost"), "{line}");
    }
}

#[test]
fn an_impossible_link_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = experiment(dir.path(), r#""ws""#, "one_way_delay_us = 1, loss_share = 1.5");
    // Nothing is left in the project's own folders if it is run all the same.
    let output = wirerace(&["run", path.to_str().unwrap()]).current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("loss_share = 1.5: allowed are 0 to 1"), "{}", stderr(&output));
}

#[test]
fn where_a_link_is_refused_a_sentence_says_so_and_cells_are_delayed_and_labelled() {
    let dir = tempfile::tempdir().unwrap();
    let mut probe = wirerace(&["link", "--probe"]);
    let path = experiment(dir.path(), r#""ws""#, "one_way_delay_us = 1000, loss_share = 0.01");
    let out = dir.path().join("out");
    let mut run = wirerace(&["run", path.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    // Root may do all this; nobody else may open the device on a machine that keeps it for root.
    if !refused() {
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let _ = [&mut probe, &mut run].map(|command| command.uid(NOBODY).gid(NOBODY).current_dir("/").env("HOME", "/"));
    }
    let Ok(probed) = probe.output() else { return eprintln!("skipped: this user cannot start programs as another") };
    if probed.status.success() {
        return eprintln!("skipped: everybody may have a link here");
    }
    let said = stderr(&probed);
    assert_eq!((probed.status.code(), said.trim().lines().count()), (Some(1), 1), "{said}");
    let output = run.output().unwrap();
    assert!(has_ended(&output), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("no emulated link: ") && stderr(&output).contains("delayed path"),
        "{}",
        stderr(&output)
    );
    let run = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    let trial: Trial = serde_json::from_str(std::fs::read_to_string(run.join("trials.jsonl")).unwrap().trim()).unwrap();
    assert_eq!(trial.cell, "a (delayed in the server instead of a link, without its loss)");
    assert_eq!((trial.load.path.name(), trial.load.path.one_way_delay_s()), ("delayed", 0.001));
}
