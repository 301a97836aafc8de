// The side: who we are, invites, conversations; and the bar that says whether the node answers.

import { batched, fill, h, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { prompt } from '../dialogs.js';
import { alarmPanel } from './alarm.js';
import { otherContacts } from './contacts.js';
import { conversationList } from './conversations.js';
import { groupInvites, pastGroups } from './groups.js';
import { pendingPanel } from './pending.js';

export function sidebar(app) {
  return h(
    'div',
    { class: 'side' },
    header(app),
    h('div', { class: 'people' }, alarmPanel(app), pendingPanel(app), groupInvites(app), conversationList(app), otherContacts(app), pastGroups(app)),
  );
}

function header({ rpc, store }) {
  const own = h('button', { type: 'button', class: 'plain own-name', on: { click: () => renameSelf(rpc, store) } });
  const show = () => {
    const given = store.account?.name;
    fill(own, spoken('Your name: '), given ? name(given) : 'Set your name');
    own.hidden = !store.account;
  };
  store.addEventListener('account', show);
  show();
  return h(
    'nav',
    { class: 'top', 'aria-label': 'Pages' },
    h('div', { class: 'brand' }, h('p', { class: 'title' }, h('a', { href: '#/' }, 'covey')), own),
    h(
      'div',
      { class: 'links' },
      h('a', { class: 'button primary', href: '#/invite' }, icon('invite'), 'Invite'),
      h('a', { class: 'button plain', href: '#/devices', title: 'Devices' }, icon('devices'), spoken('Devices')),
      h('a', { class: 'button plain', href: '#/keepers', title: 'Mail that waits' }, icon('mail'), spoken('Mail that waits')),
      h('a', { class: 'button plain', href: '#/node', title: 'Node health' }, icon('health'), spoken('Node health')),
    ),
  );
}

function renameSelf(rpc, store) {
  prompt({
    title: 'Your name',
    label: 'Shown to your contacts, your groups and everybody you invite',
    value: store.account.name,
    maxlength: '64',
    verb: 'Save',
    action: (text) => rpc.change('account.rename', { name: text }),
  });
}

/** Whether the node answers, and whether it is connected to anybody. */
export function connectionBar({ rpc, store }) {
  const text = h('span', { role: 'status' });
  const retry = h('button', { type: 'button', on: { click: () => rpc.retry() } }, 'Try now');
  const bar = h('footer', { class: 'connection' }, h('span', { class: 'dot' }), text, retry);
  const show = () => {
    const { state } = store.connection;
    const offline = state === 'up' && store.offline;
    bar.dataset.state = offline ? 'offline' : state;
    retry.hidden = state !== 'down';
    const up = `Connected to your node${offline ? `; it is ${offline}` : ''}`;
    const words = { up, down: 'Your node does not answer', connecting: 'Connecting…' };
    fill(text, words[state]);
  };
  store.addEventListener('connection', batched(show));
  show();
  return bar;
}
