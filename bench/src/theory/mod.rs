//! Theory: what every figure should be, computed from the setting alone. Pure functions; nothing here reads a clock, a
//! file or a result. The same quantities are computed by an independent simulation in this module's tests.
//!
//! Letters: d one way · T poll interval, or least distance of a conflated stream's quotes · λ quotes per second · E one
//! exchange: 2d on a kept connection, 4d on a new one, and what it takes without distance · w the time in which a
//! held-request client has no request pending, E for one client · x = λw · N clients · s what one more request adds where
//! requests queue · c one write · S symbols.
//!
//! | delivers | mean lateness | at most | requests per quote |
//! | --- | --- | --- | --- |
//! | planned | T′/2 + d, T′ = T ⌈E/T⌉ | T′ + d | 1/(λT′) |
//! | planned, newest | 1/λ − T′/(e^λT′ − 1) + d | T′ + d | 1/(1 − e^−λT′) |
//! | held | d + (w/2) x/(x + e^−x) | w + d | 1/(x + e^−x) |
//! | held, newest, y = λ(w + T) | d + (1 − e^−y (1 + y))/λ | w + T + d | 1 |
//! | pushed | d + (N + 1) c/2 | d + Nc | 0 |
//! | pushed, newest | as planned, newest, with T | T + d | 0 |
//!
//! [`planned`], [`held`] and [`pushed`] derive their rows; each gives a [`law::Law`] with the whole distribution of
//! lateness. To every d what the machine takes is added where it is known ([`setting::Costs`]): for quotes that go out at once
//! the whole distribution of it, from a rehearsal over the same path ([`rehearsed`]).
//!
//! **What lateness means where quotes are superseded.** Only delivered quotes are late. The lateness of a conflated arm
//! is the age of the newest quote at an instant of a grid, given that there is one, so it *falls* as the rate rises while
//! what a client shows does not get fresher: compare conflated arms in excess staleness.
//!
//! **Excess staleness.** Each quote adds its distance from its symbol's quote before, for as long as it is late:
//! mean excess = (λ/S) E[(t_j − t_(j−S)) × lateness_j]. Where lateness does not depend on the feed's past (planned, pushed)
//! that is mean lateness exactly, for any feed and any number of symbols. Held requests are later after short gaps, which
//! makes it less: [`held`] has the integral for one symbol. The newest of one symbol is all of it, so T′/2 + d again;
//! of several symbols there is no closed form here.
//!
//! **Bytes.** [`bytes`] counts the contract's envelopes and [`heads`] the texts of heads; how many quotes share an
//! answer comes from the law. λ is the plan's own rate within the run (the seed fixes it), not the nominal one, which a
//! Poisson feed of some hundred quotes misses by several per cent.
//!
//! A client's share in the noise: all clients get the same quotes, so N clients over a feed of 1,000 quotes are 1,000
//! quotes of sampling error, not N thousand. Planned requests spread over the clients even that out but for an N-th, if no
//! instant is skipped; held ones do not. [`played`] and [`polled`] therefore take the plan's own quotes, and [`superseded`]
//! counts through them what clients are given of the newest. Steady bytes leave out
//! what was under way at the first and last snapshot, at a distance up to one exchange a client; bytes with set-up leave
//! out nothing.
//!
//! Polled answers above ten segments take a round trip more for each further flight of slow start, on an emulated link and
//! where a connection begins or was idle: [`flights`].
//!
//! **Not modelled**: queues in front of a busy server (a law says `None` where it cannot keep up), bursts, jitter, loss
//! and rate of a link.

pub mod bytes;
pub mod distance;
pub mod flights;
pub mod heads;
pub mod held;
pub mod lateness;
pub mod law;
pub mod planned;
pub mod played;
pub mod polled;
pub mod pushed;
pub mod rehearsed;
pub mod setting;
pub mod superseded;

#[cfg(test)]
mod layers_tests;
#[cfg(test)]
mod rehearsed_tests;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Delivery, LoadSpec};

pub use bytes::{Bytes, SetUp};
pub use lateness::Lateness;
pub use law::Law;
pub use rehearsed::Rehearsed;
pub use setting::{AnswerSize, Costs, Run, Setting};

/// What theory says about one arm under one load.
#[derive(Clone, PartialEq, Debug)]
pub struct Prediction {
    /// The parameters it was computed from.
    pub setting: Setting,
    /// The run it is for.
    pub run: Run,
    /// Lateness, requests, connections, staleness; `None` where there is no theory.
    pub law: Option<Law>,
    /// Bytes per delivered quote without set-up; `None` likewise.
    pub steady: Option<Bytes>,
    /// What set-up takes for each client; `None` likewise.
    pub set_up: Option<SetUp>,
}

/// The law of a setting; `None` where there is none.
#[must_use]
pub fn law(setting: &Setting) -> Option<Law> {
    match setting.delivers {
        Delivers::Planned => planned::law(setting),
        Delivers::Held => held::law(setting),
        Delivers::Pushed => pushed::law(setting),
    }
}

/// What theory says about `entry` under `load`, for the window at the nominal rate.
#[must_use]
pub fn predict(entry: &ArmEntry, load: &LoadSpec, costs: &Costs) -> Prediction {
    predict_run(entry, load, costs, &Run::nominal(load))
}

/// The same for a run whose length and number of planned quotes are known.
#[must_use]
pub fn predict_run(entry: &ArmEntry, load: &LoadSpec, costs: &Costs, run: &Run) -> Prediction {
    predict_trial(entry, load, costs, run, None)
}

/// The same for a run of which it is known, too, where in their N-th of the interval its clients begin: `phase`, 0 to 1.
#[must_use]
pub fn predict_trial(entry: &ArmEntry, load: &LoadSpec, costs: &Costs, run: &Run, phase: Option<f64>) -> Prediction {
    let setting = Setting {
        rate_per_s: run.window_rate_per_s,
        answer: bytes::answer_size(entry, load, run.quotes),
        ..Setting::of(&entry.arm, load, &entry.descriptor, costs)
    };
    let law = law(&setting).map(|of_window| counted(run, &setting, of_window));
    let law = law.map(|law| of_this_feed(law, &setting, run, (&load.feed, phase)));
    let layers = law.as_ref().and_then(|law| bytes::bytes(entry, load, law, run.quotes));
    Prediction { setting, run: *run, law, steady: layers.map(|l| l.0), set_up: layers.map(|l| l.1) }
}

/// Lateness is the window's; what is counted is counted over the whole run. Planned requests go on after the last quote
/// until every client has it: so many more requests for the same quotes.
fn counted(run: &Run, setting: &Setting, of_window: Law) -> Law {
    let counted_s = match setting.delivers {
        Delivers::Planned => {
            // The first request is sent within T of the start even if the others are T′ apart.
            let apart_s = planned::apart_s(setting);
            let requests = run.asked_s / apart_s + (1.0 - setting.interval_s / apart_s) / 2.0;
            requests * apart_s
        }
        Delivers::Held | Delivers::Pushed => run.feed_s,
    };
    let rate_per_s = run.quotes / counted_s;
    if !rate_per_s.is_finite() || rate_per_s <= 0.0 {
        return of_window;
    }
    let Some(of_run) = law(&Setting { rate_per_s, ..*setting }) else { return of_window };
    Law {
        lateness: of_window.lateness,
        staleness_s: of_window.staleness_s,
        stale_share: of_window.stale_share,
        ..of_run
    }
}

/// Requests for every quote, held or planned, meet each quote of the plan in a way that the plan fixes. Of a periodic feed
/// they do not: there it hangs on microseconds. Of the newest it is fixed how many are delivered.
fn of_this_feed(law: Law, setting: &Setting, run: &Run, (feed, phase): (&FeedSpec, Option<f64>)) -> Law {
    if setting.delivery == Delivery::Newest {
        return match superseded::play(setting, run, feed) {
            Some(given) => given.counted_in(law, setting, run),
            None => law,
        };
    }
    if setting.arrivals != Arrivals::Poisson {
        return law;
    }
    match setting.delivers {
        Delivers::Held => match played::play(setting, run, feed) {
            Some(played) => Law {
                lateness: played.lateness,
                requests_per_quote: played.requests_per_quote,
                connections_per_quote: planned::connections(setting, played.requests_per_quote),
                answer_sizes: played.answer_sizes,
                ..law
            },
            None => law,
        },
        Delivers::Planned => match polled::play(setting, run, feed, phase) {
            Some(lateness) => Law { lateness, ..law },
            None => law,
        },
        Delivers::Pushed => law,
    }
}

impl Prediction {
    /// Quotes delivered to each client.
    #[must_use]
    pub fn delivered(&self) -> Option<f64> {
        Some(self.run.quotes * self.law.as_ref()?.delivered_share).filter(|delivered| *delivered > 0.0)
    }

    /// Bytes per delivered quote with set-up.
    #[must_use]
    pub fn total(&self) -> Option<Bytes> {
        let (steady, set_up, share) = (self.steady?, self.set_up?.bytes, 1.0 / self.delivered()?);
        Some(Bytes {
            to_client: steady.to_client.and(&set_up.to_client, share),
            to_server: steady.to_server.and(&set_up.to_server, share),
        })
    }

    /// Requests per delivered quote with set-up.
    #[must_use]
    pub fn requests(&self) -> Option<f64> {
        Some(self.law.as_ref()?.requests_per_quote + self.set_up?.requests / self.delivered()?)
    }

    /// Connections per delivered quote with set-up.
    #[must_use]
    pub fn connections(&self) -> Option<f64> {
        Some(self.law.as_ref()?.connections_per_quote + self.set_up?.connections / self.delivered()?)
    }
}
