//! How late? Lateness against the share of quotes that were at most that late, with the last nines spread out.

use wirerace_contract::spec::Path;

use super::axis::{LogScale, spread};
use super::canvas::{Anchor, At, Canvas, TEXT, TICK, Type, text_width};
use super::plot::THEORY_DASH;
use super::style::Ink;
use super::{Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, nothing, open, over_grid, tick_x, tick_y};
use crate::summary::curve::{BEYOND_MIN, CurvePoint};
use crate::summary::words::{count, duration, list, number};
use crate::summary::{CellSummary, Quantity, Reading, Summary};

pub(super) const NAME: &str = "percentiles";

/// Shares of quotes that get a label, with the label: one in 2, 5, 10, 20, 50 … quotes is later.
const TICKS: [(f64, &str); 19] = [
    (0.25, "25 %"),
    (0.5, "50 %"),
    (0.8, "80 %"),
    (0.9, "90 %"),
    (0.95, "95 %"),
    (0.98, "98 %"),
    (0.99, "99 %"),
    (0.995, "99.5 %"),
    (0.998, "99.8 %"),
    (0.999, "99.9 %"),
    (0.999_5, "99.95 %"),
    (0.999_8, "99.98 %"),
    (0.999_9, "99.99 %"),
    (0.999_95, "99.995 %"),
    (0.999_98, "99.998 %"),
    (0.999_99, "99.999 %"),
    (0.999_995, "99.9995 %"),
    (0.999_998, "99.9998 %"),
    (0.999_999, "99.9999 %"),
];

/// Shares of quotes near which a line carries its marker.
const MARKED: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

pub(super) fn draw(summary: &Summary, cell: &CellSummary) -> Chart {
    let (arms, mut notes) = arms(summary, cell);
    let (arms, empty): (Vec<_>, Vec<_>) =
        arms.into_iter().partition(|(arm, _)| finite(&arm.lateness.curve).count() > 0);
    for (arm, _) in empty {
        notes.push(format!("Not drawn: {}, no quote of its windows was received.", arm.arm));
    }
    for (arm, _) in arms.iter().filter(|(arm, _)| arm.lateness.lost > 0) {
        let lost = count(arm.lateness.lost);
        notes.push(format!("{} lost {lost} quotes: they are infinitely late, so its line ends before them.", arm.arm));
    }
    let title = "How late are the quotes?";
    let (mut canvas, top) = open(title, "Lateness (received − due), logarithmic, by share of quotes", cell);
    let bottom = top + 320.0;
    // Measured without distance, the floor says nothing where there is some.
    let near = summary.calibration.filter(|_| cell.load.path == Path::Loopback);
    let floor_ms = near.map(|c| c.chain_p50_ns as f64 / 1e6).filter(|ms| *ms > 0.0);
    if arms.is_empty() {
        nothing(&mut canvas, top, "no valid trial received a quote");
    } else {
        lines(&mut canvas, &arms, (top, bottom), floor_ms);
    }
    if let (Some(ms), false) = (floor_ms, arms.is_empty()) {
        notes.push(format!(
            "Grey line: {}, the median transit over feed → one plain socket → reader just before the run: what a transport adds stands above it.",
            duration(ms)
        ));
    }
    let p99 = |(arm, _): &Styled<'_>| {
        let (merged, median) = (arm.lateness.p99_ms?.get(), arm.median(Quantity::LatenessP99)?);
        Some((arm.arm.clone(), merged, median))
    };
    notes.extend(merged("99th percentile", arms.iter().filter_map(p99), duration));
    notes.extend(residuals(&arms));
    notes.push(format!("Lines end where fewer than {BEYOND_MIN} quotes lie beyond."));
    close(&mut canvas, bottom + 50.0, &notes);
    Chart { kind: NAME, title: title.to_owned(), sentence: sentence(&arms), notes, table: table(cell), canvas }
}

/// Points that a logarithmic axis can show. The very first is left out: the least of thousands is no more than luck.
fn finite(curve: &[CurvePoint]) -> impl Iterator<Item = (f64, f64)> {
    curve.iter().filter(|p| p.quantile > 0.0).filter_map(|p| Some((p.quantile, p.lateness_ms.finite()?)))
}

/// Position along the axis: the logarithm of one in how many quotes is later.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

fn lines(canvas: &mut Canvas, arms: &[Styled<'_>], (top, bottom): (f64, f64), floor_ms: Option<f64>) {
    let labels = arms.iter().map(|(arm, _)| text_width(&arm.arm, TEXT)).fold(0.0, f64::max).min(WIDTH / 3.0);
    let (left, right) = (MARGIN + 56.0, WIDTH - MARGIN - labels - 26.0);
    let all = || arms.iter().flat_map(|(arm, _)| finite(&arm.lateness.curve));
    let y = LogScale::around(all().map(|(_, ms)| ms).chain(floor_ms), bottom, top, 12);
    let last = nines(all().map(|(quantile, _)| quantile).fold(0.5, f64::max));
    // The axis ends at a label, like any other.
    let nines_max = TICKS.iter().map(|(quantile, _)| nines(*quantile)).find(|n| *n >= last - 1e-9).unwrap_or(last);
    let x = |quantile: f64| left + nines(quantile) / nines_max * (right - left);
    canvas.layer("axes", "");
    for ms in y.ticks() {
        tick_y(canvas, y.at(*ms), (left, right), &duration(*ms));
    }
    for (quantile, label) in labelled(nines_max) {
        tick_x(canvas, x(quantile), (top, bottom), label);
    }
    let caption = "share of quotes that were at most this late";
    canvas.text(((left + right) / 2.0, bottom + 36.0), caption, Type { anchor: Anchor::Middle, ..TICK });
    if let Some(ms) = floor_ms {
        floor(canvas, y.at(ms), (left, right), &duration(ms));
    }
    let ends: Vec<(f64, f64)> = arms
        .iter()
        .filter_map(|(arm, _)| finite(&arm.lateness.curve).last())
        .map(|(quantile, ms)| (x(quantile), y.at(ms)))
        .collect();
    let heights = spread(&ends.iter().map(|end| end.1).collect::<Vec<_>>(), 16.0, top + 4.0, bottom - 4.0);
    for (i, (((arm, style), end), label_y)) in arms.iter().zip(ends).zip(heights).enumerate() {
        // Markers of different arms stand beside each other, or the last drawn would hide the others.
        let shift = (i as f64 - (arms.len() - 1) as f64 / 2.0) * 11.0;
        canvas.layer("series", format!("{}: {}", arm.arm, quoted(arm.lateness.p50_ms, arm.lateness.p99_ms)));
        let points: Vec<_> = finite(&arm.lateness.curve).map(|(q, ms)| (x(q), y.at(ms))).collect();
        canvas.line(&points, style.ink, 2.2, style.dash);
        if let Some(theory) = &arm.theory {
            // Where it is below or above everything measured it would leave the picture.
            let inside = |at: &At| top <= at.1 && at.1 <= bottom;
            let points: Vec<_> = finite(&theory.curve)
                .filter(|(_, ms)| *ms > 0.0)
                .map(|(q, ms)| (x(q), y.at(ms)))
                .filter(inside)
                .collect();
            canvas.line(&points, style.theory(), 1.2, &THEORY_DASH);
        }
        for at in MARKED.iter().filter_map(|quantile| along(&points, x(*quantile) + shift)) {
            canvas.marker(at, 4.0, style);
        }
        canvas.line(&[end, (right + 8.0, label_y)], Ink::Grid, 1.0, &[]);
        canvas.marker((right + 13.0, label_y), 4.0, style);
        canvas.text_centred((right + 22.0, label_y), arm.arm.as_str(), TEXT);
    }
}

/// What one plain socket takes, as a thin line with its label.
fn floor(canvas: &mut Canvas, y: f64, (left, right): (f64, f64), figure: &str) {
    canvas.layer("floor", format!("feed → one socket → reader: {figure}"));
    canvas.line(&[(left, y), (right, y)], Ink::Muted, 0.8, &[]);
    over_grid(canvas, (left + 6.0, y + 9.0), &format!("one plain socket, median {figure}"), TICK);
}

/// Which of [`TICKS`] an axis that ends at `nines_max` has room for: all of them up to 99.9 %; beyond that only those
/// of whole nines, the median and the last.
fn labelled(nines_max: f64) -> impl Iterator<Item = (f64, &'static str)> {
    TICKS.into_iter().filter(move |(quantile, _)| {
        let at = nines(*quantile);
        let (last, whole) = ((at - nines_max).abs() < 1e-6, (at - at.round()).abs() < 1e-6);
        let crowded = nines_max > 3.0 + 1e-6;
        let room = !crowded || *quantile == 0.5 || whole && nines_max - at > 0.1 * nines_max;
        // 25 % only where there is little but the median besides.
        last || at < nines_max && room && (*quantile != 0.25 || nines_max < 0.9)
    })
}

/// The point of a line at `x`; `None` where the line does not reach.
fn along(points: &[At], x: f64) -> Option<At> {
    let pair = points.windows(2).find(|pair| pair[0].0 <= x && x <= pair[1].0)?;
    let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
    let share = if x1 > x0 { (x - x0) / (x1 - x0) } else { 0.0 };
    Some((x, y0 + share * (y1 - y0)))
}

fn quoted(p50: Option<Reading>, p99: Option<Reading>) -> String {
    let write = |value: Option<Reading>| value.map_or("–".to_owned(), |v| duration(v.get()));
    format!("median {}, 99th percentile {}", write(p50), write(p99))
}

fn sentence(arms: &[Styled<'_>]) -> String {
    if arms.is_empty() {
        return "No valid trial received a quote.".to_owned();
    }
    let each: Vec<String> = arms
        .iter()
        .map(|(arm, _)| format!("{} ({})", arm.arm, quoted(arm.lateness.p50_ms, arm.lateness.p99_ms)))
        .collect();
    format!("Lateness over all trials together: {}.", list(&each))
}

/// How far theory is from what was measured, in words; `None` where no arm has one.
fn residuals(arms: &[Styled<'_>]) -> Option<String> {
    let of = |(arm, _): &Styled<'_>| {
        let theory = arm.theory.as_ref()?;
        let error = theory.mean_error_ms?.get();
        let sign = if error > 0.0 { "+" } else { "" };
        let distance = theory.distance.map_or(String::new(), |d| format!(", distance {}", number(d.get())));
        Some(format!("{} mean {sign}{}{distance}", arm.arm, duration(error)))
    };
    let each: Vec<String> = arms.iter().filter_map(of).collect();
    let what = "Thin dashes: theory. Mean measured less theory, and the largest difference \
                of shares (Kolmogorov; 0.3 ms of shift forgiven)";
    (!each.is_empty()).then(|| format!("{what}: {}.", each.join("; ")))
}

/// From this share on a note says that all trials together and the median trial are apart.
const APART: f64 = 0.1;

/// Says of which arms all trials merged, as drawn, and the median trial, as in tables, are far apart: a single bad trial moves
/// the one and not the other. Each arm comes with both figures.
pub(super) fn merged(
    what: &str,
    arms: impl Iterator<Item = (String, f64, f64)>,
    write: impl Fn(f64) -> String,
) -> Option<String> {
    let apart = arms.filter(|(_, merged, median)| (merged / median - 1.0).abs() > APART);
    let told = |(arm, merged, median): (String, f64, f64)| {
        format!("{arm}: {} merged, {} in the median trial", write(merged), write(median))
    };
    let each: Vec<String> = apart.map(told).collect();
    let all = "All trials merged; the table gives the median trial";
    (!each.is_empty()).then(|| format!("{all}. {what} of {}.", each.join("; ")))
}

fn table(cell: &CellSummary) -> DataTable {
    let write = |value: Option<Reading>| value.map_or("–".to_owned(), |v| duration(v.get()));
    let rows = cell.arms.iter().map(|arm| {
        let merged = &arm.lateness;
        let percentiles = [merged.p50_ms, merged.p90_ms, merged.p99_ms, merged.p999_ms].map(write);
        let mut row = vec![arm.arm.clone()];
        row.extend(percentiles);
        row.extend([count(merged.count), count(merged.lost)]);
        row
    });
    let columns = ["arm", "50 %", "90 %", "99 %", "99.9 %", "quotes", "lost"].map(str::to_owned).to_vec();
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::summarise;
    use wirerace_contract::distribution::{Distribution, new_histogram};

    #[test]
    fn where_one_bad_trial_moves_the_line_a_note_says_so() {
        let (manifest, mut trials) = fixture::run();
        let notes = |trials: &[_]| {
            let summary = summarise(&manifest, trials, &[]);
            draw(&summary, &summary.cells[0]).notes.join(" ")
        };
        let told = "All trials merged; the table gives the median trial. 99th percentile of ws: 50 ms merged, ";
        assert!(!notes(&trials).contains("All trials merged"), "{}", notes(&trials));
        let bad = trials.iter_mut().find(|trial| trial.arm.name == "ws").and_then(|trial| trial.measured.as_mut());
        let mut histogram = new_histogram();
        histogram.saturating_record_n(50_000_000, 4_000);
        bad.unwrap().client.lateness = Distribution::of(&histogram, 0);
        assert!(notes(&trials).contains(told), "{}", notes(&trials));
        assert!(notes(&trials).contains(" µs in the median trial."), "{}", notes(&trials));
    }

    #[test]
    fn a_twentieth_is_not_apart_and_what_was_lost_is() {
        let said = |figures: (f64, f64)| {
            merged("Bytes", [("ws".to_owned(), figures.0, figures.1)].into_iter(), |value| value.to_string())
        };
        assert_eq!([(105.0, 100.0), (95.0, 100.0), (0.0, 0.0)].map(said), [None, None, None]);
        assert_eq!(said((f64::INFINITY, f64::INFINITY)), None);
        let told = "All trials merged; the table gives the median trial. Bytes of ws: inf merged, 1 in the median \
                    trial.";
        assert_eq!(said((f64::INFINITY, 1.0)).unwrap(), told);
    }

    #[test]
    fn labels_of_shares_have_room_and_the_last_is_among_them() {
        for (quantile, label) in TICKS.into_iter().skip(1) {
            let end = nines(quantile);
            let found: Vec<_> = labelled(end).collect();
            assert_eq!(found.last().map(|l| l.1), Some(label));
            assert!(found.iter().any(|l| l.1 == "50 %"), "{label}: {found:?}");
            // In shares of an axis of some 600 units, on which a label takes 60 at most.
            let apart = found.windows(2).map(|w| (nines(w[1].0) - nines(w[0].0)) / end);
            let least = apart.fold(1.0, f64::min);
            assert!(least > 0.085, "{label}: {least} {found:?}");
        }
        assert_eq!(labelled(3.0).count(), 9);
    }
}
