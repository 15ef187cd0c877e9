//! What every delivery kind's file gives: one law per setting, and the parts of mathematics that they share.

use super::lateness::Lateness;

/// How one client fares under one setting.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Law {
    /// Lateness of delivered quotes; superseded ones are not counted.
    pub lateness: Lateness,
    /// Requests per delivered quote, without those of set-up.
    pub requests_per_quote: f64,
    /// Connections per delivered quote, without those of set-up.
    pub connections_per_quote: f64,
    /// Delivered quotes per quote that was due: 1 unless some are superseded.
    pub delivered_share: f64,
    /// Probability of an answer with 0, 1, 2 … quotes; empty where nothing is asked for.
    pub answer_sizes: Vec<f64>,
    /// Mean excess staleness, seconds; `None` where there is no closed form.
    pub staleness_s: Option<f64>,
    /// Share of time in which a quote is due that the client does not hold; `None` likewise.
    pub stale_share: Option<f64>,
}

impl Law {
    /// Share of answers without a quote; `None` where nothing is asked for.
    #[must_use]
    pub fn empty_share(&self) -> Option<f64> {
        self.answer_sizes.first().copied()
    }
}

/// Probability of 0, 1, 2 … events of a Poisson process within `mean` of its mean distances, until less than 10⁻¹²
/// remains.
pub(super) fn poisson(mean: f64) -> Vec<f64> {
    let (mut log, mut sum, mut sizes) = (-mean, 0.0, Vec::new());
    for k in 1.. {
        let probability = f64::exp(log);
        sum += probability;
        sizes.push(probability);
        // The sum may stop a rounding error short of 1; ten standard deviations above the mean nothing is left.
        if sum > 1.0 - 1e-12 || f64::from(k) > mean + 10.0 * mean.sqrt() + 40.0 {
            break;
        }
        log += mean.ln() - f64::from(k).ln();
    }
    sizes
}

/// Probability of 0, 1, 2 … quotes of a periodic feed within a stretch of `mean` of its distances, at any phase.
pub(super) fn periodic(mean: f64) -> Vec<f64> {
    let (whole, rest) = ((mean + 1e-9).floor(), (mean - (mean + 1e-9).floor()).max(0.0));
    let mut sizes = vec![0.0; whole as usize + 2];
    sizes[whole as usize] = 1.0 - rest;
    sizes[whole as usize + 1] = rest;
    sizes
}

/// Share of time in which a client that knows everything up to `lag_s` ago, evenly between the two lags, lacks a quote
/// of a symbol. Symbols take turns: of K quotes within the lag, min(1, K/S) is the chance that one is of that symbol.
pub(super) fn stale_share(rate_per_s: f64, symbols: u32, (from_s, to_s): (f64, f64)) -> f64 {
    let lacking = |lag_s: f64| {
        let hit = |(k, probability): (usize, f64)| probability * (k as f64 / f64::from(symbols)).min(1.0);
        poisson(rate_per_s * lag_s).into_iter().enumerate().map(hit).sum::<f64>()
    };
    // Midpoints: the integrand is smooth, its curvature over 1/200 of the range is nothing.
    let steps = if to_s > from_s { 200 } else { 1 };
    (0..steps).map(|i| lacking(from_s + (f64::from(i) + 0.5) / f64::from(steps) * (to_s - from_s))).sum::<f64>()
        / f64::from(steps)
}
