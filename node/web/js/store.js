// What this page knows of the node. Views read it and listen to it; only follow.js writes to it.
//
// Emits `account`, `condition`, `devices`, `keepers`, `contacts`, `groups`, `roster` (detail: {group}), `transfer` (detail: {device}), `channels`, `connection`, `message` (detail: {message, fresh}) and `reset`.

import { Timeline } from './timeline.js';

export class Store extends EventTarget {
  account = null;
  /** How safe the account is, as `account.status` tells. */
  condition = null;
  /** Its devices, as `device.list` tells; null while they are not known. */
  devices = null;
  /** Where our mail waits, and whose this node keeps, as `keeper.list` tells; null while that is not known. */
  keepers = null;
  /** Account id -> contact as `pair.show` tells. */
  contacts = new Map();
  /** Group id -> group as `group.show` tells. */
  groups = new Map();
  /** Channel id -> channel as `channel.show` tells. */
  channels = new Map();
  /** Channel id -> Timeline, of the conversations that were looked at. */
  timelines = new Map();
  /** 'connecting', 'up', 'down'; `retryAt` in Unix milliseconds while down. */
  connection = { state: 'connecting', retryAt: 0 };
  /** Since when and why the node is connected to nobody, in a sentence; null if it is to somebody. */
  offline = null;

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  setAccount(account) {
    this.account = account;
    this.emit('account');
  }

  setCondition(condition) {
    this.condition = condition;
    this.emit('condition');
  }

  setDevices(devices) {
    this.devices = devices;
    this.emit('devices');
  }

  setKeepers(keepers) {
    this.keepers = keepers;
    this.emit('keepers');
  }

  /** How far the history of a device is. */
  putTransfer(transfer) {
    const { device } = transfer;
    this.devices = this.devices?.map((one) => (one.device === device ? { ...one, transfer } : one)) ?? null;
    this.emit('transfer', { device });
  }

  setContacts(contacts) {
    this.contacts = new Map(contacts.map((contact) => [contact.contact, contact]));
    this.emit('contacts');
  }

  /** One contact changed; one that is a stranger again is no contact any more. */
  putContact(contact) {
    if (contact.state === 'stranger') this.contacts.delete(contact.contact);
    else this.contacts.set(contact.contact, contact);
    this.emit('contacts');
  }

  setGroups(groups) {
    this.groups = new Map(groups.map((group) => [group.group, group]));
    this.emit('groups');
  }

  /** A group changed, or who is in it or asks to be. */
  putGroup(group) {
    this.groups.set(group.group, group);
    this.emit('groups');
    this.emit('roster', { group: group.group });
  }

  setChannels(channels) {
    this.channels = new Map(channels.map((channel) => [channel.channel, channel]));
    this.emit('channels');
  }

  putChannel(channel) {
    this.channels.set(channel.channel, channel);
    this.emit('channels');
  }

  /** A message came or changed. `fresh`: it has just arrived from somebody else. */
  putMessage(message, fresh) {
    const timeline = this.timelines.get(message.channel);
    const isNew = timeline?.put(message) ?? true;
    this.emit('message', { message, fresh: fresh && isNew });
  }

  timeline(channel) {
    let timeline = this.timelines.get(channel);
    if (!timeline) {
      timeline = new Timeline();
      this.timelines.set(channel, timeline);
    }
    return timeline;
  }

  setOffline(offline) {
    this.offline = offline;
    this.emit('connection');
  }

  setConnection(state, retryAt = 0) {
    this.connection = { state, retryAt };
    this.emit('connection');
  }

  /** Everything is to be read anew. */
  reset() {
    this.timelines.clear();
    this.emit('reset');
  }

  channelOf(contact) {
    return contact.channel ? this.channels.get(contact.channel) : undefined;
  }

  get pending() {
    return [...this.contacts.values()].filter((contact) => contact.state === 'pending').sort(newestFirst);
  }

  /** Those who say that we were paired before our account was recovered. */
  get renewals() {
    return this.pending.filter(({ renewal }) => renewal);
  }

  get groupInvites() {
    return [...this.groups.values()].filter((group) => group.state === 'invited').sort(newestFirst);
  }

  get unread() {
    return [...this.channels.values()].reduce((sum, channel) => sum + (channel.muted ? 0 : channel.unread), 0);
  }
}

function newestFirst(a, b) {
  return b.since.localeCompare(a.since);
}
