/** Text of events, drawn so that nobody mistakes it: what is invisible or turns the direction is a boxed mark. */
import { html } from './vendor/preact.js';
import { W } from './words.js';
import { Time, count, split } from './fmt.js';

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

/** The time of an event: in the zone in use, or as it is where it is no time that is read here. */
export const EventTime = ({ value }) => (split(value) ? html`<${Time} value=${value}/>` : html`<span class="time"><${Marked} text=${value} cap=${80}/></span>`);

/** Marks of one text at most: 65,536 of them would hold up the page for a minute. */
const MARKS = 4000;

/**
 * Draws text of an event. `tag`: also flags mixed scripts. `lines`: line breaks and tabs are kept as they are. A run of the
 * same odd character is one mark with its number.
 */
export function Marked({ text, tag, lines, cap = 65536 }) {
  const all = String(text ?? '');
  const t = all.length > cap ? all.slice(0, cap) : all;
  const out = [];
  let from = 0, marks = 0, last = null, left = 0;
  for (const m of t.matchAll(ODD)) {
    if (lines && (m[0] === '\n' || m[0] === '\t')) continue;
    if (last?.c === m[0] && m.index === from) { last.n += 1; from += m[0].length; continue; }
    if (marks === MARKS) { left = all.length - m.index; out.push(t.slice(from, m.index)); break; }
    if (m.index > from) out.push(t.slice(from, m.index));
    last = { c: m[0], n: 1 };
    out.push(last);
    marks += 1;
    from = m.index + m[0].length;
  }
  if (!left && from < t.length) out.push(t.slice(from));
  return html`<bdi>${out.map((o) => (o.c ? html`<span class="mk">${code(o.c)}${o.n > 1 && ` ×${count(o.n)}`}</span>` : o))}</bdi>${left ? ` … ${W.common.notDrawn(left)}` : all.length > cap && '…'}${tag && mixed(t) && html` <span class="tag warn">${W.common.mixed}</span>`}`;
}
