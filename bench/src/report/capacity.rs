//! How many clients an arm carries: where the cells of a run differ in nothing but their clients, the largest number at
//! which the price shown was fresh enough 99 % of the time.

use wirerace_contract::spec::LoadSpec;

use crate::charts::DataTable;
use crate::summary::words::{NOTHING, count};
use crate::summary::{CellSummary, Summary};

/// How old the price shown may be: at the 99th percentile of time, excess staleness in milliseconds.
pub const BOUNDS_MS: [(f64, &str); 3] = [(100.0, "0.1 s"), (1_000.0, "1 s"), (10_000.0, "10 s")];

/// How far an arm goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carries {
    /// Not even the smallest number of clients, or that was not measured.
    None,
    /// This many, and not the next larger number that was tried.
    Clients(u32),
    /// At least this many: the largest number that was tried.
    AtLeast(u32),
}

/// How many clients the arm of number `arm` carries within `bound_ms`; `cells` go from the fewest clients to the most.
/// It must hold at every smaller number too, and nobody may be refused. Within a bound that is as long as the window everyone
/// is fresh who holds anything, or nothing yet: that tells of nobody.
#[must_use]
pub fn carries(cells: &[&CellSummary], arm: usize, bound_ms: f64) -> Carries {
    if cells.iter().any(|cell| cell.load.window_ms as f64 <= bound_ms) {
        return Carries::None;
    }
    let holds = |cell: &&&CellSummary| cell.arms.get(arm).is_some_and(|arm| arm.keeps_fresh(bound_ms));
    let held = cells.iter().take_while(holds).count();
    match held.checked_sub(1).and_then(|last| cells.get(last)) {
        None => Carries::None,
        Some(cell) if held == cells.len() => Carries::AtLeast(cell.load.clients),
        Some(cell) => Carries::Clients(cell.load.clients),
    }
}

/// The cells by clients, if they differ in nothing else; `None` where there is nothing to compare.
#[must_use]
pub fn by_clients(summary: &Summary) -> Option<Vec<&CellSummary>> {
    let rest = |cell: &CellSummary| LoadSpec { clients: 0, ..cell.load.clone() };
    let mut cells: Vec<&CellSummary> = summary.cells.iter().collect();
    let first = rest(cells.first()?);
    cells.sort_by_key(|cell| cell.load.clients);
    let alike = cells.iter().all(|cell| rest(cell) == first);
    let grows = cells.windows(2).all(|pair| pair[0].load.clients < pair[1].load.clients);
    (alike && grows && cells.len() > 1).then_some(cells)
}

/// One row an arm, one column a bound; `None` for runs that did not ask this.
#[must_use]
pub fn table(summary: &Summary) -> Option<DataTable> {
    let cells = by_clients(summary)?;
    let mut columns = vec!["arm".to_owned()];
    columns.extend(BOUNDS_MS.iter().map(|(_, words)| format!("clients within {words}")));
    let row = |(number, entry): (usize, &wirerace_contract::results::ArmEntry)| {
        let cell = |(bound_ms, _): &(f64, &str)| match carries(&cells, number, *bound_ms) {
            Carries::None => NOTHING.to_owned(),
            Carries::Clients(clients) => count(clients.into()),
            Carries::AtLeast(clients) => format!("{} or more", count(clients.into())),
        };
        std::iter::once(entry.arm.name.clone()).chain(BOUNDS_MS.iter().map(cell)).collect()
    };
    Some(DataTable { columns, rows: summary.arms.iter().enumerate().map(row).collect() })
}

/// What the table's figures mean.
pub const SENTENCE: &str = "The largest number of clients tried at which, as at every smaller one, the 99th percentile of \
     excess staleness over time stayed within the bound and nobody was refused (median over the blocks). The server has one processor.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::Quantity;
    use crate::summary::{Reading, summarise};

    /// The fixture's run, its cell four times with 10, 20, 40 and 80 clients; the first arm goes stale as told.
    fn summary(stale_ms: [f64; 4]) -> Summary {
        let (manifest, trials) = fixture::run();
        let mut summary = summarise(&manifest, &trials, &[]);
        let model = summary.cells.remove(0);
        for (clients, stale_ms) in [10, 20, 40, 80].into_iter().zip(stale_ms) {
            let mut cell = model.clone();
            (cell.load.clients, cell.load.window_ms) = (clients, 30_000);
            for estimate in &mut cell.arms[0].estimates {
                match estimate.quantity {
                    Quantity::StalenessP99 => estimate.median = Reading::new(stale_ms),
                    Quantity::Refused | Quantity::GaveUp => estimate.points.clear(),
                    _ => {}
                }
            }
            summary.cells.insert(0, cell);
        }
        summary
    }

    fn first_row(summary: &Summary) -> Vec<String> {
        table(summary).unwrap().rows[0][1..].to_vec()
    }

    #[test]
    fn a_bound_as_long_as_the_window_tells_of_nobody() {
        let mut short = summary([50.0, 90.0, 700.0, 2_000.0]);
        short.cells.iter_mut().for_each(|cell| cell.load.window_ms = 10_000);
        assert_eq!(first_row(&short), ["20", "40", NOTHING]);
    }

    #[test]
    fn the_largest_number_that_holds_with_all_smaller_ones() {
        assert_eq!(first_row(&summary([50.0, 90.0, 700.0, 2_000.0])), ["20", "40", "80 or more"]);
        // Better again at 80 is luck: it did not hold at 40.
        assert_eq!(first_row(&summary([50.0, 90.0, 700.0, 90.0])), ["20", "80 or more", "80 or more"]);
        assert_eq!(first_row(&summary([200.0, 90.0, 90.0, 90.0]))[0], NOTHING);
    }

    #[test]
    fn who_was_refused_is_not_carried() {
        let mut summary = summary([1.0; 4]);
        for cell in summary.cells.iter_mut().filter(|cell| cell.load.clients == 80) {
            let refused = cell.arms[0].estimates.iter_mut().find(|e| e.quantity == Quantity::Refused).unwrap();
            refused.points = vec![crate::summary::Point { block: 1, value: Reading::new(3.0) }];
        }
        assert_eq!(first_row(&summary), ["40", "40", "40"]);
    }

    #[test]
    fn only_runs_that_vary_nothing_but_clients_are_asked() {
        let mut other = summary([1.0; 4]);
        other.cells[0].load.window_ms += 1;
        assert_eq!(table(&other), None);
        let (manifest, trials) = fixture::run();
        assert_eq!(table(&summarise(&manifest, &trials, &[])), None);
    }
}
