//! `report.md`: the answer, the tables and the conditions, to paste into an issue or an article.

use crate::charts::{Chart, DataTable};
use crate::summary::Summary;
use crate::summary::words::conditions;

use super::{caveats, method, verdict};

/// Text that cannot break out of a line, a table or into markup.
pub(super) fn inline(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => escaped.extend(['\\', c]),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A Markdown table.
pub(super) fn table(table: &DataTable) -> String {
    let line =
        |cells: &[String]| format!("| {} |\n", cells.iter().map(|cell| inline(cell)).collect::<Vec<_>>().join(" | "));
    let mut text = line(&table.columns);
    text.push_str(&format!("|{}\n", " --- |".repeat(table.columns.len())));
    table.rows.iter().for_each(|row| text.push_str(&line(row)));
    text
}

/// The file. `charts` holds the charts of each cell with their file names (without extension).
#[must_use]
pub fn report(summary: &Summary, charts: &[Vec<(String, Chart)>]) -> String {
    let mut text = format!("# {}\n\n", inline(&summary.question));
    text.push_str(&format!(
        "wirerace {}, experiment `{}`, {}, seed {}.\n\n",
        inline(&summary.software),
        summary.experiment.replace('`', "'"),
        inline(&summary.started_utc),
        summary.seed
    ));
    for warning in &summary.warnings {
        text.push_str(&format!("> {}\n\n", inline(warning)));
    }
    for (cell, charts) in summary.cells.iter().zip(charts) {
        text.push_str(&format!("## {}\n\n", inline(&cell.name)));
        for sentence in verdict::cell(summary, cell) {
            text.push_str(&format!("{}\n\n", inline(&sentence)));
        }
        text.push_str(&format!("{}\n", table(&super::table::rows(cell))));
        text.push_str(&format!("Medians, [intervals of at least 95 %]. {}.\n\n", inline(&conditions(summary, cell))));
        for (file, chart) in charts {
            text.push_str(&format!("![{}](charts/{file}.svg)\n\n", inline(&chart.title)));
            text.push_str(&format!("{}\n\n", inline(&chart.sentence)));
        }
        text.push_str(&set_aside(cell));
    }
    text.push_str("## Method\n\n");
    method(summary).iter().for_each(|sentence| text.push_str(&format!("- {}\n", inline(sentence))));
    text.push_str("\n## Caveats\n\n");
    caveats(summary).iter().for_each(|sentence| text.push_str(&format!("- {}\n", inline(sentence))));
    text
}

fn set_aside(cell: &crate::summary::CellSummary) -> String {
    let rows = super::set_aside(cell);
    if rows.rows.is_empty() { String::new() } else { format!("Trials that were not used:\n\n{}\n", table(&rows)) }
}
