//! Arms against themselves with the labels as the trials were run: what relabelling cannot show.
//!
//! Dealing labels at random ([`super::relabel`]) makes each sign a toss of a coin, so without ties its share cannot come
//! out wrong, whatever the machine does. Here nothing is dealt. The blocks of an arm are taken six by six in their order,
//! the fewest that have an interval, and A is compared with B in each such pair and quantity. Were trials of one block
//! alike but for chance, 3.1 % of pairs would differ (2 in 2⁶). An order that favours one label, a drift within blocks or
//! a neighbour that comes at the same place of each makes it more.
//!
//! Pairs of one arm share trials across quantities, so the binomial interval printed beside the share is somewhat
//! narrower than the truth. The share decides nothing finer than that interval: outside the target but with an interval
//! that reaches into it is *undecided*.

use serde::{Deserialize, Serialize};
use wirerace_contract::results::{SelfTestRow, SelfTestStanding};

use super::verdict::SAME;
use crate::statistics::{BLOCKS_MIN, CONFIDENCE, Outcome, Scale, compare};

/// Pairs that were compared as they were run.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct AsRun {
    /// Pairs compared: arms × quantities × groups of [`BLOCKS_MIN`] blocks.
    pub pairs: u32,
    /// Of these, how many came out as *differs*.
    pub differ: u32,
    /// Pairs left out because a block has two equal values: these never differ.
    pub tied: u32,
}

impl AsRun {
    /// Compares the pairs of one arm in one quantity, block by block in their order, and adds what comes of it.
    pub fn add(&mut self, blocks: &[(f64, f64)], (scale, margin): (Scale, f64)) {
        for pair in blocks.chunks_exact(BLOCKS_MIN) {
            if pair.iter().any(|(a, b)| a == b) {
                self.tied += 1;
                continue;
            }
            self.pairs += 1;
            self.differ += u32::from(compare(pair, scale, margin).outcome == Outcome::Differs);
        }
    }

    /// Share of pairs that differ, 0 to 1; `None` without pairs.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        (self.pairs > 0).then(|| f64::from(self.differ) / f64::from(self.pairs))
    }

    /// What came of the target of 3 to 8 %.
    #[must_use]
    pub fn standing(&self) -> SelfTestStanding {
        let (low, high) = binomial_interval(self.differ, self.pairs);
        match self.share() {
            Some(share) if (SAME.0..=SAME.1).contains(&share) => SelfTestStanding::Met,
            Some(_) if high < SAME.0 || low > SAME.1 => SelfTestStanding::Missed,
            _ => SelfTestStanding::TooFewBlocks,
        }
    }

    /// In words: the share, its interval, and of how many.
    #[must_use]
    pub fn words(&self) -> String {
        let Some(share) = self.share() else { return "too few blocks".to_owned() };
        let (low, high) = binomial_interval(self.differ, self.pairs);
        format!(
            "{:.1} % ({} of {} pairs of {BLOCKS_MIN} blocks; binomial interval {:.1} to {:.1} %)",
            100.0 * share,
            self.differ,
            self.pairs,
            100.0 * low,
            100.0 * high
        )
    }

    /// A line for the terminal; in a smoke run nothing is decided.
    #[must_use]
    pub fn line(&self, smoke: bool) -> String {
        let word = match self.standing() {
            _ if smoke => "told  ",
            SelfTestStanding::Met => "met   ",
            SelfTestStanding::Missed => "MISSED",
            _ => "open  ",
        };
        format!(
            "{word} arms against themselves, labels as run: {}; target {:.0} to {:.0} %; {} pairs with equal values left out",
            self.words(),
            100.0 * SAME.0,
            100.0 * SAME.1,
            self.tied
        )
    }

    /// What the manifests of other runs keep of it.
    #[must_use]
    pub fn row(&self) -> SelfTestRow {
        SelfTestRow {
            arm: "all".to_owned(),
            what: "against itself, labels as run".to_owned(),
            quantity: "all that vary".to_owned(),
            share: self.share(),
            target: Some(SAME),
            standing: self.standing(),
            interval: (self.pairs > 0).then(|| binomial_interval(self.differ, self.pairs)),
        }
    }
}

/// What the page of a self-test says of both.
#[must_use]
pub fn paragraph(labels: &AsRun, order: &AsRun) -> String {
    let standing = match labels.standing() {
        SelfTestStanding::Met => "met",
        SelfTestStanding::Missed => "**missed**",
        _ => "undecided: chance explains it",
    };
    format!(
        "**Labels as run**, {BLOCKS_MIN} blocks at a time in their order, every arm and quantity whose values do not tie: {} differ; target {:.0} to {:.0} %: \
         {standing}. This is the machine's own share, which relabelling cannot show. The first trial of each block against the second, without a target: {}. \
         Pairs left out because values tie: {}. Quantities of one trial go together, so the intervals are somewhat too narrow.",
        labels.words(),
        100.0 * SAME.0,
        100.0 * SAME.1,
        order.words(),
        labels.tied
    )
}

/// Probability of at most `k` of `n`, each with probability `p`.
fn at_most(k: u32, n: u32, p: f64) -> f64 {
    let (ln_p, ln_q) = (p.ln(), (-p).ln_1p());
    let (mut ln_ways, mut sum) = (0.0, 0.0);
    for i in 0..=k.min(n) {
        // 0 × ln 0 is nothing.
        let of = |times: u32, ln: f64| if times == 0 { 0.0 } else { f64::from(times) * ln };
        sum += (ln_ways + of(i, ln_p) + of(n - i, ln_q)).exp();
        ln_ways += f64::from(n - i).ln() - f64::from(i + 1).ln();
    }
    sum.min(1.0)
}

/// The interval of a share of which `k` of `n` were counted, with at least [`CONFIDENCE`] (Clopper and Pearson, Biometrika
/// 26, 1934): the shares at which so few, and so many, would each be seen in 2.5 % of cases. All there is for `n` = 0.
#[must_use]
pub fn binomial_interval(k: u32, n: u32) -> (f64, f64) {
    let tail = (1.0 - CONFIDENCE) / 2.0;
    // Both tails fall or rise with p all the way: bisection to far below a printed digit.
    let solve = |is_below: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            if is_below(middle) { low = middle } else { high = middle }
        }
        f64::midpoint(low, high)
    };
    let low = if k == 0 || n == 0 { 0.0 } else { solve(&|p| 1.0 - at_most(k - 1, n, p) < tail) };
    let high = if k >= n { 1.0 } else { solve(&|p| at_most(k, n, p) > tail) };
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wirerace_contract::plan::SplitMix64;

    const RATIO: (Scale, f64) = (Scale::Ratio, 0.1);

    /// Blocks of one arm and quantity; B is `bias` times A but for noise.
    fn blocks(count: usize, bias: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut random = SplitMix64::new(seed);
        let mut value = |mean: f64| mean * (0.05 * random.normal()).exp();
        (0..count).map(|_| (value(1.0), value(bias))).collect()
    }

    #[test]
    fn binomial_intervals_of_the_tables() {
        for (k, n, low, high) in
            [(0, 10, 0.0, 0.3085), (1, 10, 0.0025, 0.4450), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0)]
        {
            let found = binomial_interval(k, n);
            assert!((found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5, "{k} of {n}: {found:?}");
        }
        assert_eq!(binomial_interval(0, 0), (0.0, 1.0));
    }

    #[test]
    fn like_trials_differ_as_often_as_the_interval_says() {
        let mut all = AsRun::default();
        (0..500).for_each(|seed| all.add(&blocks(24, 1.0, seed), RATIO));
        assert_eq!(all.pairs, 2_000);
        let share = all.share().unwrap();
        // 2 in 2⁶; four standard errors of 2,000 pairs.
        assert!((share - 2.0 / 64.0).abs() < 0.0156, "{share}");
        assert_ne!(all.standing(), SelfTestStanding::Missed);
    }

    #[test]
    fn a_label_that_is_favoured_is_missed_though_relabelling_cannot_see_it() {
        let biased = blocks(24, 1.2, 7);
        let mut all = AsRun::default();
        (0..20).for_each(|seed| all.add(&blocks(24, 1.2, seed), RATIO));
        assert_eq!(all.standing(), SelfTestStanding::Missed, "{}", all.words());
        let values: Vec<super::super::relabel::BlockValues> =
            biased.iter().map(|(a, b)| super::super::relabel::BlockValues { plain: [*a, *b], treated: *a }).collect();
        let relabelled = super::super::relabel::differs_share(&values, RATIO, 4_000, 1).unwrap();
        assert!((SAME.0..=SAME.1).contains(&relabelled), "{relabelled}");
    }

    #[test]
    fn a_share_that_chance_explains_is_left_open() {
        let standing = |differ, pairs| AsRun { pairs, differ, tied: 0 }.standing();
        assert_eq!(standing(3, 66), SelfTestStanding::Met);
        assert_eq!(standing(0, 66), SelfTestStanding::TooFewBlocks, "0 to 5.4 %");
        assert_eq!(standing(8, 66), SelfTestStanding::TooFewBlocks, "12 %, and 5.4 % is possible");
        assert_eq!(standing(12, 66), SelfTestStanding::Missed);
        assert_eq!(standing(0, 200), SelfTestStanding::Missed, "far too seldom is wrong too");
        assert_eq!(standing(0, 0), SelfTestStanding::TooFewBlocks);
    }

    #[test]
    fn equal_values_are_left_out_and_counted_and_so_are_blocks_that_make_no_six() {
        let mut some = blocks(23, 1.0, 3);
        some[8] = (1.0, 1.0);
        let mut all = AsRun::default();
        all.add(&some, RATIO);
        assert_eq!((all.pairs, all.tied), (2, 1));
        let line = AsRun { pairs: 66, differ: 2, tied: 5 }.line(false);
        assert!(
            line.starts_with("met    arms against themselves") && line.contains("3.0 % (2 of 66 pairs of 6 blocks")
        );
        assert!(line.contains("binomial interval 0.4 to 10.5 %") && line.contains("5 pairs with equal"), "{line}");
        assert!(AsRun::default().line(true).starts_with("told"), "a smoke run decides nothing");
    }
}
