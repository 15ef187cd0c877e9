//! Shapes to SVG and PNG, through plotters' backends.
//!
//! plotters draws in whole pixels and knows neither titles nor roles, so SVG is drawn four times as large, group by
//! group, and put together here; PNG is drawn twice as large and averaged down, which smooths every edge alike.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontStyle, RGBAColor, RGBColor, TextStyle};
use thiserror::Error;

use super::canvas::{Anchor, Canvas, FAMILY, HEIGHT_PER_EM, Layer, Shape, Type, register_fonts, text_width};
use super::style::{Ink, Theme};

/// A chart that could not be drawn.
#[derive(Debug, Error)]
pub enum ChartError {
    /// The drawing library refused.
    #[error("a chart could not be drawn: {0}")]
    Draw(String),
    /// The picture could not be encoded.
    #[error("a chart could not be encoded as PNG: {0}")]
    Png(#[from] png::EncodingError),
    /// A width outside what makes a readable picture of bearable size.
    #[error("{0} pixels wide: allowed are {WIDTH_MIN_PX} to {WIDTH_MAX_PX}")]
    Width(u32),
}

fn refused(reason: impl std::fmt::Display) -> ChartError {
    ChartError::Draw(reason.to_string())
}

/// Narrowest picture, in pixels.
pub const WIDTH_MIN_PX: u32 = 200;
/// Widest picture, in pixels.
pub const WIDTH_MAX_PX: u32 = 6_000;

/// Refuses a width that no picture should have.
///
/// # Errors
/// When it is out of range.
pub fn check_width(width_px: u32) -> Result<(), ChartError> {
    if (WIDTH_MIN_PX..=WIDTH_MAX_PX).contains(&width_px) { Ok(()) } else { Err(ChartError::Width(width_px)) }
}

/// SVG pixels per unit of the drawing.
const SVG_SCALE: f64 = 4.0;
/// Font size over em in plotters' SVG text.
const SVG_SIZE_PER_EM: f64 = 1.24;
/// Families for readers without DejaVu: Verdana is as wide, the others are narrower, so nothing is cut off.
const FAMILIES: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Where the parts of a text go in a backend: font size per em, and how far the baseline lies below the point.
struct TextRule {
    size_per_em: f64,
    baseline: fn(f64) -> f64,
}

const SVG_TEXT: TextRule = TextRule { size_per_em: SVG_SIZE_PER_EM, baseline: |em| 0.76 * em };
const BITMAP_TEXT: TextRule = TextRule { size_per_em: HEIGHT_PER_EM, baseline: |em| em * HEIGHT_PER_EM / 2.0 };

struct Brush<'a> {
    theme: &'a Theme,
    scale: f64,
    text: TextRule,
    /// Whether thick lines are drawn as separate pieces: plotters' own joins leave spikes in bitmaps.
    pieces: bool,
}

impl Brush<'_> {
    fn colour(&self, ink: Ink, alpha: f64) -> RGBAColor {
        let [r, g, b] = self.theme.colour(ink);
        RGBColor(r, g, b).mix(alpha)
    }

    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        // `as` saturates, and NaN becomes 0: no value can make this panic.
        ((x * self.scale).round() as i32, (y * self.scale).round() as i32)
    }

    fn draw<B: DrawingBackend>(&self, backend: &mut B, shape: &Shape) -> Result<(), ChartError> {
        let result = match shape {
            Shape::Path { points, ink, width } if self.pieces => return self.pieces(backend, points, *ink, *width),
            Shape::Path { points, ink, width } => {
                let stroke = (width * self.scale).round().max(1.0) as u32;
                let style = self.colour(*ink, 1.0).stroke_width(stroke);
                backend.draw_path(points.iter().map(|p| self.at(*p)), &style)
            }
            Shape::Polygon { points, ink } => {
                backend.fill_polygon(points.iter().map(|p| self.at(*p)), &self.colour(*ink, 1.0))
            }
            Shape::Circle { centre, radius, ink, alpha } => {
                let radius = (radius * self.scale).round().max(1.0) as u32;
                backend.draw_circle(self.at(*centre), radius, &self.colour(*ink, *alpha), true)
            }
            Shape::Text { at, text, kind } => {
                let at = (at.0, at.1 - (self.text.baseline)(kind.size));
                backend.draw_text(text, &self.text_style(*kind), self.at(at))
            }
        };
        result.map_err(refused)
    }

    fn text_style(&self, kind: Type) -> TextStyle<'static> {
        let h_pos = match kind.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = if kind.bold { FontStyle::Bold } else { FontStyle::Normal };
        FontDesc::new(FAMILY.into(), kind.size * self.scale * self.text.size_per_em, style)
            .color(&self.colour(kind.ink, 1.0))
            .pos(Pos::new(h_pos, VPos::Top))
    }

    /// Each segment a rectangle, each corner a disc.
    fn pieces<B: DrawingBackend>(
        &self,
        backend: &mut B,
        points: &[(f64, f64)],
        ink: Ink,
        width: f64,
    ) -> Result<(), ChartError> {
        let (colour, half) = (self.colour(ink, 1.0), (width / 2.0).max(0.5 / self.scale));
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            if length > 0.0 {
                let (dx, dy) = ((y0 - y1) / length * half, (x1 - x0) / length * half);
                let corners = [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)];
                backend.fill_polygon(corners.map(|p| self.at(p)), &colour).map_err(refused)?;
            }
        }
        let radius = (half * self.scale).round() as u32;
        for corner in points.iter().skip(1).rev().skip(1).filter(|_| radius > 1) {
            backend.draw_circle(self.at(*corner), radius, &colour, true).map_err(refused)?;
        }
        Ok(())
    }
}

/// Escapes text for XML and HTML.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Not allowed in XML at all.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The drawing as a standalone SVG. `title` and `description` are what a screen reader says; `id` must be unique on
/// the page it is put into.
///
/// # Errors
/// When plotters refuses to draw.
pub fn svg(canvas: &Canvas, theme: &Theme, id: &str, title: &str, description: &str) -> Result<String, ChartError> {
    register_fonts();
    let brush = Brush { theme, scale: SVG_SCALE, text: SVG_TEXT, pieces: false };
    let (width, height) = ((canvas.width * SVG_SCALE).ceil(), (canvas.height * SVG_SCALE).ceil());
    let (id, title, description) = (escape(id), escape(title), escape(description));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
         width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILIES}\" \
         stroke-linejoin=\"round\">\n<title id=\"{id}-t\">{title}</title>\n<desc id=\"{id}-d\">{description}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
        canvas.width.ceil(),
        canvas.height.ceil(),
        super::style::hex(theme.colour(Ink::Paper)),
    );
    for layer in &canvas.layers {
        svg.push_str(&format!("<g class=\"{}\">\n", layer.class));
        if !layer.label.is_empty() {
            svg.push_str(&format!("<title>{}</title>\n", escape(&layer.label)));
        }
        svg.push_str(&svg_layer(layer, &brush, (width as u32, height as u32))?);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

/// The elements of one layer, without the document that plotters puts around them and with what repeats left out.
fn svg_layer(layer: &Layer, brush: &Brush<'_>, size: (u32, u32)) -> Result<String, ChartError> {
    let mut document = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut document, size);
        for shape in &layer.shapes {
            brush.draw(&mut backend, shape)?;
        }
        backend.present().map_err(refused)?;
    }
    let family = format!(" font-family=\"{FAMILY}\"");
    let mut elements = String::with_capacity(document.len());
    let inner = document.lines().filter(|line| !line.starts_with("<svg ") && *line != "</svg>");
    let mut in_text = false;
    // Texts come out in the order they went in.
    let mut lengths = layer
        .shapes
        .iter()
        .filter_map(|shape| match shape {
            Shape::Text { text, kind, .. } => Some((text_width(text, *kind) * brush.scale).round()),
            _ => None,
        })
        .peekable();
    for line in inner {
        if !in_text {
            let shorter = line
                .replace(&family, "")
                .replace(" opacity=\"1\"", "")
                .replace(" stroke=\"none\"", "")
                .replace(" \"/>", "\"/>");
            in_text = line.starts_with("<text ");
            // A reader without the font keeps every text in its place: it is made as long as it was measured.
            match lengths.next_if(|_| in_text) {
                Some(length) => {
                    let told = format!("<text textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" ");
                    elements.push_str(&shorter.replacen("<text ", &told, 1));
                }
                None => elements.push_str(&shorter),
            }
        } else {
            elements.push_str(line);
            in_text = !line.ends_with("</text>");
        }
        // Line ends inside a text would become spaces.
        if !in_text {
            elements.push('\n');
        }
    }
    Ok(elements)
}

/// The drawing as a PNG of `width_px`.
///
/// # Errors
/// When the width is out of range, or plotters or the encoder refuses.
pub fn png(canvas: &Canvas, theme: &Theme, width_px: u32) -> Result<Vec<u8>, ChartError> {
    check_width(width_px)?;
    register_fonts();
    let scale = f64::from(width_px) / canvas.width;
    let height_px = (canvas.height * scale).ceil().max(1.0) as u32;
    let large = (2 * width_px, 2 * height_px);
    let paper = theme.colour(Ink::Paper);
    let mut pixels = paper.repeat(large.0 as usize * large.1 as usize);
    {
        let brush = Brush { theme, scale: 2.0 * scale, text: BITMAP_TEXT, pieces: true };
        let mut backend = BitMapBackend::with_buffer(&mut pixels, large);
        let shapes = canvas.layers.iter().flat_map(|layer| &layer.shapes);
        // The paper that a drawing begins with is there.
        for shape in shapes.skip_while(|shape| matches!(shape, Shape::Polygon { ink: Ink::Paper, .. })) {
            brush.draw(&mut backend, shape)?;
        }
        backend.present().map_err(refused)?;
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width_px, height_px);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Flat areas and straight edges: the row above is the best guess for the next.
    encoder.set_filter(png::FilterType::Up);
    encoder.set_compression(png::Compression::Best);
    encoder.write_header()?.write_image_data(&halved(&pixels, large.0 as usize))?;
    Ok(file)
}

/// Averages each square of four pixels. `width` is that of the large picture.
fn halved(pixels: &[u8], width: usize) -> Vec<u8> {
    let row = 3 * width;
    let mut small = vec![0; pixels.len() / 4];
    for (rows, out) in pixels.chunks_exact(2 * row).zip(small.chunks_exact_mut(row / 2)) {
        let (upper, lower) = rows.split_at(row);
        let pairs = upper.chunks_exact(6).zip(lower.chunks_exact(6));
        for ((a, b), out) in pairs.zip(out.chunks_exact_mut(3)) {
            let average = |i: usize| {
                let sum = u16::from(a[i]) + u16::from(a[i + 3]) + u16::from(b[i]) + u16::from(b[i + 3]);
                ((sum + 2) / 4) as u8
            };
            (out[0], out[1], out[2]) = (average(0), average(1), average(2));
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::canvas::TEXT;
    use crate::charts::style::LIGHT;

    fn drawing() -> Canvas {
        let mut canvas = Canvas::new(200.0, 100.0);
        canvas.layer("series", "a < b & c");
        canvas.line(&[(10.0, 50.0), (100.0, 50.0), (190.0, 10.0)], Ink::Own([200, 0, 0]), 2.0, &[]);
        canvas.text((10.0, 90.0), "x < 3 & \"y\"", TEXT);
        canvas
    }

    /// Width and height, and three bytes a pixel.
    fn decoded(file: &[u8]) -> ((u32, u32), Vec<u8>) {
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size()];
        reader.next_frame(&mut pixels).unwrap();
        (reader.info().size(), pixels)
    }

    #[test]
    fn svg_has_role_title_and_description_and_escapes_all_text() {
        let svg = svg(&drawing(), &LIGHT, "c1", "T <1>", "D & more").unwrap();
        assert!(svg.contains("role=\"img\"") && svg.contains("aria-labelledby=\"c1-t c1-d\""));
        assert!(svg.contains("<title id=\"c1-t\">T &lt;1&gt;</title>"));
        assert!(svg.contains("<desc id=\"c1-d\">D &amp; more</desc>"));
        assert!(svg.contains("<g class=\"series\">\n<title>a &lt; b &amp; c</title>"));
        assert!(svg.contains(">x &lt; 3 &amp; &quot;y&quot;</text>"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), 1);
        assert_eq!(svg.matches("<polyline").count(), 1);
        let length = (text_width("x < 3 & \"y\"", TEXT) * SVG_SCALE).round();
        assert!(svg.contains(&format!("<text textLength=\"{length}\" ")), "{svg}");
    }

    #[test]
    fn png_has_the_width_asked_for_and_something_on_it() {
        let (size, pixels) = decoded(&png(&drawing(), &LIGHT, 400).unwrap());
        assert_eq!(size, (400, 200));
        // The line is red, 2 units wide, 270 pixels long: hundreds of pixels that are neither paper nor text.
        assert!(pixels.chunks(3).filter(|p| p[0] > 150 && p[1] < 100).count() > 500);
        assert!(matches!(png(&drawing(), &LIGHT, 10), Err(ChartError::Width(10))));
    }

    #[test]
    fn paper_is_drawn_where_it_covers_something_and_is_there_without() {
        let mut covered = Canvas::new(200.0, 100.0);
        covered.rect((0.0, 0.0), (200.0, 4_000.0), Ink::Paper);
        covered.rect((20.0, 20.0), (80.0, 80.0), Ink::Text);
        let mut bare = Canvas::new(200.0, 100.0);
        bare.rect((20.0, 20.0), (80.0, 80.0), Ink::Text);
        for theme in super::super::style::THEMES {
            let bare = png(&bare, &theme, 400).unwrap();
            assert!(png(&covered, &theme, 400).unwrap() == bare, "{}", theme.name);
            assert_eq!(decoded(&bare).1[..3], theme.colour(Ink::Paper), "{}", theme.name);
        }
        let before = png(&bare, &LIGHT, 400).unwrap();
        bare.rect((30.0, 30.0), (70.0, 70.0), Ink::Paper);
        assert!(png(&bare, &LIGHT, 400).unwrap() != before);
    }

    #[test]
    fn halving_averages() {
        assert_eq!(halved(&[0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0], 2), [128, 128, 128]);
    }
}
