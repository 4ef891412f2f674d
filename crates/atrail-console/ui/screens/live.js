/** Live: events as they are acknowledged. Never silent about what is not shown, and never scrolls what is being read. */
import { html, useState, useEffect, useRef } from '../vendor/preact.js';
import { route, scope, scopeKey, set, go, link, iso, zone, useKeys } from '../state.js';
import { ask } from '../api.js';
import { Button, Menu, AsCommand, Banner, State, ErrorState, Outcome, Tag, isUnrecorded, sh } from '../parts.js';
import { QueryBar } from '../query.js';
import { Marked, EventTime } from '../text.js';
import { row } from '../json.js';
import { count, zoneName } from '../fmt.js';
import { curl, placeOf } from './explore.js';
import { EventPanel } from './event.js';
import { W } from '../words.js';

const L = W.live;
const KEEP = 1000;
/** Rows that are drawn a second at most; the others are counted. */
const RATE = 50;
const BACKOFF = [1, 2, 4, 8, 15, 30];

/** Follows the events; calls `on.hit`, `on.state`, `on.note` until `signal` ends it. Continues behind the last one after a cut. */
async function follow(query, on, signal) {
  let after = null, fails = 0, cutAt = 0;
  while (!signal.aborted) {
    let ended = null;
    try {
      const r = await ask('/v3/tail', { ...(query ? { query } : {}), ...(after ? { after } : {}) }, { signal, raw: 'response' });
      on.state('open');
      if (cutAt) { on.note({ gap: Math.max(1, Math.round((Date.now() - cutAt) / 1000)) }); cutAt = 0; }
      fails = 0;
      const reader = r.body.pipeThrough(new TextDecoderStream('utf-8', { ignoreBOM: true })).getReader();
      let rest = '', place = null;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const l of lines) {
          if (place) { on.hit({ place, line: l }); after = place.position; place = null; continue; }
          if (l === '') continue;
          const o = JSON.parse(l);
          if (o.end) ended = o.end;
          else if (o.missed) on.note({ missed: o.missed });
          else if (o.leaf) place = o;
          else if (o.position) after = o.position;
        }
      }
    } catch (e) {
      if (e.name === 'AbortError') return;
      if (e.status && e.status !== 503 && e.status !== 429) { on.fail(e); return; }
      if (e.code === 'query_invalid') { on.fail(e); return; }
      ended = { code: e.code, detail: e.detail, wait: e.retryAfter, isUnrecorded: isUnrecorded(e) };
    }
    if (signal.aborted) return;
    cutAt ||= Date.now();
    const wait = ended?.wait ?? BACKOFF[Math.min(fails, BACKOFF.length - 1)];
    fails += 1;
    on.state(ended?.isUnrecorded ? 'unrecorded' : 'cut', ended?.detail);
    await new Promise((/** @type {(value?: unknown) => void} */ r) => { const t = setTimeout(r, wait * 1000); signal.addEventListener('abort', () => { clearTimeout(t); r(); }, { once: true }); });
  }
}

export default function Live() {
  const query = route.value.params.get('q') ?? '';
  const [on, setOn] = useState(true);
  const [, redraw] = useState(0);
  const s = useRef(null);
  s.current ??= { rows: [], held: [], paused: false, seen: 0, skipped: 0, rate: 0, second: 0, inSecond: 0, state: 'opening', detail: '', notes: [], began: Date.now(), error: null, serial: 0 };
  const box = useRef(null);
  const [open, setOpen] = useState(null);
  const [cur, setCur] = useState(-1);
  const S = s.current;
  useEffect(() => {
    if (!on) return undefined;
    const c = new AbortController();
    let dirty = true;
    S.began = Date.now(); S.error = null; S.state = 'opening';
    const show = (x) => { S.rows.push(x); if (S.rows.length > KEEP) S.rows.splice(0, S.rows.length - KEEP); };
    follow(query, {
      hit: (hit) => {
        const now = Math.floor(Date.now() / 1000);
        if (now !== S.second) { S.rate = S.inSecond; S.second = now; S.inSecond = 0; }
        S.inSecond += 1; S.seen += 1; dirty = true;
        hit.n = (S.serial += 1);
        if (S.inSecond > RATE) { S.skipped += 1; return; }
        if (S.paused) { S.held.push(hit); if (S.held.length > KEEP) S.held.shift(); S.heldAll = (S.heldAll ?? 0) + 1; } else show(hit);
      },
      state: (state, detail) => { S.state = state; S.detail = detail ?? ''; dirty = true; },
      note: (note) => { show({ note, n: (S.serial += 1) }); dirty = true; },
      fail: (e) => { S.error = e; dirty = true; },
    }, c.signal);
    const t = setInterval(() => {
      if (Math.floor(Date.now() / 1000) > S.second + 1 && S.rate) { S.rate = 0; dirty = true; }
      if (dirty && !document.hidden) { dirty = false; redraw((x) => x + 1); }
    }, 250);
    return () => { c.abort(); clearInterval(t); };
  }, [query, scopeKey(), on]);
  useEffect(() => { if (!S.paused && box.current) box.current.scrollTop = box.current.scrollHeight; });
  const goOn = () => { S.rows.push(...S.held); S.rows.splice(0, Math.max(0, S.rows.length - KEEP)); S.held = []; S.heldAll = 0; S.paused = false; redraw((x) => x + 1); };
  const pause = () => { S.paused = true; redraw((x) => x + 1); };
  const onScroll = () => {
    const b = box.current, end = b.scrollHeight - b.scrollTop - b.clientHeight < 4;
    if (!end && !S.paused) pause(); else if (end && S.paused && S.held.length === 0) { S.paused = false; redraw((x) => x + 1); }
  };
  const events = S.rows.filter((x) => x.place);
  const walk = (d) => { const i = Math.max(0, Math.min(events.length - 1, (cur < 0 ? events.length : events.findIndex((x) => x.n === cur)) + d)); if (events[i]) { pause(); setCur(events[i].n); if (open) setOpen(events[i]); document.getElementById(`live${events[i].n}`)?.scrollIntoView({ block: 'nearest' }); } };
  useKeys({ j: () => walk(1), k: () => walk(-1), '[': () => walk(-1), ']': () => walk(1), Enter: () => { const h = events.find((x) => x.n === cur); if (h) setOpen(h); else return false; return undefined; } });
  const stop = () => go('explore', { q: query, from: iso(Math.floor(S.began / 1000) * 1000), to: iso(Math.ceil(Date.now() / 1000) * 1000) });
  const lines = [{ label: 'atrail', text: `atrail tail${scope.value.kind === 'account' ? ' -a' : ''}${query ? ` ${sh(query)}` : ''}` }, { label: 'curl', text: curl('/v3/tail', `-N -d ${sh(JSON.stringify({ query, ...(scope.value.kind === 'account' ? { AtAccountLevel: true } : {}) }))}`) }];
  const word = !on ? L.stopped : S.state === 'open' ? (S.paused ? L.paused : L.following) : L[S.state] ?? L.opening;
  return html`<div class="explore live"><h1 class="sr">${W.frame.live}</h1>
    <${QueryBar} query=${query} onQuery=${(q) => set({ q })} problem=${S.error?.code === 'query_invalid' ? S.error : null}/>
    <div class=${`split ${open ? 'has-panel' : ''}`}><section class="rows" aria-label=${W.frame.live}><div class="tools">
      <p class="of" aria-live="polite"><${Tag} kind=${S.state === 'open' && on && !S.paused ? 'now' : S.state === 'cut' || S.state === 'unrecorded' ? 'warn' : ''} icon=${S.paused ? 'pause' : 'live'}>
      ${word}<//> <b>${count(S.seen)}</b> ${L.seen}${S.rate > RATE && html` · <span class="t-warn">${L.rate(RATE, S.rate)}
      </span>`}${S.skipped > 0 && html` · ${L.skipped(S.skipped)}`}</p><span class="grow"></span>
        ${on && html`<${Button} icon=${S.paused ? 'play' : 'pause'} onClick=${S.paused ? goOn : pause}><span>${S.paused ? L.goOn : L.pause}
          </span><//>`}<${Button} class="wide-act" onClick=${() => { S.rows = []; S.held = []; S.seen = 0; S.skipped = 0; setOpen(null); redraw((x) => x + 1); }}>${L.clear}<//>
        <${Menu} icon="term" right class="wide-act" chev=${false} label=${W.common.asCommand}>${() => html`<div class="pad cmds">
          <${AsCommand} lines=${lines}/></div>`}<//>
        <${Button} icon="explore" onClick=${stop}>${L.stop}<//></div>
      ${S.error && S.error.code !== 'query_invalid' ? html`<${ErrorState} error=${S.error} again=${() => { setOn(false); setTimeout(() => setOn(true)); }} title=${L.failed}/>`
    : S.rows.length === 0 ? html`<${State} icon=${S.state === 'unrecorded' ? 'disk' : 'live'} kind=${S.state === 'unrecorded' ? 'warn' : ''} title=${S.state === 'unrecorded' ? W.common.notOnRecord : S.state === 'cut' ? L.cut : L.none}><p>
      ${S.state === 'unrecorded' ? W.common.notOnRecordWhy : S.state === 'cut' ? S.detail : L.noneWhy}</p><//>`
      : html`<div class=${`grid lgrid ${zone.value}`} ref=${box} onScroll=${onScroll} role="region" tabindex="0" aria-label=${L.rows}>
        <table><thead><tr><th scope="col">${W.explore.time(zoneName())}</th><th scope="col" class="o">${W.explore.outcome}</th>
        <th scope="col">${W.explore.who}</th><th scope="col">${W.explore.action}</th><th scope="col">${W.explore.target}</th></tr></thead>
        <tbody>
        ${S.rows.map((h) => (h.note ? html`<tr key=${h.n} class="note"><td colspan="5">
          ${h.note.gap ? L.gap(h.note.gap) : html`${L.missed} ${h.note.missed.from && html`<a href=${link('explore', { q: query, from: h.note.missed.from, to: h.note.missed.to })}>
          ${L.openGap}</a>`}`}</td></tr>` : html`<${Row} key=${h.n} h=${h} sel=${open === h || cur === h.n} onOpen=${() => { setCur(h.n); pause(); setOpen(h); }}/>`))}
          </tbody></table></div>`}
      ${S.paused && html`<div class="foot held"><${Banner} icon="pause"><div class="row">${L.held(S.heldAll ?? 0)}<span class="grow"></span>
        <${Button} small onClick=${goOn}>${L.goOn}<//></div><//></div>`}</section>
    ${open && html`<${EventPanel} key=${open.n} at=${placeOf(open)} hit=${open} waiting=${false} query=${query} onQuery=${(q) => go('explore', { q })} onStep=${walk} onClose=${() => setOpen(null)}/>`}</div></div>`;
}

function Row({ h, sel, onOpen }) {
  h.f ??= row(h.line);
  return html`<tr id=${`live${h.n}`} class=${sel ? 'sel' : ''} onClick=${onOpen}><td><${EventTime} value=${h.f.time}/></td><td class="c-outcome">
    <${Outcome} value=${h.f.outcome}><${Marked} text=${h.f.outcome} cap=${40}/><//></td><td><${Marked} text=${h.f.who} tag cap=${200}/></td>
    <td><button type="button" class="bare" onClick=${onOpen}><${Marked} text=${h.f.action} cap=${200}/></button>${h.f.own && html` <${Tag}>
      ${W.common.own}<//>`}</td><td><${Marked} text=${h.f.target} cap=${200}/> <span class="q3"><${Marked} text=${h.f.kind} cap=${80}/>
      </span></td></tr>`;
}
