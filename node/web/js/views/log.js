// The messages of a conversation: in order, older ones when one scrolls up, marked as read when they were on the screen.

import { batched, h, keyed } from '../dom.js';
import { icon } from '../icons.js';
import { failure } from '../notices.js';
import { createMessage, updateMessage } from './message.js';

const PAGE = 50;
/** How near to an edge (pixels) counts as being there. */
const NEAR_END = 48;
const NEAR_START = 400;
/** How long a message is on the screen before it counts as read, milliseconds. */
const SEEN_AFTER = 400;

/** `group`: of many, so that each message says who wrote it. */
export function messageLog({ rpc, store }, channel, who, group = false) {
  const timeline = store.timeline(channel);
  const leaving = new AbortController();
  const { signal } = leaving;
  const list = h('ol', { class: 'messages' });
  const older = h('button', { type: 'button', class: 'small', hidden: true, on: { click: () => loadOlder() } }, 'Older messages');
  const start = h('p', { class: 'hint start', hidden: true }, `This is the beginning. What you write is encrypted for ${group ? 'the members' : 'the two of you'}.`);
  const scroller = h(
    'div',
    { class: 'log', tabindex: '0', role: 'region', 'aria-label': `Messages ${group ? 'in' : 'with'} ${who}` },
    h('div', { class: 'older' }, older, start),
    list,
  );
  const jump = h('button', { type: 'button', class: 'jump', hidden: true, on: { click: () => toEnd() } }, icon('down'), 'Newest');
  const element = h('div', { class: 'log-frame' }, scroller, jump);
  let atEnd = true;
  let loading = false;
  let firstUnread = null;
  let seen = '';
  let seenTimer = 0;

  const render = () => {
    if (signal.aborted) return;
    const anchor = atEnd ? null : firstVisible();
    const offset = anchor && anchor.offsetTop - scroller.scrollTop;
    let before = null;
    keyed(list, timeline.messages, ({ id }) => id, createMessage, (row, message) => {
      updateMessage(row, message, before, { timeline, firstUnread, group });
      before = message;
    });
    older.hidden = !timeline.hasOlder || !timeline.loaded;
    start.hidden = timeline.hasOlder;
    if (anchor?.isConnected) scroller.scrollTop = anchor.offsetTop - offset;
    else if (atEnd) scroller.scrollTop = scroller.scrollHeight;
    look();
  };

  const look = () => {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
    jump.hidden = atEnd;
    if (scroller.scrollTop < NEAR_START && timeline.loaded) loadOlder();
    clearTimeout(seenTimer);
    seenTimer = setTimeout(markSeen, SEEN_AFTER);
  };

  const firstVisible = () => {
    for (const row of list.children) if (row.offsetTop + row.offsetHeight > scroller.scrollTop) return row;
    return null;
  };

  /** Tells the node up to where somebody has looked at it. */
  const markSeen = () => {
    if (signal.aborted || document.visibilityState !== 'visible') return;
    const bottom = scroller.scrollTop + scroller.clientHeight + 8;
    const rows = [...list.children];
    const last = rows.findLastIndex((row) => row.offsetTop + row.offsetHeight <= bottom);
    const shown = timeline.messages.slice(0, last + 1);
    const newest = shown.findLast(({ own, state, order_key }) => !own && state === 'received' && order_key > seen);
    if (!newest) return;
    seen = newest.order_key;
    rpc.change('channel.mark_read', { channel, up_to: newest.id }).catch(() => (seen = ''));
  };

  const loadOlder = async () => {
    if (loading || !timeline.hasOlder) return;
    loading = true;
    const first = !timeline.loaded;
    try {
      const page = await rpc.ask('message.list', { channel, before: timeline.oldest?.id, limit: PAGE });
      if (signal.aborted) return;
      timeline.putPage(page, PAGE);
    } catch (error) {
      failure(error);
      return;
    } finally {
      loading = false;
    }
    if (!first) return render();
    return opened();
  };

  /** Shows the first page: at the first unread message if there is one, else at the end. */
  const opened = () => {
    firstUnread = timeline.messages.find(({ own, state, order_key }) => !own && state === 'received' && order_key > seen)?.id ?? null;
    render();
    const row = firstUnread && [...list.children].find(({ dataset }) => dataset.key === firstUnread);
    scroller.scrollTop = row ? row.offsetTop - NEAR_END : scroller.scrollHeight;
    look();
  };

  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight;
    look();
  };

  const soon = batched(render);
  store.addEventListener('message', ({ detail }) => detail.message.channel === channel && soon(), { signal });
  scroller.addEventListener('scroll', look, { passive: true, signal });
  document.addEventListener('visibilitychange', look, { signal });
  const resized = new ResizeObserver(() => atEnd && toEnd());
  resized.observe(scroller);
  return {
    element,
    toEnd,
    entered() {
      if (timeline.loaded) opened();
      else loadOlder();
    },
    leave() {
      leaving.abort();
      resized.disconnect();
    },
  };
}
