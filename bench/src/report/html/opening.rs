//! The head of the page and the answer.

use crate::charts::render::escape;
use crate::report::answer::{self, Said};
use crate::report::{QUICK, READING, Thought, thoughts};
use crate::summary::Summary;

use super::Page;
use super::parts::{Listing, html_table, prose};

/// The question, what run it is, where what stands, and the switch of colours.
pub(super) fn header(summary: &Summary, contents: &str) -> String {
    let commit = summary.commit.as_ref().map(|c| format!(", commit {}", escape(c))).unwrap_or_default();
    let quick = if summary.quick { format!("<p class=\"warning\">{QUICK}</p>\n") } else { String::new() };
    format!(
        "<header>\n<h1>{}</h1>\n<p class=\"meta\">wirerace {}{commit} · experiment {} · {} · seed {} · blocks planned: {}</p>\n\
         {quick}<div class=\"theme\" hidden><label for=\"theme\">Colours</label> <select id=\"theme\">\
         <option value=\"\">as the system</option><option value=\"light\">light</option>\
         <option value=\"dark\">dark</option></select></div>\n{contents}</header>\n",
        prose(&summary.question),
        escape(&summary.software),
        escape(&summary.experiment),
        escape(&summary.started_utc),
        summary.seed,
        summary.blocks_planned
    )
}

/// Three sentences, how sure they are, who comes first in what; then what was expected, and what is wrong with the run.
pub(super) fn answer(page: &Page<'_>) -> String {
    let summary = page.summary;
    let answer = answer::answer(summary, page.across);
    let mut text = "<section id=\"answer\">\n<h2>The answer</h2>\n".to_owned();
    for warning in &answer.went_wrong {
        text.push_str(&format!("<p class=\"warning\">{}</p>\n", prose(warning)));
    }
    let said = |said: &Said| format!("<p><strong>{}</strong> {}</p>\n", prose(said.about), prose(&said.text));
    let all: String = answer.said.iter().map(said).collect();
    text.push_str(&format!("<div class=\"answer\">\n{all}</div>\n"));
    if !answer.sure.is_empty() {
        text.push_str(&format!("<p class=\"meta\">{}</p>\n", prose(&answer.sure)));
    }
    for warning in &summary.warnings {
        text.push_str(&format!("<p class=\"warning\">{}</p>\n", prose(warning)));
    }
    if !answer.standings.rows.is_empty() {
        let listing = Listing::new("Less is better in every line").class("words standings");
        text.push_str(&format!(
            "<h3>Who comes first in what</h3>\n{}<p class=\"meta\">{}</p>\n",
            html_table(&answer.standings, &listing),
            prose(answer::LEGEND)
        ));
    }
    let thoughts = thoughts(summary, page.reading);
    if !thoughts.is_empty() {
        let item = |thought: &Thought| {
            let value = prose(&thought.text);
            let link = format!("<a href=\"{READING}\">{READING}</a>");
            let value = if thought.links { value.replace(READING, &link) } else { value };
            format!("<dt>{}</dt><dd>{value}</dd>\n", escape(thought.head))
        };
        let items: String = thoughts.iter().map(item).collect();
        text.push_str(&format!("<h3>What was thought before</h3>\n<dl class=\"thoughts\">\n{items}</dl>\n"));
    }
    text + "</section>\n"
}
