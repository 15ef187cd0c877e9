//! Planned requests: the client asks at planned instants, the server answers at once.
//!
//! An instant that passes while an answer is out is skipped, so requests are T′ = T × ⌈E/T⌉ apart. A quote waits for
//! the next request to reach the server, evenly 0 to T′, and then d (and the server's and client's work on the answer):
//! lateness is uniform on [d, T′ + d], whatever the request's own way takes, and for any feed, since phases are spread evenly over the
//! clients. The newest only: the age of the last quote at that instant, given that there is one since the request before.
//!
//! Over distance an answer that is too long for one flight ([`flights`]) is in hand 2d later for each further one, and so
//! are its quotes. Answers with k quotes hold k P(k) of all quotes, each due anywhere between two requests: lateness is a
//! mixture over k, uniform on [d, T′ + d] and that much later.
//!
//! That is the average over all feeds. What one run's quotes show is in [`super::polled`].

use wirerace_contract::feed::Arrivals;
use wirerace_contract::spec::{Connection, Delivery};

use super::flights;
use super::lateness::{Lateness, Part};
use super::law::{Law, periodic, poisson, stale_share};
use super::setting::Setting;

/// T′: distance of two requests that are sent, seconds.
#[must_use]
pub fn apart_s(setting: &Setting) -> f64 {
    let short_s = next_s(setting, 0.0);
    // Who asks more seldom gets longer answers; how many flights these take is settled by the mean.
    next_s(setting, flights::further_s(setting, setting.rate_per_s * short_s, short_s))
}

/// From one request to the next that is sent, seconds, where its answer takes `further_s` beside the exchange.
pub(super) fn next_s(setting: &Setting, further_s: f64) -> f64 {
    // A hair less, so that E = 2 T is not made 3 T by rounding.
    let instants = ((setting.exchange_s() + further_s) / setting.interval_s - 1e-9).ceil().max(1.0);
    setting.interval_s * instants
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
            let lateness = of_every(setting, apart_s, &answer_sizes);
            Law { lateness, requests_per_quote: per_quote, delivered_share: 1.0, answer_sizes, ..Law::default() }
        }
        Delivery::Newest => newest_law(setting, apart_s, newest, &answer_sizes),
    };
    // Between two answers a client knows all that was due up to a lag of d to T′ + d: with one symbol also when only the
    // newest is delivered. Of several symbols those that were superseded are older than that.
    let known = setting.delivery == Delivery::Every || setting.symbols == 1;
    let from_s = from_s + flights::further_s(setting, setting.rate_per_s * apart_s, apart_s);
    let stale = stale_share(setting.rate_per_s, setting.symbols, (from_s, from_s + apart_s));
    Some(Law {
        connections_per_quote: connections(setting, law.requests_per_quote),
        staleness_s: known.then_some(from_s + apart_s / 2.0),
        stale_share: (known && setting.arrivals == Arrivals::Poisson).then_some(stale),
        ..law
    })
}

/// Lateness of every quote: a part for each number of flights.
fn of_every(setting: &Setting, apart_s: f64, answer_sizes: &[f64]) -> Lateness {
    let from_s = setting.back_s();
    let parts = answer_sizes.iter().enumerate().map(|(quotes, share)| {
        let first_s = from_s + flights::further_s(setting, quotes as f64, apart_s);
        (quotes as f64 * share, Part::Uniform(first_s, first_s + apart_s))
    });
    // Should there be no quotes, those that never come would be as late as those of short answers.
    let short = vec![(f64::MIN_POSITIVE, Part::Uniform(from_s, from_s + apart_s))];
    Lateness::mixed(parts.fold(short, |mut parts, (weight, part)| {
        match parts.last_mut() {
            Some((sum, last)) if *last == part => *sum += weight,
            _ => parts.push((weight, part)),
        }
        parts
    }))
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
