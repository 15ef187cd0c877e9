//! What the decision map says, in sentences: where each transport is clearly the cheapest, at which rates and for prices how
//! fresh, and of whom that is true nowhere.

use wirerace_contract::spec::Delivery;

use crate::charts::{Chart, DECISION_MAP, Decision, decisions};
use crate::summary::Summary;
use crate::summary::words::{count, list, number};

/// One field of the map with who shares it.
struct Field<'a> {
    decision: &'a Decision,
    /// Their titles, one for each way; none where no way keeps the bound, or nothing is known.
    winners: Vec<&'a str>,
}

/// The fields of the map where it stands among the charts over all cells; otherwise none, since the sentences send readers to
/// it. They are found again, which takes far less than drawing them: each compares a few arms over a few blocks.
pub(super) fn decided(summary: &Summary, across: &[(String, Chart)]) -> Vec<Decision> {
    let is_drawn = across.iter().any(|(_, chart)| chart.kind == DECISION_MAP);
    if is_drawn { decisions(summary) } else { Vec::new() }
}

/// What the fields of the map say; `None` where nobody stands alone in any of them.
pub(super) fn sentences(summary: &Summary, map: &[Decision]) -> Option<String> {
    let field = |decision| Some(Field { decision, winners: winners(summary, decision)? });
    let fields: Vec<Field<'_>> = map.iter().map(field).collect::<Option<_>>()?;
    if !fields.iter().any(|field| field.winners.len() == 1) {
        return None;
    }
    let of = |delivery: Delivery| {
        let of_it: Vec<&Field<'_>> = fields.iter().filter(|field| field.decision.delivery == delivery).collect();
        sentence(summary, delivery, &of_it)
    };
    let each: Vec<String> = distinct(map.iter().map(|decision| decision.delivery)).into_iter().map(of).collect();
    Some(each.join(" "))
}

/// The titles of the arms that share a field; `None` where one of them is no arm of the run.
fn winners<'a>(summary: &'a Summary, decision: &Decision) -> Option<Vec<&'a str>> {
    let title = |arm: &usize| Some(&*summary.arms.get(*arm)?.descriptor.title);
    decision.arms.iter().map(title).collect()
}

/// Each once, in their order.
fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct: Vec<T> = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

/// All transports of one delivery in the same words, whoever wins, and those that win nowhere too.
fn sentence(summary: &Summary, delivery: Delivery, fields: &[&Field<'_>]) -> String {
    let wanted = match delivery {
        Delivery::Newest => "Where only the newest quote is wanted",
        Delivery::Every => "Where every quote is wanted",
    };
    let arms = summary.arms.iter().filter(|entry| entry.arm.delivery == delivery);
    let titles = distinct(arms.map(|entry| &*entry.descriptor.title));
    let alone = |title: &str, is_only: bool| {
        let its = fields.iter().copied().filter(|field| field.winners == [title] && field.decision.is_only == is_only);
        its.collect::<Vec<_>>()
    };
    let clearly: Vec<String> = titles.iter().map(|&title| won(title, &alone(title, false))).collect();
    let only = titles.iter().map(|&title| (title, alone(title, true))).filter(|(_, fields)| !fields.is_empty());
    let only: Vec<String> = only.map(|(title, fields)| won(title, &fields)).collect();
    let only = match only.as_slice() {
        [] => String::new(),
        only => format!(" The only one that surely keeps the bound: {}.", only.join("; ")),
    };
    let shared = fields.iter().filter(|field| field.winners.len() > 1).count();
    let nobody = fields.iter().filter(|field| field.winners.is_empty()).count();
    format!(
        "{wanted}, clearly cheaper than every other way that surely keeps the price so fresh, in how many of the decision map's {} \
         fields, each a cost, a rate and a bound: {}.{only} No clear winner in {}; in {} no way surely keeps the bound, or what \
         it costs is not known.",
        count(fields.len() as u64),
        clearly.join("; "),
        count(shared as u64),
        count(nobody as u64)
    )
}

/// In how many fields, and in which.
fn won(title: &str, fields: &[&Field<'_>]) -> String {
    let n = count(fields.len() as u64);
    if fields.is_empty() { format!("{title} in {n}") } else { format!("{title} in {n} ({})", places(fields)) }
}

/// Cost by cost: at which rates, for prices at most how stale.
fn places(fields: &[&Field<'_>]) -> String {
    let all = || fields.iter().map(|field| field.decision);
    let of_cost = |cost: &str| {
        let of_it: Vec<&Decision> = all().filter(|decision| decision.cost == cost).collect();
        // Rates that have the same bounds stand together.
        let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for rate_per_s in distinct(of_it.iter().map(|decision| decision.rate_per_s)) {
            let bounds = of_it.iter().filter(|decision| decision.rate_per_s == rate_per_s);
            let bounds: Vec<String> = bounds.map(|decision| decision.bound.to_owned()).collect();
            let rate = number(rate_per_s);
            match groups.iter_mut().find(|(shared, _)| *shared == bounds) {
                Some((_, rates)) => rates.push(rate),
                None => groups.push((bounds, vec![rate])),
            }
        }
        let each = groups.iter().map(|(bounds, rates)| format!("at {} quotes/s within {}", list(rates), list(bounds)));
        format!("{cost} {}", each.collect::<Vec<_>>().join(", "))
    };
    let each: Vec<String> = distinct(all().map(|decision| decision.cost)).into_iter().map(of_cost).collect();
    each.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::RUN_KINDS;
    use crate::report::fixture::sweep::{Over, run};
    use crate::summary::summarise;

    fn summary() -> Summary {
        let (manifest, trials) = run(Over::Rates);
        summarise(&manifest, &trials, &[])
    }

    /// A cost, a rate and a bound.
    type Asked = (&'static str, f64, &'static str);

    /// A field that these arms share, where only the newest quote is wanted.
    fn field(summary: &Summary, (cost, rate_per_s, bound): Asked, arms: &[&str]) -> Decision {
        let place = |name: &&str| summary.arms.iter().position(|entry| entry.arm.name == **name).unwrap();
        let arms = arms.iter().map(place).collect();
        Decision { delivery: Delivery::Newest, cost, rate_per_s, bound, arms, is_only: false }
    }

    #[test]
    fn the_fields_are_those_of_the_drawn_map_and_of_no_other() {
        let summary = summary();
        let kind = RUN_KINDS.iter().find(|kind| kind.name == DECISION_MAP).unwrap();
        let chart = kind.draw(&summary).unwrap();
        let rows = chart.table.rows.len();
        let map = decided(&summary, &[("its file".to_owned(), chart)]);
        assert_eq!(map.len(), rows);
        // Three rates, four bounds up to twice the longest interval, four costs.
        let first = (map.len(), map[0].delivery, map[0].rate_per_s, map[0].bound);
        assert_eq!(first, (48, Delivery::Newest, 1.0, "30 ms"));
        let mut winners = map.iter().flat_map(|field| winners(&summary, field).unwrap());
        assert!(winners.any(|title| title == "WebSocket"), "titles, not names of arms");
        assert!(decided(&summary, &[]).is_empty(), "no sentence on a map that is not there");
    }

    #[test]
    fn every_winner_has_its_rates_and_bounds_and_who_wins_nowhere_is_named() {
        let summary = summary();
        let map = [
            Decision { is_only: true, ..field(&summary, ("fewest bytes", 1.0, "30 ms"), &["long-poll 100 ms"]) },
            field(&summary, ("fewest bytes", 1.0, "0.3 s"), &["poll 100 ms"]),
            field(&summary, ("fewest bytes", 1.0, "1 s"), &["poll 1000 ms"]),
            field(&summary, ("fewest bytes", 10.0, "0.3 s"), &["poll 100 ms"]),
            field(&summary, ("fewest bytes", 10.0, "1 s"), &["poll 1000 ms"]),
            field(&summary, ("fewest bytes", 100.0, "1 s"), &["poll 1000 ms"]),
            field(&summary, ("least CPU", 1.0, "1 s"), &["poll 1000 ms"]),
            field(&summary, ("least CPU", 10.0, "1 s"), &["sse 1000 ms", "ws 1000 ms"]),
            field(&summary, ("least CPU", 100.0, "1 s"), &[]),
        ];
        let told = sentences(&summary, &map).unwrap();
        let clearly = "Where only the newest quote is wanted, clearly cheaper than every other way that surely keeps the price so fresh, in \
                       how many of the decision map's 9 fields, each a cost, a rate and a bound: polling in 6 (fewest bytes at 1 and 10 \
                       quotes/s within 0.3 s and 1 s, at 100 quotes/s within 1 s; least CPU at 1 quotes/s within 1 s); long polling in 0; \
                       server-sent events in 0; WebSocket in 0.";
        let rest = " The only one that surely keeps the bound: long polling in 1 (fewest bytes at 1 quotes/s within 30 ms). No clear \
                    winner in 1; in 1 no way surely keeps the bound, or what it costs is not known.";
        assert_eq!(told, format!("{clearly}{rest}"));
    }

    #[test]
    fn without_a_map_or_a_winner_nothing_is_said() {
        let summary = summary();
        let tied = field(&summary, ("least CPU", 1.0, "1 s"), &["sse 1000 ms", "ws 1000 ms"]);
        assert_eq!(sentences(&summary, std::slice::from_ref(&tied)), None);
        assert_eq!(sentences(&summary, &[]), None);
        let won = field(&summary, ("least CPU", 10.0, "1 s"), &["ws 1000 ms"]);
        assert!(sentences(&summary, &[tied, won.clone()]).is_some());
        let unknown = Decision { arms: vec![summary.arms.len()], ..won };
        assert_eq!(sentences(&summary, &[unknown]), None, "an arm of another run");
    }
}
