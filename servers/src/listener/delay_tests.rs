//! Delays, through everything that a listener does.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::tests::{GET, LONG, UPGRADE, dial, read_text, read_until, router, serve};
use super::*;

#[tokio::test]
async fn a_delay_of_a_listener_is_that_of_every_exchange_and_of_refusals() {
    let delay = Some(Delay { one_way_delay_us: 20_000 });
    let (server, meter) = serve(router(), ListenOptions { delay, max_connections: 1, ..ListenOptions::default() });
    let begun = Instant::now();
    let mut client = dial(&server).await;
    client.write_all(GET).await.unwrap();
    read_until(&mut client, b"{abc}").await;
    assert!(begun.elapsed() >= Duration::from_millis(80), "handshake, there and back: {:?}", begun.elapsed());
    let again = Instant::now();
    client.write_all(GET).await.unwrap();
    read_until(&mut client, b"{abc}").await;
    assert!((40..70).contains(&again.elapsed().as_millis()), "there and back: {:?}", again.elapsed());
    let (mut refused, begun) = (dial(&server).await, Instant::now());
    refused.write_all(GET).await.unwrap();
    assert!(read_text(&mut refused).await.starts_with("HTTP/1.1 503"));
    assert!(begun.elapsed() >= Duration::from_millis(80));
    drop((client, refused));
    meter.all_closed().await;
    let counts = meter.snapshot();
    assert_eq!((counts.requests, counts.quotes_out, counts.writes_out), (3, 2, 3));
    assert_eq!(counts.closed_by_server_first, 1);
}

#[tokio::test]
async fn upgraded_connections_are_delayed_too() {
    let delay = Some(Delay { one_way_delay_us: 10_000 });
    let (server, meter) = serve(router(), ListenOptions { delay, ..ListenOptions::default() });
    let (begun, mut client) = (Instant::now(), dial(&server).await);
    client.write_all(UPGRADE).await.unwrap();
    read_until(&mut client, b"\r\n\r\n\x81\x02hi").await;
    assert!(begun.elapsed() >= Duration::from_millis(40));
    drop(client);
    meter.all_closed().await;
    assert_eq!((meter.snapshot().quotes_out, meter.snapshot().upgrades), (1, 1));
}

#[tokio::test]
async fn what_is_cut_does_not_wait_for_its_delay() {
    let delay = Some(Delay { one_way_delay_us: 0 });
    let (server, _) = serve(router(), ListenOptions { delay, ..ListenOptions::default() });
    let mut upgraded = dial(&server).await;
    upgraded.write_all(UPGRADE).await.unwrap();
    read_until(&mut upgraded, b"\r\n\r\n\x81\x02hi").await;
    server.delays().unwrap().set(Delay { one_way_delay_us: 60_000_000 }).unwrap();
    let (begun, meter) = (Instant::now(), server.serving.meter.clone());
    assert_eq!(server.shutdown(Duration::from_millis(20)).await, 1);
    assert_eq!(meter.open_count(), 0);
    assert!(begun.elapsed() < CUT_GRACE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_time_for_a_head_does_not_count_its_way() {
    let delay = Some(Delay { one_way_delay_us: 100_000 });
    let header_timeout = Duration::from_millis(40);
    let (server, _) = serve(router(), ListenOptions { delay, header_timeout, ..ListenOptions::default() });
    let mut client = dial(&server).await;
    for _ in 0..3 {
        client.write_all(GET).await.unwrap();
        read_until(&mut client, b"{abc}").await;
    }
    // And it is counted all the same.
    assert_eq!(timeout(LONG, client.read(&mut [0; 1])).await.expect("never closed").unwrap(), 0);
}
