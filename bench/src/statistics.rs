//! How sure we are: medians, intervals of medians, and comparisons paired within blocks.
//!
//! Nothing in here knows what a transport is, or a file. Values may be infinite (a lost quote is infinitely
//! late); values that are not numbers are left out before anything is computed.
//!
//! **Interval of a median.** For n independent values in increasing order x(1) … x(n), the median of what they
//! were drawn from lies in [x(k), x(n+1−k)] with probability 1 − 2·P(X ≤ k−1), X binomial with n trials of
//! probability ½, whatever the distribution (Conover, *Practical Nonparametric Statistics*, 3rd ed., §3.2; David
//! and Nagaraja, *Order Statistics*, 3rd ed., §7.1). We take the largest k that still gives 95 %. Six values are
//! the fewest that can: 1 − 2/2⁶ = 96.9 %.
//!
//! **Comparison.** Within a block all arms met the same machine in the same minutes, so each block gives one
//! difference (lateness, in milliseconds) or one ratio (everything else); the interval is that of their median.
//! Three outcomes, in this order: the interval leaves out "no difference": *differs*; it lies within the margin:
//! *equal*; otherwise *undecided*. With fewer than six blocks there is no interval and no verdict.
//!
//! **How often an arm differs from itself.** As often as the interval misses: 3.1 % at 6 blocks, 3.9 % at 9 and at 12. In
//! between ranks are whole numbers and the interval is stricter than it need be: 1.6 % at 7, 0.8 % at 8, 2.1 % at 10, 1.2 %
//! at 11. Take 6, 9 or 12. Equal values never differ. `wirerace run self-test` measures it.
//!
//! **Why not signed ranks** (Wilcoxon, Hodges and Lehmann): decided in `simulation`, twelve blocks. In Gaussian noise they
//! find 88 % of effects that order statistics find 74 % of; in log-normal noise 76 against 78 %, in heavy tails 74 against 72 %,
//! and where one trial in ten is disturbed 61 against 67 %. They take differences to be symmetric: where the arms' noise has
//! other shapes they call equal medians different in 6 to 7 % of cases, order statistics in 4 %. A gain in the one case that
//! measured machines are not like is not worth that. Order statistics take nothing for granted, and know what to do with an
//! infinite value.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Least probability that an interval covers the true median.
pub const CONFIDENCE: f64 = 0.95;
/// Fewest values for which an order-statistic interval of a median reaches [`CONFIDENCE`].
pub const BLOCKS_MIN: usize = 6;

/// What is left of `values` without those that are not numbers, in increasing order.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut numbers: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// The median: the middle value, or the mean of the two in the middle. `None` without values, or when the two in
/// the middle are opposite infinities.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let (last, half) = (sorted.len().checked_sub(1)?, sorted.len() / 2);
    let (low, high) = (sorted[last / 2], sorted[half]);
    // Halved before they are added, so that two large values do not overflow.
    let middle = if low == high { low } else { low / 2.0 + high / 2.0 };
    (!middle.is_nan()).then_some(middle)
}

/// Bounds of a median.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bounds {
    /// Lower end, x(k).
    pub low: f64,
    /// Upper end, x(n+1−k).
    pub high: f64,
    /// Probability, 0 to 1, that such an interval covers the true median; at least [`CONFIDENCE`].
    pub coverage: f64,
}

/// Probability that [x(k), x(n+1−k)] covers the median: 1 − 2·P(X ≤ k−1). `k` counts from 1.
#[must_use]
pub fn coverage(n: usize, k: usize) -> f64 {
    // Logarithms, since 0.5^n is 0 in a f64 from n = 1,075 on.
    let mut ln_term = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = 0.0;
    for i in 0..k {
        tail += ln_term.exp();
        ln_term += ((n - i.min(n)) as f64).ln() - ((i + 1) as f64).ln();
    }
    1.0 - 2.0 * tail
}

/// The narrowest order-statistic interval of the median that has at least [`CONFIDENCE`]; `None` below
/// [`BLOCKS_MIN`] values.
#[must_use]
pub fn median_bounds(values: &[f64]) -> Option<Bounds> {
    let sorted = sorted(values);
    let n = sorted.len();
    let k = (1..=n / 2).take_while(|k| coverage(n, *k) >= CONFIDENCE).last()?;
    Some(Bounds { low: sorted[k - 1], high: sorted[n - k], coverage: coverage(n, k) })
}

/// How two values of one block are set against each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// left − right; 0 means no difference.
    Difference,
    /// left ÷ right; 1 means no difference.
    Ratio,
}

impl Scale {
    /// The value that means "no difference".
    #[must_use]
    pub const fn neutral(self) -> f64 {
        match self {
            Self::Difference => 0.0,
            Self::Ratio => 1.0,
        }
    }

    /// One block's value; `None` where it has none (∞ − ∞, ∞ ÷ ∞). Two zeros have the ratio 1: there is no
    /// difference between nothing and nothing.
    fn of(self, left: f64, right: f64) -> Option<f64> {
        let value = match self {
            Self::Ratio if left == 0.0 && right == 0.0 => 1.0,
            Self::Ratio => left / right,
            Self::Difference => left - right,
        };
        (!value.is_nan()).then_some(value)
    }
}

/// What a comparison says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The interval leaves out "no difference".
    Differs,
    /// The interval holds "no difference" and lies within the margin.
    Equal,
    /// The interval holds "no difference" and more than the margin.
    Undecided,
    /// Fewer than [`BLOCKS_MIN`] blocks: no interval, no verdict.
    TooFewBlocks,
}

impl Outcome {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Differs => "differs",
            Self::Equal => "equal",
            Self::Undecided => "no clear difference",
            Self::TooFewBlocks => "too few blocks for an interval",
        }
    }
}

/// Two arms, paired within blocks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Paired {
    /// Blocks in which both have a value.
    pub n: usize,
    /// Median over the blocks; `None` without blocks.
    pub estimate: Option<f64>,
    /// Its interval; `None` with fewer than [`BLOCKS_MIN`] blocks.
    pub bounds: Option<Bounds>,
    /// The verdict.
    pub outcome: Outcome,
}

/// Compares `pairs` of (left, right), one a block. `margin` is what counts as equal, as a share: ± of the ratio 1,
/// or ± of the smaller of both medians for differences (the stricter choice).
#[must_use]
pub fn compare(pairs: &[(f64, f64)], scale: Scale, margin: f64) -> Paired {
    let values: Vec<f64> = pairs.iter().filter_map(|(left, right)| scale.of(*left, *right)).collect();
    let bounds = median_bounds(&values);
    let outcome = bounds.map_or(Outcome::TooFewBlocks, |bounds| {
        let allowed = match scale {
            Scale::Ratio => margin,
            Scale::Difference => {
                let side = |pick: fn(&(f64, f64)) -> f64| median(&pairs.iter().map(pick).collect::<Vec<_>>());
                let (left, right) = (side(|p| p.0), side(|p| p.1));
                margin * left.unwrap_or(0.0).abs().min(right.unwrap_or(0.0).abs())
            }
        };
        verdict(&bounds, scale.neutral(), allowed)
    });
    Paired { n: values.len(), estimate: median(&values), bounds, outcome }
}

fn verdict(bounds: &Bounds, neutral: f64, allowed: f64) -> Outcome {
    if bounds.low > neutral || bounds.high < neutral {
        Outcome::Differs
    } else if bounds.low >= neutral - allowed && bounds.high <= neutral + allowed {
        Outcome::Equal
    } else {
        Outcome::Undecided
    }
}

pub mod unpaired;

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests {
    use super::*;
    use wirerace_contract::plan::SplitMix64;

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[1.0, f64::NAN, 3.0, 2.0]), Some(2.0));
        assert_eq!(median(&[1.0, f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
        assert_eq!(median(&[f64::NEG_INFINITY, f64::INFINITY]), None);
    }

    #[test]
    fn coverages_by_hand() {
        // 1 − 2·1/64; 1 − 2·1/32; 1 − 2·(1 + 12 + 66)/4096; 1 − 2·(1 + 9)/512.
        for (n, k, expected) in [(6, 1, 0.96875), (5, 1, 0.9375), (12, 3, 1.0 - 158.0 / 4096.0), (9, 2, 0.9609375)] {
            assert!((coverage(n, k) - expected).abs() < 1e-12, "{n} {k}");
        }
        // Does not underflow: at n = 5,000 the interval is about ± 1.96·√n/2 ranks wide.
        assert!((coverage(5_000, 2_431) - 0.95).abs() < 0.01);
    }

    #[test]
    fn bounds_by_hand() {
        assert_eq!(median_bounds(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
        let six = median_bounds(&[6.0, 1.0, 5.0, 2.0, 4.0, 3.0]).unwrap();
        assert_eq!((six.low, six.high), (1.0, 6.0));
        let twelve = median_bounds(&(1..=12).map(f64::from).collect::<Vec<_>>()).unwrap();
        assert_eq!((twelve.low, twelve.high), (3.0, 10.0));
    }

    #[test]
    fn three_outcomes_and_a_refusal() {
        let pairs = |ratios: [f64; 6]| ratios.map(|r| (100.0 * r, 100.0));
        let outcome = |ratios| compare(&pairs(ratios), Scale::Ratio, 0.03).outcome;
        assert_eq!(outcome([1.1, 1.2, 1.15, 1.3, 1.12, 1.11]), Outcome::Differs);
        // Two bytes in two hundred, always: small, and certain.
        assert_eq!(outcome([1.01; 6]), Outcome::Differs);
        assert_eq!(outcome([0.99, 1.01, 1.0, 1.02, 0.98, 1.0]), Outcome::Equal);
        assert_eq!(outcome([0.9, 1.01, 1.0, 1.02, 0.98, 1.0]), Outcome::Undecided);
        assert_eq!(compare(&pairs([1.5; 6])[..5], Scale::Ratio, 0.03).outcome, Outcome::TooFewBlocks);
        assert_eq!(compare(&[], Scale::Ratio, 0.03).estimate, None);
    }

    #[test]
    fn differences_are_equal_within_a_share_of_the_smaller_median() {
        // ± 3 % of 10 ms is 0.3 ms: differences of up to 0.2 ms are equal, of 0.4 ms are not.
        let pairs = |by: f64| [-by, by, 0.0, by / 2.0, -by / 2.0, 0.0].map(|d| (10.0 + d, 10.0));
        assert_eq!(compare(&pairs(0.2), Scale::Difference, 0.03).outcome, Outcome::Equal);
        assert_eq!(compare(&pairs(0.4), Scale::Difference, 0.03).outcome, Outcome::Undecided);
    }

    #[test]
    fn nothing_against_nothing_is_no_difference_and_infinities_do_not_panic() {
        assert_eq!(compare(&[(0.0, 0.0); 6], Scale::Ratio, 0.03).outcome, Outcome::Equal);
        assert_eq!(compare(&[(f64::INFINITY, 1.0); 6], Scale::Difference, 0.03).outcome, Outcome::Differs);
        assert_eq!(compare(&[(f64::INFINITY, f64::INFINITY); 6], Scale::Difference, 0.03).n, 0);
    }

    #[test]
    fn simulated_intervals_cover_the_median_as_often_as_computed() {
        // A skewed distribution on purpose: exponential with mean 1 has the median ln 2.
        let mut random = SplitMix64::new(42);
        for (n, expected) in [(6, 0.96875), (12, 0.96143)] {
            let covered = (0..4_000)
                .filter(|_| {
                    let values: Vec<f64> = (0..n).map(|_| random.exponential()).collect();
                    let bounds = median_bounds(&values).unwrap();
                    (bounds.low..=bounds.high).contains(&std::f64::consts::LN_2)
                })
                .count();
            // Three standard errors are 0.009.
            assert!((covered as f64 / 4_000.0 - expected).abs() < 0.009, "{n}: {covered}");
        }
    }

    #[test]
    fn an_arm_against_itself_seldom_differs_and_a_tenth_more_is_found() {
        let mut random = SplitMix64::new(7);
        let mut differs = |effect: f64| {
            (0..2_000)
                .filter(|_| {
                    let mut noisy = |mean: f64| mean * (0.04 * random.normal()).exp();
                    let pairs: Vec<_> = (0..12).map(|_| (noisy(effect), noisy(1.0))).collect();
                    compare(&pairs, Scale::Ratio, 0.1).outcome == Outcome::Differs
                })
                .count() as f64
                / 2_000.0
        };
        let (false_alarms, found) = (differs(1.0), differs(1.1));
        assert!((0.02..0.06).contains(&false_alarms), "{false_alarms}");
        assert!(found > 0.95, "{found}");
    }
}
