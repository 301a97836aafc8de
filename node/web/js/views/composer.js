// The box to write in. What was begun stays until it is sent.

import { fill, h, spoken } from '../dom.js';
import { draftOf, keepDraft } from '../drafts.js';
import { icon } from '../icons.js';
import { authorOf, byteLength } from '../words.js';

/** Longest text in bytes, as the node has it. */
const LIMIT = 16 * 1024;
/** From here on it is told how much is left. */
const TELL_FROM = 12 * 1024;
const NUMBER = new Intl.NumberFormat();

export function composer({ rpc, store }, { contact }, signal, sent) {
  const input = h('textarea', {
    rows: '1',
    'aria-label': 'Message',
    placeholder: 'Message',
    'aria-describedby': 'composer-hint',
    dir: 'auto',
    autocomplete: 'off',
  });
  const button = h('button', { class: 'primary', title: 'Send' }, icon('send'), spoken('Send'));
  const problem = h('p', { class: 'problem', role: 'alert' });
  const waiting = h('p', { class: 'waiting', role: 'status' });
  const room = h('span', { class: 'room' });
  const hint = h(
    'p',
    { class: 'hint', id: 'composer-hint' },
    h('span', { class: 'keys' }, h('kbd', {}, 'Enter'), ' sends, ', h('kbd', {}, 'Shift'), ' ', h('kbd', {}, 'Enter'), ' makes a new line. '),
    room,
  );
  const answered = h('div', { class: 'answered', hidden: true });
  let sending = false;
  let replyTo = null;

  const reply = (message) => {
    replyTo = message;
    answered.hidden = !message;
    if (!message) return;
    const who = message.own ? 'yourself' : authorOf(message);
    const cancel = h('button', { type: 'button', class: 'plain small', 'aria-label': 'Do not reply to it', on: { click: () => reply(null) } }, icon('cross'));
    fill(answered, h('p', { dir: 'auto' }, h('strong', {}, `Reply to ${who}: `), message.text), cancel);
    input.focus();
  };

  const changed = () => {
    const bytes = byteLength(input.value);
    const tooLong = bytes > LIMIT;
    keepDraft(contact, input.value);
    input.setAttribute('aria-invalid', String(tooLong));
    fill(problem, tooLong ? `${NUMBER.format(bytes - LIMIT)} bytes too long; send it in parts.` : '');
    fill(room, bytes >= TELL_FROM ? `${NUMBER.format(bytes)} of ${NUMBER.format(LIMIT)} bytes` : 'At most 16 KiB.');
    button.setAttribute('aria-disabled', String(tooLong || sending || input.value.trim() === ''));
    grow(input);
    return !tooLong;
  };

  const tell = () => {
    const down = sending && store.connection.state !== 'up';
    fill(waiting, down ? 'Your node does not answer. This message is sent as soon as it does; keep this page open.' : '');
  };

  const send = async () => {
    const text = input.value;
    if (sending || text.trim() === '' || !changed()) return;
    sending = true;
    input.readOnly = true;
    changed();
    tell();
    try {
      await rpc.change('message.send', { to: contact, text, reply_to: replyTo?.id });
      input.value = '';
      reply(null);
      sending = false;
      changed();
      sent();
    } catch (error) {
      sending = false;
      changed();
      fill(problem, error.message);
    } finally {
      input.readOnly = false;
      tell();
    }
  };

  input.value = draftOf(contact);
  input.addEventListener('input', changed);
  input.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  const submit = (event) => {
    event.preventDefault();
    send();
    input.focus();
  };
  store.addEventListener('connection', tell, { signal });
  const element = h('form', { class: 'composer', on: { submit } }, answered, problem, waiting, h('div', { class: 'line' }, input, button), hint);
  changed();
  return { element, reply, focus: () => input.focus() };
}

/** As high as its text, up to what the style sheet allows. */
function grow(input) {
  input.style.height = 'auto';
  if (input.scrollHeight > 0) input.style.height = `${input.scrollHeight + 2}px`;
}
