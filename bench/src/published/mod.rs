//! Published comparisons again: what was printed, what follows from it by arithmetic, and what was measured here.
//!
//! Each file is one publication. Figures that were printed are constants; what is derived is computed from them, so that
//! every step can be read; what was measured comes from runs, and is left out with the command that makes it where there
//! is none.

pub mod delft;
pub mod kaazing;
pub mod rfc6202;

use crate::charts::DataTable;
use crate::claims::Evidence;
use crate::report::table::Format;

/// A table with what has to be said about it.
#[derive(Clone, PartialEq, Debug)]
pub struct Published {
    /// Its title.
    pub title: String,
    /// Source, conditions, and what is missing.
    pub notes: Vec<String>,
    /// The figures.
    pub table: DataTable,
}

/// All of them.
#[must_use]
pub fn tables(evidence: &Evidence) -> Vec<Published> {
    [kaazing::tables(evidence), rfc6202::tables(evidence), delft::tables(evidence)].into_iter().flatten().collect()
}

/// As Markdown, to stand in a report or an article.
#[must_use]
pub fn markdown(tables: &[Published]) -> String {
    let one = |published: &Published| {
        let notes: Vec<String> = published.notes.iter().map(|note| crate::report::markdown::inline(note)).collect();
        format!(
            "## {}\n\n{}\n{}\n\n",
            crate::report::markdown::inline(&published.title),
            crate::report::markdown::table(&published.table),
            notes.join("\n\n")
        )
    };
    tables.iter().map(one).collect()
}

/// As `format` wants them.
#[must_use]
pub fn print(tables: &[Published], format: Format) -> String {
    let csv = |cells: &[String]| crate::report::csv::line(cells.iter().map(String::as_str));
    match format {
        Format::Text => tables
            .iter()
            .map(|p| format!("{}\n{}{}\n", p.title, crate::report::table::aligned(&p.table), p.notes.join("\n") + "\n"))
            .collect(),
        Format::Markdown => markdown(tables),
        Format::Csv => {
            let rows = tables.iter().flat_map(|p| {
                let titled = |row: &Vec<String>| {
                    let cells: Vec<String> = std::iter::once(p.title.clone()).chain(row.iter().cloned()).collect();
                    csv(&cells)
                };
                let head: Vec<String> = std::iter::once("table".to_owned()).chain(p.table.columns.clone()).collect();
                std::iter::once(csv(&head)).chain(p.table.rows.iter().map(titled)).collect::<Vec<_>>()
            });
            rows.collect()
        }
        Format::Json => {
            let value = |p: &Published| serde_json::json!({ "title": p.title, "notes": p.notes, "columns": p.table.columns, "rows": p.table.rows });
            serde_json::to_string_pretty(&tables.iter().map(value).collect::<Vec<_>>()).unwrap_or_default()
        }
    }
}

/// A table of these columns.
fn data<const N: usize>(columns: [&str; N], rows: Vec<[String; N]>) -> DataTable {
    DataTable { columns: columns.map(str::to_owned).to_vec(), rows: rows.into_iter().map(|row| row.to_vec()).collect() }
}

/// Measured against expected, in percent: `+1.2 %`.
fn error_percent(measured: Option<f64>, expected: f64) -> String {
    match measured {
        Some(measured) if expected != 0.0 => format!("{:+.1} %", 100.0 * (measured / expected - 1.0)),
        _ => crate::summary::words::NOTHING.to_owned(),
    }
}

/// A figure that may be missing.
fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| crate::summary::words::NOTHING.to_owned(), crate::summary::words::number)
}

/// The sentence where a run is missing.
fn no_data(experiments: &str) -> String {
    format!("Nothing measured: no data. Run `wirerace run {experiments}`.")
}
