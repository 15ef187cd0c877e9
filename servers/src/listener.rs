//! The accept loop: connections in, HTTP/1.1 on each, limits, and an end in good order.

mod accept;
mod head_padding;
mod head_timeout;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Release};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wirerace_contract::spec::Delay;

use self::accept::{DRAINING, ENDED, RUNNING, Serving, accept_loop, http_of};
use crate::delayed_stream::Delays;
pub use crate::sockets::ListenError;
use crate::sockets::{ListeningSocket, listen};
use crate::wire_meter::Meter;

/// How to listen, and how much to take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenOptions {
    /// Where; port 0 takes a free one.
    pub address: SocketAddr,
    /// Congestion control by name; `None` leaves the system's own.
    pub congestion_control: Option<String>,
    /// `TCP_MAXSEG`, bytes; 0 leaves the path's own.
    pub max_segment_bytes: u32,
    /// Connections above this number are answered 503 and closed.
    pub max_connections: usize,
    /// How long a client may take from its connection, or from the answer before, to the end of its next request head;
    /// it gets up to a quarter more.
    pub header_timeout: Duration,
    /// Largest request head, bytes; larger ones are answered 431. At least 8,192.
    pub head_bytes_max: usize,
    /// Holds back every byte, see [`crate::delayed_stream`]; `None` leaves connections alone, at no cost. A delay of 0 can
    /// be changed later, by [`ServerHandle::delays`].
    pub delay: Option<Delay>,
    /// Total bytes of each response head, reached with one padding field; 0 leaves heads as they come. A head that needs
    /// more is answered 400 instead, with both numbers.
    pub response_head_bytes: u32,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            congestion_control: Some("cubic".to_owned()),
            max_segment_bytes: 1460,
            max_connections: 16_384,
            header_timeout: Duration::from_secs(60),
            head_bytes_max: 64 * 1024,
            delay: None,
            response_head_bytes: 0,
        }
    }
}

/// What tasks get to notice that their connection was cut.
const CUT_GRACE: Duration = Duration::from_secs(1);

/// A listening socket that does not accept yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    local_addr: SocketAddr,
    congestion_control: Option<String>,
    delays: Option<Delays>,
    options: ListenOptions,
}

impl Listener {
    /// Starts to listen; the kernel completes connections from now on. To be called within a tokio runtime that has
    /// IO and time enabled.
    ///
    /// # Errors
    /// When the address or the delay cannot be had: see [`ListenError`].
    pub fn bind(options: ListenOptions) -> Result<Self, ListenError> {
        let address = options.address;
        let delays = options.delay.map(Delays::new).transpose()?;
        let ListeningSocket { listener, congestion_control } =
            listen(address, options.congestion_control.as_deref(), options.max_segment_bytes)?;
        let failed = |source| ListenError::Io { address, source };
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, local_addr, congestion_control, delays, options })
    }

    /// Where it listens, with the port that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The congestion control that connections will use, which need not be the one asked for; `None` where the system
    /// does not tell.
    #[must_use]
    pub fn congestion_control(&self) -> Option<&str> {
        self.congestion_control.as_deref()
    }

    /// Accepts connections and answers requests on them from `router`, every byte counted by `meter`. The meter has to
    /// be this listener's alone: limits and shutdown go by the connections it knows.
    pub fn serve(self, router: Router, meter: Meter) -> ServerHandle {
        let serving = Arc::new(Serving {
            // Turns handlers into routes once instead of on each request.
            router: router.with_state(()),
            http: http_of(&self.options),
            meter,
            max_connections: self.options.max_connections,
            delays: self.delays,
            response_head_bytes: self.options.response_head_bytes,
            stage: AtomicU8::new(RUNNING),
        });
        tokio::spawn(head_timeout::watch(Arc::downgrade(&serving), self.options.header_timeout));
        let stop = Arc::new(Notify::new());
        let accepting = tokio::spawn(accept_loop(self.listener, Arc::clone(&serving), Arc::clone(&stop)));
        ServerHandle { local_addr: self.local_addr, serving, stop, accepting }
    }
}

/// A server at work. Dropping the handle leaves it at work.
pub struct ServerHandle {
    local_addr: SocketAddr,
    serving: Arc<Serving>,
    stop: Arc<Notify>,
    accepting: JoinHandle<()>,
}

impl ServerHandle {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The delay of its connections, to be changed while they live; `None` without one.
    #[must_use]
    pub fn delays(&self) -> Option<&Delays> {
        self.serving.delays.as_ref()
    }

    /// Stops accepting, lets answers that have begun finish (with `Connection: close` if their head is still to come),
    /// and waits until every connection is closed, upgraded ones included: those have to be ended by their handlers.
    /// What is still open after `deadline` is cut. Returns how many connections had to be cut.
    pub async fn shutdown(self, deadline: Duration) -> usize {
        let Self { serving, stop, accepting, .. } = self;
        stop.notify_one();
        // It ends by itself, and its only other end is a panic.
        let _ = accepting.await;
        serving.stage.store(DRAINING, Release);
        serving.meter.wake_drivers();
        if timeout(deadline, serving.meter.all_closed()).await.is_ok() {
            return 0;
        }
        let left = serving.meter.open_count();
        serving.stage.store(ENDED, Release);
        serving.meter.cut_all();
        // Ends that are still on their way would come too late.
        serving.delays.iter().for_each(Delays::end);
        let _ = timeout(CUT_GRACE, serving.meter.all_closed()).await;
        left
    }
}

#[cfg(test)]
mod delay_tests;
#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::{Body, Bytes};
    use axum::extract::ws::{Message, WebSocketUpgrade};
    use axum::response::Response;
    use axum::routing::get;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::accept::REFUSALS_MAX;
    use super::*;
    use crate::wire_meter::ConnectionMeter;

    pub(super) const LONG: Duration = Duration::from_secs(30);
    pub(super) const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const GET_AND_CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    pub(super) const UPGRADE: &[u8] =
        b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    pub(super) fn router() -> Router {
        async fn one_quote(meter: ConnectionMeter) -> &'static str {
            meter.hand_over(1, 3, 5);
            "{abc}"
        }
        async fn socket(meter: ConnectionMeter, upgrade: WebSocketUpgrade) -> Response {
            upgrade.on_upgrade(async move |mut socket| {
                meter.hand_over(1, 2, 2);
                let _ = socket.send(Message::text("hi")).await;
                // Ends with the client only, whatever the server is told.
                while socket.recv().await.is_some() {}
            })
        }
        async fn endless() -> Body {
            let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"begun"))]);
            Body::from_stream(stream::StreamExt::chain(first, stream::pending()))
        }
        Router::new().route("/", get(one_quote)).route("/socket", get(socket)).route("/endless", get(endless))
    }

    pub(super) fn serve(router: Router, options: ListenOptions) -> (ServerHandle, Meter) {
        let meter = Meter::new(true);
        (Listener::bind(options).unwrap().serve(router, meter.clone()), meter)
    }

    pub(super) async fn dial(server: &ServerHandle) -> TcpStream {
        TcpStream::connect(server.local_addr()).await.unwrap()
    }

    /// Everything up to and including `end`.
    pub(super) async fn read_until(client: &mut TcpStream, end: &[u8]) -> Vec<u8> {
        let mut received = Vec::new();
        while !received.ends_with(end) {
            received.push(client.read_u8().await.unwrap());
        }
        received
    }

    pub(super) async fn read_text(client: &mut TcpStream) -> String {
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        text
    }

    fn head_bytes(answer: &[u8]) -> u64 {
        answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() as u64 + 4
    }

    #[tokio::test]
    async fn counts_are_what_a_client_by_hand_sent_and_received() {
        let (server, meter) = serve(router(), ListenOptions::default());
        let mut client = dial(&server).await;
        let mut received = Vec::new();
        // The first request in two pieces, with the server reading in between.
        client.write_all(&GET[..20]).await.unwrap();
        while meter.snapshot().bytes_in < 20 {
            tokio::task::yield_now().await;
        }
        client.write_all(&GET[20..]).await.unwrap();
        received.extend(read_until(&mut client, b"{abc}").await);
        client.write_all(GET_AND_CLOSE).await.unwrap();
        client.read_to_end(&mut received).await.unwrap();
        drop(client);
        meter.all_closed().await;

        let counts = meter.snapshot();
        assert_eq!((counts.connections_accepted, counts.requests, counts.upgrades), (1, 2, 0));
        assert_eq!(counts.bytes_in, (GET.len() + GET_AND_CLOSE.len()) as u64);
        assert_eq!(counts.bytes_out, received.len() as u64);
        assert_eq!(counts.first_head_bytes_in, GET.len() as u64);
        assert_eq!(counts.first_head_bytes_out, head_bytes(&received));
        assert_eq!((counts.quotes_out, counts.payload_bytes_out, counts.body_bytes_out), (2, 6, 10));
        assert_eq!((counts.writes_out, counts.quotes_per_write[0]), (2, 2), "head and body in one write");
        assert_eq!(counts.closed_by_server_first, 1);
        if cfg!(target_os = "linux") {
            let tcp = counts.tcp;
            assert_eq!(tcp.bytes_sent - tcp.bytes_retrans + tcp.notsent_bytes, counts.bytes_out);
            assert_eq!((tcp.connections, tcp.bytes_received), (1, counts.bytes_in + 1));
        }
    }

    #[tokio::test]
    async fn of_a_head_alone_no_body_is_counted() {
        let (server, meter) = serve(router(), ListenOptions::default());
        let mut client = dial(&server).await;
        client.write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let received = read_text(&mut client).await;
        assert!(received.starts_with("HTTP/1.1 200 ") && received.ends_with("\r\n\r\n"), "{received}");
        meter.all_closed().await;
        let counts = meter.snapshot();
        assert_eq!((counts.requests, counts.bytes_out), (1, received.len() as u64));
        assert_eq!((counts.quotes_out, counts.payload_bytes_out, counts.body_bytes_out), (0, 0, 0));
    }

    #[tokio::test]
    async fn accepted_is_dialled_and_every_connection_closes() {
        let (server, meter) = serve(router(), ListenOptions::default());
        for _ in 0..20 {
            let mut client = dial(&server).await;
            client.write_all(GET_AND_CLOSE).await.unwrap();
            assert!(read_text(&mut client).await.ends_with("{abc}"));
        }
        assert_eq!(server.shutdown(LONG).await, 0);
        let counts = meter.snapshot();
        assert_eq!((counts.connections_accepted, counts.connections_open, counts.requests), (20, 0, 20));
        assert_eq!(counts.closed_by_server_first, 20);
    }

    #[tokio::test]
    async fn upgrades_are_counted_and_metered_beyond_the_http_library() {
        let (server, meter) = serve(router(), ListenOptions::default());
        let mut client = dial(&server).await;
        client.write_all(UPGRADE).await.unwrap();
        let head = read_until(&mut client, b"\r\n\r\n").await;
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        assert_eq!(read_until(&mut client, b"hi").await, [0x81, 2, b'h', b'i']);
        let counts = meter.snapshot();
        assert_eq!((counts.requests, counts.upgrades, counts.connections_open), (1, 1, 1));
        assert_eq!(
            (counts.first_head_bytes_in, counts.first_head_bytes_out),
            (UPGRADE.len() as u64, head.len() as u64)
        );
        assert_eq!((counts.bytes_out, counts.quotes_per_write[0]), (head.len() as u64 + 4, 1));
        drop(client);
        meter.all_closed().await;
        assert_eq!(meter.snapshot().closed_by_server_first, 0);
    }

    #[tokio::test]
    async fn a_client_that_shuts_down_after_asking_gets_its_answer() {
        let (server, meter) = serve(router(), ListenOptions::default());
        let mut client = dial(&server).await;
        client.write_all(GET).await.unwrap();
        read_until(&mut client, b"{abc}").await;
        // The server waits for the next request now, and sees it together with the end: nothing here waits in between.
        client.write_all(GET).await.unwrap();
        client.shutdown().await.unwrap();
        assert!(read_text(&mut client).await.ends_with("{abc}"));
        meter.all_closed().await;
        assert_eq!(meter.snapshot().closed_by_server_first, 0);
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_client_is_gone() {
        let (server, meter) = serve(router(), ListenOptions::default());
        let mut client = dial(&server).await;
        client.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        read_until(&mut client, b"begun\r\n").await;
        drop(client);
        meter.all_closed().await;
        assert_eq!(meter.snapshot().closed_by_server_first, 0);
    }

    #[tokio::test]
    async fn above_the_limit_the_answer_is_503_and_room_comes_back() {
        let (server, meter) = serve(router(), ListenOptions { max_connections: 1, ..ListenOptions::default() });
        let mut first = dial(&server).await;
        first.write_all(GET).await.unwrap();
        read_until(&mut first, b"{abc}").await;
        let mut second = dial(&server).await;
        second.write_all(GET).await.unwrap();
        let refusal = read_text(&mut second).await;
        assert!(refusal.starts_with("HTTP/1.1 503 ") && refusal.contains("retry-after: 1\r\n"), "{refusal}");
        assert!(refusal.contains("limit of 1 connections"), "{refusal}");
        drop((first, second));
        meter.all_closed().await;
        let mut third = dial(&server).await;
        third.write_all(GET_AND_CLOSE).await.unwrap();
        assert!(read_text(&mut third).await.ends_with("{abc}"));
        assert_eq!(meter.snapshot().requests, 3);
    }

    #[tokio::test]
    async fn far_above_the_limit_connections_are_closed_without_a_word() {
        let (server, meter) = serve(router(), ListenOptions { max_connections: 0, ..ListenOptions::default() });
        let mut waiting = Vec::new();
        for _ in 0..REFUSALS_MAX {
            waiting.push(dial(&server).await);
        }
        let mut last = dial(&server).await;
        assert_eq!(last.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(
            (meter.open_count(), meter.snapshot().connections_accepted),
            (REFUSALS_MAX, REFUSALS_MAX as u64 + 1)
        );
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_ends_the_connection() {
        let options = ListenOptions { header_timeout: Duration::from_millis(30), ..ListenOptions::default() };
        let (server, meter) = serve(router(), options);
        let mut client = dial(&server).await;
        client.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
        read_text(&mut client).await;
        drop(client);
        meter.all_closed().await;
        let counts = meter.snapshot();
        assert_eq!((counts.requests, counts.closed_by_server_first, counts.first_head_bytes_in), (0, 1, 0));
    }

    #[tokio::test]
    async fn an_idle_connection_times_out_and_a_stream_does_not() {
        let options = ListenOptions { header_timeout: Duration::from_millis(20), ..ListenOptions::default() };
        let (server, meter) = serve(router(), options);
        let mut streaming = dial(&server).await;
        streaming.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        read_until(&mut streaming, b"begun\r\n").await;
        // Each of these lives for a whole timeout, all of it after the stream began.
        for _ in 0..2 {
            let mut idle = dial(&server).await;
            idle.write_all(GET).await.unwrap();
            let begun = Instant::now();
            read_until(&mut idle, b"{abc}").await;
            assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
            assert!(begun.elapsed() >= Duration::from_millis(20));
        }
        assert_eq!(streaming.try_read(&mut [0; 1]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        drop(streaming);
        meter.all_closed().await;
    }

    #[tokio::test]
    async fn shutdown_finishes_what_has_begun_and_takes_nothing_new() {
        let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begun_in, release_in) = (Arc::clone(&begun), Arc::clone(&release));
        let slow = Router::new().route(
            "/",
            get(async move || {
                begun_in.notify_one();
                release_in.notified().await;
                "done"
            }),
        );
        let (server, meter) = serve(slow, ListenOptions::default());
        let (address, idle) = (server.local_addr(), dial(&server).await);
        let mut client = dial(&server).await;
        client.write_all(GET).await.unwrap();
        begun.notified().await;
        let clients = async {
            // The idle connection is closed at once, and is the proof that the shutdown has begun.
            let mut idle = idle;
            assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
            drop(idle);
            assert!(TcpStream::connect(address).await.is_err());
            release.notify_one();
            let answer = read_text(&mut client).await;
            drop(client);
            answer
        };
        let (cut, answer) = tokio::join!(server.shutdown(LONG), clients);
        assert!(answer.contains("connection: close") && answer.ends_with("done"), "{answer}");
        assert_eq!((cut, meter.snapshot().connections_open), (0, 0));
    }

    #[tokio::test]
    async fn what_does_not_end_by_the_deadline_is_cut() {
        let (server, meter) = serve(router(), ListenOptions::default());
        let (mut streaming, mut upgraded) = (dial(&server).await, dial(&server).await);
        streaming.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        // With another request waiting, hyper does not look for the client's end.
        streaming.write_all(GET).await.unwrap();
        read_until(&mut streaming, b"begun\r\n").await;
        upgraded.write_all(UPGRADE).await.unwrap();
        read_until(&mut upgraded, b"\r\n\r\n\x81\x02hi").await;
        assert_eq!(server.shutdown(Duration::from_millis(30)).await, 2);
        assert_eq!(meter.open_count(), 0);
        assert_eq!(streaming.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(upgraded.read(&mut [0; 1]).await.unwrap(), 0);
    }
}
