// How this browser is let in. `covey web` prints an address with a code in its fragment, which browsers send to nobody. The
// page exchanges the code, once, for a cookie that no script can read and for a key that it keeps in the storage of its own
// origin; the node takes the one only with the other. Both outlive restarts of the node and of the browser.

const KEY = 'covey.session';
const CODE = /^[0-9a-f]{64}$/;

/** The key of this browser, or null if it is not signed in. */
export function sessionKey() {
  return localStorage.getItem(KEY);
}

/** Takes what signs in out of the address, if there is something: {code} or {token}, else null. */
export function takeFromAddress() {
  const found = signInOf(location.hash);
  if (location.hash.includes('code=') || location.hash.includes('token=')) history.replaceState(null, '', location.pathname);
  return found;
}

/** What signs in, in an address or typed by itself: {code} or {token} (the content of rpc.cookie), or null. */
export function signInOf(text) {
  const [, kind, value] = /^(?:.*#(code|token)=)?([^#=&]*)$/.exec(text.trim()) ?? [];
  const secret = (value ?? '').toLowerCase();
  if (!CODE.test(secret)) return null;
  return kind === 'code' ? { code: secret } : { token: secret };
}

/** Signs in, and answers whether it worked. Throws if the node does not answer. */
export async function signIn({ code, token }) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch('/session', { method: 'POST', headers, body: JSON.stringify(code ? { code } : {}) });
  if (!answer.ok) return false;
  localStorage.setItem(KEY, (await answer.json()).key);
  return true;
}

/** Signs this browser out. */
export async function signOut() {
  const headers = { 'X-Covey-Session': sessionKey() ?? '' };
  localStorage.removeItem(KEY);
  await fetch('/session', { method: 'DELETE', headers });
}

/** Forgets the key: the node does not take it any more. */
export function forgetSession() {
  localStorage.removeItem(KEY);
}
