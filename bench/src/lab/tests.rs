//! Sheets, templates and key fit together; right answers pass, wrong ones do not, and mistakes are told.

use std::collections::BTreeMap;

use super::answers::{Answer, Sheet, parse};
use super::grade::{Standing, grade};
use super::key::{Key, Kind, Question, Source};
use super::truth::{Truth, truth};
use super::{RECORDED, judge, recorded};
use crate::registry;
use crate::statistics::Outcome;
use crate::summary::{CellSummary, Quantity};

/// Number, template and text of each sheet.
const SHEETS: [(u32, &str, &str); 2] = [
    (1, include_str!("../../../notebooks/lab/answers_1.toml"), include_str!("../../../notebooks/lab/lab_sheet_1.md")),
    (2, include_str!("../../../notebooks/lab/answers_2.toml"), include_str!("../../../notebooks/lab/lab_sheet_2.md")),
];

fn key() -> Key {
    Key::built_in().unwrap()
}

fn cell() -> CellSummary {
    recorded().unwrap().cells.into_iter().next().unwrap()
}

/// The best answer, as a student would write it.
fn right(question: &Question, cell: &CellSummary) -> Answer {
    match truth(&question.from, cell).unwrap_or_else(|why| panic!("{}: {why}", question.name)) {
        Truth::Number(value) if question.kind == Kind::Count => Answer::Number(value.round()),
        Truth::Number(value) => Answer::Number(format!("{value:.3}").parse().unwrap()),
        Truth::OneOf(words) => Answer::Word(words[0].clone()),
        Truth::Order { names, .. } => Answer::Order(names),
    }
}

fn filled(key: &Key, number: u32, cell: &CellSummary, change: impl Fn(&Question, Answer) -> Answer) -> Sheet {
    let answers = key.of_sheet(number).map(|(_, q)| (q.name.clone(), change(q, right(q, cell)))).collect();
    Sheet { number, answers }
}

#[test]
fn templates_ask_what_the_key_asks_and_are_empty() {
    let (key, cell) = (key(), cell());
    for (number, template, _) in SHEETS {
        let sheet = parse(&key, template).unwrap_or_else(|why| panic!("sheet {number}: {why}"));
        assert_eq!((sheet.number, sheet.answers.len()), (number, 0));
        let judged = judge(&key, &sheet, RECORDED, &cell);
        assert_eq!(judged.not_answered, judged.questions.len(), "sheet {number}: nothing is answered");
        let asked: Vec<&str> = template
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, _)| name)
            .filter(|name| *name != "sheet")
            .collect();
        let in_key: Vec<&str> = key.of_sheet(number).map(|(_, question)| question.name.as_str()).collect();
        assert_eq!(asked, in_key, "template of sheet {number}");
    }
}

#[test]
fn sheets_ask_what_the_key_asks_in_the_same_order_and_offer_its_options() {
    let key = key();
    for (number, _, sheet) in SHEETS {
        // A question begins with its number and name: **3. `name`**
        let asked: Vec<(usize, &str)> = sheet
            .lines()
            .filter_map(|line| line.strip_prefix("**")?.split_once(". `"))
            .filter_map(|(n, rest)| Some((n.parse().ok()?, rest.split_once("`**")?.0)))
            .collect();
        let in_key: Vec<(usize, &str)> = key.of_sheet(number).map(|(n, q)| (n, q.name.as_str())).collect();
        assert_eq!(asked, in_key, "sheet {number}");
        for (n, question) in key.of_sheet(number) {
            let text = sheet.split(&format!("**{n}. `")).nth(1).unwrap();
            let text = text.split("\n**").next().unwrap();
            for option in &question.options {
                let offered = text.contains(&format!("`{option}`"));
                assert!(offered, "sheet {number}, {}: {option} is not offered", question.name);
            }
        }
    }
}

/// The right answers as they would stand in a file.
fn written(key: &Key, number: u32, cell: &CellSummary) -> String {
    let mut text = format!("sheet = {number}\n[answers]\n");
    for (name, answer) in filled(key, number, cell, |_, answer| answer).answers {
        let value = match answer {
            Answer::Number(number) => number.to_string(),
            Answer::Word(word) => format!("{word:?}"),
            Answer::Order(names) => format!("{names:?}"),
        };
        text.push_str(&format!("{name} = {value}\n"));
    }
    text
}

#[test]
fn right_answers_can_be_written_and_pass() {
    let (key, cell) = (key(), cell());
    for (number, ..) in SHEETS {
        let sheet = parse(&key, &written(&key, number, &cell)).unwrap_or_else(|why| panic!("sheet {number}: {why}"));
        let judged = judge(&key, &sheet, RECORDED, &cell);
        for graded in &judged.questions {
            assert_eq!(graded.standing, Standing::Pass, "{}: {}", graded.name, graded.why);
        }
        assert_eq!(judged.passed, key.of_sheet(number).count());
    }
}

#[test]
fn wrong_answers_fail() {
    let (key, cell) = (key(), cell());
    let spoilt = |question: &Question, answer: Answer| match answer {
        Answer::Number(number) => Answer::Number(number * (1.0 + question.near) + 1.0 + number),
        Answer::Word(word) => {
            let Ok(Truth::OneOf(right)) = truth(&question.from, &cell) else { panic!("{}", question.name) };
            assert!(right.contains(&word));
            Answer::Word(question.options.iter().find(|option| !right.contains(option)).unwrap().clone())
        }
        Answer::Order(mut names) => {
            names.reverse();
            Answer::Order(names)
        }
    };
    for (number, ..) in SHEETS {
        let judged = judge(&key, &filled(&key, number, &cell, spoilt), RECORDED, &cell);
        for graded in &judged.questions {
            assert_eq!(graded.standing, Standing::Fail, "{}: {}", graded.name, graded.why);
            assert!(graded.why.len() > 40, "{} says no more than: {}", graded.name, graded.why);
        }
    }
}

#[test]
fn a_number_is_near_between_the_two_tolerances() {
    let (key, cell) = (key(), cell());
    for question in key.questions.iter().filter(|question| question.kind == Kind::Number) {
        assert!(0.0 < question.pass && question.pass < question.near, "{}", question.name);
        let Ok(Truth::Number(value)) = truth(&question.from, &cell) else { panic!("{}", question.name) };
        let standing = |share: f64| {
            let answer = Answer::Number(value * (1.0 + share));
            grade(1, question, Some(&answer), Ok(Truth::Number(value))).standing
        };
        let edges = [0.98 * question.pass, 1.02 * question.pass, 0.98 * question.near, 1.02 * question.near];
        for (share, expected) in edges.into_iter().zip([Standing::Pass, Standing::Near, Standing::Near, Standing::Fail])
        {
            assert_eq!((standing(share), standing(-share)), (expected, expected), "{} at {share}", question.name);
        }
    }
}

#[test]
fn arms_that_a_run_cannot_tell_apart_may_change_places() {
    let (key, cell) = (key(), cell());
    let question = key.question(1, "lateness_order").unwrap();
    let standing = |names: [&str; 5]| {
        let answer = Answer::Order(names.map(str::to_owned).to_vec());
        grade(1, question, Some(&answer), truth(&question.from, &cell)).standing
    };
    let told = cell.comparison(Quantity::LatenessP50, "ws", "sse").unwrap().outcome;
    assert_ne!(
        told,
        Outcome::Differs,
        "the recorded run has changed: this test needs a pair that it cannot tell apart"
    );
    assert_eq!(standing(["ws", "sse", "long-poll", "poll", "poll-close"]), Standing::Pass);
    assert_eq!(standing(["sse", "ws", "long-poll", "poll", "poll-close"]), Standing::Pass);
    assert_eq!(standing(["ws", "sse", "long-poll", "poll-close", "poll"]), Standing::Pass, "0.3 ms of 250");
    assert_eq!(standing(["ws", "long-poll", "sse", "poll", "poll-close"]), Standing::Near);
    assert_eq!(standing(["poll", "long-poll", "sse", "ws", "poll-close"]), Standing::Fail);
}

/// Choices whose answer stands in the key say what theory or the run says too.
#[test]
fn fixed_choices_agree_with_theory_and_the_run() {
    let (key, cell) = (key(), cell());
    let fixed: Vec<(&str, &str)> = key
        .questions
        .iter()
        .filter_map(|question| match &question.from {
            Source::Fixed { answer } => Some((question.name.as_str(), answer.as_str())),
            _ => None,
        })
        .collect();
    let checked = [("closed_at_200", "c"), ("why_long_poll", "b"), ("zero_overhead", "c")];
    assert_eq!(fixed, checked, "a new one needs its check here");
    let mean_ms = |arm: &str, round_trip_ms: u32| {
        let text = format!(
            "of = \"theory\"\nfigure = \"lateness_mean_ms\"\narm = \"{arm}\"\ninterval_ms = 500\nround_trip_ms = {round_trip_ms}\nrate_per_s = 10"
        );
        let source: Source = toml::from_str(&text).unwrap();
        let Ok(Truth::Number(value)) = truth(&source, &cell) else { panic!("{text}") };
        value
    };
    // c of closed_at_200: no later than the kept lane.
    assert!((mean_ms("poll-close", 200) - mean_ms("poll", 200)).abs() < 1e-6);
    // b of why_long_poll: it alone loses more than the one way by which every lane is farther.
    for arm in registry::default_arm_names() {
        let lost_ms = mean_ms(arm, 200) - mean_ms(arm, 0);
        assert_eq!(lost_ms > 101.0, arm == "long-poll", "{arm}: {lost_ms} ms");
    }
    // c of zero_overhead: nearly nothing above TCP, about as much as the quote below it.
    let of_ws = |quantity| cell.arms.iter().find(|arm| arm.arm == "ws").unwrap().median(quantity).unwrap();
    let payload = of_ws(Quantity::DownPayload);
    assert!(of_ws(Quantity::SteadyApplicationBytes) < 1.03 * payload);
    assert!(of_ws(Quantity::SteadyPacketBytes) > 1.5 * payload);
}

#[test]
fn options_of_arms_are_the_arms() {
    let arms: Vec<&str> = registry::default_arm_names().collect();
    for question in key().questions {
        match &question.from {
            Source::Least { arms: asked, .. } | Source::Order { arms: asked, .. } => {
                assert_eq!((asked, asked.iter().map(String::as_str).collect()), (&question.options, arms.clone()));
            }
            Source::Fixed { answer } => assert!(question.options.contains(answer), "{}", question.name),
            _ => {}
        }
    }
}

#[test]
fn a_run_without_the_figure_is_told_and_fails_nobody() {
    let (key, mut cell) = (key(), cell());
    cell.arms.retain(|arm| arm.arm != "poll");
    let sheet = filled(&key, 1, &super::tests::cell(), |_, answer| answer);
    let judged = judge(&key, &sheet, "mine", &cell);
    assert_eq!((judged.failed, judged.not_in_run), (0, 4), "{judged:?}");
    let told = judged.questions.iter().find(|graded| graded.name == "poll_median_ms").unwrap();
    assert!(told.why.contains("no arm `poll`"), "{}", told.why);
}

#[test]
fn mistakes_in_a_file_are_one_sentence_with_line_and_remedy() {
    let key = key();
    let parsed = |text: &str| parse(&key, text).unwrap_err();
    for (text, words) in [
        ("sheet = 1\n[answers]\npol_median_ms = 1", ["line 3", "nearest is `poll_median_ms`"]),
        ("sheet = 7\n", ["line 1: there is no sheet 7", "answers_1.toml"]),
        ("sheet = \"one\"\n", ["line 1", "name = 12.5"]),
        ("[answers]\n", ["missing field `sheet`", "name = 12.5"]),
        ("sheet = 1\nnotes = \"x\"\n", ["line 2", "notes"]),
        ("sheet = 1\n[answers]\npoll_median_ms = \n", ["line 3", "name = \"\""]),
        ("sheet = 1\n[answers]\npoll_median_ms = true\n", ["line 3", "a number in ms"]),
        ("sheet = 1\n[answers]\npoll_median_ms = nan\n", ["line 3", "a number in ms"]),
        ("sheet = 1\n[answers]\n\npoll_median_ms = \"249,6\"\n", ["line 4", "a number in ms"]),
        ("sheet = 1\n[answers]\nclosed_at_200 = \"e\"\n", ["line 3", "there are a, b, c, d"]),
        ("sheet = 1\n[answers]\nclosed_at_200 = 3\n", ["line 3", "one of \"a\""]),
        ("sheet = 1\n[answers]\nlateness_order = \"ws\"\n", ["line 3", "all of these"]),
        (
            "sheet = 1\n[answers]\nlateness_order = [\"ws\", \"ws\", \"sse\", \"poll\", \"long-poll\"]\n",
            ["line 3", "all of"],
        ),
        ("sheet = 1\n[answers]\nlateness_order = [\"wss\"]\n", ["line 3", "nearest is `ws`"]),
    ] {
        let said = parsed(text);
        assert!(words.iter().all(|word| said.contains(word)), "{text:?} says: {said}");
        assert!(!said.contains('\n'), "more than a line: {said}");
    }
}

#[test]
fn numbers_may_carry_their_unit_and_words_their_capitals() {
    let text = "sheet = 1\n[answers]\npoll_median_ms = \"250 ms\"\npoll_latest_ms = 495\nclosed_at_200 = \" C \"\n";
    let sheet = parse(&key(), text).unwrap();
    let expected = BTreeMap::from([
        ("poll_median_ms".to_owned(), Answer::Number(250.0)),
        ("poll_latest_ms".to_owned(), Answer::Number(495.0)),
        ("closed_at_200".to_owned(), Answer::Word("c".to_owned())),
    ]);
    assert_eq!(sheet.answers, expected);
}

#[test]
fn an_answer_that_passes_and_is_not_exact_is_told_as_what_it_is() {
    let key = key();
    let question = key.question(1, "long_poll_behind_ms").unwrap();
    let told = |answer: f64| grade(1, question, Some(&Answer::Number(answer)), Ok(Truth::Number(93.7)));
    let near_enough = told(93.7 * (1.0 + 0.9 * question.pass));
    assert_eq!(near_enough.standing, Standing::Pass);
    assert!(near_enough.why.contains(" is near enough to 93.7 ms. "), "{}", near_enough.why);
    assert!(near_enough.why.starts_with("Your ") && !near_enough.why.contains("is right"), "{}", near_enough.why);
    // Rounded as it is told it is the same.
    for exact in [93.7, 93.704] {
        assert!(told(exact).why.starts_with("93.7 ms is right. "), "{}", told(exact).why);
    }
}
