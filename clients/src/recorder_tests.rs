//! The recorder by hand-computed cases.

use super::*;
use std::io::Write;
use wirerace_contract::feed::Arrivals;
use wirerace_contract::messages::GapReason;
use wirerace_contract::results::LoadUsage;

const MS: u64 = 1_000_000;
const START_NS: u64 = 5_000 * MS;

/// A quote each 10 ms, one symbol; the feed has started.
fn recorder(clients: u32, delivery: Delivery) -> Recorder {
    let feed = FeedSpec { symbols: 1, arrivals: Arrivals::Periodic, rate_per_s: 100.0, ..FeedSpec::default() };
    let mut recorder = Recorder::new(clients, delivery, &feed, Arc::default(), true);
    recorder.start(START_NS, None);
    recorder
}

/// Quote `seq`, `late_ms` after it was due.
fn quote(seq: u64, late_ms: u64) -> Event {
    Event::Quote { seq, received_ns: START_NS + (10 * seq + late_ms) * MS, payload_bytes: 20 }
}

fn counts(planned: u64, received: u64, superseded: u64, lost: u64) -> QuoteCounts {
    QuoteCounts { planned, received, superseded, lost, ..QuoteCounts::default() }
}

fn near(value_ns: Option<u64>, expected_ns: u64) -> bool {
    value_ns.is_some_and(|value_ns| value_ns.abs_diff(expected_ns) * 500 <= expected_ns)
}

#[test]
fn every_quote_is_accounted_for_and_only_the_window_is_timed() {
    let mut recorder = recorder(2, Delivery::Every);
    recorder.event(0, quote(1, 9));
    let window = recorder.open_window(15 * MS, 55 * MS, true);
    assert_eq!((window.first_seq, window.last_seq), (2, 5));
    // Client 0 loses 3, gets 4 twice; client 1 gets 3 after 4 and never the last.
    for event in [quote(2, 1), quote(4, 2), quote(4, 3), quote(5, 4), quote(6, 0), quote(7, 0)] {
        recorder.event(0, event);
    }
    for event in [quote(1, 9), quote(2, 5), quote(4, 5), quote(3, 25)] {
        recorder.event(1, event);
    }
    assert_eq!(recorder.clients_behind(), 1);
    let report = recorder.report(LoadUsage::default());
    let disorder = QuoteCounts { duplicates: 1, out_of_order: 1, ..QuoteCounts::default() };
    assert_eq!(report.quotes, QuoteCounts { planned: 10, received: 8, lost: 2, ..disorder });
    assert_eq!(report.window_quotes, QuoteCounts { planned: 8, received: 6, lost: 2, ..disorder });
    assert_eq!((report.lateness.count, report.lateness.lost), (6, 2));
    assert!(near(report.lateness.min_ns, MS), "the 9 ms before the window are not in it");
    assert!(near(report.lateness.p50_ns, 5 * MS), "fourth of 1 2 4 5 5 25 and two infinite");
    assert_eq!(report.lateness.p99_ns, None);
    // Both received 2 (4 ms apart) and 4 (3 ms apart).
    assert_eq!(report.spread.count, 2);
    assert!(near(report.spread.max_ns, 4 * MS) && near(report.spread.min_ns, 3 * MS));
    assert_eq!(report.traffic.payload_bytes, 20 * 11, "bytes are bytes, also of what is not counted");
    assert!(report.errors.is_empty(), "{:?}", report.errors);
}

#[test]
fn quotes_that_everyone_has_are_let_go() {
    let mut recorder = recorder(2, Delivery::Every);
    recorder.event(0, quote(1, 9));
    recorder.open_window(15 * MS, 5_000 * MS, true);
    for seq in 2..400 {
        recorder.event(0, quote(seq, 1));
        recorder.event(1, quote(seq, 2));
    }
    assert_eq!(recorder.ring.followed(), 0);
}

#[test]
fn a_client_that_leaves_does_not_hold_up_the_spread_of_what_comes_after() {
    let mut recorder = recorder(2, Delivery::Every);
    for client in 0..2 {
        recorder.event(client, Event::Connected { epoch: None });
    }
    recorder.settle_clients();
    recorder.open_window(15 * MS, 5_000 * MS, true);
    recorder.event(1, Event::Failed { reason: "gone".into() });
    for seq in 2..10 {
        recorder.event(0, quote(seq, 1));
    }
    assert_eq!((recorder.ring.followed(), recorder.ring.spread().len()), (0, 8));
}

#[test]
fn a_number_from_another_world_is_early_and_costs_nothing() {
    let mut recorder = recorder(1, Delivery::Every);
    recorder.event(0, Event::Quote { seq: u64::MAX - 1, received_ns: START_NS + 30 * MS, payload_bytes: 20 });
    let report = recorder.report(LoadUsage::default());
    assert_eq!(report.quotes.early, 1);
    assert!(report.errors[0].contains("another plan"), "{:?}", report.errors);
}

#[test]
fn newest_supersedes_on_purpose_and_loses_only_what_never_came() {
    let mut recorder = recorder(1, Delivery::Newest);
    recorder.event(0, quote(1, 1));
    recorder.open_window(25 * MS, 105 * MS, true);
    recorder.event(0, quote(5, 1));
    let gap = Gap { reason: GapReason::Evicted, first: 6, last: 6 };
    recorder.event(0, Event::Gap { epoch: None, gap });
    recorder.event(0, quote(9, 1));
    assert_eq!(recorder.clients_behind(), 1);
    // 10 is the last of the window; 12 says that it will not come.
    recorder.event(0, quote(12, 0));
    assert_eq!(recorder.clients_behind(), 0);
    let report = recorder.report(LoadUsage::default());
    assert_eq!(report.quotes, counts(10, 3, 6, 1), "2, 3, 4, 7, 8 and 10 left out, 6 announced as lost");
    assert_eq!(report.window_quotes, counts(8, 2, 5, 1));
    assert_eq!(report.traffic.gaps, 1);
}

#[test]
fn transit_counts_from_the_log_of_published_quotes() {
    let mut log = tempfile::NamedTempFile::new().unwrap();
    for seq in 1..=2 {
        log.write_all(&(START_NS + (10 * seq + 1) * MS).to_le_bytes()).unwrap();
    }
    let mut recorder = recorder(1, Delivery::Every);
    recorder.start(START_NS, Some(log.path()));
    recorder.open_window(0, 35 * MS, false);
    (1..=3).for_each(|seq| recorder.event(0, quote(seq, 4)));
    let report = recorder.report(LoadUsage::default());
    assert_eq!(report.transit.count, 2, "when quote 3 was published is not known");
    assert!(near(report.transit.max_ns, 3 * MS) && near(report.lateness.max_ns, 4 * MS));
    recorder.start(START_NS, Some(Path::new("/nowhere/published")));
    assert!(recorder.errors[0].contains("no transit times"));
}

#[test]
fn what_contradicts_the_clock_is_an_error_in_words_not_a_figure() {
    let mut recorder = recorder(1, Delivery::Every);
    let early = Event::Quote { seq: 3, received_ns: START_NS + 20 * MS, payload_bytes: 20 };
    recorder.event(0, early);
    recorder.event(0, Event::Quote { seq: 0, received_ns: 1, payload_bytes: 1 });
    let report = recorder.report(LoadUsage::default());
    assert!(report.errors[0].contains("before it was due") && report.errors[1].contains("number 0"));
}

#[test]
fn traffic_is_what_the_events_say() {
    let mut recorder = recorder(1, Delivery::Every);
    recorder.open_window(50 * MS, 90 * MS, false);
    let poll = |planned_ms: u64, error_ns| {
        let planned_ns = START_NS + planned_ms * MS;
        Event::Poll { planned_ns, issued_ns: planned_ns + error_ns }
    };
    let lost = || Event::Disconnected { reason: "reset".into() };
    let connected = || Event::Connected { epoch: Some("k3f9".parse().unwrap()) };
    for event in [connected(), poll(40, 900), poll(50, 100), lost(), connected(), poll(90, 900), Event::EmptyPoll] {
        recorder.event(0, event);
    }
    recorder.event(0, Event::PollsSkipped { first_ns: START_NS + 65 * MS, interval_ns: 10 * MS, count: 4 });
    let report = recorder.report(LoadUsage::default());
    let Traffic { reconnects, polls_planned, polls_issued, polls_skipped, polls_empty, .. } = report.traffic;
    assert_eq!((reconnects, polls_planned, polls_issued, polls_skipped, polls_empty), (1, 7, 3, 4, 1));
    assert_eq!(report.plan_error.count, 1, "only polls planned within the window");
    let Traffic { window_polls_issued, window_polls_skipped, .. } = report.traffic;
    assert_eq!((window_polls_issued, window_polls_skipped), (1, 3), "65, 75 and 85 ms, and not 95");
    assert_eq!(report.errors, ["reset"]);
}

#[test]
fn an_exchange_is_from_the_poll_of_the_window_to_its_first_quote() {
    let mut recorder = recorder(1, Delivery::Every);
    recorder.open_window(50 * MS, 90 * MS, false);
    let poll = |at_ms: u64| Event::Poll { planned_ns: START_NS + at_ms * MS, issued_ns: START_NS + at_ms * MS };
    let came = |seq, at_ms: u64| Event::Quote { seq, received_ns: START_NS + at_ms * MS, payload_bytes: 20 };
    // Before the window; answered with two quotes; empty; lost with its connection; a quote that nobody asked for.
    let lost = || Event::Disconnected { reason: "reset".into() };
    for event in [poll(40), came(1, 45), poll(50), came(2, 57), came(3, 58), poll(60), Event::EmptyPoll, came(4, 65)] {
        recorder.event(0, event);
    }
    for event in [poll(70), lost(), came(5, 80)] {
        recorder.event(0, event);
    }
    let exchange = recorder.report(LoadUsage::default()).exchange;
    assert_eq!(exchange.count, 1);
    assert!(near(exchange.p50_ns, 7 * MS));
}

#[test]
fn quotes_of_another_stream_are_not_counted() {
    let mut recorder = recorder(1, Delivery::Every);
    recorder.open_window(5 * MS, 35 * MS, false);
    recorder.event(0, Event::Connected { epoch: Some("k3f9".parse().unwrap()) });
    recorder.event(0, quote(1, 1));
    recorder.event(0, Event::Connected { epoch: Some("k3fa".parse().unwrap()) });
    recorder.event(0, quote(2, 1));
    assert_eq!(recorder.clients_behind(), 0, "nothing is left to wait for");
    let report = recorder.report(LoadUsage::default());
    assert_eq!(report.quotes, counts(3, 1, 0, 2));
    assert!(report.errors[0].contains("another stream (k3f9, now k3fa)"));
}

#[test]
fn progress_leaves_out_the_lateness_of_what_was_due_before_the_load_came() {
    let mut recorder = recorder(1, Delivery::Every);
    recorder.tell_lateness_from(START_NS + 25 * MS);
    recorder.event(0, quote(1, 500));
    recorder.event(0, quote(2, 490));
    assert_eq!(recorder.progress(START_NS + 510 * MS).lateness_p50_ns, None);
    recorder.event(0, quote(3, 480));
    let progress = recorder.progress(START_NS + 510 * MS);
    assert!(progress.received == 3 && near(progress.lateness_p50_ns, 480 * MS), "{progress:?}");
}

#[test]
fn progress_says_what_is_so_far() {
    let mut recorder = recorder(1, Delivery::Every);
    assert_eq!(recorder.progress(START_NS).lateness_p50_ns, None);
    recorder.open_window(0, 100 * MS, false);
    recorder.event(0, quote(1, 5));
    recorder.event(0, quote(2, 5));
    let progress = recorder.progress(START_NS + 30 * MS);
    assert_eq!((progress.received, progress.offset_ns), (2, 30 * MS));
    assert!(near(progress.lateness_p50_ns, 5 * MS));
    // Integrated up to 25 ms: 10 ms of age for 5 ms (nothing held), then 10 ms for 5 ms again.
    assert!((progress.staleness_mean_ns.unwrap() - 4e6).abs() < 1.0);
}

#[test]
fn orders_are_counted_by_their_plan_also_when_they_are_never_sent() {
    let mut recorder = recorder(3, Delivery::Every);
    // Ten a second, at 0, 30 and 60 ms of each tenth; the third client does not get in.
    recorder.plan_orders(10.0, [0.0, 0.3, 0.6].into_iter());
    (0..2).for_each(|client| recorder.event(client, Event::Connected { epoch: None }));
    recorder.settle_clients();
    recorder.open_window(100 * MS, 400 * MS, true);
    assert_eq!(recorder.orders_out(), 6, "those that nobody has sent yet are waited for");
    let at = |ms: u64| START_NS + ms * MS;
    let acknowledged = |ms| Event::OrderAcknowledged { planned_ns: at(ms), acknowledged_ns: at(ms) + MS };
    for ms in [0, 100, 200, 300] {
        recorder.event(0, Event::OrderSent { planned_ns: at(ms) });
        recorder.event(0, acknowledged(ms));
    }
    recorder.event(1, Event::OrderSent { planned_ns: at(130) });
    assert_eq!(recorder.orders_out(), 3);
    recorder.event(1, Event::OrderLost { planned_ns: at(130), reason: Some("refused".into()) });
    for ms in [230, 330, 430] {
        recorder.event(1, Event::OrderUnsent { planned_ns: at(ms) });
    }
    let report = recorder.report(LoadUsage::default());
    let orders = &report.orders;
    assert_eq!((orders.issued, orders.acknowledged, orders.lost), (5, 4, 1));
    assert_eq!((orders.window_planned, orders.window_issued, orders.window_unsent), (6, 4, 2));
    assert_eq!((orders.window_acknowledged, orders.window_lost), (3, 1));
    assert_eq!((orders.latency.count, orders.latency.lost), (3, 3), "half of the orders are infinitely late");
    assert_eq!(report.errors, ["refused"]);
}
