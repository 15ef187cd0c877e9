//! What all transports share between two connections: where the user is, and how it comes back.

use wirerace_contract::cursor::{Cursor, Epoch};
use wirerace_contract::messages::{ErrorAnswer, Gap, GapReason};
use wirerace_contract::results::Happened;

use crate::backoff::Backoff;
use crate::outlet::Outlet;
use crate::target::{Event, Target};

/// Why an exchange or a stream ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The load asked the user to leave.
    Stopped,
    /// The connection broke or the server was out of order for now: come back after a back-off.
    Lost(Box<str>),
    /// The server refused, or spoke what the contract does not know: asking again would not help.
    Refused(Box<str>),
}

/// One user between connections.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) target: Target,
    outlet: Outlet,
    backoff: Backoff,
    connected: bool,
    /// The last place the server gave; `None` before the first.
    pub(crate) cursor: Option<Cursor>,
}

impl Session {
    pub(crate) fn new(target: Target, outlet: Outlet) -> Self {
        Self { backoff: target.new_backoff(), target, outlet, connected: false, cursor: None }
    }

    pub(crate) async fn emit(&self, event: Event) {
        self.outlet.emit(event).await;
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// The server answered: announced once per time it had been lost.
    pub(crate) async fn answered(&mut self, epoch: Option<Epoch>) {
        if !self.connected {
            self.connected = true;
            self.backoff.succeeded();
            self.emit(Event::Connected { epoch }).await;
        }
    }

    /// A connection that the library replaced by itself, unasked: it lost an idle one and dialled anew.
    pub(crate) async fn reconnected_silently(&mut self, epoch: Option<Epoch>) {
        self.emit(Event::Disconnected { reason: "an idle connection was closed by the server".into() }).await;
        self.emit(Event::Connected { epoch }).await;
    }

    /// Goes to `next`. A server that changed the stream without announcing it has that announced here.
    pub(crate) async fn go_to(&mut self, next: Cursor) {
        if let Some(before) = self.cursor
            && before.epoch != next.epoch
        {
            let gap = Gap { reason: GapReason::Epoch, first: 1, last: 0 };
            self.emit(Event::Gap { epoch: Some(next.epoch), gap }).await;
        }
        self.cursor = Some(next);
    }

    /// Goes on from `next` after a gap that the server announced.
    pub(crate) async fn jump(&mut self, gap: Gap, next: Cursor) {
        self.cursor = Some(next);
        self.emit(Event::Gap { epoch: Some(next.epoch), gap }).await;
    }

    /// Waits out the back-off. `false` when the user leaves, for whatever reason.
    pub(crate) async fn recover(&mut self, end: End) -> bool {
        match end {
            End::Stopped => false,
            End::Refused(reason) => {
                self.emit(Event::Failed { reason }).await;
                false
            }
            End::Lost(reason) => {
                self.target.log.note(Happened::Lost);
                if self.connected {
                    self.connected = false;
                    self.emit(Event::Disconnected { reason: reason.clone() }).await;
                }
                let Some(wait) = self.backoff.failed() else {
                    self.emit(Event::Failed { reason }).await;
                    return false;
                };
                self.target.unless_stopped(tokio::time::sleep(wait)).await.is_some()
            }
        }
    }
}

/// An answer that is neither quotes nor a gap, in words. 4xx means that asking again would not help.
pub(crate) fn unexpected_status(address: std::net::SocketAddr, status: u16, body: &[u8]) -> End {
    let said = match serde_json::from_slice::<ErrorAnswer>(body) {
        Ok(answer) => answer.error,
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    };
    let reason = format!("the server at {address} answered {status}: {said}").into();
    if status >= 500 { End::Lost(reason) } else { End::Refused(reason) }
}
