// One loop draws what is seen: the pictures with each frame, prices and figures less often.

import { perQuote } from "./byte_bar.js";
import { duration } from "./format.js";
import { Picture } from "./looks.js";

const FIGURES_EVERY_MS = 200;
const PRICES_EVERY_MS = 100;
const CALM_MS = 1000;

const $ = (id) => document.getElementById(id);

export class Painter {
  /**
   * `parts`: what is drawn, and what it tells of: looks, clock, recorder, log, views, strip, sequence, playback, player,
   * run, table, theme, visibility, knobs, and meters, a function that gives the server's last word on them.
   */
  constructor(parts) {
    Object.assign(this, parts, { drawn: 0, priced: 0, figured: 0, raced: 0, told: 0, frames: [], turn: 0, heldAt: null });
    this.pictures = { strip: new Picture(this.strip.canvas), sequence: new Picture(this.sequence.canvas) };
  }

  /** From now on, with each frame of the browser. */
  begin() {
    const next = () => {
      requestAnimationFrame(next);
      this.frame(performance.now());
    };
    requestAnimationFrame(next);
  }

  frame(now) {
    this.frames.push(now);
    while (this.frames[0] < now - 1000) this.frames.shift();
    this.player.advance(now);
    const wait = this.theme.reducedMotion ? CALM_MS : 0;
    if (now - this.drawn >= wait) this.draw((this.drawn = now));
    if (now - this.priced >= Math.max(wait, PRICES_EVERY_MS)) this.prices((this.priced = now));
    if (now - this.figured >= FIGURES_EVERY_MS) this.figures((this.figured = now));
  }

  /** The pictures. Two charts take turns, a frame each; none is drawn that would be the same as before. */
  draw(now) {
    const { run, playback, strip, sequence, pictures, log, knobs, visibility } = this;
    const { ink, reducedMotion: calm } = this.theme, { paused, head, speed } = playback;
    this.turn += 1;
    const latest = Math.min(now, playback.end), seen = paused ? (this.heldAt ??= latest) : latest;
    if (!paused) this.heldAt = null;
    // What is paused stands as it was, whatever comes in, but for a step, another focus, another size or colour. Without a race no time goes by.
    const time = (at) => (run.state === "idle" ? "idle" : at), since = (...changes) => (paused ? ["paused"] : changes);
    if (calm || this.turn % 2 === 0) {
      pictures.strip.show(now, [time(seen), ...since(strip.version)], paused, ink, () => strip.draw(seen, visibility.until(seen), ink));
    }
    if (calm || this.turn % 2 === 1) {
      const sight = [time(head), sequence.focus, speed, ...since(log.version, sequence.span(knobs.values, speed))];
      pictures.sequence.show(now, sight, paused, ink, () => sequence.draw(head, knobs.values, speed, ink));
    }
  }

  get isNewest() {
    return this.run.delivery === "newest";
  }

  /** Prices change ten times a second. */
  prices() {
    const { run, playback, recorder, looks, views } = this;
    if (playback.paused || run.state === "idle") return;
    const { selectedIndex, options } = $("symbol");
    looks.forEach(({ id }, i) => {
      const { held, prices, newest } = recorder.lanes.get(id);
      // Where only the newest counts, it is that one, whatever its symbol: a lane may never show a certain one.
      const symbol = this.isNewest && newest > 0 ? (newest - 1) % recorder.symbols : selectedIndex;
      views[i].price(prices[symbol], held[symbol], options[symbol].text, recorder.isBehind(id, symbol));
    });
  }

  /** Figures change five times a second: faster than that nobody reads. */
  figures(now) {
    const { clock, run, recorder, looks, views, table, playback } = this, { lanes: metered } = this.meters() ?? {};
    document.body.dataset.fps = String(this.frames.length);
    document.body.dataset.timerMs = recorder.timer_ms.toFixed(1);
    write($("clock"), Number.isFinite(clock.error_ms) ? `clock ± ${duration(clock.error_ms)}` : "");
    if (run.isOn) {
      this.raced = now;
      this.progress(run.progress(now));
    }
    // Without a race they are those of the last one, which this page has not seen, or none.
    const isOwn = run.state !== "idle";
    if (isOwn) looks.forEach(({ id }, i) => views[i].counts(recorder.lanes.get(id)));
    if (playback.paused) return;
    // Once the race is over they stand as they were last, also for those who had paused then.
    const { raced } = this, isNew = isOwn && raced !== this.told;
    this.told = raced;
    const most = Math.max(0, ...looks.map(({ id }) => perQuote(metered?.[id])?.all ?? 0));
    const recent = looks.map(({ id }) => recorder.recent(id, raced, run.window?.from ?? raced));
    const best = Math.min(...recent.map(({ p50 }) => (Number.isNaN(p50) ? Infinity : p50)));
    looks.forEach(({ id }, i) => {
      if (isNew) views[i].late(recent[i], recent[i].p50 === best && best < 0.05, this.isNewest);
      table.show(id, views[i].meter(metered?.[id] ?? null, most));
    });
  }

  progress({ done, left_ms }) {
    if (Number.isNaN(left_ms)) $("progress").removeAttribute("value"); // how long, only another page knows
    else $("progress").value = done;
    write($("left"), this.run.state === "running" && left_ms >= 0 ? `${Math.ceil(left_ms / 1000)} s left` : "");
  }
}

/** The same text once more would cost a layout. */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
