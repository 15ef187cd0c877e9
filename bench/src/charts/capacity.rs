//! How many clients does each carry while the price shown stays fresh? One bar an arm for each bound.

use super::axis::Scale;
use super::canvas::{Canvas, NOTE, TEXT, Type};
use super::style::ArmStyle;
use super::{
    Chart, DataTable, MARGIN, Styled, WIDTH, close, name, names_width, nothing, open_across, over_grid, style, ticks_x,
};
use crate::report::capacity::{self, BOUNDS_MS, Carries, by_clients, carries};
use crate::summary::words::{NOTHING, count, duration, list};
use crate::summary::{CellSummary, Summary};

pub(super) const NAME: &str = "capacity";

const ROW: f64 = 30.0;

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let (cells, table) = (by_clients(summary)?, capacity::table(summary)?);
    let (first, last) = (cells.first()?, cells.last()?);
    let title = "How many clients does each carry?";
    let place = format!("{} … {}", first.name, last.name);
    let (mut canvas, top) =
        open_across(title, "Largest number tried within each bound, logarithmic", &place, cells.iter().copied());
    let styles = style::styles(&summary.arms);
    let with_trial = |i: usize| cells.iter().any(|cell| cell.arms.get(i).is_some_and(|arm| arm.valid > 0));
    let arms: Vec<(usize, ArmStyle)> = styles.into_iter().enumerate().filter(|(i, _)| with_trial(*i)).collect();
    let mut notes = Vec::new();
    let absent: Vec<String> =
        (0..summary.arms.len()).filter(|i| !with_trial(*i)).map(|i| summary.arms[i].arm.name.clone()).collect();
    if !absent.is_empty() {
        notes.push(format!("Not drawn, no valid trial: {}.", list(&absent)));
    }
    let bottom = if arms.is_empty() {
        nothing(&mut canvas, top, "no valid trial");
        top + 60.0
    } else {
        panels(&mut canvas, &cells, &arms, top)
    };
    let tried: Vec<String> = cells.iter().map(|cell| count(cell.load.clients.into())).collect();
    notes.push(format!("Tried: {} clients. “≥” is the largest number that was tried.", list(&tried)));
    notes.extend(untold(&cells));
    notes.push(capacity::SENTENCE.to_owned());
    close(&mut canvas, bottom, &notes);
    Some(Chart { kind: NAME, title: title.to_owned(), sentence: sentence(&table), notes, table, canvas })
}

/// Whether anything is told within a bound: where a window is no longer, everyone is fresh in it who holds anything.
fn tells(cells: &[&CellSummary], bound_ms: f64) -> bool {
    cells.iter().all(|cell| cell.load.window_ms as f64 > bound_ms)
}

/// Which bounds are not told of, where some are.
fn untold(cells: &[&CellSummary]) -> Option<String> {
    let shortest_ms = cells.iter().map(|cell| cell.load.window_ms).min()?;
    let bounds = BOUNDS_MS.iter().filter(|(bound_ms, _)| !tells(cells, *bound_ms));
    let bounds: Vec<String> = bounds.map(|(_, words)| (*words).to_owned()).collect();
    let window = duration(shortest_ms as f64);
    let told = || format!("Nothing is told within {}: the window is {window}, which is no longer.", list(&bounds));
    (!bounds.is_empty()).then(told)
}

fn panels(canvas: &mut Canvas, cells: &[&CellSummary], arms: &[(usize, ArmStyle)], top: f64) -> f64 {
    let styled: Vec<Styled<'_>> =
        arms.iter().filter_map(|(i, style)| Some((cells.first()?.arms.get(*i)?, *style))).collect();
    let left = names_width(&styled);
    let bottom = top + 34.0 + ROW * arms.len() as f64;
    let middle = |row: usize| top + 34.0 + ROW * (row as f64 + 0.5);
    canvas.layer("names", "");
    for (row, styled) in styled.iter().enumerate() {
        name(canvas, middle(row), styled);
    }
    let tried = || cells.iter().map(|cell| f64::from(cell.load.clients));
    let width = (WIDTH - MARGIN - left - 10.0) / BOUNDS_MS.len() as f64;
    for (panel, (bound_ms, words)) in BOUNDS_MS.iter().enumerate() {
        let from = left + 10.0 + panel as f64 * width;
        // Bars begin below the smallest number, so that it is seen too; figures stand right of the longest.
        let scale =
            Scale::log(tried().chain([tried().fold(f64::INFINITY, f64::min) / 2.0]), from, from + width - 84.0, 4);
        canvas.layer("axes", "");
        canvas.text((from, top + 16.0), format!("stale by at most {words}"), Type { bold: true, ..NOTE });
        let labels = scale.ticks().iter().map(|clients| (scale.at(*clients), count(clients.round() as u64)));
        ticks_x(canvas, labels, (top + 26.0, bottom), 6.0);
        for (row, ((i, style), (arm, _))) in arms.iter().zip(&styled).enumerate() {
            let (clients, figure) = match tells(cells, *bound_ms) {
                true => told(carries(cells, *i, *bound_ms)),
                false => (0, NOTHING.to_owned()),
            };
            canvas.layer("series", format!("{}, {words}: {figure}", arm.arm));
            let end = if clients > 0 { scale.at(f64::from(clients)) } else { from };
            let y = middle(row);
            if clients > 0 {
                canvas.line(&[(from, y), (end, y)], style.ink, 5.0, &[]);
                canvas.marker((end, y), 4.5, style);
            }
            over_grid(canvas, (end + 9.0, y), &figure, TEXT);
        }
    }
    bottom + 30.0
}

fn told(carried: Carries) -> (u32, String) {
    match carried {
        Carries::None => (0, "none".to_owned()),
        Carries::Clients(clients) => (clients, count(clients.into())),
        Carries::AtLeast(clients) => (clients, format!("≥ {}", count(clients.into()))),
    }
}

fn sentence(table: &DataTable) -> String {
    let bounds: Vec<&str> = BOUNDS_MS.iter().map(|(_, words)| *words).collect();
    let each: Vec<String> =
        table.rows.iter().filter_map(|row| Some(format!("{} {}", row.first()?, row[1..].join(", ")))).collect();
    format!("Clients carried within {}: {}.", bounds.join(", "), each.join("; "))
}
