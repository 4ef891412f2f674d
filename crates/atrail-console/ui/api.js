/** The server's API. Cookies carry the login; no token is ever in this page. */
import { signal } from './vendor/preact.js';
import { me, loginWanted, scope } from './state.js';
import { W } from './words.js';
import { learn, pinned, pin } from './pins.js';

/** An error answer (RFC 9457), or no answer: `status` 0, `code` 'unreachable'. */
export class Problem extends Error {
  /** @param {{status: number, code: string, detail: string, requestId?: string, retryAfter?: number, column?: number}} told */
  constructor({ status, code, detail, requestId, retryAfter, column }) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
    this.column = column;
  }
}

async function problemOf(r) {
  let p = {};
  try { p = JSON.parse(await r.text()); } catch { /* not a problem: the status alone is known */ }
  const wait = Number(r.headers.get('Retry-After'));
  return new Problem({
    status: r.status, code: p.code ?? `http_${r.status}`, detail: p.detail ?? p.title ?? r.statusText,
    requestId: p.request_id ?? r.headers.get('X-Request-Id'), retryAfter: Number.isFinite(wait) && wait > 0 ? wait : null, column: p.column ?? null,
  });
}

/** Opens the login over the page and waits for it; `why` is its problem's code. Calls that wait share one login. */
function login(why) {
  if (!loginWanted.value) {
    const wanted = { why };
    wanted.promise = new Promise((resolve, reject) => { Object.assign(wanted, { resolve, reject }); });
    loginWanted.value = wanted;
  }
  return loginWanted.value.promise;
}

/** Gives a fresh login up: the calls that wait for it fail. */
export function giveUpLogin() {
  const wanted = loginWanted.value;
  loginWanted.value = null;
  wanted?.reject(new Problem({ status: 401, code: wanted.why, detail: W.login.gaveUp }));
}

/**
 * Calls the server. `body` is sent as JSON. `space` or `account` (GUIDs) name the target.
 * `headers`: further ones. `raw`: true gives the text, 'response' the Response. Throws `Problem`, or AbortError when `signal` ends it.
 * A 401 (no login, or none that is fresh enough) opens the login over the page and repeats the call after it; `plain` throws it instead.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {{signal?: AbortSignal, space?: string, account?: string, raw?: boolean|string, plain?: boolean, headers?: Record<string, string>}} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, body, { signal, space, account, raw, plain, headers: more } = {}) {
  const headers = { 'X-Atrail-Console': '1', ...more };
  if (space) headers['X-Auth-Project-Id'] = space;
  if (account) headers['X-Auth-Account-Id'] = account;
  if (body !== undefined && body !== null) headers['Content-Type'] = 'application/json';
  else if (method !== 'GET' && method !== 'HEAD') { headers['Content-Type'] = 'application/json'; }
  for (;;) {
    let r;
    try {
      r = await fetch(path, { method, headers, signal, body: body == null ? undefined : JSON.stringify(body), cache: 'no-store' });
    } catch (e) {
      if (e.name === 'AbortError') throw e;
      throw new Problem({ status: 0, code: 'unreachable', detail: 'The server did not answer.' });
    }
    if (!r.ok) {
      const problem = await problemOf(r);
      if (r.status !== 401 || plain) throw problem;
      await login(problem.code);
      continue;
    }
    if (raw === 'response') return r;
    const text = await r.text();
    return raw ? text : text === '' ? null : JSON.parse(text);
  }
}

/** The options of `call` that target a scope. */
export const at = (s = scope.value) => (s.kind === 'account' ? { account: s.account } : { space: s.id });

/** Asks about the scope of the page, by POST: a body at account level says so. */
export const ask = (path, body, opts = {}, s = scope.value) =>
  call('POST', path, s.kind === 'account' ? { ...body, AtAccountLevel: true } : body, { ...at(s), ...opts });

/** Reads about the scope of the page, by GET, with a query. */
export const read = (path, query = {}, opts = {}, s = scope.value) => {
  const q = new URLSearchParams(query);
  if (s.kind === 'account') q.set('AtAccountLevel', 'true');
  const text = q.toString();
  return call('GET', path + (text ? '?' + text : ''), null, { ...at(s), ...opts });
};

/** Asks who is logged in, and keeps it in `me`. */
export async function whoAmI() {
  try { me.value = await call('GET', '/v3/console/me', null, { plain: true }); } catch (e) {
    if (e.status === 401) me.value = null; else throw e;
  }
  return me.value;
}

const tabs = new BroadcastChannel('atrail');
tabs.onmessage = (m) => { if (m.data === 'logout') location.reload(); if (m.data === 'login' && !me.value) whoAmI(); };

/** Logs in with `{username, password}`, `{api_key}` or `{link}`. Repeats the calls that waited for it. */
export async function logIn(secret) {
  me.value = await call('POST', '/v3/console/login', secret, { plain: true });
  lookAtKey();
  loginWanted.value?.resolve();
  loginWanted.value = null;
  tabs.postMessage('login');
}

/** Logs out here and in the browser's other tabs. */
export async function logOut() {
  try { await call('POST', '/v3/console/logout', null, { plain: true }); } catch (e) { if (e.status !== 401) throw e; }
  tabs.postMessage('logout');
  location.hash = '#/login';
  location.reload();
}

/** The evidence key: `{state: 'unseen'|'first'|'same'|'endorsed'|'changed', pin, shown: {name, key}}`; null until it is known. */
export const evidence = signal(null);
/** Asks the server for its key and compares it with the pinned one. A login pins the first. */
export async function lookAtKey() {
  try {
    const shown = await call('GET', '/v3/keys', null, { plain: true });
    evidence.value = me.value || pinned() ? await learn(shown) : { state: 'unseen', pin: null, shown };
  } catch { /* unreachable: another call says so */ }
}
/** Pins the key that is shown in place of the pinned one, as a person decided. */
export function replaceKey() {
  const { shown } = evidence.value;
  evidence.value = { state: 'same', pin: pin(shown.key), shown };
}
