//! `report.html`: one file, nothing from the network. It begins with the answer.

use std::collections::BTreeSet;

use wirerace_contract::results::{Standing, Trial};

use crate::charts::render::escape;
use crate::charts::style::{self, LIGHT, dark_of};
use crate::charts::{Chart, ChartError, DataTable};
use crate::summary::words::{NOTHING, conditions, effect, interval, number, unparted};
use crate::summary::{CellSummary, Comparison, Quantity, Reading, Summary};

use super::{QUICK, capacity, environment, method, self_test, set_aside, table, thoughts, verdict};

const CSS: &str = include_str!("report.css");

/// The file. `charts` holds the charts of each cell with their file names (without extension).
///
/// # Errors
/// When a chart cannot be drawn.
pub fn report(summary: &Summary, trials: &[Trial], charts: &[Vec<(String, Chart)>]) -> Result<String, ChartError> {
    let mut body = head(summary);
    for (cell, charts) in summary.cells.iter().zip(charts) {
        body.push_str(&cell_section(summary, cell, charts)?);
    }
    if let Some(rows) = capacity::table(summary) {
        body.push_str("<section>\n<h2>How many clients each carries</h2>\n");
        body.push_str(&format!("{}<p>{}</p>\n</section>\n", html_table(&rows, ""), prose(capacity::SENTENCE)));
    }
    body.push_str(&method_section(summary));
    body.push_str(&format!("<section>\n<h2>Caveats</h2>\n{}</section>\n", bullets(&method::caveats(summary))));
    body.push_str("<section>\n<h2>Environment</h2>\n<dl>\n");
    for (what, value) in environment(summary) {
        body.push_str(&format!("<dt>{}</dt><dd>{}</dd>\n", escape(&what), prose(&value)));
    }
    body.push_str("</dl>\n</section>\n<section>\n<h2>All trials</h2>\n");
    body.push_str("<p>As they stand in <code>trials.jsonl</code>, used or not.</p>\n");
    body.push_str(&folded("Show the raw table", &raw(trials), "words"));
    body.push_str("</section>\n");
    let title = escape(&summary.question);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{CSS}{}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        dark_rules(&body)
    ))
}

/// Charts are drawn in the light theme; a style sheet outweighs the colours written on their elements, so one rule a
/// colour makes them dark, and printing stays light.
fn dark_rules(body: &str) -> String {
    let mut rules = BTreeSet::new();
    for attribute in ["fill", "stroke"] {
        for (at, found) in body.match_indices(&format!("{attribute}=\"#")) {
            let Some(colour) = body.get(at + found.len() - 1..at + found.len() + 6) else { continue };
            let dark = style::hex(dark_of(style::parse(colour)));
            if dark != colour {
                rules.insert(format!("  svg.chart [{attribute}=\"{colour}\"] {{ {attribute}: {dark}; }}\n"));
            }
        }
    }
    let rules: String = rules.into_iter().collect();
    format!("@media screen and (prefers-color-scheme: dark) {{\n{rules}}}\n")
}

/// Text for people, escaped; no line ends between a number and its unit, and `what is typed` looks so.
fn prose(text: &str) -> String {
    let text = escape(&unparted(text));
    let parts: Vec<&str> = text.split('`').collect();
    // An odd mark out would begin what never ends.
    if parts.len().is_multiple_of(2) {
        return text;
    }
    let part = |(i, part): (usize, &&str)| if i % 2 == 0 { (*part).to_owned() } else { format!("<code>{part}</code>") };
    parts.iter().enumerate().map(part).collect()
}

fn head(summary: &Summary) -> String {
    let mut text = format!("<header>\n<h1>{}</h1>\n", prose(&summary.question));
    let commit = summary.commit.as_ref().map(|c| format!(", commit {}", escape(c))).unwrap_or_default();
    text.push_str(&format!(
        "<p class=\"meta\">wirerace {}{commit} · experiment {} · {} · seed {} · blocks planned: {}</p>\n",
        escape(&summary.software),
        escape(&summary.experiment),
        escape(&summary.started_utc),
        summary.seed,
        summary.blocks_planned
    ));
    if summary.quick {
        text.push_str(&format!("<p class=\"warning\">{QUICK}</p>\n"));
    }
    let thoughts = thoughts(summary);
    if !thoughts.is_empty() {
        let item = |(what, value): &(&str, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(what), prose(value));
        text.push_str(&format!("<dl class=\"thoughts\">\n{}</dl>\n", thoughts.iter().map(item).collect::<String>()));
    }
    text.push_str("</header>\n");
    for warning in &summary.warnings {
        text.push_str(&format!("<p class=\"warning\">{}</p>\n", prose(warning)));
    }
    if !super::any_valid(summary) {
        text.push_str("<p class=\"warning\">No trial of this run may be used; the reasons stand below.</p>\n");
    }
    text
}

fn cell_section(summary: &Summary, cell: &CellSummary, charts: &[(String, Chart)]) -> Result<String, ChartError> {
    let conditions = conditions(summary, cell);
    let mut text = format!("<section>\n<h2>{}</h2>\n<div class=\"answer\">\n", escape(&cell.name));
    for sentence in verdict::cell(summary, cell) {
        text.push_str(&format!("<p>{}</p>\n", prose(&sentence)));
    }
    text.push_str(&format!("</div>\n<h3>Comparison</h3>\n{}", html_table(&table::turned(cell), "")));
    text.push_str(&format!(
        "<p class=\"conditions\">{} {}.</p>\n",
        prose("Medians over trials, with intervals of at least 95 % where there are six trials."),
        prose(&conditions)
    ));
    text.push_str(&folded("Every pair of arms: differences and ratios", &pairs(cell), "words"));
    let theory = table::theory(cell);
    if !theory.rows.is_empty() {
        let table = format!("<p>{}</p>\n{}", prose(table::THEORY), html_table(&theory, "words"));
        text.push_str(&details("Theory beside measurement", &table));
    }
    for (id, chart) in charts {
        text.push_str(&figure(id, chart, &conditions)?);
    }
    let aside = set_aside(cell);
    if !aside.rows.is_empty() {
        text.push_str(&format!("<h3>Trials that were not used</h3>\n{}", html_table(&aside, "words")));
    }
    text.push_str("</section>\n");
    Ok(text)
}

fn figure(id: &str, chart: &Chart, conditions: &str) -> Result<String, ChartError> {
    Ok(format!(
        "<figure>\n<h3>{}</h3>\n<p>{}</p>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">\n{}</div>\n\
         <figcaption>{}.</figcaption>\n{}</figure>\n",
        prose(&chart.title),
        prose(&chart.sentence),
        escape(&format!("Chart: {}", chart.title)),
        chart.svg_below_heading(&LIGHT, id, conditions)?,
        prose(conditions),
        folded("Show the numbers", &chart.table, ""),
    ))
}

fn method_section(summary: &Summary) -> String {
    let mut sentences = method::sentences(summary);
    sentences.push(self_test::sentence(summary));
    let mut text = format!("<section>\n<h2>Method in short</h2>\n{}", bullets(&sentences));
    if let Some(rows) = self_test::table(summary) {
        let left_out =
            self_test::left_out(summary).map(|told| format!("<p>{}</p>\n", prose(&told))).unwrap_or_default();
        text.push_str(&format!("<h3>The self-test</h3>\n{}{left_out}", html_table(&rows, "words")));
    }
    text + "</section>\n"
}

fn bullets(sentences: &[String]) -> String {
    let items: String = sentences.iter().map(|s| format!("<li>{}</li>\n", prose(s))).collect();
    format!("<ul>\n{items}</ul>\n")
}

fn folded(title: &str, table: &DataTable, class: &str) -> String {
    details(title, &html_table(table, class))
}

fn details(title: &str, inner: &str) -> String {
    format!("<details>\n<summary>{}</summary>\n{inner}</details>\n", escape(title))
}

fn html_table(table: &DataTable, class: &str) -> String {
    let heads: String = table.columns.iter().map(|c| format!("<th scope=\"col\">{}</th>", escape(c))).collect();
    let row = |row: &Vec<String>| {
        let cells: String = row.iter().map(|c| format!("<td>{}</td>", prose(c))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table class=\"{class}\">\n\
         <thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}

fn pairs(cell: &CellSummary) -> DataTable {
    let row = |c: &Comparison| {
        let write = |value: f64| effect(c.quantity, c.scale, value);
        let estimate = c.estimate.map_or(NOTHING.to_owned(), |e| write(e.get()));
        let bounds = c.interval.as_ref().map_or(NOTHING.to_owned(), |i| interval(i, write));
        vec![
            c.quantity.title().to_owned(),
            format!("{} against {}", c.left, c.right),
            estimate,
            bounds,
            c.n.to_string(),
            c.outcome.words().to_owned(),
        ]
    };
    // What neither has (orders, where nobody orders) takes no line.
    let compared = cell.comparisons.iter().filter(|c| c.n > 0);
    let columns = ["quantity", "arms", "difference or ratio", "interval", "blocks", "outcome"];
    DataTable { columns: columns.map(str::to_owned).to_vec(), rows: compared.map(row).collect() }
}

/// What the raw table shows of each trial.
const RAW: [Quantity; 6] = [
    Quantity::LatenessP50,
    Quantity::LatenessP99,
    Quantity::PacketBytes,
    Quantity::Requests,
    Quantity::MachineCpu,
    Quantity::Lost,
];

fn raw(trials: &[Trial]) -> DataTable {
    let row = |trial: &Trial| {
        let standing = match trial.standing {
            Standing::Valid => "valid",
            Standing::Tainted => "tainted",
            Standing::Void => "void",
        };
        let place = format!("{}.{}.{}", trial.block, trial.attempt, trial.position);
        let mut row = vec![trial.cell.clone(), place, trial.arm.name.clone(), standing.to_owned()];
        row.extend(RAW.iter().map(|quantity| {
            let value = trial.measured.as_ref().and_then(|m| quantity.of(trial, m)).and_then(Reading::new);
            value.map_or(NOTHING.to_owned(), |v| number(v.get()))
        }));
        row.push(trial.reasons.join("; "));
        row
    };
    let mut columns =
        vec!["cell", "block.attempt.position", "arm", "standing"].into_iter().map(str::to_owned).collect::<Vec<_>>();
    columns.extend(RAW.iter().map(|q| format!("{} ({})", q.title(), q.unit())));
    columns.push("reasons".to_owned());
    DataTable { columns, rows: trials.iter().map(row).collect() }
}
