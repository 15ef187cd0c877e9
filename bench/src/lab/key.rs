//! The questions of all sheets, as data: what is asked, in what unit, how close an answer must be, and where the true value
//! comes from.

use serde::Deserialize;

use crate::nearest::nearest;
use crate::summary::Quantity;

/// All questions, in the order of the sheets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The questions.
    pub questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Number of the sheet that asks it.
    pub sheet: u32,
    /// Its name in the file of answers.
    pub name: String,
    /// What kind of answer it takes.
    pub kind: Kind,
    /// Unit of a number; empty where there is none.
    #[serde(default)]
    pub unit: String,
    /// What may be answered to a choice, or put in order.
    #[serde(default)]
    pub options: Vec<String>,
    /// A number passes within this share of the true value.
    #[serde(default)]
    pub pass: f64,
    /// It is near within this share.
    #[serde(default)]
    pub near: f64,
    /// Where the true value comes from.
    pub from: Source,
    /// What to look at, for an answer that does not pass.
    pub hint: String,
    /// Why it is so, for one that does.
    pub why: String,
}

/// What kind of answer a question takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole number, to be met exactly.
    Count,
    /// A number, to be met within a tolerance.
    Number,
    /// One of the options.
    Choice,
    /// All options in their order.
    Order,
}

/// Where a true value comes from.
#[derive(Debug, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// The median of a quantity of an arm in the run.
    Run {
        /// The arm.
        arm: String,
        /// The quantity.
        quantity: Quantity,
        /// Less this quantity of the same arm.
        minus: Option<Quantity>,
        /// Divided by this quantity of the same arm, times 100: what the files give per 100 of something, per one of it.
        per_hundred: Option<Quantity>,
        /// Divided by the same quantity of this arm.
        over: Option<String>,
    },
    /// A figure of theory, whatever the run.
    Theory(Theory),
    /// Of the options the arm that has least of a quantity, and those that the run cannot tell from it.
    Least {
        /// The quantity.
        quantity: Quantity,
        /// The arms.
        arms: Vec<String>,
    },
    /// The arms from least to most; those that the run cannot tell apart in either order.
    Order {
        /// The quantity.
        quantity: Quantity,
        /// The arms.
        arms: Vec<String>,
    },
    /// What the run says of two arms: `differs`, `equal` or `undecided`.
    Outcome {
        /// The quantity.
        quantity: Quantity,
        /// One arm.
        left: String,
        /// The other.
        right: String,
    },
    /// A choice whose reason is in the key.
    Fixed {
        /// The right option.
        answer: String,
    },
}

impl Source {
    /// Whether it is read off the run; theory and fixed choices are the same for every run.
    #[must_use]
    pub const fn is_of_run(&self) -> bool {
        !matches!(self, Self::Theory(_) | Self::Fixed { .. })
    }
}

/// A figure of theory and what it is computed for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Theory {
    /// Which figure.
    pub figure: Figure,
    /// Of which default arm.
    pub arm: String,
    /// Less the same of this arm.
    pub minus: Option<String>,
    /// Distance of polls, milliseconds.
    pub interval_ms: u32,
    /// There and back, milliseconds.
    pub round_trip_ms: f64,
    /// Quotes per second, coming as a Poisson process.
    pub rate_per_s: f64,
}

/// What theory can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Median lateness, milliseconds.
    LatenessP50Ms,
    /// Mean lateness, milliseconds.
    LatenessMeanMs,
    /// Bytes above TCP per quote, without set-up.
    SteadyApplicationBytes,
}

impl Key {
    /// The key that is built in.
    ///
    /// # Errors
    /// When it is damaged: what and where.
    pub fn built_in() -> Result<Self, String> {
        toml::from_str(include_str!("key.toml"))
            .map_err(|error| format!("the key that is built in is damaged: {error}"))
    }

    /// The questions of a sheet, each with its number on it, from 1.
    pub fn of_sheet(&self, sheet: u32) -> impl Iterator<Item = (usize, &Question)> {
        self.questions.iter().filter(move |question| question.sheet == sheet).enumerate().map(|(i, q)| (i + 1, q))
    }

    /// The question of that name on a sheet.
    ///
    /// # Errors
    /// When there is none: a sentence with the nearest name.
    pub fn question(&self, sheet: u32, name: &str) -> Result<&Question, String> {
        let mut of_sheet = self.of_sheet(sheet).map(|(_, question)| question);
        of_sheet
            .find(|question| question.name == name)
            .ok_or_else(|| nearest("question", name, self.of_sheet(sheet).map(|(_, question)| question.name.as_str())))
    }
}
