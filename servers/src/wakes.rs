//! How readers of the tape sleep and are woken.
//!
//! Waking a task from a foreign thread is a system call, a thousand tasks a thousand system calls. So the publisher
//! wakes one task only, the relay, which lives on the readers' own runtime and wakes all of them from within.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The bells of one tape.
#[derive(Default)]
pub(crate) struct Wakes {
    /// Wakes the relay only.
    published: Notify,
    /// Wakes everybody who waits for a quote.
    changed: Notify,
    /// Wakes everybody who waits for the end.
    closing: Notify,
    closed: AtomicBool,
    relayed: AtomicBool,
}

impl Wakes {
    /// Something was published, by whatever thread: at most one system call.
    pub(crate) fn published(&self) {
        self.published.notify_one();
    }

    /// Waits until `there` (true) or the end (false).
    pub(crate) async fn until(self: &Arc<Self>, there: impl Fn() -> bool) -> bool {
        loop {
            // Whoever is notified after this line is seen: registering comes before looking.
            let changed = self.changed.notified();
            if self.is_closed() {
                return false;
            }
            if there() {
                return true;
            }
            self.spawn_relay();
            changed.await;
        }
    }

    /// Waits until the end.
    pub(crate) async fn closed(&self) {
        loop {
            let closing = self.closing.notified();
            if self.is_closed() {
                return;
            }
            closing.await;
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The end: wakes everybody, the relay for the last time.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.published.notify_one();
        self.changed.notify_waiters();
        self.closing.notify_waiters();
    }

    /// Sees to it that the relay runs, on the current runtime if it does not yet.
    fn spawn_relay(self: &Arc<Self>) {
        // Looking first keeps the common case free of a write that all processors would have to agree on.
        if !self.relayed.load(Ordering::Acquire) && !self.relayed.swap(true, Ordering::AcqRel) {
            tokio::spawn(relay(Relay(Arc::clone(self))));
        }
    }
}

/// Held by the relay; when a runtime goes away with it, the next waiter starts another.
struct Relay(Arc<Wakes>);

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.relayed.store(false, Ordering::Release);
    }
}

async fn relay(relay: Relay) {
    while !relay.0.is_closed() {
        relay.0.published.notified().await;
        relay.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wake_between_looking_and_sleeping_is_not_lost() {
        let wakes = Arc::<Wakes>::default();
        let published = Cell::new(false);
        let looked_just_before = || {
            let there = published.replace(true);
            wakes.changed.notify_waiters(); // the relay comes by before the reader is asleep
            there
        };
        let woken = tokio::time::timeout(Duration::from_secs(1), wakes.until(looked_just_before)).await;
        assert_eq!(woken, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_between_looking_and_sleeping_is_not_lost() {
        let wakes = Arc::<Wakes>::default();
        let looked_just_before = || {
            wakes.close();
            false
        };
        let woken = tokio::time::timeout(Duration::from_secs(1), wakes.until(looked_just_before)).await;
        assert_eq!(woken, Ok(false));
    }

    #[tokio::test]
    async fn what_was_published_before_the_relay_ran_is_passed_on() {
        let wakes = Arc::<Wakes>::default();
        let published = AtomicBool::new(false);
        let looked_just_before = || {
            let there = published.swap(true, Ordering::AcqRel);
            wakes.published();
            there
        };
        let woken = tokio::time::timeout(Duration::from_secs(20), wakes.until(looked_just_before)).await;
        assert_eq!(woken, Ok(true));
    }
}
