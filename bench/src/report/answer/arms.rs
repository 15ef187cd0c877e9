//! Arms of one transport: whose a place is, and what sets arms apart that a place with its best arm would hide.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::spec::Connection;

use super::{Place, Setting, is_certain, sized};
use crate::report::verdict::{self, Entry};
use crate::statistics::Outcome;
use crate::summary::Quantity;
use crate::summary::words::{duration, list, number};

/// The arms of a transport that have a quantity, the best first; those that tie stay in the order of the experiment.
pub(super) fn own<'a>(setting: &Setting<'a>, quantity: Quantity, title: &str) -> Vec<(f64, Entry<'a>)> {
    let arms = setting.arms.iter().filter(|(_, entry)| entry.descriptor.title == title);
    let mut own: Vec<(f64, Entry<'a>)> = arms.filter_map(|entry| Some((entry.0.median(quantity)?, *entry))).collect();
    own.sort_by(|a, b| a.0.total_cmp(&b.0));
    own
}

/// Whose `place` is, to stand before it: the best arm's, or of those that are level every one's. Empty where the transport
/// has no other arms.
pub(super) fn whose(setting: &Setting<'_>, quantity: Quantity, title: &str, place: &Place) -> String {
    let own = own(setting, quantity, title);
    let least = own.first().map(|(least, _)| *least);
    let names: Vec<String> = own
        .iter()
        .filter(|(value, (arm, _))| match place {
            Place::Level => is_level(setting, quantity, *value, &arm.arm),
            _ => Some(*value) == least,
        })
        .map(|(_, (arm, _))| arm.arm.clone())
        .collect();
    if names.is_empty() || names.len() == own.len() { String::new() } else { format!("{}: ", list(&names)) }
}

/// Whether an arm is the best of a setting, or not clearly behind it.
fn is_level(setting: &Setting<'_>, quantity: Quantity, value: f64, arm: &str) -> bool {
    let Some(win) = verdict::win(setting.cell, &setting.arms, quantity) else { return false };
    let least = setting.arms.iter().filter_map(|(arm, _)| arm.median(quantity)).fold(f64::INFINITY, f64::min);
    let outcome = setting.cell.comparison(quantity, arm, win.best).map(|compared| compared.outcome);
    let untold = matches!(outcome, Some(Outcome::Equal | Outcome::Undecided));
    value == least || untold && !is_certain(setting, quantity)
}

/// How often a transport asks that asks by a plan, and what it stands against: by how many quotes an answer holds it costs
/// more or less than pushes, and no place of it holds without that. `None` for all others.
pub(super) fn asked(setting: &Setting<'_>, title: &str) -> Option<String> {
    let own = setting.arms.iter().map(|(_, entry)| entry).filter(|entry| entry.descriptor.title == title);
    let planned = own.filter(|entry| entry.descriptor.delivers == Delivers::Planned && entry.arm.interval_ms > 0);
    let mut intervals_ms: Vec<f64> = planned.map(|entry| f64::from(entry.arm.interval_ms)).collect();
    intervals_ms.sort_by(f64::total_cmp);
    intervals_ms.dedup();
    if intervals_ms.is_empty() {
        return None;
    }
    let written = |of: &dyn Fn(f64) -> String| list(&intervals_ms.iter().map(|ms| of(*ms)).collect::<Vec<_>>());
    let each = written(&duration);
    if setting.is_newest() {
        return Some(format!("asks each {each} for the newest quote alone"));
    }
    let per_s = setting.cell.load.feed.rate_per_s;
    let quotes = written(&|ms: f64| number(per_s * ms / 1e3));
    let pushed = setting.arms.iter().any(|(_, entry)| entry.descriptor.delivers == Delivers::Pushed);
    let against = if pushed { ", against pushes of every quote" } else { "" };
    Some(format!("asks each {each}, for {quotes} quotes at a time on average{against}"))
}

/// The arms of a transport that clearly take more connections than its best one, each in a clause: a transport may be level
/// in connections with one arm and open a new one for each request with another.
pub(super) fn connections(setting: &Setting<'_>, title: &str) -> Vec<String> {
    let quantity = Quantity::Connections;
    if setting.is_newest() {
        return Vec::new();
    }
    let own = own(setting, quantity, title);
    let Some((least, (best, _))) = own.first() else { return Vec::new() };
    let clause = |(value, (arm, entry)): &(f64, Entry<'_>)| {
        let compared = setting.cell.comparison(quantity, &arm.arm, &best.arm)?;
        let clear = compared.outcome == Outcome::Differs || is_certain(setting, quantity) && value > least;
        let new = match entry.arm.connection {
            Connection::Closed => ", a new connection for each request",
            Connection::Kept => "",
        };
        let (value, title, size) = (number(*value), quantity.title(), sized(&compared));
        clear.then(|| format!("{}{new}: {value} {title}, {size} against {}", arm.arm, best.arm))
    };
    own.iter().skip(1).filter_map(clause).collect()
}
