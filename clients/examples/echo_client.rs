//! Lesson 2, the other side: sends three messages, prints what comes back (tutorial 002).
//!
//! Run:  `cargo run -p wirerace-clients --example echo_client` (another server: `-- ws://127.0.0.1:8001/socket`)
//! Test: `cargo test -p wirerace-clients --test lessons echo`

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

#[path = "common/address.rs"]
mod address;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8000/ws".into());
    let stream = address::connect(&url).await?;
    let (mut socket, _) = client_async(&url, stream).await?;
    for text in ["Hello Server!", "one connection", "three messages"] {
        socket.send(Message::text(text)).await?;
        if let Some(message) = socket.next().await {
            println!("Message from server {}", message?.to_text()?);
        }
    }
    Ok(socket.close(None).await?)
}
