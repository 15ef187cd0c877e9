//! What an emulated link counted and how exact it was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;

/// What an emulated link saw of a trial, from the first packet of its connections to the last.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LinkReport {
    /// From server to clients.
    pub to_client: LinkWay,
    /// From clients to server.
    pub to_server: LinkWay,
    /// Connections whose SYN came through to the server; a SYN sent again counts once.
    pub connections: u64,
    /// Achieved minus planned delay of each packet, from the read to the write: what the link adds of its own.
    pub error: Distribution,
    /// Achieved minus planned delay of datagrams from one socket to another, both ways, 1,000 a second each, just before the
    /// trial over a link with its delay and nothing else: beside the link's own error, both kernels and the wait for the
    /// link's thread. Empty in files written before it was measured.
    #[serde(default)]
    pub sockets: Distribution,
    /// CPU time of the link's thread within the window, microseconds.
    pub cpu_us: u64,
    /// Length of the window by the wall, microseconds.
    pub wall_us: u64,
    /// Whether the system gave the link's thread real-time priority (it does to root); else its error grows with load.
    pub real_time: bool,
}

impl LinkReport {
    /// Share of one processor that the link took within the window, 0 to 1.
    #[must_use]
    pub fn cpu_share(&self) -> f64 {
        if self.wall_us == 0 { 0.0 } else { self.cpu_us as f64 / self.wall_us as f64 }
    }

    /// Whether nothing was lost, and no handshake was repeated (TCP sends a SYN again after a second).
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let whole = |way: &LinkWay| way.dropped() == 0 && way.sent.syns == self.connections;
        whole(&self.to_client) && whole(&self.to_server)
    }
}

/// One direction of an emulated link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LinkWay {
    /// What was given to the link.
    pub sent: PacketCounts,
    /// Of that, what came out at the other end.
    pub delivered: PacketCounts,
    /// Of the payload in `sent`, bytes that its sender had sent before, whether or not they were missing. 0 in files written
    /// before it was counted.
    #[serde(default)]
    pub repeated_bytes: u64,
    /// Packets lost on purpose.
    pub lost: u64,
    /// Packets dropped because the queue was full.
    pub queue_dropped: u64,
    /// Packets that the system dropped at the link's own ends, which nobody asked for.
    pub interface_dropped: u64,
}

impl LinkWay {
    /// Packets that did not come through, for whatever reason.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lost + self.queue_dropped + self.interface_dropped
    }
}

/// Packets of a trial's connections, from their IP and TCP heads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct PacketCounts {
    /// IP packets.
    pub packets: u64,
    /// Their bytes, heads included.
    pub bytes: u64,
    /// Bytes of TCP payload in them.
    pub payload_bytes: u64,
    /// Segments with payload.
    pub data_segments: u64,
    /// Segments without payload: SYN, FIN, ACK, RST.
    pub bare_segments: u64,
    /// Of these, those with SYN.
    pub syns: u64,
}
