//! Server-sent events: one response without an end, an event per quote (WHATWG HTML §9.2).

use std::pin::pin;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Cursor;
use wirerace_contract::encoding::decode_seq;
use wirerace_contract::messages::{Gap, Hello};
use wirerace_contract::results::Happened;

use crate::connector::{HttpClient, with_causes};
use crate::orders;
use crate::outlet::{Outlet, stream_of};
use crate::session::{End, Session, unexpected_status};
use crate::sse_parser::SseParser;
use crate::target::{Event, Target};

/// What arrives at a user with an event stream.
#[must_use]
pub fn arrivals(target: Target) -> BoxStream<'static, Event> {
    orders::posted_beside(target.clone(), stream_of(|outlet| run(target, outlet)), None)
}

async fn run(target: Target, outlet: Outlet) {
    let http = HttpClient::new(&target);
    let mut session = Session::new(target, outlet);
    loop {
        let end = match &http {
            Ok(http) => one_stream(&mut session, http).await,
            Err(error) => End::Refused(with_causes(error)),
        };
        if !session.recover(end).await {
            return;
        }
    }
}

/// From the request to the stream's end.
async fn one_stream(session: &mut Session, http: &HttpClient) -> End {
    // Boxed: what it needs is large and must not stay for as long as the stream lives.
    let opening = Box::pin(open(session, http));
    let response = match session.target.unless_stopped(opening).await {
        None => return End::Stopped,
        Some(Err(end)) => return end,
        Some(Ok(response)) => response,
    };
    let mut stopped = pin!(session.target.stopped());
    let mut body = response.bytes_stream();
    let mut parser = SseParser::default();
    loop {
        let chunk = tokio::select! {
            biased;
            chunk = body.next() => chunk,
            () = &mut stopped => return End::Stopped,
        };
        let received_ns = monotonic_ns();
        let result = match &chunk {
            None => return End::Lost("the server ended the event stream".into()),
            Some(Err(error)) => return End::Lost(with_causes(error)),
            Some(Ok(bytes)) => take(session, &mut parser, bytes, received_ns).await,
        };
        if let Err(end) = result {
            return end;
        }
    }
}

async fn open(session: &Session, http: &HttpClient) -> Result<Response, End> {
    // As a browser does: the same address each time, and where it was in `Last-Event-ID`.
    let path = format!("/events?{}", session.target.query(None));
    let mut request = http.get(&path).header(ACCEPT, "text/event-stream");
    if let Some(cursor) = session.cursor {
        request = request.header("last-event-id", cursor.to_string());
    }
    let log = &session.target.log;
    log.note(Happened::Asked { after: session.cursor.map(|cursor| cursor.seq), held: false });
    let response = http.send(request).await?;
    let status = response.status().as_u16();
    log.note(Happened::Answered { status, quotes: None, closes: false });
    if status != 200 {
        let body = response.bytes().await.unwrap_or_default();
        return Err(unexpected_status(session.target.address, status, &body));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_none_or(|kind| kind.trim() != "text/event-stream") {
        return Err(malformed(session, format_args!("`{kind}` is not text/event-stream")));
    }
    Ok(response)
}

/// Tells all events that `bytes` complete.
async fn take(session: &mut Session, parser: &mut SseParser, mut bytes: &[u8], received_ns: u64) -> Result<(), End> {
    while parser.advance(&mut bytes).map_err(|e| malformed(session, e))? {
        match parser.event_type() {
            b"message" if !session.is_connected() => {
                return Err(malformed(session, "the first event was no hello"));
            }
            b"message" => {
                let cursor = cursor_of(session, parser)?;
                let data = parser.data();
                let seq = decode_seq(data, session.target.arm.encoding).map_err(|e| malformed(session, e))?;
                if seq != cursor.seq {
                    return Err(malformed(session, format_args!("quote {seq} has the id {cursor}")));
                }
                session.cursor = Some(cursor);
                let payload_bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
                session.target.log.pushed(received_ns, seq);
                session.emit(Event::Quote { seq, received_ns, payload_bytes }).await;
            }
            b"hello" => {
                let hello: Hello = serde_json::from_slice(parser.data()).map_err(|e| malformed(session, e))?;
                session.target.log.note_at(received_ns, Happened::Hello);
                session.answered(Some(hello.epoch)).await;
            }
            b"gap" => {
                let gap: Gap = serde_json::from_slice(parser.data()).map_err(|e| malformed(session, e))?;
                let next = cursor_of(session, parser)?;
                session.jump(gap, next).await;
            }
            _ => {} // a kind of event that this version does not know
        }
    }
    Ok(())
}

fn cursor_of(session: &Session, parser: &SseParser) -> Result<Cursor, End> {
    let id = String::from_utf8_lossy(parser.last_event_id());
    id.parse().map_err(|e| malformed(session, format_args!("the event's id {e}")))
}

fn malformed(session: &Session, what: impl std::fmt::Display) -> End {
    End::Refused(
        format!("the server at {} sent an event stream that cannot be read: {what}", session.target.address).into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Reply, Scripted, answer};
    use crate::target::testing::{arm, target};
    use wirerace_contract::encoding::Encoding;
    use wirerace_contract::spec::Arm;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    const HELLO: &str = "event: hello\ndata: {\"epoch\":\"k3f9\",\"oldest\":1,\"newest\":0}\n\n";

    fn quote(seq: u64) -> String {
        format!("id: k3f9.{seq}\ndata: {seq:010} 0101.2503\n\n")
    }

    fn chunked(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    fn tick_target(server: &Scripted) -> (Target, crate::target::testing::Reins) {
        target(server.address, Arm { encoding: Encoding::Tick, ..arm("sse") })
    }

    fn connected() -> Event {
        Event::Connected { epoch: Some("k3f9".parse().unwrap()) }
    }

    #[tokio::test]
    async fn quotes_of_one_chunk_share_their_instant_and_a_lost_stream_resumes_by_id() {
        let server = Scripted::spawn(|number| match number {
            0 => Reply::Close([HEAD, &chunked(&[HELLO, &quote(1), &quote(2)].concat())].concat()),
            _ => Reply::Keep([HEAD, &chunked(&[HELLO, &quote(3)].concat())].concat()),
        });
        let (target, reins) = tick_target(&server);
        let traffic = target.traffic.clone();
        let mut events = arrivals(target);
        assert_eq!(events.next().await, Some(connected()));
        let (one, two) = (events.next().await.unwrap(), events.next().await.unwrap());
        let (Event::Quote { seq: 1, received_ns, payload_bytes: 20 }, Event::Quote { seq: 2, received_ns: same, .. }) =
            (one, two)
        else {
            panic!("not the quotes 1 and 2")
        };
        assert_eq!(received_ns, same);
        assert!(matches!(events.next().await, Some(Event::Disconnected { .. })));
        assert_eq!(events.next().await, Some(connected()));
        assert!(matches!(events.next().await, Some(Event::Quote { seq: 3, .. })));
        reins.stop.send_replace(true);
        assert_eq!(events.next().await, None);
        let asked = server.asked();
        assert_eq!(asked[0].path(), "/events?after=0&encoding=tick");
        assert!(asked[0].has("accept: text/event-stream") && !asked[0].head.contains("last-event-id"));
        assert!(asked[1].has("last-event-id: k3f9.2"), "{}", asked[1].head);
        assert_eq!((traffic.requests(), traffic.dialled()), (2, 2));
    }

    #[tokio::test]
    async fn a_gap_is_told_and_the_stream_goes_on_behind_it() {
        let gap = "event: gap\nid: k3f9.7\ndata: {\"reason\":\"evicted\",\"first\":1,\"last\":7}\n\n";
        let server = Scripted::spawn(move |number| match number {
            0 => Reply::Close([HEAD, &chunked(&[HELLO, gap].concat())].concat()),
            _ => Reply::Keep([HEAD, &chunked(HELLO)].concat()),
        });
        let (target, _reins) = tick_target(&server);
        let mut events = arrivals(target);
        assert_eq!(events.next().await, Some(connected()));
        assert!(matches!(events.next().await, Some(Event::Gap { gap, .. }) if gap.lost() == 7));
        assert!(matches!(events.next().await, Some(Event::Disconnected { .. })));
        assert_eq!(events.next().await, Some(connected()));
        assert!(server.asked()[1].has("last-event-id: k3f9.7"));
    }

    #[tokio::test]
    async fn what_is_no_event_stream_of_ours_is_refused_in_words() {
        let stream = |text: &str| [HEAD, &chunked(text)].concat();
        let wrong_id = [HELLO, "id: k3f9.2\ndata: 0000000001 0101.2503\n\n"].concat();
        for (reply, words) in [
            (answer("200 OK", "content-type: text/html\r\n", "<p>"), "`text/html` is not"),
            (answer("404 Not Found", "", "nothing here"), "404: nothing here"),
            (stream(&quote(1)), "no hello"),
            (stream(&wrong_id), "quote 1 has the id k3f9.2"),
            (stream(&[HELLO, "id: k3f9.1\ndata: ?\n\n"].concat()), "no tick"),
        ] {
            let server = Scripted::spawn(move |_| Reply::Keep(reply.clone()));
            let (target, _reins) = tick_target(&server);
            let events: Vec<Event> = arrivals(target).collect().await;
            let Some(Event::Failed { reason }) = events.last() else { panic!("{words}: {events:?}") };
            assert!(reason.contains(words), "{words}: {reason}");
        }
    }
}
