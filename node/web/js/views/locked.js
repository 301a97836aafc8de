// What a browser is shown that is not signed in: why, and how to sign in.

import { copyButton } from '../copy.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';
import { signIn, signInOf } from '../session.js';

const WHY = {
  missing: 'Your node lets in only browsers that you have signed in, and this is none of them.',
  denied: 'That address does not sign in any more: each one works once, and for ten minutes.',
  ended: 'This browser was signed out, or its 90 days are over.',
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
      ' it prints the address. This browser then stays signed in for 90 days, also when the node is restarted.',
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
    if (!given) return fill(problem, 'That is not such an address. Copy it whole, with everything after the #.');
    try {
      if (await signIn(given)) location.reload();
      else fill(problem, 'That address was used already, or its time is over. Run covey web again.');
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
