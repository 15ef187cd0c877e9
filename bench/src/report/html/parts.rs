//! Small pieces of markup, made from plain text.

use crate::charts::DataTable;
use crate::charts::render::escape;
use crate::summary::words::unparted;

/// Text for people, escaped; no line ends between a number and its unit, and `what is typed` looks so.
pub(super) fn prose(text: &str) -> String {
    let text = escape(&unparted(text));
    let parts: Vec<&str> = text.split('`').collect();
    // An odd mark out would begin what never ends.
    if parts.len().is_multiple_of(2) {
        return text;
    }
    let part = |(i, part): (usize, &&str)| if i % 2 == 0 { (*part).to_owned() } else { format!("<code>{part}</code>") };
    parts.iter().enumerate().map(part).collect()
}

pub(super) fn bullets(sentences: &[String]) -> String {
    let items: String = sentences.iter().map(|s| format!("<li>{}</li>\n", prose(s))).collect();
    format!("<ul>\n{items}</ul>\n")
}

/// What a reader may open.
pub(super) fn details(title: &str, inner: &str) -> String {
    format!("<details>\n<summary>{}</summary>\n{inner}</details>\n", prose(title))
}

/// Links to places in the page: id and text.
pub(super) fn links(label: &str, links: &[(String, String)]) -> String {
    let item = |(id, text): &(String, String)| format!("<li><a href=\"#{}\">{}</a></li>\n", escape(id), escape(text));
    let items: String = links.iter().map(item).collect();
    format!("<nav aria-label=\"{}\">\n<ul>\n{items}</ul>\n</nav>\n", escape(label))
}

/// How a table is shown.
pub(super) struct Listing<'a> {
    caption: &'a str,
    class: &'static str,
    sortable: bool,
}

impl<'a> Listing<'a> {
    /// Numbers in columns, in the order that they come in.
    pub(super) fn new(caption: &'a str) -> Self {
        Self { caption, class: "", sortable: false }
    }

    pub(super) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// The values of a column can be ordered.
    pub(super) fn sortable(self) -> Self {
        Self { sortable: true, ..self }
    }
}

/// A table with caption and heads for rows and columns, in a box that scrolls where the screen is narrow.
pub(super) fn html_table(table: &DataTable, listing: &Listing<'_>) -> String {
    table_of(&table.columns, table.rows.iter().map(|row| ("", row.as_slice())), listing)
}

/// The same, each row with a class of its own.
pub(super) fn table_of<'a>(
    columns: &[String],
    rows: impl Iterator<Item = (&'static str, &'a [String])>,
    listing: &Listing<'_>,
) -> String {
    let heads: String = columns.iter().map(|c| format!("<th scope=\"col\">{}</th>", prose(c))).collect();
    let rows: String = rows.map(|(class, row)| table_row(class, row)).collect();
    let caption = prose(listing.caption);
    let sortable = if listing.sortable { " data-sortable" } else { "" };
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table: {caption}\"><table class=\"{}\"{sortable}>\n\
         <caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n",
        listing.class
    )
}

fn table_row(class: &str, row: &[String]) -> String {
    let cell = |(i, text): (usize, &String)| match i {
        0 => format!("<th scope=\"row\">{}</th>", prose(text)),
        _ => format!("<td{}>{}</td>", marked(text), prose(text)),
    };
    let cells: String = row.iter().enumerate().map(cell).collect();
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<tr{class}>{cells}</tr>\n")
}

/// Who comes first is seen without reading: the cell is marked, whoever it is.
fn marked(text: &str) -> &'static str {
    match text {
        "first" => " class=\"first\"",
        "level" => " class=\"level\"",
        _ => "",
    }
}
