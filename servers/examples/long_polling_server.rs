//! Lesson 4: the quote stream by long polling. The client asks, the server holds the request until there is a quote.
//!
//! Run:  `cargo run -p wirerace-servers --example long_polling_server` (another port: `-- 9000`)
//! Talk: `cargo run -p wirerace-clients --example long_polling_client`, or `curl 'http://127.0.0.1:8080/quotes'`
//! Test: `cargo test -p wirerace-servers --test lessons long_polling`
//!
//! Compare with lesson 3: one line waits, and that is the whole difference. The server that is measured:
//! `servers/src/long_polling.rs`.

use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use tokio::time::timeout;
use wirerace_servers::tape::Tape;

#[path = "common/polls.rs"]
mod polls;
#[path = "common/stream.rs"]
mod stream;

/// Proxies give up on silent requests after a minute or so; 30 s is safe (RFC 6202 §5.5).
const HOLD: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    stream::serve(|tape| Router::new().route("/quotes", get(quotes)).with_state(tape)).await
}

/// `?after=CURSOR`; without it, from now on.
async fn quotes(State(tape): State<Tape>, RawQuery(query): RawQuery) -> Result<String, StatusCode> {
    let after = polls::after(&tape, query.as_deref())?;
    // Either there is a quote, or the time is up and the list stays empty: the client asks again in both cases.
    let _ = timeout(HOLD, tape.newer_than(after)).await;
    Ok(polls::answer(&tape, after))
}
