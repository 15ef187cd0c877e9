// Bytes on the wire per delivered quote, both ways, by layer: from the meter under the server's sockets, so that the
// browser's real heads and cookies count.

import { bytes, number } from "./format.js";

export const LAYERS = [
  ["payload", "Payload"],
  ["framing", "Framing"],
  ["heads", "HTTP heads"],
  ["tcp_ip", "TCP/IP heads"],
  ["acks", "Bare ACKs"],
];

/** Bytes per quote of each layer, and of all. Null before the first quote. */
export function perQuote(meter) {
  if (!meter || !(meter.quotes > 0)) return null;
  const layers = LAYERS.map(([name]) => ((meter[name] ?? 0) + (meter.up?.[name] ?? 0)) / meter.quotes);
  const isWhole = LAYERS.every(([name]) => meter[name] !== null); // some systems do not tell what TCP did
  return { layers, isWhole, all: layers.reduce((sum, part) => sum + part, 0) };
}

/** A stacked bar; `most` bytes are its full width. */
export class ByteBar {
  constructor(node) {
    this.node = node;
    this.parts = LAYERS.map(([name]) => {
      const part = document.createElement("span");
      part.className = `layer ${name}`;
      return part;
    });
    node.append(...this.parts);
  }

  show(figures, most) {
    const widths = this.parts.map((_, i) => `${(figures && most > 0 ? (100 * figures.layers[i]) / most : 0).toFixed(2)}%`);
    const words = figures ? LAYERS.map(([, title], i) => `${title} ${number(figures.layers[i])}`).join(", ") : "no quote yet";
    // Between two readings of the meter all stays as it is.
    const shown = [...widths, words].join();
    if (shown === this.shown) return;
    this.shown = shown;
    this.parts.forEach((part, i) => (part.style.width = widths[i]));
    this.node.title = words;
    this.node.setAttribute("aria-label", `Bytes per quote: ${words}`);
  }
}

/** The same as a table: a row per lane, a column per layer. */
export class ByteTable {
  constructor(table, looks) {
    const head = table.createTHead().insertRow();
    for (const title of ["Lane", ...LAYERS.map(([, title]) => title), "Bytes per quote"]) {
      head.append(Object.assign(document.createElement("th"), { textContent: title, scope: "col" }));
    }
    LAYERS.forEach(([name], i) => {
      const swatch = Object.assign(document.createElement("span"), { className: `swatch ${name}` });
      head.cells[i + 1].prepend(swatch);
    });
    const body = table.createTBody();
    this.rows = new Map(looks.map((look) => {
      const row = body.insertRow();
      row.append(Object.assign(document.createElement("th"), { textContent: look.name, scope: "row" }));
      return [look.id, LAYERS.concat([null]).map(() => row.insertCell())];
    }));
  }

  show(id, figures) {
    const texts = figures ? [...figures.layers.map(number), bytes(figures.all)] : [];
    this.rows.get(id).forEach((cell, i) => {
      const text = texts[i] ?? "–";
      if (cell.textContent !== text) cell.textContent = text;
    });
  }
}
