//! A demo that runs for a test, and what a page does there: over plain sockets, so that nothing is hidden.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Longer than anything here takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wirerace"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A demo on a port of its own; gone with the test.
pub(crate) struct Demo {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// What it printed at its start.
    pub(crate) said: Vec<String>,
}

impl Demo {
    pub(crate) fn start(more: &[&str]) -> Self {
        let arguments = [&["demo", "--port", "0", "--no-open"], more].concat();
        let mut child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let said: Vec<String> = lines.take_while(|line| !line.starts_with("stop with")).collect();
        let address = said.first().and_then(|line| line.strip_prefix("demo:  http://")?.strip_suffix('/'));
        Self { address: address.unwrap_or_else(|| panic!("no address: {said:?}")).parse().unwrap(), child, said }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The page's control socket, with the state that it is told first.
    pub(crate) async fn page(&self) -> (Page, Value) {
        page_at(self.address).await
    }

    /// A page with control whose run goes on, and its state.
    pub(crate) async fn running(&self, knobs: Value) -> (Page, Value) {
        let (mut page, _) = self.page().await;
        page.say(&serde_json::json!({ "set": knobs })).await;
        page.say(&serde_json::json!({ "start": true })).await;
        let state = page.state(|state| state["running"] == true).await;
        (page, state)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Opens a socket as a browser does.
pub(crate) async fn socket(
    address: SocketAddr,
    path: &str,
    origin: Option<&str>,
) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    timeout(DEADLINE, tokio_tungstenite::client_async(request, stream)).await.unwrap().map(|(socket, _)| socket)
}

/// The control socket of a page that was loaded from `address`, with the state that it is told first.
pub(crate) async fn page_at(address: SocketAddr) -> (Page, Value) {
    let mut page = Page(socket(address, "/control", Some(&format!("http://{address}"))).await.unwrap());
    let state = page.state(|_| true).await;
    (page, state)
}

/// The page's end of the control socket.
pub(crate) struct Page(pub(crate) WebSocketStream<TcpStream>);

impl Page {
    pub(crate) async fn say(&mut self, message: &Value) {
        self.send(&message.to_string()).await;
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message of which `pick` makes something.
    pub(crate) async fn next<T>(&mut self, pick: impl Fn(&Value) -> Option<T>) -> T {
        let found = async {
            loop {
                let message = self.0.next().await.expect("the socket ended").unwrap();
                if let Message::Text(text) = message
                    && let Some(found) = pick(&serde_json::from_str(&text).unwrap())
                {
                    return found;
                }
            }
        };
        timeout(DEADLINE, found).await.expect("nothing such was said")
    }

    /// The next message that has `field`.
    pub(crate) async fn told(&mut self, field: &str) -> Value {
        self.next(|message| message.get(field).map(|_| message.clone())).await
    }

    /// The next state that `is_it`.
    pub(crate) async fn state(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.next(|message| message.get("state").filter(|state| is_it(state)).cloned()).await
    }

    /// The next meters that `are_they`.
    pub(crate) async fn meters(&mut self, are_they: impl Fn(&Value) -> bool) -> Value {
        self.next(|message| message.get("meters").filter(|meters| are_they(meters)).cloned()).await
    }

    /// The code and the reason that the server closes with.
    pub(crate) async fn closed(&mut self) -> CloseFrame {
        let closing = async {
            loop {
                if let Message::Close(Some(frame)) = self.0.next().await.expect("ended without a word").unwrap() {
                    return frame;
                }
            }
        };
        timeout(DEADLINE, closing).await.expect("not closed")
    }
}

/// Where the lane of that name is.
pub(crate) fn lane(state: &Value, id: &str) -> SocketAddr {
    let lanes = state["lanes"].as_array().unwrap();
    let lane = lanes.iter().find(|lane| lane["id"] == id).unwrap_or_else(|| panic!("no lane {id}"));
    lane["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap()
}

/// Asks once on a connection of its own, and reads until the server closes: head and body.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = timeout(DEADLINE, exchange).await.expect("not closed");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer}"));
    (head.to_lowercase(), body.to_owned())
}

/// A request with these fields beside `Host`, after which the connection ends.
pub(crate) fn get(address: SocketAddr, target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{fields}\r\n")
}
