//! Response heads of a size given to the byte: one padding field, computed from everything that hyper is going to write.
//!
//! The arithmetic follows hyper 1.12's HTTP/1 encoder (`proto/h1/role.rs`, `Server::encode`); tests compare it with what
//! goes over the socket.

use axum::body::HttpBody;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use wirerace_contract::heads::{HeadKind, HeadTooSmall, PADDING_FIELD, digits, field_bytes, padding};
use wirerace_contract::messages::ErrorAnswer;

const PADDING: HeaderName = HeaderName::from_static(PADDING_FIELD);
/// `Thu, 01 Jan 1970 00:00:00 GMT`: RFC 9110 §5.6.7 gives all dates this length.
const DATE_BYTES: usize = 29;

/// What the size of a response's head depends on beside the response.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadPadding {
    total_bytes: u32,
    method_has_body: bool,
    closes: bool,
    version: Version,
}

impl HeadPadding {
    /// For the answer to a request; `None` where heads stay as they come.
    pub(super) fn of<B>(total_bytes: u32, request: &axum::http::Request<B>) -> Option<Self> {
        let says_close = |value: &HeaderValue| {
            value.to_str().is_ok_and(|value| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close")))
        };
        (total_bytes > 0).then(|| Self {
            total_bytes,
            method_has_body: request.method() != Method::HEAD,
            closes: request.headers().get_all(header::CONNECTION).iter().any(says_close),
            version: request.version(),
        })
    }

    /// Fills the response's head up. What is too large already is answered by a sentence instead.
    pub(super) fn fill(self, mut response: Response, ends: bool) -> Response {
        // To older versions hyper writes other fields, and nobody here speaks them.
        if self.version != Version::HTTP_11 {
            return response;
        }
        match padding(HeadKind::Response, self.natural_bytes(&response, ends), self.total_bytes) {
            Ok(None) => response,
            Ok(Some(value)) => {
                // Letters only, which no header refuses.
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(PADDING, value);
                }
                response
            }
            Err(too_small) => refusal(too_small),
        }
    }

    fn natural_bytes(self, response: &Response, ends: bool) -> usize {
        let (status, headers) = (response.status(), response.headers());
        let reason = status.canonical_reason().unwrap_or("<none>");
        let line = "HTTP/1.1 200 \r\n".len() + reason.len();
        let written = |name: &HeaderName| *name != header::CONTENT_LENGTH && *name != header::TRANSFER_ENCODING;
        let fields = headers.iter().filter(|(name, _)| written(name));
        let fields: usize = fields.map(|(name, value)| field_bytes(name.as_str().len(), value.len())).sum();
        let date = if headers.contains_key(header::DATE) { 0 } else { field_bytes("date".len(), DATE_BYTES) };
        let close = field_bytes("connection".len(), "close".len());
        // To whom it closes hyper says so.
        let close = if (self.closes || ends) && !says_close(headers) { close } else { 0 };
        line + fields + self.length_bytes(response, status) + date + close + "\r\n".len()
    }

    /// The field that says how long the body is.
    fn length_bytes(self, response: &Response, status: StatusCode) -> usize {
        if status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            return 0;
        }
        let length = |digits| field_bytes("content-length".len(), digits);
        if !self.method_has_body {
            // The length of what is left out, as axum wrote it down.
            return response.headers().get(header::CONTENT_LENGTH).map_or(0, |value| length(value.len()));
        }
        match response.body().size_hint().exact() {
            Some(bytes) => length(digits(bytes)),
            None => field_bytes("transfer-encoding".len(), "chunked".len()),
        }
    }
}

fn says_close(headers: &HeaderMap) -> bool {
    headers.get(header::CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// Says which size cannot be. Not a 500: who asks again gets the same.
fn refusal(too_small: HeadTooSmall) -> Response {
    let answer = serde_json::to_vec(&ErrorAnswer { error: too_small.to_string() }).unwrap_or_default();
    let mut response = Response::new(answer.into());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use wirerace_contract::cursor::Epoch;
    use wirerace_contract::feed::FeedSpec;

    use crate::listener::{ListenOptions, Listener, ServerHandle};
    use crate::tape::Tape;
    use crate::tape::tests::publish_more;
    use crate::wire_meter::Meter;
    use crate::{compose, health, long_polling, orders, polling, sse, websocket};

    const ORDER: &str = r#"{"id":"7","symbol":"ALFA","size":1}"#;

    fn serve(response_head_bytes: u32) -> (Tape, ServerHandle, Meter) {
        let tape = Tape::new(Epoch::from_number(0), FeedSpec::default(), 2_000);
        let all =
            [polling::routes, long_polling::routes, sse::routes, websocket::routes, orders::routes, health::routes];
        let (router, meter) = (compose(all.map(|routes| routes(tape.clone()))), Meter::new(true));
        let listener = Listener::bind(ListenOptions { response_head_bytes, ..ListenOptions::default() }).unwrap();
        (tape, listener.serve(router, meter.clone()), meter)
    }

    /// The head that answers `request`, read byte by byte; the rest stays unread.
    async fn head_of(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    fn requests() -> Vec<(String, &'static str)> {
        let get = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\n");
        let mut all: Vec<(String, &str)> = [0, 1, 9, 10, 99, 100, 999, 1_000, 1_005]
            .into_iter()
            .flat_map(|seq| {
                let (after, binary) =
                    (format!("/quotes?after=0000.{seq}"), format!("/quotes?after=0000.{seq}&encoding=binary"));
                [(get(&after), "200"), (get(&binary), "200")]
            })
            .collect();
        all.extend([
            (get("/quotes/latest"), "200"),
            (format!("{}if-none-match: \"0000.1005\"\r\n", get("/quotes/latest")), "304"),
            (get("/quotes?after=zzzz.1"), "410"),
            (get("/quotes?after=0000.2000"), "400"),
            (get("/nowhere"), "404"),
            (get("/orders"), "405"),
            (get("/events?after=0"), "200"),
            (get("/health"), "200"),
            (get("/health").replace("GET", "HEAD"), "200"),
            (
                format!("{}upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", get("/socket")),
                "101",
            ),
            (
                format!("POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", ORDER.len()),
                "200",
            ),
        ]);
        all
    }

    #[tokio::test]
    async fn every_response_head_has_its_size_to_the_byte_kept_and_closed() {
        for total in [300, 512, 8_908] {
            let (tape, server, meter) = serve(total);
            publish_more(&tape, 1_005);
            let mut asked = 0;
            for (request, status) in requests() {
                for connection in ["", "connection: close\r\n"] {
                    // An upgrade has a connection field of its own.
                    let connection = if status == "101" { "connection: upgrade\r\n" } else { connection };
                    let body = if request.starts_with("POST") { ORDER } else { "" };
                    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
                    let head = head_of(&mut stream, &format!("{request}{connection}\r\n{body}")).await;
                    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {head}");
                    assert_eq!(head.len(), total as usize, "{request}{connection}: {head}");
                    asked += 1;
                    assert_eq!(meter.counts().first_head_bytes_out, asked * u64::from(total), "{request}");
                }
            }
        }
    }

    #[tokio::test]
    async fn an_empty_tape_and_later_answers_of_one_connection_are_filled_up_too() {
        let (tape, server, _) = serve(400);
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        let latest = "GET /quotes/latest HTTP/1.1\r\nhost: x\r\n\r\n";
        for _ in 0..3 {
            let head = head_of(&mut stream, latest).await;
            assert!(head.starts_with("HTTP/1.1 204") && head.len() == 400, "{head}");
        }
        for seq in 1..=12 {
            publish_more(&tape, 1);
            let head = head_of(&mut stream, latest).await;
            assert!(head.contains(&format!("0000.{seq}\"")) && head.len() == 400, "{head}");
            let length = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
            stream.read_exact(&mut vec![0; length.parse().unwrap()]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_a_server_that_stops_says_has_its_size_as_well() {
        let (tape, server, meter) = serve(400);
        publish_more(&tape, 1);
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        let held = "GET /quotes?after=0000.1&wait=100 HTTP/1.1\r\nhost: x\r\n\r\n";
        let serving = std::sync::Arc::clone(&server.serving);
        let stopping = async {
            while meter.counts().requests == 0 {
                tokio::task::yield_now().await;
            }
            server.shutdown(Duration::from_secs(20)).await
        };
        // Answered once it has begun to stop, when hyper adds that it closes.
        let closing = async {
            while serving.stage.load(std::sync::atomic::Ordering::Acquire) == super::super::RUNNING {
                tokio::task::yield_now().await;
            }
            tape.close();
        };
        let answered = async {
            let head = head_of(&mut stream, held).await;
            // The server waits for its client's end.
            drop(stream);
            head
        };
        let (head, cut, ()) = tokio::join!(answered, stopping, closing);
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("connection: close"), "{head}");
        assert_eq!((head.len(), cut), (400, 0), "{head}");
    }

    #[tokio::test]
    async fn a_head_that_does_not_fit_is_refused_with_both_numbers() {
        let (_tape, server, _) = serve(100);
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 400"), "{text}");
        assert!(text.contains("response heads of 100 bytes") && text.contains("padded at least"), "{text}");
    }
}
