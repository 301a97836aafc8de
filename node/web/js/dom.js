// Building elements. Text always becomes text nodes: whatever people write is never read as markup.

import { visible } from './words.js';

/**
 * An element. `props`: `class`, `on` ({event: handler}), `data` ({name: value}), properties such as `value`, and
 * attributes; what is null or false is left out. Children are nodes or texts; null and false are left out.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'class') element.className = value;
    else if (name === 'on') for (const [type, handler] of Object.entries(value)) element.addEventListener(type, handler);
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'value' || name === 'htmlFor') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...present(children));
  return element;
}

/** Replaces what is in an element. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

function present(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

/** Text for screen readers only. */
export function spoken(text) {
  return h('span', { class: 'quiet' }, text);
}

/** A name somebody chose, kept from disturbing the text around it. */
export function name(text) {
  return h('bdi', { class: 'name' }, typeof text === 'string' ? visible(text) : text);
}

/**
 * Makes the children of `parent` those of `items`, one each, in order. A child stays as long as its key does, so that
 * focus and half-typed texts survive; `update` is called for every child.
 */
export function keyed(parent, items, keyOf, create, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = old.get(key);
    if (child) old.delete(key);
    else {
      child = create(item);
      child.dataset.key = key;
    }
    update(child, item);
    if (child === next) next = next.nextElementSibling;
    else parent.insertBefore(child, next);
  }
  for (const child of old.values()) child.remove();
}

/** Many calls in a row become one, right after them. */
export function batched(action) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      action();
    });
  };
}

/** Runs `action` with the button switched off, and shows what went wrong through `failed`. */
export async function busy(button, action, failed) {
  if (button.getAttribute('aria-disabled') === 'true') return undefined;
  button.setAttribute('aria-disabled', 'true');
  try {
    return await action();
  } catch (error) {
    failed(error);
    return undefined;
  } finally {
    button.removeAttribute('aria-disabled');
  }
}
