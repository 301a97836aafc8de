// Mail that waits: a contact is asked to keep ours and says yes; what lies where; and what the page says when something is wrong.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { violations } from '../lib/axe.js';
import { openBrowser, openPage } from '../lib/browser.js';
import { Daemon, befriend, eventually } from '../lib/daemon.js';

/** Where pictures of the page go, if somebody wants to look at them. */
const PICTURES = process.env.TEST_PICTURES;

let alice;
let bob;
let browser;

before(async () => {
  [alice, bob, browser] = await Promise.all([Daemon.start('Alice'), Daemon.start('Bob'), openBrowser()]);
  await befriend(alice, bob);
});
after(async () => {
  await browser?.close();
  await Promise.all([alice?.remove(), bob?.remove()]);
});

test('a contact is asked to keep mail and does so until it is removed', async () => {
  const [page, other] = await Promise.all([openPage(browser, alice, '#/keepers'), openBrowser()]);
  await page.getByLabel('Ask a contact to keep your mail').selectOption({ label: '"Bob"' });
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.locator('.keepers > li', { hasText: 'Bob' }).getByText('Has not answered yet').waitFor();

  const his = await openPage(other, bob, '#/keepers');
  await his.getByRole('heading', { name: 'They ask you to keep their mail' }).waitFor();
  await his.getByRole('button', { name: 'Accept: keep the mail of Alice' }).click();
  await his.locator('.keepers > li', { hasText: 'Alice' }).getByText('0 parcels, 0 of 64 MiB').first().waitFor();
  await his.getByRole('heading', { name: 'They ask you to keep their mail' }).waitFor({ state: 'hidden' });
  const row = page.locator('.keepers > li', { hasText: 'Bob' });
  await row.getByText('Last reached').waitFor();
  assert.ok((await alice.call('keeper.list')).some(({ state }) => state === 'keeps'));

  await row.getByRole('button', { name: 'Remove Bob' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
  await row.waitFor({ state: 'detached' });
  await eventually('nothing is kept', async () => !(await alice.call('keeper.list')).some(({ role }) => role === 'mine'));
  assert.deepEqual([...browser.complaints, ...other.complaints], []);
  await Promise.all([page.close(), other.close()]);
});

const keeper = (over) => ({
  keeper: 'cvd1keeper'.padEnd(60, 'q'),
  name: 'Attic',
  role: 'mine',
  reached: new Date(Date.now() - 3 * 3_600_000).toISOString(),
  used: 21 << 20,
  limit: 64 << 20,
  parcels: 340,
  refused: false,
  state: 'keeps',
  ...over,
});

/** What takes days to come about. */
const ALL = [
  keeper({}),
  keeper({ keeper: 'cvd1other'.padEnd(60, 'q'), name: 'Parents', state: 'unreached' }),
  keeper({ keeper: 'cv1asked'.padEnd(60, 'q'), name: 'Bob', state: 'asked', reached: null, used: 0, limit: 0, parcels: 0 }),
  keeper({ keeper: 'cv1held'.padEnd(60, 'q'), name: 'Carol', role: 'held', used: 63 << 20, refused: true }),
  keeper({ keeper: 'cv1wants'.padEnd(60, 'q'), name: 'Dave', role: 'held', state: 'requested', reached: null, used: 0, limit: 0, parcels: 0 }),
];

const WINDOWS = [
  ['in light colours', { colorScheme: 'light' }],
  ['in dark colours', { colorScheme: 'dark' }],
  ['in light colours on a phone', { colorScheme: 'light', viewport: { width: 390, height: 780 } }],
  ['in dark colours on a phone', { colorScheme: 'dark', viewport: { width: 390, height: 780 } }],
];

/** Whatever the node says of this method, the page is told that. */
async function instead(window, method, result) {
  await window.context.routeWebSocket(/\/rpc$/, (socket) => {
    const node = socket.connectToServer();
    const asked = new Set();
    socket.onMessage((text) => {
      const message = JSON.parse(text);
      if (message.method === method) asked.add(message.id);
      node.send(text);
    });
    node.onMessage((text) => {
      const message = JSON.parse(text);
      if (asked.has(message.id)) message.result = result;
      socket.send(JSON.stringify(message));
    });
  });
}

const DAY = 86_400_000;
const from = (now, days) => new Date(now + days * DAY).toISOString();

const contact = (over) => ({
  contact: 'cv1erin'.padEnd(61, 'q'),
  alias: null,
  name: 'Erin',
  state: 'invited',
  since: from(Date.now(), -1),
  direction: 'outgoing',
  note: null,
  expires_at: from(Date.now(), 13),
  verified: false,
  keepers: 1,
  confirmed: false,
  alerts: [],
  refused_before: false,
  ended_by: null,
  online: false,
  channel: null,
  ...over,
});

test('an invite that waits at a keeper is shown with how long, and so is who was on the list of contacts', async () => {
  const window = await openBrowser();
  const asked = contact({ kept_until: from(Date.now(), 12) });
  const before = contact({ contact: 'cv1frank'.padEnd(61, 'q'), name: 'Frank', state: 'stranger', remembered: true, direction: null, expires_at: null });
  const asks = contact({ contact: 'cv1grace'.padEnd(61, 'q'), name: 'Grace', state: 'pending', remembered: true, direction: 'incoming' });
  await instead(window, 'pair.list', [asked, before, asks]);
  const page = await openPage(window, alice, `#/chat/${asked.contact}`);
  await page.getByText('Waiting for their answer; a keeper of theirs has the invite').first().waitFor();
  await page.getByText('A keeper of theirs has it until').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.evaluate((hash) => (location.hash = hash), `#/chat/${before.contact}`);
  await page.getByText('On your list of contacts from before the recovery').first().waitFor();
  await page.locator('.standing').getByRole('button', { name: 'Forget' }).waitFor();
  await page.evaluate(() => (location.hash = '#/'));
  await page.getByText('They are on your list of contacts from before the recovery.').waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(window.complaints, []);
  await window.close();
});

test('of a message that is kept for somebody who is away, the page says by how many keepers and until when', async () => {
  const window = await openBrowser();
  const sent = await alice.call('message.send', { to: bob.account, text: 'for when you are back' });
  const shown = await alice.call('message.show', { id: sent.id });
  const kept = { keepers: 2, until: '2031-05-04T12:00:00.000Z' };
  const deliveries = shown.deliveries.map((one) => ({ ...one, state: 'kept', kept }));
  await instead(window, 'message.show', { ...shown, state: 'kept', deliveries });
  const page = await openPage(window, alice, `#/chat/${bob.account}`);
  await page.getByRole('button', { name: 'Actions for this message' }).last().click();
  await page.getByRole('dialog').getByText(/Bob.*: kept for them by 2 keepers until .*2031/).waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(window.complaints, []);
  await window.close();
});

for (const [how, options] of WINDOWS) {
  test(`the page says what is wrong, and everybody can use it (${how})`, async () => {
    const window = await openBrowser(options);
    await instead(window, 'keeper.list', ALL);
    const page = await openPage(window, alice, '#/keepers');
    for (const text of ['Has not answered for an hour', 'Has not answered yet', 'There was no room for all of their mail', '340 parcels, 21 of 64 MiB']) {
      await page.getByText(text).first().waitFor();
    }
    await page.getByRole('button', { name: 'Decline Dave' }).waitFor();
    assert.deepEqual(await violations(page), []);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
    if (PICTURES) {
      await mkdir(PICTURES, { recursive: true });
      await page.screenshot({ path: `${PICTURES}/keepers ${how}.png`, fullPage: true });
    }
    assert.deepEqual(window.complaints, []);
    await window.close();
  });
}
