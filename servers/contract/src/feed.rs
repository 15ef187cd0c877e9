//! What a feed is told to do: the specification that, with its seed, fixes every quote and its due instant.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::encoding::Encoding;
use crate::quote::SYMBOLS;

/// How quotes follow each other in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// One every 1/rate seconds. Locks phase with anything else that is periodic: see the method page.
    Periodic,
    /// Independent exponential gaps with mean 1/rate: what theory is checked against.
    Poisson,
    /// Groups of this many quotes due at one instant; groups follow at equal distances so that the mean rate holds.
    Bursts(u32),
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Periodic => f.write_str("periodic"),
            Self::Poisson => f.write_str("poisson"),
            Self::Bursts(size) => write!(f, "bursts-{size}"),
        }
    }
}

impl FromStr for Arrivals {
    type Err = FeedSpecError;
    fn from_str(text: &str) -> Result<Self, FeedSpecError> {
        match text {
            "periodic" => Ok(Self::Periodic),
            "poisson" => Ok(Self::Poisson),
            _ => match text.strip_prefix("bursts-").and_then(|n| n.parse().ok()) {
                Some(size) if size > 0 => Ok(Self::Bursts(size)),
                _ => Err(FeedSpecError::Arrivals(text.to_owned())),
            },
        }
    }
}

/// The specification of a feed. Equal specifications give equal quotes at equal offsets, on every machine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedSpec {
    /// The seed of all that is random in the feed.
    pub seed: u64,
    /// How many symbols take turns, 1 to 16.
    pub symbols: u16,
    /// How quotes follow each other.
    pub arrivals: Arrivals,
    /// Quotes per second over the whole stream, 0.01 to 1,000,000.
    pub rate_per_s: f64,
    /// Encoded size of a quote in bytes; 0 means the encoding's own size. Larger sizes are padded.
    pub payload_bytes: u32,
}

impl Default for FeedSpec {
    fn default() -> Self {
        Self { seed: 1, symbols: 4, arrivals: Arrivals::Poisson, rate_per_s: 10.0, payload_bytes: 0 }
    }
}

/// Largest payload a feed may be asked for.
pub const PAYLOAD_BYTES_MAX: u32 = 65_536;

impl FeedSpec {
    /// Says what is wrong with the specification, if anything is.
    ///
    /// # Errors
    /// When a field is outside its range.
    pub fn check(&self) -> Result<(), FeedSpecError> {
        if !(1..=SYMBOLS.len()).contains(&usize::from(self.symbols)) {
            return Err(FeedSpecError::Symbols(self.symbols));
        }
        if !(0.01..=1_000_000.0).contains(&self.rate_per_s) {
            return Err(FeedSpecError::Rate(self.rate_per_s));
        }
        if self.payload_bytes > PAYLOAD_BYTES_MAX {
            return Err(FeedSpecError::PayloadMax(self.payload_bytes));
        }
        Ok(())
    }

    /// The encoded size of each quote in `encoding`, in bytes.
    ///
    /// # Errors
    /// When a size was asked for that is smaller than the encoding needs.
    pub fn payload_bytes_in(&self, encoding: Encoding) -> Result<usize, FeedSpecError> {
        let least = encoding.least_bytes();
        match self.payload_bytes as usize {
            0 => Ok(least),
            asked if asked >= least => Ok(asked),
            asked => Err(FeedSpecError::Payload { asked, encoding, least }),
        }
    }
}

/// What is wrong with a feed's specification.
#[derive(Debug, Error, PartialEq)]
pub enum FeedSpecError {
    /// An unknown pattern of arrivals.
    #[error("`{0}` is no pattern of arrivals: allowed are periodic, poisson, and bursts-N with N of at least 1")]
    Arrivals(String),
    /// Too many symbols, or none.
    #[error("{0} symbols: allowed are 1 to 16")]
    Symbols(u16),
    /// A rate outside the range.
    #[error("{0} quotes per second: allowed are 0.01 to 1,000,000")]
    Rate(f64),
    /// A payload above the largest.
    #[error("{0} bytes per quote: allowed are at most {PAYLOAD_BYTES_MAX}")]
    PayloadMax(u32),
    /// A payload smaller than the encoding needs.
    #[error("{asked} bytes per quote: {encoding} needs at least {least}; ask for more, or for 0 to get its own size")]
    Payload {
        /// The size asked for.
        asked: usize,
        /// The encoding.
        encoding: Encoding,
        /// The smallest size it can have.
        least: usize,
    },
}
