//! A child's side of the talk with its parent: one line of JSON in, one line of JSON out. The parent's side is
//! [`crate::child`].

use std::io::{BufRead, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads one line of JSON from stdin.
///
/// # Errors
/// When stdin has ended or holds something else.
pub fn read_line<M: DeserializeOwned>() -> anyhow::Result<M> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// Writes one line of JSON to stdout.
///
/// # Errors
/// When stdout is closed.
pub fn write_line(message: &impl Serialize) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, message)?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}
