//! The server that is verified: how it is asked, and what is known of it so far.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wirerace_contract::cursor::Cursor;
use wirerace_contract::messages::Health;

use super::Options;
use super::asking::{Answer, EXCHANGE, exchange};
use super::finding::{Fault, Finding};
use super::rules::Rule;
use super::sample::Samples;

/// How long a check waits for a quote that it needs.
pub(super) const FOR_A_QUOTE: Duration = Duration::from_secs(5);

/// The server, and what was found out.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) options: Options,
    client: reqwest::Client,
    health: RefCell<Option<Health>>,
    /// Transports whose first rule is not "not offered".
    offered: RefCell<Vec<&'static str>>,
    /// Nothing was published when somebody waited for it.
    is_empty: Cell<bool>,
    /// Quotes as they came, for the rules that are about quotes.
    pub(super) samples: RefCell<Samples>,
}

impl Server {
    pub(super) fn new(address: SocketAddr, options: Options) -> anyhow::Result<Self> {
        // A connection for each request: what a check finds must not depend on the check before it.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .http1_only()
            .build()?;
        let (health, offered, is_empty, samples) = Default::default();
        Ok(Self { address, options, client, health, offered, is_empty, samples })
    }

    pub(super) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// A request that was not sent yet.
    pub(super) fn request(&self, target: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(target))
    }

    /// `GET target`.
    pub(super) async fn get(&self, target: &str) -> Result<Answer, Fault> {
        exchange(self.request(target), EXCHANGE).await
    }

    /// `POST target` with a body of JSON.
    pub(super) async fn post(&self, target: &str, body: &str) -> Result<Answer, Fault> {
        let request = self.client.post(self.url(target)).header("content-type", "application/json");
        exchange(request.body(body.to_owned()), EXCHANGE).await
    }

    /// Where the stream stands now.
    pub(super) async fn health(&self) -> Result<Health, Fault> {
        let health: Health = self.get("/health").await?.expect(200)?.json()?;
        *self.health.borrow_mut() = Some(health.clone());
        Ok(health)
    }

    /// Where the stream stands, once there is a quote. Who had none when it was waited for is not waited for again.
    pub(super) async fn health_with_quotes(&self) -> Result<Health, Fault> {
        let limit = if self.is_empty.get() { Duration::ZERO } else { FOR_A_QUOTE };
        let health = self.health_when(0, limit).await;
        self.is_empty.set(matches!(health, Err(Fault::NotChecked(_))));
        health
    }

    /// Where the stream stands, once it has a newer quote than `seq`.
    pub(super) async fn health_beyond(&self, seq: u64) -> Result<Health, Fault> {
        self.health_when(seq, FOR_A_QUOTE).await
    }

    async fn health_when(&self, seq: u64, limit: Duration) -> Result<Health, Fault> {
        let begun = Instant::now();
        loop {
            let health = self.health().await?;
            if health.newest > seq {
                return Ok(health);
            }
            if begun.elapsed() >= limit {
                return Err(Fault::unchecked(format!(
                    "no new quote came within {} s: let the feed run, or run faster",
                    FOR_A_QUOTE.as_secs()
                )));
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// A cursor of the server's stream.
    pub(super) fn cursor(&self, seq: u64) -> Result<Cursor, Fault> {
        let health = self.health.borrow();
        let health = health.as_ref().ok_or_else(|| Fault::unchecked("it builds on health-fields"))?;
        Ok(Cursor { epoch: health.epoch, seq })
    }

    /// A cursor of a stream that is not the server's.
    pub(super) fn foreign_cursor(&self) -> &'static str {
        match self.health.borrow().as_ref().map(|health| health.epoch.to_string()).as_deref() {
            Some("zzzz") => "yyyy.1",
            _ => "zzzz.1",
        }
    }

    /// A cursor that the server cannot have reached.
    pub(super) fn cursor_ahead(&self) -> Result<Cursor, Fault> {
        let newest = self.health.borrow().as_ref().map_or(0, |health| health.newest);
        self.cursor(newest.saturating_add(1_000_000_000_000))
    }

    pub(super) fn known_health(&self) -> Option<Health> {
        self.health.borrow().clone()
    }

    pub(super) fn software(&self) -> Option<String> {
        self.health.borrow().as_ref().map(|health| health.software.clone())
    }

    /// Remembers which transports there are.
    pub(super) fn note(&self, rule: &Rule, finding: &Finding) {
        let opens = rule.section.is_transport() && !self.offered.borrow().contains(&rule.section.title());
        if opens && !matches!(finding, Err(Fault::NotOffered(_) | Fault::NotChecked(_))) {
            self.offered.borrow_mut().push(rule.section.title());
        }
    }

    /// Names of the transports that it offers.
    pub(super) fn offered(&self) -> Vec<&'static str> {
        self.offered.borrow().clone()
    }

    /// The request of a rule, with what is known of this server filled in.
    pub(super) fn fill(&self, repeat: &str) -> String {
        let health = self.health.borrow();
        let epoch = health.as_ref().map_or("EPOCH".to_owned(), |health| health.epoch.to_string());
        let newest = health.as_ref().map_or(0, |health| health.newest);
        repeat
            .replace("BASE", &format!("http://{}", self.address))
            .replace("NEWEST", &format!("{epoch}.{newest}"))
            .replace("AHEAD", &format!("{epoch}.{}", newest.saturating_add(1_000_000_000_000)))
            .replace("FIRST", &format!("{epoch}.0"))
            .replace("FOREIGN", self.foreign_cursor())
            .replace(
                "UPGRADE",
                "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
                 -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='",
            )
            .replace("SOCKET", &format!("python3 -m websockets 'ws://{}/socket", self.address))
    }
}
