/** Facets: the most frequent values of the usual fields, of the whole range. */
import { html, useState, useEffect } from './vendor/preact.js';
import { Icon } from './icons.js';
import { Marked } from './text.js';
import { count } from './fmt.js';
import { useAsk, ErrorState } from './parts.js';
import { more, only, and, quote, chips } from './query.js';
import { ask } from './api.js';
import { route, scopes, link } from './state.js';
import { W } from './words.js';

const E = W.explore;
/** The fields, in their order. */
export const FIELDS = ['action', 'outcome', 'initiator.name', 'initiator.host.address', 'target.name', 'target.typeURI', 'observer.name', 'reason.reasonCode', 'eventType'];
const FIRST = 5;

/** The share of all matches, as a line below the value. */
export const Share = ({ n, of }) => html`<span class="share" aria-hidden="true">
  <span style=${{ width: `${of ? Math.min(100, n / of * 100) : 0}%` }}></span></span>`;

function Value({ field, value, n, total, query, onQuery }) {
  const said = value.length > 80 ? value.slice(0, 80) + '…' : value;
  return html`<li class="val"><button type="button" class="name" onClick=${() => onQuery(only(query, field, value))}><span class="sr">
    ${E.only} </span><span class="cut"><${Marked} text=${value === '' ? E.emptyText : value} cap=${200}/></span> <span class="n">${count(n)}
    </span></button>
    <span class="pm"><button type="button" aria-label=${E.include(field, said)} onClick=${() => onQuery(more(query, field, value))}>
      <${Icon} name="plus" size=${12}/></button><button type="button" aria-label=${E.exclude(field, said)} onClick=${() => onQuery(more(query, field, value, true))}>
      <${Icon} name="minus" size=${12}/></button></span>
    <${Share} n=${n} of=${total}/></li>`;
}

/** What is not listed: others and events without the field. */
function Rest({ field, values, others, missing, total, query, onQuery }) {
  const listed = `-${field}:(${values.map((v) => quote(v.value)).join(' OR ')})`;
  const row = (name, n, condition, opposite) => html`<li class="val">
    <button type="button" class="name" onClick=${() => onQuery(and(query, condition))}><span class="q3">${name}</span><span class="n">
    ${count(n)}</span></button>
    <span class="pm"><button type="button" aria-label=${`${name}: ${E.includeWord}`} onClick=${() => onQuery(and(query, condition))}>
      <${Icon} name="plus" size=${12}/></button><button type="button" aria-label=${`${name}: ${E.excludeWord}`} onClick=${() => onQuery(and(query, opposite))}>
      <${Icon} name="minus" size=${12}/></button></span><${Share} n=${n} of=${total}/></li>`;
  return html`${others > 0 && row(E.others, others, `${listed} _exists_:${field}`, listed.slice(1))}${missing > 0 && row(E.missing, missing, `-_exists_:${field}`, `_exists_:${field}`)}`;
}

/** A facet with all that it has: 100 values, and a search within them. */
function Whole({ field, query, span, total, onQuery }) {
  const [within, setWithin] = useState('');
  const [asked, setAsked] = useState('');
  useEffect(() => { const t = setTimeout(() => setAsked(within.trim()), 250); return () => clearTimeout(t); }, [within]);
  const q = asked ? and(query, `${field}:*${asked.replace(/[^\p{L}\p{N}_.-]/gu, (c) => (c.codePointAt(0) < 128 ? '\\' : '') + c)}*`) : query;
  const a = useAsk((signal) => ask('/v3/aggregate', { query: q, ...span, facets: [{ field, size: 100 }] }, { signal }), [q, span.start, span.end]);
  const f = a.data?.facets[0];
  return html`<input type="search" class="within" aria-label=${E.within(field)} placeholder=${E.withinHint} value=${within} onInput=${(e) => setWithin(e.target.value)}/>
    ${a.state === 'error' ? html`<${ErrorState} error=${a.error} again=${a.again}/>` : f && html`<ul>
      ${f.values.map((v) => html`<${Value} key=${v.value} field=${field} value=${v.value} n=${v.count} total=${total} query=${query} onQuery=${onQuery}/>`)}
      ${!asked && html`<${Rest} field=${field} ...${f} total=${total} query=${query} onQuery=${onQuery}/>`}</ul>`}`;
}

function Facet({ f, total, query, span, onQuery }) {
  const [open, setOpen] = useState(false);
  const left = f.distinct - Math.min(FIRST, f.values.length);
  const active = chips(query).some((c) => c.field === f.field);
  return html`<section class="facet"><div class="fhead"><h2 class=${active ? 'on' : ''}>${f.field}</h2><span class="n">${count(f.distinct)}
    <span class="sr"> ${E.values}</span></span></div>
    ${open ? html`<${Whole} field=${f.field} query=${query} span=${span} total=${total} onQuery=${onQuery}/>` : html`<ul>
      ${f.values.slice(0, FIRST).map((v) => html`<${Value} key=${v.value} field=${f.field} value=${v.value} n=${v.count} total=${total} query=${query} onQuery=${onQuery}/>`)}
      ${f.values.length === 0 && html`<li class="q3">${W.common.none}</li>`}</ul>`}
    ${(open || left > 0) && html`<button type="button" class="link" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>
      ${open ? E.less : E.more(left)}<span class="sr"> ${f.field}</span></button>`}</section>`;
}

/** A space's name, with its organization's where two spaces have the name. */
const nameOf = ({ name, path, account }) => (scopes.value.filter((s) => s.kind === 'space' && s.account === account && s.name === name).length > 1 ? path.slice(1).join(' ▸ ') : name);

/** A space leads to itself: it is a scope, not a field, so no query can ask for it. */
const SpaceRow = ({ space, n, total }) => {
  const place = scopes.value.find((s) => s.id === space);
  const isSpace = place?.kind === 'space';
  const inner = html`<span class="cut"><${Marked} text=${isSpace ? nameOf(place) : place ? E.accountItself : space} cap=${200}/></span>
    <span class="n">${count(n)}</span>`;
  const to = isSpace && link('explore', new Map([...route.value.params, ['scope', `space-${space}`], ['at', null]]));
  return html`<li class="val lead">${to ? html`<a class="name" href=${to}>${inner}</a>` : html`<span class="name">${inner}</span>`}
    <${Share} n=${n} of=${total}/></li>`;
};
const SpaceRows = ({ of, most, total }) => html`<ul>${of.values.slice(0, most).map((v) => html`<${SpaceRow} key=${v.space} space=${v.space} n=${v.count} total=${total}/>`)}
  ${of.values.length === 0 && html`<li class="q3">${W.common.none}</li>`}</ul>`;
/** All spaces that the server lists, at most 1,000, and how many events the others have. */
function AllSpaces({ query, span, total }) {
  const a = useAsk((signal) => ask('/v3/aggregate', { query, ...span, spaces: 1000 }, { signal }), [query, span.start, span.end]);
  if (a.state === 'error') return html`<${ErrorState} error=${a.error} again=${a.again}/>`;
  return a.data && html`<${SpaceRows} of=${a.data.spaces} total=${total}/>${a.data.spaces.others > 0 && html`<p class="val lead"><span class="name"><span class="q3">${E.others}</span>
    <span class="n">${count(a.data.spaces.others)}</span></span></p>`}`;
}
/** Of a whole account: which of its spaces have the matches. */
function Spaces({ of, query, span, total }) {
  const [open, setOpen] = useState(false);
  const left = of.distinct - Math.min(FIRST, of.values.length);
  return html`<section class="facet"><div class="fhead"><h2>${E.space}</h2><span class="n">${count(of.distinct)}<span class="sr"> ${E.spaces}</span></span></div>
    ${open ? html`<${AllSpaces} query=${query} span=${span} total=${total}/>` : html`<${SpaceRows} of=${of} most=${FIRST} total=${total}/>`}
    ${(open || left > 0) && html`<button type="button" class="link" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>
      ${open ? E.less : E.more(left)}<span class="sr"> ${E.spaces}</span></button>`}</section>`;
}

/** The column of facets. `answer`: of the aggregate. */
export const Facets = ({ answer, query, span, onQuery }) => html`<div class="facets" role="region" tabindex="0" aria-label=${E.facets}>
  ${answer.spaces && html`<${Spaces} of=${answer.spaces} query=${query} span=${span} total=${answer.total}/>`}
  ${answer.facets.map((f) => html`<${Facet} key=${f.field} f=${f} total=${answer.total} query=${query} span=${span} onQuery=${onQuery}/>`)}
  </div>`;
