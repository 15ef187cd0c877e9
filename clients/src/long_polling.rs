//! Long polling: the user asks, the server holds the request until there is something (RFC 6202 §2).
//!
//! Requests follow each other without a pause: the time between an answer and the next request is the transport's own
//! and is what makes a quote late that falls into it.

use std::time::Duration;

use futures_util::stream::BoxStream;
use tokio::time::Instant;
use wirerace_contract::cursor::Cursor;

use crate::exchange::{Asker, HELD, Outcome};
use crate::orders;
use crate::outlet::{Outlet, stream_of};
use crate::target::{Event, Target};

/// What arrives at a user whose requests are held.
#[must_use]
pub fn arrivals(target: Target) -> BoxStream<'static, Event> {
    orders::posted_beside(target.clone(), stream_of(|outlet| run(target, outlet)), None)
}

async fn run(target: Target, outlet: Outlet) {
    let Some(mut asker) = Asker::new(target, outlet).await else { return };
    // Not held, so that the user is known to be connected before the first quote.
    if !asker.open(at_once).await {
        return;
    }
    loop {
        let asked = Instant::now();
        match asker.exchange(held, HELD).await {
            Outcome::Answered { empty: false } | Outcome::Lost => {}
            Outcome::Answered { empty: true } => {
                asker.emit(Event::EmptyPoll).await;
                if !pause_if_not_held(&asker, asked).await {
                    return;
                }
            }
            Outcome::Ended => return,
        }
    }
}

/// A server that leaves, or does not know `wait`, answers at once with nothing: asking again without a pause would
/// spin. `false` when the user leaves.
async fn pause_if_not_held(asker: &Asker, asked: Instant) -> bool {
    let target = asker.target();
    if asked.elapsed() * 2 >= Duration::from_secs(target.wait_s) {
        return true;
    }
    target.unless_stopped(tokio::time::sleep(Duration::from_millis(target.backoff.first_ms))).await.is_some()
}

fn at_once(target: &Target, cursor: Option<Cursor>) -> String {
    format!("/quotes?{}", target.query(cursor))
}

fn held(target: &Target, cursor: Option<Cursor>) -> String {
    format!("/quotes?{}&wait={}", target.query(cursor), target.wait_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Reply, Scripted, quotes};
    use crate::target::testing::{arm, target};
    use futures_util::StreamExt;
    use wirerace_contract::encoding::Encoding;
    use wirerace_contract::spec::Arm;

    #[tokio::test]
    async fn requests_follow_each_other_on_one_connection_with_the_cursor() {
        let server = Scripted::spawn(|number| match number {
            0 => Reply::Keep(quotes(1, 0)),
            number if number % 2 == 0 => Reply::InTwo(quotes(number as u64, number as u64)),
            number => Reply::Keep(quotes(number as u64, number as u64)),
        });
        let (target, reins) = target(server.address, Arm { encoding: Encoding::Tick, ..arm("long_polling") });
        let traffic = target.traffic.clone();
        // In a task of its own, as a load runs it: tasks take turns in the order in which they were woken.
        let client = tokio::spawn(async move {
            let (mut events, mut next) = (arrivals(target), 1);
            while let Some(event) = events.next().await {
                if let Event::Quote { seq, .. } = event {
                    assert_eq!(seq, next, "in order, each once");
                    next += 1;
                }
                if next > 200 {
                    reins.stop.send_replace(true);
                }
            }
        });
        client.await.unwrap();
        let asked = server.asked();
        assert_eq!(asked[0].path(), "/quotes?after=0&encoding=tick", "the first is not held");
        assert_eq!(asked[1].path(), "/quotes?after=k3f9.0&encoding=tick&wait=30");
        assert_eq!(asked[7].path(), "/quotes?after=k3f9.6&encoding=tick&wait=30");
        assert_eq!(traffic.dialled(), 1, "a request that follows at once must find the connection in the pool");
    }

    #[tokio::test]
    async fn a_server_that_does_not_hold_does_not_make_the_user_spin() {
        let server = Scripted::spawn(|_| Reply::Keep(quotes(1, 0)));
        let (mut target, _reins) = target(server.address, Arm { encoding: Encoding::Tick, ..arm("long_polling") });
        target.backoff.first_ms = 100_000;
        let mut events = arrivals(target);
        assert!(matches!(events.next().await, Some(Event::Connected { .. })));
        assert_eq!(events.next().await, Some(Event::EmptyPoll));
        let patience = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(patience, events.next()).await.is_err(), "it asked again at once");
        assert_eq!(server.asked().len(), 2);
    }
}
