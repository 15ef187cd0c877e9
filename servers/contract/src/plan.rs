//! The feed's plan: which quote is due when. A pure function of the specification, so that the load process,
//! a notebook or a server in another language computes the same due instants without asking.
//!
//! Everything random comes from SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
//! generators", OOPSLA 2014), whose six lines exist in every language; logarithms and exponentials come from
//! `libm` instead of the platform, so that the last bit agrees everywhere.

use crate::clock::NS_PER_S;
use crate::feed::{Arrivals, FeedSpec};
use crate::quote::{PRICE_MAX, PRICE_UNITS, Quote, SIZE_MAX, symbol_of};

/// Standard deviation of the logarithm of a price over one second. Large enough that a price visibly moves
/// at ten quotes a second; no claim about real markets hangs on it.
pub const VOLATILITY_PER_SQRT_S: f64 = 0.002;

/// Seed of the phases at which the clients of a block's trials begin: the same for all of them, another in each block.
#[must_use]
pub fn phases_seed(run_seed: u64, block: u32) -> u64 {
    SplitMix64::new(run_seed ^ (u64::from(block) << 32)).next_u64()
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator started with `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform on [0, 1), in steps of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform on 0..n; n must not be 0. The bias is below n/2^64.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Exponential with mean 1, by inversion.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.uniform())
    }

    /// Standard normal (Box and Muller 1958, the cosine branch only: simple before fast).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(2.0 * self.exponential());
        radius * libm::cos(2.0 * std::f64::consts::PI * self.uniform())
    }

    /// Shuffles in place, each order equally likely (Fisher and Yates, in Durstenfeld's form).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// The endless sequence of quotes that a specification fixes.
#[derive(Clone, Debug)]
pub struct Plan {
    spec: FeedSpec,
    times: SplitMix64,
    prices: SplitMix64,
    seq: u64,
    due_s: f64,
    /// Per symbol: price in currency, and when it was last due, in seconds.
    state: Vec<(f64, f64)>,
}

impl Plan {
    /// The plan of `spec`. Times and prices have generators of their own, so that changing the pattern of
    /// arrivals does not change what is random in the prices.
    #[must_use]
    pub fn new(spec: &FeedSpec) -> Self {
        let mut seeds = SplitMix64::new(spec.seed);
        let times = SplitMix64::new(seeds.next_u64());
        let mut prices = SplitMix64::new(seeds.next_u64());
        // Opening prices from 50 to 250.
        let state = (0..spec.symbols.max(1)).map(|_| (50.0 + 200.0 * prices.uniform(), 0.0)).collect();
        Self { spec: spec.clone(), times, prices, seq: 0, due_s: 0.0, state }
    }

    fn next_due_s(&mut self) -> f64 {
        let gap_s = 1.0 / self.spec.rate_per_s;
        match self.spec.arrivals {
            // Multiplied, not summed: no rounding error grows over a long run.
            Arrivals::Periodic => self.seq as f64 * gap_s,
            Arrivals::Poisson => self.due_s + gap_s * self.times.exponential(),
            Arrivals::Bursts(size) => self.seq.div_ceil(u64::from(size.max(1))) as f64 * gap_s * f64::from(size.max(1)),
        }
    }
}

impl Iterator for Plan {
    type Item = Quote;

    /// The next quote: a plan never ends.
    fn next(&mut self) -> Option<Quote> {
        self.seq += 1;
        self.due_s = self.next_due_s();
        let symbol = symbol_of(self.seq, self.spec.symbols);
        let (price, since_s) = &mut self.state[usize::from(symbol)];
        // Geometric Brownian motion without drift, sampled exactly over the time since the symbol's last quote.
        let variance = VOLATILITY_PER_SQRT_S * VOLATILITY_PER_SQRT_S * (self.due_s - *since_s);
        *price *= libm::exp(libm::sqrt(variance) * self.prices.normal() - variance / 2.0);
        *since_s = self.due_s;
        let units = (*price * f64::from(PRICE_UNITS)).round().clamp(1.0, f64::from(PRICE_MAX));
        Some(Quote {
            seq: self.seq,
            due_offset_ns: (self.due_s * NS_PER_S as f64).round() as u64,
            symbol,
            price: units as u32,
            size: 1 + self.prices.below(u64::from(SIZE_MAX)) as u32,
        })
    }
}

/// The plan, computed as far as somebody asked: the lookup from `seq` to due instant and price.
#[derive(Debug)]
pub struct PlanTable {
    plan: Plan,
    symbols: u16,
    due_offset_ns: Vec<u64>,
    price: Vec<u32>,
}

impl PlanTable {
    /// An empty table over the plan of `spec`.
    #[must_use]
    pub fn new(spec: &FeedSpec) -> Self {
        Self { plan: Plan::new(spec), symbols: spec.symbols.max(1), due_offset_ns: Vec::new(), price: Vec::new() }
    }

    /// How many symbols take turns.
    #[must_use]
    pub fn symbols(&self) -> u16 {
        self.symbols
    }

    fn extend_to(&mut self, seq: u64) {
        while (self.due_offset_ns.len() as u64) < seq {
            let Some(quote) = self.plan.next() else { return };
            self.due_offset_ns.push(quote.due_offset_ns);
            self.price.push(quote.price);
        }
    }

    /// Whether quote `seq` is due before `offset_ns`, without computing the plan any further than that: who is told of a
    /// quote by somebody else asks this first.
    pub fn is_due_before(&mut self, seq: u64, offset_ns: u64) -> bool {
        seq <= self.due_offset_ns.len() as u64 || seq <= self.last_due_before(offset_ns)
    }

    /// When quote `seq` (1 or more) is due, in nanoseconds since the start of the epoch.
    pub fn due_offset_ns(&mut self, seq: u64) -> u64 {
        self.extend_to(seq);
        self.due_offset_ns.get(seq.saturating_sub(1) as usize).copied().unwrap_or(0)
    }

    /// The price in quote `seq` (1 or more).
    pub fn price(&mut self, seq: u64) -> u32 {
        self.extend_to(seq);
        self.price.get(seq.saturating_sub(1) as usize).copied().unwrap_or(0)
    }

    /// The last quote due before `offset_ns`; 0 if there is none.
    pub fn last_due_before(&mut self, offset_ns: u64) -> u64 {
        let mut ahead = self.due_offset_ns.len() as u64;
        while self.due_offset_ns.last().is_none_or(|due| *due < offset_ns) {
            ahead += 256;
            self.extend_to(ahead);
        }
        self.due_offset_ns.partition_point(|due| *due < offset_ns) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(arrivals: Arrivals) -> FeedSpec {
        FeedSpec { seed: 7, arrivals, rate_per_s: 100.0, ..FeedSpec::default() }
    }

    #[test]
    fn splitmix64_gives_the_published_sequence() {
        // The first outputs for seed 1234567, as commonly quoted for the reference implementation.
        let mut random = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn equal_specifications_give_equal_quotes_and_seeds_matter() {
        let take = |seed| Plan::new(&FeedSpec { seed, ..FeedSpec::default() }).take(100).collect::<Vec<_>>();
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
    }

    #[test]
    fn a_known_plan_stays_what_it_is() {
        // Frozen: results made with a seed must mean the same in every later version.
        let quotes: Vec<Quote> = Plan::new(&FeedSpec::default()).take(2).collect();
        let text = format!("{quotes:?}");
        assert_eq!(text, FROZEN, "the plan of an old seed has changed");
    }
    const FROZEN: &str = "[Quote { seq: 1, due_offset_ns: 45916580, symbol: 0, price: 1434121, size: 4169 }, \
        Quote { seq: 2, due_offset_ns: 333381791, symbol: 1, price: 568600, size: 2461 }]";

    #[test]
    fn poisson_gaps_have_the_mean_and_spread_of_an_exponential() {
        let due: Vec<f64> =
            Plan::new(&spec(Arrivals::Poisson)).take(20_001).map(|q| q.due_offset_ns as f64 / 1e9).collect();
        let gaps: Vec<f64> = due.windows(2).map(|w| w[1] - w[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Standard errors: mean 0.7 %, standard deviation about 1.4 %.
        assert!((mean / 0.01 - 1.0).abs() < 0.03, "{mean}");
        assert!((variance.sqrt() / 0.01 - 1.0).abs() < 0.06, "{variance}");
    }

    #[test]
    fn bursts_share_an_instant_and_keep_the_rate() {
        let due: Vec<u64> = Plan::new(&spec(Arrivals::Bursts(5))).take(10).map(|q| q.due_offset_ns).collect();
        assert_eq!(due[..5], [50_000_000; 5]);
        assert_eq!(due[5..], [100_000_000; 5]);
    }

    #[test]
    fn prices_stay_in_range_and_symbols_take_turns() {
        for quote in Plan::new(&spec(Arrivals::Periodic)).take(5_000) {
            assert!((1..=PRICE_MAX).contains(&quote.price) && (1..=SIZE_MAX).contains(&quote.size));
            assert_eq!(u64::from(quote.symbol), (quote.seq - 1) % 4);
        }
    }

    #[test]
    fn the_table_answers_like_the_plan() {
        let mut table = PlanTable::new(&spec(Arrivals::Poisson));
        let quotes: Vec<Quote> = Plan::new(&spec(Arrivals::Poisson)).take(50).collect();
        assert_eq!(table.due_offset_ns(50), quotes[49].due_offset_ns);
        assert_eq!(table.price(3), quotes[2].price);
        assert_eq!(table.last_due_before(quotes[9].due_offset_ns), 9);
        assert_eq!(table.last_due_before(quotes[9].due_offset_ns + 1), 10);
        assert_eq!(table.last_due_before(0), 0);
        let due_s = |seq: usize| quotes[seq - 1].due_offset_ns;
        let mut fresh = PlanTable::new(&spec(Arrivals::Poisson));
        assert!(!fresh.is_due_before(u64::MAX, due_s(50)) && fresh.due_offset_ns.len() < 1_000, "computed no further");
        assert!(fresh.is_due_before(49, due_s(50)));
    }
}
