// The numbers: who showed which quote when. No clock, no page and no network in here.
//
// Times are those of `performance.now()`, in milliseconds. Quote n counts from the instant at which the first lane showed
// it: that lane is 0 late, the others are as late as they came after it. The room is taken once, so a race of ten
// minutes needs no more memory than one of ten seconds.

import { percentile } from "./format.js";

/** Most quotes of one run: ten minutes of 200 a second are 120,000. */
export const QUOTES_MAX = 1 << 17;
/** Figures on screen tell of so much of the past, */
const RECENT_MS = 10_000;
/** and of so many quotes at least. */
const RECENT_QUOTES = 8;
const RING = 4096;

/** What one lane has shown. */
class LaneRecord {
  constructor(symbols) {
    this.at = new Float64Array(QUOTES_MAX).fill(NaN);
    this.held = new Array(symbols).fill(0); // the newest quote of each symbol
    this.prices = new Array(symbols).fill(undefined);
    this.forget();
  }

  forget() {
    this.at.fill(NaN);
    this.held.fill(0);
    this.prices.fill(undefined);
    this.newest = 0;
    this.received = 0;
    this.lost = 0;
    this.twice = 0;
    this.requests = 0;
    this.empty = 0;
    this.skipped = 0;
    this.recent = { at: new Float64Array(RING), late: new Float32Array(RING), stale: new Float64Array(RING), count: 0 };
  }
}

export class Recorder {
  /** `clock` turns page times into times of the epoch, `hidden(from, to)` says whether the page was out of sight. */
  constructor(ids, symbols, clock, hidden) {
    Object.assign(this, { ids, symbols, clock, hidden });
    this.first = new Float64Array(QUOTES_MAX);
    this.due = new Float64Array(QUOTES_MAX);
    this.lanes = new Map(ids.map((id) => [id, new LaneRecord(symbols)]));
    this.values = new Float32Array(RING); // put in order for a median, and then of no more use
    this.forget();
  }

  /** Another run begins: at its first quote, or, for those who come late, with the next. */
  forget(fromNow = false) {
    this.fromNow = fromNow;
    this.first.fill(NaN);
    this.due.fill(NaN);
    this.newest = 0;
    this.left_out = 0;
    this.timers = { late: new Float32Array(RING), count: 0 };
    for (const lane of this.lanes.values()) lane.forget();
  }

  /** A lane shows a quote. Gives how late it is, in milliseconds after the first lane; NaN for one it had before. */
  arrival(id, quote, at, skips) {
    const lane = this.lanes.get(id), { seq } = quote;
    if (!(seq > 0 && seq < QUOTES_MAX)) return NaN;
    if (!Number.isNaN(lane.at[seq])) {
      lane.twice += 1;
      return NaN;
    }
    lane.at[seq] = at;
    lane.received += 1;
    if (Number.isNaN(this.first[seq])) {
      this.first[seq] = at;
      this.due[seq] = quote.time_ns / 1e6;
      this.newest = Math.max(this.newest, seq);
    }
    // Who comes late begins with the first quote that it sees.
    if (lane.newest === 0 && this.fromNow) lane.newest = seq - 1;
    // Where only the newest count, what is jumped over is not lost.
    if (!skips && seq > lane.newest + 1) lane.lost += seq - lane.newest - 1;
    if (seq < lane.newest && !skips) lane.lost -= 1; // it was late, not lost
    lane.newest = Math.max(lane.newest, seq);
    const late = at - this.first[seq];
    this.remember(lane, seq, at, late, this.hold(lane, quote, at));
    return late;
  }

  remember(lane, seq, at, late, stale) {
    if (this.hidden(Math.min(this.first[seq], this.clock.pageTime(this.due[seq])), at)) {
      this.left_out += 1;
      return;
    }
    const slot = lane.recent.count % RING;
    lane.recent.at[slot] = at;
    lane.recent.late[slot] = late;
    lane.recent.stale[slot] = stale;
    lane.recent.count += 1;
  }

  /**
   * The lane now holds this quote of its symbol. Gives what that adds to the time integral of excess staleness: for each
   * quote that a reader without delay would have shown meanwhile, (its due − the due before it) × (now − its due).
   * Symbols take turns, so the one before is as many numbers back as there are symbols.
   */
  hold(lane, { seq, price }, at) {
    const symbol = (seq - 1) % this.symbols, held = lane.held[symbol];
    if (seq <= held) return 0;
    const now = this.clock.epochTime(at);
    let before = held > 0 ? this.due[held] : 0, sum = 0;
    for (let n = held > 0 ? held + this.symbols : symbol + 1; n <= seq; n += this.symbols) {
      const due = this.due[n]; // unknown where no lane has shown it
      if (Number.isNaN(due)) continue;
      sum += (due - before) * Math.max(0, now - due);
      before = due;
    }
    lane.held[symbol] = seq;
    lane.prices[symbol] = price;
    // Who comes late has not been without a price since the run began.
    if (held === 0 && this.fromNow) return 0;
    return sum;
  }

  /** A server said that quotes are gone: the jump over them will be counted, this is for those it never reaches. */
  gap(id, first, last) {
    const lane = this.lanes.get(id);
    if (last > lane.newest) {
      lane.lost += last - Math.max(lane.newest, first - 1);
      lane.newest = last;
    }
  }

  /** The figures of the last seconds: median lateness, and mean excess staleness, both in milliseconds. */
  recent(id, now, since) {
    const { at, late, stale, count } = this.lanes.get(id).recent, { values } = this;
    let quotes = 0, staleness = 0, begin = Math.max(since, now - RECENT_MS);
    for (let back = 1; back <= Math.min(count, RING); back++) {
      const slot = (count - back) % RING;
      if (at[slot] < since || (at[slot] < now - RECENT_MS && quotes >= RECENT_QUOTES)) break;
      begin = Math.min(begin, at[slot]);
      values[quotes++] = late[slot];
      staleness += stale[slot];
    }
    const span = now - begin;
    const p50 = percentile(values.subarray(0, quotes), 0.5);
    return { p50, quotes, stale: quotes > 0 && span > 0 ? staleness / span / this.symbols : NaN };
  }

  /** A poll left so many milliseconds after the instant planned for it: this page's own error. */
  timer(late) {
    this.timers.late[this.timers.count++ % RING] = late;
  }

  /** The middle of that, over the last polls. */
  get timer_ms() {
    return percentile(this.timers.late.slice(0, Math.min(this.timers.count, RING)), 0.5);
  }

  /** Whether the lane shows an older quote of a symbol than another lane does. */
  isBehind(id, symbol) {
    const held = this.lanes.get(id).held[symbol];
    for (const lane of this.lanes.values()) if (lane.held[symbol] > held) return true;
    return false;
  }

  /** Lateness of all quotes that were due within a stretch of the epoch and not while the page was hidden. */
  lateness(id, from, to) {
    const { at } = this.lanes.get(id), values = [];
    for (let seq = 1; seq <= this.newest; seq++) {
      const first = this.first[seq], due = this.due[seq];
      if (due >= from && due < to && !Number.isNaN(at[seq]) && !this.hidden(first, at[seq])) values.push(at[seq] - first);
    }
    return values;
  }

  /** For a result file: [seq, microseconds since the epoch began] of all that a lane has shown. */
  arrivals(id) {
    const { at } = this.lanes.get(id), list = [];
    for (let seq = 1; seq <= this.newest; seq++) {
      if (!Number.isNaN(at[seq])) list.push([seq, Math.round(this.clock.epochTime(at[seq]) * 1000)]);
    }
    return list;
  }

  /** The last quote that was due before an instant of the epoch, of those that some lane has shown; 0 if none. */
  lastDueBefore(time) {
    let seq = this.newest;
    while (seq > 0 && !(this.due[seq] < time)) seq -= 1;
    return seq;
  }

  /** Whether every lane has come as far as quote `seq`. */
  allHave(seq) {
    return this.ids.every((id) => this.lanes.get(id).newest >= seq);
  }
}
