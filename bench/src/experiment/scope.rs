//! The same question at a smaller or a larger scale: `--quick` and `--publish`.

use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Arm;

use super::length::{self, Length};
use super::{Experiment, common_interval_ms};

/// Blocks of a published run.
pub const BLOCKS_TO_PUBLISH: u32 = 12;
/// How long a quick run may take, all its experiments together, seconds.
pub const QUICK_S: f64 = 600.0;
/// What resting processors, slow disks, calibration and reports may add to what was expected, as a factor.
pub const RESERVE: f64 = 1.15;
/// A quick window is no longer than this, milliseconds, unless a few quotes need more.
const QUICK_WINDOW_MS: u64 = 1_500;
/// Quotes that a quick window holds on the average.
const QUICK_QUOTES: f64 = 5.0;
/// A quick window in which no quote is awaited is no longer than this, milliseconds: one heartbeat (15 s) falls into it.
const QUICK_IDLE_MS: u64 = 16_000;
/// A quick warm-up is no longer than this, milliseconds.
const QUICK_WARM_UP_MS: u64 = 500;
/// A quick run leaves out arms with a longer interval, milliseconds, where the same arm with a shorter one stays: every
/// window is a whole number of the longest.
const QUICK_INTERVAL_MS: u32 = 1_000;

/// Turns experiments into their quick versions: the cells marked for it (the first, if none is), arms with short
/// intervals, short windows, no repeats, and as many blocks as fit into `budget_s` seconds for all of them together, at
/// least one each. A look, not a result.
pub fn make_quick(experiments: &mut [Experiment], budget_s: f64) {
    let own_blocks: Vec<u32> = experiments.iter().map(|experiment| experiment.blocks).collect();
    experiments.iter_mut().for_each(Experiment::shorten);
    let Length { seconds, .. } = experiments.iter().map(Experiment::length).sum();
    let left_s = (budget_s - RESERVE * seconds).max(0.0) / experiments.len().max(1) as f64;
    for (experiment, own) in experiments.iter_mut().zip(own_blocks) {
        let block_s = RESERVE * length::block(&experiment.arms, &experiment.cells, 2).seconds;
        let more = if block_s > 0.0 { (left_s / block_s) as u32 } else { 0 };
        experiment.blocks = more.saturating_add(1).min(own);
    }
}

/// Whether two arms are one but for their name and interval.
fn differ_in_interval_only(one: &ArmEntry, other: &ArmEntry) -> bool {
    let alike = Arm { name: other.arm.name.clone(), interval_ms: other.arm.interval_ms, ..one.arm.clone() };
    alike == other.arm
}

impl Experiment {
    /// One block of the cells and arms that a quick run keeps, with short windows.
    fn shorten(&mut self) {
        self.quick = true;
        self.repeats_of_tainted = 0;
        self.blocks = self.blocks.min(1);
        let first = self.cells.first().map(|cell| cell.name.clone());
        let marked = if self.quick_cells.is_empty() { Vec::from_iter(first) } else { self.quick_cells.clone() };
        self.cells.retain(|cell| marked.contains(&cell.name));
        self.leave_out_long_intervals();
        for cell in &mut self.cells {
            let load = &mut cell.load;
            let longest_ms = if load.feed.rate_per_s * load.window_ms as f64 / 1e3 < 1.0 {
                QUICK_IDLE_MS
            } else {
                QUICK_WINDOW_MS.max((QUICK_QUOTES * 1e3 / load.feed.rate_per_s) as u64)
            };
            load.window_ms = load.window_ms.min(longest_ms);
            load.warm_up_max_ms = load.warm_up_max_ms.min(QUICK_WARM_UP_MS);
        }
    }

    fn leave_out_long_intervals(&mut self) {
        let before_ms = common_interval_ms(&self.arms);
        let all = self.arms.clone();
        self.arms.retain(|entry| {
            let shorter =
                |other: &ArmEntry| other.arm.interval_ms <= QUICK_INTERVAL_MS && differ_in_interval_only(other, entry);
            entry.arm.interval_ms <= QUICK_INTERVAL_MS || !all.iter().any(shorter)
        });
        // A grid of the author's own stays.
        let after_ms = common_interval_ms(&self.arms);
        for cell in self.cells.iter_mut().filter(|cell| cell.load.grid_ms == before_ms) {
            cell.load.grid_ms = after_ms;
        }
    }

    /// Turns it into what may be published: all its cells, twelve blocks.
    pub fn make_publishable(&mut self) {
        // One block is all that exact cells need.
        self.blocks = if self.cells.iter().all(|cell| cell.exact) { 1 } else { BLOCKS_TO_PUBLISH };
        self.repeats_of_tainted = self.repeats_of_tainted.max(2);
    }
}
