//! How does lateness grow with the interval? One line for each family of arms, a column for each cell, theory dashed,
//! the residual below.

use wirerace_contract::spec::Delivery;

use super::canvas::Canvas;
use super::family::{Family, families};
use super::idle::has_quotes;
use super::plot::{Axis, LABELS, Mark, Panel, Series, legend};
use super::sweep::{mark, theory};
use super::{Chart, DataTable, MARGIN, WIDTH, close, gaps, nothing, open_across, residual};
use crate::summary::words::{NOTHING, duration, estimate, list};
use crate::summary::{ArmSummary, CellSummary, Quantity, Summary};

pub(super) const NAME: &str = "lateness-interval";

/// Most cells beside each other.
const CELLS_MAX: usize = 3;

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let families: Vec<Family> = families(summary).into_iter().filter(Family::varies).collect();
    // Where quotes are superseded, only delivered ones are late: what can be compared there is staleness.
    let every: Vec<Family> = families.iter().filter(|f| f.delivery == Delivery::Every).cloned().collect();
    let (families, quantity) =
        if every.is_empty() { (families, Quantity::StalenessMean) } else { (every, Quantity::LatenessP50) };
    if families.is_empty() || !summary.cells.iter().any(has_quotes) {
        return None;
    }
    let title = match quantity {
        Quantity::LatenessP50 => "How does lateness grow with the interval?",
        _ => "How stale does the interval leave a client?",
    };
    let cells: Vec<&CellSummary> = summary.cells.iter().take(CELLS_MAX).collect();
    let mut notes = Vec::new();
    if summary.cells.len() > cells.len() {
        let rest: Vec<String> = summary.cells[cells.len()..].iter().map(|cell| cell.name.clone()).collect();
        notes.push(format!("Not drawn, but in the table: {}.", list(&rest)));
    }
    let place = cells.iter().map(|cell| cell.name.as_str()).collect::<Vec<_>>().join(" · ");
    let subtitle = format!("{}, both axes logarithmic", quantity.title());
    let (mut canvas, top) = open_across(title, &subtitle, &place, cells.iter().copied());
    let columns: Vec<Vec<Series>> = cells.iter().map(|cell| series(summary, cell, &families, quantity)).collect();
    let is_there = |i: usize| {
        columns.iter().filter_map(|column| column.get(i)).any(|s| !s.marks.is_empty() || !s.theory.is_empty())
    };
    let mut bottom = top + 60.0;
    if columns.iter().flatten().all(|s| s.marks.is_empty()) {
        nothing(&mut canvas, top, "no valid trial has a value for it");
    } else {
        let there = families.iter().enumerate().filter(|(i, _)| is_there(*i));
        let top = legend(&mut canvas, top, there.map(|(_, f)| (f.name.as_str(), f.style)));
        bottom = plot(&mut canvas, &cells, &columns, top);
        if columns.iter().flatten().any(|s| !s.theory.is_empty()) {
            notes.push("Thin dashes: theory, from the setting alone. Below: measured less theory. Marks of one place stand beside each other.".to_owned());
        }
    }
    notes.extend(missing(summary, &families, &cells, quantity));
    close(&mut canvas, bottom, &notes);
    let sentence = sentence(&cells, &columns, quantity);
    let table = table(summary, &families, quantity);
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas })
}

/// What is drawn of an arm: a value above nought, where a logarithmic axis begins.
fn drawn(arm: &ArmSummary, quantity: Quantity, interval_ms: f64) -> Option<Mark> {
    mark(arm, quantity, interval_ms, 1.0).filter(|mark| mark.y > 0.0)
}

/// Which arms have no mark in which of the cells drawn.
fn missing(summary: &Summary, families: &[Family], cells: &[&CellSummary], quantity: Quantity) -> Option<String> {
    let arms = families.iter().flat_map(|family| family.members.iter().copied());
    let lacks = |cell: &CellSummary, i: usize| cell.arms.get(i).and_then(|arm| drawn(arm, quantity, 0.0)).is_none();
    gaps::note(quantity.title(), &gaps::named(summary, arms, cells, lacks))
}

fn series(summary: &Summary, cell: &CellSummary, families: &[Family], quantity: Quantity) -> Vec<Series> {
    let one = |family: &Family| {
        let arms = || {
            let interval_ms = |i: &usize| f64::from(summary.arms[*i].arm.interval_ms);
            family.members.iter().filter_map(move |i| Some((interval_ms(i), cell.arms.get(*i)?)))
        };
        let marks: Vec<Mark> = arms().filter_map(|(x, arm)| drawn(arm, quantity, x)).collect();
        let said: Vec<String> = marks.iter().map(|m| format!("{} each {}", duration(m.y), duration(m.x))).collect();
        Series {
            name: family.name.clone(),
            style: family.style,
            theory: arms().filter_map(|(x, arm)| theory(arm, quantity, x)).filter(|(_, y)| *y > 0.0).collect(),
            said: format!("{}: {}", family.name, list(&said)),
            marks,
        }
    };
    families.iter().map(one).collect()
}

fn plot(canvas: &mut Canvas, cells: &[&CellSummary], columns: &[Vec<Series>], top: f64) -> f64 {
    let top = top + 28.0;
    let space = WIDTH - 2.0 * MARGIN;
    let width = space / columns.len() as f64;
    // The same span for all, their whiskers included, or equal heights would not be equal times.
    let also: Vec<(f64, f64)> = columns
        .iter()
        .flatten()
        .flat_map(|s| s.marks.iter().flat_map(|m| [(m.x, m.low), (m.x, m.high)]).chain(s.theory.iter().copied()))
        .collect();
    let off: Vec<f64> = columns
        .iter()
        .flat_map(|series| residual::off(series))
        .flat_map(|s| s.marks)
        .flat_map(|m| [m.low, m.high])
        .collect();
    let mut lowest = top;
    for (i, (cell, series)) in cells.iter().zip(columns).enumerate() {
        let left = MARGIN + i as f64 * width + LABELS;
        let panel = Panel {
            area: [left, top, MARGIN + (i + 1) as f64 * width - 16.0, top + 250.0],
            x: Axis { caption: "interval", write: duration, log: true, labels: if columns.len() > 1 { 3 } else { 9 } },
            y: Axis { caption: &cell.name, write: duration, log: true, labels: 10 },
            also: &also,
            apart: true,
        };
        lowest =
            residual::draw(canvas, &panel, series, (if i == 0 { residual::CAPTION } else { "" }, &off)).1.max(lowest);
    }
    lowest
}

fn sentence(cells: &[&CellSummary], columns: &[Vec<Series>], quantity: Quantity) -> String {
    let one = |(cell, series): (&&CellSummary, &Vec<Series>)| {
        let ends = series.iter().filter_map(|s| {
            let (first, last) = (s.marks.first()?, s.marks.last()?);
            let at = |m: &Mark| format!("{} each {}", duration(m.y), duration(m.x));
            Some(format!("{} {} to {}", s.name, at(first), at(last)))
        });
        let ends: Vec<String> = ends.collect();
        (!ends.is_empty()).then(|| format!("{}: {} {}.", cell.name, quantity.title(), list(&ends)))
    };
    let each: Vec<String> = cells.iter().zip(columns).filter_map(one).collect();
    if each.is_empty() { "No valid trial has a value for it.".to_owned() } else { each.join(" ") }
}

fn table(summary: &Summary, families: &[Family], quantity: Quantity) -> DataTable {
    let mut rows = Vec::new();
    for cell in &summary.cells {
        for member in families.iter().flat_map(|family| &family.members) {
            let Some(arm) = cell.arms.get(*member) else { continue };
            let of = arm.estimate(quantity);
            let predicted = of.and_then(|e| e.theory).map_or(NOTHING.to_owned(), |t| duration(t.get()));
            let each = duration(f64::from(summary.arms[*member].arm.interval_ms));
            rows.push(vec![cell.name.clone(), arm.arm.clone(), each, estimate(of), predicted]);
        }
    }
    let mut columns = ["cell", "arm", "interval"].map(str::to_owned).to_vec();
    columns.extend([format!("{} ({})", quantity.title(), quantity.unit()), "theory".to_owned()]);
    DataTable { columns, rows }
}
