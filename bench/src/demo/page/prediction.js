// Predict, run, explain: a guess can be changed until the race starts, and is shown beside what was measured when it ends.

import { bytes, duration } from "./format.js";

const SAME = "level";
const NOT_MEASURED = "not measured";
// Nobody is later by less than this, nor dearer by less than that share.
const LEVEL_MS = 2;
const LEVEL_SHARE = 1.05;
const PLACES = ["1st", "2nd", "3rd", "4th", "5th"];
const OPEN = "Guess before you start. It locks while the race is on.";
// What is asked where only the newest quotes count; the words for every quote stand in the page.
const NEWEST = { latest: "Which lane is last (shows the stalest price)?", poll_ms: "Polling, kept: ms stale", order: "Order of the lanes, least stale first" };

export class Prediction {
  constructor(form, result, looks) {
    Object.assign(this, { form, result, looks });
    const lanes = () => [new Option("no guess", ""), ...looks.map((look) => new Option(look.name, look.id))];
    for (const name of ["latest", "most"]) form.elements[name].append(...lanes(), new Option("no clear difference", SAME));
    this.places = PLACES.map((_, i) => form.elements[`place_${i + 1}`]);
    for (const place of this.places) {
      place.append(...lanes());
      place.addEventListener("change", () => this.placed(place));
    }
    this.labels = [...form.querySelectorAll("[data-asks]")];
    this.words = { every: Object.fromEntries(this.labels.map((label) => [label.dataset.asks, label.textContent])), newest: NEWEST };
    form.addEventListener("submit", (event) => event.preventDefault());
    this.unlock();
  }

  /** Asks for lateness where every quote counts, and for staleness where only the newest do. */
  asks(delivery) {
    for (const label of this.labels) label.textContent = this.words[delivery][label.dataset.asks];
  }

  /** A lane has one place: a second one is refused. */
  placed(place) {
    const other = this.places.findIndex((one) => one !== place && place.value !== "" && one.value === place.value);
    this.state(false, other < 0 ? OPEN : `${this.name(place.value)} is ${PLACES[other]} already: each lane has one place.`);
    if (other >= 0) place.value = "";
  }

  get guess() {
    const { latest, most, poll_ms } = this.form.elements;
    const order = this.places.map((place) => place.value).filter((id) => id !== "");
    return { latest: latest.value, most: most.value, poll_ms: poll_ms.value === "" ? null : Number(poll_ms.value), order };
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
    this.state(false, OPEN);
  }

  state(locked, words) {
    this.form.dataset.locked = String(locked);
    this.form.querySelector("fieldset").disabled = locked;
    this.form.querySelector("[data-says]").textContent = words;
  }

  /**
   * The race is over: `lanes` has by lane the median lateness after the first lane, mean staleness (which counts where
   * only the newest do), of how many quotes, and bytes per quote.
   */
  judge(lanes, { delivery, interval_ms }) {
    if (!this.locked) return;
    const late = (lane) => (delivery === "newest" ? lane.stale_ms : lane.late_ms);
    // Quotes meet polls at random: the median of n of them is off by about T / (2√n), and two medians differ by more than one is off.
    const chance_ms = (a, b) => (2 * interval_ms) / Math.sqrt(Math.min(a.quotes, b.quotes));
    const isLater = (a, b) => late(a) - late(b) > Math.max(LEVEL_MS, chance_ms(a, b));
    const { latest, most, poll_ms, order } = this.locked, words = this.words[delivery];
    const rows = [];
    if (latest) {
      const last = winner(lanes, late, isLater);
      rows.push([words.latest, this.name(latest), this.name(last), last && mark(latest === last)]);
    }
    if (order.length > 1) rows.push([words.order, order.map((id) => this.name(id)).join(" < "), ...this.inOrder(order, lanes, late, isLater)]);
    if (poll_ms !== null) {
      const measured = late(lanes.poll), isKnown = Number.isFinite(measured);
      const isNear = Math.abs(measured - poll_ms) <= Math.max(20, 0.25 * measured);
      rows.push([words.poll_ms, duration(poll_ms), isKnown ? duration(measured) : NOT_MEASURED, isKnown && mark(isNear)]);
    }
    if (most) {
      const dearest = winner(lanes, (lane) => lane.bytes, (a, b) => a.bytes > b.bytes * LEVEL_SHARE);
      const cost = lanes[dearest] ? ` (${bytes(lanes[dearest].bytes)})` : "";
      rows.push(["Most bytes per quote", this.name(most), this.name(dearest) + cost, dearest && mark(most === dearest)]);
    }
    this.show(rows);
    this.unlock();
  }

  /** The measured order in words, and how many pairs of the guessed one are the right way round. Pairs that chance could turn do not count. */
  inOrder(guessed, lanes, late, isLater) {
    const order = ranked(lanes, late);
    if (order.length < 2) return [NOT_MEASURED, null];
    const sign = (i) => (isLater(lanes[order[i]], lanes[order[i - 1]]) ? " < " : " ≈ ");
    const measured = order.map((id, i) => (i > 0 ? sign(i) : "") + this.name(id)).join("");
    const pairs = guessed.flatMap((sooner, i) => guessed.slice(i + 1).map((later) => [lanes[sooner], lanes[later]]));
    const right = pairs.filter(([sooner, later]) => isLater(later, sooner)).length;
    const clear = right + pairs.filter(([sooner, later]) => isLater(sooner, later)).length;
    return [measured, clear > 0 ? `${right === clear ? "✓" : "✗"} ${right} of ${clear} clear pairs right` : "no clear pair"];
  }

  /** `null`: there is none. */
  name(id) {
    if (id === null) return NOT_MEASURED;
    return id === SAME ? "no clear difference" : (this.looks.find((look) => look.id === id)?.name ?? "–");
  }

  /** What was asked, guess, measured, and a mark, unless there is none to give. */
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
    for (const [what, guess, measured, marked] of rows) {
      const row = body.insertRow();
      row.append(Object.assign(document.createElement("th"), { textContent: what, scope: "row" }));
      for (const text of [guess, measured, marked || ""]) row.insertCell().textContent = text;
    }
    this.result.replaceChildren(Object.assign(document.createElement("h3"), { textContent: "Your guess" }), table);
  }
}

const mark = (isRight) => (isRight ? "✓ right" : "✗ not so");

/** The lanes that have a figure, the largest last. */
function ranked(lanes, figure) {
  return Object.keys(lanes).filter((id) => Number.isFinite(figure(lanes[id]))).sort((a, b) => figure(lanes[a]) - figure(lanes[b]));
}

/** The lane with the largest figure, or `level` where the next one is as large; null where there are no two to compare. */
function winner(lanes, figure, isClear) {
  const [next, largest] = ranked(lanes, figure).slice(-2);
  if (largest === undefined) return null;
  return isClear(lanes[largest], lanes[next]) ? largest : SAME;
}
