// The start: a browser that is signed in goes to work, another one is told how to sign in.

import { Follower } from './follow.js';
import { Connection } from './rpc.js';
import { Store } from './store.js';
import { forgetSession, sessionKey, signIn, takeFromAddress } from './session.js';
import { showApp } from './views/app.js';
import { showLocked } from './views/locked.js';
import { showNodeLocked } from './views/nodelocked.js';

const root = document.getElementById('app');
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('main')?.focus();
});

start(takeFromAddress());
// A fresh address pasted over this one changes nothing but the fragment.
window.addEventListener('hashchange', () => {
  const given = takeFromAddress();
  if (given) start(given).then(() => location.reload());
});

async function start(given) {
  try {
    // An address that was used before, as in a bookmark or a history, does no harm to a browser that is signed in.
    if (given && !(await signIn(given)) && !sessionKey()) return showLocked(root, 'denied');
  } catch {
    if (!sessionKey()) return showLocked(root, 'away');
  }
  if (sessionKey()) begin(sessionKey());
  else showLocked(root, 'missing');
}

function begin(key) {
  const rpc = new Connection(key);
  const store = new Store();
  new Follower(rpc, store);
  rpc.addEventListener('denied', () => {
    forgetSession();
    showLocked(root, 'ended');
  });
  store.addEventListener('connection', () => {
    if (store.connection.state === 'locked') showNodeLocked(root, rpc);
  });
  showApp(root, { rpc, store });
  rpc.connect();
}
