//! What is true of a whole run: the question, what is compared, the machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::descriptor::Descriptor;
use crate::spec::{Arm, LoadSpec};

/// `manifest.json`: what is true of a whole run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// See [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// Version of wirerace.
    pub software: String,
    /// The commit it was built from, if known, with `+` when the tree was changed.
    pub commit: Option<String>,
    /// The experiment's name.
    pub experiment: String,
    /// The question it asks, in one sentence.
    pub question: String,
    /// What its author expected, written down before the run; empty where nothing was.
    #[serde(default)]
    pub prediction: String,
    /// What result would have changed the author's mind.
    #[serde(default)]
    pub change_our_mind: String,
    /// Numbers of the claims that it helps to decide.
    #[serde(default)]
    pub claims: Vec<u32>,
    /// What counts as equal in it.
    #[serde(default)]
    pub margins: Margins,
    /// Whether it was a quick run: fewer cells and blocks, shorter windows. A look, not a result.
    #[serde(default)]
    pub quick: bool,
    /// When it began, UTC, ISO 8601.
    pub started_utc: String,
    /// Seed of the order of trials, of phases, and through them of everything random outside the feed.
    pub seed: u64,
    /// How many blocks were planned.
    pub blocks: u32,
    /// How often a block is repeated that the machine disturbed.
    pub repeats_of_tainted: u32,
    /// The arms, in the order of charts and tables.
    pub arms: Vec<ArmEntry>,
    /// The cells: settings under which the arms are compared.
    pub cells: Vec<Cell>,
    /// The machine and its settings.
    pub environment: Environment,
    /// What the machine could do at best just before; `null` in files written before runs were calibrated, and where it
    /// could not be measured.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// What the newest self-test found that was kept beside this run when it began; `null` where there was none.
    #[serde(default)]
    pub self_test: Option<SelfTestSummary>,
    /// What is true of a run that a browser's page recorded, instead of the suite's own load; left out of all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<BrowserRun>,
}

/// A run recorded by a browser's page: one trial per arm, all at once, and a client that nothing is known of but what the
/// page told.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct BrowserRun {
    /// What the browser calls itself.
    pub user_agent: String,
    /// How far the page's clock may be off the server's, microseconds: half of the shortest round trip that it saw. It is
    /// part of every lateness.
    pub offset_error_us: u64,
    /// Arrivals that lay before their quote was published by the page's clock, and count as if they came at that instant.
    #[serde(default)]
    pub early: u64,
    /// Spans in which the page was hidden or asleep, microseconds since the feed started. None lies in the window.
    #[serde(default)]
    pub hidden_us: Vec<(u64, u64)>,
    /// What was changed while the run went on, a sentence each. The window begins after the last.
    #[serde(default)]
    pub changed: Vec<String>,
}

/// A whole run in one file, as the demo's page hands it out: what else stands in two files of a folder.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunFile {
    /// See [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// What is true of all of it.
    pub manifest: Manifest,
    /// One per arm.
    pub trials: Vec<super::Trial>,
}

/// A self-test in short: whether the suite can tell, on the machine that made the run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SelfTestSummary {
    /// When it began, UTC, ISO 8601.
    pub started_utc: String,
    /// The commit it was built from, if known, with `+` when the tree was changed.
    pub commit: Option<String>,
    /// Whether it was built with optimisation.
    pub optimised: bool,
    /// One for each comparison.
    pub rows: Vec<SelfTestRow>,
}

/// One comparison of a self-test.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SelfTestRow {
    /// The arm.
    pub arm: String,
    /// What it was compared with: itself, or itself with something put in on purpose.
    pub what: String,
    /// In which quantity.
    pub quantity: String,
    /// Share of the drawn comparisons that came out as *differs*, 0 to 1; `null` with too few blocks to draw from.
    pub share: Option<f64>,
    /// From which share to which it should be; `null` for what is told without a target.
    pub target: Option<(f64, f64)>,
    /// What came of it.
    pub standing: SelfTestStanding,
    /// Binomial interval of the share where its comparisons share no block; `null` elsewhere.
    #[serde(default)]
    pub interval: Option<(f64, f64)>,
}

/// What came of one comparison of a self-test.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SelfTestStanding {
    /// The share is within its target.
    Met,
    /// It is not.
    Missed,
    /// There is no target.
    Told,
    /// There were too few blocks to draw from, or too few pairs to say whether the share is off by chance: nothing is said.
    TooFewBlocks,
}

/// What the machine could do at best, measured in some seconds just before a run, on the processors of server and load.
/// No transport can be better: it is the floor in charts.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// woken − planned of a thread that sleeps as the feed does, nanoseconds: median.
    pub timer_error_p50_ns: u64,
    /// 99th percentile of it.
    pub timer_error_p99_ns: u64,
    /// There and back between two plain sockets, one on either processor, nanoseconds: median.
    pub ping_pong_p50_ns: u64,
    /// 99th percentile of it.
    pub ping_pong_p99_ns: u64,
    /// received − published over feed → one plain socket → reader, nanoseconds: median. The least that transit can be.
    pub chain_p50_ns: u64,
    /// 99th percentile of it.
    pub chain_p99_ns: u64,
    /// One `send` of a 122-byte message (a WebSocket frame with a quote of 120 bytes) while a reader waits for it,
    /// nanoseconds: median.
    pub write_ns: u64,
    /// From asking to the answer in hand, of a poll over a kept connection that finds no quote, nanoseconds: median.
    #[serde(default)]
    pub exchange_ns: u64,
    /// The part of it from the instant at which the server has the request in hand, nanoseconds: median.
    #[serde(default)]
    pub answer_ns: u64,
    /// What one more poll at the same instant adds to when the last of all has its answer, nanoseconds: median. Server and
    /// clients work side by side, so this is what the slower of the two takes for each.
    #[serde(default)]
    pub occupancy_ns: u64,
    /// What one more held request adds to when the last of all has its answer, where one quote answers them; nanoseconds:
    /// median.
    #[serde(default)]
    pub held_answer_ns: u64,
    /// What the load's recorder takes for one arrival, nanoseconds.
    pub recorder_ns: u64,
    /// What quotes took in a rehearsal on one host; `null` where none was held, and in older files.
    #[serde(default)]
    pub loopback: Option<Rehearsal>,
    /// The same over an emulated link, without its distance; `null` where no cell has one, and in older files.
    #[serde(default)]
    pub link: Option<Rehearsal>,
}

/// Shares of all quotes at which a rehearsal tells how late they were: closer together towards the end, where the few
/// are that came much later than the others.
pub const REHEARSED_SHARES: [f64; 32] = [
    0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84, 0.87, 0.9,
    0.92, 0.94, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 1.0,
];

/// What the suite's own server and clients take over one path, whatever its distance: measured with a short feed before the
/// trials and apart from them.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Rehearsal {
    /// From asking to the answer in hand, of a poll over a kept connection that finds no quote, less both ways,
    /// nanoseconds: median.
    pub exchange_ns: u64,
    /// The part of it from the instant at which the server has the request in hand, less one way, nanoseconds: median.
    pub answer_ns: u64,
    /// The whole again where polls are 20 ms apart, so that both sides have slept; 0 in older files.
    #[serde(default)]
    pub rested_exchange_ns: u64,
    /// Its part from the instant at which the server has the request in hand; 0 in older files.
    #[serde(default)]
    pub rested_answer_ns: u64,
    /// What one more poll at the same instant adds to when the last of all has its answer, nanoseconds: median.
    pub occupancy_ns: u64,
    /// What one more held request adds to when the last of all has its answer, nanoseconds: median.
    pub held_answer_ns: u64,
    /// Quotes that are pushed, over all transports that push.
    pub pushed: RehearsedQuotes,
    /// Quotes that find requests held, over all transports that hold them.
    pub held: RehearsedQuotes,
    /// Whether the machine was disturbed each time that it was tried: theory then knows its times less well.
    #[serde(default)]
    pub disturbed: bool,
}

/// How late a rehearsal's quotes were, beyond the path's distance.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RehearsedQuotes {
    /// received − due − one way, at the first client that had the quote, at [`REHEARSED_SHARES`] of all quotes; nanoseconds.
    pub first_ns: [u64; 32],
    /// How much later each further client had it, nanoseconds: median.
    pub further_ns: u64,
}

/// An arm with the descriptor of its transport.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ArmEntry {
    /// The arm.
    pub arm: Arm,
    /// Its transport.
    pub descriptor: Descriptor,
}

/// Shares of difference, 0 to 1, within which two arms are called equal; `null` for the usual one (3 % of bytes, counts
/// and lateness, 10 % of CPU).
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Margins {
    /// Of bytes, memory and counts.
    #[serde(default)]
    pub bytes: Option<f64>,
    /// Of lateness and staleness.
    #[serde(default)]
    pub lateness: Option<f64>,
    /// Of CPU time.
    #[serde(default)]
    pub cpu: Option<f64>,
}

/// A setting under which arms are compared.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Short and unique within the run, for example `10 clients, 20 quotes/s`.
    pub name: String,
    /// What every arm carries in it.
    pub load: LoadSpec,
    /// Whether only exact quantities are read off it (bytes, connections, counts): then it runs in the first block alone.
    #[serde(default)]
    pub exact: bool,
}

/// The machine and its settings. No host name, no user name, no path.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Operating system and kernel release.
    pub system: String,
    /// Processor model.
    pub processor: String,
    /// Processors that this process may use.
    pub cpus: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Virtual machine monitor, if one shows itself.
    pub hypervisor: Option<String>,
    /// Which processors server and load were pinned to; `null` where they were not.
    pub pinning: Option<Pinning>,
    /// Scheduler slice of the feed's thread, microseconds; `null` where the kernel offers none.
    pub feed_slice_us: Option<u64>,
    /// Congestion control on every socket.
    pub congestion_control: String,
    /// `TCP_MAXSEG` on the listening socket; 0 means the path's own.
    pub max_segment_bytes: u32,
    /// Limit of open files.
    pub descriptors_max: u64,
    /// Compiler that built this.
    pub toolchain: String,
    /// Whether it was built with optimisation.
    pub optimised: bool,
    /// Versions of the libraries that carry the traffic.
    pub crates: Vec<String>,
}

/// Processors of the two processes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pinning {
    /// The server's processor.
    pub server_cpu: u32,
    /// The load's processor.
    pub load_cpu: u32,
}
