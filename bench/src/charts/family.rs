//! Arms that differ in nothing but their interval: what a curve over intervals is drawn through.

use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Delivery};

use super::style::{ArmStyle, styles};
use crate::summary::Summary;

/// Arms that differ in nothing but their interval.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Family {
    /// What their names have in common.
    pub(super) name: String,
    /// How they are drawn.
    pub(super) style: ArmStyle,
    /// Which quotes they want.
    pub(super) delivery: Delivery,
    /// Their places in [`Summary::arms`], from the shortest interval to the longest.
    pub(super) members: Vec<usize>,
}

impl Family {
    /// Whether there is more than one interval.
    pub(super) fn varies(&self) -> bool {
        self.members.len() > 1
    }
}

/// The arms of a run as families, in the order of their first arms.
pub(super) fn families(summary: &Summary) -> Vec<Family> {
    let alike = |arm: &Arm| Arm { name: String::new(), interval_ms: 0, ..arm.clone() };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, entry) in summary.arms.iter().enumerate() {
        // Without an interval nothing can be varied: such an arm stands alone.
        let same = |group: &&mut Vec<usize>| {
            let first = &summary.arms[group[0]].arm;
            first.interval_ms > 0 && entry.arm.interval_ms > 0 && alike(first) == alike(&entry.arm)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    let firsts: Vec<ArmEntry> = groups.iter().map(|group| summary.arms[group[0]].clone()).collect();
    let family = |(mut members, style): (Vec<usize>, ArmStyle)| {
        members.sort_by_key(|i| summary.arms[*i].arm.interval_ms);
        let names: Vec<&str> = members.iter().map(|i| summary.arms[*i].arm.name.as_str()).collect();
        let delivery = summary.arms[members[0]].arm.delivery;
        Family { name: common(&names), style, delivery, members }
    };
    groups.into_iter().zip(styles(&firsts)).map(family).collect()
}

/// The words that all names begin with; the first name where they begin with none.
fn common(names: &[&str]) -> String {
    let words = |name: &str| name.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let first = names.first().map(|name| words(name)).unwrap_or_default();
    let shared = |n: usize| names.iter().all(|name| words(name).get(..n) == first.get(..n));
    let n = (1..=first.len()).take_while(|n| shared(*n)).last().unwrap_or(first.len());
    let mut kept = &first[..n];
    // `poll each` of `poll each 50 ms` and `poll each 1 s`.
    while let [shorter @ .., last] = kept
        && last == "each"
    {
        kept = shorter;
    }
    kept.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_the_arms_have_in_common() {
        assert_eq!(common(&["poll 100 ms", "poll 1 s", "poll 10 s"]), "poll");
        assert_eq!(common(&["poll", "poll each 50 ms"]), "poll");
        assert_eq!(common(&["poll each 1 s", "poll each 50 ms"]), "poll");
        assert_eq!(common(&["long-poll newest 1 s"]), "long-poll newest 1 s");
        assert_eq!(common(&["a", "b"]), "a");
        assert_eq!(common(&[]), "");
    }
}
