//! What a run says, in sentences made from its numbers. No transport is named in here: each is called what its arm
//! and descriptor call it, and each that comes first anywhere is said to, whichever it is.

use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Delivery;

use crate::statistics::{Outcome, Scale};
use crate::summary::words::{duration, effect, interval, list, number, with_unit};
use crate::summary::{ArmSummary, CellSummary, Comparison, Quantity, Summary};

/// An arm with what the manifest says about it.
type Entry<'a> = (&'a ArmSummary, &'a ArmEntry);

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
    let of = |delivery: Delivery| -> Vec<Entry<'_>> {
        cell.arms
            .iter()
            .zip(&summary.arms)
            .filter(|(arm, entry)| arm.valid > 0 && entry.arm.delivery == delivery)
            .collect()
    };
    let groups: Vec<(Delivery, Vec<Entry<'_>>)> = [Delivery::Every, Delivery::Newest]
        .into_iter()
        .map(|delivery| (delivery, of(delivery)))
        .filter(|(_, arms)| !arms.is_empty())
        .collect();
    if groups.is_empty() {
        return vec!["No trial of this cell may be used, so it says nothing.".to_owned()];
    }
    let several = groups.len() > 1;
    let mut sentences: Vec<String> = groups
        .iter()
        .flat_map(|(delivery, arms)| {
            let prefix = if several { format!("With delivery `{}`: ", delivery.name()) } else { String::new() };
            group(cell, arms).into_iter().map(move |s| format!("{prefix}{s}"))
        })
        .collect();
    sentences.extend(too_few(cell, &groups.iter().flat_map(|g| g.1.iter().copied()).collect::<Vec<_>>()));
    sentences
}

fn group(cell: &CellSummary, arms: &[Entry<'_>]) -> Vec<String> {
    let bytes = if arms.iter().all(|(arm, _)| arm.median(Quantity::PacketBytes).is_some()) {
        (Quantity::PacketBytes, "bytes of packets per delivered quote")
    } else {
        (Quantity::ApplicationBytes, "bytes above TCP per delivered quote")
    };
    [
        events(arms, Quantity::Refused, "Clients were refused by"),
        events(arms, Quantity::GaveUp, "Clients gave up on"),
        events(arms, Quantity::Lost, "Quotes were lost by"),
        ranking(cell, arms, Quantity::LatenessP50, "At the median"),
        ranking(cell, arms, bytes.0, &capital(bytes.1)),
        firsts(cell, arms, bytes.0),
    ]
    .into_iter()
    .flatten()
    .collect()
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

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The best arm and its value, then how far behind it each other one is.
fn ranking(cell: &CellSummary, arms: &[Entry<'_>], quantity: Quantity, opening: &str) -> Option<String> {
    let mut ranked: Vec<(f64, &Entry<'_>)> =
        arms.iter().filter_map(|entry| Some((entry.0.median(quantity)?, entry))).collect();
    // A stable sort: arms that tie stay in the order of the experiment.
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((value, best), rest) = ranked.split_first()?;
    let lateness = quantity == Quantity::LatenessP50;
    let first = if lateness {
        format!("{opening}, a quote reached {} {} after it was due", best.0.arm, duration(*value))
    } else {
        format!("{opening}: {} {}", best.0.arm, number(*value))
    };
    let behind: Vec<String> =
        rest.iter().filter_map(|(_, entry)| behind(cell.comparison(quantity, &entry.0.arm, &best.0.arm)?)).collect();
    Some(if behind.is_empty() { format!("{first}.") } else { format!("{first}; {}.", behind.join(", ")) })
}

/// How `comparison.left` stands against the best.
fn behind(comparison: Comparison) -> Option<String> {
    let Comparison { quantity, scale, left, .. } = &comparison;
    let estimate = comparison.estimate.map(|e| effect(*quantity, *scale, e.get()));
    let later = if *scale == Scale::Difference { " later" } else { "" };
    match comparison.outcome {
        Outcome::Undecided => Some(format!("{left} no clear difference")),
        Outcome::Equal => Some(format!("{left} equal")),
        Outcome::TooFewBlocks => Some(format!("{left} {}{later}", estimate?)),
        Outcome::Differs => {
            let write = |value: f64| match scale {
                Scale::Difference => with_unit(*quantity, value),
                Scale::Ratio => number(value),
            };
            Some(format!("{left} {}{later} {}", estimate?, interval(comparison.interval.as_ref()?, write)))
        }
    }
}

/// Which transport comes first in which quantity, beyond doubt; those that come first in nothing are named too.
fn firsts(cell: &CellSummary, arms: &[Entry<'_>], bytes: Quantity) -> Option<String> {
    let mut titles: Vec<&str> = Vec::new();
    for (_, entry) in arms {
        if !titles.contains(&entry.descriptor.title.as_ref()) {
            titles.push(&entry.descriptor.title);
        }
    }
    if titles.len() < 2 {
        return None;
    }
    let quantities = [
        Quantity::LatenessP50,
        Quantity::LatenessP99,
        Quantity::StalenessMean,
        bytes,
        Quantity::Connections,
        Quantity::Requests,
        Quantity::OwnCpu,
        Quantity::ServerCpu,
        Quantity::ServerMemory,
    ];
    let wins: Vec<(Quantity, Win<'_>)> =
        quantities.into_iter().filter_map(|q| Some((q, win(cell, arms, q)?))).collect();
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

/// Who comes first in a quantity.
struct Win<'a> {
    /// One title, or several that cannot be told apart.
    titles: Vec<&'a str>,
    /// Whether intervals say so, not only medians.
    clear: bool,
}

fn win<'a>(cell: &CellSummary, arms: &[Entry<'a>], quantity: Quantity) -> Option<Win<'a>> {
    let mut ranked: Vec<(f64, Entry<'a>)> = arms.iter().filter_map(|e| Some((e.0.median(quantity)?, *e))).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((best_value, best), rest) = ranked.split_first()?;
    let mut titles: Vec<&str> = vec![&best.1.descriptor.title];
    let (mut differing, mut doubtful) = (0, 0);
    for (value, other) in rest {
        let title: &str = &other.1.descriptor.title;
        if titles.contains(&title) {
            continue;
        }
        match cell.comparison(quantity, &other.0.arm, &best.0.arm).map(|c| c.outcome) {
            Some(Outcome::Differs) => differing += 1,
            Some(Outcome::Equal | Outcome::Undecided) => titles.push(title),
            // Without intervals: equal medians are shared, others are said to be medians only.
            _ if value == best_value => titles.push(title),
            _ => doubtful += 1,
        }
    }
    // All alike: nobody comes first.
    let all = arms.iter().map(|e| e.1.descriptor.title.as_ref()).all(|t| titles.contains(&t));
    // An arm with too few blocks does not take away what is certain of the others; `too_few` names it.
    (!all).then_some(Win { titles, clear: differing > 0 || doubtful == 0 })
}

/// Says which arms have too few blocks for intervals.
fn too_few(cell: &CellSummary, arms: &[Entry<'_>]) -> Option<String> {
    let few: Vec<&&ArmSummary> =
        arms.iter().map(|(arm, _)| arm).filter(|arm| (arm.valid as usize) < crate::statistics::BLOCKS_MIN).collect();
    let least = few.iter().map(|arm| arm.valid).min()?;
    let least = format!("{least} block{}", if least == 1 { "" } else { "s" });
    if few.len() == cell.arms.len() || few.len() == arms.len() {
        return Some(format!("Indicative only: {least}, too few for an interval (at least 6)."));
    }
    let names: Vec<String> = few.iter().map(|arm| arm.arm.clone()).collect();
    Some(format!("Indicative only for {}: too few blocks for an interval (at least 6).", list(&names)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::summarise;
    use wirerace_contract::results::Trial;

    fn sentences_of(keep: impl Fn(&Trial) -> bool) -> Vec<String> {
        let (manifest, trials) = fixture::run();
        let trials: Vec<Trial> = trials.into_iter().filter(keep).collect();
        sentences(&summarise(&manifest, &trials, &[]))
    }

    #[test]
    fn the_answer_of_the_fixture() {
        assert_eq!(sentences_of(|_| true), GOLDEN);
    }
    const GOLDEN: [&str; 4] = [
        "At the median, a quote reached ws 187 µs after it was due; sse 16.8 µs later [14.2 µs, 26.4 µs], long-poll \
         205 µs later, poll 125 ms later [123 ms, 128 ms], poll-close 126 ms later [123 ms, 128 ms].",
        "Bytes of packets per delivered quote: ws 225; sse × 1.15 [1.13, 1.19], poll × 1.35 [1.34, 1.38], poll-close \
         × 1.94 [1.84, 1.96], long-poll × 2.7.",
        "First: WebSocket in median lateness, lateness at the 99th percentile, packet bytes per quote and server's and \
         load's CPU per quote. First without a clear difference: mean excess staleness (WebSocket and server-sent \
         events); requests per 100 quotes (server-sent events and WebSocket); server's CPU per quote (WebSocket and \
         server-sent events). First in none of these: polling and long polling.",
        "Indicative only for long-poll: too few blocks for an interval (at least 6).",
    ];

    #[test]
    fn one_block_gives_an_indication_and_says_so() {
        let sentences = sentences_of(|t| t.block == 1);
        assert!(
            sentences.iter().any(|s| s == "Indicative only: 1 block, too few for an interval (at least 6)."),
            "{sentences:?}"
        );
        assert!(!sentences[0].contains('['), "{sentences:?}");
        assert!(!sentences.iter().any(|s| s.contains("First:")), "no lead without an interval: {sentences:?}");
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
    fn different_delivery_is_spoken_of_apart() {
        let (mut manifest, trials) = fixture::run();
        manifest.arms[0].arm.delivery = Delivery::Newest;
        let sentences = sentences(&summarise(&manifest, &trials, &[]));
        let newest: Vec<&String> = sentences.iter().filter(|s| s.starts_with("With delivery `newest`")).collect();
        assert!(!newest.is_empty() && newest.iter().all(|s| !s.contains("ws")), "{sentences:?}");
    }
}
