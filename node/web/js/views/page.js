// The top of a page that is no conversation.

import { h } from '../dom.js';
import { icon } from '../icons.js';

export function pageTop(title, ...extra) {
  const back = h('a', { class: 'button plain back', href: '#/', 'aria-label': 'Back to the contacts' }, icon('back'));
  return h('header', { class: 'page-top' }, back, h('h2', {}, title), ...extra);
}
