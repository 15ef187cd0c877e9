//! Which should I use? The cheapest way for each rate of updates and each bound of staleness, one small map for each
//! delivery and each cost.

use wirerace_contract::spec::Delivery;

use super::canvas::{Anchor, Canvas, NOTE, TEXT, TICK, Type, text_width};
use super::family::{Family, families};
use super::style::{ArmStyle, Ink};
use super::sweep::{Sweep, along_rate};
use super::verdicts::{BOUNDS_MS, CLEAR, Cost, Field, costs, field, letters, undecidable};
use super::{Chart, DataTable, MARGIN, WIDTH, close, nothing, open_across};
use crate::summary::Summary;
use crate::summary::words::{list, number};

pub(super) const NAME: &str = "decision-map";

/// Height of one field.
const FIELD: f64 = 26.0;
/// Room left of a map, for its bounds.
const LEFT: f64 = 56.0;

/// One delivery's families with their letters.
struct Mode<'a> {
    delivery: Delivery,
    families: Vec<&'a Family>,
    letters: Vec<String>,
    maps: Vec<CostMap>,
}

/// The map of one cost.
struct CostMap {
    caption: &'static str,
    /// By cell, then by bound.
    fields: Vec<[Field; BOUNDS_MS.len()]>,
}

/// All fields of a delivery, once: picture, sentence and table are made of the same.
fn fields(sweep: &Sweep<'_>, families: &[&Family], (cost, caption): (Cost, &'static str)) -> CostMap {
    let of = |cell| BOUNDS_MS.map(|(bound_ms, _)| field(cell, families, cost, bound_ms));
    CostMap { caption, fields: sweep.all().map(of).collect() }
}

pub(super) fn draw(summary: &Summary) -> Option<Chart> {
    let sweep = along_rate(summary)?;
    let all = families(summary);
    let names: Vec<&str> = all.iter().map(|family| family.name.as_str()).collect();
    let (letters, costs) = (letters(&names), costs(summary));
    let mode = |delivery: Delivery| {
        let (families, letters): (Vec<&Family>, Vec<String>) =
            all.iter().zip(&letters).filter(|(f, _)| f.delivery == delivery).map(|(f, l)| (f, l.clone())).unzip();
        if families.len() < 2 {
            return None;
        }
        let maps = costs.iter().map(|cost| fields(&sweep, &families, *cost)).collect();
        Some(Mode { delivery, families, letters, maps })
    };
    let modes: Vec<Mode<'_>> = [Delivery::Newest, Delivery::Every].into_iter().filter_map(mode).collect();
    if modes.is_empty() {
        return None;
    }
    let title = "Which way is cheapest?";
    let subtitle = "By quotes per second, and by how stale the price may be 99 % of the time";
    let (mut canvas, top) = open_across(title, subtitle, &sweep.place(), sweep.all());
    let mut y = top;
    let any = sweep.cells.iter().any(|(_, cell)| cell.arms.iter().any(|arm| arm.valid > 0));
    if any {
        let named: Vec<(String, ArmStyle)> =
            all.iter().zip(&letters).map(|(f, letter)| (format!("{letter}  {}", f.name), f.style)).collect();
        y = key(&mut canvas, y, &named);
        for mode in &modes {
            y = maps(&mut canvas, y, &sweep, mode);
        }
    } else {
        nothing(&mut canvas, y, "no valid trial");
        y += 60.0;
    }
    let notes = notes(&sweep);
    close(&mut canvas, y, &notes);
    let (sentence, table) = (sentence(&modes), table(&sweep, &modes));
    Some(Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas })
}

fn notes(sweep: &Sweep<'_>) -> Vec<String> {
    let mut notes = vec![format!(
        "Each way with its cheapest interval that keeps the bound. Alone: cheaper than every other by more than {} % at the end \
         of the ratio's interval. Together: the cheapest and all that are not clearly dearer. Hatched: no way keeps the bound.",
        number(100.0 * CLEAR)
    )];
    let few: Vec<String> =
        sweep.cells.iter().filter(|(_, c)| undecidable(c)).map(|(_, cell)| cell.name.clone()).collect();
    if !few.is_empty() {
        notes.push(format!("Some arm has fewer than six valid trials, so nothing is clear there: {}.", list(&few)));
    }
    notes.extend(sweep.note());
    notes
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
    let heading = match mode.delivery {
        Delivery::Newest => "Only the newest quote is wanted, pushes conflated",
        Delivery::Every => "Every quote is wanted",
    };
    canvas.layer("heading", "");
    canvas.text((MARGIN, top + 16.0), heading, Type { bold: true, ..TEXT });
    let width = (WIDTH - 2.0 * MARGIN) / 2.0;
    let height = FIELD * BOUNDS_MS.len() as f64;
    let mut y = top + 44.0;
    for (i, one) in mode.maps.iter().enumerate() {
        let left = MARGIN + (i % 2) as f64 * width + LEFT;
        let area = [left, y, left + width - LEFT - 12.0, y + height];
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
    for (row, (_, words)) in BOUNDS_MS.iter().enumerate() {
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
        for (row, ((_, words), found)) in BOUNDS_MS.iter().zip(fields).enumerate() {
            let (x, y) = (left + step * column as f64, top + FIELD * row as f64);
            canvas.layer("series", format!("{} quotes/s, {words}: {}", number(*rate_per_s), named(found, mode)));
            draw_field(canvas, found, mode, [x + 1.0, y + 1.0, x + step - 1.0, y + FIELD - 1.0]);
        }
    }
}

fn draw_field(canvas: &mut Canvas, found: &Field, mode: &Mode<'_>, [left, top, right, bottom]: [f64; 4]) {
    let centre = ((left + right) / 2.0, (top + bottom) / 2.0);
    let text = match found {
        Field::None => {
            canvas.rect((left, top), (right, bottom), Ink::Grid);
            let mut x = left;
            while x + (bottom - top) < right {
                canvas.line(&[(x, bottom), (x + bottom - top, top)], Ink::Muted, 0.6, &[]);
                x += 9.0;
            }
            "none".to_owned()
        }
        Field::Unknown => {
            canvas.rect((left, top), (right, bottom), Ink::Grid);
            "not measured".to_owned()
        }
        Field::Best(tied) => {
            let width = (right - left) / tied.len() as f64;
            for (i, (place, ..)) in tied.iter().enumerate() {
                let from = left + i as f64 * width;
                canvas.rect((from, top), (from + width, bottom), mode.families[*place].style.ink);
            }
            tied.iter().map(|(place, ..)| mode.letters[*place].as_str()).collect::<Vec<_>>().join(" ")
        }
    };
    let kind = Type { bold: matches!(found, Field::Best(_)), anchor: Anchor::Middle, ..NOTE };
    // The letters stand on paper: on no colour would black and white both be readable.
    let half = text_width(&text, kind) / 2.0 + 4.0;
    canvas.rect((centre.0 - half, centre.1 - 8.5), (centre.0 + half, centre.1 + 8.5), Ink::Paper);
    canvas.text_centred(centre, text, Type { ink: Ink::Text, ..kind });
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
                for ((_, words), found) in BOUNDS_MS.into_iter().zip(fields) {
                    let costs = match found {
                        Field::Best(tied) => {
                            let each =
                                tied.iter().map(|(_, arm, cost)| format!("{} {}", cell.arms[*arm].arm, number(*cost)));
                            each.collect::<Vec<_>>().join(", ")
                        }
                        _ => crate::summary::words::NOTHING.to_owned(),
                    };
                    rows.push(vec![
                        mode.delivery.name().to_owned(),
                        (*caption).to_owned(),
                        number(*rate_per_s),
                        words.to_owned(),
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
