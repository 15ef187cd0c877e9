//! Pushed quotes: the server writes when there is something.
//!
//! Every quote: the server writes to one client after the other, c each, so client k of N gets it d + k c late; the mean
//! is d + (N + 1) c / 2, the last one's d + N c. Where a rehearsal tells what the first of them takes beside d, R with all its
//! chances, client k gets it d + R + (k − 1) c late, and c is what each further client added there: reading is as serial as
//! writing, and c is what the slower side takes, wake-ups included. The newest only: each client has a grid of its own, its start + k × T;
//! what is written on it is the newest quote if there is one since the instant before, so lateness is as with planned
//! requests for the newest, and no request is needed. Grids begin when streams are opened, so clients that connect within
//! milliseconds share one phase: the law holds on average over feeds, and one short run strays from it as one client would.

use wirerace_contract::feed::Arrivals;
use wirerace_contract::spec::Delivery;

use super::lateness::{Lateness, Part};
use super::law::{Law, stale_share};
use super::planned::counts;
use super::setting::Setting;

/// The law; `None` where the server cannot keep up, and for conflated bursts.
#[must_use]
pub fn law(setting: &Setting) -> Option<Law> {
    match setting.delivery {
        Delivery::Every => every(setting),
        Delivery::Newest => newest(setting),
    }
}

fn every(setting: &Setting) -> Option<Law> {
    // All clients must have one quote before the next is due.
    if setting.rate_per_s * f64::from(setting.clients) * setting.costs.fan_out_step_s() >= 1.0 {
        return None;
    }
    let lateness = match &setting.costs.pushed {
        Some(rehearsed) => Lateness::mixed(rehearsed.parts_of_all(setting.clients, setting.delay_s)),
        None => Lateness::mixed(fan_out(setting).map(|late_s| (1.0, Part::At(late_s)))),
    };
    let mean_s = lateness.mean_s();
    let stale = stale_share(setting.rate_per_s, setting.symbols, (mean_s, mean_s));
    Some(Law {
        lateness,
        delivered_share: 1.0,
        staleness_s: Some(mean_s),
        stale_share: (setting.arrivals == Arrivals::Poisson).then_some(stale),
        ..Law::default()
    })
}

/// Lateness of a quote at each client in turn; one step for all where a write takes no time.
fn fan_out(setting: &Setting) -> impl Iterator<Item = f64> {
    let positions = if setting.costs.write_s > 0.0 { setting.clients } else { 1 };
    (1..=positions).map(|position| setting.sent_at_once_s(position))
}

fn newest(setting: &Setting) -> Option<Law> {
    if setting.interval_s <= 0.0 {
        return None;
    }
    // Writes of other clients on the same instant are left out: c is small beside T.
    let from_s = setting.sent_at_once_s(1);
    let (counts, lateness) = counts(setting, from_s, setting.interval_s)?;
    let some = 1.0 - counts.first().copied().unwrap_or(0.0);
    let lags_s = (from_s, from_s + setting.interval_s);
    let one = setting.symbols == 1;
    Some(Law {
        lateness: Lateness::of(lateness),
        delivered_share: some / (setting.rate_per_s * setting.interval_s),
        staleness_s: one.then_some(from_s + setting.interval_s / 2.0),
        stale_share: (one && setting.arrivals == Arrivals::Poisson).then(|| stale_share(setting.rate_per_s, 1, lags_s)),
        ..Law::default()
    })
}
