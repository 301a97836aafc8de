// The messages of a conversation, in order. It opens at the first unread one, or at the end; older and newer ones are
// loaded when one scrolls there.

import { batched, fill, h, keyed } from '../dom.js';
import { icon } from '../icons.js';
import { failure } from '../notices.js';
import { Unread } from '../unread.js';
import { openMessage } from './actions.js';
import { createMessage, updateMessage } from './message.js';

const PAGE = 50;
/** Messages shown above the first unread one. */
const CONTEXT = 20;
/** How near to the end (pixels) counts as being there, and how far below the edge the first unread message stands. */
const NEAR_END = 48;
/** How near to what is not loaded (pixels) one is when it gets loaded. */
const NEAR_EDGE = 400;

/** `group`: of many, so that each message says who wrote it. `reply` is called with a message to answer; null: one may not. */
export function messageLog(app, { channel, who, group = false }, reply) {
  const { rpc, store } = app;
  const timeline = store.timeline(channel);
  const unread = new Unread(app, channel);
  const leaving = new AbortController();
  const { signal } = leaving;
  const list = h('ol', { class: 'messages' });
  const older = h('button', { type: 'button', class: 'small', hidden: true, on: { click: () => loadOlder() } }, 'Older messages');
  const start = h('p', { class: 'hint start', hidden: true }, `This is the beginning of the conversation. Messages are encrypted end to end.`);
  const scroller = h(
    'div',
    { class: 'log', tabindex: '0', role: 'region', 'aria-label': `Messages ${group ? 'in' : 'with'} ${who}` },
    h('div', { class: 'older' }, older, start),
    list,
  );
  const above = h('button', { type: 'button', class: 'small', on: { click: () => toFirstUnread() } });
  const readAll = h('button', { type: 'button', class: 'small', on: { click: () => unread.markAll().catch(failure) } }, 'Mark all as read');
  const skipped = h('div', { class: 'skipped', hidden: true }, above, readAll);
  const jump = h('button', { type: 'button', class: 'jump', hidden: true, on: { click: () => toEnd() } });
  const element = h('div', { class: 'log-frame' }, scroller, skipped, jump);
  let atEnd = true;
  let loads = 0;
  let loaded = Promise.resolve();
  let firstUnread = null;

  const rowOf = (message) => message && [...list.children].find(({ dataset }) => dataset.key === message.id);

  const draw = () => {
    let before = null;
    keyed(list, timeline.messages, ({ id }) => id, createMessage, (row, message) => {
      updateMessage(row, message, before, { timeline, firstUnread, group });
      before = message;
    });
    older.hidden = !timeline.hasOlder;
    start.hidden = timeline.hasOlder;
  };

  /** Draws what has changed, and stays where one is, or at the end. */
  const render = () => {
    if (signal.aborted || !timeline.loaded) return;
    const top = list.children[visible()[0]];
    const offset = top && top.offsetTop - scroller.scrollTop;
    const end = list.lastElementChild;
    draw();
    if (!atEnd && top?.isConnected) scroller.scrollTop = top.offsetTop - offset;
    else if (atEnd && list.lastElementChild !== end) follow(top);
    else if (atEnd) toBottom();
    look();
  };

  const toBottom = () => (scroller.scrollTop = scroller.scrollHeight);

  /** To the end, but not past what nobody has seen yet of the rows from `top` on. */
  const follow = (top) => {
    const from = top?.isConnected ? [...list.children].indexOf(top) : 0;
    const row = rowOf(unread.next(from));
    toBottom();
    if (row) scroller.scrollTop = Math.min(row.offsetTop - NEAR_END, scroller.scrollTop);
  };

  const look = () => {
    if (signal.aborted || !timeline.loaded) return;
    const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    atEnd = left < NEAR_END && !timeline.hasNewer;
    if (scroller.scrollTop < NEAR_EDGE) loadOlder();
    if (left < NEAR_EDGE) loadNewer();
    const [first, last] = visible();
    unread.inView(timeline.messages.slice(first, last + 1), badges);
    badges();
  };

  /** How much unread there is beyond the edges. */
  const badges = () => {
    if (signal.aborted) return;
    const count = unread.around(...visible());
    skipped.hidden = count.above === 0;
    fill(above, icon('up'), `${count.above} unread above`);
    jump.hidden = atEnd;
    fill(jump, icon('down'), count.below > 0 ? `${count.below} unread below` : 'Newest');
  };

  /** The indices of the first row that is in view and of the last one whose end is. */
  const visible = () => {
    const [top, bottom] = [scroller.scrollTop, scroller.scrollTop + scroller.clientHeight];
    const rows = list.children;
    const after = (edge) => {
      let [low, high] = [0, rows.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (rows[middle].offsetTop + rows[middle].offsetHeight <= edge) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    return [after(top), after(bottom) - 1];
  };

  const page = (params) => rpc.ask('message.list', { channel, ...params });

  /** One load after the other; true if it went well and is still wanted. */
  const load = (action) => {
    loads++;
    const attempt = async () => {
      try {
        if (!signal.aborted) await action();
        return !signal.aborted;
      } catch (error) {
        if (!signal.aborted) failure(error);
        return false;
      } finally {
        loads--;
      }
    };
    loaded = loaded.then(attempt);
    return loaded;
  };

  const loadOlder = async () => {
    if (loads > 0 || !timeline.hasOlder) return;
    const params = { before: timeline.oldest?.order_key, limit: PAGE };
    if (await load(async () => timeline.addOlder(await page(params), PAGE))) render();
  };

  const loadNewer = async () => {
    if (loads > 0 || !timeline.hasNewer) return;
    const params = { after: timeline.newest?.order_key, limit: PAGE };
    if (await load(async () => timeline.addNewer(await page(params), PAGE))) render();
  };

  const openNewest = async () => {
    const newest = await page({ limit: PAGE });
    timeline.open(newest, { hasOlder: newest.length === PAGE, hasNewer: false });
  };

  const openUnread = async () => {
    const news = await page({ after: unread.mark, limit: PAGE });
    if (news.length === 0) return openNewest();
    const context = await page({ before: news[0].order_key, limit: CONTEXT });
    timeline.open([...context, ...news], { hasOlder: context.length === CONTEXT, hasNewer: news.length === PAGE });
  };

  /** Shows the first unread message if there is one, else the end. */
  const opened = () => {
    const message = unread.next();
    firstUnread = message?.id ?? null;
    showAt(message);
  };

  const toFirstUnread = async () => {
    if (!timeline.covers(unread.mark) && !(await load(openUnread))) return;
    opened();
  };

  const toEnd = async () => {
    if (timeline.hasNewer && !(await load(openNewest))) return;
    showAt(null);
  };

  /** Draws everything, and goes to a message, or to the end. */
  const showAt = (message) => {
    draw();
    const row = rowOf(message);
    if (row) scroller.scrollTop = row.offsetTop - NEAR_END;
    else toBottom();
    look();
  };

  const chosen = ({ target }) => {
    const row = target.closest('.actions')?.closest('li');
    if (row) openMessage(app, row.message, reply);
  };
  list.addEventListener('click', chosen);
  const soon = batched(render);
  store.addEventListener('message', ({ detail }) => detail.message.channel === channel && soon(), { signal });
  store.addEventListener('channels', batched(badges), { signal });
  scroller.addEventListener('scroll', look, { passive: true, signal });
  document.addEventListener('visibilitychange', look, { signal });
  window.addEventListener('focus', look, { signal });
  const resized = new ResizeObserver(() => (atEnd ? toBottom() : look()));
  resized.observe(scroller);
  return {
    element,
    toEnd,
    async entered() {
      const stale = unread.total > 0 ? !timeline.covers(unread.mark) : timeline.hasNewer;
      const fresh = timeline.loaded && !stale;
      if (fresh || (await load(unread.total > 0 ? openUnread : openNewest))) opened();
    },
    leave() {
      leaving.abort();
      unread.leave();
      resized.disconnect();
    },
  };
}
