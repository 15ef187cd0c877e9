// Tabs of one browser share six connections per host and port, so only one of them may race. The others are told so.

const ANSWER_WITHIN_MS = 200;

export class Tabs {
  /** `changed(isActive)` is called when this tab becomes the one that races, or learns that another is. */
  constructor(changed) {
    this.changed = changed;
    this.active = false;
    this.id = Math.random();
    this.channel = new BroadcastChannel("wirerace-demo");
    this.channel.onmessage = ({ data }) => this.heard(data);
    addEventListener("pagehide", () => this.active && this.say("leaving"));
    // From the browser's store of pages this one comes back as it was, while another may have taken over.
    addEventListener("pageshow", (event) => event.persisted && this.ask());
    this.ask();
  }

  say(word) {
    this.channel.postMessage({ word, id: this.id });
  }

  /** Asks whether another tab races; without an answer this one does. */
  ask() {
    this.active = false;
    this.say("anyone?");
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.active = true;
      this.say("here");
      this.changed(true);
    }, ANSWER_WITHIN_MS);
  }

  heard({ word, id }) {
    if (word === "leaving") this.ask();
    if (word === "anyone?" && this.active) this.say("here");
    // Of two that ask at the same moment the one with the smaller number races.
    if (word === "here" && (!this.active || id < this.id)) {
      clearTimeout(this.silence);
      this.active = false;
      this.changed(false);
    }
  }
}
