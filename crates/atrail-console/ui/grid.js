/** The rows of a search: pages by cursor, of which the window that is seen is drawn. */
import { html, useState, useRef, useEffect, useLayoutEffect } from './vendor/preact.js';
import { Marked, EventTime } from './text.js';
import { zoneName, count } from './fmt.js';
import { Icon } from './icons.js';
import { Outcome, Tag, useAsk } from './parts.js';
import { hits, row, textAt } from './json.js';
import { ask, Problem } from './api.js';
import { scopes, zone } from './state.js';
import { W } from './words.js';

const E = W.explore;
export const PAGE = 200;
/** Pages whose text is kept; others are fetched again by their cursor when they are seen. */
const KEPT = 60;

async function page(body, after, signal) {
  const { pairs, end } = hits(await ask('/v3/search', { ...body, limit: PAGE, ...(after ? { after } : {}) }, { signal, raw: true }));
  if (!end) throw new Problem({ status: 0, code: 'cut', detail: E.cut });
  return { rows: pairs, end };
}

/** The hits of a question: `{ask, n, row(i), more(), hasMore, busy, error}`. `n` are those that are loaded. */
export function usePages(body, deps) {
  const store = useRef({ pages: [], n: 0 });
  const [, redraw] = useState(0);
  const life = useRef(null);
  const s = store.current;
  const first = useAsk(async (signal) => {
    const p = await page(body, null, signal);
    life.current?.abort(); life.current = new AbortController();
    store.current = { pages: [{ after: null, start: 0, ...p }], n: p.rows.length };
    return p.end;
  }, deps);
  useEffect(() => () => life.current?.abort(), []);
  const load = async (i) => {
    if (s.busy || s !== store.current) return;
    s.busy = true; s.error = null; redraw((x) => x + 1);
    try {
      const old = s.pages[i];
      const after = old ? old.after : s.pages.at(-1).end.after;
      const p = await page(body, after, life.current.signal);
      if (old) old.rows = p.rows;
      else { s.pages.push({ after, start: s.n, ...p }); s.n += p.rows.length; }
      s.used = [...(s.used ?? []).filter((k) => k !== i), i];
      while (s.used.length > KEPT) { const k = s.used.shift(); if (s.pages[k]) s.pages[k].rows = null; }
    } catch (e) { if (e.name === 'AbortError') return; s.error = e; } finally { s.busy = false; redraw((x) => x + 1); }
  };
  return {
    ask: first, n: s.n, busy: s.busy, error: s.error, hasMore: !!s.pages.at(-1)?.end.more,
    more: () => load(s.pages.length),
    row: (i) => {
      let lo = 0, hi = s.pages.length - 1;
      while (lo < hi) { const m = (lo + hi + 1) >> 1; if (s.pages[m].start <= i) lo = m; else hi = m - 1; }
      const p = s.pages[lo];
      if (!p) return null;
      if (!p.rows) { setTimeout(() => load(lo)); return null; }
      return p.rows[i - p.start] ?? null;
    },
    find: (test) => { for (const p of s.pages) { const i = p.rows?.findIndex(test) ?? -1; if (i >= 0) return p.start + i; } return -1; },
  };
}

/** The columns by their names in the link; other names are paths of members. */
const HEAD = new Map([['time', () => E.time(zoneName())], ['outcome', () => E.outcome], ['who', () => E.who], ['action', () => E.action], ['target', () => E.target]]);
export const COLS = ['time', 'outcome', 'who', 'action', 'target'];
export const EXTRA = ['space', 'initiator.host.address', 'reason.reasonCode', 'observer.name', 'target.typeURI', 'eventType', 'id'];
const WIDTH = new Map([['time', 224], ['outcome', 69], ['who', 172], ['action', 160], ['target', 0]]);
const NARROW = new Map([['time', 220], ['outcome', 69], ['who', 112], ['action', 116], ['target', 0]]);

/** The columns' widths: the last takes the rest. Before `outcome` there is a gutter for its shape. */
const template = (cols, narrow) => cols.map((c, i) => {
  if (i === cols.length - 1) return 'minmax(96px,1fr)';
  // A local time ends in its offset, +01:00, which is five characters more than Z.
  const extra = c === 'outcome' ? 19 : c === 'time' && zone.value === 'local' ? 38 : 0;
  return `${((narrow ? NARROW : WIDTH).get(c) ?? 150) + extra}px`;
}).join(' ');

/** The name of a space that the user may see, else its GUID. */
const spaceName = (id) => scopes.value.find((s) => s.id === id)?.name ?? id;

function Cell({ col, hit, f }) {
  switch (col) {
    case 'time': return html`<${EventTime} value=${f.time}/>`;
    case 'outcome': return html`<${Outcome} value=${f.outcome}><${Marked} text=${f.outcome} cap=${40}/><//>`;
    case 'who': return html`<${Marked} text=${f.who} tag cap=${300}/>`;
    case 'action': return html`<span class="cut"><${Marked} text=${f.action} cap=${300}/></span>${f.own && html` <${Tag}>${W.common.own}
      <//>`}`;
    case 'target': return html`<${Marked} text=${f.target} tag cap=${300}/> <span class="q3 kind"><${Marked} text=${f.kind} cap=${120}/>
      </span>`;
    case 'space': return spaceName(hit.place.space);
    default: return html`<${Marked} text=${f.node ? textAt(f.node, ...col.split('.')) : ''} cap=${300}/>`;
  }
}
/** The fields of a hit, read once. */
export const fields = (hit) => { hit.f ??= row(hit.line); return hit.f; };

const phone = matchMedia('(max-width: 700px)');
const MAX_HEIGHT = 8e6;

/** The grid. `cur`: the row of the keyboard; `onCur(i)`, `onOpen(i)`; `open`: the row whose event is shown. */
export function Grid({ pages, total, cols, narrow, cur, onCur, onOpen, open, order, onOrder, head }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, h: 600 });
  const [small, setSmall] = useState(phone.matches);
  useEffect(() => { const f = () => setSmall(phone.matches); phone.addEventListener('change', f); return () => phone.removeEventListener('change', f); }, []);
  useLayoutEffect(() => {
    const o = new ResizeObserver(() => setView((v) => ({ ...v, h: box.current.clientHeight })));
    o.observe(box.current); return () => o.disconnect();
  }, []);
  const H = small ? 51 : 26, HEADH = small ? 0 : 28;
  const n = pages.n, full = n * H;
  const height = Math.min(full, MAX_HEIGHT), mapped = full > MAX_HEIGHT;
  const seen = Math.ceil((view.h - HEADH) / H) + 1;
  const scroll = Math.max(0, Math.min(view.top, height - (view.h - HEADH)));
  const first = mapped ? Math.floor(scroll / Math.max(1, height - (view.h - HEADH)) * Math.max(0, n - seen + 1)) : Math.max(0, Math.floor(scroll / H) - 8);
  const last = Math.min(n, first + seen + (mapped ? 0 : 16));
  const onScroll = () => {
    const { scrollTop, clientHeight } = box.current;
    setView({ top: scrollTop, h: clientHeight });
    if (pages.hasMore && !pages.busy && !pages.error && scrollTop + clientHeight > height - 40 * H && n < total) pages.more();
  };
  // Where the position of the bar is mapped, more rows would move those that are seen: the bar moves instead.
  const seenFirst = useRef(0);
  useLayoutEffect(() => { if (mapped) box.current.scrollTop = seenFirst.current / Math.max(1, n - seen + 1) * (height - box.current.clientHeight + HEADH); }, [n]);
  useEffect(() => { seenFirst.current = first; });
  useEffect(() => { // The keyboard's row is kept in sight.
    if (cur < 0 || !box.current) return;
    const b = box.current, room = b.clientHeight - HEADH;
    if (mapped) { if (cur < first || cur >= first + seen - 2) b.scrollTop = cur / Math.max(1, n - seen + 1) * (height - room); return; }
    if (cur * H < b.scrollTop) b.scrollTop = cur * H;
    else if ((cur + 1) * H > b.scrollTop + room) b.scrollTop = (cur + 1) * H - room;
  }, [cur]);
  const key = (e) => {
    const to = { ArrowDown: cur + 1, ArrowUp: cur - 1, PageDown: cur + seen - 2, PageUp: cur - seen + 2, Home: 0, End: n - 1 }[e.key];
    if (to !== undefined) { e.preventDefault(); onCur(Math.max(0, Math.min(n - 1, to))); } else if (e.key === 'Enter' && cur >= 0) { e.preventDefault(); e.stopPropagation(); onOpen(cur); }
  };
  const columns = small ? undefined : { gridTemplateColumns: template(cols, narrow) };
  const rows = [];
  for (let i = first; i < last; i += 1) {
    const hit = pages.row(i);
    const f = hit && fields(hit);
    rows.push(html`<div key=${i} id=${`row${i}`} role="row" aria-rowindex=${i + 2} aria-selected=${String(i === open)} class=${`gr ${i === open ? 'open' : ''} ${i === cur ? 'cur' : ''}`} style=${columns} onClick=${() => { onCur(i); onOpen(i); }}>
      ${cols.map((c) => html`<div role="gridcell" key=${c} class=${`c c-${HEAD.has(c) ? c : 'other'}`}>
        ${f && html`<${Cell} col=${c} hit=${hit} f=${f}/>`}</div>`)}</div>`);
  }
  return html`<div class="grid" ref=${box} onScroll=${onScroll} role="grid" tabindex="0" aria-label=${head} aria-rowcount=${total ?? n} aria-activedescendant=${cur >= first && cur < last ? `row${cur}` : undefined} onKeyDown=${key} onFocus=${(e) => { if (e.target === box.current && cur < 0 && n > 0 && box.current.matches(':focus-visible')) onCur(0); }}>
    <div role="rowgroup" class="ghead"><div role="row" class="gr" aria-rowindex="1" style=${columns}>
      ${cols.map((c) => html`<div role="columnheader" key=${c} class=${`c c-${HEAD.has(c) ? c : 'other'}`} aria-sort=${c === 'time' ? (order === 'oldest' ? 'ascending' : 'descending') : undefined}>
      ${c === 'time' ? html`<button type="button" class="sort" onClick=${onOrder}>${HEAD.get(c)()}
        <${Icon} name=${order === 'oldest' ? 'up' : 'down'} size=${12}/></button>` : HEAD.get(c)?.() ?? c}</div>`)}</div></div>
    <div role="rowgroup" class="gbody" style=${{ height: `${height}px` }}>
      <div role="presentation" class="gwin" style=${{ transform: `translateY(${mapped ? scroll : first * H}px)` }}>${rows}</div></div>
      </div>`;
}

/** What the foot says of the loaded rows. */
export const loadedText = (pages) => (pages.n ? E.loaded(count(pages.n)) : '');
