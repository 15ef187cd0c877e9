//! Orders: what a user sends upstream while quotes come down, and how long each waits for its acknowledgement.
//!
//! Orders are planned like polls, at start + (phase + k) / rate, and a late acknowledgement does not move the plan:
//! latency counts from the planned instant. On a socket an order goes out at its instant whatever is still under way.
//! Over HTTP/1.1 it is a POST on a connection of its own, since a held request or an event stream keeps the first one
//! busy, and waits for the acknowledgement of the order before it.

use std::pin::pin;
use std::task::Poll;

use futures_util::stream::{self, BoxStream, StreamExt};
use hdrhistogram::Histogram;
use reqwest::header::CONTENT_TYPE;
use tokio::time::timeout;
use wirerace_contract::clock::{NS_PER_S, monotonic_ns};
use wirerace_contract::distribution::{Distribution, new_histogram};
use wirerace_contract::messages::{Ack, Order};
use wirerace_contract::quote::SYMBOLS;
use wirerace_contract::results::Orders;

use crate::connector::{HttpClient, with_causes};
use crate::exchange::ANSWERED_AT_ONCE;
use crate::outlet::{Outlet, stream_of};
use crate::target::{Event, Target};

/// When order `number` (0, 1, 2 …) of this user is planned, nanoseconds of the monotonic clock.
fn planned_ns(target: &Target, start_ns: u64, number: u64) -> u64 {
    start_ns + ((target.phase + number as f64) / target.orders_per_s * NS_PER_S as f64) as u64
}

/// Order `number` of this user. All are of equal length, so that bytes compare.
pub(crate) fn order(target: &Target, number: u64) -> Order {
    let id = format!("{:016x}.{number:08}", target.seed);
    Order { id, symbol: SYMBOLS[0].to_owned(), size: 100 }
}

/// Waits until order `number` is due and says when that was; never, for a user without orders or before the start.
pub(crate) async fn due(target: Target, number: u64) -> u64 {
    if target.orders_per_s > 0.0
        && let Some(start_ns) = target.started().await
    {
        let planned_ns = planned_ns(&target, start_ns, number);
        target.pacer.sleep_until(planned_ns).await;
        return planned_ns;
    }
    std::future::pending().await
}

/// What an acknowledgement that came at `acknowledged_ns` says; `None` when it is of no order of this user.
pub(crate) fn acknowledged(target: &Target, ack: &Ack, acknowledged_ns: u64) -> Option<Event> {
    let number = ack.id.rsplit_once('.')?.1.parse().ok()?;
    let start_ns = (*target.start.borrow())?;
    Some(Event::OrderAcknowledged { planned_ns: planned_ns(target, start_ns, number), acknowledged_ns })
}

/// `events`, and beside them the orders of a user whose transport has no way up of its own.
pub(crate) fn posted_beside(target: Target, events: BoxStream<'static, Event>) -> BoxStream<'static, Event> {
    if target.orders_per_s <= 0.0 {
        return events;
    }
    let stop = target.stop.clone();
    let (mut events, mut orders) = (Some(events), Some(stream_of(|outlet| post_all(target, outlet))));
    stream::poll_fn(move |context| {
        if let Some(running) = &mut events {
            match running.poll_next_unpin(context) {
                Poll::Ready(Some(event)) => return Poll::Ready(Some(event)),
                Poll::Ready(None) => {
                    events = None;
                    // Who gave up sends no more orders; who was told to leave waits for the last acknowledgement.
                    orders = orders.take().filter(|_| *stop.borrow());
                }
                Poll::Pending => {}
            }
        }
        if let Some(running) = &mut orders {
            match running.poll_next_unpin(context) {
                Poll::Ready(Some(event)) => return Poll::Ready(Some(event)),
                Poll::Ready(None) => orders = None,
                Poll::Pending => {}
            }
        }
        if events.is_none() && orders.is_none() { Poll::Ready(None) } else { Poll::Pending }
    })
    .boxed()
}

async fn post_all(target: Target, outlet: Outlet) {
    // A client that cannot be made is told by the transport itself.
    let Ok(http) = HttpClient::new(&target) else { return };
    for number in 0.. {
        let Some(planned_ns) = target.unless_stopped(due(target.clone(), number)).await else { return };
        outlet.emit(Event::OrderSent { planned_ns }).await;
        let mut asking = pin!(post(&http, order(&target, number)));
        let (answer, stopped) = match target.unless_stopped(asking.as_mut()).await {
            // Under way: an order dropped now would be counted by one side and not by the other.
            None => (timeout(ANSWERED_AT_ONCE + target.patience, asking).await.ok(), true),
            answer => (answer, false),
        };
        match answer {
            Some(Ok(ack)) => {
                if let Some(event) = acknowledged(&target, &ack, monotonic_ns()) {
                    outlet.emit(event).await;
                }
            }
            Some(Err(reason)) => outlet.emit(Event::OrderFailed { reason }).await,
            None => return,
        }
        if stopped {
            return;
        }
        // The library needs a turn to put the connection back into its pool.
        tokio::task::yield_now().await;
    }
}

async fn post(http: &HttpClient, order: Order) -> Result<Ack, Box<str>> {
    let body = serde_json::to_vec(&order).map_err(|error| error.to_string())?;
    let request = http.post("/orders").header(CONTENT_TYPE, "application/json").body(body);
    let response = http.send(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| with_causes(&error))?;
    if status != 200 {
        return Err(format!("an order was answered {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    serde_json::from_slice(&body).map_err(|error| format!("an acknowledgement cannot be read: {error}").into())
}

/// What became of all orders of a load.
#[derive(Debug)]
pub(crate) struct OrderBook {
    counts: Orders,
    latency: Histogram<u64>,
}

impl OrderBook {
    pub(crate) fn new() -> Self {
        Self { counts: Orders::default(), latency: new_histogram() }
    }

    pub(crate) fn sent(&mut self, in_window: bool) {
        self.counts.issued += 1;
        self.counts.window_issued += u64::from(in_window);
    }

    pub(crate) fn acknowledged(&mut self, latency_ns: u64, in_window: bool) {
        self.counts.acknowledged += 1;
        if in_window {
            self.counts.window_acknowledged += 1;
            self.latency.saturating_record(latency_ns);
        }
    }

    /// Orders of the window whose acknowledgement is still out.
    pub(crate) fn out(&self) -> u64 {
        self.counts.window_issued.saturating_sub(self.counts.window_acknowledged)
    }

    pub(crate) fn report(&self) -> Orders {
        Orders { latency: Distribution::of(&self.latency, self.out()), ..self.counts.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::target::testing::{arm, target};

    fn sending(orders_per_s: f64) -> Target {
        let (mut target, reins) = target("127.0.0.1:9".parse().unwrap(), arm("websocket"));
        reins.start.send_replace(Some(1_000_000_000));
        target.orders_per_s = orders_per_s;
        target
    }

    #[test]
    fn orders_are_planned_by_phase_and_rate_and_an_acknowledgement_finds_its_own() {
        let target = sending(4.0);
        assert_eq!(planned_ns(&target, 1_000_000_000, 0), 1_125_000_000, "half of a quarter of a second");
        assert_eq!(planned_ns(&target, 1_000_000_000, 6), 2_625_000_000);
        let ack = Ack { id: order(&target, 6).id };
        let event = acknowledged(&target, &ack, 2_700_000_000);
        assert_eq!(event, Some(Event::OrderAcknowledged { planned_ns: 2_625_000_000, acknowledged_ns: 2_700_000_000 }));
        assert_eq!(acknowledged(&target, &Ack { id: "another's".into() }, 5), None);
        assert_eq!(order(&target, 0).id.len(), order(&target, 99_999_999).id.len());
    }

    #[test]
    fn the_book_keeps_the_window_apart_and_counts_what_is_out_as_lost() {
        let mut book = OrderBook::new();
        book.sent(false);
        book.acknowledged(5_000, false);
        book.sent(true);
        book.sent(true);
        book.acknowledged(2_000_000, true);
        assert_eq!(book.out(), 1);
        let report = book.report();
        assert_eq!((report.issued, report.acknowledged), (3, 2));
        assert_eq!((report.window_issued, report.window_acknowledged), (2, 1));
        assert_eq!((report.latency.count, report.latency.lost), (1, 1));
    }

    #[tokio::test]
    async fn who_gave_up_sends_no_more_orders() {
        let (mut target, reins) = target("127.0.0.1:9".parse().unwrap(), arm("polling"));
        target.orders_per_s = 1.0;
        let last = Event::Failed { reason: "gone".into() };
        let mut events = posted_beside(target, stream::iter([last.clone()]).boxed());
        let ended = timeout(Duration::from_secs(20), async { (events.next().await, events.next().await) }).await;
        assert_eq!(ended.expect("it waits for orders that nobody sends"), (Some(last), None));
        drop(reins);
    }

    #[tokio::test]
    async fn without_orders_the_events_are_what_they_were() {
        let events = stream::iter([Event::EmptyPoll, Event::EmptyPoll]).boxed();
        assert_eq!(posted_beside(sending(0.0), events).count().await, 2);
    }
}
