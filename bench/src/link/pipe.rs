//! One direction of a link, as pure arithmetic: from a packet's size and arrival to when it is due at the other end.

use std::collections::VecDeque;

use wirerace_contract::clock::NS_PER_S;
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::spec::Link;

use super::loss::Loss;

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Comes out at this instant, nanoseconds on the clock of its arrival.
    Due(u64),
    /// Lost on the way.
    Lost,
    /// The queue was full.
    QueueFull,
}

/// One direction: a bounded queue, a line with a rate, then a way that takes its time and loses packets.
///
/// A packet that is lost has taken its time on the line, as on a real one. Packets never overtake each other: one that
/// drew little jitter behind one that drew much comes out together with it.
#[derive(Clone, Debug)]
pub struct Pipe {
    delay_ns: u64,
    jitter_ns: u64,
    jitter: SplitMix64,
    loss: Loss,
    line: Option<Line>,
    last_due_ns: u64,
}

impl Pipe {
    /// An empty pipe with the properties of `link`, random from `seed`.
    #[must_use]
    pub fn new(link: &Link, seed: u64) -> Self {
        let mut seeds = SplitMix64::new(seed);
        let (loss, jitter) = (seeds.next_u64(), seeds.next_u64());
        Self {
            delay_ns: link.one_way_delay_us * 1_000,
            jitter_ns: link.jitter_us * 1_000,
            jitter: SplitMix64::new(jitter),
            loss: Loss::new(link, loss),
            line: (link.rate_bits_per_s > 0).then(|| Line::new(link)),
            last_due_ns: 0,
        }
    }

    /// Takes a packet of `bytes` bytes, IP head included, that arrived at `arrival_ns`. Arrivals must not go back.
    pub fn offer(&mut self, bytes: usize, arrival_ns: u64) -> Fate {
        let sent_ns = match &mut self.line {
            None => arrival_ns,
            Some(line) => match line.send(bytes, arrival_ns) {
                Some(sent_ns) => sent_ns,
                None => return Fate::QueueFull,
            },
        };
        if self.loss.takes_next() {
            return Fate::Lost;
        }
        let jitter_ns = if self.jitter_ns == 0 { 0 } else { self.jitter.below(self.jitter_ns + 1) };
        self.last_due_ns = self.last_due_ns.max(sent_ns + self.delay_ns + jitter_ns);
        Fate::Due(self.last_due_ns)
    }
}

/// A line that sends one packet after the other at a fixed rate, and those that wait for it.
#[derive(Clone, Debug)]
struct Line {
    bits_per_s: u64,
    queue_max: usize,
    /// Since when it has been busy without a break, and the bits it was given since: summing up bits instead of
    /// durations keeps rounding from growing.
    busy_since_ns: u64,
    busy_bits: u64,
    /// When each packet that may still be waiting gets its turn.
    turns_ns: VecDeque<u64>,
}

impl Line {
    fn new(link: &Link) -> Self {
        Self {
            bits_per_s: link.rate_bits_per_s,
            queue_max: link.queue_packets_max() as usize,
            busy_since_ns: 0,
            busy_bits: 0,
            turns_ns: VecDeque::new(),
        }
    }

    /// When the line has sent all it was given, rounded up to whole nanoseconds.
    fn free_ns(&self) -> u64 {
        let busy_ns = (u128::from(self.busy_bits) * u128::from(NS_PER_S)).div_ceil(u128::from(self.bits_per_s));
        self.busy_since_ns.saturating_add(u64::try_from(busy_ns).unwrap_or(u64::MAX))
    }

    /// When a packet's last bit has left; `None` if it finds the queue full.
    fn send(&mut self, bytes: usize, arrival_ns: u64) -> Option<u64> {
        while self.turns_ns.front().is_some_and(|turn_ns| *turn_ns <= arrival_ns) {
            self.turns_ns.pop_front();
        }
        if self.turns_ns.len() >= self.queue_max {
            return None;
        }
        if self.free_ns() <= arrival_ns {
            (self.busy_since_ns, self.busy_bits) = (arrival_ns, 0);
        } else {
            self.turns_ns.push_back(self.free_ns());
        }
        self.busy_bits += 8 * bytes as u64;
        Some(self.free_ns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::PLAIN;

    const MS: u64 = 1_000_000;

    fn due(fate: Fate) -> u64 {
        match fate {
            Fate::Due(due_ns) => due_ns,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_delay_is_exact_for_packets_of_any_size() {
        let mut pipe = Pipe::new(&Link { one_way_delay_us: 15_000, ..PLAIN }, 1);
        for (bytes, arrival_ns) in [(52, 0), (1_500, 1), (40, 1), (1_500, 7 * MS), (52, u64::MAX / 2)] {
            assert_eq!(pipe.offer(bytes, arrival_ns), Fate::Due(arrival_ns + 15 * MS));
        }
        assert_eq!(Pipe::new(&Link { one_way_delay_us: 0, ..PLAIN }, 1).offer(52, 9), Fate::Due(9));
    }

    #[test]
    fn jitter_stays_in_its_range_fills_it_and_never_reorders() {
        let jittery = Link { one_way_delay_us: 10_000, jitter_us: 5_000, ..PLAIN };
        let mut pipe = Pipe::new(&jittery, 3);
        let mut last = 0;
        for n in 0..20_000 {
            let arrival_ns = n * MS / 10;
            let due_ns = due(pipe.offer(100, arrival_ns));
            assert!(due_ns >= last, "packet {n} overtook the one before");
            assert!((arrival_ns + 10 * MS..=arrival_ns + 15 * MS).contains(&due_ns), "packet {n}");
            last = due_ns;
        }
        // Far apart, packets do not hold each other up: the extra delay is even over its range.
        let mut pipe = Pipe::new(&jittery, 3);
        let extra: Vec<u64> = (0..20_000).map(|n| due(pipe.offer(100, n * 20 * MS)) - n * 20 * MS - 10 * MS).collect();
        let mean = extra.iter().sum::<u64>() as f64 / extra.len() as f64;
        assert!((mean / (2.5 * MS as f64) - 1.0).abs() < 0.02, "{mean}");
        let below_a_tenth = extra.iter().filter(|ns| **ns < MS / 2).count() as f64 / extra.len() as f64;
        assert!((below_a_tenth - 0.1).abs() < 0.01, "{below_a_tenth}");
    }

    #[test]
    fn a_rate_spaces_packets_by_their_bits_without_drift() {
        // 3 Mbit/s: 1,500 bytes take 4 ms, 1 byte 2,666.7 ns, which no whole number of nanoseconds is.
        let mut pipe = Pipe::new(&Link { one_way_delay_us: 1_000, rate_bits_per_s: 3_000_000, ..PLAIN }, 1);
        let first: Vec<u64> = (0..3).map(|_| due(pipe.offer(1_500, 0))).collect();
        assert_eq!(first, [5 * MS, 9 * MS, 13 * MS], "serialisation, then the way");
        // The line is free again at 12 ms; 900 packets of one byte from 20 ms on take exactly 2.4 ms together.
        let mut last = 0;
        (0..900).for_each(|_| last = due(pipe.offer(1, 20 * MS)));
        assert_eq!(last, 20 * MS + 2_400_000 + MS);
        // After a break nothing is owed and nothing is saved up.
        assert_eq!(due(pipe.offer(1_500, 1_000 * MS)), 1_005 * MS);
    }

    #[test]
    fn packets_beyond_the_queue_are_dropped_and_the_line_goes_on() {
        let slow = Link { rate_bits_per_s: 8_000, queue_packets: 3, one_way_delay_us: 0, ..PLAIN };
        let mut pipe = Pipe::new(&slow, 1);
        // 100 bytes take 100 ms: one on the line, three wait.
        let fates: Vec<Fate> = (0..6).map(|_| pipe.offer(100, 0)).collect();
        let at = |ms: u64| Fate::Due(ms * MS);
        assert_eq!(fates, [at(100), at(200), at(300), at(400), Fate::QueueFull, Fate::QueueFull]);
        // At 100 ms the second gets its turn: one place in the queue is free, at 99 ms it was not.
        assert_eq!(pipe.clone().offer(100, 99 * MS), Fate::QueueFull);
        assert_eq!((pipe.offer(100, 100 * MS), pipe.offer(100, 100 * MS)), (at(500), Fate::QueueFull));
        // No number given means a thousand.
        let mut pipe = Pipe::new(&Link { queue_packets: 0, ..slow }, 1);
        let kept = (0..1_100).filter(|_| pipe.offer(100, 0) != Fate::QueueFull).count();
        assert_eq!(kept, 1_001);
    }

    #[test]
    fn a_lost_packet_has_taken_its_time_on_the_line() {
        let lossy = Link { rate_bits_per_s: 8_000, loss_share: 0.5, one_way_delay_us: 0, ..PLAIN };
        let mut pipe = Pipe::new(&lossy, 5);
        let fates: Vec<Fate> = (0..100).map(|_| pipe.offer(100, 0)).collect();
        assert!(fates.contains(&Fate::Lost));
        for (place, fate) in (1..).zip(fates) {
            assert!(fate == Fate::Lost || fate == Fate::Due(place * 100 * MS));
        }
    }

    #[test]
    fn equal_seeds_treat_packets_alike() {
        let link = Link { one_way_delay_us: 1, jitter_us: 900, loss_share: 0.1, ..PLAIN };
        let fates = |seed| {
            let mut pipe = Pipe::new(&link, seed);
            (0..200).map(|n| pipe.offer(60, n * MS)).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }
}
