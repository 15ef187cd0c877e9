//! Time stamps for people: UTC, ISO 8601. Never used to measure.

use std::time::SystemTime;

/// Now, to the second: `2026-01-31T09:15:00Z`.
#[must_use]
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// Now, as the begin of a folder's name: `20260131T091500Z`.
#[must_use]
pub fn stamp() -> String {
    now().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}
