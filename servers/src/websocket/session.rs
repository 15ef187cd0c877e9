//! One client's socket, from the upgrade to the close frame.

use std::future::poll_fn;
use std::mem::replace;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{SinkExt, StreamExt};
use wirerace_contract::messages::Note;

use super::Opening;
use crate::heartbeat::Heartbeat;
use crate::orders::{ORDER_BYTES_MAX, acknowledge, no_order};
use crate::reader::Reader;
use crate::tape::{Encoded, Read};
use crate::wakes::Doorbell;
use crate::wire_meter::ConnectionMeter;

/// How long the client may take to answer a close frame.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// One client's socket.
pub(super) struct Session {
    socket: WebSocket,
    reader: Reader,
    heartbeat: Heartbeat,
    meter: ConnectionMeter,
    /// Rung by what comes from the client, and by the heartbeat's timer.
    doorbell: Doorbell,
    /// The client had its turn, the quotes are next.
    client_had_its_turn: bool,
    /// Quotes were fed that may not have gone out.
    unflushed: bool,
    /// Most quotes between two flushes.
    round: usize,
}

/// What takes a session from sending quotes.
enum Event {
    /// A message; `None` at the end.
    Client(Option<Result<Message, axum::Error>>),
    /// Nothing was sent for a heartbeat's distance.
    Silence,
    /// The client does not read: what was fed cannot go out.
    Blocked,
    /// There will be no more quotes.
    Over(End),
}

/// Why a session ends.
enum End {
    /// The tape is closed, the client does not know yet.
    Closed,
    /// The client broke the protocol, in these words.
    Refused(String),
    /// The client has closed, or the connection is gone.
    Gone,
}

impl From<axum::Error> for End {
    fn from(_: axum::Error) -> Self {
        Self::Gone
    }
}

impl Session {
    pub(super) fn new(socket: WebSocket, reader: Reader, meter: ConnectionMeter) -> Self {
        let heartbeat = Heartbeat::new(reader.tape().heartbeat());
        let doorbell = reader.tape().doorbell();
        Self { socket, reader, heartbeat, meter, doorbell, client_had_its_turn: false, unflushed: false, round: 1 }
    }

    /// Says hello, then serves until the end.
    ///
    /// What happens seldom is boxed: a task takes as much memory as the largest thing it may ever do, and an idle
    /// socket is hardly more than its task. The rest lies close together: of a thousand sockets' memory nothing is in
    /// the processor's cache any more when a socket's turn comes again.
    #[allow(clippy::manual_async_fn)] // an `async fn` keeps room for its arguments twice
    pub(super) fn run(mut self, opening: Box<Opening>) -> impl Future<Output = ()> + Send {
        self.round = opening.round;
        async move {
            let end = match Box::pin(self.open(opening)).await {
                Ok(()) => self.serve().await,
                Err(end) => end,
            };
            Box::pin(self.close(end)).await;
        }
    }

    async fn serve(&mut self) -> End {
        loop {
            let event = poll_fn(|cx| self.poll_event(cx)).await;
            if let Err(end) = Box::pin(self.attend_to(event)).await {
                return end;
            }
        }
    }

    /// Sends quotes until something else happens. Client and quotes have their turns, so that neither a flood of the
    /// one nor of the other keeps the other waiting.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if !replace(&mut self.client_had_its_turn, false)
                && let Poll::Ready(event) = self.poll_doorbell(cx)
            {
                self.client_had_its_turn = true;
                return Poll::Ready(event);
            }
            match self.reader.poll_ready(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Event::Over(End::Closed)),
                Poll::Pending => return self.poll_doorbell(cx),
            }
            match self.poll_send_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Event::Over(error.into())),
                Poll::Pending => return Poll::Ready(Event::Blocked),
            }
        }
    }

    /// Polling a socket and a timer goes through five libraries and touches a kilobyte, only to find nothing: it would
    /// be a tenth of what a quote costs.
    fn poll_doorbell(&mut self, cx: &Context<'_>) -> Poll<Event> {
        let Self { socket, heartbeat, doorbell, .. } = self;
        doorbell.poll(cx, |cx| {
            if let Poll::Ready(message) = socket.poll_next_unpin(cx) {
                return Poll::Ready(Event::Client(message));
            }
            heartbeat.poll_due(cx).map(|()| Event::Silence)
        })
    }

    /// Feeds all that is ready, then flushes once. Nothing more is fed before that has gone out.
    fn poll_send_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        if !self.unflushed {
            for _ in 0..self.round {
                ready!(self.socket.poll_ready_unpin(cx))?;
                let Some(message) = self.next_message() else { break };
                self.socket.start_send_unpin(message)?;
            }
            self.unflushed = true;
        }
        ready!(self.socket.poll_flush_unpin(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    fn next_message(&mut self) -> Option<Message> {
        let pick = |quote: &Encoded| (message(quote), quote.payload().len(), quote.published());
        match self.reader.take_as(pick) {
            Read::Quote { payload: (message, bytes, published), .. } => {
                self.meter.hand_over(1, bytes, bytes);
                self.heartbeat.sent_what_was_there_at(published);
                Some(message)
            }
            Read::Gap(gap) => Some(self.note(&Note::Gap(gap))),
            Read::End => None,
        }
    }

    async fn open(&mut self, opening: Box<Opening>) -> Result<(), End> {
        self.send_note(&Note::Hello(opening.hello)).await?;
        match opening.gap {
            Some(gap) => self.send_note(&Note::Gap(gap)).await,
            None => Ok(()),
        }
    }

    async fn attend_to(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Client(message) => self.answer(message).await,
            Event::Silence => self.send(Message::Ping(Bytes::new())).await,
            Event::Blocked => {
                let tape = self.reader.tape().clone();
                tokio::select! {
                    biased;
                    sent = poll_fn(|cx| self.poll_send_ready(cx)) => Ok(sent?),
                    () = tape.closed() => Err(End::Closed),
                }
            }
            Event::Over(end) => Err(end),
        }
    }

    /// Sends one message, unless the tape is closed before: closing must not wait for a client that does not read.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        let tape = self.reader.tape().clone();
        let sent = tokio::select! {
            biased;
            sent = self.socket.send(message) => sent.map_err(End::from),
            () = tape.closed() => Err(End::Closed),
        };
        self.heartbeat.sent();
        sent
    }

    async fn answer(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let reply = match message {
            Some(Ok(Message::Text(text))) => {
                self.meter.received(text.len());
                self.reply_to(text.as_str())
            }
            Some(Ok(Message::Binary(bytes))) => {
                self.meter.received(bytes.len());
                Note::Error("a binary message: allowed is text with {\"order\":…}".to_owned())
            }
            // The library answers pings by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Close(_))) => {
                // The library has the answer ready; reading on sends it and waits for the client's end.
                let _ = tokio::time::timeout(CLOSE_WAIT, async { while let Some(Ok(_)) = self.socket.next().await {} })
                    .await;
                return Err(End::Gone);
            }
            Some(Err(error)) => return Err(End::Refused(error.to_string())),
            None => return Err(End::Gone),
        };
        self.send_note(&reply).await
    }

    fn reply_to(&self, text: &str) -> Note {
        if text.len() > ORDER_BYTES_MAX {
            return Note::Error(format!("the order is too long: allowed are {ORDER_BYTES_MAX} bytes"));
        }
        match serde_json::from_str(text) {
            Ok(Note::Order(order)) => match acknowledge(&order, self.reader.tape().spec()) {
                Ok(ack) => Note::Ack(ack),
                Err(sentence) => Note::Error(sentence),
            },
            Ok(_) => Note::Error("only {\"order\":…} is allowed from a client".to_owned()),
            Err(e) => Note::Error(format!("{}, within {{\"order\":…}}", no_order(&e))),
        }
    }

    async fn send_note(&mut self, note: &Note) -> Result<(), End> {
        let message = self.note(note);
        self.send(message).await
    }

    /// The message that carries `note`, told to the meter.
    fn note(&self, note: &Note) -> Message {
        // Notes are numbers and strings, which JSON cannot refuse.
        let text = serde_json::to_string(note).unwrap_or_default();
        self.meter.hand_over(0, 0, text.len());
        Message::Text(text.into())
    }

    /// Says goodbye and waits for the client to say it too, but not for long.
    async fn close(&mut self, end: End) {
        let (code, reason) = match end {
            End::Closed => (close_code::AWAY, "the server stops".to_owned()),
            End::Refused(why) => (close_code::POLICY, short(why)),
            End::Gone => return,
        };
        let farewell = async {
            let frame = CloseFrame { code, reason: reason.into() };
            if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = tokio::time::timeout(CLOSE_WAIT, farewell).await;
    }
}

fn message(quote: &Encoded) -> Message {
    match quote.text() {
        Some(text) => Message::Text(text.clone()),
        None => Message::Binary(quote.payload().clone()),
    }
}

/// A control frame has room for 125 bytes, two of them for the code (RFC 6455 §5.5).
fn short(mut reason: String) -> String {
    while reason.len() > 123 {
        reason.pop();
    }
    reason
}
