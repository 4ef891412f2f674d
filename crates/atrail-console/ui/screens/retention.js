/** Retention and holds: how long events are kept, what forbids their deletion, and what is on record about both. */
import { html, useState } from '../vendor/preact.js';
import { R } from '../words-more.js';
import { Icon } from '../icons.js';
import { Button, Command, Panel, Table, Tag, sh, useAsk } from '../parts.js';
import { call } from '../api.js';
import { can, route, scope, scopes, set } from '../state.js';
import { Marked } from '../text.js';
import { count, day, Time, zoneName } from '../fmt.js';
import { RecordTag, nameOf, onRecord, policies, readLog } from '../record.js';
import { ChangePanel, HoldPanel } from './retention-panels.js';
import { Trace } from './trace.js';

const DAY = 86400e3;
const KINDS = 'delete,policy,hold,key,space';
const FEW = 12;
const STEP = 200;

/** The account of the scope, where the user may read all of it; else null. */
const wholeAccount = () => scopes.value.find((s) => s.kind === 'account' && s.id === scope.value.account) ?? null;

async function load(signal) {
  const account = wholeAccount();
  const at = account ? { account: account.id, signal } : { space: scope.value.id, signal };
  const get = (path, query = '', more = {}) => call('GET', `${path}?${query}${account ? '&AtAccountLevel=true' : ''}`.replace('?&', '?').replace(/\?$/, ''), null, { ...at, ...more });
  const [options, holds, log] = await Promise.all([get('/v3/options'), get('/v3/holds'), get('/v3/log', `kinds=${KINDS}`, { raw: true })]);
  const due = new Map(options.filter(({ retention }) => retention >= 0).map(({ space, retention }) => [space, day(Date.now() - retention * DAY)]));
  const days = [...new Set(due.values())].slice(0, 30);
  const counts = await Promise.all(days.map((d) => get('/v3/events', `start=${d}&end=${d}${account ? '&By=space' : ''}`)));
  const events = new Map(counts.flat().map((row) => [`${row.space ?? scope.value.id} ${row.date}`, row.count]));
  const next = new Map([...due].map(([id, d]) => [id, { day: d, events: events.get(`${id} ${d}`) ?? 0 }]));
  const rows = readLog(log);
  return { account, options, holds, next, rows, policies: policies(rows) };
}

const domainOf = (id, account) => (account && id === account.id ? `account-${id}` : `space-${id}`);

function Kept({ data, zone }) {
  const { account, options, holds, next } = data;
  const c = R.cols;
  const held = new Map(holds.map((hold) => [hold.space, hold]));
  const cols = [
    { key: 'scope', label: c.scope }, { key: 'kept', label: c.kept }, { key: 'since', label: c.since(zone), mono: true },
    { key: 'by', label: c.by }, { key: 'next', label: c.next }, { key: 'change', label: '', num: true },
  ];
  const cell = ({ space: id, retention }, key) => {
    const policy = data.policies.get(domainOf(id, account));
    if (key === 'scope') return html`<span class="nowrap">${account && id !== account.id && html`<span class="branch" aria-hidden="true"></span>`}${nameOf(id)}</span>`;
    if (key === 'kept') return retention < 0 ? R.forever : html`<b class="nowrap">${R.days(retention)}</b>`;
    if (key === 'since') return policy && html`<${Time} value=${policy.time.replace(/\.\d+Z$/, 'Z')}/>`;
    if (key === 'by') return html`<span class="q2"><${Marked} text=${policy?.actor ?? ''} tag/></span>`;
    if (key === 'next') {
      const due = next.get(id);
      const tag = held.has(id) && html`<${Tag} kind="hold" icon="hold">${R.held}<//> `;
      if (!due?.events) return tag || html`<span class="q3">${R.nothing}</span>`;
      return html`${tag}<span class=${tag ? 'q2' : ''}>${tag ? R.wouldGo(due.day) : R.goes(due.day, due.events)}</span>`;
    }
    const of = scopes.value.find((s) => s.id === id);
    return of && can('options', of) && html`<${Button} small label=${R.changeOf(nameOf(id))} onClick=${() => set({ change: id, hold: null, release: null })}>${R.change}<//>`;
  };
  return html`<section class="sec"><div class="near"><h2>${R.retention}</h2><span class="small q3">${R.whole}</span></div>
    <${Table} name=${R.retention} air cols=${cols} rows=${options} cell=${cell} keyOf=${(r) => r.space}/></section>`;
}

function Holds({ data, zone }) {
  const { holds } = data;
  const c = R.holdCols;
  const cols = [{ key: 'hold', label: c.hold }, { key: 'reason', label: c.reason }, { key: 'by', label: c.by }, { key: 'since', label: c.since(zone), mono: true }, { key: 'release', label: '', num: true }];
  // A hold of the account stands on each of its domains; it is one hold.
  const shown = holds.filter((hold) => hold.level === 'space' || !holds.some((o) => o !== hold && o.level === 'account' && o.since === hold.since && o.space === scope.value.account));
  const of = (hold) => (hold.level === 'account' ? scopes.value.find((s) => s.kind === 'account' && s.id === scope.value.account) : scopes.value.find((s) => s.id === hold.space));
  const name = (hold) => (hold.level === 'account' ? R.account(of(hold)?.name ?? scope.value.path[0]) : nameOf(hold.space));
  const cell = (hold, key) => {
    if (key === 'hold') return html`<${Tag} kind="hold" icon="hold">${name(hold)}<//>`;
    if (key === 'reason') return html`<span class="wide-cell"><${Marked} text=${hold.reason}/></span>`;
    if (key === 'by') return html`<span class="who-cell"><${Marked} text=${hold.actor} tag/></span>`;
    if (key === 'since') return html`<${Time} value=${hold.since.replace(/\.\d+Z$/, 'Z')}/>`;
    return of(hold) && can('hold', of(hold)) && html`<${Button} small label=${R.releaseOf(name(hold))} onClick=${() => set({ release: of(hold).id, change: null, hold: null })}>${R.release}<//>`;
  };
  return html`<section class="sec"><div class="near"><h2>${R.holds}</h2><span class="small q3">${R.holdsText(shown.length)}</span>
      ${can('hold') && html`<${Button} class="right" icon="hold" onClick=${() => set({ hold: 'new', change: null, release: null })}>${R.setHold}<//>`}</div>
    ${shown.length > 0 && html`<${Table} name=${R.holds} air cols=${cols} rows=${shown} cell=${cell}/>`}</section>`;
}

function Recorded({ data, zone }) {
  const [most, setMost] = useState(FEW);
  const own = scope.value.kind === 'space' ? data.rows.filter(({ domain }) => domain === `space-${scope.value.id}`) : data.rows;
  const rows = onRecord(own);
  const c = R.recordCols;
  const cols = [{ key: 'index', label: c.index, mono: true }, { key: 'time', label: c.time(zone), mono: true }, { key: 'what', label: c.what },
    ...(scope.value.kind === 'account' ? [{ key: 'domain', label: R.cols.scope }] : []), { key: 'subject', label: c.subject }, { key: 'who', label: c.who }];
  const cell = (row, key) => {
    if (key === 'index') return `#${count(row.index)}`;
    if (key === 'time') return html`<${Time} value=${row.time.replace(/\.\d+Z$/, 'Z')}/>`;
    if (key === 'domain') return html`<span class="nowrap">${nameOf(row.domain.slice(row.domain.indexOf('-') + 1))}</span>`;
    if (key === 'who') return html`<span class="who-cell"><${Marked} text=${row.actor} tag/></span>`;
    if (key === 'subject') return html`<span class="wide-cell"><${Marked} text=${row.subject}/></span>`;
    return html`<${RecordTag} row=${row}/>`;
  };
  return html`<section class="sec"><div class="near"><h2>${R.record}</h2><span class="small q3">${R.recordText(scope.value.kind === 'space' ? R.space(scope.value.name) : R.account(scope.value.name))}</span>
      ${rows.length > FEW && html`<button type="button" class="link right" onClick=${() => setMost(most > FEW ? FEW : STEP)}>${most > FEW ? R.recordFew : R.recordAll(own.length)}</button>`}</div>
    ${rows.length ? html`<${Table} name=${R.record} cols=${cols} rows=${rows.slice(0, most)} cell=${cell}/>` : html`<p class="q3">${R.recordNone}</p>`}
    ${most > FEW && rows.length > most && html`<div class="row"><span class="small q3">${R.recordText2(rows.length, most)}</span><${Button} small onClick=${() => setMost(most + STEP)}>${R.recordMore}<//></div>`}</section>`;
}

/** What the server's operator sees while the clock is not trusted. */
function Clock() {
  const ask = useAsk((signal) => call('GET', '/v3/retention', null, { signal }), []);
  const { note } = ask.data ?? {};
  return note ? html`<div class="banner warn" role="status"><${Icon} name="warn"/><div class="grow"><b>${R.clockNote}</b><p>${note}</p><p>${R.clockDo}<code>${R.clockCommand}</code>.</p></div></div>` : null;
}

function deleteCommand() {
  const s = scope.value;
  const target = s.kind === 'account' ? `atrail target --account ${sh(s.name)}` : `atrail target -o ${sh(s.path[1])} -s ${sh(s.name)}`;
  const d = day(Date.now() - DAY);
  return `${target}\natrail delete -s ${d} -e ${d}${s.kind === 'account' ? ' -a' : ''} --dry-run`;
}

export default function Retention() {
  const ask = useAsk(load, [scope.value.id]);
  const [trace, setTrace] = useState(null);
  const zone = zoneName();
  const params = route.value.params;
  const target = (key) => scopes.value.find((s) => s.id === params.get(key) && s.account === scope.value.account);
  const close = () => set({ change: null, hold: null, release: null });
  const done = (what) => { close(); setTrace(what); ask.again(); };
  const [change, release] = [target('change'), target('release')];
  const isHold = params.get('hold') === 'new' && can('hold');
  const side = ask.data && (change && can('options', change) ? html`<${ChangePanel} key=${change.id} at=${change} data=${ask.data} onClose=${close} onDone=${done}/>`
    : (isHold || (release && can('hold', release))) && html`<${HoldPanel} key=${isHold ? 'set' : release.id} release=${isHold ? null : release} onClose=${close} onDone=${done}/>`);
  const body = html`<div class="page"><div class="head"><h1>${R.title}</h1></div>${can('operator') && html`<${Clock}/>`}
    ${trace && html`<${Trace} trace=${trace} onClose=${() => setTrace(null)}/>`}
    <${Panel} ask=${ask} keep>${(data) => html`<${Kept} data=${data} zone=${zone}/><${Holds} data=${data} zone=${zone}/><${Recorded} data=${data} zone=${zone}/>
      ${can('delete') && html`<section class="sec"><h3>${R.deleting}</h3><${Command} text=${deleteCommand()}/></section>`}`}<//></div>`;
  return html`<div class=${side ? 'with-side' : ''}>${body}${side}</div>`;
}

