//! What charts, report, theory and statistics know of a transport: never its name, always this.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who decides when a quote travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivers {
    /// The client asks at planned instants; the server answers at once.
    Planned,
    /// The client asks; the server holds the request until there is something.
    Held,
    /// The server writes when there is something.
    Pushed,
}

/// What is put around a quote on the wire: with who decides, all that bytes depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wraps {
    /// Whole answers of HTTP: a head and a body for one or more quotes.
    Answers,
    /// Events (WHATWG HTML §9.2), each in a chunk of one answer that does not end (RFC 9112 §7.1).
    Events,
    /// Frames of an upgraded connection (RFC 6455 §5.2).
    Frames,
}

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dash {
    /// Without gaps.
    Solid,
    /// Long strokes.
    Dashed,
    /// Strokes and dots.
    DashDot,
    /// Dots.
    Dotted,
}

/// How a point is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square.
    Square,
    /// A triangle standing on its base.
    Triangle,
    /// A square standing on its corner.
    Diamond,
}

/// A transport, as far as readers of results need to know it. Copied into every trial.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Descriptor {
    /// The code: `polling`, `long_polling`, `sse`, `websocket`.
    pub name: Cow<'static, str>,
    /// What people call it.
    pub title: Cow<'static, str>,
    /// `#RRGGBB`, from the palette of Okabe and Ito, told apart by the colour-blind.
    pub colour: Cow<'static, str>,
    /// So that nothing is coded by colour only.
    pub dash: Dash,
    /// Likewise.
    pub marker: Marker,
    /// Who decides when a quote travels.
    pub delivers: Delivers,
    /// What is put around a quote; `null` where the theory of bytes does not know it.
    #[serde(default)]
    pub wraps: Option<Wraps>,
    /// Round trips from nothing to the first byte of a quote on a new connection without TLS.
    pub set_up_round_trips: u8,
}

/// Every transport here opens a TCP connection (one round trip) and then asks once (the second): an upgrade, an
/// event stream's request or a poll.
const SET_UP_ROUND_TRIPS: u8 = 2;

impl Descriptor {
    /// Asks at planned instants.
    pub const POLLING: Self = descriptor(
        ("polling", "Polling"),
        "#D55E00",
        (Dash::Dashed, Marker::Square),
        (Delivers::Planned, Wraps::Answers),
    );
    /// Asks again as soon as it is answered; the server holds the question.
    pub const LONG_POLLING: Self = descriptor(
        ("long_polling", "Long polling"),
        "#E69F00",
        (Dash::DashDot, Marker::Diamond),
        (Delivers::Held, Wraps::Answers),
    );
    /// Server-sent events: one answer without an end.
    pub const SSE: Self =
        descriptor(("sse", "SSE"), "#009E73", (Dash::Dotted, Marker::Triangle), (Delivers::Pushed, Wraps::Events));
    /// One connection, upgraded; messages both ways.
    pub const WEBSOCKET: Self = descriptor(
        ("websocket", "WebSocket"),
        "#0072B2",
        (Dash::Solid, Marker::Circle),
        (Delivers::Pushed, Wraps::Frames),
    );
}

const fn descriptor(
    (name, title): (&'static str, &'static str),
    colour: &'static str,
    (dash, marker): (Dash, Marker),
    (delivers, wraps): (Delivers, Wraps),
) -> Descriptor {
    Descriptor {
        name: Cow::Borrowed(name),
        title: Cow::Borrowed(title),
        colour: Cow::Borrowed(colour),
        dash,
        marker,
        delivers,
        wraps: Some(wraps),
        set_up_round_trips: SET_UP_ROUND_TRIPS,
    }
}
