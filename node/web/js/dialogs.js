// Dialogs over the page. The browser keeps focus inside, closes with Escape and gives the focus back.

import { busy, fill, h } from './dom.js';
import { icon } from './icons.js';

let numbers = 0;

/** Opens a dialog with a heading; `build(close)` answers what is in it. */
export function openDialog(title, build) {
  const id = `dialog-${++numbers}`;
  const dialog = h('dialog', { 'aria-labelledby': id });
  const close = () => dialog.close();
  fill(
    dialog,
    h(
      'header',
      {},
      h('h2', { id }, ...[title].flat()),
      h('button', { type: 'button', class: 'plain', 'aria-label': 'Close', on: { click: close } }, icon('cross')),
    ),
    build(close),
  );
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => event.target === dialog && close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something that is not undone easily. `action` is awaited; what it throws is shown in the dialog. */
export function confirm({ title, text, verb, action }) {
  openDialog(title, (close) => {
    const problem = h('p', { class: 'problem', role: 'alert' });
    const yes = async (event) => {
      const failed = (error) => fill(problem, error.message);
      await busy(event.currentTarget, () => action().then(close), failed);
    };
    return h(
      'div',
      { class: 'stack' },
      h('p', {}, text),
      problem,
      h(
        'p',
        { class: 'buttons' },
        h('button', { type: 'button', on: { click: close }, autofocus: true }, 'Cancel'),
        h('button', { type: 'button', class: 'danger', on: { click: yes } }, verb),
      ),
    );
  });
}

/** Asks for one line of text. */
export function prompt({ title, label, value, maxlength, verb, action }) {
  openDialog(title, (close) => {
    const problem = h('p', { class: 'problem', role: 'alert' });
    const input = h('input', { type: 'text', value, maxlength, autocomplete: 'off', required: true, autofocus: true });
    const button = h('button', { class: 'primary' }, verb);
    const submit = (event) => {
      event.preventDefault();
      busy(button, () => action(input.value.trim()).then(close), (error) => fill(problem, error.message));
    };
    return h(
      'form',
      { class: 'stack', on: { submit } },
      h('label', {}, label, input),
      problem,
      h('p', { class: 'buttons' }, h('button', { type: 'button', on: { click: close } }, 'Cancel'), button),
    );
  });
}
