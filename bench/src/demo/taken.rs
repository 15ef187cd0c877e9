//! What a page sends of a run: which quote it had when, in each lane. It is checked before anything is made of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wirerace_contract::results::Window;

/// The body of `POST /run`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Taken {
    /// Number of the run.
    pub(super) run: u64,
    /// By the name of the arm.
    pub(super) lanes: BTreeMap<String, LaneTaken>,
    /// How far the page's clock may be off, microseconds.
    #[serde(default)]
    pub(super) offset_error_us: f64,
    /// Spans in which the page was hidden or asleep, microseconds since the epoch's start.
    #[serde(default)]
    pub(super) hidden: Vec<(f64, f64)>,
    /// Which span is measured, microseconds since the epoch's start.
    pub(super) window_us: (f64, f64),
    /// What the browser calls itself.
    #[serde(default)]
    pub(super) user_agent: String,
}

/// What one lane showed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct LaneTaken {
    /// Number of a quote, and when the page had it, microseconds since the epoch's start.
    pub(super) received: Vec<(u64, f64)>,
    /// Requests sent.
    #[serde(default)]
    pub(super) requests: u64,
    /// Answers without a quote.
    #[serde(default)]
    pub(super) empty: u64,
    /// Polls left out, since the one before had no answer yet.
    #[serde(default)]
    pub(super) skipped: u64,
}

/// What a page saw of a lane, beside what the server's meters tell.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Seen {
    /// How long after the first lane it showed a quote, median, milliseconds; `None` where no quote tells.
    pub(super) after_first_p50_ms: Option<f64>,
    /// The same, not passed by 99 % of the quotes.
    pub(super) after_first_p99_ms: Option<f64>,
    /// Answers without a quote.
    pub(super) empty: u64,
    /// Polls left out.
    pub(super) skipped: u64,
}

/// More requests, or polls left out, than any run has: the longest has room for 132,000 quotes with a request each.
const REQUESTS_MAX: u64 = 1_000_000;
/// Longest text that a browser may call itself, characters.
const USER_AGENT_MAX: usize = 300;

impl Taken {
    /// What cannot be, in a sentence, if anything: quotes that were never published, times that have not come yet.
    ///
    /// # Errors
    /// The first thing found.
    pub(super) fn check(&self, newest: u64, now_us: f64) -> Result<(), String> {
        if !(0.0..=60e6).contains(&self.offset_error_us) {
            return Err(format!("offset_error_us = {}: allowed are 0 to 60000000", self.offset_error_us));
        }
        // A page's clock may be ahead by its error.
        let latest_us = now_us + self.offset_error_us + 1e6;
        for (name, lane) in &self.lanes {
            lane.check_counts(name)?;
            for (seq, at_us) in &lane.received {
                if !(1..=newest).contains(seq) {
                    return Err(format!("{name}: quote {seq} was never published; the newest is {newest}"));
                }
                if !(-60e6..=latest_us).contains(at_us) {
                    return Err(format!("{name}: quote {seq} at {at_us} µs: that is not within the run"));
                }
            }
        }
        Ok(())
    }

    /// The longest part of `from_us..to_us` in which the page was seen; `None` when there is none.
    pub(super) fn longest_seen(&self, from_us: f64, to_us: f64) -> Option<(f64, f64)> {
        let mut hidden: Vec<(f64, f64)> = self.hidden.iter().copied().filter(|(from, to)| from < to).collect();
        hidden.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut best, mut seen_from) = (None::<(f64, f64)>, from_us);
        for (hidden_from, hidden_to) in hidden.into_iter().chain([(to_us, to_us)]) {
            let part = (seen_from, hidden_from.min(to_us));
            if part.1 > part.0 && best.is_none_or(|best| part.1 - part.0 > best.1 - best.0) {
                best = Some(part);
            }
            seen_from = seen_from.max(hidden_to);
        }
        best
    }

    /// What was seen of each lane, by its name: counts of the whole run, and the lateness of quotes due in `window`,
    /// without those for which a hidden page waited.
    pub(super) fn seen(&self, window: &Window) -> BTreeMap<&str, Seen> {
        let firsts_us = self.firsts_us();
        let is_hidden = |from: f64, to: f64| self.hidden.iter().any(|hidden| from <= hidden.1 && to >= hidden.0);
        let after_first_ms = |(seq, at_us): &(u64, f64)| {
            let first_us = *firsts_us.get(seq).filter(|_| (window.first_seq..=window.last_seq).contains(seq))?;
            (!is_hidden(first_us, *at_us)).then_some((at_us - first_us) / 1e3)
        };
        let seen = |lane: &LaneTaken| {
            let mut late_ms: Vec<f64> = lane.received.iter().filter_map(after_first_ms).collect();
            late_ms.sort_by(f64::total_cmp);
            let [after_first_p50_ms, after_first_p99_ms] = [0.5, 0.99].map(|share| nearest_rank(&late_ms, share));
            Seen { after_first_p50_ms, after_first_p99_ms, empty: lane.empty, skipped: lane.skipped }
        };
        self.lanes.iter().map(|(name, lane)| (name.as_str(), seen(lane))).collect()
    }

    /// When the first lane showed each quote, microseconds since the epoch's start.
    fn firsts_us(&self) -> BTreeMap<u64, f64> {
        let mut firsts_us = BTreeMap::new();
        for (seq, at_us) in self.lanes.values().flat_map(|lane| &lane.received) {
            let first_us: &mut f64 = firsts_us.entry(*seq).or_insert(*at_us);
            *first_us = first_us.min(*at_us);
        }
        firsts_us
    }

    /// Hidden spans, whole microseconds of the run.
    pub(super) fn hidden_us(&self) -> Vec<(u64, u64)> {
        // Negative values come out as 0.
        self.hidden.iter().map(|(from, to)| (*from as u64, *to as u64)).collect()
    }

    /// The browser's name, fit to be shown.
    pub(super) fn user_agent(&self) -> String {
        self.user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT_MAX).collect()
    }
}

impl LaneTaken {
    fn check_counts(&self, name: &str) -> Result<(), String> {
        let Self { requests, empty, skipped, .. } = self;
        if requests.max(skipped) > &REQUESTS_MAX {
            return Err(format!("{name}: {requests} requests and {skipped} skipped: at most {REQUESTS_MAX} of either"));
        }
        if empty > requests {
            return Err(format!("{name}: {empty} empty answers to {requests} requests"));
        }
        Ok(())
    }
}

/// The value that a share of `sorted` does not pass, as the page counts it: one of them, and none in between.
fn nearest_rank(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(hidden: &[(f64, f64)]) -> Taken {
        Taken {
            run: 1,
            lanes: BTreeMap::from([("ws".to_owned(), LaneTaken { received: vec![(1, 5.0)], ..LaneTaken::default() })]),
            offset_error_us: 100.0,
            hidden: hidden.to_vec(),
            window_us: (0.0, 1e6),
            user_agent: "A\nB".to_owned(),
        }
    }

    #[test]
    fn the_longest_part_that_was_seen_is_taken() {
        let of = |hidden: &[(f64, f64)]| taken(hidden).longest_seen(10.0, 100.0);
        assert_eq!(of(&[]), Some((10.0, 100.0)));
        assert_eq!(of(&[(60.0, 80.0), (20.0, 30.0)]), Some((30.0, 60.0)));
        assert_eq!(of(&[(0.0, 70.0), (20.0, 30.0)]), Some((70.0, 100.0)));
        assert_eq!(of(&[(90.0, 500.0)]), Some((10.0, 90.0)));
        assert_eq!(of(&[(300.0, 500.0)]), Some((10.0, 100.0)));
        assert_eq!(of(&[(0.0, 200.0)]), None);
    }

    #[test]
    fn lateness_counts_from_the_first_lane_within_the_window_and_in_sight() {
        let lane = |all: &[(u64, f64)]| LaneTaken { received: all.to_vec(), empty: 2, ..LaneTaken::default() };
        let lanes = BTreeMap::from([
            ("poll".to_owned(), lane(&[(1, 900e3), (2, 9e3), (3, 30e3), (4, 90e3)])),
            ("sse".to_owned(), lane(&[])),
            ("ws".to_owned(), lane(&[(1, 4e3), (2, 5e3), (3, 20e3), (4, 41e3), (5, 60e3)])),
        ]);
        let window = Window { first_seq: 2, last_seq: 4, ..Window::default() };
        let of = |hidden: &[(f64, f64)], lane: &str| {
            let taken = Taken { lanes: lanes.clone(), ..taken(hidden) };
            let seen = taken.seen(&window)[lane];
            assert_eq!((seen.empty, seen.skipped), (2, 0));
            (seen.after_first_p50_ms, seen.after_first_p99_ms)
        };
        assert_eq!(of(&[], "poll"), (Some(10.0), Some(49.0)));
        assert_eq!(of(&[(50e3, 100e3)], "poll"), (Some(4.0), Some(10.0)));
        assert_eq!(of(&[], "ws"), (Some(0.0), Some(0.0)));
        assert_eq!(of(&[], "sse"), (None, None));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(taken(&[]).check(1, 10.0), Ok(()));
        assert!(taken(&[]).check(0, 10.0).unwrap_err().contains("never published"));
        let with = |at_us: f64| {
            let mut taken = taken(&[]);
            taken.lanes.values_mut().for_each(|lane| lane.received[0].1 = at_us);
            taken.check(1, 10.0)
        };
        for at_us in [1e9, f64::NAN, -1e9] {
            assert!(with(at_us).unwrap_err().contains("not within the run"), "{at_us}");
        }
        for (requests, empty, skipped, words) in
            [(1, 2, 0, "2 empty answers"), (u64::MAX, 0, 1, "at most"), (1, 0, u64::MAX, "at most")]
        {
            let lane = LaneTaken { requests, empty, skipped, ..LaneTaken::default() };
            let error =
                Taken { lanes: BTreeMap::from([("poll".to_owned(), lane)]), ..taken(&[]) }.check(1, 10.0).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let error = Taken { offset_error_us: f64::NAN, ..taken(&[]) }.check(1, 10.0).unwrap_err();
        assert!(error.contains("offset_error_us"), "{error}");
        assert_eq!(taken(&[]).user_agent(), "AB");
    }
}
