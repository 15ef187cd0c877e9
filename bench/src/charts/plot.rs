//! One panel with two axes: lines through marks with whiskers, theory dashed beside them, a legend or names at the ends.
//! What every chart over several settings is put together from.

use super::axis::{Scale, spread};
use super::canvas::{Anchor, At, Canvas, NOTE, TEXT, TICK, Type, text_width};
use super::style::{ArmStyle, Ink};
use super::{MARGIN, WIDTH, over_grid};

/// Strokes of every line that theory gives.
pub(super) const THEORY_DASH: [f64; 2] = [3.0, 3.0];

/// How far below a panel the numbers of its horizontal axis stand.
const LABEL_BELOW: f64 = 20.0;
/// Distance of two marks at one place, where they stand apart.
const MARKS_APART: f64 = 8.0;
/// All of them together take no more than this.
const MARKS_SPAN: f64 = 60.0;

/// One axis of a panel.
#[derive(Clone, Copy)]
pub(super) struct Axis<'a> {
    /// What it shows, with its unit where the labels have none.
    pub(super) caption: &'a str,
    /// How its labels are written.
    pub(super) write: fn(f64) -> String,
    /// Logarithmic, or linear with 0.
    pub(super) log: bool,
    /// About how many labels.
    pub(super) labels: usize,
}

impl Axis<'_> {
    fn scale(&self, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Scale {
        match self.log {
            true => Scale::log(values, from, to, self.labels),
            false => Scale::linear(values, from, to, self.labels as u32),
        }
    }
}

/// Where a panel is and what its axes are.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a> {
    /// Left, top, right and bottom of the space between the axes.
    pub(super) area: [f64; 4],
    /// From left to right.
    pub(super) x: Axis<'a>,
    /// From the bottom to the top.
    pub(super) y: Axis<'a>,
    /// Values that the axes cover besides the series', so that panels beside each other agree.
    pub(super) also: &'a [At],
    /// Whether marks of different series stand beside each other where they share places: else the last drawn would hide
    /// the others. Lines stay where they are.
    pub(super) apart: bool,
}

/// One measured value with its interval; `low` and `high` are `y` where there is none.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// What belongs to one name.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) style: ArmStyle,
    /// From left to right.
    pub(super) marks: Vec<Mark>,
    /// Theory, from left to right; may be empty.
    pub(super) theory: Vec<At>,
    /// What is read out and shown under the pointer.
    pub(super) said: String,
}

/// The two scales of a panel once it is drawn.
pub(super) struct Scales {
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Scales {
    pub(super) fn at(&self, (x, y): At) -> At {
        (self.x.at(x), self.y.at(y))
    }
}

impl Panel<'_> {
    /// Draws axes and series.
    pub(super) fn draw(&self, canvas: &mut Canvas, series: &[Series]) -> Scales {
        let scales = self.axes(canvas, series);
        for (i, one) in series.iter().enumerate().filter(|(_, s)| !s.marks.is_empty() || !s.theory.is_empty()) {
            let shift = (i as f64 - (series.len() - 1) as f64 / 2.0) * self.distance(series.len());
            canvas.layer("series", one.said.clone());
            let line: Vec<At> = one.marks.iter().map(|mark| scales.at((mark.x, mark.y))).collect();
            canvas.line(&line, one.style.ink, 2.2, one.style.dash);
            let theory: Vec<At> = one.theory.iter().map(|at| scales.at(*at)).collect();
            canvas.line(&theory, one.style.theory(), 1.2, &THEORY_DASH);
            for (mark, at) in one.marks.iter().zip(&line) {
                let at = (at.0 + shift, at.1);
                let ends = [mark.low, mark.high].map(|value| (at.0, scales.y.at(value)));
                if mark.low < mark.high {
                    canvas.line(&ends, one.style.ink, 1.4, &[]);
                }
                canvas.marker(at, 4.5, &one.style);
            }
        }
        scales
    }

    /// How far marks at one place stand from each other.
    fn distance(&self, series: usize) -> f64 {
        if self.apart { MARKS_APART.min(MARKS_SPAN / series.max(1) as f64) } else { 0.0 }
    }

    fn axes(&self, canvas: &mut Canvas, series: &[Series]) -> Scales {
        let [left, top, right, bottom] = self.area;
        let places = || {
            let marks =
                series.iter().flat_map(|s| s.marks.iter().flat_map(|m| [(m.x, m.y), (m.x, m.low), (m.x, m.high)]));
            marks.chain(series.iter().flat_map(|s| s.theory.iter().copied())).chain(self.also.iter().copied())
        };
        // Marks at the ends stay inside too.
        let inset = self.distance(series.len()) * series.len() as f64 / 2.0;
        let x = self.x.scale(places().map(|at| at.0), left + inset, right - inset);
        let y = self.y.scale(places().map(|at| at.1), bottom, top);
        canvas.layer("axes", "");
        let mut free = f64::NEG_INFINITY;
        for value in x.ticks() {
            let at = x.at(*value);
            let text = (self.x.write)(*value);
            let half = text_width(&text, TICK) / 2.0;
            // A label that would touch the one before it is left out, and its line with it: a line that nothing names
            // is not to be read.
            if at - half > free {
                canvas.line(&[(at, top), (at, bottom)], Ink::Grid, 1.0, &[]);
                // Below the other axis' lowest number, which ends beside the corner.
                canvas.text((at, bottom + LABEL_BELOW), text, Type { anchor: Anchor::Middle, ..TICK });
                free = at + half + 8.0;
            }
        }
        for value in y.ticks() {
            super::tick_y(canvas, y.at(*value), (left, right), &(self.y.write)(*value));
        }
        if !self.x.caption.is_empty() {
            let middle = ((left + right) / 2.0, bottom + LABEL_BELOW + 16.0);
            canvas.text(middle, self.x.caption, Type { anchor: Anchor::Middle, ..TICK });
        }
        if !self.y.caption.is_empty() {
            let kind = Type { bold: true, ..NOTE };
            canvas.text((left, top - 8.0), shortened(self.y.caption, right - left + 40.0, kind), kind);
        }
        Scales { x, y }
    }
}

/// `text`, or as much of its beginning as `width` holds.
pub(super) fn shortened(text: &str, width: f64, kind: Type) -> String {
    let mut kept: Vec<char> = text.chars().collect();
    let whole = kept.len();
    let written = |kept: &[char]| {
        let end = if kept.len() < whole { "…" } else { "" };
        format!("{}{end}", kept.iter().collect::<String>().trim_end())
    };
    while kept.len() > 1 && text_width(&written(&kept), kind) > width {
        kept.pop();
    }
    written(&kept)
}

/// Room that the labels of a vertical axis take, left of it.
pub(super) const LABELS: f64 = 58.0;

/// Lines with their names, as many beside each other as fit; gives the height below.
pub(super) fn legend<'a>(canvas: &mut Canvas, top: f64, names: impl Iterator<Item = (&'a str, ArmStyle)>) -> f64 {
    canvas.layer("legend", "");
    let (mut x, mut y) = (MARGIN, top + 8.0);
    for (name, style) in names {
        let width = 40.0 + text_width(name, TEXT) + 18.0;
        if x + width > WIDTH - MARGIN + 18.0 && x > MARGIN {
            (x, y) = (MARGIN, y + 20.0);
        }
        canvas.line(&[(x, y), (x + 34.0, y)], style.ink, 2.2, style.dash);
        canvas.marker((x + 17.0, y), 4.5, &style);
        canvas.text_centred((x + 40.0, y), name, TEXT);
        x += width;
    }
    y + 14.0
}

/// Names right of `right`, each beside the end of its line.
pub(super) fn names_at_ends(canvas: &mut Canvas, scales: &Scales, series: &[Series], area: [f64; 4]) {
    let [_, top, right, bottom] = area;
    let ended: Vec<(&Series, At)> =
        series.iter().filter_map(|s| s.marks.last().map(|mark| (s, scales.at((mark.x, mark.y))))).collect();
    let heights = spread(&ended.iter().map(|(_, at)| at.1).collect::<Vec<_>>(), 16.0, top + 4.0, bottom - 4.0);
    canvas.layer("labels", "");
    for ((series, end), y) in ended.iter().zip(heights) {
        canvas.line(&[*end, (right + 8.0, y)], Ink::Muted, 0.6, &[]);
        canvas.marker((right + 13.0, y), 4.0, &series.style);
        canvas.text_centred((right + 22.0, y), series.name.as_str(), TEXT);
    }
}

/// Room that [`names_at_ends`] needs right of a panel.
pub(super) fn names_room(series: &[Series]) -> f64 {
    series.iter().map(|s| text_width(&s.name, TEXT)).fold(0.0, f64::max).min(WIDTH / 3.0) + 26.0
}

/// Small texts beside marks, where there is room for them: next to `at`, over nothing in `taken`, inside `area`. What
/// finds no place is left out.
pub(super) fn beside(canvas: &mut Canvas, at: At, text: &str, taken: &mut Vec<[f64; 4]>, area: [f64; 4]) {
    let kind = Type { size: 11.0, ..NOTE };
    let (width, half) = (text_width(text, kind), 6.5);
    let places =
        [(11.0, 0.0), (-11.0 - width, 0.0), (-width / 2.0, -14.0), (-width / 2.0, 14.0), (9.0, -11.0), (9.0, 11.0)];
    for (dx, dy) in places {
        let own = [at.0 + dx, at.1 + dy - half, at.0 + dx + width, at.1 + dy + half];
        let inside = own[0] >= area[0] && own[1] >= area[1] && own[2] <= area[2] && own[3] <= area[3];
        let clear = |t: &[f64; 4]| own[2] + 4.0 < t[0] || t[2] + 4.0 < own[0] || own[3] < t[1] || t[3] < own[1];
        if inside && taken.iter().all(clear) {
            over_grid(canvas, (own[0], at.1 + dy), text, kind);
            taken.push(own);
            return;
        }
    }
}
