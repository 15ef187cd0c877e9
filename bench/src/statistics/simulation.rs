//! Which interval to use, decided by simulation: the median's order statistics (what [`compare`] uses) against Wilcoxon's
//! signed-rank interval (order statistics of the means of all pairs, around the estimate of Hodges and Lehmann).

use super::*;
use wirerace_contract::plan::SplitMix64;

const BLOCKS: usize = 12;
const ROUNDS: usize = 4_000;

/// The signed-rank interval of at least [`CONFIDENCE`] (Hollander, Wolfe and Chicken, *Nonparametric Statistical
/// Methods*, 3rd ed., §3.3). It takes the differences to be symmetric.
fn signed_rank_bounds(values: &[f64]) -> (f64, f64) {
    let n = values.len();
    // How many of the 2ⁿ ways to give the ranks 1 … n signs have a sum of positive ranks of 0, 1, 2 …
    let mut ways = vec![0.0; n * (n + 1) / 2 + 1];
    ways[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..ways.len()).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let mut tail = 0.0;
    let outside = ways.iter().take_while(|w| {
        tail += **w / 2f64.powi(n as i32);
        2.0 * tail <= 1.0 - CONFIDENCE
    });
    let k = outside.count();
    let mut means: Vec<f64> =
        (0..n).flat_map(|i| (i..n).map(move |j| (i, j))).map(|(i, j)| (values[i] + values[j]) / 2.0).collect();
    means.sort_by(f64::total_cmp);
    (means[k - 1], means[means.len() - k])
}

/// Shares of rounds in which (order statistics, signed ranks) leave out 0.
fn leave_out_zero(seed: u64, mut difference: impl FnMut(&mut SplitMix64) -> f64) -> (f64, f64) {
    let mut random = SplitMix64::new(seed);
    let mut found = (0, 0);
    for _ in 0..ROUNDS {
        let values: Vec<f64> = (0..BLOCKS).map(|_| difference(&mut random)).collect();
        let order = median_bounds(&values).unwrap();
        let rank = signed_rank_bounds(&values);
        found.0 += usize::from(order.low > 0.0 || order.high < 0.0);
        found.1 += usize::from(rank.0 > 0.0 || rank.1 < 0.0);
    }
    (found.0 as f64 / ROUNDS as f64, found.1 as f64 / ROUNDS as f64)
}

/// One trial's value.
type Draw = fn(&mut SplitMix64) -> f64;

/// Name, one trial's value, and an effect that order statistics find about four times in five.
const NOISES: [(&str, Draw, f64); 4] = [
    ("Gaussian", SplitMix64::normal, 1.5),
    ("log-normal", |r| r.normal().exp(), 1.9),
    // Student's t with two degrees of freedom: no finite variance.
    ("heavy tails", |r| r.normal() / r.exponential().sqrt(), 2.2),
    ("one trial in ten disturbed", |r| r.normal() + if r.below(10) == 0 { 10.0 * r.exponential() } else { 0.0 }, 1.75),
];

#[test]
fn the_interval_of_signed_ranks_is_that_of_the_tables() {
    // At n = 12 and 5 % the critical value is 13: from the 14th of 78 means to the 14th last.
    let values: Vec<f64> = (0..12).map(|i| 2f64.powi(i)).collect();
    let mut means: Vec<f64> = (0..12).flat_map(|i| (i..12).map(move |j| (2f64.powi(i) + 2f64.powi(j)) / 2.0)).collect();
    means.sort_by(f64::total_cmp);
    assert_eq!(signed_rank_bounds(&values), (means[13], means[78 - 14]));
}

#[test]
fn an_arm_against_itself_differs_in_three_to_five_of_a_hundred_whatever_the_noise() {
    for (name, draw, _) in NOISES {
        let (order, rank) = leave_out_zero(1, |random| draw(random) - draw(random));
        // Expected are 3.9 and 4.2 %; three standard errors are 0.9 %.
        assert!((0.030..0.050).contains(&order) && (0.030..0.054).contains(&rank), "{name}: {order} {rank}");
    }
}

/// Why we keep order statistics: signed ranks find more in noise like Gauss's, and less where some trials are disturbed,
/// which is what a machine that does other things as well makes.
#[test]
fn signed_ranks_find_more_in_even_noise_and_less_in_disturbed() {
    let gains = NOISES.map(|(name, draw, effect)| {
        let (order, rank) = leave_out_zero(2, |random| draw(random) + effect - draw(random));
        println!("{name}: found by order statistics {order}, by signed ranks {rank}");
        rank - order
    });
    // About +0.14, −0.02, +0.02 and −0.05; a standard error is 0.01, and less between two looks at the same values.
    assert!(gains[0] > 0.10 && gains[1] < 0.02 && gains[2] < 0.06 && gains[3] < -0.02, "{gains:?}");
}

/// The other reason: arms of different transports have noise of different shapes, so that differences are not symmetric.
/// What signed ranks speak of is then not the median.
#[test]
fn signed_ranks_see_differences_of_medians_where_there_are_none() {
    // The median of a log-normal variable is 1.
    let (order, rank) = leave_out_zero(3, |random| random.normal().exp() - 1.0);
    println!("skewed: {order} {rank}");
    assert!((0.030..0.050).contains(&order), "{order}");
    assert!(rank > 0.052 && rank > order + 0.012, "{order} {rank}");
}

#[test]
fn the_interval_is_stricter_between_the_numbers_of_blocks_that_fit_it() {
    let differs = |n: usize| {
        let k = (1..=n / 2).take_while(|k| coverage(n, *k) >= CONFIDENCE).last().unwrap();
        (1_000.0 * (1.0 - coverage(n, k))).round() / 10.0
    };
    assert_eq!((6..=12).map(differs).collect::<Vec<_>>(), [3.1, 1.6, 0.8, 3.9, 2.1, 1.2, 3.9]);
}
