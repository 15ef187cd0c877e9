//! What a sender sends again: payload whose sequence numbers it has used before (RFC 9293 §3.4).
//!
//! On a slow link that happens without any loss: where a request takes longer to cross than twice the round trip that the
//! handshake found, the sender's probe for a lost tail (RFC 8985 §7.2) goes out before the acknowledgement can have come.

use std::collections::HashMap;

use super::packet::Segment;

/// One direction of a connection: address and port of both ends.
type Sender = ([u8; 4], u16, [u8; 4], u16);

/// How far each sender has come: the sequence number after its last byte.
#[derive(Debug, Default)]
pub struct Repeats {
    next: HashMap<Sender, u32>,
}

impl Repeats {
    /// Bytes of the payload of `segment` that its sender had sent before. Segments must come as they were sent: a sender never
    /// leaves a gap.
    pub fn of(&mut self, segment: &Segment) -> u64 {
        let sender = (segment.source, segment.source_port, segment.target, segment.target_port);
        if segment.syn {
            // A new connection, perhaps between ports that had one; SYN takes one number (RFC 9293 §3.4).
            self.next.insert(sender, segment.sequence.wrapping_add(1));
            return 0;
        }
        let end = segment.sequence.wrapping_add(segment.payload_bytes.into());
        let next = self.next.entry(sender).or_insert(segment.sequence);
        // Numbers wrap: what lies less than half of them ahead is new.
        let new = end.wrapping_sub(*next).cast_signed().max(0).cast_unsigned();
        *next = next.wrapping_add(new);
        u64::from(u32::from(segment.payload_bytes).saturating_sub(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::packet::segment;
    use crate::link::packet::tests::packet;

    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;

    fn again(repeats: &mut Repeats, flags: u8, sequence: u32, payload: &[u8]) -> u64 {
        repeats.of(&segment(&packet((9, 80), flags, sequence, payload)).unwrap())
    }

    #[test]
    fn what_was_sent_before_is_repeated_and_the_rest_is_new() {
        let mut repeats = Repeats::default();
        let mut again = |flags, sequence, payload: &[u8]| again(&mut repeats, flags, sequence, payload);
        assert_eq!((again(SYN, 99, b""), again(ACK, 100, b"hello"), again(ACK, 105, b"there")), (0, 0, 0));
        assert_eq!((again(ACK, 105, b"there"), again(ACK, 105, b"")), (5, 0), "an acknowledgement repeats nothing");
        assert_eq!(again(ACK, 108, b"re and on"), 2, "a part of it is new");
        assert_eq!(
            (again(ACK, 100, b"hello"), again(ACK, 117, b"!")),
            (5, 0),
            "old payload does not move the end back"
        );
    }

    #[test]
    fn numbers_wrap_and_connections_are_their_own() {
        let mut repeats = Repeats::default();
        assert_eq!(again(&mut repeats, SYN, u32::MAX - 2, b""), 0);
        assert_eq!((again(&mut repeats, ACK, u32::MAX - 1, b"wrap"), again(&mut repeats, ACK, 2, b"on")), (0, 0));
        assert_eq!(again(&mut repeats, ACK, u32::MAX, b"rap"), 3);
        let other = segment(&packet((10, 80), ACK, 2, b"on")).unwrap();
        assert_eq!(repeats.of(&other), 0, "another port");
        let back = segment(&packet((80, 9), ACK, 2, b"on")).unwrap();
        assert_eq!(repeats.of(&back), 0, "the other way");
        assert_eq!(
            (again(&mut repeats, SYN, 1, b""), again(&mut repeats, ACK, 2, b"on")),
            (0, 0),
            "the port is used anew"
        );
    }
}
