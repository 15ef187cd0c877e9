//! One trial: a fresh server process and a fresh load process, from connecting everyone to closing everything.

use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use wirerace_clients::load::{Command, LoadSetup, Report};
use wirerace_clients::recorder::Progress;
use wirerace_contract::clock::{NS_PER_MS, monotonic_ns};
use wirerace_contract::distribution::{Distribution, new_histogram};
use wirerace_contract::meter::ControlSnapshot;
use wirerace_contract::plan::PlanTable;
use wirerace_contract::results::{
    ArmEntry, ClientReport, Cpu, LOGGED_QUOTES_MAX, LinkReport, LoggedQuote, Measured, MeterStages, Pinning, Window,
};
use wirerace_contract::spec::{self, LoadSpec};

use crate::child::Process;
use crate::control_client::ControlClient;
use crate::ledger::{ledger, with_link};
use crate::link::Link;
use crate::link::timed::{self, Datagrams};
use crate::load_command::LoadChild;
use crate::machine::MachineTime;
use crate::serve_command::{ServeChild, ServerReady};

/// Everything that fixes a trial.
#[derive(Clone, Debug)]
pub struct TrialSetup<'a> {
    /// What is raced.
    pub entry: &'a ArmEntry,
    /// What it carries.
    pub load: &'a LoadSpec,
    /// Seed of the phases, the same for all arms of a block.
    pub phase_seed: u64,
    /// Processors of the two processes.
    pub pinning: Option<Pinning>,
    /// Whether the wire meter counts.
    pub metered: bool,
    /// How often the load tells how it goes on.
    pub progress_ms: Option<u64>,
    /// A folder for the file of published times.
    pub scratch: &'a Path,
    /// The emulated link, which trials over one need.
    pub link: Option<&'a Link>,
    /// What is made worse on purpose: nothing, but in the self-test.
    pub injection: Injection,
}

/// What is made worse on purpose in a trial, to see whether the statistics find it. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injection {
    /// Processor time that the server burns for each quote published, nanoseconds.
    pub burn_ns_per_published: u64,
    /// By how much the feed publishes every quote after its due instant, nanoseconds. The due instants stay.
    pub publish_late_ns: u64,
}

/// What only the server can tell about the environment.
#[derive(Clone, Debug, Default)]
pub struct ServerFacts {
    /// Scheduler slice of the feed's thread, microseconds.
    pub feed_slice_us: Option<u64>,
    /// Congestion control in force.
    pub congestion_control: String,
}

/// What happens while a trial runs, for whoever watches.
#[derive(Debug)]
pub enum Happening<'a> {
    /// The load told how it goes on.
    Progress(&'a Progress),
    /// The server's meter was read.
    Meter(&'a ControlSnapshot),
}

/// Longest silence of a child before the trial is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the server may take until it has seen every connection closed.
const CLOSING: Duration = Duration::from_secs(5);
/// From the order to start to the start, nanoseconds: time for both processes to learn of it.
const START_AHEAD_NS: u64 = 100 * NS_PER_MS;

/// The instant to start a feed at that stands alone.
pub async fn start_soon() -> u64 {
    monotonic_ns() + START_AHEAD_NS
}

/// Runs a trial. `start` gives the instant at which the feed starts, once everyone is connected.
///
/// # Errors
/// When a process dies or falls silent: the trial is void, for the reason given.
pub async fn measure(
    setup: &TrialSetup<'_>,
    start: impl Future<Output = u64>,
    mut watch: impl FnMut(Happening<'_>),
) -> Result<(Measured, ServerFacts)> {
    let sockets = time_link(setup).await?;
    let log = tempfile::Builder::new().prefix("published-").tempfile_in(setup.scratch).context("no scratch file")?;
    let (mut server, ready) = start_server(setup, log.path()).await?;
    let link = begin_link(setup, ready.quotes.port())?;
    let mut stages = Stages::new(ControlClient::new(ready.control)?, setup.load, link);
    stages.publish_late_ns = setup.injection.publish_late_ns;
    // Opens the kept connection before the clients come: a server that they bring to its limit can still be asked.
    stages.control.counts().await?;
    let load = start_load(setup, ready.quotes, link, log.path()).await?;
    let (mut client, start_ns) = match stages.live(load, start, &mut watch).await {
        Ok(lived) => lived,
        // A server that has died is the reason, whoever noticed it.
        Err(error) => return Err(server.death().await.unwrap_or(error)),
    };
    server.end(stages.closing()).await;

    let link = stages.link_report().await.map(|report| LinkReport { sockets, ..report });
    let published = published_ns(log.as_file())?;
    let publisher_lateness = publisher_lateness(&published, setup.load, start_ns, &client.window);
    if let Some(events) = &mut client.events {
        events.quotes = first_quotes(&published, setup.load, start_ns);
    }
    let cpu = stages.cpu(&client);
    let server = stages.into_meter_stages();
    let ledger = ledger(&server, setup.entry.descriptor.delivers);
    let ledger = link.as_ref().map_or(ledger, |link| with_link(ledger, link));
    let facts = ServerFacts { feed_slice_us: ready.feed_slice_us, congestion_control: ready.congestion_control };
    Ok((Measured { client, server, publisher_lateness, ledger, cpu, link }, facts))
}

async fn start_server(setup: &TrialSetup<'_>, log: &Path) -> Result<(Process, ServerReady)> {
    let mut server = Process::start("server", &["serve".to_owned(), "--child".to_owned()])?;
    let child = ServeChild {
        transport: setup.entry.arm.transport.clone(),
        feed: setup.load.feed.clone(),
        path: setup.load.path,
        response_head_bytes: setup.load.heads.response_bytes,
        metered: setup.metered,
        published_log: log.to_owned(),
        cpu: setup.pinning.as_ref().map(|p| p.server_cpu),
        burn_ns_per_published: setup.injection.burn_ns_per_published,
    };
    server.send(&child).await?;
    let ready = server.receive(SILENCE).await?;
    Ok((server, ready))
}

/// Sets the link up for a trial over one; `None` for all others.
fn begin_link<'a>(setup: &TrialSetup<'a>, server_port: u16) -> Result<Option<&'a Link>> {
    let spec::Path::Link(properties) = setup.load.path else { return Ok(None) };
    let link = setup.link.context("this trial needs an emulated link, and none is open: use `wirerace run`")?;
    link.begin(&properties, server_port, setup.phase_seed);
    Ok(Some(link))
}

/// What the link adds from socket to socket, measured while nothing else runs: it is part of the distance that figures
/// name, and the link's own error does not hold it. Empty for trials without a link.
async fn time_link(setup: &TrialSetup<'_>) -> Result<Distribution> {
    let (spec::Path::Link(properties), Some(link)) = (setup.load.path, setup.link.cloned()) else {
        return Ok(Distribution::default());
    };
    let datagrams = Datagrams {
        delay_us: properties.one_way_delay_us,
        per_s: timed::PACKETS_PER_S,
        count: timed::PACKETS_PER_S * timed::BEFORE_TRIAL_MS / 1_000,
    };
    let timing = tokio::task::spawn_blocking(move || timed::between_sockets(&link, datagrams)).await?;
    timing.context("the link cannot be timed from socket to socket")
}

async fn start_load(setup: &TrialSetup<'_>, address: SocketAddr, link: Option<&Link>, log: &Path) -> Result<Process> {
    let arguments = ["load".to_owned(), "--child".to_owned()];
    let mut load = match link {
        Some(link) => Process::start_beyond(link, "load", &arguments)?,
        None => Process::start("load", &arguments)?,
    };
    let child = LoadChild {
        setup: LoadSetup {
            arm: setup.entry.arm.clone(),
            load: setup.load.clone(),
            address,
            seed: setup.phase_seed,
            published_log: Some(log.to_owned()),
            progress_ms: setup.progress_ms,
            start_ns: None,
        },
        cpu: setup.pinning.as_ref().map(|p| p.load_cpu),
    };
    load.send(&child).await?;
    Ok(load)
}

/// The snapshots of a trial, as they come in.
struct Stages<'a> {
    control: ControlClient,
    load: &'a LoadSpec,
    link: Option<&'a Link>,
    publish_late_ns: u64,
    connected: ControlSnapshot,
    /// At the window's begin and end.
    samples: Vec<Sample>,
    drained: ControlSnapshot,
    closed: ControlSnapshot,
}

/// What is read at the window's begin and end.
struct Sample {
    server: ControlSnapshot,
    machine: Option<MachineTime>,
    link_cpu_us: u64,
}

impl<'a> Stages<'a> {
    fn new(control: ControlClient, load: &'a LoadSpec, link: Option<&'a Link>) -> Self {
        let empty = ControlSnapshot::default;
        Self {
            control,
            load,
            link,
            publish_late_ns: 0,
            connected: empty(),
            samples: Vec::new(),
            drained: empty(),
            closed: empty(),
        }
    }

    /// From connecting everyone to closing everything; gives the clients' report and the instant at which the feed started.
    async fn live(
        &mut self,
        mut load: Process,
        start: impl Future<Output = u64>,
        watch: &mut impl FnMut(Happening<'_>),
    ) -> Result<(ClientReport, u64)> {
        let pacing = Duration::from_secs(u64::from(self.load.clients / self.load.connects_per_s.max(1)));
        loop {
            match load.receive::<Report>(SILENCE + pacing).await? {
                Report::Connected { .. } => break,
                // Connecting may take longer than one report of progress is from the next.
                Report::Progress(progress) => watch(Happening::Progress(&progress)),
                Report::Failed(why) => bail!(why),
                other => bail!("the load process said {other:?} before it was connected"),
            }
        }
        self.connected = self.control.meter().await?;
        let start_ns = start.await;
        self.control.start_feed(start_ns + self.publish_late_ns).await?;
        load.send(&Command::Start { start_ns }).await?;
        let client = self.follow(&mut load, start_ns, watch).await?;
        // All is measured: a server that does not answer to this is ended the hard way.
        let _ = self.control.shutdown().await;
        load.end(self.closing()).await;
        Ok((client, start_ns))
    }

    /// Follows the load's reports from the start of the feed to the last one.
    async fn follow(
        &mut self,
        load: &mut Process,
        start_ns: u64,
        watch: &mut impl FnMut(Happening<'_>),
    ) -> Result<ClientReport> {
        let whole = Duration::from_millis(self.load.warm_up_max_ms + self.load.window_ms);
        let silence = SILENCE + whole + Duration::from_secs(self.load.wait_s);
        let mut bounds = None;
        loop {
            // The two instants of the window are met in between the load's reports.
            let instant_ns = self.next_instant(bounds);
            let report: Report = tokio::select! {
                // Cancelled in the middle of a line, `Lines` keeps what it has read of it.
                report = load.receive(silence) => report?,
                () = sleep_until(instant_ns), if instant_ns.is_some() => {
                    self.sample().await?;
                    continue;
                }
            };
            match report {
                Report::Window { window, start_ns: from_ns, end_ns } => {
                    self.control.stop_feed_after(window.last_seq).await?;
                    bounds = Some((from_ns, end_ns));
                }
                Report::Progress(progress) => {
                    watch(Happening::Progress(&progress));
                    watch(Happening::Meter(&self.control.counts().await?));
                }
                Report::Drained => {
                    // The last quote may be in everyone's hands before the window ends.
                    while let Some(instant_ns) = self.next_instant(bounds) {
                        sleep_until(Some(instant_ns)).await;
                        self.sample().await?;
                    }
                    self.drained = self.control.meter().await?;
                    load.send(&Command::Close).await?;
                }
                Report::Done(client) => {
                    self.closed = self.all_closed(client.traffic.connections_dialled, self.closing()).await?;
                    return Ok(*client);
                }
                Report::Failed(why) => return Err(anyhow!(why)),
                Report::Connected { .. } => bail!("the load process connected twice (start {start_ns})"),
            }
        }
    }

    /// Which instant of the window is to be sampled next.
    fn next_instant(&self, bounds: Option<(u64, u64)>) -> Option<u64> {
        let (start_ns, end_ns) = bounds?;
        [start_ns, end_ns].get(self.samples.len()).copied()
    }

    async fn sample(&mut self) -> Result<()> {
        let link_cpu_us = self.link.map_or(0, Link::cpu_us);
        self.samples.push(Sample { server: self.control.counts().await?, machine: MachineTime::now(), link_cpu_us });
        Ok(())
    }

    /// Waits until the server has seen every connection closed; one that stands in its queue yet must first be accepted.
    /// If it has not in time, that is told with everything else that was measured, and makes the trial void.
    async fn all_closed(&self, dialled: u64, deadline: Duration) -> Result<ControlSnapshot> {
        let begin = monotonic_ns();
        loop {
            let snapshot = self.control.meter().await?;
            let meter = &snapshot.meter;
            let all_seen = meter.connections_open == 0 && meter.connections_accepted >= dialled;
            if all_seen || monotonic_ns() - begin > deadline.as_nanos() as u64 {
                return Ok(snapshot);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How long ends of connections and of processes may take.
    fn closing(&self) -> Duration {
        CLOSING + self.load.path.patience()
    }

    /// What the link saw, once its last packet is through; `None` on other paths.
    async fn link_report(&self) -> Option<LinkReport> {
        let link = self.link?;
        // A link that does not become quiet goes on with what its connections' ends still send; it is not theirs to count
        // any more when the next trial begins.
        let _ = link.quiet(self.closing()).await;
        let mut report = link.report();
        if let [begin, end] = self.samples.as_slice() {
            report.cpu_us = end.link_cpu_us - begin.link_cpu_us;
            report.wall_us = (end.server.taken_ns - begin.server.taken_ns) / 1_000;
        }
        Some(report)
    }

    fn cpu(&self, client: &ClientReport) -> Cpu {
        let [begin, end] = self.samples.as_slice() else { return Cpu::default() };
        let (from, to) = (&begin.server, &end.server);
        let wall_us = (to.taken_ns - from.taken_ns) / 1_000;
        let machine = begin.machine.zip(end.machine);
        Cpu {
            wall_us,
            machine_us: machine.map(|(from, to)| to.busy_since(&from, wall_us)),
            steal_us: machine.map(|(from, to)| to.stolen_since(&from)),
            server_us: to.process.cpu_us().saturating_sub(from.process.cpu_us()),
            load_us: client.process.window_end.cpu_us().saturating_sub(client.process.window_start.cpu_us()),
        }
    }

    fn into_meter_stages(self) -> MeterStages {
        let (window_start, window_end) = match self.samples.as_slice() {
            [start, end] => (start.server.clone(), end.server.clone()),
            // No window was ever reported: the counts of quotes say the rest.
            _ => (self.connected.clone(), self.connected.clone()),
        };
        MeterStages { connected: self.connected, window_start, window_end, drained: self.drained, closed: self.closed }
    }
}

async fn sleep_until(instant_ns: Option<u64>) {
    if let Some(instant_ns) = instant_ns {
        tokio::time::sleep(Duration::from_nanos(instant_ns.saturating_sub(monotonic_ns()))).await;
    }
}

/// When the server published which quote, from its log: u64, little-endian, at 8 × (seq − 1); 0 for never.
pub(crate) fn published_ns(mut log: &File) -> Result<Vec<u64>> {
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes).context("cannot read the log of published times")?;
    let (published, _) = bytes.as_chunks::<8>();
    Ok(published.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

/// published − due over the quotes of the window.
pub(crate) fn publisher_lateness(published: &[u64], load: &LoadSpec, start_ns: u64, window: &Window) -> Distribution {
    let mut plan = PlanTable::new(&load.feed);
    let mut histogram = new_histogram();
    let mut never = 0;
    for seq in window.first_seq.max(1)..=window.last_seq {
        match published.get(seq as usize - 1).copied() {
            Some(published_ns) if published_ns > 0 => {
                let late_ns = published_ns.saturating_sub(start_ns + plan.due_offset_ns(seq));
                histogram.saturating_record(late_ns.max(1));
            }
            _ => never += 1,
        }
    }
    Distribution::of(&histogram, never)
}

/// The first quotes of the stream, for the event log.
fn first_quotes(published: &[u64], load: &LoadSpec, start_ns: u64) -> Vec<LoggedQuote> {
    let mut plan = PlanTable::new(&load.feed);
    let quote = |(seq, published_ns): (u64, &u64)| LoggedQuote {
        seq,
        due_ns: plan.due_offset_ns(seq),
        published_ns: (*published_ns > 0).then(|| published_ns.saturating_sub(start_ns)),
    };
    (1..).zip(published.iter().take(LOGGED_QUOTES_MAX)).map(quote).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use wirerace_contract::meter::WireMeter;

    use super::*;

    /// A control port whose meter says the next of `meters` each time, and the last for ever.
    fn control_port(meters: Vec<WireMeter>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut left = meters.into_iter().peekable();
            while let Some(meter) = left.peek().cloned() {
                if stream.read(&mut [0; 4096]).unwrap_or(0) == 0 {
                    return;
                }
                let body = serde_json::to_string(&ControlSnapshot { meter, ..ControlSnapshot::default() }).unwrap();
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
                let seen = left.next();
                if left.peek().is_none() {
                    left = Vec::from_iter(seen).into_iter().peekable();
                }
            }
        });
        address
    }

    fn meter(connections_accepted: u64, connections_open: u64) -> WireMeter {
        WireMeter { connections_accepted, connections_open, ..WireMeter::default() }
    }

    async fn closed(meters: Vec<WireMeter>, deadline: Duration) -> WireMeter {
        let load = LoadSpec::default();
        let stages = Stages::new(ControlClient::new(control_port(meters)).unwrap(), &load, None);
        // Without an end of its own the wait would be the test's.
        let waited = tokio::time::timeout(Duration::from_secs(20), stages.all_closed(3, deadline)).await;
        waited.expect("it waits for ever").unwrap().meter
    }

    #[tokio::test]
    async fn closing_waits_for_the_last_and_for_what_is_still_to_be_accepted() {
        let meters = vec![meter(3, 2), meter(2, 0), meter(3, 1), meter(3, 0)];
        assert_eq!(closed(meters, Duration::from_secs(20)).await, meter(3, 0));
    }

    #[tokio::test]
    async fn what_does_not_close_in_time_is_told_and_costs_nothing_that_was_measured() {
        assert_eq!(closed(vec![meter(3, 2)], Duration::from_millis(20)).await, meter(3, 2));
        assert_eq!(closed(vec![meter(2, 0)], Duration::from_millis(20)).await, meter(2, 0));
    }
}
