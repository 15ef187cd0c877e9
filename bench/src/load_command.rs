//! `wirerace load`: clients alone, for people; and the load process of a trial.

use std::io::BufRead;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use wirerace_clients::load::{self, Command, LoadSetup, Report};
use wirerace_contract::messages::Health;
use wirerace_contract::results::{ArmEntry, ClientReport};
use wirerace_contract::spec::{Delivery, LoadSpec};

use crate::child_lines::{read_line, write_line};
use crate::cli::LoadArguments;
use crate::failure::Failure;
use crate::output::{count, line, note};
use crate::{child, commands, environment, pinning, registry};

/// What the load process of a trial is told, by the first line on stdin; commands follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadChild {
    /// The load.
    pub setup: LoadSetup,
    /// Processor to be pinned to.
    pub cpu: Option<u32>,
}

/// Loads a server and prints what arrived, or does what a parent says.
///
/// # Errors
/// When the request is wrong or the server cannot be reached.
pub fn load(arguments: &LoadArguments) -> Result<(), Failure> {
    environment::raise_descriptors_max();
    if arguments.child {
        child::follow_parent_to_the_end();
        return load_child();
    }
    let mut entry = registry::arm(&arguments.arm, arguments.interval_ms).map_err(Failure::Usage)?;
    if arguments.delivery == Delivery::Newest {
        entry.arm.delivery = Delivery::Newest;
        entry.arm.interval_ms = arguments.interval_ms;
    }
    let report = commands::runtime()?.block_on(load_alone(arguments, &entry))?;
    print_report(&entry, &report)?;
    // What was lost because the server went away is no property of a transport.
    if report.quotes.lost > 0 && commands::runtime()?.block_on(health(arguments)).is_err() {
        return Err(Failure::Failed(format!("the server at {} went away during the measurement", arguments.to)));
    }
    Ok(())
}

fn load_child() -> Result<(), Failure> {
    let told: LoadChild = read_line()?;
    if let Some(cpu) = told.cpu {
        pinning::pin_to(cpu).map_err(Failure::Failed)?;
    }
    let row = registry::row(&told.setup.arm.transport).map_err(Failure::Usage)?;
    let (commands, commanded) = mpsc::channel(8);
    // Stdin has no readiness to wait for; a thread of its own blocks on it. When it ends so does the parent.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let command = line.ok().and_then(|line| serde_json::from_str::<Command>(&line).ok());
            let Some(command) = command else { break };
            if commands.blocking_send(command).is_err() {
                break;
            }
        }
    });
    commands::runtime()?.block_on(async {
        let (reports, mut reported) = mpsc::channel::<Report>(8);
        let saying = async {
            while let Some(report) = reported.recv().await {
                write_line(&report)?;
            }
            anyhow::Ok(())
        };
        let loading = load::run(told.setup, row.arrivals, commanded, reports);
        let (loaded, said) = tokio::join!(loading, saying);
        said?;
        loaded.map_err(|error| Failure::Failed(error.to_string()))
    })
}

/// Runs against a server that is there already, whose feed has started.
async fn load_alone(arguments: &LoadArguments, entry: &ArmEntry) -> Result<ClientReport, Failure> {
    let health = health(arguments).await?;
    let start_ns =
        health.start_ns.ok_or_else(|| Failure::Failed("the server's feed has not started yet".to_owned()))?;
    let load = LoadSpec {
        clients: arguments.clients,
        feed: health.feed,
        window_ms: arguments.seconds * 1_000,
        ..LoadSpec::default()
    };
    let setup = LoadSetup {
        arm: entry.arm.clone(),
        load,
        address: arguments.to,
        seed: arguments.seed,
        published_log: None,
        progress_ms: None,
        start_ns: Some(start_ns),
    };
    let row = registry::row(&entry.arm.transport).map_err(Failure::Usage)?;
    let (commands, commanded) = mpsc::channel(8);
    let (reports, mut reported) = mpsc::channel(8);
    let following = async {
        let gone = |_| Failure::Failed("the load ended by itself".to_owned());
        while let Some(report) = reported.recv().await {
            match report {
                Report::Connected { .. } => {
                    note(format!("connected: {}", count(arguments.clients as usize, "client")));
                    commands.send(Command::Start { start_ns }).await.map_err(gone)?;
                }
                Report::Window { .. } => note(format!("measuring for {} s", arguments.seconds)),
                Report::Drained => commands.send(Command::Close).await.map_err(gone)?,
                Report::Done(report) => return Ok(*report),
                Report::Failed(why) => return Err(Failure::Failed(why)),
                Report::Progress(_) => {}
            }
        }
        Err(Failure::Failed("the load ended without a report".to_owned()))
    };
    let loading = load::run(setup, row.arrivals, commanded, reports);
    tokio::select! {
        () = commands::interrupted() => Err(Failure::Interrupted("interrupted before the window ended".to_owned())),
        (loaded, report) = async { tokio::join!(loading, following) } => {
            loaded.map_err(|error| Failure::Failed(error.to_string()))?;
            report
        }
    }
}

async fn health(arguments: &LoadArguments) -> Result<Health, Failure> {
    let to = arguments.to;
    let unreachable = |error: reqwest::Error| {
        Failure::Failed(format!(
            "no server answers at {to} ({}): start one with `wirerace serve`, or name another with --to",
            root(&error)
        ))
    };
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().map_err(unreachable)?;
    let answer = client.get(format!("http://{to}/health")).send().await.map_err(unreachable)?;
    let body = answer.bytes().await.map_err(unreachable)?;
    serde_json::from_slice(&body).map_err(|error| {
        Failure::Failed(format!(
            "{to}/health does not answer as the contract says ({error}): is this a server to race?"
        ))
    })
}

/// The innermost cause, which says what happened; the outer ones say where.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn print_report(entry: &ArmEntry, report: &ClientReport) -> Result<(), Failure> {
    let ms = |ns: Option<u64>| ns.map_or_else(|| "infinite".to_owned(), |ns| format!("{:.2} ms", ns as f64 / 1e6));
    let (quotes, lateness, traffic) = (&report.window_quotes, &report.lateness, &report.traffic);
    line(format!("{} ({})", entry.arm.name, entry.descriptor.title))?;
    line(format!(
        "quotes     {} of {} received, {} lost (they count as infinitely late), {} superseded",
        quotes.received, quotes.planned, quotes.lost, quotes.superseded
    ))?;
    line(format!("lateness   p50 {}, p99 {}, max {}", ms(lateness.p50_ns), ms(lateness.p99_ns), ms(lateness.max_ns)))?;
    line(format!(
        "staleness  mean {:.2} ms, wrong price {:.1} % of the time",
        report.staleness.mean_ns / 1e6,
        report.staleness.wrong_price_share * 100.0
    ))?;
    line(format!(
        "traffic    {}, {}, {} empty polls, {}",
        count(traffic.connections_dialled as usize, "connection"),
        count(traffic.requests as usize, "request"),
        traffic.polls_empty,
        count(traffic.reconnects as usize, "reconnect")
    ))?;
    for error in &report.errors {
        line(format!("error      {error}"))?;
    }
    line(
        "One window, no spread: to compare, use `wirerace run`. Lateness counts from the server's plan on this host's clock.",
    )
}
