//! The event-stream format (WHATWG HTML §9.2.6), incrementally: bytes may be split anywhere.

use thiserror::Error;

/// Longest line, and longest data of one event, in bytes: twice the largest quote. A stream that goes beyond is not
/// ours, and must not fill the memory.
pub const FIELD_BYTES_MAX: usize = 128 * 1024;

/// A stream that is no event stream of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a line or an event of the stream is longer than {FIELD_BYTES_MAX} bytes")]
pub struct TooLong;

/// What has been read so far. After [`SseParser::advance`] says `true`, the accessors tell the event.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    data: Vec<u8>,
    event: Vec<u8>,
    id: Vec<u8>,
    has_data: bool,
    complete: bool,
    after_cr: bool,
    /// Lines seen, up to 1: a byte order mark may stand before the first only.
    begun: bool,
}

impl SseParser {
    /// Reads from `input` until an event is complete (`true`) or the input is used up (`false`), and leaves in `input`
    /// what was not read.
    ///
    /// # Errors
    /// When a line or an event is too long.
    pub fn advance(&mut self, input: &mut &[u8]) -> Result<bool, TooLong> {
        if std::mem::take(&mut self.complete) {
            self.data.clear();
            self.event.clear();
            self.has_data = false;
        }
        while !input.is_empty() {
            if std::mem::take(&mut self.after_cr) && input[0] == b'\n' {
                *input = &input[1..];
                continue;
            }
            let Some(end) = input.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(input);
                *input = &[];
                break;
            };
            self.after_cr = input[end] == b'\r';
            let (head, rest) = (&input[..end], &input[end + 1..]);
            *input = rest;
            self.end_line(head)?;
            if self.complete {
                return Ok(true);
            }
        }
        if self.line.len() > FIELD_BYTES_MAX { Err(TooLong) } else { Ok(false) }
    }

    /// The data of the complete event, its lines joined with LF.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The type of the complete event; `message` when the stream gave none.
    #[must_use]
    pub fn event_type(&self) -> &[u8] {
        if self.event.is_empty() { b"message" } else { &self.event }
    }

    /// The last id that the stream gave, not necessarily in this event: what `Last-Event-ID` says on return.
    #[must_use]
    pub fn last_event_id(&self) -> &[u8] {
        &self.id
    }

    /// The line that ends with `tail`, which may have begun in earlier input.
    fn end_line(&mut self, tail: &[u8]) -> Result<(), TooLong> {
        if self.line.is_empty() && self.begun {
            return self.read_line(tail);
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(tail);
        let text = if self.begun { &line[..] } else { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line) };
        self.begun = true;
        let result = self.read_line(text);
        line.clear();
        self.line = line;
        result
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), TooLong> {
        if line.len() > FIELD_BYTES_MAX || self.data.len() > FIELD_BYTES_MAX {
            return Err(TooLong);
        }
        if line.is_empty() {
            // An event without data is not dispatched; its type is forgotten.
            self.complete = self.has_data;
            self.event.clear_unless(self.complete);
            return Ok(());
        }
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(0) => return Ok(()), // a comment
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push(b'\n');
                }
                self.data.extend_from_slice(value);
            }
            b"event" => value.clone_into(&mut self.event),
            b"id" if !value.contains(&0) => value.clone_into(&mut self.id),
            // `retry` is left to the load's own stated back-off; unknown fields are ignored, as the standard asks.
            _ => {}
        }
        Ok(())
    }
}

trait ClearUnless {
    fn clear_unless(&mut self, keep: bool);
}
impl ClearUnless for Vec<u8> {
    fn clear_unless(&mut self, keep: bool) {
        if !keep {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Vec<(String, String, String)>;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn read(pieces: &[&[u8]]) -> Seen {
        let (mut parser, mut seen) = (SseParser::default(), Vec::new());
        for piece in pieces {
            let mut input = *piece;
            while parser.advance(&mut input).unwrap() {
                seen.push((text(parser.event_type()), text(parser.last_event_id()), text(parser.data())));
            }
        }
        seen
    }

    fn event(kind: &str, id: &str, data: &str) -> (String, String, String) {
        (kind.to_owned(), id.to_owned(), data.to_owned())
    }

    const STREAM: &str = "\u{FEFF}event: hello\ndata: {\"epoch\":\"k3f9\"}\n\n: heartbeat\n\nid: k3f9.1\r\ndata: one\r\ndata: more\r\n\r\n\
        id:k3f9.2\rdata:two\rdata\rdata:  three\r\rretry: 5\nevent: gone\n\ndata: last\n\ndata: never ended";

    fn expected() -> Seen {
        vec![
            event("hello", "", "{\"epoch\":\"k3f9\"}"),
            event("message", "k3f9.1", "one\nmore"),
            event("message", "k3f9.2", "two\n\n three"),
            event("message", "k3f9.2", "last"),
        ]
    }

    #[test]
    fn split_at_every_byte_and_byte_by_byte_reads_the_same() {
        let bytes = STREAM.as_bytes();
        assert_eq!(read(&[bytes]), expected());
        for at in 0..=bytes.len() {
            assert_eq!(read(&[&bytes[..at], &bytes[at..]]), expected(), "split at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single), expected());
    }

    #[test]
    fn an_id_with_nul_is_ignored_and_an_empty_one_resets() {
        let seen = read(&[b"id: a\ndata: 1\n\nid: b\0\ndata: 2\n\nid\ndata: 3\n\n"]);
        assert_eq!(seen.iter().map(|(_, id, _)| id.as_str()).collect::<Vec<_>>(), ["a", "a", ""]);
    }

    #[test]
    fn a_stream_without_an_end_does_not_fill_the_memory() {
        let mut parser = SseParser::default();
        let piece = [b'x'; 1000];
        let failed = (0..200).any(|_| parser.advance(&mut &piece[..]).is_err());
        assert!(failed, "200,000 bytes without a line end were taken");
        let mut parser = SseParser::default();
        let failed = (0..20_000).any(|_| parser.advance(&mut &b"data: 0123456789\n"[..]).is_err());
        assert!(failed, "an event without an end was taken");
    }
}
