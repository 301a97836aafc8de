// Who asks to talk to us, with Accept and Decline. It is the first thing on the page when somebody does.

import { batched, busy, fill, h, name } from '../dom.js';
import { icon } from '../icons.js';
import { failure, notice } from '../notices.js';
import { chatLink } from '../router.js';
import { count, full, nameOf, relative, shortId } from '../words.js';
import { foldedCard, invitePanel } from './invites.js';

/** Longest alias in bytes that the node takes. */
export const MAX_ALIAS = 64;

export function pendingPanel({ rpc, store }) {
  const { element, show } = invitePanel('pending', 'Waiting for your answer', ({ contact }) => contact, (contact) => card(rpc, contact), update);
  const all = renewals(rpc);
  element.firstElementChild.after(all.element);
  store.addEventListener('contacts', batched(() => {
    show(store.pending);
    all.show(store.renewals.length);
  }));
  return element;
}

/** After a recovery many ask at once, and are accepted at once. */
function renewals(rpc) {
  const who = h('p', {});
  const problem = h('p', { class: 'problem', role: 'alert' });
  const accept = async () => {
    const accepted = await rpc.change('pair.accept_renewals');
    notice(`You are paired with ${count(accepted.length, 'contact')} again. Compare safety numbers with those who matter.`);
  };
  const button = h('button', { type: 'button', class: 'primary', on: { click: () => busy(button, accept, (error) => fill(problem, error.message)) } }, icon('tick'), 'Accept all of them');
  const element = h('div', { class: 'renewals', hidden: true }, who, problem, button);
  const show = (number) => {
    element.hidden = number < 2;
    fill(who, `${number} people say that you were paired before your account was recovered.`);
  };
  return { element, show };
}

function card(rpc, { contact: id }) {
  const { element, who, about } = foldedCard();
  const alias = h('input', { type: 'text', maxlength: MAX_ALIAS, autocomplete: 'off', placeholder: 'Optional' });
  const act = (button, method, params, done) =>
    busy(button, async () => done(await rpc.change(method, { contact: id, ...params })), failure);
  const accept = (event) => {
    event.preventDefault();
    act(yes, 'pair.accept', { alias: alias.value.trim() || null }, (contact) => {
      notice(`You and ${nameOf(contact)} are paired.`);
      location.hash = chatLink(id);
    });
  };
  const decline = () =>
    act(no, 'pair.decline', {}, () => notice('Declined. They cannot invite you again until you choose Forget, under Ended.'));
  const block = () => act(never, 'pair.block', {}, () => notice('Blocked. They are not told.'));
  const yes = h('button', { class: 'primary' }, icon('tick'), 'Accept');
  const no = h('button', { type: 'button', on: { click: decline } }, 'Decline');
  const never = h('button', { type: 'button', class: 'plain', on: { click: block } }, 'Block');
  const form = h(
    'form',
    { on: { submit: accept } },
    h('label', {}, 'Your name for them', alias),
    h('p', { class: 'buttons' }, yes, no, never),
  );
  about.after(form);
  element.parts = { who, about, yes, no, never };
  return element;
}

function update(element, contact) {
  const { who: top, about, yes, no, never } = element.parts;
  const who = nameOf(contact);
  yes.setAttribute('aria-label', `Accept ${who}`);
  no.setAttribute('aria-label', `Decline ${who}`);
  never.setAttribute('aria-label', `Block ${who}`);
  fill(top, contact.alias || contact.name ? name(who) : 'No name given', presence(contact));
  fill(
    about,
    contact.renewal && h('p', {}, 'They say that you were paired before your account was recovered.'),
    contact.remembered && h('p', {}, 'They are on your list of contacts from before the recovery.'),
    contact.note && h('blockquote', { dir: 'auto' }, contact.note),
    h(
      'p',
      { class: 'hint' },
      contact.alias ? 'Your name for them. ' : contact.name ? 'They chose this name; anybody can. ' : null,
      h('code', { title: contact.contact }, shortId(contact.contact)),
      ' invited you ',
      h('time', { datetime: contact.since, title: full(contact.since) }, relative(contact.since)),
      contact.expires_at && `, expires ${relative(contact.expires_at)}`,
      '.',
    ),
  );
}

function presence({ online }) {
  return online && h('span', { class: 'online' }, 'online');
}
