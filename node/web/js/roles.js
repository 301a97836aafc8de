// Roles in a group, and what they may do.

const RANK = { reader: 0, member: 1, admin: 2, owner: 3 };

/** For sorting: the greater the role, the greater the number. */
export function rank(role) {
  return RANK[role] ?? -1;
}

/** May we do that in the group? Its policy says who may `invite`, `rename` and `write`; all else takes an admin. */
export function may(group, what) {
  if (group.state !== 'joined') return false;
  const least = ['invite', 'rename', 'write'].includes(what) ? group.policy[what] : 'admin';
  return rank(group.role) >= rank(least);
}

/** May we do something about a member: give them another role, remove or ban them? Nobody may to the owner. */
export function mayAbout(group, member) {
  return !member.own && member.role !== 'owner' && may(group, 'remove');
}

/** The roles we may give a member, greatest first; none if theirs is not ours to change. Only the owner makes admins. */
export function rolesFor(group, member) {
  if (!mayAbout(group, member)) return [];
  const lesser = ['member', 'reader'];
  return group.role === 'owner' || member.role === 'admin' ? ['admin', ...lesser] : lesser;
}

/** How we stand to a group, in a sentence. */
export function groupText(group) {
  switch (group.state) {
    case 'invited':
      return 'Waiting for your answer';
    case 'requested':
      return 'You asked to join';
    case 'joined':
      return `${group.members} ${group.members === 1 ? 'member' : 'members'}`;
    case 'left':
      return 'You left';
    case 'removed':
      return 'You were removed';
    case 'declined':
      return 'You declined';
    default:
      return group.state;
  }
}

/** The name of a group, or the start of its id. */
export function groupName(group) {
  return group.name || `Group ${group.group.slice(0, 8)}`;
}

/** A member in the shape of a contact, for what shows people. */
export function asContact(member) {
  const { account: contact, alias, name, online } = member;
  return { contact, alias, name, online, state: 'paired' };
}
