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
/// The upgrade as `printf` types it. What is sent after it by hand is a frame, whose mask may be zeros.
const TYPED: &str = "printf 'GET /socket HTTP/1.1\\r\\nHost: HOST\\r\\nConnection: Upgrade\\r\\n\
    Upgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n'";

/// The server, and what was found out.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// The name that it is asked by, with the port where that is not HTTP's own: what `Host` says.
    pub(super) authority: String,
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
    pub(super) fn new(authority: &str, address: SocketAddr, options: Options) -> anyhow::Result<Self> {
        let authority = authority.strip_suffix(":80").unwrap_or(authority).to_owned();
        // A connection for each request: what a check finds must not depend on the check before it.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_max_idle_per_host(0)
            .http1_only()
            // Of the addresses that a name has, the one where somebody listens was found already.
            .resolve(host_of(&authority), address)
            .build()?;
        let (health, offered, is_empty, samples) = Default::default();
        Ok(Self { address, authority, options, client, health, offered, is_empty, samples })
    }

    pub(super) fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.authority)
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
            .replace("BASE", &format!("http://{}", self.authority))
            .replace("NEWEST", &format!("{epoch}.{newest}"))
            .replace("AHEAD", &format!("{epoch}.{}", newest.saturating_add(1_000_000_000_000)))
            .replace("FIRST", &format!("{epoch}.0"))
            .replace("FOREIGN", self.foreign_cursor())
            .replace(
                "UPGRADE",
                "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
                 -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='",
            )
            .replace("TELNET", &format!("telnet://{}:{}", host_of(&self.authority), self.address.port()))
            .replace("TYPED", &TYPED.replace("HOST", &self.authority))
    }
}

/// The host of `HOST` or `HOST:PORT`.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::conversation;
    use super::super::rules::RULES;
    use super::super::socket::Socket;
    use super::super::talk::Talk;
    use super::*;

    /// The bytes that `printf` makes of a text with bytes in octal.
    fn printed(text: &str) -> Vec<u8> {
        let mut parts = text.split('\\');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (octal, rest) = part.split_at(3);
            bytes.push(u8::from_str_radix(octal, 8).unwrap());
            bytes.extend(rest.as_bytes());
        }
        bytes
    }

    #[test]
    fn requests_to_repeat_are_filled_in_and_frames_in_them_have_the_length_that_they_say() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let server = Server::new("quotes.example:80", address, Options::default()).unwrap();
        let mut typed = 0;
        for rule in &RULES {
            let repeat = server.fill(rule.repeat);
            for word in ["BASE", "NEWEST", "AHEAD", "FIRST", "FOREIGN", "UPGRADE", "TYPED", "TELNET"] {
                assert!(!repeat.contains(word), "{}: {repeat}", rule.id);
            }
            assert!(repeat.contains("://quotes.example") && repeat.contains("curl "), "{}: {repeat}", rule.id);
            if rule.repeat.contains("TYPED") {
                assert!(repeat.contains("Host: quotes.example\\r\\n"), "{repeat}");
                assert!(repeat.contains("telnet://quotes.example:80 "), "{repeat}");
                let frame = printed(repeat.split("printf '").nth(2).unwrap().split('\'').next().unwrap());
                assert_eq!(usize::from(frame[1]), 0x80 + frame.len() - 6, "{}: {repeat}", rule.id);
                assert!(frame[0] & 0x80 != 0 && frame[2..6] == [0; 4], "{}: {repeat}", rule.id);
                typed += 1;
            }
        }
        assert_eq!(typed, 4);
    }

    /// The head of the next request, in lower case; it is answered that there is nothing.
    async fn heard(listener: &TcpListener) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        String::from_utf8_lossy(&head[..read]).to_lowercase()
    }

    #[tokio::test]
    async fn a_server_is_asked_by_the_name_that_was_given() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // No resolver knows names under `example`.
        let authority = format!("quotes.example:{}", address.port());
        let server = Server::new(&authority, address, Options::default()).unwrap();
        let host = format!("\r\nhost: {authority}\r\n");
        let (answer, by_get) = tokio::join!(server.get("/health"), heard(&listener));
        assert_eq!(answer.unwrap().status, 404);
        let (socket, by_socket) = tokio::join!(Socket::open(&server, "after=0"), heard(&listener));
        assert!(matches!(socket, Err(Fault::NotOffered(_))));
        let (closed, by_hand) = tokio::join!(conversation::closes(&server, "/quotes"), heard(&listener));
        assert_eq!(closed, Ok(()));
        for head in [by_get, by_socket, by_hand] {
            assert!(head.contains(&host), "{head}");
        }
    }
}
