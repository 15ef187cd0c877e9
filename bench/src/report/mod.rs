//! The report of a run: reads its directory, writes tables, charts, Markdown and HTML beside it. The same files in,
//! the same bytes out.

mod answer;
pub mod capacity;
mod claims;
pub mod csv;
#[cfg(test)]
pub(crate) mod fixture;
pub mod html;
pub mod markdown;
mod meanings;
mod method;
mod pictures;
mod ranked;
pub mod read;
mod self_test;
mod stale;
mod steps;
pub mod table;
pub mod targets;
pub mod verdict;

use std::path::{Path, PathBuf};

use thiserror::Error;
use wirerace_contract::results::{Calibration, REHEARSED_SHARES, Rehearsal, RehearsedQuotes};

use crate::charts::{Chart, ChartError, DataTable, KINDS, RUN_KINDS, sweep};
use crate::summary::words::{conditions, count};
use crate::summary::{CellSummary, SetAside, Summary, summarise, words};
use pictures::Wanted;
pub(crate) use ranked::is_of_delivered;
pub use read::{ReadError, Run, read};

/// Width of the PNG files, pixels: wide enough for a printed column.
pub const PNG_WIDTH_PX: u32 = 1_600;

/// Where the files of a report are.
#[derive(Clone, PartialEq, Debug)]
pub struct ReportPaths {
    /// The page.
    pub html: PathBuf,
    /// The text.
    pub markdown: PathBuf,
    /// The tidy table.
    pub csv: PathBuf,
    /// Everything, for programs.
    pub json: PathBuf,
    /// The charts, SVG and PNG.
    pub charts: Vec<PathBuf>,
    /// What they say; its warnings are worth printing.
    pub summary: Summary,
}

/// A report that could not be made. What was already measured is untouched.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The run cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A chart cannot be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The summary has no JSON.
    #[error("the summary cannot be written as JSON ({0}); please report this")]
    Json(#[from] serde_json::Error),
    /// A file cannot be written.
    #[error("{} cannot be written ({reason}): check the disk's space and your permissions, then run `wirerace report` again", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
}

/// Reads the run in `directory` and writes `summary.csv`, `summary.json`, `report.md`, `report.html` and `charts/`
/// into it.
///
/// # Errors
/// When the run cannot be read, or a file cannot be drawn or written.
pub fn write_all(directory: &Path) -> Result<ReportPaths, ReportError> {
    write_all_to(directory, directory)
}

/// The same, from the run that was named (a folder, or a file that holds a run) into the folder `directory`, which is made.
///
/// # Errors
/// As [`write_all`].
pub fn write_all_to(named: &Path, directory: &Path) -> Result<ReportPaths, ReportError> {
    write_sized(named, directory, PNG_WIDTH_PX)
}

fn write_sized(named: &Path, directory: &Path, png_width_px: u32) -> Result<ReportPaths, ReportError> {
    let run = read(named)?;
    let summary = summarise(&run.manifest, &run.trials, &run.warnings);
    let (charts, (of_run, sections)) = draw_cells(&summary, || (draw_run(&summary), sections(&summary)));
    // A link must lead somewhere from where the report stands, which need not be the run's own folder.
    let reading = directory.join(READING).is_file();
    let page = html::Page {
        summary: &summary,
        trials: &run.trials,
        charts: &charts,
        across: &of_run,
        sections: &sections,
        reading,
    };
    let put = |name: &str, bytes: &[u8]| -> Result<PathBuf, ReportError> {
        let file = directory.join(name);
        std::fs::write(&file, bytes).map_err(|reason| ReportError::Write { file: file.clone(), reason })?;
        Ok(file)
    };
    let folder = directory.join("charts");
    std::fs::create_dir_all(&folder).map_err(|reason| ReportError::Write { file: folder.clone(), reason })?;
    let wanted = wanted(&page);
    let (drawn, texts) = pictures::draw(&wanted, png_width_px, || Texts::of(&page));
    let (drawn, texts) = (drawn?, texts?);
    let json = put("summary.json", texts.json.as_bytes())?;
    let csv = put("summary.csv", texts.csv.as_bytes())?;
    let markdown = put("report.md", texts.markdown.as_bytes())?;
    let mut files = Vec::new();
    for (Wanted { name, .. }, drawn) in wanted.iter().zip(drawn) {
        files.push(put(&format!("charts/{name}.svg"), drawn.svg.as_bytes())?);
        files.push(put(&format!("charts/{name}.png"), &drawn.png)?);
    }
    stale::remove(&folder, &files).map_err(|(file, reason)| ReportError::Write { file, reason })?;
    let html = put("report.html", texts.html.as_bytes())?;
    Ok(ReportPaths { html, markdown, csv, json, charts: files, summary })
}

/// The files of a report that are text.
struct Texts {
    json: String,
    csv: String,
    markdown: String,
    html: String,
}

impl Texts {
    fn of(page: &html::Page<'_>) -> Result<Self, ReportError> {
        let json = serde_json::to_string_pretty(page.summary)? + "\n";
        let (csv, markdown) = (csv::summary(page.summary), markdown::report(page));
        Ok(Self { json, csv, markdown, html: html::report(page)? })
    }
}

/// Every picture of a page that gets files of its own, in their order.
fn wanted<'a>(page: &html::Page<'a>) -> Vec<Wanted<'a>> {
    let summary = page.summary;
    let of_cell = |(cell, charts): (&CellSummary, &'a Vec<(String, Chart)>)| {
        let conditions = conditions(summary, cell);
        charts.iter().map(move |(name, chart)| Wanted { name, chart, conditions: conditions.clone() })
    };
    let of_run = page.across.iter().map(|(name, chart)| Wanted { name, chart, conditions: sweep::conditions(summary) });
    summary.cells.iter().zip(page.charts).flat_map(of_cell).chain(of_run).collect()
}

/// What a report says about a whole run beside its answer, claims and charts: a heading, sentences, and perhaps a table.
#[derive(Clone, PartialEq, Debug)]
pub struct Section {
    /// The heading.
    pub heading: String,
    /// Each a paragraph of its own.
    pub sentences: Vec<String>,
    /// Stands after them.
    pub table: Option<DataTable>,
}

/// The sections that a run has, in their order.
fn sections(summary: &Summary) -> Vec<Section> {
    let capacity = capacity::table(summary).map(|rows| Section {
        heading: "How many clients each carries".to_owned(),
        sentences: vec![capacity::SENTENCE.to_owned()],
        table: Some(rows),
    });
    let steps = steps::table(summary).map(|rows| Section {
        heading: steps::TITLE.to_owned(),
        sentences: std::iter::once(steps::SENTENCE.to_owned()).chain(steps::sentences(summary)).collect(),
        table: Some(rows),
    });
    capacity.into_iter().chain(steps).chain(advice(summary)).collect()
}

/// What a run says to somebody who has to choose, and how far its model is off.
fn advice(summary: &Summary) -> Vec<Section> {
    let Some(advice) = crate::advise::section::section(summary) else { return Vec::new() };
    let held_out = (!advice.held_out.rows.is_empty()).then(|| Section {
        heading: "The model at sizes that it was not fitted to".to_owned(),
        sentences: Vec::new(),
        table: Some(advice.held_out),
    });
    let first = Section { heading: advice.title.to_owned(), sentences: advice.sentences, table: Some(advice.table) };
    std::iter::once(first).chain(held_out).collect()
}

/// Every chart of every cell, with its file's name; cells are numbered where there are several. Does `meanwhile` on the
/// caller's own thread.
fn draw_cells<M>(summary: &Summary, meanwhile: impl FnOnce() -> M) -> (Vec<Vec<(String, Chart)>>, M) {
    let several = summary.cells.len() > 1;
    let of_cell = |(i, cell): &(usize, &CellSummary)| -> Vec<(String, Chart)> {
        let name = |kind: &str| if several { format!("{kind}-{}", i + 1) } else { kind.to_owned() };
        let there = KINDS.iter().filter(|kind| (kind.has)(cell));
        there.map(|kind| (name(kind.name), kind.draw(summary, cell))).collect()
    };
    let cells: Vec<(usize, &CellSummary)> = summary.cells.iter().enumerate().collect();
    pictures::share(&cells, of_cell, meanwhile)
}

#[cfg(test)]
fn draw(summary: &Summary) -> Vec<Vec<(String, Chart)>> {
    draw_cells(summary, || ()).0
}

/// What stands above the charts over a whole run.
fn across(summary: &Summary) -> &'static str {
    if summary.cells.len() > 1 { "All cells together" } else { "All arms together" }
}

/// Every chart over the whole run that it has something for.
fn draw_run(summary: &Summary) -> Vec<(String, Chart)> {
    RUN_KINDS.iter().filter_map(|kind| Some((kind.name.to_owned(), kind.draw(summary)?))).collect()
}

/// Stands at the head of a quick run's report.
const QUICK: &str =
    "A quick look: fewer cells and blocks, shorter windows. It shows that the experiment works, and decides nothing.";

/// Name of the file in which somebody may write what came of a run.
const READING: &str = "READING.md";

/// Something that was thought about a run.
struct Thought {
    head: &'static str,
    text: String,
    /// Whether the file that the text names stands there and is to be linked.
    links: bool,
}

/// What was thought before the run, and what it is for, where there is any. `reading`: whether [`READING`] stands beside
/// the report.
fn thoughts(summary: &Summary, reading: bool) -> Vec<Thought> {
    let claims: Vec<String> = summary.claims.iter().map(u32::to_string).collect();
    let claims =
        if claims.is_empty() { String::new() } else { format!("{} of `wirerace claims`", words::list(&claims)) };
    let expected = !summary.prediction.is_empty() || !summary.change_our_mind.is_empty();
    let judged = match (expected, reading) {
        (false, _) => String::new(),
        (true, true) => format!("What came of it is read in {READING}."),
        (true, false) => "Compare with the answer above; no program judged it.".to_owned(),
    };
    let several = if summary.claims.len() == 1 { "Helps to decide claim" } else { "Helps to decide claims" };
    let all = [
        ("Prediction, before the run", summary.prediction.clone(), false),
        ("What would change our mind", summary.change_our_mind.clone(), false),
        ("Did it come so", judged, reading),
        (several, claims, false),
    ];
    let told = all.into_iter().filter(|(_, text, _)| !text.is_empty());
    told.map(|(head, text, links)| Thought { head, text, links }).collect()
}

fn environment(summary: &Summary) -> Vec<(String, String)> {
    let e = &summary.environment;
    let or = |text: Option<String>, otherwise: &str| text.unwrap_or_else(|| otherwise.to_owned());
    let rows = [
        ("system", e.system.clone()),
        ("processor", format!("{} × {}", e.cpus, e.processor)),
        ("memory", format!("{} MiB", count(e.memory_bytes >> 20))),
        ("virtual machine monitor", or(e.hypervisor.clone(), "none seen")),
        ("pinning", or(e.pinning.as_ref().map(|p| format!("server {}, load {}", p.server_cpu, p.load_cpu)), "none")),
        ("feed's scheduler slice", or(e.feed_slice_us.map(|us| format!("{us} µs")), "not offered")),
        ("congestion control", e.congestion_control.clone()),
        (
            "TCP_MAXSEG",
            if e.max_segment_bytes == 0 { "the path's own".to_owned() } else { e.max_segment_bytes.to_string() },
        ),
        ("open files, at most", count(e.descriptors_max)),
        ("compiler", format!("{}{}", e.toolchain, if e.optimised { ", optimised" } else { ", not optimised" })),
        ("libraries", e.crates.join(", ")),
    ];
    let calibrated = summary.calibration.iter().flat_map(calibration).map(|(what, value)| (what.to_owned(), value));
    let paths = summary.calibration.iter().flat_map(|c| [("on one host", c.loopback), ("over the link", c.link)]);
    let rehearsed = paths.filter_map(|(on, rehearsal)| Some(rehearsal_rows(on, &rehearsal?))).flatten();
    let rows = rows.into_iter().map(|(what, value)| (what.to_owned(), value));
    rows.chain(calibrated).chain(rehearsed).collect()
}

/// What the machine could do at best just before the run.
fn calibration(c: &Calibration) -> [(&'static str, String); 9] {
    let ns = |ns: u64| words::duration(ns as f64 / 1e6);
    let both = |p50, p99| format!("median {}, 99th percentile {}", ns(p50), ns(p99));
    [
        ("calibration: timer error", both(c.timer_error_p50_ns, c.timer_error_p99_ns)),
        ("calibration: TCP ping-pong", both(c.ping_pong_p50_ns, c.ping_pong_p99_ns)),
        ("calibration: feed → one socket → reader", both(c.chain_p50_ns, c.chain_p99_ns)),
        ("calibration: one write of 122 bytes", ns(c.write_ns)),
        ("calibration: recording one arrival", ns(c.recorder_ns)),
        ("calibration: one poll, asked to answered", ns(c.exchange_ns)),
        ("calibration: of it after the server has the request", ns(c.answer_ns)),
        ("calibration: one more poll at the same instant", ns(c.occupancy_ns)),
        ("calibration: one more held request to answer", ns(c.held_answer_ns)),
    ]
}

/// What quotes took beside distance in a rehearsal, which theory takes as given: to be held against the bare chain.
fn rehearsal_rows(on: &str, rehearsal: &Rehearsal) -> Vec<(String, String)> {
    let ns = |ns: u64| words::duration(ns as f64 / 1e6);
    let at = |quotes: &RehearsedQuotes, share: f64| {
        let place = REHEARSED_SHARES.iter().position(|rehearsed| *rehearsed >= share);
        ns(place.map_or(0, |place| quotes.first_ns[place]))
    };
    let row = |(way, quotes): (&str, &RehearsedQuotes)| {
        let told = format!(
            "median {}, 90th percentile {}, 99th {}; each further client {}",
            at(quotes, 0.5),
            at(quotes, 0.9),
            at(quotes, 0.99),
            ns(quotes.further_ns)
        );
        (format!("rehearsal {on}: {way}, due to received less the distance"), told)
    };
    let mut rows: Vec<(String, String)> =
        [("pushed quotes", &rehearsal.pushed), ("quotes that find a request held", &rehearsal.held)].map(row).into();
    if rehearsal.disturbed {
        let told = "the machine was disturbed each time it was tried: theory knows its times less well";
        rows.push((format!("rehearsal {on}"), told.to_owned()));
    }
    rows
}

/// Every trial of a cell that is not used, or not for all, with reasons.
fn set_aside(cell: &CellSummary) -> DataTable {
    let row = |arm: &str, trial: &SetAside, standing: String| {
        let reasons = trial.reasons.join("; ");
        vec![arm.to_owned(), trial.block.to_string(), trial.attempt.to_string(), standing, reasons]
    };
    let standing = |trial: &SetAside| format!("{:?}", trial.standing).to_lowercase();
    let rows = cell.arms.iter().flat_map(|arm| {
        let aside = arm.set_aside.iter().map(|trial| row(&arm.arm, trial, standing(trial)));
        aside.chain(arm.counts_only.iter().map(|trial| row(&arm.arm, trial, "tainted, its counts are used".to_owned())))
    });
    let columns = ["arm", "block", "attempt", "standing", "reasons"].map(str::to_owned).to_vec();
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests;
