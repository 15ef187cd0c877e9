//! What theory is held to, and whether it holds: where quotes are Poisson and the distance is a plain link's.
//!
//! Tolerances were fixed before the runs: application bytes within 0.5 %; mean lateness of planned requests within the
//! larger of 1 % and 0.3 ms; held requests within 2 %, in lateness and requests, for x = λw from 0.1 to 10; the distance
//! of the distributions of lateness at most 0.03; issued + skipped polls exactly as planned.
//!
//! A rehearsed push is late by its distance and by what the rehearsal found: that its distribution comes out the same is
//! test against retest, so it is told and not counted as a target that theory meets.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::Arrivals;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Path;

use super::table::{percent, signed, signed_percent};
use crate::charts::DataTable;
use crate::summary::words::{NOTHING, count, duration, number};
use crate::summary::{ArmSummary, CellSummary, Quantity, Reading, Summary, TheorySummary};

/// Application bytes, as a share of theory.
const BYTES_MAX: f64 = 0.005;
/// Mean lateness of planned requests: as a share of theory, and at least so many milliseconds.
const PLANNED_MAX: (f64, f64) = (0.01, 0.3);
/// Held requests, as a share of theory.
const HELD_MAX: f64 = 0.02;
/// From which x to which.
const HELD_X: (f64, f64) = (0.1, 10.0);
/// Distance of the distributions.
const DISTANCE_MAX: f64 = 0.03;
/// A sweep's x misses a round number by what the machine adds to w, some per cent: within this share of its ends a target
/// holds, so that a slow machine does not lose the cell that is hardest.
const X_SLACK: f64 = 0.1;

/// One target of one arm.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// The arm.
    pub arm: String,
    /// What is held to it.
    pub what: &'static str,
    /// What theory says, in words.
    pub theory: String,
    /// How far off it was, in words.
    pub error: String,
    /// How far off it may be, in words.
    pub allowed: String,
    /// Whether it was met; `None` where nothing is asked.
    pub met: Option<bool>,
}

/// The targets of one cell; none where theory is not held to any.
#[must_use]
pub fn of(summary: &Summary, cell: &CellSummary) -> Vec<Target> {
    if !matches!(cell.load.path, Path::Link(_)) || cell.load.feed.arrivals != Arrivals::Poisson {
        return Vec::new();
    }
    // Of what theory does not know, losses say, it says nothing for any arm. Where it knows the others, a missing one is a miss.
    if cell.arms.iter().all(|arm| arm.theory.is_none()) {
        return Vec::new();
    }
    let arms = cell.arms.iter().zip(&summary.arms);
    let of = |(arm, entry): (&ArmSummary, &ArmEntry)| {
        arm.theory.as_ref().map_or_else(|| vec![nothing_known(arm)], |theory| of_arm(arm, entry, theory))
    };
    arms.flat_map(of).collect()
}

fn nothing_known(arm: &ArmSummary) -> Target {
    let (theory, error, allowed) = (NOTHING.to_owned(), "none".to_owned(), "one at least".to_owned());
    Target {
        arm: arm.arm.clone(),
        what: "a law, and trials that can be used",
        theory,
        error,
        allowed,
        met: Some(false),
    }
}

fn of_arm(arm: &ArmSummary, entry: &ArmEntry, theory: &TheorySummary) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut add = |what, theory, error, allowed, met| {
        targets.push(Target { arm: arm.arm.clone(), what, theory, error, allowed, met });
    };
    if let Some((value, off)) = off(arm, Quantity::ApplicationBytes) {
        let said = format!("{} bytes", number(value));
        add("application bytes per quote", said, signed_percent(off), within(BYTES_MAX), Some(off.abs() <= BYTES_MAX));
    }
    let mean = Some(theory.mean_ms.get()).zip(theory.mean_error_ms.map(Reading::get));
    match (entry.descriptor.delivers, mean) {
        (Delivers::Planned, Some((mean_ms, off_ms))) => {
            let allowed_ms = PLANNED_MAX.1.max(PLANNED_MAX.0 * mean_ms);
            let (said, error) = (duration(mean_ms), signed(off_ms, &duration(off_ms)));
            let met = off_ms.abs() <= allowed_ms;
            add("mean lateness", said, error, format!("± {}", duration(allowed_ms)), Some(met));
        }
        (Delivers::Held, Some((mean_ms, off_ms))) => {
            let x = theory.x.map_or(0.0, Reading::get);
            let asked = (HELD_X.0 * (1.0 - X_SLACK)..=HELD_X.1 * (1.0 + X_SLACK)).contains(&x);
            let held = |off: f64| asked.then_some(off.abs() <= HELD_MAX);
            let allowed = if asked { within(HELD_MAX) } else { format!("x is {}: nothing is asked", number(x)) };
            let off = off_ms / mean_ms;
            let said = format!("{} at x = {}", duration(mean_ms), number(x));
            add("mean lateness", said, signed_percent(off), allowed.clone(), held(off));
            if let Some((value, off)) = self::off(arm, Quantity::Requests) {
                add("requests per 100 quotes", number(value), signed_percent(off), allowed, held(off));
            }
        }
        _ => {}
    }
    if let Some(distance) = theory.distance.map(Reading::get) {
        let retest = theory.rehearsed && entry.descriptor.delivers == Delivers::Pushed;
        let allowed =
            if retest { "test against retest: not counted".to_owned() } else { format!("at most {DISTANCE_MAX}") };
        let met = (!retest).then_some(distance <= DISTANCE_MAX);
        let strict = theory
            .distance_strict
            .map_or_else(String::new, |strict| format!(" ({} without the 0.3 ms forgiven)", number(strict.get())));
        let error = format!("{}{strict}", number(distance));
        add("distance of the distributions of lateness", "0".into(), error, allowed, met);
    }
    if let Some(polls) = theory.polls {
        let decided = polls.issued + polls.skipped;
        let said = format!("{} planned", count(polls.planned));
        let error = format!("{} issued + {} skipped", count(polls.issued), count(polls.skipped));
        add("polls", said, error, "exactly".to_owned(), Some(decided == polls.planned));
    }
    targets
}

/// What theory says of `quantity`, and how far from it the median trial is, as a share.
fn off(arm: &ArmSummary, quantity: Quantity) -> Option<(f64, f64)> {
    let estimate = arm.estimate(quantity)?;
    Some((estimate.theory?.get(), estimate.error?.get()))
}

fn within(share: f64) -> String {
    format!("± {}", percent(share))
}

/// The table of one cell; `None` where theory is held to nothing.
#[must_use]
pub fn table(summary: &Summary, cell: &CellSummary) -> Option<DataTable> {
    let targets = of(summary, cell);
    let row = |target: &Target| {
        let outcome = target.met.map_or(NOTHING, |met| if met { "met" } else { "missed" });
        [&target.arm, target.what, &target.theory, &target.error, &target.allowed, outcome].map(str::to_owned).to_vec()
    };
    let columns = ["arm", "what is held to theory", "theory", "off by", "allowed", "outcome"];
    (!targets.is_empty())
        .then(|| DataTable { columns: columns.map(str::to_owned).to_vec(), rows: targets.iter().map(row).collect() })
}

/// How many were met over all cells, and which were not; `None` where there are none.
#[must_use]
pub fn sentence(summary: &Summary) -> Option<String> {
    let told = summary.cells.iter().flat_map(|cell| of(summary, cell).into_iter().map(move |target| (cell, target)));
    let (all, not_asked): (Vec<(&CellSummary, Target)>, Vec<_>) = told.partition(|(_, target)| target.met.is_some());
    let missed: Vec<String> = all
        .iter()
        .filter(|(_, target)| target.met == Some(false))
        .map(|(cell, t)| format!("{}, {}, {} ({}, allowed {})", cell.name, t.arm, t.what, t.error, t.allowed))
        .collect();
    let told = if missed.is_empty() { String::new() } else { format!(" Missed: {}.", missed.join("; ")) };
    let not_asked = match not_asked.len() {
        0 => String::new(),
        some => format!("; {some} more are told and not counted"),
    };
    (!all.is_empty())
        .then(|| format!("Theory meets {} of {} targets{not_asked}.{told}", all.len() - missed.len(), all.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::residual::Polls;
    use crate::summary::summarise;
    use wirerace_contract::spec::Link;

    /// The fixture over a link, with what theory says of it put in.
    fn summary() -> Summary {
        let (manifest, trials) = fixture::run();
        let mut summary = summarise(&manifest, &trials, &[]);
        let cell = &mut summary.cells[0];
        cell.load.path = Path::Link(serde_json::from_str::<Link>(r#"{"one_way_delay_us":15000}"#).unwrap());
        cell.load.feed.arrivals = Arrivals::Poisson;
        summary
    }

    fn theory(mean_ms: f64, off_ms: f64, distance: f64, x: Option<f64>) -> TheorySummary {
        let reading = |value: f64| Reading::new(value).unwrap();
        TheorySummary {
            mean_ms: reading(mean_ms),
            max_ms: reading(2.0 * mean_ms),
            mean_error_ms: Some(reading(off_ms)),
            distance: Some(reading(distance)),
            distance_strict: None,
            curve: Vec::new(),
            x: x.map(reading),
            polls: None,
            rehearsed: false,
        }
    }

    fn outcome(summary: &Summary, arm: &str, what: &str) -> Option<bool> {
        let targets = of(summary, &summary.cells[0]);
        targets.iter().find(|t| t.arm == arm && t.what.starts_with(what)).unwrap_or_else(|| panic!("{targets:?}")).met
    }

    #[test]
    fn tolerances_hold_on_either_side() {
        let mut summary = summary();
        for (mean_ms, off_ms, met) in
            [(20.0, 0.29, true), (20.0, -0.31, false), (200.0, -1.9, true), (200.0, 2.1, false)]
        {
            summary.cells[0].arms[1].theory = Some(theory(mean_ms, off_ms, 0.03, None));
            assert_eq!(outcome(&summary, "poll", "mean lateness"), Some(met), "{mean_ms} {off_ms}");
        }
        for (off_ms, distance, x, met) in [
            (0.39, 0.03, 0.1, (Some(true), Some(true))),
            (-0.41, 0.031, 10.0, (Some(false), Some(false))),
            (5.0, 0.0, 0.01, (None, Some(true))),
            (5.0, 0.0, 30.0, (None, Some(true))),
        ] {
            summary.cells[0].arms[2].theory = Some(theory(20.0, off_ms, distance, Some(x)));
            let found = (outcome(&summary, "long-poll", "mean"), outcome(&summary, "long-poll", "distance"));
            assert_eq!(found, met, "{off_ms} {distance} {x}");
        }
    }

    #[test]
    fn an_arm_that_theory_does_not_know_beside_others_is_a_miss() {
        let mut summary = summary();
        summary.cells[0].arms[1].theory = Some(theory(20.0, 0.0, 0.0, None));
        summary.cells[0].arms[2].theory = None;
        assert_eq!(outcome(&summary, "long-poll", "a law"), Some(false));
        summary.cells[0].arms.iter_mut().for_each(|arm| arm.theory = None);
        assert_eq!(of(&summary, &summary.cells[0]), Vec::new(), "theory knows nothing of such a cell");
    }

    #[test]
    fn the_distance_of_a_rehearsed_push_is_told_and_not_counted() {
        let mut summary = summary();
        let pushed = summary.arms.iter().position(|entry| entry.descriptor.delivers == Delivers::Pushed).unwrap();
        let name = summary.arms[pushed].arm.name.clone();
        for (rehearsed, met) in [(false, Some(false)), (true, None)] {
            summary.cells[0].arms[pushed].theory = Some(TheorySummary { rehearsed, ..theory(20.0, 0.0, 0.5, None) });
            assert_eq!(outcome(&summary, &name, "distance"), met);
        }
        assert!(!sentence(&summary).unwrap_or_default().contains("distance"), "not among what is missed");
    }

    #[test]
    fn bytes_requests_and_polls_are_held_too() {
        let mut summary = summary();
        summary.cells[0].arms[2].theory = Some(theory(20.0, 0.0, 0.0, Some(1.0)));
        for (off, bytes, requests) in [(0.0049, true, true), (-0.0051, false, true), (0.021, false, false)] {
            for estimate in &mut summary.cells[0].arms[2].estimates {
                estimate.theory = Reading::new(100.0);
                estimate.error = Reading::new(off);
            }
            let found = |what| outcome(&summary, "long-poll", what);
            assert_eq!((found("application"), found("requests")), (Some(bytes), Some(requests)), "{off}");
        }
        for (skipped, met) in [(2, true), (3, false)] {
            let polls = Some(Polls { planned: 100, issued: 98, skipped });
            summary.cells[0].arms[1].theory = Some(TheorySummary { polls, ..theory(20.0, 0.0, 0.0, None) });
            assert_eq!(outcome(&summary, "poll", "polls"), Some(met));
        }
        let told = sentence(&summary).unwrap();
        assert!(told.contains("poll, polls (98 issued + 3 skipped, allowed exactly)"), "{told}");
    }

    #[test]
    fn nothing_is_held_where_there_is_no_link_or_no_chance() {
        let mut summary = summary();
        assert!(table(&summary, &summary.cells[0]).is_some());
        summary.cells[0].load.feed.arrivals = Arrivals::Periodic;
        assert_eq!(table(&summary, &summary.cells[0]), None);
        summary.cells[0].load.feed.arrivals = Arrivals::Poisson;
        summary.cells[0].load.path = Path::Loopback;
        assert_eq!((table(&summary, &summary.cells[0]), sentence(&summary)), (None, None));
    }
}
