//! The lanes of one stream: a feed, its tape, and for each arm a server of its own. A new run gets new ones, so that
//! every meter begins at nothing and no connection is left over from the run before.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::descriptor::{Delivers, Wraps};
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::meter::{ControlSnapshot, WireMeter};
use wirerace_contract::results::{ArmEntry, Layers};
use wirerace_contract::spec::{Delay, Path};
use wirerace_servers::feed::{Feed, FeedOptions, SLICE_US};
use wirerace_servers::listener::{ListenOptions, Listener, ServerHandle};
use wirerace_servers::tape::Tape;
use wirerace_servers::wire_meter::{LINGER_MAX, Meter};

use super::cross_origin::{CrossOrigin, allowing};
use super::knobs::Knobs;
use super::seats::Role;
use crate::failure::{Failure, file_failure};
use crate::{environment, ledger, registry};

/// Between the word that a run starts and its first instant: time for the pages to connect.
pub(super) const START_LEAD: Duration = Duration::from_millis(500);
/// How long a kept connection may be idle: longer than anybody's distance of polls.
const IDLE_MAX: Duration = Duration::from_secs(150);
/// Connections of each server: forty pages with the six that a browser opens to one, and some to spare.
const CONNECTIONS_MAX: usize = 512;
/// How long servers of an earlier run still answer.
const GOING_OVER: Duration = Duration::from_millis(1_500);
/// How long they wait then for their clients to leave.
const LEAVING: Duration = Duration::from_secs(2);

/// Everything that delivers the quotes of one run.
pub(super) struct Lanes {
    /// The feed and its tape.
    pub(super) feed: FeedSpec,
    tape: Tape,
    thread: Feed,
    published: Arc<NamedTempFile>,
    lanes: Vec<Lane>,
}

/// One arm. Who watches has servers of their own, so that the meter counts the page that has control and nobody else.
pub(super) struct Lane {
    /// The arm, with its transport.
    pub(super) entry: ArmEntry,
    measured: Server,
    watched: Server,
}

struct Server {
    handle: ServerHandle,
    meter: Meter,
    congestion_control: Option<String>,
}

impl Lanes {
    /// Opens the servers at `host`, each on a port that the system gives; the feed waits. To be called within a runtime.
    ///
    /// # Errors
    /// When an address, the feed's thread or a file cannot be had.
    pub(super) fn open(knobs: &Knobs, host: IpAddr, pages: CrossOrigin) -> Result<Self, Failure> {
        let feed = knobs.feed();
        feed.check().map_err(|error| Failure::Failed(error.to_string()))?;
        let epoch = Epoch::from_number(monotonic_ns() / 1_000);
        let tape = Tape::new(epoch, feed.clone(), tape_capacity(knobs.payload_bytes));
        tape.time_precisely();
        let published =
            NamedTempFile::new().map_err(|error| file_failure("create a file in", &std::env::temp_dir(), &error))?;
        let options = FeedOptions { published_log: Some(published.path().to_owned()), slice_us: Some(SLICE_US) };
        let thread = Feed::spawn(tape.clone(), options)
            .map_err(|error| Failure::Failed(format!("cannot start the feed's thread: {error}")))?;
        let entries = registry::default_arm_names().map(|name| registry::arm(name, knobs.interval_ms));
        let entries = entries.collect::<Result<Vec<_>, _>>().map_err(Failure::Failed)?;
        // All ports before the first server: a server that is at work would stay when a later port is not to be had.
        let ports = entries.iter().map(|_| Ok((bind(host, knobs)?, bind(host, knobs)?)));
        let ports = ports.collect::<Result<Vec<_>, Failure>>()?;
        let lane = |(entry, (measured, watched)): (ArmEntry, _)| {
            let server = |listener| Server::serve(listener, &entry, &tape, pages);
            Ok(Lane { measured: server(measured)?, watched: server(watched)?, entry })
        };
        let lanes = entries.into_iter().zip(ports).map(lane).collect::<Result<_, Failure>>()?;
        Ok(Self { feed, tape, thread, published: Arc::new(published), lanes })
    }

    /// Starts the feed in a moment.
    pub(super) fn start(&self) {
        // It has just been made: nobody else has started or stopped it.
        let _ = self.thread.start_at(monotonic_ns() + START_LEAD.as_nanos() as u64);
    }

    /// No quote more; connections stay, so that what is on its way arrives.
    pub(super) fn stop(&self) {
        self.thread.stop_after(0);
    }

    /// Nanoseconds since the epoch's start, negative before it; 0 when no start is fixed.
    pub(super) fn now_ns(&self) -> i64 {
        let now_ns = monotonic_ns() as i64;
        self.tape.start_ns().map_or(0, |start_ns| now_ns - start_ns as i64)
    }

    /// The instant that due times count from; `None` when no start is fixed.
    pub(super) fn start_ns(&self) -> Option<u64> {
        self.tape.start_ns()
    }

    /// The stream's name.
    pub(super) fn epoch(&self) -> Epoch {
        self.tape.epoch()
    }

    /// The newest quote published; 0 before the first.
    pub(super) fn newest(&self) -> u64 {
        self.tape.newest()
    }

    /// Where it is logged when each quote was published; the file is there as long as somebody has this.
    pub(super) fn published(&self) -> Arc<NamedTempFile> {
        Arc::clone(&self.published)
    }

    /// Scheduler slice of the feed's thread, microseconds; `None` where the kernel offers none.
    pub(super) fn feed_slice_us(&self) -> Option<u64> {
        self.thread.status().slice_us
    }

    /// The congestion control of the connections; `None` where the system does not tell.
    pub(super) fn congestion_control(&self) -> Option<String> {
        self.lanes.first()?.measured.congestion_control.clone()
    }

    /// All meters now, in the order of the lanes.
    pub(super) fn snapshots(&self) -> Vec<ControlSnapshot> {
        let now = |lane: &Lane| ControlSnapshot { taken_ns: monotonic_ns(), meter: lane.meter(), ..Default::default() };
        self.lanes.iter().map(now).collect()
    }

    /// In the order of charts and tables.
    pub(super) fn all(&self) -> &[Lane] {
        &self.lanes
    }

    /// Another distance, at once and for connections that are open too.
    pub(super) fn set_delay(&self, delay: Delay) {
        let servers = self.lanes.iter().flat_map(|lane| [&lane.measured, &lane.watched]);
        for delays in servers.filter_map(|server| server.handle.delays()) {
            // The knob's limits lie within the listener's.
            let _ = delays.set(delay);
        }
    }

    /// Ends everything in good order: streams, sockets and held polls are told, then cut if they do not leave. New requests
    /// are still answered for a moment, so that a page which is just going over to the next run meets no closed port.
    pub(super) async fn retire(self, patience: Duration) {
        self.stop();
        tokio::time::sleep(GOING_OVER).await;
        self.tape.close();
        let servers = self.lanes.into_iter().flat_map(|lane| [lane.measured, lane.watched]);
        futures_util::future::join_all(servers.map(|server| server.handle.shutdown(LEAVING + patience))).await;
    }
}

/// Quotes that a tape holds: enough for the slowest polls at the highest rate, bounded by memory for large payloads, each
/// of which may stand there twice, and soon full, so that a long run takes no more than a short one.
fn tape_capacity(payload_bytes: u32) -> usize {
    const MEMORY_BYTES: usize = 160 << 20;
    const ENTRY_BYTES: usize = 512;
    (MEMORY_BYTES / (2 * payload_bytes as usize + ENTRY_BYTES)).clamp(1_024, 8_192)
}

impl Lane {
    /// What its meter shows now.
    pub(super) fn meter(&self) -> WireMeter {
        self.measured.meter.snapshot()
    }

    /// The port that a page of this role connects to.
    pub(super) fn port(&self, role: Role) -> u16 {
        let server = if role == Role::Control { &self.measured } else { &self.watched };
        server.handle.local_addr().port()
    }

    /// Its meter for the page, with bytes by layer.
    pub(super) fn told(&self) -> Value {
        let meter = self.meter();
        let (to_client, to_server) = ledger::layers(&meter, self.entry.descriptor.delivers);
        let mut told = by_layer(&to_client);
        told.insert("up".to_owned(), Value::Object(by_layer(&to_server)));
        for (name, count) in [
            ("requests", meter.requests),
            ("upgrades", meter.upgrades),
            ("connections", meter.connections_accepted),
            ("open", meter.connections_open),
            ("quotes", meter.quotes_out),
        ] {
            told.insert(name.to_owned(), count.into());
        }
        Value::Object(told)
    }

    /// What the page asks for every quote, or for the newest.
    pub(super) fn paths(&self) -> Value {
        let every = match self.entry.descriptor.wraps {
            Some(Wraps::Events) => "/events",
            Some(Wraps::Frames) => "/socket",
            Some(Wraps::Answers) | None => "/quotes",
        };
        let newest = if self.entry.descriptor.delivers == Delivers::Planned { "/quotes/latest" } else { every };
        json!({ "every": every, "newest": newest })
    }
}

/// Layers by the page's names; `null` where the system does not tell.
fn by_layer(layers: &Layers) -> Map<String, Value> {
    let all = [
        ("payload", Some(layers.payload)),
        ("framing", Some(layers.framing)),
        ("heads", Some(layers.heads)),
        ("tcp_ip", layers.tcp_ip_data),
        ("acks", layers.tcp_ip_bare),
        ("bytes", layers.packets()),
    ];
    all.into_iter().map(|(name, bytes)| (name.to_owned(), bytes.into())).collect()
}

/// The longest that ends of connections may take, whatever round trip is set on the way.
fn patience() -> Duration {
    Path::Delayed(Delay { one_way_delay_us: (Knobs::RTT_MAX_MS * 500.0) as u64 }).patience()
}

fn bind(host: IpAddr, knobs: &Knobs) -> Result<Listener, Failure> {
    let options = ListenOptions {
        address: SocketAddr::new(host, 0),
        max_segment_bytes: environment::MAX_SEGMENT_BYTES,
        max_connections: CONNECTIONS_MAX,
        header_timeout: IDLE_MAX + patience(),
        delay: Some(knobs.delay()),
        ..ListenOptions::default()
    };
    Listener::bind(options).map_err(|error| Failure::Failed(error.to_string()))
}

impl Server {
    fn serve(listener: Listener, entry: &ArmEntry, tape: &Tape, pages: CrossOrigin) -> Result<Self, Failure> {
        let congestion_control = listener.congestion_control().map(str::to_owned);
        let meter = Meter::with_linger(true, LINGER_MAX + patience());
        let row = registry::row(&entry.arm.transport).map_err(Failure::Failed)?;
        let routes: [Router; 2] = [wirerace_servers::health::routes(tape.clone()), (row.routes)(tape.clone())];
        let router = allowing(wirerace_servers::compose(routes), pages, entry.arm.connection);
        Ok(Self { handle: listener.serve(router, meter.clone()), meter, congestion_control })
    }
}
