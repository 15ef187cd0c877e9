//! `report.html`: one file, nothing from the network. It begins with the answer, and all of it can be read, heard, printed
//! and searched without a script; the script adds sorting, copying, downloads and a switch of colours.

mod claims;
mod figure;
mod opening;
mod parts;
mod tables;

use std::collections::BTreeSet;

use wirerace_contract::results::Trial;

use crate::charts::render::escape;
use crate::charts::style::{self, dark_of};
use crate::charts::{Chart, ChartError, absent, absent_across};
use crate::summary::words::{conditions, count};
use crate::summary::{CellSummary, Summary};

use super::{Section, environment, meanings, method, self_test, set_aside, table, targets, verdict};
use figure::{Budget, figure, tools};
use parts::{Listing, bullets, details, html_table, prose};

const CSS: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// Nothing may be fetched, by whatever text came to stand in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// What a report is made of.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// What the run says.
    pub summary: &'a Summary,
    /// Its trials, used or not.
    pub trials: &'a [Trial],
    /// The charts of each cell with their file names (without extension).
    pub charts: &'a [Vec<(String, Chart)>],
    /// Charts that span all cells, likewise.
    pub across: &'a [(String, Chart)],
    /// What else is said about the whole run, after the charts.
    pub sections: &'a [Section],
    /// Whether somebody's reading, `READING.md`, stands beside the report, which then leads there.
    pub reading: bool,
}

/// The file.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn report(page: &Page<'_>) -> Result<String, ChartError> {
    let summary = page.summary;
    let claims = claims::section(summary);
    let before = opening::answer(page) + &claims;
    let mut after: String = sections(page).enumerate().map(|(number, section)| further(number, section)).collect();
    after.push_str(&method_section(summary));
    after.push_str(&environment_section(summary));
    after.push_str(&format!(
        "<section id=\"caveats\">\n<h2>Caveats</h2>\n{}</section>\n",
        bullets(&method::caveats(summary))
    ));
    after.push_str(&tables::all_trials(page.trials));
    let header = opening::header(summary, &contents(page, !claims.is_empty()));
    let title = escape(&summary.question);
    let beside: usize = [CSS, SCRIPT, &header, &title, &before, &after].iter().map(|part| part.len()).sum();
    let main = format!("{before}{}{after}", fitted(page, beside)?);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{CSS}{}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#answer\">Skip to the answer</a>\n\
         {header}<main>\n{main}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        dark_rules(&main)
    ))
}

/// Bytes that a page may take.
const PAGE_MAX: usize = 3_000_000;
/// Bytes of it for what is written when all else is: the rules that make pictures dark, and the page's own marks.
const RESERVE: usize = 60_000;

/// The charts and tables, with as many pictures as there is room for when all the rest, of which so many bytes stand
/// `beside` them, is in the page.
fn fitted(page: &Page<'_>, beside: usize) -> Result<String, ChartError> {
    // First without any, to see what the tables take.
    let bare = results(page, Budget::for_pictures(0))?;
    let room = PAGE_MAX.saturating_sub(RESERVE + beside + bare.len());
    if room == 0 { Ok(bare) } else { results(page, Budget::for_pictures(room)) }
}

/// Charts are drawn in the light theme; a style sheet outweighs the colours written on their elements, so one rule a
/// colour makes them dark, where the system or the reader wants it, and printing stays light.
fn dark_rules(body: &str) -> String {
    let mut rules = BTreeSet::new();
    for attribute in ["fill", "stroke"] {
        for (at, found) in body.match_indices(&format!("{attribute}=\"#")) {
            let Some(colour) = body.get(at + found.len() - 1..at + found.len() + 6) else { continue };
            let dark = style::hex(dark_of(style::parse(colour)));
            if dark != colour {
                rules.insert(format!("svg.chart [{attribute}=\"{colour}\"] {{ {attribute}: {dark}; }}\n"));
            }
        }
    }
    let of = |scope: &str| rules.iter().map(|rule| format!("  {scope} {rule}")).collect::<String>();
    format!(
        "@media screen and (prefers-color-scheme: dark) {{\n{}}}\n@media screen {{\n{}}}\n",
        of(":root:not([data-theme=\"light\"])"),
        of(":root[data-theme=\"dark\"]")
    )
}

/// The sections of the page: without one whose table stands below a picture already.
fn sections<'a>(page: &Page<'a>) -> impl Iterator<Item = &'a Section> {
    let across = page.across;
    let drawn = move |section: &&Section| across.iter().any(|(_, chart)| section.table.as_ref() == Some(&chart.table));
    page.sections.iter().filter(move |section| !drawn(section))
}

/// Where what stands, as a list of links.
fn contents(page: &Page<'_>, claims: bool) -> String {
    let mut links = vec![("answer".to_owned(), "Answer".to_owned())];
    if claims {
        links.push(("claims".to_owned(), "Claims".to_owned()));
    }
    links.push(("results".to_owned(), "Charts and tables".to_owned()));
    links.extend(sections(page).enumerate().map(|(i, section)| (section_id(i), section.heading.clone())));
    let last = [("method", "Method"), ("environment", "Environment"), ("caveats", "Caveats"), ("trials", "All trials")];
    links.extend(last.map(|(id, name)| (id.to_owned(), name.to_owned())));
    parts::links("Contents", &links)
}

fn results(page: &Page<'_>, mut budget: Budget) -> Result<String, ChartError> {
    let summary = page.summary;
    let mut text = "<section id=\"results\">\n<h2>Charts and tables</h2>\n".to_owned();
    if summary.cells.len() > 1 {
        let link = |(i, cell): (usize, &CellSummary)| (cell_id(i), cell.name.clone());
        let links: Vec<_> = summary.cells.iter().enumerate().map(link).collect();
        text.push_str(&parts::links("Cells", &links));
    }
    for sentence in absent(summary) {
        text.push_str(&format!("<p>{}</p>\n", prose(&sentence)));
    }
    let across_cells = absent_across(page.across);
    if !across_cells.is_empty() {
        text.push_str(&details("Pictures that this run has nothing for", &bullets(&across_cells)));
    }
    if summary.cells.len() > 1 {
        text.push_str(&across(page, &mut budget)?);
    }
    for (number, (cell, charts)) in summary.cells.iter().zip(page.charts).enumerate() {
        text.push_str(&cell_section(summary, number, (cell, charts), &mut budget)?);
    }
    // Of a single cell nothing spans cells: what is drawn of its arms comes after it.
    if summary.cells.len() < 2 {
        text.push_str(&across(page, &mut budget)?);
    }
    Ok(text + "</section>\n")
}

/// The pictures over all cells.
fn across(page: &Page<'_>, budget: &mut Budget) -> Result<String, ChartError> {
    if page.across.is_empty() {
        return Ok(String::new());
    }
    let mut text = format!("<section id=\"across\">\n<h3>{}</h3>\n", super::across(page.summary));
    let conditions = crate::charts::sweep::conditions(page.summary);
    for (id, chart) in page.across {
        text.push_str(&figure(id, chart, &conditions, budget)?);
    }
    Ok(text + "</section>\n")
}

fn cell_id(number: usize) -> String {
    format!("cell-{}", number + 1)
}

fn section_id(number: usize) -> String {
    format!("more-{}", number + 1)
}

fn cell_section(
    summary: &Summary,
    number: usize,
    (cell, charts): (&CellSummary, &[(String, Chart)]),
    budget: &mut Budget,
) -> Result<String, ChartError> {
    let (conditions, several) = (conditions(summary, cell), summary.cells.len() > 1);
    let mut text = format!("<section id=\"{}\">\n<h3>{}</h3>\n", cell_id(number), prose(&cell.name));
    // Of a single cell the answer has said this.
    let sentences = if several { verdict::cell(summary, cell) } else { Vec::new() };
    for sentence in sentences {
        text.push_str(&format!("<p>{}</p>\n", prose(&sentence)));
    }
    let listing = Listing::new("Medians over the trials of each arm, with intervals").class("turned");
    text.push_str(&format!(
        "<figure>\n<h4>Comparison</h4>\n{}<figcaption>{} {}.</figcaption>\n{}</figure>\n",
        html_table(&table::turned(cell), &listing),
        prose("Medians over trials, with intervals of at least 95 % where there are six trials."),
        prose(&conditions),
        tools(&format!("Comparison, {}", cell.name), &format!("comparison-{}", number + 1), false),
    ));
    // Once is enough: heads of rows mean the same in every cell.
    if number == 0 {
        text.push_str(&details(meanings::HEADING, &bullets(&meanings::meanings(summary))));
    }
    text.push_str(&tables::pairs(summary, cell, budget));
    let theory = table::theory(cell);
    if !theory.rows.is_empty() {
        let listing = Listing::new("Theory beside measurement").class("words").sortable();
        let told = [Some(table::THEORY), table::unrehearsed(summary)].into_iter().flatten();
        let told: String = told.map(|text| format!("<p>{}</p>\n", prose(text))).collect();
        let table = format!("{told}{}", html_table(&theory, &listing));
        text.push_str(&details("Theory beside measurement", &table));
    }
    if let Some(rows) = targets::table(summary, cell) {
        let listing = Listing::new("What theory is held to").class("words").sortable();
        text.push_str(&format!("<h4>What theory is held to</h4>\n{}", html_table(&rows, &listing)));
    }
    let mut figures = String::new();
    for (id, chart) in charts {
        figures.push_str(&figure(id, chart, &conditions, budget)?);
    }
    // A page of a hundred pictures would be searched in vain for the next cell.
    if number > 0 && !charts.is_empty() {
        figures = details(&format!("Charts of this cell ({})", charts.len()), &figures);
    }
    Ok(text + &figures + &aside(cell) + "</section>\n")
}

/// Rows of trials set aside that stand open.
const ASIDE_OPEN_MAX: usize = 12;

/// The trials of a cell that are not used. Their number always stands open, the list where it is short.
fn aside(cell: &CellSummary) -> String {
    let aside = set_aside(cell);
    if aside.rows.is_empty() {
        return String::new();
    }
    let listing = Listing::new("Trials set aside, with reasons").class("words").sortable();
    let (n, table) = (count(aside.rows.len() as u64), html_table(&aside, &listing));
    let table = if aside.rows.len() > ASIDE_OPEN_MAX { details("Show them, with reasons", &table) } else { table };
    format!("<h4>Trials that were not used: {n}</h4>\n{table}")
}

/// A section that somebody else wrote.
fn further(number: usize, section: &Section) -> String {
    let mut text = format!("<section id=\"{}\">\n<h2>{}</h2>\n", section_id(number), prose(&section.heading));
    for sentence in &section.sentences {
        text.push_str(&format!("<p>{}</p>\n", prose(sentence)));
    }
    if let Some(table) = section.table.as_ref().filter(|table| !table.rows.is_empty()) {
        let name = format!("table-{}", section_id(number));
        text.push_str(&format!(
            "<figure>\n{}{}</figure>\n",
            html_table(table, &Listing::new(&section.heading).sortable()),
            tools(&section.heading, &name, false)
        ));
    }
    text + "</section>\n"
}

fn method_section(summary: &Summary) -> String {
    let mut sentences = method::sentences(summary);
    sentences.push(self_test::sentence(summary));
    let mut text = format!("<section id=\"method\">\n<h2>Method in short</h2>\n{}", bullets(&sentences));
    if let Some(rows) = self_test::table(summary) {
        let left_out =
            self_test::left_out(summary).map(|told| format!("<p>{}</p>\n", prose(&told))).unwrap_or_default();
        let reading = prose(self_test::READING);
        let listing = Listing::new("Whether the rules can tell: shares, with their targets").class("words").sortable();
        text.push_str(&format!("<h3>The self-test</h3>\n{}<p>{reading}</p>\n{left_out}", html_table(&rows, &listing)));
    }
    text + "</section>\n"
}

fn environment_section(summary: &Summary) -> String {
    let row = |(what, value): (String, String)| format!("<dt>{}</dt><dd>{}</dd>\n", escape(&what), prose(&value));
    let rows: String = environment(summary).into_iter().map(row).collect();
    format!("<section id=\"environment\">\n<h2>Environment</h2>\n<dl>\n{rows}</dl>\n</section>\n")
}

#[cfg(test)]
mod tests;
