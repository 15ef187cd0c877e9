//! The rules as functions. Each takes the evidence and its claim (whose experiments and margins it uses) and gives
//! a part for each condition it finds. No data, no part.

pub mod cost;
pub mod need;
pub mod shown;
pub mod time;
pub mod wire;

use super::{Claim, Evidence, Part};

/// For claims that nothing here settles.
#[must_use]
pub fn none(_: &Evidence, _: &Claim) -> Vec<Part> {
    Vec::new()
}

/// The margin at a place; a claim without it can hold nowhere.
fn margin(claim: &Claim, place: usize) -> f64 {
    claim.margins.get(place).copied().unwrap_or(f64::NAN)
}
