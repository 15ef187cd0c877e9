//! Which arms are cheapest where the price may be so stale: the rule behind the decision map.

use super::family::Family;
use crate::statistics::{self, Scale};
use crate::summary::{CellSummary, Quantity, Summary};

/// A winner is cheaper than every rival by more than this share, at the end of its interval.
pub(super) const CLEAR: f64 = 0.05;

/// What an arm costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cost {
    /// Read off a quantity.
    Of(Quantity),
    /// Requests per second and client: by quote they would not be comparable where arms leave out different ones.
    Requests,
}

/// What stands in one field of the map.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Field {
    /// No arm keeps within the bound.
    None,
    /// The cheapest family and all that are not clearly dearer, in the run's order: each its place, its arm and its cost.
    Best(Vec<(usize, usize, f64)>),
    /// Arms keep within the bound, but what they cost was not measured; or no arm is known to keep it, and some were not timed.
    Unknown,
}

/// Each block's cost; lost where it was not measured.
fn by_block(cell: &CellSummary, arm: usize, cost: Cost) -> Vec<(u32, f64)> {
    let points = |quantity: Quantity| -> Vec<(u32, f64)> {
        let estimate = cell.arms.get(arm).and_then(|arm| arm.estimate(quantity));
        let points = estimate.map(|e| e.points.as_slice()).unwrap_or_default();
        points.iter().filter_map(|p| Some((p.block, p.value?.finite()?))).collect()
    };
    match cost {
        Cost::Of(quantity) => points(quantity),
        Cost::Requests => {
            let (rates, sizes) = (points(Quantity::ApplicationRate), points(Quantity::SteadyApplicationBytes));
            let of = |values: &[(u32, f64)], block| values.iter().find(|(b, _)| *b == block).map(|(_, value)| *value);
            // Bytes per second over bytes per quote are quotes per second.
            let rate = |(block, per_100): (u32, f64)| {
                let quotes_per_s = of(&rates, block)? / of(&sizes, block)?;
                Some((block, per_100 / 100.0 * quotes_per_s)).filter(|(_, rate)| rate.is_finite())
            };
            points(Quantity::Requests).into_iter().filter_map(rate).collect()
        }
    }
}

fn median(values: &[(u32, f64)]) -> Option<f64> {
    statistics::median(&values.iter().map(|(_, value)| *value).collect::<Vec<_>>())
}

/// Whether the arm of that number keeps its price within `bound_ms`.
fn keeps(cell: &CellSummary, arm: usize, bound_ms: f64) -> bool {
    cell.arms.get(arm).is_some_and(|arm| arm.keeps_fresh(bound_ms))
}

/// The field of `cell` for prices at most `bound_ms` stale: each family at its cheapest interval that keeps the bound.
pub(super) fn field(cell: &CellSummary, families: &[&Family], cost: Cost, bound_ms: f64) -> Field {
    let serving = |family: &&Family| family.members.iter().any(|arm| keeps(cell, *arm, bound_ms));
    if !families.iter().any(serving) {
        // Who was not timed may keep it.
        let timed = |arm: &usize| cell.arms.get(*arm).is_some_and(|arm| arm.median(Quantity::StalenessP99).is_some());
        let all_timed = families.iter().flat_map(|family| &family.members).all(timed);
        return if all_timed { Field::None } else { Field::Unknown };
    }
    let cheapest = |(place, family): (usize, &&Family)| {
        let kept = family.members.iter().filter(|arm| keeps(cell, **arm, bound_ms));
        let costs = kept.filter_map(|arm| Some((place, *arm, median(&by_block(cell, *arm, cost))?)));
        costs.min_by(|a, b| a.2.total_cmp(&b.2))
    };
    let mut candidates: Vec<(usize, usize, f64)> = families.iter().enumerate().filter_map(cheapest).collect();
    candidates.sort_by(|a, b| a.2.total_cmp(&b.2));
    let Some(best) = candidates.first().copied() else { return Field::Unknown };
    candidates.retain(|rival| rival.1 == best.1 || !clearly_dearer(cell, rival.1, best.1, cost));
    // The same order everywhere: who is cheapest by a hair is chance.
    candidates.sort_by_key(|candidate| candidate.0);
    Field::Best(candidates)
}

/// Whether `rival` costs more than `best` by more than [`CLEAR`] at the nearer end of the interval of their ratio, paired
/// within blocks. Without an interval nothing is clear.
fn clearly_dearer(cell: &CellSummary, rival: usize, best: usize, cost: Cost) -> bool {
    let others = by_block(cell, best, cost);
    let pair = |(block, value): (u32, f64)| Some((value, others.iter().find(|(b, _)| *b == block)?.1));
    let pairs: Vec<(f64, f64)> = by_block(cell, rival, cost).into_iter().filter_map(pair).collect();
    statistics::compare(&pairs, Scale::Ratio, CLEAR).bounds.is_some_and(|bounds| bounds.low > 1.0 + CLEAR)
}

/// Whether some arm of the run has too few trials in `cell` for any interval.
pub(super) fn undecidable(cell: &CellSummary) -> bool {
    cell.arms.iter().any(|arm| (arm.valid as usize) < statistics::BLOCKS_MIN)
}

/// One or two letters for each family, all different: the first letters of its words, as few as do.
pub(super) fn letters(names: &[&str]) -> Vec<String> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    let words =
        |name: &str| name.split([' ', '-', '_']).filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    // The shortest name has the first choice.
    order.sort_by_key(|i| words(names[*i]).len());
    let mut given = vec![String::new(); names.len()];
    for i in order {
        let words = words(names[i]);
        let first: Vec<char> = words.iter().filter_map(|word| word.chars().next()).collect();
        let upper: String = first.iter().take(1).flat_map(|c| c.to_uppercase()).collect();
        let last: String = first.last().filter(|_| first.len() > 1).map(char::to_string).unwrap_or_default();
        let options = [upper.clone(), format!("{upper}{last}")];
        let numbered = (2..).map(|n| format!("{upper}{n}"));
        let free = options.into_iter().chain(numbered).find(|letter| !letter.is_empty() && !given.contains(letter));
        given[i] = free.unwrap_or_default();
    }
    given
}

/// Bounds of staleness, milliseconds, with their words: a factor of about three apart.
pub(super) const BOUNDS_MS: [(f64, &str); 7] = [
    (30.0, "30 ms"),
    (100.0, "0.1 s"),
    (300.0, "0.3 s"),
    (1_000.0, "1 s"),
    (3_000.0, "3 s"),
    (10_000.0, "10 s"),
    (30_000.0, "30 s"),
];

/// The costs of the map: each in the fuller form where all arms have it.
pub(super) fn costs(summary: &Summary) -> [(Cost, &'static str); 4] {
    let either = |first, second| super::sweep::either(summary.cells.iter(), first, second);
    [
        (Cost::Of(either(Quantity::PacketRate, Quantity::ApplicationRate)), "fewest bytes"),
        (Cost::Requests, "fewest requests"),
        (Cost::Of(either(Quantity::CpuRate, Quantity::OwnCpuRate)), "least CPU"),
        (Cost::Of(Quantity::ServerMemory), "least memory of the server"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_differ_and_short_names_choose_first() {
        assert_eq!(letters(&["poll-close", "poll", "long-poll", "sse", "ws"]), ["Pc", "P", "L", "S", "W"]);
        assert_eq!(letters(&["sse", "sse two", "sse three", "s"]), ["S", "St", "S3", "S2"]);
        assert_eq!(letters(&["", "a"]), ["2", "A"]);
    }
}
