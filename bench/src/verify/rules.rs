//! THE table of rules: what the contract on the wire demands, one row each. `servers/WRITE_YOUR_OWN.md` explains them
//! with examples, under the same names.

use futures_util::future::LocalBoxFuture;

use super::finding::Finding;
use super::server::Server;
use super::{events, health, latest, long_polling, orders, polling, polling_newest, quotes, socket, socket_upstream};

/// A part of the contract: a heading of the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// `GET /health`.
    Health,
    /// `GET /quotes`.
    Polling,
    /// `GET /quotes/latest`.
    Latest,
    /// `GET /quotes` with `wait`.
    LongPolling,
    /// `GET /events`.
    Events,
    /// `GET /socket`.
    Socket,
    /// `POST /orders`.
    Orders,
    /// What holds over all routes.
    Quotes,
}

impl Section {
    /// The heading of the page.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Health => "Health",
            Self::Polling => "Polling",
            Self::Latest => "The latest quote",
            Self::LongPolling => "Long polling",
            Self::Events => "Server-sent events",
            Self::Socket => "WebSocket",
            Self::Orders => "Orders",
            Self::Quotes => "Quotes on every route",
        }
    }

    /// Whether its first rule says that the route is there, so that the others need not be checked where it is not.
    pub(super) const fn is_route(self) -> bool {
        !matches!(self, Self::Health | Self::Quotes)
    }

    /// Whether quotes come that way.
    pub(super) const fn is_transport(self) -> bool {
        self.is_route() && !matches!(self, Self::Orders)
    }
}

type Check = for<'a> fn(&'a Server) -> LocalBoxFuture<'a, Finding>;

/// One rule.
pub struct Rule {
    /// Its name, on the page and in answers.
    pub id: &'static str,
    /// Where the page explains it. The first rule of a route's section is that the route answers at all.
    pub section: Section,
    /// What it demands, as a half sentence.
    pub demands: &'static str,
    /// How to ask by hand; words in capitals are filled in for the server at hand.
    pub(super) repeat: &'static str,
    /// Whether it waits for silence, and is checked with others of its kind at the end.
    pub(super) is_slow: bool,
    pub(super) check: Check,
}

macro_rules! rule {
    ($section:ident, $id:literal, $demands:literal, $repeat:literal, $check:path) => {
        Rule {
            id: $id,
            section: Section::$section,
            demands: $demands,
            repeat: $repeat,
            is_slow: false,
            check: |server| Box::pin($check(server)),
        }
    };
    (slow $section:ident, $id:literal, $demands:literal, $repeat:literal, $check:path) => {
        Rule { is_slow: true, ..rule!($section, $id, $demands, $repeat, $check) }
    };
}

/// All rules, in the order in which they are checked.
#[rustfmt::skip]
pub static RULES: [Rule; 48] = [
    rule!(Health, "health-fields", "/health tells software, epoch, start_ns, oldest, newest and feed",
        "curl -i 'BASE/health'", health::fields),
    rule!(Health, "health-range", "oldest is at most newest + 1, and neither goes back",
        "curl -s 'BASE/health' 'BASE/health'", health::range),

    rule!(Polling, "poll-answer", "a poll is answered with epoch, quotes and next",
        "curl -i 'BASE/quotes?after=0'", polling::answer),
    rule!(Polling, "poll-oldest", "after=0 begins with the oldest quote held, and leaves none out",
        "curl -s 'BASE/quotes?after=0'", polling::oldest),
    rule!(Polling, "poll-now", "without after a poll begins now, and is answered at once",
        "curl -i 'BASE/quotes'", polling::now),
    rule!(Polling, "poll-next", "what follows next is what comes after it, nothing twice, nothing left out",
        "curl -s 'BASE/quotes?after=NEWEST'", polling::next),
    rule!(Polling, "poll-ahead", "a cursor ahead of the newest quote is refused with 400",
        "curl -i 'BASE/quotes?after=AHEAD'", polling::ahead),
    rule!(Polling, "poll-foreign", "a cursor of another epoch is answered 410 with what is lost and where to go on",
        "curl -i 'BASE/quotes?after=FOREIGN'", polling::foreign),
    rule!(Polling, "poll-evicted", "a cursor that has fallen off the tape is answered 410 with first and last lost",
        "curl -i 'BASE/quotes?after=FIRST'", polling::evicted),
    rule!(Polling, "poll-newest", "delivery=newest gives the newest quote alone",
        "curl -s 'BASE/quotes?after=0&delivery=newest'", polling_newest::newest),
    rule!(Polling, "poll-interval", "with interval, nothing while the quote named is younger than that",
        "curl -s 'BASE/quotes?after=NEWEST&delivery=newest&interval=3600000'", polling_newest::interval),
    rule!(Polling, "poll-binary", "encoding=binary gives quotes of 24 bytes back to back, and next as quotes-next",
        "curl -sD - 'BASE/quotes?after=0&encoding=binary' -o quotes.bin", polling_newest::binary),
    rule!(Polling, "poll-tick", "encoding=tick gives strings of 20 characters",
        "curl -s 'BASE/quotes?after=0&encoding=tick'", polling_newest::tick),
    rule!(Polling, "poll-refusals", "bad input is refused with 400 and one sentence",
        "curl -i 'BASE/quotes?atfer=0'", polling::refusals),
    rule!(Polling, "poll-kept", "a connection is kept for the next poll",
        "curl -sv 'BASE/quotes?after=0' 'BASE/quotes?after=0' -o /dev/null -o /dev/null", polling::kept),
    rule!(Polling, "poll-closed", "asked with Connection: close, the server closes",
        "curl -sv -H 'Connection: close' 'BASE/quotes?after=0' -o /dev/null", polling::closed),

    rule!(Latest, "latest-quote", "the newest quote comes with its cursor as ETag",
        "curl -i 'BASE/quotes/latest'", latest::quote),
    rule!(Latest, "latest-unchanged", "If-None-Match with that ETag is answered 304 without a body",
        "curl -i -H 'If-None-Match: \"NEWEST\"' 'BASE/quotes/latest'", latest::unchanged),

    rule!(LongPolling, "wait-answer", "a poll with wait is answered at once where there are quotes",
        "curl -i 'BASE/quotes?after=0&wait=5'", long_polling::answer),
    rule!(LongPolling, "wait-held", "it is held until there is a quote or the wait is over",
        "curl -i 'BASE/quotes?wait=3'", long_polling::held),
    rule!(LongPolling, "wait-default", "wait without a number is taken (as 30 s)",
        "curl -i 'BASE/quotes?after=0&wait'", long_polling::default_wait),
    rule!(LongPolling, "wait-maximum", "a wait over 120 s is refused with 400 that names the maximum",
        "curl -i 'BASE/quotes?wait=121'", long_polling::maximum),
    rule!(LongPolling, "wait-interval", "with delivery=newest and interval held answers keep that distance",
        "curl -i 'BASE/quotes?delivery=newest&interval=1000&wait=5'", long_polling::interval),

    rule!(Events, "events-hello", "the stream is text/event-stream, and begins with hello",
        "curl -siN --max-time 2 'BASE/events?after=0'", events::hello),
    rule!(Events, "events-quotes", "each quote is an event with its cursor as id, none left out",
        "curl -sN --max-time 2 'BASE/events?after=0'", events::quotes),
    rule!(Events, "events-resume", "Last-Event-ID wins over after",
        "curl -sN --max-time 2 -H 'Last-Event-ID: NEWEST' 'BASE/events?after=0'", events::resume),
    rule!(Events, "events-gap", "a cursor of another epoch is announced by a gap, then it goes on from the oldest",
        "curl -sN --max-time 2 'BASE/events?after=FOREIGN'", events::gap),
    rule!(Events, "events-newest", "delivery=newest&interval=MS gives newer quotes that far apart",
        "curl -sN --max-time 5 'BASE/events?delivery=newest&interval=1000'", events::newest),
    rule!(Events, "events-refusals", "bad input is refused with 400: an unknown parameter, a cursor ahead, binary",
        "curl -i 'BASE/events?encoding=binary'", events::refusals),
    rule!(slow Events, "events-heartbeat", "a silent stream sends a comment each 15 s",
        "curl -sN --max-time 20 'BASE/events?delivery=newest&interval=3600000'", events::heartbeat),

    rule!(Socket, "socket-hello", "the upgrade is answered as RFC 6455 says, and the first message is hello",
        "curl -siN --max-time 2 UPGRADE 'BASE/socket?after=0' --output -", socket::hello),
    rule!(Socket, "socket-quotes", "each quote is a text message of its own, none left out",
        "curl -sN --max-time 2 UPGRADE 'BASE/socket?after=0' --output - | od -c", socket::quotes),
    rule!(Socket, "socket-binary", "encoding=binary gives binary messages of 24 bytes",
        "curl -sN --max-time 2 UPGRADE 'BASE/socket?after=0&encoding=binary' --output - | od -A d -t x1z",
        socket::binary),
    rule!(Socket, "socket-gap", "a cursor of another epoch is announced by a gap, then it goes on from the oldest",
        "curl -sN --max-time 2 UPGRADE 'BASE/socket?after=FOREIGN' --output - | od -c", socket::gap),
    rule!(Socket, "socket-newest", "delivery=newest&interval=MS gives newer quotes that far apart",
        "curl -sN --max-time 5 UPGRADE 'BASE/socket?delivery=newest&interval=1000' --output - | od -c", socket::newest),
    rule!(Socket, "socket-refusals", "bad input is refused with 400 before the upgrade",
        "curl -i UPGRADE 'BASE/socket?after=nonsense'", socket_upstream::refusals),
    rule!(Socket, "socket-order", "{\"order\":…} is answered with {\"ack\":…} that carries its id",
        r#"(TYPED; sleep 1; printf '\201\256\000\000\000\000{"order":{"id":"v1","symbol":"ALFA","size":1}}'; sleep 2) | curl -sN TELNET | od -A d -t x1z"#,
        socket_upstream::order),
    rule!(Socket, "socket-error", "what is no order is answered with {\"error\":…}, and the socket goes on",
        r"(TYPED; sleep 1; printf '\201\205\000\000\000\000hello'; sleep 2) | curl -sN TELNET | od -A d -t x1z",
        socket_upstream::error),
    rule!(Socket, "socket-ping", "a ping is answered with a pong of the same bytes",
        r"(TYPED; sleep 1; printf '\211\215\000\000\000\000are you there'; sleep 2) | curl -sN TELNET | od -A d -t x1z",
        socket_upstream::ping),
    rule!(Socket, "socket-close", "a close frame is answered with one, and the connection ends",
        r"(TYPED; sleep 1; printf '\210\200\000\000\000\000'; sleep 2) | curl -sN TELNET | od -A d -t x1z",
        socket_upstream::close),
    rule!(slow Socket, "socket-heartbeat", "a silent socket sends a ping each 15 s",
        "curl -sN --max-time 20 UPGRADE 'BASE/socket?delivery=newest&interval=3600000' --output - | od -c",
        socket::heartbeat),

    rule!(Orders, "order-acknowledged", "an order is acknowledged with its id",
        "curl -i -d '{\"id\":\"v1\",\"symbol\":\"ALFA\",\"size\":1}' 'BASE/orders'", orders::acknowledged),
    rule!(Orders, "order-refused", "what is no order is refused with 400 and one sentence",
        "curl -i -d '{}' 'BASE/orders'", orders::refused),

    rule!(Quotes, "one-transport", "quotes come at least one way",
        "curl -i 'BASE/quotes?after=0'", quotes::one_transport),
    rule!(Quotes, "quote-json", "a JSON quote has seq, time_ns, symbol, price and size, and the width of the feed",
        "curl -s 'BASE/quotes?after=0'", quotes::json),
    rule!(Quotes, "same-bytes", "a quote has the same bytes on every route",
        "curl -s 'BASE/quotes?after=0'; curl -sN --max-time 2 'BASE/events?after=0'", quotes::same_bytes),
    rule!(Quotes, "start-clock", "start_ns is CLOCK_MONOTONIC: no quote comes before start_ns + time_ns, none long after",
        "curl -s 'BASE/health'; curl -s 'BASE/quotes?after=0&delivery=newest'", quotes::start_clock),
    rule!(Quotes, "feed-plan", "quotes are those of the plan that the feed's specification fixes (a plan of its own is allowed)",
        "curl -s 'BASE/health'; curl -s 'BASE/quotes?after=0'", quotes::feed_plan),
];
