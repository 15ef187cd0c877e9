//! What is said below the decision map: how to read it, who is not in it, and what it does not decide.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Delivery;

use super::super::gaps;
use super::super::sweep::Sweep;
use super::super::verdicts::{Bound, CLEAR, Field, Kept, bytes, kept, undecidable};
use super::modes::Mode;
use super::{field_width, heading, written};
use crate::statistics::BLOCKS_MIN;
use crate::summary::words::{self, duration, list, number};
use crate::summary::{CellSummary, Summary};

/// Why a delivery has no map.
pub(super) const NO_POLL: &str = "no poll was measured there beside a push";
pub(super) const TOO_FEW: &str = "nothing there can be told apart in fewer than six trials";

/// Stands below maps with fields too narrow for what is in them.
const SHORT: &str = "A number in a field: so many ways share it, and their letters have no room; “?”: not \
                     measured, “–”: none. The table has them in full.";

pub(super) fn notes(
    summary: &Summary,
    sweep: &Sweep<'_>,
    modes: &[Mode<'_>],
    without: &[(Delivery, &str)],
) -> Vec<String> {
    let mut notes = Vec::new();
    for (delivery, why) in without {
        notes.push(format!("{}: no map, for {why}.", heading(*delivery)));
    }
    if modes.is_empty() {
        return notes;
    }
    notes.push(how_to_read(modes));
    for mode in modes.iter().filter(|mode| mode.longest_ms > 0) {
        notes.push(format!(
            "{}: the longest interval measured is {}. Bounds above twice that have no row: there the cheapest would only be \
             the longest that was measured.",
            heading(mode.delivery),
            duration(f64::from(mode.longest_ms))
        ));
    }
    let room = field_width(sweep) - 2.0;
    if any(modes, |found, mode| written(found, mode, room).is_short) {
        notes.push(SHORT.to_owned());
    }
    notes.extend(modes.iter().filter_map(|mode| pushes(summary, sweep, mode)));
    notes.extend(modes.iter().filter_map(|mode| undecided(summary, sweep, mode)));
    notes.extend(modes.iter().filter_map(undrawn));
    notes.extend(few(summary, sweep, modes));
    notes.extend(sweep.note());
    notes
}

/// Whether some field is so.
fn any(modes: &[Mode<'_>], is_so: impl Fn(&Field, &Mode<'_>) -> bool) -> bool {
    modes.iter().any(|mode| mode.maps.iter().flat_map(|one| &one.fields).flatten().any(|found| is_so(found, mode)))
}

fn how_to_read(modes: &[Mode<'_>]) -> String {
    let only = match any(modes, |found, _| matches!(found, Field::Only(_))) {
        true => {
            " In brackets, over a strip of its colour: the only one that surely keeps it, and so cheaper than nobody."
        }
        false => "",
    };
    format!(
        "Each way with its cheapest interval that keeps the bound, to the upper end of its interval over trials. Alone: cheaper \
         than every other that keeps it, by more than {} % at the end of the ratio's interval.{only} Together: the cheapest and \
         all that are not clearly dearer. Hatched: no way surely keeps the bound.",
        number(100.0 * CLEAR)
    )
}

/// Who is told every quote keeps bounds too, and may be cheaper still where quotes are rare: that is not in the map of
/// those who want only the newest.
fn pushes(summary: &Summary, sweep: &Sweep<'_>, mode: &Mode<'_>) -> Option<String> {
    if mode.delivery != Delivery::Newest {
        return None;
    }
    let quantity = bytes(summary);
    let of = |(arm, entry): (usize, &ArmEntry)| {
        if entry.arm.delivery != Delivery::Every || entry.descriptor.delivers != Delivers::Pushed {
            return None;
        }
        let at = |(rate_per_s, cell): &(f64, &CellSummary)| {
            let (_, bound) = mode.bounds.iter().find(|(bound_ms, _)| kept(cell, arm, *bound_ms) == Kept::Yes)?;
            let bytes_per_s = cell.arms.get(arm)?.median(quantity).filter(|rate| rate.is_finite())?;
            Some(format!("{bound} for {}/s at {} quotes/s", words::bytes(bytes_per_s), number(*rate_per_s)))
        };
        let each: Vec<String> = sweep.cells.iter().filter_map(at).collect();
        (!each.is_empty()).then(|| format!("{} {}", entry.arm.name, list(&each)))
    };
    let each: Vec<String> = summary.arms.iter().enumerate().filter_map(of).collect();
    let what = "Pushes of every quote keep these bounds and longer ones too, and are not in the map above";
    (!each.is_empty()).then(|| format!("{what} ({}): {}.", quantity.title(), each.join("; ")))
}

/// Which arms may or may not keep which bound, and in which cells.
fn undecided(summary: &Summary, sweep: &Sweep<'_>, mode: &Mode<'_>) -> Option<String> {
    let of = |(bound_ms, words): &Bound| {
        let arms = mode.arms().filter_map(|arm| {
            let open = sweep.cells.iter().filter(|(_, cell)| kept(cell, arm, *bound_ms) == Kept::Undecided);
            let rates: Vec<String> = open.map(|(rate_per_s, _)| number(*rate_per_s)).collect();
            let name = &summary.arms[arm].arm.name;
            (!rates.is_empty()).then(|| format!("{name} (at {} quotes/s)", list(&rates)))
        });
        let arms: Vec<String> = arms.collect();
        (!arms.is_empty()).then(|| format!("{words} by {}", list(&arms)))
    };
    let each: Vec<String> = mode.bounds.iter().filter_map(of).collect();
    let what = "Not decided, since the bound lies inside the interval, and counted as not kept";
    (!each.is_empty()).then(|| format!("{}. {what}: {}.", heading(mode.delivery), each.join("; ")))
}

/// Which costs have no map of their own.
fn undrawn(mode: &Mode<'_>) -> Option<String> {
    let captions: Vec<String> = mode.undecidable.iter().map(|caption| (*caption).to_owned()).collect();
    let told = || format!("{}: no map of {}, for {TOO_FEW}.", heading(mode.delivery), list(&captions));
    (!captions.is_empty()).then(told)
}

/// Which arms have no valid trial, or too few for an interval, and what becomes of them.
fn few(summary: &Summary, sweep: &Sweep<'_>, modes: &[Mode<'_>]) -> Vec<String> {
    let cells: Vec<&CellSummary> = sweep.all().collect();
    if !cells.iter().any(|cell| undecidable(cell)) {
        return Vec::new();
    }
    let valid = |cell: &CellSummary, arm: usize| cell.arms.get(arm).map_or(0, |arm| arm.valid as usize);
    let is_few = |cell: &CellSummary, arm: usize| (1..BLOCKS_MIN).contains(&valid(cell, arm));
    let arms: Vec<usize> = modes.iter().flat_map(|mode| mode.arms()).collect();
    let named = |lacks: &dyn Fn(&CellSummary, usize) -> bool| gaps::named(summary, arms.iter().copied(), &cells, lacks);
    let all = [
        (
            "Without a valid trial, and so not in the map",
            named(&|cell: &CellSummary, arm: usize| valid(cell, arm) == 0),
        ),
        (
            "With fewer than six valid trials, so that the bound is held against their median, and neither clearly cheaper nor \
             clearly dearer than another",
            named(&|cell: &CellSummary, arm: usize| !cell.exact && is_few(cell, arm)),
        ),
        (
            "Counted in fewer than six trials: the bound is held against their median, and what they cost differs clearly where \
             it does so in each of them",
            named(&|cell: &CellSummary, arm: usize| cell.exact && is_few(cell, arm)),
        ),
    ];
    let told = all.into_iter().filter(|(_, arms)| !arms.is_empty());
    told.map(|(what, arms)| format!("{what}: {}.", list(&arms))).collect()
}
