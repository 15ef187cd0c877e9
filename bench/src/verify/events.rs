//! `GET /events`: an answer that does not end.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::timeout;
use wirerace_contract::cursor::Cursor;
use wirerace_contract::encoding::Encoding;

use super::asking::{EXCHANGE, begin, exchange, no_answer};
use super::finding::{Fault, Finding, demand};
use super::sample::{begins_with, seq_of};
use super::server::{FOR_A_QUOTE, Server};
use super::talk::{self, Pushed, Said, Talk};

/// An event is not longer, bytes: the largest quote and its fields.
const EVENT_BYTES_MAX: usize = 128 * 1024;

/// An open stream.
pub(super) struct EventStream {
    response: reqwest::Response,
    read: VecDeque<u8>,
    epoch_of: Cursor,
}

impl EventStream {
    async fn ask(server: &Server, request: reqwest::RequestBuilder) -> Result<Self, Fault> {
        let sent = timeout(EXCHANGE, request.send()).await;
        let late = |_| Fault::Broken(format!("no head of an answer within {} s", EXCHANGE.as_secs()));
        let response = sent.map_err(late)?.map_err(|error| no_answer(&error))?;
        let status = response.status().as_u16();
        if matches!(status, 404 | 405 | 501) {
            return Err(Fault::NotOffered(format!("/events is answered {status}")));
        }
        demand(status == 200, || format!("answered {status} instead of 200"))?;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("missing");
        demand(kind.starts_with("text/event-stream"), || format!("the content type is {kind}"))?;
        Ok(Self { response, read: VecDeque::new(), epoch_of: server.cursor(0)? })
    }

    /// The lines of the next event, without the empty one.
    async fn lines(&mut self) -> Result<Vec<String>, Fault> {
        let mut lines = Vec::new();
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let text = String::from_utf8(line).map_err(|_| Fault::broken("the stream is not UTF-8"))?;
                match text.trim_end_matches(['\r', '\n']) {
                    "" if lines.is_empty() => {}
                    "" => return Ok(lines),
                    text => lines.push(text.to_owned()),
                }
            }
            let held = self.read.len() + lines.iter().map(String::len).sum::<usize>();
            demand(held <= EVENT_BYTES_MAX, || format!("an event is longer than {EVENT_BYTES_MAX} bytes"))?;
            match self.response.chunk().await.map_err(|error| no_answer(&error))? {
                Some(piece) => self.read.extend(piece),
                None => return Err(Fault::broken("the stream ended")),
            }
        }
    }

    fn said(&self, lines: &[String]) -> Result<Said, Fault> {
        let field = |name: &str| {
            let value = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(|value| value.strip_prefix(' ').unwrap_or(value))
        };
        let Some(data) = field("data") else {
            let comment = lines.iter().all(|line| line.starts_with(':'));
            demand(comment, || format!("an event without data: {}", lines.join(" | ")))?;
            return Ok(Said::Heartbeat);
        };
        let unreadable = |error| Fault::Broken(format!("unreadable ({error}): {}", begin(data.as_bytes())));
        match field("event") {
            Some("hello") => serde_json::from_str(data).map(Said::Hello).map_err(unreadable),
            Some("gap") => serde_json::from_str(data).map(Said::Gap).map_err(unreadable),
            Some(other) if other != "message" => Err(Fault::Broken(format!("an event called {other}"))),
            _ => {
                let seq = seq_of(data.as_bytes(), Encoding::Json)?;
                let wanted = Cursor { seq, ..self.epoch_of }.to_string();
                let id = field("id").unwrap_or("missing");
                demand(id == wanted, || format!("the id of quote {seq} is {id} instead of {wanted}"))?;
                Ok(Said::Quote(Pushed { seq, payload: data.as_bytes().to_vec() }))
            }
        }
    }
}

impl Talk for EventStream {
    const ROUTE: &'static str = "/events";

    async fn open(server: &Server, query: &str) -> Result<Self, Fault> {
        Self::ask(server, server.request(&format!("/events?{query}"))).await
    }

    async fn next(&mut self, limit: Duration) -> Result<Said, Fault> {
        match timeout(limit, self.lines()).await {
            Ok(lines) => self.said(&lines?),
            Err(_) => Err(Fault::unchecked(format!("nothing came within {} s", limit.as_secs()))),
        }
    }
}

pub(super) async fn hello(server: &Server) -> Finding {
    talk::hello::<EventStream>(server).await
}

pub(super) async fn quotes(server: &Server) -> Finding {
    talk::quotes::<EventStream>(server).await
}

pub(super) async fn gap(server: &Server) -> Finding {
    talk::gap::<EventStream>(server).await
}

pub(super) async fn newest(server: &Server) -> Finding {
    talk::newest::<EventStream>(server).await
}

pub(super) async fn heartbeat(server: &Server) -> Finding {
    talk::heartbeat::<EventStream>(server).await
}

pub(super) async fn resume(server: &Server) -> Finding {
    let health = server.health_beyond(1).await?;
    let had = server.cursor(health.newest - 1)?;
    let request = server.request("/events?after=0").header("last-event-id", had.to_string());
    let mut stream = EventStream::ask(server, request).await?;
    match stream.next(EXCHANGE).await? {
        Said::Hello(_) => {}
        _ => return Err(Fault::broken("something else than hello came first")),
    }
    begins_with(&[stream.quote(FOR_A_QUOTE).await?.seq], health.newest)
}

pub(super) async fn refusals(server: &Server) -> Finding {
    let ahead = format!("after={}", server.cursor_ahead()?);
    for query in ["atfer=0", "after=nonsense", "encoding=binary", "delivery=newest", ahead.as_str()] {
        let answer = exchange_head(server, query).await?;
        answer.refusal(query)?;
    }
    Ok(())
}

/// A refusal is short; what is not refused does not end, and only its head is read.
async fn exchange_head(server: &Server, query: &str) -> Result<super::asking::Answer, Fault> {
    let request = server.request(&format!("/events?{query}"));
    match exchange(request, std::time::Duration::from_secs(2)).await {
        Err(Fault::Broken(_)) => Err(Fault::Broken(format!("{query} is not refused with 400, nor answered to an end"))),
        other => other,
    }
}
