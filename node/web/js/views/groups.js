// Groups at the side: those that invite us, a row for each, those of the past; and the page to create or join one.

import { batched, busy, fill, h, keyed, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure, notice } from '../notices.js';
import { groupName, groupText } from '../roles.js';
import { groupLink, onRoute, route } from '../router.js';
import { authorOf, brief, full, inviterOf, relative } from '../words.js';
import { avatar } from './contacts.js';
import { foldedCard, invitePanel } from './invites.js';
import { pageTop } from './page.js';

const MAX_NAME = 64;
const MAX_NOTE = 280;

/** Invites into groups, with Accept and Decline. */
export function groupInvites({ rpc, store }) {
  const { element, show } = invitePanel('group-invites', 'Group invites', ({ group }) => group, (group) => inviteCard(rpc, group), updateInvite);
  store.addEventListener('groups', batched(() => show(store.groupInvites)));
  return element;
}

function inviteCard(rpc, { group: id }) {
  const { element, who, about } = foldedCard();
  const answer = (button, method, done) => busy(button, async () => done(await rpc.change(method, { group: id })), failure);
  const accept = (event) =>
    answer(event.currentTarget, 'group.accept', (group) => {
      notice(`You are in ${groupName(group)}.`);
      location.hash = groupLink(id);
    });
  const decline = (event) => answer(event.currentTarget, 'group.decline', () => notice('Declined.'));
  const yes = h('button', { type: 'button', class: 'primary', on: { click: accept } }, icon('tick'), 'Accept');
  const no = h('button', { type: 'button', on: { click: decline } }, 'Decline');
  about.after(h('p', { class: 'buttons' }, yes, no));
  element.parts = { who, about, yes, no };
  return element;
}

function updateInvite(element, group) {
  const { who, about, yes, no } = element.parts;
  yes.setAttribute('aria-label', `Accept: join ${groupName(group)}`);
  no.setAttribute('aria-label', `Decline: do not join ${groupName(group)}`);
  const by = inviterOf(group);
  fill(who, name(groupName(group)));
  fill(
    about,
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

/** Groups that we left, were removed from or declined. */
export function pastGroups({ store }) {
  const list = h('ul', { class: 'contacts' });
  const number = h('span', { class: 'hint' });
  const part = h('details', {}, h('summary', {}, 'Past groups ', number), list);
  const show = () => {
    const past = [...store.groups.values()].filter(({ state }) => ['left', 'removed', 'declined'].includes(state));
    keyed(list, past, ({ group }) => group, groupRow, (element, group) => updateGroup(element, group, store));
    part.hidden = past.length === 0;
    fill(number, `(${past.length})`);
  };
  const soon = batched(show);
  for (const event of ['groups', 'channels']) store.addEventListener(event, soon);
  onRoute(soon);
  show();
  return h('nav', { 'aria-label': 'Past groups' }, part);
}

export function groupRow() {
  const link = h('a', {});
  const element = h('li', {}, link);
  element.link = link;
  return element;
}

export function updateGroup(element, group, store) {
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
      h('span', { class: 'second' }, last ? [last.own ? 'You: ' : [h('bdi', {}, authorOf(last)), ': '], h('bdi', {}, last.text)].flat() : groupText(group)),
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
