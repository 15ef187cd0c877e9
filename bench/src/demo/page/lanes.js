// The transports as a page can speak them: fetch, EventSource and WebSocket, with nothing but what browsers bring.
//
// Every lane tells what happens, in the same words: quotes(id, list, time), gap, request, empty, skipped, ready, trouble,
// and timer: how late a planned instant came, which is this page's own error. A lane holds a
// cursor, EPOCH.SEQ: where it is in the stream, and where it goes on after trouble.

const WAIT_S = 30;
const AGAIN_AFTER_MS = 500;
const NO_CONTENT = 204;

/** Where a lane begins: at the first quote, or, for those who come late, with the next. */
const beginning = (race) => (race.fromNow ? null : `${race.epoch}.0`);

/** The address that gives what comes after a cursor: every quote, or the newest at most once in an interval. */
function question(lane, { wait = false } = {}) {
  const { delivery } = lane.race, { interval_ms } = lane.race.knobs();
  const parts = lane.cursor ? [`after=${lane.cursor}`] : [];
  if (wait) parts.push(`wait=${WAIT_S}`);
  if (delivery === "newest") parts.push("delivery=newest", `interval=${Math.round(interval_ms)}`);
  return `${lane.url}${lane.paths[delivery]}?${parts.join("&")}`;
}

/** What polls and long polls share: one request, its answer, and where that leaves the cursor. */
class Asking {
  constructor(lane, race) {
    Object.assign(this, { id: lane.id, url: lane.url, paths: lane.paths, race, cursor: beginning(race) });
    this.aborted = new AbortController();
    this.dials = lane.closes;
    this.isReady = false;
    this.run();
  }

  /** Asks once. True when there was an answer. `cache`: what the browser does with what it kept. */
  async ask(url, { held = false, cache = "no-store" } = {}) {
    const { race, id } = this;
    race.tell.request(id);
    const exchange = race.log.asked(id, performance.now(), { held, dials: this.dials || !this.isReady });
    try {
      // `include`: the server's port makes it another origin, and only so are cookies sent there.
      const response = await fetch(url, { credentials: "include", cache, signal: this.aborted.signal });
      const answer = response.status === NO_CONTENT ? null : await response.json();
      this.take(response.status, answer, performance.now(), exchange);
      return response.ok || response.status === 410;
    } catch (error) {
      race.log.failed(exchange, performance.now());
      if (!this.aborted.signal.aborted) race.tell.trouble(id, `no answer from ${this.url}: ${error.message}`);
      return false;
    }
  }

  take(status, answer, at, exchange) {
    const { race, id } = this;
    if (status === 410 && answer.epoch === race.epoch) race.tell.gap(id, answer.gap);
    else if (status !== 200 && status !== 410) {
      race.log.answered(exchange, at, 0, 0);
      race.tell.trouble(id, answer.error);
      return;
    }
    if (answer.epoch !== race.epoch) return this.close(); // another run has begun, and will open lanes of its own
    this.cursor = answer.next;
    const quotes = answer.quotes ?? [];
    race.log.answered(exchange, at, quotes.length, quotes.at(-1)?.seq ?? 0);
    if (quotes.length > 0) race.tell.quotes(id, quotes, at);
    else race.tell.empty(id);
    if (!this.isReady) {
      this.isReady = true;
      race.tell.ready(id);
    }
  }

  close() {
    this.aborted.abort();
    clearTimeout(this.timer);
  }
}

/** Polling: asks at planned instants, and gets what there is. */
class Polling extends Asking {
  run() {
    this.had = 0;
    this.planned = performance.now();
    this.busy = false;
    this.tick();
  }

  tick() {
    if (this.aborted.signal.aborted) return;
    this.race.tell.timer(performance.now() - this.planned);
    if (this.busy) this.race.tell.skipped(this.id);
    else {
      this.busy = true;
      this.poll().finally(() => (this.busy = false));
    }
    // The plan does not move because a timer was late; where it was later than an interval, instants are left out.
    const { interval_ms } = this.race.knobs();
    const now = performance.now();
    this.planned += interval_ms * Math.max(1, Math.ceil((now - this.planned) / interval_ms));
    this.timer = setTimeout(() => this.tick(), this.planned - now);
  }

  /** The newest quote has an address of its own, as for the suite's clients: the browser asks there whether what it keeps is still true. */
  poll() {
    const { race, url, paths } = this;
    return race.delivery === "newest" ? this.ask(url + paths.newest, { cache: "no-cache" }) : this.ask(question(this));
  }

  /** At that address there is one quote, or none yet. Of "not modified" a page hears nothing: it gets what the browser kept. */
  take(status, answer, at, exchange) {
    const { race } = this;
    if (race.delivery !== "newest" || (status !== 200 && status !== NO_CONTENT)) return super.take(status, answer, at, exchange);
    const quotes = answer && answer.seq > this.had ? [answer] : [];
    this.had = quotes[0]?.seq ?? this.had;
    super.take(200, { epoch: race.epoch, quotes, next: this.cursor }, at, exchange);
  }

  /** The interval was changed: the next instant is one new interval from now. */
  retune() {
    clearTimeout(this.timer);
    const { interval_ms } = this.race.knobs();
    this.planned = performance.now() + interval_ms;
    this.timer = setTimeout(() => this.tick(), interval_ms);
  }
}

/** Long polling: asks, and the server answers when it has something. Then asks again. */
class LongPolling extends Asking {
  async run() {
    // The first is not held, so that the lane stands when the race begins.
    let answered = await this.ask(question(this));
    while (!this.aborted.signal.aborted) {
      if (!answered) await new Promise((again) => setTimeout(again, AGAIN_AFTER_MS));
      if (this.aborted.signal.aborted) return;
      answered = await this.ask(question(this, { wait: true }), { held: true });
    }
  }

  retune() {} // the next request asks with the new interval
}

/** What streams share: quotes come by themselves, and the cursor follows them. */
class Streaming {
  constructor(lane, race) {
    Object.assign(this, { id: lane.id, url: lane.url, paths: lane.paths, race, cursor: beginning(race), closed: false });
    this.open();
  }

  opened() {
    this.race.tell.request(this.id);
    this.opening = this.race.log.asked(this.id, performance.now(), { dials: true, opens: true });
  }

  hello({ epoch }) {
    if (epoch !== this.race.epoch) return this.close(); // another run has begun, and will open lanes of its own
    // A browser that comes back by itself is greeted again: that answers no question of ours.
    if (this.opening) this.race.log.answered(this.opening, performance.now(), 0, 0);
    this.opening = null;
    this.race.tell.ready(this.id);
  }

  quote(quote, at) {
    this.cursor = `${this.race.epoch}.${quote.seq}`;
    this.race.log.pushed(this.id, at, quote.seq);
    this.race.tell.quotes(this.id, [quote], at);
  }

  again(why) {
    if (this.closed) return;
    this.race.tell.trouble(this.id, why);
    this.timer = setTimeout(() => this.open(), AGAIN_AFTER_MS);
  }

  /** A conflated stream keeps its interval from its opening: it is opened anew, from where it is. */
  retune() {
    if (this.race.delivery !== "newest") return;
    this.hangUp();
    this.open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.hangUp();
  }
}

/** Server-sent events: one answer that does not end. The browser comes back by itself, with the last event's id. */
class EventStream extends Streaming {
  open() {
    this.opened();
    const source = (this.source = new EventSource(question(this), { withCredentials: true }));
    source.addEventListener("hello", (event) => this.hello(JSON.parse(event.data)));
    source.addEventListener("gap", (event) => this.race.tell.gap(this.id, JSON.parse(event.data)));
    source.onmessage = (event) => this.quote(JSON.parse(event.data), performance.now());
    source.onerror = () => {
      // Closed for good is only what was refused; otherwise the browser is already coming back.
      if (source === this.source && source.readyState === EventSource.CLOSED) this.again("the event stream was refused");
    };
  }

  hangUp() {
    this.source.close();
  }
}

/** WebSocket: one connection, upgraded, one message per quote. */
class Socket extends Streaming {
  open() {
    this.opened();
    const socket = (this.socket = new WebSocket(question(this).replace(/^http/, "ws")));
    socket.onmessage = ({ data }) => {
      const at = performance.now(), message = JSON.parse(data);
      if ("seq" in message) this.quote(message, at);
      else if ("hello" in message) this.hello(message.hello);
      else if ("gap" in message) this.race.tell.gap(this.id, message.gap);
    };
    socket.onclose = () => socket === this.socket && this.again("the socket was closed");
  }

  hangUp() {
    const { socket } = this;
    socket.onclose = socket.onmessage = null;
    // Closing what is not yet open makes browsers complain.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
  }
}

const KINDS = { planned: Polling, held: LongPolling, sse: EventStream, ws: Socket };

/**
 * Opens a lane. `race` holds the epoch, the way of delivery, the knobs as a function, the log of exchanges, and `tell`, a
 * function per thing that can happen.
 */
export function openLane(lane, race) {
  const Kind = KINDS[lane.delivers] ?? KINDS[lane.id];
  return new Kind({ ...lane, closes: lane.id === "poll-close" }, race);
}
