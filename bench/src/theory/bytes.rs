//! Bytes by layer: exact functions of the contract's encodings and messages, of head sizes, and of how many quotes an
//! answer carries. Only segments without data are a range: acknowledgements depend on the regime (delayed for 40 ms,
//! at once at the start, carried by data that goes the other way anyway).

use wirerace_contract::descriptor::{Delivers, Wraps};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Connection, Delivery, LoadSpec, Path};

use super::heads::Heads;
use super::law::Law;
use super::setting::AnswerSize;

/// Heads of IPv4 and TCP with timestamps: 20 (RFC 791) + 20 (RFC 9293) + 12 (RFC 7323).
const SEGMENT_HEAD: f64 = 52.0;
/// The same with the options of a handshake.
const SYN: f64 = 60.0;
/// Most bytes of data in one segment: 1,460 less the timestamps.
const SEGMENT_DATA: f64 = 1_448.0;

/// From … to, bytes.
pub type Range = (f64, f64);

/// Bytes by layer in one direction.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Direction {
    /// Encoded quotes.
    pub payload: f64,
    /// What wraps them.
    pub framing: f64,
    /// HTTP heads.
    pub heads: f64,
    /// TCP/IP heads of segments with data, one write per answer or quote.
    pub tcp_ip_data: f64,
    /// Segments without data.
    pub tcp_ip_bare: Range,
}

impl Direction {
    /// Bytes above TCP.
    #[must_use]
    pub fn application(&self) -> f64 {
        self.payload + self.framing + self.heads
    }

    /// `self` and `times` of `other`.
    #[must_use]
    pub fn and(&self, other: &Self, times: f64) -> Self {
        let sum = |pick: fn(&Self) -> f64| pick(self) + times * pick(other);
        Self {
            payload: sum(|d| d.payload),
            framing: sum(|d| d.framing),
            heads: sum(|d| d.heads),
            tcp_ip_data: sum(|d| d.tcp_ip_data),
            tcp_ip_bare: (sum(|d| d.tcp_ip_bare.0), sum(|d| d.tcp_ip_bare.1)),
        }
    }
}

/// Bytes in both directions.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Bytes {
    /// From server to client.
    pub to_client: Direction,
    /// From client to server.
    pub to_server: Direction,
}

/// What set-up takes, once for each client.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct SetUp {
    /// Bytes.
    pub bytes: Bytes,
    /// Requests: the first, and one that is held when the run ends.
    pub requests: f64,
    /// Connections.
    pub connections: f64,
}

/// Segments of one write.
pub(super) fn segments(bytes: f64) -> f64 {
    (bytes / SEGMENT_DATA).ceil()
}

/// The body of an answer: with the quotes in a list, or one quote alone.
fn body(entry: &ArmEntry, payload: usize, quotes: usize, cursor_digits: f64) -> f64 {
    let alone = entry.arm.delivery == Delivery::Newest && entry.descriptor.delivers == Delivers::Planned;
    let plain = (quotes * payload) as f64;
    let marks = if entry.arm.encoding == Encoding::Tick { 2 * quotes } else { 0 };
    if alone || entry.arm.encoding == Encoding::Binary {
        return plain;
    }
    let envelope = r#"{"epoch":"k3f9","quotes":[],"next":"k3f9."}"#.len();
    plain + (envelope + marks + quotes.saturating_sub(1)) as f64 + cursor_digits
}

/// How long answers with every quote are on an emulated link, where the kernel sends long ones in several flights; nothing
/// elsewhere, and for what is no answer. The one byte that parts two quotes is counted for the first one too.
pub(super) fn answer_size(entry: &ArmEntry, load: &LoadSpec, quotes: f64) -> AnswerSize {
    let every = entry.arm.delivery == Delivery::Every && matches!(entry.descriptor.wraps, Some(Wraps::Answers));
    let payload = load.feed.payload_bytes_in(entry.arm.encoding).ok().filter(|_| every);
    let (Path::Link(_), Some(payload)) = (&load.path, payload) else { return AnswerSize::default() };
    let heads = Heads::of(entry, load, quotes);
    let body = |quotes| body(entry, payload, quotes, heads.cursor_digits());
    // A long answer's head: the length of its body has five digits.
    let empty_bytes = heads.response(1, 10_000) + body(0);
    AnswerSize { empty_bytes, quote_bytes: body(2) - body(1) }
}

/// Bytes per delivered quote without set-up, and set-up; `None` where the descriptor does not say what wraps quotes, or
/// the payload is impossible.
#[must_use]
pub fn bytes(entry: &ArmEntry, load: &LoadSpec, law: &Law, quotes: f64) -> Option<(Bytes, SetUp)> {
    let wraps = entry.descriptor.wraps?;
    let payload = load.feed.payload_bytes_in(entry.arm.encoding).ok()?;
    let heads = Heads::of(entry, load, quotes);
    Some(match wraps {
        Wraps::Answers => (answers(entry, payload, law, &heads), answers_set_up(entry, payload, &heads)),
        Wraps::Events => {
            // `id: k3f9.41`, `data: …`, an empty line.
            let fixed = "id: k3f9.\ndata: \n\n".len();
            let event = (fixed + payload) as f64 + heads.cursor_digits();
            (pushed(payload, event + chunk(event)), stream_set_up(&heads))
        }
        Wraps::Frames => (pushed(payload, (payload + frame_head(payload)) as f64), socket_set_up(&heads)),
    })
}

/// What a chunk adds: its size in hexadecimal and two line ends.
fn chunk(bytes: f64) -> f64 {
    f64::from((bytes.max(1.0) as u64).ilog2() / 4 + 1) + 4.0
}

/// Head of a frame from the server: RFC 6455 §5.2.
fn frame_head(payload: usize) -> usize {
    match payload {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

fn answers(entry: &ArmEntry, payload: usize, law: &Law, heads: &Heads) -> Bytes {
    let requests = law.requests_per_quote;
    let (mut down, mut segments_down) = (Direction::default(), 0.0);
    for (k, probability) in law.answer_sizes.iter().enumerate() {
        let body = body(entry, payload, k, heads.cursor_digits());
        let head = heads.response(k, body.round() as usize);
        let times = requests * probability;
        down.framing += times * (body - (k * payload) as f64);
        down.heads += times * head;
        segments_down += times * segments(head + body);
    }
    let head = heads.request();
    let up = Direction {
        heads: requests * head,
        tcp_ip_data: requests * segments(head) * SEGMENT_HEAD,
        ..Direction::default()
    };
    let down = Direction { payload: payload as f64, tcp_ip_data: segments_down * SEGMENT_HEAD, ..down };
    let (bare_down, bare_up) = bare(entry.arm.connection, requests, segments_down);
    Bytes {
        to_client: Direction { tcp_ip_bare: bare_down, ..down },
        to_server: Direction { tcp_ip_bare: bare_up, ..up },
    }
}

/// Segments without data of `requests` requests and answers, down and up. On a kept connection each may be
/// acknowledged by what comes next, or by a segment of its own. A closed one has its SYN, SYN-ACK, the ACK of that and the
/// client's FIN at least; the server's FIN may ride on the answer.
fn bare(connection: Connection, requests: f64, segments_down: f64) -> (Range, Range) {
    match connection {
        Connection::Kept => ((0.0, requests * SEGMENT_HEAD), (0.0, segments_down * SEGMENT_HEAD)),
        Connection::Closed => {
            let down = (SYN + SEGMENT_HEAD, SYN + 3.0 * SEGMENT_HEAD);
            let up = (SYN + 2.0 * SEGMENT_HEAD, SYN + 3.0 * SEGMENT_HEAD);
            let more = (segments_down * SEGMENT_HEAD).max(0.0);
            ((requests * down.0, requests * down.1), (requests * up.0, requests * up.1 + more))
        }
    }
}

fn pushed(payload: usize, written: f64) -> Bytes {
    let data = segments(written) * SEGMENT_HEAD;
    let down = Direction {
        payload: payload as f64,
        framing: written - payload as f64,
        tcp_ip_data: data,
        ..Direction::default()
    };
    // About one acknowledgement a push when the client only listens; one for several when they come close together.
    Bytes { to_client: down, to_server: Direction { tcp_ip_bare: (0.0, data), ..Direction::default() } }
}

/// Segments of handshake and end that carry nothing: (down, up).
const OPEN_AND_CLOSE: (Range, Range) =
    ((SYN, SYN + 6.0 * SEGMENT_HEAD), (SYN + SEGMENT_HEAD, SYN + 6.0 * SEGMENT_HEAD));

fn set_up(down: (f64, f64), up: (f64, f64), (segments_down, segments_up): (f64, f64)) -> Bytes {
    let side = |(heads, framing): (f64, f64), segments: f64, tcp_ip_bare| Direction {
        payload: 0.0,
        framing,
        heads,
        tcp_ip_data: segments * SEGMENT_HEAD,
        tcp_ip_bare,
    };
    Bytes { to_client: side(down, segments_down, OPEN_AND_CLOSE.0), to_server: side(up, segments_up, OPEN_AND_CLOSE.1) }
}

fn answers_set_up(entry: &ArmEntry, payload: usize, heads: &Heads) -> SetUp {
    let body = body(entry, payload, 0, 1.0);
    let first = (heads.first_response(Wraps::Answers, body as usize), body);
    // A request that is held when the run ends has been counted and gets no answer.
    let held = if entry.descriptor.delivers == Delivers::Held { 1.0 } else { 0.0 };
    let asked = heads.first_request(Wraps::Answers) + held * heads.request();
    let closed = entry.arm.connection == Connection::Closed;
    SetUp {
        bytes: set_up(first, (asked, 0.0), (1.0, 1.0 + held)),
        requests: 1.0 + held,
        connections: 1.0 + if closed { held } else { 0.0 },
    }
}

const HELLO: &str = r#"{"epoch":"k3f9","oldest":1,"newest":0}"#;

fn stream_set_up(heads: &Heads) -> SetUp {
    let hello = ("event: hello\ndata: \n\n".len() + HELLO.len()) as f64;
    let down = (heads.first_response(Wraps::Events, 0), hello + chunk(hello));
    let up = (heads.first_request(Wraps::Events), 0.0);
    SetUp { bytes: set_up(down, up, (1.0, 1.0)), requests: 1.0, connections: 1.0 }
}

fn socket_set_up(heads: &Heads) -> SetUp {
    // The first message is a note around the hello; at the end close frames with a code, the client's with a mask.
    let hello = HELLO.len() + r#"{"hello":}"#.len();
    let down = (heads.first_response(Wraps::Frames, 0), (hello + frame_head(hello) + 4) as f64);
    let up = (heads.first_request(Wraps::Frames), 8.0);
    SetUp { bytes: set_up(down, up, (3.0, 2.0)), requests: 1.0, connections: 1.0 }
}
