//! What a link adds from socket to socket: datagrams through it both ways at once, each with its instant of sending.
//!
//! The link's own error begins when its thread reads a packet. What sockets see holds both kernels, the wait in the TUN
//! device until that thread comes round, and the receiver's wake-up too. Senders and receivers go before other threads
//! where the system allows it, as the link does: it is the link that is timed, not who else wants a processor.

use std::io;

use serde::{Deserialize, Serialize};
use wirerace_contract::distribution::Distribution;

use super::Link;

/// Packets a second each way at which a link must keep its delay.
pub const PACKETS_PER_S: u64 = 1_000;

/// For how long a link is timed before each trial over it, milliseconds.
pub const BEFORE_TRIAL_MS: u64 = 250;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Datagrams {
    /// The link's delay one way, microseconds; it has no other properties.
    pub delay_us: u64,
    /// Datagrams per second, each way.
    pub per_s: u64,
    /// How many, each way.
    pub count: u64,
}

/// What `wirerace link --json` says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Timed {
    /// How much later than planned packets left the link, by its own clock readings.
    pub link: Distribution,
    /// How much later than planned they came, by the sockets at both ends.
    pub sockets: Distribution,
    /// CPU time of the link's thread, microseconds.
    pub cpu_us: u64,
    /// Whether that thread goes before all ordinary ones.
    pub real_time: bool,
}

/// Sends datagrams both ways at once; gives how much later than planned they came. Sets the link anew: what was counted
/// before is gone.
///
/// # Errors
/// When the system refuses a socket, or a packet came before its delay was over.
#[cfg(not(target_os = "linux"))]
pub fn between_sockets(link: &Link, _: Datagrams) -> io::Result<Distribution> {
    match *link {}
}

#[cfg(target_os = "linux")]
pub use on_linux::between_sockets;

#[cfg(target_os = "linux")]
mod on_linux {
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsFd;
    use std::thread;
    use std::time::Duration;

    use hdrhistogram::Histogram;
    use wirerace_contract::clock::{NS_PER_S, monotonic_ns};
    use wirerace_contract::distribution::new_histogram;
    use wirerace_contract::spec;

    use super::{Datagrams, Distribution, Link, io};
    use crate::link::move_into;
    use crate::link::worker::go_before_all_others;

    /// Bytes of a datagram: its instant of sending, and padding to the size of a small quote.
    const DATAGRAM_BYTES: usize = 120;
    /// How long after the last one a receiver still waits, beyond the delay.
    const LAST: Duration = Duration::from_secs(1);

    /// Sends datagrams both ways at once; gives how much later than planned they came. Sets the link anew: what was
    /// counted before is gone. Takes as long as they do.
    ///
    /// # Errors
    /// When the system refuses a socket, or a packet came before its delay was over.
    pub fn between_sockets(link: &Link, datagrams: Datagrams) -> io::Result<Distribution> {
        let properties = spec::Link { one_way_delay_us: datagrams.delay_us, ..crate::link::PLAIN };
        link.begin(&properties, 0, 1);
        let (server, client) = thread::scope(|scope| {
            let client = scope.spawn(|| {
                move_into(link.clients_namespace().as_fd())?;
                UdpSocket::bind((spec::Link::CLIENTS, 0))
            });
            let server = UdpSocket::bind((spec::Link::SERVER, 0));
            (server, client.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))))
        });
        let (server, client) = (server?, client?);
        let (to_server, to_client) = (server.local_addr()?, client.local_addr()?);
        let errors = thread::scope(|scope| {
            let receivers = [&server, &client].map(|socket| scope.spawn(move || receive(socket, datagrams)));
            let senders = [(&server, to_client), (&client, to_server)]
                .map(|(socket, to)| scope.spawn(move || send(socket, to, datagrams)));
            let panicked = || io::Error::other("a thread panicked");
            for sender in senders {
                sender.join().unwrap_or_else(|_| Err(panicked()))?;
            }
            let mut all = new_histogram();
            for receiver in receivers {
                let one = receiver.join().unwrap_or_else(|_| Err(panicked()))?;
                all.add(&one).map_err(io::Error::other)?;
            }
            io::Result::Ok(all)
        })?;
        Ok(Distribution::of(&errors, (2 * datagrams.count).saturating_sub(errors.len())))
    }

    /// This thread's own wake-up must not be what is measured. Where neither is granted it is a part of it.
    fn go_first() {
        let _ = wirerace_servers::feed::take_short_slice();
        let _ = go_before_all_others();
    }

    fn send(socket: &UdpSocket, to: SocketAddr, datagrams: Datagrams) -> io::Result<()> {
        go_first();
        let begin_ns = monotonic_ns();
        for n in 0..datagrams.count {
            let due_ns = begin_ns + n * NS_PER_S / datagrams.per_s.max(1);
            thread::sleep(Duration::from_nanos(due_ns.saturating_sub(monotonic_ns())));
            let mut datagram = [0; DATAGRAM_BYTES];
            datagram[..8].copy_from_slice(&monotonic_ns().to_le_bytes());
            socket.send_to(&datagram, to)?;
        }
        Ok(())
    }

    fn receive(socket: &UdpSocket, datagrams: Datagrams) -> io::Result<Histogram<u64>> {
        go_first();
        let delay = Duration::from_micros(datagrams.delay_us);
        socket.set_read_timeout(Some(delay + LAST))?;
        let mut errors = new_histogram();
        let mut datagram = [0; DATAGRAM_BYTES];
        for _ in 0..datagrams.count {
            if socket.recv(&mut datagram).is_err() {
                break; // one was lost: the count tells
            }
            let received_ns = monotonic_ns();
            let sent_ns = datagram.first_chunk().map_or(received_ns, |bytes| u64::from_le_bytes(*bytes));
            let Some(late_ns) = received_ns.saturating_sub(sent_ns).checked_sub(delay.as_nanos() as u64) else {
                return Err(io::Error::other("a packet came before its delay was over"));
            };
            errors.saturating_record(late_ns.max(1));
        }
        Ok(errors)
    }
}
