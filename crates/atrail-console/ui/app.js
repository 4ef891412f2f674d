/** The entry: the table of screens, and the router by the fragment. */
import { html, render, useState, useEffect } from './vendor/preact.js';
import { me, route, scope, loginWanted } from './state.js';
import { whoAmI, lookAtKey, evidence } from './api.js';
import { Frame } from './frame.js';
import { ErrorState, Banner } from './parts.js';
import { W } from './words.js';
import Login, { LoginOver } from './screens/login.js';
import { KeyStop } from './screens/key-stop.js';

/** `params`: what the fragment may hold besides scope and range; `scoped`, `ranged`: what the top bar offers; `open`: without login; `fixed`: the screen scrolls its own boxes. */
const SCREENS = new Map(Object.entries({
  overview: { load: () => import('./screens/overview.js'), params: [], scoped: true, ranged: true },
  explore: { load: () => import('./screens/explore.js'), params: ['q', 'cols', 'at', 'order', 'facets', 'table'], scoped: true, ranged: true, fixed: true },
  event: { load: () => import('./screens/event.js'), params: ['segment', 'index', 'leaf'], scoped: true },
  sessions: { load: () => import('./screens/sessions.js'), params: ['q', 'session', 'new'], scoped: true, ranged: true },
  verify: { load: () => import('./screens/verify.js'), params: [], open: true },
  retention: { load: () => import('./screens/retention.js'), params: ['change', 'hold', 'release'], scoped: true },
  people: { load: () => import('./screens/people.js'), params: ['tab', 'give', 'make'], scoped: true },
  live: { load: () => import('./screens/live.js'), params: ['q'], scoped: true, fixed: true },
}));

// Who is logged in is asked at once, and the screen's module fetched meanwhile.
const began = whoAmI();
SCREENS.get(route.value.screen)?.load().catch(() => {});

function Screen({ name, view }) {
  const [got, put] = useState({});
  useEffect(() => {
    let stale = false;
    view.load().then((m) => { if (!stale) put({ name, Of: m.default }); }, (error) => { if (!stale) put({ name, error }); });
    return () => { stale = true; };
  }, [name]);
  useEffect(() => { document.getElementById('main')?.scrollTo(0, 0); }, [name]);
  if (got.name !== name) return null;
  if (got.error) return html`<div class="page"><${ErrorState} error=${{ code: 'module', detail: String(got.error.message) }} again=${() => location.reload()}/></div>`;
  return html`<${got.Of} key=${view.scoped ? scope.value?.id : name}/>`;
}

function App() {
  const { screen } = route.value;
  const view = SCREENS.get(screen);
  const [error, fail] = useState(null);
  useEffect(() => { began.catch(fail).then(() => lookAtKey()); }, []);
  if (error) return html`<main class="page"><${ErrorState} error=${error} again=${() => location.reload()}/></main>`;
  if (evidence.value?.state === 'changed') return html`<${KeyStop}/>`;
  if (me.value === undefined && !view?.open) return null;
  if (screen === 'login' || (me.value === null && !view?.open)) return html`<${Login}/>`;
  return html`<${Frame} view=${view}>${view ? (!view.scoped || scope.value || screen === 'people') && html`<${Screen} name=${screen} view=${view}/>`
    : html`<div class="page"><h1>${W.frame.noScreen}</h1><${Banner} kind="warn">${W.frame.unknown(screen)}<//></div>`}<//>
      ${loginWanted.value && html`<${LoginOver}/>`}`;
}

// A page that comes back from the back/forward cache asks again who is logged in, before it shows anything.
addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });

render(html`<${App}/>`, document.getElementById('app'));
