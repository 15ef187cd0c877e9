//! How does lateness grow with distance? One line an arm over the round trip, theory dashed, the residual below.

use super::canvas::Canvas;
use super::plot::{Axis, LABELS, Mark, Panel, Series, names_at_ends, names_room};
use super::sweep::{Sweep, along_distance, mark, theory};
use super::{Chart, DataTable, MARGIN, WIDTH, close, gaps, nothing, open_across, residual, style};
use crate::summary::words::{NOTHING, duration, estimate, list};
use crate::summary::{CellSummary, Quantity, Summary};

pub(super) const NAME: &str = "lateness-distance";

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let sweep = along_distance(summary)?;
    let series = series(summary, &sweep);
    let mut notes: Vec<String> = sweep.note().into_iter().collect();
    notes.extend(missing(summary, &sweep));
    let series: Vec<Series> = series.into_iter().filter(|s| !s.marks.is_empty()).collect();
    let title = "How does lateness grow with distance?";
    let (mut canvas, top) =
        open_across(title, "Median lateness, logarithmic, over the round trip", &sweep.place(), sweep.all());
    let bottom = if series.is_empty() {
        nothing(&mut canvas, top, "no valid trial received a quote");
        top + 60.0
    } else {
        plot(&mut canvas, &series, top)
    };
    if series.iter().any(|s| !s.theory.is_empty()) {
        notes.push("Thin dashes: theory, from the setting alone. Below: measured less theory. Marks of one place stand beside each other.".to_owned());
    }
    close(&mut canvas, bottom, &notes);
    let (sentence, table) = (sentence(&series), table(summary, &sweep));
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas })
}

/// What is drawn of an arm in a cell: a value above nought, where a logarithmic axis begins.
fn drawn(cell: &CellSummary, i: usize, round_trip_ms: f64) -> Option<Mark> {
    mark(cell.arms.get(i)?, Quantity::LatenessP50, round_trip_ms, 1.0).filter(|mark| mark.y > 0.0)
}

/// Which arms have no mark in which cells.
fn missing(summary: &Summary, sweep: &Sweep<'_>) -> Option<String> {
    let cells: Vec<&CellSummary> = sweep.all().collect();
    let lacks = |cell: &CellSummary, i: usize| drawn(cell, i, 0.0).is_none();
    gaps::note(Quantity::LatenessP50.title(), &gaps::named(summary, 0..summary.arms.len(), &cells, lacks))
}

fn series(summary: &Summary, sweep: &Sweep<'_>) -> Vec<Series> {
    let one = |(i, style): (usize, style::ArmStyle)| {
        let cells = || sweep.cells.iter();
        let marks: Vec<Mark> = cells().filter_map(|(x, cell)| drawn(cell, i, *x)).collect();
        let theory = cells().filter_map(|(x, cell)| theory(cell.arms.get(i)?, Quantity::LatenessP50, *x)).collect();
        let name = summary.arms[i].arm.name.clone();
        let said: Vec<String> = marks.iter().map(|m| format!("{} at {}", duration(m.y), duration(m.x))).collect();
        Series { said: format!("{name}: {}", list(&said)), name, style, marks, theory }
    };
    style::styles(&summary.arms).into_iter().enumerate().map(one).collect()
}

fn plot(canvas: &mut Canvas, series: &[Series], top: f64) -> f64 {
    let (left, right) = (MARGIN + LABELS, WIDTH - MARGIN - names_room(series));
    let area = [left, top + 22.0, right, top + 22.0 + 290.0];
    // Nothing is later than nought on a logarithmic axis: a theory of 0 has no place there.
    let series: Vec<Series> = series
        .iter()
        .map(|s| Series { theory: s.theory.iter().copied().filter(|(_, y)| *y > 0.0).collect(), ..s.clone() })
        .collect();
    let panel = Panel {
        area,
        x: Axis { caption: "round trip", write: duration, log: false, labels: 6 },
        y: Axis { caption: "median lateness", write: duration, log: true, labels: 10 },
        also: &[],
        apart: true,
    };
    let (scales, bottom) = residual::draw(canvas, &panel, &series, (residual::CAPTION, &[]));
    names_at_ends(canvas, &scales, &series, area);
    bottom
}

fn sentence(series: &[Series]) -> String {
    let one = |s: &Series| {
        let (first, last) = (s.marks.first()?, s.marks.last()?);
        Some(format!("{} from {} to {}", s.name, duration(first.y), duration(last.y)))
    };
    let each: Vec<String> = series.iter().filter_map(one).collect();
    let span = series.iter().flat_map(|s| &s.marks).map(|m| m.x);
    let (low, high) = span.fold((f64::INFINITY, 0.0f64), |(l, h), x| (l.min(x), h.max(x)));
    match each.as_slice() {
        [] => "No valid trial received a quote.".to_owned(),
        each => format!(
            "Median lateness from a round trip of {} to one of {}: {}.",
            duration(low),
            duration(high),
            list(each)
        ),
    }
}

fn table(summary: &Summary, sweep: &Sweep<'_>) -> DataTable {
    let rows = summary.arms.iter().enumerate().flat_map(|(i, entry)| {
        sweep.cells.iter().map(move |(round_trip_ms, cell)| {
            let of = cell.arms.get(i).and_then(|arm| arm.estimate(Quantity::LatenessP50));
            let predicted = of.and_then(|e| e.theory).map_or(NOTHING.to_owned(), |t| duration(t.get()));
            let off = of.and_then(|e| e.error).map_or(NOTHING.to_owned(), |e| duration(e.get()));
            vec![entry.arm.name.clone(), duration(*round_trip_ms), estimate(of), predicted, off]
        })
    });
    let columns =
        ["arm", "round trip", "median lateness (ms)", "theory", "measured − theory"].map(str::to_owned).to_vec();
    DataTable { columns, rows: rows.collect() }
}
