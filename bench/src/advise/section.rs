//! The same as a section of a report: two questions at four numbers of clients, and the model's errors beside them.

use super::question::Question;
use super::verdict::{self, Gist};
use super::{Advice, BUILT_IN, observations, words};
use crate::charts::DataTable;
use crate::summary::Summary;
use crate::summary::words::{count, duration, list, number};

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
    /// One row an arm, number of clients and delivery, with the nearest measured cell; without what was fitted where fewer
    /// than three sizes were measured.
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
    let all: Vec<Advice> = questions().iter().map(|question| super::advise_from(question, &ways)).collect();
    // Files of older versions do not say what their transports put around a quote: then nothing can be ranked.
    if all.iter().flat_map(|advice| &advice.candidates).all(|candidate| candidate.bytes_per_s.is_none()) {
        return None;
    }
    let held = all.first().map(|advice| advice.held_out.clone()).unwrap_or_default();
    let mut sentences = vec![asked()];
    let table = if held.is_empty() {
        sentences.push(untested(&all));
        sentences.extend(told(&all, verdict::gist_of_bytes, verdict::of_bytes));
        words::without(&table(&all), &words::FITTED)
    } else {
        sentences.extend(told(&all, verdict::gist, |advice| advice.reasons.join(" ")));
        table(&all)
    };
    sentences.extend(all.first().and_then(words::why_stale));
    sentences.extend(all.iter().find_map(words::why_nought));
    sentences.extend(notes(&all));
    Some(Section { title: "Which should I use?", sentences, table, held_out: words::held_out(&held) })
}

/// What a run cannot say by itself, and what can.
fn untested(all: &[Advice]) -> String {
    let measured = all.iter().find_map(|advice| verdict::measured(&advice.candidates));
    let measured = measured.map_or_else(String::new, |clients| format!(" ({clients} clients)"));
    format!(
        "How fresh prices stay, and how busy processors are, with thousands of clients, this run{measured} cannot tell: its \
         model could not be held against sizes left out, which takes three numbers of clients. `wirerace advise` tells it \
         from {BUILT_IN}, which is built in and has three, or from other runs (`--runs`). Bytes, which follow from texts and \
         plans, are compared all the same."
    )
}

/// The answers one after the other; what holds for several numbers of clients is said once, with the figures of the fewest.
pub(super) fn told(all: &[Advice], gist: fn(&Advice) -> Gist, say: impl Fn(&Advice) -> String) -> Vec<String> {
    let alike = |a: &Advice, b: &Advice| a.question.latest_only == b.question.latest_only && gist(a) == gist(b);
    let one = |same: &[Advice]| {
        let (first, more) = same.split_first()?;
        let mut text =
            format!("{} clients, {}: {}", count(first.question.clients), wanted(&first.question), say(first));
        if !more.is_empty() {
            let clients: Vec<String> = more.iter().map(|advice| count(advice.question.clients)).collect();
            text.push_str(&format!(" The same at {} clients; the table has the figures.", list(&clients)));
        }
        Some(text)
    };
    all.chunk_by(alike).filter_map(one).collect()
}

/// What the answers rest on, each sentence once.
fn notes(all: &[Advice]) -> Vec<String> {
    let Some(first) = all.first() else { return Vec::new() };
    if first.held_out.is_empty() {
        return vec![words::OF_BYTES.to_owned(), words::OF_DISTANCE.to_owned()];
    }
    let mut notes = vec![words::held_out_verdict(&first.held_out)];
    for note in all.iter().flat_map(|advice| &advice.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes
}

/// Every quote at all numbers of clients, then the newest only, where polls may be the better choice.
fn questions() -> Vec<Question> {
    let of = |latest_only| CLIENTS.map(|clients| Question { latest_only, ..question().with_clients(clients) });
    [of(false), of(true)].concat()
}

fn wanted(question: &Question) -> &'static str {
    if question.latest_only { "newest only" } else { "every quote" }
}

fn asked() -> String {
    let question = question();
    format!(
        "Each client wants {} quotes a second of {} bytes, {} away and back, at most {} too old 99 % of the time: every one \
         of them first, then the newest only, at most once an interval. Intervals are the longest that keep this. Other \
         questions: `wirerace advise`.",
        number(question.rate_per_s),
        question.payload_bytes,
        duration(question.rtt_s * 1e3),
        duration(question.staleness_s * 1e3)
    )
}

/// One table for all questions.
fn table(all: &[Advice]) -> DataTable {
    let mut columns = Vec::new();
    let mut rows = Vec::new();
    for advice in all {
        let (costs, sources) = (words::whole_table(advice), words::sources(advice));
        // Both have a row a candidate, in the order of places; that of the sources names its arm again.
        columns = ["clients".to_owned(), "wanted".to_owned()].into_iter().chain(costs.columns).collect();
        columns.extend(sources.columns.into_iter().skip(1));
        for (costs, source) in costs.rows.into_iter().zip(sources.rows) {
            let asked = [count(advice.question.clients), wanted(&advice.question).to_owned()];
            rows.push(asked.into_iter().chain(costs).chain(source.into_iter().skip(1)).collect());
        }
    }
    words::pruned(DataTable { columns, rows })
}
