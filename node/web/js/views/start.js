// What is in the middle before a conversation is chosen.

import { h } from '../dom.js';
import { backupPart } from './backup.js';
import { ticketPart } from './invite.js';

export function startPage(app) {
  return {
    element: h(
      'article',
      { class: 'page start' },
      h('h2', {}, 'Start a conversation'),
      h('p', { class: 'hint' }, 'Choose a contact, ', h('a', { href: '#/invite' }, 'invite somebody'), ', or give them your ticket so that they can invite you. Nobody can write to you before you accept.'),
      backupPart(app),
      h('section', { class: 'card', 'aria-labelledby': 'own-ticket' }, h('h3', { id: 'own-ticket' }, 'Your ticket'), ticketPart(app)),
    ),
  };
}
