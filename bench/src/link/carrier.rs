//! Both directions of a link with all that is on its way: what came in, what is due, what went out, all counted.
//! No system call in here: time and packets are given.

use std::collections::{HashSet, VecDeque};

use hdrhistogram::Histogram;
use wirerace_contract::distribution::{Distribution, new_histogram};
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::results::{LinkReport, LinkWay};
use wirerace_contract::spec::Link;

use super::packet::{Segment, count, segment};
use super::pipe::{Fate, Pipe};
use super::repeats::Repeats;

/// A direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From clients to server.
    ToServer,
    /// From server to clients.
    ToClient,
}

impl Direction {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// A packet on its way.
#[derive(Debug)]
pub struct OnItsWay {
    /// When it shall come out, nanoseconds of the monotonic clock.
    pub due_ns: u64,
    /// The packet.
    pub packet: Vec<u8>,
}

/// Both directions.
#[derive(Debug)]
pub struct Carrier {
    to_server: Way,
    to_client: Way,
    /// The port whose connections are counted; others are carried all the same.
    server_port: u16,
    /// Address, port and first sequence number of each SYN that came through: a SYN sent again is known by it.
    opened: HashSet<([u8; 4], u16, u32)>,
    error: Histogram<u64>,
    last_active_ns: u64,
}

#[derive(Debug)]
struct Way {
    pipe: Pipe,
    waiting: VecDeque<OnItsWay>,
    repeats: Repeats,
    counts: LinkWay,
}

impl Way {
    fn new(link: &Link, seed: u64) -> Self {
        Self {
            pipe: Pipe::new(link, seed),
            waiting: VecDeque::new(),
            repeats: Repeats::default(),
            counts: LinkWay::default(),
        }
    }
}

impl Carrier {
    /// An empty link that counts the connections of `server_port`, random from `seed`.
    #[must_use]
    pub fn new(link: &Link, server_port: u16, seed: u64) -> Self {
        let mut seeds = SplitMix64::new(seed);
        Self {
            to_server: Way::new(link, seeds.next_u64()),
            to_client: Way::new(link, seeds.next_u64()),
            server_port,
            opened: HashSet::new(),
            error: new_histogram(),
            last_active_ns: 0,
        }
    }

    fn way(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// The heads of a packet that is to be counted.
    fn counted(&self, direction: Direction, packet: &[u8]) -> Option<Segment> {
        let segment = segment(packet)?;
        let port = match direction {
            Direction::ToServer => segment.target_port,
            Direction::ToClient => segment.source_port,
        };
        (port == self.server_port).then_some(segment)
    }

    /// Takes a packet that arrived at `now_ns`. Times must not go back.
    pub fn take(&mut self, direction: Direction, packet: &[u8], now_ns: u64) {
        self.last_active_ns = now_ns;
        let counted = self.counted(direction, packet);
        let way = self.way(direction);
        if let Some(segment) = &counted {
            count(&mut way.counts.sent, segment);
            way.counts.repeated_bytes += way.repeats.of(segment);
        }
        let dropped = match way.pipe.offer(packet.len(), now_ns) {
            Fate::Due(due_ns) => return way.waiting.push_back(OnItsWay { due_ns, packet: packet.to_vec() }),
            Fate::Lost => &mut way.counts.lost,
            Fate::QueueFull => &mut way.counts.queue_dropped,
        };
        *dropped += u64::from(counted.is_some());
    }

    /// When the next packet is due; `None` if none is on its way.
    #[must_use]
    pub fn next_due_ns(&self) -> Option<u64> {
        let next = |way: &Way| way.waiting.front().map(|first| first.due_ns);
        [next(&self.to_server), next(&self.to_client)].into_iter().flatten().min()
    }

    /// The next packet of a direction that is due by `now_ns`.
    pub fn next_due(&mut self, direction: Direction, now_ns: u64) -> Option<OnItsWay> {
        let waiting = &mut self.way(direction).waiting;
        if waiting.front()?.due_ns <= now_ns { waiting.pop_front() } else { None }
    }

    /// Tells what became of a packet at the other end: written by `now_ns`, or dropped there.
    pub fn gave(&mut self, direction: Direction, out: &OnItsWay, written: bool, now_ns: u64) {
        self.last_active_ns = now_ns;
        if written {
            self.error.saturating_record(now_ns.saturating_sub(out.due_ns).max(1));
        }
        let Some(segment) = self.counted(direction, &out.packet) else { return };
        let way = self.way(direction);
        if !written {
            way.counts.interface_dropped += 1;
            return;
        }
        count(&mut way.counts.delivered, &segment);
        if direction == Direction::ToServer && segment.syn && !segment.ack {
            self.opened.insert((segment.source, segment.source_port, segment.sequence));
        }
    }

    /// Whether nothing is on its way, and nothing has happened for `quiet_ns`.
    #[must_use]
    pub fn is_quiet(&self, now_ns: u64, quiet_ns: u64) -> bool {
        self.next_due_ns().is_none() && now_ns.saturating_sub(self.last_active_ns) >= quiet_ns
    }

    /// What was counted so far; what the thread knows of itself is not known here.
    #[must_use]
    pub fn report(&self) -> LinkReport {
        LinkReport {
            to_client: self.to_client.counts,
            to_server: self.to_server.counts,
            connections: self.opened.len() as u64,
            error: Distribution::of(&self.error, 0),
            sockets: Distribution::default(),
            cpu_us: 0,
            wall_us: 0,
            real_time: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::PLAIN;
    use crate::link::packet::tests::packet;

    const MS: u64 = 1_000_000;
    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;

    fn carrier() -> Carrier {
        Carrier::new(&Link { one_way_delay_us: 1_000, ..PLAIN }, 80, 1)
    }

    /// Takes everything out that is due by `now_ns`, as the thread does it.
    fn deliver(carrier: &mut Carrier, now_ns: u64) -> usize {
        let mut delivered = 0;
        for direction in Direction::BOTH {
            while let Some(out) = carrier.next_due(direction, now_ns) {
                carrier.gave(direction, &out, true, now_ns);
                delivered += 1;
            }
        }
        delivered
    }

    #[test]
    fn packets_come_out_when_due_each_in_its_direction() {
        let mut carrier = carrier();
        assert_eq!(carrier.next_due_ns(), None);
        carrier.take(Direction::ToServer, &packet((9, 80), ACK, 1, b"up"), 5 * MS);
        carrier.take(Direction::ToClient, &packet((80, 9), ACK, 1, b"down"), 5 * MS + 10);
        assert_eq!(carrier.next_due_ns(), Some(6 * MS));
        assert!(carrier.next_due(Direction::ToServer, 6 * MS - 1).is_none());
        assert!(carrier.next_due(Direction::ToClient, 6 * MS).is_none(), "due 10 ns later");
        let up = carrier.next_due(Direction::ToServer, 6 * MS).unwrap();
        assert!(up.packet.ends_with(b"up"));
        assert!(carrier.next_due(Direction::ToClient, 6 * MS + 10).unwrap().packet.ends_with(b"down"));
    }

    #[test]
    fn only_connections_of_the_servers_port_are_counted() {
        let mut carrier = carrier();
        carrier.take(Direction::ToServer, &packet((9, 80), ACK, 1, b"up"), 0);
        carrier.take(Direction::ToServer, &packet((80, 9), ACK, 1, b"other"), 0);
        carrier.take(Direction::ToClient, &packet((80, 9), ACK, 1, b""), 0);
        carrier.take(Direction::ToClient, b"no packet at all", 0);
        assert_eq!(deliver(&mut carrier, MS), 4, "all are carried");
        let report = carrier.report();
        assert_eq!((report.to_server.sent.packets, report.to_server.sent.payload_bytes), (1, 2));
        assert_eq!((report.to_client.sent.packets, report.to_client.sent.bare_segments), (1, 1));
        assert_eq!(report.to_server.sent, report.to_server.delivered);
        assert_eq!(report.error.count, 4, "the delay is right or wrong for every packet");
    }

    #[test]
    fn a_syn_that_is_sent_again_opens_no_second_connection() {
        let mut carrier = carrier();
        for (port, sequence) in [(9, 1), (9, 1), (10, 1), (9, 2)] {
            carrier.take(Direction::ToServer, &packet((port, 80), SYN, sequence, b""), 0);
        }
        assert_eq!(carrier.report().connections, 0, "not before it comes through");
        deliver(&mut carrier, MS);
        let report = carrier.report();
        assert_eq!((report.connections, report.to_server.sent.syns), (3, 4));
        assert!(!report.is_clean());
    }

    #[test]
    fn payload_that_is_sent_again_is_known_in_each_direction() {
        let mut carrier = carrier();
        for sequence in [1, 3, 3] {
            carrier.take(Direction::ToServer, &packet((9, 80), ACK, sequence, b"up"), 0);
        }
        carrier.take(Direction::ToClient, &packet((80, 9), ACK, 3, b"down"), 0);
        let report = carrier.report();
        assert_eq!((report.to_server.repeated_bytes, report.to_client.repeated_bytes), (2, 0));
        assert_eq!(report.to_server.sent.payload_bytes, 6, "it crossed the link all the same");
        let lossy = Link { loss_share: 1.0, ..PLAIN };
        let mut lossy = Carrier::new(&lossy, 80, 1);
        (0..2).for_each(|_| lossy.take(Direction::ToServer, &packet((9, 80), ACK, 1, b"x"), 0));
        assert_eq!(lossy.report().to_server.repeated_bytes, 1, "whatever became of the first");
    }

    #[test]
    fn drops_are_counted_by_their_cause() {
        let lossy = Link { loss_share: 1.0, ..PLAIN };
        let mut lossy = Carrier::new(&lossy, 80, 1);
        lossy.take(Direction::ToServer, &packet((9, 80), ACK, 1, b"x"), 0);
        let slow = Link { rate_bits_per_s: 8, queue_packets: 1, ..PLAIN };
        let mut slow = Carrier::new(&slow, 80, 1);
        (0..4).for_each(|_| slow.take(Direction::ToServer, &packet((9, 80), ACK, 1, b"x"), 0));
        let (lossy, slow) = (lossy.report().to_server, slow.report().to_server);
        assert_eq!((lossy.lost, lossy.queue_dropped, lossy.sent.packets, lossy.delivered.packets), (1, 0, 1, 0));
        assert_eq!((slow.lost, slow.queue_dropped), (0, 2));
        let mut refused = carrier();
        refused.take(Direction::ToServer, &packet((9, 80), ACK, 1, b"x"), 0);
        let out = refused.next_due(Direction::ToServer, MS).unwrap();
        refused.gave(Direction::ToServer, &out, false, MS);
        let refused = refused.report().to_server;
        assert_eq!((refused.interface_dropped, refused.dropped(), refused.delivered.packets), (1, 1, 0));
    }

    #[test]
    fn the_error_is_what_came_on_top_of_the_plan() {
        let mut carrier = carrier();
        carrier.take(Direction::ToClient, &packet((80, 9), ACK, 1, b"x"), 0);
        deliver(&mut carrier, MS + 50_000);
        let max_ns = carrier.report().error.max_ns.unwrap();
        assert!((49_900..=50_100).contains(&max_ns), "{max_ns}");
    }

    #[test]
    fn quiet_is_when_nothing_is_on_its_way_and_nothing_happened_lately() {
        let mut carrier = carrier();
        carrier.take(Direction::ToClient, b"anything", 5 * MS);
        assert!(!carrier.is_quiet(100 * MS, MS), "one is on its way");
        deliver(&mut carrier, 6 * MS);
        assert!(!carrier.is_quiet(6 * MS + MS / 2, MS));
        assert!(carrier.is_quiet(7 * MS, MS));
    }
}
