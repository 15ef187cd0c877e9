//! Sizes of HTTP heads as this suite's client and server write them, from their texts. The server counts them by
//! difference, so what is computed here is held against something that does not know it.

use wirerace_contract::descriptor::{Delivers, Wraps};
use wirerace_contract::encoding::Encoding;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Connection, Delivery, HeadProfile, LoadSpec};

/// `host: 127.0.0.1:54321`: an IPv4 address of loopback's length and a port of five digits, as the system gives.
const HOST: &str = "host: 127.0.0.1:54321\r\n";
const ACCEPT: &str = "accept: */*\r\n";
const CLOSE: &str = "connection: close\r\n";
const END: &str = "\r\n";
/// What every answer's head has.
const COMMON: &str =
    "cache-control: no-store\r\naccess-control-allow-origin: *\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
const UPGRADE: &str = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: 0123456789012345678901==\r\n";
const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                        sec-websocket-accept: 0123456789012345678901234567\r\n\
                        date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

/// `EPOCH.` of a cursor.
const EPOCH: &str = "k3f9.";

/// Decimal digits of `number`.
fn digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Mean number of decimal digits of 1, 2 … `last`: what a cursor has on average over a run.
#[must_use]
pub fn mean_digits(last: f64) -> f64 {
    let last = last.round().max(1.0) as u64;
    let (mut sum, mut first) = (0, 1);
    for digits in 1.. {
        if first > last {
            break;
        }
        let end = last.min(first.saturating_mul(10) - 1);
        sum += digits * (end - first + 1);
        first = first.saturating_mul(10);
    }
    sum as f64 / last as f64
}

/// Sizes of heads of one arm under one load, bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Heads {
    profile: HeadProfile,
    closes: bool,
    planned_newest: bool,
    encoding: Encoding,
    /// Digits of a cursor, on average.
    cursor_digits: f64,
    /// The address asked for, less the cursor's digits, and the first one, whole.
    path: usize,
    first_path: usize,
}

impl Heads {
    /// Those of `entry` under `load` in a run of `quotes`.
    #[must_use]
    pub fn of(entry: &ArmEntry, load: &LoadSpec, quotes: f64) -> Self {
        let arm = &entry.arm;
        let newest = arm.delivery == Delivery::Newest;
        let planned_newest = newest && entry.descriptor.delivers == Delivers::Planned;
        let encoding = match arm.encoding {
            Encoding::Json => String::new(),
            other => format!("&encoding={other}"),
        };
        let interval = if arm.interval_ms > 0 { format!("&interval={}", arm.interval_ms) } else { String::new() };
        let delivery = if newest { format!("&delivery=newest{interval}") } else { String::new() };
        let query = format!("{delivery}{encoding}");
        let wait =
            if entry.descriptor.delivers == Delivers::Held { format!("&wait={}", load.wait_s) } else { String::new() };
        let (path, first_path) = match entry.descriptor.wraps {
            Some(Wraps::Events) => (0, format!("/events?after=0{query}").len()),
            Some(Wraps::Frames) => (0, format!("/socket?after=0{query}").len()),
            _ if planned_newest => {
                let path = format!("/quotes/latest{}", encoding.replace('&', "?"));
                (path.len(), path.len())
            }
            _ => (format!("/quotes?after={EPOCH}{query}{wait}").len(), format!("/quotes?after=0{query}").len()),
        };
        Self {
            profile: load.heads,
            closes: arm.connection == Connection::Closed,
            planned_newest,
            encoding: arm.encoding,
            cursor_digits: mean_digits(quotes),
            path,
            first_path,
        }
    }

    /// Mean digits of a cursor.
    #[must_use]
    pub fn cursor_digits(&self) -> f64 {
        self.cursor_digits
    }

    fn request_of(&self, path: f64, fields: &[&str]) -> f64 {
        let line = path + "GET  HTTP/1.1\r\n".len() as f64;
        let fields = fields.iter().map(|field| field.len()).sum::<usize>() + HOST.len() + END.len();
        padded(line + fields as f64, self.profile.request_bytes)
    }

    fn close(&self) -> &'static str {
        if self.closes { CLOSE } else { "" }
    }

    /// One request.
    #[must_use]
    pub fn request(&self) -> f64 {
        // `if-none-match: "k3f9.41"`, or the cursor in the address.
        let tag = if self.planned_newest { "if-none-match: \"\"\r\n".len() + EPOCH.len() } else { 0 };
        let natural = self.path as f64 + self.cursor_digits + tag as f64;
        self.request_of(natural, &[ACCEPT, self.close()])
    }

    /// The first request: of a poll, of an event stream, of an upgrade.
    #[must_use]
    pub fn first_request(&self, wraps: Wraps) -> f64 {
        let fields: &[&str] = match wraps {
            Wraps::Answers => &[ACCEPT, self.close()],
            Wraps::Events => &["accept: text/event-stream\r\n"],
            Wraps::Frames => &[UPGRADE],
        };
        self.request_of(self.first_path as f64, fields)
    }

    /// The head of an answer with a body of `body` bytes and `quotes` quotes.
    #[must_use]
    pub fn response(&self, quotes: usize, body: usize) -> f64 {
        let cursor = EPOCH.len() as f64 + self.cursor_digits;
        let (status, kind, extra) = match (self.planned_newest, quotes) {
            (true, 0) => ("HTTP/1.1 304 Not Modified\r\n", "", Some("etag: \"\"\r\n")),
            (true, _) => ("HTTP/1.1 200 OK\r\n", content_type(self.encoding), Some("etag: \"\"\r\n")),
            (false, _) if self.encoding == Encoding::Binary => {
                let kind = if body > 0 { content_type(self.encoding) } else { "" };
                ("HTTP/1.1 200 OK\r\n", kind, Some("quotes-next: \r\n"))
            }
            (false, _) => ("HTTP/1.1 200 OK\r\n", content_type(Encoding::Json), None),
        };
        let length = if status.contains("304") { 0 } else { "content-length: \r\n".len() + digits(body) };
        let fixed = status.len() + kind.len() + length + COMMON.len() + self.close().len() + END.len();
        padded(fixed as f64 + extra.map_or(0.0, |extra| extra.len() as f64 + cursor), self.profile.response_bytes)
    }

    /// The head of the first answer.
    #[must_use]
    pub fn first_response(&self, wraps: Wraps, body: usize) -> f64 {
        let natural = match wraps {
            Wraps::Answers if self.planned_newest => {
                "HTTP/1.1 204 No Content\r\n".len() + COMMON.len() + self.close().len() + END.len()
            }
            // Its cursor is `k3f9.0`.
            Wraps::Answers => {
                return self.response(0, body)
                    - if self.encoding == Encoding::Binary { self.cursor_digits - 1.0 } else { 0.0 };
            }
            Wraps::Events => {
                let own = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: no\r\n\
                           transfer-encoding: chunked\r\n";
                own.len() + COMMON.len() + END.len()
            }
            Wraps::Frames => UPGRADED.len() + END.len(),
        };
        padded(natural as f64, self.profile.response_bytes)
    }
}

/// A head profile fills heads up; it cuts none.
fn padded(natural: f64, profile: u32) -> f64 {
    natural.max(f64::from(profile))
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "content-type: application/json\r\n",
        Encoding::Binary => "content-type: application/octet-stream\r\n",
        Encoding::Tick => "content-type: text/plain\r\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_on_average() {
        assert_eq!([1.0, 9.0, 10.0, 99.0].map(mean_digits), [1.0, 1.0, 1.1, 189.0 / 99.0]);
        assert_eq!([0, 9, 10, 1_000].map(digits), [1, 1, 2, 4]);
    }
}
