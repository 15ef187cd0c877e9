//! Cells that differ in one thing: what a chart over a whole run has along its axis.

use wirerace_contract::spec::{LoadSpec, Path};

use crate::summary::words::{self, number};
use crate::summary::{ArmSummary, CellSummary, Interval, Quantity, Reading, Summary};

use super::canvas::At;
use super::plot::Mark;

/// Cells that differ in one thing, with its value, in increasing order.
pub(super) struct Sweep<'a> {
    pub(super) cells: Vec<(f64, &'a CellSummary)>,
    /// How many cells of the run differ in something else.
    pub(super) others: usize,
}

impl<'a> Sweep<'a> {
    pub(super) fn all(&self) -> impl Iterator<Item = &'a CellSummary> {
        self.cells.iter().map(|(_, cell)| *cell)
    }

    /// Says which cells are left out, where some are.
    pub(super) fn note(&self) -> Option<String> {
        let differ = if self.others == 1 { "differs" } else { "differ" };
        let told = || format!("Not drawn: {} that {differ} in something else as well.", words::cells(self.others));
        (self.others > 0).then(told)
    }

    /// Which cells, for the heading: from the first to the last.
    pub(super) fn place(&self) -> String {
        let names: Vec<&str> = self.cells.iter().map(|(_, cell)| cell.name.as_str()).collect();
        match names.as_slice() {
            [first, .., last] => format!("{} cells: {first} … {last}", names.len()),
            _ => names.concat(),
        }
    }
}

/// The most cells that differ only in `value`; `rest` is a load without it. `None` where there are not two.
pub(super) fn along<'a>(
    summary: &'a Summary,
    rest: impl Fn(&LoadSpec) -> LoadSpec,
    value: impl Fn(&LoadSpec) -> f64,
) -> Option<Sweep<'a>> {
    let mut groups: Vec<(LoadSpec, Vec<(f64, &CellSummary)>)> = Vec::new();
    for cell in &summary.cells {
        let (rest, value) = (rest(&cell.load), value(&cell.load));
        match groups.iter_mut().find(|group| group.0 == rest) {
            // The same value again would be two marks at one place; the first stands for it.
            Some((_, cells)) if cells.iter().any(|(other, _)| *other == value) => {}
            Some((_, cells)) => cells.push((value, cell)),
            None => groups.push((rest, vec![(value, cell)])),
        }
    }
    // The first of equals, so that the order of the run decides.
    let mut cells = groups.into_iter().map(|g| g.1).rev().max_by_key(Vec::len).filter(|cells| cells.len() > 1)?;
    cells.sort_by(|a, b| a.0.total_cmp(&b.0));
    let others = summary.cells.len() - cells.len();
    Some(Sweep { cells, others })
}

/// Cells that differ only in their clients; where there are none, in the length of their windows too: those may be made
/// longer so that a few clients do as much work as many.
pub(super) fn along_clients(summary: &Summary) -> Option<Sweep<'_>> {
    let clients = |load: &LoadSpec| f64::from(load.clients);
    let same = |load: &LoadSpec| LoadSpec { clients: 0, ..load.clone() };
    let longer = |load: &LoadSpec| LoadSpec { window_ms: 0, warm_up_max_ms: 0, ..same(load) };
    along(summary, same, clients).or_else(|| along(summary, longer, clients))
}

/// Cells that differ only in their distance; the value is the round trip in milliseconds.
pub(super) fn along_distance(summary: &Summary) -> Option<Sweep<'_>> {
    let near = |load: &LoadSpec| {
        let path = match load.path {
            Path::Link(link) => Path::Link(wirerace_contract::spec::Link { one_way_delay_us: 0, ..link }),
            Path::Delayed(_) | Path::Loopback => Path::Loopback,
        };
        LoadSpec { path, ..load.clone() }
    };
    along(summary, near, |load| 2e3 * load.path.one_way_delay_s())
}

/// Cells that differ only in their quotes per second. A window may be made longer so that rare quotes fill it.
pub(super) fn along_rate(summary: &Summary) -> Option<Sweep<'_>> {
    let rest = |load: &LoadSpec| {
        let mut rest = load.clone();
        (rest.feed.rate_per_s, rest.window_ms, rest.warm_up_max_ms) = (0.0, 0, 0);
        rest
    };
    along(summary, rest, |load| load.feed.rate_per_s)
}

/// The median of `quantity` with its interval as a mark at `x`, both multiplied by `factor`; `None` unless it is finite.
pub(super) fn mark(arm: &ArmSummary, quantity: Quantity, x: f64, factor: f64) -> Option<Mark> {
    let estimate = arm.estimate(quantity)?;
    let y = factor * estimate.median?.finite()?;
    let end = |pick: fn(&Interval) -> Reading| {
        estimate.interval.as_ref().and_then(|i| pick(i).finite()).map_or(y, |value| factor * value)
    };
    Some(Mark { x, y, low: end(|i| i.low), high: end(|i| i.high) })
}

/// What theory says of `quantity`, at `x`; `None` unless it is finite.
pub(super) fn theory(arm: &ArmSummary, quantity: Quantity, x: f64) -> Option<At> {
    Some((x, arm.estimate(quantity)?.theory?.finite()?))
}

/// Of two quantities the first if every arm with a trial has it in every cell, else the second: one for all.
pub(super) fn either<'a>(cells: impl Iterator<Item = &'a CellSummary>, first: Quantity, second: Quantity) -> Quantity {
    let mut arms = cells.flat_map(|cell| &cell.arms).filter(|arm| arm.valid > 0);
    if arms.all(|arm| arm.median(first).is_some()) { first } else { second }
}

/// Each once, in the order of the cells.
fn distinct<'a>(cells: impl Iterator<Item = &'a CellSummary>, told: fn(&Path) -> String) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for path in cells.map(|cell| told(&cell.load.path)) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The paths of `cells` in few words, for the heading of a picture.
pub(super) fn paths_in_short<'a>(cells: impl Iterator<Item = &'a CellSummary>) -> String {
    let paths = distinct(cells, words::path_in_short);
    match paths.as_slice() {
        [first, _, .., last] => format!("{} paths: {first} … {last}", paths.len()),
        few => words::list(few),
    }
}

/// What is said of cells whose clients carry quotes alone, beside others.
const NOTHING_ELSE: &str = "nothing else";

/// What else clients carry in some cell, each kind once; the rest of a list, empty where they carry quotes alone.
fn loads(cells: &[CellSummary]) -> String {
    let mut told: Vec<String> = Vec::new();
    for cell in cells {
        let load = words::besides(&cell.load).unwrap_or_else(|| NOTHING_ELSE.to_owned());
        if !told.contains(&load) {
            told.push(load);
        }
    }
    if told.iter().all(|load| load == NOTHING_ELSE) { String::new() } else { format!("{}, ", told.join(" or ")) }
}

/// The conditions of a figure over all cells: what it must be quoted with.
#[must_use]
pub fn conditions(summary: &Summary) -> String {
    let cells = || summary.cells.iter();
    let span = |values: Vec<f64>| {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        if low == high { number(low) } else { format!("{} to {}", number(low), number(high)) }
    };
    let paths = distinct(cells(), words::path).join("; ");
    let valid = || cells().flat_map(|cell| cell.arms.iter().map(|arm| arm.valid)).filter(|n| *n > 0);
    let n = span(valid().map(f64::from).collect());
    if summary.cells.is_empty() {
        return format!("no cell, run seed {}", summary.seed);
    }
    if valid().next().is_none() {
        return format!("{paths}; no valid trial, run seed {}", summary.seed);
    }
    let aside = |pick: fn(&ArmSummary) -> u32| -> u32 { cells().flat_map(|cell| cell.arms.iter().map(pick)).sum() };
    let more = loads(&summary.cells);
    let delivery = words::delivery(summary).map_or_else(String::new, |delivery| format!("{delivery}, "));
    format!(
        "{}, {} clients, {} quotes/s, {delivery}{more}{paths}; n = {n} trials an arm and cell, run seed {}; \
         set aside: {} tainted, {} void",
        words::cells(summary.cells.len()),
        span(cells().map(|cell| f64::from(cell.load.clients)).collect()),
        span(cells().map(|cell| cell.load.feed.rate_per_s).collect()),
        summary.seed,
        aside(|arm| arm.tainted),
        aside(|arm| arm.void),
    ) + &words::counts_only(cells())
}
