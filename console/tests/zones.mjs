/** Three time zones: days and bytes are the same, local time is only added. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { logIn, open, rest } from './lib/browser.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

const ZONES = ['UTC', 'Asia/Kolkata', 'America/St_Johns'];
let server;
let browser;

async function texts(zone) {
  const { context, page, watch } = await open(browser, server, { timezoneId: zone });
  await context.addInitScript(() => {
    globalThis.__copied = [];
    Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { globalThis.__copied.push(text); } } });
  });
  await logIn(page, server, {}, `#/explore?${all(server)}&q=action:delete/bucket`);
  await page.getByText(/^1 of 1$/).waitFor();
  await page.getByRole('row').filter({ hasText: 'mallory' }).click();
  await page.getByRole('complementary', { name: 'Event', exact: true }).getByText('203.0.113.9').first().waitFor();
  await page.locator('body').press('c');
  const exact = await page.waitForFunction(() => globalThis.__copied[0]).then((handle) => handle.jsonValue());
  const main = async () => { await rest(page); return page.locator('main').innerText(); };
  const utc = await main();
  await page.locator('body').press('u');
  const local = await main();
  await page.locator('body').press('u');
  assert.equal(await main(), utc, 'back in UTC');
  await page.goto('about:blank');
  await page.goto(`${server.url}/console/#/sessions?${all(server)}&new=1`);
  await page.getByLabel('First day (UTC)').waitFor();
  const days = [await page.getByLabel('First day (UTC)').inputValue(), await page.getByLabel('Last day (UTC)').inputValue()];
  await watch.clean(zone);
  await context.close();
  return { exact, utc, local, days };
}

export default function suite() {
  before(async () => { [server, browser] = await Promise.all([theServer(), theBrowser()]); });

  test('days and bytes do not depend on the zone of the machine', async () => {
    const [first, ...others] = await Promise.all(ZONES.map(texts));
    assert.equal(JSON.parse(first.exact).eventTime, server.deletedAt);
    for (const other of others) {
      assert.equal(other.exact, first.exact);
      assert.equal(other.utc, first.utc);
      assert.deepEqual(other.days, first.days);
    }
    // The control: the zones differ where local time is asked for.
    assert.equal(new Set([first, ...others].map(({ local }) => local)).size, ZONES.length);
    const at = new Date(server.deletedAt);
    const kolkata = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kolkata', hour: '2-digit', minute: '2-digit' }).format(at);
    assert.match(others[0].local, new RegExp(kolkata));
  });
}
