//! Claims about connections and bytes: what is counted must agree in every trial; bytes of packets are estimated.

use super::{margin, shown};
use crate::claims::evidence::{Side, part};
use crate::claims::trace::Direction;
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
            let share = side.derived("connections per request", "", [Q::Connections, Q::Requests], |[c, r]| c / r)?;
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

/// The layers that a cell tells about. One trial is no estimate of packets: experiments of counted bytes run once.
fn layers(side: &Side<'_>) -> impl Iterator<Item = (&'static str, Q, Q)> + use<> {
    let once = side.arm.valid == 1;
    LAYERS.into_iter().filter(move |(_, all, _)| !once || all.is_counted())
}

/// Bytes per quote that are no payload, set-up left out.
fn steady_overhead(side: &Side<'_>, steady: Q) -> Option<Number> {
    side.derived("bytes per quote beyond payload, set-up left out", "B", [steady, Q::DownPayload], |[all, payload]| {
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
        layers(&side)
            .filter_map(|(layer, _, steady)| {
                let overhead = steady_overhead(&side, steady)?;
                let holds = overhead.at_most(margin(claim, 0));
                Some(part(layer_condition(layer, &side), holds, vec![overhead], &side, &[]))
            })
            .collect::<Vec<_>>()
    };
    sides.flat_map(parts).collect()
}

/// Claim 4: what a message adds, against what the beginning of a connection costs.
#[must_use]
pub fn only_at_the_beginning(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let sides = evidence.sides(claim.experiments).into_iter().filter(|side| side.way() == Way::Upgraded);
    let parts = |side: Side<'_>| {
        let of_layer = |(layer, all, steady)| {
            let slope = steady_overhead(&side, steady)?;
            let intercept = side.derived(
                "bytes of set-up per connection",
                "B",
                [all, steady, Q::Connections],
                |[all, rest, c]| (all - rest) * 100.0 / c,
            )?;
            let share = side.derived(
                "a message's overhead in percent of the set-up's",
                "%",
                [all, steady, Q::Connections, Q::DownPayload],
                |[all, rest, c, payload]| 100.0 * (rest - payload) / ((all - rest) * 100.0 / c),
            )?;
            let holds = share.at_most(margin(claim, 0));
            Some(part(layer_condition(layer, &side), holds, vec![slope, intercept, share], &side, &[]))
        };
        layers(&side).filter_map(of_layer).collect::<Vec<_>>()
    };
    sides.flat_map(parts).collect()
}

/// Claim 5: overhead of an upgraded connection against polls on a kept one.
#[must_use]
pub fn less_than_heads(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let pairs = evidence.pairs(claim.experiments, &[Way::Upgraded], &[Way::Asked]);
    let parts = |(upgraded, asked): (Side<'_>, Side<'_>)| {
        let of_layer = |(layer, all, _)| {
            const WHAT: &str = "bytes per quote beyond payload";
            let (parts, beyond) = ([all, Q::DownPayload], |[all, payload]: [f64; 2]| all - payload);
            let of = |side: &Side<'_>| side.derived(WHAT, "B", parts, beyond);
            let (ours, theirs) = (of(&upgraded)?, of(&asked)?);
            // Blocks have quotes of their own: what one answer carries differs from block to block, for both alike.
            let share = upgraded.share_of(&asked, WHAT, parts, beyond)?;
            let holds = share.at_most(margin(claim, 0));
            let condition =
                format!("{}, polls each {} ms", layer_condition(layer, &asked), asked.entry.arm.interval_ms);
            Some(part(condition, holds, vec![ours, theirs, share], &upgraded, &[&asked]))
        };
        layers(&asked).filter_map(of_layer).collect::<Vec<_>>()
    };
    pairs.into_iter().flat_map(parts).collect()
}

/// Whether `left` is less than `share` of `right`, wherever in their ranges both are.
fn less(left: &Number, right: &Number, share: f64) -> Holds {
    match (left.ends(), right.ends()) {
        (Some((_, high)), Some((low, _))) if high < share * low => Holds::Yes,
        (Some((low, _)), Some((_, high))) if low >= share * high => Holds::No,
        _ => Holds::Open,
    }
}

/// Claim 12: connections that a client needs for both ways at once. Polls and orders may take turns on one. Beside held
/// requests and event streams our client has a second one whatever happens, so that its count decides nothing; what
/// becomes of an order on the first one is shown by an exchange.
#[must_use]
pub fn two_way(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let sides = evidence.sides(claim.experiments).into_iter();
    let measured = sides.filter_map(|side| {
        // Without orders nothing went upstream, and one connection says nothing.
        let orders = side.number(Q::UpstreamBodies).filter(|bytes| bytes.value.get() > 0.0)?;
        let connections = side.number(Q::ConnectionsPerClient)?;
        let one = connections.at_most(margin(claim, 0));
        let (what, holds) = match side.way() {
            Way::Upgraded => ("the upgraded connection carries both ways", one),
            Way::Asked => ("polls and orders do not get by with one connection", one.not()),
            _ => ("two connections, by construction of our client", one.not()),
        };
        let condition = format!("{what}: {}, {}", side.entry.arm.name, side.setting());
        Some(part(condition, holds, vec![connections, orders], &side, &[]))
    });
    let behind = [
        (shown::names::BEHIND_HELD, "an order behind a held request waits for the answer before its own"),
        (shown::names::BEHIND_EVENTS, "an order behind an event stream is not acknowledged while it lasts"),
    ];
    let behind = behind.into_iter().filter_map(|(name, condition)| {
        let exchange = evidence.exchange(name)?;
        let after = exchange.steps.iter().skip_while(|step| !step.text.starts_with("POST ")).skip(1);
        // Before the next quote is published.
        let mut at_once = after.take_while(|step| step.direction != Direction::Published);
        Some(shown::shown(exchange, condition, !at_once.any(|step| step.text.contains(shown::names::ORDER_ID))))
    });
    measured.chain(behind).collect()
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
        // The load asks for these heads: that they are larger is no finding.
        part(format!("bytes, by construction of the load: {sizes}{rate}"), holds, vec![few, many], small, &[])
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
