//! What rings seldom is only looked after when it rang.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Stands between a task and things it waits for that are costly to poll and seldom ready, such as a socket that is
/// read and a timer: a task that is woken for another reason looks whether the bell rang, not after them.
pub(crate) struct Doorbell {
    rings: Arc<Rings>,
    /// The count of rings up to which this bell is known not to have rung.
    silent_until: u64,
    bell: Option<(Waker, Arc<Bell>)>,
}

/// Counts the rings of many bells. As long as nobody rings it stays in the processor's cache, where the memory of one bell
/// among thousands is not, so that most tasks need not even look at their own.
#[derive(Default)]
pub(crate) struct Rings(AtomicU64);

struct Bell {
    rings: Arc<Rings>,
    rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order: a task that is awake finds the count changed, and one that finds it changed finds the flag.
        self.rung.store(true, Ordering::Release);
        self.rings.0.fetch_add(1, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Doorbell {
    pub(crate) fn new(rings: &Arc<Rings>) -> Self {
        Self { rings: Arc::clone(rings), silent_until: 0, bell: None }
    }

    /// Polls `visitor` if it has rung since it was last found pending, and when the task is polled for the first time.
    ///
    /// No ring is lost. The flag is taken down before `visitor` is polled: a ring before that is answered by this very
    /// poll, which sees what the ringer did, and a ring after it puts the flag up again and wakes the task again.
    pub(crate) fn poll<T>(&mut self, cx: &Context<'_>, visitor: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let rings = self.rings.0.load(Ordering::Acquire);
        let bell = match &self.bell {
            Some((task, bell)) if task.will_wake(cx.waker()) => {
                if self.silent_until == rings {
                    return Poll::Pending;
                }
                bell
            }
            // The first time, or within another task: nobody knows this bell yet, so it counts as rung.
            _ => {
                let task = cx.waker().clone();
                let bell = Bell { rings: Arc::clone(&self.rings), rung: AtomicBool::new(true), task: task.clone() };
                &self.bell.insert((task, Arc::new(bell))).1
            }
        };
        if bell.rung.swap(false, Ordering::Acquire) {
            let visit = visitor(&mut Context::from_waker(&Waker::from(Arc::clone(bell))));
            if visit.is_ready() {
                // It has not promised to ring again before it was found pending.
                bell.rung.store(true, Ordering::Release);
                self.silent_until = rings.wrapping_sub(1);
                return visit;
            }
        }
        self.silent_until = rings;
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Polls once with a visitor that is ready if `ready`; whether it was asked, and its waker.
    fn poll(doorbell: &mut Doorbell, task: &Arc<Task>, ready: bool) -> Option<Waker> {
        let mut asked = None;
        let _ = doorbell.poll(&Context::from_waker(&Waker::from(Arc::clone(task))), |cx| {
            asked = Some(cx.waker().clone());
            if ready { Poll::Ready(()) } else { Poll::Pending }
        });
        asked
    }

    #[test]
    fn a_visitor_is_asked_until_it_is_pending_and_then_when_it_rang() {
        let (mut doorbell, task) = (Doorbell::new(&Arc::default()), Arc::<Task>::default());
        for _ in 0..3 {
            assert!(poll(&mut doorbell, &task, true).is_some());
        }
        let waker = poll(&mut doorbell, &task, false).unwrap();
        assert!(poll(&mut doorbell, &task, false).is_none());
        for rings in 1..3 {
            waker.wake_by_ref();
            assert_eq!(task.0.load(Ordering::Relaxed), rings, "the task is woken too");
            assert!(poll(&mut doorbell, &task, false).is_some());
            assert!(poll(&mut doorbell, &task, false).is_none());
        }
    }

    #[test]
    fn a_ring_during_the_visit_is_not_lost() {
        let (mut doorbell, task) = (Doorbell::new(&Arc::default()), Arc::<Task>::default());
        let waker = Waker::from(Arc::clone(&task));
        let _: Poll<()> = doorbell.poll(&Context::from_waker(&waker), |cx| {
            cx.waker().wake_by_ref(); // as tokio does when a task has had its share of time
            Poll::Pending
        });
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
        assert!(poll(&mut doorbell, &task, false).is_some());
    }

    #[test]
    fn another_task_is_the_one_that_is_woken() {
        let (mut doorbell, first, second) =
            (Doorbell::new(&Arc::default()), Arc::<Task>::default(), Arc::<Task>::default());
        poll(&mut doorbell, &first, false);
        poll(&mut doorbell, &second, false).expect("a new task is a new visit").wake();
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 1));
    }
}
