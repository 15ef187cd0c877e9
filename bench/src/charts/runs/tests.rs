//! Charts over whole runs: their data, their SVG's structure, and what they say where something is missing.
use super::style::{DARK, LIGHT, PRINT};
use super::*;
use crate::report::fixture;
use crate::report::fixture::sweep::{Over, run};
use crate::summary::{Estimate, Quantity, Reading, summarise};
use std::sync::OnceLock;
use wirerace_contract::results::{Manifest, Standing, Trial};

/// The runs and what they say, made once: that takes seconds without optimisation.
pub(super) fn made(over: Over) -> &'static (Manifest, Vec<Trial>, Summary) {
    static MADE: [OnceLock<(Manifest, Vec<Trial>, Summary)>; 4] = [const { OnceLock::new() }; 4];
    MADE[over as usize].get_or_init(|| {
        let (manifest, trials) = run(over);
        let summary = summarise(&manifest, &trials, &[]);
        (manifest, trials, summary)
    })
}

pub(super) fn drawn_of(name: &str, summary: &Summary) -> Option<(Chart, String)> {
    let kind = RUN_KINDS.iter().find(|kind| kind.name == name).unwrap();
    let chart = kind.draw(summary)?;
    let svg = chart.svg(&LIGHT, name, "none").unwrap();
    Some((chart, svg))
}

pub(super) fn drawn(name: &str, over: Over) -> (Chart, String) {
    drawn_of(name, &made(over).2).unwrap()
}

/// Each kind with a run that it has something for.
const EACH: [(&str, Over); 8] = [
    ("decision-map", Over::Rates),
    ("frontier-curves", Over::Rates),
    ("lateness-distance", Over::Distances),
    ("lateness-interval", Over::Distances),
    ("clients", Over::Clients),
    ("capacity", Over::Clients),
    ("idle", Over::Idle),
    ("theory", Over::Distances),
];

pub(super) fn texts(svg: &str) -> Vec<&str> {
    svg.lines().filter_map(|l| l.strip_prefix("<text ")?.split_once('>')?.1.strip_suffix("</text>")).collect()
}

pub(super) fn series(svg: &str) -> usize {
    svg.matches("<g class=\"series\">").count()
}

#[test]
fn every_kind_has_its_run_and_no_series_is_dropped() {
    assert_eq!(EACH.map(|(name, _)| name), RUN_KINDS.map(|kind| kind.name));
    // Fields of four maps of one delivery in three cells, a row for each bound up to twice the longest interval; five families
    // in two panels of three cells; seven arms above and below; two families in three cells above and below; five arms in two
    // panels; in three; in three; every arm, in the one quantity of which theory says more than 0.
    let counted = EACH.map(|(name, over)| series(&drawn(name, over).1));
    assert_eq!(counted, [4 * 3 * 4, 5 * 2 * 3, 7 * 2, 2 * 3 * 2, 5 * 2, 5 * 3, 5 * 3, 7]);
}

/// Of each cost of a map, as its sentence has it: how many fields there are, and how many it tells of by what stands in
/// them.
fn fields_told(sentence: &str) -> Vec<(usize, usize)> {
    let after = |part: &str, word: &str| -> Vec<usize> {
        let words: Vec<&str> = part.split(' ').collect();
        let next = words.windows(2).filter(|pair| pair[0] == word).map(|pair| pair[1]);
        next.filter_map(|text| text.trim_end_matches([',', '.']).parse().ok()).collect()
    };
    sentence.split("; ").map(|part| (after(part, "of")[0], after(part, "in").iter().sum::<usize>())).collect()
}

#[test]
fn pictures_say_what_they_show() {
    for (name, over) in EACH {
        let (chart, svg) = drawn(name, over);
        assert!(svg.contains("role=\"img\"") && svg.contains(&format!("<title id=\"{name}-t\">")), "{name}");
        assert!(svg.contains(&render::escape(&chart.sentence)), "{name}: {}", chart.sentence);
        if name == "decision-map" {
            // One on which nobody wins alone names nobody, but tells of every field: three cells by four bounds.
            assert_eq!(fields_told(&chart.sentence), [(12, 12); 4], "{}", chart.sentence);
        } else {
            let named = ["ws", "sse", "poll"].iter().any(|arm| chart.sentence.contains(arm));
            assert!(named, "{name}: {}", chart.sentence);
        }
        assert!(texts(&svg).contains(&chart.title.as_str()) && svg.matches("<g class=\"axes\">").count() > 0, "{name}");
        let told = |text: &&str| text.ends_with("loopback") || text.ends_with("there and back");
        assert!(texts(&svg).iter().any(told), "no figure goes without its path: {name}");
        assert!(!chart.table.rows.is_empty(), "{name}");
        let columns = chart.table.columns.len();
        assert!(chart.table.rows.iter().all(|row| row.len() == columns), "{name}: {:?}", chart.table);
        for theme in [LIGHT, DARK, PRINT] {
            assert!(chart.svg(&theme, name, "").unwrap().contains("</svg>"));
        }
    }
}

#[test]
fn axes_have_their_labels() {
    let has = |name: &str, over, labels: &[&str]| {
        let (_, svg) = drawn(name, over);
        labels.iter().for_each(|l| assert!(texts(&svg).contains(l), "{name} lacks {l}: {:?}", texts(&svg)));
    };
    let costs = ["fewest bytes", "fewest requests", "least CPU", "least memory of the server"];
    has("decision-map", Over::Rates, &costs);
    has("decision-map", Over::Rates, &["1", "10", "100", "30 ms", "0.1 s", "1 s", "quotes per second", "none"]);
    has("frontier-curves", Over::Rates, &["50 ms", "500 ms", "1 kB/s", "bytes per second and client", "1 quotes/s"]);
    // The intervals beside the marks.
    has("frontier-curves", Over::Rates, &["1 s", "100 ms"]);
    has("lateness-distance", Over::Distances, &["0 ms", "200 ms", "10 ms", "round trip", "measured − theory", "ws"]);
    has("lateness-interval", Over::Distances, &["100 ms", "1 s", "interval", "200 ms there and back", "poll-close"]);
    has("clients", Over::Clients, &["10", "10,000", "clients", "10 %", "10 MiB", "resident memory of the server"]);
    has("capacity", Over::Clients, &["stale by at most 0.1 s", "stale by at most 10 s", "≥ 10,000", "none", "ws"]);
    has("idle", Over::Idle, &["bytes per minute", "CPU per minute", "0", "ws"]);
    has("theory", Over::Distances, &["median lateness", "theory", "measured", "10 ms", "100 ms", "1 s"]);
}

#[test]
fn the_data_behind_the_charts() {
    let row = |(name, over): (&str, Over)| {
        let table = drawn(name, over).0.table;
        table
            .rows
            .iter()
            .rfind(|row| row.iter().any(|cell| cell.contains("ws") || cell.contains("poll ")))
            .unwrap()
            .join(" | ")
    };
    let mut rows = EACH.map(row);
    // Which intervals surely keep a bound as long as one of them is the fixture's chance, and with it what they cost.
    let (decided, arms) = rows[0].rsplit_once(" | ").map(|(all, arms)| (all.to_owned(), arms.to_owned())).unwrap();
    assert!(["poll-close", "poll", "long-poll", "sse", "ws"].iter().all(|arm| arms.contains(arm)), "{arms}");
    rows[0] = decided;
    assert_eq!(rows, GOLDEN);
}
const GOLDEN: [&str; 8] = [
    "newest | least memory of the server | 100 | 1 s | poll-close, poll, long-poll, sse and ws (no clear winner)",
    "100 quotes/s | ws 1000 ms | 1 s | 497 [493, 501] | 229 | 22.4 [22, 23]",
    "ws | 200 ms | 100 | 100 ms | 336 µs",
    "200 ms there and back | poll 1000 ms | 1 s | 582 [575, 606] | 600 ms",
    "ws | 10,000 | 201 [197, 205] | 96.5 [96.2, 97.4] | 201 µs/s | 9.22 kB",
    "ws | 10,000 or more | 10,000 or more | –",
    "ws | 197 B | 162 µs | 930 kB",
    "200 ms there and back | ws | median lateness | 100 ms | 100 ms | 0.336 %",
];

#[test]
fn what_a_run_has_not_is_not_drawn() {
    let (manifest, trials) = fixture::run();
    let summary = summarise(&manifest, &trials, &[]);
    for (name, _) in EACH.into_iter().filter(|(name, _)| *name != "theory") {
        assert!(drawn_of(name, &summary).is_none(), "{name}");
    }
    // Of this run there is a theory, but not of orders beside its quotes.
    assert!(drawn_of("theory", &summary).is_some());
    let with_orders = |trial: &Trial| {
        let mut trial = trial.clone();
        trial.load.orders_per_s = 10.0;
        trial
    };
    let trials: Vec<Trial> = trials.iter().map(with_orders).collect();
    assert!(drawn_of("theory", &summarise(&manifest, &trials, &[])).is_none());
}

#[test]
fn without_a_trial_pictures_say_so() {
    for (name, over) in EACH {
        let (manifest, trials, _) = made(over);
        let void = |trial: &Trial| Trial { standing: Standing::Void, measured: None, ..trial.clone() };
        let all_void: Vec<Trial> = trials.iter().map(void).collect();
        for trials in [all_void, Vec::new()] {
            // Of which nothing is measured, that is no idle cell; and what theory says it says of trials.
            let Some((_, svg)) = drawn_of(name, &summarise(manifest, &trials, &[])) else {
                assert!(["idle", "theory"].contains(&name), "{name}");
                continue;
            };
            assert!(svg.contains("Nothing to draw") && series(&svg) == 0, "{name}");
        }
    }
}

/// What each kind says is missing where the only trial is the first of all: one of a poll that closes its connections,
/// in the first cell.
const OF_A_SINGLE_TRIAL: [(&str, &str); 8] = [
    ("decision-map", ": no map, for no poll was measured there beside a push."),
    ("frontier-curves", "Not drawn: ws, no valid trial measured staleness and cost."),
    ("lateness-distance", " there and back), poll-close 1000 ms, poll 100 ms, poll 1000 ms, long-poll, sse and ws."),
    ("lateness-interval", " there and back), poll-close 1000 ms, poll 100 ms and poll 1000 ms."),
    ("clients", ": poll-close (in 100 clients, 1000 clients and 10000 clients), poll, long-poll, sse and ws."),
    ("capacity", "Not drawn, no valid trial: poll, long-poll, sse and ws."),
    ("idle", " (0 tainted, 0 void), long-poll (0 tainted, 0 void), sse (0 tainted, 0 void), ws (0 tainted, 0 void)."),
    ("theory", " there and back), poll-close 1000 ms, poll 100 ms, poll 1000 ms, long-poll, sse and ws."),
];

#[test]
fn of_a_single_trial_pictures_say_who_is_missing() {
    for ((name, over), (kind, missing)) in EACH.into_iter().zip(OF_A_SINGLE_TRIAL) {
        assert_eq!(name, kind);
        let (manifest, trials, _) = made(over);
        let (chart, svg) = drawn_of(name, &summarise(manifest, &trials[..1], &[])).unwrap();
        assert!(chart.notes.iter().any(|note| note.contains(missing)), "{name}: {:?}", chart.notes);
        // One of a poll decides nothing; all others draw what there is.
        assert_eq!(series(&svg) == 0, name == "decision-map", "{name}");
        assert_eq!(texts(&svg).last(), Some(&"n = 1 · seed 7 · 2026-01-02"), "{name}");
    }
}

/// What is left where no time is known but a staleness of 0: how many series, and what stands in the picture too. Kinds
/// that are not here have none: one block decides nothing, and without lateness theory has nothing to be held against.
const OF_ODD_NUMBERS: [(&str, usize, &str); 6] = [
    ("frontier-curves", 0, "Nothing to draw: no valid trial measured staleness and cost."),
    ("lateness-distance", 0, "Nothing to draw: no valid trial received a quote."),
    ("lateness-interval", 0, "Nothing to draw: no valid trial has a value for it."),
    // Memory.
    ("clients", 5, "Nothing to draw: server&apos;s and load&apos;s CPU per second and client was not measured."),
    // Who is never stale keeps every bound.
    ("capacity", 5 * 3, "≥ 10,000"),
    // Bytes and memory.
    ("idle", 5 * 2, "–"),
];

#[test]
fn of_odd_numbers_pictures_draw_what_is_left_and_say_what_is_missing() {
    for (name, over) in EACH {
        let (manifest, trials, _) = made(over);
        let mut odd: Vec<Trial> = trials.iter().filter(|t| t.block == 1).cloned().collect();
        for measured in odd.iter_mut().filter_map(|t| t.measured.as_mut()) {
            measured.client.staleness.mean_ns = f64::NAN;
            measured.client.staleness.p99_ns = 0;
            measured.cpu = Default::default();
            measured.client.lateness = wirerace_contract::distribution::Distribution::default();
        }
        let left = OF_ODD_NUMBERS.iter().find(|(kind, ..)| *kind == name);
        let picture = drawn_of(name, &summarise(manifest, &odd, &[]));
        assert_eq!(picture.is_some(), left.is_some(), "{name}");
        let Some(((chart, svg), (_, drawn, missing))) = picture.zip(left) else { continue };
        assert!(!svg.contains("NaN") && !chart.sentence.contains("NaN"), "{name}: {}", chart.sentence);
        assert_eq!(series(&svg), *drawn, "{name}");
        assert!(texts(&svg).contains(missing), "{name}: {:?}", texts(&svg));
    }
}

/// Takes all that was measured from an arm in a cell.
fn empty(arm: &mut ArmSummary) {
    (arm.valid, arm.theory, arm.bytes, arm.lateness) = (0, None, None, Default::default());
    for estimate in &mut arm.estimates {
        (estimate.n, estimate.median, estimate.interval, estimate.theory) = (0, None, None, None);
        estimate.points.clear();
    }
}

/// The same without anything of the arms whose name begins so, in the cells whose name ends so.
pub(super) fn without(summary: &Summary, beginning: &str, end: &str) -> Summary {
    let mut less = summary.clone();
    let cells = less.cells.iter_mut().filter(|cell| cell.name.ends_with(end));
    cells.flat_map(|cell| &mut cell.arms).filter(|arm| arm.arm.starts_with(beginning)).for_each(empty);
    less
}

#[test]
fn an_arm_without_trials_is_named_and_stands_in_no_legend() {
    for (name, over) in EACH {
        // Where only polls vary nobody asks for a push.
        let arm = if name == "lateness-interval" { "poll-close" } else { "ws" };
        let (before, whole) = drawn(name, over);
        let (chart, svg) = drawn_of(name, &without(&made(over).2, arm, "")).unwrap();
        let told = |note: &String| note.contains(arm) && !before.notes.contains(note);
        assert!(chart.notes.iter().any(told), "{name}: {:?}", chart.notes);
        // A map has as many fields whoever is in them.
        assert!(series(&svg) < series(&whole) || name == "decision-map", "{name}");
        let in_key = format!("W  {arm}");
        assert!(!texts(&svg).iter().any(|text| *text == arm || *text == in_key), "{name}: {:?}", texts(&svg));
    }
}

#[test]
fn an_arm_without_trials_in_one_cell_is_named_with_it() {
    let says = |name: &str, summary: &Summary, words: &str| {
        let (chart, _) = drawn_of(name, summary).unwrap();
        assert!(chart.notes.iter().any(|note| note.contains(words)), "{name} lacks {words}: {:?}", chart.notes);
    };
    for (name, over, arm, cell) in [
        ("decision-map", Over::Rates, "ws 1000 ms", "10 quotes/s"),
        ("frontier-curves", Over::Rates, "ws 1000 ms", "10 quotes/s"),
        ("lateness-distance", Over::Distances, "ws", "30 ms there and back"),
        ("lateness-interval", Over::Distances, "poll 1000 ms", "30 ms there and back"),
        ("clients", Over::Clients, "ws", "1000 clients"),
    ] {
        says(name, &without(&made(over).2, arm, cell), &format!(": {arm} (in {cell})."));
    }
    // Where it says 0 nothing is drawn either.
    let no_theory = "ws (in 0 ms there and back and 30 ms there and back).";
    says("theory", &without(&made(Over::Distances).2, "ws", "30 ms there and back"), no_theory);
    // Its cells are their numbers of clients.
    says("capacity", &without(&made(Over::Clients).2, "ws", "1000 clients"), "no failure: ws with 1,000 clients.");
    // It has two cells at most: one with a long window, one with many clients.
    let mut idle = made(Over::Idle).2.clone();
    let mut many = CellSummary { name: "many".to_owned(), ..idle.cells[0].clone() };
    many.load.clients *= 20;
    idle.cells[0].load.window_ms = 60_000;
    idle.cells.push(many);
    says("idle", &without(&idle, "ws", "many"), "many: Not drawn, no valid trial: ws (0 tainted, 0 void).");
}

#[test]
fn theory_is_judged_by_each_trials_own_error() {
    let with = |change: fn(&mut Estimate)| {
        let mut summary = made(Over::Distances).2.clone();
        let arms = summary.cells.last_mut().map(|cell| &mut cell.arms).unwrap();
        let arm = arms.iter_mut().find(|arm| arm.arm == "ws").unwrap();
        change(arm.estimates.iter_mut().find(|estimate| estimate.quantity == Quantity::LatenessP50).unwrap());
        let chart = drawn_of("theory", &summary).unwrap().0;
        let off = chart.table.rows.iter().rfind(|row| row[1] == "ws").unwrap()[5].clone();
        (chart.notes[0].clone(), off)
    };
    let whole = with(|_| {});
    assert!(whole.0.contains("within 3 % or 0.3 ms"), "{whole:?}");
    // The median of what was measured may be that of another trial than the median of what was to be expected.
    assert_eq!(with(|estimate| (estimate.median, estimate.interval) = (Reading::new(120.0), None)), whole);
    let off = with(|estimate| estimate.error = Reading::new(20.0));
    assert!(off.0 != whole.0 && off.1 == "20 %", "{off:?}");
}

#[test]
fn who_was_not_measured_with_so_many_clients_has_not_failed() {
    let of = |summary: &Summary| {
        let (chart, svg) = drawn_of("capacity", summary).unwrap();
        assert_eq!(structure::misplaced(&svg), Vec::<String>::new());
        let row = chart.table.rows.iter().find(|row| row[0] == "ws").unwrap()[1..3].to_vec();
        let noted = chart.notes.iter().any(|note| note.starts_with("Not measured, which is no failure: ws with "));
        (row, svg, noted)
    };
    let whole = &made(Over::Clients).2;
    let (row, svg, noted) = of(&without(whole, "ws", "1000 clients"));
    assert_eq!(row, ["100 or more (1,000 not measured)"; 2]);
    assert!(svg.contains("ws, 0.1 s: ≥ 100</title>") && noted);
    // Nor with the fewest.
    let mut none = whole.clone();
    let arm = none.cells[0].arms.iter_mut().find(|arm| arm.arm == "ws").unwrap();
    empty(arm);
    let (row, svg, noted) = of(&none);
    assert_eq!(row, ["– (10 not measured)"; 2]);
    assert!(svg.contains("ws, 0.1 s: –</title>") && noted);
    // Who was too late has failed.
    let mut late = whole.clone();
    let arm = late.cells[2].arms.iter_mut().find(|arm| arm.arm == "ws").unwrap();
    let stale = arm.estimates.iter_mut().find(|estimate| estimate.quantity == Quantity::StalenessP99).unwrap();
    stale.median = Reading::new(5_000.0);
    let (row, svg, noted) = of(&late);
    assert_eq!(row, ["100"; 2]);
    assert!(svg.contains("ws, 0.1 s: 100</title>") && !noted);
}

#[test]
fn every_series_has_a_mark_and_every_axis_its_numbers() {
    for (name, over) in EACH {
        let (_, svg) = drawn(name, over);
        let series = structure::of_class(&svg, "series");
        for group in &series {
            // Who carries nobody has no bar, nor has anybody where nothing is told.
            let no_bar = [": none", ": –"].iter().any(|end| group.title.ends_with(end));
            assert!(group.marks() > 0 || no_bar, "{name}: {group:?}");
        }
        // Measured less theory stands below, without theory; what one more client costs is a line for every arm.
        let dashed = series.iter().filter(|group| group.theory > 0).count();
        match name {
            "lateness-distance" | "lateness-interval" => assert_eq!(2 * dashed, series.len(), "{name}"),
            "clients" => assert_eq!(dashed, series.len(), "{name}"),
            "theory" => assert_eq!(series.len(), made(over).2.arms.len(), "{name}"),
            _ => {}
        }
        for axis in structure::of_class(&svg, "axes") {
            // Rows have arms instead of numbers on one axis.
            let beside = if ["capacity", "idle"].contains(&name) { 0 } else { 2 };
            assert!(axis.labels_below() >= 2 && axis.labels_beside() >= beside, "{name}: {axis:?}");
        }
    }
}

#[test]
fn every_picture_says_its_trials_its_seed_and_its_day() {
    for (name, over) in EACH {
        let (_, svg) = drawn(name, over);
        assert_eq!(texts(&svg).last(), Some(&"n = 6 · seed 7 · 2026-01-02"), "{name}");
    }
}

#[test]
fn no_text_runs_into_another_or_out_of_the_picture() {
    for (name, over) in EACH {
        assert_eq!(structure::misplaced(&drawn(name, over).1), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn an_idle_cell_has_no_picture_of_quotes_and_says_why() {
    let summary = &made(Over::Idle).2;
    let has = |kind: &&Kind| (kind.has)(&summary.cells[0]);
    assert_eq!(KINDS.iter().filter(has).map(|kind| kind.name).collect::<Vec<_>>(), [sequence::NAME]);
    for kind in ["lateness-interval", "frontier-curves"] {
        let mut summary = summary.clone();
        let mut slow = summary.arms[1].clone();
        (slow.arm.name, slow.arm.interval_ms) = ("poll 5 s".to_owned(), 5_000);
        summary.arms.push(slow);
        summary.cells.iter_mut().for_each(|cell| cell.arms.push(cell.arms[1].clone()));
        assert!(drawn_of(kind, &summary).is_none(), "{kind}");
    }
    let said = absent(summary);
    assert_eq!(said[0], "Picture `percentiles` not drawn: no quote falls due in the window.");
    assert_eq!(said.len(), KINDS.len() - 1);
    let busy = &made(Over::Clients).2;
    assert!(KINDS.iter().all(|kind| busy.cells.iter().all(kind.has)), "{:?}", absent(busy));
}

#[test]
fn of_idle_cells_bytes_are_read_in_the_longest_window_and_memory_with_the_most_clients() {
    let mut summary = made(Over::Idle).2.clone();
    let (alone, _) = drawn_of("idle", &summary).unwrap();
    // As in the experiment: few clients for a minute, many for five seconds in which no heartbeat comes.
    let mut many = CellSummary { name: "many for long enough".to_owned(), ..summary.cells[0].clone() };
    (many.load.clients, many.load.window_ms) = (20 * many.load.clients, 5_000);
    for estimate in many.arms.iter_mut().flat_map(|arm| &mut arm.estimates) {
        if [Quantity::PacketRate, Quantity::ApplicationRate].contains(&estimate.quantity) {
            estimate.median = Reading::new(0.0);
        }
    }
    summary.cells[0].load.window_ms = 60_000;
    summary.cells.push(many);
    let (chart, svg) = drawn_of("idle", &summary).unwrap();
    let columns = |chart: &Chart, i: usize| chart.table.rows.iter().map(|row| row[i].clone()).collect::<Vec<_>>();
    assert_eq!(columns(&chart, 1), columns(&alone, 1), "bytes are those of the minute");
    assert_eq!(columns(&chart, 2), columns(&alone, 2), "the same figures stand in both");
    // A twentieth of 930 kB.
    assert_eq!((alone.table.rows[4][3].as_str(), chart.table.rows[4][3].as_str()), ("930 kB", "46.5 kB"));
    assert!(texts(&svg).iter().any(|text| text.contains("CPU and memory: many for long enough")), "{:?}", texts(&svg));
    assert_eq!(structure::misplaced(&svg), Vec::<String>::new());
}

#[test]
fn within_a_bound_as_long_as_the_window_nothing_is_told() {
    let (chart, svg) = drawn("capacity", Over::Clients);
    let note = "Nothing is told within 10 s: the window is 4 s, which is no longer.";
    assert!(chart.notes.iter().any(|told| told == note), "{:?}", chart.notes);
    assert!(svg.contains("ws, 10 s: –") && !svg.contains("ws, 10 s: none"));
    let mut long = made(Over::Clients).2.clone();
    long.cells.iter_mut().for_each(|cell| cell.load.window_ms = 10_000);
    let (_, svg) = drawn_of("capacity", &long).unwrap();
    assert!(svg.contains("ws, 10 s: –"), "as long is not longer");
    long.cells.iter_mut().for_each(|cell| cell.load.window_ms = 30_000);
    let (chart, svg) = drawn_of("capacity", &long).unwrap();
    assert!(svg.contains("ws, 10 s: ≥ 10,000") && !chart.notes.iter().any(|told| told.starts_with("Nothing is told")));
}
