//! Push at the highest rate that loses nothing and keeps p99 of lateness under 100 ms.

use anyhow::{Result, bail};

use super::measure::{Bench, Sample, even_feed};
use super::push::PUSHED;
use super::verdict::{Figure, Side};

/// Largest p99 of lateness that is still sustained.
const P99_MAX_NS: u64 = 100_000_000;
/// Quotes in one write of the bare loop.
const FLOOR_QUOTES_PER_WRITE: u64 = 8;
/// Where the search begins, quotes per second to each client.
const RATE_FIRST_PER_S: f64 = 100.0;
/// One step of the search.
const RATE_STEP: f64 = 1.25;
/// Steps at the most: up to about 25,000 quotes per second to each client.
const STEPS_MAX: i32 = 25;

/// Which side is measured.
#[derive(Clone, Copy)]
enum Contender {
    Ours(usize),
    Floor(usize),
}

async fn sample(bench: &Bench, contender: Contender, rate_per_s: f64) -> Result<Sample> {
    let feed = even_feed(rate_per_s);
    match contender {
        Contender::Ours(row) => bench.push(PUSHED[row].0, PUSHED[row].1, &feed, true).await,
        Contender::Floor(row) => bench.push_floor(&feed, PUSHED[row].2, FLOOR_QUOTES_PER_WRITE).await,
    }
}

fn sustained(sample: &Sample) -> bool {
    sample.counted.lost == 0 && sample.counted.p99_ns < P99_MAX_NS
}

/// The highest rate of a geometric ladder that is sustained; the first that is not ends the search.
async fn highest_rate(bench: &Bench, contender: Contender) -> Result<f64> {
    let mut highest = None;
    for step in 0..STEPS_MAX {
        let rate_per_s = RATE_FIRST_PER_S * RATE_STEP.powi(step);
        // One disturbed attempt must not end the search.
        let carried = sustained(&sample(bench, contender, rate_per_s).await?)
            || sustained(&sample(bench, contender, rate_per_s).await?);
        if !carried {
            break;
        }
        highest = Some(rate_per_s);
    }
    match highest {
        Some(rate_per_s) => Ok(rate_per_s),
        None => bail!("not even {RATE_FIRST_PER_S} quotes/s to each client are sustained"),
    }
}

/// Quotes delivered per second of server CPU against the bare loop at eight quotes a write, each at its highest rate.
pub async fn saturated(bench: &Bench) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (row, (transport, ..)) in PUSHED.into_iter().enumerate() {
        let our_rate = highest_rate(bench, Contender::Ours(row)).await?;
        let floor_rate = highest_rate(bench, Contender::Floor(row)).await?;
        let (mut ratios, mut ours_each, mut floor_each, mut failed) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for _ in 0..bench.pairs() {
            let ours = sample(bench, Contender::Ours(row), our_rate).await?;
            let floor = sample(bench, Contender::Floor(row), floor_rate).await?;
            failed += usize::from(!sustained(&ours)) + usize::from(!sustained(&floor));
            ours_each.push(ours.per_cpu_s());
            floor_each.push(floor.per_cpu_s());
            ratios.push(ours.per_cpu_s() / floor.per_cpu_s());
        }
        let million = |values: &[f64]| crate::statistics::median(values).unwrap_or(f64::NAN) / 1e6;
        let note = format!(
            "ours {:.2} million a CPU second at {our_rate:.0} quotes/s, the bare loop {:.2} at {floor_rate:.0}; {failed} of {} \
             samples lost quotes or were over 100 ms",
            million(&ours_each),
            million(&floor_each),
            2 * ratios.len()
        );
        let what = format!(
            "{transport}, {} clients, highest sustained rate: quotes per server CPU second against a bare loop",
            bench.push_clients()
        );
        figures.push(Figure::of(what, "times", &ratios, Side::AtLeast, 0.5).noting(note));
    }
    Ok(figures)
}
