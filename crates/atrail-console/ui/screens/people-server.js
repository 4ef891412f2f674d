/** Your logins and password; the server's keys for evidence and for tokens. */
import { html, useState } from '../vendor/preact.js';
import { P } from '../words-people.js';
import { W } from '../words.js';
import { Icon } from '../icons.js';
import { Button, Command, Copy, Dialog, Field, Panel, Table, Tag, toast, useAsk } from '../parts.js';
import { call, evidence, lookAtKey } from '../api.js';
import { can, me } from '../state.js';
import { Time, zoneName } from '../fmt.js';
import { pinned, shortKey } from '../pins.js';

const seconds = (time) => (time ?? '').replace(/\.\d+Z$/, 'Z');
const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function ThisLogin() {
  const { began, expires, ends, fresh_until: fresh, scopes } = me.value.login;
  return html`<section class="sec"><h2>${P.thisLogin}</h2><dl class="pairs narrow">
    <${Fact} name=${P.began}><${Time} value=${seconds(began)}/><//><${Fact} name=${P.expires}><${Time} value=${seconds(expires)}/><//>
    ${ends && html`<${Fact} name=${P.latest}><${Time} value=${seconds(ends)}/><//>`}<${Fact} name=${P.fresh}><${Time} value=${seconds(fresh)}/><//>
    <${Fact} name=${P.scopes}>${scopes ? scopes.join(', ') : P.all}<//></dl></section>`;
}

function LoginList({ logins, again }) {
  const zone = zoneName();
  const c = P.loginCols;
  const end = async (path, said) => {
    try { await call('DELETE', path); toast(said); again(); } catch (error) { toast(error.detail ?? error.message, { kind: 'fail' }); }
  };
  const cols = [{ key: 'what', label: c.what }, { key: 'by', label: c.by }, { key: 'began', label: c.began(zone), mono: true }, { key: 'ends', label: c.ends(zone), mono: true }, { key: 'end', label: '', num: true }];
  const cell = (login, key) => {
    if (key === 'what') return html`<span class="nowrap">${P.loginKind[login.kind] ?? login.kind}${login.current && html` <${Tag} kind="now">${P.current}<//>`}</span>`;
    if (key === 'by') return html`<span class="nowrap">${P.loginBy[login.by] ?? login.by}${login.api_key && html` <code class="q3">${login.api_key}</code>`}</span>`;
    if (key === 'began') return html`<${Time} value=${seconds(login.began)}/>`;
    if (key === 'ends') return html`<${Time} value=${seconds(login.expires)}/>`;
    return !login.current && html`<${Button} small label=${P.endLoginOf(P.loginKind[login.kind] ?? login.kind, seconds(login.began))} onClick=${() => end(`/v3/logins/${login.id}`, P.ended)}>${P.endLogin}<//>`;
  };
  return html`<section class="sec"><div class="near"><h2>${P.logins}</h2><span class="small q3">${P.loginsText}</span>
      ${logins.length > 1 && html`<${Button} class="right" onClick=${() => end('/v3/logins', P.endedOthers)}>${P.endOthers}<//>`}</div>
    <${Table} name=${P.logins} air cols=${cols} rows=${logins} cell=${cell} keyOf=${(l) => l.id}/></section>`;
}

function Password() {
  const [problem, put] = useState('');
  const submit = async (e) => {
    e.preventDefault();
    const form = e.currentTarget;
    const fields = new FormData(form);
    form.reset();
    put('');
    try {
      await call('PUT', '/v3/password', { old: fields.get('old'), new: fields.get('new') });
      toast(P.changed);
    } catch (error) { put(error.detail ?? error.message); }
  };
  return html`<section class="sec"><h2>${P.password}</h2><form class="stack narrow" onSubmit=${submit}>
    <input type="text" name="username" autocomplete="username" value=${me.value.user.name} hidden readonly/>
    <${Field} label=${P.oldPassword} error=${problem}>${(a) => html`<input type="password" name="old" required autocomplete="current-password" ...${a}/>`}<//>
    <${Field} label=${P.newPassword} hint=${P.newHint}>${(a) => html`<input type="password" name="new" required autocomplete="new-password" ...${a}/>`}<//>
    <div class="row"><${Button} type="submit">${P.changeGo}<//></div></form></section>`;
}

/** The list of logins, where the server has one; null where it has none. */
const listLogins = (signal) => call('GET', '/v3/logins', null, { signal }).then((answer) => answer.resources ?? answer, (error) => {
  if (error.status === 404 || error.status === 403) return null;
  throw error;
});

export function Logins() {
  const ask = useAsk(listLogins, []);
  const body = html`<${Panel} ask=${ask} keep>${(logins) => logins && html`<${LoginList} logins=${logins} again=${ask.again}/>`}<//><${ThisLogin}/>${!me.value.login.scopes && html`<${Password}/>`}`;
  return { body };
}

/** `[{from, to}]` of the notes in which a key endorses its successor. */
function chain(notes) {
  return notes.map((note) => {
    const [, , to] = note.split('\n');
    const signature = /\n— (\S+) (\S+)\n?$/.exec(note);
    const bytes = signature ? [...atob(signature[2]).slice(0, 4)].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('') : '';
    return { from: signature ? `${signature[1]}+${bytes}` : '', to: shortKey(to ?? '') };
  });
}

function Rotate({ onClose, onDone }) {
  const [problem, put] = useState('');
  const go = async () => {
    const since = new Date(Date.now() - 5000).toISOString();
    try {
      await call('POST', '/v3/keys');
      await lookAtKey();
      onDone({ said: P.rotated, action: 'rotate.key', since, account: me.value.accounts[0]?.id });
    } catch (error) { put(error.detail ?? error.message); }
  };
  return html`<${Dialog} title=${P.rotateTitle} onClose=${onClose} foot=${html`<${Button} kind="danger" onClick=${go}>${P.rotateGo}<//><${Button} onClick=${onClose}>${W.common.cancel}<//>`}>
    <p>${P.rotateText}</p>${problem && html`<p class="error" role="alert"><${Icon} name="fail"/>${problem}</p>`}<//>`;
}

function Evidence({ shown, onRotate }) {
  const pin = pinned();
  const links = chain(shown.endorsements ?? []);
  const isPinned = pin?.key === shown.key;
  const c = P.chainCols;
  return html`<section class="sec stack"><div class="near"><h2>${P.evidence}</h2><span class="small q3">${P.evidenceText}</span>${can('operator') && html`<${Button} class="right" onClick=${onRotate}>${P.rotate}<//>`}</div>
    <div class="cmd">${shown.key}<${Copy} text=${shown.key} label=${P.copyKey}/></div>
    <p class="row wrap">${isPinned ? html`<${Tag} kind="ok" icon="verify">${P.pinnedHere(pin.since.slice(0, 10))}<//>` : html`<${Tag} kind="warn" icon="warn">${P.notPinned}<//>`}<span class="q2">${P.generation(links.length)} ${P.compare}</span></p></section>
    ${links.length > 0 && html`<section class="sec"><h2>${P.chain}</h2><${Table} name=${P.chain} cols=${[{ key: 'n', label: c.n }, { key: 'from', label: c.from, mono: true }, { key: 'to', label: c.to, mono: true }]}
      rows=${links.map((l, i) => ({ ...l, n: i + 1 })).reverse().slice(0, 50)} cell=${(row, key) => (key === 'n' ? row.n : html`<span class="nowrap">${row[key]}</span>`)}/></section>`}`;
}

function TokenKeys({ keys }) {
  const c = P.tokenCols;
  return html`<section class="sec stack"><div class="near"><h2>${P.tokenKeys}</h2><span class="small q3">${P.tokenText}</span></div>
    <${Table} name=${P.tokenKeys} cols=${[{ key: 'kid', label: c.kid, mono: true }, { key: 'alg', label: c.alg }, { key: 'x', label: c.x, mono: true }]} rows=${keys} cell=${(row, key) => html`<span class="nowrap">${row[key]}</span>`}/>
    ${can('operator') && html`<div class="stack tight"><span class="label">${P.rotateByCommand}</span><${Command} text="atrail admin token-key rotate"/></div>`}</section>`;
}

export function ServerKeys({ setTrace }) {
  const ask = useAsk(async (signal) => {
    const [shown, tokens] = await Promise.all([call('GET', '/v3/keys', null, { signal }), call('GET', '/token_keys', null, { signal })]);
    return { shown, tokens: tokens.keys };
  }, [evidence.value?.shown.key]);
  const [isRotating, rotate] = useState(false);
  const body = html`<${Panel} ask=${ask} keep>${({ shown, tokens }) => html`<${Evidence} shown=${shown} onRotate=${() => rotate(true)}/><${TokenKeys} keys=${tokens}/>`}<//>
    ${isRotating && html`<${Rotate} onClose=${() => rotate(false)} onDone=${(trace) => { rotate(false); setTrace(trace); ask.again(); }}/>`}`;
  return { body };
}
