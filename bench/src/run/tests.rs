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
