//! Theory beside measurement: which of its values belongs to which quantity, and how far the two are apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wirerace_contract::clock::NS_PER_MS;
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::distribution::{Distribution, new_histogram};
use wirerace_contract::plan::{SplitMix64, phases_seed};
use wirerace_contract::results::{ArmEntry, Calibration, Measured, Rehearsal, Trial};
use wirerace_contract::spec::{Flush, LoadSpec, Path};

use super::curve::{CurvePoint, Merged};
use super::terms::Terms;
use super::{Quantity, Reading};
use crate::statistics::median;
use crate::theory::bytes::Direction;
use crate::theory::distance::distance;
use crate::theory::held::mean_window_s;
use crate::theory::{Bytes, Costs, Lateness, Law, Prediction, Rehearsed, Run, predict_trial};

const MS_PER_S: f64 = 1e3;
/// Steps of a law may lie this far off before it counts as a difference, seconds: a machine makes slopes of steps, and
/// mean lateness is held to no less either.
pub const SLACK_S: f64 = 0.000_3;
/// Who waits so long goes to sleep, and takes longer to wake up, seconds.
const REST_S: f64 = 0.01;

/// What theory says about an arm's lateness.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TheorySummary {
    /// Mean lateness, milliseconds.
    pub mean_ms: Reading,
    /// Largest possible lateness, milliseconds.
    pub max_ms: Reading,
    /// Measured mean − `mean_ms`, over what was received; `null` when nothing was.
    pub mean_error_ms: Option<Reading>,
    /// Largest difference of the two distributions, 0 to 1 (Kolmogorov), that a shift of [`SLACK_S`] either way does not
    /// explain; `null` when nothing was measured, and where theory knows of no time at all, so that what was measured is
    /// the machine's.
    pub distance: Option<Reading>,
    /// The same without that allowance: Kolmogorov's own.
    #[serde(default)]
    pub distance_strict: Option<Reading>,
    /// Lateness by theory at the quantiles of the measured curve.
    pub curve: Vec<CurvePoint>,
    /// x = λw of held requests: quotes that come, on the average, while a client has no request pending; `null` elsewhere.
    /// At the feed's nominal rate; median over the trials.
    #[serde(default)]
    pub x: Option<Reading>,
    /// What became of the planned polls of all windows; `null` where none are planned, or a window is not a whole number
    /// of intervals.
    #[serde(default)]
    pub polls: Option<Polls>,
    /// Whether what a quote takes beside distance was rehearsed on the path.
    #[serde(default)]
    pub rehearsed: bool,
}

/// Planned polls, and what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Polls {
    /// By plan: clients × length of the window ÷ interval.
    pub planned: u64,
    /// Sent, as the clients count them.
    pub issued: u64,
    /// Left out because an answer was still under way, as the clients count them.
    pub skipped: u64,
}

impl Polls {
    fn of(used: &[&Trial]) -> Option<Self> {
        let mut all = Self::default();
        for trial in used.iter().filter(|trial| trial.descriptor.delivers == Delivers::Planned) {
            let client = &trial.measured.as_ref()?.client;
            let window_ns = client.window.end_offset_ns.saturating_sub(client.window.start_offset_ns);
            let interval_ns = u64::from(trial.arm.interval_ms) * NS_PER_MS;
            if window_ns.checked_rem(interval_ns) != Some(0) {
                return None;
            }
            all.planned += u64::from(client.clients_connected) * (window_ns / interval_ns);
            all.issued += client.traffic.window_polls_issued;
            all.skipped += client.traffic.window_polls_skipped;
        }
        (all.planned > 0).then_some(all)
    }
}

/// λw of a held request, at the feed's nominal rate: what theory is held to must not hang on how many quotes a window held.
fn x_of(prediction: &Prediction, load: &LoadSpec) -> Option<f64> {
    let setting = &prediction.setting;
    (setting.delivers == Delivers::Held).then(|| load.feed.rate_per_s * mean_window_s(setting))
}

/// How long a trial was and what its feed held: given by plan and clock, whatever was delivered. `None` if the feed gave
/// nothing.
fn run(trial: &Trial, measured: &Measured) -> Option<Run> {
    let clients = f64::from(trial.load.clients.max(1));
    let window = &measured.client.window;
    let window_s = window.end_offset_ns.saturating_sub(window.start_offset_ns) as f64 / 1e9;
    let run = Run {
        quotes: measured.client.quotes.planned as f64 / clients,
        feed_s: window.end_offset_ns as f64 / 1e9,
        window_rate_per_s: measured.client.window_quotes.planned as f64 / clients / window_s,
        window_from_s: Some(window.start_offset_ns as f64 / 1e9),
        // The window's begin is the instant that both the server's meter and the plan know.
        asked_s: window.start_offset_ns as f64 / 1e9 + since(measured, measured.server.window_start.taken_ns),
        metered_s: since(measured, measured.server.connected.taken_ns),
    };
    let some = run.quotes > 0.0 && run.window_rate_per_s.is_finite() && run.window_rate_per_s > 0.0;
    some.then_some(run)
}

fn since(measured: &Measured, from_ns: u64) -> f64 {
    measured.server.drained.taken_ns.saturating_sub(from_ns) as f64 / 1e9
}

/// What the machine costs over `path`, from the run's calibration. A run without one counts as made on a machine that takes
/// no time, and on a path that was not rehearsed things take what they take on one host's bare sockets.
pub(crate) fn costs(calibration: Option<Calibration>, path: &Path) -> Costs {
    let Some(calibration) = calibration else { return Costs::default() };
    let bare = bare_costs(&calibration);
    let rehearsal = match path {
        Path::Link(_) => calibration.link,
        // Held back in the server, quotes take what they take on one host.
        Path::Loopback | Path::Delayed(_) => calibration.loopback,
    };
    rehearsal.map_or(bare, |rehearsal| {
        let (exchange_ns, answer_ns) = exchange(&rehearsal, path);
        Costs {
            exchange_s: seconds(exchange_ns),
            answer_s: seconds(answer_ns),
            awake_answer_s: Some(seconds(rehearsal.answer_ns)),
            occupancy_s: seconds(rehearsal.occupancy_ns),
            held_answer_s: seconds(rehearsal.held_answer_ns),
            pushed: Rehearsed::of(&rehearsal.pushed),
            held: Rehearsed::of(&rehearsal.held),
            ..bare
        }
    })
}

/// What an exchange takes over `path` beside the distance, and the answer's part of it: as rehearsed after a rest, where the
/// way there and back is one and that was rehearsed.
fn exchange(rehearsal: &Rehearsal, path: &Path) -> (u64, u64) {
    let rests = 2.0 * path.one_way_delay_s() >= REST_S && rehearsal.rested_exchange_ns > 0;
    if rests {
        (rehearsal.rested_exchange_ns, rehearsal.rested_answer_ns)
    } else {
        (rehearsal.exchange_ns, rehearsal.answer_ns)
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn bare_costs(calibration: &Calibration) -> Costs {
    Costs {
        exchange_s: seconds(calibration.exchange_ns),
        answer_s: seconds(calibration.answer_ns),
        awake_answer_s: None,
        occupancy_s: seconds(calibration.occupancy_ns),
        held_answer_s: seconds(calibration.held_answer_ns),
        write_s: seconds(calibration.write_ns),
        loopback_transit_s: seconds(calibration.chain_p50_ns.saturating_sub(calibration.write_ns)),
        pushed: None,
        held: None,
    }
}

/// Whether theory knows all that a trial was made of. It has no law for losses, jitter, a link's rate, orders beside the
/// quotes, or options that change what is asked.
fn is_modelled(entry: &ArmEntry, load: &LoadSpec) -> bool {
    let plain_path = match load.path {
        Path::Link(link) => link.loss_share == 0.0 && link.jitter_us == 0 && link.rate_bits_per_s == 0,
        Path::Loopback | Path::Delayed(_) => true,
    };
    plain_path && load.orders_per_s == 0.0 && !entry.arm.unconditional && entry.arm.flush == Flush::Drain
}

/// What theory says about each trial.
pub(super) fn predictions(entry: &ArmEntry, terms: &Terms, used: &[&Trial]) -> Vec<Option<Prediction>> {
    let of = |trial: &&Trial| {
        let run = run(trial, trial.measured.as_ref()?).filter(|_| is_modelled(entry, &trial.load))?;
        let costs = costs(terms.calibration, &trial.load.path);
        Some(predict_trial(entry, &trial.load, &costs, &run, phase(terms.seed, trial)))
    };
    used.iter().map(of).collect()
}

/// Where in their N-th of an interval the clients of a trial over a link begin, 0 to 1: drawn from the run's seed once a
/// block, and from that by the load. Elsewhere theory is held to no tolerance, and the average over all phases will do.
fn phase(seed: u64, trial: &Trial) -> Option<f64> {
    let of_block = phases_seed(seed, trial.block);
    matches!(trial.load.path, Path::Link(_)).then(|| SplitMix64::new(of_block).uniform())
}

/// The medians over the trials of what theory says, and of how far each trial is from it: a trial is held against the
/// theory of its own run, since feeds of different blocks hold different numbers of quotes.
pub(super) fn against(
    quantity: Quantity,
    values: &[Option<f64>],
    predictions: &[Option<Prediction>],
) -> (Option<f64>, Option<f64>) {
    let pairs = || {
        values.iter().zip(predictions).filter_map(|(value, prediction)| {
            let theory = predicted(quantity, prediction.as_ref()?)?;
            Some((*value, theory))
        })
    };
    let theory: Vec<f64> = pairs().map(|(_, theory)| theory).collect();
    let errors: Vec<f64> = pairs().filter_map(|(value, theory)| error(quantity, value?, theory)).collect();
    (median(&theory), median(&errors))
}

/// What `quantity` should be; `None` where there is no theory, or only a range (segments without data).
#[must_use]
pub fn predicted(quantity: Quantity, prediction: &Prediction) -> Option<f64> {
    let law = || prediction.law.as_ref();
    let late_ms = |quantile: f64| Some(law()?.lateness.quantile_s(quantile) * MS_PER_S);
    match quantity {
        Quantity::LatenessMean => Some(law()?.lateness.mean_s() * MS_PER_S),
        Quantity::LatenessP50 => late_ms(0.5),
        // Transit counts from the publication: what a rehearsal found counts from the due instant.
        Quantity::TransitP50 if prediction.setting.is_rehearsed() => None,
        Quantity::TransitP50 => late_ms(0.5),
        Quantity::LatenessP99 => late_ms(0.99),
        Quantity::StalenessMean => law()?.staleness_s.map(|s| s * MS_PER_S),
        Quantity::WrongPrice => law()?.stale_share.map(|share| 100.0 * share),
        Quantity::EmptyPolls => law().and_then(Law::empty_share).map(|share| 100.0 * share),
        Quantity::Connections => prediction.connections().map(|connections| 100.0 * connections),
        Quantity::Requests => prediction.requests().map(|requests| 100.0 * requests),
        Quantity::ApplicationBytes => prediction.total().map(|bytes| application(&bytes)),
        Quantity::SteadyApplicationBytes => prediction.steady.map(|bytes| application(&bytes)),
        Quantity::ApplicationRate => {
            let per_second = prediction.delivered()? / prediction.run.metered_s;
            prediction.steady.map(|bytes| application(&bytes) * per_second).filter(|rate| rate.is_finite())
        }
        _ => layer(quantity, &prediction.total()?),
    }
}

fn application(bytes: &Bytes) -> f64 {
    bytes.to_client.application() + bytes.to_server.application()
}

fn layer(quantity: Quantity, bytes: &Bytes) -> Option<f64> {
    let (down, up): (&Direction, &Direction) = (&bytes.to_client, &bytes.to_server);
    match quantity {
        Quantity::DownPayload => Some(down.payload),
        Quantity::DownFraming => Some(down.framing),
        Quantity::DownHeads => Some(down.heads),
        Quantity::DownTcpIpData => Some(down.tcp_ip_data),
        Quantity::UpPayload => Some(up.payload),
        Quantity::UpFraming => Some(up.framing),
        Quantity::UpHeads => Some(up.heads),
        Quantity::UpTcpIpData => Some(up.tcp_ip_data),
        _ => None,
    }
}

/// What `quantity` may be where acknowledgements decide: from … to. `None` for all else.
#[must_use]
pub fn range(quantity: Quantity, prediction: &Prediction) -> Option<(f64, f64)> {
    let bytes = prediction.total()?;
    let (down, up) = (bytes.to_client.tcp_ip_bare, bytes.to_server.tcp_ip_bare);
    match quantity {
        Quantity::DownTcpIpBare => Some(down),
        Quantity::UpTcpIpBare => Some(up),
        Quantity::PacketBytes => {
            let rest = application(&bytes) + bytes.to_client.tcp_ip_data + bytes.to_server.tcp_ip_data;
            Some((rest + down.0 + up.0, rest + down.1 + up.1))
        }
        _ => None,
    }
}

/// How far `measured` is from `theory`: the difference for milliseconds and percentages, which may be near 0 with reason;
/// the ratio less 1 for the rest, `None` if theory says 0 and there is something.
#[must_use]
pub fn error(quantity: Quantity, measured: f64, theory: f64) -> Option<f64> {
    match quantity.unit() {
        "ms" | "%" => Some(measured - theory),
        _ if theory != 0.0 => Some(measured / theory - 1.0),
        _ => (measured == 0.0).then_some(0.0),
    }
}

impl TheorySummary {
    /// Of the trials' predictions, against the lateness of the trials; `None` where there is no theory.
    pub(super) fn of(predictions: &[Option<Prediction>], measured: &Merged, used: &[&Trial]) -> Option<Self> {
        let laws = || predictions.iter().filter_map(|prediction| prediction.as_ref()?.law.as_ref());
        let weights = used.iter().filter_map(|t| Some(t.measured.as_ref()?.client.window_quotes.planned as f64));
        // One law for all trials together: each counts as often as it has quotes.
        let late = Lateness::together(weights.zip(laws().map(|law| &law.lateness)));
        if laws().count() == 0 || laws().count() < predictions.len() {
            return None;
        }
        let (mut all, mut lost) = (new_histogram(), 0);
        for distribution in used.iter().filter_map(|t| Some(&t.measured.as_ref()?.client.lateness)) {
            // A damaged one has been warned of where the histograms are merged for the curve.
            if let Ok(histogram) = Distribution::histogram(distribution)
                && all.add(&histogram).is_ok()
            {
                lost += distribution.lost;
            }
        }
        let some = !all.is_empty();
        let mean_error_ms = some.then(|| all.mean() / 1e6 - late.mean_s() * MS_PER_S);
        let apart = |slack_s: f64| {
            (some && late.max_s() > 0.0).then(|| distance(&all, lost, &late, slack_s)).and_then(Reading::new)
        };
        let xs = predictions.iter().zip(used).filter_map(|(prediction, t)| x_of(prediction.as_ref()?, &t.load));
        let at = |quantile: f64| Reading::new(late.quantile_s(quantile) * MS_PER_S);
        Some(Self {
            mean_ms: Reading::new(late.mean_s() * MS_PER_S)?,
            max_ms: Reading::new(late.max_s() * MS_PER_S)?,
            mean_error_ms: mean_error_ms.and_then(Reading::new),
            distance: apart(SLACK_S),
            distance_strict: apart(0.0),
            curve: measured
                .curve
                .iter()
                .filter_map(|p| Some(CurvePoint { quantile: p.quantile, lateness_ms: at(p.quantile)? }))
                .collect(),
            x: median(&xs.collect::<Vec<f64>>()).and_then(Reading::new),
            polls: Polls::of(used),
            rehearsed: predictions.iter().flatten().any(|prediction| prediction.setting.is_rehearsed()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::summarise;
    use wirerace_contract::results::RehearsedQuotes;

    #[test]
    fn each_trial_is_held_against_the_theory_of_its_own_run() {
        let (manifest, mut trials) = fixture::run();
        // Half the quotes in half of the blocks: twice the requests per quote, in theory as in measurement.
        for (i, trial) in trials.iter_mut().enumerate().filter(|(i, _)| i % 2 == 0) {
            let counts = &mut trial.measured.as_mut().map(|m| (&mut m.client.quotes, &mut m.client.window_quotes));
            let Some((all, window)) = counts else { panic!("trial {i} measured nothing") };
            (all.planned, window.planned) = (all.planned / 2, window.planned / 2);
        }
        let summary = summarise(&manifest, &trials, &[]);
        let poll = &summary.cells[0].arms[1];
        let late = poll.estimate(Quantity::LatenessP50).unwrap();
        assert_eq!(late.theory.unwrap().get(), 125.0);
        assert_eq!(poll.estimate(Quantity::LatenessMean).unwrap().theory.unwrap().get(), 125.0);
        let theory = poll.theory.as_ref().unwrap();
        assert_eq!((theory.mean_ms.get(), theory.max_ms.get()), (125.0, 250.0));
        // The fixture adds 0.3 ms and an exponential tail of 0.1 ms on average.
        assert!((theory.mean_error_ms.unwrap().get() - 0.4).abs() < 1.0, "{theory:?}");
        assert!(theory.distance.unwrap().get() < 0.02 && theory.curve.len() == poll.lateness.curve.len());
    }

    #[test]
    fn each_path_has_the_costs_that_were_rehearsed_on_it() {
        let path = |json| serde_json::from_str::<Path>(json).unwrap();
        let (link, delayed) =
            (path(r#"{"link":{"one_way_delay_us":1}}"#), path(r#"{"delayed":{"one_way_delay_us":1}}"#));
        let rehearsal = |ns| {
            let quotes = RehearsedQuotes { first_ns: [ns; 32], further_ns: ns };
            Some(Rehearsal { exchange_ns: ns, answer_ns: ns, pushed: quotes, held: quotes, ..Rehearsal::default() })
        };
        let of = |calibration: Calibration| {
            [&Path::Loopback, &delayed, &link].map(|path| {
                let costs = costs(Some(calibration), path);
                let of_quotes = [costs.pushed, costs.held].map(|quotes| quotes.map(|q| (q.mean_s(1) * 1e9).round()));
                ((costs.exchange_s * 1e9).round(), of_quotes, (costs.write_s * 1e9).round())
            })
        };
        let bare = Calibration { exchange_ns: 7, write_ns: 3, ..Calibration::default() };
        assert_eq!(of(bare), [(7.0, [None; 2], 3.0); 3], "a run that rehearsed nothing");
        let both = of(Calibration { loopback: rehearsal(50), link: rehearsal(90), ..bare });
        let with = |ns: f64| (ns, [Some(ns); 2], 3.0);
        assert_eq!(both, [with(50.0), with(50.0), with(90.0)]);
    }

    #[test]
    fn over_a_distance_exchanges_take_what_they_took_after_a_rest() {
        let of = |link: Rehearsal, one_way_us: u32| {
            let path = serde_json::from_str(&format!(r#"{{"link":{{"one_way_delay_us":{one_way_us}}}}}"#)).unwrap();
            let costs = costs(Some(Calibration { link: Some(link), ..Calibration::default() }), &path);
            [costs.exchange_s, costs.answer_s, costs.after_look_s()].map(|s| (s * 1e6).round())
        };
        let warm = Rehearsal { exchange_ns: 300_000, answer_ns: 150_000, ..Rehearsal::default() };
        let both = Rehearsal { rested_exchange_ns: 900_000, rested_answer_ns: 400_000, ..warm };
        assert_eq!(of(both, 4_999), [300.0, 150.0, 150.0], "no rest");
        assert_eq!(of(both, 5_000), [900.0, 400.0, 150.0], "the look of rehearsed quotes is told by the awake answer");
        assert_eq!(of(warm, 15_000), [300.0, 150.0, 150.0], "older files did not rehearse it");
    }

    #[test]
    fn a_law_of_another_interval_is_far_away() {
        let (mut manifest, trials) = fixture::run();
        manifest.arms[1].arm.interval_ms = 500;
        let summary = summarise(&manifest, &trials, &[]);
        let theory = summary.cells[0].arms[1].theory.as_ref().unwrap();
        assert!((theory.distance.unwrap().get() - 0.5).abs() < 0.02, "{theory:?}");
        assert!((theory.mean_error_ms.unwrap().get() + 125.0).abs() < 2.0);
    }

    #[test]
    fn errors_have_the_form_of_their_quantity() {
        assert_eq!(error(Quantity::LatenessP50, 12.0, 10.0), Some(2.0));
        assert_eq!(error(Quantity::EmptyPolls, 12.0, 10.0), Some(2.0));
        assert!((error(Quantity::ApplicationBytes, 12.0, 10.0).unwrap() - 0.2).abs() < 1e-12);
        assert_eq!(error(Quantity::UpPayload, 0.0, 0.0), Some(0.0));
        assert_eq!(error(Quantity::UpPayload, 1.0, 0.0), None);
    }

    #[test]
    fn a_summary_written_before_there_was_theory_is_read() {
        let (manifest, trials) = fixture::run();
        let mut json = serde_json::to_value(summarise(&manifest, &trials, &[])).unwrap();
        let arm = &mut json["cells"][0]["arms"][1];
        arm.as_object_mut().unwrap().remove("theory");
        let estimate = arm["estimates"][0].as_object_mut().unwrap();
        estimate.remove("theory");
        estimate.remove("error");
        let old: crate::summary::Summary = serde_json::from_value(json).unwrap();
        assert!(old.cells[0].arms[1].theory.is_none() && old.cells[0].arms[1].estimates[0].theory.is_none());
    }
}
