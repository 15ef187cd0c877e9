//! WebSocket: one upgraded connection, a message per quote (RFC 6455).

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use futures_util::future::OptionFuture;
use futures_util::stream::BoxStream;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::{Cursor, Epoch};
use wirerace_contract::encoding::{Encoding, decode_seq};
use wirerace_contract::feed::PAYLOAD_BYTES_MAX;
use wirerace_contract::messages::Note;
use wirerace_contract::results::Happened;

use crate::connector::dial;
use crate::head_padding;
use crate::orders::{self, OnSocket};
use crate::outlet::{Outlet, stream_of};
use crate::session::{End, Session, unexpected_status};
use crate::target::{Asking, Event, Target};

/// How long to wait for the peer's close frame and FIN after sending ours (RFC 6455 §7.1.1 lets the server close TCP
/// first).
pub const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// The library allocates its read buffer at once, for each connection, and clears it before every read.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// What arrives at a user with a socket.
#[must_use]
pub fn arrivals(target: Target) -> BoxStream<'static, Event> {
    stream_of(|outlet| run(target, outlet))
}

async fn run(target: Target, outlet: Outlet) {
    let mut session = Session::new(target, outlet);
    let mut orders = OnSocket::default();
    loop {
        let end = one_socket(&mut session, &mut orders).await;
        for event in orders.lose_all(&session.target) {
            session.emit(event).await;
        }
        if !session.recover(end).await {
            break;
        }
    }
    // Who gave up has no more orders to account for.
    if *session.target.stop.borrow() {
        for event in orders::unsent(&session.target, orders.next, monotonic_ns()) {
            session.emit(event).await;
        }
    }
}

type Socket = WebSocketStream<Stamped<TcpStream>>;

/// From the dial to the socket's end.
async fn one_socket(session: &mut Session, orders: &mut OnSocket) -> End {
    // Boxed: what the handshake needs is large and must not stay for as long as the socket lives.
    let opening = Box::pin(open(&session.target, session.cursor));
    let mut socket = match session.target.unless_stopped(opening).await {
        None => return End::Stopped,
        Some(Err(end)) => return end,
        Some(Ok(socket)) => socket,
    };
    let mut stopped = pin!(session.target.stopped());
    let sends_orders = session.target.orders_per_s > 0.0;
    let mut order_due = sends_orders.then(|| Box::pin(orders::due(session.target.clone(), orders.next)));
    let mut epoch = None;
    let mut goodbye: Option<Box<str>> = None;
    loop {
        let message = tokio::select! {
            biased;
            message = socket.next() => Some(message),
            () = &mut stopped => None,
            Some(planned_ns) = OptionFuture::from(order_due.as_mut()), if sends_orders => {
                let number = orders.next;
                orders.sent();
                if let Err(end) = send_order(session, &mut socket, number, planned_ns).await {
                    return end;
                }
                order_due = Some(Box::pin(orders::due(session.target.clone(), orders.next)));
                continue;
            }
        };
        let result = match message {
            None => {
                Box::pin(close(&mut socket, CLOSE_DEADLINE + session.target.patience)).await;
                return End::Stopped;
            }
            Some(Some(Ok(Message::Close(frame)))) => {
                // The library answers it while it reads on, to the end of the connection.
                let words =
                    frame.map_or("no reason given".to_owned(), |f| format!("{} {}", u16::from(f.code), f.reason));
                goodbye = Some(format!("the server closed the socket: {}", words.trim_end()).into());
                Ok(())
            }
            Some(Some(Ok(message))) => {
                let received_ns = socket.get_ref().read_ns;
                take(session, &mut epoch, orders, &message, received_ns).await
            }
            Some(Some(Err(error))) => Err(goodbye.take().map_or_else(|| classify(session, error), End::Lost)),
            Some(None) => Err(End::Lost(goodbye.take().unwrap_or_else(|| "the socket ended".into()))),
        };
        if let Err(end) = result {
            return end;
        }
    }
}

async fn send_order(session: &Session, socket: &mut Socket, number: u64, planned_ns: u64) -> Result<(), End> {
    let note = Note::Order(orders::order(&session.target, number));
    // Numbers and strings, which JSON cannot refuse.
    let text = serde_json::to_string(&note).unwrap_or_default();
    session.emit(Event::OrderSent { planned_ns }).await;
    match session.target.unless_stopped(socket.send(Message::text(text))).await {
        // Told to leave while the way up is blocked: the next turn leaves.
        None | Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(classify(session, error)),
    }
}

async fn open(target: &Target, cursor: Option<Cursor>) -> Result<Socket, End> {
    let stream =
        dial(target).await.map_err(|e| End::Lost(format!("no connection to {}: {e}", target.address).into()))?;
    let url = format!("ws://{}/socket?{}", target.address, target.query(cursor));
    let mut request = url.into_client_request().map_err(|e| End::Refused(e.to_string().into()))?;
    head_padding::fill_upgrade(&mut request, target.request_head_bytes)
        .map_err(|e| End::Refused(e.to_string().into()))?;
    let asking = Asking::begin(&target.traffic, &target.stop);
    target.log.note(Happened::Asked { after: cursor.map(|cursor| cursor.seq), held: false });
    let largest = PAYLOAD_BYTES_MAX as usize;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(64 * 1024)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    let opened = client_async_with_config(request, Stamped { inner: stream, read_ns: 0 }, Some(config)).await;
    match &opened {
        Ok(_) | Err(Error::Http(_)) => asking.answered(),
        Err(_) => drop(asking),
    }
    match opened {
        Ok((socket, response)) => {
            let status = response.status().as_u16();
            let received_ns = socket.get_ref().read_ns;
            target.log.note_at(received_ns, Happened::Answered { status, quotes: None, closes: false });
            Ok(socket)
        }
        Err(Error::Http(response)) => {
            let body = response.body().as_deref().unwrap_or_default();
            Err(unexpected_status(target.address, response.status().as_u16(), body))
        }
        Err(Error::Io(error)) => Err(End::Lost(format!("the upgrade broke off: {error}").into())),
        Err(Error::Protocol(ProtocolError::HandshakeIncomplete)) => {
            Err(End::Lost("the server ended the connection within the upgrade".into()))
        }
        Err(error) => Err(malformed(target, error)),
    }
}

/// Tells what `message` says.
async fn take(
    session: &mut Session,
    epoch: &mut Option<Epoch>,
    orders: &mut OnSocket,
    message: &Message,
    received_ns: u64,
) -> Result<(), End> {
    let encoding = session.target.arm.encoding;
    let (bytes, may_be_quote) = match message {
        Message::Text(text) => (text.as_bytes(), encoding.is_text()),
        Message::Binary(bytes) => (&bytes[..], encoding == Encoding::Binary),
        _ => return Ok(()), // pings are answered by the library
    };
    if let (Some(epoch), true) = (*epoch, may_be_quote)
        && let Ok(seq) = decode_seq(bytes, encoding)
    {
        session.cursor = Some(Cursor { epoch, seq });
        let payload_bytes = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        session.target.log.pushed(received_ns, seq);
        session.emit(Event::Quote { seq, received_ns, payload_bytes }).await;
        return Ok(());
    }
    let note = serde_json::from_slice(bytes)
        .map_err(|e| malformed(&session.target, format_args!("a message is neither a quote nor a note: {e}")))?;
    match (note, *epoch) {
        (Note::Hello(hello), _) => {
            *epoch = Some(hello.epoch);
            session.target.log.note_at(received_ns, Happened::Hello);
            session.answered(Some(hello.epoch)).await;
        }
        (_, None) => return Err(malformed(&session.target, "the first message was no hello")),
        (Note::Gap(gap), Some(epoch)) => session.jump(gap, Cursor { epoch, seq: gap.last }).await,
        (Note::Error(words), _) => return Err(malformed(&session.target, words)),
        (Note::Ack(ack), _) => {
            if let Some(event) = orders.acknowledged(&session.target, &ack, received_ns) {
                session.emit(event).await;
            }
        }
        (Note::Order(_), _) => {}
    }
    Ok(())
}

fn malformed(target: &Target, what: impl fmt::Display) -> End {
    End::Refused(format!("the server at {} sent a socket message that cannot be read: {what}", target.address).into())
}

fn classify(session: &Session, error: Error) -> End {
    match error {
        Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed => End::Lost(error.to_string().into()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Lost(error.to_string().into()),
        error => malformed(&session.target, error),
    }
}

/// Sends close 1000 and reads to the end, at most until the deadline.
async fn close(socket: &mut Socket, deadline: Duration) {
    let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    let goodbye = async {
        if socket.close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // A peer that does not answer loses the connection anyway, when the socket is dropped.
    let _ = tokio::time::timeout(deadline, goodbye).await;
}

/// Notes when bytes came in: one reading of the clock per read, however many messages it brings.
#[derive(Debug)]
struct Stamped<S> {
    inner: S,
    read_ns: u64,
}

impl<S: AsyncRead + Unpin> AsyncRead for Stamped<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.read_ns = monotonic_ns();
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stamped<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::testing::{Reins, arm, target};
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_hdr_async;
    use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
    use wirerace_contract::spec::Arm;

    type Peer = WebSocketStream<TcpStream>;

    struct Listening(TcpListener);

    impl Listening {
        async fn bind() -> Self {
            Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
        }

        /// The next socket, and the path that was asked for.
        async fn accept(&self) -> (Peer, String) {
            let (stream, _) = self.0.accept().await.unwrap();
            assert!(stream.nodelay().is_ok());
            let mut path = String::new();
            #[allow(clippy::result_large_err)] // the library's own signature
            let note = |request: &Request, response: Response| {
                path = request.uri().to_string();
                Ok(response)
            };
            (accept_hdr_async(stream, note).await.unwrap(), path)
        }

        fn target(&self) -> (Target, Reins) {
            target(self.0.local_addr().unwrap(), Arm { encoding: Encoding::Tick, ..arm("websocket") })
        }
    }

    fn text(text: &str) -> Message {
        Message::text(text.to_owned())
    }

    fn hello() -> Message {
        text(r#"{"hello":{"epoch":"k3f9","oldest":1,"newest":0}}"#)
    }

    fn quote(seq: u64) -> Message {
        text(&format!("{seq:010} 0101.2503"))
    }

    fn connected() -> Event {
        Event::Connected { epoch: Some("k3f9".parse().unwrap()) }
    }

    #[tokio::test]
    async fn what_one_read_brings_shares_its_instant_and_leaving_is_polite() {
        let listening = Listening::bind().await;
        let (target, reins) = listening.target();
        let traffic = target.traffic.clone();
        let mut events = arrivals(target);
        let server = async {
            let (mut peer, path) = listening.accept().await;
            assert_eq!(path, "/socket?after=0&encoding=tick");
            for message in [hello(), quote(1), Message::Ping("?".into()), quote(2)] {
                peer.feed(message).await.unwrap();
            }
            peer.flush().await.unwrap();
            let mut said = Vec::new();
            while let Some(Ok(message)) = peer.next().await {
                said.push(message);
            }
            said
        };
        let client = async {
            assert_eq!(events.next().await, Some(connected()));
            let one = events.next().await;
            let two = events.next().await;
            let (
                Some(Event::Quote { received_ns: one, payload_bytes: 20, .. }),
                Some(Event::Quote { received_ns: two, .. }),
            ) = (one, two)
            else {
                panic!("not two quotes")
            };
            assert_eq!(one, two);
            reins.stop.send_replace(true);
            assert_eq!(events.next().await, None);
        };
        let (said, ()) = tokio::join!(server, client);
        assert!(
            matches!(&said[..], [Message::Pong(_), Message::Close(Some(frame))] if frame.code == CloseCode::Normal),
            "{said:?}"
        );
        assert_eq!((traffic.dialled(), traffic.requests()), (1, 1));
    }

    #[tokio::test]
    async fn orders_go_up_on_their_plan_and_acknowledgements_find_them() {
        let listening = Listening::bind().await;
        let (mut target, reins) = listening.target();
        target.orders_per_s = 500.0;
        let start_ns = monotonic_ns();
        reins.start.send_replace(Some(start_ns));
        let mut events = arrivals(target);
        let server = async {
            let (mut peer, _) = listening.accept().await;
            peer.send(hello()).await.unwrap();
            let mut kept = Vec::new();
            while let Some(Ok(Message::Text(order))) = peer.next().await {
                let Ok(Note::Order(order)) = serde_json::from_str(&order) else { panic!("no order: {order}") };
                kept.push(order.id);
                // Two at once, the later one first: orders do not wait for each other.
                if let [first, second] = &kept[..] {
                    for id in [second, first] {
                        peer.send(text(&format!(r#"{{"ack":{{"id":"{id}"}}}}"#))).await.unwrap();
                    }
                }
            }
        };
        let client = async {
            assert_eq!(events.next().await, Some(connected()));
            // Half an interval of phase, then one each 2 ms.
            let planned = [1_000_000, 3_000_000].map(|offset_ns| start_ns + offset_ns);
            let mut acknowledged = Vec::new();
            let mut sent = Vec::new();
            while acknowledged.len() < 2 {
                match events.next().await.unwrap() {
                    Event::OrderSent { planned_ns } => sent.push(planned_ns),
                    Event::OrderAcknowledged { planned_ns, acknowledged_ns } => {
                        assert!(acknowledged_ns > planned_ns);
                        acknowledged.push(planned_ns);
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!((&sent[..2], &acknowledged[..]), (&planned[..], &[planned[1], planned[0]][..]));
            reins.stop.send_replace(true);
            while events.next().await.is_some() {}
        };
        tokio::join!(server, client);
    }

    #[tokio::test]
    async fn a_closed_socket_is_opened_again_behind_the_last_quote_or_gap() {
        let listening = Listening::bind().await;
        let (target, _reins) = listening.target();
        let mut events = arrivals(target);
        let server = async {
            for (message, next) in [
                (quote(4), "/socket?after=k3f9.4&encoding=tick"),
                (text(r#"{"gap":{"reason":"evicted","first":5,"last":9}}"#), "/socket?after=k3f9.9&encoding=tick"),
            ] {
                let (mut peer, _) = listening.accept().await;
                peer.send(hello()).await.unwrap();
                peer.send(message).await.unwrap();
                let frame = CloseFrame { code: CloseCode::Away, reason: "bye".into() };
                peer.close(Some(frame)).await.unwrap();
                while let Some(Ok(_)) = peer.next().await {}
                drop(peer);
                let (mut peer, path) = listening.accept().await;
                assert_eq!(path, next);
                peer.send(hello()).await.unwrap();
                // Dropped without a close frame: lost as well.
            }
        };
        let client = async {
            assert_eq!(events.next().await, Some(connected()));
            assert!(matches!(events.next().await, Some(Event::Quote { seq: 4, .. })));
            let lost = events.next().await;
            assert!(matches!(&lost, Some(Event::Disconnected { reason }) if reason.contains("1001 bye")), "{lost:?}");
            assert_eq!(events.next().await, Some(connected()));
            assert!(matches!(events.next().await, Some(Event::Disconnected { .. })));
            assert_eq!(events.next().await, Some(connected()));
            assert!(matches!(events.next().await, Some(Event::Gap { gap, .. }) if gap.lost() == 5));
            assert!(matches!(events.next().await, Some(Event::Disconnected { .. })));
            assert_eq!(events.next().await, Some(connected()));
        };
        tokio::join!(server, client);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_in_words() {
        for (messages, words) in [
            (vec![quote(1)], "neither a quote nor a note"),
            (vec![text(r#"{"gap":{"reason":"evicted","first":5,"last":9}}"#)], "first message was no hello"),
            (vec![hello(), text("what?")], "neither a quote nor a note"),
            (vec![hello(), text(r#"{"error":"no such symbol"}"#)], "no such symbol"),
            (vec![hello(), text(&"x".repeat(70_000))], "too long"),
        ] {
            let listening = Listening::bind().await;
            let (target, _reins) = listening.target();
            let server = async {
                let (mut peer, _) = listening.accept().await;
                for message in messages {
                    // The client may have left before the last part of a message that is too long.
                    let _ = peer.send(message).await;
                }
                peer
            };
            let (_peer, events) = tokio::join!(server, arrivals(target).collect::<Vec<_>>());
            let Some(Event::Failed { reason }) = events.last() else { panic!("{words}: {events:?}") };
            assert!(reason.to_lowercase().contains(words), "{words}: {reason}");
        }
    }

    #[tokio::test]
    async fn nagle_is_off_and_nobody_waits_for_a_peer_that_does_not_say_goodbye() {
        let listening = Listening::bind().await;
        let (target, reins) = listening.target();
        assert!(dial(&target).await.unwrap().nodelay().unwrap());
        drop(listening.0.accept().await.unwrap());
        let mut events = arrivals(target);
        let (accepted, first) = tokio::join!(listening.accept(), async {
            tokio::select! { event = events.next() => event, () = tokio::time::sleep(Duration::from_millis(50)) => None }
        });
        assert_eq!(first, None, "no hello was said");
        reins.stop.send_replace(true);
        let left = tokio::time::timeout(CLOSE_DEADLINE * 2, events.next()).await;
        assert_eq!(left, Ok(None));
        drop(accepted);
    }
}
