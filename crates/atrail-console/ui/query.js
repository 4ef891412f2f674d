/** The query as chips and as text. The grammar is the server's (docs/SEARCH.md); nothing here invents another one. */
import { html, useState, useRef, useEffect } from './vendor/preact.js';
import { Icon } from './icons.js';
import { Button } from './parts.js';
import { Marked } from './text.js';
import { W } from './words.js';
import { useKeys, wantsQuery } from './state.js';

const E = W.explore;
const CLOSE = new Map([['(', ')'], ['[', ']'], ['{', '}']]);

/** Cuts a query at its blanks outside quotation marks, brackets and regular expressions. */
function words(text) {
  const out = [];
  let at = 0, from = -1;
  const stack = [];
  while (at < text.length) {
    const c = text[at];
    if (/\s/.test(c) && !stack.length) { if (from >= 0) out.push(text.slice(from, at)); from = -1; at += 1; continue; }
    if (from < 0) from = at;
    if (c === '\\') { at += 2; continue; }
    if (c === '"') { at += 1; while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1; at += 1; continue; }
    if (c === '/' && text[at - 1] === ':') {
      const end = /^\/(?:[^\\/]|\\.)*\//.exec(text.slice(at));
      if (end) { at += end[0].length; continue; }
    }
    if (CLOSE.has(c) && (c === '(' || text[at - 1] === ':')) stack.push(c);
    else if (stack.length && /[)\]}]/.test(c)) stack.pop();
    at += 1;
  }
  if (from >= 0) out.push(text.slice(from));
  return out;
}

/** The conditions of a query that must all hold: `[{text, not, field, value}]`. One with `OR` outside parentheses is one condition. */
export function chips(text) {
  const all = words(text.trim());
  if (all.includes('OR')) return [{ text: text.trim(), not: false, field: null, value: text.trim() }];
  const out = [];
  let not = false;
  for (const w of all) {
    if (w === 'AND') continue;
    if (w === 'NOT') { not = !not; continue; }
    const minus = /^-./.test(w);
    const bare = minus ? w.slice(1) : w;
    const m = /^((?:[^:"\s()\\]|\\.)+):(.+)$/s.exec(bare);
    const url = m && (/^(https?|crn|arn|urn)$/i.test(m[1]) || (ADDRESS.test(bare) && /:.*:/.test(bare)));
    const negative = minus !== not;
    out.push({ text: (negative ? '-' : '') + bare, not: negative, field: m && !url ? m[1] : null, value: m && !url ? m[2] : bare });
    not = false;
  }
  if (not) out.push({ text: 'NOT', not: false, field: null, value: 'NOT' });
  return out;
}
export const join = (list) => list.map((c) => c.text).join(' ');

const PLAIN = /^[\p{L}\p{N}_][\p{L}\p{N}_.@/-]*$/u;
const ADDRESS = /^[0-9a-f]*:[0-9a-f:.]+$/i;
/** A value as a query has it: in quotation marks unless it is plain. */
export const quote = (v) => ((PLAIN.test(v) && !/^(AND|OR|NOT)$/.test(v)) || ADDRESS.test(v) ? v : `"${v.replace(/["\\]/g, '\\$&')}"`);
const inner = (c) => (/^\(.*\)$/s.test(c.value) ? c.value.slice(1, -1) : c.value);

/** The query with one more value of a field: beside values that are asked for already (`OR`), or excluded (`not`). */
export function more(text, field, value, not = false) {
  const list = chips(text), v = quote(value);
  const i = list.findIndex((c) => c.field === field && c.not === not && !/^[[{<>*/]/.test(c.value));
  if (i < 0) list.push({ text: `${not ? '-' : ''}${field}:${v}` });
  else {
    const has = inner(list[i]).split(' OR ');
    if (!has.includes(v)) list[i] = { text: `${not ? '-' : ''}${field}:(${[...has, v].join(' OR ')})` };
  }
  return wrap(list, text);
}
/** The query in which a field has this value only. */
export const only = (text, field, value) => wrap([...chips(text).filter((c) => c.field !== field), { text: `${field}:${quote(value)}` }], text);
/** The query with one more condition. */
export const and = (text, condition) => wrap([...chips(text).filter((c) => c.text !== condition), { text: condition }], text);
/** A condition beside alternatives needs parentheses round them. */
const wrap = (list, text) => list.map((c) => (list.length > 1 && c.text === text.trim() && words(c.text).includes('OR') ? `(${c.text})` : c.text)).join(' ');

/** The query box: chips, and a field for more; or the whole query as text. `onQuery(text)` runs it. */
export function QueryBar({ query, onQuery, problem, children }) {
  const [asText, setAsText] = useState(false);
  const [text, setText] = useState('');
  const input = useRef(null);
  const list = chips(query);
  useEffect(() => { setText(asText ? query : ''); }, [query, asText]);
  useEffect(() => { if (wantsQuery.value) { wantsQuery.value = false; input.current.focus(); } }, []);
  useKeys({ '/': () => { input.current.focus(); input.current.select(); } });
  const run = () => onQuery(asText ? text.trim() : [query, text.trim()].filter(Boolean).join(' '));
  const drop = (i) => { onQuery(join(list.filter((_, j) => j !== i))); input.current.focus(); };
  const edit = (i) => { onQuery(join(list.filter((_, j) => j !== i))); setTimeout(() => { setText(list[i].text); input.current.focus(); }); };
  const key = (e) => {
    if (e.key === 'Enter') { e.preventDefault(); run(); }
    if (e.key === 'Backspace' && !asText && text === '' && list.length) { e.preventDefault(); edit(list.length - 1); }
    if (e.key === 'Escape') input.current.blur();
  };
  return html`<div class="qline"><form class="qbox" role="search" onSubmit=${(e) => { e.preventDefault(); run(); }} onClick=${(e) => { if (e.target === e.currentTarget) input.current.focus(); }}>
      <${Icon} name="explore"/>
      ${!asText && list.map((c, i) => html`<span class="chip" key=${c.text}>
        <button type="button" class="body" title=${E.editChip} onClick=${() => edit(i)}>${c.not && html`<b>${E.not}
        </b> `}${c.field && html`<span class="f">${c.field}:</span> `}<b><${Marked} text=${c.value} cap=${200}/></b></button>
        <button type="button" class="drop" aria-label=${E.dropChip(c.text)} onClick=${() => drop(i)}><${Icon} name="x" size=${12}/></button>
          </span>`)}
      <input ref=${input} type="text" class="q" value=${text} spellcheck=${false} autocapitalize="none" autocomplete="off" maxlength="65536" aria-label=${E.query} placeholder=${list.length && !asText ? E.placeholderMore : E.placeholder}
        aria-invalid=${problem ? 'true' : undefined} aria-describedby=${problem ? 'query-problem' : undefined} onInput=${(e) => setText(e.target.value)} onKeyDown=${key}/>
      ${list.length > 0 && html`<button type="button" class="link tiny astext" aria-pressed=${String(asText)} onClick=${() => { setAsText(!asText); setTimeout(() => input.current.focus()); }}>
        ${asText ? E.asChips : E.asText}</button>`}
      <kbd class="wide-only" aria-hidden="true">/</kbd></form>
    <${Button} class="wide-only" onClick=${run}>${E.search}<//>${children}</div>
    ${problem && html`<p class="error qerror" id="query-problem" role="alert"><${Icon} name="fail"/><span>
      ${problem.detail}${problem.column && html`<br/><code><${Marked} text=${query.slice(Math.max(0, problem.column - 41), problem.column - 1)}/>
      <mark><${Marked} text=${query.slice(problem.column - 1, problem.column) || '⎵'}/></mark>
      <${Marked} text=${query.slice(problem.column, problem.column + 40)}/></code>`}</span></p>`}`;
}
