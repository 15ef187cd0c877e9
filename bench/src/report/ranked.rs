//! In what arms are ranked. Arms that deliver only the newest quote leave out different ones: their lateness is of those that
//! came, and what they cost by the quote is divided by other numbers. So they are ranked by how stale the price is, and by
//! what a second costs.

use wirerace_contract::spec::Delivery;

use super::verdict::Entry;
use crate::summary::{CellSummary, Quantity};

/// Whether these arms, which deliver alike, deliver only the newest quotes.
pub(super) fn is_newest(arms: &[Entry<'_>]) -> bool {
    arms.iter().any(|(_, entry)| entry.arm.delivery == Delivery::Newest)
}

/// Whether a quantity is of the quotes that were delivered, so that arms which leave out different ones cannot be ranked by
/// it.
pub(crate) fn is_of_delivered(quantity: Quantity) -> bool {
    matches!(
        quantity,
        Quantity::LatenessP50
            | Quantity::LatenessP99
            | Quantity::LatenessMean
            | Quantity::PacketBytes
            | Quantity::ApplicationBytes
            | Quantity::Connections
            | Quantity::Requests
            | Quantity::OwnCpu
            | Quantity::MachineCpu
            | Quantity::ServerCpu
    )
}

/// What says how fresh their quotes are, with the words that a sentence on it begins with.
pub(super) fn freshness(arms: &[Entry<'_>]) -> (Quantity, &'static str) {
    if is_newest(arms) {
        (Quantity::StalenessMean, "On average over time")
    } else {
        (Quantity::LatenessP50, "At the median")
    }
}

/// What bytes of these arms are counted in by the quote, and how that is called: packets where all have them. In an exact
/// cell, which runs once, only what lies above TCP is certain.
pub(super) fn by_quote(cell: &CellSummary, arms: &[Entry<'_>]) -> (Quantity, &'static str) {
    if !cell.exact && arms.iter().all(|(arm, _)| arm.median(Quantity::PacketBytes).is_some()) {
        (Quantity::PacketBytes, "Bytes of packets per delivered quote")
    } else {
        (Quantity::ApplicationBytes, "Bytes above TCP per delivered quote")
    }
}

/// What their bytes without set-up are counted in, by the second and client: as above, but also where no quote came to
/// divide by.
pub(super) fn by_second(cell: &CellSummary, arms: &[Entry<'_>]) -> (Quantity, &'static str) {
    if !cell.exact && arms.iter().all(|(arm, _)| arm.median(Quantity::PacketRate).is_some()) {
        (Quantity::PacketRate, "Bytes of packets without set-up, per second and client")
    } else {
        (Quantity::ApplicationRate, "Bytes above TCP without set-up, per second and client")
    }
}

/// What their bytes are ranked in first.
pub(super) fn bytes(cell: &CellSummary, arms: &[Entry<'_>]) -> (Quantity, &'static str) {
    if is_newest(arms) { by_second(cell, arms) } else { by_quote(cell, arms) }
}

/// The quantities in which somebody may come first, in the order of tables; less is better in all of them. Bytes stand here
/// twice: by the quote with set-up, and by the second without it, as in a run that never ends.
pub(super) fn all(by_quote: Quantity, by_second: Quantity) -> [Quantity; 12] {
    [
        Quantity::LatenessP50,
        Quantity::LatenessP99,
        Quantity::StalenessMean,
        Quantity::StalenessP99,
        by_quote,
        by_second,
        Quantity::Connections,
        Quantity::Requests,
        Quantity::OwnCpu,
        Quantity::ServerCpu,
        Quantity::OwnCpuRate,
        Quantity::ServerMemory,
    ]
}

/// Whether these arms, which deliver alike, are ranked in a quantity of [`all`].
pub(super) fn is_ranked(arms: &[Entry<'_>], quantity: Quantity) -> bool {
    let newest = is_newest(arms);
    match quantity {
        // Of those that deliver all, the 99th percentile of lateness says the same.
        Quantity::StalenessP99 => newest,
        // So does CPU by the quote, if any came to divide by; where none did, only the second tells what waiting costs.
        Quantity::OwnCpuRate => newest || arms.iter().all(|(arm, _)| arm.median(Quantity::OwnCpu).is_none()),
        _ => !(newest && is_of_delivered(quantity)),
    }
}

/// Those of a cell's arms that deliver alike.
pub(super) fn quantities(cell: &CellSummary, arms: &[Entry<'_>]) -> Vec<Quantity> {
    let all = all(by_quote(cell, arms).0, by_second(cell, arms).0);
    all.into_iter().filter(|quantity| is_ranked(arms, *quantity)).collect()
}
