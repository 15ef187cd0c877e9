//! Claims about what a use needs: scale, and how fresh a ticker has to be.

use super::margin;
use crate::claims::evidence::{Side, part};
use crate::claims::{Claim, Evidence, Holds, Number, Part, Way};
use crate::summary::Quantity as Q;
use crate::summary::words::{duration, number};

/// Claim 15: most clients within a budget of staleness, and memory per connection.
#[must_use]
pub fn scale(evidence: &Evidence, claim: &Claim) -> Vec<Part> {
    let [factor, kib, budgets @ ..] = claim.margins else { return Vec::new() };
    // Where no quote is due nothing can be late: idle clients tell of memory, not of what can be carried.
    let capacity = evidence.sides(&["capacity"]);
    let mut parts: Vec<Part> =
        budgets.iter().filter_map(|budget_ms| carries_more(&capacity, *budget_ms, *factor)).collect();
    let connected = evidence.sides(claim.experiments);
    for way in [Way::Upgraded, Way::Streamed, Way::Held, Way::Asked] {
        let of_way: Vec<&Side<'_>> = connected.iter().filter(|side| side.way() == way).collect();
        parts.extend(memory_per_connection(&of_way, *kib));
    }
    parts
}

/// Whether the upgraded arms carry at least `factor` times the clients of planned polls on kept connections.
fn carries_more(sides: &[Side<'_>], budget_ms: f64, factor: f64) -> Option<Part> {
    let most = |way: Way| {
        let within = |side: &&Side<'_>| {
            side.way() == way && side.number(Q::StalenessP99).is_some_and(|late| late.value.get() <= budget_ms)
        };
        sides.iter().filter(within).max_by_key(|side| side.cell.load.clients)
    };
    let any = |way: Way| sides.iter().find(|side| side.way() == way);
    // An arm that never stays within the budget carries nobody.
    let (upgraded, asked) = (any(Way::Upgraded)?, any(Way::Asked)?);
    let clients = |way: Way| most(way).map_or(0.0, |side| f64::from(side.cell.load.clients));
    let (ours, theirs) = (clients(Way::Upgraded), clients(Way::Asked));
    if ours == 0.0 && theirs == 0.0 {
        return None;
    }
    let holds = if ours >= factor * theirs { Holds::Yes } else { Holds::No };
    let figure =
        |side: &Side<'_>, n| Number::exact(format!("{}: most clients within the budget", side.entry.arm.name), "", n);
    let numbers = [figure(upgraded, ours), figure(asked, theirs)].into_iter().flatten().collect();
    let condition = format!(
        "carries {} times the clients of polls, excess staleness at the 99th percentile within {}",
        number(factor),
        duration(budget_ms)
    );
    let (from, beside) = (most(Way::Upgraded).unwrap_or(upgraded), most(Way::Asked).unwrap_or(asked));
    let mut part = part(condition, holds, numbers, from, &[beside]);
    part.source.cell = format!("{} | {}", from.cell.name, beside.cell.name);
    Some(part)
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
    let value = crate::summary::Reading::new(each(high.value.get() - low.value.get()))?;
    let range = low.ends().zip(high.ends()).and_then(|(few, many)| {
        let reading = crate::summary::Reading::new;
        reading(each(many.0 - few.1)).zip(reading(each(many.1 - few.0)))
    });
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
            // Where the upgraded arm itself is too stale, nothing on this path will do and the need is not its kind.
            if own.at_most(budget_ms) != Holds::Yes {
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
                    part(condition, holds, numbers, best, &[&other])
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
