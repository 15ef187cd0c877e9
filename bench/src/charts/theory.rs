//! Does theory hold? Measured against theory, every arm of every cell a mark; on the diagonal they agree.

use super::canvas::{At, Canvas, TEXT, Type};
use super::plot::{Axis, Mark, Panel, THEORY_DASH, legend, shortened};
use super::style::Ink;
use super::sweep::mark;
use super::{Chart, DataTable, MARGIN, WIDTH, close, gaps, open_across, style};
use crate::report::table::percent;
use crate::summary::words::{self, bytes, duration, list, number};
use crate::summary::{CellSummary, Quantity, Summary};

pub(super) const NAME: &str = "theory";

/// Room left of a panel for the numbers of its axis; its title begins there.
const NUMBERS: f64 = 46.0;

/// A panel: its quantity, how it is written, and how far off still counts as holding: asked of the error, as a share of
/// theory, and of theory.
struct Check {
    quantity: Quantity,
    write: fn(f64) -> String,
    holds: fn(f64, f64) -> bool,
    within: &'static str,
}

/// So far off counts as holding, as a share of theory.
const SLACK: f64 = 0.03;

/// The machine makes slopes of steps: so far off counts as agreement, milliseconds (see `SLACK_S` of the summary).
const SLACK_MS: f64 = 1e3 * crate::summary::residual::SLACK_S;

const CHECKS: [Check; 3] = [
    Check {
        quantity: Quantity::LatenessP50,
        write: duration,
        holds: |off, theory| off.abs() <= SLACK.max(SLACK_MS / theory),
        within: "3 % or 0.3 ms",
    },
    Check { quantity: Quantity::ApplicationBytes, write: bytes, holds: |off, _| off.abs() <= SLACK, within: "3 %" },
    Check { quantity: Quantity::Requests, write: number, holds: |off, _| off.abs() <= SLACK, within: "3 %" },
];

/// One arm in one cell.
struct Pair {
    cell: String,
    arm: usize,
    /// The median over the trials.
    theory: f64,
    mark: Mark,
    /// The median of each trial's own error, as a share of `theory`. Each trial has its own quotes, and its own theory: the
    /// medians of both may come from different trials.
    off: f64,
}

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let found: Vec<Vec<Pair>> = CHECKS.iter().map(|check| pairs(summary, check.quantity)).collect();
    if found.iter().all(Vec::is_empty) {
        return None;
    }
    let title = "Does theory hold?";
    let place = format!("{} of {}", words::cells(summary.cells.len()), summary.experiment);
    let (mut canvas, top) =
        open_across(title, "Measured against theory, logarithmic; equal on the diagonal", &place, summary.cells.iter());
    let styles = style::styles(&summary.arms);
    let drawn = |i: &usize| found.iter().flatten().any(|pair| pair.arm == *i);
    let names = (0..styles.len()).filter(drawn).map(|i| (summary.arms[i].arm.name.as_str(), styles[i]));
    let top = legend(&mut canvas, top, names) + 46.0;
    let shown: Vec<(&Check, &Vec<Pair>)> = CHECKS.iter().zip(&found).filter(|(_, pairs)| !pairs.is_empty()).collect();
    // One alone does not become as high as it could be wide.
    let width = (WIDTH - 2.0 * MARGIN) / shown.len().max(2) as f64;
    for (i, (check, pairs)) in shown.into_iter().enumerate() {
        let left = MARGIN + i as f64 * width + 52.0;
        let area = [left, top, MARGIN + (i + 1) as f64 * width - 14.0, top + width - 66.0];
        panel(&mut canvas, summary, check, pairs, area);
    }
    let mut notes = vec![holding(&found)];
    notes.push(
        "Where theory says 0 there is no mark: a logarithmic axis has no 0. Marks of values that are nearly equal hide each other: \
         the table has all of them."
            .to_owned(),
    );
    notes.push(
        "A mark stands at the medians over the trials. Whether theory holds is judged by the median of each trial's own error."
            .to_owned(),
    );
    let missing: Vec<String> = CHECKS
        .iter()
        .zip(&found)
        .filter(|(_, pairs)| pairs.is_empty())
        .map(|(check, _)| check.quantity.title().to_owned())
        .collect();
    if !missing.is_empty() {
        notes.push(format!("No theory, or it says 0: {}.", list(&missing)));
    }
    notes.extend(absent(summary, &found));
    close(&mut canvas, top + width - 66.0 + 52.0, &notes);
    let sentence = sentence(summary, &found);
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table: table(summary, &found), canvas })
}

/// Which arms are not drawn at all, and which of the others not in which cells.
fn absent(summary: &Summary, found: &[Vec<Pair>]) -> Option<String> {
    let cells: Vec<&CellSummary> = summary.cells.iter().collect();
    let lacks =
        |cell: &CellSummary, arm: usize| !found.iter().flatten().any(|pair| pair.arm == arm && pair.cell == cell.name);
    let named = gaps::named(summary, 0..summary.arms.len(), &cells, lacks);
    (!named.is_empty()).then(|| format!("Not drawn, without a valid trial or a theory above 0: {}.", list(&named)))
}

fn pairs(summary: &Summary, quantity: Quantity) -> Vec<Pair> {
    let of = |cell: &CellSummary, arm: usize| {
        let estimate = cell.arms[arm].estimate(quantity)?;
        let theory = estimate.theory?.finite().filter(|theory| *theory > 0.0)?;
        let mark = mark(&cell.arms[arm], quantity, theory, 1.0).filter(|mark| mark.y > 0.0)?;
        let error = estimate.error?.finite()?;
        // Of times it is a difference, of all else a share.
        let off = if quantity.unit() == "ms" { error / theory } else { error };
        Some(Pair { cell: cell.name.clone(), arm, theory, mark, off })
    };
    summary.cells.iter().flat_map(|cell| (0..cell.arms.len()).filter_map(move |arm| of(cell, arm))).collect()
}

fn panel(canvas: &mut Canvas, summary: &Summary, check: &Check, pairs: &[Pair], area: [f64; 4]) {
    let [left, top, right, _] = area;
    let styles = style::styles(&summary.arms);
    // Both axes cover the same values, so that the diagonal is one.
    let also: Vec<At> = pairs.iter().flat_map(|p| [p.mark.low, p.mark.high, p.theory].map(|v| (v, v))).collect();
    let axis = Axis { caption: "theory", write: check.write, log: true, labels: 5 };
    let panel = Panel { area, x: axis, y: Axis { caption: "measured", ..axis }, also: &also, apart: false };
    let scales = panel.draw(canvas, &[]);
    let kind = Type { bold: true, ..TEXT };
    let title = shortened(check.quantity.title(), right - left + NUMBERS, kind);
    canvas.text((left - NUMBERS, top - 26.0), title, kind);
    canvas.layer("diagonal", "");
    if let [low, .., high] = scales.x.ticks() {
        canvas.line(&[scales.at((*low, *low)), scales.at((*high, *high))], Ink::Text, 1.0, &THEORY_DASH);
    }
    for (arm, style) in styles.iter().enumerate() {
        let own: Vec<&Pair> = pairs.iter().filter(|pair| pair.arm == arm).collect();
        if own.is_empty() {
            continue;
        }
        canvas.layer("series", format!("{}: {}", summary.arms[arm].arm.name, words::cells(own.len())));
        // Marks alone: cells of one arm are no line.
        for Pair { mark, .. } in own {
            let (x, y) = scales.at((mark.x, mark.y));
            if mark.low < mark.high {
                canvas.line(&[(x, scales.y.at(mark.low)), (x, scales.y.at(mark.high))], style.ink, 1.4, &[]);
            }
            canvas.marker((x, y), 4.5, style);
        }
    }
}

fn held(check: &Check, pairs: &[Pair]) -> usize {
    pairs.iter().filter(|pair| (check.holds)(pair.off, pair.theory)).count()
}

fn holding(found: &[Vec<Pair>]) -> String {
    let one = |(check, pairs): (&Check, &Vec<Pair>)| {
        format!("{}: {} of {} within {}", check.quantity.title(), held(check, pairs), pairs.len(), check.within)
    };
    let each: Vec<String> = CHECKS.iter().zip(found).filter(|(_, pairs)| !pairs.is_empty()).map(one).collect();
    format!("Median errors of arms in cells, {}.", each.join("; "))
}

/// The worst of each quantity, by name: agreement is not the news.
fn sentence(summary: &Summary, found: &[Vec<Pair>]) -> String {
    let worst = |(check, pairs): (&Check, &Vec<Pair>)| {
        // Half as much is as far off as twice as much.
        let far = |pair: &Pair| (1.0 + pair.off).max(f64::MIN_POSITIVE).ln().abs();
        let worst = pairs.iter().max_by(|a, b| far(a).total_cmp(&far(b)))?;
        Some(format!(
            "{} {} where {} was predicted ({}, {}: off by {})",
            check.quantity.title(),
            (check.write)(worst.mark.y),
            (check.write)(worst.theory),
            summary.arms[worst.arm].arm.name,
            worst.cell,
            percent(worst.off)
        ))
    };
    let each: Vec<String> = CHECKS.iter().zip(found).filter_map(worst).collect();
    format!("{} Farthest off: {}.", holding(found), each.join("; "))
}

fn table(summary: &Summary, found: &[Vec<Pair>]) -> DataTable {
    let row = |check: &Check, pair: &Pair| {
        vec![
            pair.cell.clone(),
            summary.arms[pair.arm].arm.name.clone(),
            check.quantity.title().to_owned(),
            (check.write)(pair.mark.y),
            (check.write)(pair.theory),
            percent(pair.off),
        ]
    };
    let rows = CHECKS.iter().zip(found).flat_map(|(check, pairs)| pairs.iter().map(move |pair| row(check, pair)));
    let columns =
        ["cell", "arm", "quantity", "measured", "theory", "off by, median of the trials"].map(str::to_owned).to_vec();
    DataTable { columns, rows: rows.collect() }
}
