// What else can be done with a contact.

import { confirm, prompt } from '../dialogs.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { failure } from '../notices.js';
import { nameOf } from '../words.js';
import { MAX_ALIAS } from './pending.js';

export function contactMenu({ rpc, store }, id) {
  const items = h('div', { class: 'items' });
  const summary = h('summary', { class: 'button plain', 'aria-label': 'More about this contact' }, icon('more'));
  const menu = h('details', { class: 'menu' }, summary, items);
  const close = () => (menu.open = false);
  const choose = (action) => {
    close();
    // A dialog gives the focus back to where it was.
    summary.focus();
    action();
  };
  const item = (text, action) =>
    h('button', { type: 'button', class: 'plain', on: { click: () => choose(action) } }, text);
  // Not on `toggle`, which comes too late for somebody who presses Enter and Tab at once.
  summary.addEventListener('click', () => {
    if (!menu.open) fill(items, ...entries(rpc, store, store.contacts.get(id), item));
  });
  menu.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    close();
    summary.focus();
  });
  menu.addEventListener('focusout', ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget)) close();
  });
  document.addEventListener('pointerdown', function outside({ target }) {
    if (!menu.isConnected) document.removeEventListener('pointerdown', outside);
    else if (!menu.contains(target)) close();
  });
  return menu;
}

function entries(rpc, store, contact, item) {
  if (!contact) return [];
  const { contact: id } = contact;
  const who = nameOf(contact);
  const channel = store.channelOf(contact);
  const rename = () =>
    prompt({
      title: 'Your name for them',
      label: 'Only you see it',
      value: contact.alias ?? contact.name ?? '',
      maxlength: MAX_ALIAS,
      verb: 'Save',
      action: (alias) => rpc.change('pair.rename', { contact: id, alias }),
    });
  const markRead = () =>
    rpc.change('channel.mark_read', { channel: channel.channel, up_to: channel.last_message?.id }).catch(failure);
  const mute = () => rpc.change('channel.mute', { channel: channel.channel, muted: !channel.muted }).catch(failure);
  const remove = () =>
    confirm({
      title: `End the pairing with ${who}?`,
      text: 'The keys are erased, and neither of you can write to the other until one invites again and the other accepts. Your messages stay here.',
      verb: 'End the pairing',
      action: () => rpc.change('pair.remove', { contact: id }),
    });
  const block = () =>
    confirm({
      title: `Block ${who}?`,
      text: 'Nothing is taken from them or sent to them until you unblock them. They are not told, and you stay paired.',
      verb: 'Block',
      action: () => rpc.change('pair.block', { contact: id }),
    });
  return [
    item('Rename…', rename),
    channel?.unread > 0 && item('Mark as read', markRead),
    channel && item(channel.muted ? 'Unmute' : 'Mute', mute),
    contact.state === 'paired' && item('End the pairing…', remove),
    contact.state !== 'blocked' && item('Block…', block),
    h('p', { class: 'hint' }, 'Account ', h('code', {}, id)),
  ];
}
