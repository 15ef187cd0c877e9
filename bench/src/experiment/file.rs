//! What may stand in an experiment's file, and where in it a mistake is.

use serde::Deserialize;
use toml::Spanned;
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::{ArmEntry, Cell, Margins};
use wirerace_contract::spec::{Arm, Connection, Delivery, Flush, LoadSpec};

use super::check::{self, Place};
use super::sweep::{self, Sweep};
use super::{Experiment, common_interval_ms};
use crate::registry;

/// How many claims there are to be decided.
pub(crate) const CLAIMS: u32 = 25;

/// Whether an experiment's figures are counted or estimated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Bytes, connections, counts: the same in each block, so that one is enough.
    Exact,
    /// Times: they vary, and need blocks.
    #[default]
    Estimated,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    question: String,
    #[serde(default)]
    prediction: String,
    #[serde(default)]
    change_our_mind: String,
    claims: Option<Spanned<Vec<u32>>>,
    margins: Option<Spanned<Margins>>,
    #[serde(default)]
    kind: Kind,
    blocks: Option<Spanned<u32>>,
    #[serde(default)]
    repeats_of_tainted: u32,
    /// Distance of polls, milliseconds, for arms that do not set their own.
    interval_ms: u32,
    #[serde(default)]
    mixed_delivery: bool,
    arms: Spanned<Vec<Spanned<toml::Value>>>,
    cells: Option<Spanned<Vec<Spanned<CellText>>>>,
    sweep: Option<Spanned<Sweep>>,
}

impl File {
    /// The cells that are written one by one; none where they are left out.
    fn cell_texts(&self) -> &[Spanned<CellText>] {
        self.cells.as_ref().map_or(&[][..], |cells| cells.get_ref().as_slice())
    }
}

/// An arm that is no default arm, or several that differ in their interval.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmTable {
    name: String,
    transport: String,
    #[serde(default)]
    connection: Connection,
    #[serde(default)]
    delivery: Delivery,
    interval_ms: Option<u32>,
    /// Instead of `interval_ms`: one arm for each, its name with the interval behind it.
    #[serde(default)]
    intervals_ms: Vec<u32>,
    #[serde(default)]
    encoding: Encoding,
    #[serde(default)]
    flush: Flush,
    #[serde(default)]
    unconditional: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CellText {
    name: String,
    /// Whether a quick run keeps it.
    #[serde(default)]
    quick: bool,
    /// This cell's own kind.
    kind: Option<Kind>,
    /// As in a sweep.
    #[serde(default)]
    window_quotes_min: u32,
    load: LoadSpec,
}

/// A text and where its lines begin.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn of<T>(&self, spanned: &Spanned<T>) -> usize {
        let before = self.0.get(..spanned.span().start).unwrap_or_default();
        1 + before.matches('\n').count()
    }
}

/// Names what is wrong with the line it stands in.
fn at(line: usize) -> impl Fn(String) -> String {
    move |why| format!("line {line}: {why}")
}

pub(super) fn parse(name: &str, text: &str) -> Result<Experiment, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let lines = Lines(text);
    check_top(&file, &lines)?;
    let (arm_lines, arms) = arms(&file, &lines)?;
    let (cell_lines, cells, quick_cells) = cells(&file, &lines, common_interval_ms(&arms))?;
    let all_exact = cells.iter().all(|cell| cell.exact);
    let blocks_line = file.blocks.as_ref().map(|blocks| lines.of(blocks));
    let experiment = Experiment {
        name: name.to_owned(),
        question: file.question,
        prediction: file.prediction,
        change_our_mind: file.change_our_mind,
        claims: file.claims.map(Spanned::into_inner).unwrap_or_default(),
        margins: file.margins.map(Spanned::into_inner).unwrap_or_default(),
        arms,
        cells,
        quick_cells,
        quick: false,
        mixed_delivery: file.mixed_delivery,
        blocks: if all_exact { 1 } else { file.blocks.map_or(6, Spanned::into_inner) },
        repeats_of_tainted: file.repeats_of_tainted,
    };
    check::check(&experiment).map_err(|fault| {
        let line = match fault.place {
            Place::Arm(number) => Some(arm_lines[number]),
            Place::Cell(number) => Some(cell_lines[number]),
            Place::Blocks => blocks_line,
            Place::Whole => None,
        };
        line.map_or_else(|| fault.to_string(), |line| at(line)(fault.to_string()))
    })?;
    Ok(experiment)
}

fn check_top(file: &File, lines: &Lines<'_>) -> Result<(), String> {
    if let Some(claims) = &file.claims
        && let Some(claim) = claims.get_ref().iter().find(|claim| !(1..=CLAIMS).contains(*claim))
    {
        return Err(at(lines.of(claims))(format!("there is no claim {claim}: they are numbered 1 to {CLAIMS}")));
    }
    if let Some(margins) = &file.margins {
        let Margins { bytes, lateness, cpu } = *margins.get_ref();
        if let Some(margin) = [bytes, lateness, cpu].into_iter().flatten().find(|m| !(*m > 0.0 && *m < 1.0)) {
            let why = format!("a margin of {margin}: it is a share between 0 and 1, for example 0.03 for 3 %");
            return Err(at(lines.of(margins))(why));
        }
    }
    match &file.sweep {
        Some(sweep) if !file.cell_texts().is_empty() => Err(at(lines.of(sweep))(
            "both `[sweep]` and `[[cells]]`: keep one of them, or make two experiments".to_owned(),
        )),
        None if file.cell_texts().is_empty() => {
            let why = "there is nothing to run: give a `[sweep]`, or at least one of `[[cells]]`".to_owned();
            Err(match &file.cells {
                Some(cells) => at(lines.of(cells))(why),
                // What is left out altogether stands in no line.
                None => why,
            })
        }
        _ if file.arms.get_ref().is_empty() => {
            Err(at(lines.of(&file.arms))("there is nothing to run: `arms` needs at least one entry".to_owned()))
        }
        _ => Ok(()),
    }
}

/// The arms, each with its line.
fn arms(file: &File, lines: &Lines<'_>) -> Result<(Vec<usize>, Vec<ArmEntry>), String> {
    let swept = file.sweep.as_ref().map_or(&[][..], |sweep| sweep.get_ref().intervals_ms());
    let mut found = Vec::new();
    for text in file.arms.get_ref() {
        let line = lines.of(text);
        let entries = match text.get_ref() {
            toml::Value::String(name) => {
                registry::arm(name, file.interval_ms).map(|entry| several(entry, &[], swept)).map_err(at(line))?
            }
            toml::Value::Table(table) => {
                let table = ArmTable::deserialize(table.clone())
                    .map_err(|error| at(line)(format!("in an arm: {}", error.to_string().trim_end())))?;
                from_table(table, file.interval_ms, swept).map_err(at(line))?
            }
            _ => {
                return Err(at(line)(
                    "an arm is a name in quotation marks, or a table with `name` and `transport`".to_owned(),
                ));
            }
        };
        found.extend(entries.into_iter().map(|entry| (line, entry)));
    }
    Ok(found.into_iter().unzip())
}

fn from_table(table: ArmTable, interval_ms: u32, swept: &[u32]) -> Result<Vec<ArmEntry>, String> {
    let descriptor = registry::row(&table.transport)?.descriptor.clone();
    if table.interval_ms.is_some() && !table.intervals_ms.is_empty() {
        return Err(format!("arm `{}`: both interval_ms and intervals_ms: keep one of them", table.name));
    }
    let needs_interval = descriptor.delivers == Delivers::Planned || table.delivery == Delivery::Newest;
    let own = table.interval_ms.is_some();
    let arm = Arm {
        name: table.name,
        transport: table.transport,
        connection: table.connection,
        delivery: table.delivery,
        interval_ms: table.interval_ms.unwrap_or(if needs_interval { interval_ms } else { 0 }),
        encoding: table.encoding,
        flush: table.flush,
        unconditional: table.unconditional,
    };
    if !table.intervals_ms.is_empty() && !needs_interval {
        return Err(format!(
            "arm `{}` has no use for intervals_ms: it neither polls nor delivers the newest only; leave it out",
            arm.name
        ));
    }
    Ok(several(ArmEntry { arm, descriptor }, &table.intervals_ms, if own { &[] } else { swept }))
}

/// One arm for each interval: its own ones, else those of the sweep, else as it is.
fn several(entry: ArmEntry, own: &[u32], swept: &[u32]) -> Vec<ArmEntry> {
    let intervals = if own.is_empty() { swept } else { own };
    if intervals.is_empty() || entry.arm.interval_ms == 0 && own.is_empty() {
        return vec![entry];
    }
    let with = |interval_ms: &u32| {
        let name = format!("{} {}", entry.arm.name, sweep::ms(f64::from(*interval_ms)));
        let arm = Arm { name, interval_ms: *interval_ms, ..entry.arm.clone() };
        ArmEntry { arm, descriptor: entry.descriptor.clone() }
    };
    intervals.iter().map(with).collect()
}

type Cells = (Vec<usize>, Vec<Cell>, Vec<String>);

/// The cells, each with its line, and the names of those that a quick run keeps.
fn cells(file: &File, lines: &Lines<'_>, grid_ms: u32) -> Result<Cells, String> {
    let on_grid =
        |load: &LoadSpec| LoadSpec { grid_ms: if load.grid_ms == 0 { grid_ms } else { load.grid_ms }, ..load.clone() };
    let exact = |kind: Option<Kind>| kind.unwrap_or(file.kind) == Kind::Exact;
    if let Some(sweep) = &file.sweep {
        if let Some(axes) = sweep.get_ref().without_axes() {
            return Err(at(lines.of(axes))(
                "an empty sweep: `axes` names no axis; give it one, for example `clients = [1, 10]`, or write the load as \
                 one of `[[cells]]` instead"
                    .to_owned(),
            ));
        }
        let line = lines.of(sweep);
        let swept = sweep.get_ref().cells().map_err(at(line))?;
        let quick = swept.iter().filter(|cell| cell.quick).map(|cell| cell.name.clone()).collect();
        let cell =
            |swept: &sweep::Swept| Cell { name: swept.name.clone(), load: on_grid(&swept.load), exact: exact(None) };
        return Ok((vec![line; swept.len()], swept.iter().map(cell).collect(), quick));
    }
    let texts = file.cell_texts();
    let quick = texts.iter().filter(|cell| cell.get_ref().quick).map(|cell| cell.get_ref().name.clone());
    let cell = |text: &Spanned<CellText>| {
        let CellText { name, kind, window_quotes_min, load, .. } = text.get_ref();
        let load = sweep::with_window_for(*window_quotes_min, load.clone());
        Cell { name: name.clone(), load: on_grid(&load), exact: exact(*kind) }
    };
    Ok((texts.iter().map(|cell| lines.of(cell)).collect(), texts.iter().map(cell).collect(), quick.collect()))
}
