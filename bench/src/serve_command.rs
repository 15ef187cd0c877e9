//! `wirerace serve`: one server alone, for people; and the server process of a trial.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use serde::{Deserialize, Serialize};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::feed::FeedSpec;
use wirerace_servers::listener::ListenOptions;
use wirerace_servers::tape::Tape;
use wirerace_servers::{Running, ServeOptions};

use crate::child_lines::{read_line, write_line};
use crate::cli::{FeedArguments, ServeArguments};
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
    /// Whether the wire meter counts.
    pub metered: bool,
    /// Where published instants are logged.
    pub published_log: PathBuf,
    /// Processor to be pinned to.
    pub cpu: Option<u32>,
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
    if let Some(name) = &arguments.transport {
        registry::row(name).map_err(Failure::Usage)?;
    }
    let options = ServeOptions {
        quotes: listen_options(SocketAddr::new(arguments.host, arguments.port)),
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

/// An epoch that differs from that of the server before.
fn fresh_epoch() -> Epoch {
    Epoch::from_number(monotonic_ns() / 1_000)
}

fn serve_child(told: ServeChild) -> Result<(), Failure> {
    if let Some(cpu) = told.cpu {
        pinning::pin_to(cpu).map_err(Failure::Failed)?;
    }
    let options = ServeOptions {
        quotes: listen_options(SocketAddr::from(([127, 0, 0, 1], 0))),
        feed: told.feed,
        epoch: fresh_epoch(),
        published_log: Some(told.published_log),
        metered: told.metered,
        ..ServeOptions::default()
    };
    commands::runtime()?.block_on(async {
        let running = start(options, Some(&told.transport))?;
        write_line(&ServerReady {
            quotes: running.quotes_addr(),
            control: running.control_addr(),
            feed_slice_us: running.feed().status().slice_us,
            congestion_control: running.congestion_control().unwrap_or("the system's own").to_owned(),
        })?;
        running.wait_for_shutdown().await;
        running.shutdown(LEAVING).await;
        Ok(())
    })
}
