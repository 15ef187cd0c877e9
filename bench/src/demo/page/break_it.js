// Seven event streams: the browser keeps six connections to one host and port, over all its tabs. The seventh waits, and
// nothing says so: no error, no event.

/** The lane whose streams are multiplied. */
export const BREAK_LANE = "sse";

const STREAMS = 7;

export class SevenStreams {
  /** `address` gives the address of the lane of event streams, and how many streams of its own the race has there now. */
  constructor(button, says, address) {
    Object.assign(this, { button, says, address, sources: [] });
    button.addEventListener("click", () => (this.sources.length > 0 ? this.close() : this.open()));
  }

  open() {
    const { url, own } = this.address();
    this.sources = Array.from({ length: STREAMS - own }, (_, i) => {
      const source = new EventSource(`${url}/events?delivery=newest&interval=1000&after=0#${i}`, { withCredentials: true });
      source.onopen = source.onerror = () => this.count();
      return source;
    });
    this.button.textContent = "Close them";
    this.count();
  }

  /** What is true now: the race has a stream of its own only as long as it goes on. */
  count() {
    if (this.sources.length === 0) return;
    const { own } = this.address();
    const states = this.sources.map((source) => source.readyState);
    const open = states.filter((state) => state === EventSource.OPEN).length + own;
    const waiting = states.filter((state) => state === EventSource.CONNECTING).length;
    this.says.dataset.open = String(open);
    this.says.dataset.waiting = String(waiting);
    this.says.textContent = `${open} of ${states.length + own} streams are open, ${waiting} ${waiting === 1 ? "waits" : "wait"} without an error.`;
  }

  close() {
    if (this.sources.length === 0) return;
    // The one that waits first: otherwise it gets the place of one that goes.
    for (const source of this.sources.toReversed()) source.close();
    this.sources = [];
    this.button.textContent = "Open seven event streams";
    this.says.textContent = "Closed.";
    delete this.says.dataset.open;
    delete this.says.dataset.waiting;
  }
}
