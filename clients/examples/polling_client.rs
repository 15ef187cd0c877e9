//! Lesson 3, the other side: asks every second, whether there is something or not.
//!
//! Run:  `cargo run -p wirerace-clients --example polling_client` (another server, count of polls: `-- http://127.0.0.1:9000 5`)
//! Test: `cargo test -p wirerace-clients --test lessons polling`
//!
//! Look at two things: how many answers are empty, and how old a quote may be when it comes. The client that is measured:
//! `clients/src/polling.rs`.

use std::time::Duration;

use wirerace_contract::messages::PollAnswer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let polls: u32 = std::env::args().nth(2).map_or(Ok(10), |polls| polls.parse())?;
    // One client keeps its connection: the second request needs no second handshake.
    let client = reqwest::Client::new();
    let mut after = "0".to_owned();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    for _ in 0..polls {
        ticks.tick().await;
        let answer = client.get(format!("{server}/quotes?after={after}")).send().await?.error_for_status()?;
        let body = answer.text().await?;
        let answer: PollAnswer<'_> = serde_json::from_str(&body)?;
        println!("{} quotes in {} bytes", answer.quotes.len(), body.len());
        for quote in &answer.quotes {
            println!("  {quote}");
        }
        after = answer.next.to_string();
    }
    Ok(())
}
