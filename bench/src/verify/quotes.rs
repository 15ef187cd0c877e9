//! What holds for quotes whichever way they come: read from what the other checks have kept.

use std::collections::BTreeMap;

use wirerace_contract::clock::NS_PER_S;
use wirerace_contract::encoding::{Encoding, decode, encode};
use wirerace_contract::plan::Plan;
use wirerace_contract::quote::{Quote, symbol_of};

use super::asking::begin;
use super::finding::{Fault, Finding, demand};
use super::polling_newest::width;
use super::server::Server;

/// How late a quote may come whose start is on the same clock, nanoseconds: far more than any server needs.
const LATE_MAX_NS: u64 = 60 * NS_PER_S;
/// A plan is not computed beyond this quote.
const PLAN_MAX: u64 = 2_000_000;

pub(super) async fn one_transport(server: &Server) -> Finding {
    demand(!server.offered().is_empty(), || {
        "none of /quotes, /quotes/latest, /events and /socket is offered".to_owned()
    })
}

/// All JSON quotes that were kept, decoded.
fn decoded(server: &Server) -> Result<Vec<(&'static str, Quote, usize)>, Fault> {
    let samples = server.samples.borrow();
    let quotes = samples.all().map(|(route, _, bytes)| match decode(bytes, Encoding::Json) {
        Ok(quote) => Ok((route, quote, bytes.len())),
        Err(error) => Err(Fault::Broken(format!("{route}: {error}: {}", begin(bytes)))),
    });
    let quotes = quotes.collect::<Result<Vec<_>, Fault>>()?;
    if quotes.is_empty() { Err(Fault::unchecked("no JSON quote was seen")) } else { Ok(quotes) }
}

pub(super) async fn json(server: &Server) -> Finding {
    let health = server.known_health().ok_or_else(|| Fault::unchecked("it builds on health-fields"))?;
    let width = width(&health, Encoding::Json)?;
    for (route, quote, bytes) in decoded(server)? {
        demand(bytes == width, || {
            format!("quote {} on {route} has {bytes} bytes, and the feed's quotes have {width}", quote.seq)
        })?;
        let symbol = symbol_of(quote.seq, health.feed.symbols);
        demand(quote.symbol == symbol, || {
            format!("quote {} is of {}, and it is the turn of symbol {}", quote.seq, quote.symbol_name(), symbol + 1)
        })?;
        demand(quote.price > 0 && quote.size > 0, || format!("quote {} has a price or size of 0", quote.seq))?;
    }
    Ok(())
}

pub(super) async fn same_bytes(server: &Server) -> Finding {
    let samples = server.samples.borrow();
    let mut seen: BTreeMap<u64, (&'static str, &[u8])> = BTreeMap::new();
    let mut compared = false;
    for (route, seq, bytes) in samples.all() {
        let (other, wanted) = *seen.entry(seq).or_insert((route, bytes));
        compared |= other != route;
        demand(bytes == wanted, || {
            format!("quote {seq} is {} on {other} and {} on {route}", begin(wanted), begin(bytes))
        })?;
    }
    if compared { Ok(()) } else { Err(Fault::unchecked("no quote was seen on two routes")) }
}

pub(super) async fn start_clock(server: &Server) -> Finding {
    if !server.address.ip().is_loopback() {
        return Err(Fault::unchecked("the server's clock may be that of another machine"));
    }
    let start_ns = server.known_health().and_then(|health| health.start_ns);
    let start_ns = start_ns.ok_or_else(|| Fault::unchecked("start_ns is null: the feed has not started"))?;
    let samples = server.samples.borrow();
    let fresh = &samples.fresh;
    if fresh.is_empty() {
        return Err(Fault::unchecked("no new quote came with its time"));
    }
    for (offset_ns, received_ns) in fresh {
        let due_ns = start_ns.saturating_add(*offset_ns);
        let seconds = |ns: u64| ns as f64 / NS_PER_S as f64;
        demand(due_ns <= *received_ns, || {
            format!("a quote came {:.3} s before start_ns + time_ns", seconds(due_ns - received_ns))
        })?;
        demand(received_ns - due_ns <= LATE_MAX_NS, || {
            format!("a new quote came {:.0} s after start_ns + time_ns", seconds(received_ns - due_ns))
        })?;
    }
    Ok(())
}

pub(super) async fn feed_plan(server: &Server) -> Finding {
    let health = server.known_health().ok_or_else(|| Fault::unchecked("it builds on health-fields"))?;
    let quotes = decoded(server).map_err(|_| Fault::unchecked("no JSON quote was seen that can be read"))?;
    let quotes: BTreeMap<u64, Quote> = quotes.into_iter().map(|(_, quote, _)| (quote.seq, quote)).collect();
    let Some(last) = quotes.keys().copied().filter(|seq| *seq <= PLAN_MAX).max() else {
        return Err(Fault::unchecked(format!("the stream is beyond quote {PLAN_MAX}: start the server anew")));
    };
    // As many numbers as the plan is long are computed: a fraction of a second.
    let planned = Plan::new(&health.feed).take(usize::try_from(last).unwrap_or(usize::MAX));
    for (plan, quote) in planned.filter_map(|plan| Some((plan, quotes.get(&plan.seq)?))) {
        // The last bit of a logarithm may differ between languages.
        if plan.due_offset_ns.abs_diff(quote.due_offset_ns) > 1_000 || plan.price.abs_diff(quote.price) > 1 {
            let text = |quote: &Quote| String::from_utf8_lossy(&encode(quote, Encoding::Json, 0)).into_owned();
            return Err(Fault::NotOffered(format!(
                "it has a plan of its own, so that lateness cannot be told from outside: quote {} is {} and would be {}",
                quote.seq,
                text(quote),
                text(&plan)
            )));
        }
    }
    Ok(())
}
