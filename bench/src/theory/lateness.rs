//! Distributions of lateness: mixtures of what the laws are made of, with mean, maximum, CDF and quantiles.

/// One thing that lateness may be, seconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Part {
    /// Always this.
    At(f64),
    /// Anything between the two, evenly.
    Uniform(f64, f64),
    /// `from_s` and the age of the last event of a Poisson process of `rate_per_s`, given that it is below
    /// `longest_s`: an exponential cut off there.
    Age {
        /// Added to the age, seconds.
        from_s: f64,
        /// Events per second.
        rate_per_s: f64,
        /// The age is below this, seconds.
        longest_s: f64,
    },
}

impl Part {
    /// Arithmetic mean, seconds.
    fn mean_s(&self) -> f64 {
        match *self {
            Self::At(s) => s,
            Self::Uniform(from_s, to_s) => (from_s + to_s) / 2.0,
            Self::Age { from_s, rate_per_s, longest_s } => {
                let y = rate_per_s * longest_s;
                // 1/λ − L/(e^y − 1), which cancels for small y: there L/2 × (1 − y/6).
                let age_s = if y < 1e-4 {
                    longest_s / 2.0 * (1.0 - y / 6.0)
                } else {
                    1.0 / rate_per_s - longest_s / y.exp_m1()
                };
                from_s + age_s
            }
        }
    }

    /// The least and the largest possible, seconds.
    fn bounds_s(&self) -> (f64, f64) {
        match *self {
            Self::At(s) => (s, s),
            Self::Uniform(from_s, to_s) => (from_s, to_s),
            Self::Age { from_s, longest_s, .. } => (from_s, from_s + longest_s),
        }
    }

    /// Probability of at most `s`.
    fn cdf(&self, s: f64) -> f64 {
        let (from_s, to_s) = self.bounds_s();
        if s < from_s {
            return 0.0;
        }
        if s >= to_s {
            return 1.0;
        }
        match *self {
            Self::Age { rate_per_s, longest_s, .. } if rate_per_s * longest_s > 1e-12 => {
                (-rate_per_s * (s - from_s)).exp_m1() / (-rate_per_s * longest_s).exp_m1()
            }
            _ => (s - from_s) / (to_s - from_s),
        }
    }
}

/// Parts of a law that was made of a sample: a 256th is a tenth of the distance that theory is held to.
const SAMPLE_PARTS: usize = 256;

/// A mixture: lateness is one of the parts, each with its probability.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lateness {
    parts: Vec<(f64, Part)>,
}

impl Lateness {
    /// One part only.
    #[must_use]
    pub fn of(part: Part) -> Self {
        Self { parts: vec![(1.0, part)] }
    }

    /// Parts with weights, which are scaled so that they add up to 1; those of weight 0 are left out.
    #[must_use]
    pub fn mixed(parts: impl IntoIterator<Item = (f64, Part)>) -> Self {
        let mut parts: Vec<(f64, Part)> = parts.into_iter().filter(|(weight, _)| *weight > 0.0).collect();
        let sum: f64 = parts.iter().map(|(weight, _)| weight).sum();
        parts.iter_mut().for_each(|(weight, _)| *weight /= sum);
        Self { parts }
    }

    /// The law of what came out in a sample: runs of equal numbers of values, each spread evenly from its first to its
    /// last, so that quotes which are alike make a step. Means differ from the sample's by less than a run's width.
    #[must_use]
    pub fn of_sample(mut late_s: Vec<f64>) -> Self {
        late_s.sort_by(f64::total_cmp);
        let run = late_s.len().div_ceil(SAMPLE_PARTS).max(1);
        Self::mixed(late_s.chunks(run).map(|values| {
            let (from_s, to_s) = (values[0], values[values.len() - 1]);
            let part = if to_s > from_s { Part::Uniform(from_s, to_s) } else { Part::At(from_s) };
            (values.len() as f64, part)
        }))
    }

    /// Laws with weights as one.
    #[must_use]
    pub fn together<'a>(laws: impl IntoIterator<Item = (f64, &'a Self)>) -> Self {
        let scaled =
            |(weight, law): (f64, &'a Self)| law.parts.iter().map(move |(share, part)| (weight * share, *part));
        Self::mixed(laws.into_iter().flat_map(scaled))
    }

    /// Arithmetic mean, seconds.
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        self.parts.iter().map(|(weight, part)| weight * part.mean_s()).sum()
    }

    /// The least possible, seconds; infinite if there are no parts.
    #[must_use]
    pub fn min_s(&self) -> f64 {
        self.parts.iter().map(|(_, part)| part.bounds_s().0).fold(f64::INFINITY, f64::min)
    }

    /// The largest possible, seconds.
    #[must_use]
    pub fn max_s(&self) -> f64 {
        self.parts.iter().map(|(_, part)| part.bounds_s().1).fold(0.0, f64::max)
    }

    /// Probability that lateness is at most `s` seconds.
    #[must_use]
    pub fn cdf(&self, s: f64) -> f64 {
        self.parts.iter().map(|(weight, part)| weight * part.cdf(s)).sum::<f64>().min(1.0)
    }

    /// The least lateness, seconds, that at least the share `quantile` (0 to 1) does not exceed; by bisection to
    /// 10⁻⁹ of the largest.
    #[must_use]
    pub fn quantile_s(&self, quantile: f64) -> f64 {
        let (mut low_s, mut high_s) = (self.min_s(), self.max_s());
        // Rounding may leave the sum of the weights a little below 1.
        let target = quantile.clamp(0.0, 1.0 - 1e-12);
        if self.parts.is_empty() || self.cdf(low_s) >= target {
            return low_s;
        }
        while high_s - low_s > 1e-9 * high_s {
            let middle_s = f64::midpoint(low_s, high_s);
            if self.cdf(middle_s) >= target { high_s = middle_s } else { low_s = middle_s }
        }
        high_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_undo_the_cdf_and_atoms_hold_their_share() {
        let law = Lateness::mixed([(3.0, Part::At(0.1)), (1.0, Part::Uniform(0.1, 0.5)), (0.0, Part::At(9.0))]);
        assert!((law.mean_s() - (0.75 * 0.1 + 0.25 * 0.3)).abs() < 1e-12);
        assert_eq!((law.min_s(), law.max_s()), (0.1, 0.5));
        assert_eq!((law.cdf(0.0999), law.cdf(0.1), law.cdf(0.5)), (0.0, 0.75, 1.0));
        assert_eq!(law.quantile_s(0.7), 0.1);
        assert!((law.quantile_s(0.875) - 0.3).abs() < 1e-8);
        assert!((law.quantile_s(1.0) - 0.5).abs() < 1e-8);
    }

    #[test]
    fn a_sample_has_its_steps_and_its_slopes() {
        // Half of the quotes at 30 ms, half evenly up to 90 ms.
        let late_s = (0..1_000).map(|i| 0.03 + if i % 2 == 0 { 0.0 } else { 0.06 * f64::from(i) / 1e3 }).collect();
        let law = Lateness::of_sample(late_s);
        assert!(law.parts.len() <= SAMPLE_PARTS);
        assert!((law.cdf(0.03) - 0.5).abs() < 0.005 && law.cdf(0.0299) == 0.0, "{}", law.cdf(0.03));
        assert!((law.cdf(0.06) - 0.75).abs() < 0.005 && (law.mean_s() - 0.045).abs() < 1e-4);
        assert_eq!(Lateness::of_sample(Vec::new()), Lateness::default());
    }

    #[test]
    fn a_cut_exponential_has_its_integral_as_mean() {
        for y in [1e-6, 1e-3, 0.1, 1.0, 10.0] {
            let part = Part::Age { from_s: 0.0, rate_per_s: y, longest_s: 1.0 };
            // The mean of what is not negative is the integral of 1 − CDF.
            let steps = 20_000;
            let integral: f64 =
                (0..steps).map(|i| 1.0 - part.cdf((f64::from(i) + 0.5) / f64::from(steps))).sum::<f64>()
                    / f64::from(steps);
            assert!((part.mean_s() / integral - 1.0).abs() < 1e-4, "{y}: {} {integral}", part.mean_s());
        }
    }
}
