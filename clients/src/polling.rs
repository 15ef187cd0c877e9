//! Polling: the user asks at planned instants, the server answers at once.
//!
//! A late answer does not move the plan. Instants that pass while an answer is out are skipped and counted, so that
//! issued + skipped = planned.

use futures_util::stream::BoxStream;
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::cursor::Cursor;
use wirerace_contract::spec::Delivery;

use crate::connector::HttpClient;
use crate::exchange::{ANSWERED_AT_ONCE, Asker, Outcome};
use crate::orders;
use crate::outlet::{Outlet, stream_of};
use crate::target::{Event, Target};

/// What arrives at a user that polls.
#[must_use]
pub fn arrivals(target: Target) -> BoxStream<'static, Event> {
    // A poll is answered at once: its kept connection has room for an order before the next one. Where a client cannot be
    // made, the loop makes its own and says so.
    let takes_turns = target.orders_per_s > 0.0 && !target.closes();
    let shared = takes_turns.then(|| HttpClient::new(&target).ok()).flatten();
    let polls = stream_of(|outlet| run(target.clone(), outlet, shared.clone()));
    orders::posted_beside(target, polls, shared)
}

async fn run(target: Target, outlet: Outlet, shared: Option<HttpClient>) {
    if target.arm.interval_ms == 0 {
        let reason = format!("the arm {} polls and needs an interval of at least 1 ms", target.arm.name).into();
        return outlet.emit(Event::Failed { reason }).await;
    }
    let Some(mut asker) = Asker::on(shared, target, outlet).await else { return };
    if !asker.open(path).await {
        return;
    }
    let Some(start_ns) = asker.target().started().await else { return };
    let mut plan = PollPlan::new(start_ns, asker.target().phase, asker.target().arm.interval_ms);
    loop {
        tell_skipped(&asker, &mut plan).await;
        let planned_ns = plan.next_ns();
        let sleep = asker.target().pacer.sleep_until(planned_ns);
        if asker.target().unless_stopped(sleep).await.is_none() {
            break;
        }
        plan.issue();
        asker.emit(Event::Poll { planned_ns, issued_ns: monotonic_ns() }).await;
        match asker.exchange(path, ANSWERED_AT_ONCE).await {
            Outcome::Answered { empty: true } => asker.emit(Event::EmptyPoll).await,
            Outcome::Answered { empty: false } | Outcome::Lost => {}
            Outcome::Ended => break,
        }
    }
    tell_skipped(&asker, &mut plan).await;
}

/// Tells which instants have passed unused.
async fn tell_skipped(asker: &Asker, plan: &mut PollPlan) {
    let (first_ns, interval_ns) = (plan.next_ns, plan.interval_ns);
    let count = plan.skip_until(monotonic_ns());
    if count > 0 {
        asker.emit(Event::PollsSkipped { first_ns, interval_ns, count }).await;
    }
}

fn path(target: &Target, cursor: Option<Cursor>) -> String {
    match (target.arm.delivery, target.arm.encoding) {
        (Delivery::Every, _) => format!("/quotes?{}", target.query(cursor)),
        (Delivery::Newest, encoding) if encoding == Default::default() => "/quotes/latest".to_owned(),
        (Delivery::Newest, encoding) => format!("/quotes/latest?encoding={encoding}"),
    }
}

/// Instants start + phase × interval + k × interval, k = 0, 1, 2 …
#[derive(Clone, Copy, Debug)]
struct PollPlan {
    next_ns: u64,
    interval_ns: u64,
}

impl PollPlan {
    fn new(start_ns: u64, phase: f64, interval_ms: u32) -> Self {
        let interval_ns = u64::from(interval_ms.max(1)) * NS_PER_MS;
        Self { next_ns: start_ns + (phase.clamp(0.0, 1.0) * interval_ns as f64) as u64, interval_ns }
    }

    fn next_ns(&self) -> u64 {
        self.next_ns
    }

    fn issue(&mut self) {
        self.next_ns += self.interval_ns;
    }

    /// Leaves out the instants that have passed; says how many.
    fn skip_until(&mut self, now_ns: u64) -> u64 {
        let passed = now_ns.saturating_sub(self.next_ns).div_ceil(self.interval_ns);
        self.next_ns += passed * self.interval_ns;
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Reply, Scripted, answer, quotes};
    use crate::target::testing::{Reins, arm, target};
    use futures_util::StreamExt;
    use std::time::Duration;
    use wirerace_contract::encoding::Encoding;
    use wirerace_contract::plan::SplitMix64;
    use wirerace_contract::spec::{Arm, Connection};

    #[test]
    fn issued_and_skipped_are_the_plan_whatever_the_answers_take() {
        let mut random = SplitMix64::new(5);
        for phase in [0.0, 0.3, 0.999] {
            let (start_ns, interval_ns) = (1_000_000_007, 10 * NS_PER_MS);
            let mut plan = PollPlan::new(start_ns, phase, 10);
            let first_ns = plan.next_ns();
            let (mut now_ns, mut issued, mut skipped) = (start_ns - 5, 0, 0);
            for _ in 0..1000 {
                skipped += plan.skip_until(now_ns);
                assert!(plan.next_ns() >= now_ns, "a poll is never planned into the past");
                assert_eq!((plan.next_ns() - first_ns) % interval_ns, 0, "a late answer must not move the plan");
                now_ns = plan.next_ns();
                plan.issue();
                issued += 1;
                now_ns += random.below(4 * interval_ns);
            }
            skipped += plan.skip_until(now_ns);
            let planned = (now_ns - first_ns).div_ceil(interval_ns);
            assert_eq!(issued + skipped, planned);
            assert!(skipped > 0);
        }
    }

    fn tick_arm() -> Arm {
        Arm { encoding: Encoding::Tick, ..arm("polling") }
    }

    /// Starts the feed now and polls until `enough` of what came, then leaves.
    async fn poll(target: Target, reins: &Reins, enough: impl Fn(&[Event]) -> bool) -> Vec<Event> {
        reins.start.send_replace(Some(monotonic_ns()));
        let (mut events, mut seen) = (arrivals(target), Vec::new());
        while let Some(event) = events.next().await {
            seen.push(event);
            if enough(&seen) {
                reins.stop.send_replace(true);
            }
        }
        seen
    }

    fn count(events: &[Event], which: fn(&Event) -> bool) -> usize {
        events.iter().filter(|event| which(event)).count()
    }

    fn seqs(events: &[Event]) -> Vec<u64> {
        let seq = |event: &Event| if let Event::Quote { seq, .. } = event { Some(*seq) } else { None };
        events.iter().filter_map(seq).collect()
    }

    #[tokio::test]
    async fn a_kept_connection_is_dialled_once_and_the_cursor_moves() {
        let server = Scripted::spawn(|number| {
            let seq = number as u64;
            Reply::Keep(if number % 3 == 2 { quotes(seq, seq - 1) } else { quotes(seq.max(1), seq) })
        });
        let (target, reins) = target(server.address, tick_arm());
        let traffic = target.traffic.clone();
        let events = poll(target, &reins, |seen| seqs(seen).len() >= 8).await;
        assert!(matches!(events[0], Event::Connected { epoch: Some(_) }));
        assert_eq!(count(&events, |e| matches!(e, Event::Connected { .. })), 1);
        assert!(count(&events, |e| *e == Event::EmptyPoll) >= 2);
        let asked = server.asked();
        assert_eq!((traffic.dialled(), traffic.requests()), (1, asked.len() as u64));
        assert_eq!(asked[0].path(), "/quotes?after=0&encoding=tick");
        assert_eq!(asked[2].path(), "/quotes?after=k3f9.1&encoding=tick");
        assert!(!asked[1].has("connection: close"));
    }

    #[tokio::test]
    async fn orders_take_turns_with_polls_on_the_kept_connection() {
        let server = Scripted::spawn(|_| {
            // Long enough for the other one to come due meanwhile.
            std::thread::sleep(Duration::from_millis(3));
            Reply::Acknowledge(quotes(1, 0))
        });
        let (mut target, reins) = target(server.address, tick_arm());
        target.orders_per_s = 200.0;
        let traffic = target.traffic.clone();
        let is_order = |event: &Event| matches!(event, Event::OrderAcknowledged { .. });
        let events = poll(target, &reins, |seen| count(seen, is_order) >= 20).await;
        let posts = server.asked().iter().filter(|asked| asked.head.starts_with("POST /orders ")).count();
        assert!(posts >= 20 && server.asked().len() - posts >= 10, "{posts} of {}", server.asked().len());
        assert_eq!(traffic.dialled(), 1, "{posts} orders among {} requests", server.asked().len());
        assert_eq!(count(&events, |event| matches!(event, Event::OrderLost { .. } | Event::Disconnected { .. })), 0);
    }

    #[tokio::test]
    async fn a_closed_connection_says_so_and_is_dialled_anew_each_time() {
        let server = Scripted::spawn(|number| Reply::Close(quotes(number as u64 + 1, number as u64 + 1)));
        let (target, reins) = target(server.address, Arm { connection: Connection::Closed, ..tick_arm() });
        let traffic = target.traffic.clone();
        let events = poll(target, &reins, |seen| seqs(seen).len() >= 6).await;
        let asked = server.asked();
        assert!(asked.len() >= 6);
        for (number, asked) in asked.iter().enumerate() {
            assert!(asked.has("connection: close"), "{}", asked.head);
            assert_eq!(asked.connection, number);
        }
        assert_eq!(traffic.dialled(), asked.len() as u64);
        assert_eq!(count(&events, |e| matches!(e, Event::Disconnected { .. })), 0, "closing was part of the plan");
    }

    #[tokio::test]
    async fn late_answers_skip_polls_and_the_plan_stays() {
        let server = Scripted::spawn(|number| {
            std::thread::sleep(Duration::from_millis(13 * (number % 2) as u64));
            Reply::Keep(quotes(1, 0))
        });
        let (target, reins) = target(server.address, tick_arm());
        let events = poll(target, &reins, |seen| count(seen, |e| matches!(e, Event::Poll { .. })) >= 8).await;
        let planned: Vec<u64> = events
            .iter()
            .filter_map(|event| if let Event::Poll { planned_ns, .. } = event { Some(*planned_ns) } else { None })
            .collect();
        let skipped: u64 =
            events.iter().map(|event| if let Event::PollsSkipped { count, .. } = event { *count } else { 0 }).sum();
        assert!(planned.iter().all(|ns| (ns - planned[0]).is_multiple_of(5 * NS_PER_MS)));
        // Between the first and the last poll the plan holds this many; a few more may be skipped at the end.
        let instants = (planned[planned.len() - 1] - planned[0]) / (5 * NS_PER_MS) + 1;
        assert!(planned.len() as u64 + skipped >= instants && skipped > 0, "{planned:?}, {skipped} skipped");
        let early = |event: &&Event| matches!(event, Event::Poll { planned_ns, issued_ns } if issued_ns < planned_ns);
        assert_eq!(events.iter().filter(early).count(), 0);
    }

    #[tokio::test]
    async fn a_broken_answer_is_asked_again_from_where_the_user_was() {
        let server = Scripted::spawn(|number| match number {
            0 => Reply::Keep(quotes(1, 2)),
            1 => Reply::Close(quotes(3, 3)[..40].to_owned()),
            _ => Reply::Keep(quotes(3, 3)),
        });
        let (target, reins) = target(server.address, tick_arm());
        let events = poll(target, &reins, |seen| seqs(seen).len() >= 3).await;
        assert_eq!(seqs(&events), [1, 2, 3]);
        assert_eq!(count(&events, |e| matches!(e, Event::Disconnected { .. })), 1);
        assert_eq!(count(&events, |e| matches!(e, Event::Connected { .. })), 2);
        assert_eq!(server.asked()[2].path(), "/quotes?after=k3f9.2&encoding=tick");
    }

    #[tokio::test]
    async fn an_announced_gap_is_told_and_the_user_goes_on_behind_it() {
        let gap = r#"{"error":"gone","epoch":"k3f9","oldest":8,"gap":{"reason":"evicted","first":1,"last":7},"next":"k3f9.7"}"#;
        let server = Scripted::spawn(move |number| match number {
            0 => Reply::Keep(answer("410 Gone", "", gap)),
            _ => Reply::Keep(quotes(8, 8)),
        });
        let (target, reins) = target(server.address, tick_arm());
        let events = poll(target, &reins, |seen| !seqs(seen).is_empty()).await;
        assert!(matches!(&events[1], Event::Gap { gap, .. } if gap.lost() == 7));
        assert_eq!(server.asked()[1].path(), "/quotes?after=k3f9.7&encoding=tick");
    }

    #[tokio::test]
    async fn newest_asks_with_the_tag_it_has() {
        let server = Scripted::spawn(|number| match number {
            0 => Reply::Keep("HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
            1 => Reply::Keep(answer("200 OK", "etag: \"k3f9.5\"\r\n", "0000000005 0101.2503")),
            _ => Reply::Keep("HTTP/1.1 304 Not Modified\r\netag: \"k3f9.5\"\r\n\r\n".to_owned()),
        });
        let (target, reins) = target(server.address, Arm { delivery: Delivery::Newest, ..tick_arm() });
        let events = poll(target, &reins, |seen| count(seen, |e| *e == Event::EmptyPoll) >= 2).await;
        assert_eq!(seqs(&events), [5]);
        let asked = server.asked();
        assert_eq!(asked[1].path(), "/quotes/latest?encoding=tick");
        assert!(!asked[1].has("if-none-match: \"k3f9.5\"") && asked[2].has("if-none-match: \"k3f9.5\""));
        assert_eq!(asked[3].connection, 0, "answers without a body keep the connection");
    }

    #[tokio::test]
    async fn a_refusal_ends_the_user_with_a_sentence() {
        let server = Scripted::spawn(|_| Reply::Keep(answer("400 Bad Request", "", r#"{"error":"no such thing"}"#)));
        let (target, reins) = target(server.address, tick_arm());
        let events = poll(target, &reins, |_| false).await;
        assert!(
            matches!(&events[..], [Event::Failed { reason }] if reason.contains("400: no such thing")),
            "{events:?}"
        );
    }

    #[tokio::test]
    async fn nobody_listening_is_tried_again_and_then_said() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (target, reins) = target(free, tick_arm());
        let traffic = target.traffic.clone();
        let events = poll(target, &reins, |_| false).await;
        assert!(matches!(&events[..], [Event::Failed { reason }] if reason.contains("refused")), "{events:?}");
        let counts = [traffic.requests(), traffic.requests_unanswered(), traffic.dialled(), traffic.dials_unclear()];
        assert_eq!(counts, [0; 4], "nothing was sent, nothing stood");
    }
}
