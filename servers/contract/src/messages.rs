//! The JSON on the wire, beside the quotes themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cursor::{Cursor, Epoch};
use crate::feed::FeedSpec;

/// The header that carries the next cursor where the body has no room for it (binary polls).
pub const NEXT_HEADER: &str = "quotes-next";

/// Longest hold of a long poll, in seconds.
pub const WAIT_MAX_S: u64 = 120;
/// Hold of a long poll whose `wait` has no value, in seconds (RFC 6202 §5.5: 30 s is safe).
pub const WAIT_DEFAULT_S: u64 = 30;
/// Distance of idle heartbeats, in milliseconds.
pub const HEARTBEAT_MS: u64 = 15_000;

/// What a poll answers: `{"epoch":…,"quotes":[…],"next":CURSOR}`. The quotes are kept as they stood, so that a
/// reader can count their bytes; a `tick` stands in quotation marks.
#[derive(Debug, Deserialize)]
pub struct PollAnswer<'a> {
    /// The stream.
    pub epoch: Epoch,
    /// The quotes after the cursor asked for, oldest first.
    #[serde(borrow)]
    pub quotes: Vec<&'a RawValue>,
    /// What to pass back as `after`.
    pub next: Cursor,
}

/// Where a stream stands: the first thing an event stream or a socket says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The stream.
    pub epoch: Epoch,
    /// The oldest quote held; newest + 1 when none is.
    pub oldest: u64,
    /// The newest quote published; 0 before the first.
    pub newest: u64,
}

/// Why quotes are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// They have fallen off the tape.
    Evicted,
    /// The cursor belongs to another stream; `first` and `last` count in this one and may name an empty range.
    Epoch,
}

/// Quotes that the reader will not get, announced instead of skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// The first lost quote.
    pub first: u64,
    /// The last lost quote; `first - 1` if none is lost.
    pub last: u64,
}

impl Gap {
    /// How many quotes are lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }
}

/// What a poll with a gap answers, with status 410.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GapAnswer {
    /// One sentence for people.
    pub error: String,
    /// The stream.
    pub epoch: Epoch,
    /// The oldest quote held.
    pub oldest: u64,
    /// What is lost.
    pub gap: Gap,
    /// The cursor that goes on from the oldest quote held.
    pub next: Cursor,
}

/// A message on the socket (text) that is no quote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// `{"hello":…}`: the first message.
    Hello(Hello),
    /// `{"gap":…}`: quotes that will not come.
    Gap(Gap),
    /// `{"order":…}`: upstream.
    Order(Order),
    /// `{"ack":…}`: the answer to an order.
    Ack(Ack),
    /// `{"error":…}`: what was wrong with the last message.
    Error(String),
}

/// An order, sent upstream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Chosen by the client, at most 64 characters; comes back in the acknowledgement.
    pub id: String,
    /// One of the feed's symbols.
    pub symbol: String,
    /// Number of shares, at least 1.
    pub size: u32,
}

/// The acknowledgement of an order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ack {
    /// The order's id.
    pub id: String,
}

/// `GET /health`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Name and version of the server.
    pub software: String,
    /// The stream.
    pub epoch: Epoch,
    /// When the epoch started, in nanoseconds of the server's CLOCK_MONOTONIC; `null` before the feed starts.
    pub start_ns: Option<u64>,
    /// The oldest quote held; newest + 1 when none is.
    pub oldest: u64,
    /// The newest quote published; 0 before the first.
    pub newest: u64,
    /// What the feed was told to do.
    pub feed: FeedSpec,
}

/// The body of every 4xx answer that is no gap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorAnswer {
    /// One sentence: what is wrong and what is allowed.
    pub error: String,
}
