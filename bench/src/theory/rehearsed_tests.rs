//! Laws on a rehearsed machine against the simulation, which draws what each quote takes.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::plan::{Plan, SplitMix64};
use wirerace_contract::results::{REHEARSED_SHARES, RehearsedQuotes};
use wirerace_contract::spec::{Connection, Delivery};

use super::simulation;
use super::{AnswerSize, Costs, Rehearsed, Run, Setting, law, played};

const DELAY_S: f64 = 0.015;
const ANSWER_S: f64 = 0.000_2;

/// Half a millisecond for nine of ten, up to three milliseconds for the rest.
fn took_ns(share: f64) -> f64 {
    if share < 0.9 { 400_000.0 + 200_000.0 * share } else { 580_000.0 + (share - 0.9) * 24_000_000.0 }
}

fn rehearsed(further_ns: u64) -> Rehearsed {
    let first_ns = REHEARSED_SHARES.map(|share| took_ns(share).round() as u64);
    Rehearsed::of(&RehearsedQuotes { first_ns, further_ns }).unwrap()
}

fn setting(delivers: Delivers, costs: Costs) -> Setting {
    Setting {
        delivers,
        delivery: Delivery::Every,
        connection: Connection::Kept,
        arrivals: Arrivals::Poisson,
        delay_s: DELAY_S,
        interval_s: 0.0,
        rate_per_s: 33.3,
        symbols: 1,
        clients: 1,
        wait_s: 1e9,
        answer: AnswerSize::default(),
        costs,
    }
}

fn near(name: &str, a: f64, b: f64, share: f64) {
    assert!((a / b - 1.0).abs() <= share, "{name}: simulated {a}, theory {b}");
}

#[test]
fn pushes_have_the_whole_distribution_and_the_order_of_clients() {
    // Above 32 clients neighbours are taken together; the mean stays what it is.
    for (clients, further_ns) in [(1, 0), (10, 20_000), (100, 20_000), (101, 3_000)] {
        let costs = Costs { pushed: Some(rehearsed(further_ns)), ..Costs::default() };
        let law = law(&Setting { clients, ..setting(Delivers::Pushed, costs) }).unwrap();
        let mut random = SplitMix64::new(1);
        let took_s = || took_ns(random.uniform()) / 1e9;
        let quotes = 100_000 / clients as usize;
        let log = simulation::pushed_by_machine(quotes, DELAY_S, (clients, further_ns as f64 / 1e9), took_s);
        near("mean", log.mean_s(), law.lateness.mean_s(), 0.002);
        // With 1,000 quotes to 100 clients each sampling alone takes 0.04 of the first's distribution; spread out it is less.
        let distance = log.distance(|s| law.lateness.cdf(s));
        assert!(distance < if clients > 10 { 0.03 } else { 0.015 }, "{clients}: {distance}");
        let mean_s = DELAY_S + rehearsed(further_ns).mean_s(1) + f64::from(clients - 1) / 2.0 * further_ns as f64 / 1e9;
        near("by hand", law.lateness.mean_s(), mean_s, 1e-9);
    }
}

#[test]
fn held_requests_take_quotes_along_that_come_before_the_look() {
    let costs = Costs { held: Some(rehearsed(0)), answer_s: ANSWER_S, exchange_s: ANSWER_S, ..Costs::default() };
    for rate_per_s in [3.3, 33.3, 333.0] {
        let setting = Setting { rate_per_s, ..setting(Delivers::Held, costs) };
        let law = law(&setting).unwrap();
        let (due, mut random) = (simulation::poisson(4, rate_per_s, 100_000), SplitMix64::new(2));
        let took_s = || took_ns(random.uniform()) / 1e9;
        let log = simulation::held_by_machine(&due, (DELAY_S, 2.0), ANSWER_S, took_s);
        near("mean", log.mean_s(), law.lateness.mean_s(), 0.005);
        near("requests", log.requests_per_quote(), law.requests_per_quote, 0.005);
        let distance = log.distance(|s| law.lateness.cdf(s));
        assert!(distance < 0.01, "{rate_per_s}: {distance}");
        let per_answer: f64 = law.answer_sizes.iter().enumerate().map(|(size, share)| size as f64 * share).sum();
        near("quotes in an answer", per_answer, 1.0 / law.requests_per_quote, 1e-6);
    }
}

/// Quotes that find a request held follow a longer gap than others, so what the machine takes for them weighs more than
/// its share of the quotes.
#[test]
fn staleness_knows_what_quotes_take_that_find_a_request_held() {
    let costs = Costs { held: Some(rehearsed(0)), answer_s: ANSWER_S, exchange_s: ANSWER_S, ..Costs::default() };
    for rate_per_s in [3.3, 33.3, 333.0] {
        let setting = Setting { rate_per_s, ..setting(Delivers::Held, costs) };
        let (due, mut random) = (simulation::poisson(5, rate_per_s, 200_000), SplitMix64::new(6));
        let log = simulation::held_by_machine(&due, (DELAY_S, 2.0), ANSWER_S, || took_ns(random.uniform()) / 1e9);
        let (excess_s, _) = simulation::staleness(&due, &log.received, 1);
        near("staleness", excess_s, law(&setting).unwrap().staleness_s.unwrap(), 0.006);
    }
}

#[test]
fn a_played_feed_on_a_rehearsed_machine_is_as_its_events_say() {
    let rate_per_s = 33.3;
    let costs = Costs { held: Some(rehearsed(0)), answer_s: ANSWER_S, exchange_s: ANSWER_S, ..Costs::default() };
    let setting = Setting { rate_per_s, ..setting(Delivers::Held, costs) };
    let feed = FeedSpec { seed: 9, symbols: 1, arrivals: Arrivals::Poisson, rate_per_s, payload_bytes: 0 };
    let due_s: Vec<f64> = Plan::new(&feed).map(|q| q.due_offset_ns as f64 / 1e9).take(5_000).collect();
    let feed_s = due_s[4_999] + 1e-6;
    let run = Run {
        quotes: 5_000.0,
        feed_s,
        window_rate_per_s: rate_per_s,
        window_from_s: Some(0.0),
        asked_s: feed_s,
        metered_s: feed_s,
    };
    let played = played::play(&setting, &run, &feed).unwrap();
    let mut random = SplitMix64::new(3);
    let log = simulation::held_by_machine(&due_s, (DELAY_S, 2.0), ANSWER_S, || took_ns(random.uniform()) / 1e9);
    near("mean", log.mean_s(), played.lateness.mean_s(), 0.005);
    near("requests", log.requests_per_quote(), played.requests_per_quote, 0.005);
    let distance = log.distance(|s| played.lateness.cdf(s));
    assert!(distance < 0.015, "{distance}");
}

/// Where distance is short and quotes are many, what goes along is two in a hundred: a law that is blind to it misses.
#[test]
fn quotes_that_go_along_are_counted() {
    let (rate_per_s, delay_s, took_s) = (100.0, 0.002, 0.000_5);
    let flat = Rehearsed::of(&RehearsedQuotes { first_ns: [500_000; 32], further_ns: 0 });
    let costs = Costs { held: flat, answer_s: ANSWER_S, exchange_s: ANSWER_S, ..Costs::default() };
    let seeing = Setting { rate_per_s, delay_s, ..setting(Delivers::Held, costs) };
    let blind = Setting { costs: Costs { held: None, ..costs }, ..seeing };
    let feed = FeedSpec { seed: 9, symbols: 1, arrivals: Arrivals::Poisson, rate_per_s, payload_bytes: 0 };
    let due_s: Vec<f64> = Plan::new(&feed).map(|q| q.due_offset_ns as f64 / 1e9).take(20_000).collect();
    let feed_s = due_s[19_999] + 1e-6;
    let (window_rate_per_s, window_from_s) = (rate_per_s, Some(0.0));
    let run = Run { quotes: 20_000.0, feed_s, window_rate_per_s, window_from_s, asked_s: feed_s, metered_s: feed_s };
    let log = simulation::held_by_machine(&due_s, (delay_s, 2.0), ANSWER_S, || took_s);
    let off = |requests: f64| (log.requests_per_quote() / requests - 1.0).abs();
    let of = |setting: &Setting| {
        let played = played::play(setting, &run, &feed).unwrap();
        (off(law(setting).unwrap().requests_per_quote), off(played.requests_per_quote))
    };
    let (seen, missed) = (of(&seeing), of(&blind));
    assert!(seen.0 < 0.01 && seen.1 < 0.001, "{seen:?}");
    assert!(missed.0 > 0.01 && missed.1 > 0.01, "{missed:?}");
}

#[test]
fn what_was_not_measured_is_not_taken_for_nothing() {
    assert_eq!(Rehearsed::of(&RehearsedQuotes::default()), None);
    let mut first_ns = REHEARSED_SHARES.map(|share| took_ns(share) as u64);
    first_ns.reverse();
    assert_eq!(Rehearsed::of(&RehearsedQuotes { first_ns, further_ns: 1 }), None, "a damaged file");
}

#[test]
fn what_is_drawn_has_the_mean_and_the_spread_of_what_was_rehearsed() {
    let rehearsed = rehearsed(10_000);
    let shares = (0..10_000).map(|i| (f64::from(i) + 0.5) / 10_000.0);
    let mean = shares.map(|share| rehearsed.multiple(share)).sum::<f64>() / 10_000.0;
    assert!((mean - 1.0).abs() < 1e-3, "{mean}");
    let took_s = |share| rehearsed.at_s(3, share) - 2.0 * 10e-6;
    // The second and the fourth lie between two quantiles.
    let by_hand = [(0.0, 400_000.0), (0.437, 487_400.0), (0.45, 490_000.0), (0.475, 495_000.0), (0.9, 580_000.0)];
    for (share, ns) in by_hand.into_iter().chain([(0.99, 2_740_000.0), (1.0, 2_980_000.0)]) {
        assert!((took_s(share) * 1e9 - ns).abs() < 10.0, "{share}: {}", took_s(share));
    }
}

#[test]
fn the_median_and_the_mean_by_hand() {
    let rehearsed = rehearsed(10_000);
    assert!((rehearsed.median_s(1) - 0.000_5).abs() < 1e-9 && (rehearsed.median_s(3) - 0.000_52).abs() < 1e-9);
    // Nine tenths evenly from 400 to 580 µs, a tenth evenly up to 2,980.
    let mean_s = 0.9 * 490e-6 + 0.1 * 1_780e-6;
    assert!((rehearsed.mean_s(1) / mean_s - 1.0).abs() < 0.02, "{}", rehearsed.mean_s(1));
}
