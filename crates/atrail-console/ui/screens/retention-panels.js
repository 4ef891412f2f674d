/** The panels of Retention: change how long a scope is kept, set a hold, release one. */
import { html, useEffect, useState } from '../vendor/preact.js';
import { R } from '../words-more.js';
import { W } from '../words.js';
import { Icon } from '../icons.js';
import { Button, Field, Side, Table } from '../parts.js';
import { call } from '../api.js';
import { scope, scopes, scopeKey } from '../state.js';
import { count, day, size } from '../fmt.js';

const DAY = 86400e3;
/** How many of the days that go are listed one by one. */
const LISTED = 3;
/** The first day that an archive can have. */
const FIRST = '1970-01-01';

const targetOf = (at) => (at.kind === 'account' ? [{ AtAccountLevel: true }, { account: at.id }] : [{}, { space: at.id }]);
const titleOf = (at) => (at.kind === 'account' ? R.account(at.name) : R.space(at.name));
const soon = () => new Date(Date.now() - 5000).toISOString();

/** The days that a retention of `days` deletes now, oldest first; null while they are not known. */
function useGoing(at, days, isShorter) {
  const [going, put] = useState(null);
  useEffect(() => {
    put(null);
    if (!isShorter) return undefined;
    const control = new AbortController();
    const timer = setTimeout(() => {
      const end = day(Date.now() - (days + 1) * DAY);
      const [level, target] = targetOf(at);
      const path = `/v3/events?start=${FIRST}&end=${end}${level.AtAccountLevel ? '&AtAccountLevel=true' : ''}`;
      call('GET', path, null, { ...target, signal: control.signal }).then(put, (error) => { if (error.name !== 'AbortError') put({ error }); });
    }, 300);
    return () => { clearTimeout(timer); control.abort(); };
  }, [days, isShorter, at.id]);
  return going;
}

function Going({ going }) {
  if (going === null) return null;
  if (going.error) return html`<p class="error"><${Icon} name="fail"/>${going.error.detail ?? going.error.message}</p>`;
  if (!going.length) return html`<p class="q3">${R.deletedNone}</p>`;
  const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0);
  const few = going.length > LISTED + 1 ? going.slice(0, LISTED) : going;
  const rest = going.slice(few.length);
  const rows = [...few, ...(rest.length ? [{ label: R.moreDays(rest.length), count: sum(rest, 'count'), size: sum(rest, 'size') }] : []),
    { label: R.allDays(going.length), count: sum(going, 'count'), size: sum(going, 'size'), isSum: true }];
  const cols = [{ key: 'day', label: R.dayCols.day }, { key: 'count', label: R.dayCols.events, num: true }, { key: 'size', label: R.dayCols.size, num: true }];
  const cell = (row, key) => {
    const text = key === 'day' ? row.label ?? html`<span class="mono">${row.date}</span>` : key === 'count' ? count(row.count) : html`<span title=${`${count(row.size)} bytes`}>${size(row.size)}</span>`;
    return row.isSum ? html`<b>${text}</b>` : text;
  };
  return html`<${Table} name=${R.deleted} cols=${cols} rows=${rows} cell=${cell}/>`;
}

/** Runs a change; `problem` is what the server answered. */
function useChange(work) {
  const [problem, put] = useState('');
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    put('');
    try { await work(); } catch (error) { put(error.detail ?? error.message); } finally { setBusy(false); }
  };
  return { problem: problem && html`<div class="banner fail" role="alert"><${Icon} name="fail"/><div class="grow">${problem}</div></div>`, busy, run };
}

/** The shortest time for which anything in `at` is kept: an account's change concerns each of its domains. */
function keptNow(at, options) {
  const of = at.kind === 'account' ? options : options.filter(({ space }) => space === at.id);
  const longest = of.some(({ retention }) => retention < 0) ? -1 : Math.max(...of.map(({ retention }) => retention));
  return of.length ? longest : -1;
}

export function ChangePanel({ at, data, onClose, onDone }) {
  const now = keptNow(at, data.options);
  const [text, setText] = useState(String(now));
  const [typed, setTyped] = useState('');
  const normal = text.trim().replace('−', '-');
  const isValid = /^(-1|0|[1-9]\d{0,5})$/.test(normal);
  const days = Number(normal);
  const isShorter = isValid && days >= 0 && (now < 0 || days < now);
  const going = useGoing(at, days, isShorter);
  const gone = Array.isArray(going) ? going.length : 0;
  const held = data.holds.filter(({ space, level }) => at.kind === 'account' || space === at.id || level === 'account');
  const isConfirmed = !isShorter || typed === at.name;
  const since = soon();
  const change = useChange(async () => {
    const [level, target] = targetOf(at);
    await call('PUT', '/v3/options', { retention: days, ...level }, target);
    onDone({ said: R.kept, action: 'write.options', since, account: at.account, space: at.id });
  });
  const canGo = isValid && days !== now && isConfirmed && (!isShorter || Array.isArray(going)) && !change.busy;
  const words = R.confirm(at.name);
  const command = `atrail option -r ${isValid ? days : 'DAYS'}${at.kind === 'account' ? ' -a' : ''}`;
  const foot = html`<${Button} kind=${isShorter ? 'danger' : 'fill'} disabled=${!canGo} onClick=${change.run}>${isShorter && gone && !held.length ? R.keepDelete(days, gone) : R.keepGo(isValid ? days : now)}<//><${Button} onClick=${onClose}>${W.common.cancel}<//>`;
  return html`<${Side} title=${isShorter ? R.less(at.name) : R.panel(titleOf(at))} onClose=${onClose} foot=${foot}><div class="stack loose">
    <${Field} label=${R.daysLabel} error=${isValid ? '' : R.daysBad} hint=${R.daysHint(now < 0 ? R.forever : R.days(now))}>${(a) => html`<input type="text" class="mono" inputmode="numeric" ...${a} value=${text} onInput=${(e) => setText(e.target.value)}/>`}<//>
    ${at.kind === 'account' && html`<p class="small q3">${R.wholeHint}</p>`}
    ${isShorter && html`<section class="sec"><h3>${R.deleted}</h3><${Going} going=${going}/></section>
      ${held.length > 0 ? html`<div class="banner info"><span class="t-hold"><${Icon} name="hold"/></span><div class="grow">${R.heldNow(titleOf(at))}</div></div>` : gone > 0 && html`<div class="banner fail"><${Icon} name="warn"/><div class="grow">${R.warning}</div></div>`}
      <${Field} label=${html`${words[0]}<b>${words[1]}</b>${words[2]}`} error=${typed && !at.name.startsWith(typed) ? R.notName : ''}>${(a) => html`<input type="text" autocomplete="off" spellcheck="false" ...${a} value=${typed} onInput=${(e) => setTyped(e.target.value)}/>`}<//>`}
    ${change.problem}<p class="small q3">${R.asCommand}: <code>${command}</code></p></div><//>`;
}

/** Sets a hold on a scope of the account, or releases the one on `release`. */
export function HoldPanel({ release, onClose, onDone }) {
  const choices = scopes.value.filter((s) => s.account === scope.value.account && s.accountRoles.includes('owner'));
  const [at, setAt] = useState(release ?? choices.find((s) => s.id === scope.value.id) ?? choices[0]);
  const [reason, setReason] = useState('');
  const since = soon();
  const act = useChange(async () => {
    const [level, target] = targetOf(at);
    await call(release ? 'DELETE' : 'POST', '/v3/holds', { reason: reason.trim(), ...level }, target);
    onDone({ said: release ? R.released : R.holdSet, action: release ? 'release.hold' : 'set.hold', since, account: at.account, space: at.id });
  });
  const isReady = reason.trim() !== '' && !act.busy;
  const title = release ? R.releaseTitle(titleOf(at)) : R.setHold;
  const foot = html`<${Button} kind=${release ? 'danger' : 'fill'} icon=${release ? 'release' : 'hold'} disabled=${!isReady} onClick=${act.run}>${release ? R.release : R.setHold}<//><${Button} onClick=${onClose}>${W.common.cancel}<//>`;
  return html`<${Side} title=${title} onClose=${onClose} foot=${foot}><div class="stack loose">
    <p class="q2">${release ? R.releaseText : R.holdText}</p>
    ${!release && html`<${Field} label=${R.cols.scope} hint=${at.kind === 'account' ? R.wholeHint : ''}>${(a) => html`<select ...${a} onChange=${(e) => setAt(choices[e.target.value])}>${choices.map((s, i) => html`<option key=${scopeKey(s)} value=${i} selected=${s === at}>${titleOf(s)}</option>`)}</select>`}<//>`}
    <${Field} label=${R.reason} hint=${R.reasonHint}>${(a) => html`<textarea rows="3" maxlength="1000" ...${a} value=${reason} onInput=${(e) => setReason(e.target.value)}></textarea>`}<//>
    ${act.problem}<p class="small q3">${R.asCommand}: <code>${release ? 'atrail hold release' : 'atrail hold set'}${at.kind === 'account' ? ' -a' : ''} --reason …</code></p></div><//>`;
}
