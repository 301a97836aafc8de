// The devices of our account: which there are, another machine linked, one renamed or revoked.

import { confirm, prompt } from '../dialogs.js';
import { batched, fill, h, name } from '../dom.js';
import { notice } from '../notices.js';
import { full, relative } from '../words.js';
import { alarmPart } from './alarm.js';
import { backupPart } from './backup.js';
import { showHistory } from './history.js';
import { MAX_DEVICE_NAME, linkPart } from './link.js';
import { pageTop } from './page.js';

const ROLES = { holder: 'May link and revoke', plain: 'Plain' };
const STATES = {
  dormant: 'Not seen for 90 days',
  kept: 'Kept by the recovery: on it, type the digits that were shown here (covey account accept)',
  revoked: 'Revoked',
};

export function devicesPage(app) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const list = h('ul', { class: 'roster devices' });
  const link = h('div', {});
  const problem = h('p', { class: 'problem', role: 'alert' });
  const histories = new Map();
  const show = () => {
    const devices = app.store.devices ?? [];
    const isHolder = devices.some((device) => device.this && device.role === 'holder');
    histories.clear();
    fill(list, ...devices.map((device) => row(app, device, isHolder, histories)));
    // What is typed there stays when the list changes.
    if (isHolder && !link.firstChild) fill(link, linkPart(app));
    if (!isHolder && devices.length > 0) fill(link, h('p', { class: 'hint' }, 'This device is plain: another one of yours links and revokes devices.'));
  };
  app.store.addEventListener('devices', batched(() => signal.aborted || show()), { signal });
  const progressed = ({ detail: { device } }) => {
    const known = app.store.devices?.find((one) => one.device === device);
    if (known && histories.has(device)) showHistory(histories.get(device), known);
  };
  app.store.addEventListener('transfer', progressed, { signal });
  // Who was seen when is told by no event.
  app.rpc.ask('device.list').then(
    (devices) => app.store.setDevices(devices),
    (error) => fill(problem, error.message),
  );
  show();
  return {
    element: h(
      'article',
      { class: 'page' },
      pageTop('Devices'),
      alarmPart(app, signal),
      backupPart(app),
      h('section', { class: 'card', 'aria-labelledby': 'devices-title' }, h('h3', { id: 'devices-title' }, 'Devices of your account'), problem, list),
      h('section', { class: 'card', 'aria-labelledby': 'link-title' }, h('h3', { id: 'link-title' }, 'Link another machine'), link),
    ),
    leave: () => leaving.abort(),
  };
}

function row({ rpc }, device, isHolder, histories) {
  const { device: id, name: called, role, state, since, seen, this: isThis } = device;
  const gone = state === 'revoked';
  const history = h('div', { class: 'history' });
  showHistory(history, device);
  histories.set(id, history);
  const rename = () =>
    prompt({
      title: 'Name of this device',
      label: 'Others do not see it',
      value: called,
      maxlength: MAX_DEVICE_NAME,
      verb: 'Save',
      action: (text) => rpc.change('device.rename', { device: id, name: text }),
    });
  const revoke = () =>
    confirm({
      title: `Revoke ${called}?`,
      text: 'It never comes back: to use the machine again, link it anew. Contacts take nothing more from it, and it is told when it connects. Messages that it has stay on it.',
      verb: 'Revoke',
      action: () => rpc.change('device.revoke', { device: id }).then(() => notice(`${called} is revoked.`)),
    });
  const seenText = isThis ? 'This device' : seen ? ['Seen ', time(seen)] : 'Not seen yet';
  return h(
    'li',
    {},
    h(
      'div',
      { class: 'lines' },
      h('p', { class: 'first' }, name(called)),
      h('p', { class: 'hint' }, seenText, ', linked ', time(since), STATES[state] && `. ${STATES[state]}`),
      history,
    ),
    !gone && h('span', { class: `role ${role === 'holder' ? 'admin' : ''}` }, ROLES[role] ?? role),
    !gone && h('button', { type: 'button', class: 'small', 'aria-label': `Rename ${called}`, on: { click: rename } }, 'Rename…'),
    !gone && !isThis && isHolder && h('button', { type: 'button', class: 'small danger', 'aria-label': `Revoke ${called}`, on: { click: revoke } }, 'Revoke…'),
  );
}

function time(at) {
  return h('time', { datetime: at, title: full(at) }, relative(at));
}
