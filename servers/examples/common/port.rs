//! What all lessons share: the port they listen on.

use std::error::Error;

use tokio::net::TcpListener;

/// Listens on the port that is argument `nth` of the command line; without that argument on `default`. A port that
/// another program has is named, with the way out.
pub(crate) async fn listen(nth: usize, default: u16) -> Result<TcpListener, Box<dyn Error>> {
    let port = match std::env::args().nth(nth) {
        Some(text) => text.parse::<u16>().map_err(|_| format!("`{text}` is no port: allowed are 0 to 65535"))?,
        None => default,
    };
    let others = if nth == 1 { "-- 9000" } else { "-- 9000 9001" };
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.map_err(|error| {
        format!("port {port}: {error}; stop the program that listens there, or pass another port, `{others}`").into()
    })
}
