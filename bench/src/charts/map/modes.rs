//! What the decision map shows, before anything of it is painted: the ways and bounds of each delivery, and all fields of
//! each cost. Picture, sentence, table and decisions are made of the same.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Delivery;

use super::super::family::{Family, families};
use super::super::sweep::Sweep;
use super::super::verdicts::{Bound, Cost, Field, bounds, costs, decidable, field, letters};
use super::notes::{NO_POLL, TOO_FEW};
use crate::summary::{CellSummary, Summary};

/// In the order of the picture.
const DELIVERIES: [Delivery; 2] = [Delivery::Newest, Delivery::Every];

/// A family with the letter that stands for it.
pub(super) type Lettered = (Family, String);

/// All families of a run.
pub(super) fn lettered(summary: &Summary) -> Vec<Lettered> {
    let all = families(summary);
    let names: Vec<&str> = all.iter().map(|family| family.name.as_str()).collect();
    let letters = letters(&names);
    all.into_iter().zip(letters).collect()
}

/// One delivery's families with their letters.
pub(super) struct Mode<'a> {
    pub(super) delivery: Delivery,
    pub(super) families: Vec<&'a Family>,
    pub(super) letters: Vec<&'a str>,
    /// The longest interval of an arm with a valid trial, milliseconds; 0 where none has an interval.
    pub(super) longest_ms: u32,
    pub(super) bounds: &'static [Bound],
    pub(super) maps: Vec<CostMap>,
    /// Captions of the costs that have no map, since nothing can be decided in them.
    pub(super) undecidable: Vec<&'static str>,
}

impl Mode<'_> {
    pub(super) fn arms(&self) -> impl Iterator<Item = usize> {
        self.families.iter().flat_map(|family| family.members.iter().copied())
    }
}

/// The map of one cost.
pub(super) struct CostMap {
    pub(super) caption: &'static str,
    /// By cell, then by bound.
    pub(super) fields: Vec<Vec<Field>>,
}

/// What a run has maps of.
pub(super) struct Found<'a> {
    /// In the order of the picture; none where no trial of a poll stands beside one of a push.
    pub(super) modes: Vec<Mode<'a>>,
    /// The deliveries of the run that have no map, each with the reason.
    pub(super) without: Vec<(Delivery, &'static str)>,
}

/// What is to be shown of the families `all` of a run; `None` where there is nothing to decide, or trials too few to decide
/// anything.
pub(super) fn found<'a>(summary: &Summary, sweep: &Sweep<'_>, all: &'a [Lettered]) -> Option<Found<'a>> {
    let of = |delivery: Delivery| -> (Vec<&'a Family>, Vec<&'a str>) {
        let its = all.iter().filter(|(family, _)| family.delivery == delivery);
        its.map(|(family, letter)| (family, letter.as_str())).unzip()
    };
    // Who asks against who is told: without both there is nothing to decide.
    if !DELIVERIES.iter().any(|delivery| asked_and_pushed(summary, &of(*delivery).0, |_| true)) {
        return None;
    }
    let there = |delivery: Delivery| {
        sweep.all().any(|cell| asked_and_pushed(summary, &of(delivery).0, |arm| measured(cell, arm)))
    };
    let asked: Vec<Delivery> = DELIVERIES.into_iter().filter(|delivery| there(*delivery)).collect();
    let modes = asked.iter().map(|delivery| mode(summary, sweep, *delivery, of(*delivery)));
    let modes: Vec<Mode<'a>> = modes.filter(|mode| !mode.maps.is_empty()).collect();
    // Trials for a picture, and too few for any decision: all of it would be tied, which nobody found.
    if modes.is_empty() && !asked.is_empty() {
        return None;
    }
    let without = DELIVERIES
        .into_iter()
        .filter(|delivery| !of(*delivery).0.is_empty() && modes.iter().all(|mode| mode.delivery != *delivery))
        .map(|delivery| (delivery, if asked.contains(&delivery) { TOO_FEW } else { NO_POLL }))
        .collect();
    Some(Found { modes, without })
}

/// Whether both a planned poll and a push of these families are there, in the sense of `is_there`.
fn asked_and_pushed(summary: &Summary, families: &[&Family], is_there: impl Fn(usize) -> bool) -> bool {
    let any = |delivers: Delivers| {
        let mut members = families.iter().flat_map(|family| &family.members);
        members.any(|arm| summary.arms[*arm].descriptor.delivers == delivers && is_there(*arm))
    };
    any(Delivers::Planned) && any(Delivers::Pushed)
}

/// Whether the arm of that number has a valid trial in `cell`.
pub(super) fn measured(cell: &CellSummary, arm: usize) -> bool {
    cell.arms.get(arm).is_some_and(|arm| arm.valid > 0)
}

/// The interval of an arm; 0 where none applies.
fn interval_ms(entry: &ArmEntry) -> u32 {
    let applies = entry.arm.delivery == Delivery::Newest || entry.descriptor.delivers == Delivers::Planned;
    if applies { entry.arm.interval_ms } else { 0 }
}

/// What stands of one delivery in the picture; without a map where nothing can be decided.
fn mode<'a>(
    summary: &Summary,
    sweep: &Sweep<'_>,
    delivery: Delivery,
    (families, letters): (Vec<&'a Family>, Vec<&'a str>),
) -> Mode<'a> {
    let there = families.iter().flat_map(|family| &family.members);
    let there = there.filter(|arm| sweep.all().any(|cell| measured(cell, **arm)));
    let longest_ms = there.map(|arm| interval_ms(&summary.arms[*arm])).max().unwrap_or(0);
    let bounds = bounds(longest_ms);
    let is_open = |cost: Cost| sweep.all().any(|cell| decidable(cell, &families, cost));
    let (open, closed): (Vec<_>, Vec<_>) = costs(summary).into_iter().partition(|(cost, _)| is_open(*cost));
    let maps = open.into_iter().map(|cost| fields(sweep, &families, bounds, cost)).collect();
    let undecidable = closed.into_iter().map(|(_, caption)| caption).collect();
    Mode { delivery, families, letters, longest_ms, bounds, maps, undecidable }
}

/// All fields of one cost.
fn fields(sweep: &Sweep<'_>, families: &[&Family], bounds: &[Bound], (cost, caption): (Cost, &'static str)) -> CostMap {
    let of = |cell| bounds.iter().map(|(bound_ms, _)| field(cell, families, cost, *bound_ms)).collect::<Vec<_>>();
    CostMap { caption, fields: sweep.all().map(of).collect() }
}

/// One field with all that it was asked for.
pub(super) struct Asked<'a> {
    pub(super) mode: &'a Mode<'a>,
    /// The cost, in the words above its map.
    pub(super) caption: &'static str,
    pub(super) rate_per_s: f64,
    pub(super) cell: &'a CellSummary,
    /// The bound, in words.
    pub(super) bound: &'static str,
    pub(super) field: &'a Field,
}

/// Every field of every map, in the order of the table.
pub(super) fn each<'a>(sweep: &Sweep<'a>, modes: &'a [Mode<'_>]) -> Vec<Asked<'a>> {
    let mut all = Vec::new();
    for mode in modes {
        for one in &mode.maps {
            for (&(rate_per_s, cell), fields) in sweep.cells.iter().zip(&one.fields) {
                for (&(_, bound), field) in mode.bounds.iter().zip(fields) {
                    all.push(Asked { mode, caption: one.caption, rate_per_s, cell, bound, field });
                }
            }
        }
    }
    all
}
