//! WebSocket: one upgrade, then one message per quote (RFC 6455).
//!
//! Everything that is ready is fed to the library and flushed once, so a burst is one write; nothing waits in
//! order to be sent together. One task per socket, without a lock between its two directions.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::{Gap, Note};

use crate::answers::{Refusal, bad_request, check_encoding, only_get};
use crate::heartbeat::Heartbeat;
use crate::orders::{ORDER_BYTES_MAX, acknowledge, no_order};
use crate::query::Query;
use crate::reader::Reader;
use crate::tape::{Read, Start, Tape};
use crate::wire_meter::ConnectionMeter;

/// The library keeps this much for reading and clears it before every read: orders are small.
const READ_BUFFER_BYTES: usize = 1024;
/// Longest message a client may send, bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Above this much the library writes without being flushed, bytes: a round of ordinary quotes stays below it.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;
/// Most that may wait for a slow client, bytes: more than the longest message, so that it is never refused.
const WRITE_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// Most quotes between two flushes.
pub const ROUND_QUOTES_MAX: usize = 64;
/// How long the client may take to answer a close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// `GET /socket`.
pub fn routes(tape: Tape) -> Router {
    Router::new().route("/socket", get(socket).fallback(only_get)).with_state(tape)
}

async fn socket(
    State(tape): State<Tape>,
    meter: ConnectionMeter,
    RawQuery(raw): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let accepted = prepare(&tape, raw.as_deref()).and_then(|prepared| match upgrade {
        Ok(upgrade) => Ok((prepared, upgrade)),
        Err(rejection) => {
            let sentence = format!("this route answers WebSocket upgrades (RFC 6455 §4.1) only: {rejection}");
            Err(bad_request(sentence))
        }
    });
    match accepted {
        Ok(((query, start), upgrade)) => upgrade
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(MESSAGE_BYTES_MAX)
            .max_frame_size(MESSAGE_BYTES_MAX)
            .on_upgrade(move |socket| async move {
                let Ok(pace) = query.pace() else { return }; // checked before the upgrade
                let reader = Reader::new(tape, &start, pace, query.encoding);
                let heartbeat = Heartbeat::new(reader.tape().heartbeat());
                let mut session = Session { socket, reader, meter, heartbeat, encoding: query.encoding };
                session.run(&start, start.gap_for(query.delivery)).await;
            }),
        Err(refusal) => refusal.send(&meter),
    }
}

fn prepare(tape: &Tape, raw: Option<&str>) -> Result<(Query, Start), Refusal> {
    let query = Query::parse(raw, &["after", "delivery", "interval", "encoding"])?;
    query.pace()?;
    check_encoding(tape, query.encoding)?;
    Ok((query, tape.resolve(query.after)?))
}

/// One client's socket.
struct Session {
    socket: WebSocket,
    reader: Reader,
    meter: ConnectionMeter,
    heartbeat: Heartbeat,
    encoding: Encoding,
}

/// What a session waited for.
enum Event {
    /// There are quotes.
    Quotes,
    /// The tape is closed.
    Closed,
    /// A message; `None` at the end.
    Client(Option<Result<Message, axum::Error>>),
    /// Nothing was sent for a heartbeat's distance.
    Silence,
}

/// Why a session ends.
enum End {
    /// The tape is closed, the client does not know yet.
    Closed,
    /// The client broke the protocol, in these words.
    Refused(String),
    /// The client has closed, or the connection is gone.
    Gone,
}

impl From<axum::Error> for End {
    fn from(_: axum::Error) -> Self {
        Self::Gone
    }
}

impl Session {
    /// What happens seldom is boxed: a task takes as much memory as the largest thing it may ever do, and an idle
    /// socket is hardly more than its task.
    async fn run(&mut self, start: &Start, gap: Option<Gap>) {
        let (code, why) = match self.serve(start, gap).await {
            End::Closed => (close_code::AWAY, "the server stops".to_owned()),
            End::Refused(why) => (close_code::POLICY, why),
            End::Gone => return,
        };
        Box::pin(self.close(code, why)).await;
    }

    async fn serve(&mut self, start: &Start, gap: Option<Gap>) -> End {
        if let Err(end) = Box::pin(self.open(start, gap)).await {
            return end;
        }
        loop {
            // In random order, as `select!` does unless told otherwise: under a flood of quotes the client is
            // still heard.
            let event = tokio::select! {
                open = self.reader.ready() => if open { Event::Quotes } else { Event::Closed },
                message = self.socket.next() => Event::Client(message),
                () = self.heartbeat.due() => Event::Silence,
            };
            let done = match event {
                Event::Quotes => self.send_ready().await,
                Event::Closed => return End::Closed,
                Event::Client(message) => Box::pin(self.answer(message)).await,
                Event::Silence => Box::pin(self.send(Message::Ping(Bytes::new()))).await,
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn open(&mut self, start: &Start, gap: Option<Gap>) -> Result<(), End> {
        self.send_note(&Note::Hello(start.hello)).await?;
        match gap {
            Some(gap) => self.send_note(&Note::Gap(gap)).await,
            None => Ok(()),
        }
    }

    /// Feeds all that is ready, then flushes once.
    async fn send_ready(&mut self) -> Result<(), End> {
        let tape = self.reader.tape().clone();
        let round = async {
            for _ in 0..ROUND_QUOTES_MAX {
                match self.reader.take() {
                    Read::Quote { payload, .. } => {
                        self.meter.hand_over(1, payload.len(), payload.len());
                        self.socket.feed(message(payload, self.encoding)?).await?;
                    }
                    Read::Gap(gap) => {
                        let text = note_text(&Note::Gap(gap));
                        self.meter.hand_over(0, 0, text.len());
                        self.socket.feed(Message::Text(text.into())).await?;
                    }
                    Read::End => break,
                }
            }
            self.socket.flush().await?;
            Ok(())
        };
        // A client that does not read holds the round up: closing must not wait for it.
        let sent = tokio::select! {
            biased;
            sent = round => sent,
            () = tape.closed() => Err(End::Closed),
        };
        self.heartbeat.sent();
        sent
    }

    async fn answer(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let reply = match message {
            Some(Ok(Message::Text(text))) => {
                self.meter.received(text.len());
                self.reply_to(text.as_str())
            }
            Some(Ok(Message::Binary(bytes))) => {
                self.meter.received(bytes.len());
                Note::Error("a binary message: allowed is text with {\"order\":…}".to_owned())
            }
            // The library answers pings by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(_))) => {
                // The library has the answer ready; reading on sends it and waits for the client's end.
                let _ = tokio::time::timeout(CLOSE_WAIT, async { while let Some(Ok(_)) = self.socket.next().await {} })
                    .await;
                return Err(End::Gone);
            }
            Some(Err(error)) => return Err(End::Refused(error.to_string())),
            None => return Err(End::Gone),
        };
        self.send_note(&reply).await
    }

    fn reply_to(&self, text: &str) -> Note {
        if text.len() > ORDER_BYTES_MAX {
            return Note::Error(format!("the order is too long: allowed are {ORDER_BYTES_MAX} bytes"));
        }
        match serde_json::from_str(text) {
            Ok(Note::Order(order)) => match acknowledge(&order, self.reader.tape().spec()) {
                Ok(ack) => Note::Ack(ack),
                Err(sentence) => Note::Error(sentence),
            },
            Ok(_) => Note::Error("only {\"order\":…} is allowed from a client".to_owned()),
            Err(e) => Note::Error(format!("{}, within {{\"order\":…}}", no_order(&e))),
        }
    }

    async fn send_note(&mut self, note: &Note) -> Result<(), End> {
        let text = note_text(note);
        self.meter.hand_over(0, 0, text.len());
        self.send(Message::Text(text.into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        let tape = self.reader.tape().clone();
        let sent = tokio::select! {
            biased;
            sent = self.socket.send(message) => sent.map_err(End::from),
            () = tape.closed() => Err(End::Closed),
        };
        self.heartbeat.sent();
        sent
    }

    /// Says goodbye and waits for the client to say it too, but not for long.
    async fn close(&mut self, code: u16, reason: String) {
        let farewell = async {
            let frame = CloseFrame { code, reason: short(reason).into() };
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = tokio::time::timeout(CLOSE_WAIT, farewell).await;
    }
}

fn message(payload: Bytes, encoding: Encoding) -> Result<Message, End> {
    if !encoding.is_text() {
        return Ok(Message::Binary(payload));
    }
    // Text encodings are ASCII; the library wants it checked.
    Utf8Bytes::try_from(payload).map(Message::Text).map_err(|e| End::Refused(e.to_string()))
}

fn note_text(note: &Note) -> String {
    // Notes are numbers and strings, which JSON cannot refuse.
    serde_json::to_string(note).unwrap_or_default()
}

/// A control frame has room for 125 bytes, two of them for the code (RFC 6455 §5.5).
fn short(mut reason: String) -> String {
    while reason.len() > 123 {
        reason.pop();
    }
    reason
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::DuplexStream;
    use tokio::time::{Instant, timeout};
    use tokio_tungstenite::tungstenite::Message as Received;
    use tokio_tungstenite::{WebSocketStream, client_async};

    use super::*;
    use crate::answers::tests::{get as ask, refusal};
    use crate::tape::tests::{publish_more, tape_with};

    type Client = WebSocketStream<DuplexStream>;

    /// A client of `uri` over a stream in memory that holds `room` bytes, so that time can be paused.
    async fn connect(tape: &Tape, uri: &str, room: usize) -> Client {
        let (ours, theirs) = tokio::io::duplex(room);
        let service = TowerToHyperService::new(routes(tape.clone()));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service).with_upgrades();
        tokio::spawn(connection);
        client_async(format!("ws://localhost{uri}"), ours).await.unwrap().0
    }

    async fn next(client: &mut Client) -> Option<Received> {
        timeout(Duration::from_secs(100), client.next()).await.expect("nothing for 100 s").map(Result::unwrap)
    }

    async fn text(client: &mut Client) -> String {
        match next(client).await {
            Some(Received::Text(text)) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    async fn opened(tape: &Tape, query: &str) -> (Client, String) {
        let mut client = connect(tape, &format!("/socket{query}"), 64 * 1024).await;
        let hello = text(&mut client).await;
        (client, hello)
    }

    #[tokio::test(start_paused = true)]
    async fn hello_comes_first_then_one_message_per_quote() {
        let tape = tape_with(10, 2);
        let (mut client, hello) = opened(&tape, "?after=k3f9.1&encoding=tick").await;
        assert_eq!(hello, r#"{"hello":{"epoch":"k3f9","oldest":1,"newest":2}}"#);
        assert_eq!(text(&mut client).await, "0000000002 0056.8600");
        publish_more(&tape, 2);
        assert!(text(&mut client).await.starts_with("0000000003"));
        assert!(text(&mut client).await.starts_with("0000000004"));
        let (mut client, _) = opened(&tape, "?after=0&encoding=binary").await;
        assert!(matches!(next(&mut client).await, Some(Received::Binary(bytes)) if bytes[..8] == 1u64.to_le_bytes()));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_pings() {
        let tape = tape_with(10, 1);
        let begun = Instant::now();
        let (mut client, _) = opened(&tape, "").await;
        for seconds in [15, 30] {
            assert!(matches!(next(&mut client).await, Some(Received::Ping(_))));
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn gaps_are_announced_and_reading_goes_on_from_the_oldest() {
        let tape = tape_with(3, 9); // holds 7, 8, 9
        for (cursor, reason, first) in [("k3f9.2", "evicted", 3), ("zzzz.2", "epoch", 1)] {
            let (mut client, _) = opened(&tape, &format!("?after={cursor}&encoding=tick")).await;
            let gap = text(&mut client).await;
            assert_eq!(gap, format!(r#"{{"gap":{{"reason":"{reason}","first":{first},"last":6}}}}"#));
            assert!(text(&mut client).await.starts_with("0000000007"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_told_what_it_missed() {
        let tape = tape_with(50, 0);
        let mut client = connect(&tape, "/socket?encoding=tick", 512).await;
        assert!(text(&mut client).await.contains("hello"));
        for _ in 0..40 {
            publish_more(&tape, 25);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (mut after, mut lost) = (0, 0);
        while after < 1000 {
            let text = text(&mut client).await;
            if let Ok(Note::Gap(gap)) = serde_json::from_str(&text) {
                assert_eq!(gap.first, after + 1);
                lost += gap.lost();
                after = gap.last;
            } else {
                assert_eq!(text[..10].parse(), Ok(after + 1));
                after += 1;
            }
        }
        assert!((1..1000).contains(&lost), "{lost}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_only_on_its_grid() {
        let tape = tape_with(3, 9);
        let (mut client, _) = opened(&tape, "?after=k3f9.2&delivery=newest&interval=1000&encoding=tick").await;
        let begun = Instant::now();
        assert!(text(&mut client).await.starts_with("0000000009"));
        publish_more(&tape, 5);
        assert!(text(&mut client).await.starts_with("0000000014"));
        assert_eq!(begun.elapsed().as_secs_f64().round(), 1.0);
    }

    #[tokio::test(start_paused = true)]
    async fn orders_are_acknowledged_and_bad_ones_do_not_end_the_socket() {
        let tape = tape_with(3, 1);
        let (mut client, _) = opened(&tape, "").await;
        let long = format!(r#"{{"order":{{"id":"{}"}}}}"#, "x".repeat(ORDER_BYTES_MAX));
        for (sent, part) in [
            (Received::text("hello?"), r#"{"error":"this is no order"#),
            (Received::text(r#"{"ack":{"id":"a"}}"#), "only {"),
            (Received::text(r#"{"order":{"id":"a","symbol":"PAPA","size":1}}"#), "allowed are ALFA"),
            (Received::text(long), "too long"),
            (Received::binary(vec![0; 8]), "a binary message"),
            (Received::text(r#"{"order":{"id":"a7","symbol":"ALFA","size":1}}"#), r#"{"ack":{"id":"a7"}}"#),
        ] {
            client.send(sent).await.unwrap();
            let reply = text(&mut client).await;
            assert!(reply.contains(part), "{reply}");
        }
        publish_more(&tape, 1);
        assert!(text(&mut client).await.contains("\"seq\":2"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_beyond_the_limit_ends_the_socket_with_the_reason() {
        let (mut client, _) = opened(&tape_with(3, 1), "").await;
        let (_, last) = tokio::join!(client.send(Received::text("x".repeat(MESSAGE_BYTES_MAX + 1))), async {});
        let () = last;
        match next(&mut client).await {
            Some(Received::Close(Some(frame))) => assert_eq!(u16::from(frame.code), close_code::POLICY),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn closing_the_tape_says_1001_even_to_a_client_that_does_not_read() {
        let tape = tape_with(3, 1);
        let (mut client, _) = opened(&tape, "").await;
        tape.close();
        match next(&mut client).await {
            Some(Received::Close(Some(frame))) => assert_eq!(u16::from(frame.code), close_code::AWAY),
            other => panic!("{other:?}"),
        }
        assert_eq!(next(&mut client).await, None);

        let tape = tape_with(500, 0);
        let mut deaf = connect(&tape, "/socket", 512).await;
        assert!(text(&mut deaf).await.contains("hello"));
        publish_more(&tape, 500);
        tokio::time::sleep(Duration::from_secs(1)).await;
        tape.close();
        tokio::time::sleep(CLOSE_WAIT * 2).await;
        let mut read = 0;
        while let Ok(Some(Ok(_))) = timeout(Duration::from_secs(1), deaf.next()).await {
            read += 1;
        }
        assert!(read < 10, "the server let go of the connection, but {read} quotes came on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_close_first() {
        let (mut client, _) = opened(&tape_with(3, 1), "").await;
        client.close(None).await.unwrap();
        assert!(matches!(next(&mut client).await, Some(Received::Close(_))));
        assert_eq!(next(&mut client).await, None);
    }

    #[tokio::test]
    async fn refusals_come_before_the_upgrade() {
        let router = routes(tape_with(3, 1));
        for (uri, part) in [
            ("/socket", "WebSocket upgrades"),
            ("/socket?after=k3f9.2", "up to k3f9.1"),
            ("/socket?delivery=newest", "needs `interval`"),
            ("/socket?encodin=tick", "did you mean `encoding`?"),
        ] {
            let (status, sentence) = refusal(&ask(&router, uri).await);
            assert!(status == 400 && sentence.contains(part), "{uri}: {status} {sentence}");
        }
        let request = Request::get("/socket?after=nonsense");
        let request = request.header("connection", "upgrade").header("upgrade", "websocket");
        let response = crate::answers::tests::ask(&router, request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 400);
    }
}
