/** Explore: query, histogram, facets, table, and the event beside it. */
import { html, useState, useEffect, useMemo } from '../vendor/preact.js';
import { route, range, scope, scopeKey, set, link, asOf, useKeys, useLayer, iso, zone } from '../state.js';
import { ask } from '../api.js';
import { Button, Menu, AsCommand, Panel, State, ErrorState, Tag, useAsk, toast, sh, Command } from '../parts.js';
import { Icon } from '../icons.js';
import { QueryBar, chips, join, and } from '../query.js';
import { Histogram, BarTable, barsOf, bucketMap, stepFor, stepName, interval } from '../chart.js';
import { Facets, FIELDS } from '../facets.js';
import { Grid, usePages, PAGE, COLS, EXTRA, loadedText, fields } from '../grid.js';
import { EventPanel } from './event.js';
import { copyLink } from '../frame.js';
import { count, dayMonth, clock, many, rangeName } from '../fmt.js';
import { EventTime } from '../text.js';
import { hits } from '../json.js';
import { W } from '../words.js';

const E = W.explore;
const FAILED = 'outcome:failure';
/** What leaves out the events that atrail itself records. */
const OWN = '-observer.name:ActivityTracker';

/** Counts, histogram and facets of the whole range: one request; a second one for failures where there are some. */
async function counts(query, span, step, signal) {
  const body = { query, ...span, histogram: { interval: interval(step) } };
  const all = await ask('/v3/aggregate', { ...body, facets: FIELDS.map((field) => ({ field, size: 10 })), ...(scope.value.kind === 'account' && { spaces: 10 }) }, { signal });
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
    const before = await one({ start: '1970-01-01', end: span.start });
    const after = await one({ start: span.end, end: '2149-06-05', order: 'oldest' });
    const all = query ? (await ask('/v3/aggregate', { ...span }, { signal })).total : 0;
    return { before, after, all };
  }, [query, span.start, span.end]);
  const list = chips(query);
  return html`<${Panel} ask=${near}>${({ before, after, all }) => {
    if (!query && !before && !after) return html`<${State} icon="term" title=${E.nothing}><p>${E.nothingSend}</p>
      <${Command} text=${curl('/v3/events', '--data-binary @event.json')}/><//>`;
    const t = (h) => (h ? html`<${EventTime} value=${fields(h).time}/>` : W.common.none);
    const dayOf = (h) => Date.parse(h.place.day);
    const to = (h) => set({ from: iso(dayOf(h)), to: iso(dayOf(h) + 864e5) });
    return html`<${State} icon="explore" title=${query ? E.empty(all) : E.emptyRange} actions=${html`
      ${list.length > 0 && html`<${Button} onClick=${() => set({ q: join(list.slice(0, -1)), at: null })}>${E.drop(list.at(-1).text)}<//>`}
      ${[before, after].map((h) => h && html`<${Button} onClick=${() => to(h)}>${E.goTo(dayMonth(dayOf(h)))}<//>`)}`}>
      <p>${E.before} ${t(before)}. ${E.after} ${t(after)}.</p><//>`;
  }}<//>`;
}

/** How commands name the scope: a header, an option, and the line that goes before. */
function target() {
  const s = scope.value;
  if (s.kind === 'account') return { header: `-H "X-Auth-Account-Id: ${s.account}"`, flag: ' -a', first: '' };
  return { header: `-H "X-Auth-Project-Id: ${s.id}"`, flag: '', first: `atrail target -o ${sh(s.path[1])} -s ${sh(s.name)}\n` };
}
/** The curl line of a call in this scope. The token is never in it. */
export const curl = (path, rest) => `curl -H "X-Auth-Token: bearer $TOKEN" ${target().header} ${rest} ${location.origin}${path}`;
const body = (o) => `-d ${sh(JSON.stringify(scope.value.kind === 'account' ? { ...o, AtAccountLevel: true } : o))}`;

/**
 * The columns that the server's CSV has (docs/EXPORT.md), by the names of columns here.
 * @type {Map<string, string>}
 */
const CSV = new Map([['who', 'initiator.name'], ['target', 'target.name'], ...['time', 'eventTime', 'id', 'eventType', 'action', 'outcome', 'severity',
  'initiator.id', 'initiator.name', 'initiator.typeURI', 'initiator.host.address', 'initiator.host.agent', 'initiator.project_id',
  'target.id', 'target.name', 'target.typeURI', 'target.project_id', 'observer.id', 'observer.name', 'observer.typeURI',
  'reason.reasonCode', 'reason.reasonType', 'requestPath', 'message'].map((c) => /** @type {[string, string]} */ ([c, c]))]);

/** Prepares an export and has the browser save it: the server streams, without a limit of rows. */
async function exportAs(as, query, span, cols) {
  try {
    const { id } = await ask('/v3/exports', { query, ...span, as, ...(cols ? { columns: cols.map((c) => CSV.get(c)) } : {}) });
    const a = document.createElement('a');
    a.href = `/v3/exports/${id}`; a.download = '';
    document.body.append(a); a.click(); a.remove();
    toast(E.exportBegan);
  } catch (e) { toast(`${e.code}: ${e.detail}`, { kind: 'fail' }); }
}

function Actions({ query, span, cols, narrow, facets, onFacets }) {
  const t = target();
  const where = `${t.flag} ${query ? `${sh(query)} ` : ''}-s ${span.start} -e ${span.end}`;
  const lines = [{ label: 'atrail', text: `${t.first}atrail search${where}` }, { label: 'curl', text: curl('/v3/search', body({ query, ...span })) }];
  const csv = { label: E.asCsv, icon: 'file', onClick: () => exportAs('csv', query, span, null) };
  const csvCols = cols.every((c) => CSV.has(c)) && { label: E.asCsvCols, icon: 'cols', onClick: () => exportAs('csv', query, span, cols) };
  const ndjson = { label: E.asNdjson, icon: 'file', onClick: () => exportAs('ndjson', query, span) };
  const tail = link('live', { q: query });
  const proof = html`<${Button} kind="fill" icon="verify" href=${link('sessions', { new: '1', q: query })}>
    <span>${E.proofShort}<span class="wide-only"> ${E.proofMore}</span></span><//>`;
  if (narrow) return html`<div class="row acts"><${Button} icon="filter" onClick=${onFacets}>${E.facetsButton}<//>${proof}</div>`;
  return html`<div class="row acts">
    <${Button} icon="filter" class="narrow-only" label=${E.facets} aria-pressed=${String(facets)} onClick=${onFacets}/>
    <${Button} icon="live" class="wide-act" href=${tail}>${E.tail}<//>
    <${Menu} icon="term" right class="wide-act" chev=${false} label=${W.common.asCommand}>
      ${() => html`<div class="pad cmds"><${AsCommand} lines=${lines}/></div>`}<//>
    <${Menu} icon="file" right class="wide-act" label=${E.matching} items=${[csv, csvCols, ndjson, { rule: true }, { head: E.noLimit }]}/>
    <${Menu} icon="more" right class="thin-act" said=${W.common.actions} chev=${false} items=${[{ label: E.tail, icon: 'live', href: tail }, csv, ndjson]}/>
    ${proof}</div>`;
}

function Columns({ cols }) {
  const [own, setOwn] = useState('');
  const put = (next) => set({ cols: next.join(',') === COLS.join(',') ? null : next.join(',') }, { replace: true });
  const all = [...new Set([...COLS, ...EXTRA, ...cols])];
  const add = (e) => {
    e.preventDefault();
    if (!/^[^,\s]{1,120}$/.test(own)) return;
    put([...new Set([...cols, own])]); setOwn('');
  };
  return html`<${Menu} right kind="plain" small icon="cols" said=${E.columns} chev=${false}>${() => html`<div class="stack pad">
    ${all.map((c) => html`<label class="check" key=${c}><input type="checkbox" checked=${cols.includes(c)} disabled=${cols.length === 1 && cols[0] === c}
      onChange=${(e) => put(e.target.checked ? [...cols, c] : cols.filter((x) => x !== c))}/>${c}</label>`)}
    <form class="row" onSubmit=${add}>
      <input type="text" class="mono" aria-label=${E.columnPath} placeholder=${E.columnPath} value=${own} onInput=${(e) => setOwn(e.target.value.trim())}/>
      <${Button} type="submit">${E.add}<//></form></div>`}<//>`;
}

/** The place of a hit in a link: sealed ones by segment and index, others by their leaf. */
export const placeOf = ({ place }) => (place.segment ? `${place.segment}.${place.index}` : leafPlace(place));
const leafPlace = ({ leaf }) => `leaf.${leaf.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`;
/** Whether a hit is the one that a link names: one that was not sealed then is found by its leaf. */
const isAt = (at, hit) => placeOf(hit) === at || (at.startsWith('leaf.') && leafPlace(hit.place) === at);

/** The key and the bars (or their table), and what is selected on them. */
function Bars({ agg, known, bars, step, sel, onSel, onZoom, query, onQuery, low, asTable }) {
  const inside = sel && bars[sel[1]] ? bars.slice(sel[0], sel[1] + 1) : null;
  const picked = inside && {
    from: inside[0].t, to: inside.at(-1).end,
    n: inside.reduce((sum, bar) => sum + bar.n, 0), f: inside.reduce((sum, bar) => sum + bar.f, 0),
  };
  const ownless = chips(query).some((c) => c.text === OWN);
  const own = () => onQuery(ownless ? join(chips(query).filter((c) => c.text !== OWN)) : and(query, OWN));
  const line = known?.searched.unindexed_days.length ?? 0;
  return html`<section class="hist" aria-label=${E.histogram}><div class="key">
      <span><i class="sw"></i>${known ? many(known.total, 'event') : '…'}</span>
      <span><i class="sw f"></i>${known ? E.failures(known.failed) : '…'}</span>
      <span class="q3 wide-only">${E.oneBar(stepName(step), zone.value === 'local')}</span>
      ${line > 0 && html`<${Tag} kind="warn" icon="pending">${E.unindexed(line)}<//>`}
      <span class="grow"></span>
      ${!picked && html`<button type="button" class="link wide-only" onClick=${own}>${ownless ? E.withOwn : E.withoutOwn}</button>`}
      ${picked && html`<b>${dayMonth(picked.from)} ${clock(picked.from)} – ${clock(picked.to)}</b>
        <span class="q2 wide-only">${E.picked(picked.n, picked.f)}</span>
        <${Button} small kbd="↵" onClick=${() => onZoom(picked.from, picked.to)}>${E.zoom}<//>
        <${Button} small kind="plain" onClick=${() => onSel(null)}>${E.clear}<//>`}
      <${Button} small kind="plain" icon=${asTable ? 'overview' : 'cols'} label=${asTable ? E.asBars : E.asTable}
        onClick=${() => set({ table: asTable ? null : '1' }, { replace: true })}/></div>
    <div class="plot">${agg.state === 'error' && agg.error.code !== 'query_invalid' && html`<p class="error"><${Icon} name="fail"/>
      <span>${E.notCounted} <code>${agg.error.code}</code>: ${agg.error.detail} <button type="button" class="link" onClick=${agg.again}>${W.common.retry}</button></span></p>`}
      ${bars.length > 0 && (asTable ? html`<${BarTable} bars=${bars} onZoom=${onZoom}/>`
    : html`<${Histogram} bars=${bars} height=${low ? 40 : 66} now=${asOf.value} sel=${sel} onSel=${onSel} onZoom=${onZoom}
        label=${E.histogramLabel}/>`)}</div></section>`;
}

/** The rows, or why there are none. */
function Rows({ pages, agg, bad, total, grid, query, span, cols }) {
  const found = pages.ask;
  if (bad) return html`<${State} icon="explore" title=${E.notAsked}><p>${E.notAskedWhy}</p><//>`;
  if (found.state === 'error' && found.error) return html`<${ErrorState} error=${found.error} again=${found.again} title=${E.failed}/>`;
  if ((found.state === 'slow' || agg.state === 'slow') && !found.data) {
    const cancel = html`<${Button} onClick=${() => { found.cancel(); agg.cancel(); }}>${W.common.cancel}<//>`;
    return html`<${State} icon="pending" title=${E.searching(rangeName(range.value))} actions=${cancel}/>`;
  }
  if (found.state === 'ok' && pages.n === 0) return html`<${Empty} query=${query} span=${span}/>`;
  if (found.state === 'loading' && found.shown) return html`<div class="padded"><${Panel} ask=${{ ...found, data: undefined }}/></div>`;
  return html`<div class="gridbox"><div class="colmenu"><${Columns} cols=${cols}/></div><${Grid} ...${grid}/></div>
    <footer class="foot"><span>${loadedText(pages)}</span>
      ${pages.hasMore && html`<${Button} small kind="plain" disabled=${pages.busy} onClick=${pages.more}>
        ${pages.busy ? W.common.loading : E.loadMore(Math.min(PAGE, (total ?? Infinity) - pages.n))}<//>`}
      ${pages.error && html`<span class="t-fail">${pages.error.detail}</span>`}
      <span class="grow"></span>
      <span class="wide-only keyhint"><kbd>j</kbd> <kbd>k</kbd> ${E.move} <kbd>↵</kbd> ${E.open} <kbd>p</kbd> ${E.prove}</span></footer>`;
}

export default function Explore() {
  const p = route.value.params;
  const query = p.get('q') ?? '', order = p.get('order') === 'oldest' ? 'oldest' : 'newest', at = p.get('at');
  const cols = (p.get('cols') ?? '').split(',').filter(Boolean);
  if (!cols.length) cols.push(...COLS);
  const { a, b, from, to } = range.value;
  const span = useMemo(() => ({ start: from, end: to }), [from, to]);
  const deps = [scopeKey(), query, from, to];
  const asked = stepFor(a, b);
  const agg = useAsk((signal) => counts(query, span, asked, signal), deps);
  const pages = usePages({ query, ...span, order }, [...deps, order]);
  const [sel, setSel] = useState(null);
  const [cur, setCur] = useState(-1);
  const [facetsOpen, setFacets] = useState(false);
  useEffect(() => { setSel(null); setCur(-1); }, deps);
  useLayer(() => setFacets(false), facetsOpen);

  const open = at ? pages.find((h) => isAt(at, h)) : -1;
  const show = (i) => { const h = pages.row(i); if (h) { set({ at: placeOf(h) }, { replace: !!at }); setFacets(false); } };
  const walk = (d) => {
    const i = Math.max(0, Math.min(pages.n - 1, (open >= 0 ? open : cur) + d));
    setCur(i); show(i);
    if (i > pages.n - 20 && pages.hasMore) pages.more();
  };
  const onCur = (i) => { setCur(i); if (at && i !== open) show(i); };
  const onQuery = (q) => set({ q, at: null });
  const zoom = (x, y) => { setSel(null); set({ from: iso(x), to: iso(y), at: null }); };
  const close = () => { set({ at: null }); setTimeout(() => /** @type {HTMLElement} */ (document.querySelector('.grid'))?.focus()); };
  useKeys({
    j: () => onCur(Math.min(pages.n - 1, cur + 1)), k: () => onCur(Math.max(0, cur - 1)), '[': () => walk(-1), ']': () => walk(1),
    Enter: (e) => (cur >= 0 && !e.target.closest('button,a') ? show(cur) : false),
  });

  // An older answer stays for the blink of an eye only: what is shown belongs to the question above it.
  const known = agg.state === 'ok' || (agg.state === 'loading' && !agg.shown) ? agg.data : undefined;
  const step = known?.histogram?.interval_seconds ?? asked;
  const bars = useMemo(() => (known ? barsOf({ a, b, step, events: known.events, fails: known.fails }) : []), [known]);
  const bad = [agg, pages.ask].map((x) => x.error).find((e) => e?.code === 'query_invalid');
  const total = known?.total, hasPanel = !!at;
  const grid = {
    pages, total, cols, narrow: hasPanel, cur: cur >= 0 ? cur : open, onCur, onOpen: show, open, order, head: E.events,
    onOrder: () => set({ order: order === 'oldest' ? null : 'oldest' }),
  };
  return html`<div class="explore"><h1 class="sr">${W.frame.explore}</h1>
    <${QueryBar} query=${query} onQuery=${onQuery} problem=${bad}><${Button} icon="link" class="wide-only" onClick=${copyLink}>${E.copyLink}<//><//>
    <div class=${`split ${hasPanel ? 'has-panel' : ''}`}><div class="left">
        <${Bars} agg=${agg} known=${known} bars=${bars} step=${step} sel=${sel} onSel=${setSel} onZoom=${zoom} query=${query} onQuery=${onQuery}
          low=${hasPanel} asTable=${p.get('table') === '1'}/>
        <div class="lower">
          ${!hasPanel && html`<aside class=${`fcol ${facetsOpen ? 'shown' : ''}`} aria-label=${E.facets}>
            ${facetsOpen && html`<${Button} kind="plain" icon="x" class="narrow-only fclose" label=${W.common.close} onClick=${() => setFacets(false)}/>`}
            ${known && html`<${Facets} answer=${known} query=${query} span=${span} onQuery=${onQuery}/>`}</aside>`}
          <section class="rows" aria-label=${E.events}><div class="tools">
              <p class="of" aria-live="polite">${pages.ask.state === 'ok' && total !== undefined && html`<b>${count(pages.n)}</b> ${E.of} <b>${count(total)}</b>`}</p>
              <span class="grow"></span>
              <${Actions} query=${query} span=${span} cols=${cols} narrow=${hasPanel} facets=${facetsOpen}
                onFacets=${() => (hasPanel ? set({ at: null }) : setFacets(!facetsOpen))}/></div>
            <${Rows} pages=${pages} agg=${agg} bad=${bad} total=${total} grid=${grid} query=${query} span=${span} cols=${cols}/></section></div></div>
      ${hasPanel && html`<${EventPanel} key=${at} at=${at} hit=${open >= 0 ? pages.row(open) : null} waiting=${open < 0 && pages.ask.state !== 'ok' && pages.ask.state !== 'error' && pages.ask}
        query=${query} onQuery=${onQuery} onStep=${walk} onClose=${close}/>`}</div></div>`;
}
