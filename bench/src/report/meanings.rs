//! What the rows of the comparison table mean, in words.

use super::table::turned;
use crate::charts::DataTable;
use crate::summary::Summary;

/// Stands over them.
pub(super) const HEADING: &str = "What the rows mean";

/// What stands under each head that a comparison table may have, in a few words.
pub(super) const MEANINGS: [(&str, &str); 27] = [
    ("n", "trials that are used, one a block; in brackets those that were set aside, or used for counts only"),
    (
        "late p50 ms",
        "lateness at the median, of delivered quotes: from the instant a quote was due by the feed's plan to the instant the \
         client had it; where only the newest is wanted, superseded quotes are not counted, and staleness is to be compared",
    ),
    ("late p99 ms", "the same at the 99th percentile: one quote in a hundred came later"),
    (
        "stale ms",
        "mean excess staleness: how much older the quotes that a client shows are than those of a reader without any delay",
    ),
    ("wrong price %", "share of the time in which a client shows another price than the newest"),
    (
        "B/quote",
        "bytes per delivered quote: whole IP packets, both ways, set-up included; where only the newest is wanted, arms deliver \
         different numbers of quotes, so that nothing counted by the quote is to be compared",
    ),
    ("B/quote above TCP", "the same without TCP and IP heads: payload, framing and HTTP heads"),
    ("B/quote steady", "bytes of packets per quote without set-up, as a run without end would have them"),
    ("conns/100 quotes", "connections opened per 100 delivered quotes"),
    ("reqs/100 quotes", "HTTP requests per 100 delivered quotes"),
    ("empty polls %", "share of the polls that were answered without a quote"),
    ("CPU µs/quote", "processor time of the server and the load process together, per delivered quote"),
    ("of it server µs", "the server's part of that; on loopback the sender's calls run the receiver's TCP too"),
    ("server MiB", "resident memory of the server process at the end of the window"),
    (
        "publisher p99 ms",
        "the suite's own error: how late the publisher was at the 99th percentile; it is part of every lateness",
    ),
    (
        "transit ÷ least",
        "median transit as a multiple of what one plain socket took on this machine just before the run",
    ),
    ("lost", "quotes that never reached their client, over all trials that are used"),
    ("order ack p50 ms", "from an order's planned instant to its acknowledgement, at the median"),
    ("order ack p99 ms", "the same at the 99th percentile"),
    ("B/s and client", "bytes of packets per second and client, since no quote came to divide by"),
    (
        "CPU µs/s and client",
        "the whole machine's processor time per second and client, since no quote came to divide by",
    ),
    ("orders planned", "orders that the plan has in the window"),
    ("orders never sent", "those of them that no client sent"),
    ("orders lost", "those of them that were sent and never came through"),
    ("orders unacknowledged", "those of them without an acknowledgement"),
    ("clients refused", "clients that the server did not let in"),
    ("clients that gave up", "clients that stopped trying"),
];

/// What the rows of the tables of this run mean, a line each, in their order: only of rows that some cell has.
pub(super) fn meanings(summary: &Summary) -> Vec<String> {
    let tables: Vec<DataTable> = summary.cells.iter().map(turned).collect();
    let has =
        |head: &str| tables.iter().flat_map(|table| &table.rows).any(|row| row.first().is_some_and(|h| h == head));
    MEANINGS.iter().filter(|(head, _)| has(head)).map(|(head, meaning)| format!("{head}: {meaning}.")).collect()
}
