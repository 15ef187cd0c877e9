//! The listening socket: the same terms for all transports, set once and inherited by every accepted connection.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use thiserror::Error;

use crate::delayed_stream::DelayTooLong;

/// How many connections the kernel completes ahead of `accept`. The usual 128 drops SYNs in a burst of connects,
/// which then wait a second for their retransmission. The kernel caps this at `net.core.somaxconn`.
pub const BACKLOG: i32 = 4096;

/// A listening socket and what it was given.
#[derive(Debug)]
pub struct ListeningSocket {
    /// The socket, not blocking.
    pub listener: TcpListener,
    /// The congestion control that accepted connections will use; `None` where the system does not tell.
    pub congestion_control: Option<String>,
}

/// Why there is no listening socket.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error("{0} is in use by another program: stop that one, or choose another port (0 takes a free one)")]
    AddressInUse(SocketAddr),
    /// No interface has this address.
    #[error("no interface of this machine has the address of {0}: choose 127.0.0.1, or an address it has")]
    NoSuchAddress(SocketAddr),
    /// Ports below 1024 are reserved.
    #[error("not allowed to listen on {0}: choose a port of 1024 or above")]
    NotAllowed(SocketAddr),
    /// A segment size that the kernel does not take.
    #[error("{0} bytes per segment: allowed are 88 to 32767, and 0 for the path's own")]
    SegmentBytes(u32),
    /// A delay out of range.
    #[error("{0}")]
    Delay(#[from] DelayTooLong),
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Io {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Listens on `address`, with a backlog of [`BACKLOG`] and without Nagle's algorithm.
///
/// `congestion_control` is a name as in `net.ipv4.tcp_available_congestion_control`; where that is not to be had
/// (unknown, or reserved for administrators), the system's own stays, and the answer says which one that is.
/// `max_segment_bytes` is `TCP_MAXSEG`: 1460 makes loopback, whose segments could be 64 KiB, send the 1448 bytes
/// of payload that an Ethernet path with timestamps has; 0 leaves the path's own. Both are left out where the system
/// has no such option.
///
/// # Errors
/// When the address cannot be had or the segment size is out of range.
pub fn listen(
    address: SocketAddr,
    congestion_control: Option<&str>,
    max_segment_bytes: u32,
) -> Result<ListeningSocket, ListenError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::AddrInUse => ListenError::AddressInUse(address),
        ErrorKind::AddrNotAvailable => ListenError::NoSuchAddress(address),
        ErrorKind::PermissionDenied => ListenError::NotAllowed(address),
        _ => ListenError::Io { address, source },
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map_err(failed)?;
    // Without it a server cannot come back while connections of its predecessor are in TIME_WAIT.
    socket.set_reuse_address(true).map_err(failed)?;
    socket.set_tcp_nodelay(true).map_err(failed)?;
    if max_segment_bytes > 0 {
        set_max_segment(&socket, max_segment_bytes)?;
    }
    if let Some(name) = congestion_control {
        set_congestion_control(&socket, name);
    }
    socket.bind(&address.into()).map_err(failed)?;
    socket.listen(BACKLOG).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    let congestion_control = congestion_control_of(&SockRef::from(&socket));
    Ok(ListeningSocket { listener: socket.into(), congestion_control })
}

#[cfg(target_os = "linux")]
fn set_max_segment(socket: &Socket, bytes: u32) -> Result<(), ListenError> {
    socket.set_tcp_mss(bytes).map_err(|_| ListenError::SegmentBytes(bytes))
}

/// Other systems take it on connected sockets only, or not at all.
#[cfg(not(target_os = "linux"))]
fn set_max_segment(_: &Socket, _: u32) -> Result<(), ListenError> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn set_congestion_control(socket: &Socket, name: &str) {
    // A refusal shows in what is read back.
    let _ = socket.set_tcp_congestion(name.as_bytes());
}

#[cfg(not(target_os = "linux"))]
fn set_congestion_control(_: &Socket, _: &str) {}

/// The congestion control of a TCP socket; `None` where the system does not tell.
#[cfg(target_os = "linux")]
#[must_use]
pub fn congestion_control_of(socket: &SockRef<'_>) -> Option<String> {
    let name = socket.tcp_congestion().ok()?;
    // The kernel fills the rest of its fixed width with zeros.
    let name = name.split(|byte| *byte == 0).next()?;
    String::from_utf8(name.to_vec()).ok().filter(|name| !name.is_empty())
}

/// The congestion control of a TCP socket; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn congestion_control_of(_: &SockRef<'_>) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn loopback() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    fn accept(listening: &ListeningSocket) -> (TcpStream, TcpStream) {
        listening.listener.set_nonblocking(false).unwrap();
        let client = TcpStream::connect(listening.listener.local_addr().unwrap()).unwrap();
        (client, listening.listener.accept().unwrap().0)
    }

    #[test]
    fn accepted_connections_inherit_nodelay() {
        let (_client, server) = accept(&listen(loopback(), None, 0).unwrap());
        assert!(server.nodelay().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn segments_on_loopback_are_as_large_as_on_ethernet() {
        let (client, server) = accept(&listen(loopback(), None, 1460).unwrap());
        // 1460 less 12 bytes of timestamps, in both directions: the limit is announced to the peer too.
        assert_eq!(crate::tcp_info::tcp_info(&server).unwrap().snd_mss, 1448);
        assert_eq!(crate::tcp_info::tcp_info(&client).unwrap().snd_mss, 1448);
        let (_client, unlimited) = accept(&listen(loopback(), None, 0).unwrap());
        assert!(crate::tcp_info::tcp_info(&unlimited).unwrap().snd_mss > 1460);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn congestion_control_is_taken_by_name_and_reported_as_it_is() {
        // `reno` is built into every kernel and allowed to everybody.
        let listening = listen(loopback(), Some("reno"), 0).unwrap();
        assert_eq!(listening.congestion_control.as_deref(), Some("reno"));
        let (_client, server) = accept(&listening);
        assert_eq!(congestion_control_of(&SockRef::from(&server)).as_deref(), Some("reno"));
        let own = listen(loopback(), None, 0).unwrap().congestion_control;
        let unknown = listen(loopback(), Some("no-such-thing"), 0).unwrap().congestion_control;
        assert!(own.is_some());
        assert_eq!(unknown, own);
    }

    #[test]
    fn a_port_in_use_is_said_with_what_to_do() {
        let first = listen(loopback(), None, 0).unwrap();
        let address = first.listener.local_addr().unwrap();
        let error = listen(address, None, 0).unwrap_err();
        assert!(matches!(error, ListenError::AddressInUse(taken) if taken == address));
        assert!(error.to_string().contains(&address.to_string()) && error.to_string().contains("another port"));
    }

    #[test]
    fn addresses_and_sizes_that_cannot_be_had_are_named() {
        // 203.0.113.0/24 is reserved for documentation (RFC 5737): no machine has it.
        let elsewhere = SocketAddr::from(([203, 0, 113, 1], 0));
        assert!(matches!(listen(elsewhere, None, 0), Err(ListenError::NoSuchAddress(_))));
        if cfg!(target_os = "linux") {
            assert!(matches!(listen(loopback(), None, 40_000), Err(ListenError::SegmentBytes(40_000))));
        }
    }
}
