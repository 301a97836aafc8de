// Where we are, in the fragment, so that the browser's Back button works: `#/`, `#/chat/cv1…`, `#/invite`, `#/devices`, `#/keepers`, `#/node`, and for groups
// `#/groups`, `#/group/ID`, `#/members/ID`.

/** {page, id}; an unknown address is the start. */
export function route() {
  const [page = '', id = ''] = location.hash.replace(/^#\/?/, '').split('/');
  return ['chat', 'invite', 'devices', 'keepers', 'node', 'groups', 'group', 'members'].includes(page) ? { page, id } : { page: '', id: '' };
}

export function onRoute(action) {
  window.addEventListener('hashchange', action);
}

export function chatLink(contact) {
  return `#/chat/${contact}`;
}

export function groupLink(group) {
  return `#/group/${group}`;
}

export function membersLink(group) {
  return `#/members/${group}`;
}
