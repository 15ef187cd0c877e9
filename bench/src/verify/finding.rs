//! What a check finds.

use serde::Serialize;

/// Nothing where the rule is kept.
pub(super) type Finding = Result<(), Fault>;

/// Why a rule is not known to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server does something else.
    Broken(String),
    /// The server does not have what the rule is about, and need not.
    NotOffered(String),
    /// It cannot be told here and now.
    NotChecked(String),
}

impl Fault {
    /// The rule is broken: `why`.
    pub(super) fn broken(why: impl Into<String>) -> Self {
        Self::Broken(why.into())
    }

    /// It cannot be told: `why`.
    pub(super) fn unchecked(why: impl Into<String>) -> Self {
        Self::NotChecked(why.into())
    }
}

/// Broken, in these words, unless `holds`.
pub(super) fn demand(holds: bool, why: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(Fault::Broken(why())) }
}

/// What became of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// As the contract says.
    Kept,
    /// Not as the contract says.
    Broken,
    /// The server does not have it, and need not.
    NotOffered,
    /// It could not be told.
    NotChecked,
}

impl Standing {
    /// All of them, in the order of the closing line.
    pub const ALL: [Self; 4] = [Self::Kept, Self::Broken, Self::NotOffered, Self::NotChecked];

    /// The word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::NotOffered => "not offered",
            Self::NotChecked => "not checked",
        }
    }
}

/// Standing and reason.
pub(super) fn told(finding: Finding) -> (Standing, Option<String>) {
    match finding {
        Ok(()) => (Standing::Kept, None),
        Err(Fault::Broken(why)) => (Standing::Broken, Some(why)),
        Err(Fault::NotOffered(why)) => (Standing::NotOffered, Some(why)),
        Err(Fault::NotChecked(why)) => (Standing::NotChecked, Some(why)),
    }
}
