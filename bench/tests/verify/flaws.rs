//! For each rule a way to break it, and it alone: another request for the server, or another answer for the client.

use std::sync::atomic::{AtomicU8, Ordering};

/// A way to break a rule.
pub(crate) struct Flaw {
    /// The rule.
    pub(crate) rule: &'static str,
    /// Replaced in requests.
    pub(crate) up: &'static [(&'static str, &'static str)],
    /// A request that is changed by hand.
    pub(crate) up_by: fn(String) -> String,
    /// What happens to answers.
    pub(crate) down: Down,
}

/// What happens to answers.
pub(crate) enum Down {
    /// Nothing.
    Pass,
    /// All of this become that, of the same length where a length was announced.
    Replace(&'static str, &'static str),
    /// Changed by hand.
    By(fn(Vec<u8>) -> Vec<u8>),
}

impl Flaw {
    pub(crate) const fn none(rule: &'static str) -> Self {
        Self { rule, up: &[], up_by: |text| text, down: Down::Pass }
    }

    const fn up(rule: &'static str, up: &'static [(&'static str, &'static str)]) -> Self {
        Self { rule, up, ..Self::none(rule) }
    }

    const fn down(rule: &'static str, from: &'static str, to: &'static str) -> Self {
        Self { down: Down::Replace(from, to), ..Self::none(rule) }
    }

    const fn by(rule: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> Self {
        Self { down: Down::By(change), ..Self::none(rule) }
    }

    pub(crate) fn spoil_request(&self, piece: Vec<u8>) -> Vec<u8> {
        // Frames of a socket are masked: only heads are text.
        let Ok(text) = String::from_utf8(piece.clone()) else { return piece };
        let text = self.up.iter().fold(text, |text, (from, to)| text.replace(from, to));
        (self.up_by)(text).into_bytes()
    }

    pub(crate) fn spoil_answer(&self, piece: Vec<u8>) -> Vec<u8> {
        match self.down {
            Down::Pass => piece,
            Down::Replace(from, to) => replaced(piece, from.as_bytes(), to.as_bytes()),
            Down::By(change) => change(piece),
        }
    }
}

/// `piece` with all `from` replaced.
fn replaced(mut piece: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut at = 0;
    while let Some(found) = piece[at..].windows(from.len()).position(|window| window == from) {
        piece.splice(at + found..at + found + from.len(), to.iter().copied());
        at += found + to.len();
    }
    piece
}

/// Replaces a piece that is exactly `from`.
fn whole(piece: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    if piece == from { to.to_vec() } else { piece }
}

/// Gives the digits behind `"start_ns":` to `change`.
fn start_ns(mut piece: Vec<u8>, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    const NAME: &[u8] = b"\"start_ns\":";
    if let Some(at) = piece.windows(NAME.len()).position(|window| window == NAME) {
        let begin = at + NAME.len();
        let digits = piece[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        change(&mut piece[begin..begin + digits]);
    }
    piece
}

static COUNT: AtomicU8 = AtomicU8::new(0);

/// The nanoseconds of the start change with each answer.
fn unsteady_start(piece: Vec<u8>) -> Vec<u8> {
    start_ns(piece, |digits| {
        *digits.last_mut().unwrap() = b'0' + COUNT.fetch_add(1, Ordering::Relaxed) % 10;
    })
}

/// Polls for what follows a cursor get everything, but for cursors ahead.
fn everything_again(text: String) -> String {
    let Some(rest) = text.strip_prefix("GET /quotes?after=0000.") else { return text };
    match rest.split_once(" HTTP") {
        Some((seq, head)) if seq.len() < 9 && !seq.contains('&') => format!("GET /quotes?after=0 HTTP{head}"),
        _ => text,
    }
}

/// Errors on a socket have another name.
fn misnamed_error(piece: Vec<u8>) -> Vec<u8> {
    if piece.starts_with(&[0x81]) { replaced(piece, b"{\"error\"", b"{\"errer\"") } else { piece }
}

#[rustfmt::skip]
pub(crate) static FLAWS: [Flaw; 47] = [
    Flaw::down("health-fields", r#""epoch":"0000","start_ns""#, r#""epoch":"0-00","start_ns""#),
    Flaw::by("health-range", unsteady_start),
    Flaw::up("poll-answer", &[("GET /quotes?after=0 ", "GET /quotes?after=0&encoding=binary ")]),
    Flaw::up("poll-oldest", &[("GET /quotes?after=0 ", "GET /quotes?after=0000.3 ")]),
    Flaw::up("poll-now", &[("GET /quotes HTTP", "GET /quotes?after=0 HTTP")]),
    Flaw { up_by: everything_again, ..Flaw::none("poll-next") },
    Flaw::up("poll-ahead", &[("GET /quotes?after=0000.1000000", "GET /quotes?after=0000.")]),
    Flaw::up("poll-foreign", &[("/quotes?after=zzzz.1 ", "/quotes?after=0 ")]),
    Flaw::up("poll-evicted", &[("/quotes?after=0000.0 ", "/quotes?after=0 ")]),
    Flaw::up("poll-newest", &[("/quotes?after=0&delivery=newest HTTP", "/quotes?after=0 HTTP")]),
    Flaw::up("poll-interval", &[("&delivery=newest&interval=3600000", "&delivery=newest")]),
    Flaw::down("poll-binary", "quotes-next:", "quotes-last:"),
    Flaw::up("poll-tick", &[("/quotes?after=0&encoding=tick", "/quotes?after=0&encoding=json")]),
    Flaw::up("poll-refusals", &[("/quotes?atfer=0", "/quotes?after=0")]),
    Flaw::up("poll-kept", &[("newest HTTP/1.1\r\nHost", "newest HTTP/1.1\r\nConnection: close\r\nHost")]),
    Flaw::up("poll-closed", &[("\r\nConnection: close", "\r\nX-Connection: close")]),
    Flaw::down("latest-quote", "etag: \"0000.", "etag: \"0001."),
    Flaw::up("latest-unchanged", &[("if-none-match", "if-some-match")]),
    Flaw::up("wait-answer", &[("after=0&wait=3 ", "after=0&delivery=newest&interval=2500&wait=3 ")]),
    Flaw::up("wait-held", &[("GET /quotes?wait=3 ", "GET /quotes ")]),
    Flaw::up("wait-default", &[("/quotes?after=0&wait ", "/quotes?after=0&wate ")]),
    Flaw::up("wait-maximum", &[("wait=121", "wait=1")]),
    Flaw::up("wait-interval", &[("&interval=800&wait", "&wait")]),
    Flaw::down("events-hello", "text/event-stream", "text/event-straem"),
    Flaw::up("events-quotes", &[("GET /events?after=0 ", "GET /events?after=0000.2 ")]),
    Flaw::up("events-resume", &[("last-event-id", "lost-event-id")]),
    Flaw::up("events-gap", &[("/events?after=zzzz.1", "/events?after=0")]),
    Flaw::up("events-newest", &[("/events?delivery=newest&interval=500", "/events?delivery=newest&interval=1")]),
    Flaw::up("events-refusals", &[("/events?encoding=binary", "/events?encoding=json")]),
    Flaw::by("events-heartbeat", |piece| whole(piece, b"3\r\n:\n\n\r\n", b"")),
    Flaw::down("socket-hello", r#"{"hello":"#, r#"{"hullo":"#),
    Flaw::up("socket-quotes", &[("GET /socket?after=0 ", "GET /socket?after=0000.2 ")]),
    Flaw::up("socket-binary", &[("/socket?after=0&encoding=binary", "/socket?after=0&encoding=json")]),
    Flaw::up("socket-gap", &[("/socket?after=zzzz.1", "/socket?after=0")]),
    Flaw::up("socket-newest", &[("/socket?delivery=newest&interval=500", "/socket?delivery=newest&interval=1")]),
    Flaw::up("socket-refusals", &[("/socket?after=nonsense", "/socket?after=0")]),
    Flaw::down("socket-order", r#"{"ack":{"id":"v1"}}"#, r#"{"ack":{"id":"v2"}}"#),
    Flaw::by("socket-error", misnamed_error),
    Flaw::down("socket-ping", "are you there", "are you THERE"),
    Flaw::by("socket-close", |piece| whole(piece, &[0x88, 0], &[0x8a, 0])),
    Flaw::by("socket-heartbeat", |piece| whole(piece, &[0x89, 0], b"")),
    Flaw::down("order-acknowledged", "\r\n\r\n{\"id\":\"v1\"}", "\r\n\r\n{\"id\":\"v2\"}"),
    Flaw::up("order-refused", &[("NONE", "ALFA")]),
    Flaw::up("one-transport", &[("/quotes", "/quoted"), ("/events", "/evants"), ("/socket", "/sucket")]),
    Flaw::down("quote-json", r#""symbol":"ALFA""#, r#""symbol":"BRVO""#),
    Flaw::down("same-bytes", ".\"}\n\n", ",\"}\n\n"),
    Flaw::by("start-clock", |piece| start_ns(piece, |digits| digits.fill(b'9'))),
];
