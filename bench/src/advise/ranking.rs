//! From candidates to groups: what intervals part is ranked, what they do not part is tied.

use serde::Serialize;

use super::candidate::{Candidate, Criterion, Figure};

/// Arms that nothing parts.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Group {
    /// Their names.
    pub arms: Vec<String>,
    /// What parts them from the next group; `null` for the last.
    pub parted: Option<Parted>,
}

/// What parts a group from the next.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Parted {
    /// The first criterion in which no interval of one reaches any of the other.
    pub by: Criterion,
    /// The most of this group.
    pub here: f64,
    /// The least of the next.
    pub next: f64,
}

/// The candidates that keep the budget, or may, from the cheapest; by `criteria`, the first one first.
#[must_use]
pub fn rank<'a>(candidates: impl IntoIterator<Item = &'a Candidate>, criteria: &[Criterion]) -> Vec<Group> {
    let able: Vec<&Candidate> = candidates.into_iter().filter(|candidate| candidate.why_not.is_none()).collect();
    if able.is_empty() {
        return Vec::new();
    }
    let mut groups = Vec::new();
    split(able, criteria, None, &mut groups);
    groups
}

/// What `clients` may be ranked by: too far from what was measured nothing but bytes, which follow from texts.
#[must_use]
pub fn criteria(candidates: &[Candidate], clients: u64) -> &'static [Criterion] {
    let far = candidates.iter().any(|candidate| candidate.nearness.is_far(clients));
    if far { &[Criterion::Bytes] } else { &Criterion::ALL }
}

/// Splits `tied` by the first of `criteria` that parts it, and each part by those that follow. `after` is what parts all of
/// them from what comes next.
fn split(tied: Vec<&Candidate>, criteria: &[Criterion], after: Option<Parted>, groups: &mut Vec<Group>) {
    let Some((criterion, rest)) = criteria.split_first().filter(|_| tied.len() > 1) else {
        groups.push(Group { arms: tied.iter().map(|c| c.arm.clone()).collect(), parted: after });
        return;
    };
    let mut parts = chains(tied, *criterion);
    let ends: Vec<Option<Parted>> = parts
        .windows(2)
        .map(|pair| {
            let figures =
                |part: &[&Candidate]| part.iter().filter_map(|c| c.figure(*criterion)).collect::<Vec<Figure>>();
            let here = figures(&pair[0]).iter().map(|f| f.value).fold(0.0, f64::max);
            let next = figures(&pair[1]).iter().map(|f| f.value).fold(f64::INFINITY, f64::min);
            Some(Parted { by: *criterion, here, next })
        })
        .chain([after])
        .collect();
    for (part, end) in parts.drain(..).zip(ends) {
        split(part, rest, end, groups);
    }
}

/// In the order of the criterion, cut where an interval lies wholly beyond all before it. Overlap is handed on: of three of
/// which the second overlaps both others, none is parted. Where one has no figure, nothing is.
fn chains(mut tied: Vec<&Candidate>, criterion: Criterion) -> Vec<Vec<&Candidate>> {
    if tied.iter().any(|candidate| candidate.figure(criterion).is_none()) {
        return vec![tied];
    }
    let low = |candidate: &Candidate| candidate.figure(criterion).map_or(0.0, |figure| figure.low);
    tied.sort_by(|a, b| low(a).total_cmp(&low(b)));
    let mut parts: Vec<Vec<&Candidate>> = Vec::new();
    let mut reach = f64::NEG_INFINITY;
    for candidate in tied {
        let Some(figure) = candidate.figure(criterion) else { continue };
        match parts.last_mut() {
            Some(part) if figure.low <= reach => part.push(candidate),
            _ => parts.push(vec![candidate]),
        }
        reach = reach.max(figure.high);
    }
    parts
}
