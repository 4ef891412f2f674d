/** API keys: which there are, and making one, whose secret is shown once. */
import { html, useEffect, useState } from '../vendor/preact.js';
import { P } from '../words-people.js';
import { W } from '../words.js';
import { Icon } from '../icons.js';
import { Button, Command, Dialog, Field, Panel, Side, Table, Tag, copyText, sh, useAsk } from '../parts.js';
import { call } from '../api.js';
import { can, me, route, scopes, set } from '../state.js';
import { Marked } from '../text.js';
import { Time, zoneName } from '../fmt.js';
import { listOf, placeName } from './people-role.js';

const SCOPES = ['read', 'send', 'delete', 'manage'];
const DAY_S = 86400;
const owned = () => me.value.accounts.filter(({ roles }) => roles.includes('owner'));

/** The user's own keys and those that are bound to accounts of the user. */
function useKeyList() {
  return useAsk(async (signal) => {
    const accounts = can('operator') ? me.value.accounts : owned();
    const lists = await Promise.all([listOf('/v3/api_keys', { signal }), ...accounts.map(({ id }) => listOf(`/v3/api_keys?account=${id}`, { signal }))]);
    const all = new Map(lists.flat().filter(Boolean).map((key) => [key.id, key]));
    return [...all.values()].sort((a, b) => (a.create_time < b.create_time ? 1 : -1));
  }, []);
}

function Delete({ apiKey, onClose, onDone }) {
  const [problem, put] = useState('');
  const go = async () => {
    const since = new Date(Date.now() - 5000).toISOString();
    try {
      await call('DELETE', '/v3/api_keys', { id: apiKey.id });
      onDone({ said: P.keyDeleted, action: 'delete.key', since, account: apiKey.account, space: apiKey.space });
    } catch (error) { put(error.detail ?? error.message); }
  };
  return html`<${Dialog} title=${P.deleteTitle} onClose=${onClose} foot=${html`<${Button} kind="danger" onClick=${go}>${P.deleteKey}<//><${Button} onClick=${onClose}>${W.common.cancel}<//>`}>
    <p><${Marked} text=${P.deleteText(apiKey.name)} tag/></p>${problem && html`<p class="error" role="alert"><${Icon} name="fail"/>${problem}</p>`}<//>`;
}

function List({ keys, onDelete }) {
  const zone = zoneName();
  const c = P.keyCols;
  const cols = [{ key: 'name', label: c.name }, { key: 'user', label: c.user }, { key: 'scopes', label: c.scopes }, { key: 'place', label: c.place },
    { key: 'made', label: c.made(zone), mono: true }, { key: 'used', label: c.used(zone), mono: true }, { key: 'ends', label: c.ends(zone), mono: true }, { key: 'delete', label: '', num: true }];
  const cell = (k, key) => {
    if (key === 'name') return html`<span class="nowrap"><b><${Marked} text=${k.name} tag/></b><br/><code class="q3">${k.id}</code></span>`;
    if (key === 'user') return html`<span class="nowrap"><${Marked} text=${k.user ?? ''} tag/>${k.maker && html`<br/><span class="q3"><${Marked} text=${P.maker(k.maker)}/></span>`}</span>`;
    if (key === 'scopes') return html`<span class="scopes">${k.scopes.join(', ')}</span>`;
    if (key === 'place') return k.bound ? html`<span class="nowrap">${P.only(placeName(k))}</span>` : html`<span class="q3">${P.everywhere}</span>`;
    if (key === 'made') return html`<${Time} value=${k.create_time} short/>`;
    if (key === 'used') return k.use_time ? html`<${Time} value=${k.use_time} short/>` : html`<span class="q3">${P.never}</span>`;
    if (key === 'ends') {
      if (!k.expire_time) return html`<span class="q3 nowrap">${P.noEnd}</span>`;
      return Date.parse(k.expire_time) < Date.now() ? html`<${Tag} icon="pending">${P.expired}<//>` : html`<span class="nowrap" title=${k.expire_time}>${k.expire_time.slice(0, 10)}</span>`;
    }
    return html`<${Button} small label=${P.deleteKeyOf(k.name)} onClick=${() => onDelete(k)}>${P.deleteKey}<//>`;
  };
  return html`<section class="sec"><div class="near"><h2>${P.keys}</h2><span class="small q3">${P.keysText(keys.length)}</span></div>
    ${keys.length ? html`<${Table} name=${P.keys} air cols=${cols} rows=${keys} cell=${cell} keyOf=${(k) => k.id}/>` : html`<p class="q3">${P.keysNone}</p>`}</section>`;
}

/** The secret, which nobody can show again: it is in this component alone, and gone with it. */
function Secret({ secret, name, onClose }) {
  const use = `curl -fsS -H "Authorization: Bearer $(cat key.txt)" ${location.origin}/v3/spaces`;
  return html`<${Side} title=${P.keyMade} onClose=${onClose} foot=${html`<${Button} kind="fill" onClick=${onClose}>${P.secretDone}<//>`}><div class="stack loose">
    <p><b><${Marked} text=${name}/></b></p><div class="stack"><span class="label">${P.secret}</span><div class="secret" tabindex="0">${secret}</div>
      <div class="row"><${Button} icon="copy" onClick=${() => copyText(secret, P.secretCopied)}>${P.copySecret}<//></div></div>
    <div class="banner warn"><${Icon} name="warn"/><div class="grow">${P.secretHint}</div></div>
    <div class="stack"><span class="label">${P.secretUse}</span><${Command} text=${use}/></div></div><//>`;
}

/** Where a key may be bound: `''`, or `account GUID`, `space GUID`. */
function placesFor(isOther) {
  const ids = new Set(owned().map(({ id }) => id));
  return scopes.value.filter((s) => (isOther ? ids.has(s.account) : true)).map((s) => ({ value: `${s.kind} ${s.id}`, label: P.only(placeName({ account: s.account, space: s.kind === 'space' ? s.id : undefined })), account: s.account, name: s.name, ...s }));
}

function Make({ users, onClose, onMade }) {
  const [form, put] = useState({ name: '', user: '', place: '', scopes: new Set(['read']), days: '90' });
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const change = (part) => put({ ...form, ...part });
  const isOther = form.user !== '';
  const places = placesFor(isOther);
  const place = form.place === '' && isOther ? places[0]?.value ?? '' : form.place;
  const offered = place ? SCOPES.filter((scope) => scope !== 'manage') : SCOPES;
  const chosen = offered.filter((scope) => form.scopes.has(scope));
  const [kind, id] = place.split(' ');
  const make = async () => {
    setBusy(true);
    setProblem('');
    const since = new Date(Date.now() - 5000).toISOString();
    const body = { name: form.name.trim(), scopes: chosen, ...(isOther && { user: form.user }), ...(place && { [kind]: id }), ...(form.days && { expires_in: Number(form.days) * DAY_S }) };
    try {
      const made = await call('POST', '/v3/api_keys', body);
      const at = scopes.value.find((s) => s.id === id) ?? scopes.value[0];
      onMade(made, { said: P.keyMade, action: 'create.key', since, account: at?.account, space: kind === 'space' ? id : undefined });
    } catch (error) { setProblem(error.detail ?? error.message); } finally { setBusy(false); }
  };
  const toggle = (scope) => { const next = new Set(form.scopes); if (!next.delete(scope)) next.add(scope); change({ scopes: next }); };
  const select = (label, value, options, set_, hint) => html`<${Field} label=${label} hint=${hint}>${(a) => html`<select ...${a} onChange=${(e) => set_(e.target.value)}>${options.map(([v, text]) => html`<option key=${v} value=${v} selected=${v === value}>${text}</option>`)}</select>`}<//>`;
  const words = ['atrail admin api-key create', sh(form.name.trim() || 'NAME'), ...(isOther ? ['--user', sh(form.user)] : []), ...(place ? [`--${kind}`, id] : []), '--scope', chosen.join(','), ...(form.days ? ['--expires', `${form.days}d`] : [])];
  const others = owned().length ? users.filter(({ name }) => name !== me.value.user.name) : [];
  return html`<${Side} title=${P.makeKey} onClose=${onClose} foot=${html`<${Button} kind="fill" disabled=${busy || !form.name.trim() || !chosen.length} onClick=${make}>${P.keyGo}<//><${Button} onClick=${onClose}>${W.common.cancel}<//>`}><div class="stack loose">
    <${Field} label=${P.keyName} hint=${P.keyNameHint}>${(a) => html`<input type="text" autocomplete="off" maxlength="255" ...${a} value=${form.name} onInput=${(e) => change({ name: e.target.value })}/>`}<//>
    ${others.length > 0 && select(P.keyUser, form.user, [['', P.me(me.value.user.name)], ...others.map(({ name }) => [name, name])], (user) => change({ user }), isOther ? P.keyUserHint : '')}
    ${select(P.keyPlace, place, [...(isOther ? [] : [['', P.keyPlaceAll]]), ...places.map(({ value, label }) => [value, label])], (to) => change({ place: to }))}
    <fieldset class="stack tight"><legend class="label">${P.keyScopes}</legend>${offered.map((scope) => html`<label class="check" key=${scope}><input type="checkbox" checked=${form.scopes.has(scope)} onChange=${() => toggle(scope)}/><span>${P.scope[scope]}</span></label>`)}
      ${!chosen.length && html`<p class="error"><${Icon} name="fail"/>${P.keyNoScope}</p>`}</fieldset>
    ${select(P.keyEnds, form.days, P.ends, (days) => change({ days }))}
    ${problem && html`<div class="banner fail" role="alert"><${Icon} name="fail"/><div class="grow">${problem}</div></div>`}
    <p class="small q3">${W.common.asCommand}: <code>${words.join(' ')}</code></p></div><//>`;
}

/** The tab: a hook that gives its body, its side panel and the action of the head. */
export function Keys({ setTrace }) {
  const ask = useKeyList();
  const [users, setUsers] = useState([]);
  const [deleting, setDeleting] = useState(null);
  const [made, setMade] = useState(null);
  const isOpen = route.value.params.get('make') === '1';
  const isLimited = Boolean(me.value.login.scopes);
  useEffect(() => { if (isOpen && owned().length) listOf('/v3/users').then((list) => setUsers(list ?? []), () => {}); }, [isOpen]);
  const onMade = (key, trace) => { setMade(key); set({ make: null }, { replace: true }); setTrace(trace); ask.again(); };
  const side = made ? html`<${Secret} secret=${made.key} name=${made.name} onClose=${() => setMade(null)}/>`
    : isOpen && !isLimited && html`<${Make} users=${users} onClose=${() => set({ make: null })} onMade=${onMade}/>`;
  const body = html`${isLimited && html`<p class="q3">${P.noMoreKeys}</p>`}<${Panel} ask=${ask} keep>${(keys) => html`<${List} keys=${keys} onDelete=${setDeleting}/>`}<//>
    ${deleting && html`<${Delete} apiKey=${deleting} onClose=${() => setDeleting(null)} onDone=${(trace) => { setDeleting(null); setTrace(trace); ask.again(); }}/>`}`;
  return { body, side, action: !isLimited && html`<${Button} kind=${side ? '' : 'fill'} icon="plus" onClick=${() => set({ make: '1' })}>${P.makeKey}<//>` };
}
