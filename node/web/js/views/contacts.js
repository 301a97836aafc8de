// People at the side: a row for each; and the lists of those we invited, and of those with whom it ended.

import { actionFor } from '../consent.js';
import { batched, busy, fill, h, keyed, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure } from '../notices.js';
import { chatLink, onRoute, route } from '../router.js';
import { brief, nameOf, relative, stateText } from '../words.js';

/** Those we invited and those with whom it ended. */
export function otherContacts({ rpc, store }) {
  const asked = h('ul', { class: 'contacts' });
  const ended = h('ul', { class: 'contacts' });
  const askedPart = h('section', { 'aria-labelledby': 'asked-title' }, h('h2', { id: 'asked-title' }, 'Invited'), asked);
  const endedCount = h('span', { class: 'hint' });
  const endedPart = h('details', {}, h('summary', {}, 'Ended ', endedCount), ended);
  const show = () => {
    const all = [...store.contacts.values()];
    const invited = all.filter(({ state }) => state === 'invited');
    const others = all.filter(({ state }) => !['paired', 'invited', 'pending'].includes(state));
    for (const [list, contacts] of [[asked, invited], [ended, others]]) {
      keyed(list, contacts, ({ contact }) => contact, () => contactRow(rpc), (row, contact) => updateContact(row, contact, store));
    }
    askedPart.hidden = invited.length === 0;
    endedPart.hidden = others.length === 0;
    fill(endedCount, `(${others.length})`);
  };
  const soon = batched(show);
  for (const event of ['contacts', 'channels']) store.addEventListener(event, soon);
  onRoute(soon);
  show();
  return h('nav', { 'aria-label': 'Other contacts' }, askedPart, endedPart);
}

export function contactRow(rpc) {
  const link = h('a', {});
  const act = async (event) => {
    const { method, contact } = button.dataset;
    busy(event.currentTarget, () => rpc.change(method, { contact }), failure);
  };
  const button = h('button', { type: 'button', class: 'small', on: { click: act } });
  const element = h('li', {}, link, button);
  element.parts = { link, button };
  return element;
}

export function updateContact(element, contact, store) {
  const { link, button } = element.parts;
  const { page, id } = route();
  link.href = chatLink(contact.contact);
  if (page === 'chat' && id === contact.contact) link.setAttribute('aria-current', 'page');
  else link.removeAttribute('aria-current');
  const channel = store.channelOf(contact);
  const paired = contact.state === 'paired';
  const unread = paired ? (channel?.unread ?? 0) : 0;
  element.classList.toggle('unread', unread > 0);
  fill(
    link,
    avatar(contact),
    h(
      'span',
      { class: 'lines' },
      h('span', { class: 'first' }, name(nameOf(contact)), marks(contact)),
      h('span', { class: 'second' }, second(contact, channel)),
    ),
    h(
      'span',
      { class: 'aside' },
      paired && channel?.last_message && time(channel.last_message.received_at),
      unread > 0 && h('span', { class: 'badge' }, String(unread), spoken(' unread')),
    ),
  );
  const [verb, method] = actionFor(contact);
  button.hidden = !verb;
  if (!verb) return;
  fill(button, verb, spoken(` ${nameOf(contact)}`));
  Object.assign(button.dataset, { method, contact: contact.contact });
}

function second(contact, channel) {
  if (contact.state !== 'paired' || contact.contested) return stateText(contact);
  const last = channel?.last_message;
  if (!last) return contact.confirmed ? 'No messages yet' : stateText(contact);
  return [last.own && 'You: ', h('bdi', {}, last.text)];
}

function time(at) {
  return h('time', { datetime: at }, brief(at));
}

/** Lock: paired, so everything is encrypted end to end. Tick: safety numbers were compared. */
export function marks(contact) {
  if (contact.state !== 'paired') return null;
  return h(
    'span',
    { class: 'marks' },
    h('span', { title: 'Paired: end-to-end encrypted' }, icon('lock'), spoken(' paired')),
    contact.verified &&
      h('span', { class: 'verified', title: 'Verified: you compared the safety number' }, icon('tick'), spoken(', verified')),
    (contact.contested || contact.recovered_at) && !contact.verified &&
      h('span', { class: 'warning', title: doubt(contact) }, icon('warning'), spoken(`, ${doubt(contact)}`)),
  );
}

function doubt(contact) {
  if (contact.contested) return 'Contested: nothing is sent or taken until you have compared safety numbers';
  const when = relative(contact.recovered_at);
  return contact.verified_before ? `Verified before they recovered their account (${when})` : `Recovered their account ${when}`;
}

/** A coloured letter, the same for the same account everywhere. */
export function avatar(contact) {
  const shown = [...(contact.alias || contact.name || '?')][0].toLocaleUpperCase();
  const element = h('span', { class: 'avatar', 'aria-hidden': 'true' }, shown);
  let hue = 0;
  for (const c of contact.contact) hue = (hue * 31 + c.charCodeAt(0)) % 360;
  element.style.setProperty('--hue', String(hue));
  if (contact.online && contact.state === 'paired') element.classList.add('is-online');
  return element;
}
