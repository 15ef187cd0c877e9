//! An answer held against the truth: pass, near or fail, and why.

use serde::Serialize;

use super::answers::Answer;
use super::key::{Kind, Question};
use super::truth::Truth;
use crate::summary::words;

/// How an answer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Right.
    Pass,
    /// Not quite.
    Near,
    /// Wrong.
    Fail,
    /// There is no answer yet.
    NotAnswered,
    /// The run has no such figure.
    NotInRun,
}

impl Standing {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Near => "near",
            Self::Fail => "fail",
            Self::NotAnswered => "not answered",
            Self::NotInRun => "not in this run",
        }
    }
}

/// A question with its judged answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Graded {
    /// Its number on the sheet.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// How the answer stands.
    pub standing: Standing,
    /// Why, in sentences; tells the true value only to whom has it.
    pub why: String,
}

/// Judges one answer.
#[must_use]
pub fn grade(number: usize, question: &Question, answer: Option<&Answer>, truth: Result<Truth, String>) -> Graded {
    let graded = |standing, why| Graded { number, name: question.name.clone(), standing, why };
    let truth = match truth {
        Ok(truth) => truth,
        Err(why) => return graded(Standing::NotInRun, format!("This run cannot tell: {why}.")),
    };
    let Some(answer) = answer else { return graded(Standing::NotAnswered, String::new()) };
    let (standing, found) = match (&truth, answer) {
        (Truth::Number(truth), Answer::Number(number)) => of_number(question, *number, *truth),
        (Truth::OneOf(right), Answer::Word(word)) => of_choice(word, right),
        (Truth::Order { names, clear }, Answer::Order(order)) => of_order(order, names, clear),
        // A key in which kind and source do not fit together; a test looks for that.
        _ => return graded(Standing::NotInRun, "The key is at fault: the answer cannot be of this kind.".to_owned()),
    };
    let rest = if standing == Standing::Pass { &question.why } else { &question.hint };
    graded(standing, format!("{found} {rest}"))
}

/// Rounding in files must not fail an exact answer.
const EXACT: f64 = 1e-6;

fn of_number(question: &Question, number: f64, truth: f64) -> (Standing, String) {
    let (pass, near) = match question.kind {
        Kind::Count => (EXACT * truth.abs().max(1.0), question.near * truth.abs()),
        _ => (question.pass * truth.abs(), question.near * truth.abs()),
    };
    let off = (number - truth).abs();
    let side = if number > truth { "high" } else { "low" };
    if off <= pass {
        return (Standing::Pass, passed(question, number, truth));
    }
    if off <= near {
        return (Standing::Near, format!("A little too {side}."));
    }
    (Standing::Fail, format!("Too {side}."))
}

/// Who answered 100 and reads that 93.7 is right would look for a mistake: what is forgiven is called that.
fn passed(question: &Question, number: f64, truth: f64) -> String {
    let [given, right] = [number, truth].map(|value| with_unit(question, value));
    if given == right { format!("{right} is right.") } else { format!("Your {given} is near enough to {right}.") }
}

/// The true value as it is told.
#[must_use]
pub fn with_unit(question: &Question, value: f64) -> String {
    match question.unit.as_str() {
        "" => words::number(value),
        unit => format!("{} {unit}", words::number(value)),
    }
}

fn of_choice(word: &str, right: &[String]) -> (Standing, String) {
    match right.iter().position(|option| option == word) {
        None => (Standing::Fail, format!("Not {word}.")),
        Some(_) if right.len() > 1 => (
            Standing::Pass,
            format!("{word} is right, and so would be each of {}: the run cannot tell them apart.", words::list(right)),
        ),
        Some(_) => (Standing::Pass, format!("{word} is right.")),
    }
}

fn of_order(order: &[String], names: &[String], clear: &[(String, String)]) -> (Standing, String) {
    let place = |name: &String| order.iter().position(|other| other == name);
    let wrong = clear.iter().filter(|(first, second)| place(first) > place(second)).count();
    match wrong {
        0 => (Standing::Pass, format!("Right: {}.", names.join(", "))),
        1 => (Standing::Near, "One pair stands the wrong way round.".to_owned()),
        more => (Standing::Fail, format!("{more} pairs stand the wrong way round.")),
    }
}
