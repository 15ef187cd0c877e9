//! What a way is called: its arms may differ in interval and delivery, and have what is left of their names in common.

use wirerace_contract::spec::{Arm, Connection};

use super::observations::Way;
use crate::summary::words::duration;

/// An arm's name without its interval, since advice sets another one: `a` of `a 50 ms` and of `a each 50 ms`.
#[must_use]
pub(super) fn without_interval(arm: &Arm) -> &str {
    let interval = duration(f64::from(arm.interval_ms));
    let before = arm.name.strip_suffix(interval.as_str()).and_then(|rest| rest.strip_suffix(' '));
    let Some(rest) = before else { return &arm.name };
    rest.strip_suffix(" each").unwrap_or(rest)
}

/// The words that both names begin with; the first name where they begin with none.
#[must_use]
pub(super) fn shared(one: &str, other: &str) -> String {
    let alike = one.split(' ').zip(other.split(' ')).take_while(|(a, b)| a == b);
    let words: Vec<&str> = alike.map(|(word, _)| word).collect();
    if words.is_empty() { one.to_owned() } else { words.join(" ") }
}

/// Ways are looked up by their names: those whose names came out the same are told apart by what makes them two.
pub(super) fn tell_apart(ways: &mut [Way]) {
    let names: Vec<String> = ways.iter().map(|way| way.entry.arm.name.clone()).collect();
    for (way, name) in ways.iter_mut().zip(&names) {
        if names.iter().filter(|other| *other == name).count() > 1 {
            let arm = &mut way.entry.arm;
            let connection = match arm.connection {
                Connection::Kept => "kept",
                Connection::Closed => "closed",
            };
            arm.name = format!("{name} ({}, {connection})", arm.transport);
        }
    }
}
