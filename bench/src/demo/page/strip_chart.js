// How late each quote was on each lane, over the last seconds.
//
// A quote stands where the first lane showed it, so a lane that polls draws a ramp: the quote that just missed a poll
// waited longest. Quotes that come within one bucket share a point, the latest of them; so there is never more to draw
// than the eye could tell apart.

import { duration } from "./format.js";
import { outline, prepare } from "./looks.js";

const WINDOW_MS = 12_000;
const BUCKET_MS = 25;
const POINTS = 1024; // a ring: more than a window of buckets
// A hollow marker surrounds a full one at the same place.
const HOLLOW = 1.6;
// No line is drawn over a gap longer than this.
const GAP_MS = 8_000;
const TICKS_MS = [0, 1, 10, 100, 1_000, 10_000, 100_000];

/** Nearly logarithmic, with a place for zero. */
const scale = (ms) => Math.log10(1 + Math.max(0, ms));

/** A lane's marker. */
function stamp(context, look, x, y, size, ink) {
  const marker = new Path2D(outline(look.marker, size));
  context.save();
  context.translate(x, y);
  context.setLineDash([]);
  context.lineWidth = ink.line_px;
  context.strokeStyle = look.colour;
  context.fillStyle = look.hollow ? ink.paper : look.colour;
  context.fill(marker);
  if (look.hollow) context.stroke(marker);
  context.restore();
}

export class StripChart {
  constructor(canvas, looks) {
    Object.assign(this, { canvas, looks });
    this.lanes = new Map(looks.map((look) => [look.id, { at: new Float64Array(POINTS), late: new Float32Array(POINTS), count: 0 }]));
    this.marks = [];
  }

  forget() {
    for (const lane of this.lanes.values()) lane.count = 0;
    this.marks = [];
    this.top = 0;
  }

  /** A quote, first shown at `first`, came `late` milliseconds after that. */
  add(id, first, late) {
    const lane = this.lanes.get(id);
    const bucket = Math.floor(first / BUCKET_MS) * BUCKET_MS;
    const last = (lane.count - 1) % POINTS;
    if (lane.count > 0 && lane.at[last] >= bucket) {
      lane.late[last] = Math.max(lane.late[last], late);
      return;
    }
    lane.at[lane.count % POINTS] = bucket;
    lane.late[lane.count % POINTS] = late;
    lane.count += 1;
  }

  /** Something was changed at this instant: a line says what. */
  mark(at, words) {
    this.marks.push({ at, words });
    if (this.marks.length > 20) this.marks.shift();
  }

  draw(now, hidden, ink) {
    const { context, width, height } = prepare(this.canvas);
    const font = `${ink.font_px}px ${"system-ui, sans-serif"}`;
    const plot = { left: ink.font_px * 4.6, right: width - ink.font_px * 9.5, top: ink.font_px * 0.8, bottom: height - ink.font_px * 1.7 };
    if (plot.right - plot.left < 120) plot.right = width - ink.font_px * 2.2; // a phone: letters instead of names
    const short = plot.right > width - ink.font_px * 5;
    const x = (at) => plot.right - ((now - at) / WINDOW_MS) * (plot.right - plot.left);
    this.grow(now);
    const y = (ms) => plot.bottom - (scale(ms) / scale(this.top)) * (plot.bottom - plot.top);
    context.font = font;
    this.grey(context, plot, x, hidden, ink);
    this.axes(context, plot, x, y, ink);
    this.looks.forEach((look) => this.line(context, plot, x, y, look, now, ink));
    this.names(context, plot, y, ink, short);
    this.changes(context, plot, x, ink);
  }

  /** The axis reaches to the decade above what is to be seen, and does not shrink at every quiet moment. */
  grow(now) {
    let most = 30;
    for (const { at, late, count } of this.lanes.values()) {
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

  axes(context, plot, x, y, ink) {
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

  line(context, plot, x, y, look, now, ink) {
    const { at, late, count } = this.lanes.get(look.id);
    const marks = [];
    context.save();
    context.beginPath();
    context.rect(plot.left, 0, plot.right - plot.left + ink.mark_px, plot.bottom + ink.mark_px);
    context.clip();
    context.strokeStyle = look.colour;
    context.lineWidth = ink.line_px;
    context.setLineDash(look.dash);
    context.beginPath();
    let before = NaN, marked = Infinity;
    for (let back = 1; back <= Math.min(count, POINTS); back++) {
      const slot = (count - back) % POINTS, px = x(at[slot]), py = y(late[slot]);
      if (before - at[slot] < GAP_MS) context.lineTo(px, py);
      else context.moveTo(px, py);
      before = at[slot];
      if (marked - px > ink.mark_px * 3) marks.push([(marked = px), py]);
      if (px < plot.left) break;
    }
    context.stroke();
    for (const [px, py] of marks) stamp(context, look, px, py, ink.mark_px * (look.hollow ? HOLLOW : 1), ink);
    context.restore();
  }

  /** Names at the ends of the lines, moved apart where they would cover each other. */
  names(context, plot, y, ink, short) {
    const line = ink.font_px * 1.25;
    const names = this.looks.map((look) => {
      const { late, count } = this.lanes.get(look.id);
      return { look, at: count > 0 ? y(late[(count - 1) % POINTS]) : NaN };
    }).filter((name) => !Number.isNaN(name.at)).sort((a, b) => b.at - a.at);
    let floor = plot.bottom + line / 2;
    for (const name of names) floor = (name.at = Math.min(name.at, floor)) - line;
    let ceiling = plot.top;
    for (const name of names.reverse()) ceiling = (name.at = Math.max(name.at, ceiling)) + line;
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
