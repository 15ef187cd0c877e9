//! The decision map as data: the fields of its table for who makes sentences of them and would not read texts back.

use wirerace_contract::spec::Delivery;

use super::super::sweep::along_rate;
use super::super::verdicts::Field;
use super::modes::{Asked, each, found, lettered};
use crate::summary::Summary;

/// What one field of the decision map says: who is cheapest, where so many quotes come and the price may be so stale.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Which quotes are wanted; arms of another delivery are not asked.
    pub delivery: Delivery,
    /// What is to be least, in the words that stand above the map: “fewest bytes”, “least CPU”.
    pub cost: &'static str,
    /// Quotes per second over the whole stream, as a feed has them: 0.01 to 1,000,000.
    pub rate_per_s: f64,
    /// How stale the price may be at most, for 99 % of the time; in words, with the unit: “30 ms” to “30 s”.
    pub bound: &'static str,
    /// Who shares the field, as places in [`Summary::arms`]: of the cheapest way, and of each that is not clearly dearer, the
    /// arm with the cheapest interval that surely keeps the bound, in the order of the run's ways. One alone is clearly
    /// cheaper than every other way, unless [`Self::is_only`]. Nobody where no way surely keeps the bound, or what they cost is
    /// not known.
    pub arms: Vec<usize>,
    /// Whether there is only one way that surely keeps the bound, so that it is cheaper than nobody.
    pub is_only: bool,
}

/// The fields of a run's decision map, in the order of its table; none where the run has no such map, or one without a field.
#[must_use]
pub fn decisions(summary: &Summary) -> Vec<Decision> {
    let Some(sweep) = along_rate(summary) else { return Vec::new() };
    let all = lettered(summary);
    let Some(found) = found(summary, &sweep, &all) else { return Vec::new() };
    each(&sweep, &found.modes).iter().map(decision).collect()
}

fn decision(asked: &Asked<'_>) -> Decision {
    Decision {
        delivery: asked.mode.delivery,
        cost: asked.caption,
        rate_per_s: asked.rate_per_s,
        bound: asked.bound,
        arms: asked.field.ways().iter().map(|(_, arm, _)| *arm).collect(),
        is_only: matches!(asked.field, Field::Only(_)),
    }
}
