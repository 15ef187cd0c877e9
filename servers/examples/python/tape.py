"""The last quotes, already encoded, and what may be asked of them. Both example servers read it; it knows neither.

The rules are those of servers/WRITE_YOUR_OWN.md.
"""

import argparse
import asyncio
import json
import random
import time
from collections import deque
from dataclasses import dataclass, field

from plan import LEAST_BYTES, SYMBOLS, encode, plan
from query import Refused

HEARTBEAT_S = 15


def from_command_line(software, port):
    """The tape and where to listen."""
    options = argparse.ArgumentParser()
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=port)
    options.add_argument("--rate", type=float, default=10.0, help="quotes per second")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--held", type=int, default=65_536, help="how many quotes the tape holds")
    options = options.parse_args()
    feed = {"seed": options.seed, "symbols": 4, "arrivals": "poisson", "rate_per_s": options.rate, "payload_bytes": 0}
    return Tape(feed, software, deque(maxlen=options.held)), options.host, options.port


@dataclass
class Tape:
    feed: dict
    software: str
    held: deque  # of (payload by encoding, published at), the oldest first; its maxlen is what the tape holds
    newest: int = 0
    start_ns: int | None = None
    epoch: str = field(default_factory=lambda: "".join(random.choices("0123456789abcdefghijklmnopqrstuvwxyz", k=4)))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self):
        """Puts each quote on the tape when it is due, for ever."""
        self.start_ns = time.monotonic_ns()
        for quote in plan(self.feed):
            while (early_ns := self.start_ns + quote[1] - time.monotonic_ns()) > 0:
                await asyncio.sleep(early_ns / 1e9)
            encoded = {name: encode(quote, name, self.feed["payload_bytes"]) for name in LEAST_BYTES}
            self.held.append((encoded, time.monotonic()))
            self.newest = quote[0]
            self.news.set()  # wakes all who wait
            self.news = asyncio.Event()

    @property
    def oldest(self):
        return self.newest - len(self.held) + 1

    @property
    def hello(self):
        return {"epoch": self.epoch, "oldest": self.oldest, "newest": self.newest}

    @property
    def health(self):
        return {"software": self.software, "start_ns": self.start_ns, **self.hello, "feed": self.feed}

    def begin(self, query):
        """The quote after which a reader begins, and the gap before it, if there is one."""
        oldest, epoch = self.oldest, query.after.partition(".")[0]
        if query.after in ("", "0"):
            return (oldest - 1 if query.after else self.newest), None
        seq = int(query.after.partition(".")[2])
        if epoch != self.epoch:
            return oldest - 1, {"reason": "epoch", "first": 1, "last": oldest - 1}
        if seq > self.newest:
            raise Refused(f"`{query.after}` is ahead of the newest quote: allowed is up to {self.epoch}.{self.newest}")
        if seq + 1 < oldest and query.delivery == "every":
            return oldest - 1, {"reason": "evicted", "first": seq + 1, "last": oldest - 1}
        return seq, None

    def read(self, after, query, most=10_000):
        """Numbers and payloads of what comes after quote `after`."""
        first = max(after + 1, self.oldest) if query.delivery == "every" else max(after + 1, self.newest)
        return [(seq, self.held[seq - self.oldest][0][query.encoding]) for seq in range(first, self.newest + 1)[:most]]

    async def poll(self, query):
        """What a poll gets, held or not, and the cursor to go on from."""
        after, gap = self.begin(query)
        if gap:
            cursor = f"{self.epoch}.{gap['last']}"
            raise Refused(f"go on with after={cursor}", 410, epoch=self.epoch, oldest=gap["last"] + 1, gap=gap, next=cursor)
        if query.wait:
            end = time.monotonic() + query.wait
            await asyncio.sleep(min(query.interval, query.wait))
            while self.newest <= after and (left := end - time.monotonic()) > 0:
                await self.news_within(left)
        elif query.interval and self.oldest <= after and time.monotonic() - self.held[after - self.oldest][1] < query.interval:
            return [], f"{self.epoch}.{after}"
        quotes = self.read(after, query)
        return [payload for _, payload in quotes], f"{self.epoch}.{quotes[-1][0] if quotes else after}"

    async def stream(self, query, after, heartbeat_s=None):
        """What is pushed, for ever: lists of (seq, payload), a gap, or None when nothing went out for `heartbeat_s`."""
        due = last = time.monotonic()
        while True:
            now = time.monotonic()
            if self.newest > after and now >= due:
                if query.delivery == "every" and after + 1 < self.oldest:
                    gap, after = {"reason": "evicted", "first": after + 1, "last": self.oldest - 1}, self.oldest - 1
                    yield gap
                quotes = self.read(after, query, 64)
                after, last, due = quotes[-1][0], now, max(due + query.interval, now)
                yield quotes
            elif heartbeat_s and now >= last + heartbeat_s:
                last = now
                yield None
            else:
                until = min(due if due > now else now + 3600, last + heartbeat_s if heartbeat_s else now + 3600)
                await (asyncio.sleep(until - now) if due > now else self.news_within(until - now))

    async def news_within(self, seconds):
        try:
            await asyncio.wait_for(self.news.wait(), seconds)
        except TimeoutError:
            pass

    def acknowledge(self, order):
        """The acknowledgement of an order, which is JSON's value and may be anything."""
        if not isinstance(order, dict) or order.keys() != {"id", "symbol", "size"}:
            raise Refused('this is no order: allowed is {"id":"a1","symbol":"ALFA","size":100}')
        if not (isinstance(order["id"], str) and 1 <= len(order["id"]) <= 64):
            raise Refused("the order's id must have 1 to 64 characters")
        if order["symbol"] not in SYMBOLS[: self.feed["symbols"]]:
            raise Refused(f"allowed symbols are {', '.join(SYMBOLS[: self.feed['symbols']])}")
        if type(order["size"]) is not int or order["size"] < 1:
            raise Refused("allowed is a size of at least 1")
        return {"id": order["id"]}

    def reply(self, text):
        """The answer to a message on a socket."""
        try:
            message = json.loads(text)
            if not isinstance(message, dict) or message.keys() != {"order"}:
                raise Refused('only {"order":…} is allowed from a client')
            return json.dumps({"ack": self.acknowledge(message["order"])})
        except (ValueError, TypeError, RecursionError, Refused) as error:
            return json.dumps({"error": error.body["error"] if isinstance(error, Refused) else f"no JSON: {error}"})
