//! Each identity on a sound trial, and on one that breaks it.

use super::*;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::meter::{ControlSnapshot, TcpTotals};
use wirerace_contract::results::{Orders, Traffic, Window};
use wirerace_contract::spec::Connection;

const MS: u64 = NS_PER_MS;

/// Three clients with four orders a second, a quote each 10 ms, a window from quote 11 to quote 110.
fn load() -> LoadSpec {
    let feed = FeedSpec { symbols: 1, arrivals: Arrivals::Periodic, rate_per_s: 100.0, ..FeedSpec::default() };
    LoadSpec { clients: 3, feed, orders_per_s: 4.0, ..LoadSpec::default() }
}

fn arm(interval_ms: u32) -> Arm {
    Arm {
        name: "an arm".to_owned(),
        transport: "polling".to_owned(),
        connection: Connection::Kept,
        delivery: Delivery::Every,
        interval_ms,
        encoding: Default::default(),
        ..Arm::default()
    }
}

/// What a sound trial says: no quote lost, polls each 250 ms; of the orders one was lost and two never sent.
fn client() -> ClientReport {
    let counts = |planned| QuoteCounts { planned, received: planned, ..QuoteCounts::default() };
    ClientReport {
        clients: 3,
        clients_connected: 3,
        window: Window {
            start_offset_ns: 105 * MS,
            end_offset_ns: 1105 * MS,
            first_seq: 11,
            last_seq: 110,
            warm_up_agreed: true,
        },
        quotes: counts(330),
        window_quotes: counts(300),
        traffic: Traffic {
            connections_dialled: 3,
            requests: 20,
            window_polls_issued: 10,
            window_polls_skipped: 2,
            payload_bytes: 330 * 120,
            ..Traffic::default()
        },
        orders: Orders {
            issued: 15,
            acknowledged: 14,
            lost: 1,
            window_planned: 12,
            window_issued: 10,
            window_unsent: 2,
            window_acknowledged: 9,
            window_lost: 1,
            ..Orders::default()
        },
        ..ClientReport::default()
    }
}

fn meter() -> WireMeter {
    WireMeter {
        enabled: true,
        connections_accepted: 3,
        requests: 20,
        bytes_out: 50_000,
        payload_bytes_out: 330 * 120,
        tcp: TcpTotals { connections: 3, bytes_sent: 50_100, bytes_retrans: 100, ..TcpTotals::default() },
        ..WireMeter::default()
    }
}

fn judged(client: &ClientReport, closed: WireMeter, interval_ms: u32) -> Vec<String> {
    let at = |meter: &WireMeter| ControlSnapshot { meter: meter.clone(), ..ControlSnapshot::default() };
    let sound = meter();
    let server = MeterStages {
        connected: at(&sound),
        window_start: at(&sound),
        window_end: at(&sound),
        drained: at(&sound),
        closed: at(&closed),
    };
    contradictions(client, &server, &arm(interval_ms), Delivers::Planned, &load())
}

#[test]
fn a_sound_trial_contradicts_nothing() {
    assert_eq!(judged(&client(), meter(), 250), Vec::<String>::new());
}

#[test]
fn each_identity_can_fail() {
    type Break = fn(&mut ClientReport, &mut WireMeter);
    let cases: [(Break, &str); 23] = [
        (|c, _| c.clients = 2, "clients wanted against reported: 3 against 2"),
        (|c, _| c.window.first_seq = 12, "first quote of the window against the plan's: 12 against 11"),
        (|c, _| c.window.last_seq = 111, "last quote of the window against the plan's: 111 against 110"),
        (|c, _| c.quotes.lost = 1, "quotes received + superseded + lost against the plan: 331 against 330"),
        (|c, _| c.window_quotes.superseded = 2, "lost against the plan (window): 302 against 300"),
        (|c, _| c.quotes.planned = 331, "quotes planned by the load against the plan: 331 against 330"),
        (|c, _| c.window_quotes.planned = 200, "quotes planned by the load against the plan (window): 200 against 300"),
        (|c, _| c.quotes.early = 1, "before they were due, against none: 1 against 0"),
        (|c, _| c.traffic.window_polls_skipped = 3, "polls issued + skipped against the plan (window): 13 against 12"),
        (|c, _| c.traffic.window_polls_issued = 9, "polls issued + skipped against the plan (window): 11 against 12"),
        // A backlog that nobody tells of, an order that is acknowledged twice, a plan of another rate.
        (|c, _| c.orders.window_unsent = 0, "orders sent + never sent against planned (window): 10 against 12"),
        (|c, _| c.orders.window_unsent = 3, "orders sent + never sent against planned (window): 13 against 12"),
        (|c, _| c.orders.acknowledged = 15, "orders acknowledged + lost against sent: 16 against 15"),
        (|c, _| c.orders.lost = 0, "orders acknowledged + lost against sent: 14 against 15"),
        (|c, _| c.orders.window_lost = 0, "orders acknowledged + lost against sent (window): 9 against 10"),
        (|c, _| c.orders.window_planned = 10, "orders planned by the load against the plan (window): 10 against 12"),
        (|c, _| c.traffic.payload_bytes += 1, "payload bytes received against quotes × size: 39601 against 39600"),
        (|c, _| c.traffic.dials_starved = 2, "raise the limit of open files, or take fewer clients"),
        (|_, m| m.accepts_failed = 3, "(a push of the newest quote takes two files a client)"),
        (|_, m| m.connections_accepted = 4, "connections accepted against dialled: 4 against 3"),
        (|_, m| m.requests = 19, "requests received against sent: 19 against 20"),
        (|_, m| m.payload_bytes_out -= 120, "payload bytes handed over against received: 39480 against 39600"),
        (|_, m| m.bytes_out += 1, "bytes written against the kernel's count (closed): 50001 against 50000"),
    ];
    for (break_it, words) in cases {
        let (mut client, mut meter) = (client(), meter());
        break_it(&mut client, &mut meter);
        let found = judged(&client, meter, 250);
        assert!(found.iter().any(|sentence| sentence.ends_with(words)), "{words}: {found:?}");
    }
}

#[test]
fn refused_and_leaving_clients_are_outcomes() {
    // One of three never got in: all of its quotes are lost, and it polls nothing.
    let mut refused = client();
    (refused.clients_connected, refused.clients_refused) = (2, 1);
    refused.quotes = QuoteCounts { received: 220, lost: 110, ..refused.quotes };
    refused.window_quotes = QuoteCounts { received: 200, lost: 100, ..refused.window_quotes };
    refused.traffic.window_polls_issued = 6;
    refused.traffic.payload_bytes = 220 * 120;
    // Nobody plans its orders.
    refused.orders = Orders { window_planned: 8, window_unsent: 0, window_issued: 8, ..refused.orders };
    refused.orders.window_acknowledged = 7;
    assert_eq!(judged(&refused, meter(), 250), Vec::<String>::new());

    // It was reset: whether the server took it, and read what it sent, is open by as many as that.
    refused.traffic = Traffic { dials_unclear: 1, requests_unanswered: 2, ..refused.traffic };
    for (accepted, requests, sound) in [(4, 18, true), (3, 20, true), (5, 20, false), (2, 20, false), (3, 17, false)] {
        let tcp = TcpTotals::default();
        let closed = WireMeter { connections_accepted: accepted, requests, tcp, ..meter() };
        assert_eq!(judged(&refused, closed, 250).is_empty(), sound, "{accepted} accepted, {requests} requests");
    }

    // One that gave up in the middle has no more polls to account for.
    let mut gave_up = client();
    gave_up.clients_gave_up = 1;
    gave_up.traffic.window_polls_issued = 7;
    assert_eq!(judged(&gave_up, meter(), 250), Vec::<String>::new());
    // Nor more orders; but nobody is let off those of the others.
    let orders = gave_up.orders.clone();
    (gave_up.orders.window_unsent, gave_up.orders.window_lost) = (0, 0);
    assert_eq!(judged(&gave_up, meter(), 250), Vec::<String>::new());
    (gave_up.orders.window_issued, gave_up.orders.window_acknowledged) = (7, 7);
    let found = judged(&gave_up, meter(), 250);
    assert_eq!(found, ["orders sent + never sent against planned (window): 7 against 8 to 12"]);
    gave_up.orders = orders;
    gave_up.traffic.window_polls_issued = 5;
    assert_eq!(judged(&gave_up, meter(), 250), ["polls issued + skipped against the plan (window): 7 against 8 to 12"]);
}

#[test]
fn a_window_of_no_whole_number_of_intervals_holds_one_poll_more_or_less_of_each_client() {
    for (issued, sound) in [(8, false), (9, true), (12, true), (13, false)] {
        let mut client = client();
        (client.traffic.window_polls_issued, client.traffic.window_polls_skipped) = (issued, 0);
        assert_eq!(judged(&client, meter(), 300).is_empty(), sound, "{issued} polls each 300 ms in a second");
    }
}

#[test]
fn connections_left_open_are_told_with_everything_that_was_measured() {
    let closed = WireMeter { connections_open: 2, ..meter() };
    assert_eq!(judged(&client(), closed, 250), ["2 connections were still open after the clients had closed them"]);
    // Also when nothing else of the meter counts.
    let closed = WireMeter { enabled: false, connections_open: 2, ..WireMeter::default() };
    assert_eq!(judged(&client(), closed, 250).len(), 1);
}
