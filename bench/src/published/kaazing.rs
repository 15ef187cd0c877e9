//! Kaazing 2010, "A Quantum Leap in Scalability for the Web" (websocket.org/quantum.html): a stock page that polls each
//! second, against a WebSocket.
//!
//! The article counts the characters of one captured exchange without their line ends, and multiplies. The same exchange
//! is followed here down to the line: with line ends, with the payload, with TCP and IP heads (a data segment each way
//! and one segment without data), with TLS records, with what an Ethernet adds.

use wirerace_contract::encoding::Encoding;
use wirerace_contract::spec::Delivery;

use super::{Published, data, error_percent, no_data, optional};
use crate::claims::evidence::Side;
use crate::claims::{Evidence, Way};
use crate::summary::Quantity as Q;
use crate::summary::words::{count, number};

/// Lengths of the captured request's lines without line ends: request line, Host, User-Agent, Accept, Accept-Language,
/// Accept-Encoding, Accept-Charset, Keep-Alive, Connection, Referer, Cookie.
pub const REQUEST_LINES: [u32; 11] = [40, 20, 100, 71, 22, 29, 46, 15, 22, 45, 282];
/// Lengths of the captured response's lines without line ends.
pub const RESPONSE_LINES: [u32; 6] = [15, 25, 49, 37, 18, 35];
/// Bytes of the quote inside, about.
pub const PAYLOAD_BYTES: u32 = 20;
/// Bytes that a WebSocket frame adds, as the article counts (an unmasked frame of up to 125 bytes, RFC 6455 §5.2).
pub const FRAME_BYTES: u32 = 2;
/// Numbers of clients in the article, one update per second each.
pub const CLIENTS: [u64; 3] = [1_000, 10_000, 100_000];
/// Printed bit/s of the polls' heads, in the order of [`CLIENTS`].
pub const PUBLISHED_POLL_BITS: [u64; 3] = [6_968_000, 69_680_000, 696_800_000];
/// Printed bit/s of the WebSocket's frames.
pub const PUBLISHED_PUSH_BITS: [u64; 3] = [16_000, 160_000, 1_600_000];

/// IPv4 20, TCP 20, timestamps 12.
const SEGMENT_BYTES: u32 = 52;
/// TLS 1.3: 5 of the record's head, 1 of the inner type, 16 of the tag (RFC 8446 §5.2).
const RECORD_BYTES: u32 = 22;
/// Ethernet: head 14, check sum 4, preamble 8, gap 12.
const ETHERNET_BYTES: u32 = 38;
/// Packets of one exchange: request, answer, one segment without data.
const POLL_PACKETS: u32 = 3;
/// Of these, packets with data: a record each.
const POLL_RECORDS: u32 = 2;
/// Packets of one push: the message, one segment without data.
const PUSH_PACKETS: u32 = 2;

/// Bytes of a head: its lines, a line end each, and the empty line.
#[must_use]
pub fn head_bytes(lines: &[u32]) -> u32 {
    lines.iter().map(|line| line + 2).sum::<u32>() + 2
}

/// One way of counting: poll and push, bytes per second and client at one update a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// What is counted.
    pub name: &'static str,
    /// Bytes of a poll.
    pub poll: u32,
    /// Bytes of a push.
    pub push: u32,
}

/// The levels from the printed figure down to the line.
#[must_use]
pub fn levels() -> [Level; 6] {
    let printed = REQUEST_LINES.iter().chain(&RESPONSE_LINES).sum();
    let heads = head_bytes(&REQUEST_LINES) + head_bytes(&RESPONSE_LINES);
    let (poll, push) = (heads + PAYLOAD_BYTES, FRAME_BYTES + PAYLOAD_BYTES);
    let packets = (poll + POLL_PACKETS * SEGMENT_BYTES, push + PUSH_PACKETS * SEGMENT_BYTES);
    let tls = (packets.0 + POLL_RECORDS * RECORD_BYTES, packets.1 + RECORD_BYTES);
    let line = (packets.0 + POLL_PACKETS * ETHERNET_BYTES, packets.1 + PUSH_PACKETS * ETHERNET_BYTES);
    let level = |name, (poll, push)| Level { name, poll, push };
    [
        level("heads only, as published", (printed, FRAME_BYTES)),
        level("heads with line ends", (heads, FRAME_BYTES)),
        level("application bytes with payload", (poll, push)),
        level("IP packets", packets),
        level("IP packets with TLS 1.3", tls),
        level("Ethernet line", line),
    ]
}

/// The tables.
#[must_use]
pub fn tables(evidence: &Evidence) -> Vec<Published> {
    vec![as_printed(), layer_by_layer(evidence), other_terms(evidence)]
}

fn as_printed() -> Published {
    let printed: u64 = u64::from(levels()[0].poll);
    let row = |(i, clients): (usize, &u64)| {
        let derived = (clients * printed * 8, clients * u64::from(FRAME_BYTES) * 8);
        [
            count(*clients),
            count(PUBLISHED_POLL_BITS[i]),
            count(derived.0),
            count(PUBLISHED_PUSH_BITS[i]),
            count(derived.1),
        ]
    };
    Published {
        title: "Kaazing 2010: as printed, bit/s".to_owned(),
        notes: vec![
            "Derived: characters of both heads without line ends (871), and frame heads (2), × 8 × clients. The article's \
             \"6.6 Mbps\" for 1,000 clients is 6,968,000 divided by 2^20."
                .to_owned(),
            "The comparison is not equal: a poll leaves out what came between two polls, a push does not.".to_owned(),
            "The article's \"3:1 latency, 150 ms to 50 ms\" is a drawing: 150 ms is the longest that a long poll takes with \
             50 ms one way; polls each second have a mean of about 550 ms."
                .to_owned(),
        ],
        table: data(
            ["clients", "polls, published", "polls, derived", "WebSocket, published", "WebSocket, derived"],
            CLIENTS.iter().enumerate().map(row).collect(),
        ),
    }
}

/// The article's own setting: polls each second with its heads, one update a second of about 20 bytes.
fn is_the_articles(side: &Side<'_>) -> bool {
    let load = &side.cell.load;
    let heads = (load.heads.request_bytes, load.heads.response_bytes);
    heads == (head_bytes(&REQUEST_LINES), head_bytes(&RESPONSE_LINES))
        && (load.feed.rate_per_s - 1.0).abs() < 1e-9
        && side.entry.arm.encoding == Encoding::Tick
        && side.payload_bytes() == PAYLOAD_BYTES as usize
}

/// What a level is measured as.
fn measured(side: &Side<'_>, level: usize) -> Option<f64> {
    let median = |quantity| side.arm.median(quantity);
    match (level, side.way()) {
        // Heads of one exchange, exactly.
        (1, Way::Asked) => Some(100.0 * (median(Q::UpHeads)? + median(Q::DownHeads)?) / median(Q::Requests)?),
        (1, _) => Some(median(Q::SteadyApplicationBytes)? - median(Q::DownPayload)?),
        (2, _) => Some(median(Q::ApplicationRate)? / updates_per_s(side)?),
        (3, _) => Some(median(Q::PacketRate)? / updates_per_s(side)?),
        _ => None,
    }
}

/// Exchanges of a poll, or messages of a push, per second and client. The article has one of each a second; a run has fewer,
/// since its bytes are taken from "all connected" on, and its feed begins later.
fn updates_per_s(side: &Side<'_>) -> Option<f64> {
    let bytes_per_s = side.arm.median(Q::ApplicationRate)?;
    let quotes_per_s = bytes_per_s / side.arm.median(Q::SteadyApplicationBytes)?;
    let updates_per_s = match side.way() {
        // All that is not payload is heads, since an answer is the bare quote or nothing.
        Way::Asked => (bytes_per_s - quotes_per_s * side.payload_bytes() as f64) / measured(side, 1)?,
        _ => quotes_per_s,
    };
    Some(updates_per_s).filter(|updates_per_s| *updates_per_s > 0.0)
}

fn layer_by_layer(evidence: &Evidence) -> Published {
    let sides = evidence.sides(&["kaazing"]);
    let articles = |way, delivery| {
        let same = move |s: &&Side<'_>| s.way() == way && s.entry.arm.delivery == delivery && is_the_articles(s);
        sides.iter().find(same)
    };
    // The article's poll leaves out what came between two polls, its push nothing.
    let poll = articles(Way::Asked, Delivery::Newest).filter(|s| s.entry.arm.interval_ms == 1_000);
    let push = articles(Way::Upgraded, Delivery::Every);
    let row = |(i, level): (usize, &Level)| {
        let (asked, pushed) = (poll.and_then(|s| measured(s, i)), push.and_then(|s| measured(s, i)));
        [
            level.name.to_owned(),
            count(u64::from(level.poll)),
            optional(asked),
            error_percent(asked, f64::from(level.poll)),
            count(u64::from(level.push)),
            optional(pushed),
            error_percent(pushed, f64::from(level.push)),
            number(f64::from(level.poll) / f64::from(level.push)),
            optional(asked.zip(pushed).map(|(asked, pushed)| asked / pushed)),
        ]
    };
    let mut notes = vec![
        "Bytes per second and client at one update a second, which is one exchange or one message. Derived: one segment each way \
         and one without data, IPv4 with TCP timestamps; measured: bytes per second without set-up, divided by the exchanges or \
         messages per second."
            .to_owned(),
        "Not measured: TLS. The Ethernet line is derived from packets and cannot be measured on loopback.".to_owned(),
    ];
    match (poll, push) {
        (Some(poll), Some(push)) => notes.push(format!(
            "Measured: {} in {}, `{}` and `{}`: {}. The poll takes the newest quote only, as the article's does; its answer is the \
             bare quote. Where it finds nothing new it is answered without one. From “all connected” to “the last quote is everywhere” there \
             were {} exchanges and {} messages a second.",
            poll.run,
            poll.cell.name,
            poll.entry.arm.name,
            push.entry.arm.name,
            poll.setting(),
            optional(updates_per_s(poll)),
            optional(updates_per_s(push))
        )),
        _ => notes.push(no_data("kaazing")),
    }
    Published {
        title: "Kaazing 2010: layer by layer, published, derived and measured".to_owned(),
        notes,
        table: data(
            [
                "level",
                "poll, derived B",
                "poll, measured B",
                "error",
                "WebSocket, derived B",
                "WebSocket, measured B",
                "error",
                "ratio, derived",
                "ratio, measured",
            ],
            levels().iter().enumerate().map(row).collect(),
        ),
    }
}

/// Equal delivery, and other rates: every arm of the experiment against polls of the same cell.
fn other_terms(evidence: &Evidence) -> Published {
    let mut rows = Vec::new();
    for cell in evidence.cells(&["kaazing"]) {
        for side in &cell {
            let same =
                |other: &&Side<'_>| other.way() == Way::Asked && other.entry.arm.delivery == side.entry.arm.delivery;
            let polls = cell.iter().find(same);
            let bytes = |side: &Side<'_>| side.arm.median(Q::PacketRate);
            let ratio = polls.and_then(bytes).zip(bytes(side)).map(|(polls, own)| polls / own);
            rows.push([
                side.cell.name.clone(),
                side.entry.arm.name.clone(),
                side.entry.arm.delivery.name().to_owned(),
                number(side.cell.load.feed.rate_per_s),
                optional(side.arm.median(Q::ApplicationRate)),
                optional(bytes(side)),
                optional(ratio),
                optional(side.arm.median(Q::StalenessMean)),
            ]);
        }
    }
    let notes = if rows.is_empty() {
        vec![no_data("kaazing")]
    } else {
        vec![
            "Polls ÷ arm compares equal delivery only: `newest` is at most one quote per interval, for push too."
                .to_owned(),
        ]
    };
    Published {
        title: "Kaazing 2010: push conflated, and other rates".to_owned(),
        notes,
        table: data(
            [
                "cell",
                "arm",
                "delivery",
                "quotes/s",
                "above TCP, B/s and client",
                "packets, B/s and client",
                "polls ÷ arm",
                "stale ms",
            ],
            rows,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::fake::{arm, run};
    use wirerace_contract::feed::FeedSpec;
    use wirerace_contract::spec::{HeadProfile, LoadSpec};

    #[test]
    fn the_arithmetic_of_the_article() {
        assert_eq!((head_bytes(&REQUEST_LINES), head_bytes(&RESPONSE_LINES)), (716, 193));
        let pairs = levels().map(|level| (level.poll, level.push));
        assert_eq!(pairs, [(871, 2), (909, 2), (929, 22), (1_085, 126), (1_129, 148), (1_199, 202)]);
        let derived = |bytes: u64| CLIENTS.map(|clients| clients * bytes * 8);
        assert_eq!((derived(871), derived(2)), (PUBLISHED_POLL_BITS, PUBLISHED_PUSH_BITS));
    }

    #[test]
    fn measured_figures_stand_beside_with_their_error() {
        let load = LoadSpec {
            feed: FeedSpec { rate_per_s: 1.0, ..FeedSpec::default() },
            heads: HeadProfile { request_bytes: 716, response_bytes: 193 },
            ..LoadSpec::default()
        };
        let ticks = |mut arm: crate::claims::fake::FakeArm| {
            arm.entry.arm.encoding = Encoding::Tick;
            arm
        };
        // Of the polls nine exchanges in ten seconds, a third of them with a quote; of the socket half a message a second.
        let poll = [
            (Q::ApplicationRate, 0.9 * 909.0 + 0.3 * 20.0),
            (Q::SteadyApplicationBytes, 3.0 * 909.0 + 20.0),
            (Q::PacketRate, 0.9 * 1_085.0),
            (Q::UpHeads, 716.0),
            (Q::DownHeads, 193.0),
            (Q::Requests, 100.0),
        ];
        let push = [
            (Q::ApplicationRate, 11.0),
            (Q::PacketRate, 63.0),
            (Q::SteadyApplicationBytes, 22.0),
            (Q::DownPayload, 20.0),
        ];
        let mut newest = ticks(arm("p newest", Way::Asked, 1_000, &poll));
        newest.entry.arm.delivery = Delivery::Newest;
        // Who takes every quote has an envelope around it, which the article's poll has not.
        let every = ticks(arm("p", Way::Asked, 1_000, &[(Q::ApplicationRate, 2_000.0), (Q::PacketRate, 1_085.0)]));
        let arms = vec![every, newest, ticks(arm("w", Way::Upgraded, 0, &push))];
        let evidence = Evidence { runs: vec![run("kaazing", 6, &[("as printed", load, arms)])], exchanges: Vec::new() };
        let table = layer_by_layer(&evidence).table;
        assert_eq!(table.rows[1][2..4], ["909", "+0.0 %"]);
        assert_eq!(table.rows[2][2..4], ["916", "-1.4 %"]);
        assert_eq!(table.rows[3][2..4], ["1,085", "+0.0 %"]);
        assert_eq!(table.rows[3][5..7], ["126", "+0.0 %"]);
        assert_eq!(table.rows[3][8], "8.61");
        assert!(layer_by_layer(&evidence).notes[2].ends_with("were 0.9 exchanges and 0.5 messages a second."));
        assert_eq!(table.rows[4][2], "–", "TLS is not measured");
        assert_eq!(other_terms(&evidence).table.rows[2][6], "17.2", "polls and pushes as often as they were");
    }

    #[test]
    fn without_a_run_the_derived_figures_stand_alone() {
        let tables = tables(&Evidence::default());
        assert!(tables[1].notes.iter().any(|note| note.contains("wirerace run kaazing")));
        assert_eq!(tables[1].table.rows[3][1..3], ["1,085", "–"]);
    }
}
