//! The parent's side of a server's control port.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use wirerace_contract::meter::ControlSnapshot;

/// Speaks to one control port over one kept connection.
#[derive(Debug)]
pub struct ControlClient {
    client: reqwest::Client,
    base: String,
}

impl ControlClient {
    /// A client for the control port at `address`.
    ///
    /// # Errors
    /// When the HTTP library cannot be set up.
    pub fn new(address: SocketAddr) -> Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .retry(reqwest::retry::never())
            .timeout(Duration::from_secs(10))
            .build()
            .context("cannot set up the client of the control port")?;
        Ok(Self { client, base: format!("http://{address}") })
    }

    /// The server's meter and process, now.
    ///
    /// # Errors
    /// When the server does not answer. Likewise below.
    pub async fn meter(&self) -> Result<ControlSnapshot> {
        self.get("/meter").await
    }

    /// The same without the kernel's counts: cheap enough for the middle of a measurement.
    ///
    /// # Errors
    /// See [`Self::meter`].
    pub async fn counts(&self) -> Result<ControlSnapshot> {
        self.get("/counts").await
    }

    async fn get(&self, route: &str) -> Result<ControlSnapshot> {
        let answer = self.client.get(format!("{}{route}", self.base)).send().await;
        let answer = answer.context("the server process does not answer on its control port")?;
        let body = answer.bytes().await.context("the server process broke off its answer")?;
        serde_json::from_slice(&body).context("the control port's answer is not a meter")
    }

    /// Starts the feed at an instant of CLOCK_MONOTONIC.
    ///
    /// # Errors
    /// See [`Self::meter`].
    pub async fn start_feed(&self, at_ns: u64) -> Result<()> {
        self.post(&format!("/feed/start?at_ns={at_ns}")).await
    }

    /// Lets the feed publish `seq` and nothing after.
    ///
    /// # Errors
    /// See [`Self::meter`].
    pub async fn stop_feed_after(&self, seq: u64) -> Result<()> {
        self.post(&format!("/feed/stop?after_seq={seq}")).await
    }

    /// Ends the server.
    ///
    /// # Errors
    /// See [`Self::meter`].
    pub async fn shutdown(&self) -> Result<()> {
        self.post("/shutdown").await
    }

    async fn post(&self, route: &str) -> Result<()> {
        let answer = self.client.post(format!("{}{route}", self.base)).send().await;
        let answer = answer.with_context(|| format!("the server process does not answer to {route}"))?;
        if !answer.status().is_success() {
            bail!("the server process refused {route}: {}", answer.text().await.unwrap_or_default());
        }
        Ok(())
    }
}
