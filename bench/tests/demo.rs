//! The demo as a browser meets it: the binary itself, on a free port.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

#[path = "demo/neighbours.rs"]
mod neighbours;
#[path = "demo/room.rs"]
mod room;

use room::{DEADLINE, Demo, Page, ask, command, get, lane, socket};

/// Quotes that a test of all lanes waits for.
const SEQS: u64 = 20;

/// Numbers of the quotes that polls of this kind get, from the first on.
async fn polled(address: std::net::SocketAddr, epoch: &str, wait: &str) -> Vec<u64> {
    let (mut seqs, mut next) = (Vec::new(), format!("{epoch}.0"));
    while seqs.len() < SEQS as usize {
        let (head, body) = ask(address, &get(address, &format!("/quotes?after={next}{wait}"), "")).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        seqs.extend(answer["quotes"].as_array().unwrap().iter().map(|quote| quote["seq"].as_u64().unwrap()));
        next = answer["next"].as_str().unwrap().to_owned();
    }
    seqs.truncate(SEQS as usize);
    seqs
}

async fn of_events(address: std::net::SocketAddr, epoch: &str) -> Vec<u64> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /events?after={epoch}.0 HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut lines, mut seqs) = (BufReader::new(stream).lines(), Vec::new());
    while seqs.len() < SEQS as usize {
        let line = timeout(DEADLINE, lines.next_line()).await.unwrap().unwrap().unwrap();
        seqs.extend(line.strip_prefix("id: ").map(|id| id.split_once('.').unwrap().1.parse::<u64>().unwrap()));
    }
    seqs
}

async fn of_messages(address: std::net::SocketAddr, epoch: &str) -> Vec<u64> {
    let mut socket = socket(address, &format!("/socket?after={epoch}.0"), None).await.unwrap();
    let mut seqs = Vec::new();
    while seqs.len() < SEQS as usize {
        let Message::Text(text) = timeout(DEADLINE, socket.next()).await.unwrap().unwrap().unwrap() else { continue };
        seqs.extend(serde_json::from_str::<Value>(&text).unwrap()["seq"].as_u64());
    }
    seqs
}

#[tokio::test]
async fn all_lanes_deliver_the_same_quotes() {
    let demo = Demo::start(&[]);
    let (_page, state) = demo.running(json!({ "rate_per_s": 100 })).await;
    let epoch = state["epoch"].as_str().unwrap();
    let names: Vec<&str> = state["lanes"].as_array().unwrap().iter().map(|lane| lane["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["poll-close", "poll", "long-poll", "sse", "ws"]);
    let at = |id: &str| lane(&state, id);
    let all_lanes = async {
        tokio::join!(
            polled(at("poll-close"), epoch, ""),
            polled(at("poll"), epoch, ""),
            polled(at("long-poll"), epoch, "&wait=20"),
            of_events(at("sse"), epoch),
            of_messages(at("ws"), epoch),
        )
    };
    // Of the whole: a stream that is silent sends heartbeats.
    let (closed, kept, held, events, messages) = timeout(DEADLINE, all_lanes).await.expect("a lane is silent");
    let all: Vec<u64> = (1..=SEQS).collect();
    for (seqs, name) in [closed, kept, held, events, messages].into_iter().zip(names) {
        assert_eq!(seqs, all, "{name}");
    }
}

#[tokio::test]
async fn control_is_for_the_demos_own_page_only() {
    let demo = Demo::start(&[]);
    let port = demo.address.port();
    let (other_port, other_name) = (format!("http://127.0.0.1:{}", port ^ 1), format!("http://evil.example:{port}"));
    for origin in [None, Some("null"), Some("https://evil.example"), Some(&*other_port), Some(&*other_name)] {
        let Err(Error::Http(answer)) = socket(demo.address, "/control", origin).await else {
            panic!("{origin:?} got in")
        };
        assert_eq!(answer.status(), 403, "{origin:?}");
    }
    // A name that resolves to this machine, with a page of its own: the request is of one origin, and foreign.
    for target in ["/", "/control", "/main.js"] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: evil.example:{port}\r\nconnection: close\r\n\r\n");
        assert!(ask(demo.address, &request).await.0.starts_with("http/1.1 403"), "{target}");
    }
    let (_, state) = demo.page().await;
    assert_eq!(state["role"], "control", "those who were refused took no place");
}

#[tokio::test]
async fn messages_that_cannot_be_used_are_told_and_the_third_in_a_row_ends_it() {
    let demo = Demo::start(&[]);
    let (mut page, _) = demo.page().await;
    let large = json!({ "set": { "x".repeat(5_000): 1 } }).to_string();
    for wrong in ["hello", &large] {
        page.send(wrong).await;
        let said = page.told("error").await;
        assert!(said["error"].as_str().unwrap().len() < 300, "{said}");
    }
    page.say(&json!({ "ping": 7.5 })).await;
    assert_eq!(page.told("pong").await["pong"], 7.5, "the socket stays");
    for wrong in [r#"{"start":true,"stop":true}"#, r#"{"set":{"rate_per_s":"fast"}}"#, r#"{"sett":{}}"#] {
        page.send(wrong).await;
        page.told("error").await;
    }
    assert_eq!(page.closed().await.code, CloseCode::Policy);
}

#[tokio::test]
async fn knobs_are_clamped_and_it_is_said() {
    let demo = Demo::start(&[]);
    let (mut page, state) = demo.page().await;
    assert_eq!(state["limits"]["rate_per_s"], json!([0.2, 200.0]));
    page.say(&json!({ "set": { "rate_per_s": 500, "rtt_ms": 30 } })).await;
    let state = page.state(|state| state["knobs"]["rtt_ms"] == 30.0).await;
    assert_eq!((&state["knobs"]["rate_per_s"], &state["path"]), (&json!(200.0), &json!("delayed")));
    assert_eq!(state["notes"], json!(["quotes per second: 500 is above 200, taken as 200"]));
}

#[tokio::test]
async fn a_second_page_watches_until_control_is_free() {
    let demo = Demo::start(&[]);
    let (mut first, of_first) = demo.page().await;
    let (mut second, of_second) = demo.page().await;
    assert_eq!((&of_first["role"], &of_second["role"]), (&json!("control"), &json!("watch")));
    assert_ne!(lane(&of_first, "sse"), lane(&of_second, "sse"), "who watches is not on the meter");
    for order in [json!({ "start": true }), json!({ "set": { "rtt_ms": 5 } }), json!({ "claim": true })] {
        second.say(&order).await;
        assert!(second.told("error").await["error"].as_str().unwrap().contains("control"), "{order}");
        // Three refusals in a row would end it.
        second.say(&json!({ "ping": 1 })).await;
        second.told("pong").await;
    }
    first.0.close(None).await.unwrap();
    second.state(|state| state["controlled"] == false).await;
    second.say(&json!({ "claim": true })).await;
    second.state(|state| state["role"] == "control").await;
    second.say(&json!({ "start": true })).await;
    assert_eq!(second.state(|state| state["running"] == true).await["run"], 1);
}

#[tokio::test]
async fn who_gives_control_up_watches_and_another_may_take_it() {
    let demo = Demo::start(&[]);
    let (mut first, _) = demo.page().await;
    let (mut second, _) = demo.page().await;
    first.say(&json!({ "yield": true })).await;
    assert_eq!(first.state(|state| state["controlled"] == false).await["role"], "watch");
    second.say(&json!({ "claim": true })).await;
    second.state(|state| state["role"] == "control").await;
}

#[tokio::test]
async fn refusals_tell_nobody_else_and_the_third_in_a_row_ends_it() {
    let demo = Demo::start(&[]);
    let (mut first, _) = demo.page().await;
    let (mut second, _) = demo.page().await;
    first.meters(|meters| meters["watchers"] == 1).await;
    for _ in 0..3 {
        second.say(&json!({ "claim": true })).await;
        second.told("error").await;
    }
    assert_eq!(second.closed().await.code, CloseCode::Policy);
    drop(second);
    let is_left = |message: &Value| message["meters"]["watchers"] == 0;
    let said =
        first.next(|message| (message.get("state").is_some() || is_left(message)).then(|| message.clone())).await;
    assert!(is_left(&said), "nothing has changed that pages are told: {said}");
}

#[tokio::test]
async fn other_machines_watch_and_do_not_control() {
    let demo = Demo::start(&["--lan"]);
    let watch = demo.said.iter().find_map(|line| line.strip_prefix("watch: http://")?.split('/').next());
    let Some(address) = watch.map(|address| address.parse().unwrap()) else {
        // The only way to come from elsewhere is an address that is not loopback's.
        eprintln!("skipped: this machine has no address in a network ({:?})", demo.said);
        return;
    };
    let (mut page, state) = room::page_at(address).await;
    assert_eq!((&state["role"], &state["controlled"]), (&json!("watch"), &json!(false)));
    for order in [json!({ "claim": true }), json!({ "start": true })] {
        page.say(&order).await;
        assert!(page.told("error").await["error"].as_str().unwrap().contains("control"), "{order}");
    }
    assert_eq!(lane(&state, "poll").ip(), address.ip(), "lanes are where the page is");
    let origin = format!("origin: http://{address}\r\n");
    let (head, _) = ask(lane(&state, "poll"), &get(lane(&state, "poll"), "/quotes", &origin)).await;
    assert!(head.contains(&format!("access-control-allow-origin: http://{address}")), "{head}");
    let sent = format!("POST /run HTTP/1.1\r\nhost: {address}\r\n{origin}connection: close\r\n\r\n");
    assert!(ask(address, &sent).await.0.starts_with("http/1.1 403"));
    assert_eq!(demo.page().await.1["role"], "control", "which waits for this machine's own page");
}

#[tokio::test]
async fn more_pages_than_can_watch_are_sent_away_with_a_sentence() {
    let demo = Demo::start(&[]);
    let mut pages = Vec::new();
    for _ in 0..41 {
        pages.push(demo.page().await.0);
    }
    let mut away = Page(socket(demo.address, "/control", Some(&demo.origin())).await.unwrap());
    let frame = away.closed().await;
    assert!(frame.code == CloseCode::Again && frame.reason.contains("40 pages watch"), "{frame:?}");
    pages.truncate(40);
    let told = pages[0].meters(|meters| meters["watchers"] == 39).await;
    assert_eq!(told["lanes"].as_object().unwrap().len(), 5);
    assert_eq!(demo.page().await.1["role"], "watch");
}

#[tokio::test]
async fn a_run_begins_with_another_stream_and_meters_at_nothing() {
    let demo = Demo::start(&[]);
    let (mut page, first) = demo.running(json!({ "rate_per_s": 200 })).await;
    polled(lane(&first, "poll"), first["epoch"].as_str().unwrap(), "").await;
    let told = page.meters(|meters| meters["lanes"]["poll"]["quotes"].as_u64() >= Some(SEQS)).await;
    let lane_told = &told["lanes"]["poll"];
    let up = &lane_told["up"];
    assert!(lane_told["heads"].as_u64() > Some(0) && up["heads"].as_u64() > Some(0), "{lane_told}");
    let requests = lane_told["requests"].as_u64().unwrap();
    assert!(requests >= 1 && lane_told["connections"].as_u64() == Some(requests), "{lane_told}");
    page.say(&json!({ "set": { "rate_per_s": 0.2 } })).await;
    let second = page.state(|state| state["run"] == 2).await;
    assert_ne!(first["epoch"], second["epoch"]);
    let told = page.meters(|meters| meters["run"] == 2).await;
    for lane in told["lanes"].as_object().unwrap().values() {
        assert_eq!((&lane["requests"], &lane["payload"], &lane["connections"]), (&json!(0), &json!(0), &json!(0)));
    }
    page.say(&json!({ "set": { "rtt_ms": 1 } })).await;
    assert_eq!(page.state(|state| state["knobs"]["rtt_ms"] == 1.0).await["run"], 2, "a round trip needs no new stream");
    page.say(&json!({ "stop": true })).await;
    assert_eq!(page.state(|state| state["running"] == false).await["run"], 2);
    assert_eq!(page.told("ended").await["ended"]["run"], 2);
}

#[tokio::test]
async fn lanes_let_the_page_read_and_the_closed_one_closes() {
    let demo = Demo::start(&[]);
    let (_page, state) = demo.page().await;
    let origin = demo.origin();
    for (id, target) in [("poll-close", "/quotes"), ("poll", "/quotes"), ("long-poll", "/quotes?wait=bad")] {
        let address = lane(&state, id);
        let (head, _) = ask(address, &get(address, target, &format!("origin: {origin}\r\n"))).await;
        for field in [
            &*format!("access-control-allow-origin: {origin}"),
            "access-control-allow-credentials: true",
            &*format!("timing-allow-origin: {origin}"),
            "vary: origin",
        ] {
            assert!(head.lines().any(|line| line == field), "{id} lacks `{field}`:\n{head}");
        }
        let (head, _) = ask(address, &get(address, target, "origin: http://evil.example\r\n")).await;
        assert!(!head.contains("evil") && !head.contains("allow-credentials"), "{head}");
    }
    // Nothing in the request asks for the end: `ask` returns when the server closes.
    let address = lane(&state, "poll-close");
    let (head, _) = ask(address, &format!("GET /quotes HTTP/1.1\r\nhost: {address}\r\n\r\n")).await;
    assert!(head.lines().any(|line| line == "connection: close"), "{head}");
    let address = lane(&state, "poll");
    let twice = format!("GET /quotes HTTP/1.1\r\nhost: {address}\r\n\r\n{}", get(address, "/quotes", ""));
    let (_, rest) = ask(address, &twice).await;
    assert!(rest.contains("HTTP/1.1 200"), "the kept one answers again");
}

#[tokio::test]
async fn the_round_trip_is_held_at_once() {
    let demo = Demo::start(&[]);
    let (mut page, state) = demo.running(json!({})).await;
    page.say(&json!({ "set": { "rtt_ms": 300 } })).await;
    page.state(|state| state["path"] == "delayed").await;
    for id in ["poll-close", "poll", "long-poll"] {
        let address = lane(&state, id);
        let begun = Instant::now();
        ask(address, &get(address, "/quotes?after=0", "")).await;
        assert!(begun.elapsed() >= Duration::from_millis(300), "{id}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn pages_that_leave_take_nothing_with_them() {
    let demo = Demo::start(&[]);
    for _ in 0..3 {
        let (page, state) = demo.running(json!({})).await;
        assert_eq!(state["role"], "control");
        drop(page);
        // The next page is not there before this one's end is noticed.
        let (mut look, state) = demo.page().await;
        if state["role"] != "control" {
            look.state(|state| state["controlled"] == false).await;
        }
        look.0.close(None).await.unwrap();
        while look.0.next().await.is_some() {}
    }
    let (head, body) = ask(demo.address, &get(demo.address, "/", "")).await;
    assert!(head.contains("content-type: text/html") && body.contains("<title>"), "{head}");
    let policy = "content-security-policy: default-src 'self'; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*";
    assert!(head.contains(policy) && head.contains("cache-control: no-store"), "{head}");
}

/// Threads and open files of the demo.
#[cfg(target_os = "linux")]
fn held(demo: &Demo) -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", demo.child.id())).unwrap().count();
    (count("task"), count("fd"))
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn runs_leave_no_thread_and_no_socket_behind() {
    let demo = Demo::start(&[]);
    // A page, and the one set of lanes that waits for the first run.
    let (mut page, _) = demo.page().await;
    let before = held(&demo);
    page.say(&json!({ "start": true })).await;
    let mut state = page.state(|state| state["running"] == true).await;
    let mut streams = Vec::new();
    for run in 2..=12 {
        // A stream that its client neither reads nor closes.
        let address = lane(&state, "sse");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.unwrap();
        streams.push(stream);
        page.say(&json!({ "start": true })).await;
        state = page.state(|state| state["run"] == run).await;
    }
    let deadline = Instant::now() + DEADLINE;
    // The page is told the meters meanwhile: waiting for them is waiting for time to pass.
    while held(&demo).0 > before.0 || held(&demo).1 > before.1 {
        assert!(Instant::now() < deadline, "{:?} threads and files, {before:?} before", held(&demo));
        page.meters(|_| true).await;
    }
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = command(&["demo", "--no-open", "--port", &port]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&port) && said.contains("--port 0") && said.lines().count() == 1, "{said}");
}

#[test]
fn an_interrupt_right_after_the_address_is_heard() {
    for _ in 0..5 {
        let mut demo = Demo::start(&[]);
        let pid = rustix::process::Pid::from_child(&demo.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = demo.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

#[tokio::test]
async fn an_interrupt_ends_it_at_once_and_well() {
    let mut demo = Demo::start(&[]);
    let (_page, state) = demo.running(json!({})).await;
    let address = lane(&state, "sse");
    let mut events = TcpStream::connect(address).await.unwrap();
    events.write_all(format!("GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    events.readable().await.unwrap();
    let begun = Instant::now();
    let pid = rustix::process::Pid::from_child(&demo.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    // Looks without taking: the child itself is asked afterwards, and ended by `Demo` if this waits in vain.
    let has_ended = tokio::task::spawn_blocking(move || {
        let ended = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), ended)
    });
    tokio::time::timeout(DEADLINE, has_ended).await.expect("it goes on").unwrap().unwrap();
    let status = demo.child.wait().unwrap();
    assert!(status.success() && begun.elapsed() < Duration::from_secs(2), "{status} after {:?}", begun.elapsed());
}
