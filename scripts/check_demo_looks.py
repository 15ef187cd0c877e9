"""What the page of `wirerace demo` shows, and how it looks: used by check_demo.py. Each check gives its faults."""

import time

from check_demo_driver import LANES
from check_report import AXE, CULPRITS, GRAVE, OPEN_ALL, SIDEWAYS

STORY = "document.getElementById('story').textContent"
# A copy of a canvas that is to be read: the browser complains of reading back one that it draws on.
COPIED = """((canvas) => {
    const copy = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return context;
})"""
# The chart of lateness, as numbers.
STRIP = f"""((context) => context.getImageData(0, 0, context.canvas.width, context.canvas.height).data)(
    {COPIED}(document.getElementById("strip")))"""
PAUSED, GOES_ON = "document.body.dataset.paused === 'true'", "document.body.dataset.paused === 'false'"


def picture(demo, seconds=0.4):
    """The sequence diagram, when the page has had time to draw it: out of sight it is drawn four times a second."""
    time.sleep(seconds)
    return demo.page.run("document.getElementById('sequence').toDataURL()")


def steps(demo, count):
    """What is told at each of so many steps."""
    told = []
    for _ in range(count):
        demo.key(".")
        time.sleep(0.2)
        told.append(demo.page.run(STORY))
    return told


def check_pause(demo):
    """Paused, the picture stands and the race goes on; a step tells of the next event; after the end both begin once more."""
    demo.set(rate_per_s=20, interval_ms=500, rtt_ms=30)
    demo.start()
    demo.stop_after(seconds=2)
    faults = []
    demo.key(" ")
    demo.until(PAUSED, "paused", 5)
    still, price, before = picture(demo), demo.text("price"), demo.seq()
    if picture(demo, 1.5) != still or demo.text("price") != price:
        faults.append("the picture or a price moves while paused")
    if demo.seq() <= before:
        faults.append("the race stopped with the picture")
    told = steps(demo, 4)
    if picture(demo) == still or len(set(told)) < 3 or not all(told):
        faults.append(f"steps do not go on: {told}")
    demo.key(" ")
    time.sleep(0.5)
    if demo.text("price") == price:
        faults.append("nothing moves after the pause")
    demo.finish()
    return faults + steps_after_the_end(demo) + slowly_after_the_end(demo)


def steps_after_the_end(demo):
    """The first goes back to the oldest event that is kept, and says so; the others go on from there."""
    faults = []
    end = picture(demo)
    demo.page.run(f"void (window.stripAtEnd = {STRIP})")
    demo.key(" ")
    demo.until(PAUSED, "paused after the end", 5)
    time.sleep(0.3)
    # Drawn again it need not be the same to the last shade.
    others = demo.page.run(f"{STRIP}.reduce((sum, value, i) => sum + (Math.abs(value - stripAtEnd[i]) > 64), 0) / stripAtEnd.length")
    if not others < 0.002:
        faults.append(f"a pause after the end moves the chart of lateness: {100 * others:.1f} % of it is another")
    if not (story := demo.page.run(STORY)).startswith("Here the race ended."):
        faults.append(f"a pause after the end says {story!r}")
    told = steps(demo, 1)
    first = picture(demo)
    # Five lanes ask or open a stream at the same moment; the answers come a round trip later.
    told += steps(demo, 11)
    if len({end, first, picture(demo)}) < 3:
        faults.append("steps after the end do not change the picture")
    if not told[0].startswith("Replaying the last ") or any("Replaying" in story for story in told[1:]) or len(set(told)) < 6:
        faults.append(f"steps after the end tell {told}")
    demo.key(" ")
    demo.until(f"{GOES_ON} && {STORY} === ''", "going on after the end", 5)
    return faults


def slowly_after_the_end(demo):
    """Slow motion begins with the oldest that is kept, moves on, and can be held; at normal speed the end is shown again."""
    faults = []
    end = picture(demo)
    if picture(demo) != end:
        faults.append("the picture moves though the race is over")
    demo.key("-")
    demo.until("document.body.dataset.speed === '0.25'", "slow motion after the end", 5)
    if not (story := demo.page.run(STORY)).startswith("Replaying the last "):
        faults.append(f"slow motion after the end says {story!r}")
    if len({end, picture(demo), picture(demo, 1)}) < 3:
        faults.append("slow motion after the end does not move the picture")
    demo.key(" ")
    demo.until(PAUSED, "slow motion is held", 5)
    held = picture(demo)
    if picture(demo) != held:
        faults.append("slow motion cannot be held after the end")
    demo.key("+")
    demo.key(" ")
    demo.until(f"document.body.dataset.speed === '1' && {GOES_ON}", "normal speed after the end", 5)
    last = picture(demo)
    if last == held or picture(demo) != last:
        faults.append("at normal speed the end does not stand")
    return faults


def check_pictures(demo):
    """Slow motion is as slow as it says; held questions are bars, polls that brought nothing are grey."""
    return check_playback(demo) + check_drawing(demo) + check_race_drawn(demo)


# Two questions, asked at 100 and 600 ms and answered 50 ms later, in a race that ends at 1300 ms.
PLAYBACK = """Promise.all(["exchange_log", "playback"].map((name) => import(`/${name}.js`))).then(([{ ExchangeLog }, { Playback }]) => {
    const log = new ExchangeLog(["poll"]), playback = new Playback(log, () => ["poll"]), begun = playback.since;
    const at = (time) => Math.round((time - begun) * 10) / 10;
    for (const asked of [100, 600]) log.answered(log.asked("poll", begun + asked), begun + asked + 50, 1, 1);
    const heads = [950, 1950, 2950, 3950].map((now, i) => {
        if (i > 0) playback.faster(-1);
        playback.advance(begun + now + 50);
        return at(playback.head);
    });
    playback.end = begun + 1300;
    const ended = [90_000, 91_000].map((now) => [playback.advance(begun + now), at(playback.head)]);
    const rewound = [playback.rewind(), at(playback.head)];
    const stepped = [1, 2, 3, 4, 5].map(() => playback.step() && at(playback.head));
    const last = [at(playback.head), playback.paused];
    playback.since = begun + 500;
    playback.rewind();
    const turned = [at(playback.head), playback.step().kind, at(playback.head)];
    return { heads, ended, rewound: rewound.map((value) => Math.round(value)), stepped, last, turned };
})"""
# Live, then a second each at 1/4, 1/20 and 1/100; slow motion stops at the end and says so once; from there it begins again,
# at the begin of what is kept or at the last turn of a knob.
PLAYED = {
    "heads": [950, 1200, 1250, 1260], "ended": [[True, 1300], [False, 1300]], "rewound": [1300, 0],
    "stepped": [100, 150, 600, 650, None], "last": [1300, True], "turned": [500, "sent", 600],
}


def check_playback(demo):
    played = demo.page.run(PLAYBACK)
    return [f"playback, {name}: {played[name]} instead of {wanted}" for name, wanted in PLAYED.items() if played[name] != wanted]


# Of each lane's row in a sequence diagram: how many pixels have the grey of wasted polls, and from where to where there are
# bars, in pixels, just above the server's line.
ROWS = """(canvas, lanes) => {
    const wasted = getComputedStyle(document.documentElement).getPropertyValue("--wasted").trim();
    const grey = [1, 3, 5].map((at) => parseInt(wasted.slice(at, at + 2), 16));
    const { width, height } = canvas, row = height / lanes, context = COPIED(canvas);
    return Array.from({ length: lanes }, (_, lane) => {
        const from = Math.round(lane * row), { data } = context.getImageData(0, from, width, Math.round(row));
        const alpha = (x, y) => data[(y * width + x) * 4 + 3];
        let wastes = 0;
        for (let i = 0; i < data.length; i += 4) {
            if (data[i + 3] >= 128 && grey.every((value, part) => Math.abs(data[i + part] - value) <= 8)) wastes += 1;
        }
        const y = Math.floor(lane * row + row * 0.24 - (2 * width) / canvas.clientWidth) - from, bars = [];
        for (let x = 0, begin = null; x <= width; x += 1) {
            const isInk = x < width && alpha(x, y) >= 64;
            if (isInk) begin ??= x;
            else if (begin !== null) {
                if (x - begin > 10) bars.push([begin, x]);
                begin = null;
            }
        }
        return { wastes, bars };
    });
}""".replace("COPIED", COPIED)
# One way 100 ms. One lane's questions are held at the server from 3100 to 4000 and from 4400 to 4700 ms; the other's first
# answer is empty.
DRAWING = """Promise.all(["exchange_log", "sequence", "theme"].map((name) => import(`/${name}.js`))).then(([{ ExchangeLog }, { SequenceChart }, { Theme }]) => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas.style, { position: "fixed", top: 0, left: 0, width: "1000px", height: "200px" });
    document.body.append(canvas);
    const looks = [{ id: "held", name: "Held", letter: "H", colour: "#e69f00" }, { id: "empty", name: "Empty", letter: "E", colour: "#d55e00" }];
    const log = new ExchangeLog(["held", "empty"]);
    log.one_way_ms = 100;
    log.answered(log.asked("held", 3000, { held: true }), 4100, 1, 1);
    log.answered(log.asked("held", 4300, { held: true }), 4800, 1, 2);
    log.answered(log.asked("empty", 3500), 4000, 0, 0);
    log.answered(log.asked("empty", 4200), 4400, 1, 1);
    const same = (time) => time, knobs = { rate_per_s: 10, interval_ms: 500, rtt_ms: 200 };
    const chart = new SequenceChart(canvas, looks, log, { due: [], newest: 0 }, { epochTime: same, pageTime: same });
    chart.draw(5000, knobs, 1, Theme.prototype.mix.call({ projector: false }));
    const rows = (%s)(canvas, 2);
    canvas.remove();
    return rows;
})""" % ROWS


def check_drawing(demo):
    """A log of our own, drawn by the page's own chart."""
    held, empty = demo.page.run(DRAWING)
    faults = []
    if len(held["bars"]) != 2 or empty["bars"]:
        return [f"two questions are held, of one lane: bars {held['bars']} and {empty['bars']}"]
    (begin, end), (again, last) = held["bars"]
    for what, pixels, ms in (("first bar", end - begin, 900), ("gap", again - end, 400), ("second bar", last - again, 300)):
        if abs(pixels - (last - begin) * ms / 1600) > 3:
            faults.append(f"the {what} stands for {ms} ms of 1600, and is {pixels} px long of {last - begin}")
    if held["wastes"] or empty["wastes"] < 20:
        faults.append(f"grey pixels where an answer was empty: {empty['wastes']}, where none was: {held['wastes']}")
    return faults


def check_race_drawn(demo):
    """A quote each two seconds, polls each 500 ms: most polls are wasted, and the long poll is held for most of the time."""
    demo.set(rate_per_s=0.5, interval_ms=500, rtt_ms=30)
    demo.start()
    demo.stop_after(seconds=5)
    found = dict(zip(LANES, demo.page.run(f"({ROWS})(document.getElementById('sequence'), {len(LANES)})")))
    demo.finish()
    wastes = {lane: row["wastes"] for lane, row in found.items()}
    longest = {lane: max((end - begin for begin, end in row["bars"]), default=0) for lane, row in found.items()}
    print(f"  grey pixels: {wastes}; longest bars, px: {longest}")
    faults = []
    if min(wastes["poll-close"], wastes["poll"]) < 20 or max(wastes["sse"], wastes["ws"]) > 5:
        faults.append(f"wasted polls are grey, and pushed quotes are not: {wastes}")
    if longest["long-poll"] < 60 or max(length for lane, length in longest.items() if lane != "long-poll") > 20:
        faults.append(f"the long poll alone is held: {longest}")
    return faults


def check_look(demo, axe):
    """Wide, narrow, light, dark, projector, help; before, in and after a race: fits, and is accessible."""
    demo.set(rate_per_s=5, interval_ms=1000, rtt_ms=200)
    faults = []
    for scheme in ("light", "dark"):
        demo.colours(scheme)
        demo.open()
        faults += look(demo, f"wide-{scheme}-ready", axe)
        demo.key("?")
        demo.until("document.getElementById('help').open", "help", 5)
        faults += look(demo, f"help-{scheme}", axe)
        demo.key("Escape")
        demo.until("!document.getElementById('help').open", "help closed", 5)
        demo.start()
        demo.stop_after(seconds=8)
        faults += look_in_race(demo, scheme, axe)
        demo.finish()
        demo.page.run(OPEN_ALL)
        faults += look_at_end(demo, scheme, axe)
    demo.colours("light")
    return faults


def look_in_race(demo, scheme, axe):
    faults = look(demo, f"wide-{scheme}-race")
    demo.size(390, 844)
    faults += look(demo, f"phone-{scheme}-race", axe)
    demo.size(1280, 720)
    demo.key("f")
    time.sleep(0.5)
    faults += too_small(demo)
    faults += look(demo, f"projector-{scheme}", axe)
    demo.key("f")
    return faults


def look_at_end(demo, scheme, axe):
    demo.size(390, 844)
    faults = look(demo, f"phone-{scheme}-end")
    demo.size(1280, 720)
    faults += look(demo, f"wide-{scheme}-end", axe)
    demo.key("f")
    faults += look(demo, f"projector-{scheme}-end")
    faults += small_tables(demo)
    demo.key("f")
    return faults


def look(demo, name, axe=None):
    """Takes a picture; whether it fits, and, where axe is given, whether it is accessible."""
    time.sleep(0.5)
    demo.shot(name)
    over = demo.page.run(SIDEWAYS)
    faults = [f"{name}: scrolls sideways by {over} px: {demo.page.run(CULPRITS)}"] if over > 0 else []
    return faults + [f"{name}: {found}" for found in grave(demo, axe)]


def too_small(demo):
    """On the projector: type of 24 px for what is read, in both charts as well, and lanes on the first screen."""
    script = """[...document.querySelectorAll('#figure-says, .lane .name, .lane .price, .lane .late, .lane .size')].filter((e) =>
        parseFloat(getComputedStyle(e).fontSize) < 24 || e.getBoundingClientRect().bottom > innerHeight ||
        e.offsetHeight === 0 || e.scrollWidth > e.clientWidth + 1).map((e) => e.className || e.id)"""
    found = set(demo.page.run(script))
    for chart in ("strip", "sequence"):
        # What the last picture was written with.
        if demo.page.run(f"parseFloat(document.getElementById('{chart}').getContext('2d').font)") < 24:
            found.add(f"the words of the chart {chart}")
        demo.key("v")
        time.sleep(0.5)
    return [f"on the projector too small, cut or hidden: {sorted(found)}"] if found else []


def small_tables(demo):
    sizes = demo.page.run("""[...document.querySelectorAll("main table")].filter((table) => table.offsetHeight > 0)
        .map((table) => parseFloat(getComputedStyle(table).fontSize))""")
    return [] if sizes and min(sizes) >= 24 else [f"on the projector the tables' type is of {sizes} px"]


def grave(demo, axe):
    if not axe:
        return []
    if not demo.page.run("'axe' in window"):
        demo.page.run(axe)
    faults = []
    for found in demo.page.run(AXE):
        text = f"axe, {found['impact']}: {found['id']} ({found['help']}): {found['nodes']}"
        if found["impact"] in GRAVE:
            faults.append(text)
        else:
            print("  not grave:", text)
    return faults
