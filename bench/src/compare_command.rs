//! `wirerace compare A B`: reads two runs and prints what they say about each other.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::TextFormat;
use crate::commands::check_usable;
use crate::compare::{self, table};
use crate::failure::Failure;
use crate::output::line;
use crate::report::read::{folder_name, read};
use crate::summary::{Summary, summarise};

/// Arguments of `compare`.
#[derive(Args, Debug)]
pub struct CompareArguments {
    /// Folder of the first run: what is divided by.
    pub a: PathBuf,
    /// Folder of the second run.
    pub b: PathBuf,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
}

/// Compares, and prints.
///
/// # Errors
/// When a run is missing or cannot be read, and, after all is printed, when no trial of one can be used.
pub fn compare(arguments: &CompareArguments) -> Result<(), Failure> {
    let (a, b) = (summary_of(&arguments.a)?, summary_of(&arguments.b)?);
    let (name_a, name_b) = (folder_name(&arguments.a), folder_name(&arguments.b));
    let comparison = compare::compare((&name_a, &a), (&name_b, &b));
    match arguments.format {
        TextFormat::Text => line(table::text(&comparison)),
        TextFormat::Markdown => line(table::markdown(&comparison)),
        TextFormat::Json => line(serde_json::to_string_pretty(&comparison).map_err(anyhow::Error::from)?),
    }?;
    check_usable(&arguments.a, &a)?;
    check_usable(&arguments.b, &b)
}

/// Reads and sums up the run in `folder`.
fn summary_of(folder: &Path) -> Result<Summary, Failure> {
    let run = read(folder)?;
    Ok(summarise(&run.manifest, &run.trials, &run.warnings))
}
