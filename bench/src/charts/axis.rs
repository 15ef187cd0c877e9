//! Scales from values to positions, and where their labels go.

/// A scale that is linear in the logarithm.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LogScale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl LogScale {
    /// Covers the positive finite numbers among `values` and a little more; `low` to `high` lie at `from` to `to`.
    /// Without any such number it covers 1 to 10, so that there is still an axis to write "nothing measured" on.
    #[must_use]
    pub fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0f64);
        for value in values.filter(|v| v.is_finite() && *v > 0.0) {
            (low, high) = (low.min(value), high.max(value));
        }
        if high == 0.0 {
            (low, high) = (1.0, 10.0);
        }
        let air = (high / low).powf(0.05).max(1.15);
        Self { low: low / air, high: high * air, from, to }
    }

    /// Where `value` lies; zero, negative and infinite values are moved to the nearer end.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        let inside = if value.is_nan() { self.low } else { value.clamp(self.low, self.high) };
        self.from + (inside / self.low).ln() / (self.high / self.low).ln() * (self.to - self.from)
    }

    /// Values to label: powers of ten; where fewer than three are in range also 2 and 5 times those; where that is
    /// not enough either, round numbers at equal distances. An axis never comes out without labels.
    #[must_use]
    pub fn ticks(&self) -> Vec<f64> {
        for factors in [&[1.0][..], &[1.0, 2.0, 5.0]] {
            let ticks = self.multiples(factors);
            if ticks.len() >= 3 {
                return ticks;
            }
        }
        linear_ticks(self.low, self.high, 4)
    }

    fn multiples(&self, factors: &[f64]) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let all = (first..=last).flat_map(|power| factors.iter().map(move |f| f * 10f64.powi(power)));
        all.filter(|v| (self.low..=self.high).contains(v)).collect()
    }
}

/// About `wanted` round numbers from `low` to `high`.
#[must_use]
pub fn linear_ticks(low: f64, high: f64, wanted: u32) -> Vec<f64> {
    let span = high - low;
    // False for NaN as well.
    let usable = span > 0.0 && span.is_finite();
    if !usable {
        return vec![low];
    }
    let raw = span / f64::from(wanted.max(1));
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|f| f * power).find(|s| *s >= raw * 0.999).unwrap_or(raw);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Moves `centres` apart until neighbours are at least `gap` from each other, as little as possible and within `low`
/// to `high`; keeps their order. Where there is no room for `gap`, they share what there is.
#[must_use]
pub fn spread(centres: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..centres.len()).collect();
    order.sort_by(|a, b| centres[*a].total_cmp(&centres[*b]));
    let gap = gap.min((high - low) / (centres.len().max(2) - 1) as f64);
    let mut placed: Vec<f64> = order.iter().map(|i| centres[*i].clamp(low, high)).collect();
    // Alternate halves of each overlap settle quickly; the last two passes make it exact.
    for _ in 0..200 {
        for i in 1..placed.len() {
            let overlap = gap - (placed[i] - placed[i - 1]);
            if overlap > 0.0 {
                placed[i - 1] -= overlap / 2.0;
                placed[i] += overlap / 2.0;
            }
        }
        placed.iter_mut().for_each(|p| *p = p.clamp(low, high));
    }
    for i in 1..placed.len() {
        placed[i] = placed[i].max(placed[i - 1] + gap);
    }
    let mut ceiling = high;
    for place in placed.iter_mut().rev() {
        *place = place.min(ceiling);
        ceiling = *place - gap;
    }
    let mut result = vec![0.0; centres.len()];
    order.iter().zip(placed).for_each(|(i, place)| result[*i] = place);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_axis_always_has_labels() {
        let ticks = |values: &[f64]| LogScale::around(values.iter().copied(), 0.0, 100.0).ticks();
        assert_eq!(ticks(&[0.1, 300.0]), [0.1, 1.0, 10.0, 100.0]);
        assert_eq!(ticks(&[30.0, 300.0]), [50.0, 100.0, 200.0]);
        for narrow in [&[3.1, 3.4][..], &[0.0], &[], &[7.0], &[f64::NAN, f64::INFINITY]] {
            assert!(ticks(narrow).len() >= 2, "{narrow:?}: {:?}", ticks(narrow));
        }
    }

    #[test]
    fn zero_and_infinity_go_to_the_ends() {
        let scale = LogScale::around([1.0, 100.0].into_iter(), 0.0, 100.0);
        assert_eq!((scale.at(0.0), scale.at(f64::INFINITY), scale.at(f64::NAN)), (0.0, 100.0, 0.0));
        assert!((scale.at(10.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn labels_are_moved_apart_and_keep_their_order() {
        let placed = spread(&[50.0, 52.0, 10.0, 51.0], 15.0, 0.0, 100.0);
        assert!(placed[2] < placed[0] && placed[0] < placed[3] && placed[3] < placed[1]);
        assert!(placed[3] - placed[0] >= 15.0 - 1e-9 && placed[1] - placed[3] >= 15.0 - 1e-9);
        let crowded = spread(&[99.0; 12], 15.0, 0.0, 100.0);
        assert!(crowded.iter().all(|p| (-1e-6..=100.0).contains(p)), "{crowded:?}");
        assert!(spread(&[], 15.0, 0.0, 100.0).is_empty());
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(linear_ticks(0.0, 100.0, 4), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(linear_ticks(0.0, 7.0, 4), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(linear_ticks(0.0, 0.0, 4), [0.0]);
    }
}
