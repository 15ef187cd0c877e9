"""Which quote is due when, and how it is written: what the feed's specification fixes. As servers/contract/src/plan.rs and
encoding.rs, so that everyone who knows the specification knows when each quote was due."""

import math
import struct

SYMBOLS = "ALFA BRVO CHRL DLTA ECHO FOXT GOLF HOTL INDI JULI KILO LIMA MIKE NOVE OSCR PAPA".split()
LEAST_BYTES = {"json": 120, "binary": 24, "tick": 20}


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = (self.state ^ (self.state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) / 2**53

    def exponential(self):
        return -math.log(1 - self.uniform())

    def normal(self):
        return math.sqrt(2 * self.exponential()) * math.cos(2 * math.pi * self.uniform())


def plan(feed):
    """The endless (seq, due in ns since the start, symbol, price in 1/10,000, size) that `feed` fixes."""
    seeds = SplitMix64(feed["seed"])
    times, prices = SplitMix64(seeds.next()), SplitMix64(seeds.next())
    state = [(50 + 200 * prices.uniform(), 0.0) for _ in range(feed["symbols"])]
    due_s, seq = 0.0, 0
    while True:
        seq += 1
        gap_s = 1 / feed["rate_per_s"]
        due_s = seq * gap_s if feed["arrivals"] == "periodic" else due_s + gap_s * times.exponential()
        symbol = (seq - 1) % feed["symbols"]
        price, since_s = state[symbol]
        variance = 0.002**2 * (due_s - since_s)
        price *= math.exp(math.sqrt(variance) * prices.normal() - variance / 2)
        state[symbol] = price, due_s
        yield seq, round(due_s * 1e9), SYMBOLS[symbol], round(price * 10_000), 1 + (prices.next() * 10_000 >> 64)


def encode(quote, encoding, payload_bytes):
    seq, time_ns, symbol, price, size = quote
    width = max(payload_bytes, LEAST_BYTES[encoding])
    if encoding == "binary":
        return struct.pack("<QQII", seq, time_ns, price, size).ljust(width, b"\0")
    if encoding == "tick":
        return f"{seq:010} {price // 10_000:04}.{price % 10_000:04}".ljust(width)
    text = f'{{"seq":{seq},"time_ns":{time_ns},"symbol":"{symbol}","price":{price / 10_000:.4f},"size":{size},"pad":"'
    return text.ljust(width - 2, ".") + '"}'
