//! One client per transport, the load that runs many of them, and the recorder of what arrived.
//!
//! Read in this order:
//!
//! 1. [`target`]: what one simulated user is told, and the [`target::Event`]s it makes of what happens.
//! 2. [`sse`], [`websocket`], [`polling`], [`long_polling`]: one file per transport, each
//!    `arrivals(Target) -> BoxStream<'static, Event>`. What they share stands in files of its own: how to connect
//!    (`connector`), one request and its answer (`exchange`), coming back after a loss (`session`, [`backoff`]), the
//!    precise timer ([`pacer`]), what goes the other way (`orders`).
//! 3. [`recorder`]: events become lateness, losses and [`staleness`]; `ledger` holds one client's account, `quote_ring`
//!    one quote's way to all clients.
//!    [`event_log`]: the first moments of one client as they were, for a sequence diagram.
//! 4. [`load`]: many clients, from the first connection to the report; [`window`] decides what is measured.
//!
//! No transport knows how many users there are, when measuring begins or what is recorded; neither load nor recorder
//! knows a transport by name.

pub mod backoff;
mod connector;
pub mod event_log;
mod exchange;
mod head_padding;
mod ledger;
pub mod load;
pub mod long_polling;
mod order_book;
mod orders;
mod outlet;
pub mod pacer;
pub mod polling;
mod quote_ring;
pub mod recorder;
#[cfg(test)]
mod scripted;
mod session;
mod sources;
pub mod sse;
pub mod sse_parser;
pub mod staleness;
pub mod target;
pub mod websocket;
pub mod window;
