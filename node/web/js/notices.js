// Telling people what happened: a line for screen readers, and short notices at the edge.

import { h } from './dom.js';
import { icon } from './icons.js';

const SHOWN_FOR = 6_000;

/** Says something to screen readers. */
export function say(text) {
  const live = document.getElementById('live');
  const line = h('p', {}, text);
  live.append(line);
  setTimeout(() => line.remove(), SHOWN_FOR);
}

/** Shows a notice for a while, and says it. */
export function notice(text) {
  show(text, 'notice');
  say(text);
}

/** Shows what went wrong until it is closed. */
export function failure(error) {
  show(error.message || String(error), 'failure');
}

function show(text, kind) {
  const box = document.getElementById('toasts');
  const close = () => toast.remove();
  const toast = h(
    'div',
    { class: `toast ${kind}`, role: kind === 'failure' ? 'alert' : null },
    h('p', {}, text),
    h('button', { type: 'button', class: 'plain', 'aria-label': 'Close this notice', on: { click: close } }, icon('cross')),
  );
  box.append(toast);
  while (box.children.length > 4) box.firstElementChild.remove();
  if (kind !== 'failure') setTimeout(close, SHOWN_FOR);
}
