//! The one clock: CLOCK_MONOTONIC as u64 nanoseconds. Server and load process of one host read the same
//! clock, so a difference of two readings is a duration with no offset to estimate.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds in a second.
pub const NS_PER_S: u64 = 1_000_000_000;
/// Nanoseconds per microsecond.
pub const NS_PER_US: u64 = 1_000;
/// Nanoseconds in a millisecond.
pub const NS_PER_MS: u64 = 1_000_000;

/// Now, in nanoseconds of CLOCK_MONOTONIC (since an arbitrary instant, the boot on Linux).
#[must_use]
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // The monotonic clock is never negative: POSIX lets it start at any point, Linux and macOS start at boot.
    now.tv_sec.unsigned_abs() * NS_PER_S + now.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_goes_back() {
        let readings: Vec<u64> = (0..1000).map(|_| monotonic_ns()).collect();
        assert!(readings.is_sorted());
        assert!(readings[0] > 0);
    }
}
