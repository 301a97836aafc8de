// What can be done about where consent stands with somebody.

const ACTIONS = {
  invited: ['Cancel', 'pair.cancel'],
  declined: ['Forget', 'pair.forget'],
  refused: ['Forget', 'pair.forget'],
  expired: ['Forget', 'pair.forget'],
  cancelled: ['Forget', 'pair.forget'],
  removed: ['Forget', 'pair.forget'],
  blocked: ['Unblock', 'pair.unblock'],
};

/** [verb, method], or nothing where there is no single way on. */
export function actionFor(contact) {
  if (contact.remembered && contact.state === 'stranger') return ['Forget', 'pair.forget'];
  return ACTIONS[contact.state] ?? [];
}

/** What the action means, where its name does not say it. */
export function actionHint(contact) {
  switch (contact.state) {
    case 'invited':
      return 'You can write to them once they accept.';
    case 'stranger':
      return 'Their node asks to pair again by itself. If you do not want that, choose Forget.';
    case 'declined':
      return 'They cannot invite you again until you choose Forget.';
    case 'blocked':
      return 'Nothing is taken from them or sent to them. They are not told. What they write waits until you unblock them.';
    default:
      return 'After Forget, both of you can invite again.';
  }
}
