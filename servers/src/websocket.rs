//! WebSocket: one upgrade, then one message per quote (RFC 6455).
//!
//! Everything that is ready is fed to the library and flushed once, so a burst is one write; nothing waits in
//! order to be sent together. A client may ask for `flush=each` instead, a write per message, to see what that costs.
//! One task per socket, without a lock between its two directions.

mod session;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use wirerace_contract::messages::{Gap, Hello};
use wirerace_contract::spec::Flush;

use self::session::Session;
use crate::answers::{Refusal, bad_request, check_encoding, only_get};
use crate::query::Query;
use crate::reader::Reader;
use crate::tape::Tape;
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
    let accepted = prepare(tape, raw.as_deref()).and_then(|prepared| match upgrade {
        Ok(upgrade) => Ok((prepared, upgrade)),
        Err(rejection) => {
            let sentence = format!("this route answers WebSocket upgrades (RFC 6455 §4.1) only: {rejection}");
            Err(bad_request(sentence))
        }
    });
    match accepted {
        Ok((prepared, upgrade)) => upgrade
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(MESSAGE_BYTES_MAX)
            .max_frame_size(MESSAGE_BYTES_MAX)
            .on_upgrade(move |socket| {
                let (reader, opening) = *prepared;
                Session::new(socket, reader, meter).run(opening)
            }),
        Err(refusal) => refusal.send(&meter),
    }
}

/// What is said first.
struct Opening {
    hello: Hello,
    gap: Option<Gap>,
    /// Most quotes between two flushes.
    round: usize,
}

/// Boxed, because the library's task keeps room for it as long as the socket lives.
fn prepare(tape: Tape, raw: Option<&str>) -> Result<Box<(Reader, Box<Opening>)>, Refusal> {
    let query = Query::parse(raw, &["after", "delivery", "interval", "encoding", "flush"])?;
    let pace = query.pace()?;
    check_encoding(&tape, query.encoding)?;
    let start = tape.resolve(query.after)?;
    let round = match query.flush {
        Flush::Drain => ROUND_QUOTES_MAX,
        Flush::Each => 1,
    };
    let opening = Opening { hello: start.hello, gap: start.gap_for(query.delivery), round };
    Ok(Box::new((Reader::new(tape, &start, pace, query.encoding), Box::new(opening))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::extract::ws::close_code;
    use axum::http::Request;
    use futures_util::{SinkExt, StreamExt};
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::DuplexStream;
    use tokio::time::{Instant, timeout};
    use tokio_tungstenite::tungstenite::Message as Received;
    use tokio_tungstenite::{WebSocketStream, client_async};
    use wirerace_contract::messages::Note;

    use super::session::CLOSE_WAIT;
    use super::*;
    use crate::answers::tests::{get as ask, refusal};
    use crate::orders::ORDER_BYTES_MAX;
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

    /// More than all that the tests of turns send, so that no write has to wait.
    const ROOMY: usize = 1 << 20;

    /// Sends `orders` orders that come to the server together, and with them `quotes` quotes; whether each reply was an
    /// acknowledgement, in the order in which they came.
    async fn replies_to_both_at_once(orders: usize, quotes: usize) -> Vec<bool> {
        let tape = tape_with(quotes, 0);
        let mut client = connect(&tape, "/socket?encoding=tick", ROOMY).await;
        assert!(text(&mut client).await.contains("hello"));
        // The server has found nothing to do and sleeps.
        tokio::time::sleep(Duration::from_millis(1)).await;
        for id in 0..orders {
            let order = format!(r#"{{"order":{{"id":"{id}","symbol":"ALFA","size":1}}}}"#);
            client.feed(Received::text(order)).await.unwrap();
        }
        client.flush().await.unwrap();
        publish_more(&tape, quotes);
        let mut replies = Vec::new();
        for _ in 0..orders + quotes {
            replies.push(text(&mut client).await.contains("ack"));
        }
        replies
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_from_the_client_does_not_keep_quotes_waiting() {
        // Few enough that the runtime does not take turns by itself: it does after 128 reads and writes.
        let replies = replies_to_both_at_once(40, 1).await;
        let acks_before = replies.iter().position(|is_ack| !is_ack);
        assert!(acks_before.is_some_and(|acks| acks <= 1), "{acks_before:?} orders were answered first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_quotes_does_not_keep_the_client_waiting() {
        let replies = replies_to_both_at_once(1, 20 * ROUND_QUOTES_MAX).await;
        let quotes_before = replies.iter().position(|is_ack| *is_ack);
        assert!(quotes_before.is_some_and(|n| n <= ROUND_QUOTES_MAX), "{quotes_before:?} quotes went out first");
    }

    #[tokio::test(start_paused = true)]
    async fn behind_a_blocked_flush_waits_one_round_and_no_more() {
        let tape = tape_with(5 * ROUND_QUOTES_MAX, 0);
        let mut client = connect(&tape, "/socket?encoding=tick", 512).await;
        assert!(text(&mut client).await.contains("hello"));
        publish_more(&tape, 4 * ROUND_QUOTES_MAX); // one round does not fit 512 bytes
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            // Room for a few more quotes of the round; it must not be taken for room for another round.
            next(&mut client).await.unwrap();
        }
        publish_more(&tape, 10 * ROUND_QUOTES_MAX); // what the server has not taken yet falls off
        for _ in 10..ROUND_QUOTES_MAX {
            assert!(!text(&mut client).await.contains("gap"));
        }
        let gap = text(&mut client).await;
        let first = ROUND_QUOTES_MAX + 1;
        assert!(gap.starts_with(&format!(r#"{{"gap":{{"reason":"evicted","first":{first},"#)), "{gap}");
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
