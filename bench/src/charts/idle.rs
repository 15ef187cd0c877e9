//! What does waiting cost? Bytes, CPU and memory of a client for whom no quote comes, for each minute.

use super::axis::linear_ticks;
use super::canvas::{Canvas, TEXT, Type, text_width};
use super::{
    Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, name, names_width, nothing, open, over_grid, tick_x,
};
use crate::summary::words::{NOTHING, bytes, conditions, duration, list};
use crate::summary::{CellSummary, Quantity, Reading, Summary};

pub(super) const NAME: &str = "idle";

const ROW: f64 = 32.0;
const SECONDS: f64 = 60.0;

/// One panel.
struct Cost {
    quantity: Quantity,
    caption: &'static str,
    /// From the quantity's unit to what is written.
    factor: f64,
    write: fn(f64) -> String,
}

/// Whether no quote fell due in a cell, in all of its trials together.
fn is_idle(cell: &CellSummary) -> bool {
    let measured = cell.arms.iter().any(|arm| arm.median(Quantity::ApplicationRate).is_some());
    let quotes = cell.load.feed.rate_per_s * cell.load.window_ms as f64 / 1e3;
    measured && quotes < 1.0 && cell.arms.iter().all(|arm| arm.bytes.is_none() && arm.lateness.count == 0)
}

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    // Of several the one with most clients: least of its figures is the machine's own.
    let cell = summary.cells.iter().filter(|cell| is_idle(cell)).max_by_key(|cell| cell.load.clients)?;
    let (arms, mut notes) = arms(summary, cell);
    let costs = costs(cell);
    let title = "What does waiting cost?";
    let (mut canvas, top) = open(title, "Per client and minute in which no quote comes; dots are trials", cell);
    let mut bottom = top + 34.0 + ROW * arms.len().max(1) as f64;
    if arms.is_empty() {
        nothing(&mut canvas, top, "no valid trial");
    } else {
        let left = names_width(&arms);
        canvas.layer("names", "");
        for (i, styled) in arms.iter().enumerate() {
            name(&mut canvas, middle(top, i), styled);
        }
        let width = (WIDTH - MARGIN - left) / costs.len() as f64;
        for (i, cost) in costs.iter().enumerate() {
            let left = left + i as f64 * width;
            panel(&mut canvas, &arms, cost, [left, top, left + width - 20.0, bottom]);
        }
        bottom += 30.0;
    }
    notes.push(format!("Without set-up. Memory is the server's, all of it, by client. {}.", conditions(summary, cell)));
    close(&mut canvas, bottom, &notes);
    let (sentence, table) = (sentence(&arms, &costs), table(cell, &costs));
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas })
}

fn costs(cell: &CellSummary) -> [Cost; 3] {
    let either = |first, second| super::sweep::either(std::iter::once(cell), first, second);
    let clients = f64::from(cell.load.clients.max(1));
    [
        Cost {
            quantity: either(Quantity::PacketRate, Quantity::ApplicationRate),
            caption: "bytes per minute",
            factor: SECONDS,
            write: bytes,
        },
        Cost {
            quantity: either(Quantity::CpuRate, Quantity::OwnCpuRate),
            caption: "CPU per minute",
            factor: SECONDS / 1e3,
            write: duration,
        },
        Cost {
            quantity: Quantity::ServerMemory,
            caption: "server's memory",
            factor: f64::from(1 << 20) / clients,
            write: bytes,
        },
    ]
}

fn middle(top: f64, i: usize) -> f64 {
    top + 32.0 + ROW * (i as f64 + 0.5)
}

fn values((arm, _): &Styled<'_>, cost: &Cost) -> Vec<f64> {
    let points = arm.estimate(cost.quantity).map(|e| e.points.as_slice()).unwrap_or_default();
    points.iter().filter_map(|p| Some(cost.factor * p.value.and_then(Reading::finite)?)).collect()
}

fn median(arm: &crate::summary::ArmSummary, cost: &Cost) -> Option<f64> {
    arm.median(cost.quantity).filter(|v| v.is_finite()).map(|v| cost.factor * v)
}

fn panel(canvas: &mut Canvas, arms: &[Styled<'_>], cost: &Cost, [left, top, right, bottom]: [f64; 4]) {
    let most = arms.iter().flat_map(|styled| values(styled, cost)).fold(0.0, f64::max);
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
    for (i, styled) in arms.iter().enumerate() {
        let (values, y) = (values(styled, cost), middle(top, i));
        let Some(median) = median(styled.0, cost) else {
            canvas.text_centred((left, y), NOTHING, TEXT);
            continue;
        };
        canvas.layer("series", format!("{}, {}: {}", styled.0.arm, cost.caption, (cost.write)(median)));
        canvas.line(&[(left, y), (x(median), y)], styled.1.ink, 7.0, &[]);
        for (trial, value) in values.iter().enumerate() {
            let shift = (trial as f64 - (values.len() - 1) as f64 / 2.0) * (14.0 / values.len() as f64);
            canvas.dot((x(*value), y + shift), 2.4, super::style::Ink::Text, 0.6);
        }
        let beside = x(values.iter().copied().fold(median, f64::max)) + 7.0;
        over_grid(canvas, (beside, y), &(cost.write)(median), TEXT);
    }
}

fn sentence(arms: &[Styled<'_>], costs: &[Cost]) -> String {
    let one = |cost: &Cost| {
        let each: Vec<String> = arms
            .iter()
            .filter_map(|(arm, _)| Some(format!("{} {}", arm.arm, (cost.write)(median(arm, cost)?))))
            .collect();
        (!each.is_empty()).then(|| format!("{}: {}", cost.caption, list(&each)))
    };
    let parts: Vec<String> = costs.iter().filter_map(one).collect();
    if parts.is_empty() {
        "No valid trial.".to_owned()
    } else {
        format!("For each waiting client, {}.", parts.join("; "))
    }
}

fn table(cell: &CellSummary, costs: &[Cost]) -> DataTable {
    let rows = cell.arms.iter().map(|arm| {
        let mut row = vec![arm.arm.clone()];
        row.extend(costs.iter().map(|cost| median(arm, cost).map_or(NOTHING.to_owned(), |v| (cost.write)(v))));
        row
    });
    let mut columns = vec!["arm".to_owned()];
    columns.extend(costs.iter().map(|cost| format!("{} and client", cost.caption)));
    DataTable { columns, rows: rows.collect() }
}
