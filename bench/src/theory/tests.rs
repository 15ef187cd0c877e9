//! Closed forms against the simulation: means within 0.5 %, distributions within 0.01 (Kolmogorov) with 10⁵ quotes, of
//! which sampling alone takes 0.004 (95 %).

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::Arrivals;
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::spec::{Connection, Delivery};

use super::simulation::{self, Log};
use super::{AnswerSize, Costs, Law, Setting, held, law, planned};

const QUOTES: usize = 100_000;

fn setting(delivers: Delivers, delivery: Delivery, connection: Connection) -> Setting {
    Setting {
        delivers,
        delivery,
        connection,
        arrivals: Arrivals::Poisson,
        delay_s: 0.03,
        interval_s: 0.25,
        rate_per_s: 10.0,
        symbols: 1,
        clients: 1,
        wait_s: 1e9,
        answer: AnswerSize::default(),
        costs: Costs::default(),
    }
}

fn way(setting: &Setting) -> (f64, f64) {
    (setting.delay_s, setting.ways())
}

fn newest(setting: &Setting) -> bool {
    setting.delivery == Delivery::Newest
}

/// Many clients with phases spread evenly, a feed each; as many quotes as it takes for 10⁵ to be delivered.
fn play_planned(setting: &Setting, seed: u64) -> Log {
    let share = law(setting).unwrap().delivered_share;
    let (mut random, mut all) = (SplitMix64::new(seed), Log::default());
    let (clients, offset) = (100, random.uniform());
    for client in 0..clients {
        let due =
            simulation::poisson(random.next_u64(), setting.rate_per_s, (QUOTES as f64 / share) as usize / clients);
        let phase_s = (f64::from(client as u32) + offset) / clients as f64 * setting.interval_s;
        let log = simulation::planned(&due, way(setting), (phase_s, setting.interval_s), newest(setting));
        all.requests += log.requests;
        all.empty += log.empty;
        all.late_s.extend(log.late_s);
    }
    all
}

fn play_held(setting: &Setting, seed: u64) -> (Log, Vec<f64>) {
    let share = law(setting).unwrap().delivered_share;
    let due = simulation::poisson(seed, setting.rate_per_s, (QUOTES as f64 / share) as usize);
    let least_s = if newest(setting) { setting.interval_s } else { 0.0 };
    (simulation::held(&due, way(setting), (least_s, setting.wait_s), newest(setting)), due)
}

fn near(name: &str, measured: f64, theory: f64, share: f64) {
    assert!((measured - theory).abs() <= share * theory.abs() + 1e-12, "{name}: simulated {measured}, theory {theory}");
}

/// What every kind is held to. `share` is the tolerance of means.
fn agrees(name: &str, log: &Log, law: &Law, share: f64) {
    near(&format!("{name}, mean"), log.mean_s(), law.lateness.mean_s(), share);
    near(&format!("{name}, requests"), log.requests_per_quote(), law.requests_per_quote, 0.01);
    let distance = log.distance(|s| law.lateness.cdf(s));
    assert!(distance <= 0.01, "{name}: distance {distance}");
    let latest = log.late_s.iter().copied().fold(0.0, f64::max);
    assert!(latest <= law.lateness.max_s() + 1e-9, "{name}: {latest} > {}", law.lateness.max_s());
}

#[test]
fn planned_requests_late_answers_and_skips_included() {
    use Connection::{Closed, Kept};
    // T′ is T, T, 2 T, 2 T, 4 T and 1 T.
    for (delay_s, interval_s, connection) in [
        (0.0, 0.25, Kept),
        (0.03, 0.25, Closed),
        (0.1, 0.25, Closed),
        (0.2, 0.25, Kept),
        (0.1, 0.1, Closed),
        (0.1, 0.2, Kept),
    ] {
        for delivery in [Delivery::Every, Delivery::Newest] {
            for rate_per_s in [1.0, 10.0] {
                let base = setting(Delivers::Planned, delivery, connection);
                let setting = Setting { delay_s, interval_s, rate_per_s, ..base };
                let law = law(&setting).unwrap();
                let name = format!("{delay_s} {interval_s} {connection:?} {delivery:?} {rate_per_s}");
                let log = play_planned(&setting, 11);
                agrees(&name, &log, &law, 0.01);
                let empty = log.empty as f64 / log.requests as f64;
                assert!((empty - law.empty_share().unwrap()).abs() < 0.01, "{name}: {empty} empty");
            }
        }
    }
}

#[test]
fn planned_requests_on_average_over_many_feeds() {
    // With 10⁵ quotes the mean of a uniform distribution has a standard error of 0.18 % of itself: ten times as many.
    let setting = Setting { delay_s: 0.0, ..setting(Delivers::Planned, Delivery::Every, Connection::Kept) };
    let means: f64 = (0..10).map(|seed| play_planned(&setting, seed).mean_s()).sum::<f64>() / 10.0;
    near("mean", means, 0.125, 0.002);
}

#[test]
fn held_requests_from_sparse_to_saturated() {
    for connection in [Connection::Kept, Connection::Closed] {
        for x in [0.1, 0.3, 1.0, 3.0, 10.0] {
            let base = setting(Delivers::Held, Delivery::Every, connection);
            let setting = Setting { rate_per_s: x / (base.ways() * base.delay_s), ..base };
            let law = law(&setting).unwrap();
            let (log, due) = play_held(&setting, 5);
            agrees(&format!("{connection:?} {x}"), &log, &law, 0.005);
            let (excess_s, _) = simulation::staleness(&due, &log.received, 1);
            near(&format!("{connection:?} {x}, excess staleness"), excess_s, law.staleness_s.unwrap(), 0.01);
            // The design's own formula.
            let w_s = base.ways() * base.delay_s;
            near("design", law.lateness.mean_s(), base.delay_s + w_s / 2.0 * x / (x + (-x).exp()), 1e-9);
        }
    }
}

#[test]
fn held_requests_of_several_symbols_are_stale_as_they_are_late_but_for_an_s_th() {
    for symbols in [2, 4, 16] {
        for x in [0.3, 1.0, 3.0] {
            let base = Setting { symbols, ..setting(Delivers::Held, Delivery::Every, Connection::Kept) };
            let setting = Setting { rate_per_s: x / (2.0 * base.delay_s), ..base };
            let (log, due) = play_held(&setting, 6);
            let (excess_s, _) = simulation::staleness(&due, &log.received, symbols as usize);
            near(&format!("{symbols} {x}"), excess_s, law(&setting).unwrap().staleness_s.unwrap(), 0.015);
        }
    }
}

#[test]
fn held_requests_without_distance_are_never_late() {
    let setting = Setting { delay_s: 0.0, ..setting(Delivers::Held, Delivery::Every, Connection::Kept) };
    let (log, _) = play_held(&setting, 5);
    let law = law(&setting).unwrap();
    assert_eq!((log.mean_s(), law.lateness.mean_s()), (0.0, 0.0));
    near("requests", log.requests_per_quote(), law.requests_per_quote, 0.0);
}

#[test]
fn held_requests_that_are_let_go() {
    // One in e^0.5 waits is over before a quote comes.
    let setting = Setting { wait_s: 0.05, ..setting(Delivers::Held, Delivery::Every, Connection::Kept) };
    let (log, _) = play_held(&setting, 8);
    let law = law(&setting).unwrap();
    agrees("short wait", &log, &law, 0.01);
    near("empty", log.empty as f64 / log.requests as f64, law.empty_share().unwrap(), 0.02);
    assert!(law.empty_share().unwrap() > 0.3);
}

#[test]
fn held_requests_for_the_newest() {
    for (rate_per_s, connection) in [(0.5, Connection::Kept), (4.0, Connection::Closed), (40.0, Connection::Kept)] {
        let setting = Setting { rate_per_s, ..setting(Delivers::Held, Delivery::Newest, connection) };
        let law = law(&setting).unwrap();
        let (log, due) = play_held(&setting, 9);
        agrees(&format!("{rate_per_s}"), &log, &law, 0.005);
        near("delivered", log.late_s.len() as f64 / due.len() as f64, law.delivered_share, 0.01);
        let (excess_s, _) = simulation::staleness(&due, &log.received, 1);
        near("excess staleness", excess_s, law.staleness_s.unwrap(), 0.01);
    }
}

#[test]
fn held_requests_for_the_newest_that_are_let_go() {
    // Held for 0.25 s at least and 0.5 s at most, with a quote each second: many are over before one comes.
    let base = setting(Delivers::Held, Delivery::Newest, Connection::Kept);
    let setting = Setting { rate_per_s: 1.0, wait_s: 0.5, ..base };
    let law = law(&setting).unwrap();
    let (log, due) = play_held(&setting, 10);
    near("requests", log.requests_per_quote(), law.requests_per_quote, 0.01);
    near("delivered", log.late_s.len() as f64 / due.len() as f64, law.delivered_share, 0.01);
    near("empty", log.empty as f64 / log.requests as f64, law.empty_share().unwrap(), 0.01);
    assert!(law.empty_share().unwrap() > 0.3);
}

#[test]
fn a_herd_is_served_in_turn() {
    for delay_s in [0.0, 0.000_4, 0.03] {
        for (write_s, service_s) in [(20e-6, 60e-6), (60e-6, 20e-6), (0.0, 50e-6), (50e-6, 0.0)] {
            for connection in [Connection::Kept, Connection::Closed] {
                // An exchange takes its turn at the server, and may take more on its way.
                for on_the_way_s in [0.0, 130e-6] {
                    let costs = Costs {
                        held_answer_s: write_s,
                        occupancy_s: service_s,
                        exchange_s: service_s + on_the_way_s,
                        ..Costs::default()
                    };
                    let base = setting(Delivers::Held, Delivery::Every, connection);
                    let setting = Setting { delay_s, clients: 30, costs, ..base };
                    let ways_s = (delay_s, setting.ways() * delay_s + on_the_way_s);
                    let herd = simulation::herd(30, ways_s, (write_s, service_s));
                    let mean_s = herd.iter().map(|(_, window_s)| window_s).sum::<f64>() / 30.0;
                    near("mean window", held::mean_window_s(&setting), mean_s, 1e-9);
                    for (k, (late_s, window_s)) in (1..).zip(herd) {
                        near("late", setting.met_s(k) + write_s, late_s, 1e-9);
                        near("window", held::window_s(&setting, k), window_s, 1e-9);
                    }
                }
            }
        }
    }
}

#[test]
fn pushed_to_one_client_after_the_other() {
    let costs = Costs { write_s: 10e-6, ..Costs::default() };
    let base = setting(Delivers::Pushed, Delivery::Every, Connection::Kept);
    let law = law(&Setting { clients: 100, costs, delay_s: 0.03, ..base }).unwrap();
    near("mean", law.lateness.mean_s(), 0.03 + 101.0 * 10e-6 / 2.0, 1e-12);
    near("last", law.lateness.max_s(), 0.03 + 100.0 * 10e-6, 1e-12);
    assert!((law.lateness.cdf(0.03 + 505e-6) - 0.5).abs() < 1e-9);
    assert_eq!((law.requests_per_quote, law.empty_share()), (0.0, None));
    assert!(super::law(&Setting { clients: 100, rate_per_s: 1_000.0, costs, ..base }).is_none(), "cannot keep up");
}

#[test]
fn the_newest_pushed_on_a_grid_is_as_late_as_the_newest_asked_for() {
    for rate_per_s in [1.0, 10.0, 100.0] {
        let base = setting(Delivers::Pushed, Delivery::Newest, Connection::Kept);
        let pushed = law(&Setting { rate_per_s, ..base }).unwrap();
        let asked = law(&Setting { rate_per_s, delivers: Delivers::Planned, ..base }).unwrap();
        assert_eq!(pushed.lateness, asked.lateness);
        // A grid without a way to the server: what is asked for and what is pushed differ in the requests only.
        let due = simulation::poisson(3, rate_per_s, (QUOTES as f64 / pushed.delivered_share) as usize);
        let log = simulation::planned(&due, (base.delay_s, 1.0), (0.1, base.interval_s), true);
        near("mean", log.mean_s(), pushed.lateness.mean_s(), 0.01);
        assert!(log.distance(|s| pushed.lateness.cdf(s)) < 0.01);
        near("delivered", log.late_s.len() as f64 / due.len() as f64, pushed.delivered_share, 0.01);
        let (excess_s, stale) = simulation::staleness(&due, &log.received, 1);
        near("excess staleness", excess_s, pushed.staleness_s.unwrap(), 0.01);
        near("stale share", stale, pushed.stale_share.unwrap(), 0.01);
    }
}

#[test]
fn polls_and_pushes_are_stale_as_they_are_late_for_any_number_of_symbols() {
    for symbols in [1, 4] {
        let base = setting(Delivers::Planned, Delivery::Every, Connection::Kept);
        let polled = Setting { symbols, rate_per_s: 20.0, ..base };
        let due = simulation::poisson(4, 20.0, QUOTES);
        let log = simulation::planned(&due, way(&polled), (0.07, polled.interval_s), false);
        let (excess_s, stale) = simulation::staleness(&due, &log.received, symbols as usize);
        let theory = law(&polled).unwrap();
        near("excess staleness", excess_s, theory.staleness_s.unwrap(), 0.01);
        near("stale share", stale, theory.stale_share.unwrap(), 0.01);
        let received: Vec<(usize, f64)> = due.iter().map(|due_s| due_s + 0.03).enumerate().collect();
        let (excess_s, stale) = simulation::staleness(&due, &received, symbols as usize);
        let theory = law(&Setting { delivers: Delivers::Pushed, ..polled }).unwrap();
        near("pushed", excess_s, theory.staleness_s.unwrap(), 0.01);
        near("pushed, stale share", stale, theory.stale_share.unwrap(), 0.01);
    }
}

#[test]
fn a_periodic_feed_jumps_where_its_distance_is_the_window() {
    // w is 60 ms. Just longer: every quote meets a held request. Just shorter: half a window late.
    for (gap_s, mean_s, step) in [
        (0.080, 0.03, "held"),
        (0.060, 0.03, "held, at the jump"),
        (0.061, 0.03, "held, just longer"),
        (0.059, 0.03 + 0.0295, "59 and 60 share 1 ms: (60 − 1)/2"),
        (0.030, 0.03 + 0.015, "locked: 0 or 30 ms"),
        (0.024, 0.03 + 0.024, "steps of 12 ms: (60 − 12)/2"),
        (0.020, 0.03 + 0.020, "locked: 0, 20 or 40 ms"),
    ] {
        let base = setting(Delivers::Held, Delivery::Every, Connection::Kept);
        let setting = Setting { arrivals: Arrivals::Periodic, rate_per_s: 1.0 / gap_s, ..base };
        let law = law(&setting).unwrap();
        near(step, law.lateness.mean_s(), mean_s, 1e-6);
        let log = simulation::held(&simulation::periodic(gap_s, 6_000), (0.03, 2.0), (0.0, 1e9), false);
        near(step, log.mean_s(), mean_s, 0.005);
        near(step, log.requests_per_quote(), law.requests_per_quote, 0.005);
        assert!(log.distance(|s| law.lateness.cdf(s)) < 0.02, "{step}");
    }
}

#[test]
fn where_there_is_no_theory() {
    let none = |setting: Setting| assert!(law(&setting).is_none(), "{setting:?}");
    let base = |delivers, delivery| setting(delivers, delivery, Connection::Kept);
    none(Setting { arrivals: Arrivals::Bursts(5), ..base(Delivers::Held, Delivery::Every) });
    none(Setting { interval_s: 0.0, ..base(Delivers::Planned, Delivery::Every) });
    none(Setting { interval_s: 0.0, ..base(Delivers::Pushed, Delivery::Newest) });
    // A long exchange that leaves the server free is no reason.
    let patient = Costs { exchange_s: 0.2, ..Costs::default() };
    let hundred = Setting { clients: 100, ..base(Delivers::Planned, Delivery::Every) };
    assert!(law(&Setting { costs: patient, ..hundred }).is_some());
    let slow = Costs { occupancy_s: 0.003, ..Costs::default() };
    none(Setting { clients: 100, costs: slow, ..base(Delivers::Planned, Delivery::Every) });
    let two = law(&Setting { symbols: 2, ..base(Delivers::Planned, Delivery::Newest) }).unwrap();
    assert_eq!((two.staleness_s, two.stale_share), (None, None));
    assert_eq!(planned::apart_s(&Setting { delay_s: 0.25, ..base(Delivers::Planned, Delivery::Every) }), 0.5);
}
