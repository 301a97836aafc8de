// The frame: people at the side, one page in the middle.

import { batched, fill, h } from '../dom.js';
import { say } from '../notices.js';
import { groupName } from '../roles.js';
import { onRoute, route } from '../router.js';
import { authorOf, nameOf, shortId } from '../words.js';
import { chatPage } from './chat.js';
import { devicesPage } from './devices.js';
import { groupPage } from './group.js';
import { groupsPage } from './groups.js';
import { invitePage } from './invite.js';
import { keepersPage } from './keepers.js';
import { membersPage } from './members.js';
import { nodePage } from './node.js';
import { connectionBar, sidebar } from './sidebar.js';
import { startPage } from './start.js';

const PAGES = {
  chat: chatPage,
  invite: invitePage,
  devices: devicesPage,
  keepers: keepersPage,
  node: nodePage,
  groups: groupsPage,
  group: groupPage,
  members: membersPage,
};
const PREVIEW = 140;

export function showApp(root, app) {
  const main = h('main', { id: 'main', tabindex: '-1' });
  const side = sidebar(app);
  fill(root, side, main, connectionBar(app));
  // On a phone either the side or the page is to be seen, so it is the main part.
  const narrow = matchMedia('(max-width: 44rem)');
  const landmark = () => {
    if (narrow.matches && root.dataset.page === 'start') side.setAttribute('role', 'main');
    else side.removeAttribute('role');
  };
  let page = null;
  const go = (moved) => {
    page?.leave?.();
    const { page: which, id } = route();
    root.dataset.page = which || 'start';
    landmark();
    page = (PAGES[which] ?? startPage)(app, id);
    fill(main, page.element);
    page.entered?.();
    if (moved && !main.contains(document.activeElement)) main.focus({ preventScroll: true });
  };
  onRoute(() => go(true));
  narrow.addEventListener('change', landmark);
  // The conversation that is open already was chosen again.
  root.addEventListener('click', ({ target }) => {
    if (target.closest('a')?.getAttribute('href') === location.hash) page.again?.();
  });
  app.store.addEventListener('reset', () => go(false));
  app.store.addEventListener('channels', batched(() => titled(app.store)));
  app.store.addEventListener('contacts', batched(() => titled(app.store)));
  app.store.addEventListener('groups', batched(() => titled(app.store)));
  app.store.addEventListener('message', ({ detail }) => announced(app.store, detail));
  announcePending(app.store);
  go(false);
}

/** Unread messages and open invites in the title, where they are seen from other tabs. */
function titled(store) {
  const waiting = store.unread + store.pending.length + store.groupInvites.length;
  document.title = waiting > 0 ? `(${waiting}) covey` : 'covey';
}

function announced(store, { message, fresh }) {
  if (!fresh || store.channels.get(message.channel)?.muted) return;
  const text = message.text.length > PREVIEW ? `${message.text.slice(0, PREVIEW)}…` : message.text;
  const who = authorOf(message);
  const group = store.groups.get(message.channel);
  say(`${who}${group ? ` in ${groupName(group)}` : ''}: ${text}`);
}

/** Says who asks, once for each invite. */
function announcePending(store) {
  let known = null;
  const look = () => {
    const people = store.pending.map((contact) => [contact.contact, `${nameOf(contact)} invites you`]);
    const groups = store.groupInvites.map((group) => [group.group, `Invite to the group ${groupName(group)}`]);
    const keepers = (store.keepers ?? []).filter(({ state }) => state === 'requested');
    const mail = keepers.map(({ keeper, name }) => [`keeper ${keeper}`, `${name || shortId(keeper)} asks you to keep their mail`]);
    const now = new Map([...people, ...groups, ...mail]);
    if (known) for (const [id, text] of now) if (!known.has(id)) say(text);
    known = now;
  };
  store.addEventListener('reset', look);
  for (const event of ['contacts', 'groups', 'keepers']) store.addEventListener(event, () => known && look());
}
