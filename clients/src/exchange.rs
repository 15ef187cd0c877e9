//! One request for quotes and its answer: what polling and long polling have in common.

use std::fmt::Display;
use std::pin::pin;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use tokio::time::timeout;
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::{Cursor, Epoch};
use wirerace_contract::encoding::{Encoding, decode_seq};
use wirerace_contract::messages::{GapAnswer, NEXT_HEADER, PollAnswer};
use wirerace_contract::results::{Happened, QuoteRange};

use crate::connector::{HttpClient, with_causes};
use crate::outlet::Outlet;
use crate::session::{End, Session, unexpected_status};
use crate::target::{Event, Target};

/// What an answer holds.
#[derive(Debug, PartialEq)]
enum Answer {
    /// Number and payload bytes of each quote, and where to go on (`None`: as before).
    Quotes { quotes: Vec<(u64, u32)>, next: Option<Cursor> },
    /// Status 410.
    Gap(GapAnswer),
}

/// The parts of an answer that count.
struct Parts<'a> {
    status: u16,
    body: &'a [u8],
    next: Option<&'a str>,
    etag: Option<&'a str>,
}

struct Received {
    answer: Answer,
    etag: Option<String>,
    received_ns: u64,
}

/// One user that asks.
pub(crate) struct Asker {
    session: Session,
    http: HttpClient,
    dials_seen: u64,
    newest_tag: Option<String>,
}

/// How an exchange went, as far as the caller must know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Quotes, a gap or nothing: an answer.
    Answered {
        /// Whether it held no quote.
        empty: bool,
    },
    /// No answer; the back-off is over.
    Lost,
    /// The user leaves.
    Ended,
}

/// How long an answer may be under way that the server gives at once.
pub(crate) const ANSWERED_AT_ONCE: Duration = Duration::from_secs(2);
/// How long a request that may be held takes to be read by the server, at least.
pub(crate) const HELD: Duration = Duration::from_millis(100);

impl Asker {
    /// `None` (and a failure told) when the library refuses to make a client.
    pub(crate) async fn new(target: Target, outlet: Outlet) -> Option<Self> {
        Self::on(None, target, outlet).await
    }

    /// The same on the connection of `shared`, taking turns with whoever else has it.
    pub(crate) async fn on(shared: Option<HttpClient>, target: Target, outlet: Outlet) -> Option<Self> {
        let http = shared.map_or_else(|| HttpClient::new(&target), Ok);
        let mut session = Session::new(target, outlet);
        match http {
            Ok(http) => Some(Self { session, http, dials_seen: 0, newest_tag: None }),
            Err(error) => {
                session.recover(End::Refused(with_causes(&error))).await;
                None
            }
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.session.target
    }

    pub(crate) async fn emit(&self, event: Event) {
        self.session.emit(event).await;
    }

    /// The first request, outside any plan: opens the connection and learns the stream. `false` when the user leaves.
    pub(crate) async fn open(&mut self, path: fn(&Target, Option<Cursor>) -> String) -> bool {
        loop {
            match self.exchange(path, ANSWERED_AT_ONCE).await {
                Outcome::Answered { .. } => return true,
                Outcome::Lost => {}
                Outcome::Ended => return false,
            }
        }
    }

    /// Asks for `path` and tells what came. An answer that is under way when the user is told to leave is waited for, for at
    /// most `settle` and what the way takes: a request dropped on the way would be counted by one side and not by the other.
    pub(crate) async fn exchange(&mut self, path: fn(&Target, Option<Cursor>) -> String, settle: Duration) -> Outcome {
        let path = path(&self.session.target, self.session.cursor);
        let (asked, stopped) = {
            let mut asking = pin!(self.ask(&path));
            match self.session.target.unless_stopped(asking.as_mut()).await {
                None => (timeout(settle + self.session.target.patience, asking).await.ok(), true),
                asked => (asked, false),
            }
        };
        let end = match asked {
            None => End::Stopped,
            Some(Ok(received)) => {
                let outcome = self.tell(received).await;
                return if stopped { Outcome::Ended } else { outcome };
            }
            Some(Err(end)) => end,
        };
        if self.session.recover(end).await { Outcome::Lost } else { Outcome::Ended }
    }

    async fn ask(&self, path: &str) -> Result<Received, End> {
        let _turn = self.http.turn().await;
        let mut request = self.http.get(path);
        if let Some(tag) = &self.newest_tag
            && !self.session.target.arm.unconditional
        {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let after = self.session.cursor.map(|cursor| cursor.seq);
        self.session.target.log.note(Happened::Asked { after, held: path.contains("&wait=") });
        let response = self.http.send(request).await?;
        let status = response.status().as_u16();
        let (next, etag) = (header(&response, NEXT_HEADER), header(&response, ETAG.as_str()));
        let body = response.bytes().await.map_err(|e| End::Lost(with_causes(&e)))?;
        // An answer is in hand when its last byte is: before that it cannot be read as JSON.
        let received_ns = monotonic_ns();
        // The library puts a connection back into its pool in a task of its own: without this turn for it, a request
        // that follows at once would find the pool empty and dial again.
        tokio::task::yield_now().await;
        let parts = Parts { status, body: &body, next: next.as_deref(), etag: etag.as_deref() };
        let answer = read_answer(&self.session.target, &parts)?;
        self.note(status, &answer, received_ns);
        Ok(Received { answer, etag, received_ns })
    }

    fn note(&self, status: u16, answer: &Answer, received_ns: u64) {
        let quotes = match answer {
            Answer::Quotes { quotes, .. } => QuoteRange::of(quotes.iter().map(|(seq, _)| *seq)),
            Answer::Gap(_) => None,
        };
        let target = &self.session.target;
        target.log.note_at(received_ns, Happened::Answered { status, quotes, closes: target.closes() });
    }

    async fn tell(&mut self, received: Received) -> Outcome {
        let epoch = match &received.answer {
            Answer::Quotes { next, .. } => next.map(|cursor| cursor.epoch),
            Answer::Gap(gap) => Some(gap.epoch),
        };
        self.tell_connection(epoch).await;
        let mut empty = true;
        match received.answer {
            Answer::Quotes { quotes, next } => {
                if let Some(next) = next {
                    self.session.go_to(next).await;
                }
                self.newest_tag = received.etag.or(self.newest_tag.take());
                empty = quotes.is_empty();
                for (seq, payload_bytes) in quotes {
                    self.emit(Event::Quote { seq, received_ns: received.received_ns, payload_bytes }).await;
                }
            }
            Answer::Gap(answer) => self.session.jump(answer.gap, answer.next).await,
        }
        Outcome::Answered { empty }
    }

    /// Connections are the library's: that it lost an idle one and dialled anew shows in the count of dials only.
    async fn tell_connection(&mut self, epoch: Option<Epoch>) {
        let dials = self.http.dials();
        let replaced = self.session.is_connected() && dials > self.dials_seen && !self.session.target.closes();
        self.dials_seen = dials;
        if replaced {
            self.session.reconnected_silently(epoch).await;
        } else {
            self.session.answered(epoch).await;
        }
    }
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn malformed(target: &Target, what: impl Display) -> End {
    End::Refused(format!("the server at {} gave an answer that cannot be read: {what}", target.address).into())
}

/// Reads an answer to `/quotes` or `/quotes/latest` by its status (RFC 9110 §15).
fn read_answer(target: &Target, parts: &Parts<'_>) -> Result<Answer, End> {
    let nothing = Answer::Quotes { quotes: Vec::new(), next: None };
    match parts.status {
        200 if parts.etag.is_some() => read_newest(target, parts),
        200 if target.arm.encoding == Encoding::Binary => read_binary(target, parts),
        200 => read_list(target, parts.body),
        204 | 304 => Ok(nothing),
        410 => serde_json::from_slice(parts.body).map(Answer::Gap).map_err(|e| malformed(target, e)),
        status => Err(unexpected_status(target.address, status, parts.body)),
    }
}

/// One quote, its cursor in the `ETag` (RFC 9110 §8.8.3).
fn read_newest(target: &Target, parts: &Parts<'_>) -> Result<Answer, End> {
    let tag = parts.etag.unwrap_or_default().trim_start_matches("W/").trim_matches('"');
    let next: Cursor = tag.parse().map_err(|e| malformed(target, e))?;
    let quote = read_quote(target, parts.body)?;
    Ok(Answer::Quotes { quotes: vec![quote], next: Some(next) })
}

/// Quotes of equal width back to back, the next cursor in a header.
fn read_binary(target: &Target, parts: &Parts<'_>) -> Result<Answer, End> {
    let next = parts.next.ok_or_else(|| malformed(target, format_args!("there is no header {NEXT_HEADER}")))?;
    let next = next.parse().map_err(|e| malformed(target, e))?;
    let (body, width) = (parts.body, target.payload_bytes.max(1));
    if !body.len().is_multiple_of(width) {
        return Err(malformed(target, format_args!("{} bytes are no multiple of {width}, a quote's size", body.len())));
    }
    let quotes = body.chunks_exact(width).map(|bytes| read_quote(target, bytes)).collect::<Result<_, _>>()?;
    Ok(Answer::Quotes { quotes, next: Some(next) })
}

fn read_list(target: &Target, body: &[u8]) -> Result<Answer, End> {
    let answer: PollAnswer<'_> = serde_json::from_slice(body).map_err(|e| malformed(target, e))?;
    let quotes = answer.quotes.iter().map(|raw| read_quote(target, raw.get().as_bytes())).collect::<Result<_, _>>()?;
    Ok(Answer::Quotes { quotes, next: Some(answer.next) })
}

/// Number and size of a quote. In JSON a `tick` stands in quotation marks, which are not part of it.
fn read_quote(target: &Target, bytes: &[u8]) -> Result<(u64, u32), End> {
    let unquoted = match bytes {
        [b'"', inner @ .., b'"'] if target.arm.encoding == Encoding::Tick => inner,
        bytes => bytes,
    };
    let seq = decode_seq(unquoted, target.arm.encoding).map_err(|e| malformed(target, e))?;
    Ok((seq, u32::try_from(unquoted.len()).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::testing::{arm, target};
    use wirerace_contract::encoding::encode;
    use wirerace_contract::quote::Quote;
    use wirerace_contract::spec::Arm;

    fn read(
        encoding: Encoding,
        status: u16,
        body: &[u8],
        next: Option<&str>,
        etag: Option<&str>,
    ) -> Result<Answer, End> {
        let (target, _reins) = target("127.0.0.1:9".parse().unwrap(), Arm { encoding, ..arm("polling") });
        read_answer(&target, &Parts { status, body, next, etag })
    }

    fn refusal(result: Result<Answer, End>) -> String {
        match result {
            Err(End::Refused(reason)) => reason.into(),
            other => panic!("not refused: {other:?}"),
        }
    }

    fn quotes(quotes: &[(u64, u32)], next: &str) -> Answer {
        Answer::Quotes { quotes: quotes.to_vec(), next: Some(next.parse().unwrap()) }
    }

    fn quote(seq: u64) -> Quote {
        Quote { seq, due_offset_ns: 5, symbol: 0, price: 10, size: 1 }
    }

    #[test]
    fn a_list_is_read_in_each_encoding_and_payload_is_counted_without_its_wrapping() {
        let json = String::from_utf8(encode(&quote(7), Encoding::Json, 0)).unwrap();
        let body = format!(r#"{{"epoch":"k3f9","quotes":[{json}],"next":"k3f9.7"}}"#);
        assert_eq!(read(Encoding::Json, 200, body.as_bytes(), None, None).unwrap(), quotes(&[(7, 120)], "k3f9.7"));
        let body = r#"{"epoch":"k3f9","quotes":["0000000042 0101.2503"],"next":"k3f9.42"}"#;
        assert_eq!(read(Encoding::Tick, 200, body.as_bytes(), None, None).unwrap(), quotes(&[(42, 20)], "k3f9.42"));
        let body = [encode(&quote(1), Encoding::Binary, 0), encode(&quote(2), Encoding::Binary, 0)].concat();
        let read = read(Encoding::Binary, 200, &body, Some("k3f9.2"), None).unwrap();
        assert_eq!(read, quotes(&[(1, 24), (2, 24)], "k3f9.2"));
    }

    #[test]
    fn the_newest_quote_is_read_with_its_tag() {
        let body = encode(&quote(9), Encoding::Json, 0);
        assert_eq!(read(Encoding::Json, 200, &body, None, Some("\"k3f9.9\"")).unwrap(), quotes(&[(9, 120)], "k3f9.9"));
        for status in [204, 304] {
            let nothing = Answer::Quotes { quotes: Vec::new(), next: None };
            assert_eq!(read(Encoding::Json, status, b"", None, None).unwrap(), nothing);
        }
    }

    #[test]
    fn malformed_answers_become_sentences() {
        assert!(refusal(read(Encoding::Json, 200, b"<html>", None, None)).contains("cannot be read"));
        assert!(refusal(read(Encoding::Json, 200, b"{}", None, Some("\"huh\""))).contains("`huh` is not a cursor"));
        assert!(refusal(read(Encoding::Binary, 200, &[0; 24], None, None)).contains("quotes-next"));
        assert!(refusal(read(Encoding::Binary, 200, &[0; 25], Some("k3f9.1"), None)).contains("no multiple of 24"));
        assert!(refusal(read(Encoding::Json, 410, b"gone", None, None)).contains("cannot be read"));
        assert!(
            refusal(read(Encoding::Json, 400, br#"{"error":"no such thing"}"#, None, None)).contains("no such thing")
        );
        assert!(matches!(read(Encoding::Json, 503, b"full", None, None), Err(End::Lost(_))), "503 is worth a retry");
    }
}
