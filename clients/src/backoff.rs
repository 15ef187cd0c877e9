//! How long to wait before coming back: exponential with full jitter, so that ten thousand users that lost the same
//! server do not return in one instant (Brooker, "Exponential Backoff And Jitter", 2015).

use std::time::Duration;

use wirerace_contract::plan::SplitMix64;

/// The stated back-off: before attempt n the user waits a uniformly drawn time between 0 and
/// `first_ms` × 2^(n−1), at most `longest_ms`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackoffPolicy {
    /// Upper bound of the first wait, milliseconds.
    pub first_ms: u64,
    /// Upper bound of any wait, milliseconds.
    pub longest_ms: u64,
    /// How often a user tries that was never connected before it gives up. One that was connected never does.
    pub first_attempts_max: u32,
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self { first_ms: 100, longest_ms: 5_000, first_attempts_max: 8 }
    }
}

/// One user's back-off.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    random: SplitMix64,
    failures: u32,
    was_connected: bool,
}

impl Backoff {
    /// A back-off with nothing failed yet.
    #[must_use]
    pub fn new(policy: BackoffPolicy, seed: u64) -> Self {
        Self { policy, random: SplitMix64::new(seed), failures: 0, was_connected: false }
    }

    /// An attempt succeeded: the next failure waits for the shortest time again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.was_connected = true;
    }

    /// An attempt failed: how long to wait, or `None` to give up.
    pub fn failed(&mut self) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        if !self.was_connected && self.failures >= self.policy.first_attempts_max {
            return None;
        }
        let doubled = self.policy.first_ms.saturating_mul(1 << (self.failures - 1).min(30));
        let bound_ms = doubled.min(self.policy.longest_ms);
        Some(Duration::from_secs_f64(self.random.uniform() * bound_ms as f64 / 1e3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits_ms(seed: u64, count: usize) -> Vec<f64> {
        let mut backoff = Backoff::new(BackoffPolicy::default(), seed);
        backoff.succeeded();
        (0..count).map(|_| backoff.failed().unwrap().as_secs_f64() * 1e3).collect()
    }

    #[test]
    fn bounds_double_up_to_the_longest_and_are_filled() {
        let bounds = [100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 5000.0, 5000.0];
        let mut largest_share = [0.0_f64; 8];
        for seed in 0..200 {
            for (at, wait) in waits_ms(seed, 8).into_iter().enumerate() {
                assert!(wait <= bounds[at], "attempt {at}: {wait}");
                largest_share[at] = largest_share[at].max(wait / bounds[at]);
            }
        }
        assert!(largest_share.iter().all(|share| *share > 0.95), "full jitter fills the range: {largest_share:?}");
        assert_eq!(waits_ms(1, 5), waits_ms(1, 5), "the same seed waits the same");
        assert_ne!(waits_ms(1, 5), waits_ms(2, 5));
    }

    #[test]
    fn success_starts_over_and_never_gives_up() {
        let mut backoff = Backoff::new(BackoffPolicy::default(), 3);
        backoff.succeeded();
        assert!((0..100).all(|_| backoff.failed().is_some()));
        backoff.succeeded();
        assert!(backoff.failed().unwrap() <= Duration::from_millis(100));
    }

    #[test]
    fn a_user_that_never_got_in_gives_up() {
        let policy = BackoffPolicy { first_attempts_max: 3, ..BackoffPolicy::default() };
        let mut backoff = Backoff::new(policy, 3);
        assert!(backoff.failed().is_some() && backoff.failed().is_some());
        assert_eq!(backoff.failed(), None);
    }
}
