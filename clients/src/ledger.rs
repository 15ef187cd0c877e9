//! Which quotes one client has: exactly once, lost, doubled, out of order, in a few dozen bytes.

use wirerace_contract::spec::Delivery;

/// Most ranges of missing quotes that are remembered; beyond it the oldest is given up, so that a server that drops
/// every second quote does not fill the memory. A quote of a forgotten range that still comes counts as a duplicate.
const RANGES_MAX: usize = 1_000;

/// What a quote is to the client that receives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Placed {
    /// Newer than all before. `between` is what lies between: left out on purpose under `newest`, missing otherwise.
    Next {
        /// From, to (excluded).
        between: (u64, u64),
    },
    /// It was missing and comes after a newer one.
    Missing,
    /// Delivery `newest`: an older one after a newer one, already counted as left out.
    Superseded,
    /// It was there already.
    Duplicate,
}

/// One client's account.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientLedger {
    highest: u64,
    /// Missing below `highest`: half-open, ascending.
    missing: Vec<(u64, u64)>,
    connected: bool,
    left: bool,
}

impl ClientLedger {
    pub(crate) fn was_connected(&self) -> bool {
        self.connected
    }

    pub(crate) fn set_connected(&mut self) {
        self.connected = true;
    }

    /// Nothing more is expected.
    pub(crate) fn leave(&mut self) {
        self.left = true;
    }

    pub(crate) fn has_left(&self) -> bool {
        self.left
    }

    /// Whether nothing up to `last_seq` is still to come. Streams go forward: what is missing below the highest
    /// will not come.
    pub(crate) fn is_done(&self, last_seq: u64) -> bool {
        self.left || self.highest >= last_seq
    }

    /// Books quote `seq` (1 or more).
    pub(crate) fn place(&mut self, seq: u64, delivery: Delivery) -> Placed {
        if seq <= self.highest {
            return if self.take_missing(seq) {
                Placed::Missing
            } else if delivery == Delivery::Newest && seq < self.highest {
                Placed::Superseded
            } else {
                Placed::Duplicate
            };
        }
        let between = (self.highest + 1, seq);
        self.highest = seq;
        if delivery == Delivery::Every {
            self.add_missing(between);
        }
        Placed::Next { between }
    }

    /// The server said that quotes up to `seq` will not come: they are lost, not left out on purpose. Gives the range
    /// that is lost thereby: from, to (excluded).
    pub(crate) fn skip_to(&mut self, seq: u64, delivery: Delivery) -> (u64, u64) {
        let from = self.highest.saturating_add(1);
        let lost = (from, seq.saturating_add(1).max(from));
        if seq > self.highest {
            if delivery == Delivery::Every {
                self.add_missing(lost);
            }
            self.highest = seq;
        }
        lost
    }

    /// What would still have to come up to `last_seq`: from, to (excluded).
    pub(crate) fn ahead(&self, last_seq: u64) -> (u64, u64) {
        let from = self.highest.saturating_add(1);
        (from, last_seq.saturating_add(1).max(from))
    }

    fn add_missing(&mut self, (from, to): (u64, u64)) {
        if from < to {
            if self.missing.len() >= RANGES_MAX {
                self.missing.remove(0);
            }
            self.missing.push((from, to));
        }
    }

    fn take_missing(&mut self, seq: u64) -> bool {
        let Some(at) = self.missing.iter().position(|(from, to)| (*from..*to).contains(&seq)) else { return false };
        let (from, to) = self.missing.remove(at);
        for part in [(seq + 1, to), (from, seq)] {
            if part.0 < part.1 {
                self.missing.insert(at, part);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use wirerace_contract::plan::SplitMix64;

    #[test]
    fn agrees_with_a_set_on_shuffled_doubled_and_missing_quotes() {
        let mut random = SplitMix64::new(3);
        for _ in 0..50 {
            let mut quotes: Vec<u64> = (1..=60).chain(20..40).filter(|_| random.below(5) > 0).collect();
            random.shuffle(&mut quotes);
            let (mut ledger, mut seen) = (ClientLedger::default(), HashSet::new());
            for seq in quotes {
                let newest = seen.iter().all(|other| *other < seq);
                let fresh = seen.insert(seq);
                match ledger.place(seq, Delivery::Every) {
                    Placed::Next { between } => assert!(fresh && newest && between.1 == seq),
                    Placed::Missing => assert!(fresh && !newest),
                    Placed::Duplicate => assert!(!fresh),
                    Placed::Superseded => panic!("nothing is left out on purpose"),
                }
            }
            let missing: u64 = ledger.missing.iter().map(|(from, to)| to - from).sum();
            assert_eq!(missing + seen.len() as u64, ledger.highest);
        }
    }

    #[test]
    fn newest_leaves_out_on_purpose_but_an_announced_gap_is_a_loss() {
        let mut ledger = ClientLedger::default();
        assert_eq!(ledger.place(4, Delivery::Newest), Placed::Next { between: (1, 4) });
        assert_eq!(ledger.place(4, Delivery::Newest), Placed::Duplicate);
        assert_eq!(ledger.place(2, Delivery::Newest), Placed::Superseded);
        assert_eq!([9, 9].map(|seq| ledger.skip_to(seq, Delivery::Newest)), [(5, 10), (10, 10)]);
        assert_eq!(ledger.place(11, Delivery::Newest), Placed::Next { between: (10, 11) });
        assert_eq!([5, 11, 13].map(|last_seq| ledger.ahead(last_seq)), [(12, 12), (12, 12), (12, 14)]);
    }

    #[test]
    fn a_server_that_drops_every_second_quote_does_not_fill_the_memory() {
        let mut ledger = ClientLedger::default();
        for seq in (1..100_000).step_by(2) {
            ledger.place(seq, Delivery::Every);
        }
        assert!(ledger.missing.len() <= RANGES_MAX);
        assert!(size_of::<ClientLedger>() <= 48);
    }

    #[test]
    fn done_is_having_the_last_or_having_left() {
        let mut ledger = ClientLedger::default();
        assert!(ledger.is_done(0) && !ledger.is_done(1));
        ledger.place(2, Delivery::Every);
        assert!(ledger.is_done(2) && !ledger.is_done(3));
        ledger.leave();
        assert!(ledger.is_done(3));
    }
}
