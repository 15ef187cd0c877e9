//! How stale a client's price is at the 99th percentile of time, from the arm's lag; and the longest interval that keeps a
//! budget.
//!
//! At a random instant a client knows all that was due up to ℓ ago (the lag). The newest quote due has the age A; if A ≥ ℓ the
//! client holds it, and excess staleness is 0. Otherwise it holds the last one due before, which is ℓ + B old, B exponential
//! like every gap of a Poisson stream: excess X = ℓ + B − A. With A exponential too,
//!
//! > P(X > x) = 1 − (e^−λ(ℓ−x) + e^−λ(ℓ+x))/2 for 0 ≤ x < ℓ, and e^−λ(x−ℓ) (1 − e^−2λℓ)/2 for x ≥ ℓ
//!
//! (both (1 − e^−2λℓ)/2 at x = ℓ; at x = 0 the share of time with a stale price, 1 − e^−λℓ). The lag is d where quotes are
//! pushed, anything between d and T′ + d where requests are planned or streams conflated. Held requests: d while one is
//! pending, up to w more in between; that the gap before is short there is left out, which errs to the safe side.
//!
//! Sparse quotes make long excess: who misses the newest of two quotes ten seconds apart shows a price that is ten seconds
//! too old, for as long as the delivery takes. No transport changes that; what it changes is how long that lasts.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::spec::Delivery;

use super::candidate::Figure;
use crate::theory::{Costs, Setting, held, planned};

/// The percentile that budgets are for.
const QUANTILE: f64 = 0.99;
/// The shortest interval that is advised, seconds: below it planned requests are no longer polling.
const SHORTEST_S: f64 = 0.01;
/// The longest, seconds.
const LONGEST_S: f64 = 3_600.0;
/// How well the closed form agrees with a simulation of the stream, as a share: no figure of it is surer, however near.
pub const PRECISION: f64 = 0.03;
/// Midpoints over a stretch of lags.
const STEPS: u32 = 64;

/// A lag evenly between two ends, with its share of time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lag {
    /// Share of time.
    pub share: f64,
    /// The shortest, seconds.
    pub from_s: f64,
    /// The longest, seconds.
    pub to_s: f64,
}

/// The lags of a setting.
#[must_use]
pub fn lags(setting: &Setting) -> Vec<Lag> {
    let sent_s = |position| setting.sent_at_once_s(position);
    match setting.delivers {
        Delivers::Planned => {
            let from_s = setting.delay_s + setting.costs.answer_s;
            vec![Lag { share: 1.0, from_s, to_s: from_s + planned::apart_s(setting) }]
        }
        Delivers::Pushed => {
            let conflated_s = if setting.delivery == Delivery::Newest { setting.interval_s } else { 0.0 };
            vec![Lag { share: 1.0, from_s: sent_s(1), to_s: sent_s(setting.clients) + conflated_s }]
        }
        Delivers::Held => {
            let held_back_s = if setting.delivery == Delivery::Newest { setting.interval_s } else { 0.0 };
            let window_s = held::mean_window_s(setting) + held_back_s;
            let pending_s = (-setting.rate_per_s * window_s).exp() / setting.rate_per_s;
            let share = window_s / (window_s + pending_s);
            let (met_s, back_s) = (setting.met_s(setting.clients.div_ceil(2)), setting.back_s());
            vec![
                Lag { share: 1.0 - share, from_s: met_s, to_s: met_s },
                Lag { share, from_s: back_s, to_s: back_s + window_s },
            ]
        }
    }
}

/// P(X > x) at one lag.
fn above(x: f64, lag_s: f64, rate_per_s: f64) -> f64 {
    if x < lag_s {
        1.0 - ((-rate_per_s * (lag_s - x)).exp() + (-rate_per_s * (lag_s + x)).exp()) / 2.0
    } else {
        (-rate_per_s * (x - lag_s)).exp() * -(-2.0 * rate_per_s * lag_s).exp_m1() / 2.0
    }
}

fn above_all(x: f64, lags: &[Lag], rate_per_s: f64) -> f64 {
    let of = |lag: &Lag| {
        let steps = if lag.to_s > lag.from_s { STEPS } else { 1 };
        let at = |i: u32| lag.from_s + (f64::from(i) + 0.5) / f64::from(steps) * (lag.to_s - lag.from_s);
        lag.share * (0..steps).map(|i| above(x, at(i), rate_per_s)).sum::<f64>() / f64::from(steps)
    };
    lags.iter().map(of).sum()
}

/// The 99th percentile over time of excess staleness, seconds, under a Poisson stream of one symbol.
#[must_use]
pub fn p99_s(lags: &[Lag], rate_per_s: f64) -> f64 {
    let rest = 1.0 - QUANTILE;
    if above_all(0.0, lags, rate_per_s) <= rest {
        return 0.0;
    }
    let longest = lags.iter().map(|lag| lag.to_s).fold(0.0, f64::max);
    // Beyond the longest lag what is above falls like e^−λx: there it is certainly below.
    let (mut low, mut high) = (0.0, longest + (1.0 / rest).ln() / rate_per_s);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if above_all(middle, lags, rate_per_s) > rest { low = middle } else { high = middle }
    }
    high
}

/// That percentile from where to where, if it may be `factor` times off. What servers and clients take may be off by as much,
/// the way between them not: it is never below what the way and the interval alone make. Where nothing is stale, as many times
/// the lag may be.
#[must_use]
pub fn interval_s(setting: &Setting, factor: f64) -> Figure {
    let rate_per_s = setting.rate_per_s;
    let value = p99_s(&lags(setting), rate_per_s);
    let alone = Setting { costs: Costs::default(), ..*setting };
    let floor = p99_s(&lags(&alone), rate_per_s) / (1.0 + PRECISION);
    let longer = |lag: Lag| Lag { from_s: lag.from_s * factor, to_s: lag.to_s * factor, ..lag };
    let longer: Vec<Lag> = lags(setting).into_iter().map(longer).collect();
    let high = (value * factor).max(p99_s(&longer, rate_per_s));
    Figure { value, low: (value / factor).max(floor).min(value), high }
}

/// Whether the setting has an interval at all.
#[must_use]
pub fn has_interval(setting: &Setting) -> bool {
    setting.delivers == Delivers::Planned || setting.delivery == Delivery::Newest
}

/// The shortest interval that makes sense, milliseconds: planned requests closer than one exchange would be skipped.
#[must_use]
pub fn shortest_interval_ms(setting: &Setting) -> u32 {
    let exchange_s = if setting.delivers == Delivers::Planned { setting.exchange_s() } else { 0.0 };
    (SHORTEST_S.max(exchange_s) * 1e3 - 1e-6).ceil() as u32
}

/// The longest interval that keeps `budget_s` even if the model is `factor` times off, milliseconds, with two digits so that
/// it can be remembered; `None` where not even the shortest does.
#[must_use]
pub fn longest_interval_ms(setting: &Setting, budget_s: f64, factor: f64) -> Option<u32> {
    let at = |seconds: f64| interval_s(&Setting { interval_s: seconds, ..*setting }, factor).high;
    let least_ms = shortest_interval_ms(setting);
    let least_s = f64::from(least_ms) / 1e3;
    if at(least_s) > budget_s {
        return None;
    }
    let (mut low, mut high) = (least_s, LONGEST_S);
    for _ in 0..50 {
        let middle = (low * high).sqrt();
        if at(middle) <= budget_s {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(two_digits_down(low * 1e3).max(least_ms))
}

fn two_digits_down(ms: f64) -> u32 {
    let unit = 10f64.powi(((ms.log10() + 1e-9).floor() as i32 - 1).max(0));
    ((ms / unit + 1e-6).floor() * unit) as u32
}
