// Asking somebody, and the ticket with which others ask us.

import { copyButton } from '../copy.js';
import { busy, fill, h } from '../dom.js';
import { notice } from '../notices.js';
import { qrCode } from '../qr.js';
import { chatLink } from '../router.js';
import { nameOf } from '../words.js';
import { pageTop } from './page.js';
import { MAX_ALIAS } from './pending.js';

/** Longest note in characters that the node takes. */
const MAX_NOTE = 280;
const DAY = 86_400;

export function invitePage(app) {
  return {
    element: h(
      'article',
      { class: 'page' },
      pageTop('Invite'),
      h('section', { class: 'card', 'aria-labelledby': 'ask-title' }, h('h3', { id: 'ask-title' }, 'Invite somebody'), inviteForm(app)),
      h('section', { class: 'card', 'aria-labelledby': 'ticket-title' }, h('h3', { id: 'ticket-title' }, 'Let them invite you'), ticketPart(app)),
    ),
  };
}

function inviteForm({ rpc }) {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const to = h('textarea', { rows: '3', required: true, spellcheck: 'false', autocomplete: 'off', placeholder: 'covey:… or cv1…' });
  const note = h('textarea', { rows: '2', maxlength: MAX_NOTE, dir: 'auto', placeholder: 'Who you are; they read it before they decide' });
  const alias = h('input', { type: 'text', maxlength: MAX_ALIAS, autocomplete: 'off', placeholder: 'Optional; only you see it' });
  const button = h('button', { class: 'primary' }, 'Send the invite');
  const left = h('span', { class: 'hint' });
  const count = () => fill(left, ` ${MAX_NOTE - note.value.length} characters left`);
  note.addEventListener('input', count);
  count();
  const invite = async () => {
    const contact = await rpc.change('pair.invite', {
      to: to.value.trim(),
      note: note.value.trim() || null,
      alias: alias.value.trim() || null,
    });
    notice(`Invite to ${nameOf(contact)} sent.`);
    location.hash = chatLink(contact.contact);
  };
  const submit = (event) => {
    event.preventDefault();
    fill(problem);
    busy(button, invite, (error) => fill(problem, error.message));
  };
  return h(
    'form',
    { class: 'stack', on: { submit } },
    h('p', { class: 'hint' }, 'They see your name and your note, and decide. You can write to them once they accept.'),
    h('label', {}, 'Their ticket or account id', to),
    h('label', {}, 'Note', left, note),
    h('label', {}, 'Your name for them', alias),
    problem,
    h('p', {}, button),
  );
}

/** Our ticket: one that lasts, or one with a token for a friend. */
export function ticketPart({ rpc }) {
  const problem = h('p', { class: 'problem', role: 'alert' });
  const ticket = h('textarea', { class: 'ticket', readonly: true, rows: '5', 'aria-label': 'Your ticket', spellcheck: 'false' });
  const code = h('div', { class: 'qr' });
  const about = h('p', { class: 'hint', role: 'status' });
  const show = (answer) => {
    ticket.value = answer.ticket;
    fill(code, qrCode(answer.ticket, 'Your ticket as a QR code'));
    fill(about, answer.id ? 'For one person, within seven days. It is shown only once: copy it now.' : 'It contains your account and your addresses, and does not expire. Anybody who has it can invite you, and you decide.');
  };
  const fetchTicket = () => rpc.change('account.ticket').then(show);
  const once = (event) =>
    busy(event.currentTarget, () => rpc.change('account.ticket', { uses: 1, expires_in: 7 * DAY }).then(show), (error) => fill(problem, error.message));
  fetchTicket().catch((error) => fill(problem, error.message));
  ticket.addEventListener('focus', () => ticket.select());
  return h(
    'div',
    { class: 'ticket-part' },
    h(
      'div',
      { class: 'stack' },
      h('p', {}, 'Give your ticket to somebody you know, in any way that you both trust.'),
      ticket,
      about,
      problem,
      h('p', { class: 'buttons' }, copyButton(ticket, 'ticket'), h('button', { type: 'button', on: { click: once } }, 'Create one for one person')),
    ),
    code,
  );
}
