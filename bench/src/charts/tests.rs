use super::style::{DARK, LIGHT};
use super::*;
use crate::report::fixture;
use crate::summary::summarise;
use wirerace_contract::results::{Manifest, Standing, Trial};

fn charts_of(manifest: &Manifest, trials: &[Trial]) -> Vec<(Chart, String)> {
    let summary = summarise(manifest, trials, &[]);
    let draw = |kind: &Kind| {
        let chart = kind.draw(&summary, &summary.cells[0]);
        let svg = chart.svg(&LIGHT, kind.name, "none").unwrap();
        (chart, svg)
    };
    KINDS.iter().map(draw).collect()
}

fn charts() -> Vec<(Chart, String)> {
    let (manifest, trials) = fixture::run();
    charts_of(&manifest, &trials)
}

/// Text elements, in the order drawn.
fn texts(svg: &str) -> Vec<&str> {
    svg.lines().filter_map(|l| l.strip_prefix("<text ")?.split_once('>')?.1.strip_suffix("</text>")).collect()
}

/// How many panels a kind has, with a group for each arm.
fn panels(kind: &str) -> usize {
    match kind {
        spread::NAME => 3,
        // Connections and requests; bytes and CPU.
        handshakes::NAME | frontier::NAME => 2,
        // Set-up and quotes of an arm stand below each other in one.
        _ => 1,
    }
}

#[test]
fn every_arm_is_drawn_in_every_chart() {
    for (chart, svg) in charts() {
        // One group per arm and panel.
        let expected = 5 * panels(chart.kind);
        assert_eq!(svg.matches("<g class=\"series\">").count(), expected, "{}", chart.kind);
        for arm in ["poll-close", "poll", "long-poll", "sse", "ws"] {
            assert!(texts(&svg).contains(&arm), "{} lacks {arm}", chart.kind);
            assert!(chart.sentence.contains(arm), "{} does not speak of {arm}", chart.kind);
            assert!(chart.table.rows.iter().any(|row| row[0] == arm));
        }
        assert!(svg.contains("role=\"img\"") && svg.contains(&render::escape(&chart.sentence)));
        assert!(svg.contains(&format!("<title id=\"{}-t\">", chart.kind)));
    }
}

#[test]
fn axes_have_their_labels() {
    let charts = charts();
    let has = |kind: &str, labels: &[&str]| {
        let (_, svg) = charts.iter().find(|(c, _)| c.kind == kind).unwrap();
        let texts = texts(svg);
        labels.iter().for_each(|l| assert!(texts.contains(l), "{kind} lacks {l}: {texts:?}"));
    };
    has("percentiles", &["50 %", "90 %", "99 %", "99.9 %", "1 ms", "10 ms", "100 ms"]);
    has("bytes", &["0 B", "200 B", "400 B", "payload", "framing", "HTTP heads", "segments without data"]);
    has("handshakes", &["0", "10", "20", "30", "40", "60", "80", "100", "connections"]);
    has("frontier", &["1 ms", "10 ms", "100 ms"]);
    has("cdf", &["0 %", "25 %", "50 %", "75 %", "100 %", "0 ms", "50 ms", "250 ms", "lateness"]);
    has(
        "spread",
        &["0 %", "+20 %", "−20 %", "median lateness", "packet bytes per quote", "machine&apos;s CPU per quote"],
    );
    assert!(charts.iter().all(|(_, svg)| svg.matches("<g class=\"axes\">").count() >= 1));
}

#[test]
fn below_a_heading_the_picture_has_no_title_and_all_else_moves_up() {
    let height = |svg: &str, label: &str| -> f64 {
        let line = svg.lines().find(|l| l.ends_with(&format!(">{label}</text>"))).unwrap();
        line.split_once(" y=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap()
    };
    let size =
        |svg: &str| -> f64 { svg.split_once(" height=\"").unwrap().1.split_once('"').unwrap().0.parse().unwrap() };
    for (chart, svg) in charts() {
        let below = chart.svg_below_heading(&LIGHT, chart.kind, "none").unwrap();
        let title = chart.title.as_str();
        assert!(texts(&svg).contains(&title) && !texts(&below).contains(&title), "{title}");
        assert_eq!(texts(&svg).len(), texts(&below).len() + 1);
        assert_eq!(size(&svg) - size(&below), TITLE_HEIGHT);
        assert!((height(&svg, "ws") - height(&below, "ws") - 4.0 * TITLE_HEIGHT).abs() < 1.1);
        // Still said to those who hear the page.
        assert!(below.contains(&format!("<title id=\"{}-t\">{title}</title>", chart.kind)));
    }
}

#[test]
fn labels_of_an_axis_stand_where_their_values_are() {
    let (_, svg) = charts().remove(3);
    let place = |label: &str, axis: &str| -> f64 {
        let line = svg.lines().find(|l| l.ends_with(&format!(">{label}</text>"))).unwrap();
        line.split_once(&format!(" {axis}=\"")).unwrap().1.split_once('"').unwrap().0.parse().unwrap()
    };
    // Equal ratios are equal distances: 2 to 4 is log 2, 4 to 6 is log 1.5; a decade upwards is one decade.
    let (first, second) = (place("4 kB/s", "x") - place("2 kB/s", "x"), place("6 kB/s", "x") - place("4 kB/s", "x"));
    assert!((first / second - 2f64.ln() / 1.5f64.ln()).abs() < 0.01, "{first} {second}");
    let (lower, upper) = (place("1 ms", "y") - place("10 ms", "y"), place("10 ms", "y") - place("100 ms", "y"));
    assert!(lower > 0.0 && (lower / upper - 1.0).abs() < 0.02, "{lower} {upper}");
}

#[test]
fn a_heading_too_long_for_a_line_is_parted_at_its_seam() {
    let (mut manifest, mut trials) = fixture::run();
    let name = "20 clients, 10 quotes/s, polls each 500 ms";
    manifest.cells[0].name = name.to_owned();
    trials.iter_mut().for_each(|trial| trial.cell = name.to_owned());
    for (chart, svg) in charts_of(&manifest, &trials) {
        // The path stands in the picture: it travels without its caption.
        let place = format!("{name} · loopback");
        let whole = texts(&svg).into_iter().any(|text| text.ends_with(&format!(" · {place}")));
        assert!(whole || texts(&svg).contains(&place.as_str()), "{}: {:?}", chart.kind, texts(&svg));
        assert_eq!(whole, ![frontier::NAME, spread::NAME, sequence::NAME].contains(&chart.kind), "{}", chart.kind);
    }
}

#[test]
fn everything_drawn_lies_between_the_ends_of_its_axis() {
    let number = |line: &str, attribute: &str| -> f64 {
        line.split_once(&format!(" {attribute}=\"")).unwrap().1.split_once('"').unwrap().0.parse().unwrap()
    };
    for (chart, svg) in charts() {
        let axes: Vec<&str> = svg.split("<g class=\"axes\">").skip(1).collect();
        for panel in axes {
            let lines = |part: &str| -> Vec<(f64, f64)> {
                let points = part.lines().filter_map(|l| l.split_once(" points=\"")?.1.split_once('"'));
                let pairs = points.filter(|(p, _)| p.split_whitespace().count() == 2).flat_map(|(p, _)| p.split(' '));
                pairs.filter_map(|p| p.split_once(',')).map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
            };
            let grid = lines(panel.split_once("</g>").unwrap().0);
            let end = grid.iter().map(|at| at.0).fold(0.0, f64::max);
            let begin = grid.iter().map(|at| at.0).fold(f64::INFINITY, f64::min);
            assert!(end > begin, "{}: no grid in {panel}", chart.kind);
            for dot in panel.lines().filter(|line| line.starts_with("<circle")) {
                let x = number(dot, "cx");
                assert!(begin <= x && x <= end, "{}: {x} is not between {begin} and {end}", chart.kind);
            }
        }
    }
}

#[test]
fn the_data_behind_the_charts() {
    let tables: Vec<DataTable> = charts().into_iter().map(|(chart, _)| chart.table).collect();
    let ws = |i: usize| tables[i].rows.iter().find(|row| row[0] == "ws").unwrap().join(" | ");
    let mut rows = [0, 1, 2, 3, 4, 5, 6].map(ws);
    let (known, cpu) = rows[3].rsplit_once(" | ").map(|(known, cpu)| (known.to_owned(), cpu.to_owned())).unwrap();
    // Some 24 µs a quote, ten quotes a second.
    assert!(cpu.starts_with('2') && cpu.contains(" µs/s ["), "{cpu}");
    rows[3] = known;
    // 7,800 bytes for 4,000 quotes, as the share of the median trial has it.
    let (known, set_up) =
        rows[1].rsplit_once(" | ").map(|(known, set_up)| (known.to_owned(), set_up.to_owned())).unwrap();
    assert!(set_up.starts_with("1.9"), "{set_up}");
    rows[1] = known;
    assert_eq!(rows, GOLDEN);
}
const GOLDEN: [&str; 7] = [
    "ws | 189 µs | 351 µs | 578 µs | 810 µs | 24,000 | 0",
    "ws | 120 | 2 | 1.1 | 52 | 49.4 | 225",
    "ws | 0.25 | 0.25 | 1",
    "ws | 205 µs [172 µs, 236 µs] | 459 µs [457 µs, 472 µs] | 2.23 kB/s [2.19 kB/s, 2.26 kB/s]",
    "ws | 132 µs | 151 µs | 189 µs | 262 µs | 351 µs",
    "ws | median lateness | 1 | 0.195",
    "ws | 800 µs | 1 | 1 | 0 | 250 µs | 250 µs | 250 µs | 250 µs | 250 µs | 250 µs",
];

#[test]
fn the_bytes_say_how_much_of_them_is_set_up() {
    let (chart, svg) = charts().remove(1);
    let note = chart.notes.iter().find(|note| note.starts_with("Set-up's part")).unwrap();
    // 7,800 bytes of set-up in some 900,000.
    assert!(note.contains("ws 0.86") && texts(&svg).iter().any(|text| text.contains("part of it")), "{note}");
    assert_eq!(chart.table.columns.last().map(String::as_str), Some("of it set-up"));
    // Two strokes a bar more than where it is not known.
    let (manifest, trials) = fixture::run();
    let mut summary = summarise(&manifest, &trials, &[]);
    for estimate in summary.cells[0].arms.iter_mut().flat_map(|arm| &mut arm.estimates) {
        if estimate.quantity == crate::summary::Quantity::SetUpShare {
            estimate.median = None;
        }
    }
    let bare = bytes::draw(&summary, &summary.cells[0]).svg(&LIGHT, bytes::NAME, "none").unwrap();
    let lines = |svg: &str| structure::of_class(svg, "series").iter().map(|bar| bar.polylines).sum::<usize>();
    assert_eq!(lines(&svg), lines(&bare) + 2 * 5);
    assert!(chart.sentence.contains("pooled over the valid trials"), "the table's medians are not: {}", chart.sentence);
}

#[test]
fn every_trial_is_a_dot() {
    let charts = charts();
    let circles = |kind: &str| charts.iter().find(|(c, _)| c.kind == kind).unwrap().1.matches("<circle").count();
    // Five arms with six trials, one of which is void.
    assert_eq!(circles("handshakes"), 2 * 29);
    assert_eq!(circles("frontier"), 2 * 29);
    assert_eq!(circles("spread"), 3 * 29);
}

#[test]
fn what_is_missing_is_said_and_nothing_panics() {
    let (manifest, trials) = fixture::run();
    let void = |trial: &Trial| Trial { standing: Standing::Void, measured: None, ..trial.clone() };
    let all_void: Vec<Trial> = trials.iter().map(void).collect();
    for (chart, svg) in charts_of(&manifest, &all_void) {
        assert!(svg.contains("Nothing to draw"), "{}", chart.kind);
        assert!(chart.notes.iter().any(|n| n.contains("ws (0 tainted, 6 void)")), "{:?}", chart.notes);
    }
    let one: Vec<Trial> = trials.iter().filter(|t| t.arm.name == "ws" && t.block == 1).cloned().collect();
    for (chart, svg) in charts_of(&manifest, &one) {
        assert!(svg.contains("Not drawn, no valid trial") && svg.contains("<g class=\"series\">"), "{}", chart.kind);
    }
    charts_of(&manifest, &[]);
}

#[test]
fn zeros_nans_and_losses_are_drawn_without_lying() {
    let (manifest, mut trials) = fixture::run();
    for measured in trials.iter_mut().filter_map(|t| t.measured.as_mut()) {
        measured.client.staleness.mean_ns = 0.0;
        let histogram = measured.client.lateness.histogram().unwrap();
        measured.client.lateness = wirerace_contract::distribution::Distribution::of(&histogram, 400);
    }
    let charts = charts_of(&manifest, &trials);
    assert!(charts[0].0.notes.iter().any(|n| n.contains("infinitely late")), "{:?}", charts[0].0.notes);
    assert!(charts[3].0.notes.iter().any(|n| n.contains("value of 0")), "{:?}", charts[3].0.notes);
    for measured in trials.iter_mut().filter_map(|t| t.measured.as_mut()) {
        measured.client.staleness.mean_ns = f64::NAN;
        measured.client.quotes.received = 0;
    }
    let charts = charts_of(&manifest, &trials);
    assert!(charts[1..4].iter().all(|(_, svg)| svg.contains("Nothing to draw")));
    // Lateness and CPU of the windows were measured; bytes have no quote to be divided by.
    assert_eq!(texts(&charts[5].1).iter().filter(|text| **text == "–").count(), 5);
}

fn twelve() -> (Manifest, Vec<Trial>) {
    let (mut manifest, trials) = fixture::run();
    let mut many = Vec::new();
    for copy in 0..12 {
        let name = format!("an-arm-{copy}");
        let mut entry = manifest.arms[copy % 5].clone();
        let like = entry.arm.name.clone();
        entry.arm.name.clone_from(&name);
        manifest.arms.push(entry.clone());
        many.extend(
            trials.iter().filter(|t| t.arm.name == like).map(|t| Trial { arm: entry.arm.clone(), ..t.clone() }),
        );
    }
    manifest.arms.drain(..5);
    (manifest, many)
}

#[test]
fn twelve_arms_keep_their_labels_apart() {
    let (manifest, trials) = twelve();
    for (chart, svg) in charts_of(&manifest, &trials) {
        let mut heights: Vec<i64> = svg
            .lines()
            // A label is a name alone; notes speak of arms too.
            .filter(|l| l.split_once(">an-arm-").is_some_and(|(_, rest)| !rest.contains(' ')))
            .filter_map(|l| l.split_once(" y=\"")?.1.split_once('"')?.0.parse().ok())
            .collect();
        heights.sort_unstable();
        // Panels beside each other share their names.
        let names = if chart.kind == frontier::NAME { 2 * 12 } else { 12 };
        assert_eq!(heights.len(), names, "{}", chart.kind);
        // At least 13 units apart, except where they stand side by side.
        let crowded = heights.windows(2).filter(|w| w[1] - w[0] < 4 * 13).count();
        // Names in a legend stand in rows.
        let rows = [frontier::NAME, cdf::NAME, sequence::NAME].contains(&chart.kind);
        assert!(crowded == 0 || rows, "{}: {heights:?}", chart.kind);
    }
}

#[test]
fn drawings_are_the_same_every_time_and_themes_differ() {
    let (first, second) = (charts(), charts());
    assert!(first.iter().zip(&second).all(|(a, b)| a.1 == b.1));
    let chart = &first[1].0;
    assert!(chart.png(&LIGHT, 400).unwrap() == second[1].0.png(&LIGHT, 400).unwrap());
    assert!(chart.svg(&DARK, "x", "").unwrap() != chart.svg(&LIGHT, "x", "").unwrap());
}

#[test]
fn the_floor_is_drawn_and_said_where_it_is_known() {
    let (mut manifest, trials) = fixture::run();
    let (chart, svg) = charts_of(&manifest, &trials).remove(0);
    assert!(chart.kind == "percentiles" && !svg.contains("one plain socket"));
    let calibration = wirerace_contract::results::Calibration { chain_p50_ns: 35_000, ..Default::default() };
    manifest.calibration = Some(calibration);
    let (chart, svg) = charts_of(&manifest, &trials).remove(0);
    assert!(texts(&svg).contains(&"one plain socket, median 35 µs"), "{:?}", texts(&svg));
    assert!(chart.notes.iter().any(|note| note.contains("Grey line: 35 µs")), "{:?}", chart.notes);
    // The axis reaches down to it.
    assert!(texts(&svg).contains(&"10 µs"), "{:?}", texts(&svg));
    let delay = wirerace_contract::spec::Delay { one_way_delay_us: 15_000 };
    manifest.cells[0].load.path = wirerace_contract::spec::Path::Delayed(delay);
    let (_, svg) = charts_of(&manifest, &trials).remove(0);
    assert!(!svg.contains("one plain socket"), "it was measured without distance");
}

#[test]
fn what_was_sent_again_is_a_layer_where_there_is_any() {
    let (manifest, mut trials) = fixture::run();
    let bytes = |trials: &[Trial]| {
        charts_of(&manifest, trials).into_iter().find(|(chart, _)| chart.kind == bytes::NAME).unwrap()
    };
    let total = |chart: &Chart, arm: &str| {
        let row = chart.table.rows.iter().find(|row| row[0] == arm).unwrap();
        let column = chart.table.columns.iter().position(|column| column == "total").unwrap();
        row[column].replace(',', "").parse::<f64>().unwrap()
    };
    let (before, svg) = bytes(&trials);
    assert!(!svg.contains("sent again") && !before.table.columns.iter().any(|c| c == "sent again and options"));
    for trial in trials.iter_mut().filter(|trial| trial.arm.name == "ws") {
        let Some(measured) = &mut trial.measured else { continue };
        // 10 and 30 bytes for each quote.
        measured.ledger.to_client.sent_again = Some(10 * measured.client.quotes.received);
        measured.ledger.to_server.sent_again = Some(30 * measured.client.quotes.received);
    }
    let (after, svg) = bytes(&trials);
    let column = after.table.columns.iter().position(|c| c == "sent again and options").unwrap();
    let cell = |arm: &str| after.table.rows.iter().find(|row| row[0] == arm).unwrap()[column].as_str();
    assert_eq!((cell("ws"), cell("sse")), ("40", "–"), "older trials do not tell");
    assert!((total(&after, "ws") - total(&before, "ws") - 40.0).abs() < 1.0, "it is a part of the total");
    assert!(texts(&svg).contains(&"sent again and options") && svg.contains("segments without data"));
    assert!(after.notes.iter().any(|note| note.starts_with("Sent again and options: ")));
}

/// With the machine's own floor, so that theory says more than 0 everywhere and the floor is drawn.
fn calibrated() -> (Manifest, Vec<Trial>) {
    let (mut manifest, trials) = fixture::run();
    let calibration = wirerace_contract::results::Calibration { chain_p50_ns: 35_000, ..Default::default() };
    manifest.calibration = Some(calibration);
    (manifest, trials)
}

#[test]
fn every_picture_says_its_trials_its_seed_and_its_day() {
    let (manifest, trials) = fixture::run();
    let last = |svg: &str| texts(svg).last().map(|text| (*text).to_owned()).unwrap();
    for (chart, svg) in charts() {
        let told = "n = 5 to 6 · seed 7 · 2026-01-02 · 1 void, 1 tainted left out";
        assert_eq!(last(&svg), told, "{}", chart.kind);
    }
    // Without anything set aside nothing is said of it; without a trial there are none.
    let clean: Vec<Trial> = trials.iter().filter(|t| t.arm.name == "ws").cloned().collect();
    for (trials, told) in [(clean, "n = 6 · seed 7 · 2026-01-02"), (Vec::new(), "n = 0 · seed 7 · 2026-01-02")] {
        for (chart, svg) in charts_of(&manifest, &trials) {
            assert_eq!(last(&svg), told, "{}", chart.kind);
        }
    }
    let summary = summarise(&manifest, &trials, &[]);
    for chart in RUN_KINDS.iter().filter_map(|kind| kind.draw(&summary)) {
        let svg = chart.svg(&LIGHT, chart.kind, "none").unwrap();
        assert!(texts(&svg).iter().any(|text| text.contains("n = ") && text.contains("seed")), "{}", chart.kind);
    }
}

#[test]
fn every_arm_has_marks_and_every_axis_its_numbers() {
    let (manifest, trials) = calibrated();
    for (chart, svg) in charts_of(&manifest, &trials) {
        let series = structure::of_class(&svg, "series");
        let marked = series.iter().filter(|group| group.marks() > 0).count();
        assert_eq!(marked, manifest.arms.len() * panels(chart.kind), "{}", chart.kind);
        let axes = structure::of_class(&svg, "axes");
        assert!(!axes.is_empty(), "{}", chart.kind);
        for axis in axes {
            // Bars and rows have arms instead of numbers on one axis, and time goes down in the other.
            let (below, beside) = match chart.kind {
                bytes::NAME | handshakes::NAME | spread::NAME => (2, 0),
                sequence::NAME => (0, 2),
                _ => (2, 2),
            };
            assert!(axis.labels_below() >= below && axis.labels_beside() >= beside, "{}: {axis:?}", chart.kind);
            assert!(axis.polylines >= below + beside, "{}: a number has its line", chart.kind);
        }
    }
}

#[test]
fn theory_is_dashed_for_every_arm_that_has_one_and_the_floor_is_a_line() {
    let (manifest, trials) = calibrated();
    let summary = summarise(&manifest, &trials, &[]);
    // On a logarithmic axis a theory of 0 has no place.
    let has = |arm: &ArmSummary, above_0: bool| {
        let points = arm.theory.iter().flat_map(|theory| &theory.curve).filter(|p| !above_0 || p.quantile > 0.0);
        points.filter_map(|p| p.lateness_ms.finite()).filter(|ms| !above_0 || *ms > 0.0).count() > 1
    };
    let with_theory = |above_0| summary.cells[0].arms.iter().filter(|arm| has(arm, above_0)).count();
    assert!(with_theory(true) > 0);
    for (chart, svg) in charts_of(&manifest, &trials) {
        let dashed = structure::of_class(&svg, "series").iter().filter(|group| group.theory > 0).count();
        let floors: Vec<usize> = structure::of_class(&svg, "floor").iter().map(|group| group.polylines).collect();
        match chart.kind {
            percentiles::NAME => assert_eq!((dashed, floors), (with_theory(true), vec![1])),
            cdf::NAME => assert_eq!((dashed, floors), (with_theory(false), vec![1])),
            kind => assert_eq!(floors.len(), 0, "{kind}"),
        }
    }
}

#[test]
fn no_text_runs_into_another_or_out_of_the_picture() {
    let (manifest, trials) = twelve();
    for (chart, svg) in charts_of(&manifest, &trials) {
        assert_eq!(structure::misplaced(&svg), Vec::<String>::new(), "{}", chart.kind);
    }
    let summary = summarise(&manifest, &trials, &[]);
    for chart in RUN_KINDS.iter().filter_map(|kind| kind.draw(&summary)) {
        let svg = chart.svg(&LIGHT, chart.kind, "none").unwrap();
        assert_eq!(structure::misplaced(&svg), Vec::<String>::new(), "{}", chart.kind);
    }
}

#[test]
fn what_a_run_has_no_picture_for_is_said_with_what_it_needs() {
    let (manifest, trials) = fixture::run();
    let summary = summarise(&manifest, &trials, &[]);
    let chart = |kind: &RunKind| Some((kind.name.to_owned(), kind.draw(&summary)?));
    let drawn: Vec<(String, Chart)> = RUN_KINDS.iter().filter_map(chart).collect();
    let said = absent_across(&drawn);
    assert!(!drawn.is_empty() && said.len() + drawn.len() == RUN_KINDS.len(), "{said:?}");
    assert!(!said.iter().any(|sentence| sentence.contains("`theory`")), "{said:?}");
    assert!(
        said.contains(&"Picture `idle` not drawn: it needs a cell in which no quote falls due.".to_owned()),
        "{said:?}"
    );
}

#[test]
fn a_label_that_would_touch_the_one_before_is_left_out_with_its_line() {
    let mut canvas = Canvas::new(200.0, 100.0);
    let ticks = [(20.0, "10,000"), (60.0, "12,500"), (100.0, "15,000")].map(|(x, label)| (x, label.to_owned()));
    ticks_x(&mut canvas, ticks, (0.0, 50.0), 2.0);
    let svg = render::svg(&canvas, &LIGHT, "x", "", "").unwrap();
    assert_eq!(texts(&svg), ["10,000", "15,000"]);
    assert_eq!(svg.matches("<polyline").count(), 2);
}

#[test]
fn orders_are_told_of_in_the_pictures_that_count_them() {
    let (mut manifest, trials) = fixture::run();
    let says = |chart: &Chart, words: &str| chart.notes.iter().any(|note| note.starts_with(words));
    let told = |chart: &Chart| says(chart, "Orders went up beside the quotes, 10 a");
    assert!(!charts().iter().any(|(chart, _)| says(chart, "Orders went up")), "there are none");
    manifest.cells[0].load.orders_per_s = 10.0;
    for (chart, _) in charts_of(&manifest, &trials) {
        let counts = [bytes::NAME, handshakes::NAME, frontier::NAME].contains(&chart.kind);
        assert_eq!(told(&chart), counts, "{}: {:?}", chart.kind, chart.notes);
    }
}
