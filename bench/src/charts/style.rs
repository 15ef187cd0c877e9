//! Colours, dashes and markers: read from descriptors, never from names.

use wirerace_contract::descriptor::{Dash, Marker};
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::Connection;

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// A colour of a drawing, before a theme has given it a value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Ink {
    /// The background.
    Paper,
    /// Text and axes.
    Text,
    /// Text that may be overlooked.
    Muted,
    /// Lines of the grid.
    Grid,
    /// An arm's own colour; lifted on dark paper.
    Own(Rgb),
    /// The same on any paper: fills, and the text on them. Only values of [`FIXED`].
    Fixed(usize),
}

/// Colours that no theme changes: white and black text on fills, then the fills of six layers of bytes, from dark to
/// light so that they differ in grey as well; the last, which hardly ever is there, is told by its hatching too.
pub const FIXED: [Rgb; 8] = [
    [0xFE, 0xFE, 0xFE],
    [0x10, 0x14, 0x18],
    [0x35, 0x50, 0x8A],
    [0x7D, 0xA7, 0xD9],
    [0xB9, 0xD3, 0xEE],
    [0xF0, 0xC9, 0x87],
    [0xFB, 0xE9, 0xC9],
    [0xE3, 0x9A, 0x8B],
];

/// What the colours of a drawing stand for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Theme {
    /// Its word on the command line and in files.
    pub name: &'static str,
    paper: Rgb,
    text: Rgb,
    muted: Rgb,
    grid: Rgb,
    /// Whether every colour becomes a grey.
    grey: bool,
}

/// For screens and colour printers.
pub const LIGHT: Theme = Theme {
    name: "light",
    paper: [0xFF, 0xFF, 0xFF],
    text: [0x1B, 0x1F, 0x24],
    muted: [0x57, 0x60, 0x6A],
    grid: [0xDD, 0xE1, 0xE6],
    grey: false,
};

/// For dark screens.
pub const DARK: Theme = Theme {
    name: "dark",
    paper: [0x14, 0x18, 0x1D],
    text: [0xE8, 0xEA, 0xED],
    muted: [0xA8, 0xB0, 0xB9],
    grid: [0x33, 0x3B, 0x44],
    grey: false,
};

/// For a printer without colours: black text, and greys dark enough for a thin line. Dashes, markers and hatches tell
/// the arms apart.
pub const PRINT: Theme = Theme {
    name: "print",
    paper: [0xFF, 0xFF, 0xFF],
    text: [0x00, 0x00, 0x00],
    muted: [0x38, 0x38, 0x38],
    grid: [0xC8, 0xC8, 0xC8],
    grey: true,
};

/// All themes.
pub const THEMES: [Theme; 3] = [LIGHT, DARK, PRINT];

/// Brightness of the palest line on a printer's paper: a contrast of 3 to 1 with white, as WCAG 2.2 (1.4.11) asks of
/// graphics.
const PALEST: f64 = 0.55;

impl Theme {
    /// The value of `ink`.
    #[must_use]
    pub fn colour(&self, ink: Ink) -> Rgb {
        match ink {
            Ink::Paper => self.paper,
            Ink::Text => self.text,
            Ink::Muted => self.muted,
            Ink::Grid => self.grid,
            Ink::Own(rgb) if self.grey => grey(brightness(rgb).min(PALEST)),
            Ink::Fixed(index) if self.grey => grey(brightness(FIXED[index % FIXED.len()])),
            Ink::Own(rgb) if self.is_dark() => readable_on_dark(rgb),
            Ink::Own(rgb) => rgb,
            Ink::Fixed(index) => FIXED[index % FIXED.len()],
        }
    }

    fn is_dark(&self) -> bool {
        brightness(self.paper) < 0.5
    }
}

/// The dark theme's value of a colour found in a drawing made in the light theme.
#[must_use]
pub fn dark_of(light: Rgb) -> Rgb {
    if FIXED.contains(&light) {
        return light;
    }
    let role = [Ink::Paper, Ink::Text, Ink::Muted, Ink::Grid].into_iter().find(|ink| LIGHT.colour(*ink) == light);
    DARK.colour(role.unwrap_or(Ink::Own(light)))
}

/// Rough brightness, 0 to 1 (Rec. 601 weights): good enough to tell dark from light.
fn brightness(rgb: Rgb) -> f64 {
    let [r, g, b] = rgb.map(f64::from);
    (0.299 * r + 0.587 * g + 0.114 * b) / 255.0
}

/// The grey of a brightness.
fn grey(brightness: f64) -> Rgb {
    [(255.0 * brightness).round() as u8; 3]
}

/// Dark colours are lifted towards white until they stand out from dark paper.
fn readable_on_dark(rgb: Rgb) -> Rgb {
    let lacking = (0.5 - brightness(rgb)).max(0.0);
    mix(rgb, [0xFF; 3], lacking)
}

/// `share` (0 to 1) of `other` in `rgb`.
#[must_use]
pub fn mix(rgb: Rgb, other: Rgb, share: f64) -> Rgb {
    let channel = |i: usize| (f64::from(rgb[i]) * (1.0 - share) + f64::from(other[i]) * share).round() as u8;
    [channel(0), channel(1), channel(2)]
}

/// Reads `#RRGGBB`; a descriptor from elsewhere may hold anything, and a grey line is better than none.
#[must_use]
pub fn parse(colour: &str) -> Rgb {
    let digits = colour.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii());
    let channel = |at: usize| digits.and_then(|d| u8::from_str_radix(d.get(at..at + 2)?, 16).ok());
    match (channel(0), channel(2), channel(4)) {
        (Some(r), Some(g), Some(b)) => [r, g, b],
        _ => [0x80; 3],
    }
}

/// `#RRGGBB`.
#[must_use]
pub fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// How an arm is drawn, everywhere the same.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ArmStyle {
    /// Of lines and markers.
    pub ink: Ink,
    /// Lengths of strokes and gaps, in units of the drawing; empty for a solid line.
    pub dash: &'static [f64],
    /// The marker's shape.
    pub marker: Marker,
    /// Filled, or only its outline.
    pub filled: bool,
}

/// How much black is in the colour of an arm's theory.
const THEORY_BLACK: f64 = 0.45;

impl ArmStyle {
    /// The colour of what theory says of the arm: its own, so that one sees whose theory it is, but darker, so that it is seen
    /// on the arm's own line where the two agree.
    #[must_use]
    pub fn theory(&self) -> Ink {
        match self.ink {
            Ink::Own(rgb) => Ink::Own(mix(rgb, [0x00; 3], THEORY_BLACK)),
            other => other,
        }
    }
}

/// The styles of `arms`, in their order. Arms of one transport share its colour and marker; those that close
/// connections get hollow markers, a lighter tint and shorter strokes; further ones get ever lighter tints.
#[must_use]
pub fn styles(arms: &[ArmEntry]) -> Vec<ArmStyle> {
    let style = |i: usize| {
        let (entry, closed) = (&arms[i], arms[i].arm.connection == Connection::Closed);
        let like = |other: &&ArmEntry| {
            other.descriptor.name == entry.descriptor.name && other.arm.connection == entry.arm.connection
        };
        let before = arms[..i].iter().filter(like).count();
        let tint = (0.18 * before as f64 + if closed { 0.25 } else { 0.0 }).min(0.6);
        ArmStyle {
            ink: Ink::Own(mix(parse(&entry.descriptor.colour), [0xFF; 3], tint)),
            dash: strokes(entry.descriptor.dash, closed || before % 2 == 1),
            marker: entry.descriptor.marker,
            filled: !closed && before % 2 == 0,
        }
    };
    (0..arms.len()).map(style).collect()
}

const fn strokes(dash: Dash, short: bool) -> &'static [f64] {
    match (dash, short) {
        (Dash::Solid, false) => &[],
        (Dash::Solid, true) => &[14.0, 2.5],
        (Dash::Dashed, false) => &[9.0, 4.0],
        (Dash::Dashed, true) => &[4.5, 3.0],
        (Dash::DashDot, false) => &[9.0, 3.0, 2.0, 3.0],
        (Dash::DashDot, true) => &[5.0, 2.5, 2.0, 2.5],
        (Dash::Dotted, false) => &[2.5, 2.5],
        (Dash::Dotted, true) => &[1.5, 3.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn arms_of_one_transport_are_told_apart_without_colour() {
        let styles = styles(&fixture::run().0.arms);
        let (closed, kept) = (&styles[0], &styles[1]);
        assert_eq!(kept.ink, Ink::Own([0xD5, 0x5E, 0x00]));
        assert!(kept.filled && !closed.filled);
        assert_ne!(closed.dash, kept.dash);
        assert_ne!(closed.ink, kept.ink);
        assert_eq!(closed.marker, kept.marker);
    }

    #[test]
    fn dark_has_a_value_for_every_light_colour() {
        assert_eq!(dark_of(LIGHT.colour(Ink::Text)), DARK.colour(Ink::Text));
        assert!(brightness(dark_of([0x00, 0x72, 0xB2])) > brightness([0x00, 0x72, 0xB2]));
    }

    #[test]
    fn print_has_no_colour_and_no_pale_line() {
        for rgb in [[0xD5, 0x5E, 0x00], [0xE6, 0x9F, 0x00], [0x00, 0x9E, 0x73], [0xFF, 0xF0, 0xD0]] {
            let [r, g, b] = PRINT.colour(Ink::Own(rgb));
            assert!(r == g && g == b && r <= 0x8C, "{rgb:?}: {r}");
        }
        for fixed in 0..FIXED.len() {
            let [r, g, b] = PRINT.colour(Ink::Fixed(fixed));
            assert!(r == g && g == b, "{fixed}");
        }
        assert_eq!(PRINT.colour(Ink::Paper), [0xFF; 3]);
        assert_eq!(THEMES.map(|theme| theme.name), ["light", "dark", "print"]);
    }

    #[test]
    fn a_colour_that_is_none_is_grey() {
        assert_eq!(parse("#0072B2"), [0x00, 0x72, 0xB2]);
        for odd in ["", "#12", "blue", "#ÄÖÜ", "#GG0000"] {
            assert_eq!(parse(odd), [0x80; 3], "{odd}");
        }
        assert_eq!(hex([0, 0x72, 0xB2]), "#0072B2");
    }
}
