//! For tests: a server on port 0 of loopback that answers by a script and remembers what it was asked. Plain blocking
//! sockets and hand-written bytes, so that nothing of the library under test is in it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use wirerace_contract::messages::Order;

/// What to do with a request.
pub(crate) enum Reply {
    /// Write this and wait for the next request on the connection.
    Keep(String),
    /// Write the head, and the body a moment later.
    InTwo(String),
    /// Write this and close.
    Close(String),
    /// Acknowledge the order that was posted; to anything else write this.
    Acknowledge(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// 0, 1, 2 … in the order of accepting.
    pub(crate) connection: usize,
    /// Request line and header lines, as they came.
    pub(crate) head: String,
}

impl Asked {
    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn has(&self, header: &str) -> bool {
        self.head.to_lowercase().contains(&format!("\r\n{}\r\n", header.to_lowercase()))
    }
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// Answers request number n (0, 1, 2 … over all connections) with `script(n)`.
    pub(crate) fn spawn(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked, script) = (listener.local_addr().unwrap(), Arc::default(), Arc::new(script));
        let server = Self { address, asked };
        let asked = server.asked.clone();
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (asked, script) = (asked.clone(), script.clone());
                thread::spawn(move || serve(connection, stream.unwrap(), &asked, &*script));
            }
        });
        server
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(connection: usize, mut stream: TcpStream, asked: &Mutex<Vec<Asked>>, script: &dyn Fn(usize) -> Reply) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some((head, content)) = read_request(&mut reader) {
        let number = {
            let mut asked = asked.lock().unwrap();
            asked.push(Asked { connection, head });
            asked.len() - 1
        };
        // A client that has left makes these fail; that is its business.
        let (text, last) = match script(number) {
            Reply::Keep(text) => (text, false),
            Reply::Close(text) => (text, true),
            Reply::Acknowledge(text) => (acknowledgement(&content).unwrap_or(text), false),
            Reply::InTwo(text) => {
                let (head, body) = text.split_at(text.find("\r\n\r\n").unwrap() + 4);
                let _ = stream.write_all(head.as_bytes());
                thread::sleep(Duration::from_millis(2));
                (body.to_owned(), false)
            }
        };
        if stream.write_all(text.as_bytes()).is_err() || last {
            return;
        }
    }
}

/// A request's head and content.
fn read_request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    let mut content = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut content).ok()?;
    Some((head, content))
}

/// What acknowledges an order; `None` where the content is none.
fn acknowledgement(content: &[u8]) -> Option<String> {
    let order: Order = serde_json::from_slice(content).ok()?;
    Some(answer("200 OK", "", &format!("{{\"id\":\"{}\"}}", order.id)))
}

/// An answer with a body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// A poll's answer with quotes `from..=to` of epoch k3f9 in the encoding `tick`.
pub(crate) fn quotes(from: u64, to: u64) -> String {
    let quotes: Vec<String> = (from..=to).map(|seq| format!("\"{seq:010} 0101.2503\"")).collect();
    answer("200 OK", "", &format!(r#"{{"epoch":"k3f9","quotes":[{}],"next":"k3f9.{to}"}}"#, quotes.join(",")))
}
