//! The feed: publishes the plan's quotes at their due instants, from a thread of its own.
//!
//! It sleeps to absolute instants, so that errors do not add up; it publishes late quotes late and never moves
//! the plan. What it asks of the kernel for that is in `precise_sleep`.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::plan::Plan;

use crate::precise_sleep;
use crate::tape::Tape;

/// The scheduler slice that a feed asks for, microseconds: the shortest that Linux grants.
pub const SLICE_US: u64 = 100;
/// Up to this long before an instant the feed sleeps where an order to stop reaches it at once, nanoseconds.
const UNINTERRUPTED_NS: u64 = 20 * NS_PER_MS;

/// What a feed is given beside its tape.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FeedOptions {
    /// Where to log when each quote was published: u64 little-endian, nanoseconds of CLOCK_MONOTONIC, quote `seq`
    /// at byte 8 × (seq − 1). Created, or emptied.
    pub published_log: Option<PathBuf>,
    /// The scheduler slice to ask for, microseconds; `None` leaves the kernel's own.
    pub slice_us: Option<u64>,
}

/// How a feed stands.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct FeedStatus {
    /// The scheduler slice that the kernel granted, microseconds; `null` where it offers none.
    pub slice_us: Option<u64>,
    /// When the epoch starts or started, nanoseconds of CLOCK_MONOTONIC; `null` before somebody said so.
    pub start_ns: Option<u64>,
    /// How many quotes are published.
    pub published: u64,
    /// Whether the feed has ended.
    pub finished: bool,
    /// Why published instants are missing in the log; `null` if none are.
    pub log_error: Option<String>,
}

/// A feed that cannot be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum StartError {
    /// It has a start already.
    #[error("the feed was started already, at {0} ns: start another server for another stream")]
    Started(u64),
    /// It has ended.
    #[error("the feed was stopped: start another server for another stream")]
    Stopped,
}

/// Gives the calling thread what a feed's thread gets: timers without slack, and the short scheduler slice. Returns
/// the slice that was granted, microseconds; `None` where the kernel offers none.
pub fn take_short_slice() -> Option<u64> {
    precise_sleep::arrange(Some(SLICE_US))
}

/// Sleeps as a feed's thread does, until CLOCK_MONOTONIC shows `instant_ns`, not a nanosecond less.
pub fn sleep_until(instant_ns: u64) {
    precise_sleep::until(instant_ns);
}

/// A running feed. Dropping it stops it.
pub struct Feed {
    tape: Tape,
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where orders to the feed's thread lie, and its answers.
#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    start_ns: Option<u64>,
    /// The last quote to publish.
    stop_after: Option<u64>,
    stop: bool,
    finished: bool,
    slice_us: Option<u64>,
    log_error: Option<String>,
}

impl Feed {
    /// A feed that publishes to `tape`, on a thread of its own, once it is given a start. Returns when the thread
    /// has made its arrangements with the kernel.
    ///
    /// # Errors
    /// When the log cannot be created or the thread cannot be started.
    pub fn spawn(tape: Tape, options: FeedOptions) -> io::Result<Self> {
        let log = options.published_log.as_ref().map(File::create).transpose()?;
        let desk = Arc::new(Desk::default());
        let (ready, arranged) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("feed".to_owned()).spawn({
            let (tape, desk) = (tape.clone(), Arc::clone(&desk));
            move || {
                let slice_us = precise_sleep::arrange(options.slice_us);
                desk.lock().slice_us = slice_us;
                let _ = ready.send(());
                run(&tape, &desk, log.as_ref());
                desk.lock().finished = true;
            }
        })?;
        let _ = arranged.recv(); // an error means that the thread is gone, which `finished` tells
        Ok(Self { tape, desk, thread: Mutex::new(Some(thread)) })
    }

    /// Fixes the instant, nanoseconds of CLOCK_MONOTONIC, that all due instants count from. It may lie in the
    /// future; if it lies in the past, quotes come late.
    ///
    /// # Errors
    /// When the feed has a start already or was stopped.
    pub fn start_at(&self, start_ns: u64) -> Result<(), StartError> {
        let mut state = self.desk.lock();
        if let Some(earlier) = state.start_ns {
            return Err(StartError::Started(earlier));
        }
        if state.stop || state.finished {
            return Err(StartError::Stopped);
        }
        self.tape.set_start_ns(start_ns);
        state.start_ns = Some(start_ns);
        drop(state);
        self.desk.changed.notify_all();
        Ok(())
    }

    /// Lets quote `seq` be the last; if it is published already, the feed stops at once.
    pub fn stop_after(&self, seq: u64) {
        self.desk.lock().stop_after = Some(seq);
        self.desk.changed.notify_all();
    }

    /// Stops at once and waits until the thread has ended, 20 ms at most.
    pub fn stop(&self) {
        self.desk.lock().stop = true;
        self.desk.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join(); // a panic of the thread was reported when it happened
        }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> FeedStatus {
        let state = self.desk.lock();
        FeedStatus {
            slice_us: state.slice_us,
            start_ns: state.start_ns,
            published: self.tape.newest(),
            finished: state.finished,
            log_error: state.log_error.clone(),
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The start, once somebody fixes it; `None` when the feed is stopped instead.
    fn start_ns(&self) -> Option<u64> {
        let mut state = self.lock();
        while !state.ends_before(1) {
            if let Some(start_ns) = state.start_ns {
                return Some(start_ns);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Sleeps until `due_ns`; false when quote `seq` is not to be published.
    fn sleep_until(&self, due_ns: u64, seq: u64) -> bool {
        let mut state = self.lock();
        loop {
            if state.ends_before(seq) {
                return false;
            }
            let left_ns = due_ns.saturating_sub(monotonic_ns());
            if left_ns <= UNINTERRUPTED_NS {
                break;
            }
            // Waking up with half of it left leaves room for a late wake-up.
            let wait = Duration::from_nanos(left_ns - UNINTERRUPTED_NS / 2);
            (state, _) = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        precise_sleep::until(due_ns);
        !self.lock().stop
    }
}

impl State {
    fn ends_before(&self, seq: u64) -> bool {
        self.stop || self.stop_after.is_some_and(|last| seq > last)
    }
}

fn run(tape: &Tape, desk: &Desk, log: Option<&File>) {
    let Some(start_ns) = desk.start_ns() else { return };
    for quote in Plan::new(tape.spec()) {
        if !desk.sleep_until(start_ns.saturating_add(quote.due_offset_ns), quote.seq) {
            return;
        }
        // Logged before it can be received: whoever has a quote can look its instant up.
        let published_ns = monotonic_ns();
        if let Some(Err(e)) = log.map(|log| write_at(log, published_ns, 8 * (quote.seq - 1))) {
            desk.lock()
                .log_error
                .get_or_insert(format!("published times are missing from quote {} on: {e}", quote.seq));
        }
        if let Err(e) = tape.publish(quote) {
            desk.lock().log_error.get_or_insert(format!("somebody else publishes to this tape: {e}"));
            return;
        }
    }
}

#[cfg(unix)]
fn write_at(log: &File, published_ns: u64, offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(log, &published_ns.to_le_bytes(), offset)
}

#[cfg(test)]
mod tests {
    use wirerace_contract::feed::{Arrivals, FeedSpec};

    use super::*;

    fn tape(rate_per_s: f64) -> Tape {
        let spec = FeedSpec { arrivals: Arrivals::Periodic, rate_per_s, ..FeedSpec::default() };
        Tape::new("k3f9".parse().unwrap(), spec, 1000)
    }

    fn finished(feed: &Feed) -> FeedStatus {
        if let Some(thread) = feed.thread.lock().unwrap().take() {
            thread.join().unwrap();
        }
        feed.status()
    }

    #[test]
    fn publishes_as_planned_never_early_and_logs_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("published");
        let tape = tape(1000.0);
        let options = FeedOptions { published_log: Some(path.clone()), slice_us: Some(SLICE_US) };
        let feed = Feed::spawn(tape.clone(), options).unwrap();
        assert_eq!(feed.status().start_ns, None);
        let start_ns = monotonic_ns() + 5 * NS_PER_MS;
        feed.stop_after(20);
        feed.start_at(start_ns).unwrap();
        assert_eq!(feed.start_at(1), Err(StartError::Started(start_ns)));
        let status = finished(&feed);
        assert_eq!((status.published, status.finished, status.log_error), (20, true, None));
        assert_eq!(tape.start_ns(), Some(start_ns));
        let log = std::fs::read(path).unwrap();
        let published: Vec<u64> = log.chunks(8).map(|b| u64::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(published.len(), 20);
        for (published_ns, quote) in published.iter().zip(Plan::new(tape.spec())) {
            assert!(*published_ns >= start_ns + quote.due_offset_ns, "quote {} came early", quote.seq);
        }
        assert!(published.is_sorted());
    }

    #[test]
    fn a_start_in_the_past_makes_quotes_late_but_leaves_none_out() {
        let tape = tape(1000.0);
        let feed = Feed::spawn(tape.clone(), FeedOptions::default()).unwrap();
        feed.stop_after(100);
        feed.start_at(monotonic_ns() - 1_000 * NS_PER_MS).unwrap();
        assert_eq!(finished(&feed).published, 100);
    }

    #[test]
    fn stops_at_once_however_far_away_the_next_quote_is() {
        for started in [false, true] {
            let feed = Feed::spawn(tape(0.01), FeedOptions::default()).unwrap();
            if started {
                feed.start_at(monotonic_ns()).unwrap();
            }
            feed.stop(); // would take 100 s
            assert_eq!((feed.status().published, feed.status().finished), (0, true));
            assert!(feed.start_at(1).is_err());
        }
    }

    #[test]
    fn a_limit_that_is_reached_already_ends_it() {
        let feed = Feed::spawn(tape(0.01), FeedOptions::default()).unwrap();
        feed.start_at(monotonic_ns()).unwrap();
        feed.stop_after(0);
        assert!(finished(&feed).finished);
    }

    #[test]
    fn a_log_that_cannot_be_created_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let options = FeedOptions { published_log: Some(dir.path().join("no/such/folder")), slice_us: None };
        assert!(Feed::spawn(tape(1.0), options).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_log_that_cannot_be_written_is_told_and_the_feed_goes_on() {
        let options = FeedOptions { published_log: Some("/dev/full".into()), slice_us: None };
        let feed = Feed::spawn(tape(1000.0), options).unwrap();
        feed.stop_after(3);
        feed.start_at(monotonic_ns()).unwrap();
        let status = finished(&feed);
        assert_eq!(status.published, 3);
        assert!(status.log_error.unwrap().contains("from quote 1 on"));
    }
}
