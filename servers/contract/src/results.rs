//! The files a run leaves behind. `results/schema/` holds their JSON Schemas, generated from these types.

mod events;
mod link;
mod manifest;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::descriptor::Descriptor;
use crate::distribution::Distribution;
use crate::meter::{ControlSnapshot, ProcessUsage};
use crate::spec::{Arm, LoadSpec};

pub use self::events::{EVENTS_MAX, EventLog, Happened, LOGGED_QUOTES_MAX, LoggedEvent, LoggedQuote, QuoteRange};
pub use self::link::{LinkReport, LinkWay, PacketCounts};
pub use self::manifest::{
    ArmEntry, BrowserRun, Calibration, Cell, Environment, Manifest, Margins, Pinning, REHEARSED_SHARES, Rehearsal,
    RehearsedQuotes, RunFile, SelfTestRow, SelfTestStanding, SelfTestSummary,
};

/// Version of all files below. Raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// Whether a trial may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Used.
    Valid,
    /// The machine was disturbed from outside; its block is repeated, at most twice.
    Tainted,
    /// The meters contradict each other, or a process died: never used.
    Void,
}

/// One line of `trials.jsonl`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Name of the cell.
    pub cell: String,
    /// 1, 2, 3 …
    pub block: u32,
    /// Place of this trial in the order of its block, from 1.
    pub position: u32,
    /// 1, or more when the block was repeated.
    pub attempt: u32,
    /// When it began, UTC, ISO 8601.
    pub started_utc: String,
    /// The arm.
    pub arm: Arm,
    /// Its transport.
    pub descriptor: Descriptor,
    /// The load.
    pub load: LoadSpec,
    /// Whether it may be used.
    pub standing: Standing,
    /// Why not.
    pub reasons: Vec<String>,
    /// What was measured; `null` when the trial broke before it could be.
    pub measured: Option<Measured>,
}

/// What one trial measured.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// What the clients saw.
    pub client: ClientReport,
    /// What the server's meter saw, at four instants.
    pub server: MeterStages,
    /// published − due, over the quotes of the window: the harness's own error.
    pub publisher_lateness: Distribution,
    /// Bytes by layer.
    pub ledger: Ledger,
    /// CPU time within the window.
    pub cpu: Cpu,
    /// What the emulated link saw; `null` on other paths.
    #[serde(default)]
    pub link: Option<LinkReport>,
}

/// Snapshots of the server's meter.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MeterStages {
    /// All clients connected, the feed not yet started.
    pub connected: ControlSnapshot,
    /// The window begins.
    pub window_start: ControlSnapshot,
    /// The window ends.
    pub window_end: ControlSnapshot,
    /// Every client has the last quote, connections still open.
    pub drained: ControlSnapshot,
    /// Every connection closed.
    pub closed: ControlSnapshot,
}

/// Quotes that were due within these bounds are measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Begin, nanoseconds since the feed started.
    pub start_offset_ns: u64,
    /// End, nanoseconds since the feed started.
    pub end_offset_ns: u64,
    /// First quote due in it.
    pub first_seq: u64,
    /// Last quote due in it.
    pub last_seq: u64,
    /// Whether two successive seconds agreed before it began.
    pub warm_up_agreed: bool,
}

/// What the load process counted and timed.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ClientReport {
    /// Clients wanted. Like the four counts below, 0 in files written before clients were counted.
    #[serde(default)]
    pub clients: u32,
    /// Of these, connected when the load went on to the start.
    #[serde(default)]
    pub clients_connected: u32,
    /// The others: they gave up, or were not connected in time and were sent away. An outcome, not a fault of the trial:
    /// every quote of such a client is lost, and it holds nothing.
    #[serde(default)]
    pub clients_refused: u32,
    /// Of [`Self::clients_connected`], those that gave up later, or whose server began another stream. What they had until
    /// then counts, the rest is lost.
    #[serde(default)]
    pub clients_gave_up: u32,
    /// Clients that did not leave when they were told to and had to be cut off.
    #[serde(default)]
    pub clients_cut: u32,
    /// The measured window.
    pub window: Window,
    /// Over the whole life of the load, per client and quote.
    pub quotes: QuoteCounts,
    /// Within the window.
    pub window_quotes: QuoteCounts,
    /// received − due, over the window's quotes.
    pub lateness: Distribution,
    /// received − published, likewise; empty when the published times were out of reach.
    pub transit: Distribution,
    /// Last client's receipt minus the first client's, for each quote of the window that all clients received
    /// that were connected at the start.
    pub spread: Distribution,
    /// How old is what a client shows.
    pub staleness: Staleness,
    /// What went over the wire, as the clients know it.
    pub traffic: Traffic,
    /// issued − planned of each poll of the window; empty for transports that do not plan polls.
    pub plan_error: Distribution,
    /// Quotes in hand − poll issued, for each planned poll of the window that was answered with quotes: one exchange. Empty
    /// for transports that do not plan polls, and in files written before it was measured.
    #[serde(default)]
    pub exchange: Distribution,
    /// What was sent upstream while quotes came.
    #[serde(default)]
    pub orders: Orders,
    /// The load process at the window's begin, its end, and when it was done.
    pub process: LoadUsage,
    /// The first few errors in words.
    pub errors: Vec<String>,
    /// What the first client did and received first. Kept of the first block's trials only; `null` elsewhere, and in files
    /// written before it was logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventLog>,
}

/// Every quote of every client is accounted for: received + superseded + lost = planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct QuoteCounts {
    /// Quotes due × clients.
    pub planned: u64,
    /// Received, each once.
    pub received: u64,
    /// Left out on purpose, a newer one having come (delivery `newest` only).
    pub superseded: u64,
    /// Never received.
    pub lost: u64,
    /// Received again.
    pub duplicates: u64,
    /// Received after a newer one.
    pub out_of_order: u64,
    /// Received before it was due: clocks or plans disagree, and the trial is void.
    pub early: u64,
}

/// Orders planned, sent upstream and acknowledged: planned = sent + never sent, sent = acknowledged + lost. The window's
/// counts are those of orders whose planned instant lies within it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Orders {
    /// Sent, over the whole life.
    pub issued: u64,
    /// Acknowledged, over the whole life.
    pub acknowledged: u64,
    /// Sent and never acknowledged, over the whole life: refused, or still out when the connection ended. Like the three
    /// other counts that files may lack, 0 in those written before orders were counted by their plan.
    #[serde(default)]
    pub lost: u64,
    /// Orders that the plan holds within the window, over the clients connected at the start.
    #[serde(default)]
    pub window_planned: u64,
    /// Of those planned within the window, sent.
    pub window_issued: u64,
    /// Of those planned within the window, never sent: the one before was still out when the client left.
    #[serde(default)]
    pub window_unsent: u64,
    /// Of those planned within the window, acknowledged.
    pub window_acknowledged: u64,
    /// Of those planned within the window, sent and never acknowledged.
    #[serde(default)]
    pub window_lost: u64,
    /// Acknowledged − planned, of the orders planned within the window. An order that had to wait for the one before
    /// it counts from its own planned instant; one that was never sent, or lost, is infinitely late.
    pub latency: Distribution,
}

/// What the clients did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// Connections dialled that were established.
    pub connections_dialled: u64,
    /// Beside these, dials whose end the client did not see, so that the server may have accepted them: dropped under
    /// way, or reset. A refused dial is none of them: nobody accepted it.
    #[serde(default)]
    pub dials_unclear: u64,
    /// Dials that failed because the load had no descriptor, port or memory left: its own limit, which says nothing of
    /// the server, so that the trial is void.
    #[serde(default)]
    pub dials_starved: u64,
    /// HTTP requests sent, upgrades and event streams included. One without a connection to be sent on is none.
    pub requests: u64,
    /// Of these, requests whose connection broke before an answer began: the server may not have read them.
    #[serde(default)]
    pub requests_unanswered: u64,
    /// Times that a client came back after a disconnect it had not asked for.
    pub reconnects: u64,
    /// Gaps that the server announced.
    pub gaps: u64,
    /// Planned polls whose turn came, over the whole life: the sum of the next two.
    pub polls_planned: u64,
    /// Of these, sent.
    pub polls_issued: u64,
    /// Of these, left out because the answer before was still out.
    pub polls_skipped: u64,
    /// Of [`Self::polls_issued`], those planned within the window. How many the window holds follows from the plan.
    #[serde(default)]
    pub window_polls_issued: u64,
    /// Of [`Self::polls_skipped`], those planned within the window.
    #[serde(default)]
    pub window_polls_skipped: u64,
    /// Answers without a quote.
    pub polls_empty: u64,
    /// Bytes of encoded quotes received.
    pub payload_bytes: u64,
}

/// Excess staleness: how much older the newest quote a client holds is than what a reader with zero delay
/// would hold, per symbol, as an exact average over time and clients. A client without any quote of a
/// symbol, refused ones included, counts as if what it shows were as old as the stream, and as wrong.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Staleness {
    /// Mean over time, clients and symbols, nanoseconds; `null` where it is not a number.
    #[serde(deserialize_with = "null_is_nan")]
    #[schemars(extend("type" = ["number", "null"]))]
    pub mean_ns: f64,
    /// Median over time; weighted by duration in whole microseconds. Likewise below.
    pub p50_ns: u64,
    /// 99th percentile over time.
    pub p99_ns: u64,
    /// Share of time, 0 to 1, in which the price shown differs from the newest; `null` where it is not a number.
    #[serde(deserialize_with = "null_is_nan")]
    #[schemars(extend("type" = ["number", "null"]))]
    pub wrong_price_share: f64,
}

/// JSON has no NaN, and serde writes `null` for it. Read back as what it was it costs no more than itself: summaries take it
/// for missing and use the rest of the trial.
fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// The load process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoadUsage {
    /// All clients connected, the feed not yet started.
    pub connected: ProcessUsage,
    /// The window begins.
    pub window_start: ProcessUsage,
    /// The window ends.
    pub window_end: ProcessUsage,
}

/// CPU time within the window, microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    /// Length of the window by the wall, microseconds; 0 where CPU time was not measured at all.
    pub wall_us: u64,
    /// The whole machine: all processors' time that was not idle and not stolen; `null` where the system does not tell.
    pub machine_us: Option<u64>,
    /// Time stolen by the virtual machine monitor; `null` where the system does not tell.
    pub steal_us: Option<u64>,
    /// The server process.
    pub server_us: u64,
    /// The load process.
    pub load_us: u64,
}

/// Bytes by layer, over the whole life of all connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ledger {
    /// From server to clients.
    pub to_client: Layers,
    /// From clients to server.
    pub to_server: Layers,
    /// The part of both that set-up took: until all clients were connected and before the first quote, and after
    /// the last was received. What only a link's counts show is not told apart by time and belongs to the steady state.
    pub set_up: Layers,
}

/// Bytes by layer in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Layers {
    /// Encoded quotes.
    pub payload: u64,
    /// What wraps them: WebSocket frame heads, SSE fields, chunk sizes, JSON envelope, hello and heartbeats.
    pub framing: u64,
    /// HTTP request and response heads.
    pub heads: u64,
    /// IP and TCP heads of segments that carry bytes; `null` where the system does not tell.
    pub tcp_ip_data: Option<u64>,
    /// IP and TCP heads of segments without bytes (SYN, FIN, ACK); `null` likewise.
    pub tcp_ip_bare: Option<u64>,
    /// What the wire carried beyond all others: bytes sent again, and on a link, which counts every packet, also what only
    /// its counts show (what clients sent again, packets that were lost on the way to the server, SACK options, repeated
    /// handshakes). Without a link it is what the server's TCP sent again. `null` where the system does not tell, and in
    /// files written before it was a layer of its own: there what the server sent again stands under `tcp_ip_data`.
    #[serde(default)]
    pub sent_again: Option<u64>,
}

impl Layers {
    /// Bytes above TCP.
    #[must_use]
    pub fn application(&self) -> u64 {
        self.payload + self.framing + self.heads
    }

    /// Bytes of IP packets; `None` where the system does not tell.
    #[must_use]
    pub fn packets(&self) -> Option<u64> {
        Some(self.application() + self.tcp_ip_data? + self.tcp_ip_bare? + self.sent_again.unwrap_or(0))
    }
}
