// That the account would be lost with this machine. The words are shown on a terminal and nowhere else: a running node never gives
// them away.

import { copyButton } from '../copy.js';
import { h } from '../dom.js';

/** A card that is there as long as nobody has written the words down. */
export function backupPart({ rpc }) {
  const commands = h('pre', { tabindex: '0' }, 'covey shutdown\ncovey account phrase');
  const part = h(
    'section',
    { class: 'card', hidden: true, 'aria-labelledby': 'backup-title' },
    h('h3', { id: 'backup-title' }, 'Your account is not backed up'),
    h('p', {}, 'If this machine is lost, so is your account. Write down the 24 words that bring it back. On a terminal:'),
    commands,
    h('p', { class: 'hint' }, 'It asks for three of them, to be sure that you have them, and erases them from the node.'),
    h('p', {}, copyButton(commands, 'commands')),
  );
  rpc.ask('node.status').then(
    (status) => {
      part.hidden = status.backed_up;
    },
    () => {},
  );
  return part;
}
