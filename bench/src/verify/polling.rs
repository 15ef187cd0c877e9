//! `GET /quotes`: what a poll is answered.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wirerace_contract::cursor::Cursor;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::{GapAnswer, GapReason, PollAnswer};

use super::asking::Answer;
use super::conversation;
use super::finding::{Fault, Finding, demand};
use super::sample::{begins_with, seq_of, without_holes};
use super::server::{FOR_A_QUOTE, Server};

/// An answer that does not wait comes within this, also from another machine, also from a busy one.
pub(super) const AT_ONCE: Duration = Duration::from_secs(2);

/// The quotes of a poll's answer.
pub(super) struct Polled {
    pub(super) seqs: Vec<u64>,
    pub(super) next: Cursor,
}

/// Reads a poll's answer in JSON.
pub(super) fn polled(server: &Server, answer: &Answer, encoding: Encoding) -> Result<Polled, Fault> {
    let list: PollAnswer<'_> = serde_json::from_slice(&answer.body).map_err(|error| {
        let begin = super::asking::begin(&answer.body);
        Fault::Broken(format!(r#"the body is not {{"epoch":…,"quotes":[…],"next":CURSOR}} ({error}): {begin}"#))
    })?;
    let mut seqs = Vec::with_capacity(list.quotes.len());
    for quote in &list.quotes {
        let payload = match encoding {
            Encoding::Tick => quote.get().trim_matches('"'),
            _ => quote.get(),
        };
        let seq = seq_of(payload.as_bytes(), encoding)?;
        if encoding == Encoding::Json {
            server.samples.borrow_mut().keep("/quotes", seq, payload.as_bytes());
        }
        seqs.push(seq);
    }
    let epoch = server.cursor(0)?.epoch;
    demand(list.epoch == epoch && list.next.epoch == epoch, || {
        format!("the epoch is {} in the answer, {} in next, {epoch} in /health", list.epoch, list.next.epoch)
    })?;
    Ok(Polled { seqs, next: list.next })
}

/// The last quote of an answer, as it stands.
pub(super) fn newest_of(answer: &Answer) -> Vec<u8> {
    let list = serde_json::from_slice::<PollAnswer<'_>>(&answer.body);
    list.ok().and_then(|list| list.quotes.last().map(|quote| quote.get().as_bytes().to_vec())).unwrap_or_default()
}

/// Asks for JSON quotes, and reads them.
pub(super) async fn poll(server: &Server, query: &str) -> Result<Polled, Fault> {
    let answer = server.get(&format!("/quotes?{query}")).await?.expect(200)?;
    polled(server, &answer, Encoding::Json)
}

pub(super) async fn answer(server: &Server) -> Finding {
    let answer = server.get("/quotes?after=0").await?.offered("/quotes")?.expect(200)?;
    polled(server, &answer, Encoding::Json).map(drop)
}

pub(super) async fn oldest(server: &Server) -> Finding {
    let before = server.health_with_quotes().await?;
    let got = poll(server, "after=0").await?;
    let after = server.health().await?;
    let first = got.seqs.first().copied().unwrap_or(0);
    demand((before.oldest..=after.oldest).contains(&first), || {
        format!("the first quote is {first}, and /health says that {} is the oldest held", before.oldest)
    })?;
    without_holes(&got.seqs)?;
    demand(got.seqs.last() == Some(&got.next.seq), || format!("next is {}, which is not the last quote", got.next))
}

pub(super) async fn now(server: &Server) -> Finding {
    let before = server.health_with_quotes().await?;
    let answer = server.get("/quotes").await?.expect(200)?;
    let got = polled(server, &answer, Encoding::Json)?;
    let after = server.health().await?;
    demand(answer.took < AT_ONCE, || format!("it took {:.1} s", answer.took.as_secs_f64()))?;
    demand(got.seqs.iter().all(|seq| *seq > before.newest), || {
        format!("quote {} had been published before it was asked", got.seqs[0])
    })?;
    demand((before.newest..=after.newest).contains(&got.next.seq), || {
        format!("next is {}, and the newest quote was {}", got.next, before.newest)
    })
}

pub(super) async fn next(server: &Server) -> Finding {
    let mut place = poll(server, "").await?.next;
    let begun = Instant::now();
    let mut seen = 0;
    while seen < 3 {
        let answer = server.get(&format!("/quotes?after={place}")).await?;
        if answer.status == 410 {
            return Err(Fault::unchecked("quotes fall off the tape faster than they can be asked for"));
        }
        let answer = answer.expect(200)?;
        let got = polled(server, &answer, Encoding::Json)?;
        server.samples.borrow_mut().keep_fresh(&newest_of(&answer));
        begins_with(&got.seqs, place.seq + 1)?;
        without_holes(&got.seqs)?;
        let last = got.seqs.last().copied().unwrap_or(place.seq);
        demand(got.next.seq == last, || {
            format!("asked for what follows {place}, the last quote is {last}, and next is {}", got.next)
        })?;
        seen += usize::from(!got.seqs.is_empty());
        place = got.next;
        if begun.elapsed() > FOR_A_QUOTE {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    if seen == 0 { Err(Fault::unchecked("no new quote came")) } else { Ok(()) }
}

pub(super) async fn ahead(server: &Server) -> Finding {
    let cursor = server.cursor_ahead()?;
    server.get(&format!("/quotes?after={cursor}")).await?.refusal(&format!("after={cursor}")).map(drop)
}

/// Asks for what follows `cursor`, which is gone, and reads the answer.
async fn gone(server: &Server, cursor: &str) -> Result<GapAnswer, Fault> {
    let answer: GapAnswer = server.get(&format!("/quotes?after={cursor}")).await?.expect(410)?.json()?;
    let epoch = server.cursor(0)?.epoch;
    demand(answer.epoch == epoch && answer.next.epoch == epoch, || {
        format!("the epoch is {} in the answer, {} in next, {epoch} in /health", answer.epoch, answer.next.epoch)
    })?;
    demand(answer.gap.last.checked_add(1) == Some(answer.oldest) && answer.next.seq == answer.gap.last, || {
        format!("the last lost quote is {}, the oldest held {}, next {}", answer.gap.last, answer.oldest, answer.next)
    })?;
    Ok(answer)
}

pub(super) async fn foreign(server: &Server) -> Finding {
    let before = server.health().await?;
    let answer = gone(server, server.foreign_cursor()).await?;
    let after = server.health().await?;
    demand((before.oldest..=after.oldest).contains(&answer.oldest), || {
        format!("oldest is {} in the answer and {} in /health", answer.oldest, after.oldest)
    })?;
    demand(answer.gap.reason == GapReason::Epoch, || "the gap's reason is not \"epoch\"".to_owned())
}

pub(super) async fn evicted(server: &Server) -> Finding {
    let health = server.health().await?;
    if health.oldest <= 1 {
        return Err(Fault::unchecked("nothing has fallen off the tape yet"));
    }
    let answer = gone(server, &server.cursor(0)?.to_string()).await?;
    demand(answer.gap.reason == GapReason::Evicted, || "the gap's reason is not \"evicted\"".to_owned())?;
    demand(answer.gap.first == 1, || format!("the first lost quote is {} instead of 1", answer.gap.first))
}

pub(super) async fn refusals(server: &Server) -> Finding {
    for query in [
        "atfer=0",
        "after=nonsense",
        "after=0&after=0",
        "encoding=xml",
        "delivery=some",
        "interval=5",
        "delivery=newest&interval=0",
    ] {
        server.get(&format!("/quotes?{query}")).await?.refusal(query)?;
    }
    Ok(())
}

pub(super) async fn kept(server: &Server) -> Finding {
    conversation::two_on_one_connection(server, "/quotes?after=0&delivery=newest").await
}

pub(super) async fn closed(server: &Server) -> Finding {
    conversation::closes(server, "/quotes?after=0&delivery=newest").await
}
