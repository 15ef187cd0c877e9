//! One request, one answer: bounded in time and size.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};
use wirerace_contract::messages::ErrorAnswer;

use super::finding::{Fault, demand};

/// How long one exchange may take that is not meant to be held.
pub(super) const EXCHANGE: Duration = Duration::from_secs(5);
/// No body is read beyond this, bytes.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// From asking to the last byte.
    pub(super) took: Duration,
}

/// Sends a request and reads the whole answer within `limit`.
pub(super) async fn exchange(request: reqwest::RequestBuilder, limit: Duration) -> Result<Answer, Fault> {
    let begun = Instant::now();
    let whole = async {
        let mut response = request.send().await.map_err(|error| no_answer(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| no_answer(&error))? {
            demand(body.len() + piece.len() <= BODY_BYTES_MAX, || {
                format!("the answer's body is larger than {} MiB", BODY_BYTES_MAX >> 20)
            })?;
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, headers, body, took: begun.elapsed() })
    };
    match timeout(limit, whole).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::Broken(format!("no whole answer within {} s", limit.as_secs()))),
    }
}

/// What went wrong below HTTP's meaning, in words.
pub(super) fn no_answer(error: &(dyn std::error::Error + 'static)) -> Fault {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Fault::Broken(format!("no answer that is HTTP ({cause})"))
}

/// The first characters of a body.
pub(super) fn begin(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(160)]).into_owned()
}

impl Answer {
    /// This status, or broken.
    pub(super) fn expect(self, status: u16) -> Result<Self, Fault> {
        demand(self.status == status, || {
            format!("answered {} instead of {status}: {}", self.status, begin(&self.body))
        })?;
        Ok(self)
    }

    /// This route is not there: a server need not have them all.
    pub(super) fn offered(self, route: &str) -> Result<Self, Fault> {
        match self.status {
            404 | 405 | 501 => Err(Fault::NotOffered(format!("{route} is answered {}", self.status))),
            _ => Ok(self),
        }
    }

    /// The body as JSON of this form.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Fault::Broken(format!("the body is not as the contract says ({error}): {}", begin(&self.body)))
        })
    }

    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// 400 with one sentence, which is given back.
    pub(super) fn refusal(&self, asked: &str) -> Result<String, Fault> {
        demand(self.status == 400, || format!("{asked} is answered {} instead of 400", self.status))?;
        let error = serde_json::from_slice::<ErrorAnswer>(&self.body).map(|answer| answer.error).unwrap_or_default();
        demand(!error.trim().is_empty(), || {
            format!(r#"{asked} is refused without {{"error":"one sentence"}}: {}"#, begin(&self.body))
        })?;
        Ok(error)
    }
}
