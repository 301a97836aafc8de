// What can be done with one message, and what is known about it.

import { copyButton } from '../copy.js';
import { confirm, openDialog } from '../dialogs.js';
import { fill, h, name } from '../dom.js';
import { notice } from '../notices.js';
import { may } from '../roles.js';
import { authorOf, count, deliveryText, full, keptBy, nameOf, shortId } from '../words.js';

/** `reply` is called if one may answer and does. */
export function openMessage({ rpc, store }, message, reply) {
  openDialog('Message', (close) => {
    const text = h('blockquote', { dir: 'auto', tabindex: '0' }, message.deleted ? h('i', {}, 'Deleted for everyone') : message.text);
    const facts = h('dl', { class: 'facts' });
    const problem = h('p', { class: 'problem', role: 'alert' });
    rpc.ask('message.show', { id: message.id }).then(
      (shown) => fill(facts, ...rows(store, shown)),
      (error) => fill(problem, error.message),
    );
    const answer = () => {
      close();
      reply(message);
    };
    const remove = () => {
      close();
      deleteForEveryone(rpc, message);
    };
    return h(
      'div',
      { class: 'stack message-details' },
      text,
      !message.deleted &&
        h(
          'p',
          { class: 'buttons' },
          reply && h('button', { type: 'button', class: 'primary', on: { click: answer } }, 'Reply'),
          copyButton(text, 'text'),
          mayDelete(store, message) && h('button', { type: 'button', class: 'danger', on: { click: remove } }, 'Delete for everyone…'),
        ),
      facts,
      problem,
    );
  });
}

/** In groups, its author may, and whoever may delete those of others. */
function mayDelete(store, message) {
  const group = store.groups.get(message.channel);
  return group?.state === 'joined' && (message.own || may(group, 'delete'));
}

function deleteForEveryone(rpc, message) {
  confirm({
    title: 'Delete this message for everyone?',
    text: 'Every member is asked to delete it. Those who have read it have read it, and a changed node may keep it.',
    verb: 'Delete for everyone',
    action: () => rpc.change('group.delete', { group: message.channel, message: message.id }).then(() => notice('Deleted.')),
  });
}

function rows(store, message) {
  const { deliveries = [], delivery_summary: summary } = message;
  const called = ({ recipient, alias }) => {
    const contact = store.contacts.get(recipient);
    return name(alias || (contact ? nameOf(contact) : shortId(recipient)));
  };
  const place = (one) => (one.kept ? keptBy(one.kept) : `${deliveryText(one.state).text.toLowerCase()}, ${full(one.at)}`);
  const delivery = (one) => h('li', {}, called(one), `: ${place(one)}`, one.why && ` (${one.why})`);
  const all = [
    ['From', message.own ? 'You' : name(authorOf(message))],
    ['Sent', full(message.sent_at)],
    !message.own && ['Received', full(message.received_at)],
    message.own && ['State', deliveryText(message.state).text],
    summary && ['Delivered', `to ${summary.delivered} of ${count(summary.total, 'member')}, read by ${summary.read}`],
    deliveries.length > 0 && ['Recipients', h('ul', {}, ...deliveries.map(delivery))],
    message.expires_at && ['Expires', full(message.expires_at)],
    ['ID', h('code', {}, message.id)],
  ];
  return all.filter(Boolean).map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value)));
}
