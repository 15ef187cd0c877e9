//! What the machine can do at best, measured in about five seconds before every run: the floor that transit is held
//! against, and the cost of the harness's own parts.
//!
//! Two threads on the processors of server and load, with sockets as the suite's own, plain reads and writes, and nothing
//! in between. The threads share a process; what a message crosses is the same as between two. `exchange.rs` has the parts
//! that are not plain: polls. `rehearsal.rs` is for theory, and takes some seconds more: what quotes take from the feed to a
//! client over the suite's own server, on each path of a run.

mod exchange;
mod place;
mod rehearsal;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use wirerace_clients::recorder::Recorder;
use wirerace_clients::target::{Event, TrafficCounters};
use wirerace_contract::clock::{NS_PER_MS, NS_PER_S, monotonic_ns};
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::plan::Plan;
use wirerace_contract::results::{Calibration, Pinning};
use wirerace_contract::spec::Delivery;
use wirerace_servers::feed::{sleep_until, take_short_slice};

use self::place::Place;
use crate::limits::floor::listen;
use crate::link::Link;
use crate::output::note;
use crate::pinning::pin_to;

/// A WebSocket frame with a quote of 120 bytes: the smallest message that carries one by default.
const MESSAGE_BYTES: usize = 122;
/// Of each part, so many messages come first and do not count.
const WARM_UP: usize = 50;
/// Round trips of the ping-pong, at 20 to 60 µs each.
const PINGS: usize = 3_000;
/// Messages of the chain, and their rate: far enough apart that the reader sleeps before each, as in a trial.
const CHAIN_MESSAGES: usize = 500;
const CHAIN_RATE_PER_S: f64 = 600.0;
/// Messages whose writing is timed.
const WRITES: usize = 5_000;
/// Arrivals that the recorder is given: so many of each of so many clients.
const RECORDED: (u64, usize) = (1_000, 20);
/// Longest silence of a socket before it is given up.
const SILENCE: Duration = Duration::from_secs(5);

/// Calibrates; what keeps it from that is told on stderr, and the run goes on without.
#[must_use]
pub fn calibrate(pinning: Option<&Pinning>) -> Option<Calibration> {
    measure(pinning).map_err(|error| note(format!("warning: not calibrated: {error:#}"))).ok()
}

/// Measures everything.
///
/// # Errors
/// When sockets or threads cannot be had, or fall silent.
pub fn measure(pinning: Option<&Pinning>) -> Result<Calibration> {
    let (server_cpu, load_cpu) = (pinning.map(|p| p.server_cpu), pinning.map(|p| p.load_cpu));
    let (timer, chain) = chain(server_cpu, load_cpu)?;
    let pings = ping_pong(server_cpu, load_cpu)?;
    let writes = writes(server_cpu, load_cpu)?;
    let exchange = exchange::measure(&Place::here(pinning))?;
    let recorder_ns = join(on(load_cpu, || Ok(recorder()))?)?;
    Ok(Calibration {
        timer_error_p50_ns: percentile(&timer, 0.5),
        timer_error_p99_ns: percentile(&timer, 0.99),
        ping_pong_p50_ns: percentile(&pings, 0.5),
        ping_pong_p99_ns: percentile(&pings, 0.99),
        chain_p50_ns: percentile(&chain, 0.5),
        chain_p99_ns: percentile(&chain, 0.99),
        write_ns: percentile(&writes, 0.5),
        exchange_ns: exchange.exchange_ns,
        answer_ns: exchange.answer_ns,
        occupancy_ns: exchange.occupancy_ns,
        held_answer_ns: exchange.held_answer_ns,
        recorder_ns,
        loopback: None,
        link: None,
    })
}

/// Paths on which a run's quotes are to be rehearsed.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// One host.
    pub here: bool,
    /// An emulated link.
    pub link: Option<Link>,
}

/// Holds the rehearsals on `paths` that `calibration` lacks. What keeps it from that is told on stderr, and theory goes on with
/// what it has.
pub fn rehearse(calibration: &mut Calibration, pinning: Option<&Pinning>, paths: &Paths) {
    let held = |place: &Place, on: &str| {
        let failed = |error| note(format!("warning: nothing was rehearsed {on}, and theory knows less: {error:#}"));
        rehearsal::hold(place).map_err(failed).ok()
    };
    if paths.here && calibration.loopback.is_none() {
        calibration.loopback = held(&Place::here(pinning), "on one host");
    }
    if let (Some(link), None) = (&paths.link, calibration.link) {
        calibration.link = held(&Place::over(link, pinning), "over the link");
    }
}

/// The least value that at least a share of `quantile` of all values do not exceed; 0 without values.
fn percentile(values: &[u64], quantile: f64) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (quantile * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// Runs `work` on a thread of its own, pinned and arranged as the feed's is.
fn on<T: Send + 'static>(
    cpu: Option<u32>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<JoinHandle<Result<T>>> {
    let pinned = move || {
        cpu.map_or(Ok(()), pin_to).map_err(anyhow::Error::msg)?;
        take_short_slice();
        work()
    };
    std::thread::Builder::new().name("calibration".to_owned()).spawn(pinned).context("cannot start a thread")
}

fn join<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread of the calibration panicked"))?
}

/// The accepted socket and the client's, with the options of the suite's own.
fn sockets() -> Result<(TcpStream, TcpStream)> {
    let listener = listen()?;
    listener.set_nonblocking(false)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    for socket in [&client, &server] {
        socket.set_nonblocking(false)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(SILENCE))?;
        socket.set_write_timeout(Some(SILENCE))?;
    }
    Ok((server, client))
}

/// Sends messages at the instants of a Poisson feed. Gives woken − planned, and received − published, of each.
fn chain(server_cpu: Option<u32>, load_cpu: Option<u32>) -> Result<(Vec<u64>, Vec<u64>)> {
    let (mut server, mut client) = sockets()?;
    let reader = on(load_cpu, move || {
        let mut message = [0; MESSAGE_BYTES];
        let mut transits = Vec::with_capacity(CHAIN_MESSAGES);
        for _ in 0..CHAIN_MESSAGES {
            client.read_exact(&mut message)?;
            let received_ns = monotonic_ns();
            let published_ns = message.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            transits.push(received_ns.saturating_sub(published_ns));
        }
        Ok(transits)
    })?;
    let feed =
        FeedSpec { seed: 1, symbols: 1, arrivals: Arrivals::Poisson, rate_per_s: CHAIN_RATE_PER_S, payload_bytes: 0 };
    let writer = on(server_cpu, move || {
        let mut message = [b'.'; MESSAGE_BYTES];
        let mut errors = Vec::with_capacity(CHAIN_MESSAGES);
        let start_ns = monotonic_ns() + NS_PER_MS;
        for quote in Plan::new(&feed).take(CHAIN_MESSAGES) {
            let planned_ns = start_ns + quote.due_offset_ns;
            // Of an instant that has passed meanwhile nothing can be learnt about timers.
            let ahead = planned_ns > monotonic_ns();
            sleep_until(planned_ns);
            let published_ns = monotonic_ns();
            if ahead {
                errors.push(published_ns - planned_ns);
            }
            message[..8].copy_from_slice(&published_ns.to_le_bytes());
            server.write_all(&message)?;
        }
        Ok(errors)
    })?;
    let (errors, transits) = (join(writer)?, join(reader)?);
    Ok((errors, transits[WARM_UP..].to_vec()))
}

/// Round trips of one message between two sockets that wait for it.
fn ping_pong(server_cpu: Option<u32>, load_cpu: Option<u32>) -> Result<Vec<u64>> {
    let (mut server, mut client) = sockets()?;
    let echo = on(server_cpu, move || {
        let mut message = [0; MESSAGE_BYTES];
        for _ in 0..PINGS {
            server.read_exact(&mut message)?;
            server.write_all(&message)?;
        }
        Ok(())
    })?;
    let pings = on(load_cpu, move || {
        let mut message = [b'.'; MESSAGE_BYTES];
        let mut trips = Vec::with_capacity(PINGS);
        for _ in 0..PINGS {
            let sent_ns = monotonic_ns();
            client.write_all(&message)?;
            client.read_exact(&mut message)?;
            trips.push(monotonic_ns() - sent_ns);
        }
        Ok(trips)
    })?;
    join(echo)?;
    Ok(join(pings)?[WARM_UP..].to_vec())
}

/// How long each of many writes takes while a reader takes everything up.
fn writes(server_cpu: Option<u32>, load_cpu: Option<u32>) -> Result<Vec<u64>> {
    let (mut server, mut client) = sockets()?;
    let reader = on(load_cpu, move || {
        let mut buffer = [0; 16 * 1024];
        let mut left = WRITES * MESSAGE_BYTES;
        while left > 0 {
            match client.read(&mut buffer)? {
                0 => return Err(anyhow!("the socket was closed with {left} bytes missing")),
                bytes => left -= bytes,
            }
        }
        Ok(())
    })?;
    let writer = on(server_cpu, move || {
        let message = [b'.'; MESSAGE_BYTES];
        let mut times = Vec::with_capacity(WRITES);
        for _ in 0..WRITES {
            let from_ns = monotonic_ns();
            server.write_all(&message)?;
            times.push(monotonic_ns() - from_ns);
        }
        Ok(times)
    })?;
    let times = join(writer)?;
    join(reader)?;
    Ok(times[WARM_UP..].to_vec())
}

/// What the recorder takes for one arrival, nanoseconds.
fn recorder() -> u64 {
    let (quotes, clients) = RECORDED;
    let feed = FeedSpec { rate_per_s: 1_000.0, ..FeedSpec::default() };
    let counters = Arc::new(TrafficCounters::default());
    // The count is a constant.
    let mut recorder = Recorder::new(clients as u32, Delivery::Every, &feed, counters, false);
    // All quotes were due before they are received.
    recorder.start(monotonic_ns().saturating_sub(10 * NS_PER_S), None);
    recorder.open_window(0, 2 * NS_PER_S, true);
    let from_ns = monotonic_ns();
    for seq in 1..=quotes {
        for client in 0..clients {
            let received_ns = monotonic_ns();
            recorder.event(client, Event::Quote { seq, received_ns, payload_bytes: 120 });
        }
    }
    (monotonic_ns() - from_ns) / (quotes * clients as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_hand() {
        let values: Vec<u64> = (1..=100).rev().collect();
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.99)), (50, 99));
        assert_eq!((percentile(&[7], 0.99), percentile(&[], 0.5)), (7, 0));
    }

    #[test]
    fn everything_is_measured_and_fits_together() {
        let pinning = crate::pinning::choose();
        let c = measure(pinning.as_ref()).unwrap();
        assert!(c.timer_error_p50_ns > 0 && c.timer_error_p99_ns >= c.timer_error_p50_ns, "{c:?}");
        assert!(c.ping_pong_p99_ns >= c.ping_pong_p50_ns && c.chain_p99_ns >= c.chain_p50_ns, "{c:?}");
        assert!(c.write_ns > 0 && c.chain_p50_ns > 0 && c.recorder_ns > 0, "{c:?}");
        // There and back is two ways, each with a write.
        assert!(c.ping_pong_p50_ns > c.write_ns, "{c:?}");
        // A poll is a round trip with HTTP on either end.
        assert!(c.exchange_ns > c.ping_pong_p50_ns, "{c:?}");
        assert!(0 < c.answer_ns && c.answer_ns < c.exchange_ns, "the way to the server is left out: {c:?}");
        // Each takes some processor time. How it stands to the exchange depends on what else the machine does.
        assert!(c.occupancy_ns > 0 && c.held_answer_ns > 0, "{c:?}");
    }

    #[test]
    fn a_processor_that_is_not_there_is_told() {
        let nowhere = Pinning { server_cpu: 100_000, load_cpu: 100_000 };
        assert!(measure(Some(&nowhere)).unwrap_err().to_string().contains("100000"));
    }
}
