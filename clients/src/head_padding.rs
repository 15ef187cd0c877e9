//! Request heads of a size given to the byte: one padding field, computed from everything that the library is going to
//! write.
//!
//! The arithmetic follows hyper 1.12's HTTP/1 encoder, what reqwest 0.13 and hyper-util add to a request, and
//! tungstenite 0.29's `generate_request`; tests compare it with what goes over the socket.

use reqwest::header::{ACCEPT, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Request};
use tokio_tungstenite::tungstenite::handshake::client::Request as Upgrade;
use wirerace_contract::heads::{HeadKind, HeadTooSmall, PADDING_FIELD, digits, field_bytes, padding};

const PADDING: HeaderName = HeaderName::from_static(PADDING_FIELD);

/// Fills the head of `request` up to `total_bytes`; 0 leaves it as it is. `closes`: the client adds `Connection: close`.
///
/// # Errors
/// When it takes more by itself.
pub(crate) fn fill(mut request: Request, total_bytes: u32, closes: bool) -> Result<Request, HeadTooSmall> {
    if total_bytes > 0 {
        let natural_bytes = natural_bytes(&request, closes);
        insert(request.headers_mut(), natural_bytes, total_bytes)?;
    }
    Ok(request)
}

/// The same for the request that opens a socket.
///
/// # Errors
/// See [`fill`].
pub(crate) fn fill_upgrade(request: &mut Upgrade, total_bytes: u32) -> Result<(), HeadTooSmall> {
    let path_bytes = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    let natural_bytes = line_bytes("GET", path_bytes) + fields_bytes(request.headers()) + END.len();
    insert(request.headers_mut(), natural_bytes, total_bytes)
}

const END: &str = "\r\n";

fn insert(headers: &mut HeaderMap, natural_bytes: usize, total_bytes: u32) -> Result<(), HeadTooSmall> {
    let value = padding(HeadKind::Request, natural_bytes, total_bytes)?;
    // Letters only, which no header refuses.
    if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
        headers.insert(PADDING, value);
    }
    Ok(())
}

fn line_bytes(method: &str, path_bytes: usize) -> usize {
    method.len() + path_bytes + "  HTTP/1.1\r\n".len()
}

fn fields_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| field_bytes(name.as_str().len(), value.len())).sum()
}

fn natural_bytes(request: &Request, closes: bool) -> usize {
    let (url, headers) = (request.url(), request.headers());
    let path_bytes = url.path().len() + url.query().map_or(0, |query| 1 + query.len());
    let added = |name: &HeaderName, value_bytes: Option<usize>| match value_bytes {
        Some(value_bytes) if !headers.contains_key(name) => field_bytes(name.as_str().len(), value_bytes),
        _ => 0,
    };
    // A default port is left out of the address, here as there.
    let host_bytes = url.host_str().unwrap_or_default().len() + url.port().map_or(0, |port| 1 + digits(port.into()));
    let body_bytes = request.body().and_then(Body::as_bytes).map(<[u8]>::len);
    line_bytes(request.method().as_str(), path_bytes)
        + fields_bytes(headers)
        + added(&ACCEPT, Some("*/*".len()))
        + added(&CONNECTION, closes.then_some("close".len()))
        + added(&HOST, Some(host_bytes))
        + added(&CONTENT_LENGTH, body_bytes.map(|bytes| digits(bytes as u64)))
        + END.len()
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::stream::BoxStream;
    use tokio::time::timeout;
    use wirerace_contract::clock::monotonic_ns;
    use wirerace_contract::encoding::Encoding;
    use wirerace_contract::spec::{Arm, Connection, Delivery};

    use crate::scripted::{Asked, Reply, Scripted, answer};
    use crate::target::testing::{arm, target};
    use crate::target::{Event, Target};
    use crate::{long_polling, polling, sse, websocket};

    const DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

    /// What a client of `arm` asks, `n` requests of it, from a server whose cursor jumps through all numbers of digits.
    async fn asked(arrivals: fn(Target) -> BoxStream<'static, Event>, arm: Arm, total: u32, n: usize) -> Vec<Asked> {
        let newest = arm.delivery == Delivery::Newest;
        let server = Scripted::spawn(move |number| {
            let seq = 10u64.pow(number as u32 % 8);
            if newest {
                let quote = format!("{seq:010} 0101.2503");
                return Reply::Keep(answer("200 OK", &format!("etag: \"k3f9.{seq}\"\r\n"), &quote));
            }
            Reply::Keep(answer("200 OK", "", &format!(r#"{{"epoch":"k3f9","quotes":[],"next":"k3f9.{seq}"}}"#)))
        });
        let (mut target, reins) = target(server.address, arm);
        target.request_head_bytes = total;
        target.orders_per_s = if newest { 0.0 } else { 200.0 };
        reins.start.send_replace(Some(monotonic_ns()));
        let mut events = arrivals(target);
        while server.asked().len() < n {
            if timeout(DEADLINE, events.next()).await.expect("nothing happens").is_none() {
                break;
            }
        }
        reins.stop.send_replace(true);
        server.asked()
    }

    #[tokio::test]
    async fn every_request_head_has_its_size_to_the_byte_whatever_the_cursor() {
        for total in [300, 716, 8_908] {
            for connection in [Connection::Kept, Connection::Closed] {
                for (arrivals, arm) in [
                    (polling::arrivals as fn(Target) -> _, Arm { connection, ..arm("polling") }),
                    (long_polling::arrivals, Arm { connection, ..arm("long_polling") }),
                    (
                        polling::arrivals,
                        Arm { connection, delivery: Delivery::Newest, encoding: Encoding::Tick, ..arm("polling") },
                    ),
                ] {
                    let asked = asked(arrivals, arm.clone(), total, 12).await;
                    assert!(asked.len() >= 12);
                    if arm.delivery == Delivery::Every {
                        assert!(asked.iter().any(|asked| asked.head.contains("POST /orders")), "orders are among them");
                    }
                    for Asked { head, .. } in asked {
                        // The script does not read an order's body, which then stands before the next head.
                        let head = &head[head.find("GET /").or(head.find("POST /")).unwrap()..];
                        assert_eq!(head.len(), total as usize, "{arm:?}: {head}");
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn streams_and_upgrades_are_asked_for_at_that_size_too() {
        for total in [300, 8_908] {
            for (arrivals, name) in [(sse::arrivals as fn(Target) -> _, "sse"), (websocket::arrivals, "websocket")] {
                // Refused, which ends the client; a stream that comes back says where it was.
                let asked = asked(arrivals, arm(name), total, 1).await;
                assert_eq!(asked[0].head.len(), total as usize, "{}", asked[0].head);
            }
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        let hello = "event: hello\ndata: {\"epoch\":\"k3f9\",\"oldest\":1,\"newest\":0}\n\n";
        let server = Scripted::spawn(move |n| {
            let seq = 10u64.pow(n as u32);
            Reply::Close(format!("{head}{hello}id: k3f9.{seq}\ndata: {seq:010} 0101.2503\n\n"))
        });
        let (mut target, _reins) = target(server.address, Arm { encoding: Encoding::Tick, ..arm("sse") });
        target.request_head_bytes = 400;
        let mut events = sse::arrivals(target);
        while server.asked().len() < 4 {
            timeout(DEADLINE, events.next()).await.expect("nothing happens");
        }
        assert!(server.asked()[3].has("last-event-id: k3f9.100"));
        assert!(server.asked().iter().all(|asked| asked.head.len() == 400));
    }

    #[tokio::test]
    async fn a_head_that_does_not_fit_ends_the_client_and_says_both_numbers() {
        for (arrivals, name) in [
            (polling::arrivals as fn(Target) -> BoxStream<'static, Event>, "polling"),
            (sse::arrivals, "sse"),
            (websocket::arrivals, "websocket"),
        ] {
            let server = Scripted::spawn(|_| panic!("it was asked"));
            let (mut target, _reins) = target(server.address, arm(name));
            target.request_head_bytes = 60;
            let events: Vec<Event> = timeout(DEADLINE, arrivals(target).collect()).await.expect("does not end");
            let Some(Event::Failed { reason }) = events.last() else { panic!("{name}: {events:?}") };
            assert!(reason.contains("request heads of 60 bytes") && reason.contains("padded at least"), "{reason}");
        }
    }
}
