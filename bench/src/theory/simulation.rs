//! Clients played through event by event, from nothing but what a client and a server do: no formula of the theory is
//! used here. Instants are seconds.

use wirerace_contract::plan::SplitMix64;

/// What one client lived through.
#[derive(Default)]
pub(super) struct Log {
    /// received − due of each delivered quote, in the order of receipt.
    pub(super) late_s: Vec<f64>,
    /// Number (from 0) and instant of each receipt.
    pub(super) received: Vec<(usize, f64)>,
    pub(super) requests: usize,
    pub(super) empty: usize,
}

impl Log {
    fn receive(&mut self, due: &[f64], quotes: std::ops::Range<usize>, at_s: f64) {
        for quote in quotes {
            self.late_s.push(at_s - due[quote]);
            self.received.push((quote, at_s));
        }
    }

    pub(super) fn mean_s(&self) -> f64 {
        self.late_s.iter().sum::<f64>() / self.late_s.len() as f64
    }

    pub(super) fn requests_per_quote(&self) -> f64 {
        self.requests as f64 / self.late_s.len() as f64
    }

    /// The largest difference between the sorted values and `cdf`, both sides of each step. Values are taken a
    /// picosecond up: sums of decimal fractions miss an atom by a rounding error.
    pub(super) fn distance(&self, cdf: impl Fn(f64) -> f64) -> f64 {
        let mut sorted = self.late_s.clone();
        sorted.sort_by(f64::total_cmp);
        let (all, mut largest, mut i) = (sorted.len() as f64, 0.0f64, 0);
        while i < sorted.len() {
            let mut end = i;
            while end < sorted.len() && sorted[end] <= sorted[i] + 1e-9 {
                end += 1;
            }
            let (before, after) = (cdf(sorted[i] - 1e-9), cdf(sorted[end - 1] + 1e-9));
            largest = largest.max((before - i as f64 / all).abs()).max((after - end as f64 / all).abs());
            i = end;
        }
        largest
    }
}

/// Poisson instants.
pub(super) fn poisson(seed: u64, rate_per_s: f64, count: usize) -> Vec<f64> {
    let (mut random, mut at_s) = (SplitMix64::new(seed), 0.0);
    (0..count)
        .map(|_| {
            at_s += random.exponential() / rate_per_s;
            at_s
        })
        .collect()
}

/// Instants `gap_s` apart.
pub(super) fn periodic(gap_s: f64, count: usize) -> Vec<f64> {
    (1..=count).map(|i| i as f64 * gap_s).collect()
}

/// Asks on the grid phase + k T, not while an answer is out; the server has the request after all ways but one and
/// answers at once, with all quotes or with the newest.
pub(super) fn planned(due: &[f64], way: (f64, f64), grid: (f64, f64), newest: bool) -> Log {
    // Long enough before the feed, so that the first quote meets requests that are already under way.
    let first = -(way.1 * way.0 / grid.1).ceil() as i64;
    polls(due, way, grid, (newest, first), |_| 0.0)
}

/// The same with all quotes, from a client that begins with the feed, where an answer with so many quotes takes `further_s`
/// longer.
pub(super) fn planned_long(due: &[f64], way: (f64, f64), grid: (f64, f64), further_s: impl Fn(usize) -> f64) -> Log {
    polls(due, way, grid, (false, 0), further_s)
}

fn polls(
    due: &[f64],
    (delay_s, ways): (f64, f64),
    (phase_s, interval_s): (f64, f64),
    (newest, mut instant): (bool, i64),
    further_s: impl Fn(usize) -> f64,
) -> Log {
    let (mut log, mut next) = (Log::default(), 0);
    while next < due.len() {
        let asked_s = phase_s + instant as f64 * interval_s;
        let read_s = asked_s + (ways - 1.0) * delay_s;
        log.requests += 1;
        let end = next + due[next..].partition_point(|due_s| *due_s <= read_s);
        log.empty += usize::from(end == next);
        let first = if newest { end.saturating_sub(1).max(next) } else { next };
        let more_s = further_s(end - next);
        log.receive(due, first..end, read_s + delay_s + more_s);
        next = end;
        instant += 1;
        while phase_s + (instant as f64) * interval_s < asked_s + ways * delay_s + more_s - 1e-9 {
            instant += 1;
        }
    }
    log
}

/// Asks, is answered as soon as the request was held for `least_s` and there is a quote, or after `wait_s` with
/// nothing; asks again when the answer is in hand.
pub(super) fn held(due: &[f64], (delay_s, ways): (f64, f64), (least_s, wait_s): (f64, f64), newest: bool) -> Log {
    let (mut log, mut next, mut at_server_s) = (Log::default(), 0, 0.0);
    while next < due.len() {
        log.requests += 1;
        let sent_s = f64::max(at_server_s + least_s, due[next]).min(at_server_s + wait_s);
        // A quote due at the very instant goes along: in a locked feed that must not hang on a rounding error.
        let end = next + due[next..].partition_point(|due_s| *due_s <= sent_s + 1e-9);
        log.empty += usize::from(end == next);
        let first = if newest { end.saturating_sub(1).max(next) } else { next };
        log.receive(due, first..end, sent_s + delay_s);
        next = end;
        at_server_s = sent_s + ways * delay_s;
    }
    log
}

/// The same for every quote where the machine takes time: a held request is answered `took_s()` after the first quote was due
/// and, of that, `answer_s` goes by after the server has looked what there is; a request that finds quotes is answered at once.
pub(super) fn held_by_machine(
    due: &[f64],
    (delay_s, ways): (f64, f64),
    answer_s: f64,
    mut took_s: impl FnMut() -> f64,
) -> Log {
    let (mut log, mut next, mut at_server_s) = (Log::default(), 0, 0.0);
    while next < due.len() {
        log.requests += 1;
        let looked_s = if due[next] <= at_server_s { at_server_s } else { due[next] + took_s() - answer_s };
        let end = next + due[next..].partition_point(|due_s| *due_s <= looked_s);
        log.receive(due, next..end, looked_s + answer_s + delay_s);
        next = end;
        at_server_s = looked_s + answer_s + ways * delay_s;
    }
    log
}

/// The same where exchanges differ: `exchange_s()` says what one takes, beside the ways, to the server's look and from there
/// to the answer in hand; a held request is answered with what is there `look_s()` after the first quote was due.
pub(super) fn held_by_chance(
    due: &[f64],
    (delay_s, ways): (f64, f64),
    mut look_s: impl FnMut() -> f64,
    mut exchange_s: impl FnMut() -> (f64, f64),
) -> Log {
    let (mut log, mut next, mut at_server_s) = (Log::default(), 0, 0.0);
    while next < due.len() {
        log.requests += 1;
        let looked_s = if due[next] <= at_server_s { at_server_s } else { due[next] + look_s() };
        let end = next + due[next..].partition_point(|due_s| *due_s <= looked_s);
        let (asking_s, answer_s) = exchange_s();
        log.receive(due, next..end, looked_s + answer_s + delay_s);
        next = end;
        at_server_s = looked_s + answer_s + ways * delay_s + asking_s;
    }
    log
}

/// Receipts of pushes: of each quote the first of `clients` has it after `delay_s` and what `took_s()` says, and each further
/// one `further_s` later.
pub(super) fn pushed_by_machine(
    quotes: usize,
    delay_s: f64,
    (clients, further_s): (u32, f64),
    mut took_s: impl FnMut() -> f64,
) -> Log {
    let mut log = Log::default();
    for _ in 0..quotes {
        let first_s = delay_s + took_s();
        log.late_s.extend((0..clients).map(|after| first_s + f64::from(after) * further_s));
    }
    log
}

/// Lateness and window of each client of a herd, all of whose requests are held when one quote comes at 0: the server
/// writes the answers in turn and then serves the requests in the order in which they come, one at a time. Answers take
/// `delay_s`, and the clients, which take turns themselves, have their next requests there `away_s` after the last answer was
/// written.
pub(super) fn herd(clients: u32, (delay_s, away_s): (f64, f64), (write_s, service_s): (f64, f64)) -> Vec<(f64, f64)> {
    let written: Vec<f64> = (1..=clients).map(|k| f64::from(k) * write_s).collect();
    let last_s = written.last().copied().unwrap_or(0.0);
    let mut free_s = last_s;
    let serve = |sent_s: &f64| {
        free_s = f64::max(free_s, last_s + away_s) + service_s;
        (sent_s + delay_s, free_s - sent_s)
    };
    written.iter().map(serve).collect()
}

/// Mean excess staleness and share of time in which a symbol's newest quote is not held, over `symbols` that take turns:
/// for each symbol, walks through time from one event (a quote due, a quote received) to the next.
pub(super) fn staleness(due: &[f64], received: &[(usize, f64)], symbols: usize) -> (f64, f64) {
    let end_s = received.last().map_or(0.0, |(_, at_s)| *at_s);
    let (mut excess, mut stale_s, mut covered_s) = (0.0, 0.0, 0.0);
    for symbol in 0..symbols {
        let mut events: Vec<(f64, bool, usize)> =
            (symbol..due.len()).step_by(symbols).map(|quote| (due[quote], false, quote)).collect();
        events.extend(
            received.iter().filter(|(quote, _)| quote % symbols == symbol).map(|(quote, at_s)| (*at_s, true, *quote)),
        );
        events.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut newest, mut holds, mut since_s) = (None, None, 0.0);
        for (at_s, is_receipt, quote) in events.into_iter().filter(|(at_s, ..)| *at_s <= end_s) {
            if let (Some(newest), Some(holds)) = (newest, holds) {
                let missing_s: f64 = due[newest] - due[holds];
                excess += missing_s * (at_s - since_s);
                stale_s += if newest > holds { at_s - since_s } else { 0.0 };
                covered_s += at_s - since_s;
            }
            since_s = at_s;
            *(if is_receipt { &mut holds } else { &mut newest }) = Some(quote);
        }
    }
    (excess / covered_s, stale_s / covered_s)
}
