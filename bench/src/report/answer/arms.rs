//! Arms of one transport: whose a place is, and what sets arms apart that a place with its best arm would hide.

use wirerace_contract::spec::Connection;

use super::{Place, Setting, is_certain, sized};
use crate::report::verdict::{self, Entry};
use crate::statistics::Outcome;
use crate::summary::Quantity;
use crate::summary::words::{list, number};

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

/// The arms of a transport that clearly take more connections than its best one, each in a clause: a transport may be level
/// in connections with one arm and open a new one for each request with another.
pub(super) fn connections(setting: &Setting<'_>, title: &str) -> Vec<String> {
    let quantity = Quantity::Connections;
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
