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

/// A family's place, its arm and what that costs.
pub(super) type Way = (usize, usize, f64);

/// What stands in one field of the map.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Field {
    /// No arm keeps within the bound.
    None,
    /// The only family that surely keeps within the bound: there is nobody that it is cheaper than.
    Only(Way),
    /// Of several that keep it the cheapest family and all that are not clearly dearer, in the run's order.
    Best(Vec<Way>),
    /// Arms keep within the bound, but what some of them cost was not measured; or no arm is known to keep it, and some
    /// were not timed.
    Unknown,
}

impl Field {
    /// Who stands in it.
    pub(super) fn ways(&self) -> &[Way] {
        match self {
            Self::Only(way) => std::slice::from_ref(way),
            Self::Best(ways) => ways,
            Self::None | Self::Unknown => &[],
        }
    }
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

/// Whether an arm keeps its price within a bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// The whole interval of its 99th percentile does; without an interval the median.
    Yes,
    /// It does not, was not timed, or somebody was refused or gave up.
    No,
    /// The bound lies inside the interval.
    Undecided,
}

/// Whether the arm of that number keeps its price within `bound_ms`.
pub(super) fn kept(cell: &CellSummary, arm: usize, bound_ms: f64) -> Kept {
    // Within any time at all: timed, with nobody refused and nobody who gave up.
    let Some(arm) = cell.arms.get(arm).filter(|arm| arm.keeps_fresh(f64::INFINITY)) else { return Kept::No };
    match arm.estimate(Quantity::StalenessP99).and_then(|estimate| estimate.interval) {
        Some(interval) if interval.low.get() > bound_ms => Kept::No,
        Some(interval) if interval.high.get() > bound_ms => Kept::Undecided,
        None if !arm.keeps_fresh(bound_ms) => Kept::No,
        Some(_) | None => Kept::Yes,
    }
}

fn keeps(cell: &CellSummary, arm: usize, bound_ms: f64) -> bool {
    kept(cell, arm, bound_ms) == Kept::Yes
}

/// Whether some arm of a family keeps its price within `bound_ms`.
fn serves(cell: &CellSummary, family: &Family, bound_ms: f64) -> bool {
    family.members.iter().any(|arm| keeps(cell, *arm, bound_ms))
}

/// The field of `cell` for prices at most `bound_ms` stale: each family at its cheapest interval that keeps the bound.
pub(super) fn field(cell: &CellSummary, families: &[&Family], cost: Cost, bound_ms: f64) -> Field {
    let serving = families.iter().filter(|family| serves(cell, family, bound_ms)).count();
    if serving == 0 {
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
    let mut candidates: Vec<Way> = families.iter().enumerate().filter_map(cheapest).collect();
    candidates.sort_by(|a, b| a.2.total_cmp(&b.2));
    let Some(best) = candidates.first().copied() else { return Field::Unknown };
    // Whose cost nobody knows might be the cheapest.
    if candidates.len() < serving {
        return Field::Unknown;
    }
    if serving == 1 {
        return Field::Only(best);
    }
    candidates.retain(|rival| rival.1 == best.1 || !clearly_dearer(cell, rival.1, best.1, cost));
    // The same order everywhere: who is cheapest by a hair is chance.
    candidates.sort_by_key(|candidate| candidate.0);
    Field::Best(candidates)
}

/// Whether `rival` costs more than `best` by more than [`CLEAR`] at the nearer end of the interval of their ratio, paired
/// within blocks. Without an interval nothing is clear but what is certain, by that much in every block.
fn clearly_dearer(cell: &CellSummary, rival: usize, best: usize, cost: Cost) -> bool {
    let others = by_block(cell, best, cost);
    let pair = |(block, value): (u32, f64)| Some((value, others.iter().find(|(b, _)| *b == block)?.1));
    let pairs: Vec<(f64, f64)> = by_block(cell, rival, cost).into_iter().filter_map(pair).collect();
    match statistics::compare(&pairs, Scale::Ratio, CLEAR).bounds {
        Some(bounds) => bounds.low > 1.0 + CLEAR,
        None => {
            let dearer = |(value, other): &(f64, f64)| *value > (1.0 + CLEAR) * other;
            is_certain(cell, cost) && !pairs.is_empty() && pairs.iter().all(dearer)
        }
    }
}

/// Whether one block settles it: what an exact cell counts. Requests and bytes above TCP are counts, here over the length
/// of the trial, which a busy machine changes by far less than [`CLEAR`].
fn is_certain(cell: &CellSummary, cost: Cost) -> bool {
    let counted = match cost {
        Cost::Requests | Cost::Of(Quantity::ApplicationRate) => true,
        Cost::Of(quantity) => quantity.is_counted(),
    };
    cell.exact && counted
}

/// Whether any two of `families` could be told apart in what they cost in `cell`: by an interval, or as it is certain.
pub(super) fn decidable(cell: &CellSummary, families: &[&Family], cost: Cost) -> bool {
    let least = if is_certain(cell, cost) { 1 } else { statistics::BLOCKS_MIN };
    let known = |family: &&&Family| family.members.iter().any(|arm| by_block(cell, *arm, cost).len() >= least);
    families.iter().filter(known).count() > 1
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

/// A bound of staleness, milliseconds, with its words.
pub(super) type Bound = (f64, &'static str);

/// All bounds: a factor of about three apart.
const BOUNDS_MS: [Bound; 7] = [
    (30.0, "30 ms"),
    (100.0, "0.1 s"),
    (300.0, "0.3 s"),
    (1_000.0, "1 s"),
    (3_000.0, "3 s"),
    (10_000.0, "10 s"),
    (30_000.0, "30 s"),
];

/// The bounds that a map has whose longest interval is `longest_ms`: none above twice that, where the cheapest would only
/// be the longest that was measured. One at least, and all where nothing has an interval.
pub(super) fn bounds(longest_ms: u32) -> &'static [Bound] {
    let most_ms = if longest_ms > 0 { 2.0 * f64::from(longest_ms) } else { f64::INFINITY };
    let within = BOUNDS_MS.iter().take_while(|(bound_ms, _)| *bound_ms <= most_ms).count();
    &BOUNDS_MS[..within.max(1)]
}

/// What bytes are counted in, a second and client: packets where all arms have them. In exact cells, which may run
/// once, only what lies above TCP is certain.
pub(super) fn bytes(summary: &Summary) -> Quantity {
    let all_exact = !summary.cells.is_empty() && summary.cells.iter().all(|cell| cell.exact);
    let packets = super::sweep::either(summary.cells.iter(), Quantity::PacketRate, Quantity::ApplicationRate);
    if all_exact { Quantity::ApplicationRate } else { packets }
}

/// The costs of the map: each in the fuller form where all arms have it.
pub(super) fn costs(summary: &Summary) -> [(Cost, &'static str); 4] {
    let either = |first, second| super::sweep::either(summary.cells.iter(), first, second);
    let bytes = bytes(summary);
    let of_bytes = if bytes == Quantity::PacketRate { "fewest bytes" } else { "fewest bytes above TCP" };
    [
        (Cost::Of(bytes), of_bytes),
        (Cost::Requests, "fewest requests"),
        (Cost::Of(either(Quantity::CpuRate, Quantity::OwnCpuRate)), "least CPU"),
        (Cost::Of(Quantity::ServerMemory), "least memory of the server"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::{Interval, Reading, summarise};

    #[test]
    fn a_bound_is_kept_by_the_whole_interval_or_not_at_all() {
        let (manifest, trials) = fixture::run();
        let mut cell = summarise(&manifest, &trials, &[]).cells.remove(0);
        let mut of = |median: f64, interval: Option<(f64, f64)>, bound_ms: f64| {
            let stale = cell.arms[0].estimates.iter_mut().find(|e| e.quantity == Quantity::StalenessP99).unwrap();
            stale.median = Reading::new(median);
            stale.interval = interval.map(|(low, high)| Interval {
                low: Reading::new(low).unwrap(),
                high: Reading::new(high).unwrap(),
                coverage: 0.97,
            });
            kept(&cell, 0, bound_ms)
        };
        assert_eq!(of(90.0, Some((80.0, 100.0)), 100.0), Kept::Yes, "its end may lie on the bound");
        assert_eq!(of(90.0, Some((80.0, 100.1)), 100.0), Kept::Undecided);
        assert_eq!(of(110.0, Some((100.0, 120.0)), 100.0), Kept::Undecided);
        assert_eq!(of(110.0, Some((100.1, 120.0)), 100.0), Kept::No);
        // Few trials have no interval.
        assert_eq!((of(90.0, None, 100.0), of(110.0, None, 100.0)), (Kept::Yes, Kept::No));
        let gave_up = |cell: &mut CellSummary| {
            let count = cell.arms[0].estimates.iter_mut().find(|e| e.quantity == Quantity::GaveUp).unwrap();
            count.points[0].value = Reading::new(1.0);
        };
        gave_up(&mut cell);
        assert_eq!(kept(&cell, 0, 1e9), Kept::No, "one client that gave up had no price");
        assert_eq!(kept(&cell, 99, 1e9), Kept::No);
    }

    #[test]
    fn no_bound_lies_far_above_the_longest_interval() {
        let words = |longest_ms| bounds(longest_ms).iter().map(|bound| bound.1).collect::<Vec<_>>();
        assert_eq!(words(2_000), ["30 ms", "0.1 s", "0.3 s", "1 s", "3 s"]);
        assert_eq!(words(1_000), ["30 ms", "0.1 s", "0.3 s", "1 s"]);
        assert_eq!(words(500).last(), Some(&"1 s"), "twice it is still there");
        assert_eq!(words(10), ["30 ms"]);
        assert_eq!(words(0).len(), BOUNDS_MS.len());
    }

    #[test]
    fn letters_differ_and_short_names_choose_first() {
        assert_eq!(letters(&["poll-close", "poll", "long-poll", "sse", "ws"]), ["Pc", "P", "L", "S", "W"]);
        assert_eq!(letters(&["sse", "sse two", "sse three", "s"]), ["S", "St", "S3", "S2"]);
        assert_eq!(letters(&["", "a"]), ["2", "A"]);
    }
}
