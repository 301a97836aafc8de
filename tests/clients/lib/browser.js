// Debian's Chromium, with a fresh profile, that speaks to nobody but the node.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
const SILENT = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
const EXECUTABLE = '/usr/bin/chromium';

/** A window of a fresh profile. Whatever the page complains of is kept in `complaints`. */
export async function openBrowser(options = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'covey-profile-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: [...FLAGS, ...SILENT],
    viewport: { width: 1100, height: 700 },
    locale: 'en-GB',
    ...options,
  });
  context.setDefaultTimeout(20_000);
  const complaints = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  return {
    context,
    complaints,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** Opens the page of a node, signed in. */
export async function openPage({ context }, daemon, path = '') {
  const page = await context.newPage();
  await page.goto(`${daemon.origin}/#token=${daemon.token}`);
  await page.getByText('Connected to your node').waitFor();
  if (path) await page.evaluate((hash) => (location.hash = hash), path);
  return page;
}
