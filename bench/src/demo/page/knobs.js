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
    Object.assign(this, { form, notes, send, values: {}, said: "", why: "", sent: new Set() });
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const name of FIELDS) {
      form.elements[name].addEventListener("change", () => this.typed(name));
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

  /** Browsers give an empty text for what is no number, and of an empty text JavaScript makes 0. */
  typed(name) {
    const field = this.form.elements[name], value = Number(field.value);
    if (field.value.trim() !== "" && Number.isFinite(value)) return this.change({ [name]: value });
    field.value = String(this.values[name]);
    this.tell(`${field.labels[0].textContent}: that is no number, so it stays at ${field.value}.`);
  }

  change(wanted) {
    if (!this.mayTurn) return;
    for (const name of Object.keys(wanted)) this.sent.add(name);
    this.send(wanted);
  }

  /** Whether knobs can be turned now; `why` not, in words. */
  allow(mayTurn, why) {
    Object.assign(this, { mayTurn, why });
    this.form.querySelector("fieldset").disabled = !mayTurn;
    this.tell(this.said);
  }

  tell(said) {
    this.said = said;
    this.notes.textContent = [this.why, said].filter(Boolean).join(" ");
  }

  /** The next or the one before of the four round trips. */
  roundTrip(steps) {
    const at = ROUND_TRIPS_MS.findLastIndex((ms) => ms <= (this.values.rtt_ms ?? 0));
    const next = ROUND_TRIPS_MS[Math.min(ROUND_TRIPS_MS.length - 1, Math.max(0, at + steps))];
    if (next !== this.values.rtt_ms) this.change({ rtt_ms: next });
  }

  /** What the server says. Gives the names of what has changed. */
  show(knobs, limits, notes) {
    const changed = Object.keys(knobs).filter((name) => this.values[name] !== knobs[name]);
    this.values = { ...knobs };
    for (const name of FIELDS) {
      const field = this.form.elements[name];
      // What is being typed stays, unless this is the answer to it: the server may have clamped it.
      if (document.activeElement !== field || changed.includes(name) || this.sent.has(name)) field.value = String(knobs[name] ?? "");
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
    this.sent.clear();
    this.tell(notes.join(" "));
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
