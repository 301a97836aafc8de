// A conversation of many: its name, what was said, and the box to write in.

import { batched, busy, fill, h, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure, notice } from '../notices.js';
import { groupName, groupText, may } from '../roles.js';
import { membersLink } from '../router.js';
import { composer } from './composer.js';
import { groupAvatar } from './groups.js';
import { messageLog } from './log.js';

export function groupPage(app, id) {
  const { rpc, store } = app;
  const leaving = new AbortController();
  const top = h('header', { class: 'chat-top' });
  const body = h('div', { class: 'chat-body' });
  const element = h('article', { class: 'chat' }, top, body);
  let log = null;
  let box = null;
  let shape = '';

  const show = () => {
    const group = store.groups.get(id);
    fillTop(top, group);
    const next = group ? `${group.state} ${may(group, 'write')}` : 'none';
    if (next === shape) return;
    shape = next;
    log?.leave();
    log = box = null;
    const hasLog = group && ['joined', 'left', 'removed'].includes(group.state);
    if (!hasLog) {
      fill(body, standing(rpc, store, group));
      return;
    }
    log = messageLog(app, group.channel, groupName(group), true);
    box = may(group, 'write') ? composer(rpc, { contact: id }, () => log.toEnd()) : null;
    fill(body, log.element, box?.element ?? standing(rpc, store, group));
    if (!element.isConnected) return;
    log.entered();
  };
  const focus = () => matchMedia('(pointer: fine)').matches && box?.focus();
  const soon = batched(() => leaving.signal.aborted || show());
  for (const event of ['groups', 'channels', 'account']) store.addEventListener(event, soon, { signal: leaving.signal });
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

function fillTop(top, group) {
  const back = h('a', { class: 'button plain back', href: '#/', 'aria-label': 'Back to the contacts' }, icon('back'));
  if (!group) {
    fill(top, back, h('h2', {}, 'Group'));
    return;
  }
  const shape = JSON.stringify([group.name, group.state, group.members, group.requests]);
  if (top.dataset.shape === shape) return;
  top.dataset.shape = shape;
  const asks = group.requests > 0 && h('span', { class: 'badge asks' }, String(group.requests), spoken(' ask to come in'));
  fill(
    top,
    back,
    groupAvatar(group),
    h('div', { class: 'lines' }, h('h2', { class: 'first' }, name(groupName(group))), h('p', { class: 'second' }, groupText(group))),
    group.state === 'joined' && h('a', { class: 'button', href: membersLink(group.group) }, icon('invite'), 'Members', asks),
  );
}

/** Why one cannot write, and what can be done about it. */
function standing(rpc, store, group) {
  if (!group) {
    const text = store.account ? 'There is no such group (any more).' : 'Loading…';
    return h('div', { class: 'standing' }, h('p', {}, text));
  }
  const act = (method, done) => (event) =>
    busy(event.currentTarget, () => rpc.change(method, { group: group.group }).then(() => notice(done)), failure);
  const button = (text, method, done) => h('button', { type: 'button', on: { click: act(method, done) } }, text);
  const hints = {
    joined: 'You read here; writing takes another role.',
    invited: 'Until you accept, you are not in it.',
    requested: 'Somebody there has to let you in.',
    left: 'What was written stays readable. To come back you need an invite or a ticket.',
    removed: 'What was written stays readable. To come back you need an invite or a ticket.',
    declined: 'To come in you need an invite or a ticket.',
  };
  return h(
    'div',
    { class: 'standing' },
    group.state !== 'joined' && h('p', { class: 'what' }, groupText(group)),
    h('p', { class: 'hint' }, hints[group.state]),
    group.state === 'invited' &&
      h('p', { class: 'buttons' }, button('Accept', 'group.accept', `You are in ${groupName(group)}.`), button('Decline', 'group.decline', 'Declined.')),
    group.state === 'requested' && button('Take it back', 'group.decline', 'Taken back.'),
  );
}
