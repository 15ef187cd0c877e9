//! The report of a run: reads its directory, writes tables, charts, Markdown and HTML beside it. The same files in,
//! the same bytes out.

pub mod csv;
#[cfg(test)]
pub(crate) mod fixture;
pub mod html;
pub mod markdown;
pub mod read;
pub mod table;
pub mod verdict;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::charts::style::LIGHT;
use crate::charts::{Chart, ChartError, DataTable, KINDS};
use crate::statistics::BLOCKS_MIN;
use crate::summary::words::{conditions, count};
use crate::summary::{CellSummary, Quantity, Summary, summarise, words};
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
    write_sized(directory, PNG_WIDTH_PX)
}

fn write_sized(directory: &Path, png_width_px: u32) -> Result<ReportPaths, ReportError> {
    let run = read(directory)?;
    let summary = summarise(&run.manifest, &run.trials, &run.warnings);
    let charts = draw(&summary);
    let put = |name: &str, bytes: &[u8]| -> Result<PathBuf, ReportError> {
        let file = directory.join(name);
        std::fs::write(&file, bytes).map_err(|reason| ReportError::Write { file: file.clone(), reason })?;
        Ok(file)
    };
    let folder = directory.join("charts");
    std::fs::create_dir_all(&folder).map_err(|reason| ReportError::Write { file: folder.clone(), reason })?;
    let mut json = serde_json::to_string_pretty(&summary)?;
    json.push('\n');
    let json = put("summary.json", json.as_bytes())?;
    let csv = put("summary.csv", csv::summary(&summary).as_bytes())?;
    let markdown = put("report.md", markdown::report(&summary, &charts).as_bytes())?;
    let mut files = Vec::new();
    for (cell, charts) in summary.cells.iter().zip(&charts) {
        for (name, chart) in charts {
            let svg = chart.svg(&LIGHT, name, &conditions(&summary, cell))?;
            files.push(put(&format!("charts/{name}.svg"), svg.as_bytes())?);
            files.push(put(&format!("charts/{name}.png"), &chart.png(&LIGHT, png_width_px)?)?);
        }
    }
    let html = put("report.html", html::report(&summary, &run.trials, &charts)?.as_bytes())?;
    Ok(ReportPaths { html, markdown, csv, json, charts: files, summary })
}

/// Every chart of every cell, with its file's name. Cells are numbered where there are several.
fn draw(summary: &Summary) -> Vec<Vec<(String, Chart)>> {
    let several = summary.cells.len() > 1;
    let of_cell = |(i, cell): (usize, &CellSummary)| {
        let name = |kind: &str| if several { format!("{kind}-{}", i + 1) } else { kind.to_owned() };
        KINDS.iter().map(|kind| (name(kind.name), (kind.draw)(summary, cell))).collect()
    };
    summary.cells.iter().enumerate().map(of_cell).collect()
}

fn any_valid(summary: &Summary) -> bool {
    summary.cells.iter().any(|cell| cell.arms.iter().any(|arm| arm.valid > 0))
}

/// How the numbers came about, in sentences.
fn method(summary: &Summary) -> Vec<String> {
    vec![
        "Each trial is one arm in one cell with a fresh server process and a fresh load process; a block holds every arm in every cell once, in random order.".to_owned(),
        "Lateness is received − due: it counts from the instant the feed's plan fixed, so that waiting is never left out. Lost quotes count as infinitely late.".to_owned(),
        "Excess staleness is how much older the newest quote a client holds is than what a reader with zero delay would hold, as an exact average over time.".to_owned(),
        "Bytes are counted at the socket, below all libraries, over the whole life of all connections: bytes per delivered quote include set-up; steady state is the same without it.".to_owned(),
        "CPU is that of the server and the load process together, since on loopback one side's system call runs the other's TCP input; the server's share stands beside it. The whole machine's, background included, is in the summary files.".to_owned(),
        format!("Medians over trials with order-statistic intervals of at least 95 %, from {BLOCKS_MIN} trials on; arms are compared within blocks, lateness and staleness as differences, all else as ratios. Percentile curves come from merged histograms; percentiles are never averaged."),
        "Two arms differ when the interval leaves out no difference, are equal when it holds no difference and lies within ± 3 % (CPU ± 10 %), and otherwise show no clear difference.".to_owned(),
        format!("Each block has quotes of its own: its feed's seed is the cell's plus the block's number less one; blocks planned: {}.", summary.blocks_planned),
    ]
}

/// What the numbers do not say.
fn caveats(summary: &Summary) -> Vec<String> {
    let mut caveats = vec![
        "Loopback has no distance, no loss and no shared link: latencies are those of software, and round trips cost next to nothing. Over a real network everything that needs a round trip becomes later.".to_owned(),
        "No TLS and HTTP/1.1 only: set-up over TLS takes more round trips and bytes.".to_owned(),
        "TCP/IP bytes are computed from segment counts with the heads of IPv4; how many segments without data there are depends on the kernel's delayed acknowledgements.".to_owned(),
        "One implementation of each transport, in Rust: other servers have other CPU and memory costs; bytes carry over, times may not.".to_owned(),
    ];
    if !summary.environment.optimised {
        caveats.push("Built without optimisation: CPU and lateness are worse than they need be.".to_owned());
    }
    if let Some(hypervisor) = &summary.environment.hypervisor {
        caveats.push(format!("A virtual machine ({hypervisor}): neighbours may disturb it; steal is watched, and tainted trials are set aside."));
    }
    let publisher = summary.cells.iter().flat_map(|c| &c.arms).filter_map(|a| a.median(Quantity::PublisherLatenessP99));
    let worst = publisher.fold(None, |worst: Option<f64>, p| Some(worst.map_or(p, |w| w.max(p))));
    if let Some(worst) = worst {
        caveats.push(format!(
            "The harness's own error: the publisher was late by up to {} at the 99th percentile (worst median over arms); it is part of every lateness.",
            words::duration(worst)
        ));
    }
    caveats
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
    rows.map(|(what, value)| (what.to_owned(), value)).to_vec()
}

/// Every trial of a cell that is not used, with reasons.
fn set_aside(cell: &CellSummary) -> DataTable {
    let rows = cell.arms.iter().flat_map(|arm| {
        arm.set_aside.iter().map(|trial| {
            vec![
                arm.arm.clone(),
                format!("{}", trial.block),
                format!("{}", trial.attempt),
                format!("{:?}", trial.standing).to_lowercase(),
                trial.reasons.join("; "),
            ]
        })
    });
    let columns = ["arm", "block", "attempt", "standing", "reasons"].map(str::to_owned).to_vec();
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests;
