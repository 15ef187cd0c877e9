//! A row of sleeping tasks, each in a place of its own that it keeps as long as it lives.
//!
//! A connection goes to sleep after each quote. Finding its place again costs a lock that nobody else wants at that
//! moment and one write; a list that every sleeper joins and leaves costs more, in memory that lies all over.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// How many places are looked at under one lock, and so at most woken in one turn of the relay.
const PLACES_AT_ONCE: usize = 32;

/// The row.
#[derive(Default)]
pub(crate) struct Sleepers {
    row: Mutex<Row>,
}

/// No code of others runs under its lock: wakers are woken and dropped after it.
#[derive(Default)]
struct Row {
    /// Side by side, so that going along the row is cheap. `None`: awake, or nobody's place.
    places: Vec<Option<Waker>>,
    /// Places that are nobody's.
    free: Vec<usize>,
}

impl Sleepers {
    /// Takes the wakers of some places from `from` on into `batch`. `Some` where to go on, `None` at the row's end.
    pub(super) fn take_some(&self, from: usize, batch: &mut Vec<Waker>) -> Option<usize> {
        let mut row = self.row();
        let end = row.places.len().min(from.saturating_add(PLACES_AT_ONCE));
        batch.extend(row.places.get_mut(from..end)?.iter_mut().filter_map(Option::take));
        (end < row.places.len()).then_some(end)
    }

    /// Wakes everybody who sleeps now.
    pub(super) fn wake_all(&self) {
        let mut batch = Vec::new();
        let mut next = Some(0);
        while let Some(from) = next {
            next = self.take_some(from, &mut batch);
            batch.drain(..).for_each(Waker::wake);
        }
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        // Nothing that is done under this lock can panic half-way, so a poisoned row is as good as any.
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn asleep(&self) -> usize {
        self.row().places.iter().flatten().count()
    }
}

/// A place among the sleepers. Dropping it leaves it to the next who comes.
pub(crate) struct Place {
    sleepers: Arc<Sleepers>,
    /// `None` until it is first slept in: most long polls find a quote and never sleep.
    index: Option<usize>,
}

impl Place {
    pub(super) fn among(sleepers: &Arc<Sleepers>) -> Self {
        Self { sleepers: Arc::clone(sleepers), index: None }
    }

    /// From now on the task of `cx` is woken, once.
    pub(super) fn sleep(&mut self, cx: &Context<'_>) {
        let mut row = self.sleepers.row();
        let index = *self.index.get_or_insert_with(|| row.vacant());
        let Some(place) = row.places.get_mut(index) else { return };
        if place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return;
        }
        let before = place.replace(cx.waker().clone());
        drop(row);
        drop(before);
    }
}

impl Row {
    fn vacant(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(index) = self.index else { return };
        let mut row = self.sleepers.row();
        let waker = row.places.get_mut(index).and_then(Option::take);
        row.free.push(index);
        drop(row);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn sleep(place: &mut Place, task: &Arc<Count>) {
        place.sleep(&Context::from_waker(&Waker::from(Arc::clone(task))));
    }

    #[test]
    fn each_sleeper_is_woken_once_by_the_last_task_it_slept_in() {
        let sleepers = Arc::<Sleepers>::default();
        let tasks: Vec<Arc<Count>> = (0..100).map(|_| Arc::default()).collect();
        let mut places: Vec<Place> = tasks.iter().map(|_| Place::among(&sleepers)).collect();
        for (place, task) in places.iter_mut().zip(&tasks) {
            sleep(place, &Arc::default()); // moved to another task afterwards
            sleep(place, task);
            sleep(place, task);
        }
        let woken = || tasks.iter().map(|task| task.0.load(Ordering::Relaxed)).sum::<usize>();
        sleepers.wake_all();
        assert_eq!(woken(), 100);
        sleepers.wake_all();
        assert_eq!(woken(), 100, "who is awake is left alone");
        sleep(&mut places[70], &tasks[70]);
        sleepers.wake_all();
        assert_eq!(tasks[70].0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn who_has_left_is_not_woken_and_the_place_is_used_again() {
        let sleepers = Arc::<Sleepers>::default();
        let (gone, stays) = (Arc::<Count>::default(), Arc::<Count>::default());
        for _ in 0..1000 {
            let mut place = Place::among(&sleepers);
            sleep(&mut place, &gone);
        }
        let mut place = Place::among(&sleepers);
        sleep(&mut place, &stays);
        drop(Place::among(&sleepers)); // never slept in
        sleepers.wake_all();
        assert_eq!((gone.0.load(Ordering::Relaxed), stays.0.load(Ordering::Relaxed)), (0, 1));
        assert_eq!((sleepers.row().places.len(), Arc::strong_count(&gone)), (1, 1));
    }

    /// A waker that leaves the row when it is woken or dropped, as the last handle of a task may.
    struct Leaving(Mutex<Option<Place>>);

    impl Wake for Leaving {
        fn wake(self: Arc<Self>) {
            self.0.lock().unwrap().take();
        }
    }

    #[test]
    fn waking_and_replacing_may_enter_the_row_again() {
        let sleepers = Arc::<Sleepers>::default();
        let leaving = || {
            let mut inner = Place::among(&sleepers);
            sleep(&mut inner, &Arc::default());
            Waker::from(Arc::new(Leaving(Mutex::new(Some(inner)))))
        };
        let mut place = Place::among(&sleepers);
        place.sleep(&Context::from_waker(&leaving()));
        place.sleep(&Context::from_waker(&leaving())); // drops the first
        sleepers.wake_all();
        place.sleep(&Context::from_waker(&leaving()));
        drop(place);
        assert_eq!(sleepers.asleep(), 0);
    }
}
