/** Each screen in each of its states, in each theme, by axe; two test files share it, so that they run side by side. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, launch, logIn, open } from './browser.mjs';
import { all, iso, world } from './world.mjs';

const THEMES = [{ colorScheme: 'light' }, { colorScheme: 'dark' }, { colorScheme: 'light', forcedColors: 'active' }];
const problem = (status, code, detail, headers = {}) => ({
  status, headers: { 'Content-Type': 'application/problem+json', ...headers },
  body: JSON.stringify({ code, title: code, status, detail, request_id: '00000000-0000-4000-8000-000000000000' }),
});

/** What the server does in each state, and what the page must then say. */
const STATES = {
  normal: {},
  empty: { empty: true },
  delayed: { answer: async (route) => { await new Promise((done) => setTimeout(done, 8000)); await route.continue().catch(() => {}); }, settle: 2600 },
  'a 401': { answer: (route) => route.fulfill(problem(401, 'unauthenticated', 'log in')), says: /You were logged out|Log in to/ },
  'a 503': { answer: (route) => route.fulfill(problem(503, 'unavailable', 'the read could not be put on record', { 'Retry-After': '9' })), says: /Retry/ },
  cut: { answer: (route) => route.abort('connectionreset'), says: /Retry|server did not answer|not reached|cut|connection|network/i },
};

/** Which requests of a screen belong to its panels: not who is logged in, and not the files of the console. */
const isPanel = (url) => url.pathname.startsWith('/v3/') && !url.pathname.startsWith('/v3/console/') && url.pathname !== '/v3/keys';

/**
 * Tests screens: `{name: {fragment(server, space), asks, says}}`; `asks` is false for a screen that asks the server nothing, `says` has the
 * words of a state that are its own.
 */
export function suite(screens) {
  let server;
  let browser;
  before(async () => {
    browser = await launch();
    server = await world();
    const sessions = await server.json('GET', '/v3/sessions');
    server.session = sessions[0].id;
    const found = await (await server.api('POST', '/v3/search', { query: 'delete', start: iso(server.from), end: iso(server.to) })).text();
    server.place = JSON.parse(found.split('\n')[0]);
    await server.api('POST', '/v3/holds', { reason: 'case 4711' });
  });
  after(async () => { await browser?.close(); await server?.stop(); });

  for (const [name, { fragment, asks = true, says: own = {} }] of Object.entries(screens)) {
    test(`${name}: ${asks ? Object.keys(STATES).join(', ') : 'normal'}, in ${THEMES.length} themes`, async () => {
      const { context, page, watch } = await open(browser, server);
      await logIn(page, server);
      for (const [state, { empty, answer, settle = 0, says }] of Object.entries(asks ? STATES : { normal: {} })) {
        const where = `${name}, ${state}`;
        if (empty && !fragment.length) continue;
        await page.unrouteAll({ behavior: 'ignoreErrors' });
        if (answer) await page.route(isPanel, answer);
        await page.goto('about:blank');
        await page.goto(`${server.url}/console/#/${fragment(server, empty ? server.empty : server.space)}`);
        await page.locator('main h1, dialog[open]').first().waitFor({ state: 'attached' });
        if (!answer) await page.waitForLoadState('networkidle').catch(() => {});
        await page.waitForTimeout(settle || 300);
        if (says) assert.match(await page.locator('body').innerText(), own[state] ?? says, where);
        for (const theme of THEMES) {
          await page.emulateMedia({ forcedColors: 'none', ...theme });
          assert.deepEqual(await axe(page), [], `${where}, ${JSON.stringify(theme)}`);
        }
        const { foreign, dialogs, errors, reports } = await watch.all();
        assert.deepEqual({ foreign, dialogs, errors, reports }, { foreign: [], dialogs: [], errors: [], reports: [] }, where);
      }
      await context.close();
    });
  }
}

export { all };
