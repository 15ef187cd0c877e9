//! What was found, written down for people.

use std::fmt::Write as _;

use super::{Standing, Verdict, Verification};
use crate::output::count;

/// For a terminal: what is broken with its reason and how to ask again.
#[must_use]
pub fn text(verification: &Verification) -> String {
    let mut text = format!("{}{}\n", verification.server, software(verification));
    let sections = verification.rules.chunk_by(|one, next| one.section == next.section);
    for section in sections {
        let _ = writeln!(text, "\n{}", section[0].section);
        // One line for all that builds on a route that is not there.
        match &section[0] {
            Verdict { standing: Standing::NotOffered, why: Some(why), .. } => {
                let _ = writeln!(text, "  {:<12} {}: {why}", "not offered", count(section.len(), "rule"));
            }
            _ => section.iter().for_each(|verdict| rule(&mut text, verdict)),
        }
    }
    let _ = write!(text, "\n{}", closing(verification));
    text
}

fn rule(text: &mut String, verdict: &Verdict) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  {:<12} {:<19} {}", verdict.standing.name(), verdict.id, verdict.demands);
    if let Some(why) = &verdict.why {
        let _ = writeln!(text, "  {:<32} {why}", "");
    }
    if verdict.standing == Standing::Broken {
        let _ = writeln!(text, "  {:<32} $ {}", "", verdict.repeat);
    }
}

/// For an issue: a table.
#[must_use]
pub fn markdown(verification: &Verification) -> String {
    let mut text = format!("{}{}\n\n", verification.server, software(verification));
    text.push_str("| rule | | demands | why | to repeat it |\n| --- | --- | --- | --- | --- |\n");
    for Verdict { id, demands, standing, why, repeat, .. } in &verification.rules {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let why = cell(why.as_deref().unwrap_or_default());
        let _ = writeln!(text, "| {id} | {} | {} | {why} | `{}` |", standing.name(), cell(demands), cell(repeat));
    }
    let _ = write!(text, "\n{}", closing(verification));
    text
}

fn software(verification: &Verification) -> String {
    verification.software.as_ref().map_or_else(String::new, |name| format!(", which says that it is {name}"))
}

fn closing(verification: &Verification) -> String {
    let counts = Standing::ALL.map(|standing| format!("{} {}", verification.count(standing), standing.name()));
    format!(
        "{} rules: {}. They are explained in servers/WRITE_YOUR_OWN.md.",
        verification.rules.len(),
        counts.join(", ")
    )
}
