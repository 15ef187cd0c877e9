"""What lateness and bytes should be, from the setting alone: the formulas of the suite in plain Python.

Letters: d one way, T distance of two polls, E one exchange (2d on a kept connection, 4d on a new one), rate quotes per second
(a Poisson process), w the time after an answer in which a long poll has no request pending (one exchange), x = rate * w.
All times are seconds, all sizes bytes, and the machine itself takes no time unless it is said what it takes.
"""

import math

# --- Lateness ----------------------------------------------------------------------------------------------------------


def exchange(d, closed=False):
    """E: there and back, and there and back before it for the handshake of a new connection."""
    return (4 if closed else 2) * d


def polls_apart(T, E):
    """T': a poll whose instant comes while the last answer is still out is left out. T * ceil(E / T), at least T."""
    return T * max(1, math.ceil(E / T - 1e-9))


def poll_lateness(T, d=0.0, closed=False):
    """Evenly spread from d to T' + d: (least, mean, most)."""
    apart = polls_apart(T, exchange(d, closed))
    return d, d + apart / 2, d + apart


def poll_lateness_cdf(late, T, d=0.0, closed=False):
    """Share of quotes that are at most `late`."""
    least, _, most = poll_lateness(T, d, closed)
    return min(1.0, max(0.0, (late - least) / (most - least)))


def long_poll_lateness(rate, d, w=None):
    """Mean: d + (w / 2) * x / (x + e^-x). A quote that meets a held request is d late; one that comes in the gap of length w
    waits for the rest of it."""
    w = 2 * d if w is None else w
    x = rate * w
    return d + w / 2 * x / (x + math.exp(-x))


def long_poll_requests(rate, w):
    """Requests per quote: 1 / (x + e^-x). One when quotes are rare, fewer when several share an answer."""
    x = rate * w
    return 1 / (x + math.exp(-x))


def push_lateness(d):
    """A pushed quote crosses once."""
    return d


def lateness(kind, rate, T=0.5, d=0.0):
    """Mean lateness of one of the five lanes."""
    match kind:
        case "poll":
            return poll_lateness(T, d)[1]
        case "poll-close":
            return poll_lateness(T, d, closed=True)[1]
        case "long-poll":
            return long_poll_lateness(rate, d)
        case "sse" | "ws":
            return push_lateness(d)
    raise ValueError(f"there is no lane {kind!r}")


def wrong_price_share(rate, symbols, least, most):
    """Share of time in which a client, evenly `least` to `most` behind, lacks a quote of a symbol. Symbols take turns: of k
    quotes within the lag, min(1, k / symbols) is the chance that one is of that symbol."""

    def lacking(lag):
        return sum(p * min(1.0, k / symbols) for k, p in enumerate(poisson(rate * lag)))

    steps = 200 if most > least else 1
    return sum(lacking(least + (i + 0.5) / steps * (most - least)) for i in range(steps)) / steps


# --- How many quotes share an answer -----------------------------------------------------------------------------------


def poisson(mean):
    """Chance of 0, 1, 2 ... quotes within a stretch that holds `mean` on average."""
    sizes, chance, k = [], math.exp(-mean), 0
    while k < mean + 10 * math.sqrt(mean) + 40:
        sizes.append(chance)
        k += 1
        chance *= mean / k
    return sizes


def long_poll_answer_sizes(x):
    """The same for a long poll: where the gap was empty, the answer waits for one quote."""
    sizes = poisson(x)
    sizes[1] += sizes[0]
    sizes[0] = 0.0
    return sizes


# --- Bytes -------------------------------------------------------------------------------------------------------------

SEGMENT_HEAD = 52  # IPv4 20, TCP 20, timestamps 12
SYN = 60  # the same with the options of a handshake
SEGMENT_DATA = 1448  # most bytes of data in one segment
END = "\r\n"

HOST = "host: 127.0.0.1:54321\r\n"
ACCEPT = "accept: */*\r\n"
CLOSE = "connection: close\r\n"
COMMON = "cache-control: no-store\r\naccess-control-allow-origin: *\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
ENVELOPE = '{"epoch":"k3f9","quotes":[],"next":"k3f9."}'
HELLO = '{"epoch":"k3f9","oldest":1,"newest":0}'
UPGRADE = (
    "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    "sec-websocket-key: 0123456789012345678901==\r\n"
)
UPGRADED = (
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    "sec-websocket-accept: 0123456789012345678901234567\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
)


def mean_digits(last):
    """Mean number of decimal digits of 1, 2 ... last: what a cursor has on average over a run."""
    last = max(1, round(last))
    return sum(len(str(n)) for n in range(1, last + 1)) / last


def frame_head(payload, masked=False):
    """Head of a WebSocket frame (RFC 6455, section 5.2); what a client sends is masked, with a key of four bytes."""
    head = 2 if payload <= 125 else 4 if payload <= 65_535 else 10
    return head + (4 if masked else 0)


def chunk(size):
    """What a chunk of HTTP/1.1 adds: its size in hexadecimal and two line ends."""
    return len(f"{int(size):x}") + 4


def request_head(target, fields=ACCEPT, closed=False):
    """A GET as the suite's clients write it; `target` may be a number of bytes that is a mean."""
    length = target if isinstance(target, (int, float)) else len(target)
    return length + len("GET  HTTP/1.1\r\n") + len(fields) + len(HOST) + (len(CLOSE) if closed else 0) + len(END)


def answer_head(body, closed=False):
    """Head of an answer with a list of quotes."""
    fields = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + COMMON
    length = len("content-length: \r\n") + len(str(round(body)))
    return len(fields) + length + (len(CLOSE) if closed else 0) + len(END)


def answer_body(quotes, payload, digits):
    """A JSON list of quotes in its envelope."""
    return quotes * payload + len(ENVELOPE) + max(0, quotes - 1) + digits


def per_quote_asked(requests, sizes, payload, digits, target, closed=False):
    """Bytes per quote of a lane that asks: requests per quote, chances of 0, 1, 2 ... quotes an answer."""
    down = {"payload": payload, "framing": 0.0, "heads": 0.0}
    segments = 0.0
    for k, chance in enumerate(sizes):
        body = answer_body(k, payload, digits)
        head = answer_head(body, closed)
        down["framing"] += requests * chance * (body - k * payload)
        down["heads"] += requests * chance * head
        segments += requests * chance * math.ceil((head + body) / SEGMENT_DATA)
    up = requests * request_head(target, closed=closed)
    return {**down, "heads_up": up, "segments_down": segments, "segments_up": requests}


def per_quote(kind, rate, T=0.5, d=0.0, payload=120, quotes=100, w=None):
    """Bytes above TCP per quote without set-up, by layer, and segments with data."""
    digits = mean_digits(quotes)
    match kind:
        case "poll" | "poll-close":
            closed = kind == "poll-close"
            apart = polls_apart(T, exchange(d, closed))
            target = len("/quotes?after=k3f9.") + digits
            return per_quote_asked(1 / (rate * apart), poisson(rate * apart), payload, digits, target, closed)
        case "long-poll":
            x = rate * (2 * d if w is None else w)
            target = len("/quotes?after=k3f9.&wait=30") + digits
            return per_quote_asked(1 / (x + math.exp(-x)), long_poll_answer_sizes(x), payload, digits, target)
        case "sse":
            event = len("id: k3f9.\ndata: \n\n") + payload + digits
            wrap = event + chunk(event) - payload
            return {"payload": payload, "framing": wrap, "heads": 0.0, "heads_up": 0.0, "segments_down": 1.0, "segments_up": 0.0}
        case "ws":
            wrap = frame_head(payload)
            return {"payload": payload, "framing": wrap, "heads": 0.0, "heads_up": 0.0, "segments_down": 1.0, "segments_up": 0.0}
    raise ValueError(f"there is no lane {kind!r}")


def set_up(kind):
    """Bytes above TCP of what happens once a connection of a client: first request, first answer, hello, goodbye."""
    first_body = answer_body(0, 0, 1)
    match kind:
        case "poll" | "poll-close" | "long-poll":
            closed = kind == "poll-close"
            up = request_head("/quotes?after=0", closed=closed)
            # A long poll that is held when the run ends has been sent and gets no answer.
            held = request_head("/quotes?after=k3f9.41&wait=30") if kind == "long-poll" else 0
            return up + held + answer_head(first_body, closed) + first_body
        case "sse":
            hello = len("event: hello\ndata: \n\n") + len(HELLO)
            own = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-accel-buffering: no\r\ntransfer-encoding: chunked\r\n"
            up = request_head("/events?after=0", fields="accept: text/event-stream\r\n")
            return up + len(own) + len(COMMON) + len(END) + hello + chunk(hello)
        case "ws":
            hello = len('{"hello":}') + len(HELLO)
            up = request_head("/socket?after=0", fields=UPGRADE)
            # At the end both sides say goodbye with a frame, the client's with a mask.
            return up + len(UPGRADED) + len(END) + hello + frame_head(hello) + 4 + 8
    raise ValueError(f"there is no lane {kind!r}")


def above_tcp(layers):
    """Bytes above TCP of what `per_quote` gives."""
    return layers["payload"] + layers["framing"] + layers["heads"] + layers["heads_up"]


def in_packets(kind, layers):
    """Bytes of IP packets per quote without set-up, from ... to: acknowledgements may ride on data or travel alone."""
    data = (layers["segments_down"] + layers["segments_up"]) * SEGMENT_HEAD
    least = above_tcp(layers) + data
    if kind == "poll-close":
        # SYN both ways, three segments of opening and closing at least, six and one for each segment of the answer at most.
        opens = layers["segments_up"]
        return least + opens * (2 * SYN + 3 * SEGMENT_HEAD), least + opens * (2 * SYN + 7 * SEGMENT_HEAD)
    return least, least + data


def likely_packets(kind, layers):
    """Where in that range: a kernel holds an acknowledgement back for up to 40 ms, hoping for data to carry it.

    A push meets a client that only listens: each is acknowledged alone. A poll is answered at once, so the answer carries that
    acknowledgement, and the answer's own travels alone, since the next poll is far. A held request is acknowledged alone while it
    waits, and its answer by the next request. A closed connection has six segments without data besides its two SYN.
    """
    least, _ = in_packets(kind, layers)
    if kind == "poll-close":
        return least + 3 * SEGMENT_HEAD * layers["segments_up"]
    if kind == "long-poll":
        return least + SEGMENT_HEAD * layers["segments_up"]
    return least + SEGMENT_HEAD * layers["segments_down"]


# --- Every quote against the newest only ---------------------------------------------------------------------------------


def bytes_per_second(kind, rate, T=0.5, d=0.0, payload=120, packets=True):
    """Bytes per second and client of a lane that delivers every quote, in packets or above TCP."""
    layers = per_quote(kind, rate, T, d, payload)
    return rate * (likely_packets(kind, layers) if packets else above_tcp(layers))


def newest_per_second(kind, rate, T, payload=120, packets=True):
    """The same where only the newest quote is wanted, at most once in T. A poll asks with `if-none-match` and gets 304 where
    nothing is new; a push says nothing then, and a long poll is held until there is something."""
    some = 1 - math.exp(-rate * T)
    cursor = len("k3f9.41")
    if kind == "poll":
        up = request_head("/quotes/latest", fields=ACCEPT + 'if-none-match: ""\r\n') + cursor
        tag = len('etag: ""\r\n') + cursor
        found = answer_head(payload) + tag + payload
        same = len("HTTP/1.1 304 Not Modified\r\n") + len(COMMON) + len(END) + tag
        amount = up + some * found + (1 - some) * same
        # Request and answer have a segment each, and the answer's acknowledgement travels alone.
        return (amount + (3 * SEGMENT_HEAD if packets else 0)) / T
    if kind == "long-poll":
        # Held for T, and then until there is a quote: answers are x + e^-x quotes apart, and each has one of them in it.
        x = rate * T
        target = f"/quotes?after={cursor}&delivery=newest&interval={1000 * T:.0f}&wait=30"
        layers = per_quote_asked(1.0, [0.0, 1.0], payload, len("41"), target)
        return rate / (x + math.exp(-x)) * (likely_packets(kind, layers) if packets else above_tcp(layers))
    layers = per_quote(kind, 1.0, payload=payload)
    return some / T * (likely_packets(kind, layers) if packets else above_tcp(layers))


def newest_staleness(kind, rate, T):
    """Mean excess staleness where only the newest quote of one symbol is wanted, at most once in T, without distance.

    Whoever shows the newest at instants T apart is T/2 behind on average, at any rate: a poll, and a push that keeps to such instants.
    A held request has no instants. It is answered as soon as there is a quote, if only T has gone by since the last answer.
    """
    if kind != "long-poll":
        return T / 2
    # In units of 1 / rate. While a request must wait, what is shown falls behind the newest quote; once T is over it is the newest.
    x = rate * T
    some = 1 - math.exp(-x)
    # Mean age of what is shown when the wait begins: nothing after a quote that went out at once, else that of the newest within T.
    age = 1 - math.exp(-x) * (1 + x)
    behind = x * x / 2 - x + some + age * (x - some)
    return behind / (x + math.exp(-x)) / rate
