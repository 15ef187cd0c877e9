//! Planned requests played through the quotes of a run's own plan.
//!
//! [`super::planned`] averages over all feeds and all phases. One run has one feed and N phases, (u + i)/N of T:
//!
//! - Where every instant is used, each quote comes to the N clients with latenesses T/N apart, and chance decides only
//!   where in its T/N it lies: the mean over n quotes strays by T/(N √12n). With u, which is drawn before the trial, that
//!   is settled too.
//! - Where instants are skipped, so that requests are T′ = mT apart, every client sends its first within T of the start
//!   and each further one T′ after it. Phases are spread over the first T of every T′ then and not over all of it; a quote
//!   finds all clients early or all late, and the mean strays by about T′/7 ÷ √n for m = 2 however many clients there
//!   are: by 2 % of itself with 60 quotes. The run's own quotes settle that, whatever u.
//!
//! What the machine takes is at its mean: wake-ups are short beside intervals. Of the trial only the begin of its window goes in, and
//! how long it ran. Excess staleness stays the average's: it is held to no tolerance.

use wirerace_contract::feed::FeedSpec;

use super::flights;
use super::lateness::Lateness;
use super::planned::{apart_s, next_s};
use super::played::quotes;
use super::setting::{Run, Setting};

/// Above this many clients their chances are as good as even, and playing takes time.
const PHASES_MAX: u32 = 64;

/// Lateness of the window's quotes where clients begin at `phase` (u, 0 to 1; `None` for all alike); `None` where the run is
/// not known well enough, is too long or has no quote in its window, and where playing would say what the law says.
#[must_use]
pub fn play(setting: &Setting, run: &Run, feed: &FeedSpec, phase: Option<f64>) -> Option<Lateness> {
    let shares = shares(setting, phase)?;
    let (due_s, first) = quotes(run, feed)?;
    let late_s: Vec<f64> = shares.iter().flat_map(|share| client(setting, &due_s, first, *share)).collect();
    (!late_s.is_empty()).then(|| Lateness::of_sample(late_s))
}

/// When clients ask first, as shares of T; `None` where playing would say what the law says.
fn shares(setting: &Setting, phase: Option<f64>) -> Option<Vec<f64>> {
    let even = |offset: f64, count: u32| (0..count).map(|i| (f64::from(i) + offset) / f64::from(count)).collect();
    match phase.filter(|_| setting.clients <= PHASES_MAX) {
        Some(offset) => Some(even(offset, setting.clients.max(1))),
        None => (apart_s(setting) > 1.5 * setting.interval_s).then(|| even(0.5, PHASES_MAX)),
    }
}

/// How late one client has each quote from number `first` (from 0) on.
fn client(setting: &Setting, due_s: &[f64], first: usize, share: f64) -> Vec<f64> {
    let there_s = (setting.ways() - 1.0) * setting.delay_s + setting.asking_s();
    let apart_s = apart_s(setting);
    let (mut late_s, mut next, mut asked_s) = (Vec::new(), 0, share * setting.interval_s);
    while next < due_s.len() {
        let read_s = asked_s + there_s;
        let end = next + due_s[next..].partition_point(|due_s| *due_s <= read_s);
        let further_s = flights::further_s(setting, (end - next) as f64, apart_s);
        late_s.extend((next.max(first)..end).map(|quote| read_s + setting.back_s() + further_s - due_s[quote]));
        (next, asked_s) = (end, asked_s + next_s(setting, further_s));
    }
    late_s
}

#[cfg(test)]
mod tests {
    use super::super::setting::AnswerSize;
    use super::super::{Costs, law, simulation};
    use super::*;
    use wirerace_contract::descriptor::Delivers;
    use wirerace_contract::feed::Arrivals;
    use wirerace_contract::plan::{Plan, SplitMix64};
    use wirerace_contract::spec::Connection;

    const CLIENTS: u32 = 10;
    /// From three to nine quotes are sent in two flights, more in three.
    const LONG: AnswerSize = AnswerSize { empty_bytes: 230.0, quote_bytes: 4_800.0 };

    fn setting(delay_s: f64, interval_s: f64) -> Setting {
        Setting { clients: CLIENTS, ..Setting::plain(Delivers::Planned, delay_s, interval_s, 5.0) }
    }

    fn feed(seed: u64) -> FeedSpec {
        FeedSpec { seed, symbols: 1, arrivals: Arrivals::Poisson, rate_per_s: 5.0, payload_bytes: 0 }
    }

    /// Twelve seconds: some sixty quotes.
    fn run() -> Run {
        let (feed_s, window_from_s) = (12.0, Some(0.0));
        Run { quotes: 60.0, feed_s, window_rate_per_s: 5.0, window_from_s, asked_s: feed_s, metered_s: feed_s }
    }

    fn due_s(seed: u64) -> Vec<f64> {
        let due_s = Plan::new(&feed(seed)).map(|quote| quote.due_offset_ns as f64 / 1e9);
        due_s.take_while(|due_s| *due_s < run().feed_s).collect()
    }

    /// Lateness of all clients that begin at `phase`.
    fn simulated(setting: &Setting, seed: u64, phase: f64) -> simulation::Log {
        let (due_s, mut all) = (due_s(seed), simulation::Log::default());
        for number in 0..CLIENTS {
            let phase_s = (f64::from(number) + phase) / f64::from(CLIENTS) * setting.interval_s;
            let flights = |quotes: usize| [1.0, 2.0, 3.0][usize::from(quotes > 2) + usize::from(quotes > 9)];
            let long = |quotes| if setting.answer == LONG { flights(quotes) } else { 1.0 };
            let further_s = |quotes| (long(quotes) - 1.0) * 2.0 * setting.delay_s;
            let way = (setting.delay_s, setting.ways());
            all.late_s.extend(simulation::planned_long(&due_s, way, (phase_s, setting.interval_s), further_s).late_s);
        }
        all
    }

    #[test]
    fn a_run_whose_phases_are_known_is_as_its_events_say() {
        let long = |setting: Setting| Setting { answer: LONG, connection: Connection::Closed, ..setting };
        for setting in [setting(0.1, 0.15), setting(0.015, 0.5), long(setting(0.015, 0.5)), long(setting(0.05, 0.25))] {
            for (seed, phase) in [(1, 0.0), (2, 0.3), (3, 0.95)] {
                let played = play(&setting, &run(), &feed(seed), Some(phase)).unwrap();
                let log = simulated(&setting, seed, phase);
                assert!((played.mean_s() / log.mean_s() - 1.0).abs() < 0.001, "{} {played:?}", log.mean_s());
                let distance = log.distance(|s| played.cdf(s));
                assert!(distance < 0.01, "{} {seed} {phase}: {distance}", setting.interval_s);
            }
        }
    }

    /// Root of the mean square of how far the mean over a run is from `said`, as a share.
    fn strays(setting: &Setting, said: impl Fn(u64, f64) -> f64) -> f64 {
        let mut random = SplitMix64::new(7);
        let errors = (1..=40).map(|seed| {
            let phase = random.uniform();
            (simulated(setting, seed, phase).mean_s() / said(seed, phase) - 1.0).powi(2)
        });
        (errors.sum::<f64>() / 40.0).sqrt()
    }

    #[test]
    fn where_instants_are_skipped_the_average_over_all_feeds_strays() {
        // T′ is 300 ms, phases lie in the first 150.
        let setting = setting(0.1, 0.15);
        let of_law = law(&setting).unwrap().lateness.mean_s();
        let played = |seed, phase| play(&setting, &run(), &feed(seed), phase).unwrap().mean_s();
        let average = strays(&setting, |_, _| of_law);
        let unknown = strays(&setting, |seed, _| played(seed, None));
        let known = strays(&setting, |seed, phase| played(seed, Some(phase)));
        assert!((0.012..0.04).contains(&average), "more than the 1 % it is held to: {average}");
        assert!(unknown < average / 3.0, "{unknown} of {average}");
        assert!(known < 0.001, "{known}");
    }

    #[test]
    fn where_all_instants_are_used_only_the_phase_tells_more() {
        let setting = setting(0.015, 0.5);
        assert_eq!(play(&setting, &run(), &feed(1), None), None);
        assert_eq!(play(&Setting { clients: 65, ..setting }, &run(), &feed(1), Some(0.5)), None);
        let of_law = law(&setting).unwrap().lateness.mean_s();
        let (average, known) = (
            strays(&setting, |_, _| of_law),
            strays(&setting, |seed, phase| play(&setting, &run(), &feed(seed), Some(phase)).unwrap().mean_s()),
        );
        // T/(N √12n) is 1.9 ms of 265.
        assert!((0.004..0.012).contains(&average) && known < 0.001, "{average} {known}");
    }

    #[test]
    fn what_an_exchange_takes_delays_the_look_and_the_answer() {
        let plain = setting(0.015, 0.5);
        let mean_s = |costs| play(&Setting { costs, ..plain }, &run(), &feed(1), Some(0.5)).unwrap().mean_s();
        let free_s = mean_s(Costs::default());
        // The answer's part comes on top of all; the part before the look only moves the look, by much less than phases
        // lie apart.
        let answer_s = mean_s(Costs { exchange_s: 1e-3, answer_s: 1e-3, ..Costs::default() });
        assert!((answer_s - free_s - 1e-3).abs() < 1e-9, "{answer_s} {free_s}");
        let asking = |exchange_s| mean_s(Costs { exchange_s, ..Costs::default() }) - free_s;
        assert!((asking(1e-6) - 1e-6).abs() < 1e-9, "{}", asking(1e-6));
        // By as much as they lie apart: each client looks when the next one would have, and quotes are as late as before.
        assert!(asking(0.05).abs() < 0.005, "{}", asking(0.05));
    }

    #[test]
    fn only_the_windows_quotes_count_and_a_run_must_be_known() {
        let setting = setting(0.1, 0.15);
        let from = |first: usize| {
            let window_from_s = Some(due_s(1)[first] - 1e-6);
            play(&setting, &Run { window_from_s, ..run() }, &feed(1), Some(0.5)).unwrap().mean_s()
        };
        let (due, all) = (due_s(1), simulated(&setting, 1, 0.5).late_s);
        let of_client = |client: &[f64]| client[20..].iter().sum::<f64>();
        let (clients, count) = (all.chunks(due.len()), (CLIENTS as usize * (due.len() - 20)) as f64);
        assert!((from(20) - clients.map(of_client).sum::<f64>() / count).abs() < 1e-6, "the first twenty do not count");
        for window_from_s in [None, Some(1e3)] {
            assert_eq!(play(&setting, &Run { window_from_s, ..run() }, &feed(1), Some(0.5)), None);
        }
    }
}
