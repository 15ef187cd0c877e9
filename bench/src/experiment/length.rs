//! How long it takes: before a run from what is planned, during it from what is done.

use std::fmt;

use wirerace_contract::results::{ArmEntry, Cell};
use wirerace_contract::spec::{Arm, LoadSpec, Path};

use super::Experiment;
use crate::link::timed::BEFORE_TRIAL_MS;

/// Starting two processes, the start itself, draining and closing, seconds. Measured on a small machine.
const AROUND_S: f64 = 0.7;

/// How long a run is expected to take.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Length {
    /// Trials.
    pub trials: usize,
    /// All of them together, seconds.
    pub seconds: f64,
}

impl std::iter::Sum for Length {
    fn sum<I: Iterator<Item = Self>>(lengths: I) -> Self {
        lengths.fold(Self::default(), |a, b| Self { trials: a.trials + b.trials, seconds: a.seconds + b.seconds })
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.trials == 1 { "" } else { "s" };
        write!(f, "about {}: {} trial{plural}", in_words(self.seconds), self.trials)
    }
}

/// Seconds as people say them: `40 s`, `12 min`, `1 h 40 min`.
#[must_use]
pub fn in_words(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match seconds {
        s if s < 90.0 => format!("{} s", s.max(0.0).round() as u64),
        _ if minutes < 90 => format!("{minutes} min"),
        _ => format!("{} h {:02} min", minutes / 60, minutes % 60),
    }
}

/// How long one trial is expected to take, seconds: connecting, the longest warm-up, the window on its grid, the interval
/// in which its last quote is fetched, and the round trips of opening and closing; over a link also timing that beforehand.
#[must_use]
pub fn trial_s(arm: &Arm, load: &LoadSpec) -> f64 {
    let connecting_s = f64::from(load.clients) / f64::from(load.connects_per_s.max(1));
    let grid_ms = u64::from(if load.grid_ms > 0 { load.grid_ms } else { arm.interval_ms }).max(1);
    let window_ms = load.window_ms.div_ceil(grid_ms) * grid_ms;
    let round_trip_s = 2.0 * load.path.one_way_delay_s();
    let planned_ms = load.warm_up_max_ms + grid_ms / 2 + window_ms + u64::from(arm.interval_ms);
    let timing_s = match load.path {
        Path::Link(_) => BEFORE_TRIAL_MS as f64 / 1e3 + load.path.one_way_delay_s(),
        _ => 0.0,
    };
    AROUND_S + timing_s + connecting_s + planned_ms as f64 / 1e3 + 4.0 * round_trip_s
}

/// Whether `cell` runs in `block`, from 1: exact cells run once.
#[must_use]
pub const fn runs_in(cell: &Cell, block: u32) -> bool {
    block == 1 || !cell.exact
}

/// The trials of one block.
#[must_use]
pub fn block(arms: &[ArmEntry], cells: &[Cell], block: u32) -> Length {
    let trial = |cell: &Cell, entry: &ArmEntry| Length { trials: 1, seconds: trial_s(&entry.arm, &cell.load) };
    let cells = cells.iter().filter(|cell| runs_in(cell, block));
    cells.flat_map(|cell| arms.iter().map(move |entry| trial(cell, entry))).sum()
}

impl Experiment {
    /// How long it is expected to take if no block has to be repeated.
    #[must_use]
    pub fn length(&self) -> Length {
        let Length { trials, seconds } = block(&self.arms, &self.cells, 2);
        let others = self.blocks.saturating_sub(1);
        let rest = Length { trials: trials * others as usize, seconds: seconds * f64::from(others) };
        [block(&self.arms, &self.cells, 1), rest].into_iter().sum()
    }
}

/// What is left of a run, from what its trials took so far: trials of different cells take different times, so the mean
/// is that of taken against expected.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct TimeLeft {
    left: Length,
    expected_s: f64,
    taken_s: f64,
}

impl TimeLeft {
    /// Before the first trial of what is to be done.
    #[must_use]
    pub fn new(to_do: Length) -> Self {
        Self { left: to_do, ..Self::default() }
    }

    /// More is to be done than was planned: a block is repeated.
    pub fn add(&mut self, more: Length) {
        self.left = [self.left, more].into_iter().sum();
    }

    /// A trial is over that was expected to take `expected_s` and took `taken_s`.
    pub fn done(&mut self, expected_s: f64, taken_s: f64) {
        self.left.trials = self.left.trials.saturating_sub(1);
        self.left.seconds = (self.left.seconds - expected_s).max(0.0);
        self.expected_s += expected_s;
        self.taken_s += taken_s;
    }

    /// What is left.
    #[must_use]
    pub fn left(&self) -> Length {
        let pace = if self.expected_s > 0.0 { self.taken_s / self.expected_s } else { 1.0 };
        Length { seconds: self.left.seconds * pace, ..self.left }
    }
}

#[cfg(test)]
mod tests {
    use wirerace_contract::spec::Link;

    use super::*;

    fn length(trials: usize, seconds: f64) -> Length {
        Length { trials, seconds }
    }

    #[test]
    fn lengths_as_people_say_them() {
        assert_eq!(length(480, 6_000.0).to_string(), "about 1 h 40 min: 480 trials");
        assert_eq!(length(1, 4.4).to_string(), "about 4 s: 1 trial");
        assert_eq!(
            (in_words(89.0), in_words(90.0), in_words(5_399.0)),
            ("89 s".into(), "2 min".into(), "1 h 30 min".into())
        );
    }

    #[test]
    fn the_time_left_follows_what_trials_really_take() {
        let mut time = TimeLeft::new(length(10, 100.0));
        assert_eq!(time.left(), length(10, 100.0), "nothing known yet: what was planned");
        // A short cell and a long one, each half as long again as expected.
        time.done(4.0, 6.0);
        time.done(16.0, 24.0);
        assert_eq!(time.left(), length(8, 120.0));
        time.add(length(5, 50.0));
        assert_eq!(time.left(), length(13, 195.0));
        for _ in 0..20 {
            time.done(10.0, 15.0);
        }
        assert_eq!(time.left(), length(0, 0.0), "never below nothing");
    }

    #[test]
    fn a_trial_is_its_window_on_the_grid_and_what_is_around_it() {
        let arm = Arm { interval_ms: 400, ..Arm::default() };
        let load = LoadSpec {
            clients: 20,
            window_ms: 1_000,
            warm_up_max_ms: 2_000,
            connects_per_s: 10,
            ..LoadSpec::default()
        };
        // 2 s to connect, 2 s of warm-up, half an interval to wait for the grid, three of window, one for the last quote.
        let expected_s = AROUND_S + 2.0 + 2.0 + 0.2 + 1.2 + 0.4;
        assert!((trial_s(&arm, &load) - expected_s).abs() < 1e-9, "{}", trial_s(&arm, &load));
        // A quarter of a second and the way to time the link, and four round trips.
        let link = Link { one_way_delay_us: 10_000, ..crate::link::PLAIN };
        let over_link = trial_s(&arm, &LoadSpec { path: Path::Link(link), ..load });
        assert!((over_link - expected_s - 0.26 - 0.08).abs() < 1e-9, "{over_link}");
    }
}
