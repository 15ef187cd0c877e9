//! A chart with all that belongs to it: sentence, picture, conditions, numbers, and what a reader may take away.

use crate::charts::render::escape;
use crate::charts::style::LIGHT;
use crate::charts::{Chart, ChartError};

use super::parts::{Listing, details, html_table, prose};

/// Bytes that pictures may take together. With the bounds below, tables of trials and all else, the page stays under 3 MB.
const PICTURES_MAX: usize = 1_400_000;
/// Bytes that the tables of all pairs of arms may take together.
const PAIRS_MAX: usize = 400_000;

/// What may still be put into the page. Who comes first gets it: the charts of all cells, then cell by cell.
pub(super) struct Budget {
    pictures: usize,
    pairs: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { pictures: PICTURES_MAX, pairs: PAIRS_MAX }
    }
}

impl Budget {
    /// The picture, or `None` where it would make the page too large. The others after it may still fit.
    fn picture(&mut self, svg: String) -> Option<String> {
        self.pictures = self.pictures.checked_sub(svg.len())?;
        Some(svg)
    }

    /// The same for a table of pairs.
    pub(super) fn pairs(&mut self, table: String) -> Option<String> {
        self.pairs = self.pairs.checked_sub(table.len())?;
        Some(table)
    }
}

/// A figure. `id` is the chart's file name without extension, unique in the page.
pub(super) fn figure(id: &str, chart: &Chart, conditions: &str, budget: &mut Budget) -> Result<String, ChartError> {
    let label = escape(&format!("Chart: {}", chart.title));
    let picture = match budget.picture(chart.svg_below_heading(&LIGHT, id, conditions)?) {
        Some(svg) => format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\">\n{svg}</div>\n<p class=\"readout\" hidden></p>\n"
        ),
        None => format!(
            "<p class=\"left-out\">This picture stands in <code>charts/{}.svg</code>: with it the page would be over 3 MB.</p>\n",
            escape(id)
        ),
    };
    let has_picture = picture.starts_with("<div");
    let table = if chart.table.rows.is_empty() {
        String::new()
    } else {
        let caption = format!("The numbers: {}", chart.title);
        let listing = Listing::new(&caption).sortable();
        details("Show the numbers", &html_table(&chart.table, &listing))
    };
    Ok(format!(
        "<figure id=\"fig-{}\">\n<h4>{}</h4>\n<p class=\"says\">{}</p>\n{picture}<figcaption>{}.</figcaption>\n{}{table}</figure>\n",
        escape(id),
        prose(&chart.title),
        prose(&chart.sentence),
        prose(conditions),
        tools(&chart.title, id, has_picture),
    ))
}

/// Buttons for what a reader may take away. They do nothing without a script, so it is the script that shows them.
pub(super) fn tools(of: &str, name: &str, picture: bool) -> String {
    let kinds =
        [("markdown", "Copy as Markdown", true), ("svg", "Download SVG", picture), ("csv", "Download CSV", true)];
    let button = |(what, words, _): (&str, &str, bool)| {
        format!(
            "<button type=\"button\" data-take=\"{what}\" aria-label=\"{}\">{words}</button>\n",
            escape(&format!("{words}: {of}"))
        )
    };
    let buttons: String = kinds.into_iter().filter(|(.., there)| *there).map(button).collect();
    format!("<div class=\"tools\" data-name=\"{}\" hidden>\n{buttons}</div>\n", escape(name))
}
