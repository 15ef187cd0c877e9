//! The meter under all transports: it counts on the accepted socket, below the HTTP library, so that any client and
//! any transport is measured in the same way.
//!
//! Counters are totals of the server, not of connections: one relaxed atomic addition a write is less than 0.1 % of
//! what the write itself costs, and an idle connection then takes a hundred bytes here instead of a row of counters.

mod connection_meter;
mod head;
mod stream;

use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::task::AtomicWaker;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use wirerace_contract::meter::{PER_WRITE_CLASSES, TcpTotals, WireMeter};

pub use self::connection_meter::ConnectionMeter;
pub use self::stream::MeteredStream;
use crate::tcp_info::tcp_info;

/// How long a connection is kept after the server's FIN, to read what the client still sends up to its own FIN.
pub const LINGER_MAX: Duration = Duration::from_secs(2);

/// The meter of one listener. Clones share the same counts.
#[derive(Clone, Debug)]
pub struct Meter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    enabled: bool,
    linger_max: Duration,
    counts: Counts,
    /// The clock that turns are timed by: see [`Turn`].
    tick: AtomicU32,
    registry: Mutex<Registry>,
    /// Told whenever the last open connection is gone.
    emptied: Notify,
}

/// See [`WireMeter`] for what they mean.
#[derive(Debug, Default)]
struct Counts {
    connections_accepted: AtomicU64,
    accepts_failed: AtomicU64,
    closed_by_server_first: AtomicU64,
    requests: AtomicU64,
    upgrades: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    first_head_bytes_in: AtomicU64,
    first_head_bytes_out: AtomicU64,
    payload_bytes_out: AtomicU64,
    body_bytes_out: AtomicU64,
    body_bytes_in: AtomicU64,
    quotes_out: AtomicU64,
    writes_out: AtomicU64,
    quotes_per_write: [AtomicU64; PER_WRITE_CLASSES],
}

/// The open connections, and what the closed ones left.
#[derive(Debug, Default)]
struct Registry {
    /// Indexed by descriptor: descriptors are small and dense, and the kernel gives each to one socket at a time.
    open: Vec<Option<Arc<Connection>>>,
    open_count: usize,
    closed: TcpTotals,
}

impl Registry {
    fn open(&self) -> impl Iterator<Item = (BorrowedFd<'_>, &Arc<Connection>)> {
        self.open.iter().enumerate().filter_map(|(fd, connection)| {
            // SAFETY: the descriptor is open as long as this borrow of the registry lives. `OpenSocket` alone owns it,
            // and takes it off the registry, which needs the registry's lock, before it closes it.
            #[allow(unsafe_code)]
            let fd = unsafe { BorrowedFd::borrow_raw(fd as RawFd) };
            Some((fd, connection.as_ref()?))
        })
    }
}

/// What meter, transport and accept loop share of one connection.
#[derive(Debug)]
struct Connection {
    shared: Arc<Shared>,
    pending: Pending,
    /// The task that drives HTTP on this connection, as long as there is one.
    driver: AtomicWaker,
    /// The tick since which it is the client's turn, [`OWN_TURN`] or [`EXPIRED`].
    turn: AtomicU32,
}

/// What the transport has handed over since the last write. One task hands over and writes, so that plain loads and
/// stores are enough, which cost a tenth of an atomic addition; with a write it all goes into the [`Counts`].
#[derive(Debug, Default)]
struct Pending {
    quotes: AtomicU64,
    payload_bytes: AtomicU64,
    body_bytes: AtomicU64,
}

impl Pending {
    fn add(pending: &AtomicU64, more: usize) {
        pending.store(pending.load(Relaxed) + more as u64, Relaxed);
    }

    fn take(pending: &AtomicU64) -> u64 {
        let amount = pending.load(Relaxed);
        pending.store(0, Relaxed);
        amount
    }

    fn take_all(&self) -> Handed {
        // Every body has bytes, and most writes of an answer's head carry none.
        if self.body_bytes.load(Relaxed) == 0 {
            return Handed::default();
        }
        Handed {
            quotes: Self::take(&self.quotes),
            payload_bytes: Self::take(&self.payload_bytes),
            body_bytes: Self::take(&self.body_bytes),
        }
    }
}

/// What was handed over and goes out with one write. It travels beside the bytes where those wait for a delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Handed {
    quotes: u64,
    payload_bytes: u64,
    body_bytes: u64,
}

/// A request is being answered.
const OWN_TURN: u32 = u32::MAX;
/// The client took too long.
const EXPIRED: u32 = u32::MAX - 1;

impl Meter {
    /// A meter with all counts at 0. If not `enabled`, it only knows how many connections there are, which serves to
    /// measure what counting costs.
    #[must_use]
    pub fn new(enabled: bool) -> Self {
        Self::with_linger(enabled, LINGER_MAX)
    }

    /// The same, keeping connections for another time than [`LINGER_MAX`]: over a distance their ends take longer.
    #[must_use]
    pub fn with_linger(enabled: bool, linger_max: Duration) -> Self {
        Self(Arc::new(Shared {
            enabled,
            linger_max,
            counts: Counts::default(),
            tick: AtomicU32::new(0),
            registry: Mutex::default(),
            emptied: Notify::new(),
        }))
    }

    /// Puts an accepted connection under the meter. When the answer is dropped, the meter closes the connection in
    /// good order: FIN, reading to the client's FIN for at most [`LINGER_MAX`], `TCP_INFO`, close. That takes a tokio
    /// runtime with IO and time; without one the connection is closed at once.
    #[must_use]
    pub fn attach(&self, stream: TcpStream) -> MeteredStream {
        let connection = Arc::new(Connection {
            shared: Arc::clone(&self.0),
            pending: Pending::default(),
            driver: AtomicWaker::new(),
            turn: AtomicU32::new(self.0.tick.load(Relaxed)),
        });
        self.0.counts.connections_accepted.fetch_add(1, Relaxed);
        MeteredStream::new(stream, connection)
    }

    /// Notes that no connection could be accepted, for want of descriptors or memory.
    pub(crate) fn accept_failed(&self) {
        self.0.counts.accepts_failed.fetch_add(1, Relaxed);
    }

    /// All counts, with what the kernel knows of closed and open connections: one system call for each open one, which
    /// holds up a server of thousands for milliseconds.
    #[must_use]
    pub fn snapshot(&self) -> WireMeter {
        let registry = self.0.registry();
        let mut tcp = registry.closed.clone();
        if self.0.enabled {
            registry.open().filter_map(|(fd, _)| tcp_info(fd)).for_each(|info| tcp.add(&info.totals()));
        }
        drop(registry);
        WireMeter { tcp, ..self.counts() }
    }

    /// All counts but the kernel's (`tcp` stays 0): cheap whatever the number of connections.
    #[must_use]
    pub fn counts(&self) -> WireMeter {
        let Shared { enabled, counts, .. } = &*self.0;
        let registry = self.0.registry();
        let get = |count: &AtomicU64| count.load(Relaxed);
        WireMeter {
            enabled: *enabled,
            connections_accepted: get(&counts.connections_accepted),
            connections_open: registry.open_count as u64,
            accepts_failed: get(&counts.accepts_failed),
            closed_by_server_first: get(&counts.closed_by_server_first),
            requests: get(&counts.requests),
            upgrades: get(&counts.upgrades),
            bytes_in: get(&counts.bytes_in),
            bytes_out: get(&counts.bytes_out),
            first_head_bytes_in: get(&counts.first_head_bytes_in),
            first_head_bytes_out: get(&counts.first_head_bytes_out),
            payload_bytes_out: get(&counts.payload_bytes_out),
            body_bytes_out: get(&counts.body_bytes_out),
            body_bytes_in: get(&counts.body_bytes_in),
            quotes_out: get(&counts.quotes_out),
            writes_out: get(&counts.writes_out),
            quotes_per_write: counts.quotes_per_write.each_ref().map(get),
            tcp: TcpTotals::default(),
        }
    }

    /// Connections that are open now, those that are being closed included.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.0.registry().open_count
    }

    /// Returns when no connection is open.
    pub async fn all_closed(&self) {
        loop {
            let mut emptied = std::pin::pin!(self.0.emptied.notified());
            // Before looking, so that the last connection cannot go unnoticed in between.
            emptied.as_mut().enable();
            if self.open_count() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Wakes every task that drives HTTP on a connection.
    pub(crate) fn wake_drivers(&self) {
        self.0.registry().open().for_each(|(_, connection)| connection.driver.wake());
    }

    /// Moves the clock of turns on by one tick.
    pub(crate) fn advance_tick(&self) {
        self.0.tick.fetch_add(1, Relaxed);
    }

    /// Ends the client's turn where it began `ticks_max` ticks ago or earlier, on some connections from `from` on.
    /// `Some` where to go on; `None` when that were the last.
    pub(crate) fn expire_turns(&self, from: usize, ticks_max: u32) -> Option<usize> {
        const AT_ONCE: usize = 256;
        let now = self.0.tick.load(Relaxed);
        let registry = self.0.registry();
        let end = registry.open.len().min(from.saturating_add(AT_ONCE));
        for connection in registry.open.get(from..end)?.iter().flatten() {
            let since = connection.turn.load(Relaxed);
            let waits = since != OWN_TURN && since != EXPIRED && now.saturating_sub(since) >= ticks_max;
            // A request that came in between keeps the connection.
            if waits && connection.turn.compare_exchange(since, EXPIRED, Relaxed, Relaxed).is_ok() {
                connection.driver.wake();
            }
        }
        (end < registry.open.len()).then_some(end)
    }

    /// Ends all connections below whoever holds them: reads see the end, writes fail.
    pub(crate) fn cut_all(&self) {
        for (fd, connection) in self.0.registry().open() {
            // A connection that is broken already needs no cutting.
            let _ = SockRef::from(&fd).shutdown(std::net::Shutdown::Both);
            connection.driver.wake();
        }
    }
}

impl Shared {
    /// The lock is never held while code of others runs, so a poisoned registry is still whole.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, fd: RawFd, connection: Arc<Connection>) {
        // Descriptors of open sockets are not negative.
        let at = fd as usize;
        let mut registry = self.registry();
        if registry.open.len() <= at {
            registry.open.resize(at + 1, None);
        }
        registry.open[at] = Some(connection);
        registry.open_count += 1;
    }

    fn deregister(&self, fd: RawFd, tcp: Option<&TcpTotals>) {
        let mut registry = self.registry();
        if let Some(tcp) = tcp {
            registry.closed.add(tcp);
        }
        // Taken out, but dropped only after the lock: it may be the last reference.
        let connection = registry.open.get_mut(fd as usize).and_then(Option::take);
        registry.open_count -= usize::from(connection.is_some());
        let empty = registry.open_count == 0;
        drop(registry);
        if empty {
            self.emptied.notify_waiters();
        }
    }
}

impl Connection {
    /// Counts a write of `bytes` bytes together with what it carries.
    fn wrote(&self, bytes: usize, handed: Handed) {
        let counts = &self.shared.counts;
        counts.bytes_out.fetch_add(bytes as u64, Relaxed);
        counts.writes_out.fetch_add(1, Relaxed);
        if handed.body_bytes == 0 {
            return;
        }
        counts.body_bytes_out.fetch_add(handed.body_bytes, Relaxed);
        if handed.quotes == 0 {
            return;
        }
        counts.quotes_out.fetch_add(handed.quotes, Relaxed);
        counts.payload_bytes_out.fetch_add(handed.payload_bytes, Relaxed);
        if let Some(class) = counts.quotes_per_write.get(per_write_class(handed.quotes)) {
            class.fetch_add(1, Relaxed);
        }
    }
}

/// 1 → 0, 2 → 1, 3–4 → 2, 5–8 → 3 … and all above 1,024 → the last.
fn per_write_class(quotes: u64) -> usize {
    let class = 64 - quotes.saturating_sub(1).leading_zeros() as usize;
    class.min(PER_WRITE_CLASSES - 1)
}

/// The accept loop's hold on the task that drives HTTP on a connection.
#[derive(Debug)]
pub(crate) struct Driver(Arc<Connection>);

impl Driver {
    /// Lets the task be woken from outside. To be called on each poll of it.
    pub(crate) fn register(&self, context: &std::task::Context<'_>) {
        self.0.driver.register(context.waker());
    }

    /// Whether the client took too long for its next request.
    pub(crate) fn is_expired(&self) -> bool {
        self.0.turn.load(Relaxed) == EXPIRED
    }

    pub(crate) fn turn(&self) -> Turn {
        Turn(Arc::clone(&self.0))
    }
}

/// Whose turn it is on a connection: the client's, until its request head is there, then the server's, until the
/// answer is out.
#[derive(Clone, Debug)]
pub(crate) struct Turn(Arc<Connection>);

impl Turn {
    pub(crate) fn of_server(&self) {
        self.0.turn.store(OWN_TURN, Relaxed);
    }

    /// Tells that a request has come. Counted before it is answered: a held one may never be, its client having left.
    pub(crate) fn asked(&self) {
        let shared = &self.0.shared;
        if shared.enabled {
            shared.counts.requests.fetch_add(1, Relaxed);
        }
    }

    /// Tells that the request has its answer.
    pub(crate) fn answered(&self, status: StatusCode) {
        let shared = &self.0.shared;
        if status == StatusCode::SWITCHING_PROTOCOLS && shared.enabled {
            shared.counts.upgrades.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn of_client(&self) {
        self.0.turn.store(self.0.shared.tick.load(Relaxed), Relaxed);
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A waker keeps the memory of its task; an upgraded connection may live for hours after it.
        self.0.driver.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_quotes_per_write() {
        let classes: Vec<usize> = [1, 2, 3, 4, 5, 8, 9, 1024, 1025, u64::MAX].map(per_write_class).to_vec();
        assert_eq!(classes, [0, 1, 2, 2, 3, 3, 4, 10, 11, 11]);
    }
}
