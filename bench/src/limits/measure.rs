//! One measurement of a server or a floor by raw clients: processor time of the server process within a window.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use wirerace_contract::clock::{NS_PER_MS, NS_PER_US, monotonic_ns};
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::results::{Cpu, Pinning};

use super::role::{Counted, Go, Protocol, PushFloor, RawReader, Ready, Role};
use crate::child::Process;
use crate::control_client::ControlClient;
use crate::machine::MachineTime;
use crate::noise::disturbances;
use crate::serve_command::{ServeChild, ServerReady};

/// What all measurements share.
pub struct Bench {
    /// Processors of the two processes.
    pub pinning: Pinning,
    /// Small and short.
    pub smoke: bool,
    /// Pairs asked for; 12 if not.
    pub pairs: Option<usize>,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Processor time of the server within the window, nanoseconds.
    pub cpu_ns: u64,
    /// What the clients counted.
    pub counted: Counted,
    /// Whether the machine was disturbed from outside meanwhile: see [`crate::noise`].
    pub disturbed: bool,
}

impl Sample {
    /// Processor time of the server per quote or answer delivered, microseconds.
    pub fn cpu_us_each(&self) -> f64 {
        self.cpu_ns as f64 / 1e3 / self.counted.delivered as f64
    }

    /// Quotes delivered per second of the server's processor time.
    pub fn per_cpu_s(&self) -> f64 {
        self.counted.delivered as f64 / (self.cpu_ns as f64 / 1e9)
    }
}

/// From the order to start to the start.
const AHEAD_NS: u64 = 100 * NS_PER_MS;
/// From the start to the begin of the window.
const WARM_UP_NS: u64 = 500 * NS_PER_MS;
const SILENCE: Duration = Duration::from_secs(60);

impl Bench {
    /// Pairs to take: 12 for an interval that decides.
    pub fn pairs(&self) -> usize {
        self.pairs.unwrap_or(if self.smoke { 1 } else { 12 })
    }

    /// Clients of the push measurements.
    pub fn push_clients(&self) -> u32 {
        if self.smoke { 100 } else { 1_000 }
    }

    /// Length of the window of one measurement.
    pub fn window_ns(&self) -> u64 {
        if self.smoke { 500 * NS_PER_MS } else { 3_000 * NS_PER_MS }
    }

    /// Begin and end of the window for a feed that starts soon.
    pub fn go(&self) -> Go {
        Go {
            start_ns: monotonic_ns() + AHEAD_NS,
            from_offset_ns: WARM_UP_NS,
            to_offset_ns: WARM_UP_NS + self.window_ns(),
        }
    }

    /// Starts a process with a role and waits until it is ready.
    pub async fn start(&self, what: &'static str, role: &Role) -> Result<(Process, SocketAddr)> {
        let mut process = Process::start(what, &["part".to_owned()])?;
        process.send(role).await?;
        let ready: Ready = process.receive(SILENCE).await?;
        Ok((process, ready.address))
    }

    /// A server of ours with one transport.
    pub async fn start_server(&self, transport: &str, feed: &FeedSpec, metered: bool) -> Result<Server> {
        let log = tempfile::Builder::new().prefix("published-").tempfile().context("no scratch file")?;
        let mut process = Process::start("server", &["serve".to_owned(), "--child".to_owned()])?;
        let child = ServeChild {
            path: wirerace_contract::spec::Path::Loopback,
            response_head_bytes: 0,
            transport: transport.to_owned(),
            feed: feed.clone(),
            metered,
            published_log: PathBuf::from(log.path()),
            cpu: Some(self.pinning.server_cpu),
            burn_ns_per_published: 0,
        };
        process.send(&child).await?;
        let ready: ServerReady = process.receive(SILENCE).await?;
        let control = ControlClient::new(ready.control)?;
        Ok(Server { process, ready, control, _log: log })
    }

    /// The server's cost of pushing `feed` to raw readers.
    pub async fn push(&self, transport: &str, protocol: Protocol, feed: &FeedSpec, metered: bool) -> Result<Sample> {
        let server = self.start_server(transport, feed, metered).await?;
        let reader = RawReader {
            cpu: Some(self.pinning.load_cpu),
            address: server.ready.quotes,
            connections: self.push_clients(),
            protocol,
            feed: feed.clone(),
        };
        let (mut reader, _) = self.start("reader", &Role::RawReader(reader)).await?;
        let go = self.go();
        server.control.start_feed(go.start_ns).await?;
        let sample = self.window(server.process.id()?, &mut reader, go).await?;
        server.control.shutdown().await?;
        server.process.end(Duration::from_secs(5)).await;
        Ok(sample)
    }

    /// The bare loop's cost of writing `quote_bytes` per quote to as many sockets.
    pub async fn push_floor(&self, feed: &FeedSpec, quote_bytes: usize, quotes_per_write: u64) -> Result<Sample> {
        let floor = PushFloor {
            cpu: Some(self.pinning.server_cpu),
            connections: self.push_clients(),
            feed: feed.clone(),
            quote_bytes,
            quotes_per_write,
        };
        let (mut floor, address) = self.start("bare loop", &Role::PushFloor(floor)).await?;
        let reader = RawReader {
            cpu: Some(self.pinning.load_cpu),
            address,
            connections: self.push_clients(),
            protocol: Protocol::Plain(quote_bytes),
            feed: feed.clone(),
        };
        let (mut reader, _) = self.start("reader", &Role::RawReader(reader)).await?;
        let go = self.go();
        floor.send(&go).await?;
        let sample = self.window(floor.id()?, &mut reader, go).await?;
        floor.end(Duration::from_millis(100)).await;
        Ok(sample)
    }

    /// Reads the server's processor time at both ends of the window, then what the client counted.
    pub async fn window(&self, server: u32, client: &mut Process, go: Go) -> Result<Sample> {
        client.send(&go).await?;
        sleep_until(go.start_ns + go.from_offset_ns).await;
        let before = Times::now(server, client)?;
        sleep_until(go.start_ns + go.to_offset_ns).await;
        let after = Times::now(server, client)?;
        let cpu_ns = after.server_ns.saturating_sub(before.server_ns);
        let disturbed = after.is_disturbed_since(&before, (go.to_offset_ns - go.from_offset_ns) / NS_PER_US);
        let counted: Counted = client.receive(SILENCE).await?;
        if counted.delivered == 0 {
            bail!("nothing was delivered within the window");
        }
        Ok(Sample { cpu_ns, counted, disturbed })
    }
}

/// Processor time so far.
struct Times {
    wall_ns: u64,
    server_ns: u64,
    client_ns: u64,
    machine: Option<MachineTime>,
}

impl Times {
    fn now(server: u32, client: &Process) -> Result<Self> {
        let (server_ns, client_ns) = (cpu_ns(server)?, cpu_ns(client.id()?)?);
        Ok(Self { wall_ns: monotonic_ns(), server_ns, client_ns, machine: MachineTime::now() })
    }

    fn is_disturbed_since(&self, earlier: &Self, window_us: u64) -> bool {
        let us = |later: u64, earlier: u64| later.saturating_sub(earlier) / NS_PER_US;
        let wall_us = us(self.wall_ns, earlier.wall_ns);
        let machines = self.machine.zip(earlier.machine);
        let cpu = Cpu {
            wall_us,
            machine_us: machines.map(|(later, earlier)| later.busy_since(&earlier, wall_us)),
            steal_us: machines.map(|(later, earlier)| later.stolen_since(&earlier)),
            server_us: us(self.server_ns, earlier.server_ns),
            load_us: us(self.client_ns, earlier.client_ns),
        };
        !disturbances(&cpu, window_us).is_empty()
    }
}

/// A server of ours and its control port.
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub ready: ServerReady,
    /// Its control port.
    pub control: ControlClient,
    _log: tempfile::NamedTempFile,
}

/// A feed for measurements of cost: even, so that every quote is a write of its own as long as there is time.
pub fn even_feed(rate_per_s: f64) -> FeedSpec {
    FeedSpec { seed: 1, symbols: 4, arrivals: Arrivals::Periodic, rate_per_s, payload_bytes: 0 }
}

async fn sleep_until(instant_ns: u64) {
    tokio::time::sleep(Duration::from_nanos(instant_ns.saturating_sub(monotonic_ns()))).await;
}

/// Processor time of all threads of a process so far, nanoseconds, exact (not sampled at the tick): the first number
/// of each thread's schedstat.
pub fn cpu_ns(process: u32) -> Result<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).context("the server process is gone")?;
    let mut sum = 0;
    for task in tasks {
        // A thread that ends in between takes its time with it; servers start theirs once.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    }
    if sum == 0 {
        bail!("this kernel does not tell processor time per thread (no schedstat)");
    }
    Ok(sum)
}
