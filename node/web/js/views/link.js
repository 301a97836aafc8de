// Linking another machine: what to do there, the link that it shows, and its six digits.

import { copyButton } from '../copy.js';
import { busy, fill, h, name } from '../dom.js';
import { notice } from '../notices.js';
import { relative } from '../words.js';

/** Longest name of a device in characters that the node takes. */
export const MAX_DEVICE_NAME = 64;

export function linkPart(app) {
  const part = h('div', { class: 'stack' });
  const begin = () => fill(part, ...ticketStep(app, (linking) => fill(part, ...digitsStep(app, linking, begin))));
  begin();
  return part;
}

/** Of the conversations so far. */
const HISTORIES = { all: 'Everything', '90d': 'The last 90 days', none: 'Nothing' };

/** The link that the new machine shows. */
function ticketStep({ rpc }, connected) {
  const command = h('pre', { tabindex: '0' }, 'covey init --link');
  const ticket = h('textarea', { rows: '3', required: true, spellcheck: 'false', autocomplete: 'off', placeholder: 'covey-link:…' });
  const called = h('input', { type: 'text', maxlength: MAX_DEVICE_NAME, autocomplete: 'off', placeholder: 'What it calls itself' });
  const holder = h('input', { type: 'checkbox' });
  const options = Object.entries(HISTORIES).map(([value, text]) => h('option', { value }, text));
  const history = h('select', {}, ...options);
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { class: 'primary' }, 'Connect');
  const connect = async () => {
    const params = { ticket: ticket.value.trim(), name: called.value.trim() || null, holder: holder.checked, history: history.value };
    connected(await rpc.change('device.link', params));
  };
  const submit = (event) => {
    event.preventDefault();
    fill(problem);
    busy(button, connect, (error) => fill(problem, error.message));
  };
  return [
    h('p', {}, 'On the new machine, run this. It shows a link, also as a QR code to carry it over with a camera, and waits for 10 minutes.'),
    command,
    h('p', {}, copyButton(command, 'command')),
    h(
      'form',
      { class: 'stack', on: { submit } },
      h('label', {}, 'The link that it shows', ticket),
      h('label', {}, 'Name of the new device', called),
      h('label', {}, 'What it may read of before', history),
      h('label', { class: 'check' }, holder, 'It may link and revoke devices, too'),
      h('p', { class: 'hint' }, 'Whoever steals a device that may do so can add devices of their own until you revoke it. Nothing is given away before you have confirmed its digits.'),
      problem,
      h('p', {}, button),
    ),
  ];
}

/** The digits: typed from the other screen, since somebody in between would show others there. */
function digitsStep({ rpc }, linking, begin) {
  const digits = h('input', { type: 'text', class: 'six', inputmode: 'numeric', autocomplete: 'off', required: true, maxlength: '11', placeholder: '000 000' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { class: 'primary' }, 'Confirm');
  const confirm = async () => {
    const device = await rpc.change('device.confirm', { digits: digits.value });
    notice(`${device.name} is a device of your account now. Start it there: covey daemon`);
    begin();
  };
  const failed = (error) => {
    // The link is over: only a new one helps.
    if (error.reason === 'link_ended') {
      notice(error.message);
      begin();
      return;
    }
    fill(problem, error.message);
    digits.select();
  };
  const submit = (event) => {
    event.preventDefault();
    fill(problem);
    busy(button, confirm, failed);
  };
  const give = h('button', { type: 'button', on: { click: begin } }, 'Cancel');
  const form = h(
    'form',
    { class: 'stack', on: { submit } },
    h('p', {}, name(linking.name), ' answers and shows six digits. Type them here: if somebody stands between the two machines, they do not match.'),
    h('label', {}, 'The six digits on the new machine', digits),
    h('p', { class: 'hint' }, 'Three attempts; the link ends ', h('time', { datetime: linking.expires_at }, relative(linking.expires_at)), '.'),
    problem,
    h('p', { class: 'buttons' }, button, give),
  );
  queueMicrotask(() => digits.focus());
  return [form];
}
