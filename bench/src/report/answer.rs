//! The answer of a whole run to three questions: how late, how many bytes, and what each transport is the better choice
//! for. Every transport is spoken of in the same words, whoever it is. Beside it the table that the third answer is
//! made of. Nothing is said to come first without an interval that says so.

mod arms;

use std::collections::BTreeMap;

use wirerace_contract::results::Standing;

use crate::charts::DataTable;
use crate::statistics::{BLOCKS_MIN, Outcome, Scale};
use crate::summary::words::{NOTHING, count, effect, interval, list, number, with_unit};
use crate::summary::{CellSummary, Comparison, Quantity, Summary};

use super::verdict::{self, Entry, Win};

/// A sentence with the question that it answers.
pub(super) struct Said {
    /// The question, in few words.
    pub(super) about: &'static str,
    /// The answer.
    pub(super) text: String,
}

/// What a reader wants to know first.
pub(super) struct Answer {
    /// What went wrong in trials that are used; said first, since who loses quotes may look fast in all else.
    pub(super) went_wrong: Vec<String>,
    /// The three answers, or the sentence that says why there are none.
    pub(super) said: Vec<Said>,
    /// How sure all this is.
    pub(super) sure: String,
    /// Who comes first in what; no rows where nothing is compared.
    pub(super) standings: DataTable,
}

/// How to read the table of who comes first.
pub(super) const LEGEND: &str = "First: less than every other transport that has blocks enough, and the intervals say so; level: no clear difference from the first; all level: no \
     clear difference between any; otherwise how much more than the first, with its interval, or in how many comparisons. A transport \
     stands here with its best arm, which is named where it has others. Where several settings are compared, each word has the number of settings \
     beside it.";

/// Arms that are compared with each other: one cell, one way of delivery.
struct Setting<'a> {
    cell: &'a CellSummary,
    /// How the setting is called where there are several.
    name: String,
    arms: Vec<Entry<'a>>,
}

/// How a transport stands in a quantity.
#[derive(Clone, PartialEq, Debug)]
enum Place {
    /// Before all others, and the intervals say so.
    First,
    /// Before the rest, and not clearly behind anybody.
    Level,
    /// No clear difference between anybody.
    AllLevel,
    /// Behind the first.
    Behind(Option<Comparison>),
    /// Too few blocks to tell.
    Open,
}

/// What the run of `summary` answers.
pub(super) fn answer(summary: &Summary) -> Answer {
    let settings = settings(summary);
    let mut said = vec![
        Said { about: "How late?", text: lateness(&settings) },
        Said { about: "How many bytes?", text: bytes(&settings) },
        Said { about: "Which is the better choice for what?", text: choices(&settings) },
    ];
    said.retain(|said| !said.text.is_empty());
    if settings.is_empty() {
        said = vec![Said {
            about: "None.",
            text: "No trial of this run may be used, so it says nothing; the reasons stand below.".to_owned(),
        }];
    }
    Answer { went_wrong: went_wrong(&settings), said, sure: sure(summary, &settings), standings: standings(&settings) }
}

fn settings(summary: &Summary) -> Vec<Setting<'_>> {
    let several = summary.cells.len() > 1;
    summary
        .cells
        .iter()
        .flat_map(|cell| {
            verdict::groups(summary, cell).into_iter().map(move |group| {
                let name = match (several, group.label.is_empty()) {
                    (true, true) => format!("“{}”", cell.name),
                    (true, false) => format!("“{}”, {}", cell.name, lower(&group.label)),
                    (false, _) => lower(&group.label),
                };
                Setting { cell, name, arms: group.arms }
            })
        })
        .collect()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// At most so many settings are named one by one.
const NAMED_MAX: usize = 3;

fn went_wrong(settings: &[Setting<'_>]) -> Vec<String> {
    let several = settings.len() > 1;
    let of = |setting: &Setting<'_>| {
        let name = if several { format!("{}: ", setting.name) } else { String::new() };
        verdict::went_wrong(&setting.arms).into_iter().map(move |text| format!("{name}{text}")).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = settings.iter().flat_map(of).collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    all.truncate(NAMED_MAX);
    if more > 0 {
        all.push(format!("{} more of this kind below.", count(more as u64)));
    }
    all
}

fn lateness(settings: &[Setting<'_>]) -> String {
    match settings {
        [one] => verdict::ranking(one.cell, &one.arms, Quantity::LatenessP50, "At the median").unwrap_or_default(),
        many => leaders(many, "Least median lateness", "later", |_| Quantity::LatenessP50),
    }
}

/// Stands before bytes by the second. A run is short: what it says by the quote holds set-up that a day would not notice.
const WITHOUT_SET_UP: &str = "Without set-up, per second and client";

fn bytes(settings: &[Setting<'_>]) -> String {
    let rate = |one: &Setting<'_>| verdict::rate_of(one.cell, &one.arms);
    let said = match settings {
        [one] => {
            let of = |quantity, opening| verdict::ranking(one.cell, &one.arms, quantity, opening).unwrap_or_default();
            let (quantity, opening) = verdict::bytes_of(one.cell, &one.arms);
            [of(quantity, opening), of(rate(one), WITHOUT_SET_UP)]
        }
        many => {
            let by_quote = |one: &Setting<'_>| verdict::bytes_of(one.cell, &one.arms).0;
            [
                leaders(many, "Fewest bytes per delivered quote", "as many", by_quote),
                leaders(many, WITHOUT_SET_UP, "as many", rate),
            ]
        }
    };
    said.into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Who comes first in how many of several settings, and how wide the gap is where it is widest.
fn leaders(
    settings: &[Setting<'_>],
    opening: &str,
    behind: &str,
    quantity: impl Fn(&Setting<'_>) -> Quantity,
) -> String {
    let compared: Vec<&Setting<'_>> = settings.iter().filter(|s| is_compared(s, quantity(s))).collect();
    if compared.is_empty() {
        return String::new();
    }
    let mut counts: Vec<(String, usize)> = Vec::new();
    for setting in &compared {
        let who = leader(setting, quantity(setting));
        match counts.iter_mut().find(|(name, _)| *name == who) {
            Some((_, n)) => *n += 1,
            None => counts.push((who, 1)),
        }
    }
    // A stable sort: who comes first equally often stays in the order of the cells.
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let of = count(compared.len() as u64);
    let each: Vec<String> = counts.iter().map(|(who, n)| format!("{who} in {n} of {of}")).collect();
    let widest = widest(&compared, quantity);
    let widest = widest.map(|(setting, text)| format!("; the widest gap: {text} {behind}, in {}", setting.name));
    format!("{opening}: {}{}.", list(&each), widest.unwrap_or_default())
}

fn leader(setting: &Setting<'_>, quantity: Quantity) -> String {
    match verdict::win(setting.cell, &setting.arms, quantity) {
        None => "no clear difference between any".to_owned(),
        Some(win) if win.titles.len() > 1 => {
            let titles: Vec<String> = win.titles.iter().map(|title| (*title).to_owned()).collect();
            format!("{} without a clear difference", list(&titles))
        }
        Some(win) if win.clear => win.titles.concat(),
        Some(_) => "too few blocks to tell".to_owned(),
    }
}

/// Whether two transports have the quantity.
fn is_compared(setting: &Setting<'_>, quantity: Quantity) -> bool {
    let with: Vec<Entry<'_>> = setting.arms.iter().filter(|(arm, _)| arm.median(quantity).is_some()).copied().collect();
    verdict::titles(&with).len() > 1
}

/// The clear difference that is widest, with the setting that it was found in.
fn widest<'a>(
    settings: &[&'a Setting<'a>],
    quantity: impl Fn(&Setting<'_>) -> Quantity,
) -> Option<(&'a Setting<'a>, String)> {
    let mut widest: Option<(f64, &Setting<'_>, String)> = None;
    for setting in settings {
        let quantity = quantity(setting);
        let Some(win) = verdict::win(setting.cell, &setting.arms, quantity) else { continue };
        for (arm, _) in &setting.arms {
            let Some(compared) = setting.cell.comparison(quantity, &arm.arm, win.best) else { continue };
            let Some(value) = compared.estimate.and_then(crate::summary::Reading::finite) else { continue };
            let wider = widest.as_ref().is_none_or(|(most, ..)| value > *most);
            if compared.outcome == Outcome::Differs && wider {
                let text = format!("{} against {}: {}", arm.arm, win.best, sized(&compared));
                widest = Some((value, setting, text));
            }
        }
    }
    widest.map(|(_, setting, text)| (setting, text))
}

/// An effect with its interval.
fn sized(compared: &Comparison) -> String {
    let estimate = compared.estimate.map_or(NOTHING.to_owned(), |e| effect(compared.quantity, compared.scale, e.get()));
    let write = |value: f64| match compared.scale {
        Scale::Difference => with_unit(compared.quantity, value),
        Scale::Ratio => number(value),
    };
    let interval = compared.interval.as_ref().map(|i| format!(" {}", interval(i, write)));
    format!("{estimate}{}", interval.unwrap_or_default())
}

/// The quantities of a run's settings that two transports have, each with the settings that have it.
fn compared<'a, 'b>(settings: &'b [Setting<'a>]) -> Vec<(Quantity, Vec<&'b Setting<'a>>)> {
    let packets = settings.iter().all(|s| verdict::bytes_of(s.cell, &s.arms).0 == Quantity::PacketBytes);
    let bytes = if packets { Quantity::PacketBytes } else { Quantity::ApplicationBytes };
    let packets = settings.iter().all(|s| verdict::rate_of(s.cell, &s.arms) == Quantity::PacketRate);
    let rate = if packets { Quantity::PacketRate } else { Quantity::ApplicationRate };
    let of = |quantity| settings.iter().filter(|s| is_compared(s, quantity)).collect::<Vec<_>>();
    let all = verdict::quantities(bytes, rate).into_iter().map(|q| (q, of(q)));
    all.filter(|(_, settings)| !settings.is_empty()).collect()
}

fn place(setting: &Setting<'_>, quantity: Quantity, title: &str) -> Option<Place> {
    let own = arms::own(setting, quantity, title);
    let (_, (arm, _)) = own.first()?;
    // Equal medians of too few blocks are no more than that.
    if is_open(setting, quantity) {
        return Some(Place::Open);
    }
    Some(match verdict::win(setting.cell, &setting.arms, quantity) {
        None => Place::AllLevel,
        Some(Win { titles, clear: false, .. }) if titles == [title] => Place::Open,
        Some(Win { titles, .. }) if titles == [title] => Place::First,
        Some(Win { titles, .. }) if titles.contains(&title) => Place::Level,
        Some(win) => {
            let compared = setting.cell.comparison(quantity, &arm.arm, win.best);
            match compared.as_ref().map(|c| c.outcome) {
                Some(Outcome::TooFewBlocks) | None if !is_certain(setting, quantity) => Place::Open,
                _ => Place::Behind(compared),
            }
        }
    })
}

/// Whether one block settles it: what an exact cell counts.
fn is_certain(setting: &Setting<'_>, quantity: Quantity) -> bool {
    setting.cell.exact && quantity.is_counted()
}

/// Whether no two arms have blocks enough to be told apart, where blocks are needed.
fn is_open(setting: &Setting<'_>, quantity: Quantity) -> bool {
    let enough = || setting.arms.iter().filter(|(arm, _)| arm.valid as usize >= BLOCKS_MIN).count();
    !is_certain(setting, quantity) && enough() < 2
}

fn titles<'a>(settings: &[Setting<'a>]) -> Vec<&'a str> {
    let arms: Vec<Entry<'_>> = settings.iter().flat_map(|s| s.arms.iter().copied()).collect();
    verdict::titles(&arms)
}

/// What each transport is the better choice for: all in the same words, in the order of the run's arms.
fn choices(settings: &[Setting<'_>]) -> String {
    let (titles, compared) = (titles(settings), compared(settings));
    if compared.is_empty() {
        return "Only one transport was measured, so nothing is compared.".to_owned();
    }
    if compared.iter().all(|(quantity, settings)| settings.iter().all(|s| is_open(s, *quantity))) {
        return format!("Too few blocks to say who comes first in anything (at least {BLOCKS_MIN}).");
    }
    match settings {
        [one] => choices_in_one(one, &titles, &compared),
        _ => choices_in_many(&titles, &compared),
    }
}

/// The quantities that are won so, by their titles.
fn named<'a>(wins: &[(Quantity, Option<Win<'a>>)], so: impl Fn(Option<&Win<'a>>) -> bool) -> Vec<String> {
    wins.iter().filter(|(_, win)| so(win.as_ref())).map(|(quantity, _)| quantity.title().to_owned()).collect()
}

/// A sentence for each transport, in the same words; then one for what nobody is behind in.
fn choices_in_one(setting: &Setting<'_>, titles: &[&str], compared: &[(Quantity, Vec<&Setting<'_>>)]) -> String {
    let quantities = compared.iter().map(|(quantity, _)| *quantity).filter(|quantity| !is_open(setting, *quantity));
    let wins: Vec<(Quantity, Option<Win<'_>>)> =
        quantities.map(|quantity| (quantity, verdict::win(setting.cell, &setting.arms, quantity))).collect();
    // Who leads by medians alone is not said: a claim without an interval is none.
    let anybody = wins.iter().any(|(_, win)| win.as_ref().is_some_and(|win| win.clear));
    let of = |title: &&str| {
        let won = |win: Option<&Win<'_>>| win.is_some_and(|win| win.clear && win.titles.contains(title));
        let alone = |win: Option<&Win<'_>>| win.is_some_and(|win| win.titles.len() == 1);
        let first = named(&wins, |win| won(win) && alone(win));
        let level = named(&wins, |win| won(win) && !alone(win));
        let mut parts = Vec::new();
        if !first.is_empty() || level.is_empty() && anybody {
            let what = if first.is_empty() { "nothing".to_owned() } else { list(&first) };
            parts.push(format!("first in {what}"));
        }
        if !level.is_empty() {
            parts.push(format!("level with the first in {}", list(&level)));
        }
        parts.extend(arms::connections(setting, title));
        (!parts.is_empty()).then(|| format!("{title}: {}.", parts.join("; ")))
    };
    let mut said: Vec<String> = titles.iter().filter_map(of).collect();
    let level = named(&wins, |win| win.is_none());
    if !level.is_empty() {
        said.push(format!("All level in {}.", list(&level)));
    }
    if said.is_empty() { "No transport comes clearly first in anything.".to_owned() } else { said.join(" ") }
}

fn choices_in_many(titles: &[&str], compared: &[(Quantity, Vec<&Setting<'_>>)]) -> String {
    let most = compared.iter().map(|(_, settings)| settings.len()).max().unwrap_or_default();
    let strong = |title: &str, (quantity, settings): &(Quantity, Vec<&Setting<'_>>)| {
        let places = settings.iter().filter_map(|s| place(s, *quantity, title));
        let n = places.filter(|p| matches!(p, Place::First | Place::Level)).count();
        let of = if settings.len() == most { String::new() } else { format!(" of {}", settings.len()) };
        (n > 0).then(|| format!("{} ({n}{of})", quantity.title()))
    };
    let each = titles.iter().map(|title| {
        let strong: Vec<String> = compared.iter().filter_map(|compared| strong(title, compared)).collect();
        let strong = if strong.is_empty() { "nothing".to_owned() } else { list(&strong) };
        format!("{title}: {strong}")
    });
    let each: Vec<String> = each.collect();
    format!("First, or level with the first, in how many of {most} comparisons: {}.", each.join("; "))
}

/// One row a quantity, one column a transport.
fn standings(settings: &[Setting<'_>]) -> DataTable {
    let titles = titles(settings);
    if titles.len() < 2 {
        return DataTable::default();
    }
    let row = |(quantity, settings): (Quantity, Vec<&Setting<'_>>)| {
        let cell = |title: &&str| standing(&settings, quantity, title);
        std::iter::once(quantity.title().to_owned()).chain(titles.iter().map(cell)).collect()
    };
    let columns = std::iter::once("less is better").chain(titles.iter().copied()).map(str::to_owned).collect();
    DataTable { columns, rows: compared(settings).into_iter().map(row).collect() }
}

/// How `title` stands, in few words.
fn standing(settings: &[&Setting<'_>], quantity: Quantity, title: &str) -> String {
    let places: Vec<Place> = settings.iter().filter_map(|s| place(s, quantity, title)).collect();
    if let ([place], [setting]) = (places.as_slice(), settings) {
        let whose = arms::whose(setting, quantity, title, place);
        return match place {
            Place::First => format!("{whose}first"),
            Place::Level => format!("{whose}level"),
            Place::AllLevel => "all level".to_owned(),
            Place::Open => "too few blocks".to_owned(),
            Place::Behind(compared) => compared.as_ref().map_or(NOTHING.to_owned(), |c| match c.scale {
                Scale::Difference => format!("{whose}+{}", sized(c)),
                Scale::Ratio => format!("{whose}{}", sized(c)),
            }),
        };
    }
    let mut counts: BTreeMap<u8, (&str, usize)> = BTreeMap::new();
    for place in &places {
        let (order, word) = match place {
            Place::First => (0, "first"),
            Place::Level => (1, "level"),
            Place::AllLevel => (2, "all level"),
            Place::Behind(_) => (3, "behind"),
            Place::Open => (4, "open"),
        };
        counts.entry(order).or_insert((word, 0)).1 += 1;
    }
    let words: Vec<String> = counts.values().map(|(word, n)| format!("{word} {n}")).collect();
    if words.is_empty() { NOTHING.to_owned() } else { words.join(", ") }
}

/// How sure the answer is: trials, and what was set aside.
fn sure(summary: &Summary, settings: &[Setting<'_>]) -> String {
    let used = || settings.iter().flat_map(|s| &s.arms).map(|(arm, _)| arm.valid);
    let (Some(least), Some(most)) = (used().min(), used().max()) else { return String::new() };
    let n = if least == most { count(least.into()) } else { format!("{least} to {most}") };
    let plural = if most == 1 { "" } else { "s" };
    let aside = aside(summary);
    let before = before(summary, settings);
    let intervals = if settings.iter().all(|s| s.cell.exact) {
        "bytes, connections and requests are exact, times are indicative only".to_owned()
    } else if (least as usize) < BLOCKS_MIN {
        format!("fewer than {BLOCKS_MIN} trials give no interval and are indicative only")
    } else {
        "intervals are of at least 95 %".to_owned()
    };
    // What is exact and what is indicative stands in the sentences that follow, where there are any.
    let intervals = if before.is_empty() { format!("{intervals}; ") } else { String::new() };
    let sure = format!("How sure: {n} trial{plural} an arm and cell; {intervals}of the trials {aside}.");
    std::iter::once(sure).chain(before).collect::<Vec<_>>().join(" ")
}

/// Which trials are not used. Of a block that was repeated the valid ones are no longer used either, which is said too: the
/// list below has them, and its length would not agree with the numbers here.
fn aside(summary: &Summary) -> String {
    let arms = || summary.cells.iter().flat_map(|cell| &cell.arms);
    let (tainted, void) = (arms().map(|a| a.tainted).sum::<u32>(), arms().map(|a| a.void).sum::<u32>());
    let repeated = arms().flat_map(|arm| &arm.set_aside).filter(|trial| trial.standing == Standing::Valid).count();
    let repeated = match repeated {
        0 => String::new(),
        1 => "; 1 valid one is not used, since its block was repeated".to_owned(),
        n => format!("; {} valid ones are not used, since their blocks were repeated", count(n as u64)),
    };
    match (tainted, void) {
        (0, 0) if repeated.is_empty() => "none was set aside".to_owned(),
        (0, 0) => format!("none was set aside as tainted or void{repeated}"),
        (tainted, void) => format!("{tainted} tainted and {void} void were set aside and are listed below{repeated}"),
    }
}

/// Of a single cell that is exact: what its verdict says before all else, since no verdict stands beside it.
fn before(summary: &Summary, settings: &[Setting<'_>]) -> Vec<String> {
    match summary.cells.as_slice() {
        [cell] if cell.exact => {
            let arms: Vec<Entry<'_>> = settings.iter().flat_map(|s| s.arms.iter().copied()).collect();
            verdict::before(cell, &arms)
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
