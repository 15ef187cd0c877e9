//! Excess staleness: how much older the newest quote that a client holds is than what a reader with zero delay would
//! hold, per symbol, integrated exactly over time.
//!
//! For one client and one symbol the quantity is a staircase: it steps up when a quote falls due that the client does
//! not hold and down when one arrives. Each step is walked once, so the work is constant per quote and client, and the
//! state is three numbers per client and symbol. Time without excess is not walked through the histogram; it is what
//! remains of the window.
//!
//! Who holds nothing of a symbol is as stale as the stream is old, and shows a wrong price, from the instant at which a
//! quote of it is due. A client that was refused never holds anything and counts so over the whole window: an average
//! over those that got in would make a server look fresh that turns people away.

use hdrhistogram::Histogram;
use wirerace_contract::distribution::new_histogram;
use wirerace_contract::plan::PlanTable;
use wirerace_contract::quote::symbol_of;
use wirerace_contract::results::Staleness;

/// One client's view of one symbol. Numbers of quotes fit 32 bits: four thousand million quotes would not fit the
/// plan's table either.
#[derive(Clone, Copy, Debug, Default)]
struct View {
    /// Integrated up to here, nanoseconds since the start; 0 means up to the window's start.
    since_ns: u64,
    /// The newest quote of the symbol that was due at `since_ns`; 0 if none was.
    due: u32,
    /// The newest that the client holds; 0 if none.
    held: u32,
}

#[derive(Clone, Debug)]
struct Bounds {
    start_ns: u64,
    end_ns: u64,
    /// Per symbol, the newest quote due at the window's start.
    due_at_start: Vec<u32>,
}

/// The meter of all clients of a load. All instants are nanoseconds since the feed's start.
#[derive(Debug)]
pub struct StalenessMeter {
    symbols: u16,
    views: Vec<View>,
    window: Option<Bounds>,
    /// Integral of the excess, ns × ns.
    excess_ns2: u128,
    wrong_price_ns: u128,
    covered_ns: u128,
    histogram: Histogram<u64>,
}

impl StalenessMeter {
    /// A meter for `clients` clients of a feed with `symbols` symbols. Counts from [`Self::open_window`] on.
    #[must_use]
    pub fn new(clients: usize, symbols: u16) -> Self {
        let symbols = symbols.max(1);
        Self {
            symbols,
            views: vec![View::default(); clients * usize::from(symbols)],
            window: None,
            excess_ns2: 0,
            wrong_price_ns: 0,
            covered_ns: 0,
            histogram: new_histogram(),
        }
    }

    /// Sets the window `[start_ns, end_ns)`. To be told before it begins: what arrived until then is held.
    pub fn open_window(&mut self, plan: &mut PlanTable, start_ns: u64, end_ns: u64) {
        // The quotes due up to and at the start: the last `symbols` of them hold the newest of each.
        let last = plan.last_due_before(start_ns + 1);
        let mut due_at_start = vec![0; usize::from(self.symbols)];
        for seq in last.saturating_sub(u64::from(self.symbols) - 1).max(1)..=last {
            due_at_start[usize::from(symbol_of(seq, self.symbols))] = narrow(seq);
        }
        self.window = Some(Bounds { start_ns, end_ns, due_at_start });
    }

    /// Client `client` has quote `seq` in hand since `at_ns`. For one client, instants must not go back.
    pub fn received(&mut self, plan: &mut PlanTable, client: usize, seq: u64, at_ns: u64) {
        let symbol = symbol_of(seq, self.symbols);
        let at = client * usize::from(self.symbols) + usize::from(symbol);
        if self.views.get(at).is_none_or(|view| narrow(seq) <= view.held) {
            return;
        }
        self.integrate(plan, at, at_ns);
        self.views[at].held = narrow(seq);
    }

    /// Brings one staircase up to `to_ns`, within the window.
    fn integrate(&mut self, plan: &mut PlanTable, at: usize, to_ns: u64) {
        let Some(window) = &self.window else { return };
        let to_ns = to_ns.min(window.end_ns);
        let symbol = at % usize::from(self.symbols);
        let mut view = self.views[at];
        if view.since_ns < window.start_ns {
            if to_ns <= window.start_ns {
                return;
            }
            view.since_ns = window.start_ns;
            view.due = window.due_at_start[symbol];
        }
        while view.since_ns < to_ns {
            let next = if view.due == 0 { symbol as u64 + 1 } else { u64::from(view.due) + u64::from(self.symbols) };
            let next_due_ns = plan.due_offset_ns(next);
            let until_ns = next_due_ns.min(to_ns);
            if until_ns > view.since_ns {
                let stretch_ns = until_ns - view.since_ns;
                let (excess_ns, wrong) = compare(plan, view);
                self.covered_ns += u128::from(stretch_ns);
                self.excess_ns2 += u128::from(excess_ns) * u128::from(stretch_ns);
                self.wrong_price_ns += if wrong { u128::from(stretch_ns) } else { 0 };
                if excess_ns > 0 {
                    self.histogram.saturating_record_n(excess_ns, (stretch_ns + 500) / 1000);
                }
                view.since_ns = until_ns;
            }
            if next_due_ns > to_ns {
                break;
            }
            view.due = narrow(next);
        }
        self.views[at] = view;
    }

    /// Mean excess staleness and share of time with a wrong price, over what has been integrated so far; `None` before.
    #[must_use]
    pub fn so_far(&self) -> Option<(f64, f64)> {
        let covered_ns = self.covered_ns as f64;
        (covered_ns > 0.0).then(|| (self.excess_ns2 as f64 / covered_ns, self.wrong_price_ns as f64 / covered_ns))
    }

    /// Brings every staircase to the window's end and sums up.
    pub fn finish(&mut self, plan: &mut PlanTable) -> Staleness {
        let Some(end_ns) = self.window.as_ref().map(|window| window.end_ns) else { return Staleness::default() };
        for at in 0..self.views.len() {
            self.integrate(plan, at, end_ns);
        }
        let mut over_time = self.histogram.clone();
        let covered_us = u64::try_from(self.covered_ns / 1000).unwrap_or(u64::MAX);
        over_time.saturating_record_n(0, covered_us.saturating_sub(over_time.len()));
        let (mean_ns, wrong_price_share) = self.so_far().unwrap_or_default();
        Staleness {
            mean_ns,
            p50_ns: over_time.value_at_quantile(0.5),
            p99_ns: over_time.value_at_quantile(0.99),
            wrong_price_share,
        }
    }
}

fn narrow(seq: u64) -> u32 {
    u32::try_from(seq).unwrap_or(u32::MAX)
}

/// Excess in nanoseconds, and whether the price shown is wrong. Holding nothing counts from the epoch's start.
fn compare(plan: &mut PlanTable, view: View) -> (u64, bool) {
    if view.held >= view.due {
        return (0, false);
    }
    let (due, held) = (u64::from(view.due), u64::from(view.held));
    if held == 0 {
        return (plan.due_offset_ns(due), true);
    }
    (plan.due_offset_ns(due) - plan.due_offset_ns(held), plan.price(due) != plan.price(held))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wirerace_contract::feed::{Arrivals, FeedSpec};
    use wirerace_contract::plan::SplitMix64;

    const MS: u64 = 1_000_000;

    /// One quote each 10 ms.
    fn periodic(symbols: u16) -> PlanTable {
        PlanTable::new(&FeedSpec { symbols, arrivals: Arrivals::Periodic, rate_per_s: 100.0, ..FeedSpec::default() })
    }

    #[test]
    fn one_symbol_by_hand() {
        // Due at 10, 20, 30 … ms. Quote 1 comes at 12, 2 at 25, 3 at 31; the window is [15, 35).
        let (mut plan, mut meter) = (periodic(1), StalenessMeter::new(1, 1));
        meter.received(&mut plan, 0, 1, 12 * MS);
        meter.open_window(&mut plan, 15 * MS, 35 * MS);
        meter.received(&mut plan, 0, 2, 25 * MS);
        meter.received(&mut plan, 0, 3, 31 * MS);
        let result = meter.finish(&mut plan);
        // 10 ms behind over [20, 25) and [30, 31): 6 of 20 ms.
        assert_eq!(meter.excess_ns2, u128::from(10 * MS) * u128::from(6 * MS));
        assert_eq!(meter.covered_ns, u128::from(20 * MS));
        assert!((result.mean_ns - 3e6).abs() < 1e-6);
        assert!((result.wrong_price_share - 0.3).abs() < 1e-12);
        assert_eq!(result.p50_ns, 0);
        assert!(result.p99_ns.abs_diff(10 * MS) < 20_000);
    }

    #[test]
    fn holding_nothing_counts_from_the_start_and_only_once_something_is_due() {
        // Symbols 0 and 1 are first due at 10 and 20 ms; nothing ever arrives; the window is [0, 25).
        let (mut plan, mut meter) = (periodic(2), StalenessMeter::new(1, 2));
        meter.open_window(&mut plan, 0, 25 * MS);
        let result = meter.finish(&mut plan);
        let expected_ns2 = 10 * 15 + 20 * 5;
        assert_eq!(meter.excess_ns2, u128::from(MS * MS) * expected_ns2);
        assert!((result.wrong_price_share - 20.0 / 50.0).abs() < 1e-12);
    }

    /// The definition, instant by instant.
    fn by_force(plan: &mut PlanTable, symbols: u16, arrivals: &[Vec<(u64, u64)>], window: (u64, u64)) -> (u128, u128) {
        let (mut excess, mut wrong) = (0_u128, 0_u128);
        for client in arrivals {
            for symbol in 0..symbols {
                for t in window.0..window.1 {
                    let last = plan.last_due_before(t + 1);
                    let due = (1..=last).rev().find(|seq| symbol_of(*seq, symbols) == symbol).unwrap_or(0);
                    let mine = client.iter().filter(|(seq, at)| *at <= t && symbol_of(*seq, symbols) == symbol);
                    let held = mine.map(|(seq, _)| *seq).max().unwrap_or(0);
                    let age = |plan: &mut PlanTable, seq| if seq == 0 { 0 } else { plan.due_offset_ns(seq) };
                    excess += u128::from(age(plan, due).saturating_sub(age(plan, held)));
                    let right = due == 0 || (held > 0 && plan.price(due) == plan.price(held));
                    wrong += u128::from(!right);
                }
            }
        }
        (excess, wrong)
    }

    #[test]
    fn agrees_with_the_definition_on_random_cases() {
        let mut random = SplitMix64::new(11);
        for case in 0..60 {
            let symbols = 1 + random.below(3) as u16;
            let arrivals = [Arrivals::Poisson, Arrivals::Bursts(3), Arrivals::Periodic][case % 3];
            // About a quote each 2 µs, so that the brute force can go through it nanosecond by nanosecond.
            let mut plan = PlanTable::new(&FeedSpec {
                seed: case as u64,
                symbols,
                arrivals,
                rate_per_s: 500_000.0,
                payload_bytes: 0,
            });
            let window = (random.below(3000), 4000 + random.below(12_000));
            let clients: Vec<Vec<(u64, u64)>> = (0..2).map(|_| deliveries(&mut random, &mut plan)).collect();
            let mut meter = StalenessMeter::new(clients.len(), symbols);
            for (client, arrivals) in clients.iter().enumerate() {
                arrivals.iter().filter(|a| a.1 < window.0).for_each(|a| meter.received(&mut plan, client, a.0, a.1));
            }
            meter.open_window(&mut plan, window.0, window.1);
            for (client, arrivals) in clients.iter().enumerate() {
                arrivals.iter().filter(|a| a.1 >= window.0).for_each(|a| meter.received(&mut plan, client, a.0, a.1));
            }
            meter.finish(&mut plan);
            let expected = by_force(&mut plan, symbols, &clients, window);
            assert_eq!((meter.excess_ns2, meter.wrong_price_ns), expected, "case {case}");
            let whole = 2 * u128::from(symbols) * u128::from(window.1 - window.0);
            assert_eq!(meter.covered_ns, whole, "case {case}: every nanosecond once");
        }
    }

    /// Some quotes, some late, some lost, in the order in which they arrive.
    fn deliveries(random: &mut SplitMix64, plan: &mut PlanTable) -> Vec<(u64, u64)> {
        let mut at_ns = 0;
        let kept: Vec<u64> = (1..=8).filter(|_| random.below(4) > 0).collect();
        let mut arrive = |seq| {
            at_ns = at_ns.max(plan.due_offset_ns(seq)) + random.below(5000);
            (seq, at_ns)
        };
        kept.into_iter().map(&mut arrive).collect()
    }
}
