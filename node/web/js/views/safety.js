// The number that two people compare by another way, to be sure that nobody is in between.

import { openDialog } from '../dialogs.js';
import { busy, fill, h, name } from '../dom.js';
import { icon } from '../icons.js';
import { notice } from '../notices.js';
import { nameOf } from '../words.js';

export function openSafetyNumber({ rpc, store }, id) {
  const contact = store.contacts.get(id);
  const who = () => name(nameOf(contact));
  openDialog(['Safety number with ', who()], (close) => {
    const body = h('div', { class: 'stack' }, h('p', {}, 'Loading…'));
    rpc.ask('account.safety_number', { contact: id }).then(
      (answer) => fill(body, ...content(rpc, contact, answer, who, close)),
      (error) => fill(body, h('p', { class: 'problem', role: 'alert' }, error.message)),
    );
    return body;
  });
}

function content(rpc, contact, { safety_number: number, verified }, who, close) {
  const groups = number.split(' ').map((group) => h('li', {}, group));
  const problem = h('p', { class: 'problem', role: 'alert' });
  const input = h('textarea', {
    rows: '3',
    inputmode: 'numeric',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: '60 digits, with or without spaces',
  });
  const verify = async (given, button) => {
    const done = async () => {
      await rpc.change('pair.verify', { contact: contact.contact, safety_number: given });
      notice(`${nameOf(contact)} is verified.`);
      close();
    };
    await busy(button, done, (error) => fill(problem, error.message));
  };
  const submit = (event) => {
    event.preventDefault();
    verify(input.value, check);
  };
  const same = h('button', { type: 'button', class: 'primary', on: { click: (e) => verify(number, e.currentTarget) } }, icon('tick'), 'They are the same');
  const check = h('button', {}, 'Compare');
  return [
    h('p', {}, 'Read it to ', who(), ' on the phone, or compare both screens side by side. If the numbers are the same, nobody can read or change your messages on the way.'),
    h('ol', { class: 'digits', 'aria-label': 'Safety number, twelve groups of five digits' }, ...groups),
    verified && h('p', { class: 'good' }, icon('tick'), 'You have compared it: this contact is verified.'),
    problem,
    !verified && h('p', { class: 'buttons' }, same),
    !verified &&
      h(
        'details',
        {},
        h('summary', {}, 'Or type the number they read to you'),
        h('form', { class: 'stack', on: { submit } }, h('label', {}, 'Their number', input), h('p', {}, check)),
      ),
  ];
}
