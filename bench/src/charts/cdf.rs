//! How late, for beginners: the share of quotes that were at most so late. Polls rise in a straight ramp from the
//! distance to one interval more; the shape is the mechanism.

use wirerace_contract::spec::Path;

use super::axis::Scale;
use super::canvas::{Anchor, At, Canvas, TICK, Type, text_width};
use super::plot::{THEORY_DASH, legend};
use super::style::Ink;
use super::{Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, nothing, open, over_grid, tick_x, tick_y};
use crate::summary::curve::CurvePoint;
use crate::summary::words::{NOTHING, count, duration, list};
use crate::summary::{CellSummary, Summary};

pub(super) const NAME: &str = "cdf";

/// The axis of time ends where the slowest arm has delivered this share: the last per cent is the percentile plot's.
const SHOWN: f64 = 0.99;
/// Shares that carry a label.
const SHARES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

pub(super) fn draw(summary: &Summary, cell: &CellSummary) -> Chart {
    let (arms, mut notes) = arms(summary, cell);
    let (arms, none): (Vec<_>, Vec<_>) = arms.into_iter().partition(|(arm, _)| !points(&arm.lateness.curve).is_empty());
    for (arm, _) in none {
        notes.push(format!("Not drawn: {}, no quote of its windows was received.", arm.arm));
    }
    for (arm, _) in arms.iter().filter(|(arm, _)| arm.lateness.lost > 0) {
        notes.push(format!("{} lost {} quotes: its line ends below 100 %.", arm.arm, count(arm.lateness.lost)));
    }
    let title = "What share of the quotes is how late?";
    let (mut canvas, top) = open(title, "Share of quotes that were at most so late, linear", cell);
    let near = summary.calibration.filter(|_| cell.load.path == Path::Loopback);
    let floor_ms = near.map(|c| c.chain_p50_ns as f64 / 1e6).filter(|ms| *ms > 0.0);
    let mut bottom = top + 60.0;
    if arms.is_empty() {
        nothing(&mut canvas, top, "no valid trial received a quote");
    } else {
        let top = legend(&mut canvas, top, arms.iter().map(|(arm, style)| (arm.arm.as_str(), *style)));
        bottom = top + 10.0 + 290.0;
        lines(&mut canvas, &arms, (top + 10.0, bottom), floor_ms);
        if arms.iter().any(|(arm, _)| arm.theory.is_some()) {
            notes.push("Thin dashes in an arm's colour: theory.".to_owned());
        }
        notes.push(format!("The axis ends where every arm has delivered {} % of its quotes.", 100.0 * SHOWN));
    }
    close(&mut canvas, bottom + 46.0, &notes);
    Chart { kind: NAME, title: title.to_owned(), sentence: sentence(&arms), notes, table: table(cell), canvas }
}

/// Lateness and share, from the soonest on.
fn points(curve: &[CurvePoint]) -> Vec<(f64, f64)> {
    curve.iter().filter_map(|p| Some((p.lateness_ms.finite()?, p.quantile))).collect()
}

/// By how many milliseconds `share` of the quotes were there; the last that is known where that is less.
fn by(points: &[(f64, f64)], share: f64) -> f64 {
    let reached = points.iter().find(|(_, quantile)| *quantile >= share - 1e-9);
    reached.or(points.last()).map_or(0.0, |p| p.0)
}

fn lines(canvas: &mut Canvas, arms: &[Styled<'_>], (top, bottom): (f64, f64), floor_ms: Option<f64>) {
    let (left, right) = (MARGIN + 52.0, WIDTH - MARGIN - 24.0);
    let longest = arms.iter().map(|(arm, _)| by(&points(&arm.lateness.curve), SHOWN)).fold(0.0, f64::max);
    let x = Scale::linear(std::iter::once(longest), left, right, 8);
    let y = |share: f64| bottom - share * (bottom - top);
    let end_ms = x.ticks().last().copied().unwrap_or(longest);
    canvas.layer("axes", "");
    for ms in x.ticks() {
        tick_x(canvas, x.at(*ms), (top, bottom), &duration(*ms));
    }
    for share in SHARES {
        tick_y(canvas, y(share), (left, right), &format!("{} %", 100.0 * share));
    }
    canvas.text(((left + right) / 2.0, bottom + 36.0), "lateness", Type { anchor: Anchor::Middle, ..TICK });
    // A curve is drawn up to the axis' end, and no farther.
    let line = |points: &[(f64, f64)]| -> Vec<At> {
        points.iter().take_while(|(ms, _)| *ms <= end_ms).map(|(ms, share)| (x.at(*ms), y(*share))).collect()
    };
    if let Some(ms) = floor_ms {
        canvas.layer("floor", format!("feed → one socket → reader: {}", duration(ms)));
        canvas.line(&[(x.at(ms), top), (x.at(ms), bottom)], Ink::Muted, 0.8, &[]);
        let (from, text) = (x.at(ms) + 6.0, format!("one plain socket, median {}", duration(ms)));
        let drawn: Vec<Vec<At>> = arms.iter().map(|(arm, _)| line(&self::points(&arm.lateness.curve))).collect();
        let height = clearest((from, from + text_width(&text, TICK)), &drawn, (top + 12.0, bottom - 10.0));
        over_grid(canvas, (from, height), &text, TICK);
    }
    for (i, (arm, style)) in arms.iter().enumerate() {
        let points = points(&arm.lateness.curve);
        canvas.layer("series", format!("{}: half within {}", arm.arm, duration(by(&points, 0.5))));
        let measured = line(&points);
        // It begins on the axis, where the soonest quote came.
        let begin = measured.first().map(|at| (at.0, bottom));
        let measured: Vec<At> = begin.into_iter().chain(measured).collect();
        canvas.line(&measured, style.ink, 2.2, style.dash);
        if let Some(theory) = &arm.theory {
            canvas.line(&line(&self::points(&theory.curve)), style.theory(), 1.2, &THEORY_DASH);
        }
        // At heights of their own: lines that lie on each other are still told apart.
        let share = 0.25 + 0.55 * (i as f64 + 0.5) / arms.len() as f64;
        if let Some(at) = crossing(&measured, y(share)) {
            canvas.marker(at, 4.5, style);
        }
    }
}

/// Where a rising line has the height `y`: on the line itself, between the points that it is drawn through. `None` where it
/// does not reach it.
fn crossing(line: &[At], y: f64) -> Option<At> {
    let pair = line.windows(2).find(|pair| pair[1].1 <= y && y <= pair[0].1)?;
    let (low, high) = (pair[0], pair[1]);
    let share = if low.1 > high.1 { (low.1 - y) / (low.1 - high.1) } else { 0.0 };
    Some((low.0 + share * (high.0 - low.0), y))
}

/// Of some heights the one that is farthest from all `lines` between the two places `(from, to)`.
fn clearest((from, to): (f64, f64), lines: &[Vec<At>], (top, bottom): (f64, f64)) -> f64 {
    let gap = |y: f64| {
        let apart = |pair: &[At]| {
            let (a, b) = (pair[0], pair[1]);
            let along = |x: f64| a.1 + (x - a.0) / (b.0 - a.0) * (b.1 - a.1);
            let steep = b.0 <= a.0;
            let (low, high) = if steep { (a.1, b.1) } else { (along(a.0.max(from)), along(b.0.min(to))) };
            let outside = b.0 < from || a.0 > to;
            if outside { f64::INFINITY } else { (y - y.clamp(low.min(high), low.max(high))).abs() }
        };
        lines.iter().flat_map(|line| line.windows(2)).map(apart).fold(f64::INFINITY, f64::min)
    };
    let heights = (0..=12).map(|step| bottom - f64::from(step) / 12.0 * (bottom - top));
    // The first of equals: the lowest.
    heights.fold((bottom, -1.0), |best, y| if gap(y) > best.1 { (y, gap(y)) } else { best }).0
}

fn sentence(arms: &[Styled<'_>]) -> String {
    let each: Vec<String> = arms
        .iter()
        .map(|(arm, _)| {
            let points = points(&arm.lateness.curve);
            format!(
                "{} half within {} and 90 % within {}",
                arm.arm,
                duration(by(&points, 0.5)),
                duration(by(&points, 0.9))
            )
        })
        .collect();
    match each.as_slice() {
        [] => "No valid trial received a quote.".to_owned(),
        each => format!("Lateness over all trials together: {}.", list(each)),
    }
}

fn table(cell: &CellSummary) -> DataTable {
    let shares = [0.1, 0.25, 0.5, 0.75, 0.9];
    let at = |arm: &crate::summary::ArmSummary, share: f64| {
        // Sampled each 2 %: the nearest sample at or above.
        let point = arm.lateness.curve.iter().find(|p| p.quantile >= share - 1e-9);
        point.map_or(NOTHING.to_owned(), |p| duration(p.lateness_ms.get()))
    };
    let rows = cell.arms.iter().map(|arm| {
        let mut row = vec![arm.arm.clone()];
        row.extend(shares.iter().map(|share| at(arm, *share)));
        row
    });
    let mut columns = vec!["arm".to_owned()];
    columns.extend(["10 %", "26 %", "50 %", "76 %", "90 %"].map(|share| format!("{share} within")));
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_lies_on_its_line() {
        let line = [(10.0, 100.0), (20.0, 80.0), (60.0, 60.0)];
        assert_eq!(crossing(&line, 90.0), Some((15.0, 90.0)));
        assert_eq!(crossing(&line, 65.0), Some((50.0, 65.0)));
        assert_eq!(crossing(&line, 50.0), None, "it does not rise so far");
        assert_eq!(crossing(&line[..1], 100.0), None);
    }

    #[test]
    fn a_label_stands_where_no_line_runs() {
        // A ramp from the lower left corner: all room is above it.
        let ramp = vec![(0.0, 100.0), (50.0, 75.0), (400.0, 0.0)];
        assert!(clearest((5.0, 60.0), std::slice::from_ref(&ramp), (0.0, 100.0)) < 10.0);
        // With another line along the top it stands between them.
        let flat = vec![(0.0, 0.0), (400.0, 0.0)];
        let between = clearest((5.0, 60.0), &[ramp, flat], (0.0, 100.0));
        assert!((20.0..60.0).contains(&between), "{between}");
        assert_eq!(clearest((5.0, 60.0), &[], (0.0, 100.0)), 100.0, "without lines it stands below");
    }
}
