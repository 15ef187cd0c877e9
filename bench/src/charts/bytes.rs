//! How many bytes, and where do they go? One bar per arm: what each delivered quote took on the wire, by layer.

use super::axis::linear_ticks;
use super::canvas::{Anchor, At, Canvas, NOTE, TEXT, Type, text_width};
use super::percentiles::merged;
use super::style::Ink;
use super::{
    Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, name, names_width, nothing, open, orders_note, over_grid,
    tick_x,
};
use crate::summary::words::{NOTHING, list, number};
use crate::summary::{ArmSummary, CellSummary, PooledBytes, Quantity, Summary};

pub(super) const NAME: &str = "bytes";

/// A layer's name, its fill, the colour of text on it, and which way it is hatched.
struct Look {
    title: &'static str,
    fill: Ink,
    on_fill: Ink,
    /// Slopes of the hatching: +1 and −1.
    hatch: &'static [f64],
}

const LOOKS: [Look; 6] = [
    Look { title: "payload", fill: Ink::Fixed(2), on_fill: Ink::Fixed(0), hatch: &[] },
    Look { title: "framing", fill: Ink::Fixed(3), on_fill: Ink::Fixed(1), hatch: &[] },
    Look { title: "HTTP heads", fill: Ink::Fixed(4), on_fill: Ink::Fixed(1), hatch: &[1.0] },
    Look { title: "TCP/IP heads of data segments", fill: Ink::Fixed(5), on_fill: Ink::Fixed(1), hatch: &[] },
    Look { title: "segments without data", fill: Ink::Fixed(6), on_fill: Ink::Fixed(1), hatch: &[-1.0] },
    Look { title: "sent again and options", fill: Ink::Fixed(7), on_fill: Ink::Fixed(1), hatch: &[1.0, -1.0] },
];

/// The layers of a cell: without the last where nothing was sent again.
fn looks(cell: &CellSummary) -> &'static [Look] {
    let any = cell.arms.iter().any(|arm| arm.bytes.and_then(|bytes| bytes.sent_again).is_some_and(|bytes| bytes > 0.0));
    if any { &LOOKS } else { &LOOKS[..LOOKS.len() - 1] }
}

const ROW: f64 = 38.0;
const BAR: f64 = 24.0;

pub(super) fn draw(summary: &Summary, cell: &CellSummary) -> Chart {
    let (arms, mut notes) = arms(summary, cell);
    let (arms, none): (Vec<_>, Vec<_>) = arms.into_iter().partition(|(arm, _)| arm.bytes.is_some());
    for (arm, _) in none {
        notes.push(format!("Not drawn: {}, no quote was delivered.", arm.arm));
    }
    if arms.iter().any(|(arm, _)| arm.bytes.is_some_and(|b| b.tcp_ip_data.or(b.tcp_ip_bare).is_none())) {
        notes.push("TCP/IP heads and segments without data: not measured on this system where absent.".to_owned());
    }
    notes.push("Both directions, set-up included, pooled over the valid trials.".to_owned());
    let both = |(arm, _): &Styled<'_>| {
        let bytes = arm.bytes?;
        let quantity = if bytes.tcp_ip_data.is_some() { Quantity::PacketBytes } else { Quantity::ApplicationBytes };
        Some((arm.arm.clone(), total(&bytes), arm.median(quantity)?))
    };
    notes.extend(merged("Bytes per quote", arms.iter().filter_map(both), number));
    notes.extend(set_up(&arms));
    notes.extend(orders_note(cell, ORDERS));
    let title = "Where do the bytes go?";
    let (mut canvas, top) = open(title, "Bytes per delivered quote, by layer", cell);
    let mut bottom = top + 60.0;
    if arms.is_empty() {
        nothing(&mut canvas, top, "no valid trial delivered a quote");
    } else {
        let looks = looks(cell);
        if looks.len() == LOOKS.len() {
            notes.push(SENT_AGAIN.to_owned());
        }
        let top = legend(&mut canvas, top, looks);
        bottom = top + ROW * arms.len() as f64;
        bars(&mut canvas, &arms, looks, (top, bottom));
    }
    close(&mut canvas, bottom + 36.0, &notes);
    Chart { kind: NAME, title: title.to_owned(), sentence: sentence(&arms), notes, table: table(cell), canvas }
}

const SENT_AGAIN: &str =
    "Sent again and options: what the link carried beyond the kernel's count, above all packets that were lost.";

/// Where the bytes of orders are; the ledger takes one head for each connection that is pushed over.
const ORDERS: &str = "their bytes are part of it, heads of orders that were posted beside a stream under framing";

/// How much of it is set-up, which a longer run spreads over more quotes.
fn set_up(arms: &[Styled<'_>]) -> Option<String> {
    let share = |(arm, _): &Styled<'_>| {
        let percent = arm.median(Quantity::SetUpShare).filter(|share| share.is_finite())?;
        Some(format!("{} {} %", arm.arm, number(percent)))
    };
    let each: Vec<String> = arms.iter().filter_map(share).collect();
    let what = "Set-up's part of it, spread over this run's quotes, right of the strokes above and below a bar";
    (!each.is_empty()).then(|| format!("{what}: {}.", list(&each)))
}

/// Bytes of set-up in a bar: its share in the median trial.
fn set_up_bytes(arm: &ArmSummary) -> Option<f64> {
    let percent = arm.median(Quantity::SetUpShare).filter(|share| share.is_finite())?;
    Some(percent / 100.0 * total(&arm.bytes?))
}

fn layers(bytes: &PooledBytes) -> [Option<f64>; 6] {
    let PooledBytes { payload, framing, heads, tcp_ip_data, tcp_ip_bare, sent_again, .. } = *bytes;
    [Some(payload), Some(framing), Some(heads), tcp_ip_data, tcp_ip_bare, sent_again]
}

fn total(bytes: &PooledBytes) -> f64 {
    layers(bytes).into_iter().flatten().sum()
}

fn legend(canvas: &mut Canvas, top: f64, looks: &[Look]) -> f64 {
    canvas.layer("legend", "");
    let (mut x, mut y) = (MARGIN, top + 8.0);
    for look in looks {
        let width = 20.0 + text_width(look.title, NOTE) + 16.0;
        if x + width > WIDTH - MARGIN && x > MARGIN {
            (x, y) = (MARGIN, y + 19.0);
        }
        fill(canvas, (x, y - 6.0), (x + 14.0, y + 6.0), look);
        canvas.text_centred((x + 20.0, y), look.title, NOTE);
        x += width;
    }
    y + 18.0
}

fn bars(canvas: &mut Canvas, arms: &[Styled<'_>], looks: &[Look], (top, bottom): (f64, f64)) {
    let longest = arms.iter().filter_map(|(arm, _)| Some(total(&arm.bytes?))).fold(1.0, f64::max);
    let (left, right) = (names_width(arms), WIDTH - MARGIN - text_width("12,345", TEXT) - 12.0);
    let ticks = linear_ticks(0.0, longest, 6);
    let end = ticks.last().copied().unwrap_or(longest);
    let x = |bytes: f64| left + bytes / end * (right - left);
    canvas.layer("axes", "");
    for bytes in ticks {
        tick_x(canvas, x(bytes), (top, bottom), &format!("{} B", number(bytes)));
    }
    for (i, styled) in arms.iter().enumerate() {
        let Some(bytes) = styled.0.bytes else { continue };
        let middle = top + ROW * (i as f64 + 0.5);
        canvas.layer("series", format!("{}: {}", styled.0.arm, described(&bytes, looks)));
        name(canvas, middle, styled);
        let mut from = 0.0;
        for (look, size) in looks.iter().zip(layers(&bytes)) {
            let Some(size) = size.filter(|s| *s > 0.0) else { continue };
            segment(canvas, (x(from), x(from + size)), middle, look, size);
            from += size;
        }
        if let Some(set_up) = set_up_bytes(styled.0) {
            // Outside the bar: set-up is a part of every layer, and hides none.
            let at = x((from - set_up).max(0.0));
            for side in [-1.0, 1.0] {
                let edge = middle + side * BAR / 2.0;
                canvas.line(&[(at, edge + side * 0.5), (at, edge + side * 5.0)], Ink::Text, 1.6, &[]);
            }
        }
        over_grid(canvas, (x(from) + 7.0, middle), &number(from), Type { bold: true, ..TEXT });
    }
}

fn segment(canvas: &mut Canvas, (left, right): (f64, f64), middle: f64, look: &Look, bytes: f64) {
    // A gap of half a unit keeps neighbours apart; a sliver is not gapped away.
    let gap = if right - left > 2.0 { 0.5 } else { 0.0 };
    fill(canvas, (left + gap, middle - BAR / 2.0), ((right - gap).max(left + 0.5), middle + BAR / 2.0), look);
    let (text, kind) = (number(bytes), Type { ink: look.on_fill, anchor: Anchor::Middle, ..NOTE });
    let width = text_width(&text, kind);
    if width + 6.0 < right - left {
        let centre = (left + right) / 2.0;
        if !look.hatch.is_empty() {
            canvas.rect(
                (centre - width / 2.0 - 2.0, middle - 7.0),
                (centre + width / 2.0 + 2.0, middle + 7.0),
                look.fill,
            );
        }
        canvas.text_centred((centre, middle), text, kind);
    }
}

fn fill(canvas: &mut Canvas, from: At, to: At, look: &Look) {
    canvas.rect(from, to, look.fill);
    for slope in look.hatch {
        hatch(canvas, from, to, *slope);
    }
}

/// Diagonal lines, cut at the edges of the rectangle.
fn hatch(canvas: &mut Canvas, (left, top): At, (right, bottom): At, slope: f64) {
    let height = bottom - top;
    let mut start = left - height + 3.0;
    while start < right {
        // Along the line x grows by as much as y does.
        let (enter, leave) = (start.max(left), (start + height).min(right));
        if leave > enter {
            let y = |x: f64| if slope > 0.0 { bottom - (x - start) } else { top + (x - start) };
            canvas.line(&[(enter, y(enter)), (leave, y(leave))], Ink::Fixed(1), 0.5, &[]);
        }
        start += 6.0;
    }
}

fn described(bytes: &PooledBytes, looks: &[Look]) -> String {
    let parts: Vec<String> = looks
        .iter()
        .zip(layers(bytes))
        .filter_map(|(look, size)| Some(format!("{} {}", look.title, number(size?))))
        .collect();
    format!("{} bytes ({})", number(total(bytes)), parts.join(", "))
}

fn sentence(arms: &[Styled<'_>]) -> String {
    let mut totals: Vec<(f64, &str)> =
        arms.iter().filter_map(|(arm, _)| Some((total(&arm.bytes?), arm.arm.as_str()))).collect();
    totals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let each: Vec<String> = totals.iter().map(|(bytes, arm)| format!("{arm} {}", number(*bytes))).collect();
    match each.as_slice() {
        [] => "No valid trial delivered a quote.".to_owned(),
        each => format!("Bytes per delivered quote, pooled over the valid trials, fewest first: {}.", list(each)),
    }
}

fn table(cell: &CellSummary) -> DataTable {
    let write = |size: Option<f64>| size.map_or(NOTHING.to_owned(), number);
    let looks = looks(cell);
    let rows = cell.arms.iter().map(|arm| {
        let mut row = vec![arm.arm.clone()];
        row.extend(arm.bytes.map_or([None; 6], |b| layers(&b)).map(write).into_iter().take(looks.len()));
        row.push(write(arm.bytes.map(|b| total(&b))));
        row.push(write(set_up_bytes(arm)));
        row
    });
    let mut columns = vec!["arm".to_owned()];
    columns.extend(looks.iter().map(|look| look.title.to_owned()));
    columns.extend(["total", "of it set-up"].map(str::to_owned));
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::summarise;

    #[test]
    fn where_one_bad_trial_moves_the_bar_a_note_says_so() {
        let (manifest, mut trials) = fixture::run();
        let notes = |trials: &[_]| {
            let summary = summarise(&manifest, trials, &[]);
            draw(&summary, &summary.cells[0]).notes.join(" ")
        };
        assert!(!notes(&trials).contains("All trials merged"), "{}", notes(&trials));
        let bad = trials.iter_mut().find(|trial| trial.arm.name == "ws").and_then(|trial| trial.measured.as_mut());
        let bad = bad.unwrap();
        // 600 bytes more for each of its quotes are 100 more for each of all six trials.
        bad.ledger.to_client.heads += 600 * bad.client.quotes.received;
        let told = "All trials merged; the table gives the median trial. Bytes per quote of ws: 32";
        assert!(notes(&trials).contains(told), "{}", notes(&trials));
    }
}
