//! How readers of the tape sleep and are woken.
//!
//! Waking a task from a foreign thread is a system call, a thousand tasks a thousand system calls. So the publisher
//! wakes one task only, the relay, which lives on the readers' own runtime and wakes all of them from within.

mod doorbell;
mod sleepers;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::sync::Notify;

pub(crate) use self::doorbell::Doorbell;
use self::doorbell::Rings;
pub(crate) use self::sleepers::{Place, Sleepers};

/// The bells of one tape.
#[derive(Default)]
pub(crate) struct Wakes {
    /// Wakes the relay only.
    published: Notify,
    /// Who waits for a quote.
    changed: Arc<Sleepers>,
    /// Who waits for the end.
    closing: Arc<Sleepers>,
    /// Of the doorbells of all readers.
    rings: Arc<Rings>,
    closed: AtomicBool,
    relayed: AtomicBool,
}

impl Wakes {
    /// Something was published, by whatever thread: at most one system call.
    pub(crate) fn published(&self) {
        self.published.notify_one();
    }

    /// A place for [`Wakes::poll_until`].
    pub(crate) fn place_for_quotes(&self) -> Place {
        Place::among(&self.changed)
    }

    /// A place for [`Wakes::poll_closed`].
    pub(crate) fn place_for_the_end(&self) -> Place {
        Place::among(&self.closing)
    }

    /// A doorbell for a task that waits for quotes.
    pub(crate) fn doorbell(&self) -> Doorbell {
        Doorbell::new(&self.rings)
    }

    /// Ready when it is `there` (true) or at the end (false).
    pub(crate) fn poll_until(
        self: &Arc<Self>,
        cx: &Context<'_>,
        place: &mut Place,
        there: impl Fn() -> bool,
    ) -> Poll<bool> {
        let look = || if self.is_closed() { Some(false) } else { there().then_some(true) };
        // A reader that has fallen behind need not even lie down.
        if let Some(seen) = look() {
            return Poll::Ready(seen);
        }
        // Whatever happens after this line wakes the reader, and what happened before it is seen by the second look:
        // whoever wakes has published first, and takes the same lock as this.
        place.sleep(cx);
        if let Some(seen) = look() {
            return Poll::Ready(seen);
        }
        self.spawn_relay();
        Poll::Pending
    }

    /// Waits until it is `there` (true) or the end (false).
    pub(crate) async fn until(self: &Arc<Self>, there: impl Fn() -> bool) -> bool {
        let mut place = self.place_for_quotes();
        poll_fn(|cx| self.poll_until(cx, &mut place, &there)).await
    }

    /// Ready at the end.
    pub(crate) fn poll_closed(&self, cx: &Context<'_>, place: &mut Place) -> Poll<()> {
        place.sleep(cx); // before looking
        if self.is_closed() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until the end.
    pub(crate) async fn closed(&self) {
        let mut place = self.place_for_the_end();
        poll_fn(|cx| self.poll_closed(cx, &mut place)).await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The end: wakes everybody, the relay for the last time.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.published.notify_one();
        self.changed.wake_all();
        self.closing.wake_all();
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
    let wakes = &*relay.0;
    let mut batch = Vec::new();
    while !wakes.is_closed() {
        wakes.published.notified().await;
        let mut next = Some(0);
        while let Some(from) = next {
            next = wakes.changed.take_some(from, &mut batch);
            if !batch.is_empty() {
                batch.drain(..).for_each(std::task::Waker::wake);
                // The woken run before the next are woken: the first need not wait for the last, and what waking has
                // brought into the processor's cache is still there when they run.
                turn().await;
            }
        }
    }
}

/// Goes to the end of the queue. Unlike tokio's `yield_now` it does not ask the system for events in between.
async fn turn() {
    let mut gone = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut gone, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wake_between_looking_and_sleeping_is_not_lost() {
        // The first look finds nothing, then the quote comes and the relay goes by: before the reader lies down (its
        // second look must find the quote), or after its second look (it must have been woken).
        for comes_after_look in [1, 2] {
            let wakes = Arc::<Wakes>::default();
            let looks = Cell::new(0);
            let there = || {
                looks.set(looks.get() + 1);
                if looks.get() == comes_after_look {
                    wakes.changed.wake_all();
                }
                looks.get() > comes_after_look
            };
            let woken = tokio::time::timeout(Duration::from_secs(1), wakes.until(there)).await;
            assert_eq!(woken, Ok(true), "after look {comes_after_look}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_between_looking_and_sleeping_is_not_lost() {
        for comes_at_look in [1, 2] {
            let wakes = Arc::<Wakes>::default();
            let looks = Cell::new(0);
            let there = || {
                looks.set(looks.get() + 1);
                if looks.get() == comes_at_look {
                    wakes.close();
                }
                false
            };
            let woken = tokio::time::timeout(Duration::from_secs(1), wakes.until(there)).await;
            assert_eq!(woken, Ok(false), "at look {comes_at_look}");
        }
    }

    #[tokio::test]
    async fn what_was_published_before_the_relay_ran_is_passed_on() {
        let wakes = Arc::<Wakes>::default();
        let looks = Cell::new(0);
        let there = || {
            looks.set(looks.get() + 1);
            if looks.get() == 2 {
                wakes.published();
            }
            looks.get() > 2
        };
        let woken = tokio::time::timeout(Duration::from_secs(20), wakes.until(there)).await;
        assert_eq!(woken, Ok(true));
    }

    #[tokio::test]
    async fn the_first_reader_runs_before_the_last_is_woken() {
        let wakes = Arc::<Wakes>::default();
        let published = Arc::new(AtomicBool::new(false));
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let reader = |name: usize| {
            let (wakes, published, order) = (Arc::clone(&wakes), Arc::clone(&published), Arc::clone(&order));
            tokio::spawn(async move {
                wakes.until(|| published.load(Ordering::Acquire)).await;
                order.lock().unwrap().push((name, wakes.changed.asleep()));
            })
        };
        let readers: Vec<_> = (0..1000).map(reader).collect();
        while wakes.changed.asleep() < readers.len() {
            tokio::task::yield_now().await;
        }
        published.store(true, Ordering::Release);
        wakes.published();
        for reader in readers {
            tokio::time::timeout(Duration::from_secs(20), reader).await.unwrap().unwrap();
        }
        let order = order.lock().unwrap();
        assert!(order.iter().map(|(name, _)| *name).is_sorted(), "everybody in the order of coming");
        assert!(order[0].1 > 900, "{} were still asleep when the first ran", order[0].1);
    }
}
