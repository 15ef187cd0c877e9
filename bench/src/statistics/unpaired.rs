//! Two samples that were not taken side by side: how many times the one the other is.
//!
//! **Estimate.** The median of all ratios b/a (Hodges and Lehmann, *Estimates of location based on rank tests*, 1963, on the
//! logarithms). **Interval.** The k-th smallest and k-th largest of those ratios, k from the exact distribution of Mann and
//! Whitney's U (Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, 3rd ed., §4.3): its coverage is exact where
//! the two differ by a factor and in nothing else. Unlike pairs within blocks, two runs may also differ by what happened to
//! the machine in between: no interval of two runs can hold that.

use super::{Bounds, CONFIDENCE, Scale, median};

/// Above this many values a side, U is taken as normal: its error in a rank is below one there.
const EXACT_MAX: usize = 40;

/// How many times `a` is `b`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Times {
    /// Median of all ratios; `None` without values, or where some ratio is none (∞ ÷ ∞).
    pub estimate: Option<f64>,
    /// Its interval of at least 95 %; `None` with too few values for one (4 and 4, 3 and 5 are the fewest).
    pub bounds: Option<Bounds>,
}

/// `b` over `a`, unpaired. Values that are not numbers are left out.
#[must_use]
pub fn times(a: &[f64], b: &[f64]) -> Times {
    let numbers = |values: &[f64]| values.iter().copied().filter(|value| !value.is_nan()).collect::<Vec<f64>>();
    let (a, b) = (numbers(a), numbers(b));
    let ratios: Option<Vec<f64>> =
        b.iter().flat_map(|right| a.iter().map(|left| Scale::Ratio.of(*right, *left))).collect();
    let Some(mut ratios) = ratios.filter(|ratios| !ratios.is_empty()) else { return Times::default() };
    ratios.sort_by(f64::total_cmp);
    let bounds = rank(a.len(), b.len()).map(|(k, coverage)| Bounds {
        low: ratios[k - 1],
        high: ratios[ratios.len() - k],
        coverage,
    });
    Times { estimate: median(&ratios), bounds }
}

/// The largest k whose interval covers at least [`CONFIDENCE`], and what it covers; `None` where not even the widest does.
fn rank(n: usize, m: usize) -> Option<(usize, f64)> {
    if n == 0 || m == 0 {
        return None;
    }
    if n.max(m) > EXACT_MAX {
        let (all, sum) = ((n * m) as f64, (n + m + 1) as f64);
        // 1.96: the normal distribution's 97.5 %.
        let k = (all / 2.0 - 1.96 * (all * sum / 12.0).sqrt()).floor();
        return (k >= 1.0).then_some((k as usize, CONFIDENCE));
    }
    let (mut tail, mut best) = (0.0, None);
    for (u, probability) in u_distribution(n, m).into_iter().enumerate() {
        tail += probability;
        let coverage = 1.0 - 2.0 * tail;
        if coverage < CONFIDENCE {
            break;
        }
        best = Some((u + 1, coverage));
    }
    best
}

/// Probability of U = 0, 1 … n·m for samples of `n` and `m` from one distribution: the largest of all values belongs to
/// the first with probability n/(n+m) and then stands above all m of the other.
fn u_distribution(n: usize, m: usize) -> Vec<f64> {
    // Of no values against 0 … m: U is 0.
    let mut rows: Vec<Vec<f64>> = vec![vec![1.0]; m + 1];
    for i in 1..=n {
        let mut next: Vec<Vec<f64>> = vec![vec![1.0]];
        for j in 1..=m {
            let (ours, theirs) = (i as f64 / (i + j) as f64, j as f64 / (i + j) as f64);
            let without_ours = &rows[j];
            let without_theirs = &next[j - 1];
            let at = |values: &[f64], u: Option<usize>| u.and_then(|u| values.get(u)).copied().unwrap_or(0.0);
            let row = (0..=i * j)
                .map(|u| ours * at(without_ours, u.checked_sub(j)) + theirs * at(without_theirs, Some(u)))
                .collect();
            next.push(row);
        }
        rows = next;
    }
    rows.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wirerace_contract::plan::SplitMix64;

    #[test]
    fn the_distribution_of_u_by_hand() {
        // Of the 6 orders of two and two, U is 0, 1, 2, 2, 3, 4.
        let of = u_distribution(2, 2);
        let expected = [1.0, 1.0, 2.0, 1.0, 1.0].map(|count| count / 6.0);
        assert!(of.iter().zip(expected).all(|(is, should)| (is - should).abs() < 1e-12), "{of:?}");
        assert!((u_distribution(7, 5).iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ranks_as_tables_give_them() {
        // Critical values of U at 5 %, two-sided: 5 for 6 and 6, 37 for 12 and 12, 0 for 4 and 4; none for 3 and 3.
        assert_eq!([(6, 6), (12, 12), (4, 4)].map(|(n, m)| rank(n, m).unwrap().0), [6, 38, 1]);
        assert_eq!(rank(3, 3), None);
        // From exact to normal without a jump.
        let (exact, normal) = (rank(40, 40).unwrap().0, rank(41, 41).unwrap().0);
        assert!(exact < normal && normal - exact < 45, "{exact} {normal}");
    }

    #[test]
    fn a_sample_against_itself_is_one_and_against_its_double_is_two() {
        let values = [1.0, 1.3, 0.9, 1.1, 1.2, 0.95];
        let same = times(&values, &values);
        assert_eq!(same.estimate, Some(1.0));
        let bounds = same.bounds.unwrap();
        assert!(bounds.low < 1.0 && bounds.high > 1.0 && (bounds.low * bounds.high - 1.0).abs() < 1e-12);
        let double = times(&values, &values.map(|v| 2.0 * v));
        assert!((double.estimate.unwrap() - 2.0).abs() < 1e-12);
        // Counted exactly: no width.
        assert_eq!(times(&[5.0; 6], &[5.0; 6]).bounds.map(|b| (b.low, b.high)), Some((1.0, 1.0)));
    }

    #[test]
    fn nothing_and_infinities_do_not_panic() {
        assert_eq!(times(&[], &[1.0]), Times::default());
        assert_eq!(times(&[0.0; 6], &[0.0; 6]).estimate, Some(1.0));
        assert_eq!(times(&[1.0; 6], &[f64::INFINITY; 6]).estimate, Some(f64::INFINITY));
        assert_eq!(times(&[f64::INFINITY; 6], &[f64::INFINITY; 6]), Times::default());
        assert_eq!(times(&[f64::NAN], &[1.0]), Times::default());
    }

    #[test]
    fn intervals_cover_the_true_factor_as_often_as_computed() {
        let mut random = SplitMix64::new(11);
        let mut draw = |factor: f64| -> Vec<f64> { (0..6).map(|_| factor * (0.3 * random.normal()).exp()).collect() };
        let covered = (0..4_000)
            .filter(|_| {
                let (a, b) = (draw(1.0), draw(1.5));
                let bounds = times(&a, &b).bounds.unwrap();
                (bounds.low..=bounds.high).contains(&1.5)
            })
            .count();
        // 1 − 2·P(U ≤ 5) = 0.9589; three standard errors are 0.0095.
        assert!((covered as f64 / 4_000.0 - 0.9589).abs() < 0.0095, "{covered}");
    }
}
