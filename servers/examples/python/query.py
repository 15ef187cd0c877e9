"""What may stand behind the question mark, and how it is refused: one sentence that says what is allowed."""

from dataclasses import dataclass

from plan import LEAST_BYTES

WAIT_S, WAIT_MAX_S, INTERVAL_MAX_MS = 30, 120, 3_600_000


class Refused(Exception):
    """A request that is answered `status` with a body of JSON: 400, or 410 for a gap."""

    def __init__(self, sentence, status=400, **more):
        self.status, self.body = status, {"error": sentence, **more}


@dataclass
class Query:
    after: str = ""
    wait: float = 0.0
    delivery: str = "every"
    interval: float = 0.0  # seconds; 0 for none
    encoding: str = "json"

    @classmethod
    def parse(cls, pairs, allowed):
        given = dict(pairs)
        if len(given) < len(pairs):
            raise Refused("a parameter stands there twice: allowed is once")
        if unknown := given.keys() - allowed:
            raise Refused(f"`{unknown.pop()}` is no parameter of this route: allowed are {', '.join(sorted(allowed))}")
        query = cls(given.get("after", ""), delivery=given.get("delivery", "every"), encoding=given.get("encoding", "json"))
        if "wait" in given:
            query.wait = number(given["wait"] or str(WAIT_S), "wait", 0, WAIT_MAX_S)
        if "interval" in given:
            query.interval = number(given["interval"], "interval", 1, INTERVAL_MAX_MS) / 1000
        if query.delivery not in ("every", "newest") or query.encoding not in LEAST_BYTES:
            raise Refused("allowed are delivery=every, newest and encoding=json, binary, tick")
        if query.interval and query.delivery == "every":
            raise Refused("`interval` is only allowed together with delivery=newest")
        if "after" in given and query.after != "0":
            epoch, _, seq = query.after.partition(".")
            if len(epoch) != 4 or not (seq.isascii() and seq.isdigit() and len(seq) <= 20):
                raise Refused(f"`{query.after}` is not a cursor: allowed are EPOCH.SEQ and 0")
        return query


def number(text, name, least, most):
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise Refused(f"`{name}={text}`: allowed are whole numbers from {least} to the maximum of {most}")
    return int(text)


def check_push(query):
    """A stream needs to know how far apart the newest quotes shall be."""
    if query.delivery == "newest" and not query.interval:
        raise Refused("delivery=newest needs `interval`, the least distance of two quotes in milliseconds")
