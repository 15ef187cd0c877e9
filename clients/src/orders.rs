//! Orders: what a user sends upstream while quotes come down, and how long each waits for its acknowledgement.
//!
//! Orders are planned like polls, at start + (phase + k) / rate, and a late acknowledgement does not move the plan:
//! latency counts from the planned instant, and what is never sent is told when the user leaves. On a socket an order goes out at its instant whatever is still under way.
//! Over HTTP/1.1 it is a POST that waits for the acknowledgement of the order before it: on a connection of its own, since
//! a held request or an event stream keeps the first one busy, or in turn with polls on the one that they keep.

use std::pin::pin;
use std::task::Poll;

use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::header::CONTENT_TYPE;
use tokio::time::timeout;
use wirerace_contract::clock::{NS_PER_S, monotonic_ns};
use wirerace_contract::messages::{Ack, Order};
use wirerace_contract::quote::SYMBOLS;

use crate::connector::{HttpClient, with_causes};
use crate::event_log::EventLogger;
use crate::exchange::ANSWERED_AT_ONCE;
use crate::outlet::{Outlet, stream_of};
use crate::target::{Event, Target};

/// When order `number` (0, 1, 2 …) of a user is planned, nanoseconds since the feed's start.
fn offset_ns(phase: f64, orders_per_s: f64, number: u64) -> u64 {
    ((phase + number as f64) / orders_per_s * NS_PER_S as f64) as u64
}

/// How many orders of a user the plan holds within `[from_ns, to_ns)`, counted from the feed's start.
pub(crate) fn planned_within(phase: f64, orders_per_s: f64, (from_ns, to_ns): (u64, u64)) -> u64 {
    let first_from = |at_ns: u64| {
        // Just below where arithmetic without rounding would put it; a conversion below 0 gives 0.
        let mut number = (at_ns as f64 / NS_PER_S as f64 * orders_per_s - phase - 2.0) as u64;
        while offset_ns(phase, orders_per_s, number) < at_ns {
            number += 1;
        }
        number
    };
    first_from(to_ns).saturating_sub(first_from(from_ns))
}

/// When order `number` of this user is planned, nanoseconds of the monotonic clock.
fn planned_ns(target: &Target, start_ns: u64, number: u64) -> u64 {
    start_ns + offset_ns(target.phase, target.orders_per_s, number)
}

/// Tells of every order from `next` on whose instant has passed: the user leaves, and they are never sent.
pub(crate) fn unsent(target: &Target, next: u64, now_ns: u64) -> impl Iterator<Item = Event> {
    let start_ns = (*target.start.borrow()).filter(|_| target.orders_per_s > 0.0);
    let instant = move |number| start_ns.map(|start_ns| planned_ns(target, start_ns, number));
    let passed = (next..).map_while(move |number| instant(number).filter(|planned_ns| *planned_ns < now_ns));
    passed.map(|planned_ns| Event::OrderUnsent { planned_ns })
}

/// The orders of a user that go up on a socket: which comes next, and which are out.
#[derive(Debug, Default)]
pub(crate) struct OnSocket {
    pub(crate) next: u64,
    out: Vec<u64>,
}

impl OnSocket {
    /// The next order is on its way.
    pub(crate) fn sent(&mut self) {
        self.out.push(self.next);
        self.next += 1;
    }

    /// As [`acknowledged`], and that order is out no longer.
    pub(crate) fn acknowledged(&mut self, target: &Target, ack: &Ack, acknowledged_ns: u64) -> Option<Event> {
        let number = number(ack)?;
        self.out.retain(|out| *out != number);
        acknowledged(target, ack, acknowledged_ns)
    }

    /// The socket has ended: nobody will acknowledge what is out.
    pub(crate) fn lose_all(&mut self, target: &Target) -> Vec<Event> {
        let Some(start_ns) = *target.start.borrow() else { return Vec::new() };
        let lost = |number| Event::OrderLost { planned_ns: planned_ns(target, start_ns, number), reason: None };
        self.out.drain(..).map(lost).collect()
    }
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
    let number = number(ack)?;
    let start_ns = (*target.start.borrow())?;
    Some(Event::OrderAcknowledged { planned_ns: planned_ns(target, start_ns, number), acknowledged_ns })
}

/// The number within an order's identifier.
fn number(ack: &Ack) -> Option<u64> {
    ack.id.rsplit_once('.')?.1.parse().ok()
}

/// `events`, and beside them the orders of a user whose transport has no way up of its own: on the connection of `shared`,
/// or on another one.
pub(crate) fn posted_beside(
    target: Target,
    events: BoxStream<'static, Event>,
    shared: Option<HttpClient>,
) -> BoxStream<'static, Event> {
    if target.orders_per_s <= 0.0 {
        return events;
    }
    let stop = target.stop.clone();
    let (mut events, mut orders) = (Some(events), Some(stream_of(|outlet| post_all(target, outlet, shared))));
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

async fn post_all(target: Target, outlet: Outlet, shared: Option<HttpClient>) {
    // A connection of its own is not that of the quotes, whose first moments are noted.
    let target = Target { log: EventLogger::default(), ..target };
    // A client that cannot be made is told by the transport itself.
    let Ok(http) = shared.map_or_else(|| HttpClient::new(&target), Ok) else { return };
    let next = post_until_stopped(&target, &outlet, &http).await;
    for event in unsent(&target, next, monotonic_ns()) {
        outlet.emit(event).await;
    }
}

/// One order after the other until the user shall leave; gives the number of the first that was not sent.
async fn post_until_stopped(target: &Target, outlet: &Outlet, http: &HttpClient) -> u64 {
    let mut number = 0;
    loop {
        let Some(planned_ns) = target.unless_stopped(due(target.clone(), number)).await else { return number };
        outlet.emit(Event::OrderSent { planned_ns }).await;
        let order = order(target, number);
        let id = order.id.clone();
        number += 1;
        let mut asking = pin!(post(http, order));
        let (answer, stopped) = match target.unless_stopped(asking.as_mut()).await {
            // Under way: an order dropped now would be counted by one side and not by the other.
            None => (timeout(ANSWERED_AT_ONCE + target.patience, asking).await.ok(), true),
            answer => (answer, false),
        };
        let event = match answer {
            Some(Ok((ack, acknowledged_ns))) if ack.id == id => acknowledged(target, &ack, acknowledged_ns),
            Some(Ok((ack, _))) => {
                Some(lost(planned_ns, format!("order {id} was answered with the acknowledgement of {}", ack.id)))
            }
            Some(Err(reason)) => Some(lost(planned_ns, reason)),
            None => Some(Event::OrderLost { planned_ns, reason: None }),
        };
        if let Some(event) = event {
            outlet.emit(event).await;
        }
        if stopped {
            return number;
        }
    }
}

fn lost(planned_ns: u64, reason: impl Into<Box<str>>) -> Event {
    Event::OrderLost { planned_ns, reason: Some(reason.into()) }
}

/// The acknowledgement, and when it was in hand.
async fn post(http: &HttpClient, order: Order) -> Result<(Ack, u64), Box<str>> {
    let _turn = http.turn().await;
    let body = serde_json::to_vec(&order).map_err(|error| error.to_string())?;
    let request = http.post("/orders").header(CONTENT_TYPE, "application/json").body(body);
    let response = http.send(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|error| with_causes(&error))?;
    let acknowledged_ns = monotonic_ns();
    // The library needs a turn to put the connection back into its pool.
    tokio::task::yield_now().await;
    if status != 200 {
        return Err(format!("an order was answered {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    let ack = serde_json::from_slice(&body).map_err(|error| format!("an acknowledgement cannot be read: {error}"))?;
    Ok((ack, acknowledged_ns))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::scripted::{Reply, Scripted, answer};
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
    fn a_window_holds_as_many_orders_as_the_plan_says() {
        // At 0.125, 0.375, 0.625 … seconds.
        let within = |from_ms: u64, to_ms: u64| planned_within(0.5, 4.0, (from_ms * 1_000_000, to_ms * 1_000_000));
        assert_eq!((within(0, 1_000), within(0, 125), within(0, 126), within(125, 375)), (4, 0, 1, 1));
        assert_eq!((within(126, 375), within(5_000, 5_000)), (0, 0));
        for (phase, per_s) in [(0.0, 7.0), (0.3, 25.0), (0.999, 0.4), (0.123, 1_000.0 / 3.0)] {
            let counted = (0..100_000).filter(|n| (70_000_000..990_000_000).contains(&offset_ns(phase, per_s, *n)));
            assert_eq!(
                planned_within(phase, per_s, (70_000_000, 990_000_000)),
                counted.count() as u64,
                "{phase} {per_s}"
            );
        }
    }

    #[test]
    fn what_was_due_and_not_sent_is_told_when_the_user_leaves() {
        let target = sending(4.0);
        let told: Vec<Event> = unsent(&target, 1, 1_900_000_000).collect();
        let at = |planned_ns| Event::OrderUnsent { planned_ns };
        assert_eq!(told, [at(1_375_000_000), at(1_625_000_000), at(1_875_000_000)]);
        assert_eq!(unsent(&target, 4, 1_900_000_000).count(), 0);
        assert_eq!(unsent(&sending(0.0), 0, u64::MAX).count(), 0, "who has no orders has none unsent");
    }

    #[test]
    fn what_is_out_when_a_socket_ends_is_lost() {
        let target = sending(4.0);
        let mut orders = OnSocket::default();
        (0..3).for_each(|_| orders.sent());
        let ack = Ack { id: order(&target, 1).id };
        assert!(matches!(orders.acknowledged(&target, &ack, 5), Some(Event::OrderAcknowledged { .. })));
        let lost = |planned_ns| Event::OrderLost { planned_ns, reason: None };
        assert_eq!(orders.lose_all(&target), [lost(1_125_000_000), lost(1_625_000_000)]);
        assert_eq!((orders.lose_all(&target), orders.next), (vec![], 3));
    }

    #[tokio::test]
    async fn orders_behind_one_that_is_not_answered_are_told_as_never_sent() {
        // The first is acknowledged, the second is refused, the third never answered.
        let first = order(&sending(4.0), 0).id;
        let server = Scripted::spawn(move |number| match number {
            0 => Reply::Keep(answer("200 OK", "", &format!("{{\"id\":\"{first}\"}}"))),
            1 => Reply::Keep(answer("500 Internal Server Error", "", "no")),
            _ => Reply::Keep(String::new()),
        });
        let (mut target, reins) = target(server.address, arm("polling"));
        target.orders_per_s = 100.0;
        let start_ns = monotonic_ns();
        reins.start.send_replace(Some(start_ns));
        let mut events = stream_of(|outlet| post_all(target, outlet, None));
        let planned = |number: u64| start_ns + 5_000_000 + number * 10_000_000;
        for number in 0..2 {
            assert_eq!(events.next().await, Some(Event::OrderSent { planned_ns: planned(number) }));
            let event = events.next().await;
            match number {
                0 => assert!(
                    matches!(event, Some(Event::OrderAcknowledged { planned_ns, .. }) if planned_ns == planned(0))
                ),
                _ => assert!(
                    matches!(&event, Some(Event::OrderLost { planned_ns, reason: Some(reason) })
                    if *planned_ns == planned(1) && reason.contains("answered 500")),
                    "{event:?}"
                ),
            }
        }
        assert_eq!(events.next().await, Some(Event::OrderSent { planned_ns: planned(2) }));
        // Three more come due behind it.
        while monotonic_ns() < planned(5) + 1 {
            let waited = timeout(Duration::from_millis(5), events.next()).await;
            assert!(waited.is_err(), "{waited:?}");
        }
        reins.stop.send_replace(true);
        let rest: Vec<Event> = events.collect().await;
        assert_eq!(rest[0], Event::OrderLost { planned_ns: planned(2), reason: None });
        let unsent: Vec<Event> = (3..6).map(|number| Event::OrderUnsent { planned_ns: planned(number) }).collect();
        assert_eq!(rest[1..4], unsent[..]);
    }

    #[tokio::test]
    async fn who_gave_up_sends_no_more_orders() {
        let (mut target, reins) = target("127.0.0.1:9".parse().unwrap(), arm("polling"));
        target.orders_per_s = 1.0;
        let last = Event::Failed { reason: "gone".into() };
        let mut events = posted_beside(target, stream::iter([last.clone()]).boxed(), None);
        let ended = timeout(Duration::from_secs(20), async { (events.next().await, events.next().await) }).await;
        assert_eq!(ended.expect("it waits for orders that nobody sends"), (Some(last), None));
        drop(reins);
    }

    #[tokio::test]
    async fn without_orders_the_events_are_what_they_were() {
        let events = stream::iter([Event::EmptyPoll, Event::EmptyPoll]).boxed();
        assert_eq!(posted_beside(sending(0.0), events, None).count().await, 2);
    }
}
