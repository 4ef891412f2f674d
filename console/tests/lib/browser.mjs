/** Browsers for the tests, which can reach the server under test and nothing else, and what they saw. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
/** Debian's Chromium; the one without windows, where it is installed, is the same engine and starts in a third of the time. */
const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find((file) => existsSync(file)) ?? 'chromium';
/** Any other host does not resolve. */
export const ARGS = [
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--no-sandbox', '--disable-background-networking',
  '--disable-component-update', '--disable-default-apps', '--no-first-run',
];

/** Starts Debian's Chromium. */
export function launch() {
  assert.ok(existsSync(CHROMIUM), `there is no ${CHROMIUM}: CHROMIUM names another one`);
  return chromium.launch({ executablePath: CHROMIUM, args: ARGS });
}

/** Runs in each document before its own code: remembers reports of its policy. */
export function remember() {
  globalThis.__reports = [];
  document.addEventListener('securitypolicyviolation', (e) => {
    globalThis.__reports.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`);
  });
}

/** What a page did that none may do: foreign requests, reports of its policy, dialogs, executed text, errors. */
export class Watch {
  constructor(page, origin) {
    this.page = page;
    this.foreign = [];
    this.dialogs = [];
    this.errors = [];
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(origin + '/') && !/^(data|blob|about):/.test(url)) this.foreign.push(url);
    });
    page.on('dialog', (dialog) => { this.dialogs.push(dialog.message()); dialog.dismiss().catch(() => {}); });
    page.on('pageerror', (error) => this.errors.push(String(error.stack ?? error)));
  }

  /** Returns all of it. */
  async all() {
    const inPage = await this.page.evaluate(() => ({ reports: globalThis.__reports ?? [], xss: globalThis.__xss ?? null }));
    return { foreign: this.foreign, dialogs: this.dialogs, errors: this.errors, ...inPage };
  }

  async clean(where = '') {
    assert.deepEqual(await this.all(), { foreign: [], dialogs: [], errors: [], reports: [], xss: null }, where);
  }
}

/** Opens a page in a profile of its own. `more`: what Playwright's `newContext` accepts. */
export async function open(browser, server, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'UTC', locale: 'en-GB', reducedMotion: 'reduce', ...more });
  await context.addInitScript(remember);
  const page = await context.newPage();
  // No test waits for a time: this is for a machine that is busy with other work.
  page.setDefaultTimeout(90_000);
  count(page);
  const watch = new Watch(page, server.url);
  return { context, page, watch };
}

/** Counts the requests of a page that are not answered yet; a tail never is. */
export function count(page) {
  page.unanswered = new Set();
  page.on('request', (request) => { if (!request.url().endsWith('/v3/tail')) page.unanswered.add(request); });
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => { page.unanswered.delete(request); });
}

/** The page waits this long for the next letter before it asks, in milliseconds, at most. */
const ASKS_AFTER = 300;

/**
 * Waits until a page asks nothing and its text stays as it is, for some frames and for longer than the page itself waits: a
 * timer that was set before is over before a later one of more time.
 */
export async function rest(page) {
  let before;
  let still = 0;
  const end = Date.now() + 90_000;
  while (still < 2) {
    const now = await page.evaluate((after) => new Promise((done) => {
      const look = () => done(document.querySelector('[aria-busy=true]') ? null : document.body.textContent);
      setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(look)), after);
    }), still === 1 ? ASKS_AFTER + 50 : 0);
    still = now !== null && now === before && page.unanswered.size === 0 ? still + 1 : 0;
    before = now;
    if (Date.now() > end) throw new Error(`the page does not come to rest: ${[...page.unanswered].map((request) => request.url())} ${before?.slice(0, 2000)}`);
  }
}

/** Waits until the Verify screen has all that it needs: its worker, and whatever that asked for. */
export async function verifier(page) {
  await page.getByText('Nothing to check yet').waitFor();
  if (!page.workers().length) await page.waitForEvent('worker');
  await rest(page);
}

const entered = new WeakMap();
/** Opens a page, in a profile of its own, of the first user's login that all such pages share. */
export async function enter(browser, server, more = {}) {
  if (!entered.has(server)) {
    entered.set(server, (async () => {
      const { context, page } = await open(browser, server);
      await logIn(page, server);
      const state = await context.storageState();
      await context.close();
      return state;
    })());
  }
  return open(browser, server, { storageState: await entered.get(server), ...more });
}

/** Opens a place of the console anew. */
export async function go(page, server, fragment) {
  await page.goto('about:blank');
  await page.goto(`${server.url}/console/#/${fragment}`);
}

/** Logs in through the form. */
export async function logIn(page, server, { name = server.user, password = server.password } = {}, fragment = '#/') {
  await page.goto(`${server.url}/console/${fragment}`);
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByLabel('Password', { exact: true }).press('Enter');
  await page.getByRole('navigation').first().waitFor();
}

/** Rules that can have another answer in another theme. */
const COLOURS = ['color-contrast', 'link-in-text-block'];
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];

/** Returns axe's violations of the page as lines; with `onlyColours`, those of colours alone. */
export async function axe(page, { onlyColours = false } = {}) {
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(AXE);
  const runOnly = onlyColours ? { type: 'rule', values: COLOURS } : { type: 'tag', values: TAGS };
  const found = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ['violations'] }), runOnly);
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary?.split('\n').slice(1, 2).join('') ?? ''}`));
}
