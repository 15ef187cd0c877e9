"""What the page of `wirerace demo` lets people do: used by check_demo.py. Each check gives its faults."""

import re
import time

from check_demo_driver import KEEP_POSTED, LANES, figure, layer

# Keys with names that check_demo_driver does not know: their codes, and what they write.
NAMED = {"Enter": (13, "\r"), "ArrowUp": (38, ""), "ArrowDown": (40, "")}


def press_named(demo, key):
    """A real key, through the browser."""
    code, text = NAMED[key]
    shared = {"key": key, "code": key, "windowsVirtualKeyCode": code}
    demo.page.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **shared, **({"text": text} if text else {}))
    demo.page.call("Input.dispatchKeyEvent", type="keyUp", **shared)


def click(demo, selector):
    """A real click of the mouse."""
    x, y = demo.page.run(f"""(() => {{ const node = document.querySelector("{selector}");
        node.scrollIntoView({{ block: "center", behavior: "instant" }});
        const box = node.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
    for kind in ("mousePressed", "mouseReleased"):
        demo.page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def check_keys(demo):
    """Keys alone: start, pause, step, slow, one lane, projector, help, round trip, stop; and after a click or a typed number."""
    demo.set(rate_per_s=20, interval_ms=500, rtt_ms=0)
    demo.page.run("document.activeElement.blur()")
    faults = []

    def press(key, condition, what):
        press_named(demo, key) if key in NAMED else demo.key(key)
        try:
            demo.until(condition, what, 5)
        except AssertionError as failure:
            faults.append(f"key {key!r}: {failure}")

    body = "document.body.dataset"
    press("r", f"{body}.runState === 'running'", "the race starts")
    demo.until("Number(document.querySelector('#lane-ws').dataset.seq) > 20", "quotes")
    press(" ", f"{body}.paused === 'true'", "paused")
    press(".", "document.getElementById('story').textContent.endsWith('.')", "an event in words")
    press(" ", f"{body}.paused === 'false'", "going on")
    press("-", f"{body}.speed === '0.25'", "slow motion")
    press("+", f"{body}.speed === '1'", "live again")
    for number_, lane in enumerate(LANES, 1):
        press(str(number_), f"{body}.focus === '{lane}'", f"{lane} alone")
    press("5", f"{body}.focus === ''", "all lanes")
    press("f", "document.documentElement.dataset.projector === 'on'", "projector")
    press("v", f"{body}.chart === 'sequence'", "the other chart")
    press("v", f"{body}.chart === 'strip'", "the first chart")
    press("f", "document.documentElement.dataset.projector === 'off'", "projector off")
    press("?", "document.getElementById('help').open", "help")
    press("Escape", "!document.getElementById('help').open", "help closed")
    press("]", "document.forms.knobs.elements.rtt_ms.value === '30'", "round trip 30")
    press("[", "document.forms.knobs.elements.rtt_ms.value === '0'", "round trip 0")
    press("Tab", "document.activeElement !== document.body", "focus moves")
    ring = demo.page.run("getComputedStyle(document.activeElement).outlineStyle")
    if ring == "none":
        faults.append("the focus cannot be seen")
    demo.page.run("document.activeElement.blur()")
    press("r", f"{body}.runState !== 'running'", "the race stops")
    demo.finish()
    # What was clicked or typed into does not keep the keys; who goes there by keys keeps the place.
    click(demo, "#go")
    demo.until(f"{body}.runState === 'running'", "a race by a click")
    press(" ", f"{body}.paused === 'true' && {body}.runState === 'running'", "paused, and not stopped, after a click on Start")
    press("r", f"{body}.runState !== 'running'", "the race stops after a click on Start")
    demo.finish()
    click(demo, "#interval")
    demo.page.run("document.getElementById('interval').select()")
    for digit in "400":
        demo.key(digit)
    taken = "document.querySelector('[data-moves=interval_ms]').getAttribute('aria-valuetext') === '400'"
    press("Enter", f"document.activeElement === document.body && {taken}", "an interval of 400 ms, and the keys are the page's again")
    press("r", f"{body}.runState === 'running'", "a race after a number was typed")
    press("r", f"{body}.runState !== 'running'", "its end")
    demo.finish()
    # Stopped before its lanes stand: that has a verdict too.
    demo.page.run("""new MutationObserver((_, observer) => document.body.dataset.runState === "running" && (observer.disconnect(),
        window.stoppedAtOnce = true, document.getElementById("go").click())).observe(document.body, { attributes: true })""")
    demo.key("r")
    demo.until(f"window.stoppedAtOnce && {body}.runState === 'done'", "the verdict of a race that was stopped at once", 15)
    # With the race over, since another choice begins another one.
    click(demo, "[name=delivery][value=newest]")
    demo.until("document.querySelector('[name=delivery][value=newest]').checked", "a choice by a click", 5)
    press(" ", f"{body}.paused === 'true'", "paused after a click on a radio button")
    press(" ", f"{body}.paused === 'false'", "going on")
    demo.page.run("document.querySelector('[name=delivery]:checked').focus()")
    chosen = "document.activeElement.type === 'radio' && document.activeElement.value === 'every'"
    press("ArrowUp", f"{chosen} && document.activeElement.checked", "a choice by an arrow key, which keeps the place")
    demo.page.run("document.activeElement.blur()")
    demo.page.run("document.getElementById('symbol').focus()")
    guess = "document.activeElement.form === document.forms.prediction"
    press("Tab", guess, "the prediction by Tab")
    press("ArrowDown", f"{guess} && document.activeElement.value !== ''", "a guess by an arrow key, which keeps the place")
    demo.page.run("document.activeElement.blur()")
    return faults


def check_seventh(demo):
    """Seven event streams to one host and port: six stand, the seventh waits, and no error says so."""
    demo.set(rate_per_s=10, interval_ms=500, rtt_ms=0)
    demo.start()
    demo.stop_after(seconds=1)
    demo.page.run("document.getElementById('break').open = true; document.getElementById('seven').click()")
    says = "document.getElementById('seven-says').dataset"
    faults = []
    try:
        demo.until(f"{says}.open === '6' && {says}.waiting === '1'", "six streams open, one waiting", 10)
        demo.until("document.querySelector('#lane-sse').dataset.open === '6'", "the gauge shows six", 5)
    except AssertionError as failure:
        faults.append(f"{failure}: {demo.page.run(says + '.open')}, gauge {demo.lane('open', 'sse')}")
    time.sleep(2)
    if demo.page.run(f"{says}.waiting") != "1":
        faults.append("the seventh stream does not wait")
    if "full" not in demo.text("open", "sse"):
        faults.append(f"the gauge says {demo.text('open', 'sse')!r}")
    demo.shot("seventh")
    demo.page.run("document.getElementById('seven').click()")
    try:
        # Chromium may keep a spare connection for a while.
        demo.until("Number(document.querySelector('#lane-sse').dataset.open) <= 2", "the gauge falls", 10)
        demo.page.run("document.getElementById('seven').click()")
        demo.until(f"{says}.waiting === '1'", "seven again", 10)
        demo.finish()
        demo.until(f"{says}.open === '6' && {says}.waiting === '0'", "after the race none waits", 5)
        text = demo.page.run("document.getElementById('seven-says').textContent")
        if not text.startswith("6 of 6"):
            faults.append(f"after the race: {text!r}")
        demo.start()
        demo.until("document.getElementById('seven-says').textContent === 'Closed.'", "closed by the next race", 5)
    except AssertionError as failure:
        faults.append(f"{failure}: {demo.page.run('document.getElementById(`seven-says`).textContent')}")
    demo.finish()
    return faults


def check_prediction(demo):
    """A guess is locked from start to end, and then stands beside what was measured."""
    demo.set(rate_per_s=20, interval_ms=500, rtt_ms=0)
    form = "document.forms.prediction"
    demo.page.run(f"{form}.elements.latest.value = 'ws'; {form}.elements.poll_ms.value = '250'; {form}.elements.most.value = 'long-poll'")
    faults = []

    def place(number_, lane):
        """Sets who is first, second …; gives what the field holds then, and what is said."""
        return demo.page.run(f"""(() => {{ const field = {form}.elements.place_{number_};
            field.value = "{lane}"; field.dispatchEvent(new Event("change", {{ bubbles: true }}));
            return [field.value, {form}.querySelector("[data-says]").textContent]; }})()""")

    for number_, lane in enumerate(["sse", "ws", "long-poll", "poll"], 1):
        place(number_, lane)
    held, said = place(5, "ws")
    if held != "" or "WebSocket is 2nd already" not in said:
        faults.append(f"a lane in two places: {held!r}, {said!r}")
    if place(5, "poll-close") != ["poll-close", "Guess before you start. It locks while the race is on."]:
        faults.append("a lane that has no place yet is not taken")
    locked = f"{form}.dataset.locked + {form}.querySelector('fieldset').disabled"
    if demo.page.run(locked) != "falsefalse":
        faults.append("locked before the race")
    demo.start()
    if demo.page.run(locked) != "truetrue":
        faults.append("not locked in the race")
    # Whoever gets around the lock changes nothing: the guess was taken at the start.
    demo.page.run(f"{form}.elements.poll_ms.value = '1'; {form}.elements.place_1.value = 'poll'; {form}.elements.place_4.value = 'sse'")
    demo.stop_after(seconds=6)
    if demo.page.run("document.getElementById('prediction-result').textContent") != "":
        faults.append("a result is shown before the end")
    demo.finish()
    result = demo.page.run("document.getElementById('prediction-result').innerText")
    if demo.page.run(locked) != "falsefalse" or "250 ms" not in result or "✓" not in result or "✗" not in result:
        faults.append(f"after the race: {result!r}")
    # The polls against all others. Which poll is later is chance, and so is who is first of those that do not poll.
    pairs = re.search(r"(\d+) of (\d+) clear pairs right", result)
    if not pairs or int(pairs[1]) < 6 or int(pairs[2]) > 7:
        faults.append(f"of the guessed order: {pairs[0] if pairs else result!r}")
    return faults + unjudged(demo)


def unjudged(demo):
    """A race that was too short to be judged judges no guess."""
    form, result = "document.forms.prediction", "document.getElementById('prediction-result').textContent"
    demo.set(interval_ms=4000)
    demo.page.run(f"{form}.elements.latest.value = 'level'; {form}.elements.most.value = 'level'")
    demo.race(seconds=1)
    faults = []
    if "too short" not in demo.page.run("document.getElementById('verdict').innerText"):
        faults.append("a second at an interval of 4 s is not called too short")
    if (shown := demo.page.run(result)) != "":
        faults.append(f"a race too short to be judged: {shown!r}")
    if demo.page.run(f"{form}.dataset.locked") != "false":
        faults.append("still locked after a race that was too short")
    return faults


def check_presets(demo):
    """Each preset sets its knobs and asks its question; what some of them promise is there."""
    presets = demo.page.run("import('/presets.js').then((module) => module.PRESETS)")
    missing = set(PROMISES) - {preset["name"] for preset in presets}
    faults = [f"no preset {sorted(missing)}"] if missing else []
    for preset in presets:
        name = preset["name"]
        button = f"[...document.getElementById('presets').children].find((button) => button.textContent === '{name}')"
        demo.page.run(f"{button}.click()")
        fields = "document.forms.knobs.elements"
        wanted = [f"{fields}.{knob}.value === '{value}'" for knob, value in preset["knobs"].items()]
        try:
            demo.until(" && ".join(wanted), f"{name}: its knobs", 5)
        except AssertionError as failure:
            found = {knob: demo.page.run(f"{fields}.{knob}.value") for knob in preset["knobs"]}
            faults.append(f"{failure}: {found} instead of {preset['knobs']}")
        pressed = demo.page.run(f"{button}.getAttribute('aria-pressed')")
        said = demo.page.run("['question', 'notes'].map((id) => document.getElementById(id).textContent)")
        if pressed != "true" or said != [preset["question"], ""]:
            faults.append(f"{name}: pressed {pressed}, question and notes {said}")
        faults += PROMISES[name](demo) if name in PROMISES else []
    return faults


def far_away(demo):
    """200 ms there and back, 100 quotes a second, polls each 250 ms: what theory says stands in the lanes."""
    ends = {"poll-close": "= 350 ms", "poll": "= 225 ms", "long-poll": "= 200 ms, with w = 200 ms, x = 20", "sse": "d = 100 ms", "ws": "d = 100 ms"}
    said = {lane: demo.text("theory", lane) for lane in LANES}
    return [f"theory of {lane}: {said[lane]!r}" for lane in LANES if not said[lane].endswith(ends[lane])]


def stale_only(demo):
    """Where only the newest count, the page speaks of staleness."""
    faults = []
    if demo.page.run("document.querySelector('[name=delivery]:checked').value") != "newest":
        faults.append("the dashboard does not ask for the newest only")
    asked = demo.page.run("document.querySelector('[data-asks=poll_ms]').textContent")
    if "stale" not in asked:
        faults.append(f"the prediction asks for {asked!r}")
    demo.start()
    demo.stop_after(seconds=2)
    said = [demo.page.run("document.getElementById('figure-says').textContent"), *(demo.text("said", lane) for lane in LANES)]
    if said[0] != "Stale, on average" or any("stale" not in words for words in said[1:]):
        faults.append(f"figures are called {said}")
    demo.finish()
    return faults


def polls_win(demo):
    """Ten seconds: a polled quote costs fewer bytes than one by WebSocket."""
    demo.start()
    demo.stop_after(seconds=10)
    cost = {lane: sum(layer(demo, lane, column) for column in range(1, 6)) for lane in ("poll", "ws")}
    demo.finish()
    print(f"  bytes per quote: poll {cost['poll']:.0f}, ws {cost['ws']:.0f}")
    return [] if cost["poll"] < cost["ws"] else [f"polling does not win: bytes per quote {cost}"]


# What a preset shows besides its knobs. The last of the page's presets leaves the knobs that other checks do not set as they were.
PROMISES = {"Market data": far_away, "Dashboard": stale_only, "Beat the WebSocket": polls_win}


def check_ending(demo):
    """While a race waits for its last polls nothing can throw it away, and nobody loses quotes that are only late."""
    demo.set(rate_per_s=20, interval_ms=4000, rtt_ms=0)
    faults = []
    field = "document.forms.knobs.elements.interval_ms"
    said = demo.page.run(f"""(() => {{ {field}.value = ""; {field}.dispatchEvent(new Event("change", {{ bubbles: true }}));
        return [{field}.value, document.getElementById("notes").textContent]; }})()""")
    if said[0] != "4000" or "no number" not in said[1]:
        faults.append(f"an empty interval: {said}")
    demo.start()
    target, watcher = demo.another(**demo.browser.call("Target.createBrowserContext"))
    watcher.open(demo.url)
    demo.until("document.body.dataset.role === 'watch'", "another browser watches", 10, watcher)
    demo.until("[...document.querySelectorAll('.lane')].every((lane) => Number(lane.dataset.seq) > 20)", "the watcher's quotes", 20, watcher)
    if left := watcher.run("document.getElementById('left').textContent"):
        faults.append(f"the watcher is told {left!r}, and only the page in control knows")
    demo.stop_after(seconds=10)
    demo.until("document.querySelector('#lane-ws').dataset.seq - document.querySelector('#lane-poll').dataset.seq > 20", "polls far behind")
    demo.page.run("document.getElementById('go').click()")
    locked = "document.body.dataset.runState === 'draining' && document.getElementById('go').disabled && document.forms.knobs.firstElementChild.disabled"
    if not demo.page.run(locked):
        faults.append(f"not locked while draining: {demo.page.run('document.body.dataset.runState')}")
    if "verdict" not in demo.page.run("document.getElementById('notes').textContent"):
        faults.append("the lock gives no reason")
    for key in ("]", "r"):
        demo.key(key)
    posted, _ = demo.finish()
    if not posted or demo.page.run("document.forms.knobs.elements.rtt_ms.value") != "0":
        faults.append("a key has thrown the race away")
    demo.until("document.body.dataset.runState === 'done'", "the watcher's end", 30, watcher)
    for who, page in {"control": demo.page, "the watcher": watcher}.items():
        lost = page.run("[...document.querySelectorAll('.lane')].map((lane) => Number(lane.dataset.lost))")
        told = page.run("[...document.querySelector('#verdict table').tBodies[0].rows].map((row) => Number(row.cells[5].textContent))")
        if any(lost) or any(told):
            faults.append(f"{who}: called lost: {lost}, in the verdict {told}")
    if demo.page.run("document.getElementById('go').disabled || document.forms.knobs.firstElementChild.disabled"):
        faults.append("still locked after the verdict")
    watcher.socket.close()
    demo.browser.call("Target.closeTarget", targetId=target)
    return faults


def check_handover(demo):
    """The page in control leaves in the race: who watched begins a race of its own, and its figures are its own."""
    demo.set(rate_per_s=20, interval_ms=500, rtt_ms=0)
    demo.start()
    target, other = demo.another(**demo.browser.call("Target.createBrowserContext"))
    other.open(demo.url)
    other.run(KEEP_POSTED)
    demo.until("document.body.dataset.role === 'watch'", "another browser watches", 10, other)
    demo.until("Number(document.querySelector('#lane-ws').dataset.seq) > 20", "the watcher's quotes", 20, other)
    faults = []
    try:
        demo.page.run("location.href = 'about:blank'")
        demo.until("document.body.dataset.role === 'control'", "control goes to who watched", 10, other)
        demo.until("Number(document.querySelector('#lane-ws').dataset.seq) < 20", "a race of its own", 10, other)
        demo.until("Number(document.querySelector('#lane-ws').dataset.seq) > 100", "its quotes", 20, other)
        other.run("document.getElementById('go').click()")
        demo.until("document.body.dataset.runState === 'done'", "its verdict", 20, other)
        posted, answered = other.run("[window.posted, window.answered]")
        if not posted or not answered or "verdict" not in answered:
            faults.append(f"its race is not judged: {other.run('document.querySelector(`#verdict`).innerText')}")
        elif posted["lanes"]["ws"]["received"][0][0] != 1:
            faults.append("its race does not begin with the first quote")
    except AssertionError as failure:
        faults.append(str(failure))
    other.socket.close()
    demo.browser.call("Target.closeTarget", targetId=target)
    return faults


# What a page shows of a race that is over: counts and lateness in the lanes, the verdict, and what is said.
SHOWN = """(() => {
    const lanes = [...document.querySelectorAll(".lane")];
    const parts = (...names) => lanes.map((lane) => names.map((name) => lane.querySelector(`.${name}`).textContent));
    const verdict = document.getElementById("verdict");
    return {
        counts: parts("requests", "handshakes", "lost", "empty", "skipped"), late: parts("late").flat(), isOpen: !verdict.hidden,
        words: verdict.querySelector("[data-words]").textContent, says: document.getElementById("says").textContent,
        table: [...verdict.querySelectorAll("tbody tr[data-lane]")].map((row) => [...row.cells].slice(1).map((cell) => cell.textContent)),
    };
})()"""


def check_reload(demo):
    """A page that comes when a race is over shows what that came to, all of it, and says that it is over; or nothing of it."""
    demo.set(rate_per_s=20, interval_ms=500, rtt_ms=30)
    demo.race(seconds=6)
    time.sleep(1)  # the meters' last word
    there = demo.page.run(SHOWN)
    demo.open()
    faults = comes_late(demo, demo.page, "a page that is loaded again", there)
    demo.key(".")
    if demo.page.run("document.body.dataset.paused") != "false":
        faults.append("a step without a race holds the picture")
    target, watcher = demo.another(**demo.browser.call("Target.createBrowserContext"))
    watcher.open(demo.url)
    demo.until("document.body.dataset.role === 'watch'", "another browser watches", 10, watcher)
    faults += comes_late(demo, watcher, "another browser", there)
    watcher.socket.close()
    demo.browser.call("Target.closeTarget", targetId=target)
    return faults + unjudged_before(demo) + loaded_again_at_once(demo)


def comes_late(demo, page, who, there):
    """What this page shows against what the one showed that had the race."""
    metered = "document.querySelector('#lane-poll .requests').textContent !== '–'"
    try:
        demo.until(f"!document.getElementById('verdict').hidden && {metered}", f"{who} shows the result of the last race", 5, page)
    except AssertionError as failure:
        return [f"{failure}: {page.run(SHOWN)}"]
    here, faults = page.run(SHOWN), []
    if "is over" not in here["says"]:
        faults.append(f"{who} is not told that the race is over: {here['says']!r}")
    faults += [f"{who}, {name}: {here[name]} instead of {there[name]}" for name in ("counts", "words") if here[name] != there[name]]
    # The first two columns are the other page's own, here made again from what it sent, in whole microseconds.
    near = lambda one, other: abs(figure(one) - figure(other)) <= 0.06 + 0.01 * figure(other)
    for lane, before, now, late in zip(LANES, there["table"], here["table"], here["late"], strict=True):
        if now[2:] != before[2:] or not all(map(near, now[:2], before[:2])):
            faults.append(f"{who}, the verdict on {lane}: {now} instead of {before}")
        if not near(late, now[0]):
            faults.append(f"{who}, {lane}: {late} in the lane, {now[0]} in the verdict")
    return faults


def unjudged_before(demo):
    """The next race takes the result away; it is too short for one of its own, so a page that comes then shows nothing."""
    demo.set(interval_ms=4000)
    demo.start()
    faults = ["the next race leaves the last one's result"] if demo.page.run(SHOWN)["isOpen"] else []
    demo.stop_after(seconds=1)
    demo.finish()
    demo.open()
    time.sleep(1)
    shown = demo.page.run(SHOWN)
    if shown["isOpen"] or {count for lane in shown["counts"] for count in lane} - {"–", "0"}:
        faults.append(f"of a race without a verdict there is {shown}")
    return faults


def loaded_again_at_once(demo):
    """The page begins a race of its own: on the meters of the other one are the requests of the page before."""
    demo.set(interval_ms=500)
    demo.start()
    demo.until("Number(document.querySelector('#lane-ws').dataset.open) >= 1", "the socket is on the meter", 5)
    demo.open()
    demo.until("Number(document.querySelector('#lane-ws').dataset.seq) >= 1", "a quote after the page was loaded again", 30)
    time.sleep(1)
    handshakes = demo.text("handshakes")
    demo.finish()
    return [] if handshakes == "1" else [f"loaded again at once, the socket has made {handshakes} handshakes"]


def check_calm(demo):
    """Who asks for less motion gets pictures that stand for a second each."""
    demo.set(rate_per_s=20, interval_ms=500, rtt_ms=0)
    pictures = {}
    for motion in ("no-preference", "reduce"):
        demo.colours("light", motion)
        demo.open()
        demo.start()
        demo.stop_after(seconds=1)
        seen, until = set(), time.monotonic() + 3
        while time.monotonic() < until:
            seen.add(demo.page.run("document.getElementById('strip').toDataURL()"))
            time.sleep(0.1)
        pictures[motion] = len(seen)
        demo.finish()
    demo.colours("light")
    print(f"  pictures in three seconds: {pictures['no-preference']}, with less motion {pictures['reduce']}")
    return [] if pictures["reduce"] <= 5 < pictures["no-preference"] else [f"pictures in three seconds: {pictures}"]


def check_tabs(demo):
    """A second tab of this browser stays passive; another browser watches and cannot start anything."""
    demo.set(rate_per_s=20, interval_ms=500, rtt_ms=0)
    demo.start()
    faults = []
    tabs = {"a second tab": ({}, "passive"), "another browser": (demo.browser.call("Target.createBrowserContext"), "watch")}
    for name, (context, role) in tabs.items():
        target, page = demo.another(**context)
        page.open(demo.url)
        try:
            demo.until(f"document.body.dataset.role === '{role}'", f"{name} is told that it is {role}", 10, page)
            time.sleep(1.5)
            seqs = page.run("[...document.querySelectorAll('.lane')].map((lane) => Number(lane.dataset.seq))")
            if (role == "watch") != all(seqs):
                faults.append(f"{name}: its lanes show {seqs}")
            if not page.run("document.getElementById('go').disabled && document.querySelector('#knobs fieldset').disabled"):
                faults.append(f"{name} can start or turn knobs")
            if len(page.run("document.getElementById('role').textContent")) < 20:
                faults.append(f"{name} is not told why")
        except AssertionError as failure:
            faults.append(str(failure))
        faults += [f"{name}: {c}" for c in page.complaints(demo.url) if not c.startswith("asked")]
        page.socket.close()
        demo.browser.call("Target.closeTarget", targetId=target)
    if not demo.page.run("document.body.dataset.role === 'control' && document.body.dataset.runState === 'running'"):
        faults.append("the first tab has lost its race")
    demo.finish()
    return faults + loaded_beside_another(demo)


def loaded_beside_another(demo):
    """The tab that races is loaded again beside a passive one: whichever may race then has control, and the other is passive."""
    first = demo.page.call("Target.getTargetInfo")["targetInfo"]["targetId"]
    target, other = demo.another()
    other.open(demo.url)
    demo.until("document.body.dataset.role === 'passive'", "a second tab is passive", 10, other)
    # In sight its timers are on time: it takes over, and the server has given control to the one that was loaded again.
    demo.front(target)
    demo.page.open(demo.url)
    roles = lambda: sorted(str(page.run("document.body.dataset.role")) for page in (demo.page, other))
    deadline, faults = time.monotonic() + 10, []
    while (found := roles()) != ["control", "passive"]:
        if time.monotonic() > deadline:
            faults.append(f"two tabs, one loaded again: {found}")
            break
        time.sleep(0.1)
    other.run("location.href = 'about:blank'")
    other.socket.close()
    demo.browser.call("Target.closeTarget", targetId=target)
    demo.front(first)
    return faults
