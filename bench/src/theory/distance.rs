//! How far a measured distribution is from a law.

use hdrhistogram::Histogram;

use super::lateness::Lateness;

const NS_PER_S: f64 = 1e9;

/// The largest difference between the share of quotes that were at most so late and the law's probability, 0 to 1
/// (Kolmogorov). Lost quotes count as infinitely late.
///
/// A law with a step (all that meet a held request are exactly d late) is never met by a machine, whose
/// microseconds make a slope of the step. Therefore `slack_s`: only the part of a difference counts that remains when
/// the law may be shifted by that much either way (Lévy's idea, with a fixed shift). 0 is Kolmogorov's own.
#[must_use]
pub fn distance(histogram: &Histogram<u64>, lost: u64, law: &Lateness, slack_s: f64) -> f64 {
    let all = histogram.len() + lost;
    if all == 0 {
        return 0.0;
    }
    let (mut below, mut largest) = (0u64, 0.0f64);
    // What is infinitely late is missing at the end of the law.
    for bucket in histogram.iter_recorded() {
        let value = bucket.value_iterated_to();
        let from_s = histogram.lowest_equivalent(value) as f64 / NS_PER_S;
        let to_s = histogram.highest_equivalent(value) as f64 / NS_PER_S;
        let share_before = below as f64 / all as f64;
        below += bucket.count_since_last_iteration();
        let share = below as f64 / all as f64;
        // Just below the bucket, where the law may have got further, and at its end, where the quotes may have.
        largest = largest.max(law.cdf(from_s * (1.0 - 1e-12) - slack_s) - share_before);
        largest = largest.max(share - law.cdf(to_s + slack_s));
    }
    largest.max(1.0 - below as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::super::lateness::Part;
    use super::*;
    use wirerace_contract::distribution::new_histogram;

    fn even(from_ms: u64, to_ms: u64) -> Histogram<u64> {
        let mut histogram = new_histogram();
        (from_ms * 10..to_ms * 10).for_each(|tenth| histogram.record(tenth * 100_000 + 50_000).unwrap());
        histogram
    }

    #[test]
    fn the_same_is_near_and_half_of_it_is_half_away() {
        let law = Lateness::of(Part::Uniform(0.1, 0.2));
        assert!(distance(&even(100, 200), 0, &law, 0.0) < 0.003);
        assert!((distance(&even(100, 150), 0, &law, 0.0) - 0.5).abs() < 0.003, "too early");
        assert!((distance(&even(150, 200), 0, &law, 0.0) - 0.5).abs() < 0.003, "too late");
        assert!((distance(&even(200, 300), 0, &law, 0.0) - 1.0).abs() < 0.003);
        assert!((distance(&even(100, 200), 250, &law, 0.0) - 0.2).abs() < 0.003, "a fifth never came");
        assert_eq!(distance(&new_histogram(), 0, &law, 0.0), 0.0);
    }

    #[test]
    fn slack_forgives_a_shift_and_no_more() {
        let step = Lateness::of(Part::At(0.1));
        let mut histogram = new_histogram();
        histogram.record_n(100_200_000, 90).unwrap();
        histogram.record_n(101_000_000, 10).unwrap();
        assert_eq!(distance(&histogram, 0, &step, 0.0), 1.0);
        assert!((distance(&histogram, 0, &step, 0.000_3) - 0.1).abs() < 1e-9);
    }
}
