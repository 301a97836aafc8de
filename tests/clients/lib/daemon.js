// Daemons to test against: real processes in temporary directories, spoken to by their own JSON-RPC.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const BINARY = process.env.TEST_COVEY;
/** Bounds how long a failure takes, in milliseconds; nothing waits for it otherwise. */
export const PATIENCE = 60_000;
const LOOK_AGAIN = 50;
const LAST_LINES = 30;

/** Asks again until `condition` answers something true, and answers that. */
export async function eventually(what, condition) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

/** JSON-RPC refused. */
class Refusal extends Error {}

export class Daemon {
  #base = mkdtempSync(join(tmpdir(), 'covey-client-'));
  #child = null;
  #log = [];
  #port = 0;

  /** A fresh node called `name`, running and ready. */
  static async start(name, ...args) {
    const daemon = Daemon.prepare(name, ...args);
    await daemon.resume();
    await daemon.call('account.rename', { name });
    daemon.account = (await daemon.call('account.show')).account;
    return daemon;
  }

  /** A directory in which nothing has been started yet. */
  static prepare(name, ...args) {
    const daemon = new Daemon();
    daemon.name = name;
    daemon.args = args;
    return daemon;
  }

  get data() {
    return join(this.#base, 'data');
  }

  /** Starts it (again), on the port that it had before. */
  async resume() {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COVEY_')));
    const listen = ['--listen', '/ip4/127.0.0.1/tcp/0', '--rpc-listen', `127.0.0.1:${this.#port}`];
    const child = spawn(BINARY, ['--data-dir', this.data, 'daemon', '--no-mdns', '--no-upnp', ...listen, ...this.args], {
      env: { ...env, HOME: this.#base },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    createInterface(child.stderr).on('line', (line) => (this.#log = [...this.#log.slice(1 - LAST_LINES), line]));
    await new Promise((resolve, reject) => {
      const failed = (why) => {
        clearTimeout(timer);
        reject(new Error(`${this.name} ${why}\n${this.#log.join('\n')}`));
      };
      const timer = setTimeout(() => failed('did not get ready'), PATIENCE);
      child.on('error', (error) => failed(error.message));
      child.on('exit', (code) => failed(`ended with ${code}`));
      createInterface(child.stdout).on('line', (line) => {
        if (!line.startsWith('ready ')) return;
        clearTimeout(timer);
        resolve();
      });
    });
    this.#port = Number(new URL(this.#rpc.url).port);
  }

  get #rpc() {
    return JSON.parse(readFileSync(join(this.data, 'rpc.json'), 'utf8'));
  }

  /** Where the page is, without a token. */
  get origin() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The operator's token, of this start. */
  get token() {
    return readFileSync(join(this.data, 'rpc.cookie'), 'utf8').trim();
  }

  /** Stops it and waits for its end: SIGTERM is a clean stop, SIGKILL none. */
  async stop(signal = 'SIGTERM') {
    const child = this.#child;
    if (!child) return;
    this.#child = null;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.removeAllListeners('exit');
    child.kill(signal);
    await ended;
  }

  /** Waits until its process has ended by itself, and answers its exit code. */
  async ended() {
    const child = this.#child;
    child.removeAllListeners('exit');
    this.#child = null;
    return child.exitCode ?? (await new Promise((resolve) => child.once('close', resolve)));
  }

  /** Waits to be linked; what it tells on the way is given to `told`. Answers its exit code. */
  async waitForLink(told) {
    const args = ['--json', 'init', '--link', '--name', this.name, '--listen', '/ip4/127.0.0.1/tcp/0'];
    const env = { PATH: process.env.PATH, HOME: this.#base, COVEY_NETWORK__MDNS: 'false', COVEY_NETWORK__UPNP: 'false' };
    const child = spawn(BINARY, ['--data-dir', this.data, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child = child;
    createInterface(child.stdout).on('line', (line) => told(JSON.parse(line)));
    const code = await new Promise((resolve) => child.once('close', resolve));
    this.#child = null;
    return code;
  }

  /** Stops it for good. */
  async remove() {
    await this.stop('SIGKILL');
    rmSync(this.#base, { recursive: true, force: true });
  }

  /** Calls a method. */
  async call(method, params = {}) {
    const answer = await fetch(`${this.origin}/rpc`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = await answer.json();
    if (error) throw new Refusal(`${this.name}: ${method}: ${error.message}`);
    return result;
  }

  /** Runs the command line of this node, and answers what it printed. */
  async cli(...args) {
    const child = spawn(BINARY, ['--data-dir', this.data, ...args], { env: { PATH: process.env.PATH, HOME: this.#base } });
    let printed = '';
    child.stdout.on('data', (data) => (printed += data));
    child.stderr.on('data', (data) => (printed += data));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, printed };
  }
}

/** Pairs two nodes. */
export async function befriend(one, other) {
  const { ticket } = await other.call('account.ticket');
  await one.call('pair.invite', { to: ticket });
  await eventually('the invite arrives', async () => (await other.call('pair.list')).some(({ state }) => state === 'pending'));
  await other.call('pair.accept', { contact: one.account });
  await eventually('both are paired', async () => (await one.call('pair.list')).some(({ state, confirmed, channel }) => state === 'paired' && confirmed && channel));
  return (await one.call('pair.show', { contact: other.account })).channel;
}

/** Sends texts in order, and waits until the other side has them all. */
export async function send(from, to, texts) {
  for (const text of texts) await from.call('message.send', { to: to.account, text });
  const last = texts.at(-1);
  await eventually('the texts arrive', async () => {
    const [newest] = await to.call('message.list', { channel: from.account, limit: 1 });
    return newest?.text === last;
  });
}
