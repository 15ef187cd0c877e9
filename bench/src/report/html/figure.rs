//! A chart with all that belongs to it: sentence, picture, conditions, numbers, and what a reader may take away.

use crate::charts::render::escape;
use crate::charts::style::LIGHT;
use crate::charts::{Chart, ChartError};

use super::parts::{Listing, details, html_table, prose};

/// Bytes that the tables of all pairs of arms may take together.
const PAIRS_MAX: usize = 400_000;
/// Bytes that stand around a picture beside the one that is left out: its box, its button.
const AROUND: usize = 500;

/// What may still be put into the page. Who comes first gets it: the charts of all cells, then cell by cell.
pub(super) struct Budget {
    pictures: usize,
    pairs: usize,
}

impl Budget {
    /// With room for pictures of so many bytes together.
    pub(super) fn for_pictures(bytes: usize) -> Self {
        Self { pictures: bytes, pairs: PAIRS_MAX }
    }

    /// What `draw` gives, or `None` where it would make the page too large. The others after it may still fit.
    fn picture(&mut self, draw: impl FnOnce() -> Result<String, ChartError>) -> Result<Option<String>, ChartError> {
        if self.pictures == 0 {
            return Ok(None);
        }
        let svg = draw()?;
        let left = self.pictures.checked_sub(svg.len() + AROUND);
        self.pictures = left.unwrap_or(self.pictures);
        Ok(left.map(|_| svg))
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
    let picture = match budget.picture(|| chart.svg_below_heading(&LIGHT, id, conditions))? {
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
