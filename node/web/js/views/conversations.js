// Whom we talk to: people and groups in one list, the one where something happened last on top.

import { batched, h, keyed, spoken } from '../dom.js';
import { onRoute } from '../router.js';
import { contactRow, updateContact } from './contacts.js';
import { groupRow, updateGroup } from './groups.js';

export function conversationList(app) {
  const { rpc, store } = app;
  const list = h('ul', { class: 'contacts' });
  const none = h('p', { class: 'hint empty' }, 'No conversations yet. Invite somebody, or give them your ticket.');
  const create = h('a', { class: 'button plain small', href: '#/groups' }, 'New group', spoken(': create or join one'));
  const show = () => {
    const people = [...store.contacts.values()].filter(({ state }) => state === 'paired');
    const groups = [...store.groups.values()].filter(({ state }) => ['joined', 'requested'].includes(state));
    const all = [...people, ...groups].map((about) => [since(store, about), about]);
    all.sort(([a], [b]) => b.localeCompare(a));
    keyed(
      list,
      all.map(([, about]) => about),
      (about) => about.group ?? about.contact,
      (about) => (about.group ? groupRow() : contactRow(rpc)),
      (row, about) => (about.group ? updateGroup(row, about, store) : updateContact(row, about, store)),
    );
    none.hidden = all.length > 0 || !store.account;
  };
  const soon = batched(show);
  for (const event of ['contacts', 'groups', 'channels', 'account']) store.addEventListener(event, soon);
  onRoute(soon);
  show();
  return h(
    'nav',
    { 'aria-label': 'Conversations' },
    h('section', { 'aria-labelledby': 'talks-title' }, h('div', { class: 'with-button' }, h('h2', { id: 'talks-title' }, 'Conversations'), create), none, list),
  );
}

/** When something last happened in it. */
function since(store, about) {
  return store.channels.get(about.channel)?.since ?? about.since;
}
