//! What changed around two runs: program, machine, settings, and what the machine could do at best.

use serde::Serialize;
use wirerace_contract::results::{Calibration, Margins};

use super::TrialCounts;
use crate::summary::Summary;
use crate::summary::quantity::{MARGIN, MARGIN_CPU};
use crate::summary::words::{count, duration, number};

/// The calibration takes two seconds and wobbles by itself; what moved by less says nothing.
const CALIBRATION_MARGIN: f64 = 0.2;

/// Something that is not the same in both runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Changed {
    /// What.
    pub what: String,
    /// In the first run.
    pub a: String,
    /// In the second.
    pub b: String,
}

/// What is not the same, in the order of importance: program, machine, settings.
#[must_use]
pub fn changes(a: &Summary, b: &Summary) -> Vec<Changed> {
    let mut changed: Vec<Changed> = facts(a)
        .into_iter()
        .zip(facts(b))
        .filter(|((_, a), (_, b))| a != b)
        .map(|((what, a), (_, b))| Changed { what: what.to_owned(), a, b })
        .collect();
    changed.extend(libraries(&a.environment.crates, &b.environment.crates));
    if let (Some(a), Some(b)) = (&a.calibration, &b.calibration) {
        changed.extend(calibrations(a, b));
    }
    changed
}

/// Everything that is told of every run, under the same heads in the same order.
fn facts(summary: &Summary) -> Vec<(&'static str, String)> {
    let e = &summary.environment;
    let or = |text: Option<String>, otherwise: &str| text.unwrap_or_else(|| otherwise.to_owned());
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    vec![
        ("commit", or(summary.commit.clone(), "not told")),
        ("version of wirerace", summary.software.clone()),
        ("experiment", summary.experiment.clone()),
        ("quick", yes(summary.quick)),
        ("blocks", summary.blocks_planned.to_string()),
        ("trials over all cells", TrialCounts::of(summary).words()),
        ("margins of bytes and counts, lateness, CPU; those of A are used", margins(summary.margins)),
        ("seed", summary.seed.to_string()),
        ("compiler", e.toolchain.clone()),
        ("optimised", yes(e.optimised)),
        ("processor", e.processor.clone()),
        ("processors", e.cpus.to_string()),
        ("memory", format!("{} MiB", count(e.memory_bytes >> 20))),
        ("virtual machine monitor", or(e.hypervisor.clone(), "none seen")),
        ("system and kernel", e.system.clone()),
        ("pinning", or(e.pinning.as_ref().map(|p| format!("server {}, load {}", p.server_cpu, p.load_cpu)), "none")),
        ("feed's scheduler slice", or(e.feed_slice_us.map(|us| format!("{us} µs")), "not offered")),
        ("congestion control", e.congestion_control.clone()),
        ("TCP_MAXSEG", e.max_segment_bytes.to_string()),
        ("open files, at most", count(e.descriptors_max)),
        ("calibrated", yes(summary.calibration.is_some())),
    ]
}

/// What counts as no difference, the usual margins filled in.
fn margins(margins: Margins) -> String {
    [(margins.bytes, MARGIN), (margins.lateness, MARGIN), (margins.cpu, MARGIN_CPU)]
        .map(|(own, usual)| format!("{} %", number(100.0 * own.unwrap_or(usual))))
        .join(", ")
}

/// `name version`, by name: a library that came or went has no version on one side.
fn libraries(a: &[String], b: &[String]) -> Vec<Changed> {
    let name = |library: &String| library.rsplit_once([' ', '=', '@']).map_or(library.clone(), |(n, _)| n.to_owned());
    let mut names: Vec<String> = a.iter().chain(b).map(name).collect();
    names.sort();
    names.dedup();
    let of = |list: &[String], wanted: &str| {
        let found: Vec<String> = list.iter().filter(|library| name(library) == wanted).cloned().collect();
        if found.is_empty() { "none".to_owned() } else { found.join(", ") }
    };
    names
        .into_iter()
        .map(|what| Changed { a: of(a, &what), b: of(b, &what), what: format!("library {what}") })
        .filter(|changed| changed.a != changed.b)
        .collect()
}

fn calibrations(a: &Calibration, b: &Calibration) -> Vec<Changed> {
    let rows = |c: &Calibration| {
        [
            ("timer error, 99th percentile", c.timer_error_p99_ns),
            ("TCP ping-pong", c.ping_pong_p50_ns),
            ("feed → one socket → reader", c.chain_p50_ns),
            ("one write of 122 bytes", c.write_ns),
            ("recording one arrival", c.recorder_ns),
            ("one poll, asked to answered", c.exchange_ns),
        ]
    };
    let told = |ns: u64| duration(ns as f64 / 1e6);
    rows(a)
        .into_iter()
        .zip(rows(b))
        .filter(|((_, a), (_, b))| *a > 0 && *b > 0)
        .filter_map(|((what, a), (_, b))| {
            let ratio = b as f64 / a as f64;
            let usual = 1.0 / (1.0 + CALIBRATION_MARGIN)..=1.0 + CALIBRATION_MARGIN;
            let b = format!("{} (× {})", told(b), number(ratio));
            (!usual.contains(&ratio)).then(|| Changed { what: format!("calibration: {what}"), a: told(a), b })
        })
        .collect()
}
