//! Fresh or cheap? Excess staleness against bytes and, on one host, against CPU, per second and client: down and to the
//! left is better.

use wirerace_contract::spec::Path;

use super::axis::LogScale;
use super::canvas::{Anchor, At, Canvas, TEXT, TICK, Type, text_width};
use super::style::Ink;
use super::{
    Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, nothing, open, orders_note, over_grid, tick_y, ticks_x,
};
use crate::summary::words::{NOTHING, bytes, duration, interval, list};
use crate::summary::{CellSummary, Estimate, Quantity, Summary};

pub(super) const NAME: &str = "frontier";

/// Height of a panel, and what its axis takes below it.
const PLOT: f64 = 320.0;
const BELOW: f64 = 56.0;

pub(super) fn draw(summary: &Summary, cell: &CellSummary) -> Chart {
    let (arms, mut notes) = arms(summary, cell);
    // One quantity for all, or the picture would compare packets with bytes above TCP.
    let packets = arms.iter().all(|(arm, _)| arm.median(Quantity::PacketRate).is_some());
    let cost = if packets { Quantity::PacketRate } else { Quantity::ApplicationRate };
    let (arms, none): (Vec<_>, Vec<_>) = arms.into_iter().partition(|styled| place(styled, cost).is_some());
    for (arm, _) in none {
        notes.push(format!("Not drawn: {}, staleness or bytes were not measured.", arm.arm));
    }
    let costs: Vec<Quantity> = std::iter::once(cost).chain(cpu(cell, &arms)).collect();
    let zero =
        |cost: &Quantity| arms.iter().any(|styled| place(styled, *cost).is_some_and(|(x, y)| x <= 0.0 || y <= 0.0));
    if costs.iter().any(zero) {
        notes.push("A value of 0 is drawn at the end of its logarithmic axis.".to_owned());
    }
    let few = |(arm, _): &&Styled<'_>| arm.estimate(cost).is_some_and(|e| e.interval.is_none());
    let few: Vec<String> = arms.iter().filter(few).map(|(arm, _)| arm.arm.clone()).collect();
    if !few.is_empty() {
        notes.push(format!("Without whiskers, fewer than six trials: {}.", list(&few)));
    }
    notes.extend(orders_note(cell, "what they cost is part of it"));
    let title = "Fresh or cheap?";
    let subtitle = match costs.as_slice() {
        [cost] => format!("Mean excess staleness against {}, both logarithmic", cost.title()),
        _ => "Mean excess staleness against bytes (above), CPU (below) per second and client, logarithmic".to_owned(),
    };
    let (mut canvas, top) = open(title, &subtitle, cell);
    let mut y = top;
    if arms.is_empty() {
        nothing(&mut canvas, top, "no valid trial measured staleness and bytes");
        y += 60.0;
    }
    for cost in costs.iter().filter(|_| !arms.is_empty()) {
        let there: Vec<Styled<'_>> = arms.iter().filter(|styled| place(styled, *cost).is_some()).copied().collect();
        for (arm, _) in arms.iter().filter(|styled| place(styled, *cost).is_none()) {
            notes.push(format!("Only above: {}, its CPU was not measured.", arm.arm));
        }
        plot(&mut canvas, &there, *cost, (y, y + PLOT));
        y += PLOT + BELOW + 12.0;
    }
    close(&mut canvas, y - 12.0, &notes);
    let sentence = sentence(&arms, &costs);
    Chart { kind: NAME, title: title.to_owned(), sentence, notes, table: table(cell, &costs), canvas }
}

/// What is drawn in a second panel: the machine's CPU, where it was measured. Not with distance between server and clients,
/// since there the machine works for the distance too.
fn cpu(cell: &CellSummary, arms: &[Styled<'_>]) -> Option<Quantity> {
    let any = arms.iter().any(|styled| place(styled, Quantity::CpuRate).is_some());
    (any && cell.load.path == Path::Loopback).then_some(Quantity::CpuRate)
}

/// `value` of a cost in words.
fn told(cost: Quantity, value: f64) -> String {
    if cost == Quantity::CpuRate { format!("{}/s", duration(value / 1e3)) } else { format!("{}/s", bytes(value)) }
}

/// Cost and staleness of an arm; `None` unless both are finite.
fn place((arm, _): &Styled<'_>, cost: Quantity) -> Option<(f64, f64)> {
    let place = (arm.median(cost)?, arm.median(Quantity::StalenessMean)?);
    (place.0.is_finite() && place.1.is_finite()).then_some(place)
}

/// Each trial's cost and staleness.
fn trials((arm, _): &Styled<'_>, cost: Quantity) -> Vec<(f64, f64)> {
    let values = |quantity| arm.estimate(quantity).map(|e| e.points.as_slice()).unwrap_or_default();
    let pair = |block, x: f64| {
        let same = values(Quantity::StalenessMean).iter().find(|p| p.block == block)?;
        Some((x, same.value?.finite()?))
    };
    values(cost).iter().filter_map(|p| pair(p.block, p.value?.finite()?)).collect()
}

fn plot(canvas: &mut Canvas, arms: &[Styled<'_>], cost: Quantity, (top, bottom): (f64, f64)) {
    let (left, right) = (MARGIN + 56.0, WIDTH - MARGIN - 24.0);
    let all = || arms.iter().flat_map(|styled| trials(styled, cost).into_iter().chain(place(styled, cost)));
    let x = LogScale::around(all().map(|p| p.0), left, right, 8);
    let y = LogScale::around(all().map(|p| p.1), bottom, top, 12);
    canvas.layer("axes", "");
    let labels = x.ticks().iter().map(|value| (x.at(*value), told(cost, *value)));
    // Longer than the plot is high: in the corner a label stands below that of the other axis.
    ticks_x(canvas, labels, (top, bottom + 6.0), 6.0);
    for value in y.ticks() {
        tick_y(canvas, y.at(*value), (left, right), &duration(*value));
    }
    canvas.text((left, bottom + 42.0), "↙ fresher and cheaper", Type { bold: true, ..TICK });
    let without = if cost == Quantity::CpuRate { "" } else { " (without set-up)" };
    let caption = format!("{}{without}", cost.title());
    canvas.text((right, bottom + 42.0), caption, Type { anchor: Anchor::End, ..TICK });
    let places: Vec<At> = arms.iter().filter_map(|s| place(s, cost)).map(|p| (x.at(p.0), y.at(p.1))).collect();
    let mut marks = Vec::new();
    for (styled, at) in arms.iter().zip(&places) {
        let (arm, style) = styled;
        canvas.layer("series", format!("{}: {}", arm.arm, described(styled, &[cost])));
        let mut own = vec![around(*at, 7.0)];
        for trial in trials(styled, cost) {
            let trial = (x.at(trial.0), y.at(trial.1));
            canvas.dot(trial, 3.0, style.ink, 0.45);
            own.push(around(trial, 4.0));
        }
        own.extend(whisker(canvas, arm.estimate(cost), |v| (x.at(v), at.1), style.ink));
        own.extend(whisker(canvas, arm.estimate(Quantity::StalenessMean), |v| (at.0, y.at(v)), style.ink));
        canvas.marker(*at, 5.0, style);
        marks.push(own);
    }
    canvas.layer("labels", "");
    let mut taken: Vec<Area> = marks.concat();
    for (((arm, _), at), own) in arms.iter().zip(&places).zip(&marks) {
        label(canvas, &arm.arm, (*at, own), &mut taken, [left, top, right, bottom]);
    }
}

/// Left, top, right, bottom.
type Area = [f64; 4];

fn around((x, y): At, by: f64) -> Area {
    [x - by, y - by, x + by, y + by]
}

/// Draws an interval; gives the area it takes.
fn whisker(canvas: &mut Canvas, estimate: Option<&Estimate>, at: impl Fn(f64) -> At, ink: Ink) -> Option<Area> {
    let interval = estimate?.interval?;
    let (low, high) = (at(interval.low.get()), at(interval.high.get()));
    canvas.line(&[low, high], ink, 1.4, &[]);
    Some([low.0.min(high.0) - 1.0, low.1.min(high.1) - 1.0, low.0.max(high.0) + 1.0, low.1.max(high.1) + 1.0])
}

/// Puts a name beside its own marks, at the first of many places that is free; a thin line leads to the far ones.
fn label(canvas: &mut Canvas, text: &str, (at, own): (At, &[Area]), taken: &mut Vec<Area>, within: Area) {
    let (width, height) = (text_width(text, TEXT), 14.0);
    let reach = |side: usize, pick: fn(f64, f64) -> f64| own.iter().map(|a| a[side]).fold(at_side(at, side), pick);
    let (west, north) = (reach(0, f64::min) - at.0 - 3.0, reach(1, f64::min) - at.1 - 9.0);
    let (east, south) = (reach(2, f64::max) - at.0 + 3.0, reach(3, f64::max) - at.1 + 9.0);
    let near = [(east, 0.0), (west - width, 0.0), (-width / 2.0, north), (-width / 2.0, south)];
    let far = (1..20).flat_map(|ring| {
        let step = 16.0 * f64::from(ring);
        [(east, -step), (east, step), (west - width, -step), (west - width, step)]
    });
    let area = |(dx, dy): At| [at.0 + dx, at.1 + dy - height / 2.0, at.0 + dx + width, at.1 + dy + height / 2.0];
    let free = |shift: &At| {
        let a = area(*shift);
        let inside = a[0] >= within[0] && a[2] <= within[2] && a[1] >= within[1] && a[3] <= within[3];
        inside && !taken.iter().any(|t| a[0] < t[2] && t[0] < a[2] && a[1] < t[3] && t[1] < a[3])
    };
    // The last resort lies inside the picture, whatever it covers.
    let shift = near.into_iter().chain(far).find(free).unwrap_or((east.min(within[2] - width - at.0), 0.0));
    let a = area(shift);
    if near.iter().all(|n| *n != shift) {
        let end = (if shift.0 > 0.0 { a[0] - 2.0 } else { a[2] + 2.0 }, at.1 + shift.1);
        canvas.line(&[at, end], Ink::Muted, 0.7, &[]);
    }
    over_grid(canvas, (a[0], at.1 + shift.1), text, TEXT);
    taken.push(a);
}

fn at_side(at: At, side: usize) -> f64 {
    if side.is_multiple_of(2) { at.0 } else { at.1 }
}

fn described(styled: &Styled<'_>, costs: &[Quantity]) -> String {
    let places: Vec<(Quantity, (f64, f64))> =
        costs.iter().filter_map(|cost| Some((*cost, place(styled, *cost)?))).collect();
    let each: Vec<String> = places.iter().map(|(cost, (x, _))| told(*cost, *x)).collect();
    match places.first() {
        Some((_, (_, stale_ms))) => format!("{} stale at {}", duration(*stale_ms), list(&each)),
        None => "not measured".to_owned(),
    }
}

fn sentence(arms: &[Styled<'_>], costs: &[Quantity]) -> String {
    let each: Vec<String> = arms.iter().map(|s| format!("{} {}", s.0.arm, described(s, costs))).collect();
    let quantities = std::iter::once("Mean excess staleness".to_owned());
    let quantities: Vec<String> = quantities.chain(costs.iter().map(|cost| cost.title().to_owned())).collect();
    match each.as_slice() {
        [] => "No valid trial measured staleness and bytes.".to_owned(),
        each => format!("{}, medians: {}.", list(&quantities), list(each)),
    }
}

fn table(cell: &CellSummary, costs: &[Quantity]) -> DataTable {
    let write = |estimate: Option<&Estimate>, fit: &dyn Fn(f64) -> String| {
        let Some((estimate, median)) = estimate.and_then(|e| Some((e, e.median?))) else { return NOTHING.to_owned() };
        let bounds = estimate.interval.map(|i| format!(" {}", interval(&i, fit))).unwrap_or_default();
        format!("{}{bounds}", fit(median.get()))
    };
    let rows = cell.arms.iter().map(|arm| {
        let mut row = vec![arm.arm.clone()];
        let stale = [Quantity::StalenessMean, Quantity::StalenessP99];
        row.extend(stale.map(|quantity| write(arm.estimate(quantity), &duration)));
        row.extend(costs.iter().map(|cost| write(arm.estimate(*cost), &|value| told(*cost, value))));
        row
    });
    let mut columns = ["arm", "mean excess staleness", "99th percentile over time"].map(str::to_owned).to_vec();
    columns.extend(costs.iter().map(|cost| cost.title().to_owned()));
    DataTable { columns, rows: rows.collect() }
}
