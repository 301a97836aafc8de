// The loaded part of one conversation: the messages from some point on, in the order that all its members see.

/** How far our own messages have come; an answer that was overtaken by an event must not take them back. */
const PROGRESS = { queued: 0, replicated: 1, delivered: 2, received: 2, expired: 3, failed: 3, read: 4 };

export class Timeline {
  /** Sorted by order_key. */
  messages = [];
  /** Was anything loaded yet? */
  loaded = false;
  /** Are there older ones that are not loaded? */
  hasOlder = true;

  /** Puts a message in its place, or replaces it; true if it was not there. */
  put(message) {
    // Older than all that is loaded: it comes with its page.
    const first = this.messages[0];
    if (!this.loaded || (this.hasOlder && first && message.order_key < first.order_key)) return true;
    return this.#insert(message);
  }

  /** Takes a page as `message.list` gives it, oldest first. */
  putPage(page, limit) {
    this.loaded = true;
    for (const message of page) this.#insert(message);
    this.hasOlder = page.length === limit;
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

  #insert(message) {
    const at = this.#place(message.order_key);
    const there = this.messages[at];
    if (there?.id !== message.id) {
      this.messages.splice(at, 0, message);
      return true;
    }
    const changed = message.edited !== there.edited || message.deleted !== there.deleted;
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
