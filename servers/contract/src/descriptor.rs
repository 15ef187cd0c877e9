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
    /// Round trips from nothing to the first byte of a quote on a new connection without TLS.
    pub set_up_round_trips: u8,
}
