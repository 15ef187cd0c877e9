//! How sure are we? Every trial of every arm as a point, in per cent of the arm's own median.

use super::axis::Scale;
use super::canvas::{Canvas, NOTE, TEXT, Type};
use super::style::Ink;
use super::{Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, name, names_width, nothing, open, tick_x};
use crate::report::table::{percent, signed_percent};
use crate::summary::words::{NOTHING, list, number};
use crate::summary::{CellSummary, Quantity, Reading, Summary};

pub(super) const NAME: &str = "spread";

const ROW: f64 = 34.0;
/// Farther out than this the axis does not go, per cent: one wild trial must not press all others into a line.
const SHOWN_MAX: f64 = 100.0;

pub(super) fn draw(summary: &Summary, cell: &CellSummary) -> Chart {
    let (arms, mut notes) = arms(summary, cell);
    let quantities = quantities(cell);
    let title = "How much do trials of one arm differ?";
    let subtitle = "Every trial as a point, in per cent of its arm's median; the bar is the median's interval";
    let (mut canvas, top) = open(title, subtitle, cell);
    let mut bottom = top + 40.0 + ROW * arms.len().max(1) as f64;
    if arms.iter().any(|arm| quantities.iter().any(|quantity| !deviations(arm, *quantity).is_empty())) {
        let left = names_width(&arms);
        canvas.layer("names", "");
        for (i, styled) in arms.iter().enumerate() {
            name(&mut canvas, middle(top, i), styled);
        }
        let gap = 22.0;
        let width = (WIDTH - MARGIN - left - 2.0 * gap - 8.0) / 3.0;
        for (panel, quantity) in quantities.iter().enumerate() {
            let left = left + 8.0 + panel as f64 * (width + gap);
            notes.extend(draw_panel(&mut canvas, &arms, *quantity, [left, top, left + width - 8.0, bottom]));
        }
        bottom += 30.0;
        let few: Vec<String> = arms.iter().filter(|(arm, _)| arm.valid < 6).map(|(arm, _)| arm.arm.clone()).collect();
        if !few.is_empty() {
            notes.push(format!("Fewer than six trials, so no interval: {}.", list(&few)));
        }
    } else {
        nothing(&mut canvas, top, "no valid trial has a value to compare");
    }
    close(&mut canvas, bottom, &notes);
    let (sentence, table) = (sentence(&arms, &quantities), table(cell, &quantities));
    Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas }
}

/// What is late, what it weighs, what it costs: each in the fuller form where all arms have it.
fn quantities(cell: &CellSummary) -> [Quantity; 3] {
    let either = |first, second| super::sweep::either(std::iter::once(cell), first, second);
    [
        Quantity::LatenessP50,
        either(Quantity::PacketBytes, Quantity::ApplicationBytes),
        either(Quantity::MachineCpu, Quantity::OwnCpu),
    ]
}

fn middle(top: f64, i: usize) -> f64 {
    top + 32.0 + ROW * (i as f64 + 0.5)
}

/// Each trial's block and value in per cent of the arm's median; empty where the median is 0, infinite or missing.
fn deviations((arm, _): &Styled<'_>, quantity: Quantity) -> Vec<(u32, f64)> {
    let Some(estimate) = arm.estimate(quantity) else { return Vec::new() };
    let Some(median) = estimate.median.and_then(Reading::finite).filter(|median| *median > 0.0) else {
        return Vec::new();
    };
    let of = |p: &crate::summary::Point| Some((p.block, deviation(p.value?.finite()?, median)));
    estimate.points.iter().filter_map(of).collect()
}

fn deviation(value: f64, median: f64) -> f64 {
    100.0 * (value / median - 1.0)
}

fn draw_panel(
    canvas: &mut Canvas,
    arms: &[Styled<'_>],
    quantity: Quantity,
    [left, top, right, bottom]: [f64; 4],
) -> Option<String> {
    let all = || arms.iter().flat_map(|styled| deviations(styled, quantity));
    let most = all().map(|(_, percent)| percent.abs()).fold(1.0, f64::max).min(SHOWN_MAX);
    // Labels of neighbouring panels stay apart.
    let x = Scale::linear([-most, most].into_iter(), left + 14.0, right - 14.0, 2);
    let outside = all().filter(|(_, percent)| percent.abs() > SHOWN_MAX).count();
    canvas.layer("axes", "");
    let words = if quantity == Quantity::MachineCpu { "machine's CPU per quote" } else { quantity.title() };
    canvas.text((left, top + 14.0), words, Type { bold: true, ..NOTE });
    for value in x.ticks() {
        tick_x(canvas, x.at(*value), (top + 24.0, bottom), &signed_percent(value / 100.0));
    }
    for (i, styled) in arms.iter().enumerate() {
        let (trials, y) = (deviations(styled, quantity), middle(top, i));
        if trials.is_empty() {
            canvas.layer("missing", "");
            canvas.text_centred((left, y), NOTHING, TEXT);
            continue;
        }
        canvas.layer("series", format!("{}: {}", styled.0.arm, range(&trials)));
        if let Some((low, high)) = interval(styled, quantity) {
            canvas.rect((x.at(low), y - 4.0), (x.at(high).max(x.at(low) + 1.0), y + 4.0), Ink::Grid);
        }
        canvas.line(&[(x.at(0.0), y - 11.0), (x.at(0.0), y + 11.0)], Ink::Text, 1.4, &[]);
        for (nth, (_, percent)) in trials.iter().enumerate() {
            let shift = (nth as f64 - (trials.len() - 1) as f64 / 2.0) * (18.0 / trials.len() as f64);
            canvas.dot((x.at(*percent), y + shift), 2.8, styled.1.ink, 0.9);
        }
    }
    let plural = if outside == 1 { "" } else { "s" };
    (outside > 0)
        .then(|| format!("{}: {outside} trial{plural} beyond ±{SHOWN_MAX} %, drawn at the edge.", quantity.title()))
}

fn interval((arm, _): &Styled<'_>, quantity: Quantity) -> Option<(f64, f64)> {
    let estimate = arm.estimate(quantity)?;
    let (interval, median) = (estimate.interval?, estimate.median?.finite()?);
    Some((deviation(interval.low.finite()?, median), deviation(interval.high.finite()?, median)))
}

fn range(trials: &[(u32, f64)]) -> String {
    let (low, high) = trials.iter().fold((0.0f64, 0.0f64), |(l, h), (_, p)| (l.min(*p), h.max(*p)));
    format!("{} trials, {} to {}", trials.len(), percent(low / 100.0), signed_percent(high / 100.0))
}

fn sentence(arms: &[Styled<'_>], quantities: &[Quantity; 3]) -> String {
    let widest = |quantity: &Quantity| {
        let of = |styled: &Styled<'_>| {
            let most = deviations(styled, *quantity).iter().map(|(_, p)| p.abs()).fold(0.0, f64::max);
            (!deviations(styled, *quantity).is_empty()).then(|| (most, styled.0.arm.clone()))
        };
        let (most, arm) = arms.iter().filter_map(of).max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(format!("{} by at most {} % ({arm})", quantity.title(), number(most)))
    };
    let each: Vec<String> = quantities.iter().filter_map(widest).collect();
    if each.is_empty() {
        return "No valid trial has a value to compare.".to_owned();
    }
    let trials: Vec<String> = arms.iter().map(|(arm, _)| format!("{} {}", arm.arm, arm.valid)).collect();
    format!("A trial differs from its arm's median in {}. Valid trials: {}.", list(&each), list(&trials))
}

fn table(cell: &CellSummary, quantities: &[Quantity; 3]) -> DataTable {
    let mut rows = Vec::new();
    for arm in &cell.arms {
        for quantity in quantities {
            let Some(estimate) = arm.estimate(*quantity) else { continue };
            for point in &estimate.points {
                let value = point.value.map_or(NOTHING.to_owned(), |v| number(v.get()));
                rows.push(vec![arm.arm.clone(), quantity.title().to_owned(), point.block.to_string(), value]);
            }
        }
    }
    let columns = ["arm", "quantity", "block", "value"].map(str::to_owned).to_vec();
    DataTable { columns, rows }
}
