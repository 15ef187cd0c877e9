//! Lesson 2: every message comes back, for as long as the socket is open (tutorial 002).
//!
//! The tutorial's server listens at `/ws`, its client asks for `/socket`: as printed, the two never meet. Here is one port
//! for each, so that both halves of the tutorial work with only the host changed.
//!
//! Run:  `cargo run -p wirerace-servers --example echo_server` (other ports: `-- 9000 9001`)
//! Talk: `cargo run -p wirerace-clients --example echo_client`, or in a browser's console:
//!       `s = new WebSocket('ws://127.0.0.1:8001/socket'); s.onmessage = e => console.log(e.data); s.onopen = () => s.send('hi')`
//! Test: `cargo test -p wirerace-servers --test lessons echo`

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;

#[path = "common/port.rs"]
mod port;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (python, browser) = (port::listen(1, 8000).await?, port::listen(2, 8001).await?);
    println!("ws://{}/ws", python.local_addr()?);
    println!("ws://{}/socket", browser.local_addr()?);
    let echo_at = |path| Router::new().route(path, get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)));
    let (python, browser) = (axum::serve(python, echo_at("/ws")), axum::serve(browser, echo_at("/socket")));
    tokio::try_join!(python.into_future(), browser.into_future())?;
    Ok(())
}

async fn echo(mut socket: WebSocket) {
    // Pings and closes are answered by the library.
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(data) = message else { continue };
        if socket.send(Message::text(format!("Message text was: {data}"))).await.is_err() {
            return;
        }
    }
}
