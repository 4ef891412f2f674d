/** The panel that makes a session: the present range and scope, rounded outward, and what it will hold. */
import { html, useState, useEffect } from '../vendor/preact.js';
import { S } from '../words-more.js';
import { Icon } from '../icons.js';
import { Button, Field, Side, Tag, AsCommand, sh, toast } from '../parts.js';
import { call, ask, read } from '../api.js';
import { me, scope, scopes, scopeKey, range, route, set } from '../state.js';
import { Marked } from '../text.js';
import { count, size, day, split, localZone } from '../fmt.js';

const HOUR = 3600e3;
const two = (n) => String(n).padStart(2, '0');
const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && day(Date.parse(text)) === text;

/** The smallest days and hours of a session that cover a range. */
export function outward({ a, b }) {
  const first = day(a);
  const last = day(b - 1);
  const one = first === last;
  const hours = one ? [new Date(a).getUTCHours(), new Date(b - 1).getUTCHours()] : [0, 23];
  const isExact = one ? a % HOUR === 0 && b % HOUR === 0 : a % (24 * HOUR) === 0 && b % (24 * HOUR) === 0;
  return { first, last, hours, isExact };
}

export const hoursText = ([first, last]) => (first === 0 && last === 23 ? '' : first === last ? String(first) : `${first}-${last}`);

/** Counts what a session would hold, a moment after the last change; null while it is not known. */
function useHeld(at, body, isValid) {
  const [held, put] = useState(null);
  const key = JSON.stringify([scopeKey(at), body, isValid]);
  useEffect(() => {
    put(null);
    if (!isValid) return undefined;
    const control = new AbortController();
    const timer = setTimeout(() => {
      read('/v3/events', body, { signal: control.signal }, at).then((days) => put({
        events: days.reduce((sum, d) => sum + d.count, 0), bytes: days.reduce((sum, d) => sum + d.size, 0),
      }), (error) => { if (error.name !== 'AbortError') put({ error }); });
    }, 250);
    return () => { clearTimeout(timer); control.abort(); };
  }, [key]);
  return held;
}

/** How many events of the range match the filter. */
function useMatching(q) {
  const [n, put] = useState(null);
  useEffect(() => {
    put(null);
    if (!q) return;
    const { from, to } = range.value;
    ask('/v3/aggregate', { query: q, start: from, end: to }).then(({ total }) => put(total), () => put(null));
  }, [q, range.value.from, range.value.to]);
  return n;
}

/** Prepares an export of the matching events, and lets the browser download it. */
async function exportMatching(q) {
  const { from, to } = range.value;
  try {
    const { id } = await ask('/v3/exports', { query: q, start: from, end: to, as: 'csv' });
    const a = document.createElement('a');
    a.href = `/v3/exports/${id}`;
    a.download = '';
    a.click();
  } catch (error) {
    toast(error.detail ?? error.message, { kind: 'fail' });
  }
}

function commands(at, body) {
  const words = ['atrail session create', '-s', body.start, '-e', body.end];
  if (body.SearchTime) words.push('-T', body.SearchTime);
  const target = at.kind === 'account' ? `atrail target --account ${sh(at.name)}` : `atrail target -o ${sh(at.path[1])} -s ${sh(at.name)}`;
  const header = at.kind === 'account' ? `X-Auth-Account-Id: ${at.id}` : `X-Auth-Project-Id: ${at.id}`;
  const sent = at.kind === 'account' ? { ...body, AtAccountLevel: true } : body;
  return [
    { label: S.asCommand, text: `${target}\n${words.join(' ')}${at.kind === 'account' ? ' -a' : ''}` },
    { label: S.withCurl, text: `curl -fsS -H "X-Auth-Token: bearer $TOKEN" -H '${header}' \\\n  ${location.origin}/v3/sessions -d '${JSON.stringify(sent)}'` },
  ];
}

function Complete({ last }) {
  const today = day(Date.now());
  if (last < today) return html`<${Tag} kind="ok" icon="check">${S.completeYes}<//>`;
  return html`<${Tag} kind="warn" icon="pending">${last === today ? S.completeNow : S.completeFuture}<//>`;
}

function localBounds(first, last, hours) {
  const t = (text) => { const p = split(text, true); return `${p.date.slice(0, 10)} ${p.time.slice(0, 5)}`; };
  const end = new Date(Date.parse(`${last}T${two(hours[1])}:00:00Z`) + HOUR).toISOString();
  return S.inLocal(localZone(), t(`${first}T${two(hours[0])}:00:00Z`), t(end));
}

/** `onMade(session, isWanted)`: the session was made, and is to be downloaded at once. `open`: how many there are. */
export function NewSession({ onClose, onMade, open }) {
  const q = route.value.params.get('q') ?? '';
  const [at, setAt] = useState(scope.value);
  const [form, setForm] = useState(() => outward(range.value));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  useEffect(() => { setForm(outward(range.value)); }, [range.value.from, range.value.to]);
  const { first, last, hours, isExact } = form;
  const change = (part) => setForm({ ...form, ...part, isExact: true });
  const dayError = (text) => (isDay(text) ? '' : S.badDay);
  const lastError = dayError(last) || (isDay(first) && last < first ? S.badOrder : '');
  const hourError = hours[1] < hours[0] ? S.badHours : '';
  const isValid = isDay(first) && !lastError && !hourError;
  const body = { start: first, end: last, ...(hoursText(hours) && { SearchTime: hoursText(hours) }) };
  const held = useHeld(at, body, isValid);
  const matching = useMatching(q);
  const most = me.value?.server.limits?.open_sessions;
  const readable = scopes.value.filter((s) => s.accountRoles.some((r) => r !== 'writer') || s.roles.some((r) => r !== 'writer'));
  const make = async (isWanted) => {
    setBusy(true);
    setError('');
    try {
      const made = await ask('/v3/sessions', body, { headers: { 'Idempotency-Key': crypto.randomUUID() } }, at);
      onMade(made, isWanted);
    } catch (problem) {
      setError(problem.detail ?? problem.message);
    } finally {
      setBusy(false);
    }
  };
  const hour = (label, i, problem) => html`<${Field} label=${label} error=${problem}>${(a) => html`<select class="mono" ...${a} value=${hours[i]} onChange=${(e) => change({ hours: i ? [hours[0], Number(e.target.value)] : [Number(e.target.value), hours[1]] })}>
    ${[...Array(24).keys()].map((h) => html`<option key=${h} value=${h} selected=${h === hours[i]}>${two(h)}</option>`)}</select>`}<//>`;
  const dayField = (label, key, problem) => html`<${Field} label=${label} error=${problem}>${(a) => html`<input type="text" class="mono" inputmode="numeric" maxlength="10" ...${a} value=${form[key]} onInput=${(e) => change({ [key]: e.target.value.trim() })}/>`}<//>`;
  return html`<${Side} title=${S.create} onClose=${onClose} foot=${html`<${Button} kind="fill" disabled=${busy || !isValid} onClick=${() => make(true)}>${S.createGo}<//>
      <${Button} disabled=${busy || !isValid} onClick=${() => make(false)}>${S.createOnly}<//>${most && html`<span class="grow num q3">${S.nth(open + 1, most)}</span>`}`}>
    <div class="stack loose"><div class="stack">
      <${Field} label=${S.scope}>${(a) => html`<select ...${a} onChange=${(e) => setAt(readable[e.target.value])}>${readable.map((s, i) => html`<option key=${scopeKey(s)} value=${i} selected=${s === at}>${s.path.join(' ▸ ')}${s.kind === 'account' ? ` · ${S.wholeAccount}` : ''}</option>`)}</select>`}<//>
      <div class="fields-2">${dayField(S.firstDay, 'first', dayError(first))}${dayField(S.lastDay, 'last', lastError)}${hour(S.fromHour, 0, '')}${hour(S.toHour, 1, hourError)}</div>
      ${isValid && localZone() !== 'UTC' && html`<p class="small q3">${localBounds(first, last, hours)}</p>`}
      ${!isExact && html`<p class="small q3">${S.rounded(range.value.from, range.value.to)}</p>`}</div>
      <section class="sec"><h3>${S.holds}</h3><dl class="pairs">
        <div><dt>${S.events}</dt><dd>${held?.events === undefined ? held?.error ? '–' : html`<span class="q3">${S.counting}</span>` : count(held.events)}</dd></div>
        <div><dt>${S.bytes}</dt><dd>${held?.bytes === undefined ? '' : html`<span title=${`${count(held.bytes)} bytes`}>${size(held.bytes)}</span>`}</dd></div>
        <div><dt>${S.complete}</dt><dd>${isValid && html`<${Complete} last=${last}/>`}</dd></div></dl>
        ${held?.error && html`<p class="error"><${Icon} name="fail"/>${held.error.detail ?? held.error.message}</p>`}</section>
      ${q && html`<div class="banner warn"><${Icon} name="warn"/><div class="grow">${S.filter(q)[0]}<b><${Marked} text=${q}/></b>${S.filter(q)[2]} <button type="button" class="link under" onClick=${() => exportMatching(q)}>${S.exportThem(matching)}</button></div></div>`}
      ${error && html`<div class="banner fail" role="alert"><${Icon} name="fail"/><div class="grow">${error}</div></div>`}
      ${isValid && html`<${AsCommand} lines=${commands(at, body)}/>`}</div><//>`;
}
