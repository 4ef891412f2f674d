/** Parts that screens are built of. Each says in words what it is; none has a colour without a word. */
import { html, useState, useEffect, useRef, useCallback, signal } from './vendor/preact.js';
import { Icon } from './icons.js';
import { W } from './words.js';
import { useLayer } from './state.js';
import { span } from './fmt.js';

let serial = 0;
/** An id for `aria-…` attributes, the same as long as the component lives. */
export const useId = () => useRef(`i${(serial += 1)}`).current;

/** A button, or a link that looks like one (`href`). `kind`: fill, danger, plain. Without children it needs `label`. */
export function Button({ icon, kind = '', small, large, label, children, href, kbd, chev, class: more = '', ...rest }) {
  const bare = children === undefined || children === null;
  const cls = `btn ${kind} ${small ? 'small' : ''} ${large ? 'large' : ''} ${bare ? 'icon' : ''} ${more}`;
  const inner = html`${icon && html`<${Icon} name=${icon}/>`}${children}${kbd && html`<kbd aria-hidden="true">${kbd}
    </kbd>`}${chev && html`<span class="chev"><${Icon} name="down" size=${12}/></span>`}`;
  return href ? html`<a class=${cls} href=${href} aria-label=${label} title=${bare ? label : undefined} ...${rest}>${inner}</a>`
    : html`<button type="button" class=${cls} aria-label=${label} title=${bare ? label : undefined} ...${rest}>${inner}</button>`;
}

/** A short word with a shape. `kind`: ok, fail, warn, hold, now, or none. */
export const Tag = ({ kind = '', icon, children }) => html`<span class=${`tag ${kind}`}>
  ${icon && html`<${Icon} name=${icon} size=${12}/>`}${children}</span>`;

/** The outcome of an event: success is a grey word. `children` is the text itself. */
const SHAPE = new Map([['failure', 'fail'], ['pending', 'pending'], ['unknown', 'pending']]);
export const Outcome = ({ value, children }) => html`<span class=${`outcome ${SHAPE.has(value) ? value : ''}`}>
  ${SHAPE.has(value) && html`<${Icon} name=${SHAPE.get(value)} size=${12}/>`}${children ?? value}</span>`;

const BANNER = { warn: 'warn', fail: 'fail', ok: 'verify', info: 'info' };
/** A sentence that stands across the page. */
export const Banner = ({ kind = 'info', icon, onClose, children }) => html`<div class=${`banner ${kind}`} role=${kind === 'fail' ? 'alert' : 'status'}>
  <${Icon} name=${icon ?? BANNER[kind]}/><div class="grow">${children}</div>
    ${onClose && html`<${Button} class="close" kind="plain" small icon="x" label=${W.common.close} onClick=${onClose}/>`}</div>`;

/** A labelled field. `children` is a function that gets the attributes for the control. */
export function Field({ label, hint, error, children }) {
  const id = useId();
  return html`<div class="field"><label for=${id}>${label}</label>
    ${children({ id, 'aria-invalid': error ? 'true' : undefined, 'aria-describedby': error || hint ? id + 'h' : undefined })}
    ${error ? html`<p class="error" id=${id + 'h'}><${Icon} name="fail"/>${error}</p>` : hint && html`<p class="hint" id=${id + 'h'}>${hint}
      </p>`}</div>`;
}

/**
 * A table. `cols`: `[{key, label, num, mono, width}]`, `rows`: anything; `cell(row, key)` draws. Wide ones scroll in their own box.
 */
export function Table({ name, cols, rows, cell, air, keyOf = (_, i) => i, selected }) {
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${name}><table class=${air ? 'air' : ''}>
    <thead><tr>${cols.map((c) => html`<th scope="col" class=${c.num ? 'num' : ''}>${c.label || html`<span class="sr">
      ${c.said ?? W.common.actions}</span>`}</th>`)}</tr></thead>
    <tbody>${rows.map((r, i) => html`<tr key=${keyOf(r, i)} class=${selected?.(r) ? 'sel' : ''}>
      ${cols.map((c) => html`<td class=${`${c.num ? 'num' : ''} ${c.mono ? 'mono' : ''} ${c.end ? 'num' : ''}`}>${cell(r, c.key)}</td>`)}
      </tr>`)}</tbody>
  </table></div>`;
}

/* Asking the server */

/**
 * Runs `ask(signal)` when `deps` change; a newer one ends an older one. Gives
 * `{state: 'loading'|'slow'|'ok'|'error', data, error, again(), cancel()}`; `data` stays while a newer answer is awaited.
 */
export function useAsk(ask, deps) {
  const [s, put] = useState({ state: 'loading' });
  const [n, setN] = useState(0);
  const ended = useRef(null);
  useEffect(() => {
    const c = new AbortController();
    ended.current = c;
    put((o) => ({ ...o, state: 'loading', shown: false, error: null }));
    const t1 = setTimeout(() => put((o) => ({ ...o, shown: true })), 200);
    const t2 = setTimeout(() => put((o) => ({ ...o, state: 'slow' })), 2000);
    const stop = () => { clearTimeout(t1); clearTimeout(t2); };
    ask(c.signal).then((data) => { if (!c.signal.aborted) put({ state: 'ok', data }); },
      (error) => { if (!c.signal.aborted) put((o) => ({ ...o, state: 'error', error })); }).finally(stop);
    return () => { stop(); c.abort(); };
  }, [...deps, n]);
  return { ...s, again: () => setN((x) => x + 1), cancel: () => { ended.current?.abort(); put((o) => ({ ...o, state: 'error', error: { code: 'cancelled', detail: W.common.cancelled } })); } };
}

/** A state of a panel: an icon, a sentence, what is known, and what to do. */
export const State = ({ icon, kind = '', title, children, actions }) => html`<div class=${`state ${kind}`} role="status">
  <${Icon} name=${icon}/><h2>${title}</h2>${children}${actions && html`<div class="row wrap">${actions}</div>`}</div>`;

/** Whether the server did not answer because it could not put the read on record: of all that is unavailable, its detail says so. */
export const isUnrecorded = ({ status, detail }) => status === 503 && /could not (record|be put on record)/.test(detail ?? '');

/** An error with its code and request, and Retry, which counts `Retry-After` down. */
export function ErrorState({ error, again, title }) {
  const [left, setLeft] = useState(error.retryAfter ?? 0);
  useEffect(() => { setLeft(error.retryAfter ?? 0); }, [error]);
  useEffect(() => { if (left <= 0) return undefined; const t = setTimeout(() => setLeft(left - 1), 1000); return () => clearTimeout(t); }, [left]);
  const record = isUnrecorded(error);
  return html`<${State} icon=${record ? 'disk' : 'fail'} kind=${record ? 'warn' : 'fail'} title=${record ? W.common.notOnRecord : title ?? W.common.failed}
    actions=${html`${again && html`<${Button} icon="retry" disabled=${left > 0} onClick=${again}>
      ${left > 0 ? W.common.retryIn(left) : W.common.retry}<//>`}
      ${error.requestId && html`<${Button} kind="plain" onClick=${() => copyText(`${error.code}: ${error.detail}\n${error.requestId}`)}>
        ${W.common.copyDetails}<//>`}`}>
    ${record && html`<p>${W.common.notOnRecordWhy}</p>`}<p>${error.code && html`<code>${error.code}
      </code>: `}${error.detail ?? error.message}${error.requestId && html`<br/>${W.common.request} <code>${error.requestId}</code>`}</p>
      <//>`;
}

const BONES = [...Array(15).keys()];
/**
 * A panel that shows an ask. `what`: what is asked, for the slow state. `children(data)` draws the answer;
 * `title`: what failed. `keep`: an older answer stays, dimmed, while a newer one is awaited.
 */
export function Panel({ ask, what, title, keep, children }) {
  if (ask.state === 'error' && ask.error) return html`<${ErrorState} error=${ask.error} again=${ask.again} title=${title}/>`;
  if (ask.data !== undefined && (ask.state === 'ok' || keep)) return children(ask.data);
  if (ask.state === 'slow') return html`<${State} icon="pending" title=${what ?? W.common.asking} actions=${html`<${Button} onClick=${ask.cancel}>
    ${W.common.cancel}<//>`}/>`;
  return html`<div class="skel" aria-busy="true" role="status" aria-label=${W.common.loading}>
    ${ask.shown && BONES.map((i) => html`<span key=${i}></span>`)}</div>`;
}

/* Copying, commands, toasts */

export const toasts = signal([]);
/**
 * Shows a sentence for 6 s (an error: until it is closed). `retry` adds a button.
 * @param {string} text
 * @param {{kind?: string, retry?: () => void}} [how]
 */
export function toast(text, { kind = 'check', retry } = {}) {
  const t = { text, kind, retry, id: (serial += 1) };
  toasts.value = [...toasts.value.slice(-2), t];
  if (kind !== 'fail') setTimeout(() => { dropToast(t); }, 6000);
}
export const dropToast = (t) => { toasts.value = toasts.value.filter((o) => o.id !== t.id); };

/** Copies text and says so. */
export async function copyText(text, said = W.common.copied) {
  try { await navigator.clipboard.writeText(text); toast(said); } catch { toast(W.common.notCopied, { kind: 'fail', retry: () => copyText(text, said) }); }
}
export const Copy = ({ text, label = W.common.copy, said }) => html`<${Button} small kind="plain" icon="copy" label=${label} onClick=${() => copyText(text, said)}/>`;
/** A command that can be copied. Its words stay whole where a line has room for them: a break after a hyphen would make two of an option. */
export const Command = ({ text }) => html`<div class="cmd">${text.split(/(\s+)/).map((w) => (/^\s*$/.test(w) ? w : html`<span class="w">${w}</span>`))}<${Copy} text=${text} label=${W.common.copyCommand}/></div>`;
/** The equal commands of a screen: `lines`: `[{label, text}]`. */
export const AsCommand = ({ lines }) => html`<div class="stack">${lines.map((l) => html`<div class="stack tight" key=${l.label}>
  <span class="label">${l.label}</span><${Command} text=${l.text}/></div>`)}</div>`;
/** Quotes a word for a shell. */
export const sh = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/* Layers */

/** A menu below its button. `items`: `[{label, icon, onClick, href, checked, rule, head}]` or `children(close)` for any content. */
export function Menu({ icon, label, said, kind = '', small, right, up, items, children, chev = true, class: more = '' }) {
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  const close = useCallback(() => { setOpen(false); box.current?.querySelector('button')?.focus(); }, []);
  useLayer(close, open);
  useEffect(() => {
    if (!open) return undefined;
    box.current.querySelector('.menu a,.menu button,.menu input,.menu select')?.focus();
    const out = (e) => { if (!box.current?.contains(e.target)) setOpen(false); };
    addEventListener('pointerdown', out);
    return () => removeEventListener('pointerdown', out);
  }, [open]);
  const move = (e) => {
    const d = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!d || e.target.matches('input,select')) return;
    const all = [...box.current.querySelectorAll('.menu .item')];
    const i = all.indexOf(document.activeElement);
    if (all.length) { e.preventDefault(); all[(i + d + all.length) % all.length].focus(); }
  };
  const menu = !children;
  return html`<div class=${`menu-at ${more}`} ref=${box} onKeyDown=${open ? move : undefined} onFocusOut=${(e) => { if (open && e.relatedTarget && !box.current.contains(e.relatedTarget)) setOpen(false); }}>
    <${Button} icon=${icon} kind=${kind} small=${small} chev=${chev && label} label=${said} aria-haspopup=${menu ? 'menu' : 'dialog'} aria-expanded=${open} onClick=${() => setOpen(!open)}>${label}<//>
    ${open && html`<div class=${`menu ${right ? 'right' : ''} ${up ? 'up' : ''}`} role=${menu ? 'menu' : 'dialog'} aria-label=${said ?? (typeof label === 'string' ? label : W.common.actions)}>
      ${menu ? items.filter(Boolean).map((it, i) => it.rule ? html`<hr key=${i}/>` : it.head ? html`<span class="label" key=${i} role="presentation">${it.head}</span>`
    : html`<${it.href ? 'a' : 'button'} key=${i} class="item" type=${it.href ? undefined : 'button'} role=${it.checked === undefined ? 'menuitem' : 'menuitemradio'} aria-checked=${it.checked === undefined ? undefined : String(it.checked)} href=${it.href} onClick=${() => { close(); it.onClick?.(); }}>
      ${it.icon && html`<${Icon} name=${it.icon}/>`}<span>${it.label}</span></>`) : children(close)}
    </div>`}</div>`;
}

/** A panel at the right that is part of the page. `stay`: the focus stays where it is, as in a table that is walked. */
export function Side({ title, onClose, children, foot, actions, name, stay }) {
  useLayer(onClose);
  const head = useRef(null);
  useEffect(() => { if (!stay) head.current?.focus(); }, []);
  return html`<aside class="side" aria-label=${name ?? title}><header><h2 tabindex="-1" ref=${head}>${title}</h2>${actions}
    <${Button} kind="plain" icon="x" label=${W.common.close} onClick=${onClose}/></header>
    <div class="body">${children}</div>${foot && html`<footer>${foot}</footer>`}</aside>`;
}

/** A modal: for what must be answered first. */
export function Dialog({ title, onClose, children, foot }) {
  const d = useRef(null), id = useId();
  useLayer(onClose);
  useEffect(() => { if (!d.current.open) d.current.showModal(); }, []);
  return html`<dialog ref=${d} aria-labelledby=${id} onCancel=${(e) => { e.preventDefault(); onClose(); }} onClick=${(e) => { if (e.target === d.current) onClose(); }}>
    <header><h2 id=${id}>${title}</h2><${Button} kind="plain" icon="x" label=${W.common.close} onClick=${onClose}/></header>
    <div class="body" tabindex="0">${children}</div>${foot && html`<footer>${foot}</footer>`}</dialog>`;
}

/** Parts of a whole in a row: `parts`: `[{kind: ok|read|now|todo|bad|gone, n}]`; `label` says it in words. */
export function Strip({ parts, label }) {
  const all = parts.reduce((s, p) => s + p.n, 0) || 1;
  let x = 0;
  return html`<svg class="strip" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label=${label}>${parts.map((p, i) => {
    const w = p.n / all * 1000, at = x; x += w;
    return html`<rect key=${i} class=${p.kind} x=${at} y="2" height="12" width=${Math.max(w - (parts.length > 1 && w > 4 ? 2 : 0), 1)}/>`;
  })}</svg>`;
}
export { span };
