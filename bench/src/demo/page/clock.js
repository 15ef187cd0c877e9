// Which instant of the server's epoch it is now, from pings over the control socket.
//
// The server answers a ping with the nanoseconds since its epoch began. Somewhere between sending and receiving it read
// its clock: we take the middle, and the error is at most half the time there and back. Of several pings the quickest is
// the best.

const PINGS_AT_START = 8;
const BETWEEN_FIRST_MS = 40;
const BETWEEN_LATER_MS = 2000;
const KEPT = 32;

export class Clock {
  constructor(send) {
    this.send = send;
    this.timer = 0;
    this.since = Infinity;
  }

  /** A new epoch: what was known of the old one is worth nothing. `known` is called at the first answer. */
  restart(known = () => {}) {
    this.known = known;
    clearTimeout(this.timer);
    this.since = performance.now();
    this.samples = [];
    this.sent = 0;
    this.offset_ms = NaN;
    this.error_ms = Infinity;
    this.ping();
  }

  ping() {
    this.send({ ping: performance.now() });
    this.sent += 1;
    this.timer = setTimeout(() => this.ping(), this.sent < PINGS_AT_START ? BETWEEN_FIRST_MS : BETWEEN_LATER_MS);
  }

  /** The server's answer, with the page's time of the ping in it. */
  pong(sentAt, now_ns) {
    if (sentAt < this.since) return; // asked in the epoch before
    const now = performance.now();
    this.samples.push({ trip_ms: now - sentAt, offset_ms: now_ns / 1e6 - (sentAt + now) / 2 });
    if (this.samples.length > KEPT) this.samples.shift();
    const best = this.samples.reduce((a, b) => (b.trip_ms < a.trip_ms ? b : a));
    this.offset_ms = best.offset_ms;
    this.error_ms = best.trip_ms / 2;
    if (this.samples.length === 1) this.known();
  }

  /** Milliseconds since the epoch began, for a time of `performance.now()`. */
  epochTime(pageTime) {
    return pageTime + this.offset_ms;
  }

  /** The other way round. */
  pageTime(epochTime) {
    return epochTime - this.offset_ms;
  }
}
