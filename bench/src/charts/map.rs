//! Which should I use? The cheapest way for each rate of updates and each bound of staleness, one small map for each
//! delivery and each cost.

use wirerace_contract::spec::Delivery;

use super::canvas::{Anchor, Canvas, NOTE, TEXT, TICK, Type, text_width};
use super::family::Family;
use super::style::{ArmStyle, Ink};
use super::sweep::{Sweep, along_rate};
use super::verdicts::Field;
use super::{Chart, DataTable, MARGIN, WIDTH, close, nothing, open_across};
use crate::summary::Summary;
use crate::summary::words::{NOTHING, list, number};

mod decision;
mod modes;
mod notes;

pub use decision::{Decision, decisions};
use modes::{Asked, CostMap, Found, Lettered, Mode, each, found, lettered, measured};

/// Its name in files and on the command line.
pub const NAME: &str = "decision-map";
/// Ends a field of its table whose way wins because no other surely keeps the bound.
const ONLY: &str = "(the only one that surely keeps it)";

/// Height of one field.
const FIELD: f64 = 26.0;
/// Width of a map with all that belongs to it: two stand beside each other.
const MAP: f64 = (WIDTH - 2.0 * MARGIN) / 2.0;
/// Room left of a map, for its bounds, and right of it.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
/// Height of what a field has of its way's colour, where there is only that way.
const STRIP: f64 = 4.0;

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let sweep = along_rate(summary)?;
    let all = lettered(summary);
    let found = found(summary, &sweep, &all)?;
    Some(painted(summary, &sweep, &all, &found))
}

/// The picture of what was found, with what it says.
fn painted(summary: &Summary, sweep: &Sweep<'_>, all: &[Lettered], found: &Found<'_>) -> Chart {
    let Found { modes, without } = found;
    let title = "Which way is cheapest?";
    let subtitle = "By quotes per second, and by how stale the price may be 99 % of the time";
    let (mut canvas, top) = open_across(title, subtitle, &sweep.place(), sweep.all());
    let mut y = top;
    if modes.is_empty() {
        nothing(&mut canvas, y, "no valid trial of a poll beside one of a push");
        y += 60.0;
    } else {
        let drawn = |family: &Family| {
            let any = |arm: &usize| sweep.all().any(|cell| measured(cell, *arm));
            modes.iter().any(|mode| mode.delivery == family.delivery) && family.members.iter().any(any)
        };
        let named: Vec<(String, ArmStyle)> = all
            .iter()
            .filter(|(family, _)| drawn(family))
            .map(|(family, letter)| (format!("{letter}  {}", family.name), family.style))
            .collect();
        y = key(&mut canvas, y, &named);
        for mode in modes {
            y = maps(&mut canvas, y, sweep, mode);
        }
    }
    let notes = notes::notes(summary, sweep, modes, without);
    close(&mut canvas, y, &notes);
    let (sentence, table) = (sentence(modes), table(sweep, modes));
    Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas }
}

/// What a delivery is called where it stands alone.
const fn heading(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Newest => "Only the newest quote is wanted, pushes conflated",
        Delivery::Every => "Every quote is wanted",
    }
}

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
        Field::Only((place, ..)) => (vec![format!("({})", mode.letters[*place])], "1".to_owned()),
        Field::Best(tied) => {
            let letters: Vec<&str> = tied.iter().map(|(place, ..)| mode.letters[*place]).collect();
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
    Type { bold: !found.ways().is_empty(), anchor: Anchor::Middle, ink: Ink::Text, ..NOTE }
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

/// The maps of one delivery, two beside each other.
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
        if i % 2 == 1 || i + 1 == mode.maps.len() {
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
        Field::Only((place, ..)) => {
            canvas.rect((left, top), (right, bottom), Ink::Grid);
            canvas.rect((left, bottom - STRIP), (right, bottom), mode.families[*place].style.ink);
        }
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
    let names: Vec<String> = found.ways().iter().map(|(place, ..)| mode.families[*place].name.clone()).collect();
    match found {
        Field::None => "no way keeps it".to_owned(),
        Field::Unknown => "not measured".to_owned(),
        Field::Only(_) => format!("{} {ONLY}", list(&names)),
        Field::Best(_) if names.len() > 1 => format!("{} (no clear winner)", list(&names)),
        Field::Best(_) => list(&names),
    }
}

/// Where each way is cheaper than all others that keep the bound, and where it is the only one, in how many fields of
/// how many.
fn sentence(modes: &[Mode<'_>]) -> String {
    if modes.is_empty() {
        return "No valid trial of a poll stands beside one of a push.".to_owned();
    }
    let mut told = Vec::new();
    for mode in modes {
        for CostMap { caption, fields } in &mode.maps {
            let fields: Vec<&Field> = fields.iter().flatten().collect();
            let count = |is_so: &dyn Fn(&Field) -> bool| fields.iter().filter(|found| is_so(found)).count();
            let mut each = Vec::new();
            for (place, family) in mode.families.iter().enumerate() {
                let here = |found: &Field| matches!(found.ways(), [(only, ..)] if *only == place);
                let only = count(&|found: &Field| matches!(found, Field::Only(_)) && here(found));
                let won = count(&here) - only;
                each.extend((won > 0).then(|| format!("{} in {won}", family.name)));
                each.extend((only > 0).then(|| format!("{} in {only} as the only one that keeps it", family.name)));
            }
            each.push(format!("tied in {}", count(&|found: &Field| found.ways().len() > 1)));
            each.push(format!("none in {}", count(&|found: &Field| *found == Field::None)));
            let unknown = count(&|found: &Field| *found == Field::Unknown);
            each.extend((unknown > 0).then(|| format!("not measured in {unknown}")));
            told.push(format!("{}, {caption}: of {} fields {}", mode.delivery.name(), fields.len(), list(&each)));
        }
    }
    format!("{}.", told.join("; "))
}

fn table(sweep: &Sweep<'_>, modes: &[Mode<'_>]) -> DataTable {
    let row = |asked: &Asked<'_>| {
        let ways = asked.field.ways().iter();
        let costs = ways.map(|(_, arm, cost)| format!("{} {}", asked.cell.arms[*arm].arm, number(*cost)));
        let costs: Vec<String> = costs.collect();
        vec![
            asked.mode.delivery.name().to_owned(),
            asked.caption.to_owned(),
            number(asked.rate_per_s),
            asked.bound.to_owned(),
            named(asked.field, asked.mode),
            if costs.is_empty() { NOTHING.to_owned() } else { costs.join(", ") },
        ]
    };
    let columns = ["delivery", "cost", "quotes/s", "at most stale", "cheapest", "arms and what they cost"]
        .map(str::to_owned)
        .to_vec();
    DataTable { columns, rows: each(sweep, modes).iter().map(row).collect() }
}

#[cfg(test)]
mod tests;
