//! Claims about efficiency: bytes and CPU at equal delivery.

use wirerace_contract::spec::Delivery;

use super::margin;
use crate::claims::evidence::{Side, part};
use crate::claims::{Claim, Evidence, Holds, Number, Part, Way};
use crate::summary::words::duration;
use crate::summary::{Quantity as Q, Reading};

const ASKED: [Way; 3] = [Way::Asked, Way::AskedAnew, Way::Held];
/// What costs: bytes on the wire, and CPU of both sides, per second and client.
const COSTS: [(&str, Q); 2] = [("bytes", Q::PacketRate), ("CPU", Q::OwnCpuRate)];

/// Claim 6: the decision map. Each cell and each budget of staleness is a point: the cheapest upgraded arm within the budget
/// against the cheapest arm that asks and is within it. Who has none misses the point; where nobody has one, there is none.
#[must_use]
pub fn almost_always(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let [share, bytes, cpu, budgets @ ..] = claim.margins else { return Vec::new() };
    let cells = evidence.cells(claim.experiments);
    let map = |((what, cost), dearer): ((&str, Q), &f64)| {
        let mut map = Map::default();
        for cell in &cells {
            for delivery in [Delivery::Every, Delivery::Newest] {
                let of = |ways: &[Way]| -> Vec<Side<'_>> {
                    let alike = cell.iter().filter(|side| side.entry.arm.delivery == delivery);
                    alike.filter(|side| ways.contains(&side.way()) && judged(side, cost)).copied().collect()
                };
                let (upgraded, asking) = (of(&[Way::Upgraded]), of(&ASKED));
                if upgraded.is_empty() || asking.is_empty() {
                    continue;
                }
                for budget_ms in budgets {
                    map.add(&upgraded, &asking, &Terms { cost, budget_ms: *budget_ms, dearer: *dearer });
                }
            }
        }
        map.part(what, *share)
    };
    COSTS.into_iter().zip([bytes, cpu]).filter_map(map).collect()
}

/// What a point of the map is decided by.
struct Terms {
    cost: Q,
    /// The 99th percentile of excess staleness is at most this, milliseconds.
    budget_ms: f64,
    /// Dearer means by more than this share of the cheaper.
    dearer: f64,
}

/// Points of the decision map.
#[derive(Default)]
struct Map<'a> {
    won: u32,
    lost: u32,
    open: u32,
    /// Points at which no arm of either kind is within the budget.
    nobody: u32,
    /// The first point that was lost.
    example: Option<String>,
    /// Whoever stands for the points' source.
    first: Option<Side<'a>>,
    cells: Vec<String>,
}

impl<'a> Map<'a> {
    fn add(&mut self, upgraded: &[Side<'a>], asking: &[Side<'a>], terms: &Terms) {
        let Some(side) = upgraded.first() else { return };
        match point(upgraded, asking, terms) {
            None => self.nobody += 1,
            Some(Holds::Yes) => self.won += 1,
            Some(Holds::Open) => self.open += 1,
            Some(Holds::No) => {
                self.lost += 1;
                let winner = cheapest(asking, terms, false).map_or("nobody", |side| side.entry.arm.name.as_str());
                let missed = if cheapest(upgraded, terms, false).is_none() { ", unrivalled" } else { "" };
                self.example.get_or_insert_with(|| {
                    format!("{winner} within {}{missed}, {}", duration(terms.budget_ms), side.cell.name)
                });
            }
        }
        self.first.get_or_insert(*side);
        if self.cells.last() != Some(&side.cell.name) {
            self.cells.push(side.cell.name.clone());
        }
    }

    fn part(self, what: &str, share: f64) -> Option<Part> {
        let points = self.won + self.lost + self.open;
        let percent = |of: u32| Reading::new(100.0 * f64::from(of) / f64::from(points));
        let wins = Number {
            what: "points of the map that the upgraded arms win".to_owned(),
            unit: "%".to_owned(),
            value: percent(self.won)?,
            range: Some((percent(self.won)?, percent(self.won + self.open)?)),
        };
        let lost = self.example.map_or_else(String::new, |example| format!("; lost for example to {example}"));
        let condition = format!(
            "{what}, {points} points (cells × budgets): {} won, {} lost, {} undecided, and {} where nobody is within the \
             budget{lost}",
            self.won, self.lost, self.open, self.nobody
        );
        let holds = match wins.ends()? {
            (low, _) if low >= 100.0 * share => Holds::Yes,
            (_, high) if high < 100.0 * share => Holds::No,
            _ => Holds::Open,
        };
        let mut part = part(condition, holds, vec![wins], &self.first?, &[]);
        part.source.cell = self.cells.join(" | ");
        Some(part)
    }
}

/// Whether the upgraded arms win a point; `None` where nobody is within the budget. Arms of which the interval does not say
/// whether they are within may be or not: the point is decided if it comes out the same either way.
fn point(upgraded: &[Side<'_>], asking: &[Side<'_>], terms: &Terms) -> Option<Holds> {
    let outcome =
        |(ours_sure, theirs_sure)| match (cheapest(upgraded, terms, ours_sure), cheapest(asking, terms, theirs_sure)) {
            (None, None) => None,
            (Some(_), None) => Some(Holds::Yes),
            (None, Some(_)) => Some(Holds::No),
            (Some(ours), Some(theirs)) => {
                let compared = ours.against(theirs, terms.cost);
                Some(compared.map_or(Holds::Open, |(_, ratio)| ratio.at_most(1.0 + terms.dearer)))
            }
        };
    let first = outcome((true, true));
    let same = [(true, false), (false, true), (false, false)].into_iter().all(|sure| outcome(sure) == first);
    if same { first } else { Some(Holds::Open) }
}

/// The cheapest arm within the budget: only of those that are certainly within it, or also of those that may be.
fn cheapest<'s, 'a>(sides: &'s [Side<'a>], terms: &Terms, sure: bool) -> Option<&'s Side<'a>> {
    let within = |side: &&Side<'_>| match side.number(Q::StalenessP99).map(|stale| stale.at_most(terms.budget_ms)) {
        Some(Holds::Yes) => true,
        Some(Holds::Open) => !sure,
        Some(Holds::No) | None => false,
    };
    let priced = |side: &'s Side<'a>| Some((side, side.arm.median(terms.cost)?));
    sides.iter().filter(within).filter_map(priced).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(side, _)| side)
}

/// CPU is compared where there is no distance: elsewhere it contains the emulation.
fn judged(side: &Side<'_>, cost: Q) -> bool {
    cost != Q::OwnCpuRate || side.on_loopback()
}

/// The cost of `left` as a multiple of `right`'s.
fn dearer(left: &Side<'_>, right: &Side<'_>, cost: Q, limit: f64) -> Option<(Holds, Number)> {
    let (_, ratio) = judged(left, cost).then(|| left.against(right, cost))??;
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
