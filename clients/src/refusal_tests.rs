//! Loads in which some clients do not get in, are late or give up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;

use tokio_tungstenite::tungstenite::{self, Message};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::plan::PlanTable;

use super::tests::{FEED, all, race_from, refused, setup};
use super::*;
use crate::outlet::stream_of;
use crate::scripted::quotes;
use crate::{long_polling, sse, websocket};

/// The last of three clients, by its phase.
fn is_third(target: &Target) -> bool {
    target.phase >= 2.0 / 3.0
}

fn third_refused(target: Target) -> BoxStream<'static, Event> {
    if is_third(&target) { refused(target) } else { all(target) }
}

fn third_late(target: Target) -> BoxStream<'static, Event> {
    if is_third(&target) { never(target) } else { all(target) }
}

fn never(target: Target) -> BoxStream<'static, Event> {
    stream_of(|_| async move { target.stopped().await })
}

fn third_gives_up(target: Target) -> BoxStream<'static, Event> {
    if !is_third(&target) {
        return all(target);
    }
    all(target)
        .map(|event| match event {
            Event::Quote { seq: 20, .. } => Event::Failed { reason: "had enough".into() },
            other => other,
        })
        .boxed()
}

fn clients(report: &ClientReport) -> [u32; 5] {
    let ClientReport { clients, clients_connected, clients_refused, clients_gave_up, clients_cut, .. } = report;
    [*clients, *clients_connected, *clients_refused, *clients_gave_up, *clients_cut]
}

/// What a load says of which one client of three got nothing and the others everything.
fn one_of_three_had_nothing(report: &ClientReport) {
    assert_eq!(clients(report), [3, 2, 1, 0, 0]);
    let (quotes, lateness) = (&report.quotes, &report.lateness);
    assert_eq!((quotes.planned, quotes.received, quotes.lost), (117, 78, 39), "{:?}", report.errors);
    assert_eq!((report.window_quotes, lateness.count, lateness.lost), (*quotes, 78, 39));
    assert!(lateness.p50_ns.is_some() && lateness.p99_ns.is_none(), "a third is infinitely late");
    assert_eq!(report.spread.count, 39, "among those that got in");
    // A third of the clients shows a wrong price from the first quotes on: 10 ms of 200 are before them.
    assert!(report.staleness.wrong_price_share > 0.3, "{:?}", report.staleness);
}

#[tokio::test]
async fn a_refused_client_is_an_outcome_and_nobody_waits_for_it() {
    let started = OnceLock::new();
    let (order, report, _) = race_from(setup(0), third_refused, |_| started.set(Instant::now()).unwrap()).await;
    assert_eq!(order, ["connected", "window", "drained", "done"]);
    one_of_three_had_nothing(&report);
    assert_eq!(report.errors, ["nobody listens"]);
    assert!(started.get().unwrap().elapsed() < Duration::from_millis(DRAIN_MS), "the drain waited for the deadline");
}

/// The clock of the runtime stands still and jumps to the deadline; from the start on it runs.
#[tokio::test(start_paused = true)]
async fn who_is_not_connected_at_the_deadline_is_sent_away() {
    let began = Instant::now();
    let (order, report, _) = race_from(setup(0), third_late, |_| {
        assert!(began.elapsed() >= Duration::from_millis(CONNECT_SLACK_MS));
        tokio::time::resume();
    })
    .await;
    assert_eq!(order, ["connected", "window", "drained", "done"]);
    one_of_three_had_nothing(&report);
    assert_eq!(report.errors, ["a client was not connected within 30 s and was sent away"]);
}

#[tokio::test(start_paused = true)]
async fn a_load_in_which_nobody_is_in_time_fails() {
    let (_commands, command_receiver) = mpsc::channel(8);
    let (report_sender, mut reports) = mpsc::channel(8);
    let result = run(LoadSetup { progress_ms: None, ..setup(0) }, never, command_receiver, report_sender).await;
    assert!(matches!(result, Err(LoadError::Slow { clients: 3, seconds: 30 })), "{result:?}");
    let Some(Report::Failed(words)) = reports.recv().await else { panic!("no failure was told") };
    assert!(words.starts_with("not one of 3 clients") && words.ends_with("the limit of open files?"), "{words}");
}

#[tokio::test]
async fn who_gives_up_in_the_middle_keeps_what_it_had() {
    let (_, report, _) = race_from(setup(0), third_gives_up, |_| ()).await;
    assert_eq!(clients(&report), [3, 3, 0, 1, 0]);
    let quotes = report.quotes;
    assert_eq!((quotes.planned, quotes.received, quotes.lost), (117, 97, 20), "19 of 39 had come");
    assert_eq!(report.errors, ["had enough"]);
}

/// A server that takes two connections and then no more: the third is refused, or reset if it was already in the queue.
/// Knows the feed's plan; `serve` speaks a transport on one connection.
fn for_two(serve: fn(TcpStream, &OnceLock<u64>)) -> (SocketAddr, Arc<OnceLock<u64>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, start) = (listener.local_addr().unwrap(), Arc::new(OnceLock::new()));
    let known = start.clone();
    thread::spawn(move || {
        for _ in 0..2 {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let known = known.clone();
            thread::spawn(move || serve(stream, &known));
        }
    });
    (address, start)
}

/// Some more than the window holds.
const LAST_SEQ: u64 = 45;

/// Waits until quote `seq` is due.
fn sleep_until_due(seq: u64, start: &OnceLock<u64>) {
    let due_ns = start.wait() + PlanTable::new(&FEED).due_offset_ns(seq);
    thread::sleep(Duration::from_nanos(due_ns.saturating_sub(monotonic_ns())));
}

/// The path of the next request.
fn asked(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    lines.find(String::is_empty).map(|_| path)
}

fn serve_held(mut stream: TcpStream, start: &OnceLock<u64>) {
    let mut seq = 0;
    while let Some(path) = asked(&stream) {
        if path.contains("wait=") && seq < LAST_SEQ {
            seq += 1;
            sleep_until_due(seq, start);
            stream.write_all(quotes(seq, seq).as_bytes()).unwrap();
        } else if !path.contains("wait=") {
            stream.write_all(quotes(1, 0).as_bytes()).unwrap();
        }
    }
}

fn serve_events(mut stream: TcpStream, start: &OnceLock<u64>) {
    asked(&stream).unwrap();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let hello = "event: hello\ndata: {\"epoch\":\"k3f9\",\"oldest\":1,\"newest\":0}\n\n";
    stream.write_all(format!("{head}{hello}").as_bytes()).unwrap();
    for seq in 1..=LAST_SEQ {
        sleep_until_due(seq, start);
        stream.write_all(format!("id: k3f9.{seq}\ndata: {seq:010} 0101.2503\n\n").as_bytes()).unwrap();
    }
    let _ = stream.read_to_end(&mut Vec::new());
}

fn serve_socket(stream: TcpStream, start: &OnceLock<u64>) {
    let mut socket = tungstenite::accept(stream).unwrap();
    socket.send(Message::text(r#"{"hello":{"epoch":"k3f9","oldest":1,"newest":0}}"#)).unwrap();
    for seq in 1..=LAST_SEQ {
        sleep_until_due(seq, start);
        socket.send(Message::text(format!("{seq:010} 0101.2503"))).unwrap();
    }
    while socket.read().is_ok() {}
}

/// Gives up soon: the stated back-off takes seconds.
fn hasty(target: Target) -> Target {
    Target { backoff: BackoffPolicy { first_ms: 1, longest_ms: 5, first_attempts_max: 3 }, ..target }
}

async fn one_of_three_is_refused(transport: &str, arrivals: Arrivals, serve: fn(TcpStream, &OnceLock<u64>)) {
    let (address, start) = for_two(serve);
    let mut setup = LoadSetup { address, ..setup(0) };
    setup.arm.transport = transport.to_owned();
    setup.arm.encoding = Encoding::Tick;
    let (order, report, _) = race_from(setup, arrivals, |start_ns| start.set(start_ns).unwrap()).await;
    assert_eq!(order, ["connected", "window", "drained", "done"]);
    one_of_three_had_nothing(&report);
    // Refused dials are no connections, and what was never sent is no request. The third client's first dial may have
    // stood in the server's queue and been reset there, with or without a request on it.
    let traffic = &report.traffic;
    let queued = traffic.connections_dialled + traffic.dials_unclear - 2;
    assert!(queued <= 1 && traffic.requests_unanswered <= queued, "{traffic:?}");
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
}

#[tokio::test]
async fn long_polls_go_on_without_the_refused() {
    one_of_three_is_refused("long_polling", |t| long_polling::arrivals(hasty(t)), serve_held).await;
}

#[tokio::test]
async fn event_streams_go_on_without_the_refused() {
    one_of_three_is_refused("sse", |t| sse::arrivals(hasty(t)), serve_events).await;
}

#[tokio::test]
async fn sockets_go_on_without_the_refused() {
    one_of_three_is_refused("websocket", |t| websocket::arrivals(hasty(t)), serve_socket).await;
}
