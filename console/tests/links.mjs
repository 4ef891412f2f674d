/** Each state of a screen is a link: copied, and opened in another profile, it shows the same. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { logIn, open, rest } from './lib/browser.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

let server;
let browser;

/** The clipboard, as the page writes it. */
const clipboard = () => {
  globalThis.__copied = [];
  Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => { globalThis.__copied.push(text); } } });
};

/** Waits until the page is at rest; returns the text of its content. */
async function settled(page) {
  await rest(page);
  return page.locator('main').innerText();
}

const FRAGMENTS = () => [
  `explore?${all(server)}`,
  `explore?${all(server)}&q=outcome:failure`,
  `explore?${all(server)}&q=${encodeURIComponent('-outcome:success "ledger-2026" initiator.name:b*')}&order=oldest`,
  `explore?${all(server)}&cols=time,initiator.host.address,id`,
  `explore?${all(server)}&table=1`,
  `explore?${all(server)}&q=action:delete/bucket&at=${server.place.segment}.${server.place.index}`,
  `explore?${all(server)}&q=nothing-has-this-word`,
  `explore?${all(server)}&q=${encodeURIComponent('(')}`,
  `event?scope=space-${server.space}&segment=${server.place.segment}&index=${server.place.index}&leaf=${encodeURIComponent(server.place.leaf)}`,
  `event?scope=space-${server.space}&segment=${server.place.segment}&index=${server.place.index}&leaf=${encodeURIComponent('A'.repeat(43) + '=')}`,
  `sessions?${all(server)}&new=1`,
  `retention?scope=space-${server.space}`,
  `people?scope=space-${server.space}`,
  `explore?scope=space-00000000-0000-4000-8000-000000000000`,
  `explore?${all(server)}&unknown=1&last=soon`,
];

export default function suite() {
  before(async () => { [server, browser] = await Promise.all([theServer(), theBrowser()]); });

  test('every state reopens from its link, of at most 2,000 characters', async () => {
    const [one, two] = await Promise.all([open(browser, server), open(browser, server)]);
    await one.context.addInitScript(clipboard);
    await Promise.all([logIn(one.page, server), logIn(two.page, server)]);
    for (const fragment of FRAGMENTS()) {
      await one.page.goto('about:blank');
      await one.page.goto(`${server.url}/console/#/${fragment}`);
      const text = await settled(one.page);
      await one.page.locator('body').press('y');
      const link = await one.page.waitForFunction(() => globalThis.__copied.at(-1)).then((handle) => handle.jsonValue());
      assert.ok(link.length <= 2000, link);
      assert.match(link, /[A-Za-z0-9]$/, 'a mail program leaves nothing out of the link');
      await two.page.goto('about:blank');
      await two.page.goto(link);
      assert.equal(await settled(two.page), text, fragment);
    }
    await Promise.all([one.watch.clean(), two.watch.clean()]);
    await Promise.all([one.context.close(), two.context.close()]);
  });

  test('"last 24 h" becomes instants in a copied link', async () => {
    const { context, page } = await open(browser, server);
    await context.addInitScript(clipboard);
    await logIn(page, server, {}, '#/explore?last=24h');
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await page.locator('body').press('y');
    const link = await page.waitForFunction(() => globalThis.__copied.at(-1)).then((handle) => handle.jsonValue());
    assert.match(link, /from=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ&to=\d{4}/);
    assert.doesNotMatch(link, /last=/);
    await context.close();
  });

  test('what a link has that is not known is named, and a scope that is foreign is like one that is not there', async () => {
    const { context, page } = await open(browser, server);
    await logIn(page, server, server.people.auditor, `#/explore?${all(server)}&colour=red&last=soon`);
    await page.getByText(/colour=red/).waitFor();
    assert.match(await page.locator('main').innerText(), /last=soon/);
    const texts = [];
    for (const space of [server.empty, '00000000-0000-4000-8000-000000000000']) {
      await page.goto('about:blank');
      await page.goto(`${server.url}/console/#/explore?scope=space-${space}`);
      texts.push(await settled(page));
    }
    assert.equal(texts[0], texts[1]);
    assert.match(texts[0], /no such scope/);
    await context.close();
  });

  test('a link that was opened while logged out survives the login', async () => {
    const { context, page } = await open(browser, server);
    const fragment = `#/explore?${all(server)}&q=outcome:failure`;
    await logIn(page, server, {}, fragment);
    await page.getByText(/^\d+ of \d+$/).waitFor();
    assert.equal(decodeURIComponent(new URL(page.url()).hash), fragment);
    await context.close();
  });

  test('back undoes a filter, forward applies it again', async () => {
    const { context, page } = await open(browser, server);
    await logIn(page, server, {}, `#/explore?${all(server)}`);
    const whole = await settled(page);
    await page.locator('body').press('/');
    await page.keyboard.type('outcome:failure');
    await page.keyboard.press('Enter');
    const filtered = await settled(page);
    assert.notEqual(filtered, whole);
    await page.goBack();
    assert.equal(await settled(page), whole);
    await page.goForward();
    assert.equal(await settled(page), filtered);
    await context.close();
  });
}
