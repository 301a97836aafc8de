// What was begun and not sent, for each conversation. It is kept with the tab, so that it outlives a reload, a new sign-in
// and a restart of the node, and is gone when the tab is closed: unlike what the node keeps, it is not encrypted.

const PREFIX = 'covey.draft.';

/** What does not fit into the storage of the tab stays until the page is left. */
const overflow = new Map();

export function draftOf(conversation) {
  return overflow.get(conversation) ?? sessionStorage.getItem(PREFIX + conversation) ?? '';
}

export function keepDraft(conversation, text) {
  overflow.delete(conversation);
  try {
    if (text === '') sessionStorage.removeItem(PREFIX + conversation);
    else sessionStorage.setItem(PREFIX + conversation, text);
  } catch {
    overflow.set(conversation, text);
  }
}
