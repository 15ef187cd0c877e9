//! Fresh or cheap, as the interval varies: one curve per family of arms, staleness against bytes and against CPU, a row
//! of two panels for each cell.

use wirerace_contract::spec::Delivery;

use super::canvas::Canvas;
use super::family::{Family, families};
use super::idle::has_quotes;
use super::plot::{Axis, LABELS, Mark, Panel, Series, beside, legend};
use super::sweep::{either, mark};
use super::{Chart, DataTable, MARGIN, WIDTH, close, gaps, nothing, open_across};
use crate::summary::words::{bytes, duration, estimate, list};
use crate::summary::{CellSummary, Quantity, Summary};

pub(super) const NAME: &str = "frontier-curves";

/// Most cells that one picture holds.
const CELLS_MAX: usize = 4;
/// Equal labels nearer than this are one.
const LABELS_APART: f64 = 14.0;
/// Height of a row, without its axes' labels.
const PLOT: f64 = 210.0;

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let families = families(summary);
    if !families.iter().any(Family::varies) || !summary.cells.iter().any(has_quotes) {
        return None;
    }
    let cells: Vec<&CellSummary> = summary.cells.iter().take(CELLS_MAX).collect();
    let costs = [
        either(summary.cells.iter(), Quantity::PacketRate, Quantity::ApplicationRate),
        either(summary.cells.iter(), Quantity::CpuRate, Quantity::OwnCpuRate),
    ];
    let mut notes = vec![delivery_note(&families)];
    if summary.cells.len() > cells.len() {
        let rest: Vec<String> = summary.cells[cells.len()..].iter().map(|cell| cell.name.clone()).collect();
        notes.push(format!("Not drawn, but in the table: {}.", list(&rest)));
    }
    let title = "Fresh or cheap, as the interval varies";
    let subtitle = "Mean excess staleness against cost per client, logarithmic; down and to the left is better";
    let place = cells.iter().map(|cell| cell.name.as_str()).collect::<Vec<_>>().join(" · ");
    let (mut canvas, top) = open_across(title, subtitle, &place, cells.iter().copied());
    let drawn: Vec<&Family> = families.iter().filter(|family| has_any(&cells, family, &costs)).collect();
    for family in families.iter().filter(|family| !has_any(&cells, family, &costs)) {
        notes.push(format!("Not drawn: {}, no valid trial measured staleness and cost.", family.name));
    }
    notes.extend(missing(summary, &cells, &drawn, costs));
    let mut y = top;
    if drawn.is_empty() {
        nothing(&mut canvas, top, "no valid trial measured staleness and cost");
        y += 60.0;
    } else {
        y = legend(&mut canvas, top, drawn.iter().map(|family| (family.name.as_str(), family.style)));
        for cell in &cells {
            y = row(&mut canvas, y, cell, summary, (&drawn, &costs));
        }
    }
    close(&mut canvas, y, &notes);
    let sentence = sentence(summary, &cells, &families, costs[0]);
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table: table(summary, costs), canvas })
}

/// Which delivery a picture shows changes who wins in it.
fn delivery_note(families: &[Family]) -> String {
    let of = |delivery| -> Vec<String> {
        families.iter().filter(|family| family.delivery == delivery).map(|family| family.name.clone()).collect()
    };
    match (of(Delivery::Newest), of(Delivery::Every)) {
        (newest, every) if every.is_empty() => {
            format!("All want the newest quote only, pushes at most one an interval: {}.", list(&newest))
        }
        (newest, every) if newest.is_empty() => format!("All take every quote: {}.", list(&every)),
        (newest, every) => {
            format!("The newest quote only, at most one an interval: {}. Every quote: {}.", list(&newest), list(&every))
        }
    }
}

fn has_any(cells: &[&CellSummary], family: &Family, costs: &[Quantity; 2]) -> bool {
    cells.iter().any(|cell| costs.iter().any(|cost| !marks(cell, family, *cost).is_empty()))
}

/// A family's marks from the shortest interval to the longest, each with the place of its arm. A value of 0 or less has no
/// place on a logarithmic axis.
fn marks(cell: &CellSummary, family: &Family, cost: Quantity) -> Vec<(usize, Mark)> {
    family.members.iter().filter_map(|member| Some((*member, place(cell, *member, cost)?))).collect()
}

fn place(cell: &CellSummary, member: usize, cost: Quantity) -> Option<Mark> {
    let arm = cell.arms.get(member)?;
    let x = arm.median(cost).filter(|x| x.is_finite() && *x > 0.0)?;
    mark(arm, Quantity::StalenessMean, x, 1.0).filter(|mark| mark.y > 0.0)
}

/// Which arms of the families that are drawn have no mark in which cells, for each cost where that differs.
fn missing(summary: &Summary, cells: &[&CellSummary], drawn: &[&Family], costs: [Quantity; 2]) -> Vec<String> {
    let of = |cost: Quantity| {
        let arms = drawn.iter().flat_map(|family| family.members.iter().copied());
        gaps::named(summary, arms, cells, |cell, arm| place(cell, arm, cost).is_none())
    };
    let each = costs.map(of);
    if each[0] == each[1] {
        return gaps::note("staleness or cost", &each[0]).into_iter().collect();
    }
    let told = |(cost, named): (&Quantity, &Vec<String>)| gaps::note(&format!("staleness or {}", cost.title()), named);
    costs.iter().zip(&each).filter_map(told).collect()
}

fn row(
    canvas: &mut Canvas,
    top: f64,
    cell: &CellSummary,
    summary: &Summary,
    (families, costs): (&[&Family], &[Quantity; 2]),
) -> f64 {
    let (top, bottom) = (top + 26.0, top + 26.0 + PLOT);
    let width = (WIDTH - 2.0 * MARGIN - 2.0 * LABELS) / 2.0;
    for (column, cost) in costs.iter().enumerate() {
        let left = MARGIN + LABELS + column as f64 * (width + LABELS);
        // Room for half of the last label.
        let area = [left, top, left + width - 14.0, bottom];
        let series: Vec<Series> = families.iter().map(|family| series(cell, family, *cost)).collect();
        let money = cost.unit() == "B/s";
        let panel = Panel {
            area,
            x: Axis {
                caption: if money { "bytes per second and client" } else { cost.title() },
                write: if money { |v| format!("{}/s", bytes(v)) } else { |v| format!("{}/s", duration(v / 1e3)) },
                log: true,
                labels: 6,
            },
            y: Axis { caption: if column == 0 { &cell.name } else { "" }, write: duration, log: true, labels: 9 },
            also: &[],
            apart: false,
        };
        if series.iter().all(|s| s.marks.is_empty()) {
            nothing(canvas, top, "not measured here");
            continue;
        }
        let scales = panel.draw(canvas, &series);
        canvas.layer("labels", "");
        let mut taken: Vec<[f64; 4]> = Vec::new();
        for mark in series.iter().flat_map(|s| &s.marks) {
            let (x, y) = scales.at((mark.x, mark.y));
            taken.push([x - 6.0, y - 6.0, x + 6.0, y + 6.0]);
        }
        let mut said: Vec<(String, (f64, f64))> = Vec::new();
        for (member, mark) in families.iter().filter(|f| f.varies()).flat_map(|f| marks(cell, f, *cost)) {
            let each = duration(f64::from(summary.arms[member].arm.interval_ms));
            let at = scales.at((mark.x, mark.y));
            // Marks that lie on each other share one label.
            let near = |(text, other): &(String, (f64, f64))| {
                *text == each && (at.0 - other.0).hypot(at.1 - other.1) < LABELS_APART
            };
            if !said.iter().any(near) {
                beside(canvas, at, &each, &mut taken, area);
                said.push((each, at));
            }
        }
    }
    bottom + 52.0
}

fn series(cell: &CellSummary, family: &Family, cost: Quantity) -> Series {
    let marks: Vec<Mark> = marks(cell, family, cost).into_iter().map(|(_, mark)| mark).collect();
    let said: Vec<String> =
        marks.iter().map(|m| format!("{} stale at {}", duration(m.y), cost_words(cost, m.x))).collect();
    Series {
        name: family.name.clone(),
        style: family.style,
        said: format!("{}: {}", family.name, list(&said)),
        marks,
        theory: Vec::new(),
    }
}

fn cost_words(cost: Quantity, value: f64) -> String {
    if cost.unit() == "B/s" {
        format!("{}/s", bytes(value))
    } else {
        format!("{} of CPU a second", duration(value / 1e3))
    }
}

fn sentence(summary: &Summary, cells: &[&CellSummary], families: &[Family], cost: Quantity) -> String {
    let one = |cell: &&CellSummary| {
        let ends = families.iter().filter_map(|family| {
            let marks = marks(cell, family, cost);
            let (first, last) = (marks.first()?, marks.last()?);
            let at = |(_, m): &(usize, Mark)| format!("{} stale at {}", duration(m.y), cost_words(cost, m.x));
            if first == last {
                return Some(format!("{} {}", family.name, at(first)));
            }
            let each = |member: usize| duration(f64::from(summary.arms[member].arm.interval_ms));
            let (short, long) = (each(first.0), each(last.0));
            Some(format!("{} from {} (each {short}) to {} (each {long})", family.name, at(first), at(last)))
        });
        let ends: Vec<String> = ends.collect();
        (!ends.is_empty()).then(|| format!("{}: {}.", cell.name, list(&ends)))
    };
    let each: Vec<String> = cells.iter().filter_map(one).collect();
    if each.is_empty() { "No valid trial measured staleness and cost.".to_owned() } else { each.join(" ") }
}

fn table(summary: &Summary, costs: [Quantity; 2]) -> DataTable {
    let quantities = [Quantity::StalenessMean, costs[0], costs[1]];
    let row = |cell: &CellSummary, i: usize| {
        let arm = &cell.arms[i];
        let mut row = vec![cell.name.clone(), arm.arm.clone()];
        row.push(duration(f64::from(summary.arms[i].arm.interval_ms)));
        row.extend(quantities.iter().map(|quantity| estimate(arm.estimate(*quantity))));
        row
    };
    let rows = summary.cells.iter().flat_map(|cell| (0..cell.arms.len()).map(move |i| row(cell, i)));
    let mut columns = vec!["cell".to_owned(), "arm".to_owned(), "interval".to_owned()];
    columns.extend(quantities.iter().map(|quantity| format!("{} ({})", quantity.title(), quantity.unit())));
    DataTable { columns, rows: rows.collect() }
}
