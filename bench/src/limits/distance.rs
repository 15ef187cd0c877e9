//! Does the emulated link keep its delay? No ratio to a floor: the target is the link's own, one millisecond.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use wirerace_contract::distribution::Distribution;

use super::measure::Bench;
use super::verdict::{Figure, Side};
use crate::child;
use crate::link::timed::{PACKETS_PER_S, Timed};
use crate::summary::link::ERROR_P99_MAX_MS;

/// One-way delay of the link that is measured, microseconds: half of the shortest round trip among the experiments.
const DELAY_US: u64 = 15_000;
/// How often, each time over a fresh link for a second. From nine values the interval leaves out one on either side, so that
/// one blow from outside does not decide.
const TIMES: usize = 9;

/// The 99th percentile of the link's error, by itself and from socket to socket, at 1,000 packets a second each way.
pub async fn link(bench: &Bench) -> Result<Vec<Figure>> {
    let times = if bench.smoke { 1 } else { TIMES };
    let (mut own, mut sockets, mut lost) = (Vec::new(), Vec::new(), 0);
    for _ in 0..times {
        let timed = timed().await?;
        own.push(p99_ms(&timed.link));
        sockets.push(p99_ms(&timed.sockets));
        lost += timed.sockets.lost;
    }
    let figure = |what: &str, values: &[f64]| {
        let what = format!("link, {PACKETS_PER_S} packets/s each way, {} ms: {what}", DELAY_US / 1_000);
        Figure::of(what, "ms", values, Side::AtMost, ERROR_P99_MAX_MS).losing(lost)
    };
    Ok(vec![
        figure("p99 error from the read to the write", &own).noting("what every trial over the link tells"),
        figure("p99 error from socket to socket", &sockets)
            .noting("both kernels, the wait for the link's thread and the wake-up of a receiver that goes before others included"),
    ])
}

/// In a process of its own: there is no way back out of a link's namespaces.
async fn timed() -> Result<Timed> {
    let (delay_us, per_s) = (DELAY_US.to_string(), PACKETS_PER_S.to_string());
    let output = Command::new(child::program()?)
        .args(["link", "--json", "--seconds", "1", "--delay-us", &delay_us, "--packets-per-s", &per_s])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("the link's process cannot be started")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("the link's process said what cannot be read")
}

/// Infinite where one in a hundred did not come.
fn p99_ms(error: &Distribution) -> f64 {
    error.p99_ns.map_or(f64::INFINITY, |ns| ns as f64 / 1e6)
}
