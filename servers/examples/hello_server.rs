//! Lesson 1: a name in, a greeting out, over a WebSocket (tutorial 004).
//!
//! Run:  `cargo run -p wirerace-servers --example hello_server` (another port: `-- 9000`)
//! Talk: `cargo run -p wirerace-clients --example hello_client`
//! Test: `cargo test -p wirerace-servers --test lessons hello`

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;

#[path = "common/port.rs"]
mod port;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = port::listen(1, 8765).await?;
    println!("ws://{}/", listener.local_addr()?);
    // Any path will do: the tutorial's client names none.
    let routes = Router::new().fallback(get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(greet)));
    Ok(axum::serve(listener, routes).await?)
}

/// One name, one greeting, and the socket is closed in good order.
async fn greet(mut socket: WebSocket) {
    // A client that sends anything but a text, or nothing, is not greeted.
    let Some(Ok(Message::Text(name))) = socket.recv().await else { return };
    println!("< {name}");
    let greeting = format!("Hello {name}!");
    // A client that has gone needs no greeting.
    if socket.send(Message::text(greeting.as_str())).await.is_ok() {
        println!("> {greeting}");
    }
    let _ = socket.send(Message::Close(None)).await;
}
