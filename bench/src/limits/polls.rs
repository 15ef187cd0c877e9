//! Polls over kept connections against a bare responder.

use std::time::Duration;

use anyhow::Result;

use super::measure::{Bench, Sample, even_feed};
use super::role::{RawPoller, RespondFloor, Role};
use super::verdict::{Figure, Side};

/// Kept connections.
const CONNECTIONS: u32 = 64;
/// Requests per second over all: what one processor answers with time to spare.
const REQUESTS_PER_S: u32 = 10_000;

impl Bench {
    async fn polls(&self, server: u32, address: std::net::SocketAddr) -> Result<Sample> {
        let poller = RawPoller {
            cpu: Some(self.pinning.load_cpu),
            address,
            connections: CONNECTIONS,
            requests_per_s: if self.smoke { 1_000 } else { REQUESTS_PER_S },
        };
        let (mut poller, _) = self.start("poller", &Role::RawPoller(poller)).await?;
        let go = self.go();
        let sample = self.window(server, &mut poller, go).await?;
        poller.end(Duration::from_millis(100)).await;
        Ok(sample)
    }

    async fn poll_ours(&self) -> Result<Sample> {
        // No quote comes: every answer is the same empty list.
        let server = self.start_server("polling", &even_feed(0.01), true).await?;
        let sample = self.polls(server.process.id()?, server.ready.quotes).await?;
        server.control.shutdown().await?;
        server.process.end(Duration::from_secs(5)).await;
        Ok(sample)
    }

    async fn poll_floor(&self, answer_bytes: usize) -> Result<Sample> {
        let role = Role::RespondFloor(RespondFloor { cpu: Some(self.pinning.server_cpu), answer_bytes });
        let (floor, address) = self.start("bare responder", &role).await?;
        let sample = self.polls(floor.id()?, address).await?;
        floor.end(Duration::from_millis(1)).await;
        Ok(sample)
    }
}

/// Server CPU per request against a bare responder that gives answers of the same length.
pub async fn polling(bench: &Bench) -> Result<Vec<Figure>> {
    // How long our answers are, the floor has to know before it can go first.
    let answer_bytes = bench.poll_ours().await?.counted.answer_bytes;
    let pairs =
        bench.take_pairs(async || bench.poll_ours().await, async || bench.poll_floor(answer_bytes).await).await?;
    let (ours_us, floor_us) = (pairs.each(|ours, _| ours.cpu_us_each()), pairs.each(|_, floor| floor.cpu_us_each()));
    let median = |values: &[f64]| crate::statistics::median(values).unwrap_or(f64::NAN);
    let note = format!("ours {:.2} µs, the bare responder {:.2} µs a request", median(&ours_us), median(&floor_us));
    let what = format!("polling, {CONNECTIONS} kept connections: server CPU per request against a bare responder");
    Ok(vec![
        Figure::of(what, "times", &pairs.cost_ratios(), Side::AtMost, 1.5)
            .losing(pairs.lost())
            .noting(pairs.machine.after(&note)),
    ])
}
