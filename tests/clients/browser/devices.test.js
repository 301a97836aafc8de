// The devices of an account: linked, renamed and revoked on the page; and what it says when somebody else may have the keys.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { violations } from '../lib/axe.js';
import { openBrowser, openPage } from '../lib/browser.js';
import { Daemon, eventually } from '../lib/daemon.js';

let laptop;
let server;
let browser;

before(async () => {
  [laptop, browser] = await Promise.all([Daemon.start('Alice'), openBrowser()]);
  await laptop.call('device.rename', { device: 'this', name: 'laptop' });
  server = Daemon.prepare('server');
});
after(async () => {
  await browser?.close();
  await Promise.all([laptop?.remove(), server?.remove()]);
});

/** What a new machine tells, and when it ends. */
function waiting(machine) {
  const told = {};
  const ended = machine.waitForLink((more) => Object.assign(told, more));
  return { told, ended, of: (what) => eventually(`it shows its ${what}`, () => told[what]) };
}

test('a machine is linked by its link and its digits, renamed and revoked', async () => {
  const page = await openPage(browser, laptop, '#/devices');
  await page.getByText('This device').waitFor();
  const machine = waiting(server);
  await page.getByLabel('The link that it shows').fill(await machine.of('link'));
  await page.getByLabel('It may link and revoke devices, too').check();
  await page.getByRole('button', { name: 'Connect' }).click();

  const digits = await machine.of('digits');
  const field = page.getByLabel('The six digits on the new machine');
  await field.fill(digits === '000000' ? '000001' : '000000');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await page.getByRole('alert').filter({ hasText: 'digits' }).waitFor();
  assert.equal((await laptop.call('device.list')).length, 1, 'nothing was given away');
  assert.ok(!(await page.content()).includes(digits), 'the page does not give the digits away');
  await field.fill(`${digits.slice(0, 3)} ${digits.slice(3)}`);
  await page.getByRole('button', { name: 'Confirm' }).click();
  const row = page.locator('.devices > li', { hasText: 'server' });
  await row.getByText('May link and revoke').waitFor();
  assert.equal(await machine.ended, 0);
  await server.resume();
  assert.equal((await server.call('account.show')).account, laptop.account);

  await row.getByRole('button', { name: 'Rename server' }).click();
  await page.getByLabel('Others do not see it').fill('attic');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.devices').getByText('attic').waitFor();

  await page.getByRole('button', { name: 'Revoke attic' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
  await page.locator('.devices > li', { hasText: 'attic' }).getByText('Revoked').waitFor();
  assert.equal(await server.ended(), 1);
  assert.equal(await page.getByRole('button', { name: /attic/ }).count(), 0, 'nothing more can be done with it');
  await page.close();
});

test('what is no link is said at the field, and what was typed stays', async () => {
  const page = await openPage(browser, laptop, '#/devices');
  await page.getByLabel('The link that it shows').fill('covey-link:abc');
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByRole('alert').filter({ hasText: 'link' }).waitFor();
  assert.equal(await page.getByLabel('The link that it shows').inputValue(), 'covey-link:abc');
  await page.close();
});

test('that the account is not backed up is said with the commands that do it, until it is', async () => {
  const page = await openPage(browser, laptop, '#/devices');
  await page.getByRole('heading', { name: 'Your account is not backed up' }).waitFor();
  await page.getByText('covey account phrase').waitFor();
  await laptop.stop();
  assert.equal((await laptop.cli('--json', 'account', 'phrase', '--yes')).code, 0);
  await laptop.resume();
  await page.getByText('Connected to your node').waitFor();
  await page.reload();
  await page.getByText('This device').waitFor();
  await page.getByRole('heading', { name: 'Your account is not backed up' }).waitFor({ state: 'hidden' });
  await page.close();
});

/** A window in which the node answers some methods otherwise, as it does in situations that take minutes to come about. */
async function withAnswers(answers, options) {
  const window = await openBrowser(options);
  const asked = [];
  await window.context.routeWebSocket(/\/rpc$/, (socket) => {
    const node = socket.connectToServer();
    const methods = new Map();
    socket.onMessage((text) => {
      const { id, method } = JSON.parse(text);
      methods.set(id, method);
      asked.push(method);
      node.send(text);
    });
    node.onMessage((text) => {
      const message = JSON.parse(text);
      const change = answers[methods.get(message.id)];
      if (change && message.result !== undefined) message.result = change(message.result);
      socket.send(JSON.stringify(message));
    });
  });
  return { window, asked };
}

const stranger = (number) => ({
  contact: `cv1stranger${number}`.padEnd(60, 'q'),
  alias: null,
  name: `Friend ${number}`,
  state: 'pending',
  since: new Date().toISOString(),
  direction: 'incoming',
  note: null,
  expires_at: null,
  verified: false,
  renewal: true,
  confirmed: false,
  online: false,
  channel: null,
});

for (const colorScheme of ['light', 'dark']) {
  test(`after a recovery all who ask to pair again are accepted at once (${colorScheme})`, async () => {
    const { window, asked } = await withAnswers({ 'pair.list': () => [1, 2, 3].map(stranger) }, { colorScheme });
    const page = await openPage(window, laptop);
    await page.getByText('3 people say that you were paired before your account was recovered.').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole('button', { name: 'Accept all of them' }).click();
    await eventually('it is asked for', () => asked.includes('pair.accept_renewals'));
    assert.deepEqual(window.complaints, []);
    await window.close();
  });

  test(`a second history of the account is an alarm with a way on (${colorScheme})`, async () => {
    const second = (what) => (status) => ({ ...status, second_history: { what, at: new Date().toISOString(), contact: 'cv1q'.padEnd(60, 'q'), alias: 'Bob' } });
    for (const [what, title, wayOn] of [
      ['other', 'Somebody may have the keys of your account', 'covey account recover'],
      ['recovered', 'Your account was recovered without this device', 'It was not me: object…'],
      ['kept', 'Your account was recovered, and this device is to stay', 'The 16 digits on the other machine'],
    ]) {
      const { window } = await withAnswers({ 'account.status': second(what) }, { colorScheme });
      const page = await openPage(window, laptop);
      await page.getByRole('heading', { name: title }).waitFor();
      await page.getByRole('link', { name: 'What to do' }).click();
      await page.locator('.card.alarm').getByText(wayOn).waitFor();
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(window.complaints, []);
      await window.close();
    }
  });

  test(`how far the history of a new machine is can be seen (${colorScheme})`, async () => {
    const at = new Date().toISOString();
    const id = 'cvd1q'.padEnd(60, 'q');
    const transfer = (phase, eta) => ({ device: id, name: 'phone', this: false, phase, done: 1_200, total: 9_870, bytes: 500_000, eta });
    const phone = { device: id, name: 'phone', role: 'plain', since: at, seen: at, state: 'active', this: false };
    for (const [phase, eta, text] of [
      ['running', 130, '1,200 of 9,870, about 2 min left'],
      ['waiting', null, 'no other device of yours is connected to it'],
    ]) {
      const { window } = await withAnswers({ 'device.list': (devices) => [...devices, { ...phone, transfer: transfer(phase, eta) }] }, { colorScheme });
      const page = await openPage(window, laptop, '#/devices');
      const row = page.locator('.devices > li', { hasText: 'phone' });
      await row.getByText(text).waitFor();
      assert.equal(await row.getByRole('progressbar').count(), phase === 'running' ? 1 : 0);
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(window.complaints, []);
      await window.close();
    }
  });
}

test('digits of another recovery are refused at the field, and what a new machine may read is chosen', async () => {
  const second = (status) => ({ ...status, second_history: { what: 'kept', at: new Date().toISOString(), contact: status.account, alias: null } });
  const { window, asked } = await withAnswers({ 'account.status': second });
  const page = await openPage(window, laptop, '#/devices');
  await page.getByText('Another device of yours says that your account was brought back').waitFor();
  await page.getByLabel('The 16 digits on the other machine').fill('1234 5678 9012 3456');
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByRole('alert').filter({ hasText: 'nothing to accept' }).waitFor();
  assert.ok(asked.includes('account.accept'));
  assert.deepEqual(await page.getByLabel('What it may read of before').locator('option').allTextContents(), ['Everything', 'The last 90 days', 'Nothing']);
  await window.close();
});
