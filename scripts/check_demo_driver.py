"""The page of `wirerace demo` in headless Chromium: knobs, keys, tabs, and what it shows. Used by check_demo.py."""

import base64
import os
import pathlib
import re
import time

from check_report import Page
from websockets.sync.client import connect

LANES = ["poll-close", "poll", "long-poll", "sse", "ws"]
# What the page posts at the end of a race is kept for us.
KEEP_POSTED = """(() => {
    const real = window.fetch;
    window.fetch = (url, options) => {
        if (url === "/run") window.posted = JSON.parse(options.body);
        const answer = real(url, options);
        if (url === "/run") answer.then((response) => response.clone().json()).then((json) => { window.answered = json; }, () => {});
        return answer;
    };
})()"""
# The page is there, and this tab may start a race.
CONTROL = "document.body?.dataset.role === 'control' && document.body.dataset.runState !== 'connecting'"


class Timed(str):
    """A fault of nothing but times: like a tainted trial, it is not used where others had the processors all the while."""


class Demo:
    """The server, and its page in one tab."""

    def __init__(self, url, page, browser_socket, pictures):
        self.url, self.page, self.browser, self.pictures = url, page, browser_socket, pictures

    def open(self):
        self.page.open(self.url)
        self.page.run(KEEP_POSTED)
        self.until(CONTROL, "control")

    def until(self, condition, what, seconds=20, page=None):
        """Waits until a script is true, and fails when it does not become so."""
        deadline = time.monotonic() + seconds
        while not (page or self.page).run(condition):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.05)

    def set(self, **knobs):
        """Types into the knobs and waits until the server has taken each."""
        for name, value in knobs.items():
            if name == "delivery":
                self.page.run(f"document.querySelector('[name=delivery][value={value}]').click()")
                self.until(f"document.querySelector('[name=delivery][value={value}]').checked", f"delivery {value}")
                time.sleep(0.2)
                continue
            self.page.run(f"""(() => {{ const field = document.forms.knobs.elements.{name};
                field.value = "{value}"; field.dispatchEvent(new Event("change", {{ bubbles: true }})); }})()""")
            time.sleep(0.2)

    def start(self):
        self.page.run("window.posted = window.answered = null; document.getElementById('go').click()")
        self.until("document.body.dataset.runState === 'running'", "a race")

    def rest(self, seconds):
        """Sleeps, and takes what the browser says meanwhile: unread, it would end the connection."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.5)
            self.page.run("0")

    def lane(self, name, lane="ws"):
        return self.page.run(f"document.querySelector('#lane-{lane}').dataset.{name}")

    def text(self, part, lane="ws"):
        return self.page.run(f"document.querySelector('#lane-{lane} .{part}').textContent")

    def seq(self, lane="ws"):
        return int(self.lane("seq", lane))

    def race(self, seconds=None, quotes=None):
        """A whole race of some seconds, or until there are so many quotes; what was posted and answered."""
        self.start()
        self.stop_after(seconds, quotes)
        return self.finish()

    def stop_after(self, seconds=None, quotes=None):
        if quotes:
            self.until(f"Number(document.querySelector('#lane-ws').dataset.seq) >= {quotes}", f"{quotes} quotes", 60)
        else:
            self.until("Number(document.querySelector('#lane-ws').dataset.seq) >= 1", "a first quote", 30)
            time.sleep(seconds)

    def finish(self):
        self.page.run("document.body.dataset.runState === 'running' && document.getElementById('go').click()")
        self.until("document.body.dataset.runState === 'done'", "the verdict", 30)
        self.until("window.posted || document.querySelector('#verdict').innerText.includes('too short')", "the posted run", 10)
        return self.page.run("window.posted"), self.page.run("window.answered")

    def key(self, key, code=None, text=None):
        """A real key, through the browser."""
        shared = {"key": key, "code": code or "", "windowsVirtualKeyCode": ord(key.upper()) if len(key) == 1 else {"Escape": 27, "Tab": 9}[key]}
        self.page.call("Input.dispatchKeyEvent", type="keyDown", **shared, **({"text": text or key} if len(key) == 1 else {}))
        self.page.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def size(self, width, height):
        self.page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def colours(self, scheme, motion="no-preference"):
        features = [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": motion}]
        self.page.call("Emulation.setEmulatedMedia", media="", features=features)

    def shot(self, name):
        if self.pictures:
            data = self.page.call("Page.captureScreenshot", format="png")["data"]
            (self.pictures / f"{name}.png").write_bytes(base64.b64decode(data))

    def another(self, **context):
        """Another tab with the page; in a browser of its own where a context is given."""
        target = self.browser.call("Target.createTarget", url="about:blank", **context)["targetId"]
        port = self.browser.port
        page = Page(connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", max_size=None, proxy=None))
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        return target, page

    def front(self, target):
        self.browser.call("Target.activateTarget", targetId=target)


def ticks(stat):
    """Ticks of processor time in a line of /proc/PID/stat, with those of its children that have ended, and the parent."""
    fields = stat.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]), int(fields[1])


def processor():
    """Ticks that all processors were busy, and those of this process and all that it has started."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    busy = sum(fields[:3]) + sum(fields[5:8])
    known = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            known[int(path.parent.name)] = ticks(path.read_text())
        except OSError:
            continue  # ended meanwhile
    own = 0
    for process in known:
        line, at = [], process
        while at in known and at not in line:
            line.append(at)
            at = known[at][1]
        own += known[process][0] if os.getpid() in line else 0
    return busy, own


def foreign(before, after, seconds):
    """How much of a processor others have taken, as a share of one."""
    return max(0.0, (after[0] - before[0]) - (after[1] - before[1])) / os.sysconf("SC_CLK_TCK") / seconds


def figure(text):
    """Milliseconds of a text like `+12.3 ms`, `700 µs`, `first`."""
    found = re.search(r"([\d.,]+) (µs|ms|s)\b", text)
    if not found:
        return 0.0 if text == "first" else float("nan")
    return float(found[1].replace(",", "")) * {"µs": 1e-3, "ms": 1, "s": 1e3}[found[2]]


def number(text):
    return float(text.replace(",", "").split(" ")[0])


def layer(demo, lane, column):
    """A figure of the table of bytes by layer."""
    row = LANES.index(lane)
    return number(demo.page.run(f"document.querySelector('#bytes-table').tBodies[0].rows[{row}].cells[{column}].textContent"))
