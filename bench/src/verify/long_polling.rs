//! `GET /quotes` with `wait`: the request is held.

use std::time::Duration;

use tokio::time::Instant;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::WAIT_MAX_S;

use super::asking::{Answer, EXCHANGE, exchange};
use super::finding::{Fault, Finding, demand};
use super::polling::{AT_ONCE, newest_of, poll, polled};
use super::server::Server;

/// How long a request is asked to be held, seconds.
const WAIT_S: u64 = 3;
/// A wait may end this much early: clocks are read at two ends.
const EARLY: Duration = Duration::from_millis(100);
/// Distance that conflated answers must keep.
const INTERVAL: Duration = Duration::from_millis(800);

async fn hold(server: &Server, query: &str) -> Result<Answer, Fault> {
    exchange(server.request(&format!("/quotes?{query}")), Duration::from_secs(WAIT_S) + EXCHANGE).await
}

pub(super) async fn answer(server: &Server) -> Finding {
    server.health_with_quotes().await?;
    let answer = hold(server, &format!("after=0&wait={WAIT_S}")).await?;
    if answer.status == 400 {
        return Err(Fault::NotOffered("wait is refused with 400".to_owned()));
    }
    let answer = answer.offered("/quotes with wait")?.expect(200)?;
    let got = polled(server, &answer, Encoding::Json)?;
    demand(!got.seqs.is_empty(), || "there are quotes, and none came".to_owned())?;
    demand(answer.took < AT_ONCE, || format!("there are quotes, and it took {:.1} s", answer.took.as_secs_f64()))
}

pub(super) async fn held(server: &Server) -> Finding {
    let before = server.health().await?;
    let wait = Duration::from_secs(WAIT_S);
    let answer = hold(server, &format!("wait={WAIT_S}")).await?.expect(200)?;
    let (took, got) = (answer.took, polled(server, &answer, Encoding::Json)?);
    if got.seqs.is_empty() {
        return demand(took + EARLY >= wait, || {
            format!("an empty list came after {:.2} s of a wait of {WAIT_S} s", took.as_secs_f64())
        });
    }
    server.samples.borrow_mut().keep_fresh(&newest_of(&answer));
    // At this rate a quote comes in the first half of the wait all but certainly (1 in 20,000 at the least).
    let is_fast = before.feed.rate_per_s * wait.as_secs_f64() / 2.0 >= 10.0;
    demand(!is_fast || took < wait.mul_f64(0.9), || {
        format!("quotes came, and the answer only after {:.2} s, when the wait was over", took.as_secs_f64())
    })
}

pub(super) async fn default_wait(server: &Server) -> Finding {
    server.health_with_quotes().await?;
    hold(server, "after=0&wait").await?.expect(200).map(drop)
}

pub(super) async fn maximum(server: &Server) -> Finding {
    let asked = format!("wait={}", WAIT_MAX_S + 1);
    let sentence = hold(server, &asked).await?.refusal(&asked)?;
    demand(sentence.contains(&WAIT_MAX_S.to_string()), || {
        format!("the sentence does not name {WAIT_MAX_S}: {sentence}")
    })
}

pub(super) async fn interval(server: &Server) -> Finding {
    let health = server.health_with_quotes().await?;
    if health.feed.rate_per_s * INTERVAL.as_secs_f64() < 4.0 {
        return Err(Fault::unchecked("the feed is too slow to tell: at least 5 quotes per second"));
    }
    let query = |after| format!("after={after}&delivery=newest&interval={}&wait={WAIT_S}", INTERVAL.as_millis());
    let first = poll(server, &query("0".to_owned())).await?;
    let begun = Instant::now();
    let second = poll(server, &query(first.next.to_string())).await?;
    demand(second.seqs.len() == 1, || format!("{} quotes came instead of one", second.seqs.len()))?;
    demand(begun.elapsed() + EARLY >= INTERVAL, || {
        format!("two answers are {} ms apart, asked for {}", begun.elapsed().as_millis(), INTERVAL.as_millis())
    })
}
