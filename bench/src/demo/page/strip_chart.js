// How late each quote was on each lane, over the last seconds.
//
// A quote stands where the first lane showed it, so a lane that polls draws a ramp: the quote that just missed a poll
// waited longest. Quotes that come within one bucket share a point, the latest of them; so there is never more to draw
// than the eye could tell apart.
//
// The lines stand on a canvas of their own, which moves with time. What has come to rest there is moved along, and only the
// stretch in which a lane may still add to its line is drawn again: all of it, thirty times a second, would take most of a
// processor.

import { duration } from "./format.js";
import { outline, prepare } from "./looks.js";

const WINDOW_MS = 12_000;
const BUCKET_MS = 25;
const POINTS = 1024; // a ring: more than a window of buckets
// A hollow marker surrounds a full one at the same place.
const HOLLOW = 1.6;
// Markers of a line are so far from each other, in their own sizes; nothing that is drawn at a point reaches farther than that.
const APART = 3;
// No line is drawn over a gap longer than this.
const GAP_MS = 8_000;
const TICKS_MS = [0, 1, 10, 100, 1_000, 10_000, 100_000];

/** Nearly logarithmic, with a place for zero. */
const scale = (ms) => Math.log10(1 + Math.max(0, ms));

/** Outlines by form and size: few, and read from text only once. */
const outlines = new Map();

function marker(form, size) {
  const key = `${form} ${size}`;
  if (!outlines.has(key)) outlines.set(key, new Path2D(outline(form, size)));
  return outlines.get(key);
}

/** A lane's marker. */
function stamp(context, look, x, y, size, ink) {
  const path = marker(look.marker, size);
  context.save();
  context.translate(x, y);
  context.setLineDash([]);
  context.lineWidth = ink.line_px;
  context.strokeStyle = look.colour;
  context.fillStyle = look.hollow ? ink.paper : look.colour;
  context.fill(path);
  if (look.hollow) context.stroke(path);
  context.restore();
}

/** The line of one lane: a ring of points. */
class Line {
  constructor() {
    this.at = new Float64Array(POINTS);
    this.late = new Float32Array(POINTS);
    // Up to this point: how long the drawn line is, in pixels, so that dashes go on where they ended; and when it had its last marker.
    this.along = new Float64Array(POINTS);
    this.marked = new Float64Array(POINTS);
    this.forget();
  }

  forget() {
    this.count = 0;
    this.measured = 0;
  }

  get oldest() {
    return Math.max(0, this.count - POINTS);
  }

  /** Before this instant nothing of the line changes any more: the last point may still become a later one. */
  get rest() {
    return this.count > 1 ? this.at[(this.count - 2) % POINTS] : -Infinity;
  }

  add(bucket, late) {
    const last = (this.count - 1) % POINTS, next = this.count % POINTS;
    if (this.count > 0 && this.at[last] >= bucket) {
      this.late[last] = Math.max(this.late[last], late);
      return;
    }
    this.at[next] = bucket;
    this.late[next] = late;
    this.count += 1;
  }

  /** Measures what has come since, and the last point once more. A length of 0: here the line begins. */
  measure({ y, px_per_ms, ink }) {
    const { at, late, along, marked, oldest, count } = this, apart_ms = (ink.mark_px * APART) / px_per_ms;
    for (let n = Math.max(this.measured, oldest); n < count; n++) {
      const slot = n % POINTS, before = (n + POINTS - 1) % POINTS;
      const begins = n === oldest || at[slot] - at[before] >= GAP_MS;
      const length = begins ? 0 : Math.hypot((at[slot] - at[before]) * px_per_ms, y(late[slot]) - y(late[before]));
      along[slot] = begins ? 0 : along[before] + length;
      marked[slot] = begins || at[slot] - marked[before] >= apart_ms ? at[slot] : marked[before];
    }
    this.measured = Math.max(0, count - 1);
  }

  /** Draws what stands right of `from`, in pixels of the page. */
  draw(context, look, { x, y, ink }, from) {
    const { at, late, along, marked, oldest, count } = this;
    if (count === 0) return;
    let first = count - 1;
    while (first > oldest && x(at[first % POINTS]) > from) first -= 1;
    const period = look.dash.reduce((sum, part) => sum + part, 0) || 1;
    context.strokeStyle = look.colour;
    context.lineWidth = ink.line_px;
    context.setLineDash(look.dash);
    context.lineDashOffset = along[first % POINTS] % period;
    context.beginPath();
    for (let n = first; n < count; n++) {
      const slot = n % POINTS;
      if (n > first && along[slot] === 0) {
        context.stroke();
        context.lineDashOffset = 0;
        context.beginPath();
      }
      context.lineTo(x(at[slot]), y(late[slot])); // the first of a path only moves there
    }
    context.stroke();
    const size = ink.mark_px * (look.hollow ? HOLLOW : 1);
    for (let n = first; n < count; n++) {
      const slot = n % POINTS;
      if (marked[slot] === at[slot]) stamp(context, look, x(at[slot]), y(late[slot]), size, ink);
    }
  }
}

export class StripChart {
  constructor(canvas, looks) {
    Object.assign(this, { canvas, looks, layer: document.createElement("canvas"), version: 0 });
    this.lines = new Map(looks.map((look) => [look.id, new Line()]));
    this.forget();
  }

  forget() {
    for (const line of this.lines.values()) line.forget();
    this.marks = [];
    this.top = 0;
    this.moment = null; // when the layer was drawn, and for what: nothing is on it
    this.version += 1; // another one after each change
  }

  /** A quote, first shown at `first`, came `late` milliseconds after that. */
  add(id, first, late) {
    this.lines.get(id).add(Math.floor(first / BUCKET_MS) * BUCKET_MS, late);
    this.version += 1;
  }

  /** Something was changed at this instant: a line says what. */
  mark(at, words) {
    this.marks.push({ at, words });
    if (this.marks.length > 20) this.marks.shift();
    this.version += 1;
  }

  draw(now, hidden, ink) {
    const { context, width, height, ratio } = prepare(this.canvas);
    const whole = (px) => Math.round(px * ratio) / ratio; // a whole number of the screen's pixels
    const plot = { left: whole(ink.font_px * 4.6), right: whole(width - ink.font_px * 9.5), top: ink.font_px * 0.8, bottom: height - ink.font_px * 1.7 };
    if (plot.right - plot.left < 120) plot.right = whole(width - ink.font_px * 2.2); // a phone: letters instead of names
    if (plot.right <= plot.left) return;
    const short = plot.right > width - ink.font_px * 5;
    const px_per_ms = (plot.right - plot.left) / WINDOW_MS;
    // Time goes on by whole pixels of the screen, so that lines which are moved stay as sharp as they were drawn.
    const steps = Math.floor(now * px_per_ms * ratio), shown = steps / (px_per_ms * ratio);
    const x = (at) => plot.right - (shown - at) * px_per_ms;
    this.grow(now);
    const y = (ms) => plot.bottom - (scale(ms) / scale(this.top)) * (plot.bottom - plot.top);
    const view = { x, y, plot, ink, ratio, px_per_ms, steps, width, height };
    context.font = `${ink.font_px}px system-ui, sans-serif`;
    this.grey(context, plot, x, hidden, ink);
    this.axes(context, plot, y, ink);
    this.renew(view);
    this.show(context, view);
    this.names(context, plot, y, ink, short);
    this.changes(context, plot, x, ink);
  }

  /** The axis reaches to the decade above what is to be seen, and does not shrink at every quiet moment. */
  grow(now) {
    let most = 30;
    for (const { at, late, count } of this.lines.values()) {
      for (let back = 1; back <= Math.min(count, POINTS); back++) {
        const slot = (count - back) % POINTS;
        if (at[slot] < now - WINDOW_MS) break;
        most = Math.max(most, late[slot]);
      }
    }
    const decade = 10 ** Math.ceil(Math.log10(most * 1.05));
    this.top = decade / 3 > most ? decade / 2.5 : decade;
  }

  grey(context, plot, x, hidden, ink) {
    context.fillStyle = ink.line;
    for (const [from, to] of hidden) {
      const left = Math.max(plot.left, x(from)), right = Math.min(plot.right, x(to));
      if (right > left) context.fillRect(left, plot.top, right - left, plot.bottom - plot.top);
    }
  }

  axes(context, plot, y, ink) {
    context.lineWidth = 1;
    context.setLineDash([]);
    context.strokeStyle = ink.line;
    context.fillStyle = ink.muted;
    context.textBaseline = "middle";
    context.textAlign = "right";
    let lowest = Infinity;
    for (const ms of TICKS_MS.filter((tick) => tick <= this.top)) {
      const at = y(ms);
      context.beginPath();
      context.moveTo(plot.left, at);
      context.lineTo(plot.right, at);
      context.stroke();
      if (lowest - at < ink.font_px * 1.1) continue; // no room for words
      lowest = at;
      context.fillText(ms === 0 ? "first" : duration(ms), plot.left - ink.font_px * 0.5, at);
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    for (let back = 0; back <= WINDOW_MS; back += 4000) {
      const at = plot.right - (back / WINDOW_MS) * (plot.right - plot.left);
      context.fillText(back === 0 ? "now" : `${back / 1000} s ago`, Math.max(at, plot.left + ink.font_px), plot.bottom + ink.font_px * 0.45);
    }
  }

  /** Brings the layer to this moment: moves what is on it, and draws anew from where something may have been added. */
  renew(view) {
    const { layer, canvas, moment } = this, { x, plot, ink, ratio, steps, width, height } = view;
    const context = layer.getContext("2d");
    const sight = [canvas.width, canvas.height, ratio, plot.left, plot.right, this.top, ink.paper, ink.mark_px].join();
    const moved = moment ? steps - moment.steps : NaN;
    const goesOn = moment?.sight === sight && moved >= 0 && moved < layer.width;
    if (!goesOn) {
      Object.assign(layer, { width: canvas.width, height: canvas.height }); // which also clears it
      for (const line of this.lines.values()) line.measured = 0;
    } else if (moved > 0) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.globalCompositeOperation = "copy";
      context.drawImage(layer, -moved, 0);
      context.globalCompositeOperation = "source-over";
    }
    const reach = ink.mark_px * APART, rest = goesOn ? moment.rest : -Infinity;
    const from = Math.max(plot.left, Math.floor((x(rest) - reach) * ratio) / ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(from, 0, width + 1 - from, height + 1);
    context.save();
    context.beginPath();
    context.rect(from, 0, width + 1 - from, height + 1);
    context.clip();
    for (const look of this.looks) {
      const line = this.lines.get(look.id);
      line.measure(view);
      line.draw(context, look, view, from - reach);
    }
    context.restore();
    // What was at rest when this was drawn need not be drawn the next time; a lane without quotes may still get old ones.
    this.moment = { sight, steps, rest: Math.min(...[...this.lines.values()].map((line) => line.rest)) };
  }

  /** The layer's part within the axes, pixel by pixel. */
  show(context, { plot, ink }) {
    context.save();
    context.beginPath();
    context.rect(plot.left, 0, plot.right - plot.left + ink.mark_px, plot.bottom + ink.mark_px);
    context.clip();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.layer, 0, 0);
    context.restore();
  }

  /** Names at the ends of the lines, moved apart where they would cover each other. */
  names(context, plot, y, ink, short) {
    const row = ink.font_px * 1.25;
    const names = this.looks.map((look) => {
      const { late, count } = this.lines.get(look.id);
      return { look, at: count > 0 ? y(late[(count - 1) % POINTS]) : NaN };
    }).filter((name) => !Number.isNaN(name.at)).sort((a, b) => b.at - a.at);
    let floor = plot.bottom + row / 2;
    for (const name of names) floor = (name.at = Math.min(name.at, floor)) - row;
    let ceiling = plot.top;
    for (const name of names.reverse()) ceiling = (name.at = Math.max(name.at, ceiling)) + row;
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const { look, at } of names) {
      const left = plot.right + ink.font_px;
      stamp(context, look, left, at, ink.mark_px * 1.15, ink);
      context.fillStyle = ink.text;
      context.fillText(short ? look.letter : look.name, left + ink.mark_px * 1.5, at);
    }
  }

  changes(context, plot, x, ink) {
    context.textAlign = "left";
    context.textBaseline = "top";
    for (const { at, words } of this.marks) {
      const px = x(at);
      if (px < plot.left || px > plot.right) continue;
      context.fillStyle = ink.muted;
      context.fillRect(px, plot.top, 1, plot.bottom - plot.top);
      context.fillText(words, px + 4, plot.top);
    }
  }
}
