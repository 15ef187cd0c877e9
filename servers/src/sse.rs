//! Server-sent events: one request, one answer that does not end, one event per quote (WHATWG HTML §9.2).
//!
//! Each piece of the body holds all that is ready, so a reader that keeps up gets one quote per write and one
//! that lags gets many; nothing waits in order to be sent together.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use hyper::body::Frame;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::messages::{Gap, Hello};

use crate::answers::{Refusal, bad_request, check_encoding, head, only_get};
use crate::heartbeat::Heartbeat;
use crate::query::Query;
use crate::reader::Reader;
use crate::tape::{Encoded, Read, Tape};
use crate::wakes::Doorbell;
use crate::wire_meter::ConnectionMeter;

/// Most quotes in one piece of the body.
pub const PIECE_QUOTES_MAX: usize = 64;
/// No further quote is added to a piece that has reached this size, in bytes.
pub const PIECE_BYTES_MAX: usize = 16 * 1024;
/// A comment: what a client ignores and a proxy sees.
const HEARTBEAT: &[u8] = b":\n\n";
/// The header in which a client that comes back says what it has (WHATWG HTML §9.2.4).
const LAST_EVENT_ID: &str = "last-event-id";

/// `GET /events`.
pub fn routes(tape: Tape) -> Router {
    Router::new().route("/events", get(events).fallback(only_get)).with_state(tape)
}

async fn events(
    State(tape): State<Tape>,
    meter: ConnectionMeter,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    match EventStream::open(tape, meter.clone(), raw.as_deref(), &headers) {
        Ok(events) => answer(events),
        Err(refusal) => refusal.send(&meter),
    }
}

fn answer(events: EventStream) -> Response {
    let mut response = Response::new(Body::new(events));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // nginx collects answers before it passes them on, unless told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    head(headers);
    response
}

/// One client's stream of events.
struct EventStream {
    reader: Reader,
    meter: ConnectionMeter,
    heartbeat: Heartbeat,
    /// Rung by the heartbeat's timer.
    doorbell: Doorbell,
    /// What is said first; taken when it was.
    opening: Option<Box<(Hello, Option<Gap>)>>,
}

impl EventStream {
    fn open(tape: Tape, meter: ConnectionMeter, raw: Option<&str>, headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut query = Query::parse(raw, &["after", "delivery", "interval", "encoding"])?;
        if !query.encoding.is_text() {
            let sentence = "`binary` is not allowed on an event stream, which is text: allowed are json, tick";
            return Err(bad_request(sentence));
        }
        check_encoding(&tape, query.encoding)?;
        if let Some(id) = headers.get(LAST_EVENT_ID) {
            let id = String::from_utf8_lossy(id.as_bytes());
            query.after = id.parse().map_err(|e| bad_request(format!("Last-Event-ID: {e}")))?;
        }
        let pace = query.pace()?;
        let start = tape.resolve(query.after)?;
        let heartbeat = Heartbeat::new(tape.heartbeat());
        let opening = Some(Box::new((start.hello, start.gap_for(query.delivery))));
        let doorbell = tape.doorbell();
        let reader = Reader::new(tape, &start, pace, query.encoding);
        Ok(Self { reader, meter, heartbeat, doorbell, opening })
    }

    /// The next piece of the body; `None` when the tape is closed.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(opening) = self.opening.take() {
            return Poll::Ready(Some(self.opening_piece(&opening.0, opening.1)));
        }
        while let Poll::Ready(open) = self.reader.poll_ready(cx) {
            if !open {
                return Poll::Ready(None);
            }
            if let Some(piece) = self.ready_piece() {
                return Poll::Ready(Some(piece));
            }
        }
        let Self { doorbell, heartbeat, .. } = self;
        doorbell.poll(cx, |cx| heartbeat.poll_due(cx)).map(|()| {
            self.heartbeat.sent();
            Some(self.hand_over(0, 0, Bytes::from_static(HEARTBEAT)))
        })
    }

    fn opening_piece(&mut self, hello: &Hello, gap: Option<Gap>) -> Bytes {
        let mut piece = Vec::with_capacity(128);
        write_note(&mut piece, "hello", None, hello);
        if let Some(gap) = gap {
            write_gap(&mut piece, hello.epoch, &gap);
        }
        self.heartbeat.sent();
        self.hand_over(0, 0, piece.into())
    }

    /// All that is ready, up to the limits of a piece.
    fn ready_piece(&mut self) -> Option<Bytes> {
        let (first, payload_bytes) = self.take()?;
        let (mut quotes, mut payload_bytes) = (usize::from(payload_bytes > 0), payload_bytes);
        // A reader that keeps up gets one event, from the memory that all others get it from.
        let Some(second) = self.take() else { return Some(self.hand_over(quotes, payload_bytes, first)) };
        let mut piece = Vec::with_capacity(8 * first.len());
        piece.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some((event, bytes)) = next {
            piece.extend_from_slice(&event);
            quotes += usize::from(bytes > 0);
            payload_bytes += bytes;
            let full = quotes >= PIECE_QUOTES_MAX || piece.len() >= PIECE_BYTES_MAX;
            next = if full { None } else { self.take() };
        }
        Some(self.hand_over(quotes, payload_bytes, piece.into()))
    }

    /// The next event, and the bytes of its quote: none if it tells of a gap.
    fn take(&mut self) -> Option<(Bytes, usize)> {
        let epoch = self.reader.tape().epoch();
        let pick = |quote: &Encoded| {
            let event = quote.event(|seq, payload| {
                let mut event = Vec::new();
                write_event(&mut event, epoch, seq, payload);
                event.into()
            });
            (event.clone(), quote.payload().len(), quote.published())
        };
        match self.reader.take_as(pick) {
            Read::Quote { payload: (event, payload_bytes, published), .. } => {
                self.heartbeat.sent_what_was_there_at(published);
                Some((event, payload_bytes))
            }
            Read::Gap(gap) => {
                let mut event = Vec::new();
                write_gap(&mut event, epoch, &gap);
                Some((event.into(), 0))
            }
            Read::End => None,
        }
    }

    fn hand_over(&self, quotes: usize, payload_bytes: usize, piece: Bytes) -> Bytes {
        self.meter.hand_over(quotes, payload_bytes, piece.len());
        piece
    }
}

impl hyper::body::Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().poll_piece(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// Writes one quote as an event: `id: EPOCH.SEQ`, `data: PAYLOAD`, an empty line. The payload must be one line of
/// text, as the text encodings are.
pub fn write_event(piece: &mut Vec<u8>, epoch: Epoch, seq: u64, payload: &[u8]) {
    // Twenty digits at most, and the field names.
    piece.reserve(payload.len() + 44);
    write_id(piece, epoch, seq);
    piece.extend_from_slice(b"data: ");
    piece.extend_from_slice(payload);
    piece.extend_from_slice(b"\n\n");
}

fn write_id(piece: &mut Vec<u8>, epoch: Epoch, seq: u64) {
    piece.extend_from_slice(b"id: ");
    piece.extend_from_slice(epoch.as_str().as_bytes());
    // Writing to a Vec cannot fail.
    let _ = writeln!(piece, ".{seq}");
}

/// A gap's id is where reading goes on: a client that comes back then is not told of it again.
fn write_gap(piece: &mut Vec<u8>, epoch: Epoch, gap: &Gap) {
    write_note(piece, "gap", Some((epoch, gap.last)), gap);
}

fn write_note(piece: &mut Vec<u8>, event: &str, id: Option<(Epoch, u64)>, note: &impl serde::Serialize) {
    // Writing to a Vec cannot fail, nor can numbers and fixed words be refused as JSON.
    let _ = writeln!(piece, "event: {event}");
    if let Some((epoch, seq)) = id {
        write_id(piece, epoch, seq);
    }
    piece.extend_from_slice(b"data: ");
    let _ = serde_json::to_writer(&mut *piece, note);
    piece.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Request;
    use http_body_util::BodyExt;
    use tokio::time::{Instant, timeout};
    use tower::ServiceExt;

    use super::*;
    use crate::answers::tests::{get as ask, refusal};
    use crate::tape::tests::{publish_more, tape_with};

    async fn open(tape: &Tape, uri: &str, last_event_id: Option<&str>) -> Response {
        let mut request = Request::get(uri);
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        routes(tape.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn piece(body: &mut Body) -> Option<String> {
        let frame = timeout(Duration::from_secs(100), body.frame()).await.expect("nothing for 100 s")?;
        Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
    }

    async fn pieces(tape: &Tape, uri: &str, last_event_id: Option<&str>) -> (String, String) {
        let mut body = open(tape, uri, last_event_id).await.into_body();
        (piece(&mut body).await.unwrap(), piece(&mut body).await.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn hello_comes_first_then_one_event_per_quote() {
        let tape = tape_with(10, 2);
        let response = open(&tape, "/events?after=k3f9.1&encoding=tick", None).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let mut body = response.into_body();
        let hello = "event: hello\ndata: {\"epoch\":\"k3f9\",\"oldest\":1,\"newest\":2}\n\n";
        assert_eq!(piece(&mut body).await.unwrap(), hello);
        assert_eq!(piece(&mut body).await.unwrap(), "id: k3f9.2\ndata: 0000000002 0056.8600\n\n");
        publish_more(&tape, 2);
        let both = piece(&mut body).await.unwrap();
        assert!(both.contains("id: k3f9.3\n") && both.contains("id: k3f9.4\n"), "what is ready goes together: {both}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_piece_is_bounded() {
        let tape = tape_with(1000, 300);
        let (_, first) = pieces(&tape, "/events?after=0", None).await;
        assert_eq!(first.matches("\nid: ").count() + 1, PIECE_QUOTES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_each_heartbeat_and_only_then() {
        let tape = tape_with(10, 1);
        let begun = Instant::now();
        let mut body = open(&tape, "/events", None).await.into_body();
        piece(&mut body).await.unwrap();
        assert_eq!(piece(&mut body).await.unwrap(), ":\n\n");
        assert_eq!(begun.elapsed().as_secs(), 15);
        let speaking = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            publish_more(&tape, 1);
        };
        assert!(tokio::join!(piece(&mut body), speaking).0.unwrap().starts_with("id: k3f9.2"));
        assert_eq!(piece(&mut body).await.unwrap(), ":\n\n");
        assert_eq!(begun.elapsed().as_secs(), 40, "15 s after the quote of 25 s");
    }

    #[tokio::test(start_paused = true)]
    async fn gaps_are_events_and_reading_goes_on_from_the_oldest() {
        let tape = tape_with(3, 9); // holds 7, 8, 9
        for (cursor, reason, first) in [("k3f9.2", "evicted", 3), ("zzzz.2", "epoch", 1)] {
            let (opening, quotes) = pieces(&tape, &format!("/events?after={cursor}"), None).await;
            let gap =
                format!("event: gap\nid: k3f9.6\ndata: {{\"reason\":\"{reason}\",\"first\":{first},\"last\":6}}\n\n");
            assert!(opening.starts_with("event: hello\n") && opening.ends_with(&gap), "{opening}");
            assert!(quotes.starts_with("id: k3f9.7\n"), "{quotes}");
        }
        let mut body = open(&tape, "/events?after=0", None).await.into_body();
        piece(&mut body).await.unwrap();
        publish_more(&tape, 5); // holds 12, 13, 14: the reader has fallen behind
        let late = piece(&mut body).await.unwrap();
        assert!(late.contains("\"first\":7,\"last\":11}\n\nid: k3f9.12\n"), "{late}");
    }

    #[tokio::test(start_paused = true)]
    async fn last_event_id_wins_over_after() {
        let tape = tape_with(10, 5);
        let (_, quotes) = pieces(&tape, "/events?after=0", Some("k3f9.4")).await;
        assert!(quotes.starts_with("id: k3f9.5\n"), "{quotes}");
        let response = open(&tape, "/events?after=0", Some("nonsense")).await;
        assert_eq!(response.status(), 400);
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_only_without_a_gap() {
        let tape = tape_with(3, 9);
        let (opening, quote) = pieces(&tape, "/events?after=k3f9.2&delivery=newest&interval=1000", None).await;
        assert!(!opening.contains("gap"));
        assert!(quote.starts_with("id: k3f9.9\n") && quote.matches("id: ").count() == 1, "{quote}");
    }

    #[tokio::test(start_paused = true)]
    async fn closing_the_tape_ends_the_body_cleanly() {
        let tape = tape_with(10, 1);
        let mut body = open(&tape, "/events", None).await.into_body();
        piece(&mut body).await.unwrap();
        let (end, ()) = tokio::join!(piece(&mut body), async { tape.close() });
        assert_eq!(end, None);
    }

    #[tokio::test]
    async fn refusals_say_what_is_allowed() {
        let router = routes(tape_with(3, 1));
        for (uri, part) in [
            ("/events?encoding=binary", "allowed are json, tick"),
            ("/events?delivery=newest", "needs `interval`"),
            ("/events?after=k3f9.2", "up to k3f9.1"),
            ("/events?wait=1", "Allowed are after, delivery, interval, encoding"),
        ] {
            let (status, sentence) = refusal(&ask(&router, uri).await);
            assert!(status == 400 && sentence.contains(part), "{uri}: {status} {sentence}");
        }
    }
}
