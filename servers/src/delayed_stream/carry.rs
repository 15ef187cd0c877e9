//! The task that carries a connection's bytes: reads them when they are there, writes them when they are due.

use std::future::Future;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::time::Instant;

use super::{Delays, Lines, Sent, Wire};
use crate::alarms::Wait;

/// How much is read at once, bytes.
const READ_BYTES: usize = 16 * 1024;
/// How often in a turn, before other tasks get theirs.
const READS: usize = 16;

/// Ends when the library has left and all that it wrote has gone out; the wire is dropped then, which closes it.
pub(super) struct Carrier<W> {
    wire: W,
    lines: Arc<Lines>,
    delays: Delays,
    accepted: Instant,
    departure: Wait,
    /// What is being written, and how much of it has been.
    writing: Option<Sent>,
    /// The client has ended.
    read_all: bool,
    /// The server's end has gone out, or nothing can any more.
    written_all: bool,
}

impl<W: Wire> Carrier<W> {
    pub(super) fn new(wire: W, lines: Arc<Lines>, delays: Delays) -> Self {
        Self {
            wire,
            lines,
            delays,
            accepted: Instant::now(),
            departure: Wait::default(),
            writing: None,
            read_all: false,
            written_all: false,
        }
    }

    /// Sends on to the server what the client has sent.
    fn read(&mut self, cx: &mut Context<'_>) {
        for _ in 0..READS {
            {
                let mut both = self.lines.lock();
                if self.read_all {
                    return;
                }
                if !both.to_server.has_room() {
                    both.to_server.sender = Some(cx.waker().clone());
                    return;
                }
            }
            let mut room = [MaybeUninit::uninit(); READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut room);
            let what = match Pin::new(&mut self.wire).poll_read(cx, &mut buffer) {
                Poll::Pending => return,
                Poll::Ready(Err(error)) => Sent::End(Some(error.kind())),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => Sent::End(None),
                Poll::Ready(Ok(())) => {
                    Sent::Bytes { bytes: buffer.filled().to_vec(), read: 0, handed: Default::default() }
                }
            };
            self.read_all = matches!(what, Sent::End(_));
            let one_way = self.delays.one_way();
            // Over a real distance the client's side of the handshake ends a round trip after it began.
            let sent = Instant::now().max(self.accepted + one_way * 2);
            let mut both = self.lines.lock();
            if !both.left {
                both.to_server.send(sent + one_way, what);
            }
        }
        // There may be more: after the others.
        cx.waker().wake_by_ref();
    }

    /// Writes to the client what is due.
    fn write(&mut self, cx: &mut Context<'_>) {
        while !self.written_all {
            let Some(mut what) = self.writing.take().or_else(|| self.next_due(cx)) else { return };
            let outcome = self.write_one(cx, &mut what);
            match outcome {
                Poll::Pending => {
                    self.writing = Some(what);
                    return;
                }
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) => self.writing = Some(what),
                Poll::Ready(Err(kind)) => self.broken(kind),
            }
        }
    }

    /// Writes of `what` as much as the wire takes; whether that was all.
    fn write_one(&mut self, cx: &mut Context<'_>, what: &mut Sent) -> Poll<Result<bool, ErrorKind>> {
        let outcome = match what {
            Sent::Bytes { bytes, read, .. } if *read == bytes.len() => Ok(true),
            Sent::Bytes { bytes, read, handed } => {
                match ready!(self.wire.poll_write_handed(cx, &bytes[*read..], handed)) {
                    Ok(0) => Err(ErrorKind::WriteZero),
                    Ok(written) => {
                        *read += written;
                        Ok(*read == bytes.len())
                    }
                    Err(error) => Err(error.kind()),
                }
            }
            Sent::End(_) => {
                let outcome = ready!(Pin::new(&mut self.wire).poll_shutdown(cx));
                self.written_all = true;
                outcome.map(|()| true).map_err(|error| error.kind())
            }
        };
        Poll::Ready(outcome)
    }

    fn next_due(&mut self, cx: &Context<'_>) -> Option<Sent> {
        let mut both = self.lines.lock();
        let line = &mut both.to_client;
        let Some(first) = line.flying.front() else {
            line.receiver = Some(cx.waker().clone());
            return None;
        };
        if self.departure.poll(&self.delays.0.alarms, first.due, cx).is_pending() {
            return None;
        }
        line.arrived()
    }

    /// Nothing can be written any more: the library hears of it when it tries.
    fn broken(&mut self, kind: ErrorKind) {
        self.written_all = true;
        self.writing = None;
        let mut both = self.lines.lock();
        both.broken = Some(kind);
        both.to_client.flying.clear();
        if let Some(sender) = both.to_client.sender.take() {
            sender.wake();
        }
    }
}

impl<W: Wire> Future for Carrier<W> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.read(cx);
        this.write(cx);
        let mut both = this.lines.lock();
        if both.left && this.written_all {
            return Poll::Ready(());
        }
        // Woken too when the library leaves.
        if both.to_client.receiver.is_none() && this.written_all {
            both.to_client.receiver = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}
