// The start: with a token the page goes to work, without one it says where to find it.

import { Follower } from './follow.js';
import { Connection } from './rpc.js';
import { Store } from './store.js';
import { dropToken, takeToken } from './token.js';
import { showApp } from './views/app.js';
import { showLocked } from './views/locked.js';

const root = document.getElementById('app');
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  document.getElementById('main')?.focus();
});

const token = takeToken();
// A fresh address pasted over this one changes nothing but the fragment.
window.addEventListener('hashchange', () => {
  if (location.hash.includes('token=') && takeToken()) location.reload();
});
if (token) begin(token);
else showLocked(root, 'missing');

function begin(token) {
  const rpc = new Connection(token);
  const store = new Store();
  new Follower(rpc, store);
  rpc.addEventListener('denied', () => {
    dropToken();
    showLocked(root, 'denied');
  });
  showApp(root, { rpc, store });
  rpc.connect();
}
