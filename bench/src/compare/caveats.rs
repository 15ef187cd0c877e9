//! What a reader of the ratios has to know beside them: which arms are compared in other quantities, and what only one of
//! the runs measured.

use wirerace_contract::spec::Delivery;

use super::CellRatios;
use super::matching::{ArmMatch, CellMatch};
use crate::summary::words::list;
use crate::summary::{ArmSummary, Quantity, Summary};

/// Says which arms deliver only the newest quote, and in what they are compared; `None` where all deliver every quote.
pub(super) fn of_newest(cells: &[CellRatios]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for arm in cells.iter().flat_map(|cell| &cell.arms).filter(|arm| arm.delivery == Delivery::Newest) {
        let name = format!("`{}`", arm.arm);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let (deliver, are) = if names.len() == 1 { ("delivers", "It is") } else { ("deliver", "They are") };
    (!names.is_empty()).then(|| {
        format!(
            "{} {deliver} only the newest quote, and which ones came need not be the same in A and B. {are} compared \
             by staleness, by the second (bytes without set-up) and in what does not depend on which quotes came; lateness and costs by the quote, which are of the \
             quotes that came, stand in no table and are not counted above: --format json has them as `of_delivered`.",
            list(&names)
        )
    })
}

/// Says which arms either run has no trial of, and what only one of the two measured: a row that is missing must not be taken
/// for one that has nothing to tell.
pub(super) fn one_sided((a, b): (&Summary, &Summary), cells: &[CellMatch], arms: &[ArmMatch]) -> Vec<String> {
    let (mut in_a, mut in_b) = (Missing::default(), Missing::default());
    for cell in cells {
        let (cell_a, cell_b) = (&a.cells[cell.a], &b.cells[cell.b]);
        for arm in arms {
            let Some((left, right)) = cell_a.arms.get(arm.a).zip(cell_b.arms.get(arm.b)) else { continue };
            // Under the names that A has for them, as in the tables.
            let place = (cell_a.name.as_str(), left.arm.as_str());
            in_a.look(place, left, right);
            in_b.look(place, right, left);
        }
    }
    let several = cells.len() > 1;
    in_a.sentences(("A", "B"), several).into_iter().chain(in_b.sentences(("B", "A"), several)).collect()
}

/// Members under the head they belong to, in the order in which they came.
type Groups = Vec<(String, Vec<String>)>;

/// What one of the runs lacks.
#[derive(Default)]
struct Missing {
    /// Cells by arm, in which it has no trial to use.
    trials: Groups,
    /// Arms by quantity, which the other run measured.
    quantities: Groups,
}

impl Missing {
    /// Looks at an arm in one cell: the run's `own` and the `other` run's.
    fn look(&mut self, (cell, arm): (&str, &str), own: &ArmSummary, other: &ArmSummary) {
        let compared = || Quantity::ALL.iter().copied().filter(|quantity| quantity.compared().is_some());
        if !compared().any(|quantity| is_measured(own, quantity)) {
            add(&mut self.trials, format!("`{arm}`"), format!("`{cell}`"));
            return;
        }
        for quantity in compared().filter(|q| is_measured(other, *q) && !is_measured(own, *q)) {
            add(&mut self.quantities, quantity.title().to_owned(), format!("`{arm}`"));
        }
    }

    /// In sentences on `run`, whose opposite is `other`.
    fn sentences(&self, (run, other): (&str, &str), several_cells: bool) -> Vec<String> {
        let mut sentences = Vec::new();
        if !self.trials.is_empty() {
            let named = written(&self.trials);
            sentences.push(format!("Without a usable trial in {run}, so not compared there: {named}."));
        }
        if !self.quantities.is_empty() {
            let place = if several_cells { " in one cell or more" } else { "" };
            let named = written(&self.quantities);
            sentences.push(format!("Measured in {other} only{place}, so not compared there: {named}."));
        }
        sentences
    }
}

fn is_measured(arm: &ArmSummary, quantity: Quantity) -> bool {
    arm.estimate(quantity).is_some_and(|estimate| estimate.n > 0)
}

fn add(groups: &mut Groups, head: String, member: String) {
    match groups.iter_mut().find(|(name, _)| *name == head) {
        Some((_, members)) if members.contains(&member) => {}
        Some((_, members)) => members.push(member),
        None => groups.push((head, vec![member])),
    }
}

fn written(groups: &Groups) -> String {
    let parts: Vec<String> = groups.iter().map(|(head, members)| format!("{head} ({})", members.join(", "))).collect();
    list(&parts)
}
