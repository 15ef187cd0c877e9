// One race on this page, from start to verdict.
//
//   idle → running → draining → judging → done
//
// The window of the figures opens when every lane stands, and closes when the time is over. Then the lanes go on until
// each has shown the last quote of the window, so that none is called lost which was only late.

import { openLane } from "./lanes.js";

// What opening the lanes stirred up has gone by then.
const SETTLE_MS = 300;
const READY_WITHIN_MS = 6_000;
const LOOK_EVERY_MS = 100;
const ENDED_WITHIN_MS = 1_500;

export class Run {
  /** `isWatched`: another page has control, and its requests are on the meters. `parts`: control, clock, recorder, log, visibility, knobs (a function), tell, changed(state), ended(how). */
  constructor(parts) {
    Object.assign(this, parts, { state: "idle", lanes: [], epoch: null, number: 0, begun: 0, isWatched: false, delivery: "every", length_ms: 30_000 });
  }

  to(state) {
    this.state = state;
    this.changed(state);
  }

  get isOn() {
    return this.state === "running" || this.state === "draining";
  }

  /** The time is over, and the verdict is not there yet. */
  get isEnding() {
    return this.state === "draining" || this.state === "judging";
  }

  /** The server has begun an epoch. `fromNow`: it began long before this page came. */
  begin({ epoch, run, lanes }, fromNow) {
    this.close();
    this.begun += 1; // a number of its own: a page that comes back may begin the same run once more
    // A race has one way of delivery: another one takes another stream.
    const { delivery } = this.knobs();
    Object.assign(this, { epoch, number: run, delivery, window: null, ready: new Set(), serverEnded: false, turnedAt: -Infinity });
    this.recorder.forget(fromNow);
    this.log.forget();
    this.visibility.forget();
    this.began = performance.now();
    this.to("running");
    this.clock.restart(() => this.open(lanes, fromNow));
  }

  open(lanes, fromNow) {
    if (!this.isOn) return;
    const race = { epoch: this.epoch, delivery: this.delivery, fromNow, knobs: this.knobs, log: this.log, tell: this.tell };
    // Who stopped it while the clocks were compared waits for a verdict, too: that it was too short.
    if (this.state === "running") this.lanes = lanes.map((lane) => openLane(lane, race));
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  /** A lane stands. */
  stands(id) {
    this.ready.add(id);
  }

  retune() {
    for (const lane of this.lanes) lane.retune?.();
  }

  /** A knob was turned that works at once: what came before is another race's. */
  turned() {
    this.turnedAt = performance.now();
  }

  /** From where on the window's times count: its begin, or the last turn of a knob. */
  get settledFrom() {
    return Math.min(Math.max(this.window.from, this.turnedAt), this.window.to);
  }

  /** Why there is nothing to judge, or null: figures need a second and some whole intervals without a turn of a knob. */
  get tooShort() {
    const { to } = this.window, begin = this.settledFrom, { interval_ms } = this.knobs();
    const needed_ms = 1_000 + 2 * interval_ms;
    if (to - begin - this.visibility.within(begin, to) >= needed_ms) return null;
    return `it was too short; let it run for ${Math.ceil(needed_ms / 1000)} s after the last turn of a knob, in sight`;
  }

  /** How much of the race is over, from 0 to 1, and how many milliseconds are left; NaN where only another page knows. */
  progress(now) {
    if (this.length_ms === Infinity) return { done: 0, left_ms: NaN };
    const from = this.window?.from ?? now;
    const left_ms = Math.max(0, this.length_ms - (now - from));
    return { done: 1 - left_ms / this.length_ms, left_ms };
  }

  look() {
    const now = performance.now(), { rtt_ms, interval_ms } = this.knobs();
    if (this.state === "running") {
      const all = this.ready.size === this.lanes.length || now - this.began > READY_WITHIN_MS + 6 * rtt_ms;
      if (!this.window && all) this.window = { from: Math.max(now, this.clock.pageTime(0)) + SETTLE_MS, to: Infinity };
      else if (this.window && now >= this.window.from + this.length_ms) this.drain(now);
    } else if (this.state === "draining") {
      // Servers answer until the next run begins: that this one has ended is no reason to leave before a poll's turn has come.
      const patience_ms = 2 * interval_ms + 4 * rtt_ms + 5000;
      this.last = this.recorder.lastDueBefore(this.clock.epochTime(this.window.to));
      const isOnItsWay = now < this.window.to + rtt_ms / 2 + SETTLE_MS;
      if ((this.recorder.allHave(this.last) && !isOnItsWay) || now > this.window.to + patience_ms) this.finish();
    }
  }

  /** The time is over, or somebody wants it to be. */
  drain(now = performance.now()) {
    if (this.state !== "running") return;
    this.window = { from: Math.min(this.window?.from ?? now, now), to: now };
    this.last = this.recorder.newest;
    this.to("draining");
  }

  async finish() {
    const { begun } = this;
    this.close();
    this.to("judging");
    if (!this.isWatched) this.control.send({ stop: true });
    const until = performance.now() + ENDED_WITHIN_MS;
    while (!this.serverEnded && performance.now() < until) await new Promise((later) => setTimeout(later, 20));
    // Another race may have been started meanwhile.
    if (this.begun === begun) await this.ended();
    if (this.begun === begun) this.to("done");
  }

  /** The server says that the run is over: because it was asked to, or because its longest time has come. */
  serverHasEnded() {
    this.serverEnded = true;
    this.drain();
  }

  close() {
    clearInterval(this.timer);
    for (const lane of this.lanes) lane.close();
    this.lanes = [];
  }

  /** This tab races no longer. */
  abandon() {
    const wasOn = this.isOn;
    this.close();
    this.epoch = null;
    if (wasOn) this.to("idle");
  }

  /** What `POST /run` takes. */
  record() {
    const { recorder, clock, visibility, window } = this;
    const micros = (at) => Math.round(clock.epochTime(at) * 1000);
    const lanes = Object.fromEntries(recorder.ids.map((id) => {
      const { requests, empty, skipped } = recorder.lanes.get(id);
      return [id, { received: recorder.arrivals(id), requests, empty, skipped }];
    }));
    return {
      run: this.number, lanes, offset_error_us: Math.ceil(clock.error_ms * 1000),
      hidden: visibility.until(window.to).map(([from, to]) => [micros(from), micros(to)]),
      window_us: [micros(window.from), micros(window.to)], user_agent: navigator.userAgent,
    };
  }
}
