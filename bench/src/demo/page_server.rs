//! The page's own server: the files, the control socket, and runs to take home.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, Request, State, WebSocketUpgrade, ws};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::control::{self, RECEIVED_MAX_BYTES};
use super::hosts::Hosts;
use super::page_files;
use super::patient_stream::PatientStream;
use super::runs::Runs;
use super::stage::Stage;
use super::taken::Taken;

/// Largest run that a page may send, bytes.
const RUN_MAX_BYTES: usize = 16 << 20;
/// Connections at a time: forty pages with the six that a browser opens, and some to spare.
const CONNECTIONS_MAX: usize = 512;
/// How long a browser may take to send a request's head, or keep a connection that it does not use.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// A browser that takes nothing of an answer for so long is gone, with the place that it held.
const WRITE_MAX: Duration = Duration::from_secs(30);
/// When no connection can be taken, descriptors are short: some come back when connections close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the routes work on.
#[derive(Clone)]
pub(super) struct Site {
    /// What goes on.
    pub(super) stage: Stage,
    /// Names that are this demo's own.
    pub(super) hosts: Hosts,
    /// Runs to take home.
    pub(super) runs: Runs,
    /// Where the page's files are read instead of from the binary.
    pub(super) page_dir: Option<Arc<PathBuf>>,
}

/// Where a request comes from.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

/// A sentence with a status.
fn refusal(status: StatusCode, sentence: impl Into<String>) -> Response {
    (status, sentence.into() + "\n").into_response()
}

/// All routes.
pub(super) fn routes(site: Site) -> Router {
    let hosts = site.hosts;
    Router::new()
        .route("/", get(page))
        .route("/control", get(control_socket))
        .route("/run", post(take_run))
        .route("/run/{file}", get(run_file))
        .route("/{name}", get(file))
        .layer(middleware::from_fn(move |request: Request, next: Next| own_names_only(hosts, request, next)))
        .with_state(site)
}

/// Serves until the task is dropped.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Above the limit a connection is closed without a word.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let router = router.clone().layer(Extension(Peer(peer.ip().to_canonical())));
        tokio::spawn(async move {
            drive(stream, router).await;
            drop(place);
        });
    }
}

async fn drive(stream: TcpStream, router: Router) {
    // Without it answers are only later.
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
    let stream = TokioIo::new(PatientStream::new(stream, WRITE_MAX));
    // Who breaks off a connection has nobody to tell.
    let _ = http.serve_connection(stream, TowerToHyperService::new(router)).with_upgrades().await;
}

/// Refuses requests that were sent to a name which is not this demo's.
async fn own_names_only(hosts: Hosts, request: Request, next: Next) -> Response {
    match host_of(request.headers()).and_then(|host| hosts.own(host)) {
        Some(_) => next.run(request).await,
        None => refusal(
            StatusCode::FORBIDDEN,
            "The demo answers under localhost and its own address only: use the address that it printed.",
        ),
    }
}

fn host_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Whether a request comes from the page itself.
fn is_of_the_page(hosts: Hosts, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.zip(host_of(headers)).is_some_and(|(origin, host)| hosts.is_page(origin, host))
}

async fn page(site: State<Site>, headers: HeaderMap) -> Response {
    file(site, headers, Path(String::new())).await
}

async fn file(State(site): State<Site>, headers: HeaderMap, Path(name): Path<String>) -> Response {
    let dir = site.page_dir.as_deref().map(PathBuf::as_path);
    let Some(served) = page_files::find(&name, dir) else {
        return refusal(StatusCode::NOT_FOUND, "There is no such file: the page is at /");
    };
    // Looked at before this was called.
    let host = host_of(&headers).and_then(|host| site.hosts.own(host)).unwrap_or("localhost");
    let policy = format!("default-src 'self'; connect-src 'self' http://{host}:* ws://{host}:*");
    let heads = [
        (header::CONTENT_TYPE, served.content_type.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (heads, served.text.into_owned()).into_response()
}

async fn control_socket(
    State(site): State<Site>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    if !is_of_the_page(site.hosts, &headers) {
        return refusal(StatusCode::FORBIDDEN, "Only the demo's own page may speak to its control socket.");
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refused) => return refused.into_response(),
    };
    let host = host_of(&headers).and_then(|host| site.hosts.own(host)).unwrap_or("localhost").to_owned();
    let upgrade =
        upgrade.max_message_size(RECEIVED_MAX_BYTES).max_frame_size(RECEIVED_MAX_BYTES).read_buffer_size(4 * 1_024);
    let Some(seat) = site.stage.enter(peer.is_loopback()) else {
        return upgrade.on_upgrade(control::send_away);
    };
    let (stage, left) = (site.stage.clone(), site.stage);
    upgrade
        .on_failed_upgrade(move |_| left.leave(seat))
        .on_upgrade(move |socket| control::session(socket, stage, seat, host))
}

async fn take_run(
    State(site): State<Site>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Request,
) -> Response {
    if !is_of_the_page(site.hosts, &headers) || !peer.is_loopback() {
        return refusal(StatusCode::FORBIDDEN, "Only the demo's own page on this machine may send a run.");
    }
    let Ok(body) = axum::body::to_bytes(body.into_body(), RUN_MAX_BYTES).await else {
        let sentence = format!("A run has at most {} MiB: record a shorter one.", RUN_MAX_BYTES >> 20);
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, sentence);
    };
    // Reading and adding up take a while, in which quotes must go on.
    let taken = tokio::task::spawn_blocking(move || {
        let taken: Taken = serde_json::from_slice(&body).map_err(|error| format!("this is no run: {error}"))?;
        let facts = site.stage.scene().facts(taken.run)?;
        let answer = site.runs.take(&facts, &taken)?;
        site.stage.judged(taken.run, answer.clone());
        Ok::<_, String>(answer)
    });
    match taken.await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(why)) => (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response(),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "The run could not be added up."),
    }
}

async fn run_file(State(site): State<Site>, Path(file): Path<String>) -> Response {
    let found = file.strip_suffix(".json").and_then(|id| Some((id, site.runs.find(id)?)));
    let Some((id, text)) = found else {
        return refusal(StatusCode::NOT_FOUND, "This run is not kept any more: only the last few are.");
    };
    let heads = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.json\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (heads, text.to_string()).into_response()
}

/// Listens on `address`.
///
/// # Errors
/// What the system said.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, wirerace_servers::sockets::ListenError> {
    use wirerace_servers::sockets::{ListenError, listen};
    let failed = |source| ListenError::Io { address, source };
    TcpListener::from_std(listen(address, None, 0)?.listener).map_err(failed)
}
