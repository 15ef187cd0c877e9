//! What a run says, in sentences made from its numbers. No transport is named in here: each is called what its arm
//! and descriptor call it, and each that comes first anywhere is said to, whichever it is.

use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Delivery;

use super::ranked;
use super::table::signed;
use crate::statistics::{BLOCKS_MIN, Outcome, Scale};
use crate::summary::words::{NOTHING, duration, effect_interval, effect_within, interval, list, number};
use crate::summary::{ArmSummary, CellSummary, Comparison, Quantity, Summary};

/// An arm with what the manifest says about it.
pub(super) type Entry<'a> = (&'a ArmSummary, &'a ArmEntry);

/// Arms of a cell that may be compared with each other.
pub(super) struct Group<'a> {
    /// Their way of delivery, where the run has several; otherwise empty.
    pub(super) label: String,
    /// The arms that have a trial to speak of.
    pub(super) arms: Vec<Entry<'a>>,
}

/// The groups of a cell: arms of equal delivery and, where only the newest counts, of equal interval. Otherwise one
/// would be called fresher because it was told to be.
pub(super) fn groups<'a>(summary: &'a Summary, cell: &'a CellSummary) -> Vec<Group<'a>> {
    let key = |entry: &ArmEntry| match entry.arm.delivery {
        Delivery::Every => (Delivery::Every, 0),
        Delivery::Newest => (Delivery::Newest, entry.arm.interval_ms),
    };
    let mut keys: Vec<(Delivery, u32)> = Vec::new();
    for entry in &summary.arms {
        if !keys.contains(&key(entry)) {
            keys.push(key(entry));
        }
    }
    keys.sort_by_key(|(delivery, interval_ms)| (*delivery == Delivery::Newest, *interval_ms));
    let newest = keys.iter().filter(|(delivery, _)| *delivery == Delivery::Newest).count();
    let label = |(delivery, interval_ms): (Delivery, u32)| match delivery {
        _ if keys.len() < 2 => String::new(),
        Delivery::Newest if newest > 1 => {
            format!("With delivery `{}` each {}", delivery.name(), duration(f64::from(interval_ms)))
        }
        _ => format!("With delivery `{}`", delivery.name()),
    };
    let group = |wanted: &(Delivery, u32)| {
        let arms = cell.arms.iter().zip(&summary.arms);
        let arms = arms.filter(|(arm, entry)| arm.valid > 0 && key(entry) == *wanted).collect();
        Group { label: label(*wanted), arms }
    };
    keys.iter().map(group).filter(|group| !group.arms.is_empty()).collect()
}

/// The sentences for every cell; the cell is named where there are several.
#[must_use]
pub fn sentences(summary: &Summary) -> Vec<String> {
    let several = summary.cells.len() > 1;
    let named = |cell: &CellSummary| {
        let prefix = if several { format!("{}: ", cell.name) } else { String::new() };
        self::cell(summary, cell).into_iter().map(move |s| format!("{prefix}{s}")).collect::<Vec<_>>()
    };
    summary.cells.iter().flat_map(named).collect()
}

/// Columns of a terminal that people read sentences in.
const WIDTH: usize = 100;

/// The sentences for a terminal, each on lines of its own.
#[must_use]
pub fn indicative(summary: &Summary) -> String {
    let options = textwrap::Options::new(WIDTH).subsequent_indent("  ");
    let wrapped: Vec<String> = sentences(summary).iter().map(|sentence| textwrap::fill(sentence, &options)).collect();
    wrapped.join("\n")
}

/// The sentences for one cell: how fresh, how many bytes, and who comes first in what. Arms of different delivery
/// are spoken of apart.
#[must_use]
pub fn cell(summary: &Summary, cell: &CellSummary) -> Vec<String> {
    let groups = groups(summary, cell);
    if groups.is_empty() {
        return vec!["No trial of this cell may be used, so it says nothing.".to_owned()];
    }
    let said = groups.iter().flat_map(|of| {
        let prefix = if of.label.is_empty() { String::new() } else { format!("{}: ", of.label) };
        group(cell, &of.arms).into_iter().map(move |s| format!("{prefix}{s}"))
    });
    let all: Vec<Entry<'_>> = groups.iter().flat_map(|of| of.arms.iter().copied()).collect();
    // What holds for every sentence is said before them.
    before(cell, &all).into_iter().chain(said).chain(of_some(&all)).collect()
}

fn group(cell: &CellSummary, arms: &[Entry<'_>]) -> Vec<String> {
    let mut sentences = went_wrong(arms);
    for (quantity, opening) in [ranked::freshness(arms), ranked::bytes(cell, arms)] {
        sentences.extend(ranking(cell, arms, quantity, opening));
    }
    sentences.extend(firsts(cell, arms));
    sentences
}

/// Sentences on what went wrong in any trial that is used.
pub(super) fn went_wrong(arms: &[Entry<'_>]) -> Vec<String> {
    let kinds = [
        (Quantity::Refused, "Clients were refused by"),
        (Quantity::GaveUp, "Clients gave up on"),
        (Quantity::Lost, "Quotes were lost by"),
    ];
    kinds.into_iter().filter_map(|(quantity, opening)| events(arms, quantity, opening)).collect()
}

/// Who refused clients or lost quotes, and how many over all its trials: said first, since an arm that turns clients away
/// or loses may look fast in everything else.
fn events(arms: &[Entry<'_>], quantity: Quantity, opening: &str) -> Option<String> {
    let named: Vec<String> = arms
        .iter()
        .filter_map(|(arm, _)| Some((arm.total(quantity)?, &arm.arm)))
        .filter(|(total, _)| *total > 0.0)
        .map(|(total, name)| format!("{name} ({})", number(total)))
        .collect();
    (!named.is_empty()).then(|| format!("{opening} {}.", list(&named)))
}

/// The best arm and its value, then how far behind it each other one is.
pub(super) fn ranking(cell: &CellSummary, arms: &[Entry<'_>], quantity: Quantity, opening: &str) -> Option<String> {
    let mut ranked: Vec<(f64, &Entry<'_>)> =
        arms.iter().filter_map(|entry| Some((entry.0.median(quantity)?, entry))).collect();
    // A stable sort: arms that tie stay in the order of the experiment.
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((value, best), rest) = ranked.split_first()?;
    let own = with_interval(best.0, quantity, *value);
    let name = &best.0.arm;
    let first = match quantity {
        Quantity::LatenessP50 => format!("{opening}, a quote reached {name} {own} after it was due"),
        Quantity::StalenessMean => {
            format!("{opening}, {name} showed a price {own} older than a reader without any delay")
        }
        _ => format!("{opening}: {name} {own}"),
    };
    let behind: Vec<String> = rest
        .iter()
        .filter_map(|(value, entry)| behind(*value, cell.comparison(quantity, &entry.0.arm, &best.0.arm)?))
        .collect();
    Some(if behind.is_empty() { format!("{first}.") } else { format!("{first}; {}.", behind.join(", ")) })
}

/// A time with its unit; of all else the sentence says before it what it is.
fn written(quantity: Quantity, value: f64) -> String {
    if quantity.unit() == "ms" { duration(value) } else { number(value) }
}

/// The median of an arm, with its interval where there is one.
fn with_interval(arm: &ArmSummary, quantity: Quantity, median: f64) -> String {
    let bounds = arm.estimate(quantity).and_then(|estimate| estimate.interval);
    let bounds = bounds.filter(|bounds| bounds.low != bounds.high);
    let bounds = bounds.map(|bounds| format!(" {}", interval(&bounds, |value| written(quantity, value))));
    format!("{}{}", written(quantity, median), bounds.unwrap_or_default())
}

/// How `comparison.left`, whose median is `value`, stands against the best. What is not told apart has its figures too: how
/// wide the interval is says how much may hide in it.
fn behind(value: f64, comparison: Comparison) -> Option<String> {
    let Comparison { quantity, scale, left, outcome, .. } = &comparison;
    let bounds = comparison.interval.as_ref();
    let estimate = comparison.estimate.map(|e| effect_within(*quantity, *scale, e.get(), bounds));
    let later = match (scale, quantity) {
        (Scale::Ratio, _) => "",
        (Scale::Difference, Quantity::StalenessMean) => " older",
        (Scale::Difference, _) => " later",
    };
    let bounds = bounds.map(|bounds| effect_interval(*quantity, *scale, bounds));
    match outcome {
        Outcome::Undecided | Outcome::Equal => {
            let sign = comparison.estimate.filter(|_| *scale == Scale::Difference).map_or(0.0, |e| e.get());
            let by = signed(sign, estimate.as_deref().unwrap_or(NOTHING));
            let own = written(*quantity, value);
            Some(format!("{left} {own} ({}: {by} {})", outcome.words(), bounds?))
        }
        Outcome::TooFewBlocks => Some(format!("{left} {}{later}", estimate?)),
        Outcome::Differs => Some(format!("{left} {}{later} {}", estimate?, bounds?)),
    }
}

/// Which transport comes first in which quantity, beyond doubt; those that come first in nothing are named too.
fn firsts(cell: &CellSummary, arms: &[Entry<'_>]) -> Option<String> {
    let titles = titles(arms);
    if titles.len() < 2 {
        return None;
    }
    let settled = |q| Some((q, win(cell, arms, q)?)).filter(|(_, win)| win.settled);
    let wins: Vec<(Quantity, Win<'_>)> = ranked::quantities(cell, arms).into_iter().filter_map(settled).collect();
    if wins.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    let mut nowhere = Vec::new();
    for title in &titles {
        let won = |clear: bool| -> Vec<String> {
            wins.iter()
                .filter(|(_, w)| w.titles == [*title] && w.clear == clear)
                .map(|(q, _)| q.title().to_owned())
                .collect()
        };
        // Who leads by medians alone is not said: a claim without an interval is none.
        let clear = won(true);
        if !clear.is_empty() {
            parts.push(format!("{title} in {}", list(&clear)));
        }
        if !wins.iter().any(|(_, w)| w.titles.contains(title)) {
            nowhere.push((*title).to_owned());
        }
    }
    let shared: Vec<String> = wins
        .iter()
        .filter(|(_, w)| w.titles.len() > 1)
        .map(|(q, w)| {
            format!("{} ({})", q.title(), list(&w.titles.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>()))
        })
        .collect();
    let mut sentence = String::new();
    if !parts.is_empty() {
        sentence.push_str(&format!("First: {}.", parts.join("; ")));
    }
    if !shared.is_empty() {
        sentence.push_str(&format!(" First without a clear difference: {}.", shared.join("; ")));
    }
    if !nowhere.is_empty() {
        sentence.push_str(&format!(" First in none of these: {}.", list(&nowhere)));
    }
    (!sentence.is_empty()).then(|| sentence.trim_start().to_owned())
}

/// The transports of `arms` by title, each once, in their order.
pub(super) fn titles<'a>(arms: &[Entry<'a>]) -> Vec<&'a str> {
    let mut titles: Vec<&str> = Vec::new();
    for (_, entry) in arms {
        if !titles.contains(&entry.descriptor.title.as_ref()) {
            titles.push(&entry.descriptor.title);
        }
    }
    titles
}

/// Who comes first in a quantity.
pub(super) struct Win<'a> {
    /// One title, or several that cannot be told apart.
    pub(super) titles: Vec<&'a str>,
    /// The arm with the least median.
    pub(super) best: &'a str,
    /// Whether intervals say so, not only medians.
    pub(super) clear: bool,
    /// Whether there is an interval at all: medians alone make nobody first.
    settled: bool,
}

/// `None` where nobody comes first: all alike, or nothing measured.
pub(super) fn win<'a>(cell: &CellSummary, arms: &[Entry<'a>], quantity: Quantity) -> Option<Win<'a>> {
    let mut ranked: Vec<(f64, Entry<'a>)> = arms.iter().filter_map(|e| Some((e.0.median(quantity)?, *e))).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((best_value, best), rest) = ranked.split_first()?;
    let mut titles: Vec<&str> = vec![&best.1.descriptor.title];
    let (mut differing, mut doubtful, mut settled) = (0, 0, false);
    // One block settles what an exact cell counts.
    let counted = cell.exact && quantity.is_counted();
    for (value, other) in rest {
        let title: &str = &other.1.descriptor.title;
        if titles.contains(&title) {
            continue;
        }
        let outcome = cell.comparison(quantity, &other.0.arm, &best.0.arm).map(|c| c.outcome);
        settled |= counted || outcome.is_some_and(|outcome| outcome != Outcome::TooFewBlocks);
        match outcome {
            Some(Outcome::Differs) => differing += 1,
            _ if counted && value > best_value => differing += 1,
            Some(Outcome::Equal | Outcome::Undecided) => titles.push(title),
            // Without intervals: equal medians are shared, others are said to be medians only.
            _ if value == best_value => titles.push(title),
            _ => doubtful += 1,
        }
    }
    // All alike: nobody comes first.
    let all = arms.iter().map(|e| e.1.descriptor.title.as_ref()).all(|t| titles.contains(&t));
    // An arm with too few blocks does not take away what is certain of the others; `of_some` names it.
    (!all).then_some(Win { titles, best: &best.0.arm, clear: differing > 0 || doubtful == 0, settled })
}

/// Arms with too few blocks for intervals.
fn few<'a>(arms: &[Entry<'a>]) -> Vec<&'a ArmSummary> {
    let few = |arm: &&ArmSummary| (arm.valid as usize) < BLOCKS_MIN;
    arms.iter().map(|(arm, _)| *arm).filter(few).collect()
}

/// What holds for every figure of a cell, in sentences: too few blocks, and trials of which only counts are used.
pub(super) fn before(cell: &CellSummary, arms: &[Entry<'_>]) -> Vec<String> {
    of_all(cell, arms).into_iter().chain(counts_only(arms)).collect()
}

/// Says that no arm has enough blocks for intervals, where that is so, and what that means.
fn of_all(cell: &CellSummary, arms: &[Entry<'_>]) -> Option<String> {
    let few = few(arms);
    let least = few.iter().map(|arm| arm.valid).min().filter(|_| few.len() == arms.len())?;
    let least = format!("{least} block{}", if least == 1 { "" } else { "s" });
    Some(if cell.exact {
        format!(
            "Counted in {least}: bytes, connections and requests are exact; times are indicative only (an interval needs at \
             least {BLOCKS_MIN} blocks)."
        )
    } else {
        format!(
            "Indicative only: {least}, too few for an interval (at least {BLOCKS_MIN}). Another run may come out otherwise."
        )
    })
}

/// Says which arms have too few blocks for intervals, where others have enough.
fn of_some(arms: &[Entry<'_>]) -> Option<String> {
    let names: Vec<String> = few(arms).iter().map(|arm| arm.arm.clone()).collect();
    let some = !names.is_empty() && names.len() < arms.len();
    let names = list(&names);
    some.then(|| format!("Indicative only for {names}: too few blocks for an interval (at least {BLOCKS_MIN})."))
}

/// Says of which arms only what is counted is used.
fn counts_only(arms: &[Entry<'_>]) -> Option<String> {
    let disturbed = arms.iter().filter(|(arm, _)| !arm.counts_only.is_empty());
    let names: Vec<String> = disturbed.map(|(arm, _)| arm.arm.clone()).collect();
    let sentence = "The machine was busy with other work during trials of";
    let why = "which takes time and not bytes: their bytes, connections and requests are used, their times are not.";
    (!names.is_empty()).then(|| format!("{sentence} {}, {why}", list(&names)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::tests::without_first_interval;
    use crate::summary::{Interval, Reading, summarise};
    use wirerace_contract::results::Trial;

    fn sentences_of(keep: impl Fn(&Trial) -> bool) -> Vec<String> {
        let (manifest, trials) = fixture::run();
        let trials: Vec<Trial> = trials.into_iter().filter(keep).collect();
        sentences(&summarise(&manifest, &trials, &[]))
    }

    #[test]
    fn the_answer_of_the_fixture() {
        let mut sentences = sentences_of(|_| true);
        for sentence in &mut sentences[..2] {
            let (without, interval) = without_first_interval(sentence);
            assert!(interval.contains(", "), "the best has an interval of its own: {sentence}");
            *sentence = without;
        }
        assert_eq!(sentences, GOLDEN);
    }
    const GOLDEN: [&str; 4] = [
        "At the median, a quote reached ws 187 µs after it was due; sse 16.8 µs later [14.2 µs, 26.4 µs], long-poll \
         205 µs later, poll 125 ms later [123 ms, 128 ms], poll-close 126 ms later [123 ms, 128 ms].",
        "Bytes of packets per delivered quote: ws 225; sse × 1.15 [1.13, 1.19], poll × 1.35 [1.34, 1.38], poll-close \
         × 1.94 [1.84, 1.96], long-poll × 2.7.",
        "First: WebSocket in median lateness, lateness at the 99th percentile, packet bytes per quote, packet bytes \
         per second and client and server's and load's CPU per quote. First without a clear difference: mean excess \
         staleness (WebSocket and server-sent events); requests per 100 quotes (server-sent events and WebSocket); \
         server's CPU per quote (WebSocket and server-sent events). First in none of these: polling and long polling.",
        "Indicative only for long-poll: too few blocks for an interval (at least 6).",
    ];

    #[test]
    fn one_block_gives_an_indication_and_says_so() {
        for (blocks, words) in [(1, "1 block"), (5, "4 blocks")] {
            let sentences = sentences_of(|t| t.block <= blocks);
            let first = format!("Indicative only: {words}, too few for an interval (at least 6). Another run");
            assert!(sentences[0].starts_with(&first), "before all else: {sentences:?}");
            assert!(sentences[1].starts_with("At the median") && !sentences[1].contains('['), "{sentences:?}");
            assert!(!sentences.iter().any(|s| s.contains("First")), "no lead without an interval: {sentences:?}");
        }
    }

    #[test]
    fn one_block_of_an_exact_cell_settles_what_is_counted_even_on_a_busy_machine() {
        let (mut manifest, mut trials) = fixture::run();
        manifest.cells[0].exact = true;
        trials.retain(|t| t.block == 1);
        let said = |manifest: &_, trials: &[Trial]| sentences(&summarise(manifest, trials, &[]));
        let sentences = said(&manifest, &trials);
        assert!(
            sentences[0].starts_with("Counted in 1 block: bytes, connections and requests are exact"),
            "{sentences:?}"
        );
        let first = sentences.iter().find(|s| s.starts_with("First: ")).unwrap();
        assert!(first.contains("WebSocket in application bytes per quote") && !first.contains("lateness"), "{first}");
        trials.iter_mut().for_each(|trial| trial.standing = wirerace_contract::results::Standing::Tainted);
        let sentences = said(&manifest, &trials);
        assert!(sentences[1].contains("busy with other work during trials of poll-close, poll"), "{sentences:?}");
        assert!(sentences.contains(first) && !sentences.iter().any(|s| s.contains("At the median")), "{sentences:?}");
        manifest.cells[0].exact = false;
        assert_eq!(said(&manifest, &trials), ["No trial of this cell may be used, so it says nothing."]);
    }

    #[test]
    fn who_refused_clients_is_said_first() {
        let (manifest, mut trials) = fixture::run();
        for trial in trials.iter_mut().filter(|t| t.arm.name == "ws") {
            let Some(measured) = &mut trial.measured else { continue };
            let client = &mut measured.client;
            (client.clients, client.clients_refused, client.clients_gave_up, client.quotes.lost) = (10, 2, 1, 100);
        }
        let sentences = sentences(&summarise(&manifest, &trials, &[]));
        let first = ["Clients were refused by ws (12).", "Clients gave up on ws (6).", "Quotes were lost by ws (600)."];
        assert_eq!(sentences[..3], first);
    }

    #[test]
    fn nothing_to_say_is_said() {
        assert_eq!(sentences_of(|_| false), ["No trial of this cell may be used, so it says nothing."]);
    }

    #[test]
    fn polling_is_said_to_come_first_where_it_does() {
        let (manifest, mut trials) = fixture::run();
        for trial in trials.iter_mut().filter(|t| t.arm.name == "poll") {
            if let Some(measured) = &mut trial.measured {
                measured.cpu.server_us /= 10;
            }
        }
        let sentences = sentences(&summarise(&manifest, &trials, &[]));
        assert!(
            sentences[2].contains("polling in server's and load's CPU per quote and server's CPU per quote"),
            "{sentences:?}"
        );
    }

    #[test]
    fn what_is_not_told_apart_has_its_figures_too() {
        let against = |quantity, scale, outcome, [estimate, low, high]: [f64; 3]| Comparison {
            quantity,
            left: "ws".into(),
            right: "poll".into(),
            scale,
            n: 12,
            estimate: Reading::new(estimate),
            interval: Reading::new(low).zip(Reading::new(high)).map(|(low, high)| Interval {
                low,
                high,
                coverage: 0.96,
            }),
            outcome,
        };
        let ratio = against(Quantity::PacketBytes, Scale::Ratio, Outcome::Undecided, [1.06, 0.99, 1.11]);
        assert_eq!(behind(244.0, ratio).unwrap(), "ws 244 (no clear difference: × 1.06 [0.99, 1.11])");
        let later = against(Quantity::LatenessP50, Scale::Difference, Outcome::Equal, [0.002, -0.003, 0.004]);
        assert_eq!(behind(0.48, later).unwrap(), "ws 480 µs (equal: +2 µs [−3 µs, 4 µs])");
        let sooner = against(Quantity::LatenessP50, Scale::Difference, Outcome::Undecided, [-0.002, -0.03, 0.04]);
        assert_eq!(behind(0.48, sooner).unwrap(), "ws 480 µs (no clear difference: −2 µs [−30 µs, 40 µs])");
        let differs = against(Quantity::PacketBytes, Scale::Ratio, Outcome::Differs, [1.06, 1.02, 1.11]);
        assert_eq!(behind(244.0, differs).unwrap(), "ws × 1.06 [1.02, 1.11]");
    }

    #[test]
    fn different_delivery_is_spoken_of_apart() {
        let (mut manifest, trials) = fixture::run();
        manifest.arms[0].arm.delivery = Delivery::Newest;
        let sentences = sentences(&summarise(&manifest, &trials, &[]));
        let newest: Vec<&String> = sentences.iter().filter(|s| s.starts_with("With delivery `newest`")).collect();
        assert!(!newest.is_empty() && newest.iter().all(|s| !s.contains("ws")), "{sentences:?}");
    }

    #[test]
    fn who_delivers_only_the_newest_is_ranked_by_staleness_and_by_the_second() {
        let (mut manifest, trials) = fixture::run();
        for entry in &mut manifest.arms {
            (entry.arm.delivery, entry.arm.interval_ms) = (Delivery::Newest, 250);
        }
        let sentences = sentences(&summarise(&manifest, &trials, &[]));
        let [stale, bytes, firsts, ..] = sentences.as_slice() else { panic!("{sentences:?}") };
        let best = |sentence: &str, arm: &str| sentence.starts_with(arm);
        assert!(best(stale, "On average over time, ") && stale.contains(" showed a price "), "{stale}");
        assert!(stale.contains(" older than a reader without any delay; ") && stale.contains(" ms older ["), "{stale}");
        assert!(best(bytes, "Bytes of packets without set-up, per second and client: ws "), "{bytes}");
        let (_, of_pushes) = firsts.split_once("WebSocket in ").unwrap();
        for quantity in [
            "packet bytes per second and client",
            "server's and load's CPU per second and client",
            "excess staleness at the 99th percentile of time",
        ] {
            assert!(of_pushes.contains(quantity), "{quantity}: {firsts}");
        }
        // What is of the quotes that came, which each arm chose itself, ranks nobody.
        for sentence in &sentences {
            for of_delivered in ["lateness", "per quote", "per 100 quotes", "after it was due"] {
                assert!(!sentence.contains(of_delivered), "{sentence}");
            }
        }
    }
}
