//! What rings seldom is only looked after when it rang.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Stands between a task and things it waits for that are costly to poll and seldom ready, such as a socket that is
/// read and a timer: a task that is woken for another reason asks the bell, one flag, instead of them.
#[derive(Default)]
pub(crate) struct Doorbell {
    bell: Option<Arc<Bell>>,
}

struct Bell {
    rung: AtomicBool,
    task: Waker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The flag comes first: the task, once awake, must find it.
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Doorbell {
    /// Polls `visitor` if it has rung since it was last found pending, and when the task is polled for the first time.
    ///
    /// No ring is lost. The flag is taken down before `visitor` is polled: a ring before that is answered by this very
    /// poll, which sees what the ringer did, and a ring after it puts the flag up again and wakes the task again.
    pub(crate) fn poll<T>(&mut self, cx: &Context<'_>, visitor: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let bell = match &self.bell {
            Some(bell) if bell.task.will_wake(cx.waker()) => bell,
            // The first time, or within another task: nobody knows this bell yet, so it counts as rung.
            _ => self.bell.insert(Arc::new(Bell { rung: AtomicBool::new(true), task: cx.waker().clone() })),
        };
        // Looking first: a swap costs ten times as much, and nearly always nobody has rung.
        if !bell.rung.load(Ordering::Relaxed) || !bell.rung.swap(false, Ordering::Acquire) {
            return Poll::Pending;
        }
        let visit = visitor(&mut Context::from_waker(&Waker::from(Arc::clone(bell))));
        if visit.is_ready() {
            // It has not promised to ring again before it was found pending.
            bell.rung.store(true, Ordering::Release);
        }
        visit
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
        let (mut doorbell, task) = (Doorbell::default(), Arc::<Task>::default());
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
        let (mut doorbell, task) = (Doorbell::default(), Arc::<Task>::default());
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
        let (mut doorbell, first, second) = (Doorbell::default(), Arc::<Task>::default(), Arc::<Task>::default());
        poll(&mut doorbell, &first, false);
        poll(&mut doorbell, &second, false).expect("a new task is a new visit").wake();
        assert_eq!((first.0.load(Ordering::Relaxed), second.0.load(Ordering::Relaxed)), (0, 1));
    }
}
