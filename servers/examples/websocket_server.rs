//! Lesson 6: the quote stream over a WebSocket. The client asks once, and from then on both may speak at any time.
//!
//! Run:  `cargo run -p wirerace-servers --example websocket_server` (another port: `-- 9000`)
//! Talk: `cargo run -p wirerace-clients --example websocket_client`
//! Test: `cargo test -p wirerace-servers --test lessons websocket`
//!
//! The server that is measured also resumes, takes orders, and sends what is ready in one write: `servers/src/websocket.rs`.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use wirerace_servers::tape::Tape;

#[path = "common/stream.rs"]
mod stream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    stream::serve(|tape| Router::new().route("/socket", get(socket)).with_state(tape)).await
}

async fn socket(State(tape): State<Tape>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| quotes(tape, socket))
}

/// Every quote from now on, a message each.
async fn quotes(tape: Tape, mut socket: WebSocket) {
    let mut seq = tape.newest();
    loop {
        tokio::select! {
            // Reading is what notices that the client is gone; pings are answered on the way.
            message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
            _ = tape.newer_than(seq) => {
                let Some((next, quote)) = stream::next(&tape, seq) else { return };
                if socket.send(Message::text(quote)).await.is_err() {
                    return;
                }
                seq = next;
            }
        }
    }
}
