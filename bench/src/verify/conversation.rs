//! HTTP by hand, where it matters what happens to the connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::asking::{BODY_BYTES_MAX, EXCHANGE};
use super::finding::{Fault, Finding, demand};
use super::server::Server;

/// No head is longer, bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A connection on which requests are typed.
struct Conversation {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Conversation {
    async fn open(address: SocketAddr) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address).await.map_err(|e| Fault::Broken(format!("no connection: {e}")))?;
        Ok(Self { stream, read: Vec::new() })
    }

    async fn say(&mut self, text: &str) -> Finding {
        let said = self.stream.write_all(text.as_bytes()).await;
        said.map_err(|error| Fault::Broken(format!("the connection ended before the request was sent: {error}")))
    }

    /// Reads more; `false` at the end.
    async fn more(&mut self) -> Result<bool, Fault> {
        demand(self.read.len() <= BODY_BYTES_MAX, || format!("more than {} MiB came", BODY_BYTES_MAX >> 20))?;
        let read = self.stream.read_buf(&mut self.read).await;
        read.map(|n| n > 0).map_err(|error| Fault::Broken(format!("the connection broke: {error}")))
    }

    /// Reads one answer and takes it off.
    async fn answer(&mut self) -> Finding {
        let head = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            demand(self.read.len() <= HEAD_BYTES_MAX, || "the answer's head does not end".to_owned())?;
            demand(self.more().await?, || "the connection was closed before an answer".to_owned())?;
        };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        demand(text.starts_with("http/1.1 "), || "the answer does not begin with HTTP/1.1".to_owned())?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned())
        };
        self.read.drain(..head);
        let chunked = field("transfer-encoding").is_some_and(|value| value.contains("chunked"));
        let length = field("content-length").and_then(|value| value.parse::<usize>().ok());
        loop {
            let whole = match length {
                _ if chunked => find(&self.read, b"0\r\n\r\n").map(|at| at + 5),
                Some(length) => (self.read.len() >= length).then_some(length),
                None => return Err(Fault::broken("the answer tells neither its length nor its pieces")),
            };
            if let Some(whole) = whole {
                self.read.drain(..whole);
                return Ok(());
            }
            demand(self.more().await?, || "the connection was closed within an answer".to_owned())?;
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// Two requests, one connection.
pub(super) async fn two_on_one_connection(server: &Server, target: &str) -> Finding {
    let asked = async {
        let mut talk = Conversation::open(server.address).await?;
        for _ in 0..2 {
            talk.say(&format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.authority)).await?;
            talk.answer().await?;
        }
        Ok(())
    };
    in_time(asked, "the second answer on one connection").await
}

/// One request that asks to close, and the end.
pub(super) async fn closes(server: &Server, target: &str) -> Finding {
    let asked = async {
        let mut talk = Conversation::open(server.address).await?;
        let host = &server.authority;
        talk.say(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await?;
        while talk.more().await? {}
        demand(talk.read.starts_with(b"HTTP/1.1 "), || "the connection was closed without an answer".to_owned())
    };
    in_time(asked, "the end of the connection").await
}

async fn in_time(asked: impl Future<Output = Finding>, what: &str) -> Finding {
    let late = |_| Fault::Broken(format!("{what} did not come within {} s", EXCHANGE.as_secs()));
    timeout(EXCHANGE, asked).await.map_err(late)?
}
