/** The console's own icons: 16 px, stroke 1.5, `currentColor`. Always with a word beside it, or `aria-label` on its button. */
import { html } from './vendor/preact.js';

const D = new Map(Object.entries({
  overview: 'M2.5 13.5h11M4.5 13.5V8.5M8 13.5V2.5M11.5 13.5V6',
  explore: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.3 10.3l3.7 3.7',
  sessions: 'M8 2.5v7M5 7l3 3 3-3M2.5 11v2.5h11V11',
  verify: 'M8 1.8 3 3.6v4c0 3.2 2.1 5.4 5 6.6 2.9-1.2 5-3.4 5-6.6v-4zM5.8 8l1.6 1.7 3-3.3',
  shieldx: 'M8 1.8 3 3.6v4c0 3.2 2.1 5.4 5 6.6 2.9-1.2 5-3.4 5-6.6v-4zM6.3 6.2l3.4 3.4M9.7 6.2 6.3 9.6',
  retention: 'M4 2h8M4 14h8M5 2v2.2c0 1.5 3 2.6 3 3.8s-3 2.3-3 3.8V14M11 2v2.2c0 1.5-3 2.6-3 3.8s3 2.3 3 3.8V14',
  people: 'M6 8a2.7 2.7 0 1 0 0-5.4A2.7 2.7 0 0 0 6 8zM1.8 13.5c.3-2.2 2-3.5 4.2-3.5 1.2 0 2.2.4 3 1M11.5 9.2a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM11.5 9.2v4.8M11.5 12h1.6',
  live: 'M1.5 8.5h2.7l2-5 3.3 9 2-4h3',
  check: 'M3 8.5 6.3 12 13 4.5',
  fail: 'M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4zM6 6l4 4M10 6l-4 4',
  warn: 'M8 2.2 14.4 13.5H1.6zM8 6.5v3M8 11.5v.2',
  info: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 7.5v3.7M8 5v.2',
  pending: 'M8 14.2A6.2 6.2 0 1 0 8 1.8a6.2 6.2 0 0 0 0 12.4zM8 4.5V8l2.3 1.6',
  disk: 'M4 3h8l2 5.5v4H2v-4zM2 8.7h12M11.3 10.7h.4',
  seal: 'M8 9.8a3.9 3.9 0 1 0 0-7.8 3.9 3.9 0 0 0 0 7.8zM5.7 9.2 4.8 14 8 12.3l3.2 1.7-.9-4.8M8 5v1.8',
  hold: 'M3.5 7.2h9v6.3h-9zM5.4 7.2V5a2.6 2.6 0 0 1 5.2 0v2.2M8 9.8v1.2',
  release: 'M3.5 7.2h9v6.3h-9zM5.4 7.2V4.6a2.6 2.6 0 0 1 5-.9M8 9.8v1.2',
  trash: 'M2.8 4h10.4M6 4V2.3h4V4M4.2 4l.6 9.7h6.4l.6-9.7M6.7 6.7v4.5M9.3 6.7v4.5',
  key: 'M5.2 13.2a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM7.2 8.6 13.5 2.5M10.8 5.2l2 2',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  link: 'M6.7 9.3a2.8 2.8 0 0 0 4 0l2-2a2.8 2.8 0 0 0-4-4l-.9.9M9.3 6.7a2.8 2.8 0 0 0-4 0l-2 2a2.8 2.8 0 0 0 4 4l.9-.9',
  term: 'M1.8 2.8h12.4v10.4H1.8zM4.3 6l2 1.9-2 1.9M8 10.3h3.4',
  file: 'M3.8 1.8h5l3.4 3.4v9H3.8zM8.6 1.8v3.6h3.6',
  retry: 'M13.3 8A5.3 5.3 0 1 1 11.5 4M13.3 2v3.2h-3.2',
  pause: 'M5.5 3v10M10.5 3v10',
  play: 'M4.8 2.8v10.4L13 8z',
  plus: 'M8 3v10M3 8h10', minus: 'M3 8h10', x: 'M3.8 3.8l8.4 8.4M12.2 3.8l-8.4 8.4',
  up: 'M3.8 10 8 5.8l4.2 4.2', down: 'M3.8 6 8 10.2 12.2 6', left: 'M10 3.8 5.8 8l4.2 4.2', right: 'M6 3.8 10.2 8 6 12.2',
  more: 'M3.2 8h.1M8 8h.1M12.8 8h.1',
  cal: 'M2 3.5h12v10.2H2zM2 6.8h12M5.2 1.8v3M10.8 1.8v3',
  scope: 'M2 2.3h4.4v3.5H2zM9.6 10.2H14v3.5H9.6zM4.2 5.8V12h5.4',
  user: 'M8 8a2.9 2.9 0 1 0 0-5.8A2.9 2.9 0 0 0 8 8zM2.8 14c.4-2.5 2.5-3.8 5.2-3.8s4.8 1.3 5.2 3.8',
  cols: 'M2 2.8h12v10.4H2zM6 2.8v10.4M10 2.8v10.4',
  filter: 'M2 4h12M4.3 8h7.4M6.5 12h3',
  eye: 'M1.5 8S4 3.7 8 3.7 14.5 8 14.5 8 12 12.3 8 12.3 1.5 8 1.5 8zM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  out: 'M9.5 5V2.5h-7v11h7V11M6 8h8M11.5 5.3 14.2 8l-2.7 2.7',
}));

/** Draws an icon; `size` 16 or 12 (then with stroke 2). */
export function Icon({ name, size = 16 }) {
  return html`<svg width=${size} height=${size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width=${size < 14 ? 2 : 1.5}
    stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false"><path d=${D.get(name) ?? ''}/></svg>`;
}

/** The mark: two tally strokes and a tick, with the word drawn beside it. */
export function Mark({ word, size = 16 }) {
  return html`<svg height=${size} viewBox=${word ? '0 0 72 16' : '0 0 16 16'} width=${word ? size * 4.5 : size} fill="none" stroke="currentColor"
    stroke-width="2" stroke-linecap="round" stroke-linejoin="round" role="img" aria-label="atrail">
    <path d="M1.5 3v10M5 3v10"/><path class="tick" d="M8 9l2.6 4L15.4 3"/>
    ${word && html`<path stroke-width="1.6" d="M31 6.4v6.4M31 9.6a3.2 3.2 0 1 1-6.4 0 3.2 3.2 0 0 1 6.4 0M35.4 3v7.6c0 1.5.8 2.2 2.4 2.1M33.6 6.4h4.2M41 12.8V6.4M41 9.4c.2-2 1.500-3.100 3.400-3M53 6.400v6.400M53 9.600a3.200 3.200 0 1 1-6.400 0 3.200 3.200 0 0 1 6.400 0M57.500 6.400v6.400M57.500 3v.1M62 2.600v10.200"/>`}
  </svg>`;
}
