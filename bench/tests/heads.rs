//! Head profiles, through a whole run.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use wirerace_contract::results::{Standing, Trial};

fn run(dir: &Path, arms: &str, heads: &str) -> Output {
    let path = dir.join("heads.toml");
    let text = format!(
        "question = \"?\"\nkind = \"exact\"\ninterval_ms = 100\narms = [{arms}]\n[[cells]]\nname = \"a\"\n[cells.load]\n\
         clients = 2\nfeed = {{ seed = 1, symbols = 2, arrivals = \"poisson\", rate_per_s = 100.0, payload_bytes = 0 }}\n\
         heads = {{ {heads} }}\nwindow_ms = 500\nwarm_up_max_ms = 0\nwait_s = 5\nconnects_per_s = 1000\n"
    );
    std::fs::write(&path, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.args(["run", path.to_str().unwrap(), "--out", dir.join("out").to_str().unwrap()]);
    command.stdin(Stdio::null()).output().unwrap()
}

/// Whether the run came to its end. 3: nothing can be used, since other tests had the processors; trials are looked at all the same.
fn has_ended(output: &Output) -> bool {
    matches!(output.status.code(), Some(0 | 3))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn trials(dir: &Path) -> Vec<Trial> {
    let run = std::fs::read_dir(dir.join("out")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(run.join("trials.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_arm_has_the_heads_of_its_cell() {
    let dir = tempfile::tempdir().unwrap();
    let arms = r#""poll-close", "poll", "long-poll", "sse", "ws""#;
    let output = run(dir.path(), arms, "request_bytes = 716, response_bytes = 240");
    assert!(has_ended(&output), "{}", stderr(&output));
    let trials = trials(dir.path());
    assert_eq!(trials.len(), 5);
    for trial in trials {
        let name = &trial.arm.name;
        assert_ne!(trial.standing, Standing::Void, "{name}: {:?}", trial.reasons);
        let measured = trial.measured.unwrap();
        assert_eq!(measured.client.quotes.lost, 0, "{name}");
        // One head a request, whatever its cursor.
        assert_eq!(measured.ledger.to_server.heads, 716 * measured.server.closed.meter.requests, "{name}");
    }
}

#[test]
fn a_profile_that_no_head_fits_is_refused_before_the_run_with_both_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for (heads, words) in
        [("request_bytes = 60", "request heads of 60 bytes"), ("response_bytes = 120", "response heads of 120 bytes")]
    {
        for arm in ["\"poll\"", "\"sse\"", "\"ws\""] {
            let output = run(dir.path(), arm, heads);
            assert_eq!(output.status.code(), Some(2), "{arm}: {}", stderr(&output));
            let said = stderr(&output);
            assert!(said.contains(words) && said.contains("padded at least"), "{arm}: {said}");
        }
    }
}

#[test]
fn a_profile_that_a_longer_cursor_outgrows_voids_the_trial_with_both_numbers() {
    let dir = tempfile::tempdir().unwrap();
    // `GET /quotes?after=k3f9.1`: a head of 73 bytes, and 9 for the padding field; a cursor of two digits takes one more.
    let output = run(dir.path(), "\"poll\"", "request_bytes = 82");
    let trials = trials(dir.path());
    assert_eq!(trials[0].standing, Standing::Void, "{}", stderr(&output));
    assert!(
        trials[0].reasons.iter().any(|reason| reason.contains("request heads of 82 bytes")),
        "{:?}",
        trials[0].reasons
    );
}
