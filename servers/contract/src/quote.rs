//! One update of one symbol.

/// Names of the simulated symbols; a feed uses the first `symbols` of them. All have four letters, so that
/// quotes have a fixed width.
pub const SYMBOLS: [&str; 16] = [
    "ALFA", "BRVO", "CHRL", "DLTA", "ECHO", "FOXT", "GOLF", "HOTL", "INDI", "JULI", "KILO", "LIMA", "MIKE", "NOVE",
    "OSCR", "PAPA",
];

/// How many price units make one unit of currency: prices are whole numbers of 1/10,000.
pub const PRICE_UNITS: u32 = 10_000;
/// The highest price that fits the fixed width: 9999.9999.
pub const PRICE_MAX: u32 = 99_999_999;
/// The largest size of a quote.
pub const SIZE_MAX: u32 = 10_000;

/// One update of one symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    /// 1, 2, 3 … over the whole stream.
    pub seq: u64,
    /// When it is due, in nanoseconds since the start of the epoch.
    pub due_offset_ns: u64,
    /// Index into [`SYMBOLS`].
    pub symbol: u16,
    /// In units of 1/[`PRICE_UNITS`], from 1 to [`PRICE_MAX`].
    pub price: u32,
    /// Number of shares, from 1 to [`SIZE_MAX`].
    pub size: u32,
}

impl Quote {
    /// The four letters of the symbol.
    #[must_use]
    pub fn symbol_name(&self) -> &'static str {
        SYMBOLS.get(usize::from(self.symbol)).copied().unwrap_or("????")
    }
}

/// Which symbol quote `seq` updates: symbols take turns, so that every encoding, also those that carry no
/// symbol, can be read by whoever knows the feed's specification.
#[must_use]
pub fn symbol_of(seq: u64, symbols: u16) -> u16 {
    // A remainder of a division by a u16 fits a u16.
    (seq.saturating_sub(1) % u64::from(symbols.max(1))) as u16
}
