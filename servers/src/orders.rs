//! Upstream: a client sends an order and gets an acknowledgement that carries the order's id. Nothing is
//! traded; what is measured is the way up.

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::messages::{Ack, Order};
use wirerace_contract::quote::SYMBOLS;

use crate::answers::{Answer, Refusal, bad_request, only_post, settled};
use crate::query::Query;
use crate::tape::Tape;
use crate::wire_meter::ConnectionMeter;

/// Largest body of an order, bytes.
pub const ORDER_BYTES_MAX: usize = 1024;
/// Longest id of an order, characters.
pub const ID_CHARACTERS_MAX: usize = 64;

/// `POST /orders`.
pub fn routes(tape: Tape) -> Router {
    Router::new().route("/orders", post(order).fallback(only_post)).with_state(tape)
}

async fn order(State(tape): State<Tape>, meter: ConnectionMeter, RawQuery(raw): RawQuery, body: Body) -> Response {
    let answer = match Query::parse(raw.as_deref(), &[]) {
        Ok(_) => taken(&tape, &meter, body).await,
        Err(bad) => Err(bad.into()),
    };
    settled(answer).send(&meter)
}

async fn taken(tape: &Tape, meter: &ConnectionMeter, body: Body) -> Result<Answer, Refusal> {
    let bytes = match Limited::new(body, ORDER_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(e) if e.is::<LengthLimitError>() => {
            let sentence = format!("the order is too long: allowed are {ORDER_BYTES_MAX} bytes");
            return Err(Answer::error(StatusCode::PAYLOAD_TOO_LARGE, sentence).into());
        }
        Err(e) => return Err(bad_request(format!("the order did not arrive whole: {e}"))),
    };
    meter.received(bytes.len());
    let order = serde_json::from_slice(&bytes).map_err(|e| bad_request(no_order(&e)))?;
    let ack = acknowledge(&order, tape.spec()).map_err(bad_request)?;
    Ok(Answer::json(StatusCode::OK, &ack))
}

/// The sentence for a text that is no order.
pub(crate) fn no_order(error: &serde_json::Error) -> String {
    format!(r#"this is no order ({error}): allowed is JSON like {{"id":"a1","symbol":"ALFA","size":100}}"#)
}

/// The acknowledgement of `order`, or the sentence that says what is wrong with it.
pub(crate) fn acknowledge(order: &Order, feed: &FeedSpec) -> Result<Ack, String> {
    let symbols = &SYMBOLS[..usize::from(feed.symbols).min(SYMBOLS.len())];
    if !(1..=ID_CHARACTERS_MAX).contains(&order.id.chars().count()) {
        return Err(format!("the order's id must have 1 to {ID_CHARACTERS_MAX} characters"));
    }
    if !symbols.contains(&order.symbol.as_str()) {
        return Err(format!("`{}` is no symbol of this feed: allowed are {}", order.symbol, symbols.join(", ")));
    }
    if order.size == 0 {
        return Err("an order of size 0: allowed is at least 1".to_owned());
    }
    Ok(Ack { id: order.id.clone() })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;
    use crate::answers::tests::{ask, get, refusal};
    use crate::tape::tests::tape_with;

    async fn send(body: impl Into<Body>) -> Response<Vec<u8>> {
        ask(&routes(tape_with(3, 0)), Request::post("/orders").body(body.into()).unwrap()).await
    }

    #[tokio::test]
    async fn an_order_is_acknowledged_with_its_id() {
        let response = send(r#"{"id":"a1","symbol":"DLTA","size":100}"#).await;
        assert_eq!((response.status().as_u16(), response.body().as_slice()), (200, br#"{"id":"a1"}"#.as_slice()));
    }

    #[tokio::test]
    async fn refusals_say_what_is_allowed() {
        let long_id = format!(r#"{{"id":"{}","symbol":"ALFA","size":1}}"#, "x".repeat(65));
        for (body, part) in [
            ("", "like {\"id\""),
            (r#"{"id":"a","symbol":"ALFA"}"#, "size"),
            (r#"{"id":"a","symbol":"ALFA","size":1,"side":"buy"}"#, "side"),
            (r#"{"id":"a","symbol":"ECHO","size":1}"#, "allowed are ALFA, BRVO, CHRL, DLTA"),
            (r#"{"id":"a","symbol":"ALFA","size":0}"#, "at least 1"),
            (r#"{"id":"","symbol":"ALFA","size":1}"#, "1 to 64 characters"),
            (long_id.as_str(), "1 to 64 characters"),
        ] {
            let (status, sentence) = refusal(&send(body.to_owned()).await);
            assert!(status == 400 && sentence.contains(part), "{body}: {status} {sentence}");
        }
    }

    #[tokio::test]
    async fn a_long_body_is_not_read_to_its_end() {
        assert_eq!(send(" ".repeat(ORDER_BYTES_MAX)).await.status(), 400);
        let (status, sentence) = refusal(&send(" ".repeat(ORDER_BYTES_MAX + 1)).await);
        assert!(status == 413 && sentence.contains("1024 bytes"), "{sentence}");
        assert_eq!(refusal(&get(&routes(tape_with(3, 0)), "/orders").await).0, 405);
    }
}
