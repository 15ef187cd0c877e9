//! THE table: every transport, once. A row joins what readers of results know of it (the descriptor), how the
//! server offers it (`routes`), how a client takes it (`arrivals`), and the arms that are raced by default.

use axum::Router;
use futures_util::stream::BoxStream;
use wirerace_clients::target::{Event, Target};
use wirerace_contract::descriptor::{Delivers, Descriptor};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Connection, Delivery};
use wirerace_servers::tape::Tape;

use crate::nearest::nearest;

/// A transport.
pub struct Row {
    /// What charts, report and theory know of it.
    pub descriptor: Descriptor,
    /// The server's side.
    pub routes: fn(Tape) -> Router,
    /// The client's side.
    pub arrivals: fn(Target) -> BoxStream<'static, Event>,
    /// Whether it carries text only.
    pub text_only: bool,
    /// Whether its server lets a client choose when it flushes.
    pub flushes: bool,
    /// Names of its default arms, and whether each keeps its connection.
    pub arms: &'static [(&'static str, Connection)],
}

/// All transports, in the order of charts and tables. Of two rows that serve one path the later wins, so a row
/// stands after those whose routes it extends.
pub static ROWS: [Row; 4] = [
    Row {
        descriptor: Descriptor::POLLING,
        routes: wirerace_servers::polling::routes,
        arrivals: wirerace_clients::polling::arrivals,
        text_only: false,
        flushes: false,
        arms: &[("poll-close", Connection::Closed), ("poll", Connection::Kept)],
    },
    Row {
        descriptor: Descriptor::LONG_POLLING,
        routes: wirerace_servers::long_polling::routes,
        arrivals: wirerace_clients::long_polling::arrivals,
        text_only: false,
        flushes: false,
        arms: &[("long-poll", Connection::Kept)],
    },
    Row {
        descriptor: Descriptor::SSE,
        routes: wirerace_servers::sse::routes,
        arrivals: wirerace_clients::sse::arrivals,
        text_only: true,
        flushes: false,
        arms: &[("sse", Connection::Kept)],
    },
    Row {
        descriptor: Descriptor::WEBSOCKET,
        routes: wirerace_servers::websocket::routes,
        arrivals: wirerace_clients::websocket::arrivals,
        text_only: false,
        flushes: true,
        arms: &[("ws", Connection::Kept)],
    },
];

/// The row of a transport's code.
///
/// # Errors
/// When there is none: a sentence with the nearest one.
pub fn row(transport: &str) -> Result<&'static Row, String> {
    ROWS.iter()
        .find(|row| row.descriptor.name == transport)
        .ok_or_else(|| nearest("transport", transport, ROWS.iter().map(|row| row.descriptor.name.as_ref())))
}

/// The default arm of that name, polling each `interval_ms` where it polls.
///
/// # Errors
/// When there is none: a sentence with the nearest one.
pub fn arm(name: &str, interval_ms: u32) -> Result<ArmEntry, String> {
    for row in &ROWS {
        if let Some((_, connection)) = row.arms.iter().find(|(arm, _)| *arm == name) {
            let arm = Arm {
                name: name.to_owned(),
                transport: row.descriptor.name.to_string(),
                connection: *connection,
                delivery: Delivery::Every,
                interval_ms: if row.descriptor.delivers == Delivers::Planned { interval_ms } else { 0 },
                encoding: Encoding::Json,
                ..Arm::default()
            };
            return Ok(ArmEntry { arm, descriptor: row.descriptor.clone() });
        }
    }
    Err(nearest("arm", name, default_arm_names()))
}

/// Names of the default arms, in the order of charts and tables.
pub fn default_arm_names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().flat_map(|row| row.arms.iter().map(|(name, _)| *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_default_arms_in_their_order() {
        assert_eq!(default_arm_names().collect::<Vec<_>>(), ["poll-close", "poll", "long-poll", "sse", "ws"]);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        assert!(arm("wss", 250).unwrap_err().contains("`ws`"));
        assert!(row("web_socket").err().unwrap().contains("`websocket`"));
    }
}
