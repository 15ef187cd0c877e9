//! What is asked, and how a way of delivery is set to answer it.

use serde::Serialize;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Delivery, Link, LoadSpec, Path};

use crate::theory::{Run, Setting};

/// Over how long costs are taken, seconds: cursors have the digits of an hour's quotes, set-up is nothing beside it.
const HOUR_S: f64 = 3_600.0;

/// What somebody wants to deliver.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Question {
    /// Quotes a second that each client is to see, of one symbol.
    pub rate_per_s: f64,
    /// Clients.
    pub clients: u64,
    /// The 99th percentile of excess staleness over time may be this, seconds.
    pub staleness_s: f64,
    /// There and back between client and server, seconds.
    pub rtt_s: f64,
    /// Size of an encoded quote, bytes.
    pub payload_bytes: u32,
    /// Messages a second that each client sends up; 0 for none.
    pub orders_per_s: f64,
    /// Only the newest quote is wanted.
    pub latest_only: bool,
}

impl Question {
    /// What each client wants.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        if self.latest_only { Delivery::Newest } else { Delivery::Every }
    }

    /// The load of one processor with `clients`.
    #[must_use]
    pub fn load(&self, clients: u32) -> LoadSpec {
        let link = Link {
            one_way_delay_us: (self.rtt_s / 2.0 * 1e6).round() as u64,
            jitter_us: 0,
            rate_bits_per_s: 0,
            loss_share: 0.0,
            loss_burst_packets: 0.0,
            queue_packets: 0,
        };
        LoadSpec {
            clients,
            feed: FeedSpec {
                seed: 1,
                symbols: 1,
                arrivals: Arrivals::Poisson,
                rate_per_s: self.rate_per_s,
                payload_bytes: self.payload_bytes,
            },
            path: Path::Link(link),
            window_ms: (HOUR_S * 1e3) as u64,
            ..LoadSpec::default()
        }
    }

    /// `entry` set to what is asked, at `interval_ms`.
    #[must_use]
    pub fn arm(&self, entry: &ArmEntry, interval_ms: u32) -> ArmEntry {
        let arm = Arm { delivery: self.delivery(), interval_ms, ..entry.arm.clone() };
        ArmEntry { arm, descriptor: entry.descriptor.clone() }
    }

    /// An hour of it.
    #[must_use]
    pub fn run(&self) -> Run {
        self.run_of(HOUR_S)
    }

    /// As much of it as a feed of `feed_s` seconds has.
    #[must_use]
    pub fn run_of(&self, feed_s: f64) -> Run {
        Run {
            quotes: self.rate_per_s * feed_s,
            feed_s,
            window_rate_per_s: self.rate_per_s,
            window_from_s: None,
            asked_s: feed_s,
            metered_s: feed_s,
        }
    }

    /// The same with other clients.
    #[must_use]
    pub fn with_clients(&self, clients: u64) -> Self {
        Self { clients, ..self.clone() }
    }

    /// The parameters of all formulas.
    #[must_use]
    pub fn setting(&self, entry: &ArmEntry, clients: u32, costs: &crate::theory::Costs) -> Setting {
        Setting::of(&entry.arm, &self.load(clients), &entry.descriptor, costs)
    }
}
