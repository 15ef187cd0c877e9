//! How clients connect: the same care for every transport, and every dial counted.
//!
//! `TCP_NODELAY` on, no proxies, no redirects, no retries, no pool shared between users. reqwest keeps its connections
//! to itself, so dials are counted in a layer around its connector; the WebSocket client dials its own socket, because
//! the library's own way leaves Nagle's algorithm on.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use reqwest::Response;
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{Mutex, MutexGuard, watch};
use tower::{Layer, Service};
use wirerace_contract::heads::HeadTooSmall;
use wirerace_contract::results::Happened;

use crate::event_log::EventLogger;
use crate::head_padding;
use crate::session::End;
use crate::target::{Asking, Dial, Target, TrafficCounters};

/// One user's HTTP client: a connection pool of its own.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    base: String,
    dials: Arc<AtomicU64>,
    traffic: Arc<TrafficCounters>,
    stop: watch::Receiver<bool>,
    head_bytes: u32,
    closes: bool,
    turn: Arc<Mutex<()>>,
}

impl HttpClient {
    /// The client of `target`'s user. Nothing is dialled yet.
    pub(crate) fn new(target: &Target) -> Result<Self, reqwest::Error> {
        let dials = Arc::new(AtomicU64::new(0));
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .local_address(target.source)
            // No timer per pool: an idle connection is kept until somebody closes it.
            .pool_idle_timeout(None)
            .connector_layer(CountDials {
                dials: dials.clone(),
                traffic: target.traffic.clone(),
                log: target.log.clone(),
            });
        if target.closes() {
            // Without a pool reqwest still asks the server to keep the connection: both are needed.
            let close = HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))]);
            builder = builder.pool_max_idle_per_host(0).default_headers(close);
        }
        let (client, base) = (builder.build()?, format!("http://{}", target.address));
        Ok(Self {
            client,
            base,
            dials,
            traffic: target.traffic.clone(),
            stop: target.stop.clone(),
            head_bytes: target.request_head_bytes,
            closes: target.closes(),
            turn: Arc::default(),
        })
    }

    /// A `GET` of `path_and_query`, to be sent by [`Self::send`].
    pub(crate) fn get(&self, path_and_query: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path_and_query}", self.base))
    }

    /// A `POST` to `path`, to be sent by [`Self::send`].
    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    /// Sends `request`, its head filled up, and waits for the head of its answer. It counts as a request if there was a
    /// connection to send it on.
    ///
    /// # Errors
    /// When the connection or the library fails, or the head does not fit its profile.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, SendError> {
        let request = head_padding::fill(request.build()?, self.head_bytes, self.closes)?;
        let asking = Asking::begin(&self.traffic, &self.stop);
        let result = self.client.execute(request).await;
        match &result {
            Ok(_) => asking.answered(),
            Err(error) if error.is_connect() => asking.not_sent(),
            Err(_) => drop(asking),
        }
        Ok(result?)
    }

    /// Waits until no other exchange is under way on this client's connection; the turn lasts until the guard is dropped,
    /// after the library has the connection back. HTTP/1.1 answers requests in their order (RFC 9112 §9.3.2), so that two
    /// at once take two connections.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// How many connections this user has established.
    pub(crate) fn dials(&self) -> u64 {
        self.dials.load(Ordering::Relaxed)
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum SendError {
    /// What the library says.
    #[error("{}", with_causes(.0))]
    Http(#[from] reqwest::Error),
    /// The request was not sent.
    #[error(transparent)]
    Head(#[from] HeadTooSmall),
}

impl From<SendError> for End {
    fn from(error: SendError) -> Self {
        let words = error.to_string().into();
        match error {
            SendError::Http(_) => Self::Lost(words),
            // Asked again it would be too small again.
            SendError::Head(_) => Self::Refused(words),
        }
    }
}

/// The error and what caused it, in one sentence: reqwest's own text stops at "error sending request".
pub(crate) fn with_causes(error: &dyn Error) -> Box<str> {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text.into()
}

/// Dials for a client that speaks its own protocol.
///
/// # Errors
/// The system's, for example when nobody listens or no port is left on the source address.
pub(crate) async fn dial(target: &Target) -> io::Result<TcpStream> {
    let dial = Dial::begin(&target.traffic);
    target.log.note(Happened::Dialling);
    let result = connect(target).await;
    match &result {
        Ok(_) => {
            target.log.note(Happened::Established);
            dial.established();
        }
        Err(error) => dial.failed(Some(error)),
    }
    result
}

async fn connect(target: &Target) -> io::Result<TcpStream> {
    let socket = if target.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_nodelay(true)?;
    if let Some(source) = target.source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(target.address).await
}

#[derive(Clone, Debug)]
struct CountDials {
    dials: Arc<AtomicU64>,
    traffic: Arc<TrafficCounters>,
    log: EventLogger,
}

impl<S> Layer<S> for CountDials {
    type Service = CountedDials<S>;
    fn layer(&self, inner: S) -> Self::Service {
        CountedDials { inner, counts: self.clone() }
    }
}

#[derive(Clone, Debug)]
struct CountedDials<S> {
    inner: S,
    counts: CountDials,
}

impl<S, Address> Service<Address> for CountedDials<S>
where
    S: Service<Address>,
    S::Future: Send + 'static,
    S::Error: AsRef<dyn Error + Send + Sync>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, address: Address) -> Self::Future {
        let (dialling, counts) = (self.inner.call(address), self.counts.clone());
        Box::pin(async move {
            let dial = Dial::begin(&counts.traffic);
            counts.log.note(Happened::Dialling);
            let result = dialling.await;
            match &result {
                Ok(_) => {
                    counts.log.note(Happened::Established);
                    counts.dials.fetch_add(1, Ordering::Relaxed);
                    dial.established();
                }
                Err(error) => dial.failed(io_error(error.as_ref())),
            }
            result
        })
    }
}

/// The system's word for a failure, however deep it stands.
fn io_error<'a>(error: &'a (dyn Error + Send + Sync + 'static)) -> Option<&'a io::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = inner.source();
    }
    None
}
