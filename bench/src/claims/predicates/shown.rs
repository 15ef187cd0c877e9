//! Claims that the trace of an exchange settles.

use crate::claims::trace::{Direction, Exchange, Step};
use crate::claims::{BY_READING, Claim, Evidence, Holds, Number, Part, Source};

/// Names of the exchanges that are made.
pub mod names {
    /// A poll, and a second one, on one connection.
    pub const KEPT: &str = "two polls on a kept connection";
    /// A request that waits for a quote.
    pub const HELD: &str = "a held request";
    /// An event stream with three quotes, each published after the one before had come.
    pub const EVENTS: &str = "an event stream";
    /// An order sent up, and its acknowledgement.
    pub const ORDER: &str = "an order";
    /// An upgrade and three quotes, each published after the one before had come.
    pub const UPGRADE: &str = "an upgrade";
    /// A poll with a cursor, on a connection that has never been used.
    pub const CURSOR: &str = "a cursor on another connection";
    /// A quote as binary in an HTTP answer.
    pub const BINARY_BODY: &str = "binary in an HTTP answer";
    /// A quote as binary in a WebSocket message.
    pub const BINARY_FRAME: &str = "binary in a WebSocket message";
    /// An event stream asked for binary.
    pub const BINARY_EVENTS: &str = "an event stream asked for binary";
    /// An order sent on the connection of a held request, before its answer.
    pub const BEHIND_HELD: &str = "an order behind a held request";
    /// An order sent on the connection of an event stream.
    pub const BEHIND_EVENTS: &str = "an order behind an event stream";
    /// What the acknowledgement of an order in an exchange is told by.
    pub const ORDER_ID: &str = "order-1";
    /// An upgrade at a path where the server has none.
    pub const OTHER_PATH: &str = "an upgrade at another path";
}

fn yes(condition: bool) -> Holds {
    if condition { Holds::Yes } else { Holds::No }
}

pub(super) fn shown(exchange: &Exchange, condition: &str, holds: bool) -> Part {
    let figure = |what: &str, value: usize| Number::exact(what, "", value as f64);
    let sum = |direction| exchange.going(direction).map(|step| step.bytes).sum::<usize>();
    let numbers = [
        figure("connections", exchange.connections() as usize),
        figure("requests", exchange.requests()),
        Number::exact("to the server", "B", sum(Direction::ToServer) as f64),
        Number::exact("to the client", "B", sum(Direction::ToClient) as f64),
    ];
    Part {
        condition: condition.to_owned(),
        holds: yes(holds),
        numbers: numbers.into_iter().flatten().collect(),
        source: Source { run: "live".to_owned(), cell: exchange.name.clone(), arms: Vec::new(), trials: Vec::new() },
    }
}

/// What is known from reading `text`, where no exchange of ours shows it.
fn read(text: &str, condition: &str, holds: bool) -> Part {
    Part {
        condition: condition.to_owned(),
        holds: yes(holds),
        numbers: Vec::new(),
        source: Source { run: BY_READING.to_owned(), cell: text.to_owned(), arms: Vec::new(), trials: Vec::new() },
    }
}

/// Parts of those exchanges that were made.
/// The name of an exchange, the condition it shows, and whether the claim holds in it.
type Judged<'a> = (&'a str, &'a str, fn(&Exchange) -> bool);

fn of<const N: usize>(evidence: &Evidence, judged: [Judged<'_>; N]) -> Vec<Part> {
    let part = |(name, condition, holds): Judged<'_>| {
        let exchange = evidence.exchange(name)?;
        Some(shown(exchange, condition, holds(exchange)))
    };
    judged.into_iter().filter_map(part).collect()
}

/// Claim 10: HTTP has no push.
#[must_use]
pub fn no_push(evidence: &Evidence, _: &Claim) -> Vec<Part> {
    of(
        evidence,
        [
            (
                names::EVENTS,
                "an event stream: several quotes follow one request, each sent when it was published",
                |e| !(e.requests() == 1 && e.pushed() >= 2),
            ),
            (names::HELD, "a held request: the answer comes when the quote does, not when it was asked for", |e| {
                e.pushed() == 0
            }),
        ],
    )
}

/// Claim 11: HTTP is one-way, client to server.
#[must_use]
pub fn one_way(evidence: &Evidence, _: &Claim) -> Vec<Part> {
    of(
        evidence,
        [
            (names::KEPT, "content of an answer: server to client", |e| {
                !e.going(Direction::ToClient).any(|step| step.body().is_some_and(|body| !body.is_empty()))
            }),
            (names::ORDER, "content both ways in one exchange", |e| {
                let carried =
                    |direction| e.going(direction).any(|step| step.body().is_some_and(|body| !body.is_empty()));
                !(carried(Direction::ToServer) && carried(Direction::ToClient))
            }),
        ],
    )
}

/// Claim 18: each request on a kept connection is a transaction of its own.
#[must_use]
pub fn own_transactions(evidence: &Evidence, _: &Claim) -> Vec<Part> {
    of(
        evidence,
        [(names::KEPT, "two requests on one connection, each with an answer of its own", |e| {
            e.connections() == 1 && e.requests() == 2 && e.responses() == 2
        })],
    )
}

/// Claim 22: the upgrade sequence.
#[must_use]
pub fn upgrade_sequence(evidence: &Evidence, _: &Claim) -> Vec<Part> {
    let asks =
        |step: &Step| step.direction == Direction::ToServer && step.text.to_lowercase().contains("upgrade: websocket");
    let answers = |step: &Step| step.direction == Direction::ToClient && step.text.starts_with("HTTP/1.1 ");
    let Some(exchange) = evidence.exchange(names::UPGRADE) else { return Vec::new() };
    let [first, second, ..] = exchange.steps.as_slice() else { return Vec::new() };
    let switched = second.text.starts_with("HTTP/1.1 101 ") && exchange.requests() == 1 && exchange.pushed() >= 1;
    // Which order a text gives is read; which of them took place is shown.
    vec![
        shown(
            exchange,
            "a request with Upgrade, the answer 101, then messages: so 002 and the diagram of 004 (by reading: \u{201c}How it \
             Works\u{201d} 1 to 3, \u{201c}How WebSockets Work\u{201d})",
            asks(first) && answers(second) && switched,
        ),
        shown(
            exchange,
            "an answer of the server, then a request to upgrade: so the prose of 004 (by reading: \u{201c}The server \
             responds and an upgrade request is made\u{201d})",
            answers(first) && asks(second),
        ),
    ]
}

/// Claim 23: stateful against stateless.
#[must_use]
pub fn state(evidence: &Evidence, _: &Claim) -> Vec<Part> {
    of(
        evidence,
        [
            (
                names::CURSOR,
                "HTTP: the request carries the place in the stream; another connection goes on from it",
                |e| {
                    let asked_on =
                        e.going(Direction::ToServer).any(|step| step.connection == 2 && step.text.contains("after="));
                    let went_on = e
                        .going(Direction::ToClient)
                        .any(|step| step.connection == 2 && step.text.contains("\\\"quotes\\\":[{"));
                    asked_on && went_on
                },
            ),
            (names::UPGRADE, "WebSocket: after the upgrade the client says nothing, the server knows its place", |e| {
                e.going(Direction::ToServer).count() == 1 && e.pushed() >= 2
            }),
        ],
    )
}

/// Claim 24: HTTP carries text, WebSocket text or binary.
#[must_use]
pub fn text_or_binary(evidence: &Evidence, _: &Claim) -> Vec<Part> {
    of(
        evidence,
        [
            // A frame of text begins with 0x81, one of binary with 0x82 (RFC 6455 §5.2).
            (names::UPGRADE, "WebSocket carries text", |e| frames(e, "\\x81")),
            (names::BINARY_FRAME, "WebSocket carries binary", |e| frames(e, "\\x82")),
            (names::BINARY_BODY, "HTTP carries text only", |e| {
                !e.going(Direction::ToClient).any(|step| step.text.contains("application/octet-stream"))
            }),
            (names::BINARY_EVENTS, "an event stream carries text only: binary is refused", |e| {
                e.going(Direction::ToClient).any(|step| step.text.starts_with("HTTP/1.1 400 "))
            }),
        ],
    )
}

fn frames(exchange: &Exchange, first_byte: &str) -> bool {
    exchange.going(Direction::ToClient).any(|step| step.text.starts_with(first_byte))
}

/// Claim 25: the sample server, and the client that dials another path.
#[must_use]
pub fn samples(evidence: &Evidence, _: &Claim) -> Vec<Part> {
    let mut parts = of(
        evidence,
        [(
            names::OTHER_PATH,
            "002: a client reaches a server that has its socket at another path (by reading: \u{201c}Example\u{201d} dials /socket and listens on /ws)",
            |e| e.going(Direction::ToClient).any(|step| step.text.starts_with("HTTP/1.1 101 ")),
        )],
    );
    if !parts.is_empty() {
        let sample =
            "004, \u{201c}Creating a WebSocket Server\u{201d}, run once by hand with websockets 17.4 on Python 3.11";
        parts.push(read(
            sample,
            "by reading: the server of 004 starts (RuntimeError, no running event loop, where the sample starts it outside of one)",
            false,
        ));
        parts.push(read(
            sample,
            "by reading: started inside a loop, the handler of 004 answers (TypeError, `path` missing; handlers get one argument now)",
            false,
        ));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::{CLAIMS, Verdict, decide};

    fn verdict(number: u8, exchanges: &[Exchange]) -> Verdict {
        let claim = CLAIMS.iter().find(|claim| claim.number == number).unwrap();
        decide(claim, &Evidence { exchanges: exchanges.to_vec(), ..Evidence::default() }).verdict
    }

    /// `>` to the server, `<` to the client, `!` published; a digit before them is the connection.
    fn exchange(name: &str, steps: &[&str]) -> Exchange {
        let mut exchange = Exchange::new(name);
        for step in steps {
            let connection = step.chars().next().and_then(|c| c.to_digit(10)).unwrap_or(1);
            let step = step.trim_start_matches(char::is_numeric);
            let (direction, bytes) = match step.split_at(1) {
                (">", bytes) => (Direction::ToServer, bytes),
                ("<", bytes) => (Direction::ToClient, bytes),
                (_, bytes) => (Direction::Published, bytes),
            };
            // A character above 0x7f stands for one byte.
            exchange.add(connection, direction, &bytes.chars().map(|c| c as u8).collect::<Vec<u8>>());
        }
        exchange
    }

    const ASK: &str = ">GET / HTTP/1.1\r\n\r\n";
    const ANSWER: &str = "<HTTP/1.1 200 OK\r\n\r\nx";
    const EMPTY: &str = "<HTTP/1.1 200 OK\r\n\r\n";

    #[test]
    fn push_is_what_comes_when_it_is_published() {
        let held = || exchange(names::HELD, &[ASK, "!", ANSWER]);
        assert_eq!(
            verdict(10, &[exchange(names::EVENTS, &[ASK, EMPTY, "!", "<a", "!", "<b"]), held()]),
            Verdict::False
        );
        // The same quotes, each asked for, are no push.
        let asked = exchange(names::EVENTS, &[ASK, EMPTY, "!", ASK, "<a", "!", ASK, "<b"]);
        let at_once = exchange(names::HELD, &["!", ASK, ANSWER]);
        assert_eq!(verdict(10, &[asked, at_once]), Verdict::True);
    }

    #[test]
    fn ways_and_transactions() {
        let order = |answer: &str| exchange(names::ORDER, &[">POST / HTTP/1.1\r\n\r\nx", answer]);
        let polls = |answer: &str| exchange(names::KEPT, &[ASK, answer, ASK, answer]);
        assert_eq!(verdict(11, &[polls(ANSWER), order(ANSWER)]), Verdict::False);
        assert_eq!(verdict(11, &[polls(EMPTY), order(EMPTY)]), Verdict::True);
        assert_eq!(verdict(18, &[polls(ANSWER)]), Verdict::True);
        assert_eq!(verdict(18, &[exchange(names::KEPT, &[ASK, ASK, ANSWER])]), Verdict::False);
    }

    const UPGRADE: &str = ">GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    const SWITCHED: &str = "<HTTP/1.1 101 Switching Protocols\r\n\r\n";

    #[test]
    fn the_order_of_an_upgrade() {
        assert_eq!(verdict(22, &[exchange(names::UPGRADE, &[UPGRADE, SWITCHED, "!", "<\u{81}"])]), Verdict::Depends);
        let claim = CLAIMS.iter().find(|claim| claim.number == 22).unwrap();
        let backwards = exchange(names::UPGRADE, &[SWITCHED, UPGRADE, "!", "<\u{81}"]);
        let finding = decide(claim, &Evidence { exchanges: vec![backwards], ..Evidence::default() });
        assert_eq!(finding.parts.iter().map(|part| part.holds).collect::<Vec<_>>(), [Holds::No, Holds::Yes]);
        assert_eq!(finding.verdict, Verdict::Depends);
        assert!(finding.parts.iter().all(|part| part.condition.contains("by reading: ")), "{finding:?}");
        // An upgrade that is refused is neither.
        let refused = exchange(names::UPGRADE, &[UPGRADE, "<HTTP/1.1 426 Upgrade Required\r\n\r\n", "!", "<x"]);
        assert_eq!(verdict(22, &[refused]), Verdict::False);
    }

    #[test]
    fn state_binary_and_paths() {
        let went_on = "2<HTTP/1.1 200 OK\r\n\r\n{\"quotes\":[{";
        let cursor = |answer: &str| exchange(names::CURSOR, &["2>GET /quotes?after=1 HTTP/1.1\r\n\r\n", answer]);
        let pushed = |more: &str| exchange(names::UPGRADE, &[UPGRADE, SWITCHED, "!", "<\u{81}", more, "!", "<\u{81}"]);
        assert_eq!(verdict(23, &[cursor(went_on), pushed("!")]), Verdict::True);
        assert_eq!(verdict(23, &[cursor("2<HTTP/1.1 410 Gone\r\n\r\n"), pushed(">again")]), Verdict::False);

        let all = |content: &str| {
            let content = format!("<HTTP/1.1 200 OK\r\ncontent-type: {content}\r\n\r\nx");
            [
                pushed("!"),
                exchange(names::BINARY_FRAME, &[UPGRADE, SWITCHED, "!", "<\u{82}"]),
                exchange(names::BINARY_BODY, &[ASK, &content]),
                exchange(names::BINARY_EVENTS, &[ASK, "<HTTP/1.1 400 Bad Request\r\n\r\n"]),
            ]
        };
        assert_eq!(verdict(24, &all("application/octet-stream")), Verdict::Depends);
        assert_eq!(verdict(24, &all("text/plain")), Verdict::True);

        let other = |answer: &str| exchange(names::OTHER_PATH, &[UPGRADE, answer]);
        assert_eq!(verdict(25, &[other("<HTTP/1.1 404 Not Found\r\n\r\n")]), Verdict::False);
        assert_eq!(verdict(25, &[other(SWITCHED)]), Verdict::Depends);
        let claim = CLAIMS.iter().find(|claim| claim.number == 25).unwrap();
        let finding = decide(claim, &Evidence { exchanges: vec![other(SWITCHED)], ..Evidence::default() });
        assert!(finding.condition.contains("2 of 3 conditions by reading"), "{}", finding.condition);
        let read = finding.parts.iter().filter(|part| part.is_read());
        assert!(
            read.clone().count() == 2 && read.clone().all(|part| part.source.cell.starts_with("004, ")),
            "{finding:?}"
        );
    }
}
