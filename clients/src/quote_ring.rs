//! What is known of single quotes over all clients, for as long as they are on their way: first and last receipt, and
//! when the server published them.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hdrhistogram::Histogram;
use wirerace_contract::distribution::new_histogram;

/// Most quotes that are followed at a time; older ones are given up, so that one slow client cannot fill the memory.
const RING_MAX: usize = 65_536;

/// When the server published each quote: u64 little-endian nanoseconds at byte offset 8 × (seq − 1), written before
/// the quote is published.
#[derive(Debug)]
pub(crate) struct PublishedLog(File);

impl PublishedLog {
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        File::open(path).map(Self)
    }

    fn read(&self, seq: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, 8 * seq.checked_sub(1)?).ok()?;
        // A hole in the file reads as zero.
        Some(u64::from_le_bytes(bytes)).filter(|published_ns| *published_ns > 0)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    first_ns: u64,
    last_ns: u64,
    clients: u32,
    published_ns: Option<u64>,
}

/// The quotes on their way.
#[derive(Debug)]
pub(crate) struct QuoteRing {
    clients: u32,
    front_seq: u64,
    entries: VecDeque<Entry>,
    spread: Histogram<u64>,
    log: Option<PublishedLog>,
}

impl QuoteRing {
    pub(crate) fn new(clients: u32) -> Self {
        Self { clients, front_seq: 1, entries: VecDeque::new(), spread: new_histogram(), log: None }
    }

    pub(crate) fn set_log(&mut self, log: PublishedLog) {
        self.log = Some(log);
    }

    /// From now on a quote is complete when this many clients have it.
    pub(crate) fn set_clients(&mut self, clients: u32) {
        self.clients = clients;
    }

    /// One client fewer: quotes to come are complete without it.
    pub(crate) fn one_left(&mut self) {
        self.clients = self.clients.saturating_sub(1);
    }

    /// The first quote to follow is `seq`: what came before would hold up all after it, since nobody tells of it.
    pub(crate) fn begin_at(&mut self, seq: u64) {
        self.front_seq = seq.max(1);
        self.entries.clear();
    }

    /// How many quotes are on their way.
    #[cfg(test)]
    pub(crate) fn followed(&self) -> usize {
        self.entries.len()
    }

    /// Last receipt minus first, for each quote that all clients received.
    pub(crate) fn spread(&self) -> &Histogram<u64> {
        &self.spread
    }

    /// One more client has `seq`. Gives back when it was published, if that is known.
    pub(crate) fn received(&mut self, seq: u64, received_ns: u64) -> Option<u64> {
        let log = self.log.as_ref();
        let Some(at) = seq.checked_sub(self.front_seq) else { return log?.read(seq) };
        let at = self.make_room(at);
        let log = self.log.as_ref();
        let entry = self.entries.get_mut(at)?;
        if entry.clients == 0 {
            *entry = Entry { first_ns: received_ns, last_ns: received_ns, clients: 0, published_ns: None };
            entry.published_ns = log.and_then(|log| log.read(seq));
        }
        entry.clients += 1;
        // Clients are read in any order, so the first to be told of is not always the first that received.
        entry.first_ns = entry.first_ns.min(received_ns);
        entry.last_ns = entry.last_ns.max(received_ns);
        let published_ns = entry.published_ns;
        if entry.clients == self.clients {
            self.spread.saturating_record(entry.last_ns - entry.first_ns);
        }
        while self.entries.front().is_some_and(|entry| entry.clients >= self.clients) {
            self.entries.pop_front();
            self.front_seq += 1;
        }
        published_ns
    }

    /// Makes place `at` exist, giving up the oldest quotes if that takes more than the ring may hold.
    fn make_room(&mut self, at: u64) -> usize {
        let excess = (at + 1).saturating_sub(RING_MAX as u64);
        for _ in 0..excess.min(self.entries.len() as u64) {
            self.entries.pop_front();
        }
        self.front_seq += excess;
        let at = (at - excess) as usize;
        if self.entries.len() <= at {
            self.entries.resize(at + 1, Entry::default());
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn spread_is_last_minus_first_once_all_have_it() {
        let mut ring = QuoteRing::new(3);
        for (seq, at_ns) in [(1, 5_000), (2, 6_000), (1, 4_000), (2, 6_500)] {
            ring.received(seq, at_ns);
        }
        assert_eq!(ring.spread().len(), 0);
        ring.received(1, 9_000);
        assert_eq!(ring.spread().len(), 1);
        assert!(ring.spread().max().abs_diff(5_000) <= 5);
        assert_eq!((ring.front_seq, ring.entries.len()), (2, 1), "what is complete is let go");
    }

    #[test]
    fn nothing_is_kept_of_a_stream_that_all_follow() {
        let mut ring = QuoteRing::new(2);
        ring.begin_at(500);
        for seq in 500..1_000 {
            ring.received(seq, seq);
            ring.received(seq, seq + 1);
        }
        assert_eq!((ring.front_seq, ring.entries.len(), ring.spread().len()), (1_000, 0, 500));
    }

    #[test]
    fn a_client_that_stays_behind_does_not_fill_the_memory() {
        let mut ring = QuoteRing::new(2);
        for seq in 1..=200_000 {
            ring.received(seq, seq);
        }
        assert!(ring.entries.len() <= RING_MAX);
        ring.received(10_000_000, 1);
        assert!(ring.entries.len() <= RING_MAX);
        ring.received(10_000_000, 2);
        ring.received(3, 3);
        assert_eq!(ring.spread().len(), 1);
    }

    #[test]
    fn published_times_come_from_the_log_and_holes_are_unknown() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for published_ns in [100_u64, 0, 300] {
            file.write_all(&published_ns.to_le_bytes()).unwrap();
        }
        let mut ring = QuoteRing::new(1);
        assert_eq!(ring.received(1, 150), None, "no log yet");
        ring.set_log(PublishedLog::open(file.path()).unwrap());
        assert_eq!([2, 3, 4].map(|seq| ring.received(seq, 400)), [None, Some(300), None]);
        assert_eq!(ring.received(1, 150), Some(100), "behind the ring: read again");
    }
}
