//! Polling: the client asks at instants of its own, the server answers at once with what there is.
//!
//! `GET /quotes?after=CURSOR` gives what came since; `GET /quotes/latest` gives the newest quote only and says
//! 304 as long as it has not changed (RFC 9110 §13.1.2), which costs a head and no body.
//!
//! `delivery=newest&interval=MS` keeps a client that asks more often than that from getting more: it gets nothing as
//! long as the quote it names is younger than the interval.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;

use crate::answers::{Answer, Refusal, check_encoding, gone, no_quotes, only_get, quotes, settled};
use crate::query::Query;
use crate::tape::Tape;
use crate::wire_meter::ConnectionMeter;

/// `GET /quotes` and `GET /quotes/latest`.
pub fn routes(tape: Tape) -> Router {
    Router::new()
        .route("/quotes", get(since).fallback(only_get))
        .route("/quotes/latest", get(latest).fallback(only_get))
        .with_state(tape)
}

async fn since(State(tape): State<Tape>, meter: ConnectionMeter, RawQuery(raw): RawQuery) -> Response {
    let query = Query::parse(raw.as_deref(), &["after", "delivery", "interval", "encoding"]);
    settled(query.map_err(Refusal::from).and_then(|query| at_once(&tape, &query))).send(&meter)
}

/// What a poll that is not held is answered. Long polling uses it for requests without `wait`, so that both are
/// the same code.
pub(crate) fn at_once(tape: &Tape, query: &Query) -> Result<Answer, Refusal> {
    let after = begin(tape, query)?;
    // When the client got that quote nobody noted; not before it was published, so that what comes sooner after that
    // is certainly too soon. A client that names no quote, or one long gone, has not had one lately.
    let is_too_soon = query.interval.zip(tape.age(after)).is_some_and(|(interval, age)| age < interval);
    if is_too_soon {
        Ok(no_quotes(tape, after, query.encoding))
    } else {
        quotes(tape, after, query.delivery, query.encoding)
    }
}

/// The place that a poll begins at, or the answer that there is a gap before it.
pub(crate) fn begin(tape: &Tape, query: &Query) -> Result<u64, Refusal> {
    check_encoding(tape, query.encoding)?;
    let start = tape.resolve(query.after)?;
    match start.gap_for(query.delivery) {
        Some(gap) => Err(gone(tape, gap).into()),
        None => Ok(start.after),
    }
}

async fn latest(
    State(tape): State<Tape>,
    meter: ConnectionMeter,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    settled(newest(&tape, raw.as_deref(), &headers)).send(&meter)
}

fn newest(tape: &Tape, raw: Option<&str>, headers: &HeaderMap) -> Result<Answer, Refusal> {
    let encoding = Query::parse(raw, &["encoding"])?.encoding;
    check_encoding(tape, encoding)?;
    let Some((seq, payload)) = tape.read_newest(0, encoding) else {
        return Ok(Answer::empty(StatusCode::NO_CONTENT));
    };
    let tag = format!("\"{}\"", tape.cursor(seq));
    let answer =
        if has_it(headers, &tag) { Answer::empty(StatusCode::NOT_MODIFIED) } else { Answer::quote(&payload, encoding) };
    Ok(match HeaderValue::try_from(tag) {
        Ok(tag) => answer.with_header(header::ETAG, tag),
        Err(_) => answer, // a cursor is printable ASCII
    })
}

/// Whether `If-None-Match` names `tag`: a list, compared weakly, or a star (RFC 9110 §13.1.2).
fn has_it(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|one| one.trim())
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::Request;
    use wirerace_contract::messages::{GapAnswer, GapReason};

    use super::*;
    use crate::answers::tests::{ask, get, refusal, seqs_and_next};
    use crate::tape::tests::{publish_more, tape_with};

    #[tokio::test]
    async fn what_came_since_then_nothing_then_the_next() {
        let tape = tape_with(10, 2);
        let router = routes(tape.clone());
        assert_eq!(seqs_and_next(&get(&router, "/quotes").await), (vec![], "k3f9.2".into()), "from now on");
        assert_eq!(seqs_and_next(&get(&router, "/quotes?after=0").await), (vec![1, 2], "k3f9.2".into()));
        assert_eq!(seqs_and_next(&get(&router, "/quotes?after=k3f9.2").await), (vec![], "k3f9.2".into()));
        publish_more(&tape, 1);
        assert_eq!(seqs_and_next(&get(&router, "/quotes?after=k3f9.2").await), (vec![3], "k3f9.3".into()));
    }

    #[tokio::test]
    async fn the_body_is_the_contracts_to_the_byte() {
        let router = routes(tape_with(10, 2));
        let response = get(&router, "/quotes?after=k3f9.1&encoding=tick").await;
        let body = String::from_utf8(response.body().clone()).unwrap();
        assert_eq!(body, r#"{"epoch":"k3f9","quotes":["0000000002 0056.8600"],"next":"k3f9.2"}"#);
        let binary = get(&router, "/quotes?after=0&encoding=binary").await;
        assert_eq!(binary.body().len(), 48);
        assert_eq!(binary.headers()["quotes-next"], "k3f9.2");
        assert_eq!(binary.headers()["content-type"], "application/octet-stream");
    }

    #[tokio::test]
    async fn newest_gives_one_quote_and_no_gap() {
        let router = routes(tape_with(3, 9));
        let newest = get(&router, "/quotes?after=k3f9.1&delivery=newest").await;
        assert_eq!(seqs_and_next(&newest), (vec![9], "k3f9.9".into()));
        let again = get(&router, "/quotes?after=k3f9.9&delivery=newest&interval=250").await;
        assert_eq!(seqs_and_next(&again), (vec![], "k3f9.9".into()));
        assert_eq!(get(&router, "/quotes?after=zzzz.1&delivery=newest").await.status(), 410);
    }

    #[tokio::test(start_paused = true)]
    async fn newest_with_an_interval_gives_nothing_until_the_quote_before_is_as_old() {
        let tape = tape_with(3, 8);
        tokio::time::advance(Duration::from_millis(100)).await;
        publish_more(&tape, 1); // holds 7, 8, 9
        let router = routes(tape);
        let ask_after = async |cursor: &str| {
            let answer = get(&router, &format!("/quotes?after={cursor}&delivery=newest&interval=250")).await;
            seqs_and_next(&answer)
        };
        let nothing = (vec![], "k3f9.8".to_owned());
        let newest = (vec![9], "k3f9.9".to_owned());
        assert_eq!(ask_after("k3f9.8").await, nothing, "100 ms old");
        assert_eq!(ask_after("0").await, newest, "the first of a client");
        assert_eq!(ask_after("k3f9.2").await, newest, "fallen off");
        tokio::time::advance(Duration::from_millis(149)).await;
        assert_eq!(ask_after("k3f9.8").await, nothing, "249 ms old");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(ask_after("k3f9.8").await, newest, "250 ms old");
    }

    #[tokio::test]
    async fn gaps_are_announced_with_where_to_go_on() {
        let router = routes(tape_with(3, 9)); // holds 7, 8, 9
        for (uri, reason, first) in
            [("/quotes?after=k3f9.2", GapReason::Evicted, 3), ("/quotes?after=zzzz.2", GapReason::Epoch, 1)]
        {
            let response = get(&router, uri).await;
            assert_eq!(response.status(), 410, "{uri}");
            let answer: GapAnswer = serde_json::from_slice(response.body()).unwrap();
            assert_eq!((answer.gap.reason, answer.gap.first, answer.gap.last), (reason, first, 6), "{uri}");
            assert_eq!((answer.oldest, answer.epoch.as_str()), (7, "k3f9"));
            let on = get(&router, &format!("/quotes?after={}", answer.next)).await;
            assert_eq!(seqs_and_next(&on).0, [7, 8, 9]);
        }
    }

    #[tokio::test]
    async fn bad_requests_are_told_what_is_allowed() {
        let mut tape = tape_with(3, 1);
        let router = routes(tape.clone());
        for (uri, part) in [
            ("/quotes?after=k3f9.2", "up to k3f9.1"),
            ("/quotes?wait=1", "Allowed are after, delivery, interval, encoding"),
            ("/quotes/latest?after=0", "Allowed are encoding"),
            ("/quotes?encoding=bin", "json, binary, tick"),
        ] {
            let (status, sentence) = refusal(&get(&router, uri).await);
            assert!(status == 400 && sentence.contains(part), "{uri}: {status} {sentence}");
        }
        let (status, sentence) = refusal(&ask(&router, Request::post("/quotes").body(Body::empty()).unwrap()).await);
        assert!(status == 405 && sentence.contains("allowed is GET"), "{sentence}");
        let spec = wirerace_contract::feed::FeedSpec { payload_bytes: 100, ..Default::default() };
        tape = Tape::new("k3f9".parse().unwrap(), spec, 3);
        let (status, sentence) = refusal(&get(&routes(tape), "/quotes").await);
        assert!(status == 400 && sentence.contains("json needs at least 120"), "{sentence}");
    }

    #[tokio::test]
    async fn the_latest_with_its_tag() {
        let tape = tape_with(3, 0);
        let router = routes(tape.clone());
        assert_eq!(get(&router, "/quotes/latest").await.status(), 204);
        publish_more(&tape, 2);
        let response = get(&router, "/quotes/latest").await;
        assert_eq!((response.status().as_u16(), response.body().len()), (200, 120));
        assert_eq!(response.headers()["etag"], "\"k3f9.2\"");
        let with = |tag: &'static str| Request::get("/quotes/latest").header("if-none-match", tag).body(Body::empty());
        for (tag, status) in [
            ("\"k3f9.2\"", 304),
            ("\"k3f9.1\", W/\"k3f9.2\"", 304),
            ("*", 304),
            ("\"k3f9.1\"", 200),
            ("\"zzzz.2\"", 200),
        ] {
            let response = ask(&router, with(tag).unwrap()).await;
            assert_eq!(response.status(), status, "{tag}");
            assert_eq!(response.headers()["etag"], "\"k3f9.2\"");
            assert_eq!(response.body().is_empty(), status == 304);
        }
    }
}
