//! `wirerace verify`: does a server speak the contract on the wire? Rule by rule, over real sockets.
//!
//! [`rules`] is the table. Each rule has one check, in the file of its section; a check asks the server and finds the
//! rule kept, broken, not offered, or not checked. Whatever the server does, a check ends: every body is bounded, every
//! exchange and every rule has its time.

mod asking;
mod conversation;
mod events;
mod finding;
mod health;
mod latest;
mod long_polling;
mod orders;
mod polling;
mod polling_newest;
mod quotes;
pub mod rules;
mod sample;
mod server;
mod socket;
mod socket_upstream;
pub mod table;
mod talk;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use wirerace_contract::messages::Health;

use self::finding::{Fault, Finding};
use self::rules::{RULES, Rule, Section};
use self::server::Server;

pub use self::finding::Standing;

/// What is asked of the verifier.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long one rule may take, but for those that wait for a heartbeat.
    pub rule_limit: Duration,
    /// How long a stream may be silent before its heartbeat is missed; `None` leaves heartbeats unchecked.
    pub heartbeat_limit: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        // Heartbeats come each 15 s; the rest is for a machine that is busy.
        Self { rule_limit: Duration::from_secs(15), heartbeat_limit: Some(Duration::from_secs(17)) }
    }
}

/// One rule, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The rule's name.
    pub id: &'static str,
    /// The section of the page that explains it.
    pub section: &'static str,
    /// What it demands.
    pub demands: &'static str,
    /// What was found.
    pub standing: Standing,
    /// Why, unless it is kept.
    pub why: Option<String>,
    /// How to ask the same by hand.
    pub repeat: String,
}

/// What all rules came to.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// The address that was asked.
    pub server: String,
    /// What the server says that it is, if it said so.
    pub software: Option<String>,
    /// What it says of its stream, if that can be read.
    pub health: Option<Health>,
    /// One for each rule, in the table's order.
    pub rules: Vec<Verdict>,
}

impl Verification {
    /// How many rules came out like that.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.rules.iter().filter(|verdict| verdict.standing == standing).count()
    }

    /// Names of the broken rules.
    #[must_use]
    pub fn broken(&self) -> Vec<&'static str> {
        self.rules.iter().filter(|verdict| verdict.standing == Standing::Broken).map(|verdict| verdict.id).collect()
    }
}

/// Checks all rules against the server at `address`.
///
/// # Errors
/// When this machine gives no HTTP client.
pub async fn verify(address: SocketAddr, options: Options) -> anyhow::Result<Verification> {
    verify_as(&address.to_string(), address, options).await
}

/// The same, asked by the name `authority`, `HOST` or `HOST:PORT`: servers may answer under their own names only.
///
/// # Errors
/// When this machine gives no HTTP client.
pub async fn verify_as(authority: &str, address: SocketAddr, options: Options) -> anyhow::Result<Verification> {
    let server = Server::new(authority, address, options)?;
    let mut findings: BTreeMap<&'static str, Finding> = BTreeMap::new();
    // What waits for silence waits at the same time, after everything else.
    let (slow, soon): (Vec<&Rule>, Vec<&Rule>) = RULES.iter().partition(|rule| rule.is_slow);
    for rule in soon {
        let finding = match gate(rule, &findings) {
            Some(shut) => Err(shut),
            None => in_time(rule, &server, options.rule_limit).await,
        };
        server.note(rule, &finding);
        findings.insert(rule.id, finding);
    }
    let slow = join_all(slow.into_iter().map(|rule| {
        let shut = gate(rule, &findings);
        let server = &server;
        async move {
            let finding = match (shut, options.heartbeat_limit) {
                (Some(shut), _) => Err(shut),
                (None, None) => Err(Fault::NotChecked("left out: it takes 15 s of silence".to_owned())),
                (None, Some(limit)) => in_time(rule, server, limit + options.rule_limit).await,
            };
            (rule.id, finding)
        }
    }));
    let slow = slow.await;
    findings.extend(slow);
    let rules = RULES.iter().map(|rule| verdict(rule, findings.remove(rule.id), &server)).collect();
    Ok(Verification {
        server: server.url(""),
        software: server.software().map(|name| printable(&name)),
        health: server.known_health(),
        rules,
    })
}

async fn in_time(rule: &Rule, server: &Server, limit: Duration) -> Finding {
    match tokio::time::timeout(limit, (rule.check)(server)).await {
        Ok(finding) => finding,
        Err(_) => Err(Fault::Broken(format!("it came to no end within {} s", limit.as_secs()))),
    }
}

/// Why a rule need not be checked: the first rule of its section opens it, and `/health` opens everything.
fn gate(rule: &Rule, findings: &BTreeMap<&'static str, Finding>) -> Option<Fault> {
    let first_of = |section: Section| RULES.iter().find(|first| first.section == section).map(|first| first.id);
    let mut gates = vec![first_of(Section::Health)];
    if rule.section.is_route() {
        gates.push(first_of(rule.section));
    }
    gates.into_iter().flatten().filter(|id| *id != rule.id).find_map(|id| match findings.get(id) {
        Some(Err(Fault::NotOffered(why))) => Some(Fault::NotOffered(why.clone())),
        Some(Err(_)) => Some(Fault::NotChecked(format!("it builds on {id}"))),
        Some(Ok(())) | None => None,
    })
}

fn verdict(rule: &Rule, finding: Option<Finding>, server: &Server) -> Verdict {
    let finding = finding.unwrap_or_else(|| Err(Fault::NotChecked("nobody asked".to_owned())));
    let (standing, why) = finding::told(finding);
    Verdict {
        id: rule.id,
        section: rule.section.title(),
        demands: rule.demands,
        standing,
        why: why.map(|why| printable(&why)),
        repeat: server.fill(rule.repeat),
    }
}

/// What a server says ends up on a terminal: no control characters, and no page of it.
fn printable(text: &str) -> String {
    text.chars().take(400).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
