//! A drawing: layers of shapes in units of its own, turned into SVG or PNG by plotters' backends. Both come from
//! the same shapes, so that they cannot differ.

use plotters::style::{FontStyle, register_font};
use wirerace_contract::descriptor::Marker;

use super::style::{ArmStyle, Ink};

/// x to the right, y downwards, in units of the drawing (one unit is one CSS pixel at the drawing's own size).
pub type At = (f64, f64);

/// Where a text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Type {
    /// Size of the em square.
    pub size: f64,
    /// Bold or regular.
    pub bold: bool,
    /// Colour.
    pub ink: Ink,
    /// Side.
    pub anchor: Anchor,
}

/// Text of ordinary size.
pub const TEXT: Type = Type { size: 13.0, bold: false, ink: Ink::Text, anchor: Anchor::Start };
/// Labels of ticks.
pub const TICK: Type = Type { size: 12.0, ink: Ink::Muted, ..TEXT };
/// Notes below a drawing.
pub const NOTE: Type = Type { size: 11.5, ink: Ink::Muted, ..TEXT };
/// A drawing's title.
pub const TITLE: Type = Type { size: 16.0, bold: true, ..TEXT };

/// One mark.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Shape {
    Path { points: Vec<At>, ink: Ink, width: f64 },
    Polygon { points: Vec<At>, ink: Ink },
    Circle { centre: At, radius: f64, ink: Ink, alpha: f64 },
    Text { at: At, text: String, kind: Type },
}

/// Marks that belong together; a `<g>` in SVG.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Layer {
    pub(super) class: &'static str,
    pub(super) label: String,
    pub(super) shapes: Vec<Shape>,
}

/// How many trials stand behind a drawing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trials {
    /// Valid ones of the arm that has fewest, of those that have any.
    pub(super) fewest: u32,
    /// Of the arm that has most.
    pub(super) most: u32,
    pub(super) void: u32,
    pub(super) tainted: u32,
}

/// A drawing.
#[derive(Clone, PartialEq, Debug)]
pub struct Canvas {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) layers: Vec<Layer>,
    pub(super) trials: Trials,
}

impl Canvas {
    /// An empty drawing.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, layers: Vec::new(), trials: Trials::default() }
    }

    /// Changes the height: some drawings know it only at the end.
    pub fn set_height(&mut self, height: f64) {
        self.height = height;
    }

    /// The same without its title, and moved up by `rise` where that stood: for a page that says it in a heading.
    #[must_use]
    pub(super) fn untitled(mut self, rise: f64) -> Self {
        for layer in &mut self.layers {
            layer.shapes.retain(|shape| !matches!(shape, Shape::Text { kind, .. } if *kind == TITLE));
            for shape in &mut layer.shapes {
                match shape {
                    Shape::Path { points, .. } | Shape::Polygon { points, .. } => {
                        points.iter_mut().for_each(|at| at.1 -= rise);
                    }
                    Shape::Circle { centre: at, .. } | Shape::Text { at, .. } => at.1 -= rise,
                }
            }
        }
        self.height -= rise;
        self
    }

    /// What follows belongs to a new group. `label` is shown when a pointer rests on it; may be empty.
    pub fn layer(&mut self, class: &'static str, label: impl Into<String>) {
        self.layers.push(Layer { class, label: label.into(), shapes: Vec::new() });
    }

    fn push(&mut self, shape: Shape) {
        if self.layers.is_empty() {
            self.layer("frame", "");
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.shapes.push(shape);
        }
    }

    /// A line through `points`, in strokes of `dash` (see [`ArmStyle::dash`]).
    pub fn line(&mut self, points: &[At], ink: Ink, width: f64, dash: &[f64]) {
        for points in strokes(points, dash) {
            self.push(Shape::Path { points, ink, width });
        }
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: &[At], ink: Ink) {
        self.push(Shape::Polygon { points: points.to_vec(), ink });
    }

    /// A filled rectangle.
    pub fn rect(&mut self, (left, top): At, (right, bottom): At, ink: Ink) {
        self.polygon(&[(left, top), (right, top), (right, bottom), (left, bottom)], ink);
    }

    /// A faint disc: one trial.
    pub fn dot(&mut self, centre: At, radius: f64, ink: Ink, alpha: f64) {
        self.push(Shape::Circle { centre, radius, ink, alpha });
    }

    /// Text whose baseline passes through `at`.
    pub fn text(&mut self, at: At, text: impl Into<String>, kind: Type) {
        self.push(Shape::Text { at, text: text.into(), kind });
    }

    /// Text whose capitals are centred on the height of `at`.
    pub fn text_centred(&mut self, (x, y): At, text: impl Into<String>, kind: Type) {
        // DejaVu's capitals are 0.73 em high.
        self.text((x, y + 0.365 * kind.size), text, kind);
    }

    /// An arm's marker.
    pub fn marker(&mut self, (x, y): At, radius: f64, style: &ArmStyle) {
        let outline = |r: f64| -> Vec<At> {
            let corners: &[At] = match style.marker {
                Marker::Circle => return circle((x, y), r),
                Marker::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
                Marker::Diamond => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
                Marker::Triangle => &[(0.0, -1.2), (1.15, 0.85), (-1.15, 0.85)],
            };
            corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect()
        };
        self.polygon(&outline(radius + 1.0), Ink::Paper);
        self.polygon(&outline(radius), style.ink);
        if !style.filled {
            self.polygon(&outline(radius * 0.5), Ink::Paper);
        }
    }

    /// Writes `text` at `at` in lines of at most `width`; gives the baseline after the last. A number is not parted from
    /// the word after it, which is its unit or what it counts.
    pub fn paragraph(&mut self, (x, mut y): At, width: f64, text: &str, kind: Type) -> f64 {
        let mut line = String::new();
        for word in unbroken(text) {
            let longer = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
            if text_width(&longer, kind) > width && !line.is_empty() {
                self.text((x, y), std::mem::take(&mut line), kind);
                y += kind.size * 1.35;
                line = word;
            } else {
                line = longer;
            }
        }
        if !line.is_empty() {
            self.text((x, y), line, kind);
            y += kind.size * 1.35;
        }
        y
    }
}

/// The parts of a text between which a line may end.
fn unbroken(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match parts.last_mut().filter(|last| last.ends_with(|c: char| c.is_ascii_digit())) {
            Some(number) => *number = format!("{number} {word}"),
            None => parts.push(word.to_owned()),
        }
    }
    parts
}

/// A circle as a polygon, so that hollow ones need no stroke.
fn circle((x, y): At, radius: f64) -> Vec<At> {
    (0..24)
        .map(|i| f64::from(i) / 24.0 * std::f64::consts::TAU)
        .map(|angle| (x + radius * angle.cos(), y + radius * angle.sin()))
        .collect()
}

/// Cuts a line into strokes.
fn strokes(points: &[At], dash: &[f64]) -> Vec<Vec<At>> {
    if points.len() < 2 {
        return Vec::new();
    }
    // A pattern without length would never end.
    if dash.is_empty() || dash.iter().any(|length| length.is_nan() || *length <= 0.0) {
        return vec![points.to_vec()];
    }
    let (mut strokes, mut stroke, mut part, mut left) = (Vec::new(), vec![points[0]], 0, dash[0]);
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let share = done / length;
            let here = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            if part % 2 == 0 {
                stroke.push(here);
                strokes.push(std::mem::take(&mut stroke));
            } else {
                stroke = vec![here];
            }
            part = (part + 1) % dash.len();
            left = dash[part];
        }
        left -= length - done;
        if part % 2 == 0 {
            stroke.push(to);
        }
    }
    if stroke.len() > 1 {
        strokes.push(stroke);
    }
    strokes
}

/// The family that drawings name and that is measured with.
pub(super) const FAMILY: &str = "DejaVu Sans";
/// DejaVu Sans: (ascent 1901 + descent 483) / 2048 units. The rasteriser takes a font's size as its height.
pub(super) const HEIGHT_PER_EM: f64 = 2384.0 / 2048.0;

/// Makes the font known to plotters. It comes from a crate: nothing depends on what the system has.
pub(super) fn register_fonts() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // Both are fonts as published; should one fail to parse, drawing says that the font is unavailable.
        let _ = register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular());
        let _ = register_font(FAMILY, FontStyle::Bold, dejavu::sans::bold());
    });
}

/// How wide `text` is, in units of the drawing.
#[must_use]
pub fn text_width(text: &str, kind: Type) -> f64 {
    register_fonts();
    let style = if kind.bold { FontStyle::Bold } else { FontStyle::Normal };
    // Measured sixteen times as large, since the answer comes in whole pixels.
    let font = plotters::style::FontDesc::new(FAMILY.into(), kind.size * HEIGHT_PER_EM * 16.0, style);
    font.layout_box(text)
        .map_or(0.6 * kind.size * text.chars().count() as f64, |(low, high)| f64::from(high.0 - low.0) / 16.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_keep_the_pattern_over_corners() {
        let strokes = strokes(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], &[6.0, 2.0]);
        assert_eq!(strokes[0], [(0.0, 0.0), (6.0, 0.0)]);
        assert_eq!(strokes[1], [(8.0, 0.0), (10.0, 0.0), (10.0, 4.0)]);
        assert_eq!(strokes[2], [(10.0, 6.0), (10.0, 10.0)]);
        assert_eq!(super::strokes(&[(0.0, 0.0)], &[]).len(), 0);
        assert_eq!(super::strokes(&[(0.0, 0.0), (1.0, 0.0)], &[0.0]).len(), 1);
    }

    #[test]
    fn text_is_measured_with_the_font_that_draws_it() {
        // DejaVu Sans: the advance of M is 1767/2048 em.
        assert!((text_width("MMMM", TEXT) - 4.0 * 13.0 * 1767.0 / 2048.0).abs() < 0.2);
        assert!(text_width("MMMM", Type { bold: true, ..TEXT }) > text_width("MMMM", TEXT));
    }

    #[test]
    fn paragraphs_break_between_words() {
        let mut canvas = Canvas::new(100.0, 100.0);
        canvas.paragraph((0.0, 0.0), 60.0, "one two three four", TEXT);
        assert!(canvas.layers[0].shapes.len() > 1);
    }

    #[test]
    fn a_number_stays_with_its_unit() {
        assert_eq!(unbroken("20 clients, polls each 500 ms: 5 %"), ["20 clients,", "polls", "each", "500 ms:", "5 %"]);
        // Wherever the line has to end.
        for width in 30..200 {
            let mut canvas = Canvas::new(300.0, 300.0);
            canvas.paragraph((0.0, 0.0), f64::from(width), "10 quotes/s, polls each 500 ms", TEXT);
            for shape in &canvas.layers[0].shapes {
                let Shape::Text { text, .. } = shape else { panic!("{shape:?}") };
                assert!(!text.ends_with("500") && !text.ends_with("10"), "{width}: {text}");
            }
        }
    }
}
