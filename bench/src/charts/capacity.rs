//! How many clients does each carry while the price shown stays fresh? One bar an arm for each bound.

use super::axis::Scale;
use super::canvas::{Canvas, NOTE, TEXT, Type};
use super::style::ArmStyle;
use super::{
    Chart, DataTable, MARGIN, Styled, WIDTH, close, name, names_width, nothing, open_across, over_grid, style, ticks_x,
};
use crate::report::capacity::{self, BOUNDS_MS, Carries, by_clients, carries};
use crate::summary::words::{NOTHING, count, duration, list};
use crate::summary::{CellSummary, Quantity, Summary};

mod processors;

pub(super) const NAME: &str = "capacity";

const ROW: f64 = 30.0;

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let (cells, mut table) = (by_clients(summary)?, capacity::table(summary)?);
    tell_unmeasured(&cells, &mut table);
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
    notes.push(format!("Tried: {} clients. “≥” stands before the largest number that was tried.", list(&tried)));
    notes.extend(untold(&cells));
    notes.extend(unmeasured(summary, &cells));
    notes.extend(processors::note(summary, &cells));
    notes.push(capacity::SENTENCE.to_owned());
    close(&mut canvas, bottom, &notes);
    Some(Chart { kind: NAME, title: title.to_owned(), sentence: sentence(&table), notes, table, canvas })
}

/// Whether anything is told within a bound: where a window is no longer, everyone is fresh in it who holds anything.
fn tells(cells: &[&CellSummary], bound_ms: f64) -> bool {
    cells.iter().all(|cell| cell.load.window_ms as f64 > bound_ms)
}

/// The number of clients below which an arm carries all within a bound, and with which it was not measured: tainted,
/// void, or not tried. `None` where it failed, or was measured with all.
fn unmeasured_at(cells: &[&CellSummary], arm: usize, bound_ms: f64) -> Option<u32> {
    let holds = |cell: &&&CellSummary| cell.arms.get(arm).is_some_and(|arm| arm.keeps_fresh(bound_ms));
    let cell = cells.get(cells.iter().take_while(holds).count())?;
    let is_measured = cell.arms.get(arm).is_some_and(|arm| {
        let failed = |quantity| arm.total(quantity).is_some_and(|clients| clients > 0.0);
        let timed = arm.median(Quantity::StalenessP99).is_some();
        arm.valid > 0 && (timed || failed(Quantity::Refused) || failed(Quantity::GaveUp))
    });
    (!is_measured && tells(cells, bound_ms)).then_some(cell.load.clients)
}

/// What an arm carries within a bound, for a picture: where the next number was not measured it is that many at least.
fn figure(cells: &[&CellSummary], arm: usize, bound_ms: f64) -> (u32, String) {
    if !tells(cells, bound_ms) {
        return (0, NOTHING.to_owned());
    }
    match (carries(cells, arm, bound_ms), unmeasured_at(cells, arm, bound_ms)) {
        (Carries::None, Some(_)) => (0, NOTHING.to_owned()),
        (Carries::Clients(clients), Some(_)) => told(Carries::AtLeast(clients)),
        (carried, _) => told(carried),
    }
}

/// Says the same in the table, whose rows are the arms and whose columns after the first are the bounds.
fn tell_unmeasured(cells: &[&CellSummary], table: &mut DataTable) {
    for (arm, row) in table.rows.iter_mut().enumerate() {
        for ((bound_ms, _), written) in BOUNDS_MS.iter().zip(row.iter_mut().skip(1)) {
            if let Some(clients) = unmeasured_at(cells, arm, *bound_ms) {
                let next = count(clients.into());
                *written = match carries(cells, arm, *bound_ms) {
                    Carries::Clients(carried) => format!("{} or more ({next} not measured)", count(carried.into())),
                    _ => format!("{NOTHING} ({next} not measured)"),
                };
            }
        }
    }
}

/// Which arms were not measured with some number of clients.
fn unmeasured(summary: &Summary, cells: &[&CellSummary]) -> Option<String> {
    let of = |arm: usize| {
        // Who has no trial at all is named as such.
        cells.iter().find(|cell| cell.arms.get(arm).is_some_and(|arm| arm.valid > 0))?;
        let mut next: Vec<u32> =
            BOUNDS_MS.iter().filter_map(|(bound_ms, _)| unmeasured_at(cells, arm, *bound_ms)).collect();
        next.sort_unstable();
        next.dedup();
        let next: Vec<String> = next.into_iter().map(|clients| count(clients.into())).collect();
        let name = &summary.arms.get(arm)?.arm.name;
        (!next.is_empty()).then(|| format!("{name} with {}", list(&next)))
    };
    let each: Vec<String> = (0..summary.arms.len()).filter_map(of).collect();
    let stands = "“≥” stands there before the number below, and “–” where there is none";
    (!each.is_empty()).then(|| format!("Not measured, which is no failure: {} clients. {stands}.", list(&each)))
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
            let (clients, figure) = figure(cells, *i, *bound_ms);
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
