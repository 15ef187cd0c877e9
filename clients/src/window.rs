//! When warm-up is over, and which stretch of time is measured.

use wirerace_contract::clock::NS_PER_MS;

/// Time between the decision and the window's start, at least: the parent must sample its meters in between.
pub const LEAD_MS: u64 = 50;
/// Two seconds agree within this share, in count and in mean lateness.
pub const AGREE_SHARE: f64 = 0.1;
/// Mean latenesses this close agree whatever their ratio: half a millisecond is below what one preemption moves.
pub const AGREE_LATENESS_NS: f64 = 500_000.0;
/// Counts within this many standard deviations of a Poisson count agree.
pub const AGREE_SIGMAS: f64 = 3.0;
/// Where an arm has no interval, windows start at whole multiples of this.
const GRID_MS: u64 = 100;

/// What arrived within one second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Second {
    /// Quotes, over all clients.
    pub delivered: u64,
    /// Their latenesses, summed, nanoseconds.
    pub lateness_sum_ns: u128,
}

impl Second {
    /// What arrived since totals were `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_sub(before.delivered),
            lateness_sum_ns: self.lateness_sum_ns.saturating_sub(before.lateness_sum_ns),
        }
    }

    fn mean_lateness_ns(self) -> f64 {
        self.lateness_sum_ns as f64 / self.delivered as f64
    }

    /// Whether two successive seconds look alike. Two without a quote do not: nothing has been seen.
    #[must_use]
    pub fn agrees_with(self, other: Self, clients: u32) -> bool {
        if self.delivered == 0 || other.delivered == 0 {
            return false;
        }
        // One quote reaches all clients, so what is random is the count per client.
        let per_client = |second: Self| second.delivered as f64 / f64::from(clients.max(1));
        let (one, two) = (per_client(self), per_client(other));
        let counts = (one - two).abs() <= (AGREE_SHARE * one.max(two)).max(AGREE_SIGMAS * (one + two).sqrt());
        let (one, two) = (self.mean_lateness_ns(), other.mean_lateness_ns());
        counts && (one - two).abs() <= (AGREE_SHARE * one.max(two)).max(AGREE_LATENESS_NS)
    }
}

/// The rule of the warm-up, fed second by second.
#[derive(Clone, Copy, Debug)]
pub struct WarmUp {
    max_ms: u64,
    clients: u32,
    elapsed_ms: u64,
    totals: Second,
    before: Option<Second>,
}

impl WarmUp {
    /// A warm-up of at most `max_ms` since the feed's start.
    #[must_use]
    pub fn new(max_ms: u64, clients: u32) -> Self {
        Self { max_ms, clients, elapsed_ms: 0, totals: Second::default(), before: None }
    }

    /// When to look next, milliseconds since the feed's start.
    #[must_use]
    pub fn next_look_ms(&self) -> u64 {
        (self.elapsed_ms + 1000).min(self.max_ms)
    }

    /// The totals at [`Self::next_look_ms`]. `Some` ends the warm-up and says whether two seconds agreed.
    pub fn look(&mut self, totals: Second) -> Option<bool> {
        let whole = self.next_look_ms() - self.elapsed_ms == 1000;
        self.elapsed_ms = self.next_look_ms();
        let second = totals.since(std::mem::replace(&mut self.totals, totals));
        let before = self.before.replace(second);
        if whole && before.is_some_and(|before| before.agrees_with(second, self.clients)) {
            return Some(true);
        }
        (self.elapsed_ms >= self.max_ms).then_some(false)
    }
}

/// Start and end of the window in nanoseconds since the feed's start: from the first whole interval that is at least
/// [`LEAD_MS`] ahead of `now_ns`, for `window_ms` rounded up to whole intervals.
#[must_use]
pub fn place(start_ns: u64, now_ns: u64, interval_ms: u32, window_ms: u64) -> (u64, u64) {
    let grid_ns = if interval_ms > 0 { u64::from(interval_ms) } else { GRID_MS } * NS_PER_MS;
    let earliest_ns = (now_ns + LEAD_MS * NS_PER_MS).saturating_sub(start_ns);
    let begin_ns = earliest_ns.next_multiple_of(grid_ns);
    let whole_ms =
        if interval_ms > 0 { window_ms.max(1).next_multiple_of(u64::from(interval_ms)) } else { window_ms.max(1) };
    (begin_ns, begin_ns + whole_ms * NS_PER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(delivered: u64, mean_ms: f64) -> Second {
        Second { delivered, lateness_sum_ns: (delivered as f64 * mean_ms * 1e6) as u128 }
    }

    #[test]
    fn seconds_agree_by_share_by_sigma_and_by_lateness() {
        assert!(second(10_000, 1.0).agrees_with(second(10_900, 1.0), 1));
        assert!(!second(10_000, 1.0).agrees_with(second(12_000, 1.0), 1));
        assert!(second(4, 1.0).agrees_with(second(9, 1.0), 1), "5 apart is within 3 sigma of 13");
        assert!(!second(4, 1.0).agrees_with(second(19, 1.0), 1));
        assert!(second(400, 1.0).agrees_with(second(900, 1.0), 100), "a hundred clients see the same 4 and 9 quotes");
        assert!(!second(400, 1.0).agrees_with(second(900, 1.0), 1), "for one client that is no chance");
        assert!(second(100, 1.0).agrees_with(second(100, 1.4), 1));
        assert!(!second(100, 1.0).agrees_with(second(100, 1.6), 1));
        assert!(second(100, 100.0).agrees_with(second(100, 109.0), 1));
        assert!(!second(0, 1.0).agrees_with(second(0, 1.0), 1));
    }

    #[test]
    fn warm_up_ends_at_the_second_of_two_alike_or_at_its_longest() {
        let mut warm_up = WarmUp::new(6000, 1);
        let mut totals = Second::default();
        let mut feed = |delivered, mean_ms| {
            let more = second(delivered, mean_ms);
            totals.delivered += more.delivered;
            totals.lateness_sum_ns += more.lateness_sum_ns;
            warm_up.look(totals)
        };
        assert_eq!([feed(10, 50.0), feed(1000, 9.0), feed(1000, 1.0)], [None; 3]);
        assert_eq!(feed(1000, 1.1), Some(true));

        let mut never = WarmUp::new(2500, 1);
        assert_eq!((never.next_look_ms(), never.look(second(0, 0.0))), (1000, None));
        assert_eq!((never.next_look_ms(), never.look(second(0, 0.0))), (2000, None));
        assert_eq!((never.next_look_ms(), never.look(second(0, 0.0))), (2500, Some(false)));
    }

    #[test]
    fn windows_begin_on_the_grid_ahead_and_hold_whole_intervals() {
        let ms = |(begin, end): (u64, u64)| (begin / NS_PER_MS, end / NS_PER_MS);
        let start_ns = 7_777_777;
        assert_eq!(ms(place(start_ns, start_ns + 2000 * NS_PER_MS, 250, 4100)), (2250, 6500));
        assert_eq!(ms(place(start_ns, start_ns + 1960 * NS_PER_MS, 0, 4100)), (2100, 6200));
        assert_eq!(ms(place(start_ns, start_ns + 1950 * NS_PER_MS, 250, 250)), (2000, 2250));
        // The feed starts in the future, far enough: the window begins with it.
        assert_eq!(ms(place(start_ns + 60 * NS_PER_MS, start_ns, 250, 1000)), (0, 1000));
    }
}
