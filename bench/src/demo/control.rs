//! The control socket: one session per page. It tells state and meters, and takes orders from the page that has control.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::seats::{Role, Seat, WATCHERS_MAX};
use super::stage::Stage;

/// The largest message that is read, bytes.
pub(super) const MESSAGE_MAX_BYTES: usize = 4_096;
/// The largest that is received in order to be refused in words, bytes; a larger one ends the connection.
pub(super) const RECEIVED_MAX_BYTES: usize = 64 * 1_024;
/// So many messages in a row that cannot be used end the session.
const FAULTS_MAX: u32 = 3;
/// A page that takes nothing for so long is gone.
const SEND_MAX: Duration = Duration::from_secs(10);

/// What a page may say, one thing a message.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    Ping(f64),
    Set(Map<String, Value>),
    Start(bool),
    Stop(bool),
    Claim(bool),
    Yield(bool),
}

/// What comes of a message.
enum Outcome {
    /// Nothing to say beside the change of state that everyone is told.
    Done,
    Answer(Value),
    /// It was understood, and cannot be.
    Refused(String),
    /// It was not understood.
    Fault(String),
}

/// Sends a page away for which there is no place. A browser shows its page the reason of a close, and not the body of a
/// refused upgrade.
pub(super) async fn send_away(mut socket: WebSocket) {
    let reason = format!("{WATCHERS_MAX} pages watch already, and that is the limit: close one of them").into();
    let close = Message::Close(Some(CloseFrame { code: close_code::AGAIN, reason }));
    // The answer is waited for: a connection that ends before may take the reason with it.
    let _ = timeout(SEND_MAX, async {
        socket.send(close).await?;
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<(), axum::Error>(())
    })
    .await;
}

/// One page, as long as it is connected.
struct Session {
    socket: WebSocket,
    stage: Stage,
    seat: Seat,
    /// The name under which it reaches this machine.
    host: String,
    faults: u32,
    ended_told: u64,
}

/// Serves a page until it leaves.
pub(super) async fn session(socket: WebSocket, stage: Stage, seat: Seat, host: String) {
    let ended_told = stage.scene().ended();
    let mut session = Session { socket, stage, seat, host, faults: 0, ended_told };
    session.go().await;
    session.stage.leave(session.seat);
}

impl Session {
    /// `None` when the page is gone or was sent away.
    async fn go(&mut self) -> Option<()> {
        let (mut changes, mut meters) = (self.stage.changes(), self.stage.meters());
        self.tell_state().await?;
        loop {
            tokio::select! {
                message = self.socket.recv() => match message?.ok()? {
                    Message::Text(text) => self.take(&text).await?,
                    Message::Binary(_) => self.settle(Outcome::Fault("messages are JSON text".to_owned())).await?,
                    Message::Close(_) => return None,
                    Message::Ping(_) | Message::Pong(_) => {}
                },
                changed = changes.changed() => {
                    changed.ok()?;
                    self.tell_state().await?;
                }
                told = meters.changed() => {
                    told.ok()?;
                    let text = Utf8Bytes::from(&**meters.borrow_and_update());
                    self.send(Message::Text(text)).await?;
                }
            }
        }
    }

    async fn tell_state(&mut self) -> Option<()> {
        let (state, ended) = {
            let scene = self.stage.scene();
            (scene.state(self.seat, &self.host), scene.ended())
        };
        self.say(&state).await?;
        if ended > self.ended_told {
            self.ended_told = ended;
            self.say(&json!({ "ended": { "run": ended } })).await?;
        }
        Some(())
    }

    async fn take(&mut self, text: &str) -> Option<()> {
        let outcome = self.outcome(text);
        self.settle(outcome).await
    }

    fn outcome(&self, text: &str) -> Outcome {
        if text.len() > MESSAGE_MAX_BYTES {
            return Outcome::Fault(format!("{} bytes: a message has at most {MESSAGE_MAX_BYTES}", text.len()));
        }
        let order = match serde_json::from_str::<Order>(text) {
            Ok(order) => order,
            Err(_) => {
                let allowed = r#"{"ping":NUMBER}, {"set":{KNOB:VALUE}}, {"start":true}, {"stop":true}, {"claim":true}, {"yield":true}"#;
                return Outcome::Fault(format!("this message is not understood: allowed are {allowed}"));
            }
        };
        if matches!(order, Order::Set(_) | Order::Start(_) | Order::Stop(_))
            && self.stage.role(self.seat) == Role::Watch
        {
            return Outcome::Refused("This page watches: another one has control.".to_owned());
        }
        let done = match order {
            Order::Ping(at) => {
                return Outcome::Answer(json!({ "pong": at, "now_ns": self.stage.scene().lanes.now_ns() }));
            }
            Order::Set(wanted) => match self.stage.set(&wanted) {
                Ok(()) => Ok(()),
                Err(fault) => return Outcome::Fault(fault),
            },
            Order::Start(true) => self.stage.start(),
            Order::Claim(true) => self.stage.claim(self.seat),
            Order::Stop(true) => {
                self.stage.stop();
                Ok(())
            }
            Order::Yield(true) => {
                self.stage.give_up(self.seat);
                Ok(())
            }
            Order::Start(false) | Order::Stop(false) | Order::Claim(false) | Order::Yield(false) => Ok(()),
        };
        done.map_or_else(Outcome::Refused, |()| Outcome::Done)
    }

    async fn settle(&mut self, outcome: Outcome) -> Option<()> {
        let is_fault = matches!(outcome, Outcome::Refused(_) | Outcome::Fault(_));
        self.faults = if is_fault { self.faults + 1 } else { 0 };
        match outcome {
            Outcome::Done => {}
            Outcome::Answer(answer) => self.say(&answer).await?,
            Outcome::Refused(why) | Outcome::Fault(why) => self.say(&json!({ "error": why })).await?,
        }
        if self.faults < FAULTS_MAX {
            return Some(());
        }
        let reason = Utf8Bytes::from_static("three messages in a row that cannot be used");
        let _ = self.send(Message::Close(Some(CloseFrame { code: close_code::POLICY, reason }))).await;
        None
    }

    async fn say(&mut self, message: &Value) -> Option<()> {
        self.send(Message::Text(message.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Option<()> {
        timeout(SEND_MAX, self.socket.send(message)).await.ok()?.ok()
    }
}
