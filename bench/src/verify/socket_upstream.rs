//! `GET /socket`: what clients send, and what is refused before there is a socket.

use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use wirerace_contract::messages::Note;

use super::asking::{EXCHANGE, exchange};
use super::finding::{Fault, Finding, demand};
use super::orders::ORDER;
use super::server::Server;
use super::socket::Socket;
use super::talk::Talk;

/// Reads until `wanted` gives something; quotes and heartbeats pass by.
async fn until<T>(
    socket: &mut Socket,
    what: &str,
    mut wanted: impl FnMut(&Message) -> Option<Result<T, Fault>>,
) -> Result<T, Fault> {
    let begun = Instant::now();
    let missing = || Fault::Broken(format!("{what} did not come within {} s", EXCHANGE.as_secs()));
    loop {
        let left = EXCHANGE.saturating_sub(begun.elapsed());
        let message = match socket.message(left).await {
            Err(Fault::NotChecked(_)) => return Err(missing()),
            other => other?,
        };
        if let Some(found) = wanted(&message) {
            return found;
        }
        // Where quotes never stop, reading never waits.
        if begun.elapsed() >= EXCHANGE {
            return Err(missing());
        }
    }
}

fn note(message: &Message) -> Option<Note> {
    message.to_text().ok().and_then(|text| serde_json::from_str(text).ok())
}

pub(super) async fn order(server: &Server) -> Finding {
    let (mut socket, _) = Socket::greeted(server, "").await?;
    socket.say(Message::text(format!("{{\"order\":{ORDER}}}"))).await?;
    until(&mut socket, "the acknowledgement of an order", |message| match note(message)? {
        Note::Ack(ack) => Some(demand(ack.id == "v1", || format!("the id is v1, and {} was acknowledged", ack.id))),
        Note::Error(error) => Some(Err(Fault::Broken(format!("the order was refused: {error}")))),
        _ => None,
    })
    .await
}

pub(super) async fn error(server: &Server) -> Finding {
    let (mut socket, _) = Socket::greeted(server, "").await?;
    // The second shows that the socket goes on.
    for _ in 0..2 {
        socket.say(Message::text("hello?")).await?;
        until(&mut socket, "{\"error\":…}", |message| match note(message)? {
            Note::Error(error) => Some(demand(!error.trim().is_empty(), || "the sentence is empty".to_owned())),
            _ => None,
        })
        .await?;
    }
    Ok(())
}

pub(super) async fn ping(server: &Server) -> Finding {
    const BYTES: &[u8] = b"are you there";
    let (mut socket, _) = Socket::greeted(server, "").await?;
    socket.say(Message::Ping(BYTES.into())).await?;
    until(&mut socket, "the pong", |message| match message {
        Message::Pong(bytes) => {
            Some(demand(&bytes[..] == BYTES, || format!("the pong carries other bytes: {bytes:?}")))
        }
        _ => None,
    })
    .await
}

pub(super) async fn close(server: &Server) -> Finding {
    let (mut socket, _) = Socket::greeted(server, "").await?;
    socket.say(Message::Close(None)).await?;
    until(&mut socket, "the close frame", |message| matches!(message, Message::Close(_)).then_some(Ok(()))).await
}

pub(super) async fn refusals(server: &Server) -> Finding {
    let ahead = format!("after={}", server.cursor_ahead()?);
    for query in ["after=nonsense", "atfer=0", "delivery=newest", "encoding=xml", ahead.as_str()] {
        let request = server
            .request(&format!("/socket?{query}"))
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        // What is upgraded has no end.
        let answer = match exchange(request, Duration::from_secs(2)).await {
            Err(Fault::Broken(_)) => Err(Fault::Broken(format!("{query} is not refused with 400"))),
            other => other,
        };
        answer?.refusal(query)?;
    }
    Ok(())
}
