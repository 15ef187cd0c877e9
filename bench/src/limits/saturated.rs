//! Push at the highest rate that loses nothing and keeps p99 of lateness under 100 ms.

use anyhow::{Result, bail};

use super::measure::{Bench, Sample, even_feed};
use super::push::PUSHED;
use super::verdict::{Figure, Side};
use crate::statistics::median;

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

fn rate_of(step: i32) -> f64 {
    RATE_FIRST_PER_S * RATE_STEP.powi(step)
}

/// The highest step of a geometric ladder that is sustained; the first that is not, in three attempts, ends the search.
async fn highest_step(bench: &Bench, contender: Contender) -> Result<i32> {
    for step in 0..STEPS_MAX {
        let mut carried = false;
        for _ in 0..3 {
            carried = carried || sustained(&sample(bench, contender, rate_of(step)).await?);
        }
        if !carried {
            return Ok(step - 1);
        }
    }
    Ok(STEPS_MAX - 1)
}

/// Pairs of samples, every one of them sustained: whoever fails once has overreached, goes a step down, and the pairs are
/// taken again from the first.
async fn pairs(bench: &Bench, row: usize, mut ours: i32, mut floor: i32) -> Result<(Vec<(Sample, Sample)>, f64, f64)> {
    let mut taken = Vec::new();
    while taken.len() < bench.pairs() {
        if ours < 0 || floor < 0 {
            bail!("not even {RATE_FIRST_PER_S} quotes/s to each client are sustained");
        }
        let our_sample = sample(bench, Contender::Ours(row), rate_of(ours)).await?;
        let floor_sample = sample(bench, Contender::Floor(row), rate_of(floor)).await?;
        let (our_step, floor_step) = (i32::from(!sustained(&our_sample)), i32::from(!sustained(&floor_sample)));
        if our_step + floor_step == 0 {
            taken.push((our_sample, floor_sample));
        } else {
            (ours, floor) = (ours - our_step, floor - floor_step);
            taken.clear();
        }
    }
    Ok((taken, rate_of(ours), rate_of(floor)))
}

/// Quotes delivered per second of server CPU against the bare loop at eight quotes a write, each at its highest rate.
pub async fn saturated(bench: &Bench) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (row, (transport, ..)) in PUSHED.into_iter().enumerate() {
        let ours = highest_step(bench, Contender::Ours(row)).await?;
        let floor = highest_step(bench, Contender::Floor(row)).await?;
        let (taken, our_rate, floor_rate) = pairs(bench, row, ours, floor).await?;
        let ratios: Vec<f64> = taken.iter().map(|(ours, floor)| ours.per_cpu_s() / floor.per_cpu_s()).collect();
        let million = |each: fn(&(Sample, Sample)) -> f64| {
            median(&taken.iter().map(each).collect::<Vec<_>>()).unwrap_or(f64::NAN) / 1e6
        };
        let note = format!(
            "ours {:.2} million a CPU second at {our_rate:.0} quotes/s to each client, the bare loop {:.2} at {floor_rate:.0}; \
             nothing lost and p99 under 100 ms in every sample",
            million(|pair| pair.0.per_cpu_s()),
            million(|pair| pair.1.per_cpu_s()),
        );
        let what = format!(
            "{transport}, {} clients, highest sustained rate: quotes per server CPU second against a bare loop",
            bench.push_clients()
        );
        figures.push(Figure::of(what, "times", &ratios, Side::AtLeast, 0.5).noting(note));
    }
    Ok(figures)
}
