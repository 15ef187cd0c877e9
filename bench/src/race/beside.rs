//! What a race says of servers that are not ours: a table of its own, in which nothing is guessed.

use wirerace_contract::feed::FeedSpec;
use wirerace_contract::results::ClientReport;

use super::foreign::{Foreign, Lane};
use crate::charts::DataTable;
use crate::summary::words::{NOTHING, number};
use crate::summary::{Quantity, Summary};

/// What needs our meter, or our log of published quotes, at the server's end.
const NOT_OURS: &str = "n/a: not our server";
const METERED: [&str; 4] = ["B/quote", "CPU of server µs/quote", "publisher p99 ms", "transit ms"];

/// A lane with what came of it.
pub(super) type Outcome<'a> = (Lane<'a>, Result<ClientReport, String>);

/// The table: a line per quantity, a column per lane.
pub(super) fn table(outcomes: &[Outcome<'_>]) -> DataTable {
    let raced: Vec<(&Lane<'_>, &ClientReport)> =
        outcomes.iter().filter_map(|(lane, outcome)| Some((lane, outcome.as_ref().ok()?))).collect();
    let line = |head: &str, cell: &dyn Fn(&Lane<'_>, &ClientReport) -> String| {
        let cells = raced.iter().map(|(lane, report)| cell(lane, report));
        std::iter::once(head.to_owned()).chain(cells).collect::<Vec<String>>()
    };
    let timed = |lane: &Lane<'_>, text: String| if lane.server.untimed.is_some() { "n/a".to_owned() } else { text };
    let ms = |ns: Option<u64>| ns.map_or_else(|| "infinite".to_owned(), |ns| number(ns as f64 / 1e6));
    let mut rows = vec![
        line("late p50 ms", &|lane, report| timed(lane, ms(report.lateness.p50_ns))),
        line("late p99 ms", &|lane, report| timed(lane, ms(report.lateness.p99_ns))),
        line("stale ms", &|lane, report| timed(lane, number(report.staleness.mean_ns / 1e6))),
        line("wrong price %", &|lane, report| timed(lane, number(report.staleness.wrong_price_share * 100.0))),
        line("lost", &|lane, report| timed(lane, report.window_quotes.lost.to_string())),
        line("quotes received in all", &|_, report| report.quotes.received.to_string()),
        line("connections in all", &|_, report| report.traffic.connections_dialled.to_string()),
        line("requests in all", &|_, report| report.traffic.requests.to_string()),
        line("empty polls in all", &|_, report| match report.traffic.polls_planned {
            0 => NOTHING.to_owned(),
            _ => report.traffic.polls_empty.to_string(),
        }),
    ];
    rows.extend(METERED.iter().map(|head| line(head, &|_, _| NOT_OURS.to_owned())));
    let names = raced.iter().map(|(lane, _)| lane.name());
    DataTable { columns: std::iter::once("not ours".to_owned()).chain(names).collect(), rows }
}

/// What must be known to read the table, and how each lane stands to ours of the same arm.
pub(super) fn sentences(
    outcomes: &[Outcome<'_>],
    servers: &[Foreign],
    summary: &Summary,
    ours: &FeedSpec,
) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for server in servers {
        let Foreign { name, health, untimed, .. } = server;
        if let Some(why) = untimed {
            sentences.push(format!(
                "{name}: lateness and staleness are n/a, for it is not known when its quotes are due ({why})."
            ));
        }
        sentences.extend(other_feed(&health.feed, ours).map(|other| {
            format!("{name} has another feed ({other}): what is counted is not to be compared with ours.")
        }));
    }
    for (lane, outcome) in outcomes {
        match outcome {
            Ok(report) => sentences.extend(beside_ours(lane, report, summary)),
            Err(why) => sentences.push(format!("{} was not raced: {why}.", lane.name())),
        }
    }
    sentences
}

/// In what a feed differs from ours that touches what is counted.
fn other_feed(theirs: &FeedSpec, ours: &FeedSpec) -> Option<String> {
    let differs =
        |what: &str, theirs: f64, ours: f64| (theirs != ours).then(|| format!("{theirs} {what}, ours {ours}"));
    let all = [
        differs("quotes/s", theirs.rate_per_s, ours.rate_per_s),
        differs("bytes of payload", theirs.payload_bytes.into(), ours.payload_bytes.into()),
    ];
    let told: Vec<String> = all.into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The lateness of a lane beside that of ours of the same arm.
fn beside_ours(lane: &Lane<'_>, report: &ClientReport, summary: &Summary) -> Option<String> {
    if lane.server.untimed.is_some() {
        return None;
    }
    let arm = &lane.entry.arm.name;
    let cell = summary.cells.first()?;
    let ours = cell.arms.iter().find(|ours| ours.arm == *arm)?.median(Quantity::LatenessP50)?;
    let theirs = report.lateness.p50_ns? as f64 / 1e6;
    Some(format!(
        "{arm}: half of the quotes came within {} ms from {}, within {} ms from ours. One look, without a spread.",
        number(theirs),
        lane.server.name,
        number(ours)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_feed_is_told_by_what_differs() {
        let ours = FeedSpec::default();
        assert_eq!(other_feed(&FeedSpec { seed: 9, ..ours.clone() }, &ours), None, "other prices cost the same");
        let faster = FeedSpec { rate_per_s: 40.0, ..ours.clone() };
        assert_eq!(other_feed(&faster, &ours).as_deref(), Some("40 quotes/s, ours 10"));
    }
}
