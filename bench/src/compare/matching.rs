//! Which cell and which arm of one run is which of the other: by name, and where names differ by what they are made of.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Delivery, LoadSpec};

use crate::summary::Summary;

/// Places of a cell in the two runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellMatch {
    /// In the first.
    pub a: usize,
    /// In the second.
    pub b: usize,
}

/// Places of an arm in the two runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArmMatch {
    /// In the first.
    pub a: usize,
    /// In the second.
    pub b: usize,
}

/// What is carried, without how long and in which order it was measured.
fn carried(load: &LoadSpec) -> LoadSpec {
    let mut load = load.clone();
    let usual = LoadSpec::default();
    load.feed.seed = usual.feed.seed;
    (load.window_ms, load.grid_ms) = (usual.window_ms, usual.grid_ms);
    (load.warm_up_max_ms, load.connects_per_s) = (usual.warm_up_max_ms, usual.connects_per_s);
    load
}

/// What an arm does, without its name. An interval that nothing uses is none.
fn does(entry: &ArmEntry) -> Arm {
    let unused = entry.descriptor.delivers != Delivers::Planned && entry.arm.delivery == Delivery::Every;
    let interval_ms = if unused { 0 } else { entry.arm.interval_ms };
    Arm { name: String::new(), interval_ms, ..entry.arm.clone() }
}

/// Pairs of `a` and `b` that are alike; of several the one of equal name, else the first that is free.
fn pairs<T>(a: &[T], b: &[T], alike: impl Fn(&T, &T) -> bool, named: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let mut taken = vec![false; b.len()];
    let mut found = Vec::new();
    for by_name in [true, false] {
        for (i, left) in a.iter().enumerate() {
            if found.iter().any(|(done, _)| *done == i) {
                continue;
            }
            let fits = |j: &usize| !taken[*j] && alike(left, &b[*j]) && (!by_name || named(left, &b[*j]));
            if let Some(j) = (0..b.len()).find(fits) {
                taken[j] = true;
                found.push((i, j));
            }
        }
    }
    found.sort_unstable();
    found
}

/// The cells that both runs have; what is left over, or measured otherwise, is noted.
#[must_use]
pub fn cells(a: &Summary, b: &Summary, notes: &mut Vec<String>) -> Vec<CellMatch> {
    let found = pairs(&a.cells, &b.cells, |l, r| carried(&l.load) == carried(&r.load), |l, r| l.name == r.name);
    for &(i, j) in &found {
        let (left, right) = (&a.cells[i], &b.cells[j]);
        if left.name != right.name {
            notes.push(format!("`{}` of A is `{}` of B: the same load under another name.", left.name, right.name));
        }
        let differs = measured_otherwise(&left.load, &right.load);
        if !differs.is_empty() {
            notes.push(format!(
                "`{}` was measured otherwise in B ({}): bytes with set-up and sparse quotes may differ by that alone.",
                left.name,
                differs.join(", ")
            ));
        }
    }
    let others = |names: Vec<&str>, which: &str, notes: &mut Vec<String>| {
        notes.extend(
            names.iter().map(|name| format!("`{name}` stands in {which} only, or carries another load there.")),
        );
    };
    let left = a.cells.iter().enumerate().filter(|(i, _)| !found.iter().any(|f| f.0 == *i));
    others(left.map(|(_, cell)| cell.name.as_str()).collect(), "A", notes);
    let right = b.cells.iter().enumerate().filter(|(j, _)| !found.iter().any(|f| f.1 == *j));
    others(right.map(|(_, cell)| cell.name.as_str()).collect(), "B", notes);
    found.into_iter().map(|(a, b)| CellMatch { a, b }).collect()
}

fn measured_otherwise(a: &LoadSpec, b: &LoadSpec) -> Vec<String> {
    [
        ("feed's seed", a.feed.seed, b.feed.seed),
        ("window, ms", a.window_ms, b.window_ms),
        ("grid, ms", a.grid_ms.into(), b.grid_ms.into()),
        ("warm-up at most, ms", a.warm_up_max_ms, b.warm_up_max_ms),
        ("connects per second", a.connects_per_s.into(), b.connects_per_s.into()),
    ]
    .into_iter()
    .filter(|(_, a, b)| a != b)
    .map(|(what, a, b)| format!("{what}: {a}, now {b}"))
    .collect()
}

/// The arms that both runs have; what is left over is noted.
#[must_use]
pub fn arms(a: &Summary, b: &Summary, notes: &mut Vec<String>) -> Vec<ArmMatch> {
    let found = pairs(&a.arms, &b.arms, |l, r| does(l) == does(r), |l, r| l.arm.name == r.arm.name);
    for &(i, j) in &found {
        let (left, right) = (&a.arms[i].arm.name, &b.arms[j].arm.name);
        if left != right {
            notes.push(format!("The arm `{left}` of A is `{right}` of B: the same under another name."));
        }
    }
    for (i, entry) in a.arms.iter().enumerate().filter(|(i, _)| !found.iter().any(|f| f.0 == *i)) {
        let other = b.arms.iter().find(|other| other.arm.name == entry.arm.name);
        notes.push(match other {
            Some(_) => format!("The arm `{}` has other parameters in B and is not compared.", entry.arm.name),
            None => format!("The arm `{}` stands in A only.", a.arms[i].arm.name),
        });
    }
    for (_, entry) in b.arms.iter().enumerate().filter(|(j, _)| !found.iter().any(|f| f.1 == *j)) {
        if !a.arms.iter().any(|other| other.arm.name == entry.arm.name) {
            notes.push(format!("The arm `{}` stands in B only.", entry.arm.name));
        }
    }
    found.into_iter().map(|(a, b)| ArmMatch { a, b }).collect()
}
