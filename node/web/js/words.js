// What things are called, for people.

/**
 * What we call a contact: our name for them, else in quotes the one they gave themselves, as anybody can, else the start of their
 * id. So nobody passes for a contact by calling themselves like one.
 */
export function nameOf(contact) {
  return contact.alias || claimed(contact.name) || shortId(contact.contact);
}

/** The author of a message, in the same way. */
export function authorOf({ author, author_alias: alias, author_name: name }) {
  return alias || (isShortId(name, author) ? null : claimed(name)) || shortId(author);
}

/** Who invited us to a group, in the same way; nothing if nobody did. */
export function inviterOf({ by, by_alias: alias, by_name: name }) {
  return by && authorOf({ author: by, author_alias: alias, author_name: name });
}

/** A name that somebody gave themselves. */
function claimed(name) {
  return name ? `"${name.replaceAll('"', "'")}"` : null;
}

/** Of an account without a name the node tells the start of its id. */
function isShortId(name, id) {
  return name && id.startsWith(name.replace(/…$/, ''));
}

/** The start of an account id, by which people decide: after `cv1` thirteen characters of five bits each. */
export function shortId(id) {
  return `${id.slice(0, 16)}…`;
}

// Joiners and variation selectors are left to emoji, which need them; between letters they hide.
const HIDDEN = /(?<![^\x00-\x7f\p{L}\p{N}\s])[\ufe0f\u200d]|[\p{Cc}\u2028\u2029\u034f\u115f\u1160\u2800\u3164\uffa0\u{e0100}-\u{e01ef}]|(?![\ufe0f\u200d])[\p{Cf}\ufe00-\ufe0e]/gu;

/** A name that somebody else chose, with a mark for each character that cannot be seen or that reorders the others. */
export function visible(text) {
  return String(text).replace(HIDDEN, '\ufffd');
}

/** Where consent stands, in a sentence about them. */
export function stateText(contact) {
  if (contact.contested) return 'Contested: compare safety numbers in person';
  switch (contact.state) {
    case 'invited':
      if (contact.recovered_at) return 'Recovered their account; asked to pair again';
      return contact.kept_until ? 'Waiting for their answer; a keeper of theirs has the invite' : 'Waiting for their answer';
    case 'pending':
      return 'Waiting for your answer';
    case 'paired':
      if (contact.confirmed) return 'Paired';
      return contact.kept_until ? 'Paired; a keeper of theirs has your answer' : 'Paired; they do not know yet';
    case 'declined':
      return 'You declined their invite';
    case 'refused':
      return 'They declined your invite';
    case 'expired':
      return 'The invite expired';
    case 'cancelled':
      return 'The invite was cancelled';
    case 'blocked':
      return 'Blocked';
    case 'removed':
      return 'No longer paired';
    case 'stranger':
      return contact.remembered ? 'On your list of contacts from before the recovery' : 'Not a contact';
    default:
      return contact.state;
  }
}

/** Until when a keeper of somebody who is away has what we asked them. */
export function keptText(until) {
  return `A keeper of theirs has it until ${full(until)}: they get it though your node is off by then.`;
}

/** Where a message waits for somebody who is away, and how long. */
export function keptBy({ keepers, until }) {
  return `kept for them by ${count(keepers, 'keeper')} until ${full(until)}`;
}

/** How far a message has come: what is said, and the icon that shows it. */
export function deliveryText(state) {
  switch (state) {
    case 'queued':
      return { icon: 'clock', text: 'Waiting to be delivered' };
    case 'kept':
      return { icon: 'sent', text: 'Kept for them until they are back' };
    case 'delivered':
      return { icon: 'delivered', text: 'Delivered' };
    case 'read':
      return { icon: 'delivered', text: 'Read' };
    case 'expired':
      return { icon: 'warning', text: 'Expired before it was delivered' };
    case 'failed':
      return { icon: 'warning', text: 'Not delivered' };
    default:
      return { icon: 'sent', text: state };
  }
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const DATE = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const LONG_DATE = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const DAY = 86_400_000;

/** Hour and minute. */
export function clock(time) {
  return CLOCK.format(new Date(time));
}

/** As short as it can be: the hour today, else the weekday, else the date. */
export function brief(time) {
  const date = new Date(time);
  if (dayOf(time) === dayOf(Date.now())) return CLOCK.format(date);
  return Date.now() - date < 6 * DAY ? WEEKDAY.format(date) : DATE.format(date);
}

/** Everything. */
export function full(time) {
  return FULL.format(new Date(time));
}

/** A day, the same for all of its moments. */
export function dayOf(time) {
  return new Date(time).toDateString();
}

/** The heading of a day. */
export function dayText(time) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(time).setHours(0, 0, 0, 0)) / DAY);
  if (days > 1 || days < 0) return LONG_DATE.format(new Date(time));
  const text = AGO.format(-days, 'day');
  return text[0].toLocaleUpperCase() + text.slice(1);
}

/** "in 13 days", "5 minutes ago". */
export function relative(time) {
  const seconds = (new Date(time) - Date.now()) / 1_000;
  for (const [unit, length] of [['day', 86_400], ['hour', 3_600], ['minute', 60]]) {
    if (Math.abs(seconds) >= length) return AGO.format(Math.round(seconds / length), unit);
  }
  return seconds > 0 ? 'in a moment' : 'just now';
}

const ENCODER = new TextEncoder();

/** Length in bytes, as the node counts. */
export function byteLength(text) {
  return ENCODER.encode(text).length;
}

/** "1 message", "2 messages". */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Seconds as people say them: how long something will take. */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
