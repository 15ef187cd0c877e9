//! Claims about lateness: timed, so that intervals must lie on one side of the margin.

use super::margin;
use crate::claims::evidence::{Side, part};
use crate::claims::{Claim, Evidence, Holds, Number, Part, Way};
use crate::summary::Quantity as Q;

/// Whether the interval of a difference left − right lies above `limit`, or not above it.
fn later(evidence: Option<&Number>, limit: f64) -> Holds {
    evidence.map_or(Holds::Open, |number| number.above(limit))
}

/// The larger of a share of `of` and a least time, milliseconds.
fn tolerance_ms(of: &Number, share: f64, least_ms: f64) -> f64 {
    (of.value.get() * share).max(least_ms)
}

/// Claim 2: a new connection for each request: the exchange, and the lateness on a plan.
#[must_use]
pub fn new_connections(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let mut parts = Vec::new();
    for (anew, kept) in evidence.pairs(claim.experiments, &[Way::AskedAnew], &[Way::Asked]) {
        if anew.entry.arm.interval_ms != kept.entry.arm.interval_ms {
            continue;
        }
        let polls = format!("polls each {} ms: {}", kept.entry.arm.interval_ms, kept.setting());
        for (what, quantity) in [("time of an exchange", Q::ExchangeP50), ("lateness on a plan", Q::LatenessP50)] {
            let (Some(base), Some(own)) = (kept.number(quantity), anew.number(quantity)) else { continue };
            let Some((_, difference)) = anew.against(&kept, quantity) else { continue };
            let limit = tolerance_ms(&base, margin(claim, 0), margin(claim, 1));
            let holds = later(Some(&difference), limit);
            parts.push(part(format!("{what}, {polls}"), holds, vec![own, base, difference], &anew, &[&kept]));
        }
    }
    parts
}

/// Claim 8: "much lower latency, no delay": against polls, against the event stream, and by itself.
#[must_use]
pub fn no_delay(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let mut parts = Vec::new();
    for (upgraded, other) in evidence.pairs(claim.experiments, &[Way::Upgraded], &[Way::Asked, Way::Streamed]) {
        let (Some(ours), Some(theirs)) = (upgraded.number(Q::LatenessP50), other.number(Q::LatenessP50)) else {
            continue;
        };
        let Some((_, behind)) = other.against(&upgraded, Q::LatenessP50) else { continue };
        let (what, limit) = if other.way() == Way::Asked {
            // "Much": polls are late by more than this share of their own lateness.
            let polls = format!("much earlier than polls each {} ms", other.entry.arm.interval_ms);
            (polls, theirs.value.get() * margin(claim, 0))
        } else {
            let limit = tolerance_ms(&ours, margin(claim, 1), margin(claim, 2));
            ("earlier than a stream of events".to_owned(), limit)
        };
        let holds = later(Some(&behind), limit);
        let condition = format!("{what}: {}", upgraded.setting());
        parts.push(part(condition, holds, vec![ours, theirs, behind], &upgraded, &[&other]));
    }
    for side in evidence.sides(claim.experiments).into_iter().filter(|side| side.way() == Way::Upgraded) {
        if let Some(late) = side.number(Q::LatenessP50) {
            let holds = late.at_most(margin(claim, 3));
            parts.push(part(format!("no delay: {}", side.setting()), holds, vec![late], &side, &[]));
        }
    }
    parts
}

/// Claim 13: polls each second and each millisecond: whether they keep up, and what they cost beside an upgraded connection
/// that carries the same updates.
#[must_use]
pub fn too_slow_too_dear(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let sides = evidence.sides(claim.experiments).into_iter();
    let slow = sides.filter(|side| side.way() == Way::Asked && claimed_interval(side)).filter_map(|side| {
        let (skipped, late) = (side.number(Q::SkippedPolls)?, side.number(Q::LatenessP50)?);
        let intervals_ms = margin(claim, 1) * f64::from(side.entry.arm.interval_ms);
        let holds = skipped.above(margin(claim, 0)).or(late.above(intervals_ms));
        let condition = format!("too slow, polls each {} ms: {}", side.entry.arm.interval_ms, side.setting());
        Some(part(condition, holds, vec![skipped, late], &side, &[]))
    });
    let pairs = evidence.pairs(claim.experiments, &[Way::Asked], &[Way::Upgraded]).into_iter();
    let pairs = pairs.filter(|(asked, _)| asked.on_loopback() && claimed_interval(asked) && one_update_each(asked));
    let dear = pairs.filter_map(|(asked, upgraded)| {
        let (_, ratio) = asked.against(&upgraded, Q::OwnCpuRate)?;
        let holds = ratio.above(margin(claim, 2));
        let numbers = [Some(ratio), asked.number(Q::OwnCpuRate), upgraded.number(Q::OwnCpuRate)];
        let condition = format!("too expensive, polls each {} ms: {}", asked.entry.arm.interval_ms, asked.setting());
        Some(part(condition, holds, numbers.into_iter().flatten().collect(), &asked, &[&upgraded]))
    });
    slow.chain(dear).collect()
}

/// The claim speaks of a second and of a millisecond; the steps between say where it turns.
fn claimed_interval(side: &Side<'_>) -> bool {
    [1, 10, 100, 1_000].contains(&side.entry.arm.interval_ms)
}

/// Whether updates come about as often as polls: the claim asks once for each.
fn one_update_each(side: &Side<'_>) -> bool {
    let updates = side.cell.load.feed.rate_per_s * f64::from(side.entry.arm.interval_ms) / 1e3;
    (0.5..=2.0).contains(&updates)
}
