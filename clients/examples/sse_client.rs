//! Lesson 5, the other side: one request, and then lines as they come.
//!
//! Run:  `cargo run -p wirerace-clients --example sse_client` (another server, count of events: `-- http://127.0.0.1:9000 5`)
//! Test: `cargo test -p wirerace-clients --test lessons sse`
//!
//! An event is a few lines and an empty one (WHATWG HTML §9.2.5). The client that is measured: `clients/src/sse.rs`.

use futures_util::StreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let mut wanted: u32 = std::env::args().nth(2).map_or(Ok(10), |events| events.parse())?;
    let answer = reqwest::Client::new().get(format!("{server}/events")).send().await?.error_for_status()?;
    let mut body = answer.bytes_stream();
    // The body comes in pieces that end anywhere, even within a line.
    let mut held = Vec::new();
    while let Some(piece) = body.next().await {
        held.extend_from_slice(&piece?);
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let Some(data) = line.trim_end().strip_prefix("data: ") else { continue };
            println!("{data}");
            wanted -= 1;
            if wanted == 0 {
                return Ok(());
            }
        }
    }
    Err("the server ended the stream".into())
}
