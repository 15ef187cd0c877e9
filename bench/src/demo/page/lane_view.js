// One lane on the page: its price, how late it is, and what that costs.

import { ByteBar, perQuote } from "./byte_bar.js";
import { NOTHING, bytes, duration, number, price } from "./format.js";
import { sample } from "./looks.js";

/** Connections that Chromium opens to one host and port; WebSockets are counted apart. */
const POOL = 6;
const SOCKET_POOL = 255;
const HOW = { planned: "asks on a timer", held: "asks, server waits", pushed: "server sends" };

/** One unit wherever it can be, so that lanes can be compared at a glance; the page's clock has steps of 0.1 ms. */
const lateness = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : duration(ms));

/** By theory: how long after it was due a quote is shown, on average. The same formulas stand in lab sheet 1. */
function theory(lane, { rate_per_s, interval_ms, rtt_ms }) {
  const d = rtt_ms / 2;
  if (lane.delivers === "planned") {
    // A poll that does not fit into an interval costs the next one; a new connection takes a round trip of its own.
    const exchange = lane.id === "poll-close" ? 2 * rtt_ms : rtt_ms;
    const half = (interval_ms * Math.ceil(exchange / interval_ms)) / 2;
    return `T′/2 + d = ${duration(half)} + ${duration(d)} = ${duration(half + d)}`;
  }
  if (lane.delivers === "held") {
    // So long after each answer no request waits at the server, and so many quotes come meanwhile.
    const w = rtt_ms, x = (rate_per_s * w) / 1000, wait = ((w / 2) * x) / (x + Math.exp(-x));
    return `d + (w/2) · x/(x + e^−x) = ${duration(d)} + ${duration(wait)} = ${duration(d + wait)}, with w = ${duration(w)}, x = ${number(x)}`;
  }
  return `d = ${duration(d)}`;
}

export class LaneView {
  constructor(lane, look, template) {
    this.id = lane.id;
    this.node = template.content.firstElementChild.cloneNode(true);
    const find = (name) => this.node.querySelector(`.${name}`);
    this.parts = Object.fromEntries(
      ["price", "which", "late", "said", "stale", "requests", "handshakes", "lost", "empty", "skipped", "open", "gauge", "size", "theory"].map((n) => [n, find(n)]),
    );
    this.bar = new ByteBar(find("bytes"));
    this.pool = lane.id === "ws" ? SOCKET_POOL : POOL;
    this.polls = lane.delivers === "planned";
    this.node.dataset.lane = lane.id;
    this.node.id = `lane-${lane.id}`;
    this.node.style.setProperty("--lane", look.colour);
    find("key").textContent = look.key;
    find("key").setAttribute("aria-label", `${look.key}: show ${look.name} alone`);
    find("name").textContent = look.name;
    find("means").textContent = HOW[lane.delivers] ?? "";
    find("name").before(sample(look));
    this.dots = Array.from({ length: POOL }, () => document.createElement("i"));
    if (this.pool === POOL) this.parts.gauge.append(...this.dots);
    Object.assign(this, { lane, shown: {}, one_way_ms: 0 });
    this.clear();
  }

  /** Sets text only where it differs: most of it does not change from one frame to the next. */
  text(name, text) {
    if (this.shown[name] === text) return;
    this.shown[name] = text;
    this.parts[name].textContent = text;
  }

  clear() {
    this.price(undefined, 0, "", false);
    this.late({ p50: NaN, stale: NaN, quotes: 0 }, false);
    this.meter(null, 0);
    this.counts({ newest: 0, lost: 0, empty: 0, skipped: 0 });
  }

  /** What the client shows now of one symbol. `behind`: another lane shows a newer one. */
  price(value, seq, symbol, behind) {
    this.text("price", price(value));
    this.text("which", seq > 0 ? `${symbol} #${seq}${behind ? " · behind" : ""}` : symbol || "no quote yet");
    if (this.shown.behind !== behind) this.node.classList.toggle("behind", (this.shown.behind = behind));
  }

  /** `isNewest`: only the newest count, so lanes show different quotes, and what compares them is staleness. */
  late({ p50, stale, quotes }, isFirst, isNewest) {
    if (isNewest) {
      this.text("late", duration(stale));
      this.text("said", "stale, on average");
      this.text("stale", duration(stale));
      return;
    }
    this.text("late", quotes === 0 ? "–" : isFirst ? "first" : `+${lateness(p50)}`);
    const first = this.one_way_ms > 0 ? `first; one way (${duration(this.one_way_ms)}) after it was due` : "at the median";
    this.text("said", isFirst && quotes > 0 ? first : "after the first, median");
    this.text("stale", duration(stale));
  }

  /** What the lane came to in a race that was over before this page was there. `best_ms`: the least median of all lanes. */
  last({ late_ms, stale_ms, lost, empty, skipped }, best_ms, isNewest) {
    const isKnown = Number.isFinite(late_ms);
    this.price(undefined, 0, "before this page came", false);
    this.late({ p50: late_ms, stale: stale_ms, quotes: isKnown ? 1 : 0 }, isKnown && late_ms === best_ms && late_ms < 0.05, isNewest);
    this.text("said", isNewest ? "stale, last race" : "last race, median");
    this.counts({ newest: 0, lost: lost ?? 0, empty, skipped });
  }

  /** How far away the server is: what that adds for all lanes alike, and what theory says of this one. */
  distance(knobs) {
    const isFar = knobs.rtt_ms > 0 && knobs.delivery === "every";
    this.one_way_ms = knobs.rtt_ms / 2;
    this.node.classList.toggle("far", isFar);
    this.text("theory", isFar ? `In theory, on average, after it was due: ${theory(this.lane, knobs)}` : "");
  }

  counts({ newest, lost, empty, skipped }) {
    this.text("lost", number(lost));
    this.text("empty", number(empty));
    this.text("skipped", this.polls ? number(skipped) : NOTHING);
    if (this.shown.newest !== newest) this.node.dataset.seq = this.shown.newest = newest;
    if (this.shown.lost !== lost) this.node.dataset.lost = this.shown.lost = lost;
  }

  /** From the server's meter: all that this lane cost, for everyone who looks. */
  meter(meter, most) {
    const figures = perQuote(meter);
    this.text("requests", number(meter?.requests));
    this.text("handshakes", number(meter?.connections));
    this.text("size", figures ? `${bytes(figures.all)} per quote${figures.isWhole ? "" : ", above TCP"}` : "–");
    this.bar.show(figures, most);
    this.gauge(meter?.open ?? 0);
    return figures;
  }

  gauge(open) {
    if (this.shown.opened === open) return;
    this.shown.opened = open;
    this.node.dataset.open = open;
    const full = open >= this.pool;
    this.text("open", `${open} of ${this.pool}${full ? ", full" : ""}`);
    this.parts.gauge.classList.toggle("full", full);
    this.dots.forEach((dot, i) => dot.classList.toggle("on", i < open));
  }
}
