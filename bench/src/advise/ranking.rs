//! From candidates to groups: what intervals of bytes part is ranked, what they do not part is tied, and in what else the
//! tied differ is told.

use serde::Serialize;

use super::candidate::{Candidate, Criterion, Figure};

/// Arms that bytes do not part.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Group {
    /// Their names.
    pub arms: Vec<String>,
    /// In what else intervals of two of them do not overlap; ranks nobody, since it is another question which cost matters.
    pub differ: Vec<Criterion>,
    /// What parts them from the next group; `null` for the last.
    pub parted: Option<Parted>,
}

/// What parts a group from the next: no interval of bytes of the one reaches any of the other.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Parted {
    /// The most of this group, bytes a second.
    pub here: f64,
    /// The least of the next, bytes a second.
    pub next: f64,
}

/// The candidates that keep the budget, or may, from the fewest bytes; `told` is in what else they may differ.
#[must_use]
pub fn rank<'a>(candidates: impl IntoIterator<Item = &'a Candidate>, told: &[Criterion]) -> Vec<Group> {
    let able: Vec<&Candidate> = candidates.into_iter().filter(|candidate| candidate.why_not.is_none()).collect();
    if able.is_empty() {
        return Vec::new();
    }
    let parts = chains(able);
    let ends = parts.windows(2).map(|pair| Some(parted(&pair[0], &pair[1]))).chain([None]);
    let group = |(part, parted): (&Vec<&Candidate>, Option<Parted>)| {
        let arms = part.iter().map(|candidate| candidate.arm.clone()).collect();
        Group { arms, differ: differ(part, told), parted }
    };
    parts.iter().zip(ends).map(group).collect()
}

/// What may be told of `clients`: too far from what was measured only what follows from texts and plans.
#[must_use]
pub fn criteria(candidates: &[Candidate], clients: u64) -> &'static [Criterion] {
    let far = candidates.iter().any(|candidate| candidate.nearness.is_far(clients));
    if far { &Criterion::PLANNED } else { &Criterion::ALL }
}

fn parted(here: &[&Candidate], next: &[&Candidate]) -> Parted {
    let bytes = |part: &[&Candidate]| -> Vec<f64> {
        part.iter().filter_map(|candidate| candidate.figure(Criterion::Bytes)).map(|figure| figure.value).collect()
    };
    Parted {
        here: bytes(here).into_iter().fold(0.0, f64::max),
        next: bytes(next).into_iter().fold(f64::INFINITY, f64::min),
    }
}

/// In which of `told`, bytes left out, two of `tied` are certainly not the same.
fn differ(tied: &[&Candidate], told: &[Criterion]) -> Vec<Criterion> {
    let apart = |criterion: &Criterion| {
        let figures: Vec<Figure> = tied.iter().filter_map(|candidate| candidate.figure(*criterion)).collect();
        figures.iter().any(|one| figures.iter().any(|other| !one.overlaps(other)))
    };
    told.iter().copied().filter(|criterion| *criterion != Criterion::Bytes && apart(criterion)).collect()
}

/// In the order of bytes, cut where an interval lies wholly beyond all before it. Overlap is handed on: of three of which the
/// second overlaps both others, none is parted. Where one has no figure, nothing is.
fn chains(mut able: Vec<&Candidate>) -> Vec<Vec<&Candidate>> {
    let bytes = |candidate: &Candidate| candidate.figure(Criterion::Bytes);
    if able.iter().any(|candidate| bytes(candidate).is_none()) {
        return vec![able];
    }
    let low = |candidate: &Candidate| bytes(candidate).map_or(0.0, |figure| figure.low);
    able.sort_by(|a, b| low(a).total_cmp(&low(b)));
    let mut parts: Vec<Vec<&Candidate>> = Vec::new();
    let mut reach = f64::NEG_INFINITY;
    for candidate in able {
        let Some(figure) = bytes(candidate) else { continue };
        match parts.last_mut() {
            Some(part) if figure.low <= reach => part.push(candidate),
            _ => parts.push(vec![candidate]),
        }
        reach = reach.max(figure.high);
    }
    parts
}
