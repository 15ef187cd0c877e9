//! Claims about connections and bytes: counted, so that every trial must agree.

use super::margin;
use crate::claims::evidence::{Side, part};
use crate::claims::{Claim, Evidence, Holds, Number, Part, Way};
use crate::summary::Quantity as Q;
use crate::summary::words::count;

/// Claim 1: connections per request, closed and kept.
#[must_use]
pub fn handshakes(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let asked = [Way::AskedAnew, Way::Asked, Way::Held];
    let sides = evidence.sides(claim.experiments).into_iter().filter(|side| asked.contains(&side.way()));
    sides
        .filter_map(|side| {
            let share = side.counted("connections per request", "", [Q::Connections, Q::Requests], |[c, r]| c / r)?;
            let kept = match side.entry.arm.connection {
                wirerace_contract::spec::Connection::Closed => "connection closed after each answer",
                wirerace_contract::spec::Connection::Kept => "connection kept",
            };
            let holds = share.above(margin(claim, 0));
            let numbers = [Some(share), side.number(Q::Connections)].into_iter().flatten().collect();
            Some(part(format!("{kept}: {}", side.setting()), holds, numbers, &side, &[]))
        })
        .collect()
}

/// The layers that overhead is looked at in: what they are called, all bytes, bytes without set-up.
const LAYERS: [(&str, Q, Q); 2] = [
    ("above TCP", Q::ApplicationBytes, Q::SteadyApplicationBytes),
    ("IP packets", Q::PacketBytes, Q::SteadyPacketBytes),
];

/// Bytes per quote that are no payload, set-up left out.
fn steady_overhead(side: &Side<'_>, steady: Q) -> Option<Number> {
    side.counted("bytes per quote beyond payload, set-up left out", "B", [steady, Q::DownPayload], |[all, payload]| {
        all - payload
    })
}

fn layer_condition(layer: &str, side: &Side<'_>) -> String {
    format!("{layer}: {}", side.setting())
}

/// Claim 3: what an upgraded connection adds to a message.
#[must_use]
pub fn zero_overhead(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let sides = evidence.sides(claim.experiments).into_iter().filter(|side| side.way() == Way::Upgraded);
    let parts = |side: Side<'_>| {
        LAYERS.map(|(layer, _, steady)| {
            let overhead = steady_overhead(&side, steady)?;
            let holds = overhead.at_most(margin(claim, 0));
            Some(part(layer_condition(layer, &side), holds, vec![overhead], &side, &[]))
        })
    };
    sides.flat_map(parts).flatten().collect()
}

/// Claim 4: what a message adds, against what the beginning of a connection costs.
#[must_use]
pub fn only_at_the_beginning(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let sides = evidence.sides(claim.experiments).into_iter().filter(|side| side.way() == Way::Upgraded);
    let parts = |side: Side<'_>| {
        LAYERS.map(|(layer, all, steady)| {
            let slope = steady_overhead(&side, steady)?;
            let intercept = side.counted(
                "bytes of set-up per connection",
                "B",
                [all, steady, Q::Connections],
                |[all, rest, c]| (all - rest) * 100.0 / c,
            )?;
            let share = side.counted(
                "a message's overhead in percent of the set-up's",
                "%",
                [all, steady, Q::Connections, Q::DownPayload],
                |[all, rest, c, payload]| 100.0 * (rest - payload) / ((all - rest) * 100.0 / c),
            )?;
            let holds = share.at_most(margin(claim, 0));
            Some(part(layer_condition(layer, &side), holds, vec![slope, intercept, share], &side, &[]))
        })
    };
    sides.flat_map(parts).flatten().collect()
}

/// Claim 5: overhead of an upgraded connection against polls on a kept one.
#[must_use]
pub fn less_than_heads(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let pairs = evidence.pairs(claim.experiments, &[Way::Upgraded], &[Way::Asked]);
    let parts = |(upgraded, asked): (Side<'_>, Side<'_>)| {
        LAYERS.map(|(layer, all, _)| {
            let beyond = |side: &Side<'_>| {
                side.counted("bytes per quote beyond payload", "B", [all, Q::DownPayload], |[all, p]| all - p)
            };
            let (ours, theirs) = (beyond(&upgraded)?, beyond(&asked)?);
            let holds = less(&ours, &theirs, margin(claim, 0));
            let (_, factor) = asked.against(&upgraded, if layer == LAYERS[0].0 { Q::ApplicationBytes } else { all })?;
            let condition =
                format!("{}, polls each {} ms", layer_condition(layer, &asked), asked.entry.arm.interval_ms);
            Some(part(condition, holds, vec![ours, theirs, factor], &upgraded, &[&asked]))
        })
    };
    pairs.into_iter().flat_map(parts).flatten().collect()
}

/// Whether `left` is less than `share` of `right`, wherever in their ranges both are.
fn less(left: &Number, right: &Number, share: f64) -> Holds {
    match (left.ends(), right.ends()) {
        (Some((_, high)), Some((low, _))) if high < share * low => Holds::Yes,
        (Some((low, _)), Some((_, high))) if low >= share * high => Holds::No,
        _ => Holds::Open,
    }
}

/// Claim 12: connections that a client needs for both ways at once.
#[must_use]
pub fn two_way(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let sides = evidence.sides(claim.experiments).into_iter();
    sides
        .filter_map(|side| {
            // Without orders nothing went upstream, and one connection says nothing.
            let orders = side.number(Q::UpstreamBodies).filter(|bytes| bytes.value.get() > 0.0)?;
            let connections = side.number(Q::ConnectionsPerClient)?;
            let one = connections.at_most(margin(claim, 0));
            let (what, holds) = match side.way() {
                Way::Upgraded => ("the upgraded connection carries both ways", one),
                Way::Streamed => ("the event stream needs a second connection for the way up", one.not()),
                _ => ("HTTP requests need a second connection for the way up", one.not()),
            };
            let condition = format!("{what}: {}, {}", side.entry.arm.name, side.setting());
            Some(part(condition, holds, vec![connections, orders], &side, &[]))
        })
        .collect()
}

/// Claim 17: heads and cookies, in bytes and in time. Cells that differ in nothing but the size of the heads.
#[must_use]
pub fn cookies(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let sides: Vec<Side<'_>> =
        evidence.sides(claim.experiments).into_iter().filter(|side| side.way() == Way::Asked).collect();
    let mut parts = Vec::new();
    for small in &sides {
        let larger = sides.iter().filter(|large| {
            let mut load = large.cell.load.clone();
            load.heads = small.cell.load.heads;
            large.run == small.run
                && large.entry.arm == small.entry.arm
                && load == small.cell.load
                && large.cell.load.heads.request_bytes > small.cell.load.heads.request_bytes
        });
        // The extremes say it; what lies between follows.
        let has_smaller = sides.iter().any(|other| {
            let mut load = other.cell.load.clone();
            load.heads = small.cell.load.heads;
            other.run == small.run
                && other.entry.arm == small.entry.arm
                && load == small.cell.load
                && other.cell.load.heads.request_bytes < small.cell.load.heads.request_bytes
        });
        if has_smaller {
            continue;
        }
        if let Some(large) = larger.max_by_key(|large| large.cell.load.heads.request_bytes) {
            parts.extend(heads_apart(small, large, claim));
        }
    }
    parts
}

fn heads_apart(small: &Side<'_>, large: &Side<'_>, claim: &Claim) -> Vec<Part> {
    let sizes = format!(
        "request heads of {} instead of {} B: {}",
        count(u64::from(large.cell.load.heads.request_bytes)),
        count(u64::from(small.cell.load.heads.request_bytes)),
        large.setting()
    );
    let rate = match large.cell.load.path {
        wirerace_contract::spec::Path::Link(link) if link.rate_bits_per_s > 0 => {
            format!(", {} kbit/s", count(link.rate_bits_per_s / 1_000))
        }
        _ => ", no limit of rate".to_owned(),
    };
    let more = |quantity: Q| Some((small.number(quantity)?, large.number(quantity)?));
    let bytes = more(Q::UpHeads).map(|(few, many)| {
        let holds = less(&few, &many, 1.0 / margin(claim, 0));
        part(format!("bytes: {sizes}{rate}"), holds, vec![few, many], small, &[])
    });
    let time = more(Q::ExchangeP50).map(|(short, long)| {
        let limit = |end: f64| (end * margin(claim, 1)).max(end + margin(claim, 2));
        let holds = match (short.ends(), long.ends()) {
            (Some((_, high)), Some((low, _))) if low > limit(high) => Holds::Yes,
            (Some((low, _)), Some((_, high))) if high <= limit(low) => Holds::No,
            _ => Holds::Open,
        };
        part(format!("time of an exchange: {sizes}{rate}"), holds, vec![short, long], large, &[])
    });
    // Both cells are sources: the figures carry the cell they were measured in.
    [bytes, time].into_iter().flatten().map(|found| both_cells(found, small, large)).collect()
}

fn both_cells(mut found: Part, small: &Side<'_>, large: &Side<'_>) -> Part {
    found.source.cell = format!("{} | {}", small.cell.name, large.cell.name);
    found.source.arms = vec![small.entry.arm.name.clone(), large.entry.arm.name.clone()];
    found.source.trials = vec![small.arm.valid, large.arm.valid];
    found
}
