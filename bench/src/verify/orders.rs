//! `POST /orders`: the way up.

use wirerace_contract::messages::Ack;

use super::finding::{Finding, demand};
use super::server::Server;

/// An order that every feed takes: it has at least one symbol.
pub(super) const ORDER: &str = r#"{"id":"v1","symbol":"ALFA","size":1}"#;

pub(super) async fn acknowledged(server: &Server) -> Finding {
    // A server that only knows GET may close on a POST without a word: whether there is the route, GET tells as well.
    let asked = server.get("/orders").await?;
    if asked.status == 404 {
        asked.offered("/orders")?;
    }
    let ack: Ack = server.post("/orders", ORDER).await?.offered("/orders")?.expect(200)?.json()?;
    demand(ack.id == "v1", || format!("the order's id is v1, and {} was acknowledged", ack.id))
}

pub(super) async fn refused(server: &Server) -> Finding {
    for body in [
        "",
        "{}",
        r#"{"id":"v1","symbol":"NONE","size":1}"#,
        r#"{"id":"v1","symbol":"ALFA","size":0}"#,
        r#"{"id":"","symbol":"ALFA","size":1}"#,
    ] {
        server.post("/orders", body).await?.refusal(&format!("the order `{body}`"))?;
    }
    Ok(())
}
