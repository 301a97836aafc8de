// Somebody else may have the keys or the words of our account: said at the side, with what to do about it on the page of the devices.

import { confirm } from '../dialogs.js';
import { batched, busy, fill, h, name } from '../dom.js';
import { icon } from '../icons.js';
import { notice, say } from '../notices.js';
import { full, relative, shortId } from '../words.js';

const KEYS = {
  title: 'Somebody may have the keys of your account',
  what: 'has a list of your devices that this node did not write',
  advice: ['Bring the account back with its 24 words, on a clean machine:', 'covey account recover'],
};
const KEPT = {
  title: 'Your account was recovered, and this device is to stay',
  what: 'says that your account was brought back with its 24 words on another machine, which keeps this device',
  advice: ['If that was you, type the 16 digits that the other machine showed. If it was not you, somebody has your words.', null],
};
const ALARMS = {
  longer: KEYS,
  other: KEYS,
  revoked: {
    title: 'This device was revoked',
    what: 'says that another device of your account put this one out',
    advice: ['If that was not you, bring the account back with its 24 words, on a clean machine:', 'covey account recover'],
  },
  kept: KEPT,
  recovered: {
    title: 'Your account was recovered without this device',
    what: 'says that your account was brought back with its 24 words',
    advice: ['If that was you, this device is no part of it any more. If it was not you, somebody has your words.', null],
  },
};

/** At the side: one sentence, and the way on. */
export function alarmPanel({ store }) {
  const title = h('h2', {});
  const panel = h('section', { class: 'alarm', 'aria-label': 'Alarm', hidden: true }, title, h('p', {}, h('a', { href: '#/devices' }, 'What to do')));
  const show = () => {
    const alarm = ALARMS[store.condition?.second_history?.what];
    if (alarm && panel.hidden) say(alarm.title);
    panel.hidden = !alarm;
    if (alarm) fill(title, icon('warning'), alarm.title);
  };
  store.addEventListener('condition', batched(show));
  show();
  return panel;
}

/** On the page of the devices: who says what, since when, and what can be done. */
export function alarmPart({ rpc, store }, signal) {
  const part = h('div', {});
  const show = () => {
    const { second_history: history, objected, accepted } = store.condition ?? {};
    const alarm = ALARMS[history?.what];
    fill(part, alarm && card({ rpc, store }, alarm, history, { objected, accepted }));
  };
  store.addEventListener('condition', batched(show), { signal });
  show();
  return part;
}

/** The recovery is ours: the digits that the other machine showed. */
function acceptForm({ rpc, store }) {
  const digits = h('input', { type: 'text', class: 'six sixteen', inputmode: 'numeric', autocomplete: 'off', required: true, maxlength: '24', placeholder: '0000 0000 0000 0000' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const button = h('button', { class: 'primary' }, 'Accept');
  const submit = (event) => {
    event.preventDefault();
    fill(problem);
    const accept = async () => {
      store.setCondition(await rpc.change('account.accept', { digits: digits.value }));
      notice('Accepted. The new keys come from the other machine.');
    };
    busy(button, accept, (error) => fill(problem, error.message));
  };
  return h('form', { class: 'stack', on: { submit } }, h('label', {}, 'The 16 digits on the other machine', digits), problem, h('p', {}, button));
}

function card({ rpc, store }, { title, what, advice: [advice, command] }, history, { objected, accepted }) {
  const isOwn = history.contact === store.account?.account;
  const who = isOwn ? 'Another device of yours' : name(history.alias || shortId(history.contact));
  const isKept = history.what === 'kept';
  const mayObject = isKept || history.what === 'recovered';
  const object = () =>
    confirm({
      title: 'Object to the recovery?',
      text: 'Your contacts freeze the account until they have compared safety numbers with you. Do this only if somebody else used your words.',
      verb: 'Object',
      action: () => rpc.change('account.contest').then(() => notice('Your contacts are told.')),
    });
  return h(
    'section',
    { class: 'card alarm', 'aria-labelledby': 'alarm-card' },
    h('h3', { id: 'alarm-card' }, icon('warning'), title),
    h('p', {}, who, ` ${what} `, h('time', { datetime: history.at, title: full(history.at) }, `(${relative(history.at)})`), '.'),
    h('p', {}, isKept && accepted ? 'You have accepted it. The new keys come when both machines are connected.' : advice),
    isKept && !objected && !accepted && acceptForm({ rpc, store }),
    command && h('pre', { tabindex: '0' }, command),
    mayObject && objected && h('p', { class: 'hint' }, 'You have objected. Your contacts freeze the account until you have compared safety numbers.'),
    mayObject && !objected && h('p', {}, h('button', { type: 'button', class: 'danger', on: { click: object } }, 'It was not me: object…')),
  );
}
