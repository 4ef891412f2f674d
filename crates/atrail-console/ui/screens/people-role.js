/** Roles: where they may be given, how they are named, and the panel that gives one, at once or as an invitation. */
import { html, useState } from '../vendor/preact.js';
import { P } from '../words-people.js';
import { W } from '../words.js';
import { Icon } from '../icons.js';
import { Button, Field, Side, sh, useId } from '../parts.js';
import { call } from '../api.js';
import { can, me, scope, scopes } from '../state.js';

/** Whether the user manages roles anywhere: as the server's operator, or as an owner of an account. */
export const manages = () => can('operator') || scopes.value.some((s) => s.accountRoles.includes('owner'));
export const mayManageIn = (account) => can('operator') || scopes.value.some((s) => s.account === account && s.accountRoles.includes('owner'));

/** The name of an account or a space: `account default`, `prod`. */
export function placeName({ account, space }) {
  const known = scopes.value.find((s) => s.id === (space ?? account));
  const name = known?.name ?? me.value.accounts.find(({ id }) => id === account)?.name ?? space ?? account;
  return P.place[space ? 'space' : 'account'](name);
}
export const roleName = (grant) => P.role(grant.role, placeName(grant));

/** Answers of a list; none where the caller may not ask, so that the part is absent. */
export const listOf = (path, options) => call('GET', path, null, options).then(({ resources }) => resources, (error) => {
  if (error.status === 403 || error.status === 404) return null;
  throw error;
});

const OF = { account: ['owner', 'auditor', 'writer'], space: ['developer', 'auditor', 'writer'] };

/** Every place in which the user may give roles: an operator in all, an owner in the own accounts. */
function places() {
  const out = [];
  for (const account of me.value.accounts) {
    if (!can('operator') && !account.roles.includes('owner')) continue;
    out.push({ kind: 'account', id: account.id, account: account.id, name: account.name, label: P.whole(account.name) });
    for (const org of account.organizations) for (const space of org.spaces) out.push({ kind: 'space', id: space.id, account: account.id, name: space.name, org: org.name, label: `${account.name} ▸ ${org.name} ▸ ${space.name}` });
  }
  return out;
}

export function RolePanel({ user: given, users, onClose, onDone }) {
  const all = places();
  const [user, setUser] = useState(given);
  const [at, setAt] = useState(() => Math.max(all.findIndex(({ id }) => id === scope.value?.id), 0));
  const [role, setRole] = useState('auditor');
  const [problem, put] = useState('');
  const [busy, setBusy] = useState(false);
  const list = useId();
  const place = all[at];
  const roles = OF[place?.kind ?? 'space'];
  const chosen = roles.includes(role) ? role : 'auditor';
  const give = async () => {
    setBusy(true);
    put('');
    const since = new Date(Date.now() - 5000).toISOString();
    try {
      const answer = await call('POST', '/v3/roles', { user: user.trim(), role: chosen, [place.kind]: place.id });
      const isInvitation = Boolean(answer?.id);
      onDone({ said: isInvitation ? P.invited(user.trim()) : P.given, action: isInvitation ? 'invite.user' : 'grant.role', since, account: place.account, space: place.kind === 'space' ? place.id : undefined });
    } catch (error) { put(error.detail ?? error.message); } finally { setBusy(false); }
  };
  if (!place) return null;
  const command = `atrail admin role create --user ${sh(user.trim() || 'NAME')} --role ${chosen} ${place.kind === 'account' ? `--account ${sh(place.name)}` : `--space ${place.id}`}`;
  return html`<${Side} title=${given ? P.giveTo(given) : P.give} onClose=${onClose} foot=${html`<${Button} kind="fill" disabled=${busy || !user.trim()} onClick=${give}>${P.go}<//><${Button} onClick=${onClose}>${W.common.cancel}<//>`}>
    <div class="stack loose"><${Field} label=${P.user} hint=${can('operator') ? P.userHintOperator : P.userHint}>${(a) => html`<input type="text" list=${list} autocomplete="off" autocapitalize="none" spellcheck="false" ...${a} value=${user} onInput=${(e) => setUser(e.target.value)}/>`}<//>
    <datalist id=${list}>${users.slice(0, 500).map(({ name }) => html`<option key=${name} value=${name}></option>`)}</datalist>
    <${Field} label=${P.where}>${(a) => html`<select ...${a} onChange=${(e) => setAt(Number(e.target.value))}>${all.map((p, i) => html`<option key=${p.id} value=${i} selected=${i === at}>${p.label}</option>`)}</select>`}<//>
    <${Field} label=${P.roleLabel} hint=${P.roleHint[chosen]}>${(a) => html`<select ...${a} onChange=${(e) => setRole(e.target.value)}>${roles.map((r) => html`<option key=${r} value=${r} selected=${r === chosen}>${r}</option>`)}</select>`}<//>
    ${problem && html`<div class="banner fail" role="alert"><${Icon} name="fail"/><div class="grow">${problem}</div></div>`}
    <p class="small q3">${W.common.asCommand}: <code>${command}</code></p></div><//>`;
}
