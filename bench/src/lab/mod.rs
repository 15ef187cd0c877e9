//! Lab sheets: which questions they ask, what the answers are, and how an answer is judged. Functions of values; the one
//! file that is read, the recorded run that the sheets are written for, is built in.
//!
//! The order to read in: [`key`] (the questions, as data), [`truth`] (what an answer should be: no figure is typed in by
//! hand, each is read off a run or computed from theory), [`answers`] (what a student wrote), [`grade`] (the two held
//! against each other).

pub mod answers;
pub mod grade;
pub mod key;
#[cfg(test)]
mod tests;
pub mod truth;

use serde::Serialize;

use crate::summary::{CellSummary, Summary};
use answers::Sheet;
use grade::{Graded, Standing};
use key::Key;

/// Name of the recorded run that the sheets are written for.
pub const RECORDED: &str = "2026-11-20-transports-published";

/// The recorded run that the sheets are written for.
///
/// # Errors
/// When what is built in cannot be read: a sentence.
pub fn recorded() -> Result<Summary, String> {
    serde_json::from_str(include_str!("../../../results/2026-11-20-transports-published/summary.json"))
        .map_err(|error| format!("the recorded run that is built in cannot be read ({error}); name one with --run"))
}

/// A judged sheet.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// Number of the sheet.
    pub sheet: u32,
    /// Name of the run that it was held against.
    pub run: String,
    /// The cell of it.
    pub cell: String,
    /// How many answers passed.
    pub passed: usize,
    /// How many are near.
    pub near: usize,
    /// How many failed.
    pub failed: usize,
    /// How many questions have no answer yet.
    pub not_answered: usize,
    /// How many questions the run has no figure for.
    pub not_in_run: usize,
    /// How many questions ask for a figure of the run.
    pub of_run: usize,
    /// Every question of the sheet, in its order.
    pub questions: Vec<Graded>,
}

/// Holds the answers of `sheet` against the run `name` in its cell `cell`.
#[must_use]
pub fn judge(key: &Key, sheet: &Sheet, name: &str, cell: &CellSummary) -> Judged {
    let questions: Vec<Graded> = key
        .of_sheet(sheet.number)
        .map(|(number, question)| {
            let truth = truth::truth(&question.from, cell);
            grade::grade(number, question, sheet.answers.get(&question.name), truth)
        })
        .collect();
    let count = |standing: Standing| questions.iter().filter(|graded| graded.standing == standing).count();
    Judged {
        sheet: sheet.number,
        run: name.to_owned(),
        cell: cell.name.clone(),
        passed: count(Standing::Pass),
        near: count(Standing::Near),
        failed: count(Standing::Fail),
        not_answered: count(Standing::NotAnswered),
        not_in_run: count(Standing::NotInRun),
        of_run: key.of_sheet(sheet.number).filter(|(_, question)| question.from.is_of_run()).count(),
        questions,
    }
}
