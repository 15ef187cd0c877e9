//! Lateness of all trials of an arm together: histograms are merged, percentiles are never averaged.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wirerace_contract::distribution::{Distribution, new_histogram, quantile_ns};

use super::reading::Reading;

/// One point of a percentile curve.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// 0 to 1.
    pub quantile: f64,
    /// Milliseconds; infinite where lost quotes make it so.
    pub lateness_ms: Reading,
}

/// Lateness over all valid trials of an arm, as one distribution.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Quotes received in the windows.
    pub count: u64,
    /// Quotes lost in the windows; they count as infinitely late.
    pub lost: u64,
    /// Median, milliseconds; `null` when nothing was measured. Likewise below.
    pub p50_ms: Option<Reading>,
    /// 90th percentile.
    pub p90_ms: Option<Reading>,
    /// 99th percentile.
    pub p99_ms: Option<Reading>,
    /// 99.9th percentile.
    pub p999_ms: Option<Reading>,
    /// The curve, from 0 to the last quantile beyond which at least [`BEYOND_MIN`] quotes lie.
    pub curve: Vec<CurvePoint>,
}

/// How many quotes must lie beyond a quantile for it to be drawn: fewer, and one stray quote makes the line.
pub const BEYOND_MIN: u64 = 10;

/// Merges the distributions. The second value says how many could not be read.
#[must_use]
pub fn merge<'a>(distributions: impl Iterator<Item = &'a Distribution>) -> (Merged, usize) {
    let (mut all, mut lost, mut damaged) = (new_histogram(), 0, 0);
    for distribution in distributions {
        match distribution.histogram() {
            Ok(histogram) if all.add(&histogram).is_ok() => lost += distribution.lost,
            // Nothing was recorded, as by a trial that measured nothing: no damage.
            _ if distribution.count == 0 && distribution.histogram.is_empty() => lost += distribution.lost,
            _ => damaged += 1,
        }
    }
    let at = |quantile| late_ms(&all, lost, quantile);
    let merged = Merged {
        count: all.len(),
        lost,
        p50_ms: at(0.5),
        p90_ms: at(0.9),
        p99_ms: at(0.99),
        p999_ms: at(0.999),
        curve: quantiles(all.len() + lost)
            .into_iter()
            .filter_map(|quantile| Some(CurvePoint { quantile, lateness_ms: at(quantile)? }))
            .collect(),
    };
    (merged, damaged)
}

fn late_ms(histogram: &Histogram<u64>, lost: u64, quantile: f64) -> Option<Reading> {
    let all = histogram.len() + lost;
    match quantile_ns(histogram, lost, quantile) {
        Some(ns) => Reading::new(ns as f64 / 1e6),
        None if all > 0 => Reading::new(f64::INFINITY),
        None => None,
    }
}

/// Where the curve is sampled: every 2 % for a cumulative curve, and 24 points for each further nine.
fn quantiles(count: u64) -> Vec<f64> {
    if count == 0 {
        return Vec::new();
    }
    // With few quotes the curve still reaches the median.
    let beyond_max = (count as f64 / BEYOND_MIN as f64).max(2.0);
    let mut quantiles: Vec<f64> = (0..=45).map(|i| f64::from(i) / 50.0).collect();
    quantiles.extend((1..).map(|i| 10f64.powf(1.0 + f64::from(i) / 24.0)).map_while(|beyond| {
        // Rounded, so that 99 % is 0.99 and equal on every machine.
        (beyond <= beyond_max * 1.000_001).then(|| ((1.0 - 1.0 / beyond) * 1e7).round() / 1e7)
    }));
    quantiles.retain(|q| 1.0 / (1.0 - q) <= beyond_max * 1.000_001);
    quantiles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(values_ms: std::ops::RangeInclusive<u64>, lost: u64) -> Distribution {
        let mut histogram = new_histogram();
        values_ms.for_each(|ms| histogram.record(ms * 1_000_000).unwrap());
        Distribution::of(&histogram, lost)
    }

    #[test]
    fn merging_is_not_averaging() {
        // The 99th percentile of 99 values of 1 ms and 101 of 1,000 ms is 1,000 ms; the average would be 500.
        let (a, b) = (distribution(1..=1, 0), distribution(1000..=1000, 0));
        let (merged, damaged) = merge([&a, &b, &b].into_iter());
        assert_eq!((merged.count, damaged), (3, 0));
        assert!((merged.p50_ms.unwrap().get() / 1000.0 - 1.0).abs() < 0.002, "{merged:?}");
    }

    #[test]
    fn lost_quotes_bend_the_curve_to_infinity_and_damage_is_counted() {
        let broken = Distribution { histogram: "!".into(), ..distribution(1..=5, 0) };
        let (merged, damaged) = merge([&distribution(1..=900, 100), &broken].into_iter());
        assert_eq!((merged.count, merged.lost, damaged), (900, 100, 1));
        assert_eq!(merged.p99_ms.unwrap().get(), f64::INFINITY);
        assert!((merged.p50_ms.unwrap().get() - 500.0).abs() < 1.0);
    }

    #[test]
    fn the_curve_ends_where_ten_quotes_are_left() {
        let (merged, _) = merge([&distribution(1..=1000, 0)].into_iter());
        let last = merged.curve.last().unwrap();
        assert!((last.quantile - 0.99).abs() < 1e-9, "{last:?}");
        assert_eq!(merge([&distribution(7..=7, 0)].into_iter()).0.curve.last().unwrap().quantile, 0.5);
        assert!(merge(std::iter::empty()).0.curve.is_empty());
    }
}
