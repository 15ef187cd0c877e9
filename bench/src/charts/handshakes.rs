//! How many connections and requests does it take? Two panels, counted apart, every trial a dot.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Connection;

use super::axis::linear_ticks;
use super::canvas::{Canvas, TEXT, Type, text_width};
use super::style::Ink;
use super::{
    Chart, DataTable, MARGIN, Styled, WIDTH, arms, close, name, names_width, nothing, open, orders_note, over_grid,
    ticks_x,
};
use crate::summary::words::{estimate, list, number};
use crate::summary::{ArmSummary, CellSummary, Quantity, Reading, Summary};

pub(super) const NAME: &str = "handshakes";

const PANELS: [(Quantity, &str); 2] =
    [(Quantity::Connections, "connections"), (Quantity::Requests, "HTTP requests, upgrades included")];
const ROW: f64 = 32.0;

pub(super) fn draw(summary: &Summary, cell: &CellSummary) -> Chart {
    let (arms, mut notes) = arms(summary, cell);
    let title = "How many connections and requests does it take?";
    let (mut canvas, top) = open(title, "Per 100 delivered quotes; dots are trials, bars their median", cell);
    let measured = |styled: &Styled<'_>| PANELS.iter().any(|(quantity, _)| !finite(styled, *quantity).is_empty());
    let bottom = top + 30.0 + ROW * arms.len().max(1) as f64;
    if arms.iter().any(measured) {
        let left = names_width(&arms);
        canvas.layer("names", "");
        for (i, styled) in arms.iter().enumerate() {
            name(&mut canvas, row(top, i), styled);
            if !measured(styled) {
                notes.push(format!("Not drawn: {}, no quote was delivered.", styled.0.arm));
            }
        }
        let width = (WIDTH - MARGIN - left - 40.0) / 2.0;
        for (panel, (quantity, caption)) in PANELS.iter().enumerate() {
            let left = left + panel as f64 * (width + 30.0);
            draw_panel(&mut canvas, &arms, (*quantity, caption), (left, left + width, top, bottom));
        }
    } else {
        nothing(&mut canvas, top, "no valid trial delivered a quote");
    }
    notes.extend(opened_once(summary, cell));
    notes.extend(orders_note(cell, "their connections and requests are counted too"));
    close(&mut canvas, bottom + 36.0, &notes);
    Chart { kind: NAME, title: title.to_owned(), sentence: sentence(&arms), notes, table: table(cell), canvas }
}

/// What a figure by quote does not say: what a client opens once is spread over the quotes of the run.
fn opened_once(summary: &Summary, cell: &CellSummary) -> Option<String> {
    let there = || cell.arms.iter().zip(&summary.arms).filter(|(arm, _)| arm.valid > 0);
    let kept: Vec<String> = there()
        .filter(|(_, entry)| entry.arm.connection == Connection::Kept)
        .filter_map(|(arm, _)| Some(format!("{} {}", arm.arm, number(arm.median(Quantity::ConnectionsPerClient)?))))
        .collect();
    if kept.is_empty() {
        return None;
    }
    let kept = format!(
        "A connection that is kept is opened once for each client, so a longer run shows fewer by quote; for each client \
         there were: {}.",
        list(&kept)
    );
    let upgrade = |arm: &ArmSummary| arm.median(Quantity::Upgrades).is_some_and(|upgrades| upgrades > 0.0);
    let pushed = there().filter(|(_, entry)| entry.descriptor.delivers == Delivers::Pushed);
    let named = |(arm, _): (&ArmSummary, &ArmEntry)| {
        if upgrade(arm) { format!("{} (an upgrade)", arm.arm) } else { arm.arm.clone() }
    };
    let pushed: Vec<String> = pushed.map(named).collect();
    let opens = format!(" Where quotes are pushed the request of a connection is what opens it: {}.", list(&pushed));
    Some(if pushed.is_empty() { kept } else { kept + &opens })
}

fn row(top: f64, i: usize) -> f64 {
    top + 30.0 + ROW * (i as f64 + 0.5)
}

fn finite((arm, _): &Styled<'_>, quantity: Quantity) -> Vec<f64> {
    let points = arm.estimate(quantity).map(|e| e.points.as_slice()).unwrap_or_default();
    points.iter().filter_map(|p| p.value.and_then(Reading::finite)).collect()
}

fn draw_panel(
    canvas: &mut Canvas,
    arms: &[Styled<'_>],
    (quantity, caption): (Quantity, &str),
    (left, right, top, bottom): (f64, f64, f64, f64),
) {
    let most = arms.iter().flat_map(|styled| finite(styled, quantity)).fold(0.0, f64::max);
    let most = if most > 0.0 { most } else { 1.0 };
    // Room for the figure that stands right of the largest.
    let inner = right - text_width("100.5", TEXT) - 12.0;
    let ticks = linear_ticks(0.0, most, 5);
    let end = ticks.last().copied().unwrap_or(most);
    let x = |value: f64| left + value / end * (inner - left);
    canvas.layer("axes", "");
    canvas.text((left, top + 14.0), caption, Type { bold: true, size: 12.0, ..TEXT });
    ticks_x(canvas, ticks.into_iter().map(|value| (x(value), number(value))), (top + 26.0, bottom), 2.0);
    for (i, styled) in arms.iter().enumerate() {
        let (values, y) = (finite(styled, quantity), row(top, i));
        let Some(median) = styled.0.estimate(quantity).and_then(|e| e.median?.finite()) else { continue };
        canvas.layer("series", format!("{}: {} {} per 100 quotes", styled.0.arm, number(median), quantity.title()));
        canvas.line(&[(x(median), y - 12.0), (x(median), y + 12.0)], Ink::Text, 1.6, &[]);
        for (trial, value) in values.iter().enumerate() {
            // Fixed places above and below the line instead of chance, so that equal trials can be counted.
            let shift = (trial as f64 - (values.len() - 1) as f64 / 2.0) * (16.0 / values.len() as f64);
            canvas.dot((x(*value), y + shift), 2.6, styled.1.ink, 0.85);
        }
        let beside = x(values.iter().copied().fold(median, f64::max)) + 8.0;
        over_grid(canvas, (beside, y), &number(median), TEXT);
    }
}

fn sentence(arms: &[Styled<'_>]) -> String {
    let part = |(quantity, word): (Quantity, &str)| {
        let each: Vec<String> =
            arms.iter().filter_map(|(arm, _)| Some(format!("{} {}", arm.arm, number(arm.median(quantity)?)))).collect();
        (!each.is_empty()).then(|| format!("{word}: {}", list(&each)))
    };
    let parts: Vec<String> = [(Quantity::Connections, "connections"), (Quantity::Requests, "requests")]
        .into_iter()
        .filter_map(part)
        .collect();
    match parts.as_slice() {
        [] => "No valid trial delivered a quote.".to_owned(),
        parts => format!("Per 100 delivered quotes (medians), {}.", parts.join("; ")),
    }
}

fn table(cell: &CellSummary) -> DataTable {
    let rows = cell.arms.iter().map(|arm| {
        let mut row = vec![arm.arm.clone()];
        let quantities = [Quantity::Connections, Quantity::Requests, Quantity::ConnectionsPerClient];
        row.extend(quantities.map(|quantity| estimate(arm.estimate(quantity))));
        row
    });
    let columns = ["arm", "connections per 100 quotes", "requests per 100 quotes", "connections a client"];
    let columns = columns.map(str::to_owned).to_vec();
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::summarise;
    use wirerace_contract::results::{Manifest, Standing, Trial};

    /// What is said of who opens what once.
    fn said(manifest: &Manifest, trials: &[Trial]) -> String {
        let summary = summarise(manifest, trials, &[]);
        let chart = draw(&summary, &summary.cells[0]);
        assert_eq!(chart.table.columns.last().map(String::as_str), Some("connections a client"));
        chart.notes.into_iter().find(|note| note.starts_with("A connection that is kept")).unwrap()
    }

    #[test]
    fn the_handshakes_say_what_is_opened_once() {
        let (manifest, mut trials) = fixture::run();
        let all = said(&manifest, &trials);
        assert!(all.contains("there were: poll 1, long-poll 1, sse 1 and ws 1."), "{all}");
        assert!(all.ends_with("what opens it: sse and ws."), "{all}");
        for measured in trials.iter_mut().filter(|t| t.arm.name == "ws").filter_map(|t| t.measured.as_mut()) {
            measured.server.closed.meter.upgrades = 10;
        }
        let upgraded = said(&manifest, &trials);
        assert!(upgraded.ends_with("what opens it: sse and ws (an upgrade)."), "{upgraded}");
    }

    #[test]
    fn who_has_no_valid_trial_opened_nothing() {
        let (manifest, mut trials) = fixture::run();
        for trial in trials.iter_mut().filter(|t| ["long-poll", "sse"].contains(&t.arm.name.as_str())) {
            (trial.standing, trial.measured) = (Standing::Void, None);
        }
        let some = said(&manifest, &trials);
        assert!(some.contains("there were: poll 1 and ws 1."), "{some}");
        assert!(some.ends_with("what opens it: ws."), "{some}");
    }
}
