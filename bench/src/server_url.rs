//! The address of a server that is not ours: `http://HOST:PORT`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::failure::Failure;

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

const ALLOWED: &str = "allowed is http://HOST:PORT, for example http://127.0.0.1:8080";

/// Where a server listens.
///
/// # Errors
/// Bad usage, in one sentence, when the text is no such address, the host is unknown, or nothing listens there.
pub async fn reach(text: &str) -> Result<SocketAddr, Failure> {
    let host_port = host_port(text).map_err(Failure::Usage)?;
    // A name may stand for several addresses, and the server listen on one of them.
    let found = tokio::task::spawn_blocking(move || host_port.to_socket_addrs().map(Vec::from_iter)).await;
    let unknown = |why: String| Failure::Usage(format!("`{text}` cannot be resolved ({why}): {ALLOWED}"));
    let addresses = found.map_err(|error| unknown(error.to_string()))?.map_err(|error| unknown(error.to_string()))?;
    let mut why = "the name has no address".to_owned();
    for address in addresses {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(address),
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address}: no connection within {} s", CONNECT.as_secs()),
        }
    }
    Err(Failure::Usage(format!("nothing listens at {text} ({why}): start the server, or name another address")))
}

/// `HOST:PORT` of a URL; the port is 80 where none stands.
///
/// # Errors
/// One sentence that says what is allowed.
pub fn host_port(text: &str) -> Result<String, String> {
    let bad = |why: &str| format!("`{text}` {why}: {ALLOWED}");
    let rest = match text.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https" | "wss", _)) => return Err(bad("is encrypted, and only clear text is spoken here")),
        Some(_) => return Err(bad("is no http address")),
        None => text,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@']) {
        return Err(bad("has more than a host and a port, and all routes stand at the top"));
    }
    if rest.is_empty() || rest.contains(char::is_whitespace) {
        return Err(bad("names no host"));
    }
    let after_host = rest.rfind(']').map_or(rest, |end| &rest[end..]);
    match after_host.rsplit_once(':') {
        None => Ok(format!("{rest}:80")),
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => Ok(rest.to_owned()),
        Some(_) => Err(bad("has no host, or no port from 1 to 65535")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_what_is_none() {
        for (text, wanted) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
            ("localhost:81", "localhost:81"),
            ("http://example", "example:80"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("[::1]", "[::1]:80"),
        ] {
            assert_eq!(host_port(text).as_deref(), Ok(wanted), "{text}");
        }
        for (text, part) in [
            ("", "no host"),
            ("http://", "no host"),
            ("https://a:1", "clear text"),
            ("ftp://a:1", "no http address"),
            ("http://a:1/quotes", "at the top"),
            ("http://a:1?x", "at the top"),
            ("http://me@a:1", "at the top"),
            ("a:0", "no port"),
            ("a:70000", "no port"),
            (":8080", "no host"),
            ("a b:1", "no host"),
        ] {
            let sentence = host_port(text).unwrap_err();
            assert!(sentence.contains(part) && sentence.contains("http://HOST:PORT"), "{text}: {sentence}");
        }
    }
}
