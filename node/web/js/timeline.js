// The loaded part of one conversation: a window without gaps, in the order that all its members see, and which messages
// in it somebody has seen. There may be older messages before the window and newer ones after it.

/** How far our own messages have come; an answer that was overtaken by an event must not take them back. */
const PROGRESS = { queued: 0, kept: 1, delivered: 2, received: 2, expired: 3, failed: 3, read: 4 };

export class Timeline {
  /** Sorted by order_key. */
  messages = [];
  /** Was anything loaded yet? */
  loaded = false;
  /** Are there older ones that are not loaded? */
  hasOlder = true;
  /** Are there newer ones that are not loaded? */
  hasNewer = false;
  /** Ids of messages of others that were on the screen while somebody could look at it. */
  seen = new Set();
  /** Ids of those that the node was told were read, by name. */
  told = new Set();
  /** The greatest order_key that was told outside of the window: a page that was on its way then lacks it. */
  #outside = '';

  /** Puts a message in its place, or replaces it; true if it was not there. */
  put(message) {
    const { order_key: key } = message;
    const before = this.hasOlder && key < this.oldest?.order_key;
    const after = this.hasNewer && key > this.newest?.order_key;
    if (this.loaded && !before && !after) return this.#insert(message);
    // It comes with its page.
    if (key > this.#outside) this.#outside = key;
    return true;
  }

  /** Begins a new window. */
  open(messages, { hasOlder, hasNewer }) {
    this.messages = [];
    this.loaded = true;
    this.hasOlder = hasOlder;
    for (const message of messages) this.#insert(message);
    this.#endsAt(hasNewer);
  }

  /** Takes the page before the window, oldest first. */
  addOlder(page, limit) {
    for (const message of page) this.#insert(message);
    this.hasOlder = page.length === limit;
  }

  /** Takes the page after the window, oldest first. */
  addNewer(page, limit) {
    for (const message of page) this.#insert(message);
    this.#endsAt(page.length === limit);
  }

  get oldest() {
    return this.messages[0];
  }

  get newest() {
    return this.messages.at(-1);
  }

  find(id) {
    return this.messages.find((message) => message.id === id);
  }

  /** Does the window hold everything after `key`, as far as it reaches? */
  covers(key) {
    return this.loaded && (!this.hasOlder || this.oldest?.order_key <= key);
  }

  #endsAt(hasNewer) {
    this.hasNewer = hasNewer || this.#outside > (this.newest?.order_key ?? '');
  }

  #insert(message) {
    const at = this.#place(message.order_key);
    const there = this.messages[at];
    if (there?.id !== message.id) {
      this.messages.splice(at, 0, message);
      return true;
    }
    const changed = message.text !== there.text || message.edited !== there.edited || message.deleted !== there.deleted;
    if (changed || PROGRESS[message.state] >= PROGRESS[there.state]) this.messages[at] = message;
    return false;
  }

  /** The index of the first message that is not before `key`. */
  #place(key) {
    let [low, high] = [0, this.messages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.messages[middle].order_key < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
