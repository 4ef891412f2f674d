/** Small screens and large text: nothing scrolls sideways but tables, and targets are large enough. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { axe, enter, go, rest } from './lib/browser.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

let server;
let browser;

const WIDTHS = [320, 390, 820, 1024, 1280];

export default function suite() {
  before(async () => { [server, browser] = await Promise.all([theServer(), theBrowser()]); });

  test(`at ${WIDTHS.join(', ')} pixels no screen is wider than its window`, async () => {
    const { context, page, watch } = await enter(browser, server);
    for (const fragment of ['', `explore?${all(server)}`, `explore?${all(server)}&q=action:delete/bucket`, `sessions?${all(server)}`, `sessions?${all(server)}&new=1`, 'verify', 'retention', 'people', 'live', 'login']) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await go(page, server, fragment);
      await page.locator('main h1').first().waitFor({ state: 'attached' });
      await rest(page);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width < 700 ? 800 : 900 });
        await rest(page);
        const wide = await page.evaluate(() => {
          const over = (e) => e.scrollWidth - e.clientWidth;
          const main = document.querySelector('main');
          return [over(document.documentElement), main ? over(main) : 0];
        });
        assert.ok(wide.every((pixels) => pixels <= 0), `${fragment} at ${width}: ${wide}`);
        if (width === 390) assert.deepEqual(await axe(page), [], `${fragment} at ${width}`);
      }
    }
    await watch.clean();
    await context.close();
  });

  test('at 1280 by 900, 21 rows of Explore are whole', async () => {
    const { context, page } = await enter(browser, server);
    await go(page, server, `explore?${all(server)}`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await rest(page);
    const rows = await page.evaluate(() => {
      const box = document.querySelector('.grid').getBoundingClientRect();
      const foot = document.querySelector('footer.foot')?.getBoundingClientRect().top ?? innerHeight;
      return [...document.querySelectorAll('.grid [role=row]')].map((row) => row.getBoundingClientRect()).filter(({ top, bottom }) => top >= box.top && bottom <= Math.min(box.bottom, foot) + 0.5).length - 1;
    });
    assert.ok(rows >= 21, `${rows} rows`);
    await context.close();
  });
}
