//! `GET /socket`: one upgrade, then messages.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::Note;

use super::asking::EXCHANGE;
use super::finding::{Fault, Finding, demand};
use super::polling_newest::width;
use super::sample::{begins_with, seq_of, without_holes};
use super::server::{FOR_A_QUOTE, Server};
use super::talk::{self, Pushed, Said, Talk};

/// A message is not longer, bytes: the largest quote.
const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// An open socket.
pub(super) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// What comes next, quotes and all.
    pub(super) async fn message(&mut self, limit: Duration) -> Result<Message, Fault> {
        match timeout(limit, self.0.next()).await {
            Ok(Some(Ok(message))) => Ok(message),
            Ok(Some(Err(error))) => Err(Fault::Broken(format!("the socket broke: {error}"))),
            Ok(None) => Err(Fault::broken("the socket ended")),
            Err(_) => Err(Fault::unchecked(format!("nothing came within {} s", limit.as_secs()))),
        }
    }

    /// Sends a message.
    pub(super) async fn say(&mut self, message: Message) -> Finding {
        let sent = timeout(EXCHANGE, self.0.send(message)).await;
        let late = |_| Fault::Broken(format!("a message could not be sent within {} s", EXCHANGE.as_secs()));
        sent.map_err(late)?.map_err(|error| Fault::Broken(format!("the socket takes no message: {error}")))
    }
}

/// The faults of an upgrade, in words.
fn no_upgrade(error: Error) -> Fault {
    match error {
        Error::Http(response) if matches!(response.status().as_u16(), 404 | 405 | 501) => {
            Fault::NotOffered(format!("/socket is answered {}", response.status().as_u16()))
        }
        Error::Http(response) => {
            Fault::Broken(format!("the upgrade is answered {} instead of 101", response.status().as_u16()))
        }
        other => Fault::Broken(format!("the upgrade is not as RFC 6455 says: {other}")),
    }
}

impl Talk for Socket {
    const ROUTE: &'static str = "/socket";

    async fn open(server: &Server, query: &str) -> Result<Self, Fault> {
        let opened = async {
            let stream = TcpStream::connect(server.address).await.map_err(Error::Io)?;
            let config = WebSocketConfig::default()
                .read_buffer_size(4 * 1024)
                .max_message_size(Some(MESSAGE_BYTES_MAX))
                .max_frame_size(Some(MESSAGE_BYTES_MAX));
            let uri = format!("ws://{}/socket?{query}", server.authority);
            client_async_with_config(uri, stream, Some(config)).await
        };
        let late = |_| Fault::Broken(format!("no upgrade within {} s", EXCHANGE.as_secs()));
        let (stream, _) = timeout(EXCHANGE, opened).await.map_err(late)?.map_err(no_upgrade)?;
        Ok(Self(stream))
    }

    async fn next(&mut self, limit: Duration) -> Result<Said, Fault> {
        match self.message(limit).await? {
            Message::Text(text) => match serde_json::from_str::<Note>(text.as_str()) {
                Ok(Note::Hello(hello)) => Ok(Said::Hello(hello)),
                Ok(Note::Gap(gap)) => Ok(Said::Gap(gap)),
                _ => {
                    let payload = text.as_bytes().to_vec();
                    Ok(Said::Quote(Pushed { seq: seq_of(&payload, Encoding::Json)?, payload }))
                }
            },
            Message::Ping(_) | Message::Pong(_) => Ok(Said::Heartbeat),
            Message::Binary(_) => Err(Fault::broken("a binary message came where text was asked for")),
            Message::Close(_) => Err(Fault::broken("the server closed the socket")),
            Message::Frame(_) => Err(Fault::broken("a bare frame came")),
        }
    }
}

pub(super) async fn hello(server: &Server) -> Finding {
    talk::hello::<Socket>(server).await
}

pub(super) async fn quotes(server: &Server) -> Finding {
    talk::quotes::<Socket>(server).await
}

pub(super) async fn gap(server: &Server) -> Finding {
    talk::gap::<Socket>(server).await
}

pub(super) async fn newest(server: &Server) -> Finding {
    talk::newest::<Socket>(server).await
}

pub(super) async fn heartbeat(server: &Server) -> Finding {
    talk::heartbeat::<Socket>(server).await
}

pub(super) async fn binary(server: &Server) -> Finding {
    let health = server.health_with_quotes().await?;
    let width = width(&health, Encoding::Binary)?;
    let (mut socket, hello) = Socket::greeted(server, "after=0&encoding=binary").await?;
    let mut seqs = Vec::new();
    while seqs.len() < 2 {
        match socket.message(FOR_A_QUOTE).await {
            Ok(Message::Binary(payload)) => {
                demand(payload.len() == width, || format!("a quote has {} bytes instead of {width}", payload.len()))?;
                seqs.push(seq_of(&payload, Encoding::Binary)?);
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(other) => return Err(Fault::Broken(format!("a message came that is not binary: {other:.60}"))),
            // One is there; whether a second comes is the feed's business.
            Err(Fault::NotChecked(_)) if !seqs.is_empty() => break,
            Err(fault) => return Err(fault),
        }
    }
    begins_with(&seqs, hello.oldest)?;
    without_holes(&seqs)
}
