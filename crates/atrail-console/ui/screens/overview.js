/** Overview: the last 24 hours (or another range) at a glance; each number leads into Explore. */
import { html, useMemo } from '../vendor/preact.js';
import { range, scope, scopeKey, asOf, link, go, can, iso, wantsQuery } from '../state.js';
import { ask, read } from '../api.js';
import { Button, Panel, Table, Tag, State, Command, useAsk } from '../parts.js';
import { Histogram, barsOf, bucketMap, stepFor, interval } from '../chart.js';
import { Share } from '../facets.js';
import { only, quote } from '../query.js';
import { curl } from './explore.js';
import { RecordTag, onRecord, readLog } from '../record.js';
import { Marked } from '../text.js';
import { count, many, Size, Time, bounds, rangeName, zoneName } from '../fmt.js';
import { W } from '../words.js';

const O = W.overview;
const DAY = 864e5;
const FAILED = 'outcome:failure';
/** What atrail records of those who read this archive. */
const READS = 'service:ActivityTracker action:(read.* OR search.events OR export.events OR tail.events OR download.events OR prove.event)';
const PEOPLE = 'initiator.name', ADDRESS = 'initiator.host.address';
/** The fields of which values may be new, and the word for one. */
const NEW = [[ADDRESS, 'address'], ['action', 'action'], [PEOPLE, 'person']];
const TOP = [['action', 'topActions'], [PEOPLE, 'topPeople'], ['target.name', 'topTargets'], [ADDRESS, 'topAddresses']];
const SIZE = 1000;

/** The figures of the range, and of the stretch of the same length before it. */
async function figures({ a, b, from, to }, step, signal) {
  const before = iso(a - (b - a));
  const agg = (body) => ask('/v3/aggregate', body, { signal });
  const whole = { start: before, end: to, histogram: { interval: interval(step) } };
  const facets = [...NEW.map(([field]) => ({ field, size: SIZE })), { field: 'target.name', size: 5 }];
  const [now, then, fails, reads] = await Promise.all([
    agg({ start: from, end: to, histogram: { interval: interval(step) }, facets, distinct: ['actor'] }),
    agg({ start: before, end: from, distinct: ['actor'] }),
    agg({ ...whole, query: FAILED }), agg({ ...whole, query: READS })]);
  const parts = (x) => {
    const map = bucketMap(x.histogram);
    let late = 0;
    for (const [t, n] of map) if (t >= a) late += n;
    return { now: late, before: x.total - late, map };
  };
  return { now, then, fails: parts(fails), reads: parts(reads) };
}

/** Values of the range that were not seen in the 30 days before: those that cannot be told from two lists are asked for. */
async function newcomers({ a, from }, now, signal) {
  if (now.total === 0) return [];
  const span = { start: iso(a - 30 * DAY), end: from };
  const old = await ask('/v3/aggregate', { ...span, facets: NEW.map(([field]) => ({ field, size: SIZE })) }, { signal });
  const out = [];
  for (const [field, word] of NEW) {
    const known = old.facets.find((f) => f.field === field);
    const seen = new Set(known.values.map((v) => v.value));
    let fresh = now.facets.find((f) => f.field === field).values.filter((v) => !seen.has(v.value));
    if (known.others > 0 && fresh.length) {
      fresh = fresh.slice(0, 50);
      const again = await ask('/v3/aggregate', { ...span, query: `${field}:(${fresh.map((v) => quote(v.value)).join(' OR ')})`, facets: [{ field, size: SIZE }] }, { signal });
      const late = new Set(again.facets[0].values.map((v) => v.value));
      fresh = fresh.filter((v) => !late.has(v.value));
    }
    out.push(...fresh.map((v) => ({ field, word, ...v })));
  }
  // One of each kind by turns, the most frequent first, so that no kind hides another.
  const by = NEW.map(([f]) => out.filter((x) => x.field === f));
  const mixed = [];
  for (let i = 0; mixed.length < out.length; i += 1) for (const l of by) if (l[i]) mixed.push(l[i]);
  return mixed;
}

/** What the signed log has of the last 30 days, newest first; deletions by retention are folded. */
async function record(signal) {
  const since = iso(Date.now() - 30 * DAY);
  const rows = readLog(await read('/v3/log', {}, { signal, raw: true }));
  return onRecord(rows).filter(({ kind, time }) => kind !== 'genesis' && time >= since);
}

function RecordCell(row, key) {
  switch (key) {
    case 'record': return `#${count(row.index)}`;
    case 'time': return html`<${Time} value=${row.time} short/>`;
    case 'what': return html`<${RecordTag} row=${row}/>`;
    case 'who': return html`<${Marked} text=${row.actor} cap=${80}/>`;
    default: return html`<span class="cut2"><${Marked} text=${row.subject} cap=${200}/></span>`;
  }
}

/** A figure with its change. */
function Figure({ name, n, before, href, change, length }) {
  return html`<a class="figure" href=${href}><span class="label">${name}</span><span class="row big"><b>${count(n)}</b>${change}</span>
    <span class="q3 small">${O.before(before, length)}</span></a>`;
}
const signed = (d) => (d === 0 ? '±0' : `${d > 0 ? '+' : '−'}${count(Math.abs(d))}`);
const percent = (n, b) => (b ? html`<span class="delta">${n >= b ? '+' : '−'}${(Math.abs(n - b) / b * 100).toFixed(1)} %</span>` : null);
const times = (n, b) => (b > 0 && n / b >= 2 ? html`<span class="delta t-fail">
  <svg width="10" height="9" viewBox="0 0 10 9" aria-hidden="true"><path d="M5 0l5 9H0z" fill="currentColor"/>
  </svg> ${(n / b).toFixed(1)}×</span>` : html`<span class="delta">${signed(n - b)}</span>`);

function Top({ facet, title, total }) {
  return html`<section><div class="sec-head"><h2>${title}</h2><a class="quiet small" href=${link('explore', {})}>${W.common.all}
    <span class="sr"> ${title}</span></a></div>
    <ul>${facet.values.slice(0, 5).map((v) => html`<li class="val" key=${v.value}>
      <a class="name" href=${link('explore', { q: only('', facet.field, v.value) })}><span class="cut">
      <${Marked} text=${v.value === '' ? W.explore.emptyText : v.value} cap=${120}/></span><span class="n">${count(v.count)}</span></a><${Share} n=${v.count} of=${total}/></li>`)}
    ${facet.values.length === 0 && html`<li class="q3 small">${W.common.none}</li>`}</ul></section>`;
}

function Newcomers({ r, now }) {
  const a = useAsk((signal) => newcomers(r, now, signal), [scopeKey(), r.from, r.to, now]);
  return html`<section><div class="sec-head"><h2>${range.value.last === '24h' ? O.freshDay : O.fresh}</h2><span class="q3 small right">
    ${O.freshWhy}</span></div><${Panel} ask=${a}>${(list) => (list.length === 0 ? html`<p class="q3 small">${O.freshNone}</p>`
    : html`<ul class="fresh">${list.slice(0, 7).map((v) => html`<li key=${v.field + v.value}><span class="q3">${O[v.word]}</span>
      <a class="quiet cut" href=${link('explore', { q: only('', v.field, v.value) })}><${Marked} text=${v.value === '' ? W.explore.emptyText : v.value} tag cap=${120}/></a>
      <span class="num nowrap">${many(v.count, 'event')}</span></li>`)}</ul>
      ${list.length > 7 && html`<p class="q3 small freshmore">${O.freshMore(list.length - 7)}</p>`}`)}<//></section>`;
}

const SEARCHABLE = new Map([['All', [null, 'all']], ['Some', ['warn', 'some']], ['None', ['warn', 'nothing']]]);
function DayCell(d, key) {
  switch (key) {
    case 'date': return d.date;
    case 'count': return count(d.count);
    case 'size': return html`<${Size} bytes=${d.size}/>`;
    case 'searchable': { const [kind, word] = SEARCHABLE.get(d.searchable) ?? [null, 'all']; return kind ? html`<${Tag} kind=${kind} icon="pending">
      ${O.searchable[word]}<//>` : O.searchable[word]; }
    default: return html`<a class="quiet" href=${link('sessions', { new: '1', from: `${d.date}T00:00:00Z`, to: iso(Date.parse(d.date) + DAY) })}>
      ${W.common.download}<span class="sr"> ${d.date}</span></a>`;
  }
}

export default function Overview() {
  const r = range.value;
  const step = stepFor(r.a, r.b, 31);
  const key = [scopeKey(), r.from, r.to];
  const fig = useAsk((signal) => figures(r, step, signal), key);
  const log = useAsk((signal) => record(signal), [scopeKey()]);
  // Of the last two weeks, or of the days that were asked for.
  const ofRange = r.last ? {} : { start: r.from.slice(0, 10), end: iso(r.b - 1).slice(0, 10) };
  const days = useAsk((signal) => read('/v3/events', ofRange, { signal }), [...key, asOf.value]);
  const bars = useMemo(() => (fig.data ? barsOf({ a: r.a, b: r.b, step, events: bucketMap(fig.data.now.histogram), fails: fig.data.fails.map }) : []), [fig.data]);
  const ex = (q) => link('explore', { q });
  const questions = [['whoDeleted', 'action:*delete*'], ['failedLogins', 'action:(authenticate OR login) outcome:failure'], ['roles', 'action:(*role* OR accept.invitation)'], ['readers', READS]];
  const length = r.last === null || r.last === '24h' ? O.length(r.b - r.a) : rangeName(r);
  const empty = r.last && fig.state === 'ok' && days.state === 'ok' && fig.data.now.total === 0 && days.data.length === 0;
  return html`<div class="page overview"><div class="head"><h1>${r.last === '24h' ? O.title : rangeName(r)}</h1><span class="q3 wide-only">
    ${r.last ? bounds(r) : 'UTC'}</span><div class="row questions" role="group" aria-label=${O.questions}>
    ${questions.map(([k, q]) => html`<${Button} key=${k} href=${ex(q)} onClick=${() => { wantsQuery.value = k === 'whoDeleted'; }}>${O[k]}<//>`)}</div></div>
    ${empty && html`<${State} icon="term" title=${W.explore.nothing}><p>${W.explore.nothingSend}</p>
      <${Command} text=${curl('/v3/events', '--data-binary @event.json')}/><//>`}
    <${Panel} ask=${fig} what=${O.counting} keep>${({ now, then, fails, reads }) => html`
      <div class="figures"><${Figure} name=${O.events} n=${now.total} before=${then.total} length=${length} change=${percent(now.total, then.total)} href=${ex(null)}/>
        <${Figure} name=${O.failures} n=${fails.now} before=${fails.before} length=${length} change=${times(fails.now, fails.before)} href=${ex(FAILED)}/>
        <${Figure} name=${O.people} n=${now.distinct.actor} before=${then.distinct.actor} length=${length} change=${html`<span class="delta">
          ${signed(now.distinct.actor - then.distinct.actor)}</span>`} href=${ex(null)}/>
          <${Figure} name=${O.reads} n=${reads.now} before=${reads.before} length=${length} change=${html`<span class="delta">
          ${signed(reads.now - reads.before)}</span>`} href=${ex(READS)}/></div>
      <div class="mid"><section><div class="sec-head"><h2>${O.byHour}</h2><span class="small q2"><i class="sw"></i>
        ${O.keyEvents} <i class="sw f second"></i>${O.keyFailures}</span></div>
        <${Histogram} bars=${bars} height=${108} now=${asOf.value} names onZoom=${(x, y) => go('explore', { from: iso(x), to: iso(y) })} label=${O.byHourLabel}/>
          </section><${Newcomers} r=${r} now=${now}/></div>
      <div class="cols-4">${TOP.map(([f, t]) => html`<${Top} key=${f} title=${O[t]} facet=${now.facets.find((x) => x.field === f)} total=${now.total}/>`)}</div>`}<//>
    <div class="cols-2"><section><div class="sec-head"><h2>${O.record}</h2><span class="q3 small">${O.recordWhy}</span>
      ${log.data?.length > 6 && html`<a class="quiet small" href=${link('retention', {})}>${O.all(log.data.length)}</a>`}</div>
      <${Panel} ask=${log}>${(list) => (list.length === 0 ? html`<p class="q3 small">${O.recordNone}
        </p>` : html`<${Table} name=${O.record} rows=${list.slice(0, 6)} cell=${RecordCell} cols=${[{ key: 'record', label: O.col.record, mono: true }, { key: 'time', label: O.col.time(zoneName()) }, { key: 'what', label: O.col.what }, { key: 'subject', label: O.col.subject }, { key: 'who', label: O.col.who }]}/>`)}<//></section>
    <section><div class="sec-head"><h2>${O.days}</h2><span class="q3 small">${scope.value.kind === 'account' ? O.daysAccount : O.daysSpace}
      </span>${can('read') && html`<a class="quiet small" href=${link('sessions', { new: '1' })}>${O.pick}</a>`}</div>
      <${Panel} ask=${days}>${(list) => (list.length === 0 ? html`<p class="q3 small">${O.daysNone}
        </p>` : html`<${Table} name=${O.days} rows=${[...list].reverse().slice(0, 7)} cell=${DayCell} cols=${[{ key: 'date', label: O.col.date, mono: true }, { key: 'count', label: O.col.count, num: true }, { key: 'size', label: O.col.size, num: true }, { key: 'searchable', label: O.col.searchable }, { key: 'get', end: true }]}/>`)}
        <//></section></div></div>`;
}
