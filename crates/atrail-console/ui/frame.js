/** The frame of all screens: navigation, scope, range, zone, the user's menu, and the keys that act everywhere. */
import { html, useState, useEffect, useSignal, signal } from './vendor/preact.js';
import { Icon, Mark } from './icons.js';
import { Button, Menu, Banner, Dialog, Field, toasts, dropToast, copyText } from './parts.js';
import { W } from './words.js';
import { me, scope, scopes, scopeKey, range, route, zone, letters, link, go, set, strange, useKeys, isInstant, can, iso, refresh, setting, wantsQuery } from './state.js';
import { logOut, evidence } from './api.js';
import { shortKey } from './pins.js';
import { rangeName, shortRange, split, localZone, day } from './fmt.js';

const F = W.frame;
/** The screens of the navigation: key of `g`, name, icon. */
/** @type {[string, string][]} */
export const NAV = [['o', 'overview'], ['e', 'explore'], ['s', 'sessions'], ['v', 'verify'], ['r', 'retention'], ['p', 'people'], ['l', 'live']];
const needsRead = new Set(['overview', 'explore', 'event', 'sessions', 'retention', 'live']);
/** What a role may not do is absent. */
const offered = () => NAV.filter(([, s]) => s === 'verify' || (me.value && (!needsRead.has(s) || can('read'))));

const helpOpen = signal(false);
const theme = signal(setting.get('theme') ?? '');
theme.subscribe((t) => { setting.set('theme', t); if (t) document.documentElement.dataset.theme = t; else delete document.documentElement.dataset.theme; });

/** Copies the link of this page; "last 24 h" becomes instants. */
export function copyLink() {
  const p = new Map(route.value.params);
  const { from, to, last } = range.value;
  if (last) { p.delete('last'); p.set('from', from).set('to', to); }
  if (scope.value) p.set('scope', scopeKey());
  const text = location.origin + location.pathname + link(route.value.screen, p);
  copyText(text, text.length > 2000 ? F.linkLong(text.length) : F.linkCopied);
}

/** A link to a screen that takes along only scope and range. */
const plain = (screen) => link(screen, {});

function Nav({ now }) {
  const all = offered();
  const first = all.slice(0, 4), rest = all.slice(4);
  const item = ([, s], cls) => html`<li key=${s} class=${cls}>
    <a href=${plain(s)} title=${F[s]} aria-current=${now === s || (now === 'event' && s === 'explore') ? 'page' : undefined}>
    <${Icon} name=${s}/><span>${F[s]}</span></a></li>`;
  const p = evidence.value;
  return html`<nav class="nav" aria-label=${F.nav}><a class="mark" href=${plain('overview')} aria-label="atrail, ${F.overview}">
    <${Mark} word size=${16}/></a>
    <ul>${first.map((n) => item(n, ''))}${rest.map((n) => item(n, 'later'))}
      ${rest.length > 0 && html`<li class="more"><${Menu} up right kind="plain" icon="more" label=${F.more} chev=${false} items=${rest.map(([, s]) => ({ label: F[s], icon: s, href: plain(s) }))}/></li>`}</ul>
    ${p && html`<div class="server"><b>${p.shown.name}</b>${p.pin ? F.keyPinned(p.pin.since.slice(0, 10)) : F.keyUnknown}<br/><code>
      ${shortKey(p.shown.key).split('+')[1]}</code></div>`}</nav>`;
}

function ScopePicker() {
  const s = scope.value;
  const all = scopes.value;
  if (!all.length) return html`<span class="q3">${F.noScope}</span>`;
  const items = [];
  let head = null;
  for (const o of all) {
    const h = o.kind === 'account' ? null : o.path.slice(0, 2).join(' ▸ ');
    if (h && h !== head) { items.push({ head: h }); head = h; }
    items.push({ label: o.kind === 'account' ? `${o.name} · ${F.account}` : o.name, icon: o.kind === 'account' ? 'people' : 'scope', checked: s === o,
      onClick: () => set({ scope: scopeKey(o), at: null }) });
  }
  const label = s ? html`<span class="wide-only q2">${s.path.slice(0, -1).map((p) => `${p} ▸ `)}</span><span class="val cut">
    ${s.path.at(-1)}</span>${s.kind === 'account' && html`<span class="wide-only q2"> · ${F.account}</span>`}` : F.noScope;
  return html`<${Menu} icon="scope" label=${html`<span class="cut">${label}
    </span>`} said=${`${F.scope}: ${s ? s.path.join(' ▸ ') : F.noScope}${s?.kind === 'account' ? ` · ${F.account}` : ''}`} items=${items}/>`;
}

const PRESETS = ['1h', '24h', '7d', '30d', '90d'];
function OwnRange({ close }) {
  const r = range.value;
  const from = useSignal(r.from), to = useSignal(r.to), bad = useSignal(false);
  const ok = isInstant(from.value) && isInstant(to.value) && from.value < to.value;
  const local = (t) => { const p = isInstant(t) && split(t.length === 10 ? t + 'T00:00:00Z' : t, true); return p ? `${p.date.slice(5, 10)} ${p.time.slice(0, 5)}` : '–'; };
  const apply = (e) => { e.preventDefault(); if (!ok) { bad.value = true; return; } close(); set({ from: from.value, to: to.value }); };
  return html`<form class="pad stack" onSubmit=${apply}>
    <${Field} label=${F.from}>${(a) => html`<input type="text" class="mono" ...${a} value=${from.value} onInput=${(e) => { from.value = e.target.value.trim(); }}/>`}<//>
    <${Field} label=${F.to} error=${bad.value && !ok && F.badRange} hint=${F.inLocal(localZone(), local(from.value), local(to.value))}>
      ${(a) => html`<input type="text" class="mono" ...${a} value=${to.value} onInput=${(e) => { to.value = e.target.value.trim(); }}/>`}
      <//>
    <div class="row"><${Button} type="submit">${F.apply}<//></div></form>`;
}
function RangePicker() {
  const r = range.value;
  return html`<${Menu} icon="cal" label=${html`<span class="val cut"><span class="wide-only">${rangeName(r)}</span><span class="narrow-word">${r.last ? rangeName(r) : shortRange(r)}</span></span>`} said=${`${F.range}: ${rangeName(r)}${r.last ? '' : `, ${shortRange(r)}`}`}>
    ${(close) => html`
    ${PRESETS.map((l) => html`<button type="button" key=${l} class="item" aria-pressed=${String(r.last === l)} onClick=${() => { close(); refresh(); set({ last: l }); }}>
      ${rangeName({ ...r, last: l })}</button>`)}
    <button type="button" class="item" onClick=${() => { close(); const d = Date.parse(day(Date.now())); set({ from: iso(d), to: iso(d + 864e5) }); }}>
      ${`${day(Date.now())} · UTC day`}</button>
    <hr/><${OwnRange} close=${close}/>`}<//>`;
}

function UserMenu() {
  const u = me.value;
  if (!u) return html`<${Button} icon="user" href=${link('login', {})}>${F.login}<//>`;
  return html`<${Menu} right kind="plain" icon="user" said=${`${F.user}: ${u.user.name}`} label=${html`<span class="wide-only">
    ${u.user.name}</span>`} items=${[
    { head: F.until(u.login.expires.slice(0, 16).replace('T', ' ') + 'Z') },
    ...[['', F.system], ['light', F.light], ['dark', F.dark]].map(([k, l]) => ({ label: `${F.theme}: ${l}`, checked: theme.value === k, onClick: () => { theme.value = k; } })),
    { rule: true }, { label: F.keys, icon: 'info', onClick: () => { helpOpen.value = true; } },
    { label: F.people, icon: 'people', href: plain('people') }, { label: F.logOut, icon: 'out', onClick: logOut }]}/>`;
}

function Zone() {
  const b = (k, l) => html`<button type="button" aria-pressed=${String(zone.value === k)} onClick=${() => { zone.value = k; }}>${l}
    </button>`;
  return html`<div class="seg zone" role="group" aria-label=${F.zone}>${b('utc', F.utc)}${b('local', F.local)}</div>`;
}

function Help() {
  if (!helpOpen.value) return null;
  return html`<${Dialog} title=${F.keys} onClose=${() => { helpOpen.value = false; }}><div class="stack loose">
    <dl class="keys">${F.help.map(([k, what]) => html`<div class="row" key=${k}><dt>${k.split(' ').map((x) => html`<kbd key=${x}>${x}
      </kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
    <label class="check"><input type="checkbox" checked=${letters.value} onChange=${(e) => { letters.value = e.target.checked; }}/>
      ${F.letters}</label></div><//>`;
}

let went = 0;
/** Draws the frame round a screen. `view`: the screen's entry of the table in app.js. */
export function Frame({ view, children }) {
  const { screen } = route.value;
  const [hidden, hide] = useState('');
  useEffect(() => { document.title = `${F[screen] ?? 'atrail'} · ${evidence.value?.shown.name ?? 'atrail'}`; }, [screen, evidence.value]);
  useKeys({
    g: () => { went = Date.now(); }, '?': () => { helpOpen.value = true; },
    '/': () => { if (!can('read')) return false; wantsQuery.value = true; go('explore', {}); return undefined; }, y: copyLink, u: () => { zone.value = zone.value === 'utc' ? 'local' : 'utc'; },
    ...Object.fromEntries(NAV.map(([k, s]) => [k, () => { if (Date.now() - went > 1500 || !offered().some(([, o]) => o === s)) return k === 'e' ? false : undefined; went = 0; go(s, {}); return undefined; }])),
  });
  const p = evidence.value;
  const odd = strange(view?.params ?? []).join(', ');
  const unseen = me.value && needsRead.has(screen) && !can('read') && (!scope.value && route.value.params.has('scope') ? F.unseen : F.noRole);
  return html`<div class="frame"><a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.getElementById('main').focus(); }}>
    ${F.skip}</a><${Nav} now=${screen}/>
    <header class="top"><a class="mark" href=${plain('overview')} aria-label="atrail, ${F.overview}"><${Mark}/></a>
      ${view?.scoped && me.value ? html`<${ScopePicker}/>${view.ranged && scope.value && html`<${RangePicker}/>`}` : screen === 'verify' && html`<span class="q2 cut">
        ${F.localVerify}<span class="wide-only">${F.localVerifyMore}</span></span>`}
      <span class="grow"></span><${Zone}/><${Button} small class="help" label=${F.keys} onClick=${() => { helpOpen.value = true; }}>
        <kbd>?</kbd><//><${UserMenu}/></header>
    <main class=${`main ${view?.fixed ? 'fixed' : ''}`} id="main" tabindex="-1">
      ${odd && hidden !== odd && html`<div class="bar"><${Banner} kind="warn" onClose=${() => hide(odd)}>${F.strange(odd)}<//></div>`}
      ${unseen ? html`<div class="page"><h1>${F[screen]}</h1><${Banner} kind="warn">${unseen}<//></div>` : children}</main>
    <div class="toasts" role="log" aria-live="polite">${toasts.value.map((t) => html`<div class="toast" key=${t.id}>
      <span class=${t.kind === 'fail' ? 't-fail' : 't-ok'}><${Icon} name=${t.kind}/></span><span class="grow">${t.text}</span>
      ${t.retry && html`<${Button} small onClick=${() => { dropToast(t); t.retry(); }}>${W.common.retry}<//>`}
        <${Button} small kind="plain" icon="x" label=${W.common.close} onClick=${() => dropToast(t)}/></div>`)}</div>
    <${Help}/></div>`;
}
