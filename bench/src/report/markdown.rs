//! `report.md`: the answer, the tables and the conditions, to paste into an issue or an article.

use crate::charts::{Chart, DataTable};
use crate::summary::Summary;
use crate::summary::words::conditions;

use super::{QUICK, method, self_test, thoughts, verdict};

/// Text that cannot break out of a line, a table or into markup.
pub(crate) fn inline(text: &str) -> String {
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
pub(crate) fn table(table: &DataTable) -> String {
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
    if summary.quick {
        text.push_str(&format!("> {QUICK}\n\n"));
    }
    for (what, value) in thoughts(summary) {
        text.push_str(&format!("**{what}:** {}\n\n", inline(&value)));
    }
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
        let theory = super::table::theory(cell);
        if !theory.rows.is_empty() {
            let sentences = inline(super::table::THEORY);
            text.push_str(&format!("Theory beside measurement. {sentences}\n\n{}\n", table(&theory)));
        }
        for (file, chart) in charts {
            text.push_str(&format!("![{}](charts/{file}.svg)\n\n", inline(&chart.title)));
            text.push_str(&format!("{}\n\n", inline(&chart.sentence)));
        }
        text.push_str(&set_aside(cell));
    }
    if let Some(rows) = super::capacity::table(summary) {
        let sentence = inline(super::capacity::SENTENCE);
        text.push_str(&format!("## How many clients each carries\n\n{}\n{sentence}\n\n", table(&rows)));
    }
    text.push_str("## Method\n\n");
    text.push_str(&bullets(&method::sentences(summary)));
    text.push_str(&bullets(&[self_test::sentence(summary)]));
    if let Some(rows) = self_test::table(summary) {
        text.push_str(&format!("\n{}", table(&rows)));
        text.extend(self_test::left_out(summary).map(|told| format!("\n{}\n", inline(&told))));
    }
    text.push_str(&format!("\n## Caveats\n\n{}", bullets(&method::caveats(summary))));
    text
}

fn bullets(sentences: &[String]) -> String {
    sentences.iter().map(|sentence| format!("- {}\n", inline(sentence))).collect()
}

fn set_aside(cell: &crate::summary::CellSummary) -> String {
    let rows = super::set_aside(cell);
    if rows.rows.is_empty() { String::new() } else { format!("Trials that were not used:\n\n{}\n", table(&rows)) }
}
