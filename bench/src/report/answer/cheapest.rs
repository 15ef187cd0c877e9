//! What the decision map says, in sentences: where each transport is clearly the cheapest, at which rates and for prices how
//! fresh, and of whom that is true nowhere.

use wirerace_contract::spec::Delivery;

use crate::charts::{Chart, DECISION_MAP, DataTable, ONLY_ONE};
use crate::summary::Summary;
use crate::summary::words::{NOTHING, count, list};

/// One field of the map.
struct Field<'a> {
    delivery: &'a str,
    cost: &'a str,
    rate: &'a str,
    bound: &'a str,
    /// The titles of those that share it; none where no way keeps the bound, or nothing is known.
    winners: Vec<&'a str>,
    /// Whether nobody else surely keeps the bound.
    is_only: bool,
}

/// What the map among the charts over all cells says; `None` where there is none, or it is decided nowhere.
pub(super) fn sentences(summary: &Summary, across: &[(String, Chart)]) -> Option<String> {
    let (_, map) = across.iter().find(|(_, chart)| chart.kind == DECISION_MAP)?;
    let fields = fields(summary, &map.table)?;
    if !fields.iter().any(|field| field.winners.len() == 1) {
        return None;
    }
    let of = |delivery: &str| {
        let of_it: Vec<&Field<'_>> = fields.iter().filter(|field| field.delivery == delivery).collect();
        sentence(summary, delivery, &of_it)
    };
    let each: Vec<String> = distinct(fields.iter().map(|field| field.delivery)).into_iter().map(of).collect();
    Some(each.join(" "))
}

/// The fields of the map's table; `None` where it is not the table that is known here.
fn fields<'a>(summary: &'a Summary, table: &'a DataTable) -> Option<Vec<Field<'a>>> {
    let place = |head: &str| table.columns.iter().position(|column| column == head);
    let heads = ["delivery", "cost", "quotes/s", "at most stale", "cheapest", "arms and what they cost"];
    let places: Vec<usize> = heads.into_iter().map(place).collect::<Option<_>>()?;
    let field = |row: &'a Vec<String>| {
        let cells: Vec<&str> = places.iter().map(|place| row.get(*place).map(String::as_str)).collect::<Option<_>>()?;
        let [delivery, cost, rate, bound, cheapest, arms] = *cells.as_slice() else { return None };
        let winners = winners(summary, arms)?;
        Some(Field { delivery, cost, rate, bound, winners, is_only: cheapest.ends_with(ONLY_ONE) })
    };
    table.rows.iter().map(field).collect()
}

/// The titles of arms that are listed with what each costs; `None` where one of them is no arm of the run.
fn winners<'a>(summary: &'a Summary, arms: &str) -> Option<Vec<&'a str>> {
    let title = |listed: &str| {
        let (name, _) = listed.rsplit_once(' ')?;
        let entry = summary.arms.iter().find(|entry| entry.arm.name == name)?;
        Some(&*entry.descriptor.title)
    };
    arms.split(", ").filter(|listed| *listed != NOTHING).map(title).collect()
}

/// Each once, in their order.
fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct: Vec<&str> = Vec::new();
    for word in words {
        if !distinct.contains(&word) {
            distinct.push(word);
        }
    }
    distinct
}

/// All transports of one delivery in the same words, whoever wins, and those that win nowhere too.
fn sentence(summary: &Summary, delivery: &str, fields: &[&Field<'_>]) -> String {
    let newest = delivery == Delivery::Newest.name();
    let wanted = if newest { "Where only the newest quote is wanted" } else { "Where every quote is wanted" };
    let arms = summary.arms.iter().filter(|entry| entry.arm.delivery.name() == delivery);
    let titles = distinct(arms.map(|entry| &*entry.descriptor.title));
    let alone = |title: &str, is_only: bool| {
        let its = fields.iter().copied().filter(|field| field.winners == [title] && field.is_only == is_only);
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
    let of_cost = |cost: &str| {
        let of_it: Vec<&Field<'_>> = fields.iter().copied().filter(|field| field.cost == cost).collect();
        // Rates that have the same bounds stand together.
        let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for rate in distinct(of_it.iter().map(|field| field.rate)) {
            let bounds = of_it.iter().filter(|field| field.rate == rate).map(|field| field.bound.to_owned());
            let bounds: Vec<String> = bounds.collect();
            match groups.iter_mut().find(|(shared, _)| *shared == bounds) {
                Some((_, rates)) => rates.push(rate.to_owned()),
                None => groups.push((bounds, vec![rate.to_owned()])),
            }
        }
        let each = groups.iter().map(|(bounds, rates)| format!("at {} quotes/s within {}", list(rates), list(bounds)));
        format!("{cost} {}", each.collect::<Vec<_>>().join(", "))
    };
    let each: Vec<String> = distinct(fields.iter().map(|field| field.cost)).into_iter().map(of_cost).collect();
    each.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::RUN_KINDS;
    use crate::report::fixture::sweep::{Over, run};
    use crate::summary::summarise;

    fn drawn() -> (Summary, Chart) {
        let (manifest, trials) = run(Over::Rates);
        let summary = summarise(&manifest, &trials, &[]);
        let kind = RUN_KINDS.iter().find(|kind| kind.name == DECISION_MAP).unwrap();
        let chart = kind.draw(&summary).unwrap();
        (summary, chart)
    }

    /// The map with other rows.
    fn with_rows(chart: &Chart, rows: &[[&str; 6]]) -> Vec<(String, Chart)> {
        let mut chart = chart.clone();
        chart.table.rows = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        vec![(DECISION_MAP.to_owned(), chart)]
    }

    #[test]
    fn the_table_of_the_map_is_understood() {
        let (summary, chart) = drawn();
        let fields = fields(&summary, &chart.table).unwrap();
        assert_eq!(fields.len(), chart.table.rows.len());
        // Three rates, four bounds up to twice the longest interval, four costs.
        assert_eq!((fields.len(), fields[0].delivery, fields[0].rate, fields[0].bound), (48, "newest", "1", "30 ms"));
        assert!(fields.iter().any(|field| field.winners.contains(&"WebSocket")), "titles, not names of arms");
        let mut other = chart.table.clone();
        other.columns[5] = "ways".to_owned();
        assert!(super::fields(&summary, &other).is_none());
    }

    #[test]
    fn every_winner_has_its_rates_and_bounds_and_who_wins_nowhere_is_named() {
        let (summary, chart) = drawn();
        let only = format!("long-poll {ONLY_ONE}");
        let rows = [
            ["newest", "fewest bytes", "1", "30 ms", only.as_str(), "long-poll 100 ms 1,837"],
            ["newest", "fewest bytes", "1", "0.3 s", "poll", "poll 100 ms 90"],
            ["newest", "fewest bytes", "1", "1 s", "poll", "poll 1000 ms 9"],
            ["newest", "fewest bytes", "10", "0.3 s", "poll", "poll 100 ms 90"],
            ["newest", "fewest bytes", "10", "1 s", "poll", "poll 1000 ms 9"],
            ["newest", "fewest bytes", "100", "1 s", "poll", "poll 1000 ms 9"],
            ["newest", "least CPU", "1", "1 s", "poll", "poll 1000 ms 9"],
            ["newest", "least CPU", "10", "1 s", "ws and sse (no clear winner)", "sse 1000 ms 9, ws 1000 ms 9"],
            ["newest", "least CPU", "100", "1 s", "no way keeps it", NOTHING],
        ];
        let told = sentences(&summary, &with_rows(&chart, &rows)).unwrap();
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
        let (summary, chart) = drawn();
        let tied = ["newest", "least CPU", "1", "1 s", "no clear winner", "sse 1000 ms 9, ws 1000 ms 9"];
        assert_eq!(sentences(&summary, &with_rows(&chart, &[tied])), None);
        assert_eq!(sentences(&summary, &[]), None);
        let unknown = ["newest", "least CPU", "1", "1 s", "a", "an arm of another run 9"];
        assert_eq!(sentences(&summary, &with_rows(&chart, &[unknown])), None);
    }
}
