//! Claims about efficiency: bytes and CPU at equal delivery.

use super::margin;
use crate::claims::evidence::{Side, part};
use crate::claims::{Claim, Evidence, Holds, Number, Part, Way};
use crate::summary::Quantity as Q;
use crate::summary::words::number;

const ASKED: [Way; 3] = [Way::Asked, Way::AskedAnew, Way::Held];
/// What costs: bytes on the wire, and CPU of both sides, per second and client.
const COSTS: [(&str, Q); 2] = [("bytes", Q::PacketRate), ("CPU", Q::OwnCpuRate)];

/// Claim 6: the decision map. Each cell and each budget of staleness is a point; the upgraded arm wins it unless an arm
/// that asks stays within the budget for less.
#[must_use]
pub fn almost_always(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let [share, cheaper, budgets @ ..] = claim.margins else { return Vec::new() };
    let cells = evidence.cells(claim.experiments);
    let mut parts = Vec::new();
    for (what, cost) in COSTS {
        let (mut points, mut won, mut lost_to, mut source) = (0u32, 0u32, Vec::new(), None);
        for cell in &cells {
            for upgraded in cell.iter().filter(|side| side.way() == Way::Upgraded) {
                for budget_ms in budgets {
                    let Some(own) = price(upgraded, cost, *budget_ms) else { continue };
                    let rivals: Vec<&Side<'_>> = cell
                        .iter()
                        .filter(|side| ASKED.contains(&side.way()))
                        .filter(|side| side.entry.arm.delivery == upgraded.entry.arm.delivery)
                        .collect();
                    if rivals.is_empty() {
                        continue;
                    }
                    points += 1;
                    let better = rivals.iter().find(|rival| {
                        price(rival, cost, *budget_ms).is_some_and(|theirs| theirs < own * (1.0 - cheaper))
                    });
                    won += u32::from(better.is_none());
                    if let Some(better) = better {
                        lost_to.push(format!(
                            "{} at {} ms in {}",
                            better.entry.arm.name,
                            number(*budget_ms),
                            better.cell.name
                        ));
                    }
                    source.get_or_insert(*upgraded);
                }
            }
        }
        let Some(side) = source else { continue };
        let Some(wins) = Number::exact("points of the map that the upgraded arm wins", "%", percent(won, points))
        else {
            continue;
        };
        let lost = lost_to.first().map_or_else(String::new, |first| format!("; lost for example to {first}"));
        let condition = format!("{what}, {points} points (cells × budgets of mean staleness){lost}");
        parts.push(part(condition, reached(&wins, 100.0 * share), vec![wins], &side, &[]));
    }
    parts
}

fn reached(wins: &Number, share: f64) -> Holds {
    if wins.value.get() >= share { Holds::Yes } else { Holds::No }
}

fn percent(part: u32, of: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(of)
}

/// The cost of an arm that stays within the budget of mean excess staleness.
fn price(side: &Side<'_>, cost: Q, budget_ms: f64) -> Option<f64> {
    let within = side.arm.median(Q::StalenessMean)? <= budget_ms;
    within.then_some(side.arm.median(cost)?)
}

/// The cost of `left` as a multiple of `right`'s.
fn dearer(left: &Side<'_>, right: &Side<'_>, cost: Q, limit: f64) -> Option<(Holds, Number)> {
    let (_, ratio) = left.against(right, cost)?;
    Some((ratio.above(limit), ratio))
}

/// Claim 7: polls at regular intervals against an upgraded connection.
#[must_use]
pub fn polling_wastes(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let pairs = evidence.pairs(claim.experiments, &[Way::Asked], &[Way::Upgraded]);
    let mut parts = Vec::new();
    for (asked, upgraded) in pairs {
        for (place, (what, cost)) in COSTS.into_iter().enumerate() {
            let Some((holds, ratio)) = dearer(&asked, &upgraded, cost, margin(claim, place)) else { continue };
            let numbers = [Some(ratio), asked.number(Q::EmptyPolls), asked.number(Q::StalenessMean)];
            let condition = format!("{what}, polls each {} ms: {}", asked.entry.arm.interval_ms, asked.setting());
            parts.push(part(condition, holds, numbers.into_iter().flatten().collect(), &asked, &[&upgraded]));
        }
    }
    parts
}

/// Claim 9: held requests against an upgraded connection.
#[must_use]
pub fn held_is_dear(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let pairs = evidence.pairs(claim.experiments, &[Way::Held], &[Way::Upgraded]);
    let mut parts = Vec::new();
    for (held, upgraded) in pairs {
        for (place, (what, cost)) in COSTS.into_iter().enumerate() {
            let Some((holds, ratio)) = dearer(&held, &upgraded, cost, margin(claim, place)) else { continue };
            let numbers = [Some(ratio), held.number(Q::Requests)].into_iter().flatten().collect();
            parts.push(part(format!("{what}: {}", held.setting()), holds, numbers, &held, &[&upgraded]));
        }
    }
    parts
}

/// Claim 14: efficient at high frequency: against polls, and against another way to flush.
#[must_use]
pub fn high_frequency(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let frequent = |side: &Side<'_>| side.cell.load.feed.rate_per_s >= margin(claim, 0);
    let mut parts = Vec::new();
    for (upgraded, asked) in evidence.pairs(claim.experiments, &[Way::Upgraded], &[Way::Asked, Way::Held]) {
        if !frequent(&upgraded) {
            continue;
        }
        for (what, cost) in COSTS {
            let Some((dear, ratio)) = dearer(&upgraded, &asked, cost, margin(claim, 1)) else { continue };
            let numbers = [Some(ratio), upgraded.number(Q::OwnCpu), asked.number(Q::OwnCpu)];
            let condition = format!("{what}, not dearer than {}: {}", asked.entry.arm.name, upgraded.setting());
            parts.push(part(condition, dear.not(), numbers.into_iter().flatten().collect(), &upgraded, &[&asked]));
        }
    }
    parts.extend(evidence.cells(claim.experiments).iter().filter_map(|cell| flushes(cell, margin(claim, 2))));
    parts
}

/// Two upgraded arms of one cell differ in how they flush; an event stream beside them differs in transport.
fn flushes(cell: &[Side<'_>], limit: f64) -> Option<Part> {
    let upgraded: Vec<&Side<'_>> = cell.iter().filter(|side| side.way() == Way::Upgraded).collect();
    let streamed = cell.iter().find(|side| side.way() == Way::Streamed)?;
    let (first, second) = (upgraded.first()?, upgraded.get(1)?);
    let (_, policy) = first.against(second, Q::OwnCpu)?;
    let (_, transport) = first.against(streamed, Q::OwnCpu)?;
    // Ratios either way round are the same distance from 1.
    let distance = |ratio: &Number| {
        ratio.ends().map(|(low, high)| {
            let (low_ln, high_ln) = (low.ln(), high.ln());
            // An interval on both sides of 1 may be at no distance at all.
            let least = if low_ln <= 0.0 && high_ln >= 0.0 { 0.0 } else { low_ln.abs().min(high_ln.abs()) };
            (least, low_ln.abs().max(high_ln.abs()))
        })
    };
    let holds = match (distance(&policy), distance(&transport)) {
        (Some((_, policy_most)), Some((transport_least, _))) if transport_least > policy_most * limit => Holds::Yes,
        (Some((policy_least, _)), Some((_, transport_most))) if policy_least > transport_most => Holds::No,
        _ => Holds::Open,
    };
    let condition = format!("the transport matters more than when it flushes: {}", first.setting());
    Some(part(condition, holds, vec![policy, transport], first, &[second, streamed]))
}
