//! Held requests played through the quotes of a run's own plan.
//!
//! [`super::held`] has the averages over all feeds. One run has one feed: of 200 quotes some per cent more or fewer meet a
//! held request than on the average, for all clients alike, and that chance would drown what theory is held to (2 % of
//! lateness, 0.5 % of bytes, a distance of 0.03). The plan fixes every due instant before the run, and given these and w
//! it is settled which quotes find a request held and how long the others wait: the same rules, followed from quote to
//! quote, say what this run should show. What the machine takes for those that find one stays spread as the rehearsal
//! found it. Of the trial only the begin of its window goes in, and how long it ran. Tests hold this against the closed forms over long feeds.
//!
//! **Exchanges differ too.** Where quotes are many, each window begins where the one before ended, and what exchanges take
//! more or less than their mean adds up: half a millisecond each is two after twenty, and then the last quote of a window
//! may be the first of the next instead, w later. Likewise a quote that just misses the server's look at what there is
//! waits a whole window. So where pushes and held answers were rehearsed, the look comes what a held quote took after the
//! first was due, less an answer's part; an exchange's way there is drawn from the pushes' distribution and its answer
//! from the held ones', each about its own mean; and a client is played several times. The seed is fixed: the same run has
//! the same theory.

use wirerace_contract::clock::NS_PER_S;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::plan::{Plan, SplitMix64};

use super::held::{met_parts, window_s};
use super::lateness::Lateness;
use super::rehearsed::Rehearsed;
use super::setting::{Run, Setting, places};

/// Above this many quotes the averages are as good, and playing takes time. At 20,000 quotes the chance of one feed is below
/// 0.5 % of mean lateness at any rate.
const QUOTES_MAX: f64 = 20_000.0;
/// Clients of a herd that are played; they stand for all.
const PLAYED_MAX: u32 = 8;
/// How often each is played where exchanges differ, and the quotes of all that are enough in any case.
const TIMES_MAX: usize = 32;
const ENOUGH: usize = 200_000;
/// Of what exchanges take.
const SEED: u64 = 0x0e8c_4a46_e5ee_d000;

/// What held requests for every quote do in one run.
#[derive(Clone, PartialEq, Debug)]
pub struct Played {
    /// Lateness of the window's quotes.
    pub lateness: Lateness,
    /// Answers per quote, over the whole run.
    pub requests_per_quote: f64,
    /// Share of answers with 0, 1, 2 … quotes.
    pub answer_sizes: Vec<f64>,
}

/// Plays `feed` from its start to the end of the window; `None` where the run is not known well enough, is too long, or has
/// no quote in its window.
#[must_use]
pub fn play(setting: &Setting, run: &Run, feed: &FeedSpec) -> Option<Played> {
    let (due_s, first) = quotes(run, feed)?;
    let (mut late_s, mut met, mut sizes, mut answers) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    let mut random = SplitMix64::new(SEED);
    let positions = positions(setting);
    let times = times(setting, positions.len() * due_s.len());
    for position in &positions {
        let mut met_here = 0;
        for _ in 0..times {
            let log = client(setting, &due_s, *position, &mut random);
            let of_window = log.late_s.get(first..).unwrap_or_default();
            late_s.extend(of_window.iter().flatten());
            met_here += of_window.iter().filter(|late_s| late_s.is_none()).count();
            answers += log.answer_sizes.iter().sum::<f64>();
            sizes.resize(sizes.len().max(log.answer_sizes.len()), 0.0);
            sizes.iter_mut().zip(&log.answer_sizes).for_each(|(all, one)| *all += one);
        }
        met.extend(met_parts(setting, *position).into_iter().map(|(weight, part)| (met_here as f64 * weight, part)));
    }
    let met_count: f64 = met.iter().map(|(weight, _)| weight).sum();
    if late_s.is_empty() && met_count <= 0.0 {
        return None;
    }
    let weighted = [(late_s.len() as f64, Lateness::of_sample(late_s)), (met_count, Lateness::mixed(met))];
    sizes.iter_mut().for_each(|size| *size /= answers);
    Some(Played {
        lateness: Lateness::together(weighted.iter().map(|(weight, law)| (*weight, law))),
        requests_per_quote: answers / (times * positions.len() * due_s.len()) as f64,
        answer_sizes: sizes,
    })
}

/// When the quotes of `run` were due, seconds from the feed's start, and the number of the window's first (from 0);
/// `None` where the run is not known well enough, or is too long.
pub(super) fn quotes(run: &Run, feed: &FeedSpec) -> Option<(Vec<f64>, usize)> {
    let window_from_s = run.window_from_s.filter(|_| run.quotes <= QUOTES_MAX)?;
    let due_s: Vec<f64> = Plan::new(feed)
        .map(|quote| quote.due_offset_ns as f64 / NS_PER_S as f64)
        .take_while(|due_s| *due_s < run.feed_s)
        .collect();
    let first = due_s.partition_point(|due_s| *due_s < window_from_s);
    Some((due_s, first))
}

/// How often each client is played, where all of them get `quotes` at one time.
fn times(setting: &Setting, quotes: usize) -> usize {
    differ(setting).map_or(1, |_| (ENOUGH / quotes.max(1)).clamp(1, TIMES_MAX))
}

/// What ways there and answers were rehearsed to take, where both were.
fn differ(setting: &Setting) -> Option<(Rehearsed, Rehearsed)> {
    setting.costs.pushed.zip(setting.costs.held)
}

/// An exchange beside distance: from asking to the server's look, and the answer's part, seconds.
fn exchange(setting: &Setting, random: &mut SplitMix64) -> (f64, f64) {
    let means_s = (setting.asking_s(), setting.costs.answer_s);
    differ(setting).map_or(means_s, |(pushed, held)| {
        let mut drawn = |rehearsed: Rehearsed| rehearsed.multiple(random.uniform());
        (means_s.0 * drawn(pushed), means_s.1 * drawn(held))
    })
}

/// From the due instant of the quote that client `position`'s held request waits for to the server's look, seconds.
fn look_s(setting: &Setting, position: u32, random: &mut SplitMix64) -> f64 {
    let drawn_s =
        |(_, held): (Rehearsed, Rehearsed)| held.at_s(position, random.uniform()) - setting.costs.after_look_s();
    differ(setting).map_or_else(|| setting.look_s(position), drawn_s).max(0.0)
}

/// Those that are played.
pub(super) fn positions(setting: &Setting) -> Vec<u32> {
    places(setting.clients, PLAYED_MAX).collect()
}

/// What one client lives through.
struct Log {
    /// Of each quote, in order; `None` for those that found a request held, which [`met_parts`] tells.
    late_s: Vec<Option<f64>>,
    /// Answers with 0, 1, 2 … quotes.
    answer_sizes: Vec<f64>,
}

fn client(setting: &Setting, due_s: &[f64], position: u32, random: &mut SplitMix64) -> Log {
    let window_s = window_s(setting, position);
    let mean_s = setting.asking_s() + setting.costs.answer_s;
    let mut log = Log { late_s: Vec::with_capacity(due_s.len()), answer_sizes: Vec::new() };
    // A request is held when the feed begins.
    let (mut next, mut asked_s) = (0, 0.0f64);
    while let Some(first_s) = due_s.get(next) {
        let waits = *first_s > asked_s;
        let met_s = if waits { first_s + look_s(setting, position, random) } else { asked_s };
        let answered_s = met_s.min(asked_s + setting.wait_s);
        let end = next + due_s[next..].partition_point(|due_s| *due_s <= answered_s);
        let (asking_s, answer_s) = exchange(setting, random);
        for quote in &due_s[next..end] {
            // Who waits is woken and written to in turn; what waited goes out with the answer to the request.
            let met = waits && quote == first_s;
            log.late_s.push((!met).then(|| answered_s - quote + setting.delay_s + answer_s));
        }
        let size = end - next;
        log.answer_sizes.resize(log.answer_sizes.len().max(size + 1), 0.0);
        log.answer_sizes[size] += 1.0;
        (next, asked_s) = (end, answered_s + window_s + (answer_s + asking_s - mean_s));
    }
    log
}

#[cfg(test)]
mod tests {
    use super::super::simulation;
    use super::super::{Costs, held};
    use super::*;
    use wirerace_contract::descriptor::Delivers;
    use wirerace_contract::feed::Arrivals;
    use wirerace_contract::results::{REHEARSED_SHARES, RehearsedQuotes};

    fn feed(rate_per_s: f64) -> FeedSpec {
        FeedSpec { seed: 3, symbols: 1, arrivals: Arrivals::Poisson, rate_per_s, payload_bytes: 0 }
    }

    fn setting(rate_per_s: f64) -> Setting {
        Setting::plain(Delivers::Held, 0.03, 0.0, rate_per_s)
    }

    fn run(rate_per_s: f64, quotes: f64) -> Run {
        let feed_s = quotes / rate_per_s;
        let window_from_s = Some(0.0);
        Run { quotes, feed_s, window_rate_per_s: rate_per_s, window_from_s, asked_s: feed_s, metered_s: feed_s }
    }

    #[test]
    fn a_long_feed_is_as_the_averages_say() {
        for x in [0.1, 1.0, 10.0] {
            let rate_per_s = x / 0.06;
            let costs =
                Costs { exchange_s: 1e-3, answer_s: 4e-4, occupancy_s: 3e-4, held_answer_s: 1e-4, ..Costs::default() };
            let setting = Setting { clients: 20, costs, ..setting(rate_per_s) };
            let (played, law) =
                (play(&setting, &run(rate_per_s, 20_000.0), &feed(rate_per_s)).unwrap(), held::law(&setting).unwrap());
            let near = |a: f64, b: f64, what: &str| assert!((a / b - 1.0).abs() < 0.015, "{x} {what}: {a} {b}");
            near(played.lateness.mean_s(), law.lateness.mean_s(), "mean");
            near(played.requests_per_quote, law.requests_per_quote, "requests");
            near(played.lateness.quantile_s(0.9), law.lateness.quantile_s(0.9), "90th percentile");
            let several = |sizes: &[f64]| sizes.iter().skip(2).sum::<f64>();
            assert!((several(&played.answer_sizes) - several(&law.answer_sizes)).abs() < 0.02, "{x}");
        }
    }

    #[test]
    fn a_short_feed_is_as_its_events_say() {
        let rate_per_s = 20.0;
        let (setting, run) = (setting(rate_per_s), run(rate_per_s, 100.0));
        let played = play(&setting, &run, &feed(rate_per_s)).unwrap();
        let due_s: Vec<f64> = Plan::new(&feed(rate_per_s))
            .map(|q| q.due_offset_ns as f64 / 1e9)
            .take_while(|due_s| *due_s < run.feed_s)
            .collect();
        let log = simulation::held(&due_s, (0.03, 2.0), (0.0, 30.0), false);
        assert!(
            (played.lateness.mean_s() - log.mean_s()).abs() < 1e-6,
            "{} {}",
            played.lateness.mean_s(),
            log.mean_s()
        );
        assert!((played.requests_per_quote - log.requests_per_quote()).abs() < 1e-9);
        assert!(log.distance(|s| played.lateness.cdf(s)) < 0.02);
        // Of 100 quotes the average over all feeds is farther away than this feed's own.
        let average_s = held::law(&setting).unwrap().lateness.mean_s();
        assert!((average_s / log.mean_s() - 1.0).abs() > 0.01, "{average_s}");
    }

    #[test]
    fn only_the_windows_quotes_are_late_but_all_are_asked_for() {
        let rate_per_s = 20.0;
        let all = play(&setting(rate_per_s), &run(rate_per_s, 400.0), &feed(rate_per_s)).unwrap();
        let window = Run { window_from_s: Some(10.0), ..run(rate_per_s, 400.0) };
        let part = play(&setting(rate_per_s), &window, &feed(rate_per_s)).unwrap();
        assert_eq!(part.requests_per_quote, all.requests_per_quote);
        assert_ne!(part.lateness, all.lateness);
        let none = Run { window_from_s: Some(1e3), ..window };
        assert_eq!(play(&setting(rate_per_s), &none, &feed(rate_per_s)), None);
        let nominal = Run { window_from_s: None, ..window };
        assert_eq!(play(&setting(rate_per_s), &nominal, &feed(rate_per_s)), None, "no plan is known");
    }

    #[test]
    fn those_who_wait_long_are_let_go_with_nothing() {
        let short = Setting { wait_s: 0.05, ..setting(5.0) };
        let played = play(&short, &run(5.0, 500.0), &feed(5.0)).unwrap();
        let law = held::law(&short).unwrap();
        assert!((played.answer_sizes[0] - law.answer_sizes[0]).abs() < 0.05, "{:?}", played.answer_sizes);
        assert!(law.answer_sizes[0] > 0.5);
    }

    /// Exchanges take 0 to 80 ms beside 200 ms of ways: after eight of them nobody knows where the next window begins.
    #[test]
    fn exchanges_that_differ_blur_where_windows_begin() {
        let rate_per_s = 50.0;
        let first_ns = REHEARSED_SHARES.map(|share| (share * 40e6) as u64);
        let even = Rehearsed::of(&RehearsedQuotes { first_ns, further_ns: 0 });
        let costs = Costs { exchange_s: 0.04, answer_s: 0.02, pushed: even, held: even, ..Costs::default() };
        let setting = Setting { delay_s: 0.1, clients: 8, costs, ..setting(rate_per_s) };
        let (run, feed) = (run(rate_per_s, 100.0), feed(rate_per_s));
        let (due_s, _) = quotes(&run, &feed).unwrap();
        let (mut random, mut looks, mut all) = (SplitMix64::new(4), SplitMix64::new(5), simulation::Log::default());
        for _ in 0..200 {
            let mut up_to_40_ms = || 0.04 * random.uniform();
            let exchange_s = || (up_to_40_ms(), up_to_40_ms());
            let look_s = || (0.04 * looks.uniform() - 0.02).max(0.0);
            let log = simulation::held_by_chance(&due_s, (0.1, 2.0), look_s, exchange_s);
            all.requests += log.requests;
            all.late_s.extend(log.late_s);
        }
        let played = play(&setting, &run, &feed).unwrap();
        assert!((played.lateness.mean_s() / all.mean_s() - 1.0).abs() < 0.01, "{}", all.mean_s());
        assert!((played.requests_per_quote / all.requests_per_quote() - 1.0).abs() < 0.01);
        let distance = all.distance(|s| played.lateness.cdf(s));
        assert!(distance < 0.03, "{distance}");
        assert_eq!(play(&setting, &run, &feed).unwrap(), played, "chance has one seed");
        // Were all exchanges alike, each quote would have its one lateness.
        let alike = Setting { costs: Costs { pushed: None, ..costs }, ..setting };
        let alike = play(&alike, &run, &feed).unwrap().lateness;
        assert!(all.distance(|s| alike.cdf(s)) > 0.045);
    }

    #[test]
    fn the_herd_is_represented_from_end_to_end() {
        let of = |clients| positions(&Setting { clients, ..setting(1.0) });
        assert_eq!((of(1), of(3)), (vec![1], vec![1, 2, 3]));
        let many = of(1_000);
        assert_eq!((many.len(), many[0], many[7]), (8, 63, 938));
    }
}
