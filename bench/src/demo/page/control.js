// The control socket: what the server says goes to handlers, what the page wants goes to the server.
//
// Messages are JSON with one key, which names the message: {"state": …}, {"meters": …}, {"pong": …}, {"ended": …},
// {"error": …}.

const AGAIN_AFTER_MS = 1000;
/** Who was sent away with a reason gives it time to go. */
const SENT_AWAY_MS = 30_000;

export class Control {
  /** `handlers` has a function per message, and `lost` for a connection that has gone: why, if the server said so, and after how many milliseconds it is tried again. */
  constructor(handlers) {
    this.handlers = handlers;
    this.open();
  }

  open() {
    this.socket = new WebSocket(`ws://${location.host}/control`);
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = ({ reason }) => {
      const again_ms = reason ? SENT_AWAY_MS : AGAIN_AFTER_MS;
      this.handlers.lost(reason, again_ms);
      setTimeout(() => this.open(), again_ms);
    };
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  take(message) {
    if ("pong" in message) {
      this.handlers.pong(message.pong, message.now_ns);
      return;
    }
    for (const [name, content] of Object.entries(message)) this.handlers[name]?.(content);
  }

  /** Sends if there is a connection, and says whether; what is asked without one is asked of nobody. */
  send(message) {
    if (this.isOpen) this.socket.send(JSON.stringify(message));
    return this.isOpen;
  }
}
