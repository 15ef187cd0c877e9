//! What is raced: arms and loads. Data, not code.

use std::net::Ipv4Addr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::Encoding;
use crate::feed::FeedSpec;

/// Whether a client keeps its connection between requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connection {
    /// Kept, as HTTP/1.1 does unless told otherwise (RFC 9112 §9.3).
    #[default]
    Kept,
    /// A new one for each request: the client sends `Connection: close`, the server closes first.
    Closed,
}

/// Which quotes a client wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// All of them.
    #[default]
    Every,
    /// Only the newest, at most once per interval.
    Newest,
}

impl Delivery {
    /// The word used in queries and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::Newest => "newest",
        }
    }
}

/// When a server that pushes over a socket flushes what it has written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Flush {
    /// Once all that is ready has been written: a burst is one write. Nothing waits for more to come.
    #[default]
    Drain,
    /// After each message, as a plain loop over `send` does: a burst is as many writes as it has quotes.
    Each,
}

impl Flush {
    /// The word used in queries and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Each => "each",
        }
    }
}

/// A transport plus options. Arms with different delivery are never compared with each other.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// What charts and tables call it.
    pub name: String,
    /// The transport's code.
    pub transport: String,
    /// Whether the connection is kept between requests.
    #[serde(default)]
    pub connection: Connection,
    /// Which quotes the client wants.
    #[serde(default)]
    pub delivery: Delivery,
    /// For planned polls the distance of two polls, for `newest` pushed the least distance of two quotes; milliseconds.
    /// Ignored where neither applies.
    #[serde(default)]
    pub interval_ms: u32,
    /// How quotes are written down.
    #[serde(default)]
    pub encoding: Encoding,
    /// When the server flushes, on transports that offer the choice.
    #[serde(default)]
    pub flush: Flush,
    /// Polls for the newest quote leave out `If-None-Match`, so that a quote that has not changed is sent again.
    #[serde(default)]
    pub unconditional: bool,
}

/// The way between server and clients. Every figure names it.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// One host, no distance.
    #[default]
    Loopback,
    /// Emulated distance with real IP packets: handshakes, acknowledgements and slow start are the kernel's own.
    Link(Link),
    /// Reads and writes held back inside the server's socket wrapper. TCP below it is still loopback's.
    Delayed(Delay),
}

impl Path {
    /// Time that a packet takes one way, seconds, without jitter and queue.
    #[must_use]
    pub fn one_way_delay_s(&self) -> f64 {
        let us = match self {
            Self::Loopback => 0,
            Self::Link(link) => link.one_way_delay_us,
            Self::Delayed(delay) => delay.one_way_delay_us,
        };
        us as f64 / 1e6
    }

    /// What results call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Link(_) => "link",
            Self::Delayed(_) => "delayed",
        }
    }
}

/// Longest [`Path::patience`]: whoever needs more than that would look hung.
const PATIENCE_MAX_S: f64 = 120.0;
/// What three losses in a row cost a segment at TCP's first timeout of 1 s, which doubles (RFC 6298): 1 + 2 + 4, seconds.
const THREE_TIMEOUTS_S: f64 = 7.0;

impl Path {
    /// Added to every deadline that loopback would meet: time for an orderly end of a connection (four round trips,
    /// when a close frame goes before the FINs), for what stands in the link's queue, and for losses on the way.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let round_trip_s = 2.0 * self.one_way_delay_s();
        let more_s = match self {
            Self::Link(link) => {
                let jitter_s = 2.0 * link.jitter_us as f64 / 1e6;
                let lossy = link.loss_share > 0.0;
                4.0 * jitter_s + 2.0 * link.queue_s() + if lossy { 2.0 * THREE_TIMEOUTS_S } else { 0.0 }
            }
            Self::Loopback | Self::Delayed(_) => 0.0,
        };
        Duration::from_secs_f64((4.0 * round_trip_s + more_s).clamp(0.0, PATIENCE_MAX_S))
    }
}

/// An emulated link, the same in both directions.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Every packet takes at least this long, microseconds; at most 60 s.
    pub one_way_delay_us: u64,
    /// And up to this much longer, drawn evenly for each packet, microseconds. Packets never overtake each other.
    #[serde(default)]
    pub jitter_us: u64,
    /// Bits of IP packets per second (IP and TCP heads are charged); 0 for no limit.
    #[serde(default)]
    pub rate_bits_per_s: u64,
    /// Share of packets lost, 0 to 1.
    #[serde(default)]
    pub loss_share: f64,
    /// Mean length of a run of lost packets; 1 (or 0) loses each packet on its own (Gilbert's model otherwise).
    #[serde(default)]
    pub loss_burst_packets: f64,
    /// Packets that may wait for their turn on a link with a rate; more are dropped. 0 means 1,000.
    #[serde(default)]
    pub queue_packets: u32,
}

/// Packets that wait on a link with a rate where nothing else is said.
pub const LINK_QUEUE_PACKETS: u32 = 1_000;
/// Largest packet on a link, bytes: Ethernet's, which leaves 1448 bytes of payload beside heads and timestamps.
pub const LINK_MTU_BYTES: u32 = 1_500;
/// Longest delay that may be asked for, microseconds.
pub const DELAY_MAX_US: u64 = 60_000_000;

impl Link {
    /// The server's address on a link.
    pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 76, 0, 1);
    /// The first of the clients' addresses on a link: all of 10.77.0.0/16 is theirs.
    pub const CLIENTS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

    /// Packets that may wait for their turn.
    #[must_use]
    pub const fn queue_packets_max(&self) -> u32 {
        if self.queue_packets == 0 { LINK_QUEUE_PACKETS } else { self.queue_packets }
    }

    /// How long a full queue of the largest packets takes to empty, seconds; 0 without a rate.
    #[must_use]
    pub fn queue_s(&self) -> f64 {
        if self.rate_bits_per_s == 0 {
            return 0.0;
        }
        8.0 * f64::from(self.queue_packets_max()) * f64::from(LINK_MTU_BYTES) / self.rate_bits_per_s as f64
    }

    /// Says what cannot be had, if anything.
    ///
    /// # Errors
    /// The first thing found, with what is allowed.
    pub fn check(&self) -> Result<(), String> {
        for (what, us) in [("one_way_delay_us", self.one_way_delay_us), ("jitter_us", self.jitter_us)] {
            if us > DELAY_MAX_US {
                return Err(format!("{what} = {us}: allowed are 0 to {DELAY_MAX_US}"));
            }
        }
        let (share, burst) = (self.loss_share, self.loss_burst_packets);
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("loss_share = {share}: allowed are 0 to 1"));
        }
        if !(0.0..=1e6).contains(&burst) {
            return Err(format!("loss_burst_packets = {burst}: allowed are 0 to 1,000,000"));
        }
        // Runs of losses are at least one packet apart.
        if burst > 1.0 && share < 1.0 && share > burst / (burst + 1.0) {
            return Err(format!(
                "loss_share = {share} in runs of {burst} packets: runs of this mean length make up at most {:.3} of all packets",
                burst / (burst + 1.0)
            ));
        }
        Ok(())
    }
}

/// In-server delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// Every byte is held back this long, each way, microseconds; at most 60 s.
    pub one_way_delay_us: u64,
}

/// Total bytes of HTTP heads, reached with one padding header field; 0 leaves heads as they come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadProfile {
    /// Bytes of each request head, request line and empty line included.
    #[serde(default)]
    pub request_bytes: u32,
    /// Bytes of each response head, status line and empty line included.
    #[serde(default)]
    pub response_bytes: u32,
}

/// What every arm of a cell carries: the same for all.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadSpec {
    /// Simulated users, each with connections of its own.
    pub clients: u32,
    /// What is sent.
    pub feed: FeedSpec,
    /// The way between server and clients.
    #[serde(default)]
    pub path: Path,
    /// How large HTTP heads are.
    #[serde(default)]
    pub heads: HeadProfile,
    /// Length of the measured window, milliseconds; rounded up to a whole number of intervals.
    pub window_ms: u64,
    /// The window begins on a whole multiple of this after the feed's start, so that all arms of a block measure the same
    /// quotes; 0 means the arm's own interval.
    #[serde(default)]
    pub grid_ms: u32,
    /// The warm-up ends at the latest after this, milliseconds, whether two successive seconds agree or not; 0 means
    /// no warm-up at all.
    pub warm_up_max_ms: u64,
    /// How long a long poll asks to be held, seconds.
    pub wait_s: u64,
    /// Most connections opened per second while the load connects.
    pub connects_per_s: u32,
    /// Orders that each client sends upstream while quotes stream, per second, at planned instants; 0 for none.
    #[serde(default)]
    pub orders_per_s: f64,
}

impl Default for LoadSpec {
    fn default() -> Self {
        Self {
            clients: 10,
            feed: FeedSpec::default(),
            path: Path::Loopback,
            heads: HeadProfile::default(),
            window_ms: 4_000,
            grid_ms: 0,
            warm_up_max_ms: 6_000,
            wait_s: 30,
            connects_per_s: 2_000,
            orders_per_s: 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            one_way_delay_us: 15_000,
            jitter_us: 0,
            rate_bits_per_s: 0,
            loss_share: 0.0,
            loss_burst_packets: 0.0,
            queue_packets: 0,
        }
    }

    #[test]
    fn patience_grows_with_everything_that_keeps_a_connection_waiting() {
        assert_eq!(Path::Loopback.patience(), Duration::ZERO);
        assert_eq!(Path::Link(link()).patience(), Duration::from_millis(120));
        let delayed = Path::Delayed(Delay { one_way_delay_us: 500_000 });
        assert_eq!(delayed.patience(), Duration::from_secs(4));
        // 1,000 packets of 1,500 bytes at 1 Mbit/s are 12 s.
        let slow = Path::Link(Link { rate_bits_per_s: 1_000_000, ..link() });
        assert_eq!(slow.patience(), Duration::from_millis(24_120));
        let lossy = Path::Link(Link { loss_share: 0.02, ..link() });
        assert_eq!(lossy.patience(), Duration::from_millis(14_120));
        let endless = Path::Link(Link { rate_bits_per_s: 1, ..link() });
        assert_eq!(endless.patience(), Duration::from_secs(120));
    }

    #[test]
    fn links_that_cannot_be_had_are_named() {
        assert_eq!(link().check(), Ok(()));
        for (wrong, word) in [
            (Link { one_way_delay_us: DELAY_MAX_US + 1, ..link() }, "one_way_delay_us"),
            (Link { jitter_us: DELAY_MAX_US + 1, ..link() }, "jitter_us"),
            (Link { loss_share: 1.1, ..link() }, "loss_share"),
            (Link { loss_share: f64::NAN, ..link() }, "loss_share"),
            (Link { loss_burst_packets: -1.0, ..link() }, "loss_burst_packets"),
            (Link { loss_share: 0.9, loss_burst_packets: 4.0, ..link() }, "at most 0.800"),
        ] {
            assert!(wrong.check().unwrap_err().contains(word), "{wrong:?}");
        }
    }
}
