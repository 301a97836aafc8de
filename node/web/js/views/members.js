// The members of a group and their roles; requests to join; inviting, tickets, policy, leaving.

import { copyButton } from '../copy.js';
import { confirm, prompt } from '../dialogs.js';
import { batched, busy, fill, h, keyed, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure, notice } from '../notices.js';
import { qrCode } from '../qr.js';
import { asContact, groupName, may, mayAbout, rank, rolesFor } from '../roles.js';
import { groupLink } from '../router.js';
import { count, full, nameOf, relative } from '../words.js';
import { avatar } from './contacts.js';
import { form } from './groups.js';

const PAGE = 1_000;
const DAY = 86_400;

export function membersPage(app, id) {
  const { rpc, store } = app;
  const leaving = new AbortController();
  const { signal } = leaving;
  const title = h('h2', {});
  const back = h('a', { class: 'button plain', href: groupLink(id), 'aria-label': 'Back to the conversation' }, icon('back'));
  const asks = h('ul', { class: 'roster' });
  const asksPart = card('asks', 'Requests to join', asks);
  const roster = h('ul', { class: 'roster' });
  const rosterTitle = h('h3', { id: 'roster-title' }, 'Members');
  const more = h('button', { type: 'button', class: 'small', hidden: true, on: { click: () => load(true) } }, 'More members');
  const rosterPart = h('section', { class: 'card', 'aria-labelledby': 'roster-title' }, rosterTitle, roster, h('p', {}, more));
  const tools = h('div', { class: 'stack tools' });
  const element = h('article', { class: 'page' }, h('header', { class: 'page-top' }, back, title), asksPart, rosterPart, tools);
  let members = [];

  const show = () => {
    const group = store.groups.get(id);
    if (!group) {
      fill(title, store.account ? 'This group does not exist.' : 'Loading…');
      return;
    }
    fill(title, name(groupName(group)));
    fill(rosterTitle, `Members (${group.members})`);
    more.hidden = members.length < PAGE || members.length % PAGE !== 0;
    const sorted = [...members].sort((a, b) => rank(b.role) - rank(a.role) || Number(b.own) - Number(a.own) || called(a).localeCompare(called(b)));
    keyed(roster, sorted, ({ account }) => account, () => h('li', {}), (row, member) => updateMember(row, app, group, member));
    // What somebody is using stays as it is until they are done.
    if (!tools.contains(document.activeElement)) keyed(tools, toolCards(app, group, members), ({ key }) => key, ({ create }) => create(), () => {});
  };
  const showAsks = (requests) => {
    asksPart.hidden = requests.length === 0;
    keyed(asks, requests, ({ account }) => account, (request) => requestRow(rpc, request), () => {});
  };
  const load = async (next = false) => {
    try {
      const after = next ? members.at(-1)?.account : null;
      const page = await rpc.ask('group.members', { group: id, after, limit: PAGE });
      const asking = store.groups.get(id)?.requests ? await rpc.ask('group.requests', { group: id }) : [];
      if (signal.aborted) return;
      members = next ? [...members, ...page] : page;
      showAsks(asking.filter(({ state }) => state === 'waiting'));
      show();
    } catch (error) {
      if (!signal.aborted) failure(error);
    }
  };
  const soon = batched(() => signal.aborted || show());
  for (const event of ['groups', 'contacts']) store.addEventListener(event, soon, { signal });
  const reload = batched(() => signal.aborted || load());
  store.addEventListener('roster', ({ detail }) => detail.group === id && reload(), { signal });
  tools.addEventListener('focusout', () => setTimeout(soon), { signal });
  asksPart.hidden = true;
  show();
  load();
  return { element, leave: () => leaving.abort() };
}

function card(id, title, ...parts) {
  return h('section', { class: 'card', 'aria-labelledby': `${id}-title` }, h('h3', { id: `${id}-title` }, title), ...parts);
}

function called(member) {
  return member.own ? 'You' : nameOf(asContact(member));
}

function updateMember(row, { rpc }, group, member) {
  const shape = JSON.stringify([member, group.role, group.policy]);
  if (row.shape === shape || row.contains(document.activeElement)) return;
  row.shape = shape;
  const who = called(member);
  const notes = [
    member.state === 'invited' && 'invited, no answer yet',
    member.invisible && 'hidden from readers',
    !member.alias && !member.own && member.name && 'chose this name; anybody can',
  ].filter(Boolean);
  fill(
    row,
    avatar(asContact(member)),
    h('span', { class: 'lines' }, h('span', { class: 'first' }, name(who), member.online && h('span', { class: 'online' }, 'online')), h('span', { class: 'second' }, notes.join(', ') || `since ${relative(member.since)}`)),
    roleOf(rpc, group, member, who),
    ...removal(rpc, group, member, who),
  );
}

/** The role, and a choice where it is ours to change. */
function roleOf(rpc, group, member, who) {
  const roles = member.state === 'joined' ? rolesFor(group, member) : [];
  if (roles.length === 0) return h('span', { class: `role ${member.role}` }, member.role);
  const options = group.role === 'owner' ? ['owner', ...roles] : roles;
  const select = h('select', { 'aria-label': `Role of ${who}` }, ...options.map((role) => h('option', { value: role, selected: role === member.role }, role)));
  const give = (role) => rpc.change('group.role', { group: group.group, member: member.account, role });
  const reset = () => (select.value = member.role);
  select.addEventListener('change', () => {
    const role = select.value;
    if (role !== 'owner') {
      busy(select, () => give(role).then(() => notice(`${who} is now ${role === 'admin' ? 'an' : 'a'} ${role}.`)), (error) => (reset(), failure(error)));
      return;
    }
    reset();
    confirm({
      title: `Make ${who} the owner of ${groupName(group)}?`,
      text: 'They become the owner, and you become an admin. Only they can undo this.',
      verb: 'Make them the owner',
      action: () => give('owner'),
    });
  });
  return select;
}

function removal(rpc, group, member, who) {
  if (!mayAbout(group, member)) return [];
  const params = { group: group.group, member: member.account };
  const invited = member.state === 'invited';
  const remove = () =>
    confirm({
      title: invited ? `Cancel the invite to ${who}?` : `Remove ${who}?`,
      text: invited ? 'They can be invited again.' : 'They cannot read any message from now on. They keep what they have. They can be invited again.',
      verb: invited ? 'Cancel the invite' : 'Remove',
      action: () => rpc.change('group.remove', params),
    });
  const ban = () =>
    confirm({
      title: `Ban ${who}?`,
      text: 'They are removed, and cannot join again by invite or ticket until the ban is lifted.',
      verb: 'Ban',
      action: () => rpc.change('group.ban', params),
    });
  return [
    h('button', { type: 'button', class: 'small', on: { click: remove } }, invited ? 'Cancel' : 'Remove', spoken(` ${who}`)),
    !invited && h('button', { type: 'button', class: 'small danger', on: { click: ban } }, 'Ban', spoken(` ${who}`)),
  ].filter(Boolean);
}

function requestRow(rpc, request) {
  const { group, account } = request;
  const who = nameOf({ contact: account, alias: request.alias, name: request.name });
  const answer = (method, done) => (event) => busy(event.currentTarget, () => rpc.change(method, { group, account }).then(() => notice(done)), failure);
  return h(
    'li',
    {},
    h('span', { class: 'lines' }, h('span', { class: 'first' }, name(who)), h('span', { class: 'second' }, `as ${request.role}, asked ${relative(request.requested_at)}`), request.note && h('blockquote', { dir: 'auto' }, request.note)),
    h('button', { type: 'button', class: 'small primary', on: { click: answer('group.approve', `${who} is now a member.`) } }, icon('tick'), 'Approve', spoken(` ${who}`)),
    h('button', { type: 'button', class: 'small', on: { click: answer('group.reject', `The request of ${who} was declined.`) } }, 'Decline', spoken(` ${who}`)),
  );
}

/** Paired contacts that are not in it. */
function invitable(store, members) {
  const inside = new Set(members.map(({ account }) => account));
  return [...store.contacts.values()].filter(({ contact, state }) => state === 'paired' && !inside.has(contact));
}

/** What can be done with the group: {key, create} each; another key means that it has to be made anew. */
function toolCards({ rpc, store }, group, members) {
  const cards = [];
  const add = (what, state, create) => cards.push({ key: `${what} ${JSON.stringify(state)}`, create });
  if (may(group, 'invite')) {
    const contacts = invitable(store, members);
    add('invite', contacts.map((contact) => [contact.contact, nameOf(contact)]), () => card('invite', 'Invite a contact', inviteForm(rpc, group, contacts)));
    add('ticket', null, () => card('group-ticket', 'Group ticket', ticketPart(rpc, group)));
  }
  if (may(group, 'policy')) add('policy', group.policy, () => card('policy', 'Permissions', policyForm(rpc, group)));
  const rename = () =>
    prompt({ title: 'Name of the group', label: 'All members see it', value: group.name, maxlength: '64', verb: 'Save', action: (text) => rpc.change('group.rename', { group: group.group, name: text }) });
  if (group.state === 'joined') {
    add('rest', [group.name, group.role, group.policy, members], () =>
      h(
        'p',
        { class: 'buttons' },
        may(group, 'rename') && h('button', { type: 'button', on: { click: rename } }, 'Rename…'),
        h('button', { type: 'button', class: 'danger', on: { click: () => leave(rpc, group, members) } }, 'Leave the group…'),
      ),
    );
  }
  return cards;
}

function inviteForm(rpc, group, contacts) {
  if (contacts.length === 0) return h('p', { class: 'hint' }, 'All your contacts are members. ', h('a', { href: '#/invite' }, 'Pair with somebody'), ', or create a ticket.');
  const sorted = contacts.sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  const who = h('select', { required: true }, ...sorted.map((contact) => h('option', { value: contact.contact }, nameOf(contact))));
  return form({
    parts: [h('label', {}, 'Contact', who)],
    hint: 'They see the name of the group and who invited them, and decide.',
    verb: 'Invite',
    async action() {
      await rpc.change('group.invite', { group: group.group, contact: who.value });
      who.selectedOptions[0]?.remove();
      notice('Invite sent.');
    },
  });
}

function ticketPart(rpc, group) {
  const ticket = h('textarea', { class: 'ticket', readonly: true, rows: '5', 'aria-label': 'Ticket of the group', spellcheck: 'false', on: { focus: () => ticket.select() } });
  const code = h('div', { class: 'qr' });
  const about = h('p', { class: 'hint', role: 'status' });
  const result = h('div', { class: 'ticket-part', hidden: true }, h('div', { class: 'stack' }, ticket, about, h('p', { class: 'buttons' }, copyButton(ticket, 'ticket'))), code);
  const approve = h('input', { type: 'checkbox' });
  const uses = h('input', { type: 'number', min: '1', max: '10000', value: '10', required: true });
  const make = form({
    parts: [h('label', {}, 'Number of people who can use it', uses), h('label', { class: 'check' }, approve, 'An admin approves each of them')],
    hint: 'For people who are not your contacts. Anybody who has it can use it for seven days.',
    verb: 'Create a ticket',
    async action() {
      const answer = await rpc.change('group.ticket', { group: group.group, uses: Number(uses.value), expires_in: 7 * DAY, approve: approve.checked });
      ticket.value = answer.ticket;
      fill(code, qrCode(answer.ticket, 'The ticket as a QR code'));
      fill(about, `It can be used ${count(answer.uses, 'time')}, until ${full(answer.expires_at)}.`);
      result.hidden = false;
    },
  });
  return h('div', { class: 'stack' }, make, result);
}

function policyForm(rpc, group) {
  const choice = (label, value, options) => {
    const select = h('select', {}, ...options.map(([role, text]) => h('option', { value: role, selected: role === value }, text)));
    return [h('label', {}, label, select), select];
  };
  const all = [['admin', 'Admins'], ['member', 'Members and admins']];
  const { policy } = group;
  const [inviteLabel, invite] = choice('Who can invite and create tickets', policy.invite, all);
  const [writeLabel, write] = choice('Who can write', policy.write, all);
  const [newcomersLabel, newcomers] = choice('Role of new members', policy.newcomers, [['member', 'Member: can write'], ['reader', 'Reader: can only read']]);
  return form({
    parts: [inviteLabel, writeLabel, newcomersLabel],
    verb: 'Save',
    async action() {
      await rpc.change('group.policy', { group: group.group, invite: invite.value, write: write.value, newcomers: newcomers.value });
      notice('Saved.');
    },
  });
}

function leave(rpc, group, members) {
  const others = members.filter(({ own, state }) => !own && state === 'joined');
  const hasToName = group.role === 'owner' && others.length > 0;
  const next = others.sort((a, b) => rank(b.role) - rank(a.role))[0];
  confirm({
    title: `Leave ${groupName(group)}?`,
    text: hasToName
      ? `The messages stay here. ${called(next)} becomes the owner; to choose somebody else, give them the role of owner first.`
      : 'The messages stay here. To join again, you need an invite or a ticket.',
    verb: 'Leave',
    async action() {
      await rpc.change('group.leave', { group: group.group, transfer_to: hasToName ? next.account : null });
      location.hash = groupLink(group.group);
    },
  });
}
