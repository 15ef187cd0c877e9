use super::super::structure;
use super::super::style::LIGHT;
use super::*;
use crate::report::fixture;
use crate::summary::summarise;
use wirerace_contract::results::{EVENTS_MAX, EventLog, Happened, LoggedEvent, QuoteRange, Trial};

fn drawn(trials: &[Trial]) -> (Chart, String) {
    let summary = summarise(&fixture::run().0, trials, &[]);
    let chart = draw(&summary, &summary.cells[0]);
    let svg = chart.svg(&LIGHT, NAME, "none").unwrap();
    (chart, svg)
}

fn logs(trials: &mut [Trial]) -> impl Iterator<Item = (&str, &mut EventLog)> {
    trials
        .iter_mut()
        .filter_map(|trial| Some((trial.arm.name.as_str(), trial.measured.as_mut()?.client.events.as_mut()?)))
}

/// The group of an arm, by its title.
fn series<'a>(svg: &'a str, arm: &str) -> &'a str {
    let groups = svg.split("<g class=\"series\">\n").skip(1);
    groups.filter_map(|group| group.split_once("</g>")).find(|g| g.0.starts_with(&format!("<title>{arm}: "))).unwrap().0
}

#[test]
fn the_picture_holds_what_the_log_holds() {
    let (chart, svg) = drawn(&fixture::run().1);
    let row = |arm: &str| chart.table.rows.iter().find(|row| row[0] == arm).unwrap().join(" | ");
    // Polls at 25, 275, 525 and 775 ms; closed ones need 400 µs more.
    let golden = [
        "poll-close | 800 µs | 5 | 5 | 2 | 176 ms | 75.8 ms | 226 ms | 126 ms | 25.8 ms | 176 ms",
        "poll | 800 µs | 1 | 5 | 2 | 175 ms | 75.4 ms | 225 ms | 125 ms | 25.4 ms | 175 ms",
        "long-poll | 800 µs | 1 | 10 | 1 | 250 µs | 250 µs | 250 µs | 250 µs | 250 µs | 250 µs",
    ];
    assert_eq!(["poll-close", "poll", "long-poll"].map(row), golden);
    assert!(
        chart.sentence.contains("poll-close: set-up 800 µs, quote 1 late by 176 ms, 5 requests, 2 without a quote")
    );
    let texts = |arm: &str| -> Vec<String> {
        let lines = series(&svg, arm).lines().filter_map(|l| l.strip_prefix("<text ")?.split_once('>'));
        lines.map(|(_, text)| text.trim_end_matches("</text>").to_owned()).collect()
    };
    assert_eq!(texts("poll"), ["poll", "connection kept", "client", "server", "1–2", "3–5", "6–7"]);
    assert_eq!(texts("poll-close")[1], "closed each time");
    // The slowest has the sixth quote after 775 ms; a little more is shown.
    assert_eq!(texts("ws")[4..], ["1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[test]
fn a_long_name_is_written_smaller_before_it_is_cut() {
    let (manifest, trials) = fixture::run();
    let summary = summarise(&manifest, &trials, &[]);
    // The name above the lane of the first arm, were that called `name`: how large it is written, and as what.
    let above = |name: &str| {
        let mut summary = summary.clone();
        summary.arms[0].arm.name = name.to_owned();
        summary.cells[0].arms[0].arm = name.to_owned();
        let svg = draw(&summary, &summary.cells[0]).svg(&LIGHT, NAME, "none").unwrap();
        let text = structure::of_class(&svg, "series")[0].texts[0].clone();
        (text.bottom - text.top, text.text)
    };
    let is_of = |size: f64, kind: Type| (size - kind.size).abs() < 0.1;
    let (size, text) = above("poll-close");
    assert!(is_of(size, TEXT) && text == "poll-close", "{text} of {size}");
    let (size, text) = above("poll-close 100 ms");
    assert!(is_of(size, SMALL) && text == "poll-close 100 ms", "{text} of {size}");
    let (size, text) = above("poll-close each 10,000 ms");
    assert!(is_of(size, SMALL) && text.starts_with("poll-close") && text.ends_with('…'), "{text} of {size}");
}

#[test]
fn only_a_held_request_is_a_bar_and_only_wasted_polls_are_grey() {
    let (_, svg) = drawn(&fixture::run().1);
    let all = |arm: &str, mark: &str, colour: &str| {
        let wanted = |line: &&str| line.starts_with(mark) && line.contains(&format!("\"{colour}\""));
        series(&svg, arm).lines().filter(wanted).map(str::to_owned).collect::<Vec<_>>()
    };
    // Arrowheads have three corners, bars four; the marker of long polling has four too.
    let bars = |arm: &str, colour: &str| {
        let quads = all(arm, "<polygon", colour).into_iter().filter(|line| {
            line.split_once("points=\"").unwrap().1.split_once('"').unwrap().0.split_whitespace().count() == 4
        });
        quads.count()
    };
    // The request that waits from before the feed's start, and one after each of eight quotes.
    assert_eq!((bars("long-poll", "#E69F00"), bars("poll", "#D55E00"), bars("ws", "#0072B2")), (1 + 9, 1, 0));
    // Heads of wasted questions and answers: the set-up's own and the first planned poll.
    let grey = |arm: &str| all(arm, "<polygon", "#57606A").len();
    assert_eq!(["poll", "poll-close", "long-poll", "sse", "ws"].map(grey), [4, 4, 2, 0, 0]);
}

#[test]
fn each_arm_has_the_instants_at_which_its_own_server_published() {
    let (_, mut trials) = fixture::run();
    let dots = |trials: &[Trial], arm: &str| {
        let (_, svg) = drawn(trials);
        let circles = series(&svg, arm).lines().filter(|line| line.starts_with("<circle")).map(str::to_owned);
        circles
            .map(|line| line.split_once(" cy=\"").unwrap().1.split_once('"').unwrap().0.to_owned())
            .collect::<Vec<_>>()
    };
    let before = dots(&trials, "ws");
    assert_eq!((before.len(), &before), (8, &dots(&trials, "poll")));
    for (_, log) in logs(&mut trials).filter(|(arm, _)| *arm == "ws") {
        log.quotes[0].published_ns = Some(130_000_000);
    }
    assert!(dots(&trials, "ws")[0] != before[0] && dots(&trials, "ws")[1..] == before[1..]);
    assert_eq!(dots(&trials, "poll"), before);
}

#[test]
fn nothing_is_drawn_beyond_what_a_full_log_knows() {
    let (_, mut trials) = fixture::run();
    let before = drawn(&trials).0;
    for (_, log) in logs(&mut trials).filter(|(arm, _)| *arm == "ws") {
        // Set-up and the first three quotes.
        log.events.truncate(8);
        log.full = true;
    }
    let (chart, svg) = drawn(&trials);
    assert!(before.table.rows[4].join(" ").ends_with("250 µs") && chart.table.rows[4].join(" ").ends_with("–"));
    // Of the others, who have more, the third is the last too.
    for arm in ["sse", "ws"] {
        assert!(series(&svg, arm).contains(">3</text>") && !series(&svg, arm).contains(">4</text>"), "{arm}");
    }
}

#[test]
fn a_log_that_is_full_before_its_first_quote_ends_its_own_lane_alone() {
    let (_, mut trials) = fixture::run();
    let before = drawn(&trials).1;
    for (_, log) in logs(&mut trials).filter(|(arm, _)| *arm == "poll") {
        // Set-up and the poll of 25 ms, before any quote.
        log.events.truncate(6);
        log.full = true;
    }
    let (chart, svg) = drawn(&trials);
    assert!(chart.table.rows[1].join(" ").ends_with("– – – – – –"), "{:?}", chart.table.rows[1]);
    assert!(series(&svg, "poll").contains(">the log is full</text>"), "{}", series(&svg, "poll"));
    for arm in ["poll-close", "long-poll", "sse", "ws"] {
        assert_eq!(series(&svg, arm), series(&before, arm), "{arm}");
    }
    assert!(!before.contains("the log is full"));
}

#[test]
fn who_has_no_log_is_named_and_a_run_without_any_says_so() {
    let (manifest, mut trials) = fixture::run();
    let without = |trials: &mut [Trial], arm: &str| {
        let of = trials.iter_mut().filter(|trial| arm.is_empty() || trial.arm.name == arm);
        of.filter_map(|trial| trial.measured.as_mut()).for_each(|measured| measured.client.events = None);
    };
    without(&mut trials, "sse");
    let (chart, svg) = drawn(&trials);
    assert!(chart.notes[0].ends_with("of the first block: sse."), "{:?}", chart.notes);
    assert_eq!(svg.matches("<g class=\"series\">").count(), 4);
    assert_eq!(super::super::absent(&summarise(&manifest, &trials, &[])), Vec::<String>::new());
    without(&mut trials, "");
    let said = super::super::absent(&summarise(&manifest, &trials, &[]));
    assert_eq!(said, ["Picture `sequence` not drawn: this run was recorded without an event log."]);
    assert!(drawn(&trials).1.contains("Nothing to draw: this run was recorded without an event log."));
}

#[test]
fn odd_logs_are_drawn_without_panic() {
    let (_, trials) = fixture::run();
    let event = |at_ns, what| LoggedEvent { at_ns, what };
    let quotes = QuoteRange { first_seq: u64::MAX, last_seq: u64::MAX, count: u32::MAX };
    let answered = Happened::Answered { status: 200, quotes: None, closes: false };
    let odd = [
        vec![],
        vec![event(i64::MAX, Happened::Hello), event(i64::MIN, Happened::Pushed { quotes })],
        vec![event(5, Happened::Answered { status: 0, quotes: Some(quotes), closes: true }), event(5, Happened::Lost)],
        vec![event(0, Happened::Asked { after: None, held: true }); EVENTS_MAX],
        vec![event(9, Happened::Established), event(9, Happened::Dialling), event(3, Happened::Established)],
        vec![event(i64::MIN, Happened::Dialling), event(i64::MAX, Happened::Established)],
        vec![event(i64::MIN, Happened::Asked { after: None, held: true }), event(i64::MAX, answered)],
    ];
    for events in odd {
        let mut trials = trials.clone();
        logs(&mut trials)
            .for_each(|(_, log)| *log = EventLog { events: events.clone(), full: true, quotes: Vec::new() });
        let (chart, svg) = drawn(&trials);
        assert!(svg.contains("</svg>") && chart.table.rows.len() == 5, "{events:?}");
        chart.png(&LIGHT, 200).unwrap();
    }
}
