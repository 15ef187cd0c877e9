// Spans of time in which this page was hidden or the machine slept.
//
// Browsers slow down the timers of hidden pages, to once a second and later once a minute, but not their messages:
// polling would lose for a reason that has nothing to do with it. Such spans are drawn grey and left out of all figures.

const TICK_MS = 500;
// A visible page's timer that is this late was not run: the machine slept, or the browser froze the page.
const LATE_MS = 2000;
// What was already on its way when the page came back.
const AFTER_MS = 250;
const KEPT = 256;

export class Visibility {
  constructor(changed) {
    this.changed = changed;
    this.spans = [];
    this.hiddenSince = document.hidden ? performance.now() : null;
    this.lastTick = { page: performance.now(), wall: Date.now() };
    document.addEventListener("visibilitychange", () => this.turned());
    document.addEventListener("freeze", () => this.hide());
    document.addEventListener("resume", () => this.turned());
    setInterval(() => this.tick(), TICK_MS);
  }

  turned() {
    if (document.hidden) this.hide();
    else if (this.hiddenSince !== null) this.show();
  }

  hide() {
    this.hiddenSince ??= performance.now();
    this.changed();
  }

  show() {
    this.keep(this.hiddenSince, performance.now() + AFTER_MS);
    this.hiddenSince = null;
    this.changed();
  }

  /** Finds sleep: either clock has jumped. The page's own need not count while the machine sleeps. */
  tick() {
    const now = { page: performance.now(), wall: Date.now() };
    const jump = Math.max(now.page - this.lastTick.page, now.wall - this.lastTick.wall);
    if (!document.hidden && this.hiddenSince === null && jump > LATE_MS) {
      this.keep(this.lastTick.page, now.page + AFTER_MS);
      this.changed();
    }
    this.lastTick = now;
  }

  keep(from, to) {
    this.spans.push([from, to]);
    if (this.spans.length > KEPT) this.spans.shift();
  }

  forget() {
    this.spans = [];
    if (this.hiddenSince !== null) this.hiddenSince = performance.now();
  }

  /** Whether the page could not be seen at any instant between two. */
  touches(from, to) {
    if (this.hiddenSince !== null && to >= this.hiddenSince) return true;
    for (let i = this.spans.length - 1; i >= 0; i--) {
      const [begin, end] = this.spans[i];
      if (from <= end && to >= begin) return true;
    }
    return false;
  }

  /** All spans up to now, for a result file or a picture. */
  until(now) {
    return this.hiddenSince === null ? this.spans : [...this.spans, [this.hiddenSince, now]];
  }

  /** How many milliseconds of a stretch of time were hidden. Spans do not overlap but by what is still on its way. */
  within(from, to) {
    return this.until(to).reduce((sum, [begin, end]) => sum + Math.max(0, Math.min(end, to) - Math.max(begin, from)), 0);
  }
}
