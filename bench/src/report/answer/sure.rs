//! How sure the answer is: trials and intervals, what was set aside, and what the self-test says could be missed.

use wirerace_contract::results::Standing;

use super::Setting;
use crate::report::self_test;
use crate::report::verdict::{self, Entry};
use crate::statistics::BLOCKS_MIN;
use crate::summary::Summary;
use crate::summary::words::count;

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
    std::iter::once(sure).chain(before).chain(self_test::missed(summary)).collect::<Vec<_>>().join(" ")
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
