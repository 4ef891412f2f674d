/** One event: its fields, its exact bytes, and its proof. Beside the table, or alone by its permanent place. */
import { html, useState, useEffect, useMemo, useRef } from '../vendor/preact.js';
import { Icon } from '../icons.js';
import { Button, Menu, AsCommand, Side, State, ErrorState, Banner, Panel, Tag, useAsk, copyText, toast, Outcome } from '../parts.js';
import { Marked, EventTime, isOdd } from '../text.js';
import { count, many } from '../fmt.js';
import { parse, pretty, get, scalar, leafOf, hits } from '../json.js';
import { ask, read, evidence, at as scopeAt } from '../api.js';
import { route, scope, scopeKey, link, go, useKeys, useLayer, iso } from '../state.js';
import { more, only, quote } from '../query.js';
import { shortKey } from '../pins.js';
import { W } from '../words.js';

const V = W.event;
/** What is drawn at first of a large event. */
const CAP = 65536;
/** @type {[string, string[][]][]} */
const GROUPS = [
  ['who', [['initiator', 'name'], ['initiator', 'id'], ['initiatorId']]],
  ['what', [['action'], ['eventTime'], ['id']]],
  ['onWhat', [['target', 'name'], ['target', 'id'], ['targetId'], ['target', 'typeURI']]],
  ['from', [['initiator', 'host', 'address'], ['initiator', 'host', 'agent']]],
  ['outcome', [['outcome'], ['reason', 'reasonCode']]],
  ['by', [['observer', 'name'], ['observer', 'id'], ['observerId']]],
];

function Value({ path, text, first, query, onQuery }) {
  const field = path.join('.');
  const said = text.length > 60 ? text.slice(0, 60) + '…' : text;
  const mono = ['id', 'address', 'eventTime', 'initiatorId', 'targetId', 'observerId'].includes(path.at(-1));
  return html`<dd class="fv"><span class=${mono ? 'mono' : first ? 'b' : ''}>
    ${field === 'eventTime' ? html`<${EventTime} value=${text}/>` : field === 'outcome' ? html`<${Outcome} value=${text}>
    <${Marked} text=${text}/><//>` : html`<${Marked} text=${text} tag cap=${2000}/>`} </span> <span class="fn">
    ${first || path.length < 2 ? field : path.slice(1).join('.')}</span>
    <span class="pm"><button type="button" aria-label=${W.explore.include(field, said)} onClick=${() => onQuery(more(query, field, text))}>
      <${Icon} name="plus" size=${12}/></button><button type="button" aria-label=${W.explore.exclude(field, said)} onClick=${() => onQuery(more(query, field, text, true))}>
      <${Icon} name="minus" size=${12}/></button><button type="button" aria-label=${V.copyValue(field)} onClick=${() => copyText(text, isOdd(text) ? V.copiedOdd : undefined)}>
      <${Icon} name="copy" size=${12}/></button></span></dd>`;
}

function Fields({ node, query, onQuery, around }) {
  const t = (...p) => { const n = get(node, ...p); return n ? scalar(n) : ''; };
  const same = [['samePerson', t('initiator', 'name') ? 'initiator.name' : 'initiator.id', t('initiator', 'name') || t('initiator', 'id') || t('initiatorId')], ['sameTarget', t('target', 'name') ? 'target.name' : 'target.id', t('target', 'name') || t('target', 'id')], ['sameAddress', 'initiator.host.address', t('initiator', 'host', 'address')]];
  return html`<div class="fields">${GROUPS.map(([g, paths]) => {
    const have = paths.map((p) => [p, t(...p)]).filter(([, v]) => v !== '');
    return have.length > 0 && html`<dl class="fg" key=${g}><dt>${V.group[g]}</dt>
      ${have.map(([p, v], i) => html`<${Value} key=${p.join('.')} path=${p} text=${v} first=${i === 0} query=${query} onQuery=${onQuery}/>`)}</dl>`;
  })}</div><div class="row wrap sames">${same.map(([k, f, v]) => v && html`<${Button} small key=${k} onClick=${() => onQuery(only('', f, v))}>
    ${V[k]}<//>`)}${around && html`<${Button} small onClick=${around}>${V.around}<//>`}</div>`;
}

function Exact({ line, bytes, leaf, mine }) {
  const [mode, setMode] = useState('exact');
  const [whole, setWhole] = useState(false);
  const tokens = useMemo(() => { if (mode !== 'pretty') return null; try { return pretty(line); } catch { return null; } }, [line, mode]);
  const repeats = tokens?.some((t) => t.repeat);
  const long = bytes.length > CAP && !whole;
  let room = long ? CAP : Infinity;
  const copy = () => copyText(line, isOdd(line) ? V.copiedOdd : V.copied(count(bytes.length)));
  useKeys({ c: copy });
  const tab = (k, l) => html`<button type="button" aria-pressed=${String(mode === k)} onClick=${() => setMode(k)}>${l}</button>`;
  const body = mode === 'exact' ? html`<${Marked} text=${line} cap=${long ? CAP : Infinity}/>`
    : tokens ? tokens.map((t) => { const cap = room; if (cap <= 0) return null; room -= t.s.length; return t.k === 'ws' ? t.s : html`<span class=${`j-${t.k}`}>
      <${Marked} text=${t.s} cap=${cap}/></span>${t.repeat && html` <${Tag} kind="warn">${V.repeated}
      <//>`}`; }) : html`<span class="t-warn">${V.notJson}</span>`;
  return html`<section class="exact" aria-label=${V.exactLabel}><div class="row"><div class="seg" role="group" aria-label=${V.view}>
    ${tab('exact', V.exact)}${tab('pretty', V.pretty)}</div><span class="q2">${many(bytes.length, 'byte')}</span><span class="grow"></span>
    <${Button} kind="plain" icon="copy" kbd="c" onClick=${copy}>${V.copyExact}<//></div>
    ${repeats && html`<${Banner} kind="warn">${V.repeats}<//>`}
    <pre class="bytes" tabindex="0" aria-label=${V.exactLabel}>${body}</pre>
    ${long && html`<${Button} small onClick=${() => setWhole(true)}>${V.rest(count(bytes.length - CAP))}<//>`}
    <p class="leaf">${mine === null ? html`<${Tag}>${V.hashing}<//>` : mine === leaf ? html`<${Tag} kind="ok" icon="check">${V.leaf}
      <//>` : html`<${Tag} kind="fail" icon="fail">${V.leafOther}<//>`}<code>${mine ?? ''}</code></p>
    ${mine !== null && mine !== leaf && html`<${Banner} kind="fail">${V.leafWhy}<br/><code>${leaf}</code><//>`}</section>`;
}

const Step = ({ done, name, children }) => html`<li class=${done ? 'done' : ''}><span class="dot">
  <${Icon} name=${done ? 'check' : 'verify'} size=${done ? 16 : 12}/></span><b>${name}</b><span class="q3">${children}</span></li>`;

function save(text, name) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const a = document.createElement('a');
  a.href = url; a.download = name;
  document.body.append(a); a.click(); a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Base64 of a text's UTF-8 bytes. */
const base64 = (text) => btoa(Array.from(new TextEncoder().encode(text), (b) => String.fromCharCode(b)).join(''));

/** Where an event stands by now that was not sealed when it was found; null while it still is not. */
async function placeNow(place, line, signal) {
  let id = ''; try { id = scalar(get(parse(line), 'id')); } catch { return null; }
  const end = new Date(Date.parse(place.day) + 864e5).toISOString().slice(0, 10);
  const { pairs } = hits(await ask('/v3/search', { query: `id:${quote(id)}`, start: place.day, end, limit: 100 }, { raw: true, signal }));
  return pairs.find((h) => h.place.leaf === place.leaf && h.place.segment)?.place ?? null;
}

function Proof({ place: found, line }) {
  const [s, put] = useState({});
  const [place, setPlace] = useState(found);
  const ended = useRef(null);
  useEffect(() => () => ended.current?.abort(), []);
  const prove = async () => {
    if (s.busy || !place.segment) return;
    ended.current = new AbortController();
    put({ busy: true });
    try {
      const { checkProof } = await import('../verify.js');
      const proof = await read('/v3/events/proof', { segment: place.segment, index: place.index, leaf: place.leaf }, { raw: true, signal: ended.current.signal });
      const pin = evidence.value?.pin;
      // The proof holds the event: the verifier wants it to be the one that is shown.
      const r = await checkProof({ proof, event: base64(line), keys: pin ? [pin.key, ...pin.earlier] : [], signal: ended.current.signal });
      put({ proof, r });
    } catch (error) { if (error.name !== 'AbortError') put({ error }); }
  };
  const look = async () => {
    ended.current = new AbortController();
    put({ busy: true });
    try {
      const now = await placeNow(place, line, ended.current.signal);
      if (now) setPlace(now); else toast(V.stillNot, { kind: 'pending' });
      put({});
    } catch (error) { if (error.name !== 'AbortError') put({ error }); }
  };
  useKeys({ p: () => { if (place.segment) prove(); else look(); } });
  const { r, proof } = s;
  const proven = r?.outcome === 'proven';
  const checkpoint = r?.checkpoint_size;
  return html`<section class="proof" aria-label=${V.proof}><ol class="psteps"><${Step} done name=${V.durable}>${V.onDisk}<//>
      <${Step} done=${!!place.segment} name=${place.segment ? V.sealed : V.notSealed}>${place.segment ? html`${V.segment} <code>
        ${place.segment.slice(0, 4)}…${place.segment.slice(-4)}
        </code>, ${V.index(count(place.index))}` : html`<${Button} small disabled=${s.busy} onClick=${look}>${V.lookAgain}<//>`}<//>
      <${Step} done=${proven} name=${proven ? V.proven : V.notProven}>
        ${proven ? html`${V.checkpoint(count(checkpoint))}, ${V.pinnedKey}` : place.segment && !r && html`<${Button} small kbd="p" disabled=${s.busy} onClick=${prove}>
        ${s.busy ? V.proving : V.prove}<//>`}<//></ol>
    <div aria-live="polite">${proven && html`<${Banner} kind="ok"><p>${V.recorded(count(checkpoint))} <b>${V.notProvenIs}
      </b> ${V.notDeleted} <button type="button" class="link under" onClick=${() => save(proof, 'event.proof')}>${V.save}</button></p>
      <p class="q2">${V.signed(shortKey(r.signer ?? ''))}</p><//>`}
      ${r && !proven && html`<${Banner} kind=${r.outcome === 'failed' ? 'fail' : 'warn'} icon=${r.outcome === 'failed' ? 'shieldx' : 'warn'}>
        <p><b>${r.outcome === 'failed' ? V.failed : V.inconclusive}</b></p><p><${Marked} text=${r.error ?? r.text} lines/></p>
        ${proof && html`<button type="button" class="link under" onClick=${() => save(proof, 'event.proof')}>${V.save}</button>`}<//>`}
      ${s.error && html`<${Banner} kind="fail"><p><b>${V.notAnswered}</b></p><p>${s.error.code && html`<code>${s.error.code}
        </code>: `}${s.error.detail ?? s.error.message}</p><${Button} small icon="retry" onClick=${prove}>${W.common.retry}<//><//>`}</div>
        </section>`;
}

function commands(place, line) {
  const a = scope.value.kind === 'account' ? ' -a' : '';
  const lines = [];
  if (place.segment) {
    const h = scopeAt().space ? `-H "X-Auth-Project-Id: ${scopeAt().space}"` : `-H "X-Auth-Account-Id: ${scopeAt().account}"`;
    const q = `segment=${place.segment}&index=${place.index}${a ? '&AtAccountLevel=true' : ''}`;
    lines.push({ label: 'atrail', text: `atrail prove${a} --segment ${place.segment} --index ${place.index} --leaf ${place.leaf} -o event.proof\natrail verify --proof event.proof${evidence.value?.pin ? ` --key ${evidence.value.pin.key}` : ''}` },
      { label: 'curl', text: `curl -H "X-Auth-Token: bearer $TOKEN" ${h} '${location.origin}/v3/events/at?${q}'` });
  }
  return lines;
}

/** Other events may have the same id: it is not unique. */
function SameId({ line, onQuery }) {
  let id = ''; try { id = scalar(get(parse(line), 'id')); } catch { /* none */ }
  return id && html`<button type="button" class="link" onClick=${() => onQuery(only('', 'id', id))}>${V.sameId}</button>`;
}

/** The content of the panel and of the page. `hit`: `{place, line}`. */
function EventBody({ hit, query, onQuery }) {
  const { place, line } = hit;
  const bytes = useMemo(() => new TextEncoder().encode(line), [line]);
  const [mine, setMine] = useState(null);
  useEffect(() => { let stale = false; setMine(null); leafOf(bytes).then((l) => { if (!stale) setMine(l); }); return () => { stale = true; }; }, [bytes]);
  const node = useMemo(() => { try { return parse(line); } catch { return null; } }, [line]);
  const time = node ? Date.parse(scalar(get(node, 'eventTime'))) : NaN;
  const around = Number.isNaN(time) ? null : () => go('explore', { scope: scopeKey(), from: iso(time - 3e5), to: iso(time + 3e5), at: query === null ? null : route.value.params.get('at') });
  return html`${node ? html`<${Fields} node=${node} query=${query ?? ''} onQuery=${onQuery} around=${around}/>` : html`<${Banner} kind="warn">${V.notJson}<//>`}
    <${Proof} key=${place.leaf} place=${place} line=${line}/><${Exact} line=${line} bytes=${bytes} leaf=${place.leaf} mine=${mine}/>
    `;
}

/**
 * Fetches an event by its place, and compares it with the leaf of the link.
 * @param {{segment: string, index: string, leaf?: string}} place
 */
function useEvent({ segment, index, leaf }, hit) {
  return useAsk(async (signal) => {
    if (hit) return hit;
    if (!segment) return null;
    const r = await read('/v3/events/at', { segment, index, ...(leaf ? { leaf } : {}) }, { raw: 'response', signal });
    const place = { segment, index: Number(index), leaf: r.headers.get('Atrail-Leaf'), day: r.headers.get('Atrail-Day'), space: r.headers.get('Atrail-Space'), sealed: true };
    return { place, line: new TextDecoder('utf-8', { ignoreBOM: true }).decode(await r.arrayBuffer()).replace(/\n$/, '') };
  }, [scopeKey(), segment, index, leaf, !!hit]);
}

function Title({ hit }) {
  let node = null; try { node = hit && parse(hit.line); } catch { /* shown as it is */ }
  const t = (...p) => (node ? scalar(get(node, ...p)) : '');
  return html`<${Marked} text=${t('action') || V.title} cap=${120}/> <span class="q2">
    <${Marked} text=${t('target', 'name') || t('target', 'id') || t('targetId')} cap=${120}/></span>`;
}

function copyPlace(hit) {
  const { segment, index, leaf } = hit.place;
  if (!segment) { toast(V.noPlace, { kind: 'fail' }); return; }
  copyText(location.origin + location.pathname + link('event', { segment, index, leaf, scope: scopeKey(), from: null, to: null, last: null }), V.placeCopied);
}

/** Beside the table. `at`: the place in the link; `hit`: when it is among the loaded rows; `waiting`: the ask for these, while it lasts. */
export function EventPanel({ at, hit, waiting, query, onQuery, onStep, onClose }) {
  const cut = at.lastIndexOf('.');
  const segment = at.startsWith('leaf.') ? null : at.slice(0, cut), index = at.slice(cut + 1);
  const ev = useEvent({ segment: waiting && !hit ? null : segment, index }, hit);
  const one = hit ?? (ev.state === 'ok' ? ev.data : null);
  const actions = html`<${Button} kind="plain" icon="up" label=${V.previous} onClick=${() => onStep(-1)}/>
    <${Button} kind="plain" icon="down" label=${V.next} onClick=${() => onStep(1)}/>
    ${one && html`<${Button} kind="plain" icon="link" label=${V.copyPlace} onClick=${() => copyPlace(one)}/>`}`;
  const lines = one ? commands(one.place) : [];
  return html`<div class="evp"><${Side} title=${html`<${Title} hit=${one}/>`} name=${V.title} stay onClose=${onClose} actions=${actions} foot=${one && html`<${SameId} line=${one.line} onQuery=${onQuery}/>
    <span class="grow"></span>${lines.length > 0 && html`<${Menu} up right icon="term" chev=${false} label=${W.common.asCommand}>
    ${() => html`<div class="pad cmds"><${AsCommand} lines=${lines}/></div>`}<//>`}`}>
    ${one ? html`<${EventBody} hit=${one} query=${query} onQuery=${onQuery}/>` : ev.state === 'error' && ev.error ? html`<${Missing} error=${ev.error} again=${ev.again}/>` : ev.state === 'ok' && !waiting ? html`<${State} icon="pending" title=${V.notHere}>
      <p>${V.notHereWhy}</p><//>` : html`<${Panel} ask=${waiting || ev}/>`}<//></div>`;
}

/** Why an event cannot be shown: a foreign place, a deleted event and one that never was answer alike. */
function Missing({ error, again }) {
  if (error.status === 404) return html`<${State} icon="explore" title=${V.none}><p>${V.noneWhy}</p><//>`;
  if (error.status === 409) return html`<${State} icon="fail" kind="fail" title=${V.otherLeaf}><p>${V.otherLeafWhy}</p><//>`;
  return html`<${ErrorState} error=${error} again=${again}/>`;
}

/** The event alone, by its permalink. */
export default function EventPage() {
  const p = route.value.params;
  const ev = useEvent({ segment: p.get('segment'), index: p.get('index'), leaf: p.get('leaf') }, null);
  const lines = ev.data ? commands(ev.data.place) : [];
  const onQuery = (q) => go('explore', { q, last: '90d' });
  return html`<div class="page evpage"><div class="head"><h1><${Title} hit=${ev.data}/></h1><span class="grow"></span>
    ${ev.data && html`<${Button} icon="link" onClick=${() => copyPlace(ev.data)}>${V.copyPlace}
    <//>`}${lines.length > 0 && html`<${Menu} right icon="term" chev=${false} label=${W.common.asCommand}>
    ${() => html`<div class="pad cmds"><${AsCommand} lines=${lines}/></div>`}<//>`}</div>
    ${ev.state === 'error' && ev.error ? html`<${Missing} error=${ev.error} again=${ev.again}/>` : ev.data ? html`<${EventBody} hit=${ev.data} query=${null} onQuery=${onQuery}/>
      <${SameId} line=${ev.data.line} onQuery=${onQuery}/>` : ev.state === 'ok' ? html`<${State} icon="link" title=${V.noPlaceGiven}/>` : html`<${Panel} ask=${ev}/>`}
      </div>`;
}
