//! Bytes per delivered quote, layer by layer, over all trials of an arm together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wirerace_contract::results::{Layers, Trial};

use super::reading;

/// Bytes per delivered quote by layer.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PooledBytes {
    /// Quotes delivered in all valid trials.
    pub quotes: u64,
    /// Encoded quotes.
    pub payload: f64,
    /// What wraps them.
    pub framing: f64,
    /// HTTP heads.
    pub heads: f64,
    /// TCP/IP heads of segments with data; `null` where the system does not tell.
    pub tcp_ip_data: Option<f64>,
    /// Segments without data; `null` likewise.
    pub tcp_ip_bare: Option<f64>,
    /// What was sent again, and options that only a link's own count shows; `null` likewise, and in older files.
    #[serde(default)]
    pub sent_again: Option<f64>,
}

/// `None` where no quote was delivered.
pub(super) fn pool(used: &[&Trial]) -> Option<PooledBytes> {
    let ledgers: Vec<_> = used.iter().filter_map(|t| t.measured.as_ref()).collect();
    let quotes: u64 = ledgers.iter().map(|m| m.client.quotes.received).sum();
    if quotes == 0 {
        return None;
    }
    let both = |pick: fn(&Layers) -> Option<u64>| -> Option<f64> {
        let sums: Option<Vec<u64>> =
            ledgers.iter().flat_map(|m| [pick(&m.ledger.to_client), pick(&m.ledger.to_server)]).collect();
        Some(reading::rounded(sums?.iter().sum::<u64>() as f64 / quotes as f64))
    };
    Some(PooledBytes {
        quotes,
        payload: both(|l| Some(l.payload))?,
        framing: both(|l| Some(l.framing))?,
        heads: both(|l| Some(l.heads))?,
        tcp_ip_data: both(|l| l.tcp_ip_data),
        tcp_ip_bare: both(|l| l.tcp_ip_bare),
        sent_again: both(|l| l.sent_again),
    })
}
