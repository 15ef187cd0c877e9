//! The first moments of one client of a trial, event by event: what a sequence diagram is drawn from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most events that are logged: enough for the set-up and the first quotes, and so few that logging costs nothing.
pub const EVENTS_MAX: usize = 64;

/// Most quotes of the stream's beginning that are told with it.
pub const LOGGED_QUOTES_MAX: usize = 64;

/// What one client did and received first. All instants are nanoseconds since the feed's start on the one monotonic clock,
/// negative before it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct EventLog {
    /// In their order; at most [`EVENTS_MAX`].
    pub events: Vec<LoggedEvent>,
    /// Whether something happened after the log was full.
    pub full: bool,
    /// The first quotes of the stream, received or not: what the server knows of them. At most [`LOGGED_QUOTES_MAX`].
    #[serde(default)]
    pub quotes: Vec<LoggedQuote>,
}

/// One event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LoggedEvent {
    /// When, nanoseconds since the feed's start.
    pub at_ns: i64,
    /// What.
    pub what: Happened,
}

/// What happened to a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It began to dial a connection.
    Dialling,
    /// The connection stands.
    Established,
    /// It sent a request, an upgrade included. Where a connection had to be dialled for it, the dial comes after this and the
    /// request leaves when the connection stands.
    Asked {
        /// The quote that it asks to go on after; `null` for none.
        after: Option<u64>,
        /// Whether it asks to be held until there is a quote.
        held: bool,
    },
    /// An answer is in hand: of a poll with its last byte, of a stream with its head.
    Answered {
        /// The status.
        status: u16,
        /// The quotes in it; `null` for none.
        quotes: Option<QuoteRange>,
        /// Whether the connection ends with it.
        closes: bool,
    },
    /// The stream's first word is in hand.
    Hello,
    /// Pushed quotes are in hand, by one read.
    Pushed {
        /// Which.
        quotes: QuoteRange,
    },
    /// The connection ended unasked.
    Lost,
}

/// Quotes that came together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct QuoteRange {
    /// The lowest number.
    pub first_seq: u64,
    /// The highest.
    pub last_seq: u64,
    /// How many: fewer than the range holds where some were left out.
    pub count: u32,
}

/// A quote as the server knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LoggedQuote {
    /// Its number.
    pub seq: u64,
    /// When it was due, nanoseconds since the feed's start.
    pub due_ns: u64,
    /// When it was published, likewise; `null` where it never was, or the server does not tell.
    pub published_ns: Option<u64>,
}

impl QuoteRange {
    /// The range of `seqs`; `None` of nothing.
    #[must_use]
    pub fn of(seqs: impl Iterator<Item = u64>) -> Option<Self> {
        seqs.fold(None, |range: Option<Self>, seq| {
            Some(range.map_or(Self { first_seq: seq, last_seq: seq, count: 1 }, |range| range.and(seq)))
        })
    }

    /// The same with one more quote.
    #[must_use]
    pub fn and(self, seq: u64) -> Self {
        Self {
            first_seq: self.first_seq.min(seq),
            last_seq: self.last_seq.max(seq),
            count: self.count.saturating_add(1),
        }
    }

    /// Whether quote `seq` lies in it.
    #[must_use]
    pub fn holds(&self, seq: u64) -> bool {
        (self.first_seq..=self.last_seq).contains(&seq)
    }
}
