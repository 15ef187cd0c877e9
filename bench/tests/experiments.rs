//! A user's own experiment, from its file to what its trials say: no code is touched for it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use wirerace::report::read::read;
use wirerace_contract::results::{EVENTS_MAX, EventLog, Happened, Manifest, Measured, Standing, Trial};
use wirerace_contract::spec::{Connection, Delivery};

const MINE: &str = r#"
question = "Mine?"
prediction = "Orders come back."
change_our_mind = "One that does not."
claims = [12]
kind = "exact"
interval_ms = 50
mixed_delivery = true
arms = [
    "poll-close", "poll", "long-poll", "sse",
    { name = "ws", transport = "websocket" },
    { name = "ws each", transport = "websocket", flush = "each" },
    { name = "newest", transport = "polling", delivery = "newest" },
    { name = "newest again", transport = "polling", delivery = "newest", unconditional = true },
    { name = "newest held", transport = "long_polling", delivery = "newest" },
    { name = "newest sse", transport = "sse", delivery = "newest" },
    { name = "newest ws", transport = "websocket", delivery = "newest" },
]

[margins]
bytes = 0.01

[sweep.load]
clients = 2
window_ms = 400
warm_up_max_ms = 0
wait_s = 5
connects_per_s = 1000
feed = { seed = 1, symbols = 1, arrivals = { bursts = 20 }, rate_per_s = 100.0, payload_bytes = 0 }
orders_per_s = 25.0

[sweep.axes]
payload_bytes = [0, 500]

[sweep.quick]
payload_bytes = [500]
"#;

fn wirerace(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Runs [`MINE`]; what it leaves, and what it said on the way.
fn run(out: &Path, options: &[&str]) -> (Manifest, Vec<Trial>, String) {
    run_file(out, MINE, options)
}

fn run_file(out: &Path, text: &str, options: &[&str]) -> (Manifest, Vec<Trial>, String) {
    let file = out.join("mine.toml");
    std::fs::write(&file, text).unwrap();
    let results = out.join("results");
    let output = wirerace(&[&["run", file.to_str().unwrap(), "--out", results.to_str().unwrap()], options].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // 3: nothing can be used, since other tests had the processors; trials are looked at all the same.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let folder = std::fs::read_dir(results).unwrap().next().unwrap().unwrap().path();
    let run = read(&folder).unwrap();
    (run.manifest, run.trials, said)
}

fn measured<'a>(trials: &'a [Trial], arm: &str) -> &'a Measured {
    let trial = trials.iter().find(|trial| trial.arm.name == arm).unwrap();
    assert_ne!(trial.standing, Standing::Void, "{arm}: {:?}", trial.reasons);
    trial.measured.as_ref().unwrap()
}

#[test]
fn a_file_of_the_users_own_runs_with_orders_flushes_and_the_newest_on_every_transport() {
    let out = tempfile::tempdir().unwrap();
    let (manifest, trials, said) = run(out.path(), &["--quick", "--blocks", "1"]);
    assert!(said.contains("mine: about ") && said.contains(": 11 trials\n"), "the length comes first: {said}");
    assert!(said.contains("(10 trials done, 1 left: about "), "{said}");
    assert!(
        manifest.quick && manifest.cells.len() == 1 && manifest.cells[0].name == "500 B of payload",
        "{manifest:?}"
    );
    assert_eq!((manifest.prediction.as_str(), manifest.claims.as_slice()), ("Orders come back.", &[12][..]));
    assert_eq!(manifest.margins.bytes, Some(0.01));
    assert_eq!(trials.len(), 11);
    for entry in &manifest.arms {
        let (name, measured) = (&entry.arm.name, measured(&trials, &entry.arm.name));
        let (orders, quotes) = (&measured.client.orders, &measured.client.quotes);
        // Two clients, 0.4 s, 25 a second.
        let (planned, sent, unsent) = (orders.window_planned, orders.window_issued, orders.window_unsent);
        assert_eq!((planned, sent, unsent), (20, 20, 0), "{name}: {:?}", measured.client.errors);
        assert_eq!((orders.window_acknowledged, orders.lost), (20, 0), "{name}: {:?}", measured.client.errors);
        assert_eq!(orders.latency.count, 20, "{name}");
        assert_eq!(quotes.lost, 0, "{name}");
        let superseded = quotes.superseded > 0;
        assert_eq!(superseded, entry.arm.name.starts_with("newest"), "{name}: {quotes:?}");
        first_moments(trials.iter().find(|trial| trial.arm.name == *name).unwrap());
        let dialled = measured.client.traffic.connections_dialled;
        match entry.arm.transport.as_str() {
            "websocket" => assert_eq!(dialled, 2, "{name}: orders go up on the socket"),
            _ if entry.arm.name == "poll-close" => assert!(dialled > 20, "{name}"),
            "polling" => assert_eq!(dialled, 2, "{name}: polls and orders take turns"),
            _ => assert_eq!(dialled, 4, "{name}: orders have a connection of their own"),
        }
    }
    let per_write = |arm| measured(&trials, arm).server.closed.meter.quotes_per_write;
    let singles = |arm| per_write(arm)[0];
    let handed_over = measured(&trials, "ws each").client.quotes.received;
    assert_eq!(singles("ws each"), handed_over, "one write each: {:?}", per_write("ws each"));
    // How many of a burst lie ready when the server looks hangs on who wakes first; none ever would if each were written alone.
    assert!(singles("ws") < handed_over, "bursts are drained: {:?}", per_write("ws"));
    let again = |arm| measured(&trials, arm).client.quotes.duplicates;
    assert!(again("newest") == 0 && again("newest again") > 0, "what has not changed comes again, unasked for by tag");
}

/// What the first client's log must hold, whatever the transport.
fn first_moments(trial: &Trial) {
    let arm = &trial.arm;
    let log: &EventLog = trial.measured.as_ref().unwrap().client.events.as_ref().unwrap();
    let name = format!("{}: {:?}", arm.name, log.events);
    let count = |wanted: fn(&Happened) -> bool| log.events.iter().filter(|event| wanted(&event.what)).count();
    let dials = count(|what| *what == Happened::Dialling);
    let asked = count(|what| matches!(what, Happened::Asked { .. }));
    assert!(log.events.len() <= EVENTS_MAX && log.events.is_sorted_by_key(|event| event.at_ns), "{name}");
    assert!(dials.abs_diff(count(|what| *what == Happened::Established)) <= 1, "{name}");
    // Connections of orders are not those of quotes.
    match arm.connection {
        Connection::Closed => assert!(dials > 1 && asked.abs_diff(dials) <= 1, "{name}"),
        Connection::Kept => assert_eq!(dials, 1, "{name}"),
    }
    let pushes = matches!(arm.transport.as_str(), "sse" | "websocket");
    assert_eq!(count(|what| *what == Happened::Hello), usize::from(pushes), "{name}");
    assert_eq!(count(|what| matches!(what, Happened::Pushed { .. })) > 0, pushes, "{name}");
    let held = count(|what| matches!(what, Happened::Asked { held: true, .. }));
    assert_eq!(held > 0, arm.transport == "long_polling", "{name}");
    assert!(log.events[0].at_ns < 0, "the set-up comes before the feed: {name}");
    quotes_of(log, arm.delivery == Delivery::Every, &name);
}

/// Quotes come after they were published, which comes after they were due; and, where every one is delivered, in their order.
fn quotes_of(log: &EventLog, every: bool, name: &str) {
    assert!(log.quotes.len() > 6 && log.quotes.iter().zip(1..).all(|(quote, seq)| quote.seq == seq), "{name}");
    let mut next = 1;
    for event in &log.events {
        let (Happened::Pushed { quotes } | Happened::Answered { quotes: Some(quotes), .. }) = event.what else {
            continue;
        };
        if every {
            assert_eq!(quotes.first_seq, next, "{name}");
            assert_eq!(u64::from(quotes.count), quotes.last_seq + 1 - quotes.first_seq, "{name}");
        }
        next = quotes.last_seq + 1;
        for quote in log.quotes.iter().filter(|quote| quotes.holds(quote.seq)) {
            let published_ns = quote.published_ns.unwrap();
            assert!(quote.due_ns <= published_ns && published_ns as i64 <= event.at_ns, "{quote:?} {event:?} {name}");
        }
    }
    assert!(next > 1, "no quote came: {name}");
}

/// Fifty orders a second, each of which takes two fifths of a second.
const BACKLOG: &str = r#"
question = "Do orders pile up?"
kind = "exact"
interval_ms = 500
blocks = 1
arms = ["poll", "ws"]

[[cells]]
name = "a"

[cells.load]
clients = 2
window_ms = 500
warm_up_max_ms = 0
wait_s = 5
connects_per_s = 1000
feed = { seed = 1, symbols = 1, arrivals = "periodic", rate_per_s = 10.0, payload_bytes = 0 }
orders_per_s = 50.0
path = { delayed = { one_way_delay_us = 200000 } }
"#;

#[test]
fn orders_that_wait_behind_others_until_the_end_are_infinitely_late_and_told() {
    let out = tempfile::tempdir().unwrap();
    let (_, trials, _) = run_file(out.path(), BACKLOG, &[]);
    let orders = |arm| measured(&trials, arm).client.orders.clone();
    // Two clients, half a second. The identities have held what was sent and was not against the plan.
    let posted = orders("poll");
    assert_eq!((posted.window_planned, posted.window_issued + posted.window_unsent), (50, 50), "{posted:?}");
    assert!(posted.window_unsent > 20 && posted.latency.lost >= posted.window_unsent, "{posted:?}");
    assert_eq!(posted.latency.p99_ns, None, "a percentile that holds them is infinite");
    // One after the other: what was acknowledged had waited for those before it.
    assert!(posted.latency.mean_ns.unwrap() > 800e6, "{posted:?}");
    let on_socket = orders("ws");
    assert_eq!(
        (on_socket.window_planned, on_socket.window_unsent, on_socket.latency.lost),
        (50, 0, 0),
        "{on_socket:?}"
    );
}

#[test]
fn what_can_be_asked_is_listed_with_its_length() {
    let list = |option: &[&str]| {
        let output = wirerace(&[&["run", "list"], option].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let own = list(&[]);
    for name in ["transports", "frontier", "duplex", "phase_lock"] {
        let line = own.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap();
        assert!(line.contains("? (about ") && line.ends_with(" trials)"), "{line}");
    }
    assert!(own.contains("transports: ") && own.contains("30 trials"), "{own}");
    assert!(list(&["--publish"]).contains("60 trials"), "twelve blocks of five arms");
    let quick = list(&["--quick"]);
    let sum = quick.lines().find(|line| line.starts_with("all: every one of these but tiny (about ")).unwrap();
    let minutes: u32 = sum.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!(sum.contains(" min: ") && minutes < 10, "{sum}");
}

#[test]
fn scopes_exclude_each_other_and_stand_alone_words_stay_alone() {
    for (arguments, word) in [
        (vec!["run", "--quick", "--publish"], "cannot be used with"),
        (vec!["run", "--resume", "x", "--quick"], "cannot be used with"),
        (vec!["run", "all", "tiny"], "stands alone"),
    ] {
        let output = wirerace(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(word), "{arguments:?}: {said}");
    }
}
