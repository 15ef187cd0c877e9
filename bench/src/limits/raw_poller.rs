//! A client that polls at a fixed rate over kept connections and costs as little as it can.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::net::{TcpSocket, TcpStream};
use wirerace_contract::clock::{NS_PER_S, monotonic_ns};
use wirerace_contract::distribution::{new_histogram, quantile_ns};

use super::role::{Counted, Go, RawPoller, Ready, read_line, write_line};

const REQUEST: &[u8] = b"GET /quotes HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\r\n";

struct Tally {
    histogram: Histogram<u64>,
    answered: u64,
    answer_bytes: usize,
    /// Only answers from this instant on count.
    from_ns: u64,
    to_ns: u64,
}

struct Line {
    stream: TcpStream,
    asked_ns: RefCell<VecDeque<u64>>,
}

/// Connects, polls from the start to the end of the window, says what it counted.
///
/// # Errors
/// When the server cannot be reached or breaks off.
pub fn run(poller: &RawPoller) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, poll_all(poller))
}

async fn poll_all(poller: &RawPoller) -> Result<()> {
    let mut lines = Vec::new();
    for _ in 0..poller.connections {
        let socket = TcpSocket::new_v4()?;
        socket.set_nodelay(true)?;
        let stream = socket.connect(poller.address).await.context("cannot reach the server")?;
        lines.push(Rc::new(Line { stream, asked_ns: RefCell::default() }));
    }
    write_line(&Ready { address: poller.address })?;
    let go: Go = read_line()?;
    let tally = Rc::new(RefCell::new(Tally {
        histogram: new_histogram(),
        answered: 0,
        answer_bytes: 0,
        from_ns: go.start_ns + go.from_offset_ns,
        to_ns: go.start_ns + go.to_offset_ns,
    }));
    for line in &lines {
        tokio::task::spawn_local(read_answers(line.clone(), tally.clone()));
    }
    ask(&lines, poller.requests_per_s, go).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let tally = tally.borrow();
    let lost = lines.iter().map(|line| line.asked_ns.borrow().len() as u64).sum();
    let p99_ns = quantile_ns(&tally.histogram, lost, 0.99).unwrap_or(u64::MAX);
    write_line(&Counted { delivered: tally.answered, lost, p99_ns, answer_bytes: tally.answer_bytes })
}

/// Sends what is due at each tick of a millisecond, one connection after the other.
async fn ask(lines: &[Rc<Line>], requests_per_s: u32, go: Go) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut sent: u64 = 0;
    loop {
        ticks.tick().await;
        let now_ns = monotonic_ns();
        if now_ns > go.start_ns + go.to_offset_ns {
            return Ok(());
        }
        let due = now_ns.saturating_sub(go.start_ns) * u64::from(requests_per_s) / NS_PER_S;
        while sent < due {
            let line = &lines[sent as usize % lines.len()];
            line.stream.try_write(REQUEST).context("the server takes no more requests")?;
            line.asked_ns.borrow_mut().push_back(now_ns);
            sent += 1;
        }
    }
}

async fn read_answers(line: Rc<Line>, tally: Rc<RefCell<Tally>>) {
    let mut buffer = vec![0; 16 * 1024];
    let mut held: usize = 0;
    while line.stream.readable().await.is_ok() {
        let Ok(n) = line.stream.try_read(&mut buffer) else { continue };
        if n == 0 {
            return;
        }
        held += n;
        let mut tally = tally.borrow_mut();
        // All answers have one length; the first tells it.
        if tally.answer_bytes == 0 {
            tally.answer_bytes = n;
        }
        let now_ns = monotonic_ns();
        while held >= tally.answer_bytes {
            held -= tally.answer_bytes;
            let asked_ns = line.asked_ns.borrow_mut().pop_front();
            if let Some(asked_ns) = asked_ns.filter(|ns| (tally.from_ns..tally.to_ns).contains(ns)) {
                tally.histogram.saturating_record(now_ns.saturating_sub(asked_ns).max(1));
                tally.answered += 1;
            }
        }
    }
}
