//! The pictures of a report, drawn by as many threads as the machine has processors for: none hangs on another. What
//! comes out is the same bytes in the same order as one after the other would give.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::charts::style::LIGHT;
use crate::charts::{Chart, ChartError};

/// A picture that is wanted.
pub(super) struct Wanted<'a> {
    /// Its file's name without extension; unique, so it is the id in the SVG too.
    pub(super) name: &'a str,
    pub(super) chart: &'a Chart,
    /// What it is read out with.
    pub(super) conditions: String,
}

/// A picture as its files hold it.
pub(super) struct Drawn {
    pub(super) svg: String,
    pub(super) png: Vec<u8>,
}

/// Draws all that is `wanted`, in its order; PNGs are `png_width_px` wide. The caller's thread does `meanwhile` first.
///
/// # Errors
/// That of the first that cannot be drawn.
pub(super) fn draw<M>(
    wanted: &[Wanted<'_>],
    png_width_px: u32,
    meanwhile: impl FnOnce() -> M,
) -> (Result<Vec<Drawn>, ChartError>, M) {
    // The highest first, or one thread would have it alone at the end.
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*b].chart.height().total_cmp(&wanted[*a].chart.height()));
    let (drawn, other) = share(&order, |place| drawn(&wanted[*place], png_width_px), meanwhile);
    let mut drawn: Vec<(usize, Result<Drawn, ChartError>)> = order.into_iter().zip(drawn).collect();
    drawn.sort_by_key(|(place, _)| *place);
    (drawn.into_iter().map(|(_, drawn)| drawn).collect(), other)
}

fn drawn(Wanted { name, chart, conditions }: &Wanted<'_>, png_width_px: u32) -> Result<Drawn, ChartError> {
    Ok(Drawn { svg: chart.svg(&LIGHT, name, conditions)?, png: chart.png(&LIGHT, png_width_px)? })
}

/// Threads at most: a high picture takes a hundred megabytes while it is drawn.
const THREADS_MAX: usize = 4;

/// Does `work` on each of `items`, by several threads where there are several processors. The caller's own does
/// `meanwhile` and then helps. What `work` gives comes in the order of the items, and a panic in it is one here.
pub(super) fn share<T: Sync, R: Send, M>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    meanwhile: impl FnOnce() -> M,
) -> (Vec<R>, M) {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            match items.get(place) {
                Some(item) => done.push((place, work(item))),
                None => return done,
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, |processors| processors.get());
    let helpers = threads.min(THREADS_MAX).saturating_sub(1).min(items.len());
    let (mut done, other) = thread::scope(|scope| {
        let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(take)).collect();
        let other = meanwhile();
        let mut done = take();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        (done, other)
    });
    done.sort_by_key(|(place, _)| *place);
    (done.into_iter().map(|(_, result)| result).collect(), other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::KINDS;
    use crate::report::fixture;
    use crate::summary::summarise;

    #[test]
    fn what_is_shared_comes_back_in_order_and_nothing_twice() {
        let items: Vec<u64> = (0..200).collect();
        // The first take longest: they are ready last.
        let work = |item: &u64| {
            thread::sleep(std::time::Duration::from_micros(200 - item));
            3 * item
        };
        let (done, other) = share(&items, work, || "meanwhile");
        assert_eq!((done, other), (items.iter().map(|item| 3 * item).collect(), "meanwhile"));
        assert_eq!(share(&[] as &[u64], |item| *item, || 7), (Vec::new(), 7));
    }

    #[test]
    #[should_panic(expected = "the third")]
    fn a_panic_in_the_work_is_one_of_the_caller() {
        // The caller's own thread comes late, so that a helper has the work where there is one.
        let meanwhile = || thread::sleep(std::time::Duration::from_millis(50));
        share(&[1, 2, 3], |item| assert!(*item < 3, "the third"), meanwhile);
    }

    #[test]
    fn pictures_come_in_the_order_wanted_with_the_bytes_that_they_have_alone() {
        let (manifest, trials) = fixture::run();
        let summary = summarise(&manifest, &trials, &[]);
        let charts: Vec<Chart> = KINDS.iter().map(|kind| kind.draw(&summary, &summary.cells[0])).collect();
        assert!(!charts.iter().map(Chart::height).is_sorted_by(|a, b| a >= b), "the order of work is another");
        let of = |chart| Wanted { name: "x", chart, conditions: "none".to_owned() };
        let wanted: Vec<Wanted<'_>> = charts.iter().map(of).collect();
        let (drawn, ()) = draw(&wanted, 200, || ());
        let drawn = drawn.unwrap();
        assert_eq!(drawn.len(), charts.len());
        for (drawn, chart) in drawn.iter().zip(&charts) {
            assert!(drawn.svg == chart.svg(&LIGHT, "x", "none").unwrap(), "{}", chart.kind);
            assert!(drawn.png == chart.png(&LIGHT, 200).unwrap(), "{}", chart.kind);
        }
        let (refused, ()) = draw(&wanted, 10, || ());
        assert!(matches!(refused, Err(ChartError::Width(10))));
    }
}
