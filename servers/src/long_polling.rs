//! Long polling: the client asks, the server holds the request until there is a quote or the wait is over
//! (RFC 6202 §2). Without `wait`, or with a `wait` of 0, it is a poll, answered by polling's own code.

use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use tokio::time::{Instant, timeout_at};
use wirerace_contract::spec::Delivery;

use crate::answers::{Answer, Refusal, only_get, quotes, settled};
use crate::polling::{at_once, begin};
use crate::query::Query;
use crate::tape::Tape;
use crate::wire_meter::ConnectionMeter;

/// `GET /quotes` with `wait`.
pub fn routes(tape: Tape) -> Router {
    Router::new().route("/quotes", get(held).fallback(only_get)).with_state(tape)
}

async fn held(State(tape): State<Tape>, method: Method, meter: ConnectionMeter, RawQuery(raw): RawQuery) -> Response {
    let arrived = Instant::now();
    let query = Query::parse(raw.as_deref(), &["after", "wait", "delivery", "interval", "encoding"]);
    let answer = match query {
        Ok(query) => match query.wait {
            // Nobody asks for the head (RFC 9110 §9.3.2) in order to learn of a quote.
            Some(wait) if !wait.is_zero() && method != Method::HEAD => answer(&tape, &query, arrived, wait).await,
            _ => at_once(&tape, &query),
        },
        Err(bad) => Err(bad.into()),
    };
    settled(answer).send(&meter)
}

async fn answer(tape: &Tape, query: &Query, arrived: Instant, wait: Duration) -> Result<Answer, Refusal> {
    let after = begin(tape, query)?;
    let deadline = arrived + wait;
    if let (Delivery::Newest, Some(interval)) = (query.delivery, query.interval) {
        // A conflated answer keeps its distance from the one before, whose client asked as soon as it had it.
        let mut ticks = tape.ticks(interval.min(wait), interval);
        tokio::select! {
            () = ticks.tick() => {}
            () = tape.closed() => {}
        }
    }
    // Whether a quote came, the wait is over or the server stops: the answer is what there is now.
    let _came = timeout_at(deadline, tape.newer_than(after)).await;
    quotes(tape, after, query.delivery, query.encoding)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use tokio::time::sleep;

    use super::*;
    use crate::answers::tests::{get as ask, refusal, seqs_and_next};
    use crate::tape::tests::{publish_more, tape_with};

    /// Asks `uri` while `script` runs; the answer and the seconds it took.
    async fn asked(tape: &Tape, uri: &str, script: impl Future<Output = ()>) -> ((Vec<u64>, String), f64) {
        let router = routes(tape.clone());
        let begun = Instant::now();
        let answer = async { (ask(&router, uri).await, begun.elapsed().as_secs_f64()) };
        let ((response, took_s), ()) = tokio::join!(answer, script);
        (seqs_and_next(&response), (took_s * 100.0).round() / 100.0)
    }

    #[tokio::test(start_paused = true)]
    async fn held_until_there_is_a_quote() {
        let tape = tape_with(10, 1);
        let later = async {
            sleep(Duration::from_secs(7)).await;
            publish_more(&tape, 1);
        };
        let answer = asked(&tape, "/quotes?after=k3f9.1&wait=20", later).await;
        assert_eq!(answer, ((vec![2], "k3f9.2".into()), 7.0));
        let later = async {
            sleep(Duration::from_secs(1)).await;
            publish_more(&tape, 1);
        };
        assert_eq!(asked(&tape, "/quotes?wait=20", later).await, ((vec![3], "k3f9.3".into()), 1.0));
    }

    #[tokio::test(start_paused = true)]
    async fn answered_at_once_when_there_is_something_or_no_wait() {
        let tape = tape_with(10, 2);
        assert_eq!(asked(&tape, "/quotes?after=0&wait=20", async {}).await, ((vec![1, 2], "k3f9.2".into()), 0.0));
        assert_eq!(asked(&tape, "/quotes", async {}).await, ((vec![], "k3f9.2".into()), 0.0));
        assert_eq!(asked(&tape, "/quotes?wait=0", async {}).await, ((vec![], "k3f9.2".into()), 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn asked_for_its_head_it_is_not_held() {
        let router = routes(tape_with(10, 2));
        let begun = Instant::now();
        let head = Request::head("/quotes?wait=20").body(axum::body::Body::empty()).unwrap();
        let response = crate::answers::tests::ask(&router, head).await;
        assert_eq!((response.status().as_u16(), response.body().len()), (200, 0));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn empty_when_the_wait_is_over() {
        let tape = tape_with(10, 2);
        assert_eq!(asked(&tape, "/quotes?wait=20", async {}).await, ((vec![], "k3f9.2".into()), 20.0));
        assert_eq!(asked(&tape, "/quotes?wait", async {}).await.1, 30.0, "the default");
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_keeps_its_distance() {
        let tape = tape_with(10, 5);
        let uri = "/quotes?after=k3f9.1&wait=20&delivery=newest&interval=2000";
        let during = async {
            sleep(Duration::from_secs(1)).await;
            publish_more(&tape, 1);
        };
        assert_eq!(asked(&tape, uri, during).await, ((vec![6], "k3f9.6".into()), 2.0), "held for the interval");
        let uri = "/quotes?after=k3f9.6&wait=20&delivery=newest&interval=2000";
        let after = async {
            sleep(Duration::from_secs(5)).await;
            publish_more(&tape, 2);
        };
        assert_eq!(asked(&tape, uri, after).await.1, 5.0, "then as soon as there is one");
        let uri = "/quotes?after=k3f9.1&wait=1&delivery=newest&interval=2000";
        assert_eq!(asked(&tape, uri, async {}).await.1, 1.0, "never longer than the wait");
        publish_more(&tape, 1);
        for poll in ["&wait=0", ""] {
            let uri = format!("/quotes?after=k3f9.8&delivery=newest&interval=2000{poll}");
            assert_eq!(asked(&tape, &uri, async {}).await, ((vec![], "k3f9.8".into()), 0.0), "8 is 1 s old");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn closing_answers_held_polls_with_an_empty_list() {
        let tape = tape_with(10, 2);
        for uri in ["/quotes?wait=20", "/quotes?wait=20&delivery=newest&interval=15000"] {
            let tape = tape.clone().with_heartbeat(Duration::from_secs(1));
            let closing = async {
                sleep(Duration::from_secs(3)).await;
                tape.close();
            };
            let (answer, took_s) = asked(&tape, uri, closing).await;
            assert_eq!(answer, (vec![], "k3f9.2".into()));
            assert!(took_s <= 3.0, "{uri}: {took_s}");
        }
    }

    #[tokio::test]
    async fn too_long_a_wait_is_told_the_maximum() {
        let (status, sentence) = refusal(&ask(&routes(tape_with(3, 0)), "/quotes?wait=121").await);
        assert!(status == 400 && sentence.contains("maximum of 120"), "{sentence}");
    }
}
