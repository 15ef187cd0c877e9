//! One suite over every row of the registry: its server and its client, joined by real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::watch;
use wirerace::registry::{ROWS, Row};
use wirerace_clients::backoff::BackoffPolicy;
use wirerace_clients::event_log::EventLogger;
use wirerace_clients::pacer::Pacer;
use wirerace_clients::target::{Event, Target, TrafficCounters};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::descriptor::{Delivers, Wraps};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::messages::GapReason;
use wirerace_contract::plan::Plan;
use wirerace_contract::quote::Quote;
use wirerace_contract::spec::{Arm, Connection, Delay, Delivery, Path};
use wirerace_servers::listener::{ListenOptions, Listener, ServerHandle};
use wirerace_servers::tape::Tape;
use wirerace_servers::wire_meter::Meter;

const DEADLINE: Duration = Duration::from_secs(20);
/// Of those tests that have one; the clients of all others have the patience for it, and no use.
const DELAY: Delay = Delay { one_way_delay_us: 50_000 };

fn feed() -> FeedSpec {
    FeedSpec { symbols: 1, ..FeedSpec::default() }
}

fn quotes() -> impl Iterator<Item = Quote> {
    Plan::new(&feed())
}

/// A server whose quotes the test publishes itself.
struct Server {
    tape: Tape,
    handle: ServerHandle,
    meter: Meter,
    script: Box<dyn Iterator<Item = Quote>>,
}

impl Server {
    fn start(row: &Row, epoch: u64, capacity: usize, address: SocketAddr) -> Self {
        Self::start_with(row, epoch, capacity, ListenOptions { address, ..ListenOptions::default() })
    }

    fn start_with(row: &Row, epoch: u64, capacity: usize, options: ListenOptions) -> Self {
        let tape = Tape::new(Epoch::from_number(epoch), feed(), capacity);
        let listener = Listener::bind(options).unwrap();
        let meter = Meter::new(true);
        let handle = listener.serve((row.routes)(tape.clone()), meter.clone());
        Self { tape, handle, meter, script: Box::new(quotes()) }
    }

    fn publish(&mut self, n: usize) {
        for quote in self.script.by_ref().take(n) {
            self.tape.publish(quote).unwrap();
        }
    }

    async fn stop(self) {
        self.tape.close();
        assert_eq!(self.handle.shutdown(DEADLINE).await, 0, "every client is ended, none cut");
    }
}

fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A client of a row and what it needs to live.
struct Client {
    events: futures_util::stream::BoxStream<'static, Event>,
    stop: watch::Sender<bool>,
    _start: watch::Sender<Option<u64>>,
    traffic: Arc<TrafficCounters>,
}

fn arm(row: &Row, connection: Connection, delivery: Delivery, encoding: Encoding) -> Arm {
    let transport = row.descriptor.name.to_string();
    // Polls often, so that the suite is quick; 20 ms at most between quotes where they are conflated.
    Arm { name: transport.clone(), transport, connection, delivery, interval_ms: 20, encoding, ..Arm::default() }
}

impl Client {
    fn start(row: &Row, address: SocketAddr, arm: Arm) -> Self {
        Self::start_with(row, address, arm, 0)
    }

    fn start_with(row: &Row, address: SocketAddr, arm: Arm, request_head_bytes: u32) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (start, started) = watch::channel(Some(monotonic_ns()));
        let traffic = Arc::new(TrafficCounters::default());
        let target = Target {
            address,
            payload_bytes: feed().payload_bytes_in(arm.encoding).unwrap(),
            arm: Arc::new(arm),
            wait_s: 30,
            orders_per_s: 0.0,
            source: None,
            phase: 0.5,
            start: started,
            stop: stopped,
            pacer: Pacer::spawn().unwrap(),
            traffic: traffic.clone(),
            log: EventLogger::default(),
            patience: Path::Delayed(DELAY).patience(),
            request_head_bytes,
            backoff: BackoffPolicy { first_ms: 1, longest_ms: 20, ..BackoffPolicy::default() },
            seed: 1,
        };
        Self { events: (row.arrivals)(target), stop, _start: start, traffic }
    }

    async fn event(&mut self) -> Event {
        tokio::time::timeout(DEADLINE, self.events.next()).await.expect("nothing came").expect("the client ended")
    }

    async fn connected(&mut self) {
        while !matches!(self.event().await, Event::Connected { .. }) {}
    }

    /// The numbers of the next `n` quotes, and the gaps announced on the way.
    async fn quotes(&mut self, n: usize) -> (Vec<u64>, Vec<wirerace_contract::messages::Gap>) {
        // A client that polls has events for ever, also when a quote is missing.
        tokio::time::timeout(DEADLINE, self.all_of(n)).await.expect("a quote is missing")
    }

    async fn all_of(&mut self, n: usize) -> (Vec<u64>, Vec<wirerace_contract::messages::Gap>) {
        let (mut seqs, mut gaps) = (Vec::new(), Vec::new());
        while seqs.len() < n {
            match self.event().await {
                Event::Quote { seq, payload_bytes, .. } => {
                    assert!(payload_bytes > 0);
                    seqs.push(seq);
                }
                Event::Gap { gap, .. } => gaps.push(gap),
                Event::Failed { reason } => panic!("{reason}"),
                _ => {}
            }
        }
        (seqs, gaps)
    }

    /// Tells the client to leave and waits until it has.
    async fn leave(mut self) -> Vec<Event> {
        self.stop.send(true).unwrap();
        let mut rest = Vec::new();
        while let Some(event) = tokio::time::timeout(DEADLINE, self.events.next()).await.expect("does not leave") {
            rest.push(event);
        }
        rest
    }
}

/// Every row, with every way of keeping connections and every encoding that its transport carries.
fn arms() -> impl Iterator<Item = (&'static Row, Connection, Encoding)> {
    ROWS.iter().flat_map(|row| {
        let encodings = Encoding::ALL.into_iter().filter(|encoding| encoding.is_text() || !row.text_only);
        encodings.flat_map(move |encoding| row.arms.iter().map(move |(_, connection)| (row, *connection, encoding)))
    })
}

#[tokio::test]
async fn scripted_quotes_arrive_exactly_once_and_in_order() {
    for (row, connection, encoding) in arms() {
        let mut server = Server::start(row, 1, 1_000, anywhere());
        let arm = arm(row, connection, Delivery::Every, encoding);
        let mut client = Client::start(row, server.handle.local_addr(), arm);
        client.connected().await;
        let mut all = Vec::new();
        // Singly, so that quotes land between two polls and into an idle stream; then many at once; then singly again.
        for n in [1, 1, 1, 100, 1] {
            server.publish(n);
            all.extend(client.quotes(n).await.0);
        }
        let name = format!("{} {connection:?} {encoding}", row.descriptor.name);
        assert_eq!(all, (1..=104).collect::<Vec<u64>>(), "{name}");
        let rest = client.leave().await;
        assert!(!rest.iter().any(|event| matches!(event, Event::Quote { .. })), "{name}: something came twice");
        server.stop().await;
    }
}

#[tokio::test]
async fn newest_only_leaves_out_what_is_superseded_and_ends_with_the_newest() {
    for row in &ROWS {
        let mut server = Server::start(row, 1, 1_000, anywhere());
        let arm = arm(row, Connection::Kept, Delivery::Newest, Encoding::Json);
        let mut client = Client::start(row, server.handle.local_addr(), arm);
        client.connected().await;
        // The last is published in the same turn as the others: nobody can have been served in between.
        server.publish(50);
        let (first, gaps) = client.quotes(1).await;
        assert_eq!((first, gaps), (vec![50], vec![]), "{}: what is superseded is no gap", row.descriptor.name);
        server.publish(7);
        assert_eq!(client.quotes(1).await.0, [57], "{}", row.descriptor.name);
        client.leave().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn quotes_fallen_off_the_tape_are_announced() {
    for row in &ROWS {
        let mut server = Server::start(row, 1, 10, anywhere());
        let arm = arm(row, Connection::Kept, Delivery::Every, Encoding::Json);
        let mut client = Client::start(row, server.handle.local_addr(), arm);
        client.connected().await;
        server.publish(1);
        assert_eq!(client.quotes(1).await.0, [1]);
        // In one turn of this thread: the client has no chance to read in between.
        server.publish(30);
        let (seqs, gaps) = client.quotes(10).await;
        assert_eq!(seqs, (22..=31).collect::<Vec<u64>>(), "{}", row.descriptor.name);
        let [gap] = gaps[..] else { panic!("{}: {gaps:?}", row.descriptor.name) };
        assert_eq!((gap.reason, gap.first, gap.last), (GapReason::Evicted, 2, 21), "{}", row.descriptor.name);
        client.leave().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_comes_back_with_another_epoch_is_noticed_and_read_on() {
    for row in &ROWS {
        let mut server = Server::start(row, 1, 100, anywhere());
        let address = server.handle.local_addr();
        let arm = arm(row, Connection::Kept, Delivery::Every, Encoding::Json);
        let mut client = Client::start(row, address, arm);
        client.connected().await;
        server.publish(3);
        assert_eq!(client.quotes(3).await.0, [1, 2, 3]);
        server.stop().await;
        let mut server = Server::start(row, 2, 100, address);
        server.publish(2);
        let (seqs, gaps) = client.quotes(2).await;
        assert_eq!(seqs, [1, 2], "{}", row.descriptor.name);
        assert!(gaps.iter().any(|gap| gap.reason == GapReason::Epoch), "{}: {gaps:?}", row.descriptor.name);
        client.leave().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn client_and_server_count_the_same_connections_and_requests() {
    for (row, connection, encoding) in arms() {
        let mut server = Server::start(row, 1, 1_000, anywhere());
        let arm = arm(row, connection, Delivery::Every, encoding);
        let mut client = Client::start(row, server.handle.local_addr(), arm);
        client.connected().await;
        server.publish(5);
        client.quotes(5).await;
        let traffic = client.traffic.clone();
        client.leave().await;
        let meter = server.meter.clone();
        server.stop().await;
        let seen = meter.snapshot();
        let name = format!("{} {connection:?} {encoding}", row.descriptor.name);
        assert_eq!((traffic.dialled(), traffic.requests()), (seen.connections_accepted, seen.requests), "{name}");
        assert_eq!(seen.payload_bytes_out, 5 * feed().payload_bytes_in(encoding).unwrap() as u64, "{name}");
    }
}

#[tokio::test]
async fn over_a_delay_every_quote_arrives_and_none_is_faster_than_the_delay() {
    let one_way_ns = DELAY.one_way_delay_us * 1_000;
    for row in &ROWS {
        for (_, connection) in row.arms {
            let options = ListenOptions { address: anywhere(), delay: Some(DELAY), ..ListenOptions::default() };
            let mut server = Server::start_with(row, 1, 1_000, options);
            let arm = arm(row, *connection, Delivery::Every, Encoding::Json);
            let mut client = Client::start(row, server.handle.local_addr(), arm);
            client.connected().await;
            let (mut all, mut floor_ns) = (Vec::new(), u64::MAX);
            for n in [1, 1, 1, 20, 1, 1] {
                let published_ns = monotonic_ns();
                server.publish(n);
                while all.len() < server.tape.newest() as usize {
                    if let Event::Quote { seq, received_ns, .. } = client.event().await {
                        floor_ns = floor_ns.min(received_ns - published_ns);
                        all.push(seq);
                    }
                }
            }
            let name = format!("{} {connection:?}", row.descriptor.name);
            assert_eq!(all, (1..=25).collect::<Vec<u64>>(), "{name}");
            assert!(floor_ns >= one_way_ns, "{name}: a quote took {floor_ns} ns");
            // Pushed, the fastest takes the delay and little more. A request that was under way when the quote came, or one
            // held, takes it too; others have a way of their own to go first.
            let ways = match row.descriptor.delivers {
                Delivers::Pushed => 1,
                _ if *connection == Connection::Kept => 3,
                _ => 5,
            };
            let most_ns = ways * one_way_ns + 25_000_000;
            assert!(floor_ns < most_ns, "{name}: the fastest quote took {floor_ns} ns");
            let (traffic, meter) = (client.traffic.clone(), server.meter.clone());
            client.leave().await;
            server.stop().await;
            let seen = meter.snapshot();
            assert_eq!((traffic.dialled(), traffic.requests()), (seen.connections_accepted, seen.requests), "{name}");
            assert_eq!(seen.quotes_out, 25, "{name}");
        }
    }
}

#[tokio::test]
async fn heads_have_their_sizes_to_the_byte_whatever_carries_the_quotes() {
    let sizes = [(716, 240), (2_764, 300), (8_908, 512)];
    for (row, connection, encoding) in arms() {
        for (request_bytes, response_bytes) in sizes {
            let options =
                ListenOptions { address: anywhere(), response_head_bytes: response_bytes, ..ListenOptions::default() };
            let mut server = Server::start_with(row, 1, 1_000, options);
            let arm = arm(row, connection, Delivery::Every, encoding);
            let mut client = Client::start_with(row, server.handle.local_addr(), arm, request_bytes);
            client.connected().await;
            // Cursors of one, two and three digits.
            for n in [1, 8, 1, 89, 1] {
                server.publish(n);
                client.quotes(n).await;
            }
            let meter = server.meter.clone();
            client.leave().await;
            server.stop().await;
            let seen = meter.snapshot();
            let name = format!("{} {connection:?} {encoding} {request_bytes} {response_bytes}", row.descriptor.name);
            let firsts = (seen.first_head_bytes_in, seen.first_head_bytes_out);
            let connections = seen.connections_accepted;
            assert_eq!(
                firsts,
                (connections * u64::from(request_bytes), connections * u64::from(response_bytes)),
                "{name}"
            );
            // Of polls, which send nothing but heads, every one.
            if row.descriptor.wraps == Some(Wraps::Answers) {
                assert_eq!(seen.bytes_in, seen.requests * u64::from(request_bytes), "{name}");
            }
        }
    }
}
