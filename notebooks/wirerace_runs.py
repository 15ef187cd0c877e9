"""Loads a run's files: summary.csv and summary.json, trials.jsonl, manifest.json. No Rust, nothing computed that they do not say.

`load()` takes the recorded reference run; the environment variable WIRERACE_RUN, or an argument, names another folder.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).resolve().parent.parent / "results"
RECORDED = "2026-11-20-transports-published"
FRONTIER = "2026-11-30-frontier"
LATENESS = "2026-11-30-lateness"
LANES = ["poll-close", "poll", "long-poll", "sse", "ws"]


@dataclass
class Run:
    """One run."""

    name: str
    folder: Path
    summary: pd.DataFrame  # a row per cell, arm and quantity
    curves: pd.DataFrame  # lateness at each quantile, measured and by the suite's own theory
    comparisons: pd.DataFrame  # two arms in one quantity
    trials: pd.DataFrame  # a row per trial that is used
    manifest: dict

    @property
    def counts_only(self):
        """Whether only what is counted is to be read off the first cell, and no time."""
        return bool(self.manifest["cells"][0].get("exact"))

    @property
    def is_recorded(self):
        return self.name == RECORDED

    @property
    def cells(self):
        """Names of the cells, in their order."""
        return list(dict.fromkeys(self.summary.cell))

    def value(self, arm, quantity, column="median", cell=None):
        """One figure; NaN where there is none."""
        rows = self.summary
        rows = rows[(rows.cell == (cell or self.cells[0])) & (rows.arm == arm) & (rows.quantity == quantity)]
        return float(rows[column].iloc[0]) if len(rows) else float("nan")

    def spread(self, arm, quantity, cell=None):
        """A figure with its interval: (median, low, high)."""
        return tuple(self.value(arm, quantity, column, cell) for column in ("median", "low", "high"))

    def arms(self, cell=None):
        """Names of the arms in a cell that have a trial, in the order of the run."""
        rows = self.summary[(self.summary.cell == (cell or self.cells[0])) & (self.summary.n > 0)]
        return list(dict.fromkeys(rows.arm))


def load(folder=None):
    """The run in `folder`, or the one that WIRERACE_RUN names, or the recorded one."""
    folder = Path(folder or os.environ.get("WIRERACE_RUN") or RESULTS / RECORDED).resolve()
    if not (folder / "summary.csv").is_file():
        raise FileNotFoundError(
            f"no run in {folder.name}: there is no summary.csv; name a folder that `wirerace run` left, or unset WIRERACE_RUN"
        )
    summary = json.loads((folder / "summary.json").read_text())
    trials = _trials(folder / "trials.jsonl", {cell["name"] for cell in summary["cells"] if cell.get("exact")})
    if trials.empty:
        raise ValueError(f"no trial of {folder.name} can be used, all are tainted or void: take another run, or unset WIRERACE_RUN")
    return Run(
        name=folder.name,
        folder=folder,
        summary=pd.read_csv(folder / "summary.csv"),
        curves=_curves(summary),
        comparisons=_comparisons(summary),
        trials=trials,
        manifest=json.loads((folder / "manifest.json").read_text()),
    )


def conditions(run):
    """One sentence on what the figures hold for."""
    arms = ", ".join(run.arms())
    cells = run.cells[0] if len(run.cells) == 1 else f"{len(run.cells)} cells, the first {run.cells[0]}"
    blocks, seed = run.manifest["blocks"], run.manifest["seed"]
    return f"{run.name}: {cells}; arms {arms}; {len(run.trials)} trials used, {blocks} block(s) planned, seed {seed}."


def _curves(summary):
    rows = []
    for cell in summary["cells"]:
        for arm in cell["arms"]:
            for source, curve in (("measured", arm["lateness"]), ("theory", arm.get("theory"))):
                for point in (curve or {}).get("curve") or []:
                    rows.append((cell["name"], arm["arm"], source, point["quantile"], _number(point["lateness_ms"])))
    return pd.DataFrame(rows, columns=["cell", "arm", "source", "quantile", "lateness_ms"])


def _comparisons(summary):
    rows = []
    for cell in summary["cells"]:
        for c in cell["comparisons"]:
            low, high = (_number(c["interval"][end]) if c["interval"] else None for end in ("low", "high"))
            row = (cell["name"], c["quantity"], c["left"], c["right"], c["scale"], _number(c["estimate"]), low, high, c["outcome"])
            rows.append(row)
    columns = ["cell", "quantity", "left", "right", "scale", "estimate", "low", "high", "outcome"]
    return pd.DataFrame(rows, columns=columns)


def _number(value):
    """JSON has no infinity: the files write a word."""
    return {"infinite": float("inf"), "-infinite": float("-inf")}.get(value, value)


# Of a trial that was disturbed by more than this share of one processor nothing is used: the rule of bench/src/summary/used.rs.
DISTURBED_SHARE_MAX = 0.25


def disturbed_share(measured):
    """What was stolen and what other processes used together, as a share of one processor; None where it is not measured."""
    cpu, link = measured.get("cpu") or {}, measured.get("link") or {}
    if cpu.get("machine_us") is None or cpu.get("steal_us") is None:
        return None
    # The thread of an emulated link is no foreign load.
    own_us = cpu["server_us"] + cpu["load_us"] + link.get("cpu_us", 0)
    return (cpu["steal_us"] + max(0, cpu["machine_us"] - own_us)) / max(1, cpu["wall_us"])


def _usable(trial, exact):
    """What is counted is not touched by a machine that is a little busy, so that exact cells use tainted trials too."""
    if not trial["measured"]:
        return False
    if trial["standing"] == "tainted" and exact:
        share = disturbed_share(trial["measured"])
        return share is not None and share <= DISTURBED_SHARE_MAX
    return trial["standing"] == "valid"


def _rank(trial):
    """What is preferred of one block: what is valid, and of that the last attempt."""
    return trial["standing"] == "valid", trial["attempt"]


def _trials(path, exact_cells):
    """The trials that summaries use, one of each block and arm."""
    used = {}
    for line in path.read_text().splitlines():
        trial = json.loads(line) if line.strip() else None
        if trial and _usable(trial, trial["cell"] in exact_cells):
            key = trial["cell"], trial["block"], trial["arm"]["name"]
            used[key] = max(used.get(key, trial), trial, key=_rank)
    return pd.DataFrame([_row(trial) for trial in used.values()])


def _row(trial):
    measured, load = trial["measured"], trial["load"]
    client, server, ledger = measured["client"], measured["server"], measured["ledger"]
    window, arm = client["window"], trial["arm"]
    # Files of older versions do not count who connected: there all did.
    clients = client.get("clients_connected") or load["clients"]
    start_s = window["start_offset_ns"] / 1e9
    after_start_s = (server["drained"]["taken_ns"] - server["window_start"]["taken_ns"]) / 1e9
    layers = {
        f"{way}_{layer}": amount
        for way in ("to_client", "to_server", "set_up")
        for layer, amount in ledger[way].items()
    }
    return {
        "cell": trial["cell"],
        "block": trial["block"],
        "arm": arm["name"],
        "transport": arm["transport"],
        "closed": arm["connection"] == "closed",
        "delivery": arm["delivery"],
        "encoding": arm["encoding"],
        "interval_s": arm["interval_ms"] / 1e3,
        "delay_s": one_way_s(load["path"]),
        "heads_as_they_come": not any(load.get("heads", {}).values()),
        "payload_bytes": load["feed"]["payload_bytes"] or 120,
        "symbols": load["feed"]["symbols"],
        "arrivals": load["feed"]["arrivals"],
        "clients": clients,
        "quotes_each": client["quotes"]["planned"] / clients,
        "received": client["quotes"]["received"],
        "feed_s": window["end_offset_ns"] / 1e9,
        "window_s": (window["end_offset_ns"] - window["start_offset_ns"]) / 1e9,
        "window_quotes_each": client["window_quotes"]["planned"] / clients,
        "asked_s": start_s + after_start_s,
        "requests": server["closed"]["meter"]["requests"],
        "connections": server["closed"]["meter"]["connections_accepted"],
        "polls_empty": client["traffic"]["polls_empty"],
        "head_bytes_down": server["closed"]["meter"]["first_head_bytes_out"],
        "head_bytes_up": server["closed"]["meter"]["first_head_bytes_in"],
        # The times of a tainted trial say nothing.
        "lateness_mean_ms": ((trial["standing"] == "valid" and client["lateness"]["mean_ns"]) or float("nan")) / 1e6,
        **layers,
    }


def one_way_s(path):
    """d of a trial's path, seconds: `loopback`, or a table with the delay of a link or of the server."""
    if isinstance(path, str):
        return 0.0
    return next(iter(path.values()))["one_way_delay_us"] / 1e6


def theory_covers(trials):
    """The trials that the formulas here speak of: every quote as JSON, heads as they come, Poisson feed, the five default lanes."""
    plain = trials[
        (trials.delivery == "every")
        & (trials.encoding == "json")
        & trials.heads_as_they_come
        & (trials.arrivals == "poisson")
        & (trials.received > 0)
    ].copy()
    lanes = {("polling", True): "poll-close", ("polling", False): "poll", ("long_polling", False): "long-poll", ("sse", False): "sse", ("websocket", False): "ws"}
    plain["lane"] = [lanes.get((t, bool(c))) for t, c in zip(plain.transport, plain.closed)]
    return plain[plain.lane.notna()]


@dataclass
class SweptArm:
    """One arm in one cell of a sweep."""

    cell: str
    arm: str
    lane: str
    newest: bool  # else every quote
    interval_s: float  # T; 0 where nothing is asked or conflated
    payload_bytes: int
    rate: float  # quotes a second that came over the whole feed; the median over trials
    window_rate: float  # the same within the window, in which times are taken


def one_symbol_arms(run):
    """The arms of each cell that the formulas for the newest quote speak of, with those beside them that deliver every quote: one
    symbol as JSON, heads as they come, Poisson feed, kept connections, no distance."""
    lanes = {"polling": "poll", "long_polling": "long-poll", "sse": "sse", "websocket": "ws"}
    trials = run.trials
    plain = trials[
        (trials.symbols == 1)
        & (trials.encoding == "json")
        & trials.heads_as_they_come
        & (trials.arrivals == "poisson")
        & ~trials.closed
        & (trials.delay_s == 0)
        & (trials.received > 0)
        & trials.transport.isin(list(lanes))
    ]
    found = []
    for (cell, arm), mine in plain.groupby(["cell", "arm"], sort=False):
        one = mine.iloc[0]
        rate, window_rate = (mine.quotes_each / mine.feed_s).median(), (mine.window_quotes_each / mine.window_s).median()
        is_newest = one.delivery == "newest"
        found.append(SweptArm(cell, arm, lanes[one.transport], is_newest, one.interval_s, one.payload_bytes, rate, window_rate))
    return found


def exchanges(path=None):
    """Recorded exchanges as {title: [(direction, bytes, text)]}; direction is `-->`, `<--` or `server`."""
    text = (path or RESULTS / "claims.exchanges.txt").read_text()
    found, title = {}, None
    for line in text.splitlines():
        if line.startswith("== "):
            title = line[3:]
            found[title] = []
        elif line.startswith("connection "):
            _, _, direction, size, _ = line.split()
            found[title].append([direction, int(size), ""])
        elif line.startswith("server: "):
            found[title].append(["server", 0, line[8:]])
        elif line.startswith("    "):
            found[title][-1][2] += line[4:]
    return found


def raw(text):
    """The bytes of a recorded text: it is written with \\r, \\n, \\" and \\x.. spelled out."""
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
