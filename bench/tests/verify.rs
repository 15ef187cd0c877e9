//! `wirerace verify`: our own server keeps every rule, and a server that breaks one is told which.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "verify/flaws.rs"]
mod flaws;
#[path = "verify/hostile.rs"]
mod hostile;
#[path = "verify/proxy.rs"]
mod proxy;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use wirerace::registry;
use wirerace::verify::rules::RULES;
use wirerace::verify::{Options, Standing, Verification, verify};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::feed::FeedSpec;
use wirerace_servers::{Running, ServeOptions};

use self::flaws::{FLAWS, Flaw};

/// What our servers send into a silent stream in these tests, instead of each 15 s.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// What is expected of them then.
const HEARTBEATS: Options =
    Options { rule_limit: Duration::from_secs(15), heartbeat_limit: Some(Duration::from_secs(4)) };
const NO_HEARTBEATS: Options = Options { heartbeat_limit: None, ..HEARTBEATS };

/// All routes, with a feed that runs.
fn start(tape_capacity: usize) -> Running {
    let running = serve(tape_capacity);
    running.feed().start_at(monotonic_ns()).unwrap();
    running
}

/// The same, with a feed that does not run yet.
fn serve(tape_capacity: usize) -> Running {
    let feed = FeedSpec { rate_per_s: 20.0, ..FeedSpec::default() };
    let options = ServeOptions { feed, heartbeat: HEARTBEAT, tape_capacity, ..ServeOptions::default() };
    let running = wirerace_servers::serve(options, |tape| {
        let own = registry::ROWS.iter().map(|row| (row.routes)(tape.clone()));
        let shared = [wirerace_servers::health::routes(tape.clone()), wirerace_servers::orders::routes(tape.clone())];
        wirerace_servers::compose(shared.into_iter().chain(own))
    });
    running.unwrap()
}

/// Names of the rules that came out like that.
fn those(verification: &Verification, standing: Standing) -> Vec<&'static str> {
    verification.rules.iter().filter(|verdict| verdict.standing == standing).map(|verdict| verdict.id).collect()
}

#[tokio::test]
async fn our_own_server_keeps_every_rule() {
    let server = start(65_536);
    let found = verify(server.quotes_addr(), HEARTBEATS).await.unwrap();
    assert_eq!(found.broken(), Vec::<&str>::new(), "{:#?}", found.rules);
    assert_eq!(those(&found, Standing::NotChecked), ["poll-evicted"], "nothing has fallen off: {:#?}", found.rules);
    assert_eq!(found.count(Standing::Kept), RULES.len() - 1);
}

#[tokio::test]
async fn on_a_short_tape_too() {
    let server = start(30);
    server.tape().newer_than(40).await;
    let found = verify(server.quotes_addr(), NO_HEARTBEATS).await.unwrap();
    assert_eq!(found.broken(), Vec::<&str>::new(), "{:#?}", found.rules);
    assert!(those(&found, Standing::Kept).contains(&"poll-evicted"));
}

#[tokio::test]
async fn a_server_whose_feed_has_not_started_breaks_nothing_and_is_soon_told() {
    let server = serve(65_536);
    let begun = std::time::Instant::now();
    let found = verify(server.quotes_addr(), NO_HEARTBEATS).await.unwrap();
    assert_eq!(found.broken(), Vec::<&str>::new(), "{:#?}", found.rules);
    let unchecked = those(&found, Standing::NotChecked);
    assert!(unchecked.contains(&"poll-oldest") && unchecked.contains(&"quote-json"), "{unchecked:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// The rules that are broken by `flaw` in front of `server`.
async fn broken_by(flaw: &'static Flaw, server: SocketAddr) -> (Vec<&'static str>, Verification) {
    let address = proxy::start(server, flaw).await;
    let options = if flaw.rule.ends_with("-heartbeat") { HEARTBEATS } else { NO_HEARTBEATS };
    let found = verify(address, options).await.unwrap();
    (found.broken(), found)
}

#[tokio::test]
async fn a_server_that_breaks_one_rule_is_told_that_rule() {
    let long = start(65_536);
    let short = start(30);
    long.tape().newer_than(20).await;
    short.tape().newer_than(40).await;
    let (long, short) = (long.quotes_addr(), short.quotes_addr());
    let told = stream::iter(&FLAWS).map(|flaw| async move {
        let server = if flaw.rule == "poll-evicted" { short } else { long };
        (flaw, broken_by(flaw, server).await)
    });
    let told: Vec<_> = told.buffer_unordered(12).collect().await;
    let mut wrong = Vec::new();
    for (flaw, (broken, found)) in told {
        if broken != [flaw.rule] {
            let why = found.rules.iter().filter(|verdict| verdict.standing == Standing::Broken);
            let why: Vec<_> = why.map(|verdict| (verdict.id, verdict.why.clone())).collect();
            wrong.push(format!("the flaw of {} was told as {why:?}", flaw.rule));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_server_that_breaks_it() {
    let flawed: BTreeSet<&str> = FLAWS.iter().map(|flaw| flaw.rule).collect();
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    // A plan of its own is allowed: see the next test.
    assert_eq!(rules.difference(&flawed).collect::<Vec<_>>(), [&"feed-plan"]);
    assert!(flawed.is_subset(&rules), "{flawed:?}");
    assert_eq!(rules.len(), RULES.len(), "two rules have one name");
}

#[tokio::test]
async fn a_plan_of_its_own_is_told_and_breaks_nothing() {
    static OTHER: Flaw = Flaw { down: flaws::Down::Replace(r#""seed":1,"#, r#""seed":7,"#), ..Flaw::none("feed-plan") };
    let server = start(65_536);
    let (broken, found) = broken_by(&OTHER, server.quotes_addr()).await;
    assert_eq!(broken, Vec::<&str>::new());
    assert_eq!(those(&found, Standing::NotOffered), ["feed-plan"]);
}

#[tokio::test]
async fn no_server_keeps_the_verifier_from_its_end() {
    hostile::all().await;
}

#[test]
fn the_page_explains_every_rule_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("servers/WRITE_YOUR_OWN.md");
    let page = std::fs::read_to_string(page).unwrap();
    // A rule stands in a list with a box: `- [ ] **id**`.
    let mut section = "";
    let mut explained = Vec::new();
    for line in page.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        if let Some((id, _)) = line.strip_prefix("- [ ] **").and_then(|rest| rest.split_once("**")) {
            explained.push((section, id));
        }
    }
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.section.title(), rule.id)).collect();
    assert_eq!(explained, rules, "the page's rules, then the table's");
}

fn wirerace(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn what_is_no_server_is_bad_usage() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let free = format!("http://{free}");
    for (url, part) in [
        ("https://127.0.0.1:8080", "clear text"),
        ("http://127.0.0.1:8080/quotes", "at the top"),
        ("http://no such host:1", "no host"),
        (free.as_str(), "nothing listens"),
    ] {
        let output = wirerace(&["verify", url]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part) && said.trim().lines().count() == 1, "{said}");
    }
}

#[tokio::test]
async fn the_command_tells_how_it_ended_by_its_exit_code() {
    let server = start(65_536);
    let ask = async |address: SocketAddr, format: &'static str| {
        let url = format!("http://{address}/");
        let asked = move || wirerace(&["verify", &url, "--quick", "--format", format]);
        tokio::task::spawn_blocking(asked).await.unwrap()
    };
    let kept = ask(server.quotes_addr(), "json").await;
    assert_eq!(kept.status.code(), Some(0), "{}", String::from_utf8_lossy(&kept.stderr));
    let told: serde_json::Value = serde_json::from_slice(&kept.stdout).unwrap();
    assert_eq!(told["rules"].as_array().unwrap().len(), RULES.len());
    assert_eq!(told["rules"][0]["standing"], "kept");

    let flaw = FLAWS.iter().find(|flaw| flaw.rule == "poll-foreign").unwrap();
    let address = proxy::start(server.quotes_addr(), flaw).await;
    for format in ["text", "markdown"] {
        let broken = ask(address, format).await;
        let (said, told) = (String::from_utf8_lossy(&broken.stderr), String::from_utf8_lossy(&broken.stdout));
        assert_eq!(broken.status.code(), Some(1), "{said}");
        assert!(said.contains("1 rule broken: poll-foreign"), "{said}");
        assert!(told.contains(&format!("curl -i 'http://{address}/quotes?after=zzzz.1'")), "{told}");
    }
}

#[tokio::test]
async fn servers_that_are_not_ours_race_beside_ours() {
    static OTHER: Flaw = Flaw { down: flaws::Down::Replace(r#""seed":1,"#, r#""seed":7,"#), ..Flaw::none("feed-plan") };
    let server = start(65_536);
    let twin = format!("twin=http://{}", server.quotes_addr());
    let odd = format!("odd=http://{}", proxy::start(server.quotes_addr(), &OTHER).await);
    let race = move || {
        let race = ["race", "--seconds", "2", "--clients", "1", "--rate", "20", "--arms", "poll,ws"];
        wirerace(&[&race[..], &["--server", &twin, "--server", &odd]].concat())
    };
    let output = tokio::task::spawn_blocking(race).await.unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    // 3: our own trial is void, which on a crowded machine can happen.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
    let cells = |head: &str| -> Vec<String> {
        let table = told.split("\nnot ours").nth(1).unwrap_or_else(|| panic!("no table: {told}{said}"));
        let line = table.lines().find_map(|line| line.strip_prefix(head));
        line.unwrap_or_else(|| panic!("no {head}: {told}")).split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(cells(""), ["twin/poll", "twin/ws", "odd/poll", "odd/ws"]);
    let late = cells("late p50 ms");
    assert!(late[..2].iter().all(|ms| ms.replace(',', "").parse::<f64>().is_ok()), "{late:?}");
    assert_eq!(late[2..], ["n/a", "n/a"]);
    // The same server, polled and pushed, whether its plan is known or not.
    assert!(cells("quotes received in all").iter().all(|quotes| quotes.parse::<u64>().unwrap() > 20), "{told}");
    assert_eq!(told.matches("n/a: not our server").count(), 4 * 4, "{told}");
    for sentence in ["odd: lateness and staleness are n/a", "ws: half of the quotes came within"] {
        assert!(told.contains(sentence), "{sentence}: {told}");
    }
    assert!(!told.contains("another feed"), "{told}");
}

#[test]
fn a_race_with_what_is_no_server_is_bad_usage() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let free = format!("mine=http://{free}");
    for (server, part) in [("http://127.0.0.1:1", "NAME=URL"), ("mine=ftp://a", "no http"), (&free, "nothing listens")]
    {
        let output = wirerace(&["race", "--server", server]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}
