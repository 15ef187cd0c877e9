//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wirerace_contract::feed::Arrivals;
use wirerace_contract::spec::Delivery;

use crate::advise_command::AdviseArguments;
use crate::check_command::CheckArguments;
use crate::compare_command::CompareArguments;
use crate::demo::DemoArguments;
use crate::race::Named;
use crate::verify_command::VerifyArguments;

/// polling, long polling, SSE or WebSocket: what does each really cost?
#[derive(Parser, Debug)]
#[command(version, about, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  wirerace race                                the five arms at once, 20 seconds
  wirerace race --server mine=http://127.0.0.1:8000
  wirerace run transports                      the comparison, block by block, with a report
  wirerace run list                            what can be asked, and how long each takes
  wirerace run all --quick                     a look at every question; prints first how long it takes
  wirerace run rate mine.toml --publish        twelve blocks each; prints first how long that takes
  wirerace run --resume results/20260131T091500Z-transports
  wirerace report results/20260131T091500Z-transports
  wirerace report results/20260131T091500Z-transports --chart bytes --format png --theme print -o bytes.png
  wirerace compare results/A results/B         two runs: what changed, with intervals
  wirerace advise --rate 5/s --clients 20000 --staleness 1s --rtt 80ms
  wirerace claims                              what tutorials say, and what the runs say
  wirerace check answers_1.toml                a lab sheet of notebooks/lab: pass, near or fail, and why
  wirerace demo                                the arms side by side in your browser, live
  wirerace serve --port 8080                   then: curl 'http://127.0.0.1:8080/quotes?after=0'
  wirerace load --arm ws --to 127.0.0.1:8080 --clients 10
  wirerace verify http://127.0.0.1:8080        does this server speak the contract? rule by rule

Exit codes: 0 done, 1 something failed, 2 bad usage, 3 void trials or none that can be used, 130 interrupted (what is done is kept).";

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// The five default arms at once at a small load, with a live table and an indicative verdict: about 20 seconds.
    Race(RaceArguments),
    /// Runs an experiment block by block and writes its report; `limits` measures the suite's own targets.
    Run(RunArguments),
    /// Draws charts and writes report.html, report.md, summary.csv and summary.json from a run's files.
    Report(ReportArguments),
    /// Two runs: what changed, with intervals.
    Compare(CompareArguments),
    /// Which way to take for a rate, a number of clients and a staleness that you name: ranked by measured and modelled cost.
    Advise(AdviseArguments),
    /// What tutorials say, and what the numbers say: 25 claims with verdicts that can be traced to their trials.
    Claims(ClaimsArguments),
    /// Judges the answers of a lab sheet: pass, near or fail, and why.
    Check(CheckArguments),
    /// One page in a browser on which the same quotes arrive over every transport, live: for a class, or to see it.
    Demo(DemoArguments),
    /// One server alone, for curl, other machines and other clients.
    Serve(ServeArguments),
    /// Clients alone, against a server that speaks the contract.
    Load(LoadArguments),
    /// Does a server speak the contract? Rule by rule, with the request to repeat each.
    Verify(VerifyArguments),
    /// What this machine can measure, and what limits to expect.
    Doctor,
    /// Prints the completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Times packets over the emulated link of this machine.
    #[command(hide = true)]
    Link(LinkArguments),
    /// What `cargo bench` compares.
    #[command(hide = true)]
    Comparisons {
        /// Folder for results.
        results: PathBuf,
        /// What was said to the bench.
        #[arg(last = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Plays a role in `limits`, told on stdin.
    #[command(hide = true)]
    Part,
    /// Writes the JSON Schemas of the result files.
    #[command(hide = true)]
    Schemas {
        /// Folder to write them to.
        dir: PathBuf,
    },
}

/// Arguments of `race`.
#[derive(Args, Debug)]
pub struct RaceArguments {
    /// Length of the measured window, seconds (the whole takes about seven seconds more).
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Simulated users of each arm.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub clients: u32,
    /// Quotes per second.
    #[arg(long, default_value_t = 10.0, allow_negative_numbers = true)]
    pub rate: f64,
    /// Distance of polls, milliseconds.
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub interval_ms: u32,
    /// Seed of the quotes and of the polls' phases.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only these arms, separated by commas: poll-close, poll, long-poll, sse, ws.
    #[arg(long, value_delimiter = ',')]
    pub arms: Vec<String>,
    /// Keep the result under this folder, with a report.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Race this server of yours beside ours; may stand there several times. What needs our meter is not available of it.
    #[arg(long, value_name = "NAME=URL")]
    pub server: Vec<Named>,
}

/// Arguments of `link`.
#[derive(Args, Debug)]
pub struct LinkArguments {
    /// Only say whether there can be one: nothing when it works, else what is refused.
    #[arg(long)]
    pub probe: bool,
    /// Delay one way, microseconds.
    #[arg(long, default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(0..=60_000_000))]
    pub delay_us: u64,
    /// Packets per second each way.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub packets_per_s: u64,
    /// For how long, seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// For programs: both distributions as one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArguments {
    /// Names of experiments (`wirerace run list` lists them), `all`, `limits`, `self-test`, or files ending in .toml.
    /// Default: transports.
    pub experiments: Vec<String>,
    /// A look: the cells marked for it, short windows and intervals, and as many blocks as fit into ten minutes in all.
    #[arg(long, conflicts_with = "publish")]
    pub quick: bool,
    /// For publication: all cells, twelve blocks. May be interrupted and gone on with by --resume.
    #[arg(long)]
    pub publish: bool,
    /// How often every arm is measured in every cell; intervals need 6. For `limits`: pairs of each part that compares, 12
    /// if left out.
    #[arg(long)]
    pub blocks: Option<u32>,
    /// Only these arms, separated by commas: poll-close, poll, long-poll, sse, ws.
    #[arg(long, value_delimiter = ',')]
    pub arms: Vec<String>,
    /// Simulated users, instead of the experiment's own number.
    #[arg(long)]
    pub clients: Option<u32>,
    /// Every cell over the emulated link, with this round trip in milliseconds: 0, 30, 200 and 1000 are what the suite uses.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub rtt: Option<u32>,
    /// Seed of the order of trials and of the polls' phases.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Folder under which runs are kept.
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub out: PathBuf,
    /// Go on with an interrupted run.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["experiments", "blocks", "arms", "clients", "rtt", "seed", "quick", "publish"])]
    pub resume: Option<PathBuf>,
    /// Do not pin the two processes to processors of their own.
    #[arg(long)]
    pub no_pin: bool,
    /// `limits` and `self-test` only: fewer pairs and smaller loads, to see that everything works. Its figures decide nothing.
    #[arg(long)]
    pub smoke: bool,
    /// `limits` only: these parts, separated by commas: link, push, saturated, polling, meter, publisher, memory, scale, soak.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct ReportArguments {
    /// Folders of runs, or files that the demo's page handed out. Default: the newest folder under results.
    pub dirs: Vec<PathBuf>,
    /// How the table on stdout is written (text by default), or, with --chart, how the picture is (svg by default).
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// One picture alone.
    #[command(flatten)]
    pub picture: PictureArguments,
}

/// One picture instead of a report.
#[derive(Args, Debug)]
pub struct PictureArguments {
    /// Draw this chart alone and write nothing else: percentiles, bytes, decision-map … (a wrong name lists them all).
    #[arg(long, value_name = "NAME")]
    pub chart: Option<String>,
    /// Of this cell: its name, or its number in the report, from 1. Needed where the run has several.
    #[arg(long, value_name = "CELL", requires = "chart")]
    pub cell: Option<String>,
    /// For which background; print is grey.
    #[arg(long, value_enum, default_value_t = ThemeName::Light, requires = "chart")]
    pub theme: ThemeName,
    /// Width in pixels, 200 to 6000. Default: 1600 as PNG, the drawing's own 760 as SVG.
    #[arg(long, value_name = "PX", requires = "chart")]
    pub width: Option<u32>,
    /// With --chart the file of the picture (default: standard output); without it the folder of the report (default: the
    /// run's own, or one beside its file).
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
}

/// Backgrounds of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ThemeName {
    /// White paper, in colour.
    Light,
    /// Dark screens.
    Dark,
    /// White paper, greys only.
    Print,
}

/// How a report's table is written, or a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Columns for a terminal.
    Text,
    /// A Markdown table.
    Markdown,
    /// Comma-separated values.
    Csv,
    /// The whole summary.
    Json,
    /// A picture of lines and text; only with --chart.
    Svg,
    /// A picture of pixels; only with --chart.
    Png,
}

/// Arguments of `claims`.
#[derive(Args, Debug)]
pub struct ClaimsArguments {
    /// Folders of runs, or folders that hold some. Default: the newest run of each experiment under results.
    pub dirs: Vec<PathBuf>,
    /// How the table on stdout is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Compare with the recorded verdicts; ends with 1 if one differs.
    #[arg(long, conflicts_with_all = ["record", "tables"])]
    pub check: bool,
    /// Record the verdicts, and beside them the exchanges that show what is shown.
    #[arg(long, conflicts_with = "tables")]
    pub record: bool,
    /// Print published tables beside what was derived and measured, instead of the claims.
    #[arg(long)]
    pub tables: bool,
    /// Where verdicts are recorded.
    #[arg(long, value_name = "FILE", default_value = "results/claims.json")]
    pub recorded: PathBuf,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for a terminal.
    Text,
    /// A Markdown table.
    Markdown,
    /// Comma-separated values.
    Csv,
    /// The whole summary.
    Json,
}

/// How an answer is written that is more than a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    /// For a terminal.
    Text,
    /// For an issue or an article.
    Markdown,
    /// For programs.
    Json,
}

impl From<Format> for crate::report::table::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Markdown => Self::Markdown,
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
        }
    }
}

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArguments {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: std::net::IpAddr,
    /// Port of the quotes; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Port of the meter and the feed's control, on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub control_port: u16,
    /// Only this transport: polling, long_polling, sse or websocket. Default: all on one port.
    #[arg(long)]
    pub transport: Option<String>,
    /// Holds back every byte for this long in each direction, milliseconds, to play a distance; left out, there is no
    /// delay at all. Change it on the way: curl -X POST 'http://CONTROL/delay?one_way_us=N'.
    #[arg(long, allow_negative_numbers = true)]
    pub delay_ms: Option<f64>,
    /// Total bytes of each response head, filled up with a field `x-pad`; 0 leaves heads as they come. A head that needs
    /// more is answered 400.
    #[arg(long, default_value_t = 0)]
    pub response_head_bytes: u32,
    /// The feed.
    #[command(flatten)]
    pub feed: FeedArguments,
    /// Started by another wirerace: reads its orders from stdin.
    #[arg(long, hide = true)]
    pub child: bool,
}

/// What a feed is told to do.
#[derive(Args, Debug)]
pub struct FeedArguments {
    /// Seed of the quotes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Quotes per second over the whole stream.
    #[arg(long, default_value_t = 10.0, allow_negative_numbers = true)]
    pub rate: f64,
    /// How many symbols take turns.
    #[arg(long, default_value_t = 4)]
    pub symbols: u16,
    /// How quotes follow each other: periodic, poisson, or bursts-N.
    #[arg(long, default_value = "poisson")]
    pub arrivals: Arrivals,
    /// Size of an encoded quote, bytes; 0 means the encoding's own.
    #[arg(long, default_value_t = 0)]
    pub payload_bytes: u32,
}

/// Arguments of `load`.
#[derive(Args, Debug)]
pub struct LoadArguments {
    /// The arm: poll-close, poll, long-poll, sse or ws.
    #[arg(long, default_value = "ws")]
    pub arm: String,
    /// The server, as HOST:PORT.
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = parse_address)]
    pub to: SocketAddr,
    /// Simulated users.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=19_000))]
    pub clients: u32,
    /// Length of the measured window, seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Distance of polls, milliseconds.
    #[arg(long, default_value_t = 250)]
    pub interval_ms: u32,
    /// Which quotes: every or newest.
    #[arg(long, value_parser = parse_delivery, default_value = "every")]
    pub delivery: Delivery,
    /// Seed of the polls' phases.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Started by another wirerace: reads its orders from stdin.
    #[arg(long, hide = true)]
    pub child: bool,
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let found = std::net::ToSocketAddrs::to_socket_addrs(text).ok().and_then(|mut found| found.next());
    found.ok_or_else(|| "allowed is HOST:PORT, for example 127.0.0.1:8080".into())
}

fn parse_delivery(text: &str) -> Result<Delivery, String> {
    match text {
        "every" => Ok(Delivery::Every),
        "newest" => Ok(Delivery::Newest),
        _ => Err("allowed are every and newest".into()),
    }
}
