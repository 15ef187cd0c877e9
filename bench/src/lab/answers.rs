//! What a student wrote: a small TOML file with the number of the sheet and an answer to each question.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Spanned, Value};

use super::key::{Key, Kind, Question};
use crate::nearest::nearest;

/// A sheet as it was filled in.
#[derive(Clone, PartialEq, Debug)]
pub struct Sheet {
    /// Its number.
    pub number: u32,
    /// Answers by the name of their question; what was left empty is missing.
    pub answers: BTreeMap<String, Answer>,
}

/// One answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// A number, in the unit of the question.
    Number(f64),
    /// One of the options.
    Word(String),
    /// All options in an order.
    Order(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sheet: Spanned<u32>,
    #[serde(default)]
    answers: BTreeMap<Spanned<String>, Spanned<Value>>,
}

/// Reads a file of answers.
///
/// # Errors
/// One sentence with the line and the remedy.
pub fn parse(key: &Key, text: &str) -> Result<Sheet, String> {
    let line = |at: usize| 1 + text.get(..at).unwrap_or_default().matches('\n').count();
    let file: File = toml::from_str(text).map_err(|error| broken(&error, line))?;
    let number = *file.sheet.get_ref();
    if key.of_sheet(number).next().is_none() {
        return Err(format!(
            "line {}: there is no sheet {number}; start again from a copy of notebooks/lab/answers_1.toml or \
             answers_2.toml",
            line(file.sheet.span().start)
        ));
    }
    let mut answers = BTreeMap::new();
    for (name, value) in &file.answers {
        let at = |why: String| format!("line {}: {why}", line(name.span().start));
        let question = key.question(number, name.get_ref()).map_err(at)?;
        if let Some(answer) = answer(question, value.get_ref()).map_err(at)? {
            answers.insert(question.name.clone(), answer);
        }
    }
    Ok(Sheet { number, answers })
}

/// What TOML says is wrong in several lines; one sentence of it.
fn broken(error: &toml::de::Error, line: impl Fn(usize) -> usize) -> String {
    let why = error.message().lines().next().unwrap_or("it is no TOML").trim_end_matches(';').to_owned();
    let place = error.span().map_or_else(String::new, |span| format!("line {}: ", line(span.start)));
    format!(
        "{place}{why}; write `name = 12.5`, `name = \"b\"` or `name = [\"poll\", \"ws\"]`, and `name = \"\"` where there is no \
         answer yet"
    )
}

/// `None` where there is no answer yet.
fn answer(question: &Question, value: &Value) -> Result<Option<Answer>, String> {
    match (question.kind, value) {
        (_, Value::String(text)) if text.trim().is_empty() => Ok(None),
        (_, Value::Array(items)) if items.is_empty() => Ok(None),
        (Kind::Count | Kind::Number, value) => number(question, value).map(|n| Some(Answer::Number(n))),
        (Kind::Choice, Value::String(word)) => option(question, word).map(|word| Some(Answer::Word(word))),
        (Kind::Choice, _) => Err(format!("`{}` is answered by {}", question.name, options(question))),
        (Kind::Order, Value::Array(items)) => order(question, items).map(|names| Some(Answer::Order(names))),
        (Kind::Order, _) => Err(not_an_order(question)),
    }
}

fn options(question: &Question) -> String {
    let quoted: Vec<String> = question.options.iter().map(|option| format!("\"{option}\"")).collect();
    format!("one of {}", quoted.join(", "))
}

fn option(question: &Question, word: &str) -> Result<String, String> {
    let word = word.trim();
    let found = question.options.iter().find(|option| option.eq_ignore_ascii_case(word));
    found.cloned().ok_or_else(|| {
        let sentence = nearest("answer", word, question.options.iter().map(String::as_str));
        format!("`{}`: {sentence}", question.name)
    })
}

fn number(question: &Question, value: &Value) -> Result<f64, String> {
    let found = match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Float(number) => Some(*number),
        // Somebody may write the unit too, in quotes.
        Value::String(text) => {
            let text = text.trim();
            text.strip_suffix(question.unit.as_str()).unwrap_or(text).trim().parse().ok()
        }
        _ => None,
    };
    found.filter(|number: &f64| number.is_finite()).ok_or_else(|| {
        let unit = if question.unit.is_empty() { String::new() } else { format!(" in {}", question.unit) };
        format!("`{}` is answered by a number{unit}, for example {} = 12.5", question.name, question.name)
    })
}

fn not_an_order(question: &Question) -> String {
    let quoted: Vec<String> = question.options.iter().map(|option| format!("\"{option}\"")).collect();
    format!("`{}` is answered by all of these in your order: [{}]", question.name, quoted.join(", "))
}

fn order(question: &Question, items: &[Value]) -> Result<Vec<String>, String> {
    let names = items
        .iter()
        .map(|item| item.as_str().ok_or_else(|| not_an_order(question)).and_then(|word| option(question, word)))
        .collect::<Result<Vec<String>, String>>()?;
    let all = names.len() == question.options.len() && question.options.iter().all(|option| names.contains(option));
    if all { Ok(names) } else { Err(not_an_order(question)) }
}
