//! The comparison table: one row per arm, medians with their intervals; for terminals, Markdown and CSV.

use crate::charts::DataTable;
use crate::summary::words::{count, estimate};
use crate::summary::{ArmSummary, CellSummary, Quantity, Summary};

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Columns aligned with spaces, for a terminal.
    Text,
    /// A Markdown table per cell.
    Markdown,
    /// The same rows with commas, after a column that names the cell.
    Csv,
    /// Not a table: the whole summary, for programs.
    Json,
}

/// The columns: what is shown, under which head.
const COLUMNS: [(Quantity, &str); 13] = [
    (Quantity::LatenessP50, "late p50 ms"),
    (Quantity::LatenessP99, "late p99 ms"),
    (Quantity::StalenessMean, "stale ms"),
    (Quantity::WrongPrice, "wrong price %"),
    (Quantity::PacketBytes, "B/quote"),
    (Quantity::ApplicationBytes, "B/quote above TCP"),
    (Quantity::SteadyPacketBytes, "B/quote steady"),
    (Quantity::Connections, "conns/100 quotes"),
    (Quantity::Requests, "reqs/100 quotes"),
    (Quantity::EmptyPolls, "empty polls %"),
    (Quantity::OwnCpu, "CPU µs/quote"),
    (Quantity::ServerCpu, "of it server µs"),
    (Quantity::PublisherLatenessP99, "publisher p99 ms"),
];

/// The table of one cell, as text.
#[must_use]
pub fn rows(cell: &CellSummary) -> DataTable {
    let mut columns = vec!["arm".to_owned(), "n".to_owned()];
    columns.extend(COLUMNS.iter().map(|(_, head)| (*head).to_owned()));
    columns.push("lost".to_owned());
    // What hardly ever happens takes no room until it does.
    let rare: Vec<(Quantity, &str)> =
        RARE.into_iter().filter(|(q, _)| cell.arms.iter().any(|arm| arm.total(*q).is_some_and(|n| n > 0.0))).collect();
    columns.extend(rare.iter().map(|(_, head)| (*head).to_owned()));
    DataTable { columns, rows: cell.arms.iter().map(|arm| row(arm, &rare)).collect() }
}

/// Columns that stand only where an arm has any of it.
const RARE: [(Quantity, &str); 2] =
    [(Quantity::Refused, "clients refused"), (Quantity::GaveUp, "clients that gave up")];

fn row(arm: &ArmSummary, rare: &[(Quantity, &str)]) -> Vec<String> {
    let mut row = vec![arm.arm.clone(), trials(arm)];
    row.extend(COLUMNS.iter().map(|(quantity, _)| estimate(arm.estimate(*quantity))));
    row.push(total(arm, Quantity::Lost));
    row.extend(rare.iter().map(|(quantity, _)| total(arm, *quantity)));
    row
}

/// The same on its side: a line per quantity, a column per arm. Arms are few, quantities many, screens narrow.
#[must_use]
pub fn turned(cell: &CellSummary) -> DataTable {
    let table = rows(cell);
    let mut lines = table.columns.iter().enumerate().map(|(i, head)| {
        let line: Vec<String> =
            std::iter::once(head).chain(table.rows.iter().filter_map(|row| row.get(i))).cloned().collect();
        line
    });
    let columns = lines.next().unwrap_or_default();
    // What no arm has (polls where nobody polls, the machine's CPU where arms share it) takes no line.
    let told = |line: &Vec<String>| line.iter().skip(1).any(|cell| cell != crate::summary::words::NOTHING);
    DataTable { columns, rows: lines.filter(told).collect() }
}

/// Valid trials, and those set aside where there are any: `5 (1 void)`.
fn trials(arm: &ArmSummary) -> String {
    let aside: Vec<String> = [(arm.tainted, "tainted"), (arm.void, "void")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    if aside.is_empty() { arm.valid.to_string() } else { format!("{} ({})", arm.valid, aside.join(", ")) }
}

/// Of all valid trials together.
fn total(arm: &ArmSummary, quantity: Quantity) -> String {
    arm.total(quantity).map_or_else(|| crate::summary::words::NOTHING.to_owned(), |total| count(total as u64))
}

/// The comparison table of every cell.
#[must_use]
pub fn table(summary: &Summary, format: Format) -> String {
    if format == Format::Json {
        // A summary holds no map and no number that JSON lacks, so this cannot fail.
        return serde_json::to_string_pretty(summary).unwrap_or_default();
    }
    let mut text = String::new();
    for (i, cell) in summary.cells.iter().enumerate() {
        let table = rows(cell);
        match format {
            Format::Csv => {
                if i == 0 {
                    text.push_str(&super::csv::line(std::iter::once("cell").chain(strs(&table.columns))));
                }
                for row in &table.rows {
                    text.push_str(&super::csv::line(std::iter::once(cell.name.as_str()).chain(strs(row))));
                }
            }
            Format::Markdown => {
                text.push_str(&format!(
                    "### {}\n\n{}\n",
                    super::markdown::inline(&cell.name),
                    super::markdown::table(&table)
                ));
            }
            Format::Text | Format::Json => {
                text.push_str(&format!("{}\n{}\n", printable(&cell.name), aligned(&turned(cell))))
            }
        }
    }
    text
}

fn strs(cells: &[String]) -> impl Iterator<Item = &str> {
    cells.iter().map(String::as_str)
}

/// Control characters could steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Columns aligned with spaces.
fn aligned(table: &DataTable) -> String {
    let printed = |line: &Vec<String>| line.iter().map(|cell| printable(cell)).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = std::iter::once(&table.columns).chain(&table.rows).map(printed).collect();
    let width =
        |column: usize| lines.iter().filter_map(|l| l.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (cell, width))| {
                let space = " ".repeat(width - cell.chars().count());
                if i == 0 { format!("{cell}{space}") } else { format!("{space}{cell}") }
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::summarise;

    fn summary() -> Summary {
        let (manifest, trials) = fixture::run();
        summarise(&manifest, &trials, &[])
    }

    #[test]
    fn the_terminal_table() {
        let text = table(&summary(), Format::Text);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].split_whitespace().eq(["arm", "poll-close", "poll", "long-poll", "sse", "ws"]), "{text}");
        assert!(
            lines[2].split_whitespace().eq(["n", "6", "6", "5", "(1", "void)", "6", "(1", "tainted)", "6"]),
            "{text}"
        );
        assert!(lines.iter().any(|l| l.starts_with("B/quote") && l.contains('[')), "{text}");
        assert!(lines.iter().any(|l| l.starts_with("empty polls %") && l.trim_end().ends_with('–')), "{text}");
        // Columns are aligned: every line ends at the same place.
        let ends: Vec<usize> = lines[1..lines.len() - 1].iter().map(|l| l.chars().count()).collect();
        assert!(ends.windows(2).all(|w| w[0] == w[1]), "{ends:?}");
    }

    #[test]
    fn markdown_and_csv_hold_every_arm() {
        let markdown = table(&summary(), Format::Markdown);
        assert_eq!(markdown.lines().filter(|l| l.starts_with('|')).count(), 2 + 5);
        let csv = table(&summary(), Format::Csv);
        assert_eq!(csv.lines().count(), 1 + 5);
        assert!(csv.lines().nth(1).unwrap().starts_with("\"10 clients, 10 quotes/s\",poll-close,6,"), "{csv}");
    }

    #[test]
    fn refused_clients_have_a_column_where_there_are_any() {
        let (manifest, mut trials) = fixture::run();
        assert!(!table(&summary(), Format::Csv).contains("clients refused"));
        for trial in trials.iter_mut().filter(|t| t.arm.name == "sse") {
            let Some(measured) = &mut trial.measured else { continue };
            (measured.client.clients, measured.client.clients_refused) = (10, 2);
        }
        let csv = table(&summarise(&manifest, &trials, &[]), Format::Csv);
        let last: Vec<&str> = csv.lines().filter_map(|line| line.rsplit(',').next()).collect();
        assert_eq!(
            last,
            ["clients refused", "–", "–", "–", "12", "–"],
            "two in each of six trials; older files do not tell"
        );
    }

    #[test]
    fn json_is_the_whole_summary() {
        let text = table(&summary(), Format::Json);
        assert!(serde_json::from_str::<Summary>(&text).unwrap() == summary());
    }

    #[test]
    fn an_empty_run_has_a_table_too() {
        let empty = summarise(&fixture::run().0, &[], &[]);
        let text = table(&empty, Format::Text);
        assert!(text.contains("poll-close") && text.contains("n             0"), "{text}");
        assert!(!text.contains("empty polls %"), "what nobody has takes no line: {text}");
    }
}
