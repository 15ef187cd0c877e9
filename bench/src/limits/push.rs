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
        let pairs = bench
            .take_pairs(
                async || bench.push(transport, protocol, &feed, true).await,
                async || bench.push_floor(&feed, quote_bytes, 1).await,
            )
            .await?;
        let late = pairs.each(|ours, floor| ours.counted.p99_ns as f64 / floor.counted.p99_ns as f64);
        let load = format!("{transport}, {} clients × {RATE_PER_S} quotes/s", bench.push_clients());
        let floor_us = crate::statistics::median(&pairs.each(|_, floor| floor.cpu_us_each())).unwrap_or(f64::NAN);
        let note = format!("the bare loop takes {floor_us:.2} µs a quote");
        let what = format!("{load}: server CPU per quote against a bare loop");
        figures.push(
            Figure::of(what, "times", &pairs.cost_ratios(), Side::AtMost, target)
                .losing(pairs.lost())
                .noting(pairs.machine.after(&note)),
        );
        figures.push(
            Figure::of(format!("{load}: p99 lateness against a bare loop"), "times", &late, Side::AtMost, 1.2)
                .losing(pairs.lost()),
        );
    }
    Ok(figures)
}

/// Cost per quote with the wire meter on against off.
pub async fn meter_cost(bench: &Bench) -> Result<Vec<Figure>> {
    let feed = even_feed(RATE_PER_S);
    let pairs = bench
        .take_pairs(
            async || bench.push("websocket", Protocol::WebSocket, &feed, true).await,
            async || bench.push("websocket", Protocol::WebSocket, &feed, false).await,
        )
        .await?;
    let cost: Vec<f64> = pairs.cost_ratios().iter().map(|ratio| (ratio - 1.0) * 100.0).collect();
    let what =
        format!("wire meter, on against off, websocket, {} clients × {RATE_PER_S} quotes/s", bench.push_clients());
    Ok(vec![Figure::of(what, "% of server CPU", &cost, Side::AtMost, 2.0).noting(pairs.machine.words())])
}
