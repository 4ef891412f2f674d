/** What all screens share: who is logged in, where (the scope), when (the range), and the route in the fragment. */
import { signal, computed, batch, useEffect, useRef } from './vendor/preact.js';

/** `undefined`: not asked yet; `null`: nobody is logged in; else the answer of `GET /v3/console/me`. */
export const me = signal(undefined);
/** Set while a login over the page is wanted: `{resolve}` of the promise that waiting calls share. */
export const loginWanted = signal(null);
/** 'utc' or 'local': one zone a page. */
export const zone = signal('utc');
/** The instant (ms) that "last 24 h" counts back from; `refresh` moves it. */
export const asOf = signal(Date.now());
export const refresh = () => { asOf.value = Date.now(); };

const ALWAYS = ['scope', 'from', 'to', 'last'];

function parse(hash) {
  const text = hash.replace(/^#\/?/, '');
  const cut = text.indexOf('?');
  const screen = (cut < 0 ? text : text.slice(0, cut)).replace(/\/$/, '') || 'overview';
  const params = new Map(cut < 0 ? [] : [...new URLSearchParams(text.slice(cut + 1))]);
  return { screen, params };
}

/** Where the page is: `{screen, params: Map}`, read from the fragment. */
export const route = signal(parse(location.hash));
addEventListener('hashchange', () => { route.value = parse(location.hash); });

/** @param {string} v */
const encode = (v) => encodeURIComponent(v).replace(/%3A/g, ':').replace(/%2F/g, '/').replace(/%2C/g, ',').replace(/%20/g, '+');

/** The fragment of a screen. Scope and range go along unless `params` (object or Map) sets them; null leaves one out. */
export function link(screen, params = {}) {
  const given = new Map(params instanceof Map ? params : Object.entries(params));
  const now = route.value.params;
  const timed = ['from', 'to', 'last'].some((k) => given.has(k));
  /** @type {Map<string, string>} */
  const all = new Map();
  for (const k of ALWAYS) {
    if (k === 'scope' || !timed) { if (now.has(k)) all.set(k, now.get(k)); }
  }
  for (const [k, v] of given) { all.delete(k); if (v != null && v !== '') all.set(k, String(v)); }
  const text = '#/' + (screen === 'overview' ? '' : screen)
    + (all.size ? '?' + [...all].map(([k, v]) => `${k}=${encode(v)}`).join('&') : '');
  // A link ends in a letter or a digit, so that no mail program leaves its last character out.
  return text.replace(/[^A-Za-z0-9/]$/, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));
}

/**
 * Goes to a screen. With `replace`, without a new entry of the browser's history.
 * @param {string} screen
 * @param {object} params
 * @param {{replace?: boolean}} [how]
 */
export function go(screen, params, { replace } = {}) {
  const to = link(screen, params);
  if (to === location.hash) return;
  if (replace) { history.replaceState(null, '', to); route.value = parse(to); } else location.hash = to;
}

/** Changes some parameters of the present screen. */
export const set = (params, how = undefined) => {
  const all = new Map(route.value.params);
  const timed = ['from', 'to', 'last'];
  if (timed.some((k) => k in params)) timed.forEach((k) => all.delete(k));
  for (const [k, v] of Object.entries(params)) { if (v == null || v === '') all.set(k, null); else all.set(k, v); }
  go(route.value.screen, all, how);
};

/** Every place that the user may see: `{kind, id, name, account, path: [names], roles, accountRoles}`. */
export const scopes = computed(() => {
  const out = [];
  for (const a of me.value?.accounts ?? []) {
    const of = { account: a.id, accountRoles: a.roles };
    if (a.roles.some((r) => r === 'owner' || r === 'auditor')) out.push({ kind: 'account', id: a.id, name: a.name, path: [a.name], roles: [], ...of });
    for (const o of a.organizations) {
      for (const s of o.spaces) out.push({ kind: 'space', id: s.id, name: s.name, path: [a.name, o.name, s.name], roles: s.roles, ...of });
    }
  }
  return out;
});

/** The scope of this page: the link's, else the first space. `null`: the user sees none, or the link's is not to be seen. */
export const scope = computed(() => {
  const asked = route.value.params.get('scope');
  const all = scopes.value;
  if (asked) return all.find((s) => `${s.kind}-${s.id}` === asked) ?? null;
  return all.find((s) => s.kind === 'space' && mayRead(s)) ?? all.find(mayRead) ?? all[0] ?? null;
});
export const scopeKey = (s = scope.value) => (s ? `${s.kind}-${s.id}` : null);

const mayRead = (s) => s.accountRoles.some((r) => r === 'owner' || r === 'auditor') || s.roles.some((r) => r === 'developer' || r === 'auditor');

/** The scope of an API key that an action needs. */
const NEEDS = new Map([['read', 'read'], ['send', 'send'], ['delete', 'delete'], ['options', 'delete'], ['hold', 'manage'], ['manage', 'manage'], ['operator', 'manage']]);

/** Whether the user may do this in scope: read, send, delete, options, hold, manage (the account), operator. */
export function can(action, s = scope.value) {
  const scoped = me.value?.login.scopes;
  if (scoped && !scoped.includes(NEEDS.get(action))) return false;
  if (action === 'operator') return !!me.value?.operator;
  if (!s) return false;
  const owner = s.accountRoles.includes('owner');
  const developer = s.kind === 'space' && s.roles.includes('developer');
  switch (action) {
    case 'read': return mayRead(s);
    case 'send': return owner || developer || s.roles.includes('writer');
    case 'delete': case 'options': return owner || developer;
    case 'hold': case 'manage': return owner;
    default: return false;
  }
}

const UNIT = { m: 60e3, h: 3600e3, d: 86400e3 };
const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?Z)?$/;
export const isInstant = (t) => INSTANT.test(t) && !Number.isNaN(Date.parse(t));
export const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');

/** The range: `{from, to}` as RFC 3339 in UTC, `{a, b}` in ms, `last` ('24h') when it counts back from now. */
export const range = computed(() => {
  const p = route.value.params;
  const from = p.get('from'), to = p.get('to');
  if (from && to && isInstant(from) && isInstant(to) && Date.parse(from) < Date.parse(to)) {
    const full = (t) => (t.length === 10 ? t + 'T00:00:00Z' : t);
    return { from: full(from), to: full(to), a: Date.parse(from), b: Date.parse(to), last: null };
  }
  const m = /^(\d{1,4})([mhd])$/.exec(p.get('last') ?? '') ?? [0, '24', 'h'];
  const length = Number(m[1]) * UNIT[m[2]];
  const step = m[2] === 'd' ? UNIT.d : length >= 6 * UNIT.h ? UNIT.h : 5 * UNIT.m;
  const b = Math.ceil(asOf.value / step) * step;
  const a = b - length;
  return { from: iso(a), to: iso(b), a, b, last: m[1] + m[2] };
});

/** Names the parts of the link that mean nothing here: `known` are the screen's own parameters. */
export function strange(known) {
  const out = [];
  for (const [k, v] of route.value.params) {
    const bad = ![...ALWAYS, ...known].includes(k)
      || ((k === 'from' || k === 'to') && !isInstant(v))
      || (k === 'last' && !/^[1-9]\d{0,3}[mhd]$/.test(v));
    if (bad) out.push(`${k}=${v}`);
  }
  const p = route.value.params;
  if (p.has('from') !== p.has('to')) out.push(p.has('from') ? 'from, without to' : 'to, without from');
  return out;
}

/** What this browser keeps besides pinned keys: settings. One that keeps nothing has the defaults. */
export const setting = {
  get: (name) => { try { return localStorage.getItem(`atrail.${name}`); } catch { return null; } },
  set: (name, value) => { try { localStorage.setItem(`atrail.${name}`, value); } catch { /* kept for this page only */ } },
};
/** Set when the query is to have the focus as soon as Explore is there. */
export const wantsQuery = signal(false);

/* Keys: screens add theirs, the frame has the rest. Layers close from the top by Escape. */
const bound = [];
const layers = [];
/** Whether single letters act (a setting, kept in this browser). */
export const letters = signal(setting.get('letters') !== 'off');
letters.subscribe((on) => { setting.set('letters', on ? 'on' : 'off'); });

/** Binds keys, `{j: fn, Enter: fn}`, while the component is there. */
export function useKeys(map) {
  const now = useRef(map);
  now.current = map;
  useEffect(() => { bound.push(now); return () => { bound.splice(bound.indexOf(now), 1); }; }, []);
}
/** Escape calls `close` while the component is there and the topmost; then the focus goes back where it was. */
export function useLayer(close, on = true) {
  const last = useRef(close);
  last.current = close;
  useEffect(() => {
    if (!on) return undefined;
    const before = document.activeElement;
    const layer = { close: () => last.current() };
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
      // The layer's elements are still there now: once they are gone, the focus is nowhere.
      setTimeout(() => {
        if (before instanceof HTMLElement && before.isConnected && (document.activeElement === document.body || !document.activeElement)) before.focus();
      });
    };
  }, [on]);
}
addEventListener('keydown', (e) => {
  if (e.key === 'Escape' && layers.length) { e.preventDefault(); layers.at(-1).close(); return; }
  if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
  const t = /** @type {HTMLElement} */ (e.target);
  if (t.closest?.('input,select,textarea,[contenteditable],[role=menu]')) return;
  if (e.key.length === 1 && !letters.value) return;
  for (let i = bound.length - 1; i >= 0; i--) {
    const f = bound[i].current[e.key];
    if (f && f(e) !== false) { e.preventDefault(); return; }
  }
});
export { batch };
