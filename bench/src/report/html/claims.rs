//! The claims that a run helps to decide.

use crate::report::claims::{READ, Row, Told, told};
use crate::summary::Summary;
use crate::summary::words::count;

use super::parts::{Listing, bullets, details, html_table, prose};

/// The section; empty where the run helps to decide none.
pub(super) fn section(summary: &Summary) -> String {
    let inner = match told(summary) {
        Told::Nothing => return String::new(),
        Told::TooEarly { why, claims } => {
            let listing = Listing::new("Claims that such a run helps to decide").class("words");
            format!("<p>{}</p>\n{}", prose(&why), html_table(&claims, &listing))
        }
        Told::Decided(rows) => {
            format!("<p>{}</p>\n{}", prose(READ), rows.iter().map(claim).collect::<String>())
        }
    };
    format!("<section id=\"claims\">\n<h2>Claims</h2>\n{inner}</section>\n")
}

fn claim(row: &Row) -> String {
    let mut figures = if row.figures.is_empty() { String::new() } else { bullets(&row.figures) };
    if row.more > 0 {
        let more = count(row.more as u64);
        figures.push_str(&format!("<p>{}</p>\n", prose(&format!("{more} more with `wirerace claims --format json`."))));
    }
    let rule =
        if row.rule.is_empty() { String::new() } else { format!("<p>Counts as true if {}.</p>\n", prose(&row.rule)) };
    let folded = if rule.is_empty() && figures.is_empty() {
        String::new()
    } else {
        details("Rule and figures", &(rule + &figures))
    };
    let again = if row.again.is_empty() {
        String::new()
    } else {
        format!("<p class=\"meta\">Again: {}</p>\n", typed(&row.again))
    };
    let condition = format!("{}{}", row.joint(), prose(&row.condition));
    format!(
        "<article class=\"claim\">\n<h3>{}. “{}” <span class=\"meta\">({})</span></h3>\n\
         <p><strong class=\"verdict\">{}</strong>{condition}.</p>\n{again}{folded}</article>\n",
        row.number,
        prose(row.claim),
        prose(&row.tutorials),
        prose(row.verdict),
    )
}

/// A command; what stands in brackets after it is not typed.
fn typed(again: &str) -> String {
    match again.split_once(" (") {
        Some((command, told)) => prose(&format!("`{command}` ({told}")),
        None => prose(&format!("`{again}`")),
    }
}
