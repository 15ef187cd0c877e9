//! The `delayed` path: a connection on which every byte arrives later, in both directions.
//!
//! It stands between the HTTP library and the metered socket, so the meter counts what really goes over the socket, when
//! it does. A task of its own reads what the client sends as soon as it is there, and writes what is due; the library
//! reads and writes queues. Bytes are in flight side by side, as on a long wire: the delay does not limit how many per
//! second, only [`IN_FLIGHT_BYTES_MAX`] per delay does, as a TCP window would.
//!
//! What it cannot do: below it TCP is loopback's. The kernel completes handshakes by itself, so a connection's first
//! bytes are held back by the round trip that the handshake would have taken: nothing that the client sends counts as
//! sent before one round trip after the connection was accepted. Acknowledgements, slow start and retransmission are not
//! delayed, and a client's `connect` returns at once.

mod carry;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use wirerace_contract::spec::{DELAY_MAX_US, Delay};

use crate::alarms::{Alarms, Wait};
use crate::wire_meter::{Handed, MeteredStream};

/// Most that is in flight on one connection one way, bytes, 64 for each read or write included. A sender that
/// is further ahead waits.
pub const IN_FLIGHT_BYTES_MAX: usize = 1 << 20;
/// What each read or write in flight takes beside its bytes.
const CHUNK_BYTES: usize = 64;
/// An end that follows the last bytes within this time arrives with them, as a FIN rides on data: otherwise a client could
/// answer the bytes, and close first, before an alarm of its own has brought it the server's end.
const END_RIDES: Duration = Duration::from_micros(500);

/// The delay of a listener's connections; clones share it. It can be changed while connections live.
#[derive(Clone, Debug)]
pub struct Delays(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    one_way_us: AtomicU64,
    alarms: Alarms,
}

/// A delay that cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a delay of {0} µs one way: allowed are 0 to {DELAY_MAX_US}")]
pub struct DelayTooLong(pub u64);

impl Delays {
    /// For a listener on the current tokio runtime. Bytes arrive in time where the system has a timer for that (Linux),
    /// and up to a millisecond late elsewhere.
    ///
    /// # Errors
    /// When the delay is longer than [`DELAY_MAX_US`].
    pub fn new(delay: Delay) -> Result<Self, DelayTooLong> {
        Self::with_alarms(delay, Alarms::start(true))
    }

    fn with_alarms(delay: Delay, alarms: Alarms) -> Result<Self, DelayTooLong> {
        let delays = Self(Arc::new(Shared { one_way_us: AtomicU64::new(0), alarms }));
        delays.set(delay)?;
        Ok(delays)
    }

    /// What is now added each way.
    #[must_use]
    pub fn get(&self) -> Delay {
        Delay { one_way_delay_us: self.0.one_way_us.load(Relaxed) }
    }

    /// Changes the delay for what is sent from now on. What is in flight arrives as it would have, and nothing overtakes
    /// it.
    ///
    /// # Errors
    /// When the delay is longer than [`DELAY_MAX_US`].
    pub fn set(&self, delay: Delay) -> Result<(), DelayTooLong> {
        if delay.one_way_delay_us > DELAY_MAX_US {
            return Err(DelayTooLong(delay.one_way_delay_us));
        }
        self.0.one_way_us.store(delay.one_way_delay_us, Relaxed);
        Ok(())
    }

    /// Everything that is in flight arrives at once, and what is sent from now on.
    pub(crate) fn end(&self) {
        self.0.one_way_us.store(0, Relaxed);
        self.0.alarms.end();
    }

    /// What a request may take longer, from the answer before to its head: the way there and back, and again that on a
    /// new connection.
    pub(crate) fn of_next_head(&self) -> Duration {
        self.one_way() * 4
    }

    fn one_way(&self) -> Duration {
        Duration::from_micros(self.0.one_way_us.load(Relaxed))
    }
}

/// What a delayed stream stands on: a metered socket, or something in memory.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Writes bytes with which `handed` was handed over; what was taken by a first write is gone from it.
    fn poll_write_handed(&mut self, cx: &mut Context<'_>, bytes: &[u8], handed: &mut Handed)
    -> Poll<io::Result<usize>>;
}

impl Wire for MeteredStream {
    fn poll_write_handed(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        handed: &mut Handed,
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, bytes, handed)
    }
}

/// The library's end of a delayed connection. Dropping it ends the connection one delay later.
#[derive(Debug)]
pub(crate) struct DelayedStream<M> {
    lines: Arc<Lines>,
    delays: Delays,
    /// Takes what was handed over since the last write.
    take_handed: M,
    arrival: Wait,
    end_told: bool,
}

/// What the library's end and the task that carries share.
#[derive(Debug, Default)]
struct Lines(Mutex<BothLines>);

#[derive(Debug, Default)]
struct BothLines {
    to_server: Line,
    to_client: Line,
    /// The library has let go of its end.
    left: bool,
    /// A write to the socket has failed.
    broken: Option<ErrorKind>,
}

/// One direction: what is in flight, in order.
#[derive(Debug, Default)]
struct Line {
    flying: VecDeque<Flight>,
    bytes: usize,
    last_due: Option<Instant>,
    ended: bool,
    /// Who waits for something to be sent.
    receiver: Option<Waker>,
    /// Who waits for room.
    sender: Option<Waker>,
}

#[derive(Debug)]
struct Flight {
    due: Instant,
    what: Sent,
}

#[derive(Debug)]
enum Sent {
    Bytes { bytes: Vec<u8>, read: usize, handed: Handed },
    End(Option<ErrorKind>),
}

impl Line {
    fn has_room(&self) -> bool {
        self.bytes < IN_FLIGHT_BYTES_MAX
    }

    /// Sends something that shall arrive at `due`, or after what was sent before it.
    fn send(&mut self, due: Instant, what: Sent) {
        let after = self.last_due.map_or(due, |last| match what {
            Sent::End(None) if due.saturating_duration_since(last) < END_RIDES => last,
            _ => due.max(last),
        });
        self.last_due = Some(after);
        match &what {
            Sent::Bytes { bytes, .. } => self.bytes += bytes.len() + CHUNK_BYTES,
            Sent::End(_) => self.ended = true,
        }
        self.flying.push_back(Flight { due: after, what });
        if let Some(receiver) = self.receiver.take() {
            receiver.wake();
        }
    }

    /// Takes off what has arrived as a whole.
    fn arrived(&mut self) -> Option<Sent> {
        let what = self.flying.pop_front()?.what;
        if let Sent::Bytes { bytes, .. } = &what {
            self.bytes -= bytes.len() + CHUNK_BYTES;
        }
        if let Some(sender) = self.sender.take() {
            sender.wake();
        }
        Some(what)
    }
}

impl Lines {
    /// Nothing that can panic half-way runs under the lock.
    fn lock(&self) -> MutexGuard<'_, BothLines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: FnMut() -> Handed + Unpin> DelayedStream<M> {
    /// Puts a delay on a connection that has just been accepted. Spawns the task that carries its bytes.
    pub(crate) fn new(wire: impl Wire, delays: Delays, take_handed: M) -> Self {
        let lines = Arc::new(Lines::default());
        tokio::spawn(carry::Carrier::new(wire, Arc::clone(&lines), delays.clone()));
        Self { lines, delays, take_handed, arrival: Wait::default(), end_told: false }
    }
}

impl<M: Unpin> AsyncRead for DelayedStream<M> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut both = this.lines.lock();
        let line = &mut both.to_server;
        let Some(first) = line.flying.front_mut() else {
            if line.ended {
                return Poll::Ready(Ok(()));
            }
            line.receiver = Some(cx.waker().clone());
            return Poll::Pending;
        };
        if this.arrival.poll(&this.delays.0.alarms, first.due, cx).is_pending() {
            return Poll::Pending;
        }
        match &mut first.what {
            Sent::Bytes { bytes, read, .. } => {
                let part = &bytes[*read..];
                let part = &part[..part.len().min(buffer.remaining())];
                buffer.put_slice(part);
                *read += part.len();
                if *read == bytes.len() {
                    line.arrived();
                }
                Poll::Ready(Ok(()))
            }
            // One turn late, for the reason that `MeteredStream` gives: the answer to what came with it goes first.
            Sent::End(None) if !this.end_told => {
                this.end_told = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Sent::End(error) => {
                let error = *error;
                line.arrived();
                Poll::Ready(error.map_or(Ok(()), |kind| Err(kind.into())))
            }
        }
    }
}

impl<M: FnMut() -> Handed + Unpin> AsyncWrite for DelayedStream<M> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut both = this.lines.lock();
        if let Some(kind) = both.broken {
            return Poll::Ready(Err(kind.into()));
        }
        let line = &mut both.to_client;
        if line.ended {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        if !line.has_room() {
            line.sender = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = buffer.len().min(IN_FLIGHT_BYTES_MAX);
        let (bytes, handed) = (buffer[..taken].to_vec(), (this.take_handed)());
        line.send(Instant::now() + this.delays.one_way(), Sent::Bytes { bytes, read: 0, handed });
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What is written is on its way. A socket's flush does not wait for the other end either.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let line = &mut this.lines.lock().to_client;
        if !line.ended {
            line.send(Instant::now() + this.delays.one_way(), Sent::End(None));
        }
        Poll::Ready(Ok(()))
    }
}

impl<M> Drop for DelayedStream<M> {
    fn drop(&mut self) {
        let mut both = self.lines.lock();
        both.left = true;
        // Nobody will read it, and room for what still comes must not be waited for.
        both.to_server.flying.clear();
        both.to_server.bytes = 0;
        if !both.to_client.ended {
            let due = Instant::now() + self.delays.one_way();
            both.to_client.send(due, Sent::End(None));
        }
        for waker in [both.to_server.sender.take(), both.to_client.receiver.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
