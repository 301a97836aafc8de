// The frame of a conversation, with one or with many: a top, what was said, and the box to write in or why there is none.

import { batched, fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { composer } from './composer.js';
import { messageLog } from './log.js';

/**
 * `look(top)` is called when one of `events` of the store comes. It fills the top and returns
 * - `shape`: while it stays the same, nothing below the top is put in anew;
 * - `log`: {channel, who, group} of the message log, if there is one;
 * - `to`: whom one writes to, if one may;
 * - `standing()`: what is shown instead of the box.
 */
export function talkPage(app, events, look) {
  const leaving = new AbortController();
  const top = h('header', { class: 'chat-top' });
  const body = h('div', { class: 'chat-body' });
  const element = h('article', { class: 'chat' }, top, body);
  let log = null;
  let box = null;
  let shown = '';

  const show = () => {
    const now = look(top);
    if (now.shape === shown) return;
    shown = now.shape;
    log?.leave();
    log = box = null;
    if (!now.log) {
      fill(body, now.standing());
      return;
    }
    log = messageLog(app, now.log, now.to ? (message) => box.reply(message) : null);
    box = now.to ? composer(app, now.to, leaving.signal, () => log.toEnd()) : null;
    fill(body, log.element, box?.element ?? now.standing());
    if (!element.isConnected) return;
    log.entered();
    if (['BODY', 'MAIN'].includes(document.activeElement.tagName)) focus();
  };
  const focus = () => matchMedia('(pointer: fine)').matches && box?.focus();
  const soon = batched(() => leaving.signal.aborted || show());
  for (const event of events) app.store.addEventListener(event, soon, { signal: leaving.signal });
  show();
  return {
    element,
    entered() {
      log?.entered();
      focus();
    },
    again: focus,
    leave() {
      leaving.abort();
      log?.leave();
    },
  };
}

/** The way back, where the list is not beside the conversation. */
export function backLink() {
  return h('a', { class: 'button plain back', href: '#/', 'aria-label': 'Back to the contacts' }, icon('back'));
}

/** There is no such `kind`, or nothing is known yet. */
export function nothing(store, kind) {
  const text = store.account ? `This ${kind} does not exist.` : 'Loading…';
  return h('div', { class: 'standing' }, h('p', {}, text));
}
