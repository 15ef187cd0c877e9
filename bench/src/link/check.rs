//! `wirerace link`: does the link work here, and how well does it keep its delay? Beside what the link says of itself,
//! sockets at both ends time every packet.

use wirerace_contract::distribution::Distribution;

use super::Link;
use super::timed::{Datagrams, Timed, between_sockets};
use crate::cli::LinkArguments;
use crate::failure::Failure;
use crate::output::line;

/// Opens a link; with `--probe` that is all, else packets are timed and the figures printed.
///
/// # Errors
/// When there can be no link here: what is refused, and the remedy.
pub fn check(arguments: &LinkArguments) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let link = Link::open().map_err(|error| failed(&error))?;
    if arguments.probe {
        return Ok(());
    }
    let LinkArguments { delay_us, packets_per_s: per_s, seconds, .. } = *arguments;
    let datagrams = Datagrams { delay_us, per_s, count: per_s * seconds };
    let sockets = between_sockets(&link, datagrams).map_err(|error| failed(&error))?;
    let report = link.report();
    let timed = Timed { link: report.error, sockets, cpu_us: link.cpu_us(), real_time: report.real_time };
    if arguments.json {
        let json = serde_json::to_string(&timed).map_err(|error| failed(&error))?;
        return line(json);
    }
    line(format!("{per_s} packets/s each way for {seconds} s, {delay_us} µs of delay:"))?;
    line(row("by the link", &timed.link))?;
    line(row("by the sockets", &timed.sockets))?;
    let priority = if timed.real_time { "real-time priority" } else { "no real-time priority" };
    line(format!("link thread: {:.1} % of a processor, {priority}", timed.cpu_us as f64 / seconds as f64 / 1e4))
}

fn row(who: &str, error: &Distribution) -> String {
    let us = |ns: Option<u64>| ns.map_or_else(|| "infinite".to_owned(), |ns| format!("{:.1}", ns as f64 / 1e3));
    let (p50, p99, p999) = (us(error.p50_ns), us(error.p99_ns), us(error.p999_ns));
    format!(
        "too late {who}: p50 {p50} µs, p99 {p99} µs, p99.9 {p999} µs ({} packets, {} lost)",
        error.count, error.lost
    )
}
