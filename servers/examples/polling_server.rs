//! Lesson 3: the quote stream by polling. The client asks whenever it likes, the server answers at once with what there is.
//!
//! Run:  `cargo run -p wirerace-servers --example polling_server` (another port: `-- 9000`)
//! Talk: `cargo run -p wirerace-clients --example polling_client`, or `curl 'http://127.0.0.1:8080/quotes?after=0'`
//! Test: `cargo test -p wirerace-servers --test lessons polling`
//!
//! What is in an answer: `common/polls.rs`. The server that is measured also answers gaps and bad questions with a sentence:
//! `servers/src/polling.rs`.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use wirerace_servers::tape::Tape;

#[path = "common/polls.rs"]
mod polls;
#[path = "common/stream.rs"]
mod stream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    stream::serve(|tape| Router::new().route("/quotes", get(quotes)).with_state(tape)).await
}

/// `?after=CURSOR`; without it, from now on.
async fn quotes(State(tape): State<Tape>, RawQuery(query): RawQuery) -> Result<String, StatusCode> {
    let after = polls::after(&tape, query.as_deref())?;
    Ok(polls::answer(&tape, after))
}
