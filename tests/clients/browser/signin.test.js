// Signing in: once, with an address of `covey web`; from then on the browser is known, through restarts, until it is signed out.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser } from '../lib/browser.js';
import { Daemon, eventually } from '../lib/daemon.js';

let bob;
let browser;

before(async () => {
  bob = await Daemon.start('Bob');
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await bob?.remove();
});

const address = async () => (await bob.cli('web')).printed.split('\n')[0];
const connected = (page) => page.getByText('Connected to your node').waitFor();
const locked = (page, why) => page.getByText(why).waitFor();
const browsers = async () => (await bob.call('token.list')).filter(({ kind }) => kind === 'browser');

test('a browser that was signed in stays in over a restart, in other tabs and without the address', async () => {
  const page = await browser.context.newPage();
  await page.goto(bob.origin);
  await locked(page, 'This browser is not signed in to your node');
  await page.goto(await address());
  await connected(page);
  assert.equal(new URL(page.url()).hash, '', 'the code is not left in the address');

  await bob.stop();
  await page.getByText('Your node does not answer').waitFor();
  await bob.resume();
  await connected(page);
  await page.reload();
  await connected(page);
  const bookmark = await browser.context.newPage();
  await bookmark.goto(bob.origin);
  await connected(bookmark);
  assert.equal((await browsers()).length, 1, 'it is the same session');
  await Promise.all([page.close(), bookmark.close()]);
});

test('no script can read the cookie, and the cookie is strict', async () => {
  const page = await browser.context.newPage();
  await page.goto(bob.origin);
  await connected(page);
  assert.equal(await page.evaluate(() => document.cookie), '');
  const [cookie] = await browser.context.cookies(bob.origin);
  assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Strict']);
  const key = await page.evaluate(() => localStorage.getItem('covey.session'));
  assert.ok(key && !cookie.value.includes(key), 'the key and the cookie are two secrets');
  await page.close();
});

test('an address works once', async () => {
  const used = await address();
  const one = await openBrowser();
  const first = await one.context.newPage();
  await first.goto(used);
  await connected(first);
  const other = await openBrowser();
  const second = await other.context.newPage();
  await second.goto(used);
  await locked(second, 'This address no longer works');
  await second.getByLabel('Address from covey web').fill(await address());
  await second.getByRole('button', { name: 'Sign in' }).click();
  await connected(second);
  await Promise.all([one.close(), other.close()]);
});

test('a page of another origin gets nothing with the cookie of the browser', async () => {
  const neighbour = await Daemon.start('Neighbour');
  const page = await browser.context.newPage();
  await page.goto(`${neighbour.origin}/healthz`);
  const answer = await page.evaluate(async (url) => {
    try {
      const { status } = await fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}' });
      return status;
    } catch (error) {
      return String(error);
    }
  }, `${bob.origin}/rpc`);
  assert.ok(answer === 0 || /TypeError/.test(answer), `${answer}`);
  const opened = await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, ['covey']);
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      }),
    `${bob.origin.replace('http', 'ws')}/rpc`,
  );
  assert.equal(opened, false);
  await eventually('it is in the audit log', async () =>
    (await bob.call('audit.list', { refused: true })).some(({ reason }) => reason === 'foreign_origin'),
  );
  await page.close();
  await neighbour.remove();
});

test('a browser that is signed out is out at once, by itself or from elsewhere', async () => {
  const page = await browser.context.newPage();
  await page.goto(`${bob.origin}/#/node`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await locked(page, 'This browser is not signed in to your node');
  await page.goto('about:blank');
  await page.goto(await address());
  await connected(page);
  const [{ id }] = await browsers();
  await bob.call('token.revoke', { token: id });
  await locked(page, 'This browser was signed out');
  await page.close();
});
