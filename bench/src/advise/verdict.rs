//! The answer's reason: who costs least, what parts it from the next, and what is in doubt, which comes first.

use std::fmt::Write;

use super::Advice;
use super::candidate::{Candidate, Criterion, Figure};
use super::question::Question;
use super::ranking::{Group, Parted, criteria, rank};
use super::words::{amount, measured_clients, name, names, range_of_clients};
use crate::summary::words::{duration, list, number};

/// `400–700 ms`, `58 ms–4.9 s`.
fn span(figure: &Figure) -> String {
    let [low, high] = [figure.low, figure.high].map(|seconds| duration(seconds * 1e3));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((value, unit)), Some((_, other))) if unit == other && value != "0" => format!("{value}–{high}"),
        _ => format!("{low}–{high}"),
    }
}

/// Too far from what was measured for anything but bytes: then nobody “costs least”.
fn is_far(question: &Question, candidates: &[Candidate]) -> bool {
    candidates.iter().any(|candidate| candidate.nearness.is_far(question.clients))
}

/// The reason: what the first group is and what parts it; what the others cost or why they are out. Where the first group may
/// be too stale, that comes first, then who is sure not to be.
#[must_use]
pub(super) fn reasons(question: &Question, candidates: &[Candidate], groups: &[Group]) -> Vec<String> {
    let Some(first) = groups.first() else { return vec![nobody(question, candidates)] };
    let far = is_far(question, candidates);
    let members = members(candidates, first);
    let mut reasons = if members.iter().any(|c| c.may_be_too_stale) {
        vec![doubted(question, &members, first, far), sure(question, candidates, far)]
    } else {
        let told = criteria(candidates, question.clients);
        let mut reasons = vec![opening(&members, first, far)];
        reasons.extend(lead(candidates, first).and_then(|lead| price(lead, first, candidates, told)));
        reasons
    };
    if let Some(((least, most), opening)) = measured_clients(candidates).filter(|_| far).zip(reasons.first_mut()) {
        let clients = range_of_clients(least, most);
        let _ = write!(opening, " Too far from what was measured ({clients} clients) to rank CPU; bytes only.");
    }
    reasons
}

/// The answer as far as texts and plans give it, for a run that cannot say how far its model is off.
#[must_use]
pub(super) fn of_bytes(advice: &Advice) -> String {
    match rank(&advice.candidates, &Criterion::PLANNED).first() {
        Some(first) => opening(&members(&advice.candidates, first), first, true),
        None => nobody(&advice.question, &advice.candidates),
    }
}

/// With how many clients something was measured, in words.
#[must_use]
pub(super) fn measured(candidates: &[Candidate]) -> Option<String> {
    measured_clients(candidates).map(|(least, most)| range_of_clients(least, most))
}

fn members<'a>(candidates: &'a [Candidate], group: &Group) -> Vec<&'a Candidate> {
    candidates.iter().filter(|candidate| group.arms.contains(&candidate.arm)).collect()
}

/// The one of a group that is taken as its example.
fn lead<'a>(candidates: &'a [Candidate], group: &Group) -> Option<&'a Candidate> {
    candidates.iter().find(|candidate| group.arms.first() == Some(&candidate.arm))
}

/// What an answer says but for its figures: where two say the same, it need not be said twice.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Gist {
    far: bool,
    /// The first group, and who of it may be too stale.
    first: Vec<(String, bool)>,
    differ: Vec<Criterion>,
    alone: bool,
    /// The cheapest of those that are sure to keep the budget.
    sure: Vec<String>,
    dearer: Option<(Criterion, String)>,
}

/// The gist of [`Advice::reasons`].
#[must_use]
pub(super) fn gist(advice: &Advice) -> Gist {
    let Some(first) = advice.groups.first() else { return Gist::default() };
    let candidates = &advice.candidates;
    let told = criteria(candidates, advice.question.clients);
    let costs_more = lead(candidates, first).and_then(|lead| dearer(lead, first, candidates, told));
    Gist {
        far: is_far(&advice.question, candidates),
        first: members(candidates, first).iter().map(|c| (c.arm.clone(), c.may_be_too_stale)).collect(),
        differ: first.differ.clone(),
        sure: first_sure(candidates, told).map(|group| group.arms).unwrap_or_default(),
        dearer: costs_more.map(|(criterion, other)| (criterion, other.arm.clone())),
        ..gist_of_bytes(advice)
    }
}

/// The gist of [`of_bytes`].
#[must_use]
pub(super) fn gist_of_bytes(advice: &Advice) -> Gist {
    let Some(first) = advice.groups.first() else { return Gist::default() };
    let first_arms = members(&advice.candidates, first).iter().map(|c| (c.arm.clone(), false)).collect();
    Gist { first: first_arms, alone: first.parted.is_none(), ..Gist::default() }
}

/// Who would be cheapest, if the model is not too far off.
fn doubted(question: &Question, members: &[&Candidate], first: &Group, far: bool) -> String {
    let doubtful: Vec<&Candidate> = members.iter().copied().filter(|c| c.may_be_too_stale).collect();
    let budget = duration(question.staleness_s * 1e3);
    let factor = doubtful.iter().map(|c| c.nearness.load_factor()).fold(1.0, f64::max);
    let beyond =
        if factor > 1.01 { format!(", {} times beyond what was measured", number(factor)) } else { String::new() };
    let least = if far { "take the fewest bytes" } else { "cost least" };
    if let [only] = members {
        let stale = span(&only.staleness_p99_s);
        return format!("{} would {least}, if it stays within {budget}: {stale} by the model{beyond}.", name(only));
    }
    let all: Vec<String> = members.iter().map(|c| name(c)).collect();
    let stale: Vec<String> = doubtful.iter().map(|c| format!("{} {}", name(c), span(&c.staleness_p99_s))).collect();
    format!(
        "{} would {least} and are tied, as far as they stay within {budget}: {} by the model{beyond}.{}",
        list(&all),
        list(&stale),
        differences(members, first)
    )
}

fn first_sure(candidates: &[Candidate], told: &[Criterion]) -> Option<Group> {
    rank(candidates.iter().filter(|candidate| !candidate.may_be_too_stale), told).into_iter().next()
}

/// Who is cheapest of those whose whole interval is within the budget.
fn sure(question: &Question, candidates: &[Candidate], far: bool) -> String {
    let budget = duration(question.staleness_s * 1e3);
    let Some(first) = first_sure(candidates, criteria(candidates, question.clients)) else {
        return format!("No way is sure to stay within {budget}.");
    };
    let best = names(candidates, &first.arms);
    let bytes = lead(candidates, &first).and_then(|lead| lead.bytes_per_s);
    let taken = bytes.map_or_else(String::new, |figure| format!(": {}", amount(Criterion::Bytes, figure.value)));
    match best.as_slice() {
        [only] if far => format!("Of those sure to stay within it, {only} takes the fewest bytes{taken}."),
        [only] => format!("Of those sure to stay within it, {only} costs least{taken}."),
        tied if far => format!("Of those sure to stay within it, {} take the fewest bytes and are tied.", list(tied)),
        tied => format!("Of those sure to stay within it, {} are cheapest and tied.", list(tied)),
    }
}

/// What the first group is, what parts it from the next, and in what its members differ.
fn opening(members: &[&Candidate], first: &Group, far: bool) -> String {
    let names: Vec<String> = members.iter().map(|member| name(member)).collect();
    match (names.as_slice(), &first.parted) {
        ([only], Some(parted)) if far => format!("{only} takes the fewest bytes: {}.", against(parted)),
        ([only], Some(parted)) => format!("{only} costs least: {}.", against(parted)),
        ([only], None) => format!("{only} is the only one that keeps the budget."),
        (tied, parted) => {
            let rest = parted.map_or_else(String::new, |parted| {
                format!("; together they take fewer than the rest: {}", against(&parted))
            });
            let apart = differences(members, first);
            let simplest = if apart.is_empty() && !far {
                " Nothing known here parts them: take the one that is simplest to run."
            } else {
                ""
            };
            format!("{} are tied, their intervals of bytes overlap{rest}.{apart}{simplest}", list(tied))
        }
    }
}

/// In which criteria the members of a group differ, with the two that do so most; empty where nothing is known to differ.
fn differences(members: &[&Candidate], group: &Group) -> String {
    let told: Vec<String> = group.differ.iter().filter_map(|criterion| ends(members, *criterion)).collect();
    if told.is_empty() { String::new() } else { format!(" They differ in {}.", list(&told)) }
}

/// `requests (a: 5 requests/s, b: 9 requests/s)`: the lowest interval's and the highest's, which share no value.
fn ends(members: &[&Candidate], criterion: Criterion) -> Option<String> {
    let known = || members.iter().filter_map(|member| Some((*member, member.figure(criterion)?)));
    let least = known().min_by(|a, b| a.1.high.total_cmp(&b.1.high))?;
    let most = known().max_by(|a, b| a.1.low.total_cmp(&b.1.low))?;
    let of = |(member, figure): (&Candidate, Figure)| format!("{}: {}", name(member), amount(criterion, figure.value));
    Some(format!("{} ({}, {})", word(criterion), of(least), of(most)))
}

fn against(parted: &Parted) -> String {
    let [here, next] = [parted.here, parted.next].map(|bytes| amount(Criterion::Bytes, bytes));
    format!("{here} against {next} of the next")
}

/// The first of `told` in which a candidate outside of the first group is clearly cheaper than its `lead`, and that candidate.
fn dearer<'a>(
    lead: &Candidate,
    first: &Group,
    candidates: &'a [Candidate],
    told: &[Criterion],
) -> Option<(Criterion, &'a Candidate)> {
    told.iter().find_map(|criterion| {
        let own = lead.figure(*criterion)?;
        let (cheapest, _) = others(first, candidates)
            .filter_map(|other| Some((other, other.figure(*criterion)?)))
            .filter(|(_, figure)| figure.high < own.low)
            .min_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
        Some((*criterion, cheapest))
    })
}

/// Candidates outside of a group.
fn others<'a>(group: &Group, candidates: &'a [Candidate]) -> impl Iterator<Item = &'a Candidate> {
    candidates.iter().filter(|other| other.why_not.is_none() && !group.arms.contains(&other.arm))
}

/// What the first costs more than another candidate, so that the price of the choice is told too. `None` where all are tied:
/// then their differences are told already.
fn price(lead: &Candidate, first: &Group, candidates: &[Candidate], told: &[Criterion]) -> Option<String> {
    let tied = first.arms.len() > 1;
    if tied && others(first, candidates).next().is_none() {
        return None;
    }
    if let Some((criterion, other)) = dearer(lead, first, candidates, told) {
        let said = |candidate: &Candidate| Some(amount(criterion, candidate.figure(criterion)?.value));
        let (ours, theirs) = (said(lead)?, said(other)?);
        let who = if tied { name(lead) } else { "it".to_owned() };
        return Some(format!("What {who} costs more: {ours}, where {} needs {theirs}.", name(other)));
    }
    let able = || candidates.iter().filter(|c| c.why_not.is_none());
    let known = |criterion: &&Criterion| able().all(|c| c.figure(**criterion).is_some());
    let known: Vec<String> = told.iter().filter(known).map(|criterion| word(*criterion).to_owned()).collect();
    let who = if tied { "No candidate beside them" } else { "No other candidate" };
    Some(format!("{who} is clearly cheaper in what is known of all: {}.", list(&known)))
}

pub(super) fn word(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::Bytes => "bytes",
        Criterion::Requests => "requests",
        Criterion::Connections => "connections",
        Criterion::Memory => "memory",
        Criterion::Cpu => "CPU",
    }
}

/// Nobody is a candidate: the least budget that could be asked for, or what is missing.
fn nobody(question: &Question, candidates: &[Candidate]) -> String {
    let Some(least) = freshest(candidates.iter()) else {
        return "No usable cell in these runs: name runs on loopback with `--runs`, for example of `wirerace run advise`."
            .to_owned();
    };
    if least.staleness_p99_s.low <= question.staleness_s {
        return "The budget could be kept, but theory does not know the bytes of these runs' transports.".to_owned();
    }
    format!(
        "No way keeps {}: {}, and the best ({}) does so for over 1 % of the time. Ask for {} or more ({} to be \
         sure), or for less distance.",
        duration(question.staleness_s * 1e3),
        missed(question),
        least.arm,
        duration(least.staleness_p99_s.value * 1.01 * 1e3),
        duration(least.staleness_p99_s.high * 1.01 * 1e3)
    )
}

pub(super) fn freshest<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Option<&'a Candidate> {
    candidates.min_by(|a, b| a.staleness_p99_s.value.total_cmp(&b.staleness_p99_s.value))
}

pub(super) fn missed(question: &Question) -> String {
    format!(
        "who misses the newest quote shows one that is a whole distance of quotes older ({} on the average)",
        duration(1e3 / question.rate_per_s)
    )
}
