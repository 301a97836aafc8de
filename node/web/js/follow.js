// Keeps the store in step with the node: reads everything once, then follows the journal from the cursor taken before,
// so that nothing falls between the two; after a break it goes on where it was.

const EVENT = 'events.event';
/** How often who is online is asked: that is not in the journal. */
const PRESENCE_PERIOD = 15_000;

export class Follower {
  #rpc;
  #store;
  #cursor = null;
  #stale = new Set();
  #refreshing = false;
  #attempt = 0;

  constructor(rpc, store) {
    this.#rpc = rpc;
    this.#store = store;
    rpc.addEventListener('open', () => this.#start());
    rpc.addEventListener('down', ({ detail }) => {
      this.#attempt++;
      store.setConnection('down', Date.now() + detail);
    });
    rpc.addEventListener('notification', ({ detail }) => this.#notified(detail));
    setInterval(() => this.#askPresence(), PRESENCE_PERIOD);
  }

  async #start() {
    const attempt = ++this.#attempt;
    try {
      if (this.#cursor === null) await this.#readAll();
      else this.#askPresence();
      if (attempt !== this.#attempt) return;
      await this.#rpc.askHere('events.subscribe', { from: this.#cursor });
      if (attempt === this.#attempt) this.#store.setConnection('up');
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error.reason === 'locked') {
        this.#attempt++;
        this.#store.setConnection('locked');
        return;
      }
      // Another journal than the one we knew, such as after a restored backup.
      const again = error.reason === 'invalid_cursor' ? 0 : 2_000;
      this.#cursor = null;
      setTimeout(() => attempt === this.#attempt && this.#start(), again);
    }
  }

  async #readAll() {
    const { cursor } = await this.#rpc.ask('events.fetch', { last: 0 });
    const [account, status, condition, devices, keepers, contacts, channels, archived, groups] = await Promise.all([
      this.#rpc.ask('account.show'),
      this.#rpc.ask('node.status'),
      this.#rpc.ask('account.status'),
      this.#rpc.ask('device.list'),
      this.#rpc.ask('keeper.list'),
      this.#rpc.ask('pair.list'),
      this.#rpc.ask('channel.list'),
      this.#rpc.ask('channel.list', { archived: true }),
      this.#rpc.ask('group.list'),
    ]);
    this.#store.setAccount(account);
    this.#store.setOffline(status.offline);
    this.#store.setCondition(condition);
    this.#store.setDevices(devices);
    this.#store.setKeepers(keepers);
    this.#store.setChannels([...channels, ...archived]);
    this.#store.setContacts(contacts);
    this.#store.setGroups(groups);
    this.#store.reset();
    this.#cursor = cursor;
  }

  #notified({ method, params }) {
    if (method !== EVENT) return;
    if (params.error !== undefined) {
      setTimeout(() => this.#rpc.isOpen && this.#start(), 1_000);
      return;
    }
    const { cursor, kind, data } = params.result;
    this.#apply(kind, data);
    if (cursor) this.#cursor = cursor;
  }

  #apply(kind, data) {
    switch (kind) {
      case 'contact':
      case 'contact.alert':
      case 'contact.recovered':
        this.#store.putContact(data);
        if (data.channel) this.#refresh(data.channel);
        break;
      case 'message.received':
      case 'message.sent':
      case 'message.changed':
      case 'message.kept_expired':
        this.#store.putMessage(data, kind === 'message.received');
        this.#refresh(data.channel);
        break;
      case 'group.invited':
      case 'group.joined':
      case 'group.left':
      case 'group.removed':
      case 'group.changed':
        this.#store.putGroup(data);
        if (data.state === 'joined') this.#refresh(data.channel);
        break;
      case 'group.request':
        this.#refreshGroup(data.group);
        break;
      case 'channel':
        this.#store.putChannel(data);
        break;
      case 'account':
        this.#store.setAccount(data);
        break;
      case 'account.second_history':
        this.#again('account.status', (condition) => this.#store.setCondition(condition));
        break;
      case 'device.linked':
      case 'device.changed':
      case 'device.revoked':
        this.#again('device.list', (devices) => this.#store.setDevices(devices));
        this.#again('account.status', (condition) => this.#store.setCondition(condition));
        break;
      case 'transfer.progress':
        this.#store.putTransfer(data);
        break;
      case 'keeper.requested':
      case 'keeper.changed':
        this.#again('keeper.list', (keepers) => this.#store.setKeepers(keepers));
        break;
      case 'network':
        this.#store.setOffline(data.offline);
        break;
      case 'peer':
        this.#askPresence();
        break;
      case 'journal_truncated':
        this.#cursor = null;
        this.#start();
        break;
      default: // of a newer daemon
    }
  }

  /** Asks for a channel's present unread count and newest message; many events make one question. */
  async #refresh(channel) {
    this.#stale.add(channel);
    if (this.#refreshing) return;
    this.#refreshing = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
    while (this.#stale.size > 0) {
      const asked = [...this.#stale];
      this.#stale.clear();
      const answers = await Promise.allSettled(asked.map((id) => this.#rpc.ask('channel.show', { channel: id })));
      for (const { value } of answers) if (value) this.#store.putChannel(value);
    }
    this.#refreshing = false;
  }

  /** How many ask to come in is told by the group. */
  async #refreshGroup(group) {
    try {
      this.#store.putGroup(await this.#rpc.ask('group.show', { group }));
    } catch {
      // Gone meanwhile, or the connection broke: then everything is read anew.
    }
  }

  async #again(method, keep) {
    try {
      keep(await this.#rpc.ask(method));
    } catch {
      // As above.
    }
  }

  async #askPresence() {
    if (!this.#rpc.isOpen || document.visibilityState !== 'visible') return;
    try {
      for (const { contact, online } of await this.#rpc.ask('pair.list')) {
        const known = this.#store.contacts.get(contact);
        if (known && known.online !== online) this.#store.putContact({ ...known, online });
      }
    } catch {
      // The next round asks again.
    }
  }
}
