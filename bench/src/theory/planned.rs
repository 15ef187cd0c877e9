//! Planned requests: the client asks at planned instants, the server answers at once.
//!
//! An instant that passes while an answer is out is skipped, so requests are T′ = T × ⌈E/T⌉ apart. A quote waits for
//! the next request to reach the server, evenly 0 to T′, and then d (and the server's and client's work on the answer):
//! lateness is uniform on [d, T′ + d], whatever the request's own way takes, and for any feed, since phases are spread evenly over the
//! clients. The newest only: the age of the last quote at that instant, given that there is one since the request before.

use wirerace_contract::feed::Arrivals;
use wirerace_contract::spec::{Connection, Delivery};

use super::lateness::{Lateness, Part};
use super::law::{Law, periodic, poisson, stale_share};
use super::setting::Setting;

/// T′: distance of two requests that are sent, seconds.
#[must_use]
pub fn apart_s(setting: &Setting) -> f64 {
    // A hair less, so that E = 2 T is not made 3 T by rounding.
    let missed = (setting.exchange_s() / setting.interval_s - 1e-9).ceil().max(1.0);
    setting.interval_s * missed
}

/// The law; `None` where there is no interval, where the server cannot keep up, and for bursts.
#[must_use]
pub fn law(setting: &Setting) -> Option<Law> {
    // Stratified requests come T′/N apart: below that the server is free whenever one comes, above it never.
    let apart_s = apart_s(setting);
    let busy = f64::from(setting.clients) * setting.costs.occupancy_s / apart_s;
    if setting.interval_s <= 0.0 || busy >= 1.0 {
        return None;
    }
    let from_s = setting.back_s();
    let (answer_sizes, newest) = counts(setting, from_s, apart_s)?;
    let law = match setting.delivery {
        Delivery::Every => {
            let per_quote = 1.0 / (setting.rate_per_s * apart_s);
            let lateness = Lateness::of(Part::Uniform(from_s, from_s + apart_s));
            Law { lateness, requests_per_quote: per_quote, delivered_share: 1.0, answer_sizes, ..Law::default() }
        }
        Delivery::Newest => newest_law(setting, apart_s, newest, &answer_sizes),
    };
    // Between two answers a client knows all that was due up to a lag of d to T′ + d: with one symbol also when only the
    // newest is delivered. Of several symbols those that were superseded are older than that.
    let known = setting.delivery == Delivery::Every || setting.symbols == 1;
    let stale = stale_share(setting.rate_per_s, setting.symbols, (from_s, from_s + apart_s));
    Some(Law {
        connections_per_quote: connections(setting, law.requests_per_quote),
        staleness_s: known.then_some(from_s + apart_s / 2.0),
        stale_share: (known && setting.arrivals == Arrivals::Poisson).then_some(stale),
        ..law
    })
}

/// One per request, or none.
pub(super) fn connections(setting: &Setting, requests: f64) -> f64 {
    if setting.connection == Connection::Closed { requests } else { 0.0 }
}

/// How many quotes fall due between two instants `apart_s` apart, and the lateness of the newest of them if that is sent at
/// the later instant and arrives `from_s` after it.
pub(super) fn counts(setting: &Setting, from_s: f64, apart_s: f64) -> Option<(Vec<f64>, Part)> {
    let rate_per_s = setting.rate_per_s;
    match setting.arrivals {
        Arrivals::Poisson => {
            Some((poisson(rate_per_s * apart_s), Part::Age { from_s, rate_per_s, longest_s: apart_s }))
        }
        Arrivals::Periodic => {
            let oldest_s = apart_s.min(setting.gap_s());
            Some((periodic(rate_per_s * apart_s), Part::Uniform(from_s, from_s + oldest_s)))
        }
        Arrivals::Bursts(_) => None,
    }
}

fn newest_law(setting: &Setting, apart_s: f64, newest: Part, counts: &[f64]) -> Law {
    let none = counts.first().copied().unwrap_or(0.0);
    Law {
        lateness: Lateness::of(newest),
        requests_per_quote: 1.0 / (1.0 - none),
        delivered_share: (1.0 - none) / (setting.rate_per_s * apart_s),
        answer_sizes: vec![none, 1.0 - none],
        ..Law::default()
    }
}
