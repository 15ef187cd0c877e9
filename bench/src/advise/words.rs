//! Advice in words and tables.

use std::fmt::Write;

use super::candidate::{Candidate, Criterion, Figure, KNOWN_WITHIN};
use super::held_out::{AMOUNTS, HeldOut, TARGET_BYTES, TARGET_CPU};
use super::nearest::{Nearness, Stretch};
use super::observations::Way;
use super::question::Question;
use super::verdict::{freshest, missed, word};
use super::{Advice, fit::Fit};
use crate::charts::DataTable;
use crate::report::markdown::{inline, table as markdown_table};
use crate::report::table::aligned;
use crate::summary::words::{NOTHING, bytes, cells, count, duration, list, number};

/// The question in one sentence.
#[must_use]
pub fn asked(question: &Question) -> String {
    let wanted = if question.latest_only { "the newest of" } else { "every one of" };
    let up = if question.orders_per_s > 0.0 {
        format!(", {} messages a second up from each", number(question.orders_per_s))
    } else {
        String::new()
    };
    format!(
        "{} clients, each wanting {wanted} {} quotes a second of {} bytes, {} away and back, at most {} too old 99 % of the time{up}.",
        count(question.clients),
        number(question.rate_per_s),
        count(question.payload_bytes.into()),
        duration(question.rtt_s * 1e3),
        duration(question.staleness_s * 1e3),
    )
}

/// Said before any answer: how many clients were measured, and how far from them the question is.
#[must_use]
pub fn measured(question: &Question, candidates: &[Candidate]) -> Option<String> {
    let (least, most) = measured_clients(candidates)?;
    let asked = question.clients as f64;
    let (times, the_most) = (asked / f64::from(most), if least == most { "that" } else { "the most" });
    let yours = if times > 1.01 {
        format!("{} times {the_most}", number(times))
    } else if asked < f64::from(least) {
        format!("{} times fewer", number(f64::from(least) / asked))
    } else if least == most {
        "as many".to_owned()
    } else {
        "in between".to_owned()
    };
    Some(format!("measured: {} clients; yours: {yours}", range_of_clients(least, most)))
}

/// The fewest and the most that any arm was measured with.
pub(super) fn measured_clients(candidates: &[Candidate]) -> Option<(u32, u32)> {
    let all = || candidates.iter().map(|c| c.nearness.measured_clients).filter(|(_, most)| *most > 0);
    Some((all().map(|(least, _)| least).min()?, all().map(|(_, most)| most).max()?))
}

pub(super) fn range_of_clients(least: u32, most: u32) -> String {
    let most_said = count(most.into());
    if least == most { most_said } else { format!("{} to {most_said}", count(least.into())) }
}

/// An amount of a criterion with its unit.
#[must_use]
pub fn amount(criterion: Criterion, value: f64) -> String {
    match criterion {
        Criterion::Connections if value < 0.5 => NONE_OPEN.to_owned(),
        Criterion::Bytes => format!("{}/s", bytes(value)),
        Criterion::Requests => format!("{} requests/s", number(value)),
        Criterion::Connections => format!("{} open connections", count(value.round() as u64)),
        Criterion::Memory => format!("{} of memory", bytes(value)),
        Criterion::Cpu => format!("{} busy processors", number(value)),
    }
}

/// Instead of “0 open connections”: they are opened for each request, and closed.
const NONE_OPEN: &str = "none kept open";
/// Stands where an interval is too wide to say anything.
const NOT_KNOWN: &str = "not known";

fn figure(criterion: Criterion, figure: Option<Figure>) -> String {
    let Some(figure) = figure else { return NOTHING.to_owned() };
    if !figure.is_known() {
        return NOT_KNOWN.to_owned();
    }
    let one = |value: f64| match criterion {
        Criterion::Bytes => format!("{}/s", bytes(value)),
        Criterion::Memory => bytes(value),
        Criterion::Connections if value < 0.5 => NONE_OPEN.to_owned(),
        Criterion::Connections => count(value.round() as u64),
        Criterion::Requests | Criterion::Cpu => number(value),
    };
    if figure.low == figure.high {
        return one(figure.value);
    }
    format!("{} [{}, {}]", one(figure.value), one(figure.low), one(figure.high))
}

/// `sse`, or `poll each 450 ms`.
pub(super) fn name(candidate: &Candidate) -> String {
    match candidate.interval_ms {
        Some(ms) => format!("{} each {}", candidate.arm, duration(f64::from(ms))),
        None if candidate.every_quote => format!("{} (every quote)", candidate.arm),
        None => candidate.arm.clone(),
    }
}

pub(super) fn names(candidates: &[Candidate], arms: &[String]) -> Vec<String> {
    arms.iter().filter_map(|arm| candidates.iter().find(|c| &c.arm == arm)).map(name).collect()
}

/// Why what goes out at once may be much staler than it is long on its way; `None` where it is not.
#[must_use]
pub fn why_stale(advice: &Advice) -> Option<String> {
    let question = &advice.question;
    let at_once = advice.candidates.iter().filter(|c| c.interval_ms.is_none() && c.why_not.is_none());
    let freshest = freshest(at_once)?;
    let much = question.rtt_s > 0.0 && freshest.staleness_p99_s.value > question.rtt_s;
    much.then(|| {
        format!(
            "Even with {} the price is more than {} too old 1 % of the time, although a quote is only {} on its way: {}, \
             until the newest is there. No transport changes that.",
            freshest.arm,
            duration(freshest.staleness_p99_s.value * 1e3),
            duration(question.rtt_s / 2.0 * 1e3),
            missed(question)
        )
    })
}

/// Which bytes are meant, and what they decide.
pub(super) const OF_BYTES: &str = "Bytes are those of IP packets both ways without set-up (theory; from … to: segments without \
                                   data and the model's error). They rank; what their intervals do not part is tied.";
/// What nobody measured.
pub(super) const OF_DISTANCE: &str = "Distance is theory's: CPU and memory were measured on one host.";

/// What the answer rests on.
#[must_use]
pub fn notes(question: &Question, ways: &[Way], candidates: &[Candidate]) -> Vec<String> {
    let mut notes = vec![format!(
        "{OF_BYTES} CPU is that of servers and clients together, as on the measured machine; memory is the servers'. \
         Intervals of staleness, bytes, held requests, CPU and memory widen with the load's distance from what was \
         measured. What else tells tied ones apart ranks nobody, and stands beside them."
    )];
    if candidates.iter().flat_map(|c| [c.memory_bytes, c.processors]).flatten().any(|figure| !figure.is_known()) {
        notes.push(format!(
            "“{NOT_KNOWN}”: this far from what was measured, the most that it may be is more than {} times the least; \
             such a figure tells nobody apart, \
             and a column without any other value is left out.",
            number(KNOWN_WITHIN)
        ));
    }
    if question.rtt_s > 0.0 {
        notes.push(OF_DISTANCE.to_owned());
    }
    if question.orders_per_s > 0.0 {
        notes.push(
            "Messages up are modelled from their texts; CPU counts their requests like polls and no more on a socket."
                .to_owned(),
        );
    }
    if ways.iter().any(|way| way.costs.write_s == 0.0 || way.costs.occupancy_s == 0.0) {
        notes.push(
            "Some runs were not calibrated: the time that a server needs for many clients is left out of staleness."
                .to_owned(),
        );
    }
    if candidates.iter().any(|candidate| !candidate.own_delivery) {
        notes.push(format!(
            "CPU and memory of {} are from cells of the other delivery (every quote or the newest).",
            list(&candidates.iter().filter(|c| !c.own_delivery).map(|c| c.arm.clone()).collect::<Vec<_>>())
        ));
    }
    // Where no arm was tested, the verdict on what was held out says so.
    let untested: Vec<String> =
        candidates.iter().filter(|c| c.held_out_cpu_error.is_none()).map(|c| c.arm.clone()).collect();
    if !untested.is_empty() && untested.len() < candidates.len() {
        notes.push(format!(
            "Of {} fewer than three numbers of clients were measured: {}",
            list(&untested),
            taken_to_be_off()
        ));
    }
    notes
}

fn taken_to_be_off() -> String {
    format!(
        "CPU is taken to be off by {} % a doubling of the load, bytes by {} %.",
        number(100.0 * TARGET_CPU),
        number(100.0 * TARGET_BYTES)
    )
}

/// `clients × 25, payload × 1.67, distance not measured`.
fn stretched(nearness: &Nearness) -> String {
    let one = |stretch: &Stretch| match stretch.factor {
        Some(factor) => format!("{} × {}", stretch.what, number(factor)),
        None => format!("{} not measured", stretch.what),
    };
    let all: Vec<String> = nearness.stretches.iter().map(one).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), |share| format!("{} %", number(100.0 * share)))
}

/// Staleness with its interval, and whether that is in doubt.
fn stale(candidate: &Candidate) -> String {
    let Figure { value, low, high } = candidate.staleness_p99_s;
    let [value, low, high] = [value, low, high].map(|seconds| duration(seconds * 1e3));
    let figure = if low == high { value } else { format!("{value} [{low}, {high}]") };
    if candidate.may_be_too_stale { format!("{figure}, may be too stale") } else { figure }
}

/// Said under the table: nought reads like a mistake. `None` where nothing is nought.
#[must_use]
pub fn why_nought(advice: &Advice) -> Option<String> {
    let nought = advice.candidates.iter().any(|candidate| candidate.staleness_p99_s.value == 0.0);
    nought.then(|| "0 ms: the price is the newest at least 99 % of the time.".to_owned())
}

/// Columns that are left out where nobody has a value.
const OPTIONAL: [&str; 6] = ["bytes", "requests/s", MEMORY, CPU, DIFFER, HELD_OUT];
/// Columns of what was fitted to runs, and so means little without a known error.
pub(super) const FITTED: [&str; 4] = [MEMORY, CPU, DIFFER, HELD_OUT];
const MEMORY: &str = "memory";
const CPU: &str = "CPU, processors";
const DIFFER: &str = "tied ones differ in";
const HELD_OUT: &str = "CPU held-out error";

/// Without the columns in which nobody has a value.
#[must_use]
pub fn pruned(table: DataTable) -> DataTable {
    let says = |cell: &String| cell != NOTHING && cell != NOT_KNOWN;
    let kept = |place: usize| {
        let optional = OPTIONAL.contains(&table.columns[place].as_str());
        !optional || table.rows.iter().filter_map(|row| row.get(place)).any(says)
    };
    let places: Vec<usize> = (0..table.columns.len()).filter(|place| kept(*place)).collect();
    at_places(&table, &places)
}

/// Without these columns.
#[must_use]
pub(super) fn without(table: &DataTable, columns: &[&str]) -> DataTable {
    let left_out = |place: usize| columns.contains(&table.columns[place].as_str());
    let places: Vec<usize> = (0..table.columns.len()).filter(|place| !left_out(*place)).collect();
    at_places(table, &places)
}

fn at_places(table: &DataTable, places: &[usize]) -> DataTable {
    let of = |row: &Vec<String>| places.iter().filter_map(|place| row.get(*place).cloned()).collect();
    DataTable { columns: of(&table.columns), rows: table.rows.iter().map(of).collect() }
}

/// What is known about every arm, ranked ones first.
#[must_use]
pub fn table(advice: &Advice) -> DataTable {
    pruned(whole_table(advice))
}

/// The same with all columns, so that tables of several questions fit together.
#[must_use]
pub fn whole_table(advice: &Advice) -> DataTable {
    let columns =
        ["rank", "arm", "p99 stale", "bytes", "requests/s", "open connections", MEMORY, CPU, DIFFER, HELD_OUT];
    let mut rows = Vec::new();
    for (place, candidate) in placed(advice) {
        rows.push(vec![
            place,
            name(candidate),
            stale(candidate),
            figure(Criterion::Bytes, candidate.bytes_per_s),
            figure(Criterion::Requests, candidate.requests_per_s),
            figure(Criterion::Connections, Some(candidate.connections)),
            figure(Criterion::Memory, candidate.memory_bytes),
            figure(Criterion::Cpu, candidate.processors),
            differ_in(advice, candidate),
            percent(candidate.held_out_cpu_error),
        ]);
    }
    DataTable { columns: columns.map(str::to_owned).to_vec(), rows }
}

/// In what those that are tied with `candidate`, itself included, differ all the same.
fn differ_in(advice: &Advice, candidate: &Candidate) -> String {
    let group = advice.groups.iter().find(|group| group.arms.contains(&candidate.arm));
    let told = group.map(|group| group.differ.iter().map(|criterion| word(*criterion).to_owned()).collect::<Vec<_>>());
    told.filter(|told| !told.is_empty()).map_or_else(|| NOTHING.to_owned(), |told| list(&told))
}

/// Candidates with their places: `1`, `2 tied`, `1 in doubt` (may be too stale), `–`.
fn placed(advice: &Advice) -> Vec<(String, &Candidate)> {
    let mut placed = Vec::new();
    let mut place = 1;
    for group in &advice.groups {
        let tied = if group.arms.len() > 1 { " tied" } else { "" };
        let members = group.arms.iter().filter_map(|arm| advice.candidates.iter().find(|c| &c.arm == arm));
        let doubt = |candidate: &Candidate| if candidate.may_be_too_stale { " in doubt" } else { "" };
        placed.extend(members.map(|candidate| (format!("{place}{tied}{}", doubt(candidate)), candidate)));
        place += group.arms.len();
    }
    let out = advice.candidates.iter().filter(|c| c.why_not.is_some());
    placed.extend(out.map(|candidate| (NOTHING.to_owned(), candidate)));
    placed
}

/// Where each arm's figures come from.
#[must_use]
pub fn sources(advice: &Advice) -> DataTable {
    let columns = ["arm", "nearest measured cell", "extrapolated"].map(str::to_owned).to_vec();
    let rows = placed(advice)
        .into_iter()
        .map(|(_, c)| vec![c.arm.clone(), c.nearness.nearest.clone(), stretched(&c.nearness)]);
    DataTable { columns, rows: rows.collect() }
}

/// The model held against sizes that it was not fitted to.
#[must_use]
pub fn held_out(held: &[HeldOut]) -> DataTable {
    let columns = [
        "arm",
        "held out",
        "fitted to clients",
        "B/quote above TCP",
        "predicted",
        "error",
        "CPU µs/s",
        "predicted",
        "error",
    ];
    let signed = |error: Option<f64>| {
        error.map_or_else(
            || NOTHING.to_owned(),
            |e| format!("{}{} %", if e > 0.0 { "+" } else { "" }, number(100.0 * e)),
        )
    };
    let maybe = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), number);
    let rows = held.iter().map(|h| {
        vec![
            h.arm.clone(),
            h.place.clone(),
            h.fitted_to.iter().map(u32::to_string).collect::<Vec<_>>().join(", "),
            maybe(h.bytes_measured),
            maybe(h.bytes_predicted),
            signed(h.bytes_error()),
            number(h.cpu_measured),
            number(h.cpu_predicted),
            signed(Some(h.cpu_error())),
        ]
    });
    DataTable { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// How well it did: a sentence for sizes between two that were fitted to, and one for sizes beyond all of them, since the
/// second is a longer step in the dark than the first.
#[must_use]
pub fn held_out_verdict(held: &[HeldOut]) -> String {
    if held.is_empty() {
        return format!(
            "The model could not be held against sizes left out: that needs three numbers of clients on loopback \
             (`wirerace run advise`). Until then {}",
            taken_to_be_off()
        );
    }
    let (between, beyond): (Vec<&HeldOut>, Vec<&HeldOut>) = held.iter().partition(|held| held.is_between());
    let of = [("between two sizes fitted to", between), ("beyond the sizes fitted to", beyond)];
    let told: Vec<String> =
        of.iter().filter(|(_, held)| !held.is_empty()).map(|(place, held)| off(place, held)).collect();
    told.join(" ")
}

/// The largest errors of cells held out at one kind of place.
fn off(place: &str, held: &[&HeldOut]) -> String {
    let worst = |errors: Vec<f64>| errors.into_iter().map(f64::abs).fold(0.0, f64::max);
    let bytes = worst(held.iter().filter_map(|held| held.bytes_error()).collect());
    let cpu = worst(held.iter().map(|held| held.cpu_error()).collect());
    let target = |error: f64, target: f64| if error <= target { "met" } else { "missed" };
    format!(
        "Held out {place}, {}: application bytes off by {} % at most (target {} %: {}), CPU by {} % (target {} %: {}).",
        cells(held.len()),
        number(100.0 * bytes),
        number(100.0 * TARGET_BYTES),
        target(bytes, TARGET_BYTES),
        number(100.0 * cpu),
        number(100.0 * TARGET_CPU),
        target(cpu, TARGET_CPU)
    )
}

/// What one of each costs, µs, as fitted: one row an arm.
#[must_use]
pub fn unit_costs(ways: &[Way]) -> DataTable {
    let mut columns = vec!["arm".to_owned()];
    columns.extend(AMOUNTS.iter().map(|what| format!("CPU µs/{what}")));
    let rows = ways.iter().filter_map(|way| {
        let fit = Fit::of(&way.observations.iter().map(|o| o.cpu.clone()).collect::<Vec<_>>())?;
        let cells = fit
            .costs()
            .into_iter()
            .zip(fit.told)
            .map(|(cost, told)| if told { number(cost) } else { NOTHING.to_owned() });
        Some(std::iter::once(way.entry.arm.name.clone()).chain(cells).collect())
    });
    DataTable { columns, rows: rows.collect() }
}

fn outside(advice: &Advice) -> Vec<String> {
    let out =
        advice.candidates.iter().filter_map(|c| Some(format!("{} is no candidate: {}.", c.arm, c.why_not.as_ref()?)));
    out.collect()
}

/// For a terminal.
#[must_use]
pub fn text(advice: &Advice) -> String {
    let mut text = format!("{}\n", asked(&advice.question));
    text.extend(measured(&advice.question, &advice.candidates).map(|line| format!("{line}\n")));
    text.push('\n');
    for sentence in advice.reasons.iter().chain(&outside(advice)).chain(&why_stale(advice)) {
        let _ = writeln!(text, "{sentence}");
    }
    if !advice.candidates.is_empty() {
        let _ = writeln!(text, "\n{}", aligned(&table(advice)));
        text.extend(why_nought(advice).map(|line| format!("{line}\n\n")));
        text.push_str(&aligned(&sources(advice)));
        let _ = writeln!(text, "\n{}", held_out_verdict(&advice.held_out));
    }
    advice.notes.iter().for_each(|note| {
        let _ = writeln!(text, "{note}");
    });
    text.trim_end().to_owned()
}

/// For an issue or an article.
#[must_use]
pub fn markdown(advice: &Advice) -> String {
    let mut text = format!("# Which should I use?\n\n{}\n\n", inline(&asked(&advice.question)));
    let measured = measured(&advice.question, &advice.candidates);
    text.extend(measured.map(|line| format!("{}\n\n", inline(&line))));
    for sentence in advice.reasons.iter().chain(&outside(advice)).chain(&why_stale(advice)) {
        let _ = writeln!(text, "{}\n", inline(sentence));
    }
    if !advice.candidates.is_empty() {
        let _ = writeln!(text, "{}", markdown_table(&table(advice)));
        text.extend(why_nought(advice).map(|line| format!("{}\n\n", inline(&line))));
        let _ = writeln!(text, "{}", markdown_table(&sources(advice)));
        let _ = writeln!(text, "{}\n", inline(&held_out_verdict(&advice.held_out)));
    }
    if !advice.held_out.is_empty() {
        let _ = writeln!(text, "{}", markdown_table(&held_out(&advice.held_out)));
    }
    advice.notes.iter().for_each(|note| {
        let _ = writeln!(text, "- {}", inline(note));
    });
    text.trim_end().to_owned()
}
