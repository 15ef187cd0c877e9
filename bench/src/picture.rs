//! One chart of one run, in the form an article wants it.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::charts::render::check_width;
use crate::charts::style::{self, Theme};
use crate::charts::{Chart, ChartError, KINDS, RUN_KINDS, sweep};
use crate::cli::{ReportArguments, ReportFormat, ThemeName};
use crate::commands::check_usable;
use crate::failure::{Failure, file_failure};
use crate::nearest::nearest;
use crate::report::{self, PNG_WIDTH_PX};
use crate::summary::{CellSummary, Summary, summarise, words};

/// Draws the chart `name` of the only folder in `dirs`.
///
/// # Errors
/// Bad usage: an unknown chart (the nearest is named), a cell that is not there or not named where there are several, a
/// format that is no picture's or not that of the file's name, a width out of range, several folders. Otherwise when the run
/// cannot be read, the file not be written, or no trial of the run be used (then the empty picture is written all the same).
pub fn write(dirs: &[PathBuf], name: &str, arguments: &ReportArguments) -> Result<(), Failure> {
    let [dir] = dirs else {
        return Err(Failure::Usage(format!("--chart draws one run, and {} folders are named", dirs.len())));
    };
    let names = || KINDS.iter().map(|kind| kind.name).chain(RUN_KINDS.iter().map(|kind| kind.name));
    if !names().any(|known| known == name) {
        return Err(Failure::Usage(nearest("chart", name, names())));
    }
    let options = &arguments.picture;
    if let Some(width_px) = options.width {
        check_width(width_px).map_err(|error| Failure::Usage(error.to_string()))?;
    }
    let format = format(arguments)?;
    let run = report::read(dir)?;
    let summary = summarise(&run.manifest, &run.trials, &run.warnings);
    let (chart, conditions) = chosen(&summary, name, options.cell.as_deref())?;
    let theme = theme(options.theme);
    let picture = match format {
        Picture::Svg => svg(&chart, &theme, &conditions, options.width),
        Picture::Png => chart.png(&theme, options.width.unwrap_or(PNG_WIDTH_PX)),
    };
    put(&picture.map_err(|error| Failure::Failed(error.to_string()))?, format, options.output.as_ref())?;
    check_usable(dir, &summary)
}

/// Formats that a picture has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Picture {
    /// Lines and text.
    Svg,
    /// Pixels.
    Png,
}

/// What a file's name says it is.
pub fn of_name(file: &Path) -> Option<Picture> {
    let extension = file.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "svg" => Some(Picture::Svg),
        "png" => Some(Picture::Png),
        _ => None,
    }
}

/// What was asked for, else what the file's name says, else SVG. Where the two contradict each other neither is taken:
/// programs go by the name, and would call the picture damaged.
fn format(arguments: &ReportArguments) -> Result<Picture, Failure> {
    let named = arguments.picture.output.as_deref().and_then(of_name);
    let asked = match arguments.format {
        None => return Ok(named.unwrap_or(Picture::Svg)),
        Some(ReportFormat::Svg) => Picture::Svg,
        Some(ReportFormat::Png) => Picture::Png,
        Some(_) => return Err(Failure::Usage("a picture is svg or png: choose one with --format".to_owned())),
    };
    if named.is_some_and(|named| named != asked) {
        return Err(Failure::Usage(
            "--format and the name after -o contradict each other: leave --format out, or change the name".to_owned(),
        ));
    }
    Ok(asked)
}

fn theme(name: ThemeName) -> Theme {
    match name {
        ThemeName::Light => style::LIGHT,
        ThemeName::Dark => style::DARK,
        ThemeName::Print => style::PRINT,
    }
}

fn svg(chart: &Chart, theme: &Theme, conditions: &str, width_px: Option<u32>) -> Result<Vec<u8>, ChartError> {
    let svg = match width_px {
        Some(width_px) => chart.svg_wide(theme, chart.kind, conditions, width_px),
        None => chart.svg(theme, chart.kind, conditions),
    };
    svg.map(String::into_bytes)
}

/// The chart, with the conditions it is read out with.
fn chosen(summary: &Summary, name: &str, cell: Option<&str>) -> Result<(Chart, String), Failure> {
    if let Some(kind) = KINDS.iter().find(|kind| kind.name == name) {
        let cell = the_cell(summary, name, cell)?;
        if !(kind.has)(cell) {
            return Err(Failure::Usage(format!(
                "the cell `{}` has nothing for the chart `{name}`: {}",
                cell.name, kind.lacks
            )));
        }
        return Ok((kind.draw(summary, cell), words::conditions(summary, cell)));
    }
    if cell.is_some() {
        return Err(Failure::Usage(format!("the chart `{name}` is over all cells: leave --cell out")));
    }
    let kind = RUN_KINDS.iter().find(|kind| kind.name == name);
    let drawn = kind.and_then(|kind| kind.draw(summary));
    let needs = kind.map_or("", |kind| kind.needs);
    let chart = drawn.ok_or_else(|| {
        Failure::Usage(format!("the run `{}` has nothing for the chart `{name}`: it needs {needs}", summary.experiment))
    })?;
    Ok((chart, sweep::conditions(summary)))
}

fn the_cell<'a>(summary: &'a Summary, chart: &str, named: Option<&str>) -> Result<&'a CellSummary, Failure> {
    let cells = &summary.cells;
    let all = || {
        let each = cells.iter().enumerate().map(|(i, cell)| format!("{} = `{}`", i + 1, cell.name));
        each.collect::<Vec<_>>().join(", ")
    };
    let Some(named) = named else {
        return match cells.as_slice() {
            [only] => Ok(only),
            [] => Err(Failure::Usage("this run has no cell to draw".to_owned())),
            _ => Err(Failure::Usage(format!(
                "the chart `{chart}` is of one cell, and this run has {}: choose it with --cell, from {}",
                cells.len(),
                all()
            ))),
        };
    };
    // A cell may be called by a number; its name goes before its place.
    let by_name = cells.iter().find(|cell| cell.name == named);
    let by_number = || cells.get(named.parse::<usize>().ok()?.checked_sub(1)?);
    by_name.or_else(by_number).ok_or_else(|| {
        if named.parse::<u64>().is_ok() {
            Failure::Usage(format!("there is no cell {named}: there are {}", all()))
        } else {
            Failure::Usage(nearest("cell", named, cells.iter().map(|cell| cell.name.as_str())))
        }
    })
}

fn put(picture: &[u8], format: Picture, file: Option<&PathBuf>) -> Result<(), Failure> {
    if let Some(file) = file {
        return std::fs::write(file, picture).map_err(|error| file_failure("write", file, &error));
    }
    let mut out = std::io::stdout().lock();
    if format == Picture::Png && out.is_terminal() {
        return Err(Failure::Usage("a PNG is nothing for a terminal: name a file with -o FILE".to_owned()));
    }
    match out.write_all(picture).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::charts::style::{DARK, Ink, PRINT, hex};
    use crate::cli::{Cli, Command};
    use crate::report::fixture;
    use wirerace_contract::results::{Cell, Trial};

    fn asked(dir: &std::path::Path, words: &[&str]) -> Result<(), Failure> {
        let dir = dir.to_str().unwrap();
        let cli = Cli::try_parse_from(["wirerace", "report", dir].iter().chain(words)).unwrap();
        let Command::Report(arguments) = cli.command else { panic!("{words:?}") };
        write(&arguments.dirs, arguments.picture.chart.as_deref().unwrap(), &arguments)
    }

    fn refused(dir: &std::path::Path, words: &[&str]) -> String {
        match asked(dir, words) {
            Err(Failure::Usage(why)) => why,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn a_picture_has_the_form_the_theme_and_the_width_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        fixture::write(dir.path());
        let file = dir.path().join("one.svg");
        let name = file.to_str().unwrap();
        asked(dir.path(), &["--chart", "bytes", "--theme", "dark", "--width", "380", "-o", name]).unwrap();
        let svg = std::fs::read_to_string(&file).unwrap();
        assert!(svg.contains(" width=\"380\" height=\"") && svg.contains(" viewBox=\"0 0 3040 "), "{}", &svg[..300]);
        assert!(svg.contains(&hex(DARK.colour(Ink::Paper))) && svg.contains("run seed 7"));
        asked(dir.path(), &["--chart", "theory", "--theme", "print", "--output", name]).unwrap();
        let svg = std::fs::read_to_string(&file).unwrap();
        assert!(svg.contains(" width=\"760\" ") && svg.contains(&hex(PRINT.colour(Ink::Muted))));
        // The file's name says what it is; where it says nothing, the format does.
        for (name, format, begins) in
            [("x.png", None, "\u{89}PNG"), ("y", Some("png"), "\u{89}PNG"), ("z.svg", Some("svg"), "<svg")]
        {
            let file = dir.path().join(name);
            let mut words = vec!["--chart", "bytes", "--cell", "1", "--width", "200", "-o", file.to_str().unwrap()];
            words.extend(format.iter().flat_map(|format| ["--format", format]));
            asked(dir.path(), &words).unwrap();
            let begin: Vec<u8> = begins.chars().map(|c| c as u8).collect();
            assert!(std::fs::read(&file).unwrap().starts_with(&begin), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_with_what_can() {
        let dir = tempfile::tempdir().unwrap();
        fixture::write(dir.path());
        let says = |words: &[&str], part: &str| {
            let why = refused(dir.path(), words);
            assert!(why.contains(part), "{words:?}: {why}");
        };
        says(&["--chart", "byte"], "unknown chart `byte`: the nearest is `bytes`");
        says(&["--chart", "byte"], "decision-map");
        says(&["--chart", "bytes", "--width", "10"], "allowed are 200 to 6000");
        says(&["--chart", "bytes", "--format", "csv"], "svg or png");
        for (format, file) in [("svg", "x.png"), ("png", "x.svg")] {
            let to = dir.path().join(file);
            let words = ["--chart", "bytes", "--format", format, "-o", to.to_str().unwrap()];
            says(&words, "contradict each other");
            assert!(!to.exists());
        }
        says(&["--chart", "bytes", "--cell", "2"], "there is no cell 2: there are 1 = `10 clients");
        says(&["--chart", "bytes", "--cell", "10 clints"], "the nearest is `10 clients, 10 quotes/s`");
        says(&["--chart", "theory", "--cell", "1"], "leave --cell out");
        says(&["--chart", "capacity"], "it needs cells that differ in nothing but their clients");
        let two = [dir.path().to_owned(), dir.path().to_owned()];
        let Command::Report(arguments) =
            Cli::try_parse_from(["wirerace", "report", "--chart", "bytes"]).unwrap().command
        else {
            panic!("report is a command")
        };
        assert!(matches!(write(&two, "bytes", &arguments), Err(Failure::Usage(why)) if why.contains("2 folders")));
        // What belongs to a picture needs one.
        assert!(Cli::try_parse_from(["wirerace", "report", "--cell", "1"]).is_err());
    }

    #[test]
    fn a_run_without_a_usable_trial_gives_its_empty_picture_and_ends_with_3() {
        let dir = tempfile::tempdir().unwrap();
        let (manifest, _) = fixture::run();
        fixture::write_run(dir.path(), &manifest, &[]);
        let file = dir.path().join("one.svg");
        let failure = asked(dir.path(), &["--chart", "bytes", "-o", file.to_str().unwrap()]).unwrap_err();
        assert!(failure.exit_code() == 3 && failure.to_string().contains("can be used"), "{failure}");
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("<svg"));
    }

    #[test]
    fn of_several_cells_one_must_be_chosen() {
        let dir = tempfile::tempdir().unwrap();
        let (mut manifest, trials) = fixture::run();
        // Its name is a number that is not its place.
        manifest.cells.push(Cell { name: "1".into(), ..manifest.cells[0].clone() });
        let twin = |t: &Trial| Trial { cell: "1".into(), ..t.clone() };
        let both: Vec<Trial> = trials.iter().cloned().chain(trials.iter().map(twin)).collect();
        fixture::write_run(dir.path(), &manifest, &both);
        assert!(refused(dir.path(), &["--chart", "cdf"]).contains("choose it with --cell, from 1 = `10 clients"));
        let file = dir.path().join("one.svg");
        for (cell, expected) in
            [("1", "linear · 1 · loopback"), ("2", "linear · 1 · loopback"), (fixture::CELL, fixture::CELL)]
        {
            asked(dir.path(), &["--chart", "cdf", "--cell", cell, "-o", file.to_str().unwrap()]).unwrap();
            assert!(std::fs::read_to_string(&file).unwrap().contains(expected), "{cell}");
        }
    }
}
