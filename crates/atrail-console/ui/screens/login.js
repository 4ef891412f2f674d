/** Login: a page of its own, and over a page whose login has ended. */
import { html, useState, useEffect, useRef } from '../vendor/preact.js';
import { Mark, Icon } from '../icons.js';
import { Button, Field, Banner, Dialog, toast } from '../parts.js';
import { W } from '../words.js';
import { me, route, link, loginWanted } from '../state.js';
import { logIn, call, evidence, giveUpLogin } from '../api.js';

const L = W.login;
const loopback = () => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
const AFTER = 'atrail.after';

/** A link that was opened while logged out is kept until the login, also through the provider's pages. */
function after() {
  const kept = sessionStorage.getItem(AFTER);
  sessionStorage.removeItem(AFTER);
  location.hash = kept && kept.startsWith('#/') && !kept.startsWith('#/login') ? kept : '#/';
}

/** Sends the secret; gives `{error, wait}` and the function. */
function useLogin(done) {
  const [error, setError] = useState(null);
  const [wait, setWait] = useState(0);
  const [busy, setBusy] = useState(false);
  useEffect(() => { if (wait <= 0) return undefined; const t = setTimeout(() => setWait(wait - 1), 1000); return () => clearTimeout(t); }, [wait]);
  const send = async (secret) => {
    setBusy(true); setError(null);
    try { await logIn(secret); done(); } catch (e) {
      if (e.status === 429) setWait(e.retryAfter ?? 8);
      setError(e.status === 401 ? (secret.link ? L.linkUsed : L.refused) : e.status === 429 ? null : e.detail ?? e.message);
    } finally { setBusy(false); }
  };
  return { error: wait > 0 ? L.wait(wait) : error, stopped: busy || wait > 0, send };
}

function Form({ name: fixed, byKey, done }) {
  const { error, stopped, send } = useLogin(done);
  const first = useRef(null);
  useEffect(() => { first.current?.querySelector('input')?.focus(); }, [byKey]);
  const submit = (e) => {
    e.preventDefault();
    const f = new FormData(e.currentTarget);
    const key = String(f.get('key') ?? '');
    for (const i of e.currentTarget.querySelectorAll('input[type=password]')) i.value = '';
    if (!stopped) send(byKey ? { api_key: key.trim() } : { username: fixed ?? f.get('username'), password: f.get('password') });
  };
  return html`<form class="stack loose" ref=${first} onSubmit=${submit} key=${byKey ? 'k' : 'p'}>
    ${byKey ? html`<${Field} label=${L.key} error=${error}>${(a) => html`<input type="password" name="key" autofocus required autocomplete="off" ...${a}/>`}<//>`
    : html`${!fixed && html`<${Field} label=${L.name}>${(a) => html`<input type="text" name="username" autofocus required autocomplete="username" autocapitalize="none" spellcheck=${false} ...${a}/>`}<//>`}
      <${Field} label=${fixed ? L.passwordOf(fixed) : L.password} error=${error}>
        ${(a) => html`<input type="password" name="password" autofocus=${!!fixed} required autocomplete="current-password" ...${a}/>`}<//>`}
    <${Button} type="submit" kind="fill" large disabled=${stopped}>${L.go}<//></form>`;
}

const Fact = ({ icon, title, children }) => html`<div class="fact"><${Icon} name=${icon}/><div><h2>${title}</h2><p>${children}</p></div>
  </div>`;

export default function Login() {
  const [byKey, setByKey] = useState(false);
  const [oidc, setOidc] = useState(null);
  const once = useRef(route.value.params.get('link'));
  const problem = route.value.params.get('problem') ?? '';
  const { error, send } = useLogin(after);
  const [asks, setAsks] = useState(false);
  const p = evidence.value;
  useEffect(() => {
    document.title = `${W.frame.login} · atrail`;
    if (route.value.screen !== 'login') sessionStorage.setItem(AFTER, location.hash);
    if (once.current) {
      history.replaceState(null, '', '#/login');
      // A link from somebody else must not end the login that is here, nor go on as another user unseen.
      if (me.value) setAsks(true); else send({ link: once.current });
    } else if (me.value) {
      // The login that is here stays, and the reason why no other took its place is said there.
      if (L.problem[problem]) toast(L.problem[problem], { kind: 'fail' });
      after();
    }
    call('GET', '/v2/info', null, { plain: true }).then((i) => setOidc(i.oidc ?? null), () => {});
  }, []);
  const back = encodeURIComponent(sessionStorage.getItem(AFTER) ?? '#/');
  const safe = location.protocol === 'https:' || loopback();
  const name = p?.shown.name ?? location.hostname;
  return html`<div class="login"><main id="main"><div class="login-form stack loose"><${Mark} word size=${22}/>
    <div><h1>${L.title(name)}</h1><p class="q3">${location.host}</p></div>
    ${L.problem[problem] && html`<${Banner} kind="warn">${L.problem[problem]}<//>`}${once.current && error && html`<${Banner} kind="warn">
      ${error}<//>`}
    ${asks && html`<${Banner} kind="warn"><p>${L.linkOver(me.value?.user.name)}</p><div class="row wrap">
      <${Button} onClick=${after}>${L.linkStay}<//><${Button} kind="fill" onClick=${() => { setAsks(false); send({ link: once.current }); }}>
      ${L.linkGo}<//></div><//>`}
    ${!safe ? html`<${Banner} kind="fail"><p><b>${L.https}</b></p><p>${L.httpsWhy}</p><//>` : html`
      ${oidc && html`<${Button} large icon="key" href=${`/v3/console/oidc/start?return=${back}`}>
        ${L.sso(typeof oidc.name === 'string' ? oidc.name : 'SSO')}<//><div class="or"><span>${L.or}</span></div>`}
      <${Form} byKey=${byKey} done=${after}/>
      <div class="row apart wrap"><button type="button" class="link under" onClick=${() => setByKey(!byKey)}>
        ${byKey ? L.usePassword : L.useKey}</button><a class="link under" href=${link('verify', { scope: null })}>${L.verify}</a></div>`}
    </div></main><aside class="login-facts" aria-label=${L.record}>
    ${p && html`<${Fact} icon="verify" title=${p.pin ? L.pinned : L.pin}>${p.pin ? L.pinnedOn(p.pin.since.slice(0, 10)) : L.pinWhy}<br/>
      <code>${p.shown.key}</code><//>`}
    <${Fact} icon="eye" title=${L.record}>${L.recordWhy}<//><${Fact} icon="pending" title=${L.idle}>${L.idleWhy}<//></aside></div>`;
}

/** Over a page whose login has ended, or is too old for what was asked: the page stays as it is. */
export function LoginOver() {
  const [byKey, setByKey] = useState(false);
  const isFresh = loginWanted.value?.why === 'fresh_login_required';
  const leave = () => { if (isFresh) { giveUpLogin(); return; } sessionStorage.setItem(AFTER, location.hash); location.reload(); };
  const oidc = me.value?.oidc;
  return html`<${Dialog} title=${isFresh ? L.fresh : L.over} onClose=${leave}><div class="stack loose"><p>
    ${isFresh ? L.freshWhy : L.overWhy}</p>
    <${Form} name=${me.value?.user.name} byKey=${byKey} done=${() => {}}/>
    <div class="row apart wrap"><button type="button" class="link under" onClick=${() => setByKey(!byKey)}>
      ${byKey ? L.usePassword : L.useKey}</button>
      ${oidc && html`<a class="link under" href=${`/v3/console/oidc/start?return=${encodeURIComponent(location.hash)}${isFresh ? '&fresh=true' : ''}`}>${L.sso(oidc.name)}
        </a>`}</div></div><//>`;
}
