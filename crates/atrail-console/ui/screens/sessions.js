/** Sessions and downloads: freeze a scope, fetch it with its receipt, and know that nothing is missing. */
import { html, useState, useEffect } from '../vendor/preact.js';
import { S } from '../words-more.js';
import { W } from '../words.js';
import { Icon } from '../icons.js';
import { Button, Panel, State, Table, Dialog, useAsk, toast } from '../parts.js';
import { call } from '../api.js';
import { me, route, set, link, can } from '../state.js';
import { count, Time, zoneName } from '../fmt.js';
import { saves, canSave, begin, restore } from '../saving.js';
import { SessionCard, begun, daysOf, endsIn, expect, hoursOf, ofSession, scopeName, stateTag } from './session-card.js';
import { NewSession } from './session-new.js';

/** Milliseconds between two looks at a download that the browser makes by itself, and how long without progress. */
const LOOK_MS = 3000;
const IDLE_MS = 60e3;

/** Looks at the list again while the browser downloads, as long as the page is seen and bytes arrive. */
function useWatch(list, again) {
  const moving = list.filter(({ state, id }) => (state === 'downloading' || (state === 'open' && begun.value.has(id))) && !saves.value.get(id)).map((s) => `${s.id} ${s['downloaded-bytes']}`).join();
  const [since, setSince] = useState(0);
  useEffect(() => { setSince(Date.now()); }, [moving]);
  useEffect(() => {
    if (!moving) return undefined;
    const timer = setInterval(() => { if (!document.hidden && Date.now() - since < IDLE_MS) again(); }, LOOK_MS);
    return () => clearInterval(timer);
  }, [moving, since]);
}

function Others({ list, zone }) {
  const c = S.cols;
  const cols = [
    { key: 'scope', label: c.scope }, { key: 'days', label: c.days, mono: true }, { key: 'hours', label: c.hours }, { key: 'events', label: c.events, num: true },
    { key: 'state', label: c.state }, { key: 'made', label: c.made(zone), mono: true }, { key: 'ends', label: c.ends, num: true }, { key: 'open', label: '', num: true },
  ];
  const cell = (s, key) => {
    if (key === 'scope') return html`<span class="nowrap">${scopeName(s)}</span>`;
    if (key === 'days') return html`<span class="nowrap">${daysOf(s)}</span>`;
    if (key === 'hours') return html`<span class="nowrap">${s['search-time'] ? s['search-time'].replace('-', ' – ') : '0 – 23'}</span>`;
    if (key === 'events') return html`<span class=${s.state === 'gone' ? 'q3' : ''}>${count(s.events)}</span>`;
    if (key === 'state') return stateTag(s, saves.value.get(s.id));
    if (key === 'made') return html`<${Time} value=${s['create-time']} short/>`;
    if (key === 'ends') return html`<span class="nowrap">${endsIn(s)}</span>`;
    return html`<${Button} small label=${S.openNamed(`${scopeName(s)}, ${daysOf(s)}, ${hoursOf(s)}`)} onClick=${() => set({ session: s.id, new: null })}>${S.open}<//>`;
  };
  return html`<${Table} name=${S.others} air cols=${cols} rows=${list} cell=${cell} keyOf=${(s) => s.id}/>`;
}

/** Ends a session; asks first when it was not downloaded. */
function useEnding(again) {
  const [asked, ask] = useState(null);
  const end = async (session) => {
    ask(null);
    try {
      await call('DELETE', `/v3/sessions/${session.id}`);
      toast(S.endDone);
      set({ session: null }, { replace: true });
      again();
    } catch (error) {
      toast(error.detail ?? error.message, { kind: 'fail', retry: () => end(session) });
    }
  };
  const isFetched = (session) => session.state === 'downloaded' || session.state === 'gone' || saves.value.get(session.id)?.outcome;
  const dialog = asked && html`<${Dialog} title=${S.endTitle} onClose=${() => ask(null)} foot=${html`<${Button} kind="danger" onClick=${() => end(asked)}>${S.endYes}<//><${Button} onClick=${() => ask(null)}>${W.common.cancel}<//>`}>
    <p><b>${S.name(scopeName(asked), daysOf(asked), hoursOf(asked))}</b></p><p>${S.endText}</p><//>`;
  return [(session) => (isFetched(session) ? end(session) : ask(session)), dialog];
}

const Hint = () => html`<div class="banner info"><${Icon} name="info"/><div class="grow"><p>${S.linkWhy}<code>curl -C -</code>${S.linkWhy2}<code>atrail download</code>${S.linkWhy3}</p>${canSave() && html`<p>${S.saveWhy}</p>`}</div></div>`;

export default function Sessions() {
  const ask = useAsk((signal) => call('GET', '/v3/sessions', null, { signal }), []);
  const [end, dialog] = useEnding(ask.again);
  const [made, setMade] = useState('');
  useEffect(() => { if (ask.data) restore(me.value.user.id, new Set(ask.data.map(({ id }) => id))).catch(() => {}); }, [ask.data]);
  const list = [...(ask.data ?? [])].reverse();
  useWatch(list, ask.again);
  const shown = route.value.params.get('session');
  const isNew = route.value.params.get('new') === '1';
  const isCard = (s) => s.id === shown || saves.value.has(s.id) || (s.state === 'downloading' && s['downloaded-bytes'] < s['total-bytes']);
  const cards = list.filter(isCard);
  const others = list.filter((s) => !isCard(s));
  const most = me.value?.server.limits?.open_sessions;
  const primary = isNew ? null : cards.find((s) => s.state !== 'gone' && saves.value.get(s.id)?.state !== 'done');
  const onMade = (session, isWanted) => {
    setMade(session.id);
    set({ new: null, session: session.id });
    ask.again();
    toast(S.made);
    if (!isWanted) return;
    if (canSave()) begin(ofSession(session)).catch(() => {});
    else startDownload(session.id);
  };
  const body = html`<div class="page"><div class="head"><h1>${S.title}</h1><span class="q3">${S.lead}</span>
      ${can('read') && html`<${Button} kind=${primary || isNew ? '' : 'fill'} icon="plus" href=${link('sessions', { ...Object.fromEntries(route.value.params), new: '1' })}>${S.create}<//>`}</div>
    <${Panel} ask=${ask} keep>${() => html`
      ${cards.map((s) => html`<${SessionCard} key=${s.id} session=${s} end=${() => end(s)} isShown=${s.id === shown} isPrimary=${s === primary} isMade=${s.id === made}/>`)}
      ${others.length > 0 && html`<section class="sec"><div class="near"><h2>${cards.length ? S.others : S.all}</h2><span class="small q3">${S.used(list.length, most)}</span></div><${Others} list=${others} zone=${zoneName()}/></section>`}
      ${list.length === 0 && html`<${State} icon="sessions" title=${S.none}><p>${S.noneText}</p><//>`}
      <${Hint}/>`}<//></div>`;
  const side = isNew && can('read') && html`<${NewSession} onClose=${() => set({ new: null, q: null })} onMade=${onMade} open=${list.length}/>`;
  return html`<div class=${side ? 'with-side' : ''}>${body}${side}</div>${dialog}`;
}

function startDownload(id) {
  expect(id);
  const a = document.createElement('a');
  a.href = `/v3/events/download?session=${id}`;
  a.download = '';
  a.click();
}

