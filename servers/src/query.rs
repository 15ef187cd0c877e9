//! What may stand behind the question mark, in one place: every route names the parameters it allows, and
//! anything else is refused with a sentence that says what is allowed.

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;
use wirerace_contract::cursor::After;
use wirerace_contract::encoding::Encoding;
use wirerace_contract::messages::{WAIT_DEFAULT_S, WAIT_MAX_S};
use wirerace_contract::spec::{Delivery, Flush};

/// Longest distance of two conflated quotes, milliseconds.
pub const INTERVAL_MAX_MS: u64 = 3_600_000;

/// A query that is refused, in one sentence.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct BadQuery(pub(crate) String);

/// What the contract's routes can be asked. A route sees the defaults for parameters that it does not allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Query {
    /// Where to begin.
    pub after: After,
    /// How long to hold the request; `None` without `wait`.
    pub wait: Option<Duration>,
    /// Every quote, or the newest only.
    pub delivery: Delivery,
    /// Least distance of two quotes with `delivery=newest`: of the instants at which they are sent where the server
    /// decides on them, of a poll from when the quote it names was published.
    pub interval: Option<Duration>,
    /// How quotes are written.
    pub encoding: Encoding,
    /// When what is pushed is flushed: an extension of the contract, to measure what the choice costs.
    pub flush: Flush,
}

/// How a pushed stream sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// Every quote, as it comes.
    Every,
    /// The newest quote, at most once in this time.
    Newest(Duration),
}

impl Query {
    /// Reads the raw query of a route that allows the parameters `allowed`.
    ///
    /// # Errors
    /// When a parameter is unknown, stands there twice, or has a value that is not allowed.
    pub fn parse(raw: Option<&str>, allowed: &[&str]) -> Result<Self, BadQuery> {
        let mut query = Self {
            after: After::Now,
            wait: None,
            delivery: Delivery::Every,
            interval: None,
            encoding: Encoding::default(),
            flush: Flush::default(),
        };
        for (name, value) in pairs(raw, allowed)? {
            match name {
                "after" => query.after = value.parse().map_err(refused)?,
                "wait" => query.wait = Some(wait(&value)?),
                "delivery" => query.delivery = delivery(&value)?,
                "interval" => query.interval = Some(interval(&value)?),
                "encoding" => query.encoding = value.parse().map_err(refused)?,
                "flush" => query.flush = flush(&value)?,
                _ => {}
            }
        }
        if query.interval.is_some() && query.delivery == Delivery::Every {
            return Err(refused("`interval` is only allowed together with delivery=newest"));
        }
        Ok(query)
    }

    /// The pace of a pushed stream.
    ///
    /// # Errors
    /// When `delivery=newest` stands there without `interval`.
    pub fn pace(&self) -> Result<Pace, BadQuery> {
        match (self.delivery, self.interval) {
            (Delivery::Every, _) => Ok(Pace::Every),
            (Delivery::Newest, Some(interval)) => Ok(Pace::Newest(interval)),
            (Delivery::Newest, None) => Err(refused(format!(
                "delivery=newest needs `interval`, the least distance of two quotes in milliseconds: allowed are 1 to {INTERVAL_MAX_MS}"
            ))),
        }
    }
}

fn refused(sentence: impl ToString) -> BadQuery {
    BadQuery(sentence.to_string())
}

fn wait(text: &str) -> Result<Duration, BadQuery> {
    if text.is_empty() {
        return Ok(Duration::from_secs(WAIT_DEFAULT_S));
    }
    match number(text) {
        Some(seconds @ 0..=WAIT_MAX_S) => Ok(Duration::from_secs(seconds)),
        _ => Err(refused(format!("`wait={text}`: allowed are whole seconds from 0 to the maximum of {WAIT_MAX_S}"))),
    }
}

fn interval(text: &str) -> Result<Duration, BadQuery> {
    match number(text) {
        Some(ms @ 1..=INTERVAL_MAX_MS) => Ok(Duration::from_millis(ms)),
        _ => Err(refused(format!("`interval={text}`: allowed are whole milliseconds from 1 to {INTERVAL_MAX_MS}"))),
    }
}

fn delivery(text: &str) -> Result<Delivery, BadQuery> {
    [Delivery::Every, Delivery::Newest]
        .into_iter()
        .find(|delivery| delivery.name() == text)
        .ok_or_else(|| refused(format!("`{text}` is no delivery: allowed are every, newest")))
}

fn flush(text: &str) -> Result<Flush, BadQuery> {
    [Flush::Drain, Flush::Each]
        .into_iter()
        .find(|flush| flush.name() == text)
        .ok_or_else(|| refused(format!("`flush={text}`: allowed are drain (all that is ready, the default), each")))
}

/// A whole number without a sign, which `u64`'s own parser would take.
pub(crate) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Splits a raw query into names, all of them from `allowed` and each at most once, and decoded values.
pub(crate) fn pairs<'q, 'a>(
    raw: Option<&'q str>,
    allowed: &[&'a str],
) -> Result<Vec<(&'a str, Cow<'q, str>)>, BadQuery> {
    let mut found: Vec<(&'a str, Cow<'q, str>)> = Vec::new();
    for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name)?;
        let Some(known) = allowed.iter().find(|known| **known == name) else {
            return Err(unknown(&name, allowed));
        };
        if found.iter().any(|(earlier, _)| earlier == known) {
            return Err(refused(format!("`{known}` stands there twice: allowed is once")));
        }
        found.push((known, decoded(value)?));
    }
    Ok(found)
}

fn unknown(name: &str, allowed: &[&str]) -> BadQuery {
    let near = allowed.iter().map(|known| (distance(name, known), known)).min().filter(|(distance, _)| *distance <= 2);
    let meant = near.map_or_else(|| ".".to_owned(), |(_, known)| format!(", did you mean `{known}`?"));
    match allowed {
        [] => refused(format!("`{name}` is no parameter of this route: it has none")),
        _ => refused(format!("`{name}` is no parameter of this route{meant} Allowed are {}", allowed.join(", "))),
    }
}

/// How many letters must be inserted, removed or replaced to make `a` of `b` (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    // A longer name is nobody's slip of the pen, and the work stays bounded.
    for (i, left) in a.chars().take(40).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

/// Undoes percent-encoding (RFC 3986 §2.1). A plus stays a plus: no value of the contract has a space in it.
fn decoded(text: &str) -> Result<Cow<'_, str>, BadQuery> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let bad = || {
        refused(format!("`{text}` is badly percent-encoded: allowed are % and two hexadecimal digits, of UTF-8 text"))
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16)).ok_or_else(bad);
            // Two hexadecimal digits make a byte.
            (digit()? * 16 + digit()?) as u8
        } else {
            byte
        });
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 6] = ["after", "wait", "delivery", "interval", "encoding", "flush"];

    fn parse(raw: &str) -> Result<Query, BadQuery> {
        Query::parse(Some(raw), &ALL)
    }

    fn sentence(raw: &str) -> String {
        parse(raw).unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_the_contracts() {
        let query = parse("").unwrap();
        assert_eq!(query, Query::parse(None, &ALL).unwrap());
        assert_eq!((query.after, query.wait, query.delivery), (After::Now, None, Delivery::Every));
        assert_eq!((query.encoding, query.pace()), (Encoding::Json, Ok(Pace::Every)));
        assert_eq!(query.flush, Flush::Drain);
    }

    #[test]
    fn everything_at_once_percent_encoded_or_not() {
        let query = parse("after=k3f9%2E7&wait=120&delivery=newest&interval=250&encoding=tick&flush=each").unwrap();
        assert_eq!(query.after, "k3f9.7".parse().unwrap());
        assert_eq!(query.wait, Some(Duration::from_secs(WAIT_MAX_S)));
        assert_eq!(query.pace(), Ok(Pace::Newest(Duration::from_millis(250))));
        assert_eq!((query.encoding, query.flush), (Encoding::Tick, Flush::Each));
        assert_eq!(parse("wait").unwrap().wait, Some(Duration::from_secs(WAIT_DEFAULT_S)));
        assert_eq!(parse("wait=").unwrap().wait, Some(Duration::from_secs(WAIT_DEFAULT_S)));
    }

    #[test]
    fn refusals_name_what_is_allowed() {
        for (raw, parts) in [
            ("afer=0", ["`afer`", "did you mean `after`?"]),
            ("colour=red", ["`colour`", "Allowed are after, wait, delivery, interval, encoding"]),
            ("after=0&after=0", ["`after`", "twice"]),
            ("after=", ["``", "EPOCH.SEQ"]),
            ("after=17", ["`17`", "EPOCH.SEQ"]),
            ("wait=121", ["`wait=121`", "maximum of 120"]),
            ("wait=-1", ["`wait=-1`", "whole seconds"]),
            ("wait=%2B1", ["`wait=+1`", "whole seconds"]),
            ("wait=1.5", ["`wait=1.5`", "whole seconds"]),
            ("delivery=newest&interval=0", ["`interval=0`", "1 to 3600000"]),
            ("delivery=newest&interval=3600001", ["3600001", "1 to 3600000"]),
            ("interval=5", ["`interval`", "delivery=newest"]),
            ("delivery=some", ["`some`", "every, newest"]),
            ("flush=often", ["`flush=often`", "drain (all that is ready, the default), each"]),
            ("encoding=xml", ["`xml`", "json, binary, tick"]),
            ("after=%4", ["`%4`", "percent"]),
            ("after=%FF", ["`%FF`", "UTF-8"]),
        ] {
            let sentence = sentence(raw);
            assert!(parts.iter().all(|part| sentence.contains(part)), "{raw}: {sentence}");
        }
        assert!(!sentence("colour=red").contains("did you mean"));
        assert!(parse("delivery=newest").unwrap().pace().unwrap_err().to_string().contains("needs `interval`"));
        assert!(Query::parse(Some("x=1"), &[]).unwrap_err().to_string().contains("it has none"));
    }

    #[test]
    fn a_route_allows_only_its_own() {
        assert!(Query::parse(Some("wait=5"), &["after"]).is_err());
    }

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!((distance("after", "after"), distance("afer", "after"), distance("kitten", "sitting")), (0, 1, 3));
    }
}
