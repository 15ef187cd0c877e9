//! Who misbehaves harms nobody else: clients that do not read, that vanish, or that send what nobody asked for.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use wirerace_contract::clock::monotonic_ns;

use crate::room::{DEADLINE, Demo, Page, ask, get, lane, socket};

/// Quotes that are read beside them: at 16 KiB each more than the kernel holds for a client that does not read.
const SEQS: u64 = 800;
/// No quote and no answer comes later than this.
const LATE_MAX: Duration = Duration::from_millis(500);

/// A quote that came.
struct Arrival {
    seq: u64,
    /// When it was due, since the stream's start.
    due_ns: u64,
    at_ns: u64,
}

/// The quotes of an answer or a message. Parsed as JSON, quotes of this size would cost more than their way.
fn arrivals(text: &str) -> Vec<Arrival> {
    let at_ns = monotonic_ns();
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse::<u64>().unwrap();
    let arrival = |quote: &str| {
        let (_, due) = quote.split_once("\"time_ns\":").unwrap();
        Arrival { seq: number(quote), due_ns: number(due), at_ns }
    };
    text.split("{\"seq\":").skip(1).map(arrival).collect()
}

async fn polled(address: SocketAddr, epoch: &str) -> Vec<Arrival> {
    let (mut seen, mut next) = (Vec::new(), format!("{epoch}.0"));
    while seen.len() < SEQS as usize {
        let (head, body) = ask(address, &get(address, &format!("/quotes?after={next}"), "")).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        seen.extend(arrivals(&body));
        let (_, cursor) = body.rsplit_once("\"next\":\"").unwrap();
        next = cursor.split('"').next().unwrap().to_owned();
        sleep(Duration::from_millis(50)).await;
    }
    seen
}

async fn pushed(address: SocketAddr, epoch: &str) -> Vec<Arrival> {
    let mut socket = socket(address, &format!("/socket?after={epoch}.0"), None).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < SEQS as usize {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        seen.extend(arrivals(&text));
    }
    seen
}

/// Pings over the control socket as long as quotes come; how long the slowest answer took.
async fn slowest_pong(page: &mut Page) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        let asked = Instant::now();
        page.say(&json!({ "ping": number })).await;
        page.told("pong").await;
        slowest = slowest.max(asked.elapsed());
        sleep(Duration::from_millis(150)).await;
    }
    slowest
}

/// Asks, and reads nothing.
async fn asked(address: SocketAddr, target: &str, fields: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads a quote and a half of an event stream, and is gone.
async fn vanishes(address: SocketAddr, target: &str) {
    let mut stream = asked(address, target, "").await;
    stream.read_exact(&mut [0; 24 * 1_024]).await.unwrap();
}

#[tokio::test]
async fn clients_that_do_not_read_or_vanish_delay_nobody() {
    const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let demo = Demo::start(&[]);
    let (mut page, state) = demo.running(json!({ "rate_per_s": 200, "payload_bytes": 16_384 })).await;
    let epoch = state["epoch"].as_str().unwrap();
    let (events, messages) = (format!("/events?after={epoch}.0"), format!("/socket?after={epoch}.0"));
    let (sse, ws, poll) = (lane(&state, "sse"), lane(&state, "ws"), lane(&state, "poll"));
    let unread = [asked(sse, &events, "").await, asked(ws, &messages, UPGRADE).await];
    let all =
        async { tokio::join!(polled(poll, epoch), pushed(ws, epoch), slowest_pong(&mut page), vanishes(sse, &events)) };
    let (polled, pushed, slowest, ()) = timeout(DEADLINE, all).await.expect("somebody waits for ever");
    let (_, health) = ask(poll, &get(poll, "/health", "")).await;
    let start_ns = serde_json::from_str::<Value>(&health).unwrap()["start_ns"].as_u64().unwrap();
    for (name, arrivals) in [("poll", polled), ("ws", pushed)] {
        let seqs: Vec<u64> = arrivals.iter().map(|arrival| arrival.seq).take(SEQS as usize).collect();
        assert_eq!(seqs, (1..=SEQS).collect::<Vec<_>>(), "{name}");
        let late = |arrival: &Arrival| arrival.at_ns.saturating_sub(start_ns + arrival.due_ns);
        let latest = Duration::from_nanos(arrivals.iter().map(late).max().unwrap());
        assert!(latest <= LATE_MAX, "{name}: a quote came {latest:?} late");
    }
    assert!(slowest <= LATE_MAX, "a ping was answered after {slowest:?}");
    // They were served, and stand where they stopped reading.
    for (mut stream, wanted) in unread.into_iter().zip(["HTTP/1.1 200", "HTTP/1.1 101"]) {
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&begin), wanted);
    }
}

#[tokio::test]
async fn a_control_message_that_is_far_too_large_ends_the_connection_and_frees_the_place() {
    let demo = Demo::start(&[]);
    let (mut page, state) = demo.page().await;
    assert_eq!(state["role"], "control");
    // The end may come before all of it is sent.
    let _ = page.0.send(Message::text("x".repeat(65 * 1_024))).await;
    let ended = async { while matches!(page.0.next().await, Some(Ok(_))) {} };
    timeout(DEADLINE, ended).await.expect("it goes on");
    assert_eq!(demo.page().await.1["role"], "control");
}

#[tokio::test]
async fn a_binary_control_message_is_refused_in_words_and_the_socket_goes_on() {
    let demo = Demo::start(&[]);
    let (mut page, _) = demo.page().await;
    page.0.send(Message::binary(br#"{"start":true}"#.to_vec())).await.unwrap();
    let said = page.told("error").await;
    assert!(said["error"].as_str().unwrap().contains("JSON text"), "{said}");
    page.say(&json!({ "ping": 1 })).await;
    page.told("pong").await;
    assert_eq!(demo.page().await.1["running"], false, "nothing was started");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn without_lan_it_is_at_no_other_address() {
    let demo = Demo::start(&[]);
    let (_page, state) = demo.page().await;
    // All of 127.0.0.0/8 is this machine: a server at every address would be there too.
    for port in [demo.address.port(), lane(&state, "sse").port()] {
        let error = TcpStream::connect(("127.0.0.2", port)).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused, "port {port}");
    }
    // An address kept for documentation, as if the request had come by it.
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], demo.address.port()));
    assert!(ask(demo.address, &get(elsewhere, "/", "")).await.0.starts_with("http/1.1 403"));
}
