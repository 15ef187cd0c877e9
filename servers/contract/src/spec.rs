//! What is raced: arms and loads. Data, not code.

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

/// A transport plus options. Arms with different delivery are never compared with each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
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
}

/// The way between server and clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Path {
    /// One host, no distance.
    #[default]
    Loopback,
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
}

impl Default for LoadSpec {
    fn default() -> Self {
        Self {
            clients: 10,
            feed: FeedSpec::default(),
            path: Path::Loopback,
            window_ms: 4_000,
            grid_ms: 0,
            warm_up_max_ms: 6_000,
            wait_s: 30,
            connects_per_s: 2_000,
        }
    }
}
