//! THE table of claims, with the margins that were written down before the runs that decide them.
//!
//! The claims are those of the five tutorials, in our own words. Margins: three per cent (bytes, lateness) and ten per cent (CPU)
//! are what counts as equal everywhere in the suite; the others say how much the words of the claim ("much", "zero",
//! "inefficient") have to mean at least for the claim to be worth the name.

use super::predicates::{cost, need, none, shown, time, wire};
use super::{Claim, Kind};

/// When rules and margins were last written, UTC. A run that began before cannot decide: see [`super::deciding`]. Whoever
/// changes a rule or a margin sets this to the present, and the runs are made again.
pub const MARGINS_UTC: &str = "2026-11-29T22:57:00Z";

/// What every verdict here is restricted to.
const CLEAR_TEXT: &str = "clear-text HTTP/1.1; TLS, HTTP/2 and proxies are not yet measured";

/// What all rows have in common.
const ROW: Claim = Claim {
    number: 0,
    tutorials: &[],
    claim: "",
    kind: Kind::Measured,
    experiments: &[],
    rule: "",
    margins: &[],
    aspects: &[],
    depends_on: "",
    restriction: CLEAR_TEXT,
    predicate: none,
};

/// What a definition is restricted to.
const SHOWN: Claim = Claim { kind: Kind::Shown, restriction: "clear-text HTTP/1.1", ..ROW };

/// All claims, in their order.
pub static CLAIMS: [Claim; 25] = [
    Claim {
        number: 1,
        tutorials: &["001"],
        claim: "every HTTP request needs a network handshake",
        experiments: &["connections", "transports"],
        rule: "connections per request are above {0}",
        margins: &[0.95],
        aspects: &["closed", "kept"],
        depends_on: "whether the connection is kept, as HTTP/1.1 does unless told otherwise",
        predicate: wire::handshakes,
        ..ROW
    },
    Claim {
        number: 2,
        tutorials: &["004"],
        claim: "HTTP is slower because each request needs a new connection",
        experiments: &["lateness"],
        rule: "polls that open a connection each are later than those that keep one, by more than a share of {0} and more than {1} ms: in the time of an exchange, and in lateness on a plan",
        margins: &[0.03, 0.3],
        aspects: &["time of an exchange", "lateness on a plan", "RTT"],
        depends_on: "what is timed (the exchange, or lateness when polls are planned) and on the distance",
        restriction: "clear-text HTTP/1.1; polls on a fixed plan: clients that pause after each answer, TLS, HTTP/2 and proxies are not yet measured",
        predicate: time::new_connections,
        ..ROW
    },
    Claim {
        number: 3,
        tutorials: &["001"],
        claim: "WebSocket adds no overhead at all",
        experiments: &["overhead", "packets", "transports"],
        rule: "bytes per quote beyond the payload, set-up left out, are at most {0}: above TCP in every trial, in IP packets with the whole interval",
        margins: &[0.0],
        aspects: &["above TCP", "IP packets"],
        depends_on: "the layer",
        predicate: wire::zero_overhead,
        ..ROW
    },
    Claim {
        number: 4,
        tutorials: &["004"],
        claim: "WebSocket has overhead only at the beginning",
        experiments: &["overhead", "packets"],
        rule: "a message adds at most {0} % of what the beginning of its connection costs: above TCP in every trial, in IP packets with the whole interval",
        margins: &[2.0],
        aspects: &["above TCP", "IP packets"],
        depends_on: "the layer, and the size of the message",
        predicate: wire::only_at_the_beginning,
        ..ROW
    },
    Claim {
        number: 5,
        tutorials: &["002"],
        claim: "WebSocket has less overhead per message than HTTP with its heads",
        experiments: &["overhead", "packets", "transports"],
        rule: "bytes per quote beyond the payload are at most {0} of those of polls on a kept connection in the same block, set-up included: above TCP in every block, in IP packets with the whole interval",
        margins: &[0.97],
        aspects: &["above TCP", "IP packets"],
        depends_on: "the layer, and on how many quotes an answer carries",
        predicate: wire::less_than_heads,
        ..ROW
    },
    Claim {
        number: 6,
        tutorials: &["000"],
        claim: "WebSocket is almost always more efficient",
        experiments: &["frontier"],
        rule: "over a map of rates and budgets of excess staleness at the 99th percentile ({3}, {4} and {5} ms, twice the intervals that are measured), the share of points won is at least {0}: of the arms within the budget the cheapest WebSocket is not dearer than the cheapest arm that asks by more than a share of the cheaper ({1} for bytes, {2} for CPU on loopback), by the interval; who has no arm within the budget loses the point, and where nobody has one there is none",
        margins: &[0.95, 0.03, 0.1, 100.0, 1_000.0, 4_000.0],
        aspects: &["bytes", "CPU"],
        depends_on: "what is paid for: bytes or CPU",
        predicate: cost::almost_always,
        ..ROW
    },
    Claim {
        number: 7,
        tutorials: &["000"],
        claim: "asking for quotes at regular intervals is inefficient",
        experiments: &["frontier", "rate", "transports"],
        rule: "polls on a kept connection cost more than {0} times the bytes, or {1} times the CPU (on loopback), of a WebSocket with equal delivery",
        margins: &[1.03, 1.1],
        aspects: &["bytes", "CPU"],
        depends_on: "the interval against the rate, and on what is paid for",
        restriction: "clear-text HTTP/1.1; intervals and rates of these runs; TLS, HTTP/2 and proxies are not yet measured",
        predicate: cost::polling_wastes,
        ..ROW
    },
    Claim {
        number: 8,
        tutorials: &["001"],
        claim: "WebSocket has much lower latency, and no delay",
        experiments: &["lateness", "transports"],
        rule: "against polls: the difference of median lateness is above {0} of the polls' own; against an event stream: above a share of {1} and above {2} ms (what the two clients' clocks are read apart); no delay: median lateness at most {3} ms",
        margins: &[0.5, 0.03, 0.5, 1.0],
        aspects: &["much earlier", "stream of events", "no delay", "RTT"],
        depends_on: "what it is compared with, and the distance",
        predicate: time::no_delay,
        ..ROW
    },
    Claim {
        number: 9,
        tutorials: &["001"],
        claim: "long polling is still not efficient",
        experiments: &["rate", "flush", "saturation", "phase_lock", "transports"],
        rule: "held requests cost more than {0} times the bytes, or {1} times the CPU (on loopback), of a WebSocket with equal delivery",
        margins: &[1.5, 1.5],
        aspects: &["bytes", "CPU"],
        depends_on: "how many quotes share an answer",
        predicate: cost::held_is_dear,
        ..ROW
    },
    Claim {
        number: 10,
        tutorials: &["001"],
        claim: "with HTTP a server cannot push",
        rule: "no exchange over HTTP has quotes reach the client when they are published instead of when they are asked for",
        predicate: shown::no_push,
        ..SHOWN
    },
    Claim {
        number: 11,
        tutorials: &["004"],
        claim: "HTTP goes one way, from client to server",
        rule: "no exchange over HTTP carries content to the client, or both ways",
        predicate: shown::one_way,
        ..SHOWN
    },
    Claim {
        number: 12,
        tutorials: &["000", "002", "004"],
        claim: "WebSocket is two-way on one connection, unlike HTTP",
        experiments: &["duplex"],
        rule: "while quotes stream down and orders go up, a client with a WebSocket uses at most {0} connections, and one that polls more although its orders may take turns with the polls; an order sent behind a held request or an event stream, on its connection, is not acknowledged at once (connections beside those two are by construction of our client and decide nothing)",
        margins: &[1.02],
        aspects: &["upgraded connection", "polls and orders", "behind a held request", "behind an event stream"],
        depends_on: "whether the way down occupies the connection: polls and orders can take turns on one",
        predicate: wire::two_way,
        ..ROW
    },
    Claim {
        number: 13,
        tutorials: &["001"],
        claim: "for updates each second or each millisecond, requests are too slow and too expensive",
        experiments: &["lateness", "each_second", "each_millisecond"],
        rule: "too slow: more than {0} % of the planned polls have to be left out, or the median quote is later than {1} intervals of the polls; too expensive, on loopback and with about one update for each poll: a client costs more than {2} times the CPU of a WebSocket with the same quotes",
        margins: &[5.0, 1.0, 2.0],
        aspects: &[
            "too slow, polls each 1000 ms",
            "too slow, polls each 1 ms",
            "too expensive, polls each 1000 ms",
            "too expensive, polls each 1 ms",
        ],
        depends_on: "the interval, the distance, and whether time or CPU is meant",
        predicate: time::too_slow_too_dear,
        ..ROW
    },
    Claim {
        number: 14,
        tutorials: &["001", "002"],
        claim: "WebSocket is efficient at high frequency",
        experiments: &["rate", "flush"],
        rule: "from {0} quotes/s on a WebSocket costs at most {1} times what requests cost, in bytes and (on loopback) CPU; and its CPU against an event stream's differs by more than its own with two ways to flush ({2} times)",
        margins: &[1_000.0, 1.1, 1.0],
        aspects: &["bytes", "CPU", "flushes"],
        depends_on: "when it flushes more than on the transport",
        predicate: cost::high_frequency,
        ..ROW
    },
    Claim {
        number: 15,
        tutorials: &["000", "002"],
        claim: "less overhead lets WebSocket scale further; but the state of each connection costs",
        experiments: &["capacity", "idle"],
        rule: "at budgets of {2}, {3} and {4} ms (99th percentile of excess staleness), with the same intervals to choose from, it carries at least {0} times the clients of polls: the largest number tried at which, as at every smaller one, it stayed within the budget and nobody was refused; two that carry all that was tried leave it undecided; a further client takes more than {1} KiB of the server's memory (100 MiB for ten thousand)",
        margins: &[1.1, 10.24, 100.0, 1_000.0, 10_000.0],
        aspects: &["carries", "memory"],
        restriction: "clear-text HTTP/1.1; one processor for the server and one for the load, which those that ask mostly fill first, so that the server may carry more of them; TLS, HTTP/2 and proxies are not yet measured",
        depends_on: "how stale a quote may be",
        predicate: need::scale,
        ..ROW
    },
    Claim {
        number: 16,
        tutorials: &["002"],
        claim: "WebSocket is more complex to build and to scale",
        kind: Kind::Undecidable,
        restriction: "how hard a thing is to build is no quantity of a run",
        ..ROW
    },
    Claim {
        number: 17,
        tutorials: &["003"],
        claim: "headers and cookies sent every time raise latency",
        experiments: &["overhead", "slow_link"],
        rule: "with the larger heads an exchange takes more than {1} times as long, and {2} ms longer; that the bytes of request heads are more than {0} times those with the smaller is by construction of the load and decides nothing",
        margins: &[1.03, 1.03, 0.3],
        aspects: &["bytes", "time of an exchange"],
        depends_on: "the rate of the link",
        predicate: wire::cookies,
        ..ROW
    },
    Claim {
        number: 18,
        tutorials: &["003"],
        claim: "even on a kept connection each request is a transaction of its own",
        rule: "two requests on one connection have an answer each",
        predicate: shown::own_transactions,
        ..SHOWN
    },
    Claim {
        number: 19,
        tutorials: &["000", "003", "004"],
        claim: "tickers need WebSocket",
        experiments: &["frontier", "lateness", "transports"],
        rule: "a WebSocket's mean excess staleness is within the budget of a person ({0} ms) or a program ({1} ms), and that of polls, or of all else, is not",
        margins: &[1_000.0, 10.0],
        aspects: &["a person", "a program"],
        depends_on: "who reads (a program needs push) and on what else there is (an event stream is push too)",
        predicate: need::tickers,
        ..ROW
    },
    Claim {
        number: 20,
        tutorials: &["002", "000"],
        claim: "firewalls may block WebSocket; HTTP is better supported",
        kind: Kind::NotYet,
        restriction: "needs real proxies; nothing here speaks for anything but clear-text HTTP/1.1 without one",
        ..ROW
    },
    Claim {
        number: 21,
        tutorials: &["001", "003"],
        claim: "messages without limit: the connection stays open until one side closes it",
        kind: Kind::NotYet,
        restriction: "needs idle connections behind a proxy with a limit; clear-text HTTP/1.1 without proxies only",
        ..ROW
    },
    Claim {
        number: 22,
        tutorials: &["002", "004"],
        claim: "how a connection is upgraded",
        rule: "the client's request with Upgrade comes first, the answer 101 second, messages follow",
        depends_on: "which text: 002 and the diagram of 004 have the order right, the prose of 004 has not",
        restriction: "clear-text HTTP/1.1; which order a text gives is by reading (002 and 004), which took place is shown",
        predicate: shown::upgrade_sequence,
        ..SHOWN
    },
    Claim {
        number: 23,
        tutorials: &["000"],
        claim: "WebSocket is stateful, REST is stateless",
        rule: "a poll on another connection goes on from the cursor it carries; after an upgrade the server alone keeps the place",
        depends_on: "where the place in the stream is kept",
        restriction: "clear-text HTTP/1.1; restarts are not yet measured",
        predicate: shown::state,
        ..SHOWN
    },
    Claim {
        number: 24,
        tutorials: &["004"],
        claim: "HTTP carries text, WebSocket text or binary",
        rule: "one quote as JSON and as binary on each: which of them carry it",
        depends_on: "which HTTP: answers carry binary, only event streams are text",
        predicate: shown::text_or_binary,
        ..SHOWN
    },
    Claim {
        number: 25,
        tutorials: &["004", "002"],
        claim: "the sample server works; the sample client reaches the sample server",
        rule: "each runs as printed with today's libraries (by reading, and run once by hand); an upgrade at a path that the server does not have is answered 101",
        depends_on: "which sample",
        restriction: "clear-text HTTP/1.1; what the samples do is by reading (002 and 004), what a server answers at another path is shown",
        predicate: shown::samples,
        ..SHOWN
    },
];
