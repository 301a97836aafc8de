// What a browser is shown that is not signed in: why, and how to sign in.

import { copyButton } from '../copy.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { signIn, signInOf } from '../session.js';

const WHY = {
  missing: 'This browser is not signed in to your node.',
  denied: 'This address no longer works. Each address signs in once, within ten minutes.',
  ended: 'This browser was signed out, or its 90 days have passed.',
  away: 'Your node does not answer. Start it, then load this page again.',
};

/** `why` is 'missing', 'denied', 'ended' or 'away'. */
export function showLocked(root, why) {
  document.title = 'covey: sign in';
  const heading = h('h1', { tabindex: '-1' }, icon('lock'), 'Sign in');
  const reason = h('p', {}, WHY[why]);
  fill(root, h('main', { id: 'main', class: 'locked', tabindex: '-1' }, heading, reason, ...steps(), entry()));
  if (why !== 'missing') heading.focus();
}

function steps() {
  const command = h('pre', { tabindex: '0' }, 'covey web --open');
  return [
    h('h2', {}, 'Open a new address'),
    h('p', {}, 'On the machine where your node runs:'),
    command,
    copyButton(command, 'command'),
    h(
      'p',
      { class: 'hint' },
      'Without ',
      h('code', {}, '--open'),
      ' it prints the address. The browser then stays signed in for 90 days, even if the node restarts.',
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
  const submit = async (event) => {
    event.preventDefault();
    const given = signInOf(input.value);
    if (!given) return fill(problem, 'This is not an address of your node. Copy all of it, including what follows the #.');
    try {
      if (await signIn(given)) location.reload();
      else fill(problem, 'This address was used already or has expired. Run covey web again.');
    } catch {
      fill(problem, 'Your node does not answer.');
    }
  };
  return h(
    'form',
    { class: 'stack', on: { submit } },
    h('h2', {}, 'Or paste the address'),
    h('label', {}, 'Address from covey web', input),
    problem,
    h('p', {}, h('button', { class: 'primary' }, 'Sign in')),
  );
}
