/** Each screen in each of its states, in each theme, by axe. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { axe, enter, go, rest } from './lib/browser.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { SCREENS } from './lib/screens.mjs';
import { until } from './lib/server.mjs';

const THEMES = [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', forcedColors: 'active' }];
const problem = (status, code, detail, headers = {}) => ({
  status, headers: { 'Content-Type': 'application/problem+json', ...headers },
  body: JSON.stringify({ code, title: code, status, detail, request_id: '00000000-0000-4000-8000-000000000000' }),
});

/** What the server does in each state, and what the page must then show. */
const STATES = {
  normal: {},
  empty: { empty: true },
  // The answers wait until the state was looked at: after two seconds a panel says what it waits for.
  delayed: { delayed: true, says: /Cancel/ },
  'a 401': { answer: (route) => route.fulfill(problem(401, 'unauthenticated', 'log in')), says: /You were logged out|Log in to/ },
  'a read that cannot be recorded': { answer: (route) => route.fulfill(problem(503, 'unavailable', 'the server could not record this read, so it does not answer it: try again, and see the server\'s log', { 'Retry-After': '9' })), says: /could not be put on record/ },
  'a busy server': { answer: (route) => route.fulfill(problem(503, 'unavailable', 'too many searches are running: try again', { 'Retry-After': '9' })), says: /too many searches are running/, never: /put on record/ },
  cut: { answer: (route) => route.abort('connectionreset'), says: /server did not answer/ },
};

/** Which requests of a screen belong to its panels: not who is logged in, and not the files of the console. */
const isPanel = (url) => url.pathname === '/token_keys' || url.pathname.startsWith('/v3/') && !url.pathname.startsWith('/v3/console/') && url.pathname !== '/v3/keys';

/** The screens by turns in `parts` suites, which run side by side; this is the one with the number `part`. */
export const states = (part, parts) => () => {
  let server;
  let browser;
  before(async () => { [server, browser] = await Promise.all([theServer(), theBrowser()]); });

  for (const [name, { fragment, asks = true, hasEmpty = true, says: own = {} }] of Object.entries(SCREENS).filter((_, i) => i % parts === part)) {
    const states = Object.entries(asks ? STATES : { normal: {} }).filter(([, { empty }]) => !empty || hasEmpty);
    test(`${name}: ${states.map(([state]) => state).join(', ')}, in ${THEMES.length} themes`, async () => {
      const { context, page, watch } = await enter(browser, server);
      for (const [state, { empty, answer, delayed, says, never }] of states) {
        const where = `${name}, ${state}`;
        let goOn = () => {};
        const held = new Promise((done) => { goOn = () => done(undefined); });
        if (answer) await page.route(isPanel, answer);
        if (delayed) await page.route(isPanel, async (route) => { await held; await route.continue().catch(() => {}); });
        await go(page, server, fragment(server, empty ? server.empty : server.space));
        await page.locator('main h1, dialog[open]').first().waitFor({ state: 'attached' });
        if (!delayed) await rest(page);
        const wanted = own[state] ?? says;
        if (wanted) {
          const text = () => page.locator('body').innerText();
          await until(async () => wanted.test(await text()), `${where}: the page says ${wanted}`, 60)
            .catch(async (error) => { throw new Error(`${error.message}\n${(await text()).slice(-1500)}`); });
        }
        if (never) assert.doesNotMatch(await page.locator('main').innerText(), never, where);
        for (const [i, theme] of THEMES.entries()) {
          await page.emulateMedia({ forcedColors: 'none', ...theme });
          // A theme changes colours alone.
          assert.deepEqual(await axe(page, { onlyColours: i > 0 }), [], `${where}, ${JSON.stringify(theme)}`);
        }
        const { foreign, dialogs, errors, reports } = await watch.all();
        assert.deepEqual({ foreign, dialogs, errors, reports }, { foreign: [], dialogs: [], errors: [], reports: [] }, where);
        goOn();
        await page.unrouteAll({ behavior: 'ignoreErrors' });
      }
      await context.close();
    });
  }
};
