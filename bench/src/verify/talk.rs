//! What event streams and sockets have in common: a hello, perhaps a gap, then quotes.

use std::time::Duration;

use tokio::time::Instant;
use wirerace_contract::messages::{Gap, GapReason, Hello};

use super::finding::{Fault, Finding, demand};
use super::sample::{begins_with, without_holes};
use super::server::Server;

/// Quotes that are read from the begin of a stream.
const READ_MAX: u64 = 50;
/// Distance that conflated quotes must keep.
const INTERVAL: Duration = Duration::from_millis(500);
/// How many of them are read.
const CONFLATED: usize = 3;
/// What arrives on a busy machine may be closer together than what was sent: the first comes late, the others in time. A
/// stream that is not conflated is far quicker.
const SPAN_MIN: Duration = INTERVAL;

/// A quote as it came.
pub(super) struct Pushed {
    pub(super) seq: u64,
    pub(super) payload: Vec<u8>,
}

/// What comes over a pushed stream.
pub(super) enum Said {
    Hello(Hello),
    Gap(Gap),
    Quote(Pushed),
    /// A comment, or a ping.
    Heartbeat,
}

/// A stream that the server pushes.
pub(super) trait Talk: Sized {
    /// The route.
    const ROUTE: &'static str;

    /// Opens it with a query.
    async fn open(server: &Server, query: &str) -> Result<Self, Fault>;

    /// What comes next; broken if nothing does within `limit`.
    async fn next(&mut self, limit: Duration) -> Result<Said, Fault>;

    /// The next quote; not checked if none comes.
    async fn quote(&mut self, limit: Duration) -> Result<Pushed, Fault> {
        let begun = Instant::now();
        loop {
            let left = limit.saturating_sub(begun.elapsed());
            match self.next(left).await {
                Ok(Said::Quote(quote)) => return Ok(quote),
                Ok(Said::Heartbeat) => {}
                Ok(Said::Hello(_)) => return Err(Fault::broken("hello came where a quote should")),
                Ok(Said::Gap(gap)) if gap.reason == GapReason::Evicted => {
                    return Err(Fault::unchecked("quotes fall off the tape faster than they are read"));
                }
                Ok(Said::Gap(gap)) => return Err(Fault::broken(format!("a gap came where a quote should: {gap:?}"))),
                Err(Fault::NotChecked(_)) if begun.elapsed() >= limit => {
                    return Err(Fault::unchecked(format!("no quote came within {} s", limit.as_secs())));
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    /// Opens it and takes the hello.
    async fn greeted(server: &Server, query: &str) -> Result<(Self, Hello), Fault> {
        let mut talk = Self::open(server, query).await?;
        match talk.next(super::asking::EXCHANGE).await.map_err(nothing_first)? {
            Said::Hello(hello) => {
                let epoch = server.cursor(0)?.epoch;
                demand(hello.epoch == epoch, || format!("hello names epoch {}, /health {epoch}", hello.epoch))?;
                Ok((talk, hello))
            }
            _ => Err(Fault::broken("something else than hello came first")),
        }
    }
}

fn nothing_first(fault: Fault) -> Fault {
    match fault {
        Fault::NotChecked(_) => Fault::broken(format!("no hello came within {} s", super::asking::EXCHANGE.as_secs())),
        other => other,
    }
}

/// Hello, with numbers that fit.
pub(super) async fn hello<T: Talk>(server: &Server) -> Finding {
    let (_, hello) = T::greeted(server, "after=0").await?;
    let after = server.health().await?;
    demand(hello.newest <= after.newest && hello.oldest <= hello.newest.saturating_add(1), || {
        format!("hello says {}..{}, /health {}..{}", hello.oldest, hello.newest, after.oldest, after.newest)
    })
}

/// All quotes from the oldest.
pub(super) async fn quotes<T: Talk>(server: &Server) -> Finding {
    server.health_with_quotes().await?;
    let (mut talk, hello) = T::greeted(server, "after=0").await?;
    let count = (hello.newest + 1).saturating_sub(hello.oldest).clamp(1, READ_MAX);
    let mut seqs = Vec::new();
    for _ in 0..count {
        let quote = talk.quote(super::server::FOR_A_QUOTE).await?;
        server.samples.borrow_mut().keep(T::ROUTE, quote.seq, &quote.payload);
        seqs.push(quote.seq);
    }
    begins_with(&seqs, hello.oldest)?;
    without_holes(&seqs)
}

/// A cursor of another epoch.
pub(super) async fn gap<T: Talk>(server: &Server) -> Finding {
    server.health_with_quotes().await?;
    let (mut talk, hello) = T::greeted(server, &format!("after={}", server.foreign_cursor())).await?;
    let gap = match talk.next(super::asking::EXCHANGE).await {
        Ok(Said::Gap(gap)) => gap,
        Ok(_) => return Err(Fault::broken("no gap came after hello")),
        Err(Fault::NotChecked(_)) => return Err(Fault::broken("no gap came after hello")),
        Err(fault) => return Err(fault),
    };
    demand(gap.reason == GapReason::Epoch, || "the gap's reason is not \"epoch\"".to_owned())?;
    demand(gap.last.checked_add(1) == Some(hello.oldest), || {
        format!("the last lost quote is {}, and the oldest held {}", gap.last, hello.oldest)
    })?;
    begins_with(&[talk.quote(super::server::FOR_A_QUOTE).await?.seq], gap.last + 1)
}

/// Only the newest, on a grid.
pub(super) async fn newest<T: Talk>(server: &Server) -> Finding {
    let health = server.health_with_quotes().await?;
    if health.feed.rate_per_s * INTERVAL.as_secs_f64() < 4.0 {
        return Err(Fault::unchecked("the feed is too slow to tell: at least 8 quotes per second"));
    }
    // A machine that stood still may bunch what was sent apart, but hardly twice.
    match conflated::<T>(server).await {
        Err(Fault::Broken(_)) => conflated::<T>(server).await,
        finding => finding,
    }
}

async fn conflated<T: Talk>(server: &Server) -> Finding {
    let query = format!("delivery=newest&interval={}", INTERVAL.as_millis());
    let (mut talk, _) = T::greeted(server, &query).await?;
    let mut came = Vec::new();
    for _ in 0..CONFLATED {
        let quote = talk.quote(super::server::FOR_A_QUOTE).await?;
        server.samples.borrow_mut().keep_fresh(&quote.payload);
        came.push((quote.seq, Instant::now()));
    }
    demand(came.windows(2).all(|pair| pair[0].0 < pair[1].0), || {
        format!("the numbers do not rise: {:?}", came.iter().map(|(seq, _)| seq).collect::<Vec<_>>())
    })?;
    let span = came.last().map_or(INTERVAL, |last| last.1 - came[0].1);
    demand(span >= SPAN_MIN, || {
        format!("{CONFLATED} quotes came within {} ms at interval={}", span.as_millis(), INTERVAL.as_millis())
    })
}

/// A stream on which nothing is due for an hour says that it lives.
pub(super) async fn heartbeat<T: Talk>(server: &Server) -> Finding {
    let Some(limit) = server.options.heartbeat_limit else { return Err(Fault::unchecked("left out")) };
    let (mut talk, _) = T::greeted(server, "delivery=newest&interval=3600000").await?;
    let mut silent_since = Instant::now();
    loop {
        match talk.next(limit.saturating_sub(silent_since.elapsed())).await {
            Ok(Said::Heartbeat) => return Ok(()),
            // The first may come at once.
            Ok(Said::Quote(_)) => silent_since = Instant::now(),
            Ok(_) => return Err(Fault::broken("hello or a gap came on a silent stream")),
            Err(Fault::NotChecked(_)) => {
                return Err(Fault::Broken(format!("nothing came for {} s", limit.as_secs())));
            }
            Err(fault) => return Err(fault),
        }
    }
}
