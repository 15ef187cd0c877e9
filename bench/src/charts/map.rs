//! Which should I use? The cheapest way for each rate of updates and each bound of staleness, one small map for each
//! delivery and each cost.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Delivery;

use super::canvas::{Anchor, Canvas, NOTE, TEXT, TICK, Type, text_width};
use super::family::{Family, families};
use super::style::{ArmStyle, Ink};
use super::sweep::{Sweep, along_rate};
use super::verdicts::{Bound, CLEAR, Cost, Field, Kept, bounds, costs, field, kept, letters, undecidable};
use super::{Chart, DataTable, MARGIN, WIDTH, close, nothing, open_across};
use crate::summary::words::{NOTHING, duration, list, number};
use crate::summary::{CellSummary, Summary};

pub(super) const NAME: &str = "decision-map";

/// Height of one field.
const FIELD: f64 = 26.0;
/// Width of a map with all that belongs to it: two stand beside each other.
const MAP: f64 = (WIDTH - 2.0 * MARGIN) / 2.0;
/// Room left of a map, for its bounds, and right of it.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;

/// One delivery's families with their letters.
struct Mode<'a> {
    delivery: Delivery,
    families: Vec<&'a Family>,
    letters: Vec<String>,
    /// The longest interval of an arm with a valid trial, milliseconds; 0 where none has an interval.
    longest_ms: u32,
    bounds: &'static [Bound],
    maps: Vec<CostMap>,
}

impl Mode<'_> {
    fn arms(&self) -> impl Iterator<Item = usize> {
        self.families.iter().flat_map(|family| family.members.iter().copied())
    }
}

/// The map of one cost.
struct CostMap {
    caption: &'static str,
    /// By cell, then by bound.
    fields: Vec<Vec<Field>>,
}

/// All fields of a delivery, once: picture, sentence and table are made of the same.
fn fields(sweep: &Sweep<'_>, families: &[&Family], bounds: &[Bound], (cost, caption): (Cost, &'static str)) -> CostMap {
    let of = |cell| bounds.iter().map(|(bound_ms, _)| field(cell, families, cost, *bound_ms)).collect::<Vec<_>>();
    CostMap { caption, fields: sweep.all().map(of).collect() }
}

/// Whether both a planned poll and a push of these families are there, in the sense of `is_there`.
fn asked_and_pushed(summary: &Summary, families: &[&Family], is_there: impl Fn(usize) -> bool) -> bool {
    let any = |delivers: Delivers| {
        let mut members = families.iter().flat_map(|family| &family.members);
        members.any(|arm| summary.arms[*arm].descriptor.delivers == delivers && is_there(*arm))
    };
    any(Delivers::Planned) && any(Delivers::Pushed)
}

/// Whether the arm of that number has a valid trial in `cell`.
fn measured(cell: &CellSummary, arm: usize) -> bool {
    cell.arms.get(arm).is_some_and(|arm| arm.valid > 0)
}

/// The interval of an arm; 0 where none applies.
fn interval_ms(entry: &ArmEntry) -> u32 {
    let applies = entry.arm.delivery == Delivery::Newest || entry.descriptor.delivers == Delivers::Planned;
    if applies { entry.arm.interval_ms } else { 0 }
}

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let sweep = along_rate(summary)?;
    let all = families(summary);
    let names: Vec<&str> = all.iter().map(|family| family.name.as_str()).collect();
    let (letters, costs) = (letters(&names), costs(summary));
    let of = |delivery: Delivery| -> (Vec<&Family>, Vec<String>) {
        all.iter().zip(&letters).filter(|(f, _)| f.delivery == delivery).map(|(f, l)| (f, l.clone())).unzip()
    };
    let deliveries = [Delivery::Newest, Delivery::Every];
    // Who asks against who is told: without both there is nothing to decide.
    if !deliveries.iter().any(|delivery| asked_and_pushed(summary, &of(*delivery).0, |_| true)) {
        return None;
    }
    let mode = |delivery: Delivery| {
        let (families, letters) = of(delivery);
        if !sweep.all().any(|cell| asked_and_pushed(summary, &families, |arm| measured(cell, arm))) {
            return None;
        }
        let there = families.iter().flat_map(|family| &family.members);
        let there = there.filter(|arm| sweep.all().any(|cell| measured(cell, **arm)));
        let longest_ms = there.map(|arm| interval_ms(&summary.arms[*arm])).max().unwrap_or(0);
        let bounds = bounds(longest_ms);
        let maps = costs.iter().map(|cost| fields(&sweep, &families, bounds, *cost)).collect();
        Some(Mode { delivery, families, letters, longest_ms, bounds, maps })
    };
    let modes: Vec<Mode<'_>> = deliveries.into_iter().filter_map(mode).collect();
    let without: Vec<Delivery> = deliveries
        .into_iter()
        .filter(|delivery| !of(*delivery).0.is_empty() && modes.iter().all(|mode| mode.delivery != *delivery))
        .collect();
    let title = "Which way is cheapest?";
    let subtitle = "By quotes per second, and by how stale the price may be 99 % of the time";
    let (mut canvas, top) = open_across(title, subtitle, &sweep.place(), sweep.all());
    let mut y = top;
    if modes.is_empty() {
        nothing(&mut canvas, y, "no valid trial of a poll beside one of a push");
        y += 60.0;
    } else {
        let drawn = |family: &Family| modes.iter().any(|mode| mode.delivery == family.delivery);
        let named: Vec<(String, ArmStyle)> = all
            .iter()
            .zip(&letters)
            .filter(|(family, _)| drawn(family))
            .map(|(f, letter)| (format!("{letter}  {}", f.name), f.style))
            .collect();
        y = key(&mut canvas, y, &named);
        for mode in &modes {
            y = maps(&mut canvas, y, &sweep, mode);
        }
    }
    let notes = notes(summary, &sweep, &modes, &without);
    close(&mut canvas, y, &notes);
    let (sentence, table) = (sentence(&modes), table(&sweep, &modes));
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas })
}

/// What a delivery is called where it stands alone.
const fn heading(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Newest => "Only the newest quote is wanted, pushes conflated",
        Delivery::Every => "Every quote is wanted",
    }
}

fn notes(summary: &Summary, sweep: &Sweep<'_>, modes: &[Mode<'_>], without: &[Delivery]) -> Vec<String> {
    let mut notes = Vec::new();
    for delivery in without {
        notes.push(format!("{}: no map, for no poll was measured there beside a push.", heading(*delivery)));
    }
    if modes.is_empty() {
        return notes;
    }
    notes.push(format!(
        "Each way with its cheapest interval that keeps the bound, to the upper end of its interval over trials. Alone: cheaper \
         than every other by more than {} % at the end of the ratio's interval. Together: the cheapest and all that are not \
         clearly dearer. Hatched: no way surely keeps the bound.",
        number(100.0 * CLEAR)
    ));
    for mode in modes.iter().filter(|mode| mode.longest_ms > 0) {
        notes.push(format!(
            "{}: the longest interval measured is {}. Bounds above twice that have no row: there the cheapest would only be \
             the longest that was measured.",
            heading(mode.delivery),
            duration(f64::from(mode.longest_ms))
        ));
    }
    let room = field_width(sweep) - 2.0;
    let is_short = |mode: &Mode<'_>| {
        let mut fields = mode.maps.iter().flat_map(|one| &one.fields).flatten();
        fields.any(|found| written(found, mode, room).is_short)
    };
    if modes.iter().any(is_short) {
        notes.push(SHORT.to_owned());
    }
    notes.extend(modes.iter().filter_map(|mode| undecided(summary, sweep, mode)));
    let few: Vec<String> =
        sweep.cells.iter().filter(|(_, c)| undecidable(c)).map(|(_, cell)| cell.name.clone()).collect();
    if !few.is_empty() {
        notes.push(format!("Some arm has fewer than six valid trials, so nothing is clear there: {}.", list(&few)));
    }
    notes.extend(sweep.note());
    notes
}

/// Which arms may or may not keep which bound, and in which cells.
fn undecided(summary: &Summary, sweep: &Sweep<'_>, mode: &Mode<'_>) -> Option<String> {
    let of = |(bound_ms, words): &Bound| {
        let arms = mode.arms().filter_map(|arm| {
            let open = sweep.cells.iter().filter(|(_, cell)| kept(cell, arm, *bound_ms) == Kept::Undecided);
            let rates: Vec<String> = open.map(|(rate_per_s, _)| number(*rate_per_s)).collect();
            let name = &summary.arms[arm].arm.name;
            (!rates.is_empty()).then(|| format!("{name} (at {} quotes/s)", list(&rates)))
        });
        let arms: Vec<String> = arms.collect();
        (!arms.is_empty()).then(|| format!("{words} by {}", list(&arms)))
    };
    let each: Vec<String> = mode.bounds.iter().filter_map(of).collect();
    let what = "Not decided, since the bound lies inside the interval, and counted as not kept";
    (!each.is_empty()).then(|| format!("{}. {what}: {}.", heading(mode.delivery), each.join("; ")))
}

/// Stands below maps with fields too narrow for what is in them.
const SHORT: &str = "A number in a field: so many ways are tied there, and their letters have no room; “?”: not \
                     measured, “–”: none. The table has them in full.";

/// What is written in a field.
struct Written {
    text: String,
    size: f64,
    /// Whether it is not all that there is to say.
    is_short: bool,
}

/// What is written in a field that has `room`: as much as fits, in letters as large as fit.
fn written(found: &Field, mode: &Mode<'_>, room: f64) -> Written {
    let (full, short): (Vec<String>, String) = match found {
        Field::None => (vec!["none".to_owned()], NOTHING.to_owned()),
        Field::Unknown => (vec!["not measured".to_owned(), "unknown".to_owned()], "?".to_owned()),
        Field::Best(tied) => {
            let letters: Vec<&str> = tied.iter().map(|(place, ..)| mode.letters[*place].as_str()).collect();
            (vec![letters.join(" "), letters.concat()], tied.len().to_string())
        }
    };
    let fits = |text: &String, size: f64| text_width(text, Type { size, ..field_type(found) }) <= room;
    let mut sized = full.into_iter().flat_map(|text| SIZES.map(|size| (text.clone(), size)));
    match sized.find(|(text, size)| fits(text, *size)) {
        Some((text, size)) => Written { text, size, is_short: false },
        None => Written { text: short, size: SIZES[0], is_short: true },
    }
}

/// Sizes of letters in a field, the usual one first.
const SIZES: [f64; 2] = [NOTE.size, 10.0];

fn field_type(found: &Field) -> Type {
    Type { bold: matches!(found, Field::Best(_)), anchor: Anchor::Middle, ink: Ink::Text, ..NOTE }
}

/// Width of a field, in every map the same.
fn field_width(sweep: &Sweep<'_>) -> f64 {
    (MAP - LEFT - RIGHT) / sweep.cells.len() as f64 - 2.0
}

fn key(canvas: &mut Canvas, top: f64, named: &[(String, ArmStyle)]) -> f64 {
    canvas.layer("legend", "");
    let (mut x, mut y) = (MARGIN, top + 8.0);
    for (name, style) in named {
        let width = 24.0 + text_width(name, TEXT) + 18.0;
        if x + width > WIDTH - MARGIN + 18.0 && x > MARGIN {
            (x, y) = (MARGIN, y + 20.0);
        }
        canvas.rect((x, y - 7.0), (x + 18.0, y + 7.0), style.ink);
        canvas.text_centred((x + 24.0, y), name.as_str(), TEXT);
        x += width;
    }
    y + 16.0
}

/// The four maps of one delivery, two beside each other.
fn maps(canvas: &mut Canvas, top: f64, sweep: &Sweep<'_>, mode: &Mode<'_>) -> f64 {
    canvas.layer("heading", "");
    canvas.text((MARGIN, top + 16.0), heading(mode.delivery), Type { bold: true, ..TEXT });
    let height = FIELD * mode.bounds.len() as f64;
    let mut y = top + 44.0;
    for (i, one) in mode.maps.iter().enumerate() {
        let left = MARGIN + (i % 2) as f64 * MAP + LEFT;
        let area = [left, y, left + MAP - LEFT - RIGHT, y + height];
        canvas.layer("axes", "");
        canvas.text((left, y - 7.0), one.caption, Type { bold: true, ..NOTE });
        map(canvas, sweep, mode, one, area);
        if i % 2 == 1 {
            y += height + 62.0;
        }
    }
    y - 18.0
}

fn map(canvas: &mut Canvas, sweep: &Sweep<'_>, mode: &Mode<'_>, one: &CostMap, [left, top, right, bottom]: [f64; 4]) {
    let step = (right - left) / sweep.cells.len() as f64;
    for (row, (_, words)) in mode.bounds.iter().enumerate() {
        let y = top + FIELD * (row as f64 + 0.5);
        canvas.text_centred((left - 7.0, y), *words, Type { anchor: Anchor::End, ..TICK });
    }
    for (column, (rate_per_s, _)) in sweep.cells.iter().enumerate() {
        let x = left + step * (column as f64 + 0.5);
        canvas.text((x, bottom + 15.0), number(*rate_per_s), Type { anchor: Anchor::Middle, ..TICK });
    }
    let middle = (left + right) / 2.0;
    canvas.text((middle, bottom + 30.0), "quotes per second", Type { anchor: Anchor::Middle, ..TICK });
    for (column, ((rate_per_s, _), fields)) in sweep.cells.iter().zip(&one.fields).enumerate() {
        for (row, ((_, words), found)) in mode.bounds.iter().zip(fields).enumerate() {
            let (x, y) = (left + step * column as f64, top + FIELD * row as f64);
            canvas.layer("series", format!("{} quotes/s, {words}: {}", number(*rate_per_s), named(found, mode)));
            draw_field(canvas, found, mode, [x + 1.0, y + 1.0, x + step - 1.0, y + FIELD - 1.0]);
        }
    }
}

fn draw_field(canvas: &mut Canvas, found: &Field, mode: &Mode<'_>, [left, top, right, bottom]: [f64; 4]) {
    let centre = ((left + right) / 2.0, (top + bottom) / 2.0);
    match found {
        Field::None => {
            canvas.rect((left, top), (right, bottom), Ink::Grid);
            let mut x = left;
            while x + (bottom - top) < right {
                canvas.line(&[(x, bottom), (x + bottom - top, top)], Ink::Muted, 0.6, &[]);
                x += 9.0;
            }
        }
        Field::Unknown => canvas.rect((left, top), (right, bottom), Ink::Grid),
        Field::Best(tied) => {
            let width = (right - left) / tied.len() as f64;
            for (i, (place, ..)) in tied.iter().enumerate() {
                let from = left + i as f64 * width;
                canvas.rect((from, top), (from + width, bottom), mode.families[*place].style.ink);
            }
        }
    }
    let Written { text, size, .. } = written(found, mode, right - left - 2.0);
    let kind = Type { size, ..field_type(found) };
    // The letters stand on paper: on no colour would black and white both be readable.
    let half = (text_width(&text, kind) / 2.0 + 4.0).min((right - left) / 2.0);
    canvas.rect((centre.0 - half, centre.1 - 8.5), (centre.0 + half, centre.1 + 8.5), Ink::Paper);
    canvas.text_centred(centre, text, kind);
}

fn named(found: &Field, mode: &Mode<'_>) -> String {
    match found {
        Field::None => "no way keeps it".to_owned(),
        Field::Unknown => "not measured".to_owned(),
        Field::Best(tied) => {
            let names: Vec<String> = tied.iter().map(|(place, ..)| mode.families[*place].name.clone()).collect();
            if names.len() > 1 { format!("{} (no clear winner)", list(&names)) } else { list(&names) }
        }
    }
}

/// Where each way wins alone, in how many fields of how many.
fn sentence(modes: &[Mode<'_>]) -> String {
    if modes.is_empty() {
        return "No valid trial of a poll stands beside one of a push.".to_owned();
    }
    let mut told = Vec::new();
    for mode in modes {
        for CostMap { caption, fields } in &mode.maps {
            let fields: Vec<&Field> = fields.iter().flatten().collect();
            let alone = |place: usize| {
                fields
                    .iter()
                    .filter(|f| matches!(f, Field::Best(tied) if tied.len() == 1 && tied[0].0 == place))
                    .count()
            };
            let mut each: Vec<String> = (0..mode.families.len())
                .filter(|place| alone(*place) > 0)
                .map(|place| format!("{} in {}", mode.families[place].name, alone(place)))
                .collect();
            let tied = fields.iter().filter(|f| matches!(f, Field::Best(tied) if tied.len() > 1)).count();
            let none = fields.iter().filter(|f| ***f == Field::None).count();
            each.push(format!("tied in {tied}"));
            each.push(format!("none in {none}"));
            told.push(format!("{}, {caption}: of {} fields {}", mode.delivery.name(), fields.len(), list(&each)));
        }
    }
    format!("{}.", told.join("; "))
}

fn table(sweep: &Sweep<'_>, modes: &[Mode<'_>]) -> DataTable {
    let mut rows = Vec::new();
    for mode in modes {
        for CostMap { caption, fields } in &mode.maps {
            for ((rate_per_s, cell), fields) in sweep.cells.iter().zip(fields) {
                for ((_, words), found) in mode.bounds.iter().zip(fields) {
                    let costs = match found {
                        Field::Best(tied) => {
                            let each =
                                tied.iter().map(|(_, arm, cost)| format!("{} {}", cell.arms[*arm].arm, number(*cost)));
                            each.collect::<Vec<_>>().join(", ")
                        }
                        _ => NOTHING.to_owned(),
                    };
                    rows.push(vec![
                        mode.delivery.name().to_owned(),
                        (*caption).to_owned(),
                        number(*rate_per_s),
                        (*words).to_owned(),
                        named(found, mode),
                        costs,
                    ]);
                }
            }
        }
    }
    let columns = ["delivery", "cost", "quotes/s", "at most stale", "cheapest", "arms and what they cost"]
        .map(str::to_owned)
        .to_vec();
    DataTable { columns, rows }
}
