// A conversation of many: its name, what was said, and the box to write in.

import { busy, fill, h, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { failure, notice } from '../notices.js';
import { groupName, groupText, may } from '../roles.js';
import { membersLink } from '../router.js';
import { groupAvatar } from './groups.js';
import { backLink, nothing, talkPage } from './talk.js';

export function groupPage(app, id) {
  const { rpc, store } = app;
  return talkPage(app, ['groups', 'channels', 'account'], (top) => {
    const group = store.groups.get(id);
    fillTop(top, group);
    return {
      shape: group ? `${group.state} ${may(group, 'write')}` : 'none',
      log: ['joined', 'left', 'removed'].includes(group?.state) && { channel: group.channel, who: groupName(group), group: true },
      to: group && may(group, 'write') && { contact: id },
      standing: () => standing(rpc, store, group),
    };
  });
}

function fillTop(top, group) {
  if (!group) {
    fill(top, backLink(), h('h2', {}, 'Group'));
    return;
  }
  const shape = JSON.stringify([group.name, group.state, group.members, group.requests]);
  if (top.dataset.shape === shape) return;
  top.dataset.shape = shape;
  const asks = group.requests > 0 && h('span', { class: 'badge asks' }, String(group.requests), spoken(' asking to join'));
  fill(
    top,
    backLink(),
    groupAvatar(group),
    h('div', { class: 'lines' }, h('h2', { class: 'first' }, name(groupName(group))), h('p', { class: 'second' }, groupText(group))),
    group.state === 'joined' && h('a', { class: 'button', href: membersLink(group.group) }, icon('invite'), 'Members', asks),
  );
}

/** Why one cannot write, and what can be done about it. */
function standing(rpc, store, group) {
  if (!group) return nothing(store, 'group');
  const act = (method, done) => (event) =>
    busy(event.currentTarget, () => rpc.change(method, { group: group.group }).then(() => notice(done)), failure);
  const button = (text, method, done) => h('button', { type: 'button', on: { click: act(method, done) } }, text);
  const hints = {
    joined: 'Your role in this group is to read. An admin can let you write.',
    invited: 'You are a member once you accept.',
    requested: 'A member has to approve your request.',
    left: 'You can still read the messages. To join again, you need an invite or a ticket.',
    removed: 'You can still read the messages. To join again, you need an invite or a ticket.',
    declined: 'To join, you need an invite or a ticket.',
  };
  return h(
    'div',
    { class: 'standing' },
    group.state !== 'joined' && h('p', { class: 'what' }, groupText(group)),
    h('p', { class: 'hint' }, hints[group.state]),
    group.state === 'invited' &&
      h('p', { class: 'buttons' }, button('Accept', 'group.accept', `You are in ${groupName(group)}.`), button('Decline', 'group.decline', 'Declined.')),
    group.state === 'requested' && button('Cancel the request', 'group.decline', 'Request cancelled.'),
  );
}
