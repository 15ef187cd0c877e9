//! Claims about what a use needs: scale, and how fresh a ticker has to be.

use wirerace_contract::results::ArmEntry;

use super::margin;
use crate::claims::evidence::{Side, comparable, part};
use crate::claims::{Claim, Evidence, Holds, Number, Part, RunSummary, Way};
use crate::report::capacity::{self, Carries};
use crate::summary::words::{duration, number};
use crate::summary::{CellSummary, Quantity as Q, Reading};

/// Claim 15: most clients within a budget of staleness, and memory per connection.
#[must_use]
pub fn scale(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let [factor, kib, budgets @ ..] = claim.margins else { return Vec::new() };
    // Where no quote is due nothing can be late: idle clients tell of memory, not of what can be carried.
    let capacity = evidence.runs.iter().filter(|run| run.summary.experiment == "capacity");
    let carried = |run| budgets.iter().filter_map(move |budget_ms| carries_more(run, *budget_ms, *factor));
    let mut parts: Vec<Part> = capacity.flat_map(carried).collect();
    let connected = evidence.sides(claim.experiments);
    for way in [Way::Upgraded, Way::Streamed, Way::Held, Way::Asked] {
        let of_way: Vec<&Side<'_>> = connected.iter().filter(|side| side.way() == way).collect();
        // Too few trials have no interval: where there are enough elsewhere, those decide.
        let known = |side: &&&Side<'_>| side.number(Q::ServerMemory).is_some_and(|memory| memory.range.is_some());
        let estimated: Vec<&Side<'_>> = of_way.iter().filter(known).copied().collect();
        parts.extend(memory_per_connection(&estimated, *kib).or_else(|| memory_per_connection(&of_way, *kib)));
    }
    parts
}

/// An arm over all numbers of clients that were measured.
struct Offer<'a> {
    arm: usize,
    /// The arm where it has the fewest clients.
    side: Side<'a>,
    /// By clients.
    cells: Vec<&'a CellSummary>,
}

impl Offer<'_> {
    /// What it carries within the budget. A number of clients without a usable trial is none that failed.
    fn carries(&self, budget_ms: f64) -> Carries {
        capacity::carries(&self.cells, self.arm, budget_ms)
    }
}

/// Number of clients, and whether it may be more.
fn reach(carries: Carries) -> (u32, bool) {
    match carries {
        Carries::None => (0, false),
        Carries::Clients(clients) => (clients, false),
        Carries::AtLeast(clients) => (clients, true),
    }
}

fn offers<'a>(run: &'a RunSummary) -> Option<Vec<Offer<'a>>> {
    let cells = capacity::by_clients(&run.summary)?;
    let offer = |(arm, entry): (usize, &'a ArmEntry)| {
        let measured = |cell: &&&CellSummary| cell.arms.get(arm).is_some_and(|a| a.median(Q::StalenessP99).is_some());
        let cells: Vec<&CellSummary> = cells.iter().filter(measured).copied().collect();
        let cell = *cells.first()?;
        Some(Offer { arm, side: Side { run: &run.name, cell, entry, arm: cell.arms.get(arm)? }, cells })
    };
    Some(run.summary.arms.iter().enumerate().filter_map(offer).collect())
}

/// Whether the upgraded arms carry at least `factor` times the clients of planned polls on kept connections: of each the
/// arm that carries most within the budget, out of those that have their like on the other side.
fn carries_more(run: &RunSummary, budget_ms: f64, factor: f64) -> Option<Part> {
    let offers = offers(run)?;
    let of = |way: Way| offers.iter().filter(move |offer| offer.side.way() == way);
    let best = |way: Way, other: Way| {
        let like = |offer: &&Offer<'_>| of(other).any(|o| comparable(&o.side.entry.arm, &offer.side.entry.arm));
        of(way).filter(like).max_by_key(|offer| reach(offer.carries(budget_ms)))
    };
    let (upgraded, asked) = (best(Way::Upgraded, Way::Asked)?, best(Way::Asked, Way::Upgraded)?);
    let (ours, theirs) = (upgraded.carries(budget_ms), asked.carries(budget_ms));
    let figure = |offer: &Offer<'_>| {
        let (clients, or_more) = reach(offer.carries(budget_ms));
        let clients = f64::from(clients);
        let words = if or_more { "clients carried, or more" } else { "clients carried" };
        Some(Number {
            range: Reading::new(clients).zip(Reading::new(if or_more { f64::INFINITY } else { clients })),
            ..Number::exact(format!("{}: {words}", offer.side.entry.arm.name), "", clients)?
        })
    };
    let numbers = [figure(upgraded), figure(asked)].into_iter().flatten().collect();
    let condition = format!(
        "carries {} times the clients of polls, excess staleness at the 99th percentile within {}",
        number(factor),
        duration(budget_ms)
    );
    let mut part = part(condition, further(ours, theirs, factor), numbers, &upgraded.side, &[&asked.side]);
    let cells = upgraded.cells.iter().chain(&asked.cells).map(|cell| cell.name.as_str());
    part.source.cell = cells.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" | ");
    Some(part)
}

/// Two that carry all that was tried, or nothing of it, do not tell which carries more.
fn further(ours: Carries, theirs: Carries, factor: f64) -> Holds {
    let ((most, ours_or_more), (rival, theirs_or_more)) = (reach(ours), reach(theirs));
    let enough = f64::from(most) >= factor * f64::from(rival);
    match (ours_or_more, theirs_or_more) {
        (true, true) => Holds::Open,
        _ if most == 0 && rival == 0 => Holds::Open,
        // Who carries more than was tried may carry enough, or too much for the other.
        (true, false) if !enough => Holds::Open,
        (false, true) if enough => Holds::Open,
        _ if enough => Holds::Yes,
        _ => Holds::No,
    }
}

/// Memory between the fewest and the most clients of an arm, per client.
fn memory_per_connection(sides: &[&Side<'_>], limit_kib: f64) -> Option<Part> {
    let few = sides.iter().min_by_key(|side| side.cell.load.clients)?;
    let same = |side: &&&Side<'_>| side.run == few.run && side.entry.arm.name == few.entry.arm.name;
    let many = sides.iter().filter(same).max_by_key(|side| side.cell.load.clients)?;
    let clients = f64::from(many.cell.load.clients) - f64::from(few.cell.load.clients);
    let (low, high) = (few.number(Q::ServerMemory)?, many.number(Q::ServerMemory)?);
    if clients <= 0.0 {
        return None;
    }
    let each = |mib: f64| mib * 1024.0 / clients;
    let value = Reading::new(each(high.value.get() - low.value.get()))?;
    let range = low
        .ends()
        .zip(high.ends())
        .and_then(|(few, many)| Reading::new(each(many.0 - few.1)).zip(Reading::new(each(many.1 - few.0))));
    let what = format!("{}: server's memory per further client", few.entry.arm.name);
    let per_client = Number { what, unit: "KiB".to_owned(), value, range };
    let holds = per_client.above(limit_kib);
    let condition = format!(
        "the state of a connection costs memory: {}, {} to {} clients",
        few.entry.arm.name, few.cell.load.clients, many.cell.load.clients
    );
    let mut part = part(condition, holds, vec![per_client], few, &[]);
    part.source.cell = format!("{} | {}", few.cell.name, many.cell.name);
    Some(part)
}

/// Claim 19: whether a ticker needs an upgraded connection: for a person, and for a program.
#[must_use]
pub fn tickers(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let mut parts = Vec::new();
    for cell in evidence.cells(claim.experiments) {
        let upgraded: Vec<&Side<'_>> = cell.iter().filter(|side| side.way() == Way::Upgraded).collect();
        let Some(best) = upgraded.first() else { continue };
        for (who, budget_ms) in [("a person", margin(claim, 0)), ("a program", margin(claim, 1))] {
            let Some(own) = best.number(Q::StalenessMean) else { continue };
            let fresh = own.at_most(budget_ms);
            // Where the upgraded arm itself is too stale, nothing on this path will do and the need is not its kind.
            if fresh == Holds::No {
                continue;
            }
            let rivals: [(&str, &[Way]); 2] = [
                ("polls would not do", &[Way::Asked, Way::AskedAnew]),
                ("nothing else would do", &[Way::Held, Way::Streamed]),
            ];
            for (what, ways) in rivals {
                parts.extend(needed(&cell, best, ways, budget_ms).map(|(holds, numbers, other)| {
                    let condition = format!("{who} ({}), {what}: {}", duration(budget_ms), best.setting());
                    let numbers = std::iter::once(own.clone()).chain(numbers).collect();
                    // Whether it is fresh enough itself may be open still.
                    part(condition, holds.and(fresh), numbers, best, &[&other])
                }));
            }
        }
    }
    parts
}

/// Whether none of the rivals stays within the budget, with the freshest of them.
fn needed<'a>(
    cell: &[Side<'a>],
    best: &Side<'a>,
    ways: &[Way],
    budget_ms: f64,
) -> Option<(Holds, Vec<Number>, Side<'a>)> {
    let stale = |side: &Side<'a>| side.arm.median(Q::StalenessMean).unwrap_or(f64::INFINITY);
    let rivals = cell.iter().filter(|side| ways.contains(&side.way()));
    let same = rivals.filter(|side| side.entry.arm.delivery == best.entry.arm.delivery);
    let freshest = same.min_by(|a, b| stale(a).total_cmp(&stale(b)))?;
    let late = freshest.number(Q::StalenessMean)?;
    Some((late.above(budget_ms), vec![late], *freshest))
}
