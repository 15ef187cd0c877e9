//! The self-test in the method section: what stands in the manifest, as a sentence and a small table.

use wirerace_contract::results::{SelfTestRow, SelfTestStanding, SelfTestSummary};

use super::table::percent;
use crate::charts::DataTable;
use crate::summary::Summary;
use crate::summary::words::{NOTHING, count, list, number};

/// What is said of it: when, by which build, and what came of it; or that there is none.
pub(super) fn sentence(summary: &Summary) -> String {
    let Some(test) = &summary.self_test else {
        return "Whether these rules can tell was not tested on this machine before the run: `wirerace run self-test` does it, with arms \
                against themselves and with effects put in on purpose."
            .to_owned();
    };
    let of = |standing| test.rows.iter().filter(move |row| row.standing == standing);
    let decided = test.rows.len() - of(SelfTestStanding::Told).count();
    let mut text = format!(
        "Whether these rules can tell was tested on this machine from {}, with arms against themselves and with effects put in on \
         purpose: {} of {decided} targets met",
        test.started_utc,
        of(SelfTestStanding::Met).count(),
    );
    // A share was found, but too few pairs to say that it is off: the table says the same of these.
    let by_chance = of(SelfTestStanding::TooFewBlocks).filter(|row| row.share.is_some()).count();
    let others = [
        (of(SelfTestStanding::Missed).count(), "missed"),
        (of(SelfTestStanding::TooFewBlocks).count() - by_chance, "undecided for too few blocks"),
        (by_chance, "undecided since chance explains it"),
    ];
    for (n, what) in others {
        if n > 0 {
            text.push_str(&format!(", {n} {what}"));
        }
    }
    format!("{text}. {}", build(summary, test))
}

/// Whether the build that was tested is the one that made the run.
fn build(summary: &Summary, test: &SelfTestSummary) -> String {
    let named =
        |commit: &Option<String>| commit.as_ref().map_or("an unknown commit".to_owned(), |c| format!("commit {c}"));
    let (theirs, ours) = (named(&test.commit), named(&summary.commit));
    let optimised = |yes: bool| if yes { "optimised" } else { "not optimised" };
    match &test.commit {
        _ if test.optimised != summary.environment.optimised => {
            let (theirs, ours) = (optimised(test.optimised), optimised(summary.environment.optimised));
            format!("It was made by another build: that one was {theirs}, this run's is {ours}.")
        }
        commit if *commit != summary.commit => format!("It was made by another build ({theirs}; this run: {ours})."),
        Some(commit) if !commit.ends_with('+') => format!("It was made by this run's build ({theirs})."),
        _ => format!(
            "It may have been made by another build: both are of {theirs}, which does not name the sources exactly."
        ),
    }
}

/// What has a target; rows that came out alike share a line. `None` where there is no self-test.
pub(super) fn table(summary: &Summary) -> Option<DataTable> {
    let rows: Vec<&SelfTestRow> =
        summary.self_test.as_ref()?.rows.iter().filter(|row| row.standing != SelfTestStanding::Told).collect();
    let mut groups: Vec<Vec<&SelfTestRow>> = Vec::new();
    for row in rows {
        let alike = |group: &&mut Vec<&SelfTestRow>| {
            // What was missed stands alone, so that nothing hides it.
            let met = row.standing == SelfTestStanding::Met;
            met && group.first().is_some_and(|first| key(first) == key(row))
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    let columns = ["arm", "compared", "in", "share found to differ", "target", "outcome"].map(str::to_owned).to_vec();
    Some(DataTable { columns, rows: groups.iter().filter_map(|group| line(group)).collect() })
}

type Key<'a> = (&'a str, &'a str, Option<(f64, f64)>, SelfTestStanding);

fn key(row: &SelfTestRow) -> Key<'_> {
    (&row.arm, &row.what, row.target, row.standing)
}

fn line(group: &[&SelfTestRow]) -> Option<Vec<String>> {
    let first = group.first()?;
    let quantities: Vec<String> = group.iter().map(|row| row.quantity.clone()).collect();
    let shares = || group.iter().filter_map(|row| row.share);
    let (low, high) = (shares().fold(f64::INFINITY, f64::min), shares().fold(f64::NEG_INFINITY, f64::max));
    let share = if low > high { NOTHING.to_owned() } else { range(low, high) };
    let share = match first.interval {
        Some((low, high)) => format!("{share} (interval {})", range(low, high)),
        None => share,
    };
    let target = target(first);
    let outcome = match first.standing {
        SelfTestStanding::Met => "met",
        SelfTestStanding::Missed => "missed",
        SelfTestStanding::Told => "told only",
        SelfTestStanding::TooFewBlocks if first.share.is_some() => "undecided: chance explains it",
        SelfTestStanding::TooFewBlocks => "too few blocks",
    };
    Some(vec![first.arm.clone(), first.what.clone(), list(&quantities), share, target, outcome.to_owned()])
}

fn target(row: &SelfTestRow) -> String {
    match row.target {
        None => NOTHING.to_owned(),
        Some((low, high)) if high >= 1.0 => format!("at least {}", percent(low)),
        Some((low, high)) if low <= 0.0 => format!("at most {}, since some values tie", percent(high)),
        Some((low, high)) => range(low, high),
    }
}

/// At most so many missed targets are named outside the table.
const MISSED_MAX: usize = 4;

/// Which targets were missed, for those who read no further than the answer: what it calls level may be no more than not
/// found. `None` where none was missed, and where there was no self-test.
pub(super) fn missed(summary: &Summary) -> Option<String> {
    let rows = summary.self_test.as_ref()?.rows.iter();
    let missed: Vec<&SelfTestRow> = rows.filter(|row| row.standing == SelfTestStanding::Missed).collect();
    let named = missed.iter().take(MISSED_MAX).map(|row| {
        let share = row.share.map_or_else(|| NOTHING.to_owned(), percent);
        let (arm, what, quantity) = (&row.arm, &row.what, &row.quantity);
        format!("{arm}, {what}, {quantity}: found to differ in {share} (target: {})", target(row))
    });
    let mut named: Vec<String> = named.collect();
    let more = missed.len() - named.len();
    if more > 0 {
        named.push(format!("{} more in the method section", count(more as u64)));
    }
    let hidden = if missed.iter().any(|row| row.target.is_some_and(|(_, high)| high >= 1.0)) {
        " So large a difference may hide where nothing is told apart."
    } else {
        ""
    };
    let (n, plural) = (missed.len(), if missed.len() == 1 { "" } else { "s" });
    (n > 0).then(|| format!("The self-test of these rules missed {n} target{plural}: {}.{hidden}", named.join("; ")))
}

fn range(low: f64, high: f64) -> String {
    if low < high { format!("{} to {}", number(100.0 * low), percent(high)) } else { percent(low) }
}

/// How to read the shares of arms against themselves.
pub(super) const READING: &str = "Against itself: labels are dealt at random in thousands of draws, so that each sign is a toss of a coin and 3.9 % are due whatever \
     the machine does; it checks the arithmetic and the handling of equal values. Labels as run: nothing is dealt, so this is the \
     machine's own share, of few pairs, with its binomial interval.";

/// What the table leaves out.
pub(super) fn left_out(summary: &Summary) -> Option<String> {
    let rows = &summary.self_test.as_ref()?.rows;
    let told = rows.iter().filter(|row| row.standing == SelfTestStanding::Told).count();
    match told {
        0 => None,
        1 => Some("1 more share is told without a target; it stands in the self-test's own folder.".to_owned()),
        n => Some(format!(
            "{} more shares are told without a target; they stand in the self-test's own folder.",
            count(n as u64)
        )),
    }
}
