//! The server side of wirerace: one simulated quote stream, and one small server per transport that sends it.
//!
//! Read it in this order; each file is one idea:
//!
//! 1. [`feed`]: a thread that publishes each quote when the plan says it is due.
//! 2. [`tape`]: the last N quotes, encoded once, read by cursor, and a way to wait for the next.
//! 3. The transports, which all look the same from outside (`routes(Tape) -> Router`) and differ only in who decides
//!    when a quote travels: [`polling`] (the client, at instants of its own), [`long_polling`] (the client asks, the
//!    server holds the request), [`sse`] and [`websocket`] (the server, through a [`reader::Reader`]).
//! 4. Beside them: [`orders`] (the way up), [`health`], [`query`] (what may be asked), and what is refused and how.
//! 5. [`wire_meter`]: counts on the accepted socket, below the HTTP library, alike for all of them.
//! 6. [`listener`]: accepts connections and drives HTTP on them, through [`delayed_stream`] where a distance is played;
//!    [`control`]: the port that the harness speaks to.
//! 7. [`serve`]: all of it put together.
//!
//! No transport knows another, except that a long poll without `wait` is a poll; none knows who measures it.

use axum::Router;

pub use crate::assembly::{Running, ServeError, ServeOptions, serve};

mod alarms;
mod answers;
mod assembly;
pub mod control;
pub mod delayed_stream;
pub mod feed;
pub mod health;
mod heartbeat;
mod kernel_timer;
pub mod listener;
pub mod long_polling;
pub mod orders;
pub mod polling;
mod precise_sleep;
pub mod process_usage;
pub mod query;
pub mod reader;
pub mod sockets;
pub mod sse;
pub mod tape;
pub mod tcp_info;
mod ticks;
mod wakes;
pub mod websocket;
pub mod wire_meter;

pub use crate::answers::{ANSWER_BYTES_MAX, ANSWER_QUOTES_MAX};

/// One router out of several: each stands before those that were named earlier, so that where two have the same path
/// the later one answers, and paths it does not have fall through. Whatever none has is answered 404 with the routes
/// that there are.
pub fn compose(routers: impl IntoIterator<Item = Router>) -> Router {
    let last_resort = Router::new().fallback(answers::not_found);
    routers.into_iter().fold(last_resort, |earlier, router| router.fallback_service(earlier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::tests::{get, refusal, seqs_and_next};
    use crate::tape::tests::tape_with;

    #[tokio::test]
    async fn later_routers_win_and_the_rest_falls_through() {
        let tape = tape_with(10, 2);
        let all =
            [polling::routes, long_polling::routes, sse::routes, websocket::routes, orders::routes, health::routes];
        let router = compose(all.map(|routes| routes(tape.clone())));
        assert_eq!(seqs_and_next(&get(&router, "/quotes?after=0&wait=5").await).0, [1, 2], "long polling's");
        assert_eq!(get(&router, "/quotes/latest").await.status(), 200, "polling's");
        assert_eq!(get(&router, "/health").await.status(), 200);
        let (status, sentence) = refusal(&get(&router, "/quote").await);
        assert!(status == 404 && sentence.contains("/quote:") && sentence.contains("GET /events"), "{sentence}");
    }
}
