//! What an SVG of ours is made of, for tests: its groups with their elements, and the box that each text takes.

/// Units of the SVG in one unit of the drawing.
const SCALE: f64 = 4.0;
/// So far two boxes may run into each other, or out of the picture: places are rounded, and boxes are higher than letters.
const TOLERANCE: f64 = 1.0;

/// A text with its box, in units of the drawing.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) anchor: String,
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// A `<g>`.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) class: String,
    pub(super) title: String,
    pub(super) polylines: usize,
    /// Of the polylines those as thin as theory's strokes are, and nothing else in a series.
    pub(super) theory: usize,
    /// Without those that are as white as the paper.
    pub(super) polygons: usize,
    pub(super) circles: usize,
    pub(super) rects: usize,
    pub(super) texts: Vec<Text>,
}

impl Group {
    /// Markers, bars, dots.
    pub(super) fn marks(&self) -> usize {
        self.polygons + self.circles + self.rects
    }

    /// How many labels stand below an axis that goes to the right: the most texts of one height.
    pub(super) fn labels_below(&self) -> usize {
        most_alike(self.texts.iter().filter(|text| text.anchor == "middle").map(|text| text.top))
    }

    /// How many stand left of an axis that goes upwards: the most texts that end at one place.
    pub(super) fn labels_beside(&self) -> usize {
        most_alike(self.texts.iter().filter(|text| text.anchor == "end").map(|text| text.right))
    }
}

fn most_alike(values: impl Iterator<Item = f64>) -> usize {
    let values: Vec<f64> = values.collect();
    let alike = |value: &f64| values.iter().filter(|other| (*other - value).abs() < 0.6).count();
    values.iter().map(alike).max().unwrap_or(0)
}

/// An attribute's value.
fn attribute<'a>(line: &'a str, name: &str) -> &'a str {
    line.split_once(&format!(" {name}=\"")).unwrap().1.split_once('"').unwrap().0
}

fn number(line: &str, name: &str) -> f64 {
    attribute(line, name).parse().unwrap()
}

fn text(line: &str) -> Text {
    let (anchor, width, size) =
        (attribute(line, "text-anchor"), number(line, "textLength") / SCALE, number(line, "font-size") / SCALE);
    let (x, top) = (number(line, "x") / SCALE, number(line, "y") / SCALE);
    let left = match anchor {
        "end" => x - width,
        "middle" => x - width / 2.0,
        _ => x,
    };
    let said = line.split_once('>').unwrap().1.trim_end_matches("</text>");
    // The em square hangs from `y`.
    Text { text: said.to_owned(), anchor: anchor.to_owned(), left, top, right: left + width, bottom: top + size }
}

/// All groups, in the order drawn. Each element has a line of its own.
pub(super) fn groups(svg: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for line in svg.lines() {
        if line.starts_with("<g ") {
            groups.push(Group { class: attribute(line, "class").to_owned(), ..Group::default() });
        }
        let Some(group) = groups.last_mut() else { continue };
        match line.split([' ', '>']).next() {
            Some("<title") => {
                group.title = line.trim_start_matches("<title>").trim_end_matches("</title>").to_owned();
            }
            Some("<polyline") => {
                group.polylines += 1;
                group.theory += usize::from(attribute(line, "stroke-width") == "5");
            }
            Some("<polygon") => group.polygons += usize::from(attribute(line, "fill") != "#FFFFFF"),
            Some("<circle") => group.circles += 1,
            Some("<rect") => group.rects += 1,
            Some("<text") => group.texts.push(text(line)),
            _ => {}
        }
    }
    groups
}

/// The groups of one class.
pub(super) fn of_class(svg: &str, class: &str) -> Vec<Group> {
    groups(svg).into_iter().filter(|group| group.class == class).collect()
}

/// What is wrong with the places of the texts: those that leave the picture, and those that run into each other.
pub(super) fn misplaced(svg: &str) -> Vec<String> {
    let mut size = attribute(svg, "viewBox").split(' ').skip(2).map(|side| side.parse::<f64>().unwrap() / SCALE);
    let (width, height) = (size.next().unwrap(), size.next().unwrap());
    let texts: Vec<Text> = groups(svg).into_iter().flat_map(|group| group.texts).collect();
    let outside = texts.iter().filter(|t| {
        t.left < -TOLERANCE || t.top < -TOLERANCE || t.right > width + TOLERANCE || t.bottom > height + TOLERANCE
    });
    let mut wrong: Vec<String> = outside.map(|t| format!("outside: `{}` at {}, {}", t.text, t.left, t.top)).collect();
    for (i, a) in texts.iter().enumerate() {
        for b in &texts[i + 1..] {
            let beside = a.left + TOLERANCE >= b.right || b.left + TOLERANCE >= a.right;
            let apart = a.top + TOLERANCE >= b.bottom || b.top + TOLERANCE >= a.bottom;
            if !beside && !apart {
                wrong.push(format!("over each other: `{}` and `{}` at {}, {}", a.text, b.text, b.left, b.top));
            }
        }
    }
    wrong
}

#[test]
fn an_svg_is_read_as_it_is_written() {
    use super::canvas::{Anchor, Canvas, TEXT, Type, text_width};
    use super::style::{Ink, LIGHT};
    let mut canvas = Canvas::new(200.0, 100.0);
    canvas.layer("axes", "");
    for (x, label) in [(50.0, "1"), (150.0, "2")] {
        canvas.text((x, 90.0), label, Type { anchor: Anchor::Middle, ..TEXT });
    }
    canvas.layer("series", "a < b");
    canvas.line(&[(10.0, 50.0), (100.0, 50.0)], Ink::Text, 1.2, &[]);
    canvas.line(&[(10.0, 50.0), (100.0, 50.0)], Ink::Text, 2.2, &[]);
    canvas.rect((0.0, 0.0), (5.0, 5.0), Ink::Paper);
    canvas.rect((0.0, 0.0), (5.0, 5.0), Ink::Text);
    canvas.dot((20.0, 20.0), 3.0, Ink::Text, 0.5);
    canvas.text((10.0, 30.0), "over", TEXT);
    canvas.text((15.0, 32.0), "each other", TEXT);
    canvas.text((190.0, 60.0), "out", TEXT);
    let svg = super::render::svg(&canvas, &LIGHT, "x", "a title", "what it says").unwrap();
    let (axes, series) = (&of_class(&svg, "axes")[0], &of_class(&svg, "series")[0]);
    assert_eq!((axes.labels_below(), axes.labels_beside()), (2, 0));
    assert_eq!((series.polylines, series.theory, series.polygons, series.circles), (2, 1, 1, 1));
    assert_eq!((series.marks(), series.title.as_str()), (2, "a &lt; b"));
    let over = &series.texts[0];
    assert!((over.left - 10.0).abs() < 0.3 && (over.right - over.left - text_width("over", TEXT)).abs() < 0.3);
    // The baseline lies 0.76 of the em below its top.
    assert!((over.top + 0.76 * 13.0 - 30.0).abs() < 0.3 && (over.bottom - over.top - 13.0).abs() < 0.1, "{over:?}");
    let wrong = misplaced(&svg);
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].starts_with("outside") && wrong[1].contains("each other"));
}
