//! Where an HTTP head ends, however it is split over reads or writes.

/// Counts the bytes of the first head in a stream of bytes, its blank line included.
///
/// A head ends with an empty line. Lines end with CRLF, but a recipient may take a single LF (RFC 9112 §2.2), and
/// hyper does: so the end is LF, LF or LF, CR, LF.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HeadCounter {
    /// Bytes seen so far, and where in a possible end the last of them is.
    Looking { bytes: u32, seen: LineEnd },
    /// The end was seen: later bytes are not looked at.
    Done,
}

/// How much of an empty line has been seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LineEnd {
    Nothing,
    Lf,
    LfCr,
}

impl HeadCounter {
    pub(super) const fn new() -> Self {
        Self::Looking { bytes: 0, seen: LineEnd::Nothing }
    }

    /// Looks at the next bytes. `Some` with the size of the head in the one call in which it ends.
    pub(super) fn take(&mut self, chunk: &[u8]) -> Option<u64> {
        let Self::Looking { bytes, seen } = self else { return None };
        for byte in chunk {
            *bytes = bytes.saturating_add(1);
            *seen = match (*byte, *seen) {
                (b'\n', LineEnd::Nothing) => LineEnd::Lf,
                (b'\n', _) => {
                    let size = u64::from(*bytes);
                    *self = Self::Done;
                    return Some(size);
                }
                (b'\r', LineEnd::Lf) => LineEnd::LfCr,
                _ => LineEnd::Nothing,
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn the_end_is_found_wherever_the_bytes_are_split() {
        let stream = [HEAD, b"body\r\n\r\nmore"].concat();
        for first in 0..stream.len() {
            for second in first..stream.len() {
                let mut counter = HeadCounter::new();
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                let found: Vec<u64> = parts.iter().filter_map(|part| counter.take(part)).collect();
                assert_eq!(found, [HEAD.len() as u64], "split at {first} and {second}");
            }
        }
    }

    #[test]
    fn bare_line_feeds_end_a_head_too_and_half_ends_do_not() {
        let size = |bytes: &[u8]| HeadCounter::new().take(bytes);
        assert_eq!(size(b"GET / HTTP/1.0\n\nx"), Some(16));
        assert_eq!(size(b"a: b\n\r\n"), Some(7));
        assert_eq!(size(b"a: b\r\n\rc\r\n\r"), None);
        assert_eq!(size(b"a\r\r\r\r"), None);
        assert_eq!(size(b""), None);
    }
}
