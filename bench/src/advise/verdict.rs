//! The answer's reason: who costs least, what parts it from the next, and what is in doubt, which comes first.

use std::fmt::Write;

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
    let members: Vec<&Candidate> = candidates.iter().filter(|c| first.arms.contains(&c.arm)).collect();
    let mut reasons = if members.iter().any(|c| c.may_be_too_stale) {
        vec![doubted(question, &members, far), sure(question, candidates, far)]
    } else {
        let lead = candidates.iter().find(|c| first.arms.first() == Some(&c.arm));
        let mut reasons = vec![opening(candidates, first, far)];
        reasons.extend(lead.map(|lead| price(lead, candidates, far)));
        reasons
    };
    if let Some(((least, most), opening)) = measured_clients(candidates).filter(|_| far).zip(reasons.first_mut()) {
        let clients = range_of_clients(least, most);
        let _ = write!(opening, " Too far from what was measured ({clients} clients) to rank CPU; bytes only.");
    }
    reasons
}

/// Who would be cheapest, if the model is not too far off.
fn doubted(question: &Question, members: &[&Candidate], far: bool) -> String {
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
        "{} would {least} and are tied, as far as they stay within {budget}: {} by the model{beyond}.",
        list(&all),
        list(&stale)
    )
}

/// Who is cheapest of those whose whole interval is within the budget.
fn sure(question: &Question, candidates: &[Candidate], far: bool) -> String {
    let budget = duration(question.staleness_s * 1e3);
    let sure = candidates.iter().filter(|c| !c.may_be_too_stale);
    let groups = rank(sure, criteria(candidates, question.clients));
    let Some(first) = groups.first() else {
        return format!("No way is sure to stay within {budget}.");
    };
    let best = names(candidates, &first.arms);
    let bytes = candidates.iter().find(|c| first.arms.first() == Some(&c.arm)).and_then(|c| c.bytes_per_s);
    let taken = bytes.map_or_else(String::new, |figure| format!(": {}", amount(Criterion::Bytes, figure.value)));
    match best.as_slice() {
        [only] if far => format!("Of those sure to stay within it, {only} takes the fewest bytes{taken}."),
        [only] => format!("Of those sure to stay within it, {only} costs least{taken}."),
        tied if far => format!("Of those sure to stay within it, {} take the fewest bytes and are tied.", list(tied)),
        tied => format!("Of those sure to stay within it, {} are cheapest and tied.", list(tied)),
    }
}

/// What the first group is and what parts it from the next.
fn opening(candidates: &[Candidate], first: &Group, far: bool) -> String {
    let best = names(candidates, &first.arms);
    match (best.as_slice(), &first.parted) {
        ([only], Some(parted)) if far => format!("{only} takes the fewest bytes: {}.", against(parted)),
        ([only], Some(parted)) => format!("{only} costs least: {}.", against(parted)),
        ([only], None) => format!("{only} is the only one that keeps the budget."),
        (tied, None) if far => format!("{} are tied: their intervals of bytes overlap.", list(tied)),
        (tied, Some(parted)) if far => {
            format!(
                "{} are tied, their intervals of bytes overlap; together they take fewer than the rest: {}.",
                list(tied),
                against(parted)
            )
        }
        (tied, Some(parted)) => {
            format!(
                "{} are tied, their intervals overlap in everything measured; together they cost less than the rest: {}.",
                list(tied),
                against(parted)
            )
        }
        (tied, None) => {
            format!(
                "{} are tied: their intervals overlap, and nothing here ranks them. Take the one that is simplest to run.",
                list(tied)
            )
        }
    }
}

fn against(parted: &Parted) -> String {
    format!("{} against {} of the next", amount(parted.by, parted.here), amount(parted.by, parted.next))
}

/// What the first costs more than another candidate, so that the price of the choice is told too.
fn price(lead: &Candidate, candidates: &[Candidate], far: bool) -> String {
    let fitted = |criterion: &Criterion| matches!(criterion, Criterion::Memory | Criterion::Cpu);
    let told: Vec<Criterion> = Criterion::ALL.into_iter().filter(|criterion| !(far && fitted(criterion))).collect();
    let dearer = told.iter().find_map(|criterion| {
        let own = lead.figure(*criterion)?;
        let cheapest = candidates
            .iter()
            .filter(|other| other.why_not.is_none() && other.arm != lead.arm)
            .filter_map(|other| Some((other, other.figure(*criterion)?)))
            .filter(|(_, figure)| figure.high < own.low)
            .min_by(|a, b| a.1.value.total_cmp(&b.1.value))?;
        let (theirs, ours) = (amount(*criterion, cheapest.1.value), amount(*criterion, own.value));
        Some(format!("What it costs more: {ours}, where {} needs {theirs}.", name(cheapest.0)))
    });
    dearer.unwrap_or_else(|| {
        let able = || candidates.iter().filter(|c| c.why_not.is_none());
        let known = |criterion: &&Criterion| able().all(|c| c.figure(**criterion).is_some());
        let known: Vec<String> = told.iter().filter(known).map(|criterion| word(*criterion).to_owned()).collect();
        format!("No other candidate is clearly cheaper in what is known of all: {}.", list(&known))
    })
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
