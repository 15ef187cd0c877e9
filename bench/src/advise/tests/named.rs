//! What ways are called, and what is said once.

use super::*;
use crate::report::fixture as report_fixture;
use crate::summary::{Summary, summarise};

fn summary() -> Summary {
    let (manifest, trials) = report_fixture::run();
    summarise(&manifest, &trials, &[])
}

fn names(summary: &Summary) -> Vec<String> {
    let ways = observations::ways(&[("run".to_owned(), summary)]);
    ways.into_iter().map(|way| way.entry.arm.name).collect()
}

#[test]
fn a_way_is_called_by_what_its_arms_have_in_common_and_never_by_one_interval() {
    let mut summary = summary();
    let place = summary.arms.iter().position(|entry| entry.arm.name == POLL).unwrap();
    let (mut second, measured) = (summary.arms[place].clone(), summary.cells[0].arms[place].clone());
    let first = &mut summary.arms[place].arm;
    (first.name, first.interval_ms) = (format!("{POLL} 50 ms"), 50);
    let alone = names(&summary);
    (second.arm.name, second.arm.interval_ms) = (format!("{POLL} newest each 2 s"), 2_000);
    summary.arms.push(second);
    summary.cells[0].arms.push(measured);
    let both = names(&summary);
    assert_eq!((alone[place].as_str(), both[place].as_str(), both.len()), (POLL, POLL, 5));
    // Of another interval than the arm's own nothing is known.
    summary.arms[place].arm.name = format!("{POLL} 150 ms");
    summary.arms.pop();
    assert_eq!(names(&summary)[place], format!("{POLL} 150 ms"));
}

#[test]
fn two_ways_of_one_name_are_told_apart() {
    let mut summary = summary();
    for entry in summary.arms.iter_mut().rev().take(2) {
        entry.arm.name = "push".to_owned();
    }
    assert_eq!(names(&summary)[3..], ["push (sse, kept)", "push (websocket, kept)"]);
}

#[test]
fn what_holds_for_several_numbers_of_clients_is_said_once() {
    let ways = fixture::five(0.02);
    let at = |latest_only, clients| advise_from(&Question { latest_only, ..question().with_clients(clients) }, &ways);
    let all = [at(false, 500), at(false, 600), at(false, 700), at(true, 500)];
    let told = |all: &[Advice]| section::told(all, verdict::gist, |advice| advice.reasons.join(" "));
    let said = told(&all);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].starts_with("500 clients, every quote: ws costs least"), "{said:#?}");
    assert!(said[0].ends_with(" The same at 600 and 700 clients; the table has the figures."), "{said:#?}");
    assert!(said[1].starts_with("500 clients, newest only: "), "{said:#?}");
    // Whoever is first, in doubt, or dearer in something else, makes another answer.
    let mut other = all.clone();
    let lead = other[1].candidates.iter_mut().find(|candidate| candidate.arm == WS).unwrap();
    lead.may_be_too_stale = true;
    assert_eq!(told(&other).len(), 4, "500, then 600 in doubt, then 700, then the newest");
}
