//! The comparison table: one row per arm, medians with their intervals; for terminals, Markdown and CSV.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::spec::Delivery;

use super::ranked;
use crate::charts::DataTable;
use crate::summary::words::{NOTHING, count, duration, effect_interval, effect_within, estimate, number, with_unit};
use crate::summary::{ArmSummary, CellSummary, Comparison, Quantity, Reading, Summary};

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Columns aligned with spaces, for a terminal.
    Text,
    /// A Markdown table per cell.
    Markdown,
    /// The same rows with commas, after a column that names the cell.
    Csv,
    /// Not a table: the whole summary, for programs.
    Json,
}

/// The columns: what is shown, under which head.
const COLUMNS: [(Quantity, &str); 15] = [
    (Quantity::LatenessP50, "late p50 ms"),
    (Quantity::LatenessP99, "late p99 ms"),
    (Quantity::StalenessMean, "stale ms"),
    (Quantity::WrongPrice, "wrong price %"),
    (Quantity::PacketBytes, "B/quote"),
    (Quantity::ApplicationBytes, "B/quote above TCP"),
    (Quantity::SteadyPacketBytes, "B/quote steady"),
    (Quantity::Connections, "conns/100 quotes"),
    (Quantity::Requests, "reqs/100 quotes"),
    (Quantity::EmptyPolls, "empty polls %"),
    (Quantity::OwnCpu, "CPU µs/quote"),
    (Quantity::ServerCpu, "of it server µs"),
    (Quantity::ServerMemory, "server MiB"),
    (Quantity::PublisherLatenessP99, "publisher p99 ms"),
    (Quantity::TransitMultiple, "transit ÷ least"),
];

/// The table of one cell, as text.
#[must_use]
pub fn rows(cell: &CellSummary) -> DataTable {
    rows_of(cell, &More::of(std::slice::from_ref(cell)))
}

fn rows_of(cell: &CellSummary, more: &More) -> DataTable {
    let mut columns = vec!["arm".to_owned(), "n".to_owned()];
    columns.extend(COLUMNS.iter().map(|(_, head)| (*head).to_owned()));
    columns.push("lost".to_owned());
    columns.extend(more.optional.iter().chain(&more.totals).map(|(_, head)| (*head).to_owned()));
    DataTable { columns, rows: cell.arms.iter().map(|arm| row(arm, more)).collect() }
}

/// The columns that not every table has.
struct More {
    optional: Vec<(Quantity, &'static str)>,
    /// Counts over all valid trials.
    totals: Vec<(Quantity, &'static str)>,
}

impl More {
    /// Those that some of `cells` need.
    fn of(cells: &[CellSummary]) -> Self {
        let told = |quantity: Quantity| cells.iter().any(|cell| is_told(cell, quantity));
        // What hardly ever happens takes no room until it does.
        let happened = |quantity: Quantity| {
            cells.iter().flat_map(|cell| &cell.arms).any(|arm| arm.total(quantity).is_some_and(|n| n > 0.0))
        };
        Self {
            optional: OPTIONAL.into_iter().filter(|(quantity, _)| told(*quantity)).collect(),
            totals: (ORDERS.into_iter().filter(|(quantity, _)| told(*quantity)))
                .chain(RARE.into_iter().filter(|(quantity, _)| happened(*quantity)))
                .collect(),
        }
    }
}

/// Columns that stand only where they say something: about orders where there are any, by the second where no quote came
/// to divide by.
const OPTIONAL: [(Quantity, &str); 4] = [
    (Quantity::OrderLatencyP50, "order ack p50 ms"),
    (Quantity::OrderLatencyP99, "order ack p99 ms"),
    (Quantity::PacketRate, "B/s and client"),
    (Quantity::CpuRate, "CPU µs/s and client"),
];

/// Where there are orders: planned = acknowledged + lost + never sent, but for clients that gave up.
const ORDERS: [(Quantity, &str); 3] = [
    (Quantity::OrdersPlanned, "orders planned"),
    (Quantity::OrdersUnsent, "orders never sent"),
    (Quantity::OrdersLost, "orders lost"),
];

fn is_told(cell: &CellSummary, quantity: Quantity) -> bool {
    let any = |quantity| cell.arms.iter().any(|arm| arm.median(quantity).is_some());
    let by_quote = any(Quantity::PacketBytes) || any(Quantity::ApplicationBytes);
    let by_second = matches!(quantity, Quantity::PacketRate | Quantity::CpuRate);
    any(quantity) && !(by_second && by_quote)
}

/// Columns that stand only where an arm has any of it.
const RARE: [(Quantity, &str); 3] = [
    (Quantity::Unacknowledged, "orders unacknowledged"),
    (Quantity::Refused, "clients refused"),
    (Quantity::GaveUp, "clients that gave up"),
];

fn row(arm: &ArmSummary, more: &More) -> Vec<String> {
    let mut row = vec![arm.arm.clone(), trials(arm)];
    row.extend(COLUMNS.iter().map(|(quantity, _)| estimate(arm.estimate(*quantity))));
    row.push(total(arm, Quantity::Lost));
    row.extend(more.optional.iter().map(|(quantity, _)| estimate(arm.estimate(*quantity))));
    row.extend(more.totals.iter().map(|(quantity, _)| total(arm, *quantity)));
    row
}

/// The same on its side: a line per quantity, a column per arm. Arms are few, quantities many, screens narrow.
#[must_use]
pub fn turned(cell: &CellSummary) -> DataTable {
    let table = rows(cell);
    let mut lines = table.columns.iter().enumerate().map(|(i, head)| {
        let line: Vec<String> =
            std::iter::once(head).chain(table.rows.iter().filter_map(|row| row.get(i))).cloned().collect();
        line
    });
    let columns = lines.next().unwrap_or_default();
    // What no arm has (polls where nobody polls, the machine's CPU where arms share it) takes no line.
    let told = |line: &Vec<String>| line.iter().skip(1).any(|cell| cell != NOTHING);
    DataTable { columns, rows: lines.filter(told).collect() }
}

/// The table, or where that is narrower the same on its side, for text that nothing scrolls.
#[must_use]
pub fn narrow(cell: &CellSummary) -> DataTable {
    let (rows, turned) = (rows(cell), turned(cell));
    if turned.columns.len() < rows.columns.len() { turned } else { rows }
}

/// Every pair of arms that may be compared, a line for each quantity that both have and can be compared in.
#[must_use]
pub fn pairs(summary: &Summary, cell: &CellSummary) -> DataTable {
    let newest_each = |name: &str| {
        let arm = &summary.arms.iter().find(|entry| entry.arm.name == name)?.arm;
        (arm.delivery == Delivery::Newest).then_some(arm.interval_ms)
    };
    let row = |c: &Comparison| {
        let bounds = c.interval.as_ref();
        let size = c.estimate.map_or(NOTHING.to_owned(), |e| effect_within(c.quantity, c.scale, e.get(), bounds));
        let bounds = bounds.map_or(NOTHING.to_owned(), |bounds| effect_interval(c.quantity, c.scale, bounds));
        let arms = format!("{} against {}", c.left, c.right);
        let (quantity, outcome) = (c.quantity.title().to_owned(), c.outcome.words().to_owned());
        vec![quantity, arms, size, bounds, c.n.to_string(), outcome]
    };
    // What neither has (orders, where nobody orders) takes no line; conflated arms are compared at equal intervals, and
    // not by the quotes that each of them let through.
    let may = |c: &Comparison| {
        let (left, right) = (newest_each(&c.left), newest_each(&c.right));
        left == right && !(left.is_some() && ranked::is_of_delivered(c.quantity))
    };
    let compared = cell.comparisons.iter().filter(|c| c.n > 0 && may(c));
    let columns = ["quantity", "arms", "difference or ratio", "interval", "blocks", "outcome"];
    DataTable { columns: columns.map(str::to_owned).to_vec(), rows: compared.map(row).collect() }
}

/// Quantities that theory is shown beside: the measures that formulas give.
const HELD_AGAINST_THEORY: [Quantity; 7] = [
    Quantity::LatenessMean,
    Quantity::LatenessP50,
    Quantity::LatenessP99,
    Quantity::StalenessMean,
    Quantity::ApplicationBytes,
    Quantity::Requests,
    Quantity::Connections,
];

/// How to read [`theory`].
pub const THEORY: &str = "Theory is computed for each trial from the setting, the feed's plan and what the machine took before the trials (the calibration, \
     and where there was one a rehearsal on the same path); nothing is fitted to trials. Columns are medians over the trials. The \
     error is measured − theory for times, and in per cent of theory for the rest: + means more than theory says. It is the median \
     of each trial's own error, so it need not be what the two medians beside it differ by. The distance \
     sums a whole distribution up: count the quotes that came within some time, in theory and as measured; the distance is the \
     largest gap between the two shares, whichever time is chosen (0 alike, 1 nothing in common; a shift of up to 0.3 ms, the \
     machine's own, is forgiven).";

/// What theory leaves out where nothing was rehearsed; `None` where something was, and where nothing is pushed or held.
#[must_use]
pub fn unrehearsed(summary: &Summary) -> Option<&'static str> {
    let mut theories = summary.cells.iter().flat_map(|cell| &cell.arms).filter_map(|arm| arm.theory.as_ref());
    let at_once = summary.arms.iter().any(|entry| entry.descriptor.delivers != Delivers::Planned);
    (at_once && !theories.any(|theory| theory.rehearsed)).then_some(
        "No rehearsal in this run: theory of pushes and held requests leaves out waking up, so their errors are the \
         machine's.",
    )
}

/// Theory beside measurement: a line for each arm and quantity that there is theory for, and one for the whole
/// distribution of lateness.
#[must_use]
pub fn theory(cell: &CellSummary) -> DataTable {
    let mut rows = Vec::new();
    for arm in &cell.arms {
        for estimate in HELD_AGAINST_THEORY.iter().filter_map(|quantity| arm.estimate(*quantity)) {
            let (Some(theory), Some(error)) = (estimate.theory, estimate.error) else { continue };
            let unit = |value: Reading| with_unit(estimate.quantity, value.get());
            rows.push(vec![
                arm.arm.clone(),
                estimate.quantity.title().to_owned(),
                estimate.median.map_or_else(|| NOTHING.to_owned(), unit),
                unit(theory),
                residual(estimate.quantity, error),
            ]);
        }
        if let Some((largest, seen)) = arm.theory.as_ref().and_then(|t| t.max_ms.finite()).zip(arm.lateness.p999_ms) {
            let row =
                ["largest possible lateness", &format!("99.9 % within {}", duration(seen.get())), &duration(largest)];
            rows.push([arm.arm.as_str()].into_iter().chain(row).chain([NOTHING]).map(str::to_owned).collect());
        }
        if let Some(distance) = arm.theory.as_ref().and_then(|theory| theory.distance) {
            let what = "distance of the distributions of lateness".to_owned();
            let measured = format!("a share of {}", number(distance.get()));
            rows.push(vec![arm.arm.clone(), what, measured, "0 if alike".to_owned(), NOTHING.to_owned()]);
        }
    }
    let columns = ["arm", "quantity", "measured", "theory", "error"].map(str::to_owned).to_vec();
    DataTable { columns, rows }
}

/// An error in words: with its sign, milliseconds as they are, ratios in per cent.
fn residual(quantity: Quantity, error: Reading) -> String {
    match quantity.unit() {
        "ms" => signed(error.get(), &duration(error.get())),
        "%" => signed_percent(error.get() / 100.0),
        _ => signed_percent(error.get()),
    }
}

/// A share in per cent.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    // What is left of nine digits is nothing.
    let percent = if percent.abs() < 1e-6 { 0.0 } else { percent };
    format!("{} %", number(percent))
}

/// The same with a plus where there is one to say.
pub(crate) fn signed_percent(share: f64) -> String {
    let written = percent(share);
    signed(if written == "0 %" { 0.0 } else { share }, &written)
}

/// With a plus where there is one to say.
pub(crate) fn signed(value: f64, written: &str) -> String {
    format!("{}{written}", if value > 0.0 { "+" } else { "" })
}

/// Valid trials, and those set aside where there are any, or used for counts alone: `5 (1 void)`.
fn trials(arm: &ArmSummary) -> String {
    let counts_only = arm.counts_only.len() as u32;
    let aside: Vec<String> = [(counts_only, "for counts only"), (arm.tainted, "tainted"), (arm.void, "void")]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} {what}"))
        .collect();
    if aside.is_empty() { arm.valid.to_string() } else { format!("{} ({})", arm.valid, aside.join(", ")) }
}

/// Of all valid trials together.
fn total(arm: &ArmSummary, quantity: Quantity) -> String {
    arm.total(quantity).map_or_else(|| NOTHING.to_owned(), |total| count(total as u64))
}

/// The comparison table of every cell.
#[must_use]
pub fn table(summary: &Summary, format: Format) -> String {
    if format == Format::Json {
        // A summary holds no map and no number that JSON lacks, so this cannot fail.
        return serde_json::to_string_pretty(summary).unwrap_or_default();
    }
    let mut text = String::new();
    // One head stands over the rows of all cells.
    let all = More::of(&summary.cells);
    for (i, cell) in summary.cells.iter().enumerate() {
        let table = if format == Format::Csv { rows_of(cell, &all) } else { rows(cell) };
        match format {
            Format::Csv => {
                if i == 0 {
                    text.push_str(&super::csv::line(std::iter::once("cell").chain(strs(&table.columns))));
                }
                for row in &table.rows {
                    text.push_str(&super::csv::line(std::iter::once(cell.name.as_str()).chain(strs(row))));
                }
            }
            Format::Markdown => {
                text.push_str(&format!(
                    "### {}\n\n{}\n",
                    super::markdown::inline(&cell.name),
                    super::markdown::table(&table)
                ));
            }
            Format::Text | Format::Json => {
                text.push_str(&format!("{}\n{}\n", printable(&cell.name), aligned(&turned(cell))))
            }
        }
    }
    text
}

fn strs(cells: &[String]) -> impl Iterator<Item = &str> {
    cells.iter().map(String::as_str)
}

/// Control characters could steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Columns aligned with spaces.
#[must_use]
pub fn aligned(table: &DataTable) -> String {
    let printed = |line: &Vec<String>| line.iter().map(|cell| printable(cell)).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = std::iter::once(&table.columns).chain(&table.rows).map(printed).collect();
    let width =
        |column: usize| lines.iter().filter_map(|l| l.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (cell, width))| {
                let space = " ".repeat(width - cell.chars().count());
                if i == 0 { format!("{cell}{space}") } else { format!("{space}{cell}") }
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::meanings::{MEANINGS, meanings};
    use crate::summary::summarise;
    use wirerace_contract::results::Orders;

    fn summary() -> Summary {
        let (manifest, trials) = fixture::run();
        summarise(&manifest, &trials, &[])
    }

    #[test]
    fn every_head_has_one_meaning_and_only_rows_that_stand_there_are_explained() {
        let of = |list: &[(Quantity, &'static str)]| list.iter().map(|(_, head)| *head).collect::<Vec<_>>();
        let mut heads = [vec!["n", "lost"], of(&COLUMNS), of(&OPTIONAL), of(&ORDERS), of(&RARE)].concat();
        let mut explained: Vec<&str> = MEANINGS.iter().map(|(head, _)| *head).collect();
        heads.sort_unstable();
        explained.sort_unstable();
        assert_eq!(heads, explained);
        let summary = summary();
        let told = meanings(&summary);
        assert_eq!(told.len(), turned(&summary.cells[0]).rows.len());
        assert!(told[0].starts_with("n: ") && told.iter().any(|line| line.starts_with("lost: ")), "{told:?}");
        assert!(!told.iter().any(|line| line.starts_with("orders")), "nobody orders: {told:?}");
    }

    #[test]
    fn the_terminal_table() {
        let text = table(&summary(), Format::Text);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].split_whitespace().eq(["arm", "poll-close", "poll", "long-poll", "sse", "ws"]), "{text}");
        assert!(
            lines[2].split_whitespace().eq(["n", "6", "6", "5", "(1", "void)", "6", "(1", "tainted)", "6"]),
            "{text}"
        );
        assert!(lines.iter().any(|l| l.starts_with("B/quote") && l.contains('[')), "{text}");
        assert!(lines.iter().any(|l| l.starts_with("empty polls %") && l.trim_end().ends_with('–')), "{text}");
        // Columns are aligned: every line ends at the same place.
        let ends: Vec<usize> = lines[1..lines.len() - 1].iter().map(|l| l.chars().count()).collect();
        assert!(ends.windows(2).all(|w| w[0] == w[1]), "{ends:?}");
    }

    #[test]
    fn markdown_and_csv_hold_every_arm() {
        let markdown = table(&summary(), Format::Markdown);
        assert_eq!(markdown.lines().filter(|l| l.starts_with('|')).count(), 2 + 5);
        let csv = table(&summary(), Format::Csv);
        assert_eq!(csv.lines().count(), 1 + 5);
        assert!(csv.lines().nth(1).unwrap().starts_with("\"10 clients, 10 quotes/s\",poll-close,6,"), "{csv}");
    }

    #[test]
    fn refused_clients_have_a_column_where_there_are_any() {
        let (manifest, mut trials) = fixture::run();
        assert!(!table(&summary(), Format::Csv).contains("clients refused"));
        for trial in trials.iter_mut().filter(|t| t.arm.name == "sse") {
            let Some(measured) = &mut trial.measured else { continue };
            (measured.client.clients, measured.client.clients_refused) = (10, 2);
        }
        let csv = table(&summarise(&manifest, &trials, &[]), Format::Csv);
        let last: Vec<&str> = csv.lines().filter_map(|line| line.rsplit(',').next()).collect();
        assert_eq!(
            last,
            ["clients refused", "–", "–", "–", "12", "–"],
            "two in each of six trials; older files do not tell"
        );
    }

    #[test]
    fn theory_stands_beside_what_was_measured() {
        let table = theory(&summary().cells[0]);
        let line = |arm: &str, what: &str| {
            table.rows.iter().find(|row| row[0] == arm && row[1].starts_with(what)).map(|row| row[2..].join(" | "))
        };
        // Half of 250 ms.
        assert_eq!(line("poll", "median lateness").as_deref(), Some("125 ms | 125 ms | +174 µs"));
        assert!(line("poll", "distance").is_some());
        assert_eq!(line("ws", "distance"), None, "theory of no distance is 0, the rest is the machine");
        assert_eq!(line("poll", "application bytes"), None, "the fixture does not say what wraps its quotes");
    }

    #[test]
    fn orders_have_columns_where_there_are_any_and_csv_has_one_head_for_all_cells() {
        let mut summary = summary();
        assert!(!table(&summary, Format::Csv).contains("order ack"));
        summary.cells.push(summary.cells[0].clone());
        let acks = summary.cells[1].arms[0].estimates.iter_mut().find(|e| e.quantity == Quantity::OrderLatencyP50);
        acks.unwrap().median = crate::summary::Reading::new(1.5);
        let csv = table(&summary, Format::Csv);
        // Commas outside quotation marks.
        let columns: Vec<usize> =
            csv.lines().map(|line| line.split('"').step_by(2).map(|part| part.matches(',').count()).sum()).collect();
        assert!(csv.lines().next().unwrap().ends_with("order ack p50 ms"), "{csv}");
        assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{columns:?}\n{csv}");
    }

    #[test]
    fn orders_that_were_planned_and_never_sent_stand_in_the_table() {
        let (manifest, mut trials) = fixture::run();
        for trial in trials.iter_mut().filter(|t| t.arm.name == "poll" || t.arm.name == "ws") {
            trial.load.orders_per_s = 10.0;
            let Some(measured) = &mut trial.measured else { continue };
            let unsent = if trial.arm.name == "poll" { 3 } else { 0 };
            measured.client.orders = Orders {
                window_planned: 100,
                window_issued: 100 - unsent,
                window_unsent: unsent,
                window_acknowledged: 99 - unsent,
                window_lost: 1,
                ..Orders::default()
            };
        }
        let csv = table(&summarise(&manifest, &trials, &[]), Format::Csv);
        assert!(
            csv.lines().next().unwrap().ends_with("orders planned,orders never sent,orders lost,orders unacknowledged")
        );
        let last = |arm: &str| {
            csv.lines().find(|line| line.contains(&format!(",{arm},"))).unwrap().rsplitn(5, ',').collect::<Vec<_>>()
        };
        assert_eq!(last("poll")[..4], ["24", "6", "18", "600"], "six trials: {csv}");
        assert_eq!(last("ws")[..4], ["6", "6", "0", "600"]);
        assert_eq!(last("sse")[..4], ["–", "–", "–", "–"], "no orders");
    }

    #[test]
    fn where_no_quote_came_costs_are_told_by_the_second() {
        let mut summary = summary();
        assert!(!table(&summary, Format::Text).contains("B/s and client"), "bytes per quote say it");
        for arm in &mut summary.cells[0].arms {
            for estimate in &mut arm.estimates {
                if matches!(estimate.quantity, Quantity::PacketBytes | Quantity::ApplicationBytes) {
                    estimate.median = None;
                }
            }
        }
        assert!(table(&summary, Format::Text).contains("B/s and client"));
    }

    #[test]
    fn json_is_the_whole_summary() {
        let text = table(&summary(), Format::Json);
        assert!(serde_json::from_str::<Summary>(&text).unwrap() == summary());
    }

    #[test]
    fn an_empty_run_has_a_table_too() {
        let empty = summarise(&fixture::run().0, &[], &[]);
        let text = table(&empty, Format::Text);
        assert!(text.contains("poll-close") && text.contains("n             0"), "{text}");
        assert!(!text.contains("empty polls %"), "what nobody has takes no line: {text}");
    }
}
