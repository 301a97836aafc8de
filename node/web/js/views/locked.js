// What is shown without a valid token: why, and where to find one.

import { copyButton } from '../copy.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { useToken } from '../token.js';

/** `why` is 'missing' or 'denied'. */
export function showLocked(root, why) {
  document.title = 'covey: locked';
  const heading = h('h1', { tabindex: '-1' }, icon('lock'), 'This page needs its key');
  fill(root, h('main', { id: 'main', class: 'locked', tabindex: '-1' }, heading, ...reason(why), ...steps(), entry()));
  if (why === 'denied') heading.focus();
}

function reason(why) {
  const text =
    why === 'denied'
      ? 'Your node does not take the key that this tab had. It makes a new one each time it starts.'
      : 'Your node lets in only who knows its key, and the address in this tab does not carry it.';
  return [h('p', {}, text)];
}

function steps() {
  const command = h(
    'pre',
    { tabindex: '0' },
    `echo "${location.origin}/#token=$(cat ~/.local/share/covey/rpc.cookie)"`,
  );
  return [
    h('h2', {}, 'Open the address with the key'),
    h(
      'ol',
      {},
      h(
        'li',
        {},
        'Started in a terminal, ',
        h('code', {}, 'covey daemon'),
        ' prints it in the line that begins with ',
        h('code', {}, 'browser'),
        '. Open that whole address.',
      ),
      h(
        'li',
        {},
        'If the node runs in the background, the key is in the file ',
        h('code', {}, 'rpc.cookie'),
        ' in its data directory. This prints the address:',
        command,
        copyButton(command, 'command'),
        h(
          'p',
          { class: 'hint' },
          'With ',
          h('code', {}, '--data-dir DIR'),
          ' the file is ',
          h('code', {}, 'DIR/rpc.cookie'),
          '. Only your own user can read it.',
        ),
      ),
    ),
  ];
}

function entry() {
  const problem = h('p', { class: 'problem', role: 'alert', id: 'key-problem' });
  const input = h('input', {
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    'aria-describedby': 'key-problem',
  });
  const submit = (event) => {
    event.preventDefault();
    if (useToken(input.value)) location.reload();
    else fill(problem, 'A key has 64 digits and letters from a to f. Copy the whole file, or the whole address.');
  };
  return h(
    'form',
    { class: 'stack', on: { submit } },
    h('h2', {}, 'Or paste the key'),
    h('label', {}, 'Key or address', input),
    problem,
    h('p', {}, h('button', { class: 'primary' }, 'Unlock')),
  );
}
