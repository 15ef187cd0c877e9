"""What `wirerace demo` measures: used by check_demo.py. Each check gives its faults."""

import math
import re
import statistics
import subprocess
import time

from check_demo_driver import LANES, Timed, figure, layer, number

FRAMES_MIN = 30
HEAP_KB_PER_MINUTE_MAX = 20
# In ten seconds the lanes show 10,000 quotes and make some 400 requests. So this finds what keeps an object for each quote of
# each lane (30 bytes and more), or 1 kB for each request. What grows slower it cannot see: that is what `--minutes` is for.
# The page was seen to grow by 10 to 20 kB a minute; the rest is room for garbage that is not gone yet.
HEAP_KB_IN_TEN_SECONDS_MAX = 300
AGREEMENT_RTT_MS = (0, 200)
# The page is one client, so its median depends on the instants at which it happens to poll. So many quotes, and so many of
# the suite's clients beside it, that this takes the two medians apart by a third of the tolerance at most (one standard
# deviation, by simulation: 2.4 ms of 11 for polls each 250 ms, 5.2 of 17 for those which a round trip of 200 ms makes each 500).
AGREEMENT_S = 60
AGREEMENT_RATE_PER_S = 40
AGREEMENT_CLIENTS = 8


def check_equal(demo):
    """All lanes show the same quotes, each once, none lost; the verdict and the download are there."""
    demo.set(rate_per_s=50, interval_ms=500, rtt_ms=30)
    posted, answered = demo.race(quotes=400)
    faults = []
    last = min(demo.seq(lane) for lane in LANES)
    seen = {lane: [seq for seq, _ in posted["lanes"][lane]["received"] if seq <= last] for lane in LANES}
    for lane in LANES:
        if seen[lane] != list(range(1, last + 1)):
            faults.append(f"{lane} shows other quotes than 1 to {last}: {len(seen[lane])} of them")
        if demo.lane("lost", lane) != "0":
            faults.append(f"{lane} has lost {demo.lane('lost', lane)}")
    if last < 400:
        faults.append(f"only {last} quotes by all lanes")
    if not answered or not answered.get("verdict"):
        faults.append(f"no verdict: {demo.page.run('document.querySelector(`#verdict`).innerText')}")
    else:
        file = demo.page.run(f"fetch('{answered['download']}').then((r) => r.ok ? r.text() : '')")
        faults += [] if file.startswith("{") else ["the download is no result file"]
        faults += compare_answer(demo, answered)
    return faults


def compare_answer(demo, answered):
    """The weak agreement: the server's figures of the posted arrivals against those that the page shows."""
    faults = []
    for lane in LANES:
        row = f"document.querySelector('#verdict tr[data-lane={lane}]')"
        page_ms = figure(demo.page.run(f"{row}.cells[1].textContent")) - figure(
            demo.page.run("document.querySelector('#verdict tr[data-lane=ws]').cells[1].textContent"))
        server_ms = answered["lanes"][lane]["p50_ms"] - answered["lanes"]["ws"]["p50_ms"]
        if abs(page_ms - server_ms) > 5 + 0.05 * abs(server_ms):
            faults.append(f"{lane}: {page_ms:.1f} ms after ws on the page, {server_ms:.1f} by the server's count")
    return faults


def check_knobs(demo):
    """Each knob changes what it says."""
    faults = []

    def expect(what, value, low, high):
        print(f"  {what}: {value:g}")
        if not low <= value <= high:
            faults.append(f"{what}: {value:g}, expected {low} to {high}")

    demo.set(rate_per_s=10, interval_ms=1000, rtt_ms=0, payload_bytes=120, cookie_bytes=0, seed=1)
    first = prices(demo)
    heads = layer(demo, "poll", 3) * demo.seq("poll") / number(demo.text("requests", "poll"))
    expect("payload of 120, bytes", layer(demo, "ws", 1), 120, 120)
    demo.finish()
    demo.set(rate_per_s=50, interval_ms=200, cookie_bytes=2000, payload_bytes=1000, seed=7)
    other = prices(demo)
    common = [seq for seq in first if seq in other]
    if not common or all(first[seq] == other[seq] for seq in common):
        faults.append(f"another seed gives the same prices: {first} {other}")
    before, asked, began = demo.seq(), number(demo.text("requests", "poll")), time.monotonic()
    time.sleep(4)
    took = time.monotonic() - began
    expect("50 quotes a second", (demo.seq() - before) / took, 35, 65)
    expect("polls a second each 200 ms", (number(demo.text("requests", "poll")) - asked) / took, 3.5, 5.5)
    expect("payload of 1000, bytes", layer(demo, "ws", 1), 1000, 1000)
    now = layer(demo, "poll", 3) * demo.seq("poll") / number(demo.text("requests", "poll"))
    expect("heads of a poll grow by a cookie of 2000, bytes", now - heads, 1700, 2400)
    demo.page.run("document.querySelector('[data-rtt=\"200\"]').click()")
    time.sleep(12)
    expect("staleness of the WebSocket over a round trip of 200 ms", figure(demo.text("stale")), 90, 190)
    if "Delayed path" not in demo.page.run("document.getElementById('path').textContent"):
        faults.append("the delayed path is not named")
    demo.set(rate_per_s=500)
    notes, field = demo.page.run("[document.getElementById('notes').textContent, document.forms.knobs.elements.rate_per_s.value]")
    if "200" not in notes or field != "200":
        faults.append(f"500 quotes a second are not clamped in words: {notes!r}, the field says {field}")
    demo.stop_after(seconds=1)
    demo.page.run("document.querySelector('[data-rtt=\"30\"]').click()")
    time.sleep(4)
    demo.finish()
    if "after the last turn" not in demo.page.run("document.querySelector('[data-more]').textContent"):
        faults.append("the verdict does not say what a knob turned in the race means for its figures")
    return faults + newest_only(demo)


def prices(demo):
    """A race's first prices of the shown symbol, by number of the quote. The race stays on."""
    demo.start()
    demo.until("Number(document.querySelector('#lane-ws').dataset.seq) >= 1", "a quote", 30)
    script = "[document.querySelector('#lane-ws .which').textContent, document.querySelector('#lane-ws .price').textContent]"
    seen, until = {}, time.monotonic() + 4
    while time.monotonic() < until:
        which, price = demo.page.run(script)
        if "#" in which:
            seen[which.split(" ·")[0]] = price
        time.sleep(0.05)
    return seen


def newest_only(demo):
    demo.set(rate_per_s=50, interval_ms=500, rtt_ms=0, payload_bytes=120, cookie_bytes=0, delivery="newest")
    posted, _ = demo.race(seconds=5)
    from_us, to_us = posted["window_us"]
    faults, most = [], (to_us - from_us) / 500_000 + 4
    for lane in LANES:
        count = len([at for _, at in posted["lanes"][lane]["received"] if from_us <= at <= to_us])
        if not 3 <= count <= most:
            faults.append(f"{lane}: {count} quotes of the newest each 500 ms, at most {most:.0f}")
        if demo.lane("lost", lane) != "0":
            faults.append(f"{lane}: what is superseded is called lost")
    cells = demo.page.run("[...document.querySelector('#verdict tr[data-lane=ws]').cells].map((cell) => cell.textContent)")
    if cells[1] != "–" or not figure(cells[4]) > 0:
        faults.append(f"where only the newest count, staleness is to be compared, not who came first: {cells}")
    return faults + unchanged(demo)


def unchanged(demo):
    """Polls of the newest quote that find no other one: the browser revalidates what it kept, and that is an empty answer."""
    demo.set(rate_per_s=1, interval_ms=100)
    before = not_modified(demo)
    posted, _ = demo.race(seconds=5)
    told = not_modified(demo) - before
    empty = {lane: posted["lanes"][lane]["empty"] for lane in ("poll-close", "poll")}
    print(f"  answers of \"not modified\": {told}; empty polls: {empty}")
    demo.set(delivery="every")
    return [] if told >= 40 and min(empty.values()) >= 20 else [f"{told} answers of \"not modified\", empty polls {empty}"]


def not_modified(demo):
    demo.page.run("0")  # takes what has happened meanwhile
    heads = [m["params"] for m in demo.page.events if m.get("method") == "Network.responseReceivedExtraInfo"]
    return sum(head["statusCode"] == 304 for head in heads)


def check_hidden(demo):
    """A hidden tab's timers are slowed down: the span is marked, and left out of the figures."""
    demo.set(rate_per_s=20, interval_ms=100, rtt_ms=0)
    target = demo.page.call("Target.getTargetInfo")["targetInfo"]["targetId"]
    demo.start()
    demo.stop_after(seconds=2)
    other, page = demo.another()
    demo.front(other)
    demo.until("document.hidden", "another tab in front hides this one", 5)
    time.sleep(5)
    demo.front(target)
    demo.until("!document.hidden", "in front again", 5)
    time.sleep(2)
    posted, _ = demo.finish()
    page.socket.close()
    demo.browser.call("Target.closeTarget", targetId=other)
    faults = []
    spans = [(to - begin) / 1e6 for begin, to in posted["hidden"]]
    if len(spans) != 1 or not 4.5 <= spans[0] <= 8:
        faults.append(f"hidden for 5 s, marked: {spans}")
    if "hidden" not in demo.page.run("document.querySelector('[data-more]').textContent"):
        faults.append("the verdict does not say that the page was hidden")
    p99 = figure(demo.page.run("document.querySelector('#verdict tr[data-lane=poll]').cells[2].textContent"))
    begin, end = posted["hidden"][0] if spans else (0, 0)
    raw = worst_between(posted, begin, end)
    print(f"  99 % of polled quotes within {p99:g} ms; while hidden the worst was {raw:g} ms")
    if raw < 400:
        faults.append(f"the hidden tab was not slowed down ({raw:g} ms): the check shows nothing")
    if not p99 < 700:
        faults.append(f"polls each 100 ms, 99 % within {p99:g} ms: the hidden span is not left out")
    return faults


def check_asleep(demo):
    """A page that stands still while it is in sight, as when the machine sleeps: the span is marked."""
    demo.set(rate_per_s=20, interval_ms=200, rtt_ms=0)
    demo.start()
    demo.stop_after(seconds=2)
    demo.page.run("for (const begun = performance.now(); performance.now() < begun + 4000;);")
    time.sleep(3)
    posted, _ = demo.finish()
    spans = [(to - begin) / 1e6 for begin, to in posted["hidden"]]
    return [] if len(spans) == 1 and 3.5 <= spans[0] <= 7 else [f"asleep for 4 s, marked: {spans}"]


def worst_between(posted, begin, end):
    first, worst = {}, 0.0
    for lane in LANES:
        for seq, at in posted["lanes"][lane]["received"]:
            first[seq] = min(first.get(seq, at), at)
    for seq, at in posted["lanes"]["poll"]["received"]:
        if begin < first[seq] < end:
            worst = max(worst, (at - first[seq]) / 1000)
    return worst


def check_frames(demo, minutes):
    """At 200 quotes a second: frames a second, whatever is in sight, and memory."""
    # The tools' own record of thousands of requests would count as the page's memory.
    demo.page.call("Network.disable")
    demo.set(rate_per_s=200, interval_ms=250, rtt_ms=30)
    demo.page.run("document.getElementById('length').value = '600'")
    demo.start()
    began = time.monotonic()
    demo.stop_after(seconds=5)
    faults = check_views(demo)
    faults += check_growth(demo, began, minutes) if minutes else check_kept(demo)
    if demo.lane("lost") != "0":
        faults.append(f"the WebSocket lane has lost {demo.lane('lost')}")
    demo.finish()
    demo.page.run("document.getElementById('length').value = '30'")
    demo.page.call("Network.enable")
    return faults


def check_views(demo):
    """Frames a second at the page's top, with both charts in sight, and with the sequence diagram on the projector."""
    seen = {"at the top": frames(demo)}
    show_sequence(demo)
    seen["with both charts in sight"] = frames(demo)
    for key in "fv":
        demo.key(key)
    show_sequence(demo)
    seen["with the sequence diagram on the projector"] = frames(demo)
    for key in "vf":
        demo.key(key)
    demo.page.run("scrollTo(0, 0)")
    print(f"  frames in a second at 200 quotes/s: {'; '.join(f'{view} {counts}' for view, counts in seen.items())}")
    return [
        Timed(f"{min(counts)} frames in a second {view}, of {counts}: at least {FRAMES_MIN}")
        for view, counts in seen.items() if min(counts) < FRAMES_MIN
    ]


def show_sequence(demo):
    """Below the fold it is drawn four times a second only, and costs next to nothing."""
    inside = demo.page.run("""(() => { const chart = document.getElementById("sequence");
        chart.scrollIntoView({ block: "center", behavior: "instant" });
        const { top, bottom } = chart.getBoundingClientRect(); return bottom > top && top >= 0 && bottom <= innerHeight; })()""")
    if not inside:
        raise AssertionError("the sequence diagram does not come into sight")


def frames(demo):
    """The page's own counts of four seconds, one after another."""
    counts = []
    time.sleep(0.3)  # what another view stirs up
    for _ in range(4):
        time.sleep(1.2)  # it looks a second back, and tells five times a second
        counts.append(int(demo.page.run("document.body.dataset.fps")))
    return counts


def check_kept(demo):
    """Whether the page holds more ten seconds later."""
    before = heap(demo)
    demo.rest(10)
    more_kb = (heap(demo) - before) / 1000
    told = f"{before / 1000:.0f} kB, ten seconds later {more_kb:+.0f} kB"
    print(f"  heap: {told}")
    return [f"memory grows: {told}, at most {HEAP_KB_IN_TEN_SECONDS_MAX}"] if more_kb > HEAP_KB_IN_TEN_SECONDS_MAX else []


def check_growth(demo, began, minutes):
    """What the page holds each minute from the second on, and the slope of a line through it."""
    samples = []
    # The last stands before the race's own end.
    for minute in [*range(2, math.ceil(minutes)), minutes - 0.25]:
        demo.rest(max(0, began + 60 * minute - time.monotonic()))
        samples.append(((time.monotonic() - began) / 60, heap(demo) / 1000))
        print(f"  heap after {samples[-1][0]:.1f} minutes: {samples[-1][1]:.0f} kB", flush=True)
    slope = statistics.linear_regression(*zip(*samples)).slope
    print(f"  the heap grows by {slope:.1f} kB a minute")
    return [f"memory grows by {slope:.1f} kB a minute: at most {HEAP_KB_PER_MINUTE_MAX}"] if slope > HEAP_KB_PER_MINUTE_MAX else []


def heap(demo):
    # What the first collection only unlinks is gone at the second.
    for _ in range(2):
        demo.page.call("HeapProfiler.collectGarbage")
    used = demo.page.call("Runtime.getHeapUsage")
    return used["usedSize"] + used["backingStorageSize"]


def check_agreement(demo, wirerace):
    """The suite's own clients on the same lanes, at the same time: how much later is each lane than the WebSocket?"""
    faults = []
    demo.page.run("document.getElementById('length').value = '600'")
    # Pictures at rest: drawn sixty times a second by processors alone, they keep the page from its answers for 10 to 20 ms,
    # and what is asked here is what the page sees and not what drawing costs.
    demo.colours("light", "reduce")
    for rtt_ms in AGREEMENT_RTT_MS:
        demo.set(rate_per_s=AGREEMENT_RATE_PER_S, interval_ms=250, rtt_ms=rtt_ms)
        demo.page.events.clear()
        demo.start()
        demo.stop_after(seconds=3)
        harness = by_the_suite(demo, wirerace, lane_ports(demo))
        demo.finish()
        cell = lambda lane: figure(demo.page.run(f"document.querySelector('#verdict tr[data-lane={lane}]').cells[1].textContent"))
        page = {lane: cell(lane) for lane in LANES}
        for lane in LANES[:-1]:
            page_ms, harness_ms = page[lane] - page["ws"], harness[lane] - harness["ws"]
            told = f"{lane} after the WebSocket at {rtt_ms} ms: {page_ms:.1f} ms on the page, {harness_ms:.1f} ms by the suite's clients"
            print("  " + told)
            # What is no number agrees with nothing.
            if not abs(page_ms - harness_ms) <= 5 + 0.05 * abs(harness_ms):
                faults.append(Timed(told))
    demo.colours("light")
    demo.page.run("document.getElementById('length').value = '30'")
    return faults


def by_the_suite(demo, wirerace, ports):
    """Median lateness by `wirerace load`, milliseconds, of all lanes at once."""
    command = [wirerace, "load", "--interval-ms", "250", "--seconds", str(AGREEMENT_S), "--clients", str(AGREEMENT_CLIENTS)]
    loads = {
        lane: subprocess.Popen([*command, "--arm", lane, "--to", f"127.0.0.1:{ports[lane]}"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        for lane in LANES
    }
    demo.rest(AGREEMENT_S)
    found = {}
    for lane, process in loads.items():
        out, err = process.communicate(timeout=60)
        if process.returncode != 0:
            raise AssertionError(f"wirerace load --arm {lane}: {err}")
        found[lane] = figure(out.split("p50 ")[1])
    return found


def lane_ports(demo):
    """The ports of this race's lanes, from what the page asked the network for."""
    demo.page.run("0")  # takes what has happened meanwhile
    asked = [m["params"] for m in demo.page.events if m.get("method") in ("Network.requestWillBeSent", "Network.webSocketCreated")]
    urls = [params["request"]["url"] if "request" in params else params["url"] for params in asked]
    port = lambda sign: next(int(found[1]) for url in reversed(urls) if (found := re.search(sign, url)))
    polls = {int(found[1]) for url in urls if (found := re.search(r":(\d+)/quotes\?after=[^&]*$", url))}
    ws, sse, held = port(r":(\d+)/socket"), port(r":(\d+)/events"), port(r":(\d+)/quotes\?.*wait=")
    # Of the two lanes that poll, the kept one answers without closing.
    closing = {int(re.search(r":(\d+)/", r["url"])[1]) for r in responses(demo) if r["headers"].get("connection", "").lower() == "close"}
    kept, closed = polls - closing - {held}, polls & closing
    if (len(kept), len(closed)) != (1, 1):
        raise AssertionError(f"of the ports {sorted(polls)} that are polled, {sorted(closing)} answer with Connection: close")
    return {"poll-close": closed.pop(), "poll": kept.pop(), "long-poll": held, "sse": sse, "ws": ws}


def responses(demo):
    for message in demo.page.events:
        if message.get("method") == "Network.responseReceived":
            response = message["params"]["response"]
            if "/quotes" in response["url"]:
                yield {"url": response["url"], "headers": {k.lower(): v for k, v in response["headers"].items()}}
