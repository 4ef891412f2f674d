/**
 * What each screen is to somebody who hears it: the tree of its roles and names, compared with `snapshots/`.
 *
 * UPDATE_SNAPSHOTS=1 writes them. SHOTS=FOLDER also writes a picture of each screen, light and dark, at 1280 and 360 pixels,
 * for people to look at: no two machines draw the same pixels, so nothing compares them.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { enter, go, open, rest } from './lib/browser.mjs';
import { SCREENS } from './lib/screens.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

const FOLDER = path.join(import.meta.dirname, 'snapshots');
const IS_UPDATE = process.env.UPDATE_SNAPSHOTS === '1';
const { SHOTS } = process.env;

/** What is another in each run, in place of which a name stands; days of the world of the tests stay. */
const NAMES = [
  [/127\.0\.0\.1:\d+/g, 'HOST'],
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'GUID'],
  [/\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}/g, '+KEY'],
  [/\batrail-[0-9a-f]{8}\b/g, 'SERVER'],
  [/\b[0-9a-f]{4}…[0-9a-f]{4}\b/g, 'SEGMENT'], [/\b[0-9a-f]{6}…[0-9a-f]{4}\b/g, 'HEX'],
  [/[A-Za-z0-9+/_-]{43}=?(?![A-Za-z0-9+/])/g, 'HASH'],
  [/\b[0-9a-f]{32,64}\b/g, 'HEX'], [/\b([0-9a-f]{8}|[0-9a-f]{16})\b/g, 'ID'], [/\bak_\w+/g, 'KEY_ID'],
  [/\b20(?!25-06-0[34])\d\d-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?)?/g, 'TIME'],
  [/(?<![\d-])(?!06-0[34])\d\d-\d\dT\d\d:\d\d(:\d\d)?Z?/g, 'TIME'], [/\bnever\b/g, 'TIME'],
  [/\b\d{1,2} (Jan|Feb|Mar|Apr|May|Jul|Aug|Sep|Oct|Nov|Dec)( \d\d:\d\d)?/g, 'DAY'],
  [/\b\d[\d,.]* (bytes|KiB|MiB)\b/g, 'SIZE'], [/\b\d+ (d|h|min|s)( \d+ (h|min|s))?\b/g, 'SPAN'],
];

const known = (tree) => NAMES.reduce((text, [pattern, name]) => text.replace(pattern, name), tree);

export default function suite() {
  let server;
  let browser;
  before(async () => {
    [server, browser] = await Promise.all([theServer(), theBrowser()]);
    mkdirSync(FOLDER, { recursive: true });
  });

  const seen = new Set();
  async function same(name, locator) {
    const file = path.join(FOLDER, `${name.replaceAll(/[^a-z0-9]+/g, '-')}.yml`);
    seen.add(path.basename(file));
    const tree = `${known(await locator.ariaSnapshot())}\n`;
    if (IS_UPDATE) writeFileSync(file, tree);
    assert.ok(existsSync(file), `there is no ${file}: UPDATE_SNAPSHOTS=1 writes it`);
    assert.equal(tree, readFileSync(file, 'utf8'), `${name} is another one to who hears it: UPDATE_SNAPSHOTS=1 accepts that`);
  }

  async function shots(page, name) {
    if (!SHOTS) return;
    for (const [width, height] of [[1280, 900], [360, 800]]) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await rest(page);
        await page.screenshot({ path: path.join(SHOTS, `${name.replaceAll(/[^a-z0-9]+/g, '-')}-${width}-${colorScheme}.png`), timeout: 90_000 });
      }
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
  }

  test('each screen is the tree of roles and names that it was', async () => {
    const { context, page } = await enter(browser, server);
    for (const [name, { fragment }] of Object.entries(SCREENS)) {
      await go(page, server, fragment(server, server.space));
      await page.locator('main h1').first().waitFor({ state: 'attached' });
      await rest(page);
      // The suites beside this one log in, too.
      if (name !== 'logins') await same(name, page.locator('main'));
      await shots(page, name);
    }
    await go(page, server, `explore?${all(server)}`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await rest(page);
    await same('frame', page.getByRole('banner').or(page.getByRole('navigation')).first());
    await page.getByRole('button', { name: 'Show as a table' }).click();
    await rest(page);
    await same('histogram as a table', page.getByRole('region', { name: /table/i }).first());
    await page.locator('body').press('?');
    await page.getByRole('dialog').waitFor();
    await same('the keys', page.getByRole('dialog'));
    await shots(page, 'the keys');
    await context.close();
    const out = await open(browser, server);
    await go(out.page, server, '');
    await out.page.getByLabel('Password', { exact: true }).waitFor();
    await rest(out.page);
    await same('login', out.page.locator('body'));
    await shots(out.page, 'login');
    await out.context.close();
    // A control: another tree is noticed, and no file is left of a screen that is no more.
    assert.notEqual(known('- heading "Explore"'), known('- heading "Overview"'));
    assert.deepEqual(readdirSync(FOLDER).filter((file) => !seen.has(file)), []);
  });
}
