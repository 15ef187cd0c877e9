//! Two runs in words: a table for a terminal, Markdown for an issue.

use std::fmt::Write;

use wirerace_contract::spec::Delivery;

use super::{ArmRatios, Outcome, Ratio, RunComparison};
use crate::charts::DataTable;
use crate::report::markdown::{inline, table as markdown_table};
use crate::report::table::aligned;
use crate::summary::Quantity;
use crate::summary::words::{NOTHING, count, interval, list, number, reading};

/// Always shown; the others where they differ, and those of [`BY_SECOND`]. JSON has all.
const SHOWN: [Quantity; 9] = [
    Quantity::LatenessP50,
    Quantity::LatenessP99,
    Quantity::StalenessMean,
    Quantity::PacketBytes,
    Quantity::ApplicationBytes,
    Quantity::Connections,
    Quantity::Requests,
    Quantity::OwnCpu,
    Quantity::ServerMemory,
];

/// Shown where there are no bytes by the quote to show: of arms that deliver only the newest quote, and where no quote came.
const BY_SECOND: [Quantity; 3] = [Quantity::PacketRate, Quantity::ApplicationRate, Quantity::OwnCpuRate];

/// How to read the table.
pub const HOW: &str = "B/A: median of all ratios of a trial of B to a trial of A, with its interval of at least 95 % (Hodges and \
     Lehmann). The runs are not paired: an interval holds the noise within each run, not what happened to the machine in \
     between. More or less: the whole interval lies beyond the margin (3 % of bytes, counts and lateness, 10 % of CPU where the \
     experiment sets no other). No clear difference is not \"equal\": the interval says how much may hide in it. Counted: of an \
     exact cell the two medians are compared, without an interval. To be sure of a change, run A again after B.";

fn is_clear(ratio: &Ratio) -> bool {
    ratio.outcome.is_clear()
}

/// How many differ, in one sentence.
#[must_use]
pub fn verdict(comparison: &RunComparison) -> String {
    let all: Vec<&Ratio> = comparison.ratios().map(|(_, _, ratio)| ratio).collect();
    let with = all.iter().filter(|ratio| ratio.outcome.is_decided()).count();
    let clear = all.iter().filter(|ratio| is_clear(ratio)).count();
    match (all.len(), with, clear) {
        (0, ..) if comparison.cells.iter().all(|cell| cell.arms.is_empty()) => {
            "The two runs have no cell and arm in common: nothing to compare.".to_owned()
        }
        (0, ..) => "No arm has usable trials in both runs: nothing to compare.".to_owned(),
        (_, 0, _) => "Too few trials for any interval: run both with at least 4 blocks, better 6 or 12.".to_owned(),
        (_, with, 0) => format!("No clear difference in any of {with} comparisons."),
        (_, with, clear) => format!("{clear} of {with} comparisons differ by more than the margin."),
    }
}

/// Of the comparisons with an interval, how many may say "differs" though nothing does: an interval of 95 % misses in five
/// of a hundred. `None` without any interval; of what is counted there is no chance in it.
#[must_use]
pub fn by_chance(comparison: &RunComparison) -> Option<String> {
    let n = comparison.ratios().filter(|(_, _, ratio)| ratio.interval.is_some()).count();
    let may = match (0.05 * n as f64).round() as u64 {
        _ if n == 0 => return None,
        0 => "hardly one".to_owned(),
        expected => format!("about {}", count(expected)),
    };
    Some(format!(
        "Of {} at 95 %, {may} may differ by chance (fewer, where the margin is wide against the noise).",
        comparisons(n)
    ))
}

/// How many comparisons say nothing, and why: "no clear difference in any of 15" must not be read as if there were no others.
/// `None` where all say something, and where none does, which the headline tells.
#[must_use]
pub fn undecided(comparison: &RunComparison) -> Option<String> {
    let outcomes = || comparison.ratios().map(|(_, _, ratio)| ratio.outcome);
    let why = [
        (Outcome::TooFewTrials, "with too few trials for an interval"),
        (Outcome::NoRatio, "with an infinite trial in each run, so without a ratio"),
    ];
    let (mut all, mut parts) = (0, Vec::new());
    for (outcome, why) in why {
        let n = outcomes().filter(|one| *one == outcome).count();
        all += n;
        if n > 0 {
            parts.push(format!("{} {why}", count(n as u64)));
        }
    }
    let say = if all == 1 { "says" } else { "say" };
    let others_decide = all > 0 && outcomes().any(Outcome::is_decided);
    others_decide.then(|| format!("Besides, {} {say} nothing: {}.", comparisons(all), list(&parts)))
}

fn comparisons(n: usize) -> String {
    format!("{} comparison{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// Comparisons that are listed below the headline; more are read in the table.
const LISTED_MAX: usize = 20;

/// The comparisons that differ, a line each: who reads no more than the headline must not have to search for them.
#[must_use]
pub fn differing(comparison: &RunComparison) -> Vec<String> {
    let several = comparison.cells.len() > 1;
    let line = |(cell, arm, ratio): (&str, &str, &Ratio)| {
        let place = if several { format!("{cell}, {arm}") } else { arm.to_owned() };
        let times = ratio.ratio.map_or_else(|| NOTHING.to_owned(), |r| format!("× {}", number(r.get())));
        let bounds = ratio.interval.as_ref().map(|i| format!(" {}", interval(i, number))).unwrap_or_default();
        format!("{place}, {}: {times}{bounds}, {}", ratio.quantity.title(), ratio.outcome.words())
    };
    let mut lines: Vec<String> = comparison.ratios().filter(|(_, _, ratio)| is_clear(ratio)).map(line).collect();
    let more = lines.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        lines.truncate(LISTED_MAX);
        lines.push(format!("and {more} more, which the table below has"));
    }
    lines
}

/// How many comparisons have no row in the table; `None` where all have one.
#[must_use]
pub fn not_shown(comparison: &RunComparison) -> Option<String> {
    let left_out = comparison.ratios().count() - shown(comparison).count();
    let (have, them) = if left_out == 1 { ("has", "it") } else { ("have", "them") };
    (left_out > 0).then(|| {
        format!(
            "{} without a clear difference {have} no row in the table; --format json tells {them}.",
            comparisons(left_out)
        )
    })
}

/// What has a row in the table, with the names of cell and arm.
fn shown(comparison: &RunComparison) -> impl Iterator<Item = (&str, &str, &Ratio)> {
    comparison.cells.iter().flat_map(|cell| {
        cell.arms.iter().flat_map(move |arm| {
            let ratios = arm.ratios.iter().filter(move |ratio| is_shown(arm, ratio));
            ratios.map(move |ratio| (cell.name.as_str(), arm.arm.as_str(), ratio))
        })
    })
}

fn is_shown(arm: &ArmRatios, ratio: &Ratio) -> bool {
    let quantity = ratio.quantity;
    let has = |wanted: Quantity| arm.ratios.iter().any(|other| other.quantity == wanted);
    let by_quote = || has(Quantity::PacketBytes) || has(Quantity::ApplicationBytes);
    is_clear(ratio)
        || SHOWN.contains(&quantity)
        || (BY_SECOND.contains(&quantity) && !by_quote())
        // Of those that deliver every quote the 99th percentile of lateness says the same.
        || (quantity == Quantity::StalenessP99 && arm.delivery == Delivery::Newest)
}

/// The rows: what is always shown, and what differs.
#[must_use]
pub fn rows(comparison: &RunComparison) -> DataTable {
    let several = comparison.cells.len() > 1;
    let mut columns: Vec<String> =
        ["arm", "quantity", "A", "B", "B/A", "95 % interval", "n", "what it says"].map(str::to_owned).to_vec();
    if several {
        columns.insert(0, "cell".to_owned());
    }
    let row = |(cell, arm, ratio): (&str, &str, &Ratio)| {
        let mut row = vec![
            arm.to_owned(),
            format!("{}, {}", ratio.quantity.title(), ratio.unit),
            reading(ratio.a),
            reading(ratio.b),
            ratio.ratio.map_or_else(|| NOTHING.to_owned(), |r| format!("× {}", number(r.get()))),
            ratio.interval.as_ref().map_or_else(|| NOTHING.to_owned(), |i| interval(i, number)),
            format!("{} and {}", ratio.n_a, ratio.n_b),
            ratio.outcome.words().to_owned(),
        ];
        if several {
            row.insert(0, cell.to_owned());
        }
        row
    };
    DataTable { columns, rows: shown(comparison).map(row).collect() }
}

/// What changed around the runs.
#[must_use]
pub fn changed(comparison: &RunComparison) -> DataTable {
    let columns = ["what changed", "A", "B"].map(str::to_owned).to_vec();
    let rows = comparison.changed.iter().map(|c| vec![c.what.clone(), c.a.clone(), c.b.clone()]);
    DataTable { columns, rows: rows.collect() }
}

/// What went wrong in either run: sums, not medians, each with the trials that it is the sum of.
#[must_use]
pub fn counts(comparison: &RunComparison) -> DataTable {
    let columns = ["cell", "arm", "over all trials used", "A", "B"].map(str::to_owned).to_vec();
    let rows = comparison.cells.iter().flat_map(|cell| {
        cell.arms.iter().flat_map(move |arm| {
            arm.counts.iter().map(move |c| {
                let (a, b) = (summed(c.a, c.n_a), summed(c.b, c.n_b));
                vec![cell.name.clone(), arm.arm.clone(), c.quantity.title().to_owned(), a, b]
            })
        })
    });
    DataTable { columns, rows: rows.collect() }
}

/// A sum beside the number of its trials, without which it cannot be held against that of a longer run.
fn summed(total: Option<f64>, trials: u32) -> String {
    let s = if trials == 1 { "" } else { "s" };
    total.map_or_else(|| NOTHING.to_owned(), |total| format!("{} in {trials} trial{s}", number(total)))
}

/// Heading and table of each part that has something to say.
fn parts(comparison: &RunComparison) -> Vec<(&'static str, DataTable)> {
    [
        ("What changed around the runs", changed(comparison)),
        ("What the arms cost", rows(comparison)),
        ("What went wrong", counts(comparison)),
    ]
    .into_iter()
    .filter(|(_, table)| !table.rows.is_empty())
    .collect()
}

/// What the headline must not be read without.
fn around(comparison: &RunComparison) -> impl Iterator<Item = String> {
    by_chance(comparison).into_iter().chain(undecided(comparison)).chain(not_shown(comparison))
}

/// For a terminal.
#[must_use]
pub fn text(comparison: &RunComparison) -> String {
    let mut text = String::new();
    for (letter, run) in [("A", &comparison.a), ("B", &comparison.b)] {
        let trials = run.trials.words();
        let _ = writeln!(text, "{letter}: {} ({}, {}; trials: {trials})", run.name, run.experiment, run.started_utc);
    }
    let _ = writeln!(text, "\n{}", verdict(comparison));
    for one in differing(comparison) {
        let _ = writeln!(text, "  {one}");
    }
    for sentence in around(comparison) {
        let _ = writeln!(text, "{sentence}");
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "note: {note}");
    }
    for (_, table) in parts(comparison) {
        let _ = write!(text, "\n{}", aligned(&table));
    }
    let _ = write!(text, "\n{HOW}");
    text
}

/// For an issue or an article.
#[must_use]
pub fn markdown(comparison: &RunComparison) -> String {
    let mut text = String::from("# Two runs\n\n");
    for (letter, run) in [("A", &comparison.a), ("B", &comparison.b)] {
        let told = format!("{}, {}, {}; trials: {}", run.name, run.experiment, run.started_utc, run.trials.words());
        let _ = writeln!(text, "- {letter}: {}", inline(&told));
    }
    let _ = writeln!(text, "\n**{}**", inline(&verdict(comparison)));
    for (number, one) in differing(comparison).iter().enumerate() {
        let _ = writeln!(text, "{}- {}", if number == 0 { "\n" } else { "" }, inline(one));
    }
    for sentence in around(comparison) {
        let _ = writeln!(text, "\n{}", inline(&sentence));
    }
    for note in &comparison.notes {
        let _ = writeln!(text, "\n> {}", inline(note));
    }
    for (heading, table) in parts(comparison) {
        let _ = write!(text, "\n## {heading}\n\n{}", markdown_table(&table));
    }
    let _ = write!(text, "\n{}", inline(HOW));
    text
}
