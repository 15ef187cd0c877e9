//! `wirerace link`: does the link work here, and how well does it keep its delay? Beside what the link says of itself,
//! sockets at both ends time every packet: what they see includes both kernels and whatever the link's thread slept over.

use crate::cli::LinkArguments;
use crate::failure::Failure;

/// Opens a link; with `--probe` that is all, else packets are timed and the figures printed.
///
/// # Errors
/// When there can be no link here: what is refused, and the remedy.
#[cfg(not(target_os = "linux"))]
pub fn check(_: &LinkArguments) -> Result<(), Failure> {
    Err(Failure::Failed(super::Refused::System.to_string()))
}

#[cfg(target_os = "linux")]
pub use on_linux::check;

#[cfg(target_os = "linux")]
mod on_linux {
    use std::io;
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsFd;
    use std::thread;
    use std::time::Duration;

    use hdrhistogram::Histogram;
    use wirerace_contract::clock::{NS_PER_S, monotonic_ns};
    use wirerace_contract::distribution::{Distribution, new_histogram};
    use wirerace_contract::spec;

    use super::{Failure, LinkArguments};
    use crate::link::{Link, move_into};
    use crate::output::line;

    /// Bytes of a datagram: its instant of sending, and padding to the size of a small quote.
    const DATAGRAM_BYTES: usize = 120;
    /// How long after the last one a receiver still waits, beyond the delay.
    const LAST: Duration = Duration::from_secs(1);

    /// Opens a link; with `--probe` that is all, else packets are timed and the figures printed.
    ///
    /// # Errors
    /// When there can be no link here: what is refused, and the remedy.
    pub fn check(arguments: &LinkArguments) -> Result<(), Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
        let link = Link::open().map_err(|error| failed(&error))?;
        if arguments.probe {
            return Ok(());
        }
        let seen = timed(&link, arguments).map_err(|error| failed(&error))?;
        let (report, seconds) = (link.report(), arguments.seconds as f64);
        line(format!(
            "{} packets/s each way for {} s, {} µs of delay:",
            arguments.packets_per_s, arguments.seconds, arguments.delay_us
        ))?;
        line(row("by the link", &report.error))?;
        line(row("by the sockets", &seen))?;
        let priority = if report.real_time { "real-time priority" } else { "no real-time priority" };
        line(format!("link thread: {:.1} % of a processor, {priority}", link.cpu_us() as f64 / seconds / 1e4))
    }

    fn row(who: &str, error: &Distribution) -> String {
        let us = |ns: Option<u64>| ns.map_or_else(|| "infinite".to_owned(), |ns| format!("{:.1}", ns as f64 / 1e3));
        let (p50, p99, p999) = (us(error.p50_ns), us(error.p99_ns), us(error.p999_ns));
        format!(
            "too late {who}: p50 {p50} µs, p99 {p99} µs, p99.9 {p999} µs ({} packets, {} lost)",
            error.count, error.lost
        )
    }

    /// Sends both ways at once; gives how much later than planned datagrams came.
    fn timed(link: &Link, arguments: &LinkArguments) -> io::Result<Distribution> {
        let properties: spec::Link = spec::Link { one_way_delay_us: arguments.delay_us, ..crate::link::PLAIN };
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
            let receivers = [&server, &client].map(|socket| scope.spawn(|| receive(socket, arguments)));
            scope.spawn(|| send(&server, to_client, arguments));
            send(&client, to_server, arguments)?;
            let mut all = new_histogram();
            for receiver in receivers {
                let one = receiver.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))?;
                all.add(&one).map_err(io::Error::other)?;
            }
            io::Result::Ok(all)
        })?;
        let sent = 2 * arguments.packets_per_s * arguments.seconds;
        Ok(Distribution::of(&errors, sent.saturating_sub(errors.len())))
    }

    fn send(socket: &UdpSocket, to: SocketAddr, arguments: &LinkArguments) -> io::Result<()> {
        let begin_ns = monotonic_ns();
        for n in 0..arguments.packets_per_s * arguments.seconds {
            let due_ns = begin_ns + n * NS_PER_S / arguments.packets_per_s;
            thread::sleep(Duration::from_nanos(due_ns.saturating_sub(monotonic_ns())));
            let mut datagram = [0; DATAGRAM_BYTES];
            datagram[..8].copy_from_slice(&monotonic_ns().to_le_bytes());
            socket.send_to(&datagram, to)?;
        }
        Ok(())
    }

    fn receive(socket: &UdpSocket, arguments: &LinkArguments) -> io::Result<Histogram<u64>> {
        // Its own wake-up must not be what is measured.
        let _ = wirerace_servers::feed::take_short_slice();
        let delay = Duration::from_micros(arguments.delay_us);
        socket.set_read_timeout(Some(delay + LAST))?;
        let mut errors = new_histogram();
        let mut datagram = [0; DATAGRAM_BYTES];
        for _ in 0..arguments.packets_per_s * arguments.seconds {
            if socket.recv(&mut datagram).is_err() {
                break; // one was lost: the count tells
            }
            let received_ns = monotonic_ns();
            let sent_ns = datagram.first_chunk().map_or(received_ns, |bytes| u64::from_le_bytes(*bytes));
            let Some(late_ns) = (received_ns - sent_ns).checked_sub(delay.as_nanos() as u64) else {
                return Err(io::Error::other("a packet came before its delay was over"));
            };
            errors.saturating_record(late_ns.max(1));
        }
        Ok(errors)
    }
}
