//! Tables that only the page has: every pair of arms, every trial.

use wirerace_contract::results::{Standing, Trial};
use wirerace_contract::spec::Delivery;

use crate::charts::DataTable;
use crate::summary::words::{NOTHING, count, effect, interval, number};
use crate::summary::{CellSummary, Comparison, Quantity, Reading, Summary};

use super::figure::Budget;
use super::parts::{Listing, details, html_table, prose, table_of};

/// Every pair of arms of a cell that may be compared, folded; in words where it would make the page too large.
pub(super) fn pairs(summary: &Summary, cell: &CellSummary, budget: &mut Budget) -> String {
    let table = pairs_of(summary, cell);
    if table.rows.is_empty() {
        return String::new();
    }
    let listing = Listing::new("Every pair of arms: differences and ratios").class("words").sortable();
    let folded = details("Every pair of arms: differences and ratios", &html_table(&table, &listing));
    budget.pairs(folded).unwrap_or_else(|| {
        let text =
            "The comparisons of every pair of arms stand in `summary.json`: with them the page would be over 3 MB.";
        format!("<p class=\"left-out\">{}</p>\n", prose(text))
    })
}

fn pairs_of(summary: &Summary, cell: &CellSummary) -> DataTable {
    let newest_each = |name: &str| {
        let arm = &summary.arms.iter().find(|entry| entry.arm.name == name)?.arm;
        (arm.delivery == Delivery::Newest).then_some(arm.interval_ms)
    };
    let row = |c: &Comparison| {
        let write = |value: f64| effect(c.quantity, c.scale, value);
        let estimate = c.estimate.map_or(NOTHING.to_owned(), |e| write(e.get()));
        let bounds = c.interval.as_ref().map_or(NOTHING.to_owned(), |i| interval(i, write));
        vec![
            c.quantity.title().to_owned(),
            format!("{} against {}", c.left, c.right),
            estimate,
            bounds,
            c.n.to_string(),
            c.outcome.words().to_owned(),
        ]
    };
    // What neither has (orders, where nobody orders) takes no line; conflated arms are compared at equal intervals.
    let compared = cell.comparisons.iter().filter(|c| c.n > 0 && newest_each(&c.left) == newest_each(&c.right));
    let columns = ["quantity", "arms", "difference or ratio", "interval", "blocks", "outcome"];
    DataTable { columns: columns.map(str::to_owned).to_vec(), rows: compared.map(row).collect() }
}

/// What the raw table shows of each trial.
const RAW: [Quantity; 6] = [
    Quantity::LatenessP50,
    Quantity::LatenessP99,
    Quantity::PacketBytes,
    Quantity::Requests,
    Quantity::MachineCpu,
    Quantity::Lost,
];

/// Rows of the raw table at most; about 300 bytes each.
const TRIALS_MAX: usize = 1_500;

/// Every trial, used or not.
pub(super) fn all_trials(trials: &[Trial]) -> String {
    let mut told = "As they stand in `trials.jsonl`, used or not.".to_owned();
    let aside = trials.iter().filter(|trial| trial.standing != Standing::Valid).count();
    if aside > 0 {
        told.push_str(&format!(" {} of {} are void or tainted.", count(aside as u64), count(trials.len() as u64)));
    }
    // Those set aside are never left out: they are few, and the first that a doubter looks for.
    let shown: Vec<&Trial> = trials
        .iter()
        .enumerate()
        .filter(|(i, trial)| *i < TRIALS_MAX || trial.standing != Standing::Valid)
        .map(|(_, trial)| trial)
        .take(2 * TRIALS_MAX)
        .collect();
    let left_out = trials.len() - shown.len();
    if left_out > 0 {
        told.push_str(&format!(" {} more are in that file only.", count(left_out as u64)));
    }
    let rows: Vec<(&'static str, Vec<String>)> = shown.into_iter().map(raw).collect();
    let mut columns: Vec<String> = ["cell", "block.attempt.position", "arm", "standing"].map(str::to_owned).to_vec();
    columns.extend(RAW.iter().map(|q| format!("{} ({})", q.title(), q.unit())));
    columns.push("reasons".to_owned());
    let listing = Listing::new("All trials").class("words").sortable();
    let table = table_of(&columns, rows.iter().map(|(class, row)| (*class, row.as_slice())), &listing);
    format!(
        "<section id=\"trials\">\n<h2>All trials</h2>\n<p>{}</p>\n{}</section>\n",
        prose(&told),
        details("Show the raw table", &table)
    )
}

fn raw(trial: &Trial) -> (&'static str, Vec<String>) {
    let (standing, class) = match trial.standing {
        Standing::Valid => ("valid", ""),
        Standing::Tainted => ("tainted", "aside"),
        Standing::Void => ("void", "aside"),
    };
    let place = format!("{}.{}.{}", trial.block, trial.attempt, trial.position);
    let mut row = vec![trial.cell.clone(), place, trial.arm.name.clone(), standing.to_owned()];
    row.extend(RAW.iter().map(|quantity| {
        let value = trial.measured.as_ref().and_then(|m| quantity.of(trial, m)).and_then(Reading::new);
        value.map_or(NOTHING.to_owned(), |v| number(v.get()))
    }));
    row.push(trial.reasons.join("; "));
    (class, row)
}
