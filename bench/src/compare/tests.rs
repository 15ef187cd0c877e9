use super::*;
use crate::report::fixture;
use crate::summary::summarise;

fn summary() -> Summary {
    let (manifest, trials) = fixture::run();
    summarise(&manifest, &trials, &[])
}

/// The same run with `quantity` of the arm `arm` multiplied.
fn scaled(arm: &str, quantity: Quantity, factor: f64) -> Summary {
    multiplied(summary(), arm, quantity, factor)
}

fn multiplied(mut summary: Summary, arm: &str, quantity: Quantity, factor: f64) -> Summary {
    for cell in &mut summary.cells {
        for arm in cell.arms.iter_mut().filter(|a| a.arm == arm) {
            for estimate in arm.estimates.iter_mut().filter(|e| e.quantity == quantity) {
                for point in &mut estimate.points {
                    point.value = point.value.and_then(|v| Reading::new(v.get() * factor));
                }
            }
        }
    }
    summary
}

fn against(b: &Summary) -> RunComparison {
    compare(("a", &summary()), ("b", b))
}

#[test]
fn a_run_against_itself_differs_in_nothing_and_nothing_changed_around_it() {
    let same = against(&summary());
    assert!(same.ratios().count() > 60);
    for (cell, arm, ratio) in same.ratios() {
        assert_eq!(ratio.outcome, Outcome::NoClearDifference, "{cell} {arm} {ratio:?}");
    }
    assert_eq!((same.changed.as_slice(), same.notes.as_slice()), (&[][..], &[][..]));
    assert!(table::text(&same).contains("No clear difference in any of"), "{}", table::text(&same));
}

#[test]
fn what_was_multiplied_is_found_with_its_factor_and_nothing_else_is() {
    let more = against(&scaled("ws", Quantity::OwnCpu, 1.5));
    let clear: Vec<_> = more.ratios().filter(|(_, _, r)| table_is_clear(r)).collect();
    assert_eq!(clear.len(), 1, "{clear:?}");
    let (_, arm, ratio) = clear[0];
    assert_eq!((arm, ratio.quantity, ratio.outcome), ("ws", Quantity::OwnCpu, Outcome::More));
    let interval = ratio.interval.unwrap();
    assert!((ratio.ratio.unwrap().get() - 1.5).abs() < 0.05);
    assert!(interval.low.get() <= 1.5 && interval.high.get() >= 1.5 && interval.coverage >= 0.95, "{interval:?}");
    assert!(table::markdown(&more).contains("1 of "), "{}", table::markdown(&more));
    // The other way round it is less.
    let less = compare(("b", &scaled("ws", Quantity::OwnCpu, 1.5)), ("a", &summary()));
    assert_eq!(less.ratios().filter(|(_, _, r)| r.outcome == Outcome::Less).count(), 1);
}

fn table_is_clear(ratio: &Ratio) -> bool {
    matches!(ratio.outcome, Outcome::More | Outcome::Less)
}

#[test]
fn within_the_margin_is_no_clear_difference_however_narrow_the_interval() {
    // Two per cent of bytes, counted exactly: less than the margin of three.
    let little = against(&scaled("sse", Quantity::ApplicationBytes, 1.02));
    assert!(little.ratios().all(|(_, _, r)| r.outcome == Outcome::NoClearDifference));
    let enough = against(&scaled("sse", Quantity::ApplicationBytes, 1.04));
    assert_eq!(enough.ratios().filter(|(_, _, r)| r.outcome == Outcome::More).count(), 1);
}

#[test]
fn cells_and_arms_are_known_by_what_they_are_made_of() {
    let mut other = summary();
    other.cells[0].name = "renamed".into();
    other.arms[4].arm.name = "socket".into();
    other.cells[0].load.feed.seed = 99;
    let renamed = against(&other);
    assert_eq!(renamed.cells[0].arms.len(), 5, "{:?}", renamed.notes);
    let notes = renamed.notes.join("\n");
    assert!(
        notes.contains("`renamed` of B") && notes.contains("`socket` of B") && notes.contains("feed's seed"),
        "{notes}"
    );
    // The same name with another load or another interval is another thing.
    other.cells[0].load.clients += 1;
    assert!(against(&other).cells.is_empty());
    assert!(table::verdict(&against(&other)).contains("nothing to compare"));
    let mut faster = summary();
    faster.arms[1].arm.interval_ms /= 2;
    let faster = against(&faster);
    assert_eq!(faster.cells[0].arms.len(), 4);
    assert!(faster.notes[0].contains("other parameters"), "{:?}", faster.notes);
}

#[test]
fn what_changed_around_the_runs_is_named() {
    let mut other = summary();
    other.environment.processor = "another one".into();
    other.environment.crates = vec!["axum 0.9.0".into(), "tokio 1.54.0".into()];
    other.commit = None;
    other.quick = true;
    let changed = against(&other);
    let whats: Vec<&str> = changed.changed.iter().map(|c| c.what.as_str()).collect();
    assert_eq!(whats, ["commit", "quick", "processor", "library axum"]);
    assert_eq!(changed.changed[3].b, "axum 0.9.0");
    assert!(changed.notes.iter().any(|note| note.contains("quick run")));
}

#[test]
fn too_few_trials_say_so() {
    let mut other = summary();
    for arm in &mut other.cells[0].arms {
        arm.estimates.iter_mut().for_each(|e| e.points.truncate(1));
    }
    let few = against(&other);
    assert!(few.ratios().all(|(_, _, r)| r.outcome == Outcome::TooFewTrials && r.interval.is_none()));
    assert!(table::verdict(&few).contains("Too few trials"));
    for arm in &mut other.cells[0].arms {
        arm.estimates.iter_mut().for_each(|e| (e.n, e.points) = (0, Vec::new()));
    }
    assert!(table::verdict(&against(&other)).contains("No arm has usable trials"));
}

/// A run whose cell is read for what is counted alone, in one block; bytes of server-sent events multiplied.
fn exact(factor: f64) -> Summary {
    let (mut manifest, mut trials) = fixture::run();
    manifest.cells[0].exact = true;
    trials.retain(|trial| trial.block == 1);
    multiplied(summarise(&manifest, &trials, &[]), "sse", Quantity::ApplicationBytes, factor)
}

#[test]
fn of_an_exact_cell_one_block_is_enough_for_what_is_counted() {
    let against = |b: &Summary| compare(("a", &exact(1.0)), ("b", b));
    let same = against(&exact(1.0));
    for (_, arm, ratio) in same.ratios() {
        let counted = ratio.quantity.is_counted();
        let should = if counted { Outcome::CountedAlike } else { Outcome::TooFewTrials };
        assert_eq!((ratio.outcome, ratio.n_a, ratio.interval), (should, 1, None), "{arm} {ratio:?}");
    }
    // Bytes above TCP, connections and requests of five arms.
    assert_eq!(same.ratios().filter(|(_, _, r)| r.outcome == Outcome::CountedAlike).count(), 15);
    assert_eq!(table::verdict(&same), "No clear difference in any of 15 comparisons.");
    let cases = [(1.04, Outcome::CountedMore), (1.02, Outcome::CountedAlike), (0.9, Outcome::CountedLess)];
    for (factor, outcome) in cases {
        let other = against(&exact(factor));
        let found = |(_, arm, ratio): &(&str, &str, &Ratio)| {
            *arm == "sse" && ratio.quantity == Quantity::ApplicationBytes && ratio.outcome == outcome
        };
        let (_, _, ratio) = other.ratios().find(found).unwrap();
        assert!((ratio.ratio.unwrap().get() - factor).abs() < 1e-6, "{ratio:?}");
        let clear = other.ratios().filter(|(_, _, r)| r.outcome.is_clear()).count();
        assert_eq!(clear, usize::from(outcome != Outcome::CountedAlike));
        assert!(table::text(&other).contains(outcome.words()), "{}", table::text(&other));
    }
    assert!(table::verdict(&against(&exact(1.04))).starts_with("1 of 15 comparisons differ"));
    // Six blocks of a cell that is not exact are no single number.
    assert!(against(&summary()).ratios().all(|(_, _, r)| r.outcome == Outcome::TooFewTrials));
}

#[test]
fn how_many_trials_stand_behind_either_run_is_told_and_a_change_of_margins_too() {
    let mut other = summary();
    other.margins.bytes = Some(0.01);
    (other.cells[0].arms[4].valid, other.cells[0].arms[4].tainted) = (5, 1);
    let changed = against(&other);
    let rows: Vec<[&str; 3]> = changed.changed.iter().map(|c| [c.what.as_str(), &c.a, &c.b]).collect();
    let (trials, margins) = (rows[0], rows[1]);
    assert_eq!(trials[1..], ["29 valid, 1 tainted, 1 void", "28 valid, 2 tainted, 1 void"]);
    assert!(rows.len() == 2 && margins[0].starts_with("margins"), "{rows:?}");
    assert_eq!(margins[1..], ["3 %, 3 %, 10 %", "1 %, 3 %, 10 %"]);
    // Of both, also where nothing changed.
    let same = against(&summary());
    assert_eq!((same.a.trials, same.b.trials), (same.b.trials, TrialCounts { valid: 29, tainted: 1, void: 1 }));
    for told in [table::text(&same), table::markdown(&same)] {
        assert_eq!(told.matches("trials: 29 valid, 1 tainted, 1 void").count(), 2, "{told}");
    }
}

#[test]
fn what_differs_stands_below_the_headline_and_what_is_left_out_is_counted() {
    let same = against(&summary());
    assert!(table::differing(&same).is_empty());
    let more = against(&scaled("ws", Quantity::OwnCpu, 1.5));
    let lines = table::differing(&more);
    assert!(lines.len() == 1 && lines[0].starts_with("ws, server's and load's CPU per quote: × "), "{lines:?}");
    assert!(lines[0].ends_with("], more in B"), "{lines:?}");
    let (all, shown) = (more.ratios().count(), table::rows(&more).rows.len());
    let left_out = table::not_shown(&more).unwrap();
    assert!(left_out.starts_with(&format!("{} comparisons without a clear", all - shown)), "{left_out}");
    for text in [table::text(&more), table::markdown(&more).replace('\\', "")] {
        let places = ["1 of ", lines[0].as_str(), "may differ by chance", left_out.as_str()];
        let places: Vec<usize> = places.iter().filter_map(|part| text.find(part)).collect();
        assert!(places.len() == 4 && places.is_sorted(), "{places:?} {text}");
    }
}

#[test]
fn very_many_differences_are_not_all_listed() {
    let mut other = summary();
    for quantity in Quantity::ALL {
        for arm in ["poll-close", "poll", "long-poll", "sse", "ws"] {
            other = multiplied(other, arm, *quantity, 9.0);
        }
    }
    let many = against(&other);
    let clear = many.ratios().filter(|(_, _, ratio)| ratio.outcome.is_clear()).count();
    let lines = table::differing(&many);
    assert_eq!((lines.len(), lines[20].clone()), (21, format!("and {} more, which the table below has", clear - 20)));
}

#[test]
fn chance_is_counted_over_intervals_alone() {
    let mut same = against(&summary());
    let n = same.ratios().filter(|(_, _, ratio)| ratio.interval.is_some()).count();
    let told = table::by_chance(&same).unwrap();
    let expected = format!("Of {n} comparisons at 95 %, about {} may differ by chance", (0.05 * n as f64).round());
    assert!(told.starts_with(&expected), "{told}");
    same.cells[0].arms.truncate(1);
    same.cells[0].arms[0].ratios.retain(|ratio| ratio.interval.is_some());
    same.cells[0].arms[0].ratios.truncate(1);
    let told = table::by_chance(&same).unwrap();
    assert!(told.starts_with("Of 1 comparison at 95 %, hardly one may differ"), "{told}");
    let counted = compare(("a", &exact(1.0)), ("b", &exact(1.0)));
    assert_eq!(table::by_chance(&counted), None, "medians that are counted are no matter of chance");
}

const ARMS: [&str; 5] = ["poll-close", "poll", "long-poll", "sse", "ws"];

/// The run, of whose arms `arms` deliver only the newest quote.
fn newest(arms: &[&str]) -> Summary {
    let (mut manifest, trials) = fixture::run();
    for entry in manifest.arms.iter_mut().filter(|entry| arms.contains(&entry.arm.name.as_str())) {
        (entry.arm.delivery, entry.arm.interval_ms) = (Delivery::Newest, 250);
    }
    summarise(&manifest, &trials, &[])
}

/// What each row of the table is about, of one arm.
fn shown_of(comparison: &RunComparison, arm: &str) -> Vec<String> {
    let rows = table::rows(comparison).rows;
    rows.into_iter().filter(|row| row[0] == arm).map(|row| row[1].clone()).collect()
}

const BY_SECOND: [Quantity; 3] = [Quantity::PacketRate, Quantity::ApplicationRate, Quantity::OwnCpuRate];

#[test]
fn arms_of_the_newest_quote_are_compared_by_staleness_and_by_the_second() {
    let same = compare(("a", &newest(&ARMS)), ("b", &newest(&ARMS)));
    assert_eq!(same.cells[0].arms.len(), ARMS.len());
    let of_delivered = [
        Quantity::LatenessP50,
        Quantity::LatenessP99,
        Quantity::LatenessMean,
        Quantity::PacketBytes,
        Quantity::ApplicationBytes,
        Quantity::Connections,
        Quantity::Requests,
        Quantity::OwnCpu,
        Quantity::MachineCpu,
        Quantity::ServerCpu,
    ];
    let by_time = [Quantity::StalenessMean, Quantity::StalenessP99, Quantity::ServerMemory];
    for arm in &same.cells[0].arms {
        let place = |quantity: Quantity| {
            let among = |ratios: &[Ratio]| ratios.iter().filter(|ratio| ratio.quantity == quantity).count();
            (among(&arm.ratios), among(&arm.of_delivered))
        };
        let shown = shown_of(&same, &arm.arm);
        for quantity in by_time.into_iter().chain(BY_SECOND) {
            assert_eq!(place(quantity), (1, 0), "{} {quantity:?}", arm.arm);
            assert!(shown.iter().any(|row| row.starts_with(quantity.title())), "{quantity:?} {shown:?}");
        }
        for quantity in of_delivered {
            assert_eq!(place(quantity), (0, 1), "{} {quantity:?}", arm.arm);
            assert!(!shown.iter().any(|row| row.starts_with(quantity.title())), "{quantity:?} {shown:?}");
        }
    }
    let note = "`poll-close`, `poll`, `long-poll`, `sse` and `ws` deliver only the newest quote";
    assert!(same.notes.len() == 1 && same.notes[0].starts_with(note), "{:?}", same.notes);
}

#[test]
fn what_is_of_the_quotes_that_came_makes_no_headline_and_the_second_does() {
    let run = newest(&ARMS);
    let against = |b: &Summary| compare(("a", &run), ("b", b));
    let later = multiplied(run.clone(), "ws", Quantity::LatenessP99, 1.5);
    let apart = against(&multiplied(later, "ws", Quantity::OwnCpu, 1.5));
    assert!(table::verdict(&apart).starts_with("No clear difference in any of"), "{}", table::verdict(&apart));
    assert!(table::differing(&apart).is_empty() && !table::text(&apart).contains(Outcome::More.words()));
    // They are kept for who knows that the same quotes came.
    let ws = &apart.cells[0].arms[4];
    let more = ws.of_delivered.iter().filter(|ratio| ratio.outcome == Outcome::More);
    assert_eq!(more.map(|ratio| ratio.quantity).collect::<Vec<_>>(), [Quantity::LatenessP99, Quantity::OwnCpu]);
    let dearer = against(&multiplied(run.clone(), "ws", Quantity::OwnCpuRate, 1.5));
    let lines = table::differing(&dearer);
    assert!(table::verdict(&dearer).starts_with("1 of ") && lines.len() == 1, "{lines:?}");
    assert!(lines[0].starts_with("ws, server's and load's CPU per second and client: × "), "{lines:?}");
}

#[test]
fn arms_of_every_quote_beside_them_stay_as_they_are() {
    let mixed = compare(("a", &newest(&["poll"])), ("b", &newest(&["poll"])));
    assert!(mixed.notes[0].starts_with("`poll` delivers only the newest quote"), "{:?}", mixed.notes);
    let plain = against(&summary());
    for arm in ["poll-close", "long-poll", "sse", "ws"] {
        let shown = shown_of(&mixed, arm);
        assert_eq!(shown, shown_of(&plain, arm));
        assert_eq!(shown.len(), 9, "{shown:?}");
        assert!(shown[0].starts_with("median lateness") && !shown.join(" ").contains("per second"), "{shown:?}");
    }
    assert!(plain.cells[0].arms.iter().all(|arm| arm.of_delivered.is_empty() && arm.delivery == Delivery::Every));
}

#[test]
fn where_no_quote_came_costs_stand_by_the_second() {
    let mut idle = summary();
    for estimate in idle.cells[0].arms.iter_mut().flat_map(|arm| &mut arm.estimates) {
        if is_of_delivered(estimate.quantity) {
            (estimate.n, estimate.points) = (0, Vec::new());
        }
    }
    let idle = compare(("a", &idle), ("b", &idle));
    assert_eq!(idle.notes, [""; 0], "of neither run it is news");
    for arm in ARMS {
        let shown = shown_of(&idle, arm);
        let has = |quantity: Quantity| shown.iter().any(|row| row.starts_with(quantity.title()));
        assert!(BY_SECOND.into_iter().all(has) && !has(Quantity::StalenessP99), "{shown:?}");
    }
}

#[test]
fn what_only_one_run_measured_is_named() {
    let mut other = summary();
    for arm in &mut other.cells[0].arms {
        let (ws, poll) = (arm.arm == "ws", arm.arm == "poll");
        for estimate in &mut arm.estimates {
            if ws || (poll && estimate.quantity == Quantity::ServerMemory) {
                (estimate.n, estimate.points) = (0, Vec::new());
            }
        }
    }
    let in_b = [
        "Without a usable trial in B, so not compared there: `ws` (`10 clients, 10 quotes/s`).",
        "Measured in A only, so not compared there: server's resident memory (`poll`).",
    ];
    assert_eq!(against(&other).notes, in_b);
    let turned = compare(("b", &other), ("a", &summary())).notes;
    let in_a = [in_b[0].replace("in B", "in A"), in_b[1].replace("in A", "in B")];
    assert_eq!(turned, in_a);
}

#[test]
fn infinite_in_both_runs_is_not_taken_for_too_few_trials() {
    let lost = scaled("ws", Quantity::LatenessP99, f64::INFINITY);
    let of_ws = |comparison: &RunComparison| {
        let ratios = &comparison.cells[0].arms[4].ratios;
        ratios.iter().find(|ratio| ratio.quantity == Quantity::LatenessP99).unwrap().clone()
    };
    let both = compare(("a", &lost), ("b", &lost));
    let none = of_ws(&both);
    assert_eq!((none.outcome, none.ratio, none.interval), (Outcome::NoRatio, None, None));
    let said = "Besides, 1 comparison says nothing: 1 with an infinite trial in each run, so without a ratio.";
    for text in [table::text(&both), table::markdown(&both)] {
        assert!(text.contains(said) && text.contains(Outcome::NoRatio.words()), "{text}");
    }
    let with = format!("No clear difference in any of {} comparisons.", both.ratios().count() - 1);
    assert_eq!(table::verdict(&both), with);
    assert_eq!(of_ws(&against(&lost)).outcome, Outcome::More);
    assert_eq!(table::undecided(&against(&summary())), None);
}

#[test]
fn comparisons_with_too_few_trials_are_counted_beside_those_that_say_something() {
    let counted = compare(("a", &exact(1.0)), ("b", &exact(1.0)));
    let few = counted.ratios().count() - 15;
    let said = format!("Besides, {few} comparisons say nothing: {few} with too few trials for an interval.");
    assert_eq!(table::undecided(&counted), Some(said.clone()));
    assert!(table::text(&counted).contains(&said));
}

#[test]
fn what_went_wrong_is_told_with_its_trials_also_where_one_run_did_not_count() {
    let mut other = summary();
    let ws = &mut other.cells[0].arms[4];
    for estimate in ws.estimates.iter_mut().filter(|estimate| estimate.quantity == Quantity::Refused) {
        estimate.n = 6;
        estimate.points.iter_mut().for_each(|point| point.value = Reading::new(3.0));
    }
    let rows = table::counts(&against(&other)).rows;
    assert_eq!(rows, [[fixture::CELL, "ws", "clients refused", "–", "18 in 6 trials"]]);
    let rows = table::counts(&compare(("b", &other), ("a", &summary()))).rows;
    assert_eq!(rows, [[fixture::CELL, "ws", "clients refused", "18 in 6 trials", "–"]]);
}
