// The page as somebody uses it: what is on top, what can be done with a message, and that everybody can read it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { violations } from '../lib/axe.js';
import { openBrowser, openPage } from '../lib/browser.js';
import { Daemon, befriend, eventually, send } from '../lib/daemon.js';

let alice;
let bob;
let group;
let browser;

before(async () => {
  [alice, bob] = await Promise.all([Daemon.start('Alice'), Daemon.start('Bob')]);
  await befriend(alice, bob);
  ({ group } = await alice.call('group.create', { name: 'Lake' }));
  await alice.call('group.invite', { group, contact: bob.account });
  await eventually('the invite arrives', async () => (await bob.call('group.list')).length > 0);
  await bob.call('group.accept', { group });
  await eventually('both are in', async () => (await alice.call('group.show', { group })).members === 2);
  await send(alice, bob, ['Hello Bob']);
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await Promise.all([alice?.remove(), bob?.remove()]);
});

const rows = (page) => page.getByRole('navigation', { name: 'Conversations' }).locator('li .first .name').allTextContents();

test('the conversation with the newest message is on top, whether it is of two or of many', async () => {
  const page = await openPage(browser, bob);
  await bob.call('message.send', { to: group, text: 'to the group' });
  await eventually('the group is on top', async () => (await rows(page)).join() === 'Lake,"Alice"');
  await alice.call('message.send', { to: bob.account, text: 'to Bob' });
  await eventually('Alice is on top', async () => (await rows(page)).join() === '"Alice",Lake');
  await page.close();
});

test('choosing the open conversation again puts the cursor into the box', async () => {
  const page = await openPage(browser, bob, `#/chat/${alice.account}`);
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.locator('.log').focus();
  await page.getByRole('link', { name: /^"Alice"/ }).click();
  await eventually('the box has the cursor', () => page.evaluate(() => document.activeElement.tagName === 'TEXTAREA'));
  await page.close();
});

test('a message can be answered, looked at, and in a group deleted for everyone', async () => {
  const page = await openPage(browser, bob, `#/group/${group}`);
  const row = page.locator('.messages > li', { hasText: 'to the group' });
  await row.hover();
  await row.getByRole('button', { name: 'Actions for this message' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('You', { exact: true }).waitFor();
  await dialog.getByText('Delivered to').or(dialog.getByText('Recipients')).first().waitFor();
  await dialog.getByRole('button', { name: 'Reply' }).click();
  await page.getByText('Reply to yourself:').waitFor();
  await page.keyboard.type('an answer');
  await page.keyboard.press('Enter');
  const answer = await eventually('it is sent', async () => (await bob.call('message.list', { channel: group })).find(({ text }) => text === 'an answer'));
  assert.ok(answer.reply_to, 'it answers the message');

  await row.first().hover();
  await row.first().getByRole('button', { name: 'Actions for this message' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for everyone…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for everyone', exact: true }).click();
  await page.locator('.messages').getByText('Deleted for everyone').waitFor();
  await page.close();

  const direct = await openPage(browser, bob, `#/chat/${alice.account}`);
  const hello = direct.locator('.messages > li', { hasText: 'Hello Bob' });
  await hello.hover();
  await hello.getByRole('button', { name: 'Actions for this message' }).click();
  await direct.getByRole('dialog').getByText('Received').waitFor();
  assert.equal(await direct.getByRole('button', { name: /Delete/ }).count(), 0, 'what cannot be done is not offered');
  await direct.close();
});

test('many invites are folded and leave the conversations in the window', async () => {
  const { ticket } = await bob.call('account.ticket');
  const strangers = await Promise.all(['one', 'two', 'three'].map((name) => Daemon.start(name)));
  for (const stranger of strangers) await stranger.call('pair.invite', { to: ticket, note: 'we met at the lake' });
  const page = await openPage(browser, bob);
  await page.getByText('Waiting for your answer 3').waitFor();
  assert.ok(await page.getByRole('link', { name: /^"Alice"/ }).isVisible());
  assert.equal(await page.getByRole('button', { name: 'Accept "two"' }).isVisible(), false);
  await page.locator('.pending summary', { hasText: 'two' }).click();
  await page.getByRole('button', { name: 'Accept "two"' }).click();
  await page.getByText('You and "two" are paired.').first().waitFor();
  await page.close();
  await Promise.all(strangers.map((stranger) => stranger.remove()));
});

for (const [what, options] of [
  ['in light colours', { colorScheme: 'light' }],
  ['in dark colours on a phone', { colorScheme: 'dark', viewport: { width: 390, height: 780 } }],
]) {
  test(`axe finds nothing wrong with any page ${what}`, async () => {
    const window = await openBrowser(options);
    const page = await openPage(window, bob);
    const pages = ['#/', '#/invite', '#/devices', '#/node', '#/groups', `#/chat/${alice.account}`, `#/group/${group}`, `#/members/${group}`];
    const found = [];
    for (const path of pages) {
      await page.evaluate((hash) => (location.hash = hash), path);
      await page.getByText('Loading…').waitFor({ state: 'detached' });
      found.push(...(await violations(page)).map((violation) => `${path} ${violation}`));
    }
    await page.evaluate((hash) => (location.hash = hash), `#/chat/${alice.account}`);
    await page.locator('.actions').first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('Sent').waitFor();
    found.push(...(await violations(page)).map((violation) => `message ${violation}`));
    assert.deepEqual(found, []);
    assert.deepEqual(window.complaints, []);
    await window.close();
  });
}

test('a name that somebody gave themselves stands in quotes, the one that we gave them does not', async () => {
  await alice.call('message.send', { to: group, text: 'Who am I?' });
  const page = await openPage(browser, bob, `#/group/${group}`);
  await page.locator('.author', { hasText: /^"Alice"$/ }).first().waitFor();
  await bob.call('pair.rename', { contact: alice.account, alias: 'Ada' });
  await eventually('the list has our name', async () => (await rows(page)).includes('Ada'));
  await page.close();
});
