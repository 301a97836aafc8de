// A button that copies a text.

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { say } from './notices.js';

/** `source` is the element whose text or value is copied; it is selected where copying is not possible. */
export function copyButton(source, what) {
  const idle = () => [icon('copy'), `Copy ${what}`];
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      fill(button, icon('tick'), 'Copied');
      say('Copied');
      setTimeout(() => fill(button, ...idle()), 2_000);
    } catch {
      source.focus();
      source.select?.();
      say('Press Control and C to copy');
    }
  };
  const button = h('button', { type: 'button', on: { click: copy } }, ...idle());
  return button;
}
