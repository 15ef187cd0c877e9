//! Where a reader is on the tape: `EPOCH.SEQ`, for example `k3f9.1041`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Four characters, `0-9` and `a-z`, that change whenever a server starts another stream, so that a reader
/// of an old stream is told so instead of silently reading a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Epoch([u8; 4]);

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

impl Epoch {
    /// The epoch made of the four lowest base-36 digits of `number`.
    #[must_use]
    pub fn from_number(mut number: u64) -> Self {
        let mut text = [b'0'; 4];
        for digit in text.iter_mut().rev() {
            // A remainder of a division by 36 is below 36, the length of ALPHABET.
            *digit = ALPHABET[(number % 36) as usize];
            number /= 36;
        }
        Self(text)
    }

    /// The four characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in: `from_number` takes it from ALPHABET, `from_str` checks it.
        std::str::from_utf8(&self.0).unwrap_or("0000")
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Epoch {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        match <[u8; 4]>::try_from(text.as_bytes()) {
            Ok(bytes) if bytes.iter().all(|b| ALPHABET.contains(b)) => Ok(Self(bytes)),
            _ => Err(CursorError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Epoch {
    type Error = CursorError;
    fn try_from(text: String) -> Result<Self, CursorError> {
        text.parse()
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.as_str().to_owned()
    }
}

/// A place on the tape: everything up to and including `seq` has been read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Cursor {
    /// The stream the number belongs to.
    pub epoch: Epoch,
    /// The last quote read; 0 before the first.
    pub seq: u64,
}

impl Cursor {
    /// The cursor as text, without allocating: every answer to a poll has one in it.
    #[must_use]
    pub fn text(self) -> CursorText {
        let mut text = CursorText { bytes: [0; CURSOR_BYTES_MAX], begin: CURSOR_BYTES_MAX };
        let mut rest = self.seq;
        loop {
            // A remainder of a division by 10 is a digit.
            text.prepend(&[b'0' + (rest % 10) as u8]);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        text.prepend(b".");
        text.prepend(&self.epoch.0);
        text
    }
}

/// The longest cursor, bytes: an epoch, a point, and the digits of the largest number.
const CURSOR_BYTES_MAX: usize = 4 + 1 + 20;

/// A cursor as text: see [`Cursor::text`].
#[derive(Clone, Copy, Debug)]
pub struct CursorText {
    bytes: [u8; CURSOR_BYTES_MAX],
    begin: usize,
}

impl CursorText {
    fn prepend(&mut self, part: &[u8]) {
        let end = self.begin;
        self.begin -= part.len();
        self.bytes[self.begin..end].copy_from_slice(part);
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits, a point, and an epoch, which is ASCII.
        std::str::from_utf8(&self.bytes[self.begin..]).unwrap_or_default()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bad = || CursorError(text.to_owned());
        let (epoch, seq) = text.split_once('.').ok_or_else(bad)?;
        if !seq.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad()); // u64's own parser would take a plus sign
        }
        Ok(Self { epoch: epoch.parse().map_err(|_| bad())?, seq: seq.parse().map_err(|_| bad())? })
    }
}

impl TryFrom<String> for Cursor {
    type Error = CursorError;
    fn try_from(text: String) -> Result<Self, CursorError> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

/// The `after` parameter: where a reader asks to begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    /// Left out: only what is published from now on.
    Now,
    /// `0`: from the oldest quote that is still held.
    Oldest,
    /// After this place.
    Cursor(Cursor),
}

impl FromStr for After {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        if text == "0" { Ok(Self::Oldest) } else { text.parse().map(Self::Cursor) }
    }
}

/// The text is no cursor.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a cursor: allowed are EPOCH.SEQ as an answer gave it (for example k3f9.1041), and 0 for the oldest quote held"
)]
pub struct CursorError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let cursor: Cursor = "k3f9.1041".parse().unwrap();
        assert_eq!((cursor.epoch.as_str(), cursor.seq), ("k3f9", 1041));
        assert_eq!(cursor.to_string(), "k3f9.1041");
        assert_eq!("0".parse(), Ok(After::Oldest));
        assert_eq!(serde_json::to_string(&cursor).unwrap(), "\"k3f9.1041\"");
        for (seq, text) in [(0, "k3f9.0"), (9, "k3f9.9"), (10, "k3f9.10"), (u64::MAX, "k3f9.18446744073709551615")] {
            let cursor = Cursor { seq, ..cursor };
            assert_eq!((cursor.text().as_str(), cursor.to_string().parse()), (text, Ok(cursor)));
        }
    }

    #[test]
    fn what_is_not_a_cursor_is_named() {
        for text in [
            "",
            ".",
            "k3f9",
            "k3f9.",
            "k3f9.+1",
            "k3f9.-1",
            "K3F9.1",
            "k3f90.1",
            "k3f9.1.2",
            "k3f9.99999999999999999999999",
            "1",
        ] {
            let error = text.parse::<After>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")) && error.contains("EPOCH.SEQ"), "{error}");
        }
    }

    #[test]
    fn epochs_count_in_base_36() {
        assert_eq!(Epoch::from_number(0).as_str(), "0000");
        assert_eq!(Epoch::from_number(36 + 35).as_str(), "001z");
    }
}
