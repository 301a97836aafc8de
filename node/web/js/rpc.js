// One WebSocket to the daemon, JSON-RPC 2.0 with parameters by name. Knows no methods.
//
// When the connection breaks it is made again, with growing pauses, and calls without an answer are sent again. That is
// safe: those that change something carry a client_id, so the daemon does them once.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

/** The daemon said no. `reason` is its stable string, `message` a sentence for people. */
export class Refusal extends Error {
  constructor({ code, message, data }) {
    super(message);
    this.code = code;
    this.reason = data?.reason ?? 'unknown';
    this.details = data?.details ?? null;
  }
}

/**
 * Emits `open`, `down` (detail: milliseconds until the next try), `denied` (this browser is not signed in) and
 * `notification` (detail: {method, params}).
 */
export class Connection extends EventTarget {
  #key;
  #socket = null;
  #calls = new Map();
  #lastId = 0;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #ended = false;

  constructor(key) {
    super();
    this.#key = key;
    window.addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.retry();
    });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Connects, unless it is connected or about to be. */
  connect() {
    if (this.#socket || this.#ended) return;
    clearTimeout(this.#timer);
    const socket = new WebSocket(`ws://${location.host}/rpc`, ['covey', `session.${this.#key}`]);
    this.#socket = socket;
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
      this.#pause = FIRST_PAUSE;
      for (const [id, call] of this.#calls) this.#transmit(id, call);
      this.dispatchEvent(new Event('open'));
    });
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(data)));
    socket.addEventListener('close', () => {
      this.#socket = null;
      this.#lost(opened);
    });
  }

  /** Tries again now instead of after the pause. */
  retry() {
    if (this.#ended || this.#socket) return;
    this.#pause = FIRST_PAUSE;
    this.connect();
  }

  /** Asks something that changes nothing. */
  ask(method, params = {}) {
    return this.#call(method, params);
  }

  /** Has something changed, once, however often the connection breaks meanwhile. */
  change(method, params = {}) {
    return this.#call(method, { ...params, client_id: newId() });
  }

  /** Asks something that means this connection only, such as a subscription: it is not sent again on the next one. */
  askHere(method, params = {}) {
    return this.#call(method, params, true);
  }

  #call(method, params, onlyHere = false) {
    return new Promise((resolve, reject) => {
      if (onlyHere && !this.isOpen) return reject(new Error('not connected'));
      const id = ++this.#lastId;
      const call = { method, params: withoutBlanks(params), resolve, reject, onlyHere };
      this.#calls.set(id, call);
      if (this.isOpen) this.#transmit(id, call);
    });
  }

  #transmit(id, { method, params }) {
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  }

  #receive({ id, method, params, result, error }) {
    if (method) {
      this.dispatchEvent(new CustomEvent('notification', { detail: { method, params } }));
      return;
    }
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (error) call.reject(new Refusal(error));
    else call.resolve(result);
  }

  async #lost(wasOpen) {
    for (const [id, call] of this.#calls) {
      if (!call.onlyHere) continue;
      this.#calls.delete(id);
      call.reject(new Error('the connection broke'));
    }
    // A browser does not tell a page why a WebSocket was refused; a plain request does.
    if (!wasOpen && (await this.#isDenied())) {
      this.#ended = true;
      this.dispatchEvent(new Event('denied'));
      return;
    }
    const pause = this.#pause * (0.75 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.connect(), pause);
    this.dispatchEvent(new CustomEvent('down', { detail: pause }));
  }

  async #isDenied() {
    try {
      const answer = await fetch('/rpc', { method: 'POST', headers: { 'X-Covey-Session': this.#key } });
      return answer.status === 401;
    } catch {
      return false;
    }
  }
}

/** Parameters that are not set stay off the wire. */
function withoutBlanks(params) {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined && value !== null));
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `web-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
