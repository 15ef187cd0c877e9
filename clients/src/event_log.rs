//! The first moments of one client, noted where they happen.
//!
//! The place is taken when the log is made, and a full log takes nothing more: one more event costs a lock that nobody
//! else wants. Every trial logs, used or not, so that no trial is measured in another way than the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::results::{EVENTS_MAX, EventLog, Happened, LoggedEvent, QuoteRange};

/// Where a client notes what happens to it. Most clients have none: all but the first of a load.
#[derive(Clone, Debug, Default)]
pub struct EventLogger(Option<Arc<Mutex<Entries>>>);

#[derive(Debug)]
struct Entries {
    /// Instants of the monotonic clock.
    events: Vec<(u64, Happened)>,
    full: bool,
}

impl EventLogger {
    /// A logger that keeps the first [`EVENTS_MAX`] events.
    #[must_use]
    pub fn new() -> Self {
        let events = Vec::with_capacity(EVENTS_MAX);
        Self(Some(Arc::new(Mutex::new(Entries { events, full: false }))))
    }

    fn entries(&self) -> Option<MutexGuard<'_, Entries>> {
        // A panic elsewhere leaves whole entries behind.
        self.0.as_ref().map(|entries| entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes `what`, now.
    pub(crate) fn note(&self, what: Happened) {
        if self.0.is_some() {
            self.note_at(monotonic_ns(), what);
        }
    }

    /// Notes what happened at `at_ns` of the monotonic clock.
    pub(crate) fn note_at(&self, at_ns: u64, what: Happened) {
        if let Some(mut entries) = self.entries() {
            entries.push(at_ns, what);
        }
    }

    /// Notes a pushed quote; those of one read are one event.
    pub(crate) fn pushed(&self, at_ns: u64, seq: u64) {
        let Some(mut entries) = self.entries() else { return };
        match entries.events.last_mut() {
            Some((last_ns, Happened::Pushed { quotes })) if *last_ns == at_ns => *quotes = quotes.and(seq),
            _ => {
                entries.push(at_ns, Happened::Pushed { quotes: QuoteRange { first_seq: seq, last_seq: seq, count: 1 } })
            }
        }
    }

    /// What was noted, counted from the feed's start; `None` without a logger.
    #[must_use]
    pub fn log(&self, start_ns: u64) -> Option<EventLog> {
        let entries = self.entries()?;
        // Saturates after 292 years.
        let since = |at_ns: u64| i64::try_from(i128::from(at_ns) - i128::from(start_ns)).unwrap_or(i64::MAX);
        let event = |(at_ns, what): &(u64, Happened)| LoggedEvent { at_ns: since(*at_ns), what: *what };
        Some(EventLog { events: entries.events.iter().map(event).collect(), full: entries.full, quotes: Vec::new() })
    }
}

impl Entries {
    fn push(&mut self, at_ns: u64, what: Happened) {
        if self.events.len() < EVENTS_MAX {
            self.events.push((at_ns, what));
        } else {
            self.full = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_takes_nothing_more_and_never_grows() {
        let logger = EventLogger::new();
        let capacity = logger.entries().unwrap().events.capacity();
        for at_ns in 0..EVENTS_MAX as u64 {
            logger.note_at(at_ns, Happened::Dialling);
        }
        assert!(!logger.log(0).unwrap().full, "all that happened is in it");
        logger.note_at(1_000, Happened::Lost);
        logger.pushed(2_000, 7);
        let log = logger.log(10).unwrap();
        assert!(log.full && log.events.len() == EVENTS_MAX);
        assert_eq!((log.events[0].at_ns, log.events[EVENTS_MAX - 1].at_ns), (-10, EVENTS_MAX as i64 - 11));
        assert_eq!(logger.entries().unwrap().events.capacity(), capacity);
    }

    #[test]
    fn quotes_of_one_read_are_one_event() {
        let logger = EventLogger::new();
        [(5, 1), (5, 2), (5, 4), (9, 5)].into_iter().for_each(|(at_ns, seq)| logger.pushed(at_ns, seq));
        let events: Vec<_> = logger.log(0).unwrap().events.into_iter().map(|event| (event.at_ns, event.what)).collect();
        let pushed =
            |first_seq, last_seq, count| Happened::Pushed { quotes: QuoteRange { first_seq, last_seq, count } };
        assert_eq!(events, [(5, pushed(1, 4, 3)), (9, pushed(5, 5, 1))]);
        assert_eq!(EventLogger::default().log(0), None, "most clients have none");
    }
}
