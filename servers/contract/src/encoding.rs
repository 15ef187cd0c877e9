//! The three encodings of a quote. All have a fixed width, so that equal settings give equal bytes on the
//! wire on every machine, and the number of payload bytes can be checked instead of estimated.

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::quote::{PRICE_UNITS, Quote, SYMBOLS};

/// How a quote is written down.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// A JSON object of 120 bytes, padded by its `pad` field.
    #[default]
    Json,
    /// 24 bytes, little-endian: `seq` u64, time u64, price u32, size u32; padded with zeros.
    Binary,
    /// 20 characters of text: `seq` and price, as small as published comparisons used; padded with spaces.
    Tick,
}

impl Encoding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Json, Self::Binary, Self::Tick];

    /// The size without padding that was asked for, in bytes.
    #[must_use]
    pub const fn least_bytes(self) -> usize {
        match self {
            Self::Json => 120,
            Self::Binary => 24,
            Self::Tick => 20,
        }
    }

    /// Whether encoded quotes are UTF-8 text, as SSE needs.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !matches!(self, Self::Binary)
    }

    /// The word used in queries and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Binary => "binary",
            Self::Tick => "tick",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Encoding {
    type Err = DecodeError;
    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::ALL
            .into_iter()
            .find(|e| e.name() == text)
            .ok_or_else(|| DecodeError(format!("`{text}` is no encoding: allowed are json, binary, tick")))
    }
}

/// Bytes that are no quote, or a word that is no encoding.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct DecodeError(String);

/// Writes `quote` in `encoding`, padded to `payload_bytes` (never cut: a smaller number is taken as the
/// encoding's own size).
#[must_use]
pub fn encode(quote: &Quote, encoding: Encoding, payload_bytes: usize) -> Vec<u8> {
    let width = payload_bytes.max(encoding.least_bytes());
    let mut bytes = Vec::with_capacity(width);
    match encoding {
        Encoding::Json => encode_json(quote, width, &mut bytes),
        Encoding::Binary => {
            bytes.extend_from_slice(&quote.seq.to_le_bytes());
            bytes.extend_from_slice(&quote.due_offset_ns.to_le_bytes());
            bytes.extend_from_slice(&quote.price.to_le_bytes());
            bytes.extend_from_slice(&quote.size.to_le_bytes());
            bytes.resize(width, 0);
        }
        Encoding::Tick => {
            let (whole, part) = (quote.price / PRICE_UNITS, quote.price % PRICE_UNITS);
            // Writing to a Vec cannot fail.
            let _ = write!(bytes, "{:010} {whole:04}.{part:04}", quote.seq % 10_000_000_000);
            bytes.resize(width, b' ');
        }
    }
    bytes
}

fn encode_json(quote: &Quote, width: usize, bytes: &mut Vec<u8>) {
    let (whole, part) = (quote.price / PRICE_UNITS, quote.price % PRICE_UNITS);
    // The longest this can be, both u64 at their largest, is 115 bytes: `least_bytes` always has room.
    let _ = write!(
        bytes,
        r#"{{"seq":{},"time_ns":{},"symbol":"{}","price":{whole}.{part:04},"size":{},"pad":""#,
        quote.seq,
        quote.due_offset_ns,
        quote.symbol_name(),
        quote.size
    );
    bytes.resize(width - 2, b'.');
    bytes.extend_from_slice(b"\"}");
}

#[derive(Deserialize)]
struct JsonQuote<'a> {
    seq: u64,
    time_ns: u64,
    symbol: &'a str,
    price: f64,
    size: u32,
}

#[derive(Deserialize)]
struct JsonSeq {
    seq: u64,
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], DecodeError> {
    bytes
        .get(at..at + N)
        .and_then(|slice| slice.try_into().ok())
        .ok_or_else(|| DecodeError(format!("a binary quote has at least 24 bytes, this one has {}", bytes.len())))
}

fn tick_text(bytes: &[u8]) -> Result<(&str, &str), DecodeError> {
    let bad = || {
        DecodeError(format!(
            "`{}` is no tick: SEQ (10 digits), a space, PRICE (0000.0000)",
            String::from_utf8_lossy(bytes)
        ))
    };
    std::str::from_utf8(bytes).ok().and_then(|text| text.trim_end().split_once(' ')).ok_or_else(bad)
}

/// Reads the number of a quote only: all that a receiver needs which knows the plan.
///
/// # Errors
/// When the bytes are no quote in `encoding`.
pub fn decode_seq(bytes: &[u8], encoding: Encoding) -> Result<u64, DecodeError> {
    match encoding {
        Encoding::Json => serde_json::from_slice::<JsonSeq>(bytes)
            .map(|q| q.seq)
            .map_err(|e| DecodeError(format!("not a JSON quote: {e}"))),
        Encoding::Binary => Ok(u64::from_le_bytes(field(bytes, 0)?)),
        Encoding::Tick => {
            let (seq, _) = tick_text(bytes)?;
            seq.parse().map_err(|_| DecodeError(format!("`{seq}` is no number of a quote")))
        }
    }
}

/// Reads a quote. A `binary` quote carries no symbol, a `tick` neither symbol, time nor size: those fields are 0.
///
/// # Errors
/// When the bytes are no quote in `encoding`.
pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Quote, DecodeError> {
    match encoding {
        Encoding::Json => {
            let quote: JsonQuote<'_> =
                serde_json::from_slice(bytes).map_err(|e| DecodeError(format!("not a JSON quote: {e}")))?;
            let symbol = SYMBOLS
                .iter()
                .position(|name| *name == quote.symbol)
                .ok_or_else(|| DecodeError(format!("`{}` is no symbol", quote.symbol)))?;
            let price = (quote.price * f64::from(PRICE_UNITS)).round() as u32;
            // SYMBOLS has 16 entries.
            Ok(Quote { seq: quote.seq, due_offset_ns: quote.time_ns, symbol: symbol as u16, price, size: quote.size })
        }
        Encoding::Binary => Ok(Quote {
            seq: u64::from_le_bytes(field(bytes, 0)?),
            due_offset_ns: u64::from_le_bytes(field(bytes, 8)?),
            symbol: 0,
            price: u32::from_le_bytes(field(bytes, 16)?),
            size: u32::from_le_bytes(field(bytes, 20)?),
        }),
        Encoding::Tick => {
            let (_, price) = tick_text(bytes)?;
            let units = price.replace('.', "").parse().map_err(|_| DecodeError(format!("`{price}` is no price")))?;
            Ok(Quote { seq: decode_seq(bytes, encoding)?, due_offset_ns: 0, symbol: 0, price: units, size: 0 })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quote::PRICE_MAX;

    const QUOTE: Quote = Quote { seq: 42, due_offset_ns: 4_200_000_001, symbol: 1, price: 1_012_503, size: 700 };

    #[test]
    fn looks_as_the_contract_says() {
        let text = |encoding| String::from_utf8(encode(&QUOTE, encoding, 0)).unwrap();
        assert_eq!(text(Encoding::Tick), "0000000042 0101.2503");
        assert_eq!(
            text(Encoding::Json),
            r#"{"seq":42,"time_ns":4200000001,"symbol":"BRVO","price":101.2503,"size":700,"pad":"...................................."}"#
        );
        let binary = encode(&QUOTE, Encoding::Binary, 0);
        assert_eq!(binary[..10], [42, 0, 0, 0, 0, 0, 0, 0, 1, 0xEA]);
    }

    #[test]
    fn width_is_fixed_and_padding_exact_even_for_the_largest_numbers() {
        let widest = Quote { seq: u64::MAX, due_offset_ns: u64::MAX, symbol: 15, price: PRICE_MAX, size: 10_000 };
        for encoding in Encoding::ALL {
            for quote in [QUOTE, widest] {
                assert_eq!(encode(&quote, encoding, 0).len(), encoding.least_bytes());
                assert_eq!(encode(&quote, encoding, 1000).len(), 1000);
            }
        }
    }

    #[test]
    fn read_back_what_was_written() {
        for width in [0, 300] {
            assert_eq!(decode(&encode(&QUOTE, Encoding::Json, width), Encoding::Json), Ok(QUOTE));
            let binary = decode(&encode(&QUOTE, Encoding::Binary, width), Encoding::Binary).unwrap();
            assert_eq!(binary, Quote { symbol: 0, ..QUOTE });
            let tick = decode(&encode(&QUOTE, Encoding::Tick, width), Encoding::Tick).unwrap();
            assert_eq!((tick.seq, tick.price), (42, QUOTE.price));
            for encoding in Encoding::ALL {
                assert_eq!(decode_seq(&encode(&QUOTE, encoding, width), encoding), Ok(42));
            }
        }
    }

    #[test]
    fn damaged_bytes_are_refused_not_guessed() {
        assert!(decode(b"{\"seq\":1", Encoding::Json).is_err());
        assert!(decode(&[0; 23], Encoding::Binary).is_err());
        assert!(decode(b"0000000042", Encoding::Tick).is_err());
        assert!(decode(&[0xFF; 20], Encoding::Tick).is_err());
    }
}
