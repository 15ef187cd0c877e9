//! What quotes take over a path, rehearsed: the suite's own server, feed and clients, ten of one kind, and a short Poisson feed.
//!
//! A bare socket is not enough for theory. From a quote's due instant to a client there are the feed's wake-up, that of the
//! server's task, the library's work, the kernel or the link with its own wake-ups, and the client's; and caches are cold, since
//! nothing happened for milliseconds. All that is no property of the distance or the arm that a trial is about,
//! so it is measured once for each path before the trials, with other seeds, another rate and (over a link) another distance, and
//! theory takes it as given. What theory is held to comes on top: distance, phases, windows, herds.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use futures_util::StreamExt;
use tokio::sync::{mpsc, oneshot, watch};
use wirerace_clients::backoff::BackoffPolicy;
use wirerace_clients::event_log::EventLogger;
use wirerace_clients::pacer::Pacer;
use wirerace_clients::target::{Event, Target, TrafficCounters};
use wirerace_contract::clock::{NS_PER_MS, NS_PER_US, monotonic_ns};
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::plan::Plan;
use wirerace_contract::process_usage::process_usage;
use wirerace_contract::results::{Cpu, REHEARSED_SHARES, Rehearsal, RehearsedQuotes};
use wirerace_contract::spec::Arm;
use wirerace_servers::listener::ListenOptions;
use wirerace_servers::{ServeOptions, serve};

use super::place::Place;
use super::{SILENCE, exchange, join, on, percentile};
use crate::machine::MachineTime;
use crate::noise::disturbances;
use crate::output::note;
use crate::registry::{self, Row};

/// How many take each quote: enough for a slope, few enough that the first is as good as alone.
const CLIENTS: u32 = 10;
/// Quotes and their rate: some two seconds, with time to fall asleep between them.
const QUOTES: u64 = 120;
const RATE_PER_S: f64 = 60.0;
/// The first quotes do not count.
const FIRST_QUOTES: u64 = 10;
/// A quote counts if the one before is this much earlier: then everyone has asked again and waits.
const QUIET_NS: u64 = 10 * NS_PER_MS;
/// No trial's: trials count their seeds up from 1.
const SEED: u64 = 0x5eed_0000;

/// When a client had a quote.
struct Receipt {
    seq: u64,
    at_ns: u64,
}

/// What quotes took.
#[derive(Debug, Default)]
struct Taken {
    /// received − due − one way at the first client, nanoseconds.
    first_ns: Vec<u64>,
    /// What each further client adds, nanoseconds.
    further_ns: Vec<u64>,
}

/// How often it is held before what a disturbed machine gave is kept: it takes some seconds.
const ATTEMPTS: usize = 2;

/// Rehearses polls, held requests and pushes at `place`, again where the machine was disturbed meanwhile.
pub(super) fn hold(place: &Place) -> Result<Rehearsal> {
    let mut attempt = 1;
    loop {
        let begun = Usage::now();
        let rehearsal = once(place)?;
        let disturbances = Usage::now().disturbances_since(&begun);
        if disturbances.is_empty() {
            return Ok(rehearsal);
        }
        let disturbed = format!("the machine was disturbed during the rehearsal ({})", disturbances.join("; "));
        if attempt == ATTEMPTS {
            note(format!("warning: {disturbed} twice: theory knows its times less well"));
            return Ok(Rehearsal { disturbed: true, ..rehearsal });
        }
        note(format!("once more: {disturbed}"));
        attempt += 1;
    }
}

/// What the machine and this process, which is all that a rehearsal is, have used.
struct Usage {
    at_ns: u64,
    own_us: u64,
    machine: Option<MachineTime>,
}

impl Usage {
    fn now() -> Self {
        Self { at_ns: monotonic_ns(), own_us: process_usage().cpu_us(), machine: MachineTime::now() }
    }

    fn disturbances_since(&self, earlier: &Self) -> Vec<String> {
        let wall_us = (self.at_ns - earlier.at_ns) / NS_PER_US;
        let machines = self.machine.zip(earlier.machine);
        let cpu = Cpu {
            wall_us,
            machine_us: machines.map(|(later, earlier)| later.busy_since(&earlier, wall_us)),
            steal_us: machines.map(|(later, earlier)| later.stolen_since(&earlier)),
            server_us: self.own_us.saturating_sub(earlier.own_us),
            load_us: 0,
        };
        disturbances(&cpu, wall_us)
    }
}

fn once(place: &Place) -> Result<Rehearsal> {
    let exchange = exchange::measure(place)?;
    Ok(Rehearsal {
        exchange_ns: exchange.exchange_ns,
        answer_ns: exchange.answer_ns,
        rested_exchange_ns: exchange.rested_exchange_ns,
        rested_answer_ns: exchange.rested_answer_ns,
        occupancy_ns: exchange.occupancy_ns,
        held_answer_ns: exchange.held_answer_ns,
        pushed: quotes(place, Delivers::Pushed)?,
        held: quotes(place, Delivers::Held)?,
        disturbed: false,
    })
}

/// All transports that deliver so, as one.
fn quotes(place: &Place, delivers: Delivers) -> Result<RehearsedQuotes> {
    let mut all = Taken::default();
    for row in registry::ROWS.iter().filter(|row| row.descriptor.delivers == delivers) {
        let receipts = rehearse(place, row)?;
        let taken = taken(&receipts, place.delay_ns());
        all.first_ns.extend(taken.first_ns);
        all.further_ns.extend(taken.further_ns);
    }
    if all.first_ns.is_empty() {
        bail!("not one quote of the rehearsal came to all clients");
    }
    all.first_ns.sort_unstable();
    let first_ns = REHEARSED_SHARES.map(|share| between(&all.first_ns, share));
    Ok(RehearsedQuotes { first_ns, further_ns: percentile(&all.further_ns, 0.5) })
}

/// The value at `share` of the way through sorted values, on the line between its neighbours; 0 without values.
fn between(sorted: &[u64], share: f64) -> u64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0 };
    let place = share * last as f64;
    let (low, high) = (sorted[place.floor() as usize] as f64, sorted[(place.ceil() as usize).min(last)] as f64);
    (low + (high - low) * place.fract()).round() as u64
}

fn feed() -> FeedSpec {
    FeedSpec { seed: SEED, symbols: 4, arrivals: Arrivals::Poisson, rate_per_s: RATE_PER_S, payload_bytes: 0 }
}

/// Of quotes that came to all clients and followed a rest. `receipts` counts from the feed's start.
fn taken(receipts: &[Receipt], delay_ns: u64) -> Taken {
    let mut instants: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    receipts.iter().for_each(|receipt| instants.entry(receipt.seq).or_default().push(receipt.at_ns));
    let (mut taken, mut before_ns) = (Taken::default(), 0);
    for quote in Plan::new(&feed()).take(QUOTES as usize) {
        let rested = quote.due_offset_ns.saturating_sub(before_ns) >= QUIET_NS;
        before_ns = quote.due_offset_ns;
        let Some(at_ns) = instants.get(&quote.seq).filter(|at_ns| at_ns.len() == CLIENTS as usize) else { continue };
        let (Some(first_ns), Some(last_ns)) = (at_ns.iter().min(), at_ns.iter().max()) else { continue };
        if rested && quote.seq > FIRST_QUOTES {
            taken.first_ns.push(first_ns.saturating_sub(quote.due_offset_ns + delay_ns));
            taken.further_ns.push((last_ns - first_ns) / u64::from(CLIENTS - 1));
        }
    }
    taken
}

/// One transport's server and clients, and a feed for them; receipts count from its start.
fn rehearse(place: &Place, row: &'static Row) -> Result<Vec<Receipt>> {
    let (address_of, address) = std::sync::mpsc::channel();
    let (start, started) = oneshot::channel::<u64>();
    let (end, ended) = oneshot::channel::<()>();
    let quotes = ListenOptions { address: place.address(), ..ListenOptions::default() };
    let server = on(place.server_cpu, move || {
        exchange::runtime()?.block_on(async {
            let running = serve(ServeOptions { quotes, feed: feed(), ..ServeOptions::default() }, row.routes)?;
            address_of.send(running.quotes_addr())?;
            // The sender is dropped if the clients fail.
            if let Ok(start_ns) = started.await {
                running.feed().stop_after(QUOTES);
                running.feed().start_at(start_ns)?;
                let _ = ended.await;
            }
            running.shutdown(Duration::from_millis(100)).await;
            Ok(())
        })
    })?;
    let address = address.recv_timeout(SILENCE)?;
    let place = place.clone();
    let clients = on(place.load_cpu, move || {
        place.go_to_clients()?;
        let reins = Reins::default();
        let target = target(address, row, &reins)?;
        exchange::runtime()?.block_on(receive(row, &target, start))
    })?;
    let received = join(clients);
    drop(end);
    join(server)?;
    received
}

/// Clients leave when nobody holds these any more.
#[derive(Default)]
struct Reins {
    start: watch::Sender<Option<u64>>,
    stop: watch::Sender<bool>,
}

/// What a client is told who waits for nothing but quotes.
fn target(address: SocketAddr, row: &Row, reins: &Reins) -> Result<Target> {
    let arm = Arm { transport: row.descriptor.name.to_string(), ..Arm::default() };
    Ok(Target {
        address,
        payload_bytes: feed().payload_bytes_in(arm.encoding)?,
        arm: Arc::new(arm),
        wait_s: 30,
        orders_per_s: 0.0,
        source: None,
        phase: 0.0,
        start: reins.start.subscribe(),
        stop: reins.stop.subscribe(),
        pacer: Pacer::spawn()?,
        traffic: Arc::new(TrafficCounters::default()),
        patience: Duration::ZERO,
        request_head_bytes: 0,
        backoff: BackoffPolicy::default(),
        seed: 0,
        log: EventLogger::default(),
    })
}

/// Connects all clients, has the feed started, and waits until everyone has its last quote.
async fn receive(row: &Row, target: &Target, start: oneshot::Sender<u64>) -> Result<Vec<Receipt>> {
    let receipts = Arc::new(Mutex::new(Vec::new()));
    let (stages, mut reached) = mpsc::channel(2 * CLIENTS as usize);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (mut events, receipts, stages) = ((row.arrivals)(target.clone()), Arc::clone(&receipts), stages.clone());
        clients.spawn(async move {
            while let Some(event) = events.next().await {
                let stage = match event {
                    Event::Connected { .. } => true,
                    Event::Quote { seq, received_ns: at_ns, .. } => {
                        receipts.lock().unwrap_or_else(PoisonError::into_inner).push(Receipt { seq, at_ns });
                        seq == QUOTES
                    }
                    _ => false,
                };
                if stage && stages.send(()).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(stages);
    let mut all = async |what| {
        for _ in 0..CLIENTS {
            let next = tokio::time::timeout(SILENCE, reached.recv()).await;
            next.ok().flatten().with_context(|| format!("the rehearsal fell silent: not all clients {what}"))?;
        }
        anyhow::Ok(())
    };
    all("were connected").await?;
    // A little ahead, so that the first quote is not late, and held requests are held.
    let start_ns = monotonic_ns() + 50 * NS_PER_MS;
    start.send(start_ns).map_err(|_| anyhow!("the rehearsal's server is gone"))?;
    all("had the last quote").await?;
    clients.shutdown().await;
    let mut receipts = std::mem::take(&mut *receipts.lock().unwrap_or_else(PoisonError::into_inner));
    receipts.iter_mut().for_each(|receipt| receipt.at_ns = receipt.at_ns.saturating_sub(start_ns));
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_after_a_rest_count_once_all_clients_have_them() {
        let plan: Vec<_> = Plan::new(&feed()).take(QUOTES as usize).collect();
        let all_at = |late_ns: u64| {
            plan.iter().flat_map(move |quote| {
                (0..u64::from(CLIENTS))
                    .map(move |k| Receipt { seq: quote.seq, at_ns: quote.due_offset_ns + late_ns + k * 30 })
            })
        };
        let delay_ns = 2 * NS_PER_MS;
        let of_all = taken(&all_at(delay_ns + 500).collect::<Vec<_>>(), delay_ns);
        assert!(of_all.first_ns.iter().all(|ns| *ns == 500) && of_all.further_ns.iter().all(|ns| *ns == 30));
        let rested = plan
            .windows(2)
            .filter(|two| two[1].seq > FIRST_QUOTES && two[1].due_offset_ns - two[0].due_offset_ns >= QUIET_NS);
        let rested = rested.count();
        assert_eq!(of_all.first_ns.len(), rested);
        assert!((30..plan.len() / 5 * 4).contains(&rested), "some count and some do not: {rested}");
        // A quote that one client never had says nothing of the first, and its order nothing either.
        let without: Vec<_> = all_at(delay_ns).enumerate().filter(|(i, _)| i % 10 != 7).map(|(_, r)| r).collect();
        assert!(taken(&without, delay_ns).first_ns.is_empty());
    }

    #[test]
    fn quantiles_lie_on_the_line_between_values() {
        assert_eq!([0.0, 0.5, 0.75, 1.0].map(|share| between(&[10, 20, 40], share)), [10, 20, 30, 40]);
        assert_eq!((between(&[7], 0.9), between(&[], 0.5)), (7, 0));
    }

    const LATE_NS: u64 = 1_000 * NS_PER_MS;

    fn late(target: Target) -> futures_util::stream::BoxStream<'static, Event> {
        let later = |event| match event {
            Event::Quote { seq, received_ns, payload_bytes } => {
                Event::Quote { seq, received_ns: received_ns + LATE_NS, payload_bytes }
            }
            other => other,
        };
        wirerace_clients::sse::arrivals(target).map(later).boxed()
    }

    static LATE: Row = Row {
        descriptor: wirerace_contract::descriptor::Descriptor::SSE,
        routes: wirerace_servers::sse::routes,
        arrivals: late,
        text_only: true,
        flushes: false,
        arms: &[],
    };

    #[test]
    fn what_others_use_meanwhile_disturbs_and_what_we_use_does_not() {
        let machine = |idle_us, steal_us| Some(MachineTime { idle_us, steal_us, cpus: 2 });
        let begun = Usage { at_ns: 0, own_us: 0, machine: machine(0, 0) };
        let told =
            |own_us, machine| Usage { at_ns: 1_000_000_000, own_us, machine }.disturbances_since(&begun).join("; ");
        assert_eq!(told(500_000, machine(1_500_000, 0)), "", "half a processor, our own");
        assert!(told(0, machine(1_500_000, 0)).contains("other processes used 50.0 %"));
        assert!(told(0, machine(1_900_000, 100_000)).contains("monitor took 10.0 %"));
    }

    /// A whole rehearsal on this machine, with clients that are late on purpose.
    #[test]
    fn what_clients_add_is_found() {
        let receipts = rehearse(&Place::here(crate::pinning::choose().as_ref()), &LATE).unwrap();
        assert_eq!(receipts.len() as u64, QUOTES * u64::from(CLIENTS));
        let taken = taken(&receipts, 0);
        assert!(taken.first_ns.len() > 20 && taken.first_ns.iter().all(|ns| *ns >= LATE_NS), "{taken:?}");
        assert!(taken.further_ns.iter().any(|ns| *ns > 0), "ten clients at one instant: {taken:?}");
    }
}
