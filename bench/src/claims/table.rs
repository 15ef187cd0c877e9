//! The claims as a table: for a terminal, Markdown, CSV or JSON.

use serde::Serialize;

use super::{CLAIMS, Claim, Finding, Holds, Number, Part, Source};
use crate::charts::DataTable;
use crate::report::table::Format;
use crate::summary::words::{count, duration, number};

/// How many parts of a finding a table shows; the JSON has all.
const PARTS_SHOWN: usize = 6;

/// A claim with what became of it, for programs.
#[derive(Serialize)]
struct Row<'a> {
    claim: &'a str,
    tutorials: &'a [&'a str],
    kind: super::Kind,
    rule: String,
    margins: &'a [f64],
    experiments: &'a [&'a str],
    #[serde(flatten)]
    finding: &'a Finding,
}

fn row(finding: &Finding) -> Option<(&'static Claim, &Finding)> {
    CLAIMS.iter().find(|claim| claim.number == finding.number).map(|claim| (claim, finding))
}

/// All findings, as `format` wants them.
#[must_use]
pub fn table(findings: &[Finding], format: Format) -> String {
    let rows = findings.iter().filter_map(row);
    match format {
        Format::Json => {
            let rows: Vec<Row> = rows
                .map(|(claim, finding)| Row {
                    claim: claim.claim,
                    tutorials: claim.tutorials,
                    kind: claim.kind,
                    rule: claim.rule(),
                    margins: claim.margins,
                    experiments: claim.experiments,
                    finding,
                })
                .collect();
            // Plain values only: this cannot fail.
            serde_json::to_string_pretty(&rows).unwrap_or_default()
        }
        Format::Text => rows.map(|(claim, finding)| paragraph(claim, finding)).collect(),
        Format::Markdown => crate::report::markdown::table(&data(findings)),
        Format::Csv => {
            let data = data(findings);
            let line = |cells: &[String]| crate::report::csv::line(cells.iter().map(String::as_str));
            std::iter::once(line(&data.columns)).chain(data.rows.iter().map(|row| line(row))).collect()
        }
    }
}

/// One row per claim.
#[must_use]
pub fn data(findings: &[Finding]) -> DataTable {
    let columns = ["#", "tutorial", "claim", "kind", "verdict", "condition", "rule", "numbers", "trace", "again"];
    let row = |(claim, finding): (&Claim, &Finding)| {
        let shown = chosen(&finding.parts);
        vec![
            claim.number.to_string(),
            claim.tutorials.join(", "),
            claim.claim.to_owned(),
            claim.kind.words().to_owned(),
            finding.verdict.words().to_owned(),
            finding.condition.clone(),
            claim.rule(),
            shown.iter().map(|part| part_words(part)).collect::<Vec<_>>().join("; "),
            shown.iter().map(|part| source_words(&part.source)).collect::<Vec<_>>().join("; "),
            finding.again.clone(),
        ]
    };
    DataTable {
        columns: columns.map(str::to_owned).to_vec(),
        rows: findings.iter().filter_map(self::row).map(row).collect(),
    }
}

/// The parts that a table shows: some of each outcome, so that a mixed verdict shows both sides.
pub(crate) fn chosen(parts: &[Part]) -> Vec<&Part> {
    let kinds = [Holds::Yes, Holds::No, Holds::Open];
    let present = kinds.into_iter().filter(|holds| parts.iter().any(|part| part.holds == *holds)).count().max(1);
    let of = |holds: Holds| parts.iter().filter(move |part| part.holds == holds).take(PARTS_SHOWN / present);
    kinds.into_iter().flat_map(of).collect()
}

fn paragraph(claim: &Claim, finding: &Finding) -> String {
    let mut text = format!(
        "{:>2}  {}  ({}, {})\n    {}: {}\n",
        claim.number,
        claim.claim,
        claim.tutorials.join(", "),
        claim.kind.words(),
        finding.verdict.words(),
        finding.condition
    );
    if !claim.rule.is_empty() {
        text.push_str(&format!("    rule: {}\n", claim.rule()));
    }
    let shown = chosen(&finding.parts);
    for part in &shown {
        text.push_str(&format!("      {}\n        from {}\n", part_words(part), source_words(&part.source)));
    }
    if finding.parts.len() > shown.len() {
        text.push_str(&format!("      … {} more with --format json\n", finding.parts.len() - shown.len()));
    }
    if !finding.again.is_empty() {
        text.push_str(&format!("    again: {}\n", finding.again));
    }
    // Names of cells and arms come from files: control characters could steer a terminal.
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect::<String>() + "\n"
}

/// The claim in one condition: whether it holds, and the figures that say so.
pub(crate) fn part_words(part: &Part) -> String {
    let numbers: Vec<String> = part.numbers.iter().map(number_words).collect();
    let numbers = if numbers.is_empty() { String::new() } else { format!(" ({})", numbers.join(", ")) };
    format!("{}: {}{numbers}", part.holds.words(), part.condition)
}

/// A figure with its interval: `poll: median lateness 250 ms [248, 250]`.
#[must_use]
pub fn number_words(figure: &Number) -> String {
    let with_unit = |value: f64| match figure.unit.as_str() {
        "ms" => duration(value),
        "" | "count" => number(value),
        unit => format!("{} {unit}", number(value)),
    };
    let range = match figure.range {
        // Compared as they are written: what differs in the ninth digit is one number to a reader.
        Some((low, high)) if with_unit(low.get()) != with_unit(high.get()) => {
            format!(" [{}, {}]", with_unit(low.get()), with_unit(high.get()))
        }
        Some(_) => String::new(),
        None => " [no interval: fewer than six trials]".to_owned(),
    };
    format!("{} {}{range}", figure.what, with_unit(figure.value.get()))
}

/// Where a figure comes from: `2026-11-20-transports › 20 clients › poll (6 trials), ws (6)`.
#[must_use]
pub fn source_words(source: &Source) -> String {
    let arm = |(arm, trials): (&String, &u32)| {
        format!("{arm} ({} trial{})", count(u64::from(*trials)), if *trials == 1 { "" } else { "s" })
    };
    let arms: Vec<String> = source.arms.iter().zip(&source.trials).map(arm).collect();
    let parts = [source.run.clone(), source.cell.clone(), arms.join(", ")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" › ")
}
