//! Many clients of one arm: connect, wait for the start, warm up, measure, drain, leave.
//!
//! A client that is refused, is late or gives up is an outcome: the load goes on with the others, and what that client
//! misses is lost. Only a load in which not one client gets in says nothing, and fails.
//!
//! The load knows neither transports nor pacing: it is given a function from a target to a stream of events, and
//! commands and reports travel over channels, so that a parent process, a test or a demo can hold the reins.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::feed::FeedSpecError;
use wirerace_contract::meter::ProcessUsage;
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::process_usage::process_usage;
use wirerace_contract::results::{ClientReport, LoadUsage, Window};
use wirerace_contract::spec::{Arm, LoadSpec};

use crate::backoff::BackoffPolicy;
use crate::event_log::EventLogger;
use crate::pacer::Pacer;
use crate::recorder::{Progress, Recorder};
use crate::sources::Sources;
use crate::target::{Event, Target, TrafficCounters};
use crate::window::{self, WarmUp};

/// A transport's client: from a target to the stream of what arrives.
pub type Arrivals = fn(Target) -> BoxStream<'static, Event>;

/// How long the last client may take to connect after it has been let go, milliseconds.
const CONNECT_SLACK_MS: u64 = 30_000;
/// How long clients may take for the window's last quote, beside two intervals, milliseconds.
const DRAIN_MS: u64 = 2_000;
/// How long clients may take to leave: a socket's close handshake has a deadline of two seconds of its own.
const LEAVE: Duration = Duration::from_secs(3);
/// Least distance of two progress reports, milliseconds: percentiles cost some fifty microseconds.
const PROGRESS_MIN_MS: u64 = 100;

/// What a load is told before it begins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LoadSetup {
    /// The transport and its options.
    pub arm: Arm,
    /// Clients, feed, window.
    pub load: LoadSpec,
    /// The server.
    pub address: SocketAddr,
    /// The seed of phases and back-offs.
    pub seed: u64,
    /// Where the server logs when it published which quote; `None` leaves transit unmeasured.
    pub published_log: Option<PathBuf>,
    /// Distance of progress reports; `None` for none.
    pub progress_ms: Option<u64>,
    /// When the feed started that runs already; `None` where it starts on command, all clients being connected.
    pub start_ns: Option<u64>,
}

/// What the holder of the reins says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The feed starts at this instant of the monotonic clock.
    Start {
        /// Nanoseconds of CLOCK_MONOTONIC; may be in the future.
        start_ns: u64,
    },
    /// Everything is sampled: close the connections and report. Given early, it waits until the load has drained.
    Close,
    /// Leave now and report what there is.
    Stop,
}

/// What the load says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// All clients are connected that will be.
    Connected {
        /// The load process at that instant.
        process: ProcessUsage,
    },
    /// The window has been decided; it has not begun.
    Window {
        /// The window, counted from the feed's start.
        window: Window,
        /// Its start on the monotonic clock, nanoseconds.
        start_ns: u64,
        /// Its end on the monotonic clock, nanoseconds.
        end_ns: u64,
    },
    /// Running totals.
    Progress(Progress),
    /// Every client has the window's last quote, or the deadline is over; connections are still open.
    Drained,
    /// All clients have left. The last report.
    Done(Box<ClientReport>),
    /// The load gave up: one sentence. The last report.
    Failed(String),
}

/// Why a load gave up.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The feed's specification contradicts itself or the arm.
    #[error(transparent)]
    Feed(#[from] FeedSpecError),
    /// The system gave no thread for the timer.
    #[error("the precise timer could not be started: {0}")]
    Timer(#[from] std::io::Error),
    /// Every client gave up.
    #[error("not one of {clients} clients was connected; the first gave up: {reason}")]
    Connect {
        /// Clients wanted.
        clients: u32,
        /// Why the first gave up, in words.
        reason: String,
    },
    /// Nobody was connected in time.
    #[error(
        "not one of {clients} clients was connected within {seconds} s; is the server overloaded, or too small the limit \
         of open files?"
    )]
    Slow {
        /// Clients wanted.
        clients: u32,
        /// How long was waited.
        seconds: u64,
    },
}

/// Why a stage of the load ended before its time.
enum Cut {
    /// Told to leave, or nobody holds the reins any more.
    Stopped,
    Failed(LoadError),
}

/// Runs a load to its end.
///
/// # Errors
/// When not one client can be connected; the same sentence has been sent as [`Report::Failed`].
pub async fn run(
    setup: LoadSetup,
    arrivals: Arrivals,
    commands: mpsc::Receiver<Command>,
    reports: mpsc::Sender<Report>,
) -> Result<(), LoadError> {
    let mut load = match Load::new(setup, commands, reports.clone()) {
        Ok(load) => load,
        Err(error) => {
            let _ = reports.send(Report::Failed(error.to_string())).await;
            return Err(error);
        }
    };
    let cut = load.stages(arrivals).await.err();
    load.leave().await;
    // Nobody may be listening any more: then there is nobody to tell.
    if let Some(Cut::Failed(error)) = cut {
        let _ = reports.send(Report::Failed(error.to_string())).await;
        return Err(error);
    }
    let mut report = lock(&load.recorder).report(load.usage);
    report.events = (*load.start.borrow()).and_then(|start_ns| load.log.log(start_ns));
    let _ = reports.send(Report::Done(Box::new(report))).await;
    Ok(())
}

struct Load {
    setup: LoadSetup,
    commands: mpsc::Receiver<Command>,
    reports: mpsc::Sender<Report>,
    recorder: Arc<Mutex<Recorder>>,
    traffic: Arc<TrafficCounters>,
    /// The first moments of the first client.
    log: EventLogger,
    pacer: Pacer,
    start: watch::Sender<Option<u64>>,
    stop: watch::Sender<bool>,
    /// Rung when a client connected or gave up.
    changed: Arc<Notify>,
    clients: JoinSet<()>,
    progress: Option<AbortHandle>,
    usage: LoadUsage,
    start_asked_ns: Option<u64>,
    close_asked: bool,
}

/// A panic in one client leaves counts behind, nothing half done.
fn lock(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    fn new(
        setup: LoadSetup,
        commands: mpsc::Receiver<Command>,
        reports: mpsc::Sender<Report>,
    ) -> Result<Self, LoadError> {
        setup.load.feed.check()?;
        let traffic = Arc::new(TrafficCounters::default());
        let (clients, live) = (setup.load.clients, setup.progress_ms.is_some());
        let recorder = Recorder::new(clients, setup.arm.delivery, &setup.load.feed, traffic.clone(), live);
        Ok(Self {
            commands,
            reports,
            recorder: Arc::new(Mutex::new(recorder)),
            traffic,
            log: EventLogger::new(),
            pacer: Pacer::spawn()?,
            start: watch::Sender::new(None),
            stop: watch::Sender::new(false),
            changed: Arc::default(),
            clients: JoinSet::new(),
            progress: None,
            usage: LoadUsage::default(),
            start_asked_ns: None,
            close_asked: false,
            setup,
        })
    }

    async fn stages(&mut self, arrivals: Arrivals) -> Result<(), Cut> {
        if let Some(start_ns) = self.setup.start_ns {
            // Quotes come as soon as the first client is connected.
            let mut recorder = lock(&self.recorder);
            recorder.start(start_ns, self.setup.published_log.as_deref());
            recorder.tell_lateness_from(monotonic_ns());
        }
        self.connect(arrivals).await?;
        self.usage.connected = process_usage();
        self.report(Report::Connected { process: self.usage.connected }).await?;
        let start_ns = self.wait_for_start().await?;
        let agreed = self.warm_up(start_ns).await?;
        self.measure(start_ns, agreed).await?;
        self.drain().await?;
        self.report(Report::Drained).await?;
        while !self.close_asked {
            self.obey().await?;
        }
        Ok(())
    }

    /// Lets all clients go, paced, and waits until each is connected or has given up. Those that are still under way at
    /// the deadline are sent away: connecting in the middle of the window they would disturb the others.
    async fn connect(&mut self, arrivals: Arrivals) -> Result<(), Cut> {
        self.start_progress();
        let (clients, began) = (self.setup.load.clients, Instant::now());
        let distance = Duration::from_secs(1) / self.setup.load.connects_per_s.max(1);
        let mut tasks = Vec::new();
        let targets: Vec<Target> = self.targets()?.collect();
        lock(&self.recorder).plan_orders(self.setup.load.orders_per_s, targets.iter().map(|target| target.phase));
        for (number, target) in targets.into_iter().enumerate() {
            let turn = began + distance * number as u32;
            if turn > Instant::now() {
                self.unless_stopped(sleep_until(turn)).await?;
            }
            tasks.push(self.spawn(arrivals, number, target));
        }
        let slack = Duration::from_millis(CONNECT_SLACK_MS) + self.patience();
        let deadline = began + distance * clients + slack;
        while lock(&self.recorder).undecided_clients().next().is_some() {
            let changed = self.changed.clone();
            if self.unless_stopped(timeout_at(deadline, changed.notified())).await?.is_err() {
                break;
            }
        }
        let seconds = began.elapsed().as_secs();
        let mut recorder = lock(&self.recorder);
        recorder.undecided_clients().filter_map(|number| tasks.get(number)).for_each(AbortHandle::abort);
        recorder.send_away_undecided(&format!("a client was not connected within {seconds} s and was sent away"));
        if recorder.settle_clients() > 0 {
            return Ok(());
        }
        Err(Cut::Failed(match recorder.failure() {
            Some(reason) => LoadError::Connect { clients, reason: reason.to_owned() },
            None => LoadError::Slow { clients, seconds },
        }))
    }

    /// The targets of all clients. Phases are stratified, (u + i)/N, so that the load's polls are spread evenly
    /// whatever u is.
    fn targets(&self) -> Result<impl Iterator<Item = Target> + use<>, Cut> {
        let LoadSetup { arm, load, address, seed, .. } = &self.setup;
        let payload_bytes = load.feed.payload_bytes_in(arm.encoding).map_err(|e| Cut::Failed(e.into()))?;
        let (sources, log) = (Sources::new(*address, arm, load), self.log.clone());
        let mut random = SplitMix64::new(*seed);
        let (offset, clients) = (random.uniform(), load.clients);
        let model = Target {
            address: *address,
            arm: Arc::new(arm.clone()),
            payload_bytes,
            wait_s: load.wait_s,
            orders_per_s: load.orders_per_s,
            source: None,
            phase: 0.0,
            start: self.start.subscribe(),
            stop: self.stop.subscribe(),
            pacer: self.pacer.clone(),
            traffic: self.traffic.clone(),
            log: EventLogger::default(),
            patience: load.path.patience(),
            request_head_bytes: load.heads.request_bytes,
            backoff: BackoffPolicy::default(),
            seed: 0,
        };
        Ok((0..clients).map(move |number| Target {
            source: sources.of(number.into()),
            phase: (offset + f64::from(number)) / f64::from(clients),
            seed: random.next_u64(),
            log: if number == 0 { log.clone() } else { EventLogger::default() },
            ..model.clone()
        }))
    }

    fn spawn(&mut self, arrivals: Arrivals, number: usize, target: Target) -> AbortHandle {
        let (recorder, changed) = (self.recorder.clone(), self.changed.clone());
        let mut events = arrivals(target);
        self.clients.spawn(async move {
            while let Some(event) = events.next().await {
                let rings = matches!(event, Event::Connected { .. } | Event::Failed { .. });
                lock(&recorder).event(number, event);
                if rings {
                    changed.notify_one();
                }
            }
        })
    }

    fn start_progress(&mut self) {
        let Some(progress_ms) = self.setup.progress_ms else { return };
        let (recorder, reports) = (self.recorder.clone(), self.reports.clone());
        let task = tokio::spawn(async move {
            loop {
                sleep(Duration::from_millis(progress_ms.max(PROGRESS_MIN_MS))).await;
                let progress = lock(&recorder).progress(monotonic_ns());
                // A reader that is behind misses a figure of the past, nothing else.
                let _ = reports.try_send(Report::Progress(progress));
            }
        });
        self.progress = Some(task.abort_handle());
    }

    async fn wait_for_start(&mut self) -> Result<u64, Cut> {
        let start_ns = loop {
            match self.start_asked_ns {
                Some(start_ns) => break start_ns,
                None => self.obey().await?,
            }
        };
        if self.setup.start_ns.is_none() {
            lock(&self.recorder).start(start_ns, self.setup.published_log.as_deref());
        }
        self.start.send_replace(Some(start_ns));
        Ok(start_ns)
    }

    async fn warm_up(&mut self, start_ns: u64) -> Result<bool, Cut> {
        let max_ms = self.setup.load.warm_up_max_ms;
        if max_ms == 0 {
            return Ok(false);
        }
        let clients = lock(&self.recorder).present();
        let mut warm_up = WarmUp::new(max_ms, clients);
        loop {
            self.wait_until(start_ns + warm_up.next_look_ms() * NS_PER_MS).await?;
            let totals = lock(&self.recorder).totals();
            if let Some(agreed) = warm_up.look(totals) {
                return Ok(agreed);
            }
        }
    }

    async fn measure(&mut self, feed_start_ns: u64, agreed: bool) -> Result<(), Cut> {
        let LoadSpec { window_ms, grid_ms, .. } = self.setup.load;
        let interval_ms = if grid_ms > 0 { grid_ms } else { self.setup.arm.interval_ms };
        let (begin_ns, end_ns) = window::place(feed_start_ns, monotonic_ns(), interval_ms, window_ms);
        let window = lock(&self.recorder).open_window(begin_ns, end_ns, agreed);
        let (start_ns, end_ns) = (feed_start_ns + begin_ns, feed_start_ns + end_ns);
        self.report(Report::Window { window, start_ns, end_ns }).await?;
        self.wait_until(start_ns).await?;
        self.usage.window_start = process_usage();
        self.wait_until(end_ns).await?;
        self.usage.window_end = process_usage();
        Ok(())
    }

    /// What the way to the server adds to every deadline.
    fn patience(&self) -> Duration {
        self.setup.load.path.patience()
    }

    /// Waits until every client has the window's last quote. A held request needs no longer than a pushed quote: it is
    /// answered when the quote is there.
    async fn drain(&mut self) -> Result<(), Cut> {
        let wait_ms = DRAIN_MS + 2 * u64::from(self.setup.arm.interval_ms) + self.patience().as_millis() as u64;
        let deadline = Instant::now() + Duration::from_millis(wait_ms);
        loop {
            let (behind, orders_out) = {
                let recorder = lock(&self.recorder);
                (recorder.clients_behind(), recorder.orders_out())
            };
            if behind == 0 && orders_out == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let when = format!("within {wait_ms} ms of the window's end");
                let mut recorder = lock(&self.recorder);
                if behind > 0 {
                    recorder.error(format!("{behind} clients did not get the last quote {when}"));
                }
                if orders_out > 0 {
                    recorder.error(format!("{orders_out} orders were not sent, or not acknowledged, {when}"));
                }
                return Ok(());
            }
            self.unless_stopped(sleep(Duration::from_millis(5))).await?;
        }
    }

    /// Asks all clients to leave and waits for them, for those that hang at most until the deadline.
    async fn leave(&mut self) {
        self.stop.send_replace(true);
        let deadline = LEAVE + self.patience();
        let clients = &mut self.clients;
        let _ = timeout(deadline, async { while clients.join_next().await.is_some() {} }).await;
        lock(&self.recorder).cut(self.clients.len() as u32);
        self.clients.shutdown().await;
        if let Some(progress) = self.progress.take() {
            progress.abort();
        }
    }

    async fn report(&mut self, report: Report) -> Result<(), Cut> {
        let reports = self.reports.clone();
        self.unless_stopped(async move { reports.send(report).await }).await?.map_err(|_| Cut::Stopped)
    }

    async fn wait_until(&mut self, deadline_ns: u64) -> Result<(), Cut> {
        let sleep = self.pacer.sleep_until(deadline_ns);
        self.unless_stopped(sleep).await
    }

    /// Does `work` while commands are obeyed.
    async fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Cut> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                result = self.obey() => result?,
                result = &mut work => return Ok(result),
            }
        }
    }

    /// Takes one command.
    async fn obey(&mut self) -> Result<(), Cut> {
        match self.commands.recv().await {
            Some(Command::Start { start_ns }) => {
                self.start_asked_ns.get_or_insert(start_ns);
                Ok(())
            }
            Some(Command::Close) => {
                self.close_asked = true;
                Ok(())
            }
            Some(Command::Stop) | None => Err(Cut::Stopped),
        }
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "refusal_tests.rs"]
mod refusal_tests;
