//! Takes the exchanges that show what is shown: raw bytes over real sockets, against our own server on a free port.
//! The feed stands still; quotes are published one by one, so that what follows what is no matter of time.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::plan::Plan;
use wirerace_servers::{Running, ServeOptions, compose, orders, serve};

use crate::claims::predicates::shown::names;
use crate::claims::trace::{Direction, Exchange};
use crate::registry;

/// Nothing here takes longer on a sound machine.
const DEADLINE: Duration = Duration::from_secs(10);
/// What is held is looked at this long, to see that nothing comes.
const HELD: Duration = Duration::from_millis(50);
const BUFFER_BYTES: usize = 16 * 1024;

/// Makes every exchange.
///
/// # Errors
/// When the server cannot start, or an exchange does not come to its end.
pub async fn take() -> anyhow::Result<Vec<Exchange>> {
    let feed = FeedSpec { symbols: 1, ..FeedSpec::default() };
    let routes = |tape: wirerace_servers::tape::Tape| {
        let rows = registry::ROWS.iter().map(|row| (row.routes)(tape.clone())).collect::<Vec<_>>();
        compose(rows.into_iter().chain([orders::routes(tape.clone())]))
    };
    let running = serve(ServeOptions { feed: feed.clone(), ..ServeOptions::default() }, routes)?;
    let mut stage = Stage { address: running.quotes_addr(), plan: Plan::new(&feed), running: &running };
    let all = stage.all().await;
    running.shutdown(Duration::from_secs(1)).await;
    all
}

struct Stage<'a> {
    address: SocketAddr,
    plan: Plan,
    running: &'a Running,
}

/// One connection within an exchange.
struct Wire {
    stream: TcpStream,
    number: u32,
}

impl Stage<'_> {
    async fn all(&mut self) -> anyhow::Result<Vec<Exchange>> {
        Ok(vec![
            self.kept().await?,
            self.held().await?,
            self.events().await?,
            self.order().await?,
            self.upgrade(names::UPGRADE, "/socket", 3).await?,
            self.cursor().await?,
            self.once(names::BINARY_BODY, "/quotes/latest?encoding=binary").await?,
            self.upgrade(names::BINARY_FRAME, "/socket?encoding=binary", 1).await?,
            self.once(names::BINARY_EVENTS, "/events?encoding=binary").await?,
            self.upgrade(names::OTHER_PATH, "/ws", 0).await?,
            self.order_behind(names::BEHIND_HELD, "/quotes?wait=30").await?,
            self.order_behind(names::BEHIND_EVENTS, "/events").await?,
        ])
    }

    fn publish(&mut self, exchange: &mut Exchange) -> anyhow::Result<()> {
        let quote = self.plan.next().context("the plan has no more quotes")?;
        let said = format!("quote {} published", quote.seq);
        self.running.tape().publish(quote).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        exchange.add(0, Direction::Published, said.as_bytes());
        // What is no byte on the wire has no size.
        if let Some(step) = exchange.steps.last_mut() {
            step.bytes = 0;
        }
        Ok(())
    }

    async fn dial(&self, number: u32) -> anyhow::Result<Wire> {
        let stream = TcpStream::connect(self.address).await.context("cannot connect to our own server")?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, number })
    }

    async fn kept(&mut self) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(names::KEPT);
        let mut wire = self.dial(1).await?;
        for after in ["0", "0000.1"] {
            self.publish(&mut exchange)?;
            wire.send(&mut exchange, &get(&format!("/quotes?after={after}"))).await?;
            wire.answer(&mut exchange).await?;
        }
        Ok(exchange)
    }

    async fn held(&mut self) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(names::HELD);
        let mut wire = self.dial(1).await?;
        wire.send(&mut exchange, &get("/quotes?after=0000.2&wait=30")).await?;
        if tokio::time::timeout(HELD, wire.stream.readable()).await.is_ok() {
            bail!("a request that had to be held was answered at once");
        }
        self.publish(&mut exchange)?;
        wire.answer(&mut exchange).await?;
        Ok(exchange)
    }

    async fn events(&mut self) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(names::EVENTS);
        let mut wire = self.dial(1).await?;
        wire.send(&mut exchange, &get("/events")).await?;
        wire.until(&mut exchange, b"event: hello").await?;
        for _ in 0..3 {
            self.publish(&mut exchange)?;
            wire.until(&mut exchange, b"\n\n").await?;
        }
        Ok(exchange)
    }

    async fn order(&mut self) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(names::ORDER);
        let mut wire = self.dial(1).await?;
        wire.send(&mut exchange, &order()).await?;
        wire.answer(&mut exchange).await?;
        Ok(exchange)
    }

    /// An order on a connection whose first request is not answered to its end, then a quote.
    async fn order_behind(&mut self, name: &str, path: &str) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(name);
        let mut wire = self.dial(1).await?;
        wire.send(&mut exchange, &get(path)).await?;
        if path.starts_with("/events") {
            wire.until(&mut exchange, b"event: hello").await?;
        }
        wire.send(&mut exchange, &order()).await?;
        if tokio::time::timeout(HELD, wire.stream.readable()).await.is_ok() {
            wire.until(&mut exchange, b"").await?;
        }
        self.publish(&mut exchange)?;
        wire.until(&mut exchange, b"").await?;
        Ok(exchange)
    }

    async fn upgrade(&mut self, name: &str, path: &str, quotes: usize) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(name);
        let mut wire = self.dial(1).await?;
        // The key is that of RFC 6455 §1.3.
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: wirerace\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        );
        wire.send(&mut exchange, &request).await?;
        if quotes == 0 {
            wire.answer(&mut exchange).await?;
            return Ok(exchange);
        }
        wire.until(&mut exchange, b"hello").await?;
        for _ in 0..quotes {
            self.publish(&mut exchange)?;
            wire.until(&mut exchange, b"").await?;
        }
        Ok(exchange)
    }

    async fn cursor(&mut self) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(names::CURSOR);
        for (number, after) in [(1, "0"), (2, "0000.2")] {
            let mut wire = self.dial(number).await?;
            wire.send(&mut exchange, &get(&format!("/quotes?after={after}"))).await?;
            wire.answer(&mut exchange).await?;
        }
        Ok(exchange)
    }

    async fn once(&mut self, name: &str, path: &str) -> anyhow::Result<Exchange> {
        let mut exchange = Exchange::new(name);
        let mut wire = self.dial(1).await?;
        wire.send(&mut exchange, &get(path)).await?;
        wire.answer(&mut exchange).await?;
        Ok(exchange)
    }
}

fn order() -> String {
    let body = format!(r#"{{"id":"{}","symbol":"ALFA","size":100}}"#, names::ORDER_ID);
    format!("POST /orders HTTP/1.1\r\nhost: wirerace\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: wirerace\r\n\r\n")
}

impl Wire {
    async fn send(&mut self, exchange: &mut Exchange, text: &str) -> anyhow::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        exchange.add(self.number, Direction::ToServer, text.as_bytes());
        Ok(())
    }

    /// Reads until `done` says that all is there; it is one step, however many reads it takes.
    async fn read(&mut self, exchange: &mut Exchange, done: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; BUFFER_BYTES]);
        while bytes.is_empty() || !done(&bytes) {
            let read = tokio::time::timeout(DEADLINE, self.stream.read(&mut buffer)).await;
            match read.with_context(|| format!("{}: the server did not answer", exchange.name))?? {
                0 if bytes.is_empty() => bail!("{}: the server closed the connection", exchange.name),
                0 => break,
                n => bytes.extend_from_slice(&buffer[..n]),
            }
        }
        exchange.add(self.number, Direction::ToClient, &bytes);
        Ok(())
    }

    /// Reads until `mark` has come.
    async fn until(&mut self, exchange: &mut Exchange, mark: &[u8]) -> anyhow::Result<()> {
        self.read(exchange, |bytes| mark.is_empty() || bytes.windows(mark.len()).any(|window| window == mark)).await
    }

    /// Reads a whole answer: its head, and as much content as the head says.
    async fn answer(&mut self, exchange: &mut Exchange) -> anyhow::Result<()> {
        self.read(exchange, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            bytes.len() >= head.len() + 4 + length.unwrap_or(0)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{CLAIMS, Evidence, Holds, Kind, Verdict, decide};

    #[tokio::test]
    async fn what_is_shown_is_shown_by_real_sockets() {
        let evidence = Evidence { exchanges: take().await.unwrap(), ..Evidence::default() };
        let verdicts: Vec<(u8, Verdict)> = CLAIMS
            .iter()
            .filter(|claim| claim.kind == Kind::Shown)
            .map(|claim| (claim.number, decide(claim, &evidence).verdict))
            .collect();
        use Verdict::{Depends, False, True};
        let expected = [(10, False), (11, False), (18, True), (22, Depends), (23, True), (24, Depends), (25, False)];
        assert_eq!(verdicts, expected, "{:#?}", evidence.exchanges);
        let two_way = CLAIMS.iter().find(|claim| claim.number == 12).unwrap();
        let behind = decide(two_way, &evidence).parts;
        assert!(behind.len() == 2 && behind.iter().all(|part| part.holds == Holds::Yes), "{behind:#?}");
        // The order is not lost: its acknowledgement follows the answer.
        let held = evidence.exchange(names::BEHIND_HELD).unwrap();
        assert!(held.going(Direction::ToClient).any(|step| step.text.contains("quotes")), "{}", held.text());
    }
}
