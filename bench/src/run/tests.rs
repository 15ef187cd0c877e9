use wirerace_contract::results::{Cell, Manifest};

use super::*;
use crate::report::fixture;

/// The fixture's run with an exact cell beside its own, and what of it is done.
fn run(out: &Path, done: impl Fn(&Trial) -> bool) -> Run {
    let (mut manifest, trials) = fixture::run();
    manifest.cells.push(Cell { name: "exact".into(), exact: true, ..manifest.cells[0].clone() });
    let folder = RunFolder::create(out, "made").unwrap();
    let done = trials.into_iter().filter(|trial| done(trial)).collect();
    Run { folder, manifest, done, time: TimeLeft::default(), verbose: false, link: None }
}

#[test]
fn exact_cells_have_a_place_in_the_first_block_alone() {
    let out = tempfile::tempdir().unwrap();
    let run = run(out.path(), |_| false);
    let places = run.places();
    let Manifest { arms, blocks, .. } = &run.manifest;
    let counts: Vec<usize> = places.iter().map(Vec::len).collect();
    let mut expected = vec![arms.len(); *blocks as usize];
    expected[0] *= 2;
    assert_eq!(counts, expected);
    assert!(places[1..].iter().flatten().all(|place| place.cell == 0));
    let to_do = run.to_do(&places);
    assert_eq!(to_do.trials, arms.len() * (*blocks as usize + 1));
    let longest_s = length::trial_s(&arms[0].arm, &run.manifest.cells[0].load);
    assert!((to_do.seconds / (to_do.trials as f64 * longest_s) - 1.0).abs() < 0.1, "{to_do:?}");
}

#[test]
fn what_is_done_is_not_to_be_done() {
    let out = tempfile::tempdir().unwrap();
    let run = run(out.path(), |trial| trial.block == 2);
    let places = run.places();
    let [open, done] = [1, 2].map(|block| {
        let of_block = places.iter().find(|places| places[0].block == block).unwrap();
        of_block.iter().filter(|place| run.has(**place)).count()
    });
    // The fixture numbers its five trials of a block from 1 to 5; ten places stand in an order with two cells.
    assert_eq!(open, 0);
    assert_eq!(run.to_do(&places).trials, places.iter().map(Vec::len).sum::<usize>() - done);
}

#[test]
fn a_new_run_takes_the_self_test_beside_it_along() {
    let out = tempfile::tempdir().unwrap();
    let test = crate::self_test::verdict::SelfTest {
        software: String::new(),
        commit: None,
        started_utc: "2026-01-01T00:00:00Z".into(),
        ended_utc: String::new(),
        smoke: false,
        seed: 1,
        environment: environment::environment(None),
        load: LoadSpec::default(),
        same: Vec::new(),
        as_run: Default::default(),
        in_order: Default::default(),
        effects: Vec::new(),
    };
    let folder = out.path().join("20260101T000000Z-self-test");
    std::fs::create_dir(&folder).unwrap();
    test.write(&folder).unwrap();
    let options = RunOptions { out: out.path().to_owned(), seed: 1, pin: false, verbose: false, calibration: None };
    let run = Run::create(&Experiment { name: "made".into(), ..Experiment::default() }, &options).unwrap();
    let written = read_manifest(run.dir()).unwrap();
    assert_eq!(written.self_test.map(|test| test.started_utc).as_deref(), Some("2026-01-01T00:00:00Z"));
}

#[test]
fn the_first_moments_are_kept_of_the_first_block_alone() {
    let measured = fixture::run().1.into_iter().find_map(|trial| trial.measured).unwrap();
    assert!(measured.client.events.is_some(), "the fixture's first trial has them");
    assert_eq!(with_first_moments(measured.clone(), 1), measured);
    let later = with_first_moments(measured, 2);
    assert_eq!(later.client.events, None);
    assert!(!serde_json::to_string(&later).unwrap().contains("events"), "what is not there takes no room in the file");
}

#[test]
fn theory_is_rehearsed_on_the_paths_of_the_cells_before_the_first_trial() {
    let out = tempfile::tempdir().unwrap();
    let mut begun = run(out.path(), |trial| trial.block == 2);
    begun.manifest.calibration = Some(Calibration::default());
    let begun = begun.over(None).unwrap();
    assert_eq!(begun.calibration(), Some(Calibration::default()), "its first trials were made without");
    let out = tempfile::tempdir().unwrap();
    let mut new = run(out.path(), |_| false);
    new.manifest.calibration = Some(Calibration::default());
    let new = new.over(None).unwrap();
    let written = read_manifest(new.dir()).unwrap().calibration.unwrap();
    assert_eq!(written.link, None);
    let here = written.loopback.unwrap();
    for quotes in [here.pushed, here.held] {
        assert!(quotes.first_ns[0] > 0 && quotes.first_ns.is_sorted() && quotes.further_ns > 0, "{here:?}");
    }
    assert!(here.exchange_ns > here.answer_ns && here.answer_ns > 0, "{here:?}");
    let out = tempfile::tempdir().unwrap();
    let mut counted = run(out.path(), |_| false);
    counted.manifest.calibration = Some(Calibration::default());
    counted.manifest.cells.iter_mut().for_each(|cell| cell.exact = true);
    assert_eq!(counted.over(None).unwrap().calibration(), Some(Calibration::default()), "counts need none");
}
