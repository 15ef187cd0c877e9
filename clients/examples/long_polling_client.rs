//! Lesson 4, the other side: asks again as soon as it is answered.
//!
//! Run:  `cargo run -p wirerace-clients --example long_polling_client` (another server, count of polls: `-- http://127.0.0.1:9000 5`)
//! Test: `cargo test -p wirerace-clients --test lessons long_polling`
//!
//! Look at what is missing beside lesson 3: a timer, and empty answers. The client that is measured:
//! `clients/src/long_polling.rs`.

use wirerace_contract::messages::PollAnswer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".into());
    let polls: u32 = std::env::args().nth(2).map_or(Ok(10), |polls| polls.parse())?;
    let client = reqwest::Client::new();
    let mut after = "0".to_owned();
    for _ in 0..polls {
        let answer = client.get(format!("{server}/quotes?after={after}&wait=30")).send().await?.error_for_status()?;
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
