//! The tape: the last N quotes, encoded once, and a way to wait for the next. The only thing a transport's
//! server reads.
//!
//! One thread publishes, any number of connections read by cursor (the number of the last quote they have), so
//! batching, lag and resuming need no bookkeeping per connection on this side. Publishing writes a slot of the
//! ring, moves `newest` on, and wakes whoever waits (`wakes.rs`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use thiserror::Error;
use tokio::time::Instant;
use wirerace_contract::cursor::{After, Cursor, Epoch};
use wirerace_contract::encoding::{Encoding, encode};
use wirerace_contract::feed::{FeedSpec, FeedSpecError};
use wirerace_contract::messages::{Gap, GapReason, HEARTBEAT_MS, Hello};
use wirerace_contract::quote::Quote;
use wirerace_contract::spec::Delivery;

use crate::ticks::Ticks;
use crate::wakes::{Doorbell, Place, Wakes};

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
    precise_ticks: AtomicBool,
    wakes: Arc<Wakes>,
}

struct Entry {
    quote: Quote,
    published: Instant,
    /// In the order of [`Encoding::ALL`]; written when somebody first asks for it.
    encoded: [OnceLock<Encoded>; Encoding::ALL.len()],
}

/// A quote in one encoding, in all the forms in which transports send it: what is the same for all clients is made
/// once, and shared.
pub struct Encoded {
    seq: u64,
    payload: Bytes,
    /// The payload, known to be text. `None` of a binary encoding.
    text: Option<Utf8Bytes>,
    /// The payload as an event; written when somebody first asks for it.
    event: OnceLock<Bytes>,
    published: Instant,
}

impl Encoded {
    /// The encoded quote.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The same as text; `None` of a binary encoding.
    #[must_use]
    pub fn text(&self) -> Option<&Utf8Bytes> {
        self.text.as_ref()
    }

    /// The quote as an event of an event stream: what `render` makes of its number and payload. It is asked once.
    pub fn event(&self, render: impl FnOnce(u64, &[u8]) -> Bytes) -> &Bytes {
        self.event.get_or_init(|| render(self.seq, &self.payload))
    }

    /// When the quote was published.
    #[must_use]
    pub fn published(&self) -> Instant {
        self.published
    }
}

/// What comes after a place on the tape; of a quote the payload, or what else was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read<P = Bytes> {
    /// The next quote.
    Quote {
        /// Its number.
        seq: u64,
        /// The quote, encoded.
        payload: P,
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
            precise_ticks: AtomicBool::new(false),
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

    /// Lets conflated quotes be timed by the kernel to the microsecond, where it can, instead of by tokio's timer,
    /// which is about a millisecond late. Each conflated stream or held poll then takes one more descriptor. Not for
    /// tests with a paused clock, which the kernel knows nothing of.
    pub fn time_precisely(&self) {
        self.inner.precise_ticks.store(true, Ordering::Relaxed);
    }

    /// When conflated quotes may be sent: `first_in` from now, then each `distance`.
    pub(crate) fn ticks(&self, first_in: Duration, distance: Duration) -> Ticks {
        Ticks::new(first_in, distance, self.inner.precise_ticks.load(Ordering::Relaxed))
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
        let entry = Some(Box::new(Entry { quote, published: Instant::now(), encoded: Default::default() }));
        // The old entry is dropped here and not under the slot's lock, where a reader might wait for it.
        drop(std::mem::replace(&mut *lock(self.inner.slot(next)), entry));
        self.inner.newest.store(next, Ordering::Release);
        self.inner.wakes.published();
        Ok(())
    }

    /// What comes after quote `after`, in `encoding`.
    #[must_use]
    pub fn read(&self, after: u64, encoding: Encoding) -> Read {
        self.read_as(after, encoding, |quote| quote.payload.clone())
    }

    /// What comes after quote `after`, in `encoding`; of a quote what `pick` takes. It is called under the lock of the
    /// quote's place on the tape: a clone or two, nothing that takes time.
    pub fn read_as<P>(&self, after: u64, encoding: Encoding, pick: impl FnOnce(&Encoded) -> P) -> Read<P> {
        let newest = self.newest();
        if after >= newest {
            return Read::End;
        }
        let seq = after + 1;
        if seq >= self.oldest_when(newest)
            && let Some(payload) = self.inner.pick(seq, encoding, pick)
        {
            return Read::Quote { seq, payload };
        }
        // Fallen off, perhaps only since `newest` was read.
        Read::Gap(Gap { reason: GapReason::Evicted, first: seq, last: self.oldest() - 1 })
    }

    /// The newest quote, if it is newer than `after`: what lies between is superseded, not lost.
    #[must_use]
    pub fn read_newest(&self, after: u64, encoding: Encoding) -> Option<(u64, Bytes)> {
        self.read_newest_as(after, encoding, |quote| quote.payload.clone())
    }

    /// The same; of the quote what `pick` takes, as with [`Tape::read_as`].
    pub fn read_newest_as<P>(&self, after: u64, encoding: Encoding, pick: impl Fn(&Encoded) -> P) -> Option<(u64, P)> {
        loop {
            let newest = self.newest();
            if newest <= after {
                return None;
            }
            // A whole tape may have gone by since; then there is a newer one.
            if let Some(payload) = self.inner.pick(newest, encoding, &pick) {
                return Some((newest, payload));
            }
        }
    }

    /// How long ago quote `seq` was published; `None` if it is not on the tape.
    pub(crate) fn age(&self, seq: u64) -> Option<Duration> {
        let slot = lock(self.inner.slot(seq));
        let entry = slot.as_ref().filter(|entry| entry.quote.seq == seq && seq >= self.oldest())?;
        Some(entry.published.elapsed())
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

    /// A place to wait in, for [`Tape::poll_newer_than`].
    pub(crate) fn place_for_quotes(&self) -> Place {
        self.inner.wakes.place_for_quotes()
    }

    /// A place to wait in, for [`Tape::poll_closed`].
    pub(crate) fn place_for_the_end(&self) -> Place {
        self.inner.wakes.place_for_the_end()
    }

    /// A doorbell for a task that waits for quotes and for other things.
    pub(crate) fn doorbell(&self) -> Doorbell {
        self.inner.wakes.doorbell()
    }

    /// [`Tape::newer_than`] for one who keeps a place.
    pub(crate) fn poll_newer_than(&self, after: u64, cx: &Context<'_>, place: &mut Place) -> Poll<bool> {
        self.inner.wakes.poll_until(cx, place, || self.newest() > after)
    }

    /// [`Tape::closed`] for one who keeps a place.
    pub(crate) fn poll_closed(&self, cx: &Context<'_>, place: &mut Place) -> Poll<()> {
        self.inner.wakes.poll_closed(cx, place)
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

    fn pick<P>(&self, seq: u64, encoding: Encoding, pick: impl FnOnce(&Encoded) -> P) -> Option<P> {
        let slot = lock(self.slot(seq));
        let entry = slot.as_ref().filter(|entry| entry.quote.seq == seq)?;
        let place = Encoding::ALL.iter().position(|e| *e == encoding).unwrap_or(0);
        Some(pick(entry.encoded[place].get_or_init(|| {
            let payload = Bytes::from(encode(&entry.quote, encoding, self.spec.payload_bytes as usize));
            let text = encoding.is_text().then(|| Utf8Bytes::try_from(payload.clone()).ok()).flatten();
            Encoded { seq, payload, text, event: OnceLock::new(), published: entry.published }
        })))
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
pub(crate) mod tests;
