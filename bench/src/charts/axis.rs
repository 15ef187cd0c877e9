//! Scales from values to positions, and where their labels go.

/// A scale that is linear in the logarithm. It begins and ends at a label, so that every value lies between two.
#[derive(Clone, PartialEq, Debug)]
pub struct LogScale {
    ticks: Vec<f64>,
    from: f64,
    to: f64,
}

/// Multiples of a power of ten that get a label, the widest steps last.
const STEPS: [&[f64]; 3] = [&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0], &[1.0, 2.0, 5.0], &[1.0]];
/// With fewer labels than this an axis takes narrower steps.
const FEW: usize = 5;

impl LogScale {
    /// Covers the positive finite numbers among `values` with at most about `most` labels; the first and the last label
    /// lie at `from` and `to`. Without any such number it covers 1 to 10, so that there is still an axis to write
    /// "nothing measured" on.
    #[must_use]
    pub fn around(values: impl Iterator<Item = f64>, from: f64, to: f64, most: usize) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0f64);
        for value in values.filter(|v| v.is_finite() && *v > 0.0) {
            (low, high) = (low.min(value), high.max(value));
        }
        if high == 0.0 {
            (low, high) = (1.0, 10.0);
        }
        // Values that are all but equal stand in the middle of something.
        let air = (1.3 / (high / low)).sqrt().max(1.0);
        Self { ticks: log_ticks(low / air, high * air, most), from, to }
    }

    /// Where `value` lies; zero, negative and infinite values are moved to the nearer end.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = (self.ticks[0], self.ticks[self.ticks.len() - 1]);
        let inside = if value.is_nan() { low } else { value.clamp(low, high) };
        self.from + (inside / low).ln() / (high / low).ln() * (self.to - self.from)
    }

    /// Values to label, from the lower end of the axis to the upper.
    #[must_use]
    pub fn ticks(&self) -> &[f64] {
        &self.ticks
    }
}

/// Labels that enclose `low` to `high`: 1, 2 and 5 times powers of ten; powers of ten alone where those were more than
/// `most`; narrower steps where they were few, at last round numbers at equal distances. Always two at least.
fn log_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let [narrow, usual, decades] = STEPS.map(|factors| enclosing(low, high, factors));
    if usual.len() > most {
        // Over very many powers of ten not even each of those.
        let every = decades.len().div_ceil(most.max(2)).max(1);
        let mut ticks: Vec<f64> = decades.iter().copied().step_by(every).collect();
        ticks.extend(decades.last().filter(|last| ticks.last() != Some(last)));
        return ticks;
    }
    let found = [usual, narrow, linear_ticks(low, high, FEW as u32)];
    let enough = found.iter().find(|ticks| ticks.len() >= FEW).or(found.iter().max_by_key(|ticks| ticks.len()));
    enough.cloned().unwrap_or_else(|| vec![low, high])
}

/// Multiples by `factors` of powers of ten, from the last that is at most `low` to the first that is at least `high`.
fn enclosing(low: f64, high: f64, factors: &[f64]) -> Vec<f64> {
    // One power more on either side, since a logarithm may round to the wrong side of a whole number.
    let (first, last) = (low.log10().floor() as i32 - 1, high.log10().ceil() as i32 + 1);
    let all = (first..=last).flat_map(|power| factors.iter().map(move |f| multiple(*f, power)));
    let all: Vec<f64> = all.collect();
    let begin = all.iter().rposition(|tick| *tick <= low).unwrap_or(0);
    let end = all.iter().position(|tick| *tick >= high).unwrap_or(all.len() - 1);
    all[begin..=end].to_vec()
}

/// `factor` × 10^`power`, rounded once: 0.3 and not 0.30000000000000004.
fn multiple(factor: f64, power: i32) -> f64 {
    if power < 0 { factor / 10f64.powi(-power) } else { factor * 10f64.powi(power) }
}

/// About `wanted` round numbers that enclose `low` to `high`.
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
    let (first, last) = ((low / step + 1e-9).floor() as i64, (high / step - 1e-9).ceil() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A scale with labels, logarithmic or linear.
#[derive(Clone, PartialEq, Debug)]
pub enum Scale {
    /// See [`LogScale`].
    Log(LogScale),
    /// Linear from the first label to the last, which lie at `from` and `to`.
    Linear {
        /// Values to label.
        ticks: Vec<f64>,
        /// Where the first lies.
        from: f64,
        /// Where the last lies.
        to: f64,
    },
}

impl Scale {
    /// As [`LogScale::around`].
    #[must_use]
    pub fn log(values: impl Iterator<Item = f64>, from: f64, to: f64, most: usize) -> Self {
        Self::Log(LogScale::around(values, from, to, most))
    }

    /// Covers 0 and the finite numbers among `values`.
    #[must_use]
    pub fn linear(values: impl Iterator<Item = f64>, from: f64, to: f64, wanted: u32) -> Self {
        let (low, high) = values.filter(|v| v.is_finite()).fold((0.0f64, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        let high = if high > low { high } else { low + 1.0 };
        Self::Linear { ticks: linear_ticks(low, high, wanted), from, to }
    }

    /// Where `value` lies, at the nearer end if it is outside.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        match self {
            Self::Log(scale) => scale.at(value),
            Self::Linear { ticks, from, to } => {
                let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
                let inside = if value.is_nan() { low } else { value.clamp(low, high) };
                from + (inside - low) / (high - low).max(f64::MIN_POSITIVE) * (to - from)
            }
        }
    }

    /// Values to label, from the lower end of the axis to the upper.
    #[must_use]
    pub fn ticks(&self) -> &[f64] {
        match self {
            Self::Log(scale) => scale.ticks(),
            Self::Linear { ticks, .. } => ticks,
        }
    }
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

    fn ticks(values: &[f64]) -> Vec<f64> {
        LogScale::around(values.iter().copied(), 0.0, 100.0, 8).ticks().to_vec()
    }

    #[test]
    fn a_log_axis_always_has_labels() {
        assert_eq!(ticks(&[0.1, 300.0]), [0.1, 1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(ticks(&[0.03, 2.0]), [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]);
        assert_eq!(ticks(&[1650.0, 6050.0]), [1500.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0, 8000.0]);
        assert_eq!(ticks(&[30.0, 40.0]), [30.0, 32.0, 34.0, 36.0, 38.0, 40.0]);
        assert_eq!(ticks(&[1e-12, 1e12]).len(), 7);
        for narrow in [&[3.1, 3.4][..], &[0.0], &[], &[7.0], &[f64::NAN, f64::INFINITY]] {
            assert!(ticks(narrow).len() >= 4, "{narrow:?}: {:?}", ticks(narrow));
        }
    }

    #[test]
    fn an_axis_covers_all_its_values() {
        for low in (0..400).map(|i| 1e-3 * 1.07f64.powi(i)) {
            for high in [1.0, 1.001, 1.3, 1.7, 2.9, 3.1, 7.0, 35.0, 99.0, 5e3, 1e9].map(|ratio| low * ratio) {
                let ticks = ticks(&[low, high]);
                assert!(ticks[0] > 0.0 && ticks[0] <= low && high <= ticks[ticks.len() - 1], "{low} {high} {ticks:?}");
                assert!((4..=10).contains(&ticks.len()), "{low} {high} {ticks:?}");
                let ticks = linear_ticks(0.0, high, 5);
                assert!(high <= ticks[ticks.len() - 1] * (1.0 + 1e-9), "{high} {ticks:?}");
            }
        }
    }

    #[test]
    fn zero_and_infinity_go_to_the_ends() {
        let scale = LogScale::around([1.0, 100.0].into_iter(), 0.0, 100.0, 8);
        assert_eq!((scale.at(0.0), scale.at(f64::INFINITY), scale.at(f64::NAN)), (0.0, 100.0, 0.0));
        assert!((scale.at(10.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_linear_scale_holds_nought_and_all_its_values() {
        let scale = Scale::linear([-3.0, 7.0, f64::NAN].into_iter(), 0.0, 100.0, 4);
        assert!(scale.ticks()[0] <= -3.0 && scale.ticks().contains(&0.0));
        assert!(scale.at(-3.0) < scale.at(0.0) && scale.at(7.0) <= 100.0 && scale.at(1e9) == 100.0);
        assert_eq!(scale.at(f64::NAN), 0.0);
        assert!(Scale::linear([].into_iter(), 0.0, 100.0, 4).ticks().len() > 1, "an axis without values has labels");
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
        assert_eq!(linear_ticks(0.0, 7.0, 4), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(linear_ticks(0.0, 0.0, 4), [0.0]);
    }
}
