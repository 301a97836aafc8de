// How the node is doing.

import { confirm } from '../dialogs.js';
import { busy, fill, h, name } from '../dom.js';
import { icon } from '../icons.js';
import { signOut } from '../session.js';
import { count, full, relative, shortId } from '../words.js';
import { pageTop } from './page.js';

const CHECKS = { ok: ['tick', 'Good'], warn: ['warning', 'Could be better'], fail: ['cross', 'Not working'] };

export function nodePage({ rpc }) {
  const parts = h('div', { class: 'stack' }, h('p', { class: 'hint' }, 'Loading…'));
  const load = async () => {
    const asked = ['node.status', 'node.doctor', 'node.peers'].map((method) => rpc.ask(method));
    const [status, report, peers] = await Promise.all(asked);
    fill(parts, checks(report), facts(status), peerList(peers), lockPart(rpc), thisBrowser());
  };
  const failed = (error) => fill(parts, h('p', { class: 'problem', role: 'alert' }, error.message));
  const again = h('button', { type: 'button', on: { click: () => busy(again, load, failed) } }, 'Refresh');
  busy(again, load, failed);
  return { element: h('article', { class: 'page' }, pageTop('Node health', again), parts) };
}

function checks({ ok, checks: all }) {
  const rows = all.map(({ name: what, state, message, advice }) => {
    const [picture, word] = CHECKS[state] ?? CHECKS.warn;
    return h(
      'li',
      { class: state },
      icon(picture),
      h(
        'div',
        {},
        h('p', {}, h('strong', {}, what), h('span', { class: 'hint' }, ` ${word}`)),
        h('p', {}, message),
        advice && h('p', { class: 'hint' }, advice),
      ),
    );
  });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'checks-title' },
    h('h3', { id: 'checks-title' }, ok ? 'Everything works' : 'Something is not working'),
    h('ul', { class: 'checks' }, ...rows),
  );
}

function facts(status) {
  const { counts } = status;
  const rows = [
    ...(status.trouble ? [['Trouble', status.trouble]] : []),
    ...(status.offline ? [['Offline', status.offline]] : []),
    ['Network', status.network],
    ['Found by account id alone', status.discoverable ? 'Yes' : 'No'],
    ['Connected', count(status.peers, 'peer')],
    ['Contacts', `${counts.paired} paired, ${counts.pending} waiting for your answer, ${counts.invited} invited`],
    ['Messages waiting for delivery', String(counts.outbox + counts.queued)],
    ['Running since', h('time', { datetime: status.started_at, title: full(status.started_at) }, relative(status.started_at))],
    ['Version', status.version],
    ['Account', h('code', {}, status.account)],
    ['Device', h('code', {}, status.device)],
    ['Peer ID', h('code', {}, status.peer_id)],
    ['Addresses', h('ul', {}, ...status.addresses.map((address) => h('li', {}, h('code', {}, address))))],
    ['Data', h('code', {}, status.data_dir)],
  ];
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'facts-title' },
    h('h3', { id: 'facts-title' }, status.ready ? 'Your node is ready' : 'Your node is not ready'),
    h('dl', {}, ...rows.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value)))),
  );
}

function lockPart(rpc) {
  const lock = () =>
    confirm({
      title: 'Lock the node?',
      text: 'Its keys are erased from memory and its connections end. Only covey unlock and your passphrase, on the machine where it runs, bring it back; a browser cannot.',
      verb: 'Lock',
      action: () => rpc.change('node.lock').then(() => location.reload()),
    });
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'lock-title' },
    h('h3', { id: 'lock-title' }, 'Lock'),
    h('p', { class: 'hint' }, 'Takes the keys out of memory until you type your passphrase. For nodes that a passphrase protects.'),
    h('p', {}, h('button', { type: 'button', class: 'danger', on: { click: lock } }, icon('lock'), 'Lock the node…')),
  );
}

function thisBrowser() {
  const leave = async () => {
    await signOut();
    location.reload();
  };
  const failed = (error) => fill(problem, error.message);
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { type: 'button', on: { click: () => busy(button, leave, failed) } }, 'Sign out');
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'browser-title' },
    h('h3', { id: 'browser-title' }, 'This browser'),
    h('p', { class: 'hint' }, 'It stays signed in for 90 days after you opened the address from covey web.'),
    h('p', {}, button),
    problem,
  );
}

function peerList(peers) {
  const rows = peers.map((peer) =>
    h(
      'li',
      {},
      h('p', {}, peer.alias || peer.contact ? name(peer.alias ?? shortId(peer.contact)) : 'Not a contact', peer.relayed && h('span', { class: 'hint' }, ' through a relay')),
      h('p', { class: 'hint' }, h('code', {}, peer.address), peer.connected_since && `, connected ${relative(peer.connected_since)}`),
    ),
  );
  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'peers-title' },
    h('h3', { id: 'peers-title' }, `Connected peers (${peers.length})`),
    peers.length > 0 ? h('ul', { class: 'peers' }, ...rows) : h('p', { class: 'hint' }, 'None at the moment. Messages wait until your contacts are online.'),
  );
}
