//! The lessons' servers, each as a student starts it: a process of its own, on a free port.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

/// A running lesson; it ends with the test.
struct Lesson {
    process: Child,
    /// What it said where it listens, a line each.
    addresses: Vec<String>,
    /// What else it says; closed, it could not say it.
    _says: BufReader<ChildStdout>,
}

impl Drop for Lesson {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether `example` was built before its source was last written.
fn is_stale(example: &Path, name: &str) -> bool {
    let written = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).with_extension("rs");
    written(example) < written(&source)
}

/// Where cargo put the example `name`. `cargo test` builds examples before it runs tests, but not if asked for one test file.
fn built(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.parent().unwrap().parent().unwrap();
    let example = profile.join("examples").join(name);
    if is_stale(&example, name) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "-q", "-p", env!("CARGO_PKG_NAME"), "--example", name]);
        cargo.arg("--target-dir").arg(profile.parent().unwrap());
        cargo.args((profile.file_name() == Some("release".as_ref())).then_some("--release"));
        assert!(cargo.status().unwrap().success(), "the lesson {name} does not compile");
    }
    example
}

/// Starts the example `name`, which listens on so many ports.
fn start(lesson: &str, ports: usize) -> Lesson {
    let example = built(&format!("{lesson}_server"));
    let mut process = Command::new(&example)
        .args(vec!["0"; ports])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    let mut says = BufReader::new(process.stdout.take().unwrap());
    let addresses = says.by_ref().lines().take(ports).map(Result::unwrap).collect();
    Lesson { process, addresses, _says: says }
}

/// Host and port of an address.
fn host(address: &str) -> &str {
    address.split('/').nth(2).unwrap()
}

type Socket = tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>;

async fn open(url: &str) -> Socket {
    let stream = tokio::net::TcpStream::connect(host(url)).await.unwrap();
    tokio_tungstenite::client_async(url, stream).await.unwrap().0
}

async fn text(socket: &mut Socket) -> String {
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

/// What is read of a connection up to and including `until`.
fn read_until(stream: &mut TcpStream, until: &str) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(until.as_bytes()) {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "ended after {}", String::from_utf8_lossy(&read));
        read.push(byte[0]);
    }
    String::from_utf8(read).unwrap()
}

/// Asks, and gives the connection with what is read of it up to and including `until`.
fn get(address: &str, target: &str, until: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(host(address)).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let read = read_until(&mut stream, until);
    (stream, read)
}

/// The body that answers a poll.
fn poll(address: &str, after: &str) -> String {
    let (mut stream, head) = get(address, &format!("/quotes{after}"), "\r\n\r\n");
    let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

fn cursor_of(answer: &str) -> &str {
    answer.split("\"next\":\"").nth(1).unwrap().trim_end_matches("\"}")
}

#[tokio::test]
async fn hello_greets_by_name_and_closes() {
    let lesson = start("hello", 1);
    let mut socket = open(&lesson.addresses[0]).await;
    socket.send(Message::text("Ada")).await.unwrap();
    assert_eq!(text(&mut socket).await, "Hello Ada!");
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn echo_answers_every_message_at_both_addresses() {
    let lesson = start("echo", 2);
    assert!(lesson.addresses[0].ends_with("/ws") && lesson.addresses[1].ends_with("/socket"));
    for address in &lesson.addresses {
        let mut socket = open(address).await;
        for message in ["Hello Server!", "again"] {
            socket.send(Message::text(message)).await.unwrap();
            assert_eq!(text(&mut socket).await, format!("Message text was: {message}"));
        }
    }
}

#[test]
fn polling_goes_on_where_the_answer_before_ended() {
    let lesson = start("polling", 1);
    let (address, mut after, mut seen) = (&lesson.addresses[0], "0".to_owned(), 0);
    while seen < 2 {
        let answer = poll(address, &format!("?after={after}"));
        // No quote is given twice and none is left out: the numbers go on.
        for quote in answer.split("\"seq\":").skip(1) {
            seen += 1;
            assert!(quote.trim_start().starts_with(&format!("{seen}")), "quote {seen}: {answer}");
        }
        after = cursor_of(&answer).to_owned();
    }
    assert!(get(address, "/quotes?after=soon", "\r\n").1.contains("400"));
}

#[test]
fn long_polling_answers_with_a_quote_and_never_with_none() {
    let lesson = start("long_polling", 1);
    let address = &lesson.addresses[0];
    let first = poll(address, "");
    let second = poll(address, &format!("?after={}", cursor_of(&first)));
    for answer in [&first, &second] {
        assert!(answer.contains("\"quotes\":[{"), "{answer}");
    }
    assert_ne!(cursor_of(&first), cursor_of(&second));
}

#[test]
fn sse_sends_event_after_event_with_ids() {
    let lesson = start("sse", 1);
    let (_, two) = get(&lesson.addresses[0], "/events", "\n\n\r\n");
    assert!(two.contains("text/event-stream") && two.contains("id: 0000.") && two.contains("data: {"), "{two}");
}

#[tokio::test]
async fn websocket_sends_quote_after_quote() {
    let lesson = start("websocket", 1);
    let url = format!("{}socket", lesson.addresses[0].replace("http:", "ws:"));
    let mut socket = open(&url).await;
    let (first, second) = (text(&mut socket).await, text(&mut socket).await);
    assert!(first.contains("\"seq\":") && second.contains("\"seq\":") && first != second, "{first} {second}");
}

/// The lines that the exercise "By hand once" has typed, and the empty one at the end.
fn typed(line_end: &str) -> String {
    let exercise = include_str!("../examples/README.md").lines().map(str::trim);
    let lines = exercise.skip_while(|line| !line.starts_with("GET /socket")).take_while(|line| *line != "```");
    let request: String = lines.map(|line| format!("{line}{line_end}")).collect();
    request + line_end
}

#[test]
fn websocket_answers_the_upgrade_that_is_typed_by_hand_as_the_exercise_says() {
    let lesson = start("websocket", 1);
    // The first is what `nc` sends, the other what `telnet` does.
    for line_end in ["\n", "\r\n"] {
        let mut stream = TcpStream::connect(host(&lesson.addresses[0])).unwrap();
        stream.write_all(typed(line_end).as_bytes()).unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").to_lowercase();
        assert!(head.starts_with("http/1.1 101 switching protocols\r\n"), "{head}");
        let accept = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        assert!(head.contains(&accept.to_lowercase()), "{head}");
        for _ in 0..2 {
            let mut frame = [0; 122];
            stream.read_exact(&mut frame).unwrap();
            assert_eq!(frame[..2], [0x81, 0x78], "a whole text, not masked, of 120 bytes");
            let quote = std::str::from_utf8(&frame[2..]).unwrap();
            assert!(quote.starts_with("{\"seq\":") && quote.ends_with('}'), "{quote}");
        }
    }
}
