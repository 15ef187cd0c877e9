//! Numbers as people read them: three significant digits, units that fit, "∞" and "–" where there is no number.

use super::{CellSummary, Estimate, Interval, Quantity, Reading, Summary};
use crate::statistics::Scale;
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::spec::{Delivery, LoadSpec, Path};

/// Stands where there is no number.
pub const NOTHING: &str = "–";

/// Three significant digits, thousands set apart by commas; `∞` for an infinity.
#[must_use]
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return NOTHING.to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let size = value.abs();
    let decimals = match size {
        0.0 => 0,
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        // 0.0123 needs four decimals for three digits; below a millionth it is nothing to us.
        s => (2 - s.log10().floor() as i32).clamp(3, 8) as usize,
    };
    let text = format!("{size:.decimals$}");
    let text = if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let sign = if value < 0.0 && text != "0" { "−" } else { "" };
    format!("{sign}{}", thousands(text))
}

fn thousands(digits: &str) -> String {
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut text = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + rest
}

/// A whole number, thousands set apart by commas.
#[must_use]
pub fn count(value: u64) -> String {
    thousands(&value.to_string())
}

/// A duration given in milliseconds, in the unit that fits: `81 µs`, `12.3 ms`, `1.5 s`.
#[must_use]
pub fn duration(ms: f64) -> String {
    match ms.abs() {
        size if !size.is_finite() => number(ms),
        0.0 => "0 ms".to_owned(),
        size if size < 0.000_999_5 => format!("{} ns", number(ms * 1e6)),
        size if size < 0.999_5 => format!("{} µs", number(ms * 1e3)),
        size if size < 999.5 => format!("{} ms", number(ms)),
        _ => format!("{} s", number(ms / 1e3)),
    }
}

/// A number of bytes, in the unit that fits: `236 B`, `1.2 kB`, `3.4 MB`, `5.6 GB` (powers of 1,000).
#[must_use]
pub fn bytes(bytes: f64) -> String {
    match bytes.abs() {
        size if !size.is_finite() => number(bytes),
        size if size < 999.5 => format!("{} B", number(bytes)),
        size if size < 999_500.0 => format!("{} kB", number(bytes / 1e3)),
        size if size < 999_500_000.0 => format!("{} MB", number(bytes / 1e6)),
        _ => format!("{} GB", number(bytes / 1e9)),
    }
}

/// `value` with the unit of `quantity`, fitted where that is a time.
#[must_use]
pub fn with_unit(quantity: Quantity, value: f64) -> String {
    match quantity.unit() {
        "ms" => duration(value),
        "µs" => duration(value / 1e3),
        "count" => number(value),
        "%" => format!("{} %", number(value)),
        unit => format!("{} {unit}", number(value)),
    }
}

/// A number that may be missing.
#[must_use]
pub fn reading(value: Option<Reading>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |v| number(v.get()))
}

/// `[low, high]`, each written by `write`.
#[must_use]
pub fn interval(interval: &Interval, write: impl Fn(f64) -> String) -> String {
    format!("[{}, {}]", write(interval.low.get()), write(interval.high.get()))
}

/// The median, and its interval where there is one: `0.31 [0.29, 0.35]`.
#[must_use]
pub fn estimate(estimate: Option<&Estimate>) -> String {
    let Some(estimate) = estimate else { return NOTHING.to_owned() };
    let median = reading(estimate.median);
    match &estimate.interval {
        Some(bounds) if bounds.low != bounds.high => format!("{median} {}", interval(bounds, number)),
        _ => median,
    }
}

/// A difference or ratio in its own words: `12.3 ms`, `× 1.21`.
#[must_use]
pub fn effect(quantity: Quantity, scale: Scale, value: f64) -> String {
    match scale {
        Scale::Difference => with_unit(quantity, value),
        Scale::Ratio => format!("× {}", number(value)),
    }
}

/// The same beside its interval: a ratio near 1 with as many digits as show that 1 lies outside, where it does.
#[must_use]
pub fn effect_within(quantity: Quantity, scale: Scale, value: f64, bounds: Option<&Interval>) -> String {
    match scale {
        Scale::Difference => with_unit(quantity, value),
        Scale::Ratio => format!("× {}", ratio(value, bounds)),
    }
}

/// `[low, high]` of a difference or ratio. A ratio's ends never read 1 where 1 lies outside of them.
#[must_use]
pub fn effect_interval(quantity: Quantity, scale: Scale, bounds: &Interval) -> String {
    interval(bounds, |value| match scale {
        Scale::Difference => with_unit(quantity, value),
        Scale::Ratio => ratio(value, Some(bounds)),
    })
}

/// A ratio whose interval is `bounds`, or an end of that.
fn ratio(value: f64, bounds: Option<&Interval>) -> String {
    let written = number(value);
    let is_apart = bounds.is_some_and(|bounds| bounds.low.get() > 1.0 || bounds.high.get() < 1.0);
    if !is_apart || written != "1" {
        return written;
    }
    // The nearer to 1, the more decimals it takes to tell; what is left of nine is nothing.
    let decimals = (-(value - 1.0).abs().log10()).ceil().clamp(3.0, 9.0) as usize;
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Which quotes the arms of a run deliver, and how often those that ask by a plan ask, or that send the newest send: without
/// it no rate and no bytes can be compared with anybody's. `None` without an arm.
#[must_use]
pub fn delivery(summary: &Summary) -> Option<String> {
    let of = |(delivery, what, each): (Delivery, &str, &str)| {
        let arms = || summary.arms.iter().filter(move |entry| entry.arm.delivery == delivery);
        arms().next()?;
        let applies = arms().filter(|entry| {
            entry.arm.interval_ms > 0
                && (delivery == Delivery::Newest || entry.descriptor.delivers == Delivers::Planned)
        });
        let mut intervals: Vec<u32> = applies.map(|entry| entry.arm.interval_ms).collect();
        intervals.sort_unstable();
        intervals.dedup();
        let intervals: Vec<String> = intervals.into_iter().map(|ms| duration(f64::from(ms))).collect();
        Some(if intervals.is_empty() { what.to_owned() } else { format!("{what} ({each} {})", list(&intervals)) })
    };
    let kinds = [
        (Delivery::Every, "every quote delivered", "polls each"),
        (Delivery::Newest, "only the newest quote delivered", "each"),
    ];
    let told: Vec<String> = kinds.into_iter().filter_map(of).collect();
    (!told.is_empty()).then(|| told.join(" or "))
}

/// The conditions of a cell: everything a figure must be quoted with.
#[must_use]
pub fn conditions(summary: &Summary, cell: &CellSummary) -> String {
    let (load, feed) = (&cell.load, &cell.load.feed);
    let trials = |pick: fn(&super::ArmSummary) -> u32| cell.arms.iter().map(pick).sum::<u32>();
    let n = cell.arms.iter().map(|a| a.valid).filter(|n| *n > 0);
    let n = match (n.clone().min(), n.max()) {
        (Some(low), Some(high)) if low < high => format!("n = {low} to {high} trials an arm"),
        (Some(low), _) => format!("n = {low} trial{} an arm", if low == 1 { "" } else { "s" }),
        _ => "no valid trial".to_owned(),
    };
    let payload = match feed.payload_bytes {
        0 => "the encoding's own size".to_owned(),
        size => format!("{} bytes", count(u64::from(size))),
    };
    let more = besides(load).map_or(String::new(), |told| format!(", {told}"));
    let delivery = delivery(summary).map_or(String::new(), |told| format!(", {told}"));
    format!(
        "{} clients, {} quotes/s ({}) over {} symbol{}{delivery}, payload of {payload}{more}, window {} s, {}; {n}, run seed {}, \
         feed seed {} and up, one a block; set aside: {} tainted, {} void",
        count(u64::from(load.clients)),
        number(feed.rate_per_s),
        feed.arrivals,
        feed.symbols,
        if feed.symbols == 1 { "" } else { "s" },
        number(load.window_ms as f64 / 1e3),
        path(&load.path),
        summary.seed,
        feed.seed,
        trials(|a| a.tainted),
        trials(|a| a.void),
    ) + &counts_only(std::iter::once(cell))
}

/// What clients carry besides quotes: orders that go up, and heads that were made larger; `None` where that is nothing.
#[must_use]
pub fn besides(load: &LoadSpec) -> Option<String> {
    let heads = [("request", load.heads.request_bytes), ("response", load.heads.response_bytes)];
    let heads = heads.into_iter().filter(|(_, bytes)| *bytes > 0);
    let heads = heads.map(|(of, bytes)| format!("{of} heads of {} bytes", count(u64::from(bytes))));
    let orders = (load.orders_per_s > 0.0).then(|| format!("{} orders/s and client", number(load.orders_per_s)));
    let told: Vec<String> = heads.chain(orders).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Says of how many trials only what is counted is used, where there are any; the rest of a sentence on conditions.
#[must_use]
pub fn counts_only<'a>(cells: impl Iterator<Item = &'a CellSummary>) -> String {
    match cells.flat_map(|cell| &cell.arms).map(|arm| arm.counts_only.len()).sum::<usize>() {
        0 => String::new(),
        n => format!(
            "; {n} of the trials used {} disturbed from outside: of them only what is counted is used, not the times",
            if n == 1 { "was" } else { "were" }
        ),
    }
}

/// The way between server and clients, in full: every figure names it.
#[must_use]
pub fn path(path: &Path) -> String {
    let ms = |us: u64| duration(us as f64 / 1e3);
    let way = |us: u64| format!("{} one way", ms(us));
    match path {
        Path::Loopback => "loopback path".to_owned(),
        Path::Delayed(delay) => {
            format!("delayed path ({}, held back inside the server; TCP is loopback's)", way(delay.one_way_delay_us))
        }
        Path::Link(link) => {
            let mut parts = vec![way(link.one_way_delay_us)];
            if link.jitter_us > 0 {
                parts.push(format!("up to {} more by chance", ms(link.jitter_us)));
            }
            if link.rate_bits_per_s > 0 {
                let queue = count(u64::from(link.queue_packets_max()));
                parts.push(format!("{} kbit/s, a queue of {queue} packets", number(link.rate_bits_per_s as f64 / 1e3)));
            }
            if link.loss_share > 0.0 {
                let burst = link.loss_burst_packets;
                let runs = if burst > 1.0 { format!(" in runs of {} packets", number(burst)) } else { String::new() };
                parts.push(format!("{} % lost{runs}", number(100.0 * link.loss_share)));
            }
            format!("emulated link path ({})", parts.join(", "))
        }
    }
}

/// The same in few words, for the heading of a picture: without the queue of a link and the runs of its losses.
#[must_use]
pub fn path_in_short(path: &Path) -> String {
    let way = || format!("{}, {} there and back", path.name(), duration(2e3 * path.one_way_delay_s()));
    match path {
        Path::Loopback => path.name().to_owned(),
        Path::Delayed(_) => way(),
        Path::Link(link) => {
            let mut parts = vec![way()];
            if link.jitter_us > 0 {
                parts.push(format!("up to {} more", duration(link.jitter_us as f64 / 1e3)));
            }
            if link.rate_bits_per_s > 0 {
                parts.push(format!("{} Mbit/s", number(link.rate_bits_per_s as f64 / 1e6)));
            }
            if link.loss_share > 0.0 {
                parts.push(format!("{} % lost", number(100.0 * link.loss_share)));
            }
            parts.join(", ")
        }
    }
}

/// `text` for prose whose lines the reader's screen breaks: a number stays with the word after it, which is its unit or
/// what it counts, and with the sign before it.
#[must_use]
pub fn unparted(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        // A row of numbers may be parted, lest it grow wider than the screen.
        let unit = (before.is_ascii_digit() || before == '∞') && !next.is_ascii_digit();
        let sign = matches!(before, '±' | '×' | '=');
        kept.push(if c == ' ' && (unit || sign) && !next.is_whitespace() { '\u{A0}' } else { c });
        before = c;
    }
    kept
}

/// `1 cell`, `2 cells`.
#[must_use]
pub fn cells(number: usize) -> String {
    if number == 1 { "1 cell".to_owned() } else { format!("{} cells", count(number as u64)) }
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wirerace_contract::spec::{Delay, Link};

    #[test]
    fn three_digits() {
        let written: Vec<String> =
            [0.0, 0.012_345, 0.31, 1.0, 1.234, 12.345, 99.97, 236.4, 1_234.5, 1_234_567.0, -2.5, f64::INFINITY]
                .map(number)
                .to_vec();
        let expected = ["0", "0.0123", "0.31", "1", "1.23", "12.3", "100", "236", "1,234", "1,234,567", "−2.5", "∞"];
        assert_eq!(written, expected);
        assert_eq!(number(f64::NAN), NOTHING);
    }

    #[test]
    fn durations_and_bytes_in_the_unit_that_fits() {
        let durations = [0.0, 0.000_25, 0.081, 12.34, 1_500.0, f64::INFINITY].map(duration);
        assert_eq!(durations, ["0 ms", "250 ns", "81 µs", "12.3 ms", "1.5 s", "∞"]);
        let sizes = [236.0, 1_200.0, 3_400_000.0, 999_400_000.0, 999_600_000.0, 1.518e9].map(bytes);
        assert_eq!(sizes, ["236 B", "1.2 kB", "3.4 MB", "999 MB", "1 GB", "1.52 GB"]);
    }

    #[test]
    fn paths_are_named_in_full() {
        let plain = Link {
            one_way_delay_us: 15_000,
            jitter_us: 0,
            rate_bits_per_s: 0,
            loss_share: 0.0,
            loss_burst_packets: 0.0,
            queue_packets: 0,
        };
        let bad =
            Link { jitter_us: 500, rate_bits_per_s: 1_000_000, loss_share: 0.02, loss_burst_packets: 4.0, ..plain };
        let delayed = Path::Delayed(Delay { one_way_delay_us: 500 });
        let named = [Path::Loopback, Path::Link(plain), Path::Link(bad), delayed].map(|way| path(&way));
        let expected = [
            "loopback path",
            "emulated link path (15 ms one way)",
            "emulated link path (15 ms one way, up to 500 µs more by chance, 1,000 kbit/s, a queue of 1,000 packets, 2 % lost in \
             runs of 4 packets)",
            "delayed path (500 µs one way, held back inside the server; TCP is loopback's)",
        ];
        assert_eq!(named, expected);
        let short = [Path::Loopback, Path::Link(plain), delayed].map(|way| path_in_short(&way));
        assert_eq!(short, ["loopback", "link, 30 ms there and back", "delayed, 1 ms there and back"]);
        // What makes a link slow or lossy stands in the heading too.
        let told = "link, 30 ms there and back, up to 500 µs more, 1 Mbit/s, 2 % lost";
        assert_eq!(path_in_short(&Path::Link(bad)), told);
    }

    #[test]
    fn orders_and_larger_heads_are_conditions() {
        let (manifest, trials) = crate::report::fixture::run();
        let mut summary = crate::summary::summarise(&manifest, &trials, &[]);
        let told = |summary: &Summary| conditions(summary, &summary.cells[0]);
        assert!(told(&summary).contains("payload of the encoding's own size, window"), "{}", told(&summary));
        let load = &mut summary.cells[0].load;
        (load.orders_per_s, load.heads.request_bytes) = (10.0, 8_908);
        let besides = "own size, request heads of 8,908 bytes, 10 orders/s and client, window";
        assert!(told(&summary).contains(besides), "{}", told(&summary));
        // Of a run with other cells both are told.
        summary.cells.push(summary.cells[0].clone());
        summary.cells[1].load = LoadSpec::default();
        let told = crate::charts::sweep::conditions(&summary);
        assert!(told.contains("request heads of 8,908 bytes, 10 orders/s and client or nothing else, "), "{told}");
    }

    #[test]
    fn which_quotes_are_delivered_and_how_often_is_a_condition() {
        let (manifest, trials) = crate::report::fixture::run();
        let mut summary = crate::summary::summarise(&manifest, &trials, &[]);
        let told = |summary: &Summary| conditions(summary, &summary.cells[0]);
        let every = ", every quote delivered (polls each 250 ms), payload of";
        assert!(told(&summary).contains(every), "{}", told(&summary));
        for (entry, interval_ms) in summary.arms.iter_mut().zip([50, 2_000, 500, 50]) {
            (entry.arm.delivery, entry.arm.interval_ms) = (Delivery::Newest, interval_ms);
        }
        // The last arm, a push, is left with every quote.
        let both =
            ", every quote delivered or only the newest quote delivered (each 50 ms, 500 ms and 2 s), payload of";
        assert!(told(&summary).contains(both), "{}", told(&summary));
        summary.arms.clear();
        assert_eq!(delivery(&summary), None);
    }

    #[test]
    fn an_interval_that_leaves_out_one_never_reads_one() {
        let told = |estimate: f64, low: f64, high: f64| {
            let reading = |value| Reading::new(value).unwrap();
            let bounds = Interval { low: reading(low), high: reading(high), coverage: 0.97 };
            let (quantity, scale) = (Quantity::ServerMemory, Scale::Ratio);
            let estimate = effect_within(quantity, scale, estimate, Some(&bounds));
            format!("{estimate} {}", effect_interval(quantity, scale, &bounds))
        };
        assert_eq!(told(1.012, 1.0042, 1.03), "× 1.01 [1.004, 1.03]");
        assert_eq!(told(0.9998, 0.95, 0.999_96), "× 0.9998 [0.95, 0.99996]");
        assert_eq!(told(1.003, 1.000_2, 1.004), "× 1.003 [1.0002, 1.004]");
        // Where 1 lies within, three digits are enough.
        assert_eq!(told(1.003, 0.998, 1.004), "× 1 [0.998, 1]");
        assert_eq!(told(1.003, 1.0, 1.004), "× 1 [1, 1]");
        assert_eq!(effect_within(Quantity::ServerMemory, Scale::Ratio, 1.003, None), "× 1");
    }

    #[test]
    fn a_number_stays_with_its_unit_in_prose() {
        let text = unparted("247 ms late [3, 5 %] at × 1.2, n = 6 trials, 1 2 3 and ∞ ms. End 6");
        let kept: Vec<&str> = text.split(' ').collect();
        let expected = [
            "247\u{A0}ms",
            "late",
            "[3,",
            "5\u{A0}%]",
            "at",
            "×\u{A0}1.2,",
            "n",
            "=\u{A0}6\u{A0}trials,",
            "1",
            "2",
            "3\u{A0}and",
        ];
        assert_eq!(kept[..11], expected);
        assert_eq!(kept[11..], ["∞\u{A0}ms.", "End", "6"]);
    }

    #[test]
    fn lists() {
        let items = ["a", "b", "c"].map(str::to_owned);
        assert_eq!([list(&items[..0]), list(&items[..1]), list(&items)], ["", "a", "a, b and c"]);
    }
}
