use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::wire_meter::Meter;

const DELAY: Duration = Duration::from_millis(20);
/// More than any test sends: the wire itself holds nothing up.
const WIRE_BYTES: usize = 4 * IN_FLIGHT_BYTES_MAX;

impl Wire for DuplexStream {
    fn poll_write_handed(&mut self, cx: &mut Context<'_>, bytes: &[u8], _: &mut Handed) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write(cx, bytes)
    }
}

type Server = DelayedStream<fn() -> Handed>;

fn of(delay: Duration) -> Delay {
    Delay { one_way_delay_us: delay.as_micros() as u64 }
}

/// A client's end and the server's, joined in memory with a delay. Time is tokio's, and may be paused.
fn joined(delay: Duration) -> (DuplexStream, Server, Delays) {
    let (client, wire) = duplex(WIRE_BYTES);
    let delays = Delays::with_alarms(of(delay), Alarms::start(false)).unwrap();
    (client, DelayedStream::new(wire, delays.clone(), Handed::default), delays)
}

fn ms(since: Instant) -> u128 {
    since.elapsed().as_millis()
}

#[tokio::test(start_paused = true)]
async fn each_byte_arrives_one_delay_after_it_was_sent_and_many_are_on_their_way() {
    let (mut client, mut server, _) = joined(DELAY);
    // Past the round trip of the handshake.
    tokio::time::sleep(DELAY * 2).await;
    let begun = Instant::now();
    let there = async {
        for byte in 0..100 {
            client.write_u8(byte).await.unwrap();
            assert_eq!(ms(begun), u128::from(byte));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut heard = Vec::new();
        while heard.len() < 100 {
            heard.push(client.read_u8().await.unwrap());
        }
        heard
    };
    let back = async {
        for byte in 0..100 {
            assert_eq!(server.read_u8().await.unwrap(), byte);
            assert_eq!(ms(begun), u128::from(byte) + 20);
            server.write_u8(byte).await.unwrap();
            server.flush().await.unwrap();
        }
    };
    let (heard, ()) = tokio::join!(there, back);
    assert_eq!(heard, (0..100).collect::<Vec<u8>>());
    // The last went out at 99, was there at 119, and came back at 139.
    assert_eq!(ms(begun), 139);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_waits_for_its_delay_only() {
    let (mut client, mut server, _) = joined(Duration::from_secs(1));
    let begun = Instant::now();
    for part in 0..64u8 {
        server.write_all(&[part; 8 * 1024]).await.unwrap();
    }
    assert_eq!(ms(begun), 0, "writing does not wait");
    let mut received = vec![0; 64 * 8 * 1024];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(ms(begun), 1_000, "and all of it takes one delay, not 64");
    assert!(received.chunks(8 * 1024).zip(0..).all(|(chunk, part)| chunk.iter().all(|byte| *byte == part)));
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_takes_a_round_trip_more_which_waiting_before_the_first_byte_covers() {
    for (waits, arrives) in [(0, 60), (30, 60), (40, 60), (100, 120)] {
        let begun = Instant::now();
        let (mut client, mut server, _) = joined(DELAY);
        // The task that carries begins now, as it does when a connection is accepted.
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(waits)).await;
        client.write_all(b"first").await.unwrap();
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 5);
        assert_eq!(ms(begun), arrives, "sent after {waits} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_too_far_ahead_waits_both_ways() {
    let (mut client, mut server, _) = joined(DELAY);
    tokio::time::sleep(DELAY * 2).await;
    let block = [0; 16 * 1024];
    let begun = Instant::now();
    let mut written = 0;
    while written < 2 * IN_FLIGHT_BYTES_MAX {
        match timeout(Duration::from_millis(1), server.write(&block)).await {
            Ok(more) => written += more.unwrap(),
            Err(_) => break,
        }
    }
    assert!((IN_FLIGHT_BYTES_MAX * 9 / 10..IN_FLIGHT_BYTES_MAX + block.len()).contains(&written), "{written}");
    // There is room again when the first has arrived.
    server.write_all(&block).await.unwrap();
    assert_eq!(ms(begun), 20);
    client.read_exact(&mut vec![0; written]).await.unwrap();

    let mut sent = 0;
    while let Ok(more) = timeout(Duration::from_millis(1), client.write(&block)).await {
        sent += more.unwrap();
        assert!(sent < 2 * (WIRE_BYTES + IN_FLIGHT_BYTES_MAX), "nothing holds it up");
    }
    // What the wire holds, and what is in flight; the server has read none of it.
    let most = WIRE_BYTES + IN_FLIGHT_BYTES_MAX + block.len();
    assert!((WIRE_BYTES + IN_FLIGHT_BYTES_MAX * 9 / 10..=most).contains(&sent), "{sent}");
    server.read_exact(&mut vec![0; sent]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ends_arrive_one_delay_later_and_after_everything_before_them() {
    let (mut client, mut server, _) = joined(DELAY);
    tokio::time::sleep(DELAY * 2).await;
    let begun = Instant::now();
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    let mut text = String::new();
    server.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), ms(begun)), ("question", 20));
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), ms(begun)), ("answer", 40));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_one_direction_and_takes_no_more() {
    let (mut client, mut server, _) = joined(DELAY);
    let begun = Instant::now();
    server.shutdown().await.unwrap();
    assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(ms(begun), 20);
    client.write_all(b"still").await.unwrap();
    assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_delay_changed_on_the_way_holds_for_what_is_sent_after_and_nothing_overtakes() {
    let (mut client, mut server, delays) = joined(DELAY);
    let begun = Instant::now();
    server.write_u8(1).await.unwrap();
    delays.set(of(Duration::from_millis(5))).unwrap();
    assert_eq!(delays.get(), of(Duration::from_millis(5)));
    server.write_u8(2).await.unwrap();
    assert_eq!((client.read_u8().await.unwrap(), ms(begun)), (1, 20));
    assert_eq!((client.read_u8().await.unwrap(), ms(begun)), (2, 20), "not at 5");
    server.write_u8(3).await.unwrap();
    assert_eq!((client.read_u8().await.unwrap(), ms(begun)), (3, 25));
    delays.set(of(Duration::ZERO)).unwrap();
    server.write_u8(4).await.unwrap();
    assert_eq!((client.read_u8().await.unwrap(), ms(begun)), (4, 25));
    let too_long = Delay { one_way_delay_us: DELAY_MAX_US + 1 };
    assert_eq!(delays.set(too_long), Err(DelayTooLong(DELAY_MAX_US + 1)));
    assert_eq!(delays.get(), of(Duration::ZERO), "what it was");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_of_all_nothing_is_waited_for() {
    let (mut client, mut server, delays) = joined(Duration::from_secs(60));
    let begun = Instant::now();
    server.write_all(b"bye").await.unwrap();
    drop(server);
    tokio::task::yield_now().await;
    delays.end();
    assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 3);
    assert_eq!(ms(begun), 0);
}

#[tokio::test(start_paused = true)]
async fn a_broken_wire_is_told_to_who_writes() {
    let (client, mut server, _) = joined(DELAY);
    drop(client);
    server.write_all(b"nobody reads this").await.unwrap();
    tokio::time::sleep(DELAY * 2).await;
    assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// A connection over real sockets, its server's end metered and delayed.
async fn over_sockets(meter: &Meter, delay: Duration) -> (TcpStream, DelayedStream<impl FnMut() -> Handed + Unpin>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.set_nodelay(true).unwrap();
    let wire = meter.attach(listener.accept().await.unwrap().0);
    let connection = wire.meter();
    (client, DelayedStream::new(wire, Delays::new(of(delay)).unwrap(), move || connection.take_handed()))
}

#[tokio::test]
async fn the_meter_counts_when_the_socket_is_written_and_each_write_with_its_own_quotes() {
    let meter = Meter::new(true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let wire = meter.attach(listener.accept().await.unwrap().0);
    let (connection, handing) = (wire.meter(), wire.meter());
    let delays = Delays::new(of(DELAY)).unwrap();
    let mut server = DelayedStream::new(wire, delays, move || handing.take_handed());
    connection.hand_over(1, 120, 130);
    server.write_all(&[1; 130]).await.unwrap();
    connection.hand_over(4, 480, 500);
    server.write_all(&[2; 500]).await.unwrap();
    // Handed over, and never written.
    connection.hand_over(2, 240, 250);
    assert_eq!((meter.snapshot().bytes_out, meter.snapshot().quotes_out), (0, 0), "all of it is still on its way");
    client.read_exact(&mut [0; 630]).await.unwrap();
    let counts = meter.snapshot();
    assert_eq!((counts.bytes_out, counts.writes_out), (630, 2));
    assert_eq!((counts.quotes_out, counts.payload_bytes_out, counts.body_bytes_out), (5, 600, 630));
    assert_eq!(counts.quotes_per_write[..4], [1, 0, 1, 0], "a write of one, and one of four");
    client.write_all(b"late").await.unwrap();
    drop(server);
    assert_eq!(client.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    drop(client);
    meter.all_closed().await;
    let counts = meter.snapshot();
    assert_eq!((counts.bytes_in, counts.closed_by_server_first, counts.connections_open), (4, 1, 0));
    assert!(!cfg!(target_os = "linux") || counts.tcp.bytes_sent == 630);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn bytes_are_never_early_and_late_by_a_fraction_of_a_millisecond() {
    let meter = Meter::new(true);
    let (mut client, mut server) = over_sockets(&meter, DELAY).await;
    let (mut there, mut back) = (Vec::new(), Vec::new());
    tokio::time::sleep(DELAY * 2).await;
    for _ in 0..50 {
        let sent = Instant::now();
        client.write_u8(1).await.unwrap();
        server.read_u8().await.unwrap();
        there.push(sent.elapsed().checked_sub(DELAY).expect("early"));
        let sent = Instant::now();
        server.write_u8(1).await.unwrap();
        client.read_u8().await.unwrap();
        back.push(sent.elapsed().checked_sub(DELAY).expect("early"));
    }
    for (way, mut error) in [("there", there), ("back", back)] {
        error.sort_unstable();
        let mean = error.iter().sum::<Duration>() / error.len() as u32;
        eprintln!("{way}: mean {mean:?}, median {:?}, most {:?}", error[25], error[49]);
        // Not the mean: a machine that is busy with other things makes some of them late.
        assert!(error[25] < Duration::from_micros(500), "{way}: half are later than {:?}", error[25]);
    }
}
