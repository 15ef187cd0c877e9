//! What cannot be run, found before the first trial.

use std::fmt;

use wirerace_contract::descriptor::{Delivers, Wraps};
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::heads::{HeadKind, padding};
use wirerace_contract::messages::WAIT_MAX_S;
use wirerace_contract::results::{ArmEntry, Cell};
use wirerace_contract::spec::{Connection, Delivery, Flush, HeadProfile, LoadSpec, Path};

use super::Experiment;
use crate::registry;
use crate::theory::heads::Heads;

/// Longest delay of a path, microseconds.
const DELAY_MAX_US: u64 = 60_000_000;
/// Largest HTTP head, bytes.
pub const HEAD_MAX_BYTES: u32 = 65_536;
/// Most orders of a client, per second.
const ORDERS_MAX_PER_S: f64 = 1_000.0;

/// Which part of an experiment cannot be run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The arm of that number, from 0.
    Arm(usize),
    /// The cell of that number, from 0.
    Cell(usize),
    /// The number of blocks.
    Blocks,
    /// No part alone.
    Whole,
}

/// What cannot be run, in one sentence with the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Why, and what to do.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Looks at everything that can be known before a run.
///
/// # Errors
/// The first fault found.
pub fn check(experiment: &Experiment) -> Result<(), Fault> {
    let fault = |place: Place| move |why: String| Fault { place, why };
    for (number, Cell { name, load, .. }) in experiment.cells.iter().enumerate() {
        let named = |why: String| format!("cell `{name}`: {why}");
        check_load(load).map_err(named).map_err(fault(Place::Cell(number)))?;
        for (number, entry) in experiment.arms.iter().enumerate() {
            let named = |why: String| format!("arm `{}`: {why}", entry.arm.name);
            check_arm(entry, &load.feed).map_err(named).map_err(fault(Place::Arm(number)))?;
            check_heads(entry, load).map_err(named).map_err(fault(Place::Arm(number)))?;
        }
    }
    if experiment.blocks == 0 {
        return Err(fault(Place::Blocks)("0 blocks: there must be at least 1, and 6 for an interval".to_owned()));
    }
    if experiment.arms.is_empty() || experiment.cells.is_empty() {
        return Err(fault(Place::Whole)("there is nothing to run: it needs an arm and a cell".to_owned()));
    }
    let delivery = |entry: &ArmEntry| entry.arm.delivery;
    let first = delivery(&experiment.arms[0]);
    if let Some(number) = experiment.arms.iter().position(|entry| delivery(entry) != first)
        && !experiment.mixed_delivery
    {
        return Err(fault(Place::Arm(number))(format!(
            "arm `{}` delivers {} and those before it {}, and such arms are never compared with each other: make two \
             experiments, or say `mixed_delivery = true` to have both compared within themselves",
            experiment.arms[number].arm.name,
            delivery(&experiment.arms[number]).name(),
            first.name(),
        )));
    }
    twice(experiment.arms.iter().map(|entry| entry.arm.name.as_str()))
        .map_or(Ok(()), |(number, name)| Err(fault(Place::Arm(number))(same_name("arms", name))))?;
    twice(experiment.cells.iter().map(|cell| cell.name.as_str()))
        .map_or(Ok(()), |(number, name)| Err(fault(Place::Cell(number))(same_name("cells", name))))
}

/// The first name that was there before, and its number.
fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<(usize, &'a str)> {
    let mut seen = std::collections::BTreeSet::new();
    names.enumerate().find(|(_, name)| !seen.insert(*name))
}

fn same_name(kind: &str, name: &str) -> String {
    format!("two {kind} are called `{name}`: give each a name of its own")
}

fn check_load(load: &LoadSpec) -> Result<(), String> {
    load.feed.check().map_err(|error| error.to_string())?;
    if load.clients == 0 {
        return Err("0 clients: there must be at least 1".into());
    }
    if load.window_ms == 0 {
        return Err("a window of 0 ms measures nothing: give it some, for example 4,000 ms".into());
    }
    if load.connects_per_s == 0 {
        return Err("0 connects per second: nobody would ever be connected".into());
    }
    if load.wait_s == 0 || load.wait_s > WAIT_MAX_S {
        return Err(format!("a wait of {} s: allowed are 1 to {WAIT_MAX_S}", load.wait_s));
    }
    if !(0.0..=ORDERS_MAX_PER_S).contains(&load.orders_per_s) {
        return Err(format!("{} orders/s of each client: allowed are 0 to {ORDERS_MAX_PER_S}", load.orders_per_s));
    }
    let largest = load.heads.request_bytes.max(load.heads.response_bytes);
    if largest > HEAD_MAX_BYTES {
        return Err(format!("a head of {largest} bytes: allowed are at most {HEAD_MAX_BYTES}"));
    }
    check_path(&load.path)
}

fn check_path(path: &Path) -> Result<(), String> {
    if path.one_way_delay_s() * 1e6 > DELAY_MAX_US as f64 {
        return Err("the path takes more than 60 s one way: allowed are at most 60,000,000 µs".to_owned());
    }
    match path {
        Path::Link(link) => link.check(),
        Path::Loopback | Path::Delayed(_) => Ok(()),
    }
}

/// A profile that not even the smallest cursor leaves room in. One that longer cursors outgrow voids its trial.
fn check_heads(entry: &ArmEntry, load: &LoadSpec) -> Result<(), String> {
    let natural = LoadSpec { heads: HeadProfile::default(), ..load.clone() };
    let heads = Heads::of(entry, &natural, 1.0);
    let payload_bytes = load.feed.payload_bytes_in(entry.arm.encoding).unwrap_or(0);
    let (request, response) = match entry.descriptor.wraps {
        Some(wraps @ (Wraps::Events | Wraps::Frames)) => (heads.first_request(wraps), heads.first_response(wraps, 0)),
        _ => (heads.request(), heads.response(1, payload_bytes)),
    };
    for (kind, natural, asked_bytes) in [
        (HeadKind::Request, request, load.heads.request_bytes),
        (HeadKind::Response, response, load.heads.response_bytes),
    ] {
        padding(kind, natural as usize, asked_bytes)
            .map_err(|error| format!("{error}; 0 leaves heads as they come"))?;
    }
    Ok(())
}

fn check_arm(entry: &ArmEntry, feed: &FeedSpec) -> Result<(), String> {
    let (arm, row) = (&entry.arm, registry::row(&entry.arm.transport)?);
    feed.payload_bytes_in(arm.encoding).map_err(|error| error.to_string())?;
    if row.text_only && !arm.encoding.is_text() {
        return Err(format!("{} carries text only: use json or tick, or another transport", entry.descriptor.title));
    }
    if arm.flush != Flush::Drain && !row.flushes {
        return Err(format!("{} offers no choice of when it flushes: leave `flush` out", entry.descriptor.title));
    }
    if arm.connection == Connection::Closed && entry.descriptor.delivers == Delivers::Pushed {
        let title = &entry.descriptor.title;
        return Err(format!("{title} lives on one connection and cannot close it after each request: leave it kept"));
    }
    let planned = entry.descriptor.delivers == Delivers::Planned;
    if planned && arm.interval_ms == 0 {
        return Err("polls need a distance: set interval_ms".into());
    }
    if arm.unconditional && !(planned && arm.delivery == Delivery::Newest) {
        return Err(
            "only polls for the newest are conditional: leave `unconditional` out, or set delivery = \"newest\"".into(),
        );
    }
    if arm.delivery == Delivery::Newest {
        if feed.symbols != 1 {
            return Err("delivery `newest` is the newest quote of the whole stream: set symbols = 1 in the feed".into());
        }
        if arm.interval_ms == 0 {
            return Err("delivery `newest` is at most once per interval: set interval_ms".into());
        }
    }
    Ok(())
}
