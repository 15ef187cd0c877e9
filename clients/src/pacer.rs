//! The precise timer: one thread, a heap of deadlines, a waker each.
//!
//! Tokio's own timer is a millisecond coarse, which is more than a whole exchange on loopback takes; polls planned
//! with it would measure the timer.

use std::collections::BinaryHeap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{pin::Pin, thread};

use wirerace_contract::clock::monotonic_ns;

/// A precise timer. Clones share one thread, which ends when the last clone is gone.
#[derive(Clone, Debug)]
pub struct Pacer {
    handle: Arc<Handle>,
}

/// Ends the thread when dropped; the thread itself holds only [`Shared`].
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    alarms: BinaryHeap<Alarm>,
    ended: bool,
}

/// One sleeper: the thread takes the waker out when it fires, the sleeper when it goes away before.
type Slot = Arc<Mutex<SlotState>>;

#[derive(Debug)]
enum SlotState {
    Waiting(Waker),
    Fired,
    Gone,
}

#[derive(Debug)]
struct Alarm {
    deadline_ns: u64,
    slot: Slot,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.deadline_ns == other.deadline_ns
    }
}
impl Eq for Alarm {}
impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Alarm {
    /// Reversed: `BinaryHeap` gives the greatest first, a timer needs the earliest.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.deadline_ns.cmp(&self.deadline_ns)
    }
}

/// A panic elsewhere while the lock was held leaves nothing half done in here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pacer {
    /// Starts the timer's thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn() -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let inner = shared.clone();
        thread::Builder::new().name("pacer".to_owned()).stack_size(64 * 1024).spawn(move || keep_time(&inner))?;
        Ok(Self { handle: Arc::new(Handle { shared }) })
    }

    /// Waits until `deadline_ns` of the monotonic clock; at once if that has passed. May be dropped at any time.
    #[must_use = "a sleep does nothing until it is awaited"]
    pub fn sleep_until(&self, deadline_ns: u64) -> Sleep {
        Sleep { shared: self.handle.shared.clone(), deadline_ns, slot: None }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.shared.state).ended = true;
        self.shared.changed.notify_one();
    }
}

/// The future of [`Pacer::sleep_until`].
#[derive(Debug)]
pub struct Sleep {
    shared: Arc<Shared>,
    deadline_ns: u64,
    slot: Option<Slot>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(slot) = &self.slot {
            let mut state = lock(slot);
            return match &mut *state {
                SlotState::Waiting(waker) => {
                    waker.clone_from(context.waker());
                    Poll::Pending
                }
                SlotState::Fired | SlotState::Gone => Poll::Ready(()),
            };
        }
        if monotonic_ns() >= self.deadline_ns {
            return Poll::Ready(());
        }
        let slot = Arc::new(Mutex::new(SlotState::Waiting(context.waker().clone())));
        self.slot = Some(slot.clone());
        let mut state = lock(&self.shared.state);
        let is_next = state.alarms.peek().is_none_or(|first| self.deadline_ns < first.deadline_ns);
        state.alarms.push(Alarm { deadline_ns: self.deadline_ns, slot });
        drop(state);
        if is_next {
            self.shared.changed.notify_one();
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // The entry stays in the heap until its deadline; the waker, and with it the task, must not.
        if let Some(slot) = &self.slot {
            *lock(slot) = SlotState::Gone;
        }
    }
}

fn keep_time(shared: &Shared) {
    // By default the kernel may let a sleep end 50 µs late so that wake-ups can be joined.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    let mut due = Vec::new();
    let mut state = lock(&shared.state);
    while !state.ended {
        let now_ns = monotonic_ns();
        while state.alarms.peek().is_some_and(|first| first.deadline_ns <= now_ns) {
            due.extend(state.alarms.pop());
        }
        if !due.is_empty() {
            // Waking runs foreign code: not under the lock that every new sleeper needs.
            drop(state);
            due.drain(..).for_each(fire);
            state = lock(&shared.state);
            continue;
        }
        state = match state.alarms.peek().map(|first| first.deadline_ns - now_ns) {
            None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(wait_ns) => {
                let wait = Duration::from_nanos(wait_ns);
                shared.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

fn fire(alarm: Alarm) {
    let mut slot = lock(&alarm.slot);
    if let SlotState::Waiting(waker) = std::mem::replace(&mut *slot, SlotState::Fired) {
        drop(slot);
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Weak;
    use wirerace_contract::clock::NS_PER_MS;

    #[tokio::test]
    async fn median_error_is_a_fraction_of_a_millisecond_and_never_early() {
        let pacer = Pacer::spawn().unwrap();
        let mut errors_ns = Vec::new();
        for _ in 0..41 {
            // Off any millisecond grid, so that a coarse timer would be caught.
            let deadline_ns = monotonic_ns() + 2 * NS_PER_MS + 350_000;
            pacer.sleep_until(deadline_ns).await;
            let now_ns = monotonic_ns();
            assert!(now_ns >= deadline_ns);
            errors_ns.push(now_ns - deadline_ns);
        }
        errors_ns.sort_unstable();
        assert!(errors_ns[20] < 400_000, "median error {} ns", errors_ns[20]);
    }

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines() {
        let pacer = Pacer::spawn().unwrap();
        let now_ns = monotonic_ns();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for offset_ms in [9, 3, 6] {
            let (sleep, sender) = (pacer.sleep_until(now_ns + offset_ms * NS_PER_MS), sender.clone());
            tokio::spawn(async move {
                sleep.await;
                sender.send(offset_ms).unwrap();
            });
        }
        let order = [receiver.recv().await, receiver.recv().await, receiver.recv().await];
        assert_eq!(order, [Some(3), Some(6), Some(9)]);
    }

    #[tokio::test]
    async fn a_dropped_sleep_lets_go_of_its_task_and_the_rest_still_wake() {
        struct Held;
        impl std::task::Wake for Held {
            fn wake(self: Arc<Self>) {}
        }
        let pacer = Pacer::spawn().unwrap();
        let task = Arc::new(Held);
        let alive: Weak<Held> = Arc::downgrade(&task);
        let waker = Waker::from(task);
        let mut sleep = Box::pin(pacer.sleep_until(monotonic_ns() + 3_600_000 * NS_PER_MS));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop((sleep, waker));
        assert!(alive.upgrade().is_none(), "the timer still holds the task of a sleep that was dropped");
        pacer.sleep_until(monotonic_ns() + NS_PER_MS).await;
    }

    #[tokio::test]
    async fn what_has_passed_is_ready_at_once_and_the_thread_ends_with_the_last_clone() {
        let pacer = Pacer::spawn().unwrap();
        pacer.sleep_until(0).await;
        let shared = Arc::downgrade(&pacer.handle.shared);
        drop(pacer);
        let deadline_ns = monotonic_ns() + 5_000 * NS_PER_MS;
        while shared.upgrade().is_some() {
            assert!(monotonic_ns() < deadline_ns, "the timer's thread did not end");
            thread::yield_now();
        }
    }
}
