// One message.

import { fill, h, name, spoken } from '../dom.js';
import { icon } from '../icons.js';
import { authorOf, clock, dayOf, dayText, deliveryText, full } from '../words.js';

/** Messages of one author that are closer than this (milliseconds) stand together. */
const TOGETHER = 5 * 60_000;
const QUOTE = 120;

export function createMessage() {
  return h('li', {});
}

/** `before` is the message above it, `firstUnread` the id that the line "New" stands above, `group`: authors are named. */
export function updateMessage(row, message, before, { timeline, firstUnread, group }) {
  const newDay = !before || dayOf(before.sent_at) !== dayOf(message.sent_at);
  const news = message.id === firstUnread;
  const follows = !newDay && !news && before.author === message.author && gap(before, message) < TOGETHER;
  const shape = `${newDay} ${news} ${follows}`;
  if (row.message === message && row.shape === shape) return;
  row.message = message;
  row.shape = shape;
  row.className = [message.own ? 'own' : 'theirs', follows && 'follows', message.state].filter(Boolean).join(' ');
  fill(
    row,
    newDay && h('h3', { class: 'day' }, dayText(message.sent_at)),
    news && h('p', { class: 'news' }, 'New'),
    h(
      'div',
      { class: 'beside' },
      h(
        'div',
        { class: 'bubble' },
        author(message, group && !follows),
        message.reply_to && quote(timeline.find(message.reply_to)),
        h('p', { class: 'text', dir: 'auto' }, message.deleted ? h('i', {}, 'Deleted for everyone') : message.text),
        h('p', { class: 'meta' }, ...meta(message)),
      ),
      h('button', { type: 'button', class: 'plain small actions', title: 'Reply, copy, details', 'aria-label': 'Actions for this message' }, icon('more')),
    ),
    ...why(message),
  );
}

/** Who wrote it: shown where it is not clear, else only spoken. */
function author(message, shown) {
  const who = authorOf(message);
  if (message.own) return spoken('You: ');
  return shown ? h('p', { class: 'author' }, name(who)) : spoken(`${who}: `);
}

function gap(a, b) {
  return Math.abs(new Date(b.sent_at) - new Date(a.sent_at));
}

function quote(message) {
  if (!message) return h('p', { class: 'quote' }, 'In reply to an earlier message');
  return h('p', { class: 'quote', dir: 'auto' }, spoken('In reply to: '), message.text.slice(0, QUOTE));
}

function meta(message) {
  const { icon: picture, text } = deliveryText(message.state);
  return [
    message.edited && h('span', message.edited_at ? { title: `Edited ${full(message.edited_at)}` } : {}, 'edited '),
    message.clock_suspect && h('span', { title: `Their clock is wrong. Received ${full(message.received_at)}.` }, 'clock wrong '),
    h('time', { datetime: message.sent_at, title: full(message.sent_at) }, clock(message.sent_at)),
    message.own && h('span', { class: 'delivery', title: text }, icon(picture), spoken(text)),
  ];
}

function why({ own, state, deliveries }) {
  if (!own || !['failed', 'expired'].includes(state)) return [];
  const reasons = (deliveries ?? []).map((delivery) => delivery.why).filter(Boolean);
  return [h('p', { class: 'problem' }, [deliveryText(state).text, ...reasons].join(': '))];
}
