//! A client that costs as little as it can: it reads, counts quotes by their framing, and notes how late they are.

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::distribution::{new_histogram, quantile_ns};
use wirerace_contract::plan::PlanTable;

use super::role::{Counted, Go, Protocol, RawReader, Ready, read_line, write_line};
use super::scanner::Scanner;

/// How long after the window's end quotes may still come.
const DRAIN_NS: u64 = 2_000 * NS_PER_MS;
/// One buffer serves all connections: they are read one at a time.
const BUFFER_BYTES: usize = 256 * 1024;

struct Tally {
    plan: PlanTable,
    histogram: Histogram<u64>,
    go: Go,
    first: u64,
    last: u64,
    delivered: u64,
    finished: u32,
}

impl Tally {
    /// Notes that quotes `from + 1 ..= to` came at `now_ns` on one connection.
    fn note(&mut self, from: u64, to: u64, now_ns: u64) {
        for seq in (from + 1).max(self.first)..=to.min(self.last) {
            let late_ns = now_ns.saturating_sub(self.go.start_ns + self.plan.due_offset_ns(seq));
            self.histogram.saturating_record(late_ns.max(1));
            self.delivered += 1;
        }
        if from < self.last && to >= self.last {
            self.finished += 1;
        }
    }
}

/// Connects, reads until every connection has the window's last quote or the time to drain is over, says what it counted.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub fn run(reader: &RawReader) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, read_all(reader))
}

async fn read_all(reader: &RawReader) -> Result<()> {
    let mut sockets = Vec::new();
    for _ in 0..reader.connections {
        sockets.push(connect(reader).await?);
    }
    write_line(&Ready { address: reader.address })?;
    let go: Go = read_line()?;
    let mut plan = PlanTable::new(&reader.feed);
    let first = plan.last_due_before(go.from_offset_ns) + 1;
    let last = plan.last_due_before(go.to_offset_ns);
    let histogram = new_histogram();
    let tally = Rc::new(RefCell::new(Tally { plan, histogram, go, first, last, delivered: 0, finished: 0 }));
    let buffer = Rc::new(RefCell::new(vec![0; BUFFER_BYTES]));
    for (socket, scanner) in sockets {
        tokio::task::spawn_local(read_one(socket, scanner, tally.clone(), buffer.clone()));
    }
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let tally = tally.borrow();
        if tally.finished == reader.connections || monotonic_ns() > go.start_ns + go.to_offset_ns + DRAIN_NS {
            let planned = (last + 1 - first) * u64::from(reader.connections);
            let lost = planned - tally.delivered;
            let p99_ns = quantile_ns(&tally.histogram, lost, 0.99).unwrap_or(u64::MAX);
            return write_line(&Counted { delivered: tally.delivered, lost, p99_ns, answer_bytes: 0 });
        }
    }
}

/// Opens a connection and asks for the stream; what came behind the response head is scanned already.
async fn connect(reader: &RawReader) -> Result<(TcpStream, Scanner)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    let mut stream = socket.connect(reader.address).await.context("cannot reach the server")?;
    let request = match reader.protocol {
        Protocol::Plain(_) => return Ok((stream, Scanner::new(reader.protocol))),
        Protocol::Sse => "GET /events?after=0 HTTP/1.1\r\nhost: x\r\n\r\n",
        // The key is any 16 bytes in base64 (RFC 6455 §4.1); nobody else shares this connection.
        Protocol::WebSocket => {
            "GET /socket?after=0 HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
        }
    };
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            bail!("the server closed the connection instead of answering");
        }
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            if !(head.starts_with(b"HTTP/1.1 101") || head.starts_with(b"HTTP/1.1 200")) {
                bail!("the server refused: {}", String::from_utf8_lossy(&head[..end]));
            }
            let mut scanner = Scanner::new(reader.protocol);
            scanner.scan(&head[end + 4..]);
            return Ok((stream, scanner));
        }
    }
}

async fn read_one(stream: TcpStream, mut scanner: Scanner, tally: Rc<RefCell<Tally>>, buffer: Rc<RefCell<Vec<u8>>>) {
    while stream.readable().await.is_ok() {
        let mut buffer = buffer.borrow_mut();
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                let now_ns = monotonic_ns();
                let before = scanner.quotes();
                scanner.scan(&buffer[..n]);
                tally.borrow_mut().note(before, scanner.quotes(), now_ns);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
