/** The main job: who deleted X, prove it, leave with a proof and with the complete download, and verify both offline. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { logIn, open, verifier } from './lib/browser.mjs';
import { BINARY } from './lib/server.mjs';
import { theBrowser, theServer } from './lib/shared.mjs';
import { all } from './lib/world.mjs';

const run = promisify(execFile);
let server;
let browser;
/** The browser without a picker for files, which no test can press: downloads are then plain links. */
const withoutPicker = () => { delete globalThis.showSaveFilePicker; };

/** Runs `atrail verify`; returns its output. */
async function verify(...args) {
  const env = { ...process.env, XDG_CONFIG_HOME: server.dir, HOME: server.dir };
  const key = (await server.json('GET', '/v3/keys')).key;
  return (await run(BINARY, ['verify', '--key', key, ...args], { env })).stdout;
}

async function saved(download) {
  const file = path.join(server.dir, download.suggestedFilename());
  await download.saveAs(file);
  return file;
}

/** Checks the two files that were saved in the Verify screen, without a network, and by the command line. */
async function verifyOffline(context, page, watch, file, receipt, proof) {
  await page.getByRole('link', { name: 'Verify', exact: true }).first().click();
  await verifier(page);
  await context.setOffline(true);
  await page.locator('input[type=file]').setInputFiles([file, receipt]);
  await page.getByRole('heading', { name: 'Proven', exact: true }).waitFor();
  await page.getByText(/[0-9,]+ events are complete and unmodified/).first().waitFor();
  await page.locator('input[type=file]').setInputFiles([proof]);
  await page.getByText(/event\.proof.*Proven/s).first().waitFor();
  await watch.clean('verified offline');
  assert.match(await verify(file, '--receipt', receipt), /^OK /);
  assert.match(await verify('--proof', proof), /^OK .*\n.*\n.*the-deletion/);
}

export default function suite() {
  before(async () => { [server, browser] = await Promise.all([theServer(), theBrowser()]); });

  test('by mouse: three actions after the login to a proven event, two more to the download', async () => {
    const { context, page, watch } = await open(browser, server, { acceptDownloads: true });
    await context.addInitScript(withoutPicker);
    await logIn(page, server, {}, `#/explore?${all(server)}`);
    // 1: ask.
    await page.getByRole('combobox', { name: 'Query' }).or(page.getByRole('textbox', { name: 'Query' })).fill('action:delete/bucket target.name:ledger-2025');
    await page.keyboard.press('Enter');
    await page.getByText(/^1 of 1$/).waitFor();
    // 2: open.
    await page.getByRole('row').filter({ hasText: 'mallory' }).click();
    const panel = page.getByRole('complementary', { name: 'Event', exact: true });
    await panel.getByText('203.0.113.9').first().waitFor();
    // 3: prove.
    await panel.getByRole('button', { name: 'Prove' }).click();
    await panel.getByText('Recorded at the latest at checkpoint').waitFor();
    const [proof] = await Promise.all([page.waitForEvent('download'), panel.getByRole('button', { name: 'Save event.proof' }).click()]);
    const proofFile = await saved(proof);
    // 4 and 5: the complete download.
    await page.getByRole('link', { name: 'Download with proof' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Create and download' }).click()]);
    const file = await saved(download);
    const [receipt] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /\.receipt$/ }).click()]);
    assert.equal(receipt.suggestedFilename(), `${download.suggestedFilename()}.receipt`);
    await verifyOffline(context, page, watch, file, await saved(receipt), proofFile);
    assert.match(readFileSync(proofFile, 'utf8'), /^c2sp\.org\/tlog-proof@v1\n/);
    await context.close();
  });

  /** Presses Tab until the focused element has this name. */
  async function tabTo(page, name, key = 'Tab') {
    const seen = [];
    for (let i = 0; i < 120; i += 1) {
      await page.keyboard.press(key);
      const now = await page.evaluate(() => {
        const { activeElement: e } = document;
        const labels = e?.labels?.length ? [...e.labels].map((label) => label.innerText).join(' ') : '';
        return (e?.getAttribute('aria-label') || labels || e?.innerText || '').trim();
      });
      if (name.test(now)) return;
      seen.push(now.slice(0, 40));
    }
    assert.fail(`Tab does not reach ${name}: ${seen.join(' | ')}`);
  }

  test('by keyboard alone', async () => {
    const { context, page, watch } = await open(browser, server, { acceptDownloads: true });
    await context.addInitScript(withoutPicker);
    await context.addInitScript(() => addEventListener('pointerdown', () => { globalThis.__pointer = true; }, true));
    const keys = page.keyboard;
    await page.goto(`${server.url}/console/#/explore?${all(server)}`);
    await page.getByLabel('Name', { exact: true }).waitFor();
    // The first field has the focus.
    await keys.type(server.user);
    await keys.press('Tab');
    await keys.type(server.password);
    await keys.press('Enter');
    await page.getByText(/of 2,001$/).waitFor();
    // The histogram: arrows move, Shift selects, Enter zooms in; back undoes it.
    await tabTo(page, /\d\d:00.*events/);
    for (const key of ['ArrowRight', 'ArrowRight', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Enter']) await keys.press(key);
    await page.waitForFunction(() => !/of 2,001$/m.test(document.querySelector('main').innerText));
    await page.goBack();
    await page.getByText(/of 2,001$/).waitFor();
    await keys.press('/');
    await keys.type('action:delete/bucket target.name:ledger-2025');
    await keys.press('Enter');
    await page.getByText(/^1 of 1$/).waitFor();
    await keys.press('Escape');
    await tabTo(page, /Events/);
    await keys.press('j');
    await keys.press('Enter');
    const panel = page.getByRole('complementary', { name: 'Event', exact: true });
    await panel.getByText('203.0.113.9').first().waitFor();
    await keys.press('p');
    await panel.getByText('Recorded at the latest at checkpoint').waitFor();
    await tabTo(page, /^Save event\.proof$/);
    const [proof] = await Promise.all([page.waitForEvent('download'), keys.press('Enter')]);
    const proofFile = await saved(proof);
    await keys.press('Escape');
    await panel.waitFor({ state: 'detached' });
    await tabTo(page, /^Download with proof$/, 'Shift+Tab');
    await keys.press('Enter');
    await page.getByRole('button', { name: 'Create and download' }).waitFor();
    await tabTo(page, /^Create and download/);
    const [download] = await Promise.all([page.waitForEvent('download'), keys.press('Enter')]);
    const file = await saved(download);
    await page.getByRole('link', { name: /\.receipt$/ }).waitFor();
    await tabTo(page, /\.receipt$/);
    const [receipt] = await Promise.all([page.waitForEvent('download'), keys.press('Enter')]);
    const receiptFile = await saved(receipt);
    assert.equal(await page.evaluate(() => globalThis.__pointer), undefined, 'no pointer was used');
    // Files are chosen in a dialog of the system, which no test can press.
    await keys.press('g');
    await keys.press('v');
    await page.getByText('Nothing to check yet').waitFor();
    await verifyOffline(context, page, watch, file, receiptFile, proofFile);
    await context.close();
  });
}
