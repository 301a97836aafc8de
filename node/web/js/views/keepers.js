// Mail that waits: where ours does, whose this node keeps, who asked whom, and how much room there is.

import { confirm } from '../dialogs.js';
import { batched, busy, fill, h, name } from '../dom.js';
import { failure, notice } from '../notices.js';
import { count, full, nameOf, relative, shortId } from '../words.js';
import { pageTop } from './page.js';

const MIB = 1 << 20;

export function keepersPage(app) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const { store } = app;
  const asking = h('ul', { class: 'roster keepers' });
  const asked = card('asked-title', 'They ask you to keep their mail', asking);
  const mine = h('ul', { class: 'roster keepers' });
  const held = h('ul', { class: 'roster keepers' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const ask = h('div', {});
  const show = () => {
    const all = store.keepers ?? [];
    const requests = all.filter(({ role, state }) => role === 'held' && state === 'requested');
    asked.hidden = requests.length === 0;
    fill(asking, ...requests.map((request) => requestRow(app, request)));
    const ours = all.filter(({ role }) => role === 'mine');
    fill(mine, ...(ours.length > 0 ? ours.map((keeper) => row(app, keeper)) : [h('li', {}, h('p', { class: 'hint' }, 'Nobody. What is written to you while you are away waits with its author.'))]));
    const theirs = all.filter(({ role, state }) => role === 'held' && state !== 'requested');
    fill(held, ...(theirs.length > 0 ? theirs.map((owner) => row(app, owner)) : [h('li', {}, h('p', { class: 'hint' }, 'Nobody’s.'))]));
    fill(ask, askPart(app, ours));
  };
  store.addEventListener('keepers', batched(() => signal.aborted || show()), { signal });
  // How much lies where, and what was done here, is told by no event.
  look(app).catch((error) => fill(problem, error.message));
  show();
  return {
    element: h(
      'article',
      { class: 'page' },
      pageTop('Mail that waits'),
      problem,
      asked,
      card('mine-title', 'Who keeps your mail', mine, ask),
      card('held-title', 'Whose mail you keep', held, h('p', { class: 'hint' }, 'It is sealed: this node sees when and how much, not who wrote or what.')),
    ),
    leave: () => leaving.abort(),
  };
}

/** Asks how it stands. */
async function look({ rpc, store }) {
  store.setKeepers(await rpc.ask('keeper.list'));
}

/** Does something, and shows how it stands then. */
async function change(app, method, params) {
  await app.rpc.change(method, params);
  await look(app);
}

function card(id, title, ...content) {
  return h('section', { class: 'card', 'aria-labelledby': id }, h('h3', { id }, title), ...content);
}

function called(keeper) {
  return keeper.name || shortId(keeper.keeper);
}

/** How it stands, in a sentence. */
function state({ role, state: now, refused }) {
  const mine = role === 'mine';
  switch (now) {
    case 'asked':
      return mine ? 'Has not answered yet' : 'Has not come yet';
    case 'unreached':
      return 'Has not answered for an hour';
    case 'refused':
      return 'Keeps no mail for you';
    default:
      if (refused) return mine ? 'Had no room for all of your mail' : 'There was no room for all of their mail';
      return null;
  }
}

function row(app, keeper) {
  const { role, reached, used, limit, parcels } = keeper;
  const who = called(keeper);
  const words = state(keeper);
  const room = `${count(parcels, 'parcel')}, ${mib(used)} of ${mib(limit)} MiB`;
  const end = () =>
    confirm({
      title: role === 'mine' ? `Have no more mail kept by ${who}?` : `Keep no more mail for ${who}?`,
      text: 'What lies there is deleted. Nothing is lost: whoever wrote it has it until it arrives.',
      verb: 'Remove',
      action: () => change(app, 'keeper.remove', { keeper: keeper.keeper }),
    });
  return h(
    'li',
    {},
    h(
      'div',
      { class: 'lines' },
      h('p', { class: 'first' }, name(who)),
      words && h('p', { class: 'problem' }, words),
      h('p', { class: 'hint' }, reached ? ['Last reached ', time(reached)] : 'Never reached', limit > 0 && `. ${room}`),
      limit > 0 && h('meter', { min: '0', max: String(limit), high: String(limit * 0.9), value: String(used), 'aria-label': `Room of ${who}` }, room),
    ),
    h('button', { type: 'button', class: 'small danger', 'aria-label': `Remove ${who}`, on: { click: end } }, 'Remove…'),
  );
}

function requestRow(app, request) {
  const who = called(request);
  const accept = h('button', { type: 'button', class: 'small primary', 'aria-label': `Accept: keep the mail of ${who}`, on: { click: () => busy(accept, yes, failure) } }, 'Accept');
  const decline = h('button', { type: 'button', class: 'small', 'aria-label': `Decline ${who}`, on: { click: () => busy(decline, no, failure) } }, 'Decline');
  const yes = () => change(app, 'keeper.accept', { contact: request.keeper }).then(() => notice(`You keep the mail of ${who} as soon as they are there.`));
  const no = () => change(app, 'keeper.remove', { keeper: request.keeper });
  return h(
    'li',
    {},
    h('div', { class: 'lines' }, h('p', { class: 'first' }, name(who)), h('p', { class: 'hint' }, 'Up to 64 MiB would lie here for them, sealed, for 30 days at most.')),
    accept,
    decline,
  );
}

/** A contact is asked to keep our mail; or a ticket is used that a node printed. */
function askPart(app, ours) {
  const { store } = app;
  const taken = new Set(ours.map(({ keeper }) => keeper));
  const contacts = [...store.contacts.values()].filter(({ contact, state: now }) => now === 'paired' && !taken.has(contact));
  if (contacts.length === 0) return h('p', { class: 'hint' }, 'A contact, or another node of yours with an account of its own, can keep your mail.');
  const choice = h('select', { id: 'ask-whom' }, ...contacts.map((contact) => h('option', { value: contact.contact }, nameOf(contact))));
  const problem = h('p', { class: 'problem', role: 'alert' });
  const send = () => change(app, 'keeper.ask', { contact: choice.value }).then(() => notice('They are asked.'));
  const button = h('button', { type: 'submit' }, 'Ask');
  const submit = (event) => {
    event.preventDefault();
    fill(problem);
    busy(button, send, (error) => fill(problem, error.message));
  };
  return h(
    'form',
    { on: { submit } },
    h('label', { for: 'ask-whom' }, 'Ask a contact to keep your mail while you are away'),
    h('p', { class: 'row' }, choice, button),
    problem,
  );
}

/** Begun MiB count. */
function mib(bytes) {
  return Math.ceil(bytes / MIB);
}

function time(at) {
  return h('time', { datetime: at, title: full(at) }, relative(at));
}
