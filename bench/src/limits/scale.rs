//! How much the suite carries: ten thousand clients, and a feed that keeps its instants.

use std::path::Path;

use anyhow::Result;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::results::Measured;
use wirerace_contract::spec::LoadSpec;

use super::measure::{Bench, even_feed};
use super::pairs::Machine;
use super::verdict::{Figure, Side};
use crate::identities::contradictions;
use crate::noise::disturbances;
use crate::registry;
use crate::trial::{self, TrialSetup};

/// Runs one arm once, with everything that a trial checks.
pub async fn measure_arm(bench: &Bench, arm: &str, load: &LoadSpec, scratch: &Path) -> Result<Measured> {
    let entry = registry::arm(arm, 250).map_err(anyhow::Error::msg)?;
    let setup = TrialSetup {
        entry: &entry,
        load,
        phase_seed: 1,
        pinning: Some(bench.pinning.clone()),
        metered: true,
        progress_ms: None,
        scratch,
        link: None,
        injection: Default::default(),
    };
    let (measured, _) = trial::measure(&setup, trial::start_soon(), |_| ()).await?;
    Ok(measured)
}

/// Ten thousand clients, a thousand quotes to each, none lost.
pub async fn scale(bench: &Bench) -> Result<Vec<Figure>> {
    let (clients, quotes, rate_per_s) = if bench.smoke { (200, 50, 50.0) } else { (10_000, 1_000, 10.0) };
    let scratch = tempfile::tempdir()?;
    let mut figures = Vec::new();
    for arm in ["long-poll", "sse", "ws"] {
        let load = LoadSpec {
            clients,
            feed: even_feed(rate_per_s),
            // The last quote is due at the end of the last interval: one more interval holds it for certain.
            window_ms: (f64::from(quotes + 1) / rate_per_s * 1_000.0) as u64,
            warm_up_max_ms: 0,
            connects_per_s: 1_000,
            ..LoadSpec::default()
        };
        let measured = measure_arm(bench, arm, &load, scratch.path()).await?;
        let counts = measured.client.quotes;
        let entry = registry::arm(arm, 250).map_err(anyhow::Error::msg)?;
        let contradictions =
            contradictions(&measured.client, &measured.server, &entry.arm, entry.descriptor.delivers, &load);
        let p99_ms = measured.client.lateness.p99_ns.map_or(f64::INFINITY, |ns| ns as f64 / 1e6);
        let note = format!(
            "{} of {} received, p99 lateness {p99_ms:.0} ms, {} reconnects, {} contradictions between the meters {}",
            counts.received,
            counts.planned,
            measured.client.traffic.reconnects,
            contradictions.len(),
            contradictions.join("; ")
        );
        let lost = (counts.planned - counts.received) as f64 + contradictions.len() as f64;
        let what = format!("{arm}: {clients} clients, {quotes} quotes to each at {rate_per_s} a second: lost");
        figures.push(Figure::of(what, "quotes", &[lost], Side::AtMost, 0.0).noting(note));
    }
    Ok(figures)
}

/// p99 of published − due at a thousand quotes a second to a hundred clients.
pub async fn publisher(bench: &Bench) -> Result<Vec<Figure>> {
    let feed = FeedSpec { arrivals: Arrivals::Poisson, rate_per_s: 1_000.0, ..even_feed(1_000.0) };
    let window_ms = if bench.smoke { 500 } else { 4_000 };
    let load = LoadSpec { clients: 100, feed, window_ms, warm_up_max_ms: 2_000, ..LoadSpec::default() };
    let scratch = tempfile::tempdir()?;
    let mut figures = Vec::new();
    for arm in ["sse", "ws"] {
        let (mut late_us, mut machine) = (Vec::new(), Machine::default());
        for _ in 0..if bench.smoke { 1 } else { bench.pairs() } {
            let take = async || {
                let measured = measure_arm(bench, arm, &load, scratch.path()).await?;
                let disturbed = !disturbances(&measured.cpu, window_ms * 1_000).is_empty();
                Ok((measured, disturbed))
            };
            let measured = machine.quiet(bench.smoke, take).await?;
            late_us.push(measured.publisher_lateness.p99_ns.map_or(f64::INFINITY, |ns| ns as f64 / 1e3));
        }
        let what = format!("{arm}, 100 clients × 1000 quotes/s: p99 publisher lateness");
        figures.push(Figure::of(what, "µs", &late_us, Side::AtMost, 200.0).noting(machine.words()));
    }
    Ok(figures)
}
