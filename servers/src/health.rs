//! `GET /health`: what a client must know to compute when each quote is due.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use wirerace_contract::messages::Health;

use crate::answers::{Answer, Refusal, only_get, settled};
use crate::query::Query;
use crate::tape::Tape;
use crate::wire_meter::ConnectionMeter;

/// `GET /health`.
pub fn routes(tape: Tape) -> Router {
    Router::new().route("/health", get(health).fallback(only_get)).with_state(tape)
}

async fn health(State(tape): State<Tape>, meter: ConnectionMeter, RawQuery(raw): RawQuery) -> Response {
    let asked = Query::parse(raw.as_deref(), &[]).map_err(Refusal::from);
    settled(asked.map(|_| Answer::json(StatusCode::OK, &of(&tape)))).send(&meter)
}

/// The health of a server that reads `tape`.
#[must_use]
pub fn of(tape: &Tape) -> Health {
    let hello = tape.hello();
    Health {
        software: concat!("wirerace ", env!("CARGO_PKG_VERSION")).to_owned(),
        epoch: hello.epoch,
        start_ns: tape.start_ns(),
        oldest: hello.oldest,
        newest: hello.newest,
        feed: tape.spec().clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::tests::{get, refusal};
    use crate::tape::tests::tape_with;

    #[tokio::test]
    async fn says_where_the_stream_stands() {
        let tape = tape_with(2, 3);
        let router = routes(tape.clone());
        let health = || async { serde_json::from_slice::<Health>(get(&router, "/health").await.body()).unwrap() };
        let before = health().await;
        assert_eq!((before.oldest, before.newest, before.start_ns), (2, 3, None));
        assert_eq!((before.epoch.as_str(), &before.feed), ("k3f9", tape.spec()));
        tape.set_start_ns(77);
        assert_eq!(health().await.start_ns, Some(77));
    }

    #[tokio::test]
    async fn takes_no_parameters() {
        let (status, sentence) = refusal(&get(&routes(tape_with(2, 3)), "/health?x=1").await);
        assert!(status == 400 && sentence.contains("it has none"), "{sentence}");
    }
}
