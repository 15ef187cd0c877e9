//! Which trials are used, and for what.

use std::cmp::Reverse;

use wirerace_contract::results::{Standing, Trial};

use super::Quantity;
use crate::noise::{disturbed_share, with_link};

/// Of a trial that was disturbed by more than this share of one processor nothing is used. On a machine whose processors were
/// both taken (190 %) held requests came back so late that quotes shared answers: 56 requests for 100 quotes instead of 102.
pub(super) const DISTURBED_SHARE_MAX: f64 = 0.25;

/// Whether a trial may be used at all: measured, and valid. In an exact cell one that was tainted by a little will do: what
/// the machine's other work takes is time. Bytes and requests follow the plan, and the identities have held.
#[must_use]
pub fn usable(trial: &Trial, exact: bool) -> bool {
    let Some(measured) = &trial.measured else { return false };
    let a_little = || {
        let cpu = with_link(&measured.cpu, measured.link.as_ref());
        disturbed_share(&cpu).is_some_and(|share| share <= DISTURBED_SHARE_MAX)
    };
    match trial.standing {
        Standing::Valid => true,
        Standing::Tainted => exact && a_little(),
        Standing::Void => false,
    }
}

/// What is preferred of one block: what is valid, and of that the last attempt.
fn rank(trial: &Trial) -> (bool, u32) {
    (trial.standing == Standing::Valid, trial.attempt)
}

/// The trials used, one a block, in the order of blocks.
pub(super) fn used<'a>(trials: &[&'a Trial], exact: bool) -> Vec<&'a Trial> {
    let mut used: Vec<&Trial> = trials.iter().copied().filter(|trial| usable(trial, exact)).collect();
    used.sort_by_key(|trial| (trial.block, Reverse(rank(trial))));
    used.dedup_by_key(|trial| trial.block);
    used
}

/// Those whose times are used too.
pub(super) fn timed<'a>(used: &[&'a Trial]) -> Vec<&'a Trial> {
    used.iter().copied().filter(|trial| trial.standing == Standing::Valid).collect()
}

/// The value of `quantity` in a trial; of a tainted one only what is counted.
pub(super) fn told(quantity: Quantity, trial: &Trial) -> Option<f64> {
    let disturbed = trial.standing == Standing::Tainted && !quantity.is_counted();
    quantity.of(trial, trial.measured.as_ref()?).filter(|_| !disturbed)
}

/// Both arms' trials of one attempt of each block in which both may be used, the last such: a pair is never made of trials
/// that did not stand side by side.
pub(super) fn pairs<'a>(left: &[&'a Trial], right: &[&'a Trial], exact: bool) -> Vec<(&'a Trial, &'a Trial)> {
    let beside = |l: &Trial| {
        let found = right.iter().find(|r| usable(r, exact) && r.block == l.block && r.attempt == l.attempt);
        found.copied()
    };
    let all = left.iter().copied().filter(|trial| usable(trial, exact));
    let mut pairs: Vec<(&Trial, &Trial)> = all.filter_map(|l| Some((l, beside(l)?))).collect();
    pairs.sort_by_key(|(l, r)| (l.block, Reverse(rank(l).min(rank(r)))));
    pairs.dedup_by_key(|(l, _)| l.block);
    pairs
}
