//! Counts quotes in a stream of bytes by their framing alone.

use super::role::Protocol;

/// Counts the quotes of one connection.
#[derive(Clone, Debug)]
pub struct Scanner {
    protocol: Protocol,
    /// Plain: bytes so far. WebSocket and SSE: messages or events so far, the hello included.
    seen: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// WebSocket: within a frame's head, with what it said so far.
    Head { have: u8, bytes: [u8; 10] },
    /// WebSocket: so many bytes of payload to go.
    Payload(u64),
    /// SSE: how many of the two line feeds that end an event have been seen.
    LineFeeds(u8),
}

impl Scanner {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        let state = match protocol {
            Protocol::Sse => State::LineFeeds(0),
            _ => State::Head { have: 0, bytes: [0; 10] },
        };
        Self { protocol, seen: 0, state }
    }

    /// How many whole quotes have been seen.
    #[must_use]
    pub fn quotes(&self) -> u64 {
        match self.protocol {
            Protocol::Plain(quote_bytes) => self.seen / quote_bytes.max(1) as u64,
            // The first is the hello. Quotes are counted, not read: these measurements are seconds long, without a gap (the
            // tape holds them all) and without a heartbeat (15 s of silence).
            Protocol::WebSocket | Protocol::Sse => self.seen.saturating_sub(1),
        }
    }

    /// Takes the next bytes.
    pub fn scan(&mut self, bytes: &[u8]) {
        match self.protocol {
            Protocol::Plain(_) => self.seen += bytes.len() as u64,
            Protocol::WebSocket => self.scan_frames(bytes),
            Protocol::Sse => self.scan_events(bytes),
        }
    }

    /// RFC 6455 §5.2, frames from a server: no mask.
    fn scan_frames(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            match self.state {
                State::Payload(left) => {
                    let take = left.min(rest.len() as u64);
                    rest = &rest[take as usize..];
                    self.finish_payload(left - take);
                }
                State::Head { mut have, mut bytes } => {
                    bytes[usize::from(have)] = rest[0];
                    have += 1;
                    rest = &rest[1..];
                    let length = bytes[1] & 0x7F;
                    let head = match length {
                        126 => 4,
                        127 => 10,
                        _ => 2,
                    };
                    if have < 2 || have < head {
                        self.state = State::Head { have, bytes };
                        continue;
                    }
                    let payload = match length {
                        126 => u64::from(u16::from_be_bytes([bytes[2], bytes[3]])),
                        127 => bytes[2..10].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
                        short => u64::from(short),
                    };
                    self.finish_payload(payload);
                }
                State::LineFeeds(_) => return,
            }
        }
    }

    fn finish_payload(&mut self, left: u64) {
        if left > 0 {
            self.state = State::Payload(left);
        } else {
            self.seen += 1;
            self.state = State::Head { have: 0, bytes: [0; 10] };
        }
    }

    /// An event ends with an empty line: two line feeds in a row. The sizes of chunks stand between CR LF pairs,
    /// of which no two line feeds follow each other directly.
    fn scan_events(&mut self, bytes: &[u8]) {
        let State::LineFeeds(mut run) = self.state else { return };
        for byte in bytes {
            run = if *byte == b'\n' { run + 1 } else { 0 };
            if run == 2 {
                self.seen += 1;
                run = 0;
            }
        }
        self.state = State::LineFeeds(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotes_in_pieces(protocol: Protocol, bytes: &[u8]) -> Vec<u64> {
        let count = |piece: usize| {
            let mut scanner = Scanner::new(protocol);
            bytes.chunks(piece).for_each(|chunk| scanner.scan(chunk));
            scanner.quotes()
        };
        vec![count(1), count(7), count(bytes.len())]
    }

    #[test]
    fn frames_of_all_three_lengths_split_anywhere() {
        let mut bytes = vec![0x81, 5, b'h', b'e', b'l', b'l', b'o'];
        bytes.extend([0x81, 126, 1, 0]);
        bytes.extend(vec![0; 256]);
        bytes.extend([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        bytes.extend(vec![0; 65_536]);
        assert_eq!(quotes_in_pieces(Protocol::WebSocket, &bytes), [2, 2, 2]);
    }

    #[test]
    fn events_in_chunks_split_anywhere() {
        let bytes = b"1c\r\nevent: hello\ndata: {}\n\n\r\n20\r\nid: abcd.1\ndata: {}\n\nid: abcd.2\ndata: {}\n\n\r\n";
        assert_eq!(quotes_in_pieces(Protocol::Sse, bytes), [2, 2, 2]);
    }

    #[test]
    fn plain_bytes() {
        assert_eq!(quotes_in_pieces(Protocol::Plain(10), &[0; 39]), [3, 3, 3]);
    }
}
