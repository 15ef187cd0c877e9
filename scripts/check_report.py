"""Opens reports in headless Chromium, as readers do: wide and narrow, light and dark, printed, without scripts.

    check_report.py REPORT.html… [--brief REPORT.html…] [--axe axe.min.js] [--pictures DIR]

Fails on a page that scrolls sideways, writes to the console, asks the network for anything, has a serious finding of
axe-core (where its file is given), whose tables do not sort, whose charts do not tell their values, or whose buttons do
not do what they say. Pages after `--brief` are large, and alike but for their pictures: they are looked at in fewer ways,
neither printed nor without scripts. Needs Python's `websockets` and a Chromium.
"""

import argparse
import base64
import concurrent.futures
import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import typing
import xml.etree.ElementTree as xml

from websockets.sync.client import connect

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--hide-scrollbars",
    "--remote-debugging-port=0",
]
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844), "640": (640, 900), "1600": (1600, 1000)}
COLOURS = ("light", "dark")


class Depth(typing.NamedTuple):
    """In how many ways a page is looked at."""

    widths: tuple
    # Width and colour where axe looks: it takes long, and finds the same at the widths in between.
    axe: set
    # At which widths the page is also pictured as those see it who see no colours.
    grey: set
    # Whether it is also printed, and opened without scripts.
    bare: bool


WHOLE = Depth(tuple(WIDTHS), {(width, colour) for width in ("desktop", "phone") for colour in COLOURS}, {"640", "1600"}, True)
BRIEF = Depth(("desktop", "phone"), {("desktop", "light")}, {"desktop"}, False)
GRAVE = {"serious", "critical"}
# Seconds. axe takes its time on a table of a thousand rows.
PATIENCE = 120


class Page:
    """One tab, spoken to over Chrome's debugging protocol."""

    def __init__(self, socket):
        self.socket, self.number, self.events = socket, 0, []

    def call(self, method, **params):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=PATIENCE))
            if message.get("id") == self.number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)

    def wait(self, event):
        while not any(message.get("method") == event for message in self.events):
            self.events.append(json.loads(self.socket.recv(timeout=PATIENCE)))

    def run(self, script):
        """The value of a script; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "a script failed"))
        return result["result"].get("value")

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def complaints(self, url):
        """What the page wrote to the console or asked the network for."""
        for message in self.events:
            params = message.get("params", {})
            match message.get("method"):
                case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                    yield "console: " + " ".join(str(a.get("value", a.get("description"))) for a in params["args"])
                case "Runtime.exceptionThrown":
                    details = params["exceptionDetails"]
                    yield "exception: " + details.get("exception", {}).get("description", details["text"])
                case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                    yield "log: " + params["entry"]["text"]
                case "Network.requestWillBeSent":
                    asked = params["request"]["url"]
                    if asked.split("#")[0] != url and not asked.startswith(("blob:", "data:")):
                        yield f"asked the network for {asked}"


SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"
# What sticks out of the page, where it scrolls.
CULPRITS = """[...document.querySelectorAll("main *, header *")].filter((e) => !e.closest(".scroll") &&
    e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map((e) => e.tagName + ": " + e.textContent.slice(0, 60))"""
OPEN_ALL = "document.querySelectorAll('details').forEach((part) => { part.open = true; })"
AXE = """axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations.map((v) =>
    ({ impact: v.impact, id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)) })))"""


def shoot(page, file):
    file.write_bytes(base64.b64decode(page.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]))


def shoot_all(page, pictures, size, colour, grey):
    shoot(page, pictures / f"{size}-{colour}.png")
    if grey:
        page.call("Emulation.setEmulatedVisionDeficiency", type="achromatopsia")
        shoot(page, pictures / f"{size}-{colour}-grey.png")
        page.call("Emulation.setEmulatedVisionDeficiency", type="none")


def check_look(page, url, axe, pictures, depth, told):
    """Each width in each colour: fits, says nothing, is accessible. What is no fault goes to `told`."""
    faults = []
    for size in depth.widths:
        width, height = WIDTHS[size]
        for colour in COLOURS:
            name = f"{size}, {colour}"
            page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
            page.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": colour}])
            page.open(url)
            if pictures:
                shoot_all(page, pictures, size, colour, size in depth.grey)
            shown = page.run("window.innerWidth")
            if shown != width:
                faults.append(f"{name}: the page is shown {shown} px wide")
            for state in ("as it opens", "all unfolded"):
                over = page.run(SIDEWAYS)
                if over > 0:
                    faults.append(f"{name}, {state}: scrolls sideways by {over} px: {page.run(CULPRITS)}")
                page.run(OPEN_ALL)
            dark = page.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"
            if dark != (colour == "dark"):
                faults.append(f"{name}: the paper has the wrong colour")
            if axe and (size, colour) in depth.axe:
                page.run(axe)
                for found in page.run(AXE):
                    text = f"{name}: axe, {found['impact']}: {found['id']} ({found['help']}): {found['nodes']}"
                    if found["impact"] in GRAVE:
                        faults.append(text)
                    else:
                        told.append(text)
            faults += [f"{name}: {complaint}" for complaint in page.complaints(url)]
    return faults


# Every table of figures has buttons to sort it: not one on its side, whose rows are quantities of different units, nor one
# with a single row. The first whose second column has two values is tried.
SORT = """(() => {
    const heads = (table) => [...table.querySelectorAll("thead th")];
    const texts = (table) => [...table.tBodies[0].rows].map((row) => row.cells[1].textContent);
    const places = ["figure", "details", "#trials"].map((part) => part + " table:not(.turned)").join(", ");
    const tables = [...document.querySelectorAll(places)].filter((table) => table.tBodies[0].rows.length > 1);
    const sorts = (table) => table.matches("[data-sortable]") && heads(table).every((head) => head.querySelector("button"));
    const fixed = tables.filter((table) => !sorts(table)).map((table) => table.caption.textContent);
    const values = (table) => new Set(texts(table).filter((text) => text !== "" && text !== "–"));
    const table = tables.find((table) => sorts(table) && heads(table).length > 1 && values(table).size > 1);
    if (!table) return { fixed, tables: tables.length, tried: null };
    const button = heads(table)[1].querySelector("button");
    button.focus(); button.click();
    const up = texts(table), first = button.parentElement.getAttribute("aria-sort");
    button.click();
    const tried = { up, down: texts(table), first, second: button.parentElement.getAttribute("aria-sort"),
                    reached: document.activeElement === button };
    return { fixed, tables: tables.length, tried };
})()"""
# Same text as the button writes, caught on its way to the clipboard.
COPY = """(async () => {
    let copied = null;
    Object.defineProperty(navigator, "clipboard", { value: { writeText: (text) => { copied = text; return Promise.resolve(); } } });
    const figure = [...document.querySelectorAll("figure")].find((f) => f.querySelector("[data-take=svg]"));
    figure.querySelector("[data-take=markdown]").click();
    await Promise.resolve(); await Promise.resolve();
    return { copied, title: figure.querySelector("h4").textContent, rows: figure.querySelectorAll("tr").length,
             heard: document.querySelector("[role=status]").textContent, name: figure.querySelector(".tools").dataset.name };
})()"""
SERIES = "document.querySelectorAll('svg.chart g.series').length"
# Of each chart with series, whether a button for each of them tells what the series says; of the first also by keyboard.
READOUT = """(() => {
    const plain = (node) => node ? node.textContent.replace(/\\u00a0/g, " ").replace(/\\s+/g, " ").trim() : "";
    const charts = [...document.querySelectorAll("svg.chart")].filter((svg) => svg.querySelector("g.series"));
    const mute = [];
    for (const svg of charts) {
        const figure = svg.closest("figure"), readout = figure && figure.querySelector(".readout:not([hidden])");
        const says = [...svg.querySelectorAll("g.series")].map((part) => plain(part.querySelector(":scope > title")));
        const told = [...(readout ? readout.querySelectorAll("button") : [])].map((button) => {
            button.dispatchEvent(new Event("mouseenter"));
            const text = plain(readout.querySelector("span"));
            button.dispatchEvent(new Event("mouseleave"));
            return text;
        });
        if (says.includes("") || JSON.stringify(told) !== JSON.stringify(says)) {
            mute.push({ chart: plain(figure && figure.querySelector("h4")), says, told });
        }
    }
    const button = document.querySelector(".readout:not([hidden]) button");
    if (!button) return { series: charts.length, mute, first: null };
    button.focus();
    const figure = button.closest("figure");
    const first = { text: plain(figure.querySelector(".readout span")), picked: figure.querySelectorAll("g.pick").length };
    return { series: charts.length, mute, first };
})()"""
THEME = """(() => {
    const select = document.getElementById("theme");
    const paper = () => getComputedStyle(document.body).backgroundColor + getComputedStyle(document.querySelector("svg.chart rect")).fill;
    const seen = [];
    for (const value of ["dark", "light", ""]) {
        select.value = value; select.dispatchEvent(new Event("change")); seen.push(paper());
    }
    return seen;
})()"""


def check_deeds(page, url, folder):
    """What the script adds does what it says."""
    faults = []
    page.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "light"}])
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    page.open(url)
    page.run(OPEN_ALL)
    if page.run("document.querySelectorAll('svg.chart').length") == 0:
        return ["no chart is drawn in the page"]
    dark, light, system = page.run(THEME)
    if dark == light or light != system:
        faults.append(f"the switch of colours: {dark}, {light}, {system}")
    faults += check_sorting(page)
    copied = page.run(COPY)
    lines = (copied["copied"] or "").splitlines()
    # Head, dashes, rows: one line more than the table has.
    if copied["title"] not in lines[0] or sum(line.startswith("| ") or line.startswith("|-") or line.startswith("| -") for line in lines) != copied["rows"] + 1:
        faults.append(f"copied as Markdown: {copied}")
    if copied["heard"] != "Copied":
        faults.append(f"the status says {copied['heard']!r} after copying")
    faults += check_values(page)
    faults += check_downloads(page, folder, copied)
    return faults + list(page.complaints(url))


def check_sorting(page):
    found = page.run(SORT)
    faults = [f"a table that cannot be sorted: {caption}" for caption in found["fixed"]]
    tried = found["tried"]
    if tried is None:
        # A run without trials has nothing to sort.
        if page.run(SERIES):
            faults.append(f"of {found['tables']} tables with rows none could be sorted, though charts have series")
        return faults
    if (tried["first"], tried["second"]) != ("ascending", "descending") or not tried["reached"]:
        faults.append(f"sorting: {tried}")
    elif sorted(tried["up"]) != sorted(tried["down"]) or tried["up"] == tried["down"]:
        faults.append(f"sorting changes nothing, or loses rows: {tried}")
    return faults


def check_values(page):
    found = page.run(READOUT)
    faults = [f"a chart does not tell the values of its series: {chart}" for chart in found["mute"]]
    # A run without a usable trial has pictures without a series.
    first = found["first"]
    if (found["series"] or first) and (not first or first["picked"] != 1 or ":" not in first["text"]):
        faults.append(f"values by keyboard: {first}")
    return faults


def check_downloads(page, folder, copied):
    page.run("document.querySelector('[data-take=svg]').click()")
    page.run("document.querySelector('[data-take=svg]').parentElement.querySelector('[data-take=csv]').click()")
    svg, table = folder / f"{copied['name']}.svg", folder / f"{copied['name']}.csv"
    deadline = time.monotonic() + 20
    while not (svg.is_file() and table.is_file()):
        if time.monotonic() > deadline:
            return [f"the downloads did not come: {[path.name for path in folder.iterdir()]}"]
        time.sleep(0.05)
    texts = ["".join(node.itertext()) for node in xml.parse(svg).iter() if node.tag.endswith("}text")]
    rows = list(csv.reader(io.StringIO(table.read_text())))
    faults = []
    if copied["title"] not in texts:
        faults.append("the downloaded picture lacks its title")
    if len(rows) != copied["rows"] or len({len(row) for row in rows}) != 1:
        faults.append(f"the downloaded table has {len(rows)} rows of {copied['rows']}")
    return faults


def check_without_script(page, url):
    """All that is to be read is there, and nothing that would do nothing."""
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(url)
    seen = "[document.querySelector('.answer')].map((e) => e.offsetParent ? e.innerText : '')[0]"
    answer, idle = page.run(seen), page.run(
        "[...document.querySelectorAll('button, select')].filter((e) => e.offsetParent !== null).length"
    )
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    faults = [f"without scripts {idle} buttons are shown that do nothing"] if idle else []
    return faults if answer.strip() else [*faults, "without scripts there is no answer"]


def check_print(page, url, pictures):
    """Light, whatever the screen was, on A4, without buttons."""
    page.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    page.open(url)
    faults = []
    if page.run("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)":
        faults.append("the printed paper is not white")
    if page.run("[...document.querySelectorAll('button:not(.sort), nav')].filter((e) => e.offsetParent !== null).length"):
        faults.append("buttons or links of the screen are printed")
    page.call("Emulation.setEmulatedMedia", media="", features=[])
    pdf = base64.b64decode(page.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69)["data"])
    if pictures:
        (pictures / "print.pdf").write_bytes(pdf)
    return faults if pdf.startswith(b"%PDF") else [*faults, "printing failed"]


def check(page, report, axe, pictures, folder, depth, told):
    url = report.resolve().as_uri()
    faults = check_look(page, url, axe, pictures, depth, told)
    page.call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    faults += check_deeds(page, url, folder)
    if depth.bare:
        faults += check_without_script(page, url)
        faults += check_print(page, url, pictures)
    if report.stat().st_size >= 3_000_000:
        faults.append(f"{report.stat().st_size} bytes: at most 3 MB are allowed")
    return faults


def tab(profile, browser):
    """A connection to the browser's first tab, once it listens."""
    port_file, deadline = pathlib.Path(profile) / "DevToolsActivePort", time.monotonic() + 30
    while not port_file.is_file() or not port_file.read_text().strip():
        if browser.poll() is not None or time.monotonic() > deadline:
            sys.exit("Chromium did not start")
        time.sleep(0.05)
    port, path = port_file.read_text().split()
    with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as socket:
        target = Page(socket).call("Target.createTarget", url="about:blank")["targetId"]
    socket = connect(f"ws://127.0.0.1:{port}/devtools/page/{target}", max_size=None, proxy=None)
    page = Page(socket)
    for domain in ("Page", "Runtime", "Log", "Network"):
        page.call(f"{domain}.enable")
    return page


def opened(report, depth, axe, pictures):
    """What is wrong with a report in a browser of its own, what else there is to tell, and how long that took, seconds."""
    began, told = time.monotonic(), []
    pictures = pictures / report.resolve().parent.name if pictures else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    # Chromium's children may still write when it has ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, tempfile.TemporaryDirectory() as folder:
        flags = [*FLAGS, f"--user-data-dir={profile}"]
        browser = subprocess.Popen([CHROMIUM, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            faults = check(tab(profile, browser), report, axe, pictures, pathlib.Path(folder), depth, told)
        finally:
            browser.terminate()
            browser.wait(timeout=20)
    return faults, told, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="+", type=pathlib.Path)
    parser.add_argument("--brief", nargs="*", default=[], type=pathlib.Path, help="pages to look at in fewer ways")
    parser.add_argument("--axe", type=pathlib.Path, help="axe.min.js of the package axe-core")
    parser.add_argument("--pictures", type=pathlib.Path, help="where screenshots and the printed page go")
    arguments = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("Chromium is missing: install the package chromium")
    axe = arguments.axe.read_text() if arguments.axe else None
    failed = 0
    # How long it takes is of no interest here: as many pages at once as there are processors.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        pages = [(report, WHOLE) for report in arguments.reports] + [(report, BRIEF) for report in arguments.brief]
        looks = [(report, pool.submit(opened, report, depth, axe, arguments.pictures)) for report, depth in pages]
        for report, look in looks:
            faults, told, took_s = look.result()
            print(f"{report}: {'sound' if not faults else f'{len(faults)} faults'}, {took_s:.0f} s", flush=True)
            for fault in faults:
                print("  " + fault)
            for text in told:
                print("  not grave: " + text)
            failed += len(faults)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
