/** Two roles that see less: what they may not do is absent. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { logIn, open, rest } from './lib/browser.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

let server;
let browser;

const screens = (page) => page.getByRole('navigation').first().getByRole('link').allInnerTexts().then((names) => names.map((name) => name.trim()).filter(Boolean));

export default function suite() {
  before(async () => { [server, browser] = await Promise.all([theServer(), theBrowser()]); });

  test('an auditor of one space reads it, and changes nothing', async () => {
    const { context, page, watch } = await open(browser, server);
    await logIn(page, server, server.people.auditor, `#/explore?${all(server)}`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    assert.ok((await screens(page)).includes('Explore'));
    // Only the space: neither the account nor the other space is offered.
    await page.getByRole('button', { name: /^Scope/ }).click();
    assert.equal(await page.getByRole('menu').getByText('empty', { exact: true }).count(), 0);
    assert.equal(await page.getByRole('menu').getByText(/whole account/).count(), 0);
    await page.keyboard.press('Escape');
    await page.goto(`${server.url}/console/#/retention?scope=space-${server.space}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await rest(page);
    const buttons = await page.locator('main').getByRole('button').allInnerTexts();
    assert.deepEqual(buttons.filter((name) => /^(Change|Shorten|Set a hold|Set hold|Release|Save)/.test(name.trim())), []);
    // The control: the owner has them.
    await watch.clean();
    await context.close();
    const owner = await open(browser, server);
    await logIn(owner.page, server, {}, `#/retention?scope=space-${server.space}`);
    await rest(owner.page);
    const owners = await owner.page.locator('main').getByRole('button').allInnerTexts();
    assert.ok(owners.some((name) => /hold|Change|Shorten/i.test(name)), owners.join(' | '));
    await owner.context.close();
  });

  test('who may only send sees no events', async () => {
    const { context, page, watch } = await open(browser, server);
    const asked = [];
    page.on('response', (response) => { if (/\/v3\/(search|aggregate|events)/.test(response.url())) asked.push(response.status()); });
    await logIn(page, server, server.people.writer, `#/explore?${all(server)}`);
    await rest(page);
    const names = await screens(page);
    assert.ok(!names.some((name) => ['Overview', 'Explore', 'Sessions', 'Retention', 'Live'].includes(name)), names.join());
    assert.ok(asked.every((status) => status >= 400), asked.join());
    assert.doesNotMatch(await page.locator('main').innerText(), /mallory|anna\.keller/);
    await watch.clean();
    await context.close();
  });

  test('a role that is taken away ends what the page shows with the next request', async () => {
    const { context, page } = await open(browser, server);
    const leaver = await server.addUser('lea', [{ role: 'auditor', space: server.space }]);
    await logIn(page, server, leaver, `#/explore?${all(server)}`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await server.api('DELETE', '/v3/roles', { user: 'lea', role: 'auditor', space: server.space });
    await page.locator('body').press('/');
    await page.keyboard.type('outcome:failure');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => !/mallory|anna\.keller/.test(document.querySelector('main')?.innerText ?? ''));
    await context.close();
  });

  test('logging out ends all tabs, and back shows nothing', async () => {
    const { context, page } = await open(browser, server);
    await logIn(page, server, {}, `#/explore?${all(server)}`);
    await page.getByText(/^\d[\d,]* of \d/).first().waitFor();
    const second = await context.newPage();
    await second.goto(`${server.url}/console/#/explore?${all(server)}`);
    await second.getByText(/^\d[\d,]* of \d/).first().waitFor();
    await page.getByRole('button', { name: 'Your login' }).click();
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.getByLabel('Password', { exact: true }).waitFor();
    await second.getByLabel(/^Password/).waitFor();
    assert.equal((await context.request.get(`${server.url}/v3/events/download?session=${server.session.id}`)).status(), 401);
    await page.goBack().catch(() => {});
    await page.getByLabel('Password', { exact: true }).waitFor();
    assert.doesNotMatch(await page.locator('body').innerText(), /mallory/);
    await context.close();
  });
}
