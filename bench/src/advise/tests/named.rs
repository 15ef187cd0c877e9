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
    let (mut first, measured) = (summary.arms[place].clone(), summary.cells[0].arms[place].clone());
    let mut second = first.clone();
    (second.arm.name, second.arm.interval_ms) = (format!("{POLL} each 50 ms"), 50);
    summary.arms[place] = second.clone();
    assert_eq!(names(&summary)[place], POLL, "the word before an interval goes with it");
    second.arm.name = format!("{POLL} 50 ms");
    (first.arm.name, first.arm.interval_ms) = (format!("{POLL} newest each 2 s"), 2_000);
    summary.arms[place] = first;
    assert_eq!(names(&summary)[place], format!("{POLL} newest"));
    summary.arms.push(second);
    summary.cells[0].arms.push(measured);
    let longer_first = names(&summary);
    summary.arms.swap(place, 5);
    let shorter_first = names(&summary);
    assert_eq!((longer_first[place].as_str(), longer_first.len()), (POLL, 5));
    assert_eq!(longer_first, shorter_first, "whichever comes first");
    // Of another interval than the arm's own nothing is known.
    summary.arms[place].arm.name = format!("{POLL} 150 ms");
    summary.arms.pop();
    assert_eq!(names(&summary)[place], format!("{POLL} 150 ms"));
}

#[test]
fn two_ways_of_one_name_are_told_apart() {
    let mut summary = summary();
    let own = names(&summary);
    let (ask, push) = (0..2, 3..5);
    summary.arms[ask.clone()].iter_mut().for_each(|entry| entry.arm.name = "ask".to_owned());
    summary.arms[push.clone()].iter_mut().for_each(|entry| entry.arm.name = "push".to_owned());
    let told = names(&summary);
    assert_eq!(told[ask], ["ask (polling, closed)", "ask (polling, kept)"], "one transport");
    assert_eq!(told[push], ["push (sse, kept)", "push (websocket, kept)"], "two of them");
    assert_eq!(told[2], own[2], "nobody else is called so");
}

/// The answers in sentences, what holds for several of them once.
fn told(all: &[Advice]) -> Vec<String> {
    section::told(all, verdict::gist, |advice| advice.reasons.join(" "))
}

#[test]
fn what_holds_for_several_numbers_of_clients_is_said_once() {
    let ways = fixture::five(0.02);
    let at = |latest_only, clients| advise_from(&Question { latest_only, ..question().with_clients(clients) }, &ways);
    let all = [at(false, 500), at(false, 600), at(false, 700), at(true, 500)];
    let said = told(&all);
    assert_eq!(said.len(), 2, "{said:#?}");
    assert!(said[0].starts_with("500 clients, every quote: ws costs least"), "{said:#?}");
    assert!(said[0].ends_with(" The same at 600 and 700 clients; the table has the figures."), "{said:#?}");
    assert!(said[1].starts_with("500 clients, newest only: "), "{said:#?}");
    let mut other = all.clone();
    let lead = other[1].candidates.iter_mut().find(|candidate| candidate.arm == WS).unwrap();
    lead.may_be_too_stale = true;
    assert_eq!(told(&other).len(), 4, "500, then 600 in doubt, then 700, then the newest");
}

/// The answer for so many clients, from made-up candidates.
fn answer(clients: u64, candidates: &[Candidate]) -> Advice {
    let question = question().with_clients(clients);
    let groups = ranking::rank(candidates, ranking::criteria(candidates, clients));
    let reasons = verdict::reasons(&question, candidates, &groups);
    Advice { question, groups, candidates: candidates.to_vec(), held_out: Vec::new(), reasons, notes: Vec::new() }
}

/// What changes, candidates before, and after. One part of an answer's gist changes at a time: were it left out of what is
/// compared, nothing else would tell the two apart.
fn changes() -> Vec<(&'static str, Vec<Candidate>, Vec<Candidate>)> {
    let sure = |arm, bytes| named(arm, bytes, None);
    let busy = |arm, bytes, processors| named(arm, bytes, Some(processors));
    let doubted = |arm, bytes| Candidate { may_be_too_stale: true, ..named(arm, bytes, None) };
    let late = |arm, bytes| Candidate { why_not: Some("too late".to_owned()), ..named(arm, bytes, None) };
    let measured = |clients| {
        let mut one = named("a", (1.0, 2.0), None);
        one.nearness.measured_clients = (clients, clients);
        one
    };
    let (low, middle, high) = ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0));
    // The second of three overlaps both others, which the first does not.
    let (bridge, beyond) = ((1.5, 4.5), (4.0, 5.0));
    vec![
        (
            "who is first",
            vec![doubted("a", low), doubted("b", middle), sure("c", high)],
            vec![doubted("a", middle), doubted("b", low), sure("c", high)],
        ),
        (
            "who of the first is in doubt",
            vec![sure("a", low), doubted("b", bridge), sure("c", beyond)],
            vec![sure("a", low), doubted("b", bridge), doubted("c", beyond)],
        ),
        (
            "in what the first differ",
            vec![busy("a", low, (5.0, 6.0)), busy("b", (1.5, 3.0), (5.5, 7.0))],
            vec![busy("a", low, (5.0, 6.0)), busy("b", (1.5, 3.0), (6.5, 7.0))],
        ),
        (
            "what the first costs more",
            vec![busy("a", low, (5.0, 6.0)), busy("b", middle, (5.5, 7.0))],
            vec![busy("a", low, (5.0, 6.0)), busy("b", middle, (1.0, 2.0))],
        ),
        (
            "than whom the first costs more",
            vec![busy("a", low, (5.0, 6.0)), busy("b", middle, (1.0, 2.0)), busy("c", high, (2.0, 3.0))],
            vec![busy("a", low, (5.0, 6.0)), busy("b", middle, (2.0, 3.0)), busy("c", high, (1.0, 2.0))],
        ),
        (
            "who is cheapest of the sure",
            vec![doubted("a", low), sure("b", middle), sure("c", high)],
            vec![doubted("a", low), sure("b", high), sure("c", middle)],
        ),
        ("whether there is a next", vec![sure("a", low), sure("b", middle)], vec![sure("a", low), late("b", middle)]),
        ("whether it is too far to tell", vec![measured(20)], vec![measured(11)]),
    ]
}

#[test]
fn whoever_is_first_in_doubt_or_dearer_makes_another_answer() {
    for (what, before, after) in changes() {
        let same = told(&[answer(500, &before), answer(600, &before)]);
        assert!(same.len() == 1 && same[0].contains(" The same at 600 clients"), "{what}: {same:#?}");
        let other = told(&[answer(500, &before), answer(600, &after)]);
        assert!(other.len() == 2 && other[1].starts_with("600 clients, every quote: "), "{what}: {other:#?}");
    }
}
