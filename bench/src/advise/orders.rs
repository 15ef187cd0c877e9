//! What messages up add: on a socket a masked frame and one back; elsewhere a POST and its answer on a connection beside the
//! stream, as the suite's clients send them. Modelled from their texts; the experiment `duplex` measures them.

use wirerace_contract::descriptor::Wraps;
use wirerace_contract::results::ArmEntry;

/// What one message up and its acknowledgement take.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Order {
    /// Packets' bytes, both ways: least and most (with or without acknowledgements of their own).
    pub bytes: (f64, f64),
    /// Requests.
    pub requests: f64,
    /// Connections that stand beside the others, for each client.
    pub connections: f64,
}

const BODY: &str = r#"{"id":"0000000000000001.00000001","symbol":"ACME","size":100}"#;
const ACK: &str = r#"{"id":"0000000000000001.00000001"}"#;
const REQUEST: &str = "POST /orders HTTP/1.1\r\ncontent-type: application/json\r\naccept: */*\r\nhost: 127.0.0.1:54321\r\n\
                       content-length: 61\r\n\r\n";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 34\r\ncache-control: no-store\r\n\
                        access-control-allow-origin: *\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";
/// `{"order":…}` and `{"ack":…}`.
const WRAPS_BYTES: usize = r#"{"order":}"#.len() + r#"{"ack":}"#.len();
/// Head of a masked frame up to 125 bytes, and of one back (RFC 6455 §5.2).
const FRAME_HEADS_BYTES: usize = 6 + 2;
/// Heads of IPv4 and TCP with timestamps.
const SEGMENT_HEAD: f64 = 52.0;

/// One message up of `entry`.
#[must_use]
pub(super) fn order(entry: &ArmEntry) -> Order {
    let both = (BODY.len() + ACK.len()) as f64;
    let (own, requests) = if entry.descriptor.wraps == Some(Wraps::Frames) {
        ((WRAPS_BYTES + FRAME_HEADS_BYTES) as f64, 0.0)
    } else {
        ((REQUEST.len() + RESPONSE.len()) as f64, 1.0)
    };
    let least = both + own + 2.0 * SEGMENT_HEAD;
    Order { bytes: (least, least + 2.0 * SEGMENT_HEAD), requests, connections: requests }
}
