//! What handlers report to, and how they come by it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;

use super::{Connection, Handed, Pending};

/// The meter of the connection that a request came on: an extractor for handlers, which tell it what they hand over.
#[derive(Clone, Debug)]
pub struct ConnectionMeter(pub(super) Option<Arc<Connection>>);

thread_local! {
    /// The meter of the connection whose task this thread is running. Handlers run within that task; handing it to them
    /// inside each request costs an allocation and a hash.
    static CURRENT: RefCell<ConnectionMeter> = const { RefCell::new(ConnectionMeter(None)) };
}

/// Lends a meter to the thread, until it is dropped.
struct Lent<'a>(&'a mut ConnectionMeter);

impl<'a> Lent<'a> {
    fn new(meter: &'a mut ConnectionMeter) -> Self {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, meter));
        Self(meter)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
    }
}

impl ConnectionMeter {
    /// Runs a turn of the connection's task: handlers that run in it find this meter.
    pub(crate) fn while_current<T>(&mut self, turn: impl FnOnce() -> T) -> T {
        // Given back even if a handler panics: the thread goes on with other connections.
        let _lent = Lent::new(self);
        turn()
    }

    /// A meter that counts nothing, for requests that came over no connection (in tests, or with the meter off).
    #[must_use]
    pub fn detached() -> Self {
        Self(None)
    }

    /// Tells that quotes are about to be written: how many, the bytes of their encodings, and the bytes of the body or
    /// message they travel in. Call it before the library gets the body, on the connection's own task: the next write
    /// carries them, and with it they are counted.
    pub fn hand_over(&self, quotes: usize, payload_bytes: usize, body_bytes: usize) {
        let Some(connection) = &self.0 else { return };
        let pending = &connection.pending;
        Pending::add(&pending.quotes, quotes);
        Pending::add(&pending.payload_bytes, payload_bytes);
        Pending::add(&pending.body_bytes, body_bytes);
    }

    /// Takes what was handed over since the last write, to be counted by a later one: see [`DelayedStream`].
    ///
    /// [`DelayedStream`]: crate::delayed_stream
    pub(crate) fn take_handed(&self) -> Handed {
        self.0.as_ref().map_or_else(Handed::default, |connection| connection.pending.take_all())
    }

    /// Tells that a body or message of the client has been read, in bytes.
    pub fn received(&self, body_bytes: usize) {
        if let Some(connection) = &self.0 {
            connection.shared.counts.body_bytes_in.fetch_add(body_bytes as u64, Relaxed);
        }
    }

    /// Whether anything is counted.
    #[cfg(test)]
    fn is_attached(&self) -> bool {
        self.0.is_some()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ConnectionMeter {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Asked for a head, a handler hands over what will not be written.
        let is_written = parts.method != Method::HEAD;
        Ok(if is_written { CURRENT.with_borrow(Self::clone) } else { Self::detached() })
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use futures_util::FutureExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::wire_meter::Meter;

    #[tokio::test]
    async fn a_meter_is_found_in_its_own_turn_only_and_for_answers_that_are_written() {
        let attached = async |method| {
            let (mut parts, ()) = axum::http::Request::builder().method(method).body(()).unwrap().into_parts();
            let Ok(meter) = ConnectionMeter::from_request_parts(&mut parts, &()).await;
            meter.is_attached()
        };
        let attached = |method| attached(method).now_or_never().unwrap();
        let meter = Meter::new(true);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_client, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let mut connection = meter.attach(accepted.unwrap().0).meter();
        let in_turn = connection.while_current(|| (attached(Method::GET), attached(Method::HEAD)));
        assert_eq!((in_turn, attached(Method::GET)), ((true, false), false));
        let panicked = catch_unwind(AssertUnwindSafe(|| connection.while_current(|| panic!("a handler's"))));
        assert!(panicked.is_err() && connection.is_attached() && !attached(Method::GET), "given back after a panic");
    }

    #[tokio::test]
    async fn a_request_without_a_connection_is_not_counted_and_does_no_harm() {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        let Ok(meter) = ConnectionMeter::from_request_parts(&mut parts, &()).await;
        meter.hand_over(1, 2, 3);
        meter.received(4);
        assert!(!meter.is_attached());
    }
}
