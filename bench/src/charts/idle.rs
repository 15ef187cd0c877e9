//! What does waiting cost? Bytes, CPU and memory of a client for whom no quote comes, for each minute.

use super::axis::linear_ticks;
use super::canvas::{Canvas, TEXT, Type, text_width};
use super::style::{ArmStyle, Ink, styles};
use super::{
    Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, name, names_width, nothing, open_across, over_grid, tick_x,
};
use crate::summary::words::{NOTHING, bytes, conditions, duration, list};
use crate::summary::{ArmSummary, CellSummary, Quantity, Reading, Summary};

pub(super) const NAME: &str = "idle";

/// Why an idle cell has no picture of quotes.
pub(super) const LACKS: &str = "no quote falls due in the window";

const ROW: f64 = 32.0;
const SECONDS: f64 = 60.0;

/// One panel.
struct Cost<'a> {
    /// Where it is read.
    cell: &'a CellSummary,
    quantity: Quantity,
    caption: &'static str,
    /// From the quantity's unit to what is written.
    factor: f64,
    write: fn(f64) -> String,
}

impl Cost<'_> {
    fn arm(&self, i: usize) -> Option<&ArmSummary> {
        self.cell.arms.get(i)
    }

    fn median(&self, i: usize) -> Option<f64> {
        self.arm(i)?.median(self.quantity).filter(|v| v.is_finite()).map(|v| self.factor * v)
    }

    /// Each trial's.
    fn values(&self, i: usize) -> Vec<f64> {
        let estimate = self.arm(i).and_then(|arm| arm.estimate(self.quantity));
        let points = estimate.map(|e| e.points.as_slice()).unwrap_or_default();
        points.iter().filter_map(|p| Some(self.factor * p.value.and_then(Reading::finite)?)).collect()
    }
}

/// An arm's place in the run, with its style.
type Row = (usize, ArmStyle);

/// Whether no quote fell due in a cell, in all of its trials together.
fn is_idle(cell: &CellSummary) -> bool {
    let measured = cell.arms.iter().any(|arm| arm.median(Quantity::ApplicationRate).is_some());
    let quotes = cell.load.feed.rate_per_s * cell.load.window_ms as f64 / 1e3;
    measured && quotes < 1.0 && cell.arms.iter().all(|arm| arm.bytes.is_none() && arm.lateness.count == 0)
}

/// Whether pictures of quotes have anything to show of a cell, or trials to name that were of no use.
pub(super) fn has_quotes(cell: &CellSummary) -> bool {
    !is_idle(cell)
}

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let idle = || summary.cells.iter().filter(|cell| is_idle(cell));
    // A heartbeat comes so seldom that a short window holds none: bytes are those of the longest window. Of CPU and
    // memory least is the machine's own where clients are most.
    let longest = idle().max_by_key(|cell| (cell.load.window_ms, cell.load.clients))?;
    let largest = idle().max_by_key(|cell| (cell.load.clients, !cell.exact))?;
    let cells = if std::ptr::eq(longest, largest) { vec![longest] } else { vec![longest, largest] };
    let costs = costs(longest, largest);
    let mut notes = absent(summary, &cells);
    let there = |i: &usize| cells.iter().any(|cell| cell.arms.get(*i).is_some_and(|arm| arm.valid > 0));
    let rows: Vec<Row> = styles(&summary.arms).into_iter().enumerate().filter(|(i, _)| there(i)).collect();
    let title = "What does waiting cost?";
    let subtitle = "Per client and minute in which no quote comes; dots are trials";
    let (mut canvas, top) = open_across(title, subtitle, &place(&cells), cells.iter().copied());
    let mut bottom = top + 34.0 + ROW * rows.len().max(1) as f64;
    if rows.is_empty() {
        nothing(&mut canvas, top, "no valid trial");
    } else {
        panels(&mut canvas, &rows, &costs, (top, bottom));
        bottom += 30.0;
    }
    let read = conditions_of(summary, &cells);
    notes.push(format!("Without set-up. Memory is the server's, all of it, by client. {read}"));
    close(&mut canvas, bottom, &notes);
    let (sentence, table) = (sentence(summary, &rows, &costs), table(summary, &costs));
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas })
}

/// Which cells, for the heading: where there are two, with what is read in each.
fn place(cells: &[&CellSummary]) -> String {
    match cells {
        [longest, largest] => format!("bytes: {} · CPU and memory: {}", longest.name, largest.name),
        few => few.iter().map(|cell| cell.name.as_str()).collect(),
    }
}

/// The conditions of the cells, as sentences.
fn conditions_of(summary: &Summary, cells: &[&CellSummary]) -> String {
    match cells {
        [longest, largest] => format!(
            "Bytes are read where the window is longest: {}. CPU and memory where clients are most: {}.",
            conditions(summary, longest),
            conditions(summary, largest)
        ),
        few => few.iter().map(|cell| format!("{}.", conditions(summary, cell))).collect(),
    }
}

/// Notes on arms without a valid trial, of each cell apart.
fn absent(summary: &Summary, cells: &[&CellSummary]) -> Vec<String> {
    let of = |cell: &&CellSummary| {
        let name = if cells.len() > 1 { format!("{}: ", cell.name) } else { String::new() };
        arms(summary, cell).1.into_iter().map(|note| format!("{name}{note}")).collect::<Vec<_>>()
    };
    cells.iter().flat_map(of).collect()
}

fn costs<'a>(longest: &'a CellSummary, largest: &'a CellSummary) -> [Cost<'a>; 3] {
    let either = |cell, first, second| super::sweep::either(std::iter::once(cell), first, second);
    let clients = f64::from(largest.load.clients.max(1));
    [
        Cost {
            cell: longest,
            quantity: either(longest, Quantity::PacketRate, Quantity::ApplicationRate),
            caption: "bytes per minute",
            factor: SECONDS,
            write: bytes,
        },
        Cost {
            cell: largest,
            quantity: either(largest, Quantity::CpuRate, Quantity::OwnCpuRate),
            caption: "CPU per minute",
            factor: SECONDS / 1e3,
            write: duration,
        },
        Cost {
            cell: largest,
            quantity: Quantity::ServerMemory,
            caption: "server's memory",
            factor: f64::from(1 << 20) / clients,
            write: bytes,
        },
    ]
}

fn middle(top: f64, row: usize) -> f64 {
    top + 32.0 + ROW * (row as f64 + 0.5)
}

fn panels(canvas: &mut Canvas, rows: &[Row], costs: &[Cost<'_>], (top, bottom): (f64, f64)) {
    let styled = |(i, style): &Row| Some((costs.first()?.arm(*i)?, *style));
    let styled: Vec<Styled<'_>> = rows.iter().filter_map(styled).collect();
    let left = names_width(&styled);
    canvas.layer("names", "");
    for (row, styled) in styled.iter().enumerate() {
        name(canvas, middle(top, row), styled);
    }
    let width = (WIDTH - MARGIN - left) / costs.len() as f64;
    for (i, cost) in costs.iter().enumerate() {
        let left = left + i as f64 * width;
        panel(canvas, rows, cost, [left, top, left + width - 20.0, bottom]);
    }
}

fn panel(canvas: &mut Canvas, rows: &[Row], cost: &Cost<'_>, [left, top, right, bottom]: [f64; 4]) {
    let most = rows.iter().flat_map(|(i, _)| cost.values(*i)).fold(0.0, f64::max);
    let most = if most > 0.0 { most } else { 1.0 };
    let inner = right - text_width("88.8 kB", TEXT) - 8.0;
    // Labels may be as wide as `12.5 kB`.
    let ticks = linear_ticks(0.0, most, 2);
    let end = ticks.last().copied().unwrap_or(most);
    let x = |value: f64| left + value / end * (inner - left);
    canvas.layer("axes", "");
    canvas.text((left, top + 14.0), cost.caption, Type { bold: true, size: 12.0, ..TEXT });
    for value in &ticks {
        let label = if *value == 0.0 { "0".to_owned() } else { (cost.write)(*value) };
        tick_x(canvas, x(*value), (top + 24.0, bottom), &label);
    }
    for (row, (i, style)) in rows.iter().enumerate() {
        let (values, y) = (cost.values(*i), middle(top, row));
        let Some((arm, median)) = cost.arm(*i).zip(cost.median(*i)) else {
            canvas.text_centred((left, y), NOTHING, TEXT);
            continue;
        };
        canvas.layer("series", format!("{}, {}: {}", arm.arm, cost.caption, (cost.write)(median)));
        canvas.line(&[(left, y), (x(median), y)], style.ink, 7.0, &[]);
        for (trial, value) in values.iter().enumerate() {
            let shift = (trial as f64 - (values.len() - 1) as f64 / 2.0) * (14.0 / values.len() as f64);
            canvas.dot((x(*value), y + shift), 2.4, Ink::Text, 0.6);
        }
        let beside = x(values.iter().copied().fold(median, f64::max)) + 7.0;
        over_grid(canvas, (beside, y), &(cost.write)(median), TEXT);
    }
}

fn sentence(summary: &Summary, rows: &[Row], costs: &[Cost<'_>]) -> String {
    let one = |cost: &Cost<'_>| {
        let name = |i: usize| &summary.arms[i].arm.name;
        let each: Vec<String> =
            rows.iter().filter_map(|(i, _)| Some(format!("{} {}", name(*i), (cost.write)(cost.median(*i)?)))).collect();
        (!each.is_empty()).then(|| format!("{}: {}", cost.caption, list(&each)))
    };
    let parts: Vec<String> = costs.iter().filter_map(one).collect();
    if parts.is_empty() {
        "No valid trial.".to_owned()
    } else {
        format!("For each waiting client, {}.", parts.join("; "))
    }
}

fn table(summary: &Summary, costs: &[Cost<'_>]) -> DataTable {
    let rows = summary.arms.iter().enumerate().map(|(i, entry)| {
        let mut row = vec![entry.arm.name.clone()];
        row.extend(costs.iter().map(|cost| cost.median(i).map_or(NOTHING.to_owned(), |v| (cost.write)(v))));
        row
    });
    let mut columns = vec!["arm".to_owned()];
    columns.extend(costs.iter().map(|cost| format!("{} and client", cost.caption)));
    DataTable { columns, rows: rows.collect() }
}
