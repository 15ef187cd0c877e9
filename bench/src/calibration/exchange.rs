//! What polls and held requests take: alone, from asking to the answer in hand, and where many ask at once. Measured with the suite's own
//! server and the HTTP library of its clients, one connection each, as in a trial.
//!
//! The two are different things. A lone exchange is mostly waking up and passing on: while it lasts, server and load are
//! free for others. What bounds them is how much *later* the last of many answers comes for each one more: the slope of
//! the last answer's instant over the number of requests at one instant. Server and load work side by side, so the slope
//! is what the slower of the two takes; both limit a trial alike, and theory needs no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use tokio::task::JoinSet;
use wirerace_contract::clock::{NS_PER_MS, NS_PER_S, monotonic_ns};
use wirerace_contract::plan::Plan;
use wirerace_servers::feed::sleep_until;
use wirerace_servers::listener::ListenOptions;
use wirerace_servers::tape::Tape;
use wirerace_servers::{ServeOptions, long_polling, serve};

use super::place::Place;
use super::{SILENCE, WARM_UP, join, on, percentile};

/// Requests over one kept connection.
struct Rhythm {
    requests: usize,
    rate_per_s: u64,
    /// These do not count.
    first: usize,
}

/// So close together that caches stay warm and processors hardly sleep.
const AWAKE: Rhythm = Rhythm { requests: 300, rate_per_s: 600, first: WARM_UP };
/// So far apart that both sides have gone to sleep when a request comes, as over a distance.
const RESTED: Rhythm = Rhythm { requests: 70, rate_per_s: 50, first: 10 };
/// How many ask at one instant, fewer and more: far enough apart for a slope, few enough for any socket's backlog.
const CROWDS: (usize, usize) = (10, 40);
/// Rounds of each crowd, and those before that do not count.
const ROUNDS: usize = 60;
const FIRST_ROUNDS: usize = 10;
/// From the end of a round to the next one.
const REST_NS: u64 = 2 * NS_PER_MS;

/// Rounds of held requests, and how long each is given until all are held.
const HELD_ROUNDS: usize = 30;
const HELD_AFTER: Duration = Duration::from_millis(20);

/// What polls that find no quote, and held requests that one quote answers, take; nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Exchange {
    /// From asking to the answer in hand, alone: median.
    pub(super) exchange_ns: u64,
    /// Of it, from the server's having the request: median.
    pub(super) answer_ns: u64,
    /// The same two after a rest.
    pub(super) rested_exchange_ns: u64,
    pub(super) rested_answer_ns: u64,
    /// What each further request at the same instant adds to the last answer.
    pub(super) occupancy_ns: u64,
    /// What each further held request adds to the last answer when one quote answers all.
    pub(super) held_answer_ns: u64,
}

/// When the server had the last request in hand.
#[derive(Clone, Default)]
struct Handled(Arc<AtomicU64>);

/// Measures all of them.
pub(super) fn measure(place: &Place) -> Result<Exchange> {
    let handled = Handled::default();
    let (address_of, address) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let noted = handled.clone();
    let quotes = ListenOptions { address: place.address(), ..ListenOptions::default() };
    let server = on(place.server_cpu, move || {
        runtime()?.block_on(async {
            let note = move |request: Request, next: Next| {
                noted.0.store(monotonic_ns(), Ordering::Relaxed);
                next.run(request)
            };
            let mut tape_of_all = None;
            let running = serve(ServeOptions { quotes, ..ServeOptions::default() }, |tape| {
                tape_of_all = Some(tape.clone());
                // Without `wait` it is polling's own code.
                long_polling::routes(tape).layer(from_fn(note))
            })?;
            let tape = tape_of_all.context("the server has no tape")?;
            address_of.send((running.quotes_addr(), tape))?;
            // The sender is dropped when the clients are done.
            let _ = ended.await;
            running.shutdown(Duration::from_millis(100)).await;
            Ok(())
        })
    })?;
    let (address, tape) = address.recv_timeout(SILENCE)?;
    let (clients, delay_ns) = (place.clone(), place.delay_ns());
    let client = on(place.load_cpu, move || {
        clients.go_to_clients()?;
        runtime()?.block_on(async {
            let url = format!("http://{address}/quotes");
            let (exchange_ns, answer_ns) = alone(&url, &handled, delay_ns, &AWAKE).await?;
            let (rested_exchange_ns, rested_answer_ns) = alone(&url, &handled, delay_ns, &RESTED).await?;
            let occupancy_ns = together(&url).await?;
            let held_answer_ns = held(&url, &tape).await?;
            Ok(Exchange { exchange_ns, answer_ns, rested_exchange_ns, rested_answer_ns, occupancy_ns, held_answer_ns })
        })
    })?;
    let measured = join(client);
    drop(end);
    join(server)?;
    measured
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().http1_only().no_proxy().tcp_nodelay(true).timeout(SILENCE).build()
}

async fn ask(client: &reqwest::Client, url: &str) -> Result<()> {
    client.get(url).send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

/// One request at a time: the whole, and what is left of it once the server has it, without the ways. Medians.
async fn alone(url: &str, handled: &Handled, delay_ns: u64, rhythm: &Rhythm) -> Result<(u64, u64)> {
    let client = client()?;
    let (mut exchanges, mut answers) = (Vec::with_capacity(rhythm.requests), Vec::with_capacity(rhythm.requests));
    let start_ns = monotonic_ns() + NS_PER_MS;
    for number in 0..rhythm.requests as u64 {
        sleep_until(start_ns + number * (NS_PER_S / rhythm.rate_per_s + 2 * delay_ns));
        let from_ns = monotonic_ns();
        ask(&client, url).await?;
        let in_hand_ns = monotonic_ns();
        exchanges.push(in_hand_ns - from_ns);
        answers.push(in_hand_ns.saturating_sub(handled.0.load(Ordering::Relaxed)));
        // The library takes its connection back one turn later; without that it would dial another.
        tokio::task::yield_now().await;
    }
    let without = |times: &[u64], ways| percentile(&times[rhythm.first..], 0.5).saturating_sub(ways * delay_ns);
    Ok((without(&exchanges, 2), without(&answers, 1)))
}

/// Many at one instant: what one more of them adds to the last answer.
async fn together(url: &str) -> Result<u64> {
    let clients = (0..CROWDS.1).map(|_| client()).collect::<reqwest::Result<Vec<_>>>()?;
    let (mut fewer, mut more) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
    for round in 0..FIRST_ROUNDS + ROUNDS {
        // In turn, so that what disturbs the machine for a while disturbs both.
        for (crowd, times) in [(CROWDS.0, &mut fewer), (CROWDS.1, &mut more)] {
            sleep_until(monotonic_ns() + REST_NS);
            let from_ns = monotonic_ns();
            let last_ns = last_of(&mut asking(&clients[..crowd], url), from_ns).await?;
            if round >= FIRST_ROUNDS {
                times.push(last_ns);
            }
        }
    }
    Ok(slope_ns((CROWDS.0, percentile(&fewer, 0.5)), (CROWDS.1, percentile(&more, 0.5))))
}

/// Many held requests that one quote answers: what one more of them adds to the last answer.
async fn held(url: &str, tape: &Tape) -> Result<u64> {
    let clients = (0..CROWDS.1).map(|_| client()).collect::<reqwest::Result<Vec<_>>>()?;
    let (mut fewer, mut more) = (Vec::with_capacity(HELD_ROUNDS), Vec::with_capacity(HELD_ROUNDS));
    let mut quotes = Plan::new(tape.spec());
    for _ in 0..HELD_ROUNDS {
        for (crowd, times) in [(CROWDS.0, &mut fewer), (CROWDS.1, &mut more)] {
            let url = format!("{url}?after={}&wait=5", tape.cursor(tape.newest()));
            let mut asking = asking(&clients[..crowd], &url);
            // Until all are held. One that comes later is answered at once, and makes a round that the median leaves out.
            tokio::time::sleep(HELD_AFTER).await;
            let published_ns = monotonic_ns();
            quotes.next().map_or(Ok(()), |quote| tape.publish(quote))?;
            times.push(last_of(&mut asking, published_ns).await?);
        }
    }
    Ok(slope_ns((CROWDS.0, percentile(&fewer, 0.5)), (CROWDS.1, percentile(&more, 0.5))))
}

/// All of `clients` ask at this instant; each task ends with the instant of its answer.
fn asking(clients: &[reqwest::Client], url: &str) -> JoinSet<Result<u64>> {
    let mut asking = JoinSet::new();
    for client in clients {
        let (client, url) = (client.clone(), url.to_owned());
        asking.spawn(async move {
            ask(&client, &url).await?;
            let in_hand_ns = monotonic_ns();
            tokio::task::yield_now().await;
            Ok(in_hand_ns)
        });
    }
    asking
}

/// From `from_ns` to the last answer, nanoseconds.
async fn last_of(asking: &mut JoinSet<Result<u64>>, from_ns: u64) -> Result<u64> {
    let mut last_ns = from_ns;
    while let Some(answered) = asking.join_next().await {
        last_ns = last_ns.max(answered??);
    }
    Ok(last_ns - from_ns)
}

/// Rise over run of two points (number, nanoseconds); 0 where there is none, or it falls.
fn slope_ns(fewer: (usize, u64), more: (usize, u64)) -> u64 {
    more.1.saturating_sub(fewer.1).checked_div(more.0.saturating_sub(fewer.0) as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_more_adds_by_hand() {
        assert_eq!(slope_ns((10, 500_000), (40, 2_000_000)), 50_000);
        assert_eq!(slope_ns((10, 500_000), (40, 400_000)), 0, "a disturbed round makes no negative cost");
        assert_eq!(slope_ns((10, 1), (10, 2)), 0);
    }

    /// Each request keeps the server busy for as long as a spinning handler says, and the slope finds it. A machine that
    /// is disturbed may flatten it a little.
    #[test]
    fn a_busy_server_shows_in_the_slope() {
        const BUSY_NS: u64 = 400_000;
        let (address_of, address) = std::sync::mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let server = on(None, move || {
            runtime()?.block_on(async {
                let busy = |request: Request, next: Next| {
                    let until_ns = monotonic_ns() + BUSY_NS;
                    while monotonic_ns() < until_ns {}
                    next.run(request)
                };
                let running = serve(ServeOptions::default(), |tape| long_polling::routes(tape).layer(from_fn(busy)))?;
                address_of.send(running.quotes_addr())?;
                let _ = ended.await;
                running.shutdown(Duration::from_millis(100)).await;
                Ok(())
            })
        })
        .unwrap();
        let url = format!("http://{}/quotes?after=0", address.recv_timeout(SILENCE).unwrap());
        let occupancy_ns = runtime().unwrap().block_on(together(&url)).unwrap();
        drop(end);
        join(server).unwrap();
        assert!(occupancy_ns > BUSY_NS / 2, "each request took the server {BUSY_NS} ns, the slope is {occupancy_ns}");
    }
}
