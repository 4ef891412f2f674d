/** Browsers for the tests, which can reach the server under test and nothing else, and what they saw. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
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
  page.setDefaultTimeout(15_000);
  const watch = new Watch(page, server.url);
  return { context, page, watch };
}

/** Logs in through the form. */
export async function logIn(page, server, { name = server.user, password = server.password } = {}, fragment = '#/') {
  await page.goto(`${server.url}/console/${fragment}`);
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByLabel('Password', { exact: true }).press('Enter');
  await page.getByRole('navigation').first().waitFor();
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];

/** Returns axe's violations of the page as lines. */
export async function axe(page, evaluate = (source, ...args) => page.evaluate(source, ...args)) {
  await evaluate(AXE);
  const found = await evaluate((tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), TAGS);
  return found.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary?.split('\n').slice(1, 2).join('') ?? ''}`));
}
