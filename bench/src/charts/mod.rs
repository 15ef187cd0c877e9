//! Charts: functions from a summary to a drawing, and from a drawing to bytes. One file per kind; none knows a
//! transport by name.

pub mod axis;
mod bytes;
pub mod canvas;
mod capacity;
mod cdf;
mod clients;
mod family;
mod frontier;
mod frontier_curves;
mod gaps;
mod handshakes;
mod idle;
mod interval;
mod map;
mod percentiles;
mod plot;
pub mod render;
mod residual;
mod round_trip;
mod sequence;
mod spread;
pub mod style;
pub mod sweep;
mod theory;
mod verdicts;

use crate::summary::{ArmSummary, CellSummary, Summary, words};
use canvas::{Anchor, Canvas, NOTE, TICK, TITLE, Trials, Type, text_width};
pub use map::{Decision, NAME as DECISION_MAP, decisions};
pub use render::ChartError;
use style::{ArmStyle, Ink, Theme};

/// The numbers behind a chart, as text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DataTable {
    /// Heads of the columns.
    pub columns: Vec<String>,
    /// One row per arm, usually.
    pub rows: Vec<Vec<String>>,
}

/// A chart, drawn but not yet bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Chart {
    /// Which kind: a name of [`KINDS`].
    pub kind: &'static str,
    /// What it shows.
    pub title: String,
    /// What it says, in one sentence with the numbers.
    pub sentence: String,
    /// What is missing from it or moved in it, in sentences; they stand in the picture too.
    pub notes: Vec<String>,
    /// The numbers.
    pub table: DataTable,
    canvas: Canvas,
}

impl Chart {
    /// A standalone SVG. `id` must be unique on the page it goes to; `conditions` are read out with the sentence.
    ///
    /// # Errors
    /// When it cannot be drawn.
    pub fn svg(&self, theme: &Theme, id: &str, conditions: &str) -> Result<String, ChartError> {
        self.drawn(&self.canvas, theme, id, conditions)
    }

    /// The same without the title in the picture, for a page that has it as a heading above.
    ///
    /// # Errors
    /// When it cannot be drawn.
    pub fn svg_below_heading(&self, theme: &Theme, id: &str, conditions: &str) -> Result<String, ChartError> {
        self.drawn(&self.canvas.clone().untitled(TITLE_HEIGHT), theme, id, conditions)
    }

    fn drawn(&self, canvas: &Canvas, theme: &Theme, id: &str, conditions: &str) -> Result<String, ChartError> {
        let description = format!("{} {} Conditions: {conditions}.", self.sentence, self.notes.join(" "));
        render::svg(canvas, theme, id, &self.title, &description)
    }

    /// As [`Self::svg`], to be shown `width_px` wide where nothing else is said.
    ///
    /// # Errors
    /// When the width is out of range or it cannot be drawn.
    pub fn svg_wide(&self, theme: &Theme, id: &str, conditions: &str, width_px: u32) -> Result<String, ChartError> {
        render::check_width(width_px)?;
        let svg = self.svg(theme, id, conditions)?;
        let (width, height) = (self.canvas.width.ceil(), self.canvas.height.ceil());
        let high_px = (height * f64::from(width_px) / width).round();
        let size = |width: f64, height: f64| format!(" width=\"{width}\" height=\"{height}\"");
        Ok(svg.replacen(&size(width, height), &size(width_px.into(), high_px), 1))
    }

    /// A PNG of `width_px`.
    ///
    /// # Errors
    /// When the width is out of range or it cannot be drawn.
    pub fn png(&self, theme: &Theme, width_px: u32) -> Result<Vec<u8>, ChartError> {
        render::png(&self.canvas, theme, width_px)
    }

    /// How high the picture is, in its own units; all are equally wide.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.canvas.height
    }
}

/// A kind of chart.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its name in files and on the command line.
    pub name: &'static str,
    /// Whether a cell has anything for it. Most kinds are drawn all the same, and say what is missing.
    pub has: fn(&CellSummary) -> bool,
    /// What is said where no cell has, as the rest of "not drawn: …".
    pub lacks: &'static str,
    /// Draws it, but for its last line.
    unsigned: fn(&Summary, &CellSummary) -> Chart,
}

impl Kind {
    /// Draws it for one cell. Never fails: what is missing is said in the picture.
    #[must_use]
    pub fn draw(&self, summary: &Summary, cell: &CellSummary) -> Chart {
        signed((self.unsigned)(summary, cell), summary)
    }
}

/// A kind of chart over all cells of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunKind {
    /// Its name in files and on the command line.
    pub name: &'static str,
    /// What a run must have to be drawn, as the rest of "it needs …".
    pub needs: &'static str,
    /// Draws it, but for its last line.
    unsigned: fn(&Summary) -> Option<Chart>,
}

impl RunKind {
    /// Draws it; `None` where the run has no such axis.
    #[must_use]
    pub fn draw(&self, summary: &Summary) -> Option<Chart> {
        Some(signed((self.unsigned)(summary)?, summary))
    }
}

/// All kinds over a whole run, in the order of the report.
pub const RUN_KINDS: [RunKind; 8] = [
    RunKind {
        name: map::NAME,
        needs: "cells that differ in nothing but their quotes per second, polls beside pushes of one delivery, and six blocks \
                (one of an exact cell, for what is counted)",
        unsigned: map::draw,
    },
    RunKind {
        name: frontier_curves::NAME,
        needs: "arms that differ in nothing but their interval, and quotes that fall due",
        unsigned: frontier_curves::draw,
    },
    RunKind {
        name: round_trip::NAME,
        needs: "cells that differ in nothing but their distance",
        unsigned: round_trip::draw,
    },
    RunKind {
        name: interval::NAME,
        needs: "arms that differ in nothing but their interval, and quotes that fall due",
        unsigned: interval::draw,
    },
    RunKind { name: clients::NAME, needs: "cells that differ in nothing but their clients", unsigned: clients::draw },
    RunKind { name: capacity::NAME, needs: "cells that differ in nothing but their clients", unsigned: capacity::draw },
    RunKind { name: idle::NAME, needs: "a cell in which no quote falls due", unsigned: idle::draw },
    RunKind { name: theory::NAME, needs: "an arm that there is a theory for", unsigned: theory::draw },
];

/// All kinds, in the order of the report.
pub const KINDS: [Kind; 7] = [
    of_quotes(percentiles::NAME, percentiles::draw),
    of_quotes(bytes::NAME, bytes::draw),
    of_quotes(handshakes::NAME, handshakes::draw),
    of_quotes(frontier::NAME, frontier::draw),
    of_quotes(cdf::NAME, cdf::draw),
    of_quotes(spread::NAME, spread::draw),
    Kind { name: sequence::NAME, has: sequence::has, lacks: sequence::LACKS, unsigned: sequence::draw },
];

/// A kind that tells of quotes: drawn of every cell but those in which none fell due.
const fn of_quotes(name: &'static str, unsigned: fn(&Summary, &CellSummary) -> Chart) -> Kind {
    Kind { name, has: idle::has_quotes, lacks: idle::LACKS, unsigned }
}

/// Ends a picture with what no figure goes without, since it travels without its caption: how many trials an arm, the
/// run's seed and its day.
fn signed(mut chart: Chart, summary: &Summary) -> Chart {
    let Trials { fewest, most, void, tainted } = chart.canvas.trials;
    let n = if fewest < most { format!("{fewest} to {most}") } else { most.to_string() };
    let day = summary.started_utc.get(..10).unwrap_or(&summary.started_utc);
    let mut line = format!("n = {n} · seed {} · {day}", summary.seed);
    let aside = [(void, "void"), (tainted, "tainted")].into_iter().filter(|(trials, _)| *trials > 0);
    let aside: Vec<String> = aside.map(|(trials, standing)| format!("{trials} {standing}")).collect();
    if !aside.is_empty() {
        line = format!("{line} · {} left out", aside.join(", "));
    }
    let y = chart.canvas.height - EDGE;
    close(&mut chart.canvas, y, &[line]);
    chart
}

/// Which pictures over the whole run are not among those that were `drawn` of it, and what each needs, in sentences.
#[must_use]
pub fn absent_across(drawn: &[(String, Chart)]) -> Vec<String> {
    let absent = RUN_KINDS.iter().filter(|kind| drawn.iter().all(|(_, chart)| chart.kind != kind.name));
    absent.map(|kind| format!("Picture `{}` not drawn: it needs {}.", kind.name, kind.needs)).collect()
}

/// Which pictures cannot be drawn, and why, each in a sentence.
#[must_use]
pub fn absent(summary: &Summary) -> Vec<String> {
    let told = |kind: &Kind| {
        let without: Vec<String> =
            summary.cells.iter().filter(|cell| !(kind.has)(cell)).map(|cell| cell.name.clone()).collect();
        match without.len() {
            0 => None,
            all if all == summary.cells.len() => Some(format!("Picture `{}` not drawn: {}.", kind.name, kind.lacks)),
            _ => Some(format!(
                "Picture `{}` not drawn of {}: no trial of theirs that is used has what it needs.",
                kind.name,
                words::list(&without)
            )),
        }
    };
    KINDS.iter().filter_map(told).collect()
}

/// Width of every drawing, in its own units: legible at 640 pixels, fine at 1,600.
const WIDTH: f64 = 760.0;
/// Free space at the left and right.
const MARGIN: f64 = 18.0;
/// Height that the title takes.
const TITLE_HEIGHT: f64 = 28.0;

/// An arm with its style.
type Styled<'a> = (&'a ArmSummary, ArmStyle);

/// The arms of a cell that have a trial to draw, and a note that names those that have none.
fn arms<'a>(summary: &Summary, cell: &'a CellSummary) -> (Vec<Styled<'a>>, Vec<String>) {
    let styled = cell.arms.iter().zip(style::styles(&summary.arms));
    let (present, absent): (Vec<_>, Vec<_>) = styled.partition(|(arm, _)| arm.valid > 0);
    (present, absent_note(absent.iter().map(|(arm, _)| *arm)))
}

fn absent_note<'a>(absent: impl Iterator<Item = &'a ArmSummary>) -> Vec<String> {
    let why = |arm: &ArmSummary| format!("{} ({} tainted, {} void)", arm.arm, arm.tainted, arm.void);
    let names: Vec<String> = absent.map(why).collect();
    if names.is_empty() { Vec::new() } else { vec![format!("Not drawn, no valid trial: {}.", names.join(", "))] }
}

/// Begins a drawing: paper, title, what the axes show, the cell's name and path. Gives the height where the chart may begin.
fn open(title: &str, subtitle: &str, cell: &CellSummary) -> (Canvas, f64) {
    // A picture travels without its caption, and no figure goes without its path.
    open_at(title, subtitle, &format!("{} · {}", cell.name, words::path_in_short(&cell.load.path)), &[cell])
}

/// The same for a drawing of several cells; `place` says which.
fn open_across<'a>(
    title: &str,
    subtitle: &str,
    place: &str,
    cells: impl Iterator<Item = &'a CellSummary>,
) -> (Canvas, f64) {
    let cells: Vec<&CellSummary> = cells.collect();
    open_at(title, subtitle, &format!("{place} · {}", sweep::paths_in_short(cells.iter().copied())), &cells)
}

fn open_at(title: &str, subtitle: &str, place: &str, cells: &[&CellSummary]) -> (Canvas, f64) {
    let mut canvas = Canvas::new(WIDTH, 100.0);
    canvas.trials = trials(cells);
    canvas.layer("heading", "");
    // Large enough for any chart; the picture's edge cuts it.
    canvas.rect((0.0, 0.0), (WIDTH, 4_000.0), Ink::Paper);
    canvas.text((MARGIN, TITLE_HEIGHT), title, TITLE);
    let (width, whole) = (WIDTH - 2.0 * MARGIN, format!("{subtitle} · {place}"));
    // What does not fit on one line is parted where it has a seam.
    let parts = if text_width(&whole, NOTE) > width { vec![subtitle, place] } else { vec![whole.as_str()] };
    let y = parts.into_iter().fold(47.0, |y, part| canvas.paragraph((MARGIN, y), width, part, NOTE));
    (canvas, y + 6.0)
}

/// Trials of all arms of `cells`. Arms without a valid one are named in the notes.
fn trials(cells: &[&CellSummary]) -> Trials {
    let arms = || cells.iter().flat_map(|cell| &cell.arms);
    let valid = || arms().map(|arm| arm.valid).filter(|n| *n > 0);
    Trials {
        fewest: valid().min().unwrap_or(0),
        most: valid().max().unwrap_or(0),
        void: arms().map(|arm| arm.void).sum(),
        tainted: arms().map(|arm| arm.tainted).sum(),
    }
}

/// Says that orders went up beside the quotes of a cell, and `what` of them is in the picture; nothing where none did.
fn orders_note(cell: &CellSummary, what: &str) -> Option<String> {
    let per_s = cell.load.orders_per_s;
    let told = || format!("Orders went up beside the quotes, {} a second and client: {what}.", words::number(per_s));
    (per_s > 0.0).then(told)
}

/// Free space between the last note's line and the picture's lower edge.
const EDGE: f64 = 6.0;

/// Ends a drawing at height `y`: the notes, and the picture's height.
fn close(canvas: &mut Canvas, mut y: f64, notes: &[String]) {
    canvas.layer("notes", "");
    for note in notes {
        y = canvas.paragraph((MARGIN, y + 4.0), WIDTH - 2.0 * MARGIN, note, NOTE);
    }
    canvas.set_height((y + EDGE).ceil());
}

/// A drawing that has nothing to draw says so.
fn nothing(canvas: &mut Canvas, y: f64, what: &str) {
    canvas.layer("missing", "");
    canvas.text((MARGIN, y + 30.0), format!("Nothing to draw: {what}."), Type { bold: true, ..canvas::TEXT });
}

/// Names of arms in a column at the left, each with its marker; gives the column's width.
fn names_width(arms: &[Styled<'_>]) -> f64 {
    let widest = arms.iter().map(|(arm, _)| text_width(&arm.arm, canvas::TEXT)).fold(0.0, f64::max);
    (MARGIN + 20.0 + widest + 10.0).min(WIDTH * 0.35)
}

fn name(canvas: &mut Canvas, y: f64, (arm, style): &Styled<'_>) {
    canvas.marker((MARGIN + 7.0, y), 5.0, style);
    canvas.text_centred((MARGIN + 20.0, y), arm.arm.as_str(), canvas::TEXT);
}

/// Text centred on the height of `at`, on paper of its own: no line of the grid runs through it.
fn over_grid(canvas: &mut Canvas, (x, y): canvas::At, text: &str, kind: Type) {
    let (width, half) = (text_width(text, kind), 0.5 * kind.size);
    canvas.rect((x - 1.5, y - half), (x + width + 1.5, y + half), Ink::Paper);
    canvas.text_centred((x, y), text, kind);
}

/// A vertical line of the grid with its label below.
fn tick_x(canvas: &mut Canvas, x: f64, (top, bottom): (f64, f64), label: &str) {
    canvas.line(&[(x, top), (x, bottom)], Ink::Grid, 1.0, &[]);
    canvas.text((x, bottom + 16.0), label, Type { anchor: Anchor::Middle, ..TICK });
}

/// The vertical lines of an axis with their labels below, from left to right. One whose label would come nearer than
/// `gap` to the one before is left out, and its line with it: a line that nothing names is not to be read.
fn ticks_x(canvas: &mut Canvas, ticks: impl IntoIterator<Item = (f64, String)>, span: (f64, f64), gap: f64) {
    let mut free = f64::NEG_INFINITY;
    for (x, label) in ticks {
        let half = text_width(&label, TICK) / 2.0;
        if x - half > free {
            tick_x(canvas, x, span, &label);
            free = x + half + gap;
        }
    }
}

/// A horizontal line of the grid with its label at the left.
fn tick_y(canvas: &mut Canvas, y: f64, (left, right): (f64, f64), label: &str) {
    canvas.line(&[(left, y), (right, y)], Ink::Grid, 1.0, &[]);
    canvas.text_centred((left - 7.0, y), label, Type { anchor: Anchor::End, ..TICK });
}

#[cfg(test)]
#[path = "runs/tests.rs"]
mod run_tests;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod tests;
