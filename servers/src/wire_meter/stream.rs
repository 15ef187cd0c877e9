//! An accepted connection under the meter, from its first byte to its orderly end.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::head::HeadCounter;
use super::{Connection, ConnectionMeter, Driver, Handed, Pending};
use crate::tcp_info::tcp_info;

/// A TCP connection that counts what passes through it. Dropping it closes the connection in good order: see
/// [`Meter::attach`](super::Meter::attach).
#[derive(Debug)]
pub struct MeteredStream {
    /// `None` only while it is being dropped.
    socket: Option<OpenSocket>,
    head_in: HeadCounter,
    head_out: HeadCounter,
    end_told: bool,
}

/// Owns the descriptor. Dropping it reads `TCP_INFO`, takes it off the registry and closes it.
#[derive(Debug)]
struct OpenSocket {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// The client's FIN or a reset has been seen.
    peer_done: bool,
    fin_sent: bool,
}

impl MeteredStream {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        connection.shared.register(stream.as_raw_fd(), Arc::clone(&connection));
        // Without counting there is nothing to look for.
        let head = if connection.shared.enabled { HeadCounter::new() } else { HeadCounter::Done };
        let socket = OpenSocket { stream, connection, peer_done: false, fin_sent: false };
        Self { socket: Some(socket), head_in: head, head_out: head, end_told: false }
    }

    /// The meter that handlers on this connection report to; a detached one when the meter does not count.
    #[must_use]
    pub fn meter(&self) -> ConnectionMeter {
        let counted = self.socket.as_ref().filter(|socket| socket.connection.shared.enabled);
        ConnectionMeter(counted.map(|socket| Arc::clone(&socket.connection)))
    }

    /// For the task that drives HTTP here.
    pub(crate) fn driver(&self) -> Option<Driver> {
        self.socket.as_ref().map(|socket| Driver(Arc::clone(&socket.connection)))
    }

    /// Closes without waiting for the client. If it has sent anything, it sees a reset.
    pub(crate) fn close_now(mut self) {
        if let Some(mut socket) = self.socket.take() {
            socket.send_fin();
        }
    }
}

fn gone() -> io::Error {
    ErrorKind::NotConnected.into()
}

impl AsyncRead for MeteredStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(socket) = this.socket.as_mut() else { return Poll::Ready(Err(gone())) };
        if this.end_told {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if let Err(error) = ready!(Pin::new(&mut socket.stream).poll_read(cx, buffer)) {
            socket.peer_done = true;
            return Poll::Ready(Err(error));
        }
        let new = &buffer.filled()[before..];
        if new.is_empty() && buffer.remaining() > 0 {
            // The client's end is passed on one turn late. hyper drops a request when it sees the end in the middle of
            // one, even if the answer is ready: this way a client that shuts down after asking still gets an answer
            // that takes no waiting, while a stream or a held request still ends when its client is gone.
            socket.peer_done = true;
            this.end_told = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if socket.connection.shared.enabled {
            let counts = &socket.connection.shared.counts;
            counts.bytes_in.fetch_add(new.len() as u64, Relaxed);
            if let Some(size) = this.head_in.take(new) {
                counts.first_head_bytes_in.fetch_add(size, Relaxed);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl MeteredStream {
    /// A write of bytes that `handed` goes with: with the first that the socket takes, as if it had been handed over
    /// just before.
    pub(crate) fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        handed: &mut Handed,
    ) -> Poll<io::Result<usize>> {
        let Some(socket) = self.socket.as_mut() else { return Poll::Ready(Err(gone())) };
        let outcome = ready!(Pin::new(&mut socket.stream).poll_write(cx, bytes));
        self.wrote(outcome, std::iter::once(bytes), |_| std::mem::take(handed))
    }

    /// Counts the outcome of a write. `buffers` are what was offered, `handed` tells what goes with it.
    fn wrote<'a>(
        &mut self,
        outcome: io::Result<usize>,
        buffers: impl Iterator<Item = &'a [u8]>,
        handed: impl FnOnce(&Pending) -> Handed,
    ) -> Poll<io::Result<usize>> {
        let Some(socket) = self.socket.as_mut() else { return Poll::Ready(outcome) };
        match outcome {
            Ok(written) if written > 0 && socket.connection.shared.enabled => {
                socket.connection.wrote(written, handed(&socket.connection.pending));
                if self.head_out != HeadCounter::Done {
                    let counts = &socket.connection.shared.counts;
                    let mut left = written;
                    for buffer in buffers {
                        let part = &buffer[..left.min(buffer.len())];
                        left -= part.len();
                        if let Some(size) = self.head_out.take(part) {
                            counts.first_head_bytes_out.fetch_add(size, Relaxed);
                        }
                    }
                }
            }
            Ok(_) => {}
            // A broken connection will not send a FIN that could be waited for.
            Err(_) => socket.peer_done = true,
        }
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(socket) = this.socket.as_mut() else { return Poll::Ready(Err(gone())) };
        let outcome = ready!(Pin::new(&mut socket.stream).poll_write(cx, buffer));
        this.wrote(outcome, std::iter::once(buffer), Pending::take_all)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(socket) = this.socket.as_mut() else { return Poll::Ready(Err(gone())) };
        let outcome = ready!(Pin::new(&mut socket.stream).poll_write_vectored(cx, buffers));
        this.wrote(outcome, buffers.iter().map(|buffer| &**buffer), Pending::take_all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A socket has no buffer above the kernel's.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(socket) = &mut self.get_mut().socket {
            socket.send_fin();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for MeteredStream {
    fn drop(&mut self) {
        let Some(mut socket) = self.socket.take() else { return };
        // What is there already is read first: if the client's FIN is among it, the client closed first.
        if !socket.peer_done {
            socket.read_ready();
        }
        socket.send_fin();
        if socket.peer_done && !socket.awaits_last_ack() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(socket.linger());
        }
    }
}

/// How much is read at once, and thrown away, while waiting for a client's FIN.
const DISCARD_BYTES: usize = 4096;
/// How often, before other tasks get a turn.
const DISCARD_READS: usize = 16;
/// State of a connection whose client closed first, from the server's FIN to its acknowledgement (`tcp_states.h`).
const TCP_LAST_ACK: u8 = 9;
/// The same when both FINs crossed each other.
const TCP_CLOSING: u8 = 11;
/// How often to look whether that has come.
const LAST_ACK_LOOK: Duration = Duration::from_millis(1);

impl OpenSocket {
    fn send_fin(&mut self) {
        if self.fin_sent {
            return;
        }
        self.fin_sent = true;
        let sent = SockRef::from(&self.stream).shutdown(Shutdown::Write).is_ok();
        if sent && !self.peer_done && self.connection.shared.enabled {
            self.connection.shared.counts.closed_by_server_first.fetch_add(1, Relaxed);
        }
    }

    /// Reads and throws away what is there, noticing the client's end.
    fn read_ready(&mut self) {
        let mut discarded = [0; DISCARD_BYTES];
        for _ in 0..DISCARD_READS {
            match self.stream.try_read(&mut discarded) {
                Ok(0) => self.peer_done = true,
                Ok(read) if self.connection.shared.enabled => {
                    self.connection.shared.counts.bytes_in.fetch_add(read as u64, Relaxed);
                    continue;
                }
                Ok(_) => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.peer_done = true,
            }
            return;
        }
    }

    /// Whether the client, which has closed, has yet to acknowledge the server's FIN: its last segment is then still to
    /// be counted. On loopback that takes microseconds, more if the system hands the segment to another processor.
    fn awaits_last_ack(&self) -> bool {
        let awaits = |state| state == TCP_LAST_ACK || state == TCP_CLOSING;
        self.connection.shared.enabled && tcp_info(&self.stream).is_some_and(|info| awaits(info.state))
    }

    /// Waits for the client's end, so that `TCP_INFO` is read when all has been said and acknowledged. It also keeps
    /// the answer whole: closing with unread bytes would send a reset, which discards what the client has not read.
    async fn linger(mut self) {
        let limit = self.connection.shared.linger_max;
        let to_the_end = async {
            while !self.peer_done && self.stream.readable().await.is_ok() {
                self.read_ready();
            }
            while self.awaits_last_ack() {
                sleep(LAST_ACK_LOOK).await;
            }
        };
        // Past the limit it is closed as it is.
        let _ = timeout(limit, to_the_end).await;
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        let shared = &self.connection.shared;
        let tcp = if shared.enabled { tcp_info(&self.stream).map(|info| info.totals()) } else { None };
        // Fields are dropped after this: the descriptor is off the registry before it is closed.
        shared.deregister(self.stream.as_raw_fd(), tcp.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use wirerace_contract::meter::WireMeter;

    use super::*;
    use crate::wire_meter::Meter;

    async fn pair(meter: &Meter) -> (TcpStream, MeteredStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, meter.attach(listener.accept().await.unwrap().0))
    }

    async fn read(stream: &mut MeteredStream, bytes: usize) {
        stream.read_exact(&mut vec![0; bytes]).await.unwrap();
    }

    /// What must hold of every closed connection, where the system tells.
    fn assert_kernel_agrees(counts: &WireMeter, fins: u64) {
        if cfg!(target_os = "linux") {
            let tcp = &counts.tcp;
            assert_eq!(tcp.connections, counts.connections_accepted);
            assert_eq!(tcp.bytes_sent - tcp.bytes_retrans + tcp.notsent_bytes, counts.bytes_out);
            assert_eq!(tcp.bytes_received, counts.bytes_in + fins);
        }
    }

    #[tokio::test]
    async fn bytes_and_first_heads_are_exact_over_split_reads_and_writes() {
        let meter = Meter::new(true);
        let (mut client, mut server) = pair(&meter).await;
        for part in [&b"GET / HTTP/1.1\r\nHost: a\r"[..], b"\n\r", b"\nBODY", b"GET / HTTP/1.1\r\n\r\n"] {
            client.write_all(part).await.unwrap();
            read(&mut server, part.len()).await;
        }
        let vectored = [IoSlice::new(b"HTTP/1.1 200 OK\r\n"), IoSlice::new(b"\r"), IoSlice::new(b"\nbody\r\n\r\n")];
        assert_eq!(server.write_vectored(&vectored).await.unwrap(), 27);
        server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();

        let counts = meter.snapshot();
        assert_eq!((counts.bytes_in, counts.first_head_bytes_in), (49, 27));
        assert_eq!((counts.bytes_out, counts.first_head_bytes_out), (46, 19));
        assert_eq!((counts.writes_out, counts.connections_open, counts.connections_accepted), (2, 1, 1));
        assert_kernel_agrees(&counts, 0);
        client.read_exact(&mut [0; 46]).await.unwrap();
    }

    #[tokio::test]
    async fn quotes_are_counted_and_classed_by_the_write_that_carried_them() {
        let meter = Meter::new(true);
        let (_client, mut server) = pair(&meter).await;
        let connection = server.meter();
        server.write_all(b"head").await.unwrap();
        connection.hand_over(1, 120, 130);
        server.write_all(b"one").await.unwrap();
        connection.hand_over(4, 480, 500);
        connection.hand_over(1, 120, 130);
        server.write_all(b"five").await.unwrap();
        connection.hand_over(2, 240, 250);
        connection.received(17);

        let counts = meter.snapshot();
        assert_eq!(counts.quotes_per_write, [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        // The last two have not been written.
        assert_eq!((counts.quotes_out, counts.payload_bytes_out, counts.body_bytes_out), (6, 720, 760));
        assert_eq!((counts.writes_out, counts.body_bytes_in), (3, 17));
    }

    #[tokio::test]
    async fn server_first_close_reads_on_until_the_client_is_done() {
        let meter = Meter::new(true);
        let (mut client, mut server) = pair(&meter).await;
        server.write_all(&[1; 100_000]).await.unwrap();
        drop(server);
        // Sent after the server's FIN: closing at once would answer this with a reset and lose what is unread.
        client.write_all(b"late").await.unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!((received.len(), meter.open_count()), (100_000, 1));
        drop(client);
        meter.all_closed().await;

        let counts = meter.snapshot();
        assert_eq!((counts.closed_by_server_first, counts.bytes_in, counts.connections_open), (1, 4, 0));
        assert_kernel_agrees(&counts, 1);
    }

    #[tokio::test]
    async fn client_first_close_is_told_apart_and_needs_no_waiting() {
        let meter = Meter::new(true);
        let (mut client, mut server) = pair(&meter).await;
        client.write_all(b"x").await.unwrap();
        client.shutdown().await.unwrap();
        assert_eq!(server.read_to_end(&mut Vec::new()).await.unwrap(), 1);
        server.write_all(b"answer").await.unwrap();
        drop(server);
        assert_eq!(meter.open_count(), 0, "closed at once, the client's end having been seen");
        assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 6);

        let counts = meter.snapshot();
        assert_eq!((counts.closed_by_server_first, counts.bytes_in, counts.bytes_out), (0, 1, 6));
        assert_kernel_agrees(&counts, 1);
    }

    #[tokio::test]
    async fn shutdown_by_the_library_counts_once() {
        let meter = Meter::new(true);
        let (client, mut server) = pair(&meter).await;
        server.shutdown().await.unwrap();
        drop(server);
        drop(client);
        meter.all_closed().await;
        assert_eq!(meter.snapshot().closed_by_server_first, 1);
    }

    #[tokio::test]
    async fn a_client_that_never_ends_is_left_after_the_limit() {
        let meter = Meter::with_linger(true, Duration::from_millis(20));
        let (client, mut server) = pair(&meter).await;
        server.write_all(b"bye").await.unwrap();
        drop(server);
        meter.all_closed().await;
        assert_kernel_agrees(&meter.snapshot(), 0);
        drop(client);
    }

    #[tokio::test]
    async fn unread_data_in_the_way_of_a_fin_is_accounted_for() {
        let meter = Meter::with_linger(true, Duration::from_millis(20));
        let (client, mut server) = pair(&meter).await;
        // Until the kernel takes no more: the client does not read.
        while let Ok(written) = timeout(Duration::from_millis(50), server.write(&[1; 65_536])).await {
            written.unwrap();
        }
        drop(server);
        meter.all_closed().await;
        let counts = meter.snapshot();
        assert!(!cfg!(target_os = "linux") || counts.tcp.notsent_bytes > 0);
        assert_kernel_agrees(&counts, 0);
        drop(client);
    }

    #[tokio::test]
    async fn a_reset_is_an_end_too() {
        let meter = Meter::new(true);
        let (client, mut server) = pair(&meter).await;
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        drop(server);
        assert_eq!((meter.open_count(), meter.snapshot().closed_by_server_first), (0, 0));
    }

    #[tokio::test]
    async fn a_broken_connection_found_by_writing_is_not_waited_for() {
        let meter = Meter::with_linger(true, Duration::from_secs(3600));
        let (client, mut server) = pair(&meter).await;
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        while server.write(b"x").await.is_ok() {}
        drop(server);
        assert_eq!(meter.open_count(), 0);
    }

    #[tokio::test]
    async fn a_disabled_meter_counts_connections_only_and_closes_as_well() {
        let meter = Meter::new(false);
        let (mut client, mut server) = pair(&meter).await;
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        read(&mut server, 18).await;
        let connection = server.meter();
        connection.hand_over(1, 1, 1);
        connection.received(1);
        server.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        drop(server);
        assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 19);
        drop(client);
        meter.all_closed().await;
        assert_eq!(meter.snapshot(), WireMeter { connections_accepted: 1, ..WireMeter::default() });
    }

    #[test]
    fn without_a_runtime_it_is_closed_at_once() {
        let meter = Meter::new(true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, server) = runtime.block_on(pair(&meter));
        drop(server);
        assert_eq!((meter.open_count(), meter.snapshot().closed_by_server_first), (0, 1));
        // And tasks that a runtime drops at its end do not leave anything open either.
        let (_client, server) = runtime.block_on(pair(&meter));
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(server);
        });
        drop(client);
        drop(runtime);
        assert_eq!(meter.open_count(), 0);
    }
}
