//! How sure the answer is: trials and intervals, what was set aside, and what the self-test says could be missed.

use std::collections::BTreeSet;

use wirerace_contract::results::Standing;

use super::Setting;
use crate::report::self_test;
use crate::report::verdict::{self, Entry};
use crate::statistics::BLOCKS_MIN;
use crate::summary::words::count;
use crate::summary::{ArmSummary, Summary};

/// In sentences; empty where there is nothing to be sure of.
pub(super) fn sure(summary: &Summary, settings: &[Setting<'_>]) -> String {
    let used = || settings.iter().flat_map(|s| &s.arms).map(|(arm, _)| arm.valid);
    let (Some(least), Some(most)) = (used().min(), used().max()) else { return String::new() };
    let n = if least == most { count(least.into()) } else { format!("{least} to {most}") };
    let plural = if most == 1 { "" } else { "s" };
    let aside = aside(summary);
    let before = before(summary, settings);
    let intervals = if settings.iter().all(|s| s.cell.exact) {
        "bytes, connections and requests are exact, times are indicative only".to_owned()
    } else if (least as usize) < BLOCKS_MIN {
        format!("fewer than {BLOCKS_MIN} trials give no interval and are indicative only")
    } else {
        "intervals are of at least 95 %".to_owned()
    };
    // What is exact and what is indicative stands in the sentences that follow, where there are any.
    let intervals = if before.is_empty() { format!("{intervals}; ") } else { String::new() };
    let sure = format!("How sure: {n} trial{plural} an arm and cell; {intervals}of the trials {aside}.");
    let rest = unfinished(summary).into_iter().chain(before).chain(self_test::missed(summary));
    std::iter::once(sure).chain(rest).collect::<Vec<_>>().join(" ")
}

/// Whether blocks are missing that were planned: a complete one has left a trial of every arm, whatever became of it.
fn unfinished(summary: &Summary) -> Option<String> {
    let planned = summary.blocks_planned;
    let arms = summary.cells.iter().filter(|cell| !cell.exact).flat_map(|cell| &cell.arms);
    let complete = arms.map(blocks).min()?;
    (complete < planned)
        .then(|| format!("The run was stopped before its end: complete blocks {complete} of {planned}."))
}

/// How many blocks an arm has a trial of.
fn blocks(arm: &ArmSummary) -> u32 {
    let used = arm.estimates.iter().flat_map(|estimate| &estimate.points).map(|point| point.block);
    let blocks: BTreeSet<u32> = used.chain(arm.set_aside.iter().map(|trial| trial.block)).collect();
    blocks.len() as u32
}

/// Which trials are not used. Of a block that was repeated the valid ones are no longer used either, which is said too: the
/// list below has them, and its length would not agree with the numbers here.
fn aside(summary: &Summary) -> String {
    let arms = || summary.cells.iter().flat_map(|cell| &cell.arms);
    let (tainted, void) = (arms().map(|a| a.tainted).sum::<u32>(), arms().map(|a| a.void).sum::<u32>());
    let repeated = arms().flat_map(|arm| &arm.set_aside).filter(|trial| trial.standing == Standing::Valid).count();
    let repeated = match repeated {
        0 => String::new(),
        1 => "; 1 valid one is not used, since its block was repeated".to_owned(),
        n => format!("; {} valid ones are not used, since their blocks were repeated", count(n as u64)),
    };
    match (tainted, void) {
        (0, 0) if repeated.is_empty() => "none was set aside".to_owned(),
        (0, 0) => format!("none was set aside as tainted or void{repeated}"),
        (tainted, void) => format!("{tainted} tainted and {void} void were set aside and are listed below{repeated}"),
    }
}

/// Of a single cell that is exact: what its verdict says before all else, since no verdict stands beside it.
fn before(summary: &Summary, settings: &[Setting<'_>]) -> Vec<String> {
    match summary.cells.as_slice() {
        [cell] if cell.exact => {
            let arms: Vec<Entry<'_>> = settings.iter().flat_map(|s| s.arms.iter().copied()).collect();
            verdict::before(cell, &arms)
        }
        _ => Vec::new(),
    }
}
