//! Answers that end: one body, the same few headers for all transports, and the one place where such bodies are
//! reported to the meter.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde::Serialize;
use wirerace_contract::cursor::Cursor;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::{ErrorAnswer, Gap, GapAnswer, GapReason, NEXT_HEADER};
use wirerace_contract::spec::Delivery;

use crate::query::BadQuery;
use crate::tape::{Ahead, Read, Tape};
use crate::wire_meter::ConnectionMeter;

/// Most quotes in one answer to a poll; the rest comes with the next.
pub const ANSWER_QUOTES_MAX: usize = 10_000;
/// No further quote is added to an answer that has reached this size, in bytes.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The routes of the contract, for whoever asks for another.
const ROUTES: &str = "GET /quotes, GET /quotes/latest, GET /events, GET /socket, POST /orders, GET /health";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// A page that was served from another port must be able to read every answer.
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");

/// A whole answer, not yet handed over.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: HeaderValue,
    body: Vec<u8>,
    quotes: usize,
    payload_bytes: usize,
    extra: Option<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// A JSON answer without quotes.
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        // The types answered here have string keys and no maps that could refuse to be written.
        Self::new(status, JSON, serde_json::to_vec(value).unwrap_or_default())
    }

    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::new(status, JSON, Vec::new())
    }

    /// One quote as it stands.
    pub(crate) fn quote(payload: &[u8], encoding: Encoding) -> Self {
        let payload_bytes = payload.len();
        Self { quotes: 1, payload_bytes, ..Self::new(StatusCode::OK, content_type(encoding), payload.to_vec()) }
    }

    /// One sentence: what is wrong and what is allowed.
    pub(crate) fn error(status: StatusCode, error: impl Into<String>) -> Self {
        Self::json(status, &ErrorAnswer { error: error.into() })
    }

    fn new(status: StatusCode, content_type: HeaderValue, body: Vec<u8>) -> Self {
        Self { status, content_type, body, quotes: 0, payload_bytes: 0, extra: None }
    }

    /// Adds a header.
    pub(crate) fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { extra: Some((name, value)), ..self }
    }

    /// Reports the body to the meter and hands it over.
    pub(crate) fn send(self, meter: &ConnectionMeter) -> Response {
        meter.hand_over(self.quotes, self.payload_bytes, self.body.len());
        let mut headers = HeaderMap::with_capacity(6);
        if !self.body.is_empty() {
            headers.insert(header::CONTENT_TYPE, self.content_type);
        }
        if let Some((name, value)) = self.extra {
            headers.insert(name, value);
        }
        head(&mut headers);
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

/// The headers that every answer has, on every transport.
pub(crate) fn head(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
}

/// The answer that says why there is no other.
pub(crate) type Refusal = Box<Answer>;

/// 400 with one sentence.
pub(crate) fn bad_request(sentence: impl Into<String>) -> Refusal {
    Box::new(Answer::error(StatusCode::BAD_REQUEST, sentence))
}

impl From<BadQuery> for Refusal {
    fn from(bad: BadQuery) -> Self {
        bad_request(bad.to_string())
    }
}

impl From<Ahead> for Refusal {
    fn from(ahead: Ahead) -> Self {
        bad_request(ahead.to_string())
    }
}

/// The answer that was found, or the one that says why there is none.
pub(crate) fn settled(answer: Result<Answer, Refusal>) -> Answer {
    answer.unwrap_or_else(|refusal| *refusal)
}

/// Refuses an encoding that the feed's payload size rules out.
pub(crate) fn check_encoding(tape: &Tape, encoding: Encoding) -> Result<(), Refusal> {
    tape.check_encoding(encoding).map_err(|e| bad_request(e.to_string()))
}

/// 410: quotes that a poll asked for and cannot have.
pub(crate) fn gone(tape: &Tape, gap: Gap) -> Answer {
    let next = tape.cursor(gap.last);
    let why = match gap.reason {
        GapReason::Evicted => format!("quotes {} to {} have fallen off the tape", gap.first, gap.last),
        GapReason::Epoch => format!("the cursor is of another stream than {}", tape.epoch()),
    };
    let error = format!("{why}: go on with after={next}");
    Answer::json(StatusCode::GONE, &GapAnswer { error, epoch: tape.epoch(), oldest: gap.last + 1, gap, next })
}

/// The quotes after `after` as a poll gets them: at most [`ANSWER_QUOTES_MAX`], with the cursor to go on from.
pub(crate) fn quotes(tape: &Tape, after: u64, delivery: Delivery, encoding: Encoding) -> Result<Answer, Refusal> {
    let there_are = tape.newest().saturating_sub(after);
    let mut list = match delivery {
        Delivery::Newest => List::new(tape, encoding, after + there_are, there_are.min(1)),
        Delivery::Every => List::new(tape, encoding, after + there_are, there_are),
    };
    let mut next = after;
    match delivery {
        Delivery::Newest => {
            if let Some((seq, payload)) = tape.read_newest(after, encoding) {
                list.push(&payload);
                next = seq;
            }
        }
        Delivery::Every => {
            while list.has_room() {
                match tape.read(next, encoding) {
                    Read::Quote { seq, payload } => {
                        list.push(&payload);
                        next = seq;
                    }
                    // Announced to whoever asks next: what was read before it is still good.
                    Read::Gap(gap) if list.quotes == 0 => return Err(gone(tape, gap).into()),
                    Read::Gap(_) | Read::End => break,
                }
            }
        }
    }
    Ok(list.finish(tape.cursor(next)))
}

/// The answer to a poll that gets nothing, and goes on after `after`.
pub(crate) fn no_quotes(tape: &Tape, after: u64, encoding: Encoding) -> Answer {
    List::new(tape, encoding, after, 0).finish(tape.cursor(after))
}

/// The body of an answer to a poll while it grows.
struct List {
    encoding: Encoding,
    body: Vec<u8>,
    quotes: usize,
    payload_bytes: usize,
}

/// What stands around a list in JSON, with the epoch, the quotes and the cursor between them.
const EPOCH: &[u8] = b"{\"epoch\":\"";
const QUOTES: &[u8] = b"\",\"quotes\":[";
const NEXT: &[u8] = b"],\"next\":\"";
const END: &[u8] = b"\"}";

impl List {
    /// A list with memory for as many quotes as there seem to be, to the byte: a body that fills its memory is handed on
    /// as it is. If one more comes meanwhile, the list grows.
    fn new(tape: &Tape, encoding: Encoding, next: u64, quotes: u64) -> Self {
        let quotes = usize::try_from(quotes).unwrap_or(usize::MAX).min(ANSWER_QUOTES_MAX);
        let each = tape.spec().payload_bytes_in(encoding).unwrap_or_default();
        let bytes = match encoding {
            Encoding::Binary => quotes * each,
            Encoding::Json => around(tape, next) + (quotes * (each + 1)).saturating_sub(1),
            Encoding::Tick => around(tape, next) + (quotes * (each + 3)).saturating_sub(1),
        };
        let mut body = Vec::with_capacity(bytes.min(ANSWER_BYTES_MAX));
        if encoding != Encoding::Binary {
            body.extend_from_slice(EPOCH);
            body.extend_from_slice(tape.epoch().as_str().as_bytes());
            body.extend_from_slice(QUOTES);
        }
        Self { encoding, body, quotes: 0, payload_bytes: 0 }
    }

    fn has_room(&self) -> bool {
        self.quotes < ANSWER_QUOTES_MAX && self.body.len() < ANSWER_BYTES_MAX
    }

    fn push(&mut self, payload: &[u8]) {
        if self.quotes > 0 && self.encoding != Encoding::Binary {
            self.body.push(b',');
        }
        match self.encoding {
            Encoding::Json | Encoding::Binary => self.body.extend_from_slice(payload),
            // Digits, a point and spaces: nothing that JSON would have to escape.
            Encoding::Tick => {
                self.body.push(b'"');
                self.body.extend_from_slice(payload);
                self.body.push(b'"');
            }
        }
        self.quotes += 1;
        self.payload_bytes += payload.len();
    }

    fn finish(mut self, next: Cursor) -> Answer {
        let next = next.text();
        let mut answer = if self.encoding == Encoding::Binary {
            let answer = Answer::new(StatusCode::OK, content_type(self.encoding), self.body);
            match HeaderValue::from_str(next.as_str()) {
                Ok(next) => answer.with_header(HeaderName::from_static(NEXT_HEADER), next),
                Err(_) => answer, // a cursor is printable ASCII
            }
        } else {
            self.body.extend_from_slice(NEXT);
            self.body.extend_from_slice(next.as_str().as_bytes());
            self.body.extend_from_slice(END);
            Answer::new(StatusCode::OK, JSON, self.body)
        };
        (answer.quotes, answer.payload_bytes) = (self.quotes, self.payload_bytes);
        answer
    }
}

/// Bytes around a list in JSON that goes on after quote `next`.
fn around(tape: &Tape, next: u64) -> usize {
    let (epoch, cursor) = (tape.epoch(), tape.cursor(next).text());
    [EPOCH, QUOTES, NEXT, END].iter().map(|part| part.len()).sum::<usize>()
        + epoch.as_str().len()
        + cursor.as_str().len()
}

fn content_type(encoding: Encoding) -> HeaderValue {
    match encoding {
        Encoding::Json => JSON,
        Encoding::Binary => HeaderValue::from_static("application/octet-stream"),
        Encoding::Tick => HeaderValue::from_static("text/plain"),
    }
}

/// 405, for routes that are read.
pub(crate) async fn only_get(meter: ConnectionMeter, uri: Uri) -> Response {
    wrong_method(&uri, "GET", HeaderValue::from_static("GET,HEAD")).send(&meter)
}

/// 405, for routes that are written.
pub(crate) async fn only_post(meter: ConnectionMeter, uri: Uri) -> Response {
    wrong_method(&uri, "POST", HeaderValue::from_static("POST")).send(&meter)
}

fn wrong_method(uri: &Uri, allowed: &str, allow: HeaderValue) -> Answer {
    let sentence = format!("{} does not answer this method: allowed is {allowed}", uri.path());
    Answer::error(StatusCode::METHOD_NOT_ALLOWED, sentence).with_header(header::ALLOW, allow)
}

/// 404.
pub(crate) async fn not_found(meter: ConnectionMeter, uri: Uri) -> Response {
    let sentence = format!("there is nothing at {}: the routes are {ROUTES}", uri.path());
    Answer::error(StatusCode::NOT_FOUND, sentence).send(&meter)
}

#[cfg(test)]
pub(crate) mod tests {
    use axum::Router;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use wirerace_contract::messages::PollAnswer;

    use super::*;
    use crate::tape::tests::{publish_more, tape_with};

    /// Sends one request to `router` without a socket; the answer with its whole body.
    pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Response<Vec<u8>> {
        let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// `GET uri`.
    pub(crate) async fn get(router: &Router, uri: &str) -> Response<Vec<u8>> {
        ask(router, Request::get(uri).body(Body::empty()).unwrap()).await
    }

    /// The status and the sentence of a refusal.
    pub(crate) fn refusal(response: &Response<Vec<u8>>) -> (u16, String) {
        let answer: ErrorAnswer = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), answer.error)
    }

    /// The numbers of the quotes in a poll's JSON answer, and its `next`.
    pub(crate) fn seqs_and_next(response: &Response<Vec<u8>>) -> (Vec<u64>, String) {
        assert_eq!(response.status(), 200, "{}", String::from_utf8_lossy(response.body()));
        let answer: PollAnswer<'_> = serde_json::from_slice(response.body()).unwrap();
        let seq = |quote: &&serde_json::value::RawValue| {
            wirerace_contract::encoding::decode_seq(quote.get().as_bytes(), Encoding::Json).unwrap()
        };
        (answer.quotes.iter().map(seq).collect(), answer.next.to_string())
    }

    #[test]
    fn an_answer_is_bounded_and_the_rest_comes_with_the_next() {
        let tape = tape_with(20_000, 12_000);
        let first = quotes(&tape, 0, Delivery::Every, Encoding::Binary).unwrap();
        assert_eq!((first.quotes, first.body.len()), (10_000, 240_000));
        assert_eq!(first.extra.unwrap().1, "k3f9.10000");
        let second = quotes(&tape, 10_000, Delivery::Every, Encoding::Binary).unwrap();
        assert_eq!((second.quotes, second.extra.unwrap().1.to_str().unwrap()), (2_000, "k3f9.12000"));
        let long = quotes(&tape, 0, Delivery::Every, Encoding::Json).unwrap();
        assert!((ANSWER_BYTES_MAX..ANSWER_BYTES_MAX + 200).contains(&long.body.len()), "{}", long.body.len());
    }

    #[test]
    fn a_gap_in_the_middle_waits_for_the_next_poll() {
        let tape = tape_with(3, 5);
        assert_eq!(quotes(&tape, 1, Delivery::Every, Encoding::Json).unwrap_err().status, StatusCode::GONE);
        publish_more(&tape, 10);
        assert_eq!(quotes(&tape, 1, Delivery::Newest, Encoding::Json).unwrap().quotes, 1, "superseded is not lost");
    }

    #[test]
    fn the_meter_is_told_the_payload_without_its_wrapping() {
        let tape = tape_with(3, 2);
        for (encoding, body_bytes) in
            [(Encoding::Json, 26 + 241 + 18), (Encoding::Binary, 48), (Encoding::Tick, 26 + 45 + 18)]
        {
            let answer = quotes(&tape, 0, Delivery::Every, encoding).unwrap();
            assert_eq!((answer.quotes, answer.payload_bytes), (2, 2 * encoding.least_bytes()), "{encoding}");
            assert_eq!(answer.body.len(), body_bytes, "{encoding}: {}", String::from_utf8_lossy(&answer.body));
            assert_eq!(answer.body.capacity(), body_bytes, "{encoding}: as much memory as it takes");
        }
    }

    #[tokio::test]
    async fn all_answers_have_the_same_head() {
        let tape = tape_with(3, 2);
        let meter = ConnectionMeter::detached();
        for answer in [
            quotes(&tape, 0, Delivery::Every, Encoding::Json).unwrap(),
            Answer::error(StatusCode::BAD_REQUEST, "no"),
            gone(&tape, Gap { reason: GapReason::Evicted, first: 1, last: 2 }),
        ] {
            let response = answer.send(&meter);
            let names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
            assert_eq!(names, ["content-type", "cache-control", "access-control-allow-origin"]);
        }
    }
}
