//! Who is missing where: arms that a picture over several cells cannot show in all of them.

use crate::summary::words::{self, list};
use crate::summary::{CellSummary, Summary};

/// More cells than this are counted, not named.
const NAMED_MAX: usize = 3;

/// The names of those of `arms` of which `lacks` holds in some of `cells`, each with these cells unless they are all;
/// empty where it never holds.
pub(super) fn named(
    summary: &Summary,
    arms: impl IntoIterator<Item = usize>,
    cells: &[&CellSummary],
    lacks: impl Fn(&CellSummary, usize) -> bool,
) -> Vec<String> {
    let arms: Vec<usize> = arms.into_iter().collect();
    let of = |arm: usize| -> Vec<String> {
        cells.iter().filter(|cell| lacks(cell, arm)).map(|cell| cell.name.clone()).collect()
    };
    if arms.len() > NAMED_MAX && arms.iter().all(|arm| of(*arm).len() == cells.len()) {
        return vec!["all arms".to_owned()];
    }
    let one = |arm: usize| {
        let (name, without) = (&summary.arms.get(arm)?.arm.name, of(arm));
        match without.len() {
            0 => None,
            all if all == cells.len() => Some(name.clone()),
            few if few <= NAMED_MAX => Some(format!("{name} (in {})", list(&without))),
            many => Some(format!("{name} (in {many} of {})", words::cells(cells.len()))),
        }
    };
    arms.into_iter().filter_map(one).collect()
}

/// Says which arms have no mark where others have one, for want of `what`; nothing where none are `named`.
pub(super) fn note(what: &str, named: &[String]) -> Option<String> {
    let why = format!("Without a mark, for {what} has no finite value above 0 there");
    (!named.is_empty()).then(|| format!("{why}: {}. A line passes such a place without a stop.", list(named)))
}
