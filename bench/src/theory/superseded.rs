//! Where only the newest quote is wanted: how many quotes each client of a run is given, counted through the run's own.
//!
//! [`super::pushed`] and [`super::held`] say which share of an endless feed is delivered. A run ends, and what was due since a
//! client's last quote is still delivered then: about one quote more for each client. In six seconds at T = 2 s that is four
//! instead of three, and a third more bytes a second. The plan fixes when each quote is due. Where a grid begins against the feed
//! is taken as chance within T, and the mean over that; a first request is held from "all connected" on, which the run knows,
//! and those who were connected before are taken for the last. Planned requests need none of this: how long they go on is part
//! of the run ([`super::setting::Run::asked_s`]).

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::FeedSpec;

use super::held::window_s;
use super::law::Law;
use super::planned::connections;
use super::played::{positions, quotes};
use super::setting::{Run, Setting};

/// Instants within T at which grids begin, evenly.
const PHASES: u32 = 16;

/// What clients are given.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Given {
    /// Clients that were played.
    clients: f64,
    /// Quotes that they were given, of all of them together.
    quotes: f64,
    /// Answers without a quote, likewise.
    empty: f64,
}

impl Given {
    fn and(self, other: Self) -> Self {
        Self {
            clients: self.clients + other.clients,
            quotes: self.quotes + other.quotes,
            empty: self.empty + other.empty,
        }
    }

    /// `law` with what is counted taken from here.
    #[must_use]
    pub fn counted_in(&self, law: Law, setting: &Setting, run: &Run) -> Law {
        let law = Law { delivered_share: self.quotes / self.clients / run.quotes, ..law };
        if setting.delivers == Delivers::Pushed {
            return law;
        }
        let answers = self.quotes + self.empty;
        let requests_per_quote = answers / self.quotes;
        Law {
            requests_per_quote,
            connections_per_quote: connections(setting, requests_per_quote),
            answer_sizes: vec![self.empty / answers, self.quotes / answers],
            ..law
        }
    }
}

/// Plays `feed` from its start to the end of the window and until every client has the last quote; `None` for planned
/// requests, and where the run is not known well enough, is too long, or has no quote.
#[must_use]
pub fn play(setting: &Setting, run: &Run, feed: &FeedSpec) -> Option<Given> {
    let (due_s, _) = quotes(run, feed)?;
    let phases = (0..PHASES).map(|i| (f64::from(i) + 0.5) / f64::from(PHASES));
    // The first request leaves when the client is connected.
    let first_s = setting.delay_s - (run.metered_s - run.asked_s);
    let given = match setting.delivers {
        Delivers::Planned => return None,
        Delivers::Pushed => {
            phases.map(|phase| on_grid(&due_s, phase, setting.interval_s)).fold(Given::default(), Given::and)
        }
        Delivers::Held => positions(setting)
            .into_iter()
            .map(|position| held(setting, &due_s, position, first_s))
            .fold(Given::default(), Given::and),
    };
    (given.quotes > 0.0).then_some(given)
}

/// A client whose grid begins `phase` of T before the feed: one quote at the end of each T in which one was due.
fn on_grid(due_s: &[f64], phase: f64, interval_s: f64) -> Given {
    let (mut quotes, mut last) = (0.0, f64::NEG_INFINITY);
    for due_s in due_s {
        let stretch = (due_s / interval_s + phase).floor();
        if stretch > last {
            (quotes, last) = (quotes + 1.0, stretch);
        }
    }
    Given { clients: 1.0, quotes, empty: 0.0 }
}

/// Client `position` of a herd, whose first request the server has at `asked_s`, seconds from the feed's start.
fn held(setting: &Setting, due_s: &[f64], position: u32, mut asked_s: f64) -> Given {
    let mut given = Given { clients: 1.0, ..Given::default() };
    // Without a wait it would be a poll.
    let (window_s, wait_s) = (window_s(setting, position), setting.wait_s.max(1.0));
    let mut next = 0;
    while let Some(first_s) = due_s.get(next) {
        // Not before T, not without a quote, and never longer than the wait.
        let answered_s = first_s.max(asked_s + setting.interval_s).min(asked_s + wait_s);
        let end = due_s.partition_point(|due_s| *due_s <= answered_s);
        if end > next {
            given.quotes += 1.0;
        } else {
            given.empty += 1.0;
        }
        (next, asked_s) = (end, answered_s + window_s);
    }
    given
}

#[cfg(test)]
mod tests {
    use super::super::law;
    use super::*;
    use wirerace_contract::feed::Arrivals;
    use wirerace_contract::spec::{Connection, Delivery};

    fn setting(delivers: Delivers, rate_per_s: f64, interval_s: f64) -> Setting {
        Setting { delivery: Delivery::Newest, ..Setting::plain(delivers, 0.001, interval_s, rate_per_s) }
    }

    fn counted(setting: &Setting, feed_s: f64) -> (Law, Law, f64) {
        let feed = FeedSpec {
            seed: 3,
            symbols: 1,
            arrivals: Arrivals::Poisson,
            rate_per_s: setting.rate_per_s,
            payload_bytes: 0,
        };
        let run = Run {
            quotes: setting.rate_per_s * feed_s,
            feed_s,
            window_rate_per_s: setting.rate_per_s,
            window_from_s: Some(0.0),
            asked_s: feed_s,
            metered_s: feed_s + 0.1,
        };
        let of_law = law(setting).unwrap();
        let counted = play(setting, &run, &feed).unwrap().counted_in(of_law.clone(), setting, &run);
        (of_law, counted, run.quotes)
    }

    #[test]
    fn a_run_of_three_intervals_gives_four_quotes() {
        for delivers in [Delivers::Pushed, Delivers::Held] {
            let (of_law, counted, quotes) = counted(&setting(delivers, 500.0, 2.0), 6.0);
            let (endless, here) = (of_law.delivered_share * quotes, counted.delivered_share * quotes);
            assert!((2.98..3.01).contains(&endless) && (3.99..4.01).contains(&here), "{delivers:?} {endless} {here}");
        }
        // Over 100 ms one way the first request comes with the feed, and each answer 200 ms later than the one before.
        let far = Setting { delay_s: 0.1, connection: Connection::Closed, ..setting(Delivers::Held, 500.0, 2.0) };
        let (_, counted, quotes) = counted(&far, 6.0);
        assert_eq!((counted.delivered_share * quotes).round(), 3.0);
    }

    #[test]
    fn a_long_feed_is_as_the_averages_say() {
        for delivers in [Delivers::Pushed, Delivers::Held] {
            for (rate_per_s, interval_s) in [(1.0, 0.5), (10.0, 0.1), (10.0, 1.0)] {
                let (of_law, counted, _) = counted(&setting(delivers, rate_per_s, interval_s), 10_000.0 / rate_per_s);
                let ratio = counted.delivered_share / of_law.delivered_share;
                assert!((0.985..1.015).contains(&ratio), "{delivers:?} {rate_per_s} {interval_s}: {ratio}");
                assert!((counted.requests_per_quote - of_law.requests_per_quote).abs() < 0.01, "{delivers:?}");
            }
        }
    }

    #[test]
    fn who_waits_too_long_is_answered_with_nothing_and_asks_again() {
        // A quote in ten seconds and a wait of two: five answers, four of them empty or nearly.
        let rare = Setting { wait_s: 2.0, connection: Connection::Closed, ..setting(Delivers::Held, 0.1, 1.0) };
        let (of_law, counted, _) = counted(&rare, 20_000.0);
        let (endless, here) = (of_law.answer_sizes[0], counted.answer_sizes[0]);
        assert!(here > 0.7 && (here - endless).abs() < 0.02, "{here} {endless}");
        assert!((counted.answer_sizes.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!((counted.requests_per_quote * (1.0 - here) - 1.0).abs() < 1e-9);
        assert_eq!(counted.connections_per_quote, counted.requests_per_quote, "each has its own");
    }

    #[test]
    fn planned_requests_and_unknown_runs_are_left_alone() {
        let feed = FeedSpec { seed: 3, symbols: 1, arrivals: Arrivals::Poisson, rate_per_s: 10.0, payload_bytes: 0 };
        let run = Run::nominal(&wirerace_contract::spec::LoadSpec::default());
        assert_eq!(play(&setting(Delivers::Pushed, 10.0, 1.0), &run, &feed), None, "its window's begin is not known");
        let known = Run { window_from_s: Some(0.0), ..run };
        assert_eq!(play(&setting(Delivers::Planned, 10.0, 1.0), &known, &feed), None);
        assert!(play(&setting(Delivers::Pushed, 10.0, 1.0), &known, &feed).is_some());
    }
}
