//! What costs and bytes follow from: noise and the fit, what a push does not pay for, when a server looks for quotes.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::{Calibration, Rehearsal, RehearsedQuotes};
use wirerace_contract::spec::{LoadSpec, Path};

use super::*;
use crate::summary::residual::costs;

#[test]
fn a_quick_minute_and_a_slow_one_cancel() {
    let truth = [60.0, 20.0, 3_000.0, 0.0];
    let mut cells = fixture::exact(&poll(0.0, 1.0, 1).entry, &truth);
    for trials in &mut cells {
        trials.iter_mut().zip([0.4, 1.0, 1.0, 2.5]).for_each(|(trial, times)| trial.taken *= times);
    }
    let found = Fit::of(&cells).unwrap().costs();
    assert!(found.iter().zip(truth).all(|(found, truth)| (found - truth).abs() <= 1e-6 * truth.max(1.0)), "{found:?}");
}

#[test]
fn only_planned_requests_pay_for_seconds() {
    use crate::report::fixture as report_fixture;
    let (manifest, trials) = report_fixture::run();
    let summary = crate::summary::summarise(&manifest, &trials, &[]);
    let ways = observations::ways(&[("run".to_owned(), &summary)]);
    let planned = ways.iter().filter(|way| way.entry.descriptor.delivers == Delivers::Planned).count();
    assert_eq!((planned, ways.len()), (2, 5));
    for way in &ways {
        let seconds = if way.entry.descriptor.delivers == Delivers::Planned { 1.0 } else { 0.0 };
        let rows: Vec<&fit::Row> = way.observations.iter().flat_map(|o| &o.cpu).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| row.amounts[2] == seconds), "{rows:?}");
    }
}

#[test]
fn sizes_are_held_against_each_other_however_long_each_was_measured() {
    let mut way = poll(0.02, 1.0, 7);
    way.observations.iter_mut().filter(|o| o.load.clients == 50).for_each(|o| o.load.window_ms *= 4);
    assert_eq!(held_out::all(std::slice::from_ref(&way)).len(), 3);
    // What else differs makes another series, of which there are too few.
    way.observations.iter_mut().filter(|o| o.load.clients == 50).for_each(|o| o.load.wait_s += 1);
    assert!(held_out::all(&[way]).is_empty());
}

#[test]
fn held_requests_meet_the_quotes_of_each_trials_own_plan() {
    let entry = fixture::entry("held", &Descriptor::LONG_POLLING, Connection::Kept);
    let mut way = fixture::way(entry.clone(), [70.0, 0.0, 0.0, 0.0], &fixture::CELLS, (0.02, 1.0), 3);
    // Slow enough that a herd of 800 is away for longer than quotes are apart.
    let counting = Costs { occupancy_s: 2e-4, held_answer_s: 1e-4, ..Costs::default() };
    way.counting = counting;
    for observation in &mut way.observations {
        for trial in &mut observation.carried {
            trial.feed_seed += 10;
            let feed = (trial.quotes_per_s, trial.feed_seed);
            trial.application_bytes = fixture::application_bytes(&entry, &observation.load, &counting, feed);
        }
    }
    let worst = |way: &Way| {
        let errors = held_out::all(std::slice::from_ref(way));
        errors.iter().filter_map(HeldOut::bytes_error).map(f64::abs).fold(0.0, f64::max)
    };
    assert!(worst(&way) < 1e-9, "{}", worst(&way));
    way.observations.iter_mut().flat_map(|o| &mut o.carried).for_each(|trial| trial.feed_seed += 10);
    assert!(worst(&way) > 1e-4, "quotes of other plans are other distances apart: {}", worst(&way));
}

#[test]
fn a_feed_lasts_until_the_windows_end_which_is_on_a_grid() {
    let of = |warm_up_max_ms| LoadSpec { window_ms: 2_500, grid_ms: 500, warm_up_max_ms, ..LoadSpec::default() };
    // As the trials of 2026-11-30-advise-first were: from 1.5 s on.
    assert_eq!(observations::fed_s(&of(1_000)), 4.0);
    assert_eq!(observations::fed_s(&of(6_000)), 5.0, "two seconds agree");
    assert_eq!(observations::fed_s(&of(0)), 3.0);
}

/// Of 2026-11-30-advise-first, but for how much of a herd's answers is known.
fn calibration(held_answer_ns: u64) -> Calibration {
    let held = RehearsedQuotes { first_ns: [301_041; 32], further_ns: 24_236 };
    let (exchange_ns, answer_ns, occupancy_ns) = (151_009, 62_898, 22_948);
    let rehearsal = Rehearsal { exchange_ns, answer_ns, occupancy_ns, held_answer_ns, held, ..Rehearsal::default() };
    Calibration { loopback: Some(rehearsal), ..Calibration::default() }
}

#[test]
fn a_herd_is_looked_for_as_fast_as_answers_are_written() {
    let further_s = |held_answer_ns| {
        observations::counting(Some(calibration(held_answer_ns))).held.map(|held| (held.further_s() * 1e9).round())
    };
    assert_eq!(further_s(13_553), Some(13_553.0));
    assert_eq!(further_s(30_000), Some(24_236.0), "never later than the clients have it");
    assert_eq!(further_s(0), Some(24_236.0), "an older file does not say");
    assert_eq!(observations::counting(None), Costs::default());

    // 94.8 requests for 100 quotes came with 800 clients, set-up taken off.
    let entry = fixture::entry("held", &Descriptor::LONG_POLLING, Connection::Kept);
    let load = fixture::load(800, 10.0);
    let error = |costs: &Costs| observations::requests_per_s(&entry, &load, costs, 100.0).unwrap() / 94.8 - 1.0;
    let known = Some(calibration(13_553));
    assert!(error(&observations::counting(known)).abs() < 0.01, "{}", error(&observations::counting(known)));
    assert!(error(&costs(known, &Path::Loopback)) < -0.03, "the clients' receipts are too late for it");
}
