// What a restart of the node does to an open page: nothing that was written is lost.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser, openPage } from '../lib/browser.js';
import { Daemon, befriend, eventually } from '../lib/daemon.js';

let alice;
let bob;
let browser;

before(async () => {
  [alice, bob] = await Promise.all([Daemon.start('Alice'), Daemon.start('Bob')]);
  await befriend(alice, bob);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await Promise.all([alice?.remove(), bob?.remove()]);
});

const box = (page) => page.getByRole('textbox', { name: 'Message' });

test('a draft outlives a reload, another conversation and a restart of the node', async () => {
  const page = await openPage(browser, bob, `#/chat/${alice.account}`);
  await box(page).fill('a half written mess');
  await page.evaluate(() => (location.hash = '#/node'));
  await page.getByText('Your node is ready').waitFor();
  await page.goBack();
  assert.equal(await box(page).inputValue(), 'a half written mess');

  await bob.stop();
  await page.getByText('Your node does not answer').waitFor();
  await bob.resume();
  await page.goto('about:blank');
  await page.goto(bob.origin);
  await page.getByText('Connected to your node').waitFor();
  await page.evaluate((hash) => (location.hash = hash), `#/chat/${alice.account}`);
  assert.equal(await box(page).inputValue(), 'a half written mess');

  await box(page).press('Enter');
  await eventually('it is sent', async () => (await bob.call('message.list', { channel: alice.account, limit: 1 }))[0]?.text === 'a half written mess');
  await eventually('the box is empty', async () => (await box(page).inputValue()) === '');
  await page.reload();
  assert.equal(await box(page).inputValue(), '', 'what was sent is no draft');
  await page.close();
});

test('while the node is down the box says why nothing is sent', async () => {
  const page = await openPage(browser, bob, `#/chat/${alice.account}`);
  await box(page).waitFor();
  await bob.stop();
  await page.getByText('Your node does not answer', { exact: true }).waitFor();
  await box(page).fill('written while it was down');
  await box(page).press('Enter');
  await page.getByText('This message is sent as soon as it does').waitFor();
  await bob.resume();
  await page.close();
});
