//! What lessons 3 to 6 share: a stream of two quotes a second, and a port.

use std::error::Error;

use axum::Router;
use tokio::net::TcpListener;
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::feed::FeedSpec;
use wirerace_servers::feed::{Feed, FeedOptions};
use wirerace_servers::tape::Tape;

/// Starts the feed, and answers with what `routes` makes of its tape.
pub(crate) async fn serve(routes: impl FnOnce(Tape) -> Router) -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}/", listener.local_addr()?);
    let spec = FeedSpec { rate_per_s: 2.0, ..FeedSpec::default() };
    // The name of the stream would change with each start of a server that people rely on.
    let tape = Tape::new(Epoch::from_number(0), spec, 1_000);
    let feed = Feed::spawn(tape.clone(), FeedOptions::default())?;
    feed.start_at(monotonic_ns())?;
    Ok(axum::serve(listener, routes(tape)).await?)
}
