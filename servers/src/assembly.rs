//! Everything put together: feed, tape, routes, meter, and the two listeners.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use thiserror::Error;
use tokio::sync::Notify;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::feed::{FeedSpec, FeedSpecError};
use wirerace_contract::messages::HEARTBEAT_MS;

use crate::control::{self, Controls};
use crate::feed::{Feed, FeedOptions, SLICE_US};
use crate::listener::{ListenError, ListenOptions, Listener, ServerHandle};
use crate::tape::Tape;
use crate::wire_meter::{LINGER_MAX, Meter};

/// What a server is told.
#[derive(Clone, PartialEq, Debug)]
pub struct ServeOptions {
    /// Where clients connect, and the limits there.
    pub quotes: ListenOptions,
    /// The control port; port 0 takes a free one.
    pub control_address: SocketAddr,
    /// What the feed publishes.
    pub feed: FeedSpec,
    /// The name of the stream.
    pub epoch: Epoch,
    /// How many quotes the tape holds.
    pub tape_capacity: usize,
    /// Where published instants are logged: see [`FeedOptions`].
    pub published_log: Option<PathBuf>,
    /// Whether the wire meter counts; off, its own cost can be measured.
    pub metered: bool,
    /// How long a connection is kept after the server's FIN: see [`LINGER_MAX`], which is enough without distance.
    pub linger_max: Duration,
    /// How long a pushed stream may be silent.
    pub heartbeat: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            quotes: ListenOptions::default(),
            control_address: SocketAddr::from(([127, 0, 0, 1], 0)),
            feed: FeedSpec::default(),
            epoch: Epoch::from_number(0),
            tape_capacity: 65_536,
            published_log: None,
            metered: true,
            linger_max: LINGER_MAX,
            heartbeat: Duration::from_millis(HEARTBEAT_MS),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The feed's specification is out of range.
    #[error("{0}")]
    Feed(#[from] FeedSpecError),
    /// An address cannot be listened on.
    #[error("{0}")]
    Listen(#[from] ListenError),
    /// The feed cannot start.
    #[error("the feed cannot start, or not log to {log}: {source}")]
    Start {
        /// The log of published instants, or a dash.
        log: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Starts a server on the current tokio runtime, with the routes that `routes` makes of its tape. Its feed waits to be
/// started, by [`Running::feed`] or over the control port.
///
/// # Errors
/// When the specification is out of range, an address cannot be had, or the log cannot be created.
pub fn serve(options: ServeOptions, routes: impl FnOnce(Tape) -> Router) -> Result<Running, ServeError> {
    options.feed.check()?;
    let quotes = Listener::bind(options.quotes)?;
    let control_options = ListenOptions { address: options.control_address, ..ListenOptions::default() };
    let control = Listener::bind(control_options)?;
    let tape = Tape::new(options.epoch, options.feed, options.tape_capacity).with_heartbeat(options.heartbeat);
    tape.time_precisely();
    let log = options.published_log.as_ref().map_or_else(|| "-".to_owned(), |path| path.display().to_string());
    let feed_options = FeedOptions { published_log: options.published_log, slice_us: Some(SLICE_US) };
    let feed = Feed::spawn(tape.clone(), feed_options).map_err(|source| ServeError::Start { log, source })?;
    let feed = Arc::new(feed);
    let meter = Meter::with_linger(options.metered, options.linger_max);
    let shutdown = Arc::new(Notify::new());
    let congestion_control = quotes.congestion_control().map(str::to_owned);
    let quotes = quotes.serve(routes(tape.clone()), meter.clone());
    let controls = Controls {
        meter: meter.clone(),
        feed: Arc::clone(&feed),
        shutdown: Arc::clone(&shutdown),
        delays: quotes.delays().cloned(),
    };
    Ok(Running {
        quotes,
        // Its meter counts nothing that anybody reads: what harness and server say to each other is no part of a trial.
        control: control.serve(control::routes(controls), Meter::new(false)),
        tape,
        feed,
        meter,
        shutdown,
        congestion_control,
    })
}

/// A server at work.
pub struct Running {
    quotes: ServerHandle,
    control: ServerHandle,
    tape: Tape,
    feed: Arc<Feed>,
    meter: Meter,
    shutdown: Arc<Notify>,
    congestion_control: Option<String>,
}

impl Running {
    /// Where clients connect.
    #[must_use]
    pub fn quotes_addr(&self) -> SocketAddr {
        self.quotes.local_addr()
    }

    /// The control port.
    #[must_use]
    pub fn control_addr(&self) -> SocketAddr {
        self.control.local_addr()
    }

    /// The congestion control that connections use; `None` where the system does not tell.
    #[must_use]
    pub fn congestion_control(&self) -> Option<&str> {
        self.congestion_control.as_deref()
    }

    /// The feed.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The tape.
    #[must_use]
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The wire meter.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Returns when somebody asked for the end over the control port.
    pub async fn wait_for_shutdown(&self) {
        self.shutdown.notified().await;
    }

    /// Stops the feed, ends every client in good order, and closes both ports. Returns how many connections of
    /// clients were still open after `deadline` and had to be cut.
    pub async fn shutdown(self, deadline: Duration) -> usize {
        self.feed.stop();
        self.tape.close();
        let cut = self.quotes.shutdown(deadline).await;
        self.control.shutdown(deadline).await;
        cut
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use wirerace_contract::clock::monotonic_ns;
    use wirerace_contract::meter::ControlSnapshot;

    use super::*;
    use crate::feed::FeedStatus;
    use crate::{compose, health, long_polling, orders, polling, sse, websocket};

    const DEADLINE: Duration = Duration::from_secs(20);

    fn start(options: ServeOptions) -> Running {
        let all =
            [polling::routes, long_polling::routes, sse::routes, websocket::routes, orders::routes, health::routes];
        serve(options, |tape| compose(all.map(|routes| routes(tape.clone())))).unwrap()
    }

    /// Sends `request` and reads until the server closes.
    async fn exchange(address: SocketAddr, request: impl AsRef<str>) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_ref().as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(DEADLINE, stream.read_to_string(&mut answer)).await.expect("not closed").unwrap();
        answer
    }

    fn closing(method: &str, target: &str) -> String {
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    }

    async fn ask(address: SocketAddr, method: &str, target: &str) -> String {
        let answer = exchange(address, closing(method, target)).await;
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    #[tokio::test]
    async fn a_whole_life_over_real_sockets() {
        let feed = FeedSpec { rate_per_s: 1000.0, ..FeedSpec::default() };
        let running = start(ServeOptions { feed, ..ServeOptions::default() });
        let (quotes, control) = (running.quotes_addr(), running.control_addr());
        ask(control, "POST", "/feed/stop?after_seq=20").await;
        ask(control, "POST", "/feed/start").await;
        running.tape().newer_than(19).await;
        let body = ask(quotes, "GET", "/quotes?after=0&encoding=tick").await;
        assert!(body.ends_with("\"next\":\"0000.20\"}"), "{body}");
        let before = running.meter().snapshot();
        let (events, held) = ("GET /events?after=0 HTTP/1.1\r\nhost: x\r\n\r\n", closing("GET", "/quotes?wait=100"));
        let heads_bytes = before.first_head_bytes_in + (events.len() + held.len()) as u64;
        let events = tokio::spawn(exchange(quotes, events));
        let held = tokio::spawn(exchange(quotes, held));
        // Both requests have reached their handlers, and the stream has begun.
        while running.meter().snapshot().first_head_bytes_in < heads_bytes || running.meter().snapshot().quotes_out < 40
        {
            tokio::task::yield_now().await;
        }
        let snapshot: ControlSnapshot = serde_json::from_str(&ask(control, "GET", "/meter").await).unwrap();
        assert_eq!((snapshot.meter.quotes_out, snapshot.meter.payload_bytes_out), (40, 20 * 20 + 20 * 120));
        let status: FeedStatus = serde_json::from_str(&ask(control, "GET", "/feed").await).unwrap();
        assert_eq!(status.published, 20);
        ask(control, "POST", "/shutdown").await;
        tokio::time::timeout(DEADLINE, running.wait_for_shutdown()).await.unwrap();
        assert_eq!(running.shutdown(DEADLINE).await, 0, "every client was ended, none cut");
        let events = events.await.unwrap();
        assert!(events.contains("id: 0000.20\n") && events.ends_with("0\r\n\r\n"), "a clean end: {events}");
        assert!(held.await.unwrap().contains("\"quotes\":[]"));
    }

    #[tokio::test]
    async fn conflated_quotes_are_timed_by_the_kernel_and_end_like_others() {
        let feed = FeedSpec { rate_per_s: 1000.0, ..FeedSpec::default() };
        let running = start(ServeOptions { feed, ..ServeOptions::default() });
        if cfg!(target_os = "linux") {
            assert!(running.tape().ticks(Duration::ZERO, Duration::from_secs(1)).is_precise());
        }
        let newest = "after=0&delivery=newest&interval=5";
        let mut stream = TcpStream::connect(running.quotes_addr()).await.unwrap();
        stream.write_all(format!("GET /events?{newest} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        running.feed().stop_after(20);
        running.feed().start_at(monotonic_ns()).unwrap();
        let mut events = Vec::new();
        while !String::from_utf8_lossy(&events).contains("id: 0000.20\n") {
            let read = tokio::time::timeout(DEADLINE, stream.read_buf(&mut events)).await;
            assert!(read.expect("the newest did not come").unwrap() > 0);
        }
        let held = ask(running.quotes_addr(), "GET", &format!("/quotes?{newest}&wait=100")).await;
        assert!(held.ends_with("\"next\":\"0000.20\"}"), "{held}");
        let (cut, rest) = tokio::join!(running.shutdown(DEADLINE), stream.read_to_end(&mut events));
        rest.unwrap();
        assert!(cut == 0 && events.ends_with(b"0\r\n\r\n"), "ended in good order, not cut");
    }

    #[tokio::test]
    async fn what_keeps_a_server_from_starting_is_said() {
        let nothing = |_: Tape| Router::new();
        let feed = FeedSpec { rate_per_s: 0.0, ..FeedSpec::default() };
        let error = serve(ServeOptions { feed, ..ServeOptions::default() }, nothing).err().unwrap();
        assert!(matches!(error, ServeError::Feed(_)));
        let running = start(ServeOptions::default());
        let control_address = running.quotes_addr();
        let error = serve(ServeOptions { control_address, ..ServeOptions::default() }, nothing).err().unwrap();
        assert!(error.to_string().contains("in use"), "{error}");
        let published_log = Some("/no/such/folder/log".into());
        let error = serve(ServeOptions { published_log, ..ServeOptions::default() }, nothing).err().unwrap();
        assert!(error.to_string().contains("/no/such/folder/log"), "{error}");
    }
}
