// What happens on the way: a line for the server, a line for the client, and arrows slanted by the delay between them.
//
// The page knows when it asked and when it had an answer. When the server had the question and let go of the answer is
// drawn from the delay that was set, not measured. Time runs to the right.

import { duration } from "./format.js";
import { prepare } from "./looks.js";
import { SPEEDS } from "./playback.js";

// So many exchanges of a lane are looked at; those nearer to each other than the eye can tell apart share an arrow.
const ARROWS_MAX = 2500;
const APART_PX = 1.5;
// With more than this, no heads and no numbers.
const ARROWS_FEW = 40;

/** Arrows that look alike, drawn together: a stroke for each of hundreds would cost more than all else in the picture. */
class Arrows {
  /** `head_px`: how long their heads are; 0 for none. */
  constructor(head_px) {
    Object.assign(this, { head_px, lines: new Path2D(), heads: new Path2D() });
  }

  add(x0, y0, x1, y1) {
    const { head_px, lines, heads } = this;
    lines.moveTo(x0, y0);
    lines.lineTo(x1, y1);
    if (head_px === 0) return;
    const angle = Math.atan2(y1 - y0, x1 - x0);
    heads.moveTo(x1, y1);
    heads.lineTo(x1 - head_px * Math.cos(angle - 0.4), y1 - head_px * Math.sin(angle - 0.4));
    heads.lineTo(x1 - head_px * Math.cos(angle + 0.4), y1 - head_px * Math.sin(angle + 0.4));
    heads.closePath();
  }

  draw(context, colour, dash, line_px) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = line_px;
    context.setLineDash(dash);
    context.stroke(this.lines);
    context.fill(this.heads);
  }
}

export class SequenceChart {
  constructor(canvas, looks, log, recorder, clock) {
    Object.assign(this, { canvas, looks, log, recorder, clock, focus: null, latest: 0 });
  }

  get shown() {
    return this.focus ? this.looks.filter((look) => look.id === this.focus) : this.looks;
  }

  /** How much time is seen: some quotes, and at least the time there and back. */
  span({ rate_per_s, rtt_ms, interval_ms }, speed) {
    const wide = Math.min(8000, Math.max(24_000 / rate_per_s, 2.2 * interval_ms, 4 * rtt_ms, 400));
    return Math.max(60, wide * [1, 0.6, 0.3, 0.12][SPEEDS.indexOf(speed)], 3 * rtt_ms);
  }

  draw(head, knobs, speed, ink) {
    const { context, width, height } = prepare(this.canvas);
    const shown = this.shown, row = height / shown.length;
    const plot = { left: ink.font_px * 8.6, right: width - 8 };
    const short = width < 320;
    if (short) plot.left = ink.font_px * 2;
    const span = this.span(knobs, speed);
    const x = (at) => plot.right - ((head - at) / span) * (plot.right - plot.left);
    const ticks = this.ticks(x, head, span);
    context.font = `${ink.font_px}px system-ui, sans-serif`;
    shown.forEach((look, i) => {
      const lines = { server: i * row + row * 0.24, client: i * row + row * 0.8 };
      this.labels(context, look, lines, plot, ink, short);
      context.save();
      // What is after the head, at the right, has not happened yet.
      context.beginPath();
      context.rect(plot.left, i * row, plot.right - plot.left, row);
      context.clip();
      this.due(context, lines.server, ticks, ink);
      this.exchanges(context, look, { ...lines, x, head, span, ink });
      context.restore();
    });
    this.ruler(context, plot, span, height, ink);
  }

  labels(context, look, { server, client }, plot, ink, short) {
    context.setLineDash([]);
    context.strokeStyle = ink.muted;
    context.lineWidth = ink.line_px / 1.75;
    for (const y of [server, client]) {
      context.beginPath();
      context.moveTo(plot.left, y);
      context.lineTo(plot.right, y);
      context.stroke();
    }
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillStyle = look.colour;
    context.fillRect(0, server, 4, client - server);
    context.fillStyle = ink.text;
    const middle = (server + client) / 2;
    context.fillText(short ? look.letter : look.name, 10, middle);
    if (short || !this.focus) return;
    context.fillStyle = ink.muted;
    context.fillText("server", 10, server);
    context.fillText("client", 10, client);
  }

  /** Where quotes were due, in pixels, the latest first, the same for all lanes. */
  ticks(x, head, span) {
    const { due, newest } = this.recorder, { clock } = this;
    const from = clock.epochTime(head - span), to = clock.epochTime(head);
    // From where the last picture ended: from one to the next it is not far. Of what no lane has shown nobody knows when it was due.
    let seq = Math.min(this.latest, newest);
    while (seq < newest && !(due[seq + 1] > to)) seq += 1;
    while (seq > 0 && due[seq] > to) seq -= 1;
    this.latest = seq;
    const ticks = [];
    for (let last = Infinity; seq > 0 && !(due[seq] < from); seq--) {
      const px = x(clock.pageTime(due[seq]));
      if (last - px >= APART_PX) ticks.push((last = px));
    }
    return ticks;
  }

  /** Small ticks above the server's line: quotes, at the instants at which they were due. */
  due(context, y, ticks, ink) {
    context.fillStyle = ink.text;
    for (const px of ticks) context.fillRect(px - ink.line_px / 2, y - ink.font_px * 0.55, ink.line_px, ink.font_px * 0.5);
  }

  exchanges(context, look, view) {
    const { x, head, span, ink } = view, list = [];
    this.log.between(look.id, head - span, head, ARROWS_MAX, (exchange) => list.push(exchange));
    const few = list.length <= ARROWS_FEW, head_px = few ? ink.mark_px : 0;
    const arrows = new Arrows(head_px), wasted = new Arrows(head_px);
    let last = Infinity;
    for (const exchange of list) {
      const px = x(Number.isNaN(exchange.sent) ? exchange.answered : exchange.sent);
      if (!few && last - px < APART_PX) continue;
      const isWasted = exchange.answered <= head && exchange.quotes === 0 && !exchange.opens && !exchange.failed;
      this.exchange(context, exchange, isWasted ? wasted : arrows, isWasted ? ink.wasted : look.colour, view);
      if (few && exchange.quotes > 0 && exchange.answered <= head) this.numbered(context, exchange, x(exchange.answered), view);
      last = px;
    }
    wasted.draw(context, ink.wasted, [ink.line_px * 3, ink.line_px * 2], ink.line_px);
    arrows.draw(context, look.colour, [], ink.line_px);
  }

  /** Adds the arrows of an exchange, and draws what else belongs to it. */
  exchange(context, { sent, answered, one_way_ms: d, dials, held, failed }, arrows, colour, view) {
    const { server, client, x, head, ink } = view;
    if (!Number.isNaN(sent)) {
      const begin = dials ? sent + 2 * d : sent;
      if (dials) this.handshake(context, sent, d, colour, view);
      const taken = Number.isNaN(answered) ? begin + d : Math.min(begin + d, (begin + answered) / 2);
      arrows.add(x(begin), client, x(taken), server);
      const left = Number.isNaN(answered) ? Infinity : Math.max(answered - d, taken), until = Math.min(left, head);
      if (held && x(until) - x(taken) > 1) this.hold(context, x(taken), x(until), colour, server, ink);
    }
    if (Number.isNaN(answered) || failed) return;
    const left = Number.isNaN(sent) ? answered - d : Math.max(answered - d, (sent + answered) / 2);
    arrows.add(x(left), server, x(answered), client);
  }

  /** A new connection: there and back once, before anything can be asked. */
  handshake(context, sent, d, colour, { x, server, client, ink }) {
    context.strokeStyle = colour;
    context.lineWidth = ink.line_px / 1.75;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x(sent), client);
    context.lineTo(x(sent + d), server);
    context.lineTo(x(sent + 2 * d), client);
    context.stroke();
  }

  /** The server holds a question. */
  hold(context, from, to, colour, y, ink) {
    context.fillStyle = colour;
    context.globalAlpha = 0.45;
    context.fillRect(from, y - ink.line_px * 1.7, to - from, ink.line_px * 3.4);
    context.globalAlpha = 1;
  }

  numbered(context, { quotes, seq }, px, { client, ink }) {
    if (!this.focus) return;
    context.fillStyle = ink.text;
    context.textAlign = "center";
    context.textBaseline = "top";
    context.fillText(quotes > 1 ? `${quotes}×` : `#${seq}`, px, client + ink.font_px * 0.3);
  }

  /** How long the picture is. */
  ruler(context, plot, span, height, ink) {
    const step = 10 ** Math.floor(Math.log10(span / 2));
    const length = step * (span / step >= 10 ? 5 : span / step >= 4 ? 2 : 1);
    const px = (length / span) * (plot.right - plot.left);
    context.setLineDash([]);
    context.strokeStyle = context.fillStyle = ink.muted;
    context.lineWidth = ink.line_px;
    context.beginPath();
    context.moveTo(plot.right - px, height - 2);
    context.lineTo(plot.right, height - 2);
    context.stroke();
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText(duration(length), plot.right - px - 6, height);
  }
}
