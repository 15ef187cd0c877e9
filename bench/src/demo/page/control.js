// The control socket: what the server says goes to handlers, what the page wants goes to the server.
//
// Messages are JSON with one key, which names the message: {"state": …}, {"meters": …}, {"pong": …}, {"ended": …},
// {"error": …}.

const AGAIN_AFTER_MS = 1000;

export class Control {
  /** `handlers` has a function per message, and `lost` for a connection that has gone. */
  constructor(handlers) {
    this.handlers = handlers;
    this.open();
  }

  open() {
    this.socket = new WebSocket(`ws://${location.host}/control`);
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = () => {
      this.handlers.lost();
      setTimeout(() => this.open(), AGAIN_AFTER_MS);
    };
  }

  take(message) {
    if ("pong" in message) {
      this.handlers.pong(message.pong, message.now_ns);
      return;
    }
    for (const [name, content] of Object.entries(message)) this.handlers[name]?.(content);
  }

  /** Sends if there is a connection; what is asked without one is asked of nobody. */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
