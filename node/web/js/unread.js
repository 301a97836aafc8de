// What is unread in one conversation, and telling the node what was read.
//
// A message of somebody else is seen once its end was in view for a moment, while the page was in front. What the node
// is told is a mark, "read up to this message"; it moves over messages that were seen and stops before the first one
// that was not, however many after it were. So nobody is told that something was read which was only skipped.

/** How long a message is in view before it counts as seen, milliseconds. */
const SEEN_AFTER = 300;
/** The mark moves at most this often, milliseconds: each move is a message to the others. */
const REPORT_PERIOD = 500;
/** Orders before all messages. */
const NOTHING = '0'.repeat(112);

export class Unread {
  #rpc;
  #store;
  #channel;
  #timeline;
  /** Id of an unread message in view -> since when. */
  #since = new Map();
  #timer = 0;
  #reported = '';
  #reporting = false;

  constructor({ rpc, store }, channel) {
    this.#rpc = rpc;
    this.#store = store;
    this.#channel = channel;
    this.#timeline = store.timeline(channel);
  }

  /** The node's count of unread messages. */
  get total() {
    return this.#store.channels.get(this.#channel)?.unread ?? 0;
  }

  /** Everything up to this order_key is read. */
  get mark() {
    const told = this.#store.channels.get(this.#channel)?.read_up_to ?? NOTHING;
    return told > this.#reported ? told : this.#reported;
  }

  /** Is it of somebody else, and not read? What is late stands before the mark and is unread by itself. */
  has(message) {
    return !message.own && (message.order_key > this.mark || this.#isLate(message));
  }

  #isLate({ id, late, state }) {
    return late && state === 'received' && !this.#timeline.told.has(id);
  }

  /** The first unread message in the window that nobody has seen, from `index` on. */
  next(index = 0) {
    return this.#timeline.messages.slice(index).find((message) => this.has(message) && !this.#timeline.seen.has(message.id));
  }

  /** How many unread ones are before index `first` of the window, and after index `last`. */
  around(first, last) {
    const { messages, seen, hasNewer } = this.#timeline;
    const open = messages.map((message, index) => [message, index]).filter(([message]) => this.has(message));
    const unseen = open.filter(([{ id }]) => !seen.has(id));
    const elsewhere = Math.max(0, this.total - open.length);
    return {
      above: unseen.filter(([, index]) => index < first).length + (this.#timeline.covers(this.mark) ? 0 : elsewhere),
      below: unseen.filter(([, index]) => index > last).length + (hasNewer ? elsewhere : 0),
    };
  }

  /** These messages are in view now; `changed` is called when that makes some of them seen. */
  inView(messages, changed) {
    clearTimeout(this.#timer);
    const now = performance.now();
    const waiting = new Map();
    let news = false;
    for (const message of isWatched() ? messages : []) {
      if (!this.has(message) || this.#timeline.seen.has(message.id)) continue;
      const since = this.#since.get(message.id) ?? now;
      if (now - since < SEEN_AFTER) {
        waiting.set(message.id, since);
        continue;
      }
      this.#timeline.seen.add(message.id);
      news = true;
    }
    this.#since = waiting;
    if (waiting.size > 0) this.#timer = setTimeout(() => this.inView(messages, changed), SEEN_AFTER);
    if (!news) return;
    changed();
    this.#report();
  }

  /** Somebody says that they need not see the rest. */
  async markAll() {
    const newest = this.#store.channels.get(this.#channel)?.last_message;
    if (newest) await this.#rpc.change('channel.mark_read', { channel: this.#channel, up_to: newest.id });
  }

  leave() {
    clearTimeout(this.#timer);
    this.#since.clear();
  }

  async #report() {
    if (this.#reporting) return;
    this.#reporting = true;
    const next = () => this.#lateAndSeen() ?? this.#newestRead();
    for (let read = next(); read; read = next()) {
      try {
        await this.#rpc.change('channel.mark_read', { channel: this.#channel, up_to: read.id });
      } catch {
        // Tried again with what is seen next.
        break;
      }
      this.#timeline.told.add(read.id);
      if (read.order_key > this.#reported) this.#reported = read.order_key;
      await new Promise((resolve) => setTimeout(resolve, REPORT_PERIOD));
    }
    this.#reporting = false;
  }

  /** One that is late and was seen: it is named by itself. */
  #lateAndSeen() {
    const { messages, seen } = this.#timeline;
    return messages.find((message) => !message.own && message.order_key <= this.mark && this.#isLate(message) && seen.has(message.id));
  }

  /** The last of the unread messages before which nothing unread was left out. */
  #newestRead() {
    const { messages, seen } = this.#timeline;
    if (!this.#timeline.covers(this.mark)) return undefined;
    let newest;
    for (const message of messages) {
      if (!this.has(message)) continue;
      if (!seen.has(message.id)) break;
      newest = message;
    }
    return newest;
  }
}

/** Could somebody be looking at the page? */
function isWatched() {
  return document.visibilityState === 'visible' && document.hasFocus();
}
