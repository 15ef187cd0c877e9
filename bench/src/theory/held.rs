//! Held requests: the client asks, the server answers when there is a quote, and the client asks again.
//!
//! Between sending an answer and having the next request the server has nobody to give a quote to, for w = 2d (4d on a
//! new connection) and what an exchange takes without distance. Quotes due in there, Poisson with mean x = λw, go out together when the request
//! comes: each waits the rest of w, evenly, since instants of a Poisson process within a stretch are even. If there are
//! none (e^−x), the request is held until the first quote, which is only d late. An answer carries x + e^−x quotes on
//! average, so lateness is d with probability e^−x/(x + e^−x) and otherwise uniform on [d, d + w].
//! With a longest hold W an answer is empty with probability e^−x q, q = e^−λW, and e^−x above becomes e^−x (1 − q).
//!
//! The herd: one quote answers all N held requests, c each (an answer, not a bare write), and then all N ask again, s each
//! where they queue. Alone, a client would be back after w, of which s is its own turn: v = w − s is on the way. Client k has
//! its answer written at k c. The clients of a load share one thread, which takes the answers that are there before anyone
//! asks again, and so the first waits for the last: all requests are back at N c + v and are taken in turn, request k until
//! N c + v + k s. (Seen over a link: of ten clients one asks again 0.04 to 0.3 ms after its answer, whichever its turn was.)
//!
//! What goes out at once is not d late but what a rehearsal found: the server looks at the quotes a while s after the first was
//! due, since feed and task must wake up and the herd is served in turn. Quotes due within s go along; the window begins when
//! the server looks. So an answer carries x + e^−x (1 + λs) quotes. Where nobody rehearsed s is 0.
//!
//! The newest only: a request is held for T at least, which makes w + T of w, and one quote goes out with each answer.
//!
//! A periodic feed with distance g ≥ w meets a held request each time: lateness d, one request a quote. With g < w every
//! window holds a quote, so answers leave w apart and never wait: quote j waits for the next multiple of w after j g.
//! Those waits are the multiples of h = gcd(g, w) below w, each as often, with the mean (w − h)/2: the jump at g = w and
//! the locked phases where h is large. What jitters by more than h in a window makes them even, with mean w/2; and where w is
//! a whole number of g, jitter decides whether the quote due at the very end of a window makes it or waits all of the next.
//! The formula lets it make it.

use wirerace_contract::feed::Arrivals;
use wirerace_contract::spec::Delivery;

use super::lateness::{Lateness, Part};
use super::law::Law;
use super::planned::connections;
use super::setting::{Setting, places};

/// w: time in which client `position` (1 to N) of a herd has no request pending, seconds.
#[must_use]
pub fn window_s(setting: &Setting, position: u32) -> f64 {
    let (write_s, turn_s) = (setting.costs.held_answer_s, setting.costs.occupancy_s);
    let (all, k) = (f64::from(setting.clients), f64::from(position));
    let way_s = (setting.exchange_s() - turn_s).max(0.0);
    all * write_s + way_s + k * turn_s - k * write_s
}

/// The mean of [`window_s`] over the herd, seconds.
#[must_use]
pub fn mean_window_s(setting: &Setting) -> f64 {
    positions(setting).map(|k| window_s(setting, k)).sum::<f64>() / positions(setting).count() as f64
}

/// The mean of [`Setting::look_s`] over the herd, seconds.
fn mean_look_s(setting: &Setting) -> f64 {
    positions(setting).map(|k| setting.look_s(k)).sum::<f64>() / positions(setting).count() as f64
}

/// How late quotes are that find client `position`'s request held; weights add up to 1.
pub(super) fn met_parts(setting: &Setting, position: u32) -> Vec<(f64, Part)> {
    match &setting.costs.held {
        Some(rehearsed) => rehearsed.parts(position, setting.delay_s).collect(),
        None => vec![(1.0, Part::At(setting.met_s(position)))],
    }
}

/// Of larger herds so many stand for all: a law has a part for each of them.
const POSITIONS_MAX: u32 = 1_000;

/// All that differ: one stands for all where the machine takes no time.
fn positions(setting: &Setting) -> impl Iterator<Item = u32> {
    let alike = setting.costs.held_answer_s <= 0.0 && setting.costs.occupancy_s <= 0.0;
    places(if alike { 1 } else { setting.clients }, POSITIONS_MAX)
}

/// The law; `None` for bursts, and for the newest only of a periodic feed.
#[must_use]
pub fn law(setting: &Setting) -> Option<Law> {
    let law = match (setting.arrivals, setting.delivery) {
        (Arrivals::Poisson, Delivery::Every) => every(setting),
        (Arrivals::Poisson, Delivery::Newest) => newest(setting),
        (Arrivals::Periodic, Delivery::Every) => locked(setting),
        (Arrivals::Periodic, Delivery::Newest) | (Arrivals::Bursts(_), _) => return None,
    };
    Some(Law { connections_per_quote: connections(setting, law.requests_per_quote), ..law })
}

/// Chances of one request: that its window was empty and a quote came while it was held; that none came at all.
fn chances(setting: &Setting, x: f64, held_s: f64) -> (f64, f64) {
    let none = (-setting.rate_per_s * held_s).exp();
    ((-x).exp() * (1.0 - none), (-x).exp() * none)
}

fn every(setting: &Setting) -> Law {
    let x = setting.rate_per_s * mean_window_s(setting);
    let (met, empty) = chances(setting, x, setting.wait_s);
    let parts = positions(setting).flat_map(|k| {
        let (window_s, back_s, look_s) = (window_s(setting, k), setting.back_s(), setting.look_s(k));
        let (met, _) = chances(setting, setting.rate_per_s * window_s, setting.wait_s);
        let late = Part::Uniform(back_s, back_s + window_s);
        let along = Part::Uniform(back_s, back_s + look_s);
        let waited = [(setting.rate_per_s * window_s, late), (met * setting.rate_per_s * look_s, along)];
        met_parts(setting, k).into_iter().map(move |(weight, part)| (met * weight, part)).chain(waited)
    });
    // Quotes that come between the first and the server's look go along with it.
    let along = setting.rate_per_s * mean_look_s(setting);
    let mut answer_sizes = super::law::poisson(x);
    let with_first = super::law::poisson(along);
    answer_sizes.resize(answer_sizes.len().max(1 + with_first.len()), 0.0);
    answer_sizes[0] = empty;
    with_first.iter().enumerate().for_each(|(more, share)| answer_sizes[1 + more] += met * share);
    let lateness = Lateness::mixed(parts);
    let staleness_s = staleness_s(setting, lateness.mean_s(), x);
    Law {
        lateness,
        requests_per_quote: 1.0 / (x + met * (1.0 + along)),
        delivered_share: 1.0,
        answer_sizes,
        staleness_s: Some(staleness_s),
        ..Law::default()
    }
}

/// Each quote adds its distance from the symbol's quote before, for as long as it is late. Were lateness independent of
/// that distance, mean excess staleness would be mean lateness. It is not: a quote soon after another falls into the
/// window. For one symbol the integral over a window can be done; of S symbols only one of the S distances in question
/// is the short one, so the correction is an S-th.
fn staleness_s(setting: &Setting, mean_s: f64, x: f64) -> f64 {
    mean_s + (one_symbol_s(setting, x) - mean_s) / f64::from(setting.symbols)
}

/// Mean excess staleness of one symbol: the way back and the mean over a cycle, w + e^−x/λ, of what the window adds, and of what
/// a quote that finds a request held takes beyond the way back. Such a quote follows the one before by that one's age
/// when it went out, an empty window and the wait for the next: (age + x + 1)/λ on the average.
fn one_symbol_s(setting: &Setting, x: f64) -> f64 {
    let some = -(-x).exp_m1();
    // Age of what the answer before the window brought: 0 if it waited for the quote, else that of the window's last.
    let age = 1.0 - (-x).exp() * (1.0 + x);
    let excess = x * x / 2.0 - x + some + age * (x - some);
    let met_late_s = positions(setting).map(|k| setting.met_s(k)).sum::<f64>() / positions(setting).count() as f64;
    let met_s = (-x).exp() * (age + x + 1.0) * (met_late_s - setting.back_s());
    setting.back_s() + (excess / setting.rate_per_s + met_s) / (x + (-x).exp())
}

fn newest(setting: &Setting) -> Law {
    let rate_per_s = setting.rate_per_s;
    let parts = positions(setting).flat_map(|k| {
        let longest_s = window_s(setting, k) + setting.interval_s;
        let y = rate_per_s * longest_s;
        let (met, _) = chances(setting, y, (setting.wait_s - setting.interval_s).max(0.0));
        let age = Part::Age { from_s: setting.back_s(), rate_per_s, longest_s };
        [(met, Part::At(setting.met_s(k))), (-(-y).exp_m1(), age)]
    });
    let y = rate_per_s * (mean_window_s(setting) + setting.interval_s);
    let (met, empty) = chances(setting, y, (setting.wait_s - setting.interval_s).max(0.0));
    // Quotes due per request over quotes delivered per request.
    let due = y + met;
    Law {
        lateness: Lateness::mixed(parts),
        requests_per_quote: 1.0 / (1.0 - empty),
        delivered_share: (1.0 - empty) / due,
        answer_sizes: vec![empty, 1.0 - empty],
        staleness_s: (setting.symbols == 1).then(|| one_symbol_s(setting, y)),
        ..Law::default()
    }
}

/// Greatest common divisor (Euclid).
fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Above this many steps nobody sees them.
const STEPS_MAX: u64 = 1_000;

fn locked(setting: &Setting) -> Law {
    let (from_s, window_s, gap_s) = (setting.met_s(1), mean_window_s(setting), setting.gap_s());
    let lateness = if gap_s >= window_s {
        Lateness::of(Part::At(from_s))
    } else {
        let ns = |s: f64| (s * 1e9).round() as u64;
        let step_ns = gcd(ns(gap_s), ns(window_s)).max(1);
        match ns(window_s) / step_ns {
            steps if steps > STEPS_MAX => Lateness::of(Part::Uniform(from_s, from_s + window_s)),
            steps => Lateness::mixed((0..steps).map(|i| (1.0, Part::At(from_s + (i * step_ns) as f64 / 1e9)))),
        }
    };
    let answers_apart_s = gap_s.max(window_s);
    Law {
        lateness,
        requests_per_quote: gap_s / answers_apart_s,
        delivered_share: 1.0,
        answer_sizes: super::law::periodic(answers_apart_s / gap_s),
        ..Law::default()
    }
}
