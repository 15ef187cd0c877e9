//! Lesson 1, the other side: sends a name, prints the greeting (tutorial 004).
//!
//! Run:  `cargo run -p wirerace-clients --example hello_client` (another server or name: `-- ws://127.0.0.1:9000 Ada`)
//! Test: `cargo test -p wirerace-clients --test lessons hello`

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

#[path = "common/address.rs"]
mod address;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8765/".into());
    let name = std::env::args().nth(2).unwrap_or_else(|| "World".into());
    let stream = address::connect(&url).await?;
    let (mut socket, answer) = client_async(&url, stream).await?;
    println!("{}: now both may speak", answer.status());
    socket.send(Message::text(name)).await?;
    if let Some(greeting) = socket.next().await {
        println!("{}", greeting?.to_text()?);
    }
    Ok(socket.close(None).await?)
}
