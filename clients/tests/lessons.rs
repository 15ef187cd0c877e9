//! The lessons' clients, each as a student starts it, against servers that say what the test tells them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

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

/// Runs the example `name` to its end; gives what it printed.
fn run(lesson: &str, arguments: &[&str]) -> String {
    let example = built(&format!("{lesson}_client"));
    let done = Command::new(&example)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
    assert!(done.status.success(), "{lesson}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A server for one WebSocket that sends `opening`, and answers each text with `answer`.
fn socket_server(opening: &'static [&'static str], answer: fn(&str) -> String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            for text in opening {
                socket.send(Message::text(*text)).await.unwrap();
            }
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    socket.send(Message::text(answer(&text))).await.unwrap();
                }
            }
        });
    });
    address
}

/// Reads a request's head, gives its first line.
fn request_line(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().lines().next().unwrap().to_owned()
}

/// A server that answers two polls on one connection and demands that the second goes on where the first ended.
fn two_polls(second_target: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for (target, body) in [
            ("after=0", r#"{"epoch":"k3f9","quotes":[{"seq":1},{"seq":2}],"next":"k3f9.2"}"#),
            (second_target, r#"{"epoch":"k3f9","quotes":[],"next":"k3f9.2"}"#),
        ] {
            let asked = request_line(&mut stream);
            let (status, body) = if asked.contains(target) { ("200 OK", body) } else { ("400 Bad Request", "") };
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    address
}

#[test]
fn hello_prints_the_greeting() {
    let address = socket_server(&[], |name| format!("Hello {name}!"));
    let printed = run("hello", &[&format!("ws://{address}/"), "Ada"]);
    assert!(printed.contains("101") && printed.contains("Hello Ada!"), "{printed}");
}

#[test]
fn echo_prints_three_answers() {
    let address = socket_server(&[], |text| format!("got {text}"));
    let printed = run("echo", &[&format!("ws://{address}/ws")]);
    assert_eq!(printed.matches("Message from server got ").count(), 3, "{printed}");
}

#[test]
fn polling_passes_the_cursor_on_over_one_connection() {
    let address = two_polls("after=k3f9.2 ");
    let printed = run("polling", &[&format!("http://{address}"), "2"]);
    assert!(printed.contains("2 quotes in 63 bytes") && printed.contains("{\"seq\":2}"), "{printed}");
    assert!(printed.contains("0 quotes in"), "{printed}");
}

#[test]
fn long_polling_asks_to_be_held() {
    let address = two_polls("after=k3f9.2&wait=30");
    let printed = run("long_polling", &[&format!("http://{address}"), "2"]);
    assert!(printed.contains("2 quotes in") && printed.contains("0 quotes in"), "{printed}");
}

#[test]
fn sse_joins_pieces_that_end_within_a_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request_line(&mut stream);
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").unwrap();
        for piece in [": hello\n\nid: 1\nda", "ta: {\"seq\":1}\n", "\ndata: {\"seq\":2}\n\n"] {
            stream.write_all(piece.as_bytes()).unwrap();
        }
        // Open until the client has what it wants and goes.
        let _ = stream.read(&mut [0]);
    });
    assert_eq!(run("sse", &[&format!("http://{address}"), "2"]), "{\"seq\":1}\n{\"seq\":2}\n");
}

#[test]
fn websocket_prints_as_many_as_wanted() {
    let address = socket_server(&["one", "two", "three"], |_| String::new());
    assert_eq!(run("websocket", &[&format!("ws://{address}/socket"), "2"]), "one\ntwo\n");
}
