// Puts the page together: what the server says goes to the parts, and what people want goes to the server.

import { BREAK_LANE, SevenStreams } from "./break_it.js";
import { ByteTable, perQuote } from "./byte_bar.js";
import { Clock } from "./clock.js";
import { Control } from "./control.js";
import { ExchangeLog } from "./exchange_log.js";
import { duration, percentile } from "./format.js";
import { listen } from "./keyboard.js";
import { Knobs } from "./knobs.js";
import { LaneView } from "./lane_view.js";
import { lookOf } from "./looks.js";
import { Painter } from "./painter.js";
import { Playback, Player } from "./playback.js";
import { Prediction } from "./prediction.js";
import { showPresets } from "./presets.js";
import { Recorder } from "./recorder.js";
import { Run } from "./run.js";
import { SequenceChart } from "./sequence.js";
import { StripChart } from "./strip_chart.js";
import { Tabs } from "./tabs.js";
import { Theme } from "./theme.js";
import { Verdict, send } from "./verdict.js";
import { Visibility } from "./visibility.js";

// Who comes so late to a race begins with its next quote.
const OLD_NS = 1.5e9;
// Changes that do not begin another run, and what the chart says of them.
const AT_ONCE = { rtt_ms: (k) => `round trip ${duration(k.rtt_ms)}`, interval_ms: (k) => `interval ${duration(k.interval_ms)}`, cookie_bytes: (k) => `cookie ${k.cookie_bytes} B` };

const $ = (id) => document.getElementById(id);
const body = document.body;
let page = null; // everything that needs the list of lanes, once the server has sent it
let state = null; // the server's last word
let meters = null; // of the race that is shown, and of no other
let shown = 0; // that race's number; before the first the meters stand at nothing
let resting = undefined; // without a race of its own the page shows the last one's result: its epoch, or null for nothing
let met = undefined; // the race that was on when this page came to the server, by its epoch, or null; undefined until it comes
let tabIsActive = null;
let hasClaimed = false; // since control was free the last time

const theme = new Theme(() => {});
const visibility = new Visibility(() => (body.dataset.hiddenSpans = String(visibility.until(performance.now()).length)));
const control = new Control({
  state: (message) => {
    if (met === undefined) met = message.running ? message.epoch : null;
    take(message);
  },
  meters: (message) => {
    if (message.run !== shown) return;
    meters = message;
    if (page?.run.isOn) $("watchers").textContent = watching(message.watchers);
  },
  pong: (sent, now_ns) => page?.clock.pong(sent, now_ns),
  ended: ({ run }) => page && run === page.run.number && page.run.serverHasEnded(),
  error: (words) => {
    hasClaimed = false; // another page may have been quicker, and gone since
    say(words, true);
  },
  lost: (why, again_ms) => {
    hasClaimed = false;
    met = undefined;
    renewed = null;
    page?.run.abandon();
    if (page) showRole(body.dataset.role);
    body.dataset.runState = "connecting";
    say(why ? `The server sent this page away: ${why}. It asks again in ${duration(again_ms)}.` : "The server does not answer. Is `wirerace demo` still running? This page tries again.", true);
  },
});
const tabs = new Tabs((active) => {
  tabIsActive = active;
  if (!active) page?.run.abandon();
  if (state) take(state);
});
const knobs = new Knobs($("knobs"), $("notes"), (wanted) => {
  for (const preset of $("presets").children) preset.setAttribute("aria-pressed", "false");
  control.send({ set: wanted });
});

/** What people should know now; `isTrouble`: something is wrong. */
function say(words, isTrouble = false) {
  $("says").textContent = words;
  $("says").classList.toggle("trouble", isTrouble);
}

function watching(count) {
  return count > 0 ? `Watching: ${count}. The meters count only the page in control.` : "";
}

/** Builds what depends on the lanes, at the server's first word. */
function build({ lanes, feed }) {
  const looks = lanes.map(lookOf);
  const clock = new Clock((message) => control.send(message));
  const recorder = new Recorder(looks.map((look) => look.id), feed.symbols.length, clock, (from, to) => visibility.touches(from, to));
  const log = new ExchangeLog(recorder.ids);
  const views = lanes.map((lane, i) => new LaneView(lane, looks[i], $("lane")));
  $("lanes").replaceChildren(...views.map((view) => view.node));
  const strip = new StripChart($("strip"), looks);
  const sequence = new SequenceChart($("sequence"), looks, log, recorder, clock);
  const playback = new Playback(log, () => sequence.shown.map((look) => look.id));
  const player = new Player(playback, looks, recorder);
  const tell = {
    quotes: (id, quotes, at) => {
      const skips = run.delivery === "newest";
      for (const quote of quotes) {
        const late = recorder.arrival(id, quote, at, skips);
        if (!Number.isNaN(late)) strip.add(id, recorder.first[quote.seq], late);
      }
    },
    gap: (id, { first, last }) => recorder.gap(id, first, last),
    request: (id) => (recorder.lanes.get(id).requests += 1),
    empty: (id) => (recorder.lanes.get(id).empty += 1),
    skipped: (id) => (recorder.lanes.get(id).skipped += 1),
    ready: (id) => page.run.stands(id),
    timer: (late) => recorder.timer(late),
    trouble: (id, words) => say(`${looks.find((look) => look.id === id).name}: ${words}`, true),
  };
  const run = new Run({ control, clock, recorder, log, visibility, knobs: () => knobs.values, tell, changed: showRun, ended: judge });
  for (const symbol of feed.symbols) $("symbol").append(new Option(symbol));
  const prediction = new Prediction($("prediction"), $("prediction-result"), looks);
  const verdict = new Verdict($("verdict"), looks);
  const table = new ByteTable($("bytes-table"), looks);
  const seven = new SevenStreams($("seven"), $("seven-says"), () => ({
    url: state.lanes.find((lane) => lane.id === BREAK_LANE).url, own: run.isOn ? 1 : 0,
  }));
  const parts = { looks, clock, recorder, log, views, strip, sequence, playback, player, run, table };
  new Painter({ ...parts, theme, visibility, knobs, meters: () => meters }).begin();
  return { ...parts, prediction, verdict, seven };
}

/** The server's word on role, knobs and run. */
function take(message) {
  state = message;
  if (tabIsActive === null) return; // not yet known whether this tab may race
  page ??= build(message);
  const role = tabIsActive ? message.role : "passive";
  body.dataset.role = role;
  showRole(role);
  const isFirst = Object.keys(knobs.values).length === 0;
  const changed = knobs.show(message.knobs, message.limits, message.notes ?? []);
  page.log.one_way_ms = message.knobs.rtt_ms / 2;
  page.prediction.asks(message.knobs.delivery);
  // Beside the figures of the last race stands its own theory.
  for (const view of page.views) view.distance(resting && message.result ? message.result.knobs : message.knobs);
  $("path").textContent = message.path === "delayed"
    ? "Delayed path: each server holds bytes back by half the round trip each way, and a new connection's first bytes by one round trip more, since it cannot delay the kernel's own handshake."
    : "Loopback: no distance but the one you set.";
  // Once each time that control becomes free: another page may be quicker.
  if (message.controlled) hasClaimed = false;
  // A tab that may not race can have come to the server before the one that may: control is for that one.
  if (role === "passive" && message.role === "control") control.send({ yield: true });
  else if (!message.controlled && role === "watch" && isLoopback() && !hasClaimed) hasClaimed = control.send({ claim: true });
  if (role !== "passive") follow(message, role, isFirst ? [] : changed);
}

let renewed = null; // the race of another page instead of which this one has asked for its own

/** Begins, goes on or ends, as the server does. */
function follow(message, role, changed) {
  const { run } = page;
  const isOther = message.epoch !== run.epoch, isOld = message.now_ns > OLD_NS;
  if (message.running && role === "control" && (isOther ? isOld || message.epoch === met : run.isWatched)) {
    // A race that was begun for another page, whose requests are on the meters: this one begins its own.
    if (renewed !== message.epoch) control.send({ start: true });
    renewed = message.epoch;
  } else if (message.running && isOther) {
    run.isWatched = role !== "control";
    start(message, isOld);
  } else if (!message.running && run.isOn) run.serverHasEnded();
  else if (message.running) adjust(message, changed);
  else if (run.state === "idle") rest(message);
  if (body.dataset.runState === "connecting") showRun(run.state);
}

function start(message, fromNow) {
  const { prediction, run, seven } = page;
  clear(message.run, knobs.values.delivery);
  resting = undefined;
  seven.close(); // their server is about to go
  prediction.lock();
  say("");
  // Who watches learns of the end from the server: how long the race is only the page in control knows.
  run.length_ms = run.isWatched ? Infinity : Number($("length").value) * 1000;
  run.begin(message, fromNow);
}

/** Nothing of any race is left to see; what comes next is race `number`. */
function clear(number, delivery) {
  const { views, strip, player, verdict } = page;
  for (const view of views) view.clear();
  $("strip-says").textContent = STRIP_SAYS[delivery];
  $("figure-says").textContent = FIGURE_SAYS[delivery];
  strip.forget();
  player.restart();
  verdict.hide();
  [shown, meters] = [number, null];
}

/** Without a race on the server and without one of its own the page shows what the last one came to, all of it, or nothing. */
function rest({ epoch, run: number, result: judged }) {
  const result = judged?.window_us ? judged : null; // without a window it has no figures
  if (resting === (result ? epoch : null)) return;
  resting = result ? epoch : null;
  clear(result ? number : 0, result?.knobs.delivery ?? "every");
  page.recorder.forget();
  page.log.forget();
  $("progress").value = result ? 1 : 0;
  if (result) showLast(result);
  showRun("idle");
}

/** The figures are those of the page that was in control. */
function showLast(result) {
  const { window_us, changed, knobs: raced } = result, isNewest = raced.delivery === "newest";
  const lanes = Object.fromEntries(page.looks.map(({ id }) => {
    const { after_first_p50_ms: late_ms, after_first_p99_ms: late_p99_ms, empty, skipped } = result.seen[id] ?? {};
    const { staleness_mean_ms: stale_ms, bytes_per_quote: bytes, lost } = result.lanes[id] ?? {};
    return [id, { late_ms, late_p99_ms, stale_ms, bytes, lost, empty, skipped }];
  }));
  const best = Math.min(...Object.values(lanes).map(({ late_ms }) => late_ms ?? Infinity));
  for (const view of page.views) {
    view.distance(raced);
    view.last(lanes[view.id], best, isNewest);
  }
  const notes = [
    `Over ${duration((window_us[1] - window_us[0]) / 1000)}, ${raced.rate_per_s} quotes a second, a round trip of ${duration(raced.rtt_ms)}. This page came after the race: the figures are those of the page that was in control.`,
    ...(changed.length > 0 ? [`Changed in the race: ${changed.join("; ")}. ${TURNED}`] : []),
  ];
  page.verdict.show(lanes, result, "", notes, isNewest, "What the last race has shown");
}

/** A knob that works at once was turned in the race. */
function adjust({ knobs: now }, changed) {
  const words = changed.filter((name) => name in AT_ONCE).map((name) => AT_ONCE[name](now));
  if (words.length === 0) return;
  page.strip.mark(performance.now(), words.join(", "));
  page.run.turned();
  page.playback.turned();
  if (changed.includes("interval_ms")) page.run.retune();
}

/** What the chart shows, by delivery. */
const STRIP_SAYS = {
  every: $("strip-says").textContent,
  newest: "Only the newest count: lanes show different quotes, so compare how stale they are. This is how late those were that several showed.",
};

/** What the lanes' large figure is, where the projector hides the words below it. */
const FIGURE_SAYS = { every: $("figure-says").textContent, newest: "Stale, on average" };

const TURNED = "Times are those of the stretch after the last turn of a knob, and bytes and requests those of the whole race.";

function isLoopback() {
  return ["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
}

const ROLES = {
  control: "",
  watch: "You are watching. Prices and lateness are this page's own; bytes, requests and sockets are those of the page in control, on the server's machine.",
  passive: "Another tab of this browser has the race. This one stays passive, since six connections per host are shared by all tabs. Close the other one, and this one takes over.",
};

const ENDING = "The settings wait for the verdict: another one now would throw the race away.";

/** What this page may do at the moment, and why not. */
function showRole(role) {
  const { isEnding } = page.run, mayTurn = role === "control" && control.isOpen && !isEnding;
  $("role").textContent = ROLES[role] ?? "";
  $("go").disabled = !mayTurn;
  knobs.allow(mayTurn, role === "control" && isEnding ? ENDING : "");
  for (const preset of $("presets").children) preset.disabled = !mayTurn;
}

const LAST = "The last race is over, and this is its result; prices and pictures come with the next. Guess first, then start.";
const STATES = { idle: "Ready. Guess first, then start.", running: "", draining: "Waiting for what is still on its way …", judging: "Judging …", done: "" };

function showRun(name) {
  if (!page) return;
  body.dataset.runState = name;
  $("go").textContent = page.run.isOn ? "Stop" : name === "done" ? "Start again" : "Start";
  $("length").disabled = page.run.isOn;
  $("pause").disabled = $("step").disabled = name === "idle";
  if (!page.run.isOn) $("left").textContent = "";
  if (name === "done" && page.run.isWatched) $("progress").value = 1;
  say(name === "idle" && resting ? LAST : STATES[name] ?? "");
  showRole(body.dataset.role);
  if (name === "idle") page.prediction.unlock();
  page.seven.count();
  if (name === "draining") page.playback.end = performance.now();
}

function go() {
  if (body.dataset.role !== "control" || page.run.isEnding) return;
  if (page.run.isOn) page.run.drain();
  else control.send({ start: true });
}

/** After the run: the server's verdict, the page's own figures over the same stretch of time, and what was guessed. */
async function judge() {
  const { run, recorder, looks, prediction, verdict, clock } = page;
  const { begun } = run;
  for (const { id } of looks) {
    const lane = recorder.lanes.get(id);
    lane.lost += Math.max(0, run.last - lane.newest);
  }
  let answer = null, trouble = run.tooShort ?? "only the page in control sends it";
  if (!run.tooShort && !run.isWatched && body.dataset.role === "control") {
    try {
      answer = await send(run.record());
    } catch (error) {
      trouble = error.message;
    }
    if (run.begun !== begun) return; // another race is on: what is shown is its own
  }
  const span = answer?.window_us?.map((us) => us / 1000) ?? [run.settledFrom, run.window.to].map((at) => clock.epochTime(at));
  const lanes = ownFigures(span, answer?.lanes);
  verdict.show(lanes, answer, trouble, run.tooShort ? [] : conditions(span), run.delivery === "newest");
  if (run.tooShort) prediction.unlock();
  else prediction.judge(lanes, { ...knobs.values, delivery: run.delivery });
}

/** By lane, of the quotes due within a stretch of the epoch, in milliseconds. */
function ownFigures([from, to], judged) {
  const { looks, recorder } = page;
  return Object.fromEntries(looks.map(({ id }) => {
    const late = recorder.lateness(id, from, to), all = perQuote(meters?.lanes?.[id])?.all;
    return [id, { quotes: late.length, late_ms: percentile(late, 0.5), late_p99_ms: percentile(late, 0.99), lost: recorder.lanes.get(id).lost, stale_ms: judged?.[id]?.staleness_mean_ms, bytes: judged?.[id]?.bytes_per_quote ?? all }];
  }));
}

/** What the figures have to be quoted with. */
function conditions([from, to]) {
  const { run, clock, recorder } = page;
  const hidden = visibility.within(run.window.from, run.window.to);
  return [
    `Over ${duration(to - from)}. The first two columns are on this page's own clock; the third needs the server's, known to ± ${duration(clock.error_ms)}. Polls left ${duration(Math.abs(recorder.timer_ms))} ${recorder.timer_ms < 0 ? "before" : "after"} the instant planned for them, at the median: this browser's own error.`,
    ...(run.settledFrom > run.window.from ? [`A knob was turned in this race. ${TURNED}`] : []),
    ...(hidden > 0 ? [`The page was hidden or asleep for ${duration(hidden)}: that is left out.`] : []),
  ];
}

/** One lane large, or all of them. */
function focus(key) {
  const look = page.looks[key - 1];
  if (!look) return;
  page.sequence.focus = page.sequence.focus === look.id ? null : look.id;
  body.dataset.focus = page.sequence.focus ?? "";
  for (const view of page.views) view.node.classList.toggle("focused", view.id === page.sequence.focus);
}

const ready = (deed) => (...args) => page && deed(...args);
const inRace = (deed) => ready(() => page.run.state !== "idle" && deed()); // in one or after it: else there is nothing to hold
const help = () => $("help").showModal();
$("go").addEventListener("click", ready(go));
$("help-button").addEventListener("click", help);
$("lanes").addEventListener("click", (event) => {
  const lane = event.target.closest(".key") && event.target.closest("[data-lane]");
  if (lane) focus(page.looks.findIndex((look) => look.id === lane.dataset.lane) + 1);
});
showPresets($("presets"), $("question"), (wanted) => control.send({ set: wanted }));
listen({
  " ": inRace(() => page.player.pause()), ".": inRace(() => page.player.step()), "-": ready(() => page.player.slower(1)),
  "+": ready(() => page.player.slower(-1)), "=": ready(() => page.player.slower(-1)),
  r: ready(go), f: () => theme.toggleProjector(), d: () => $("theme").click(), "?": help, lane: ready(focus),
  "[": ready(() => knobs.roundTrip(-1)), "]": ready(() => knobs.roundTrip(1)),
  v: () => (body.dataset.chart = body.dataset.chart === "sequence" ? "strip" : "sequence"),
});
