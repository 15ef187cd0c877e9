//! When a stream has been silent for so long that a proxy might take it for dead.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that counts from the last byte sent. Sending only notes the time: the timer itself is moved when it
/// fires, not with every quote.
pub(crate) struct Heartbeat {
    distance: Duration,
    last: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Heartbeat {
    /// A timer that begins now.
    pub(crate) fn new(distance: Duration) -> Self {
        let last = Instant::now();
        Self { distance, last, timer: Box::pin(sleep_until(last + distance)) }
    }

    /// Something was sent that was there at `instant`, as a quote is from when it was published. Taking that for when it
    /// was sent saves reading the clock for each quote of each client: after quotes that waited on the tape a heartbeat
    /// may come too early, which harms nobody, never too late.
    pub(crate) fn sent_what_was_there_at(&mut self, instant: Instant) {
        self.last = self.last.max(instant);
    }

    /// Something was sent.
    pub(crate) fn sent(&mut self) {
        self.last = Instant::now();
    }

    /// Ready when nothing was sent for the whole distance.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let due = self.last + self.distance;
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
    }
}
