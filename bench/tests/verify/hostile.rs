//! Servers that do not mean well: the verifier ends, in time, and says what is broken.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wirerace::verify::{Standing, verify};

use crate::NO_HEARTBEATS;

const HEALTH: &str = r#"{"software":"x","epoch":"abcd","start_ns":1,"oldest":1,"newest":9,"feed":{"seed":1,"symbols":4,"arrivals":"poisson","rate_per_s":10.0,"payload_bytes":0}}"#;

/// How a server behaves when asked for `target`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Silent,
    ClosesAtOnce,
    Garbage,
    EndlessHead,
    EndlessBody,
    HalfAnAnswer,
    DeepJson,
}

const MANNERS: [Manner; 7] = [
    Manner::Silent,
    Manner::ClosesAtOnce,
    Manner::Garbage,
    Manner::EndlessHead,
    Manner::EndlessBody,
    Manner::HalfAnAnswer,
    Manner::DeepJson,
];

/// A server of that manner, from the first request on or only beyond `/health`.
async fn start(manner: Manner, health_is_well: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream, manner, health_is_well));
        }
    });
    address
}

async fn behave(mut stream: TcpStream, manner: Manner, health_is_well: bool) -> std::io::Result<()> {
    let mut request = vec![0; 4096];
    let read = stream.read(&mut request).await?;
    if health_is_well && request[..read].starts_with(b"GET /health") {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{HEALTH}", HEALTH.len());
        return stream.write_all(answer.as_bytes()).await;
    }
    match manner {
        Manner::Silent => std::future::pending().await,
        Manner::ClosesAtOnce => Ok(()),
        Manner::Garbage => stream.write_all(&[0xff; 3000]).await,
        Manner::EndlessHead => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            endless(&mut stream, b"x-more: and more and more\r\n").await
        }
        Manner::EndlessBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n").await?;
            endless(&mut stream, &[b'x'; 60_000]).await
        }
        Manner::HalfAnAnswer => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"epoch\"").await,
        Manner::DeepJson => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await?;
            stream.write_all(&vec![b'['; 1_000_000]).await
        }
    }
}

async fn endless(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(bytes).await?;
    }
}

/// Every manner, from the begin and beyond `/health`.
pub(crate) async fn all() {
    let cases = MANNERS.into_iter().flat_map(|manner| [(manner, false), (manner, true)]);
    let cases = cases.map(|(manner, health_is_well)| async move {
        let begun = Instant::now();
        let found = verify(start(manner, health_is_well).await, NO_HEARTBEATS).await.unwrap();
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(90), "{manner:?} took {took:?}");
        let broken = found.broken();
        if health_is_well {
            for gate in ["poll-answer", "events-hello", "socket-hello"] {
                assert!(broken.contains(&gate), "{manner:?}: {:?}", found.rules);
            }
        } else {
            assert_eq!(broken, ["health-fields"], "{manner:?}");
            assert_eq!(found.count(Standing::NotChecked), found.rules.len() - 1);
        }
    });
    futures_util::future::join_all(cases).await;
}
