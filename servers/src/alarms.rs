//! Waking tasks at instants, in time: one timer of the kernel for all that wait, and one task that rings.

use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

#[cfg(target_os = "linux")]
use crate::kernel_timer::KernelTimer;

/// Rings for whoever waits. Its task ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Alarms {
    shared: Arc<Shared>,
    ringing: AbortHandle,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when an alarm comes before all others.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: BinaryHeap<Alarm>,
    over: bool,
}

#[derive(Debug)]
struct Alarm {
    due: Instant,
    waker: Waker,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}
impl Eq for Alarm {}
impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Alarm {
    /// Reversed: `BinaryHeap` gives the greatest first, alarms need the earliest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.due.cmp(&self.due)
    }
}

impl Shared {
    /// Nothing that can panic runs under the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves who is to be woken now to `due`, and says when it is time for the next.
    fn take_due(&self, due: &mut Vec<Waker>) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.state();
        while let Some(first) = state.waiting.peek() {
            if first.due > now && !state.over {
                return Some(first.due);
            }
            due.extend(state.waiting.pop().map(|alarm| alarm.waker));
        }
        None
    }
}

impl Alarms {
    /// Starts to ring on the current tokio runtime: `precise`ly if that is wanted and the system can, which takes Linux and
    /// one descriptor; otherwise with tokio's timer, which is about a millisecond late and knows paused clocks.
    pub(crate) fn start(precise: bool) -> Self {
        let shared = Arc::new(Shared::default());
        let ringing = tokio::spawn(ring(Arc::clone(&shared), Timer::new(precise))).abort_handle();
        Self { shared, ringing }
    }

    /// From now on everything is due: whoever waits is woken.
    pub(crate) fn end(&self) {
        self.shared.state().over = true;
        self.shared.changed.notify_one();
    }
}

impl Drop for Alarms {
    fn drop(&mut self) {
        self.ringing.abort();
    }
}

/// One who waits, for one instant after the other.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    /// What the alarms know already.
    set: Option<(Instant, Waker)>,
}

impl Wait {
    /// Ready from `due` on.
    pub(crate) fn poll(&mut self, alarms: &Alarms, due: Instant, cx: &Context<'_>) -> Poll<()> {
        if Instant::now() >= due {
            self.set = None;
            return Poll::Ready(());
        }
        if self.set.as_ref().is_some_and(|(at, waker)| *at == due && waker.will_wake(cx.waker())) {
            // Unless it is over, when all that was set has rung.
            return if alarms.shared.state().over { Poll::Ready(()) } else { Poll::Pending };
        }
        let mut state = alarms.shared.state();
        if state.over {
            return Poll::Ready(());
        }
        let is_first = state.waiting.peek().is_none_or(|first| due < first.due);
        state.waiting.push(Alarm { due, waker: cx.waker().clone() });
        drop(state);
        self.set = Some((due, cx.waker().clone()));
        if is_first {
            alarms.shared.changed.notify_one();
        }
        Poll::Pending
    }
}

async fn ring(shared: Arc<Shared>, mut timer: Timer) {
    let mut due = Vec::new();
    loop {
        let next = shared.take_due(&mut due);
        // Waking runs foreign code: not under the lock.
        due.drain(..).for_each(Waker::wake);
        tokio::select! {
            biased;
            () = shared.changed.notified() => {}
            () = timer.until(next) => {}
        }
    }
}

enum Timer {
    Coarse,
    #[cfg(target_os = "linux")]
    Precise(KernelTimer),
}

impl Timer {
    fn new(precise: bool) -> Self {
        #[cfg(target_os = "linux")]
        if precise && let Ok(timer) = KernelTimer::new() {
            return Self::Precise(timer);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = precise;
        Self::Coarse
    }

    /// Waits until `due`, now and then less; for ever without one.
    async fn until(&mut self, due: Option<Instant>) {
        let Some(due) = due else { return std::future::pending().await };
        #[cfg(target_os = "linux")]
        if let Self::Precise(timer) = self {
            // Refused for no instant that can be asked for here; tokio's timer would still do.
            if timer.set(due.saturating_duration_since(Instant::now()), None).is_ok() {
                return std::future::poll_fn(|cx| timer.poll_tick(cx)).await;
            }
        }
        sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn until(alarms: &Alarms, due: Instant) {
        let mut wait = Wait::default();
        std::future::poll_fn(|cx| wait.poll(alarms, due, cx)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_woken_in_the_order_of_instants_not_of_asking() {
        let (alarms, begun) = (Alarms::start(false), Instant::now());
        let woken = Mutex::new(Vec::new());
        let after = async |ms| {
            until(&alarms, begun + Duration::from_millis(ms)).await;
            woken.lock().unwrap().push((ms, begun.elapsed().as_millis() as u64));
        };
        tokio::join!(after(30), after(10), after(20), after(0));
        assert_eq!(*woken.lock().unwrap(), [(0, 0), (10, 10), (20, 20), (30, 30)]);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_everybody_is_woken_at_once() {
        let (alarms, begun) = (Alarms::start(false), Instant::now());
        let far = begun + Duration::from_secs(60);
        tokio::join!(until(&alarms, far), async {
            tokio::task::yield_now().await;
            alarms.end();
        });
        until(&alarms, far).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn precise_alarms_are_never_early_and_late_by_a_fraction_of_a_millisecond() {
        let alarms = Alarms::start(true);
        let mut lateness = Vec::new();
        for _ in 0..40 {
            let due = Instant::now() + Duration::from_micros(3_350);
            until(&alarms, due).await;
            lateness.push(Instant::now().checked_duration_since(due).expect("early"));
        }
        lateness.sort_unstable();
        // Not the median: a machine that is busy with other things makes every other alarm late.
        assert!(lateness[10] < Duration::from_micros(250), "three quarters are later than {:?}", lateness[10]);
    }
}
