//! From events to figures: lateness, transit, losses, order, staleness.
//!
//! One recorder serves all clients of a load. What it keeps per client is a few dozen bytes; distributions are kept
//! once, over all clients. Every quote is accounted for: received + superseded + lost = planned, per client. The four
//! are counted each by itself, so that whoever compares them with the plan can find a mistake. A client that never got
//! in is one like all others: it loses every quote and shows nothing.

mod report;

use std::path::Path;
use std::sync::Arc;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use wirerace_contract::clock::NS_PER_S;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::distribution::new_histogram;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::messages::{Gap, GapReason};
use wirerace_contract::plan::PlanTable;
use wirerace_contract::results::{QuoteCounts, Traffic, Window};
use wirerace_contract::spec::Delivery;

use crate::ledger::{ClientLedger, Placed};
use crate::order_book::OrderBook;
use crate::quote_ring::{PublishedLog, QuoteRing};
use crate::staleness::StalenessMeter;
use crate::target::{Event, TrafficCounters};
use crate::window::Second;

/// How many different errors are kept in words.
const ERRORS_MAX: usize = 8;

/// The recorder of one load.
#[derive(Debug)]
pub struct Recorder {
    delivery: Delivery,
    plan: PlanTable,
    clients: Vec<ClientLedger>,
    start_ns: Option<u64>,
    window: Option<Window>,
    epoch: Option<Epoch>,
    all: QuoteCounts,
    in_window: QuoteCounts,
    totals: Second,
    lateness: Histogram<u64>,
    transit: Histogram<u64>,
    plan_error: Histogram<u64>,
    exchange: Histogram<u64>,
    /// Per client: when the poll of the window was issued whose answer is still out.
    asked_ns: Vec<Option<u64>>,
    live: Option<Histogram<u64>>,
    /// Quotes due before that are left out of it, nanoseconds of the monotonic clock.
    live_from_ns: u64,
    ring: QuoteRing,
    staleness: StalenessMeter,
    orders: OrderBook,
    traffic: Traffic,
    counters: Arc<TrafficCounters>,
    errors: Vec<String>,
    connected: u32,
    /// Once that is settled.
    connected_at_start: Option<u32>,
    failure: Option<String>,
    caught_up: u32,
    cut: u32,
}

/// Running totals, cheap enough to be taken ten times a second.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Nanoseconds since the feed's start; 0 before.
    pub offset_ns: u64,
    /// Clients that have been connected.
    pub connected: u32,
    /// Quotes received so far, over all clients.
    pub received: u64,
    /// Median lateness of all quotes so far; `null` before the first.
    pub lateness_p50_ns: Option<u64>,
    /// 99th percentile of it.
    pub lateness_p99_ns: Option<u64>,
    /// Mean excess staleness in the window so far; `null` before it.
    pub staleness_mean_ns: Option<f64>,
    /// Share of time with a wrong price in the window so far; `null` before it.
    pub wrong_price_share: Option<f64>,
    /// What the clients did so far.
    pub traffic: Traffic,
}

impl Recorder {
    /// A recorder for `clients` clients. `live` keeps what [`Self::progress`] needs beside the report.
    #[must_use]
    pub fn new(clients: u32, delivery: Delivery, feed: &FeedSpec, counters: Arc<TrafficCounters>, live: bool) -> Self {
        Self {
            delivery,
            plan: PlanTable::new(feed),
            clients: (0..clients).map(|_| ClientLedger::default()).collect(),
            start_ns: None,
            window: None,
            epoch: None,
            all: QuoteCounts::default(),
            in_window: QuoteCounts::default(),
            totals: Second::default(),
            lateness: new_histogram(),
            transit: new_histogram(),
            plan_error: new_histogram(),
            exchange: new_histogram(),
            asked_ns: vec![None; clients as usize],
            live: live.then(new_histogram),
            live_from_ns: 0,
            ring: QuoteRing::new(clients),
            staleness: StalenessMeter::new(clients as usize, feed.symbols),
            orders: OrderBook::new(),
            traffic: Traffic::default(),
            counters,
            errors: Vec::new(),
            connected: 0,
            connected_at_start: None,
            failure: None,
            caught_up: 0,
            cut: 0,
        }
    }

    /// The feed starts at `start_ns` of the monotonic clock; the server logs published times at `published_log`.
    pub fn start(&mut self, start_ns: u64, published_log: Option<&Path>) {
        self.start_ns = Some(start_ns);
        match published_log.map(PublishedLog::open) {
            Some(Ok(log)) => self.ring.set_log(log),
            Some(Err(error)) => {
                self.error(format!("no transit times: the log of published quotes cannot be read: {error}"))
            }
            None => {}
        }
    }

    /// Leaves quotes due before `from_ns` out of the running totals' lateness: a server that ran long before has a whole
    /// tape of them, and their age says nothing of the transport.
    pub fn tell_lateness_from(&mut self, from_ns: u64) {
        self.live_from_ns = from_ns;
    }

    /// Sets the window, `[start_offset_ns, end_offset_ns)`. Must be told before it begins. Quotes after its last are
    /// left out of all counts from now on.
    pub fn open_window(&mut self, start_offset_ns: u64, end_offset_ns: u64, warm_up_agreed: bool) -> Window {
        let window = Window {
            start_offset_ns,
            end_offset_ns,
            first_seq: self.plan.last_due_before(start_offset_ns) + 1,
            last_seq: self.plan.last_due_before(end_offset_ns),
            warm_up_agreed,
        };
        self.staleness.open_window(&mut self.plan, start_offset_ns, end_offset_ns);
        self.ring.begin_at(window.first_seq);
        self.orders.open_window((start_offset_ns, end_offset_ns));
        let gone = self.clients.iter().enumerate().filter(|(_, client)| client.has_left());
        gone.for_each(|(client, _)| self.orders.leave(client));
        self.caught_up = self.clients.iter().filter(|client| client.is_done(window.last_seq)).count() as u32;
        self.window = Some(window);
        window
    }

    /// Takes one event of client `client` (0, 1, 2 …).
    pub fn event(&mut self, client: usize, event: Event) {
        match event {
            Event::Connected { epoch } => self.connected(client, epoch),
            Event::Quote { seq, received_ns, payload_bytes } => {
                self.traffic.payload_bytes += u64::from(payload_bytes);
                self.answered(client, received_ns);
                self.quote(client, seq, received_ns);
            }
            Event::Gap { epoch, gap } => self.gap(client, epoch, gap),
            Event::Poll { planned_ns, issued_ns } => self.poll(client, planned_ns, issued_ns),
            Event::PollsSkipped { first_ns, interval_ns, count } => {
                self.traffic.polls_skipped += count;
                self.traffic.window_polls_skipped += self.polls_in_window(first_ns, interval_ns, count);
            }
            Event::EmptyPoll => {
                self.traffic.polls_empty += 1;
                self.unanswered(client);
            }
            Event::Disconnected { reason } => {
                self.error(reason.into());
                self.unanswered(client);
            }
            Event::OrderSent { planned_ns } => self.orders.sent(self.is_in_window(planned_ns)),
            Event::OrderAcknowledged { planned_ns, acknowledged_ns } => {
                let in_window = self.is_in_window(planned_ns);
                self.orders.acknowledged(client, acknowledged_ns.saturating_sub(planned_ns), in_window);
            }
            Event::OrderLost { planned_ns, reason } => {
                self.orders.lost(client, self.is_in_window(planned_ns));
                reason.into_iter().for_each(|reason| self.error(reason.into()));
            }
            Event::OrderUnsent { planned_ns } => self.orders.unsent(self.is_in_window(planned_ns)),
            Event::Failed { reason } => {
                self.failure.get_or_insert_with(|| reason.to_string());
                self.error(reason.into());
                self.leave(client);
            }
        }
    }

    fn connected(&mut self, client: usize, epoch: Option<Epoch>) {
        let Some(ledger) = self.clients.get_mut(client) else { return };
        if ledger.was_connected() {
            self.traffic.reconnects += 1;
        } else if ledger.has_left() {
            // Sent away, and not yet gone.
            return;
        } else {
            ledger.set_connected();
            self.connected += 1;
        }
        self.check_epoch(client, epoch);
    }

    fn check_epoch(&mut self, client: usize, epoch: Option<Epoch>) {
        let (Some(now), known) = (epoch, self.epoch) else { return };
        if now == *self.epoch.get_or_insert(now) {
            return;
        }
        let before = known.map_or_else(String::new, |epoch| epoch.to_string());
        self.error(format!("the server began another stream ({before}, now {now}): its quotes are not counted"));
        self.leave(client);
    }

    /// Nothing more is expected of the client.
    fn leave(&mut self, client: usize) {
        let last_seq = self.window.map(|window| window.last_seq);
        if let Some(ledger) = self.clients.get_mut(client) {
            let was_done = last_seq.is_some_and(|last_seq| ledger.is_done(last_seq));
            if ledger.was_connected() && !ledger.has_left() {
                self.ring.one_left();
            }
            ledger.leave();
            self.orders.leave(client);
            self.caught_up += u32::from(last_seq.is_some() && !was_done);
        }
    }

    fn gap(&mut self, client: usize, epoch: Option<Epoch>, gap: Gap) {
        self.traffic.gaps += 1;
        self.check_epoch(client, epoch);
        if gap.reason == GapReason::Epoch {
            return;
        }
        self.error(format!("the server announced that quotes {} to {} are lost", gap.first, gap.last));
        let last_seq = self.window.map_or(u64::MAX, |window| window.last_seq);
        let Some(ledger) = self.clients.get_mut(client) else { return };
        let was_done = ledger.is_done(last_seq);
        let lost = ledger.skip_to(gap.last, self.delivery);
        self.caught_up += u32::from(!was_done && ledger.is_done(last_seq));
        self.count_lost(lost, last_seq);
    }

    fn poll(&mut self, client: usize, planned_ns: u64, issued_ns: u64) {
        self.traffic.polls_issued += 1;
        if self.is_in_window(planned_ns) {
            self.traffic.window_polls_issued += 1;
            self.plan_error.saturating_record(issued_ns.saturating_sub(planned_ns));
            if let Some(asked_ns) = self.asked_ns.get_mut(client) {
                *asked_ns = Some(issued_ns);
            }
        }
    }

    /// The first quote after a poll was issued is its answer.
    fn answered(&mut self, client: usize, received_ns: u64) {
        if let Some(issued_ns) = self.asked_ns.get_mut(client).and_then(Option::take) {
            self.exchange.saturating_record(received_ns.saturating_sub(issued_ns));
        }
    }

    /// No quotes will come of the poll that is out: its answer has none, or is lost.
    fn unanswered(&mut self, client: usize) {
        if let Some(asked_ns) = self.asked_ns.get_mut(client) {
            *asked_ns = None;
        }
    }

    /// How many of `count` instants, `interval_ns` apart from `first_ns` on, the window holds. It is decided before it
    /// begins, so instants told of before that lie before it.
    fn polls_in_window(&self, first_ns: u64, interval_ns: u64, count: u64) -> u64 {
        let (Some(start_ns), Some(window)) = (self.start_ns, self.window) else { return 0 };
        let before = |offset_ns: u64| {
            let ahead_ns = (start_ns + offset_ns).saturating_sub(first_ns);
            ahead_ns.div_ceil(interval_ns.max(1)).min(count)
        };
        before(window.end_offset_ns) - before(window.start_offset_ns).min(before(window.end_offset_ns))
    }

    /// Whether the window holds that instant.
    fn is_in_window(&self, at_ns: u64) -> bool {
        self.polls_in_window(at_ns, 1, 1) > 0
    }

    fn quote(&mut self, client: usize, seq: u64, received_ns: u64) {
        let last_seq = self.window.map_or(u64::MAX, |window| window.last_seq);
        let Some(ledger) = self.clients.get_mut(client) else { return };
        if ledger.has_left() {
            return;
        }
        if seq == 0 {
            return self.error("a quote had the number 0, which the contract does not know".to_owned());
        }
        let was_done = ledger.is_done(last_seq);
        let placed = ledger.place(seq, self.delivery);
        self.caught_up += u32::from(!was_done && ledger.is_done(last_seq));
        if let Placed::Next { between } = placed {
            match self.delivery {
                Delivery::Newest => self.count_superseded(between, last_seq),
                Delivery::Every => self.count_lost(between, last_seq),
            }
        }
        if seq > last_seq {
            return;
        }
        let in_window = self.window.is_some_and(|window| seq >= window.first_seq);
        let counts = [Some(&mut self.all), in_window.then_some(&mut self.in_window)];
        for counts in counts.into_iter().flatten() {
            match placed {
                Placed::Next { .. } => counts.received += 1,
                Placed::Missing => {
                    counts.received += 1;
                    counts.out_of_order += 1;
                    // More found again than lost is a mistake, which then shows: the sum is not what was planned.
                    counts.lost = counts.lost.saturating_sub(1);
                }
                Placed::Superseded => counts.out_of_order += 1,
                Placed::Duplicate => counts.duplicates += 1,
            }
        }
        if matches!(placed, Placed::Next { .. } | Placed::Missing) {
            self.time(client, seq, received_ns, in_window);
        }
    }

    /// Quotes that `newest` left out on purpose.
    fn count_superseded(&mut self, range: (u64, u64), last_seq: u64) {
        let (all, in_window) = self.counted(range, last_seq);
        self.all.superseded += all;
        self.in_window.superseded += in_window;
    }

    /// Quotes that did not come. One of them that comes after all is taken off again.
    fn count_lost(&mut self, range: (u64, u64), last_seq: u64) {
        let (all, in_window) = self.counted(range, last_seq);
        self.all.lost += all;
        self.in_window.lost += in_window;
    }

    /// How many of the quotes `from..to` are counted at all, and within the window.
    fn counted(&self, (from, to): (u64, u64), last_seq: u64) -> (u64, u64) {
        let to = to.min(last_seq.saturating_add(1));
        let in_window = self.window.map_or(0, |window| to.saturating_sub(from.max(window.first_seq)));
        (to.saturating_sub(from), in_window)
    }

    fn time(&mut self, client: usize, seq: u64, received_ns: u64, in_window: bool) {
        let Some(start_ns) = self.start_ns else {
            return self.error("a quote came before the feed was started".to_owned());
        };
        // A number from the wire: a server of somebody else's may say any. The plan is not computed to the end of days.
        let soon_ns = received_ns.saturating_sub(start_ns) + NS_PER_S;
        if !self.plan.is_due_before(seq, soon_ns) {
            self.all.early += 1;
            return self.error(format!("quote {seq} came long before it was due: the server has another plan"));
        }
        let due_ns = start_ns + self.plan.due_offset_ns(seq);
        if received_ns < due_ns {
            self.all.early += 1;
            self.error("a quote came before it was due: the server's plan or clock is another one".to_owned());
        }
        let lateness_ns = received_ns.saturating_sub(due_ns);
        self.totals.delivered += 1;
        self.totals.lateness_sum_ns += u128::from(lateness_ns);
        if due_ns >= self.live_from_ns
            && let Some(live) = &mut self.live
        {
            live.saturating_record(lateness_ns);
        }
        self.staleness.received(&mut self.plan, client, seq, received_ns.saturating_sub(start_ns));
        if !in_window {
            return;
        }
        self.lateness.saturating_record(lateness_ns);
        if let Some(published_ns) = self.ring.received(seq, received_ns) {
            if received_ns < published_ns {
                self.error(
                    "a quote came before it was published: the log of published quotes is another one".to_owned(),
                );
            }
            self.transit.saturating_record(received_ns.saturating_sub(published_ns));
        }
    }

    /// Keeps the first few different errors in words.
    pub fn error(&mut self, words: String) {
        if self.errors.len() < ERRORS_MAX && !self.errors.contains(&words) {
            self.errors.push(words);
        }
    }

    /// The clients of which it is not yet known whether they get in: neither connected nor gone.
    pub fn undecided_clients(&self) -> impl Iterator<Item = usize> {
        let undecided = |ledger: &ClientLedger| !ledger.was_connected() && !ledger.has_left();
        self.clients.iter().enumerate().filter(move |(_, ledger)| undecided(ledger)).map(|(client, _)| client)
    }

    /// Nobody waits any longer for those that are undecided: they are refused, and what they may still say is not heard.
    pub fn send_away_undecided(&mut self, why: &str) {
        for client in self.undecided_clients().collect::<Vec<_>>() {
            self.leave(client);
            self.error(why.to_owned());
        }
    }

    /// The load goes on to the start with those that are connected now; gives how many they are.
    pub fn settle_clients(&mut self) -> u32 {
        let connected = self.present();
        self.connected_at_start = Some(connected);
        let out = self.clients.iter().enumerate().filter(|(_, c)| !c.was_connected() || c.has_left());
        out.for_each(|(client, _)| self.orders.refuse(client));
        self.ring.set_clients(connected);
        connected
    }

    /// So many clients did not leave when they were told to.
    pub fn cut(&mut self, clients: u32) {
        self.cut = clients;
        if clients > 0 {
            self.error(format!("{clients} clients did not leave when they were told to"));
        }
    }

    /// Clients that got in and have not left.
    #[must_use]
    pub fn present(&self) -> u32 {
        self.clients.iter().filter(|ledger| ledger.was_connected() && !ledger.has_left()).count() as u32
    }

    /// Why the first client gave up, in one sentence; `None` while none has.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Quotes and their lateness so far: what the warm-up looks at.
    #[must_use]
    pub fn totals(&self) -> Second {
        self.totals
    }

    /// How many clients still wait for the window's last quote.
    #[must_use]
    pub fn clients_behind(&self) -> u32 {
        (self.clients.len() as u32).saturating_sub(self.caught_up)
    }

    /// The orders that every client sends upstream: how many a second, and the phase of each client.
    pub fn plan_orders(&mut self, orders_per_s: f64, phases: impl Iterator<Item = f64>) {
        self.orders.plan(orders_per_s, phases);
    }

    /// How many orders of the window are still to be sent, or wait for their acknowledgement.
    #[must_use]
    pub fn orders_out(&self) -> u64 {
        self.orders.out()
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
