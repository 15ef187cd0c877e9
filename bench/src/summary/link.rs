//! What an emulated link says of itself over the trials of a cell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wirerace_contract::distribution::Distribution;
use wirerace_contract::results::{Cell, LinkReport, LinkWay, Trial};

use super::Reading;
use super::words::duration;

const NS_PER_MS: f64 = 1e6;

/// The link's own figures, each the worst over the trials of a cell that are used: they need not be of one trial.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LinkSummary {
    /// How many trials tell of the link.
    pub trials: u32,
    /// Achieved − planned delay of a packet, milliseconds: the largest median. `null` where no packet was timed.
    pub error_p50_ms: Option<Reading>,
    /// Likewise, the largest 99th percentile.
    pub error_p99_ms: Option<Reading>,
    /// Achieved − planned delay from socket to socket before the trials, milliseconds: the largest median. `null` in files
    /// written before it was measured.
    #[serde(default)]
    pub sockets_p50_ms: Option<Reading>,
    /// Likewise, the largest 99th percentile; infinite where one in a hundred did not come.
    #[serde(default)]
    pub sockets_p99_ms: Option<Reading>,
    /// Share of one processor that the link took, per cent.
    pub cpu_percent: f64,
    /// Packets lost on purpose in one trial, both ways together.
    pub lost: u64,
    /// Of how many packets that trial gave to the link.
    pub lost_of: u64,
    /// Packets dropped in one trial because a queue was full.
    pub queue_dropped: u64,
    /// Packets dropped in one trial by the system at the link's ends, which nobody asked for.
    pub interface_dropped: u64,
    /// Whether the link's thread had real-time priority in every trial.
    pub real_time: bool,
}

/// What the 99th percentile of both errors may be, milliseconds.
pub const ERROR_P99_MAX_MS: f64 = 1.0;

/// Says so if a quote came sooner than the path of its cell allows: the distance that figures name was not there.
pub(super) fn sooner_than_possible<'a>(cell: &Cell, trials: impl Iterator<Item = &'a Trial>) -> Option<String> {
    let planned_ms = 1e3 * cell.load.path.one_way_delay_s();
    let earliest = trials.filter_map(|trial| trial.measured.as_ref()?.client.lateness.min_ns).min()?;
    let earliest_ms = earliest as f64 / NS_PER_MS;
    // Histograms keep three digits.
    (earliest_ms < 0.99 * planned_ms).then(|| {
        format!(
            "{}: its path is said to take {} one way, yet a quote came {} after it was due: the distance was not there, and no figure of \
             this cell may be used",
            cell.name,
            duration(planned_ms),
            duration(earliest_ms)
        )
    })
}

impl LinkSummary {
    /// Whether both errors, the link's own and that from socket to socket, kept to [`ERROR_P99_MAX_MS`]; `None` where one
    /// of them was not measured.
    #[must_use]
    pub fn keeps_its_delay(&self) -> Option<bool> {
        Some([self.error_p99_ms?, self.sockets_p99_ms?].iter().all(|ms| ms.get() <= ERROR_P99_MAX_MS))
    }

    /// `None` where no trial ran over a link.
    pub(super) fn of<'a>(trials: impl Iterator<Item = &'a Trial>) -> Option<Self> {
        let links: Vec<&LinkReport> = trials.filter_map(|trial| trial.measured.as_ref()?.link.as_ref()).collect();
        let both = |link: &LinkReport, count: fn(&LinkWay) -> u64| count(&link.to_client) + count(&link.to_server);
        let worst = |count: fn(&LinkWay) -> u64| links.iter().map(|link| both(link, count)).max().unwrap_or(0);
        let late = |pick: fn(&LinkReport) -> Option<u64>| {
            links.iter().filter_map(|link| pick(link)).max().and_then(|ns| Reading::new(ns as f64 / NS_PER_MS))
        };
        let told = || links.iter().map(|link| &link.sockets).filter(|sockets| sockets.count + sockets.lost > 0);
        let seen = |pick: fn(&Distribution) -> Option<u64>| {
            let ms = told().map(|sockets| pick(sockets).map_or(f64::INFINITY, |ns| ns as f64 / NS_PER_MS));
            ms.reduce(f64::max).and_then(Reading::new)
        };
        let lossiest = links.iter().max_by_key(|link| both(link, |way| way.lost))?;
        Some(Self {
            trials: links.len() as u32,
            error_p50_ms: late(|link| link.error.p50_ns),
            error_p99_ms: late(|link| link.error.p99_ns),
            sockets_p50_ms: seen(|sockets| sockets.p50_ns),
            sockets_p99_ms: seen(|sockets| sockets.p99_ns),
            cpu_percent: super::reading::rounded(100.0 * links.iter().map(|link| link.cpu_share()).fold(0.0, f64::max)),
            lost: both(lossiest, |way| way.lost),
            lost_of: both(lossiest, |way| way.sent.packets),
            queue_dropped: worst(|way| way.queue_dropped),
            interface_dropped: worst(|way| way.interface_dropped),
            real_time: links.iter().all(|link| link.real_time),
        })
    }
}
