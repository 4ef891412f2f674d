/** At least 500 events whose text tries to be more: nothing runs, nothing is fetched, and what is copied is what is stored. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { axe, enter, go, rest } from './lib/browser.mjs';
import { ALL, theBrowser, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

let server;
let browser;

const clipboard = () => {
  globalThis.__copied = [];
  Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { globalThis.__copied.push(text); } } });
};

export default function suite() {
  before(async () => { [server, browser] = await Promise.all([theServer(), theBrowser()]); });

  test('each event is walked by key; its exact bytes are copied as they are stored', async () => {
    assert.ok(server.lines.length >= 500, `${server.lines.length} events`);
    const { context, page, watch } = await enter(browser, server);
    await context.addInitScript(clipboard);
    await go(page, server, `explore?${all(server, server.hostile)}&q=${encodeURIComponent('id:hostile-* OR id:odd-*')}`);
    const count = server.lines.length;
    await page.getByText(new RegExp(`of ${count}$`)).waitFor();
    await rest(page);
    await page.getByRole('row').nth(1).click();
    const panel = page.getByRole('complementary', { name: 'Event', exact: true });
    await panel.getByRole('button', { name: 'Copy exact' }).waitFor();
    const copied = await page.evaluate(async (count) => {
      const moment = () => new Promise((done) => { setTimeout(done, 5); });
      const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      const leaf = () => document.querySelector('.exact .leaf code')?.textContent ?? '';
      const lines = [];
      let last = '';
      for (let i = 0; i < count; i += 1) {
        // The hash is that of the event that is shown: it changes with the event.
        for (let tries = 0; tries < 2000 && (leaf() === '' || leaf() === last); tries += 1) await moment();
        if (leaf() === last) break;
        last = leaf();
        const had = globalThis.__copied.length;
        press('c');
        for (let tries = 0; tries < 2000 && globalThis.__copied.length === had; tries += 1) await moment();
        lines.push(globalThis.__copied.at(-1));
        press(']');
      }
      return lines;
    }, count);
    const stored = new Set(server.lines);
    const all_ = new Set(copied);
    const missing = server.lines.filter((line) => !all_.has(line));
    const other = copied.filter((line) => !stored.has(line));
    assert.deepEqual([missing.length, other.length], [0, 0], `${missing[0]?.slice(0, 300)} ${other[0]?.slice(0, 300)}`);
    await watch.clean('walked');
    await context.close();
  });

  test('no screen runs it', async () => {
    const { context, page, watch } = await enter(browser, server);
    const odd = ['odd-long-1', 'odd-long-2', 'odd-number-0', 'odd-repeat-1', 'odd-proto', 'odd-deep-1', 'odd-string-0', 'hostile-0', 'hostile-333'];
    const fragments = [
      `?scope=space-${server.hostile}`, `explore?${all(server, server.hostile)}`, `explore?${all(server, server.hostile)}&table=1`,
      `explore?${all(server, server.hostile)}&cols=time,who,initiator.host.agent,tags,attachments,target`,
      `explore?${all(server, server.hostile)}&q=${encodeURIComponent(`"<script>globalThis.__xss=1</script>" <img src=x onerror=globalThis.__xss=1>`)}`,
      `sessions?${all(server, server.hostile)}&new=1&q=${encodeURIComponent('<img src=x onerror=globalThis.__xss=1>')}`,
      `retention?scope=space-${server.hostile}`, `people?scope=space-${server.hostile}`, `live?scope=space-${server.hostile}`,
      `explore?${encodeURIComponent('<img src=x onerror=globalThis.__xss=1>')}=1`, `${encodeURIComponent('<img src=x onerror=globalThis.__xss=1>')}`,
      `login?link=${encodeURIComponent('"><script>globalThis.__xss=1</script>')}`, `login?problem=${encodeURIComponent('<img src=x onerror=globalThis.__xss=1>')}`,
    ];
    for (const fragment of fragments) {
      await go(page, server, fragment);
      await page.locator('main').first().waitFor();
      await rest(page);
      await watch.clean(fragment);
    }
    for (const id of odd) {
      await go(page, server, `explore?${all(server, server.hostile)}&q=id:${id}`);
      await page.getByText(/^1 of 1$/).waitFor();
      await page.getByRole('row').nth(1).click();
      await page.getByRole('button', { name: 'Pretty' }).click();
      await page.getByRole('button', { name: 'Prove' }).click();
      await page.getByText('Recorded at the latest at checkpoint').waitFor();
      assert.deepEqual(await axe(page), [], id);
      await watch.clean(id);
    }
    assert.equal(await page.evaluate(() => ({}).polluted ?? null), null);
    await context.close();
  });

  test('an outcome that is longer than its column ends in it', async () => {
    const { context, page } = await enter(browser, server);
    await go(page, server, `explore?${all(server, server.hostile)}`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await rest(page);
    const beyond = (maxWidth) => page.evaluate((maxWidth) => [...document.querySelectorAll('.gbody .c-outcome')].filter((cell) => {
      const outcome = cell.querySelector('.outcome');
      outcome.style.maxWidth = maxWidth;
      outcome.querySelector('bdi').textContent = 'an outcome that is much longer than its column';
      return outcome.getBoundingClientRect().right > cell.getBoundingClientRect().right;
    }).length, maxWidth);
    assert.equal(await beyond(''), 0);
    assert.ok(await beyond('none') > 10, 'the control: without the rule it is noticed');
    await context.close();
  });

  test('odd characters are marks, large events are drawn in part, and numbers keep their digits', async () => {
    const { context, page } = await enter(browser, server);
    const shown = async (id) => {
      await go(page, server, `explore?${all(server, server.hostile)}&q=id:${id}`);
      await page.getByText(/^1 of 1$/).waitFor();
      await page.getByRole('row').nth(1).click();
      const pre = page.getByLabel('The stored line').locator('pre').or(page.locator('pre.bytes')).first();
      await pre.waitFor();
      return pre;
    };
    assert.match(await (await shown('odd-number-0')).innerText(), /"amount":9007199254740993\}/);
    const long = await shown('odd-long-2');
    assert.match(await long.innerText(), /U\+202E/);
    assert.ok((await long.innerText()).length < 600_000, 'not all of it at once');
    const raw = await page.evaluate(() => document.querySelector('main').textContent.includes('\u202e'));
    assert.equal(raw, false, 'no character that turns text is drawn');
    await context.close();
  });
}
