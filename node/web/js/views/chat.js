// A conversation: with whom, what was said, and the box to write in.

import { actionFor, actionHint } from '../consent.js';
import { batched, busy, fill, h, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure } from '../notices.js';
import { nameOf, relative, stateText } from '../words.js';
import { composer } from './composer.js';
import { avatar, marks } from './contacts.js';
import { messageLog } from './log.js';
import { contactMenu } from './menu.js';
import { openSafetyNumber } from './safety.js';

export function chatPage(app, id) {
  const { rpc, store } = app;
  const leaving = new AbortController();
  const top = h('header', { class: 'chat-top' });
  const body = h('div', { class: 'chat-body' });
  const element = h('article', { class: 'chat' }, top, body);
  let log = null;
  let box = null;
  let shape = '';

  const show = () => {
    const contact = store.contacts.get(id);
    fillTop(top, app, contact);
    const next = !contact ? 'nobody' : contact.channel ? `talk ${contact.channel} ${contact.state}` : `state ${contact.state}`;
    if (next === shape) return;
    shape = next;
    log?.leave();
    log = box = null;
    if (!contact?.channel) {
      fill(body, standing(rpc, store, contact));
      return;
    }
    log = messageLog(app, contact.channel, nameOf(contact));
    box = contact.state === 'paired' ? composer(rpc, contact, () => log.toEnd()) : null;
    fill(body, log.element, box?.element ?? standing(rpc, store, contact));
    if (!element.isConnected) return;
    log.entered();
    if (['BODY', 'MAIN'].includes(document.activeElement.tagName)) focus();
  };
  const focus = () => matchMedia('(pointer: fine)').matches && box?.focus();
  const soon = batched(() => leaving.signal.aborted || show());
  for (const event of ['contacts', 'channels', 'account']) {
    store.addEventListener(event, soon, { signal: leaving.signal });
  }
  show();
  return {
    element,
    entered() {
      log?.entered();
      focus();
    },
    leave() {
      leaving.abort();
      log?.leave();
    },
  };
}

function fillTop(top, app, contact) {
  const back = h('a', { class: 'button plain back', href: '#/', 'aria-label': 'Back to the contacts' }, icon('back'));
  if (!contact) {
    fill(top, back, h('h2', {}, 'Conversation'));
    return;
  }
  const paired = contact.state === 'paired';
  const place = contact.online ? 'online' : 'not connected now; messages wait for them';
  const title = h(
    'div',
    { class: 'lines' },
    h('h2', { class: 'first' }, name(nameOf(contact)), marks(contact)),
    h('p', { class: 'second' }, paired && contact.confirmed ? place : stateText(contact)),
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
    fill(top, back, avatar(contact), title, safety, contactMenu(app, contact.contact));
    return;
  }
  top.children[1].replaceWith(avatar(contact));
  top.children[2].replaceWith(title);
}

/** Where consent stands, when one cannot write, and what can be done about it. */
function standing(rpc, store, contact) {
  if (!contact) {
    const text = store.account ? 'There is no such contact (any more).' : 'Loading…';
    return h('div', { class: 'standing' }, h('p', {}, text));
  }
  if (contact.state === 'pending') {
    return h('div', { class: 'standing' }, h('p', {}, 'They wait for your answer. ', h('a', { href: '#/' }, 'Answer them')));
  }
  const [verb, method] = actionFor(contact);
  const act = (event) => busy(event.currentTarget, () => rpc.change(method, { contact: contact.contact }), failure);
  return h(
    'div',
    { class: 'standing' },
    h('p', { class: 'what' }, stateText(contact)),
    contact.state === 'invited' && contact.note && h('blockquote', { dir: 'auto' }, contact.note),
    contact.state === 'invited' &&
      h('p', { class: 'hint' }, `Asked ${relative(contact.since)}`, contact.expires_at && `, expires ${relative(contact.expires_at)}`, '.'),
    verb && h('p', { class: 'hint' }, actionHint(contact)),
    verb && h('p', {}, h('button', { type: 'button', on: { click: act } }, verb)),
  );
}
