//! A run that a page recorded, in the suite's own formats: what the page had when goes through the same recorder as the
//! arrivals of the suite's clients, and the bytes come from the same meters. What nobody measured is left out.

use std::fs::File;
use std::sync::Arc;

use tempfile::NamedTempFile;
use wirerace_clients::recorder::Recorder;
use wirerace_clients::target::{Event, TrafficCounters};
use wirerace_contract::clock::{NS_PER_MS, NS_PER_S, NS_PER_US};
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::meter::ControlSnapshot;
use wirerace_contract::plan::PlanTable;
use wirerace_contract::results::{
    ArmEntry, BrowserRun, Cell, ClientReport, Cpu, LoadUsage, Manifest, Measured, MeterStages, QuoteCounts, RunFile,
    SCHEMA_VERSION, Standing, Traffic, Trial, Window,
};
use wirerace_contract::spec::{Delivery, LoadSpec};

use super::knobs::Knobs;
use super::taken::{LaneTaken, Taken};
use crate::experiment::Experiment;
use crate::nearest::nearest;
use crate::{ledger, trial};

/// What the server knows of a run when its page sends what it has.
pub(super) struct Facts {
    pub(super) knobs: Knobs,
    pub(super) feed: FeedSpec,
    pub(super) started_utc: String,
    /// The instant that due times count from.
    pub(super) start_ns: u64,
    /// Now, nanoseconds since then.
    pub(super) now_ns: u64,
    /// The newest quote published.
    pub(super) newest: u64,
    /// Since when the knobs are what they are, nanoseconds since the start.
    pub(super) settled_ns: u64,
    /// What was changed on the way, a sentence each.
    pub(super) changed: Vec<String>,
    /// The log of published instants.
    pub(super) published: Arc<NamedTempFile>,
    pub(super) feed_slice_us: Option<u64>,
    pub(super) congestion_control: Option<String>,
    pub(super) lanes: Vec<LaneFacts>,
}

/// What the server knows of a lane.
pub(super) struct LaneFacts {
    pub(super) entry: ArmEntry,
    /// The meter when the first quote could be due.
    pub(super) connected: ControlSnapshot,
    /// The meter now.
    pub(super) now: ControlSnapshot,
}

/// The shortest window that says anything, nanoseconds.
const WINDOW_LEAST_NS: u64 = NS_PER_S;
/// Name of the experiment in files.
const EXPERIMENT: &str = "browser";

/// The run as a file.
///
/// # Errors
/// What the page sent and cannot be, or what there is too little of, in a sentence.
pub(super) fn record(facts: &Facts, taken: &Taken) -> Result<RunFile, String> {
    taken.check(facts.newest, facts.now_ns as f64 / 1e3)?;
    let known = || facts.lanes.iter().map(|lane| lane.entry.arm.name.as_str());
    if let Some(unknown) = taken.lanes.keys().find(|name| !known().any(|known| known == *name)) {
        return Err(nearest("lane", &unknown.chars().take(40).collect::<String>(), known()));
    }
    let mut plan = PlanTable::new(&facts.feed);
    let window = window(facts, taken, &mut plan)?;
    let cell = cell(facts, window);
    let published = published(facts).map_err(|error| format!("the log of published quotes cannot be read: {error}"))?;
    let mut maker = Maker { facts, cell: &cell, window, published, early: 0 };
    let mut trials = Vec::new();
    for lane in &facts.lanes {
        if let Some(shown) = taken.lanes.get(&lane.entry.arm.name) {
            trials.push(maker.trial(lane, shown, trials.len())?);
        }
    }
    if trials.is_empty() {
        return Err("there is no lane in this run: send the arrivals of at least one".to_owned());
    }
    let early = maker.early;
    let manifest = manifest(facts, taken, early, cell, &trials);
    Ok(RunFile { schema_version: SCHEMA_VERSION, manifest, trials })
}

/// The longest span within what the page asks for in which it was seen, no knob was turned, and quotes were published; a
/// whole number of intervals where it is as long as one.
fn window(facts: &Facts, taken: &Taken, plan: &mut PlanTable) -> Result<(u64, u64), String> {
    let ns = |us: f64| (us.max(0.0) * 1e3) as u64;
    let (from_ns, to_ns) = (ns(taken.window_us.0).max(facts.settled_ns), ns(taken.window_us.1).min(facts.now_ns));
    let to_ns = if plan.last_due_before(to_ns) > facts.newest { plan.due_offset_ns(facts.newest + 1) } else { to_ns };
    let seen = taken.longest_seen(from_ns as f64 / 1e3, to_ns as f64 / 1e3);
    let (from_ns, to_ns) = seen.map_or((0, 0), |(from_us, to_us)| (ns(from_us), ns(to_us)));
    let interval_ns = u64::from(facts.knobs.interval_ms) * NS_PER_MS;
    let length_ns = to_ns - from_ns;
    let length_ns = if length_ns >= interval_ns { length_ns / interval_ns * interval_ns } else { length_ns };
    let (first, last) = (plan.last_due_before(from_ns) + 1, plan.last_due_before(from_ns + length_ns));
    if length_ns < WINDOW_LEAST_NS || last < first {
        return Err(
            "there is less than a second in which the page was seen, no knob was turned and a quote was due: run longer"
                .to_owned(),
        );
    }
    Ok((from_ns, from_ns + length_ns))
}

fn cell(facts: &Facts, (from_ns, to_ns): (u64, u64)) -> Cell {
    let knobs = &facts.knobs;
    let load = LoadSpec {
        clients: 1,
        feed: facts.feed.clone(),
        path: knobs.path(),
        window_ms: (to_ns - from_ns) / NS_PER_MS,
        warm_up_max_ms: 0,
        ..LoadSpec::default()
    };
    let name = format!(
        "in a browser, all at once: {} quotes/s, polls each {} ms, round trip {} ms",
        knobs.rate_per_s, knobs.interval_ms, knobs.rtt_ms
    );
    Cell { name, load, exact: false }
}

/// When each quote was published, in the order of their numbers.
fn published(facts: &Facts) -> anyhow::Result<Vec<u64>> {
    trial::published_ns(&File::open(facts.published.path())?)
}

fn manifest(facts: &Facts, taken: &Taken, early: u64, cell: Cell, trials: &[Trial]) -> Manifest {
    let of_trial = |trial: &Trial| ArmEntry { arm: trial.arm.clone(), descriptor: trial.descriptor.clone() };
    let experiment = Experiment {
        name: EXPERIMENT.to_owned(),
        question: "How do the arms compare in one browser, all at once?".to_owned(),
        arms: trials.iter().map(of_trial).collect(),
        cells: vec![cell],
        blocks: 1,
        ..Experiment::default()
    };
    let mut manifest = experiment.manifest(facts.knobs.seed, None);
    manifest.started_utc.clone_from(&facts.started_utc);
    manifest.environment.feed_slice_us = facts.feed_slice_us;
    manifest.environment.congestion_control = facts.congestion_control.clone().unwrap_or_default();
    manifest.browser = Some(BrowserRun {
        user_agent: taken.user_agent(),
        offset_error_us: taken.offset_error_us.round() as u64,
        early,
        hidden_us: taken.hidden_us(),
        changed: facts.changed.clone(),
    });
    manifest
}

/// What all trials of the run share.
struct Maker<'a> {
    facts: &'a Facts,
    cell: &'a Cell,
    window: (u64, u64),
    published: Vec<u64>,
    /// Arrivals before their quote was published.
    early: u64,
}

impl Maker<'_> {
    fn trial(&mut self, lane: &LaneFacts, shown: &LaneTaken, before: usize) -> Result<Trial, String> {
        let entry = self.entry(lane);
        let client = self.client(lane, shown)?;
        let server = stages(lane);
        let publisher_lateness =
            trial::publisher_lateness(&self.published, &self.cell.load, self.facts.start_ns, &client.window);
        let ledger = ledger::ledger(&server, entry.descriptor.delivers);
        Ok(Trial {
            schema_version: SCHEMA_VERSION,
            cell: self.cell.name.clone(),
            block: 1,
            position: before as u32 + 1,
            attempt: 1,
            started_utc: self.facts.started_utc.clone(),
            arm: entry.arm,
            descriptor: entry.descriptor,
            load: self.cell.load.clone(),
            standing: Standing::Valid,
            reasons: Vec::new(),
            measured: Some(Measured { client, server, publisher_lateness, ledger, cpu: Cpu::default(), link: None }),
        })
    }

    /// The arm as the page asked for it.
    fn entry(&self, lane: &LaneFacts) -> ArmEntry {
        let (mut entry, knobs) = (lane.entry.clone(), &self.facts.knobs);
        let is_planned = entry.descriptor.delivers == Delivers::Planned;
        entry.arm.delivery = knobs.delivery;
        // Every quote is pushed without an interval.
        let has_interval = is_planned || knobs.delivery == Delivery::Newest;
        entry.arm.interval_ms = if has_interval { knobs.interval_ms } else { 0 };
        entry
    }

    /// What the recorder makes of the arrivals.
    fn client(&mut self, lane: &LaneFacts, shown: &LaneTaken) -> Result<ClientReport, String> {
        let (facts, load) = (self.facts, &self.cell.load);
        let mut recorder =
            Recorder::new(1, facts.knobs.delivery, &load.feed, Arc::new(TrafficCounters::default()), false);
        recorder.start(facts.start_ns, Some(facts.published.path()));
        recorder.event(0, Event::Connected { epoch: None });
        recorder.settle_clients();
        let window = recorder.open_window(self.window.0, self.window.1, true);
        let payload_bytes = load.feed.payload_bytes_in(lane.entry.arm.encoding).map_err(|error| error.to_string())?;
        let arrivals = self.arrivals(shown);
        for (received_ns, seq) in &arrivals {
            let payload_bytes = payload_bytes as u32;
            recorder.event(0, Event::Quote { seq: *seq, received_ns: *received_ns, payload_bytes });
        }
        let mut report = recorder.report(LoadUsage::default());
        let handed_over = lane.now.meter.quotes_out;
        let whole = whole_life(&report, &arrivals, &window);
        if whole.received > handed_over {
            return Err(format!(
                "{}: {} quotes received, and the server handed over {handed_over}",
                lane.entry.arm.name, whole.received
            ));
        }
        report.quotes = whole;
        report.traffic = traffic(lane, shown, arrivals.len() * payload_bytes);
        Ok(report)
    }

    /// Instant and number of what was shown, in the order of time. None is before its quote was published: there the
    /// page's clock is off.
    fn arrivals(&mut self, shown: &LaneTaken) -> Vec<(u64, u64)> {
        let mut arrivals = Vec::with_capacity(shown.received.len());
        for (seq, at_us) in &shown.received {
            let at_ns = (self.facts.start_ns as i64 + (at_us * NS_PER_US as f64) as i64).max(0) as u64;
            let published_ns = self.published.get(*seq as usize - 1).copied().unwrap_or(0);
            self.early += u64::from(at_ns < published_ns);
            arrivals.push((at_ns.max(published_ns), *seq));
        }
        arrivals.sort_unstable();
        arrivals
    }
}

/// Counts over the whole run, which the meter's bytes belong to: the recorder counts up to the window's end only. What a
/// page had not yet when it sent this is not lost; what was lost is known within the window.
fn whole_life(report: &ClientReport, arrivals: &[(u64, u64)], window: &Window) -> QuoteCounts {
    let mut after: Vec<u64> = arrivals.iter().map(|(_, seq)| *seq).filter(|seq| *seq > window.last_seq).collect();
    after.sort_unstable();
    after.dedup();
    let received = report.quotes.received + after.len() as u64;
    QuoteCounts { received, planned: received + report.quotes.superseded + report.quotes.lost, ..report.quotes }
}

fn traffic(lane: &LaneFacts, shown: &LaneTaken, payload_bytes: usize) -> Traffic {
    let is_planned = lane.entry.descriptor.delivers == Delivers::Planned;
    let (issued, skipped) = if is_planned { (shown.requests, shown.skipped) } else { (0, 0) };
    Traffic {
        // A page does not see its connections; the server does.
        connections_dialled: lane.now.meter.connections_accepted,
        requests: shown.requests,
        polls_planned: issued + skipped,
        polls_issued: issued,
        polls_skipped: skipped,
        polls_empty: shown.empty,
        payload_bytes: payload_bytes as u64,
        ..Traffic::default()
    }
}

/// The meter at the instants that a trial has. Nobody read it at the window's ends, which only CPU time is taken from.
fn stages(lane: &LaneFacts) -> MeterStages {
    let (connected, now) = (lane.connected.clone(), lane.now.clone());
    MeterStages {
        window_start: connected.clone(),
        connected,
        window_end: now.clone(),
        drained: now.clone(),
        closed: now,
    }
}
