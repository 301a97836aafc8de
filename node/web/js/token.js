// The operator's token: it comes in the fragment of the address that the daemon prints, which browsers send to nobody,
// stays in this tab's sessionStorage, and leaves the address at once so that it is not bookmarked or shown.

const KEY = 'covey.token';
const SHAPE = /^[0-9a-f]{64}$/;

/** Takes the token out of the address, if there is one, and answers what this tab has. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    history.replaceState(null, '', location.pathname);
    useToken(given);
  }
  return currentToken();
}

/** The token of this tab, or null. */
export function currentToken() {
  return sessionStorage.getItem(KEY);
}

/** Keeps `text` as the token if it looks like one: the token itself, or the whole address with it. */
export function useToken(text) {
  const token = text.trim().replace(/^.*#token=/, '').toLowerCase();
  if (!SHAPE.test(token)) return false;
  sessionStorage.setItem(KEY, token);
  return true;
}

/** Forgets it: the daemon does not know it (any more). */
export function dropToken() {
  sessionStorage.removeItem(KEY);
}
