//! Lesson 5: the quote stream as server-sent events. The client asks once, the answer never ends.
//!
//! Run:  `cargo run -p wirerace-servers --example sse_server` (another port: `-- 9000`)
//! Talk: `cargo run -p wirerace-clients --example sse_client`, or `curl -N http://127.0.0.1:8080/events`
//! Test: `cargo test -p wirerace-servers --test lessons sse`
//!
//! The server that is measured also resumes after a loss and sends heartbeats: `servers/src/sse.rs`.

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::stream::{Stream, unfold};
use wirerace_servers::tape::Tape;

#[path = "common/stream.rs"]
mod stream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    stream::serve(|tape| Router::new().route("/events", get(events)).with_state(tape)).await
}

/// Every quote from now on, each with its cursor as `id`: a browser that comes back says the last one it had.
async fn events(State(tape): State<Tape>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let begin = tape.newest();
    Sse::new(unfold((tape, begin), async |(tape, seq)| {
        tape.newer_than(seq).await;
        let (seq, quote) = stream::next(&tape, seq)?;
        let event = Event::default().id(tape.cursor(seq).to_string()).data(quote);
        Some((Ok(event), (tape, seq)))
    }))
}
