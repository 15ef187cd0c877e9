//! The load over clients that are no clients: streams that say what a server's quotes would make them say.

use futures_util::stream::BoxStream;
use tokio::sync::mpsc;
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::feed::{Arrivals as Pattern, FeedSpec};
use wirerace_contract::plan::Plan;
use wirerace_contract::results::ClientReport;
use wirerace_contract::spec::LoadSpec;

use super::{Arrivals, Command, LoadError, LoadSetup, Report, run};
use crate::outlet::stream_of;
use crate::target::testing::arm;
use crate::target::{Event, Target};

pub(super) const FEED: FeedSpec =
    FeedSpec { seed: 1, symbols: 2, arrivals: Pattern::Periodic, rate_per_s: 200.0, payload_bytes: 0 };

pub(super) fn setup(warm_up_max_ms: u64) -> LoadSetup {
    let load = LoadSpec { clients: 3, feed: FEED, window_ms: 200, warm_up_max_ms, ..LoadSpec::default() };
    let address = "127.0.0.1:9".parse().unwrap();
    LoadSetup { arm: arm("sse"), load, address, seed: 7, published_log: None, progress_ms: Some(1), start_ns: None }
}

/// Every quote, as soon as it is due, except those that `keep` refuses.
fn stream(target: Target, keep: fn(u64) -> bool) -> BoxStream<'static, Event> {
    stream_of(|outlet| async move {
        outlet.emit(Event::Connected { epoch: None }).await;
        let Some(start_ns) = target.started().await else { return };
        for quote in Plan::new(&FEED).filter(|quote| keep(quote.seq)) {
            let due = target.pacer.sleep_until(start_ns + quote.due_offset_ns);
            if target.unless_stopped(due).await.is_none() {
                return;
            }
            outlet.emit(Event::Quote { seq: quote.seq, received_ns: monotonic_ns(), payload_bytes: 120 }).await;
        }
    })
}

pub(super) fn all(target: Target) -> BoxStream<'static, Event> {
    stream(target, |_| true)
}

fn without_the_tenth(target: Target) -> BoxStream<'static, Event> {
    stream(target, |seq| seq != 10)
}

fn none(target: Target) -> BoxStream<'static, Event> {
    stream(target, |seq| seq > 1_000)
}

pub(super) fn refused(_: Target) -> BoxStream<'static, Event> {
    stream_of(|outlet| async move { outlet.emit(Event::Failed { reason: "nobody listens".into() }).await })
}

/// Holds the reins: starts at once, asks to close when drained. Names the reports in order, progress left out.
async fn race(setup: LoadSetup, arrivals: Arrivals) -> (Vec<&'static str>, ClientReport, u32) {
    race_from(setup, arrivals, |_| ()).await
}

/// The same; `starts` learns when the feed starts.
pub(super) async fn race_from(
    setup: LoadSetup,
    arrivals: Arrivals,
    starts: impl Fn(u64),
) -> (Vec<&'static str>, ClientReport, u32) {
    let (commands, command_receiver) = mpsc::channel(8);
    let (report_sender, mut reports) = mpsc::channel(8);
    let load = run(setup, arrivals, command_receiver, report_sender);
    let reins = async {
        let (mut order, mut last, mut progresses) = (Vec::new(), ClientReport::default(), 0);
        while let Some(report) = reports.recv().await {
            match report {
                Report::Connected { .. } => {
                    order.push("connected");
                    let start_ns = monotonic_ns() + 60 * NS_PER_MS;
                    starts(start_ns);
                    commands.send(Command::Start { start_ns }).await.unwrap();
                }
                Report::Window { start_ns, .. } => {
                    order.push("window");
                    assert!(start_ns > monotonic_ns() + 20 * NS_PER_MS, "told before it begins");
                }
                Report::Progress(_) => progresses += 1,
                Report::Drained => {
                    order.push("drained");
                    commands.send(Command::Close).await.unwrap();
                }
                Report::Done(report) => {
                    order.push("done");
                    last = *report;
                }
                Report::Failed(words) => panic!("{words}"),
            }
        }
        (order, last, progresses)
    };
    let (result, seen) = tokio::join!(load, reins);
    result.unwrap();
    seen
}

#[tokio::test]
async fn stages_come_in_order_and_nothing_is_lost() {
    let (order, report, progresses) = race(setup(0), all).await;
    assert_eq!(order, ["connected", "window", "drained", "done"]);
    assert!((1..=10).contains(&progresses), "{progresses} in less than a second: at most one each 100 ms");
    // The window begins with the feed and holds 200 ms of it; the quote due at its very end is not in it.
    assert_eq!((report.window.first_seq, report.window.last_seq), (1, 39));
    assert_eq!((report.quotes.planned, report.quotes.received, report.quotes.lost), (117, 117, 0));
    assert_eq!(report.window_quotes, report.quotes);
    assert_eq!((report.lateness.count, report.spread.count), (117, 39));
    assert!(report.lateness.p50_ns.unwrap() < 5_000_000, "{:?}", report.lateness.p50_ns);
    assert!(report.staleness.wrong_price_share < 0.5);
    assert!(report.process.window_end.cpu_us() >= report.process.window_start.cpu_us());
    assert_eq!(report.errors, Vec::<String>::new());
}

#[tokio::test]
async fn a_lost_quote_is_counted_and_warm_up_comes_first() {
    let (order, report, _) = race(setup(300), without_the_tenth).await;
    assert_eq!(order, ["connected", "window", "drained", "done"]);
    assert!(report.window.start_offset_ns >= 350 * NS_PER_MS && !report.window.warm_up_agreed);
    assert_eq!(report.quotes.planned, 3 * report.window.last_seq);
    assert_eq!((report.quotes.lost, report.window_quotes.lost), (3, 0), "the tenth was due in the warm-up");
    assert_eq!(report.window_quotes.received, 3 * (report.window.last_seq + 1 - report.window.first_seq));
}

#[tokio::test]
async fn clients_that_get_nothing_end_the_wait_at_the_deadline() {
    let (_, report, _) = race(setup(0), none).await;
    assert_eq!((report.quotes.received, report.quotes.lost), (0, 117));
    assert!(report.errors[0].starts_with("3 clients did not get the last quote"), "{:?}", report.errors);
    assert!(report.staleness.wrong_price_share > 0.9);
}

#[tokio::test]
async fn a_load_in_which_nobody_gets_in_fails_in_one_sentence() {
    let (_commands, command_receiver) = mpsc::channel(8);
    let (report_sender, mut reports) = mpsc::channel(8);
    let result = run(setup(0), refused, command_receiver, report_sender).await;
    assert!(matches!(result, Err(LoadError::Connect { clients: 3, .. })));
    let Some(Report::Failed(words)) = reports.recv().await else { panic!("no failure was told") };
    assert!(words.ends_with("nobody listens"), "{words}");
}

#[tokio::test]
async fn stop_ends_any_stage_and_reports_what_there_is() {
    for hold_to_start in [true, false] {
        let (commands, command_receiver) = mpsc::channel(8);
        let (report_sender, mut reports) = mpsc::channel(64);
        let load = run(setup(60_000), all, command_receiver, report_sender);
        let reins = async {
            let mut received = 0;
            while let Some(report) = reports.recv().await {
                match report {
                    Report::Connected { .. } if hold_to_start => commands.send(Command::Stop).await.unwrap(),
                    Report::Connected { .. } => {
                        commands.send(Command::Start { start_ns: monotonic_ns() }).await.unwrap();
                    }
                    Report::Progress(progress) if progress.received > 30 && received == 0 => {
                        received = progress.received;
                        commands.send(Command::Stop).await.unwrap();
                    }
                    Report::Done(report) => return (received, *report),
                    _ => {}
                }
            }
            panic!("no report")
        };
        let (result, (received, report)) = tokio::join!(load, reins);
        result.unwrap();
        assert!(report.quotes.received >= received && report.quotes.lost == 0);
        assert_eq!(received > 30, !hold_to_start);
    }
}

#[tokio::test]
async fn a_parent_that_is_gone_ends_the_load() {
    let (commands, command_receiver) = mpsc::channel(8);
    let (report_sender, _reports) = mpsc::channel(8);
    drop(commands);
    run(setup(0), all, command_receiver, report_sender).await.unwrap();
}

#[test]
fn messages_survive_json_lines() {
    let start = Command::Start { start_ns: 5 };
    assert_eq!(serde_json::to_string(&start).unwrap(), r#"{"start":{"start_ns":5}}"#);
    assert_eq!(serde_json::from_str::<Command>(r#""stop""#).unwrap(), Command::Stop);
    let done = Report::Done(Box::default());
    assert_eq!(serde_json::from_str::<Report>(&serde_json::to_string(&done).unwrap()).unwrap(), done);
    let again: LoadSetup = serde_json::from_str(&serde_json::to_string(&setup(5)).unwrap()).unwrap();
    assert_eq!(again, setup(5));
}

#[test]
fn phases_are_stratified_and_depend_on_the_seed() {
    let phases = |seed| {
        let (_commands, command_receiver) = mpsc::channel(1);
        let load = super::Load::new(LoadSetup { seed, ..setup(0) }, command_receiver, mpsc::channel(1).0).unwrap();
        let Ok(targets) = load.targets() else { panic!("no targets") };
        targets.map(|target| target.phase).collect::<Vec<f64>>()
    };
    let first = phases(1);
    for (number, phase) in first.iter().enumerate() {
        assert!((number as f64 / 3.0..(number + 1) as f64 / 3.0).contains(phase), "{first:?}");
    }
    assert!((first[1] - first[0] - 1.0 / 3.0).abs() < 1e-12);
    assert_ne!(first, phases(2));
}
