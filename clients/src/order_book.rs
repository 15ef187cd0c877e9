//! What became of the orders of a load: planned = sent + never sent, sent = acknowledged + lost.
//!
//! What is planned follows from phases, rate and window; the four others are each counted as clients tell of them, so that
//! whoever compares can find a mistake.

use hdrhistogram::Histogram;
use wirerace_contract::distribution::{Distribution, new_histogram};
use wirerace_contract::results::Orders;

use crate::orders::planned_within;

/// The account of all orders.
#[derive(Debug)]
pub(crate) struct OrderBook {
    counts: Orders,
    latency: Histogram<u64>,
    orders_per_s: f64,
    /// Of each client; `None` for one that did not get in, whose orders nobody plans. Empty without orders.
    phases: Vec<Option<f64>>,
    /// Per client: orders of the window that may still be acknowledged, those not yet sent included.
    open: Vec<u64>,
}

impl OrderBook {
    pub(crate) fn new() -> Self {
        let (phases, open) = (Vec::new(), Vec::new());
        Self { counts: Orders::default(), latency: new_histogram(), orders_per_s: 0.0, phases, open }
    }

    /// Every client sends `orders_per_s` orders a second, each at its phase.
    pub(crate) fn plan(&mut self, orders_per_s: f64, phases: impl Iterator<Item = f64>) {
        if orders_per_s > 0.0 {
            (self.orders_per_s, self.phases) = (orders_per_s, phases.map(Some).collect());
        }
    }

    /// This client did not get in.
    pub(crate) fn refuse(&mut self, client: usize) {
        if let Some(phase) = self.phases.get_mut(client) {
            *phase = None;
        }
    }

    /// The window is decided, in nanoseconds since the feed's start.
    pub(crate) fn open_window(&mut self, bounds_ns: (u64, u64)) {
        let planned =
            |phase: &Option<f64>| phase.map_or(0, |phase| planned_within(phase, self.orders_per_s, bounds_ns));
        self.open = self.phases.iter().map(planned).collect();
        self.counts.window_planned = self.open.iter().sum();
    }

    /// Nobody waits any longer for this client's orders.
    pub(crate) fn leave(&mut self, client: usize) {
        if let Some(open) = self.open.get_mut(client) {
            *open = 0;
        }
    }

    fn settle(&mut self, client: usize) {
        if let Some(open) = self.open.get_mut(client) {
            *open = open.saturating_sub(1);
        }
    }

    pub(crate) fn sent(&mut self, in_window: bool) {
        self.counts.issued += 1;
        self.counts.window_issued += u64::from(in_window);
    }

    pub(crate) fn unsent(&mut self, in_window: bool) {
        self.counts.window_unsent += u64::from(in_window);
    }

    pub(crate) fn acknowledged(&mut self, client: usize, latency_ns: u64, in_window: bool) {
        self.counts.acknowledged += 1;
        if in_window {
            self.counts.window_acknowledged += 1;
            self.latency.saturating_record(latency_ns);
            self.settle(client);
        }
    }

    pub(crate) fn lost(&mut self, client: usize, in_window: bool) {
        self.counts.lost += 1;
        if in_window {
            self.counts.window_lost += 1;
            self.settle(client);
        }
    }

    /// Orders of the window that are still to be sent or to be acknowledged.
    pub(crate) fn out(&self) -> u64 {
        self.open.iter().sum()
    }

    /// What was planned and not acknowledged, sent or not, is infinitely late.
    pub(crate) fn report(&self) -> Orders {
        let never = self.counts.window_planned.saturating_sub(self.counts.window_acknowledged);
        Orders { latency: Distribution::of(&self.latency, never), ..self.counts.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clients in, one refused, four orders a second each; the window is the first second.
    fn book() -> OrderBook {
        let mut book = OrderBook::new();
        book.plan(4.0, [0.0, 0.5, 0.9].into_iter());
        book.refuse(2);
        book.open_window((0, 1_000_000_000));
        book
    }

    #[test]
    fn what_is_planned_and_not_acknowledged_is_infinitely_late_sent_or_not() {
        let mut book = book();
        assert_eq!(book.out(), 8);
        book.sent(false);
        book.acknowledged(0, 5_000, false);
        assert_eq!(book.out(), 8, "an order of before the window");
        (0..4).for_each(|_| book.sent(true));
        book.acknowledged(0, 2_000_000, true);
        book.acknowledged(1, 2_000_000, true);
        book.lost(1, true);
        assert_eq!(book.out(), 5, "one is out, four are still to be sent");
        (0..4).for_each(|_| book.unsent(true));
        book.unsent(false);
        let report = book.report();
        assert_eq!((report.issued, report.acknowledged, report.lost), (5, 3, 1));
        assert_eq!((report.window_planned, report.window_issued, report.window_unsent), (8, 4, 4));
        assert_eq!((report.window_acknowledged, report.window_lost), (2, 1));
        assert_eq!((report.latency.count, report.latency.lost), (2, 6));
    }

    #[test]
    fn nobody_waits_for_who_has_left_and_what_he_owed_stays_planned() {
        let mut book = book();
        book.leave(0);
        assert_eq!((book.out(), book.report().window_planned), (4, 8));
        let mut none = OrderBook::new();
        none.plan(0.0, [0.5].into_iter());
        none.open_window((0, 1_000_000_000));
        assert_eq!((none.out(), none.report().window_planned, none.report().latency.lost), (0, 0, 0));
    }
}
