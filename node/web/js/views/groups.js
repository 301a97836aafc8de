// Groups at the side: those that invite us, and those we are in; and the page to create or join one.

import { batched, busy, fill, h, keyed, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure, notice } from '../notices.js';
import { groupName, groupText } from '../roles.js';
import { groupLink, onRoute, route } from '../router.js';
import { brief, full, relative, shortId } from '../words.js';
import { avatar } from './contacts.js';
import { pageTop } from './page.js';

const MAX_NAME = 64;
const MAX_NOTE = 280;

/** Who invites us into a group, with Accept and Decline. */
export function groupInvites({ rpc, store }) {
  const number = h('span', { class: 'badge' });
  const list = h('ul', { class: 'pending-list' });
  const panel = h(
    'section',
    { class: 'pending', 'aria-labelledby': 'group-invites-title', hidden: true },
    h('h2', { id: 'group-invites-title' }, 'Group invites ', number),
    list,
  );
  const show = () => {
    const invited = store.groupInvites;
    panel.hidden = invited.length === 0;
    fill(number, String(invited.length));
    keyed(list, invited, ({ group }) => group, (group) => inviteCard(rpc, group), updateInvite);
  };
  store.addEventListener('groups', batched(show));
  return panel;
}

function inviteCard(rpc, { group: id }) {
  const about = h('div', { class: 'about' });
  const answer = (button, method, done) => busy(button, async () => done(await rpc.change(method, { group: id })), failure);
  const accept = (event) =>
    answer(event.currentTarget, 'group.accept', (group) => {
      notice(`You are in ${groupName(group)}.`);
      location.hash = groupLink(id);
    });
  const decline = (event) => answer(event.currentTarget, 'group.decline', () => notice('Declined.'));
  const yes = h('button', { type: 'button', class: 'primary', on: { click: accept } }, icon('tick'), 'Accept');
  const no = h('button', { type: 'button', on: { click: decline } }, 'Decline');
  const element = h('li', {}, about, h('p', { class: 'buttons' }, yes, no));
  element.parts = { about, yes, no };
  return element;
}

function updateInvite(element, group) {
  const { about, yes, no } = element.parts;
  yes.setAttribute('aria-label', `Accept: join ${groupName(group)}`);
  no.setAttribute('aria-label', `Decline: do not join ${groupName(group)}`);
  const by = group.by_name || (group.by && shortId(group.by));
  fill(
    about,
    h('p', { class: 'who' }, name(groupName(group))),
    group.note && h('blockquote', { dir: 'auto' }, group.note),
    h(
      'p',
      { class: 'hint' },
      by ? [name(by), ' invited you'] : 'Somebody invited you',
      `, ${groupText({ ...group, state: 'joined' })}. Sent `,
      h('time', { datetime: group.since, title: full(group.since) }, relative(group.since)),
      group.expires_at && `, expires ${relative(group.expires_at)}`,
      '. All members will see your name and account.',
    ),
  );
}

/** The groups we are in, those we asked, and those that ended. */
export function groupList({ store }) {
  const ours = h('ul', { class: 'contacts' });
  const ended = h('ul', { class: 'contacts' });
  const endedCount = h('span', { class: 'hint' });
  const endedPart = h('details', {}, h('summary', {}, 'Past groups ', endedCount), ended);
  const none = h('p', { class: 'hint empty' }, 'None yet. ', h('a', { href: '#/groups' }, 'Create or join one'), '.');
  const make = h('a', { class: 'button plain small', href: '#/groups' }, 'New', spoken(' group'));
  const show = () => {
    const all = [...store.groups.values()];
    const since = (group) => store.channels.get(group.channel)?.since ?? group.since;
    const live = all.filter(({ state }) => ['joined', 'requested'].includes(state));
    const past = all.filter(({ state }) => ['left', 'removed', 'declined'].includes(state));
    live.sort((a, b) => since(b).localeCompare(since(a)));
    for (const [list, groups] of [[ours, live], [ended, past]]) {
      keyed(list, groups, ({ group }) => group, row, (element, group) => updateRow(element, group, store));
    }
    none.hidden = live.length > 0 || !store.account;
    endedPart.hidden = past.length === 0;
    fill(endedCount, `(${past.length})`);
  };
  const soon = batched(show);
  for (const event of ['groups', 'channels', 'account']) store.addEventListener(event, soon);
  onRoute(soon);
  show();
  return h(
    'nav',
    { 'aria-label': 'Groups' },
    h('section', { 'aria-labelledby': 'groups-title' }, h('div', { class: 'with-button' }, h('h2', { id: 'groups-title' }, 'Groups'), make), none, ours),
    endedPart,
  );
}

function row() {
  const link = h('a', {});
  const element = h('li', {}, link);
  element.link = link;
  return element;
}

function updateRow(element, group, store) {
  const { link } = element;
  const { page, id } = route();
  const channel = store.channels.get(group.channel);
  const unread = group.state === 'joined' ? (channel?.unread ?? 0) : 0;
  link.href = groupLink(group.group);
  if (['group', 'members'].includes(page) && id === group.group) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
  element.classList.toggle('unread', unread > 0);
  const last = group.state === 'joined' ? channel?.last_message : null;
  fill(
    link,
    groupAvatar(group),
    h(
      'span',
      { class: 'lines' },
      h('span', { class: 'first' }, name(groupName(group)), spoken(' (group)')),
      h('span', { class: 'second' }, last ? [last.own ? 'You: ' : last.author_name && [h('bdi', {}, last.author_name), ': '], h('bdi', {}, last.text)].flat() : groupText(group)),
    ),
    h(
      'span',
      { class: 'aside' },
      last && h('time', { datetime: last.received_at }, brief(last.received_at)),
      unread > 0 && h('span', { class: 'badge' }, String(unread), spoken(' unread')),
      group.requests > 0 && h('span', { class: 'badge asks' }, String(group.requests), spoken(' asking to join')),
    ),
  );
}

/** Square, so that groups and people are told apart. */
export function groupAvatar(group) {
  const element = avatar({ contact: group.group, alias: groupName(group) });
  element.classList.add('square');
  return element;
}

/** Creating a group, and joining one with a ticket. */
export function groupsPage({ rpc }) {
  return {
    element: h(
      'article',
      { class: 'page' },
      pageTop('Groups'),
      h('section', { class: 'card', 'aria-labelledby': 'make-title' }, h('h3', { id: 'make-title' }, 'Create a group'), makeForm(rpc)),
      h('section', { class: 'card', 'aria-labelledby': 'join-title' }, h('h3', { id: 'join-title' }, 'Join a group'), joinForm(rpc)),
    ),
  };
}

function makeForm(rpc) {
  const called = h('input', { type: 'text', maxlength: MAX_NAME, required: true, autocomplete: 'off', dir: 'auto' });
  const news = h('input', { type: 'checkbox' });
  return form({
    parts: [
      h('label', {}, 'Name', called),
      h('label', { class: 'check' }, news, 'Only admins can write; new members can read'),
    ],
    hint: 'You become its owner. Then you invite people, and they decide.',
    verb: 'Create the group',
    async action() {
      const policy = news.checked ? { write: 'admin', newcomers: 'reader' } : {};
      const { group } = await rpc.change('group.create', { name: called.value.trim(), ...policy });
      location.hash = `#/members/${group}`;
    },
  });
}

function joinForm(rpc) {
  const ticket = h('textarea', { rows: '3', required: true, spellcheck: 'false', autocomplete: 'off', placeholder: 'covey-group:…' });
  const note = h('textarea', { rows: '2', maxlength: MAX_NOTE, dir: 'auto', placeholder: 'Optional; read by those who approve new members' });
  return form({
    parts: [h('label', {}, 'Group ticket', ticket), h('label', {}, 'Note', note)],
    hint: 'All members will see your account and name. Some tickets need the approval of an admin.',
    verb: 'Join',
    async action() {
      const group = await rpc.change('group.join', { ticket: ticket.value.trim(), note: note.value.trim() || null });
      notice(group.state === 'joined' ? `You are in ${groupName(group)}.` : `You asked to join ${groupName(group)}.`);
      location.hash = groupLink(group.group);
    },
  });
}

/** A form with a hint, a place for what goes wrong, and one button. */
export function form({ parts, hint, verb, action }) {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { class: 'primary' }, verb);
  const submit = (event) => {
    event.preventDefault();
    fill(problem);
    busy(button, action, (error) => fill(problem, error.message));
  };
  return h('form', { class: 'stack', on: { submit } }, hint && h('p', { class: 'hint' }, hint), ...parts, problem, h('p', {}, button));
}
