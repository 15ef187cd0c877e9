//! Bozdag, Mesbah and van Deursen (Delft 2007): push took seven times pull's CPU on the server. The rebuttal (webtide.com):
//! pull ran each 15 s, so quotes were 7.5 s old in the mean. Here push against pull at equal interval, and at equal
//! staleness: at neither the comparison says nothing.

use super::{Published, data, no_data, optional};
use crate::claims::evidence::Side;
use crate::claims::{Evidence, Way};
use crate::statistics::Scale;
use crate::summary::Quantity as Q;
use crate::summary::words::number;

/// Push ÷ pull, server's CPU, as published.
pub const PUBLISHED_RATIO: f64 = 7.0;
/// Pull's interval there, seconds.
pub const PUBLISHED_INTERVAL_S: f64 = 15.0;
/// Mean staleness counts as equal up to this factor: staleness comes in the steps of an experiment's intervals.
pub const EQUAL_STALENESS: f64 = 1.5;

/// The tables.
#[must_use]
pub fn tables(evidence: &Evidence) -> Vec<Published> {
    let cells = evidence.cells(&["frontier"]);
    vec![
        published(
            "Delft 2007 again: push and pull at equal interval",
            pairs(&cells, |push, pull| push.entry.arm.interval_ms == pull.entry.arm.interval_ms),
        ),
        published("Delft 2007 again: push and pull at equal staleness", pairs(&cells, equally_stale)),
    ]
}

fn equally_stale(push: &Side<'_>, pull: &Side<'_>) -> bool {
    let stale = |side: &Side<'_>| side.arm.median(Q::StalenessMean);
    let ratio = stale(push).zip(stale(pull)).map(|(push, pull)| push / pull);
    ratio.is_some_and(|ratio| (1.0 / EQUAL_STALENESS..=EQUAL_STALENESS).contains(&ratio))
}

/// Pushed against planned polls of the same cell and delivery, where `equal` says that they are on equal terms.
fn pairs(cells: &[Vec<Side<'_>>], equal: impl Fn(&Side<'_>, &Side<'_>) -> bool) -> Vec<[String; 8]> {
    let mut rows = Vec::new();
    for cell in cells {
        for push in cell.iter().filter(|side| matches!(side.way(), Way::Streamed | Way::Upgraded)) {
            for pull in cell.iter().filter(|side| side.way() == Way::Asked) {
                if push.entry.arm.delivery == pull.entry.arm.delivery && equal(push, pull) {
                    rows.push(row(push, pull));
                }
            }
        }
    }
    rows
}

fn row(push: &Side<'_>, pull: &Side<'_>) -> [String; 8] {
    // Paired within blocks, with its interval; where that cannot be, the medians alone.
    let ratio = |quantity| match push.against(pull, quantity) {
        Some((compared, ratio)) if compared.scale == Scale::Ratio => match ratio.range {
            Some((low, high)) => {
                format!("{} [{}, {}]", number(ratio.value.get()), number(low.get()), number(high.get()))
            }
            None => number(ratio.value.get()),
        },
        _ => {
            let both = push.arm.median(quantity).zip(pull.arm.median(quantity));
            optional(both.map(|(push, pull)| push / pull))
        }
    };
    [
        push.cell.name.clone(),
        push.entry.arm.name.clone(),
        pull.entry.arm.name.clone(),
        number(f64::from(pull.entry.arm.interval_ms)),
        optional(push.arm.median(Q::StalenessMean)),
        optional(pull.arm.median(Q::StalenessMean)),
        ratio(Q::OwnCpuRate),
        ratio(Q::PacketRate),
    ]
}

fn published(title: &str, rows: Vec<[String; 8]>) -> Published {
    let mut notes = vec![format!(
        "Published: push ÷ pull = {} in the server's CPU, with polls each {} s, which is {} s of staleness in the mean against \
         none. CPU here is that of server and load together per second and client: on loopback one side's system calls run \
         the other's TCP.",
        number(PUBLISHED_RATIO),
        number(PUBLISHED_INTERVAL_S),
        number(PUBLISHED_INTERVAL_S / 2.0)
    )];
    if rows.is_empty() {
        notes.push(no_data("frontier"));
    }
    let columns = [
        "cell",
        "push",
        "pull",
        "pull each ms",
        "push stale ms",
        "pull stale ms",
        "CPU push ÷ pull",
        "bytes push ÷ pull",
    ];
    Published { title: title.to_owned(), notes, table: data(columns, rows) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::fake::{arm, run};
    use wirerace_contract::spec::LoadSpec;

    #[test]
    fn the_sign_may_change_with_the_terms() {
        let figures = |stale, cpu| [(Q::StalenessMean, stale), (Q::OwnCpuRate, cpu), (Q::PacketRate, 1.0)];
        let arms = vec![
            arm("pull-slow", Way::Asked, 15_000, &figures(7_500.0, 10.0)),
            arm("pull-fast", Way::Asked, 100, &figures(50.0, 1_000.0)),
            arm("push", Way::Upgraded, 15_000, &figures(50.0, 70.0)),
        ];
        let evidence =
            Evidence { runs: vec![run("frontier", 6, &[("one", LoadSpec::default(), arms)])], exchanges: Vec::new() };
        let [interval, staleness] = tables(&evidence).try_into().unwrap();
        assert_eq!((interval.table.rows.len(), staleness.table.rows.len()), (1, 1));
        let told = |table: &Published| (table.table.rows[0][2].clone(), table.table.rows[0][6].clone());
        for (table, pull, ratio) in [(&interval, "pull-slow", "7 ["), (&staleness, "pull-fast", "0.07 [")] {
            let (name, cpu) = told(table);
            assert!(name == pull && cpu.starts_with(ratio) && cpu.ends_with(']'), "{name} {cpu}");
        }
    }
}
