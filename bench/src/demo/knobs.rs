//! The knobs of the demo: what a page may set, within which limits, and what is said when a value lies outside.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::spec::{Delay, Delivery, Path};

use crate::nearest::nearest;

/// How the knobs stand.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Knobs {
    /// Quotes per second.
    pub(super) rate_per_s: f64,
    /// Distance of polls, and of conflated quotes, milliseconds.
    pub(super) interval_ms: u32,
    /// Round trip played by the servers, milliseconds.
    pub(super) rtt_ms: f64,
    /// Encoded size of a quote, bytes.
    pub(super) payload_bytes: u32,
    /// Size of the cookie that the page sets, bytes: the servers only pass the number on.
    pub(super) cookie_bytes: u32,
    /// Every quote, or the newest only.
    pub(super) delivery: Delivery,
    /// Seed of the quotes.
    pub(super) seed: u64,
}

/// A knob with a number: its name, what people call it, and what it may be.
struct Limit {
    name: &'static str,
    words: &'static str,
    least: f64,
    most: f64,
    whole: bool,
}

/// The largest whole number that a page's numbers hold exactly.
const SEED_MAX: f64 = 9_007_199_254_740_991.0;

const LIMITS: [Limit; 6] = [
    limit("rate_per_s", "quotes per second", 0.2, 200.0, false),
    limit("interval_ms", "poll interval in ms", 50.0, 10_000.0, true),
    limit("rtt_ms", "round trip in ms", 0.0, 5_000.0, false),
    limit("payload_bytes", "bytes per quote", 120.0, 16_384.0, true),
    limit("cookie_bytes", "cookie bytes", 0.0, 4_000.0, true),
    limit("seed", "seed", 0.0, SEED_MAX, true),
];

const fn limit(name: &'static str, words: &'static str, least: f64, most: f64, whole: bool) -> Limit {
    Limit { name, words, least, most, whole }
}

/// What a change of the knobs means for a run.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Change {
    /// The knobs afterwards.
    pub(super) knobs: Knobs,
    /// What was clamped or rounded, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            rate_per_s: 5.0,
            interval_ms: 1_000,
            rtt_ms: 0.0,
            payload_bytes: 120,
            cookie_bytes: 0,
            delivery: Delivery::Every,
            seed: 1,
        }
    }
}

impl Knobs {
    /// The longest round trip that can be asked for, milliseconds.
    pub(super) const RTT_MAX_MS: f64 = LIMITS[2].most;

    /// `{knob: [least, most]}` of all that have numbers.
    pub(super) fn limits() -> Value {
        LIMITS.iter().map(|limit| (limit.name.to_owned(), Value::from(vec![limit.least, limit.most]))).collect()
    }

    /// The knobs with `wanted` set, clamped.
    ///
    /// # Errors
    /// When a knob does not exist or its value is of another kind: then none is set.
    pub(super) fn with(&self, wanted: &Map<String, Value>) -> Result<Change, String> {
        let (mut knobs, mut notes) = (self.clone(), Vec::new());
        for (name, value) in wanted {
            if name == "delivery" {
                knobs.delivery = delivery(value)?;
                continue;
            }
            let Some(limit) = LIMITS.iter().find(|limit| limit.name == name) else {
                let all = LIMITS.iter().map(|limit| limit.name).chain(["delivery"]);
                // What a stranger sent may be long.
                return Err(nearest("knob", &name.chars().take(40).collect::<String>(), all));
            };
            let asked = value
                .as_f64()
                .ok_or_else(|| format!("{}: allowed is a number from {} to {}", limit.name, limit.least, limit.most))?;
            knobs.put(limit.name, limit.clamped(asked, &mut notes));
        }
        Ok(Change { knobs, notes })
    }

    fn put(&mut self, name: &str, value: f64) {
        // Clamped to limits that fit, and whole where it must be.
        match name {
            "rate_per_s" => self.rate_per_s = value,
            "interval_ms" => self.interval_ms = value as u32,
            "rtt_ms" => self.rtt_ms = value,
            "payload_bytes" => self.payload_bytes = value as u32,
            "cookie_bytes" => self.cookie_bytes = value as u32,
            _ => self.seed = value as u64,
        }
    }

    /// Whether going over to `other` takes another stream: all but the round trip and what the page does by itself.
    pub(super) fn needs_another_stream(&self, other: &Self) -> bool {
        let stream = |knobs: &Self| (knobs.rate_per_s, knobs.payload_bytes, knobs.seed, knobs.delivery);
        stream(self) != stream(other)
    }

    /// What the feed publishes.
    pub(super) fn feed(&self) -> FeedSpec {
        FeedSpec {
            seed: self.seed,
            arrivals: Arrivals::Poisson,
            rate_per_s: self.rate_per_s,
            payload_bytes: self.payload_bytes,
            ..FeedSpec::default()
        }
    }

    /// Half of the round trip each way.
    pub(super) fn delay(&self) -> Delay {
        Delay { one_way_delay_us: (self.rtt_ms * 500.0).round() as u64 }
    }

    /// The way to the page, as results call it.
    pub(super) fn path(&self) -> Path {
        match self.delay() {
            Delay { one_way_delay_us: 0 } => Path::Loopback,
            delay => Path::Delayed(delay),
        }
    }
}

impl Limit {
    fn clamped(&self, asked: f64, notes: &mut Vec<String>) -> f64 {
        let taken = asked.clamp(self.least, self.most);
        let taken = if self.whole { taken.round() } else { taken };
        if asked > self.most {
            notes.push(format!("{}: {asked} is above {}, taken as {taken}", self.words, self.most));
        } else if asked < self.least {
            notes.push(format!("{}: {asked} is below {}, taken as {taken}", self.words, self.least));
        } else if taken != asked {
            notes.push(format!("{}: {asked} is no whole number, taken as {taken}", self.words));
        }
        taken
    }
}

fn delivery(value: &Value) -> Result<Delivery, String> {
    match value.as_str() {
        Some("every") => Ok(Delivery::Every),
        Some("newest") => Ok(Delivery::Newest),
        _ => Err("delivery: allowed are \"every\" and \"newest\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(value: Value) -> Result<Change, String> {
        Knobs::default().with(value.as_object().unwrap())
    }

    #[test]
    fn what_lies_outside_is_clamped_and_said() {
        let change = set(json!({"rate_per_s": 500, "interval_ms": 1, "rtt_ms": 30.5, "cookie_bytes": 10.4})).unwrap();
        let Knobs { rate_per_s, interval_ms, rtt_ms, cookie_bytes, .. } = change.knobs;
        assert_eq!((rate_per_s, interval_ms, rtt_ms, cookie_bytes), (200.0, 50, 30.5, 10));
        assert_eq!(
            change.notes,
            [
                "cookie bytes: 10.4 is no whole number, taken as 10",
                "poll interval in ms: 1 is below 50, taken as 50",
                "quotes per second: 500 is above 200, taken as 200",
            ]
        );
        assert_eq!(change.knobs.delay().one_way_delay_us, 15_250);
    }

    #[test]
    fn limits_lie_within_what_feed_and_servers_take() {
        for (name, limits) in Knobs::limits().as_object().unwrap() {
            for value in limits.as_array().unwrap() {
                let change = set(json!({ name: value })).unwrap();
                assert!(change.notes.is_empty() && change.knobs.feed().check().is_ok(), "{name} {value}");
                assert!(change.knobs.delay().one_way_delay_us <= wirerace_contract::spec::DELAY_MAX_US);
            }
        }
    }

    #[test]
    fn what_is_no_knob_or_no_number_sets_nothing() {
        for (wrong, part) in [
            (json!({"rate": 1}), "nearest is `rate_per_s`"),
            (json!({"rtt_ms": "far"}), "a number from 0 to 5000"),
            (json!({"delivery": "some"}), "\"newest\""),
            (json!({"seed": null}), "seed: allowed is a number"),
        ] {
            let error = set(wrong).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_round_trip_changes_within_a_stream_and_the_rate_does_not() {
        let of = |value: Value| set(value).unwrap().knobs;
        for same in [json!({"rtt_ms": 200}), json!({"cookie_bytes": 900}), json!({"interval_ms": 500})] {
            assert!(!Knobs::default().needs_another_stream(&of(same)));
        }
        for other in [json!({"rate_per_s": 1}), json!({"delivery": "newest"}), json!({"seed": 2})] {
            assert!(Knobs::default().needs_another_stream(&of(other)));
        }
    }
}
