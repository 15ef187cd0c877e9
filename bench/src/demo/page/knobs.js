// The settings. The server has the last word: what is out of range it clamps, and says so.

const FIELDS = ["rate_per_s", "interval_ms", "rtt_ms", "payload_bytes", "cookie_bytes", "seed"];
const ROUND_TRIPS_MS = [0, 30, 200, 1000];
// A slider's steps: 1, 2, 5, 10 … of whatever it moves.
const STOPS = {
  rate_per_s: [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200],
  interval_ms: [50, 100, 250, 500, 1000, 2000, 5000, 10000],
};

export class Knobs {
  /** `send` gets what was changed, as {knob: value}. */
  constructor(form, notes, send) {
    Object.assign(this, { form, notes, send, values: {} });
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const name of FIELDS) {
      form.elements[name].addEventListener("change", (event) => this.change({ [name]: Number(event.target.value) }));
      const slider = form.querySelector(`[data-moves=${name}]`);
      if (!slider) continue;
      slider.max = String(STOPS[name].length - 1);
      slider.addEventListener("change", () => this.change({ [name]: STOPS[name][slider.value] }));
      slider.addEventListener("input", () => (form.elements[name].value = String(STOPS[name][slider.value])));
    }
    for (const choice of form.elements.delivery) choice.addEventListener("change", () => this.change({ delivery: choice.value }));
    for (const button of form.querySelectorAll("[data-rtt]")) {
      button.addEventListener("click", () => this.change({ rtt_ms: Number(button.dataset.rtt) }));
    }
  }

  change(wanted) {
    if (Object.values(wanted).some((value) => Number.isNaN(value))) {
      this.notes.textContent = "That is no number.";
      return;
    }
    this.send(wanted);
  }

  /** The next or the one before of the four round trips. */
  roundTrip(steps) {
    const at = ROUND_TRIPS_MS.findLastIndex((ms) => ms <= (this.values.rtt_ms ?? 0));
    const next = ROUND_TRIPS_MS[Math.min(ROUND_TRIPS_MS.length - 1, Math.max(0, at + steps))];
    if (next !== this.values.rtt_ms) this.change({ rtt_ms: next });
  }

  /** What the server says. Gives the names of what has changed. */
  show(knobs, limits, notes, mayTurn) {
    const changed = Object.keys(knobs).filter((name) => this.values[name] !== knobs[name]);
    this.values = { ...knobs };
    for (const name of FIELDS) {
      const field = this.form.elements[name];
      // What is being typed stays, unless the server has clamped it.
      if (document.activeElement !== field || changed.includes(name) || notes.length > 0) field.value = String(knobs[name] ?? "");
      if (limits?.[name]) field.title = `${limits[name][0]} to ${limits[name][1]}`;
      const slider = this.form.querySelector(`[data-moves=${name}]`);
      if (slider) {
        slider.value = String(nearest(STOPS[name], knobs[name]));
        slider.setAttribute("aria-valuetext", String(knobs[name]));
      }
    }
    for (const choice of this.form.elements.delivery) choice.checked = choice.value === knobs.delivery;
    for (const button of this.form.querySelectorAll("[data-rtt]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.rtt) === knobs.rtt_ms));
    }
    this.form.querySelector("fieldset").disabled = !mayTurn;
    this.notes.textContent = notes.join(" ");
    setCookie(knobs.cookie_bytes ?? 0);
    return changed;
  }
}

function nearest(stops, value) {
  let best = 0;
  stops.forEach((stop, i) => {
    if (Math.abs(Math.log(stop / value)) < Math.abs(Math.log(stops[best] / value))) best = i;
  });
  return best;
}

/** Cookies do not look at ports: this one goes to every lane, as a session's cookie would. */
function setCookie(bytes) {
  document.cookie = bytes > 0 ? `pad=${"x".repeat(bytes)}; path=/; SameSite=Lax` : "pad=; path=/; max-age=0; SameSite=Lax";
}
