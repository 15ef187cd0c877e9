//! What an answer should be: read off a run, computed from theory, or a choice whose reason is in the key.

use wirerace_contract::feed::FeedSpec;
use wirerace_contract::spec::{Delay, LoadSpec, Path};

use super::key::{Figure, Source, Theory};
use crate::registry;
use crate::statistics::Outcome;
use crate::summary::{CellSummary, Quantity};
use crate::theory::{Costs, Prediction, predict};

/// Where a run has too few blocks to compare, medians that are this share apart count as different.
const CLEARLY_APART: f64 = 0.10;
/// A difference that is real but smaller than this share is none that a class could see.
const SEEN: f64 = 0.03;

/// What an answer should be.
#[derive(Clone, PartialEq, Debug)]
pub enum Truth {
    /// This number.
    Number(f64),
    /// One of these words; the first is the best.
    OneOf(Vec<String>),
    /// These words in this order, where some may change places.
    Order {
        /// From least to most.
        names: Vec<String>,
        /// Pairs that must stand in this order.
        clear: Vec<(String, String)>,
    },
}

/// The true answer.
///
/// # Errors
/// When the run has no such figure: a sentence.
pub fn truth(source: &Source, cell: &CellSummary) -> Result<Truth, String> {
    match source {
        Source::Run { arm, quantity, minus, per_hundred, over } => {
            let mut value = median(cell, arm, *quantity)?;
            if let Some(minus) = minus {
                value -= median(cell, arm, *minus)?;
            }
            if let Some(per) = per_hundred {
                value = divided(100.0 * value, median(cell, arm, *per)?)?;
            }
            if let Some(over) = over {
                value = divided(value, median(cell, over, *quantity)?)?;
            }
            Ok(Truth::Number(value))
        }
        Source::Theory(theory) => Ok(Truth::Number(figure(theory)?)),
        Source::Least { quantity, arms } => {
            let names = ordered(cell, *quantity, arms)?;
            let best = names[0].clone();
            let level = |name: &String| *name == best || !apart(cell, *quantity, &best, name);
            Ok(Truth::OneOf(names.iter().filter(|name| level(name)).cloned().collect()))
        }
        Source::Order { quantity, arms } => {
            let names = ordered(cell, *quantity, arms)?;
            let pairs = names.iter().enumerate().flat_map(|(i, left)| names[i + 1..].iter().map(move |r| (left, r)));
            let clear = pairs.filter(|(l, r)| apart(cell, *quantity, l, r)).map(|(l, r)| (l.clone(), r.clone()));
            Ok(Truth::Order { clear: clear.collect(), names: names.clone() })
        }
        Source::Outcome { quantity, left, right } => {
            let outcome = cell.comparison(*quantity, left, right).map(|comparison| comparison.outcome);
            let word = match outcome {
                Some(Outcome::Differs) => "differs",
                Some(Outcome::Equal) => "equal",
                Some(Outcome::Undecided) => "undecided",
                Some(Outcome::TooFewBlocks) | None => {
                    return Err(format!("it does not compare `{left}` with `{right}`: that needs six blocks"));
                }
            };
            Ok(Truth::OneOf(vec![word.to_owned()]))
        }
        Source::Fixed { answer } => Ok(Truth::OneOf(vec![answer.clone()])),
    }
}

fn median(cell: &CellSummary, arm: &str, quantity: Quantity) -> Result<f64, String> {
    let summary =
        cell.arms.iter().find(|summary| summary.arm == arm).ok_or_else(|| format!("it has no arm `{arm}`"))?;
    let median = summary.median(quantity).filter(|median| median.is_finite());
    median.ok_or_else(|| format!("it has no {} of `{arm}`", quantity.title()))
}

fn divided(value: f64, by: f64) -> Result<f64, String> {
    if by == 0.0 { Err("what it would be divided by is nothing".to_owned()) } else { Ok(value / by) }
}

/// The arms from least to most; never empty.
fn ordered(cell: &CellSummary, quantity: Quantity, arms: &[String]) -> Result<Vec<String>, String> {
    let mut found = arms
        .iter()
        .map(|arm| Ok((median(cell, arm, quantity)?, arm.clone())))
        .collect::<Result<Vec<(f64, String)>, String>>()?;
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    if found.is_empty() {
        return Err("the key names no arms".to_owned());
    }
    Ok(found.into_iter().map(|(_, arm)| arm).collect())
}

/// Whether the run tells two arms apart, by more than a reader would shrug at.
fn apart(cell: &CellSummary, quantity: Quantity, left: &str, right: &str) -> bool {
    let share = match cell.comparison(quantity, left, right).map(|comparison| comparison.outcome) {
        Some(Outcome::Differs) => SEEN,
        Some(Outcome::Equal | Outcome::Undecided) => return false,
        Some(Outcome::TooFewBlocks) | None => CLEARLY_APART,
    };
    match (median(cell, left, quantity), median(cell, right, quantity)) {
        (Ok(l), Ok(r)) => (l - r).abs() > share * l.abs().max(r.abs()),
        _ => false,
    }
}

fn figure(theory: &Theory) -> Result<f64, String> {
    let of = |arm: &str| {
        let none = || format!("theory has no such figure for `{arm}`");
        let prediction = predicted(theory, arm)?;
        let law = prediction.law.as_ref().ok_or_else(none)?;
        Ok::<f64, String>(match theory.figure {
            Figure::LatenessP50Ms => 1e3 * law.lateness.quantile_s(0.5),
            Figure::LatenessMeanMs => 1e3 * law.lateness.mean_s(),
            Figure::SteadyApplicationBytes => {
                let steady = prediction.steady.ok_or_else(none)?;
                steady.to_client.application() + steady.to_server.application()
            }
        })
    };
    let less = theory.minus.as_deref().map_or(Ok(0.0), of)?;
    Ok(of(&theory.arm)? - less)
}

/// Theory for one client on a machine that takes no time.
fn predicted(theory: &Theory, arm: &str) -> Result<Prediction, String> {
    let entry = registry::arm(arm, theory.interval_ms)?;
    let one_way_delay_us = (theory.round_trip_ms * 1e3 / 2.0).round() as u64;
    let load = LoadSpec {
        clients: 1,
        feed: FeedSpec { rate_per_s: theory.rate_per_s, ..FeedSpec::default() },
        path: if one_way_delay_us > 0 { Path::Delayed(Delay { one_way_delay_us }) } else { Path::Loopback },
        window_ms: 30_000,
        ..LoadSpec::default()
    };
    Ok(predict(&entry, &load, &Costs::default()))
}
