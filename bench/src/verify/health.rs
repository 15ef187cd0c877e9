//! `GET /health`: where the stream stands.

use super::finding::{Fault, Finding, demand};
use super::server::Server;

pub(super) async fn fields(server: &Server) -> Finding {
    let health = server.health().await?;
    health.feed.check().map_err(|error| Fault::Broken(format!("the feed's specification is out of range: {error}")))?;
    demand(!health.software.trim().is_empty(), || "software is empty".to_owned())
}

pub(super) async fn range(server: &Server) -> Finding {
    let first = server.health().await?;
    // The first quote may take its time; a server without any is not yet wrong.
    let second = match server.health_beyond(first.newest).await {
        Ok(health) => health,
        Err(Fault::NotChecked(_)) => server.health().await?,
        Err(broken) => return Err(broken),
    };
    for health in [&first, &second] {
        demand(health.oldest <= health.newest.saturating_add(1), || {
            format!("oldest is {} and newest {}", health.oldest, health.newest)
        })?;
        demand(health.oldest >= 1, || "oldest is 0, and quotes count from 1".to_owned())?;
    }
    demand(first.epoch == second.epoch, || format!("the epoch changed from {} to {}", first.epoch, second.epoch))?;
    demand(first.start_ns.is_none() || first.start_ns == second.start_ns, || "start_ns changed".to_owned())?;
    demand(first.oldest <= second.oldest && first.newest <= second.newest, || {
        format!("{}..{} was followed by {}..{}", first.oldest, first.newest, second.oldest, second.newest)
    })
}
