//! The fields that let the page read what the lanes answer: they listen on ports of their own, so that to a browser they
//! are other origins (Fetch standard, CORS).

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use wirerace_contract::spec::Connection;

use super::hosts::Hosts;

/// Which pages may read a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct CrossOrigin {
    /// Names that are this demo's own.
    pub(super) hosts: Hosts,
    /// The page's port.
    pub(super) page_port: u16,
}

/// `router` with those fields on its answers, and with `Connection: close` where the arm wants a new connection each time:
/// a page cannot ask for that, so the server does.
pub(super) fn allowing(router: Router, pages: CrossOrigin, connection: Connection) -> Router {
    router.layer(middleware::from_fn(move |request: Request, next: Next| async move {
        let origin = request.headers().get(header::ORIGIN).cloned();
        let mut answer = next.run(request).await;
        // An upgrade is no fetch: browsers ask for none of this there.
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            put(answer.headers_mut(), origin.filter(|origin| pages.may_read(origin)));
            close(&mut answer, connection);
        }
        revalidated(answer.headers_mut());
        answer
    }))
}

impl CrossOrigin {
    fn may_read(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.hosts.is_origin(origin, self.page_port))
    }
}

fn put(heads: &mut HeaderMap, origin: Option<HeaderValue>) {
    heads.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        heads.insert("timing-allow-origin", origin.clone());
        heads.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        heads.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// What has a tag may be kept by the browser and asked for again ("not modified"), which the suite's clients do by themselves:
/// a page cannot name a tag without being asked beforehand whether it may. The field stays as long as it was.
fn revalidated(heads: &mut HeaderMap) {
    if heads.contains_key(header::ETAG) {
        heads.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
}

fn close(answer: &mut Response, connection: Connection) {
    if connection == Connection::Closed {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}
