//! From what was asked for and what the machine costs to the parameters of the formulas.

use wirerace_contract::descriptor::{Delivers, Descriptor};
use wirerace_contract::feed::Arrivals;
use wirerace_contract::spec::{Arm, Connection, Delivery, LoadSpec};

use super::rehearsed::Rehearsed;

/// What the machine costs, measured apart from the trials that theory is held against. Zero is a machine that takes
/// no time.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Costs {
    /// One exchange without distance and with nobody else about, from asking to the answer in hand, seconds. A latency:
    /// it is added to the ways.
    pub exchange_s: f64,
    /// The part of it after the server has looked which quotes there are, seconds: what a quote that is found still takes.
    pub answer_s: f64,
    /// The same part as it was rehearsed, with processors awake, seconds: the server looked when a rehearsed quote had taken all
    /// it took but this. `None` where it is `answer_s`.
    pub awake_answer_s: Option<f64>,
    /// What each further request adds where requests queue, seconds. An occupancy: it says what the server, or the clients'
    /// one process before it, can carry. Shorter than the exchange, most of which is waking up and passing on.
    pub occupancy_s: f64,
    /// What each further held request adds where one quote answers many, seconds: the fan-out of answers, which takes more
    /// than a bare write.
    pub held_answer_s: f64,
    /// One write to one connection out of many on one quote, seconds.
    pub write_s: f64,
    /// From publishing a quote to its receipt over one connection without distance, less the write, seconds.
    pub loopback_transit_s: f64,
    /// Quotes that are pushed; `None` where nobody rehearsed, and then the two above stand for it.
    pub pushed: Option<Rehearsed>,
    /// Quotes that find a request held; `None` likewise.
    pub held: Option<Rehearsed>,
}

impl Costs {
    /// What a held quote takes after the server's look, as rehearsed, seconds.
    #[must_use]
    pub fn after_look_s(&self) -> f64 {
        self.awake_answer_s.unwrap_or(self.answer_s)
    }

    /// What each further client of a push adds, seconds: as rehearsed, where reading counts as well as writing; else a bare
    /// write.
    #[must_use]
    pub fn fan_out_step_s(&self) -> f64 {
        self.pushed.map_or(self.write_s, |rehearsed| rehearsed.further_s())
    }
}

/// At most `most` of the places 1 to `all` in a herd's order, evenly spread: they stand for all.
pub(super) fn places(all: u32, most: u32) -> impl Iterator<Item = u32> + use<> {
    let (all, taken) = (u64::from(all.max(1)), u64::from(all.clamp(1, most)));
    // At most `all`, which is a u32.
    (0..taken).map(move |i| 1 + ((2 * i + 1) * all / (2 * taken)) as u32)
}

/// How long an answer is, head and body.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct AnswerSize {
    /// Without a quote, bytes.
    pub empty_bytes: f64,
    /// What each quote adds, bytes; 0 where no answer is ever long.
    pub quote_bytes: f64,
}

/// How long a run was and what its feed held: the plan's, and not fitted to what was delivered.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Run {
    /// Quotes planned for each client.
    pub quotes: f64,
    /// From the feed's start to the end of the window, where it stops, seconds.
    pub feed_s: f64,
    /// Quotes per second within the window, where lateness and staleness are measured: of some hundred quotes of a
    /// Poisson feed there are several per cent more or less than in the rest of the run.
    pub window_rate_per_s: f64,
    /// Where the window begins, from the feed's start, seconds; `None` where the plan of the run is not known.
    pub window_from_s: Option<f64>,
    /// From the feed's start to "the last quote is everywhere", seconds: as long as there are planned requests.
    pub asked_s: f64,
    /// From "all connected" to the same: what bytes per second are taken over.
    pub metered_s: f64,
}

impl Run {
    /// The measured window at the feed's nominal rate, without warm-up.
    #[must_use]
    pub fn nominal(load: &LoadSpec) -> Self {
        let feed_s = load.window_ms as f64 / 1e3;
        let rate_per_s = load.feed.rate_per_s;
        let quotes = feed_s * rate_per_s;
        Self { quotes, feed_s, window_rate_per_s: rate_per_s, window_from_s: None, asked_s: feed_s, metered_s: feed_s }
    }
}

/// The parameters of all formulas.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Setting {
    /// Who decides when a quote travels.
    pub delivers: Delivers,
    /// Every quote or the newest.
    pub delivery: Delivery,
    /// Whether the connection is kept.
    pub connection: Connection,
    /// How quotes follow each other.
    pub arrivals: Arrivals,
    /// d: one way, seconds.
    pub delay_s: f64,
    /// T: distance of polls, or of a conflated stream's quotes, seconds; 0 where there is none.
    pub interval_s: f64,
    /// λ: quotes per second that each client gets.
    pub rate_per_s: f64,
    /// How many symbols take turns.
    pub symbols: u32,
    /// N: clients.
    pub clients: u32,
    /// How long a request may be held, seconds.
    pub wait_s: f64,
    /// How long answers are, where that takes time: on an emulated link.
    pub answer: AnswerSize,
    /// What the machine costs.
    pub costs: Costs,
}

#[cfg(test)]
impl Setting {
    /// One client on a kept connection that wants every quote of one symbol, Poisson, on a machine that takes no time.
    pub(super) fn plain(delivers: Delivers, delay_s: f64, interval_s: f64, rate_per_s: f64) -> Self {
        Self {
            delivers,
            delivery: Delivery::Every,
            connection: Connection::Kept,
            arrivals: Arrivals::Poisson,
            delay_s,
            interval_s,
            rate_per_s,
            symbols: 1,
            clients: 1,
            wait_s: 30.0,
            answer: AnswerSize::default(),
            costs: Costs::default(),
        }
    }
}

impl Setting {
    /// The parameters of `arm` under `load`, at the feed's nominal rate, with answers that are short.
    #[must_use]
    pub fn of(arm: &Arm, load: &LoadSpec, descriptor: &Descriptor, costs: &Costs) -> Self {
        Self {
            delivers: descriptor.delivers,
            delivery: arm.delivery,
            connection: arm.connection,
            arrivals: load.feed.arrivals,
            delay_s: load.path.one_way_delay_s(),
            interval_s: f64::from(arm.interval_ms) / 1e3,
            rate_per_s: load.feed.rate_per_s,
            symbols: u32::from(load.feed.symbols.max(1)),
            clients: load.clients.max(1),
            wait_s: load.wait_s as f64,
            answer: AnswerSize::default(),
            costs: *costs,
        }
    }

    /// Ways that a request and its answer take together: there and back, and before it the handshake's there and back
    /// on a new connection (the third segment of the handshake travels with the request).
    #[must_use]
    pub fn ways(&self) -> f64 {
        match self.connection {
            Connection::Kept => 2.0,
            Connection::Closed => 4.0,
        }
    }

    /// E: one exchange, seconds.
    #[must_use]
    pub fn exchange_s(&self) -> f64 {
        self.ways() * self.delay_s + self.costs.exchange_s
    }

    /// Beside distance, from asking to the server's look at the quotes, seconds.
    #[must_use]
    pub fn asking_s(&self) -> f64 {
        (self.costs.exchange_s - self.costs.answer_s).max(0.0)
    }

    /// From the server's look at the quotes to the answer in hand, seconds.
    #[must_use]
    pub fn back_s(&self) -> f64 {
        self.delay_s + self.costs.answer_s
    }

    /// A quote that the server sends at once is this late at client `position` of the fan-out (1 to N), seconds.
    #[must_use]
    pub fn sent_at_once_s(&self, position: u32) -> f64 {
        let bare_s = || self.costs.loopback_transit_s + f64::from(position) * self.costs.write_s;
        self.delay_s + self.costs.pushed.map_or_else(bare_s, |rehearsed| rehearsed.mean_s(position))
    }

    /// A quote that finds client `position`'s request held (1 to N) is this late, seconds.
    #[must_use]
    pub fn met_s(&self, position: u32) -> f64 {
        let asked_s = || self.costs.answer_s + f64::from(position.saturating_sub(1)) * self.costs.held_answer_s;
        self.delay_s + self.costs.held.map_or_else(asked_s, |rehearsed| rehearsed.mean_s(position))
    }

    /// From a quote's due instant to the server's look at the quotes for client `position` whose request it finds held,
    /// seconds: what the quote took in all when it was rehearsed, less what an answer took then. 0 where nobody rehearsed.
    #[must_use]
    pub fn look_s(&self, position: u32) -> f64 {
        let look_s = |rehearsed: Rehearsed| rehearsed.median_s(position) - self.costs.after_look_s();
        self.costs.held.map_or(0.0, look_s).max(0.0)
    }

    /// Whether lateness of what goes out at once is a rehearsal's: then the feed's wake-up is in it.
    #[must_use]
    pub const fn is_rehearsed(&self) -> bool {
        match self.delivers {
            Delivers::Planned => false,
            Delivers::Held => self.costs.held.is_some(),
            Delivers::Pushed => self.costs.pushed.is_some(),
        }
    }

    /// The distance of two quotes of a periodic feed, seconds.
    #[must_use]
    pub fn gap_s(&self) -> f64 {
        1.0 / self.rate_per_s
    }
}
