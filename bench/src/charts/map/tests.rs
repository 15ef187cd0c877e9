//! The map's fields: who wins, who is alone, what is not decided, and what is said of it.
use super::*;
use crate::charts::run_tests::{drawn, drawn_of, made, series, texts, without};
use crate::charts::structure;
use crate::report::fixture::sweep::Over;
use crate::summary::{ArmSummary, CellSummary, Quantity, Reading, summarise};
use wirerace_contract::results::Trial;

#[test]
fn a_field_of_the_map_is_won_only_clearly() {
    let (manifest, trials, _) = made(Over::Rates);
    // Two pushes and the poll that there must be, in one cell, are enough and quick.
    let few = |t: &&Trial| ["ws ", "sse ", "poll "].iter().any(|name| t.arm.name.starts_with(name));
    let mut trials: Vec<Trial> = trials.iter().filter(few).filter(|t| t.cell == "10 quotes/s").cloned().collect();
    let fields = |trials: &[Trial]| -> Vec<String> {
        let (chart, _) = drawn_of(NAME, &summarise(manifest, trials, &[])).unwrap();
        let of = |row: &&Vec<String>| row[1] == "fewest bytes" && row[2] == "10" && row[3] == "0.3 s";
        chart.table.rows.iter().filter(of).map(|row| row[4].clone()).collect()
    };
    // Pushes cost the same bytes, and fewer than polls: neither wins, nor where one of them costs a little more.
    for (percent, field) in [(0, "sse and ws (no clear winner)"), (4, "sse and ws (no clear winner)"), (7, "ws")] {
        let mut dearer = trials.clone();
        let one = dearer.iter_mut().filter(|t| t.arm.name.starts_with("sse"));
        for ledger in one.filter_map(|t| Some(&mut t.measured.as_mut()?.ledger)) {
            let packets = ledger.to_client.packets().unwrap() + ledger.to_server.packets().unwrap();
            ledger.to_client.payload += packets * percent / 100;
        }
        assert_eq!(fields(&dearer), [field], "{percent} % more");
    }
    // With five blocks there is no interval: all would be tied, which nobody found, and there is no map.
    let few: Vec<Trial> = trials.iter().filter(|t| t.block < 6).cloned().collect();
    assert!(drawn_of(NAME, &summarise(manifest, &few, &[])).is_none());
    // Whose price is too old does not take part, however cheap.
    for measured in trials.iter_mut().filter(|t| t.arm.name.starts_with("ws")).filter_map(|t| t.measured.as_mut()) {
        measured.client.staleness.p99_ns = 1_100_000_000;
    }
    assert_eq!(fields(&trials), ["sse"]);
}

#[test]
fn a_delivery_without_a_poll_beside_a_push_has_no_map() {
    let (manifest, trials, summary) = made(Over::Rates);
    let (chart, _) = drawn_of(NAME, summary).unwrap();
    assert!(chart.notes.iter().any(|note| note.contains("the longest interval measured is 1 s")), "{:?}", chart.notes);
    assert!(!chart.notes.iter().any(|note| note.contains("no map")), "{:?}", chart.notes);
    let is_push = |name: &str| name.starts_with("ws") || name.starts_with("sse");
    let pushes: Vec<Trial> = trials.iter().filter(|t| is_push(&t.arm.name)).cloned().collect();
    let (chart, svg) = drawn_of(NAME, &summarise(manifest, &pushes, &[])).unwrap();
    assert!(svg.contains("Nothing to draw") && series(&svg) == 0);
    assert!(
        chart.notes.iter().any(|note| note.contains("no poll was measured there beside a push")),
        "{:?}",
        chart.notes
    );
    // A run that never meant to ask has no such picture.
    let mut only = manifest.clone();
    only.arms.retain(|entry| is_push(&entry.arm.name));
    assert!(drawn_of(NAME, &summarise(&only, &pushes, &[])).is_none());
}

#[test]
fn who_may_or_may_not_keep_a_bound_is_named_and_does_not_win() {
    let mut summary = made(Over::Rates).2.clone();
    let of = |summary: &Summary| {
        let (chart, _) = drawn_of(NAME, summary).unwrap();
        let row = chart.table.rows.iter().find(|row| row[1] == "fewest bytes" && row[2] == "10" && row[3] == "0.3 s");
        (row.unwrap()[4].clone(), chart.notes.iter().any(|note| note.contains("0.3 s by ws 100 ms (at 10 quotes/s)")))
    };
    assert_eq!(of(&summary), ("sse and ws (no clear winner)".to_owned(), false));
    let cell = summary.cells.iter_mut().find(|cell| cell.name == "10 quotes/s").unwrap();
    let arm = cell.arms.iter_mut().find(|arm| arm.arm == "ws 100 ms").unwrap();
    let stale = arm.estimates.iter_mut().find(|e| e.quantity == Quantity::StalenessP99).unwrap();
    let interval = stale.interval.as_mut().unwrap();
    interval.high = Reading::new(301.0).unwrap();
    assert_eq!(of(&summary), ("sse".to_owned(), true));
}

#[test]
fn fields_of_many_cells_keep_their_letters_to_themselves() {
    let mut summary = made(Over::Rates).2.clone();
    let like = summary.cells[2].clone();
    let cell = |i: u32| {
        let mut cell = CellSummary { name: format!("cell {i}"), ..like.clone() };
        cell.load.feed.rate_per_s = f64::from(11 * i);
        cell
    };
    summary.cells = (1..=9).map(cell).collect();
    let (chart, svg) = drawn_of(NAME, &summary).unwrap();
    assert_eq!(structure::misplaced(&svg), Vec::<String>::new());
    // Five are tied in memory, which nine columns have no room for.
    assert!(chart.notes.iter().any(|note| note.starts_with("A number in a field")) && texts(&svg).contains(&"5"));
    let (chart, _) = drawn(NAME, Over::Rates);
    assert!(!chart.notes.iter().any(|note| note.starts_with("A number in a field")), "{:?}", chart.notes);
}

/// What stands in the field of 10 quotes/s and 0.3 s of one cost.
fn field_of(chart: &Chart, cost: &str) -> Option<String> {
    chart.table.rows.iter().find(|row| row[1] == cost && row[2] == "10" && row[3] == "0.3 s").map(|row| row[4].clone())
}

#[test]
fn one_block_of_an_exact_cell_decides_what_is_counted() {
    let (manifest, trials, _) = made(Over::Rates);
    let one: Vec<Trial> = trials.iter().filter(|t| t.block == 1).cloned().collect();
    assert!(drawn_of(NAME, &summarise(manifest, &one, &[])).is_none(), "one block of another cell decides nothing");
    let mut exact = manifest.clone();
    exact.cells.iter_mut().for_each(|cell| cell.exact = true);
    let (chart, svg) = drawn_of(NAME, &summarise(&exact, &one, &[])).unwrap();
    // Polls ask, and pushes cost the same: neither of these wins.
    for counted in ["fewest requests", "fewest bytes above TCP"] {
        assert_eq!(field_of(&chart, counted).unwrap(), "sse and ws (no clear winner)", "{counted}");
    }
    // What takes time is not decided, and is not called tied either.
    let said = chart.notes.join(" ");
    assert!(field_of(&chart, "least CPU").is_none() && !texts(&svg).contains(&"least CPU"));
    assert!(said.contains("no map of least CPU and least memory of the server"), "{said}");
    assert!(said.contains("Counted in fewer than six trials"), "{said}");
    assert_eq!(structure::misplaced(&svg), Vec::<String>::new());
}

/// The run over rates in which at 10 quotes/s only one way surely keeps its bounds.
fn kept_by_one_alone() -> Summary {
    let mut summary = made(Over::Rates).2.clone();
    let cell = summary.cells.iter_mut().find(|cell| cell.name == "10 quotes/s").unwrap();
    for arm in cell.arms.iter_mut().filter(|arm| !arm.arm.starts_with("ws ")) {
        let stale = arm.estimates.iter_mut().find(|e| e.quantity == Quantity::StalenessP99).unwrap();
        stale.interval.as_mut().unwrap().high = Reading::new(2_000.0).unwrap();
    }
    summary
}

#[test]
fn decisions_are_the_fields_of_the_drawn_table() {
    let summary = kept_by_one_alone();
    let (chart, _) = drawn_of(NAME, &summary).unwrap();
    let all = decisions(&summary);
    assert_eq!(all.len(), chart.table.rows.len());
    for (decision, row) in all.iter().zip(&chart.table.rows) {
        let rate = number(decision.rate_per_s);
        assert_eq!(row[..4], [decision.delivery.name(), decision.cost, rate.as_str(), decision.bound]);
        let names: Vec<&str> = decision.arms.iter().map(|arm| summary.arms[*arm].arm.name.as_str()).collect();
        let listed = row[5].split(", ").filter(|listed| *listed != NOTHING);
        let listed: Vec<&str> = listed.map(|listed| listed.rsplit_once(' ').unwrap().0).collect();
        assert_eq!(names, listed, "{row:?}");
        assert_eq!(decision.is_only, row[4].ends_with(ONLY), "{row:?}");
    }
    // There is one of each kind, so that none is compared with nothing.
    assert!(all.iter().any(|decision| decision.is_only && decision.arms.len() == 1), "{all:?}");
    assert!(all.iter().any(|decision| decision.arms.len() > 1), "{all:?}");
    assert!(all.iter().any(|decision| decision.arms.is_empty()), "{all:?}");
    // A map that has nothing to draw has no field, and a run without a map has none either.
    let unmeasured = without(&summary, "", "");
    assert!(drawn_of(NAME, &unmeasured).unwrap().0.table.rows.is_empty() && decisions(&unmeasured).is_empty());
    assert!(decisions(&made(Over::Idle).2).is_empty());
}

#[test]
fn the_only_one_that_keeps_a_bound_is_told_apart_from_a_winner() {
    let (chart, svg) = drawn_of(NAME, &kept_by_one_alone()).unwrap();
    assert_eq!(field_of(&chart, "fewest bytes").unwrap(), "ws (the only one that surely keeps it)");
    assert!(texts(&svg).contains(&"(W)") && svg.contains("10 quotes/s, 0.3 s: ws (the only one"), "{:?}", texts(&svg));
    assert!(chart.sentence.contains("as the only one that keeps it"), "{}", chart.sentence);
    assert!(chart.notes.iter().any(|note| note.contains("In brackets, over a strip")), "{:?}", chart.notes);
    assert_eq!(structure::misplaced(&svg), Vec::<String>::new());
}

#[test]
fn pushes_of_every_quote_that_keep_a_bound_are_named_with_their_bytes() {
    let mut summary = made(Over::Rates).2.clone();
    let told = |summary: &Summary| {
        let notes = drawn_of(NAME, summary).unwrap().0.notes;
        notes.into_iter().find(|note| note.starts_with("Pushes of every quote keep"))
    };
    assert_eq!(told(&summary), None);
    // A poll of every quote is no push, though it keeps the same bounds.
    for (like, name) in [("ws 100 ms", "ws every"), ("poll 100 ms", "poll every")] {
        take_every_quote(&mut summary, like, name);
    }
    let what = "Pushes of every quote keep these bounds and longer ones too, and are not in the map above";
    let first = "0.3 s for 123 B/s at 1 quotes/s, 0.1 s for 456 B/s at 10 quotes/s";
    let last = "0.3 s for 789 B/s at 100 quotes/s";
    let whole = format!("{what} (packet bytes per second and client): ws every {first} and {last}.");
    assert_eq!(told(&summary).unwrap(), whole);
}

/// Adds an arm that is as the one called `like`, but takes every quote. In the second cell its whole interval of
/// staleness lies within 0.1 s; in the others that bound lies inside the interval, and the next above it.
fn take_every_quote(summary: &mut Summary, like: &str, name: &str) {
    let place = summary.arms.iter().position(|entry| entry.arm.name == like).unwrap();
    let mut entry = summary.arms[place].clone();
    (entry.arm.name, entry.arm.delivery) = (name.to_owned(), Delivery::Every);
    summary.arms.push(entry);
    let of_cells = [(250.0, 123.0), (90.0, 456.0), (250.0, 789.0)];
    for (cell, (stale_ms, bytes_per_s)) in summary.cells.iter_mut().zip(of_cells) {
        let mut arm = ArmSummary { arm: name.to_owned(), ..cell.arms[place].clone() };
        for estimate in &mut arm.estimates {
            match estimate.quantity {
                Quantity::StalenessP99 => {
                    let interval = estimate.interval.as_mut().unwrap();
                    (interval.low, interval.high) = (Reading::new(60.0).unwrap(), Reading::new(stale_ms).unwrap());
                }
                Quantity::PacketRate => estimate.median = Reading::new(bytes_per_s),
                _ => {}
            }
        }
        cell.arms.push(arm);
    }
}

#[test]
fn of_who_has_too_few_trials_in_a_cell_others_still_win_there() {
    let mut summary = without(&made(Over::Rates).2, "sse", "10 quotes/s");
    let cell = summary.cells.iter_mut().find(|cell| cell.name == "10 quotes/s").unwrap();
    cell.arms.iter_mut().find(|arm| arm.arm == "poll 100 ms").unwrap().valid = 5;
    let (chart, _) = drawn_of(NAME, &summary).unwrap();
    assert_eq!(field_of(&chart, "fewest bytes").unwrap(), "ws");
    let said = chart.notes.join(" ");
    let absent = "not in the map: sse 100 ms (in 10 quotes/s) and sse 1000 ms (in 10 quotes/s).";
    assert!(said.contains(absent), "{said}");
    assert!(said.contains("clearly dearer than another: poll 100 ms (in 10 quotes/s)."), "{said}");
    assert!(!said.contains("nothing is clear"), "{said}");
}
