//! `GET /quotes`: only the newest, and in other encodings.

use wirerace_contract::cursor::Cursor;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::{Health, NEXT_HEADER};

use super::asking::begin;
use super::finding::{Fault, Finding, demand};
use super::polling::{poll, polled};
use super::sample::{seq_of, without_holes};
use super::server::Server;

pub(super) async fn newest(server: &Server) -> Finding {
    let before = server.health_with_quotes().await?;
    let got = poll(server, "after=0&delivery=newest").await?;
    let after = server.health().await?;
    let [seq] = got.seqs[..] else {
        return Err(Fault::Broken(format!("{} quotes came instead of one", got.seqs.len())));
    };
    demand((before.newest..=after.newest).contains(&seq) && got.next.seq == seq, || {
        format!("quote {seq} came with next {}, and the newest was {}", got.next, before.newest)
    })
}

pub(super) async fn interval(server: &Server) -> Finding {
    server.health_with_quotes().await?;
    let had = poll(server, "after=0&delivery=newest").await?.next;
    // Only a newer quote can be held back.
    server.health_beyond(had.seq).await?;
    let got = poll(server, &format!("after={had}&delivery=newest&interval=3600000")).await?;
    demand(got.seqs.is_empty(), || {
        format!("quote {} came although quote {} is younger than interval=3600000", got.seqs[0], had.seq)
    })?;
    demand(got.next == had, || format!("no quote came, and next is {} instead of {had}", got.next))
}

/// Bytes of a quote in `encoding`, where the feed has it.
pub(super) fn width(health: &Health, encoding: Encoding) -> Result<usize, Fault> {
    health.feed.payload_bytes_in(encoding).map_err(|error| Fault::unchecked(error.to_string()))
}

pub(super) async fn binary(server: &Server) -> Finding {
    let health = server.health_with_quotes().await?;
    let width = width(&health, Encoding::Binary)?;
    let answer = server.get("/quotes?after=0&encoding=binary").await?.expect(200)?;
    demand(!answer.body.is_empty() && answer.body.len().is_multiple_of(width), || {
        format!("the body has {} bytes, which is no multiple of {width}", answer.body.len())
    })?;
    let seqs = answer.body.chunks(width).map(|quote| seq_of(quote, Encoding::Binary));
    let seqs = seqs.collect::<Result<Vec<u64>, Fault>>()?;
    without_holes(&seqs)?;
    let next = answer.header(NEXT_HEADER).ok_or_else(|| Fault::broken(format!("there is no {NEXT_HEADER}")))?;
    let last = seqs.last().map(|seq| Cursor { epoch: health.epoch, seq: *seq });
    demand(next.parse().ok() == last, || format!("{NEXT_HEADER} is {next}, and the last quote is {:?}", seqs.last()))
}

pub(super) async fn tick(server: &Server) -> Finding {
    let health = server.health_with_quotes().await?;
    let width = width(&health, Encoding::Tick)?;
    let answer = server.get("/quotes?after=0&encoding=tick").await?.expect(200)?;
    let got = polled(server, &answer, Encoding::Tick)?;
    without_holes(&got.seqs)?;
    let list: serde_json::Value = answer.json()?;
    let wrong =
        list["quotes"].as_array().into_iter().flatten().find(|quote| quote.as_str().map(str::len) != Some(width));
    match wrong {
        Some(quote) => {
            Err(Fault::Broken(format!("{} has not {width} characters", begin(quote.to_string().as_bytes()))))
        }
        None => Ok(()),
    }
}
