//! The tape: the last N quotes, encoded once, and a way to wait for the next. The only thing a transport's
//! server reads.
//!
//! One thread publishes, any number of connections read by cursor (the number of the last quote they have), so
//! batching, lag and resuming need no bookkeeping per connection on this side. Publishing writes a slot of the
//! ring, moves `newest` on, and wakes whoever waits (`wakes.rs`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use wirerace_contract::cursor::{After, Cursor, Epoch};
use wirerace_contract::encoding::{Encoding, encode};
use wirerace_contract::feed::{FeedSpec, FeedSpecError};
use wirerace_contract::messages::{Gap, GapReason, HEARTBEAT_MS, Hello};
use wirerace_contract::quote::Quote;
use wirerace_contract::spec::Delivery;

use crate::wakes::Wakes;

/// The last quotes of one stream. Clones share it.
#[derive(Clone)]
pub struct Tape {
    inner: Arc<Inner>,
    heartbeat: Duration,
}

struct Inner {
    epoch: Epoch,
    spec: FeedSpec,
    capacity: u64,
    /// One slot more than `capacity`: the slot being overwritten is never one that `oldest` still promises.
    slots: Box<[Mutex<Option<Box<Entry>>>]>,
    newest: AtomicU64,
    publisher: Mutex<()>,
    start_ns: OnceLock<u64>,
    wakes: Arc<Wakes>,
}

struct Entry {
    quote: Quote,
    /// In the order of [`Encoding::ALL`]; written when somebody first asks for it.
    encoded: [OnceLock<Bytes>; Encoding::ALL.len()],
}

/// What comes after a place on the tape.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    /// The next quote.
    Quote {
        /// Its number.
        seq: u64,
        /// The quote, encoded.
        payload: Bytes,
    },
    /// The next quote has fallen off the tape; reading goes on after `gap.last`.
    Gap(Gap),
    /// Nothing yet.
    End,
}

/// Where a reader begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Start {
    /// The tape at that moment.
    pub hello: Hello,
    /// Reading begins after this quote.
    pub after: u64,
    /// What the reader asked for and cannot have.
    pub gap: Option<Gap>,
}

impl Start {
    /// The gap that a reader with this delivery must be told: with `newest`, quotes that have fallen off the tape
    /// are superseded, not lost.
    #[must_use]
    pub fn gap_for(&self, delivery: Delivery) -> Option<Gap> {
        self.gap.filter(|gap| delivery == Delivery::Every || gap.reason == GapReason::Epoch)
    }
}

/// A cursor that points beyond the newest quote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the cursor {asked} is ahead of the newest quote: allowed are cursors up to {newest}")]
pub struct Ahead {
    asked: Cursor,
    newest: Cursor,
}

/// A quote that is not the next of its stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("quote {given} cannot be published: the next of the stream is {next}")]
pub struct NotTheNext {
    given: u64,
    next: u64,
}

impl Tape {
    /// An empty tape that holds the last `capacity` quotes (at least one) of the stream `epoch`.
    #[must_use]
    pub fn new(epoch: Epoch, spec: FeedSpec, capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let inner = Inner {
            epoch,
            spec,
            capacity: capacity as u64,
            slots: (0..=capacity).map(|_| Mutex::new(None)).collect(),
            newest: AtomicU64::new(0),
            publisher: Mutex::new(()),
            start_ns: OnceLock::new(),
            wakes: Arc::default(),
        };
        Self { inner: Arc::new(inner), heartbeat: Duration::from_millis(HEARTBEAT_MS) }
    }

    /// The same tape for servers that send a heartbeat after this much silence instead of every 15 s.
    #[must_use]
    pub fn with_heartbeat(self, heartbeat: Duration) -> Self {
        Self { heartbeat, ..self }
    }

    /// How long a pushed stream may be silent.
    #[must_use]
    pub fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// The stream's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.inner.epoch
    }

    /// What the feed was told to do.
    #[must_use]
    pub fn spec(&self) -> &FeedSpec {
        &self.inner.spec
    }

    /// The place after quote `seq` of this stream.
    #[must_use]
    pub fn cursor(&self, seq: u64) -> Cursor {
        Cursor { epoch: self.inner.epoch, seq }
    }

    /// The newest quote published; 0 before the first.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.inner.newest.load(Ordering::Acquire)
    }

    /// The oldest quote held; newest + 1 when none is.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.oldest_when(self.newest())
    }

    fn oldest_when(&self, newest: u64) -> u64 {
        newest.saturating_sub(self.inner.capacity) + 1
    }

    /// Where the stream stands.
    #[must_use]
    pub fn hello(&self) -> Hello {
        let newest = self.newest();
        Hello { epoch: self.inner.epoch, oldest: self.oldest_when(newest), newest }
    }

    /// When the epoch started, nanoseconds of CLOCK_MONOTONIC; `None` before the feed was started.
    #[must_use]
    pub fn start_ns(&self) -> Option<u64> {
        self.inner.start_ns.get().copied()
    }

    /// Fixes the epoch's start once; later calls change nothing. Returns the start that holds.
    pub fn set_start_ns(&self, start_ns: u64) -> u64 {
        *self.inner.start_ns.get_or_init(|| start_ns)
    }

    /// Whether quotes of this feed can be written in `encoding`.
    ///
    /// # Errors
    /// When the feed's payload is smaller than the encoding needs.
    pub fn check_encoding(&self, encoding: Encoding) -> Result<(), FeedSpecError> {
        self.inner.spec.payload_bytes_in(encoding).map(|_| ())
    }

    /// Appends the next quote and wakes the readers. Callable from any thread, in or out of a runtime.
    ///
    /// # Errors
    /// When the quote's number is not newest + 1; the tape stays as it was.
    pub fn publish(&self, quote: Quote) -> Result<(), NotTheNext> {
        let _only_one = lock(&self.inner.publisher);
        let next = self.newest() + 1;
        if quote.seq != next {
            return Err(NotTheNext { given: quote.seq, next });
        }
        let entry = Some(Box::new(Entry { quote, encoded: Default::default() }));
        // The old entry is dropped here and not under the slot's lock, where a reader might wait for it.
        drop(std::mem::replace(&mut *lock(self.inner.slot(next)), entry));
        self.inner.newest.store(next, Ordering::Release);
        self.inner.wakes.published();
        Ok(())
    }

    /// What comes after quote `after`, in `encoding`.
    #[must_use]
    pub fn read(&self, after: u64, encoding: Encoding) -> Read {
        let newest = self.newest();
        if after >= newest {
            return Read::End;
        }
        let seq = after + 1;
        if seq >= self.oldest_when(newest)
            && let Some(payload) = self.inner.payload(seq, encoding)
        {
            return Read::Quote { seq, payload };
        }
        // Fallen off, perhaps only since `newest` was read.
        Read::Gap(Gap { reason: GapReason::Evicted, first: seq, last: self.oldest() - 1 })
    }

    /// The newest quote, if it is newer than `after`: what lies between is superseded, not lost.
    #[must_use]
    pub fn read_newest(&self, after: u64, encoding: Encoding) -> Option<(u64, Bytes)> {
        loop {
            let newest = self.newest();
            if newest <= after {
                return None;
            }
            // A whole tape may have gone by since; then there is a newer one.
            if let Some(payload) = self.inner.payload(newest, encoding) {
                return Some((newest, payload));
            }
        }
    }

    /// Where a reader begins that asks for `after`.
    ///
    /// # Errors
    /// When the cursor is ahead of the newest quote.
    pub fn resolve(&self, after: After) -> Result<Start, Ahead> {
        let hello = self.hello();
        let oldest = hello.oldest;
        let gap =
            |reason, first| Start { hello, after: oldest - 1, gap: Some(Gap { reason, first, last: oldest - 1 }) };
        Ok(match after {
            After::Now => Start { hello, after: hello.newest, gap: None },
            After::Oldest => Start { hello, after: oldest - 1, gap: None },
            After::Cursor(cursor) if cursor.epoch != self.inner.epoch => gap(GapReason::Epoch, 1),
            After::Cursor(asked) if asked.seq > hello.newest => {
                return Err(Ahead { asked, newest: self.cursor(hello.newest) });
            }
            After::Cursor(cursor) if cursor.seq + 1 < oldest => gap(GapReason::Evicted, cursor.seq + 1),
            After::Cursor(cursor) => Start { hello, after: cursor.seq, gap: None },
        })
    }

    /// Waits until there is a quote newer than `after` (true) or the tape is closed (false). Must be awaited
    /// within a tokio runtime, the same for all waiters if a wake is to be cheap.
    pub async fn newer_than(&self, after: u64) -> bool {
        self.inner.wakes.until(|| self.newest() > after).await
    }

    /// Waits until the tape is closed.
    pub async fn closed(&self) {
        self.inner.wakes.closed().await;
    }

    /// Whether the tape is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.wakes.is_closed()
    }

    /// The signal to shut down: held polls are answered, event streams and sockets end.
    pub fn close(&self) {
        self.inner.wakes.close();
    }
}

impl Inner {
    fn slot(&self, seq: u64) -> &Mutex<Option<Box<Entry>>> {
        // A remainder of a division by a length is an index.
        &self.slots[(seq % self.slots.len() as u64) as usize]
    }

    fn payload(&self, seq: u64, encoding: Encoding) -> Option<Bytes> {
        let slot = lock(self.slot(seq));
        let entry = slot.as_ref().filter(|entry| entry.quote.seq == seq)?;
        let place = Encoding::ALL.iter().position(|e| *e == encoding).unwrap_or(0);
        let encoded = entry.encoded[place]
            .get_or_init(|| encode(&entry.quote, encoding, self.spec.payload_bytes as usize).into());
        Some(encoded.clone())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.wakes.close(); // ends the relay
    }
}

/// Nothing that is done under these locks can panic half-way, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests {
    use wirerace_contract::plan::Plan;

    use super::*;

    /// A tape of the epoch `k3f9` with the first `published` quotes of the default feed on it.
    pub(crate) fn tape_with(capacity: usize, published: usize) -> Tape {
        let tape = Tape::new("k3f9".parse().unwrap(), FeedSpec::default(), capacity);
        publish_more(&tape, published);
        tape
    }

    /// Publishes the next `count` quotes of the default feed.
    pub(crate) fn publish_more(tape: &Tape, count: usize) {
        let done = tape.newest() as usize;
        for quote in Plan::new(tape.spec()).skip(done).take(count) {
            tape.publish(quote).unwrap();
        }
    }

    fn seqs(tape: &Tape, mut after: u64) -> Vec<u64> {
        let mut seqs = Vec::new();
        while let Read::Quote { seq, .. } = tape.read(after, Encoding::Tick) {
            seqs.push(seq);
            after = seq;
        }
        seqs
    }

    fn at(text: &str) -> After {
        text.parse().unwrap()
    }

    #[test]
    fn reads_in_order_and_holds_exactly_its_capacity() {
        let tape = tape_with(3, 2);
        assert_eq!((seqs(&tape, 0), tape.oldest()), (vec![1, 2], 1));
        publish_more(&tape, 3);
        assert_eq!((seqs(&tape, 2), tape.oldest(), tape.newest()), (vec![3, 4, 5], 3, 5));
        assert_eq!(tape.read(5, Encoding::Json), Read::End);
        let gap = Gap { reason: GapReason::Evicted, first: 2, last: 2 };
        assert_eq!(tape.read(1, Encoding::Json), Read::Gap(gap));
    }

    #[test]
    fn an_empty_tape_says_so() {
        let tape = tape_with(3, 0);
        assert_eq!((tape.oldest(), tape.newest(), tape.read(0, Encoding::Json)), (1, 0, Read::End));
        assert_eq!(tape.read_newest(0, Encoding::Json), None);
        assert_eq!(tape.resolve(After::Oldest).unwrap().after, 0);
    }

    #[test]
    fn each_quote_is_encoded_once_per_encoding_and_shared() {
        let tape = tape_with(3, 1);
        for encoding in Encoding::ALL {
            let payload = || match tape.clone().read(0, encoding) {
                Read::Quote { payload, .. } => payload,
                other => panic!("{other:?}"),
            };
            let (first, second) = (payload(), payload());
            assert_eq!(first.as_ptr(), second.as_ptr(), "{encoding} was encoded twice");
            assert_eq!(first.len(), encoding.least_bytes());
        }
    }

    #[test]
    fn a_number_out_of_turn_is_refused() {
        let tape = tape_with(3, 2);
        let quotes: Vec<Quote> = Plan::new(tape.spec()).take(4).collect();
        assert_eq!(tape.publish(quotes[1]), Err(NotTheNext { given: 2, next: 3 }));
        assert_eq!(tape.publish(quotes[3]), Err(NotTheNext { given: 4, next: 3 }));
        assert_eq!(tape.newest(), 2);
    }

    #[test]
    fn every_kind_of_cursor_is_decided() {
        let tape = tape_with(3, 5); // holds 3, 4, 5
        let start = |text| tape.resolve(at(text)).map(|start| (start.after, start.gap));
        assert_eq!(tape.resolve(After::Now).unwrap().after, 5);
        assert_eq!(start("0"), Ok((2, None)));
        assert_eq!(start("k3f9.5"), Ok((5, None)));
        assert_eq!(start("k3f9.2"), Ok((2, None)));
        assert_eq!(start("k3f9.1"), Ok((2, Some(Gap { reason: GapReason::Evicted, first: 2, last: 2 }))));
        assert_eq!(start("zzzz.99"), Ok((2, Some(Gap { reason: GapReason::Epoch, first: 1, last: 2 }))));
        let ahead = tape.resolve(at("k3f9.6")).unwrap_err().to_string();
        assert!(ahead.contains("k3f9.6") && ahead.contains("up to k3f9.5"), "{ahead}");
        assert!(tape.resolve(at("k3f9.18446744073709551615")).is_err());
    }

    #[test]
    fn the_newest_skips_what_lies_between() {
        let tape = tape_with(3, 5);
        assert_eq!(tape.read_newest(1, Encoding::Tick).map(|(seq, _)| seq), Some(5));
        assert_eq!(tape.read_newest(5, Encoding::Tick), None);
    }

    /// Many readers that sleep whenever they have everything, and a thread that publishes as fast as it can: each
    /// gets each quote once and in order, and a wake-up that is lost at the end leaves a reader asleep.
    async fn readers_against_a_thread() {
        const QUOTES: u64 = 20_000;
        let tape = tape_with(QUOTES as usize, 0);
        let readers: Vec<_> = (0..32)
            .map(|_| {
                let tape = tape.clone();
                tokio::spawn(async move {
                    let mut after = 0;
                    while after < QUOTES && tape.newer_than(after).await {
                        while let Read::Quote { seq, .. } = tape.read(after, Encoding::Tick) {
                            assert_eq!(seq, after + 1);
                            after = seq;
                        }
                    }
                    after
                })
            })
            .collect();
        let publisher = std::thread::spawn(move || {
            for quote in Plan::new(tape.spec()).take(QUOTES as usize) {
                tape.publish(quote).unwrap();
            }
            tape // kept: dropping the last handle would close the tape and wake everybody
        });
        for reader in readers {
            let read = tokio::time::timeout(Duration::from_secs(60), reader).await;
            assert_eq!(read.expect("a wake-up was lost").unwrap(), QUOTES);
        }
        publisher.join().unwrap();
    }

    #[tokio::test]
    async fn no_wake_up_is_lost_on_one_thread() {
        readers_against_a_thread().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn no_wake_up_is_lost_on_several_threads() {
        readers_against_a_thread().await;
    }

    #[tokio::test(start_paused = true)]
    async fn closing_wakes_everybody() {
        let tape = tape_with(3, 1);
        let waiting = tokio::spawn({
            let tape = tape.clone();
            async move { tokio::join!(tape.newer_than(1), tape.closed()).0 }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        tape.close();
        assert!(!tokio::time::timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap());
        assert!(!tape.newer_than(0).await, "a closed tape keeps nobody");
    }

    #[test]
    fn a_tape_outlives_the_runtime_it_was_first_awaited_in() {
        let tape = tape_with(3, 0);
        for round in 0..2 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let from = tape.clone();
            runtime.block_on(async {
                let waiting = tokio::spawn(async move { from.newer_than(round).await });
                tokio::task::yield_now().await;
                publish_more(&tape, 1);
                let woken = tokio::time::timeout(Duration::from_secs(60), waiting).await;
                assert!(woken.expect("no relay in the second runtime").unwrap());
            });
        }
    }
}
