// A conversation: with whom, what was said, and the box to write in.

import { actionFor, actionHint } from '../consent.js';
import { busy, fill, h, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure } from '../notices.js';
import { keptText, nameOf, relative, stateText } from '../words.js';
import { avatar, marks } from './contacts.js';
import { contactMenu } from './menu.js';
import { openSafetyNumber } from './safety.js';
import { backLink, nothing, talkPage } from './talk.js';

export function chatPage(app, id) {
  const { rpc, store } = app;
  return talkPage(app, ['contacts', 'channels', 'account'], (top) => {
    const contact = store.contacts.get(id);
    fillTop(top, app, contact);
    return {
      shape: !contact ? 'nobody' : contact.channel ? `talk ${contact.channel} ${contact.state}` : `state ${contact.state} ${contact.kept_until ?? ''}`,
      log: contact?.channel && { channel: contact.channel, who: nameOf(contact) },
      to: contact?.state === 'paired' && contact,
      standing: () => standing(rpc, store, contact),
    };
  });
}

function fillTop(top, app, contact) {
  if (!contact) {
    fill(top, backLink(), h('h2', {}, 'Conversation'));
    return;
  }
  const paired = contact.state === 'paired';
  const place = contact.online ? 'online' : 'offline; messages wait for them';
  const recovered = contact.recovered_at && !contact.verified && `Recovered their account ${relative(contact.recovered_at)}: compare the safety number`;
  const title = h(
    'div',
    { class: 'lines' },
    h('h2', { class: 'first' }, name(nameOf(contact)), marks(contact)),
    h('p', { class: 'second' }, paired && contact.confirmed && !contact.contested ? recovered || place : stateText(contact)),
  );
  // A menu that is open stays: only what can change is put in anew.
  if (top.dataset.contact !== contact.contact) {
    const safety = h(
      'button',
      { type: 'button', class: 'plain', title: 'Safety number', on: { click: () => openSafetyNumber(app, contact.contact) } },
      icon('shield'),
      spoken('Safety number'),
    );
    top.dataset.contact = contact.contact;
    fill(top, backLink(), avatar(contact), title, safety, contactMenu(app, contact.contact));
    return;
  }
  top.children[1].replaceWith(avatar(contact));
  top.children[2].replaceWith(title);
}

/** Where consent stands, when one cannot write, and what can be done about it. */
function standing(rpc, store, contact) {
  if (!contact) return nothing(store, 'contact');
  if (contact.state === 'pending') {
    return h('div', { class: 'standing' }, h('p', {}, 'They are waiting for your answer. ', h('a', { href: '#/' }, 'Answer')));
  }
  const [verb, method] = actionFor(contact);
  const act = (event) => busy(event.currentTarget, () => rpc.change(method, { contact: contact.contact }), failure);
  return h(
    'div',
    { class: 'standing' },
    h('p', { class: 'what' }, stateText(contact)),
    contact.state === 'invited' && contact.note && h('blockquote', { dir: 'auto' }, contact.note),
    contact.state === 'invited' &&
      h('p', { class: 'hint' }, `Invited ${relative(contact.since)}`, contact.expires_at && `, expires ${relative(contact.expires_at)}`, '.'),
    contact.state === 'invited' && contact.kept_until && h('p', { class: 'hint' }, keptText(contact.kept_until)),
    verb && h('p', { class: 'hint' }, actionHint(contact)),
    verb && h('p', {}, h('button', { type: 'button', on: { click: act } }, verb)),
  );
}
