//! Lesson 6, the other side: one upgrade, and then messages as they come.
//!
//! Run:  `cargo run -p wirerace-clients --example websocket_client` (another server, count of messages: `-- ws://127.0.0.1:9000/socket 5`)
//! Test: `cargo test -p wirerace-clients --test lessons websocket`
//!
//! The client that is measured: `clients/src/websocket.rs`.

use futures_util::StreamExt;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

#[path = "common/address.rs"]
mod address;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8080/socket".into());
    let wanted: usize = std::env::args().nth(2).map_or(Ok(10), |messages| messages.parse())?;
    let stream = address::connect(&url).await?;
    let (mut socket, _) = client_async(&url, stream).await?;
    let mut seen = 0;
    while seen < wanted {
        match socket.next().await.ok_or("the server closed the socket")?? {
            Message::Text(quote) => {
                println!("{quote}");
                seen += 1;
            }
            Message::Close(_) => return Err("the server closed the socket".into()),
            // Pings: the library answers them.
            _ => {}
        }
    }
    Ok(socket.close(None).await?)
}
