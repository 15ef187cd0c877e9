//! How the numbers of a run came about, and what they do not say, in sentences.

use super::table;
use crate::statistics::BLOCKS_MIN;
use crate::summary::browser;
use crate::summary::link::ERROR_P99_MAX_MS;
use crate::summary::quantity::{MARGIN, MARGIN_CPU};
use crate::summary::words::{self, count, number, path};
use crate::summary::{CellSummary, Quantity, Summary};

/// How the numbers came about, in sentences.
pub(super) fn sentences(summary: &Summary) -> Vec<String> {
    if summary.browser.is_some() {
        return browser::method();
    }
    let mut sentences = vec![
        "Each trial is one arm in one cell with a fresh server process and a fresh load process; a block holds every arm in every cell once, in random order.".to_owned(),
        "Lateness is received − due: it counts from the instant the feed's plan fixed, so that waiting is never left out. Lost quotes count as infinitely late.".to_owned(),
        "Excess staleness is how much older the newest quote a client holds is than what a reader with zero delay would hold, as an exact average over time.".to_owned(),
        "Bytes are counted at the socket, below all libraries, over the whole life of all connections: bytes per delivered quote include set-up; steady state is the same without it.".to_owned(),
        "CPU is that of the server and the load process together, since on loopback one side's system call runs the other's TCP input; the server's share stands beside it. The whole machine's, background included, is in the summary files.".to_owned(),
        format!("Medians over trials with order-statistic intervals of at least 95 %, from {BLOCKS_MIN} trials on; arms are compared within blocks, lateness and staleness as differences, all else as ratios. Percentile curves come from merged histograms; percentiles are never averaged."),
        format!("Two arms differ when the interval leaves out no difference, are equal when it holds no difference and lies within {}, and otherwise show no clear difference.", margins(summary)),
        format!("Each block has quotes of its own: its feed's seed is the cell's plus the block's number less one; blocks planned: {}.", summary.blocks_planned),
    ];
    sentences.extend(summary.cells.iter().filter_map(link));
    sentences
}

/// Within what two arms are equal: the experiment's own margins, where it has some.
fn margins(summary: &Summary) -> String {
    let own = summary.margins;
    let percent = |own: Option<f64>, usual: f64| format!("± {}", table::percent(own.unwrap_or(usual)));
    let (rest, cpu) = (percent(own.bytes, MARGIN), percent(own.cpu, MARGIN_CPU));
    let lateness = percent(own.lateness, MARGIN);
    if lateness == rest {
        format!("{rest} (CPU {cpu})")
    } else {
        format!("{rest} (lateness and staleness {lateness}, CPU {cpu})")
    }
}

/// What the link of a cell says of itself; `None` on other paths.
fn link(cell: &CellSummary) -> Option<String> {
    let link = cell.link.as_ref()?;
    let late =
        |ms: Option<crate::summary::Reading>| ms.map_or("not measured".to_owned(), |ms| words::duration(ms.get()));
    let share = if link.lost_of == 0 { 0.0 } else { 100.0 * link.lost as f64 / link.lost_of as f64 };
    let mut text = format!(
        "Cell {}, {}: at its worst over {} trial{}, the link was late by {} at the median and {} at the 99th percentile of packets, \
         and took {} % of a processor; packets lost on purpose: {} of {} ({} %); dropped by a full queue: {}.",
        cell.name,
        path(&cell.load.path),
        link.trials,
        if link.trials == 1 { "" } else { "s" },
        late(link.error_p50_ms),
        late(link.error_p99_ms),
        number(link.cpu_percent),
        count(link.lost),
        count(link.lost_of),
        number(share),
        count(link.queue_dropped),
    );
    if let (Some(p50), Some(p99)) = (link.sockets_p50_ms, link.sockets_p99_ms) {
        text.push_str(&format!(
            " From socket to socket, just before the trials, datagrams were late by {} and {}: that holds the wait for the link's thread too.",
            late(Some(p50)),
            late(Some(p99))
        ));
    }
    if let Some(kept) = link.keeps_its_delay() {
        let kept = if kept { "both kept it" } else { "one of them missed it" };
        text.push_str(&format!(" The target at the 99th percentile is {}: {kept}.", words::duration(ERROR_P99_MAX_MS)));
    }
    if link.interface_dropped > 0 {
        text.push_str(&format!(
            " The system dropped {} at the link's ends, which nobody asked for.",
            count(link.interface_dropped)
        ));
    }
    if !link.real_time {
        text.push_str(" Its thread had no real-time priority, so its error grows with load.");
    }
    Some(text)
}

/// What each path does not show, by [`wirerace_contract::spec::Path::name`].
const PATHS: [(&str, &str); 3] = [
    (
        "loopback",
        "Loopback has no distance, no loss and no shared link: latencies are those of software, and round trips cost next to nothing. Over a real network everything that needs a round trip becomes later.",
    ),
    (
        "link",
        "The link's distance is emulated on this machine: handshakes, acknowledgements and slow start are the kernel's own, but no other traffic shares the way, and both ends share the machine.",
    ),
    (
        "delayed",
        "On the delayed path bytes wait inside the server: TCP below is loopback's, so that handshakes, acknowledgements, slow start and losses of a real distance are missing.",
    ),
];

/// A warm-up ends when two successive seconds agree: one that may not last so long has no rule.
const WARM_UP_RULE_MS: u64 = 2_000;

/// What the numbers do not say.
pub(super) fn caveats(summary: &Summary) -> Vec<String> {
    let has = |path: &str| summary.cells.iter().any(|cell| cell.load.path.name() == path);
    let mut caveats: Vec<String> =
        PATHS.iter().filter(|(path, _)| has(path)).map(|(_, told)| (*told).to_owned()).collect();
    caveats.extend([
        "No TLS and HTTP/1.1 only: set-up over TLS takes more round trips and bytes.".to_owned(),
        "TCP/IP bytes are computed from segment counts with the heads of IPv4; how many segments without data there are depends on the kernel's delayed acknowledgements.".to_owned(),
        "One implementation of each transport, in Rust: other servers have other CPU and memory costs; bytes carry over, times may not.".to_owned(),
    ]);
    if summary.browser.is_none() && summary.cells.iter().any(|cell| cell.load.warm_up_max_ms < WARM_UP_RULE_MS) {
        caveats.push("Cells with a warm-up of less than 2 s have one of fixed length: to see two successive seconds agree, the rule needs two.".to_owned());
    }
    caveats.extend(summary.browser.iter().flat_map(browser::caveats));
    if !summary.environment.optimised {
        caveats.push("Built without optimisation: CPU and lateness are worse than they need be.".to_owned());
    }
    if let Some(hypervisor) = &summary.environment.hypervisor {
        caveats.push(format!("A virtual machine ({hypervisor}): neighbours may disturb it; steal is watched, and tainted trials are set aside."));
    }
    let publisher = summary.cells.iter().flat_map(|c| &c.arms).filter_map(|a| a.median(Quantity::PublisherLatenessP99));
    let worst = publisher.fold(None, |worst: Option<f64>, p| Some(worst.map_or(p, |w| w.max(p))));
    if let Some(worst) = worst {
        caveats.push(format!(
            "The harness's own error: the publisher was late by up to {} at the 99th percentile (worst median over arms); it is part of every lateness.",
            words::duration(worst)
        ));
    }
    caveats
}
