//! The same question at a smaller or a larger scale: `--quick` and `--publish`.

use super::Experiment;
use super::length;

/// Blocks of a published run.
pub const BLOCKS_TO_PUBLISH: u32 = 12;
/// How long a quick run may take, all its experiments together, seconds.
pub const QUICK_S: f64 = 600.0;
/// What repeats, resting processors and slow disks may add to what was expected, as a factor.
const RESERVE: f64 = 1.15;
/// A quick window is no longer than this, milliseconds, unless a few quotes need more.
const QUICK_WINDOW_MS: u64 = 2_000;
/// Quotes that a quick window holds on the average.
const QUICK_QUOTES: f64 = 10.0;
/// A quick warm-up is no longer than this, milliseconds.
const QUICK_WARM_UP_MS: u64 = 1_000;

impl Experiment {
    /// Turns it into its quick version: the cells marked for it (the first, if none is), shorter windows, no repeats, and
    /// as many of its blocks as fit into `budget_s` seconds, at least one. A look, not a result.
    pub fn make_quick(&mut self, budget_s: f64) {
        self.quick = true;
        self.repeats_of_tainted = 0;
        let first = self.cells.first().map(|cell| cell.name.clone());
        let marked = if self.quick_cells.is_empty() { Vec::from_iter(first) } else { self.quick_cells.clone() };
        self.cells.retain(|cell| marked.contains(&cell.name));
        for cell in &mut self.cells {
            let load = &mut cell.load;
            let a_few_quotes_ms = (QUICK_QUOTES * 1e3 / load.feed.rate_per_s) as u64;
            load.window_ms = load.window_ms.min(QUICK_WINDOW_MS.max(a_few_quotes_ms));
            load.warm_up_max_ms = load.warm_up_max_ms.min(QUICK_WARM_UP_MS);
        }
        let first = RESERVE * length::block(&self.arms, &self.cells, 1).seconds;
        let other = RESERVE * length::block(&self.arms, &self.cells, 2).seconds;
        let more = if other > 0.0 { ((budget_s - first) / other).max(0.0) as u32 } else { 0 };
        self.blocks = more.saturating_add(1).min(self.blocks);
    }

    /// Turns it into what may be published: all its cells, twelve blocks.
    pub fn make_publishable(&mut self) {
        // One block is all that exact cells need.
        self.blocks = if self.cells.iter().all(|cell| cell.exact) { 1 } else { BLOCKS_TO_PUBLISH };
        self.repeats_of_tainted = self.repeats_of_tainted.max(2);
    }
}
