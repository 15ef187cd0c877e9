//! Servers that are not ours in a race: clients like all others, and what can be said without our meter at the other end.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use wirerace_clients::load::{Command, LoadSetup, Report};
use wirerace_clients::recorder::Progress;
use wirerace_contract::clock::{NS_PER_S, monotonic_ns};
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::messages::Health;
use wirerace_contract::results::{ArmEntry, ClientReport, Pinning};
use wirerace_contract::spec::LoadSpec;

use crate::child::Process;
use crate::failure::Failure;
use crate::load_command::LoadChild;
use crate::output::{count, note};
use crate::server_url::{host_port, reach};
use crate::verify::{self, Options, Standing, Verification};

/// A server to race, as the command line names it: `NAME=URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What tables call it.
    pub name: String,
    /// Where it listens.
    pub url: String,
}

impl std::str::FromStr for Named {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = text.split_once('=').ok_or("allowed is NAME=URL, for example mine=http://127.0.0.1:8000")?;
        let fits = (1..=20).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
        if !fits {
            return Err(format!("`{name}` is no name: allowed are 1 to 20 of a-z, 0-9, - and _"));
        }
        host_port(url)?;
        Ok(Self { name: name.to_owned(), url: url.to_owned() })
    }
}

/// A server that answers, and what it lets us know.
pub(super) struct Foreign {
    pub(super) name: String,
    address: SocketAddr,
    pub(super) health: Health,
    /// Why it is not known when its quotes are due; `None` where it is.
    pub(super) untimed: Option<String>,
}

/// Quotes of a stream beyond which its plan is not computed: every process of the load does.
const PLAN_MAX: u64 = 2_000_000;
/// Longest silence of a load process before its lane is given up, beside the window.
const SILENCE: Duration = Duration::from_secs(60);

/// Asks all servers who they are, and whether they keep the contract.
pub(super) async fn meet(named: &[Named]) -> Result<Vec<Foreign>, Failure> {
    for (index, server) in named.iter().enumerate() {
        if named[..index].iter().any(|other| other.name == server.name) {
            return Err(Failure::Usage(format!("two servers are called {}: give each a name of its own", server.name)));
        }
    }
    let mut found = Vec::new();
    for server in named {
        let address = reach(&server.url).await?;
        note(format!("{}: asking {} whether it keeps the contract, about 10 s", server.name, server.url));
        let options = Options { heartbeat_limit: None, ..Options::default() };
        let authority = host_port(&server.url).map_err(Failure::Usage)?;
        let verification = verify::verify_as(&authority, address, options).await?;
        found.push(judged(server, address, verification)?);
    }
    Ok(found)
}

fn judged(server: &Named, address: SocketAddr, verification: Verification) -> Result<Foreign, Failure> {
    let Named { name, url } = server;
    let Some(health) = verification.health.clone() else {
        let why = format!("{name}: /health does not answer as the contract says: see `wirerace verify {url}`");
        return Err(Failure::Failed(why));
    };
    if health.newest > PLAN_MAX {
        let why = format!("{name}: its stream is beyond quote {PLAN_MAX}, too far to be computed: start it anew");
        return Err(Failure::Failed(why));
    }
    if let broken @ [_, ..] = verification.broken().as_slice() {
        note(format!(
            "{name}: {} broken ({}): see `wirerace verify {url}`",
            count(broken.len(), "rule"),
            broken.join(", ")
        ));
    }
    let untimed = ["start-clock", "feed-plan"].into_iter().find_map(|id| {
        let verdict = verification.rules.iter().find(|verdict| verdict.id == id)?;
        let why = || format!("{id} is {}: {}", verdict.standing.name(), verdict.why.as_deref().unwrap_or_default());
        (verdict.standing != Standing::Kept).then(why)
    });
    Ok(Foreign { name: name.clone(), address, health, untimed })
}

/// One arm against one server.
pub(super) struct Lane<'a> {
    pub(super) server: &'a Foreign,
    pub(super) entry: ArmEntry,
}

impl Lane<'_> {
    /// What tables call it.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.server.name, self.entry.arm.name)
    }

    fn setup(&self, load: &LoadSpec, seed: u64) -> LoadSetup {
        let health = &self.server.health;
        let (feed, start_ns) = match (&self.server.untimed, health.start_ns) {
            (None, Some(start_ns)) => (health.feed.clone(), start_ns),
            _ => counted_only(health),
        };
        LoadSetup {
            arm: self.entry.arm.clone(),
            load: LoadSpec { feed, ..load.clone() },
            address: self.server.address,
            seed,
            published_log: None,
            progress_ms: Some(250),
            start_ns: Some(start_ns),
        }
    }

    /// Runs to the end of the window. `start` gives the instant at which all arms start.
    pub(super) async fn run(
        &self,
        (load, seed, pinning): (&LoadSpec, u64, Option<&Pinning>),
        start: impl Future<Output = u64>,
        mut watch: impl FnMut(&Progress),
    ) -> Result<ClientReport> {
        let setup = self.setup(load, seed);
        let start_ns = setup.start_ns.unwrap_or_default();
        let mut child = Process::start("load", &["load".to_owned(), "--child".to_owned()])?;
        child.send(&LoadChild { setup, cpu: pinning.map(|pinning| pinning.load_cpu) }).await?;
        let silence = SILENCE + Duration::from_millis(load.warm_up_max_ms + load.window_ms);
        let mut start = Some(start);
        let done = loop {
            match child.receive::<Report>(silence).await? {
                Report::Connected { .. } => {
                    let Some(start) = start.take() else { bail!("the load process connected twice") };
                    let together_ns = start.await;
                    tokio::time::sleep(Duration::from_nanos(together_ns.saturating_sub(monotonic_ns()))).await;
                    // Its feed runs already: what starts together is the measuring.
                    child.send(&Command::Start { start_ns }).await?;
                }
                Report::Progress(progress) => watch(&progress),
                Report::Drained => child.send(&Command::Close).await?,
                Report::Window { .. } => {}
                Report::Done(report) => break *report,
                Report::Failed(why) => bail!(why),
            }
        };
        child.end(Duration::from_secs(5)).await;
        Ok(done)
    }
}

/// A plan by which every quote that may come is long due: so that a stream whose due instants nobody knows is counted, and
/// nothing else. Times that come of it are not told.
fn counted_only(health: &Health) -> (FeedSpec, u64) {
    let rate_per_s = health.feed.rate_per_s.max(1.0);
    let ahead_s = (health.newest as f64 / rate_per_s).ceil() + 3_600.0;
    let feed = FeedSpec { arrivals: Arrivals::Periodic, rate_per_s, ..health.feed.clone() };
    (feed, monotonic_ns().saturating_sub(ahead_s as u64 * NS_PER_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_with_its_address() {
        let named: Named = "fast-api_1=http://127.0.0.1:8000".parse().unwrap();
        assert_eq!((named.name.as_str(), named.url.as_str()), ("fast-api_1", "http://127.0.0.1:8000"));
        for (text, part) in [
            ("http://127.0.0.1:8000", "NAME=URL"),
            ("=http://127.0.0.1:8000", "no name"),
            ("My Server=http://127.0.0.1:8000", "no name"),
            ("mine=https://127.0.0.1:8000", "clear text"),
            ("mine=", "no host"),
        ] {
            let sentence = text.parse::<Named>().unwrap_err();
            assert!(sentence.contains(part), "{text}: {sentence}");
        }
    }
}
