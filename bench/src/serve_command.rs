//! `wirerace serve`: one server alone, for people; and the server process of a trial.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use serde::{Deserialize, Serialize};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::spec::{DELAY_MAX_US, Delay, Link, Path};
use wirerace_servers::listener::ListenOptions;
use wirerace_servers::tape::Tape;
use wirerace_servers::wire_meter::LINGER_MAX;
use wirerace_servers::{Running, ServeOptions};

use crate::child_lines::{read_line, write_line};
use crate::cli::{FeedArguments, ServeArguments};
use crate::experiment::check::HEAD_MAX_BYTES;
use crate::failure::Failure;
use crate::output::line;
use crate::{child, commands, environment, pinning, registry};

/// What the server process of a trial is told, by one line on stdin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServeChild {
    /// The only transport it offers.
    pub transport: String,
    /// What its feed publishes.
    pub feed: FeedSpec,
    /// The way to the clients.
    pub path: Path,
    /// Total bytes of each response head; 0 leaves heads as they come.
    #[serde(default)]
    pub response_head_bytes: u32,
    /// Whether the wire meter counts.
    pub metered: bool,
    /// Where published instants are logged.
    pub published_log: PathBuf,
    /// Processor to be pinned to.
    pub cpu: Option<u32>,
    /// Processor time to burn for each quote published, nanoseconds: see [`crate::trial::Injection`].
    #[serde(default)]
    pub burn_ns_per_published: u64,
}

/// What it answers, once it listens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerReady {
    /// Where clients connect.
    pub quotes: SocketAddr,
    /// The control port.
    pub control: SocketAddr,
    /// Scheduler slice of the feed's thread, microseconds; `null` where the kernel offers none.
    pub feed_slice_us: Option<u64>,
    /// Congestion control of its connections.
    pub congestion_control: String,
}

/// How long a server that ends waits for its clients to leave.
const LEAVING: Duration = Duration::from_secs(2);

/// How long a kept connection may be idle: longer than anybody's distance of polls.
const IDLE_MAX: Duration = Duration::from_secs(150);

impl From<&FeedArguments> for FeedSpec {
    fn from(arguments: &FeedArguments) -> Self {
        Self {
            seed: arguments.seed,
            symbols: arguments.symbols,
            arrivals: arguments.arrivals,
            rate_per_s: arguments.rate,
            payload_bytes: arguments.payload_bytes,
        }
    }
}

/// Serves until interrupted, or as a child until told to end.
///
/// # Errors
/// When the request is wrong or an address cannot be had.
pub fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    environment::raise_descriptors_max();
    if arguments.child {
        child::follow_parent_to_the_end();
        let told: ServeChild = read_line()?;
        return serve_child(told);
    }
    let feed = FeedSpec::from(&arguments.feed);
    feed.check().map_err(|error| Failure::Usage(error.to_string()))?;
    if arguments.port == arguments.control_port && arguments.port != 0 {
        return Err(Failure::Usage(
            "quotes and control need ports of their own: give two, or 0 for free ones".to_owned(),
        ));
    }
    if arguments.response_head_bytes > HEAD_MAX_BYTES {
        let asked = arguments.response_head_bytes;
        return Err(Failure::Usage(format!("--response-head-bytes {asked}: allowed are at most {HEAD_MAX_BYTES}")));
    }
    if let Some(name) = &arguments.transport {
        registry::row(name).map_err(Failure::Usage)?;
    }
    let delay = arguments.delay_ms.map(delay_of).transpose()?;
    let options = ServeOptions {
        quotes: ListenOptions {
            delay,
            response_head_bytes: arguments.response_head_bytes,
            ..listen_options(SocketAddr::new(arguments.host, arguments.port))
        },
        control_address: SocketAddr::from(([127, 0, 0, 1], arguments.control_port)),
        feed,
        epoch: fresh_epoch(),
        ..ServeOptions::default()
    };
    commands::runtime()?.block_on(async {
        let transport = arguments.transport.as_deref();
        let running = start(options, transport)?;
        running.feed().start_at(monotonic_ns()).map_err(|error| Failure::Failed(error.to_string()))?;
        let base = format!("http://{}", running.quotes_addr());
        line(format!("quotes:  {base}   for example: curl '{base}/quotes?after=0'"))?;
        line(format!("control: http://{}/meter", running.control_addr()))?;
        line("stop with Ctrl-C")?;
        tokio::select! {
            () = commands::interrupted() => {}
            () = running.wait_for_shutdown() => {}
        }
        running.shutdown(LEAVING).await;
        Ok(())
    })
}

/// All routes on one port, or those of one transport; health and orders always.
fn routes(transport: Option<&str>, tape: &Tape) -> Router {
    let rows = registry::ROWS.iter().filter(|row| transport.is_none_or(|name| row.descriptor.name == name));
    let own = rows.map(|row| (row.routes)(tape.clone()));
    let shared = [wirerace_servers::health::routes(tape.clone()), wirerace_servers::orders::routes(tape.clone())];
    wirerace_servers::compose(shared.into_iter().chain(own))
}

fn start(options: ServeOptions, transport: Option<&str>) -> Result<Running, Failure> {
    wirerace_servers::serve(options, |tape| routes(transport, &tape))
        .map_err(|error| Failure::Failed(error.to_string()))
}

fn listen_options(address: SocketAddr) -> ListenOptions {
    ListenOptions {
        address,
        max_segment_bytes: environment::MAX_SEGMENT_BYTES,
        header_timeout: IDLE_MAX,
        max_connections: usize::try_from(environment::descriptors_max()).unwrap_or(usize::MAX),
        ..ListenOptions::default()
    }
}

fn delay_of(ms: f64) -> Result<Delay, Failure> {
    // Negative ones and what is no number come out as 0, and are not what was asked for.
    let one_way_delay_us = (ms * 1_000.0) as u64;
    if !(ms >= 0.0 && one_way_delay_us <= DELAY_MAX_US) {
        return Err(Failure::Usage(format!("--delay-ms {ms}: allowed are 0 to {}", DELAY_MAX_US / 1_000)));
    }
    Ok(Delay { one_way_delay_us })
}

/// An epoch that differs from that of the server before.
fn fresh_epoch() -> Epoch {
    Epoch::from_number(monotonic_ns() / 1_000)
}

fn serve_child(told: ServeChild) -> Result<(), Failure> {
    if let Some(cpu) = told.cpu {
        pinning::pin_to(cpu).map_err(Failure::Failed)?;
    }
    let host = if matches!(told.path, Path::Link(_)) { Link::SERVER } else { Ipv4Addr::LOCALHOST };
    let patience = told.path.patience();
    let delay = match told.path {
        Path::Delayed(delay) => Some(delay),
        Path::Loopback | Path::Link(_) => None,
    };
    let options = ServeOptions {
        quotes: ListenOptions {
            delay,
            response_head_bytes: told.response_head_bytes,
            // A delay is added by the listener, which knows it; a link's is not.
            header_timeout: IDLE_MAX + patience,
            ..listen_options(SocketAddr::from((host, 0)))
        },
        linger_max: LINGER_MAX + patience,
        feed: told.feed,
        epoch: fresh_epoch(),
        published_log: Some(told.published_log),
        metered: told.metered,
        ..ServeOptions::default()
    };
    commands::runtime()?.block_on(async {
        let running = start(options, Some(&told.transport))?;
        if told.burn_ns_per_published > 0 {
            tokio::spawn(burn(running.tape().clone(), told.burn_ns_per_published));
        }
        write_line(&ServerReady {
            quotes: running.quotes_addr(),
            control: running.control_addr(),
            feed_slice_us: running.feed().status().slice_us,
            congestion_control: running.congestion_control().unwrap_or("the system's own").to_owned(),
        })?;
        running.wait_for_shutdown().await;
        running.shutdown(LEAVING + patience).await;
        Ok(())
    })
}

/// Burns processor time for each quote published, on the thread that serves it, until the tape is closed.
async fn burn(tape: Tape, ns_per_quote: u64) {
    let mut seen = 0;
    while tape.newer_than(seen).await {
        let newest = tape.newest();
        let end_ns = thread_cpu_ns() + (newest - seen) * ns_per_quote;
        while thread_cpu_ns() < end_ns {
            std::hint::spin_loop();
        }
        seen = newest;
    }
}

/// Processor time of this thread so far, nanoseconds: other than a clock on the wall it stands still while somebody else
/// has the processor.
fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // A thread's time since its start is never negative. The widths of the fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    let ns = time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64;
    ns
}

#[cfg(test)]
mod tests {
    use wirerace_contract::plan::Plan;

    use super::*;

    #[tokio::test]
    async fn what_is_burnt_is_processor_time_for_each_quote() {
        let feed = FeedSpec::default();
        let tape = Tape::new(Epoch::from_number(0), feed.clone(), 16);
        for quote in Plan::new(&feed).take(5) {
            tape.publish(quote).unwrap();
        }
        let before_ns = thread_cpu_ns();
        let burning = tokio::spawn(burn(tape.clone(), 2_000_000));
        tokio::task::yield_now().await;
        let burnt_ns = thread_cpu_ns() - before_ns;
        // Half a millisecond for everything else that this thread did.
        assert!((10_000_000..10_500_000).contains(&burnt_ns), "{burnt_ns}");
        tape.close();
        burning.await.unwrap();
    }
}
