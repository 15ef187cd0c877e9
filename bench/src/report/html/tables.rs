//! Tables that only the page has: every pair of arms, every trial.

use wirerace_contract::results::{Standing, Trial};

use crate::report::table;
use crate::summary::words::{NOTHING, count, number};
use crate::summary::{CellSummary, Quantity, Reading, Summary};

use super::figure::Budget;
use super::parts::{Listing, details, html_table, prose, table_of};

/// Every pair of arms of a cell that may be compared, folded; in words where it would make the page too large.
pub(super) fn pairs(summary: &Summary, cell: &CellSummary, budget: &mut Budget) -> String {
    let pairs = table::pairs(summary, cell);
    if pairs.rows.is_empty() {
        return String::new();
    }
    let listing = Listing::new("Every pair of arms: differences and ratios").class("words").sortable();
    let folded = details("Every pair of arms: differences and ratios", &html_table(&pairs, &listing));
    budget.pairs(folded).unwrap_or_else(|| {
        let text =
            "The comparisons of every pair of arms stand in `summary.json`: with them the page would be over 3 MB.";
        format!("<p class=\"left-out\">{}</p>\n", prose(text))
    })
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
