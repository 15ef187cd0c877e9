//! What the wire meter counts: the JSON of the control port. All numbers are totals since the server started,
//! so that the difference of two snapshots is what happened between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Classes of quotes per write: 1, 2, 3–4, 5–8, … and above 1,024.
pub const PER_WRITE_CLASSES: usize = 12;

/// Totals over all connections a server accepted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct WireMeter {
    /// Whether the meter counted at all (`false` when it was switched off to measure its own cost).
    pub enabled: bool,
    /// Connections accepted.
    pub connections_accepted: u64,
    /// Of these, how many are open now.
    pub connections_open: u64,
    /// How often none could be accepted for want of descriptors or memory; it is tried again after a pause. 0 in files
    /// written before it was counted.
    #[serde(default)]
    pub accepts_failed: u64,
    /// Connections whose FIN the server sent before it saw the client's.
    pub closed_by_server_first: u64,
    /// HTTP requests received: their whole head has been read.
    pub requests: u64,
    /// Of these, requests that upgraded the connection.
    pub upgrades: u64,
    /// Bytes read from sockets, above TCP and below the HTTP library.
    pub bytes_in: u64,
    /// Bytes written to sockets, above TCP and below the HTTP library.
    pub bytes_out: u64,
    /// Of `bytes_in`, those of the first request head of each connection, its blank line included.
    pub first_head_bytes_in: u64,
    /// Of `bytes_out`, those of the first response head of each connection, its blank line included.
    pub first_head_bytes_out: u64,
    /// Bytes of encoded quotes, as transports handed them over, counted with the write that carried them.
    pub payload_bytes_out: u64,
    /// Bytes of bodies or messages, as transports handed them over: quotes and what is wrapped around them
    /// above the library's own framing.
    pub body_bytes_out: u64,
    /// Bytes of bodies or messages that clients sent (orders).
    pub body_bytes_in: u64,
    /// Quotes that transports handed over, counted likewise.
    pub quotes_out: u64,
    /// Writes to sockets that took at least one byte.
    pub writes_out: u64,
    /// How many writes carried quotes, by how many: 1, 2, 3–4, 5–8, … (see [`PER_WRITE_CLASSES`]).
    pub quotes_per_write: [u64; PER_WRITE_CLASSES],
    /// What the kernel counted, over closed and open connections.
    pub tcp: TcpTotals,
}

/// Sums of `TCP_INFO` (Linux 4.19 or newer), from the server's side.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TcpTotals {
    /// Connections that could be asked. Where the system has no `TCP_INFO` this stays 0 and nothing below is measured.
    pub connections: u64,
    /// Of these, connections whose segments carry no timestamps (RFC 7323 §3): heads are 12 bytes shorter there. Files
    /// that do not say so were written where all had them.
    #[serde(default)]
    pub connections_without_timestamps: u64,
    /// Payload bytes sent, retransmissions included.
    pub bytes_sent: u64,
    /// Of these, retransmitted.
    pub bytes_retrans: u64,
    /// Bytes written and not yet sent.
    pub notsent_bytes: u64,
    /// Payload bytes received, in order (a FIN counts as one byte).
    pub bytes_received: u64,
    /// Segments sent; the SYN-ACK is missing on the accepting side.
    pub segs_out: u64,
    /// Segments received.
    pub segs_in: u64,
    /// Segments sent that carried payload.
    pub data_segs_out: u64,
    /// Segments received that carried payload.
    pub data_segs_in: u64,
    /// Segments retransmitted.
    pub retrans: u64,
}

macro_rules! sum_fields {
    ($to:expr, $from:expr, $($field:ident)+) => { $( $to.$field += $from.$field; )+ };
}

impl TcpTotals {
    /// Adds another set of totals.
    pub fn add(&mut self, other: &Self) {
        sum_fields!(self, other, connections connections_without_timestamps bytes_sent bytes_retrans notsent_bytes bytes_received segs_out segs_in data_segs_out data_segs_in retrans);
    }
}

/// What a process has used since it started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProcessUsage {
    /// CPU time in user space, microseconds.
    pub user_us: u64,
    /// CPU time in the kernel, microseconds. On loopback a sender's system calls run the receiver's TCP input too.
    pub system_us: u64,
    /// Resident memory now, bytes; 0 where the system does not tell.
    pub resident_bytes: u64,
    /// Largest resident memory so far, bytes.
    pub resident_peak_bytes: u64,
    /// Open file descriptors; 0 where the system does not tell.
    pub descriptors: u64,
}

impl ProcessUsage {
    /// User and system CPU time, microseconds.
    #[must_use]
    pub fn cpu_us(&self) -> u64 {
        self.user_us + self.system_us
    }
}

/// What `GET /meter` on the control port answers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ControlSnapshot {
    /// When it was taken, nanoseconds of CLOCK_MONOTONIC.
    pub taken_ns: u64,
    /// The wire.
    pub meter: WireMeter,
    /// The server process.
    pub process: ProcessUsage,
}
