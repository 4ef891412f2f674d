/** Explore: query, histogram, facets, table, and the event beside it. */
import { html, useState, useEffect, useMemo } from '../vendor/preact.js';
import { route, range, scope, scopeKey, set, go, link, asOf, useKeys, iso, zone } from '../state.js';
import { ask, call } from '../api.js';
import { Button, Menu, AsCommand, Panel, State, ErrorState, useAsk, toast, sh, Copy, Command } from '../parts.js';
import { QueryBar, chips, join, and } from '../query.js';
import { Histogram, BarTable, barsOf, bucketMap, stepFor, stepName, interval } from '../chart.js';
import { Facets, FIELDS } from '../facets.js';
import { Grid, usePages, COLS, EXTRA, loadedText, fields } from '../grid.js';
import { EventPanel } from './event.js';
import { copyLink } from '../frame.js';
import { count, dayMonth, clock, many, Time, rangeName } from '../fmt.js';
import { hits } from '../json.js';
import { W } from '../words.js';

const E = W.explore;
const FAILED = 'outcome:failure';
/** What leaves out the events that atrail itself records. */
const OWN = '-observer.name:ActivityTracker';

/** Counts, histogram and facets of the whole range: one request; a second one for failures where there are some. */
async function counts(query, span, step, signal) {
  const body = { query, ...span, histogram: { interval: interval(step) } };
  const all = await ask('/v3/aggregate', { ...body, facets: FIELDS.map((field) => ({ field, size: 10 })) }, { signal });
  const out = all.facets[FIELDS.indexOf('outcome')];
  const failed = out.values.filter((v) => v.value.toLowerCase() === 'failure').reduce((s, v) => s + v.count, 0);
  const same = failed === all.total;
  const fails = failed === 0 && out.others === 0 ? null : same ? all
    : await ask('/v3/aggregate', { ...body, query: query ? `(${query}) ${FAILED}` : FAILED }, { signal });
  return { ...all, failed: fails?.total ?? 0, events: bucketMap(all.histogram), fails: bucketMap(fails?.histogram) };
}

/** Where nothing matches: how many there are, and the nearest matches before and after. */
function Empty({ query, span }) {
  const near = useAsk(async (signal) => {
    const one = async (body) => hits(await ask('/v3/search', { query, limit: 1, ...body }, { signal, raw: true })).pairs[0] ?? null;
    const [before, after, all] = [await one({ start: '1970-01-01', end: span.start }), await one({ start: span.end, end: '2149-06-05', order: 'oldest' }),
      query ? await ask('/v3/aggregate', { ...span }, { signal }) : { total: 0 }];
    return { before, after, all: all.total };
  }, [query, span.start, span.end]);
  const list = chips(query);
  return html`<${Panel} ask=${near}>${({ before, after, all }) => {
    if (!query && !before && !after) return html`<${State} icon="term" title=${E.nothing}><p>${E.nothingSend}</p><${Command} text=${curl('/v3/events', '--data-binary @event.json')}/><//>`;
    const t = (h) => (h ? html`<${Time} value=${fields(h).time}/>` : W.common.none);
    const to = (h) => { const ms = Date.parse(fields(h).time); set({ from: iso(Math.floor(ms / 864e5) * 864e5), to: iso(Math.floor(ms / 864e5) * 864e5 + 864e5) }); };
    const day = (h) => dayMonth(Date.parse(fields(h).time));
    return html`<${State} icon="explore" title=${query ? E.empty(all) : E.emptyRange} actions=${html`
      ${list.length > 0 && html`<${Button} onClick=${() => set({ q: join(list.slice(0, -1)), at: null })}>${E.drop(list.at(-1).text)}<//>`}
      ${[before, after].map((h) => h && html`<${Button} onClick=${() => to(h)}>${E.goTo(day(h))}<//>`)}`}>
      <p>${E.before} ${t(before)}. ${E.after} ${t(after)}.</p><//>`;
  }}<//>`;
}

const target = () => { const s = scope.value; return s.kind === 'account' ? { header: `-H "X-Auth-Account-Id: ${s.account}"`, flag: ' -a', first: '' } : { header: `-H "X-Auth-Project-Id: ${s.id}"`, flag: '', first: `atrail target -o ${sh(s.path[1])} -s ${sh(s.name)}\n` }; };
/** The curl line of a call in this scope. The token is never in it. */
export const curl = (path, rest) => `curl -H "X-Auth-Token: bearer $TOKEN" ${target().header} ${rest} ${location.origin}${path}`;
const body = (o) => `-d ${sh(JSON.stringify(scope.value.kind === 'account' ? { ...o, AtAccountLevel: true } : o))}`;

async function exportAs(as, query, span, cols) {
  const paths = { who: 'initiator.name', target: 'target.name' };
  try {
    const { id } = await ask('/v3/exports', { query, ...span, as, ...(as === 'csv' && cols ? { columns: cols.map((c) => paths[c] ?? c) } : {}) });
    const a = document.createElement('a');
    a.href = `/v3/exports/${id}`; a.download = '';
    document.body.append(a); a.click(); a.remove();
    toast(E.exportBegan);
  } catch (e) { toast(`${e.code}: ${e.detail}`, { kind: 'fail' }); }
}

function Actions({ query, span, cols, narrow, facets, onFacets }) {
  const t = target();
  const lines = () => [
    { label: 'atrail', text: `${t.first}atrail search${t.flag} ${query ? `${sh(query)} ` : ''}-s ${span.start} -e ${span.end}` }, { label: 'curl', text: curl('/v3/search', body({ query, ...span })) }];
  return html`<div class="row acts">
    ${narrow ? html`<${Button} icon="filter" class="fbtn" onClick=${onFacets}>${E.facetsButton}<//>` : html`
    <${Button} icon="filter" class="fbtn narrow-only" label=${facets ? E.facets : E.facets} aria-pressed=${String(facets)} onClick=${onFacets}/>
    <${Button} icon="live" class="wide-act" href=${link('live', { q: query })}>${E.tail}<//>
    <${Menu} icon="term" right class="wide-act" chev=${false} label=${W.common.asCommand}>${() => html`<div class="pad cmds"><${AsCommand} lines=${lines()}/></div>`}<//>
    <${Menu} icon="file" right class="wide-act" label=${E.matching} items=${[{ label: E.asCsv, icon: 'file', onClick: () => exportAs('csv', query, span, null) }, { label: E.asCsvCols, icon: 'cols', onClick: () => exportAs('csv', query, span, cols) }, { label: E.asNdjson, icon: 'file', onClick: () => exportAs('ndjson', query, span) }, { rule: true }, { head: E.noLimit }]}/>
    <${Menu} icon="more" right class="thin-act" said=${W.common.actions} chev=${false} items=${[{ label: E.tail, icon: 'live', href: link('live', { q: query }) }, { label: E.asCsv, icon: 'file', onClick: () => exportAs('csv', query, span, null) }, { label: E.asNdjson, icon: 'file', onClick: () => exportAs('ndjson', query, span) }]}/>`}
    <${Button} kind="fill" icon="verify" href=${link('sessions', { new: '1', q: query })}><span>${E.proofShort}<span class="wide-only"> ${E.proofMore}</span></span><//></div>`;
}

function Columns({ cols }) {
  const [own, setOwn] = useState('');
  const put = (next) => set({ cols: next.join(',') === COLS.join(',') ? null : next.join(',') }, { replace: true });
  const all = [...new Set([...COLS, ...EXTRA, ...cols])];
  return html`<${Menu} right kind="plain" small icon="cols" said=${E.columns} chev=${false}>${() => html`<div class="stack pad">
    ${all.map((c) => html`<label class="check" key=${c}><input type="checkbox" checked=${cols.includes(c)} disabled=${cols.length === 1 && cols[0] === c} onChange=${(e) => put(e.target.checked ? [...cols, c] : cols.filter((x) => x !== c))}/>${c}</label>`)}
    <form class="row" onSubmit=${(e) => { e.preventDefault(); if (/^[^,\s]{1,120}$/.test(own)) { put([...new Set([...cols, own])]); setOwn(''); } }}><input type="text" class="mono" aria-label=${E.columnPath} placeholder=${E.columnPath} value=${own} onInput=${(e) => setOwn(e.target.value.trim())}/><${Button} type="submit">${E.add}<//></form></div>`}<//>`;
}

/** The place of a hit in a link: sealed ones by segment and index, others by their leaf. */
export const placeOf = ({ place }) => (place.segment ? `${place.segment}.${place.index}` : `leaf.${place.leaf.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`);

export default function Explore() {
  const p = route.value.params;
  const query = p.get('q') ?? '', order = p.get('order') === 'oldest' ? 'oldest' : 'newest';
  const cols = (p.get('cols') ?? '').split(',').filter(Boolean);
  if (!cols.length) cols.push(...COLS);
  const { a, b, from, to } = range.value;
  const span = useMemo(() => ({ start: from, end: to }), [from, to]);
  const deps = [scopeKey(), query, from, to];
  const step = stepFor(a, b);
  const agg = useAsk((signal) => counts(query, span, step, signal), deps);
  const pages = usePages({ query, ...span, order }, [...deps, order]);
  const [sel, setSel] = useState(null);
  const [cur, setCur] = useState(-1);
  const [facetsOpen, setFacets] = useState(false);
  useEffect(() => { setSel(null); setCur(-1); }, deps);
  const at = p.get('at');
  const open = at ? pages.find((h) => placeOf(h) === at) : -1;
  const show = (i) => { const h = pages.row(i); if (h) { set({ at: placeOf(h) }, { replace: !!at }); setFacets(false); } };
  const walk = (d) => { const i = Math.max(0, Math.min(pages.n - 1, (open >= 0 ? open : cur) + d)); setCur(i); show(i); if (i > pages.n - 20 && pages.hasMore) pages.more(); };
  const onCur = (i) => { setCur(i); if (at && i !== open) show(i); };
  const onQuery = (q) => set({ q, at: null });
  const zoom = (x, y) => { setSel(null); set({ from: iso(x), to: iso(y), at: null }); };
  useKeys({ j: () => onCur(Math.min(pages.n - 1, cur + 1)), k: () => onCur(Math.max(0, cur - 1)), Enter: (e) => (cur >= 0 && !e.target.closest('button,a') ? show(cur) : false), '[': () => walk(-1), ']': () => walk(1) });
  const bars = agg.data ? barsOf({ a, b, step: agg.data.histogram?.interval_seconds ?? step, events: agg.data.events, fails: agg.data.fails }) : [];
  const picked = sel && bars[sel[1]] ? { from: bars[sel[0]].t, to: bars[sel[1]].end, n: bars.slice(sel[0], sel[1] + 1).reduce((s, x) => s + x.n, 0), f: bars.slice(sel[0], sel[1] + 1).reduce((s, x) => s + x.f, 0) } : null;
  const bad = [agg, pages.ask].map((x) => x.error).find((e) => e?.code === 'query_invalid');
  const total = agg.data?.total;
  const asTable = p.get('table') === '1';
  const panel = !!at;
  const ownless = chips(query).some((c) => c.text === OWN);
  const slow = pages.ask.state === 'slow' || agg.state === 'slow';
  return html`<div class="explore"><h1 class="sr">${W.frame.explore}</h1>
    <${QueryBar} query=${query} onQuery=${onQuery} problem=${bad}><${Button} icon="link" class="wide-only" onClick=${copyLink}>${E.copyLink}<//><//>
    <div class=${`split ${panel ? 'has-panel' : ''}`}><div class="left">
      <section class="hist" aria-label=${E.histogram}><div class="key"><span><i class="sw"></i>${total === undefined ? '…' : many(total, 'event')}</span>
        <span><i class="sw f"></i>${agg.data ? E.failures(agg.data.failed) : '…'}</span><span class="q3 wide-only">${E.oneBar(stepName(agg.data?.histogram?.interval_seconds ?? step), zone.value === 'local')}</span>
        ${agg.data?.searched.unindexed_days.length > 0 && html`<span class="tag warn">${E.unindexed(agg.data.searched.unindexed_days.length)}</span>`}
        <span class="grow"></span>${!picked && html`<button type="button" class="link wide-only" onClick=${() => onQuery(ownless ? join(chips(query).filter((c) => c.text !== OWN)) : and(query, OWN))}>${ownless ? E.withOwn : E.withoutOwn}</button>`}${picked && html`<b>${dayMonth(picked.from)} ${clock(picked.from)} – ${clock(picked.to)}</b><span class="q2 wide-only">${E.picked(picked.n, picked.f)}</span><${Button} small kbd="↵" onClick=${() => zoom(picked.from, picked.to)}>${E.zoom}<//><${Button} small kind="plain" onClick=${() => setSel(null)}>${E.clear}<//>`}
        <${Button} small kind="plain" icon=${asTable ? 'overview' : 'cols'} label=${asTable ? E.asBars : E.asTable} onClick=${() => set({ table: asTable ? null : '1' }, { replace: true })}/></div>
        <div class="plot">${bars.length > 0 && (asTable ? html`<${BarTable} bars=${bars} onZoom=${zoom}/>` : html`<${Histogram} bars=${bars} height=${panel ? 40 : 66} now=${asOf.value} sel=${sel} onSel=${setSel} onZoom=${zoom} label=${E.histogramLabel}/>`)}</div></section>
      <div class="lower">${!panel && html`<aside class=${`fcol ${facetsOpen ? 'shown' : ''}`} aria-label=${E.facets}>${agg.data ? html`<${Facets} answer=${agg.data} query=${query} span=${span} onQuery=${onQuery}/>` : agg.state !== 'error' && html`<div class="facets"></div>`}</aside>`}
        <section class="rows" aria-label=${E.events}><div class="tools"><p class="of" aria-live="polite">${pages.ask.data && total !== undefined && html`<b>${count(pages.n)}</b> ${E.of} <b>${count(total)}</b>`}</p><span class="grow"></span>
            <${Actions} query=${query} span=${span} cols=${cols} narrow=${panel} facets=${facetsOpen} onFacets=${() => (panel ? set({ at: null }) : setFacets(!facetsOpen))}/></div>
          ${bad ? html`<${State} icon="explore" title=${E.notAsked}><p>${E.notAskedWhy}</p><//>` : pages.ask.state === 'error' && pages.ask.error ? html`<${ErrorState} error=${pages.ask.error} again=${pages.ask.again} title=${E.failed}/>`
    : slow && !pages.ask.data ? html`<${State} icon="pending" title=${E.searching(rangeName(range.value))} actions=${html`<${Button} onClick=${() => { pages.ask.cancel(); agg.cancel(); }}>${W.common.cancel}<//>`}/>`
      : pages.ask.state === 'ok' && pages.n === 0 ? html`<${Empty} query=${query} span=${span}/>`
        : html`<div class=${`gridbox ${pages.ask.state === 'loading' && pages.ask.shown ? 'stale' : ''}`}><div class="colmenu"><${Columns} cols=${cols}/></div><${Grid} pages=${pages} total=${total} cols=${cols} narrow=${panel} cur=${cur >= 0 ? cur : open} onCur=${onCur} onOpen=${show} open=${open} order=${order} onOrder=${() => set({ order: order === 'oldest' ? null : 'oldest' })} head=${E.events}/></div>
        <footer class="foot"><span>${loadedText(pages)}</span>${pages.hasMore && html`<${Button} small kind="plain" disabled=${pages.busy} onClick=${pages.more}>${pages.busy ? W.common.loading : E.loadMore(Math.min(200, (total ?? Infinity) - pages.n))}<//>`}
          ${pages.error && html`<span class="t-fail">${pages.error.detail}</span>`}<span class="grow"></span><span class="wide-only keyhint"><kbd>j</kbd> <kbd>k</kbd> ${E.move} <kbd>↵</kbd> ${E.open} <kbd>p</kbd> ${E.prove}</span></footer>`}</section></div></div>
      ${panel && html`<${EventPanel} key=${at} at=${at} hit=${open >= 0 ? pages.row(open) : null} waiting=${open < 0 && pages.ask.state !== 'ok'} query=${query} onQuery=${onQuery} onStep=${walk} onClose=${() => { set({ at: null }); setTimeout(() => document.querySelector('.grid')?.focus()); }}/>`}</div></div>`;
}
