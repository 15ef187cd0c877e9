//! How busy both processors were where one step more was too many. Server and load have one each, and whoever asks keeps the
//! load's busier than the server's: a bar that ends where the load's is full shows what the load carries.

use super::unmeasured_at;
use crate::report::capacity::{BOUNDS_MS, Carries, carries};
use crate::summary::words::{count, list, number};
use crate::summary::{CellSummary, Quantity, Summary};

/// Both processors at each step that was too many; `None` where none was.
pub(super) fn note(summary: &Summary, cells: &[&CellSummary]) -> Option<String> {
    let of = |arm: usize| {
        let mut steps: Vec<usize> =
            BOUNDS_MS.iter().filter_map(|(bound_ms, _)| too_many(cells, arm, *bound_ms)).collect();
        steps.dedup();
        let each: Vec<String> = steps.into_iter().filter_map(|step| told(cells.get(step)?, arm)).collect();
        let name = &summary.arms.get(arm)?.arm.name;
        (!each.is_empty()).then(|| format!("{name} {}", list(&each)))
    };
    let each: Vec<String> = (0..summary.arms.len()).filter_map(of).collect();
    let more = "Near 100 % of the load's the bar is the load's, and the server may carry more";
    (!each.is_empty()).then(|| {
        format!(
            "Of the server's and of the load's processor, where one step more was too many: {}. {more}.",
            each.join("; ")
        )
    })
}

/// The cell after the last one that an arm carries within a bound; `None` where it carries none or all, or was not
/// measured there.
fn too_many(cells: &[&CellSummary], arm: usize, bound_ms: f64) -> Option<usize> {
    let Carries::Clients(clients) = carries(cells, arm, bound_ms) else { return None };
    let last = cells.iter().position(|cell| cell.load.clients == clients)?;
    unmeasured_at(cells, arm, bound_ms).is_none().then_some(last + 1)
}

fn told(cell: &CellSummary, arm: usize) -> Option<String> {
    let (server, load) = shares(cell, arm)?;
    let percent = |share: f64| number((100.0 * share).round());
    Some(format!("{} % and {} % with {}", percent(server), percent(load), count(cell.load.clients.into())))
}

/// How much of a processor server and load took, 0 to 1, by the medians.
fn shares(cell: &CellSummary, arm: usize) -> Option<(f64, f64)> {
    let arm = cell.arms.get(arm)?;
    let both = arm.median(Quantity::OwnCpuRate)? * f64::from(cell.load.clients) / 1e6;
    let of_server = arm.median(Quantity::ServerCpu)? / arm.median(Quantity::OwnCpu)?;
    let shares = (both * of_server, both * (1.0 - of_server));
    (shares.0.is_finite() && shares.1.is_finite()).then_some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::run_tests::made;
    use crate::report::capacity::by_clients;
    use crate::report::fixture::sweep::Over;
    use crate::summary::Reading;

    fn with(summary: &Summary, cell: usize, arm: &str, values: &[(Quantity, f64)]) -> Summary {
        let mut changed = summary.clone();
        let arm = changed.cells[cell].arms.iter_mut().find(|summary| summary.arm == arm).unwrap();
        for (quantity, value) in values {
            let estimate = arm.estimates.iter_mut().find(|estimate| estimate.quantity == *quantity).unwrap();
            estimate.median = Reading::new(*value);
        }
        changed
    }

    #[test]
    fn where_one_step_more_was_too_many_both_processors_are_told() {
        let of = |summary: &Summary| note(summary, &by_clients(summary).unwrap());
        // Polls of the made-up run stay behind the smallest bound with any number of clients: that is no step.
        let whole = &made(Over::Clients).2;
        assert_eq!(of(whole), None);
        let costs = [
            (Quantity::StalenessP99, 5_000.0),
            (Quantity::OwnCpuRate, 1_200.0),
            (Quantity::OwnCpu, 100.0),
            (Quantity::ServerCpu, 25.0),
        ];
        // With 1,000 clients 1.2 processors, of which the server has a quarter.
        let told = of(&with(whole, 2, "ws", &costs)).unwrap();
        assert!(told.contains("too many: ws 30 % and 90 % with 1,000. Near 100 % of the load's"), "{told}");
        assert_eq!(of(&with(whole, 0, "ws", &costs)), None, "who fails with the fewest carries none");
    }
}
