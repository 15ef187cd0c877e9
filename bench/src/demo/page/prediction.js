// Predict, run, explain: a guess can be changed until the race starts, and is shown beside what was measured when it ends.

import { bytes, duration } from "./format.js";

const SAME = "level";
// Nobody is first by less than this, nor by less than that share.
const LEVEL_MS = 2;
const LEVEL_SHARE = 1.05;

export class Prediction {
  constructor(form, result, looks) {
    Object.assign(this, { form, result, looks });
    for (const name of ["latest", "most"]) {
      const select = form.elements[name];
      select.append(new Option("no guess", ""), ...looks.map((look) => new Option(look.name, look.id)), new Option("no clear difference", SAME));
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    this.unlock();
  }

  get guess() {
    const { latest, most, poll_ms } = this.form.elements;
    return { latest: latest.value, most: most.value, poll_ms: poll_ms.value === "" ? null : Number(poll_ms.value) };
  }

  /** The race has begun. */
  lock() {
    this.locked = this.guess;
    this.result.replaceChildren();
    this.state(true, "Locked until the race is over.");
  }

  /** The next guess may be made; one that was not judged is forgotten. */
  unlock() {
    this.locked = null;
    this.state(false, "Guess before you start. It locks while the race is on.");
  }

  state(locked, words) {
    this.form.dataset.locked = String(locked);
    this.form.querySelector("fieldset").disabled = locked;
    this.form.querySelector("[data-says]").textContent = words;
  }

  /**
   * The race is over: `lanes` has by lane the median lateness after the first lane, mean staleness (which counts where
   * only the newest do), and bytes per quote.
   */
  judge(lanes, isNewest) {
    const late = (lane) => (isNewest ? lane?.stale_ms : lane?.late_ms);
    if (!this.locked) return;
    const { latest, most, poll_ms } = this.locked;
    const slowest = winner(lanes, late, (a, b) => a - b > LEVEL_MS);
    const dearest = winner(lanes, (lane) => lane.bytes, (a, b) => a > b * LEVEL_SHARE);
    const rows = [];
    if (latest) rows.push(["Latest prices", this.name(latest), this.name(slowest), latest === slowest]);
    if (poll_ms !== null) {
      const measured = late(lanes.poll);
      const near = Math.abs(measured - poll_ms) <= Math.max(20, 0.25 * measured);
      rows.push(["Polling, kept: how late", duration(poll_ms), duration(measured), near]);
    }
    if (most) rows.push(["Most bytes per quote", this.name(most), `${this.name(dearest)}${lanes[dearest] ? ` (${bytes(lanes[dearest].bytes)})` : ""}`, most === dearest]);
    this.show(rows);
    this.unlock();
  }

  name(id) {
    return id === SAME ? "no clear difference" : (this.looks.find((look) => look.id === id)?.name ?? "–");
  }

  show(rows) {
    if (rows.length === 0) {
      this.result.replaceChildren();
      return;
    }
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const title of ["", "Guess", "Measured", ""]) {
      head.append(Object.assign(document.createElement(title ? "th" : "td"), { textContent: title }));
    }
    const body = table.createTBody();
    for (const [what, guess, measured, right] of rows) {
      const row = body.insertRow();
      row.append(Object.assign(document.createElement("th"), { textContent: what, scope: "row" }));
      for (const text of [guess, measured, right ? "✓ right" : "✗ not so"]) row.insertCell().textContent = text;
    }
    this.result.replaceChildren(Object.assign(document.createElement("h3"), { textContent: "Your guess" }), table);
  }
}

/** The lane with the largest figure, or `level` where the next one is as large. */
function winner(lanes, figure, isClear) {
  const order = Object.keys(lanes).filter((id) => Number.isFinite(figure(lanes[id]))).sort((a, b) => figure(lanes[b]) - figure(lanes[a]));
  if (order.length < 2) return order[0] ?? SAME;
  return isClear(figure(lanes[order[0]]), figure(lanes[order[1]])) ? order[0] : SAME;
}
