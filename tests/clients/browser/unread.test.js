// What the page marks as read, and so what the other side is told: only what somebody could see.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openBrowser, openPage } from '../lib/browser.js';
import { Daemon, befriend, eventually, send } from '../lib/daemon.js';

const MANY = 160;
const texts = Array.from({ length: MANY }, (_, i) => `message number ${i + 1}`);
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

const unread = async () => (await bob.call('channel.show', { channel: alice.account })).unread;
/** How many of the texts Alice is told to be read. */
const toldRead = async () => {
  const sent = await alice.call('message.list', { channel: bob.account, limit: 1_000 });
  return sent.filter(({ own, state }) => own && state === 'read').length;
};
/** The texts whose end is in the window. */
const inView = (page) =>
  page.locator('.log').evaluate((log) => {
    const end = (row) => row.offsetTop + row.offsetHeight;
    const rows = [...log.querySelectorAll('.messages > li')];
    const shown = rows.filter((row) => end(row) > log.scrollTop && end(row) <= log.scrollTop + log.clientHeight);
    return shown.map((row) => row.querySelector('.text').textContent);
  });
/** Until as many are unread as there are texts after the last one that was seen. */
const settled = (shown) => {
  const last = texts.indexOf(shown.at(-1)) + 1;
  return eventually(`${MANY - last} are unread and ${last} told as read`, async () => (await unread()) === MANY - last && (await toldRead()) === last);
};

test('a long conversation opens at the first unread message and only what was in view counts as read', async () => {
  await send(alice, bob, texts);
  assert.equal(await unread(), MANY);

  const page = await openPage(browser, bob, `#/chat/${alice.account}`);
  await page.getByText('message number 1', { exact: true }).waitFor();
  const shown = await inView(page);
  assert.equal(shown[0], 'message number 1');
  assert.ok(shown.length < 40, `${shown.length} messages fit`);
  await settled(shown);

  await page.getByRole('button', { name: /below/ }).waitFor();
  await page.close();
});

test('what was skipped on the way to the newest message stays unread, and the page says how much that is', async () => {
  const page = await openPage(browser, bob, `#/chat/${alice.account}`);
  await page.getByText('New', { exact: true }).waitFor();
  const before = await eventually('the first ones are seen', () => inView(page));
  await settled(before);
  await page.getByRole('button', { name: /below/ }).click();
  await page.locator('.log').getByText(texts.at(-1), { exact: true }).waitFor();
  const newest = await inView(page);
  const skipped = MANY - texts.indexOf(before.at(-1)) - 1 - newest.length;
  await page.getByRole('button', { name: `${skipped} unread above` }).waitFor();
  assert.equal(await unread(), skipped + newest.length, 'the newest ones do not stand for those before them');

  // Back to where reading stopped, and through the rest; the newest ones count as soon as nothing before them is left out.
  await page.getByRole('button', { name: /unread above/ }).click();
  await page.getByText(texts[texts.indexOf(before.at(-1)) + 1], { exact: true }).waitFor();
  while ((await unread()) > 0) {
    const left = MANY - 1 - texts.indexOf((await inView(page)).at(-1));
    await eventually(`at most ${left} are unread`, async () => (await unread()) <= left);
    await page.locator('.log').evaluate((log) => log.scrollBy(0, log.clientHeight * 0.9));
  }
  await eventually('all are told as read', async () => (await toldRead()) === MANY);
  await page.close();
});

test('messages that come while nobody looks stay unread', async () => {
  const page = await openPage(browser, bob, `#/chat/${alice.account}`);
  await page.locator('.log').getByText(texts.at(-1), { exact: true }).waitFor();
  // Another tab is in front.
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  const later = Array.from({ length: 40 }, (_, i) => `later number ${i + 1}`);
  await send(alice, bob, later);
  await page.locator('.log').getByText('later number 40', { exact: true }).waitFor({ state: 'attached' });
  assert.equal(await unread(), later.length);

  await page.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  const shown = await inView(page);
  assert.ok(shown.includes('later number 1'), `the first of them is in view: ${shown}`);
  await eventually('those in view are read', async () => (await unread()) === later.length - 1 - later.indexOf(shown.at(-1)));
  await page.close();
});

test('somebody who has seen enough can mark a conversation as read', async () => {
  const page = await openPage(browser, bob, `#/chat/${alice.account}`);
  await page.getByRole('button', { name: /below/ }).waitFor();
  await page.getByRole('button', { name: 'More about this contact' }).or(page.getByLabel('More about this contact')).first().click();
  await page.getByRole('button', { name: 'Mark as read' }).click();
  await eventually('all are read', async () => (await unread()) === 0);
  await page.close();
  assert.deepEqual(browser.complaints, []);
});
