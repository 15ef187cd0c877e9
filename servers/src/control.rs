//! The control port: starts and stops the feed, reads the meters, ends the server. It has a listener of its own,
//! so that nothing it does is counted.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::Notify;
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::meter::ControlSnapshot;
use wirerace_contract::spec::Delay;

use crate::answers::{Answer, Refusal, bad_request, only_get, only_post, settled};
use crate::delayed_stream::Delays;
use crate::feed::{Feed, FeedStatus, StartError};
use crate::process_usage::process_usage;
use crate::query::{BadQuery, number, pairs};
use crate::wire_meter::{ConnectionMeter, Meter};

/// What the control port works on.
#[derive(Clone)]
pub struct Controls {
    /// Read by `GET /meter`.
    pub meter: Meter,
    /// Started, stopped and told of by `/feed`.
    pub feed: Arc<Feed>,
    /// Notified by `POST /shutdown`; a notice that nobody waits for yet is kept.
    pub shutdown: Arc<Notify>,
    /// Told and changed by `/delay`; `None` where connections have no delay.
    pub delays: Option<Delays>,
}

/// `GET /meter`, `GET /counts` (the same without the kernel's counts, at no cost per connection), `GET /feed`,
/// `POST /feed/start?at_ns=N` (left out: now), `POST /feed/stop?after_seq=N` (left out: at once), `GET /delay`,
/// `POST /delay?one_way_us=N`, `POST /shutdown`.
pub fn routes(controls: Controls) -> Router {
    Router::new()
        .route("/meter", get(meter).fallback(only_get))
        .route("/counts", get(counts).fallback(only_get))
        .route("/feed", get(feed).fallback(only_get))
        .route("/feed/start", post(start).fallback(only_post))
        .route("/feed/stop", post(stop).fallback(only_post))
        .route("/delay", get(delay).post(set_delay).fallback(get_or_post))
        .route("/shutdown", post(shutdown).fallback(only_post))
        .fallback(not_found)
        .with_state(controls)
}

async fn meter(State(controls): State<Controls>) -> Json<ControlSnapshot> {
    Json(ControlSnapshot { taken_ns: monotonic_ns(), meter: controls.meter.snapshot(), process: process_usage() })
}

async fn counts(State(controls): State<Controls>) -> Json<ControlSnapshot> {
    Json(ControlSnapshot { taken_ns: monotonic_ns(), meter: controls.meter.counts(), process: process_usage() })
}

async fn feed(State(controls): State<Controls>) -> Json<FeedStatus> {
    Json(controls.feed.status())
}

async fn start(State(controls): State<Controls>, RawQuery(raw): RawQuery) -> Response {
    let answer = one_number(raw.as_deref(), "at_ns").map_err(Refusal::from).and_then(|at_ns| {
        let conflict = |e: StartError| Answer::error(StatusCode::CONFLICT, e.to_string()).into();
        controls.feed.start_at(at_ns.unwrap_or_else(monotonic_ns)).map_err(conflict)
    });
    told(answer, &controls)
}

async fn stop(State(controls): State<Controls>, RawQuery(raw): RawQuery) -> Response {
    let answer = one_number(raw.as_deref(), "after_seq").map_err(Refusal::from);
    told(answer.map(|after_seq| controls.feed.stop_after(after_seq.unwrap_or(0))), &controls)
}

/// The feed's state after a change, or why there was none.
fn told(changed: Result<(), Refusal>, controls: &Controls) -> Response {
    let answer = changed.map(|()| Answer::json(StatusCode::OK, &controls.feed.status()));
    settled(answer).send(&ConnectionMeter::detached())
}

async fn delay(State(controls): State<Controls>) -> Response {
    told_delay(delays(&controls).map(Delays::get))
}

async fn set_delay(State(controls): State<Controls>, RawQuery(raw): RawQuery) -> Response {
    told_delay(one_number(raw.as_deref(), "one_way_us").map_err(Refusal::from).and_then(|us| {
        let one_way_delay_us = us.ok_or_else(|| bad_request("say which delay: POST /delay?one_way_us=N"))?;
        let delays = delays(&controls)?;
        delays.set(Delay { one_way_delay_us }).map_err(|error| bad_request(error.to_string()))?;
        Ok(delays.get())
    }))
}

fn delays(controls: &Controls) -> Result<&Delays, Refusal> {
    let sentence = "connections of this server have no delay: start it with one, which may be 0 (serve --delay-ms 0)";
    controls.delays.as_ref().ok_or_else(|| Answer::error(StatusCode::CONFLICT, sentence).into())
}

fn told_delay(delay: Result<Delay, Refusal>) -> Response {
    settled(delay.map(|delay| Answer::json(StatusCode::OK, &delay))).send(&ConnectionMeter::detached())
}

async fn get_or_post() -> Response {
    Answer::error(StatusCode::METHOD_NOT_ALLOWED, "allowed are GET and POST").send(&ConnectionMeter::detached())
}

async fn shutdown(State(controls): State<Controls>) -> Json<serde_json::Value> {
    controls.shutdown.notify_one();
    Json(json!({ "stopping": true }))
}

async fn not_found(uri: Uri) -> Response {
    let sentence = format!(
        "there is nothing at {} on the control port: the routes are GET /meter, GET /counts, GET /feed, POST /feed/start?at_ns=N, \
         POST /feed/stop?after_seq=N, GET /delay, POST /delay?one_way_us=N, POST /shutdown",
        uri.path()
    );
    Answer::error(StatusCode::NOT_FOUND, sentence).send(&ConnectionMeter::detached())
}

fn one_number(raw: Option<&str>, name: &str) -> Result<Option<u64>, BadQuery> {
    let Some((_, text)) = pairs(raw, &[name])?.pop() else { return Ok(None) };
    match number(&text) {
        Some(number) => Ok(Some(number)),
        None => Err(BadQuery(format!("`{name}={text}`: allowed is a whole number"))),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;

    use super::*;
    use crate::answers::tests::{ask, get, refusal};
    use crate::feed::FeedOptions;
    use crate::tape::Tape;
    use crate::tape::tests::tape_with;

    fn controls(tape: &Tape) -> Controls {
        let feed = Arc::new(Feed::spawn(tape.clone(), FeedOptions::default()).unwrap());
        Controls { meter: Meter::new(true), feed, shutdown: Arc::default(), delays: None }
    }

    async fn post(router: &Router, uri: &str) -> Response<Vec<u8>> {
        ask(router, Request::post(uri).body(Body::empty()).unwrap()).await
    }

    fn status(response: &Response<Vec<u8>>) -> FeedStatus {
        assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
        serde_json::from_slice(response.body()).unwrap()
    }

    #[tokio::test]
    async fn starts_and_stops_the_feed() {
        let tape = tape_with(10, 0);
        let router = routes(controls(&tape));
        assert_eq!(status(&get(&router, "/feed").await).start_ns, None);
        let far_ns = monotonic_ns() + 1_000_000_000_000;
        assert_eq!(status(&post(&router, &format!("/feed/start?at_ns={far_ns}")).await).start_ns, Some(far_ns));
        assert_eq!(tape.start_ns(), Some(far_ns));
        let (code, sentence) = refusal(&post(&router, "/feed/start").await);
        assert!(code == 409 && sentence.contains(&far_ns.to_string()), "{sentence}");
        assert_eq!(status(&post(&router, "/feed/stop?after_seq=7").await).published, 0);
    }

    #[tokio::test]
    async fn the_meter_is_read_with_the_process() {
        let before_ns = monotonic_ns();
        let response = get(&routes(controls(&tape_with(10, 0))), "/meter").await;
        let snapshot: ControlSnapshot = serde_json::from_slice(response.body()).unwrap();
        assert!((before_ns..=monotonic_ns()).contains(&snapshot.taken_ns));
    }

    #[tokio::test]
    async fn a_shutdown_is_not_missed_by_whoever_waits_later() {
        let controls = controls(&tape_with(10, 0));
        assert_eq!(post(&routes(controls.clone()), "/shutdown").await.status(), 200);
        tokio::time::timeout(std::time::Duration::from_secs(60), controls.shutdown.notified()).await.unwrap();
    }

    #[tokio::test]
    async fn refusals_say_what_is_allowed() {
        let router = routes(controls(&tape_with(10, 0)));
        for (uri, code, part) in [
            ("/feed/start?at_ns=soon", 400, "whole number"),
            ("/feed/start?at=1", 400, "Allowed are at_ns"),
            ("/feed/pause", 404, "POST /shutdown"),
            ("/meter", 405, "allowed is GET"),
        ] {
            let (status, sentence) = refusal(&post(&router, uri).await);
            assert!(status == code && sentence.contains(part), "{uri}: {status} {sentence}");
        }
    }

    #[tokio::test]
    async fn a_delay_is_told_and_changed_where_there_is_one() {
        let controls = controls(&tape_with(10, 0));
        let without = routes(controls.clone());
        for response in [get(&without, "/delay").await, post(&without, "/delay?one_way_us=5").await] {
            let (code, sentence) = refusal(&response);
            assert!(code == 409 && sentence.contains("--delay-ms 0"), "{sentence}");
        }
        let delays = Delays::new(Delay { one_way_delay_us: 0 }).unwrap();
        let router = routes(Controls { delays: Some(delays.clone()), ..controls });
        let changed = post(&router, "/delay?one_way_us=15000").await;
        assert_eq!(changed.body(), br#"{"one_way_delay_us":15000}"#);
        assert_eq!(get(&router, "/delay").await.body(), changed.body());
        for (uri, part) in [
            ("/delay", "one_way_us=N"),
            ("/delay?one_way_us=60000001", "0 to 60000000"),
            ("/delay?one_way_us=-1", "whole number"),
        ] {
            let (code, sentence) = refusal(&post(&router, uri).await);
            assert!(code == 400 && sentence.contains(part), "{uri}: {sentence}");
        }
        assert_eq!(delays.get(), Delay { one_way_delay_us: 15_000 });
    }
}
