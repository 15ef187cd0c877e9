//! What lessons 3 to 6 share: a stream of two quotes a second, and how it is read.

use std::error::Error;

use axum::Router;
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::feed::FeedSpec;
use wirerace_servers::feed::{Feed, FeedOptions};
use wirerace_servers::tape::{Read, Tape};

#[path = "port.rs"]
mod port;

/// Starts the feed, and answers with what `routes` makes of its tape.
pub(crate) async fn serve(routes: impl FnOnce(Tape) -> Router) -> Result<(), Box<dyn Error>> {
    let listener = port::listen(1, 8080).await?;
    println!("http://{}/", listener.local_addr()?);
    let spec = FeedSpec { rate_per_s: 2.0, ..FeedSpec::default() };
    // The name of the stream would change with each start of a server that people rely on.
    let tape = Tape::new(Epoch::from_number(0), spec, 1_000);
    let feed = Feed::spawn(tape.clone(), FeedOptions::default())?;
    feed.start_at(monotonic_ns())?;
    Ok(axum::serve(listener, routes(tape)).await?)
}

/// The quote after quote `seq`, and its number; `None` if there is none yet.
pub(crate) fn next(tape: &Tape, seq: u64) -> Option<(u64, String)> {
    let Read::Quote { seq, payload } = tape.read(seq, Encoding::Json) else { return None };
    Some((seq, String::from_utf8_lossy(&payload).into_owned()))
}
