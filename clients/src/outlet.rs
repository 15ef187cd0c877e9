//! From a future that emits to a stream of events, so that each transport reads as a plain loop.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::stream::{self, BoxStream, StreamExt};

use crate::target::Event;

/// Where a transport puts its events. Holds one at a time: a consumer that is slow holds back the producer instead of
/// growing a queue, and an idle user costs next to nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outlet {
    slot: Arc<Mutex<Option<Event>>>,
}

impl Outlet {
    fn put(&self, event: Event) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(event);
    }

    fn take(&self) -> Option<Event> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_empty(&self) -> bool {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Hands `event` over; done when the consumer asks for more. Needs no waker: the consumer, by asking, polls.
    pub(crate) async fn emit(&self, event: Event) {
        self.put(event);
        poll_fn(|_| if self.is_empty() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// The stream of what `work` emits; it ends when `work` does.
pub(crate) fn stream_of<W>(work: impl FnOnce(Outlet) -> W) -> BoxStream<'static, Event>
where
    W: Future<Output = ()> + Send + 'static,
{
    let outlet = Outlet::default();
    let mut work = Some(Box::pin(work(outlet.clone())));
    stream::poll_fn(move |context| {
        let Some(running) = &mut work else { return Poll::Ready(None) };
        if running.as_mut().poll(context).is_ready() {
            work = None;
        }
        match (outlet.take(), &work) {
            (Some(event), _) => Poll::Ready(Some(event)),
            (None, None) => Poll::Ready(None),
            (None, Some(_)) => Poll::Pending,
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(count: u64) -> Event {
        Event::PollsSkipped { first_ns: 0, interval_ns: 1, count }
    }

    #[tokio::test]
    async fn events_come_in_order_and_the_producer_waits_for_the_consumer() {
        let emitted = Arc::new(Mutex::new(0));
        let count = emitted.clone();
        let mut events = stream_of(|outlet| async move {
            for number in 1..=3 {
                *count.lock().unwrap() = number;
                outlet.emit(skipped(number)).await;
                tokio::task::yield_now().await;
            }
        });
        for number in 1..=3 {
            assert_eq!(events.next().await, Some(skipped(number)));
            assert_eq!(*emitted.lock().unwrap(), number, "nothing is made ahead of demand");
        }
        assert_eq!(events.next().await, None);
        assert_eq!(events.next().await, None, "asking again after the end is harmless");
    }
}
