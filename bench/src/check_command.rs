//! `wirerace check`: judges the answers of a lab sheet.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::lab::answers::{self, Sheet};
use crate::lab::grade::{Standing, with_unit};
use crate::lab::key::{Key, Question};
use crate::lab::truth::{self, Truth};
use crate::lab::{self, Judged};
use crate::output::{count, line};
use crate::report::read::read;
use crate::summary::{CellSummary, Summary, summarise};

/// More than any sheet; a file beyond it was named by mistake.
const ANSWERS_BYTES_MAX: u64 = 65_536;

/// Arguments of `check`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cp notebooks/lab/answers_1.toml mine_1.toml   fill it in, then:
  wirerace check mine_1.toml
  wirerace check mine_1.toml --run results/20260131T091500Z-transports
  wirerace check mine_1.toml --show-answers     what the right answers are, and why

Exit codes: 0 no answer fails (questions may be open), 1 some fail, 2 the file cannot be read, 3 the run has none of the figures asked for.")]
pub struct CheckArguments {
    /// The answers: a copy of notebooks/lab/answers_1.toml or answers_2.toml, filled in.
    pub answers: PathBuf,
    /// Hold them against a run of your own. Default: the recorded run that the sheets are written for.
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// How the verdicts are written.
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Print the right answers instead of judging yours.
    #[arg(long, conflicts_with = "format")]
    pub show_answers: bool,
}

/// How verdicts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
}

/// Judges, and prints.
///
/// # Errors
/// When an answer fails, or when answers or run cannot be read.
pub fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let key = Key::built_in().map_err(Failure::Failed)?;
    let sheet = sheet(&key, &arguments.answers)?;
    let (name, summary) = run(arguments.run.as_deref())?;
    let cell = cell(&summary)?;
    if arguments.show_answers {
        return show(&key, &sheet, cell);
    }
    let judged = lab::judge(&key, &sheet, &name, cell);
    match arguments.format {
        CheckFormat::Json => line(serde_json::to_string_pretty(&judged).map_err(anyhow::Error::from)?)?,
        CheckFormat::Text => tell(&judged, summary.cells.len())?,
    }
    if judged.not_in_run == judged.of_run {
        return Err(Failure::Void(
            "this run has none of the figures that the sheet asks for: leave --run out to take the recorded run"
                .to_owned(),
        ));
    }
    match judged.failed {
        0 => Ok(()),
        failed => Err(Failure::Failed(format!(
            "{} of {} wrong: follow the hints, mend {}, and check again",
            count(failed, "answer"),
            judged.questions.len(),
            arguments.answers.display()
        ))),
    }
}

fn sheet(key: &Key, file: &Path) -> Result<Sheet, Failure> {
    let refused = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let unreadable = |error: std::io::Error| {
        refused(format!(
            "cannot be read ({error}); check the path, or copy notebooks/lab/answers_1.toml and fill it in"
        ))
    };
    let found = std::fs::metadata(file).map_err(unreadable)?;
    if !found.is_file() || found.len() > ANSWERS_BYTES_MAX {
        return Err(refused("is no file of answers; copy notebooks/lab/answers_1.toml and fill it in".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    answers::parse(key, &text).map_err(refused)
}

fn run(dir: Option<&Path>) -> Result<(String, Summary), Failure> {
    let Some(dir) = dir else {
        return Ok((lab::RECORDED.to_owned(), lab::recorded().map_err(Failure::Failed)?));
    };
    let run = read(dir)?;
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let name = full.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok((name, summarise(&run.manifest, &run.trials, &run.warnings)))
}

/// Sheets ask about one cell: the first.
fn cell(summary: &Summary) -> Result<&CellSummary, Failure> {
    summary.cells.first().ok_or_else(|| {
        Failure::Void("this run has no trial yet: go on with `wirerace run --resume`, or leave --run out".to_owned())
    })
}

fn tell(judged: &Judged, cells: usize) -> Result<(), Failure> {
    let which = if cells > 1 { format!(", the first of its {cells} cells") } else { String::new() };
    line(format!("Lab sheet {} held against {}: {}{which}", judged.sheet, judged.run, judged.cell))?;
    for graded in &judged.questions {
        let head = format!("{:>2} {:<12} {}", graded.number, graded.standing.words(), graded.name);
        let said = if graded.why.is_empty() { head } else { format!("{head}: {}", graded.why) };
        line(said)?;
    }
    let counts = [
        (judged.passed, Standing::Pass),
        (judged.near, Standing::Near),
        (judged.failed, Standing::Fail),
        (judged.not_answered, Standing::NotAnswered),
        (judged.not_in_run, Standing::NotInRun),
    ];
    let told: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, standing)| format!("{n} {}", standing.words())).collect();
    line(format!("{} of {}", told.join(", "), count(judged.questions.len(), "question")))
}

fn show(key: &Key, sheet: &Sheet, cell: &CellSummary) -> Result<(), Failure> {
    for (number, question) in key.of_sheet(sheet.number) {
        let right = match truth::truth(&question.from, cell) {
            Ok(truth) => told(question, &truth),
            Err(why) => format!("not in this run: {why}"),
        };
        line(format!("{number:>2} {}: {right}. {}", question.name, question.why))?;
    }
    Ok(())
}

fn told(question: &Question, truth: &Truth) -> String {
    match truth {
        Truth::Number(value) => with_unit(question, *value),
        Truth::OneOf(words) => words.join(" or "),
        Truth::Order { names, .. } => names.join(", "),
    }
}
