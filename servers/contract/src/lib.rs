//! What both sides of a race and its report agree on: quotes and their encodings, the feed's plan,
//! cursors, the messages on the wire, arms and loads, and the files a run leaves behind.
//!
//! There is no async runtime and no HTTP in here, on purpose: everything is values in, values out,
//! so that a chart, a notebook or a server in another language can be checked against it.

pub mod clock;
pub mod cursor;
pub mod descriptor;
pub mod distribution;
pub mod encoding;
pub mod feed;
pub mod heads;
pub mod messages;
pub mod meter;
pub mod plan;
pub mod process_usage;
pub mod quote;
pub mod results;
pub mod spec;
