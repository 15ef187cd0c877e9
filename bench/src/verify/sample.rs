//! Quotes as they came, kept for the rules that hold on every route.

use std::collections::BTreeMap;

use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::encoding::{Encoding, decode, decode_seq};

use super::finding::{Fault, demand};

/// So many quotes of a route are kept.
const KEPT_MAX: usize = 200;

/// JSON quotes by route and number.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) by_route: BTreeMap<&'static str, BTreeMap<u64, Vec<u8>>>,
    /// Of quotes that had just been published: offset of the due instant and when it came, nanoseconds.
    pub(super) fresh: Vec<(u64, u64)>,
}

impl Samples {
    /// Keeps a quote of `route`.
    pub(super) fn keep(&mut self, route: &'static str, seq: u64, payload: &[u8]) {
        let kept = self.by_route.entry(route).or_default();
        if kept.len() < KEPT_MAX {
            kept.insert(seq, payload.to_vec());
        }
    }

    /// Notes that a JSON quote has just come which had just been published.
    pub(super) fn keep_fresh(&mut self, payload: &[u8]) {
        if let Ok(quote) = decode(payload, Encoding::Json) {
            self.fresh.push((quote.due_offset_ns, monotonic_ns()));
        }
    }

    /// All quotes of all routes.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64, &[u8])> {
        self.by_route.iter().flat_map(|(route, quotes)| quotes.iter().map(|(seq, bytes)| (*route, *seq, &bytes[..])))
    }
}

/// The number of a quote.
pub(super) fn seq_of(payload: &[u8], encoding: Encoding) -> Result<u64, Fault> {
    decode_seq(payload, encoding).map_err(|error| Fault::Broken(error.to_string()))
}

/// Each number is one more than the one before.
pub(super) fn without_holes(seqs: &[u64]) -> Result<(), Fault> {
    match seqs.windows(2).find(|pair| pair[0].checked_add(1) != Some(pair[1])) {
        Some(pair) => Err(Fault::Broken(format!("quote {} is followed by quote {}", pair[0], pair[1]))),
        None => Ok(()),
    }
}

/// A stream begins with quote `wanted`.
pub(super) fn begins_with(seqs: &[u64], wanted: u64) -> Result<(), Fault> {
    match seqs.first() {
        Some(first) => demand(*first == wanted, || format!("the first quote is {first} instead of {wanted}")),
        None => Ok(()),
    }
}
