//! Connections in, and HTTP/1.1 on each until it ends or is upgraded.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Acquire};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::sleep;
use tower::Service;

use super::ListenOptions;
use super::head_padding::HeadPadding;
use super::head_timeout::AnswerBody;
use crate::delayed_stream::{DelayedStream, Delays};
use crate::wire_meter::{ConnectionMeter, Driver, Meter, MeteredStream};

/// hyper's smallest buffer, bytes; it panics on less.
const HEAD_BYTES_LEAST: usize = 8192;
/// How many connections above the limit are answered at a time; further ones are closed without a word.
pub(super) const REFUSALS_MAX: usize = 64;
/// How long to wait when the system has no descriptor or memory for another connection. The listener stays readable
/// meanwhile, so that without a pause this would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(super) fn http_of(options: &ListenOptions) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.header_read_timeout(None) // `head_timeout` does it at a lower cost
        .max_buf_size(options.head_bytes_max.max(HEAD_BYTES_LEAST))
        // Copying a small event into one buffer costs less than the bookkeeping of several: 6.3 µs an event instead of
        // 7.1. It also lifts hyper's limit of 16 pieces a write.
        .writev(false);
    http
}

/// What all connections of a server share.
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) http: http1::Builder,
    pub(super) meter: Meter,
    pub(super) max_connections: usize,
    pub(super) delays: Option<Delays>,
    pub(super) response_head_bytes: u32,
    pub(super) stage: AtomicU8,
}

/// Stages of a server's life.
pub(super) const RUNNING: u8 = 0;
/// Answers that have begun are finished; no new request is taken.
pub(super) const DRAINING: u8 = 1;
/// Whatever is left is dropped.
pub(super) const ENDED: u8 = 2;

pub(super) async fn accept_loop(listener: TcpListener, serving: Arc<Serving>, stop: Arc<Notify>) {
    let mut stopped = pin!(stop.notified());
    // As long as connections are waiting, `accept` returns at once: a burst is taken in one turn, up to tokio's budget.
    loop {
        let stream = tokio::select! {
            biased;
            () = &mut stopped => return,
            stream = accepted(|| listener.accept(), || serving.meter.accept_failed()) => stream,
        };
        let open = serving.meter.open_count();
        let stream = serving.meter.attach(stream);
        if open < serving.max_connections {
            begin(&serving, stream, false);
        } else if open < serving.max_connections.saturating_add(REFUSALS_MAX) {
            begin(&serving, stream, true);
        } else {
            stream.close_now();
        }
    }
}

/// Two kinds of tasks, so that a connection without a delay pays nothing for the other kind.
fn begin(serving: &Arc<Serving>, stream: MeteredStream, refuse: bool) {
    let (Some(driver), meter) = (stream.driver(), stream.meter()) else { return };
    let serving = Arc::clone(serving);
    match &serving.delays {
        None => drop(tokio::spawn(drive(serving, stream, driver, meter, refuse))),
        Some(delays) => {
            let handing = meter.clone();
            let stream = DelayedStream::new(stream, delays.clone(), move || handing.take_handed());
            drop(tokio::spawn(drive(serving, stream, driver, meter, refuse)));
        }
    }
}

/// The next connection, whatever happens before it; `failed` is told when the system can give none.
async fn accepted<T, F>(mut accept: impl FnMut() -> F, mut failed: impl FnMut()) -> T
where
    F: Future<Output = io::Result<(T, SocketAddr)>>,
{
    loop {
        match accept().await {
            Ok((stream, _)) => return stream,
            // That one connection was gone before it was taken.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            // No descriptors (EMFILE, ENFILE) or no memory: some will come back when connections close.
            Err(_) => {
                failed();
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Drives HTTP on one connection until it ends or is upgraded.
async fn drive<S>(serving: Arc<Serving>, stream: S, driver: Driver, mut meter: ConnectionMeter, refuse: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = serving.router.clone();
    let turn = driver.turn();
    let max_connections = serving.max_connections;
    let sharing = Arc::clone(&serving);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        turn.of_server();
        turn.asked();
        let turn = turn.clone();
        let heads = HeadPadding::of(sharing.response_head_bytes, &request);
        let serving = heads.is_some().then(|| Arc::clone(&sharing));
        // An empty body of axum's own takes no memory, hyper's would be boxed.
        let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        let answer = (!refuse).then(|| router.clone().call(request));
        async move {
            let response = match answer {
                Some(answer) => answer.await?,
                None => refusal(max_connections),
            };
            let response = match heads {
                Some(heads) => heads.fill(response, serving.is_some_and(|s| s.stage.load(Acquire) != RUNNING)),
                None => response,
            };
            turn.answered(response.status());
            Ok::<_, Infallible>(response.map(|body| AnswerBody::new(body, turn)))
        }
    });
    let mut connection = pin!(serving.http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let mut draining = false;
    poll_fn(|cx| {
        // Before the stage is read, so that a change in between wakes this task.
        driver.register(cx);
        match serving.stage.load(Acquire) {
            ENDED => return Poll::Ready(()),
            _ if driver.is_expired() => return Poll::Ready(()),
            DRAINING if !draining => {
                draining = true;
                connection.as_mut().graceful_shutdown();
            }
            _ => {}
        }
        // A connection that ends in an error has nobody to tell: the client is gone, or was told by hyper.
        meter.while_current(|| connection.as_mut().poll(cx)).map(|_| ())
    })
    .await;
}

fn refusal(max_connections: usize) -> Response {
    let text = format!(
        "This server is at its limit of {max_connections} connections: close some, or start it with a higher limit.\n"
    );
    let headers =
        [(header::RETRY_AFTER, HeaderValue::from_static("1")), (header::CONNECTION, HeaderValue::from_static("close"))];
    (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn accepting_survives_a_lack_of_descriptors_without_spinning() {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut script = vec![
            Ok(("connection", address)),
            Err(io::Error::from_raw_os_error(libc::ENFILE)),
            Err(io::Error::from_raw_os_error(libc::ECONNABORTED)),
            Err(io::Error::from_raw_os_error(libc::EMFILE)),
        ];
        let (begun, mut failed) = (Instant::now(), 0);
        let taken = accepted(|| std::future::ready(script.pop().unwrap()), || failed += 1).await;
        assert_eq!((taken, begun.elapsed().as_millis()), ("connection", 2 * ACCEPT_PAUSE.as_millis()));
        assert_eq!(failed, 2, "who hangs up is no failure of the system");
    }
}
