// Which instant the sequence diagram shows: now, a slower one, or one that is held. Once the race is over there is no now:
// then it is looked at again, as far back as the log still holds it. The race itself goes on meanwhile.

import { duration, number } from "./format.js";

export const SPEEDS = [1, 0.25, 0.05, 0.01];
const NOT_YET = "Nothing more has happened yet.";
const OVER = "Here the race ended. A step, or slow motion, shows its last part again.";

/** The instant that is looked at. No page in here. */
export class Playback {
  /** `lanes` gives the ids of those that are shown: a step goes to what happens on them. */
  constructor(log, lanes) {
    Object.assign(this, { log, lanes, speed: 1, last: performance.now() });
    this.restart();
  }

  /** A race begins. */
  restart() {
    const now = performance.now();
    Object.assign(this, { since: now, head: now, end: Infinity, paused: false });
  }

  /** A knob was turned that works at once: what came before is another race's, for the verdict too. */
  turned() {
    this.since = performance.now();
  }

  /** An arrow's end is known when it arrives: looking a little back, all that is seen is known. */
  live(now) {
    return Math.min(now - this.log.one_way_ms - 50, this.end);
  }

  /** The race is over, and its last instant is looked at. */
  get isAtEnd() {
    return this.head >= this.end;
  }

  /** One frame later. True when slow motion has come to the end just now. */
  advance(now) {
    const passed = now - this.last, wasAtEnd = this.isAtEnd;
    this.last = now;
    if (this.paused) return false;
    const live = this.live(now);
    this.head = this.speed === 1 ? live : Math.min(live, Math.max(this.head + passed * this.speed, this.log.oldest()));
    return this.speed < 1 && this.isAtEnd && !wasAtEnd;
  }

  faster(steps) {
    const at = SPEEDS.indexOf(this.speed) - steps;
    this.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at))];
  }

  /** Holds the picture, or lets it go on: from where it stands in slow motion, else with what is now. */
  hold(now) {
    this.paused = !this.paused;
    if (!this.paused && this.speed === 1) this.head = this.live(now);
  }

  /** To the next instant at which something happens. Gives what happens there, or null; then a race that is over has come to its end. */
  step() {
    this.paused = true;
    const next = this.log.next(this.lanes(), this.head);
    const found = next && next.at <= this.end ? next : null; // what comes after the race is none of it
    if (found) this.head = found.at + 0.001;
    else if (this.end < Infinity) this.head = this.end;
    return found;
  }

  /** From the end back to the oldest instant that is kept. Gives how much of the race that is, in milliseconds; 0 anywhere else. */
  rewind() {
    if (!this.isAtEnd) return 0;
    this.head = Math.min(this.end, Math.max(this.since, this.log.oldest()));
    return this.end - this.head;
  }
}

/** One event in words. */
function tell({ id, kind, exchange }, looks, recorder) {
  const name = looks.find((look) => look.id === id).name;
  if (exchange.opens) return kind === "sent" ? `${name} opens its stream.` : `${name}: the stream stands.`;
  if (kind === "sent") return `${name} asks${exchange.held ? ", and the server may wait" : ""}.`;
  if (exchange.failed) return `${name}: the question goes without an answer.`;
  if (exchange.quotes === 0) return `${name}: an answer without a quote.`;
  const late = recorder.lanes.get(id).at[exchange.seq] - recorder.first[exchange.seq];
  const what = exchange.quotes > 1 ? `${exchange.quotes} quotes up to #${exchange.seq}` : `quote #${exchange.seq}`;
  return `${name} has ${what}, ${late > 0 ? `${duration(late)} after the first lane` : "the first lane to show it"}.`;
}

/** Its buttons, and the line that tells in words what is looked at. */
export class Player {
  constructor(playback, looks, recorder) {
    Object.assign(this, { playback, looks, recorder });
    const find = (id) => document.getElementById(id);
    this.parts = { pause: find("pause"), speed: find("speed"), story: find("story") };
    this.parts.pause.addEventListener("click", () => this.pause());
    find("step").addEventListener("click", () => this.step());
    find("slower").addEventListener("click", () => this.slower(1));
    find("faster").addEventListener("click", () => this.slower(-1));
  }

  /** One frame later. */
  advance(now) {
    if (this.playback.advance(now)) this.show(OVER);
  }

  restart() {
    this.playback.restart();
    this.show("");
  }

  pause() {
    const { playback } = this;
    playback.hold(performance.now());
    if (playback.paused) this.show(playback.isAtEnd ? OVER : "");
    else this.show(playback.speed < 1 ? this.again() : "");
  }

  step() {
    const { playback, looks, recorder } = this;
    const again = this.again(), found = playback.step();
    const words = found ? tell(found, looks, recorder) : playback.isAtEnd ? OVER : NOT_YET;
    this.show(`${again} ${words}`.trim());
  }

  slower(steps) {
    const { playback } = this;
    playback.faster(-steps);
    this.show(playback.speed < 1 ? this.again() : "");
  }

  /** At the end there is nothing more to see, so what is kept of the race is shown again. Gives the words for that, or none. */
  again() {
    const kept_ms = this.playback.rewind();
    return kept_ms > 0 ? `Replaying the last ${duration(kept_ms)}.` : "";
  }

  /** What the buttons say, and a sentence; while the picture stands and there is no other one, the last sentence stands as well. */
  show(words) {
    const { pause, speed, story } = this.parts, { playback } = this;
    pause.textContent = playback.paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(playback.paused));
    speed.textContent = playback.speed === 1 ? "Live" : `1/${number(1 / playback.speed)} speed`;
    document.body.dataset.paused = String(playback.paused);
    document.body.dataset.speed = String(playback.speed);
    if (words !== "" || !playback.paused) story.textContent = words;
  }
}
