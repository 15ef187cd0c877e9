//! `GET /quotes/latest`: the newest quote, and nothing while it is the same.

use wirerace_contract::cursor::Cursor;
use wirerace_contract::encoding::Encoding;

use super::asking::{EXCHANGE, exchange};
use super::finding::{Fault, Finding, demand};
use super::sample::seq_of;
use super::server::Server;

/// How often a quote is asked for again that a newer one has followed.
const ATTEMPTS: usize = 20;

pub(super) async fn quote(server: &Server) -> Finding {
    // Without the route nobody waits for a quote.
    server.get("/quotes/latest").await?.offered("/quotes/latest")?;
    let health = server.health_with_quotes().await?;
    let answer = server.get("/quotes/latest").await?.expect(200)?;
    let seq = seq_of(&answer.body, Encoding::Json)?;
    server.samples.borrow_mut().keep("/quotes/latest", seq, &answer.body);
    demand(seq >= health.newest, || format!("quote {seq} came, and quote {} is newer", health.newest))?;
    let wanted = format!("\"{}\"", Cursor { epoch: health.epoch, seq });
    let tag = answer.header("etag").unwrap_or("missing");
    demand(tag == wanted, || format!("the ETag is {tag} instead of {wanted}"))
}

pub(super) async fn unchanged(server: &Server) -> Finding {
    server.health_with_quotes().await?;
    for _ in 0..ATTEMPTS {
        let tag = server.get("/quotes/latest").await?.expect(200)?.header("etag").unwrap_or_default().to_owned();
        let again = server.request("/quotes/latest").header("if-none-match", &tag);
        let again = exchange(again, EXCHANGE).await?;
        if again.status == 304 {
            return demand(again.body.is_empty(), || "304 came with a body".to_owned());
        }
        let again = again.expect(200)?;
        let other = again.header("etag").unwrap_or_default();
        demand(other != tag, || format!("the quote of {tag} was sent again with 200"))?;
    }
    Err(Fault::unchecked("a newer quote had come each time"))
}
