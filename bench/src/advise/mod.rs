//! "Which should I use?": for a rate, a number of clients, a staleness budget and a distance, what each way of delivery would
//! cost, which one costs least, and how sure that is. Functions of summaries; no transport is named here.
//!
//! | what | from where |
//! | --- | --- |
//! | bytes, requests | theory: the contract's texts and the law of the arm ([`crate::theory`]); segments without data: the part of theory's range that was measured |
//! | excess staleness, 99th percentile | a closed form over the arm's lag ([`staleness`]) |
//! | CPU | so much a request, a quote and a connection, and a second where requests are planned ([`observations::work`]), fitted to measured cells ([`fit`]) |
//! | memory | so much a connection and a process, fitted likewise |
//!
//! What keeps the budget, or may, is a candidate; whatever has an interval (of polls, of a conflated stream) gets the longest
//! that keeps it. Staleness has an interval, too: where the budget lies within, the arm may be too stale, and the answer says
//! so before it names anybody. Candidates are ranked by bytes a second. Those whose intervals overlap are tied: bytes do not
//! rank them, and nothing else is made to; in which of requests, connections, memory and CPU they differ is told. More than 50
//! times the measured clients away, memory and CPU tell nobody apart. An interval holds the noise of the trials (bootstrap) and
//! the model's error at sizes held out from the fit ([`held_out`]), which is compounded for every step of extrapolation: of
//! CPU and memory, and the smaller one of bytes and held requests. What spans more than a factor of ten is not known, and
//! parts nobody.

pub mod candidate;
pub mod fit;
pub mod held_out;
mod naming;
pub mod nearest;
pub mod observations;
mod orders;
pub mod question;
pub mod ranking;
pub mod section;
pub mod staleness;
mod verdict;
pub mod words;

use serde::Serialize;

use crate::summary::Summary;
pub use candidate::{Candidate, Criterion, Figure};
pub use held_out::HeldOut;
pub use observations::{Observation, Way};
pub use question::Question;
pub use ranking::{Group, Parted};

/// Name of the reference results that the program learns from when no run is named: three numbers of clients, so that its
/// error at sizes held out is known.
pub const BUILT_IN: &str = "2026-11-30-advise";

/// The answer to one question.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Advice {
    /// What was asked.
    pub question: Question,
    /// Those that keep the budget, in groups from the cheapest; within a group they are tied.
    pub groups: Vec<Group>,
    /// What every way would cost, candidates or not, in the order of the runs.
    pub candidates: Vec<Candidate>,
    /// The model held against sizes that it was not fitted to.
    pub held_out: Vec<HeldOut>,
    /// The answer's reason, in sentences.
    pub reasons: Vec<String>,
    /// What it rests on and what it leaves out.
    pub notes: Vec<String>,
}

/// Answers `question` from what `runs` (name and summary) measured. Without any usable cell there are no candidates.
#[must_use]
pub fn advise(question: &Question, runs: &[(String, &Summary)]) -> Advice {
    let ways = observations::ways(runs);
    advise_from(question, &ways)
}

/// The same from what was observed of each way.
#[must_use]
pub fn advise_from(question: &Question, ways: &[Way]) -> Advice {
    let held_out = held_out::all(ways);
    let candidates: Vec<Candidate> = ways
        .iter()
        .map(|way| candidate::best(question, way, held_out::worst(&held_out, &way.entry.arm.name)))
        .collect();
    let groups = ranking::rank(&candidates, ranking::criteria(&candidates, question.clients));
    let reasons = verdict::reasons(question, &candidates, &groups);
    let notes = words::notes(question, ways, &candidates);
    Advice { question: question.clone(), groups, candidates, held_out, reasons, notes }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
