//! `report.md`: the answer, the tables and the conditions, to paste into an issue or an article.

use crate::charts::{Chart, DataTable, absent, sweep};
use crate::summary::words::conditions;
use crate::summary::{CellSummary, Summary};

use super::claims::Told;
use super::html::Page;
use super::{QUICK, READING, Section, Thought, answer, claims, method, self_test, thoughts, verdict};

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

/// The file: the same as the page, without the numbers behind pictures that have many, and the table of all trials.
#[must_use]
pub fn report(page: &Page<'_>) -> String {
    let summary = page.summary;
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
    text.push_str(&opening(page));
    text.push_str(&claims_section(summary));
    if summary.cells.len() > 1 {
        text.push_str(&across(page));
    }
    for (number, (cell, charts)) in summary.cells.iter().zip(page.charts).enumerate() {
        text.push_str(&cell_section(summary, number, (cell, charts)));
    }
    if summary.cells.len() < 2 {
        text.push_str(&across(page));
    }
    text.extend(absent(summary).iter().map(|sentence| format!("{}\n\n", inline(sentence))));
    page.sections.iter().for_each(|more| text.push_str(&further(more)));
    text.push_str("## Method\n\n");
    text.push_str(&bullets(&method::sentences(summary)));
    text.push_str(&bullets(&[self_test::sentence(summary)]));
    if let Some(rows) = self_test::table(summary) {
        text.push_str(&format!("\n{}\n{}\n", table(&rows), inline(self_test::READING)));
        text.extend(self_test::left_out(summary).map(|told| format!("\n{}\n", inline(&told))));
    }
    text.push_str(&format!("\n## Environment\n\n{}", environment(summary)));
    text.push_str(&format!("\n## Caveats\n\n{}", bullets(&method::caveats(summary))));
    text
}

/// The pictures over all cells; after a single one, which they add nothing to from elsewhere.
fn across(page: &Page<'_>) -> String {
    if page.across.is_empty() {
        return String::new();
    }
    let conditions = sweep::conditions(page.summary);
    // What a section says again with its table takes no place twice.
    let is_told = |chart: &Chart| page.sections.iter().any(|section| section.table.as_ref() == Some(&chart.table));
    let below = |chart: &Chart| if is_told(chart) { String::new() } else { numbers(chart) };
    let pictures: String = page.across.iter().map(|chart| picture(chart, &conditions) + &below(&chart.1)).collect();
    format!("## {}\n\n{pictures}", super::across(page.summary))
}

/// The answer, what was expected, and what is wrong with the run.
fn opening(page: &Page<'_>) -> String {
    let summary = page.summary;
    let answer = answer::answer(summary, page.across);
    let mut text: String = answer.went_wrong.iter().map(|told| format!("> {}\n\n", inline(told))).collect();
    for said in &answer.said {
        text.push_str(&format!("**{}** {}\n\n", inline(said.about), inline(&said.text)));
    }
    if !answer.sure.is_empty() {
        text.push_str(&format!("{}\n\n", inline(&answer.sure)));
    }
    text.extend(summary.warnings.iter().map(|warning| format!("> {}\n\n", inline(warning))));
    if !answer.standings.rows.is_empty() {
        text.push_str(&format!("{}\n{}\n\n", table(&answer.standings), inline(answer::LEGEND)));
    }
    let thought = |Thought { head, text, links }: Thought| {
        let text = inline(&text);
        let text = if links { text.replace(READING, &format!("[{READING}]({READING})")) } else { text };
        format!("**{head}:** {text}\n\n")
    };
    text.extend(thoughts(summary, page.reading).into_iter().map(thought));
    text
}

fn claims_section(summary: &Summary) -> String {
    let rows = match claims::told(summary) {
        Told::Nothing => return String::new(),
        Told::TooEarly { why, claims } => {
            return format!("## Claims\n\n{}\n\n{}\n", inline(&why), table(&claims));
        }
        Told::Decided(rows) => rows,
    };
    let row = |row: &claims::Row| {
        let again = match row.again.as_str() {
            "" => String::new(),
            again => format!(" Again: `{}`.", again.replace('`', "'")),
        };
        let (claim, tutorials) = (inline(row.claim), inline(&row.tutorials));
        let condition = format!("{}{}", row.joint(), inline(&row.condition));
        format!("- {}. “{claim}” ({tutorials}): **{}**{condition}.{again}\n", row.number, row.verdict)
    };
    format!("## Claims\n\n{}\n\n{}\n", inline(claims::READ), rows.iter().map(row).collect::<String>())
}

fn cell_section(summary: &Summary, number: usize, (cell, charts): (&CellSummary, &[(String, Chart)])) -> String {
    let conditions = conditions(summary, cell);
    let mut text = format!("## {}\n\n", inline(&cell.name));
    // Of a single cell the answer has said this.
    let sentences = if summary.cells.len() > 1 { verdict::cell(summary, cell) } else { Vec::new() };
    text.extend(sentences.iter().map(|sentence| format!("{}\n\n", inline(sentence))));
    text.push_str(&format!("{}\n", table(&super::table::narrow(cell))));
    text.push_str(&format!("Medians, [intervals of at least 95 %]. {}.\n\n", inline(&conditions)));
    // Once is enough: heads of rows mean the same in every cell.
    if number == 0 {
        text.push_str(&folded(super::meanings::HEADING, &bullets(&super::meanings::meanings(summary))));
    }
    text.push_str(&pairs(summary, cell));
    let theory = super::table::theory(cell);
    if !theory.rows.is_empty() {
        let sentences = inline(super::table::THEORY);
        text.push_str(&format!("Theory beside measurement. {sentences}\n\n{}\n", table(&theory)));
        text.extend(super::table::unrehearsed(summary).map(|told| format!("{told}\n\n")));
    }
    if let Some(rows) = super::targets::table(summary, cell) {
        text.push_str(&format!("What theory is held to:\n\n{}\n", table(&rows)));
    }
    text.extend(charts.iter().map(|chart| picture(chart, &conditions) + &numbers(&chart.1)));
    text + &set_aside(cell)
}

/// With what it says and what it was measured under: no figure goes without its conditions.
fn picture((file, chart): &(String, Chart), conditions: &str) -> String {
    let [title, sentence, conditions] = [chart.title.as_str(), chart.sentence.as_str(), conditions].map(inline);
    format!("![{title}](charts/{file}.svg)\n\n{sentence}\n\n{conditions}.\n\n")
}

/// Rows of a picture's numbers beyond which the text has none: nobody reads so many in it, and the page has them.
const NUMBERS_MAX: usize = 8;

/// The numbers behind a picture, for those who cannot see it or want to quote one, where they are few.
fn numbers(chart: &Chart) -> String {
    let few = (1..=NUMBERS_MAX).contains(&chart.table.rows.len());
    if few { folded("The numbers of this picture", &table(&chart.table)) } else { String::new() }
}

/// What a reader may open, where text can be folded.
fn folded(heading: &str, inner: &str) -> String {
    format!("<details><summary>{heading}</summary>\n\n{inner}\n</details>\n\n")
}

/// Comparisons of a run beyond which the text has none: nobody reads so many in it.
const PAIRS_MAX: usize = 5_000;

/// Every pair of arms, folded where text can be.
fn pairs(summary: &Summary, cell: &CellSummary) -> String {
    let rows = super::table::pairs(summary, cell);
    if rows.rows.is_empty() {
        return String::new();
    }
    let heading = "Every pair of arms: differences and ratios";
    if summary.cells.iter().map(|cell| cell.comparisons.len()).sum::<usize>() > PAIRS_MAX {
        return format!("{heading}: in `summary.json`, since they are too many for this text.\n\n");
    }
    folded(heading, &table(&rows))
}

fn further(section: &Section) -> String {
    let mut text = format!("## {}\n\n", inline(&section.heading));
    text.extend(section.sentences.iter().map(|sentence| format!("{}\n\n", inline(sentence))));
    text.extend(section.table.iter().map(|rows| format!("{}\n", table(rows))));
    text
}

/// The machine and its settings, without which nobody could repeat a figure that is quoted from here.
fn environment(summary: &Summary) -> String {
    let columns = ["what", "on this machine"].map(str::to_owned).to_vec();
    let rows = super::environment(summary).into_iter().map(|(what, value)| vec![what, value]).collect();
    table(&DataTable { columns, rows })
}

fn bullets(sentences: &[String]) -> String {
    sentences.iter().map(|sentence| format!("- {}\n", inline(sentence))).collect()
}

fn set_aside(cell: &CellSummary) -> String {
    let rows = super::set_aside(cell);
    if rows.rows.is_empty() {
        String::new()
    } else {
        format!("Trials that were not used, or not for all:\n\n{}\n", table(&rows))
    }
}
