//! Lesson 3: the quote stream by polling. The client asks whenever it likes, the server answers at once with what there is.
//!
//! Run:  `cargo run -p wirerace-servers --example polling_server` (another port: `-- 9000`)
//! Talk: `cargo run -p wirerace-clients --example polling_client`, or `curl 'http://127.0.0.1:8080/quotes?after=0'`
//! Test: `cargo test -p wirerace-servers --test lessons polling`
//!
//! The server that is measured also answers gaps and bad questions with a sentence: `servers/src/polling.rs`.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use wirerace_contract::cursor::After;
use wirerace_contract::encoding::Encoding;
use wirerace_servers::tape::{Read, Tape};

#[path = "common/stream.rs"]
mod stream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    stream::serve(|tape| Router::new().route("/quotes", get(quotes)).with_state(tape)).await
}

/// `?after=CURSOR`; without it, from now on.
async fn quotes(State(tape): State<Tape>, RawQuery(query): RawQuery) -> Result<String, StatusCode> {
    let after = query.as_deref().and_then(|query| query.strip_prefix("after="));
    let after = after.map_or(Ok(After::Now), str::parse).map_err(|_| StatusCode::BAD_REQUEST)?;
    let start = tape.resolve(after).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(answer(&tape, start.after))
}

/// What came after `seq`, and the cursor to ask with the next time.
fn answer(tape: &Tape, mut seq: u64) -> String {
    let mut quotes = Vec::new();
    while let Read::Quote { seq: next, payload } = tape.read(seq, Encoding::Json) {
        quotes.push(String::from_utf8_lossy(&payload).into_owned());
        seq = next;
    }
    format!(r#"{{"epoch":"{}","quotes":[{}],"next":"{}"}}"#, tape.epoch(), quotes.join(","), tape.cursor(seq))
}
