//! Pairs of arms drawn from the trials of one arm, and how often the comparison says *differs*.
//!
//! What relabelling can show and what it cannot. Each draw takes [`PAIR_BLOCKS`] of the blocks and in each of them deals
//! the two labels at random. Both values of a block come from one arm, so by its making every sign of a difference is a
//! toss of a coin, whatever the values are: without ties the share of *differs* is that of the interval alone, for
//! twelve blocks 2·(1 + 12 + 66)/2¹² = 3.9 %. A share off that tells of an error in the arithmetic, or of ties: two
//! equal values never differ, which is right for what is counted exactly, and makes the share smaller. Draws share their
//! blocks, but their labels are dealt afresh, so the share is as sharp as so many tosses.
//!
//! What a run does beside (place within the block, warming up, neighbours) is no part of it. The labels as they were run,
//! and the first trial of each block against the second, are therefore compared too, once each, without a target: one
//! comparison in 25 differs by chance.

use wirerace_contract::plan::SplitMix64;

use crate::statistics::{Outcome, Scale, compare};

/// Blocks of one drawn comparison: as many as a published one has.
pub const PAIR_BLOCKS: usize = 12;
/// Comparisons drawn. 200 would do for the targets but leave ± 1.4 % of chance; these leave ± 0.2 %.
pub const DRAWS: u32 = 10_000;

/// One block's values of one quantity.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BlockValues {
    /// Under the labels A and B.
    pub plain: [f64; 2],
    /// Of the trial made worse; equal to a plain one where there is none.
    pub treated: f64,
}

/// How two values are compared in a quantity: see [`crate::summary::Quantity::compared`].
pub type Compared = (Scale, f64);

/// Draws `draws` times some of `blocks` and calls `is` with them; gives the share of draws for which it is true, `None`
/// with fewer than [`PAIR_BLOCKS`] blocks.
fn share(
    blocks: &[BlockValues],
    draws: u32,
    seed: u64,
    mut is: impl FnMut(&[BlockValues], &mut SplitMix64) -> bool,
) -> Option<f64> {
    if blocks.len() < PAIR_BLOCKS || draws == 0 {
        return None;
    }
    let mut random = SplitMix64::new(seed);
    let mut blocks = blocks.to_vec();
    let mut found = 0;
    for _ in 0..draws {
        random.shuffle(&mut blocks);
        found += u32::from(is(&blocks[..PAIR_BLOCKS], &mut random));
    }
    Some(f64::from(found) / f64::from(draws))
}

/// The share of relabelled pairs that come out as *differs*.
#[must_use]
pub fn differs_share(blocks: &[BlockValues], (scale, margin): Compared, draws: u32, seed: u64) -> Option<f64> {
    share(blocks, draws, seed, |blocks, random| {
        let dealt: Vec<(f64, f64)> =
            blocks
                .iter()
                .map(|block| {
                    if random.below(2) == 0 {
                        (block.plain[0], block.plain[1])
                    } else {
                        (block.plain[1], block.plain[0])
                    }
                })
                .collect();
        compare(&dealt, scale, margin).outcome == Outcome::Differs
    })
}

/// The share of draws in which what was put in is found: *differs*, to the side of more. Each block's treated value
/// stands against one of its plain ones, taken at random.
#[must_use]
pub fn found_share(blocks: &[BlockValues], (scale, margin): Compared, draws: u32, seed: u64) -> Option<f64> {
    share(blocks, draws, seed, |blocks, random| {
        let dealt: Vec<(f64, f64)> =
            blocks.iter().map(|block| (block.treated, block.plain[usize::from(random.below(2) == 1)])).collect();
        let paired = compare(&dealt, scale, margin);
        paired.outcome == Outcome::Differs && paired.estimate.is_some_and(|estimate| estimate > scale.neutral())
    })
}

/// Blocks in which both plain values are the same.
#[must_use]
pub fn ties(blocks: &[BlockValues]) -> usize {
    blocks.iter().filter(|block| block.plain[0] == block.plain[1]).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATIO: Compared = (Scale::Ratio, 0.1);

    fn noisy(effect: f64, noise: f64, blocks: usize) -> Vec<BlockValues> {
        let mut random = SplitMix64::new(5);
        let mut value = |mean: f64| mean * (noise * random.normal()).exp();
        (0..blocks).map(|_| BlockValues { plain: [value(1.0), value(1.0)], treated: value(effect) }).collect()
    }

    #[test]
    fn without_ties_the_share_is_that_of_the_interval() {
        // The values do not matter: not even a label that is always the smaller one.
        let one_sided = |n: usize| vec![BlockValues { plain: [1.0, 2.0], treated: 1.0 }; n];
        for blocks in [noisy(1.0, 0.05, 24), one_sided(12), one_sided(30)] {
            let share = differs_share(&blocks, RATIO, 4_000, 1).unwrap();
            // Four standard errors of 4,000 draws.
            assert!((share - 158.0 / 4_096.0).abs() < 0.0122, "{share}");
        }
    }

    #[test]
    fn ties_never_differ_and_are_counted() {
        let mut blocks = noisy(1.0, 0.05, 12);
        let all = vec![BlockValues { plain: [7.0, 7.0], treated: 7.0 }; 12];
        assert_eq!((differs_share(&all, RATIO, 500, 1), ties(&all)), (Some(0.0), 12));
        blocks[3].plain = [1.0, 1.0];
        // 10 of the other 11 on one side: 2·(1 + 11)/2¹¹ = 1.2 %.
        let share = differs_share(&blocks, RATIO, 4_000, 1).unwrap();
        assert!((share - 24.0 / 2_048.0).abs() < 0.0069 && ties(&blocks) == 1, "{share}");
    }

    #[test]
    fn an_effect_is_found_when_it_stands_out_and_on_its_own_side_only() {
        let found = |effect, noise| found_share(&noisy(effect, noise, 24), RATIO, 1_000, 1).unwrap();
        assert!(found(1.1, 0.03) > 0.95);
        assert!(found(1.1, 0.5) < 0.3);
        assert_eq!(found(0.9, 0.01), 0.0, "less is not more");
    }

    #[test]
    fn too_few_blocks_have_no_share() {
        assert_eq!(differs_share(&noisy(1.0, 0.1, 11), RATIO, 4_000, 1), None);
        assert_eq!(found_share(&[], RATIO, 4_000, 1), None);
    }

    #[test]
    fn the_seed_fixes_the_draws() {
        let blocks = noisy(1.1, 0.1, 24);
        assert_eq!(found_share(&blocks, RATIO, 300, 9), found_share(&blocks, RATIO, 300, 9));
    }
}
