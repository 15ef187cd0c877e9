//! When a stream has been silent for so long that a proxy might take it for dead.

use std::pin::Pin;
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

    /// Something was sent.
    pub(crate) fn sent(&mut self) {
        self.last = Instant::now();
    }

    /// Waits until nothing was sent for the whole distance. May be dropped and called again.
    pub(crate) async fn due(&mut self) {
        loop {
            self.timer.as_mut().await;
            let due = self.last + self.distance;
            if Instant::now() >= due {
                return;
            }
            self.timer.as_mut().reset(due);
        }
    }
}
