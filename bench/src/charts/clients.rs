//! What does one more client cost? CPU and memory of the server's machine over the number of clients, with the slope.

use super::canvas::{Canvas, NOTE};
use super::plot::{Axis, LABELS, Mark, Panel, Series, names_at_ends, names_room};
use super::style;
use super::sweep::{Sweep, along_clients, either, mark};
use super::{Chart, DataTable, MARGIN, WIDTH, close, gaps, nothing, open_across};
use crate::statistics::median;
use crate::summary::words::{NOTHING, bytes, count, duration, estimate, list, number};
use crate::summary::{CellSummary, Quantity, Summary};

pub(super) const NAME: &str = "clients";

/// A panel: what it shows, by how much a value per client is multiplied, and how its slope is told.
struct Cost {
    quantity: Quantity,
    caption: &'static str,
    /// Whether the quantity is per client, and the panel shows all of them together.
    per_client: bool,
    write: fn(f64) -> String,
    slope: fn(f64) -> String,
}

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let sweep = along_clients(summary)?;
    let cpu = either(sweep.cells.iter().map(|c| c.1), Quantity::CpuRate, Quantity::OwnCpuRate);
    let costs = [
        Cost {
            quantity: cpu,
            caption: if cpu == Quantity::CpuRate {
                "CPU of the whole machine, per cent of one processor"
            } else {
                "CPU of server and load, per cent of one processor"
            },
            per_client: true,
            // Microseconds of CPU in a second.
            write: |us| format!("{} %", number(us / 1e4)),
            slope: |us| format!("{}/s", duration(us / 1e3)),
        },
        Cost {
            quantity: Quantity::ServerMemory,
            caption: "resident memory of the server",
            per_client: false,
            write: |mib| format!("{} MiB", number(mib)),
            slope: |mib| bytes(mib * f64::from(1 << 20)),
        },
    ];
    let mut notes: Vec<String> = sweep.note().into_iter().collect();
    let title = "What does one more client cost?";
    let (mut canvas, mut y) = open_across(
        title,
        "CPU and memory over clients, both axes logarithmic; beside each name what one more client adds",
        &sweep.place(),
        sweep.all(),
    );
    for cost in &costs {
        let series = series(summary, &sweep, cost);
        if series.is_empty() {
            nothing(&mut canvas, y, &format!("{} was not measured", cost.quantity.title()));
            y += 50.0;
        } else {
            y = panel(&mut canvas, y, cost, &series);
        }
    }
    notes.extend(costs.iter().filter_map(|cost| missing(summary, &sweep, cost)));
    notes.push(
        "Marks of one cell stand beside each other. Thin dashes: the line of the slope that stands beside the name, the median of the slopes between all pairs of \
         cells (Theil and Sen)."
            .to_owned(),
    );
    close(&mut canvas, y, &notes);
    let sentence = sentence(summary, &sweep, &costs);
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table: table(summary, &sweep, &costs), canvas })
}

/// What is drawn of an arm: one mark a cell that has a value above nought, where a logarithmic axis begins.
fn marks(sweep: &Sweep<'_>, i: usize, cost: &Cost) -> Vec<Mark> {
    sweep.cells.iter().filter_map(|(n, cell)| place(cell, i, cost, *n)).collect()
}

fn place(cell: &CellSummary, i: usize, cost: &Cost, clients: f64) -> Option<Mark> {
    let factor = if cost.per_client { clients } else { 1.0 };
    mark(cell.arms.get(i)?, cost.quantity, clients, factor).filter(|mark| mark.y > 0.0)
}

/// Which arms have no mark in which cells.
fn missing(summary: &Summary, sweep: &Sweep<'_>, cost: &Cost) -> Option<String> {
    let cells: Vec<&CellSummary> = sweep.all().collect();
    let lacks = |cell: &CellSummary, i: usize| place(cell, i, cost, f64::from(cell.load.clients)).is_none();
    gaps::note(cost.quantity.title(), &gaps::named(summary, 0..summary.arms.len(), &cells, lacks))
}

fn series(summary: &Summary, sweep: &Sweep<'_>, cost: &Cost) -> Vec<Series> {
    let one = |(i, style): (usize, style::ArmStyle)| {
        let marks = marks(sweep, i, cost);
        let (name, last) = (&summary.arms[i].arm.name, marks.last()?);
        let fitted = fit(&marks);
        let told = fitted.map_or(String::new(), |(slope, _)| format!(", {} a client", (cost.slope)(slope)));
        let said = format!("{name}: {} at {} clients{told}", (cost.write)(last.y), count(last.x as u64));
        let theory = fitted.map(|(slope, at)| line(slope, at, &marks)).unwrap_or_default();
        let name = fitted.map_or(name.clone(), |(slope, _)| format!("{name} {}", (cost.slope)(slope)));
        Some(Series { name, style, marks, theory, said })
    };
    style::styles(&summary.arms).into_iter().enumerate().filter_map(one).collect()
}

/// Slope and the value at 0: the median slope over all pairs, and the median of what is left (Theil 1950, Sen 1968).
/// `None` with fewer than two places.
fn fit(marks: &[Mark]) -> Option<(f64, f64)> {
    let pairs = marks.iter().enumerate().flat_map(|(i, a)| marks[i + 1..].iter().map(move |b| (a, b)));
    let slopes: Vec<f64> = pairs.filter(|(a, b)| a.x != b.x).map(|(a, b)| (b.y - a.y) / (b.x - a.x)).collect();
    let slope = median(&slopes)?;
    let rest: Vec<f64> = marks.iter().map(|mark| mark.y - slope * mark.x).collect();
    Some((slope, median(&rest)?))
}

/// A straight line is bent on logarithmic axes: many short pieces, where it is above the lowest mark.
fn line(slope: f64, at_0: f64, marks: &[Mark]) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (marks.first(), marks.last()) else { return Vec::new() };
    let lowest = marks.iter().map(|m| m.y).fold(f64::INFINITY, f64::min);
    let at = |step: i32| first.x * (last.x / first.x).powf(f64::from(step) / 40.0);
    (0..=40).map(|step| (at(step), slope * at(step) + at_0)).filter(|(_, y)| *y >= 0.5 * lowest).collect()
}

fn panel(canvas: &mut Canvas, top: f64, cost: &Cost, series: &[Series]) -> f64 {
    let (top, bottom) = (top + 24.0, top + 24.0 + 220.0);
    let area = [MARGIN + LABELS + 10.0, top, WIDTH - MARGIN - names_room(series), bottom];
    let panel = Panel {
        area,
        x: Axis { caption: "clients", write: |n| count(n.round() as u64), log: true, labels: 9 },
        y: Axis { caption: cost.caption, write: cost.write, log: true, labels: 8 },
        also: &[],
        apart: true,
    };
    let scales = panel.draw(canvas, series);
    names_at_ends(canvas, &scales, series, area);
    canvas.text((area[2] + 8.0, top - 8.0), "one more client:", NOTE);
    bottom + 54.0
}

/// Of the marks that are drawn.
fn slope(sweep: &Sweep<'_>, i: usize, cost: &Cost) -> Option<f64> {
    fit(&marks(sweep, i, cost)).map(|(slope, _)| slope)
}

fn sentence(summary: &Summary, sweep: &Sweep<'_>, costs: &[Cost]) -> String {
    let one = |cost: &Cost| {
        let each = summary
            .arms
            .iter()
            .enumerate()
            .filter_map(|(i, entry)| Some(format!("{} {}", entry.arm.name, (cost.slope)(slope(sweep, i, cost)?))));
        let each: Vec<String> = each.collect();
        (!each.is_empty()).then(|| format!("One more client, {}: {}.", cost.caption, list(&each)))
    };
    let told: Vec<String> = costs.iter().filter_map(one).collect();
    if told.is_empty() { "No valid trial measured CPU or memory.".to_owned() } else { told.join(" ") }
}

fn table(summary: &Summary, sweep: &Sweep<'_>, costs: &[Cost]) -> DataTable {
    let rows = summary.arms.iter().enumerate().flat_map(|(i, entry)| {
        sweep.cells.iter().map(move |(n, cell)| {
            let mut row = vec![entry.arm.name.clone(), count(*n as u64)];
            row.extend(costs.iter().map(|cost| estimate(cell.arms.get(i).and_then(|arm| arm.estimate(cost.quantity)))));
            row.extend(
                costs.iter().map(|cost| slope(sweep, i, cost).map_or(NOTHING.to_owned(), |slope| (cost.slope)(slope))),
            );
            row
        })
    });
    let mut columns = vec!["arm".to_owned(), "clients".to_owned()];
    columns.extend(costs.iter().map(|cost| format!("{} ({})", cost.quantity.title(), cost.quantity.unit())));
    columns.extend(["CPU of one more client", "memory of one more client"].map(str::to_owned));
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::super::sweep::along_clients;
    use super::*;
    use crate::report::fixture;
    use crate::summary::{Reading, summarise};

    fn at(places: &[(f64, f64)]) -> Vec<Mark> {
        places.iter().map(|(x, y)| Mark { x: *x, y: *y, low: *y, high: *y }).collect()
    }

    #[test]
    fn the_slope_is_not_moved_by_one_wild_cell() {
        let places =
            [(10.0, 25.0), (100.0, 205.0), (300.0, 605.0), (1_000.0, 2_005.0), (2_000.0, 4_005.0), (3_000.0, 9e4)];
        // Ten of the fifteen pairs are without the last.
        let (slope, at_0) = fit(&at(&places)).unwrap();
        assert!((slope - 2.0).abs() < 1e-9 && (at_0 - 5.0).abs() < 1e-9, "{slope} {at_0}");
        assert_eq!(fit(&at(&places[..1])), None);
        assert_eq!(fit(&at(&[(1.0, 2.0), (1.0, 3.0)])), None);
    }

    #[test]
    fn cells_with_equal_windows_go_before_those_whose_windows_differ() {
        let (manifest, trials) = fixture::run();
        let mut summary = summarise(&manifest, &trials, &[]);
        let model = summary.cells.remove(0);
        for (clients, window_ms) in [(100, 60_000), (100, 5_000), (2_000, 5_000)] {
            let mut cell = model.clone();
            (cell.load.clients, cell.load.window_ms) = (clients, window_ms);
            summary.cells.push(cell);
        }
        let windows = |sweep: &Sweep<'_>| sweep.all().map(|cell| cell.load.window_ms).collect::<Vec<u64>>();
        let left_out =
            |summary: &Summary| draw(summary).unwrap().notes.into_iter().find(|note| note.starts_with("Not drawn"));
        let sweep = along_clients(&summary).unwrap();
        assert_eq!((windows(&sweep), sweep.others), (vec![5_000, 5_000], 1));
        let note = "Not drawn: 1 cell that differs in something else as well.";
        assert_eq!(left_out(&summary).as_deref(), Some(note));
        summary.cells.remove(1);
        let sweep = along_clients(&summary).unwrap();
        assert_eq!((windows(&sweep), sweep.others), (vec![60_000, 5_000], 0), "better than no picture");
        assert_eq!(left_out(&summary), None);
    }

    #[test]
    fn the_slope_that_is_told_is_that_of_what_is_drawn() {
        let (manifest, trials) = fixture::run();
        let mut summary = summarise(&manifest, &trials, &[]);
        let model = summary.cells.remove(0);
        // Memory was not seen with 10 clients: 0 MiB has no place on the axis, and none in the slope.
        for (clients, mib) in [(10, 0.0), (20, 12.0), (40, 14.0), (80, 18.0)] {
            let mut cell = model.clone();
            cell.load.clients = clients;
            for arm in &mut cell.arms {
                let memory = arm.estimates.iter_mut().find(|e| e.quantity == Quantity::ServerMemory).unwrap();
                (memory.median, memory.interval) = (Reading::new(mib), None);
            }
            summary.cells.push(cell);
        }
        let sweep = along_clients(&summary).unwrap();
        assert_eq!(sweep.cells.len(), 4);
        let chart = draw(&summary).unwrap();
        // 0.1 MiB a client from 20 to 80.
        let memory = |row: &Vec<String>| row.last().unwrap().clone();
        assert!(chart.table.rows.iter().all(|row| memory(row) == "105 kB"), "{:?}", chart.table.rows);
        assert!(chart.sentence.contains("resident memory of the server: poll-close 105 kB"), "{}", chart.sentence);
    }
}
