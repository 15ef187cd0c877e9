//! What lessons 3 and 4 share: where a poll begins, and what it is answered.

use axum::http::StatusCode;
use wirerace_contract::cursor::After;
use wirerace_servers::tape::Tape;

use crate::stream;

/// The number of the last quote that the client has, as `?after=CURSOR` says; without it, from now on.
pub(crate) fn after(tape: &Tape, query: Option<&str>) -> Result<u64, StatusCode> {
    let after = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("after=")));
    let after = after.map_or(Ok(After::Now), str::parse).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(tape.resolve(after).map_err(|_| StatusCode::BAD_REQUEST)?.after)
}

/// What came after quote `seq`, and the cursor to ask with the next time.
pub(crate) fn answer(tape: &Tape, mut seq: u64) -> String {
    let mut quotes = Vec::new();
    while let Some((next, quote)) = stream::next(tape, seq) {
        quotes.push(quote);
        seq = next;
    }
    format!(r#"{{"epoch":"{}","quotes":[{}],"next":"{}"}}"#, tape.epoch(), quotes.join(","), tape.cursor(seq))
}
