/** People & keys: who may do what, with which keys, and where you are logged in. */
import { html, useEffect, useMemo, useState } from '../vendor/preact.js';
import { P } from '../words-people.js';
import { W } from '../words.js';
import { Button, Command, Dialog, Field, Panel, Table, Tag, toast, useAsk } from '../parts.js';
import { Icon } from '../icons.js';
import { call } from '../api.js';
import { can, link, me, route, scopes, set } from '../state.js';
import { Marked } from '../text.js';
import { Time, zoneName } from '../fmt.js';
import { Trace } from './trace.js';
import { RolePanel, listOf, manages, mayManageIn, placeName, roleName } from './people-role.js';
import { Keys } from './people-keys.js';
import { Logins, ServerKeys } from './people-server.js';

const STEP = 200;

function useData() {
  return useAsk(async (signal) => {
    const [users, roles, invitations] = await Promise.all(['users', 'roles', 'invitations'].map((name) => listOf(`/v3/${name}`, { signal })));
    return { users: users ?? [], roles: roles ?? [], invitations: invitations ?? [] };
  }, []);
}

/** Every name, with its roles; operators first, then by name. */
function byName({ users, roles }) {
  const all = new Map(users.map((user) => [user.name, { name: user.name, operator: user.operator, roles: [] }]));
  for (const grant of roles) {
    if (!all.has(grant.user)) all.set(grant.user, { name: grant.user, operator: false, roles: [] });
    all.get(grant.user).roles.push(grant);
  }
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function Revoke({ grant, onClose, onDone }) {
  const [problem, put] = useState('');
  const revoke = async () => {
    const { user, role, account, space } = grant;
    const since = new Date(Date.now() - 5000).toISOString();
    try {
      await call('DELETE', '/v3/roles', { user, role, ...(space ? { space } : { account }) });
      onDone({ said: P.revoked, action: 'revoke.role', since, account: account ?? scopes.value.find((s) => s.id === space)?.account, space });
    } catch (error) { put(error.detail ?? error.message); }
  };
  return html`<${Dialog} title=${P.revokeTitle} onClose=${onClose} foot=${html`<${Button} kind="danger" onClick=${revoke}>${P.revoke}<//><${Button} onClick=${onClose}>${W.common.cancel}<//>`}>
    <p>${P.revokeText(grant.user, roleName(grant))}</p>${grant.user === me.value.user.name && html`<p class="t-warn">${P.revokeSelf}</p>`}
    ${problem && html`<p class="error" role="alert"><${Icon} name="fail"/>${problem}</p>`}<//>`;
}

function Roles({ person, onRevoke }) {
  const { roles, operator } = person;
  return html`<span class="row wrap roles">${operator && html`<${Tag} icon="key">${P.operator}<//>`}
    ${roles.map((grant) => html`<span class="role" key=${`${grant.role}${grant.space ?? grant.account}`}><${Tag}>${roleName(grant)}${grant.claimed && html` <i title=${P.claimedHint}>${P.claimed}</i>`}<//>
      ${!grant.claimed && mayManageIn(grant.account ?? scopes.value.find((s) => s.id === grant.space)?.account) && html`<${Button} small kind="plain" icon="x" label=${P.revokeOf(roleName(grant), person.name)} onClick=${() => onRevoke(grant)}/>`}</span>`)}
    ${!operator && !roles.length && html`<span class="q3">${P.noRole}</span>`}</span>`;
}

function People({ data, onRevoke }) {
  const [find, setFind] = useState('');
  const [most, setMost] = useState(STEP);
  const all = useMemo(() => byName(data), [data]);
  const rows = all.filter(({ name }) => name.toLowerCase().includes(find.trim().toLowerCase()));
  const cols = [{ key: 'user', label: P.cols.user }, { key: 'roles', label: P.cols.roles }, ...(manages() ? [{ key: 'give', label: '', num: true }] : [])];
  const cell = (person, key) => {
    if (key === 'user') return html`<span class="nowrap"><b><${Marked} text=${person.name} tag/></b>${person.name === me.value.user.name && html` <${Tag}>${P.you}<//>`}</span>`;
    if (key === 'roles') return html`<${Roles} person=${person} onRevoke=${onRevoke}/>`;
    return html`<${Button} small label=${P.giveTo(person.name)} onClick=${() => set({ give: person.name })}>${P.giveShort}<//>`;
  };
  return html`<section class="sec"><div class="near"><h2>${P.people}</h2><span class="small q3">${P.peopleText(rows.length, all.length)}</span></div>
    ${all.length > 8 && html`<div class="narrow"><${Field} label=${P.find}>${(a) => html`<input type="search" ...${a} value=${find} onInput=${(e) => { setFind(e.target.value); setMost(STEP); }}/>`}<//></div>`}
    ${rows.length ? html`<${Table} name=${P.people} air cols=${cols} rows=${rows.slice(0, most)} cell=${cell} keyOf=${(r) => r.name}/>` : html`<p class="q3">${P.none}</p>`}
    ${rows.length > most && html`<${Button} onClick=${() => setMost(most + STEP)}>${P.more(Math.min(STEP, rows.length - most))}<//>`}</section>`;
}

function Invitations({ list, again, setTrace }) {
  const zone = zoneName();
  const act = async (invitation, isMine, method, said, action) => {
    const since = new Date(Date.now() - 5000).toISOString();
    try {
      await call(method, `/v3/invitations/${invitation.id}`);
      setTrace({ said, action, since, account: invitation.account });
      again();
    } catch (error) { toast(error.detail ?? error.message, { kind: 'fail' }); }
  };
  const c = P.invCols;
  const cols = [{ key: 'user', label: c.user }, { key: 'role', label: c.role }, { key: 'made', label: c.made(zone), mono: true }, { key: 'ends', label: c.ends(zone), mono: true }, { key: 'act', label: '', num: true }];
  const cell = (inv, key) => {
    const role = P.role(inv.role, inv.space ? placeName(inv) : P.place.account(inv.account_name));
    if (key === 'user') return html`<b><${Marked} text=${inv.user} tag/></b>`;
    if (key === 'role') return html`<${Tag}>${role}<//>`;
    if (key === 'made') return html`<${Time} value=${inv.create_time} short/>`;
    if (key === 'ends') return html`<${Time} value=${inv.expire_time} short/>`;
    const isMine = inv.user === me.value.user.name;
    return html`<span class="row end">${(isMine || can('operator')) && html`<${Button} small label=${P.invOf(P.accept, inv.user, role)} onClick=${() => act(inv, isMine, 'POST', P.accepted, 'accept.invitation')}>${P.accept}<//>`}
      <${Button} small label=${P.invOf(isMine ? P.decline : P.withdraw, inv.user, role)} onClick=${() => act(inv, isMine, 'DELETE', isMine ? P.declined : P.withdrawn, isMine ? 'decline.invitation' : 'withdraw.invitation')}>${isMine ? P.decline : P.withdraw}<//></span>`;
  };
  if (!list.length) return null;
  return html`<section class="sec"><div class="near"><h2>${P.invitations}</h2><span class="small q3">${P.invitationsText}</span></div><${Table} name=${P.invitations} air cols=${cols} rows=${list} cell=${cell} keyOf=${(r) => r.id}/></section>`;
}

function PeopleTab({ setTrace }) {
  const ask = useData();
  const [revoking, revoke] = useState(null);
  const give = route.value.params.get('give');
  const done = (trace) => { revoke(null); set({ give: null }); setTrace(trace); ask.again(); };
  const side = give !== null && give !== undefined && manages() && html`<${RolePanel} user=${give === 'new' ? '' : give} users=${ask.data?.users ?? []} onClose=${() => set({ give: null })} onDone=${done}/>`;
  const body = html`<${Panel} ask=${ask} keep>${(data) => html`<${People} data=${data} onRevoke=${revoke}/>
    <${Invitations} list=${data.invitations} again=${ask.again} setTrace=${setTrace}/>
    ${can('operator') && html`<section class="sec"><h3>${P.usersByCommand}</h3><${Command} text=${'atrail admin user create NAME\natrail admin user delete NAME'}/></section>`}`}<//>
    ${revoking && html`<${Revoke} grant=${revoking} onClose=${() => revoke(null)} onDone=${done}/>`}`;
  return { body, side, action: manages() && html`<${Button} kind=${side ? '' : 'fill'} icon="plus" onClick=${() => set({ give: 'new' })}>${P.give}<//>` };
}

const TABS = new Map([['people', PeopleTab], ['keys', Keys], ['logins', Logins], ['server', ServerKeys]]);

/** A tab is a hook: it gives its body, and perhaps a side panel and the action of the head. */
function Tab({ use, head }) {
  const { body, side, action } = use();
  const page = html`<div class="page">${head(action)}${body}</div>`;
  return html`<div class=${side ? 'with-side' : ''}>${page}${side}</div>`;
}

export default function PeopleScreen() {
  const [trace, setTrace] = useState(null);
  const asked = route.value.params.get('tab');
  const tab = TABS.has(asked) ? asked : 'people';
  useEffect(() => { setTrace(null); }, [tab]);
  // On a small screen the tabs scroll, and the present one is to be seen.
  useEffect(() => { document.querySelector('.tabs [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }); }, [tab]);
  const tabs = html`<nav class="tabs" aria-label=${P.tabsName}>${[...TABS.keys()].map((key) => html`<a key=${key} href=${link('people', { tab: key === 'people' ? null : key })} aria-current=${key === tab ? 'page' : undefined}>${P.tabs[key]}</a>`)}</nav>`;
  const head = (action) => html`<div class="head"><h1>${P.title}</h1>${action && html`<span class="right">${action}</span>`}</div>${tabs}${trace && html`<${Trace} trace=${trace} onClose=${() => setTrace(null)}/>`}`;
  return html`<${Tab} key=${tab} use=${() => TABS.get(tab)({ setTrace })} head=${head}/>`;
}
