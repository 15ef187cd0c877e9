//! Steps of a periodic feed over a distance: where the cells of a run differ in nothing but how far and in what way quotes
//! follow each other, one table over all of them. Each cell's own section shows one distance, and no step can be seen there.

use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::LoadSpec;

use crate::charts::DataTable;
use crate::summary::words::{NOTHING, duration};
use crate::summary::{ArmSummary, CellSummary, Quantity, Reading, Summary};

/// Stands above the table.
pub(super) const TITLE: &str = "Do quotes at equal distances lock phase with requests?";
/// How to read the table.
pub(super) const SENTENCE: &str = "Mean lateness (median over trials), and in brackets what theory says. Where each quote of a periodic feed finds a request \
     waiting it is as late as the way; where quotes follow each other faster than a client is back with its next request, some wait for it: \
     the step between. Theory draws it sharp, a machine rounds it by what it jitters.";

/// The cells, the rarest quotes first, if they differ in their feed's rate and arrivals alone, a distance lies between, and
/// some feed is periodic.
fn by_spacing(summary: &Summary) -> Option<Vec<&CellSummary>> {
    let rest = |cell: &CellSummary| LoadSpec {
        // A slow feed may have a longer window.
        window_ms: 0,
        feed: FeedSpec { rate_per_s: 0.0, arrivals: Arrivals::Periodic, ..cell.load.feed.clone() },
        ..cell.load.clone()
    };
    let mut cells: Vec<&CellSummary> = summary.cells.iter().collect();
    let first = rest(cells.first()?);
    let alike = cells.iter().all(|cell| rest(cell) == first);
    let far = first.path.one_way_delay_s() > 0.0;
    let periodic = cells.iter().any(|cell| cell.load.feed.arrivals == Arrivals::Periodic);
    cells.sort_by(|a, b| a.load.feed.rate_per_s.total_cmp(&b.load.feed.rate_per_s));
    (alike && far && periodic && cells.len() > 1).then_some(cells)
}

/// Milliseconds from quote to quote, in words. A rate is kept as a number with an end, so that 58 ms would be 58.0000001.
fn spacing(cell: &CellSummary) -> String {
    duration((1e6 / cell.load.feed.rate_per_s).round() / 1e3)
}

/// Measured, and by theory, milliseconds.
fn late_ms(arm: &ArmSummary) -> (Option<f64>, Option<f64>) {
    (arm.median(Quantity::LatenessMean), arm.theory.as_ref().map(|theory| theory.mean_ms).map(Reading::get))
}

/// A line for each distance of quotes, a column for each arm and kind of feed; `None` for runs that did not ask this.
#[must_use]
pub(super) fn table(summary: &Summary) -> Option<DataTable> {
    let cells = by_spacing(summary)?;
    let mut kinds: Vec<Arrivals> = Vec::new();
    let mut spacings: Vec<String> = Vec::new();
    for cell in &cells {
        let (kind, spacing) = (cell.load.feed.arrivals, spacing(cell));
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
        if !spacings.contains(&spacing) {
            spacings.push(spacing);
        }
    }
    // Periodic feeds are what is asked about.
    kinds.sort_by_key(|kind| *kind != Arrivals::Periodic);
    let pairs: Vec<(usize, &ArmEntry, Arrivals)> = summary
        .arms
        .iter()
        .enumerate()
        .flat_map(|(number, entry)| kinds.iter().map(move |kind| (number, entry, *kind)))
        .collect();
    let written = |number: usize, kind: Arrivals, at: &str| {
        let cell = cells.iter().find(|cell| cell.load.feed.arrivals == kind && spacing(cell) == at)?;
        let (measured, theory) = late_ms(cell.arms.get(number)?);
        let theory = theory.map_or(String::new(), |ms| format!(" ({})", duration(ms)));
        Some(format!("{}{theory}", duration(measured?)))
    };
    let row = |at: &String| {
        let cells = pairs.iter().map(|(number, _, kind)| written(*number, *kind, at).unwrap_or(NOTHING.to_owned()));
        std::iter::once(at.clone()).chain(cells).collect()
    };
    let mut columns = vec!["a quote each".to_owned()];
    columns.extend(pairs.iter().map(|(_, entry, kind)| format!("{}, {kind}", entry.arm.name)));
    Some(DataTable { columns, rows: spacings.iter().map(row).collect() })
}

/// For each arm the largest step between neighbouring distances of the periodic feed, measured and by theory.
#[must_use]
pub(super) fn sentences(summary: &Summary) -> Vec<String> {
    let Some(cells) = by_spacing(summary) else { return Vec::new() };
    let periodic: Vec<&CellSummary> =
        cells.into_iter().filter(|cell| cell.load.feed.arrivals == Arrivals::Periodic).collect();
    let of_arm = |(number, entry): (usize, &ArmEntry)| {
        let steps = periodic.windows(2).filter_map(|pair| {
            let (rare, dense) = (late_ms(pair[0].arms.get(number)?), late_ms(pair[1].arms.get(number)?));
            Some((pair, (rare.0?, dense.0?), rare.1.zip(dense.1)))
        });
        let rise = |(low, high): (f64, f64)| high - low;
        let (pair, measured, theory) = steps.max_by(|a, b| rise(a.1).abs().total_cmp(&rise(b.1).abs()))?;
        let from_to = |(from, to): (f64, f64)| format!("from {} to {}", duration(from), duration(to));
        let theory = theory.map_or(String::new(), |theory| format!("; theory: {}", from_to(theory)));
        Some(format!(
            "{}: its largest change of mean lateness between neighbouring distances is {}, where a quote comes each {} instead of each {}{theory}.",
            entry.arm.name,
            from_to(measured),
            spacing(pair[1]),
            spacing(pair[0]),
        ))
    };
    summary.arms.iter().enumerate().filter_map(of_arm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::summarise;
    use wirerace_contract::spec::Path;

    /// The fixture's cell at several distances of quotes, with a mean lateness put in for every arm.
    fn summary(cells: &[(Arrivals, f64, f64)]) -> Summary {
        let (manifest, trials) = fixture::run();
        let mut summary = summarise(&manifest, &trials, &[]);
        let template = summary.cells.remove(0);
        for (arrivals, spacing_ms, late_ms) in cells {
            let mut cell = template.clone();
            cell.load.path = serde_json::from_str::<Path>(r#"{"link":{"one_way_delay_us":30000}}"#).unwrap();
            (cell.load.feed.arrivals, cell.load.feed.rate_per_s) = (*arrivals, 1e3 / spacing_ms);
            for arm in &mut cell.arms {
                for estimate in arm.estimates.iter_mut().filter(|e| e.quantity == Quantity::LatenessMean) {
                    estimate.median = Reading::new(*late_ms);
                }
                if let Some(theory) = &mut arm.theory {
                    theory.mean_ms = Reading::new(late_ms - 1.0).unwrap();
                }
            }
            summary.cells.push(cell);
        }
        summary
    }

    const ASKED: [(Arrivals, f64, f64); 4] = [
        (Arrivals::Periodic, 58.0, 59.0),
        (Arrivals::Periodic, 62.0, 31.0),
        (Arrivals::Periodic, 90.0, 32.0),
        (Arrivals::Poisson, 62.0, 45.0),
    ];

    #[test]
    fn the_step_is_told_with_its_place() {
        let summary = summary(&ASKED);
        let table = table(&summary).unwrap();
        let first: Vec<&str> = table.rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(first, ["90 ms", "62 ms", "58 ms"]);
        assert_eq!(table.columns[..3], ["a quote each", "poll-close, periodic", "poll-close, poisson"]);
        assert_eq!(table.rows[1][1..3], ["31 ms (30 ms)", "45 ms (44 ms)"]);
        assert_eq!(table.rows[2][2], NOTHING, "no trial there");
        let section = crate::report::sections(&summary).into_iter().find(|section| section.heading == TITLE);
        assert_eq!(section.unwrap().table.as_ref(), Some(&table), "the report shows it");
        let told = sentences(&summary);
        assert_eq!(told.len(), summary.arms.len());
        assert!(
            told[2].starts_with("long-poll: its largest change")
                && told[2].contains("is from 31 ms to 59 ms, where a quote comes each 58 ms instead of each 62 ms")
                && told[2].ends_with("theory: from 30 ms to 58 ms."),
            "{}",
            told[2]
        );
    }

    #[test]
    fn other_runs_are_not_asked() {
        assert!(table(&summary(&ASKED[..1])).is_none(), "one cell");
        assert!(table(&summary(&[ASKED[3], (Arrivals::Poisson, 9.0, 9.0)])).is_none(), "nothing periodic");
        let mut near = summary(&ASKED);
        near.cells.iter_mut().for_each(|cell| cell.load.path = Path::Loopback);
        assert!(table(&near).is_none() && sentences(&near).is_empty(), "no distance");
        let mut other = summary(&ASKED);
        other.cells[1].load.clients += 1;
        assert!(table(&other).is_none(), "something else differs");
    }
}
