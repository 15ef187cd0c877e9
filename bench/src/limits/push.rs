//! Push with time to spare: every quote is a write of its own.

use anyhow::Result;

use super::measure::{Bench, even_feed};
use super::role::Protocol;
use super::verdict::{Figure, Side};

/// Quotes per second to each client.
const RATE_PER_S: f64 = 50.0;
/// Bytes of one quote on the wire: 120 of JSON and a frame head of 2 (RFC 6455 §5.2).
pub const WEBSOCKET_QUOTE_BYTES: usize = 122;
/// Bytes of one quote on the wire: `id: k3f9.123`, `data: ` and 120 of JSON, three line feeds, and a chunk's size line
/// and end (RFC 9112 §7.1); the sequence numbers that come up have two or three digits.
pub const SSE_QUOTE_BYTES: usize = 12 + 1 + 126 + 2 + 4 + 2;

/// The pushed transports: name, how the raw reader tells quotes apart, bytes per quote, target of the cost ratio.
pub const PUSHED: [(&str, Protocol, usize, f64); 2] =
    [("websocket", Protocol::WebSocket, WEBSOCKET_QUOTE_BYTES, 1.25), ("sse", Protocol::Sse, SSE_QUOTE_BYTES, 1.5)];

/// Cost per quote and p99 of lateness, against the bare loop.
pub async fn unsaturated(bench: &Bench) -> Result<Vec<Figure>> {
    let feed = even_feed(RATE_PER_S);
    let mut figures = Vec::new();
    for (transport, protocol, quote_bytes, target) in PUSHED {
        let (mut cost, mut late, mut lost, mut floor_us) = (Vec::new(), Vec::new(), 0, Vec::new());
        for pair in 0..bench.pairs() {
            // Which of the two goes first alternates, so that drift does not favour one.
            let (ours, floor) = if pair % 2 == 0 {
                let ours = bench.push(transport, protocol, &feed, true).await?;
                (ours, bench.push_floor(&feed, quote_bytes, 1).await?)
            } else {
                let floor = bench.push_floor(&feed, quote_bytes, 1).await?;
                (bench.push(transport, protocol, &feed, true).await?, floor)
            };
            cost.push(ours.cpu_us_each() / floor.cpu_us_each());
            late.push(ours.counted.p99_ns as f64 / floor.counted.p99_ns as f64);
            lost += ours.counted.lost + floor.counted.lost;
            floor_us.push(floor.cpu_us_each());
        }
        let load = format!("{transport}, {} clients × {RATE_PER_S} quotes/s", bench.push_clients());
        let floor_us = crate::statistics::median(&floor_us).unwrap_or(f64::NAN);
        let note = format!("the bare loop takes {floor_us:.2} µs a quote");
        let what = format!("{load}: server CPU per quote against a bare loop");
        figures.push(Figure::of(what, "times", &cost, Side::AtMost, target).losing(lost).noting(note));
        figures.push(
            Figure::of(format!("{load}: p99 lateness against a bare loop"), "times", &late, Side::AtMost, 1.2)
                .losing(lost),
        );
    }
    Ok(figures)
}

/// Cost per quote with the wire meter on against off.
pub async fn meter_cost(bench: &Bench) -> Result<Vec<Figure>> {
    let feed = even_feed(RATE_PER_S);
    let mut cost = Vec::new();
    for pair in 0..bench.pairs() {
        // Which of the two goes first alternates, so that drift does not favour one.
        let first_metered = pair % 2 == 0;
        let first = bench.push("websocket", Protocol::WebSocket, &feed, first_metered).await?;
        let second = bench.push("websocket", Protocol::WebSocket, &feed, !first_metered).await?;
        let (on, off) = if first_metered { (first, second) } else { (second, first) };
        cost.push((on.cpu_us_each() / off.cpu_us_each() - 1.0) * 100.0);
    }
    let what =
        format!("wire meter, on against off, websocket, {} clients × {RATE_PER_S} quotes/s", bench.push_clients());
    Ok(vec![Figure::of(what, "% of server CPU", &cost, Side::AtMost, 2.0)])
}
