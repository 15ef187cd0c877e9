//! The floors: the least that any server could do for the same bytes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::plan::Plan;

use super::role::{Go, PushFloor, Ready, RespondFloor, read_line, write_line};

/// A listening socket with the options of the suite's own servers.
///
/// # Errors
/// When none can be had.
pub(crate) fn listen() -> Result<TcpListener> {
    let options = wirerace_servers::listener::ListenOptions::default();
    let congestion_control = options.congestion_control.as_deref();
    let socket = wirerace_servers::sockets::listen(options.address, congestion_control, options.max_segment_bytes);
    Ok(socket.context("cannot listen")?.listener)
}

/// Writes each group of quotes to every socket when its last one is due, until stdin ends.
///
/// # Errors
/// When a socket or stdin breaks.
pub fn push(floor: &PushFloor) -> Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(false)?;
    write_line(&Ready { address: listener.local_addr()? })?;
    let mut sockets: Vec<TcpStream> = Vec::new();
    while sockets.len() < floor.connections as usize {
        let (socket, _) = listener.accept()?;
        socket.set_nonblocking(false)?;
        sockets.push(socket);
    }
    let go: Go = read_line()?;
    wirerace_servers::feed::take_short_slice();
    let bytes = vec![b'.'; floor.quote_bytes * floor.quotes_per_write as usize];
    // The quotes due within the window all have to come, so the group that the end falls into is written whole.
    for quote in Plan::new(&floor.feed) {
        if quote.seq % floor.quotes_per_write != 0 {
            continue;
        }
        sleep_until(go.start_ns + quote.due_offset_ns);
        for socket in &mut sockets {
            // A client that has gone is not the floor's business.
            let _ = socket.write_all(&bytes);
        }
        if quote.due_offset_ns > go.to_offset_ns {
            break;
        }
    }
    // Stay until the parent has read the clocks.
    let mut rest = String::new();
    std::io::stdin().read_line(&mut rest)?;
    Ok(())
}

fn sleep_until(instant_ns: u64) {
    let left_ns = instant_ns.saturating_sub(monotonic_ns());
    if left_ns > 0 {
        std::thread::sleep(std::time::Duration::from_nanos(left_ns));
    }
}

/// Answers every request with the same bytes: epoll, one read, one write.
///
/// # Errors
/// When the system refuses a socket.
#[cfg(target_os = "linux")]
pub fn respond(floor: &RespondFloor) -> Result<()> {
    use rustix::event::epoll;
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let answer = answer_of(floor.answer_bytes);
    let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let listener_key = listener.as_raw_fd() as u64;
    epoll::add(&poller, &listener, epoll::EventData::new_u64(listener_key), epoll::EventFlags::IN)?;
    write_line(&Ready { address: listener.local_addr()? })?;
    let mut sockets: std::collections::HashMap<u64, TcpStream> = std::collections::HashMap::new();
    let mut events = Vec::with_capacity(256);
    let mut buffer = [0; 8192];
    loop {
        events.clear();
        // The parent ends this process; there is nothing to clean up.
        epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), None)?;
        for event in &events {
            let key = event.data.u64();
            if key == listener_key {
                while let Ok((socket, _)) = listener.accept() {
                    socket.set_nonblocking(true)?;
                    let key = socket.as_raw_fd() as u64;
                    epoll::add(&poller, &socket, epoll::EventData::new_u64(key), epoll::EventFlags::IN)?;
                    sockets.insert(key, socket);
                }
            } else if let Some(socket) = sockets.get_mut(&key) {
                match socket.read(&mut buffer) {
                    // The raw client's requests come whole; when it is behind, more than one at once.
                    Ok(n) if n > 0 => {
                        for _ in buffer[..n].windows(4).filter(|end| end == b"\r\n\r\n") {
                            socket.write_all(&answer)?;
                        }
                    }
                    _ => drop(sockets.remove(&key)),
                }
            }
        }
    }
}

/// There is no epoll to be bare with.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn respond(_: &RespondFloor) -> Result<()> {
    anyhow::bail!("the bare responder is measured on Linux only")
}

/// An answer of exactly that many bytes, as far as a head fits into it.
fn answer_of(answer_bytes: usize) -> Vec<u8> {
    let with_body = |body: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {body}\r\n\r\n{}", ".".repeat(body));
    let mut body = answer_bytes.saturating_sub(with_body(0).len());
    while body > 0 && with_body(body).len() > answer_bytes {
        body -= 1;
    }
    with_body(body).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_asked() {
        for length in [60, 136, 300, 1050] {
            assert_eq!(answer_of(length).len(), length);
        }
    }
}
