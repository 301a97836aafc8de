// Invites at the side, whoever they are from: a panel with a card for each. A few stand open; many are folded and scroll by
// themselves, so that they do not push the conversations out of the window.

import { fill, h, keyed } from '../dom.js';

/** Up to this many invites stand open. */
const OPEN = 2;

/** `show` puts the invites in; for the rest see `keyed`. */
export function invitePanel(id, title, keyOf, create, update) {
  const number = h('span', { class: 'badge' });
  const list = h('ul', { class: 'pending-list' });
  const element = h('section', { class: 'pending', 'aria-labelledby': `${id}-title`, hidden: true }, h('h2', { id: `${id}-title` }, `${title} `, number), list);
  const show = (invites) => {
    const many = invites.length > OPEN;
    element.hidden = invites.length === 0;
    element.classList.toggle('many', many);
    fill(number, String(invites.length));
    keyed(list, invites, keyOf, create, (card, invite) => {
      if (card.wasMany !== many) card.firstElementChild.open = !many || card.contains(document.activeElement);
      card.wasMany = many;
      update(card, invite);
    });
  };
  return { element, show };
}

/** A card that can be folded: `who` stays to be seen, what comes after `about` does not. */
export function foldedCard() {
  const who = h('summary', { class: 'who' });
  const about = h('div', { class: 'about' });
  return { element: h('li', {}, h('details', {}, who, about)), who, about };
}
