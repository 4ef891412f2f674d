/** Text of events, drawn so that nobody mistakes it: what is invisible or turns the direction is a boxed mark. */
import { html } from './vendor/preact.js';
import { W } from './words.js';

const ODD = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\p{Cn}|\p{Co}|[\u{e0000}-\u{e0fff}]/gu;
const SCRIPTS = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u, /\p{Script=Cherokee}/u];
const WORDS = /[\p{L}\p{M}\p{N}]+/gu;

/** The name of a character as in the marks: `U+202E`. */
export const code = (c) => 'U+' + c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0');

/** Whether one word of the text has letters of scripts that look alike. */
export function mixed(text) {
  if (!/[^\u0000-\u007f]/.test(text)) return false;
  for (const [w] of text.matchAll(WORDS)) if (SCRIPTS.filter((s) => s.test(w)).length > 1) return true;
  return false;
}

/** The text with marks in the place of odd characters, as a string: what is copied as "shown". */
export const shown = (text) => text.replace(ODD, (c) => `[${code(c)}]`);
/** Whether the text has odd characters. */
export const isOdd = (text) => { ODD.lastIndex = 0; return ODD.test(text); };

/** Draws text of an event. `tag`: also flags mixed scripts. `lines`: line breaks and tabs are kept as they are. */
export function Marked({ text, tag, lines, cap = 65536 }) {
  const all = String(text ?? '');
  const t = all.length > cap ? all.slice(0, cap) : all;
  const out = [];
  let from = 0;
  for (const m of t.matchAll(ODD)) {
    if (lines && (m[0] === '\n' || m[0] === '\t')) continue;
    if (m.index > from) out.push(t.slice(from, m.index));
    out.push(html`<span class="mk">${code(m[0])}</span>`);
    from = m.index + m[0].length;
  }
  if (from < t.length) out.push(t.slice(from));
  return html`<bdi>${out}</bdi>${all.length > cap && '…'}${tag && mixed(t) && html` <span class="tag warn">${W.common.mixed}</span>`}`;
}
