//! Durations as whole histograms: they merge, percentiles do not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest duration that is told apart from longer ones: an hour.
pub const LONGEST_NS: u64 = 3_600_000_000_000;

/// An empty histogram for durations from 1 ns to an hour with three significant digits (error at most 0.1 %).
#[must_use]
pub fn new_histogram() -> Histogram<u64> {
    // The bounds are constants that satisfy the constructor's conditions (1 <= low, 2 * low <= high, digits <= 5).
    #[allow(clippy::expect_used)]
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("constant bounds are valid")
}

/// A set of durations in nanoseconds: its summary, and the histogram itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// How many were measured.
    pub count: u64,
    /// How many quotes never came. They count as infinitely late in the percentiles.
    pub lost: u64,
    /// The least; `null` when nothing was measured.
    pub min_ns: Option<u64>,
    /// Arithmetic mean of what was measured (lost ones have no finite mean); `null` when nothing was measured.
    pub mean_ns: Option<f64>,
    /// Median; `null` means infinite (more than half were lost) or nothing measured. Likewise below.
    pub p50_ns: Option<u64>,
    /// 90th percentile.
    pub p90_ns: Option<u64>,
    /// 99th percentile.
    pub p99_ns: Option<u64>,
    /// 99.9th percentile.
    pub p999_ns: Option<u64>,
    /// The largest; `null` if anything was lost.
    pub max_ns: Option<u64>,
    /// The histogram in HdrHistogram's V2 encoding, base64.
    pub histogram: String,
}

impl Distribution {
    /// The summary of `histogram`, with `lost` values counted as infinite.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>, lost: u64) -> Self {
        let count = histogram.len();
        let mut encoded = Vec::new();
        // Writing to a Vec cannot fail, and counts are u64 as the format allows.
        let _ = V2Serializer::new().serialize(histogram, &mut encoded);
        let at = |quantile| quantile_ns(histogram, lost, quantile);
        Self {
            count,
            lost,
            min_ns: (count > 0).then(|| histogram.min()),
            mean_ns: (count > 0).then(|| histogram.mean()),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: (count > 0 && lost == 0).then(|| histogram.max()),
            histogram: STANDARD.encode(encoded),
        }
    }

    /// The histogram itself.
    ///
    /// # Errors
    /// When the text is no base64, or no HdrHistogram V2.
    pub fn histogram(&self) -> Result<Histogram<u64>, DistributionError> {
        let bytes = STANDARD.decode(&self.histogram).map_err(|e| DistributionError(e.to_string()))?;
        Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|e| DistributionError(e.to_string()))
    }
}

/// The value at `quantile` (0 to 1) when `lost` further values are infinite; `None` if that is infinite or
/// there is nothing.
#[must_use]
pub fn quantile_ns(histogram: &Histogram<u64>, lost: u64, quantile: f64) -> Option<u64> {
    let all = histogram.len() + lost;
    if histogram.is_empty() {
        return None;
    }
    // The smallest rank that covers the quantile, as HdrHistogram itself rounds.
    let rank = ((quantile * all as f64).ceil() as u64).clamp(1, all);
    (rank <= histogram.len()).then(|| histogram.value_at_quantile(rank as f64 / histogram.len() as f64))
}

/// A stored histogram that cannot be read.
#[derive(Debug, Error)]
#[error("a stored histogram cannot be read ({0}); the line it stands in is damaged")]
pub struct DistributionError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_quotes_are_infinitely_late() {
        let mut histogram = new_histogram();
        for value in 1..=90 {
            histogram.record(value).unwrap();
        }
        let with_losses = Distribution::of(&histogram, 10);
        assert_eq!(with_losses.p50_ns, Some(50));
        assert_eq!(with_losses.p90_ns, Some(90));
        assert_eq!(with_losses.p99_ns, None);
        assert_eq!(with_losses.max_ns, None);
        assert_eq!(Distribution::of(&histogram, 0).max_ns, Some(90));
    }

    #[test]
    fn survives_the_file() {
        let mut histogram = new_histogram();
        histogram.record_n(123_456, 7).unwrap();
        let text = serde_json::to_string(&Distribution::of(&histogram, 0)).unwrap();
        let back: Distribution = serde_json::from_str(&text).unwrap();
        assert_eq!(back.histogram().unwrap(), histogram);
        assert!(Distribution { histogram: "!".into(), ..back }.histogram().is_err());
    }

    #[test]
    fn a_mean_that_is_not_a_number_comes_back_as_none() {
        let mut histogram = new_histogram();
        histogram.record(5).unwrap();
        let odd = Distribution { mean_ns: Some(f64::NAN), ..Distribution::of(&histogram, 0) };
        let back: Distribution = serde_json::from_str(&serde_json::to_string(&odd).unwrap()).unwrap();
        assert_eq!((back.mean_ns, back.count, back.p50_ns), (None, 1, Some(5)));
    }

    #[test]
    fn nothing_measured_is_not_zero() {
        let empty = Distribution::of(&new_histogram(), 0);
        assert_eq!((empty.p50_ns, empty.mean_ns, empty.max_ns), (None, None, None));
    }
}
