use super::*;
use crate::report::fixture;
use crate::summary::summarise;

fn summary() -> Summary {
    let (manifest, trials) = fixture::run();
    summarise(&manifest, &trials, &[])
}

/// The same run with `quantity` of the arm `arm` multiplied.
fn scaled(arm: &str, quantity: Quantity, factor: f64) -> Summary {
    let mut summary = summary();
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
