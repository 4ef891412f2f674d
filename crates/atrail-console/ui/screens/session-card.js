/** One session: what it holds, how far it is downloaded and checked, and its two files. */
import { html, signal, useEffect, useRef, useState } from '../vendor/preact.js';
import { S } from '../words-more.js';
import { W } from '../words.js';
import { Icon } from '../icons.js';
import { Button, Menu, Strip, Table, Tag, copyText, toast } from '../parts.js';
import { call } from '../api.js';
import { go, link, me, scopes, set } from '../state.js';
import { count, size, span, Time } from '../fmt.js';
import { saves, canSave, begin, filesOf, forget, pause, resume } from '../saving.js';
import { handed } from '../verify.js';

/** `space prod`, `account meridian`, of a session. */
export function scopeName(session) {
  const isAccount = session.types.AtAccountLevel;
  const known = scopes.value.find((s) => s.id === session.space && (s.kind === 'account') === Boolean(isAccount));
  if (known) return `${known.kind} ${known.name}`;
  const within = scopes.value.find((s) => s.id === session.space);
  return isAccount ? `account ${within?.path[0] ?? session.space}` : `space ${session.space}`;
}

export const daysOf = ({ 'date-range': { Start, End } }) => (Start === End ? Start : `${Start} – ${End.slice(0, 4) === Start.slice(0, 4) ? End.slice(5) : End}`);
export const hoursOf = ({ 'search-time': hours }) => (hours && hours !== '0-23' ? S.hours(hours) : S.hoursAll);

export function endsIn(session) {
  const left = (Date.parse(session['expire-time']) - Date.now()) / 1000;
  return session.state === 'gone' ? '' : left > 0 ? span(left) : S.ended;
}

/** Sessions whose download the browser began from this page. */
export const begun = signal(new Set());
export const expect = (id) => { begun.value = new Set([...begun.value, id]); };

/** The name that the server gives the download. */
export const fileName = ({ 'date-range': { Start, End } }) => `events-${Start === End ? Start : `${Start}_${End}`}.ndjson.gz`;

const OUTCOME = new Map([['proven', ['ok', 'verify']], ['failed', ['fail', 'shieldx']], ['inconclusive', ['warn', 'warn']]]);

/** What saving needs to know of a session. */
export const ofSession = (session) => ({ id: session.id, etag: session.etag, total: session['total-bytes'], name: fileName(session), user: me.value.user.id });

/** The state of a session in a word, with a shape. `save` is how far this browser saved it. */
export function stateTag(session, save) {
  if (session.state === 'gone' || save?.state === 'gone') return html`<${Tag} kind="fail" icon="trash">${S.state.gone}<//>`;
  if (save?.state === 'done') { const [kind, icon] = OUTCOME.get(save.outcome) ?? OUTCOME.get('inconclusive'); return html`<${Tag} kind=${kind} icon=${icon}>${S[save.outcome] ?? S.inconclusive}<//>`; }
  if (save?.state === 'saving') return html`<${Tag} kind="now" icon="sessions">${S.saving}<//>`;
  if (save?.state === 'checking') return html`<${Tag} kind="now" icon="verify">${S.checking}<//>`;
  if (save?.state === 'waiting') return html`<${Tag} kind="warn" icon="pending">${S.waiting}<//>`;
  if (save?.state === 'stopped') return html`<${Tag} kind="fail" icon="fail">${S.stopped}<//>`;
  const done = save ? save.bytes : session['downloaded-bytes'];
  const percent = Math.floor((done / Math.max(session['total-bytes'], 1)) * 100);
  if (save) return html`<${Tag} kind="warn" icon="pause">${S.paused(percent)}<//>`;
  if (session.state === 'downloading') return html`<${Tag} kind="now" icon="sessions">${S.state.downloading} ${percent} %<//>`;
  return session.state === 'downloaded' ? html`<${Tag} icon="check">${S.state.downloaded}<//>` : html`<${Tag} icon="pending">${S.state.open}<//>`;
}

/** Objects as a strip: checked, the present one, to come; at most 200 parts. */
function Progress({ save, session }) {
  const { done, objects, bytes, state, left } = save;
  const all = objects || 1;
  const isNow = state === 'saving' && done < all;
  const parts = all <= 160
    ? [...Array(all).keys()].map((i) => ({ n: 1, kind: i < done ? 'ok' : i === done && isNow ? 'now' : 'todo' }))
    : [{ n: done, kind: 'ok' }, ...(isNow ? [{ n: Math.max(1, all / 200), kind: 'now' }] : []), { n: Math.max(all - done - (isNow ? all / 200 : 0), 0), kind: 'todo' }];
  const [fetched, of] = S.fetched(done, objects);
  const words = `${fetched} ${S.of} ${of}${S.fetchedRest}`;
  return html`<${Strip} parts=${parts} label=${words}/>
    <div class="row apart wrap"><span><b>${fetched} ${S.of} ${of}</b>${S.fetchedRest}</span><span class="q3">${S.left(bytes, left === null || left === undefined ? '' : span(left))}</span></div>
    <p class="q3">${state === 'waiting' ? S.waitingFor(save.retryIn, done + 1) : state === 'saving' && done < objects ? S.closeTab(done + 1) : ''}</p>`;
}

function Checking({ save, session }) {
  const total = session['total-bytes'];
  return html`<progress max=${total} value=${save.bytes} aria-label=${S.checking}></progress><p class="q3">${S.checkingText(save.bytes, total)}</p>`;
}

/** Why a session is gone, in the server's words: who deleted what, and when. */
function Gone({ session }) {
  const [why, put] = useState('');
  useEffect(() => {
    const control = new AbortController();
    call('GET', `/v3/sessions/${session.id}/manifest`, null, { signal: control.signal, raw: true }).catch((error) => { if (error.status === 410) put(error.detail); });
    return () => control.abort();
  }, [session.id]);
  return html`<div class="banner fail"><${Icon} name="trash"/><div class="grow"><p>${S.goneWhy} ${why}</p><p>${S.goneDo} <a href=${link('retention', {})}>${W.frame.retention}</a></p></div></div>`;
}

function Files({ session }) {
  const name = fileName(session);
  const [first] = session.checkpoints ?? [];
  const rows = [
    { icon: 'file', name, size: size(session['total-bytes']), about: S.sha(session.etag), title: S.etagWhole, href: `/v3/events/download?session=${session.id}` },
    { icon: 'seal', name: `${name}.receipt`, size: '', about: first && session.checkpoints.length === 1 ? S.checkpoint(first.size) : S.checkpoints(session.checkpoints?.length ?? 0), href: `/v3/sessions/${session.id}/receipt` },
  ];
  const cols = [{ key: 'name', label: S.fileCol }, { key: 'size', label: S.bytes, num: true }, { key: 'about', label: S.about, mono: true }, { key: 'get', label: '', num: true }];
  const cell = (row, key) => {
    if (key === 'name') return html`<span class="row nowrap"><${Icon} name=${row.icon}/>${row.name}</span>`;
    if (key === 'about') return html`<span class="q2 nowrap" title=${row.title}>${row.about}</span>`;
    if (key === 'get') return html`<a href=${row.href} download=${row.name} onClick=${() => expect(session.id)} aria-label=${S.linkOf(row.name)}>${S.linkShort}</a>`;
    return html`<span class="nowrap">${row.size}</span>`;
  };
  return html`<div class="links"><${Table} name=${S.filesOf(name)} cols=${cols} rows=${rows} cell=${cell}/></div>`;
}

const attempt = (work) => work().catch((error) => { if (error.name !== 'AbortError') toast(S.error[error.name] ?? S.error[error.message] ?? error.detail ?? error.message, { kind: 'fail' }); });
const errorWords = (error) => (error.object === undefined ? S.error[error.message] ?? S.error[error.name] ?? error.detail ?? error.message : S.error.object(error.object + 1));

/** Hands the saved files to the Verify screen, which shows the whole report. */
async function showReport(id) {
  handed.push(...await filesOf(id));
  go('verify', { scope: null });
}

function Actions({ session, save, isPrimary }) {
  const { id } = session;
  const name = fileName(session);
  const plain = html`<${Button} icon="sessions" kind=${isPrimary && !canSave() ? 'fill' : ''} href=${`/v3/events/download?session=${id}`} download=${name} onClick=${() => expect(id)}>${S.link}<//>`;
  if (session.state === 'gone' || save?.state === 'gone') return null;
  if (save?.state === 'saving' || save?.state === 'waiting' || save?.state === 'checking') return html`<${Button} icon="pause" onClick=${() => pause(id)}>${S.pause}<//>`;
  if (save?.state === 'done') return html`<${Button} icon="verify" onClick=${() => attempt(() => showReport(id))}>${S.report}<//>`;
  if (save) return html`<${Button} kind=${isPrimary ? 'fill' : ''} icon="retry" onClick=${() => attempt(() => resume(id))}>${S.goOn}<//>`;
  if (!canSave()) return plain;
  return html`<${Button} kind=${isPrimary ? 'fill' : ''} icon="verify" onClick=${() => attempt(() => begin(ofSession(session)))}>${S.save}<//>${plain}`;
}

/** The card of a session. `end` ends it; `isPrimary`: it has the view's primary button; `isMade`: it was made just now. */
export function SessionCard({ session, end, isShown, isPrimary, isMade }) {
  const save = saves.value.get(session.id);
  const head = useRef(null);
  // After the panel that made it is gone, the focus would be nowhere.
  useEffect(() => { if (isMade) setTimeout(() => { if (document.activeElement === document.body) head.current?.focus(); }, 50); }, [isMade]);
  const f = S.facts;
  const title = S.name(scopeName(session).replace(/^space /, ''), daysOf(session), hoursOf(session));
  const isGone = session.state === 'gone' || save?.state === 'gone';
  const items = [
    { label: S.copyLink, icon: 'link', onClick: () => copyText(location.origin + location.pathname + link('sessions', { session: session.id, new: null }), W.frame.linkCopied) },
    !isGone && { label: S.copyCommand, icon: 'term', onClick: () => copyText(`atrail download ${session.id}`) },
    save && { label: S.forget, icon: 'x', onClick: () => forget(session.id) },
    isShown && !save && { label: S.closeCard, icon: 'up', onClick: () => set({ session: null }) },
    { rule: true }, { label: S.end, icon: 'trash', onClick: end },
  ];
  return html`<article class="card" aria-label=${title}>
    <div class="row wrap">${stateTag(session, save)}<h2 tabindex="-1" ref=${head}>${title}</h2><div class="row"><${Actions} session=${session} save=${save} isPrimary=${isPrimary}/>
      ${(save?.state === 'done' || isGone) && html`<${Button} onClick=${end}>${S.end}<//>`}<${Menu} right kind="plain" icon="more" said=${`${S.more}: ${title}`} items=${items}/></div></div>
    <dl class="facts"><div><dt>${f.events}</dt><dd>${count(session.events)}</dd></div><div><dt>${f.file}</dt><dd title=${`${count(session['total-bytes'])} bytes`}>${S.file(session['total-bytes'], save?.objects)}</dd></div>
      <div><dt>${f.made}</dt><dd><${Time} value=${session['create-time'].replace(/\.\d+Z$/, 'Z')}/></dd></div>${!isGone && html`<div><dt>${f.ends}</dt><dd>${S.endsIn(endsIn(session))}</dd></div>`}</dl>
    ${isGone ? html`<${Gone} session=${session}/>` : save?.state === 'checking' ? html`<${Checking} save=${save} session=${session}/>` : save && save.state !== 'done' && html`<${Progress} save=${save} session=${session}/>`}
    ${save?.error && !isGone && html`<div class="banner fail" role="alert"><${Icon} name="fail"/><div class="grow">${errorWords(save.error)}</div></div>`}
    ${!isGone && (!save || save.state === 'done') && html`<${Files} session=${session}/>`}</article>`;
}
