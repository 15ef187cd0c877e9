//! The same as a section of a report: one question at four numbers of clients, and the model's errors beside it.

use super::question::Question;
use super::{Advice, observations, words};
use crate::charts::DataTable;
use crate::summary::Summary;
use crate::summary::words::{count, duration, number};

/// Thousands to a million, as published comparisons count.
const CLIENTS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// What the section asks: five quotes of 200 bytes a second, 80 ms there and back, a second too old at most.
#[must_use]
pub fn question() -> Question {
    Question {
        rate_per_s: 5.0,
        clients: CLIENTS[0],
        staleness_s: 1.0,
        rtt_s: 0.08,
        payload_bytes: 200,
        orders_per_s: 0.0,
        latest_only: false,
    }
}

/// A section of a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What it says, in sentences; the first is the question, the last are the conditions.
    pub sentences: Vec<String>,
    /// One row an arm and number of clients.
    pub table: DataTable,
    /// The model against sizes that it was not fitted to; without rows where fewer than three sizes were measured.
    pub held_out: DataTable,
}

/// The section of one run; `None` where the run has fewer than two ways of delivery on loopback, or is a quick look.
#[must_use]
pub fn section(summary: &Summary) -> Option<Section> {
    let ways = observations::ways(&[(summary.experiment.clone(), summary)]);
    if summary.quick || ways.len() < 2 {
        return None;
    }
    let all: Vec<Advice> =
        CLIENTS.iter().map(|clients| super::advise_from(&question().with_clients(*clients), &ways)).collect();
    // Files of older versions do not say what their transports put around a quote: then nothing can be ranked.
    if all.iter().flat_map(|advice| &advice.candidates).all(|candidate| candidate.bytes_per_s.is_none()) {
        return None;
    }
    let held = all.first().map(|advice| advice.held_out.clone()).unwrap_or_default();
    let mut sentences = vec![asked()];
    for advice in &all {
        let first = advice.reasons.first().cloned().unwrap_or_default();
        sentences.push(format!("{} clients: {first}", count(advice.question.clients)));
    }
    sentences.push(words::held_out_verdict(&held));
    sentences.extend(all.first().into_iter().flat_map(|advice| advice.notes.clone()));
    Some(Section { title: "Which should I use?", sentences, table: table(&all), held_out: words::held_out(&held) })
}

fn asked() -> String {
    let question = question();
    format!(
        "Each client wants {} quotes a second of {} bytes, every one, {} away and back, at most {} too old 99 % of the time; the \
         interval of polls is the longest that keeps this. Other questions: `wirerace advise`.",
        number(question.rate_per_s),
        question.payload_bytes,
        duration(question.rtt_s * 1e3),
        duration(question.staleness_s * 1e3)
    )
}

/// One table for all numbers of clients.
fn table(all: &[Advice]) -> DataTable {
    let mut columns = vec!["clients".to_owned()];
    let mut rows = Vec::new();
    for advice in all {
        let one = words::table(advice);
        columns.truncate(1);
        columns.extend(one.columns);
        columns.push("load extrapolated".to_owned());
        // The table has a row a candidate, in the order of places.
        for (mut row, (_, candidate)) in one.rows.into_iter().zip(words::placed(advice)) {
            row.insert(0, count(advice.question.clients));
            row.push(format!("× {}", number(candidate.nearness.load_factor())));
            rows.push(row);
        }
    }
    DataTable { columns, rows }
}
