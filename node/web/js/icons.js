// The few pictures, drawn with lines in the colour of the text. All are hidden from screen readers: what they mean is
// said in words beside them.

const SVG = 'http://www.w3.org/2000/svg';

const SHAPES = {
  lock: ['M6 9V6.5a4 4 0 0 1 8 0V9', 'M4.5 9h11v8h-11z'],
  tick: ['M4 10.5l4 4 8-9'],
  clock: ['M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14z', 'M10 6.5V10l2.5 2'],
  sent: ['M4 10.5l3.5 3.5L15 6'],
  delivered: ['M1.5 10.5L5 14l7.5-8', 'M8.5 13l1 1L17 6'],
  warning: ['M10 3l7.5 13.5h-15z', 'M10 8v4', 'M10 14v.6'],
  cross: ['M5 5l10 10', 'M15 5L5 15'],
  copy: ['M7 7h9v10H7z', 'M4 13V3h9'],
  back: ['M12.5 4l-6 6 6 6'],
  more: ['M4.5 10h.6', 'M9.7 10h.6', 'M14.9 10h.6'],
  send: ['M3 10l14-6.5L11.5 17 9.5 11z', 'M9.5 11L17 3.5'],
  invite: ['M8 10a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 8 10z', 'M2 17c.4-3.2 2.8-5 6-5 1.6 0 3 .4 4 1.2', 'M15 11v6', 'M12 14h6'],
  devices: ['M2.5 4h12v8h-12z', 'M1 15h9', 'M13 9.5h5V17h-5z'],
  health: ['M2 10.5h4l2-5 3.5 9 2-4H18'],
  mail: ['M2.5 5h15v10.5h-15z', 'M2.5 5.5l7.5 6 7.5-6'],
  up: ['M10 16V5', 'M5 9.5l5-5 5 5'],
  down: ['M10 4v11', 'M5 10.5l5 5 5-5'],
  shield: ['M10 2.5l6.5 2.5v4.5c0 4-2.7 6.8-6.5 8-3.8-1.2-6.5-4-6.5-8V5z', 'M7 10l2.2 2.2L13.2 8'],
};

export function icon(name, extra = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', `icon icon-${name} ${extra}`.trim());
  svg.setAttribute('aria-hidden', 'true');
  for (const d of SHAPES[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
