//! How long a client may take to send a request head.
//!
//! hyper can do this, with a timer that is made, armed and dropped for each request: 0.6 of the 8 µs that a poll costs.
//! Here a connection notes when its client's turn began, in coarse ticks, and one task looks at all of them four times
//! per timeout. A client gets its full time, and at most a quarter more.

use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::sleep;

use super::accept::Serving;
use crate::wire_meter::Turn;

/// Ticks in a timeout.
const TICKS: u32 = 4;
/// The shortest tick: tokio's timer has no finer one.
const TICK_LEAST: Duration = Duration::from_millis(1);

/// Ends connections whose client takes too long, as long as the server lives.
pub(super) async fn watch(serving: Weak<Serving>, header_timeout: Duration) {
    let tick = (header_timeout / TICKS).max(TICK_LEAST);
    loop {
        sleep(tick).await;
        let Some(serving) = serving.upgrade() else { return };
        // What a delay adds now. Whole ticks: a client may get a little more than its time, never less.
        let more = serving.delays.as_ref().map_or(0, |delays| ticks_in(delays.of_next_head(), tick));
        let mut next = Some(0);
        // In pieces, so that ten thousand connections do not hold up the quotes of one turn.
        while let Some(from) = next {
            next = serving.meter.expire_turns(from, TICKS + more);
            tokio::task::yield_now().await;
        }
        serving.meter.advance_tick();
    }
}

fn ticks_in(time: Duration, tick: Duration) -> u32 {
    u32::try_from(time.as_nanos().div_ceil(tick.as_nanos())).unwrap_or(u32::MAX - TICKS)
}

/// The body of an answer. When it has been sent it is the client's turn again.
pub(super) struct AnswerBody {
    body: Body,
    turn: Turn,
}

impl AnswerBody {
    pub(super) fn new(body: Body, turn: Turn) -> Self {
        Self { body, turn }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.turn.of_client();
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
