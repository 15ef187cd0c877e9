//! Measured above, measured − theory below, on one axis.

use super::canvas::Canvas;
use super::plot::{Axis, Mark, Panel, Scales, Series};
use crate::summary::words::duration;

/// Height of the lower panel and of the gap between the two.
const BELOW: f64 = 80.0;
const GAP: f64 = 46.0;

/// What stands over the lower panel.
pub(super) const CAPTION: &str = "measured − theory";

/// What each series is off its theory, where it has one at the same place: as many series as there are, so that each keeps
/// its place beside the others; those without theory have no mark.
pub(super) fn off(series: &[Series]) -> Vec<Series> {
    let of = |s: &Series| {
        let marks: Vec<Mark> = s
            .marks
            .iter()
            .filter_map(|mark| {
                let (_, theory) = s.theory.iter().find(|(x, _)| *x == mark.x)?;
                Some(Mark { x: mark.x, y: mark.y - theory, low: mark.low - theory, high: mark.high - theory })
            })
            .collect();
        let most = marks.iter().map(|m| m.y).max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
        let sign = if most > 0.0 { "+" } else { "" };
        let said = format!("{}: off theory by at most {sign}{}", s.name, duration(most));
        Series { marks, theory: Vec::new(), said, ..s.clone() }
    };
    series.iter().map(of).collect()
}

/// Draws both panels; values are milliseconds. `caption` stands over the lower one, whose axis covers the heights `also`
/// too. Gives the scales of the upper one and the height below the lower one.
pub(super) fn draw(
    canvas: &mut Canvas,
    panel: &Panel<'_>,
    series: &[Series],
    (caption, also): (&str, &[f64]),
) -> (Scales, f64) {
    let [left, _, right, bottom] = panel.area;
    let off = off(series);
    if off.iter().all(|s| s.marks.is_empty()) {
        return (panel.draw(canvas, series), bottom + 52.0);
    }
    let upper = Panel { x: Axis { caption: "", ..panel.x }, ..*panel };
    let scales = upper.draw(canvas, series);
    let area = [left, bottom + GAP, right, bottom + GAP + BELOW];
    // The same span of x as above, also where theory ends sooner.
    let mut ends: Vec<(f64, f64)> = series.iter().flat_map(|s| s.marks.iter().map(|m| (m.x, 0.0))).collect();
    ends.extend(ends.first().map(|end| end.0).into_iter().flat_map(|x| also.iter().map(move |y| (x, *y))));
    let lower = Panel {
        area,
        x: panel.x,
        y: Axis { caption, write: duration, log: false, labels: 3 },
        also: &ends,
        apart: true,
    };
    lower.draw(canvas, &off);
    (scales, area[3] + 52.0)
}
