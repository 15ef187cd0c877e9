//! A server that is at its limit refuses clients: the trial is valid, and says so as an outcome.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use tokio::sync::mpsc;
use wirerace::registry;
use wirerace::run::judge;
use wirerace_clients::backoff::BackoffPolicy;
use wirerace_clients::load::{self, Arrivals, Command, LoadSetup, Report};
use wirerace_clients::target::Target;
use wirerace_clients::{long_polling, polling, sse, websocket};
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::distribution::Distribution;
use wirerace_contract::feed::{Arrivals as Pattern, FeedSpec};
use wirerace_contract::meter::ControlSnapshot;
use wirerace_contract::results::{ArmEntry, ClientReport, Cpu, Ledger, Measured, MeterStages, Standing};
use wirerace_contract::spec::LoadSpec;
use wirerace_servers::listener::ListenOptions;
use wirerace_servers::{Running, ServeOptions, serve};

const DEADLINE: Duration = Duration::from_secs(20);
const CLIENTS: u32 = 4;
const LIMIT: usize = 2;

/// Forty quotes in 400 ms, polls each 50 ms.
fn load() -> LoadSpec {
    let feed = FeedSpec { symbols: 1, arrivals: Pattern::Periodic, rate_per_s: 100.0, ..FeedSpec::default() };
    LoadSpec { clients: CLIENTS, feed, window_ms: 400, warm_up_max_ms: 0, ..LoadSpec::default() }
}

/// Gives up soon: the stated back-off takes seconds.
fn hasty(target: Target) -> Target {
    Target { backoff: BackoffPolicy { first_ms: 1, longest_ms: 5, first_attempts_max: 3 }, ..target }
}

fn snapshot(server: &Running) -> ControlSnapshot {
    ControlSnapshot { taken_ns: monotonic_ns(), meter: server.meter().snapshot(), ..ControlSnapshot::default() }
}

/// From connecting to the end, as a trial does it, within one process.
async fn trial(entry: &ArmEntry, arrivals: Arrivals) -> (ClientReport, MeterStages) {
    let load = load();
    let quotes = ListenOptions { max_connections: LIMIT, ..ListenOptions::default() };
    let row = registry::row(&entry.arm.transport).unwrap();
    let options = ServeOptions { quotes, feed: load.feed.clone(), ..ServeOptions::default() };
    let server = serve(options, row.routes).unwrap();
    let (arm, address) = (entry.arm.clone(), server.quotes_addr());
    let setup = LoadSetup { arm, load, address, seed: 3, published_log: None, progress_ms: None, start_ns: None };
    let (commands, commanded) = mpsc::channel(8);
    let (reports, mut reported) = mpsc::channel(8);
    let following = async {
        let (mut connected, mut drained) = (ControlSnapshot::default(), ControlSnapshot::default());
        while let Some(report) = reported.recv().await {
            match report {
                Report::Connected { .. } => {
                    connected = snapshot(&server);
                    let start_ns = monotonic_ns() + 60 * NS_PER_MS;
                    server.feed().start_at(start_ns).unwrap();
                    commands.send(Command::Start { start_ns }).await.unwrap();
                }
                Report::Window { window, .. } => server.feed().stop_after(window.last_seq),
                Report::Drained => {
                    drained = snapshot(&server);
                    commands.send(Command::Close).await.unwrap();
                }
                Report::Done(client) => return (*client, connected, drained),
                Report::Failed(words) => panic!("{words}"),
                Report::Progress(_) => {}
            }
        }
        panic!("the load ended without a report")
    };
    let (loaded, (client, connected, drained)) =
        tokio::join!(load::run(setup, arrivals, commanded, reports), following);
    loaded.unwrap();
    // What is still open after that, `judge` says.
    let _ = tokio::time::timeout(DEADLINE, server.meter().all_closed()).await;
    let closed = snapshot(&server);
    server.shutdown(DEADLINE).await;
    let (window_start, window_end) = (connected.clone(), drained.clone());
    (client, MeterStages { connected, window_start, window_end, drained, closed })
}

async fn two_of_four_are_refused(arm: &str, arrivals: Arrivals) {
    let entry = registry::arm(arm, 50).unwrap();
    let (client, server) = trial(&entry, arrivals).await;
    let window_us = (client.window.end_offset_ns - client.window.start_offset_ns) / 1_000;
    let cpu = Cpu { wall_us: window_us, ..Cpu::default() };
    let publisher_lateness = Distribution::default();
    let measured = Measured { client, server, publisher_lateness, ledger: Ledger::default(), cpu, link: None };
    assert_eq!(judge(&entry, &load(), &measured), (Standing::Valid, Vec::new()), "{:?}", measured.client);
    let Measured { client, server, .. } = measured;
    assert_eq!((client.clients, client.clients_connected, client.clients_refused), (4, 2, 2));
    assert!(client.quotes.received > 0 && client.quotes.lost == client.quotes.received, "{:?}", client.quotes);
    assert!(client.lateness.p50_ns.is_some() && client.lateness.p99_ns.is_none(), "half is infinitely late");
    // Each refused client tried three times and was told each time why not.
    assert_eq!(server.closed.meter.connections_accepted, 2 + 2 * 3);
    assert_eq!((client.traffic.dials_unclear, client.traffic.requests_unanswered), (0, 0));
    assert!(client.errors.iter().any(|words| words.contains("at its limit of 2 connections")), "{:?}", client.errors);
}

#[tokio::test]
async fn polling() {
    two_of_four_are_refused("poll", |t| polling::arrivals(hasty(t))).await;
}

#[tokio::test]
async fn long_polling() {
    two_of_four_are_refused("long-poll", |t| long_polling::arrivals(hasty(t))).await;
}

#[tokio::test]
async fn sse() {
    two_of_four_are_refused("sse", |t| sse::arrivals(hasty(t))).await;
}

#[tokio::test]
async fn websocket() {
    two_of_four_are_refused("ws", |t| websocket::arrivals(hasty(t))).await;
}
