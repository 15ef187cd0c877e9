//! Bytes against what was counted on real sockets: the figures are those of the committed reference run
//! (`results/2026-11-20-transports`), of trials with 20 clients, divided by clients or requests.

use std::borrow::Cow;

use wirerace_contract::descriptor::{Dash, Delivers, Descriptor, Marker, Wraps};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Connection, Delivery, HeadProfile, LoadSpec};

use super::heads::Heads;
use super::{AnswerSize, Costs, Prediction, Run, bytes, predict, predict_run};

fn entry(delivers: Delivers, wraps: Wraps, connection: Connection) -> ArmEntry {
    let descriptor = Descriptor {
        name: Cow::Borrowed("any"),
        title: Cow::Borrowed("Any"),
        colour: Cow::Borrowed("#000000"),
        dash: Dash::Solid,
        marker: Marker::Circle,
        delivers,
        wraps: Some(wraps),
        set_up_round_trips: 2,
    };
    let arm = Arm {
        name: "any".into(),
        transport: "any".into(),
        connection,
        delivery: Delivery::Every,
        interval_ms: if delivers == Delivers::Planned { 500 } else { 0 },
        encoding: Encoding::Json,
        ..Arm::default()
    };
    ArmEntry { arm, descriptor }
}

/// 71 quotes in 6.5 s, as the first block of the reference run had.
const RUN: Run =
    Run { quotes: 71.0, feed_s: 6.5, window_rate_per_s: 10.0, window_from_s: None, asked_s: 6.94, metered_s: 7.04 };

fn of(entry: &ArmEntry) -> Prediction {
    predict_run(entry, &LoadSpec { clients: 20, ..LoadSpec::default() }, &Costs::default(), &RUN)
}

#[test]
fn set_up_is_what_the_reference_run_counted() {
    use Connection::{Closed, Kept};
    use Delivers::{Held, Planned, Pushed};
    // Per client: bytes of heads, framing, TCP/IP heads of data segments.
    for (delivers, wraps, connection, counted) in [
        (Planned, Wraps::Answers, Kept, [233.0, 44.0, 104.0]),
        (Planned, Wraps::Answers, Closed, [271.0, 44.0, 104.0]),
        (Pushed, Wraps::Events, Kept, [279.0, 65.0, 104.0]),
        (Pushed, Wraps::Frames, Kept, [334.0, 62.0, 260.0]),
        // The held request's cursor has one digit at the start and two at the end; the mean is 1.87.
        (Held, Wraps::Answers, Kept, [314.0, 44.0, 156.0]),
    ] {
        let set_up = of(&entry(delivers, wraps, connection)).set_up.unwrap().bytes;
        let (down, up) = (set_up.to_client, set_up.to_server);
        let sums = [down.heads + up.heads, down.framing + up.framing, down.tcp_ip_data + up.tcp_ip_data];
        for (sum, counted) in sums.into_iter().zip(counted) {
            assert!((sum - counted).abs() < 0.9, "{delivers:?} {wraps:?} {connection:?}: {sums:?}, counted {counted}");
        }
    }
}

#[test]
fn heads_and_framing_per_quote_are_what_the_reference_run_counted() {
    use Connection::{Closed, Kept};
    // (requests, response heads, request heads, framing) of 1,420 quotes.
    let poll = (298.0, 298.0 * 166.08, 298.0 * 73.42, 298.0 * 48.66);
    let closed = (298.0, 298.0 * 185.08, 298.0 * 92.42, 298.0 * 48.66);
    let stream = (20.0, 20.0 * 197.0, 20.0 * 82.0, 20.0 * 1_902.0);
    let socket = (20.0, 20.0 * 166.0, 20.0 * 168.0, 20.0 * 204.0);
    for (entry, (requests, down, up, framing)) in [
        (entry(Delivers::Planned, Wraps::Answers, Kept), poll),
        (entry(Delivers::Planned, Wraps::Answers, Closed), closed),
        (entry(Delivers::Pushed, Wraps::Events, Kept), stream),
        (entry(Delivers::Pushed, Wraps::Frames, Kept), socket),
    ] {
        let prediction = of(&entry);
        let total = prediction.total().unwrap();
        let pairs = [
            (prediction.requests().unwrap(), requests),
            (total.to_client.heads, down),
            (total.to_server.heads, up),
            (total.to_client.framing + total.to_server.framing, framing),
            (total.to_client.payload, 120.0 * 1_420.0),
        ];
        for (theory, counted) in pairs {
            assert!((theory / (counted / 1_420.0) - 1.0).abs() < 0.005, "{entry:?}: {theory} {}", counted / 1_420.0);
        }
    }
}

#[test]
fn segments_without_data_are_within_their_range() {
    use Connection::{Closed, Kept};
    // Bytes of both directions, as counted over the whole run.
    for (delivers, wraps, connection, counted) in [
        (Delivers::Planned, Wraps::Answers, Kept, 298.0 * (11.01 + 66.5)),
        (Delivers::Planned, Wraps::Answers, Closed, 298.0 * (216.0 + 216.0)),
        (Delivers::Held, Wraps::Answers, Kept, 1_460.0 * (48.55 + 3.67)),
        (Delivers::Pushed, Wraps::Events, Kept, 20.0 * (164.0 + 3_960.0)),
        (Delivers::Pushed, Wraps::Frames, Kept, 20.0 * (216.0 + 4_012.0)),
    ] {
        let total = of(&entry(delivers, wraps, connection)).total().unwrap();
        let (down, up) = (total.to_client.tcp_ip_bare, total.to_server.tcp_ip_bare);
        let (low, high, counted) = (down.0 + up.0, down.1 + up.1, counted / 1_420.0);
        assert!(low <= counted && counted <= high, "{delivers:?} {wraps:?} {connection:?}: {low} {counted} {high}");
    }
}

#[test]
fn the_newest_alone_has_no_envelope_and_a_304_no_body() {
    let mut entry = entry(Delivers::Planned, Wraps::Answers, Connection::Kept);
    entry.arm.delivery = Delivery::Newest;
    let prediction = predict(&entry, &LoadSpec::default(), &Costs::default());
    let steady = prediction.steady.unwrap();
    assert_eq!((steady.to_client.framing, steady.to_client.payload), (0.0, 120.0));
    let heads = Heads::of(&entry, &LoadSpec::default(), 9.0);
    let text = "HTTP/1.1 304 Not Modified\r\netag: \"k3f9.5\"\r\ncache-control: no-store\r\n\
                access-control-allow-origin: *\r\ndate: Fri, 20 Nov 2026 11:07:54 GMT\r\n\r\n";
    assert_eq!(heads.response(0, 0), text.len() as f64);
    let asked =
        "GET /quotes/latest HTTP/1.1\r\nif-none-match: \"k3f9.5\"\r\naccept: */*\r\nhost: 127.0.0.1:54321\r\n\r\n";
    assert_eq!(heads.request(), asked.len() as f64);
}

#[test]
fn a_head_profile_fills_heads_up() {
    let heads = HeadProfile { request_bytes: 500, response_bytes: 800 };
    let load = LoadSpec { heads, ..LoadSpec::default() };
    let entry = entry(Delivers::Held, Wraps::Answers, Connection::Kept);
    let heads = Heads::of(&entry, &load, 100.0);
    assert_eq!((heads.request(), heads.response(1, 165)), (500.0, 800.0));
}

#[test]
fn answers_have_a_length_on_a_link_where_it_takes_time() {
    let link = serde_json::from_str(r#"{"link":{"one_way_delay_us":15000}}"#).unwrap();
    let (load, poll) = (LoadSpec::default(), entry(Delivers::Planned, Wraps::Answers, Connection::Kept));
    let over = LoadSpec { path: link, ..load.clone() };
    let size = bytes::answer_size(&poll, &over, 100.0);
    // The reference run: 166.08 bytes of head, of which the body's length takes two digits more here, and 44 of envelope.
    assert!((size.empty_bytes - (168.1 + 44.0)).abs() < 4.0, "{size:?}");
    assert!((size.quote_bytes - 121.0).abs() < 1e-9, "a quote and what parts it from the one before: {size:?}");
    assert_eq!(bytes::answer_size(&poll, &load, 100.0), AnswerSize::default(), "one host");
    let stream = entry(Delivers::Pushed, Wraps::Events, Connection::Kept);
    assert_eq!(bytes::answer_size(&stream, &over, 100.0), AnswerSize::default());
    let mut newest = poll.clone();
    newest.arm.delivery = Delivery::Newest;
    assert_eq!(bytes::answer_size(&newest, &over, 100.0), AnswerSize::default(), "one quote is never long");
    // 333 quotes a second make 20 kB in half a second: a round trip more, kept or closed.
    let fast = |path| {
        let mut load = LoadSpec { path, ..LoadSpec::default() };
        load.feed.rate_per_s = 333.0;
        predict(&poll, &load, &Costs::default()).law.unwrap().lateness.mean_s()
    };
    let delayed = serde_json::from_str(r#"{"delayed":{"one_way_delay_us":15000}}"#).unwrap();
    let (over_link, in_server) = (fast(over.path), fast(delayed));
    assert!((over_link - in_server - 0.03).abs() < 1e-4, "{over_link} {in_server}");
}

#[test]
fn segments_follow_the_length_of_what_is_written() {
    let entry = entry(Delivers::Pushed, Wraps::Frames, Connection::Kept);
    for (payload_bytes, segments, frame_head) in
        [(120, 1.0, 2.0), (1_446, 2.0, 4.0), (1_444, 1.0, 4.0), (65_536, 46.0, 10.0)]
    {
        let mut load = LoadSpec::default();
        load.feed.payload_bytes = payload_bytes;
        let law = super::law(&predict(&entry, &load, &Costs::default()).setting).unwrap();
        let steady = bytes::bytes(&entry, &load, &law, 100.0).unwrap().0;
        assert_eq!((steady.to_client.tcp_ip_data, steady.to_client.framing), (52.0 * segments, frame_head));
    }
}

#[test]
fn without_a_word_on_wrapping_there_is_no_theory_of_bytes() {
    let mut entry = entry(Delivers::Pushed, Wraps::Frames, Connection::Kept);
    entry.descriptor.wraps = None;
    let prediction = of(&entry);
    assert!(prediction.steady.is_none() && prediction.total().is_none() && prediction.law.is_some());
}
