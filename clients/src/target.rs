//! What one simulated user is told: where to go, how to ask, when to begin and when to stop.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::watch;
use wirerace_contract::cursor::{Cursor, Epoch};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::Gap;
use wirerace_contract::spec::{Arm, Connection, Delivery, Flush};

use crate::backoff::{Backoff, BackoffPolicy};
use crate::event_log::EventLogger;
use crate::pacer::Pacer;

/// What one simulated user is told. Cheap to clone: everything large is shared.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// The transport and its options.
    pub arm: Arc<Arm>,
    /// Bytes of one encoded quote: needed where quotes stand back to back without a separator (binary polls).
    pub payload_bytes: usize,
    /// How long a held request asks to be held, seconds.
    pub wait_s: u64,
    /// Orders it sends upstream, per second; 0 for none.
    pub orders_per_s: f64,
    /// The address to connect from; `None` leaves it to the system.
    pub source: Option<IpAddr>,
    /// Where in the interval this user polls and sends orders, 0 to 1 (1 excluded).
    pub phase: f64,
    /// When the feed starts, nanoseconds of the monotonic clock; `None` until it is known.
    pub start: watch::Receiver<Option<u64>>,
    /// Turns `true` when the user shall leave.
    pub stop: watch::Receiver<bool>,
    /// The precise timer.
    pub pacer: Pacer,
    /// Counted below what an event can tell, over all users.
    pub traffic: Arc<TrafficCounters>,
    /// Where this user's first moments are noted; the default notes nothing.
    pub log: EventLogger,
    /// Added to every deadline: what the way to the server takes. See `Path::patience`.
    pub patience: Duration,
    /// Total bytes of each request head; 0 leaves heads as they come. See `HeadProfile`.
    pub request_head_bytes: u32,
    /// How long to wait before coming back.
    pub backoff: BackoffPolicy,
    /// The seed of what is random in this user.
    pub seed: u64,
}

/// What clients count where no event is made of it. Totals over all users of a load.
#[derive(Debug, Default)]
pub struct TrafficCounters {
    dialled: AtomicU64,
    dials_unclear: AtomicU64,
    dials_starved: AtomicU64,
    requests: AtomicU64,
    requests_unanswered: AtomicU64,
}

impl TrafficCounters {
    /// Connections that were established.
    #[must_use]
    pub fn dialled(&self) -> u64 {
        self.dialled.load(Ordering::Relaxed)
    }

    /// HTTP requests sent, upgrades and event streams included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Dials whose end was not seen: the server may have accepted them.
    #[must_use]
    pub fn dials_unclear(&self) -> u64 {
        self.dials_unclear.load(Ordering::Relaxed)
    }

    /// Dials that failed because this side had no descriptor, port or memory left.
    #[must_use]
    pub fn dials_starved(&self) -> u64 {
        self.dials_starved.load(Ordering::Relaxed)
    }

    /// Requests whose connection broke before an answer began: the server may not have read them.
    #[must_use]
    pub fn requests_unanswered(&self) -> u64 {
        self.requests_unanswered.load(Ordering::Relaxed)
    }
}

/// A dial under way. Dropped without a word, its end is unclear: the server may have accepted it all the same.
pub(crate) struct Dial(Option<Arc<TrafficCounters>>);

impl Dial {
    pub(crate) fn begin(traffic: &Arc<TrafficCounters>) -> Self {
        Self(Some(traffic.clone()))
    }

    pub(crate) fn established(mut self) {
        if let Some(traffic) = self.0.take() {
            traffic.dialled.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection that is reset as soon as it stands reads as a dial that failed. Whatever else fails was accepted by
    /// nobody.
    pub(crate) fn failed(mut self, error: Option<&io::Error>) {
        let unclear = [ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted, ErrorKind::BrokenPipe];
        if error.is_some_and(|error| unclear.contains(&error.kind())) {
            return;
        }
        if let Some(traffic) = self.0.take()
            && error.is_some_and(is_starved)
        {
            traffic.dials_starved.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Whether a dial failed for want of something on this side: descriptors, ports, memory.
fn is_starved(error: &io::Error) -> bool {
    let starved = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
    Errno::from_io_error(error).is_some_and(|errno| starved.contains(&errno))
}

impl Drop for Dial {
    fn drop(&mut self) {
        if let Some(traffic) = self.0.take() {
            traffic.dials_unclear.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A request under way. Dropped without a word it is unanswered, unless the user was told to leave: then it has waited
/// long enough for the server to have read it.
pub(crate) struct Asking {
    traffic: Option<Arc<TrafficCounters>>,
    stop: watch::Receiver<bool>,
}

impl Asking {
    pub(crate) fn begin(traffic: &Arc<TrafficCounters>, stop: &watch::Receiver<bool>) -> Self {
        traffic.requests.fetch_add(1, Ordering::Relaxed);
        Self { traffic: Some(traffic.clone()), stop: stop.clone() }
    }

    pub(crate) fn answered(mut self) {
        self.traffic = None;
    }

    /// There was no connection to send it on.
    pub(crate) fn not_sent(mut self) {
        if let Some(traffic) = self.traffic.take() {
            traffic.requests.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let left = *self.stop.borrow();
        if let Some(traffic) = self.traffic.take().filter(|_| !left) {
            traffic.requests_unanswered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What happens to one simulated user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The server answered for the first time, or again after [`Event::Disconnected`]. `epoch` is `None` where the
    /// first answer names none (newest-only polls of an empty tape).
    Connected {
        /// The stream the server says it serves.
        epoch: Option<Epoch>,
    },
    /// A quote is in hand.
    Quote {
        /// Its number.
        seq: u64,
        /// When the bytes were in hand, nanoseconds of the monotonic clock; one reading per read or answer.
        received_ns: u64,
        /// Bytes of the encoded quote.
        payload_bytes: u32,
    },
    /// The server announced quotes that will not come.
    Gap {
        /// The stream that goes on.
        epoch: Option<Epoch>,
        /// What is lost.
        gap: Gap,
    },
    /// A planned poll was sent.
    Poll {
        /// When the plan holds it, nanoseconds of the monotonic clock.
        planned_ns: u64,
        /// When it was sent, on the same clock.
        issued_ns: u64,
    },
    /// Planned polls were left out because the answer before was still out.
    PollsSkipped {
        /// When the plan holds the first of them, nanoseconds of the monotonic clock.
        first_ns: u64,
        /// From one to the next, nanoseconds.
        interval_ns: u64,
        /// How many.
        count: u64,
    },
    /// An answer without a quote.
    EmptyPoll,
    /// An order was sent upstream.
    OrderSent {
        /// When the plan holds it, nanoseconds of the monotonic clock.
        planned_ns: u64,
    },
    /// An order's acknowledgement is in hand.
    OrderAcknowledged {
        /// When the plan holds the order, nanoseconds of the monotonic clock.
        planned_ns: u64,
        /// When the acknowledgement was in hand, on the same clock.
        acknowledged_ns: u64,
    },
    /// An order was sent and will not be acknowledged.
    OrderLost {
        /// When the plan holds it, nanoseconds of the monotonic clock.
        planned_ns: u64,
        /// One sentence; `None` where another event tells it, or the user was asked to leave.
        reason: Option<Box<str>>,
    },
    /// An order's instant has passed, and the user leaves without having sent it.
    OrderUnsent {
        /// When the plan holds it, nanoseconds of the monotonic clock.
        planned_ns: u64,
    },
    /// The connection ended without having been asked to; the user comes back after a back-off.
    Disconnected {
        /// One sentence.
        reason: Box<str>,
    },
    /// The user gave up; nothing comes after this.
    Failed {
        /// One sentence.
        reason: Box<str>,
    },
}

impl Target {
    /// A fresh back-off for this user.
    #[must_use]
    pub fn new_backoff(&self) -> Backoff {
        Backoff::new(self.backoff, self.seed)
    }

    /// Whether each request gets a connection of its own.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.arm.connection == Connection::Closed
    }

    /// `after=…` and what the arm asks for beside it; what is default is left out, so that request heads stay small.
    #[must_use]
    pub(crate) fn query(&self, after: Option<Cursor>) -> String {
        let mut query = match after {
            Some(cursor) => format!("after={cursor}"),
            None => "after=0".to_owned(),
        };
        if self.arm.delivery == Delivery::Newest {
            query.push_str("&delivery=newest");
            if self.arm.interval_ms > 0 {
                query.push_str(&format!("&interval={}", self.arm.interval_ms));
            }
        }
        if self.arm.encoding != Encoding::Json {
            query.push_str(&format!("&encoding={}", self.arm.encoding));
        }
        if self.arm.flush != Flush::default() {
            query.push_str(&format!("&flush={}", self.arm.flush.name()));
        }
        query
    }

    /// Waits until the user shall leave. A load that has gone away counts as a wish to leave.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stop = self.stop.clone();
        async move {
            let _ = stop.wait_for(|stop| *stop).await;
        }
    }

    /// The work's result, or `None` when the user shall leave first.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stopped() => None,
            result = work => Some(result),
        }
    }

    /// Waits for the feed's start to be known; `None` when the user shall leave first.
    pub(crate) async fn started(&self) -> Option<u64> {
        let mut start = self.start.clone();
        self.unless_stopped(async { start.wait_for(Option::is_some).await.ok().and_then(|start| *start) }).await?
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A target at an address, with the ends that a load would hold.

    use super::*;

    pub(crate) struct Reins {
        pub(crate) start: watch::Sender<Option<u64>>,
        pub(crate) stop: watch::Sender<bool>,
    }

    pub(crate) fn arm(transport: &str) -> Arm {
        Arm {
            name: transport.to_owned(),
            transport: transport.to_owned(),
            connection: Connection::Kept,
            delivery: Delivery::Every,
            interval_ms: 5,
            encoding: Encoding::Json,
            ..Arm::default()
        }
    }

    pub(crate) fn target(address: SocketAddr, arm: Arm) -> (Target, Reins) {
        let (start, start_receiver) = watch::channel(None);
        let (stop, stop_receiver) = watch::channel(false);
        let target = Target {
            address,
            payload_bytes: arm.encoding.least_bytes(),
            arm: Arc::new(arm),
            wait_s: 30,
            orders_per_s: 0.0,
            source: None,
            phase: 0.5,
            start: start_receiver,
            stop: stop_receiver,
            pacer: Pacer::spawn().unwrap(),
            traffic: Arc::default(),
            log: EventLogger::default(),
            patience: Duration::ZERO,
            request_head_bytes: 0,
            backoff: BackoffPolicy { first_ms: 1, longest_ms: 10, first_attempts_max: 3 },
            seed: 1,
        };
        (target, Reins { start, stop })
    }

    #[test]
    fn the_query_names_only_what_is_not_default() {
        let address = "127.0.0.1:1".parse().unwrap();
        let (plain, _reins) = target(address, arm("sse"));
        assert_eq!(plain.query(None), "after=0");
        let special = Arm { delivery: Delivery::Newest, encoding: Encoding::Tick, ..arm("sse") };
        let (special, _reins) = target(address, special);
        assert_eq!(
            special.query(Some("k3f9.7".parse().unwrap())),
            "after=k3f9.7&delivery=newest&interval=5&encoding=tick"
        );
    }
}
