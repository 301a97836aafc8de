// What is in the middle before a conversation is chosen.

import { h } from '../dom.js';
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

// The words are shown on a terminal and nowhere else: a running node never gives them away.
function backupPart({ rpc }) {
  const part = h(
    'section',
    { class: 'card', hidden: true, 'aria-labelledby': 'backup-title' },
    h('h3', { id: 'backup-title' }, 'Your account is not backed up'),
    h('p', {}, 'If this machine is lost, so is your account. Stop your node and write down the 24 words that bring it back: on a terminal, ', h('code', {}, 'covey shutdown'), ', then ', h('code', {}, 'covey account phrase'), '.'),
  );
  rpc.ask('node.status').then(
    (status) => {
      part.hidden = status.backed_up;
    },
    () => {},
  );
  return part;
}
