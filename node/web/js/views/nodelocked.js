// What is shown while the node is locked. Nothing of the conversations stays on the page; when the node is unlocked, it is loaded anew.

import { copyButton } from '../copy.js';
import { fill, h } from '../dom.js';
import { icon } from '../icons.js';

/** How often is asked whether the node is unlocked. */
const LOOK_AGAIN = 2_000;

let shown = false;

export function showNodeLocked(root, rpc) {
  if (shown) return;
  shown = true;
  document.title = 'covey: locked';
  const heading = h('h1', { tabindex: '-1' }, icon('lock'), 'Your node is locked');
  const why = h(
    'p',
    {},
    'It has erased its keys from memory and is not connected to anybody. Messages for you wait with those who sent them.',
  );
  const command = h('pre', { tabindex: '0' }, 'covey unlock');
  const how = h('p', {}, 'Unlock it with your passphrase, on the machine where it runs:');
  const hint = h('p', { class: 'hint' }, 'This page goes on by itself then. A browser cannot unlock the node.');
  const main = h(
    'main',
    { id: 'main', class: 'locked', tabindex: '-1' },
    heading,
    why,
    how,
    command,
    copyButton(command, 'command'),
    hint,
  );
  fill(root, main);
  heading.focus();
  setInterval(() => look(rpc), LOOK_AGAIN);
}

async function look(rpc) {
  try {
    const { locked } = await rpc.ask('node.status');
    if (!locked) location.reload();
  } catch {
    // It is asked again.
  }
}
