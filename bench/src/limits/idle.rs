//! Memory of connections that have nothing to do, and of a load that runs for ten minutes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use wirerace_clients::load::{Command, LoadSetup, Report};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::spec::LoadSpec;

use super::measure::{Bench, even_feed};
use super::scale::measure_arm;
use super::verdict::{Figure, Side};
use crate::child::Process;
use crate::load_command::LoadChild;
use crate::registry;

/// Arm and largest resident memory of the server per idle connection, KiB.
const IDLE: [(&str, f64); 3] = [("ws", 5.0), ("sse", 24.0), ("long-poll", 24.0)];
const SILENCE: Duration = Duration::from_secs(120);

/// Resident bytes of (server, load) with so many idle clients.
async fn resident(bench: &Bench, arm: &str, clients: u32) -> Result<(f64, f64)> {
    let entry = registry::arm(arm, 0).map_err(anyhow::Error::msg)?;
    let server = bench.start_server(&entry.arm.transport, &even_feed(0.01), true).await?;
    let load = LoadSpec { clients, feed: even_feed(0.01), wait_s: 60, ..LoadSpec::default() };
    let setup = LoadSetup {
        arm: entry.arm,
        load,
        address: server.ready.quotes,
        seed: 1,
        published_log: None,
        progress_ms: None,
        start_ns: None,
    };
    let mut process = Process::start("load", &["load".to_owned(), "--child".to_owned()])?;
    process.send(&LoadChild { setup, cpu: Some(bench.pinning.load_cpu) }).await?;
    let load_bytes = match process.receive::<Report>(SILENCE).await? {
        Report::Connected { process } => process.resident_bytes,
        other => bail!("the load process said {other:?} instead of being connected"),
    };
    // The clients may now ask and be held; the server's feed never starts, so nobody gets anything.
    process.send(&Command::Start { start_ns: monotonic_ns() }).await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let snapshot = server.control.meter().await?;
    if snapshot.meter.connections_open < u64::from(clients) {
        bail!("only {} of {clients} connections are open", snapshot.meter.connections_open);
    }
    Ok((snapshot.process.resident_bytes as f64, load_bytes as f64))
}

/// Least squares: the slope of a straight line through the points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / n, sum.1 + y / n));
    let covariance: f64 = points.iter().map(|(x, y)| (x - mean.0) * (y - mean.1)).sum();
    let variance: f64 = points.iter().map(|(x, _)| (x - mean.0).powi(2)).sum();
    covariance / variance
}

/// Resident memory per idle connection, from the slope over three sizes.
pub async fn memory(bench: &Bench) -> Result<Vec<Figure>> {
    let sizes: [u32; 3] = if bench.smoke { [50, 100, 200] } else { [1_000, 3_000, 6_000] };
    let mut figures = Vec::new();
    for (arm, target_kib) in IDLE {
        let (mut of_server, mut of_load) = (Vec::new(), Vec::new());
        for clients in sizes {
            let (server, load) = resident(bench, arm, clients).await?;
            of_server.push((f64::from(clients), server / 1024.0));
            of_load.push((f64::from(clients), load / 1024.0));
        }
        let sizes = sizes.map(|size| size.to_string()).join(", ");
        let what =
            |whose: &str| format!("{arm}: resident memory of the {whose} per idle connection, slope over {sizes}");
        figures.push(Figure::of(what("server"), "KiB", &[slope(&of_server)], Side::AtMost, target_kib));
        if arm == "ws" {
            figures.push(Figure::of(what("load"), "KiB", &[slope(&of_load)], Side::AtMost, 8.0));
        }
    }
    Ok(figures)
}

/// Resident memory of the load over ten minutes: what it gained after the first.
pub async fn soak(bench: &Bench) -> Result<Vec<Figure>> {
    let window_ms = if bench.smoke { 3_000 } else { 600_000 };
    let feed = FeedSpec { arrivals: Arrivals::Poisson, rate_per_s: 100.0, ..even_feed(100.0) };
    let load = LoadSpec { clients: 100, feed, window_ms, warm_up_max_ms: 3_000, ..LoadSpec::default() };
    let measured = measure_arm(bench, "ws", &load, Path::new(&std::env::temp_dir())).await?;
    let usage = measured.client.process;
    let from = usage.window_start.resident_bytes as f64;
    let to = usage.window_end.resident_bytes as f64;
    let what = format!("ws, 100 clients × 100 quotes/s: memory of the load, gained in {} s", window_ms / 1_000);
    let note = format!(
        "from {:.1} to {:.1} MiB; {} quotes lost",
        from / 1048576.0,
        to / 1048576.0,
        measured.client.quotes.lost
    );
    Ok(vec![Figure::of(what, "% of the begin", &[(to / from - 1.0) * 100.0], Side::AtMost, 10.0).noting(note)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slope_of_a_line() {
        assert!((slope(&[(1.0, 10.0), (2.0, 13.0), (4.0, 19.0)]) - 3.0).abs() < 1e-12);
    }
}
