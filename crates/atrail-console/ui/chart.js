/** The histogram: events above the axis, failures below it on their own scale. By mouse and by keyboard; or as a table. */
import { html, useState, useRef, useLayoutEffect, useEffect } from './vendor/preact.js';
import { count, clock, dayMonth, weekday, localZone, split, day } from './fmt.js';
import { Button } from './parts.js';
import { W } from './words.js';
import { useLayer } from './state.js';

const C = W.chart;
const H = 3600e3, D = 24 * H;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000];
/** The length of a bar in seconds: the least round one with at most `max` bars. */
export const stepFor = (a, b, max = 120) => STEPS.find((s) => (b - a) / (s * 1000) <= max) ?? 31536000;
export const stepName = (s) => (s % 86400 === 0 ? `${s / 86400} d` : s % 3600 === 0 ? `${s / 3600} h` : s % 60 === 0 ? `${s / 60} min` : `${s} s`);
export const interval = (s) => (s % 86400 === 0 ? `${s / 86400}d` : s % 3600 === 0 ? `${s / 3600}h` : s % 60 === 0 ? `${s / 60}m` : `${s}s`);

/** The server's buckets as a Map of the first instant (ms) to its count. */
export const bucketMap = (h) => new Map((h?.buckets ?? []).map((x) => [Date.parse(x.time), x.count]));

/** All bars of a range. The server's buckets begin at multiples of their length, or at the first of them. */
export function barsOf({ a, b, step, events, fails }) {
  const ms = step * 1000;
  const some = events.keys().next().value;
  const base = some === undefined ? 0 : some % ms;
  let t = Math.floor((a - base) / ms) * ms + base;
  const out = [];
  for (; t < b && out.length < 400; t += ms) out.push({ t, end: t + ms, n: events.get(t) ?? 0, f: fails?.get(t) ?? 0 });
  return out;
}
const stretch = (x) => `${dayMonth(x.t)} ${clock(x.t)} – ${x.end - x.t >= D ? `${dayMonth(x.end)} ` : ''}${clock(x.end)} UTC`;
const localStretch = (x) => { const s = (t) => split(new Date(t).toISOString(), true); return `${s(x.t).time.slice(0, 5)} – ${s(x.end).time.slice(0, 5)}`; };

/** Where the axis has its ticks: [x of a bar, text]. */
function ticks(bars, width, x) {
  const spanMs = bars.at(-1).end - bars[0].t;
  const room = Math.max(2, Math.floor(width / 76));
  const unit = [60e3, 3e5, 6e5, 9e5, 18e5, H, 2 * H, 3 * H, 6 * H, 12 * H, D, 2 * D, 7 * D, 14 * D, 30 * D, 90 * D].find((u) => spanMs / u <= room) ?? 365 * D;
  const out = [];
  for (let t = Math.ceil(bars[0].t / unit) * unit; t < bars.at(-1).end; t += unit) {
    out.push([x(t), t % D === 0 ? (unit >= D && spanMs <= 8 * D ? weekday(t) : dayMonth(t)) : clock(t)]);
  }
  return out;
}

/**
 * Draws bars. `height` of the plot; `now`: instant after which nothing has come yet; `sel`: `[first, last]` index or null,
 * `onSel(sel)`, `onZoom(fromMs, toMs)`; `names`: labels the highest failure.
 */
export function Histogram({ bars, height = 66, now, sel, onSel, onZoom, names, label }) {
  const box = useRef(null), svg = useRef(null);
  const [w, setW] = useState(0);
  const [at, setAt] = useState(-1);
  const [tip, setTip] = useState(-1);
  const drag = useRef(null);
  useLayoutEffect(() => {
    const o = new ResizeObserver(() => setW(Math.floor(box.current.clientWidth)));
    o.observe(box.current); setW(Math.floor(box.current.clientWidth));
    return () => o.disconnect();
  }, []);
  useLayer(() => { setTip(-1); if (sel) onSel?.(null); }, tip >= 0 || !!sel);
  useEffect(() => { setAt(-1); setTip(-1); }, [bars[0]?.t, bars.length]);
  const n = bars.length;
  const gut = w > 560 ? 46 : 0;
  const plot = w - gut;
  const maxN = Math.max(1, ...bars.map((x) => x.n)), maxF = Math.max(0, ...bars.map((x) => x.f));
  const top = 9, up = height, low = Math.round(height * (height > 90 ? .36 : .42)), zero = top + up, foot = zero + low;
  const each = plot / Math.max(n, 1);
  const bw = Math.max(2, Math.floor(each * .8));
  const x = (i) => gut + Math.round(i * each + (each - bw) / 2);
  const xt = (t) => gut + Math.round((t - bars[0].t) / (bars.at(-1).end - bars[0].t) * plot);
  const hN = (v) => (v ? Math.max(1, Math.round(v / maxN * up)) : 0), hF = (v) => (v ? Math.max(1, Math.round(v / maxF * (low - 2))) : 0);
  const inSel = (i) => sel && i >= sel[0] && i <= sel[1];
  const worst = names && maxF > 0 ? bars.findIndex((b) => b.f === maxF) : -1;
  // The name of the highest failure stands where no other failure is in its way.
  const free = (from, to) => !bars.some((b, i) => i !== worst && b.f > maxF * .4 && x(i) + bw > from && x(i) < to);
  const room = 130;
  const wx = worst < 0 ? null : x(worst) + bw + 5 + room < w && free(x(worst) + bw, x(worst) + bw + room) ? [x(worst) + bw + 5, 'start']
    : x(worst) - room > gut && free(x(worst) - room, x(worst)) ? [x(worst) - 5, 'end'] : null;
  const index = (e) => Math.min(n - 1, Math.max(0, Math.floor((e.clientX - svg.current.getBoundingClientRect().left - gut) / each)));
  const latest = Math.max(0, bars.findLastIndex((b) => b.t <= (now ?? Infinity)));
  const focusable = at < 0 ? (sel ? sel[1] : latest) : Math.min(at, n - 1);
  const key = (e) => {
    const from = at < 0 ? focusable : at;
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: n - 1 }[e.key];
    if (to !== undefined) {
      e.preventDefault(); e.stopPropagation();
      const t = Math.min(n - 1, Math.max(0, to));
      if (e.shiftKey && onSel) { const o = drag.current?.from ?? from; drag.current = { from: o, key: true }; onSel([Math.min(o, t), Math.max(o, t)]); } else drag.current = null;
      setAt(t); setTip(t);
      svg.current.querySelector(`[data-i="${t}"]`)?.focus();
    } else if ((e.key === 'Enter' || e.key === ' ') && onZoom) { e.preventDefault(); e.stopPropagation(); const s = sel ?? [from, from]; onZoom(bars[s[0]].t, bars[s[1]].end); }
  };
  const down = (e) => { if (e.button !== 0 || !onSel) return; e.preventDefault(); svg.current.setPointerCapture(e.pointerId); drag.current = { from: index(e) }; onSel([drag.current.from, drag.current.from]); };
  const move = (e) => { const i = index(e); setTip(i); if (drag.current && !drag.current.key && e.buttons & 1) onSel([Math.min(i, drag.current.from), Math.max(i, drag.current.from)]); };
  const total = foot + 22;
  return html`<div class="chart" ref=${box}>${w > 0 && n > 0 && html`<svg ref=${svg} width=${w} height=${total} role="group" aria-label=${label} onKeyDown=${key} onPointerDown=${down} onPointerMove=${move} onPointerLeave=${() => setTip(-1)}>
    <g aria-hidden="true">${[top, top + up / 2, ...(maxF ? [zero + low - 1] : [])].map((y) => html`<line class="gridline" x1=${gut} x2=${w} y1=${Math.round(y) + .5} y2=${Math.round(y) + .5}/>`)}
    ${sel && html`<rect class="range" x=${xt(bars[sel[0]].t)} y="0" width=${xt(bars[sel[1]].end) - xt(bars[sel[0]].t)} height=${foot}/>`}
    ${gut > 0 && html`<text x=${gut - 6} y=${top + 4} class="end">${count(maxN)}</text><text x=${gut - 6} y=${zero + 4} class="end">0</text>
      ${maxF > 0 && html`<text x=${gut - 6} y=${zero + low + 3} class="end bad">${count(maxF)}</text>`}`}</g>
    ${bars.map((b, i) => html`<g key=${b.t} data-i=${i} role=${onZoom ? 'button' : 'img'} tabindex=${i === focusable ? 0 : -1} class=${inSel(i) ? 'bar sel' : 'bar'} aria-pressed=${onZoom ? String(!!inSel(i)) : undefined} onFocus=${(e) => { if (e.target.matches(':focus-visible')) { setAt(i); setTip(i); } }} onBlur=${() => setTip(-1)}
      aria-label=${C.bar(stretch(b), b.n, b.f)}><rect class="hit" x=${gut + i * each} y="0" width=${each} height=${foot}/><rect class="n" x=${x(i)} width=${bw} y=${zero - hN(b.n)} height=${hN(b.n)}/>${b.f > 0 && html`<rect class="f" x=${x(i)} width=${bw} y=${zero + 2} height=${hF(b.f)}/>`}</g>`)}
    <g aria-hidden="true"><line class="axis" x1=${gut} x2=${w} y1=${zero + .5} y2=${zero + .5}/>
    ${now > bars[0].t && now < bars.at(-1).end && html`<line class="nowline" x1=${xt(now) + .5} x2=${xt(now) + .5} y1="0" y2=${foot}/>
      ${w - xt(now) > 34 && html`<text x=${xt(now) + 5} y="20">${C.now}</text>`}`}
    ${sel && html`<g class="grips">${[xt(bars[sel[0]].t), xt(bars[sel[1]].end)].map((gx) => html`<line x1=${gx + .5} x2=${gx + .5} y1="0" y2=${foot}/>
      <rect x=${gx - 2} y=${top + up / 2 - 7} width="5" height="14" rx="2"/>`)}</g>`}
    ${wx && html`<text class="bad name" x=${wx[0]} text-anchor=${wx[1]} y=${foot - 5}>${C.worst(maxF, clock(bars[worst].t))}</text>`}
    ${ticks(bars, plot, xt).map(([tx, t]) => tx < w - 30 && html`<line class="tick" x1=${tx + .5} x2=${tx + .5} y1=${foot} y2=${foot + 5}/>
      <text x=${tx + 4} y=${foot + 16}>${t}</text>`)}</g></svg>`}
    ${tip >= 0 && bars[tip] && html`<div class="tip" style=${{ left: `${Math.min(Math.max(0, x(tip) + bw + 8), w - 190 > x(tip) + bw + 8 ? 9999 : Math.max(0, x(tip) - 198))}px`, top: `${top + 2}px` }}>
      <b>${stretch(bars[tip])}</b><dl><dt>${C.events}</dt><dd>${count(bars[tip].n)}</dd><dt>${C.failures}</dt><dd>${count(bars[tip].f)}</dd>
      </dl><span class="q3">${C.local(localStretch(bars[tip]), localZone())}</span></div>`}</div>`;
}

/** The same numbers as a table. */
export const BarTable = ({ bars, onZoom }) => html`<div class="bartable" tabindex="0" role="region" aria-label=${C.table}><table><thead><tr>
  <th scope="col">${C.time}</th><th scope="col" class="num">${C.events}</th><th scope="col" class="num">${C.failures}</th><th scope="col">
  <span class="sr">${W.common.actions}</span></th></tr></thead>
  <tbody>${bars.map((b) => html`<tr key=${b.t}><td class="mono">${day(b.t)} ${clock(b.t)} – ${clock(b.end)}</td><td class="num">
    ${count(b.n)}</td><td class="num">${count(b.f)}</td><td class="num"><${Button} small kind="plain" onClick=${() => onZoom(b.t, b.end)}>
    ${C.zoom}<//></td></tr>`)}</tbody></table></div>`;
