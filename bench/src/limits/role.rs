//! The processes that the limits are measured with: bare floors to compare with, and raw clients so that the server
//! is what is measured. Each is this program again, told its role by one line of JSON on stdin.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use wirerace_contract::feed::FeedSpec;

pub(super) use crate::child_lines::{read_line, write_line};
use crate::failure::Failure;
use crate::{child, pinning};

/// What a process is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A bare loop that writes the same bytes to every plain socket.
    PushFloor(PushFloor),
    /// A bare responder: the same answer to every request.
    RespondFloor(RespondFloor),
    /// Reads pushes and counts quotes without decoding them.
    RawReader(RawReader),
    /// Sends polls at a fixed rate and counts answers.
    RawPoller(RawPoller),
}

/// See [`Role::PushFloor`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PushFloor {
    /// Processor to be pinned to.
    pub cpu: Option<u32>,
    /// Sockets to wait for before it is ready to start.
    pub connections: u32,
    /// When quotes are due.
    pub feed: FeedSpec,
    /// Bytes on the wire of one quote.
    pub quote_bytes: usize,
    /// Quotes in one write.
    pub quotes_per_write: u64,
}

/// See [`Role::RespondFloor`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RespondFloor {
    /// Processor to be pinned to.
    pub cpu: Option<u32>,
    /// Length of the answer, head included, bytes: as long as the server's that it is compared with.
    pub answer_bytes: usize,
}

/// How quotes are told apart on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// So many bytes are one quote.
    Plain(usize),
    /// WebSocket frames; the first is the hello.
    WebSocket,
    /// Events; the first is the hello.
    Sse,
}

/// See [`Role::RawReader`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawReader {
    /// Processor to be pinned to.
    pub cpu: Option<u32>,
    /// The server.
    pub address: SocketAddr,
    /// Sockets to open.
    pub connections: u32,
    /// How quotes are told apart.
    pub protocol: Protocol,
    /// When quotes are due.
    pub feed: FeedSpec,
}

/// See [`Role::RawPoller`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawPoller {
    /// Processor to be pinned to.
    pub cpu: Option<u32>,
    /// The server.
    pub address: SocketAddr,
    /// Kept connections.
    pub connections: u32,
    /// Requests per second over all connections.
    pub requests_per_s: u32,
}

/// A child's address, once it listens or is connected.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// Where it listens; the address it speaks to for clients.
    pub address: SocketAddr,
}

/// Second line of stdin: when to do it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Go {
    /// Instant at which the feed starts, CLOCK_MONOTONIC.
    pub start_ns: u64,
    /// Begin of the measured window, nanoseconds since the start.
    pub from_offset_ns: u64,
    /// Its end.
    pub to_offset_ns: u64,
}

/// What a raw client counted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    /// Quotes due (or requests answered) within the window, over all connections.
    pub delivered: u64,
    /// Of the quotes due, those that did not come.
    pub lost: u64,
    /// 99th percentile of lateness (of the time from request to answer), nanoseconds.
    pub p99_ns: u64,
    /// Length of one answer, head included, bytes (polls only).
    pub answer_bytes: usize,
}

/// Runs the role that stdin tells.
///
/// # Errors
/// When the role cannot be played: one sentence.
pub fn play() -> Result<(), Failure> {
    child::follow_parent_to_the_end();
    let role: Role = read_line()?;
    let outcome = match role {
        Role::PushFloor(floor) => pinned(floor.cpu).and_then(|()| super::floor::push(&floor)),
        Role::RespondFloor(floor) => pinned(floor.cpu).and_then(|()| super::floor::respond(&floor)),
        Role::RawReader(reader) => pinned(reader.cpu).and_then(|()| super::raw_reader::run(&reader)),
        Role::RawPoller(poller) => pinned(poller.cpu).and_then(|()| super::raw_poller::run(&poller)),
    };
    outcome.map_err(Failure::from)
}

fn pinned(cpu: Option<u32>) -> anyhow::Result<()> {
    cpu.map_or(Ok(()), |cpu| pinning::pin_to(cpu).map_err(anyhow::Error::msg))
}
