//! The answer of a whole run to three questions: how late, how many bytes, and what each transport is the better choice
//! for. Every transport is spoken of in the same words, whoever it is. Beside it the table that the third answer is
//! made of. Nothing is said to come first without an interval that says so.

mod arms;
mod cheapest;
mod sure;

use std::collections::BTreeMap;

use crate::charts::{Chart, DataTable, Decision};
use crate::statistics::{BLOCKS_MIN, Outcome, Scale};
use crate::summary::words::{NOTHING, count, effect_interval, effect_within, list};
use crate::summary::{CellSummary, Comparison, Quantity, Summary};

use super::ranked;
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
    name: Name,
    arms: Vec<Entry<'a>>,
}

/// How a setting is called where there are several.
enum Name {
    /// By its cell, and by its arms' delivery too where the cell has arms of several.
    Cell(String),
    /// By its arms' delivery alone, since the run has no other cell: “with delivery …”. Empty where there is no other delivery
    /// either, and nothing to tell it from.
    Delivery(String),
}

impl Name {
    /// The name, as it stands before a colon.
    fn text(&self) -> &str {
        match self {
            Self::Cell(name) | Self::Delivery(name) => name,
        }
    }

    /// Where something was found, as it stands at the end of a sentence.
    fn place(&self) -> String {
        match self {
            Self::Cell(name) => format!("in {name}"),
            Self::Delivery(name) => name.clone(),
        }
    }
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

impl Setting<'_> {
    /// Whether its arms deliver only the newest quotes.
    fn is_newest(&self) -> bool {
        ranked::is_newest(&self.arms)
    }
}

/// What the run of `summary` answers; `across` are the charts over all its cells.
pub(super) fn answer(summary: &Summary, across: &[(String, Chart)]) -> Answer {
    answer_with(summary, &cheapest::decided(summary, across))
}

/// The same from the fields of the decision map: none where there is no map.
fn answer_with(summary: &Summary, map: &[Decision]) -> Answer {
    let settings = settings(summary);
    let mut said = vec![
        Said { about: "How late?", text: lateness(&settings) },
        Said { about: "How many bytes?", text: bytes(&settings) },
        Said { about: "Which is the better choice for what?", text: choices(summary, &settings, map) },
    ];
    said.retain(|said| !said.text.is_empty());
    if settings.is_empty() {
        said = vec![Said {
            about: "None.",
            text: "No trial of this run may be used, so it says nothing; the reasons stand below.".to_owned(),
        }];
    }
    let (went_wrong, sure, standings) = (went_wrong(&settings), sure::sure(summary, &settings), standings(&settings));
    Answer { went_wrong, said, sure, standings }
}

fn settings(summary: &Summary) -> Vec<Setting<'_>> {
    let several = summary.cells.len() > 1;
    summary
        .cells
        .iter()
        .flat_map(|cell| {
            verdict::groups(summary, cell).into_iter().map(move |group| {
                let name = match (several, group.label.is_empty()) {
                    (true, true) => Name::Cell(format!("“{}”", cell.name)),
                    (true, false) => Name::Cell(format!("“{}”, {}", cell.name, lower(&group.label))),
                    (false, _) => Name::Delivery(lower(&group.label)),
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
        let name = if several { format!("{}: ", setting.name.text()) } else { String::new() };
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

/// Stands where arms that deliver only the newest quote are asked how late they are.
const NOT_LATENESS: &str = "Where only the newest quote is wanted, lateness would count the quotes that came and not those that were left out, so \
                            staleness is compared instead.";
/// The same of what they cost.
const NOT_BY_QUOTE: &str =
    "Where only the newest quote is wanted, nothing is compared by the quote: each leaves out others.";

/// Those of `settings` whose arms deliver only the newest quote, or those of all others.
fn delivering<'b, 'a>(settings: &'b [Setting<'a>], newest: bool) -> Vec<&'b Setting<'a>> {
    settings.iter().filter(|setting| setting.is_newest() == newest).collect()
}

fn joined(said: impl IntoIterator<Item = String>) -> String {
    said.into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(" ")
}

fn lateness(settings: &[Setting<'_>]) -> String {
    let (every, newest) = (delivering(settings, false), delivering(settings, true));
    let why = if newest.is_empty() { "" } else { NOT_LATENESS };
    let said: Vec<String> = match settings {
        [one] => {
            let (quantity, opening) = ranked::freshness(&one.arms);
            vec![verdict::ranking(one.cell, &one.arms, quantity, opening).unwrap_or_default()]
        }
        _ => vec![
            leaders(&every, "Least median lateness", "later", |_| Quantity::LatenessP50),
            leaders(&newest, "Least mean excess staleness", "older", |_| Quantity::StalenessMean),
        ],
    };
    joined(said.into_iter().chain([why.to_owned()]))
}

/// Stands before bytes by the second. A run is short: what it says by the quote holds set-up that a day would not notice.
const WITHOUT_SET_UP: &str = "Without set-up, per second and client";

fn bytes(settings: &[Setting<'_>]) -> String {
    let (every, all) = (delivering(settings, false), settings.iter().collect::<Vec<_>>());
    let by_quote = |one: &Setting<'_>| ranked::by_quote(one.cell, &one.arms);
    let by_second = |one: &Setting<'_>| ranked::by_second(one.cell, &one.arms).0;
    let why = if every.len() == all.len() { "" } else { NOT_BY_QUOTE };
    let said: Vec<String> = match settings {
        [one] => {
            let of = |(quantity, opening): (Quantity, &str)| verdict::ranking(one.cell, &one.arms, quantity, opening);
            let first = (!one.is_newest()).then(|| by_quote(one)).and_then(of);
            first.into_iter().chain(of((by_second(one), WITHOUT_SET_UP))).collect()
        }
        _ => vec![
            leaders(&every, "Fewest bytes per delivered quote", "as many", |one| by_quote(one).0),
            leaders(&all, WITHOUT_SET_UP, "as many", by_second),
        ],
    };
    joined(said.into_iter().chain([why.to_owned()]))
}

/// Who comes first in how many of several settings, and how wide the gap is where it is widest.
fn leaders(
    settings: &[&Setting<'_>],
    opening: &str,
    behind: &str,
    quantity: impl Fn(&Setting<'_>) -> Quantity,
) -> String {
    let compared: Vec<&Setting<'_>> = settings.iter().copied().filter(|s| is_compared(s, quantity(s))).collect();
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
    let widest = widest.map(|(setting, text)| format!("; the widest gap: {text} {behind}, {}", setting.name.place()));
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
    let (quantity, scale, bounds) = (compared.quantity, compared.scale, compared.interval.as_ref());
    let estimate = compared.estimate.map(|e| effect_within(quantity, scale, e.get(), bounds));
    let interval = bounds.map(|bounds| format!(" {}", effect_interval(quantity, scale, bounds)));
    format!("{}{}", estimate.as_deref().unwrap_or(NOTHING), interval.unwrap_or_default())
}

/// The quantities of a run's settings that two transports have and are ranked in, each with the settings where that is so.
fn compared<'a, 'b>(settings: &'b [Setting<'a>]) -> Vec<(Quantity, Vec<&'b Setting<'a>>)> {
    let packets = settings.iter().all(|s| ranked::by_quote(s.cell, &s.arms).0 == Quantity::PacketBytes);
    let bytes = if packets { Quantity::PacketBytes } else { Quantity::ApplicationBytes };
    let packets = settings.iter().all(|s| ranked::by_second(s.cell, &s.arms).0 == Quantity::PacketRate);
    let rate = if packets { Quantity::PacketRate } else { Quantity::ApplicationRate };
    let is_ranked = |s: &Setting<'_>, quantity| ranked::is_ranked(&s.arms, quantity) && is_compared(s, quantity);
    let of = |quantity| settings.iter().filter(|s| is_ranked(s, quantity)).collect::<Vec<_>>();
    let all = ranked::all(bytes, rate).into_iter().map(|q| (q, of(q)));
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

/// Stands where the answer is the map's and not how often each comes first in what.
const COUNTED_BELOW: &str = "How often each comes first in what stands in the table below.";

/// What each transport is the better choice for: all in the same words, in the order of the run's arms. Over several cells a
/// decision map answers it, where there is one.
fn choices(summary: &Summary, settings: &[Setting<'_>], map: &[Decision]) -> String {
    let (titles, compared) = (titles(settings), compared(settings));
    if compared.is_empty() {
        return "Only one transport was measured, so nothing is compared.".to_owned();
    }
    if compared.iter().all(|(quantity, settings)| settings.iter().all(|s| is_open(s, *quantity))) {
        return format!("Too few blocks to say who comes first in anything (at least {BLOCKS_MIN}).");
    }
    if let [one] = settings {
        return choices_in_one(one, &titles, &compared);
    }
    match cheapest::sentences(summary, map) {
        Some(told) => format!("{told} {COUNTED_BELOW}"),
        None => choices_in_many(&titles, &compared),
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
        let connections = arms::connections(setting, title);
        if !(parts.is_empty() && connections.is_empty()) {
            parts.extend(arms::asked(setting, title));
        }
        parts.extend(connections);
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

#[cfg(test)]
mod tests;
