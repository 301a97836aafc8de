// The history of conversations on its way to a device that was linked: how far it is.

import { fill, h } from '../dom.js';
import { duration } from '../words.js';

const PHASES = {
  waiting: 'Its history of conversations waits: no other device of yours is connected to it.',
  running: 'Its history of conversations is on its way',
};

/** Shows it in an element that stays, so that what is around it does not move each second. */
export function showHistory(element, { name: called, transfer }) {
  const { phase, done, total, eta } = transfer ?? {};
  if (!PHASES[phase]) {
    fill(element);
    return;
  }
  const known = total > 0;
  const left = Number.isFinite(eta) ? `, about ${duration(eta)} left` : '';
  const count = known ? `: ${done.toLocaleString()} of ${total.toLocaleString()}${left}.` : '.';
  fill(
    element,
    phase === 'running' && h('progress', { 'aria-label': `History of ${called}`, ...(known ? { max: total, value: Math.min(done, total) } : {}) }),
    h('p', { class: 'hint' }, phase === 'running' ? `${PHASES.running}${count}` : PHASES.waiting),
  );
}
