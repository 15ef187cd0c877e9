use super::*;
use crate::report::fixture;

fn summary() -> Summary {
    let (manifest, trials) = fixture::run();
    summarise(&manifest, &trials, &[])
}

fn arm<'a>(summary: &'a Summary, name: &str) -> &'a ArmSummary {
    summary.cells[0].arms.iter().find(|a| a.arm == name).unwrap()
}

#[test]
fn void_and_tainted_trials_are_counted_named_and_not_used() {
    let summary = summary();
    let long_poll = arm(&summary, "long-poll");
    assert_eq!((long_poll.valid, long_poll.tainted, long_poll.void), (5, 0, 1));
    assert_eq!(long_poll.set_aside[0].reasons, ["accepted 10 connections, dialled 11"]);
    assert!(long_poll.estimate(Quantity::LatenessP50).unwrap().interval.is_none());
    let sse = arm(&summary, "sse");
    assert_eq!((sse.valid, sse.tainted, sse.set_aside.len()), (6, 1, 1));
    assert!(sse.estimate(Quantity::LatenessP50).unwrap().interval.is_some());
}

#[test]
fn bytes_per_quote_are_the_ledger_over_the_quotes() {
    let summary = summary();
    let ws = arm(&summary, "ws");
    // 120 payload + 2 framing + 1.1 heads; the fixture cuts each direction's heads to whole bytes.
    assert!((ws.median(Quantity::ApplicationBytes).unwrap() - 123.1).abs() < 0.01);
    // Without the 2,600 bytes of heads that set-up took over 4,000 quotes.
    assert!((ws.median(Quantity::SteadyApplicationBytes).unwrap() - (123.1 - 0.65)).abs() < 0.01);
    let pooled = ws.bytes.unwrap();
    let total =
        pooled.payload + pooled.framing + pooled.heads + pooled.tcp_ip_data.unwrap() + pooled.tcp_ip_bare.unwrap();
    assert!((total / ws.median(Quantity::PacketBytes).unwrap() - 1.0).abs() < 0.03);
    // 40 seconds, 10 clients.
    let rate = (123.1 * 4_000.0 - 2_600.0) / 400.0;
    assert!((ws.median(Quantity::ApplicationRate).unwrap() - rate).abs() < 0.1);
    assert_eq!(arm(&summary, "poll-close").median(Quantity::Connections), Some(100.0 * 1_450.0 / 4_000.0));
    assert_eq!(arm(&summary, "poll").median(Quantity::EmptyPolls), Some(10.0));
    assert_eq!(ws.median(Quantity::EmptyPolls), None);
}

#[test]
fn polling_is_later_and_two_blocks_too_few_say_so() {
    let summary = summary();
    let cell = &summary.cells[0];
    let late = cell.comparison(Quantity::LatenessP50, "poll", "ws").unwrap();
    assert_eq!((late.outcome, late.n), (Outcome::Differs, 6));
    assert!((late.estimate.unwrap().get() - 125.0).abs() < 5.0, "{late:?}");
    let turned = cell.comparison(Quantity::LatenessP50, "ws", "poll").unwrap();
    assert_eq!(turned.estimate.unwrap().get(), -late.estimate.unwrap().get());
    assert_eq!(turned.interval.unwrap().low.get(), -late.interval.unwrap().high.get());
    let few = cell.comparison(Quantity::LatenessP50, "long-poll", "ws").unwrap();
    assert_eq!((few.outcome, few.n), (Outcome::TooFewBlocks, 5));
    assert!(few.interval.is_none());
}

#[test]
fn unequal_delivery_is_never_compared() {
    let (mut manifest, trials) = fixture::run();
    manifest.arms[1].arm.delivery = wirerace_contract::spec::Delivery::Newest;
    let summary = summarise(&manifest, &trials, &[]);
    assert!(summary.cells[0].comparison(Quantity::PacketBytes, "poll", "ws").is_none());
    assert!(summary.cells[0].comparison(Quantity::PacketBytes, "sse", "ws").is_some());
}

#[test]
fn pairs_are_made_within_one_attempt() {
    let (manifest, mut trials) = fixture::run();
    // Block 2 is repeated for one arm only: its first attempt still has a partner, its second has none.
    let mut again = trials.iter().find(|t| t.block == 2 && t.arm.name == "ws").unwrap().clone();
    again.attempt = 2;
    trials.push(again);
    let summary = summarise(&manifest, &trials, &[]);
    assert_eq!(summary.cells[0].comparison(Quantity::PacketBytes, "sse", "ws").unwrap().n, 6);
    let ws = arm(&summary, "ws");
    assert_eq!((ws.valid, ws.set_aside.len()), (6, 1));
    assert_eq!(ws.set_aside[0].reasons, ["the block was repeated; a later attempt is used"]);
    // Block 4 was disturbed for one arm only and its repetition for the others: nothing stands side by side.
    for trial in trials.iter_mut().filter(|t| t.block == 4 && t.arm.name == "ws") {
        trial.attempt = 2;
    }
    let summary = summarise(&manifest, &trials, &[]);
    assert_eq!(summary.cells[0].comparison(Quantity::PacketBytes, "sse", "ws").unwrap().n, 5);
}

#[test]
fn a_tainted_trial_is_not_used_even_when_nothing_replaces_it() {
    let (manifest, mut trials) = fixture::run();
    for trial in trials.iter_mut().filter(|t| t.block == 6 && t.arm.name == "ws") {
        trial.standing = Standing::Tainted;
    }
    let summary = summarise(&manifest, &trials, &[]);
    assert_eq!((arm(&summary, "ws").valid, arm(&summary, "ws").tainted), (5, 1));
    assert_eq!(summary.cells[0].comparison(Quantity::PacketBytes, "sse", "ws").unwrap().n, 5);
}

#[test]
fn of_a_tainted_trial_of_an_exact_cell_counts_are_used_and_times_are_not() {
    let (mut manifest, mut trials) = fixture::run();
    manifest.cells[0].exact = true;
    trials.retain(|t| t.block == 1 && (t.arm.name == "ws" || t.arm.name == "sse"));
    let quiet = summarise(&manifest, &trials, &[]);
    let reasons = vec!["other processes used 25.0 % of a processor".to_owned()];
    for trial in &mut trials {
        (trial.standing, trial.reasons) = (Standing::Tainted, reasons.clone());
    }
    let busy = summarise(&manifest, &trials, &[]);
    let (ws, calm) = (arm(&busy, "ws"), arm(&quiet, "ws"));
    assert_eq!((ws.valid, ws.tainted, ws.set_aside.len()), (1, 0, 0));
    assert_eq!(ws.counts_only[0].reasons, reasons);
    for (quantity, other) in Quantity::ALL.iter().zip(&calm.estimates) {
        let told = if quantity.is_counted() { other.median } else { None };
        assert_eq!(ws.estimate(*quantity).unwrap().median, told, "{quantity:?}");
    }
    assert!(ws.lateness.curve.is_empty() && ws.theory.is_none() && ws.bytes == calm.bytes);
    let compared = |quantity| busy.cells[0].comparison(quantity, "sse", "ws").unwrap().n;
    assert_eq!((compared(Quantity::ApplicationBytes), compared(Quantity::LatenessP50)), (1, 0));
    // A valid attempt is preferred, whichever comes last; void stays void.
    let mut again: Vec<Trial> = trials.clone();
    for trial in &mut again {
        (trial.standing, trial.attempt) = (Standing::Valid, 0);
    }
    let both = summarise(&manifest, &[again, trials.clone()].concat(), &[]);
    assert_eq!((arm(&both, "ws").counts_only.len(), arm(&both, "ws").tainted), (0, 1));
    assert_eq!(both.cells[0].comparison(Quantity::LatenessP50, "sse", "ws").unwrap().n, 1);
    // On a machine that others have taken, counts do not follow the plan either.
    let mut taken = trials.clone();
    taken.iter_mut().filter_map(|trial| trial.measured.as_mut()).for_each(|m| m.cpu.steal_us = Some(m.cpu.wall_us));
    let taken = summarise(&manifest, &taken, &[]);
    assert_eq!((arm(&taken, "ws").valid, arm(&taken, "ws").tainted), (0, 1));
    trials.iter_mut().for_each(|trial| trial.standing = Standing::Void);
    assert_eq!(arm(&summarise(&manifest, &trials, &[]), "ws").valid, 0);
}

#[test]
fn survives_json_and_an_empty_run() {
    let summary = summary();
    let text = serde_json::to_string(&summary).unwrap();
    assert!(serde_json::from_str::<Summary>(&text).unwrap() == summary);
    let (manifest, _) = fixture::run();
    let empty = summarise(&manifest, &[], &[]);
    assert!(empty.cells[0].arms.iter().all(|a| a.valid == 0 && a.lateness.curve.is_empty() && a.bytes.is_none()));
}

#[test]
fn a_nan_or_a_damaged_histogram_is_left_out_and_said() {
    let (manifest, mut trials) = fixture::run();
    let measured = trials[0].measured.as_mut().unwrap();
    measured.client.staleness.mean_ns = f64::NAN;
    measured.client.lateness.histogram = "damaged".into();
    let summary = summarise(&manifest, &trials, &[]);
    let first = &summary.cells[0].arms[0];
    assert_eq!(first.estimate(Quantity::StalenessMean).unwrap().n, 5);
    assert_eq!(summary.warnings.len(), 1);
}

#[test]
fn a_lost_quote_is_infinitely_late() {
    let (manifest, mut trials) = fixture::run();
    for trial in &mut trials {
        if let Some(measured) = &mut trial.measured {
            let histogram = measured.client.lateness.histogram().unwrap();
            measured.client.lateness = wirerace_contract::distribution::Distribution::of(&histogram, 400);
        }
    }
    let summary = summarise(&manifest, &trials, &[]);
    assert_eq!(arm(&summary, "ws").median(Quantity::LatenessP99), Some(f64::INFINITY));
    let text = serde_json::to_string(&summary).unwrap();
    assert!(serde_json::from_str::<Summary>(&text).unwrap() == summary);
}

#[test]
fn transit_is_told_as_a_multiple_of_the_least_where_that_is_known() {
    let (mut manifest, trials) = crate::report::fixture::run();
    let of = |manifest: &Manifest, quantity| summarise(manifest, &trials, &[]).cells[0].arms[4].median(quantity);
    assert_eq!(of(&manifest, Quantity::TransitMultiple), None);
    let calibration = wirerace_contract::results::Calibration { chain_p50_ns: 50_000, ..Default::default() };
    manifest.calibration = Some(calibration);
    let transit_ms = of(&manifest, Quantity::TransitP50).unwrap();
    let times = of(&manifest, Quantity::TransitMultiple).unwrap();
    assert!(transit_ms > 0.0 && (times - transit_ms / 0.05).abs() < 1e-6 * times, "{times} {transit_ms}");
}

#[test]
fn a_link_tells_its_worst_over_the_trials_that_are_used() {
    use wirerace_contract::distribution::{Distribution, new_histogram};
    use wirerace_contract::results::{LinkReport, LinkWay, PacketCounts};
    let (manifest, mut trials) = fixture::run();
    assert_eq!(summarise(&manifest, &trials, &[]).cells[0].link, None);
    for (number, trial) in trials.iter_mut().enumerate() {
        let Some(measured) = &mut trial.measured else { continue };
        let number = number as u64;
        let mut histogram = new_histogram();
        (1..=100).for_each(|i| histogram.saturating_record(1_000 * (i + number)));
        // The most packets are not lost in the trial in which most are dropped, nor is it the slowest.
        let lost = if number == 3 { 7 } else { 1 };
        let queue_dropped = if number == 5 { 4 } else { 0 };
        let sent = PacketCounts { packets: 100 + number, ..PacketCounts::default() };
        let way = LinkWay { sent, lost, queue_dropped, ..LinkWay::default() };
        measured.link = Some(LinkReport {
            to_client: way,
            to_server: LinkWay { sent, ..LinkWay::default() },
            connections: 1,
            error: Distribution::of(&histogram, 0),
            sockets: if number == 2 {
                Distribution::default()
            } else {
                Distribution::of(&histogram, if number == 7 { 5 } else { 0 })
            },
            cpu_us: if number == 4 { 300 } else { 10 },
            wall_us: 1_000,
            real_time: number != 6,
        });
    }
    // Of a trial that is set aside nothing is told.
    let aside = trials.iter_mut().find(|trial| trial.standing == Standing::Tainted).unwrap();
    aside.measured.as_mut().unwrap().link.as_mut().unwrap().to_client.interface_dropped = 9;
    let used = trials.iter().filter(|t| t.standing == Standing::Valid && t.measured.is_some()).count();
    let link = summarise(&manifest, &trials, &[]).cells[0].link.unwrap();
    assert_eq!((link.trials as usize, link.cpu_percent, link.real_time), (used, 30.0, false));
    assert_eq!((link.lost, link.lost_of, link.queue_dropped, link.interface_dropped), (7, 206, 4, 0));
    // Trial 30 is the last of all.
    assert_eq!(link.sockets_p99_ms.map(Reading::get), Some(f64::INFINITY), "one was lost; older files do not tell");
    assert!((link.sockets_p50_ms.unwrap().get() - 0.080).abs() < 0.001);
    let (p50, p99) = (link.error_p50_ms.unwrap().get(), link.error_p99_ms.unwrap().get());
    assert!((p50 - 0.080).abs() < 0.001 && (p99 - 0.129).abs() < 0.001, "{p50} {p99}");
}

#[test]
fn a_distance_that_was_not_there_is_told() {
    use wirerace_contract::spec::{Delay, Path};
    let (mut manifest, trials) = fixture::run();
    let warnings = |manifest: &Manifest| summarise(manifest, &trials, &[]).warnings;
    // The fixture's pushes take at least 0.1 ms.
    manifest.cells[0].load.path = Path::Delayed(Delay { one_way_delay_us: 50 });
    assert_eq!(warnings(&manifest), Vec::<String>::new());
    manifest.cells[0].load.path = Path::Delayed(Delay { one_way_delay_us: 15_000 });
    let told = warnings(&manifest);
    assert!(told.len() == 1 && told[0].contains("15 ms one way") && told[0].contains("was not there"), "{told:?}");
}
