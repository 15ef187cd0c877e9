//! stub: replaced by the real meter
#![allow(missing_docs)]
use wirerace_contract::meter::WireMeter;
#[derive(Clone)]
pub struct Meter;
impl Meter {
    pub fn new(_enabled: bool) -> Self { Self }
    pub fn snapshot(&self) -> WireMeter { WireMeter::default() }
}
#[derive(Clone)]
pub struct ConnectionMeter;
impl ConnectionMeter {
    pub fn detached() -> Self { Self }
    pub fn hand_over(&self, _quotes: usize, _payload_bytes: usize, _body_bytes: usize) {}
    pub fn received(&self, _body_bytes: usize) {}
}
impl<S: Send + Sync> axum::extract::FromRequestParts<S> for ConnectionMeter {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::detached))
    }
}
