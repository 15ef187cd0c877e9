//! The instants at which conflated quotes may be sent: a first one, then one each interval.

use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Ticks on a grid that does not move: a tick that is taken late does not move the others, and those that have passed
/// meanwhile are one.
pub(crate) enum Ticks {
    /// Tokio's timer, which is about a millisecond late. It knows paused clocks.
    Coarse(Interval),
    /// The kernel's.
    #[cfg(target_os = "linux")]
    Precise(crate::kernel_timer::KernelTimer),
}

impl Ticks {
    /// Ticks from now + `first_in` on. They are `precise` if that is wanted and the system can: it takes Linux and
    /// one more descriptor. Must be called within a tokio runtime.
    pub(crate) fn new(first_in: Duration, distance: Duration, precise: bool) -> Self {
        #[cfg(target_os = "linux")]
        if precise
            && let Ok(timer) = crate::kernel_timer::KernelTimer::new()
            && timer.set(first_in, Some(distance)).is_ok()
        {
            return Self::Precise(timer);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = precise;
        let mut ticks = interval_at(Instant::now() + first_in, distance);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self::Coarse(ticks)
    }

    pub(crate) fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Coarse(ticks) => ticks.poll_tick(cx).map(drop),
            #[cfg(target_os = "linux")]
            Self::Precise(timer) => timer.poll_tick(cx),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_precise(&self) -> bool {
        !matches!(self, Self::Coarse(_))
    }

    /// Waits for the next tick. May be dropped and called again without losing it.
    pub(crate) async fn tick(&mut self) {
        std::future::poll_fn(|cx| self.poll_tick(cx)).await;
    }
}

#[cfg(test)]
mod tests {
    use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};

    use super::*;

    const DISTANCE: Duration = Duration::from_millis(3);

    async fn tick(ticks: &mut Ticks) {
        tokio::time::timeout(Duration::from_secs(20), ticks.tick()).await.expect("no tick came");
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn precise_ticks_are_never_early_and_late_by_a_fraction_of_a_millisecond() {
        // No whole milliseconds, so that a coarse timer is late by all that it can be.
        let distance_ns = 3_350_000;
        let distance = Duration::from_nanos(distance_ns);
        let before_ns = monotonic_ns();
        let mut ticks = Ticks::new(distance, distance, true);
        let after_ns = monotonic_ns();
        assert!(ticks.is_precise());
        let mut lateness_ns = Vec::new();
        for taken in 1..=41 {
            tick(&mut ticks).await;
            let now_ns = monotonic_ns();
            assert!(now_ns >= before_ns + taken * distance_ns, "tick {taken} came early");
            let passed = (now_ns - before_ns) / distance_ns;
            lateness_ns.push(now_ns.saturating_sub(after_ns + passed * distance_ns));
        }
        lateness_ns.sort_unstable();
        // Not the median: a machine that is busy with other things makes every other tick late.
        assert!(lateness_ns[10] < 250_000, "three quarters are later than {} ns", lateness_ns[10]);
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn ticks_that_have_passed_are_one_and_the_grid_stays() {
        let before_ns = monotonic_ns();
        let mut ticks = Ticks::new(Duration::ZERO, DISTANCE, true);
        tick(&mut ticks).await; // the first, which is now
        std::thread::sleep(DISTANCE * 4);
        tick(&mut ticks).await;
        tick(&mut ticks).await;
        let k = (monotonic_ns() - before_ns) / (3 * NS_PER_MS);
        assert!(k >= 5, "those that had passed were not made up for: {k}");
    }

    #[tokio::test(start_paused = true)]
    async fn coarse_ticks_follow_a_paused_clock() {
        let begun = Instant::now();
        let mut ticks = Ticks::new(DISTANCE * 2, DISTANCE, false);
        for k in 2..5 {
            tick(&mut ticks).await;
            assert_eq!(begun.elapsed().as_millis(), 3 * k);
        }
    }
}
