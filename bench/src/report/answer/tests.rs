use super::*;
use crate::report::fixture;
use crate::report::tests::without_first_interval;
use crate::summary::summarise;
use wirerace_contract::results::{Cell, Manifest, Trial};
use wirerace_contract::spec::Delivery;

fn answer_of(change: impl FnOnce(&mut Manifest, &mut Vec<Trial>)) -> Answer {
    let (mut manifest, mut trials) = fixture::run();
    change(&mut manifest, &mut trials);
    answer(&summarise(&manifest, &trials, &[]), &[])
}

fn texts(answer: &Answer) -> Vec<&str> {
    answer.said.iter().map(|said| said.text.as_str()).collect()
}

/// Adds cells that are copies of the fixture's, each trial changed.
fn more_cells(manifest: &mut Manifest, trials: &mut Vec<Trial>, names: &[&str], change: impl Fn(&str, &mut Trial)) {
    let first = trials.clone();
    for name in names {
        manifest.cells.push(Cell { name: (*name).to_owned(), ..manifest.cells[0].clone() });
        for mut trial in first.iter().cloned() {
            trial.cell = (*name).to_owned();
            change(name, &mut trial);
            trials.push(trial);
        }
    }
}

#[test]
fn the_answer_of_the_fixture() {
    let answer = answer_of(|_, _| ());
    let texts = texts(&answer);
    let (by_quote, by_second) = texts[1].split_once(" Without set-up, per second and client: ").unwrap();
    let [(late, _), (bytes, _)] = [texts[0], by_quote].map(without_first_interval);
    assert_eq!([late.as_str(), bytes.as_str(), texts[2]], GOLDEN);
    let places = ["ws 2,2", "; sse × 1.1", ", poll × 1.3", ", poll-close × 1.9", ", long-poll × 2.7"];
    let places = places.map(|part| by_second.find(part).unwrap_or_else(|| panic!("{part} is not in {by_second}")));
    assert!(places[0] == 0 && places.is_sorted(), "{by_second}");
    assert_eq!(
        answer.sure,
        "How sure: 5 to 6 trials an arm and cell; fewer than 6 trials give no interval and are indicative only; of the trials 1 \
         tainted and 1 void were set aside and are listed below."
    );
    let mut rows: Vec<String> = answer.standings.rows.iter().map(|row| row.join(" | ")).collect();
    let rate = rows.remove(4);
    assert!(rate.starts_with("packet bytes per second and client | poll: × 1.3"), "{rate}");
    assert!(rate.ends_with(" | first"), "{rate}");
    // Of several arms the best is named, but where none of them is better.
    assert!(rows[0].contains(" | poll: +125 ms") && rows[3].contains(" | poll: × 1.35"), "{rows:?}");
    assert!(rows[4].contains(" | all level") && rows[5].contains(" | × 145"), "{rows:?}");
    let unnamed = |row: &String| row.replace(" poll-close: ", " ").replace(" poll: ", " ");
    let rows: Vec<String> = rows.iter().map(unnamed).collect();
    assert_eq!(
        answer.standings.columns.join(" | "),
        "less is better | polling | long polling | server-sent events | WebSocket"
    );
    assert_eq!(rows, STANDINGS);
}
const GOLDEN: [&str; 3] = [
    "At the median, a quote reached ws 187 µs after it was due; sse 16.8 µs later [14.2 µs, 26.4 µs], long-poll 205 µs \
     later, poll 125 ms later [123 ms, 128 ms], poll-close 126 ms later [123 ms, 128 ms].",
    "Bytes of packets per delivered quote: ws 225; sse × 1.15 [1.13, 1.19], poll × 1.35 [1.34, 1.38], poll-close × 1.94 \
     [1.84, 1.96], long-poll × 2.7.",
    "polling: first in nothing; asks each 250 ms, for 2.5 quotes at a time on average, against pushes of every quote; \
     poll-close, a new connection for each request: 36.2 connections per 100 quotes, × 145 \
     [145, 145] against poll. long polling: first in nothing. server-sent events: level with the first in mean excess \
     staleness, requests per 100 quotes and server's CPU per quote. WebSocket: first in median lateness, lateness at \
     the 99th percentile, packet bytes per quote, packet bytes per second and client and server's and load's CPU per \
     quote; level with the first in mean excess staleness, requests per 100 quotes and server's CPU per quote. All \
     level in connections per 100 quotes and server's resident memory.",
];
const STANDINGS: [&str; 9] = [
    "median lateness | +125 ms [123 ms, 128 ms] | too few blocks | +16.8 µs [14.2 µs, 26.4 µs] | first",
    "lateness at the 99th percentile | +247 ms [247 ms, 248 ms] | too few blocks | +30 µs [9.73 µs, 52.7 µs] | first",
    "mean excess staleness | +108 ms [95.3 ms, 123 ms] | too few blocks | level | level",
    "packet bytes per quote | × 1.35 [1.34, 1.38] | too few blocks | × 1.15 [1.13, 1.19] | first",
    "connections per 100 quotes | all level | all level | all level | all level",
    "requests per 100 quotes | × 145 [145, 145] | too few blocks | level | level",
    "server's and load's CPU per quote | × 1.6 [1.54, 1.64] | too few blocks | × 1.13 [1.04, 1.2] | first",
    "server's CPU per quote | × 1.61 [1.49, 1.72] | too few blocks | level | level",
    "server's resident memory | all level | all level | all level | all level",
];

#[test]
fn polling_is_said_to_come_first_where_it_does_as_loudly_as_others() {
    let answer = answer_of(|_, trials| {
        for trial in trials.iter_mut().filter(|t| t.arm.name == "poll") {
            if let Some(measured) = &mut trial.measured {
                measured.cpu.server_us /= 10;
            }
        }
    });
    let last = *texts(&answer).last().unwrap();
    let first = "polling: first in server's and load's CPU per quote and server's CPU per quote;";
    assert!(last.starts_with(first), "{last}");
    let row = answer.standings.rows.iter().find(|row| row[0] == "server's CPU per quote").unwrap();
    assert_eq!(row[1], "poll: first", "{row:?}");
    assert!(row[2..].iter().all(|cell| cell != "first" && cell != "level"), "{row:?}");
}

#[test]
fn polling_is_first_in_bytes_by_the_second_where_it_is() {
    let stretch = |trials: &mut [Trial]| {
        for trial in trials.iter_mut().filter(|trial| trial.arm.name == "poll") {
            // The same bytes in ten times the time.
            let Some(measured) = &mut trial.measured else { continue };
            measured.server.drained.taken_ns += 360_000_000_000;
        }
    };
    let answer = answer_of(|_, trials| stretch(trials));
    let [_, bytes, choices] = texts(&answer)[..] else { panic!("{:?}", texts(&answer)) };
    let places = [" Without set-up, per second and client: poll 30", "; ws × 7."].map(|part| bytes.find(part));
    assert!(places[0].is_some() && places[0] < places[1], "{bytes}");
    assert!(choices.starts_with("polling: first in packet bytes per second and client; "), "{choices}");
    let row = answer.standings.rows.iter().find(|row| row[0] == "packet bytes per second and client").unwrap();
    assert_eq!(row[1], "poll: first", "{row:?}");

    let (manifest, mut trials) = fixture::run();
    stretch(&mut trials);
    let verdict = verdict::sentences(&summarise(&manifest, &trials, &[]));
    assert!(verdict[2].starts_with("First: polling in packet bytes per second and client;"), "{verdict:?}");
}

#[test]
fn where_packets_are_not_counted_everywhere_bytes_by_the_second_are_those_above_tcp() {
    let answer = answer_of(|_, trials| {
        for measured in trials.iter_mut().filter(|t| t.arm.name == "ws").filter_map(|t| t.measured.as_mut()) {
            measured.ledger.to_client.tcp_ip_data = None;
        }
    });
    let firsts: Vec<&str> = answer.standings.rows.iter().map(|row| row[0].as_str()).collect();
    assert!(firsts.contains(&"application bytes per second and client"), "{firsts:?}");
    assert!(!firsts.iter().any(|first| first.starts_with("packet bytes")), "{firsts:?}");
}

#[test]
fn arms_that_are_level_are_named_where_others_of_their_transport_are_not() {
    let answer = answer_of(|_, trials| {
        // What polls on kept connections take becomes what pushes take.
        let pushed: Vec<Trial> = trials.iter().filter(|t| t.arm.name == "ws").cloned().collect();
        for trial in trials.iter_mut().filter(|t| t.arm.name == "poll") {
            let like = pushed.iter().find(|t| (t.block, t.attempt) == (trial.block, trial.attempt)).unwrap();
            let ledgers = trial.measured.as_mut().zip(like.measured.as_ref());
            if let Some((own, other)) = ledgers {
                own.ledger = other.ledger;
            }
        }
    });
    let row = answer.standings.rows.iter().find(|row| row[0] == "packet bytes per quote").unwrap();
    assert_eq!((row[1].as_str(), row[4].as_str()), ("poll: level", "level"), "{row:?}");
}

#[test]
fn too_few_blocks_give_no_first_place() {
    let answer = answer_of(|_, trials| trials.retain(|t| t.block == 1));
    assert!(texts(&answer)[2].starts_with("Too few blocks to say who comes first"), "{:?}", texts(&answer));
    let cells = answer.standings.rows.iter().flat_map(|row| &row[1..]);
    assert!(cells.clone().all(|cell| cell != "first" && cell != "level"), "{:?}", answer.standings);
    assert!(cells.clone().any(|cell| cell == "too few blocks"));
    assert!(answer.sure.contains("indicative only"), "{}", answer.sure);
}

#[test]
fn several_cells_are_counted_and_the_widest_gap_is_named() {
    let answer = answer_of(|manifest, trials| {
        more_cells(manifest, trials, &["b", "c"], |name, trial| {
            let Some(measured) = &mut trial.measured else { return };
            if name == "c" && trial.arm.name == "sse" {
                measured.client.quotes.lost = 3;
            }
        });
        trials.retain(|t| t.cell != "b" || t.block == 1);
    });
    assert_eq!(answer.went_wrong, ["“c”: Quotes were lost by sse (18)."]);
    let texts = texts(&answer);
    assert!(
        texts[0].starts_with(
            "Least median lateness: WebSocket in 2 of 3 and too few blocks to tell in 1 of 3; the widest gap: poll"
        ),
        "{texts:?}"
    );
    assert!(texts[0].ends_with("later, in “10 clients, 10 quotes/s”."), "{texts:?}");
    assert!(texts[1].starts_with("Fewest bytes per delivered quote: WebSocket in 2 of 3"), "{texts:?}");
    assert!(
        texts[2].contains("in how many of 3 comparisons: polling: nothing; ")
            && texts[2].contains("WebSocket: median lateness (2)"),
        "{texts:?}"
    );
    let row = answer.standings.rows.iter().find(|row| row[0] == "median lateness").unwrap();
    assert_eq!(row[1..], ["behind 2, open 1", "open 3", "behind 2, open 1", "first 2, open 1"]);
}

#[test]
fn arms_that_conflate_are_compared_at_equal_intervals_only() {
    let (mut manifest, trials) = fixture::run();
    for (entry, interval_ms) in manifest.arms.iter_mut().zip([100, 1_000, 100, 100, 1_000]) {
        (entry.arm.delivery, entry.arm.interval_ms) = (Delivery::Newest, interval_ms);
    }
    let summary = summarise(&manifest, &trials, &[]);
    let groups: Vec<(String, Vec<String>)> = verdict::groups(&summary, &summary.cells[0])
        .into_iter()
        .map(|group| (group.label, group.arms.iter().map(|(arm, _)| arm.arm.clone()).collect()))
        .collect();
    let label = |each: &str| format!("With delivery `newest` each {each}");
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        groups,
        [(label("100 ms"), named(&["poll-close", "long-poll", "sse"])), (label("1 s"), named(&["poll", "ws"]))]
    );
    let answer = answer(&summary, &[]);
    assert!(texts(&answer)[2].contains("of 2 comparisons"), "{:?}", texts(&answer));
}

/// Every arm delivers only the newest quote, each 250 ms at most.
fn all_newest(manifest: &mut Manifest) {
    for entry in &mut manifest.arms {
        (entry.arm.delivery, entry.arm.interval_ms) = (Delivery::Newest, 250);
    }
}

/// What is divided by the quotes that came, or counts them alone.
const OF_DELIVERED: [&str; 4] = ["median lateness", "per quote", "per 100 quotes", "per delivered quote"];

#[test]
fn where_only_the_newest_is_wanted_nothing_is_ranked_by_the_quotes_that_came() {
    let one = answer_of(|manifest, _| all_newest(manifest));
    let [late, bytes, choices] = texts(&one)[..] else { panic!("{:?}", texts(&one)) };
    assert!(late.starts_with("On average over time, ") && late.ends_with(NOT_LATENESS), "{late}");
    assert!(late.contains(" showed a price ") && !late.contains("after it was due"), "{late}");
    assert!(bytes.starts_with("Without set-up, per second and client: ws 2,2"), "{bytes}");
    assert!(bytes.ends_with(NOT_BY_QUOTE), "{bytes}");
    assert!(choices.contains("polling: first in nothing; asks each 250 ms for the newest quote alone."), "{choices}");
    let of_pushes = choices.split("WebSocket: first in ").nth(1).unwrap();
    assert!(of_pushes.contains("packet bytes per second and client"), "{choices}");
    let firsts: Vec<&str> = one.standings.rows.iter().map(|row| row[0].as_str()).collect();
    let expected = [
        "mean excess staleness",
        "excess staleness at the 99th percentile of time",
        "packet bytes per second and client",
        "server's and load's CPU per second and client",
        "server's resident memory",
    ];
    assert_eq!(firsts, expected);
    assert!(OF_DELIVERED.iter().all(|word| !choices.contains(word)), "{choices}");

    let two = answer_of(|manifest, trials| {
        all_newest(manifest);
        more_cells(manifest, trials, &["b"], |_, _| ());
    });
    let [late, bytes, choices] = texts(&two)[..] else { panic!("{:?}", texts(&two)) };
    assert!(late.starts_with("Least mean excess staleness: ") && late.contains(" older, in "), "{late}");
    assert!(bytes.starts_with("Without set-up, per second and client: WebSocket in 2 of 2"), "{bytes}");
    let all = [late.trim_end_matches(NOT_LATENESS), bytes.trim_end_matches(NOT_BY_QUOTE), choices].concat();
    assert!(OF_DELIVERED.iter().all(|word| !all.contains(word)), "{all}");
}

#[test]
fn some_that_want_every_quote_beside_others_are_ranked_by_the_quote_as_before() {
    let mixed = answer_of(|manifest, trials| {
        let twins = manifest.arms.clone();
        let first = trials.clone();
        for mut entry in twins {
            (entry.arm.delivery, entry.arm.interval_ms) = (Delivery::Newest, 250);
            let its: Vec<Trial> = first.iter().filter(|trial| trial.arm.name == entry.arm.name).cloned().collect();
            entry.arm.name.push_str(" newest");
            trials.extend(its.into_iter().map(|trial| Trial { arm: entry.arm.clone(), ..trial }));
            manifest.arms.push(entry);
        }
    });
    let [late, bytes, _] = texts(&mixed)[..] else { panic!("{:?}", texts(&mixed)) };
    let opening = "Least median lateness: WebSocket in 1 of 1; the widest gap: ";
    assert!(late.starts_with(opening) && late.contains(" Least mean excess staleness: "), "{late}");
    assert!(late.contains(" later, with delivery `every`.") && !late.contains("in with"), "{late}");
    assert!(late.ends_with(NOT_LATENESS) && bytes.ends_with(NOT_BY_QUOTE), "{late} {bytes}");
    assert!(bytes.starts_with("Fewest bytes per delivered quote: WebSocket in 1 of 1; "), "{bytes}");
    assert!(bytes.contains(" Without set-up, per second and client: WebSocket in 2 of 2"), "{bytes}");
    let row = |name: &str| mixed.standings.rows.iter().find(|row| row[0] == name).unwrap().clone();
    // Of one setting, though there are two.
    assert_eq!(row("packet bytes per quote")[4], "first");
    assert_eq!(row("packet bytes per second and client")[4], "first 2");
}

#[test]
fn the_decision_map_leads_the_third_answer_where_it_decides_something() {
    use crate::report::fixture::sweep::{Over, run};
    let (manifest, trials) = run(Over::Rates);
    let summary = summarise(&manifest, &trials, &[]);
    let won = Decision {
        delivery: Delivery::Newest,
        cost: "fewest bytes",
        rate_per_s: 10.0,
        bound: "1 s",
        arms: summary.arms.iter().position(|entry| entry.arm.name == "poll 1000 ms").into_iter().collect(),
        is_only: false,
    };
    let (with, without) = (answer_with(&summary, &[won]), answer(&summary, &[]));
    let told = texts(&with)[2];
    assert!(told.starts_with("Where only the newest quote is wanted, clearly cheaper than every other way"), "{told}");
    assert!(told.contains(": polling in 1 (fewest bytes at 10 quotes/s within 1 s); long polling in 0;"), "{told}");
    assert!(told.ends_with(COUNTED_BELOW) && !told.contains("in how many of 6 comparisons"), "{told}");
    assert!(texts(&without)[2].starts_with("First, or level with the first, in how many of 6 comparisons"));
}

#[test]
fn what_the_third_answer_says_of_the_map_is_what_the_drawn_map_shows() {
    use crate::report::fixture::sweep::{Over, run};
    let (manifest, trials) = run(Over::Rates);
    let mut summary = summarise(&manifest, &trials, &[]);
    // At one rate nobody else surely keeps a bound.
    let cell = summary.cells.iter_mut().find(|cell| cell.name == "10 quotes/s").unwrap();
    for arm in cell.arms.iter_mut().filter(|arm| !arm.arm.starts_with("ws ")) {
        let stale = arm.estimates.iter_mut().find(|e| e.quantity == Quantity::StalenessP99).unwrap();
        stale.interval.as_mut().unwrap().high = crate::summary::Reading::new(2_000.0).unwrap();
    }
    let kind = crate::charts::RUN_KINDS.iter().find(|kind| kind.name == "decision-map").unwrap();
    let across = [("decision-map".to_owned(), kind.draw(&summary).unwrap())];
    let answer = answer(&summary, &across);
    let told = texts(&answer)[2];
    assert!(told.contains("the decision map's 48 fields") && told.ends_with(COUNTED_BELOW), "{told}");
    let (_, only) = told.split_once(" The only one that surely keeps the bound: WebSocket in ").unwrap();
    assert!(only.contains("at 10 quotes/s within "), "{told}");
}

#[test]
fn where_no_quote_came_cpu_is_ranked_by_the_second_and_only_there() {
    use crate::report::fixture::sweep::{Over, run};
    let of_cpu = |answer: &Answer| -> Vec<String> {
        let firsts = answer.standings.rows.iter().map(|row| row[0].clone());
        firsts.filter(|first| first.contains("CPU")).collect()
    };
    let (manifest, trials) = run(Over::Idle);
    let idle = answer(&summarise(&manifest, &trials, &[]), &[]);
    let by_second = "server's and load's CPU per second and client";
    assert_eq!(of_cpu(&idle), [by_second]);
    let row = idle.standings.rows.iter().find(|row| row[0] == by_second).unwrap();
    assert_eq!(row[4], "first", "{row:?}");
    let choices = *texts(&idle).last().unwrap();
    let (_, of_pushes) = choices.split_once("WebSocket: first in ").unwrap();
    assert!(of_pushes.contains(by_second), "{choices}");
    let verdict = verdict::sentences(&summarise(&manifest, &trials, &[]));
    assert!(verdict.iter().any(|said| said.starts_with("First: ") && said.contains(by_second)), "{verdict:?}");
    // Of quotes that came, what each costs is told.
    assert_eq!(of_cpu(&answer_of(|_, _| ())), ["server's and load's CPU per quote", "server's CPU per quote"]);
}

#[test]
fn a_gap_is_found_in_a_cell_or_with_a_delivery() {
    assert_eq!(Name::Cell("“with rain”".to_owned()).place(), "in “with rain”");
    let delivery = Name::Delivery("with delivery `every`".to_owned());
    assert_eq!((delivery.place().as_str(), delivery.text()), ("with delivery `every`", "with delivery `every`"));
}

#[test]
fn one_transport_or_nothing_at_all_is_said() {
    let alone = answer_of(|manifest, trials| {
        manifest.arms.retain(|entry| entry.arm.name == "ws");
        trials.retain(|t| t.arm.name == "ws");
    });
    assert!(texts(&alone)[2].starts_with("Only one transport") && alone.standings.rows.is_empty());
    let none = answer_of(|_, trials| trials.clear());
    assert_eq!(texts(&none), ["No trial of this run may be used, so it says nothing; the reasons stand below."]);
    assert!(none.sure.is_empty() && none.standings.rows.is_empty());
}

#[test]
fn one_block_of_one_exact_cell_settles_counts_and_calls_times_indicative() {
    let one_block = |trials: &mut Vec<Trial>, manifest: &mut Manifest| {
        manifest.cells[0].exact = true;
        trials.retain(|trial| trial.block == 1);
    };
    let answer = answer_of(|manifest, trials| one_block(trials, manifest));
    let sure = "How sure: 1 trial an arm and cell; of the trials none was set aside. Counted in 1 block: bytes, connections and \
                requests are exact; times are indicative only (an interval needs at least 6 blocks).";
    assert_eq!(answer.sure, sure);
    let last = *texts(&answer).last().unwrap();
    assert!(last.contains("WebSocket: first in application bytes per quote"), "{last}");
    let closed = "poll-close, a new connection for each request: 36.2 connections per 100 quotes, × 145 against poll.";
    assert!(last.contains(closed), "counted, so one block is enough: {last}");
    assert!(!last.contains("lateness") && !last.contains("CPU"), "times have no winner: {last}");
    let row = |name: &str| answer.standings.rows.iter().find(|row| row[0] == name).unwrap().clone();
    assert_eq!(row("application bytes per quote")[4], "first");
    assert_eq!(row("median lateness")[1..], ["too few blocks"; 4].map(str::to_owned));

    let disturbed = answer_of(|manifest, trials| {
        one_block(trials, manifest);
        trials.iter_mut().for_each(|trial| trial.standing = wirerace_contract::results::Standing::Tainted);
    });
    let busy = "The machine was busy with other work during trials of poll-close, poll, long-poll, sse and ws, which takes time and not bytes: \
                their bytes, connections and requests are used, their times are not.";
    assert_eq!(disturbed.sure, format!("{sure} {busy}"));
    assert!(texts(&disturbed).iter().all(|text| !text.contains("At the median")), "{:?}", texts(&disturbed));
}

#[test]
fn valid_trials_of_repeated_blocks_are_counted_where_it_says_what_is_not_used() {
    let repeat = |trials: &mut Vec<Trial>, blocks: u32| {
        let again: Vec<Trial> = trials.iter().filter(|t| t.arm.name == "ws" && t.block <= blocks).cloned().collect();
        trials.extend(again.into_iter().map(|trial| Trial { attempt: trial.attempt + 1, ..trial }));
    };
    let one = answer_of(|_, trials| repeat(trials, 1)).sure;
    assert!(one.contains("are listed below; 1 valid one is not used, since its block was repeated."), "{one}");
    let two = answer_of(|_, trials| repeat(trials, 2)).sure;
    assert!(two.contains("are listed below; 2 valid ones are not used, since their blocks were repeated."), "{two}");
    let clean = answer_of(|_, trials| {
        trials.retain(|trial| trial.standing == wirerace_contract::results::Standing::Valid);
        repeat(trials, 1);
    });
    assert!(clean.sure.contains("none was set aside as tainted or void; 1 valid one"), "{}", clean.sure);
}

#[test]
fn a_run_that_was_stopped_says_how_many_of_its_blocks_are_complete() {
    assert!(!answer_of(|_, _| ()).sure.contains("stopped"), "its void trial ended a block, too");
    let sure = answer_of(|_, trials| trials.retain(|trial| trial.block <= 4 || trial.arm.name == "ws")).sure;
    assert!(sure.contains("The run was stopped before its end: complete blocks 4 of 6."), "{sure}");
    let sure = answer_of(|_, trials| trials.retain(|trial| trial.arm.name == "ws")).sure;
    assert!(sure.contains("complete blocks 0 of 6."), "the other arms have none: {sure}");
}
