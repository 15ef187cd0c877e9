"""Races in headless Chromium, as a class would: starts `wirerace demo`, turns its knobs, presses its keys, hides its tab.

    check_demo.py WIRERACE [--axe axe.min.js] [--pictures DIR] [--only NAME…] [--minutes N] [--page-dir DIR]

`--only` runs the checks named; `--minutes` lets the check of memory run so long and judges by how much it grows a minute (ten
minutes as the page promises; without it two samples ten seconds apart find only what is kept for each quote). A check that finds
faults while others had the processors is made again; where that does not help, times alone (start-up, frames a second, agreement)
are not judged: what is lost, and memory that grows, always are. Needs Python's `websockets` and a Chromium.
"""

import argparse
import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import check_demo_deeds as deeds
import check_demo_looks as looks
import check_demo_race as race
from check_demo_driver import CONTROL, Demo, Timed, foreign, processor
from check_report import CHROMIUM, FLAGS, Page, tab
from websockets.sync.client import connect

# As with trials: above this share of a processor that others take, what is found may be theirs.
FOREIGN_MAX = 0.15
TRIES = 3
START_TO_MOTION_S = 5
# A race has ten minutes at most; of fewer than four, memory leaves too few samples for a line.
MINUTES = (4, 10)


def serve(arguments):
    """The demo as a process of its own, and its address."""
    page = ["--page-dir", arguments.page_dir] if arguments.page_dir else []
    command = [arguments.wirerace, "demo", "--port", "0", "--no-open", *page]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if found := re.search(r"http://[\d.]+:\d+/", line):
            return process, found[0]
    sys.exit(f"{' '.join(command)} gave no address")


def run_all(arguments):
    """Every check, or those named. Gives how many faults there are."""
    axe = arguments.axe.read_text() if arguments.axe else None
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    checks = {
        "equal": race.check_equal, "knobs": race.check_knobs, "hidden": race.check_hidden,
        "asleep": race.check_asleep,
        "keys": deeds.check_keys, "prediction": deeds.check_prediction, "presets": deeds.check_presets,
        "ending": deeds.check_ending, "handover": deeds.check_handover,
        "reload": deeds.check_reload,
        "seventh": deeds.check_seventh, "calm": deeds.check_calm, "tabs": deeds.check_tabs,
        "pause": looks.check_pause, "pictures": looks.check_pictures, "look": lambda demo: looks.check_look(demo, axe),
        "frames": lambda demo: race.check_frames(demo, arguments.minutes),
        "agreement": lambda demo: race.check_agreement(demo, arguments.wirerace),
    }
    names = arguments.only or ["motion", *checks]
    unknown = set(names) - {"motion", *checks}
    if unknown:
        sys.exit(f"no check is named {', '.join(sorted(unknown))}: there are motion, {', '.join(checks)}")
    # By itself: it starts a demo and a browser of its own, and another browser would take time from them.
    failed = run_one("motion", lambda left: check_motion(arguments, left)) if "motion" in names else 0
    names = [name for name in names if name != "motion"]
    return failed + run_on_one_page(arguments, {name: checks[name] for name in names}) if names else failed


def run_on_one_page(arguments, checks):
    """These checks, one after another in one browser. Gives how many faults there are."""
    server, url = serve(arguments)
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [*FLAGS, f"--user-data-dir={profile}"]
        browser = subprocess.Popen([CHROMIUM, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            demo = Demo(url, tab(profile, browser), root(profile), arguments.pictures)
            for name, check in checks.items():
                failed += run_one(name, lambda left, name=name, check=check: attempt(demo, name, check))
        finally:
            end(browser)
            end(server)
    return failed


def end(process):
    process.terminate()
    process.wait(timeout=20)


def run_one(name, made):
    """A check, made again where others had the processors meanwhile. Gives how many faults there are."""
    for again in range(TRIES):
        # What a check leaves running is ended when the time that it took has been counted as ours.
        with contextlib.ExitStack() as left:
            before, began = processor(), time.monotonic()
            faults = made(left)
            share = foreign(before, processor(), time.monotonic() - began)
        if not faults or share <= FOREIGN_MAX:
            break
        print(f"  others took {100 * share:.0f} % of a processor meanwhile{', once more' if again + 1 < TRIES else ''}: {faults}")
    timed = [fault for fault in faults if isinstance(fault, Timed)]
    if timed and share > FOREIGN_MAX:
        print(f"{name}: times not judged, others took {100 * share:.0f} % of a processor: run it on a machine that does nothing else")
        faults = [fault for fault in faults if fault not in timed]
        if not faults:
            return 0
    print(f"{name}: {'sound' if not faults else f'{len(faults)} faults'}", flush=True)
    for fault in faults:
        print("  " + fault, flush=True)
    return len(faults)


def attempt(demo, name, check):
    demo.size(1280, 720)
    demo.colours("light")
    demo.open()
    try:
        faults = check(demo)
    except AssertionError as failure:
        faults = [str(failure)]
        demo.shot(f"failed-{name}")
    ours = "asked the network for http://127.0.0.1:"
    return faults + [complaint for complaint in demo.page.complaints(demo.url) if not complaint.startswith(ours)]


def check_motion(arguments, left):
    """From the command to the first quote on the last lane, in a browser that has never run: as in front of a class."""
    began = time.monotonic()
    server, url = serve(arguments)
    left.callback(end, server)
    served = time.monotonic()
    profile = left.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", url]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    left.callback(end, browser)
    try:
        demo = Demo(url, own_tab(profile, browser, url), None, None)
        demo.until(CONTROL, "control")
        shown = time.monotonic()
        demo.start()
        demo.until("[...document.querySelectorAll('.lane')].every((lane) => Number(lane.dataset.seq) > 0)", "every lane's first quote")
        moved = time.monotonic()
    except AssertionError as failure:
        return [str(failure)]
    parts = f"the demo {served - began:.1f} s, browser and page {shown - served:.1f} s, the race to every lane's first quote {moved - shown:.1f} s"
    print(f"  from the command to motion: {moved - began:.1f} s ({parts})")
    if moved - began > START_TO_MOTION_S:
        return [Timed(f"{moved - began:.1f} s from the command to motion, at most {START_TO_MOTION_S}: {parts}")]
    return []


def own_tab(profile, browser, url):
    """The tab that the browser opened by itself, once the page is in it."""
    port_file, deadline = pathlib.Path(profile) / "DevToolsActivePort", time.monotonic() + 30
    while True:
        if browser.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("Chromium did not open the page")
        if port_file.is_file() and len(port_file.read_text().split()) == 2:
            break
        time.sleep(0.02)
    devtools = root(profile)
    while True:
        targets = devtools.call("Target.getTargets")["targetInfos"]
        tabs = [target["targetId"] for target in targets if target["type"] == "page" and target["url"] == url]
        if tabs:
            page = Page(connect(f"ws://127.0.0.1:{devtools.port}/devtools/page/{tabs[0]}", max_size=None, proxy=None))
            try:
                if page.run("location.href") == url:
                    return page
            except RuntimeError:
                pass  # between the empty tab and the page
            page.socket.close()
        if time.monotonic() > deadline:
            raise AssertionError("Chromium did not open the page")
        time.sleep(0.02)


def root(profile):
    """The browser itself, for tabs and contexts."""
    port, path = (pathlib.Path(profile) / "DevToolsActivePort").read_text().split()
    browser = Page(connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None))
    browser.port = port
    return browser


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wirerace")
    parser.add_argument("--axe", type=pathlib.Path, help="axe.min.js of the package axe-core")
    parser.add_argument("--pictures", type=pathlib.Path, help="where screenshots go")
    parser.add_argument("--only", nargs="+", help="names of checks")
    parser.add_argument("--minutes", type=float, default=0, help="how long memory is watched: 4 to 10")
    parser.add_argument("--page-dir", help="the page from this folder instead of the one in the binary")
    arguments = parser.parse_args()
    if arguments.minutes and not MINUTES[0] <= arguments.minutes <= MINUTES[1]:
        parser.error(f"--minutes {arguments.minutes:g}: allowed are {MINUTES[0]} to {MINUTES[1]}")
    if CHROMIUM is None:
        sys.exit("Chromium is missing: install the package chromium")
    sys.exit(1 if run_all(arguments) else 0)


if __name__ == "__main__":
    main()
