// What happened on each lane, for the sequence diagram: the last few thousand exchanges, old ones overwritten.
//
// An exchange is what the client saw: when it asked (`sent`, missing for what is pushed), when it was answered
// (`answered`, missing as long as it waits), and which quotes came. Where none will come, `failed` says so, and `answered`
// is when that was known.

const KEPT = 4096;
const BLANK = { sent: NaN, answered: NaN, quotes: 0, seq: 0, held: false, dials: false, opens: false, failed: false, one_way_ms: NaN };
// The room is taken once: lanes that ask four times a second would need more and more of it for the whole of a race.
const blanks = () => Array.from({ length: KEPT }, () => ({ ...BLANK }));

export class ExchangeLog {
  constructor(ids) {
    this.one_way_ms = 0; // what is added each way, now
    this.version = 0; // another one after each change
    this.lanes = new Map(ids.map((id) => [id, { ring: blanks(), count: 0 }]));
  }

  /** Another race begins. Its places are new ones: who still waits for an answer of the last race has a place of that. */
  forget() {
    this.version += 1;
    for (const lane of this.lanes.values()) {
      if (lane.count > 0) lane.ring = blanks();
      lane.count = 0;
    }
  }

  /** A request leaves, or a stream is opened. `held`: the server may wait. `dials`: it needs a connection of its own. */
  asked(id, at, { held = false, dials = false, opens = false } = {}) {
    const exchange = this.place(id);
    exchange.sent = at;
    exchange.held = held;
    exchange.dials = dials;
    exchange.opens = opens;
    return exchange;
  }

  /** Its answer is here: with this many quotes, the newest of them `seq`. */
  answered(exchange, at, quotes, seq) {
    this.version += 1;
    exchange.answered = at;
    exchange.quotes = quotes;
    exchange.seq = seq;
  }

  /** There will be no answer: the question was given up, or its connection broke. */
  failed(exchange, at) {
    this.version += 1;
    exchange.answered = at;
    exchange.failed = true;
  }

  /** Nobody asked: the server sent it by itself. */
  pushed(id, at, seq) {
    this.answered(this.place(id), at, 1, seq);
  }

  /** The next place of a lane, the oldest one's once all are taken, with nothing in it. */
  place(id) {
    const lane = this.lanes.get(id), exchange = Object.assign(lane.ring[lane.count % KEPT], BLANK);
    exchange.one_way_ms = this.one_way_ms;
    lane.count += 1;
    this.version += 1;
    return exchange;
  }

  /** Calls `draw` with the exchanges of a lane that touch a stretch of time, newest first, at most `most` of them. */
  between(id, from, to, most, draw) {
    const { ring, count } = this.lanes.get(id);
    let drawn = 0;
    for (let back = 1; back <= Math.min(count, KEPT) && drawn < most; back++) {
      const exchange = ring[(count - back) % KEPT];
      const begin = Number.isNaN(exchange.sent) ? exchange.answered - exchange.one_way_ms : exchange.sent;
      if (begin > to) continue;
      if (exchange.answered < from) {
        // Answers come in order on a lane, but for a stream's opening.
        if (exchange.opens) continue;
        break;
      }
      draw(exchange);
      drawn += 1;
    }
  }

  /** The earliest instant after `time` at which something was sent or answered on one of the lanes; NaN if none. */
  next(ids, time) {
    let best = Infinity, what = null;
    for (const id of ids) {
      const { ring, count } = this.lanes.get(id);
      for (let back = 1; back <= Math.min(count, KEPT); back++) {
        const exchange = ring[(count - back) % KEPT];
        for (const [at, kind] of [[exchange.sent, "sent"], [exchange.answered, "answered"]]) {
          if (at > time && at < best) [best, what] = [at, { id, kind, exchange, at }];
        }
        if (exchange.answered <= time && !exchange.opens) break;
      }
    }
    return what;
  }

  /** The oldest instant that every busy lane still remembers. */
  oldest() {
    let oldest = -Infinity;
    for (const { ring, count } of this.lanes.values()) {
      if (count > KEPT) oldest = Math.max(oldest, ring[count % KEPT].answered || 0);
    }
    return oldest;
  }
}
