//! Head profiles: how HTTP heads get a size to the byte. Both sides use the same arithmetic, each on the head that it is
//! about to write.

use std::fmt;

use thiserror::Error;

/// The field that fills a head up. Short, so that a profile can be close to what a head needs by itself.
pub const PADDING_FIELD: &str = "x-pad";
/// What that field takes without a value, bytes: name, colon, space, line end.
pub const PADDING_LEAST_BYTES: usize = PADDING_FIELD.len() + 4;

/// Which head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadKind {
    /// What a client sends.
    Request,
    /// What a server answers.
    Response,
}

impl fmt::Display for HeadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Response => "response",
        })
    }
}

/// A profile that a head does not fit into.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error(
    "{kind} heads of {asked_bytes} bytes: this one takes {natural_bytes} as it comes, and padded at least {}",
    .natural_bytes + PADDING_LEAST_BYTES
)]
pub struct HeadTooSmall {
    /// Which head.
    pub kind: HeadKind,
    /// What the profile asks for.
    pub asked_bytes: u32,
    /// What the head takes without padding.
    pub natural_bytes: usize,
}

/// Bytes of one field, its line end included.
#[must_use]
pub const fn field_bytes(name_bytes: usize, value_bytes: usize) -> usize {
    name_bytes + 2 + value_bytes + 2
}

/// Decimal digits of `number`.
#[must_use]
pub fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// The value of [`PADDING_FIELD`] that brings a head of `natural_bytes` to `total_bytes`: `None` for no such field, because
/// `total_bytes` is 0 or what the head has by itself.
///
/// # Errors
/// When the head is larger, or smaller by less than the field takes.
pub fn padding(kind: HeadKind, natural_bytes: usize, total_bytes: u32) -> Result<Option<String>, HeadTooSmall> {
    let total = total_bytes as usize;
    if total == 0 || total == natural_bytes {
        return Ok(None);
    }
    match total.checked_sub(natural_bytes + PADDING_LEAST_BYTES) {
        Some(value_bytes) => Ok(Some("a".repeat(value_bytes))),
        None => Err(HeadTooSmall { kind, asked_bytes: total_bytes, natural_bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_and_its_padding_have_the_size_asked_for_or_both_numbers_are_said() {
        let of = |natural, total| padding(HeadKind::Response, natural, total);
        assert_eq!((of(100, 0), of(100, 100)), (Ok(None), Ok(None)));
        assert_eq!(of(100, 109), Ok(Some(String::new())));
        let padded = of(100, 8_908).unwrap().unwrap();
        assert_eq!(100 + field_bytes(PADDING_FIELD.len(), padded.len()), 8_908);
        for total in [1, 99, 101, 108] {
            let said = of(100, total).unwrap_err().to_string();
            assert!(
                said.contains(&format!("response heads of {total} bytes")) && said.contains("at least 109"),
                "{said}"
            );
        }
        assert_eq!([0, 9, 10, 99, 100].map(digits), [1, 1, 2, 2, 3]);
    }
}
