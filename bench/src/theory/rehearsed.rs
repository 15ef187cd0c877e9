//! What quotes take beside distance, as a rehearsal found it: a distribution, and what each further client adds.
//!
//! On a machine the way of a quote that goes out at once is d and a time of some hundred microseconds that is never twice the
//! same: wake-ups of the feed, of the server's task, of the link, of the client. A law with a step at d would be met by no
//! machine. So lateness of client k is d + R + (k − 1) c, where R is what the first client's quotes took in a rehearsal and c
//! what each further client adds. Both were measured before the trials that theory is held against, by other feeds and over
//! another distance; nothing here is fitted to a trial.

use wirerace_contract::results::{REHEARSED_SHARES, RehearsedQuotes};

use super::lateness::Part;

const NS_PER_S: f64 = 1e9;
/// Clients that are told apart; of more, neighbours are taken together.
const POSITIONS_MAX: u32 = 32;

/// A rehearsal's quotes, seconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Rehearsed {
    first_s: [f64; REHEARSED_SHARES.len()],
    further_s: f64,
}

impl Rehearsed {
    /// As it was measured; `None` where it was not.
    #[must_use]
    pub fn of(quotes: &RehearsedQuotes) -> Option<Self> {
        let seconds = |ns: u64| ns as f64 / NS_PER_S;
        let some = quotes.first_ns.iter().any(|ns| *ns > 0) && quotes.first_ns.is_sorted();
        some.then(|| Self { first_s: quotes.first_ns.map(seconds), further_s: seconds(quotes.further_ns) })
    }

    /// Mean of what a quote takes to client `position` (1 to N) beside distance, seconds.
    #[must_use]
    pub fn mean_s(&self, position: u32) -> f64 {
        let first_s: f64 = self.pieces().map(|(weight, from_s, to_s)| weight * f64::midpoint(from_s, to_s)).sum();
        first_s + self.after_first_s(position)
    }

    /// The same: median.
    #[must_use]
    pub fn median_s(&self, position: u32) -> f64 {
        let half = REHEARSED_SHARES.iter().position(|share| *share >= 0.5).unwrap_or(0);
        self.first_s[half] + self.after_first_s(position)
    }

    /// What quotes took to client `position` (1 to N) at `share` (0 to 1) of all, seconds.
    #[must_use]
    pub fn at_s(&self, position: u32, share: f64) -> f64 {
        let to = REHEARSED_SHARES.partition_point(|below| *below < share).clamp(1, REHEARSED_SHARES.len() - 1);
        let (low, high) = (REHEARSED_SHARES[to - 1], REHEARSED_SHARES[to]);
        let first_s = self.first_s[to - 1] + (self.first_s[to] - self.first_s[to - 1]) * (share - low) / (high - low);
        first_s + self.after_first_s(position)
    }

    /// The same for the first client, as a multiple of the mean.
    #[must_use]
    pub fn multiple(&self, share: f64) -> f64 {
        self.at_s(1, share) / self.mean_s(1)
    }

    /// What each further client adds, seconds.
    #[must_use]
    pub const fn further_s(&self) -> f64 {
        self.further_s
    }

    /// The law of what quotes take to client `position`, with `more_s` on top; weights add up to 1.
    pub fn parts(&self, position: u32, more_s: f64) -> impl Iterator<Item = (f64, Part)> + use<> {
        self.parts_of((position, position), more_s)
    }

    /// The law of what quotes take to any of `clients`, whose places in the order are evenly theirs, with `more_s` on top.
    pub fn parts_of_all(&self, clients: u32, more_s: f64) -> impl Iterator<Item = (f64, Part)> + use<> {
        let (rehearsed, clients) = (*self, clients.max(1));
        let groups = clients.min(POSITIONS_MAX);
        let bound = move |group: u32| (u64::from(group) * u64::from(clients) / u64::from(groups)) as u32;
        (0..groups).flat_map(move |group| {
            let (before, last) = (bound(group), bound(group + 1));
            let share = f64::from(last - before);
            rehearsed.parts_of((before + 1, last), more_s).map(move |(weight, part)| (share * weight, part))
        })
    }

    fn parts_of(&self, (from, to): (u32, u32), more_s: f64) -> impl Iterator<Item = (f64, Part)> + use<> {
        let (from_s, to_s) = (more_s + self.after_first_s(from), more_s + self.after_first_s(to));
        let part = move |(weight, low_s, high_s): (f64, f64, f64)| {
            let (low_s, high_s) = (low_s + from_s, high_s + to_s);
            (weight, if high_s > low_s { Part::Uniform(low_s, high_s) } else { Part::At(low_s) })
        };
        self.pieces().map(part)
    }

    /// Between neighbouring quantiles, as if evenly.
    fn pieces(&self) -> impl Iterator<Item = (f64, f64, f64)> + use<> {
        let first_s = self.first_s;
        (1..first_s.len()).map(move |i| (REHEARSED_SHARES[i] - REHEARSED_SHARES[i - 1], first_s[i - 1], first_s[i]))
    }

    fn after_first_s(&self, position: u32) -> f64 {
        f64::from(position.saturating_sub(1)) * self.further_s
    }
}
