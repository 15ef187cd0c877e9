//! A TCP connection to where a `ws://` address points.

use std::error::Error;

use tokio::net::TcpStream;

/// Connects to the host and port of `url`.
pub(crate) async fn connect(url: &str) -> Result<TcpStream, Box<dyn Error>> {
    let rest = url.strip_prefix("ws://").ok_or("the address begins with ws://")?;
    let host = rest.split('/').next().unwrap_or(rest);
    let stream = TcpStream::connect(host).await.map_err(|error| format!("{host}: {error}; is the server running?"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
