//! Heads of IPv4 and TCP, as far as counting needs them (RFC 791 §3.1, RFC 9293 §3.1).

use wirerace_contract::results::PacketCounts;

const PROTOCOL_TCP: u8 = 6;
const FLAG_SYN: u8 = 0x02;
const FLAG_ACK: u8 = 0x10;

/// What the heads of a TCP segment say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Address of the sender.
    pub source: [u8; 4],
    /// Port of the sender.
    pub source_port: u16,
    /// Address of the receiver.
    pub target: [u8; 4],
    /// Port of the receiver.
    pub target_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Bytes of the IP packet.
    pub packet_bytes: u16,
    /// Bytes of payload.
    pub payload_bytes: u16,
    /// Whether it opens a connection, or answers such a one.
    pub syn: bool,
    /// Whether it acknowledges something.
    pub ack: bool,
}

/// Reads the heads of a packet; `None` if it is no whole TCP segment in an IPv4 packet.
#[must_use]
pub fn segment(packet: &[u8]) -> Option<Segment> {
    let ip = packet.first_chunk::<20>()?;
    let ip_head = usize::from(ip[0] & 15) * 4;
    let packet_bytes = u16::from_be_bytes([ip[2], ip[3]]);
    let fragment_offset = u16::from_be_bytes([ip[6], ip[7]]) & 0x1fff;
    if ip[0] >> 4 != 4 || ip[9] != PROTOCOL_TCP || fragment_offset > 0 || usize::from(packet_bytes) > packet.len() {
        return None;
    }
    let tcp = packet.get(ip_head..)?.first_chunk::<20>()?;
    let heads = ip_head + usize::from(tcp[12] >> 4) * 4;
    let payload_bytes = packet_bytes.checked_sub(u16::try_from(heads).ok()?)?;
    Some(Segment {
        source: [ip[12], ip[13], ip[14], ip[15]],
        source_port: u16::from_be_bytes([tcp[0], tcp[1]]),
        target: [ip[16], ip[17], ip[18], ip[19]],
        target_port: u16::from_be_bytes([tcp[2], tcp[3]]),
        sequence: u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]),
        packet_bytes,
        payload_bytes,
        syn: tcp[13] & FLAG_SYN != 0,
        ack: tcp[13] & FLAG_ACK != 0,
    })
}

/// Adds a segment to the counts.
pub fn count(counts: &mut PacketCounts, segment: &Segment) {
    counts.packets += 1;
    counts.bytes += u64::from(segment.packet_bytes);
    counts.payload_bytes += u64::from(segment.payload_bytes);
    counts.data_segments += u64::from(segment.payload_bytes > 0);
    counts.bare_segments += u64::from(segment.payload_bytes == 0);
    counts.syns += u64::from(segment.syn);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A segment from 10.77.0.1 to 10.76.0.1 with timestamps (32 bytes of TCP head), as Linux sends it.
    pub(crate) fn packet(ports: (u16, u16), flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let total = 52 + payload.len() as u16;
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, PROTOCOL_TCP, 0, 0, 10, 77, 0, 1, 10, 76, 0, 1];
        packet[2..4].copy_from_slice(&total.to_be_bytes());
        packet.extend(ports.0.to_be_bytes());
        packet.extend(ports.1.to_be_bytes());
        packet.extend(sequence.to_be_bytes());
        packet.extend([0, 0, 0, 0, 8 << 4, flags, 0, 0, 0, 0, 0, 0]);
        packet.extend([1; 12]);
        packet.extend(payload);
        packet
    }

    #[test]
    fn heads_say_who_and_how_much() {
        let seen = segment(&packet((40_000, 80), FLAG_ACK, 77, b"hello")).unwrap();
        let expected = Segment {
            source: [10, 77, 0, 1],
            source_port: 40_000,
            target: [10, 76, 0, 1],
            target_port: 80,
            sequence: 77,
            packet_bytes: 57,
            payload_bytes: 5,
            syn: false,
            ack: true,
        };
        assert_eq!(seen, expected);
        let mut counts = PacketCounts::default();
        count(&mut counts, &seen);
        count(&mut counts, &segment(&packet((40_000, 80), FLAG_SYN, 76, b"")).unwrap());
        let both =
            PacketCounts { packets: 2, bytes: 109, payload_bytes: 5, data_segments: 1, bare_segments: 1, syns: 1 };
        assert_eq!(counts, both);
    }

    #[test]
    fn what_is_no_whole_segment_is_not_read() {
        let good = packet((1, 2), FLAG_ACK, 0, b"data");
        for cut in 0..good.len() {
            assert_eq!(segment(&good[..cut]), None, "cut at {cut}");
        }
        let changed = |at: usize, to: u8| {
            let mut packet = good.clone();
            packet[at] = to;
            segment(&packet)
        };
        assert_eq!(changed(0, 0x65), None, "version 6");
        assert_eq!(changed(9, 17), None, "UDP");
        assert_eq!(changed(7, 1), None, "a later fragment holds no TCP head");
        assert_eq!(changed(32, 15 << 4), None, "a head longer than the packet");
        assert!(changed(8, 1).is_some());
    }
}
